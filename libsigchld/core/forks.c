/*
 * forks.c - what a fork does to us
 *
 * Another thread may be in the midst of anything when a process forks, and the
 * child has a copy of that. So fork(2) waits until all that the child will need
 * is whole, and holds it meanwhile:
 *
 *	prepare			parent			child
 *
 *	lock N (no-fork)	release the words,	we are not the owner
 *	lock M (editors)	walking if marked	words, M, N, T as at the
 *	hold the words		unlock M, T, N		    start, lists empty
 *	lock T (registry)
 *
 * F1	In the child no handler finds a list, or a held word: before the hook
 *	runs the owner's generation is wiped already.
 * F2	In the child the descriptor table is whole, so that sigchld_postfork
 *	can close what stands in it: see T6 in fdtab.c.
 * F3	A context's own lock is not held: contexts are not used in the child.
 * F4	_Fork and a raw clone run no hooks. The generation tells all the same,
 *	and sigchld_postfork resets everything itself, taking no lock. What
 *	another thread had open but not yet in the table, a pidfd or an eventfd
 *	that was just being made, stays open there until an exec closes it.
 *
 * Prepare hooks run last registered first, so those of other libraries that
 * were registered earlier run after ours and must not call us; and nobody may
 * fork from a signal handler that interrupted one of our calls.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "async/deferral.h"
#include "async/fdtab.h"
#include "async/handler.h"
#include "async/nofork.h"
#include "async/owner.h"
#include "core/ctx.h"
#include "core/forks.h"
#include "core/health.h"
#include "core/pidfd.h"
#include "core/registry.h"

static struct sigchld__users *const lists[] = {
	&sigchld__signal_users,
	&sigchld__app_users,
	&sigchld__waiting_users,
};

#define LISTS (sizeof(lists) / sizeof(lists[0]))

static atomic_ulong seen; /* [a] read with N held, under which it changes */

unsigned long
sigchld__forks_seen(void)
{
	return atomic_load_explicit(&seen, memory_order_relaxed);
}

static void
prepare(void)
{
	size_t i;

	sigchld__nofork_begin();
	atomic_fetch_add_explicit(&seen, 1, memory_order_relaxed);
	sigchld__users_lock();
	for (i = 0; i < LISTS; i++)
		sigchld__users_hold(lists[i]);
	sigchld__registry_lock();
}

static void
parent(void)
{
	size_t i;

	sigchld__registry_unlock();
	for (i = 0; i < LISTS; i++)
		sigchld__users_release(lists[i]);
	sigchld__users_unlock();
	sigchld__nofork_end();
}

static void
child(void)
{
	sigchld__owner_lost();
	sigchld__registry_unlock();
	sigchld__users_unlock(); /* for its cancel state; then as new */
	sigchld__users_reset();
	sigchld__nofork_reset();
	sigchld__nofork_end();
}

static int
add_hooks(void)
{
	static bool added; /* [M] for the life of the process and its forks */
	int rc = 0;

	if (!added)
		rc = pthread_atfork(prepare, parent, child);
	added = rc == 0;
	return -rc;
}

int
sigchld__forks_claim(void)
{
	int rc = 0;

	if (sigchld__owner_who() == SIGCHLD__OWNER_US)
		return 0;
	sigchld__users_lock();
	switch (sigchld__owner_who()) {
	case SIGCHLD__OWNER_US:
		break;
	case SIGCHLD__OWNER_NONE:
		rc = add_hooks();
		if (rc == 0)
			(void)sigchld__owner_claim();
		break;
	default:
		rc = -EPERM;
		break;
	}
	sigchld__users_unlock();
	return rc;
}

int
sigchld__postfork(void)
{
	switch (sigchld__owner_who()) {
	case SIGCHLD__OWNER_SHARED:
		return -EPERM;
	case SIGCHLD__OWNER_FORKED:
		break;
	default:
		return 0;
	}
	sigchld__users_reset();
	sigchld__nofork_reset();
	sigchld__registry_close_pidfds();
	sigchld__registry_reset();
	sigchld__health_reset();
	sigchld__pidfd_reset();
	sigchld__handler_forget();
	sigchld__fd_close_all();
	sigchld__owner_forget();
	return 0;
}

int
sigchld_postfork(void)
{
	return sigchld__postfork();
}
