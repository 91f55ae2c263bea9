/*
 * test_free.c - sigchld_pool_free from inside every hook, and from beside them
 *
 * wrap: now_ms now_us timerfd_arm
 *
 * Each hook of the parent's side may free the pool, whatever else is on its way
 * then. When that returns, each request that was open is completed, once, and
 * nothing is told any more. That memory is not used afterwards, the address
 * sanitizer tells.
 */
#include "help3.h"

enum hook {
	BEFORE_FORK,
	AFTER_FORK,
	ON_OPEN,
	ON_END,
	ON_STATE,
	ON_SLOW,
	ON_REJECT,
	ON_SESSION,
	ON_REPLY
};

struct plan {
	enum hook hook;
	int nth;      /* at the nth time that it is called */
	int n_called; /* of that hook, so far */
	bool freed;
	int n_afterwards; /* hooks that were called later */
	int n_completed;  /* plain requests of ours: see submit_all */
	int n_submitted;
	int last_rejected; /* number of the last one that was REJECTED */
	bool out_of_order;
	uint32_t last_state;
	sigchld_reply_fn *on_reply;
};

static struct stage stage;
static struct plan plan;

/* A request, by its number. */
struct numbered {
	int number;
	int n_completed;
};

static struct numbered numbered[64];

static void
free_the_pool(struct sigchld_pool *pool)
{
	int i;

	plan.freed = true;
	sigchld_pool_free(pool);
	for (i = 0; i < plan.n_submitted; i++)
		ck_assert_int_eq(numbered[i].n_completed, 1);
	stage.pool = NULL;
}

static void
in_hook(struct sigchld_pool *pool, enum hook hook)
{
	if (plan.freed) {
		/* Only what was open is completed, while it is freed. */
		ck_assert_int_eq(hook, ON_REPLY);
		ck_assert_ptr_nonnull(stage.pool);
		return;
	}
	if (hook == plan.hook && ++plan.n_called == plan.nth)
		free_the_pool(pool);
}

static void
free_before_fork(struct sigchld_pool *pool, uint32_t slot, void *user)
{
	see_before_fork(pool, slot, user);
	in_hook(pool, BEFORE_FORK);
}

static void
free_after_fork(struct sigchld_pool *pool, uint32_t slot, pid_t pid, void *user)
{
	see_fork(pool, slot, pid, user);
	in_hook(pool, AFTER_FORK);
}

static void
free_on_open(struct sigchld_pool *pool, void *user)
{
	see_open(pool, user);
	in_hook(pool, ON_OPEN);
}

static void
free_on_end(struct sigchld_pool *pool, const struct sigchld_worker_end *end,
    void *user)
{
	see_end(pool, end, user);
	in_hook(pool, ON_END);
}

static void
free_on_state(struct sigchld_pool *pool, uint32_t state, void *user)
{
	see_state(pool, state, user);
	plan.last_state = state;
	in_hook(pool, ON_STATE);
}

static void
free_on_slow(struct sigchld_pool *pool, uint32_t slot, pid_t pid,
    uint64_t request, uint64_t ms, void *user)
{
	see_slow(pool, slot, pid, request, ms, user);
	in_hook(pool, ON_SLOW);
}

static void
free_on_reject(struct sigchld_pool *pool, uint64_t n, void *user)
{
	see_rejects(pool, n, user);
	in_hook(pool, ON_REJECT);
}

static void
free_on_session(struct sigchld_pool *pool, uint64_t session, uint32_t why,
    void *user)
{
	see_session(pool, session, why, user);
	in_hook(pool, ON_SESSION);
}

/* Those that waited are REJECTED in the order in which they came. Once the pool
 * is being freed, it takes no more. */
static void
on_numbered(struct sigchld_pool *pool, const struct sigchld_reply *reply,
    void *user)
{
	struct numbered *n = user;

	n->n_completed++;
	ck_assert_int_eq(n->n_completed, 1);
	plan.n_completed++;
	if (reply->outcome == SIGCHLD_REJECTED) {
		ck_assert_int_gt(n->number, plan.last_rejected);
		plan.last_rejected = n->number;
	}
	if (plan.freed)
		MUST_BE(-ESHUTDOWN,
		    sigchld_pool_submit(pool, NULL, SIGCHLD_REQUEST()));
	in_hook(pool, ON_REPLY);
}

static int
submit_numbered(const char *text)
{
	struct numbered *n = &numbered[plan.n_submitted];
	int rc;

	*n = (struct numbered){ .number = plan.n_submitted };
	rc = sigchld_pool_submit(stage.pool, NULL,
	    SIGCHLD_REQUEST(.data = text, .len = strlen(text),
		.on_reply = on_numbered, .user = n));
	if (rc == 0)
		plan.n_submitted++;
	return rc;
}

static int
obey_or_hold(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	const char *rest;
	size_t len;

	if (is_word(job, "hold", &rest, &len)) {
		CHILD_MUST(sigchld_worker_hold(worker) == 0);
		return 0;
	}
	return obey(worker, job, user);
}

static struct sigchld_pool_options
free_options(uint32_t n)
{
	struct sigchld_pool_options options = slow_options(&stage, n, n);

	options.on_request = obey_or_hold;
	options.before_fork = free_before_fork;
	options.after_fork = free_after_fork;
	options.on_open = free_on_open;
	options.on_end = free_on_end;
	options.on_state = free_on_state;
	options.on_slow = free_on_slow;
	options.on_reject = free_on_reject;
	options.on_session = free_on_session;
	return options;
}

static void
plan_to_free(enum hook hook, int nth)
{
	memset(&plan, 0, sizeof(plan));
	memset(numbered, 0, sizeof(numbered));
	plan.hook = hook;
	plan.nth = nth;
	plan.last_rejected = -1;
}

/* Two that keep workers busy, and five that wait. */
static void
submit_all(void)
{
	int i;

	for (i = 0; i < 7; i++)
		MUST_BE(0, submit_numbered(i < 2 ? "wait 0" : "echo hello"));
}

/* The pool is freed, and its children are reaped in silence; no descriptor and no
 * memory is left, as the harness and the sanitizer see. */
static void
check_freed(void)
{
	int n_ends, n_forks, n_states;

	UNTIL(&stage, plan.freed);
	ck_assert_ptr_null(stage.pool);
	ck_assert_int_eq(plan.n_completed, plan.n_submitted);
	n_ends = stage.n_ends;
	n_forks = stage.n_before_fork;
	n_states = stage.n_states;
	time_passes(&stage, 1000 * HOUR);
	stage_close(&stage);
	ck_assert_int_eq(stage.n_ends, n_ends);
	ck_assert_int_eq(stage.n_before_fork, n_forks);
	ck_assert_int_eq(stage.n_states, n_states);
}

/* Requests are there before the first worker is. */
static void
free_at_start(enum hook hook, int nth)
{
	struct sigchld_pool_options options;

	plan_to_free(hook, nth);
	stage_open(&stage, NULL);
	options = free_options(3);
	stage_play(&stage, &options);
	submit_all();
	check_freed();
}

START_TEST(p44_in_before_fork)
{
	free_at_start(BEFORE_FORK, 1);
	ck_assert_int_eq(stage.n_forks, 0);
}
END_TEST

START_TEST(p44_in_the_second_before_fork)
{
	free_at_start(BEFORE_FORK, 2);
	ck_assert_int_eq(stage.n_forks, 1);
}
END_TEST

START_TEST(p44_in_after_fork)
{
	free_at_start(AFTER_FORK, 1);
	ck_assert_int_eq(stage.n_before_fork, 1);
}
END_TEST

START_TEST(p44_in_the_last_after_fork)
{
	free_at_start(AFTER_FORK, 3);
}
END_TEST

START_TEST(p44_in_on_open)
{
	free_at_start(ON_OPEN, 1);
}
END_TEST

START_TEST(p44_in_the_first_on_state)
{
	free_at_start(ON_STATE, 1);
}
END_TEST

/* Three workers, of which two are busy with the first requests; one that is idle
 * takes those that follow unless it is told to wait, too. */
static void
play_busy(const struct sigchld_pool_options *options)
{
	stage_play(&stage, options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	submit_all();
	UNTIL(&stage, n_said(&stage, 'w') == 2);
	be_calm(&stage);
}

START_TEST(p44_in_on_end)
{
	struct sigchld_pool_options options;

	plan_to_free(ON_END, 1);
	stage_open(&stage, NULL);
	options = free_options(2);
	play_busy(&options);
	send_signal(who_said(&stage, 'w', 0), SIGKILL);
	check_freed();
	ck_assert_int_eq(stage.n_ends, 1);
}
END_TEST

/* All die at once, and the pool is freed while the first is told of. */
START_TEST(p44_in_the_first_on_end_of_many)
{
	struct sigchld_pool_options options;
	int i;

	plan_to_free(ON_END, 1);
	stage_open(&stage, NULL);
	options = free_options(10);
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 10);
	for (i = 0; i < 8; i++)
		MUST_BE(0, submit_numbered("wait 0"));
	UNTIL(&stage, n_said(&stage, 'w') == 8);
	for (i = 0; i < 10; i++)
		send_signal(stage.forks[i].pid, SIGKILL);
	for (i = 0; i < 10; i++)
		harness_await_zombie(stage.forks[i].pid);
	check_freed();
	ck_assert_int_eq(stage.n_ends, 1);
}
END_TEST

/* STOPPING, in a dispatch, while some are busy. */
START_TEST(p44_in_on_state_as_it_stops)
{
	struct sigchld_pool_options options;

	plan_to_free(ON_STATE, 1000);
	stage_open(&stage, NULL);
	options = free_options(2);
	play_busy(&options);
	plan.n_called = 999;
	MUST_BE(0, sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT, HOUR));
	check_freed();
	ck_assert_uint_eq(plan.last_state, SIGCHLD_POOL_STOPPING);
}
END_TEST

START_TEST(p44_in_on_state_when_it_has_stopped)
{
	struct sigchld_pool_options options;

	plan_to_free(ON_STATE, 1000);
	stage_open(&stage, NULL);
	options = free_options(2);
	play_busy(&options);
	plan.n_called = 998;
	MUST_BE(0, sigchld_pool_stop(stage.pool, SIGCHLD_STOP_FINISH, HOUR));
	let_all_pass(&stage, 0);
	check_freed();
	ck_assert_uint_eq(plan.last_state, SIGCHLD_POOL_STOPPED);
	ck_assert_int_eq(plan.last_rejected, -1);
}
END_TEST

START_TEST(p44_in_on_slow)
{
	struct sigchld_pool_options options;

	plan_to_free(ON_SLOW, 1);
	stage_open(&stage, NULL);
	options = free_options(2);
	options.slow_ms = HOUR;
	play_busy(&options);
	time_passes(&stage, HOUR);
	check_freed();
	ck_assert_int_eq(stage.n_slows, 1); /* of two that were slow */
}
END_TEST

/* The one that comes with the deadline itself. */
START_TEST(p44_in_on_slow_before_the_kill)
{
	struct sigchld_pool_options options;

	plan_to_free(ON_SLOW, 1);
	stage_open(&stage, NULL);
	options = free_options(2);
	options.request_ms = HOUR;
	play_busy(&options);
	time_passes(&stage, HOUR);
	check_freed();
}
END_TEST

START_TEST(p44_in_on_reject)
{
	struct sigchld_pool_options options;

	plan_to_free(ON_REJECT, 1);
	stage_open(&stage, NULL);
	options = free_options(2);
	options.backlog_max = 5;
	play_busy(&options);
	MUST_BE(-EAGAIN, submit_numbered("echo no"));
	check_freed();
}
END_TEST

/* A session is over because its worker has died, while another is open. */
START_TEST(p44_in_on_session)
{
	struct sigchld_pool_options options;
	struct asked *one, *other;

	plan_to_free(ON_SESSION, 1);
	stage_open(&stage, NULL);
	options = free_options(2);
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	one = ask_and_wait(&stage, "hold");
	other = ask_and_wait(&stage, "hold");
	ck_assert_uint_ne(one->reply.session, 0);
	ck_assert_uint_ne(other->reply.session, one->reply.session);
	submit_all();
	send_signal(one->reply.pid, SIGKILL);
	check_freed();
	ck_assert_int_eq(stage.n_sessions, 1);
}
END_TEST

START_TEST(p44_in_on_session_when_it_is_closed)
{
	struct sigchld_pool_options options;
	struct asked *one;

	plan_to_free(ON_SESSION, 1);
	stage_open(&stage, NULL);
	options = free_options(1);
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	one = ask_and_wait(&stage, "hold");
	submit_all();
	MUST_BE(0, sigchld_pool_disconnect(stage.pool, one->reply.session));
	check_freed();
	ck_assert_int_eq(stage.n_sessions, 1);
}
END_TEST

/* A completion of each kind */

START_TEST(p44_in_a_reply)
{
	struct sigchld_pool_options options;

	plan_to_free(ON_REPLY, 1);
	stage_open(&stage, NULL);
	options = free_options(2);
	play_busy(&options);
	let_pass(&stage, 0, 1);
	check_freed();
}
END_TEST

/* Nine replies may be there at the same time, of which this is the third. */
START_TEST(p44_in_one_reply_of_many)
{
	struct sigchld_pool_options options;
	int i;

	plan_to_free(ON_REPLY, 3);
	stage_open(&stage, NULL);
	options = free_options(9);
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 9);
	for (i = 0; i < 20; i++)
		MUST_BE(0, submit_numbered("wait 0"));
	UNTIL(&stage, n_said(&stage, 'w') == 9);
	let_all_pass(&stage, 0);
	check_freed();
}
END_TEST

START_TEST(p44_in_a_completion_that_is_lost)
{
	struct sigchld_pool_options options;

	plan_to_free(ON_REPLY, 1);
	stage_open(&stage, NULL);
	options = free_options(2);
	play_busy(&options);
	send_signal(who_said(&stage, 'w', 0), SIGKILL);
	send_signal(who_said(&stage, 'w', 1), SIGKILL);
	check_freed();
}
END_TEST

START_TEST(p44_in_a_completion_that_took_too_long)
{
	struct sigchld_pool_options options;

	plan_to_free(ON_REPLY, 1);
	stage_open(&stage, NULL);
	options = free_options(2);
	options.request_ms = HOUR;
	play_busy(&options);
	time_passes(&stage, HOUR);
	check_freed();
}
END_TEST

START_TEST(p44_in_a_completion_that_expired)
{
	struct sigchld_pool_options options;

	plan_to_free(ON_REPLY, 2);
	stage_open(&stage, NULL);
	options = free_options(2);
	options.backlog_ttl_ms = HOUR;
	play_busy(&options);
	time_passes(&stage, HOUR);
	check_freed();
}
END_TEST

START_TEST(p44_in_a_completion_that_is_rejected)
{
	struct sigchld_pool_options options;

	plan_to_free(ON_REPLY, 2);
	stage_open(&stage, NULL);
	options = free_options(2);
	play_busy(&options);
	MUST_BE(0, sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT, HOUR));
	check_freed();
	ck_assert_int_ge(plan.last_rejected, 6); /* the last that waits */
}
END_TEST

/* What is not a hook of the pool, but runs in the same dispatch */

static void
free_in_event(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	(void)child;
	(void)event;
	(void)user;
	free_the_pool(stage.pool);
}

START_TEST(p44_in_the_event_of_another_child)
{
	struct sigchld_pool_options options;
	struct harness_child held;

	plan_to_free(ON_REPLY, 1000);
	stage_open(&stage, NULL);
	options = free_options(2);
	play_busy(&options);
	held = harness_fork_watched(stage.ctx, NULL, 0, 0, free_in_event, NULL);
	send_signal(who_said(&stage, 'w', 0), SIGKILL);
	harness_await_zombie(who_said(&stage, 'w', 0));
	harness_release(&held);
	check_freed();
}
END_TEST

static int
free_in_foreach(const struct sigchld_worker_info *info, void *user)
{
	(void)user;
	ck_assert_int_gt(info->pid, 0);
	free_the_pool(stage.pool);
	return 5;
}

START_TEST(p44_in_foreach)
{
	struct sigchld_pool_options options;

	plan_to_free(ON_REPLY, 1000);
	stage_open(&stage, NULL);
	options = free_options(2);
	play_busy(&options);
	MUST_BE(5, sigchld_pool_foreach(stage.pool, free_in_foreach, NULL));
	check_freed();
}
END_TEST

/* The hook frees the context as well. */
static void
free_both(struct sigchld_pool *pool, const struct sigchld_reply *reply,
    void *user)
{
	(void)reply;
	(void)user;
	plan.freed = true;
	sigchld_pool_free(pool);
	MUST_BE(0, sigchld_fd_remove(stage.ear));
	sigchld_free(stage.ctx);
	stage.pool = NULL;
}

START_TEST(p44_the_context_follows)
{
	struct sigchld_pool_options options;
	struct sigchld_ctx *ctx;
	pid_t pids[2];
	int i;

	plan_to_free(ON_REPLY, 1000);
	stage_open(&stage, NULL);
	ctx = stage.ctx;
	options = free_options(2);
	play_busy(&options);
	for (i = 0; i < 2; i++)
		pids[i] = who_said(&stage, 'w', i);
	MUST_BE(0,
	    sigchld_pool_submit(stage.pool, NULL,
		SIGCHLD_REQUEST(.data = "echo", .len = 4,
		    .on_reply = free_both)));
	let_pass(&stage, 0, 1);
	while (!plan.freed)
		ck_assert_int_ge(sigchld_wait(ctx, 1000), 0);
	/* They were killed, and are ours to wait for. */
	for (i = 0; i < 2; i++) {
		harness_await_zombie(pids[i]);
		reap_by_hand(pids[i]);
	}
	stage.ctx = open_ctx(NULL);
	MUST_BE(0,
	    sigchld_fd_insert(stage.ctx, &stage.ear, stage.voice[0], POLLIN,
		hear, &stage));
	ck_assert_int_eq(plan.n_completed, plan.n_submitted);
	stage_close(&stage);
}
END_TEST

/* From beside: another thread */

static struct gate in_reply = GATE, out_of_free = GATE;
static bool was_freed_meanwhile;

/* Runs while the main thread frees the pool, which waits for it. */
static void
reply_slowly(struct sigchld_pool *pool, const struct sigchld_reply *reply,
    void *user)
{
	struct sigchld_pool_stats stats = { .size = sizeof(stats) };

	(void)user;
	if (reply->outcome != SIGCHLD_DONE)
		return;
	gate_open(&in_reply);
	was_freed_meanwhile = gate_await(&out_of_free, 1, 50);
	MUST_BE(0, sigchld_pool_get_stats(pool, &stats)); /* it is there yet */
}

static void *
dispatch_one(void *user)
{
	struct gate *end = user;

	while (!gate_await(end, 1, 0))
		ck_assert_int_ge(sigchld_wait(stage.ctx, 10), 0);
	return NULL;
}

START_TEST(p44_another_thread_waits_for_the_hook)
{
	struct sigchld_pool_options options;
	struct gate end = GATE;
	pthread_t thread;

	plan_to_free(ON_REPLY, 1000);
	stage_open(&stage, NULL);
	options = free_options(2);
	play_busy(&options);
	thread = start(dispatch_one, &end);
	MUST_BE(0,
	    sigchld_pool_submit(stage.pool, NULL,
		SIGCHLD_REQUEST(.data = "echo", .len = 4,
		    .on_reply = reply_slowly)));
	let_pass(&stage, 0, 1);
	gate_pass(&in_reply, 1);
	free_the_pool(stage.pool);
	gate_open(&out_of_free);
	ck_assert(!was_freed_meanwhile);
	gate_open(&end);
	finish(thread);
	check_freed();
}
END_TEST

/* Nothing was ever dispatched. */
START_TEST(p44_before_anything)
{
	struct sigchld_pool_options options;

	plan_to_free(ON_REPLY, 1000);
	stage_open(&stage, NULL);
	options = free_options(2);
	stage_play(&stage, &options);
	submit_all();
	free_the_pool(stage.pool);
	check_freed();
	ck_assert_int_eq(plan.last_rejected, 6);
	ck_assert_int_eq(stage.n_before_fork, 0);
}
END_TEST

START_TEST(p44_what_is_lost_and_what_is_rejected)
{
	struct sigchld_pool_options options;
	int i;

	plan_to_free(ON_REPLY, 1000);
	stage_open(&stage, NULL);
	options = slow_options(&stage, 2, 2);
	play_until_idle(&stage, &options);
	keep_busy(&stage, 0, 2);
	ask_often(&stage, "echo hello", 5);
	sigchld_pool_free(stage.pool);
	stage.pool = NULL;
	for (i = 0; i < 7; i++) {
		const struct sigchld_reply *reply = &stage.asked[i]->reply;

		ck_assert_int_eq(stage.asked[i]->n_replies, 1);
		ck_assert_uint_eq(reply->outcome,
		    i < 2 ? SIGCHLD_LOST : SIGCHLD_REJECTED);
		ck_assert_uint_eq(reply->started, i < 2);
		if (i > 2)
			ck_assert_int_gt(stage.asked[i]->order,
			    stage.asked[i - 1]->order);
	}
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

START_TEST(p44_of_nothing)
{
	sigchld_pool_free(NULL);
}
END_TEST

HARNESS("free",
    {
	HARNESS_TEST(p44_in_before_fork),
	HARNESS_TEST(p44_in_the_second_before_fork),
	HARNESS_TEST(p44_in_after_fork),
	HARNESS_TEST(p44_in_the_last_after_fork),
	HARNESS_TEST(p44_in_on_open),
	HARNESS_TEST(p44_in_the_first_on_state),
	HARNESS_TEST(p44_in_on_end),
	HARNESS_TEST(p44_in_the_first_on_end_of_many),
	HARNESS_TEST(p44_in_on_state_as_it_stops),
	HARNESS_TEST(p44_in_on_state_when_it_has_stopped),
	HARNESS_TEST(p44_in_on_slow),
	HARNESS_TEST(p44_in_on_slow_before_the_kill),
	HARNESS_TEST(p44_in_on_reject),
	HARNESS_TEST(p44_in_on_session),
	HARNESS_TEST(p44_in_on_session_when_it_is_closed),
	HARNESS_TEST(p44_in_a_reply),
	HARNESS_TEST(p44_in_one_reply_of_many),
	HARNESS_TEST(p44_in_a_completion_that_is_lost),
	HARNESS_TEST(p44_in_a_completion_that_took_too_long),
	HARNESS_TEST(p44_in_a_completion_that_expired),
	HARNESS_TEST(p44_in_a_completion_that_is_rejected),
	HARNESS_TEST(p44_in_the_event_of_another_child),
	HARNESS_TEST(p44_in_foreach),
	HARNESS_TEST(p44_the_context_follows),
	HARNESS_TEST(p44_another_thread_waits_for_the_hook),
	HARNESS_TEST(p44_before_anything),
	HARNESS_TEST(p44_what_is_lost_and_what_is_rejected),
	HARNESS_TEST(p44_of_nothing),
    })
