/* sys_control.c - the system calls of a control socket */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "async/sys.h"
#include "core/sys.h"
#include "spawn/sys.h"
#include "worker/sys_control.h"

#define ABOVE_STDIO (STDERR_FILENO + 1)
#define BACKLOG     16

/* Takes fd: it is closed if it cannot be what it is to be. */
static int
settle(int fd)
{
	int settled = fd;

	if (fd >= 0 && fd < ABOVE_STDIO) {
		settled = sigchld__sys_dup_from(fd, ABOVE_STDIO);
		(void)sigchld__sys_close(fd);
	}
#ifdef SIGCHLD_PORTABLE
	if (settled >= 0) {
		int rc = sigchld__sys_cloexec(settled);

		if (rc >= 0)
			rc = sigchld__sys_nonblock(settled);
		if (rc < 0) {
			(void)sigchld__sys_close(settled);
			return rc;
		}
	}
#endif
	return settled;
}

static int
open_socket(int type)
{
	int saved = errno;

#ifndef SIGCHLD_PORTABLE
	type |= SOCK_CLOEXEC | SOCK_NONBLOCK;
#endif
	return settle(sigchld__result(socket(AF_UNIX, type, 0), saved));
}

static int
make_address(const char *path, struct sockaddr_un *ret_address)
{
	(void)memset(ret_address, 0, sizeof(*ret_address));
	ret_address->sun_family = AF_UNIX;
	if (strlen(path) >= sizeof(ret_address->sun_path))
		return -ENAMETOOLONG;
	(void)strcpy(ret_address->sun_path, path);
	return 0;
}

/* Linux gives the file the mode of the socket; elsewhere nobody can connect before
 * it listens. */
static int
bind_and_listen(int fd, const struct sockaddr_un *address)
{
	int saved = errno, rc;

	(void)fchmod(fd, S_IRUSR | S_IWUSR);
	rc = bind(fd, (const struct sockaddr *)address, sizeof(*address));
	if (rc == -1)
		return sigchld__result(rc, saved);
	rc = chmod(address->sun_path, S_IRUSR | S_IWUSR);
	if (rc == 0)
		rc = listen(fd, BACKLOG);
	rc = sigchld__result(rc, saved);
	if (rc < 0)
		(void)unlink(address->sun_path);
	errno = saved;
	return rc;
}

int
sigchld__sys_listen_at(const char *path)
{
	struct sockaddr_un address;
	int fd, rc = make_address(path, &address);

	if (rc < 0)
		return rc;
	fd = open_socket(SOCK_STREAM);
	if (fd < 0)
		return fd;
	rc = bind_and_listen(fd, &address);
	if (rc < 0) {
		(void)sigchld__sys_close(fd);
		return rc;
	}
	return fd;
}

bool
sigchld__sys_listens_at(int fd, const char *path)
{
	struct sockaddr_un address, bound = { 0 };
	socklen_t size = sizeof(bound), int_size = sizeof(int);
	int saved = errno, listens = 0;
	bool is = make_address(path, &address) == 0 &&
	    getsockname(fd, (struct sockaddr *)&bound, &size) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_size) == 0;

	errno = saved;
	return is && listens != 0 && bound.sun_family == AF_UNIX &&
	    strncmp(bound.sun_path, address.sun_path, sizeof(bound.sun_path)) ==
	    0;
}

/* With cancellation off, as what is a cancellation point in libc is called. */
static int
try_to_connect(int fd, const struct sockaddr_un *address)
{
	int saved = errno, state, rc;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	rc = sigchld__result(connect(fd, (const struct sockaddr *)address,
				 sizeof(*address)),
	    saved);
	(void)pthread_setcancelstate(state, NULL);
	return rc;
}

/* By another kind of socket: whoever has it open is told by -EPROTOTYPE, also if he
 * does not listen yet, and is not disturbed by a connection. */
bool
sigchld__sys_is_answered(const char *path)
{
	struct sockaddr_un address;
	int fd, rc = make_address(path, &address);

	if (rc < 0)
		return false;
	fd = open_socket(SOCK_DGRAM);
	if (fd < 0)
		return true; /* not known, so it is left alone */
	rc = try_to_connect(fd, &address);
	(void)sigchld__sys_close(fd);
	return rc != -ECONNREFUSED && rc != -ENOENT;
}

int
sigchld__sys_accept(int fd)
{
	int saved = errno, state, taken;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
#ifndef SIGCHLD_PORTABLE
	taken = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
#else
	taken = accept(fd, NULL, NULL);
#endif
	taken = sigchld__result(taken, saved);
	(void)pthread_setcancelstate(state, NULL);
	return taken < 0 ? taken : settle(taken);
}

bool
sigchld__sys_is_trusted(int fd)
{
#ifndef SIGCHLD_PORTABLE
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);
	int saved = errno;
	bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;

	errno = saved;
	return known && (peer.uid == 0 || peer.uid == geteuid());
#else
	(void)fd;
	return true;
#endif
}

int
sigchld__sys_socket_at(const char *path, uint64_t *ret_dev, uint64_t *ret_ino)
{
	struct stat st;
	int saved = errno, rc;

	rc = sigchld__result(lstat(path, &st), saved);
	if (rc < 0)
		return rc;
	*ret_dev = (uint64_t)st.st_dev;
	*ret_ino = (uint64_t)st.st_ino;
	return S_ISSOCK(st.st_mode) ? 0 : -ENOTSOCK;
}

int
sigchld__sys_absolute(const char *path, char *ret_path, size_t room)
{
	char here[4096];
	int saved = errno, n;

	here[0] = '\0';
	if (path[0] != '/' && getcwd(here, sizeof(here)) == NULL)
		return sigchld__result(-1, saved);
	n = snprintf(ret_path, room, "%s%s%s", here, path[0] != '/' ? "/" : "",
	    path);
	return n < 0 || (size_t)n >= room ? -ENAMETOOLONG : 0;
}

/* strerror_r(3) is one of two functions, as it was compiled. */
void
sigchld__sys_describe(int error, char *ret_text, size_t room)
{
	int saved = errno;
#ifdef _GNU_SOURCE
	const char *text = strerror_r(error, ret_text, room);

	if (text != ret_text)
		(void)snprintf(ret_text, room, "%s", text);
#else
	if (strerror_r(error, ret_text, room) != 0)
		(void)snprintf(ret_text, room, "error %d", error);
#endif
	errno = saved;
}
