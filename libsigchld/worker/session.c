/*
 * session.c - one client, one worker, for a while
 *
 *	on_request holds	the reply names a session; its worker is kept for it
 *	submit to it		to that worker, one at a time, the others wait
 *	nothing for		it is over: the worker is told, and takes leave
 *	    keepalive_ms
 *	disconnect		the same, when what was submitted is done
 *	on_request lets go,	it is over with that reply
 *	    or recycles
 *	the worker ends		it is over, what waits is REJECTED
 *
 * E1	A session is over once, and its client is told once (on_session), after
 *	the reply that ended it, if one did.
 * E2	Whoever submits to a session that is over is told -ENOENT: a name is never
 *	given again.
 * E3	The worker takes leave (on_disconnect) before it gets anything else: it
 *	says FREE, and is busy until then.
 */
#include <errno.h>

#include "worker/pool.h"
#include "worker/sys.h"

void
sigchld__tell_over(struct sigchld__run *run, struct sigchld__part *part,
    struct sigchld__notice *notice)
{
	struct sigchld_pool *pool = SIGCHLD__POOL_OF(part, part);
	struct sigchld__member *member =
	    SIGCHLD__MEMBER_OF(notice, over_notice);
	uint64_t session = member->over;
	uint32_t why = member->over_why;
	__attribute__((cleanup(sigchld__hook_end))) struct sigchld__hook
	    hook = {
		    .run = run,
		    .part = &pool->part,
	    };

	member->over = 0;
	if (sigchld__channel_is_ahead(&member->channel))
		sigchld__after(member, &member->nudge, 1); /* it had to wait */
	sigchld__hook_begin(&hook);
	pool->o.on_session(pool, session, why, pool->o.user);
}

void
sigchld__session_over(struct sigchld__member *member, uint32_t why)
{
	struct sigchld_pool *pool = member->pool;

	if (member->session == 0)
		return;
	member->over = member->session;
	member->over_why = why;
	member->session = 0;
	member->disconnecting = false;
	sigchld__requests_reject(&member->waiting, SIGCHLD_REJECTED);
	if (pool->o.on_session != NULL)
		sigchld__notice(&pool->part, &member->over_notice);
}

/* Few hold one, and whoever has one asks seldom. */
struct sigchld__member *
sigchld__session_find(struct sigchld_pool *pool, uint64_t session)
{
	struct sigchld__member *member = pool->members;

	while (member != NULL && member->session != session)
		member = member->next;
	return member;
}

/* With nothing in its hands: the worker takes leave of its client. */
static void
end_it(struct sigchld__member *member, uint32_t why)
{
	sigchld__session_over(member, why);
	member->freeing = true;
	sigchld__member_state(member, SIGCHLD_WORKER_BUSY);
	sigchld__watch_beat(member);
	sigchld__member_send(member, &member->disconnect_frame,
	    SIGCHLD__DISCONNECT, 0);
}

void
sigchld__session_keepalive(struct sigchld__member *member)
{
	end_it(member, SIGCHLD_SESSION_KEEPALIVE);
}

/* It has replied, and holds the session: what is next? */
void
sigchld__session_next(struct sigchld__member *member)
{
	struct sigchld_pool *pool = member->pool;
	struct sigchld__request *request = member->waiting.first;

	sigchld__member_state(member, SIGCHLD_WORKER_SESSION);
	if (member->dead)
		return; /* its end tells */
	if (member->leaving && pool->stopping &&
	    !(pool->finishing && request != NULL)) {
		sigchld__session_over(member, SIGCHLD_SESSION_STOPPED);
		sigchld__member_tell(member);
	} else if (request != NULL) {
		sigchld__requests_take(&member->waiting, request);
		sigchld__member_assign(member, request, sigchld__sys_now_us());
	} else if (member->disconnecting) {
		end_it(member, SIGCHLD_SESSION_CLOSED);
	} else {
		sigchld__after(member, &member->timer, pool->o.keepalive_ms);
	}
}

int
sigchld_pool_disconnect(struct sigchld_pool *pool, uint64_t session)
{
	struct sigchld__member *member;
	int rc;

	rc = sigchld__pool_lock(pool);
	if (rc < 0)
		return rc;
	member = session == 0 ? NULL : sigchld__session_find(pool, session);
	if (member == NULL || member->disconnecting)
		rc = -ENOENT;
	else if (member->state == SIGCHLD_WORKER_SESSION)
		end_it(member, SIGCHLD_SESSION_CLOSED);
	else
		member->disconnecting = true;
	sigchld__pool_unlock(pool);
	return rc;
}
