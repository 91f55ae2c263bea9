/*
 * size.c - how many workers there should be
 *
 *	at least		workers_min, always
 *	without a band		one more for each request that waits for nobody
 *				who is starting
 *	with a band		spare_min idle: at each tick 1, 2, 4 .. more as
 *				long as they are wanted; above spare_max one
 *				less at each tick
 *	at most			workers_max, and who leaves counts until it was
 *				reaped; a roll may exceed it
 *	idle_ms			above the least, one that was idle so long goes
 *
 * Nobody is interrupted: one that is too many goes when it is idle. A pool that is
 * as it should be has no timer, so an idle parent sleeps.
 */
#include "core/sys.h"
#include "worker/pool.h"

static bool
has_band(const struct sigchld_pool *pool)
{
	return pool->o.spare_min > 0;
}

static bool
is_idle(const struct sigchld__member *member)
{
	if (!member->ready || member->leaving)
		return false;
	return atomic_load_explicit(&member->page->begun_ms,
		   memory_order_acquire) == 0;
}

/* In listener mode only the workers know. */
static uint32_t
count_idle(const struct sigchld_pool *pool)
{
	const struct sigchld__member *member;
	uint32_t n = 0;

	if (!sigchld__pool_is_listener(pool))
		return pool->n_idle;
	for (member = pool->members; member != NULL; member = member->next)
		n += is_idle(member);
	return n;
}

uint32_t
sigchld__pool_wanted(struct sigchld_pool *pool)
{
	uint32_t want = pool->o.workers_min, more;

	if (has_band(pool)) {
		want = pool->target > want ? pool->target : want;
	} else if (pool->backlog.n > pool->n_starting) {
		more = pool->n_present + pool->backlog.n - pool->n_starting;
		want = more > want ? more : want;
	}
	return want < pool->o.workers_max ? want : pool->o.workers_max;
}

/* ms; in listener mode only the worker knows, if it has served. */
static int64_t
idle_since(const struct sigchld__member *member)
{
	int64_t ready = member->idle_us / 1000;
	int64_t told = (int64_t)atomic_load_explicit(&member->page->idle_ms,
	    memory_order_relaxed);

	return told > ready ? told : ready;
}

/* Who goes first, if one must: the one that has been idle longest. */
static struct sigchld__member *
oldest_idle(struct sigchld_pool *pool)
{
	struct sigchld__member *member, *oldest = NULL;

	if (!sigchld__pool_is_listener(pool))
		return pool->o.flags & SIGCHLD_POOL_FIFO ? pool->idle
							 : pool->idle_last;
	for (member = pool->members; member != NULL; member = member->next) {
		if (is_idle(member) &&
		    (oldest == NULL || idle_since(member) < idle_since(oldest)))
			oldest = member;
	}
	return oldest;
}

static bool
retire_one(struct sigchld_pool *pool)
{
	struct sigchld__member *member = oldest_idle(pool);

	if (member != NULL)
		sigchld__member_leave(member, SIGCHLD_RETIRED);
	return member != NULL;
}

/* In listener mode one that is busy goes when it has done what it does. */
static bool
retire_any(struct sigchld_pool *pool)
{
	struct sigchld__member *member;
	uint32_t i;

	if (!sigchld__pool_is_listener(pool))
		return false;
	for (i = pool->n_slots; i-- > 0;) {
		member = pool->slots[i].member;
		if (member != NULL) {
			sigchld__member_leave(member, SIGCHLD_RETIRED);
			return true;
		}
	}
	return false;
}

void
sigchld__pool_shrink(struct sigchld_pool *pool)
{
	while (pool->n_present > pool->o.workers_max) {
		if (!retire_one(pool) && !retire_any(pool))
			return;
	}
}

/* The band */

static uint32_t
lacking(const struct sigchld_pool *pool)
{
	uint32_t have = count_idle(pool) + pool->n_starting;
	uint32_t want = pool->o.spare_min + pool->backlog.n;

	if (pool->n_present >= pool->o.workers_max)
		return 0;
	return want > have ? want - have : 0;
}

static bool
has_too_many(const struct sigchld_pool *pool)
{
	return count_idle(pool) > pool->o.spare_max &&
	    pool->n_present > pool->o.workers_min;
}

/* The next tick is tick_ms after the last; if that is long ago, at once. In
 * listener mode nobody tells when they become busy. One more tick, and the ramp
 * begins anew. */
static void
arm_tick(struct sigchld_pool *pool)
{
	int64_t at = pool->ticked + pool->o.tick_ms;

	if (pool->tick.at != 0 || !has_band(pool))
		return;
	if (sigchld__pool_is_listener(pool) || lacking(pool) > 0 ||
	    has_too_many(pool) || pool->ramp.next > 0)
		sigchld__timer_set(pool->part.ctx, &pool->tick, at);
}

void
sigchld__tick_due(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld_pool *pool = SIGCHLD__POOL_OF(timer, tick);
	uint32_t lack = lacking(pool);

	pool->ticked = sigchld__sys_now_ms();
	if (lack == 0)
		pool->ramp.next = 0;
	if (lack > 0)
		pool->target =
		    pool->n_present + sigchld__ramp_step(&pool->ramp, lack);
	else if (has_too_many(pool) && retire_one(pool))
		pool->target = pool->n_present;
	sigchld__part_work(run, &pool->part);
}

/* Idle too long */

/* In listener mode to find the oldest is to look at the pages of all. */
static int64_t
idle_until(struct sigchld_pool *pool)
{
	const struct sigchld__member *member;

	if (pool->o.idle_ms == 0 || pool->n_present <= pool->o.workers_min)
		return 0;
	member = oldest_idle(pool);
	return member == NULL ? 0 : idle_since(member) + 1 + pool->o.idle_ms;
}

void
sigchld__idle_due(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld_pool *pool = SIGCHLD__POOL_OF(timer, idle_timer);
	int64_t until = idle_until(pool);

	if (until != 0 && until <= sigchld__sys_now_ms())
		(void)retire_one(pool);
	sigchld__part_work(run, &pool->part);
}

void
sigchld__pool_arm(struct sigchld_pool *pool)
{
	int64_t until;

	arm_tick(pool);
	if (pool->idle_timer.at != 0)
		return;
	until = idle_until(pool);
	if (until != 0)
		sigchld__timer_set(pool->part.ctx, &pool->idle_timer, until);
}
