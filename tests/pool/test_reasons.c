/*
 * test_reasons.c - P2, P11, P14, P24, P26, P37, P39, P40: why a worker ended, when it could have
 * been another reason; and which ends slow its slot down
 *
 * wrap: now_ms now_us timerfd_arm kill pidfd_signal
 */
#include "help2.h"
#include "help3.h"

#define LONG_MS 50000u

/* It goes, and has time for that; but somebody else has none. */
START_TEST(p2_a_signal_like_ours_that_is_not_ours)
{
	struct sigchld_pool_options options;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	play_until_idle(&stage, &options);
	pid = worker_in(&stage, 0);
	keep_busy(&stage, 0, 1);
	MUST_BE(0, sigchld_pool_roll(stage.pool, 1));
	UNTIL(&stage, stats_of_pool(&stage).stopping == 1);
	send_signal(pid, SIGTERM);
	check_killed(&stage, pid, SIGCHLD_KILLED, SIGTERM);
	stage_close(&stage);
}
END_TEST

static int
fail_late(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	if (mark(user, 0) > 1)
		return 0;
	(void)pass(user, 0);
	return 3;
}

/* That it was replaced meanwhile does not make a failure a success. */
START_TEST(p40_an_init_that_fails_when_it_is_not_wanted_any_more)
{
	struct sigchld_pool_options options;
	struct stage stage;
	pid_t late;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	options.on_init = fail_late;
	stage_play(&stage, &options);
	UNTIL(&stage, stage.n_forks == 1 && stage.marks[0] == 1);
	late = stage.forks[0].pid;
	MUST_BE(0, sigchld_pool_roll(stage.pool, 1));
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, end_of(&stage, late) != NULL);
	ck_assert_uint_eq(end_of(&stage, late)->reason, SIGCHLD_INIT_FAILED);
	ck_assert_uint_eq(end_of(&stage, late)->ready, 0);
	stage_close(&stage);
}
END_TEST

/* Whoever is to be killed has crashed, just before. */
static pid_t crashes;

int __real_sigchld__sys_kill(pid_t pid, int sig);
int __wrap_sigchld__sys_kill(pid_t pid, int sig);
int __real_sigchld__sys_pidfd_signal(int pidfd, int sig, bool group);
int __wrap_sigchld__sys_pidfd_signal(int pidfd, int sig, bool group);

static void
crash_first(int sig)
{
	const pid_t pid = crashes;

	if (pid == 0 || sig != SIGKILL)
		return;
	crashes = 0;
	send_signal(pid, SIGSEGV);
	harness_await_zombie(pid);
}

int
__wrap_sigchld__sys_kill(pid_t pid, int sig)
{
	crash_first(sig);
	return __real_sigchld__sys_kill(pid, sig);
}

int
__wrap_sigchld__sys_pidfd_signal(int pidfd, int sig, bool group)
{
	crash_first(sig);
	return __real_sigchld__sys_pidfd_signal(pidfd, sig, group);
}

static int
never_ready(struct sigchld_worker *worker, void *user)
{
	say_from(user, worker, 'i');
	(void)pass(user, 0);
	return 0;
}

/* SIGKILL came too late to be the reason. */
START_TEST(p14_who_crashes_before_he_is_killed_has_crashed)
{
	struct sigchld_pool_options options;
	struct stage stage;
	pid_t pid;

	no_core_files();
	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	options.on_init = never_ready;
	options.boot_ms = 1000;
	stage_play(&stage, &options);
	UNTIL(&stage, n_said(&stage, 'i') == 1);
	pid = crashes = stage.said[0].pid;
	time_passes(&stage, 2000);
	check_killed(&stage, pid, SIGCHLD_CRASHED, SIGSEGV);
	ck_assert_int_eq(crashes, 0);
	stage_close(&stage);
}
END_TEST

/* It was not begun, but there is nobody who will do it: its worker had it. */
static void
kill_while_it_stops(bool again)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	play_until_idle(&stage, &options);
	pid = worker_in(&stage, 0);
	stop_worker(pid);
	asked = ask(&stage, "echo it");
	be_calm(&stage);
	MUST_BE(0,
	    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT,
		SIGCHLD_POOL_NONE));
	if (again)
		MUST_BE(0,
		    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_FINISH,
			SIGCHLD_POOL_NONE));
	send_signal(pid, SIGKILL);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_LOST);
	ck_assert_uint_eq(asked->reply.started, 0);
	ck_assert_uint_eq(asked->reply.reason, SIGCHLD_KILLED);
	ck_assert_uint_eq(stats_of_pool(&stage).retried, 0);
	stage_close(&stage);
}

START_TEST(p37_one_that_was_not_begun_while_the_pool_stops)
{
	kill_while_it_stops(false);
}
END_TEST

/* What was not to be finished is not to be finished later. */
START_TEST(p39_a_stop_that_rejects_and_then_one_that_finishes)
{
	kill_while_it_stops(true);
}
END_TEST

/* The second of them would have to wait. */
static void
check_that_none_waits(struct stage *stage, uint32_t reason)
{
	int i;

	for (i = 1; i <= 3; i++) {
		UNTIL(stage, stats_of_pool(stage).idle == 1);
		(void)ask_to_wait(stage, 0);
		time_passes(stage, 2000);
		UNTIL(stage, stage->n_ends == i);
		ck_assert_uint_eq(stage->ends[i - 1].reason, reason);
		ck_assert_uint_eq(stage->ends[i - 1].next_fork_ms, 0);
	}
}

static void
run_overdue(bool beats, uint32_t reason)
{
	struct sigchld_pool_options options;
	struct stage stage;

	no_core_files();
	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	options.backoff_ms = options.backoff_max_ms = LONG_MS;
	*(beats ? &options.beat_ms : &options.request_ms) = 1000;
	stage_play(&stage, &options);
	check_that_none_waits(&stage, reason);
	stage_close(&stage);
}

START_TEST(p24_a_deadline_is_no_failure_of_the_worker)
{
	run_overdue(false, SIGCHLD_KILLED_TIMEOUT);
}
END_TEST

START_TEST(p26_a_missing_beat_is_no_failure_of_the_worker)
{
	run_overdue(true, SIGCHLD_KILLED_BEAT);
}
END_TEST

static const struct sigchld_worker_end *
kill_idle(struct stage *stage)
{
	const int n = stage->n_ends;

	UNTIL(stage, stats_of_pool(stage).idle == 1);
	send_signal(worker_in(stage, 0), SIGKILL);
	UNTIL(stage, stage->n_ends == n + 1);
	return &stage->ends[n];
}

/* The first of a row is replaced at once; and one that has served begins another
 * row. */
START_TEST(p11_the_first_failure_after_a_success_does_not_wait_either)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	options.backoff_ms = options.backoff_max_ms = LONG_MS;
	stage_play(&stage, &options);
	ck_assert_uint_eq(kill_idle(&stage)->next_fork_ms, 0);
	(void)ask_and_wait(&stage, "echo it");
	ck_assert_uint_eq(kill_idle(&stage)->next_fork_ms, 0);
	ck_assert_uint_eq(kill_idle(&stage)->next_fork_ms, 0);
	ck_assert_uint_eq(kill_idle(&stage)->next_fork_ms, LONG_MS);
	stage_close(&stage);
}
END_TEST

HARNESS("reasons",
    {
	HARNESS_TEST(p2_a_signal_like_ours_that_is_not_ours),
	HARNESS_TEST(p40_an_init_that_fails_when_it_is_not_wanted_any_more),
	HARNESS_TEST(p14_who_crashes_before_he_is_killed_has_crashed),
	HARNESS_TEST(p39_a_stop_that_rejects_and_then_one_that_finishes),
	HARNESS_TEST(p37_one_that_was_not_begun_while_the_pool_stops),
	HARNESS_TEST(p24_a_deadline_is_no_failure_of_the_worker),
	HARNESS_TEST(p26_a_missing_beat_is_no_failure_of_the_worker),
	HARNESS_TEST(
	    p11_the_first_failure_after_a_success_does_not_wait_either),
    })
