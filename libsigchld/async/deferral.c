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
 *	    walk the users		    .
 *	    unless compare_exchange(	    unless compare_exchange(
 *	    word, HELD to FREE):	    word, HELD to FREE):
 *		word = HELD			word = HELD, walk
 *		walk once more			try again
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
 * Whom a walk wakes. One death concerns one context, and 64 must not wake for it.
 * The handler cannot know which: signals merge, and what a SIGCHLD says of itself
 * is true of one death only. So one thread that sleeps is elected; it looks at
 * the children of all contexts and wakes those whose they are.
 *
 *	walk				who sleeps (sigchld_wait, child_wait)
 *
 *	tell each user with `every'	asleep = true
 *	n = ++owed			sleep
 *	unless n is a power of two:	exchange(asleep, false)
 *	    done			if exchange(owed, 0) is not 0:
 *	for each user, this thread's	    sweep: ask of each child that depends
 *	own first:			    on the signal; wake the owners of
 *	    if exchange(asleep, false):	    the dead
 *		write to his pipe, done	lock C, clear awake, look, call back
 *	owed = 0
 *	tell each user			who does not sleep
 *
 *					poll; the same from `if' on
 *
 * E1	A sleep ends once: `asleep' goes from true to false by one exchange, the
 *	sleeper's or a walk's. In the second case the thread is elected.
 * E2	An elected thread does its exchange of `owed' before it takes any lock,
 *	runs any callback or sleeps again; cancellation is off until then. So it
 *	does not matter whether its context was closed meanwhile, or why its
 *	sleep ended.
 * E3	A walk that elects nobody finds, at its increment of `owed', that some
 *	thread was elected since `owed' last was 0, and has not come to its
 *	exchange: that comes after the increment, and the sweep after it. For
 *	whoever made it 1 elected one; or found nobody asleep, made it 0 again
 *	and told everybody. A forked child begins with 0.
 * E4	So each SIGCHLD is followed by a sweep, or everybody was told after it.
 * E5	A sweep waits for T alone. Whoever never dispatches, or sits in a
 *	callback, or is polled by another's event loop, is not asleep here, so
 *	nobody relies on him (G11).
 * E6	It is the power of two, not each, so that S signals before a sweep cost
 *	1 + log2 S wakes; and not only the first, so that an elected thread that
 *	the system does not let run (a low priority, a debugger) delays others by
 *	one more SIGCHLD, or until any of them dispatches, and not for ever.
 * E7	The thread that the signal interrupted comes first: it is awake already,
 *	and the kernel prefers the one that forked the child. The election writes
 *	whether he is awake or not, since who was faster may be between his
 *	exchange of `awake' and his write; it is one write per sleep at most.
 * E8	A user who is alone on the list is told: his own look is the sweep.
 *
 * Order	Everything about a list is a read-modify-write of its one word, so
 *	the coherence of a single location carries W4.
 *	Acquire where the word is taken, and where DEFERRED is read, release
 *	where it is given back: that orders the holds, and so the plain fields.
 *	P1 is the same with `awake', an exchange on both sides: a skipped write
 *	read what the last clear is later than, and acquires nothing from it;
 *	the clear acquires from every waker before it, whose death of a child
 *	the kernel made visible before it raised the signal. The same again
 *	with `asleep' and `owed', of which all changes are exchanges and
 *	additions.
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

struct sigchld__users sigchld__signal_users = { .elects = true };
struct sigchld__users sigchld__app_users;
struct sigchld__users sigchld__waiting_users;

static pthread_mutex_t editors = PTHREAD_MUTEX_INITIALIZER; /* M */
static int cancel_state; /* [M] of the thread that has M */

/* Its address names the thread. initial-exec: see chain.c. */
static _Thread_local char this_thread
    __attribute__((tls_model("initial-exec")));

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

void
sigchld__user_doze(struct sigchld__user *user)
{
	atomic_store_explicit(&user->sleeper, &this_thread,
	    memory_order_relaxed);
	/* Partner: elect. A walk that misses it tells everybody. */
	atomic_store_explicit(&user->asleep, true, memory_order_release);
}

void
sigchld__user_rouse(struct sigchld__user *user)
{
	/* Partner: elect. If it was faster, this acquires its count in `owed'
	 * and the deaths before that. */
	(void)atomic_exchange_explicit(&user->asleep, false,
	    memory_order_acq_rel);
}

bool
sigchld__users_take_owed(struct sigchld__users *users)
{
	/* Partner: walk_once. The load spares the exchange: for an elected
	 * thread 0 is what another one made of it, who sweeps. */
	return atomic_load_explicit(&users->owed, memory_order_relaxed) != 0 &&
	    atomic_exchange_explicit(&users->owed, 0, memory_order_acq_rel) !=
	    0;
}

/* E1. False: he does not sleep, or cannot be reached. */
static bool
elect(struct sigchld__user *user)
{
	int rc;

	/* Partner: sigchld__user_doze, _rouse. */
	if (!atomic_load_explicit(&user->asleep, memory_order_relaxed) ||
	    !atomic_exchange_explicit(&user->asleep, false,
		memory_order_acq_rel))
		return false;
	rc = sigchld__selfpipe_write(&user->pipe);
	if (rc < 0) {
		atomic_store_explicit(&user->fault, rc, memory_order_relaxed);
		return false;
	}
	atomic_fetch_add_explicit(&user->wakeups, 1, memory_order_relaxed);
	return true;
}

/* The word is ours, here and below. */
static bool
elect_one(struct sigchld__users *users)
{
	struct sigchld__user *user;

	for (user = users->head; user != NULL; user = user->next) {
		if (atomic_load_explicit(&user->sleeper,
			memory_order_relaxed) == &this_thread &&
		    elect(user))
			return true;
	}
	for (user = users->head; user != NULL; user = user->next) {
		if (elect(user))
			return true;
	}
	return false;
}

static void
tell_each(struct sigchld__users *users, bool all)
{
	struct sigchld__user *user;

	for (user = users->head; user != NULL; user = user->next) {
		if (all || user->every)
			sigchld__user_tell(user);
	}
}

static bool
is_power_of_two(unsigned int n)
{
	return (n & (n - 1)) == 0; /* 0 too: the count went round */
}

static void
walk_once(struct sigchld__users *users)
{
	unsigned int n;

	/* Partner: sigchld__users_poke. E8. */
	if (users->elects && users->head != NULL && users->head->next != NULL &&
	    !atomic_exchange_explicit(&users->everybody, false,
		memory_order_acq_rel)) {
		tell_each(users, false);
		n = atomic_fetch_add_explicit(&users->owed, 1,
			memory_order_acq_rel) +
		    1;
		if (!is_power_of_two(n) || elect_one(users))
			return;
		/* E3. Before they are told, so that they need not sweep. */
		(void)atomic_exchange_explicit(&users->owed, 0,
		    memory_order_acq_rel);
	}
	tell_each(users, true);
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

/* False: left to whoever holds the list. A2: a thread that takes cancellation at
 * any instant must not take it here; libc keeps its own signal for that out of
 * every mask. */
static bool
walk(struct sigchld__users *users)
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
		walk_once(users);
	while (!try_release(users));
	(void)pthread_setcancelstate(state, NULL);
	return true;
}

void
sigchld__users_walk(struct sigchld__users *users)
{
	atomic_fetch_add_explicit(&users->walks, 1, memory_order_relaxed);
	if (!walk(users))
		atomic_fetch_add_explicit(&users->deferred, 1,
		    memory_order_relaxed);
}

void
sigchld__users_poke(struct sigchld__users *users)
{
	/* Partner: walk_once, ours or that of whoever holds the list: the
	 * exchange of the word that follows releases it. */
	atomic_store_explicit(&users->everybody, true, memory_order_release);
	(void)walk(users);
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
		walk_once(users);
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
sigchld__users_every(struct sigchld__users *users, struct sigchld__user *user,
    bool every)
{
	sigchld__users_hold(users);
	user->every = every;
	sigchld__users_release(users);
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
	atomic_store(&users->owed, 0);
	atomic_store(&users->everybody, false);
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
