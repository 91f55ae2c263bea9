/*
 * test_roll.c - other workers for those that are there, without a gap
 *
 * wrap: now_ms now_us timerfd_arm
 */
#include "help3.h"

#define HELD  1 /* marks: on_init waits at door 1 */
#define FAILS 2 /* on_init fails from now on, so many times */
#define BEGUN 3 /* requests */
#define INITS 4 /* all that were begun */

static int
init_as_marked(struct sigchld_worker *worker, void *user)
{
	struct stage *stage = user;

	(void)mark(stage, INITS);
	if (atomic_load(&stage->marks[FAILS]) > 0 &&
	    atomic_fetch_sub(&stage->marks[FAILS], 1) > 0)
		return 7;
	if (atomic_load(&stage->marks[HELD]) == 0)
		return 0;
	say_from(stage, worker, 'i');
	return pass(stage, 1) ? 0 : 1;
}

static int
count_and_obey(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	(void)mark(user, BEGUN);
	return obey(worker, job, user);
}

static struct sigchld_pool_options
roll_options(struct stage *stage, uint32_t n)
{
	struct sigchld_pool_options options = slow_options(stage, n, n);

	options.on_init = init_as_marked;
	options.on_request = count_and_obey;
	return options;
}

static void
roll(struct stage *stage, uint32_t at_once)
{
	MUST_BE(0, sigchld_pool_roll(stage->pool, at_once));
}

static void
play_roll(struct stage *stage, uint32_t n)
{
	struct sigchld_pool_options options;

	stage_open(stage, NULL);
	options = roll_options(stage, n);
	play_until_idle(stage, &options);
}

/* There are n, idle and of the newest generation, in n slots; nobody else. */
static void
check_all_new(struct stage *stage, int n)
{
	const struct sigchld_pool_stats stats = stats_of_pool(stage);
	struct roster roster = workers_of(stage);
	uint64_t slots = 0;
	int i;

	ck_assert_int_eq(roster.n, n);
	ck_assert_uint_eq(stats.idle, (uint32_t)n);
	for (i = 0; i < n; i++) {
		ck_assert_uint_eq(roster.workers[i].generation,
		    stats.generation);
		ck_assert_uint_lt(roster.workers[i].slot, 64);
		slots |= (uint64_t)1 << roster.workers[i].slot;
	}
	ck_assert_int_eq(__builtin_popcountll(slots), n);
	free(roster.workers);
}

static void
roll_to_the_end(struct stage *stage)
{
	UNTIL(stage, sigchld_pool_state(stage->pool) == SIGCHLD_POOL_RUNNING);
	UNTIL(stage, stats_of_pool(stage).stopping == 0);
	UNTIL(stage, stats_of_pool(stage).starting == 0); /* for who died */
	be_calm(stage);
}

START_TEST(p40_all_are_replaced_in_their_slots)
{
	struct sigchld_pool_stats before;
	struct stage stage;
	unsigned int slots = 0;
	int i;

	play_roll(&stage, 4);
	before = stats_of_pool(&stage);
	roll(&stage, 0);
	UNTIL(&stage, stage.n_ends == 4);
	roll_to_the_end(&stage);
	check_all_new(&stage, 4);
	ck_assert_int_eq(stage.n_forks, 8);
	ck_assert_uint_eq(stats_of_pool(&stage).generation,
	    before.generation + 1);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_ROLLED), 4);
	ck_assert_int_eq(n_states_seen(&stage, SIGCHLD_POOL_ROLLING), 1);
	for (i = 0; i < 4; i++) {
		ck_assert_uint_eq(stage.ends[i].generation, before.generation);
		ck_assert_ptr_nonnull(end_of(&stage, stage.forks[i].pid));
		slots ^= 1u << stage.forks[4 + i].slot;
	}
	ck_assert_uint_eq(slots, 0xf);
	stage_close(&stage);
}
END_TEST

/* As many as may start wait in on_init, and only when one is ready, somebody
 * goes. */
static void
check_no_gap(uint32_t n, uint32_t at_once)
{
	const uint32_t width = at_once == 0 ? 1 : at_once < n ? at_once : n;
	struct sigchld_pool_stats stats;
	struct stage stage;
	uint32_t i;

	play_roll(&stage, n);
	atomic_store(&stage.marks[HELD], 1);
	roll(&stage, at_once);
	for (i = 0; i < n; i++) {
		const uint32_t starting = n - i < width ? n - i : width;

		UNTIL(&stage, n_said(&stage, 'i') == (int)(i + starting));
		UNTIL(&stage, stage.n_ends == (int)i);
		be_calm(&stage);
		stats = stats_of_pool(&stage);
		ck_assert_uint_eq(stats.starting, starting);
		ck_assert_uint_eq(stats.idle, n);
		ck_assert_uint_eq(stats.state, SIGCHLD_POOL_ROLLING);
		ck_assert_int_eq(stage.n_ends, (int)i);
		let_pass(&stage, 1, 1);
	}
	UNTIL(&stage, stage.n_ends == (int)n);
	roll_to_the_end(&stage);
	check_all_new(&stage, (int)n);
	ck_assert_uint_eq(stats_of_pool(&stage).spawned, 2 * n);
	stage_close(&stage);
}

START_TEST(p40_the_new_one_is_ready_before_the_old_one_goes)
{
	check_no_gap(4, 0);
}
END_TEST

START_TEST(p40_one_at_once)
{
	check_no_gap(2, 1);
}
END_TEST

START_TEST(p40_three_at_once)
{
	check_no_gap(7, 3);
}
END_TEST

START_TEST(p40_more_at_once_than_there_are)
{
	check_no_gap(3, 100);
}
END_TEST

/* on_reply: as many are under way as there were, until enough were asked. */

#define LOAD 3000

static int n_asked_for, n_done, fewest_ready;

static void ask_again(struct sigchld_pool *pool);

static void
on_loaded(struct sigchld_pool *pool, const struct sigchld_reply *reply,
    void *user)
{
	(void)user;
	ck_assert_uint_eq(reply->outcome, SIGCHLD_DONE);
	ck_assert_uint_eq(reply->len, 5);
	ck_assert_int_eq(memcmp(reply->data, "hello", 5), 0);
	n_done++;
	ask_again(pool);
}

static void
ask_again(struct sigchld_pool *pool)
{
	if (n_asked_for == LOAD)
		return;
	n_asked_for++;
	MUST_BE(0,
	    sigchld_pool_submit(pool, NULL,
		SIGCHLD_REQUEST(.data = "echo hello", .len = 10,
		    .on_reply = on_loaded)));
}

/* How many can serve: those that were told to go do not count. */
static void
note_ready(struct stage *stage)
{
	const struct sigchld_pool_stats stats = stats_of_pool(stage);

	if ((int)(stats.idle + stats.busy) < fewest_ready)
		fewest_ready = (int)(stats.idle + stats.busy);
}

/* Rolls one after the other, as long as there is something to do. */
START_TEST(p40_under_load_no_request_fails)
{
	const int64_t deadline = harness_now_ms() + harness_patience_ms();
	struct sigchld_pool_stats stats;
	struct stage stage;
	int i, n_rolls = 0;

	play_roll(&stage, 4);
	n_asked_for = n_done = 0;
	fewest_ready = 4;
	for (i = 0; i < 12; i++)
		ask_again(stage.pool);
	do {
		if (n_done < LOAD &&
		    sigchld_pool_state(stage.pool) == SIGCHLD_POOL_RUNNING) {
			roll(&stage, 1 + (uint32_t)n_rolls % 3);
			n_rolls++;
		}
		stage_turn(&stage, deadline, "the load is done");
		note_ready(&stage);
	} while (n_done < LOAD ||
	    sigchld_pool_state(stage.pool) != SIGCHLD_POOL_RUNNING);
	roll_to_the_end(&stage);
	ck_assert_int_ge(n_rolls, 2);
	ck_assert_int_eq(fewest_ready, 4);
	stats = stats_of_pool(&stage);
	ck_assert_uint_eq(stats.outcomes[SIGCHLD_DONE], LOAD);
	ck_assert_uint_eq(stats.submitted, LOAD);
	ck_assert_uint_eq(stats.refused + stats.retried, 0);
	ck_assert_int_eq(atomic_load(&stage.marks[BEGUN]), LOAD);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_ROLLED), 4 * n_rolls);
	ck_assert_int_eq(stage.n_ends, 4 * n_rolls);
	check_all_new(&stage, 4);
	stage_close(&stage);
}
END_TEST

START_TEST(p40_the_old_finish_what_they_have_in_hand)
{
	struct stage stage;
	int i;

	play_roll(&stage, 2);
	keep_busy(&stage, 0, 2);
	roll(&stage, 2);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	(void)ask_and_wait(&stage, "echo hello"); /* by a new one */
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	ck_assert_int_eq(stage.n_replies, 1);
	let_pass(&stage, 0, 2);
	UNTIL(&stage, stage.n_ends == 2);
	roll_to_the_end(&stage);
	for (i = 0; i < 2; i++) {
		const struct asked *asked = stage.asked[i];

		ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
		ck_assert_int_eq(stage.n_forks, 4);
		ck_assert(asked->reply.pid == stage.forks[0].pid ||
		    asked->reply.pid == stage.forks[1].pid);
		ck_assert_uint_eq(end_of(&stage, asked->reply.pid)->reason,
		    SIGCHLD_ROLLED);
	}
	check_all_new(&stage, 2);
	stage_close(&stage);
}
END_TEST

/* Who does not end is not waited for without limit. */
START_TEST(p40_an_old_one_that_does_not_end_is_killed)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = roll_options(&stage, 1);
	options.stop_ms = HOUR;
	play_until_idle(&stage, &options);
	(void)ask_to_wait(&stage, 0);
	roll(&stage, 1);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	time_passes(&stage, HOUR);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_int_eq(stage.ends[0].wstatus, SIGTERM);
	ck_assert_uint_eq(stage.asked[0]->reply.outcome, SIGCHLD_LOST);
	roll_to_the_end(&stage);
	check_all_new(&stage, 1);
	stage_close(&stage);
}
END_TEST

/* A new generation that fails */

static struct sigchld_pool_options
failing_options(struct stage *stage, uint32_t n)
{
	struct sigchld_pool_options options = roll_options(stage, n);

	options.give_up = 3;
	options.stable_ms = 1000 * HOUR;
	return options;
}

/* The backoff is short, and real. */
START_TEST(p40_a_generation_that_fails_leaves_the_old_one)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = failing_options(&stage, 4);
	play_until_idle(&stage, &options);
	atomic_store(&stage.marks[FAILS], 1000000);
	roll(&stage, 1);
	UNTIL(&stage, sigchld_pool_state(stage.pool) == SIGCHLD_POOL_DEGRADED);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 3);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_INIT_FAILED), 3);
	ck_assert_int_eq(stage.n_forks, 7);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 4);
	ck_assert_uint_eq(stats_of_pool(&stage).next_fork_ms, UINT64_MAX);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(stage.ends[i].wstatus, 7 << 8);
	for (i = 0; i < 4; i++) {
		ck_assert_ptr_null(end_of(&stage, stage.forks[i].pid));
		(void)ask_and_wait(&stage, "echo hello");
	}
	time_passes(&stage, 100 * HOUR); /* the roll is off */
	be_calm(&stage);
	ck_assert_int_eq(stage.n_forks, 7);
	/* Somebody has mended it. */
	atomic_store(&stage.marks[FAILS], 0);
	roll(&stage, 1);
	UNTIL(&stage, n_ends_for(&stage, SIGCHLD_ROLLED) == 4);
	roll_to_the_end(&stage);
	check_all_new(&stage, 4);
	stage_close(&stage);
}
END_TEST

/* An old one that dies after a roll was given up is replaced, and the pool is
 * whole again as soon as that succeeds. */
START_TEST(p40_after_a_failed_roll_deaths_are_made_good)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = failing_options(&stage, 3);
	play_until_idle(&stage, &options);
	atomic_store(&stage.marks[FAILS], 3);
	roll(&stage, 1);
	UNTIL(&stage, sigchld_pool_state(stage.pool) == SIGCHLD_POOL_DEGRADED);
	UNTIL(&stage, stage.n_ends == 3);
	send_signal(stage.forks[0].pid, SIGKILL);
	UNTIL(&stage, stage.n_ends == 4 && stats_of_pool(&stage).idle == 3);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_KILLED), 1);
	(void)ask_and_wait(&stage, "echo hello");
	stage_close(&stage);
}
END_TEST

/* Failures that are not in a row do not end it: two, and then a good one. */
START_TEST(p40_some_failures_delay_it_only)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = failing_options(&stage, 3);
	play_until_idle(&stage, &options);
	atomic_store(&stage.marks[HELD], 1);
	atomic_store(&stage.marks[FAILS], 2);
	roll(&stage, 1);
	for (i = 1; i <= 3; i++) {
		UNTIL(&stage, n_said(&stage, 'i') == i);
		ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_INIT_FAILED),
		    2 * i);
		ck_assert_uint_ge(stats_of_pool(&stage).idle, 3);
		atomic_store(&stage.marks[FAILS], i < 3 ? 2 : 0);
		let_pass(&stage, 1, 1);
	}
	UNTIL(&stage, n_ends_for(&stage, SIGCHLD_ROLLED) == 3);
	roll_to_the_end(&stage);
	check_all_new(&stage, 3);
	ck_assert_int_eq(stage.n_ends, 3 + 6);
	ck_assert_int_eq(n_states_seen(&stage, SIGCHLD_POOL_DEGRADED), 0);
	stage_close(&stage);
}
END_TEST

/* Some new ones are good before the others fail: those stay, too. */
/* Twice as long after each, until one is ready: then as before. */
START_TEST(p40_a_failure_is_waited_for)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = roll_options(&stage, 2);
	options.backoff_ms = HOUR;
	options.backoff_max_ms = 8 * HOUR;
	play_until_idle(&stage, &options);
	atomic_store(&stage.marks[HELD], 1);
	atomic_store(&stage.marks[FAILS], 2);
	roll(&stage, 1);
	for (i = 1; i <= 2; i++) {
		UNTIL(&stage, stage.n_ends == i);
		ck_assert_uint_eq(stage.ends[i - 1].reason,
		    SIGCHLD_INIT_FAILED);
		ck_assert_uint_eq(stage.ends[i - 1].next_fork_ms,
		    (uint64_t)i * HOUR);
		time_passes(&stage, HOUR / 2);
		be_calm(&stage);
		ck_assert_int_eq(stage.n_forks, 2 + i);
		time_passes(&stage, HOUR / 2 + (i == 2 ? HOUR : 0));
	}
	UNTIL(&stage, n_said(&stage, 'i') == 1);
	atomic_store(&stage.marks[FAILS], 1);
	let_pass(&stage, 1, 1);
	UNTIL(&stage, n_ends_for(&stage, SIGCHLD_INIT_FAILED) == 3);
	UNTIL(&stage, stage.n_ends == 4);
	ck_assert_uint_eq(end_of(&stage, stage.forks[5].pid)->next_fork_ms,
	    HOUR);
	time_passes(&stage, HOUR);
	UNTIL(&stage, n_said(&stage, 'i') == 2);
	let_pass(&stage, 1, 1);
	roll_to_the_end(&stage);
	check_all_new(&stage, 2);
	ck_assert_int_eq(stage.n_forks, 7);
	stage_close(&stage);
}
END_TEST

/* Who was replaced has not failed: whoever dies then is the first in its slot. */
START_TEST(p40_who_was_replaced_is_no_failure)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = roll_options(&stage, 1);
	options.backoff_ms = options.backoff_max_ms = HOUR;
	play_until_idle(&stage, &options);
	for (i = 1; i <= 3; i++) {
		roll(&stage, 1);
		UNTIL(&stage, stage.n_ends == i);
		roll_to_the_end(&stage);
	}
	send_signal(worker_in(&stage, 0), SIGKILL);
	UNTIL(&stage, stage.n_ends == 4);
	ck_assert_uint_eq(stage.ends[3].next_fork_ms, 0);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_ROLLED), 3);
	stage_close(&stage);
}
END_TEST

START_TEST(p40_those_that_were_good_stay)
{
	struct sigchld_pool_options options;
	struct roster roster;
	struct stage stage;
	int i, n_new = 0;

	stage_open(&stage, NULL);
	options = failing_options(&stage, 4);
	play_until_idle(&stage, &options);
	atomic_store(&stage.marks[HELD], 1);
	roll(&stage, 1);
	UNTIL(&stage, n_said(&stage, 'i') == 1);
	let_pass(&stage, 1, 1);
	UNTIL(&stage, n_said(&stage, 'i') == 2);
	atomic_store(&stage.marks[FAILS], 1000000);
	let_pass(&stage, 1, 1);
	UNTIL(&stage, sigchld_pool_state(stage.pool) == SIGCHLD_POOL_DEGRADED);
	UNTIL(&stage, stats_of_pool(&stage).stopping == 0);
	be_calm(&stage);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 4);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_ROLLED), 2);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_INIT_FAILED), 3);
	roster = workers_of(&stage);
	for (i = 0; i < roster.n; i++)
		n_new += roster.workers[i].generation ==
		    stats_of_pool(&stage).generation;
	ck_assert_int_eq(n_new, 2);
	free(roster.workers);
	stage_close(&stage);
}
END_TEST

/* A roll meets something else */

START_TEST(p40_a_roll_during_a_roll_begins_anew)
{
	struct sigchld_pool_stats before;
	struct stage stage;

	play_roll(&stage, 3);
	before = stats_of_pool(&stage);
	atomic_store(&stage.marks[HELD], 1);
	roll(&stage, 1);
	UNTIL(&stage, n_said(&stage, 'i') == 1);
	let_pass(&stage, 1, 1);
	UNTIL(&stage, n_said(&stage, 'i') == 2 && stage.n_ends == 1);
	roll(&stage, 2);
	atomic_store(&stage.marks[HELD], 0);
	let_pass(&stage, 1, 1);
	UNTIL(&stage, sigchld_pool_state(stage.pool) == SIGCHLD_POOL_RUNNING);
	roll_to_the_end(&stage);
	check_all_new(&stage, 3);
	ck_assert_uint_eq(stats_of_pool(&stage).generation,
	    before.generation + 2);
	ck_assert_int_eq(n_states_seen(&stage, SIGCHLD_POOL_ROLLING), 1);
	stage_close(&stage);
}
END_TEST

START_TEST(p40_a_death_during_a_roll_is_made_good_by_a_new_one)
{
	struct stage stage;

	play_roll(&stage, 3);
	atomic_store(&stage.marks[HELD], 1);
	roll(&stage, 1);
	UNTIL(&stage, n_said(&stage, 'i') == 1);
	/* One of another slot than the one that is replaced now. */
	send_signal(worker_in(&stage, (stage.forks[3].slot + 1) % 3), SIGKILL);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_KILLED);
	let_pass(&stage, 1, 3);
	UNTIL(&stage, sigchld_pool_state(stage.pool) == SIGCHLD_POOL_RUNNING);
	roll_to_the_end(&stage);
	check_all_new(&stage, 3);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_ROLLED), 2);
	ck_assert_int_eq(stage.n_ends, 3);
	stage_close(&stage);
}
END_TEST

/* The old one that is to be replaced dies before its successor is ready. */
START_TEST(p40_who_is_replaced_may_die_first)
{
	struct stage stage;

	play_roll(&stage, 2);
	atomic_store(&stage.marks[HELD], 1);
	roll(&stage, 2);
	UNTIL(&stage, n_said(&stage, 'i') == 2);
	send_signal(stage.forks[0].pid, SIGKILL);
	UNTIL(&stage, stage.n_ends == 1);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_forks, 4); /* there is one already */
	let_pass(&stage, 1, 2);
	UNTIL(&stage, sigchld_pool_state(stage.pool) == SIGCHLD_POOL_RUNNING);
	roll_to_the_end(&stage);
	check_all_new(&stage, 2);
	ck_assert_int_eq(stage.n_forks, 4);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_ROLLED), 1);
	stage_close(&stage);
}
END_TEST

START_TEST(p40_resize_during_a_roll)
{
	struct stage stage;

	play_roll(&stage, 4);
	atomic_store(&stage.marks[HELD], 1);
	roll(&stage, 1);
	UNTIL(&stage, n_said(&stage, 'i') == 1);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 2, 2));
	atomic_store(&stage.marks[HELD], 0);
	let_pass(&stage, 1, 1);
	UNTIL(&stage, sigchld_pool_state(stage.pool) == SIGCHLD_POOL_RUNNING);
	roll_to_the_end(&stage);
	check_all_new(&stage, 2);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 5, 5));
	UNTIL(&stage, stats_of_pool(&stage).idle == 5);
	roll(&stage, 2);
	UNTIL(&stage, sigchld_pool_state(stage.pool) == SIGCHLD_POOL_RUNNING);
	roll_to_the_end(&stage);
	check_all_new(&stage, 5);
	stage_close(&stage);
}
END_TEST

START_TEST(p40_stop_during_a_roll)
{
	struct stage stage;

	play_roll(&stage, 3);
	atomic_store(&stage.marks[HELD], 1);
	roll(&stage, 2);
	UNTIL(&stage, n_said(&stage, 'i') == 2);
	MUST_BE(0, sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT, HOUR));
	MUST_BE(-ESHUTDOWN, sigchld_pool_roll(stage.pool, 1));
	UNTIL(&stage, stage.n_ends == 3);
	let_pass(&stage, 1, 2);
	UNTIL(&stage, sigchld_pool_state(stage.pool) == SIGCHLD_POOL_STOPPED);
	ck_assert_int_eq(stage.n_forks, 5);
	ck_assert_int_eq(stage.n_ends, 5);
	MUST_BE(-ESHUTDOWN, sigchld_pool_roll(stage.pool, 1));
	stage_close(&stage);
}
END_TEST

START_TEST(p40_with_nobody_there)
{
	struct sigchld_pool_options options;
	struct sigchld_pool_stats before;
	struct stage stage;

	stage_open(&stage, NULL);
	options = roll_options(&stage, 0);
	options.workers_max = 2;
	options.flags = SIGCHLD_POOL_ON_DEMAND;
	stage_play(&stage, &options);
	UNTIL(&stage, stage.n_open == 1);
	before = stats_of_pool(&stage);
	roll(&stage, 1);
	UNTIL(&stage, sigchld_pool_state(stage.pool) == SIGCHLD_POOL_RUNNING);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_forks, 0);
	(void)ask_and_wait(&stage, "echo hello");
	be_calm(&stage);
	check_all_new(&stage, 1);
	ck_assert_uint_eq(stats_of_pool(&stage).generation,
	    before.generation + 1);
	stage_close(&stage);
}
END_TEST

/* None of the first ones is ready yet. */
START_TEST(p40_before_the_first_are_ready)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = roll_options(&stage, 2);
	atomic_store(&stage.marks[HELD], 1);
	stage_play(&stage, &options);
	UNTIL(&stage, n_said(&stage, 'i') == 2);
	roll(&stage, 1);
	be_calm(&stage);
	atomic_store(&stage.marks[HELD], 0);
	let_pass(&stage, 1, 8);
	UNTIL(&stage,
	    stats_of_pool(&stage).idle == 2 &&
		sigchld_pool_state(stage.pool) == SIGCHLD_POOL_RUNNING);
	roll_to_the_end(&stage);
	check_all_new(&stage, 2);
	stage_close(&stage);
}
END_TEST

HARNESS("roll",
    {
	HARNESS_TEST(p40_all_are_replaced_in_their_slots),
	HARNESS_TEST(p40_the_new_one_is_ready_before_the_old_one_goes),
	HARNESS_TEST(p40_one_at_once),
	HARNESS_TEST(p40_three_at_once),
	HARNESS_TEST(p40_more_at_once_than_there_are),
	HARNESS_TEST(p40_under_load_no_request_fails),
	HARNESS_TEST(p40_the_old_finish_what_they_have_in_hand),
	HARNESS_TEST(p40_an_old_one_that_does_not_end_is_killed),
	HARNESS_TEST(p40_a_generation_that_fails_leaves_the_old_one),
	HARNESS_TEST(p40_after_a_failed_roll_deaths_are_made_good),
	HARNESS_TEST(p40_some_failures_delay_it_only),
	HARNESS_TEST(p40_a_failure_is_waited_for),
	HARNESS_TEST(p40_who_was_replaced_is_no_failure),
	HARNESS_TEST(p40_those_that_were_good_stay),
	HARNESS_TEST(p40_a_roll_during_a_roll_begins_anew),
	HARNESS_TEST(p40_a_death_during_a_roll_is_made_good_by_a_new_one),
	HARNESS_TEST(p40_who_is_replaced_may_die_first),
	HARNESS_TEST(p40_resize_during_a_roll),
	HARNESS_TEST(p40_stop_during_a_roll),
	HARNESS_TEST(p40_with_nobody_there),
	HARNESS_TEST(p40_before_the_first_are_ready),
    })
