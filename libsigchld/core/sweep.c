/*
 * sweep.c - look for the dead on behalf of all contexts
 *
 * Done by a thread that was elected (E1 in async/deferral.c), or that passes by
 * while a sweep is owed. It asks the kernel of each child that depends on the
 * signal, by its pid and reaping nothing, and wakes those whose children have
 * died: the waiter if there is one, else the context. They look for themselves.
 *
 * It needs T alone, and no context's lock, so it waits for no context. T is given
 * up now and then, so that births and ends go on meanwhile. Whoever comes to
 * depend on the signal meanwhile looks once by himself (depend.c).
 *
 * A child of a context in which the application handles SIGCHLD is left out: the
 * application may have reaped it and be about to tell us.
 */
#include <stdatomic.h>
#include <sys/wait.h>

#include "core/ctx.h"
#include "core/look.h"
#include "core/registry.h"
#include "core/sweep.h"
#include "core/sys.h"
#include "core/wait.h"

/* With T. */
static bool
is_for_us(const struct sigchld_child *child)
{
	struct sigchld_ctx *ctx = child->ctx;

	return child->sweep_link != NULL &&
	    ctx->options.handler == SIGCHLD_HANDLER_LIBRARY &&
	    !atomic_load_explicit(&child->ended, memory_order_relaxed);
}

/* With T. If it is no child of ours any more, its owner finds that out. */
static void
ask(struct sigchld_child *child)
{
	struct sigchld__wait wait = { 0 };
	int rc;

	if (!is_for_us(child))
		return;
	rc = sigchld__sys_waitid(P_PID, child->pid, &wait,
	    WEXITED | WNOHANG | WNOWAIT);
	if (rc == 0 && !sigchld__is_death(&wait))
		return;
	sigchld__registry_news(child);
	if (child->waiter != NULL)
		sigchld__waiter_wake(child->waiter);
	else if (!atomic_load(&child->ctx->closed)) /* see registry_tell */
		sigchld__user_wake(&child->ctx->user);
}

void
sigchld__sweep(void)
{
	size_t next = 0;

	if (!sigchld__users_take_owed(&sigchld__signal_users))
		return;
	do {
		sigchld__registry_lock();
		next = sigchld__registry_visit(next, ask);
		sigchld__registry_unlock();
	} while (next != 0);
}
