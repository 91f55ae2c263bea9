/* test_g1.c - G1: a watched child gets exactly one final event, by its callback
 * or by sigchld_child_wait, unless it was released before */
#include "help.h"

#define MANY 64

/* Signals merge: one SIGCHLD for all of them. */
START_TEST(g1_one_event_each_for_many_merged_deaths)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child held[MANY];
	struct harness_log logs[MANY] = { 0 };
	int i;

	block_sigchld(SIG_BLOCK);
	for (i = 0; i < MANY; i++)
		held[i] = harness_fork_watched(ctx, NULL, 0, i,
		    harness_on_event, &logs[i]);
	for (i = 0; i < MANY; i++)
		end_child(&held[i]);
	block_sigchld(SIG_UNBLOCK);
	ck_assert_int_eq(sigchld_dispatch(ctx), MANY);
	for (i = 0; i < MANY; i++) {
		ck_assert_int_eq(logs[i].count, 1);
		ck_assert_int_eq(logs[i].pid, held[i].pid);
		ck_assert_int_eq(logs[i].wstatus, i << 8);
	}
	ck_assert_int_eq(raise(SIGCHLD), 0);
	ck_assert_int_eq(sigchld_dispatch(ctx), 0);
	sigchld_free(ctx);
}
END_TEST

START_TEST(g1_wait_takes_the_event_from_the_callback)
{
	struct sigchld_event event = { .size = sizeof(event) };
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { 0 };
	struct sigchld_child *child;
	struct harness_child held;

	held = harness_fork_watched(ctx, &child, 0, 7, harness_on_event, &log);
	ck_assert_int_eq(sigchld_child_wait(child, 0, &event), 0);
	harness_release(&held);
	ck_assert_int_eq(sigchld_child_wait(child, -1, &event), 1);
	ck_assert_int_eq(event.wstatus, 7 << 8);
	ck_assert_int_eq(sigchld_child_wait(child, -1, &event), -ESRCH);
	ck_assert_int_eq(raise(SIGCHLD), 0);
	ck_assert_int_eq(sigchld_dispatch(ctx), 0);
	ck_assert_int_eq(log.count, 0);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

START_TEST(g1_callback_leaves_nothing_to_wait_for)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { 0 };
	struct sigchld_child *child;
	struct harness_child held;

	held = harness_fork_watched(ctx, &child, 0, 7, harness_on_event, &log);
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(sigchld_child_wait(child, -1, NULL), -ESRCH);
	ck_assert_int_eq(log.count, 1);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

static void
free_the_others(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct sigchld_child **children = user;
	int i;

	(void)event;
	for (i = 0; i < 3; i++) {
		if (children[i] != child)
			sigchld_child_free(children[i]);
	}
	sigchld_child_free(child);
	children[3] = child; /* as a mark, not as a pointer */
}

/* Three are dead, and the events of two are queued already when the callback of
 * the first releases them. */
START_TEST(g1_no_event_after_release)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_child *children[4] = { NULL };
	struct harness_child held[3];
	int i;

	for (i = 0; i < 3; i++)
		held[i] = harness_fork_watched(ctx, &children[i], 0, 0,
		    free_the_others, children);
	for (i = 0; i < 3; i++)
		end_child(&held[i]);
	ck_assert_int_eq(sigchld_dispatch(ctx), 1);
	ck_assert_ptr_nonnull(children[3]);
	for (i = 0; i < 3; i++)
		ck_assert(harness_is_reaped(held[i].pid));
	sigchld_free(ctx);
}
END_TEST

START_TEST(g1_released_alive_is_reaped_in_silence)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { 0 };
	struct sigchld_child *child;
	struct harness_child held;

	held = harness_fork_watched(ctx, &child, 0, 0, harness_on_event, &log);
	sigchld_child_free(child);
	end_child(&held);
	ck_assert_int_eq(sigchld_dispatch(ctx), 0);
	ck_assert_int_eq(log.count, 0);
	ck_assert(harness_is_reaped(held.pid));
	sigchld_free(ctx);
}
END_TEST

START_TEST(g1_dead_before_it_was_watched)
{
	struct harness_child held = harness_fork_held(9);
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { 0 };

	end_child(&held);
	ck_assert_int_eq(sigchld_watch(ctx, NULL, held.pid, 0, harness_on_event,
			     &log),
	    0);
	ck_assert_int_eq(sigchld_watch(ctx, NULL, held.pid, 0, harness_on_event,
			     &log),
	    -EBUSY);
	ck_assert(harness_readable(sigchld_fd(ctx), 0));
	ck_assert_int_eq(sigchld_dispatch(ctx), 1);
	ck_assert_int_eq(log.final, 1);
	ck_assert_int_eq(log.wstatus, 9 << 8);
	ck_assert_int_eq(sigchld_dispatch(ctx), 0);
	sigchld_free(ctx);
}
END_TEST

/* A stop that is being told of is not the end. */

static void
on_stop(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	int *n = user;

	n[event->what]++;
	if (event->what == SIGCHLD_STOPPED)
		ck_assert_int_eq(sigchld_child_kill(child, SIGCONT), 0);
}

START_TEST(g1_stops_are_no_final_events)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int n[5] = { 0 };
	struct harness_child held;

	held =
	    harness_fork_watched(ctx, NULL, SIGCHLD_CHILD_STOPS, 0, on_stop, n);
	ck_assert_int_eq(kill(held.pid, SIGSTOP), 0);
	harness_wait_for(ctx, &n[SIGCHLD_STOPPED], 1);
	harness_wait_for(ctx, &n[SIGCHLD_CONTINUED], 1);
	ck_assert_int_eq(n[SIGCHLD_EXITED], 0);
	harness_release(&held);
	harness_wait_for(ctx, &n[SIGCHLD_EXITED], 1);
	ck_assert_int_eq(raise(SIGCHLD), 0);
	ck_assert_int_eq(sigchld_dispatch(ctx), 0);
	ck_assert_int_eq(n[SIGCHLD_EXITED], 1);
	sigchld_free(ctx);
}
END_TEST

/* While a stop is told of on one thread, the final event is still to come: for a
 * walk over the children, and for whoever waits on another thread. */

static int
count_it(struct sigchld_child *child, void *user)
{
	(void)child;
	(*(int *)user)++;

	return 0;
}

static void *
ask_for_end(void *arg)
{
	ck_assert_int_eq(sigchld_child_wait(arg, 0, NULL), 0);

	return NULL;
}

static void
ask_while_stopped(struct sigchld_child *child,
    const struct sigchld_event *event, void *user)
{
	int *n = user, seen = 0;
	pthread_t thread;

	n[event->what]++;
	if (event->what != SIGCHLD_STOPPED)
		return;
	ck_assert_int_eq(sigchld_foreach(sigchld_child_ctx(child), count_it,
			     &seen),
	    0);
	ck_assert_int_eq(seen, 1);
	ck_assert_int_eq(pthread_create(&thread, NULL, ask_for_end, child), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(g1_end_is_to_come_while_a_stop_is_told)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int n[5] = { 0 };
	struct harness_child held;

	held = harness_fork_watched(ctx, NULL, SIGCHLD_CHILD_STOPS, 0,
	    ask_while_stopped, n);
	ck_assert_int_eq(kill(held.pid, SIGSTOP), 0);
	harness_wait_for(ctx, &n[SIGCHLD_STOPPED], 1);
	ck_assert_int_eq(kill(held.pid, SIGKILL), 0);
	harness_wait_for(ctx, &n[SIGCHLD_SIGNALED], 1);
	harness_release(&held);
	sigchld_free(ctx);
}
END_TEST

/* A thread waits for the end of a child that stops meanwhile: the callback still
 * hears of that, and lets it go on. */

static void *
wait_for_end(void *arg)
{
	ck_assert_int_eq(sigchld_child_wait(arg, -1, NULL), 1);

	return NULL;
}

START_TEST(g1_stops_are_told_while_somebody_waits)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_child *child;
	int n[5] = { 0 };
	struct harness_child held;
	pthread_t thread;

	held = harness_fork_watched(ctx, &child, SIGCHLD_CHILD_STOPS, 0,
	    on_stop, n);
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_end, child), 0);
	ck_assert_int_eq(kill(held.pid, SIGSTOP), 0);
	harness_wait_for(ctx, &n[SIGCHLD_STOPPED], 1);
	harness_wait_for(ctx, &n[SIGCHLD_CONTINUED], 1);
	harness_release(&held);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_ge(sigchld_dispatch(ctx), 0);
	ck_assert_int_eq(n[SIGCHLD_EXITED], 0);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

/* One thread waits, another dispatches: either gets it, never both. */

static atomic_int over;

static void *
dispatch_on(void *arg)
{
	while (!atomic_load(&over))
		ck_assert_int_ge(sigchld_wait(arg, 100), 0);

	return NULL;
}

static void
count_final(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	(void)child;
	(void)event;
	atomic_fetch_add((atomic_int *)user, 1);
}

START_TEST(g1_waiter_and_dispatcher_share)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_child *child;
	struct harness_child held;
	pthread_t thread;
	int i, rc;

	ck_assert_int_eq(pthread_create(&thread, NULL, dispatch_on, ctx), 0);
	for (i = 0; i < 200; i++) {
		atomic_int called = 0;

		held = harness_fork_watched(ctx, &child, 0, 1, count_final,
		    &called);
		harness_release(&held);
		rc = sigchld_child_wait(child, -1, NULL);
		ck_assert(rc == 1 || rc == -ESRCH);
		sigchld_child_free(child); /* waits for a callback */
		ck_assert_int_eq(atomic_load(&called), rc == 1 ? 0 : 1);
	}
	atomic_store(&over, 1);
	ck_assert_int_eq(sigchld_occurred(ctx), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	sigchld_free(ctx);
}
END_TEST

HARNESS("g1",
    {
	HARNESS_TEST(g1_one_event_each_for_many_merged_deaths),
	HARNESS_TEST(g1_wait_takes_the_event_from_the_callback),
	HARNESS_TEST(g1_callback_leaves_nothing_to_wait_for),
	HARNESS_TEST(g1_no_event_after_release),
	HARNESS_TEST(g1_released_alive_is_reaped_in_silence),
	HARNESS_TEST(g1_dead_before_it_was_watched),
	HARNESS_TEST(g1_stops_are_no_final_events),
	HARNESS_TEST(g1_end_is_to_come_while_a_stop_is_told),
	HARNESS_TEST(g1_stops_are_told_while_somebody_waits),
	HARNESS_TEST(g1_waiter_and_dispatcher_share),
    })
