/*
 * strays.c - dead children that nobody watches
 *
 * One context of the process may ask for them. It is offered each, and reaps
 * those that it accepts; but an orphan of a child that asked for those is that
 * child's (orphan.c). With SUBREAPER, orphans become our children.
 *
 * S1	A child that another context watches is not offered.
 * S2	Nor is one that a context is just forking, whose pid is not in the table
 *	yet. A zombie was seen; then, with T, no birth is under way and the
 *	table does not have it. Whoever forked it was done by then, so it is
 *	none of ours; and while it is a zombie nobody gets its pid. During a
 *	birth nothing is offered, and the end of the birth wakes us.
 * S3	Accepting and watching exclude each other: both are done with T, and the
 *	acceptance asks once more whether the pid is watched by now.
 * S4	A zombie that is watched or was denied hides no other. waitid(P_ALL)
 *	always shows the oldest; if that one stays, each child of each thread is
 *	asked for by its pid, from /proc. Without it (portable build, or a kernel
 *	without these files) those behind it have to wait until it goes.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "async/nofork.h"
#include "core/ctx.h"
#include "core/look.h"
#include "core/orphan.h"
#include "core/pids.h"
#include "core/registry.h"
#include "core/sys.h"

/* One zombie is being asked about. */
struct question {
	struct sigchld__run *run;
	struct sigchld__call call;
};

static void
question_end(struct question *q)
{
	if (!sigchld__call_end(&q->call))
		q->run->forked = true;
}

static int
call_on_stray(struct sigchld__run *run, const struct sigchld_event *event)
{
	__attribute__((cleanup(question_end))) struct question q = {
		.run = run,
	};
	sigchld_stray_fn *on_stray = run->ctx->options.on_stray;
	void *user = run->ctx->options.user;

	sigchld__call_begin(&q.call, run->ctx);
	run->calls++;
	return on_stray(run->ctx, event, user);
}

/* S3. Still nobody's, though the callback took its time? */
static int
reap(pid_t pid)
{
	struct sigchld__wait wait;
	int rc = -EBUSY;

	sigchld__registry_lock();
	if (sigchld__registry_find(pid) == NULL)
		rc = sigchld__sys_waitid(P_PID, pid, &wait, WEXITED | WNOHANG);
	sigchld__registry_unlock();
	return rc;
}

/* S1, S2: of a zombie that was seen before. */
static bool
is_stray(pid_t pid)
{
	bool stray;

	sigchld__registry_lock();
	stray = sigchld__registry_no_births() &&
	    sigchld__registry_find(pid) == NULL;
	sigchld__registry_unlock();
	return stray;
}

static bool
goes_on(const struct sigchld__run *run)
{
	return !run->forked && !run->ctx->closed &&
	    run->ctx->options.on_stray != NULL;
}

/* Offer it. True: it was accepted and is gone. */
static bool
offer(struct sigchld__run *run, const struct sigchld__wait *wait)
{
	struct sigchld_event event = sigchld__event_from(wait->pid, wait);
	int rc;

	sigchld__orphan_classify(&event);
	if (sigchld__orphan_route(&event) != SIGCHLD__ORPHAN_NOBODYS)
		return false;
	rc = call_on_stray(run, &event);
	if (!goes_on(run))
		return false;
	if (rc != 0) {
		if (rc != -ESRCH)
			sigchld__ctx_fault(run->ctx, "on_stray", rc);
		return false;
	}
	rc = reap(wait->pid);
	if (rc == 0)
		run->ctx->stats.strays++;
	return rc == 0;
}

/* S4 */

/* Each by its pid, but for the one that was asked about already. */
static void
offer_each(struct sigchld__run *run, pid_t asked)
{
	__attribute__((cleanup(sigchld__pids_free))) struct sigchld__pids
	    pids = { 0 };
	struct sigchld__wait wait;
	size_t i;

	sigchld__pids_read(
	    &pids); /* all of them: the next SIGCHLD tries again */
	for (i = 0; i < pids.n && goes_on(run); i++) {
		if (pids.pid[i] == asked)
			continue;
		wait.pid = 0;
		if (sigchld__sys_waitid(P_PID, pids.pid[i], &wait,
			WEXITED | WNOHANG | WNOWAIT | SIGCHLD__USAGE) == 0 &&
		    sigchld__is_death(&wait) && is_stray(wait.pid))
			(void)offer(run, &wait);
	}
}

void
sigchld__strays(struct sigchld__run *run)
{
	struct sigchld__wait wait;
	pid_t asked = 0;

	while (goes_on(run)) {
		wait.pid = 0;
		if (sigchld__sys_waitid(P_ALL, 0, &wait,
			WEXITED | WNOHANG | WNOWAIT | SIGCHLD__USAGE) < 0 ||
		    wait.pid == 0)
			return;
		if (sigchld__is_death(&wait) && is_stray(wait.pid)) {
			asked = wait.pid;
			if (offer(run, &wait))
				continue;
		}
		if (goes_on(run))
			offer_each(run, asked);
		return;
	}
}
