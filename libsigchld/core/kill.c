/*
 * kill.c - signal a child, and nobody else
 *
 * A pid is a child's only until it is reaped. We reap ours under C, so a kill
 * under C could only go wrong if somebody else reaps our children, and the
 * kernel then gives the pid to a stranger. A pidfd closes that hole where there
 * is one. That which the child has was proved to be ours when it was opened;
 * for a child that has none one is opened:
 *
 *	pidfd_open(pid)		names one process, whoever it is
 *	waitid(P_PIDFD, peek)	it is a child of ours
 *	pidfd_send_signal	reaches that process, or none
 *
 * Where there is none (portable build, EPERM from a sandbox, no descriptor
 * left) the second step is done by pid, and a thief can slip in before the
 * third.
 *
 * A child that leads a process group and shares its signals with it: since Linux
 * 6.9 pidfd_send_signal reaches the group that has the number of the child.
 * Before, kill(-pid) does, under the same proof.
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

/* A leader may have left the group, as shells do. */
static bool
is_elsewhere(const struct sigchld_child *child)
{
	return sigchld__sys_getpgid(child->pid) != child->pid;
}

/* By its pidfd, or where fd is -1 by its pid. */
static int
send_alone(const struct sigchld_child *child, int fd, int sig)
{
	return fd < 0 ? sigchld__sys_kill(child->pid, sig)
		      : sigchld__sys_pidfd_signal(fd, sig, false);
}

static int
send_group(const struct sigchld_child *child, int fd, int sig)
{
	int rc = -EINVAL;

	if (fd >= 0)
		rc = sigchld__sys_pidfd_signal(fd, sig, true);
	return rc == -EINVAL ? sigchld__sys_kill(-child->pid, sig) : rc;
}

/* It is ours. */
static int
send(const struct sigchld_child *child, int fd, int sig)
{
	int rc = -ESRCH, rc_group;

	if (!(child->flags & SIGCHLD__CHILD_GROUP))
		return not_allowed(send_alone(child, fd, sig));
	if (is_elsewhere(child))
		rc = not_allowed(send_alone(child, fd, sig));
	rc_group = send_group(child, fd, sig);
	return rc == 0 || rc_group == -ESRCH ? rc : not_allowed(rc_group);
}

/* -ENOSYS: no pidfd to be had, for whatever reason. */
static int
signal_by_pidfd(const struct sigchld_child *child, int sig)
{
	int fd, rc;

	sigchld__nofork_begin();
	fd = sigchld__sys_pidfd_open(child->pid);
	if (fd < 0) {
		sigchld__nofork_end();
		return fd == -ESRCH ? -ESRCH : -ENOSYS;
	}
	rc = is_ours(SIGCHLD__P_PIDFD, fd);
	if (rc == 0)
		rc = send(child, fd, sig);
	else if (rc == -EINVAL)
		rc = -ENOSYS; /* Linux before 5.4 */
	(void)sigchld__sys_close(fd);
	sigchld__nofork_end();
	return rc;
}

static int
signal_by_pid(const struct sigchld_child *child, int sig)
{
	int rc = is_ours(P_PID, child->pid);

	return rc < 0 ? rc : send(child, -1, sig);
}

bool
sigchld__child_is_reaped(const struct sigchld_child *child)
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

	if (sigchld__child_is_reaped(child))
		return -ESRCH;
	if (child->pidfd.fd != -1)
		return send(child, child->pidfd.fd, sig);
	rc = signal_by_pidfd(child, sig);
	return rc == -ENOSYS ? signal_by_pid(child, sig) : rc;
}

int
sigchld_child_kill(struct sigchld_child *child, int sig)
{
	struct sigchld_ctx *ctx;
	int rc;

	if (child == NULL || sig < 0)
		return -EINVAL;
	ctx = sigchld__child_lock(child);
	if (ctx == NULL)
		return -EPERM;
	rc = sigchld__child_signal(child, sig);
	sigchld__child_unlock(ctx);
	return rc;
}
