/*
 * health.c - how SIGCHLD stands in this process
 *
 * What can be seen without a signal of our own: a canary would run the handlers
 * of others.
 *
 *	FOREIGN		the action in force is not ours, and somebody needs us
 *	LOST		... and a child ended though our handler had not run
 *			since it was born, nor has it since
 *	IGNORED		the action in force keeps no zombies
 *	BLOCKED		SIGCHLD was pending now and at the check before
 *	THEFT		somebody has reaped a child of ours
 *
 * A context whose children depend on the signal acts on that. When a child comes
 * to depend on it, at each sweep, and before it sleeps, it asks whether the signal
 * can be trusted; while it cannot, it looks at them from time to time, seldom if
 * nothing is ever found, often if something is.
 *
 *	trusted			in doubt
 *
 *	ours is on top		a foreign one is, or SIGCHLD is ignored
 *	a foreign one is, and	SIGCHLD is pending: every thread blocks it
 *	    ours has run since	this thread blocks it, and ours has never run
 *				the handler could not be had (NOCHAIN)
 *
 * Nobody asks while all sleep. A program that polls our descriptors in a loop of
 * its own, and gives the signal to somebody else meanwhile, can call
 * sigchld_health: in doubt it makes every context look.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>

#include "async/handler.h"
#include "async/owner.h"
#include "async/sys.h"
#include "core/ctx.h"
#include "core/health.h"
#include "core/sys.h"

static atomic_bool theft;             /* [a] once, and for ever */
static atomic_bool unseen;            /* [a] an end was: LOST */
static _Atomic uint64_t unseen_walks; /* [a] walks there had been then */
static atomic_bool was_pending;       /* [a] at the check before */

/* The foreign action that is in doubt, and how many walks there had been when it
 * was first seen. Hints, without order: a wrong one costs a sweep, or a delay by
 * one. */
static _Atomic uintptr_t doubted;
static _Atomic uint64_t doubted_walks;

#define SWEEP_MS      50 /* doubled each time that nothing was found */
#define SWEEP_MOST_MS 1600

void
sigchld__health_saw_theft(struct sigchld_ctx *ctx)
{
	ctx->stats.stolen++;
	atomic_store(&theft, true);
}

void
sigchld__health_saw_end(const struct sigchld_child *child)
{
	uint64_t walks = atomic_load(&sigchld__signal_users.walks);

	if (child->polled || walks != child->walks_at_birth)
		return;
	atomic_store(&unseen_walks, walks);
	atomic_store(&unseen, true);
}

void
sigchld__health_reset(void)
{
	atomic_store(&theft, false);
	atomic_store(&unseen, false);
	atomic_store(&was_pending, false);
	atomic_store(&doubted, 0);
}

static bool
is_lost(void)
{
	return atomic_load(&unseen) &&
	    atomic_load(&unseen_walks) ==
	    atomic_load(&sigchld__signal_users.walks);
}

static bool
is_pending(void)
{
	sigset_t pending;

	(void)sigemptyset(&pending);
	(void)sigchld__sys_sigpending(&pending);
	return sigismember(&pending, SIGCHLD) == 1;
}

static bool
is_blocked(void)
{
	bool now = is_pending();

	return atomic_exchange(&was_pending, now) && now;
}

/* Ours is not on top. Does what is there call ours? */
static bool
is_called_by(uintptr_t who)
{
	uint64_t walks = atomic_load(&sigchld__signal_users.walks);

	if (atomic_exchange(&doubted, who) == who)
		return walks != atomic_load(&doubted_walks);
	atomic_store(&doubted_walks, walks);
	return false;
}

/* What is blocked here may be let in elsewhere; once it was, we know. */
static bool
is_mute(void)
{
	sigset_t mask;

	if (atomic_load(&sigchld__signal_users.walks) > 0)
		return false;
	(void)sigemptyset(&mask);
	(void)sigchld__sys_sigmask(SIG_BLOCK, NULL, &mask);
	return sigismember(&mask, SIGCHLD) == 1;
}

static bool
is_trusted(void)
{
	uintptr_t who;

	if (sigchld__handler_on_top(&who))
		atomic_store(&doubted, 0);
	else if (!is_called_by(who))
		return false;
	return !is_pending() && !is_mute();
}

bool
sigchld__health_in_doubt(const struct sigchld_ctx *ctx)
{
	if ((ctx->n_depend == 0 && ctx->options.on_stray == NULL) ||
	    ctx->options.handler == SIGCHLD_HANDLER_APP)
		return false;
	return ctx->list == NULL || !is_trusted();
}

void
sigchld__health_check(struct sigchld_ctx *ctx)
{
	bool armed = ctx->deadlines[SIGCHLD__SWEEP_AT] != 0;

	if (sigchld__health_in_doubt(ctx)) {
		if (ctx->sweep_ms == 0)
			ctx->sweep_ms = SWEEP_MS;
		if (!armed)
			sigchld__deadline_set(ctx, SIGCHLD__SWEEP_AT,
			    sigchld__sys_now_ms() + ctx->sweep_ms);
	} else if (armed) {
		ctx->sweep_ms = 0;
		sigchld__deadline_set(ctx, SIGCHLD__SWEEP_AT, 0);
	}
}

bool
sigchld__health_sweep_is_due(struct sigchld_ctx *ctx)
{
	if (!sigchld__deadline_is_due(ctx, SIGCHLD__SWEEP_AT))
		return false;
	sigchld__deadline_set(ctx, SIGCHLD__SWEEP_AT, 0);
	ctx->stats.timed++;
	(void)sigchld__ctx_need(ctx); /* perhaps it can be had by now */
	return true;
}

void
sigchld__health_swept(struct sigchld_ctx *ctx, bool found)
{
	if (found)
		ctx->sweep_ms = SWEEP_MS;
	else if (ctx->sweep_ms < SWEEP_MOST_MS)
		ctx->sweep_ms *= 2;
}

int
sigchld_health(void)
{
	struct sigchld__handler_state state;
	unsigned int health = 0;

	if (sigchld__owner_who() > SIGCHLD__OWNER_US)
		return -EPERM;
	if (atomic_load(&theft))
		health |= SIGCHLD_HEALTH_THEFT;
	sigchld__users_lock();
	state = sigchld__handler_state();
	sigchld__users_unlock();
	if (!state.needed)
		return (int)health;
	if (!state.on_top)
		health |= SIGCHLD_HEALTH_FOREIGN;
	if (!state.on_top && is_lost())
		health |= SIGCHLD_HEALTH_LOST;
	if (state.no_zombies)
		health |= SIGCHLD_HEALTH_IGNORED;
	if (is_blocked())
		health |= SIGCHLD_HEALTH_BLOCKED;
	if (!is_trusted())
		sigchld__users_poke(&sigchld__signal_users);
	return (int)health;
}
