/*
 * sys.c - the system calls of floor 0
 *
 * write, read, close and nanosleep are cancellation points in libc. On Linux we
 * go past libc for the first two, which the handler uses; elsewhere cancellation
 * is off for the time of the call.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef SIGCHLD_PORTABLE
#	include <sys/eventfd.h>
#	include <sys/syscall.h>

#	ifndef SYS_close_range
#		define SYS_close_range 436
#	endif
#endif

#include "async/sys.h"

int
sigchld__result(long rc, int saved)
{
	if (rc >= 0)
		return (int)rc;
	rc = -errno;
	errno = saved;
	return (int)rc;
}

pid_t
sigchld__sys_getpid(void)
{
	return getpid();
}

/* Through libc, so that ThreadSanitizer learns that the number is free. */
int
sigchld__sys_close(int fd)
{
	int saved = errno, state, rc;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	rc = sigchld__result(close(fd), saved);
	(void)pthread_setcancelstate(state, NULL);
	return rc;
}

/* Before Linux 5.9 there is none, and a sandbox may forbid it. */
int
sigchld__sys_close_range(int first, int last)
{
#ifndef SIGCHLD_PORTABLE
	int saved = errno;

	return sigchld__result(syscall(SYS_close_range, (unsigned int)first,
				   (unsigned int)last, 0),
	    saved);
#else
	(void)first, (void)last;
	return -ENOSYS;
#endif
}

#ifndef SIGCHLD_PORTABLE

int
sigchld__sys_write(int fd, const void *data, size_t size)
{
	int saved = errno;

	return sigchld__result(syscall(SYS_write, fd, data, size), saved);
}

int
sigchld__sys_read(int fd, void *data, size_t size)
{
	int saved = errno;

	return sigchld__result(syscall(SYS_read, fd, data, size), saved);
}

int
sigchld__sys_eventfd(void)
{
	int saved = errno;

	return sigchld__result(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), saved);
}

#else

#	ifndef MSG_DONTWAIT /* newer than POSIX.1-2008; then O_NONBLOCK must do */
#		define MSG_DONTWAIT 0
#	endif

/* send and recv, not write and read: they take MSG_DONTWAIT and MSG_NOSIGNAL
 * with each call, so neither a forked child that clears O_NONBLOCK on the
 * shared socket nor a reader that is gone can hurt us. */
int
sigchld__sys_write(int fd, const void *data, size_t size)
{
	int saved = errno, state, rc;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	rc = sigchld__result(send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL),
	    saved);
	(void)pthread_setcancelstate(state, NULL);
	return rc;
}

int
sigchld__sys_read(int fd, void *data, size_t size)
{
	int saved = errno, state, rc;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	rc = sigchld__result(recv(fd, data, size, MSG_DONTWAIT), saved);
	(void)pthread_setcancelstate(state, NULL);
	return rc;
}

int
sigchld__sys_eventfd(void)
{
	return -ENOSYS;
}

#endif

int
sigchld__sys_sigmask(int how, const sigset_t *set, sigset_t *before)
{
	return -pthread_sigmask(how, set, before);
}

int
sigchld__sys_sigaction(int sig, const struct sigaction *action,
    struct sigaction *before)
{
	int saved = errno;

	return sigchld__result(sigaction(sig, action, before), saved);
}

int
sigchld__sys_raise(int sig)
{
	int saved = errno;

	return sigchld__result(kill(getpid(), sig), saved);
}

/* Sleeping less than asked for is fine: whoever backs off tries again. */
int
sigchld__sys_sleep_us(long us)
{
	struct timespec ts = { .tv_nsec = us * 1000 };
	int saved = errno, state, rc;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	rc = sigchld__result(nanosleep(&ts, NULL), saved);
	(void)pthread_setcancelstate(state, NULL);
	return rc;
}

#ifndef SIGCHLD_PORTABLE

/* Private memory that is zero, in pages of its own: it can be marked, and asking
 * for it takes no lock of the allocator's. */
void *
sigchld__sys_map(size_t size)
{
	int saved = errno;
	void *map;

	map = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	errno = saved;
	return map == MAP_FAILED ? NULL : map;
}

void
sigchld__sys_unmap(void *map, size_t size)
{
	int saved = errno;

	(void)munmap(map, size);
	errno = saved;
}

#else

/* POSIX.1-2008 has no anonymous map. Nobody but editors asks. */
void *
sigchld__sys_map(size_t size)
{
	volatile int *at =
	    &errno; /* clang thinks that calloc leaves it alone */
	int saved = *at;
	void *map = calloc(1, size);

	*at = saved;
	return map;
}

void
sigchld__sys_unmap(void *map, size_t size)
{
	(void)size;
	free(map);
}

#endif

int
sigchld__sys_wipe_on_fork(void *map, size_t size)
{
#if defined(MADV_WIPEONFORK) && !defined(SIGCHLD_PORTABLE)
	int saved = errno;

	return sigchld__result(madvise(map, size, MADV_WIPEONFORK), saved);
#else
	(void)map;
	(void)size;
	return -ENOSYS;
#endif
}

int
sigchld__sys_socketpair(int type, int fds[2])
{
	int saved = errno;

	return sigchld__result(socketpair(AF_UNIX, type, 0, fds), saved);
}

int
sigchld__sys_nonblock(int fd)
{
	int saved = errno, flags;

	flags = fcntl(fd, F_GETFL);
	if (flags == -1)
		return sigchld__result(-1, saved);
	return sigchld__result(fcntl(fd, F_SETFL, flags | O_NONBLOCK), saved);
}

int
sigchld__sys_cloexec(int fd)
{
	int saved = errno, flags;

	flags = fcntl(fd, F_GETFD);
	if (flags == -1)
		return sigchld__result(-1, saved);
	return sigchld__result(fcntl(fd, F_SETFD, flags | FD_CLOEXEC), saved);
}
