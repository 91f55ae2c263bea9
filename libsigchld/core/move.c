/*
 * move.c - give a child to another context
 *
 *	lock both contexts	in the order of their addresses
 *	copy the pidfd		-EMFILE
 *	reserve in the new one	-EBUSY, -ENOMEM: for a stand-in, so that the
 *				child is as it was if this fails
 *	leave the old one
 *	child->ctx = the new	with T, too: see sigchld__child_lock
 *	be admitted there, with what is still to tell
 *
 * While a callback of the child runs, or somebody waits for it or is about to
 * free it, it stays.
 *
 * A copy of the pidfd, rather than the old one, goes to the new context: what can
 * fail is done first. Whatever happened to the child while nobody watched, the
 * new context is told: its set, or a peek, sees what is, not what happens.
 */
#include <errno.h>
#include <stddef.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/ctx.h"
#include "core/pidfd.h"
#include "core/registry.h"
#include "core/sys.h"

static void
lock_both(struct sigchld_ctx *a, struct sigchld_ctx *b)
{
	sigchld__ctx_lock(a < b ? a : b);
	if (a != b)
		sigchld__ctx_lock(a < b ? b : a);
}

static void
unlock_both(struct sigchld_ctx *a, struct sigchld_ctx *b)
{
	sigchld__ctx_unlock(a);
	if (a != b)
		sigchld__ctx_unlock(b);
}

/* Its context, with a reference, and both locked. */
static struct sigchld_ctx *
lock_child_and(struct sigchld_child *child, struct sigchld_ctx *to)
{
	struct sigchld_ctx *from;

	for (;;) {
		from = sigchld__child_ref_ctx(child);
		lock_both(from, to);
		if (child->ctx == from)
			return from;
		unlock_both(from, to);
		sigchld__ctx_unref(from);
	}
}

static int
may_move(const struct sigchld_child *child, const struct sigchld_ctx *to)
{
	if (to->closed)
		return -EINVAL;
	if (child->silent && !sigchld__pidfd_wanted(to))
		return -ENOTSUP;
	if (child->state == SIGCHLD__GONE || child->released ||
	    child->discarded)
		return -ESRCH;
	return child->calling || child->waiter != NULL || child->pins > 0
	    ? -EBUSY
	    : 0;
}

static void
leave(struct sigchld_child *child)
{
	sigchld__child_unqueue(child);
	sigchld__depend_end(child);
	sigchld__child_unlink(child);
	(void)sigchld__ctx_need(child->ctx); /* less: cannot fail */
}

/* The reference to the old one is the caller's from now on. */
static void
change_ctx(struct sigchld_child *child, struct sigchld_ctx *to)
{
	sigchld__ctx_ref(to);
	sigchld__registry_lock();
	sigchld__registry_forget_news(child);
	atomic_store(&child->ctx, to);
	sigchld__registry_unlock();
}

static void
join(struct sigchld_child *child, const struct sigchld_child *reserved,
    int pidfd)
{
	struct sigchld_ctx *to = child->ctx;
	int64_t first = to->deadlines[SIGCHLD__KILL_AT];

	child->depends = reserved->depends;
	child->guarded = reserved->guarded;
	child->counts_stops = reserved->counts_stops;
	child->unborn = reserved->unborn;
	(void)sigchld__depend_admit(child, pidfd, true);
	if (child->kill_at != 0 && (first == 0 || child->kill_at < first))
		sigchld__deadline_set(to, SIGCHLD__KILL_AT, child->kill_at);
	if (child->state == SIGCHLD__ENDED || child->has_stop) {
		sigchld__child_queue(child);
		sigchld__user_wake(&to->user);
	}
}

/* While it moves nobody routes an orphan to it (O3 in orphan.c); whoever wanted
 * to looks once more. */
static bool
begin(struct sigchld_child *child)
{
	bool free;

	sigchld__registry_lock();
	free = atomic_load(&child->n_orphans) == 0;
	child->moving = free;
	sigchld__registry_unlock();
	return free;
}

static void
end(struct sigchld_child *child)
{
	sigchld__registry_lock();
	child->moving = false;
	if (child->flags & SIGCHLD_CHILD_DESCENDANTS)
		sigchld__registry_sweep_strays();
	sigchld__registry_unlock();
}

/* With both, and N: the copy of the pidfd is in no table yet. */
static int
move(struct sigchld_child *child, struct sigchld_ctx *to)
{
	struct sigchld_child reserved = { .ctx = to, .flags = child->flags };
	int pidfd = -1, rc;
	bool copied;

	if (child->pidfd.fd != -1)
		pidfd = sigchld__sys_dup(child->pidfd.fd);
	if (child->pidfd.fd != -1 && pidfd < 0)
		return pidfd;
	reserved.pidfd.fd = -1;
	rc = sigchld__depend_reserve(&reserved);
	if (rc < 0) {
		if (pidfd != -1)
			(void)sigchld__sys_close(pidfd);
		return rc;
	}
	copied = child->copied;
	child->copied = true;
	leave(child);
	child->copied = copied;
	change_ctx(child, to);
	join(child, &reserved, pidfd);
	return 1;
}

/* With both. */
static int
move_unless_forking(struct sigchld_child *child, struct sigchld_ctx *to)
{
	int rc;

	sigchld__nofork_begin();
	rc = move(child, to);
	sigchld__nofork_end();
	end(child);
	return rc;
}

int
sigchld_child_move(struct sigchld_child *child, struct sigchld_ctx *to)
{
	struct sigchld_ctx *from;
	int rc;

	rc = child == NULL ? -EINVAL : sigchld__ctx_check(to);
	if (rc == 0 && sigchld__child_forked(child))
		rc = -EPERM;
	if (rc < 0)
		return rc;
	from = lock_child_and(child, to);
	rc = may_move(child, to);
	if (rc == 0 && from != to)
		rc = begin(child) ? move_unless_forking(child, to) : -EBUSY;
	unlock_both(from, to);
	if (rc == 1)
		sigchld__ctx_unref(from); /* the child's */
	sigchld__ctx_unref(from);
	return rc < 0 ? rc : 0;
}
