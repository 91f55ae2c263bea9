/*
 * pidfds.c - what pidfds can do here
 *
 * Asked of the kernel itself, not of the library, so that a library that uses
 * them not fails a test. What older headers lack is defined here.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "pidfds.h"

#ifndef SYS_pidfd_open
#	define SYS_pidfd_open 434 /* on every architecture */
#endif

#define P_BY_PIDFD 3 /* P_PIDFD */

/* struct pidfd_info and its ioctl, as of Linux 6.15. */
struct info {
	uint64_t mask, cgroup;
	uint32_t pid, tgid, ppid, ids[8];
	int32_t wstatus;
};

#define GET_INFO  _IOWR(0xff, 11, struct info)
#define INFO_EXIT (1u << 3)

bool pidfds_remember;

#ifdef SIGCHLD_PORTABLE

bool
harness_has_pidfds(void)
{
	return false;
}

#else

/* Of ourselves, so ECHILD is the answer of a kernel that knows it, EINVAL of
 * one that does not. */
static bool
can_wait_by(int pidfd)
{
	siginfo_t info;

	return waitid((idtype_t)P_BY_PIDFD, (id_t)pidfd, &info,
		   WEXITED | WNOHANG | WNOWAIT) == -1 &&
	    errno == ECHILD;
}

bool
harness_has_pidfds(void)
{
	int pidfd = harness_pidfd(getpid());
	bool usable;

	if (pidfd == -1)
		return false;
	usable = can_wait_by(pidfd);
	(void)close(pidfd);
	return usable;
}

#endif

int
harness_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* It takes a child to find out, so it is done once, before the first test. */
void
pidfds_probe(void)
{
	struct info info = { .mask = INFO_EXIT };
	pid_t pid = fork();
	int pidfd;

	if (pid == 0)
		_exit(7);
	pidfd = harness_pidfd(pid);
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	if (pidfd == -1)
		return;
	pidfds_remember = ioctl(pidfd, GET_INFO, &info) == 0 &&
	    info.mask & INFO_EXIT && info.wstatus == 7 << 8;
	(void)close(pidfd);
}

/* From what /proc says of the descriptor; -1 of one that is reaped. */
static pid_t
pid_of_pidfd(int pidfd)
{
	char path[64], line[128];
	int pid = -1;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		(void)sscanf(line, "Pid: %d", &pid);
	if (file != NULL)
		(void)fclose(file);
	return pid;
}

pid_t
harness_pid_of(int type, int id)
{
	if (type == P_BY_PIDFD)
		return pid_of_pidfd(id);
	return type == P_PID ? id : 0;
}
