/*
 * test_discard.c - signal a child and let it go
 *
 * wrap: pidfd_open pidfd_signal kill
 */
#include "core/sys.h"
#include "help.h"

static bool refuse;

int __real_sigchld__sys_pidfd_open(pid_t pid);
int __wrap_sigchld__sys_pidfd_open(pid_t pid);
int __real_sigchld__sys_pidfd_signal(int pidfd, int sig);
int __wrap_sigchld__sys_pidfd_signal(int pidfd, int sig);
int __real_sigchld__sys_kill(pid_t pid, int sig);
int __wrap_sigchld__sys_kill(pid_t pid, int sig);

int
__wrap_sigchld__sys_pidfd_open(pid_t pid)
{
	return refuse ? -EPERM : __real_sigchld__sys_pidfd_open(pid);
}

int
__wrap_sigchld__sys_pidfd_signal(int pidfd, int sig)
{
	return refuse ? -EPERM : __real_sigchld__sys_pidfd_signal(pidfd, sig);
}

int
__wrap_sigchld__sys_kill(pid_t pid, int sig)
{
	return refuse ? -EPERM : __real_sigchld__sys_kill(pid, sig);
}

struct farewell {
	struct harness_log event, gone;
	struct sigchld_ctx *ctx;
};

static void
never(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	(void)child;
	(void)user;
	ck_abort_msg("told of discarded child %d", (int)event->pid);
}

static void
on_gone(struct sigchld_ctx *ctx, const struct sigchld_event *event, void *user)
{
	struct farewell *f = user;

	ck_assert(harness_is_reaped(event->pid));
	f->ctx = ctx;
	harness_on_event(NULL, event, &f->gone);
}

START_TEST(a_discarded_child_is_reaped_in_silence_and_told_when_gone)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct farewell f = { .ctx = NULL };
	struct sigchld_child *child;
	struct harness_child held =
	    harness_fork_watched(ctx, &child, 0, 5, never, NULL);

	MUST_BE(0, sigchld_child_discard(child, 0, on_gone, &f));
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert_int_eq(f.gone.count, 0);
	harness_release(&held);
	harness_wait_for(ctx, &f.gone.count, 1);
	ck_assert_ptr_eq(f.ctx, ctx);
	ck_assert_int_eq(f.gone.pid, held.pid);
	ck_assert_int_eq(f.gone.wstatus, 5 << 8);
	ck_assert_uint_eq(stats_of(ctx).children, 0);
	sigchld_free(ctx);
}
END_TEST

START_TEST(it_is_signalled_too)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct farewell f = { .ctx = NULL };
	struct sigchld_child *child;
	struct harness_child held =
	    harness_fork_watched(ctx, &child, 0, 5, never, NULL);

	MUST_BE(0, sigchld_child_discard(child, SIGKILL, on_gone, &f));
	harness_wait_for(ctx, &f.gone.count, 1);
	ck_assert_int_eq(f.gone.wstatus, SIGKILL);
	harness_release(&held);
	sigchld_free(ctx);
}
END_TEST

START_TEST(it_works_though_the_signal_cannot_be_sent)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct farewell f = { .ctx = NULL };
	struct sigchld_child *child;
	struct harness_child held =
	    harness_fork_watched(ctx, &child, 0, 5, never, NULL);

	refuse = true;
	MUST_BE(0, sigchld_child_discard(child, SIGKILL, on_gone, &f));
	ck_assert(!harness_is_zombie(held.pid));
	harness_release(&held);
	harness_wait_for(ctx, &f.gone.count, 1);
	ck_assert_int_eq(f.gone.wstatus, 5 << 8);
	sigchld_free(ctx);
}
END_TEST

START_TEST(nobody_need_be_told)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_child *child;
	struct harness_child held =
	    harness_fork_watched(ctx, &child, 0, 5, never, NULL);

	MUST_BE(0, sigchld_child_discard(child, SIGKILL, NULL, NULL));
	harness_await_zombie(held.pid);
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert(harness_is_reaped(held.pid));
	harness_release(&held);
	sigchld_free(ctx);
}
END_TEST

/* -ESRCH, and nothing was done: it is yours as before. */
START_TEST(one_that_has_ended_is_not_discarded)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct farewell f = { .ctx = NULL };
	struct sigchld_child *child;

	(void)watched_zombie(ctx, &child, 5, harness_on_event, &f.event);
	MUST_BE(-ESRCH, sigchld_child_discard(child, SIGKILL, on_gone, &f));
	ck_assert_int_eq(sigchld_child_pid(child) > 0, 1);
	harness_wait_for(ctx, &f.event.count, 1);
	ck_assert_int_eq(f.event.wstatus, 5 << 8);
	MUST_BE(-ESRCH, sigchld_child_discard(child, SIGKILL, on_gone, &f));
	ck_assert_int_eq(f.gone.count, 0);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

START_TEST(one_that_was_stolen_is_told_gone)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct farewell f = { .ctx = NULL };
	struct sigchld_child *child;
	struct harness_child held =
	    harness_fork_watched(ctx, &child, 0, 5, never, NULL);

	MUST_BE(0, sigchld_child_discard(child, 0, on_gone, &f));
	harness_release(&held);
	reap_by_hand(held.pid);
	harness_wait_for(ctx, &f.gone.count, 1);
	harness_check_theft(&f.gone, 5 << 8);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c38_its_stops_are_not_told)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct farewell f = { .ctx = NULL };
	struct sigchld_child *child;
	struct harness_child held = harness_fork_watched(ctx, &child,
	    SIGCHLD_CHILD_STOPS, 5, never, NULL);

	MUST_BE(0, sigchld_child_discard(child, 0, on_gone, &f));
	ck_assert_int_eq(kill(held.pid, SIGSTOP), 0);
	ck_assert_int_eq(kill(held.pid, SIGCONT), 0);
	harness_release(&held);
	harness_wait_for(ctx, &f.gone.count, 1);
	ck_assert_int_eq(f.gone.count, 1);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c24_its_context_freed_it_is_yours_to_reap)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct farewell f = { .ctx = NULL };
	struct sigchld_child *child;
	struct harness_child held =
	    harness_fork_watched(ctx, &child, 0, 5, never, NULL);

	MUST_BE(0, sigchld_child_discard(child, 0, on_gone, &f));
	sigchld_free(ctx);
	harness_release(&held);
	ck_assert_int_eq(exit_code(held.pid), 5);
	ck_assert_int_eq(f.gone.count, 0);
}
END_TEST

static void
free_in_gone(struct sigchld_ctx *ctx, const struct sigchld_event *event,
    void *user)
{
	on_gone(ctx, event, user);
	sigchld_free(ctx);
}

START_TEST(c23_the_context_freed_in_on_gone)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct farewell f = { .ctx = NULL };
	struct sigchld_child *child;
	struct harness_child held =
	    harness_fork_watched(ctx, &child, 0, 5, never, NULL);

	MUST_BE(0, sigchld_child_discard(child, SIGKILL, free_in_gone, &f));
	harness_await_zombie(held.pid);
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(f.gone.count, 1);
	harness_release(&held);
}
END_TEST

static int
count_one(struct sigchld_child *child, void *user)
{
	(void)child;
	(*(int *)user)++;
	return 0;
}

START_TEST(foreach_does_not_show_it)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct farewell f = { .ctx = NULL };
	struct sigchld_child *child;
	struct harness_child held =
	    harness_fork_watched(ctx, &child, 0, 5, never, NULL);
	int n = 0;

	MUST_BE(0, sigchld_foreach(ctx, count_one, &n));
	ck_assert_int_eq(n, 1);
	MUST_BE(0, sigchld_child_discard(child, SIGKILL, on_gone, &f));
	MUST_BE(0, sigchld_foreach(ctx, count_one, &n));
	ck_assert_int_eq(n, 1);
	harness_wait_for(ctx, &f.gone.count, 1);
	harness_release(&held);
	sigchld_free(ctx);
}
END_TEST

START_TEST(discard_refuses_wrong_use)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct sigchld_child *child;
	struct harness_child held =
	    harness_fork_watched(ctx, &child, 0, 5, harness_on_event, &log);
	pid_t pid;

	MUST_BE(-EINVAL, sigchld_child_discard(NULL, 0, NULL, NULL));
	MUST_BE(-EINVAL, sigchld_child_discard(child, -1, NULL, NULL));
	pid = fork();
	if (pid == 0) {
		CHILD_MUST(sigchld_child_discard(child, 0, NULL, NULL) ==
		    -EPERM);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

HARNESS("discard",
    {
	HARNESS_TEST(a_discarded_child_is_reaped_in_silence_and_told_when_gone),
	HARNESS_TEST(it_is_signalled_too),
	HARNESS_TEST(it_works_though_the_signal_cannot_be_sent),
	HARNESS_TEST(nobody_need_be_told),
	HARNESS_TEST(one_that_has_ended_is_not_discarded),
	HARNESS_TEST(one_that_was_stolen_is_told_gone),
	HARNESS_TEST(c38_its_stops_are_not_told),
	HARNESS_TEST(c24_its_context_freed_it_is_yours_to_reap),
	HARNESS_TEST(c23_the_context_freed_in_on_gone),
	HARNESS_TEST(foreach_does_not_show_it),
	HARNESS_TEST(discard_refuses_wrong_use),
    })
