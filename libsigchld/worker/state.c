/*
 * state.c - how a pool stands, in one word
 *
 * Judged anew whenever the pool has worked, from what is there; so no event has
 * to know what it means for the whole. A state that came and went between two
 * judgements is not told.
 */
#include "worker/pool.h"

/* The last one was reaped, and all was told but that. */
static bool
has_stopped(const struct sigchld_pool *pool)
{
	return pool->state == SIGCHLD_POOL_STOPPED ||
	    (pool->n_members == 0 && pool->part.notices == NULL);
}

static uint32_t
judge(const struct sigchld_pool *pool)
{
	if (pool->stopping)
		return has_stopped(pool) ? SIGCHLD_POOL_STOPPED
					 : SIGCHLD_POOL_STOPPING;
	if (pool->rolling)
		return SIGCHLD_POOL_ROLLING;
	if (pool->n_ready == 0 && pool->o.give_up > 0 &&
	    pool->failures >= pool->o.give_up)
		return SIGCHLD_POOL_FAILED;
	if (pool->fork_backoff.failures > 0 || pool->roll_failed)
		return SIGCHLD_POOL_DEGRADED;
	return pool->opened ? SIGCHLD_POOL_RUNNING : SIGCHLD_POOL_STARTING;
}

void
sigchld__pool_judge(struct sigchld__part *part)
{
	struct sigchld_pool *pool = SIGCHLD__POOL_OF(part, part);

	if (!pool->opened && pool->n_ready >= pool->o.workers_min &&
	    !pool->stopping) {
		pool->opened = true;
		if (pool->o.on_open != NULL)
			sigchld__notice(&pool->part, &pool->open_notice);
	}
	pool->state = judge(pool);
	if (pool->state != pool->told_state && pool->o.on_state != NULL)
		sigchld__notice(&pool->part, &pool->state_notice);
}

static void
call_on_state(struct sigchld__run *run, struct sigchld_pool *pool)
{
	__attribute__((cleanup(sigchld__hook_end))) struct sigchld__hook
	    hook = {
		    .run = run,
		    .part = &pool->part,
	    };
	uint32_t state = pool->told_state;

	sigchld__hook_begin(&hook);
	pool->o.on_state(pool, state, pool->o.user);
}

/* It may be as it was, by now. */
void
sigchld__tell_state(struct sigchld__run *run, struct sigchld__part *part,
    struct sigchld__notice *notice)
{
	struct sigchld_pool *pool = SIGCHLD__POOL_OF(part, part);
	(void)notice;
	if (pool->state == pool->told_state)
		return;
	pool->told_state = pool->state;
	call_on_state(run, pool);
}

void
sigchld__tell_open(struct sigchld__run *run, struct sigchld__part *part,
    struct sigchld__notice *notice)
{
	struct sigchld_pool *pool = SIGCHLD__POOL_OF(part, part);
	__attribute__((cleanup(sigchld__hook_end))) struct sigchld__hook
	    hook = {
		    .run = run,
		    .part = &pool->part,
	    };

	(void)notice;
	sigchld__hook_begin(&hook);
	pool->o.on_open(pool, pool->o.user);
}
