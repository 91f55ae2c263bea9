/*
 * wait.c - wait for one child
 *
 * The waiter takes the final event instead of the callback. While it waits, a
 * dispatch of the context on another thread leaves the child to it. It has a
 * self-pipe and a place on a users list of its own: to poll the context's
 * descriptor would be to harvest what belongs to others.
 *
 *	waiter				who wakes it
 *
 *	on the list			the handler; sigchld_occurred (APP)
 *	child->waiter (C and T)		sigchld_reaped, with T; whoever frees
 *					    the child or its context, with C
 *	drain, clear awake, look: P1 in deferral.c
 *
 * If it gives up, it makes the child suspect and wakes the context, which may
 * have passed over the child's death meanwhile.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>

#include "async/nofork.h"
#include "core/ctx.h"
#include "core/fds.h"
#include "core/registry.h"
#include "core/sys.h"
#include "core/wait.h"

void
sigchld__waiter_wake(struct sigchld__waiter *waiter)
{
	sigchld__user_wake(&waiter->user);
}

static struct sigchld__users *
list_of(const struct sigchld_ctx *ctx)
{
	return ctx->options.handler == SIGCHLD_HANDLER_APP
	    ? &sigchld__waiting_users
	    : &sigchld__signal_users;
}

static void
close_waiter(struct sigchld__waiter *w)
{
	struct sigchld__selfpipe *pipe = &w->user.pipe;

	sigchld__fds_close_own(pipe->rd, &w->read_ref);
	if (pipe->wr != pipe->rd)
		sigchld__fds_close_own(pipe->wr, &w->write_ref);
}

/* Never dispatched, so no events; in the table for postfork's sake. */
static int
open_waiter(struct sigchld__waiter *w, struct sigchld_ctx *ctx)
{
	struct sigchld__selfpipe *pipe = &w->user.pipe;
	int rc;

	(void)memset(w, 0, sizeof(*w));
	*pipe = (struct sigchld__selfpipe)SIGCHLD__SELFPIPE_CLOSED;
	sigchld__nofork_begin();
	rc = sigchld__selfpipe_open(pipe);
	if (rc == 0)
		rc = sigchld__fds_insert_own(ctx, pipe->rd, 0, NULL,
		    &w->read_ref);
	if (rc == 0 && pipe->wr != pipe->rd)
		rc = sigchld__fds_insert_own(ctx, pipe->wr, 0, NULL,
		    &w->write_ref);
	if (rc < 0)
		close_waiter(w);
	sigchld__nofork_end();
	return rc;
}

static void
set_waiter(struct sigchld_child *child, struct sigchld__waiter *w)
{
	sigchld__registry_lock();
	child->waiter = w;
	sigchld__registry_unlock();
}

/* With C. 1: it has ended, and the event is ours; 0: not yet; -ESRCH: there is
 * none to take any more. */
static int
take(struct sigchld_child *child, struct sigchld_event *event)
{
	if (child->released || child->discarded)
		return -ESRCH;
	sigchld__look_at(child);
	if (child->state == SIGCHLD__WATCHED)
		return 0;
	if (child->state == SIGCHLD__GONE || child->calling)
		return -ESRCH;
	*event = child->event;
	sigchld__child_settle(child);
	(void)sigchld__ctx_need(child->ctx); /* less: cannot fail */
	return 1;
}

/* Sleep, drain, clear. -EINTR is not told: the time is absolute. */
static void
sleep_until(struct sigchld__waiter *w, int64_t until)
{
	struct pollfd pfd = { .fd = w->user.pipe.rd, .events = POLLIN };
	int64_t left = -1;

	if (until >= 0) {
		left = until - sigchld__sys_now_ms();
		left = left < 0 ? 0 : left > 0x7fffffff ? 0x7fffffff : left;
	}
	if (sigchld__sys_poll(&pfd, 1, (int)left) > 0)
		(void)sigchld__selfpipe_drain(&w->user.pipe);
	(void)sigchld__user_asleep(&w->user);
}

static bool
is_over(int64_t until)
{
	return until >= 0 && sigchld__sys_now_ms() >= until;
}

/* 0 is no deadline, -1 no end. */
static int64_t
soonest(int64_t until, int64_t deadline)
{
	if (deadline == 0)
		return until;
	return until < 0 || deadline < until ? deadline : until;
}

/* With C, which is dropped while it sleeps. */
static int
wait_with(struct sigchld_child *child, struct sigchld__waiter *w, int64_t until,
    struct sigchld_event *event)
{
	struct sigchld_ctx *ctx = child->ctx;
	int64_t due;
	bool last;
	int rc;

	for (;;) {
		last = is_over(until); /* asked first: then look once more */
		rc = take(child, event);
		if (rc != 0 || last)
			return rc;
		if (child->queued) /* a stop, for its callback */
			sigchld__user_wake(&ctx->user);
		due = soonest(until, ctx->next_deadline);
		sigchld__ctx_unlock(ctx);
		sleep_until(w, due);
		sigchld__ctx_lock(ctx);
		sigchld__deadlines(ctx); /* perhaps nobody dispatches */
	}
}

/* With C. */
static int
wait_for(struct sigchld_child *child, int64_t until,
    struct sigchld_event *event)
{
	struct sigchld_ctx *ctx = child->ctx;
	struct sigchld__users *list = list_of(ctx);
	struct sigchld__waiter w;
	int rc;

	if (child->waiter != NULL)
		return -EBUSY;
	rc = take(child, event);
	if (rc != 0 || is_over(until))
		return rc;
	rc = open_waiter(&w, ctx);
	if (rc < 0)
		return rc;
	sigchld__users_lock();
	sigchld__users_join(list, &w.user);
	sigchld__users_unlock();
	set_waiter(child, &w);
	rc = wait_with(child, &w, until, event);
	set_waiter(child, NULL);
	sigchld__users_lock();
	sigchld__users_leave(list, &w.user);
	sigchld__users_unlock();
	close_waiter(&w);
	if (child->state == SIGCHLD__WATCHED || child->queued) {
		child->suspect = true;
		sigchld__user_wake(&ctx->user);
	}
	return rc;
}

int
sigchld_child_wait(struct sigchld_child *child, int timeout_ms,
    struct sigchld_event *ret_event)
{
	struct sigchld_event event;
	struct sigchld_ctx *ctx;
	int64_t until = -1;
	int rc;

	if (child == NULL ||
	    (ret_event != NULL && ret_event->size < sizeof(event)))
		return -EINVAL;
	ctx = child->ctx;
	rc = sigchld__ctx_check(ctx);
	if (rc < 0)
		return rc;
	if (sigchld__in_callback_of(ctx))
		return -EDEADLK;
	if (timeout_ms >= 0)
		until = sigchld__sys_now_ms() + timeout_ms;
	sigchld__ctx_ref(ctx);
	sigchld__ctx_lock(ctx);
	child->pins++;
	rc = wait_for(child, until, &event);
	child->pins--;
	sigchld__child_collect(child);
	sigchld__ctx_unlock(ctx);
	sigchld__ctx_unref(ctx);
	if (rc == 1 && ret_event != NULL)
		*ret_event = event;
	return rc;
}
