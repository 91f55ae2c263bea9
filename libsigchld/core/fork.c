/*
 * fork.c - fork, and watch the child
 *
 * By fork(2), so that all hooks run; or by what the options give in its place.
 */
#include <errno.h>

#include "core/birth.h"
#include "core/ctx.h"
#include "core/sys.h"

pid_t
sigchld__birth_fork(struct sigchld__birth *birth)
{
	int saved = errno;
	pid_t pid;

	if (birth->fork == NULL)
		return sigchld__sys_fork();
	pid = birth->fork(birth->user);
	if (pid < 0)
		pid = errno > 0 ? -errno : -EAGAIN;
	errno = saved;
	return pid;
}

pid_t
sigchld_fork(struct sigchld_ctx *ctx, struct sigchld_child **ret_child,
    uint32_t flags, sigchld_event_fn *on_event, void *user)
{
	struct sigchld__birth birth = { .make = sigchld__birth_fork };
	int rc = sigchld__ctx_check(ctx);

	if (rc < 0)
		return rc;
	if (flags & ~SIGCHLD__CHILD_FLAGS)
		return -EINVAL;
	return sigchld__birth(ctx, ret_child, flags, &birth, on_event, user);
}
