/*
 * route_raw.c - to a worker and back over a bare socketpair: the floors
 *
 *	parent				worker
 *	write: the request	->	read until it is whole
 *					copy it
 *	read until it is whole	<-	write: the copy
 *
 * "raw" blocks in write and in read, and can have one worker. "raw-epoll" waits
 * in epoll_wait, as a parent must who has several; the socket does not block
 * there. Both know the size beforehand, so nothing but the payload is sent, and
 * the memory is there already. The worker makes a copy because ours does, whose
 * request is gone when the reply is sent.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_pool.h"

struct raw {
	int fd, polls;
	pid_t worker;
	_Atomic size_t *len; /* of each request; both see it */
	char reply[BENCH_LARGEST];
};

static struct raw plain = { .fd = -1, .polls = -1 };
static struct raw polled = { .fd = -1, .polls = -1 };

/* Blocking */

static int
write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	for (; len > 0; data += n, len -= (size_t)n) {
		n = write(fd, data, len);
		if (n < 0)
			return -errno;
	}

	return 0;
}

static int
read_rest(int fd, char *data, size_t got, size_t len)
{
	ssize_t n;

	while (got < len) {
		n = read(fd, data + got, len - got);
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		got += (size_t)n;
	}

	return 0;
}

/* The worker */

static _Noreturn void
echo(int fd, const _Atomic size_t *shared_len)
{
	static char in[BENCH_LARGEST], out[BENCH_LARGEST];
	size_t len;
	ssize_t n;

	for (;;) {
		n = read(fd, in, sizeof(in));
		if (n <= 0)
			_exit(0);
		len = atomic_load(shared_len);
		if (read_rest(fd, in, (size_t)n, len) < 0)
			_exit(1);
		(void)memcpy(out, in, len);
		if (write_all(fd, out, len) < 0)
			_exit(1);
	}
}

static int
open_raw(struct raw *raw, unsigned int cpu)
{
	int ends[2];

	raw->len = mmap(NULL, sizeof(*raw->len), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (raw->len == MAP_FAILED ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	raw->worker = fork();
	if (raw->worker < 0)
		return -errno;
	if (raw->worker == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)close(ends[0]);
		bench_pin(cpu);
		echo(ends[1], raw->len);
	}
	(void)close(ends[1]);
	raw->fd = ends[0];

	return 0;
}

static void
close_raw(struct raw *raw)
{
	(void)close(raw->fd);
	if (raw->polls >= 0)
		(void)close(raw->polls);
	(void)kill(raw->worker, SIGKILL);
	(void)waitpid(raw->worker, NULL, 0);
}

static int
raw_open(unsigned int cpu)
{
	return open_raw(&plain, cpu);
}

static void
raw_close(void)
{
	close_raw(&plain);
}

static int
raw_trip(const char *data, size_t len, int64_t *ret_ns)
{
	int64_t began_ns;
	int rc;

	atomic_store(plain.len, len);
	began_ns = bench_now_ns();
	rc = write_all(plain.fd, data, len);
	if (rc == 0)
		rc = read_rest(plain.fd, plain.reply, 0, len);
	*ret_ns = bench_now_ns() - began_ns;

	return rc < 0 ? rc : bench_check(data, plain.reply, len, len);
}

const struct bench_route bench_raw = {
	.name = "raw",
	.open = raw_open,
	.trip = raw_trip,
	.close = raw_close,
};

/* With epoll_wait */

static int
set_events(struct raw *raw, int what, uint32_t events)
{
	struct epoll_event event = { .events = events };

	return epoll_ctl(raw->polls, what, raw->fd, &event) < 0 ? -errno : 0;
}

static int
raw_epoll_open(unsigned int cpu)
{
	int rc = open_raw(&polled, cpu);

	if (rc < 0)
		return rc;
	polled.polls = epoll_create1(EPOLL_CLOEXEC);
	if (polled.polls < 0)
		return -errno;

	return set_events(&polled, EPOLL_CTL_ADD, EPOLLIN);
}

static void
raw_epoll_close(void)
{
	close_raw(&polled);
}

static int
await(struct raw *raw)
{
	struct epoll_event event;

	return epoll_wait(raw->polls, &event, 1, -1) < 0 ? -errno : 0;
}

static int
send_polled(struct raw *raw, const char *data, size_t len)
{
	bool asked = false;
	ssize_t n;
	int rc = 0;

	for (; len > 0 && rc == 0; data += n, len -= (size_t)n) {
		n = send(raw->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n < 0)
			n = 0;
		if ((size_t)n == len)
			continue;
		if (!asked)
			rc = set_events(raw, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
		asked = true;
		if (rc == 0)
			rc = await(raw);
	}
	if (asked && rc == 0)
		rc = set_events(raw, EPOLL_CTL_MOD, EPOLLIN);

	return rc;
}

static int
receive_polled(struct raw *raw, size_t len)
{
	size_t got = 0;
	ssize_t n;
	int rc;

	while (got < len) {
		rc = await(raw);
		if (rc < 0)
			return rc;
		n = recv(raw->fd, raw->reply + got, len - got, MSG_DONTWAIT);
		if (n <= 0)
			return n < 0 ? -errno : -EPIPE;
		got += (size_t)n;
	}

	return 0;
}

static int
raw_epoll_trip(const char *data, size_t len, int64_t *ret_ns)
{
	int64_t began_ns;
	int rc;

	atomic_store(polled.len, len);
	began_ns = bench_now_ns();
	rc = send_polled(&polled, data, len);
	if (rc == 0)
		rc = receive_polled(&polled, len);
	*ret_ns = bench_now_ns() - began_ns;

	return rc < 0 ? rc : bench_check(data, polled.reply, len, len);
}

const struct bench_route bench_raw_epoll = {
	.name = "raw-epoll",
	.open = raw_epoll_open,
	.trip = raw_epoll_trip,
	.close = raw_epoll_close,
};
