/*
 * engine.c - who makes the child
 *
 *	share	clone(VM | VFORK | FILES): memory and descriptors are ours until
 *		the exec. Costs the same, however much of both there is.
 *	copy	clone(VFORK): a copy of both. For `ids', and where sharing is
 *		refused, or has failed its probe.
 *	fork	fork(2), or what the context has in its place. For a context
 *		that has, in the portable build, and under sanitizers and
 *		valgrind, which must know of each process.
 *
 * posix_spawn would be no fourth: it can do little of what is asked for, and
 * what it shares and copies is between the first two.
 *
 * E1	This thread goes on when the child of the first two has executed its
 *	program, or ended. Which of the two, its exit signal tells: it becomes
 *	SIGCHLD at the exec, so a child that __WCLONE still finds has executed
 *	nothing. It is reaped here, and its exit status is the error.
 * E2	Nobody else can reap it before, but by __WALL.
 * E3	What a filter (seccomp) or an old kernel may refuse to share comes
 *	before the child has begun to change its plan. So the next engine can
 *	start from there; once begun, an error is the caller's.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/sys.h"
#include "spawn/child.h"
#include "spawn/engine.h"
#include "spawn/sys.h"

#if defined(__has_feature)
#	if __has_feature(address_sanitizer) || \
	    __has_feature(memory_sanitizer) || __has_feature(thread_sanitizer)
#		define SANITIZED
#	endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#	define SANITIZED
#endif

#if defined(SIGCHLD_PORTABLE) || defined(SANITIZED)
static const enum sigchld__engine best = SIGCHLD__ENGINE_FORK;
#else
static const enum sigchld__engine best = SIGCHLD__ENGINE_SHARE;
#endif

#ifndef __WCLONE
#	define __WCLONE 0
#	define __WALL   0
#endif

static _Atomic int forced;  /* enum sigchld__engine */
static _Atomic int verdict; /* enum sigchld__probe, and 1 */
static atomic_bool refused; /* by a filter, though the probe was good */

void
sigchld__engine_force(enum sigchld__engine engine)
{
	atomic_store(&forced, (int)engine);
	atomic_store(&verdict, 0);
	atomic_store(&refused, false);
}

/* What could not be tried is tried again by the next spawn. */
static bool
probe_is_good(void)
{
	int found = atomic_load(&verdict);

	if (atomic_load(&forced) == SIGCHLD__ENGINE_SHARE)
		return true;
	if (found == 0) {
		found = (int)sigchld__probe() + 1;
		if (found != SIGCHLD__PROBE_UNKNOWN + 1)
			atomic_store(&verdict, found);
	}
	return found == SIGCHLD__PROBE_GOOD + 1;
}

static bool
may_share(const struct sigchld__plan *plan)
{
	return best == SIGCHLD__ENGINE_SHARE &&
	    atomic_load(&forced) <= SIGCHLD__ENGINE_SHARE &&
	    plan->options.ids == NULL && !atomic_load(&refused);
}

/* valgrind ends a program that makes a clone which it does not know. */
static bool
is_under_valgrind(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	return preloaded != NULL && strstr(preloaded, "/vgpreload_") != NULL;
}

static bool
must_fork(const struct sigchld__start *start)
{
	return start->birth.fork != NULL || best == SIGCHLD__ENGINE_FORK ||
	    is_under_valgrind() || atomic_load(&forced) == SIGCHLD__ENGINE_FORK;
}

bool
sigchld__engine_shares(const struct sigchld__plan *plan)
{
	return may_share(plan) &&
	    !(plan->options.flags & SIGCHLD_SPAWN_KEEPFDS);
}

/* The pidfd of a child that was none. Forked processes know of it. */
static void
drop_pidfd(struct sigchld__birth *birth)
{
	int fd = *birth->pidfd;

	if (fd < 0)
		return;
	sigchld__nofork_begin();
	*birth->pidfd = -1;
	(void)sigchld__sys_close(fd);
	sigchld__nofork_end();
}

/* -ENOSYS: a filter has killed it. */
static int
error_of(const struct sigchld__wait *wait)
{
	if (wait->code == CLD_EXITED && wait->status == 0)
		return -ENOEXEC; /* a filter said that it was executed */
	if (wait->code == CLD_EXITED)
		return wait->status == SIGCHLD__CHILD_UNSHARED ? -ENOSYS
							       : -wait->status;
	return wait->status == SIGSYS ? -ENOSYS : -EINTR;
}

/* E1. The pid, if it has executed its program. */
static pid_t
judge(struct sigchld__birth *birth, pid_t pid)
{
	struct sigchld__wait wait = { 0 };
	int rc;

	rc = sigchld__sys_waitid(P_PID, pid, &wait,
	    WEXITED | WNOHANG | (int)__WCLONE);
	if (rc < 0)
		return pid;
	if (wait.pid == 0)
		rc = sigchld__sys_waitid(P_PID, pid, &wait, WEXITED | __WALL);
	drop_pidfd(birth);
	return rc < 0 ? rc : error_of(&wait);
}

/* E3. */
static bool
is_refusal(const struct sigchld__plan *plan, pid_t pid)
{
	return !plan->begun &&
	    (pid == -EPERM || pid == -EACCES || pid == -ENOSYS ||
		pid == -EINVAL);
}

static bool
lacks_descriptors(pid_t pid)
{
	return pid == -EMFILE || pid == -ENFILE;
}

static bool
has_cgroup(const struct sigchld__plan *plan)
{
	return plan->options.flags & SIGCHLD_SPAWN_CGROUP;
}

static int
cgroup_of(const struct sigchld__plan *plan)
{
	return has_cgroup(plan) ? plan->options.cgroup : -1;
}

/* Share */

static int
enter(void *plan)
{
	sigchld__child_run(plan);
}

/* A clone that failed late has written there already. */
static pid_t
or_none(volatile int *pidfd, pid_t pid)
{
	if (pid < 0 && pidfd != NULL)
		*pidfd = -1;
	return pid;
}

static pid_t
clone_shared(struct sigchld__start *start, volatile int *pidfd)
{
	_Alignas(64) char stack[SIGCHLD__CHILD_STACK];
	unsigned int flags =
	    start->plan.shares_table ? SIGCHLD__CLONE_TABLE : 0;

	return or_none(pidfd,
	    sigchld__sys_clone(enter, &start->plan, stack, sizeof(stack), flags,
		pidfd, cgroup_of(&start->plan)));
}

/* Without a number left for the pidfd the child can still be had. */
static pid_t
share(struct sigchld__start *start)
{
	struct sigchld__birth *birth = &start->birth;
	volatile int *pidfd = birth->want_pidfd ? birth->pidfd : NULL;
	pid_t pid;

	start->plan.shares_table =
	    !(start->plan.options.flags & SIGCHLD_SPAWN_KEEPFDS);
	pid = clone_shared(start, pidfd);
	if (pidfd != NULL && lacks_descriptors(pid))
		pid = clone_shared(start, NULL);
	start->plan.shares_table = false;
	return pid < 0 ? pid : judge(birth, pid);
}

/* Copy */

static pid_t
clone_copy(struct sigchld__start *start, volatile int *pidfd)
{
	pid_t pid;

	pid = sigchld__sys_clone_copy(pidfd, cgroup_of(&start->plan));
	if (pid == 0)
		sigchld__child_run(&start->plan);
	return or_none(pidfd, pid);
}

static pid_t
copy(struct sigchld__start *start)
{
	struct sigchld__birth *birth = &start->birth;
	volatile int *pidfd = birth->want_pidfd ? birth->pidfd : NULL;
	pid_t pid;

	/* A filter may kill for a close_range. */
	start->plan.one_by_one = !probe_is_good() || atomic_load(&refused);
	pid = clone_copy(start, pidfd);
	if (pidfd != NULL && lacks_descriptors(pid))
		pid = clone_copy(start, NULL);
	if (pid < 0)
		return pid;
	start->plan.begun = true; /* the child's own plan says so too */
	return judge(birth, pid);
}

/* All of them */

static pid_t
share_or_copy(struct sigchld__start *start)
{
	struct sigchld__plan *plan = &start->plan;
	pid_t pid;

	if (may_share(plan) && probe_is_good()) {
		pid = share(start);
		if (!is_refusal(plan, pid))
			return pid;
		if (!has_cgroup(plan))
			atomic_store(&refused, true);
	}
	return copy(start);
}

/* A kernel may have no clone3, or one without cgroups. */
static pid_t
make(struct sigchld__start *start)
{
	pid_t pid;

	if (must_fork(start))
		return has_cgroup(&start->plan) ? -ENOTSUP
						: sigchld__forked_make(start);
	pid = share_or_copy(start);
	if (!is_refusal(&start->plan, pid))
		return pid;
	if (has_cgroup(&start->plan))
		return pid == -EACCES || pid == -EPERM ? -EACCES : -ENOTSUP;
	return sigchld__forked_make(start);
}

/* Who keeps descriptors takes them as they are now, so nobody may be about to
 * open one of ours and mark it close-on-exec, which takes two steps in the
 * portable build. */
#ifdef SIGCHLD_PORTABLE
static const bool marks_late = true;
#else
static const bool marks_late = false;
#endif

pid_t
sigchld__engine_make(struct sigchld__birth *birth)
{
	struct sigchld__start *start = (struct sigchld__start *)birth;
	const struct sigchld_spawn_options *o = &start->plan.options;
	bool keeps = marks_late && o->flags & SIGCHLD_SPAWN_KEEPFDS;
	pid_t pid;

	if (o->flags & SIGCHLD_SPAWN_KEEPMASK)
		start->plan.mask = &birth->mask;
	if (keeps)
		sigchld__nofork_begin();
	pid = make(start);
	if (keeps)
		sigchld__nofork_end();
	return pid == -EPERM ? -EACCES : pid; /* -EPERM: we were forked */
}
