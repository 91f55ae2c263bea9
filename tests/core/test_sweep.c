/*
 * test_sweep.c - one thread that sleeps is elected to look for all
 *
 * wake: signal
 * wrap: waitid
 *
 * E1 to E8 in async/deferral.c. Contexts sleep in sigchld_wait, each on a
 * thread of its own; whether one does is read from it, so that nothing here
 * hopes to be late enough. What a death costs is counted by the writes to each
 * self-pipe.
 */
#include "core/ctx.h"
#include "core/sweep.h"
#include "core/sys.h"
#include "help.h"

#define SLEEPERS 4
#define ROUNDS   50

struct sleeper {
	struct sigchld_ctx *ctx;
	struct harness_child held, other; /* the other keeps it on the list */
	struct harness_log log;
	struct gate told;
	atomic_bool stop;
	pthread_t thread;
	uint64_t wakeups, sweeps; /* at the mark */
	void (*act)(struct sleeper *sleeper);
};

static void
on_event(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct sleeper *s = user;

	harness_on_event(child, event, &s->log);
	gate_open(&s->told);
	if (s->act != NULL)
		s->act(s);
}

static void *
sleep_on(void *user)
{
	struct sleeper *s = user;

	while (!atomic_load(&s->stop)) {
		if (sigchld_wait(s->ctx, -1) < 0)
			break;
	}
	return NULL;
}

static void
await_asleep(struct sigchld_ctx *ctx)
{
	int64_t until = harness_now_ms() + harness_patience_ms();

	while (!atomic_load(&ctx->user.asleep)) {
		ck_assert_msg(harness_now_ms() < until, "it does not sleep");
		(void)sched_yield();
	}
}

/* The stops of no child are asked for unless flags say so. */
static void
open_one(struct sleeper *s, uint32_t flags)
{
	memset(s, 0, sizeof(*s));
	s->told = (struct gate)GATE;
	s->ctx = open_ctx(SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_SIGNAL));
	s->held = harness_fork_watched(s->ctx, NULL, flags, 7, on_event, s);
	s->other = harness_fork_watched(s->ctx, NULL, 0, 8, on_event, s);
	(void)sigchld_dispatch(s->ctx);
}

static void
open_all(struct sleeper *s)
{
	int i;

	for (i = 0; i < SLEEPERS; i++)
		open_one(&s[i], 0);
}

static void
lie_down(struct sleeper *s)
{
	s->thread = start(sleep_on, s);
	await_asleep(s->ctx);
}

static void
all_lie_down(struct sleeper *s)
{
	int i;

	for (i = 0; i < SLEEPERS; i++)
		lie_down(&s[i]);
}

static void
await_all_asleep(struct sleeper *s)
{
	int i;

	for (i = 0; i < SLEEPERS; i++)
		await_asleep(s[i].ctx);
}

static void
get_up(struct sleeper *s)
{
	atomic_store(&s->stop, true);
	MUST_BE(0, sigchld_occurred(s->ctx));
	(void)finish(s->thread);
}

/* Nobody sleeps on it. Children that live still end now. */
static void
close_one(struct sleeper *s)
{
	s->act = NULL;
	harness_release(&s->held);
	harness_release(&s->other);
	harness_wait_for(s->ctx, &s->log.final, 2);
	sigchld_free(s->ctx);
}

static void
close_all(struct sleeper *s, bool asleep)
{
	int i;

	for (i = 0; i < SLEEPERS; i++) {
		if (asleep)
			get_up(&s[i]);
	}
	for (i = 0; i < SLEEPERS; i++)
		close_one(&s[i]);
}

static void
mark(struct sleeper *s)
{
	struct sigchld_stats stats = stats_of(s->ctx);

	s->wakeups = stats.wakeups;
	s->sweeps = stats.sweeps;
}

static void
mark_all(struct sleeper *s)
{
	int i;

	for (i = 0; i < SLEEPERS; i++)
		mark(&s[i]);
}

static unsigned int
wakeups_since(const struct sleeper *s)
{
	return (unsigned int)(stats_of(s->ctx).wakeups - s->wakeups);
}

/* What a death costs */

START_TEST(g7_a_death_wakes_its_owner_and_one_other_at_most)
{
	struct sleeper s[SLEEPERS];
	unsigned int others;
	int i, j;

	open_all(s);
	all_lie_down(s);
	for (i = 0; i < SLEEPERS; i++) {
		await_all_asleep(s);
		mark_all(s);
		harness_release(&s[i].held);
		gate_pass(&s[i].told, 1);
		await_all_asleep(s);
		others = 0;
		for (j = 0; j < SLEEPERS; j++) {
			if (j != i)
				others += wakeups_since(&s[j]);
		}
		ck_assert_uint_le(others, 1);
		ck_assert_uint_ge(wakeups_since(&s[i]), 1);
		ck_assert_uint_le(wakeups_since(&s[i]), 2); /* E7 */
	}
	for (i = 0; i < SLEEPERS; i++) {
		ck_assert_int_eq(s[i].log.count, 1);
		ck_assert_int_eq(s[i].log.wstatus, 7 << 8);
	}
	close_all(s, true);
}
END_TEST

/* E8 */
START_TEST(g7_who_is_alone_is_told_by_one_write)
{
	struct sleeper s;

	open_one(&s, 0);
	lie_down(&s);
	mark(&s);
	harness_release(&s.held);
	gate_pass(&s.told, 1);
	await_asleep(s.ctx);
	ck_assert_uint_eq(wakeups_since(&s), 1);
	get_up(&s);
	close_one(&s);
}
END_TEST

START_TEST(g8_if_nobody_sleeps_all_are_told)
{
	struct sleeper s[SLEEPERS];
	int i;

	open_all(s);
	mark_all(s);
	block_sigchld(SIG_BLOCK);
	harness_release(&s[1].held);
	harness_await_zombie(s[1].held.pid);
	block_sigchld(SIG_UNBLOCK);
	for (i = 0; i < SLEEPERS; i++) {
		ck_assert_uint_eq(wakeups_since(&s[i]), 1);
		ck_assert(harness_readable(sigchld_fd(s[i].ctx), 0));
		MUST_BE(i == 1, sigchld_dispatch(s[i].ctx));
	}
	close_all(s, false);
}
END_TEST

/* Stops and strays are no sweep's, so those who want them are told of each. */

static int
on_stray(struct sigchld_ctx *ctx, const struct sigchld_event *event, void *user)
{
	(void)ctx;
	(void)event;
	(void)user;
	return -ESRCH;
}

START_TEST(g8_who_wants_stops_or_strays_is_told_each_time)
{
	struct sigchld_ctx *strays =
	    open_ctx(SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_SIGNAL,
		.on_stray = on_stray));
	struct sleeper s[SLEEPERS], stops;
	uint64_t before;
	int i;

	open_one(&stops, SIGCHLD_CHILD_STOPS);
	open_all(s);
	all_lie_down(s);
	for (i = 0; i < SLEEPERS; i++) {
		MUST_BE(0, sigchld_dispatch(strays));
		MUST_BE(0, sigchld_dispatch(stops.ctx));
		mark(&stops);
		before = stats_of(strays).wakeups;
		harness_release(&s[i].held);
		gate_pass(&s[i].told, 1);
		await_all_asleep(s);
		ck_assert_uint_eq(wakeups_since(&stops), 1);
		ck_assert_uint_eq(stats_of(strays).wakeups - before, 1);
	}
	close_all(s, true);
	close_one(&stops);
	sigchld_free(strays);
}
END_TEST

/* A stop, while others sleep. */
START_TEST(c38_a_stop_is_told_while_others_sleep)
{
	struct sleeper s[SLEEPERS], stops;

	open_one(&stops, SIGCHLD_CHILD_STOPS);
	open_all(s);
	all_lie_down(s);
	lie_down(&stops);
	ck_assert_int_eq(kill(stops.held.pid, SIGSTOP), 0);
	gate_pass(&stops.told, 1);
	ck_assert_int_eq(kill(stops.held.pid, SIGCONT), 0);
	gate_pass(&stops.told, 2);
	get_up(&stops);
	ck_assert_int_eq(stops.log.what, SIGCHLD_CONTINUED);
	close_all(s, true);
	close_one(&stops);
}
END_TEST

START_TEST(c48_sigchld_occurred_tells_everybody)
{
	struct sleeper s[SLEEPERS];
	int64_t until;
	int i;

	open_all(s);
	all_lie_down(s);
	mark_all(s);
	MUST_BE(0, sigchld_occurred(NULL));
	until = harness_now_ms() + harness_patience_ms();
	for (i = 0; i < SLEEPERS; i++) {
		while (stats_of(s[i].ctx).sweeps == s[i].sweeps) {
			ck_assert_int_lt(harness_now_ms(), until);
			(void)sched_yield();
		}
		await_asleep(s[i].ctx);
		ck_assert_uint_eq(wakeups_since(&s[i]), 1);
	}
	close_all(s, true);
}
END_TEST

/* Nobody relies on who does not sleep (E5) */

static struct gate go = GATE;

static void
sit_in_callback(struct sleeper *s)
{
	s->act = NULL;
	(void)gate_await(&go, 1, 2 * harness_patience_ms());
}

START_TEST(g11_a_long_callback_delays_nobody)
{
	struct sleeper s[SLEEPERS];
	int i;

	open_all(s);
	s[SLEEPERS - 1].act = sit_in_callback;
	all_lie_down(s);
	harness_release(&s[SLEEPERS - 1].held);
	gate_pass(&s[SLEEPERS - 1].told, 1);
	harness_release(&s[SLEEPERS - 1].other); /* dies while it sits there */
	for (i = 0; i < SLEEPERS - 1; i++) {
		harness_release(&s[i].held);
		gate_pass(&s[i].told, 1);
	}
	ck_assert(!gate_await(&s[SLEEPERS - 1].told, 2, 0));
	gate_open(&go);
	gate_pass(&s[SLEEPERS - 1].told, 2);
	close_all(s, true);
}
END_TEST

START_TEST(g11_who_never_dispatches_delays_nobody)
{
	struct sleeper s[SLEEPERS], idle;
	int i;

	open_all(s);
	open_one(&idle, 0); /* first on the list */
	all_lie_down(s);
	harness_release(&idle.held);
	harness_await_zombie(idle.held.pid);
	for (i = 0; i < SLEEPERS; i++) {
		harness_release(&s[i].held);
		gate_pass(&s[i].told, 1);
	}
	ck_assert_int_eq(idle.log.count, 0);
	close_all(s, true);
	close_one(&idle);
}
END_TEST

/* Its descriptor tells, though nothing of it is asleep here. */
START_TEST(g11_a_foreign_loop_is_told_by_those_who_sleep)
{
	struct sleeper s[SLEEPERS], polled;

	open_one(&polled, 0);
	open_all(s);
	all_lie_down(s);
	harness_release(&polled.held);
	while (polled.log.final == 0) {
		ck_assert(harness_readable(sigchld_fd(polled.ctx),
		    (int)harness_patience_ms()));
		ck_assert_int_ge(sigchld_dispatch(polled.ctx), 0);
	}
	close_all(s, true);
	close_one(&polled);
}
END_TEST

/* E6. This thread seems to sleep, is elected, and does not run on. */
START_TEST(g11_an_elected_thread_that_does_not_run)
{
	struct sleeper s[SLEEPERS], stuck;

	open_one(&stuck, 0);
	open_all(s);
	all_lie_down(s);
	mark_all(s);
	mark(&stuck);
	block_sigchld(SIG_BLOCK);
	sigchld__user_doze(&stuck.ctx->user);
	ck_assert_int_eq(raise(SIGCHLD), 0); /* for this thread */
	block_sigchld(SIG_UNBLOCK);
	ck_assert_uint_eq(wakeups_since(&stuck), 1);
	ck_assert(!atomic_load(&stuck.ctx->user.asleep));
	ck_assert_uint_eq(atomic_load(&sigchld__signal_users.owed), 1);
	harness_release(&s[1].held);
	gate_pass(&s[1].told, 1);
	sigchld__user_rouse(&stuck.ctx->user);
	close_all(s, true);
	close_one(&stuck);
}
END_TEST

/* E7. The new child has just been looked at, and seen alive, when it dies; and
 * the sweep that its death asks for is over before anything else is done. */

static bool dies_next;

int __real_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);
int __wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);

int
__wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options)
{
	int rc = __real_sigchld__sys_waitid(type, id, ret_wait, options);

	if (!dies_next)
		return rc;
	dies_next = false;
	ck_assert_int_eq(ret_wait->pid, 0);
	ck_assert_int_eq(kill(harness_pid_of(type, id), SIGKILL), 0);
	harness_await_zombie(harness_pid_of(type, id));
	ck_assert_uint_eq(atomic_load(&sigchld__signal_users.owed), 1);
	sigchld__sweep();
	return rc;
}

static void
dies_after_the_look(bool forked)
{
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_SIGNAL));
	struct harness_log log = { .count = 0 };
	struct harness_child held = { .pid = 0 };
	struct sleeper elected;

	open_one(&elected, 0);
	if (!forked)
		held = harness_fork_held(0);
	sigchld__user_doze(&elected.ctx->user);
	dies_next = true;
	if (forked)
		held = harness_fork_watched(ctx, NULL, 0, 0, harness_on_event,
		    &log);
	else
		MUST_BE(0,
		    sigchld_watch(ctx, NULL, held.pid, 0, harness_on_event,
			&log));
	sigchld__user_rouse(&elected.ctx->user);
	ck_assert(!dies_next);
	ck_assert(harness_readable(sigchld_fd(ctx), 0));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(log.wstatus, SIGKILL);
	harness_release(&held);
	close_one(&elected);
	sigchld_free(ctx);
}

START_TEST(g8_a_child_that_dies_when_its_birth_has_looked)
{
	dies_after_the_look(true);
}
END_TEST

START_TEST(g8_a_child_that_dies_when_its_watch_has_looked)
{
	dies_after_the_look(false);
}
END_TEST

/* E2 */

static void *
sleep_once(void *user)
{
	struct sleeper *s = user;

	return (void *)(intptr_t)sigchld_wait(s->ctx, -1);
}

START_TEST(g8_the_elected_context_is_freed_just_then)
{
	struct sleeper s, elected;
	struct harness_child held;
	int i;

	open_one(&s, 0);
	lie_down(&s);
	for (i = 0; i < ROUNDS; i++) {
		held = harness_fork_watched(s.ctx, NULL, 0, 7, on_event, &s);
		open_one(&elected, 0); /* first on the list */
		elected.thread = start(sleep_once, &elected);
		await_asleep(elected.ctx);
		harness_release(&held);
		sigchld_free(elected.ctx);
		ck_assert_int_ge((int)(intptr_t)finish(elected.thread), 0);
		gate_pass(&s.told, i + 1);
		harness_release(&elected.held);
		harness_release(&elected.other);
		reap_by_hand(elected.held.pid);
		reap_by_hand(elected.other.pid);
	}
	get_up(&s);
	ck_assert_int_eq(s.log.final, ROUNDS);
	s.log.final = 0;
	close_one(&s);
}
END_TEST

/* Waiters */

struct waiter {
	struct sigchld_child *child;
	struct harness_child held;
	pthread_t thread;
};

static void *
wait_for_child(void *user)
{
	struct waiter *w = user;

	return (void *)(intptr_t)sigchld_child_wait(w->child, -1, NULL);
}

/* Until he is there, the end may be told to the callback. */
static void
await_waiter(struct sigchld_child *child)
{
	const int64_t deadline = harness_now_ms() + harness_patience_ms();
	struct sigchld_ctx *ctx;
	bool there;

	for (;;) {
		ctx = sigchld__child_lock(child);
		there = child->waiter != NULL;
		sigchld__child_unlock(ctx);
		if (there)
			return;
		ck_assert_int_lt(harness_now_ms(), deadline);
		(void)sched_yield();
	}
}

START_TEST(g8_those_who_wait_for_one_child_are_found)
{
	struct waiter w[SLEEPERS];
	struct sleeper s;
	int i;

	open_one(&s, 0);
	lie_down(&s);
	for (i = 0; i < SLEEPERS; i++) {
		w[i].held = harness_fork_watched(s.ctx, &w[i].child, 0, i,
		    on_event, &s);
		w[i].thread = start(wait_for_child, &w[i]);
		await_waiter(w[i].child);
	}
	for (i = 0; i < SLEEPERS; i++) {
		harness_release(&w[i].held);
		ck_assert_int_eq((int)(intptr_t)finish(w[i].thread), 1);
		sigchld_child_free(w[i].child);
	}
	get_up(&s);
	ck_assert_int_eq(s.log.count, 0);
	close_one(&s);
}
END_TEST

/* Nobody dispatches: those who wait for a child find those of others. */
START_TEST(g11_one_who_waits_for_a_child_looks_for_all)
{
	struct sleeper idle;
	struct waiter w;
	struct sigchld_ctx *ctx;

	open_one(&idle, 0);
	ctx = open_ctx(SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_SIGNAL));
	w.held =
	    harness_fork_watched(ctx, &w.child, 0, 7, harness_on_event, NULL);
	w.thread = start(wait_for_child, &w);
	harness_release(&idle.held);
	ck_assert(harness_readable(sigchld_fd(idle.ctx),
	    (int)harness_patience_ms()));
	harness_wait_for(idle.ctx, &idle.log.final, 1);
	harness_release(&w.held);
	ck_assert_int_eq((int)(intptr_t)finish(w.thread), 1);
	sigchld_child_free(w.child);
	sigchld_free(ctx);
	close_one(&idle);
}
END_TEST

/* Signals merge */

/* Who blocks a signal that has never come looks by the clock, too. */
static void
let_one_come(struct sleeper *s)
{
	int i;

	ck_assert_int_eq(raise(SIGCHLD), 0);
	for (i = 0; i < SLEEPERS; i++)
		MUST_BE(0, sigchld_dispatch(s[i].ctx));
}

START_TEST(c1_deaths_merged_while_blocked_are_all_found)
{
	struct sleeper s[SLEEPERS];
	uint64_t signals;
	int i;

	open_all(s);
	let_one_come(s);
	block_sigchld(SIG_BLOCK); /* in their threads, too */
	all_lie_down(s);
	signals = stats_of(s[0].ctx).signals;
	for (i = 0; i < SLEEPERS; i++)
		harness_release(&s[i].held);
	for (i = 0; i < SLEEPERS; i++)
		harness_await_zombie(s[i].held.pid);
	block_sigchld(SIG_UNBLOCK);
	for (i = 0; i < SLEEPERS; i++)
		gate_pass(&s[i].told, 1);
	ck_assert_uint_eq(stats_of(s[0].ctx).signals - signals, 1);
	for (i = 0; i < SLEEPERS; i++)
		ck_assert_uint_eq(stats_of(s[i].ctx).timed, 0);
	close_all(s, true);
}
END_TEST

/* Forks: E3 */

static _Noreturn void
share_anew(void)
{
	struct sigchld_ctx *ctxs[2];
	pid_t pids[2];
	int i;

	CHILD_MUST(atomic_load(&sigchld__signal_users.owed) == 0);
	CHILD_MUST(sigchld_postfork() == 0);
	for (i = 0; i < 2; i++) {
		CHILD_MUST(sigchld_new(&ctxs[i],
			       SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_SIGNAL,
				   .flags = SIGCHLD_ALWAYS)) == 0);
		pids[i] = sigchld_fork(ctxs[i], NULL, 0, NULL, NULL);
		CHILD_MUST(pids[i] >= 0);
		while (pids[i] == 0)
			(void)pause();
	}
	for (i = 0; i < 2; i++)
		CHILD_MUST(sigchld_dispatch(ctxs[i]) >= 0);
	CHILD_MUST(raise(SIGCHLD) == 0);
	for (i = 0; i < 2; i++) /* nobody sleeps */
		CHILD_MUST(harness_readable(sigchld_fd(ctxs[i]), 0));
	for (i = 0; i < 2; i++) {
		CHILD_MUST(kill(pids[i], SIGKILL) == 0);
		CHILD_MUST(waitpid(pids[i], NULL, 0) == pids[i]);
	}
	_exit(0);
}

START_TEST(g9_a_forked_child_begins_with_nothing_owed)
{
	struct sleeper s, stuck;
	pid_t pid;

	open_one(&s, 0);
	open_one(&stuck, 0);
	block_sigchld(SIG_BLOCK);
	sigchld__user_doze(&stuck.ctx->user);
	ck_assert_int_eq(raise(SIGCHLD), 0);
	block_sigchld(SIG_UNBLOCK);
	ck_assert_uint_eq(atomic_load(&sigchld__signal_users.owed), 1);
	pid = fork();
	if (pid == 0)
		share_anew();
	ck_assert_int_eq(exit_code(pid), 0);
	sigchld__user_rouse(&stuck.ctx->user);
	MUST_BE(0, sigchld_dispatch(stuck.ctx));
	ck_assert_uint_eq(atomic_load(&sigchld__signal_users.owed), 0);
	close_one(&stuck);
	close_one(&s);
}
END_TEST

HARNESS("sweep",
    {
	HARNESS_TEST(g7_a_death_wakes_its_owner_and_one_other_at_most),
	HARNESS_TEST(g7_who_is_alone_is_told_by_one_write),
	HARNESS_TEST(g8_if_nobody_sleeps_all_are_told),
	HARNESS_TEST(g8_who_wants_stops_or_strays_is_told_each_time),
	HARNESS_TEST(c38_a_stop_is_told_while_others_sleep),
	HARNESS_TEST(c48_sigchld_occurred_tells_everybody),
	HARNESS_TEST(g11_a_long_callback_delays_nobody),
	HARNESS_TEST(g11_who_never_dispatches_delays_nobody),
	HARNESS_TEST(g11_a_foreign_loop_is_told_by_those_who_sleep),
	HARNESS_TEST(g11_an_elected_thread_that_does_not_run),
	HARNESS_TEST(g8_a_child_that_dies_when_its_birth_has_looked),
	HARNESS_TEST(g8_a_child_that_dies_when_its_watch_has_looked),
	HARNESS_TEST(g8_the_elected_context_is_freed_just_then),
	HARNESS_TEST(g8_those_who_wait_for_one_child_are_found),
	HARNESS_TEST(g11_one_who_waits_for_a_child_looks_for_all),
	HARNESS_TEST(c1_deaths_merged_while_blocked_are_all_found),
	HARNESS_TEST(g9_a_forked_child_begins_with_nothing_owed),
    })
