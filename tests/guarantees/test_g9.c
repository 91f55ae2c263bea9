/*
 * test_g9.c - G9: in a forked child calls on the parent's objects fail with -EPERM
 * and change nothing, and the handler writes nowhere; after sigchld_postfork
 * sigchld_new starts afresh; free only frees memory and takes no lock
 *
 * wrap: waitid
 */
#include <poll.h>
#include <stdlib.h>

#include <sigchld/fd.h>

#include "core/sys.h"
#include "help.h"

static atomic_int freeze, frozen, thaw;

int __real_sigchld__sys_waitid(int type, int id, struct sigchld__wait *wait,
    int options);
int __wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *wait,
    int options);

/* A look is made under the context's lock. */
int
__wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *wait,
    int options)
{
	if (atomic_exchange(&freeze, 0)) {
		atomic_store(&frozen, 1);
		while (atomic_load(&thaw) == 0)
			(void)sched_yield();
	}

	return __real_sigchld__sys_waitid(type, id, wait, options);
}

/* fork(2), and one that no atfork hook hears of. */

static pid_t
fork_raw(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

static pid_t (*const forks[])(void) = { fork, fork_raw };

static int
pass(struct sigchld_child *child, void *user)
{
	(void)child;
	(void)user;

	return 0;
}

static void
use_context(struct sigchld_ctx *ctx)
{
	struct sigchld_stats stats = { .size = sizeof(stats) };
	struct sigchld_ctx *other = NULL;

	CHILD_MUST(sigchld_fd(ctx) == -EPERM, 1);
	CHILD_MUST(sigchld_timeout(ctx) == -EPERM, 2);
	CHILD_MUST(sigchld_dispatch(ctx) == -EPERM, 3);
	CHILD_MUST(sigchld_wait(ctx, -1) == -EPERM, 4);
	CHILD_MUST(sigchld_configure(ctx, NULL) == -EPERM, 5);
	CHILD_MUST(sigchld_watch(ctx, NULL, 1, 0, NULL, NULL) == -EPERM, 6);
	CHILD_MUST(sigchld_fork(ctx, NULL, 0, NULL, NULL) == -EPERM, 7);
	CHILD_MUST(sigchld_foreach(ctx, pass, NULL) == -EPERM, 8);
	CHILD_MUST(sigchld_get_stats(ctx, &stats) == -EPERM, 9);
	CHILD_MUST(sigchld_occurred(ctx) == -EPERM, 10);
	CHILD_MUST(sigchld_occurred(NULL) == -EPERM, 11);
	CHILD_MUST(sigchld_reaped(NULL, 1, 0) == -EPERM, 12);
	CHILD_MUST(sigchld_health() == -EPERM, 13);
	CHILD_MUST(sigchld_new(&other, NULL) == -EPERM && other == NULL, 14);
	CHILD_MUST(sigchld_fd_group(ctx) == -EPERM, 15);
	CHILD_MUST(sigchld_fd_owner(0) == -EPERM, 16);
}

static void
use_child(struct sigchld_child *child, pid_t pid)
{
	CHILD_MUST(sigchld_child_pid(child) == pid, 20);
	CHILD_MUST(sigchld_child_kill(child, SIGKILL) == -EPERM, 21);
	CHILD_MUST(sigchld_child_stop(child, 0, 0) == -EPERM, 22);
	CHILD_MUST(sigchld_child_wait(child, -1, NULL) == -EPERM, 23);
	CHILD_MUST(sigchld_child_discard(child, SIGKILL, NULL, NULL) == -EPERM,
	    24);
}

START_TEST(g9_calls_are_refused_and_change_nothing)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { 0 };
	struct sigchld_child *child;
	struct harness_child held;
	size_t i;
	pid_t pid;

	held = harness_fork_watched(ctx, &child, 0, 2, harness_on_event, &log);
	for (i = 0; i < 2; i++) {
		pid = forks[i]();
		if (pid == 0) {
			use_context(ctx);
			use_child(child, held.pid);
			sigchld_child_free(child);
			sigchld_free(ctx);
			_exit(0);
		}
		check_process(pid);
	}
	ck_assert_uint_eq(stats_of(ctx).children, 1);
	ck_assert_int_eq(sigchld_child_kill(child, 0), 0);
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 2 << 8);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

/* SIGCHLD stays blocked in the parent, so only the child's handler could make
 * the parent's context readable; or time, had a call found it blocked. */
START_TEST(g9_handler_writes_nowhere)
{
	struct sigchld_ctx *ctx;
	struct harness_child held;
	size_t i;
	pid_t pid;

	ctx = open_ctx(NULL);
	held = harness_fork_watched(ctx, NULL, 0, 0, NULL, NULL);
	ck_assert_int_ge(sigchld_dispatch(ctx), 0);
	block_sigchld(SIG_BLOCK);
	for (i = 0; i < 2; i++) {
		pid = forks[i]();
		if (pid == 0) {
			block_sigchld(SIG_UNBLOCK);
			CHILD_MUST(syscall(SYS_kill, syscall(SYS_getpid),
				       SIGCHLD) == 0,
			    1);
			_exit(0);
		}
		check_process(pid);
		ck_assert(!harness_readable(sigchld_fd(ctx), 0));
	}
	block_sigchld(SIG_UNBLOCK);
	end_child(&held);
	ck_assert_int_ge(sigchld_dispatch(ctx), 0);
	sigchld_free(ctx);
}
END_TEST

/* The life of a forked process that goes on with the library. */
static void
start_afresh(struct sigchld_ctx *old)
{
	struct sigaction now;
	struct sigchld_ctx *ctx;
	struct harness_log log = { 0 };
	pid_t pid;

	CHILD_MUST(sigchld_postfork() == 0, 1);
	CHILD_MUST(sigchld_postfork() == 0, 2);
	CHILD_MUST(sigaction(SIGCHLD, NULL, &now) == 0 &&
		now.sa_handler == SIG_DFL,
	    3);
	CHILD_MUST(sigchld_new(&ctx, NULL) == 0, 4);
	CHILD_MUST(sigchld_dispatch(old) == -EPERM, 5);
	pid = sigchld_fork(ctx, NULL, 0, harness_on_event, &log);
	if (pid == 0)
		_exit(44);
	CHILD_MUST(pid > 0, 6);
	while (log.count == 0)
		CHILD_MUST(sigchld_wait(ctx, -1) >= 0, 7);
	CHILD_MUST(log.pid == pid && log.wstatus == 44 << 8, 8);
	sigchld_free(old);
	sigchld_free(ctx);
	CHILD_MUST(waitpid(-1, NULL, 0) == -1 && errno == ECHILD, 9);
	_exit(0);
}

/* The raw one only in a single thread: the C library knows nothing of it. */
START_TEST(g9_starts_afresh_after_postfork)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child held;
	pid_t pid;

	ck_assert_int_eq(sigchld_postfork(), 0); /* not forked: nothing */
	held = harness_fork_watched(ctx, NULL, 0, 0, NULL, NULL);
	pid = fork();
	if (pid == 0)
		start_afresh(ctx);
	check_process(pid);
	end_child(&held);
	ck_assert_int_ge(sigchld_dispatch(ctx), 0);
	ck_assert(harness_is_reaped(held.pid));
	sigchld_free(ctx);
}
END_TEST

/* What stands in the table is closed; what is the parent's stays open there. */
START_TEST(g9_postfork_closes_what_stands_in_the_table)
{
	int before = harness_count_fds(), fds[2], group;
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_fdref ref;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(sigchld_fd_record(ctx, &ref, fds[0]), 0);
	group = sigchld_fd_group(ctx);
	pid = fork();
	if (pid == 0) {
		CHILD_MUST(sigchld_postfork() == 0, 1);
		CHILD_MUST(harness_count_fds() == before + 1, 2);
		CHILD_MUST(write(fds[1], "", 0) == 0, 3);
		_exit(0);
	}
	check_process(pid);
	ck_assert_int_eq(sigchld_fd_owner(fds[0]), group);
	ck_assert_int_eq(sigchld_fd_close(ref), 0);
	ck_assert_int_eq(close(fds[1]), 0);
	sigchld_free(ctx);
}
END_TEST

/* Another thread is in the midst of a look, and has the context's lock. */

static void *
look(void *arg)
{
	ck_assert_int_ge(sigchld_dispatch(arg), 0);

	return NULL;
}

START_TEST(g9_free_takes_no_lock)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_child *child;
	struct harness_child held;
	pthread_t thread;
	pid_t pid;

	held = harness_fork_watched(ctx, &child, 0, 0, NULL, NULL);
	end_child(&held);
	atomic_store(&freeze, 1);
	ck_assert_int_eq(pthread_create(&thread, NULL, look, ctx), 0);
	await_flag(&frozen);
	pid = fork();
	if (pid == 0) {
		sigchld_child_free(child);
		sigchld_free(ctx);
		_exit(0);
	}
	check_process(pid);
	atomic_store(&thaw, 1);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert(harness_is_reaped(held.pid));
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

HARNESS("g9",
    {
	HARNESS_TEST(g9_calls_are_refused_and_change_nothing),
	HARNESS_TEST(g9_handler_writes_nowhere),
	HARNESS_TEST(g9_starts_afresh_after_postfork),
	HARNESS_TEST(g9_postfork_closes_what_stands_in_the_table),
	HARNESS_TEST(g9_free_takes_no_lock),
    })
