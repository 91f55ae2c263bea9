/* selfpipe.c - see selfpipe.h */
#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>

#include "async/selfpipe.h"
#include "async/sys.h"

#ifndef SIGCHLD_PORTABLE

int
sigchld__selfpipe_open(struct sigchld__selfpipe *pipe)
{
	int fd = sigchld__sys_eventfd();

	if (fd < 0)
		return fd;
	pipe->rd = pipe->wr = fd;
	return 0;
}

#else

static int
prepare(int fd)
{
	int rc = sigchld__sys_cloexec(fd);

	return rc < 0 ? rc : sigchld__sys_nonblock(fd);
}

int
sigchld__selfpipe_open(struct sigchld__selfpipe *pipe)
{
	int fds[2], rc;

	rc = sigchld__sys_socketpair(SOCK_STREAM, fds);
	if (rc < 0)
		return rc;
	rc = prepare(fds[0]);
	if (rc == 0)
		rc = prepare(fds[1]);
	if (rc < 0) {
		(void)sigchld__sys_close(fds[0]);
		(void)sigchld__sys_close(fds[1]);
		return rc;
	}
	pipe->rd = fds[0];
	pipe->wr = fds[1];
	return 0;
}

#endif

void
sigchld__selfpipe_close(struct sigchld__selfpipe *pipe)
{
	if (pipe->rd != -1)
		(void)sigchld__sys_close(pipe->rd);
	if (pipe->wr != -1 && pipe->wr != pipe->rd)
		(void)sigchld__sys_close(pipe->wr);
	pipe->rd = pipe->wr = -1;
}

static int
write_once(const struct sigchld__selfpipe *pipe)
{
	const uint64_t one =
	    1; /* what an eventfd takes; a socket does not mind */
	int rc;

	do
		rc = sigchld__sys_write(pipe->wr, &one, sizeof(one));
	while (rc == -EINTR);
	return rc == -EWOULDBLOCK ? -EAGAIN : rc;
}

/* A full socket is readable, which is all we want. A full eventfd is readable
 * too, but gives no new edge, and nobody drains it; only a forked child that
 * wrote the largest number into our copy can have filled it. */
static int
write_full(const struct sigchld__selfpipe *pipe)
{
	uint64_t count;

	if (pipe->rd != pipe->wr)
		return 0;
	(void)sigchld__sys_read(pipe->rd, &count, sizeof(count));
	return write_once(pipe);
}

int
sigchld__selfpipe_write(const struct sigchld__selfpipe *pipe)
{
	int rc = write_once(pipe);

	if (rc == -EAGAIN)
		rc = write_full(pipe);
	return rc < 0 && rc != -EAGAIN ? rc : 0;
}

/* One read empties an eventfd; another might block, if a forked child took
 * O_NONBLOCK off the file that we share. */
int
sigchld__selfpipe_drain(const struct sigchld__selfpipe *pipe)
{
	uint64_t data[64];
	int rc;

	do
		rc = sigchld__sys_read(pipe->rd, data, sizeof(data));
	while (rc == -EINTR || (rc > 0 && pipe->rd != pipe->wr));
	return rc < 0 && rc != -EAGAIN && rc != -EWOULDBLOCK ? rc : 0;
}
