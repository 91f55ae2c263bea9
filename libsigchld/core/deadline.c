/*
 * deadline.c - what a context has to do at some time
 *
 * Deadlines are absolute, of CLOCK_MONOTONIC: neither a storm of signals nor a
 * change of the clock moves them. There is one for each kind of thing to do, and
 * the context keeps the first of them. On Linux a timerfd in the context's set
 * tells of it; where there is none, or it was refused, sigchld_timeout does, and
 * sigchld_wait sleeps no longer.
 */
#include "async/nofork.h"
#include "async/sys.h"
#include "core/ctx.h"
#include "core/fds.h"
#include "core/sys.h"

#define POLLIN_EVENT 1u

/* The harvest was all: whoever dispatches looks at the clock. */
static void
timer_ready(struct sigchld_ctx *ctx, void *user)
{
	(void)ctx;
	(void)user;
}

static int
open_timer(struct sigchld_ctx *ctx)
{
	int fd = sigchld__sys_timerfd(), rc;

	if (fd < 0)
		return fd;
	rc = sigchld__fds_insert_own(ctx, fd, POLLIN_EVENT, timer_ready, NULL,
	    &ctx->timer_ref);
	if (rc < 0) {
		(void)sigchld__sys_close(fd);
		return rc;
	}
	rc = sigchld__poller_add(&ctx->poller, fd, ctx->timer_ref.generation,
	    POLLIN_EVENT, true);
	if (rc < 0) {
		sigchld__fds_close_own(fd, &ctx->timer_ref);
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
arm(struct sigchld_ctx *ctx)
{
	if (ctx->next_deadline == 0 || ctx->finished)
		return; /* one that is armed still, wakes for nothing, once */
	make_timer(ctx);
	if (ctx->poller.timer != -1 &&
	    sigchld__sys_timerfd_arm(ctx->poller.timer, ctx->next_deadline) <
		0) {
		ctx->poller.timer = -1; /* its descriptor is closed with us */
		ctx->poller.no_timer = true;
	}
	if (ctx->poller.timer == -1)
		sigchld__user_wake(&ctx->user); /* a wait is too long now */
}

void
sigchld__deadline_set(struct sigchld_ctx *ctx, int which, int64_t at)
{
	int64_t first = 0;
	int i;

	ctx->deadlines[which] = at;
	for (i = 0; i < SIGCHLD__DEADLINES; i++) {
		if (ctx->deadlines[i] != 0 &&
		    (first == 0 || ctx->deadlines[i] < first))
			first = ctx->deadlines[i];
	}
	if (first == ctx->next_deadline)
		return;
	ctx->next_deadline = first;
	arm(ctx);
}

bool
sigchld__deadline_is_due(const struct sigchld_ctx *ctx, int which)
{
	return ctx->deadlines[which] != 0 &&
	    ctx->deadlines[which] <= sigchld__sys_now_ms();
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
