/*
 * trace.c - count the watcher's system calls, each of them
 *
 * Never in a run whose time is told. All threads are seized while they sleep,
 * so the wait that each of them is in then is not counted, and the one that it
 * sleeps in at the end is.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "bench.h"

#define CALLS 1024

static uint64_t counts[CALLS], kept[CALLS];

static const struct {
	long nr;
	const char *name;
} names[] = {
#ifdef SYS_poll
	{ SYS_poll, "poll" },
#endif
#ifdef SYS_epoll_wait
	{ SYS_epoll_wait, "epoll_wait" },
#endif
	{ SYS_ppoll, "ppoll" },
	{ SYS_epoll_pwait, "epoll_pwait" },
	{ SYS_epoll_ctl, "epoll_ctl" },
	{ SYS_waitid, "waitid" },
	{ SYS_wait4, "wait4" },
	{ SYS_read, "read" },
	{ SYS_write, "write" },
	{ SYS_close, "close" },
#ifdef SYS_close_range
	{ SYS_close_range, "close_range" },
#endif
	{ SYS_futex, "futex" },
	{ SYS_getpid, "getpid" },
	{ SYS_rt_sigreturn, "rt_sigreturn" },
	{ SYS_rt_sigprocmask, "rt_sigprocmask" },
	{ SYS_rt_sigaction, "rt_sigaction" },
	{ SYS_rt_sigpending, "rt_sigpending" },
	{ SYS_timerfd_settime, "timerfd_settime" },
	{ SYS_restart_syscall, "restart_syscall" },
};

static int
seize(pid_t tid)
{
	int wstatus;

	if (ptrace(PTRACE_SEIZE, tid, NULL,
		PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE) < 0 ||
	    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0)
		return -errno;
	if (waitpid(tid, &wstatus, __WALL) != tid)
		return -errno;
	bench_trace_stopped(tid, wstatus);

	return 0;
}

int
bench_trace_begin(const struct bench_threads *threads)
{
	int i, rc = 0;

	for (i = 0; i < threads->n && rc == 0; i++)
		rc = seize(threads->tids[i]);

	return rc;
}

static void
count(pid_t tid)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) > 0 &&
	    info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr < CALLS)
		counts[info.entry.nr]++;
}

void
bench_trace_stopped(pid_t tid, int wstatus)
{
	int sig = WSTOPSIG(wstatus);

	if (!WIFSTOPPED(wstatus))
		return;
	if (sig == (SIGTRAP | 0x80)) {
		count(tid);
		sig = 0;
	} else if (wstatus >> 16 != 0) {
		sig = 0; /* the seizing, or a new thread */
	}
	(void)ptrace(PTRACE_SYSCALL, tid, NULL, (long)sig);
}

void
bench_trace_reset(void)
{
	(void)memset(counts, 0, sizeof(counts));
}

uint64_t
bench_trace_keep(void)
{
	uint64_t total = 0;
	int i;

	for (i = 0; i < CALLS; i++)
		total += kept[i] = counts[i];

	return total;
}

static void
print_one(long nr, uint32_t deaths)
{
	const size_t n = sizeof(names) / sizeof(names[0]);
	size_t i;

	for (i = 0; i < n && names[i].nr != nr; i++)
		continue;
	if (i < n)
		(void)printf("%s", names[i].name);
	else
		(void)printf("%ld", nr);
	(void)printf(":%.2f", (double)kept[nr] / deaths);
}

void
bench_trace_print(uint32_t deaths)
{
	const char *separator = "";
	long nr;

	for (nr = 0; nr < CALLS; nr++) {
		if (kept[nr] == 0)
			continue;
		(void)printf("%s", separator);
		print_one(nr, deaths);
		separator = ",";
	}
}
