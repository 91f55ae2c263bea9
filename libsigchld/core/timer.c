/*
 * timer.c - what the floors above do later
 *
 * A pool has a few timers for each of its workers, sets them for each request,
 * and almost none of them ever comes due. So to set one and to take it back must
 * be cheap, and cannot fail: a pairing heap, whose nodes are parts of what they
 * are for. The first of them is one of the context's deadlines.
 *
 * I1	A heap is a tree: nobody is due before the one above him, nor at the same
 *	time if he was set first. Below and beside somebody are whole heaps.
 * I2	What points at a node, its upper or left neighbour or the context, is
 *	known to it, so it can be taken out wherever it is.
 * I3	Each is called once for each time that it was set. It is out of the heap
 *	before it is called.
 * I4	A dispatch ends: what is set while timers are called is due in the next
 *	one at the earliest.
 * I5	A dispatch that is running calls what is due, so nobody is woken for that;
 *	when it ends, the context's deadline is set, and what is due by then
 *	wakes.
 */
#include <stdbool.h>
#include <stddef.h>

#include "core/ctx.h"
#include "core/sys.h"
#include "core/timer.h"

static void
put(struct sigchld__timer **link, struct sigchld__timer *timer)
{
	*link = timer;
	if (timer != NULL)
		timer->link = link;
}

static bool
is_before(const struct sigchld__timer *a, const struct sigchld__timer *b)
{
	return a->at != b->at ? a->at < b->at : a->turn < b->turn;
}

/* Two that stand alone: the later one goes below the other. */
static struct sigchld__timer *
meld(struct sigchld__timer *a, struct sigchld__timer *b)
{
	struct sigchld__timer *upper = is_before(b, a) ? b : a;
	struct sigchld__timer *lower = upper == a ? b : a;

	put(&lower->next, upper->first);
	put(&upper->first, lower);
	upper->next = NULL;
	return upper;
}

/* Cut the next two off *rest, and give them as one. */
static struct sigchld__timer *
next_pair(struct sigchld__timer **rest)
{
	struct sigchld__timer *a = *rest, *b = a->next;

	*rest = b == NULL ? NULL : b->next;
	a->next = NULL;
	if (b == NULL)
		return a;
	b->next = NULL;
	return meld(a, b);
}

/* Those beside each other become one: in pairs from the left, then the pairs
 * from the right. That is what makes it cheap in the long run. */
static struct sigchld__timer *
join(struct sigchld__timer *list)
{
	struct sigchld__timer *pairs = NULL, *pair, *all = NULL;

	while (list != NULL) {
		pair = next_pair(&list);
		pair->next = pairs;
		pairs = pair;
	}
	while (pairs != NULL) {
		pair = pairs;
		pairs = pair->next;
		pair->next = NULL;
		all = all == NULL ? pair : meld(all, pair);
	}
	return all;
}

static void
insert(struct sigchld_ctx *ctx, struct sigchld__timer *timer)
{
	struct sigchld__timer *top = ctx->timers;

	timer->first = timer->next = NULL;
	put(&ctx->timers, top == NULL ? timer : meld(top, timer));
}

/* It is due, but not in this dispatch: I4. */
static void
set_aside(struct sigchld_ctx *ctx, struct sigchld__timer *timer)
{
	timer->first = NULL;
	put(&timer->next, ctx->timers_late);
	put(&ctx->timers_late, timer);
}

static void
insert_late(struct sigchld_ctx *ctx)
{
	struct sigchld__timer *timer;

	while ((timer = ctx->timers_late) != NULL) {
		put(&ctx->timers_late, timer->next);
		insert(ctx, timer);
	}
}

/* Its place is taken by those beside it, or, of the uppermost, by nobody; those
 * below it are put in anew. */
static void
take_out(struct sigchld_ctx *ctx, struct sigchld__timer *timer)
{
	struct sigchld__timer *below = join(timer->first);

	put(timer->link, timer->next);
	timer->at = 0;
	timer->first = timer->next = NULL;
	if (below != NULL)
		put(&ctx->timers,
		    ctx->timers == NULL ? below : meld(ctx->timers, below));
}

static void
arm(struct sigchld_ctx *ctx)
{
	sigchld__deadline_set(ctx, SIGCHLD__TIMER_AT,
	    ctx->timers == NULL ? 0 : ctx->timers->at);
}

void
sigchld__timer_set(struct sigchld_ctx *ctx, struct sigchld__timer *timer,
    int64_t at)
{
	if (timer->at != 0)
		take_out(ctx, timer);
	if (at != 0) {
		timer->at = at;
		timer->turn = ctx->timers_set++;
		if (at > ctx->timers_now)
			insert(ctx, timer);
		else
			set_aside(ctx, timer);
	}
	if (!ctx->delivering) /* else when that is over: I5 */
		arm(ctx);
}

void
sigchld__timers_due(struct sigchld__run *run)
{
	struct sigchld_ctx *ctx = run->ctx;
	struct sigchld__timer *timer;

	if (ctx->timers == NULL)
		return;
	ctx->timers_now = sigchld__sys_now_ms();
	while ((timer = ctx->timers) != NULL && timer->at <= ctx->timers_now) {
		take_out(ctx, timer);
		timer->fn(run, timer);
		if (run->forked || ctx->closed)
			return;
	}
}

void
sigchld__timers_end(struct sigchld_ctx *ctx)
{
	ctx->timers_now = 0;
	insert_late(ctx);
	arm(ctx);
	if (ctx->timers != NULL &&
	    sigchld__deadline_is_due(ctx, SIGCHLD__TIMER_AT))
		sigchld__user_wake(&ctx->user);
}
