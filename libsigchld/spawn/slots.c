/*
 * slots.c - low numbers for high descriptors
 *
 * A child that unshares the descriptor table gets a copy of it up to the highest
 * descriptor that it needs: one pipe whose number is 4000 is a copy of 4000. So
 * a few low numbers are kept, and what is high is copied there for the time of
 * the spawn:
 *
 *	lock S, if it is free
 *	dup(source, slot)
 *	the child takes the slot for the source
 *	dup(null, slot)		so that no pipe stays open because of us
 *	unlock S
 *
 * Up to HIGH numbers a table needs no memory of its own, and no slot. They are
 * taken when a source shows that numbers have grown half as far: later there
 * would be no low ones left. A process that stays small has none.
 *
 * They stand in the descriptor table, claimed and never published, so nobody can
 * grab them and a forked child closes them.
 */
#include <pthread.h>

#include "async/fdtab.h"
#include "async/nofork.h"
#include "async/owner.h"
#include "async/sys.h"
#include "spawn/slots.h"
#include "spawn/sys.h"

#define HIGH  64
#define SLOTS 4

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* S, after N */
static uint32_t generation;  /* [S] of the process that took them, or 0 */
static int null;             /* [S] what a slot is while it is idle */
static uint64_t device;      /* [S] that it is */
static int slots[SLOTS];     /* [S] */
static unsigned int n_slots; /* [S] */
static unsigned int n_used;  /* [S] */

/* With N and S: a low number, in the table. -1: none is left. */
static int
take_low(int fd)
{
	const struct sigchld__fdinfo info = { .internal = true };
	uint32_t ignored;
	int low;

	low = sigchld__sys_dup_from(fd, 3);
	if (low < 0)
		return -1;
	if (low < HIGH && sigchld__fd_claim(low, &info, &ignored) == 0)
		return low;
	(void)sigchld__sys_close(low);
	return -1;
}

static void
take(void)
{
	int fd;

	sigchld__nofork_begin();
	fd = sigchld__sys_open_null();
	null = fd < 0 ? -1 : take_low(fd);
	for (n_slots = 0; null >= 0 && n_slots < SLOTS; n_slots++) {
		slots[n_slots] = take_low(fd);
		if (slots[n_slots] < 0)
			break;
	}
	if (fd >= 0)
		(void)sigchld__sys_close(fd);
	if (null >= 0) {
		generation = sigchld__owner_generation();
		device = sigchld__sys_device(null);
	}
	sigchld__nofork_end();
}

/* Somebody may have closed all that is open, ours too, and the numbers are others'
 * by now. */
static bool
are_ours(void)
{
	unsigned int i;

	if (sigchld__sys_device(null) != device)
		return false;
	for (i = 0; i < n_slots; i++) {
		if (sigchld__sys_device(slots[i]) != device)
			return false;
	}
	return true;
}

static void
take_again(void)
{
	sigchld__nofork_begin();
	while (n_slots > 0)
		sigchld__fd_unclaim(slots[--n_slots]);
	sigchld__fd_unclaim(null);
	generation = 0;
	sigchld__nofork_end();
	take();
}

static int
highest(const struct sigchld_fdmap *wants, unsigned int n)
{
	unsigned int i;
	int most = -1;

	for (i = 0; i < n; i++) {
		if (wants[i].ours > most)
			most = wants[i].ours;
	}
	return most;
}

/* The slot that it is in already, or a new one, or itself. */
static int
land(const int *sources, int fd)
{
	unsigned int i;

	for (i = 0; i < n_used; i++) {
		if (sources[i] == fd)
			return slots[i];
	}
	if (n_used == n_slots || sigchld__sys_dup_to(fd, slots[n_used]) < 0)
		return fd;
	return slots[n_used++];
}

static void
land_all(struct sigchld_fdmap *wants, unsigned int n)
{
	int sources[SLOTS];
	unsigned int i, used;

	for (i = 0; i < n; i++) {
		if (wants[i].ours < HIGH)
			continue;
		used = n_used;
		if (used < SLOTS)
			sources[used] = wants[i].ours;
		wants[i].ours = land(sources, wants[i].ours);
	}
}

bool
sigchld__slots_begin(struct sigchld_fdmap *wants, unsigned int n)
{
	int most = highest(wants, n);

	if (most < HIGH / 2 || pthread_mutex_trylock(&lock) != 0)
		return false;
	/* A forked child has closed its parent's. */
	if (generation != sigchld__owner_generation())
		take();
	else if (most >= HIGH && !are_ours())
		take_again();
	n_used = 0;
	if (most >= HIGH && generation == sigchld__owner_generation())
		land_all(wants, n);
	if (n_used > 0)
		return true;
	(void)pthread_mutex_unlock(&lock);
	return false;
}

void
sigchld__slots_end(void)
{
	while (n_used > 0)
		(void)sigchld__sys_dup_to(null, slots[--n_used]);
	(void)pthread_mutex_unlock(&lock);
}

static void
give_back(int fd)
{
	sigchld__nofork_begin();
	sigchld__fd_unclaim(fd);
	(void)sigchld__sys_close(fd);
	sigchld__nofork_end();
}

void
sigchld__slots_close(void)
{
	(void)pthread_mutex_lock(&lock);
	if (generation != 0 && generation == sigchld__owner_generation()) {
		while (n_slots > 0)
			give_back(slots[--n_slots]);
		give_back(null);
	}
	generation = 0;
	(void)pthread_mutex_unlock(&lock);
}
