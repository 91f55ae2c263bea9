/*
 * test_stop.c - the end of a pool: what waits, who is busy, who does not go
 *
 * wrap: now_ms now_us timerfd_arm
 *
 * In every test STOPPED is the last that is told, and then nobody is left: see
 * see_last_state.
 */
#include "help3.h"

static void
see_last_state(struct sigchld_pool *pool, uint32_t state, void *user)
{
	struct stage *stage = user;
	struct sigchld_pool_stats stats;

	ck_assert_int_eq(n_states_seen(stage, SIGCHLD_POOL_STOPPED), 0);
	see_state(pool, state, user);
	if (state != SIGCHLD_POOL_STOPPED)
		return;
	ck_assert_int_eq(stage->n_replies, stage->n_asked);
	ck_assert_int_eq(stage->n_ends, (int)stats_of_pool(stage).spawned);
	ck_assert(has_no_child());
	stats = stats_of_pool(stage);
	ck_assert_uint_eq(alive(&stats), 0);
	ck_assert_uint_eq(stats.state, SIGCHLD_POOL_STOPPED);
	ck_assert_uint_eq(stats.next_fork_ms, UINT64_MAX);
}

static struct sigchld_pool_options
stop_options(struct stage *stage, uint32_t n)
{
	struct sigchld_pool_options options = slow_options(stage, n, n);

	options.on_state = see_last_state;
	options.kill_ms = HOUR;
	return options;
}

static bool
has_stopped(struct stage *stage)
{
	return n_states_seen(stage, SIGCHLD_POOL_STOPPED) == 1;
}

static void
stop(struct stage *stage, uint32_t how, uint32_t grace_ms)
{
	MUST_BE(0, sigchld_pool_stop(stage->pool, how, grace_ms));
}

/* After STOPPED nothing is told and nobody is forked, whatever time it is. */
static void
close_stopped(struct stage *stage)
{
	const int n_forks = stage->n_forks, n_states = stage->n_states;

	UNTIL(stage, has_stopped(stage));
	time_passes(stage, 1000 * HOUR);
	be_calm(stage);
	ck_assert_int_eq(stage->n_forks, n_forks);
	ck_assert_int_eq(stage->n_before_fork, n_forks);
	ck_assert_int_eq(stage->n_states, n_states);
	MUST_BE(-ESHUTDOWN,
	    sigchld_pool_submit(stage->pool, NULL, SIGCHLD_REQUEST()));
	stage_close(stage);
}

/* Two are busy, and ten wait. */
static void
crowd(struct stage *stage)
{
	struct sigchld_pool_options options;

	stage_open(stage, NULL);
	options = stop_options(stage, 2);
	play_until_idle(stage, &options);
	keep_busy(stage, 0, 2);
	ask_often(stage, "echo hello", 10);
}

START_TEST(p37_reject_those_that_wait)
{
	struct stage stage;
	int i;

	crowd(&stage);
	stop(&stage, SIGCHLD_STOP_REJECT, 30 * HOUR);
	ck_assert_int_eq(stage.n_replies, 0); /* in a dispatch, not here */
	MUST_BE(-ESHUTDOWN,
	    sigchld_pool_submit(stage.pool, NULL, SIGCHLD_REQUEST()));
	UNTIL(&stage, stage.n_outcomes[SIGCHLD_REJECTED] == 10);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_replies, 10);
	for (i = 0; i < 10; i++) {
		const struct asked *asked = stage.asked[2 + i];

		ck_assert_int_eq(asked->order, i + 1);
		ck_assert_uint_eq(asked->reply.started, 0);
		ck_assert_int_eq(asked->reply.pid, 0);
	}
	ck_assert_int_eq(sigchld_pool_state(stage.pool), SIGCHLD_POOL_STOPPING);
	ck_assert_int_eq(stage.n_ends, 0);
	let_pass(&stage, 0, 2);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE], 2);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_STOPPED_POOL), 2);
	close_stopped(&stage);
}
END_TEST

START_TEST(p37_finish_those_that_wait)
{
	struct stage stage;
	int i;

	crowd(&stage);
	stop(&stage, SIGCHLD_STOP_FINISH, 30 * HOUR);
	MUST_BE(-ESHUTDOWN,
	    sigchld_pool_submit(stage.pool, NULL, SIGCHLD_REQUEST()));
	be_calm(&stage);
	ck_assert_int_eq(stage.n_replies, 0);
	ck_assert_int_eq(sigchld_pool_state(stage.pool), SIGCHLD_POOL_STOPPING);
	let_pass(&stage, 0, 2);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE], 12);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_STOPPED_POOL), 2);
	for (i = 0; i < 12; i++)
		ck_assert_uint_eq(stage.asked[i]->reply.len,
		    i < 2 ? 4 /* done */ : 5 /* hello */);
	close_stopped(&stage);
}
END_TEST

/* Those who are busy die of the stop signal; those that wait are not run. */
START_TEST(p37_finish_ends_when_the_grace_does)
{
	struct stage stage;
	int i;

	crowd(&stage);
	stop(&stage, SIGCHLD_STOP_FINISH, HOUR);
	time_passes(&stage, HOUR / 2);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_replies, 0);
	time_passes(&stage, HOUR / 2);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_REJECTED], 10);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_LOST], 2);
	for (i = 0; i < 2; i++) {
		const struct sigchld_reply *reply = &stage.asked[i]->reply;

		ck_assert_uint_eq(reply->reason, SIGCHLD_STOPPED_POOL);
		ck_assert_int_eq(reply->wstatus, SIGTERM);
		ck_assert_int_eq(stage.ends[i].wstatus, SIGTERM);
	}
	close_stopped(&stage);
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

/* One that ends while the rest is finished is not replaced: those that wait are
 * finished by the other. */
START_TEST(p37_finish_with_those_that_are_left)
{
	struct sigchld_pool_options options;
	struct stage stage;
	pid_t victim;

	stage_open(&stage, NULL);
	options = stop_options(&stage, 2);
	options.on_request = count_and_obey;
	play_until_idle(&stage, &options);
	keep_busy(&stage, 0, 2);
	ask_often(&stage, "echo hello", 10);
	stop(&stage, SIGCHLD_STOP_FINISH, 30 * HOUR);
	be_calm(&stage);
	victim = who_said(&stage, 'w', 0);
	send_signal(victim, SIGKILL);
	UNTIL(&stage, stage.n_ends == 1);
	be_calm(&stage);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_KILLED);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_LOST], 1);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE], 11);
	ck_assert_int_eq(atomic_load(&stage.marks[0]), 12);
	ck_assert_int_eq(stage.n_forks, 2);
	close_stopped(&stage);
}
END_TEST

/* Nobody is left who could finish them: they are not kept until the grace is
 * over, or at least they are completed then. */
START_TEST(p37_finish_with_nobody_left)
{
	struct stage stage;
	int i;

	crowd(&stage);
	stop(&stage, SIGCHLD_STOP_FINISH, HOUR);
	be_calm(&stage);
	for (i = 0; i < 2; i++)
		send_signal(who_said(&stage, 'w', i), SIGKILL);
	UNTIL(&stage, stage.n_ends == 2);
	be_calm(&stage);
	time_passes(&stage, HOUR);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_LOST], 2);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_REJECTED], 10);
	ck_assert_int_eq(stage.n_forks, 2);
	close_stopped(&stage);
}
END_TEST

START_TEST(p37_the_idle_need_no_grace)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stop_options(&stage, 5);
	play_until_idle(&stage, &options);
	stop(&stage, SIGCHLD_STOP_FINISH, SIGCHLD_POOL_NONE);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_STOPPED_POOL), 5);
	close_stopped(&stage);
}
END_TEST

static void
stop_on_reply(struct sigchld_pool *pool, const struct sigchld_reply *reply,
    void *user)
{
	struct stage *stage = user;

	ck_assert_uint_eq(reply->outcome, SIGCHLD_DONE);
	atomic_fetch_add(&stage->marks[2], 1);
	MUST_BE(0, sigchld_pool_stop(pool, SIGCHLD_STOP_REJECT, HOUR));
}

START_TEST(p37_stop_in_a_callback)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stop_options(&stage, 1);
	play_until_idle(&stage, &options);
	MUST_BE(0,
	    sigchld_pool_submit(stage.pool, NULL,
		SIGCHLD_REQUEST(.data = "echo", .len = 4,
		    .on_reply = stop_on_reply, .user = &stage)));
	ask_often(&stage, "echo hello", 3);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(atomic_load(&stage.marks[2]), 1);
	ck_assert_int_eq(stage.n_replies, 3);
	close_stopped(&stage);
}
END_TEST

START_TEST(p37_before_the_first_fork)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stop_options(&stage, 3);
	stage_play(&stage, &options);
	ask_often(&stage, "echo hello", 2);
	stop(&stage, SIGCHLD_STOP_REJECT, HOUR);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_REJECTED], 2);
	ck_assert_int_eq(stage.n_forks, 0);
	close_stopped(&stage);
}
END_TEST

START_TEST(p37_with_nobody_there)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stop_options(&stage, 0);
	options.workers_max = 2;
	options.flags = SIGCHLD_POOL_ON_DEMAND;
	stage_play(&stage, &options);
	UNTIL(&stage, stage.n_open == 1);
	be_calm(&stage);
	stop(&stage, SIGCHLD_STOP_FINISH, HOUR);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(stage.n_forks, 0);
	close_stopped(&stage);
}
END_TEST

static int
init_that_fails(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	(void)user;
	return 1;
}

/* All slots wait for hours to be forked again. */
START_TEST(p37_while_everybody_backs_off)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stop_options(&stage, 3);
	options.on_init = init_that_fails;
	options.backoff_ms = options.backoff_max_ms = 10 * HOUR;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).backoff == 3);
	ask_often(&stage, "echo hello", 2);
	stop(&stage, SIGCHLD_STOP_FINISH, 0);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_REJECTED], 2);
	ck_assert_int_eq(stage.n_forks, 3);
	close_stopped(&stage);
}
END_TEST

/* on_init: waits at door 1. */
static int
init_at_door(struct sigchld_worker *worker, void *user)
{
	say_from(user, worker, 'i');
	return pass(user, 1) ? 0 : 1;
}

START_TEST(p37_those_who_start_go_when_they_have)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stop_options(&stage, 3);
	options.on_init = init_at_door;
	stage_play(&stage, &options);
	UNTIL(&stage, n_said(&stage, 'i') == 3);
	ask_often(&stage, "echo hello", 2);
	stop(&stage, SIGCHLD_STOP_REJECT, HOUR);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_REJECTED], 2);
	ck_assert_int_eq(stage.n_ends, 0);
	let_pass(&stage, 1, 2);
	UNTIL(&stage, stage.n_ends == 2);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 2);
	time_passes(&stage, HOUR); /* the third does not get ready */
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_STOPPED_POOL), 3);
	ck_assert_int_eq(stage.n_forks, 3);
	close_stopped(&stage);
}
END_TEST

/* Workers that do not go. They count the signals that they get: SIGTERM, and one
 * by which the test knows that there were no more before it. */

static struct stage *counting_stage; /* in a worker */
static int counting_slot;

#define SUCCESSORS   3
#define TERMS(slot)  (4 + (slot))
#define PROBES(slot) (8 + (slot))
#define PROBE        SIGRTMIN /* comes after those with smaller numbers */

static void
count_signal(int sig)
{
	(void)mark(counting_stage,
	    sig == SIGTERM ? TERMS(counting_slot) : PROBES(counting_slot));
}

static int
init_stubborn(struct sigchld_worker *worker, void *user)
{
	struct sigaction action = { .sa_handler = count_signal };
	struct stage *stage = user;

	if (atomic_load(&stage->marks[SUCCESSORS]) != 0)
		return 0; /* these are not looked at */
	counting_stage = stage;
	counting_slot = (int)sigchld_worker_slot(worker);
	(void)sigfillset(&action.sa_mask);
	CHILD_MUST(sigaction(SIGTERM, &action, NULL) == 0);
	CHILD_MUST(sigaction(PROBE, &action, NULL) == 0);
	return 0;
}

/* on_request: signals come in between. */
static int
stay(struct sigchld_worker *worker, const struct sigchld_job *job, void *user)
{
	(void)job;
	say_from(user, worker, 'w');
	while (poll(NULL, 0, -1) == -1)
		continue;
	return 0;
}

static int
terms(struct stage *stage, int slot)
{
	return atomic_load(&stage->marks[TERMS(slot)]);
}

/* All that was sent until now to the n workers that are busy has arrived. */
static void
signals_arrive(struct stage *stage, int n)
{
	const atomic_int *probes;
	int i, before;

	ck_assert_int_eq(n_said(stage, 'w'), n);
	for (i = 0; i < stage->n_said; i++) {
		probes = &stage->marks[PROBES((int)stage->said[i].slot)];
		before = atomic_load(probes);
		send_signal(stage->said[i].pid, PROBE);
		UNTIL(stage, atomic_load(probes) > before);
	}
}

/* n workers that are busy and do not go. */
static void
play_stubborn(struct stage *stage, int n)
{
	struct sigchld_pool_options options;

	stage_open(stage, NULL);
	options = stop_options(stage, (uint32_t)n);
	options.on_init = init_stubborn;
	options.on_request = stay;
	play_until_idle(stage, &options);
	ask_often(stage, "stay", n);
	UNTIL(stage, n_said(stage, 'w') == n);
}

START_TEST(p38_the_stop_signal_and_then_sigkill)
{
	struct stage stage;
	int slot;

	play_stubborn(&stage, 2);
	stop(&stage, SIGCHLD_STOP_REJECT, HOUR);
	time_passes(&stage, HOUR / 2);
	be_calm(&stage);
	signals_arrive(&stage, 2);
	ck_assert_int_eq(terms(&stage, 0) + terms(&stage, 1), 0);
	time_passes(&stage, HOUR / 2);
	be_calm(&stage);
	signals_arrive(&stage, 2);
	for (slot = 0; slot < 2; slot++)
		ck_assert_int_eq(terms(&stage, slot), 1);
	time_passes(&stage, HOUR / 2);
	be_calm(&stage);
	signals_arrive(&stage, 2); /* still there */
	ck_assert_int_eq(stage.n_ends, 0);
	time_passes(&stage, HOUR / 2);
	UNTIL(&stage, has_stopped(&stage));
	for (slot = 0; slot < 2; slot++) {
		ck_assert_int_eq(terms(&stage, slot), 1);
		ck_assert_uint_eq(stage.ends[slot].reason, SIGCHLD_KILLED_STOP);
		ck_assert_int_eq(stage.ends[slot].wstatus, SIGKILL);
	}
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_LOST], 2);
	ck_assert_uint_eq(stage.asked[0]->reply.reason, SIGCHLD_KILLED_STOP);
	ck_assert_int_eq(stage.n_forks, 2);
	close_stopped(&stage);
}
END_TEST

/* The clock is the real one, and the times are short. */
START_TEST(p38_by_itself)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int64_t begin;

	stage_open(&stage, NULL);
	options = stop_options(&stage, 2);
	options.on_init = init_stubborn;
	options.on_request = stay;
	options.kill_ms = 30;
	play_until_idle(&stage, &options);
	(void)ask(&stage, "stay");
	UNTIL(&stage, n_said(&stage, 'w') == 1);
	begin = harness_now_ms();
	stop(&stage, SIGCHLD_STOP_REJECT, 30);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_ge(harness_now_ms() - begin, 59);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_KILLED_STOP), 1);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_STOPPED_POOL), 1);
	close_stopped(&stage);
}
END_TEST

START_TEST(p38_another_signal_to_stop)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stop_options(&stage, 1);
	options.on_init = init_stubborn;
	options.on_request = stay;
	options.stop_signal = SIGUSR2; /* which it does not handle */
	play_until_idle(&stage, &options);
	(void)ask(&stage, "stay");
	UNTIL(&stage, n_said(&stage, 'w') == 1);
	stop(&stage, SIGCHLD_STOP_REJECT, HOUR);
	time_passes(&stage, HOUR);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(stage.ends[0].wstatus, SIGUSR2);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_STOPPED_POOL);
	ck_assert_int_eq(terms(&stage, 0), 0);
	close_stopped(&stage);
}
END_TEST

START_TEST(p38_who_is_stopped_by_a_signal_is_killed)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stop_options(&stage, 1);
	play_until_idle(&stage, &options);
	send_signal(stage.forks[0].pid, SIGSTOP);
	UNTIL(&stage, proc_state(stage.forks[0].pid) == 'T');
	stop(&stage, SIGCHLD_STOP_REJECT, HOUR);
	time_passes(&stage, HOUR);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	time_passes(&stage, HOUR);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_KILLED_STOP), 1);
	close_stopped(&stage);
}
END_TEST

/* One dies of something else meanwhile. */
START_TEST(p38_nobody_is_replaced)
{
	struct stage stage;

	play_stubborn(&stage, 3);
	stop(&stage, SIGCHLD_STOP_REJECT, HOUR);
	be_calm(&stage);
	send_signal(who_said(&stage, 'w', 1), SIGKILL);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_KILLED);
	time_passes(&stage, HOUR);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_forks, 3);
	time_passes(&stage, HOUR);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(stage.n_forks, 3);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_KILLED_STOP), 2);
	close_stopped(&stage);
}
END_TEST

START_TEST(p39_a_second_stop_shortens)
{
	struct stage stage;
	int i, slot;

	play_stubborn(&stage, 3);
	stop(&stage, SIGCHLD_STOP_REJECT, 30 * HOUR);
	be_calm(&stage);
	signals_arrive(&stage, 3);
	for (slot = 0; slot < 3; slot++)
		ck_assert_int_eq(terms(&stage, slot), 0);
	for (i = 0; i < 4; i++) { /* and more of them change nothing */
		stop(&stage, SIGCHLD_STOP_REJECT, 0);
		be_calm(&stage);
		signals_arrive(&stage, 3);
		for (slot = 0; slot < 3; slot++)
			ck_assert_int_eq(terms(&stage, slot), 1);
	}
	time_passes(&stage, HOUR);
	UNTIL(&stage, has_stopped(&stage));
	for (slot = 0; slot < 3; slot++)
		ck_assert_int_eq(terms(&stage, slot), 1);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_KILLED_STOP), 3);
	ck_assert_int_eq(n_states_seen(&stage, SIGCHLD_POOL_STOPPING), 1);
	close_stopped(&stage);
}
END_TEST

/* Nor does a second one give more time, neither to the signal nor to the kill. */
START_TEST(p39_it_never_lengthens)
{
	struct stage stage;

	play_stubborn(&stage, 1);
	stop(&stage, SIGCHLD_STOP_REJECT, HOUR);
	stop(&stage, SIGCHLD_STOP_REJECT, 30 * HOUR);
	stop(&stage, SIGCHLD_STOP_REJECT, SIGCHLD_POOL_NONE);
	time_passes(&stage, HOUR / 2);
	stop(&stage, SIGCHLD_STOP_REJECT, HOUR);
	time_passes(&stage, HOUR / 2);
	be_calm(&stage);
	signals_arrive(&stage, 1);
	ck_assert_int_eq(terms(&stage, 0), 1);
	stop(&stage, SIGCHLD_STOP_REJECT, 0);
	stop(&stage, SIGCHLD_STOP_REJECT, 30 * HOUR);
	time_passes(&stage, HOUR / 2);
	stop(&stage, SIGCHLD_STOP_REJECT, 0);
	be_calm(&stage);
	signals_arrive(&stage, 1);
	ck_assert_int_eq(terms(&stage, 0), 1);
	time_passes(&stage, HOUR / 2);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(stage.ends[0].wstatus, SIGKILL);
	close_stopped(&stage);
}
END_TEST

/* Two stops before any dispatch: the shorter one holds. */
START_TEST(p39_both_at_once)
{
	struct stage stage;

	play_stubborn(&stage, 1);
	stop(&stage, SIGCHLD_STOP_REJECT, 30 * HOUR);
	stop(&stage, SIGCHLD_STOP_REJECT, 0);
	be_calm(&stage);
	signals_arrive(&stage, 1);
	ck_assert_int_eq(terms(&stage, 0), 1);
	time_passes(&stage, HOUR);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(terms(&stage, 0), 1);
	close_stopped(&stage);
}
END_TEST

/* Whoever was to be finished is rejected by a second stop that says so; but what
 * was to be rejected is never finished. */
START_TEST(p39_reject_after_finish)
{
	struct stage stage;

	crowd(&stage);
	stop(&stage, SIGCHLD_STOP_FINISH, 30 * HOUR);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_replies, 0);
	stop(&stage, SIGCHLD_STOP_REJECT, 30 * HOUR);
	UNTIL(&stage, stage.n_outcomes[SIGCHLD_REJECTED] == 10);
	stop(&stage, SIGCHLD_STOP_FINISH, 30 * HOUR);
	let_pass(&stage, 0, 2);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE], 2);
	close_stopped(&stage);
}
END_TEST

START_TEST(p39_finish_after_reject)
{
	struct stage stage;

	crowd(&stage);
	stop(&stage, SIGCHLD_STOP_REJECT, 30 * HOUR);
	stop(&stage, SIGCHLD_STOP_FINISH, 30 * HOUR);
	let_pass(&stage, 0, 2);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE], 2);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_REJECTED], 10);
	close_stopped(&stage);
}
END_TEST

/* Workers that were told to go already, and got their signal for that. */
START_TEST(p39_one_signal_for_who_was_told_before)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stop_options(&stage, 2);
	options.on_init = init_stubborn;
	options.on_request = stay;
	options.stop_ms = HOUR;
	options.kill_ms = 30 * HOUR;
	play_until_idle(&stage, &options);
	ask_often(&stage, "stay", 2);
	UNTIL(&stage, n_said(&stage, 'w') == 2);
	atomic_store(&stage.marks[SUCCESSORS], 1);
	MUST_BE(0, sigchld_pool_roll(stage.pool, 2));
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	be_calm(&stage);
	signals_arrive(&stage, 2);
	ck_assert_int_eq(terms(&stage, 0) + terms(&stage, 1), 0);
	time_passes(&stage, HOUR); /* stop_ms */
	be_calm(&stage);
	signals_arrive(&stage, 2);
	ck_assert_int_eq(terms(&stage, 0), 1);
	ck_assert_int_eq(terms(&stage, 1), 1);
	stop(&stage, SIGCHLD_STOP_REJECT, 0);
	UNTIL(&stage, stage.n_ends == 2);
	be_calm(&stage);
	signals_arrive(&stage, 2);
	ck_assert_int_eq(terms(&stage, 0), 1);
	ck_assert_int_eq(terms(&stage, 1), 1);
	time_passes(&stage, 30 * HOUR);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_KILLED_STOP), 2);
	close_stopped(&stage);
}
END_TEST

/* Without a grace nobody is ever told by a signal, until somebody wants that. */
START_TEST(p38_without_a_grace)
{
	struct stage stage;
	int i;

	play_stubborn(&stage, 1);
	stop(&stage, SIGCHLD_STOP_REJECT, SIGCHLD_POOL_NONE);
	for (i = 0; i < 10; i++)
		time_passes(&stage, 1000 * HOUR);
	be_calm(&stage);
	signals_arrive(&stage, 1);
	ck_assert_int_eq(terms(&stage, 0), 0);
	ck_assert_int_eq(stage.n_ends, 0);
	stop(&stage, SIGCHLD_STOP_REJECT, HOUR);
	time_passes(&stage, HOUR);
	be_calm(&stage);
	signals_arrive(&stage, 1);
	ck_assert_int_eq(terms(&stage, 0), 1);
	time_passes(&stage, HOUR);
	UNTIL(&stage, has_stopped(&stage));
	close_stopped(&stage);
}
END_TEST

/* It was told an hour before: the stop, which gives more time, gives it none. */
START_TEST(p39_who_was_told_before_keeps_its_time)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stop_options(&stage, 1);
	options.on_init = init_stubborn;
	options.on_request = stay;
	options.stop_ms = 2 * HOUR;
	play_until_idle(&stage, &options);
	ask_often(&stage, "stay", 1);
	UNTIL(&stage, n_said(&stage, 'w') == 1);
	atomic_store(&stage.marks[SUCCESSORS], 1);
	MUST_BE(0, sigchld_pool_roll(stage.pool, 1));
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	time_passes(&stage, HOUR);
	stop(&stage, SIGCHLD_STOP_REJECT, 30 * HOUR);
	be_calm(&stage);
	signals_arrive(&stage, 1);
	ck_assert_int_eq(terms(&stage, 0), 0);
	time_passes(&stage, HOUR);
	be_calm(&stage);
	signals_arrive(&stage, 1);
	ck_assert_int_eq(terms(&stage, 0), 1);
	time_passes(&stage, HOUR);
	UNTIL(&stage, has_stopped(&stage));
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_KILLED_STOP), 1);
	close_stopped(&stage);
}
END_TEST

/* Nor is there more time to finish: what waits then is rejected, whatever those
 * do who are busy. */
START_TEST(p39_a_second_finish_does_not_lengthen)
{
	struct stage stage;

	play_stubborn(&stage, 1);
	ask_often(&stage, "stay", 3);
	stop(&stage, SIGCHLD_STOP_FINISH, HOUR);
	stop(&stage, SIGCHLD_STOP_FINISH, 30 * HOUR);
	time_passes(&stage, HOUR / 2);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_replies, 0);
	time_passes(&stage, HOUR / 2);
	UNTIL(&stage, stage.n_outcomes[SIGCHLD_REJECTED] == 3);
	ck_assert_int_eq(stage.n_ends, 0);
	time_passes(&stage, HOUR);
	UNTIL(&stage, has_stopped(&stage));
	close_stopped(&stage);
}
END_TEST

static void
hang(struct sigchld_worker *worker, void *user)
{
	say_from(user, worker, 'x');
	(void)pass(user, 0);
}

/* It said itself that it goes, and does not. */
START_TEST(stop_who_hangs_at_its_end)
{
	struct sigchld_pool_options options;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = stop_options(&stage, 1);
	options.max_requests = 1;
	options.max_requests_jitter = SIGCHLD_POOL_NONE;
	options.on_exit = hang;
	options.stop_ms = HOUR;
	play_until_idle(&stage, &options);
	pid = ask_pid(&stage);
	UNTIL(&stage, n_said(&stage, 'x') == 1);
	time_passes(&stage, HOUR / 2);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	ck_assert_int_eq(stage.n_forks, 1); /* it still has its place */
	time_passes(&stage, HOUR / 2);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_int_eq(stage.ends[0].pid, pid);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_MAX_REQUESTS);
	ck_assert_int_eq(stage.ends[0].wstatus, SIGTERM);
	let_all_pass(&stage, 0);
	stage_close(&stage);
}
END_TEST

START_TEST(stop_what_cannot_be)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	play_until_idle(&stage, &options);
	MUST_BE(-EINVAL, sigchld_pool_stop(stage.pool, 2, 0));
	MUST_BE(-EINVAL, sigchld_pool_stop(NULL, SIGCHLD_STOP_REJECT, 0));
	be_calm(&stage);
	ck_assert_int_eq(sigchld_pool_state(stage.pool), SIGCHLD_POOL_RUNNING);
	(void)ask_and_wait(&stage, "echo hello");
	stage_close(&stage);
}
END_TEST

HARNESS("stop",
    {
	HARNESS_TEST(p37_reject_those_that_wait),
	HARNESS_TEST(p37_finish_those_that_wait),
	HARNESS_TEST(p37_finish_ends_when_the_grace_does),
	HARNESS_TEST(p37_finish_with_those_that_are_left),
	HARNESS_TEST(p37_finish_with_nobody_left),
	HARNESS_TEST(p37_the_idle_need_no_grace),
	HARNESS_TEST(p37_stop_in_a_callback),
	HARNESS_TEST(p37_before_the_first_fork),
	HARNESS_TEST(p37_with_nobody_there),
	HARNESS_TEST(p37_while_everybody_backs_off),
	HARNESS_TEST(p37_those_who_start_go_when_they_have),
	HARNESS_TEST(p38_the_stop_signal_and_then_sigkill),
	HARNESS_TEST(p38_by_itself),
	HARNESS_TEST(p38_without_a_grace),
	HARNESS_TEST(p38_another_signal_to_stop),
	HARNESS_TEST(p38_who_is_stopped_by_a_signal_is_killed),
	HARNESS_TEST(p38_nobody_is_replaced),
	HARNESS_TEST(p39_a_second_stop_shortens),
	HARNESS_TEST(p39_it_never_lengthens),
	HARNESS_TEST(p39_a_second_finish_does_not_lengthen),
	HARNESS_TEST(p39_both_at_once),
	HARNESS_TEST(p39_reject_after_finish),
	HARNESS_TEST(p39_finish_after_reject),
	HARNESS_TEST(p39_one_signal_for_who_was_told_before),
	HARNESS_TEST(p39_who_was_told_before_keeps_its_time),
	HARNESS_TEST(stop_who_hangs_at_its_end),
	HARNESS_TEST(stop_what_cannot_be),
    })
