/* fdtab.h - the descriptor table: who owns a descriptor, who holds it; see
 * fdtab.c for the rules */
#ifndef SIGCHLD_ASYNC_FDTAB_H
#define SIGCHLD_ASYNC_FDTAB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SIGCHLD__FD_GROUPS 65535u /* 1 to this; 0 is nobody */
#define SIGCHLD__FD_MAX    0x7fffffff

/*
 *	w	the word's rules: see fdtab.c
 *	R	read and written only under a reference, or by the claimer
 *	a	atomic
 */
struct sigchld__fdentry {
	_Atomic uint32_t word;    /* [a] count << 16 | owner */
	_Atomic uint32_t next;    /* [a] the group that gets it, or 0 */
	_Atomic uint32_t running; /* [a] the group that runs ready, or 0 */
	_Atomic uint32_t events;  /* [a] what ready waits for */
	uint32_t generation;      /* [R] */
	bool keep_open;           /* [R] the last one does not close it */
	bool internal;            /* [R] one of the library's own */
	void (*ready)(void);      /* [R] whatever its owner makes of it */
	void *user;               /* [R] */
};

/* What an entry says besides its word. */
struct sigchld__fdinfo {
	uint32_t events;
	bool internal;
	void (*ready)(void);
	void *user;
};

/* The entry of a descriptor, or NULL: nothing near it was ever inserted. */
struct sigchld__fdentry *sigchld__fd_entry(int fd);

/* Insert, in two steps, under the no-fork lock: between them nobody can grab.
 * -EBUSY: the word is not zero; -EINVAL: no descriptor; -ENOMEM. */
int sigchld__fd_claim(int fd, const struct sigchld__fdinfo *info,
    uint32_t *ret_generation);
void sigchld__fd_publish(int fd, uint32_t group);
void sigchld__fd_unclaim(int fd);

/* 0, or -EBADF: group does not own it; -EOVERFLOW: too many hold it. */
int sigchld__fd_grab(int fd, uint32_t group);

/* The same for whoever has an identity: gives the owner it found. -EBADF,
 * -ESTALE: another descriptor by now; -EOVERFLOW. */
int sigchld__fd_grab_generation(int fd, uint32_t generation,
    uint32_t *ret_group);

/* With a reference: take the owner away. -EBADF: somebody else did. */
int sigchld__fd_disown(int fd, uint32_t group);

enum sigchld__fd_drop {
	SIGCHLD__FD_DROPPED, /* others hold it, or its owner keeps it */
	SIGCHLD__FD_CLOSED,  /* we were the last of one without an owner */
	SIGCHLD__FD_MOVING,  /* you were the last, it is to move, and you hold
			      * it again: reown() it, then drop again */
};

/* -EINVAL: nobody holds it. */
int sigchld__fd_drop(int fd);

/* Of one that you hold, under the no-fork lock. True: it is out of the table, and
 * you close it before you leave the lock. False: others hold it too. */
bool sigchld__fd_take(int fd, uint32_t group);

/* After MOVING: the owner becomes `to'. False: no longer the only one. */
bool sigchld__fd_reown(int fd, uint32_t from, uint32_t to);

uint32_t sigchld__fd_owner(int fd);

/* Call fn for each descriptor that stands in the table. */
void sigchld__fd_foreach(void (*fn)(int fd, struct sigchld__fdentry *entry,
			     void *user),
    void *user);

/* In a forked child, where no other thread is: close all, and begin an empty
 * table. No reference to the old one counts any more. */
void sigchld__fd_close_all(void);

#endif
