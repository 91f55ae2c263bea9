/*
 * registry.c - what the contexts of a process know of each other
 *
 * Contexts are independent but for four things: a pid is watched once; a
 * descriptor's group must lead to its context; only one of them can ask for
 * strays; and whoever looks for strays must not take a child that another is
 * just forking.
 *
 * The pid table is a hash with chains through the children, at most one child a
 * bucket on average. Linux gives out pids in turn, so their low bits spread
 * well. It grows before an insertion, outside the lock, and never shrinks.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "async/deferral.h"
#include "async/fdtab.h"
#include "async/sys.h"
#include "core/ctx.h"
#include "core/registry.h"
#include "core/sys.h"
#include "core/wait.h"

#define FIRST_BUCKETS 256u
#define VISIT_BUCKETS 256u

static pthread_mutex_t registry = PTHREAD_MUTEX_INITIALIZER; /* T */

static struct sigchld_child *first_buckets[FIRST_BUCKETS]; /* [T] */
static struct sigchld_child **buckets = first_buckets;     /* [T] */
static size_t n_buckets = FIRST_BUCKETS;                   /* [T] */
static size_t n_children;                                  /* [T] */
static struct sigchld_ctx *groups[SIGCHLD__FD_GROUPS + 1]; /* [T] */
static uint32_t last_group;                                /* [T] */
static uint32_t most_groups;    /* [T] none above was ever used */
static unsigned int births_now; /* [T] */
static _Atomic(struct sigchld_child *) births; /* [T] whose pidfd is in no table
						 * yet */
static bool sweep_later;                       /* [T] */
static struct sigchld_ctx *strays;             /* [T] */
static struct sigchld_child *trees; /* [T] who ask for a cgroup's orphans */

void
sigchld__registry_lock(void)
{
	(void)pthread_mutex_lock(&registry);
}

void
sigchld__registry_unlock(void)
{
	(void)pthread_mutex_unlock(&registry);
}

/* A table that had grown is left to leak: another thread may have been in the
 * midst of it, and of the allocator, when we were forked. */
void
sigchld__registry_reset(void)
{
	(void)pthread_mutex_init(&registry, NULL);
	(void)memset(first_buckets, 0, sizeof(first_buckets));
	(void)memset(groups, 0, (most_groups + 1) * sizeof(groups[0]));
	buckets = first_buckets;
	n_buckets = FIRST_BUCKETS;
	n_children = 0;
	births_now = 0;
	births = NULL;
	trees = NULL;
	sweep_later = false;
	strays = NULL;
}

static struct sigchld_child **
bucket(pid_t pid)
{
	return &buckets[(size_t)pid & (n_buckets - 1)];
}

static void
link_in(struct sigchld_child *child)
{
	struct sigchld_child **at = bucket(child->pid);

	child->pid_next = *at;
	*at = child;
}

static void
rehash(struct sigchld_child **old, size_t n_old)
{
	struct sigchld_child *child, *next;
	size_t i;

	for (i = 0; i < n_old; i++) {
		for (child = old[i]; child != NULL; child = next) {
			next = child->pid_next;
			link_in(child);
		}
	}
}

void
sigchld__registry_reserve(void)
{
	struct sigchld_child **bigger, **old;
	size_t n, n_old;

	sigchld__registry_lock();
	n = n_buckets;
	if (n_children < n) {
		sigchld__registry_unlock();
		return;
	}
	sigchld__registry_unlock();
	bigger = sigchld__sys_alloc(2 * n, sizeof(struct sigchld_child *));
	if (bigger == NULL)
		return;
	sigchld__registry_lock();
	old = bigger;
	if (n_buckets == n) { /* nobody was faster */
		old = buckets;
		n_old = n_buckets;
		buckets = bigger;
		n_buckets = 2 * n;
		rehash(old, n_old);
	}
	sigchld__registry_unlock();
	if (old != first_buckets)
		free(old);
}

struct sigchld_child *
sigchld__registry_find(pid_t pid)
{
	struct sigchld_child *child = *bucket(pid);

	while (child != NULL && child->pid != pid)
		child = child->pid_next;
	return child;
}

/* News: a context's children that ought to be looked at, whoever says so. */

void
sigchld__registry_news(struct sigchld_child *child)
{
	struct sigchld_ctx *ctx = child->ctx;

	if (child->news_link != NULL)
		return;
	child->news_next = ctx->news;
	child->news_link = &ctx->news;
	if (ctx->news != NULL)
		ctx->news->news_link = &child->news_next;
	ctx->news = child;
}

void
sigchld__registry_forget_news(struct sigchld_child *child)
{
	if (child->news_link == NULL)
		return;
	*child->news_link = child->news_next;
	if (child->news_next != NULL)
		child->news_next->news_link = child->news_link;
	child->news_link = NULL;
}

struct sigchld_child *
sigchld__registry_take_news(struct sigchld_ctx *ctx)
{
	struct sigchld_child *child;

	sigchld__registry_lock();
	child = ctx->news;
	if (child != NULL)
		sigchld__registry_forget_news(child);
	sigchld__registry_unlock();
	return child;
}

/* A context is closed, then T is taken and left, then its self-pipe closed: so
 * one that is not closed yet has it. */
void
sigchld__registry_tell(struct sigchld_child *child)
{
	sigchld__registry_news(child);
	if (!atomic_load(&child->ctx->closed))
		sigchld__user_wake(&child->ctx->user);
	if (child->waiter != NULL)
		sigchld__waiter_wake(child->waiter);
}

static void
join_trees(struct sigchld_child *child)
{
	if (child->cgroup == 0 || !(child->flags & SIGCHLD_CHILD_DESCENDANTS))
		return;
	child->tree_next = trees;
	child->tree_link = &trees;
	if (trees != NULL)
		trees->tree_link = &child->tree_next;
	trees = child;
}

static void
leave_trees(struct sigchld_child *child)
{
	if (child->tree_link == NULL)
		return;
	*child->tree_link = child->tree_next;
	if (child->tree_next != NULL)
		child->tree_next->tree_link = child->tree_link;
	child->tree_link = NULL;
}

struct sigchld_child *
sigchld__registry_find_cgroup(uint64_t cgroup)
{
	struct sigchld_child *child = trees;

	while (child != NULL &&
	    (child->cgroup != cgroup || atomic_load(&child->ended) ||
		atomic_load(&child->deaf)))
		child = child->tree_next;
	return child;
}

int
sigchld__registry_insert(struct sigchld_child *child, bool newborn)
{
	struct sigchld_child *other = sigchld__registry_find(child->pid);

	if (other != NULL && !newborn)
		return -EBUSY;
	if (other != NULL) {
		sigchld__registry_remove(other);
		/* Partner: the look, for which it is woken. */
		atomic_store(&other->displaced, true);
		sigchld__registry_tell(other);
	}
	link_in(child);
	join_trees(child);
	child->in_registry = true;
	n_children++;
	return 0;
}

void
sigchld__registry_remove(struct sigchld_child *child)
{
	struct sigchld_child **at = bucket(child->pid);

	sigchld__registry_forget_news(child);
	if (!child->in_registry)
		return;
	while (*at != child)
		at = &(*at)->pid_next;
	*at = child->pid_next;
	leave_trees(child);
	child->in_registry = false;
	n_children--;
}

/* If the table doubles between two calls, what was in a bucket is in that one or
 * in one that is as far above it as the table was large: at or above the next. */
size_t
sigchld__registry_visit(size_t from, void (*fn)(struct sigchld_child *child))
{
	struct sigchld_child *child;
	size_t i, end = from + VISIT_BUCKETS;

	for (i = from; i < n_buckets && i < end; i++) {
		for (child = buckets[i]; child != NULL; child = child->pid_next)
			fn(child);
	}
	return i < n_buckets ? i : 0;
}

int
sigchld__registry_add_group(struct sigchld_ctx *ctx)
{
	uint32_t tries;

	for (tries = 0; tries < SIGCHLD__FD_GROUPS; tries++) {
		last_group = last_group % SIGCHLD__FD_GROUPS + 1;
		if (groups[last_group] == NULL) {
			groups[last_group] = ctx;
			if (last_group > most_groups)
				most_groups = last_group;
			return (int)last_group;
		}
	}
	return -EMFILE;
}

void
sigchld__registry_remove_group(uint32_t group)
{
	groups[group] = NULL;
}

struct sigchld_ctx *
sigchld__registry_group(uint32_t group)
{
	return groups[group];
}

void
sigchld__registry_birth_begin(struct sigchld_child *child)
{
	births_now++;
	atomic_store_explicit(&child->birth_next, births, memory_order_release);
	atomic_store_explicit(&births, child, memory_order_release);
}

void
sigchld__registry_born(struct sigchld_child *child)
{
	struct sigchld_child *at = births;

	if (at == child) {
		atomic_store_explicit(&births, child->birth_next,
		    memory_order_release);
		return;
	}
	while (at->birth_next != child)
		at = at->birth_next;
	atomic_store_explicit(&at->birth_next, child->birth_next,
	    memory_order_release);
}

/* T may have been another thread's when this one was forked, so the list is
 * followed as a context's children are: see child.c. */
void
sigchld__registry_close_pidfds(void)
{
	struct sigchld_child *child;

	for (child = births; child != NULL; child = child->birth_next) {
		if (child->born_pidfd != -1)
			(void)sigchld__sys_close(child->born_pidfd);
	}
}

void
sigchld__registry_birth_end(void)
{
	births_now--;
	if (births_now > 0 || !sweep_later || strays == NULL)
		return;
	sweep_later = false;
	sigchld__user_tell(&strays->user);
}

void
sigchld__registry_sweep_strays(void)
{
	if (strays != NULL)
		sigchld__user_tell(&strays->user);
}

bool
sigchld__registry_no_births(void)
{
	sweep_later = sweep_later || births_now > 0;
	return births_now == 0;
}

int
sigchld__registry_take_strays(struct sigchld_ctx *ctx)
{
	if (strays != NULL && strays != ctx)
		return -EBUSY;
	strays = ctx;
	return 0;
}

void
sigchld__registry_leave_strays(struct sigchld_ctx *ctx)
{
	if (strays == ctx)
		strays = NULL;
}
