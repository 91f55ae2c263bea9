/* deferral.h - the users of SIGCHLD, and how a signal handler walks them; the
 * protocol and its proof are in deferral.c */
#ifndef SIGCHLD_ASYNC_DEFERRAL_H
#define SIGCHLD_ASYNC_DEFERRAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "async/selfpipe.h"

/*
 * Somebody to wake, inside his context.
 *
 *	W	the deferral word of the list
 *	I	immutable while the user is on a list
 *	a	atomic
 */
struct sigchld__user {
	struct sigchld__user *next;    /* [W] */
	struct sigchld__user **link;   /* [W] what points at us; NULL: off */
	struct sigchld__selfpipe pipe; /* [I] */
	bool every;                    /* [W] tell him of each SIGCHLD */
	atomic_bool awake;             /* [a] see P1 in deferral.c */
	atomic_bool asleep;            /* [a] see E1 there */
	_Atomic(const void *) sleeper; /* [a] the thread; only a hint */
	atomic_bool told;              /* [a] look at all, not just at some */
	atomic_int fault;              /* [a] -errno of a failed write, or 0 */
	atomic_ulong wakeups;          /* [a] writes; only a count */
};

struct sigchld__users {
	bool elects;                /* [I] one looks for all: see E1 */
	atomic_uint word;           /* [a] W */
	atomic_uint owed;           /* [a] signals since a sweep began */
	atomic_bool everybody;      /* [a] the next walk tells each */
	struct sigchld__user *head; /* [W] */
	atomic_ulong walks;         /* [a] only a count */
	atomic_ulong deferred;      /* [a] only a count */
};

/* Woken by the SIGCHLD handler; by sigchld_occurred(NULL); by any
 * sigchld_occurred, because somebody waits for one child. */
extern struct sigchld__users sigchld__signal_users;
extern struct sigchld__users sigchld__app_users;
extern struct sigchld__users sigchld__waiting_users;

/* For editors: lock, hold one list or more, edit, release, unlock. */
void sigchld__users_lock(void);
void sigchld__users_unlock(void);
void sigchld__users_hold(struct sigchld__users *users);
void sigchld__users_release(struct sigchld__users *users);
void sigchld__users_add(struct sigchld__users *users,
    struct sigchld__user *user);
void sigchld__users_remove(struct sigchld__users *users,
    struct sigchld__user *user);

/* With M: hold, add or remove, release. */
void sigchld__users_join(struct sigchld__users *users,
    struct sigchld__user *user);
void sigchld__users_leave(struct sigchld__users *users,
    struct sigchld__user *user);

/* With M: tell this user of each SIGCHLD, or only if need be. */
void sigchld__users_every(struct sigchld__users *users,
    struct sigchld__user *user, bool every);

/* A SIGCHLD came: see to it that somebody looks, or leave it to whoever holds
 * the list just now. Async-signal-safe, never waits. */
void sigchld__users_walk(struct sigchld__users *users);

/* Tell everybody, on behalf of nobody's signal: not counted. */
void sigchld__users_poke(struct sigchld__users *users);

/* Around a sleep on this user's self-pipe; and after it, before anything that
 * may wait: is a sweep owed? If so it is the caller's duty now. */
void sigchld__user_doze(struct sigchld__user *user);
void sigchld__user_rouse(struct sigchld__user *user);
bool sigchld__users_take_owed(struct sigchld__users *users);

/* Wake one. Async-signal-safe. The caller sees to it that the user stays. */
void sigchld__user_wake(struct sigchld__user *user);

/* Wake one, to look at all its children: what a walk does to each. */
void sigchld__user_tell(struct sigchld__user *user);

/* The reader's part of P1: between drain and look. True: he was told to look at
 * all. */
bool sigchld__user_asleep(struct sigchld__user *user);

/* In a forked child, where no other thread is: all as at the start. */
void sigchld__users_reset(void);

#endif
