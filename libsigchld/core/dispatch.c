/*
 * dispatch.c - reap and call back
 *
 *	harvest		what is ready? The self-pipe's edge is its drain.
 *	clear		the awake flag; only now, see P1 in deferral.c
 *	look		at the children; strays, deadlines
 *	call back	what was found, then faults, then timers, then the
 *			application's descriptors
 *
 * All is collected before the first callback runs, and each step afterwards
 * asks anew whether what it found still stands: a callback may have freed it.
 * One thread at a time dispatches a context. Whatever ends a dispatch, run_end
 * follows; if events are still queued then, it wakes the context again.
 */
#include <errno.h>
#include <poll.h>

#include "async/fdtab.h"
#include "core/ctx.h"
#include "core/fds.h"
#include "core/health.h"
#include "core/orphan.h"
#include "core/retire.h"
#include "core/sweep.h"
#include "core/sys.h"
#include "core/timer.h"
#include "core/wait.h"

/* With C, unless this became a forked child. */
static void
run_end(struct sigchld__run *run)
{
	struct sigchld_ctx *ctx = run->ctx;

	if (run->forked) {
		sigchld__ctx_unref_forked(ctx, 1);
		return;
	}
	ctx->dispatching = ctx->delivering = false;
	sigchld__retire_close(ctx);
	sigchld__timers_end(ctx);
	(void)sigchld__ctx_need(ctx); /* less, or the same: cannot fail */
	if (ctx->closed)
		sigchld__ctx_finish(ctx);
	else if (ctx->queue != NULL || ctx->n_faults > 0)
		sigchld__user_wake(&ctx->user);
	sigchld__ctx_calm(ctx);
	sigchld__ctx_unlock(ctx);
	sigchld__ctx_unref(ctx);
}

/* Children */

struct delivery {
	struct sigchld__run *run;
	struct sigchld_child *child;
	struct sigchld__call call;
	bool final;
};

/* The callback is over, however it ended. */
static void
delivery_end(struct delivery *d)
{
	struct sigchld_child *child = d->child;

	if (!sigchld__call_end(&d->call)) {
		d->run->forked = true;
		return;
	}
	child->calling = false;
	if (child->waiter != NULL)
		sigchld__waiter_wake(child->waiter);
	child->pins--;
	if (d->final)
		sigchld__child_settle(child);
	sigchld__child_collect(child);
	sigchld__ctx_calm(d->run->ctx);
}

static void
call_on_event(struct sigchld__run *run, struct sigchld_child *child,
    const struct sigchld_event *event, bool final)
{
	__attribute__((cleanup(delivery_end))) struct delivery d = {
		.run = run,
		.child = child,
		.final = final,
	};
	sigchld_event_fn *on_event = child->released ? NULL : child->on_event;
	void *user = child->user;

	child->calling = true;
	child->pins++;
	sigchld__call_begin(&d.call, run->ctx);
	if (on_event != NULL) {
		run->calls++;
		on_event(child, event, user);
	}
}

struct bare_call {
	struct sigchld__run *run;
	struct sigchld__call call;
};

static void
bare_call_end(struct bare_call *c)
{
	if (!sigchld__call_end(&c->call))
		c->run->forked = true;
}

/* The floors above are told with C, which they keep. */
static void
tell_own(struct sigchld_child *child)
{
	child->pins++;
	if (!child->released)
		child->on_event(child, &child->event, child->user);
	child->pins--;
	sigchld__child_settle(child);
	sigchld__child_collect(child);
}

/* A discarded child is told of when it is gone, so it goes first. */
static void
call_on_gone(struct sigchld__run *run, struct sigchld_child *child)
{
	__attribute__((cleanup(bare_call_end))) struct bare_call c = {
		.run = run,
	};
	struct sigchld_event event = child->event;
	sigchld_gone_fn *on_gone = child->on_gone;
	void *user = child->user;

	sigchld__child_settle(child);
	sigchld__child_collect(child);
	sigchld__call_begin(&c.call, run->ctx);
	if (on_gone != NULL) {
		run->calls++;
		on_gone(run->ctx, &event, user);
	}
}

/* The kernel may hold the next stop, which we did not take while we had this
 * one. Not at once, so that a child that does nothing but stop and go delays
 * nobody. */
static void
look_again(struct sigchld_child *child)
{
	sigchld__child_suspect(child);
}

/* Stops come before the end, and each has a turn of its own. */
static void
deliver(struct sigchld__run *run, struct sigchld_child *child)
{
	struct sigchld_event event;

	sigchld__child_unqueue(child);
	if (child->owner != NULL) {
		sigchld__orphan_deliver(run, child);
	} else if (child->has_stop) {
		event = child->stop;
		child->has_stop = false;
		if (child->state == SIGCHLD__ENDED)
			sigchld__child_queue(child);
		else
			look_again(child);
		if (!child->discarded)
			call_on_event(run, child, &event, false);
	} else if (child->discarded) {
		call_on_gone(run, child);
	} else if (child->flags & SIGCHLD__CHILD_OWN) {
		tell_own(child);
	} else if (child->waiter != NULL && !child->released) {
		sigchld__waiter_wake(child->waiter); /* the end is his */
	} else {
		event = child->event;
		if (atomic_load(&child->reported))
			event.source = SIGCHLD_SOURCE_APP; /* the pid is free */
		call_on_event(run, child, &event, true);
	}
}

static void
deliver_all(struct sigchld__run *run)
{
	struct sigchld_ctx *ctx = run->ctx;

	while (!run->forked && ctx->queue != NULL)
		deliver(run, ctx->queue);
}

/* Faults */

static void
call_on_fault(struct sigchld__run *run, const struct sigchld__fault *fault)
{
	__attribute__((cleanup(bare_call_end))) struct bare_call c = {
		.run = run,
	};
	sigchld_fault_fn *on_fault = run->ctx->options.on_fault;
	void *user = run->ctx->options.user;

	sigchld__call_begin(&c.call, run->ctx);
	if (on_fault != NULL) {
		run->calls++;
		on_fault(run->ctx, fault->what, fault->err, user);
	}
}

static void
tell_faults(struct sigchld__run *run)
{
	struct sigchld_ctx *ctx = run->ctx;
	struct sigchld__fault fault;
	unsigned int i;

	while (!run->forked && !ctx->closed && ctx->n_faults > 0) {
		fault = ctx->faults[0];
		ctx->n_faults--;
		for (i = 0; i < ctx->n_faults; i++)
			ctx->faults[i] = ctx->faults[i + 1];
		call_on_fault(run, &fault);
	}
}

/* Descriptors */

/* The library's own: nothing but flags is set, so no lock and no ceremony. */
static bool
ready_own(struct sigchld_ctx *ctx, const struct sigchld__ready *ready)
{
	struct sigchld__fdentry *e;
	bool own;

	if (sigchld__fd_grab(ready->fd, ctx->group) < 0)
		return true; /* closed since: nobody's any more */
	e = sigchld__fd_entry(ready->fd);
	own = e->generation != ready->generation || e->internal;
	if (own && e->generation == ready->generation && e->ready != NULL)
		((sigchld__internal_fn *)e->ready)(ctx, e->user);
	(void)sigchld__fds_drop(ready->fd);
	return own;
}

struct ready_call {
	struct sigchld__run *run;
	struct sigchld__call call;
	int fd;
};

/* The drop may close the descriptor, or give it to another context: D9. */
static void
ready_call_end(struct ready_call *c)
{
	if (!sigchld__call_end(&c->call)) {
		c->run->forked = true;
		return;
	}
	atomic_store(&sigchld__fd_entry(c->fd)->running, 0);
	(void)sigchld__fds_drop(c->fd);
}

static void
call_ready(struct sigchld__run *run, const struct sigchld__ready *ready)
{
	struct sigchld_ctx *ctx = run->ctx;
	struct sigchld_fdref ref = { ready->fd, ready->generation };
	struct sigchld__fdentry *e = sigchld__fd_entry(ready->fd);
	sigchld_ready_fn *fn = (sigchld_ready_fn *)e->ready;
	void *user = e->user;
	__attribute__((cleanup(ready_call_end))) struct ready_call c = {
		.run = run,
		.fd = ready->fd,
	};

	atomic_store(&e->running, ctx->group);
	sigchld__call_begin(&c.call, ctx);
	run->calls++;
	fn(ctx, ref, ready->revents, user);
}

/* Somebody may have closed it, or other events may be wanted by now. */
static void
ready_foreign(struct sigchld__run *run, const struct sigchld__ready *ready)
{
	struct sigchld__fdentry *e;
	uint32_t wanted;

	if (sigchld__fd_grab(ready->fd, run->ctx->group) < 0)
		return;
	e = sigchld__fd_entry(ready->fd);
	wanted = atomic_load(&e->events) | POLLERR | POLLHUP | POLLNVAL;
	if (e->generation == ready->generation && e->ready != NULL &&
	    ready->revents & wanted)
		call_ready(run, ready);
	else
		(void)sigchld__fds_drop(ready->fd);
}

/* The whole */

/* With C. Looks at all if it was told to, or if it is time to because nobody
 * tells. */
static void
look(struct sigchld__run *run)
{
	struct sigchld_ctx *ctx = run->ctx;
	bool told, timed;
	int fault;

	timed = sigchld__health_sweep_is_due(ctx);
	told = sigchld__user_asleep(&ctx->user) || timed;
	fault = atomic_exchange(&ctx->user.fault, 0);
	if (fault != 0)
		sigchld__ctx_fault(ctx, "self-pipe", fault);
	sigchld__look(ctx, told);
	if (timed)
		sigchld__health_swept(ctx, ctx->queue != NULL);
	if (told)
		sigchld__health_check(ctx);
	if (told && ctx->options.on_stray != NULL)
		sigchld__strays(run);
}

static bool
must_look(const struct sigchld_ctx *ctx)
{
	/* A forked child may have read our self-pipe empty. */
	return ctx->must_look || atomic_load(&ctx->user.awake) ||
	    atomic_load(&ctx->user.fault) != 0 ||
	    (ctx->next_deadline != 0 && sigchld__deadline_in(ctx) == 0);
}

static void
collect_and_call(struct sigchld__run *run, struct sigchld__ready *ready, int n)
{
	struct sigchld_ctx *ctx = run->ctx;
	int i, foreign = 0;

	ctx->must_look = false;
	ctx->delivering = true;
	for (i = 0; i < n; i++) {
		if (!ready_own(ctx, &ready[i]))
			ready[foreign++] = ready[i];
	}
	sigchld__stops_due(ctx);
	if (must_look(ctx))
		look(run);
	if (!run->forked)
		deliver_all(run);
	if (!run->forked)
		tell_faults(run);
	if (!run->forked && !ctx->closed)
		sigchld__timers_due(run);
	for (i = 0; i < foreign && !run->forked && !ctx->closed; i++)
		ready_foreign(run, &ready[i]);
}

/* With C, which is not held while it sleeps. -EINTR included. Whoever slept may
 * have been elected: E2 in deferral.c. */
static int
harvest(struct sigchld_ctx *ctx, struct sigchld__ready *ready, int timeout_ms)
{
	bool dozes = timeout_ms != 0 && ctx->list == &sigchld__signal_users;
	int n, state;

	sigchld__ctx_unlock(ctx);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	if (dozes)
		sigchld__user_doze(&ctx->user);
	n = sigchld__poller_harvest(&ctx->poller, ready, timeout_ms);
	if (dozes)
		sigchld__user_rouse(&ctx->user);
	sigchld__sweep();
	(void)pthread_setcancelstate(state, NULL);
	sigchld__ctx_lock(ctx);
	return n;
}

static int
min_timeout(const struct sigchld_ctx *ctx, int64_t until)
{
	int64_t left = -1, due;

	if (until >= 0) {
		left = until - sigchld__sys_now_ms();
		left = left > 0 ? left : 0;
	}
	due = sigchld__deadline_in(ctx);
	if (due >= 0 && (left < 0 || due < left))
		left = due;
	return left > 0x7fffffff ? 0x7fffffff : (int)left;
}

/* Until there is something, or the time (-1: none) has come. */
static int
harvest_until(struct sigchld_ctx *ctx, struct sigchld__ready *ready,
    int64_t until)
{
	int n;

	for (;;) {
		sigchld__health_check(ctx);
		n = harvest(ctx, ready, min_timeout(ctx, until));
		if (n != -EINTR && (n != 0 || min_timeout(ctx, until) == 0))
			return n;
		if (ctx->closed)
			return 0;
	}
}

/* With C: become the one that dispatches. 0: another thread is. */
static int
run_begin(struct sigchld_ctx *ctx)
{
	if (sigchld__in_callback_of(ctx))
		return -EDEADLK;
	if (ctx->dispatching || ctx->closed)
		return 0;
	ctx->dispatching = true;
	ctx->stats.dispatches++;
	sigchld__ctx_ref(ctx);
	return 1;
}

/* With C, which is released. until: 0 is now. */
static int
run_once(struct sigchld_ctx *ctx, int64_t until)
{
	struct sigchld__ready ready[SIGCHLD__HARVEST];
	struct sigchld__run result = { .ctx = ctx };
	int n;

	{
		__attribute__((cleanup(run_end))) struct sigchld__run run = {
			.ctx = ctx,
		};

		n = until == 0 ? harvest(ctx, ready, 0)
			       : harvest_until(ctx, ready, until);
		if (n < 0 && n != -EINTR)
			sigchld__ctx_fault(ctx, "poll", n);
		if (!ctx->closed)
			collect_and_call(&run, ready, n > 0 ? n : 0);
		result = run;
	}
	if (result.forked)
		return -EPERM;
	return n < 0 && n != -EINTR && result.calls == 0 ? n : result.calls;
}

int
sigchld_dispatch(struct sigchld_ctx *ctx)
{
	int rc;

	rc = sigchld__ctx_check(ctx);
	if (rc < 0)
		return rc;
	sigchld__ctx_lock(ctx);
	rc = run_begin(ctx);
	if (rc > 0)
		return run_once(ctx, 0);
	sigchld__ctx_unlock(ctx);
	return rc;
}

/* With C: let whoever dispatches now finish, but not longer than until. False:
 * the context was closed meanwhile; C is released, and it may be gone. */
static bool
wait_turn(struct sigchld_ctx *ctx, int64_t until)
{
	bool in_time = true;

	sigchld__ctx_ref(ctx);
	while (ctx->dispatching && !ctx->closed && in_time)
		in_time = sigchld__ctx_await_calm(ctx, until);
	if (ctx->closed) {
		sigchld__ctx_unlock(ctx);
		sigchld__ctx_unref(ctx);
		return false;
	}
	sigchld__ctx_unref(ctx); /* not the last: its user has one */
	return true;
}

int
sigchld_wait(struct sigchld_ctx *ctx, int timeout_ms)
{
	int64_t until = -1;
	int rc;

	rc = sigchld__ctx_check(ctx);
	if (rc < 0)
		return rc;
	if (timeout_ms >= 0)
		until = sigchld__sys_now_ms() + timeout_ms;
	sigchld__ctx_lock(ctx);
	rc = run_begin(ctx);
	if (rc == 0 && !ctx->closed) {
		if (!wait_turn(ctx, until))
			return 0;
		rc = run_begin(ctx);
	}
	if (rc > 0)
		return run_once(ctx, until);
	sigchld__ctx_unlock(ctx);
	return rc;
}

int
sigchld_timeout(const struct sigchld_ctx *ctx)
{
	struct sigchld_ctx *c = (struct sigchld_ctx *)(uintptr_t)ctx;
	int64_t left = -1;
	int rc;

	rc = sigchld__ctx_check(ctx);
	if (rc < 0)
		return rc;
	sigchld__ctx_lock(c);
	if (ctx->poller.timer == -1)
		left = sigchld__deadline_in(ctx);
	sigchld__ctx_unlock(c);
	return left > 0x7fffffff ? 0x7fffffff : (int)left;
}
