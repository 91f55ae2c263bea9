/* test_g5.c - G5: during the callback of an event with source WAIT the pid cannot
 * be reused, as long as nobody else reaps; otherwise it is free already, and
 * sigchld_child_kill gives -ESRCH */
#include "help.h"

struct seen {
	int n;
	uint32_t source;
	bool zombie;
	int kill_rc;
	pid_t again; /* a process that got the pid, or -errno */
};

static void
look(struct sigchld_child *child, const struct sigchld_event *event, void *user)
{
	struct seen *seen = user;

	seen->n++;
	seen->source = event->source;
	seen->zombie = harness_is_zombie(event->pid);
	seen->kill_rc = sigchld_child_kill(child, SIGKILL);
	seen->again = fork_as(event->pid);
	if (seen->again == 0)
		_exit(0);
}

START_TEST(g5_pid_is_its_own_during_the_callback)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct seen seen = { 0 };
	struct sigchld_child *child;
	struct harness_child held;

	held = harness_fork_watched(ctx, &child, 0, 0, look, &seen);
	harness_release(&held);
	harness_wait_for(ctx, &seen.n, 1);
	ck_assert_uint_eq(seen.source, SIGCHLD_SOURCE_WAIT);
	ck_assert(seen.zombie);
	ck_assert_int_eq(seen.kill_rc, 0); /* to a zombie, and to it alone */
	ck_assert(seen.again == -EEXIST || seen.again == -EPERM ||
	    seen.again == -ENOSYS);
	ck_assert(harness_is_reaped(held.pid));
	ck_assert_int_eq(sigchld_child_kill(child, SIGKILL), -ESRCH);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

/* Queued, but not told of: a zombie all the while. */
START_TEST(g5_pid_is_its_own_until_the_callback)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct seen seen = { 0 };
	struct sigchld_child *child;
	struct harness_child held;

	held = harness_fork_watched(ctx, &child, 0, 0, look, &seen);
	end_child(&held);
	/* It finds the end, and leaves it to the dispatch. */
	ck_assert_int_eq(sigchld_child_discard(child, 0, NULL, NULL), -ESRCH);
	ck_assert(harness_is_zombie(held.pid));
	ck_assert_int_eq(seen.n, 0);
	ck_assert_int_eq(sigchld_dispatch(ctx), 1);
	ck_assert_int_eq(seen.n, 1);
	ck_assert(seen.zombie);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

START_TEST(g5_pid_of_a_stolen_child_is_free)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct seen seen = { 0 };
	struct harness_child held;

	held = harness_fork_watched(ctx, NULL, 0, 0, look, &seen);
	harness_release(&held);
	ck_assert_int_eq(waitpid(held.pid, NULL, 0), held.pid);
	harness_wait_for(ctx, &seen.n, 1);
	ck_assert_uint_eq(seen.source,
	    harness_recovers() ? SIGCHLD_SOURCE_PIDFD_INFO
			       : SIGCHLD_SOURCE_NONE);
	ck_assert(!seen.zombie);
	ck_assert_int_eq(seen.kill_rc, -ESRCH);
	if (seen.again > 0)
		check_process(seen.again);
	sigchld_free(ctx);
}
END_TEST

START_TEST(g5_pid_of_a_reported_child_is_free)
{
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.handler = SIGCHLD_HANDLER_APP));
	struct seen seen = { 0 };
	struct sigchld_child *child;
	struct harness_child held;
	int wstatus;

	held = harness_fork_watched(ctx, &child, 0, 3, look, &seen);
	harness_release(&held);
	ck_assert_int_eq(waitpid(held.pid, &wstatus, 0), held.pid);
	ck_assert_int_eq(sigchld_reaped(ctx, held.pid, wstatus), 1);
	ck_assert_int_eq(sigchld_child_kill(child, SIGKILL), -ESRCH);
	ck_assert_int_eq(sigchld_dispatch(ctx), 1);
	ck_assert_uint_eq(seen.source, SIGCHLD_SOURCE_APP);
	ck_assert(!seen.zombie);
	ck_assert_int_eq(seen.kill_rc, -ESRCH);
	if (seen.again > 0)
		check_process(seen.again);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

HARNESS("g5",
    {
	HARNESS_TEST(g5_pid_is_its_own_during_the_callback),
	HARNESS_TEST(g5_pid_is_its_own_until_the_callback),
	HARNESS_TEST(g5_pid_of_a_stolen_child_is_free),
	HARNESS_TEST(g5_pid_of_a_reported_child_is_free),
    })
