/*
 * test_timer.c - what the floors above do later
 *
 * Their times are in the past, long ago or just now, so that nothing depends on
 * how fast the machine is; but for the first, which really waits.
 */
#include "core/ctx.h"
#include "core/sys.h"
#include "core/timer.h"
#include "help.h"

#define MANY 300

struct entry {
	struct sigchld__timer timer;
	int64_t wanted; /* the time it was set to; 0: not set */
	int n_called;
};

static struct entry entries[MANY];
static int n_called;
static int64_t last_at;

/* What it was set to is gone from the timer by now. */
static void
on_time(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct entry *entry = (struct entry *)(void *)timer;

	(void)run;
	ck_assert_int_eq(timer->at, 0);
	ck_assert_int_ne(entry->wanted, 0);
	ck_assert_int_le(last_at, entry->wanted);
	last_at = entry->wanted;
	entry->wanted = 0;
	entry->n_called++;
	n_called++;
}

static void
set(struct sigchld_ctx *ctx, struct entry *entry, int64_t at)
{
	sigchld__ctx_lock(ctx);
	sigchld__timer_set(ctx, &entry->timer, at);
	sigchld__ctx_unlock(ctx);
	entry->wanted = at;
}

static struct sigchld_ctx *
open_with_timers(sigchld__timer_fn *fn)
{
	int i;

	memset(entries, 0, sizeof(entries));
	for (i = 0; i < MANY; i++)
		entries[i].timer.fn = fn;
	n_called = 0;
	last_at = 0;
	return open_ctx(NULL);
}

START_TEST(it_is_called_at_its_time_and_once)
{
	struct sigchld_ctx *ctx = open_with_timers(on_time);
	int64_t at = sigchld__sys_now_ms() + 20;

	set(ctx, &entries[0], at);
	MUST_BE(0, sigchld_dispatch(ctx));
	harness_wait_for(ctx, &n_called, 1);
	ck_assert_int_ge(sigchld__sys_now_ms(), at);
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert_int_eq(n_called, 1);
	MUST_BE(-1, sigchld_timeout(ctx));
	ck_assert_int_eq(ctx->next_deadline, 0); /* and the wait may be long */
	sigchld_free(ctx);
}
END_TEST

START_TEST(one_that_has_passed_wakes_who_waits)
{
	struct sigchld_ctx *ctx = open_with_timers(on_time);

	set(ctx, &entries[0], 1);
	ck_assert(harness_readable(sigchld_fd(ctx), 1000) ||
	    sigchld_timeout(ctx) == 0);
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert_int_eq(n_called, 1);
	sigchld_free(ctx);
}
END_TEST

START_TEST(one_that_is_taken_back_is_not_called)
{
	struct sigchld_ctx *ctx = open_with_timers(on_time);
	int i;

	for (i = 0; i < 3; i++)
		set(ctx, &entries[i], 10 + i);
	set(ctx, &entries[0], 0);
	set(ctx, &entries[2], 0);
	set(ctx, &entries[2], 0);
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert_int_eq(n_called, 1);
	ck_assert_int_eq(entries[1].n_called, 1);
	sigchld_free(ctx);
}
END_TEST

/* Numbers that look like chance and are the same each time. */
static uint32_t
chance(uint32_t below)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % below;
}

/* Set, set anew and taken back at random: those that are set are called, in the
 * order of their times. */
START_TEST(the_first_is_the_first_whatever_was_set_and_taken_back)
{
	struct sigchld_ctx *ctx = open_with_timers(on_time);
	int round, i, n_set;

	for (round = 0; round < 20; round++) {
		for (i = 0; i < 2000; i++)
			set(ctx, &entries[chance(MANY)],
			    chance(3) == 0 ? 0 : 1 + chance(100));
		for (i = n_set = 0; i < MANY; i++)
			n_set += entries[i].wanted != 0;
		n_called = 0;
		last_at = 0;
		MUST_BE(0, sigchld_dispatch(ctx));
		ck_assert_int_gt(n_set, 0);
		ck_assert_int_eq(n_called, n_set);
		for (i = 0; i < MANY; i++)
			ck_assert_int_eq(entries[i].wanted, 0);
	}
	sigchld_free(ctx);
}
END_TEST

static void
set_anew(struct sigchld__run *run, struct sigchld__timer *timer)
{
	n_called++;
	sigchld__timer_set(run->ctx, timer, 1);
}

START_TEST(who_sets_it_anew_does_not_hold_up_the_dispatch)
{
	struct sigchld_ctx *ctx = open_with_timers(set_anew);
	int i;

	set(ctx, &entries[0], 1);
	for (i = 1; i <= 5; i++)
		harness_wait_for(ctx, &n_called, i);
	ck_assert_int_eq(n_called, 5);
	set(ctx, &entries[0], 0);
	sigchld_free(ctx);
}
END_TEST

static void
take_back_the_next(struct sigchld__run *run, struct sigchld__timer *timer)
{
	n_called++;
	sigchld__timer_set(run->ctx, timer + 1, 0);
}

START_TEST(one_may_take_back_another_that_is_due)
{
	static struct sigchld__timer two[2] = {
		{ .fn = take_back_the_next },
		{ .fn = take_back_the_next },
	};
	struct sigchld_ctx *ctx = open_with_timers(on_time);

	sigchld__ctx_lock(ctx);
	sigchld__timer_set(ctx, &two[0], 1);
	sigchld__timer_set(ctx, &two[1], 2);
	sigchld__ctx_unlock(ctx);
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert_int_eq(n_called, 1);
	sigchld_free(ctx);
}
END_TEST

static void
free_ctx(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld__call call;

	(void)timer;
	n_called++;
	sigchld__call_begin(&call, run->ctx);
	sigchld_free(run->ctx);
	(void)sigchld__call_end(&call);
}

START_TEST(of_a_context_that_is_closed_no_more_are_called)
{
	struct sigchld_ctx *ctx = open_with_timers(free_ctx);

	set(ctx, &entries[0], 1);
	set(ctx, &entries[1], 2);
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert_int_eq(n_called, 1);
}
END_TEST

static pid_t forked;

static void
fork_now(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld__call call;

	(void)timer;
	if (n_called++ > 0)
		return;
	sigchld__call_begin(&call, run->ctx);
	forked = fork();
	run->forked = !sigchld__call_end(&call);
}

START_TEST(after_a_fork_in_one_the_child_calls_no_more)
{
	struct sigchld_ctx *ctx = open_with_timers(fork_now);
	int rc;

	set(ctx, &entries[0], 1);
	set(ctx, &entries[1], 2);
	rc = sigchld_dispatch(ctx);
	if (forked == 0)
		_exit(rc == -EPERM && n_called == 1 ? 0 : 1);
	MUST_BE(0, rc);
	ck_assert_int_eq(n_called, 2);
	ck_assert_int_eq(exit_code(forked), 0);
	sigchld_free(ctx);
}
END_TEST

HARNESS("timer",
    {
	HARNESS_TEST(it_is_called_at_its_time_and_once),
	HARNESS_TEST(one_that_has_passed_wakes_who_waits),
	HARNESS_TEST(one_that_is_taken_back_is_not_called),
	HARNESS_TEST(the_first_is_the_first_whatever_was_set_and_taken_back),
	HARNESS_TEST(who_sets_it_anew_does_not_hold_up_the_dispatch),
	HARNESS_TEST(one_may_take_back_another_that_is_due),
	HARNESS_TEST(of_a_context_that_is_closed_no_more_are_called),
	HARNESS_TEST(after_a_fork_in_one_the_child_calls_no_more),
    })
