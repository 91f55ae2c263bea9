/*
 * help.h - what the tests of core/ share
 *
 * Everything waits for an event and has a deadline only to fail.
 */
#ifndef HELP_H
#define HELP_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sigchld/fd.h>

#include "harness.h"

#define UNUSED __attribute__((unused))

/* A result that is not what it should be, with its name. */
#define MUST_BE(want, call) \
	do { \
		const int must_want = (want); \
		const int must_rc = (int)(call); \
		ck_assert_msg(must_rc == must_want, "%s gave %d (%s), not %d", \
		    #call, must_rc, must_rc < 0 ? strerror(-must_rc) : "", \
		    must_want); \
	} while (0)

/* A forked child cannot fail a test; its exit status can. */
#define CHILD_MUST(condition) \
	do { \
		if (!(condition)) \
			_exit(__LINE__ % 250 + 1); \
	} while (0)

static inline UNUSED struct sigchld_ctx *
open_ctx(const struct sigchld_options *options)
{
	struct sigchld_ctx *ctx = NULL;

	MUST_BE(0, sigchld_new(&ctx, options));
	return ctx;
}

/* A child of fork(2) that is dead already, unless it is the child. */
static inline UNUSED pid_t
fork_zombie(int code)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(code);
	ck_assert_int_gt(pid, 0);
	harness_await_zombie(pid);
	return pid;
}

/* The same, watched. */
static inline UNUSED pid_t
watched_zombie(struct sigchld_ctx *ctx, struct sigchld_child **ret_child,
    int code, sigchld_event_fn *on_event, void *user)
{
	pid_t pid = sigchld_fork(ctx, ret_child, 0, on_event, user);

	if (pid == 0)
		_exit(code);
	ck_assert_int_gt(pid, 0);
	harness_await_zombie(pid);
	return pid;
}

/* How a child of fork(2) ended; it must have exited. */
static inline UNUSED int
exit_code(pid_t pid)
{
	int status = 0;
	pid_t rc;

	do
		rc = waitpid(pid, &status, 0);
	while (rc == -1 && errno == EINTR);
	ck_assert_int_eq(rc, pid);
	ck_assert_msg(WIFEXITED(status), "wait status %#x",
	    (unsigned int)status);
	return WEXITSTATUS(status);
}

static inline UNUSED void
reap_by_hand(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}

static inline UNUSED struct sigchld_stats
stats_of(struct sigchld_ctx *ctx)
{
	struct sigchld_stats stats = { .size = sizeof(stats) };

	MUST_BE(0, sigchld_get_stats(ctx, &stats));
	return stats;
}

static inline UNUSED void
block_sigchld(int how)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	ck_assert_int_eq(pthread_sigmask(how, &set, NULL), 0);
}

/* Asserts nothing, so it is good in a forked child: check has a lock. */
static inline UNUSED bool
handler_is(void (*handler)(int))
{
	struct sigaction now;

	return sigaction(SIGCHLD, NULL, &now) == 0 && now.sa_handler == handler;
}

static inline UNUSED unsigned int
health(void)
{
	int rc = sigchld_health();

	ck_assert_int_ge(rc, 0);
	return (unsigned int)rc;
}

/* Something that one thread does and another waits for. */

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	int n;
};

#define GATE \
	{ \
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 \
	}

static inline UNUSED void
gate_open(struct gate *gate)
{
	(void)pthread_mutex_lock(&gate->lock);
	gate->n++;
	(void)pthread_cond_broadcast(&gate->opened);
	(void)pthread_mutex_unlock(&gate->lock);
}

/* Gives whether it was opened in time. */
static inline UNUSED bool
gate_await(struct gate *gate, int n, int64_t ms)
{
	struct timespec until;
	bool open;
	int rc = 0;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	(void)pthread_mutex_lock(&gate->lock);
	while (gate->n < n && rc == 0)
		rc = pthread_cond_timedwait(&gate->opened, &gate->lock, &until);
	open = gate->n >= n;
	(void)pthread_mutex_unlock(&gate->lock);
	return open;
}

static inline UNUSED void
gate_pass(struct gate *gate, int n)
{
	ck_assert_msg(gate_await(gate, n, harness_patience_ms()),
	    "a thread did not get there");
}

static inline UNUSED pthread_t
start(void *(*fn)(void *user), void *user)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, fn, user), 0);
	return thread;
}

/* Joins, and fails the test if the thread does not end. */
static inline UNUSED void *
finish(pthread_t thread)
{
	struct timespec until;
	void *result = NULL;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += (time_t)(harness_patience_ms() / 1000);
	ck_assert_int_eq(pthread_timedjoin_np(thread, &result, &until), 0);
	return result;
}

#endif
