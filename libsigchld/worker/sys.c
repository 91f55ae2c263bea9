/*
 * worker/sys.c - the system calls of floor 3
 *
 * sendmsg and recv are cancellation points in libc, so cancellation is off for
 * the time of the call.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "async/sys.h"
#include "core/sys.h"
#include "spawn/sys.h"
#include "worker/sys.h"

#ifndef MSG_DONTWAIT /* newer than POSIX.1-2008; then O_NONBLOCK must do */
#	define MSG_DONTWAIT 0
#endif

#ifndef SIGCHLD_PORTABLE

int
sigchld__sys_stream_pair(int ret_fds[2])
{
	const int type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int saved = errno;

	return sigchld__result(socketpair(AF_UNIX, type, 0, ret_fds), saved);
}

#else

static int
prepare(int fd)
{
	int rc = sigchld__sys_cloexec(fd);

	return rc < 0 ? rc : sigchld__sys_nonblock(fd);
}

int
sigchld__sys_stream_pair(int ret_fds[2])
{
	int made[2], rc;

	rc = sigchld__sys_socketpair(made);
	if (rc < 0)
		return rc;
	rc = prepare(made[0]);
	if (rc >= 0)
		rc = prepare(made[1]);
	if (rc < 0) {
		(void)sigchld__sys_close(made[0]);
		(void)sigchld__sys_close(made[1]);
		return rc;
	}
	ret_fds[0] = made[0];
	ret_fds[1] = made[1];
	return 0;
}

#endif

int
sigchld__sys_sendmsg(int fd, const struct iovec *parts, unsigned int n)
{
	struct msghdr message = { .msg_iov = (struct iovec *)parts,
		.msg_iovlen = n };
	int saved = errno, state, rc;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	rc = sigchld__result(sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL),
	    saved);
	(void)pthread_setcancelstate(state, NULL);
	return rc;
}

int
sigchld__sys_recv(int fd, void *data, size_t size)
{
	int saved = errno, state, rc;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	rc = sigchld__result(recv(fd, data, size, MSG_DONTWAIT), saved);
	(void)pthread_setcancelstate(state, NULL);
	return rc;
}

/* malloc, for calloc writes zeros into memory that was in use before. */
void *
sigchld__sys_room(size_t size)
{
	volatile int *at =
	    &errno; /* clang thinks that malloc leaves it alone */
	int saved = *at;
	void *memory = malloc(size);

	*at = saved;
	return memory;
}

bool
sigchld__sys_is_hung_up(int fd)
{
	struct pollfd pfd = { .fd = fd };

	return sigchld__sys_poll(&pfd, 1, 0) == 1 &&
	    (pfd.revents & (POLLHUP | POLLERR)) != 0;
}

void
sigchld__sys_kill_ourselves(void)
{
	(void)kill(getpid(), SIGKILL);
}

#ifdef F_SETSIG

int
sigchld__sys_kill_at_hangup(int fd)
{
	int saved = errno, flags = fcntl(fd, F_GETFL);

	if (flags == -1 || fcntl(fd, F_SETOWN, getpid()) == -1 ||
	    fcntl(fd, F_SETSIG, SIGKILL) == -1)
		return sigchld__result(-1, saved);
	return sigchld__result(fcntl(fd, F_SETFL, flags | O_ASYNC), saved);
}

#else

static void *
await_hangup(void *fd)
{
	char byte;

	/* Nobody writes: this is the end of the file. */
	while (sigchld__sys_pipe_read((int)(intptr_t)fd, &byte, 1) > 0)
		;
	sigchld__sys_kill_ourselves();
	return NULL;
}

int
sigchld__sys_kill_at_hangup(int fd)
{
	sigset_t all, before;
	pthread_t thread;
	int rc;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, NULL, await_hangup, (void *)(intptr_t)fd);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		(void)pthread_detach(thread);
	return -rc;
}

#endif
