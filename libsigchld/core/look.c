/*
 * look.c - what has happened to a child?
 *
 * Children are asked about one by one, by pid, and never all at once: a
 * waitpid(-1) would take those of others. The question is a peek (WNOWAIT), so
 * that the zombie, and with it the pid, stays until the callback has run.
 *
 * Only a death is believed that says so: CLD_EXITED, CLD_KILLED, CLD_DUMPED. A
 * child that this process traces answers a wait for exits with CLD_TRAPPED.
 *
 * A pid that is no child of ours any more was reaped by somebody else: STOLEN,
 * once, and no status is made up.
 */
#include <errno.h>
#include <sys/wait.h>

#include "core/ctx.h"
#include "core/health.h"
#include "core/look.h"
#include "core/registry.h"
#include "core/sys.h"

static struct sigchld_event
event_of(pid_t pid, uint32_t what, uint32_t source)
{
	return (struct sigchld_event){
		.size = sizeof(struct sigchld_event),
		.pid = pid,
		.what = what,
		.source = source,
	};
}

/* wait(2)'s encoding of what waitid(2) tells. */
static int
wstatus_of(const struct sigchld__wait *wait)
{
	switch (wait->code) {
	case CLD_EXITED:
		return (wait->status & 0xff) << 8;
	case CLD_DUMPED:
		return wait->status | 0x80;
	case CLD_STOPPED:
		return wait->status << 8 | 0x7f;
	case CLD_CONTINUED:
		return 0xffff;
	default:
		return wait->status;
	}
}

static uint32_t
what_of(const struct sigchld__wait *wait)
{
	switch (wait->code) {
	case CLD_EXITED:
		return SIGCHLD_EXITED;
	case CLD_STOPPED:
		return SIGCHLD_STOPPED;
	case CLD_CONTINUED:
		return SIGCHLD_CONTINUED;
	default:
		return SIGCHLD_SIGNALED;
	}
}

struct sigchld_event
sigchld__event_from(pid_t pid, const struct sigchld__wait *wait)
{
	struct sigchld_event event =
	    event_of(pid, what_of(wait), SIGCHLD_SOURCE_WAIT);

	event.wstatus = wstatus_of(wait);
	if (wait->has_usage) {
		event.known |= SIGCHLD_KNOWN_RUSAGE;
		event.utime_us = wait->utime_us;
		event.stime_us = wait->stime_us;
		event.maxrss_kib = wait->maxrss_kib;
	}
	return event;
}

bool
sigchld__is_death(const struct sigchld__wait *wait)
{
	return wait->pid != 0 &&
	    (wait->code == CLD_EXITED || wait->code == CLD_KILLED ||
		wait->code == CLD_DUMPED);
}

/* The final event is known. Unless a zombie keeps it, the pid is free. */
static void
end(struct sigchld_child *child, const struct sigchld_event *event)
{
	child->event = *event;
	child->state = SIGCHLD__ENDED;
	child->kill_at = 0;
	if (event->source != SIGCHLD_SOURCE_WAIT) {
		sigchld__registry_lock();
		sigchld__registry_remove(child);
		sigchld__registry_unlock();
	}
	sigchld__health_saw_end(child);
	sigchld__child_queue(child);
}

static void
end_stolen(struct sigchld_child *child)
{
	struct sigchld_event event =
	    event_of(child->pid, SIGCHLD_STOLEN, SIGCHLD_SOURCE_NONE);

	sigchld__health_saw_theft(child->ctx);
	end(child, &event);
}

static void
end_reported(struct sigchld_child *child)
{
	struct sigchld__wait wait = { 0 };
	struct sigchld_event event;
	int wstatus = child->reported_wstatus;

	wait.code = WIFEXITED(wstatus) ? CLD_EXITED : CLD_KILLED;
	event = event_of(child->pid, what_of(&wait), SIGCHLD_SOURCE_APP);
	event.wstatus = wstatus;
	end(child, &event);
}

/* It stopped or continued. Take just that from the kernel, which keeps only the
 * last of each; what was not told yet must be told first. */
static bool
take_stop(struct sigchld_child *child)
{
	struct sigchld__wait wait = { 0 };
	int rc;

	rc = sigchld__sys_waitid(P_PID, child->pid, &wait,
	    WSTOPPED | WCONTINUED | WNOHANG);
	if (rc < 0 || wait.pid == 0 ||
	    (wait.code != CLD_STOPPED && wait.code != CLD_CONTINUED))
		return false;
	child->stop = sigchld__event_from(child->pid, &wait);
	child->has_stop = true;
	sigchld__child_queue(child);
	return true;
}

static int
peek_options(const struct sigchld_child *child)
{
	int options = WEXITED | WNOHANG | WNOWAIT;

	if (child->flags & SIGCHLD_CHILD_STOPS && !child->has_stop &&
	    !child->released && !child->discarded)
		options |= WSTOPPED | WCONTINUED;
	return options;
}

static void
ask(struct sigchld_child *child)
{
	struct sigchld__wait wait = { 0 };
	struct sigchld_event event;
	int rc;

	rc = sigchld__sys_waitid(P_PID, child->pid, &wait, peek_options(child));
	if (rc == -ECHILD) {
		end_stolen(child);
	} else if (rc < 0) {
		sigchld__ctx_fault(child->ctx, "waitid", rc);
	} else if (sigchld__is_death(&wait)) {
		event = sigchld__event_from(child->pid, &wait);
		end(child, &event);
	} else if ((wait.code == CLD_STOPPED || wait.code == CLD_CONTINUED) &&
	    peek_options(child) & WSTOPPED && take_stop(child)) {
		ask(child); /* once more: it may have died since */
	}
}

void
sigchld__look_at(struct sigchld_child *child)
{
	child->suspect = false;
	if (child->state != SIGCHLD__WATCHED)
		return;
	/* Partner: sigchld_reaped. */
	if (atomic_load_explicit(&child->reported, memory_order_acquire))
		end_reported(child);
	else if (atomic_load(&child->displaced))
		end_stolen(child);
	else
		ask(child);
}

/* A child that somebody waits for is his to look at, unless there is news of it
 * that he cannot find himself. */
static bool
worth_a_look(const struct sigchld_child *child, bool told)
{
	if (child->waiter != NULL)
		return false;
	return told || child->suspect || atomic_load(&child->reported) ||
	    atomic_load(&child->displaced);
}

void
sigchld__look(struct sigchld_ctx *ctx, bool told)
{
	struct sigchld_child *child;

	if (told)
		ctx->stats.sweeps++;
	for (child = ctx->children; child != NULL; child = child->next) {
		if (worth_a_look(child, told))
			sigchld__look_at(child);
	}
}
