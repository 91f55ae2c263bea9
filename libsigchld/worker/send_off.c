/*
 * send_off.c - a master's workers are to go
 *
 *	told to finish	finish_signal, and FINISH by its channel
 *	drain_ms later	stop_signal
 *	stop_ms later	SIGKILL
 *
 * A former worker is told to finish, and so are all when the master is to stop and
 * there is time; else they get stop_signal at once. If that is asked for twice,
 * SIGKILL comes again_ms later.
 *
 * Z1	Steps only go forward, and the next is only brought nearer; each worker gets
 *	each signal once. (Signals that the application sends are its own.)
 *	They are those of the program that forked it: it knows no others.
 * Z2	Nothing is signalled but through the child object (core/kill.c), so never a
 *	stranger, whatever the state said.
 */
#include <errno.h>
#include <signal.h>

#include "core/sys.h"
#include "worker/master.h"

static void
signal_it(struct sigchld__crew *crew, int sig)
{
	crew->sent |= UINT64_C(1) << (sig - 1);
	if (crew->child != NULL)
		(void)sigchld__child_signal(crew->child, sig);
}

/* The next step so much later (0: never), if it is not to be sooner. */
static void
hurry(struct sigchld__crew *crew, uint32_t ms)
{
	int64_t at, before = crew->leave.at;

	if (ms == 0)
		return;
	at = sigchld__sys_now_ms() + ms;
	if (before == 0 || at < before)
		sigchld__timer_set(crew->master->part.ctx, &crew->leave, at);
}

void
sigchld__crew_finish(struct sigchld__crew *crew)
{
	const struct sigchld__wire_head head = { .type = SIGCHLD__WIRE_FINISH };

	if (crew->step >= SIGCHLD__FINISHES)
		return;
	crew->step = SIGCHLD__FINISHES;
	if (crew->channel != -1 && !crew->mute)
		(void)sigchld__wire_send(crew->channel, &head, NULL, 0);
	signal_it(crew, crew->finish_signal);
	hurry(crew, crew->master->o.drain_ms);
}

void
sigchld__crew_was_told(struct sigchld__crew *crew, uint32_t step, int64_t at)
{
	crew->step = step;
	crew->sent |= UINT64_C(1) << (crew->finish_signal - 1);
	if (step >= SIGCHLD__STOPS)
		crew->sent |= UINT64_C(1) << (crew->stop_signal - 1);
	if (step >= SIGCHLD__KILLED_BY_US)
		crew->sent |= UINT64_C(1) << (SIGKILL - 1);
	sigchld__timer_set(crew->master->part.ctx, &crew->leave, at);
}

void
sigchld__crew_stop(struct sigchld__crew *crew, int sig, uint32_t ms)
{
	if (crew->step < SIGCHLD__STOPS) {
		crew->step = SIGCHLD__STOPS;
		sigchld__timer_set(crew->master->part.ctx, &crew->leave, 0);
		signal_it(crew, sig == 0 ? crew->stop_signal : sig);
	}
	if (crew->step == SIGCHLD__STOPS)
		hurry(crew, ms);
}

void
sigchld__crew_kill(struct sigchld__crew *crew)
{
	if (crew->step == SIGCHLD__KILLED_BY_US)
		return;
	crew->step = SIGCHLD__KILLED_BY_US;
	sigchld__timer_set(crew->master->part.ctx, &crew->leave, 0);
	signal_it(crew, SIGKILL);
}

void
sigchld__crew_leave_due(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld__crew *crew = SIGCHLD__CREW_OF(timer, leave);
	(void)run;
	if (crew->step < SIGCHLD__STOPS)
		sigchld__crew_stop(crew, 0, crew->master->o.stop_ms);
	else
		sigchld__crew_kill(crew);
}

/* All */

/* Whoever asked for one is told. */
static void
give_up_reload(struct sigchld_master *master)
{
	if (master->wants_reload)
		sigchld__news(master, &master->refused, SIGCHLD_MASTER_REFUSED);
	if (master->turning && master->by_exec) {
		master->failed.what.status = 0;
		master->failed.what.error = -ECANCELED;
		sigchld__reload_failed(master);
		sigchld__news(master, &master->failed,
		    SIGCHLD_MASTER_RELOAD_FAILED);
	}
	master->turning = master->wants_reload = master->wants_roll = false;
	sigchld__control_refused(master);
	sigchld__control_retreat(master);
}

static void
begin_to_stop(struct sigchld_master *master)
{
	give_up_reload(master);
	sigchld__herald_say(master, SIGCHLD__HERALD_STOPPING);
}

void
sigchld__master_stop(struct sigchld_master *master, uint32_t how, int sig)
{
	const struct sigchld_master_options *o = &master->o;
	bool again = master->stop == SIGCHLD__ENDS && how == SIGCHLD__ENDS;
	struct sigchld__crew *crew;

	if (how > master->stop) {
		if (master->stop == SIGCHLD__RUNS)
			begin_to_stop(master);
		master->stop = how;
		sigchld__news(master, &master->stopping,
		    SIGCHLD_MASTER_STOPPING);
	}
	for (crew = master->crew; crew != NULL; crew = crew->next) {
		if (how == SIGCHLD__DRAINS)
			sigchld__crew_finish(crew);
		else
			sigchld__crew_stop(crew, sig,
			    again ? o->again_ms : o->stop_ms);
	}
	sigchld__part_poke(&master->part);
}

int
sigchld_master_stop(struct sigchld_master *master, uint32_t how)
{
	int rc;

	if (how > SIGCHLD_MASTER_NOW)
		return -EINVAL;
	rc = sigchld__master_lock(master);
	if (rc < 0)
		return rc;
	sigchld__master_stop(master,
	    how == SIGCHLD_MASTER_NOW ? SIGCHLD__ENDS : SIGCHLD__DRAINS, 0);
	sigchld__master_unlock(master);
	return 0;
}

static bool
is_meant(const struct sigchld__crew *crew, uint32_t which)
{
	bool former = crew->standing == SIGCHLD__FORMER;

	return crew->child != NULL &&
	    (which & (former ? SIGCHLD_FORMER : SIGCHLD_CURRENT)) != 0;
}

int
sigchld_master_signal(struct sigchld_master *master, uint32_t which, int sig)
{
	struct sigchld__crew *crew;
	int rc, n = 0;

	if (sig < 0 || sig > SIGRTMAX || which == 0 ||
	    (which & ~(SIGCHLD_CURRENT | SIGCHLD_FORMER)) != 0)
		return -EINVAL;
	rc = sigchld__master_lock(master);
	if (rc < 0)
		return rc;
	for (crew = master->crew; crew != NULL; crew = crew->next)
		n += is_meant(crew, which) &&
		    sigchld__child_signal(crew->child, sig) == 0;
	sigchld__master_unlock(master);
	return n;
}
