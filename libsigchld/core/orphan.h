/* orphan.h - an orphan that belongs to the tree of a child; see orphan.c */
#ifndef SIGCHLD_CORE_ORPHAN_H
#define SIGCHLD_CORE_ORPHAN_H

#include <stdbool.h>

#include <sigchld.h>

struct sigchld__run;

/* Say of a zombie, in its event, to which tree it belonged. */
void sigchld__orphan_classify(struct sigchld_event *event);

enum sigchld__orphan {
	SIGCHLD__ORPHAN_NOBODYS, /* no child asked for its like */
	SIGCHLD__ORPHAN_ROUTED,  /* its owner is told */
	SIGCHLD__ORPHAN_LATER,   /* it must wait for the next SIGCHLD */
};

/* Give a classified zombie that nobody watches to the child it belongs to. No
 * lock but C of the context that has the strays. */
enum sigchld__orphan sigchld__orphan_route(const struct sigchld_event *event);

/* With C: one of which there is news, not among the children yet. */
void sigchld__orphan_adopt(struct sigchld_child *orphan);

/* With C: tell its owner, then reap it. It is off the queue. */
void sigchld__orphan_deliver(struct sigchld__run *run,
    struct sigchld_child *orphan);

/* With C: its context is closed, so it is nobody's again. */
void sigchld__orphan_abandon(struct sigchld_child *orphan);

#endif
