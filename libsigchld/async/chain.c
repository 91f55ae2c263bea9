/*
 * chain.c - whoever handled SIGCHLD before us
 *
 * The process must see SIGCHLD as it did without us, so our handler calls the
 * one that it replaced, in that one's own form: with siginfo and context if it
 * asked for SA_SIGINFO, under its own mask (handler.c), once only if it asked
 * for SA_RESETHAND.
 *
 *	installer, M held		handler, any thread
 *
 *	find or make the record		load the rung's pointer
 *	publish its pointer		call what it says
 *
 * H1	A record never changes and is never freed, so a handler that loaded its
 *	pointer long ago reads no torn action. Equal actions share a record, so
 *	there are no more records than there were distinct handlers.
 * H2	The record is published before our handler is installed above it, so no
 *	signal falls between the two.
 *
 * Rungs. If a foreign handler sits on top of ours when nobody needs us any
 * more, ours cannot be taken away: it stays below, as a pass-through. Needed
 * again, we go on top of the foreign one, which may or may not call the old one
 * of ours in turn. So the two must not be the same function, or they would call
 * each other for ever: each rung has an entry point of its own (handler.c) and
 * its own record here. A foreign handler that puts itself on top once more, and
 * now believes that the one below it is our upper rung, can still make a ring
 * of the two; DEPTH ends that.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "async/chain.h"
#include "async/sys.h"

#define DEPTH   8
#define SIGNALS 64 /* asking for one that does not exist does no harm */

struct record {
	struct record *next;     /* [I] */
	struct sigaction action; /* [I] */
	atomic_bool spent;       /* [a] SA_RESETHAND, and it was called */
};

static struct record *records;                         /* [M] */
static _Atomic(struct record *) rungs[SIGCHLD__RUNGS]; /* [a] H2 */

/* How deep this thread is in chained handlers, and where on its stack the last
 * one was called. initial-exec, because the ordinary kind may be allocated on
 * first use, and this is a handler. */
static _Thread_local volatile sig_atomic_t depth
    __attribute__((tls_model("initial-exec")));
static _Thread_local volatile uintptr_t deepest
    __attribute__((tls_model("initial-exec")));

static bool
is_handler(const struct sigaction *action)
{
	/* For SA_SIGINFO too: the kernel looks at the address alone. */
	return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

bool
sigchld__chain_is_handler(const struct sigaction *action)
{
	return is_handler(action);
}

static bool
same_mask(const sigset_t *a, const sigset_t *b)
{
	int sig;

	for (sig = 1; sig <= SIGNALS; sig++) {
		if (sigismember(a, sig) != sigismember(b, sig))
			return false;
	}
	return true;
}

static bool
same(const struct sigaction *a, const struct sigaction *b)
{
	return a->sa_handler == b->sa_handler && a->sa_flags == b->sa_flags &&
	    same_mask(&a->sa_mask, &b->sa_mask);
}

static struct record *
find(const struct sigaction *action)
{
	struct record *r;

	for (r = records; r != NULL; r = r->next) {
		if (same(&r->action, action))
			return r;
	}
	r = sigchld__sys_map(sizeof(*r));
	if (r == NULL)
		return NULL;
	r->action = *action;
	r->next = records;
	records = r;
	return r;
}

int
sigchld__chain_set(int rung, const struct sigaction *action)
{
	struct record *r = find(action);

	if (r == NULL)
		return -ENOMEM;
	atomic_store(&r->spent, false);
	/* Partner: the loads in the handler. */
	atomic_store_explicit(&rungs[rung], r, memory_order_release);
	return 0;
}

static struct record *
get(int rung)
{
	/* Partner: sigchld__chain_set. */
	return atomic_load_explicit(&rungs[rung], memory_order_acquire);
}

struct sigaction
sigchld__chain_get(int rung)
{
	return get(rung)->action;
}

static bool
is_once(const struct sigaction *action)
{
	return is_handler(action) &&
	    ((unsigned int)action->sa_flags & (unsigned int)SA_RESETHAND) != 0;
}

bool
sigchld__chain_matches(int rung, const struct sigaction *action)
{
	struct record *r = get(rung);

	return r != NULL && same(&r->action, action);
}

bool
sigchld__chain_masks(int rung)
{
	struct record *r = get(rung);

	return r != NULL && is_handler(&r->action);
}

struct sigaction
sigchld__chain_take(int rung, bool *ret_taken)
{
	struct record *r = get(rung);
	struct sigaction action = r->action;

	*ret_taken = false;
	if (!is_once(&action))
		return action;
	*ret_taken = !atomic_exchange(&r->spent, true);
	if (!*ret_taken)
		action.sa_handler = SIG_DFL;
	return action;
}

void
sigchld__chain_untake(int rung)
{
	atomic_store(&get(rung)->spent, false);
}

bool
sigchld__chain_has_handler(int rung)
{
	struct record *r = get(rung);

	return r != NULL && is_handler(&r->action) &&
	    !atomic_load_explicit(&r->spent, memory_order_relaxed);
}

/* How deep are we, and is that still true? A chained handler that longjmps away
 * leaves its count behind; whoever is called in a ring is deeper in the stack
 * than who called him. */
static int
depth_at(uintptr_t here)
{
	return here < deepest ? depth : 0;
}

static void
call(const struct sigaction *action, int sig, siginfo_t *info, void *context)
{
	if (action->sa_flags & SA_SIGINFO)
		action->sa_sigaction(sig, info, context);
	else
		action->sa_handler(sig);
}

void
sigchld__chain_call(int rung, int sig, siginfo_t *info, void *context)
{
	struct record *r = get(rung);
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	uintptr_t before = deepest;
	int was = depth_at(here);

	if (r == NULL || !is_handler(&r->action) || was >= DEPTH)
		return;
	if (is_once(&r->action) && atomic_exchange(&r->spent, true))
		return;
	depth = was + 1;
	deepest = here;
	call(&r->action, sig, info, context);
	depth = was;
	deepest = before;
}
