/*
 * intake.c - the signals that a master heeds
 *
 *	signal handler			whoever dispatches, with C
 *
 *	mark the kind			drain the self-pipe
 *	write to the self-pipe		take each kind: its mark is cleared, and
 *					then what it asks for is done
 *
 * I1	One mark for each kind, so none is lost to another; the mark is cleared
 *	before the action begins: after the last signal of a kind one action of
 *	that kind begins. The kernel merges those that are pending likewise.
 * I2	The mark is there before the byte: who drains first and takes then misses
 *	nothing. (marks: release here, acquire in take; the pipe orders the rest.)
 * I3	Nothing passes through SIG_IGN, which would throw away what is pending:
 *	block, set the action, unblock. Nor through SIG_DFL while we are there.
 * I4	At an execve marks are lost with the memory, but not what is pending. So
 *	hold blocks them first and looks at the marks then: if there is one, it
 *	is taken first. What comes later stays pending, and the next program
 *	takes it when it has caught them and unblocks.
 * I5	In a forked child the handler is a stranger's: it gives the signal its
 *	default action and raises it again.
 *
 * I6	The pipe is closed when no handler will write to it any more, on no thread. A
 *	handler counts itself in before it looks where to write; who ends says
 *	that it is nowhere before he looks at the count. (inside, woken: seq_cst at
 *	both places, so one of the two sees the other.) If a handler does not come
 *	to its end, its thread having been stopped, the pipe stays open.
 *
 * I4 holds if only the thread that reloads lets these signals come: others must
 * block them, as they do if they were made after the master.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "async/owner.h"
#include "async/sys.h"
#include "core/sys.h"
#include "worker/intake.h"
#include "worker/sys.h"

#define PATIENCE 1000 /* times that others may run first */

static const int kinds[SIGCHLD__KINDS] = { SIGUSR1, SIGUSR2, SIGHUP, SIGTERM,
	SIGINT, SIGTTIN, SIGTTOU };

/* [a] bit i: kinds[i] came. Set in the handler, cleared by take. */
static atomic_uint marks;

/* [a] I6. The writing end while they are caught, else -1; handlers that run. */
static atomic_int woken = -1;
static atomic_uint inside;
static atomic_int woken_rd; /* the other end, if woken is one */

static unsigned int
bit_of(int sig)
{
	unsigned int i;

	for (i = 0; i < SIGCHLD__KINDS; i++) {
		if (kinds[i] == sig)
			return 1u << i;
	}
	return 0;
}

/* I5. It comes when the handler has returned. */
static void
die_of(int sig)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	(void)sigemptyset(&action.sa_mask);
	(void)sigchld__sys_sigaction(sig, &action, NULL);
	(void)sigchld__sys_raise(sig);
}

static void
mark(int sig)
{
	struct sigchld__selfpipe pipe;

	(void)atomic_fetch_or_explicit(&marks, bit_of(sig),
	    memory_order_release);
	(void)atomic_fetch_add(&inside, 1);
	pipe.wr = atomic_load(&woken);
	pipe.rd = atomic_load(&woken_rd);
	if (pipe.wr != -1)
		(void)sigchld__selfpipe_write(&pipe);
	(void)atomic_fetch_sub(&inside, 1);
}

static void
handle(int sig)
{
	if (sigchld__owner_is_us())
		mark(sig);
	else
		die_of(sig);
}

bool
sigchld__intake_is_quiet(void)
{
	unsigned int i;

	for (i = 0; i < PATIENCE && atomic_load(&inside) > 0; i++)
		sigchld__sys_yield();
	return atomic_load(&inside) == 0;
}

void
sigchld__intake_set(sigset_t *set)
{
	unsigned int i;

	(void)sigemptyset(set);
	for (i = 0; i < SIGCHLD__KINDS; i++)
		(void)sigaddset(set, kinds[i]);
}

int
sigchld__intake_open(struct sigchld__intake *intake)
{
	intake->pipe = (struct sigchld__selfpipe)SIGCHLD__SELFPIPE_CLOSED;
	return sigchld__selfpipe_open(&intake->pipe);
}

static void
set_actions(struct sigchld__intake *intake)
{
	struct sigaction action = { .sa_handler = handle,
		.sa_flags = SA_RESTART };
	unsigned int i;

	sigchld__intake_set(&action.sa_mask);
	for (i = 0; i < SIGCHLD__KINDS; i++)
		(void)sigchld__sys_sigaction(kinds[i], &action,
		    &intake->before[i]);
}

void
sigchld__intake_catch(struct sigchld__intake *intake)
{
	sigset_t set;

	sigchld__intake_set(&set);
	(void)sigchld__sys_sigmask(SIG_BLOCK, &set, &intake->mask);
	atomic_store(&woken_rd, intake->pipe.rd);
	atomic_store(&woken, intake->pipe.wr);
	set_actions(intake);
	intake->caught = true;
	(void)sigchld__sys_sigmask(SIG_UNBLOCK, &set, NULL); /* I3 */
}

/* Somebody may have put his own in its place. */
static void
give_back(const struct sigchld__intake *intake, unsigned int i)
{
	struct sigaction now;

	if (sigchld__sys_sigaction(kinds[i], NULL, &now) < 0 ||
	    now.sa_handler != handle)
		return;
	(void)sigchld__sys_sigaction(kinds[i], &intake->before[i], NULL);
}

static void
end(struct sigchld__intake *intake)
{
	unsigned int i;

	for (i = 0; i < SIGCHLD__KINDS; i++)
		give_back(intake, i);
	atomic_store(&woken, -1);
	intake->caught = false;
}

void
sigchld__intake_end(struct sigchld__intake *intake)
{
	sigset_t set, before;

	if (!intake->caught)
		return;
	sigchld__intake_set(&set);
	(void)sigchld__sys_sigmask(SIG_BLOCK, &set, &before);
	end(intake);
	atomic_store(&marks, 0);
	(void)sigchld__sys_sigmask(SIG_SETMASK, &before, NULL);
}

void
sigchld__intake_suspend(struct sigchld__intake *intake)
{
	sigset_t set;

	if (!intake->caught)
		return;
	sigchld__intake_set(&set);
	(void)sigchld__sys_sigmask(SIG_BLOCK, &set, NULL);
	end(intake);
}

void
sigchld__intake_forked(const struct sigchld__intake *intake)
{
	unsigned int i;

	for (i = 0; intake->caught && i < SIGCHLD__KINDS; i++)
		give_back(intake, i);
}

bool
sigchld__intake_take(struct sigchld__intake *intake, int sig)
{
	unsigned int bit = bit_of(sig);

	(void)intake;
	if ((atomic_load_explicit(&marks, memory_order_relaxed) & bit) == 0)
		return false;
	(void)atomic_fetch_and_explicit(&marks, ~bit, memory_order_acquire);
	return true;
}

void
sigchld__intake_drain(struct sigchld__intake *intake)
{
	(void)sigchld__selfpipe_drain(&intake->pipe);
}

bool
sigchld__intake_hold(struct sigchld__intake *intake, int but,
    sigset_t *ret_before)
{
	sigset_t set;

	sigchld__intake_set(&set);
	(void)sigchld__sys_sigmask(SIG_BLOCK, &set, ret_before);
	return !intake->caught ||
	    (atomic_load(&marks) & ~bit_of(but)) == 0; /* I4 */
}

void
sigchld__intake_release(const sigset_t *before)
{
	(void)sigchld__sys_sigmask(SIG_SETMASK, before, NULL);
}

static uint64_t
bits_of(const sigset_t *set)
{
	uint64_t bits = 0;
	int sig;

	for (sig = 1; sig <= 64; sig++) {
		if (sigismember(set, sig) == 1)
			bits |= UINT64_C(1) << (sig - 1);
	}
	return bits;
}

uint64_t
sigchld__mask_now(void)
{
	sigset_t now;

	(void)sigchld__sys_sigmask(SIG_BLOCK, NULL, &now);
	return bits_of(&now);
}

uint64_t
sigchld__intake_mask(const struct sigchld__intake *intake)
{
	return intake->caught ? bits_of(&intake->mask) : sigchld__mask_now();
}

void
sigchld__intake_unmask(const struct sigchld__intake *intake, uint64_t first,
    uint64_t began)
{
	uint64_t now = sigchld__intake_mask(intake), changed = now ^ began;
	uint64_t mask = (now & changed) | (first & ~changed);
	sigset_t set;
	int sig;

	(void)sigemptyset(&set);
	for (sig = 1; sig <= 64; sig++) {
		if (mask >> (sig - 1) & 1 &&
		    !(intake->caught && bit_of(sig) != 0))
			(void)sigaddset(&set, sig);
	}
	(void)sigchld__sys_sigmask(SIG_SETMASK, &set, NULL);
}
