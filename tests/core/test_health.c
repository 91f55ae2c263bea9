/*
 * test_health.c - how SIGCHLD stands in this process
 */
#include "help.h"

static void (*below)(int);
static struct sigaction beneath;

static void
deaf(int sig)
{
	(void)sig;
}

/* Calls whoever was there before, as one should. */
static void
polite(int sig, siginfo_t *info, void *context)
{
	if (beneath.sa_flags & SA_SIGINFO)
		beneath.sa_sigaction(sig, info, context);
	else if (below != NULL)
		below(sig);
}

struct stage {
	struct sigchld_ctx *ctx;
	struct harness_child held;
	struct harness_log log;
};

static void
set_stage(struct stage *s)
{
	memset(s, 0, sizeof(*s));
	s->ctx = open_ctx(NULL);
	s->held =
	    harness_fork_watched(s->ctx, NULL, 0, 0, harness_on_event, &s->log);
	(void)sigchld_dispatch(s->ctx);
	ck_assert_uint_eq(health(), 0);
}

static void
clear_stage(struct stage *s)
{
	harness_release(&s->held);
	while (s->log.count == 0) {
		harness_await_zombie(s->held.pid);
		MUST_BE(0, sigchld_occurred(NULL));
		ck_assert_int_ge(sigchld_dispatch(s->ctx), 0);
	}
	sigchld_free(s->ctx);
}

START_TEST(a_handler_on_top_that_calls_ours_is_foreign_and_no_more)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO };
	struct stage s;

	set_stage(&s);
	action.sa_sigaction = polite;
	ck_assert_int_eq(sigaction(SIGCHLD, &action, &beneath), 0);
	ck_assert_uint_eq(health(), SIGCHLD_HEALTH_FOREIGN);
	harness_release(&s.held);
	harness_wait_for(s.ctx, &s.log.count, 1);
	ck_assert_int_eq(sigaction(SIGCHLD, &beneath, NULL), 0);
	sigchld_free(s.ctx);
	ck_assert_uint_eq(health(), 0);
}
END_TEST

START_TEST(one_that_does_not_call_ours_is_told_lost)
{
	struct sigaction action = { .sa_handler = deaf };
	struct harness_log log = { .count = 0 };
	struct harness_child other;
	struct stage s;

	set_stage(&s);
	other = harness_fork_watched(s.ctx, NULL, 0, 0, harness_on_event, &log);
	ck_assert_int_eq(sigaction(SIGCHLD, &action, &beneath), 0);
	harness_release(&other);
	harness_await_zombie(other.pid);
	ck_assert_uint_eq(health(), SIGCHLD_HEALTH_FOREIGN);
	/* Something else has it look: it finds a death it was not told of. */
	MUST_BE(0, sigchld_occurred(s.ctx));
	MUST_BE(1, sigchld_dispatch(s.ctx));
	ck_assert_uint_eq(health(),
	    SIGCHLD_HEALTH_FOREIGN | SIGCHLD_HEALTH_LOST);
	ck_assert_int_eq(sigaction(SIGCHLD, &beneath, NULL), 0);
	ck_assert_uint_eq(health(), 0);
	clear_stage(&s);
}
END_TEST

START_TEST(ignored)
{
	struct sigaction no_wait = { .sa_handler = deaf,
		.sa_flags = SA_NOCLDWAIT };
	struct stage s;

	set_stage(&s);
	ck_assert_int_eq(sigaction(SIGCHLD, NULL, &beneath), 0);
	(void)signal(SIGCHLD, SIG_IGN);
	ck_assert_uint_ne(health() & SIGCHLD_HEALTH_IGNORED, 0);
	ck_assert_int_eq(sigaction(SIGCHLD, &no_wait, NULL), 0);
	ck_assert_uint_ne(health() & SIGCHLD_HEALTH_IGNORED, 0);
	ck_assert_int_eq(sigaction(SIGCHLD, &beneath, NULL), 0);
	ck_assert_uint_eq(health(), 0);
	clear_stage(&s);
}
END_TEST

START_TEST(blocked_is_pending_at_two_checks_in_a_row)
{
	struct stage s;

	set_stage(&s);
	block_sigchld(SIG_BLOCK);
	ck_assert_uint_eq(health(), 0);
	ck_assert_uint_eq(health(), 0); /* blocked, but nothing is pending */
	ck_assert_int_eq(raise(SIGCHLD), 0);
	ck_assert_uint_eq(health(), 0);
	ck_assert_uint_eq(health(), SIGCHLD_HEALTH_BLOCKED);
	block_sigchld(SIG_UNBLOCK);
	ck_assert_uint_eq(health(), 0);
	clear_stage(&s);
}
END_TEST

START_TEST(theft)
{
	struct stage s;

	set_stage(&s);
	harness_release(&s.held);
	reap_by_hand(s.held.pid);
	harness_wait_for(s.ctx, &s.log.count, 1);
	ck_assert_uint_eq(health(), SIGCHLD_HEALTH_THEFT);
	sigchld_free(s.ctx);
}
END_TEST

/* Nobody depends on the signal: whatever it is, it is well. */
START_TEST(without_a_child_that_needs_it_nothing_is_told)
{
	struct sigchld_ctx *ctx;
	struct harness_child held;

	(void)signal(SIGCHLD, SIG_IGN);
	MUST_BE(0, sigchld_health());
	ctx = open_ctx(SIGCHLD_OPTIONS(.handler = SIGCHLD_HANDLER_APP));
	held = harness_fork_watched(ctx, NULL, 0, 0, NULL, NULL);
	MUST_BE(0, sigchld_health());
	(void)signal(SIGCHLD, SIG_DFL);
	harness_release(&held);
	harness_await_zombie(held.pid);
	MUST_BE(0, sigchld_occurred(ctx));
	MUST_BE(0, sigchld_dispatch(ctx));
	sigchld_free(ctx);
}
END_TEST

HARNESS("health",
    {
	HARNESS_SIGNAL_TEST(
	    a_handler_on_top_that_calls_ours_is_foreign_and_no_more),
	HARNESS_SIGNAL_TEST(one_that_does_not_call_ours_is_told_lost),
	HARNESS_SIGNAL_TEST(ignored),
	HARNESS_SIGNAL_TEST(blocked_is_pending_at_two_checks_in_a_row),
	HARNESS_TEST(theft),
	HARNESS_TEST(without_a_child_that_needs_it_nothing_is_told),
    })
