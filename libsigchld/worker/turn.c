/*
 * turn.c - one generation after another
 *
 *	first start, reload, roll
 *	fork one for each slot			muster.c
 *	all of them are ready			they are current; those that were
 *						are former, told to finish
 *	one of them ends, or hangs up, or	they are killed; those that were
 *	takes longer than ready_ms, or		current still are
 *	cannot be forked
 *
 * T1	Nobody who serves is told to go before all who are to take over are ready,
 *	and still there.
 * T2	A generation that fails leaves nothing but a count: not an age, not a
 *	policy, not a descriptor of those that serve, nor another number of them.
 *	What nobody has asked for is closed when one takes over.
 * T3	If a current one ends badly meanwhile, that waits: its successor may be
 *	ready any moment. If none comes, the policy holds.
 * T4	Of the first generation of all nobody could take the place: if it fails,
 *	the master stops with its status; with RESPAWN it tries again for a while.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "core/sys.h"
#include "worker/master.h"
#include "worker/sys_exec.h"

#define LOST 255

void
sigchld__turn_begin(struct sigchld_master *master, bool by_exec)
{
	master->turning = true;
	master->by_exec = by_exec;
	master->generation++;
	sigchld__part_poke(&master->part);
}

/* What it said may be its last word, which came before the news of its end: that
 * is looked at in the next dispatch, then. */
static bool
is_alive(const struct sigchld__crew *crew)
{
	struct sigchld__wait wait = { 0 };

	if (crew->child == NULL)
		return false;
	if (sigchld__child_ask(crew->child, &wait,
		WEXITED | WNOHANG | WNOWAIT) == 0 &&
	    wait.pid == 0)
		return true;
	sigchld__child_suspect(crew->child);
	return false;
}

static bool
all_ready(const struct sigchld_master *master)
{
	const struct sigchld__crew *incoming;
	uint32_t slot;

	for (slot = 0; slot < master->workers; slot++) {
		incoming = master->berths[slot].incoming;
		if (incoming == NULL || !incoming->ready)
			return false;
	}
	for (slot = 0; slot < master->workers; slot++) {
		if (!is_alive(master->berths[slot].incoming))
			return false;
	}
	return true;
}

/* One more that it has lived through. */
static void
age(struct sigchld__crew *crew)
{
	const struct sigchld_master_options *o = &crew->master->o;

	crew->reloads++;
	if (o->max_reloads > 0 && crew->reloads > o->max_reloads)
		sigchld__crew_stop(crew, 0, o->stop_ms);
	else
		sigchld__crew_finish(crew);
}

static void
hand_over(struct sigchld__crew *crew)
{
	if (crew->standing == SIGCHLD__INCOMING) {
		crew->standing = SIGCHLD__CURRENT;
		return;
	}
	if (crew->standing == SIGCHLD__CURRENT)
		sigchld__crew_vacate(crew);
	crew->standing = SIGCHLD__FORMER;
	if (!crew->dismissed)
		age(crew);
}

static void
settle(struct sigchld__berth *berth)
{
	berth->crew = berth->incoming;
	berth->incoming = NULL;
	berth->vacant = false;
	berth->not_before = 0;
	sigchld__backoff_succeeded(&berth->backoff);
}

static void
turn_over(struct sigchld_master *master)
{
	struct sigchld__crew *crew;
	bool first = !master->opened;
	uint32_t slot;

	for (crew = master->crew; crew != NULL; crew = crew->next)
		hand_over(crew);
	for (slot = 0; slot < master->workers; slot++)
		settle(&master->berths[slot]);
	master->turning = master->bereft = false;
	master->opened = true;
	master->settled = master->workers;
	sigchld__named_close_unasked(master);
	master->failures = 0;
	sigchld__herald_say(master, SIGCHLD__HERALD_READY);
	sigchld__herald_launched(0);
	master->herald.stale = true;
	master->stats.reloads += master->by_exec;
	if (master->by_exec)
		master->stats.last_reload = sigchld__sys_time();
	sigchld__control_over(master, master->by_exec, true);
	if (master->by_exec)
		sigchld__control_settle(master);
	sigchld__news(master, first ? &master->ready : &master->reloaded,
	    first ? SIGCHLD_MASTER_READY : SIGCHLD_MASTER_RELOADED);
	sigchld__part_poke(&master->part);
}

void
sigchld__turn_look(struct sigchld_master *master)
{
	if (master->turning && all_ready(master))
		turn_over(master);
}

/* It is none of the crew any more, but still ours to reap. */
void
sigchld__crew_dismiss(struct sigchld__crew *crew)
{
	crew->dismissed = true;
	sigchld__crew_vacate(crew);
	crew->standing = SIGCHLD__FORMER;
	sigchld__crew_kill(crew);
}

static void
dismiss_all(struct sigchld_master *master)
{
	struct sigchld__crew *crew;

	for (crew = master->crew; crew != NULL; crew = crew->next) {
		if (crew->standing == SIGCHLD__INCOMING)
			sigchld__crew_dismiss(crew);
	}
}

static void
stop_for_good(struct sigchld_master *master, int status)
{
	if (master->result == 0)
		master->result = status;
	sigchld__master_stop(master, SIGCHLD__ENDS, 0);
}

static bool
anybody_serves(const struct sigchld_master *master)
{
	const struct sigchld__crew *crew = master->crew;

	while (crew != NULL && crew->standing != SIGCHLD__CURRENT)
		crew = crew->next;
	return crew != NULL || (master->o.flags & SIGCHLD_MASTER_RESPAWN) != 0;
}

/* A program that could not take over is not to fill what was empty before; with
 * RESPAWN it is all there is. */
static void
leave_vacant(struct sigchld_master *master)
{
	uint32_t slot;

	if (master->o.flags & SIGCHLD_MASTER_RESPAWN)
		return;
	for (slot = 0; slot < master->workers; slot++)
		master->berths[slot].vacant |=
		    master->berths[slot].crew == NULL;
}

void
sigchld__turn_fail(struct sigchld_master *master, int status, int error)
{
	bool first = !master->opened;

	dismiss_all(master);
	master->turning = false;
	master->workers = master->settled;
	master->failed.what.status = status;
	master->failed.what.error = error;
	if (!first && master->by_exec)
		sigchld__reload_failed(master);
	sigchld__news(master, &master->failed, SIGCHLD_MASTER_RELOAD_FAILED);
	sigchld__control_over(master, master->by_exec, false);
	if (master->by_exec)
		sigchld__control_retreat(master);
	if (!first)
		sigchld__herald_say(master, SIGCHLD__HERALD_FAILED);
	else
		sigchld__herald_launched(status == 0 ? LOST : status);
	if (first || !anybody_serves(master))
		stop_for_good(master, status == 0 ? LOST : status);
	else if (master->bereft)
		stop_for_good(master, master->result);
	else
		leave_vacant(master);
	sigchld__part_poke(&master->part);
}

/* T4. */
bool
sigchld__is_first_try(const struct sigchld_master *master)
{
	return !master->opened &&
	    (master->o.flags & SIGCHLD_MASTER_RESPAWN) != 0;
}

void
sigchld__crew_boot_due(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld__crew *crew = SIGCHLD__CREW_OF(timer, boot);
	struct sigchld_master *master = crew->master;

	(void)run;
	if (crew->standing == SIGCHLD__INCOMING && master->turning &&
	    !sigchld__is_first_try(master))
		sigchld__turn_fail(master, 0, -ETIMEDOUT);
	else
		sigchld__crew_kill(crew);
}
