/*
 * orphan.c - an orphan that belongs to the tree of a child
 *
 * When a child's own children outlive their parent, a subreaper gets them. They
 * are zombies that nobody watches, so the one context that takes strays finds
 * them; but whose they were another context may want to know.
 *
 *	context with strays		context of the owner
 *
 *	peek: a zombie
 *	ask the kernel for its session,
 *	process group and cgroup
 *	with T: is one of those a
 *	child's that wants to know?
 *	make it a child of that context,
 *	put it on its news, wake it
 *					take it from the news: adopt
 *					peek; tell the owner; reap it
 *
 * O1	It is classified while it is a zombie: until it is reaped, neither its
 *	own number nor that of its session or group can become another's.
 * O2	It is in the table of watched pids from the moment it is routed, so it is
 *	not offered twice, and nobody else reaps it.
 * O3	Its owner is not freed before it (n_orphans, which grows with T while the
 *	owner is in the table, and shrinks with C), and not moved (`moving', with
 *	T). An owner that was told its own end meanwhile, or was let go, is not
 *	called: then the orphan is nobody's again, and the context with strays
 *	looks once more.
 * O4	A context that does not dispatch keeps its orphans as zombies. They hide
 *	no other (S4 in strays.c).
 */
#include <stdlib.h>
#include <sys/wait.h>

#include "async/nofork.h"
#include "core/ctx.h"
#include "core/orphan.h"
#include "core/registry.h"
#include "core/sys.h"

void
sigchld__orphan_classify(struct sigchld_event *event)
{
	pid_t session = sigchld__sys_getsid(event->pid);
	pid_t group = sigchld__sys_getpgid(event->pid);

	if (session >= 0 && group >= 0) {
		event->session = session;
		event->group = group;
		event->known |= SIGCHLD_KNOWN_TREE;
	}
	sigchld__nofork_begin();
	if (sigchld__sys_cgroup_of(event->pid, &event->cgroup) == 0)
		event->known |= SIGCHLD_KNOWN_CGROUP;
	sigchld__nofork_end();
}

/* With T. */
static struct sigchld_child *
asking(pid_t leader)
{
	struct sigchld_child *child =
	    leader > 0 ? sigchld__registry_find(leader) : NULL;

	return child != NULL && child->flags & SIGCHLD_CHILD_DESCENDANTS &&
		!atomic_load(&child->ended) && !atomic_load(&child->deaf)
	    ? child
	    : NULL;
}

/* With T. The narrowest first. */
static struct sigchld_child *
owner_of(const struct sigchld_event *event)
{
	struct sigchld_child *owner = NULL;

	if (event->known & SIGCHLD_KNOWN_TREE) {
		owner = asking(event->group);
		if (owner == NULL)
			owner = asking(event->session);
	}
	if (owner == NULL && event->known & SIGCHLD_KNOWN_CGROUP)
		owner = sigchld__registry_find_cgroup(event->cgroup);
	return owner;
}

/* With T. */
static void
give_to(struct sigchld_child *orphan, struct sigchld_child *owner)
{
	struct sigchld_ctx *ctx = owner->ctx;

	sigchld__ctx_ref(ctx);
	orphan->ctx = ctx;
	orphan->generation = owner->generation;
	orphan->owner = owner;
	atomic_fetch_add(&owner->n_orphans, 1);
	(void)sigchld__registry_insert(orphan, false); /* it was not in */
	sigchld__registry_tell(orphan);
}

enum sigchld__orphan
sigchld__orphan_route(const struct sigchld_event *event)
{
	struct sigchld_child *orphan = sigchld__sys_alloc(1, sizeof(*orphan));
	struct sigchld_child *owner;
	bool routed = false;

	if (orphan != NULL) {
		orphan->pid = event->pid;
		orphan->pidfd.fd = -1;
		orphan->stop = *event;
	}
	sigchld__registry_lock();
	owner = owner_of(event);
	if (owner != NULL && orphan != NULL && !owner->moving &&
	    sigchld__registry_no_births() &&
	    sigchld__registry_find(event->pid) == NULL) {
		give_to(orphan, owner);
		routed = true;
	}
	sigchld__registry_unlock();
	if (!routed)
		free(orphan);
	if (owner == NULL)
		return SIGCHLD__ORPHAN_NOBODYS;
	return routed ? SIGCHLD__ORPHAN_ROUTED : SIGCHLD__ORPHAN_LATER;
}

void
sigchld__orphan_adopt(struct sigchld_child *orphan)
{
	sigchld__child_link(orphan);
	sigchld__look_at(orphan);
}

/* O3 */
static bool
listens(const struct sigchld_child *owner)
{
	return owner->state == SIGCHLD__WATCHED && !owner->released &&
	    !owner->discarded;
}

/* The orphan is gone. */
static void
release(struct sigchld_child *owner)
{
	atomic_fetch_sub(&owner->n_orphans, 1);
	sigchld__child_collect(owner);
}

void
sigchld__orphan_abandon(struct sigchld_child *orphan)
{
	struct sigchld_child *owner = orphan->owner;
	bool told = orphan->calling;

	if (!orphan->linked)
		sigchld__child_link(orphan);
	sigchld__child_unwatch(orphan);
	if (told)
		return; /* telling_end does the rest */
	sigchld__child_collect(orphan);
	release(owner);
	sigchld__registry_lock();
	sigchld__registry_sweep_strays();
	sigchld__registry_unlock();
}

struct telling {
	struct sigchld__run *run;
	struct sigchld_child *orphan, *owner;
	struct sigchld__call call;
};

static void
telling_end(struct telling *t)
{
	if (!sigchld__call_end(&t->call)) {
		t->run->forked = true;
		return;
	}
	t->owner->calling = t->orphan->calling = false;
	t->orphan->pins--;
	sigchld__child_settle(t->orphan);
	sigchld__child_collect(t->orphan);
	release(t->owner);
	sigchld__ctx_calm(t->run->ctx);
}

static void
tell(struct sigchld__run *run, struct sigchld_child *orphan)
{
	struct sigchld_child *owner = orphan->owner;
	struct sigchld_event event = orphan->event;
	sigchld_event_fn *on_event = owner->on_event;
	void *user = owner->user;
	__attribute__((cleanup(telling_end))) struct telling t = {
		.run = run,
		.orphan = orphan,
		.owner = owner,
	};

	event.what = SIGCHLD_DESCENDANT;
	event.known |= orphan->stop.known;
	event.session = orphan->stop.session;
	event.group = orphan->stop.group;
	event.cgroup = orphan->stop.cgroup;
	run->ctx->stats.descendants++;
	owner->calling = orphan->calling = true;
	orphan->pins++;
	sigchld__call_begin(&t.call, run->ctx);
	if (on_event != NULL) {
		run->calls++;
		on_event(owner, &event, user);
	}
}

void
sigchld__orphan_deliver(struct sigchld__run *run, struct sigchld_child *orphan)
{
	if (!listens(orphan->owner) ||
	    orphan->event.source != SIGCHLD_SOURCE_WAIT)
		sigchld__orphan_abandon(orphan);
	else
		tell(run, orphan);
}
