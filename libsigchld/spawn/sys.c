/*
 * spawn/sys.c - the system calls of floor 2
 *
 * Whoever calls them has turned cancellation off.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef SIGCHLD_PORTABLE
#	include <sys/syscall.h>
#endif

#include "async/sys.h"
#include "spawn/sys.h"

uint64_t
sigchld__sys_device(int fd)
{
	struct stat st;
	int saved = errno, rc;

	rc = fstat(fd, &st);
	errno = saved;
	return rc == 0 && S_ISCHR(st.st_mode) ? (uint64_t)st.st_rdev : 0;
}

bool
sigchld__sys_is_open(int fd)
{
	int saved = errno;

	return sigchld__result(fcntl(fd, F_GETFD), saved) >= 0;
}

uint64_t
sigchld__sys_inode(int fd)
{
	struct stat st;
	int saved = errno, rc;

	rc = fstat(fd, &st);
	errno = saved;
	return rc == 0 ? (uint64_t)st.st_ino : 0;
}

#ifndef SIGCHLD_PORTABLE

int
sigchld__sys_pipe(int fds[2])
{
	int saved = errno;

	return sigchld__result(pipe2(fds, O_CLOEXEC), saved);
}

int
sigchld__sys_dup_to(int fd, int to)
{
	int saved = errno;

	return sigchld__result(dup3(fd, to, O_CLOEXEC), saved);
}

bool
sigchld__sys_is_main_thread(void)
{
	return syscall(SYS_gettid) == getpid();
}

/* There is no file for the other namespace before its first process is there.
 * Without /proc nobody can tell; then no. */
bool
sigchld__sys_children_go_elsewhere(void)
{
	struct stat ours, theirs;
	int saved = errno;
	bool elsewhere;

	elsewhere = stat("/proc/thread-self/ns/pid", &ours) == 0 &&
	    (stat("/proc/thread-self/ns/pid_for_children", &theirs) != 0 ||
		ours.st_ino != theirs.st_ino);
	errno = saved;
	return elsewhere;
}

#else

int
sigchld__sys_pipe(int fds[2])
{
	int saved = errno, made[2], rc;

	rc = sigchld__result(pipe(made), saved);
	if (rc < 0)
		return rc;
	(void)sigchld__sys_cloexec(made[0]);
	(void)sigchld__sys_cloexec(made[1]);
	fds[0] = made[0];
	fds[1] = made[1];
	return 0;
}

int
sigchld__sys_dup_to(int fd, int to)
{
	(void)fd;
	(void)to;
	return -ENOSYS;
}

bool
sigchld__sys_is_main_thread(void)
{
	return true; /* nobody can tell, and nobody may ask */
}

bool
sigchld__sys_children_go_elsewhere(void)
{
	return false;
}

#endif

int
sigchld__sys_pipe_read(int fd, void *data, size_t size)
{
	int saved = errno;
	ssize_t rc;

	do
		rc = read(fd, data, size);
	while (rc == -1 && errno == EINTR);
	return sigchld__result(rc, saved);
}

int
sigchld__sys_pipe_write(int fd, const void *data, size_t size)
{
	int saved = errno;
	ssize_t rc;

	do
		rc = write(fd, data, size);
	while (rc == -1 && errno == EINTR);
	return sigchld__result(rc, saved);
}

int
sigchld__sys_open_null(void)
{
	int saved = errno;

	return sigchld__result(open("/dev/null", O_RDWR | O_CLOEXEC), saved);
}

int
sigchld__sys_dup_from(int fd, int lowest)
{
	int saved = errno;

	return sigchld__result(fcntl(fd, F_DUPFD_CLOEXEC, lowest), saved);
}

int
sigchld__sys_sigtake(const sigset_t *set)
{
	const struct timespec now = { 0 };
	int saved = errno, rc;

	do
		rc = sigtimedwait(set, NULL, &now);
	while (rc == -1 && errno == EINTR);
	return sigchld__result(rc, saved);
}
