/*
 * plan.c - who is forked next, and when
 *
 * The end of the pool's work in a dispatch (part.c). A request that came back, since
 * it did not get through to its worker (assign.c), goes to whoever is idle. Then as
 * many are forked as are wanted (size.c), and successors of a roll (roll.c), but
 *
 *	no more than AT_ONCE in one dispatch: others want to be heard;
 *	not in a slot that has to wait (end.c): it counts as if it were there;
 *	not while forks fail (backoff), nor faster than spawn_rate.
 *
 * If only time is lacking, a timer comes back here.
 */
#include "core/sys.h"
#include "worker/pool.h"
#include "worker/sys.h"

#define AT_ONCE 16

struct vacancies {
	uint32_t first;   /* that may be forked now; or n_slots */
	uint32_t waiting; /* that may not yet */
	int64_t next;     /* ms, when the first of those may; 0: none */
};

static struct vacancies
look(const struct sigchld_pool *pool, int64_t now)
{
	struct vacancies v = { .first = pool->n_slots };
	const struct sigchld__slot *slot;
	uint32_t i;

	for (i = pool->n_slots; i-- > 0;) {
		slot = &pool->slots[i];
		if (slot->member != NULL)
			continue;
		if (slot->not_before <= now) {
			v.first = i;
			continue;
		}
		v.waiting++;
		if (v.next == 0 || slot->not_before < v.next)
			v.next = slot->not_before;
	}
	return v;
}

uint32_t
sigchld__pool_in_backoff(const struct sigchld_pool *pool)
{
	return look(pool, sigchld__sys_now_ms()).waiting;
}

/* Those that leave count; those that a roll has besides do not. */
static bool
is_crowded(const struct sigchld_pool *pool)
{
	uint32_t more = pool->rolling ? pool->roll_at_once : 0;

	return pool->n_members >= pool->o.workers_max &&
	    pool->n_members - pool->o.workers_max >= more;
}

/* The slot to be forked now, or n_slots. */
static uint32_t
next_vacancy(struct sigchld_pool *pool, int64_t now)
{
	uint32_t wanted = sigchld__pool_wanted(pool);
	struct vacancies v;

	if (pool->n_present >= wanted || is_crowded(pool))
		return pool->n_slots;
	v = look(pool, now);
	return pool->n_present + v.waiting < wanted ? v.first : pool->n_slots;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* When something that is wanted may be forked, if only time is lacking; 0: nothing
 * is, or something else is lacking. */
static int64_t
next_time(struct sigchld_pool *pool, int64_t now)
{
	struct vacancies v;
	int64_t at = 0;

	if (pool->rolling && pool->roll_not_before > now)
		at = pool->roll_not_before;
	if (pool->rolling && at == 0 &&
	    sigchld__roll_next(pool) < pool->n_slots)
		at = now;
	if (pool->n_present < sigchld__pool_wanted(pool) && !is_crowded(pool)) {
		v = look(pool, now);
		if (next_vacancy(pool, now) < pool->n_slots)
			at = now;
		else if (v.next != 0 && (at == 0 || v.next < at))
			at = v.next;
	}
	if (at == 0)
		return 0;
	return later(later(at, pool->fork_not_before), now);
}

int64_t
sigchld__pool_next_fork(const struct sigchld_pool *pool)
{
	if (pool->stopping)
		return 0;
	return pool->fork_at_once ? 1 : pool->fork_timer.at;
}

static bool
may_fork(struct sigchld_pool *pool, int64_t now)
{
	return now >= pool->fork_not_before &&
	    sigchld__rate_take(&pool->rate, 1, sigchld__sys_now_us()) == 1;
}

/* With forks, as many as may be now. False: the pool is closed, or a fork
 * failed. */
static bool
fork_some(struct sigchld__run *run, struct sigchld_pool *pool)
{
	int64_t now = sigchld__sys_now_ms();
	unsigned int left = AT_ONCE;
	uint32_t slot;
	bool rolls;

	while (left-- > 0 && !pool->stopping) {
		slot = next_vacancy(pool, now);
		rolls = slot == pool->n_slots;
		if (rolls)
			slot = sigchld__roll_next(pool);
		if (slot == pool->n_slots || !may_fork(pool, now))
			return true;
		if (!sigchld__member_fork(run, pool, slot, rolls))
			return false;
	}
	return true;
}

static void
come_back(struct sigchld_pool *pool)
{
	int64_t now = sigchld__sys_now_ms(), at, rate_us;

	if (pool->stopping)
		return;
	at = next_time(pool, now);
	if (at == 0 && pool->n_present >= sigchld__pool_wanted(pool))
		sigchld__backoff_succeeded(&pool->fork_backoff);
	if (at != 0 && pool->rate.per_s > 0) {
		rate_us =
		    sigchld__rate_next(&pool->rate, sigchld__sys_now_us());
		at = later(at, (rate_us + 999) / 1000);
	}
	pool->fork_at_once = at == now;
	if (at == now)
		sigchld__part_poke(&pool->part);
	sigchld__timer_set(pool->part.ctx, &pool->fork_timer,
	    at > now ? at : 0);
}

void
sigchld__pool_plan(struct sigchld__run *run, struct sigchld__part *part)
{
	struct sigchld_pool *pool = SIGCHLD__POOL_OF(part, part);

	sigchld__pool_serve(pool);
	if (pool->stopping)
		return;
	sigchld__pool_shrink(pool);
	(void)fork_some(run, pool);
	if (run->forked || pool->part.closed)
		return;
	come_back(pool);
	if (!pool->stopping)
		sigchld__pool_arm(pool);
}

void
sigchld__fork_due(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld_pool *pool = SIGCHLD__POOL_OF(timer, fork_timer);

	sigchld__part_work(run, &pool->part);
}
