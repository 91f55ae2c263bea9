/*
 * test_boot.c - P11 to P16: workers that do not come up, and workers that come
 * and go
 *
 * How long a slot waits is what the pool says (next_fork_ms) and how many forks
 * there were; of time it is only asked that no fork came too early.
 */
#include "help.h"

#define FIRST_MARK 0 /* lives that have begun */
#define FAILS      1 /* so many of them are to fail */

#define HUGE_REQUEST (4 << 20)
#define FDS          64 /* enough for the test and two workers */

/* Fails for the first so many lives. */
static int
fail_at_first(struct sigchld_worker *worker, void *user)
{
	struct stage *stage = user;

	(void)worker;
	return mark(stage, FIRST_MARK) <= atomic_load(&stage->marks[FAILS]) ? 1
									    : 0;
}

/* When there were forks, and how many ends when the pool gave up. */
struct times {
	int64_t forked[64];
	int n_ends_when_failed;
};

static void
note_time(struct sigchld_pool *pool, uint32_t slot, void *user)
{
	struct stage *stage = user;
	struct times *times = stage->extra;

	ck_assert_int_lt(stage->n_before_fork, 64);
	times->forked[stage->n_before_fork] = harness_now_ms();
	see_before_fork(pool, slot, user);
}

static void
note_failed(struct sigchld_pool *pool, uint32_t state, void *user)
{
	struct stage *stage = user;
	struct times *times = stage->extra;

	see_state(pool, state, user);
	if (state == SIGCHLD_POOL_FAILED)
		times->n_ends_when_failed = stage->n_ends;
}

/* One worker, which fails for the first n lives. */
static struct sigchld_pool_options
failing(struct stage *stage, int n)
{
	struct sigchld_pool_options options = stage_options(stage, 1, 1);

	atomic_store(&stage->marks[FAILS], n);
	options.on_init = fail_at_first;
	return options;
}

static void
check_failed_init(const struct sigchld_worker_end *end)
{
	ck_assert_uint_eq(end->reason, SIGCHLD_INIT_FAILED);
	ck_assert_int_eq(end->wstatus, 1 << 8);
	ck_assert_uint_eq(end->ready, 0);
	ck_assert_uint_eq(end->served, 0);
}

/* The nth end, from 0, and what its slot waits. */
static void
check_waits(const struct stage *stage, const uint32_t *waits, int n)
{
	int i;

	ck_assert_int_ge(stage->n_ends, n);
	for (i = 0; i < n; i++)
		ck_assert_msg(stage->ends[i].next_fork_ms == waits[i],
		    "end %d: waits %u ms, not %u", i,
		    stage->ends[i].next_fork_ms, waits[i]);
}

/* The only slot's, each after the end of the one before. (How many there are is a
 * question of time: a wait of some milliseconds may be over when a machine that is
 * busy comes to ask.) */
static void
check_one_by_one(const struct stage *stage)
{
	int i;

	ck_assert_int_ge(stage->n_forks, stage->n_ends);
	for (i = 0; i < stage->n_forks; i++)
		ck_assert_int_eq(stage->forks[i].n_ends, i);
}

START_TEST(p11_a_slot_that_fails_waits_twice_as_long_each_time)
{
	static const uint32_t waits[] = { 100, 200, 400 };
	struct sigchld_pool_options options;
	struct times times = { .n_ends_when_failed = 0 };
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	stage.extra = &times;
	options = failing(&stage, INT32_MAX);
	options.backoff_ms = options.backoff_max_ms = 0; /* the defaults */
	options.before_fork = note_time;
	stage_play(&stage, &options);
	UNTIL(&stage, stage.n_ends == 3);
	check_one_by_one(&stage);
	check_waits(&stage, waits, 3);
	for (i = 0; i < 3; i++)
		check_failed_init(&stage.ends[i]);
	for (i = 0; i < 2; i++)
		ck_assert_int_ge(times.forked[i + 1] - times.forked[i],
		    waits[i] - 1);
	stage_close(&stage);
}
END_TEST

START_TEST(p11_it_waits_no_longer_than_the_most)
{
	static const uint32_t waits[] = { 1, 2, 4, 8, 8, 8, 8, 8 };
	struct sigchld_pool_options options;
	struct times times = { .n_ends_when_failed = 0 };
	struct stage stage;

	stage_open(&stage, NULL);
	stage.extra = &times;
	options = failing(&stage, INT32_MAX);
	options.backoff_max_ms = 8;
	options.on_state = note_failed;
	stage_play(&stage, &options);
	UNTIL(&stage, stage.n_ends == 8);
	check_waits(&stage, waits, 8);
	check_one_by_one(&stage);
	ck_assert_int_eq(times.n_ends_when_failed, 5);
	ck_assert_int_eq(n_states_seen(&stage, SIGCHLD_POOL_FAILED), 1);
	ck_assert_int_eq(sigchld_pool_state(stage.pool), SIGCHLD_POOL_FAILED);
	ck_assert_int_eq(stage.n_open, 0);
	stage_close(&stage);
}
END_TEST

/* While it waits there is nothing to do, for the parent either. */
static void
check_quiet(struct stage *stage)
{
	const int n_forks = stage->n_forks;
	int i, timeout_ms;

	for (i = 0; i < 100 && sigchld_dispatch(stage->ctx) > 0; i++)
		continue;
	ck_assert_int_eq(sigchld_dispatch(stage->ctx), 0);
	ck_assert(!harness_readable(sigchld_fd(stage->ctx), 0));
	timeout_ms = sigchld_timeout(stage->ctx);
	ck_assert_msg(timeout_ms == -1 || timeout_ms > 1000, "timeout %d",
	    timeout_ms);
	ck_assert_uint_eq(stats_of_pool(stage).backoff, 1);
	ck_assert_uint_gt(stats_of_pool(stage).next_fork_ms, 1000);
	ck_assert_uint_ne(stats_of_pool(stage).next_fork_ms, UINT64_MAX);
	ck_assert_int_eq(stage->n_forks, n_forks);
}

/* It waits for a minute, which nobody has to wait for. */
START_TEST(p11_a_stop_does_not_wait_for_the_backoff)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	stage_open(&stage, NULL);
	options = failing(&stage, INT32_MAX);
	options.backoff_ms = options.backoff_max_ms = 60000;
	options.give_up = 1;
	stage_play(&stage, &options);
	UNTIL(&stage, sigchld_pool_state(stage.pool) == SIGCHLD_POOL_FAILED);
	ck_assert_int_eq(stage.n_ends, 1);
	ck_assert_uint_eq(stage.ends[0].next_fork_ms, 60000);
	check_quiet(&stage);
	asked = ask(&stage, "echo");
	check_quiet(&stage);
	ck_assert_int_eq(asked->n_replies, 0);
	MUST_BE(0, sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT, 30000));
	UNTIL(&stage, n_states_seen(&stage, SIGCHLD_POOL_STOPPED) == 1);
	ck_assert_int_eq(asked->n_replies, 1); /* told before */
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_REJECTED);
	ck_assert_uint_eq(asked->reply.started, 0);
	ck_assert_int_eq(stage.n_forks, 1);
	stage_close(&stage);
}
END_TEST

/* The slots of a pool fail each on its own. */
START_TEST(p11_each_slot_has_a_backoff_of_its_own)
{
	struct sigchld_pool_options options;
	uint32_t want[4] = { 1, 1, 1, 1 };
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = failing(&stage, INT32_MAX);
	options.workers_min = options.workers_max = 4;
	options.backoff_max_ms = 1000;
	options.give_up = SIGCHLD_POOL_NONE;
	stage_play(&stage, &options);
	UNTIL(&stage, stage.n_ends >= 20);
	for (i = 0; i < stage.n_ends; i++) {
		ck_assert_uint_lt(stage.ends[i].slot, 4);
		ck_assert_uint_eq(stage.ends[i].next_fork_ms,
		    want[stage.ends[i].slot]);
		want[stage.ends[i].slot] *= 2;
	}
	stage_close(&stage);
}
END_TEST

/* A slot that waits counts as if it were there: no other is forked for it. */
START_TEST(p11_no_slot_stands_in_for_one_that_waits)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = failing(&stage, INT32_MAX);
	options.workers_max = 4;
	options.backoff_ms = options.backoff_max_ms = 60000;
	stage_play(&stage, &options);
	UNTIL(&stage, stage.n_ends == 1);
	for (i = 0; i < 10; i++)
		ck_assert_int_ge(sigchld_wait(stage.ctx, 1), 0);
	ck_assert_int_eq(stage.n_forks, 1);
	ck_assert_uint_eq(stats_of_pool(&stage).backoff, 1);
	stage_close(&stage);
}
END_TEST

START_TEST(p12_after_three_failures_it_runs_by_itself)
{
	static const uint32_t waits[] = { 1, 2, 4 };
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	stage_open(&stage, NULL);
	options = failing(&stage, 3);
	options.backoff_max_ms = 1000;
	stage_play(&stage, &options);
	asked = ask(&stage, "echo here");
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_str_eq(asked->data, "here");
	ck_assert_int_eq(stage.n_ends, 3);
	ck_assert_int_eq(stage.n_forks, 4);
	check_waits(&stage, waits, 3);
	UNTIL(&stage, stage.n_open == 1);
	ck_assert_int_eq(sigchld_pool_state(stage.pool), SIGCHLD_POOL_RUNNING);
	ck_assert_int_eq(n_states_seen(&stage, SIGCHLD_POOL_FAILED), 0);
	stage_close(&stage);
}
END_TEST

/* It had given up, and comes back all the same. */
START_TEST(p12_a_pool_that_failed_recovers)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = failing(&stage, 7);
	stage_play(&stage, &options);
	UNTIL(&stage, stage.n_open == 1);
	ck_assert_int_eq(stage.n_ends, 7);
	ck_assert_int_eq(n_states_seen(&stage, SIGCHLD_POOL_FAILED), 1);
	ck_assert_int_eq(sigchld_pool_state(stage.pool), SIGCHLD_POOL_RUNNING);
	(void)ask_and_wait(&stage, "echo");
	stage_close(&stage);
}
END_TEST

/* Kill the only worker, and wait for its successor. */
static void
kill_and_wait(struct stage *stage)
{
	const int n_ends = stage->n_ends;

	send_signal(worker_in(stage, 0), SIGKILL);
	UNTIL(stage, stage->n_ends > n_ends);
	UNTIL(stage, stats_of_pool(stage).idle == 1);
}

static int
note_age(const struct sigchld_worker_info *info, void *user)
{
	uint64_t *age_ms = user;

	*age_ms = info->age_ms;
	return 0;
}

static uint64_t
age_of_worker(struct stage *stage)
{
	uint64_t age_ms = 0;

	MUST_BE(0, sigchld_pool_foreach(stage->pool, note_age, &age_ms));
	return age_ms;
}

/* Four failures, a life that is long enough, and one failure more. */
START_TEST(p12_a_stable_life_forgives)
{
	static const uint32_t waits[] = { 1, 2, 4, 8, 0, 1 };
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = failing(&stage, 4);
	options.backoff_max_ms = 1000;
	options.stable_ms = 50;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	UNTIL(&stage, age_of_worker(&stage) > 60);
	atomic_store(&stage.marks[FAILS], 6); /* the next life */
	kill_and_wait(&stage);
	ck_assert_int_eq(stage.n_ends, 6);
	check_waits(&stage, waits, 6);
	stage_close(&stage);
}
END_TEST

/* The first end of one that was ready is pardoned, but not behind failures. */
START_TEST(p12_no_pardon_behind_failures)
{
	static const uint32_t waits[] = { 1, 2, 4 };
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = failing(&stage, 2);
	options.backoff_max_ms = 64;
	options.stable_ms = SIGCHLD_POOL_NONE;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	kill_and_wait(&stage);
	ck_assert_int_eq(stage.n_ends, 3);
	check_waits(&stage, waits, 3);
	stage_close(&stage);
}
END_TEST

/* Who has served and then goes as it should forgives as well. */
START_TEST(p12_who_is_recycled_forgives)
{
	static const uint32_t waits[] = { 1, 2, 0, 0, 1 };
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = failing(&stage, 2);
	options.backoff_max_ms = 64;
	options.stable_ms = SIGCHLD_POOL_NONE;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	(void)ask_and_wait(&stage, "recycle");
	UNTIL(&stage, stage.n_ends == 3);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	for (i = 0; i < 2; i++)
		kill_and_wait(&stage);
	ck_assert_int_eq(stage.n_ends, 5);
	check_waits(&stage, waits, 5);
	stage_close(&stage);
}
END_TEST

/* Failures count towards give_up in a row only. */
START_TEST(p12_what_was_forgiven_is_not_counted)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.give_up = 3;
	options.stable_ms = SIGCHLD_POOL_NONE;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	for (i = 0; i < 5; i++) {
		kill_and_wait(&stage);
		(void)ask_and_wait(&stage, "echo");
		kill_and_wait(&stage);
	}
	ck_assert_int_eq(n_states_seen(&stage, SIGCHLD_POOL_FAILED), 0);
	for (i = 0; i < 3; i++)
		kill_and_wait(&stage);
	ck_assert_int_eq(n_states_seen(&stage, SIGCHLD_POOL_FAILED), 1);
	stage_close(&stage);
}
END_TEST

/* Nor are stable lives, though they did nothing. */
START_TEST(p12_stable_lives_are_not_counted)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.give_up = 3;
	options.stable_ms = 10;
	stage_play(&stage, &options);
	for (i = 0; i < 5; i++) {
		UNTIL(&stage, stats_of_pool(&stage).idle == 1);
		UNTIL(&stage, age_of_worker(&stage) > 10);
		kill_and_wait(&stage);
	}
	ck_assert_int_eq(n_states_seen(&stage, SIGCHLD_POOL_FAILED), 0);
	stage_close(&stage);
}
END_TEST

/* Nobody lives long enough: the first one is replaced at once, and each one
 * after it waits. */
START_TEST(p12_an_end_after_an_end_waits)
{
	static const uint32_t waits[] = { 0, 1, 2, 4, 4 };
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.backoff_max_ms = 4;
	options.stable_ms = SIGCHLD_POOL_NONE;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	for (i = 0; i < 5; i++)
		kill_and_wait(&stage);
	ck_assert_int_eq(stage.n_ends, 5);
	check_waits(&stage, waits, 5);
	stage_close(&stage);
}
END_TEST

START_TEST(p12_who_has_served_is_no_failure)
{
	struct stage stage;
	struct sigchld_pool_options options;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.backoff_ms = options.backoff_max_ms = 60000;
	stage_play(&stage, &options);
	for (i = 0; i < 10; i++) {
		(void)ask_and_wait(&stage, "echo");
		kill_and_wait(&stage);
		ck_assert_uint_eq(stage.ends[i].served, 1);
		ck_assert_uint_eq(stage.ends[i].next_fork_ms, 0);
	}
	stage_close(&stage);
}
END_TEST

/* Marks each time that it begins one. */
static int
count_and_obey(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	(void)mark(user, FIRST_MARK);
	return obey(worker, job, user);
}

START_TEST(p13_a_request_that_kills_is_not_delivered_again)
{
	struct sigchld_pool_options options;
	struct stage stage;
	struct asked *poison;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 3, 3);
	options.on_request = count_and_obey;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 3);
	poison = ask(&stage, "raise 9");
	UNTIL(&stage, poison->n_replies == 1);
	UNTIL(&stage, stats_of_pool(&stage).idle == 3);
	ck_assert_uint_eq(poison->reply.outcome, SIGCHLD_LOST);
	ck_assert_uint_eq(poison->reply.started, 1);
	ck_assert_int_eq(atomic_load(&stage.marks[FIRST_MARK]), 1);
	ck_assert_int_eq(stage.n_ends, 1);
	ck_assert_uint_eq(stats_of_pool(&stage).retried, 0);
	stage_close(&stage);
}
END_TEST

/* Those behind it are served. */
START_TEST(p13_a_crowd_of_poison_is_told_of_one_by_one)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 2, 2);
	options.on_request = count_and_obey;
	stage_play(&stage, &options);
	for (i = 0; i < 10; i++) {
		(void)ask(&stage, "raise 9");
		(void)ask(&stage, "echo");
	}
	UNTIL(&stage, stage.n_replies == 20);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_LOST], 10);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE], 10);
	ck_assert_int_eq(atomic_load(&stage.marks[FIRST_MARK]), 20);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	ck_assert_int_eq(stage.n_ends, 10);
	stage_close(&stage);
}
END_TEST

/* It is ready, says so, and reads nothing. */
static int
ready_and_deaf(struct sigchld_worker *worker, void *user)
{
	CHILD_MUST(sigchld_worker_ready(worker) == 0);
	say_from(user, worker, 'r');
	return pass(user, 0) ? 0 : 1;
}

/* A request that is larger than what a socket takes: so each worker has but a
 * part of it when it is killed. */
static struct asked *
ask_deaf_ones(struct stage *stage, uint32_t flags)
{
	struct sigchld_pool_options options = stage_options(stage, 1, 1);
	char *huge = calloc(1, HUGE_REQUEST);
	struct asked *asked = NULL;

	ck_assert_ptr_nonnull(huge);
	options.flags = flags | SIGCHLD_POOL_READY_LATER;
	options.on_init = ready_and_deaf;
	stage_play(stage, &options);
	MUST_BE(0, ask_with(stage, huge, HUGE_REQUEST, NULL, &asked));
	free(huge);
	return asked;
}

/* Kill whoever has a part of it; gives how many had. */
static int
kill_readers(struct stage *stage, const struct asked *asked)
{
	int n;

	for (n = 0; n < 10 && asked->n_replies == 0; n++) {
		UNTIL(stage, n_said(stage, 'r') > n);
		UNTIL(stage, stats_of_pool(stage).busy == 1);
		send_signal(worker_in(stage, 0), SIGKILL);
		UNTIL(stage,
		    stage->n_ends == n + 1 &&
			(asked->n_replies == 1 ||
			    stats_of_pool(stage).spawned > (uint64_t)n + 1));
	}
	return n;
}

START_TEST(p13_a_request_that_kills_who_reads_it_is_tried_once_more)
{
	struct asked *asked;
	struct stage stage;

	stage_open(&stage, NULL);
	asked = ask_deaf_ones(&stage, 0);
	ck_assert_int_eq(kill_readers(&stage, asked), 2);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_LOST);
	ck_assert_uint_eq(asked->reply.started, 0);
	stage_close(&stage);
}
END_TEST

START_TEST(p13_a_request_that_kills_who_reads_it_is_never_tried_again)
{
	struct asked *asked;
	struct stage stage;

	stage_open(&stage, NULL);
	asked = ask_deaf_ones(&stage, SIGCHLD_POOL_RETRY_NEVER);
	ck_assert_int_eq(kill_readers(&stage, asked), 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_LOST);
	ck_assert_uint_eq(asked->reply.started, 0);
	stage_close(&stage);
}
END_TEST

/* Nobody is left to try it again, and it is told of all the same, before the
 * pool has stopped. */
START_TEST(p13_a_request_that_comes_back_in_a_stop_is_told_of)
{
	struct asked *asked;
	struct stage stage;

	stage_open(&stage, NULL);
	asked = ask_deaf_ones(&stage, 0);
	UNTIL(&stage, n_said(&stage, 'r') == 1);
	UNTIL(&stage, stats_of_pool(&stage).busy == 1);
	MUST_BE(0, sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT, 30000));
	send_signal(worker_in(&stage, 0), SIGKILL);
	UNTIL(&stage, n_states_seen(&stage, SIGCHLD_POOL_STOPPED) == 1);
	ck_assert_int_eq(asked->n_replies, 1);
	ck_assert_uint_eq(asked->reply.started, 0);
	ck_assert_int_eq(stage.n_forks, 1);
	stage_close(&stage);
}
END_TEST

static int
never_up(struct sigchld_worker *worker, void *user)
{
	say_from(user, worker, 'i');
	return pass(user, 0) ? 0 : 1;
}

static void
check_killed_boot(struct stage *stage)
{
	static const uint32_t waits[] = { 1, 2, 4 };
	int i;

	UNTIL(stage, stage->n_ends == 3);
	check_waits(stage, waits, 3);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(stage->ends[i].reason, SIGCHLD_KILLED_BOOT);
		ck_assert_int_eq(stage->ends[i].wstatus, SIGKILL);
		ck_assert_uint_eq(stage->ends[i].ready, 0);
		ck_assert_uint_ge(stage->ends[i].lived_ms, 49);
	}
	check_one_by_one(stage);
	ck_assert_int_eq(stage->n_open, 0);
}

START_TEST(p14_who_is_not_ready_in_time_is_killed)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.boot_ms = 50;
	options.backoff_max_ms = 1000;
	options.on_init = never_up;
	stage_play(&stage, &options);
	check_killed_boot(&stage);
	stage_close(&stage);
}
END_TEST

/* It has lived for longer than what forgives, but what life was that? */
START_TEST(p14_a_slow_failure_is_a_failure)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.boot_ms = 50;
	options.stable_ms = 10;
	options.backoff_max_ms = 1000;
	options.give_up = 3;
	options.on_init = never_up;
	stage_play(&stage, &options);
	check_killed_boot(&stage);
	UNTIL(&stage, n_states_seen(&stage, SIGCHLD_POOL_FAILED) == 1);
	stage_close(&stage);
}
END_TEST

/* on_init has returned, but nobody says that it is ready. */
START_TEST(p14_who_does_not_say_that_it_is_ready_is_killed)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.flags = SIGCHLD_POOL_READY_LATER;
	options.boot_ms = 50;
	options.backoff_max_ms = 1000;
	stage_play(&stage, &options);
	check_killed_boot(&stage);
	stage_close(&stage);
}
END_TEST

/* It takes its time, but less than it has; no request comes to it before. */
START_TEST(p14_who_is_slow_is_waited_for)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_init = never_up;
	stage_play(&stage, &options);
	asked = ask(&stage, "pid");
	UNTIL(&stage, n_said(&stage, 'i') == 1);
	ck_assert_int_eq(stage.n_open, 0);
	ck_assert_uint_eq(stats_of_pool(&stage).starting, 1);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 0);
	ck_assert_uint_eq(stats_of_pool(&stage).backlog, 1);
	ck_assert_int_eq(sigchld_pool_state(stage.pool), SIGCHLD_POOL_STARTING);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_int_eq(asked->reply.pid, who_said(&stage, 'i', 0));
	ck_assert_int_eq(stage.n_open, 1);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

/* Each worker serves one. test_storm.c does it ten thousand times. */
START_TEST(p15_clean_recycling_is_no_crash)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i, n_fds;

	lower_nofile(FDS);
	stage_open(&stage, NULL);
	options = stage_options(&stage, 2, 2);
	options.max_requests = 1;
	options.max_requests_jitter = SIGCHLD_POOL_NONE;
	options.backoff_ms = options.backoff_max_ms = 60000;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	n_fds = harness_count_fds();
	for (i = 0; i < 100; i++)
		(void)ask(&stage, "echo");
	UNTIL(&stage, stage.n_replies == 100);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE], 100);
	ck_assert_int_eq(stage.n_ends, 100);
	ck_assert_int_eq(stage.n_forks, 102);
	for (i = 0; i < 100; i++) {
		ck_assert_uint_eq(stage.ends[i].reason, SIGCHLD_MAX_REQUESTS);
		ck_assert_int_eq(stage.ends[i].wstatus, 0);
		ck_assert_uint_eq(stage.ends[i].served, 1);
		ck_assert_uint_eq(stage.ends[i].next_fork_ms, 0);
	}
	ck_assert_uint_eq(stats_of_pool(&stage).served, 100);
	ck_assert_int_eq(harness_count_fds(), n_fds);
	ck_assert_int_eq(harness_count_children(), 2);
	stage_close(&stage);
}
END_TEST

/* Ask as many as a few workers need until n have ended. */
static void
wear_out(struct stage *stage, int n)
{
	const int64_t deadline = harness_now_ms() + harness_patience_ms();
	int i;

	while (stage->n_ends < n) {
		for (i = 0; i < 40; i++)
			(void)ask(stage, "echo");
		UNTIL(stage, stage->n_replies == stage->n_asked);
		ck_assert_int_lt(harness_now_ms(), deadline);
	}
}

/* So many workers, so many lives, and how long they are. */
static void
check_lives(uint32_t jitter, uint64_t least, uint64_t most)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i, n_alike = 0;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 8, 8);
	options.flags = SIGCHLD_POOL_FIFO;
	options.max_requests = 100;
	options.max_requests_jitter = jitter;
	stage_play(&stage, &options);
	wear_out(&stage, 16);
	for (i = 0; i < stage.n_ends; i++) {
		ck_assert_uint_eq(stage.ends[i].reason, SIGCHLD_MAX_REQUESTS);
		ck_assert_uint_ge(stage.ends[i].served, least);
		ck_assert_uint_le(stage.ends[i].served, most);
		n_alike += stage.ends[i].served == stage.ends[0].served;
	}
	ck_assert_int_eq(n_alike == stage.n_ends, least == most);
	stage_close(&stage);
}

START_TEST(p16_lives_differ_by_the_jitter)
{
	check_lives(50, 100, 150);
}
END_TEST

START_TEST(p16_lives_differ_by_a_tenth_if_nothing_is_said)
{
	check_lives(0, 100, 110);
}
END_TEST

START_TEST(p16_lives_are_alike_without_jitter)
{
	check_lives(SIGCHLD_POOL_NONE, 100, 100);
}
END_TEST

START_TEST(p16_without_a_limit_jitter_does_nothing)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 2, 2);
	options.max_requests_jitter = 5;
	stage_play(&stage, &options);
	for (i = 0; i < 500; i++)
		(void)ask(&stage, "echo");
	UNTIL(&stage, stage.n_replies == 500);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE], 500);
	ck_assert_int_eq(stage.n_ends, 0);
	ck_assert_int_eq(stage.n_forks, 2);
	stage_close(&stage);
}
END_TEST

HARNESS("boot",
    {
	HARNESS_TEST(p11_a_slot_that_fails_waits_twice_as_long_each_time),
	HARNESS_TEST(p11_it_waits_no_longer_than_the_most),
	HARNESS_TEST(p11_a_stop_does_not_wait_for_the_backoff),
	HARNESS_TEST(p11_each_slot_has_a_backoff_of_its_own),
	HARNESS_TEST(p11_no_slot_stands_in_for_one_that_waits),
	HARNESS_TEST(p12_after_three_failures_it_runs_by_itself),
	HARNESS_TEST(p12_a_pool_that_failed_recovers),
	HARNESS_TEST(p12_a_stable_life_forgives),
	HARNESS_TEST(p12_an_end_after_an_end_waits),
	HARNESS_TEST(p12_no_pardon_behind_failures),
	HARNESS_TEST(p12_who_is_recycled_forgives),
	HARNESS_TEST(p12_what_was_forgiven_is_not_counted),
	HARNESS_TEST(p12_stable_lives_are_not_counted),
	HARNESS_TEST(p12_who_has_served_is_no_failure),
	HARNESS_TEST(p13_a_request_that_kills_is_not_delivered_again),
	HARNESS_TEST(p13_a_crowd_of_poison_is_told_of_one_by_one),
	HARNESS_TEST(p13_a_request_that_kills_who_reads_it_is_tried_once_more),
	HARNESS_TEST(
	    p13_a_request_that_kills_who_reads_it_is_never_tried_again),
	HARNESS_TEST(p13_a_request_that_comes_back_in_a_stop_is_told_of),
	HARNESS_TEST(p14_who_is_not_ready_in_time_is_killed),
	HARNESS_TEST(p14_a_slow_failure_is_a_failure),
	HARNESS_TEST(p14_who_does_not_say_that_it_is_ready_is_killed),
	HARNESS_TEST(p14_who_is_slow_is_waited_for),
	HARNESS_TEST(p15_clean_recycling_is_no_crash),
	HARNESS_TEST(p16_lives_differ_by_the_jitter),
	HARNESS_TEST(p16_lives_differ_by_a_tenth_if_nothing_is_said),
	HARNESS_TEST(p16_lives_are_alike_without_jitter),
	HARNESS_TEST(p16_without_a_limit_jitter_does_nothing),
    })
