/*
 * calls.c - count the system calls of a parent and of its worker
 *
 * A process of its own makes the trips; it and all that it starts are traced
 * from the beginning. Whether a call counts is asked at each, of a page that it
 * shares. So both are counted from a moment between two trips to another: the
 * call in which the worker waits for the first trip is not counted, and that
 * for the one after the last is.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_pool.h"

#define CALLS 1024
#define OPTIONS \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
	    PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL)

static uint64_t parents[CALLS], workers[CALLS];

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
	{ SYS_read, "read" },
	{ SYS_readv, "readv" },
	{ SYS_recvfrom, "recv" },
	{ SYS_recvmsg, "recvmsg" },
	{ SYS_write, "write" },
	{ SYS_writev, "writev" },
	{ SYS_sendto, "send" },
	{ SYS_sendmsg, "sendmsg" },
	{ SYS_timerfd_settime, "timerfd_settime" },
	{ SYS_clock_gettime, "clock_gettime" },
	{ SYS_waitid, "waitid" },
	{ SYS_futex, "futex" },
	{ SYS_getpid, "getpid" },
	{ SYS_rt_sigprocmask, "rt_sigprocmask" },
	{ SYS_rt_sigaction, "rt_sigaction" },
	{ SYS_rt_sigpending, "rt_sigpending" },
	{ SYS_brk, "brk" },
	{ SYS_mmap, "mmap" },
	{ SYS_munmap, "munmap" },
	{ SYS_mremap, "mremap" },
	{ SYS_madvise, "madvise" },
	{ SYS_fcntl, "fcntl" },
	{ SYS_ioctl, "ioctl" },
	{ SYS_restart_syscall, "restart_syscall" },
};

static void
print_name(long nr)
{
	const size_t n = sizeof(names) / sizeof(names[0]);
	size_t i;

	for (i = 0; i < n && names[i].nr != nr; i++)
		continue;
	if (i < n)
		(void)printf("%s", names[i].name);
	else
		(void)printf("call %ld", nr);
}

static void
print(const char *work, const char *name, const char *who,
    const uint64_t counts[CALLS], double n)
{
	const char *separator = "";
	uint64_t sum = 0;
	long nr;

	(void)printf("%s %s %s_detail ", work, name, who);
	for (nr = 0; nr < CALLS; nr++) {
		if (counts[nr] == 0)
			continue;
		sum += counts[nr];
		(void)printf("%s", separator);
		print_name(nr);
		(void)printf(":%.2f", (double)counts[nr] / n);
		separator = ",";
	}
	(void)printf("%s\n", sum == 0 ? "none" : "");
	(void)printf("%s %s %s_calls %.3f\n", work, name, who, (double)sum / n);
}

static void
count_one(pid_t pid, uint64_t counts[CALLS])
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
	    info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr < CALLS)
		counts[info.entry.nr]++;
}

/* Gives the signal that it is to get. */
static int
judge(pid_t pid, int wstatus, bool counts, pid_t parent)
{
	int sig = WSTOPSIG(wstatus);

	if (sig == (SIGTRAP | 0x80)) {
		if (counts)
			count_one(pid, pid == parent ? parents : workers);
		return 0;
	}

	return wstatus >> 16 != 0 ? 0 : sig; /* a new one, or a fork */
}

static void
follow(pid_t parent, const struct bench_shared_count *shared)
{
	int wstatus, last = -1, sig;
	pid_t pid;

	while ((pid = waitpid(-1, &wstatus, __WALL)) > 0) {
		if (!WIFSTOPPED(wstatus)) {
			if (pid == parent)
				last = wstatus;
			continue;
		}
		sig =
		    judge(pid, wstatus, atomic_load(&shared->on) != 0, parent);
		(void)ptrace(PTRACE_SYSCALL, pid, NULL, (long)sig);
	}
	if (last != 0)
		bench_void("the traced process failed");
}

static void
seize(pid_t pid)
{
	int wstatus;

	if (ptrace(PTRACE_SEIZE, pid, NULL, OPTIONS) < 0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0 ||
	    waitpid(pid, &wstatus, __WALL) != pid ||
	    ptrace(PTRACE_SYSCALL, pid, NULL, 0L) < 0)
		bench_void("it cannot be traced: %s", strerror(errno));
}

void
bench_count(const char *work, const char *name, unsigned int n,
    void (*trips)(struct bench_shared_count *shared, const void *what),
    const void *what)
{
	struct bench_shared_count *shared = mmap(NULL, sizeof(*shared),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int gate[2];
	pid_t pid;
	char c;

	if (shared == MAP_FAILED || pipe(gate) < 0)
		bench_void("no memory or no pipe");
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(gate[1]);
		(void)!read(gate[0], &c, 1); /* until we are traced */
		trips(shared, what);
		exit(0);
	}
	(void)close(gate[0]);
	seize(pid);
	(void)close(gate[1]);
	(void)memset(parents, 0, sizeof(parents));
	(void)memset(workers, 0, sizeof(workers));
	follow(pid, shared);
	print(work, name, "parent", parents, n);
	print(work, name, "worker", workers, n);
	(void)munmap(shared, sizeof(*shared));
}
