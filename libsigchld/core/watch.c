/*
 * watch.c - watch a child that is there
 *
 *	by its pid			by a pidfd of it
 *
 *	make the child object		the same
 *	reserve: depend.c		copy the pidfd, ask it for the pid
 *	pid into the table: -EBUSY	then the same
 *	admit, which asks whether
 *	it is ours: -ECHILD
 *
 * A pidfd names one process, whoever has the pid meanwhile. The kernel is asked
 * whether that process is an unreaped child of ours; then its pid is its own.
 */
#include <errno.h>
#include <sys/wait.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/ctx.h"
#include "core/pidfd.h"
#include "core/registry.h"
#include "core/sys.h"

static int
insert(struct sigchld_child *child)
{
	int rc;

	sigchld__registry_lock();
	rc = sigchld__registry_insert(child, false);
	sigchld__registry_unlock();
	return rc;
}

static void
remove_again(struct sigchld_child *child)
{
	sigchld__registry_lock();
	sigchld__registry_remove(child);
	sigchld__registry_unlock();
}

/* With C; takes the pidfd. */
static int
admit(struct sigchld_child *child, int pidfd)
{
	int rc = insert(child);

	if (rc < 0) {
		if (pidfd != -1)
			(void)sigchld__sys_close(pidfd);
		return rc;
	}
	rc = sigchld__depend_admit(child, pidfd, false);
	if (rc < 0)
		remove_again(child);
	return rc;
}

/* With C. */
static int
admit_copy(struct sigchld_child *child, int pidfd)
{
	int fd, rc;

	sigchld__nofork_begin();
	child->copied = true;
	rc = fd = sigchld__sys_dup(pidfd);
	if (fd >= 0) {
		rc = sigchld__pidfd_prove(fd, &child->silent);
		if (rc == 0)
			rc = child->pid = sigchld__sys_pidfd_pid(fd);
		if (rc > 0)
			rc = admit(child, fd);
		else
			(void)sigchld__sys_close(fd);
	}
	sigchld__nofork_end();
	return rc;
}

/* With C. */
static int
watch(struct sigchld_child *child, int pidfd)
{
	int rc = sigchld__depend_reserve(child);

	if (rc < 0)
		return rc;
	rc = pidfd == -1 ? admit(child, -1) : admit_copy(child, pidfd);
	if (rc < 0) {
		sigchld__depend_end(child);
		(void)sigchld__ctx_need(child->ctx); /* less: cannot fail */
	}
	return rc;
}

/* By pid, or by a pidfd that is not -1. */
static int
watch_new(struct sigchld_ctx *ctx, struct sigchld_child **ret_child, pid_t pid,
    int pidfd, uint32_t flags, sigchld_event_fn *on_event, void *user)
{
	struct sigchld_child *child =
	    sigchld__child_new(ctx, flags, ret_child != NULL, on_event, user);
	int rc;

	if (child == NULL)
		return -ENOMEM;
	child->pid = pid;
	sigchld__registry_reserve();
	sigchld__ctx_lock(ctx);
	rc = watch(child, pidfd);
	if (rc == 0 && ret_child != NULL)
		*ret_child = child;
	sigchld__ctx_unlock(ctx);
	if (rc < 0)
		sigchld__child_drop(child);
	return rc;
}

static int
check(const struct sigchld_ctx *ctx, uint32_t flags)
{
	int rc = sigchld__ctx_check(ctx);

	if (rc < 0)
		return rc;
	return flags & ~SIGCHLD__CHILD_FLAGS ? -EINVAL : 0;
}

int
sigchld__child_watch(struct sigchld_ctx *ctx, struct sigchld_child **ret_child,
    pid_t pid, uint32_t flags, sigchld_event_fn *on_event, void *user)
{
	int rc = sigchld__ctx_check(ctx);

	return rc < 0
	    ? rc
	    : watch_new(ctx, ret_child, pid, -1, flags, on_event, user);
}

int
sigchld_watch(struct sigchld_ctx *ctx, struct sigchld_child **ret_child,
    pid_t pid, uint32_t flags, sigchld_event_fn *on_event, void *user)
{
	int rc = check(ctx, flags);

	if (rc == 0 && pid <= 0)
		rc = -EINVAL;
	if (rc < 0)
		return rc;
	return watch_new(ctx, ret_child, pid, -1, flags, on_event, user);
}

int
sigchld_watch_pidfd(struct sigchld_ctx *ctx, struct sigchld_child **ret_child,
    int pidfd, uint32_t flags, sigchld_event_fn *on_event, void *user)
{
	int rc = check(ctx, flags);

	if (rc == 0 && pidfd < 0)
		rc = -EBADF;
	if (rc == 0 && !sigchld__pidfds_here())
		rc = -ENOTSUP;
	if (rc < 0)
		return rc;
	return watch_new(ctx, ret_child, 0, pidfd, flags, on_event, user);
}
