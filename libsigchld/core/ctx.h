/* ctx.h - contexts and their children, from inside; see ctx.c and child.c */
#ifndef SIGCHLD_CORE_CTX_H
#define SIGCHLD_CORE_CTX_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <sigchld.h>
#include <sigchld/fd.h>

#include "async/deferral.h"
#include "core/poller.h"

/*
 * The life of a child.
 *
 *	WATCHED	alive, or its death is not seen yet
 *	ENDED	its final event is known and waits for a dispatch, or for
 *		sigchld_child_wait; if we know of it by waiting, it is a zombie
 *		still, and the pid its own
 *	GONE	the event was given and the zombie reaped; the object remains
 *		while somebody holds it
 */
enum sigchld__state {
	SIGCHLD__WATCHED,
	SIGCHLD__ENDED,
	SIGCHLD__GONE,
};

/*
 *	I	immutable once it is watched
 *	C	its context's lock
 *	T	the registry's lock
 *	a	atomic
 *
 * What is [C, T] is written with both, so either is enough to read it. What is
 * atomic besides is read without a lock by a forked child, whatever another
 * thread was doing.
 */
struct sigchld_child {
	_Atomic(struct sigchld_ctx *) ctx; /* [C, T] holds a reference; a move
					    * has the C of both */
	uint32_t generation;               /* [I] of the process it is of */
	pid_t pid;                         /* [I] */
	uint32_t flags;                    /* [I] SIGCHLD_CHILD_*, and ours */
	uint32_t state;                    /* [C] enum sigchld__state */
	void *user;                        /* [C] */
	sigchld_event_fn *on_event;        /* [C] */
	sigchld_gone_fn *on_gone;          /* [C] of a discarded one */

	_Atomic(struct sigchld_child *) next; /* [C] children of ctx */
	struct sigchld_child *prev;           /* [C] */
	struct sigchld_child *queue_next;     /* [C] */
	struct sigchld_child *pid_next;       /* [T] */
	struct sigchld_child *news_next;      /* [T] */
	struct sigchld_child **news_link; /* [T] what points at us; or NULL */
	_Atomic(struct sigchld_child *) birth_next; /* [T] */
	struct sigchld_child *tree_next;   /* [T] who asks for its cgroup */
	struct sigchld_child **tree_link;  /* [T] the same; or NULL */
	struct sigchld_child *sweep_next;  /* [C, T] */
	struct sigchld_child **sweep_link; /* [C, T] the same; or NULL */

	struct sigchld_fdref pidfd; /* [C] fd -1: none */
	unsigned long forks_at_add; /* [C] see pidfd.c */
	volatile int born_pidfd;    /* of a birth; see birth.c */
	bool silent;                /* [I] it sends no SIGCHLD */
	bool copied;                /* [C] there are copies of the pidfd here */
	bool polled;                /* [C] the pidfd tells its death */
	bool depends;               /* [C] on the signal; see depend.c */
	bool guarded;               /* [C] the handler keeps its zombie */
	bool counts_stops;          /* [C] the handler is told of stops */
	bool unborn;                /* [C] reserved, but not admitted */
	bool in_registry;           /* [T] */
	bool moving;                /* [T] to another context */
	bool linked;                /* [C] among ctx's children */
	bool queued;                /* [C] has something to tell */
	bool held;                  /* [C] the user has a pointer */
	bool released;              /* [C] nobody wants to know */
	bool discarded;             /* [C] only on_gone does */
	bool calling;               /* [C] a callback of it runs */
	bool has_stop;              /* [C] stop holds */
	bool stopping;              /* [C] sigchld_child_stop was called */

	struct sigchld_child *owner;    /* [I] of an orphan; see orphan.c */
	atomic_uint n_orphans;          /* [a] that will be told to it */
	uint64_t cgroup;                /* [I] its own, or 0 */
	unsigned int asks;              /* [C] see look.c */
	int64_t ask_at;                 /* [C] ms, or 0 */
	unsigned int pins;              /* [C] calls that use it just now */
	struct sigchld__waiter *waiter; /* [C, T] */
	int64_t kill_at;                /* [C] ms, or 0 */
	uint64_t walks_at_birth;        /* [I] see health.c */
	struct sigchld_event event;     /* [C] the final one */
	struct sigchld_event stop;      /* [C] */
	atomic_bool ended;              /* [a] a hint: no need to peek */
	atomic_bool deaf;               /* [a] was let go: asks no more */
	atomic_bool displaced;          /* [a] its pid is another's */
	atomic_bool reported;           /* [a] sigchld_reaped; after it: */
	int reported_wstatus;           /* [T] until reported is set */
};

#define SIGCHLD__CHILD_GROUP 0x100u /* signals go to its process group */
#define SIGCHLD__CHILD_OWN \
	0x200u /* on_event is a floor's above: it is called with
				     * C, which it keeps, and nobody else sees
				     * this child */
#define SIGCHLD__CHILD_FLAGS \
	(SIGCHLD_CHILD_STOPS | SIGCHLD_CHILD_DESCENDANTS | SIGCHLD_CHILD_RUSAGE)

/* A walker over a context's children that may change under him. */
struct sigchld__cursor {
	struct sigchld__cursor *up;
	struct sigchld_child *next;
};

#define SIGCHLD__FAULTS  4
#define SIGCHLD__RETIRED 64

enum {
	SIGCHLD__KILL_AT,  /* stop.c */
	SIGCHLD__SWEEP_AT, /* health.c */
	SIGCHLD__ASK_AT,   /* look.c */
	SIGCHLD__TIMER_AT, /* timer.c */
	SIGCHLD__DEADLINES
};

struct sigchld__fault {
	const char *what;
	int err;
};

struct sigchld_ctx {
	pthread_mutex_t lock;           /* C */
	pthread_cond_t calm;            /* a callback or a dispatch is over */
	unsigned int n_awaiting;        /* [C] who wait for that */
	uint32_t generation;            /* [I] of the process that opened it */
	uint32_t group;                 /* [I] in the descriptor table */
	atomic_uint refs;               /* [a] its user, children, calls */
	struct sigchld_options options; /* [C] */
	struct sigchld__user user;
	struct sigchld__poller poller;
	struct sigchld_fdref epoll_ref, read_ref, write_ref,
	    timer_ref; /* [C] */

	_Atomic(struct sigchld_child *) children; /* [C] */
	struct sigchld_child *queue, **queue_end; /* [C] */
	struct sigchld__cursor *cursors;          /* [C] */
	struct sigchld_child *news;               /* [T] to be looked at */
	struct sigchld_child *sweep;              /* [C, T] who depend on the
						   * signal */
	unsigned int n_children;                  /* [C] */
	unsigned int n_unborn;                    /* [C] births under way, which
						   * the next two count, too */
	unsigned int n_depend;                    /* [C] on the signal */
	unsigned int n_guarded;                   /* [C] on the handler alone */
	unsigned int n_stops;                     /* [C] want stops told, too */
	unsigned int n_polled;                    /* [C] are on a pidfd */
	unsigned int n_retired;                   /* [C] pidfds to be closed */
	struct sigchld_fdref retired[SIGCHLD__RETIRED];
	struct sigchld__users *list;           /* [C] the one we are on */
	bool holds_handler;                    /* [C] */
	bool subreaper;                        /* [C] we made it one */
	atomic_bool closed;                    /* [a] written under C */
	bool finished;                         /* [C] descriptors are gone */
	bool dispatching;                      /* [C] */
	bool delivering;                       /* [C] ... and not asleep */
	bool must_look;                        /* of whoever dispatches */
	int64_t deadlines[SIGCHLD__DEADLINES]; /* [C] ms, or 0 */
	int64_t next_deadline;                 /* [C] the first of them */
	struct sigchld__timer *timers;         /* [C] see timer.c */
	struct sigchld__timer *timers_late;    /* [C] for the next dispatch */
	uint64_t timers_set;                   /* [C] so far */
	int64_t timers_now;    /* [C] ms, while they are called, or 0 */
	int sweep_ms;          /* [C] see health.c */
	unsigned int n_faults; /* [C] */
	struct sigchld__fault faults[SIGCHLD__FAULTS];
	struct sigchld_stats stats; /* [C] those that are counted here */
};

/* ctx.c */

/* What each call on a context asks first: 0, -EINVAL, -EPERM. No lock. */
int sigchld__ctx_check(const struct sigchld_ctx *ctx);
bool sigchld__ctx_forked(const struct sigchld_ctx *ctx);
void sigchld__ctx_lock(struct sigchld_ctx *ctx);
void sigchld__ctx_unlock(struct sigchld_ctx *ctx);
void sigchld__ctx_ref(struct sigchld_ctx *ctx);
void sigchld__ctx_unref(struct sigchld_ctx *ctx);

/* In a forked child: n references of calls that were under way. */
void sigchld__ctx_unref_forked(struct sigchld_ctx *ctx, unsigned int n);

/* With C: wait for a callback or a dispatch to be over, until (ms, -1 for ever)
 * at most. False: the time has come. */
bool sigchld__ctx_await_calm(struct sigchld_ctx *ctx, int64_t until);

/* With C: it is. */
void sigchld__ctx_calm(struct sigchld_ctx *ctx);

/* With C: what the dispatch that was running when it was closed leaves to be
 * done. */
void sigchld__ctx_finish(struct sigchld_ctx *ctx);

/* With C: remember a fault for on_fault. */
void sigchld__ctx_fault(struct sigchld_ctx *ctx, const char *what, int err);

/* need.c, with C: be on the users list, and hold the handler, exactly if that
 * is needed. -EBUSY, -ENOMEM: it cannot be had; then nothing has changed. */
int sigchld__ctx_need(struct sigchld_ctx *ctx);
void sigchld__ctx_stops(struct sigchld_ctx *ctx, int more);

/* options.c: copy and check. */
int sigchld__options_read(struct sigchld_options *ret_options,
    const struct sigchld_options *options);

/* child.c */

struct sigchld_child *sigchld__child_new(struct sigchld_ctx *ctx,
    uint32_t flags, bool held, sigchld_event_fn *on_event, void *user);

/* It was never watched. Gives up the context's reference. */
void sigchld__child_drop(struct sigchld_child *child);

/* Asked of itself: the context that it has may be another any moment. */
bool sigchld__child_forked(const struct sigchld_child *child);

/* Its context, with a reference. */
struct sigchld_ctx *sigchld__child_ref_ctx(const struct sigchld_child *child);

/* Lock the context that it has, whoever moves it meanwhile; with a reference to
 * that. NULL: we were forked. */
struct sigchld_ctx *sigchld__child_lock(const struct sigchld_child *child);
void sigchld__child_unlock(struct sigchld_ctx *ctx);

/* With C. */
void sigchld__child_link(struct sigchld_child *child);
void sigchld__child_unlink(struct sigchld_child *child);
void sigchld__child_queue(struct sigchld_child *child);
void sigchld__child_unqueue(struct sigchld_child *child);

/* With C: its event was given; reap the zombie if there is one, forget the pid.
 */
void sigchld__child_settle(struct sigchld_child *child);

/* With C: unwatch it as it is, dead or alive. */
void sigchld__child_unwatch(struct sigchld_child *child);

/* With C, of one of our own: whoever held it does so no more. If alive, it is
 * reaped in silence. */
void sigchld__child_release(struct sigchld_child *child);

/* With C: free it, if nobody needs it any more. May free the context's last
 * reference but one; the caller has one. */
void sigchld__child_collect(struct sigchld_child *child);

/* watch.c, without C: as sigchld_watch, but flags may be SIGCHLD__CHILD_*, too. */
int sigchld__child_watch(struct sigchld_ctx *ctx,
    struct sigchld_child **ret_child, pid_t pid, uint32_t flags,
    sigchld_event_fn *on_event, void *user);

/*
 * depend.c, with C: what tells of a child.
 *
 * reserve: for one that is to be, all that can fail is done. -EBUSY, -ENOMEM,
 * -EINVAL: the context is closed.
 * admit: there it is; fd is a pidfd of it, or -1. newborn: it will be looked at,
 * whatever happened to it since its birth; else -ECHILD: it is no child of ours,
 * and all is as after reserve, but that fd is closed.
 * end: nothing tells of it any more.
 */
int sigchld__depend_reserve(struct sigchld_child *child);
int sigchld__depend_admit(struct sigchld_child *child, int fd, bool newborn);
void sigchld__depend_end(struct sigchld_child *child);

/* With C: look at it in the next dispatch. */
void sigchld__child_suspect(struct sigchld_child *child);

/* look.c, with C */

struct sigchld__wait;

/* waitid(2) for just this child: by its pidfd if it has one, else by its pid. */
int sigchld__child_ask(const struct sigchld_child *child,
    struct sigchld__wait *ret_wait, int options);

/* What has happened to this child? Queues what there is to tell. */
void sigchld__look_at(struct sigchld_child *child);

/* All that depend on the signal (told), and those of which there is news. */
void sigchld__look(struct sigchld_ctx *ctx, bool told);

/* kill.c, with C */
int sigchld__child_signal(struct sigchld_child *child, int sig);
bool sigchld__child_is_reaped(const struct sigchld_child *child);

/* stop.c, with C: kill whom it is time to kill. */
void sigchld__stops_due(struct sigchld_ctx *ctx);

/* deadline.c, with C: ms of CLOCK_MONOTONIC; 0: none. */
void sigchld__deadline_set(struct sigchld_ctx *ctx, int which, int64_t at);
bool sigchld__deadline_is_due(const struct sigchld_ctx *ctx, int which);
int64_t sigchld__deadline_in(const struct sigchld_ctx *ctx); /* -1: none */

/* call.c: callbacks. See there. */

struct sigchld__call {
	struct sigchld__call *up;
	struct sigchld_ctx *ctx;
	uint32_t generation;
};

bool sigchld__in_callback_of(const struct sigchld_ctx *ctx);
bool sigchld__in_callback(void);

/* With C, which is dropped; end takes it again, or gives false: this is a
 * forked child now, and nothing of the context may be touched. */
void sigchld__call_begin(struct sigchld__call *call, struct sigchld_ctx *ctx);
bool sigchld__call_end(struct sigchld__call *call);

/* One dispatch. What it knows is here, so that whatever ends it, an exception
 * or a cancellation too, is followed by its end. */
struct sigchld__run {
	struct sigchld_ctx *ctx;
	bool forked;
	int calls;
};

/* strays.c, in a dispatch, with C. */
void sigchld__strays(struct sigchld__run *run);

#endif
