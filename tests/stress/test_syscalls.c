/*
 * test_syscalls.c - what a death costs, as the kernel sees it
 *
 * labels: quick
 * wrap: write getpid
 *
 * One death costs one write per context that is not awake; the handler makes no
 * system call but that and a getpid; an idle process makes none. A process that
 * we trace shows each of its calls between two marks. A sanitizer makes calls of
 * its own, so there only the library's are counted.
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

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#	define SANITIZED 1
#elif defined(__has_feature)
#	if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#		define SANITIZED 1
#	endif
#endif
#ifndef SANITIZED
#	define SANITIZED 0
#endif

#ifdef SIGCHLD_PORTABLE
#	define SYS_WAKE SYS_sendto
#else
#	define SYS_WAKE SYS_write
#endif
#define SYS_MARK SYS_getppid
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
	(void)syscall(SYS_MARK);
	block_sigchld(SIG_UNBLOCK);
	(void)syscall(SYS_MARK);
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

static _Noreturn void
be_traced(void (*fn)(struct scene *scene))
{
	struct scene scene = { 0 };

	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
		_exit(77);
	(void)raise(SIGSTOP);
	open_scene(&scene);
	fn(&scene);
	close_scene(&scene);
	_exit(0);
}

static pid_t
start_traced(void (*fn)(struct scene *scene))
{
	pid_t pid;
	int wstatus;

	if (SANITIZED)
		harness_skip("sanitizers make system calls of their own");
	pid = fork();
	if (pid == 0)
		be_traced(fn);
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &wstatus, 0), pid);
	if (WIFEXITED(wstatus) && WEXITSTATUS(wstatus) == 77)
		harness_skip("this process may not be traced");
	ck_assert(WIFSTOPPED(wstatus));
	ck_assert_int_eq(ptrace(PTRACE_SETOPTIONS, pid, NULL,
			     PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL),
	    0);

	return pid;
}

/* What the traced process does next: it enters a call (its number), leaves one
 * (LEFT) or ends (ENDED). Its signals are its own. */
enum {
	LEFT = -1,
	ENDED = -2
};

static long
look_at(pid_t pid, int wstatus, int *ret_sig)
{
	struct __ptrace_syscall_info info;

	*ret_sig = 0;
	if (!WIFSTOPPED(wstatus)) {
		ck_assert_int_eq(wstatus, 0);
		return ENDED;
	}
	if (WSTOPSIG(wstatus) != (SIGTRAP | 0x80)) {
		*ret_sig = WSTOPSIG(wstatus);
		return LEFT;
	}
	ck_assert_int_gt(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info),
			     &info),
	    0);

	return info.op == PTRACE_SYSCALL_INFO_ENTRY ? (long)info.entry.nr
						    : LEFT;
}

static long
next_call(pid_t pid, int *sig)
{
	int wstatus;

	ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, (long)*sig), 0);
	ck_assert_int_eq(waitpid(pid, &wstatus, 0), pid);

	return look_at(pid, wstatus, sig);
}

/* The calls between the first two marks. */
static int
record_calls(pid_t pid, long calls[CALLS])
{
	int n = 0, marks = 0, sig = 0;
	long call;

	while ((call = next_call(pid, &sig)) != ENDED) {
		if (call == SYS_MARK)
			marks++;
		else if (marks == 1 && call != LEFT && n < CALLS)
			calls[n++] = call;
	}
	ck_assert_int_ge(marks, 2);

	return n;
}

START_TEST(handler_makes_no_other_call)
{
	long calls[CALLS];
	int i, n;

	n = record_calls(start_traced(let_one_die), calls);
	/* letting SIGCHLD in, a getpid, the writes, and the way back */
	ck_assert_int_eq(n, 3 + CONTEXTS);
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
	(void)syscall(SYS_MARK);
	(void)sigchld_dispatch(scene->ctxs[i]);
	(void)syscall(SYS_MARK);
}

static void
be_told_of_the_first(struct scene *scene)
{
	be_told_of(scene, 0);
}

static void
be_told_of_the_last(struct scene *scene)
{
	be_told_of(scene, CONTEXTS - 1);
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
	int n;

	if (!harness_on_pidfds())
		harness_skip("no child is on a pidfd here");
	n = record_calls(start_traced(be_told_of_the_last), calls);
	ck_assert_int_eq(n, 4);
	ck_assert(is_epoll_wait(calls[0]));
	ck_assert_int_eq(calls[1], SYS_waitid);
	ck_assert_int_eq(calls[2], SYS_waitid);
	ck_assert_int_eq(calls[3], SYS_close);
}
END_TEST

START_TEST(death_after_another_fork_costs_five)
{
	long calls[CALLS];
	int n;

	if (!harness_on_pidfds())
		harness_skip("no child is on a pidfd here");
	n = record_calls(start_traced(be_told_of_the_first), calls);
	ck_assert_int_le(n, 5);
	ck_assert(is_epoll_wait(calls[0]));
	ck_assert_int_eq(calls[1], SYS_waitid);
	ck_assert_int_eq(calls[2], SYS_waitid);
	ck_assert_int_eq(calls[n - 1], SYS_close);
}
END_TEST

/* An idle process */

static void
sleep_for_ever(struct scene *scene)
{
	(void)syscall(SYS_MARK);
	(void)sigchld_wait(scene->ctxs[0], -1);
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
	pid = start_traced(sleep_for_ever);
	do
		call = next_call(pid, &sig);
	while (call != SYS_MARK && call != ENDED);
	ck_assert_int_eq(call, SYS_MARK);
	(void)next_call(pid, &sig); /* out of the mark */
	/* A few calls to go to sleep with, and nothing after them. */
	while (stirs(pid, 300)) {
		ck_assert_int_eq(waitpid(pid, &wstatus, 0), pid);
		call = look_at(pid, wstatus, &sig);
		n += call != LEFT;
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
