/*
 * part.c - what a part of a context tells, and the work that it does in a dispatch
 *
 * Frames are read, deaths noticed and deadlines met with the context's lock held.
 * What they mean for the application is queued, in that order, and told by the
 * part's work, which is a timer that is due at once: a dispatch that is running
 * still comes to it, and one that sleeps is woken.
 *
 *	ready, ended, due	work
 *
 *	change the part		tell each notice, C dropped meanwhile
 *	queue a notice		plan; C dropped for a fork
 *	poke			what came meanwhile: poke again
 *
 * N1	A notice is a part of what it tells of, so it cannot fail. It is told
 *	once; what it told of is not freed before.
 * N2	After each callback the part may be closed, and this may be a forked
 *	child. The work has a reference, so it can look.
 * N3	What is queued while the work runs waits for the next dispatch: a
 *	callback that submits again and again keeps no other context's thread
 *	from its loop.
 */
#include <errno.h>
#include <stddef.h>

#include "worker/part.h"

#define PART_OF(timer) \
	((struct sigchld__part *)(void \
		*)((char *)(timer)-offsetof(struct sigchld__part, work)))

static void
work_due(struct sigchld__run *run, struct sigchld__timer *timer)
{
	sigchld__part_work(run, PART_OF(timer));
}

void
sigchld__part_init(struct sigchld__part *part,
    const struct sigchld__part_kind *kind, struct sigchld_ctx *ctx)
{
	part->kind = kind;
	part->ctx = ctx;
	part->refs = 1;
	part->notices_end = &part->notices;
	part->work.fn = work_due;
}

int
sigchld__part_attach(struct sigchld__part *part)
{
	struct sigchld_ctx *ctx = part->ctx;
	bool open;

	sigchld__ctx_lock(ctx);
	open = !ctx->closed;
	if (open) {
		sigchld__ctx_ref(ctx);
		sigchld__part_poke(part);
	}
	sigchld__ctx_unlock(ctx);
	return open ? 0 : -EINVAL;
}

int
sigchld__part_lock(struct sigchld__part *part)
{
	int rc = sigchld__ctx_check(part->ctx);

	if (rc == 0)
		sigchld__ctx_lock(part->ctx);
	return rc;
}

void
sigchld__part_unlock(struct sigchld__part *part)
{
	sigchld__ctx_unlock(part->ctx);
}

void
sigchld__part_ref(struct sigchld__part *part)
{
	part->refs++;
}

void
sigchld__part_unref(struct sigchld__part *part)
{
	struct sigchld_ctx *ctx = part->ctx;

	if (--part->refs > 0)
		return;
	part->kind->free(part);
	sigchld__ctx_unref(ctx); /* not the last: whoever has C has one */
}

void
sigchld__part_close(struct sigchld__part *part)
{
	part->closed = true;
	while (part->in_hook > 0 && !sigchld__in_callback())
		(void)sigchld__ctx_await_calm(part->ctx, -1);
	sigchld__timer_set(part->ctx, &part->work, 0);
}

void
sigchld__part_poke(struct sigchld__part *part)
{
	if (part->work.at != 1 && !part->closed)
		sigchld__timer_set(part->ctx, &part->work, 1);
}

void
sigchld__notice(struct sigchld__part *part, struct sigchld__notice *notice)
{
	if (notice->queued)
		return;
	notice->queued = true;
	notice->next = NULL;
	*part->notices_end = notice;
	part->notices_end = &notice->next;
	sigchld__part_poke(part);
}

struct sigchld__notice *
sigchld__notice_take(struct sigchld__part *part)
{
	struct sigchld__notice *notice = part->notices;

	part->notices = notice->next;
	if (part->notices == NULL)
		part->notices_end = &part->notices;
	notice->queued = false;
	return notice;
}

void
sigchld__hook_begin(struct sigchld__hook *hook)
{
	hook->part->in_hook++;
	hook->run->calls++;
	sigchld__call_begin(&hook->call, hook->part->ctx);
}

void
sigchld__hook_end(struct sigchld__hook *hook)
{
	if (!sigchld__call_end(&hook->call)) {
		hook->run->forked = true;
		return;
	}
	hook->part->in_hook--;
	sigchld__ctx_calm(hook->part->ctx);
}

static bool
goes_on(const struct sigchld__run *run, const struct sigchld__part *part)
{
	return !run->forked && !part->closed;
}

/* Those that are there now, and no more: N3. */
static void
tell_all(struct sigchld__run *run, struct sigchld__part *part)
{
	struct sigchld__notice *notice, *n;
	unsigned int left = 0;

	for (n = part->notices; n != NULL; n = n->next)
		left++;
	while (left-- > 0 && goes_on(run, part)) {
		notice = sigchld__notice_take(part);
		notice->tell(run, part, notice);
	}
}

/* Whatever ended it. */
struct work {
	struct sigchld__run *run;
	struct sigchld__part *part;
};

static void
work_end(struct work *work)
{
	struct sigchld__part *part = work->part;

	if (work->run->forked)
		return;
	if (part->notices != NULL)
		sigchld__part_poke(part);
	sigchld__part_unref(part);
}

void
sigchld__part_work(struct sigchld__run *run, struct sigchld__part *part)
{
	__attribute__((cleanup(work_end), unused)) struct work work = {
		.run = run,
		.part = part,
	};

	sigchld__part_ref(part);
	part->kind->judge(part);
	tell_all(run, part);
	if (goes_on(run, part))
		part->kind->plan(run, part);
	if (goes_on(run, part))
		part->kind->judge(part);
}
