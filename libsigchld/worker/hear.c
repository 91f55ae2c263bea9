/*
 * hear.c - what comes from a worker
 *
 *	worker			parent
 *
 *	READY			it is idle, or replaces the one before it
 *	REPLY id, payload	the request is DONE; the worker is idle, or holds
 *				a session (KEEPS), or goes (FULL, RECYCLES)
 *	FREE			it has taken leave of its session; idle, or goes
 *	end of file		it is about to end, or will be made to
 *	anything else		SIGKILL
 *
 * W1	A worker is believed what a worker may say just then. What does not fit
 *	its state is rubbish, and ends it: it may have lost its mind.
 * W2	One message of each worker in a dispatch, or what one call gave: whoever
 *	talks fast delays no other.
 * W3	What a worker said before it ended counts: its messages are heard before
 *	its end is judged (end.c), and before a deadline is (overdue.c).
 * W4	A worker that ends closes its channel a moment before it can be reaped.
 *	So the end of file alone is no reason to kill it: it has EOF_MS to end.
 */
#include <errno.h>
#include <poll.h>

#include "core/sys.h"
#include "worker/pool.h"
#include "worker/sys.h"

#define EOF_MS 1000

static int
heed_ready(struct sigchld__member *member)
{
	struct sigchld_pool *pool = member->pool;
	int64_t now_us = sigchld__sys_now_us();

	if (member->ready)
		return -EPROTO;
	member->ready = true;
	sigchld__histogram_add(&pool->boot,
	    (uint64_t)(now_us - member->forked_us));
	if (member->successor) {
		sigchld__roll_promote(member);
	} else if (!member->leaving) {
		pool->n_starting--;
		pool->n_ready++;
	}
	sigchld__member_idle(member, now_us);
	if (sigchld__pool_is_listener(pool) && !member->leaving) {
		sigchld__watch_request(member);
		sigchld__watch_beat(member);
	}
	return 1;
}

/* It says that it goes, and needs no telling. */
static bool
heed_plans(struct sigchld__member *member, uint16_t type)
{
	if (type & SIGCHLD__FULL)
		sigchld__member_goes(member, SIGCHLD_MAX_REQUESTS);
	else if (type & SIGCHLD__RECYCLES)
		sigchld__member_goes(member, SIGCHLD_RECYCLED);
	return (type & (SIGCHLD__FULL | SIGCHLD__RECYCLES)) != 0;
}

static void
complete(struct sigchld__member *member, const struct sigchld__message *message,
    int64_t now_us)
{
	struct sigchld_pool *pool = member->pool;
	struct sigchld__request *request = member->current;
	struct sigchld_reply *reply = &request->reply;

	member->current = NULL;
	reply->data = request->load.data;
	reply->len = (size_t)message->size;
	reply->started = 1;
	reply->status = atomic_load_explicit(&member->page->status,
	    memory_order_acquire); /* S3 in page.c */
	reply->session = member->session;
	reply->service_us = (uint64_t)(now_us - request->assigned_us);
	sigchld__histogram_add(&pool->service, reply->service_us);
	sigchld__request_complete(request, SIGCHLD_DONE);
}

static int
heed_reply(struct sigchld__member *member,
    const struct sigchld__message *message)
{
	struct sigchld_pool *pool = member->pool;
	bool keeps = (message->type & SIGCHLD__KEEPS) != 0 &&
	    (member->session != 0 || !member->dead);
	int64_t now_us = sigchld__sys_now_us();
	int rc = 0;

	if (member->current == NULL && member->step >= SIGCHLD__SIGNALED)
		return 1; /* too late */
	if (member->current == NULL || message->id != member->current->reply.id)
		return -EPROTO;
	if (message->size > 0)
		rc = sigchld__channel_keep(&member->channel,
		    &member->current->load);
	if (rc < 0)
		return rc;
	if (keeps && member->session == 0) {
		member->session = ++pool->last_id;
		pool->stats.sessions++;
	} else if (!keeps && member->session != 0) {
		sigchld__session_over(member,
		    message->type & (SIGCHLD__FULL | SIGCHLD__RECYCLES)
			? SIGCHLD_SESSION_STOPPED
			: SIGCHLD_SESSION_RELEASED);
	}
	complete(member, message, now_us);
	if (heed_plans(member, message->type))
		sigchld__member_state(member, SIGCHLD_WORKER_IDLE);
	else if (keeps)
		sigchld__session_next(member);
	else
		sigchld__member_idle(member, now_us);
	return 1;
}

static int
heed_free(struct sigchld__member *member, uint16_t type)
{
	if (!member->freeing)
		return member->step >= SIGCHLD__SIGNALED ? 1 : -EPROTO;
	member->freeing = false;
	if (heed_plans(member, type))
		sigchld__member_state(member, SIGCHLD_WORKER_IDLE);
	else
		sigchld__member_idle(member, sigchld__sys_now_us());
	return 1;
}

static int
heed(struct sigchld__member *member, const struct sigchld__message *message)
{
	switch (message->type & SIGCHLD__TYPE) {
	case SIGCHLD__READY:
		return heed_ready(member);
	case SIGCHLD__REPLY:
		return member->ready ? heed_reply(member, message) : -EPROTO;
	case SIGCHLD__FREE:
		return heed_free(member, message->type);
	default:
		return -EPROTO;
	}
}

/* What a session came to is told first: there is room for one. */
static bool
must_wait(const struct sigchld__member *member)
{
	return member->over_notice.queued && !member->dead;
}

int
sigchld__member_hear(struct sigchld__member *member)
{
	struct sigchld__message message;
	int rc;

	if (member->mute || must_wait(member))
		return 0;
	rc = sigchld__channel_receive(&member->channel, &message);
	if (rc <= 0)
		return rc;
	rc = heed(member, &message);
	if (rc != -ENOMEM) /* else it comes again */
		sigchld__channel_done(&member->channel);
	return rc;
}

/* W4. */
void
sigchld__member_suspect(struct sigchld__member *member)
{
	if (member->step >= SIGCHLD__SIGNALED || member->doom != 0)
		return;
	member->doom = SIGCHLD_KILLED_PROTOCOL;
	sigchld__after(member, &member->leave, EOF_MS);
}

/* Nothing comes any more: W4, or W1. */
static void
hung_up(struct sigchld__member *member, int rc)
{
	bool ended =
	    rc == -EPIPE || sigchld__sys_is_hung_up(member->channel.fd);

	member->mute = true;
	sigchld__idle_remove(member);
	sigchld__member_watch(member, 0);
	if (member->step == SIGCHLD__DOOMED)
		return;
	if (!ended) {
		sigchld__member_kill(member, SIGCHLD_KILLED_PROTOCOL);
		return;
	}
	sigchld__member_suspect(member);
}

void
sigchld__member_ready(struct sigchld_ctx *ctx, void *user)
{
	struct sigchld__member *member = user;
	int rc;

	(void)ctx;
	if (member->channel.out != NULL)
		sigchld__member_flush(member);
	do
		rc = sigchld__member_hear(member);
	while (rc > 0 && sigchld__channel_is_ahead(&member->channel));
	if (rc == -ENOMEM || rc == -ENOBUFS)
		sigchld__member_rest(member);
	else if (rc < 0)
		hung_up(member, rc);
}
