/*
 * core/sys.c - the system calls of floor 1
 *
 * waitid, poll and epoll_wait are cancellation points in libc; see async/sys.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SIGCHLD_PORTABLE
#	include <sys/epoll.h>
#	include <sys/ioctl.h>
#	include <sys/prctl.h>
#	include <sys/syscall.h>
#	include <sys/timerfd.h>
#endif

#include "async/sys.h"
#include "core/sys.h"

void *
sigchld__sys_alloc(size_t n, size_t size)
{
	volatile int *at =
	    &errno; /* clang thinks that calloc leaves it alone */
	int saved = *at;
	void *memory = calloc(n, size);

	*at = saved;
	return memory;
}

static void
set_wait(struct sigchld__wait *wait, const siginfo_t *info)
{
	*wait = (struct sigchld__wait){
		.pid = info->si_pid,
		.code = info->si_code,
		.status = info->si_status,
	};
}

/*
 * The raw system call takes one argument more than POSIX's function: where to
 * put the child's rusage, even for a peek. It wants the kernel's struct rusage,
 * which libc's is only where long has 64 bits.
 */
#if !defined(SIGCHLD_PORTABLE) && __SIZEOF_LONG__ == 8

static uint64_t
microseconds(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * 1000000 + (uint64_t)tv->tv_usec;
}

int
sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options)
{
	siginfo_t info;
	struct rusage usage;
	bool wanted = (options & SIGCHLD__USAGE) != 0;
	int saved = errno;
	long rc;

	info.si_pid = info.si_code = info.si_status = 0;
	do
		rc = syscall(SYS_waitid, type, id, &info,
		    options & ~SIGCHLD__USAGE, wanted ? &usage : NULL);
	while (rc == -1 && errno == EINTR);
	if (rc == -1)
		return sigchld__result(rc, saved);
	set_wait(ret_wait, &info);
	ret_wait->has_usage = info.si_pid != 0 && wanted;
	if (!ret_wait->has_usage)
		return 0;
	ret_wait->utime_us = microseconds(&usage.ru_utime);
	ret_wait->stime_us = microseconds(&usage.ru_stime);
	ret_wait->maxrss_kib = (uint64_t)usage.ru_maxrss;
	return 0;
}

#else

int
sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options)
{
	siginfo_t info;
	int saved = errno, state, rc;

	(void)memset(&info, 0, sizeof(info));
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	do
		rc = waitid((idtype_t)type, (id_t)id, &info,
		    options & ~SIGCHLD__USAGE);
	while (rc == -1 && errno == EINTR);
	rc = sigchld__result(rc, saved);
	(void)pthread_setcancelstate(state, NULL);
	if (rc == 0)
		set_wait(ret_wait, &info);
	return rc;
}

#endif

/* The kernel's mask, of 64 signals, is the beginning of libc's. */
#ifndef SIGCHLD_PORTABLE

void
sigchld__sys_block_all(sigset_t *ret_before)
{
	uint64_t all = UINT64_MAX;
	int saved = errno;

	(void)sigemptyset(ret_before);
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, ret_before,
	    sizeof(all));
	errno = saved;
}

void
sigchld__sys_unblock(const sigset_t *before)
{
	int saved = errno;

	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, before, NULL,
	    sizeof(uint64_t));
	errno = saved;
}

#else

void
sigchld__sys_block_all(sigset_t *ret_before)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigchld__sys_sigmask(SIG_SETMASK, &all, ret_before);
}

void
sigchld__sys_unblock(const sigset_t *before)
{
	(void)sigchld__sys_sigmask(SIG_SETMASK, before, NULL);
}

#endif

int
sigchld__sys_kill(pid_t pid, int sig)
{
	int saved = errno;

	return sigchld__result(kill(pid, sig), saved);
}

pid_t
sigchld__sys_fork(void)
{
	int saved = errno;

	return sigchld__result(fork(), saved);
}

pid_t
sigchld__sys_getsid(pid_t pid)
{
	int saved = errno;

	return sigchld__result(getsid(pid), saved);
}

pid_t
sigchld__sys_getpgid(pid_t pid)
{
	int saved = errno;

	return sigchld__result(getpgid(pid), saved);
}

int
sigchld__sys_sigpending(sigset_t *set)
{
	int saved = errno;

	return sigchld__result(sigpending(set), saved);
}

uint64_t
sigchld__sys_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	return limit.rlim_cur;
}

int
sigchld__sys_dup(int fd)
{
	int saved = errno;

	return sigchld__result(fcntl(fd, F_DUPFD_CLOEXEC, 0), saved);
}

int64_t
sigchld__sys_now_ms(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + (ts.tv_nsec + 999999) / 1000000;
}

int
sigchld__sys_poll(struct pollfd *fds, unsigned int n, int timeout_ms)
{
	int saved = errno, state, rc;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	rc = sigchld__result(poll(fds, n, timeout_ms), saved);
	(void)pthread_setcancelstate(state, NULL);
	return rc;
}

#ifndef SIGCHLD_PORTABLE

int
sigchld__sys_pidfd_open(pid_t pid)
{
#	ifdef SYS_pidfd_open
	int saved = errno;

	return sigchld__result(syscall(SYS_pidfd_open, pid, 0), saved);
#	else
	(void)pid;
	return -ENOSYS;
#	endif
}

#	define TO_GROUP 4u /* PIDFD_SIGNAL_PROCESS_GROUP, of Linux 6.9 */

int
sigchld__sys_pidfd_signal(int pidfd, int sig, bool group)
{
#	ifdef SYS_pidfd_send_signal
	int saved = errno;

	return sigchld__result(syscall(SYS_pidfd_send_signal, pidfd, sig, NULL,
				   group ? TO_GROUP : 0u),
	    saved);
#	else
	(void)pidfd;
	(void)sig;
	(void)group;
	return -ENOSYS;
#	endif
}

/* As the kernel has it since Linux 6.13; headers are slower. */
struct pidfd_info {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t exit_code; /* since 6.15 */
};

#	define GET_INFO    _IOWR(0xff, 11, struct pidfd_info)
#	define INFO_CGROUP (1u << 2)
#	define INFO_EXIT   (1u << 3)

int
sigchld__sys_pidfd_exit(int pidfd, int *ret_wstatus)
{
	struct pidfd_info info = { .mask = INFO_EXIT };
	int saved = errno, rc;

	rc = sigchld__result(ioctl(pidfd, GET_INFO, &info), saved);
	if (rc == -ESRCH) {
		/* It looks for this first and for the process then; whoever was
		 * reaped in between had neither, and has this by now. */
		info.mask = INFO_EXIT;
		rc = sigchld__result(ioctl(pidfd, GET_INFO, &info), saved);
	}
	if (rc < 0)
		return 0;
	if (!(info.mask & INFO_EXIT))
		return -EAGAIN;
	*ret_wstatus = info.exit_code;
	return 1;
}

/* Before Linux 6.13 only /proc tells. -1: it was reaped; 0: of a pid namespace
 * that is not ours. */
static pid_t
pid_from_proc(int pidfd)
{
	char text[512], *at = NULL;
	long pid;
	int fd;
	ssize_t n;

	(void)snprintf(text, sizeof(text), "/proc/self/fdinfo/%d", pidfd);
	fd = open(text, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (n > 0) {
		text[n] = 0;
		at = strstr(text, "\nPid:");
	}
	if (at == NULL)
		return -EBADF;
	pid = strtol(at + 5, NULL, 10);
	return pid > 0 ? (pid_t)pid : -ESRCH;
}

pid_t
sigchld__sys_pidfd_pid(int pidfd)
{
	struct pidfd_info info = { 0 };
	int saved = errno, state;
	pid_t pid;

	if (sigchld__result(ioctl(pidfd, GET_INFO, &info), saved) == 0 &&
	    info.pid > 0)
		return (pid_t)info.pid;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pid = pid_from_proc(pidfd);
	(void)pthread_setcancelstate(state, NULL);
	errno = saved;
	return pid;
}

int
sigchld__sys_epoll_create(void)
{
	int saved = errno;

	return sigchld__result(epoll_create1(EPOLL_CLOEXEC), saved);
}

int
sigchld__sys_epoll_ctl(int epfd, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events,
		.data = { .u64 = data } };
	int saved = errno;

	return sigchld__result(epoll_ctl(epfd, op, fd, &event), saved);
}

/* Through libc, as poll is: under ThreadSanitizer a signal waits for a call that
 * libc knows of. */
int
sigchld__sys_epoll_wait(int epfd, struct epoll_event *events, int max,
    int timeout_ms)
{
	int saved = errno, state, rc;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	rc = sigchld__result(epoll_wait(epfd, events, max, timeout_ms), saved);
	(void)pthread_setcancelstate(state, NULL);
	return rc;
}

int
sigchld__sys_timerfd(void)
{
	int saved = errno;

	return sigchld__result(timerfd_create(CLOCK_MONOTONIC,
				   TFD_CLOEXEC | TFD_NONBLOCK),
	    saved);
}

int
sigchld__sys_timerfd_arm(int fd, int64_t deadline_ms)
{
	struct itimerspec when = { .it_value = {
				       .tv_sec = deadline_ms / 1000,
				       .tv_nsec = deadline_ms % 1000 * 1000000,
				   } };
	int saved = errno;

	return sigchld__result(timerfd_settime(fd, TFD_TIMER_ABSTIME, &when,
				   NULL),
	    saved);
}

int
sigchld__sys_cgroup_of(pid_t pid, uint64_t *ret_cgroup)
{
	struct pidfd_info info = { .mask = INFO_CGROUP };
	int saved = errno, fd, rc;

	fd = sigchld__sys_pidfd_open(pid);
	if (fd < 0)
		return fd;
	rc = sigchld__result(ioctl(fd, GET_INFO, &info), saved);
	(void)sigchld__sys_close(fd);
	if (rc == 0 && !(info.mask & INFO_CGROUP))
		rc = -ENOTSUP;
	if (rc == 0)
		*ret_cgroup = info.cgroup;
	return rc;
}

int
sigchld__sys_subreaper(bool on)
{
	int saved = errno, was = 0;

	if (prctl(PR_GET_CHILD_SUBREAPER, &was) == 0 && on && was)
		return 1;
	return sigchld__result(prctl(PR_SET_CHILD_SUBREAPER, on ? 1 : 0),
	    saved);
}

#else

int
sigchld__sys_cgroup_of(pid_t pid, uint64_t *ret_cgroup)
{
	(void)pid;
	(void)ret_cgroup;
	return -ENOTSUP;
}

int
sigchld__sys_subreaper(bool on)
{
	(void)on;
	return -ENOTSUP;
}

pid_t
sigchld__sys_pidfd_pid(int pidfd)
{
	(void)pidfd;
	return -ENOSYS;
}

int
sigchld__sys_pidfd_exit(int pidfd, int *ret_wstatus)
{
	(void)pidfd;
	(void)ret_wstatus;
	return 0;
}

int
sigchld__sys_pidfd_open(pid_t pid)
{
	(void)pid;
	return -ENOSYS;
}

int
sigchld__sys_pidfd_signal(int pidfd, int sig, bool group)
{
	(void)pidfd;
	(void)sig;
	(void)group;
	return -ENOSYS;
}

int
sigchld__sys_timerfd(void)
{
	return -ENOSYS;
}

int
sigchld__sys_timerfd_arm(int fd, int64_t deadline_ms)
{
	(void)fd;
	(void)deadline_ms;
	return -ENOSYS;
}

#endif
