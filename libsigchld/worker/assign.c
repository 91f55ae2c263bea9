/*
 * assign.c - who gets the next request
 *
 * Idle workers stand in a list, whose first is the next to serve: the one that
 * was busy last (its caches are warm, and those at the other end can be spared),
 * or with FIFO the one that has been idle longest.
 *
 * A request is written to its worker's socket at once, by whoever submits it or
 * reads the reply before it; what does not go in is written when the socket can
 * take more. A worker whose socket is closed gets nothing any more: the request
 * has not been begun, as it did not get through, and goes to the next one.
 *
 * A worker may close its channel and live; it has a second to end, then it is
 * killed (hear.c).
 *
 * D1	A member is in the idle list exactly while it is ready, has neither
 *	request nor session, nothing is on its way to it, and it is not to go.
 * D2	One request at a time is in a worker's hands.
 */
#include <errno.h>
#include <poll.h>

#include "core/fds.h"
#include "core/sys.h"
#include "worker/pool.h"
#include "worker/sys.h"

#define NUDGE_MS 20 /* until the kernel may have memory again */

/* The idle list */

void
sigchld__idle_remove(struct sigchld__member *member)
{
	struct sigchld_pool *pool = member->pool;

	if (!member->is_idle)
		return;
	if (member->sooner != NULL)
		member->sooner->later = member->later;
	else
		pool->idle = member->later;
	if (member->later != NULL)
		member->later->sooner = member->sooner;
	else
		pool->idle_last = member->sooner;
	member->is_idle = false;
	pool->n_idle--;
}

static void
put_first(struct sigchld_pool *pool, struct sigchld__member *member)
{
	member->sooner = NULL;
	member->later = pool->idle;
	if (pool->idle != NULL)
		pool->idle->sooner = member;
	else
		pool->idle_last = member;
	pool->idle = member;
}

static void
put_last(struct sigchld_pool *pool, struct sigchld__member *member)
{
	member->later = NULL;
	member->sooner = pool->idle_last;
	if (pool->idle_last != NULL)
		pool->idle_last->later = member;
	else
		pool->idle = member;
	pool->idle_last = member;
}

static void
put(struct sigchld__member *member)
{
	struct sigchld_pool *pool = member->pool;

	if (pool->o.flags & SIGCHLD_POOL_FIFO)
		put_last(pool, member);
	else
		put_first(pool, member);
	member->is_idle = true;
	pool->n_idle++;
}

/* Its channel */

void
sigchld__member_watch(struct sigchld__member *member, uint32_t events)
{
	struct sigchld_ctx *ctx = member->pool->part.ctx;
	struct sigchld_fdref ref = member->channel_ref;

	if (events == member->events || ref.generation == 0)
		return;
	if (events == 0)
		sigchld__poller_remove(&ctx->poller, ref.fd);
	else if (member->events == 0)
		(void)sigchld__poller_add(&ctx->poller, ref.fd, ref.generation,
		    events, false);
	else
		(void)sigchld__poller_change(&ctx->poller, ref.fd,
		    ref.generation, events);
	member->events = events;
	sigchld__fds_own_events(ref, events);
	if (!sigchld__poller_has_edges())
		sigchld__user_wake(&ctx->user); /* it may be in a poll */
}

/* No memory in the kernel: it would say so again at once. */
void
sigchld__member_rest(struct sigchld__member *member)
{
	sigchld__member_watch(member, 0);
	sigchld__after(member, &member->nudge, NUDGE_MS);
}

/*
 * It hears nothing any more: its end is near, or it has closed its channel. A
 * request of which not one byte went is as if it had not been given to it; what
 * went in part is judged with its end, for it may be what ends whoever reads it.
 */
static void
deafen(struct sigchld__member *member)
{
	struct sigchld__request *request = member->current;
	bool unsent = request != NULL && request->frame.sent == 0;

	member->deaf = true;
	sigchld__idle_remove(member);
	sigchld__channel_forget(&member->channel);
	sigchld__member_watch(member, POLLIN);
	sigchld__member_suspect(member);
	if (!unsent || member->session != 0)
		return;
	member->current = NULL;
	sigchld__member_state(member, SIGCHLD_WORKER_IDLE);
	sigchld__requests_push(&member->pool->backlog, request, true);
	sigchld__part_poke(&member->pool->part);
}

void
sigchld__member_flush(struct sigchld__member *member)
{
	int rc = sigchld__channel_flush(&member->channel, NULL);

	if (rc == -EPIPE)
		deafen(member);
	else if (rc < 0)
		sigchld__member_rest(member);
	else
		sigchld__member_watch(member,
		    rc > 0 ? POLLIN : POLLIN | POLLOUT);
}

void
sigchld__member_nudge(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld__member *member = SIGCHLD__MEMBER_OF(timer, nudge);

	(void)run;
	if (member->mute)
		return;
	sigchld__member_flush(member);
	sigchld__member_ready(member->pool->part.ctx, member);
}

void
sigchld__member_send(struct sigchld__member *member,
    struct sigchld__frame *frame, uint16_t type, uint64_t id)
{
	if (member->mute || member->deaf || member->dead)
		return;
	frame->head.type = type;
	frame->head.id = id;
	sigchld__channel_push(&member->channel, frame);
	sigchld__member_flush(member);
}

/* Its work */

static bool
is_busy(uint32_t state)
{
	return state == SIGCHLD_WORKER_BUSY || state == SIGCHLD_WORKER_SESSION;
}

/* Whatever was watched of the state before is not any more. */
void
sigchld__member_state(struct sigchld__member *member, uint32_t state)
{
	struct sigchld_pool *pool = member->pool;

	pool->n_busy += is_busy(state);
	pool->n_busy -= is_busy(member->state);
	if (pool->n_busy > pool->stats.most_busy)
		pool->stats.most_busy = pool->n_busy;
	member->state = state;
	sigchld__after(member, &member->timer, 0);
	if (!sigchld__pool_is_listener(pool))
		sigchld__after(member, &member->beat, 0);
}

void
sigchld__member_assign(struct sigchld__member *member,
    struct sigchld__request *request, int64_t now_us)
{
	sigchld__idle_remove(member);
	sigchld__member_state(member, SIGCHLD_WORKER_BUSY);
	member->current = request;
	member->slow = false;
	request->assigned_us = now_us;
	request->reply.wait_us =
	    (uint64_t)(request->assigned_us - request->submitted_us);
	sigchld__histogram_add(&member->pool->wait, request->reply.wait_us);
	request->reply.slot = member->slot;
	request->reply.pid = member->pid;
	sigchld__watch_request(member);
	sigchld__watch_beat(member);
	sigchld__member_send(member, &request->frame, SIGCHLD__REQUEST,
	    request->reply.id);
}

void
sigchld__pool_serve(struct sigchld_pool *pool)
{
	struct sigchld__request *request;

	while ((request = pool->backlog.first) != NULL && pool->idle != NULL) {
		sigchld__requests_take(&pool->backlog, request);
		sigchld__member_assign(pool->idle, request,
		    sigchld__sys_now_us());
	}
}

/* Shall it go, now that it has nothing to do? */
static bool
is_unwanted(const struct sigchld__member *member)
{
	const struct sigchld_pool *pool = member->pool;

	if (pool->stopping)
		return pool->backlog.n == 0 || !pool->finishing;
	return member->wish || pool->n_present > pool->o.workers_max;
}

void
sigchld__member_idle(struct sigchld__member *member, int64_t now_us)
{
	struct sigchld_pool *pool = member->pool;

	sigchld__member_state(member, SIGCHLD_WORKER_IDLE);
	member->idle_us = now_us;
	if (member->dead || member->mute || member->deaf ||
	    member->step >= SIGCHLD__SIGNALED)
		return;
	if (member->leaving)
		sigchld__member_tell(member);
	else if (is_unwanted(member))
		sigchld__member_leave(member,
		    pool->stopping ? SIGCHLD_STOPPED_POOL : SIGCHLD_RETIRED);
	else if (!sigchld__pool_is_listener(pool))
		put(member);
	sigchld__pool_serve(pool);
	sigchld__part_poke(&pool->part); /* there may be one too many now */
}
