/*
 * end.c - a worker has ended
 *
 * Told by the context, which has seen the end but not reaped yet. Its last words
 * are heard first, then everything of it is given up at once, and its request
 * goes to another worker or is LOST. So whichever came first, the end of its
 * channel or its status, the slot is closed once.
 *
 * A slot whose worker failed waits before it is forked again (pace.c):
 *
 *	it lived for stable_ms, or served a request	no wait, all is forgiven
 *	it was to go					no wait
 *	a deadline of its request ended it		no wait: that was one
 *	it had been ready, and is the first		no wait
 *	else						doubled each time
 *
 * Somebody who kills idle workers by hand sees each replaced at once; what falls
 * over as soon as it stands is slowed down.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "core/sys.h"
#include "worker/pool.h"
#include "worker/sys.h"

/* Why? */

static bool
is_crash(int sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE ||
	    sig == SIGILL || sig == SIGABRT || sig == SIGSYS || sig == SIGTRAP;
}

static uint32_t
reason_of_signal(const struct sigchld__member *member, int sig)
{
	bool told = member->step >= SIGCHLD__SIGNALED;

	if (told && member->leaving && sig == member->pool->o.stop_signal)
		return member->why;
	if (is_crash(sig))
		return SIGCHLD_CRASHED;
	return SIGCHLD_KILLED;
}

static uint32_t
reason_of_exit(const struct sigchld__member *member, int status)
{
	if (!member->ready && !(status == 0 && member->leaving))
		return SIGCHLD_INIT_FAILED;
	if (status != 0)
		return SIGCHLD_EXITED_BADLY;
	return member->leaving
	    ? member->why
	    : atomic_load_explicit(&member->page->plan, memory_order_relaxed);
}

/* By a signal of ours that nobody survives, or by one that says why. */
static bool
is_our_kill(const struct sigchld__member *member, int wstatus)
{
	if (member->doom == 0 || member->step < SIGCHLD__SIGNALED)
		return false;
	if (member->doom == SIGCHLD_KILLED_TIMEOUT ||
	    member->doom == SIGCHLD_KILLED_BEAT)
		return true;
	return member->step == SIGCHLD__DOOMED && WIFSIGNALED(wstatus) &&
	    WTERMSIG(wstatus) == SIGKILL;
}

static uint32_t
reason_of(const struct sigchld__member *member,
    const struct sigchld_event *event)
{
	int wstatus = event->wstatus;

	if (is_our_kill(member, wstatus))
		return member->doom;
	if (event->what == SIGCHLD_STOLEN)
		return SIGCHLD_LOST_STATUS;
	if (WIFSIGNALED(wstatus))
		return reason_of_signal(member, WTERMSIG(wstatus));
	return reason_of_exit(member, WEXITSTATUS(wstatus));
}

/* How soon again? */

static bool
is_failure(uint32_t reason)
{
	switch (reason) {
	case SIGCHLD_MAX_REQUESTS:
	case SIGCHLD_RECYCLED:
	case SIGCHLD_RETIRED:
	case SIGCHLD_ROLLED:
	case SIGCHLD_STOPPED_POOL:
	case SIGCHLD_KILLED_TIMEOUT:
	case SIGCHLD_KILLED_BEAT:
	case SIGCHLD_KILLED_STOP:
		return false;
	default:
		return true;
	}
}

static void
forgive(struct sigchld_pool *pool, struct sigchld__slot *slot)
{
	sigchld__backoff_succeeded(&slot->backoff);
	slot->pardoned = false;
	pool->failures = 0;
}

static uint32_t
brake(struct sigchld__member *member, struct sigchld__slot *slot)
{
	struct sigchld_pool *pool = member->pool;
	const struct sigchld_worker_end *end = &member->end;
	uint32_t stable_ms = pool->o.stable_ms, wait_ms;
	int64_t lived_ms = member->ready ? (int64_t)end->lived_ms : 0;
	bool stable = stable_ms > 0 && lived_ms >= stable_ms;

	if (end->served > 0 || stable) {
		forgive(pool, slot);
		return 0;
	}
	if (!is_failure(end->reason))
		return 0;
	pool->failures++;
	if (member->ready && !slot->pardoned && slot->backoff.failures == 0) {
		slot->pardoned = true;
		return 0;
	}
	wait_ms = sigchld__backoff_failed(&slot->backoff, lived_ms);
	slot->not_before = sigchld__sys_now_ms() + wait_ms;
	return wait_ms;
}

/* What it leaves */

static uint64_t
in_hand(const struct sigchld__member *member)
{
	const struct sigchld__page *page = member->page;

	if (member->current != NULL)
		return member->current->reply.id;
	if (!sigchld__pool_is_listener(member->pool) ||
	    atomic_load_explicit(&page->begun_ms, memory_order_acquire) == 0)
		return 0;
	return atomic_load_explicit(&page->begun, memory_order_relaxed);
}

static void
judge(struct sigchld__member *member, const struct sigchld_event *event)
{
	struct sigchld_worker_end *end = &member->end;
	int64_t lived_us = sigchld__sys_now_us() - member->forked_us;

	end->size = sizeof(*end);
	end->slot = member->slot;
	end->generation = member->generation;
	end->pid = member->pid;
	end->reason = reason_of(member, event);
	end->wstatus = event->wstatus;
	end->ready = member->ready;
	end->served =
	    atomic_load_explicit(&member->page->served, memory_order_relaxed);
	end->lived_ms = (uint64_t)lived_us / 1000;
	end->request = in_hand(member);
	member->pool->stats.ends[end->reason]++;
	member->pool->stats.served += end->served;
}

/* After its end was queued, so that the end is told first. */
static void
give_back(struct sigchld__member *member)
{
	struct sigchld__request *request = member->current;
	struct sigchld_reply *reply;
	uint64_t begun;
	bool again;

	if (request == NULL)
		return;
	member->current = NULL;
	reply = &request->reply;
	again = reply->session == 0;
	reply->session = 0; /* it is over */
	reply->reason = member->end.reason;
	reply->wstatus = member->end.wstatus;
	begun =
	    atomic_load_explicit(&member->page->begun, memory_order_acquire);
	reply->started = begun == reply->id;
	sigchld__request_return(request, again);
}

static void
hear_it_out(struct sigchld__member *member)
{
	while (sigchld__member_hear(member) > 0)
		;
}

/* If it still has a slot, that waits; a successor takes over at once. */
static void
leave_slot(struct sigchld__member *member)
{
	struct sigchld_pool *pool = member->pool;
	struct sigchld__slot *slot = &pool->slots[member->slot];
	struct sigchld__member *heir = slot->successor;

	if (member->leaving) {
		(void)brake(member, slot);
		return;
	}
	if (slot->successor == member) {
		slot->successor = NULL;
		sigchld__roll_failed(member);
		return;
	}
	sigchld__member_vacate(member);
	member->end.next_fork_ms = brake(member, slot);
	if (heir != NULL)
		sigchld__roll_promote(heir);
}

static void
part(struct sigchld__member *member)
{
	*member->at = member->next;
	if (member->next != NULL)
		member->next->at = member->at;
	member->pool->n_members--;
}

void
sigchld__member_ended(struct sigchld_child *child,
    const struct sigchld_event *event, void *user)
{
	struct sigchld__member *member = user;
	struct sigchld_pool *pool = member->pool;

	member->dead = true;
	sigchld__idle_remove(member);
	hear_it_out(member);
	judge(member, event);
	leave_slot(member);
	part(member);
	sigchld__session_over(member, SIGCHLD_SESSION_LOST);
	sigchld__notice(&pool->part, &member->end_notice); /* its last: N1 */
	give_back(member);
	sigchld__member_state(member, SIGCHLD_WORKER_IDLE);
	sigchld__member_close(member);
	member->child = NULL;
	sigchld__child_release(child);
	sigchld__pool_serve(pool);
	sigchld__pool_settle(pool);
	sigchld__part_poke(&pool->part);
}

/* Told */

struct telling {
	struct sigchld__hook hook;
	struct sigchld__member *member;
};

static void
telling_end(struct telling *telling)
{
	sigchld__hook_end(&telling->hook);
	if (!telling->hook.run->forked)
		sigchld__member_free(telling->member);
}

void
sigchld__tell_end(struct sigchld__run *run, struct sigchld__part *part,
    struct sigchld__notice *notice)
{
	struct sigchld_pool *pool = SIGCHLD__POOL_OF(part, part);
	struct sigchld__member *member = SIGCHLD__MEMBER_OF(notice, end_notice);
	__attribute__((cleanup(telling_end))) struct telling telling = {
		.hook = { .run = run, .part = &pool->part },
		.member = member,
	};

	sigchld__hook_begin(&telling.hook);
	if (pool->o.on_end != NULL)
		pool->o.on_end(pool, &member->end, pool->o.user);
}

struct sigchld__member *
sigchld__member_of_end(struct sigchld__notice *notice)
{
	return notice->tell == sigchld__tell_end
	    ? SIGCHLD__MEMBER_OF(notice, end_notice)
	    : NULL;
}
