/*
 * test_app.c - when the application handles SIGCHLD
 *
 * wrap: waitid
 */
#include "core/sys.h"
#include "help.h"

static pid_t reaped_pid; /* by the library, last */

int __real_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);
int __wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);

int
__wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options)
{
	if (!(options & WNOWAIT))
		reaped_pid = id;
	return __real_sigchld__sys_waitid(type, id, ret_wait, options);
}

static const struct sigchld_options app = {
	.size = sizeof(app),
	.handler = SIGCHLD_HANDLER_APP,
};

static void
wait_status(pid_t pid, int *ret_status)
{
	ck_assert_int_eq(waitpid(pid, ret_status, 0), pid);
}

START_TEST(app_installs_no_handler_and_is_not_woken_by_the_signal)
{
	struct sigchld_ctx *ctx = open_ctx(&app);
	struct harness_log log = { .count = 0 };
	struct harness_child held =
	    harness_fork_watched(ctx, NULL, 0, 3, harness_on_event, &log);

	ck_assert(handler_is(SIG_DFL));
	(void)sigchld_dispatch(ctx);
	harness_release(&held);
	harness_await_zombie(held.pid);
	ck_assert(!harness_readable(sigchld_fd(ctx), 0));
	MUST_BE(0, sigchld_dispatch(ctx));
	MUST_BE(0, sigchld_occurred(ctx));
	ck_assert(harness_readable(sigchld_fd(ctx), 0));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(log.wstatus, 3 << 8);
	ck_assert_int_eq(log.source, SIGCHLD_SOURCE_WAIT);
	sigchld_free(ctx);
}
END_TEST

START_TEST(occurred_without_a_context_is_for_all)
{
	struct sigchld_ctx *a = open_ctx(&app), *b = open_ctx(&app),
			   *c = open_ctx(NULL);
	struct harness_log log = { .count = 0 };

	block_sigchld(SIG_BLOCK);
	(void)watched_zombie(a, NULL, 0, harness_on_event, &log);
	(void)watched_zombie(b, NULL, 0, harness_on_event, &log);
	(void)watched_zombie(c, NULL, 0, harness_on_event, &log);
	MUST_BE(0, sigchld_occurred(NULL));
	MUST_BE(1, sigchld_dispatch(a));
	MUST_BE(1, sigchld_dispatch(b));
	MUST_BE(1, sigchld_dispatch(c));
	ck_assert_int_eq(log.count, 3);
	sigchld_free(a);
	sigchld_free(b);
	sigchld_free(c);
	block_sigchld(SIG_UNBLOCK);
}
END_TEST

START_TEST(occurred_for_one_is_for_that_one)
{
	struct sigchld_ctx *a = open_ctx(&app), *b = open_ctx(&app);
	struct harness_log log_a = { .count = 0 }, log_b = { .count = 0 };
	struct harness_child held_a, held_b;

	held_a = harness_fork_watched(a, NULL, 0, 0, harness_on_event, &log_a);
	held_b = harness_fork_watched(b, NULL, 0, 0, harness_on_event, &log_b);
	(void)sigchld_dispatch(a);
	(void)sigchld_dispatch(b);
	harness_release(&held_a);
	harness_release(&held_b);
	harness_await_zombie(held_a.pid);
	harness_await_zombie(held_b.pid);
	MUST_BE(0, sigchld_occurred(a));
	MUST_BE(1, sigchld_dispatch(a));
	MUST_BE(0, sigchld_dispatch(b));
	MUST_BE(0, sigchld_occurred(b));
	MUST_BE(1, sigchld_dispatch(b));
	sigchld_free(a);
	sigchld_free(b);
}
END_TEST

/* Reaped by the application */

START_TEST(reaped_counts_as_dead_at_once)
{
	struct sigchld_ctx *ctx = open_ctx(&app);
	struct harness_log log = { .count = 0 };
	struct sigchld_child *child;
	pid_t pid = watched_zombie(ctx, &child, 44, harness_on_event, &log);
	int status;

	wait_status(pid, &status);
	MUST_BE(1, sigchld_reaped(ctx, pid, status));
	MUST_BE(0, sigchld_reaped(ctx, pid, status));
	MUST_BE(-ESRCH, sigchld_child_kill(child, SIGKILL));
	MUST_BE(-ESRCH, sigchld_child_stop(child, 0, 0));
	ck_assert(harness_readable(sigchld_fd(ctx), 0));
	reaped_pid = 0;
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(reaped_pid, 0);
	ck_assert_int_eq(log.count, 1);
	ck_assert_int_eq(log.wstatus, 44 << 8);
	ck_assert_int_eq(log.what, SIGCHLD_EXITED);
	ck_assert_int_eq(log.source, SIGCHLD_SOURCE_APP);
	ck_assert_uint_eq(log.known, 0);
	ck_assert_uint_eq(stats_of(ctx).stolen, 0);
	ck_assert_int_eq(sigchld_child_pid(child), pid);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

START_TEST(reaped_by_a_signal_is_told_so)
{
	struct sigchld_ctx *ctx = open_ctx(&app);
	struct harness_log log = { .count = 0 };
	struct harness_child held =
	    harness_fork_watched(ctx, NULL, 0, 0, harness_on_event, &log);
	int status;

	ck_assert_int_eq(kill(held.pid, SIGKILL), 0);
	wait_status(held.pid, &status);
	MUST_BE(1, sigchld_reaped(NULL, held.pid, status));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(log.what, SIGCHLD_SIGNALED);
	ck_assert_int_eq(log.wstatus, SIGKILL);
	harness_release(&held);
	sigchld_free(ctx);
}
END_TEST

START_TEST(reaped_knows_whose_child_it_was)
{
	struct sigchld_ctx *a = open_ctx(&app), *b = open_ctx(&app);
	struct harness_log log = { .count = 0 };
	pid_t pid = watched_zombie(a, NULL, 0, harness_on_event, &log);
	int status;

	wait_status(pid, &status);
	MUST_BE(0, sigchld_reaped(b, pid, status));
	MUST_BE(0, sigchld_reaped(NULL, 0x7fffffff, status));
	MUST_BE(1, sigchld_reaped(NULL, pid, status));
	MUST_BE(1, sigchld_dispatch(a));
	MUST_BE(0, sigchld_dispatch(b));
	sigchld_free(a);
	sigchld_free(b);
}
END_TEST

static void
reap_it_yourself(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	int status;

	harness_on_event(child, event, user);
	wait_status(event->pid, &status);
	(void)sigchld_reaped(NULL, event->pid, status);
}

/* From that on the pid may be another child's. */
START_TEST(g2_what_was_told_reaped_is_not_reaped_again)
{
	struct sigchld_ctx *ctx = open_ctx(&app);
	struct harness_log log = { .count = 0 };

	(void)watched_zombie(ctx, NULL, 4, reap_it_yourself, &log);
	reaped_pid = 0;
	MUST_BE(0, sigchld_occurred(ctx));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(reaped_pid, 0);
	ck_assert_uint_eq(stats_of(ctx).stolen, 0);
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert_int_eq(log.count, 1);
	sigchld_free(ctx);
}
END_TEST

START_TEST(reaped_works_for_a_context_with_our_handler_too)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	pid_t pid;
	int status;

	block_sigchld(SIG_BLOCK);
	pid = watched_zombie(ctx, NULL, 2, harness_on_event, &log);
	wait_status(pid, &status);
	MUST_BE(1, sigchld_reaped(NULL, pid, status));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(log.source, SIGCHLD_SOURCE_APP);
	ck_assert_int_eq(log.wstatus, 2 << 8);
	sigchld_free(ctx);
	block_sigchld(SIG_UNBLOCK);
}
END_TEST

START_TEST(reaped_frees_the_pid_for_another_watch)
{
	struct sigchld_ctx *ctx = open_ctx(&app);
	struct harness_log log = { .count = 0 };
	struct harness_child held =
	    harness_fork_watched(ctx, NULL, 0, 1, harness_on_event, &log);

	MUST_BE(1, sigchld_reaped(NULL, held.pid, 0));
	MUST_BE(0,
	    sigchld_watch(ctx, NULL, held.pid, 0, harness_on_event, &log));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(log.source, SIGCHLD_SOURCE_APP);
	harness_release(&held);
	harness_await_zombie(held.pid);
	MUST_BE(0, sigchld_occurred(ctx));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(log.source, SIGCHLD_SOURCE_WAIT);
	sigchld_free(ctx);
}
END_TEST

START_TEST(wrong_use_is_refused)
{
	struct sigchld_ctx *ctx = open_ctx(&app);
	struct harness_log log = { .count = 0 };
	struct harness_child held =
	    harness_fork_watched(ctx, NULL, 0, 1, harness_on_event, &log);
	pid_t pid;

	MUST_BE(-EINVAL, sigchld_reaped(ctx, 0, 0));
	MUST_BE(-EINVAL, sigchld_reaped(ctx, -1, 0));
	MUST_BE(-EINVAL, sigchld_reaped(ctx, held.pid, 0x137f)); /* stopped */
	MUST_BE(-EINVAL, sigchld_reaped(ctx, held.pid, 0xffff)); /* continued */
	ck_assert_uint_eq(stats_of(ctx).children, 1);
	pid = fork();
	if (pid == 0) {
		CHILD_MUST(sigchld_occurred(ctx) == -EPERM);
		CHILD_MUST(sigchld_occurred(NULL) == -EPERM);
		CHILD_MUST(sigchld_reaped(ctx, held.pid, 0) == -EPERM);
		CHILD_MUST(sigchld_reaped(NULL, held.pid, 0) == -EPERM);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
	MUST_BE(0, sigchld_dispatch(ctx));
	harness_release(&held);
	harness_await_zombie(held.pid);
	MUST_BE(0, sigchld_occurred(ctx));
	MUST_BE(1, sigchld_dispatch(ctx));
	sigchld_free(ctx);
}
END_TEST

START_TEST(before_any_context_they_do_nothing)
{
	MUST_BE(0, sigchld_occurred(NULL));
	MUST_BE(0, sigchld_reaped(NULL, 4711, 0));
	MUST_BE(0, sigchld_postfork());
	MUST_BE(0, sigchld_health());
}
END_TEST

HARNESS("app",
    {
	HARNESS_TEST(app_installs_no_handler_and_is_not_woken_by_the_signal),
	HARNESS_TEST(occurred_without_a_context_is_for_all),
	HARNESS_TEST(occurred_for_one_is_for_that_one),
	HARNESS_TEST(reaped_counts_as_dead_at_once),
	HARNESS_TEST(reaped_by_a_signal_is_told_so),
	HARNESS_TEST(reaped_knows_whose_child_it_was),
	HARNESS_TEST(g2_what_was_told_reaped_is_not_reaped_again),
	HARNESS_TEST(reaped_works_for_a_context_with_our_handler_too),
	HARNESS_TEST(reaped_frees_the_pid_for_another_watch),
	HARNESS_TEST(wrong_use_is_refused),
	HARNESS_TEST(before_any_context_they_do_nothing),
    })
