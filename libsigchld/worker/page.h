/* page.h - what a worker and its parent tell each other without a call; see
 * page.c */
#ifndef SIGCHLD_WORKER_PAGE_H
#define SIGCHLD_WORKER_PAGE_H

#include <stdatomic.h>
#include <stdint.h>

/*
 *	w	written by the worker alone
 *	p	written by the parent alone
 */
struct sigchld__page {
	_Atomic uint64_t begun;    /* [w] the request that it has begun */
	_Atomic uint64_t begun_ms; /* [w] when; 0: it has nothing to do */
	_Atomic uint64_t served;   /* [w] requests */
	_Atomic uint64_t beats;    /* [w] */
	_Atomic uint64_t idle_ms;  /* [w] since when it has nothing to do */
	_Atomic int32_t status;    /* [w] of the reply that follows */
	_Atomic uint32_t plan;     /* [w] why it goes: enum sigchld_reason */
	_Atomic uint32_t stop;     /* [p] it is to go */
};

/* Those of a pool. All zero at first. */
struct sigchld__pages {
	struct sigchld__sheet *sheets;
};

/* Zeroed, and shared with whoever is forked until it is closed. -ENOMEM, or (in
 * the portable build) -EMFILE, -ENFILE. */
int sigchld__page_open(struct sigchld__pages *pages,
    struct sigchld__page **ret_page);
void sigchld__page_close(struct sigchld__page *page);
void sigchld__page_free(struct sigchld__pages *pages,
    struct sigchld__page *page);
void sigchld__pages_free(struct sigchld__pages *pages);

#endif
