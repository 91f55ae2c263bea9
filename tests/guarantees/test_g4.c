/* test_g4.c - G4: callbacks run with no lock held, one at a time for each
 * context, in the thread that dispatches; a callback may call whatever is marked
 * [C] */
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include <sigchld/fd.h>

#include "help.h"

static int
pass(struct sigchld_child *child, void *user)
{
	(void)child;
	(*(int *)user)++;

	return 0;
}

static void
never_ready(struct sigchld_ctx *ctx, struct sigchld_fdref ref, uint32_t revents,
    void *user)
{
	(void)ctx;
	(void)ref;
	(void)revents;
	(void)user;
	ck_abort_msg("nothing is to be read");
}

static void
use_contexts(struct sigchld_ctx *ctx)
{
	struct sigchld_ctx *other = open_ctx(NULL);

	sigchld_free(other);
	ck_assert_int_ge(sigchld_fd(ctx), 0);
	ck_assert_int_ge(sigchld_timeout(ctx), -1);
	ck_assert_int_eq(sigchld_configure(ctx, NULL), -EBUSY);
	ck_assert_int_eq(sigchld_occurred(ctx), 0);
	ck_assert_int_eq(sigchld_occurred(NULL), 0);
	ck_assert_int_eq(sigchld_reaped(ctx, 1, 0), 0);
	ck_assert_int_eq(sigchld_postfork(), 0);
	ck_assert_int_eq(sigchld_health(), 0);
	ck_assert_uint_ge(stats_of(ctx).children, 1);
}

/* Gives how many of its children still live. */
static int
use_children(struct sigchld_ctx *ctx)
{
	struct harness_child a, b, c;
	struct sigchld_child *child;
	int n = 0;

	a = harness_fork_watched(ctx, &child, 0, 0, NULL, NULL);
	ck_assert_int_eq(sigchld_child_kill(child, 0), 0);
	ck_assert_int_eq(sigchld_child_stop(child, SIGKILL, 60000), 0);
	sigchld_child_free(child);
	b = harness_fork_held(0);
	ck_assert_int_eq(sigchld_watch(ctx, &child, b.pid, 0, NULL, NULL), 0);
	ck_assert_int_eq(sigchld_child_discard(child, SIGKILL, NULL, NULL), 0);
	c = harness_fork_watched(ctx, NULL, 0, 0, NULL, NULL);
	ck_assert_int_eq(sigchld_foreach(ctx, pass, &n), 0);
	harness_release(&a);
	harness_release(&b);
	harness_release(&c);

	return n;
}

static void
use_descriptors(struct sigchld_ctx *ctx)
{
	int fds[2], group = sigchld_fd_group(ctx);
	struct sigchld_fdref ref;

	ck_assert_int_gt(group, 0);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(sigchld_fd_insert(ctx, &ref, fds[0], POLLIN,
			     never_ready, NULL),
	    0);
	ck_assert_int_eq(sigchld_fd_events(ref, POLLPRI), 0);
	ck_assert_int_eq(sigchld_fd_owner(fds[0]), group);
	ck_assert_int_eq(sigchld_fd_running(fds[0]), 0);
	ck_assert_int_eq(sigchld_fd_grab(fds[0], group), 0);
	ck_assert_int_eq(sigchld_fd_drop(fds[0]), 0);
	ck_assert_int_eq(sigchld_fd_close(ref), 0);
	ck_assert_int_eq(sigchld_fd_begin(), 0);
	ck_assert_int_eq(sigchld_fd_opened(ctx, &ref, fds[1]), 0);
	ck_assert_int_eq(sigchld_fd_remove(ref), 0);
	ck_assert_int_eq(close(fds[1]), 0);
}

struct use {
	pthread_t thread;
	int calls, left;
};

static void
use_everything(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct sigchld_ctx *ctx = sigchld_child_ctx(child);
	struct use *use = user;

	use->calls++;
	ck_assert(pthread_equal(pthread_self(), use->thread));
	ck_assert_int_eq(sigchld_child_pid(child), event->pid);
	ck_assert_ptr_eq(sigchld_child_user(child), user);
	use_contexts(ctx);
	use->left = use_children(ctx);
	use_descriptors(ctx);
	sigchld_child_free(child);
}

START_TEST(g4_a_callback_may_call_everything)
{
	struct use use = { .thread = pthread_self() };
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_child *child;
	struct harness_child held;
	int64_t deadline = harness_now_ms() + harness_patience_ms();

	held = harness_fork_watched(ctx, &child, 0, 0, use_everything, &use);
	harness_release(&held);
	harness_wait_for(ctx, &use.calls, 1);
	ck_assert_int_eq(use.left, 1);
	while (stats_of(ctx).children > 0) {
		ck_assert_int_lt(harness_now_ms(), deadline);
		ck_assert_int_ge(sigchld_wait(ctx, 1000), 0);
	}
	sigchld_free(ctx);
}
END_TEST

/* Were a lock held, the other thread would never come back. */

static void *
call_from_outside(void *arg)
{
	struct sigchld_ctx *ctx = arg;
	int n = 0;

	ck_assert_int_ge(sigchld_timeout(ctx), -1);
	ck_assert_int_eq(sigchld_foreach(ctx, pass, &n), 0);
	ck_assert_int_eq(sigchld_dispatch(ctx), 0); /* one at a time */
	ck_assert_int_eq(sigchld_wait(ctx, 0), 0);
	sigchld_free(open_ctx(NULL));

	return NULL;
}

static int calls, running;

static void
let_others_call(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	pthread_t thread;

	(void)event;
	(void)user;
	ck_assert_int_eq(running++, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, call_from_outside,
			     sigchld_child_ctx(child)),
	    0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	running--;
	calls++;
}

START_TEST(g4_no_lock_is_held_and_one_runs_at_a_time)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child held[3];
	int i;

	for (i = 0; i < 3; i++)
		held[i] = harness_fork_watched(ctx, NULL, 0, 0, let_others_call,
		    NULL);
	for (i = 0; i < 3; i++)
		end_child(&held[i]);
	ck_assert_int_eq(sigchld_dispatch(ctx), 3);
	ck_assert_int_eq(calls, 3);
	sigchld_free(ctx);
}
END_TEST

static void
dispatch_again(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct sigchld_ctx *ctx = sigchld_child_ctx(child);

	(void)event;
	(void)user;
	ck_assert_int_eq(sigchld_dispatch(ctx), -EDEADLK);
	ck_assert_int_eq(sigchld_wait(ctx, -1), -EDEADLK);
	ck_assert_int_eq(sigchld_child_wait(child, -1, NULL), -EDEADLK);
	calls++;
}

START_TEST(g4_dispatching_in_a_callback_is_refused)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child held;

	held = harness_fork_watched(ctx, NULL, 0, 0, dispatch_again, NULL);
	harness_release(&held);
	harness_wait_for(ctx, &calls, 1);
	ck_assert_int_eq(sigchld_dispatch(ctx), 0);
	sigchld_free(ctx);
}
END_TEST

/* Another context's children are fair game. */
static void
dispatch_another(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	(void)child;
	(void)event;
	ck_assert_int_eq(sigchld_dispatch(user), 1);
	calls++;
}

START_TEST(g4_another_context_may_be_dispatched)
{
	struct sigchld_ctx *ctx = open_ctx(NULL), *other = open_ctx(NULL);
	struct harness_log log = { 0 };
	struct harness_child a, b;

	a = harness_fork_watched(ctx, NULL, 0, 0, dispatch_another, other);
	b = harness_fork_watched(other, NULL, 0, 0, harness_on_event, &log);
	end_child(&a);
	end_child(&b);
	ck_assert_int_eq(sigchld_dispatch(ctx), 1);
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(log.final, 1);
	sigchld_free(ctx);
	sigchld_free(other);
}
END_TEST

static void
free_the_context(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	(void)event;
	(void)user;
	calls++;
	sigchld_free(sigchld_child_ctx(child));
}

/* The second is left to the application, the first is reaped after its
 * callback. */
START_TEST(g4_a_callback_may_free_its_context)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child a, b;
	int n_reaped;

	a = harness_fork_watched(ctx, NULL, 0, 0, free_the_context, NULL);
	b = harness_fork_watched(ctx, NULL, 0, 0, free_the_context, NULL);
	end_child(&a);
	end_child(&b);
	ck_assert_int_eq(sigchld_dispatch(ctx), 1);
	ck_assert_int_eq(calls, 1);
	n_reaped = harness_is_reaped(a.pid) + harness_is_reaped(b.pid);
	ck_assert_int_eq(n_reaped, 1);
	ck_assert_int_gt(waitpid(-1, NULL, 0), 0);
}
END_TEST

static pid_t forked;

static void
fork_here(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	(void)child;
	(void)event;
	(void)user;
	forked = fork();
	calls++;
}

/* In the child the dispatch that was running says what it is. */
START_TEST(g4_a_callback_may_fork)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child a, b;
	int rc;

	a = harness_fork_watched(ctx, NULL, 0, 0, fork_here, NULL);
	end_child(&a);
	rc = sigchld_dispatch(ctx);
	if (forked == 0) {
		CHILD_MUST(rc == -EPERM, 1);
		CHILD_MUST(sigchld_dispatch(ctx) == -EPERM, 2);
		sigchld_free(ctx);
		_exit(0);
	}
	ck_assert_int_eq(rc, 1);
	check_process(forked);
	b = harness_fork_watched(ctx, NULL, 0, 0, NULL, NULL);
	end_child(&b);
	ck_assert_int_eq(sigchld_dispatch(ctx), 0);
	ck_assert(harness_is_reaped(b.pid));
	sigchld_free(ctx);
}
END_TEST

/* A callback that ends its thread leaves the event told, and no lock held. */

static void
end_thread(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	(void)child;
	(void)event;
	(void)user;
	calls++;
	pthread_exit(NULL);
}

static void *
dispatch_it(void *arg)
{
	(void)sigchld_dispatch(arg);
	ck_abort_msg("the thread goes on");

	return NULL;
}

START_TEST(g4_a_callback_may_end_its_thread)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child held[2];
	pthread_t thread;
	int i;

	for (i = 0; i < 2; i++)
		held[i] =
		    harness_fork_watched(ctx, NULL, 0, 0, end_thread, NULL);
	for (i = 0; i < 2; i++)
		end_child(&held[i]);
	for (i = 0; i < 2; i++) {
		ck_assert(harness_readable(sigchld_fd(ctx), 0));
		ck_assert_int_eq(pthread_create(&thread, NULL, dispatch_it,
				     ctx),
		    0);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		ck_assert_int_eq(calls, i + 1);
	}
	ck_assert_int_eq(sigchld_dispatch(ctx), 0);
	ck_assert(harness_is_reaped(held[0].pid));
	ck_assert(harness_is_reaped(held[1].pid));
	sigchld_free(ctx);
}
END_TEST

/* One that forks a successor for each stray that it accepts. */

static struct harness_log successor;
static int asked;

static int
accept_and_fork(struct sigchld_ctx *ctx, const struct sigchld_event *event,
    void *user)
{
	pid_t pid;

	(void)user;
	asked++;
	ck_assert_int_eq(event->wstatus, 3 << 8);
	pid = sigchld_fork(ctx, NULL, 0, harness_on_event, &successor);
	if (pid == 0)
		_exit(4);
	ck_assert_int_gt(pid, 0);

	return 0;
}

START_TEST(g4_a_stray_callback_may_fork)
{
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.on_stray = accept_and_fork));
	struct harness_child stray = harness_fork_held(3);

	end_child(&stray);
	harness_wait_for(ctx, &successor.final, 1);
	ck_assert_int_eq(successor.wstatus, 4 << 8);
	ck_assert_int_eq(asked, 1);
	ck_assert(harness_is_reaped(stray.pid));
	ck_assert_uint_eq(stats_of(ctx).strays, 1);
	sigchld_free(ctx);
}
END_TEST

/* Two threads walk over the children of one context; the one that began first
 * ends first, so they are no stack. Then children leave the list. */

struct walker {
	struct sigchld_ctx *ctx;
	atomic_int inside, go;
};

static int
stand_still(struct sigchld_child *child, void *user)
{
	struct walker *walker = user;

	(void)child;
	atomic_store(&walker->inside, 1);
	await_flag(&walker->go);

	return 1;
}

static void *
walk(void *arg)
{
	struct walker *walker = arg;

	ck_assert_int_eq(sigchld_foreach(walker->ctx, stand_still, walker), 1);

	return NULL;
}

START_TEST(g4_two_threads_may_walk)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct walker walkers[2] = { { .ctx = ctx }, { .ctx = ctx } };
	struct harness_log log = { 0 };
	struct harness_child held[2];
	pthread_t threads[2];
	int i;

	for (i = 0; i < 2; i++)
		held[i] = harness_fork_watched(ctx, NULL, 0, 0,
		    harness_on_event, &log);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(pthread_create(&threads[i], NULL, walk,
				     &walkers[i]),
		    0);
		await_flag(&walkers[i].inside);
	}
	for (i = 0; i < 2; i++) {
		atomic_store(&walkers[i].go, 1);
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		end_child(&held[i]);
		harness_wait_for(ctx, &log.final, i + 1);
	}
	sigchld_free(ctx);
}
END_TEST

/* A worker hands its descriptor over and closes: the dispatch that is running
 * holds it, so it moves when that lets go. */

struct hand_over {
	struct sigchld_ctx *from, *to;
	int n_to;
};

static void
hand_over(struct sigchld_ctx *ctx, struct sigchld_fdref ref, uint32_t revents,
    void *user)
{
	struct hand_over *both = user;

	ck_assert_uint_eq(revents, POLLIN);
	ck_assert_int_eq(sigchld_fd_running(ref.fd), sigchld_fd_group(ctx));
	if (ctx == both->to) {
		both->n_to++;
		return;
	}
	ck_assert_int_eq(sigchld_fd_move(ref, both->to), 1);
	sigchld_free(ctx);
}

START_TEST(g4_a_ready_callback_may_hand_over_and_close)
{
	struct hand_over both = { .from = open_ctx(NULL),
		.to = open_ctx(NULL) };
	struct sigchld_fdref ref;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(write(fds[1], "", 1), 1);
	ck_assert_int_eq(sigchld_fd_insert(both.from, &ref, fds[0], POLLIN,
			     hand_over, &both),
	    0);
	ck_assert_int_eq(sigchld_wait(both.from, 0), 1);
	ck_assert_int_eq(sigchld_fd_owner(fds[0]), sigchld_fd_group(both.to));
	ck_assert_int_ge(sigchld_wait(both.to, 0), 0);
	ck_assert_int_ge(sigchld_wait(both.to, 0), 0);
	ck_assert_int_ge(both.n_to, 1);
	ck_assert_int_eq(sigchld_fd_close(ref), 0);
	ck_assert_int_eq(close(fds[1]), 0);
	sigchld_free(both.to);
}
END_TEST

HARNESS("g4",
    {
	HARNESS_TEST(g4_a_callback_may_call_everything),
	HARNESS_TEST(g4_no_lock_is_held_and_one_runs_at_a_time),
	HARNESS_TEST(g4_dispatching_in_a_callback_is_refused),
	HARNESS_TEST(g4_another_context_may_be_dispatched),
	HARNESS_TEST(g4_a_callback_may_free_its_context),
	HARNESS_TEST(g4_a_callback_may_fork),
	HARNESS_TEST(g4_a_callback_may_end_its_thread),
	HARNESS_TEST(g4_a_stray_callback_may_fork),
	HARNESS_TEST(g4_two_threads_may_walk),
	HARNESS_TEST(g4_a_ready_callback_may_hand_over_and_close),
    })
