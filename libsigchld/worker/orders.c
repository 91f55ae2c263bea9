/*
 * orders.c - what signals ask of a master
 *
 *	TERM, INT	the same to the workers; a second time: sooner
 *	USR1		the workers finish and go
 *	TTIN, TTOU	one worker more, one less
 *	USR2, HUP	reload (HUP: or roll)
 *
 * In this order, if several came: whoever wants an end is not to wait for a new
 * beginning, and a reload that was asked for with it is refused, and told so.
 */
#include <errno.h>
#include <signal.h>

#include "worker/master.h"

static void
stop_by(struct sigchld_master *master, int sig)
{
	if (sigchld__intake_take(&master->intake, sig))
		sigchld__master_stop(master, SIGCHLD__ENDS, sig);
}

/* While a program comes in the others are as many more, or less: what it wants
 * is not theirs. */
static uint32_t
settle(const struct sigchld_master *master, uint32_t workers)
{
	int64_t n = workers;

	if (master->turning && master->by_exec)
		n += (int64_t)master->settled - master->workers;
	if (n < 1)
		return 1;
	return n > SIGCHLD_MASTER_MOST ? SIGCHLD_MASTER_MOST : (uint32_t)n;
}

int
sigchld__orders_resize(struct sigchld_master *master, uint32_t workers)
{
	uint32_t slot, settled = settle(master, workers);
	int rc;

	if (master->stop != SIGCHLD__RUNS)
		return -ESHUTDOWN;
	if (workers == 0 || workers > SIGCHLD_MASTER_MOST)
		return -EINVAL;
	rc =
	    sigchld__berths_make(master, workers > settled ? workers : settled);
	if (rc < 0)
		return rc;
	for (slot = master->workers; slot < workers; slot++)
		master->berths[slot].vacant = false; /* wanted again */
	master->workers = workers;
	master->settled = settled;
	sigchld__part_poke(&master->part);
	return 0;
}

int
sigchld__orders_reload(struct sigchld_master *master)
{
	if (master->stop != SIGCHLD__RUNS) {
		sigchld__news(master, &master->refused, SIGCHLD_MASTER_REFUSED);
		return -ESHUTDOWN;
	}
	master->wants_reload = true;
	sigchld__part_poke(&master->part);
	return 0;
}

int
sigchld__orders_roll(struct sigchld_master *master)
{
	if (master->stop != SIGCHLD__RUNS)
		return -ESHUTDOWN;
	if (master->turning)
		return -EINPROGRESS;
	master->wants_roll = true;
	sigchld__part_poke(&master->part);
	return 0;
}

/* While another generation comes in it has to wait, for it must not be lost. */
static void
roll_by(struct sigchld_master *master, int sig)
{
	if (!master->turning && sigchld__intake_take(&master->intake, sig))
		(void)sigchld__orders_roll(master);
}

static void
reload_by(struct sigchld_master *master, int sig)
{
	if (sigchld__intake_take(&master->intake, sig))
		(void)sigchld__orders_reload(master);
}

void
sigchld__orders_take(struct sigchld_master *master)
{
	sigchld__intake_drain(&master->intake);
	stop_by(master, SIGTERM);
	stop_by(master, SIGINT);
	if (sigchld__intake_take(&master->intake, SIGUSR1) &&
	    master->stop == SIGCHLD__RUNS)
		sigchld__master_stop(master, SIGCHLD__DRAINS, 0);
	if (sigchld__intake_take(&master->intake, SIGTTIN))
		(void)sigchld__orders_resize(master, master->workers + 1);
	if (sigchld__intake_take(&master->intake, SIGTTOU))
		(void)sigchld__orders_resize(master, master->workers - 1);
	reload_by(master, SIGUSR2);
	if (master->o.flags & SIGCHLD_MASTER_HUP_ROLLS)
		roll_by(master, SIGHUP);
	else
		reload_by(master, SIGHUP);
}

/* The same by calls */

int
sigchld_master_resize(struct sigchld_master *master, uint32_t workers)
{
	int rc = sigchld__master_lock(master);

	if (rc < 0)
		return rc;
	rc = sigchld__orders_resize(master, workers);
	sigchld__master_unlock(master);
	return rc;
}

int
sigchld_master_reload(struct sigchld_master *master)
{
	int rc = sigchld__master_lock(master);

	if (rc < 0)
		return rc;
	rc = sigchld__orders_reload(master);
	sigchld__master_unlock(master);
	return rc;
}

int
sigchld_master_roll(struct sigchld_master *master)
{
	int rc = sigchld__master_lock(master);

	if (rc < 0)
		return rc;
	rc = sigchld__orders_roll(master);
	sigchld__master_unlock(master);
	return rc;
}
