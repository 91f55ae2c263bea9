/*
 * watch.c - get a child: watch one that is there, or fork one
 *
 *	sigchld_fork			sigchld_watch
 *
 *	make the child object		the same
 *	be on the users list		the same
 *	a birth begins			pid into the table: -EBUSY
 *	fork				peek: -ECHILD
 *	pid into the table		into the context's list
 *	the birth ends
 *	into the context's list
 *	peek
 *
 * Whatever can fail is done before the fork (G6). The peek comes after the
 * context is on the list: a child that died before found nobody there to tell,
 * one that dies after it tells. If the peek sees a zombie, the context is woken
 * to look at this one.
 *
 * All signals are blocked around the fork, so that no handler runs in the child
 * before SIGCHLD is as it was before us.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "async/sys.h"
#include "core/ctx.h"
#include "core/look.h"
#include "core/registry.h"
#include "core/sys.h"

/* With C: be ready for one more child. */
static int
reserve(struct sigchld_ctx *ctx, uint32_t flags)
{
	int rc;

	if (ctx->closed)
		return -EINVAL;
	ctx->n_unborn++;
	rc = sigchld__ctx_need(ctx);
	if (rc < 0)
		ctx->n_unborn--;
	else if (flags & SIGCHLD_CHILD_STOPS)
		sigchld__ctx_stops(ctx, 1);
	return rc;
}

/* With C: there was none after all. */
static void
unreserve(struct sigchld_ctx *ctx, uint32_t flags)
{
	ctx->n_unborn--;
	if (flags & SIGCHLD_CHILD_STOPS)
		sigchld__ctx_stops(ctx, -1);
	(void)sigchld__ctx_need(ctx); /* less: cannot fail */
}

/* With C: here it is. 0, or -errno of the peek. */
static int
peek(struct sigchld_child *child)
{
	struct sigchld__wait wait = { 0 };
	int rc;

	rc = sigchld__sys_waitid(P_PID, child->pid, &wait,
	    WEXITED | WNOHANG | WNOWAIT);
	if (rc < 0 || sigchld__is_death(&wait) ||
	    atomic_load(&child->displaced) || atomic_load(&child->reported)) {
		child->suspect = true;
		sigchld__user_wake(&child->ctx->user);
	}
	return rc;
}

static void
admit(struct sigchld_child *child)
{
	child->ctx->n_unborn--;
	sigchld__child_link(child);
}

static int
check(const struct sigchld_ctx *ctx, uint32_t flags)
{
	int rc = sigchld__ctx_check(ctx);

	if (rc < 0)
		return rc;
	return flags & ~SIGCHLD_CHILD_STOPS ? -EINVAL : 0;
}

/* With C. */
static int
watch(struct sigchld_child *child)
{
	struct sigchld_ctx *ctx = child->ctx;
	int rc;

	rc = reserve(ctx, child->flags);
	if (rc < 0)
		return rc;
	sigchld__registry_lock();
	rc = sigchld__registry_insert(child, false);
	sigchld__registry_unlock();
	if (rc == 0) {
		rc = peek(child);
		if (rc == 0) {
			admit(child);
			return 0;
		}
		sigchld__registry_lock();
		sigchld__registry_remove(child);
		sigchld__registry_unlock();
	}
	unreserve(ctx, child->flags);
	return rc;
}

int
sigchld_watch(struct sigchld_ctx *ctx, struct sigchld_child **ret_child,
    pid_t pid, uint32_t flags, sigchld_event_fn *on_event, void *user)
{
	struct sigchld_child *child;
	int rc;

	rc = check(ctx, flags);
	if (rc == 0 && pid <= 0)
		rc = -EINVAL;
	if (rc < 0)
		return rc;
	child =
	    sigchld__child_new(ctx, flags, ret_child != NULL, on_event, user);
	if (child == NULL)
		return -ENOMEM;
	child->pid = pid;
	child->walks_at_birth = atomic_load(&sigchld__signal_users.walks);
	sigchld__registry_reserve();
	sigchld__ctx_lock(ctx);
	rc = watch(child);
	if (rc == 0 && ret_child != NULL)
		*ret_child = child;
	sigchld__ctx_unlock(ctx);
	if (rc < 0) {
		free(child);
		sigchld__ctx_unref(ctx);
	}
	return rc;
}

/* Fork */

static void
block_all(sigset_t *before)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigchld__sys_sigmask(SIG_SETMASK, &all, before);
}

static pid_t
call_fork(pid_t (*fn)(void *user), void *user)
{
	int saved = errno;
	pid_t pid;

	if (fn == NULL)
		return sigchld__sys_fork();
	pid = fn(user);
	if (pid < 0)
		pid = errno > 0 ? -errno : -EAGAIN;
	errno = saved;
	return pid;
}

static void
birth_begin(void)
{
	sigchld__registry_lock();
	sigchld__registry_birth_begin();
	sigchld__registry_unlock();
}

/* Whatever became of it. */
static void
birth_end(struct sigchld_child *child)
{
	sigchld__registry_lock();
	if (child->pid > 0 && !atomic_load(&child->ctx->closed))
		(void)sigchld__registry_insert(child, true);
	sigchld__registry_birth_end();
	sigchld__registry_unlock();
}

/* With C: the fork is over, and this is the parent. Gives the pid, or -errno.
 * Without a context any more, which somebody else closed meanwhile, the child
 * is the application's. */
static pid_t
after_fork(struct sigchld_child *child, struct sigchld_child **ret_child)
{
	struct sigchld_ctx *ctx = child->ctx;

	if (child->pid > 0 && ret_child != NULL)
		*ret_child = child;
	if (child->pid > 0 && !ctx->closed) {
		admit(child);
		(void)peek(child);
		return child->pid;
	}
	sigchld__registry_lock();
	sigchld__registry_remove(child);
	sigchld__registry_unlock();
	unreserve(ctx, child->flags);
	child->state = SIGCHLD__GONE;
	child->held = child->pid > 0 && ret_child != NULL;
	return child->pid;
}

/* In between nothing can fail. */
static pid_t
fork_it(struct sigchld_child *child, struct sigchld_child **ret_child,
    pid_t (*fn)(void *user), void *user)
{
	struct sigchld_ctx *ctx = child->ctx;
	sigset_t before;
	pid_t pid;

	sigchld__registry_reserve();
	birth_begin();
	block_all(&before);
	pid = call_fork(fn, user);
	if (pid == 0) {
		(void)sigchld_postfork();
		(void)sigchld__sys_sigmask(SIG_SETMASK, &before, NULL);
		return 0;
	}
	child->pid = pid;
	child->walks_at_birth = atomic_load(&sigchld__signal_users.walks);
	birth_end(child);
	(void)sigchld__sys_sigmask(SIG_SETMASK, &before, NULL);
	sigchld__ctx_lock(ctx);
	pid = after_fork(child, ret_child);
	sigchld__child_collect(child);
	sigchld__ctx_unlock(ctx);
	return pid;
}

pid_t
sigchld_fork(struct sigchld_ctx *ctx, struct sigchld_child **ret_child,
    uint32_t flags, sigchld_event_fn *on_event, void *user)
{
	struct sigchld_options options;
	struct sigchld_child *child;
	pid_t pid;
	int rc;

	rc = check(ctx, flags);
	if (rc < 0)
		return rc;
	child =
	    sigchld__child_new(ctx, flags, ret_child != NULL, on_event, user);
	if (child == NULL)
		return -ENOMEM;
	sigchld__ctx_ref(ctx); /* it may be closed meanwhile */
	sigchld__ctx_lock(ctx);
	rc = reserve(ctx, flags);
	options = ctx->options;
	sigchld__ctx_unlock(ctx);
	if (rc < 0) {
		free(child);
		sigchld__ctx_unref(ctx);
		sigchld__ctx_unref(ctx);
		return rc;
	}
	pid = fork_it(child, ret_child, options.fork, options.user);
	if (pid == 0) {
		/* A replacement may have forked past the allocator's hooks,
		 * while another thread had its lock: then it must leak. */
		if (options.fork == NULL) {
			free(child);
			sigchld__ctx_unref_forked(ctx, 2); /* its and ours */
		}
		return 0;
	}
	sigchld__ctx_unref(ctx);
	return pid;
}
