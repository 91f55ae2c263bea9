/*
 * test_need.c - the handler is there exactly while somebody needs it
 *
 * wrap: sigaction
 * wake: signal
 */
#include "async/sys.h"
#include "help.h"

static int n_set; /* actions that were changed */

int __real_sigchld__sys_sigaction(int sig, const struct sigaction *action,
    struct sigaction *before);
int __wrap_sigchld__sys_sigaction(int sig, const struct sigaction *action,
    struct sigaction *before);

int
__wrap_sigchld__sys_sigaction(int sig, const struct sigaction *action,
    struct sigaction *before)
{
	if (action != NULL)
		n_set++;
	return __real_sigchld__sys_sigaction(sig, action, before);
}

static bool
ours(void)
{
	return !handler_is(SIG_DFL);
}

static int
deny(struct sigchld_ctx *ctx, const struct sigchld_event *event, void *user)
{
	(void)ctx;
	(void)event;
	(void)user;
	return -ESRCH;
}

START_TEST(from_the_first_child_to_the_last)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child a, b;

	ck_assert(!ours());
	a = harness_fork_watched(ctx, NULL, 0, 0, harness_on_event, &log);
	ck_assert(ours());
	b = harness_fork_watched(ctx, NULL, 0, 0, harness_on_event, &log);
	harness_release(&a);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert(ours());
	harness_release(&b);
	harness_wait_for(ctx, &log.count, 2);
	ck_assert(!ours());
	ck_assert_int_eq(n_set, 2);
	sigchld_free(ctx);
}
END_TEST

START_TEST(while_any_context_has_a_child)
{
	struct sigchld_ctx *a = open_ctx(NULL), *b = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child in_a, in_b;

	in_a = harness_fork_watched(a, NULL, 0, 0, harness_on_event, &log);
	in_b = harness_fork_watched(b, NULL, 0, 1, harness_on_event, &log);
	harness_release(&in_a);
	harness_wait_for(a, &log.count, 1);
	sigchld_free(a);
	ck_assert(ours());
	sigchld_free(b);
	ck_assert(!ours());
	harness_release(&in_b);
	ck_assert_int_eq(exit_code(in_b.pid), 1);
}
END_TEST

START_TEST(until_the_event_is_told_and_not_merely_seen)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };

	(void)watched_zombie(ctx, NULL, 0, harness_on_event, &log);
	ck_assert(ours());
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert(!ours());
	sigchld_free(ctx);
}
END_TEST

START_TEST(always_is_for_the_whole_life)
{
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.flags = SIGCHLD_ALWAYS));
	struct harness_log log = { .count = 0 };

	ck_assert(ours());
	(void)watched_zombie(ctx, NULL, 0, harness_on_event, &log);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert(ours());
	ck_assert_int_eq(n_set, 1);
	sigchld_free(ctx);
	ck_assert(!ours());
	ck_assert_int_eq(n_set, 2);
}
END_TEST

START_TEST(strays_need_it_too)
{
	struct sigchld_ctx *ctx = open_ctx(SIGCHLD_OPTIONS(.on_stray = deny));

	ck_assert(ours());
	sigchld_free(ctx);
	ck_assert(!ours());
}
END_TEST

/* ALWAYS holds the handler, but without a child it is woken by nobody. */
START_TEST(a_context_without_a_child_is_not_woken)
{
	struct sigchld_ctx *idle =
	    open_ctx(SIGCHLD_OPTIONS(.flags = SIGCHLD_ALWAYS));

	ck_assert_int_eq(raise(SIGCHLD), 0);
	ck_assert(!harness_readable(sigchld_fd(idle), 0));
	ck_assert_uint_eq(stats_of(idle).wakeups, 0);
	ck_assert_uint_eq(stats_of(idle).signals, 1);
	sigchld_free(idle);
}
END_TEST

START_TEST(a_child_that_was_waited_for_needs_it_no_more)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_child *child;

	(void)watched_zombie(ctx, &child, 0, NULL, NULL);
	ck_assert(ours());
	MUST_BE(1, sigchld_child_wait(child, -1, NULL));
	ck_assert(!ours());
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

HARNESS("need",
    {
	HARNESS_TEST(from_the_first_child_to_the_last),
	HARNESS_TEST(while_any_context_has_a_child),
	HARNESS_TEST(until_the_event_is_told_and_not_merely_seen),
	HARNESS_TEST(always_is_for_the_whole_life),
	HARNESS_TEST(strays_need_it_too),
	HARNESS_TEST(a_context_without_a_child_is_not_woken),
	HARNESS_TEST(a_child_that_was_waited_for_needs_it_no_more),
    })
