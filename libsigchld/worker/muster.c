/*
 * muster.c - who is to be forked, and what is to be begun
 *
 * The end of the master's work in a dispatch (part.c):
 *
 *	a generation comes in	one for each slot that has none of it
 *	else			one for each slot that has nobody, when its backoff
 *				is over
 *	slots above the number	theirs finish and go
 *	nobody is on the way	a roll, or a reload, if one is wanted
 *	nobody is left		and nobody will come: that is told
 *
 * No more than AT_ONCE forks in one dispatch: others want to be heard.
 */
#include <errno.h>

#include "core/sys.h"
#include "worker/master.h"

#define AT_ONCE  16
#define RETRY_MS 100 /* a fork that failed */

static bool
goes_on(const struct sigchld__run *run, const struct sigchld_master *master)
{
	return !run->forked && !master->part.closed &&
	    master->stop == SIGCHLD__RUNS;
}

static bool
lacks_one(const struct sigchld_master *master, uint32_t slot)
{
	const struct sigchld__berth *berth = &master->berths[slot];

	if (master->turning)
		return berth->incoming == NULL;
	return berth->crew == NULL && !berth->vacant;
}

static void
try_later(struct sigchld_master *master, uint32_t slot, int error)
{
	master->berths[slot].not_before = sigchld__sys_now_ms() + RETRY_MS;
	master->unforked.what.slot = slot;
	master->unforked.what.error = error;
	sigchld__news(master, &master->unforked, SIGCHLD_MASTER_FORKED);
}

/* -errno: of no use to try the next. */
static int
fork_one(struct sigchld__run *run, struct sigchld_master *master, uint32_t slot)
{
	bool turning = master->turning;
	pid_t pid = sigchld__crew_fork(run, master, slot,
	    turning ? SIGCHLD__INCOMING : SIGCHLD__CURRENT);

	if (pid > 0)
		return 0;
	if (!goes_on(run, master))
		return -ESHUTDOWN;
	if (turning && master->turning && !sigchld__is_first_try(master))
		sigchld__turn_fail(master, 0, pid);
	else
		try_later(master, slot, pid);
	return pid;
}

/* When the next is due: 0: none; 1: at once. */
static int64_t
fork_some(struct sigchld__run *run, struct sigchld_master *master)
{
	int64_t now = sigchld__sys_now_ms(), next = 0, at;
	unsigned int left = AT_ONCE;
	uint32_t slot;

	for (slot = 0; slot < master->workers; slot++) {
		if (!lacks_one(master, slot))
			continue;
		at = master->berths[slot].not_before;
		if (left == 0 && at <= now)
			return 1;
		if (at > now)
			next = next == 0 || at < next ? at : next;
		else if (left-- > 0 && fork_one(run, master, slot) < 0)
			return 1;
		if (!goes_on(run, master))
			return 0;
	}
	return next;
}

void
sigchld__muster_due(struct sigchld__run *run, struct sigchld__timer *timer)
{
	(void)run;
	sigchld__part_poke(&SIGCHLD__MASTER_OF(timer, fork_timer)->part);
}

static void
shrink(struct sigchld_master *master)
{
	struct sigchld__crew *crew;

	for (crew = master->crew; crew != NULL; crew = crew->next) {
		if (crew->slot < master->workers ||
		    crew->standing == SIGCHLD__FORMER)
			continue;
		if (master->turning && crew->standing == SIGCHLD__CURRENT)
			continue; /* it serves until the others are ready */
		sigchld__crew_vacate(crew);
		crew->standing = SIGCHLD__FORMER;
		sigchld__crew_finish(crew);
	}
	sigchld__turn_look(master);
}

static void
muster(struct sigchld__run *run, struct sigchld_master *master)
{
	int64_t next;

	if (master->no_forks)
		return;
	shrink(master);
	next = fork_some(run, master);
	if (!goes_on(run, master))
		return;
	sigchld__timer_set(master->part.ctx, &master->fork_timer, next);
}

static bool
is_deserted(const struct sigchld_master *master)
{
	uint32_t slot;

	if (master->n_crew > 0)
		return false;
	if (master->stop != SIGCHLD__RUNS)
		return true;
	if (master->no_forks)
		return true;
	for (slot = 0; slot < master->workers; slot++) {
		if (lacks_one(master, slot))
			return false;
	}
	return true;
}

static void
look_whether_alone(struct sigchld_master *master)
{
	if (master->all_left || !is_deserted(master))
		return;
	master->all_left = true;
	sigchld__herald_alone(master);
	sigchld__control_end(master);
	sigchld__herald_launched(master->result == 0 ? 255 : master->result);
	sigchld__news(master, &master->alone, SIGCHLD_MASTER_ALL_LEFT);
}

static void
begin_what_is_wanted(struct sigchld__run *run, struct sigchld_master *master)
{
	if (master->turning || master->stop != SIGCHLD__RUNS)
		return;
	if (master->wants_roll && !master->no_forks) {
		master->wants_roll = false;
		sigchld__turn_begin(master, false);
	} else if (master->wants_reload) {
		sigchld__reload(run, master);
	}
}

void
sigchld__master_plan(struct sigchld__run *run, struct sigchld__part *part)
{
	struct sigchld_master *master = SIGCHLD__MASTER_OF(part, part);

	sigchld__orders_take(master);
	if (master->stop == SIGCHLD__RUNS)
		muster(run, master);
	if (run->forked || master->part.closed)
		return;
	if (master->stop != SIGCHLD__RUNS)
		sigchld__timer_set(part->ctx, &master->fork_timer, 0);
	sigchld__herald_workers(master);
	look_whether_alone(master);
	begin_what_is_wanted(run, master);
}
