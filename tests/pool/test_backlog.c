/*
 * test_backlog.c - requests that wait: how many, in which order, how long
 *
 * wrap: now_ms now_us timerfd_arm
 */
#include "help3.h"

static int
ask_text(struct stage *stage, const char *text,
    const struct sigchld_request *with)
{
	struct asked *asked;

	return ask_with(stage, text, strlen(text), with, &asked);
}

/* on_request: counts what is begun. */
static int
count_and_obey(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	(void)mark(user, 0);
	return obey(worker, job, user);
}

static struct sigchld_pool_options
counting_options(struct stage *stage, uint32_t n)
{
	struct sigchld_pool_options options = slow_options(stage, n, n);

	options.on_request = count_and_obey;
	return options;
}

START_TEST(p35_ten_wait_in_order_and_the_next_is_refused)
{
	struct sigchld_pool_options options;
	struct sigchld_pool_stats stats;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	options.backlog_max = 10;
	play_until_idle(&stage, &options);
	(void)ask_to_wait(&stage, 0);
	ask_often(&stage, "echo hello", 10);
	MUST_BE(-EAGAIN, ask_text(&stage, "echo hello", NULL));
	UNTIL(&stage, stage.n_rejects == 1);
	be_calm(&stage);
	stats = stats_of_pool(&stage);
	ck_assert_uint_eq(stats.backlog, 10);
	ck_assert_uint_eq(stats.refused, 1);
	ck_assert_uint_eq(stats.submitted, 11);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_replies == 11);
	for (i = 0; i < 11; i++) {
		ck_assert_uint_eq(stage.asked[i]->reply.outcome, SIGCHLD_DONE);
		ck_assert_int_eq(stage.asked[i]->order, i + 1);
	}
	(void)ask_and_wait(&stage, "echo hello");
	stats = stats_of_pool(&stage);
	ck_assert_uint_eq(stats.backlog, 0);
	ck_assert_uint_eq(stats.most_backlog, 10);
	ck_assert_uint_eq(stats.backlog_bytes, 0);
	stage_close(&stage);
}
END_TEST

/* All is as it should be, and there is nothing to do: the descriptor does not
 * wake us, nor is anything due. */
START_TEST(p35_a_full_backlog_keeps_nobody_busy)
{
	struct sigchld_pool_options options;
	struct sigchld_stats before, after;
	struct stage stage;
	int rc;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	options.backlog_max = 10;
	play_until_idle(&stage, &options);
	(void)ask_to_wait(&stage, 0);
	ask_often(&stage, "echo hello", 10);
	be_calm(&stage);
	before = stats_of(stage.ctx);
	rc = poll(&(struct pollfd){ sigchld_fd(stage.ctx), POLLIN, 0 }, 1, 50);
	ck_assert_int_eq(rc, 0);
	MUST_BE(0, sigchld_wait(stage.ctx, 50));
	after = stats_of(stage.ctx);
	ck_assert_uint_eq(after.dispatches - before.dispatches, 1);
	ck_assert_uint_eq(after.sweeps, before.sweeps);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_replies == 11);
	stage_close(&stage);
}
END_TEST

/* Those that are served make room, and not before. */
START_TEST(p35_one_served_makes_room_for_one)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	options.backlog_max = 3;
	play_until_idle(&stage, &options);
	(void)ask_to_wait(&stage, 0);
	ask_often(&stage, "wait 0", 3);
	for (i = 1; i <= 5; i++) {
		MUST_BE(-EAGAIN, ask_text(&stage, "wait 0", NULL));
		let_pass(&stage, 0, 1);
		UNTIL(&stage, n_said(&stage, 'w') == i + 1);
		(void)ask(&stage, "wait 0");
	}
	MUST_BE(-EAGAIN, ask_text(&stage, "wait 0", NULL));
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_outcomes[SIGCHLD_DONE] == 9);
	for (i = 0; i < 9; i++)
		ck_assert_int_eq(stage.asked[i]->order, i + 1);
	stage_close(&stage);
}
END_TEST

START_TEST(p35_a_refusal_leaves_no_trace)
{
	struct sigchld_pool_options options;
	struct sigchld_request request;
	struct sigchld_pool_stats before, after;
	struct stage stage;
	uint64_t id = 77;

	stage_open(&stage, NULL);
	options = counting_options(&stage, 1);
	options.backlog_max = 1;
	play_until_idle(&stage, &options);
	(void)ask_to_wait(&stage, 0);
	(void)ask(&stage, "echo hello");
	before = stats_of_pool(&stage);
	request =
	    *SIGCHLD_REQUEST(.data = "echo no", .len = 7, .on_reply = NULL);
	MUST_BE(-EAGAIN, sigchld_pool_submit(stage.pool, &id, &request));
	request.flags = SIGCHLD_REQUEST_COPY;
	MUST_BE(-EAGAIN, sigchld_pool_submit(stage.pool, &id, &request));
	after = stats_of_pool(&stage);
	ck_assert_uint_eq(id, 77);
	ck_assert_uint_eq(after.submitted, before.submitted);
	ck_assert_uint_eq(after.backlog, before.backlog);
	ck_assert_uint_eq(after.backlog_bytes, before.backlog_bytes);
	ck_assert_uint_eq(after.refused, before.refused + 2);
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_replies == 2);
	be_calm(&stage);
	ck_assert_int_eq(atomic_load(&stage.marks[0]), 2);
	stage_close(&stage);
}
END_TEST

START_TEST(p35_nobody_waits_where_none_may)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 2, 2);
	options.backlog_max = SIGCHLD_POOL_NONE;
	play_until_idle(&stage, &options);
	for (i = 0; i < 3; i++) {
		keep_busy(&stage, 0, 2);
		MUST_BE(-EAGAIN, ask_text(&stage, "wait 0", NULL));
		let_pass(&stage, 0, 2);
		UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	}
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE], 6);
	ck_assert_uint_eq(stats_of_pool(&stage).most_backlog, 0);
	stage_close(&stage);
}
END_TEST

/* Who is idle takes a request at once: it does not wait, so it does not count. */
START_TEST(p35_what_goes_to_the_idle_does_not_wait)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 3, 3);
	options.backlog_max = 1;
	play_until_idle(&stage, &options);
	ask_often(&stage, "wait 0", 4);
	ck_assert_uint_eq(stats_of_pool(&stage).backlog, 1);
	MUST_BE(-EAGAIN, ask_text(&stage, "wait 0", NULL));
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_outcomes[SIGCHLD_DONE] == 4);
	stage_close(&stage);
}
END_TEST

/* Of one request after the other: no worker may begin a later one while an
 * earlier one waits. */
START_TEST(p35_many_workers_begin_them_in_order)
{
	struct sigchld_pool_options options;
	uint64_t last = 0;
	struct stage stage;
	int i, n = 0;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 3, 3);
	play_until_idle(&stage, &options);
	ask_often(&stage, "wait 0", 3);
	ask_often(&stage, "wait 1", 60);
	UNTIL(&stage, n_said(&stage, 'w') == 3);
	let_pass(&stage, 0, 1); /* one worker has them all */
	for (i = 1; i <= 20; i++) {
		UNTIL(&stage, n_said(&stage, 'w') == 3 + i);
		let_pass(&stage, 1, 1);
		UNTIL(&stage, stage.n_replies == 1 + i);
		ck_assert_int_eq(stage.asked[2 + i]->order, 1 + i);
	}
	let_all_pass(&stage, 0);
	let_all_pass(&stage, 1);
	UNTIL(&stage, stage.n_replies == 63);
	for (i = 0; i < 63; i++) {
		n += stage.asked[i]->reply.outcome == SIGCHLD_DONE;
		ck_assert_uint_gt(stage.asked[i]->id, last);
		last = stage.asked[i]->id;
	}
	ck_assert_int_eq(n, 63);
	stage_close(&stage);
}
END_TEST

static int n_reject_hooks;

static void
count_rejects(struct sigchld_pool *pool, uint64_t n, void *user)
{
	see_rejects(pool, n, user);
	n_reject_hooks++;
}

START_TEST(backlog_refusals_are_told_together)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	options.backlog_max = 1;
	options.on_reject = count_rejects;
	play_until_idle(&stage, &options);
	(void)ask_to_wait(&stage, 0);
	(void)ask(&stage, "echo hello");
	be_calm(&stage);
	for (i = 0; i < 5; i++)
		MUST_BE(-EAGAIN, ask_text(&stage, "echo no", NULL));
	ck_assert_int_eq(n_reject_hooks, 0); /* in a dispatch, not here */
	UNTIL(&stage, n_reject_hooks == 1);
	ck_assert_uint_eq(stage.n_rejects, 5);
	MUST_BE(-EAGAIN, ask_text(&stage, "echo no", NULL));
	MUST_BE(-EAGAIN, ask_text(&stage, "echo no", NULL));
	UNTIL(&stage, n_reject_hooks == 2);
	ck_assert_uint_eq(stage.n_rejects, 7);
	be_calm(&stage);
	ck_assert_int_eq(n_reject_hooks, 2);
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_replies == 2);
	stage_close(&stage);
}
END_TEST

/* Half of the bytes each. */
START_TEST(backlog_bytes_are_counted_together)
{
	static const char data[500] = "echo ";
	struct sigchld_pool_options options;
	struct sigchld_pool_stats stats;
	struct asked *asked;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	options.backlog_bytes = 1000;
	play_until_idle(&stage, &options);
	(void)ask_to_wait(&stage, 0);
	for (i = 0; i < 2; i++)
		MUST_BE(0, ask_with(&stage, data, sizeof(data), NULL, &asked));
	MUST_BE(-EAGAIN, ask_with(&stage, data, 1, NULL, &asked));
	stats = stats_of_pool(&stage);
	ck_assert_uint_eq(stats.backlog_bytes, 1000);
	ck_assert_uint_eq(stats.backlog, 2);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_outcomes[SIGCHLD_DONE] == 3);
	ck_assert_uint_eq(stats_of_pool(&stage).backlog_bytes, 0);
	(void)ask_to_wait(&stage, 0);
	for (i = 0; i < 2; i++)
		MUST_BE(0, ask_with(&stage, data, sizeof(data), NULL, &asked));
	MUST_BE(-EAGAIN, ask_with(&stage, data, 1, NULL, &asked));
	UNTIL(&stage, stage.n_rejects == 2);
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_outcomes[SIGCHLD_DONE] == 6);
	stage_close(&stage);
}
END_TEST

/* How long they wait */

START_TEST(p36_who_waits_too_long_is_not_run)
{
	struct sigchld_pool_options options;
	struct sigchld_pool_stats stats;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = counting_options(&stage, 1);
	options.backlog_ttl_ms = HOUR;
	play_until_idle(&stage, &options);
	(void)ask_to_wait(&stage, 0);
	ask_often(&stage, "echo hello", 3);
	time_passes(&stage, HOUR / 2);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_replies, 0);
	ck_assert_uint_ge(stats_of_pool(&stage).backlog_age_ms, HOUR / 2);
	time_passes(&stage, HOUR / 2);
	UNTIL(&stage, stage.n_replies == 3);
	for (i = 1; i <= 3; i++) {
		const struct sigchld_reply *reply = &stage.asked[i]->reply;

		ck_assert_uint_eq(reply->outcome, SIGCHLD_EXPIRED);
		ck_assert_uint_eq(reply->started, 0);
		ck_assert_int_eq(reply->pid, 0);
	}
	stats = stats_of_pool(&stage);
	ck_assert_uint_eq(stats.outcomes[SIGCHLD_EXPIRED], 3);
	ck_assert_uint_eq(stats.backlog, 0);
	ck_assert_uint_eq(stats.backlog_bytes, 0);
	ck_assert_uint_eq(stats.backlog_age_ms, 0);
	time_passes(&stage, 5 * HOUR); /* who is served, waits no more */
	ck_assert_int_eq(stage.n_replies, 3);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_outcomes[SIGCHLD_DONE] == 1);
	(void)ask_and_wait(&stage, "echo hello");
	ck_assert_int_eq(atomic_load(&stage.marks[0]), 2);
	ck_assert_int_eq(stage.n_forks, 1);
	stage_close(&stage);
}
END_TEST

START_TEST(p36_each_request_has_its_own_time)
{
	static const uint32_t ttls[] = { 3000, 1000, 2000, 0,
		SIGCHLD_POOL_NONE };
	static const int order[] = { 3, 1, 2, 4 };
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = counting_options(&stage, 1);
	options.backlog_ttl_ms = HOUR;
	play_until_idle(&stage, &options);
	(void)ask_to_wait(&stage, 0);
	for (i = 0; i < 5; i++)
		MUST_BE(0,
		    ask_text(&stage, "echo hello",
			SIGCHLD_REQUEST(.ttl_ms = ttls[i])));
	for (i = 1; i <= 3; i++) {
		time_passes(&stage, 1000);
		UNTIL(&stage, stage.n_replies == i);
		be_calm(&stage);
		ck_assert_int_eq(stage.n_replies, i);
	}
	time_passes(&stage, HOUR);
	UNTIL(&stage, stage.n_replies == 4);
	time_passes(&stage, 100 * HOUR);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_EXPIRED], 4);
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(stage.asked[1 + i]->order, order[i]);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_outcomes[SIGCHLD_DONE] == 2);
	ck_assert_int_eq(atomic_load(&stage.marks[0]), 2);
	stage_close(&stage);
}
END_TEST

/* Those that expire in the middle leave the others in their order. */
START_TEST(p36_those_that_stay_keep_their_order)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i, last = 0;

	stage_open(&stage, NULL);
	options = counting_options(&stage, 1);
	options.backlog_bytes = 10 * 21;
	play_until_idle(&stage, &options);
	(void)ask_to_wait(&stage, 0);
	for (i = 0; i < 21; i++)
		MUST_BE(0,
		    ask_text(&stage, "echo hello",
			SIGCHLD_REQUEST(.ttl_ms = i % 3 == 0 ? 1000 : 0)));
	MUST_BE(-EAGAIN, ask_text(&stage, "echo hello", NULL));
	time_passes(&stage, 1000);
	UNTIL(&stage, stage.n_outcomes[SIGCHLD_EXPIRED] == 7);
	ck_assert_uint_eq(stats_of_pool(&stage).backlog_bytes, 10 * 14);
	ask_often(&stage, "echo hello", 7); /* there is room again */
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_replies == stage.n_asked);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE], 1 + 14 + 7);
	for (i = 1; i < stage.n_asked; i++) {
		if (stage.asked[i]->reply.outcome == SIGCHLD_EXPIRED)
			continue;
		ck_assert_int_gt(stage.asked[i]->order, last);
		last = stage.asked[i]->order;
	}
	ck_assert_int_eq(atomic_load(&stage.marks[0]), 22);
	stage_close(&stage);
}
END_TEST

/* The clock is the real one. */
START_TEST(p36_they_expire_by_themselves)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = counting_options(&stage, 1);
	options.backlog_ttl_ms = 20;
	play_until_idle(&stage, &options);
	(void)ask_to_wait(&stage, 0);
	ask_often(&stage, "echo hello", 3);
	UNTIL(&stage, stage.n_outcomes[SIGCHLD_EXPIRED] == 3);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_outcomes[SIGCHLD_DONE] == 1);
	ck_assert_int_eq(atomic_load(&stage.marks[0]), 1);
	stage_close(&stage);
}
END_TEST

/* The time of those that wait is over just when the worker gets free: some are
 * run and some are not, but never both. */
START_TEST(p36_run_or_expired_and_never_both)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int round;

	stage_open(&stage, NULL);
	options = counting_options(&stage, 1);
	options.backlog_ttl_ms = HOUR;
	play_until_idle(&stage, &options);
	for (round = 0; round < 100; round++) {
		(void)ask_to_wait(&stage, 0);
		ask_often(&stage, "echo hello", 3);
		let_pass(&stage, 0, 1);
		if (round % 2 == 0)
			UNTIL(&stage, stage.n_replies >= stage.n_asked - 3);
		time_passes(&stage, HOUR);
		UNTIL(&stage, stage.n_replies == stage.n_asked);
	}
	ck_assert_int_gt(stage.n_outcomes[SIGCHLD_DONE], 100);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE] +
		stage.n_outcomes[SIGCHLD_EXPIRED],
	    400);
	ck_assert_int_eq(atomic_load(&stage.marks[0]),
	    stage.n_outcomes[SIGCHLD_DONE]);
	stage_close(&stage);
}
END_TEST

/* Requests that wait for the first worker to be ready, or for one whose slot
 * waits after a failure, expire as well. */
static int
init_that_fails(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	(void)user;
	return 1;
}

START_TEST(p36_they_expire_where_nobody_works)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = counting_options(&stage, 2);
	options.on_init = init_that_fails;
	options.backoff_ms = options.backoff_max_ms = 100 * HOUR;
	options.backlog_ttl_ms = HOUR;
	stage_play(&stage, &options);
	UNTIL(&stage, stage.n_ends == 2);
	ask_often(&stage, "echo hello", 2);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_replies, 0);
	time_passes(&stage, HOUR);
	UNTIL(&stage, stage.n_outcomes[SIGCHLD_EXPIRED] == 2);
	ck_assert_int_eq(atomic_load(&stage.marks[0]), 0);
	stage_close(&stage);
}
END_TEST

HARNESS("backlog",
    {
	HARNESS_TEST(p35_ten_wait_in_order_and_the_next_is_refused),
	HARNESS_TEST(p35_a_full_backlog_keeps_nobody_busy),
	HARNESS_TEST(p35_one_served_makes_room_for_one),
	HARNESS_TEST(p35_a_refusal_leaves_no_trace),
	HARNESS_TEST(p35_nobody_waits_where_none_may),
	HARNESS_TEST(p35_what_goes_to_the_idle_does_not_wait),
	HARNESS_TEST(p35_many_workers_begin_them_in_order),
	HARNESS_TEST(backlog_refusals_are_told_together),
	HARNESS_TEST(backlog_bytes_are_counted_together),
	HARNESS_TEST(p36_who_waits_too_long_is_not_run),
	HARNESS_TEST(p36_each_request_has_its_own_time),
	HARNESS_TEST(p36_those_that_stay_keep_their_order),
	HARNESS_TEST(p36_they_expire_by_themselves),
	HARNESS_TEST(p36_run_or_expired_and_never_both),
	HARNESS_TEST(p36_they_expire_where_nobody_works),
    })
