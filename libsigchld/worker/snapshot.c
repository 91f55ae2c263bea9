/*
 * snapshot.c - how a pool and its workers stand, copied
 *
 * Counters are kept where things happen; what can be seen is counted here.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/sys.h"
#include "worker/pool.h"
#include "worker/sys.h"

/* With room for the first number. */
#define FIRST_SIZE \
	(offsetof(struct sigchld_pool_stats, state) + sizeof(uint32_t))

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* One more reason or outcome moves no number of those that programs know. */
_Static_assert(SIGCHLD_REASONS <= N(((struct sigchld_pool_stats *)NULL)->ends),
    "no room for all reasons");
_Static_assert(SIGCHLD_REJECTED <
	N(((struct sigchld_pool_stats *)NULL)->outcomes),
    "no room for all outcomes");

static struct sigchld_latency
latency_of(const struct sigchld__histogram *h)
{
	return (struct sigchld_latency){
		.count = h->count,
		.sum = h->sum,
		.least = h->least,
		.most = h->most,
		.p50 = sigchld__histogram_quantile(h, 500),
		.p90 = sigchld__histogram_quantile(h, 900),
		.p99 = sigchld__histogram_quantile(h, 990),
		.p999 = sigchld__histogram_quantile(h, 999),
	};
}

static uint32_t
state_of(const struct sigchld__member *member)
{
	const struct sigchld__page *page = member->page;

	if (member->leaving || member->step >= SIGCHLD__SIGNALED)
		return SIGCHLD_WORKER_STOPPING;
	if (!member->ready)
		return SIGCHLD_WORKER_STARTING;
	if (sigchld__pool_is_listener(member->pool))
		return atomic_load(&page->begun_ms) != 0 ? SIGCHLD_WORKER_BUSY
							 : SIGCHLD_WORKER_IDLE;
	return member->state;
}

static void
count(struct sigchld_pool_stats *s, const struct sigchld__member *member)
{
	switch (state_of(member)) {
	case SIGCHLD_WORKER_STARTING:
		s->starting++;
		break;
	case SIGCHLD_WORKER_IDLE:
		s->idle++;
		break;
	case SIGCHLD_WORKER_STOPPING:
		s->stopping++;
		break;
	default:
		s->busy++;
	}
	s->served +=
	    atomic_load_explicit(&member->page->served, memory_order_relaxed);
}

static struct sigchld_pool_stats
look(struct sigchld_pool *pool)
{
	struct sigchld_pool_stats s = pool->stats;
	const struct sigchld__member *member;
	int64_t now = sigchld__sys_now_ms(), next;

	sigchld__pool_judge(&pool->part);
	s.state = pool->state;
	s.generation = pool->generation;
	s.workers_min = pool->o.workers_min;
	s.workers_max = pool->o.workers_max;
	s.backoff = sigchld__pool_in_backoff(pool);
	for (member = pool->members; member != NULL; member = member->next)
		count(&s, member);
	if (pool->backlog.first != NULL)
		s.backlog_age_ms = (uint64_t)(sigchld__sys_now_us() -
				       pool->backlog.first->submitted_us) /
		    1000;
	next = sigchld__pool_next_fork(pool);
	s.next_fork_ms = UINT64_MAX;
	if (next != 0)
		s.next_fork_ms = next > now ? (uint64_t)(next - now) : 0;
	s.wait = latency_of(&pool->wait);
	s.service = latency_of(&pool->service);
	s.boot = latency_of(&pool->boot);
	return s;
}

int
sigchld_pool_get_stats(struct sigchld_pool *pool,
    struct sigchld_pool_stats *stats)
{
	struct sigchld_pool_stats s;
	size_t size;
	int rc;

	if (stats == NULL || stats->size < FIRST_SIZE)
		return -EINVAL;
	rc = sigchld__pool_lock(pool);
	if (rc < 0)
		return rc;
	s = look(pool);
	sigchld__pool_unlock(pool);
	size = stats->size < sizeof(s) ? stats->size : sizeof(s);
	s.size = size;
	(void)memcpy(stats, &s, size);
	return 0;
}

/* Workers */

static struct sigchld_worker_info
info_of(const struct sigchld__member *member)
{
	int64_t now_us = sigchld__sys_now_us(), since_us = 0;
	struct sigchld_worker_info info = {
		.size = sizeof(info),
		.slot = member->slot,
		.generation = member->generation,
		.state = state_of(member),
		.pid = member->pid,
		.served = atomic_load_explicit(&member->page->served,
		    memory_order_relaxed),
		.age_ms = (uint64_t)(now_us - member->forked_us) / 1000,
	};

	if (member->current != NULL) {
		info.request = member->current->reply.id;
		since_us = member->current->assigned_us;
	} else if (sigchld__pool_is_listener(member->pool)) {
		since_us = (int64_t)atomic_load(&member->page->begun_ms) * 1000;
		if (since_us > 0)
			info.request = atomic_load(&member->page->begun);
	}
	if (since_us > 0 && since_us < now_us)
		info.request_ms = (uint64_t)(now_us - since_us) / 1000;
	return info;
}

static int
copy_all(struct sigchld_pool *pool, struct sigchld_worker_info **ret_infos,
    uint32_t *ret_n)
{
	const struct sigchld__member *member;
	struct sigchld_worker_info *infos;
	uint32_t n = pool->n_members, i = 0;

	infos = sigchld__sys_alloc(n + 1, sizeof(*infos));
	if (infos == NULL)
		return -ENOMEM;
	for (member = pool->members; member != NULL; member = member->next)
		infos[i++] = info_of(member);
	*ret_infos = infos;
	*ret_n = n;
	return 0;
}

static void
free_infos(struct sigchld_worker_info **infos)
{
	free(*infos);
}

int
sigchld_pool_foreach(struct sigchld_pool *pool,
    int (*fn)(const struct sigchld_worker_info *info, void *user), void *user)
{
	__attribute__((cleanup(free_infos))) struct sigchld_worker_info *infos =
	    NULL;
	uint32_t n = 0, i;
	int rc;

	rc = sigchld__pool_lock(pool);
	if (rc < 0)
		return rc;
	rc = fn == NULL ? -EINVAL : copy_all(pool, &infos, &n);
	sigchld__pool_unlock(pool);
	for (i = 0; i < n && rc == 0; i++)
		rc = fn(&infos[i], user);
	return rc;
}
