/*
 * birth.c - a child comes to be
 *
 *	parent				child
 *
 *	make the child object
 *	reserve: depend.c
 *	a birth begins
 *	block all signals
 *	make: fork, or start a program
 *	pid into the table		is the parent's copy, or runs a program
 *	the birth ends
 *	give the mask back		postfork, give the mask back
 *	into the context's list,
 *	admit: depend.c
 *	its pidfd is the table's
 *
 * Whatever can fail is done before the child is made (G6). If somebody closes
 * the context meanwhile, the child is the application's.
 *
 * All signals are blocked meanwhile, so that no handler runs in the child before
 * SIGCHLD is as it was before us; by the raw system call, which libc's own
 * signals obey too: a broadcast of credentials must not reach a child that shares
 * our memory.
 *
 * A pidfd that comes with the child is open before it is in the descriptor table;
 * the no-fork lock is not held so long, for a program may take its time to
 * start. So the kernel writes the number into the child object, and that stands
 * in a list of births: whoever is forked meanwhile finds it there (forks.c).
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/birth.h"
#include "core/ctx.h"
#include "core/forks.h"
#include "core/pidfd.h"
#include "core/registry.h"
#include "core/sys.h"

/* With C. */
static int
reserve(struct sigchld_child *child, struct sigchld__birth *birth)
{
	struct sigchld_ctx *ctx = child->ctx;

	child->born_pidfd = -1;
	birth->pidfd = &child->born_pidfd;
	birth->want_pidfd = sigchld__pidfd_wanted(ctx);
	birth->fork = ctx->options.fork;
	birth->user = ctx->options.user;
	return sigchld__depend_reserve(child);
}

static void
begin(struct sigchld_child *child, struct sigchld__birth *birth)
{
	sigchld__registry_reserve();
	sigchld__registry_lock();
	sigchld__registry_birth_begin(child);
	sigchld__registry_unlock();
	sigchld__sys_block_all(&birth->mask);
}

/* Whatever became of it. */
static void
end(struct sigchld_child *child, struct sigchld__birth *birth)
{
	struct sigchld_ctx *ctx = child->ctx;

	sigchld__registry_lock();
	if (child->pid > 0 && !atomic_load(&ctx->closed))
		(void)sigchld__registry_insert(child, true);
	sigchld__registry_birth_end();
	sigchld__registry_unlock();
	sigchld__sys_unblock(&birth->mask);
}

/* Closed, or published in the descriptor table. */
static void
forget_pidfd(struct sigchld_child *child)
{
	child->born_pidfd = -1;
	sigchld__registry_lock();
	sigchld__registry_born(child);
	sigchld__registry_unlock();
}

/* With C: there is none, or the context was closed meanwhile. */
static void
not_ours(struct sigchld_child *child, bool held)
{
	sigchld__registry_lock();
	sigchld__registry_remove(child);
	sigchld__registry_unlock();
	sigchld__depend_end(child);
	(void)sigchld__ctx_need(child->ctx); /* less: cannot fail */
	child->state = SIGCHLD__GONE;
	child->held = held;
}

/* With C, and N if it came with a pidfd. */
static void
admit(struct sigchld_child *child, bool held)
{
	if (child->pid > 0 && !child->ctx->closed) {
		(void)sigchld__depend_admit(child, child->born_pidfd, true);
	} else {
		if (child->born_pidfd != -1)
			(void)sigchld__sys_close(child->born_pidfd);
		not_ours(child, child->pid > 0 && held);
	}
	forget_pidfd(child);
}

/* Gives the pid, or -errno. */
static pid_t
after(struct sigchld_child *child, struct sigchld_child **ret_child)
{
	struct sigchld_ctx *ctx = child->ctx;
	bool open = child->born_pidfd != -1;
	pid_t pid = child->pid;

	sigchld__ctx_lock(ctx);
	if (pid > 0 && ret_child != NULL)
		*ret_child = child;
	if (open)
		sigchld__nofork_begin();
	admit(child, ret_child != NULL);
	if (open)
		sigchld__nofork_end();
	sigchld__child_collect(child);
	sigchld__ctx_unlock(ctx);
	return pid;
}

/* In between nothing can fail. */
static pid_t
bear(struct sigchld_child *child, struct sigchld__birth *birth,
    struct sigchld_child **ret_child)
{
	pid_t pid;

	begin(child, birth);
	pid = birth->make(birth);
	if (pid == 0) {
		(void)sigchld__postfork();
		sigchld__sys_unblock(&birth->mask);
		return 0;
	}
	if (pid < 0)
		child->born_pidfd = -1; /* the kernel may have written first */
	child->pid = pid;
	child->cgroup = birth->cgroup;
	end(child, birth);
	return after(child, ret_child);
}

/* A replacement may have forked past the allocator's hooks, while another thread
 * had its lock: then it must leak. */
static void
free_in_child(struct sigchld_child *child, const struct sigchld__birth *birth)
{
	struct sigchld_ctx *ctx = child->ctx;

	if (birth->fork != NULL)
		return;
	free(child);
	sigchld__ctx_unref_forked(ctx, 2); /* the child's, and ours */
}

pid_t
sigchld__birth(struct sigchld_ctx *ctx, struct sigchld_child **ret_child,
    uint32_t flags, struct sigchld__birth *birth, sigchld_event_fn *on_event,
    void *user)
{
	struct sigchld_child *child;
	pid_t pid;
	int rc;

	rc = sigchld__ctx_check(ctx);
	if (rc < 0)
		return rc;
	child =
	    sigchld__child_new(ctx, flags, ret_child != NULL, on_event, user);
	if (child == NULL)
		return -ENOMEM;
	sigchld__ctx_ref(ctx); /* it may be closed meanwhile */
	sigchld__ctx_lock(ctx);
	rc = reserve(child, birth);
	sigchld__ctx_unlock(ctx);
	if (rc < 0) {
		sigchld__child_drop(child);
		sigchld__ctx_unref(ctx);
		return rc;
	}
	pid = bear(child, birth, ret_child);
	if (pid == 0)
		free_in_child(child, birth);
	else
		sigchld__ctx_unref(ctx);
	return pid;
}
