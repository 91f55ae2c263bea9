/*
 * member.c - a worker is made
 *
 *	with C			room for it: page, channel, leash (a slot's,
 *				where it can be shared); under the no-fork lock,
 *				until all of that stands in the descriptor table
 *	C dropped		before_fork
 *	C dropped		birth (core/birth.c): fork; the child hatches
 *				(hatch.c) and never comes back
 *	with C			it is a member; its ends are closed here
 *	C dropped		after_fork
 *
 * M1	Whatever can fail is done before the fork. If it fails, nothing is left
 *	of it but the slot's leash, and the pool serves with what it has and tries
 *	again later.
 * M2	Forks are made by the thread that dispatches the context, so no end can
 *	be told before this is over.
 * M3	The pool may be closed while C is dropped, even by another thread. It
 *	does not touch what is not a member yet; whoever comes back here sees to
 *	that.
 * M4	All ends of all channels and leashes stand in the table: those that the
 *	worker is to have are taken out of it by the child, the rest is closed
 *	there by sigchld_postfork. So no worker has anything of another's.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/birth.h"
#include "core/fds.h"
#include "core/sys.h"
#include "worker/leash.h"
#include "worker/pool.h"
#include "worker/sys.h"

/* Made */

static void
init(struct sigchld__member *member, struct sigchld_pool *pool, uint32_t slot,
    bool successor)
{
	member->pool = pool;
	member->slot = slot;
	member->successor = successor;
	member->generation = pool->generation;
	member->state = SIGCHLD_WORKER_STARTING;
	if (pool->o.max_requests > 0)
		member->limit = (uint64_t)pool->o.max_requests +
		    sigchld__jitter(&pool->dice, pool->o.max_requests_jitter);
	sigchld__requests_init(&member->waiting);
	member->timer.fn = sigchld__timer_due;
	member->beat.fn = sigchld__beat_due;
	member->life.fn = sigchld__life_due;
	member->leave.fn = sigchld__leave_due;
	member->nudge.fn = sigchld__member_nudge;
	member->end_notice.tell = sigchld__tell_end;
	member->slow_notice.tell = sigchld__tell_slow;
	member->over_notice.tell = sigchld__tell_over;
	sigchld__channel_init(&member->channel, -1, pool->o.reply_max,
	    &pool->spare);
}

static int
own(struct sigchld_ctx *ctx, int fd, uint32_t events,
    struct sigchld__member *member, struct sigchld_fdref *ret_ref)
{
	return sigchld__fds_insert_own(ctx, fd, events,
	    events == 0 ? NULL : sigchld__member_ready, member, ret_ref);
}

/* Into the table with both. What fails leaves none open. */
static int
own_channel(struct sigchld__member *member, const int channel[2])
{
	struct sigchld_ctx *ctx = member->pool->part.ctx;
	int rc;

	rc = own(ctx, channel[0], POLLIN, member, &member->channel_ref);
	if (rc == 0)
		rc = own(ctx, channel[1], 0, member, &member->theirs[0]);
	if (rc == 0)
		rc = sigchld__poller_add(&ctx->poller, channel[0],
		    member->channel_ref.generation, POLLIN, false);
	if (rc == 0) {
		member->channel.fd = channel[0];
		member->events = POLLIN;
		return 0;
	}
	sigchld__fds_close_own(channel[0], &member->channel_ref);
	sigchld__fds_close_own(channel[1], &member->theirs[0]);
	return rc;
}

static int
open_channel(struct sigchld__member *member)
{
	int channel[2], rc;

	rc = sigchld__channel_pair(channel);
	if (rc < 0)
		return rc;
	if (!sigchld__pool_is_listener(member->pool)) {
		sigchld__channel_widen(channel[0]);
		sigchld__channel_widen(channel[1]);
	}
	return own_channel(member, channel);
}

static struct sigchld_fdref *
shared_leash(const struct sigchld__member *member)
{
	uint32_t first = member->slot - member->slot % SIGCHLD__LEASHED;

	return &member->pool->slots[first].leash_ref;
}

/* A pipe: the first is kept for others, if they can have it. */
static int
new_leash(struct sigchld__member *member, int *ret_worker)
{
	struct sigchld_fdref *ref = shared_leash(member);
	int parent, rc;

	if (ref->generation != 0 || !sigchld__leash_can_share())
		ref = &member->leash_ref;
	rc = sigchld__leash_pair(ret_worker, &parent);
	if (rc < 0)
		return rc;
	rc = own(member->pool->part.ctx, parent, 0, member, ref);
	if (rc < 0) {
		sigchld__fds_close_own(parent, ref);
		(void)sigchld__sys_close(*ret_worker);
	}
	return rc;
}

static int
open_leash(struct sigchld__member *member)
{
	const struct sigchld_fdref *shared = shared_leash(member);
	int worker, rc = -ENOTSUP;

	if (shared->generation != 0)
		rc = sigchld__leash_share(shared->fd, &worker);
	if (rc < 0)
		rc = new_leash(member, &worker);
	if (rc < 0)
		return rc;
	rc = own(member->pool->part.ctx, worker, 0, member, &member->theirs[1]);
	if (rc < 0)
		sigchld__fds_close_own(worker, &member->theirs[1]);
	return rc;
}

/* Under the no-fork lock. What was opened when another fails is the caller's to
 * close, with the member. */
static int
open_all(struct sigchld__member *member)
{
	int rc = sigchld__page_open(&member->pool->pages, &member->page);

	if (rc == 0)
		rc = open_channel(member);
	if (rc == 0)
		rc = open_leash(member);
	return rc;
}

static int
make(struct sigchld_pool *pool, uint32_t slot, bool successor,
    struct sigchld__member **ret_member)
{
	struct sigchld__member *member = sigchld__sys_alloc(1, sizeof(*member));
	int rc;

	if (member == NULL)
		return -ENOMEM;
	init(member, pool, slot, successor);
	sigchld__nofork_begin();
	rc = open_all(member);
	sigchld__nofork_end();
	if (rc < 0)
		sigchld__member_free(member);
	else
		*ret_member = member;
	return rc;
}

/* Closed and freed */

static void
close_theirs(struct sigchld__member *member)
{
	sigchld__fds_close_own(-1, &member->theirs[0]);
	sigchld__fds_close_own(-1, &member->theirs[1]);
}

void
sigchld__member_close(struct sigchld__member *member)
{
	sigchld__after(member, &member->timer, 0);
	sigchld__after(member, &member->beat, 0);
	sigchld__after(member, &member->life, 0);
	sigchld__after(member, &member->leave, 0);
	sigchld__after(member, &member->nudge, 0);
	sigchld__member_watch(member, 0);
	close_theirs(member);
	sigchld__fds_close_own(-1, &member->channel_ref);
	sigchld__fds_close_own(-1, &member->leash_ref);
	sigchld__channel_clear(&member->channel);
}

void
sigchld__member_free(struct sigchld__member *member)
{
	sigchld__member_close(member);
	if (member->page != NULL)
		sigchld__page_free(&member->pool->pages, member->page);
	free(member);
}

int
sigchld__member_signal(struct sigchld__member *member, int sig)
{
	return sigchld__child_signal(member->child, sig);
}

/* Forked */

/* What the child is made with; and whatever ends it, what follows. */
struct bearing {
	struct sigchld__birth birth;
	struct sigchld__hook hook;
	struct sigchld__member *member;
	pid_t pid;
};

static pid_t
bear(struct sigchld__birth *birth)
{
	struct bearing *bearing = (struct bearing *)(void *)birth;
	pid_t pid = sigchld__birth_fork(birth);

	if (pid == 0)
		sigchld__worker_hatch(bearing->member, &birth->mask);
	return pid;
}

static pid_t
fork_it(struct sigchld__run *run, struct sigchld__member *member)
{
	struct sigchld_pool *pool = member->pool;
	struct bearing b = {
		.birth = { .make = bear },
		.hook = { .run = run, .part = &pool->part },
		.member = member,
	};
	uint32_t flags = SIGCHLD__CHILD_OWN;

	if (pool->o.flags & SIGCHLD_POOL_OWN_GROUP)
		flags |= SIGCHLD__CHILD_GROUP;
	sigchld__hook_begin(&b.hook);
	run->calls--; /* this is none of the application's */
	b.pid = sigchld__birth(pool->part.ctx, &member->child, flags, &b.birth,
	    sigchld__member_ended, member);
	sigchld__hook_end(&b.hook);
	return b.pid;
}

/* In the list of all, and in its slot, or behind whom it is to replace. */
static void
join(struct sigchld__member *member)
{
	struct sigchld_pool *pool = member->pool;
	struct sigchld__slot *slot = &pool->slots[member->slot];

	member->next = pool->members;
	member->at = &pool->members;
	if (member->next != NULL)
		member->next->at = &member->next;
	pool->members = member;
	pool->n_members++;
	if (pool->n_members > pool->stats.most_workers)
		pool->stats.most_workers = pool->n_members;
	if (member->successor && slot->member != NULL) {
		slot->successor = member;
		return;
	}
	member->successor = false;
	slot->member = member;
	pool->n_present++;
	pool->n_starting++;
}

static void
begin(struct sigchld__member *member, pid_t pid)
{
	struct sigchld_pool *pool = member->pool;
	uint32_t life_ms = pool->o.max_life_ms;

	member->pid = pid;
	member->forked_us = sigchld__sys_now_us();
	close_theirs(member);
	sigchld__page_close(member->page);
	pool->stats.spawned++;
	sigchld__backoff_succeeded(&pool->fork_backoff);
	join(member);
	sigchld__after(member, &member->timer, pool->o.boot_ms);
	if (life_ms > 0)
		life_ms +=
		    sigchld__jitter(&pool->dice, pool->o.max_life_jitter_ms);
	sigchld__after(member, &member->life, life_ms);
	if (pool->stopping)
		sigchld__member_leave(member, SIGCHLD_STOPPED_POOL);
}

static void
failed(struct sigchld_pool *pool, int rc)
{
	uint32_t wait_ms = sigchld__backoff_failed(&pool->fork_backoff, 0);

	pool->stats.fork_failed++;
	pool->stats.last_error = (uint64_t)-rc;
	pool->fork_not_before = sigchld__sys_now_ms() + wait_ms;
}

static void
before_fork(struct sigchld__run *run, struct sigchld_pool *pool, uint32_t slot)
{
	__attribute__((cleanup(sigchld__hook_end))) struct sigchld__hook
	    hook = {
		    .run = run,
		    .part = &pool->part,
	    };

	sigchld__hook_begin(&hook);
	pool->o.before_fork(pool, slot, pool->o.user);
}

static void
after_fork(struct sigchld__run *run, struct sigchld_pool *pool, uint32_t slot,
    pid_t pid)
{
	__attribute__((cleanup(sigchld__hook_end))) struct sigchld__hook
	    hook = {
		    .run = run,
		    .part = &pool->part,
	    };

	sigchld__hook_begin(&hook);
	pool->o.after_fork(pool, slot, pid, pool->o.user);
}

/* It was closed meanwhile: nobody else knows of this one. */
static void
abandon(struct sigchld__member *member)
{
	if (member->child != NULL) {
		(void)sigchld__member_signal(member, SIGKILL);
		sigchld__child_release(member->child);
	}
	sigchld__member_free(member);
}

bool
sigchld__member_fork(struct sigchld__run *run, struct sigchld_pool *pool,
    uint32_t slot, bool successor)
{
	struct sigchld__member *member;
	pid_t pid;
	int rc;

	if (pool->o.before_fork != NULL)
		before_fork(run, pool, slot);
	if (run->forked || pool->part.closed || pool->stopping)
		return false;
	rc = make(pool, slot, successor, &member);
	pid = rc < 0 ? rc : fork_it(run, member);
	if (rc == 0 && (pid < 0 || pool->part.closed))
		abandon(member);
	if (pool->part.closed)
		return false;
	if (pid < 0)
		failed(pool, pid);
	else
		begin(member, pid);
	if (pool->o.after_fork != NULL)
		after_fork(run, pool, slot, pid);
	return pid > 0 && !run->forked && !pool->part.closed;
}
