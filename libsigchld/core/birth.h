/* birth.h - a child comes to be; see birth.c */
#ifndef SIGCHLD_CORE_BIRTH_H
#define SIGCHLD_CORE_BIRTH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <sigchld.h>

struct sigchld__birth;

/*
 * Makes the child, with all 64 signals blocked in this thread. Gives its pid; 0
 * in a forked child; or -errno, and then there is no child, no zombie and no
 * pidfd. A pidfd that it gives with the pid goes to *birth->pidfd, which the
 * kernel writes itself (CLONE_PIDFD): so a process forked meanwhile knows of it.
 */
typedef pid_t sigchld__make_fn(struct sigchld__birth *birth);

struct sigchld__birth {
	sigchld__make_fn *make;    /* yours; what follows is for it */
	bool want_pidfd;           /* else leave pidfd alone */
	volatile int *pidfd;       /* -1 before; close-on-exec; not on a stack,
				    * which a forked process may give away */
	uint64_t cgroup;           /* its id, if it starts in one of its own */
	sigset_t mask;             /* of this thread, before all was blocked */
	pid_t (*fork)(void *user); /* the context's: it makes every child; or
				    * NULL */
	void *user;                /* for fork */
};

/*
 * Make a child and watch it, as sigchld_fork does with a make that forks. birth
 * is on your stack, zeroed but for make; put what make needs around it. flags
 * are SIGCHLD_CHILD_* and SIGCHLD__CHILD_*. In a forked child make gave 0 and
 * this gives 0, with the mask as before.
 */
pid_t sigchld__birth(struct sigchld_ctx *ctx, struct sigchld_child **ret_child,
    uint32_t flags, struct sigchld__birth *birth, sigchld_event_fn *on_event,
    void *user);

/* fork.c: a make that forks, as the context's options want it. */
pid_t sigchld__birth_fork(struct sigchld__birth *birth);

#endif
