/*
 * need.c - is this context on the users list, and does it hold the handler?
 *
 * Both follow from what it has and what it was asked for, so nobody says
 * "needed" or "not needed": whoever changes one of these calls here, as often
 * as he likes.
 *
 *	LIBRARY		a child that depends on the signal, or strays
 *			wanted: on the signal list, the handler is held
 *			a child whose zombie it keeps, or ALWAYS: the handler
 *			is held
 *	APP		any child: on the list of sigchld_occurred
 *
 * A child depends on the signal if no pidfd tells of its death, or if its stops
 * are wanted. The handler keeps the zombie of a child on a pidfd where SIGCHLD is
 * ignored otherwise and the kernel would not tell the status afterwards.
 *
 * Who wants stops or strays must be told of each SIGCHLD: whoever is elected to
 * look for all (E1 in deferral.c) looks for the dead alone, and for children of
 * contexts. He is told once more when he begins to want that.
 */
#include <errno.h>

#include "async/handler.h"
#include "core/ctx.h"

static struct sigchld__users *
list_wanted(const struct sigchld_ctx *ctx)
{
	if (ctx->closed ||
	    (ctx->n_depend == 0 && ctx->options.on_stray == NULL))
		return NULL;
	return ctx->options.handler == SIGCHLD_HANDLER_APP
	    ? &sigchld__app_users
	    : &sigchld__signal_users;
}

static bool
handler_wanted(const struct sigchld_ctx *ctx, const struct sigchld__users *list)
{
	return list == &sigchld__signal_users ||
	    (!ctx->closed &&
		(ctx->n_guarded > 0 || ctx->options.flags & SIGCHLD_ALWAYS));
}

static bool
every_wanted(const struct sigchld_ctx *ctx)
{
	return ctx->n_stops > 0 || ctx->options.on_stray != NULL;
}

static void
change_every(struct sigchld_ctx *ctx, bool every)
{
	if (ctx->user.every == every)
		return;
	if (ctx->list == NULL) {
		ctx->user.every = every;
		return;
	}
	sigchld__users_every(ctx->list, &ctx->user, every);
	if (every)
		sigchld__user_tell(&ctx->user);
}

static void
change_list(struct sigchld_ctx *ctx, struct sigchld__users *list)
{
	if (ctx->list == list)
		return;
	if (ctx->list != NULL)
		sigchld__users_leave(ctx->list, &ctx->user);
	if (list != NULL)
		sigchld__users_join(list, &ctx->user);
	ctx->list = list;
}

int
sigchld__ctx_need(struct sigchld_ctx *ctx)
{
	struct sigchld__users *list = list_wanted(ctx);
	bool handler = handler_wanted(ctx, list), every = every_wanted(ctx);
	int rc = 0;

	if (ctx->list == list && ctx->holds_handler == handler &&
	    ctx->user.every == every)
		return 0;
	sigchld__users_lock();
	if (handler && !ctx->holds_handler)
		rc = sigchld__handler_hold((ctx->options.flags &
					       SIGCHLD_NOCHAIN) != 0);
	if (rc == 0) {
		change_every(ctx, every);
		change_list(ctx, list);
		if (!handler && ctx->holds_handler)
			sigchld__handler_drop();
		ctx->holds_handler = handler;
	}
	sigchld__users_unlock();
	return rc;
}

void
sigchld__ctx_stops(struct sigchld_ctx *ctx, int more)
{
	if (ctx->options.handler == SIGCHLD_HANDLER_APP)
		return;
	sigchld__users_lock();
	sigchld__handler_stops(more);
	sigchld__users_unlock();
}
