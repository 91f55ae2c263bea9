/*
 * daemon.c - go into the background, and say so when ready
 *
 * Whoever starts a daemon wants to know when it serves, or that it never will.
 * So the process that he started, the launcher, stays until then:
 *
 *	launcher				daemon
 *
 *	makes a pair of sockets
 *	forks				->	begins
 *	waits for a byte, or a death		own session, /dev/null
 *						forks workers, loads, ..
 *						(may execute itself)
 *					<-	ready: a byte, 0
 *	ends with 0				serves
 *
 *					<-	or: ends with 3
 *	ends with 3
 *
 * D1	The byte is the exit status of the launcher. Without one it is that of
 *	the daemon: its own, or 128 and the signal that ended it, or 255 if
 *	nobody can tell.
 * D2	A byte that was written counts, even if the daemon is dead by the time
 *	that it is read: it was ready.
 * D3	The end of the file alone ends nothing. It comes before the death of
 *	whom closed the socket is there to see; and it may never come, where a
 *	worker has a copy. So the launcher waits for the byte and for SIGCHLD at
 *	once: SIGCHLD is blocked but within that wait, and both are looked at
 *	before it.
 * D4	Sockets, not a pipe: a launcher that was interrupted is gone, and the
 *	daemon must not die of SIGPIPE when it tells.
 * D5	Standard input, output and error become /dev/null once, by the fork. A
 *	program that is executed in place finds them so and must leave them:
 *	were they closed, the next listener would be 0, and were they redirected
 *	again, a listener that is 0 would be gone.
 * D6	None of 0 to 2 is closed when the first other descriptor is opened, so
 *	none of the library's has such a number.
 * D7	fork returns in two processes: both go on with the same buffers of
 *	stdio. It is for the launcher to end by _exit.
 *
 * Executing itself before it was ready, the daemon lets its socket go with it:
 * sigchld__daemon_carry just before, which takes the mark close-on-exec away;
 * the number is carried in the state; in the new program
 * sigchld__daemon_carried, which looks whether it is such a socket at all, and
 * marks it again. If the exec fails the old program calls that, too. At all
 * other times it is close-on-exec, so no command that is started has it, and
 * forked workers close it with the other descriptors of the master.
 *
 * Not a second fork, which some do so that the daemon leads no session and no
 * terminal can become its own: the launcher would not be its parent and never
 * learn how it ended. Open terminals with O_NOCTTY.
 */
#include "worker/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "async/sys.h"
#include "core/sys.h"
#include "spawn/sys.h"
#include "worker/sys.h"
#include "worker/sys_exec.h"
#include "worker/sys_master.h"

#define NOBODY_CAN_TELL 255

int
sigchld__daemon_fill_stdio(void)
{
	int i, rc;

	for (i = STDIN_FILENO; i <= STDERR_FILENO; i++) {
		if (sigchld__sys_is_open(i))
			continue;
		rc = sigchld__sys_fill_with_null(); /* the lowest: this one */
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Everything that can fail was done before: a redirection to 0 to 2, which are
 * open, cannot. */
static void
become_daemon(int null)
{
	int i;

	(void)sigchld__sys_leave_session();
	for (i = STDIN_FILENO; i <= STDERR_FILENO; i++)
		(void)sigchld__sys_redirect(null, i);
}

/* A death that is ignored leaves no status, and that may be so from before us.
 * The daemon is given back what was. */
static pid_t
fork_with_status(void)
{
	struct sigaction standard = { .sa_handler = SIG_DFL }, before;
	pid_t pid;

	(void)sigemptyset(&standard.sa_mask);
	(void)sigchld__sys_sigaction(SIGCHLD, &standard, &before);
	pid = sigchld__sys_fork();
	if (pid <= 0)
		(void)sigchld__sys_sigaction(SIGCHLD, &before, NULL);
	return pid;
}

static pid_t
fork_daemon(const int *fds, int null, int *ret_fd)
{
	pid_t pid = fork_with_status();

	if (pid == 0)
		become_daemon(null);
	if (pid < 0)
		(void)sigchld__sys_close(fds[0]);
	if (pid != 0)
		(void)sigchld__sys_close(fds[1]);
	else
		(void)sigchld__sys_close(fds[0]);
	if (pid >= 0)
		*ret_fd = pid == 0 ? fds[1] : fds[0];
	return pid;
}

pid_t
sigchld__daemon_fork(int *ret_fd)
{
	int fds[2], null, rc;
	pid_t pid;

	rc = sigchld__daemon_fill_stdio(); /* D6 */
	if (rc < 0)
		return rc;
	null = sigchld__sys_open_null();
	if (null < 0)
		return null;
	rc = sigchld__sys_teller_pair(fds);
	pid = rc < 0 ? rc : fork_daemon(fds, null, ret_fd);
	(void)sigchld__sys_close(null);
	return pid;
}

static void
on_sigchld(int sig)
{
	(void)sig; /* what counts is that it interrupts */
}

/* Blocks SIGCHLD; gives the mask for the wait. */
static void
expect_death(sigset_t *ret_meanwhile)
{
	struct sigaction interrupts = { .sa_handler = on_sigchld };
	sigset_t sigchld;

	(void)sigemptyset(&interrupts.sa_mask);
	(void)sigchld__sys_sigaction(SIGCHLD, &interrupts, NULL);
	(void)sigemptyset(&sigchld);
	(void)sigaddset(&sigchld, SIGCHLD);
	(void)sigchld__sys_sigmask(SIG_BLOCK, &sigchld, ret_meanwhile);
	(void)sigdelset(ret_meanwhile, SIGCHLD);
}

/* D1 */
static int
status_of(const struct sigchld__wait *wait)
{
	switch (wait->code) {
	case CLD_EXITED:
		return wait->status;
	case CLD_KILLED:
	case CLD_DUMPED:
		return 128 + wait->status;
	default:
		return NOBODY_CAN_TELL;
	}
}

/* Reaps it; options are those of waitid(2). -1: it lives. */
static int
ended(pid_t pid, int options)
{
	struct sigchld__wait wait = { 0 };
	int rc;

	rc = sigchld__sys_waitid(P_PID, (int)pid, &wait, WEXITED | options);
	if (rc < 0)
		return NOBODY_CAN_TELL;
	return wait.pid == 0 ? -1 : status_of(&wait);
}

/* What was told; -1: nothing yet; -2: nothing, ever. */
#define NOTHING_EVER (-2)

static int
told(int fd)
{
	unsigned char status;
	int rc;

	do
		rc = sigchld__sys_recv(fd, &status, 1);
	while (rc == -EINTR);
	if (rc == 1)
		return status;
	return rc == -EAGAIN ? -1 : NOTHING_EVER;
}

/* The byte is looked for after the death, too: nothing is written later. */
static int
outcome(pid_t pid, int fd)
{
	int end = ended(pid, WNOHANG), said = told(fd);

	if (said >= 0) /* D2 */
		return said;
	if (said == NOTHING_EVER && end < 0)
		return ended(pid, 0);
	return end;
}

int
sigchld__daemon_wait(pid_t pid, int fd)
{
	sigset_t meanwhile;
	int status;

	expect_death(&meanwhile);
	while ((status = outcome(pid, fd)) < 0)
		(void)sigchld__sys_await(fd, &meanwhile);
	(void)sigchld__sys_close(fd);
	return status;
}

void
sigchld__daemon_tell(int *fd, int status)
{
	unsigned char byte = (unsigned char)status;
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };

	if (*fd < 0)
		return;
	while (sigchld__sys_sendmsg(*fd, &part, 1) == -EINTR)
		;
	(void)sigchld__sys_close(*fd);
	*fd = -1;
}

int
sigchld__daemon_carry(int fd)
{
	return sigchld__sys_inherit(fd, true);
}

int
sigchld__daemon_carried(int fd)
{
	if (!sigchld__sys_is_open(fd))
		return -EBADF;
	if (!sigchld__sys_is_unix_stream(fd))
		return -ENOTSOCK;
	return sigchld__sys_cloexec(fd);
}
