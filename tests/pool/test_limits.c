/*
 * test_limits.c - S7, P21, P24, P33, P35, P37: limits, to the one; and none
 *
 * wrap: now_ms now_us timerfd_arm
 */
#include "help2.h"
#include "help3.h"
#include "worker/pool.h"

/* Without looking at what there is of it. */
static int
submit_len(struct stage *stage, size_t len)
{
	return sigchld_pool_submit(stage->pool, NULL,
	    SIGCHLD_REQUEST(.data = "x", .len = len));
}

START_TEST(p21_the_largest_and_one_byte_more)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	options.on_request = tell_digest;
	options.request_max = 100;
	play_until_idle(&stage, &options);
	asked = ask_filled(&stage, 100, 1, NULL);
	UNTIL(&stage, asked->n_replies == 1);
	check_digest(asked, 100, 1);
	MUST_BE(-EMSGSIZE, submit_len(&stage, 101));
	stage_close(&stage);
}
END_TEST

/* The sum of two lengths would be a small number. */
START_TEST(p35_lengths_that_wrap)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	if (sizeof(size_t) < sizeof(uint64_t))
		harness_skip("no length is that large");
	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	options.backlog_bytes = options.request_max = UINT64_MAX;
	play_until_idle(&stage, &options);
	keep_busy(&stage, 0, 1);
	asked = ask(&stage, "echo it");
	MUST_BE(-EAGAIN, submit_len(&stage, SIZE_MAX));
	MUST_BE(-EAGAIN, submit_len(&stage, SIZE_MAX - strlen("echo i")));
	ck_assert_uint_eq(stats_of_pool(&stage).backlog, 1);
	ck_assert_uint_eq(stats_of_pool(&stage).refused, 2);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, asked->n_replies == 1);
	stage_close(&stage);
}
END_TEST

START_TEST(p35_each_that_waits_counts)
{
	struct sigchld_pool_options options;
	struct stage stage;
	uint32_t i;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	play_until_idle(&stage, &options);
	keep_busy(&stage, 0, 1);
	ck_assert_uint_eq(stats_of_pool(&stage).most_backlog, 0);
	for (i = 1; i <= 3; i++) {
		(void)ask(&stage, "echo it");
		ck_assert_uint_eq(stats_of_pool(&stage).backlog, i);
		ck_assert_uint_eq(stats_of_pool(&stage).most_backlog, i);
		ck_assert_uint_eq(stats_of_pool(&stage).backlog_bytes, 7 * i);
	}
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_replies == 4);
	ck_assert_uint_eq(stats_of_pool(&stage).backlog, 0);
	ck_assert_uint_eq(stats_of_pool(&stage).backlog_bytes, 0);
	ck_assert_uint_eq(stats_of_pool(&stage).most_backlog, 3);
	stage_close(&stage);
}
END_TEST

/* The limits of the pool do not hold for it, nor any other: months pass. */
START_TEST(p24_one_without_a_limit)
{
	const struct sigchld_request with = {
		.timeout_ms = SIGCHLD_POOL_NONE,
		.ttl_ms = SIGCHLD_POOL_NONE,
	};
	struct sigchld_pool_options options;
	struct asked *served = NULL, *waits = NULL;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	options.request_ms = options.backlog_ttl_ms = 1000;
	play_until_idle(&stage, &options);
	MUST_BE(0, ask_with(&stage, "wait 0", 6, &with, &served));
	MUST_BE(0, ask_with(&stage, "echo it", 7, &with, &waits));
	UNTIL(&stage, n_said(&stage, 'w') == 1);
	time_passes(&stage, UINT32_MAX);
	time_passes(&stage, UINT32_MAX);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_replies, 0);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_replies == 2);
	ck_assert_uint_eq(served->reply.outcome, SIGCHLD_DONE);
	ck_assert_uint_eq(waits->reply.outcome, SIGCHLD_DONE);
	stage_close(&stage);
}
END_TEST

/* What would be slow only later is late by then. */
START_TEST(p24_late_before_it_is_slow)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	no_core_files();
	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	options.request_ms = 1000;
	options.slow_ms = HOUR;
	play_until_idle(&stage, &options);
	asked = ask_to_wait(&stage, 0);
	time_passes(&stage, 2000);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_TIMEOUT);
	stage_close(&stage);
}
END_TEST

static int
begin_and_wait(struct sigchld_worker *worker, void *user)
{
	(void)sigchld_worker_begin(worker);
	say_from(user, worker, 'b');
	(void)pass(user, 0);
	(void)sigchld_worker_done(worker);
	return 0;
}

/* Nobody looks at it all the time from then on. */
START_TEST(p24_a_listener_that_is_slow_keeps_nobody_busy)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	options.on_request = NULL;
	options.run = begin_and_wait;
	options.slow_ms = 1000;
	stage_play(&stage, &options);
	UNTIL(&stage, n_said(&stage, 'b') == 1);
	be_calm(&stage);
	time_passes(&stage, 2000);
	UNTIL(&stage, stage.n_slows == 1);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_slows, 1);
	stage_close(&stage);
}
END_TEST

static int
start_late(struct sigchld_worker *worker, void *user)
{
	say_from(user, worker, 'i');
	(void)pass(user, 1);
	return 0;
}

/* Who goes and may take any time is not hurried. */
START_TEST(p33_who_goes_without_a_limit)
{
	struct sigchld_pool_options options;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	options.stop_ms = SIGCHLD_POOL_NONE;
	options.kill_ms = 1000;
	play_until_idle(&stage, &options);
	pid = worker_in(&stage, 0);
	keep_busy(&stage, 0, 1);
	MUST_BE(0, sigchld_pool_roll(stage.pool, 1));
	UNTIL(&stage,
	    stats_of_pool(&stage).stopping == 1 &&
		stats_of_pool(&stage).idle == 1);
	time_passes(&stage, UINT32_MAX);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_replies == 1 && stage.n_ends == 1);
	ck_assert_uint_eq(stage.asked[0]->reply.outcome, SIGCHLD_DONE);
	ck_assert_int_eq(stage.ends[0].pid, pid);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_ROLLED);
	ck_assert_int_eq(stage.ends[0].wstatus, 0);
	stage_close(&stage);
}
END_TEST

static bool
has_deadline(const struct stage *stage)
{
	const struct sigchld_pool *pool = stage->pool;

	return pool->fork_timer.at != 0 || pool->tick.at != 0 ||
	    pool->idle_timer.at != 0 || pool->stop_timer.at != 0;
}

/* A band that lacks idle ones has a tick; but not when it stops. */
START_TEST(p37_what_stops_without_a_limit_has_no_deadline)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 20);
	options.spare_min = 15;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle >= 1);
	keep_busy(&stage, 0, 1);
	be_calm(&stage);
	ck_assert(has_deadline(&stage));
	MUST_BE(0,
	    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT,
		SIGCHLD_POOL_NONE));
	UNTIL(&stage, stage.n_ends == stage.n_forks - 1);
	be_calm(&stage);
	ck_assert(!has_deadline(&stage));
	let_pass(&stage, 0, 1);
	UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_STOPPED));
	stage_close(&stage);
}
END_TEST

static int
first_fails(struct sigchld_worker *worker, void *user)
{
	return mark(user, 0) == 1 ? 1 : start_late(worker, user);
}

/* One slot waits because its worker failed, one starts: that is enough for two. */
START_TEST(s7_a_slot_that_waits_is_for_who_waits)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 0, 10);
	options.flags = SIGCHLD_POOL_ON_DEMAND;
	options.on_init = first_fails;
	options.backoff_ms = options.backoff_max_ms = HOUR;
	stage_play(&stage, &options);
	ask_often(&stage, "echo it", 1);
	UNTIL(&stage, stage.n_ends == 1);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_forks, 1);
	ask_often(&stage, "echo it", 1);
	UNTIL(&stage, n_said(&stage, 'i') == 1);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_forks, 2);
	let_all_pass(&stage, 1);
	UNTIL(&stage, stage.n_replies == 2);
	stage_close(&stage);
}
END_TEST

HARNESS("limits",
    {
	HARNESS_TEST(p33_who_goes_without_a_limit),
	HARNESS_TEST(p37_what_stops_without_a_limit_has_no_deadline),
	HARNESS_TEST(p21_the_largest_and_one_byte_more),
	HARNESS_TEST(p35_lengths_that_wrap),
	HARNESS_TEST(p35_each_that_waits_counts),
	HARNESS_TEST(p24_one_without_a_limit),
	HARNESS_TEST(p24_late_before_it_is_slow),
	HARNESS_TEST(p24_a_listener_that_is_slow_keeps_nobody_busy),
	HARNESS_TEST(s7_a_slot_that_waits_is_for_who_waits),
    })
