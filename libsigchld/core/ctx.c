/*
 * ctx.c - contexts: open, close, configure
 *
 * C, a context's lock, protects all that the context has. It comes first: C,
 * then N (no-fork), M (editors), the deferral words; or C, then T (registry).
 * No lock of ours is held around a callback.
 *
 * Closing. sigchld_free unwatches the children and takes the context off the
 * users list; after that no handler knows it. Its descriptors are closed by
 * whoever is last to need them: sigchld_free itself, or the dispatch that was
 * running, which it waits for unless it was called from a callback. Its memory
 * goes with the last reference: children that the user still holds have one,
 * so that they can be freed after the context.
 *
 * In a forked child sigchld_free frees memory and takes no lock: another
 * thread, which is not there any more, may have had it. The list of children is
 * followed by its `next' alone, which is whole at every instant (child.c).
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "async/handler.h"
#include "async/nofork.h"
#include "async/owner.h"
#include "core/ctx.h"
#include "core/fds.h"
#include "core/forks.h"
#include "core/orphan.h"
#include "core/pin.h"
#include "core/registry.h"
#include "core/sys.h"

bool
sigchld__ctx_forked(const struct sigchld_ctx *ctx)
{
	return ctx->generation != sigchld__owner_generation();
}

int
sigchld__ctx_check(const struct sigchld_ctx *ctx)
{
	if (ctx == NULL)
		return -EINVAL;
	return sigchld__ctx_forked(ctx) ? -EPERM : 0;
}

void
sigchld__ctx_lock(struct sigchld_ctx *ctx)
{
	(void)pthread_mutex_lock(&ctx->lock);
}

void
sigchld__ctx_unlock(struct sigchld_ctx *ctx)
{
	(void)pthread_mutex_unlock(&ctx->lock);
}

void
sigchld__ctx_ref(struct sigchld_ctx *ctx)
{
	atomic_fetch_add_explicit(&ctx->refs, 1, memory_order_relaxed);
}

void
sigchld__ctx_unref(struct sigchld_ctx *ctx)
{
	/* acq_rel: the last one sees what all others did. */
	if (atomic_fetch_sub_explicit(&ctx->refs, 1, memory_order_acq_rel) > 1)
		return;
	(void)pthread_cond_destroy(&ctx->calm);
	(void)pthread_mutex_destroy(&ctx->lock);
	free(ctx);
}

/* No lock, no destroying: another thread may have had both. */
void
sigchld__ctx_unref_forked(struct sigchld_ctx *ctx, unsigned int n)
{
	if (atomic_fetch_sub(&ctx->refs, n) == n)
		free(ctx);
}

/* A wait for a condition is a cancellation point, and we have C. */
bool
sigchld__ctx_await_calm(struct sigchld_ctx *ctx, int64_t until)
{
	struct timespec ts = {
		.tv_sec = (time_t)(until / 1000),
		.tv_nsec = (long)(until % 1000 * 1000000),
	};
	int state, rc;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	ctx->n_awaiting++;
	if (until < 0)
		rc = pthread_cond_wait(&ctx->calm, &ctx->lock);
	else
		rc = pthread_cond_timedwait(&ctx->calm, &ctx->lock, &ts);
	ctx->n_awaiting--;
	(void)pthread_setcancelstate(state, NULL);
	return rc != ETIMEDOUT;
}

void
sigchld__ctx_calm(struct sigchld_ctx *ctx)
{
	if (ctx->n_awaiting > 0)
		(void)pthread_cond_broadcast(&ctx->calm);
}

void
sigchld__ctx_fault(struct sigchld_ctx *ctx, const char *what, int err)
{
	ctx->stats.faults++;
	if (ctx->options.on_fault == NULL || ctx->n_faults == SIGCHLD__FAULTS)
		return;
	ctx->faults[ctx->n_faults++] =
	    (struct sigchld__fault){ .what = what, .err = err };
}

/* The harvest was the drain, or here is one: P1 in deferral.c. */
static void
self_pipe_ready(struct sigchld_ctx *ctx, void *user)
{
	int rc = 0;

	(void)user;
	if (!sigchld__poller_has_edges())
		rc = sigchld__selfpipe_drain(&ctx->user.pipe);
	if (rc < 0)
		atomic_store(&ctx->user.fault, rc);
	ctx->must_look = true;
}

/* Under the no-fork lock. What fails leaves the rest to close_descriptors. */
static int
open_descriptors(struct sigchld_ctx *ctx)
{
	struct sigchld__selfpipe *pipe = &ctx->user.pipe;
	int rc;

	rc = sigchld__selfpipe_open(pipe);
	if (rc < 0)
		return rc;
	rc = sigchld__fds_insert_own(ctx, pipe->rd, 1 /* POLLIN */,
	    self_pipe_ready, NULL, &ctx->read_ref);
	if (rc == 0 && pipe->wr != pipe->rd)
		rc = sigchld__fds_insert_own(ctx, pipe->wr, 0, NULL, NULL,
		    &ctx->write_ref);
	if (rc < 0)
		return rc;
	rc = sigchld__poller_open(&ctx->poller, ctx->group, pipe->rd);
	if (rc == 0 && ctx->poller.fd != pipe->rd)
		rc = sigchld__fds_insert_own(ctx, ctx->poller.fd, 0, NULL, NULL,
		    &ctx->epoll_ref);
	if (rc < 0)
		return rc;
	return sigchld__poller_add(&ctx->poller, pipe->rd,
	    ctx->read_ref.generation, 1 /* POLLIN */, true);
}

static void
close_descriptors(struct sigchld_ctx *ctx)
{
	struct sigchld__selfpipe *pipe = &ctx->user.pipe;
	bool own_fd = ctx->poller.fd != pipe->rd;

	sigchld__fds_close_own(ctx->poller.timer, &ctx->timer_ref);
	sigchld__fds_close_own(own_fd ? ctx->poller.fd : -1, &ctx->epoll_ref);
	sigchld__fds_close_own(pipe->wr != pipe->rd ? pipe->wr : -1,
	    &ctx->write_ref);
	sigchld__fds_close_own(pipe->rd, &ctx->read_ref);
	pipe->rd = pipe->wr = -1;
	sigchld__poller_close(&ctx->poller);
}

void
sigchld__ctx_finish(struct sigchld_ctx *ctx)
{
	if (ctx->finished)
		return;
	ctx->finished = true;
	close_descriptors(ctx);
	sigchld__registry_lock();
	sigchld__registry_remove_group(ctx->group);
	sigchld__registry_unlock();
}

static int
init_lock(struct sigchld_ctx *ctx)
{
	pthread_condattr_t attr;
	int rc;

	rc = pthread_mutex_init(&ctx->lock, NULL);
	if (rc != 0)
		return -rc;
	rc = pthread_condattr_init(&attr);
	if (rc == 0) {
		(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
		rc = pthread_cond_init(&ctx->calm, &attr);
		(void)pthread_condattr_destroy(&attr);
	}
	if (rc != 0)
		(void)pthread_mutex_destroy(&ctx->lock);
	return -rc;
}

static int
swap_strays(struct sigchld_ctx *ctx, bool wanted)
{
	int rc = 0;

	sigchld__registry_lock();
	if (wanted)
		rc = sigchld__registry_take_strays(ctx);
	else
		sigchld__registry_leave_strays(ctx);
	sigchld__registry_unlock();
	return rc;
}

/* Process-wide; whoever turned it on turns it off. */
static int
swap_subreaper(struct sigchld_ctx *ctx, bool wanted)
{
	int rc = 0;

	if (wanted && !ctx->subreaper) {
		rc = sigchld__sys_subreaper(true);
		ctx->subreaper = rc == 0;
	} else if (!wanted && ctx->subreaper) {
		(void)sigchld__sys_subreaper(false);
		ctx->subreaper = false;
	}
	return rc < 0 ? rc : 0;
}

static int
take_group(struct sigchld_ctx *ctx)
{
	int rc;

	sigchld__registry_lock();
	rc = sigchld__registry_add_group(ctx);
	sigchld__registry_unlock();
	if (rc < 0)
		return rc;
	ctx->group = (uint32_t)rc;
	return 0;
}

/* A group, descriptors, the strays, a place on the list: all that can fail.
 * From the strays on others may wake us, so the self-pipe comes before. */
static int
open_up(struct sigchld_ctx *ctx)
{
	bool strays = ctx->options.on_stray != NULL;
	int rc;

	rc = take_group(ctx);
	if (rc < 0)
		return rc;
	sigchld__nofork_begin();
	rc = open_descriptors(ctx);
	sigchld__nofork_end();
	if (rc == 0 && strays)
		rc = swap_strays(ctx, true);
	if (rc == 0)
		rc = swap_subreaper(ctx,
		    (ctx->options.flags & SIGCHLD_SUBREAPER) != 0);
	if (rc == 0)
		rc = sigchld__ctx_need(ctx);
	if (rc == 0 && strays)
		sigchld__user_tell(&ctx->user); /* some may be there already */
	if (rc < 0) {
		(void)swap_subreaper(ctx, false);
		(void)swap_strays(ctx, false);
		sigchld__ctx_finish(ctx);
	}
	return rc;
}

int
sigchld_new(struct sigchld_ctx **ret_ctx, const struct sigchld_options *options)
{
	struct sigchld_options read;
	struct sigchld_ctx *ctx;
	int rc;

	if (ret_ctx == NULL)
		return -EINVAL;
	rc = sigchld__options_read(&read, options);
	if (rc == 0)
		rc = sigchld__forks_claim();
	if (rc < 0)
		return rc;
	sigchld__pin();
	ctx = sigchld__sys_alloc(1, sizeof(*ctx));
	if (ctx == NULL)
		return -ENOMEM;
	rc = init_lock(ctx);
	if (rc < 0) {
		free(ctx);
		return rc;
	}
	ctx->generation = sigchld__owner_generation();
	ctx->refs = 1;
	ctx->options = read;
	ctx->user.pipe = (struct sigchld__selfpipe)SIGCHLD__SELFPIPE_CLOSED;
	ctx->poller.fd = ctx->poller.timer = -1;
	ctx->queue_end = &ctx->queue;
	rc = open_up(ctx);
	if (rc < 0) {
		sigchld__ctx_unref(ctx);
		return rc;
	}
	*ret_ctx = ctx;
	return 0;
}

static void
unwatch_all(struct sigchld_ctx *ctx)
{
	struct sigchld_child *child;

	while ((child = ctx->children) != NULL) {
		if (child->owner != NULL) {
			sigchld__orphan_abandon(child);
			continue;
		}
		sigchld__child_unwatch(child);
		sigchld__child_collect(child);
	}
	while ((child = sigchld__registry_take_news(ctx)) != NULL) {
		if (child->owner != NULL)
			sigchld__orphan_abandon(child);
	}
}

/* Memory only, no lock, nothing but `next' is trusted. */
static void
free_forked(struct sigchld_ctx *ctx)
{
	struct sigchld_child *child, *next;
	unsigned int refs = 1;

	for (child = ctx->children; child != NULL; child = next) {
		next = child->next;
		child->linked = false;
		if (child->held)
			continue;
		free(child);
		refs++;
	}
	ctx->children = NULL;
	ctx->closed = true;
	sigchld__ctx_unref_forked(ctx, refs);
}

static void
wait_until_calm(struct sigchld_ctx *ctx)
{
	sigchld__user_wake(&ctx->user); /* it may sleep in sigchld_wait */
	while (ctx->dispatching)
		(void)sigchld__ctx_await_calm(ctx, -1);
}

void
sigchld_free(struct sigchld_ctx *ctx)
{
	if (ctx == NULL)
		return;
	if (sigchld__ctx_forked(ctx)) {
		free_forked(ctx);
		return;
	}
	sigchld__ctx_lock(ctx);
	ctx->closed = true;
	unwatch_all(ctx);
	(void)swap_subreaper(ctx, false);
	(void)swap_strays(ctx, false);
	(void)sigchld__ctx_need(ctx); /* not needed: cannot fail */
	sigchld__fds_leave(ctx);
	if (ctx->dispatching && !sigchld__in_callback())
		wait_until_calm(ctx);
	if (!ctx->dispatching)
		sigchld__ctx_finish(ctx);
	else
		sigchld__user_wake(&ctx->user);
	sigchld__ctx_unlock(ctx);
	sigchld__ctx_unref(ctx);
}

/* NOCHAIN is asked for, and would hold the handler at once. */
static bool
would_chain(const struct sigchld_options *options)
{
	bool foreign;

	if (!(options->flags & SIGCHLD_NOCHAIN) ||
	    (options->on_stray == NULL && !(options->flags & SIGCHLD_ALWAYS)))
		return false;
	sigchld__users_lock();
	foreign = sigchld__handler_is_foreign();
	sigchld__users_unlock();
	return foreign;
}

/* With C. First the strays, then the place on the list; back if that fails. */
static int
configure(struct sigchld_ctx *ctx, const struct sigchld_options *options)
{
	struct sigchld_options before = ctx->options;
	int rc;

	if (ctx->n_children > 0 || ctx->n_unborn > 0)
		return -EBUSY;
	if (would_chain(options))
		return -EBUSY;
	rc = swap_strays(ctx, options->on_stray != NULL);
	if (rc < 0)
		return rc;
	ctx->options = *options;
	rc = swap_subreaper(ctx, (options->flags & SIGCHLD_SUBREAPER) != 0);
	if (rc == 0)
		rc = sigchld__ctx_need(ctx);
	if (rc < 0) {
		ctx->options = before;
		(void)swap_subreaper(ctx,
		    (before.flags & SIGCHLD_SUBREAPER) != 0);
		(void)swap_strays(ctx, before.on_stray != NULL);
	}
	/* Strays that are there already are looked for at once. */
	if (rc == 0 && options->on_stray != NULL)
		sigchld__user_tell(&ctx->user);
	return rc;
}

int
sigchld_configure(struct sigchld_ctx *ctx,
    const struct sigchld_options *options)
{
	struct sigchld_options read;
	int rc;

	rc = sigchld__ctx_check(ctx);
	if (rc == 0)
		rc = sigchld__options_read(&read, options);
	if (rc < 0)
		return rc;
	sigchld__ctx_lock(ctx);
	rc = configure(ctx, &read);
	sigchld__ctx_unlock(ctx);
	return rc;
}

int
sigchld_fd(const struct sigchld_ctx *ctx)
{
	int rc = sigchld__ctx_check(ctx);

	return rc < 0 ? rc : ctx->poller.fd;
}
