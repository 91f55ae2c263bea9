/*
 * pool.c - pools: made, resized, freed
 *
 * A pool is a part of its context, and all of it stands under the context's lock,
 * C. It lives by what a dispatch brings:
 *
 *	an end			end.c	its request to another, its slot to be
 *					forked again
 *	a message		hear.c	a worker is ready, has replied, goes
 *	a time			overdue.c, leave.c, size.c
 *	then its work		part.c: tell the application, plan.c: fork
 *
 *	application	pool				worker
 *
 *	submit		assign.c: to who is idle,	inside.c
 *			    or the backlog
 *			channel ------REQUEST-------->	begins (page)
 *							on_request
 *			hear.c <-------REPLY---------
 *	on_reply	part.c
 *	stop, roll	leave.c, roll.c ---STOP----->	ends
 *	on_end		end.c <----the context reaps---
 *
 * P1	Every request that was accepted is completed once (request.c).
 * P2	No worker is lost, and none is told of twice: it is a member from its fork
 *	to its end, and the context tells that once.
 * P3	Nothing waits: not for a worker, nor for memory, nor for a fork that
 *	failed.
 * P4	Nothing is signalled but through the child object (core/kill.c), so never
 *	a stranger.
 *
 * Freeing. What is open is completed by the thread that frees; children are left
 * to the context to reap. The memory goes with the last reference: the work has
 * one, for a hook may free its pool. In a forked child nothing is freed but the
 * pool itself: another thread may have been changing the rest.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fds.h"
#include "core/sys.h"
#include "spawn/sys.h"
#include "worker/pool.h"
#include "worker/sys.h"

bool
sigchld__pool_is_listener(const struct sigchld_pool *pool)
{
	return pool->o.run != NULL;
}

int
sigchld__pool_lock(struct sigchld_pool *pool)
{
	return pool == NULL ? -EINVAL : sigchld__part_lock(&pool->part);
}

void
sigchld__pool_unlock(struct sigchld_pool *pool)
{
	sigchld__part_unlock(&pool->part);
}

static void
free_memory(struct sigchld_pool *pool)
{
	sigchld__pages_free(&pool->pages);
	free(pool->spare.memory);
	free(pool->slots);
	free(pool->fds);
	free(pool);
}

static void
free_part(struct sigchld__part *part)
{
	free_memory(SIGCHLD__POOL_OF(part, part));
}

static const struct sigchld__part_kind pool_kind = {
	.judge = sigchld__pool_judge,
	.plan = sigchld__pool_plan,
	.free = free_part,
};

/* New */

static struct sigchld_pool *
alloc(const struct sigchld_pool_options *o)
{
	struct sigchld_pool *pool = sigchld__sys_alloc(1, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	pool->slots = sigchld__sys_alloc(o->workers_max, sizeof(*pool->slots));
	pool->fds = sigchld__sys_alloc(o->n_fds + 1, sizeof(*pool->fds));
	if (pool->slots != NULL && pool->fds != NULL)
		return pool;
	free_memory(pool);
	return NULL;
}

static void
init_slots(struct sigchld_pool *pool, uint32_t first)
{
	for (; first < pool->n_slots; first++)
		pool->slots[first].backoff = (struct sigchld__backoff){
			.first_ms = pool->o.backoff_ms,
			.most_ms = pool->o.backoff_max_ms,
			.stable_ms = pool->o.stable_ms,
		};
}

static void
init_timers(struct sigchld_pool *pool)
{
	pool->fork_timer.fn = sigchld__fork_due;
	pool->tick.fn = sigchld__tick_due;
	pool->idle_timer.fn = sigchld__idle_due;
	pool->stop_timer.fn = sigchld__stop_due;
	pool->state_notice.tell = sigchld__tell_state;
	pool->reject_notice.tell = sigchld__tell_rejects;
	pool->open_notice.tell = sigchld__tell_open;
}

static void
init(struct sigchld_pool *pool, struct sigchld_ctx *ctx,
    const struct sigchld_pool_options *o)
{
	sigchld__part_init(&pool->part, &pool_kind, ctx);
	pool->o = *o;
	pool->dice = (uint64_t)sigchld__sys_now_us() ^ (uintptr_t)pool;
	if (o->n_fds > 0)
		(void)memcpy(pool->fds, o->fds, o->n_fds * sizeof(*o->fds));
	if (o->name != NULL)
		(void)snprintf(pool->name, sizeof(pool->name), "%s", o->name);
	pool->o.fds = NULL;
	pool->o.name = NULL;
	pool->n_slots = o->workers_max;
	pool->rate.per_s = o->spawn_rate;
	pool->ramp.most = o->spawn_burst;
	pool->fork_backoff.first_ms = pool->roll_backoff.first_ms =
	    o->backoff_ms > 0 ? o->backoff_ms : 1;
	pool->fork_backoff.most_ms = pool->roll_backoff.most_ms =
	    o->backoff_max_ms;
	sigchld__requests_init(&pool->backlog);
	init_timers(pool);
	init_slots(pool, 0);
}

int
sigchld_pool_new(struct sigchld_ctx *ctx, struct sigchld_pool **ret_pool,
    const struct sigchld_pool_options *options)
{
	struct sigchld_pool_options read;
	struct sigchld_pool *pool;
	int rc;

	rc = sigchld__ctx_check(ctx);
	if (rc == 0)
		rc = sigchld__policy_read(&read, options);
	if (rc == 0)
		rc = ret_pool == NULL ? -EINVAL
				      : sigchld__all_open(read.fds, read.n_fds);
	if (rc < 0)
		return rc;
	pool = alloc(&read);
	if (pool == NULL)
		return -ENOMEM;
	init(pool, ctx, &read);
	*ret_pool = pool; /* a hook may come before this returns */
	rc = sigchld__part_attach(&pool->part);
	if (rc < 0) {
		*ret_pool = NULL;
		free_memory(pool);
	} else if (read.flags & SIGCHLD_POOL_TITLE && pool->name[0] != '\0') {
		sigchld__title(pool->name, false, 0);
	}
	return rc;
}

/* Resize */

static int
make_slots(struct sigchld_pool *pool, uint32_t n)
{
	struct sigchld__slot *slots;
	uint32_t before = pool->n_slots;

	if (n <= before)
		return 0;
	slots = sigchld__sys_alloc(n, sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	(void)memcpy(slots, pool->slots, before * sizeof(*slots));
	free(pool->slots);
	pool->slots = slots;
	pool->n_slots = n;
	init_slots(pool, before);
	return 0;
}

static int
resize(struct sigchld_pool *pool, uint32_t min, uint32_t max)
{
	bool on_demand = (pool->o.flags & SIGCHLD_POOL_ON_DEMAND) != 0;
	int rc;

	if (pool->stopping)
		return -ESHUTDOWN;
	if (min > max || max == 0 || max > SIGCHLD_POOL_MOST ||
	    (min == 0 && !on_demand))
		return -EINVAL;
	rc = make_slots(pool, max);
	if (rc < 0)
		return rc;
	pool->o.workers_min = min;
	pool->o.workers_max = max;
	sigchld__part_poke(&pool->part);
	return 0;
}

int
sigchld_pool_resize(struct sigchld_pool *pool, uint32_t min, uint32_t max)
{
	int rc = sigchld__pool_lock(pool);

	if (rc < 0)
		return rc;
	rc = resize(pool, min, max);
	sigchld__pool_unlock(pool);
	return rc;
}

/* Free */

struct last_call {
	struct sigchld__call call;
	struct sigchld__request *request;
};

static void
last_call_end(struct last_call *c)
{
	if (sigchld__call_end(&c->call))
		sigchld__request_free(c->request);
}

/* With C, which is dropped. */
static void
call_last(struct sigchld_pool *pool, struct sigchld__request *request)
{
	__attribute__((cleanup(last_call_end))) struct last_call c = {
		.request = request,
	};

	sigchld__call_begin(&c.call, pool->part.ctx);
	if (request->on_reply != NULL)
		request->on_reply(pool, &request->reply, request->user);
}

/* False: this is a forked child, without a lock. */
static bool
tell_last(struct sigchld_pool *pool, struct sigchld__request *request)
{
	struct sigchld_ctx *ctx = pool->part.ctx;

	call_last(pool, request);
	return !sigchld__ctx_forked(ctx);
}

/* What it had, and what waited for it. Its child is the context's to reap. */
static void
give_up(struct sigchld__member *member)
{
	struct sigchld__request *request = member->current;

	(void)sigchld__member_signal(member, SIGKILL);
	sigchld__child_release(member->child);
	member->child = NULL;
	member->current = NULL;
	if (request != NULL) {
		request->reply.reason = SIGCHLD_STOPPED_POOL;
		request->reply.wstatus = SIGKILL;
		request->reply.started =
		    atomic_load(&member->page->begun) == request->reply.id;
		sigchld__request_complete(request, SIGCHLD_LOST);
	}
	sigchld__requests_reject(&member->waiting, SIGCHLD_REJECTED);
}

static void
stop_timers(struct sigchld_pool *pool)
{
	struct sigchld__timer *timers[] = { &pool->fork_timer, &pool->tick,
		&pool->idle_timer, &pool->stop_timer };
	size_t i;

	for (i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
		sigchld__timer_set(pool->part.ctx, timers[i], 0);
}

static void
free_members(struct sigchld_pool *pool)
{
	struct sigchld__member *member, *next;
	uint32_t i;

	for (member = pool->members; member != NULL; member = next) {
		next = member->next;
		sigchld__member_free(member);
	}
	pool->members = NULL;
	for (i = 0; i < pool->n_slots; i += SIGCHLD__LEASHED)
		sigchld__fds_close_own(-1, &pool->slots[i].leash_ref);
}

/* With C, dropped for each. False: this is a forked child. */
static bool
complete_all(struct sigchld_pool *pool)
{
	struct sigchld__notice *notice;
	struct sigchld__request *request;
	struct sigchld__member *member;

	while (pool->part.notices != NULL) {
		notice = sigchld__notice_take(&pool->part);
		request = sigchld__request_of(notice);
		member = sigchld__member_of_end(notice);
		if (member != NULL)
			sigchld__member_free(member);
		else if (request != NULL && !tell_last(pool, request))
			return false;
	}
	return true;
}

static void
close_pool(struct sigchld_pool *pool)
{
	struct sigchld__member *member;

	pool->stopping = true;
	pool->finishing = false;
	sigchld__part_close(&pool->part);
	stop_timers(pool);
	for (member = pool->members; member != NULL; member = member->next)
		give_up(member);
	sigchld__requests_reject(&pool->backlog, SIGCHLD_REJECTED);
}

void
sigchld_pool_free(struct sigchld_pool *pool)
{
	struct sigchld_ctx *ctx;

	if (pool == NULL)
		return;
	ctx = pool->part.ctx;
	if (sigchld__pool_lock(pool) < 0) {
		free_memory(pool);
		return;
	}
	if (pool->part.closed) {
		sigchld__ctx_unlock(ctx);
		return;
	}
	sigchld__ctx_ref(ctx);
	close_pool(pool);
	if (!complete_all(pool))
		return;
	free_members(pool);
	sigchld__part_unref(&pool->part);
	sigchld__ctx_unlock(ctx);
	sigchld__ctx_unref(ctx);
}

/* Asked */

int
sigchld_pool_state(struct sigchld_pool *pool)
{
	int rc = sigchld__pool_lock(pool);

	if (rc < 0)
		return rc;
	sigchld__pool_judge(&pool->part);
	rc = (int)pool->state;
	sigchld__pool_unlock(pool);
	return rc;
}

void *
sigchld_pool_user(const struct sigchld_pool *pool)
{
	return pool == NULL ? NULL : pool->o.user;
}

struct sigchld_ctx *
sigchld_pool_ctx(const struct sigchld_pool *pool)
{
	return pool == NULL ? NULL : pool->part.ctx;
}
