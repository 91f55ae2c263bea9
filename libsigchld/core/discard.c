/*
 * discard.c - signal a child and let it go
 *
 * For whoever gives up on a helper and will not wait. The child stays its
 * context's, silent, so that it is reaped; on_gone is told after that. It works
 * even if the signal could not be sent: then the child ends when it likes.
 */
#include <errno.h>

#include "core/ctx.h"
#include "core/wait.h"

int
sigchld_child_discard(struct sigchld_child *child, int sig,
    sigchld_gone_fn *on_gone, void *user)
{
	struct sigchld_ctx *ctx;
	int rc = 0;

	if (child == NULL || sig < 0)
		return -EINVAL;
	ctx = sigchld__child_lock(child);
	if (ctx == NULL)
		return -EPERM;
	sigchld__look_at(child);
	if (child->state != SIGCHLD__WATCHED) {
		if (child->queued)
			sigchld__user_wake(&ctx->user);
		rc = -ESRCH;
	} else {
		if (sig != 0)
			(void)sigchld__child_signal(child, sig);
		child->discarded = true;
		atomic_store(&child->deaf, true);
		child->held = false;
		child->on_gone = on_gone;
		child->user = user;
		if (child->waiter != NULL)
			sigchld__waiter_wake(child->waiter);
	}
	sigchld__child_unlock(ctx);
	return rc;
}
