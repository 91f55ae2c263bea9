/*
 * handler.c - the one SIGCHLD handler
 *
 * Installed exactly while somebody needs it: a user is on the list, or a
 * context holds it ALWAYS.
 *
 *	in the handler			system calls
 *
 *	is this process the owner?	getpid
 *	walk the users			a write per user who is not awake
 *	call who was there before us	what he does
 *
 * I1	To the rest of the process SIGCHLD is as it was. Flags and mask are those
 *	of the handler that we chain to, if there is one: whether system calls
 *	are restarted, whether it runs on the alternate stack, may be interrupted
 *	by another SIGCHLD, is told of stops. Only SA_SIGINFO is added, and
 *	SA_RESETHAND acted out (chain.c). Below nobody, we choose: restart, use
 *	the alternate stack (some threads have tiny ones), no stops, and all
 *	signals blocked.
 * I2	All signals are blocked during a walk (A2 in deferral.c): by sa_mask;
 *	or, where that is the chained handler's, by two calls around the walk,
 *	so that the chained one runs under the very mask that the kernel made
 *	for it. Those two are the price of being chained. So too once we saw a
 *	foreign handler on top, which calls ours under its own mask; until we
 *	look (at a hold, a drop, a check of health), that one must not let in
 *	what longjmps.
 * I3	The old action is read, published, then replaced, and what was replaced
 *	is compared with what was read: the old one is never lost, whoever
 *	installs a handler at that moment.
 * I4	The old action is given back only if ours is still on top; otherwise
 *	ours stays, passing through.
 * I5	In a process that is not the owner nothing is written, but the chained
 *	handler is called: without us it would have been, too.
 *
 * The window that POSIX leaves: whoever replaces the action between our look
 * and our change is put back on top a moment later (put_back); a third who comes
 * within that moment is lost. And a chained handler that SA_RESETHAND has used up
 * leaves its flags in force until the next change: without SA_RESTART its system
 * calls go on being interrupted.
 *
 * While a context wants stops told, a chained handler that asked for none
 * (SA_NOCLDSTOP) is called for them too: what the signal was for cannot be told,
 * since the kernel merges a stop with a death.
 *
 * info and context are handed on and never looked at: a foreign handler without
 * SA_SIGINFO that calls us leaves garbage in their place.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "async/chain.h"
#include "async/deferral.h"
#include "async/handler.h"
#include "async/owner.h"
#include "async/sys.h"

static unsigned int holds;  /* [M] who needs the handler */
static int stops;           /* [M] children of whom stops are wanted */
static atomic_bool covered; /* [a] a foreign one was on top when we last looked,
			     * so its mask is in force; a hint, no partner */
static int top = -1;        /* [M] our highest rung that may be called */

static void
walk(int rung)
{
	sigset_t all, before;

	if (!sigchld__chain_masks(rung) &&
	    !atomic_load_explicit(&covered, memory_order_relaxed)) {
		sigchld__users_walk(&sigchld__signal_users);
		return;
	}
	(void)sigfillset(&all);
	(void)sigchld__sys_sigmask(SIG_SETMASK, &all, &before);
	sigchld__users_walk(&sigchld__signal_users);
	(void)sigchld__sys_sigmask(SIG_SETMASK, &before, NULL);
}

static void
handle(int rung, int sig, siginfo_t *info, void *context)
{
	int saved = errno;

	if (sigchld__owner_is_us())
		walk(rung);
	errno = saved;
	sigchld__chain_call(rung, sig, info, context);
	errno = saved;
}

/* One entry point for each rung: the address tells which one was called. */

static void
handle_0(int sig, siginfo_t *info, void *context)
{
	handle(0, sig, info, context);
}

static void
handle_1(int sig, siginfo_t *info, void *context)
{
	handle(1, sig, info, context);
}

static void
handle_2(int sig, siginfo_t *info, void *context)
{
	handle(2, sig, info, context);
}

static void
handle_3(int sig, siginfo_t *info, void *context)
{
	handle(3, sig, info, context);
}

static void (*const entries[SIGCHLD__RUNGS])(int, siginfo_t *, void *) = {
	handle_0,
	handle_1,
	handle_2,
	handle_3,
};

/* The rung whose entry point this action is, or -1: it is not ours. */
static int
rung_of(const struct sigaction *action)
{
	int rung;

	if (!(action->sa_flags & SA_SIGINFO))
		return -1;
	for (rung = 0; rung < SIGCHLD__RUNGS; rung++) {
		if (action->sa_sigaction == entries[rung])
			return rung;
	}
	return -1;
}

static struct sigaction
in_force(void)
{
	struct sigaction now;

	(void)memset(&now, 0, sizeof(now));
	(void)sigchld__sys_sigaction(SIGCHLD, NULL, &now);
	return now;
}

/* The same with M, which learns from it. */
static struct sigaction
current(void)
{
	struct sigaction now = in_force();

	atomic_store_explicit(&covered, rung_of(&now) < 0 && top >= 0,
	    memory_order_relaxed);
	return now;
}

/* Our action for a rung, above what it is chained to: I1. */
static struct sigaction
ours(int rung)
{
	struct sigaction below = sigchld__chain_get(rung), action;

	(void)memset(&action, 0, sizeof(action));
	if (sigchld__chain_is_handler(&below)) {
		action.sa_flags = below.sa_flags &
		    (SA_RESTART | SA_ONSTACK | SA_NODEFER | SA_NOCLDSTOP);
		action.sa_mask = below.sa_mask;
	} else {
		action.sa_flags = SA_RESTART | SA_ONSTACK | SA_NOCLDSTOP;
		(void)sigfillset(&action.sa_mask);
	}
	if (stops > 0)
		action.sa_flags &= ~SA_NOCLDSTOP;
	action.sa_flags |= SA_SIGINFO;
	action.sa_sigaction = entries[rung];
	return action;
}

/* The rung from which we would chain to this foreign action: the one that did
 * so before, else the next above those that may still be called. */
static int
rung_above(const struct sigaction *action)
{
	int rung;

	for (rung = 0; rung <= top; rung++) {
		if (sigchld__chain_matches(rung, action))
			return rung;
	}
	return rung;
}

/* Put it there; gives what it replaced. */
static struct sigaction
put(const struct sigaction *action)
{
	struct sigaction replaced;

	(void)memset(&replaced, 0, sizeof(replaced));
	(void)sigchld__sys_sigaction(SIGCHLD, action, &replaced);
	return replaced;
}

/* Somebody installed a handler between our look and our put: it was his turn.
 * A signal that fell in between did not reach him. */
static void
put_back(const struct sigaction *foreign)
{
	(void)put(foreign);
	(void)sigchld__sys_raise(SIGCHLD);
}

/* I3. With what we look at last in `below', and in the record. */
static int
install_above(struct sigaction below)
{
	struct sigaction action;
	int rung, rc;

	for (;;) {
		rung = rung_above(&below);
		if (rung >= SIGCHLD__RUNGS)
			return -EBUSY;
		rc = sigchld__chain_set(rung, &below);
		if (rc < 0)
			return rc;
		action = ours(rung);
		below = put(&action);
		if (rung_of(&below) >= 0) {
			/* He left just now, and gave back one of ours. */
			action = ours(rung_of(&below));
			(void)put(&action);
			return 0;
		}
		if (sigchld__chain_matches(rung, &below)) {
			if (rung > top)
				top = rung;
			atomic_store(&covered, false);
			return 0;
		}
		/* It was another one that we replaced: chain to that. */
		put_back(&below);
	}
}

static int
install(void)
{
	struct sigaction below = current(), action;
	int rung = rung_of(&below);

	if (rung < 0)
		return install_above(below);
	/* A pass-through that is on top again. Its flags may be old. */
	action = ours(rung);
	below = put(&action);
	if (rung_of(&below) >= 0)
		return 0;
	put_back(&below);
	return install_above(below);
}

/* I4. */
static void
take_away(void)
{
	struct sigaction now = current(), old, replaced;
	int rung = rung_of(&now);
	bool taken;

	if (rung < 0)
		return;
	old = sigchld__chain_take(rung, &taken);
	replaced = put(&old);
	if (rung_of(&replaced) >= 0) {
		top = rung - 1; /* what is below may still be called */
		return;
	}
	put_back(&replaced);
	if (taken)
		sigchld__chain_untake(rung);
}

bool
sigchld__handler_is_foreign(void)
{
	struct sigaction now = current();
	int rung = rung_of(&now);

	return rung < 0 ? sigchld__chain_is_handler(&now)
			: sigchld__chain_has_handler(rung);
}

int
sigchld__handler_hold(bool nochain)
{
	int rc = 0;

	if (nochain && sigchld__handler_is_foreign())
		return -EBUSY;
	if (holds == 0)
		rc = install();
	if (rc == 0)
		holds++;
	return rc;
}

void
sigchld__handler_drop(void)
{
	if (--holds == 0)
		take_away();
}

void
sigchld__handler_stops(int more)
{
	bool before = stops > 0;
	struct sigaction now, action;
	int rung;

	stops += more;
	if (before == (stops > 0))
		return;
	now = current();
	rung = rung_of(&now);
	if (rung < 0)
		return; /* under a foreign handler, it decides */
	action = ours(rung);
	now = put(&action);
	if (rung_of(&now) < 0)
		put_back(&now);
}

void
sigchld__handler_forget(void)
{
	holds = 0;
	stops = 0;
	take_away();
}

static bool
keeps_none(const struct sigaction *action)
{
	return action->sa_handler == SIG_IGN ||
	    (action->sa_flags & SA_NOCLDWAIT) != 0;
}

bool
sigchld__handler_keeps_none(void)
{
	struct sigaction now = in_force();
	int rung = rung_of(&now);

	if (rung >= 0)
		now = sigchld__chain_get(rung);
	return keeps_none(&now);
}

bool
sigchld__handler_on_top(uintptr_t *ret_who)
{
	struct sigaction now = in_force();

	*ret_who = (uintptr_t)now.sa_handler;
	return rung_of(&now) >= 0;
}

struct sigchld__handler_state
sigchld__handler_state(void)
{
	struct sigaction now = current();

	return (struct sigchld__handler_state){
		.needed = holds > 0,
		.on_top = rung_of(&now) >= 0,
		.no_zombies = rung_of(&now) < 0 && keeps_none(&now),
	};
}
