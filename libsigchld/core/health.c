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
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>

#include "async/handler.h"
#include "async/owner.h"
#include "core/ctx.h"
#include "core/health.h"
#include "core/sys.h"

static atomic_bool theft;             /* [a] once, and for ever */
static atomic_bool unseen;            /* [a] an end was: LOST */
static _Atomic uint64_t unseen_walks; /* [a] walks there had been then */
static atomic_bool was_pending;       /* [a] at the check before */

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

	if (walks != child->walks_at_birth)
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
}

static bool
is_lost(void)
{
	return atomic_load(&unseen) &&
	    atomic_load(&unseen_walks) ==
	    atomic_load(&sigchld__signal_users.walks);
}

static bool
is_blocked(void)
{
	sigset_t pending;
	bool now;

	(void)sigemptyset(&pending);
	(void)sigchld__sys_sigpending(&pending);
	now = sigismember(&pending, SIGCHLD) == 1;
	return atomic_exchange(&was_pending, now) && now;
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
	return (int)health;
}
