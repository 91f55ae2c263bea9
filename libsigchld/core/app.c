/*
 * app.c - when the application handles SIGCHLD
 *
 * Both calls leave word and wake; the next dispatch acts. sigchld_occurred is
 * good in a signal handler: it exchanges a flag and writes.
 */
#include <errno.h>

#include "async/owner.h"
#include "core/ctx.h"
#include "core/registry.h"

int
sigchld_occurred(struct sigchld_ctx *ctx)
{
	int rc;

	if (ctx != NULL) {
		rc = sigchld__ctx_check(ctx);
		if (rc < 0)
			return rc;
		sigchld__user_tell(&ctx->user);
	} else {
		if (sigchld__owner_who() > SIGCHLD__OWNER_US)
			return -EPERM;
		sigchld__users_poke(&sigchld__app_users);
		sigchld__users_poke(&sigchld__signal_users);
	}
	sigchld__users_poke(&sigchld__waiting_users);
	return 0;
}

/* With T, under which a child that is in the table has its context. */
static int
report(struct sigchld_ctx *ctx, pid_t pid, int wstatus)
{
	struct sigchld_child *child = sigchld__registry_find(pid);

	if (child == NULL || (ctx != NULL && child->ctx != ctx) ||
	    atomic_load(&child->reported))
		return 0;
	child->reported_wstatus = wstatus;
	/* Partner: sigchld__look_at. */
	atomic_store_explicit(&child->reported, true, memory_order_release);
	sigchld__registry_remove(child); /* the pid is free */
	sigchld__registry_tell(child);
	return 1;
}

/* Of a stop or a continue there is nothing to say: the child lives. */
static bool
is_final(int wstatus)
{
	return (wstatus & 0xff) != 0x7f && wstatus != 0xffff;
}

int
sigchld_reaped(struct sigchld_ctx *ctx, pid_t pid, int wstatus)
{
	int rc = 0;

	if (pid <= 0 || !is_final(wstatus))
		return -EINVAL;
	if (ctx != NULL)
		rc = sigchld__ctx_check(ctx);
	else if (sigchld__owner_who() > SIGCHLD__OWNER_US)
		rc = -EPERM;
	if (rc < 0)
		return rc;
	sigchld__registry_lock();
	rc = report(ctx, pid, wstatus);
	sigchld__registry_unlock();
	return rc;
}
