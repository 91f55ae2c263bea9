/*
 * overdue.c - what takes too long
 *
 *	fork to ready		boot_ms: SIGKILL
 *	a request		slow_ms: on_slow; request_ms: TIMEOUT, abort
 *	no beat			beat_ms: abort, what it has is TIMEOUT
 *	a session with nothing	keepalive_ms: over
 *	a life			max_life_ms: it goes when it is idle
 *
 * U1	At its deadline a worker is heard once more: a reply that is there counts,
 *	and what it has in hand then is another request, or none. So one that has
 *	just finished is never punished for what it did before.
 * U2	A request has from when its worker got it, be that still being sent.
 * U3	on_slow is told before a worker is aborted for its request.
 * U4	Deadlines are of CLOCK_MONOTONIC. One that does not come costs no system
 *	call of its own (core/timer.c).
 *
 * In listener mode the worker says in its page since when it is busy, and the
 * deadline is looked at when one could be over at the earliest.
 */
#include <poll.h>
#include <stddef.h>

#include "core/sys.h"
#include "worker/pool.h"
#include "worker/sys.h"

void
sigchld__after(struct sigchld__member *member, struct sigchld__timer *timer,
    uint32_t ms)
{
	int64_t at = ms == 0 ? 0 : sigchld__sys_now_ms() + ms;

	if (at != 0 || timer->at != 0)
		sigchld__timer_set(member->pool->part.ctx, timer, at);
}

/* Slow */

void
sigchld__tell_slow(struct sigchld__run *run, struct sigchld__part *part,
    struct sigchld__notice *notice)
{
	struct sigchld_pool *pool = SIGCHLD__POOL_OF(part, part);
	struct sigchld__member *member =
	    SIGCHLD__MEMBER_OF(notice, slow_notice);
	uint64_t request = member->slow_request, ms = member->slow_ms;
	uint32_t slot = member->slot;
	pid_t pid = member->pid;
	__attribute__((cleanup(sigchld__hook_end))) struct sigchld__hook
	    hook = {
		    .run = run,
		    .part = &pool->part,
	    };

	sigchld__hook_begin(&hook);
	pool->o.on_slow(pool, slot, pid, request, ms, pool->o.user);
}

static void
is_slow(struct sigchld__member *member, uint64_t request, int64_t ms)
{
	struct sigchld_pool *pool = member->pool;

	if (member->slow)
		return;
	member->slow = true;
	member->slow_request = request;
	member->slow_ms = (uint64_t)ms;
	pool->stats.slow++;
	if (pool->o.on_slow != NULL)
		sigchld__notice(&pool->part, &member->slow_notice);
}

/* Whoever is told may want to look at the worker while it lives (a slow log): so
 * it is aborted in the next dispatch. */
static bool
tell_first(struct sigchld__member *member, uint64_t request, int64_t ms)
{
	bool first = !member->slow && member->pool->o.on_slow != NULL;

	is_slow(member, request, ms);
	if (first)
		sigchld__timer_set(member->pool->part.ctx, &member->timer, 1);
	return first;
}

/* The next of the two deadlines of a request, from its beginning; 0: none. */
static uint32_t
next_limit(const struct sigchld__member *member, uint32_t timeout_ms)
{
	uint32_t slow_ms = member->pool->o.slow_ms;

	if (slow_ms > 0 && !member->slow &&
	    (timeout_ms == 0 || slow_ms < timeout_ms))
		return slow_ms;
	return timeout_ms;
}

/* Dispatch mode */

static void
time_out(struct sigchld__member *member, uint32_t why)
{
	struct sigchld__request *request = member->current;

	if (request != NULL) {
		request->reply.started =
		    atomic_load_explicit(&member->page->begun,
			memory_order_acquire) == request->reply.id;
		request->reply.session = 0;
		member->current = NULL;
		sigchld__request_complete(request, SIGCHLD_TIMEOUT);
	}
	sigchld__session_over(member, SIGCHLD_SESSION_LOST);
	sigchld__channel_forget(&member->channel); /* that may be half out */
	if (!member->mute)
		sigchld__member_watch(member, POLLIN);
	member->deaf = true;
	sigchld__member_abort(member, why);
}

static void
request_due(struct sigchld__member *member)
{
	struct sigchld__request *request = member->current;
	int64_t us = sigchld__sys_now_us() - request->assigned_us;
	uint32_t timeout_ms = request->timeout_ms;
	int64_t ms = us / 1000;

	if (timeout_ms > 0 && ms >= timeout_ms) {
		if (!tell_first(member, request->reply.id, ms))
			time_out(member, SIGCHLD_KILLED_TIMEOUT);
		return;
	}
	if (ms >= member->pool->o.slow_ms && member->pool->o.slow_ms > 0)
		is_slow(member, request->reply.id, ms);
	sigchld__watch_request(member);
}

/* Listener mode */

static void
watch_listener(struct sigchld__member *member)
{
	uint64_t since =
	    atomic_load_explicit(&member->page->begun_ms, memory_order_acquire);
	const struct sigchld_pool_options *o = &member->pool->o;
	int64_t now = sigchld__sys_now_ms(), at = INT64_MAX, slow_at;
	int64_t from = since == 0 ? now : (int64_t)since;

	if (o->request_ms > 0)
		at = from + o->request_ms;
	slow_at = (member->slow ? now : from) + o->slow_ms;
	if (o->slow_ms > 0 && slow_at < at)
		at = slow_at;
	if (at != INT64_MAX)
		sigchld__timer_set(member->pool->part.ctx, &member->timer, at);
}

static void
listener_due(struct sigchld__member *member)
{
	struct sigchld__page *page = member->page;
	uint64_t begun =
	    atomic_load_explicit(&page->begun, memory_order_relaxed);
	uint64_t since =
	    atomic_load_explicit(&page->begun_ms, memory_order_acquire);
	const struct sigchld_pool_options *o = &member->pool->o;
	int64_t ms = sigchld__sys_now_ms() - (int64_t)since;

	if (begun != member->slow_request)
		member->slow = false;
	if (since == 0)
		ms = -1;
	if (o->request_ms > 0 && ms >= o->request_ms) {
		if (!tell_first(member, begun, ms))
			time_out(member, SIGCHLD_KILLED_TIMEOUT);
		return;
	}
	if (o->slow_ms > 0 && ms >= o->slow_ms)
		is_slow(member, begun, ms);
	watch_listener(member);
}

/* Both */

void
sigchld__watch_request(struct sigchld__member *member)
{
	struct sigchld__request *request = member->current;
	uint32_t limit;
	int64_t at;

	if (sigchld__pool_is_listener(member->pool)) {
		watch_listener(member);
		return;
	}
	limit = next_limit(member, request->timeout_ms);
	if (limit == 0)
		return;
	at = (request->assigned_us + 999) / 1000 + limit;
	sigchld__timer_set(member->pool->part.ctx, &member->timer, at);
}

static void
hear_once_more(struct sigchld__member *member)
{
	(void)sigchld__member_hear(member); /* else its channel tells */
}

void
sigchld__timer_due(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld__member *member = SIGCHLD__MEMBER_OF(timer, timer);
	const struct sigchld__request *request = member->current;
	bool ready = member->ready;

	(void)run;
	hear_once_more(member); /* U1 */
	if (member->current != request || member->ready != ready)
		return;
	if (!member->ready)
		sigchld__member_kill(member, SIGCHLD_KILLED_BOOT);
	else if (sigchld__pool_is_listener(member->pool))
		listener_due(member);
	else if (request != NULL)
		request_due(member);
	else if (member->state == SIGCHLD_WORKER_SESSION)
		sigchld__session_keepalive(member);
}

/* Beats */

void
sigchld__watch_beat(struct sigchld__member *member)
{
	member->beats =
	    atomic_load_explicit(&member->page->beats, memory_order_relaxed);
	sigchld__after(member, &member->beat, member->pool->o.beat_ms);
}

void
sigchld__beat_due(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld__member *member = SIGCHLD__MEMBER_OF(timer, beat);
	const struct sigchld__request *request = member->current;
	uint64_t beats;

	(void)run;
	hear_once_more(member); /* U1 */
	beats =
	    atomic_load_explicit(&member->page->beats, memory_order_relaxed);
	if (beats != member->beats)
		sigchld__watch_beat(member);
	else if (member->current == request)
		time_out(member, SIGCHLD_KILLED_BEAT);
}

/* Lives */

void
sigchld__life_due(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld__member *member = SIGCHLD__MEMBER_OF(timer, life);

	(void)run;
	if (member->is_idle || sigchld__pool_is_listener(member->pool))
		sigchld__member_leave(member, SIGCHLD_RETIRED);
	else
		member->wish = true;
}
