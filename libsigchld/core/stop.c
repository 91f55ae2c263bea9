/*
 * stop.c - signal a child, and kill it if it is still there some time later
 *
 * Deadlines are absolute, of CLOCK_MONOTONIC: neither a storm of signals nor a
 * change of the clock moves them. The context keeps the next one. On Linux a
 * timerfd in the context's set tells of it; where there is none, or it was
 * refused, sigchld_timeout does, and sigchld_wait sleeps no longer.
 */
#include <errno.h>
#include <signal.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/ctx.h"
#include "core/fds.h"
#include "core/sys.h"
#include "core/wait.h"

#define POLLIN_EVENT 1u

/* The harvest was all: sigchld__deadlines looks at the clock. */
static void
timer_ready(struct sigchld_ctx *ctx)
{
	(void)ctx;
}

static int
open_timer(struct sigchld_ctx *ctx)
{
	int fd = sigchld__sys_timerfd(), rc;

	if (fd < 0)
		return fd;
	rc = sigchld__fds_insert_own(ctx, fd, POLLIN_EVENT, timer_ready,
	    &ctx->timer_ref);
	if (rc < 0) {
		(void)sigchld__sys_close(fd);
		return rc;
	}
	rc = sigchld__poller_add(&ctx->poller, fd, ctx->timer_ref.generation,
	    POLLIN_EVENT, true);
	if (rc < 0) {
		(void)sigchld__fds_close(ctx->timer_ref);
		ctx->timer_ref.generation = 0;
		return rc;
	}
	ctx->poller.timer = fd;
	return 0;
}

/* A timer that is refused is no failure: sigchld_timeout tells. */
static void
make_timer(struct sigchld_ctx *ctx)
{
	if (ctx->poller.timer != -1 || ctx->poller.no_timer)
		return;
	sigchld__nofork_begin();
	ctx->poller.no_timer = open_timer(ctx) < 0;
	sigchld__nofork_end();
}

static void
arm(struct sigchld_ctx *ctx, int64_t deadline_ms)
{
	ctx->next_deadline = deadline_ms;
	if (deadline_ms == 0)
		return;
	make_timer(ctx);
	if (ctx->poller.timer != -1 &&
	    sigchld__sys_timerfd_arm(ctx->poller.timer, deadline_ms) < 0) {
		ctx->poller.timer = -1; /* its descriptor is closed with us */
		ctx->poller.no_timer = true;
	}
	if (ctx->poller.timer == -1)
		sigchld__user_wake(&ctx->user); /* a wait is too long now */
}

int64_t
sigchld__deadline_in(const struct sigchld_ctx *ctx)
{
	int64_t left;

	if (ctx->next_deadline == 0)
		return -1;
	left = ctx->next_deadline - sigchld__sys_now_ms();
	return left > 0 ? left : 0;
}

void
sigchld__deadlines(struct sigchld_ctx *ctx)
{
	struct sigchld_child *child;
	int64_t now, next = 0;
	int rc;

	if (sigchld__deadline_in(ctx) != 0)
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
	arm(ctx, next);
}

int
sigchld_child_stop(struct sigchld_child *child, int sig, int grace_ms)
{
	struct sigchld_ctx *ctx;
	int rc;

	if (child == NULL || sig < 0 || grace_ms < 0)
		return -EINVAL;
	ctx = child->ctx;
	rc = sigchld__ctx_check(ctx);
	if (rc < 0)
		return rc;
	sigchld__ctx_lock(ctx);
	rc = sigchld__child_signal(child, sig == 0 ? SIGTERM : sig);
	if (rc == 0 && child->state == SIGCHLD__WATCHED) {
		child->kill_at = sigchld__sys_now_ms() + grace_ms;
		if (ctx->next_deadline == 0 ||
		    child->kill_at < ctx->next_deadline)
			arm(ctx, child->kill_at);
		if (child->waiter != NULL) /* it sees to the deadline, too */
			sigchld__waiter_wake(child->waiter);
	}
	sigchld__ctx_unlock(ctx);
	return rc;
}
