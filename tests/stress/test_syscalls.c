/*
 * test_syscalls.c - what a death costs, as the kernel sees it
 *
 * labels: quick
 * wrap: write getpid
 *
 * One death costs one write per context that is not awake; the handler makes no
 * system call but that and a getpid; an idle process makes none. A process that
 * we trace shows each of its calls between two marks. Under a sanitizer only the
 * library's are counted.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sigchld.h>

#include "async/sys.h"
#include "harness.h"
#include "traced.h"

#ifdef SIGCHLD_PORTABLE
#	define SYS_WAKE SYS_sendto
#else
#	define SYS_WAKE SYS_write
#endif
#define CONTEXTS 4
#define CALLS    64
#define FEW      12

static atomic_int n_writes, n_getpids;

int __real_sigchld__sys_write(int fd, const void *data, size_t size);
int __wrap_sigchld__sys_write(int fd, const void *data, size_t size);
pid_t __real_sigchld__sys_getpid(void);
pid_t __wrap_sigchld__sys_getpid(void);

int
__wrap_sigchld__sys_write(int fd, const void *data, size_t size)
{
	atomic_fetch_add(&n_writes, 1);

	return __real_sigchld__sys_write(fd, data, size);
}

pid_t
__wrap_sigchld__sys_getpid(void)
{
	atomic_fetch_add(&n_getpids, 1);

	return __real_sigchld__sys_getpid();
}

/* Contexts, each with a child, and all asleep. */
struct scene {
	struct sigchld_ctx *ctxs[CONTEXTS];
	struct harness_child held[CONTEXTS];
	struct harness_log logs[CONTEXTS];
};

static void
open_scene(struct scene *scene)
{
	int i;

	for (i = 0; i < CONTEXTS; i++) {
		ck_assert_int_eq(sigchld_new(&scene->ctxs[i], NULL), 0);
		scene->held[i] = harness_fork_watched(scene->ctxs[i], NULL, 0,
		    0, harness_on_event, &scene->logs[i]);
	}
	for (i = 0; i < CONTEXTS; i++)
		ck_assert_int_eq(sigchld_dispatch(scene->ctxs[i]), 0);
}

static void
close_scene(struct scene *scene)
{
	int i;

	for (i = 0; i < CONTEXTS; i++) {
		harness_release(&scene->held[i]);
		harness_wait_for(scene->ctxs[i], &scene->logs[i].final, 1);
		sigchld_free(scene->ctxs[i]);
	}
}

static void
block_sigchld(int how)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)pthread_sigmask(how, &set, NULL);
}

/* The first child dies, and its SIGCHLD is handled in the second call. */
static void
let_one_die(struct scene *scene)
{
	block_sigchld(SIG_BLOCK);
	harness_release(&scene->held[0]);
	harness_await_zombie(scene->held[0].pid);
	atomic_store(&n_writes, 0);
	atomic_store(&n_getpids, 0);
	traced_mark();
	block_sigchld(SIG_UNBLOCK);
	traced_mark();
}

START_TEST(one_write_per_context_that_sleeps)
{
	struct scene scene = { 0 };

	open_scene(&scene);
	let_one_die(&scene);
	ck_assert_int_eq(atomic_load(&n_writes), CONTEXTS);
	ck_assert_int_eq(atomic_load(&n_getpids), 1);
	/* All are awake, so a second signal costs no write. */
	ck_assert_int_eq(raise(SIGCHLD), 0);
	ck_assert_int_eq(atomic_load(&n_writes), CONTEXTS);
	ck_assert_int_eq(atomic_load(&n_getpids), 2);
	/* Only the owner of the child has something to tell. */
	ck_assert_int_eq(sigchld_dispatch(scene.ctxs[0]), 1);
	ck_assert_int_eq(sigchld_dispatch(scene.ctxs[1]), 0);
	ck_assert_int_eq(raise(SIGCHLD), 0);
	/* The first has no child any more, and is woken no more. */
	ck_assert_int_eq(atomic_load(&n_writes), CONTEXTS + 1);
	close_scene(&scene);
}
END_TEST

/* Tracing */

static void
handle_one(void)
{
	struct scene scene = { 0 };

	open_scene(&scene);
	let_one_die(&scene);
	close_scene(&scene);
}

START_TEST(handler_makes_no_other_call)
{
	long calls[CALLS];
	size_t n;
	int i;

	n = traced_record(traced_start(handle_one), calls, CALLS);
	/* letting SIGCHLD in, a getpid, the writes, and the way back */
	ck_assert_uint_eq(n, 3 + CONTEXTS);
	ck_assert_int_eq(calls[0], SYS_rt_sigprocmask);
	ck_assert_int_eq(calls[1], SYS_getpid);
	for (i = 0; i < CONTEXTS; i++)
		ck_assert_int_eq(calls[2 + i], SYS_WAKE);
	ck_assert_int_eq(calls[2 + CONTEXTS], SYS_rt_sigreturn);
}
END_TEST

/* On a pidfd: what is ready, a peek, then after the callback the wait, and the
 * pidfd is closed. Nobody else is woken. Of a child after which this process forked
 * again the pidfd is taken out of the set by hand. */

static void
be_told_of(struct scene *scene, int i)
{
	harness_release(&scene->held[i]);
	harness_await_zombie(scene->held[i].pid);
	traced_mark();
	(void)sigchld_dispatch(scene->ctxs[i]);
	traced_mark();
}

static void
be_told_of_the_first(void)
{
	struct scene scene = { 0 };

	open_scene(&scene);
	be_told_of(&scene, 0);
	close_scene(&scene);
}

static void
be_told_of_the_last(void)
{
	struct scene scene = { 0 };

	open_scene(&scene);
	be_told_of(&scene, CONTEXTS - 1);
	close_scene(&scene);
}

static bool
is_epoll_wait(long call)
{
#ifdef SYS_epoll_wait
	if (call == SYS_epoll_wait)
		return true;
#endif
	return call == SYS_epoll_pwait;
}

START_TEST(death_on_a_pidfd_costs_four_calls)
{
	long calls[CALLS];
	size_t n;

	if (!harness_on_pidfds())
		harness_skip("no child is on a pidfd here");
	n = traced_record(traced_start(be_told_of_the_last), calls, CALLS);
	ck_assert_uint_eq(n, 4);
	ck_assert(is_epoll_wait(calls[0]));
	ck_assert_int_eq(calls[1], SYS_waitid);
	ck_assert_int_eq(calls[2], SYS_waitid);
	ck_assert_int_eq(calls[3], SYS_close);
}
END_TEST

START_TEST(death_after_another_fork_costs_five)
{
	long calls[CALLS];
	size_t n;

	if (!harness_on_pidfds())
		harness_skip("no child is on a pidfd here");
	n = traced_record(traced_start(be_told_of_the_first), calls, CALLS);
	ck_assert_uint_le(n, 5);
	ck_assert(is_epoll_wait(calls[0]));
	ck_assert_int_eq(calls[1], SYS_waitid);
	ck_assert_int_eq(calls[2], SYS_waitid);
	ck_assert_int_eq(calls[n - 1], SYS_close);
}
END_TEST

/* An idle process */

static void
sleep_for_ever(void)
{
	struct scene scene = { 0 };

	block_sigchld(SIG_UNBLOCK); /* else it would not trust the signal */
	open_scene(&scene);
	traced_mark();
	(void)sigchld_wait(scene.ctxs[0], -1);
}

/* Does the traced process, let run, stop again within this time? SIGCHLD is
 * blocked here. */
static bool
stirs(pid_t pid, int ms)
{
	const struct timespec limit = { .tv_nsec = ms * 1000000L };
	const struct timespec now = { 0 };
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	while (sigtimedwait(&set, NULL, &now) > 0)
		continue;
	ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);

	return sigtimedwait(&set, NULL, &limit) > 0;
}

START_TEST(idle_process_makes_no_call)
{
	int sig = 0, n = 0, wstatus;
	long call;
	pid_t pid;

	block_sigchld(SIG_BLOCK);
	pid = traced_start(sleep_for_ever);
	do
		call = traced_next(pid, &sig);
	while (!traced_is_mark(call) && call != TRACED_ENDED);
	ck_assert(traced_is_mark(call));
	(void)traced_next(pid, &sig); /* out of the mark */
	/* A few calls to go to sleep with, and nothing after them. */
	while (stirs(pid, 300)) {
		ck_assert_int_eq(waitpid(pid, &wstatus, 0), pid);
		call = traced_look(pid, wstatus, &sig);
		n += call != TRACED_LEFT;
		ck_assert_int_le(n, FEW);
	}
	ck_assert_int_ge(n, 1);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	while (waitpid(pid, &wstatus, 0) == pid && WIFSTOPPED(wstatus))
		continue;
	ck_assert(WIFSIGNALED(wstatus));
}
END_TEST

HARNESS("syscalls",
    {
	HARNESS_SIGNAL_TEST(one_write_per_context_that_sleeps),
	HARNESS_SIGNAL_TEST(handler_makes_no_other_call),
	HARNESS_PIDFD_TEST(death_on_a_pidfd_costs_four_calls),
	HARNESS_PIDFD_TEST(death_after_another_fork_costs_five),
	HARNESS_TEST(idle_process_makes_no_call),
    })
