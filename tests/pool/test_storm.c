/*
 * test_storm.c - P4, P5 and P15 in their full size
 *
 * labels: stress
 * timeout: 120
 */
#include "help.h"

#define TRIES       1000 /* a tenth of it in a build that is slow */
#define REQUESTS    10000
#define WORKERS     500
#define FDS_EACH    3 /* of the parent: a channel, a pidfd, and some room */
#define FDS_OTHERS  64
#define IN_ONE_WAVE 100

static void
play_idle(struct stage *stage, uint32_t n)
{
	const struct sigchld_pool_options options = stage_options(stage, n, n);

	stage_play(stage, &options);
	UNTIL(stage, stats_of_pool(stage).idle == n);
}

static int
how_many(int n)
{
	return harness_patience_ms() > 20000 ? n / 10 : n;
}

/* The worker that was busy last dies at this very moment. Another one does
 * it, or it is told that this one had begun. */
static bool
ask_a_dying_one(struct stage *stage)
{
	const int n_ends = stage->n_ends;
	const pid_t pid = ask_pid(stage);
	struct asked *asked;

	send_signal(pid, SIGKILL);
	asked = ask(stage, "pid");
	UNTIL(stage, asked->n_replies == 1 && stage->n_ends > n_ends);
	UNTIL(stage, stats_of_pool(stage).idle == 2); /* one dies at a time */
	ck_assert_int_eq(stage->ends[n_ends].pid, pid);
	if (asked->reply.outcome == SIGCHLD_DONE)
		return asked->reply.pid != pid;
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_LOST);
	ck_assert_uint_eq(asked->reply.started, 1);
	ck_assert_int_eq(asked->reply.pid, pid);
	return false;
}

START_TEST(p4_no_request_is_lost_to_a_worker_that_dies)
{
	const int n = how_many(TRIES);
	struct stage stage;
	int i, n_elsewhere = 0;

	lower_nofile(FDS_OTHERS);
	stage_open(&stage, NULL);
	play_idle(&stage, 2);
	for (i = 0; i < n; i++)
		n_elsewhere += ask_a_dying_one(&stage);
	ck_assert_int_eq(stage.n_ends, n);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_KILLED), n);
	ck_assert_int_gt(n_elsewhere, n / 2);
	stage_close(&stage);
}
END_TEST

START_TEST(p5_five_hundred_are_killed_at_once)
{
	const int n_fds = raise_nofile(WORKERS * FDS_EACH + FDS_OTHERS);
	const int n = (n_fds - FDS_OTHERS) / FDS_EACH;
	struct stage stage;
	struct roster roster;
	int i;

	stage_open(&stage, NULL);
	play_idle(&stage, (uint32_t)n);
	roster = workers_of(&stage);
	ck_assert_int_eq(roster.n, n);
	for (i = 0; i < n; i++)
		send_signal(roster.workers[i].pid, SIGKILL);
	UNTIL(&stage,
	    stage.n_ends == n && stats_of_pool(&stage).idle == (uint32_t)n);
	for (i = 0; i < n; i++) {
		ck_assert_ptr_nonnull(end_of(&stage, roster.workers[i].pid));
		ck_assert_uint_eq(stage.ends[i].reason, SIGCHLD_KILLED);
		ck_assert_uint_eq(stage.ends[i].next_fork_ms, 0);
	}
	ck_assert_int_eq(stage.n_forks, 2 * n);
	ck_assert_int_eq(harness_count_children(), n);
	free(roster.workers);
	stage_close(&stage);
}
END_TEST

START_TEST(p15_ten_thousand_workers_serve_one_each)
{
	struct sigchld_pool_options options;
	const int n = how_many(REQUESTS);
	struct stage stage;
	int i, n_fds;

	lower_nofile(FDS_OTHERS);
	stage_open(&stage, NULL);
	options = stage_options(&stage, 2, 2);
	options.max_requests = 1;
	options.max_requests_jitter = SIGCHLD_POOL_NONE;
	options.backoff_ms = options.backoff_max_ms = 60000;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	n_fds = harness_count_fds();
	while (stage.n_asked < n) {
		for (i = 0; i < IN_ONE_WAVE; i++)
			(void)ask(&stage, "echo");
		UNTIL(&stage, stage.n_replies == stage.n_asked);
	}
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE], n);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_MAX_REQUESTS), n);
	ck_assert_int_eq(stage.n_forks, n + 2);
	for (i = 0; i < stage.n_ends; i++)
		ck_assert_uint_eq(stage.ends[i].next_fork_ms, 0);
	ck_assert_int_eq(harness_count_fds(), n_fds);
	ck_assert_int_eq(harness_count_children(), 2);
	stage_close(&stage);
}
END_TEST

HARNESS("storm",
    {
	HARNESS_TEST(p4_no_request_is_lost_to_a_worker_that_dies),
	HARNESS_TEST(p5_five_hundred_are_killed_at_once),
	HARNESS_TEST(p15_ten_thousand_workers_serve_one_each),
    })
