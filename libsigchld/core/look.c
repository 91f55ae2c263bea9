/*
 * look.c - what has happened to a child?
 *
 * Children are asked about one by one, by pidfd or by pid, and never all at
 * once: a waitpid(-1) would take those of others. The question is a peek
 * (WNOWAIT), so that the zombie, and with it the pid, stays until the callback
 * has run.
 *
 * Only a death is believed that says so: CLD_EXITED, CLD_KILLED, CLD_DUMPED. A
 * child that this process traces answers a wait for exits with CLD_TRAPPED.
 *
 * What is no child of ours any more was reaped by somebody else. Of a child with
 * a pidfd the kernel may still know the status, from Linux 6.15 on. It knows it
 * a moment after the child is gone: a thief that is interrupted within that
 * moment makes us ask again, some times. Else the child is STOLEN, once, and no
 * status is made up.
 */
#include <errno.h>
#include <sys/wait.h>

#include "core/ctx.h"
#include "core/health.h"
#include "core/look.h"
#include "core/orphan.h"
#include "core/pidfd.h"
#include "core/registry.h"
#include "core/sys.h"

#define ASK_AGAIN_MS 2  /* doubled each time, */
#define ASK_DOUBLED  9  /* so often at most */
#define ASK_AGAIN    12 /* times, what became of a stolen one */

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
	atomic_store_explicit(&child->ended, true, memory_order_relaxed);
	child->kill_at = 0;
	if (event->source != SIGCHLD_SOURCE_WAIT) {
		sigchld__registry_lock();
		sigchld__registry_remove(child);
		sigchld__registry_unlock();
	}
	sigchld__health_saw_end(child);
	sigchld__child_queue(child);
}

/* Of a status that somebody else was told. */
static void
end_with(struct sigchld_child *child, int wstatus, uint32_t source)
{
	struct sigchld_event event = event_of(child->pid,
	    WIFEXITED(wstatus) ? SIGCHLD_EXITED : SIGCHLD_SIGNALED, source);

	event.wstatus = wstatus;
	end(child, &event);
}

static void
ask_no_later(struct sigchld_ctx *ctx, int64_t than)
{
	int64_t at = ctx->deadlines[SIGCHLD__ASK_AT];

	if (at == 0 || than < at)
		sigchld__deadline_set(ctx, SIGCHLD__ASK_AT, than);
}

/* Nothing will tell of it any more: the edge was taken, or the signal. */
static void
ask_later(struct sigchld_child *child)
{
	unsigned int doubled =
	    child->asks < ASK_DOUBLED ? child->asks : ASK_DOUBLED;

	child->ask_at = sigchld__sys_now_ms() + (ASK_AGAIN_MS << doubled);
	child->asks++;
	ask_no_later(child->ctx, child->ask_at);
}

static void
end_stolen(struct sigchld_child *child)
{
	struct sigchld_event event =
	    event_of(child->pid, SIGCHLD_STOLEN, SIGCHLD_SOURCE_NONE);
	int rc, wstatus;

	rc = sigchld__pidfd_status(child, &wstatus);
	if (rc == -EAGAIN && child->asks < ASK_AGAIN) {
		ask_later(child);
		return;
	}
	sigchld__health_saw_theft(child->ctx);
	if (rc == 1) {
		child->ctx->stats.recovered++;
		end_with(child, wstatus, SIGCHLD_SOURCE_PIDFD_INFO);
	} else {
		end(child, &event);
	}
}

int
sigchld__child_ask(const struct sigchld_child *child,
    struct sigchld__wait *ret_wait, int options)
{
	if (child->pidfd.fd == -1)
		return sigchld__sys_waitid(P_PID, child->pid, ret_wait,
		    options);
	return sigchld__sys_waitid(SIGCHLD__P_PIDFD, child->pidfd.fd, ret_wait,
	    options | SIGCHLD__WALL);
}

/* It stopped or continued. Take just that from the kernel, which keeps only the
 * last of each; what was not told yet must be told first. */
static bool
take_stop(struct sigchld_child *child)
{
	struct sigchld__wait wait = { 0 };
	int rc;

	rc = sigchld__child_ask(child, &wait, WSTOPPED | WCONTINUED | WNOHANG);
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
	if (child->flags & SIGCHLD_CHILD_RUSAGE || child->owner != NULL)
		options |= SIGCHLD__USAGE;
	return options;
}

static void
ask(struct sigchld_child *child)
{
	struct sigchld__wait wait = { 0 };
	struct sigchld_event event;
	int rc;

	rc = sigchld__child_ask(child, &wait, peek_options(child));
	if (rc == -ECHILD) {
		end_stolen(child);
	} else if (rc < 0) {
		sigchld__ctx_fault(child->ctx, "waitid", rc);
		ask_later(child);
	} else if (wait.pid == 0 && child->silent && !child->polled) {
		ask_later(child); /* nothing else tells */
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
	child->ask_at = 0;
	if (child->state != SIGCHLD__WATCHED)
		return;
	/* Partner: sigchld_reaped. */
	if (atomic_load_explicit(&child->reported, memory_order_acquire))
		end_with(child, child->reported_wstatus, SIGCHLD_SOURCE_APP);
	else if (atomic_load(&child->displaced))
		end_stolen(child);
	else
		ask(child);
}

/* A child that somebody waits for is his to look at. One that is being born is
 * looked at when it is there. */
static void
look_unless_awaited(struct sigchld_child *child)
{
	if (child->owner != NULL && !child->linked)
		sigchld__orphan_adopt(child);
	else if (child->linked && child->waiter == NULL)
		sigchld__look_at(child);
}

/* Those that are asked once more in vain set the deadline anew. */
static void
ask_again(struct sigchld_ctx *ctx)
{
	struct sigchld_child *child;
	int64_t now;

	if (!sigchld__deadline_is_due(ctx, SIGCHLD__ASK_AT))
		return;
	sigchld__deadline_set(ctx, SIGCHLD__ASK_AT, 0);
	now = sigchld__sys_now_ms();
	for (child = ctx->children; child != NULL; child = child->next) {
		if (child->ask_at == 0)
			continue;
		if (child->ask_at <= now) {
			look_unless_awaited(child);
		} else {
			ask_no_later(ctx, child->ask_at);
		}
	}
}

void
sigchld__look(struct sigchld_ctx *ctx, bool told)
{
	struct sigchld_child *child;

	ask_again(ctx);
	while ((child = sigchld__registry_take_news(ctx)) != NULL) {
		if (!told || !child->depends) /* else its turn comes below */
			look_unless_awaited(child);
	}
	if (!told)
		return;
	ctx->stats.sweeps++;
	for (child = ctx->sweep; child != NULL; child = child->sweep_next)
		look_unless_awaited(child);
}
