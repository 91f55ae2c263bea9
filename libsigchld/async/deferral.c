/*
 * deferral.c - the users of SIGCHLD, and how a signal handler walks them
 *
 * The heart of the library. A list of users that any thread edits, while a
 * handler that may interrupt any thread, the editor's own included, walks it. A
 * handler must not wait, so it cannot lock; what it cannot do now it leaves, as
 * a mark, to whoever is in its way. One word per list says who has the list:
 *
 *	FREE		nobody
 *	HELD		an editor, or a walk
 *	DEFERRED	held, and a SIGCHLD came meanwhile
 *
 *	handler, any thread		editor, any thread
 *
 *	old = exchange(word, DEFERRED)	lock M
 *	if old is not FREE:		until compare_exchange(word,
 *	    return			    FREE to HELD): sleep a little
 *	word = HELD			edit the list
 *	walk and release:		walk and release:
 *	    wake each user		    .
 *	    unless compare_exchange(	    unless compare_exchange(
 *	    word, HELD to FREE):	    word, HELD to FREE):
 *		word = HELD			word = HELD, wake each user
 *		wake each user again		try again
 *					unlock M
 *					close what was removed
 *
 * W1	A handler never waits: an exchange, then it either walks or returns.
 * W2	No deadlock. Only editors wait: for M, whose owner is never a handler,
 *	and for the word, whose owner is a walk on another thread (a walk on the
 *	editor's own thread has ended before its next instruction) or nobody.
 * W3	No use after close. A walk runs only inside a hold; the list changes
 *	only inside a hold; a descriptor is closed only after the release that
 *	took its user off.
 * W4	No lost wake. Each handler either becomes the holder and walks after its
 *	own start, or leaves DEFERRED before the holder's last compare_exchange.
 *	That one fails on DEFERRED, so a full walk follows. Writing HELD may
 *	erase a mark, but a full walk always follows.
 * W5	A walk runs once for each time that marks were found, so at most once
 *	for each SIGCHLD that came meanwhile.
 *
 * P1	One write per user until he drains. `awake' is exchanged before the
 *	write; the reader drains, clears it, then looks at his children, in this
 *	order. Whoever finds it set came before the clear, and so before the
 *	look. Any other order of the three loses a wake.
 *
 * Order	Everything about a list is a read-modify-write of its one word, so
 *	the coherence of a single location carries W4.
 *	Acquire where the word is taken, and where DEFERRED is read, release
 *	where it is given back: that orders the holds, and so the plain fields.
 *	P1 is the same with `awake', an exchange on both sides: a skipped write
 *	read what the last clear is later than, and acquires nothing from it;
 *	the clear acquires from every waker before it, whose death of a child
 *	the kernel made visible before it raised the signal.
 *
 * Lock	M serialises editors. Order: C (a context's lock), then M, then the
 *	words; nothing is locked under a word. It also protects the installing
 *	and removing of the handler (handler.c).
 *
 * A1	The calls for editors are never made from a signal handler.
 * A2	A holder does not vanish: cancellation is off under M and in a walk, the
 *	handler walks with all signals blocked, so that none longjmps out of it,
 *	and fork holds the lists (core/forks.c).
 * A3	An editor sleeps, rather than yields, so that a walk of lower priority
 *	on the same processor gets to run.
 *
 * Why not otherwise: to block SIGCHLD, an editor would have to do so in every
 * thread. To swap the handler for one that only marks, and to call the real one
 * by hand afterwards, lets SIGCHLD interrupt that call, which then locks twice.
 * Held and deferred as two variables need store-then-load order between them,
 * and one word needs none. tests/model has this protocol, and the others, which
 * fail.
 */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#include "async/deferral.h"
#include "async/sys.h"

_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_BOOL_LOCK_FREE == 2 &&
	ATOMIC_LONG_LOCK_FREE == 2 && ATOMIC_POINTER_LOCK_FREE == 2,
    "a signal handler cannot take the lock of an atomic that has one");

enum {
	FREE,
	HELD,
	DEFERRED
};

#define BACKOFF_US 50

struct sigchld__users sigchld__signal_users;
struct sigchld__users sigchld__app_users;
struct sigchld__users sigchld__waiting_users;

static pthread_mutex_t editors = PTHREAD_MUTEX_INITIALIZER; /* M */
static int cancel_state; /* [M] of the thread that has M */

void
sigchld__users_lock(void)
{
	int state;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	(void)pthread_mutex_lock(&editors);
	cancel_state = state;
}

void
sigchld__users_unlock(void)
{
	int state = cancel_state;

	(void)pthread_mutex_unlock(&editors);
	(void)pthread_setcancelstate(state, NULL);
}

void
sigchld__user_wake(struct sigchld__user *user)
{
	int rc;

	/* Partner: sigchld__user_asleep. */
	if (atomic_exchange_explicit(&user->awake, true, memory_order_acq_rel))
		return;
	rc = sigchld__selfpipe_write(&user->pipe);
	if (rc == 0) {
		atomic_fetch_add_explicit(&user->wakeups, 1,
		    memory_order_relaxed);
		return;
	}
	/* Nothing was written: the next one must try again. */
	atomic_store_explicit(&user->fault, rc, memory_order_relaxed);
	atomic_store_explicit(&user->awake, false, memory_order_release);
}

void
sigchld__user_tell(struct sigchld__user *user)
{
	/* Relaxed: the exchange of `awake' that follows releases it. */
	atomic_store_explicit(&user->told, true, memory_order_relaxed);
	sigchld__user_wake(user);
}

bool
sigchld__user_asleep(struct sigchld__user *user)
{
	/* Partner: sigchld__user_wake. Not a store, which would acquire
	 * nothing from the wakers that it overwrites. */
	(void)atomic_exchange_explicit(&user->awake, false,
	    memory_order_acq_rel);
	return atomic_exchange_explicit(&user->told, false,
	    memory_order_acq_rel);
}

/* The word is ours. */
static void
wake_each(struct sigchld__users *users)
{
	struct sigchld__user *user;

	for (user = users->head; user != NULL; user = user->next)
		sigchld__user_tell(user);
}

/* Try to give the word back; false: a SIGCHLD came meanwhile, and it is ours
 * still. */
static bool
try_release(struct sigchld__users *users)
{
	unsigned int expected = HELD;

	if (atomic_compare_exchange_strong_explicit(&users->word, &expected,
		FREE, memory_order_acq_rel, memory_order_acquire))
		return true;
	/* Erases marks, which the walk that follows serves; an exchange, so
	 * that it acquires from whoever left one since. */
	(void)atomic_exchange_explicit(&users->word, HELD,
	    memory_order_acq_rel);
	return false;
}

/* A2: a thread that takes cancellation at any instant must not take it here.
 * libc keeps its own signal for that out of every mask. */
bool
sigchld__users_poke(struct sigchld__users *users)
{
	int state;

	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	if (atomic_exchange_explicit(&users->word, DEFERRED,
		memory_order_acq_rel) != FREE) {
		(void)pthread_setcancelstate(state, NULL);
		return false;
	}
	(void)atomic_exchange_explicit(&users->word, HELD,
	    memory_order_acq_rel);
	do
		wake_each(users);
	while (!try_release(users));
	(void)pthread_setcancelstate(state, NULL);
	return true;
}

void
sigchld__users_walk(struct sigchld__users *users)
{
	atomic_fetch_add_explicit(&users->walks, 1, memory_order_relaxed);
	if (!sigchld__users_poke(users))
		atomic_fetch_add_explicit(&users->deferred, 1,
		    memory_order_relaxed);
}

void
sigchld__users_hold(struct sigchld__users *users)
{
	unsigned int expected = FREE;

	while (!atomic_compare_exchange_strong_explicit(&users->word, &expected,
	    HELD, memory_order_acquire, memory_order_relaxed)) {
		(void)sigchld__sys_sleep_us(BACKOFF_US);
		expected = FREE;
	}
}

void
sigchld__users_release(struct sigchld__users *users)
{
	while (!try_release(users))
		wake_each(users);
}

void
sigchld__users_add(struct sigchld__users *users, struct sigchld__user *user)
{
	user->next = users->head;
	user->link = &users->head;
	if (users->head != NULL)
		users->head->link = &user->next;
	users->head = user;
}

void
sigchld__users_remove(struct sigchld__users *users, struct sigchld__user *user)
{
	(void)users;
	*user->link = user->next;
	if (user->next != NULL)
		user->next->link = user->link;
	user->link = NULL;
}

void
sigchld__users_join(struct sigchld__users *users, struct sigchld__user *user)
{
	sigchld__users_hold(users);
	sigchld__users_add(users, user);
	sigchld__users_release(users);
}

void
sigchld__users_leave(struct sigchld__users *users, struct sigchld__user *user)
{
	sigchld__users_hold(users);
	sigchld__users_remove(users, user);
	sigchld__users_release(users);
}

static void
reset(struct sigchld__users *users)
{
	users->head = NULL;
	atomic_store(&users->word, FREE);
}

void
sigchld__users_reset(void)
{
	(void)pthread_mutex_init(&editors, NULL);
	reset(&sigchld__signal_users);
	reset(&sigchld__app_users);
	reset(&sigchld__waiting_users);
}
