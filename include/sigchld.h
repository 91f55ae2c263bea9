/*
 * sigchld.h - share SIGCHLD between the parts of one process
 *
 *	sigchld_new(&ctx, NULL);
 *	sigchld_spawn(ctx, NULL, SIGCHLD_SPAWN(.argv = argv), on_event, NULL);
 *	for (;;)
 *		sigchld_wait(ctx, -1);
 *
 * Each part of a process opens a context of its own and sees its own children
 * end, whatever the other parts do. A context reaps what it watches and nothing
 * else.
 *
 * Results	int and pid_t: zero or more is success, less is -errno. errno
 *		itself is left alone. A ret_ argument is set only on success;
 *		after a failure nothing has changed.
 * Memory	What _new gives, _free takes; _free(NULL) does nothing. Options
 *		are copied before the call returns. What a callback is handed
 *		is good until it returns.
 * Threads	Any thread may call; calls on one context are serialised.
 *		Callbacks run with no lock held, in the thread that dispatches,
 *		one at a time for each context.
 * Forks	In a forked child calls on the parent's objects give -EPERM and
 *		change nothing; after sigchld_postfork a new context works.
 * Marks	[C] also from callbacks, [S] also from signal handlers,
 *		[F] also in a forked child.
 * Errors	-EPERM this object belongs to the process we were forked from;
 *		-ECHILD no child of ours; -ESRCH that child has ended;
 *		-EBUSY watched already, or the owners of SIGCHLD disagree;
 *		-EDEADLK from a callback of the same context; -EINVAL wrong
 *		use; -E2BIG an option of a newer release; others as the system
 *		call that failed gave them.
 *
 * Time is in milliseconds of CLOCK_MONOTONIC. Every call is described in full
 * in its manual page, beginning with sigchld(7).
 */
#ifndef SIGCHLD_H
#define SIGCHLD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sigchld/version.h> /* SIGCHLD_API, SIGCHLD_VERSION */

#ifdef __cplusplus
extern "C" {
#endif

/* One per capability, so that a caller can ask at compile time. */
#define SIGCHLD_HAVE_SHARING     1 /* several contexts share one SIGCHLD */
#define SIGCHLD_HAVE_APP_HANDLER 1 /* SIGCHLD_HANDLER_APP */
#define SIGCHLD_HAVE_STRAYS      1 /* on_stray */
#define SIGCHLD_HAVE_STOPS       1 /* SIGCHLD_CHILD_STOPS */
#define SIGCHLD_HAVE_CHILD_STOP  1 /* sigchld_child_stop: a grace deadline */
#define SIGCHLD_HAVE_CHILD_WAIT  1 /* sigchld_child_wait */
#define SIGCHLD_HAVE_DISCARD     1 /* sigchld_child_discard */
#define SIGCHLD_HAVE_FDS         1 /* <sigchld/fd.h> */
#define SIGCHLD_HAVE_HEALTH      1 /* sigchld_health */
#define SIGCHLD_HAVE_STATS       1 /* sigchld_get_stats */
#define SIGCHLD_HAVE_PIDFD       1 /* SIGCHLD_WAKE_PIDFD; _watch_pidfd */
#define SIGCHLD_HAVE_MOVE        1 /* sigchld_child_move */
#define SIGCHLD_HAVE_DESCENDANTS 1 /* SIGCHLD_CHILD_DESCENDANTS */

struct sigchld_ctx;
struct sigchld_child;

/* What happened to a child. While the callback runs its pid stays its own. */

enum sigchld_what {
	SIGCHLD_EXITED,    /* wstatus holds */
	SIGCHLD_SIGNALED,  /* wstatus holds */
	SIGCHLD_STOPPED,   /* only if asked for; the child lives */
	SIGCHLD_CONTINUED, /* only if asked for; the child lives */
	SIGCHLD_STOLEN,    /* somebody else reaped it; its status is lost */
	SIGCHLD_DESCENDANT /* only if asked for; an orphan of its tree ended,
			    * of which pid and wstatus tell; the child lives */
};

enum sigchld_source {
	SIGCHLD_SOURCE_WAIT,       /* we waited for it */
	SIGCHLD_SOURCE_PIDFD_INFO, /* stolen, but the kernel still told us */
	SIGCHLD_SOURCE_APP,        /* sigchld_reaped told us; the pid is free */
	SIGCHLD_SOURCE_NONE        /* STOLEN */
};

#define SIGCHLD_KNOWN_RUSAGE 0x1u /* utime_us, stime_us, maxrss_kib hold */
#define SIGCHLD_KNOWN_TREE   0x2u /* session and group hold */
#define SIGCHLD_KNOWN_CGROUP 0x4u /* cgroup holds */

struct sigchld_event {
	size_t size; /* in sigchld_child_wait: of yours */
	pid_t pid;
	uint32_t what;   /* enum sigchld_what */
	uint32_t source; /* enum sigchld_source */
	int wstatus;     /* as from waitpid(2); 0 if STOLEN */
	uint32_t known;  /* SIGCHLD_KNOWN_*: which of the following hold */
	uint32_t zero;
	uint64_t utime_us, stime_us, maxrss_kib; /* of the child */
	pid_t session, group; /* of a stray or a descendant */
	uint64_t cgroup;      /* its id, the inode number of its directory */
};

typedef void sigchld_event_fn(struct sigchld_child *child,
    const struct sigchld_event *event, void *user);

/* A discarded child is gone: reaped, or stolen. */
typedef void sigchld_gone_fn(struct sigchld_ctx *ctx,
    const struct sigchld_event *event, void *user);

/* A dead child that nobody watches. Return 0: it was mine, reap it; -ESRCH: not
 * mine, leave it. The next SIGCHLD asks again about those that were left. */
typedef int sigchld_stray_fn(struct sigchld_ctx *ctx,
    const struct sigchld_event *event, void *user);

/* Something that should not happen did: what names it, err is its -errno. The
 * context goes on. */
typedef void sigchld_fault_fn(struct sigchld_ctx *ctx, const char *what,
    int err, void *user);

/* Contexts */

enum sigchld_handler {           /* who handles SIGCHLD */
	SIGCHLD_HANDLER_LIBRARY, /* a handler of ours, shared by all contexts */
	SIGCHLD_HANDLER_APP      /* you: see sigchld_occurred, sigchld_reaped */
};

enum sigchld_wake {          /* how the death of a child is noticed */
	SIGCHLD_WAKE_AUTO,   /* a pidfd where one can be had, else the signal */
	SIGCHLD_WAKE_SIGNAL, /* the shared handler and the self-pipe */
	SIGCHLD_WAKE_PIDFD   /* as AUTO, but -ENOTSUP if there are no pidfds */
};

#define SIGCHLD_ALWAYS    0x1u /* hold the handler for the context's whole life */
#define SIGCHLD_NOCHAIN   0x2u /* -EBUSY if somebody else handles SIGCHLD */
#define SIGCHLD_SUBREAPER 0x4u /* with on_stray: orphans become our strays */

struct sigchld_options {
	size_t size;
	uint32_t handler;           /* enum sigchld_handler */
	uint32_t wake;              /* enum sigchld_wake */
	uint32_t flags;             /* SIGCHLD_ALWAYS, _NOCHAIN, _SUBREAPER */
	uint32_t max_pidfds;        /* 0: the process's, a quarter of its
				     * RLIMIT_NOFILE */
	pid_t (*fork)(void *user);  /* NULL: fork(2); else makes every child */
	sigchld_stray_fn *on_stray; /* one context of the process at most */
	sigchld_fault_fn *on_fault; /* NULL: faults are only counted */
	void *user;                 /* for the three above */
};

#ifndef __cplusplus /* C++: T o = {}; o.size = sizeof o; */
#	define SIGCHLD_OPTIONS(...) \
		(&(const struct sigchld_options){ \
		    .size = sizeof(struct sigchld_options), __VA_ARGS__ })
#endif

/*
 * Open a context. options may be NULL. -EBUSY: another context has on_stray, or
 * NOCHAIN with ALWAYS or on_stray, and somebody handles SIGCHLD; -ENOTSUP: no
 * such wake here; -EPERM: we were forked, call sigchld_postfork first; -EMFILE,
 * -ENFILE, -ENOMEM: no room. [C]
 */
SIGCHLD_API int sigchld_new(struct sigchld_ctx **ret_ctx,
    const struct sigchld_options *options);

/*
 * Close it. Its children live on, unwatched, and are yours to wait for; child
 * objects that you hold stay valid until sigchld_child_free. Once this has
 * returned, no signal handler touches the context and none of its callbacks
 * runs (it waits for one that runs on another thread, unless you are in a
 * callback yourself). [C] [F]
 */
SIGCHLD_API void sigchld_free(struct sigchld_ctx *ctx);

/* Other options, while there is no child: -EBUSY else. Errors as of
 * sigchld_new. A dispatch that is running notices. [C] */
SIGCHLD_API int sigchld_configure(struct sigchld_ctx *ctx,
    const struct sigchld_options *options);

/* Event loop */

/* Poll this for reading: level-triggered, close-on-exec, never changes. In the
 * portable build it does not tell of descriptors of your own (fd.h). [C] */
SIGCHLD_API int sigchld_fd(const struct sigchld_ctx *ctx);

/* Milliseconds until dispatch is due though nothing is readable; 0 if it is due
 * now; -1 if there is no such time, or the descriptor alone tells (Linux with
 * timerfd). In a forked child -EPERM, which is -1 too. [C] */
SIGCHLD_API int sigchld_timeout(const struct sigchld_ctx *ctx);

/* Reap and call back; never blocks. Gives the number of callbacks run; 0 also
 * while another thread dispatches the same context. -EDEADLK: from a callback
 * of this context. */
SIGCHLD_API int sigchld_dispatch(struct sigchld_ctx *ctx);

/* Poll, then dispatch: the loop of a program that has none. timeout_ms -1 is
 * for ever. Signals do not end it, sigchld_occurred does. Gives what dispatch
 * gives, 0 also at the timeout. */
SIGCHLD_API int sigchld_wait(struct sigchld_ctx *ctx, int timeout_ms);

/*
 * Children. Each ends in one final event. With ret_child NULL the library frees
 * the child afterwards; else you do, then or in the callback. Memory is found
 * before the fork: a child once forked is watched. on_event may be NULL.
 */

#define SIGCHLD_CHILD_STOPS       0x1u /* tell of stops and continues too */
#define SIGCHLD_CHILD_DESCENDANTS 0x2u /* tell of orphans of its tree too */
#define SIGCHLD_CHILD_RUSAGE      0x4u /* tell of the resources it used */

/* An orphan belongs to the tree of the child whose session, process group or
 * cgroup it is in. It is seen where some context has on_stray, and becomes ours
 * with SIGCHLD_SUBREAPER (or if we are process 1). */

/* Watch a child we have already, dead or alive. -EBUSY: it is watched, or the
 * handler cannot be had (NOCHAIN); -ECHILD: not ours. [C] */
SIGCHLD_API int sigchld_watch(struct sigchld_ctx *ctx,
    struct sigchld_child **ret_child, pid_t pid, uint32_t flags,
    sigchld_event_fn *on_event, void *user);

/* Watch by a pidfd that you have; it stays yours. Errors as of sigchld_watch;
 * -EBADF: no pidfd; -ENOTSUP: there are none here; -EMFILE, -ENFILE: no room for
 * a copy of it. [C] */
SIGCHLD_API int sigchld_watch_pidfd(struct sigchld_ctx *ctx,
    struct sigchld_child **ret_child, int pidfd, uint32_t flags,
    sigchld_event_fn *on_event, void *user);

/* fork(2), by the options' fork if there is one, which must come back (and not
 * throw). -EBUSY: the handler cannot be had (NOCHAIN). Gives 0 in the child,
 * where sigchld_postfork has been called and *ret_child is not set. [C] */
SIGCHLD_API pid_t sigchld_fork(struct sigchld_ctx *ctx,
    struct sigchld_child **ret_child, uint32_t flags,
    sigchld_event_fn *on_event, void *user);

/* Its pid, even when it has ended; its user pointer; its context, or NULL once
 * that was freed. [C] [F] */
SIGCHLD_API pid_t sigchld_child_pid(const struct sigchld_child *child);
SIGCHLD_API void *sigchld_child_user(const struct sigchld_child *child);
SIGCHLD_API struct sigchld_ctx *sigchld_child_ctx(const struct sigchld_child
	*child);

/* A pidfd of it, close-on-exec and yours to close. -ESRCH: it was reaped;
 * -ENOTSUP: there is none here; -EMFILE, -ENFILE. [C] */
SIGCHLD_API int sigchld_child_pidfd(struct sigchld_child *child);

/* Give it to another context: whatever it still has to tell comes there. -EBUSY:
 * its callback runs, or somebody waits for it, or the handler cannot be had;
 * -ESRCH: its final event was given; -ENOTSUP: it sends no SIGCHLD, and that one
 * has no pidfd for it; -EMFILE, -ENFILE. [C] */
SIGCHLD_API int sigchld_child_move(struct sigchld_child *child,
    struct sigchld_ctx *to);

/* Call fn, a callback, for each child whose final event is still to come, until
 * it gives nonzero; gives that, or 0. It may free any child, this one too. [C]
 */
SIGCHLD_API int sigchld_foreach(struct sigchld_ctx *ctx,
    int (*fn)(struct sigchld_child *child, void *user), void *user);

/* Signal it. -ESRCH if it was reaped, whoever has the pid now; -EACCES: the
 * kernel does not allow it. [C] */
SIGCHLD_API int sigchld_child_kill(struct sigchld_child *child, int sig);

/* Signal it, and send SIGKILL if it is still there grace_ms later. sig 0 is
 * SIGTERM. Again: the new deadline holds. Errors as of sigchld_child_kill, and
 * then an earlier deadline stands. [C] */
SIGCHLD_API int sigchld_child_stop(struct sigchld_child *child, int sig,
    int grace_ms);

/*
 * Wait for this one child only; callbacks of others stay queued. 1: it ended,
 * and *ret_event (may be NULL) has its final event, which no callback gets;
 * 0: timeout. timeout_ms -1 is for ever. -ESRCH: its event was given already;
 * -EBUSY: another thread waits for it; -EDEADLK: from a callback of its
 * context; -EMFILE, -ENFILE: no descriptor to wait with.
 */
SIGCHLD_API int sigchld_child_wait(struct sigchld_child *child, int timeout_ms,
    struct sigchld_event *ret_event);

/*
 * Signal it (unless sig is 0) and let it go, child is no longer yours: it is
 * reaped in silence, and on_gone (may be NULL) is told in a dispatch of its
 * context, even if the signal could not be sent. -ESRCH: it has ended already;
 * then nothing was done. [C]
 */
SIGCHLD_API int sigchld_child_discard(struct sigchld_child *child, int sig,
    sigchld_gone_fn *on_gone, void *user);

/* Forget it: no callback any more. If alive, its context reaps it in silence.
 * Waits for its callback if that runs on another thread, unless you are in a
 * callback yourself. [C] [F] */
SIGCHLD_API void sigchld_child_free(struct sigchld_child *child);

/* SIGCHLD_HANDLER_APP */

/*
 * You got a SIGCHLD: look at our children, no others. The looking is done by
 * the next dispatch; the descriptor is readable from now on, and a sigchld_wait
 * returns. NULL: all contexts that have something to look at. Also good to wake
 * a context of the other kind from a signal handler. [C] [S]
 */
SIGCHLD_API int sigchld_occurred(struct sigchld_ctx *ctx);

/* You reaped pid. Gives 1 if it was ours: it counts as dead at once, and its
 * event comes with the next dispatch; else 0. ctx NULL: any context. -EINVAL:
 * that status is not of an end. [C] */
SIGCHLD_API int sigchld_reaped(struct sigchld_ctx *ctx, pid_t pid, int wstatus);

/* After a fork we did not make, in the child: close our descriptors, forget the
 * contexts, give SIGCHLD its old action back. Harmless twice, before an exec,
 * and in a process that was not forked. -EPERM: this process shares memory with
 * its parent (vfork), nothing was done; in the portable build that cannot be
 * told from a fork, so never call it there. [C] [F] */
SIGCHLD_API int sigchld_postfork(void);

/* How SIGCHLD stands in this process: a bit set, 0 is well. Only what concerns
 * a child that depends on the signal is told. [C] */
#define SIGCHLD_HEALTH_FOREIGN 0x01u /* another handler sits on top of ours */
#define SIGCHLD_HEALTH_LOST    0x02u /* ... and does not call ours */
#define SIGCHLD_HEALTH_IGNORED 0x04u /* SIG_IGN or SA_NOCLDWAIT: no zombies */
#define SIGCHLD_HEALTH_BLOCKED 0x08u /* pending at two checks in a row */
#define SIGCHLD_HEALTH_THEFT   0x10u /* somebody reaped a child of ours */
SIGCHLD_API int sigchld_health(void);

struct sigchld_stats {
	size_t size;          /* in: of yours; out: of what was filled */
	uint64_t children;    /* watched now */
	uint64_t signals;     /* runs of the handler, for the process */
	uint64_t deferred;    /* of them, left to whoever held the users list */
	uint64_t wakeups;     /* writes to the self-pipe of this context */
	uint64_t pidfds;      /* children on a pidfd now */
	uint64_t demoted;     /* children that could not get one, so far */
	uint64_t reaped;      /* children whose end we waited for */
	uint64_t strays;      /* reaped, watched by no one */
	uint64_t stolen;      /* ours, reaped by someone else */
	uint64_t recovered;   /* of them, status recovered */
	uint64_t faults;      /* told to on_fault, or lost for want of one */
	uint64_t sweeps;      /* looks at the children */
	uint64_t dispatches;  /* that ran, by dispatch or wait */
	uint64_t timed;       /* of the sweeps, those that only time asked for,
			      * while the signal could not be trusted */
	uint64_t descendants; /* told of */
};

/*
 * As much is filled as there is room for, and as this library knows: so the
 * program may be older or newer than it. Nothing behind that is touched. -EINVAL:
 * no room for the first number. [C]
 */
SIGCHLD_API int sigchld_get_stats(struct sigchld_ctx *ctx,
    struct sigchld_stats *stats);

#ifdef __cplusplus
}
#endif

#include <sigchld/spawn.h>

#endif
