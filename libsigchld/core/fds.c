/*
 * fds.c - the descriptor table and its contexts
 *
 * async/fdtab.c has the words; here are those who own them. A context's poller
 * is told under a reference to the descriptor, so that its number cannot have
 * become another's meanwhile. Whoever needs the context of a group asks the
 * registry, and uses it with T held, so that it is not closed meanwhile.
 *
 * A move: the old context's poller forgets the descriptor at once, the new one's
 * learns of it, but is not to tell yet; the owner changes with the last
 * reference (T5 in fdtab.c), and whoever held that lets the new poller tell
 * before he lets go. If the new context is closed by then, the descriptor leaves
 * the table, open.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>

#include "async/fdtab.h"
#include "async/nofork.h"
#include "async/owner.h"
#include "async/sys.h"
#include "core/ctx.h"
#include "core/fds.h"
#include "core/registry.h"

static int
check_process(void)
{
	return sigchld__owner_who() > SIGCHLD__OWNER_US ? -EPERM : 0;
}

/* Insert and close */

/* What is the application's may be inserted by a thread that does not know that
 * another closes the context: then it would stay for ever. */
static bool
publish(struct sigchld_ctx *ctx, int fd, const struct sigchld__fdinfo *info)
{
	bool open;

	sigchld__registry_lock();
	open = info->internal || !atomic_load(&ctx->closed);
	if (open)
		sigchld__fd_publish(fd, ctx->group);
	else
		sigchld__fd_unclaim(fd);
	sigchld__registry_unlock();
	return open;
}

static int
insert(struct sigchld_ctx *ctx, int fd, const struct sigchld__fdinfo *info,
    struct sigchld_fdref *ret_ref)
{
	bool polled = info->events != 0 && !info->internal;
	uint32_t generation;
	int rc;

	rc = sigchld__fd_claim(fd, info, &generation);
	if (rc < 0)
		return rc;
	if (polled)
		rc = sigchld__poller_add(&ctx->poller, fd, generation,
		    info->events, false);
	if (rc < 0) {
		sigchld__fd_unclaim(fd);
		return rc;
	}
	if (!publish(ctx, fd, info)) {
		if (polled)
			sigchld__poller_remove(&ctx->poller, fd);
		return -EINVAL;
	}
	if (ret_ref != NULL)
		*ret_ref = (struct sigchld_fdref){ fd, generation };
	return 0;
}

int
sigchld__fds_insert_own(struct sigchld_ctx *ctx, int fd, uint32_t events,
    sigchld__internal_fn *ready, void *user, struct sigchld_fdref *ret_ref)
{
	const struct sigchld__fdinfo info = {
		.events = events,
		.internal = true,
		.ready = (void (*)(void))ready,
		.user = user,
	};

	return insert(ctx, fd, &info, ret_ref);
}

/* With T: the context of a group, unless it is closed. It stays open until T is
 * left, and its poller with it. */
static struct sigchld_ctx *
open_ctx(uint32_t group)
{
	struct sigchld_ctx *ctx = sigchld__registry_group(group);

	return ctx == NULL || atomic_load(&ctx->closed) ? NULL : ctx;
}

/* With T. */
static void
forget(uint32_t group, int fd)
{
	struct sigchld_ctx *ctx = group == 0 ? NULL : open_ctx(group);

	if (ctx != NULL)
		sigchld__poller_remove(&ctx->poller, fd);
}

/* With T: from now on its events count for this context. */
static void
begin_to_poll(struct sigchld_ctx *ctx, int fd, const struct sigchld__fdentry *e)
{
	uint32_t events = atomic_load(&e->events);

	if (events == 0)
		sigchld__poller_remove(&ctx->poller, fd);
	else
		(void)sigchld__poller_change(&ctx->poller, fd, e->generation,
		    events);
	if (!sigchld__poller_has_edges())
		sigchld__user_wake(&ctx->user);
}

/* We hold it, alone, and it is to move. False: it was closed since, or somebody
 * else holds it too, and will see to it. */
static bool
finish_move(int fd)
{
	struct sigchld__fdentry *e = sigchld__fd_entry(fd);
	uint32_t from, to;
	struct sigchld_ctx *ctx;
	bool moved;

	sigchld__registry_lock();
	from = sigchld__fd_owner(fd);
	to = atomic_load(&e->next);
	moved = from != 0 && to != 0 && sigchld__fd_reown(fd, from, to);
	if (moved) {
		ctx = open_ctx(to);
		if (ctx != NULL)
			begin_to_poll(ctx, fd, e);
		else if (sigchld__fd_disown(fd, to) == 0)
			e->keep_open = true;
		atomic_store(&e->next, 0);
	}
	sigchld__registry_unlock();
	return moved;
}

int
sigchld__fds_drop(int fd)
{
	bool moved = false;
	int rc;

	while ((rc = sigchld__fd_drop(fd)) == SIGCHLD__FD_MOVING)
		moved = finish_move(fd) || moved;
	return rc < 0 ? rc : rc == SIGCHLD__FD_CLOSED || moved;
}

/* Nobody is told of it any more: its own context, and the one it moves to. */
static int
disown_foreign(int fd, uint32_t group)
{
	struct sigchld__fdentry *e = sigchld__fd_entry(fd);
	int rc;

	sigchld__registry_lock();
	rc = sigchld__fd_disown(fd, group);
	if (rc == 0 && e->ready != NULL) {
		forget(group, fd);
		forget(atomic_load(&e->next), fd);
	}
	sigchld__registry_unlock();
	return rc;
}

/* We hold it. Take the owner away, and the reference. 0, 1: pending. */
static int
give_up(int fd, uint32_t group, bool keep_open)
{
	struct sigchld__fdentry *e = sigchld__fd_entry(fd);
	int rc;

	if (e->internal)
		rc = sigchld__fd_disown(fd, group);
	else
		rc = disown_foreign(fd, group);
	if (rc == 0)
		e->keep_open = keep_open;
	if (rc < 0) {
		(void)sigchld__fds_drop(fd);
		return rc;
	}
	return sigchld__fds_drop(fd) == 1 ? 0 : 1;
}

static int
leave_unchecked(struct sigchld_fdref ref, bool keep_open)
{
	uint32_t group;
	int rc;

	rc = sigchld__fd_grab_generation(ref.fd, ref.generation, &group);
	return rc < 0 ? rc : give_up(ref.fd, group, keep_open);
}

static int
leave(struct sigchld_fdref ref, bool keep_open)
{
	int rc = check_process();

	return rc < 0 ? rc : leave_unchecked(ref, keep_open);
}

void
sigchld__fds_own_events(struct sigchld_fdref ref, uint32_t events)
{
	struct sigchld__fdentry *e = sigchld__fd_entry(ref.fd);

	/* A forked child's table is empty, or has its own there. */
	if (e != NULL && e->generation == ref.generation)
		atomic_store(&e->events, events);
}

void
sigchld__fds_close_own(int fd, struct sigchld_fdref *ref)
{
	if (ref->generation != 0)
		(void)leave_unchecked(*ref, false);
	else if (fd != -1)
		(void)sigchld__sys_close(fd);
	ref->generation = 0;
}

bool
sigchld__fds_take_own(struct sigchld_fdref ref)
{
	uint32_t group;

	if (sigchld__fd_grab_generation(ref.fd, ref.generation, &group) < 0)
		return false;
	if (sigchld__fd_take(ref.fd, group))
		return true;
	(void)give_up(ref.fd, group, false);
	return false;
}

static void
leave_one(int fd, struct sigchld__fdentry *entry, void *user)
{
	struct sigchld_ctx *ctx = user;

	if (sigchld__fd_grab(fd, ctx->group) < 0)
		return;
	if (entry->internal || atomic_load(&entry->next) != 0)
		(void)sigchld__fds_drop(fd); /* not ours to take out */
	else
		(void)give_up(fd, ctx->group, true);
}

void
sigchld__fds_leave(struct sigchld_ctx *ctx)
{
	sigchld__fd_foreach(leave_one, ctx);
}

/* The application's */

static int
insert_foreign(struct sigchld_ctx *ctx, struct sigchld_fdref *ret_ref, int fd,
    const struct sigchld__fdinfo *info)
{
	int rc;

	sigchld__nofork_begin();
	rc = insert(ctx, fd, info, ret_ref);
	sigchld__nofork_end();
	if (rc == 0 && info->events != 0 && !sigchld__poller_has_edges())
		sigchld__user_wake(&ctx->user); /* it may be in a poll */
	return rc;
}

int
sigchld_fd_insert(struct sigchld_ctx *ctx, struct sigchld_fdref *ret_ref,
    int fd, uint32_t events, sigchld_ready_fn *ready, void *user)
{
	const struct sigchld__fdinfo info = {
		.events = events,
		.ready = (void (*)(void))ready,
		.user = user,
	};
	int rc;

	rc = sigchld__ctx_check(ctx);
	if (rc < 0)
		return rc;
	if (fd < 0 || (events != 0 && ready == NULL))
		return -EINVAL;
	return insert_foreign(ctx, ret_ref, fd, &info);
}

int
sigchld_fd_record(struct sigchld_ctx *ctx, struct sigchld_fdref *ret_ref,
    int fd)
{
	const struct sigchld__fdinfo info = { 0 };
	struct sigchld_fdref ref;
	int rc;

	rc = sigchld__ctx_check(ctx);
	if (rc < 0)
		return rc;
	if (fd < 0)
		return -EINVAL;
	rc = insert_foreign(ctx, &ref, fd, &info);
	if (rc < 0)
		return rc;
	rc = sigchld__sys_cloexec(fd);
	if (rc < 0)
		(void)leave(ref, true);
	else if (ret_ref != NULL)
		*ret_ref = ref;
	return rc;
}

int
sigchld_fd_begin(void)
{
	int rc = check_process();

	if (rc == 0)
		sigchld__nofork_begin();
	return rc;
}

int
sigchld_fd_opened(struct sigchld_ctx *ctx, struct sigchld_fdref *ret_ref,
    int fd)
{
	int rc;

	rc = fd < 0 ? -EBADF : sigchld_fd_record(ctx, ret_ref, fd);
	sigchld__nofork_end();
	return rc;
}

/* With T, and a reference. While it moves nobody polls it: the events are for
 * its next context. */
static int
change_events(struct sigchld_fdref ref, uint32_t group, uint32_t events)
{
	struct sigchld__fdentry *e = sigchld__fd_entry(ref.fd);
	struct sigchld_ctx *ctx = open_ctx(group);
	uint32_t before = atomic_load(&e->events);
	int rc = 0;

	if (e->internal || e->ready == NULL)
		return -EINVAL;
	if (ctx == NULL || sigchld__fd_owner(ref.fd) != group)
		return -EBADF;
	if (atomic_load(&e->next) == 0 && events != before) {
		if (before == 0)
			rc = sigchld__poller_add(&ctx->poller, ref.fd,
			    ref.generation, events, false);
		else if (events == 0)
			sigchld__poller_remove(&ctx->poller, ref.fd);
		else
			rc = sigchld__poller_change(&ctx->poller, ref.fd,
			    ref.generation, events);
	}
	if (rc < 0)
		return rc;
	atomic_store(&e->events, events);
	if (!sigchld__poller_has_edges())
		sigchld__user_wake(&ctx->user);
	return 0;
}

int
sigchld_fd_events(struct sigchld_fdref ref, uint32_t events)
{
	uint32_t group;
	int rc;

	rc = check_process();
	if (rc == 0)
		rc =
		    sigchld__fd_grab_generation(ref.fd, ref.generation, &group);
	if (rc < 0)
		return rc;
	sigchld__registry_lock();
	rc = change_events(ref, group, events);
	sigchld__registry_unlock();
	(void)sigchld__fds_drop(ref.fd);
	return rc;
}

int
sigchld_fd_group(const struct sigchld_ctx *ctx)
{
	int rc = sigchld__ctx_check(ctx);

	return rc < 0 ? rc : (int)ctx->group;
}

int
sigchld_fd_owner(int fd)
{
	int rc = check_process();

	if (rc < 0 || fd < 0)
		return rc < 0 ? rc : -EINVAL;
	return (int)sigchld__fd_owner(fd);
}

int
sigchld_fd_running(int fd)
{
	struct sigchld__fdentry *e;
	int rc = check_process();

	if (rc < 0 || fd < 0)
		return rc < 0 ? rc : -EINVAL;
	e = sigchld__fd_entry(fd);
	return e == NULL ? 0 : (int)atomic_load(&e->running);
}

int
sigchld_fd_grab(int fd, int group)
{
	int rc = check_process();

	if (rc < 0)
		return rc;
	if (fd < 0 || group <= 0 || (uint32_t)group > SIGCHLD__FD_GROUPS)
		return -EINVAL;
	return sigchld__fd_grab(fd, (uint32_t)group);
}

int
sigchld_fd_drop(int fd)
{
	int rc = check_process();

	return rc < 0 ? rc : sigchld__fds_drop(fd);
}

/*
 * With T, and a reference. What can fail is done first: the new poller gets it,
 * as one that is not to tell of anything yet (finish_move changes that). 1: it
 * is under way; 0: it is there already.
 */
static int
begin_move(struct sigchld_fdref ref, uint32_t group, struct sigchld_ctx *to)
{
	struct sigchld__fdentry *e = sigchld__fd_entry(ref.fd);
	int rc = 0;

	if (e->internal || atomic_load(&to->closed))
		return -EINVAL;
	if (atomic_load(&e->next) != 0)
		return -EALREADY;
	if (group == to->group)
		return 0;
	if (e->ready != NULL)
		rc = sigchld__poller_add(&to->poller, ref.fd, ref.generation, 0,
		    true);
	if (rc < 0)
		return rc;
	forget(group, ref.fd);
	atomic_store(&e->next, to->group);
	return 1;
}

int
sigchld_fd_move(struct sigchld_fdref ref, struct sigchld_ctx *to)
{
	uint32_t group;
	int rc, dropped;

	rc = sigchld__ctx_check(to);
	if (rc == 0)
		rc =
		    sigchld__fd_grab_generation(ref.fd, ref.generation, &group);
	if (rc < 0)
		return rc;
	sigchld__registry_lock();
	rc = begin_move(ref, group, to);
	sigchld__registry_unlock();
	dropped = sigchld__fds_drop(ref.fd);
	return rc <= 0 ? rc : dropped == 1 ? 0 : 1;
}

int
sigchld_fd_close(struct sigchld_fdref ref)
{
	return leave(ref, false);
}

int
sigchld_fd_remove(struct sigchld_fdref ref)
{
	return leave(ref, true);
}
