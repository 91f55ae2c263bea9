/*
 * pidfd.c - a descriptor that names a child, and tells of its death
 *
 * A pidfd in the context's set makes the kernel wake exactly the owner of the
 * child that died: no signal, no handler, nothing that the process shares. So it
 * is what AUTO tries first, for each child:
 *
 *	a pidfd			by the signal
 *
 *	AUTO and PIDFD		SIGNAL, APP
 *	while there is room	none here; none left (EMFILE, ENFILE); the
 *	    in the budget	    budget is spent; not allowed (EPERM);
 *				    the set takes no more (ENOSPC)
 *				stops and continues, always: a pidfd does not
 *				    tell of them
 *
 * F1	A pid names the child that was forked until that is reaped. If somebody
 *	else reaps it, the pid may be another's by the time we open it: so what
 *	was opened by pid is asked whether it is our child, and what came with
 *	the child (CLONE_PIDFD) is not.
 * F2	It is in the set edge-triggered. The kernel gives an edge at the death,
 *	at once if the child is dead already, and again when a tracer lets the
 *	dead child go and when somebody else reaps it. So a child that is
 *	readable but cannot be waited for yet is neither spun on nor forgotten.
 * F3	Whoever closes a descriptor does not take it out of the set if there is
 *	a copy, of a forked process or of our own. Then it is taken out by hand.
 *	A fork that we did not see (no hook runs for _Fork) leaves an entry until
 *	the copy is closed; it wakes us for nothing once at most, since it is
 *	edge-triggered and its child reaped.
 * F4	A forked child never changes the set, which it shares; it only closes.
 *
 * F5	A pidfd is closed after the callbacks, with others: retire.c.
 *
 * Budget: the pidfds of a context are at most its max_pidfds; those of contexts
 * that set none are together at most a quarter of RLIMIT_NOFILE, for a program
 * needs descriptors for other things. It is counted without order between
 * threads, so it may be exceeded by as many as there are threads.
 */
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/ctx.h"
#include "core/fds.h"
#include "core/forks.h"
#include "core/pidfd.h"
#include "core/retire.h"
#include "core/sys.h"

#define POLLIN_EVENT 1u

enum {
	UNKNOWN,
	HERE,
	NOT_HERE
};

static atomic_int here;         /* [a] no partner: a cached answer */
static atomic_uint n_shared;    /* [a] of contexts without max_pidfds */
static atomic_uint shared_most; /* [a] their budget when last looked at */

/* Not a shortage, which passes, but that there are none for us at all. */
static bool
says_never(int rc)
{
	return rc == -ENOSYS || rc == -EPERM || rc == -EACCES;
}

static int
peek(int fd, int options)
{
	struct sigchld__wait wait;

	return sigchld__sys_waitid(SIGCHLD__P_PIDFD, fd, &wait,
	    WEXITED | WNOHANG | WNOWAIT | options);
}

/* Of ourselves, which is no child: so the wait says ECHILD, if it understands
 * the question, as it does since Linux 5.4. */
static int
try_ourselves(void)
{
	int fd = sigchld__sys_pidfd_open(sigchld__sys_getpid()), rc;

	if (fd < 0)
		return fd;
	rc = peek(fd, SIGCHLD__WALL);
	(void)sigchld__sys_close(fd);
	return rc == -ECHILD ? 0 : rc == -EINVAL ? -ENOSYS : rc;
}

bool
sigchld__pidfds_here(void)
{
	int rc;

	if (atomic_load(&here) != UNKNOWN)
		return atomic_load(&here) == HERE;
	sigchld__nofork_begin();
	rc = try_ourselves();
	sigchld__nofork_end();
	if (rc == 0)
		atomic_store(&here, HERE);
	else if (says_never(rc))
		atomic_store(&here, NOT_HERE);
	return !says_never(rc);
}

void
sigchld__pidfd_reset(void)
{
	atomic_store(&here, UNKNOWN);
	atomic_store(&n_shared, 0);
	atomic_store(&shared_most, 0);
}

static bool
in_shared_budget(void)
{
	unsigned int n = atomic_load(&n_shared);
	uint64_t most;

	if (n < atomic_load(&shared_most))
		return true;
	most = sigchld__sys_fd_limit() / 4;
	atomic_store(&shared_most,
	    most < INT_MAX ? (unsigned int)most : INT_MAX);
	return n < most;
}

bool
sigchld__pidfd_wanted(const struct sigchld_ctx *ctx)
{
	if (ctx->options.handler == SIGCHLD_HANDLER_APP ||
	    ctx->options.wake == SIGCHLD_WAKE_SIGNAL || !sigchld__pidfds_here())
		return false;
	if (ctx->options.max_pidfds > 0)
		return ctx->n_polled < ctx->options.max_pidfds;
	return in_shared_budget();
}

static void
count(struct sigchld_ctx *ctx, bool more)
{
	ctx->n_polled += more ? 1u : -1u;
	if (ctx->options.max_pidfds == 0)
		atomic_fetch_add(&n_shared, more ? 1u : -1u);
}

/* Harvested. A child that somebody waits for is his to look at. */
static void
pidfd_ready(struct sigchld_ctx *ctx, void *user)
{
	struct sigchld_child *child = user;

	(void)ctx;
	if (child->waiter == NULL)
		sigchld__look_at(child);
}

/* F1. A clone may have made a child that sends no SIGCHLD: then waits do not see
 * it, unless they ask for all kinds, and only a pidfd tells of its death. */
int
sigchld__pidfd_prove(int fd, bool *ret_silent)
{
	int rc = peek(fd, 0);

	*ret_silent = false;
	if (rc != -ECHILD)
		return rc;
	rc = peek(fd, SIGCHLD__WALL);
	*ret_silent = rc == 0;
	return rc;
}

static int
open_proved(struct sigchld_child *child, bool polled)
{
	int fd = sigchld__sys_pidfd_open(child->pid), rc;

	if (fd < 0) {
		if (says_never(fd))
			atomic_store(&here, NOT_HERE);
		return fd;
	}
	rc = sigchld__pidfd_prove(fd, &child->silent);
	if (rc == 0 && child->silent && !polled)
		rc = -ECHILD; /* nothing would tell */
	if (rc == 0)
		return fd;
	(void)sigchld__sys_close(fd);
	return rc;
}

/* Under the no-fork lock: into the table, and the set. */
static int
enter(struct sigchld_child *child, int fd, bool polled)
{
	struct sigchld_ctx *ctx = child->ctx;
	struct sigchld_fdref ref = { -1, 0 };
	int rc;

	rc = sigchld__fds_insert_own(ctx, fd, polled ? POLLIN_EVENT : 0,
	    pidfd_ready, child, &ref);
	if (rc == 0 && polled)
		rc = sigchld__poller_add(&ctx->poller, fd, ref.generation,
		    POLLIN_EVENT, true);
	if (rc < 0) {
		sigchld__fds_close_own(fd, &ref);
		return rc;
	}
	child->pidfd = ref;
	child->polled = polled;
	child->forks_at_add = sigchld__forks_seen();
	return 0;
}

int
sigchld__pidfd_attach(struct sigchld_child *child, int fd, bool polled)
{
	int rc;

	sigchld__nofork_begin();
	if (fd == -1)
		fd = open_proved(child, polled);
	rc = fd < 0 ? fd : enter(child, fd, polled);
	sigchld__nofork_end();
	if (rc == 0 && polled)
		count(child->ctx, true);
	return rc;
}

void
sigchld__pidfd_detach(struct sigchld_child *child)
{
	struct sigchld_ctx *ctx = child->ctx;

	if (child->pidfd.fd == -1)
		return;
	if (child->polled &&
	    (child->copied || child->forks_at_add != sigchld__forks_seen()))
		sigchld__poller_remove(&ctx->poller, child->pidfd.fd);
	sigchld__retire(ctx, child->pidfd);
	child->pidfd = (struct sigchld_fdref){ -1, 0 };
	if (child->polled)
		count(ctx, false);
	child->polled = false;
}

int
sigchld__pidfd_status(const struct sigchld_child *child, int *ret_wstatus)
{
	if (child->pidfd.fd == -1)
		return 0;
	return sigchld__sys_pidfd_exit(child->pidfd.fd, ret_wstatus);
}

/* With C. */
static int
copy(struct sigchld_child *child)
{
	int fd;

	if (sigchld__child_is_reaped(child))
		return -ESRCH;
	if (child->pidfd.fd != -1)
		return sigchld__sys_dup(child->pidfd.fd);
	fd = open_proved(child, true);
	if (fd == -ECHILD)
		return -ESRCH;
	return says_never(fd) || fd == -EINVAL ? -ENOTSUP : fd;
}

int
sigchld_child_pidfd(struct sigchld_child *child)
{
	struct sigchld_ctx *ctx;
	int fd;

	if (child == NULL)
		return -EINVAL;
	ctx = sigchld__child_lock(child);
	if (ctx == NULL)
		return -EPERM;
	fd = copy(child);
	child->copied = child->copied || fd >= 0;
	sigchld__child_unlock(ctx);
	return fd;
}
