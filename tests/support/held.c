/*
 * held.c - children that live until they are let go, and what became of them
 *
 * A held child blocks in a read. It is let go by a byte, or by the end of the
 * stream when the test itself has died, so no held child outlives its test. The
 * stream is a socket, because a byte for a child that was killed meanwhile must
 * not bring SIGPIPE.
 *
 * The child closes what it inherited: else it would keep the streams of its
 * elder siblings open, and bystanders such as the pipe under test too.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "held.h"

#ifndef SYS_close_range
#	define SYS_close_range 436 /* on every architecture */
#endif

static void
close_range_of_fds(unsigned first, unsigned last)
{
	unsigned fd;

	if (first > last)
		return;
	if (syscall(SYS_close_range, first, last, 0) == 0)
		return;
	for (fd = first; fd <= last && fd < 65536; fd++)
		(void)close((int)fd);
}

static void
default_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		(void)sigaction(sig, &action, NULL); /* not for SIGKILL */
	(void)sigemptyset(&none);
	(void)pthread_sigmask(SIG_SETMASK, &none, NULL);
}

void
held_open(int stream[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
			     stream),
	    0);
}

void
held_run(int stream, int code)
{
	char byte;

	default_signals();
	close_range_of_fds(STDERR_FILENO + 1, (unsigned)stream - 1);
	close_range_of_fds((unsigned)stream + 1, ~0u);
	while (read(stream, &byte, 1) == -1 && errno == EINTR)
		continue;
	_exit(code);
}

struct harness_child
harness_fork_held(int code)
{
	struct harness_child held;
	sigset_t all, mask;
	int stream[2];

	held_open(stream);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &mask);
	held.pid = fork();
	if (held.pid == 0)
		held_run(stream[0], code);
	(void)pthread_sigmask(SIG_SETMASK, &mask, NULL);
	(void)close(stream[0]);
	held.hold = stream[1];
	ck_assert_int_gt(held.pid, 0);

	return held;
}

void
harness_release(struct harness_child *held)
{
	if (held->hold == -1)
		return;
	(void)send(held->hold, "", 1, MSG_NOSIGNAL);
	(void)close(held->hold);
	held->hold = -1;
}

/* What waitid says of pid, without reaping it: 0 and its si_pid, or -errno. */
static pid_t
peek(pid_t pid, int flags)
{
	siginfo_t info;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_PID, (id_t)pid, &info,
			WEXITED | WNOWAIT | flags) == 0)
			return info.si_pid;
		if (errno != EINTR)
			return -errno;
	}
}

bool
harness_is_zombie(pid_t pid)
{
	return peek(pid, WNOHANG) == pid;
}

bool
harness_is_reaped(pid_t pid)
{
	return peek(pid, WNOHANG) == -ECHILD;
}

bool
harness_readable(int fd, int ms)
{
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	int64_t deadline = harness_now_ms() + ms, left;
	int n;

	do {
		left = deadline - harness_now_ms();
		n = poll(&poller, 1, left > 0 ? (int)left : 0);
	} while (n == -1 && errno == EINTR);

	return n == 1;
}

/* A pidfd is readable once its process is dead. Without one (an old kernel, or
 * a test that has used up its descriptors) only the runner's timeout ends the
 * wait. */
void
harness_await_zombie(pid_t pid)
{
	int pidfd = harness_pidfd(pid);
	bool dead = true;

	if (pidfd != -1) {
		dead = harness_readable(pidfd, (int)harness_patience_ms());
		(void)close(pidfd);
	}
	ck_assert_msg(dead, "process %d lives on", (int)pid);
	ck_assert_msg(peek(pid, 0) == pid, "process %d is no zombie of ours",
	    (int)pid);
}
