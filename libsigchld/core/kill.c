/*
 * kill.c - signal a child, and nobody else
 *
 * A pid is a child's only until it is reaped. We reap ours under C, so a kill
 * under C could only go wrong if somebody else reaps our children, and the
 * kernel then gives the pid to a stranger. A pidfd closes that hole where there
 * is one:
 *
 *	pidfd_open(pid)		names one process, whoever it is
 *	waitid(P_PIDFD, peek)	it is a child of ours
 *	pidfd_send_signal	reaches that process, or none
 *
 * Where there is none (portable build, EPERM from a sandbox, no descriptor
 * left) the second step is done by pid, and a thief can slip in before the
 * third.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/ctx.h"
#include "core/sys.h"

/* The kernel says EPERM of a process that became another user's; to our callers
 * -EPERM means that they were forked. */
static int
not_allowed(int rc)
{
	return rc == -EPERM ? -EACCES : rc;
}

static int
is_ours(int type, int id)
{
	struct sigchld__wait wait;
	int rc;

	rc = sigchld__sys_waitid(type, id, &wait, WEXITED | WNOHANG | WNOWAIT);
	return rc == -ECHILD ? -ESRCH : rc;
}

/* -ENOSYS: no pidfd to be had, for whatever reason. */
static int
signal_by_pidfd(pid_t pid, int sig)
{
	int fd, rc;

	sigchld__nofork_begin();
	fd = sigchld__sys_pidfd_open(pid);
	if (fd < 0) {
		sigchld__nofork_end();
		return fd == -ESRCH ? -ESRCH : -ENOSYS;
	}
	rc = is_ours(SIGCHLD__P_PIDFD, fd);
	if (rc == 0)
		rc = not_allowed(sigchld__sys_pidfd_signal(fd, sig));
	else if (rc == -EINVAL)
		rc = -ENOSYS; /* Linux before 5.4 */
	(void)sigchld__sys_close(fd);
	sigchld__nofork_end();
	return rc;
}

static int
signal_by_pid(pid_t pid, int sig)
{
	int rc = is_ours(P_PID, pid);

	return rc < 0 ? rc : not_allowed(sigchld__sys_kill(pid, sig));
}

/* Is the pid its own no more? A zombie's is. */
static bool
is_reaped(const struct sigchld_child *child)
{
	if (child->state == SIGCHLD__GONE || atomic_load(&child->displaced) ||
	    atomic_load(&child->reported))
		return true;
	return child->state == SIGCHLD__ENDED &&
	    child->event.source != SIGCHLD_SOURCE_WAIT;
}

int
sigchld__child_signal(struct sigchld_child *child, int sig)
{
	int rc;

	if (is_reaped(child))
		return -ESRCH;
	rc = signal_by_pidfd(child->pid, sig);
	return rc == -ENOSYS ? signal_by_pid(child->pid, sig) : rc;
}

int
sigchld_child_kill(struct sigchld_child *child, int sig)
{
	int rc;

	if (child == NULL || sig < 0)
		return -EINVAL;
	rc = sigchld__ctx_check(child->ctx);
	if (rc < 0)
		return rc;
	sigchld__ctx_lock(child->ctx);
	rc = sigchld__child_signal(child, sig);
	sigchld__ctx_unlock(child->ctx);
	return rc;
}
