/*
 * child.c - children: made, listed, settled, let go
 *
 * A child may be moved to another context. Whoever comes with a child alone takes
 * the context that it has under T, locks that, and looks once more.
 *
 * A child object lives from before the fork, so that nothing can fail after it,
 * until the last of these is over: it is WATCHED or ENDED; the user holds it; a
 * call uses it (pins).
 *
 * The list of a context's children is doubly linked for those who hold C. A
 * forked child frees it without any lock, at whatever point another thread was:
 * it follows `next' alone. So `next' is set by release stores, in an order that
 * leaves the chain whole at every instant: a new child points on before it is
 * pointed at, and one that leaves is passed over before it is freed.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "async/owner.h"
#include "core/ctx.h"
#include "core/health.h"
#include "core/registry.h"
#include "core/sys.h"
#include "core/wait.h"

struct sigchld_child *
sigchld__child_new(struct sigchld_ctx *ctx, uint32_t flags, bool held,
    sigchld_event_fn *on_event, void *user)
{
	struct sigchld_child *child = sigchld__sys_alloc(1, sizeof(*child));

	if (child == NULL)
		return NULL;
	sigchld__ctx_ref(ctx);
	child->ctx = ctx;
	child->flags = flags;
	child->held = held;
	child->generation = ctx->generation;
	child->pidfd.fd = -1;
	child->on_event = on_event;
	child->user = user;
	return child;
}

void
sigchld__child_drop(struct sigchld_child *child)
{
	struct sigchld_ctx *ctx = child->ctx;

	free(child);
	sigchld__ctx_unref(ctx);
}

bool
sigchld__child_forked(const struct sigchld_child *child)
{
	return child->generation != sigchld__owner_generation();
}

struct sigchld_ctx *
sigchld__child_ref_ctx(const struct sigchld_child *child)
{
	struct sigchld_ctx *ctx;

	sigchld__registry_lock();
	ctx = child->ctx;
	sigchld__ctx_ref(ctx);
	sigchld__registry_unlock();
	return ctx;
}

struct sigchld_ctx *
sigchld__child_lock(const struct sigchld_child *child)
{
	struct sigchld_ctx *ctx;

	if (sigchld__child_forked(child))
		return NULL;
	for (;;) {
		ctx = sigchld__child_ref_ctx(child);
		sigchld__ctx_lock(ctx);
		if (ctx == child->ctx)
			return ctx;
		sigchld__child_unlock(ctx); /* it was moved meanwhile */
	}
}

void
sigchld__child_unlock(struct sigchld_ctx *ctx)
{
	sigchld__ctx_unlock(ctx);
	sigchld__ctx_unref(ctx);
}

void
sigchld__child_link(struct sigchld_child *child)
{
	struct sigchld_ctx *ctx = child->ctx;
	struct sigchld_child *first = ctx->children;

	child->prev = NULL;
	atomic_store_explicit(&child->next, first, memory_order_release);
	if (first != NULL)
		first->prev = child;
	atomic_store_explicit(&ctx->children, child, memory_order_release);
	child->linked = true;
	ctx->n_children++;
}

void
sigchld__child_unlink(struct sigchld_child *child)
{
	struct sigchld_ctx *ctx = child->ctx;
	struct sigchld_child *next = child->next;
	struct sigchld__cursor *cursor;

	for (cursor = ctx->cursors; cursor != NULL; cursor = cursor->up) {
		if (cursor->next == child)
			cursor->next = next;
	}
	if (child->prev != NULL)
		atomic_store_explicit(&child->prev->next, next,
		    memory_order_release);
	else
		atomic_store_explicit(&ctx->children, next,
		    memory_order_release);
	if (next != NULL)
		next->prev = child->prev;
	child->linked = false;
	ctx->n_children--;
}

void
sigchld__child_queue(struct sigchld_child *child)
{
	if (child->queued)
		return;
	child->queued = true;
	child->queue_next = NULL;
	*child->ctx->queue_end = child;
	child->ctx->queue_end = &child->queue_next;
}

void
sigchld__child_unqueue(struct sigchld_child *child)
{
	struct sigchld_ctx *ctx = child->ctx;
	struct sigchld_child **at = &ctx->queue;

	if (!child->queued)
		return;
	while (*at != child)
		at = &(*at)->queue_next;
	*at = child->queue_next;
	if (ctx->queue_end == &child->queue_next)
		ctx->queue_end = at;
	child->queued = false;
}

void
sigchld__child_unwatch(struct sigchld_child *child)
{
	sigchld__registry_lock();
	sigchld__registry_remove(child);
	if (child->waiter != NULL)
		sigchld__waiter_wake(child->waiter);
	sigchld__registry_unlock();
	sigchld__child_unqueue(child);
	sigchld__depend_end(child);
	sigchld__child_unlink(child);
	child->kill_at = 0;
	child->state = SIGCHLD__GONE;
}

/* The peek saw a zombie, and only now the pid becomes free. If somebody was
 * faster there is nothing to reap, and the status that we gave was true. */
static void
reap(struct sigchld_child *child)
{
	struct sigchld__wait wait = { 0 };
	int rc;

	if (child->stopping && child->flags & SIGCHLD__CHILD_GROUP)
		(void)sigchld__child_signal(child, SIGKILL);
	rc = sigchld__child_ask(child, &wait, WEXITED | WNOHANG);
	if (rc == 0 && wait.pid == child->pid)
		child->ctx->stats.reaped++;
	else if (rc == 0 || rc == -ECHILD) /* 0: it is a living child's now */
		sigchld__health_saw_theft(child->ctx);
	else
		sigchld__ctx_fault(child->ctx, "waitid", rc);
}

void
sigchld__child_settle(struct sigchld_child *child)
{
	/* The application may have reaped it since, and told us. */
	if (child->event.source == SIGCHLD_SOURCE_WAIT &&
	    !atomic_load(&child->displaced) && !atomic_load(&child->reported))
		reap(child);
	if (child->linked) /* else the context was closed meanwhile */
		sigchld__child_unwatch(child);
}

void
sigchld__child_collect(struct sigchld_child *child)
{
	struct sigchld_ctx *ctx = child->ctx;

	if (child->state != SIGCHLD__GONE || child->held || child->pins > 0 ||
	    atomic_load(&child->n_orphans) > 0)
		return;
	free(child);
	sigchld__ctx_unref(ctx);
}

void
sigchld__child_release(struct sigchld_child *child)
{
	child->released = true;
	atomic_store(&child->deaf, true);
	child->held = false;
	sigchld__child_collect(child);
}

/* No lock, and nothing but `next' is trusted: see ctx.c. */
static void
free_forked(struct sigchld_child *child)
{
	struct sigchld_ctx *ctx = child->ctx;
	_Atomic(struct sigchld_child *) *at = &ctx->children;
	struct sigchld_child *c;

	while ((c = *at) != NULL && c != child)
		at = &c->next;
	if (c == child)
		*at = child->next;
	free(child);
	sigchld__ctx_unref_forked(ctx, 1);
}

void
sigchld_child_free(struct sigchld_child *child)
{
	struct sigchld_ctx *ctx;

	if (child == NULL)
		return;
	ctx = sigchld__child_lock(child);
	if (ctx == NULL) {
		free_forked(child);
		return;
	}
	child->released = true;
	atomic_store(&child->deaf, true);
	child->pins++;
	if (child->waiter != NULL)
		sigchld__waiter_wake(child->waiter);
	while (child->calling && !sigchld__in_callback())
		(void)sigchld__ctx_await_calm(ctx, -1);
	child->pins--;
	child->held = false;
	sigchld__child_collect(child);
	sigchld__child_unlock(ctx);
}

pid_t
sigchld_child_pid(const struct sigchld_child *child)
{
	return child == NULL ? -EINVAL : child->pid;
}

void *
sigchld_child_user(const struct sigchld_child *child)
{
	return child == NULL ? NULL : child->user;
}

struct sigchld_ctx *
sigchld_child_ctx(const struct sigchld_child *child)
{
	struct sigchld_ctx *ctx;
	bool closed;

	if (child == NULL)
		return NULL;
	if (sigchld__child_forked(child)) /* nobody moves it any more */
		return atomic_load(&child->ctx->closed) ? NULL : child->ctx;
	ctx = sigchld__child_ref_ctx(child);
	closed = atomic_load(&ctx->closed);
	sigchld__ctx_unref(ctx);
	return closed ? NULL : ctx;
}

/* Is a final event still to come, for on_event? */
static bool
is_awaited(const struct sigchld_child *child)
{
	return !(child->flags & SIGCHLD__CHILD_OWN) && !child->released &&
	    !child->discarded && child->owner == NULL &&
	    !(child->calling && child->state == SIGCHLD__ENDED);
}

struct walk {
	struct sigchld_ctx *ctx;
	struct sigchld__cursor cursor;
	bool forked;
};

/* With C, unless this became a forked child. */
static void
walk_end(struct walk *walk)
{
	struct sigchld_ctx *ctx = walk->ctx;
	struct sigchld__cursor **at = &ctx->cursors;

	if (walk->forked) {
		sigchld__ctx_unref_forked(ctx, 1);
		return;
	}
	while (*at != &walk->cursor)
		at = &(*at)->up;
	*at = walk->cursor.up;
	sigchld__ctx_unlock(ctx);
	sigchld__ctx_unref(ctx);
}

struct visit {
	struct walk *walk;
	struct sigchld_child *child;
	struct sigchld__call call;
};

static void
visit_end(struct visit *visit)
{
	if (!sigchld__call_end(&visit->call)) {
		visit->walk->forked = true;
		return;
	}
	visit->child->pins--;
	sigchld__child_collect(visit->child);
}

static int
visit(struct walk *walk, struct sigchld_child *child,
    int (*fn)(struct sigchld_child *child, void *user), void *user)
{
	__attribute__((cleanup(visit_end))) struct visit v = {
		.walk = walk,
		.child = child,
	};

	child->pins++;
	sigchld__call_begin(&v.call, walk->ctx);
	return fn(child, user);
}

/* With C, which is released. */
static int
visit_each(struct sigchld_ctx *ctx,
    int (*fn)(struct sigchld_child *child, void *user), void *user)
{
	__attribute__((cleanup(walk_end))) struct walk walk = {
		.ctx = ctx,
		.cursor = { .up = ctx->cursors, .next = ctx->children },
	};
	struct sigchld_child *child;
	int rc = 0;

	sigchld__ctx_ref(ctx);
	ctx->cursors = &walk.cursor;
	while (rc == 0 && !walk.forked && (child = walk.cursor.next) != NULL) {
		walk.cursor.next = child->next;
		if (is_awaited(child))
			rc = visit(&walk, child, fn, user);
	}
	return rc;
}

int
sigchld_foreach(struct sigchld_ctx *ctx,
    int (*fn)(struct sigchld_child *child, void *user), void *user)
{
	int rc = sigchld__ctx_check(ctx);

	if (rc < 0 || fn == NULL)
		return rc < 0 ? rc : -EINVAL;
	sigchld__ctx_lock(ctx);
	return visit_each(ctx, fn, user);
}
