/*
 * roll.c - replace the workers, and be worse off at no moment
 *
 *	one of an older generation	a successor is forked for its slot
 *	the successor is ready		it takes the slot; the old one is told to
 *					go, and drains (leave.c)
 *	the old one ends first		the successor has the slot as it is
 *	a successor ends unready	the old one stays; another is tried, after
 *					a wait, and after give_up of them the
 *					roll is off
 *
 * O1	While a slot has a worker that is ready, it has one until its successor
 *	is. So what is ready never becomes less by a roll.
 * O2	At most at_once successors start at a time, above workers_max if need be.
 */
#include <errno.h>

#include "core/sys.h"
#include "worker/pool.h"

static bool
is_old(const struct sigchld__slot *slot, uint32_t generation)
{
	return slot->member != NULL && slot->member->generation != generation;
}

/* Successors that start, and slots that still need one. */
static void
count(const struct sigchld_pool *pool, uint32_t *ret_started,
    uint32_t *ret_next)
{
	const struct sigchld__slot *slot;
	uint32_t i;

	*ret_started = 0;
	*ret_next = pool->n_slots;
	for (i = pool->n_slots; i-- > 0;) {
		slot = &pool->slots[i];
		if (slot->successor != NULL)
			(*ret_started)++;
		else if (is_old(slot, pool->generation))
			*ret_next = i;
	}
}

static void
is_over(struct sigchld_pool *pool, bool failed)
{
	pool->rolling = false;
	pool->roll_failed = failed;
	pool->roll_failures = 0;
	pool->roll_not_before = 0;
	sigchld__backoff_succeeded(&pool->roll_backoff);
	sigchld__part_poke(&pool->part);
}

/* The slot of the next one to be forked, or n_slots. */
uint32_t
sigchld__roll_next(struct sigchld_pool *pool)
{
	uint32_t started, next;

	if (!pool->rolling)
		return pool->n_slots;
	count(pool, &started, &next);
	if (started == 0 && next == pool->n_slots)
		is_over(pool, false);
	if (started >= pool->roll_at_once ||
	    sigchld__sys_now_ms() < pool->roll_not_before)
		return pool->n_slots;
	return next;
}

/* It is ready, or the one before it is no more. */
void
sigchld__roll_promote(struct sigchld__member *member)
{
	struct sigchld_pool *pool = member->pool;
	struct sigchld__slot *slot = &pool->slots[member->slot];
	struct sigchld__member *old = slot->member;

	slot->successor = NULL;
	member->successor = false;
	if (member->leaving)
		return;
	if (old != NULL)
		sigchld__member_leave(old, SIGCHLD_ROLLED);
	slot->member = member;
	pool->n_present++;
	if (member->ready)
		pool->n_ready++;
	else
		pool->n_starting++;
	if (member->ready) {
		pool->roll_failures = 0;
		sigchld__backoff_succeeded(&pool->roll_backoff);
	}
	sigchld__part_poke(&pool->part);
}

void
sigchld__roll_failed(struct sigchld__member *member)
{
	struct sigchld_pool *pool = member->pool;
	uint32_t wait_ms;

	if (!pool->rolling)
		return;
	wait_ms = sigchld__backoff_failed(&pool->roll_backoff, 0);
	pool->roll_not_before = sigchld__sys_now_ms() + wait_ms;
	member->end.next_fork_ms = wait_ms;
	if (pool->o.give_up > 0 && ++pool->roll_failures >= pool->o.give_up)
		is_over(pool, true);
}

int
sigchld_pool_roll(struct sigchld_pool *pool, uint32_t at_once)
{
	int rc;

	rc = sigchld__pool_lock(pool);
	if (rc < 0)
		return rc;
	if (pool->stopping) {
		rc = -ESHUTDOWN;
	} else {
		is_over(pool, false);
		pool->rolling = true;
		pool->roll_at_once = at_once == 0 ? 1 : at_once;
		pool->generation++;
	}
	sigchld__pool_unlock(pool);
	return rc;
}
