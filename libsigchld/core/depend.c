/*
 * depend.c - who tells of a child: a pidfd, or the signal
 *
 *	reserve			before the child is there: all that can fail.
 *				If a pidfd will be tried, nothing is needed, and
 *				the process keeps its SIGCHLD to itself.
 *	admit			there it is. The pidfd is opened, proved, and put
 *				into the set; if that cannot be, the child is
 *				demoted: it depends on the signal.
 *	end
 *
 * A child that was demoted may find that the handler cannot be had (NOCHAIN, and
 * somebody has one). It is there already, so nothing can be refused: it is looked
 * at from time to time (health.c). The same holds for one that depends on a
 * signal that does not come.
 *
 * Whoever dies before the context is on the users list finds nobody there to
 * tell; so after that it is looked at once. A pidfd needs no such thing: it tells
 * as soon as it is in the set.
 *
 * Where SIGCHLD is ignored, children vanish as they die. AUTO holds the handler
 * then, under which they become zombies, as they must for a status, resources
 * used, and a pid that stays its own during the callback. PIDFD promises to leave
 * SIGCHLD alone, and makes do with what the kernel tells afterwards.
 */
#include <errno.h>
#include <sys/wait.h>

#include "async/handler.h"
#include "core/ctx.h"
#include "core/health.h"
#include "core/look.h"
#include "core/pidfd.h"
#include "core/registry.h"
#include "core/sys.h"

void
sigchld__child_suspect(struct sigchld_child *child)
{
	sigchld__registry_lock();
	sigchld__registry_tell(child);
	sigchld__registry_unlock();
}

static void
set_depends(struct sigchld_child *child, bool depends)
{
	if (child->depends == depends)
		return;
	child->depends = depends;
	child->ctx->n_depend += depends ? 1u : -1u;
}

static void
set_guarded(struct sigchld_child *child, bool guarded)
{
	if (child->guarded == guarded)
		return;
	child->guarded = guarded;
	child->ctx->n_guarded += guarded ? 1u : -1u;
}

static bool
wants_stops(const struct sigchld_child *child)
{
	return (child->flags & SIGCHLD_CHILD_STOPS) != 0;
}

static void
set_stops(struct sigchld_child *child, bool wanted)
{
	if (child->counts_stops == wanted)
		return;
	child->counts_stops = wanted;
	child->ctx->n_stops += wanted ? 1u : -1u;
	sigchld__ctx_stops(child->ctx, wanted ? 1 : -1);
}

int
sigchld__depend_reserve(struct sigchld_child *child)
{
	struct sigchld_ctx *ctx = child->ctx;
	int rc;

	if (ctx->closed)
		return -EINVAL;
	set_depends(child, wants_stops(child) || !sigchld__pidfd_wanted(ctx));
	set_guarded(child,
	    !child->depends && ctx->options.wake == SIGCHLD_WAKE_AUTO &&
		sigchld__handler_keeps_none());
	rc = sigchld__ctx_need(ctx);
	if (rc < 0 && child->guarded) {
		set_guarded(child, false); /* it would have been better */
		rc = sigchld__ctx_need(ctx);
	}
	if (rc < 0) {
		set_depends(child, false);
		return rc;
	}
	ctx->n_unborn++;
	child->unborn = true;
	set_stops(child, wants_stops(child));
	(void)sigchld__ctx_need(ctx); /* the same, and told of each */
	return 0;
}

static void
join_sweep(struct sigchld_child *child)
{
	struct sigchld_ctx *ctx = child->ctx;

	sigchld__registry_lock();
	child->sweep_next = ctx->sweep;
	child->sweep_link = &ctx->sweep;
	if (ctx->sweep != NULL)
		ctx->sweep->sweep_link = &child->sweep_next;
	ctx->sweep = child;
	sigchld__registry_unlock();
}

static void
leave_sweep(struct sigchld_child *child)
{
	if (child->sweep_link == NULL)
		return;
	sigchld__registry_lock();
	*child->sweep_link = child->sweep_next;
	if (child->sweep_next != NULL)
		child->sweep_next->sweep_link = child->sweep_link;
	child->sweep_link = NULL;
	sigchld__registry_unlock();
}

void
sigchld__depend_end(struct sigchld_child *child)
{
	struct sigchld_ctx *ctx = child->ctx;

	leave_sweep(child);
	sigchld__pidfd_detach(child);
	set_depends(child, false);
	set_guarded(child, false);
	set_stops(child, false);
	if (child->unborn)
		ctx->n_unborn--;
	child->unborn = false;
}

static void
demote(struct sigchld_child *child)
{
	set_guarded(child, false);
	set_depends(child, true);
	(void)sigchld__ctx_need(child->ctx); /* if not: see above */
}

/* Now that the signal would tell. */
static int
peek(struct sigchld_child *child)
{
	struct sigchld__wait wait = { 0 };
	int rc;

	rc = sigchld__sys_waitid(P_PID, child->pid, &wait,
	    WEXITED | WNOHANG | WNOWAIT);
	if (rc < 0 || sigchld__is_death(&wait))
		sigchld__child_suspect(child);
	return rc;
}

/* Something may have been told while it was on no list: a stop, of which no peek
 * asks, too. */
static bool
is_news(const struct sigchld_child *child)
{
	return child->counts_stops || atomic_load(&child->reported) ||
	    atomic_load(&child->displaced);
}

/* If there were a pidfd to be had. */
static bool
would_be_polled(const struct sigchld_ctx *ctx)
{
	return ctx->options.handler == SIGCHLD_HANDLER_LIBRARY &&
	    ctx->options.wake != SIGCHLD_WAKE_SIGNAL;
}

int
sigchld__depend_admit(struct sigchld_child *child, int fd, bool newborn)
{
	bool wanted = sigchld__pidfd_wanted(child->ctx);
	bool gone;
	int rc = 0;

	if (fd != -1 || wanted)
		rc = sigchld__pidfd_attach(child, fd, wanted);
	gone = rc == -ECHILD || rc == -ESRCH;
	if ((gone || (child->silent && !child->polled)) && !newborn)
		return -ECHILD;
	if (!child->polled && !child->depends && !gone)
		demote(child);
	if (child->depends) /* first, so that a sweep sees what dies now */
		join_sweep(child);
	rc = child->polled ? 0 : peek(child);
	if (rc < 0 && !newborn) {
		leave_sweep(child);
		sigchld__pidfd_detach(child);
		return rc;
	}
	if (is_news(child))
		sigchld__child_suspect(child);
	if (!child->polled && would_be_polled(child->ctx))
		child->ctx->stats.demoted++;
	child->ctx->n_unborn--;
	child->unborn = false;
	sigchld__child_link(child);
	if (child->depends)
		sigchld__health_check(child->ctx);
	return 0;
}
