/*
 * test_watch_pidfd.c - watch by a pidfd, get a pidfd
 */
#include <sys/resource.h>
#include <sys/syscall.h>

#include "help.h"

static char anything;
static struct sigchld_child *const untouched = (void *)&anything;

/* Watch */

START_TEST(a_pidfd_of_a_living_child)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held = harness_fork_held(5);
	struct sigchld_child *child;
	int pidfd = harness_pidfd(held.pid);

	MUST_BE(0,
	    sigchld_watch_pidfd(ctx, &child, pidfd, 0, harness_on_event, &log));
	ck_assert_int_eq(sigchld_child_pid(child), held.pid);
	ck_assert_ptr_eq(sigchld_child_ctx(child), ctx);
	ck_assert_ptr_eq(sigchld_child_user(child), &log);
	ck_assert_uint_eq(stats_of(ctx).pidfds, harness_on_pidfds());
	MUST_BE(0, sigchld_child_kill(child, 0));
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 5 << 8);
	ck_assert_int_eq(log.source, SIGCHLD_SOURCE_WAIT);
	/* It stays yours, and wakes nobody. */
	if (harness_on_pidfds())
		ck_assert(!harness_readable(sigchld_fd(ctx), 0));
	ck_assert_int_eq(close(pidfd), 0);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

START_TEST(it_may_be_closed_at_once)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held = harness_fork_held(5);
	int pidfd = harness_pidfd(held.pid);

	MUST_BE(0,
	    sigchld_watch_pidfd(ctx, NULL, pidfd, 0, harness_on_event, &log));
	ck_assert_int_eq(close(pidfd), 0);
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 5 << 8);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c3_a_pidfd_of_a_dead_child)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	pid_t pid = fork_zombie(6);
	int pidfd = harness_pidfd(pid);

	MUST_BE(0,
	    sigchld_watch_pidfd(ctx, NULL, pidfd, 0, harness_on_event, &log));
	ck_assert(harness_readable(sigchld_fd(ctx), 0));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(log.pid, pid);
	ck_assert_int_eq(log.wstatus, 6 << 8);
	(void)close(pidfd);
	sigchld_free(ctx);
}
END_TEST

#define NONBLOCK O_NONBLOCK /* PIDFD_NONBLOCK, of Linux 5.10 */

START_TEST(a_pidfd_that_does_not_block)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child held = harness_fork_held(5);
	struct sigchld_child *child;
	int pidfd;

	pidfd = (int)syscall(SYS_pidfd_open, held.pid, NONBLOCK);
	if (pidfd == -1) {
		harness_release(&held);
		harness_skip("older than Linux 5.10");
	}
	MUST_BE(0, sigchld_watch_pidfd(ctx, &child, pidfd, 0, NULL, NULL));
	MUST_BE(0, sigchld_child_wait(child, 0, NULL));
	harness_release(&held);
	MUST_BE(1, sigchld_child_wait(child, -1, NULL));
	ck_assert(harness_is_reaped(held.pid));
	(void)close(pidfd);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c38_with_its_stops)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held = harness_fork_held(5);
	int pidfd = harness_pidfd(held.pid);

	MUST_BE(0,
	    sigchld_watch_pidfd(ctx, NULL, pidfd, SIGCHLD_CHILD_STOPS,
		harness_on_event, &log));
	ck_assert_int_eq(kill(held.pid, SIGSTOP), 0);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_uint_eq(log.what, SIGCHLD_STOPPED);
	ck_assert_int_eq(kill(held.pid, SIGKILL), 0);
	harness_wait_for(ctx, &log.final, 1);
	ck_assert_int_eq(log.wstatus, SIGKILL);
	harness_release(&held);
	(void)close(pidfd);
	sigchld_free(ctx);
}
END_TEST

/* Refusals change nothing. */

/* From now on no descriptor is left. */
static struct rlimit
use_them_up(void)
{
	struct rlimit before, tight;
	int lowest = dup(STDERR_FILENO);

	(void)close(lowest);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = before;
	tight.rlim_cur = (rlim_t)lowest;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	return before;
}

static void
watch_fails(int want, struct sigchld_ctx *ctx, int pidfd, uint32_t flags)
{
	struct sigchld_child *child = untouched;
	uint64_t children = ctx == NULL ? 0 : stats_of(ctx).children;
	int fds = harness_count_fds();

	MUST_BE(want,
	    sigchld_watch_pidfd(ctx, &child, pidfd, flags, NULL, NULL));
	ck_assert_ptr_eq(child, untouched);
	if (ctx != NULL)
		ck_assert_uint_eq(stats_of(ctx).children, children);
	ck_assert_int_eq(harness_count_fds(), fds);
}

START_TEST(watch_pidfd_refuses_wrong_use)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child held = harness_fork_held(5);
	int pidfd = harness_pidfd(held.pid), stream[2], closed;

	ck_assert_int_eq(pipe(stream), 0);
	closed = dup(stream[0]);
	(void)close(closed);
	watch_fails(-EINVAL, NULL, pidfd, 0);
	watch_fails(-EINVAL, ctx, pidfd, 0x8u);
	watch_fails(-EINVAL, ctx, pidfd, 0x80000000u);
	watch_fails(-EBADF, ctx, -1, 0);
	watch_fails(-EBADF, ctx, closed, 0);
	watch_fails(-EBADF, ctx, stream[0], 0);
	watch_fails(-EBADF, ctx, sigchld_fd(ctx), 0);
	ck_assert(handler_is(SIG_DFL));
	harness_release(&held);
	reap_by_hand(held.pid);
	watch_fails(-ECHILD, ctx, pidfd, 0);
	(void)close(pidfd);
	(void)close(stream[0]);
	(void)close(stream[1]);
	sigchld_free(ctx);
}
END_TEST

START_TEST(g10_no_child_of_ours)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	const pid_t others[] = { getpid(), getppid(), 1 };
	size_t i;
	int pidfd;

	for (i = 0; i < 3; i++) {
		pidfd = harness_pidfd(others[i]);
		if (pidfd == -1)
			continue;
		watch_fails(-ECHILD, ctx, pidfd, 0);
		(void)close(pidfd);
	}
	sigchld_free(ctx);
}
END_TEST

START_TEST(a_child_is_watched_once_by_whatever_means)
{
	struct sigchld_ctx *a = open_ctx(NULL), *b = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held = harness_fork_held(5);
	int pidfd = harness_pidfd(held.pid);

	MUST_BE(0,
	    sigchld_watch_pidfd(a, NULL, pidfd, 0, harness_on_event, &log));
	watch_fails(-EBUSY, a, pidfd, 0);
	watch_fails(-EBUSY, b, pidfd, 0);
	MUST_BE(-EBUSY, sigchld_watch(b, NULL, held.pid, 0, NULL, NULL));
	harness_release(&held);
	harness_wait_for(a, &log.count, 1);
	(void)close(pidfd);
	sigchld_free(a);
	sigchld_free(b);
}
END_TEST

START_TEST(c31_no_room_for_a_copy)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child held = harness_fork_held(5);
	int pidfd = harness_pidfd(held.pid);
	struct sigchld_child *child = untouched;
	struct rlimit before;

	before = use_them_up();
	MUST_BE(-EMFILE,
	    sigchld_watch_pidfd(ctx, &child, pidfd, 0, NULL, NULL));
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_ptr_eq(child, untouched);
	ck_assert_uint_eq(stats_of(ctx).children, 0);
	MUST_BE(0, sigchld_watch_pidfd(ctx, &child, pidfd, 0, NULL, NULL));
	harness_release(&held);
	MUST_BE(1, sigchld_child_wait(child, -1, NULL));
	(void)close(pidfd);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

/* A child of clone(2) that sends no SIGCHLD: by a pidfd, or not at all. */
START_TEST(c36_a_child_that_sends_no_signal)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_child *child;
	int pidfd, wstatus;
	pid_t pid;

	pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (pid == 0) {
		for (;;)
			(void)pause();
	}
	ck_assert_int_gt(pid, 0);
	pidfd = harness_pidfd(pid);
	if (harness_on_pidfds()) {
		MUST_BE(0,
		    sigchld_watch_pidfd(ctx, &child, pidfd, 0, NULL, NULL));
		MUST_BE(0, sigchld_child_kill(child, SIGKILL));
		MUST_BE(1, sigchld_child_wait(child, -1, NULL));
		sigchld_child_free(child);
	} else {
		watch_fails(-ECHILD, ctx, pidfd, 0);
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, &wstatus, __WALL), pid);
	}
	ck_assert_int_eq(waitpid(pid, &wstatus, __WALL | WNOHANG), -1);
	(void)close(pidfd);
	sigchld_free(ctx);
}
END_TEST

/* Get one */

static void
get_pidfd(const struct sigchld_options *options)
{
	struct sigchld_ctx *ctx = open_ctx(options);
	struct sigchld_child *child;
	struct harness_log log = { .count = 0 };
	struct harness_child held =
	    harness_fork_watched(ctx, &child, 0, 5, harness_on_event, &log);
	int pidfd = sigchld_child_pidfd(child);

	(void)sigchld_dispatch(ctx);
	ck_assert_int_ge(pidfd, 0);
	ck_assert_int_eq(sigchld_fd_owner(pidfd), 0); /* yours to close */
	ck_assert_int_ne(fcntl(pidfd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(harness_pid_of(P_PIDFD, pidfd), held.pid);
	ck_assert(!harness_readable(pidfd, 0));
	harness_release(&held);
	ck_assert(harness_readable(pidfd, (int)harness_patience_ms()));
	if (sigchld_dispatch(ctx) == 0) {
		MUST_BE(0, sigchld_occurred(ctx));
		MUST_BE(1, sigchld_dispatch(ctx));
	}
	ck_assert_int_eq(log.wstatus, 5 << 8);
	if (harness_on_pidfds())
		ck_assert(!harness_readable(sigchld_fd(ctx), 0));
	MUST_BE(-ESRCH, sigchld_child_pidfd(child));
	ck_assert_int_eq(close(pidfd), 0);
	sigchld_child_free(child);
	sigchld_free(ctx);
}

START_TEST(a_pidfd_of_a_child_is_yours)
{
	get_pidfd(NULL);
	get_pidfd(SIGCHLD_OPTIONS(.handler = SIGCHLD_HANDLER_APP));
	get_pidfd(SIGCHLD_OPTIONS(.max_pidfds = 1));
}
END_TEST

START_TEST(a_pidfd_of_a_zombie_and_of_none)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct sigchld_child *child;
	pid_t pid = watched_zombie(ctx, &child, 5, harness_on_event, &log);
	int pidfd = sigchld_child_pidfd(child);

	ck_assert_int_ge(pidfd, 0);
	ck_assert_int_eq(harness_pid_of(P_PIDFD, pidfd), pid);
	(void)close(pidfd);
	reap_by_hand(pid);
	/* Somebody has reaped it, and nobody knows yet. */
	pidfd = sigchld_child_pidfd(child);
	if (pidfd >= 0) {
		ck_assert_int_eq(harness_pid_of(P_PIDFD, pidfd), -1);
		(void)close(pidfd);
	} else {
		MUST_BE(-ESRCH, pidfd);
	}
	MUST_BE(0, sigchld_occurred(ctx));
	harness_wait_for(ctx, &log.count, 1);
	MUST_BE(-ESRCH, sigchld_child_pidfd(child));
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

START_TEST(child_pidfd_refuses_wrong_use)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_child *child;
	struct harness_child held =
	    harness_fork_watched(ctx, &child, 0, 5, NULL, NULL);
	bool here = harness_has_pidfds();
	struct rlimit before;
	pid_t pid;

	MUST_BE(-EINVAL, sigchld_child_pidfd(NULL));
	if (!here)
		MUST_BE(-ENOTSUP, sigchld_child_pidfd(child));
	pid = fork();
	if (pid == 0) {
		CHILD_MUST(sigchld_child_pidfd(child) == -EPERM);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
	before = use_them_up();
	MUST_BE(here ? -EMFILE : -ENOTSUP, sigchld_child_pidfd(child));
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	harness_release(&held);
	MUST_BE(1, sigchld_child_wait(child, -1, NULL));
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

/* In a build without them. */
START_TEST(c32_where_there_are_none_nothing_is_watched_by_one)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child held = harness_fork_held(5);
	int pidfd = harness_pidfd(held.pid);

	if (!harness_has_pidfds() && pidfd != -1)
		watch_fails(-ENOTSUP, ctx, pidfd, 0);
	if (pidfd != -1)
		(void)close(pidfd);
	harness_release(&held);
	reap_by_hand(held.pid);
	sigchld_free(ctx);
}
END_TEST

HARNESS("watch_pidfd",
    {
	HARNESS_PIDFD_TEST(a_pidfd_of_a_living_child),
	HARNESS_PIDFD_TEST(it_may_be_closed_at_once),
	HARNESS_PIDFD_TEST(c3_a_pidfd_of_a_dead_child),
	HARNESS_PIDFD_TEST(a_pidfd_that_does_not_block),
	HARNESS_PIDFD_TEST(c38_with_its_stops),
	HARNESS_PIDFD_TEST(watch_pidfd_refuses_wrong_use),
	HARNESS_PIDFD_TEST(g10_no_child_of_ours),
	HARNESS_PIDFD_TEST(a_child_is_watched_once_by_whatever_means),
	HARNESS_PIDFD_TEST(c31_no_room_for_a_copy),
	HARNESS_PIDFD_TEST(c36_a_child_that_sends_no_signal),
	HARNESS_PIDFD_TEST(a_pidfd_of_a_child_is_yours),
	HARNESS_PIDFD_TEST(a_pidfd_of_a_zombie_and_of_none),
	HARNESS_TEST(child_pidfd_refuses_wrong_use),
	HARNESS_TEST(c32_where_there_are_none_nothing_is_watched_by_one),
    })
