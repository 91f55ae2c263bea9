/*
 * leave.c - a worker is to go; a pool is to stop
 *
 *	told		stop in its page, and a frame behind what it has to do
 *	stop_ms later	stop_signal
 *	kill_ms later	SIGKILL
 *
 * The same for one that is old, replaced, or one too many. Its slot is free at
 * once, for a successor. One that holds a session gets the frame when that is
 * over. A worker whose request or heartbeat is overdue is aborted: abort_signal,
 * and abort_ms later SIGKILL. One that talks rubbish, or is not ready in time, is
 * killed.
 *
 * L1	Steps only go forward: each worker gets each signal once at most.
 * L2	A stop that is called again can only bring the next step nearer.
 * L3	Nobody is forked while the pool stops; it has stopped when the last one
 *	was reaped, and every request was completed before that is told.
 */
#include <errno.h>
#include <signal.h>

#include "core/sys.h"
#include "worker/pool.h"

/* One worker */

void
sigchld__member_vacate(struct sigchld__member *member)
{
	struct sigchld_pool *pool = member->pool;
	struct sigchld__slot *slot = &pool->slots[member->slot];

	if (slot->successor == member)
		slot->successor = NULL;
	if (slot->member != member)
		return;
	slot->member = NULL;
	pool->n_present--;
	if (member->ready)
		pool->n_ready--;
	else
		pool->n_starting--;
}

/* A session goes on until it is over, unless the pool stops; and then what was
 * submitted to it is finished, if that is wanted. */
static bool
must_finish(const struct sigchld__member *member)
{
	const struct sigchld_pool *pool = member->pool;

	return !pool->stopping ||
	    (pool->finishing && member->waiting.first != NULL);
}

void
sigchld__member_tell(struct sigchld__member *member)
{
	atomic_store_explicit(&member->page->stop, 1, memory_order_relaxed);
	if (member->step != SIGCHLD__STAYS)
		return;
	if (member->session != 0 && must_finish(member))
		return;
	member->step = SIGCHLD__TOLD;
	sigchld__member_send(member, &member->stop_frame, SIGCHLD__STOP, 0);
}

/* The next step at this time (0: never), if it is not to be sooner. */
static void
hurry(struct sigchld__member *member, int64_t at)
{
	int64_t before = member->leave.at;

	if (at != 0 && member->step < SIGCHLD__SIGNALED &&
	    (before == 0 || at < before))
		sigchld__timer_set(member->pool->part.ctx, &member->leave, at);
}

static int64_t
in(uint32_t ms)
{
	return ms == 0 ? 0 : sigchld__sys_now_ms() + ms;
}

static void
depart(struct sigchld__member *member, uint32_t why)
{
	member->leaving = true;
	member->why = why;
	sigchld__member_vacate(member);
	sigchld__idle_remove(member);
	hurry(member,
	    member->pool->stopping ? member->pool->stop_at
				   : in(member->pool->o.stop_ms));
}

void
sigchld__member_goes(struct sigchld__member *member, uint32_t why)
{
	if (member->leaving)
		return;
	member->step = SIGCHLD__TOLD;
	depart(member, why);
	sigchld__part_poke(&member->pool->part);
}

void
sigchld__member_leave(struct sigchld__member *member, uint32_t why)
{
	if (!member->leaving)
		depart(member, why);
	if (member->pool->stopping && member->state == SIGCHLD_WORKER_SESSION)
		sigchld__session_over(member, SIGCHLD_SESSION_STOPPED);
	sigchld__member_tell(member);
	sigchld__part_poke(&member->pool->part);
}

void
sigchld__member_kill(struct sigchld__member *member, uint32_t why)
{
	if (member->step == SIGCHLD__DOOMED)
		return;
	member->step = SIGCHLD__DOOMED;
	member->doom = why;
	sigchld__idle_remove(member);
	sigchld__after(member, &member->leave, 0);
	(void)sigchld__member_signal(member, SIGKILL);
}

void
sigchld__member_abort(struct sigchld__member *member, uint32_t why)
{
	if (member->step >= SIGCHLD__SIGNALED)
		return;
	member->step = SIGCHLD__SIGNALED;
	member->doom = why;
	sigchld__idle_remove(member);
	sigchld__after(member, &member->leave, member->pool->o.abort_ms);
	(void)sigchld__member_signal(member, member->pool->o.abort_signal);
}

void
sigchld__leave_due(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld__member *member = SIGCHLD__MEMBER_OF(timer, leave);
	struct sigchld_pool *pool = member->pool;

	(void)run;
	if (member->doom != 0) {
		sigchld__member_kill(member, member->doom);
	} else if (member->step < SIGCHLD__SIGNALED) {
		member->step = SIGCHLD__SIGNALED;
		sigchld__after(member, &member->leave, pool->o.kill_ms);
		(void)sigchld__member_signal(member, pool->o.stop_signal);
	} else {
		sigchld__member_kill(member, SIGCHLD_KILLED_STOP);
	}
}

/* The pool */

static bool
may_finish(const struct sigchld__member *member)
{
	return member->pool->finishing && member->pool->backlog.n > 0 &&
	    !member->leaving && member->state != SIGCHLD_WORKER_SESSION;
}

/* Each on its way, as far as it may be by now. */
static void
send_off(struct sigchld_pool *pool)
{
	struct sigchld__member *member;

	for (member = pool->members; member != NULL; member = member->next) {
		if (!pool->finishing)
			sigchld__requests_reject(&member->waiting,
			    SIGCHLD_REJECTED);
		if (!may_finish(member))
			sigchld__member_leave(member, SIGCHLD_STOPPED_POOL);
		hurry(member, pool->stop_at);
	}
}

static void
begin_to_stop(struct sigchld_pool *pool, uint32_t how, int64_t at)
{
	bool first = !pool->stopping;

	pool->stopping = true;
	pool->rolling = false;
	pool->finishing =
	    how == SIGCHLD_STOP_FINISH && (first || pool->finishing);
	if (first || (at != 0 && (pool->stop_at == 0 || at < pool->stop_at)))
		pool->stop_at = at;
	if (!pool->finishing)
		sigchld__requests_reject(&pool->backlog, SIGCHLD_REJECTED);
	sigchld__timer_set(pool->part.ctx, &pool->fork_timer, 0);
	sigchld__timer_set(pool->part.ctx, &pool->tick, 0);
	sigchld__timer_set(pool->part.ctx, &pool->idle_timer, 0);
	sigchld__timer_set(pool->part.ctx, &pool->stop_timer,
	    pool->finishing ? pool->stop_at : 0);
	send_off(pool);
	sigchld__pool_settle(pool);
	sigchld__part_poke(&pool->part);
}

/* There was time enough to finish. */
void
sigchld__stop_due(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld_pool *pool = SIGCHLD__POOL_OF(timer, stop_timer);

	(void)run;
	begin_to_stop(pool, SIGCHLD_STOP_REJECT, pool->stop_at);
}

/* Nobody is left who could do what waits: L3. */
void
sigchld__pool_settle(struct sigchld_pool *pool)
{
	if (pool->stopping && pool->n_members == 0)
		sigchld__requests_reject(&pool->backlog, SIGCHLD_REJECTED);
}

int
sigchld_pool_stop(struct sigchld_pool *pool, uint32_t how, uint32_t grace_ms)
{
	int64_t at = 0;
	int rc;

	if (how > SIGCHLD_STOP_FINISH)
		return -EINVAL;
	rc = sigchld__pool_lock(pool);
	if (rc < 0)
		return rc;
	if (grace_ms != SIGCHLD_POOL_NONE)
		at = sigchld__sys_now_ms() + grace_ms;
	begin_to_stop(pool, how, at);
	sigchld__pool_unlock(pool);
	return 0;
}
