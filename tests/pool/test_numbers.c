/*
 * test_numbers.c - P26, P32, P40, P45: what can be seen of a pool, and that it is so
 *
 * wrap: now_ms now_us timerfd_arm
 *
 * By a clock that the tests move: so times are known, but for the moments that the
 * tests themselves take.
 */
#include "help2.h"
#include "help3.h"

#define LONG_MS 50000u
#define LONG_US (1000 * (uint64_t)LONG_MS)

/* So long, and no longer than the test took. */
#define CHECK_MS(ms) \
	do { \
		ck_assert_uint_ge((ms), LONG_MS); \
		ck_assert_uint_lt((ms), LONG_MS + 40000); \
	} while (0)

static struct sigchld_worker_info
only_worker(struct stage *stage)
{
	struct roster roster = workers_of(stage);
	struct sigchld_worker_info info = roster.workers[0];

	ck_assert_int_eq(roster.n, 1);
	free(roster.workers);
	return info;
}

/* One is served at once, for long; one waits for it, and is served in no time. */
START_TEST(p45_how_long_they_waited_and_were_served)
{
	struct sigchld_pool_options options;
	struct sigchld_pool_stats s;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	play_until_idle(&stage, &options);
	keep_busy(&stage, 0, 1);
	(void)ask(&stage, "echo it");
	ck_assert_uint_lt(stats_of_pool(&stage).backlog_age_ms, LONG_MS);
	time_passes(&stage, LONG_MS);
	CHECK_MS(stats_of_pool(&stage).backlog_age_ms);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_replies == 2);
	s = stats_of_pool(&stage);
	ck_assert_uint_eq(s.backlog_age_ms, 0);
	ck_assert_uint_eq(s.wait.count, 2);
	ck_assert_uint_lt(s.wait.least, LONG_US / 2);
	ck_assert_uint_lt(s.wait.p50, LONG_US / 2);
	ck_assert_uint_ge(s.wait.p90, LONG_US / 8 * 7);
	ck_assert_uint_ge(s.wait.p99, LONG_US / 8 * 7);
	ck_assert_uint_ge(s.wait.p999, LONG_US / 8 * 7);
	ck_assert_uint_ge(s.wait.most, LONG_US);
	ck_assert_uint_eq(s.wait.sum, s.wait.least + s.wait.most);
	ck_assert_uint_eq(s.service.count, 2);
	ck_assert_uint_ge(s.service.most, LONG_US);
	ck_assert_uint_lt(s.service.least, LONG_US / 2);
	ck_assert_uint_gt(s.service.least, 0);
	ck_assert_uint_eq(s.boot.count, 1);
	ck_assert_uint_lt(s.boot.most, LONG_US);
	ck_assert_uint_eq(s.served, 2);
	stage_close(&stage);
}
END_TEST

/* A quantile is off by an eighth at most; and it took a moment to ask. */
#define CHECK_NEAR(us, ms) \
	do { \
		ck_assert_uint_ge((us), 1000 * (uint64_t)(ms)); \
		ck_assert_uint_lt((us), \
		    1000 * ((uint64_t)(ms)*9 / 8 + 40000)); \
	} while (0)

/* Of 1000 that wait 600 do so for the shortest, 350 for twice as long, 45 for four
 * times, and 5 for eight times; but one waits for nobody. So each quantile is in a group of its own. */
START_TEST(p45_each_quantile_is_its_own)
{
	const uint32_t until_next[] = { 2000000, 1000000, 500000, 500000 };
	const int groups[] = { 5, 45, 350, 599 };
	struct sigchld_pool_options options;
	struct sigchld_latency wait;
	struct stage stage;
	size_t i;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	play_until_idle(&stage, &options);
	keep_busy(&stage, 0, 1); /* the first, which waits for nobody */
	for (i = 0; i < 4; i++) {
		ask_often(&stage, "echo it", groups[i]);
		time_passes(&stage, until_next[i]);
	}
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_replies == 1000);
	wait = stats_of_pool(&stage).wait;
	ck_assert_uint_eq(wait.count, 1000);
	CHECK_NEAR(wait.p50, 500000);
	CHECK_NEAR(wait.p90, 1000000);
	CHECK_NEAR(wait.p99, 2000000);
	CHECK_NEAR(wait.p999, 4000000);
	CHECK_NEAR(wait.most, 4000000);
	stage_close(&stage);
}
END_TEST

START_TEST(p45_what_a_worker_does_and_since_when)
{
	struct sigchld_pool_options options;
	struct sigchld_worker_info info;
	struct asked *asked;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	play_until_idle(&stage, &options);
	info = only_worker(&stage);
	ck_assert_uint_eq(info.state, SIGCHLD_WORKER_IDLE);
	ck_assert_uint_eq(info.generation, stats_of_pool(&stage).generation);
	ck_assert_uint_eq(info.request, 0);
	ck_assert_uint_eq(info.request_ms, 0);
	ck_assert_uint_lt(info.age_ms, LONG_MS);
	time_passes(&stage, LONG_MS);
	asked = ask_to_wait(&stage, 0);
	info = only_worker(&stage);
	CHECK_MS(info.age_ms);
	ck_assert_uint_eq(info.state, SIGCHLD_WORKER_BUSY);
	ck_assert_uint_eq(info.request, asked->id);
	ck_assert_uint_lt(info.request_ms, LONG_MS);
	time_passes(&stage, LONG_MS);
	info = only_worker(&stage);
	CHECK_MS(info.request_ms);
	ck_assert_uint_eq(info.served, 0);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, asked->n_replies == 1);
	info = only_worker(&stage);
	ck_assert_uint_eq(info.served, 1);
	ck_assert_uint_eq(info.request, 0);
	ck_assert_uint_eq(info.request_ms, 0);
	stage_close(&stage);
}
END_TEST

START_TEST(p40_a_generation_is_seen)
{
	struct sigchld_pool_options options;
	struct stage stage;
	uint32_t before;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	play_until_idle(&stage, &options);
	before = stats_of_pool(&stage).generation;
	MUST_BE(0, sigchld_pool_roll(stage.pool, 1));
	UNTIL(&stage, stage.n_ends == 1 && stats_of_pool(&stage).idle == 1);
	ck_assert_uint_eq(stats_of_pool(&stage).generation, before + 1);
	ck_assert_uint_eq(only_worker(&stage).generation, before + 1);
	ck_assert_uint_eq(stage.ends[0].generation, before);
	stage_close(&stage);
}
END_TEST

/* The request is over, and its worker goes: it is neither busy nor idle. */
START_TEST(p24_one_that_is_aborted_is_stopping)
{
	struct sigchld_pool_options options;
	struct sigchld_pool_stats s;
	struct asked *asked;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	options.request_ms = 1000;
	options.abort_signal = SIGURG; /* which it does not mind */
	options.abort_ms = HOUR;
	play_until_idle(&stage, &options);
	asked = ask_to_wait(&stage, 0);
	time_passes(&stage, 2000);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_TIMEOUT);
	s = stats_of_pool(&stage);
	ck_assert_uint_eq(s.busy, 0);
	ck_assert_uint_eq(s.stopping, 1);
	ck_assert_uint_eq(only_worker(&stage).state, SIGCHLD_WORKER_STOPPING);
	time_passes(&stage, HOUR + 1000);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_KILLED_TIMEOUT);
	stage_close(&stage);
}
END_TEST

/* Told at once, and not when somebody dispatches. */
START_TEST(p37_that_it_stops_is_seen_at_once)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	play_until_idle(&stage, &options);
	ck_assert_uint_eq(stats_of_pool(&stage).state, SIGCHLD_POOL_RUNNING);
	MUST_BE(0,
	    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT,
		SIGCHLD_POOL_NONE));
	ck_assert_uint_eq(stats_of_pool(&stage).state, SIGCHLD_POOL_STOPPING);
	ck_assert_uint_eq(stats_of_pool(&stage).next_fork_ms, UINT64_MAX);
	UNTIL(&stage, n_states_seen(&stage, SIGCHLD_POOL_STOPPED) == 1);
	settle(&stage);
	ck_assert_int_eq(n_states_seen(&stage, SIGCHLD_POOL_STOPPED), 1);
	ck_assert_uint_eq(stats_of_pool(&stage).state, SIGCHLD_POOL_STOPPED);
	stage_close(&stage);
}
END_TEST

static int
fail_after_the_first(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	return mark(user, 0) == 1 ? 0 : 1;
}

/* Two slots wait, each as long as it must; when the first of them may is told. */
START_TEST(p11_slots_that_wait_are_seen)
{
	struct sigchld_pool_options options;
	struct sigchld_pool_stats s;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 3, 3);
	options.on_init = fail_after_the_first;
	options.backoff_ms = LONG_MS;
	options.backoff_max_ms = LONG_MS;
	options.give_up = SIGCHLD_POOL_NONE;
	stage_play(&stage, &options);
	UNTIL(&stage, stage.n_ends == 2);
	s = stats_of_pool(&stage);
	ck_assert_uint_eq(s.backoff, 2);
	ck_assert_uint_gt(s.next_fork_ms, 0);
	ck_assert_uint_le(s.next_fork_ms, LONG_MS + LONG_MS / 2);
	time_passes(&stage, 2 * LONG_MS);
	UNTIL(&stage, stage.n_ends == 4);
	ck_assert_uint_eq(stats_of_pool(&stage).spawned, 5);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 1);
	stage_close(&stage);
}
END_TEST

/* Each size from one number to more than all of them, also within a number: so
 * much is filled, and no byte more. */
START_TEST(p45_an_older_or_newer_struct_is_filled_as_far_as_it_goes)
{
	struct sigchld_pool_options options;
	struct sigchld_pool_stats all;
	struct {
		struct sigchld_pool_stats stats;
		unsigned char beyond[64];
	} room;
	const unsigned char *byte = (unsigned char *)&room;
	struct stage stage;
	size_t size, filled, i;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 3, 3);
	play_until_idle(&stage, &options);
	all = stats_of_pool(&stage);
	ck_assert_uint_eq(all.size, sizeof(all));
	for (size = offsetof(struct sigchld_pool_stats, generation);
	     size <= sizeof(room); size++) {
		filled = size < sizeof(all) ? size : sizeof(all);
		memset(&room, 0xaa, sizeof(room));
		room.stats.size = size;
		MUST_BE(0, sigchld_pool_get_stats(stage.pool, &room.stats));
		ck_assert_uint_eq(room.stats.size, filled);
		ck_assert_mem_eq(byte + sizeof(size_t),
		    (unsigned char *)&all + sizeof(size_t),
		    filled - sizeof(size_t));
		for (i = filled; i < sizeof(room); i++)
			ck_assert_uint_eq(byte[i], 0xaa);
	}
	stage_close(&stage);
}
END_TEST

static int
stop_there(const struct sigchld_worker_info *info, void *user)
{
	(void)info;
	(*(int *)user)++;
	return 42;
}

START_TEST(p45_wrong_questions)
{
	struct sigchld_pool_stats s = { .size = 0 };
	struct sigchld_pool_options options;
	struct stage stage;
	int n = 0;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 3, 3);
	play_until_idle(&stage, &options);
	MUST_BE(-EINVAL, sigchld_pool_get_stats(stage.pool, &s));
	s.size = offsetof(struct sigchld_pool_stats, state) + 3;
	MUST_BE(-EINVAL, sigchld_pool_get_stats(stage.pool, &s));
	ck_assert_uint_eq(s.size,
	    offsetof(struct sigchld_pool_stats, state) + 3);
	MUST_BE(-EINVAL, sigchld_pool_get_stats(stage.pool, NULL));
	MUST_BE(-EINVAL, sigchld_pool_foreach(stage.pool, NULL, NULL));
	MUST_BE(42, sigchld_pool_foreach(stage.pool, stop_there, &n));
	ck_assert_int_eq(n, 1);
	stage_close(&stage);
}
END_TEST

HARNESS("numbers",
    {
	HARNESS_TEST(p45_how_long_they_waited_and_were_served),
	HARNESS_TEST(p45_each_quantile_is_its_own),
	HARNESS_TEST(p45_what_a_worker_does_and_since_when),
	HARNESS_TEST(p40_a_generation_is_seen),
	HARNESS_TEST(p24_one_that_is_aborted_is_stopping),
	HARNESS_TEST(p37_that_it_stops_is_seen_at_once),
	HARNESS_TEST(p11_slots_that_wait_are_seen),
	HARNESS_TEST(p45_an_older_or_newer_struct_is_filled_as_far_as_it_goes),
	HARNESS_TEST(p45_wrong_questions),
    })
