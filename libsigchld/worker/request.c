/*
 * request.c - requests: submitted, waiting, completed once
 *
 *	submit			it is checked; goes to who is idle, or waits
 *	waits			in the pool's backlog, or at the worker of its
 *				session; at the end of its ttl it is EXPIRED
 *	assigned		in the hands of one worker
 *	completed		told in a dispatch, then freed
 *
 * Q1	A request that was accepted is in exactly one place: one list, one
 *	worker's hands, or the notices. Only request_complete puts it among those,
 *	and takes it from nowhere else: so it is completed once.
 * Q2	Who waits is counted, in number and bytes; a request that would exceed
 *	what may wait is refused. One that comes back from a worker that could
 *	not begin it is not: it was accepted before.
 * Q3	It is tried a second time only if no worker has begun it (S2 in page.c),
 *	and never a third time: a request that kills those who read it must not
 *	kill them all.
 * Q4	Order: first come, first served; one that comes back is the first.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/sys.h"
#include "worker/pool.h"
#include "worker/sys.h"

#define REQUEST_OF(part, field) \
	((struct sigchld__request *)(void \
		*)((char *)(part)-offsetof(struct sigchld__request, field)))

/* Lists */

void
sigchld__requests_init(struct sigchld__requests *list)
{
	*list = (struct sigchld__requests){ .first = NULL };
	list->end = &list->first;
}

static void
put_behind(struct sigchld__requests *list, struct sigchld__request **at,
    struct sigchld__request *request)
{
	request->next = *at;
	request->at = at;
	*at = request;
	if (request->next != NULL)
		request->next->at = &request->next;
	else
		list->end = &request->next;
}

void
sigchld__requests_push(struct sigchld__requests *list,
    struct sigchld__request *request, bool front)
{
	struct sigchld_pool_stats *stats = &request->pool->stats;

	put_behind(list, front ? &list->first : list->end, request);
	list->n++;
	stats->backlog++;
	stats->backlog_bytes += request->frame.head.size;
	if (stats->backlog > stats->most_backlog)
		stats->most_backlog = stats->backlog;
}

void
sigchld__requests_take(struct sigchld__requests *list,
    struct sigchld__request *request)
{
	*request->at = request->next;
	if (request->next != NULL)
		request->next->at = request->at;
	else
		list->end = request->at;
	request->next = NULL;
	request->at = NULL;
	list->n--;
	request->pool->stats.backlog--;
	request->pool->stats.backlog_bytes -= request->frame.head.size;
	if (request->ttl.at != 0)
		sigchld__timer_set(request->pool->part.ctx, &request->ttl, 0);
}

/* Completed */

void
sigchld__request_free(struct sigchld__request *request)
{
	sigchld__load_free(&request->load, &request->pool->spare);
	free(request->copy);
	free(request);
}

/* Freed whatever ends the callback, unless this is a forked child. */
struct telling {
	struct sigchld__hook hook;
	struct sigchld__request *request;
};

static void
telling_end(struct telling *telling)
{
	sigchld__hook_end(&telling->hook);
	if (!telling->hook.run->forked)
		sigchld__request_free(telling->request);
}

static void
tell_reply(struct sigchld__run *run, struct sigchld__part *part,
    struct sigchld__notice *notice)
{
	struct sigchld_pool *pool = SIGCHLD__POOL_OF(part, part);
	struct sigchld__request *request = REQUEST_OF(notice, notice);
	__attribute__((cleanup(telling_end))) struct telling telling = {
		.hook = { .run = run, .part = &pool->part },
		.request = request,
	};

	sigchld__hook_begin(&telling.hook);
	if (request->on_reply != NULL)
		request->on_reply(pool, &request->reply, request->user);
}

struct sigchld__request *
sigchld__request_of(struct sigchld__notice *notice)
{
	return notice->tell == tell_reply ? REQUEST_OF(notice, notice) : NULL;
}

void
sigchld__request_complete(struct sigchld__request *request, uint32_t outcome)
{
	struct sigchld_pool *pool = request->pool;

	request->reply.outcome = outcome;
	pool->stats.outcomes[outcome]++;
	sigchld__notice(&pool->part, &request->notice);
}

void
sigchld__request_return(struct sigchld__request *request, bool again)
{
	struct sigchld_pool *pool = request->pool;

	again = again && request->reply.started == 0 && !request->retried &&
	    !(pool->o.flags & SIGCHLD_POOL_RETRY_NEVER) &&
	    !(pool->stopping && !pool->finishing);

	if (!again) {
		sigchld__request_complete(request, SIGCHLD_LOST);
		return;
	}
	request->retried = true;
	pool->stats.retried++;
	sigchld__requests_push(&pool->backlog, request, true);
	sigchld__part_poke(&pool->part);
}

void
sigchld__requests_reject(struct sigchld__requests *list, uint32_t outcome)
{
	struct sigchld__request *request;

	while ((request = list->first) != NULL) {
		sigchld__requests_take(list, request);
		request->reply.session = 0;
		sigchld__request_complete(request, outcome);
	}
}

static struct sigchld__requests *
list_of(struct sigchld__request *request)
{
	struct sigchld_pool *pool = request->pool;
	struct sigchld__member *member = NULL;

	if (request->reply.session != 0)
		member = sigchld__session_find(pool, request->reply.session);
	return member == NULL ? &pool->backlog : &member->waiting;
}

static void
expire(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld__request *request = REQUEST_OF(timer, ttl);

	(void)run;
	sigchld__requests_take(list_of(request), request);
	sigchld__request_complete(request, SIGCHLD_EXPIRED);
}

/* Submitted */

static uint32_t
limit_of(uint32_t own, uint32_t of_pool)
{
	if (own == SIGCHLD_POOL_NONE)
		return 0;
	return own == 0 ? of_pool : own;
}

static struct sigchld__request *
request_new(struct sigchld_pool *pool, const struct sigchld_request *given)
{
	struct sigchld__request *request = sigchld__sys_room(sizeof(*request));

	if (request == NULL)
		return NULL;
	*request = (struct sigchld__request){ .pool = pool };
	request->frame.payload = given->data;
	request->frame.head.size = given->len;
	if (given->flags & SIGCHLD_REQUEST_COPY && given->len > 0) {
		request->copy = sigchld__sys_room(given->len);
		if (request->copy == NULL) {
			free(request);
			return NULL;
		}
		(void)memcpy(request->copy, given->data, given->len);
		request->frame.payload = request->copy;
	}
	request->timeout_ms = limit_of(given->timeout_ms, pool->o.request_ms);
	request->ttl_ms = limit_of(given->ttl_ms, pool->o.backlog_ttl_ms);
	request->on_reply = given->on_reply;
	request->user = given->user;
	request->notice.tell = tell_reply;
	request->ttl.fn = expire;
	request->reply.size = sizeof(request->reply);
	request->reply.session = given->session;
	return request;
}

static int
read_request(struct sigchld_request *ret_request,
    const struct sigchld_request *given)
{
	int rc;

	if (given == NULL)
		return -EINVAL;
	rc = sigchld__sized(ret_request, sizeof(*ret_request), given,
	    sizeof(*ret_request));
	if (rc < 0)
		return rc;
	if (ret_request->flags & ~SIGCHLD_REQUEST_COPY ||
	    ret_request->zero != 0 ||
	    (ret_request->data == NULL && ret_request->len > 0))
		return -EINVAL;
	return 0;
}

static bool
is_full(const struct sigchld_pool *pool, uint64_t more)
{
	return pool->stats.backlog >= pool->o.backlog_max ||
	    pool->stats.backlog_bytes + more > pool->o.backlog_bytes ||
	    pool->stats.backlog_bytes + more < more;
}

static int
refuse(struct sigchld_pool *pool)
{
	pool->stats.refused++;
	if (pool->o.on_reject != NULL)
		sigchld__notice(&pool->part, &pool->reject_notice);
	return -EAGAIN;
}

static void
wait_in(struct sigchld__requests *list, struct sigchld__request *request)
{
	struct sigchld_pool *pool = request->pool;

	sigchld__requests_push(list, request, false);
	if (request->ttl_ms > 0)
		sigchld__timer_set(pool->part.ctx, &request->ttl,
		    sigchld__sys_now_ms() + request->ttl_ms);
	if (list == &pool->backlog && pool->n_members < pool->o.workers_max)
		sigchld__part_poke(&pool->part);
}

/* Who would get it at once? Behind others nobody. */
static struct sigchld__member *
taker(struct sigchld_pool *pool, struct sigchld__member *holder)
{
	if (holder != NULL)
		return holder->state == SIGCHLD_WORKER_SESSION ? holder : NULL;
	return pool->backlog.n == 0 ? pool->idle : NULL;
}

static int
accept_one(struct sigchld_pool *pool, struct sigchld__request *request)
{
	struct sigchld__member *holder = NULL, *member;
	uint64_t size = request->frame.head.size;

	if (pool->stopping || pool->part.closed)
		return -ESHUTDOWN;
	if (size > pool->o.request_max)
		return -EMSGSIZE;
	if (request->reply.session != 0) {
		holder = sigchld__session_find(pool, request->reply.session);
		if (holder == NULL || holder->disconnecting)
			return -ENOENT;
	}
	member = taker(pool, holder);
	if (member == NULL && is_full(pool, size))
		return refuse(pool);
	request->reply.id = ++pool->last_id;
	request->submitted_us = sigchld__sys_now_us();
	pool->stats.submitted++;
	if (member != NULL) {
		sigchld__member_assign(member, request, request->submitted_us);
		return 0;
	}
	wait_in(holder != NULL ? &holder->waiting : &pool->backlog, request);
	return 0;
}

int
sigchld_pool_submit(struct sigchld_pool *pool, uint64_t *ret_id,
    const struct sigchld_request *given)
{
	struct sigchld__request *request;
	struct sigchld_request read;
	uint64_t id = 0;
	int rc;

	rc = read_request(&read, given);
	if (rc < 0)
		return pool == NULL ? -EINVAL : rc;
	rc = sigchld__pool_lock(pool);
	if (rc < 0)
		return rc;
	rc = sigchld__pool_is_listener(pool) ? -ENOTSUP : 0;
	request = rc < 0 ? NULL : request_new(pool, &read);
	if (rc == 0)
		rc = request == NULL ? -ENOMEM : accept_one(pool, request);
	if (rc == 0)
		id = request->reply.id;
	else if (request != NULL)
		sigchld__request_free(request);
	sigchld__pool_unlock(pool);
	if (rc == 0 && ret_id != NULL)
		*ret_id = id;
	return rc;
}

/* Refused */

void
sigchld__tell_rejects(struct sigchld__run *run, struct sigchld__part *part,
    struct sigchld__notice *notice)
{
	struct sigchld_pool *pool = SIGCHLD__POOL_OF(part, part);
	__attribute__((cleanup(sigchld__hook_end))) struct sigchld__hook
	    hook = {
		    .run = run,
		    .part = &pool->part,
	    };
	uint64_t n = pool->stats.refused - pool->refused_told;

	(void)notice;
	pool->refused_told = pool->stats.refused;
	sigchld__hook_begin(&hook);
	pool->o.on_reject(pool, n, pool->o.user);
}
