/*
 * test_call.c - what a callback may do: anything
 */
#include "help.h"

struct play {
	struct sigchld_ctx *ctx, *other;
	struct sigchld_child *child[4];
	int count;
	void (*act)(struct play *play, struct sigchld_child *child);
	struct harness_log log;
};

static void
on_event(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct play *play = user;
	/* What we are handed is good until we return, whatever we do. */
	const pid_t pid = event->pid;

	play->count++;
	if (play->act != NULL)
		play->act(play, child);
	ck_assert_int_eq(event->pid, pid);
	ck_assert_int_eq(event->what, SIGCHLD_EXITED);
}

/* n children, dead and found; the callback of the first acts. */
static void
set_stage(struct play *play, int n,
    void (*act)(struct play *play, struct sigchld_child *child))
{
	int i;

	memset(play, 0, sizeof(*play));
	play->act = act;
	play->ctx = open_ctx(NULL);
	for (i = 0; i < n; i++)
		(void)watched_zombie(play->ctx, &play->child[i], i, on_event,
		    play);
}

static void
no_children_left(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		continue;
}

/* Free */

static void
free_self(struct play *play, struct sigchld_child *child)
{
	(void)play;
	sigchld_child_free(child);
}

START_TEST(c23_a_child_freed_in_its_own_callback)
{
	struct play play;

	set_stage(&play, 3, free_self);
	MUST_BE(3, sigchld_dispatch(play.ctx));
	ck_assert_int_eq(play.count, 3);
	ck_assert_int_eq(harness_count_children(), 0);
	sigchld_free(play.ctx);
}
END_TEST

/* All but the one that is told now: their callbacks do not run, but they are
 * reaped. */
static void
free_others(struct play *play, struct sigchld_child *child)
{
	int i;

	for (i = 0; i < 3; i++) {
		if (play->child[i] == child || play->child[i] == NULL)
			continue;
		sigchld_child_free(play->child[i]);
		play->child[i] = NULL;
	}
	play->act = NULL;
}

START_TEST(c23_queued_children_freed_in_the_callback_of_another)
{
	struct play play;
	int i;

	set_stage(&play, 3, free_others);
	MUST_BE(1, sigchld_dispatch(play.ctx));
	ck_assert_int_eq(play.count, 1);
	ck_assert_int_eq(harness_count_children(), 0);
	for (i = 0; i < 3; i++)
		sigchld_child_free(play.child[i]);
	sigchld_free(play.ctx);
}
END_TEST

static void
free_ctx(struct play *play, struct sigchld_child *child)
{
	sigchld_free(play->ctx);
	ck_assert_ptr_null(sigchld_child_ctx(child));
	ck_assert_int_gt(sigchld_child_pid(child), 0);
}

START_TEST(c23_m34_the_context_freed_in_a_callback)
{
	struct play play;
	int fds = harness_count_fds(), i;

	set_stage(&play, 3, free_ctx);
	MUST_BE(1, sigchld_dispatch(play.ctx));
	ck_assert_int_eq(play.count, 1);
	ck_assert_int_eq(harness_count_fds(), fds);
	ck_assert(handler_is(SIG_DFL));
	for (i = 0; i < 3; i++)
		sigchld_child_free(play.child[i]);
	no_children_left();
}
END_TEST

static void
free_all(struct play *play, struct sigchld_child *child)
{
	int i;

	(void)child;
	sigchld_free(play->ctx);
	for (i = 0; i < 3; i++)
		sigchld_child_free(play->child[i]);
}

START_TEST(c23_everything_freed_in_a_callback)
{
	struct play play;

	set_stage(&play, 3, free_all);
	MUST_BE(1, sigchld_wait(play.ctx, -1));
	ck_assert_int_eq(play.count, 1);
	no_children_left();
}
END_TEST

static void
discard_another(struct play *play, struct sigchld_child *child)
{
	(void)child;
	play->act = NULL;
	MUST_BE(0, sigchld_child_discard(play->child[1], SIGKILL, NULL, NULL));
}

START_TEST(c23_another_child_discarded_in_a_callback)
{
	struct play play;
	struct harness_child held;

	set_stage(&play, 1, discard_another);
	held = harness_fork_watched(play.ctx, &play.child[1], 0, 0, on_event,
	    &play);
	MUST_BE(1, sigchld_dispatch(play.ctx));
	harness_await_zombie(held.pid);
	MUST_BE(0, sigchld_dispatch(play.ctx));
	ck_assert(harness_is_reaped(held.pid));
	harness_release(&held);
	sigchld_child_free(play.child[0]);
	sigchld_free(play.ctx);
}
END_TEST

/* Re-enter */

static void
dispatch_own(struct play *play, struct sigchld_child *child)
{
	MUST_BE(-EDEADLK, sigchld_dispatch(play->ctx));
	MUST_BE(-EDEADLK, sigchld_wait(play->ctx, 0));
	MUST_BE(-EDEADLK, sigchld_wait(play->ctx, -1));
	MUST_BE(-EDEADLK, sigchld_child_wait(child, 0, NULL));
}

START_TEST(g4_dispatch_of_its_own_context_is_refused)
{
	struct play play;

	set_stage(&play, 2, dispatch_own);
	MUST_BE(2, sigchld_dispatch(play.ctx));
	sigchld_child_free(play.child[0]);
	sigchld_child_free(play.child[1]);
	sigchld_free(play.ctx);
}
END_TEST

static void
dispatch_first(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct play *play = user;

	MUST_BE(-EDEADLK, sigchld_dispatch(play->ctx));
	MUST_BE(-EDEADLK, sigchld_dispatch(play->other));
	harness_on_event(child, event, &play->log);
}

static void
dispatch_other(struct play *play, struct sigchld_child *child)
{
	(void)child;
	play->act = NULL;
	MUST_BE(1, sigchld_dispatch(play->other));
	MUST_BE(-EDEADLK, sigchld_dispatch(play->ctx));
}

START_TEST(c23_another_context_is_dispatched_in_a_callback)
{
	struct play play;

	set_stage(&play, 2, dispatch_other);
	play.other = open_ctx(NULL);
	(void)watched_zombie(play.other, NULL, 0, dispatch_first, &play);
	MUST_BE(2, sigchld_dispatch(play.ctx));
	ck_assert_int_eq(play.log.count, 1);
	sigchld_child_free(play.child[0]);
	sigchld_child_free(play.child[1]);
	sigchld_free(play.other);
	sigchld_free(play.ctx);
}
END_TEST

static void
free_outer(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct play *play = user;

	sigchld_free(play->ctx);
	harness_on_event(child, event, &play->log);
}

START_TEST(c23_another_context_freed_in_a_callback)
{
	struct play play;

	set_stage(&play, 1, NULL);
	play.other = open_ctx(NULL);
	(void)watched_zombie(play.other, NULL, 0, free_outer, &play);
	MUST_BE(1, sigchld_dispatch(play.other));
	ck_assert_int_eq(play.log.count, 1);
	ck_assert_int_eq(play.count, 0);
	sigchld_child_free(play.child[0]);
	sigchld_free(play.other);
	no_children_left();
}
END_TEST

static void
nest_and_free(struct play *play, struct sigchld_child *child)
{
	(void)child;
	play->act = NULL;
	MUST_BE(1, sigchld_dispatch(play->other));
}

START_TEST(c23_a_nested_callback_frees_the_context_whose_callback_runs)
{
	struct play play;

	set_stage(&play, 1, nest_and_free);
	play.other = open_ctx(NULL);
	(void)watched_zombie(play.other, NULL, 0, free_outer, &play);
	MUST_BE(1, sigchld_dispatch(play.ctx));
	ck_assert_int_eq(play.log.count, 1);
	sigchld_child_free(play.child[0]);
	sigchld_free(play.other);
	no_children_left();
}
END_TEST

static void
busy_configure(struct play *play, struct sigchld_child *child)
{
	struct sigchld_stats stats = { .size = sizeof(stats) };

	(void)child;
	MUST_BE(-EBUSY, sigchld_configure(play->ctx, NULL));
	MUST_BE(0, sigchld_get_stats(play->ctx, &stats));
	MUST_BE(0, sigchld_occurred(play->ctx));
	MUST_BE(-1, sigchld_timeout(play->ctx));
	ck_assert_int_ge(sigchld_fd(play->ctx), 0);
	ck_assert_int_ge(sigchld_health(), 0);
}

START_TEST(c23_whatever_is_marked_c_works_in_a_callback)
{
	struct play play;

	set_stage(&play, 1, busy_configure);
	MUST_BE(1, sigchld_dispatch(play.ctx));
	MUST_BE(0, sigchld_configure(play.ctx, NULL));
	sigchld_child_free(play.child[0]);
	sigchld_free(play.ctx);
}
END_TEST

static void
open_and_close(struct play *play, struct sigchld_child *child)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	pid_t pid = fork_zombie(3);

	(void)play;
	(void)child;
	MUST_BE(0,
	    sigchld_watch(ctx, NULL, pid, 0, harness_on_event, &play->log));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(play->log.wstatus, 3 << 8);
	sigchld_free(ctx);
}

START_TEST(c23_a_context_lives_and_dies_in_a_callback)
{
	struct play play;

	set_stage(&play, 1, open_and_close);
	MUST_BE(1, sigchld_dispatch(play.ctx));
	sigchld_child_free(play.child[0]);
	sigchld_free(play.ctx);
}
END_TEST

START_TEST(a_child_without_a_callback_is_reaped)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	pid_t pid = watched_zombie(ctx, NULL, 0, NULL, NULL);

	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert(harness_is_reaped(pid));
	sigchld_free(ctx);
}
END_TEST

/* Callbacks that end their thread */

static struct gate entered = GATE;

static void
end_thread(struct play *play, struct sigchld_child *child)
{
	(void)child;
	play->act = NULL;
	pthread_exit(NULL);
}

static void
be_cancelled(struct play *play, struct sigchld_child *child)
{
	(void)child;
	play->act = NULL;
	gate_open(&entered);
	for (;;)
		(void)pause(); /* a cancellation point */
}

static void *
dispatch_thread(void *user)
{
	(void)sigchld_dispatch(((struct play *)user)->ctx);
	return NULL;
}

static void *
wait_thread(void *user)
{
	(void)sigchld_wait(((struct play *)user)->ctx, -1);
	return NULL;
}

/* The event counts as delivered, the zombie is reaped, and what is left is left
 * for the next dispatch, which is woken. */
static void
ends_its_thread(void *(*fn)(void *user),
    void (*act)(struct play *play, struct sigchld_child *child))
{
	struct play play;
	pthread_t thread;
	int i;

	set_stage(&play, 3, act);
	entered.n = 0;
	thread = start(fn, &play);
	if (act == be_cancelled) {
		gate_pass(&entered, 1);
		ck_assert_int_eq(pthread_cancel(thread), 0);
	}
	(void)finish(thread);
	ck_assert_int_eq(play.count, 1);
	ck_assert_int_eq(harness_count_children(), 2);
	ck_assert(harness_readable(sigchld_fd(play.ctx), 0));
	MUST_BE(2, sigchld_dispatch(play.ctx));
	ck_assert_int_eq(play.count, 3);
	ck_assert_int_eq(harness_count_children(), 0);
	for (i = 0; i < 3; i++)
		sigchld_child_free(play.child[i]);
	sigchld_free(play.ctx);
}

START_TEST(c25_pthread_exit_in_a_callback)
{
	ends_its_thread(dispatch_thread, end_thread);
	ends_its_thread(wait_thread, end_thread);
}
END_TEST

START_TEST(c25_a_thread_cancelled_in_a_callback)
{
	ends_its_thread(dispatch_thread, be_cancelled);
	ends_its_thread(wait_thread, be_cancelled);
}
END_TEST

static int
end_in_foreach(struct sigchld_child *child, void *user)
{
	(void)child;
	(void)user;
	pthread_exit(NULL);
}

static void *
foreach_thread(void *user)
{
	(void)sigchld_foreach(((struct play *)user)->ctx, end_in_foreach, NULL);
	return NULL;
}

START_TEST(c25_pthread_exit_in_foreach)
{
	struct play play;

	set_stage(&play, 2, NULL);
	(void)finish(start(foreach_thread, &play));
	MUST_BE(2, sigchld_dispatch(play.ctx));
	sigchld_child_free(play.child[0]);
	sigchld_child_free(play.child[1]);
	sigchld_free(play.ctx);
}
END_TEST

HARNESS("call",
    {
	HARNESS_TEST(c23_a_child_freed_in_its_own_callback),
	HARNESS_TEST(c23_queued_children_freed_in_the_callback_of_another),
	HARNESS_TEST(c23_m34_the_context_freed_in_a_callback),
	HARNESS_TEST(c23_everything_freed_in_a_callback),
	HARNESS_TEST(c23_another_child_discarded_in_a_callback),
	HARNESS_TEST(g4_dispatch_of_its_own_context_is_refused),
	HARNESS_TEST(c23_another_context_is_dispatched_in_a_callback),
	HARNESS_TEST(c23_another_context_freed_in_a_callback),
	HARNESS_TEST(
	    c23_a_nested_callback_frees_the_context_whose_callback_runs),
	HARNESS_TEST(c23_whatever_is_marked_c_works_in_a_callback),
	HARNESS_TEST(c23_a_context_lives_and_dies_in_a_callback),
	HARNESS_TEST(a_child_without_a_callback_is_reaped),
	HARNESS_TEST(c25_pthread_exit_in_a_callback),
	HARNESS_TEST(c25_a_thread_cancelled_in_a_callback),
	HARNESS_TEST(c25_pthread_exit_in_foreach),
    })
