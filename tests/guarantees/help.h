/* help.h - what the tests of the guarantees have in common */
#ifndef GUARANTEES_HELP_H
#define GUARANTEES_HELP_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sigchld.h>

#include "harness.h"

static inline struct sigchld_ctx *
open_ctx(const struct sigchld_options *options)
{
	struct sigchld_ctx *ctx = NULL;
	int rc = sigchld_new(&ctx, options);

	ck_assert_msg(rc == 0, "sigchld_new: %s", strerror(-rc));

	return ctx;
}

/* Let it go and wait until it is a zombie. */
static inline void
end_child(struct harness_child *held)
{
	harness_release(held);
	harness_await_zombie(held->pid);
}

static inline struct sigchld_stats
stats_of(struct sigchld_ctx *ctx)
{
	struct sigchld_stats stats = { .size = sizeof(stats) };

	ck_assert_int_eq(sigchld_get_stats(ctx, &stats), 0);

	return stats;
}

static inline void
block_sigchld(int how)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	ck_assert_int_eq(pthread_sigmask(how, &set, NULL), 0);
}

/* Wait until another thread has set a flag: it always does, so the deadline is
 * there only to fail. Good in a signal handler too, but for the deadline. */
static inline void
await_flag(atomic_int *flag)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();

	while (atomic_load(flag) == 0) {
		ck_assert_msg(harness_now_ms() < deadline, "nobody came");
		(void)sched_yield();
	}
}

/* A child process did what it should: it exits with 0, else with a number that
 * tells which check failed. */
static inline void
check_process(pid_t pid)
{
	int wstatus;

	ck_assert_int_gt(pid, 0);
	harness_await_zombie(pid);
	ck_assert_int_eq(waitpid(pid, &wstatus, 0), pid);
	ck_assert_msg(WIFEXITED(wstatus) && WEXITSTATUS(wstatus) == 0,
	    "the child process ended with status %#x", (unsigned)wstatus);
}

#define CHILD_MUST(x, code) \
	do { \
		if (!(x)) \
			_exit(code); \
	} while (0)

/* A process with this very pid, or -errno: -EPERM to whoever may not choose. It
 * is forked, with the C library none the wiser, so it may do little. */
static inline pid_t
fork_as(pid_t pid)
{
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal,
		    stack, stack_size, tls, set_tid, set_tid_size, cgroup;
	} args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uint64_t)(uintptr_t)&pid,
		.set_tid_size = 1,
	};
	long rc = syscall(435 /* clone3 */, &args, sizeof(args));

	return rc < 0 ? -errno : (pid_t)rc;
}

#endif
