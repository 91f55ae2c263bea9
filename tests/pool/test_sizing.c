/*
 * test_sizing.c - how many workers there are: the spare band, resize, on demand,
 * and how long they live
 *
 * wrap: now_ms now_us timerfd_arm
 *
 * But for those that say so, the tests let time pass themselves: a tick is when
 * they say it is.
 */
#include "help3.h"

/* One tick; those that were forked at it are ready. Gives how many they are. */
static int
tick(struct stage *stage)
{
	const uint64_t before = stats_of_pool(stage).spawned;

	time_passes(stage, HOUR);
	be_calm(stage);
	UNTIL(stage, stats_of_pool(stage).starting == 0);
	return (int)(stats_of_pool(stage).spawned - before);
}

/* The first tick for what was asked now, when there were so many: at once, if the
 * last one is long ago, or else in an hour. */
static int
first_tick(struct stage *stage, int before)
{
	be_calm(stage);
	if (stage->n_forks == before)
		(void)tick(stage);
	UNTIL(stage, stats_of_pool(stage).starting == 0);
	be_calm(stage);
	return stage->n_forks - before;
}

static struct sigchld_pool_options
band_options(struct stage *stage, uint32_t min, uint32_t max,
    uint32_t spare_min, uint32_t spare_max)
{
	struct sigchld_pool_options options = slow_options(stage, min, max);

	options.spare_min = spare_min;
	options.spare_max = spare_max;
	return options;
}

/* Ten requests at once that nobody but ten workers can serve. */
START_TEST(p32_grows_by_one_two_four_at_each_tick)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int n;

	stage_open(&stage, NULL);
	options = band_options(&stage, 3, 20, 2, 5);
	play_until_idle(&stage, &options);
	ck_assert_int_eq(tick(&stage), 0); /* enough are idle */
	ask_often(&stage, "wait 0", 10);
	ck_assert_int_eq(first_tick(&stage, 3), 1);
	for (n = 2; n <= 4; n *= 2) {
		ck_assert_int_eq(tick(&stage), n);
		UNTIL(&stage, n_said(&stage, 'w') == 3 + 2 * n - 1);
		be_calm(&stage);
		ck_assert_int_eq(stage.n_forks, 3 + 2 * n - 1);
	}
	/* All are served, and nobody is spare. */
	(void)tick(&stage);
	UNTIL(&stage, stats_of_pool(&stage).idle >= 2);
	ck_assert_int_eq(tick(&stage), 0);
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_replies == 10);
	stage_close(&stage);
}
END_TEST

START_TEST(p32_never_more_than_the_most)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = band_options(&stage, 3, 20, 2, 5);
	play_until_idle(&stage, &options);
	ask_often(&stage, "wait 0", 30);
	for (i = 0; i < 12; i++)
		(void)tick(&stage);
	UNTIL(&stage, n_said(&stage, 'w') == 20);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_forks, 20);
	ck_assert_uint_eq(stats_of_pool(&stage).backlog, 10);
	ck_assert_uint_eq(stats_of_pool(&stage).most_workers, 20);
	ck_assert_uint_eq(stats_of_pool(&stage).most_busy, 20);
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_outcomes[SIGCHLD_DONE] == 30);
	stage_close(&stage);
}
END_TEST

/* Twenty workers are idle. */
static void
grow_to_twenty(struct stage *stage)
{
	int before = stage->n_replies;

	ask_often(stage, "wait 0", 20);
	while (n_said(stage, 'w') < 20) {
		(void)tick(stage);
		UNTIL(stage,
		    stats_of_pool(stage).idle == 0 ||
			stats_of_pool(stage).backlog == 0);
		UNTIL(stage,
		    n_said(stage, 'w') == (int)stats_of_pool(stage).busy);
	}
	let_pass(stage, 0, 20);
	UNTIL(stage, stage->n_replies == before + 20);
	UNTIL(stage, stats_of_pool(stage).idle == 20);
	ck_assert_int_eq(stage->n_ends, 0);
}

START_TEST(p32_shrinks_by_one_at_each_tick)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = band_options(&stage, 3, 20, 2, 5);
	play_until_idle(&stage, &options);
	grow_to_twenty(&stage);
	for (i = 1; i <= 15; i++) {
		ck_assert_int_eq(tick(&stage), 0);
		ck_assert_uint_eq(n_wanted(&stage), 20u - (uint32_t)i);
		UNTIL(&stage, stage.n_ends == i);
		be_calm(&stage);
		ck_assert_int_eq(stage.n_ends, i);
	}
	ck_assert_int_eq(tick(&stage), 0);
	be_calm(&stage);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_RETIRED), 15);
	ck_assert_int_eq(stage.n_ends, 15);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 5);
	stage_close(&stage);
}
END_TEST

START_TEST(p32_never_fewer_than_the_least)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = band_options(&stage, 3, 6, 1, 1);
	play_until_idle(&stage, &options);
	keep_busy(&stage, 0, 3);
	ask_often(&stage, "wait 0", 3);
	while (n_said(&stage, 'w') < 6) {
		(void)tick(&stage);
		UNTIL(&stage,
		    n_said(&stage, 'w') == 6 ||
			n_said(&stage, 'w') == stage.n_forks);
	}
	let_pass(&stage, 0, 6);
	UNTIL(&stage, stats_of_pool(&stage).idle == 6);
	for (i = 0; i < 6; i++) {
		(void)tick(&stage);
		be_calm(&stage);
	}
	ck_assert_int_eq(stage.n_ends, 3);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 3);
	stage_close(&stage);
}
END_TEST

/* on_request: counts what is begun. */
static int
count_and_obey(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	(void)mark(user, 0);
	return obey(worker, job, user);
}

/* While some are busy, and others get work in the very turn that sends one
 * away: whoever has a request finishes it, and each is begun once. */
START_TEST(p32_no_busy_worker_is_sent_away)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i, n_echoes = 0;

	stage_open(&stage, NULL);
	options = band_options(&stage, 1, 20, 1, 1);
	options.on_request = count_and_obey;
	play_until_idle(&stage, &options);
	grow_to_twenty(&stage);
	keep_busy(&stage, 1, 2);
	for (i = 1; i <= 17; i++) {
		ask_often(&stage, "echo before", i % 4);
		(void)tick(&stage);
		ask_often(&stage, "echo after", i % 3);
		n_echoes += i % 4 + i % 3;
		UNTIL(&stage, stage.n_replies == 20 + n_echoes);
	}
	for (; n_wanted(&stage) > 3; i++)
		(void)tick(&stage);
	be_calm(&stage);
	ck_assert_uint_eq(stats_of_pool(&stage).busy, 2);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 1);
	let_pass(&stage, 1, 2);
	UNTIL(&stage, stage.n_outcomes[SIGCHLD_DONE] == stage.n_asked);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_RETIRED), 17);
	for (i = 0; i < stage.n_ends; i++)
		ck_assert_uint_eq(stage.ends[i].request, 0);
	ck_assert_uint_eq(stats_of_pool(&stage).retried, 0);
	ck_assert_int_eq(atomic_load(&stage.marks[0]), stage.n_asked);
	stage_close(&stage);
}
END_TEST

START_TEST(p32_the_ramp_begins_anew_after_a_tick_that_wanted_nobody)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = band_options(&stage, 1, 20, 1, 20);
	play_until_idle(&stage, &options);
	ask_often(&stage, "wait 0", 10);
	ck_assert_int_eq(first_tick(&stage, 1), 1);
	ck_assert_int_eq(tick(&stage), 2);
	UNTIL(&stage, n_said(&stage, 'w') == 4);
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_replies == 10);
	UNTIL(&stage, stats_of_pool(&stage).idle == 4);
	ck_assert_int_eq(tick(&stage), 0);
	ck_assert_int_eq(tick(&stage), 0);
	ask_often(&stage, "spin", 12);
	ck_assert_int_eq(first_tick(&stage, 4), 1);
	ck_assert_int_eq(tick(&stage), 2);
	stage_close(&stage);
}
END_TEST

/* One was enough, and hours later three more are wanted. */
START_TEST(p32_the_ramp_begins_anew_when_there_was_enough)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = band_options(&stage, 1, 20, 1, 20);
	play_until_idle(&stage, &options);
	(void)ask(&stage, "wait 0");
	ck_assert_int_eq(first_tick(&stage, 1), 1);
	ck_assert_int_eq(tick(&stage), 0);
	ck_assert_int_eq(tick(&stage), 0);
	ask_often(&stage, "wait 0", 3);
	ck_assert_int_eq(first_tick(&stage, 2), 1);
	ck_assert_int_eq(tick(&stage), 2);
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_replies == 4);
	stage_close(&stage);
}
END_TEST

START_TEST(p32_no_more_than_the_burst_at_a_tick)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = band_options(&stage, 1, 20, 1, 20);
	options.spawn_burst = 2;
	play_until_idle(&stage, &options);
	ask_often(&stage, "wait 0", 20);
	ck_assert_int_eq(first_tick(&stage, 1), 1);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(tick(&stage), 2);
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_replies == 20);
	stage_close(&stage);
}
END_TEST

/* The clock is the real one, and nobody moves it. */
START_TEST(p32_ticks_come_by_themselves)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 3, 20);
	options.spare_min = 2;
	options.spare_max = 5;
	play_until_idle(&stage, &options);
	keep_busy(&stage, 0, 10);
	UNTIL(&stage, stats_of_pool(&stage).idle >= 2);
	ck_assert_uint_le(stats_of_pool(&stage).most_workers, 20);
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_replies == 10);
	UNTIL(&stage,
	    stats_of_pool(&stage).idle == 5 &&
		stage.n_ends == stage.n_forks - 5);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_RETIRED), stage.n_ends);
	stage_close(&stage);
}
END_TEST

/* Resize */

START_TEST(p33_resize_interrupts_nobody)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 8, 8);
	play_until_idle(&stage, &options);
	keep_busy(&stage, 0, 8);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 2, 2));
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	for (i = 1; i <= 6; i++) {
		let_pass(&stage, 0, 1);
		UNTIL(&stage, stage.n_ends == i);
		be_calm(&stage);
		ck_assert_int_eq(stage.n_replies, i);
		ck_assert_int_eq(stage.n_ends, i);
		ck_assert_uint_eq(stage.ends[i - 1].reason, SIGCHLD_RETIRED);
	}
	let_pass(&stage, 0, 2);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE], 8);
	ck_assert_int_eq(stage.n_ends, 6);
	ck_assert_int_eq(stage.n_forks, 8);
	stage_close(&stage);
}
END_TEST

START_TEST(p33_growing_again_keeps_those_who_were_to_go)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 8, 8);
	play_until_idle(&stage, &options);
	keep_busy(&stage, 0, 8);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 2, 2));
	be_calm(&stage);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 8, 8));
	let_pass(&stage, 0, 8);
	UNTIL(&stage, stats_of_pool(&stage).idle == 8);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	ck_assert_int_eq(stage.n_forks, 8);
	stage_close(&stage);
}
END_TEST

/* 8, 2, and 5 when three have gone already: the other five stay. */
START_TEST(p33_no_more_go_than_must)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 8, 8);
	play_until_idle(&stage, &options);
	keep_busy(&stage, 0, 8);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 2, 2));
	let_pass(&stage, 0, 3);
	UNTIL(&stage, stage.n_ends == 3);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 5, 5));
	let_pass(&stage, 0, 5);
	UNTIL(&stage, stage.n_replies == 8);
	be_calm(&stage);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 5);
	ck_assert_int_eq(stage.n_ends, 3);
	ck_assert_int_eq(stage.n_forks, 8);
	stage_close(&stage);
}
END_TEST

/* Who was sent away has not failed: its slot waits for nothing. */
START_TEST(p33_who_goes_is_no_failure)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 3, 3);
	options.backoff_ms = options.backoff_max_ms = HOUR;
	play_until_idle(&stage, &options);
	for (i = 1; i <= 3; i++) {
		MUST_BE(0, sigchld_pool_resize(stage.pool, 1, 1));
		UNTIL(&stage, stage.n_ends == 2 * i);
		MUST_BE(0, sigchld_pool_resize(stage.pool, 3, 3));
		UNTIL(&stage, stats_of_pool(&stage).idle == 3);
		ck_assert_uint_eq(stats_of_pool(&stage).backoff, 0);
	}
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_RETIRED), 6);
	stage_close(&stage);
}
END_TEST

START_TEST(p33_the_idle_go_at_once_and_come_back)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 8, 8);
	play_until_idle(&stage, &options);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 2, 4));
	UNTIL(&stage, stage.n_ends == 4); /* above the most */
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 4);
	ck_assert_uint_eq(stats_of_pool(&stage).workers_min, 2);
	ck_assert_uint_eq(stats_of_pool(&stage).workers_max, 4);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 6, 6));
	UNTIL(&stage, stats_of_pool(&stage).idle == 6);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_RETIRED), 4);
	ck_assert_int_eq(stage.n_forks, 10);
	stage_close(&stage);
}
END_TEST

/* on_init: waits at door 1, when the test wants that. */
static int
init_at_door(struct sigchld_worker *worker, void *user)
{
	struct stage *stage = user;

	if (atomic_load(&stage->marks[1]) == 0)
		return 0;
	say_from(stage, worker, 'i');
	return pass(stage, 1) ? 0 : 1;
}

START_TEST(p33_whoever_starts_is_counted)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 6, 6);
	options.on_init = init_at_door;
	atomic_store(&stage.marks[1], 1);
	stage_play(&stage, &options);
	UNTIL(&stage, n_said(&stage, 'i') == 6);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 2, 2));
	be_calm(&stage);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 4, 4));
	be_calm(&stage);
	let_pass(&stage, 1, 8);
	UNTIL(&stage,
	    stats_of_pool(&stage).idle == 4 &&
		stats_of_pool(&stage).stopping == 0);
	be_calm(&stage);
	ck_assert_uint_eq(n_wanted(&stage), 4);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_RETIRED), stage.n_ends);
	ck_assert_int_eq(stage.n_forks, 4 + stage.n_ends);
	stage_close(&stage);
}
END_TEST

START_TEST(p33_room_for_more_serves_those_that_wait)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 2);
	play_until_idle(&stage, &options);
	ask_often(&stage, "wait 0", 4);
	UNTIL(&stage, n_said(&stage, 'w') == 2);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_forks, 2);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 1, 4));
	UNTIL(&stage, n_said(&stage, 'w') == 4);
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_replies == 4);
	stage_close(&stage);
}
END_TEST

START_TEST(p33_numbers_that_cannot_be_change_nothing)
{
	struct sigchld_pool_options options;
	struct sigchld_pool_stats stats;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 2, 3);
	play_until_idle(&stage, &options);
	MUST_BE(-EINVAL, sigchld_pool_resize(stage.pool, 4, 3));
	MUST_BE(-EINVAL, sigchld_pool_resize(stage.pool, 0, 3));
	MUST_BE(-EINVAL, sigchld_pool_resize(stage.pool, 0, 0));
	MUST_BE(-EINVAL,
	    sigchld_pool_resize(stage.pool, 1, SIGCHLD_POOL_MOST + 1));
	be_calm(&stage);
	stats = stats_of_pool(&stage);
	ck_assert_uint_eq(stats.workers_min, 2);
	ck_assert_uint_eq(stats.workers_max, 3);
	ck_assert_uint_eq(stats.idle, 2);
	MUST_BE(0, sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT, HOUR));
	MUST_BE(-ESHUTDOWN, sigchld_pool_resize(stage.pool, 1, 1));
	UNTIL(&stage, sigchld_pool_state(stage.pool) == SIGCHLD_POOL_STOPPED);
	MUST_BE(-ESHUTDOWN, sigchld_pool_resize(stage.pool, 1, 1));
	ck_assert_int_eq(stage.n_forks, 2);
	stage_close(&stage);
}
END_TEST

static void
resize_on_end(struct sigchld_pool *pool, const struct sigchld_worker_end *end,
    void *user)
{
	see_end(pool, end, user);
	MUST_BE(0, sigchld_pool_resize(pool, 4, 4));
}

START_TEST(p33_resize_in_a_hook)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 2, 2);
	options.on_end = resize_on_end;
	play_until_idle(&stage, &options);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 1, 1));
	UNTIL(&stage, stats_of_pool(&stage).idle == 4);
	ck_assert_int_eq(stage.n_ends, 1);
	ck_assert_int_eq(stage.n_forks, 5);
	stage_close(&stage);
}
END_TEST

/* On demand */

START_TEST(p34_none_at_rest_and_one_for_a_request)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 0, 4);
	options.flags = SIGCHLD_POOL_ON_DEMAND;
	stage_play(&stage, &options);
	UNTIL(&stage, stage.n_open == 1);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_forks, 0);
	ck_assert_int_eq(sigchld_pool_state(stage.pool), SIGCHLD_POOL_RUNNING);
	for (i = 1; i <= 3; i++) {
		(void)ask_and_wait(&stage, "echo hello");
		(void)ask_and_wait(&stage, "echo again"); /* the same one */
		be_calm(&stage);
		ck_assert_int_eq(stage.n_forks, i);
		ck_assert_int_eq(stage.n_ends, i - 1);
		time_passes(&stage, 10000); /* the default */
		UNTIL(&stage, stage.n_ends == i);
		be_calm(&stage);
		ck_assert(has_no_child());
	}
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_RETIRED), 3);
	stage_close(&stage);
}
END_TEST

/* The clock is the real one. */
START_TEST(p34_the_idle_go_by_themselves)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 0, 4);
	options.flags = SIGCHLD_POOL_ON_DEMAND;
	options.idle_ms = 20;
	stage_play(&stage, &options);
	keep_busy(&stage, 0, 4);
	ck_assert_int_eq(stage.n_forks, 4);
	let_pass(&stage, 0, 4);
	UNTIL(&stage, stage.n_ends == 4);
	ck_assert(has_no_child());
	(void)ask_and_wait(&stage, "echo hello");
	stage_close(&stage);
}
END_TEST

START_TEST(p34_resize_to_none_and_back)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 0, 4);
	options.flags = SIGCHLD_POOL_ON_DEMAND;
	stage_play(&stage, &options);
	be_calm(&stage);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 2, 4));
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 0, 4));
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 0); /* not before their time */
	time_passes(&stage, 10000);
	UNTIL(&stage, stage.n_ends == 2);
	be_calm(&stage);
	ck_assert(has_no_child());
	stage_close(&stage);
}
END_TEST

/* No band: requests that find nobody idle */

START_TEST(sizing_one_is_forked_for_each_request_that_waits)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 4);
	play_until_idle(&stage, &options);
	for (i = 1; i <= 4; i++) {
		(void)ask_to_wait(&stage, 0);
		be_calm(&stage);
		ck_assert_int_eq(stage.n_forks, i);
	}
	ask_often(&stage, "wait 0", 3);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_forks, 4);
	ck_assert_uint_eq(stats_of_pool(&stage).backlog, 3);
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_replies == 7);
	be_calm(&stage);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 4); /* no idle_ms */
	stage_close(&stage);
}
END_TEST

/* One is forked for the second request, and takes its time to get ready. */
START_TEST(sizing_one_is_forked_once_for_a_request)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 8);
	options.on_init = init_at_door;
	play_until_idle(&stage, &options);
	atomic_store(&stage.marks[1], 1);
	(void)ask_to_wait(&stage, 0);
	ask_often(&stage, "wait 0", 2);
	UNTIL(&stage, n_said(&stage, 'i') == 2);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_forks, 3);
	(void)ask(&stage, "wait 0");
	UNTIL(&stage, n_said(&stage, 'i') == 3);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_forks, 4);
	let_pass(&stage, 1, 3);
	UNTIL(&stage, n_said(&stage, 'w') == 4);
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_replies == 4);
	stage_close(&stage);
}
END_TEST

START_TEST(sizing_the_idle_go_after_idle_ms)
{
	struct sigchld_pool_options options;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 4);
	options.idle_ms = HOUR;
	play_until_idle(&stage, &options);
	keep_busy(&stage, 0, 4);
	time_passes(&stage, 2 * HOUR); /* nobody was idle for that long */
	let_pass(&stage, 0, 4);
	UNTIL(&stage, stats_of_pool(&stage).idle == 4);
	time_passes(&stage, HOUR / 2);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	pid = ask_pid(&stage);
	time_passes(&stage, HOUR / 2);
	UNTIL(&stage, stage.n_ends == 3);
	time_passes(&stage, 2 * HOUR);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 3); /* the least */
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_RETIRED), 3);
	ck_assert_int_eq(ask_pid(&stage), pid); /* it was not idle so long */
	stage_close(&stage);
}
END_TEST

/* How long they live */

/* One has been idle for half an hour longer than the other. */
static void
check_longest_idle(uint32_t flags)
{
	struct sigchld_pool_options options;
	struct asked *first, *second;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 2);
	options.idle_ms = HOUR;
	options.flags = flags;
	play_until_idle(&stage, &options);
	(void)ask_to_wait(&stage, 0);
	(void)ask_to_wait(&stage, 1);
	let_pass(&stage, 0, 1);
	let_pass(&stage, 1, 1);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	time_passes(&stage, HOUR / 2);
	first = ask_to_wait(&stage, 0);
	second = ask_to_wait(&stage, 1);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, first->n_replies == 1);
	time_passes(&stage, HOUR / 2); /* since they were idle before */
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	let_pass(&stage, 1, 1);
	UNTIL(&stage, second->n_replies == 1);
	time_passes(&stage, HOUR / 2);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_int_eq(stage.ends[0].pid, first->reply.pid);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_RETIRED);
	time_passes(&stage, 2 * HOUR);
	be_calm(&stage);
	ck_assert_int_eq(ask_pid(&stage), second->reply.pid);
	stage_close(&stage);
}

START_TEST(sizing_the_longest_idle_goes)
{
	check_longest_idle(0);
}
END_TEST

START_TEST(sizing_the_longest_idle_goes_where_it_is_next_to_serve)
{
	check_longest_idle(SIGCHLD_POOL_FIFO);
}
END_TEST

START_TEST(sizing_the_old_are_replaced)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 3, 3);
	options.max_life_ms = HOUR;
	options.max_life_jitter_ms = SIGCHLD_POOL_NONE;
	play_until_idle(&stage, &options);
	time_passes(&stage, HOUR / 2);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	time_passes(&stage, HOUR / 2);
	UNTIL(&stage, stage.n_ends == 3);
	UNTIL(&stage, stats_of_pool(&stage).idle == 3);
	be_calm(&stage);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_RETIRED), 3);
	ck_assert_int_eq(stage.n_ends, 3);
	ck_assert_int_eq(stage.n_forks, 6);
	ck_assert_uint_eq(stats_of_pool(&stage).backoff, 0);
	stage_close(&stage);
}
END_TEST

START_TEST(sizing_the_old_finish_what_they_have_in_hand)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 2, 2);
	options.max_life_ms = HOUR;
	options.max_life_jitter_ms = SIGCHLD_POOL_NONE;
	play_until_idle(&stage, &options);
	asked = ask_to_wait(&stage, 0);
	time_passes(&stage, HOUR);
	UNTIL(&stage, stage.n_ends == 1); /* the idle one */
	be_calm(&stage);
	ck_assert_int_eq(asked->n_replies, 0);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_ends == 2);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_int_eq(asked->reply.pid, stage.ends[1].pid);
	ck_assert_uint_eq(stage.ends[1].reason, SIGCHLD_RETIRED);
	ck_assert_uint_eq(stage.ends[1].served, 1);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	stage_close(&stage);
}
END_TEST

/* Lives of 1 to 101 hours: sixteen workers do not all go in the same one. */
START_TEST(sizing_lives_are_not_all_as_long)
{
	struct sigchld_pool_options options;
	int n_hours = 0, n_first = 0, hour, before, i;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 16, 16);
	options.max_life_ms = HOUR;
	options.max_life_jitter_ms = 100 * HOUR;
	play_until_idle(&stage, &options);
	for (hour = 0; hour < 102; hour++) {
		before = stage.n_ends;
		time_passes(&stage, HOUR);
		UNTIL(&stage, stats_of_pool(&stage).idle == 16);
		n_hours += stage.n_ends > before;
	}
	be_calm(&stage);
	for (i = 0; i < stage.n_ends; i++) {
		ck_assert_uint_eq(stage.ends[i].reason, SIGCHLD_RETIRED);
		ck_assert_uint_ge(stage.ends[i].lived_ms, HOUR);
		ck_assert_uint_le(stage.ends[i].lived_ms, 102 * HOUR);
	}
	for (i = 0; i < 16; i++)
		n_first += end_of(&stage, stage.forks[i].pid) != NULL;
	ck_assert_int_eq(n_first, 16);
	ck_assert_int_ge(n_hours, 2);
	stage_close(&stage);
}
END_TEST

/* As many forks as were allowed since the beginning: a bucket of four, and four in
 * each second. */
static void
check_rate(struct stage *stage, int64_t begin)
{
	const int64_t passed = __wrap_sigchld__sys_now_ms() - begin;

	ck_assert_int_le(stage->n_forks, 4 + (int)(passed * 4 / 1000));
}

START_TEST(sizing_no_more_forks_than_the_rate)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int64_t begin;
	int i;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 10, 10);
	options.spawn_rate = 4;
	begin = __wrap_sigchld__sys_now_ms();
	stage_play(&stage, &options);
	turn_now(&stage);
	ck_assert_int_ge(stage.n_forks, 4);
	check_rate(&stage, begin);
	for (i = 5; i <= 8; i++) {
		time_passes(&stage, 251);
		ck_assert_int_ge(stage.n_forks, i);
		check_rate(&stage, begin);
	}
	/* The last ones without our doing. */
	UNTIL(&stage, stats_of_pool(&stage).idle == 10);
	check_rate(&stage, begin);
	time_passes(&stage, 5 * HOUR);
	/* All die: a full bucket is no more than four, however long it filled. */
	for (i = 0; i < 10; i++)
		send_signal(stage.forks[i].pid, SIGKILL);
	for (i = 0; i < 10; i++)
		harness_await_zombie(stage.forks[i].pid);
	begin = __wrap_sigchld__sys_now_ms() - 10 * 1000 / 4;
	UNTIL(&stage, stage.n_forks >= 14);
	check_rate(&stage, begin);
	UNTIL(&stage, stats_of_pool(&stage).idle == 10);
	check_rate(&stage, begin);
	ck_assert_int_eq(stage.n_forks, 20);
	stage_close(&stage);
}
END_TEST

HARNESS("sizing",
    {
	HARNESS_TEST(p32_grows_by_one_two_four_at_each_tick),
	HARNESS_TEST(p32_never_more_than_the_most),
	HARNESS_TEST(p32_shrinks_by_one_at_each_tick),
	HARNESS_TEST(p32_never_fewer_than_the_least),
	HARNESS_TEST(p32_no_busy_worker_is_sent_away),
	HARNESS_TEST(p32_the_ramp_begins_anew_after_a_tick_that_wanted_nobody),
	HARNESS_TEST(p32_the_ramp_begins_anew_when_there_was_enough),
	HARNESS_TEST(p32_no_more_than_the_burst_at_a_tick),
	HARNESS_TEST(p32_ticks_come_by_themselves),
	HARNESS_TEST(p33_resize_interrupts_nobody),
	HARNESS_TEST(p33_growing_again_keeps_those_who_were_to_go),
	HARNESS_TEST(p33_no_more_go_than_must),
	HARNESS_TEST(p33_the_idle_go_at_once_and_come_back),
	HARNESS_TEST(p33_who_goes_is_no_failure),
	HARNESS_TEST(p33_whoever_starts_is_counted),
	HARNESS_TEST(p33_room_for_more_serves_those_that_wait),
	HARNESS_TEST(p33_numbers_that_cannot_be_change_nothing),
	HARNESS_TEST(p33_resize_in_a_hook),
	HARNESS_TEST(p34_none_at_rest_and_one_for_a_request),
	HARNESS_TEST(p34_the_idle_go_by_themselves),
	HARNESS_TEST(p34_resize_to_none_and_back),
	HARNESS_TEST(sizing_one_is_forked_for_each_request_that_waits),
	HARNESS_TEST(sizing_one_is_forked_once_for_a_request),
	HARNESS_TEST(sizing_the_idle_go_after_idle_ms),
	HARNESS_TEST(sizing_the_longest_idle_goes),
	HARNESS_TEST(sizing_the_longest_idle_goes_where_it_is_next_to_serve),
	HARNESS_TEST(sizing_the_old_are_replaced),
	HARNESS_TEST(sizing_the_old_finish_what_they_have_in_hand),
	HARNESS_TEST(sizing_lives_are_not_all_as_long),
	HARNESS_TEST(sizing_no_more_forks_than_the_rate),
    })
