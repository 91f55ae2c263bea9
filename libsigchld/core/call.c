/*
 * call.c - callbacks
 *
 * A callback may do anything: free what it was called for, free its context,
 * fork, throw, end its thread. So it is called with no lock held; each thread
 * knows the callbacks that it is in, from the innermost outwards; and what has
 * to be done after one stands in a cleanup, which the unwinding of an exception
 * or of a cancellation runs too (the library is built with -fexceptions). To
 * longjmp out of a callback is the one thing that it must not do.
 *
 * After a callback this may be a forked child. Then the context's memory may be
 * gone, and all that is touched is the record on our own stack.
 */
#include <stddef.h>

#include "async/owner.h"
#include "core/ctx.h"

static _Thread_local struct sigchld__call *innermost;

/* Those that a fork left on the stack are nobody's any more. */
bool
sigchld__in_callback(void)
{
	return innermost != NULL &&
	    innermost->generation == sigchld__owner_generation();
}

bool
sigchld__in_callback_of(const struct sigchld_ctx *ctx)
{
	struct sigchld__call *call;

	for (call = innermost; call != NULL; call = call->up) {
		if (call->ctx == ctx)
			return true;
	}
	return false;
}

void
sigchld__call_begin(struct sigchld__call *call, struct sigchld_ctx *ctx)
{
	call->ctx = ctx;
	call->generation = ctx->generation;
	call->up = innermost;
	innermost = call;
	sigchld__ctx_unlock(ctx);
}

bool
sigchld__call_end(struct sigchld__call *call)
{
	innermost = call->up;
	if (call->generation != sigchld__owner_generation())
		return false;
	sigchld__ctx_lock(call->ctx);
	return true;
}
