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
 *	holds the child's pidfd		the kernel
 *	or is on the list		the handler; sigchld_occurred (APP)
 *	child->waiter (C and T)		sigchld_reaped, with T; whoever frees
 *					    the child or its context, with C
 *	drain, clear awake, look: P1 in deferral.c
 *
 * It holds the pidfd by a reference in the descriptor table, so nobody closes it
 * meanwhile. The pidfd of a dead child that a tracer holds is readable, but there
 * is nothing to wait for yet; a poll would spin. Only then it is worth its price
 * to put it into an epoll set of our own, edge-triggered: F2 in pidfd.c. If there
 * is none to be had, the waiter asks now and then.
 *
 * If it gives up, it makes the child suspect and wakes the context, which may
 * have passed over the child's death meanwhile.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>

#include "async/fdtab.h"
#include "async/nofork.h"
#include "core/ctx.h"
#include "core/fds.h"
#include "core/health.h"
#include "core/registry.h"
#include "core/sweep.h"
#include "core/sys.h"
#include "core/wait.h"

#define ASK_MS 20 /* without anything that tells */

void
sigchld__waiter_wake(struct sigchld__waiter *waiter)
{
	sigchld__user_wake(&waiter->user);
}

/* The users list that tells of this child; NULL: a pidfd does. */
static struct sigchld__users *
list_of(const struct sigchld_child *child)
{
	if (!child->depends)
		return NULL;
	return child->ctx->options.handler == SIGCHLD_HANDLER_APP
	    ? &sigchld__waiting_users
	    : &sigchld__signal_users;
}

static void
close_waiter(struct sigchld__waiter *w)
{
	struct sigchld__selfpipe *pipe = &w->user.pipe;

	sigchld__fds_close_own(w->set, &w->set_ref);
	if (w->pidfd != -1)
		(void)sigchld__fds_drop(w->pidfd);
	sigchld__fds_close_own(pipe->rd, &w->read_ref);
	if (pipe->wr != pipe->rd)
		sigchld__fds_close_own(pipe->wr, &w->write_ref);
}

/* Never dispatched, so no events; in the table for postfork's sake. */
static int
open_pipe(struct sigchld__waiter *w, struct sigchld_ctx *ctx)
{
	struct sigchld__selfpipe *pipe = &w->user.pipe;
	int rc;

	rc = sigchld__selfpipe_open(pipe);
	if (rc == 0)
		rc = sigchld__fds_insert_own(ctx, pipe->rd, 0, NULL, NULL,
		    &w->read_ref);
	if (rc == 0 && pipe->wr != pipe->rd)
		rc = sigchld__fds_insert_own(ctx, pipe->wr, 0, NULL, NULL,
		    &w->write_ref);
	return rc;
}

/* With C. */
static int
open_waiter(struct sigchld__waiter *w, struct sigchld_child *child)
{
	struct sigchld_ctx *ctx = child->ctx;
	int rc;

	(void)memset(w, 0, sizeof(*w));
	w->user.pipe = (struct sigchld__selfpipe)SIGCHLD__SELFPIPE_CLOSED;
	w->set = w->pidfd = -1;
	w->list = list_of(child);
	w->user.every = (child->flags & SIGCHLD_CHILD_STOPS) != 0;
	sigchld__nofork_begin();
	rc = open_pipe(w, ctx);
	if (rc == 0 && child->polled) {
		rc = sigchld__fd_grab(child->pidfd.fd, ctx->group);
		if (rc == 0)
			w->pidfd = child->pidfd.fd;
	}
	if (rc < 0)
		close_waiter(w);
	sigchld__nofork_end();
	return rc;
}

/* With C: readable, and nothing to wait for. From now on only edges count. */
static void
use_edges(struct sigchld__waiter *w, struct sigchld_ctx *ctx)
{
	int rc;

	if (w->set != -1 || w->pidfd == -1)
		return;
	sigchld__nofork_begin();
	w->set = sigchld__poller_new_set();
	rc = w->set < 0
	    ? w->set
	    : sigchld__fds_insert_own(ctx, w->set, 0, NULL, NULL, &w->set_ref);
	if (rc == 0)
		rc = sigchld__poller_add_edge(w->set, w->pidfd);
	if (rc < 0) {
		sigchld__fds_close_own(w->set < 0 ? -1 : w->set, &w->set_ref);
		w->set = -1;
		(void)sigchld__fds_drop(w->pidfd);
		w->pidfd = -1; /* asked now and then */
	}
	sigchld__nofork_end();
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
	if (child->calling && child->queued)
		return 0; /* the callback of a stop runs, and has the pid */
	if (child->state == SIGCHLD__GONE || child->calling)
		return -ESRCH;
	*event = child->event;
	sigchld__child_settle(child);
	(void)sigchld__ctx_need(child->ctx); /* less: cannot fail */
	return 1;
}

static int
ms_until(int64_t until)
{
	int64_t left;

	if (until < 0)
		return -1;
	left = until - sigchld__sys_now_ms();
	return left < 0 ? 0 : left > 0x7fffffff ? 0x7fffffff : (int)left;
}

/* Sleep, drain, clear. -EINTR is not told: the time is absolute. */
static void
sleep_until(struct sigchld__waiter *w, int64_t until)
{
	struct pollfd fds[2] = {
		{ .fd = w->user.pipe.rd, .events = POLLIN },
		{ .fd = w->set != -1 ? w->set : w->pidfd, .events = POLLIN },
	};
	int n, state;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	sigchld__user_doze(&w->user);
	n = sigchld__sys_poll(fds, 2, ms_until(until));
	sigchld__user_rouse(&w->user);
	sigchld__sweep();
	(void)pthread_setcancelstate(state, NULL);
	if (n > 0 && fds[0].revents != 0)
		(void)sigchld__selfpipe_drain(&w->user.pipe);
	w->readable = n > 0 && fds[1].revents != 0;
	if (w->readable && w->set != -1)
		sigchld__poller_take_edge(w->set);
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

/* When to look again, if nothing wakes us. */
static int64_t
wake_at(const struct sigchld__waiter *w, const struct sigchld_child *child,
    int64_t until)
{
	struct sigchld_ctx *ctx = child->ctx;
	int64_t at = soonest(until, ctx->deadlines[SIGCHLD__KILL_AT]);

	at = soonest(at, child->ask_at);
	if ((w->list == NULL && w->pidfd == -1) ||
	    (!child->polled && sigchld__health_in_doubt(ctx)))
		at = soonest(at, sigchld__sys_now_ms() + ASK_MS);
	return at;
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
		if (w->readable)
			use_edges(w, ctx);
		if (child->queued) /* a stop, for its callback */
			sigchld__user_wake(&ctx->user);
		due = wake_at(w, child, until);
		sigchld__ctx_unlock(ctx);
		sleep_until(w, due);
		sigchld__ctx_lock(ctx);
		sigchld__stops_due(ctx); /* perhaps nobody dispatches */
	}
}

static void
join(struct sigchld__waiter *w)
{
	if (w->list == NULL)
		return;
	sigchld__users_lock();
	sigchld__users_join(w->list, &w->user);
	sigchld__users_unlock();
}

static void
leave(struct sigchld__waiter *w)
{
	if (w->list == NULL)
		return;
	sigchld__users_lock();
	sigchld__users_leave(w->list, &w->user);
	sigchld__users_unlock();
}

/* With C. */
static int
wait_for(struct sigchld_child *child, int64_t until,
    struct sigchld_event *event)
{
	struct sigchld__waiter w;
	int rc;

	if (child->waiter != NULL)
		return -EBUSY;
	rc = take(child, event);
	if (rc != 0 || is_over(until))
		return rc;
	rc = open_waiter(&w, child);
	if (rc < 0)
		return rc;
	join(&w);
	set_waiter(child, &w);
	rc = wait_with(child, &w, until, event);
	set_waiter(child, NULL);
	leave(&w);
	close_waiter(&w);
	if (child->state == SIGCHLD__ENDED && !child->calling)
		sigchld__child_queue(child); /* a dispatch left it to us */
	if (child->state == SIGCHLD__WATCHED || child->queued)
		sigchld__child_suspect(child);
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
	ctx = sigchld__child_lock(child);
	if (ctx == NULL)
		return -EPERM;
	if (sigchld__in_callback_of(ctx)) {
		sigchld__child_unlock(ctx);
		return -EDEADLK;
	}
	if (timeout_ms >= 0)
		until = sigchld__sys_now_ms() + timeout_ms;
	child->pins++;
	rc = wait_for(child, until, &event);
	child->pins--;
	sigchld__child_collect(child);
	sigchld__child_unlock(ctx);
	if (rc == 1 && ret_event != NULL)
		*ret_event = event;
	return rc;
}
