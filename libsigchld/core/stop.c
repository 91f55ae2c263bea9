/*
 * stop.c - signal a child, and kill it if it is still there some time later
 *
 * A child that leads a group of its own, and is signalled with it, may end
 * before those it started do. They are killed then, before the leader's zombie
 * is reaped: until that the number of the group cannot be another's.
 */
#include <errno.h>
#include <signal.h>

#include "core/ctx.h"
#include "core/sys.h"
#include "core/wait.h"

void
sigchld__stops_due(struct sigchld_ctx *ctx)
{
	struct sigchld_child *child;
	int64_t now, next = 0;
	int rc;

	if (!sigchld__deadline_is_due(ctx, SIGCHLD__KILL_AT))
		return;
	now = sigchld__sys_now_ms();
	for (child = ctx->children; child != NULL; child = child->next) {
		if (child->kill_at == 0)
			continue;
		if (child->kill_at > now) {
			if (next == 0 || child->kill_at < next)
				next = child->kill_at;
			continue;
		}
		child->kill_at = 0;
		rc = sigchld__child_signal(child, SIGKILL);
		if (rc < 0 && rc != -ESRCH)
			sigchld__ctx_fault(ctx, "kill", rc);
	}
	sigchld__deadline_set(ctx, SIGCHLD__KILL_AT, next);
}

/* With C. */
static void
set_deadline(struct sigchld_child *child, int grace_ms)
{
	struct sigchld_ctx *ctx = child->ctx;
	int64_t first = ctx->deadlines[SIGCHLD__KILL_AT];

	child->stopping = true;
	child->kill_at = sigchld__sys_now_ms() + grace_ms;
	if (first == 0 || child->kill_at < first)
		sigchld__deadline_set(ctx, SIGCHLD__KILL_AT, child->kill_at);
	if (child->waiter != NULL) /* it sees to the deadline, too */
		sigchld__waiter_wake(child->waiter);
}

int
sigchld_child_stop(struct sigchld_child *child, int sig, int grace_ms)
{
	struct sigchld_ctx *ctx;
	int rc;

	if (child == NULL || sig < 0 || grace_ms < 0)
		return -EINVAL;
	ctx = sigchld__child_lock(child);
	if (ctx == NULL)
		return -EPERM;
	rc = sigchld__child_signal(child, sig == 0 ? SIGTERM : sig);
	if (rc == 0 && child->state == SIGCHLD__WATCHED)
		set_deadline(child, grace_ms);
	sigchld__child_unlock(ctx);
	return rc;
}
