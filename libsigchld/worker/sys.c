/*
 * worker/sys.c - the system calls of floor 3
 *
 * sendmsg and recv are cancellation points in libc, so cancellation is off for
 * the time of the call.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "async/sys.h"
#include "worker/sys.h"

#ifndef MSG_DONTWAIT /* newer than POSIX.1-2008; then O_NONBLOCK must do */
#	define MSG_DONTWAIT 0
#endif

#ifndef SIGCHLD_PORTABLE

int
sigchld__sys_stream_pair(int ret_fds[2])
{
	int saved = errno;

	return sigchld__result(socketpair(AF_UNIX,
				   SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				   0, ret_fds),
	    saved);
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
