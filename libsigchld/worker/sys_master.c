/*
 * worker/sys_master.c - the system calls of what surrounds a master
 *
 * Those that are cancellation points in libc are called with cancellation off.
 *
 * A descriptor that came out as 0 to 2 would be the standard input, output or
 * error of whoever writes there without asking; so it is moved up at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "async/sys.h"
#include "core/sys.h"
#include "spawn/sys.h"
#include "worker/sys.h"
#include "worker/sys_master.h"

#ifndef MSG_DONTWAIT /* newer than POSIX.1-2008; then O_NONBLOCK must do */
#	define MSG_DONTWAIT 0
#endif

#define ABOVE_STDIO (STDERR_FILENO + 1)

/* The other one is closed, whatever comes of it. */
static int
move_up(int fd)
{
	int moved;

	if (fd < 0 || fd >= ABOVE_STDIO)
		return fd;
	moved = sigchld__sys_dup_from(fd, ABOVE_STDIO);
	(void)sigchld__sys_close(fd);
	return moved;
}

#ifdef SIGCHLD_PORTABLE

static int
open_datagram(void)
{
	int saved = errno;
	int fd = sigchld__result(socket(AF_UNIX, SOCK_DGRAM, 0), saved);
	int rc;

	if (fd < 0)
		return fd;
	rc = sigchld__sys_cloexec(fd);
	if (rc >= 0)
		rc = sigchld__sys_nonblock(fd);
	if (rc < 0)
		(void)sigchld__sys_close(fd);
	return rc < 0 ? rc : fd;
}

#else

static int
open_datagram(void)
{
	const int type = SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
	int saved = errno;

	return sigchld__result(socket(AF_UNIX, type, 0), saved);
}

#endif

int
sigchld__sys_datagram_socket(void)
{
	return move_up(open_datagram());
}

/* pselect(2) can wait for no other. */
static int
below_limit(int fd)
{
#ifdef SIGCHLD_PORTABLE
	if (fd >= FD_SETSIZE) {
		(void)sigchld__sys_close(fd);
		return -EMFILE;
	}
#endif
	return fd;
}

int
sigchld__sys_teller_pair(int ret_fds[2])
{
	int fds[2], rc = sigchld__sys_stream_pair(fds);

	if (rc < 0)
		return rc;
	fds[0] = below_limit(move_up(fds[0]));
	fds[1] = move_up(fds[1]);
	if (fds[0] >= 0 && fds[1] >= 0) {
		ret_fds[0] = fds[0];
		ret_fds[1] = fds[1];
		return 0;
	}
	rc = fds[0] < 0 ? fds[0] : fds[1];
	if (fds[0] >= 0)
		(void)sigchld__sys_close(fds[0]);
	if (fds[1] >= 0)
		(void)sigchld__sys_close(fds[1]);
	return rc;
}

int
sigchld__sys_send_to(int fd, const void *data, size_t size,
    const struct sockaddr_un *address, size_t address_size)
{
	int saved = errno, state, rc;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	rc = sigchld__result(sendto(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL,
				 (const struct sockaddr *)address,
				 (socklen_t)address_size),
	    saved);
	(void)pthread_setcancelstate(state, NULL);
	return rc;
}

static bool
is_stream(int fd)
{
	socklen_t size = sizeof(int);
	int type = 0;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
	    type == SOCK_STREAM;
}

static bool
has_unix_peer(int fd)
{
	struct sockaddr_un address = { 0 };
	socklen_t size = sizeof(address);

	return getpeername(fd, (struct sockaddr *)&address, &size) == 0 &&
	    address.sun_family == AF_UNIX;
}

bool
sigchld__sys_is_unix_stream(int fd)
{
	int saved = errno;
	bool is = is_stream(fd) && has_unix_peer(fd);

	errno = saved;
	return is;
}

static int
open_file(const char *path, int flags)
{
	int saved = errno, state, fd;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	fd = sigchld__result(open(path,
				 flags | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC,
				 0600),
	    saved);
	(void)pthread_setcancelstate(state, NULL);
	return fd;
}

int
sigchld__sys_create_file(const char *path)
{
	int fd = open_file(path, O_WRONLY | O_CREAT | O_EXCL);
	int moved = move_up(fd);

	if (fd >= 0 && moved < 0)
		(void)sigchld__sys_unlink(path);
	return moved;
}

/* Who had it before may have removed it while this one waited to lock it, or did
 * not know that it is one. */
static int
must_be(int fd, const char *path)
{
	struct stat locked, there;

	if (fstat(fd, &locked) != 0 || lstat(path, &there) != 0 ||
	    locked.st_dev != there.st_dev || locked.st_ino != there.st_ino ||
	    !S_ISREG(locked.st_mode) || locked.st_size != 0)
		return -EAGAIN;
	return 0;
}

int
sigchld__sys_lock_file(const char *path)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = move_up(open_file(path, O_RDWR | O_CREAT | O_NONBLOCK));
	int saved = errno, rc;

	if (fd < 0)
		return fd;
	rc = sigchld__result(fcntl(fd, F_SETLK, &all), saved);
	if (rc >= 0)
		rc = must_be(fd, path);
	if (rc < 0)
		(void)sigchld__sys_close(fd);
	errno = saved;
	if (rc < 0)
		return rc == -EACCES ? -EAGAIN : rc;
	return fd;
}

/* O_NONBLOCK: it may be a FIFO. */
int
sigchld__sys_read_file(const char *path)
{
	return move_up(open_file(path, O_RDONLY | O_NONBLOCK));
}

int
sigchld__sys_read_in(int fd, void *data, size_t size)
{
	int state, rc;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	rc = sigchld__sys_pipe_read(fd, data, size);
	(void)pthread_setcancelstate(state, NULL);
	return rc;
}

int
sigchld__sys_write_out(int fd, const void *data, size_t size)
{
	int state, rc;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	rc = sigchld__sys_pipe_write(fd, data, size);
	(void)pthread_setcancelstate(state, NULL);
	return rc;
}

int
sigchld__sys_open_to_all(int fd)
{
	int saved = errno;

	return sigchld__result(fchmod(fd,
				   S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH),
	    saved);
}

int
sigchld__sys_rename(const char *from, const char *to)
{
	int saved = errno;

	return sigchld__result(rename(from, to), saved);
}

int
sigchld__sys_unlink(const char *path)
{
	int saved = errno;

	return sigchld__result(unlink(path), saved);
}

int
sigchld__sys_fill_with_null(void)
{
	int saved = errno, state, fd;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	fd = sigchld__result(open("/dev/null", O_RDWR), saved);
	(void)pthread_setcancelstate(state, NULL);
	return fd;
}

int
sigchld__sys_redirect(int fd, int to)
{
	int saved = errno;

	return sigchld__result(dup2(fd, to), saved);
}

int
sigchld__sys_leave_session(void)
{
	int saved = errno;

	return sigchld__result(setsid(), saved);
}

#ifndef SIGCHLD_PORTABLE

int
sigchld__sys_await(int fd, const sigset_t *mask)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int saved = errno, state, rc;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	rc = sigchld__result(ppoll(&pfd, 1, NULL, mask), saved);
	(void)pthread_setcancelstate(state, NULL);
	return rc;
}

#else

int
sigchld__sys_await(int fd, const sigset_t *mask)
{
	int saved = errno, state, rc;
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	rc = sigchld__result(pselect(fd + 1, &set, NULL, NULL, NULL, mask),
	    saved);
	(void)pthread_setcancelstate(state, NULL);
	return rc;
}

#endif

const char *
sigchld__sys_getenv(const char *name)
{
	return getenv(name);
}

void
sigchld__sys_unsetenv(const char *name)
{
	int saved = errno;

	(void)unsetenv(name);
	errno = saved;
}

void
sigchld__sys_setenv(const char *name, const char *value)
{
	int saved = errno;

	(void)setenv(name, value, 1);
	errno = saved;
}
