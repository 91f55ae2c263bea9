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
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#ifndef SIGCHLD_PORTABLE
#	include <sys/prctl.h>
#	include <sys/syscall.h>

#	ifndef SYS_close_range
#		define SYS_close_range 436
#	endif
#endif

#include "async/sys.h"
#include "core/sys.h"
#include "spawn/sys.h"
#include "worker/sys.h"

#ifndef MSG_DONTWAIT /* newer than POSIX.1-2008; then O_NONBLOCK must do */
#	define MSG_DONTWAIT 0
#endif

static void
close_both(const int fds[2])
{
	(void)sigchld__sys_close(fds[0]);
	(void)sigchld__sys_close(fds[1]);
}

#ifndef SIGCHLD_PORTABLE

static int
pair(int type, int ret_fds[2])
{
	int saved = errno;

	type |= SOCK_CLOEXEC | SOCK_NONBLOCK;
	return sigchld__result(socketpair(AF_UNIX, type, 0, ret_fds), saved);
}

#else

static int
prepare(int fd)
{
	int rc = sigchld__sys_cloexec(fd);

	return rc < 0 ? rc : sigchld__sys_nonblock(fd);
}

static int
pair(int type, int ret_fds[2])
{
	int made[2], rc;

	rc = sigchld__sys_socketpair(type, made);
	if (rc < 0)
		return rc;
	rc = prepare(made[0]);
	if (rc >= 0)
		rc = prepare(made[1]);
	if (rc < 0) {
		close_both(made);
		return rc;
	}
	ret_fds[0] = made[0];
	ret_fds[1] = made[1];
	return 0;
}

#endif

int
sigchld__sys_stream_pair(int ret_fds[2])
{
	return pair(SOCK_STREAM, ret_fds);
}

void
sigchld__sys_make_room(int fd, int room)
{
	int saved = errno;

	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	errno = saved;
}

int
sigchld__sys_packet_pair(int ret_fds[2], int room)
{
	int rc = pair(SOCK_SEQPACKET, ret_fds);

	if (rc == 0) {
		sigchld__sys_make_room(ret_fds[0], room);
		sigchld__sys_make_room(ret_fds[1], room);
	}
	return rc;
}

int
sigchld__sys_raise_fd(int *fd)
{
	int higher;

	if (*fd > STDERR_FILENO)
		return 0;
	higher = sigchld__sys_dup_from(*fd, STDERR_FILENO + 1);
	if (higher < 0)
		return higher;
	(void)sigchld__sys_close(*fd);
	*fd = higher;
	return 0;
}

int
sigchld__sys_raise_pair(int fds[2])
{
	int rc = sigchld__sys_raise_fd(&fds[0]);

	if (rc == 0)
		rc = sigchld__sys_raise_fd(&fds[1]);
	if (rc < 0)
		close_both(fds);
	return rc;
}

#ifndef SIGCHLD_PORTABLE

/* What is mounted at /proc may be anything. */
static bool
is_same_pipe(int a, int b)
{
	struct stat of_a, of_b;

	return fstat(a, &of_a) == 0 && fstat(b, &of_b) == 0 &&
	    S_ISFIFO(of_b.st_mode) && of_a.st_dev == of_b.st_dev &&
	    of_a.st_ino == of_b.st_ino;
}

bool
sigchld__sys_last_end_tells(void)
{
	struct utsname system;
	unsigned int major, minor;

	if (uname(&system) != 0 ||
	    sscanf(system.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > 5 || (major == 5 && minor >= 6);
}

/* Of the thread: it may have descriptors that no other one has. */
int
sigchld__sys_open_reader(int writer)
{
	int saved = errno, state, fd;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/thread-self/fd/%d", writer);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	fd = sigchld__result(open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC),
	    saved);
	(void)pthread_setcancelstate(state, NULL);
	if (fd < 0 || is_same_pipe(writer, fd)) {
		errno = saved;
		return fd;
	}
	(void)sigchld__sys_close(fd);
	errno = saved;
	return -ENOENT;
}

#else

bool
sigchld__sys_last_end_tells(void)
{
	return false;
}

int
sigchld__sys_open_reader(int writer)
{
	(void)writer;
	return -ENOTSUP;
}

#endif

static int
send_parts(int fd, const struct iovec *parts, unsigned int n, int flags)
{
	struct msghdr message = { .msg_iov = (struct iovec *)parts,
		.msg_iovlen = n };
	int saved = errno, state, rc;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	rc =
	    sigchld__result(sendmsg(fd, &message, flags | MSG_NOSIGNAL), saved);
	(void)pthread_setcancelstate(state, NULL);
	return rc;
}

int
sigchld__sys_sendmsg(int fd, const struct iovec *parts, unsigned int n)
{
	return send_parts(fd, parts, n, MSG_DONTWAIT);
}

int
sigchld__sys_sendmsg_wait(int fd, const struct iovec *parts, unsigned int n)
{
	return send_parts(fd, parts, n, 0);
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

#ifndef SIGCHLD_PORTABLE

int
sigchld__sys_map_shared(size_t size, void **ret_map)
{
	int saved = errno;
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return sigchld__result(-1, saved);
	*ret_map = map;
	return 0;
}

void
sigchld__sys_pass_on(void *map, size_t size, bool on)
{
	int saved = errno;

	(void)madvise(map, size, on ? MADV_DOFORK : MADV_DONTFORK);
	errno = saved;
}

void
sigchld__sys_set_name(const char *name)
{
	(void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

#else

int
sigchld__sys_map_shared(size_t size, void **ret_map)
{
	int saved = errno, fd = open("/dev/zero", O_RDWR | O_CLOEXEC), rc;
	void *map;

	if (fd == -1)
		return sigchld__result(-1, saved);
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	rc = sigchld__result(map == MAP_FAILED ? -1 : 0, saved);
	(void)sigchld__sys_close(fd);
	if (rc == 0)
		*ret_map = map;
	return rc;
}

void
sigchld__sys_pass_on(void *map, size_t size, bool on)
{
	(void)map;
	(void)size;
	(void)on;
}

void
sigchld__sys_set_name(const char *name)
{
	(void)name;
}

#endif

size_t
sigchld__sys_page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

void
sigchld__sys_unmap_shared(void *map, size_t size)
{
	(void)munmap(map, size);
}

int64_t
sigchld__sys_now_us(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int
sigchld__sys_own_group(void)
{
	int saved = errno;

	return sigchld__result(setpgid(0, 0), saved);
}

/* libc keeps those that are its own. */
void
sigchld__sys_default_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	int sig;

	(void)sigemptyset(&action.sa_mask);
	for (sig = 1; sig <= SIGRTMAX; sig++)
		(void)sigchld__sys_sigaction(sig, &action, NULL);
}

void
sigchld__sys_close_between(int after, int before)
{
	if (after + 1 < before)
		sigchld__sys_close_row(after + 1, before - 1);
}

/* Where nothing closes them all at once, those that a limit of before now may have
 * let in are not looked for. */
void
sigchld__sys_close_above(int after)
{
	const uint64_t most = 1u << 20;
	uint64_t limit = sigchld__sys_fd_limit();
	int last = (int)(limit < most ? limit : most);

#ifndef SIGCHLD_PORTABLE
	if (syscall(SYS_close_range, (unsigned int)after + 1, ~0u, 0) == 0)
		return;
#endif
	while (last > after)
		(void)close(last--);
}

void
sigchld__sys_exit(int status)
{
	_exit(status);
}

int
sigchld__sys_recv_wait(int fd, void *data, size_t size)
{
	int saved = errno, state, rc;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	rc = sigchld__result(recv(fd, data, size, 0), saved);
	(void)pthread_setcancelstate(state, NULL);
	return rc;
}

int
sigchld__sys_block(int fd)
{
	int saved = errno, flags = fcntl(fd, F_GETFL);

	if (flags == -1)
		return sigchld__result(-1, saved);
	return sigchld__result(fcntl(fd, F_SETFL, flags & ~O_NONBLOCK), saved);
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

void *
sigchld__sys_buffer(size_t size)
{
	volatile int *at = &errno;
	int saved = *at;
	void *memory = aligned_alloc(64, size);

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

bool
sigchld__sys_kill_lasts(void)
{
	return true;
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

bool
sigchld__sys_kill_lasts(void)
{
	return false;
}

#endif

void
sigchld__sys_yield(void)
{
	int saved = errno;

	(void)sched_yield();
	errno = saved;
}
