/*
 * part_crew.c - a master's worker has ended
 *
 * Told by the context, which has seen the end but not reaped yet. Its last words
 * are heard first. Then:
 *
 *	of the generation that comes in		the turn fails (turn.c)
 *	current, and it ended badly		RESPAWN: a successor, after backoff;
 *						else the others are stopped
 *	current, and it ended well		RESPAWN: the same; else the slot
 *						stays empty
 *	former					nothing
 *
 * V1	It ended well with status 0, or as those do who are told to go: by TERM or
 *	INT, or with the status that says so, or by a signal that we sent to make
 *	it go. SIGKILL is never that, nor is a status that somebody stole.
 * V2	The result of the master is that of the first that ended badly, of those
 *	that were current, or that it had been stopped with; with RESPAWN, of those
 *	that had no successor.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "core/sys.h"
#include "worker/master.h"

#define LOST 255

int
sigchld_master_status(int wstatus)
{
	if (WIFEXITED(wstatus))
		return WEXITSTATUS(wstatus);
	if (WIFSIGNALED(wstatus))
		return 128 + WTERMSIG(wstatus);
	if (WIFSTOPPED(wstatus))
		return 128 + WSTOPSIG(wstatus);
	return LOST;
}

static bool
ended_well(const struct sigchld__crew *crew, const struct sigchld_event *event)
{
	int status = sigchld_master_status(event->wstatus), sig;

	if (event->what == SIGCHLD_STOLEN)
		return false;
	if (status == 0 || status == 128 + SIGTERM || status == 128 + SIGINT)
		return true;
	if (event->what != SIGCHLD_SIGNALED)
		return false;
	sig = WTERMSIG(event->wstatus);
	return sig != SIGKILL && (crew->sent >> (sig - 1) & 1) != 0;
}

static void
note(struct sigchld__crew *crew, const struct sigchld_event *event)
{
	struct sigchld_master_event *what = &crew->left.what;
	bool lost = event->what == SIGCHLD_STOLEN;

	what->wstatus = event->wstatus;
	what->lost = lost;
	what->status = lost ? LOST : sigchld_master_status(event->wstatus);
	crew->left.last = crew;
	sigchld__news_of(crew, &crew->left, SIGCHLD_MASTER_WORKER_LEFT);
}

static void
count_result(struct sigchld_master *master, int status)
{
	if (master->result == 0)
		master->result = status;
}

/* RESPAWN: when is its slot forked again? Too many failures, and it stops. */
static void
brake(struct sigchld__crew *crew, struct sigchld__berth *berth, bool well)
{
	struct sigchld_master *master = crew->master;
	int64_t lived_ms = sigchld__sys_now_ms() - crew->forked_ms;
	uint32_t wait_ms;

	if (!crew->ready)
		lived_ms = 0;
	if (crew->ready && master->o.stable_ms > 0 &&
	    lived_ms >= master->o.stable_ms)
		master->failures = 0;
	else if (!well || !crew->ready)
		master->failures++;
	wait_ms = sigchld__backoff_failed(&berth->backoff, lived_ms);
	berth->not_before = sigchld__sys_now_ms() + wait_ms;
	if (master->o.give_up == 0 || master->failures < master->o.give_up)
		return;
	count_result(master,
	    crew->left.what.status == 0 ? LOST : crew->left.what.status);
	sigchld__master_stop(master, SIGCHLD__ENDS, 0);
}

static void
current_left(struct sigchld__crew *crew, bool well)
{
	struct sigchld_master *master = crew->master;
	struct sigchld__berth *berth = &master->berths[crew->slot];

	if (master->o.flags & SIGCHLD_MASTER_RESPAWN) {
		if (!well && master->no_forks && master->n_crew == 0)
			count_result(master, crew->left.what.status);
		brake(crew, berth, well);
		return;
	}
	berth->vacant = true;
	if (well)
		return;
	count_result(master, crew->left.what.status);
	if (master->turning)
		master->bereft = true; /* T3 */
	else
		sigchld__master_stop(master, SIGCHLD__ENDS, 0);
}

static void
incoming_left(struct sigchld__crew *crew, bool well)
{
	struct sigchld_master *master = crew->master;

	if (sigchld__is_first_try(master))
		brake(crew, &master->berths[crew->slot], well);
	else
		sigchld__turn_fail(master, crew->left.what.status, 0);
}

/* After it has left its berth. */
static void
policy(struct sigchld__crew *crew, uint32_t standing, bool well)
{
	struct sigchld_master *master = crew->master;

	if (crew->dismissed)
		return;
	if (master->stop != SIGCHLD__RUNS) {
		if (!well)
			count_result(master, crew->left.what.status);
	} else if (standing == SIGCHLD__CURRENT) {
		current_left(crew, well);
	} else if (standing == SIGCHLD__INCOMING) {
		incoming_left(crew, well);
	}
}

void
sigchld__crew_ended(struct sigchld_child *child,
    const struct sigchld_event *event, void *user)
{
	struct sigchld__crew *crew = user;
	struct sigchld_master *master = crew->master;
	bool well = ended_well(crew, event);

	crew->ended = true;
	while (sigchld__crew_hear(crew))
		;
	sigchld__queries_end(crew, -EPIPE);
	note(crew, event);
	master->stats.ends++;
	sigchld__crew_part(crew);
	crew->child = NULL;
	policy(crew, crew->standing, well);
	sigchld__crew_close(crew);
	sigchld__child_release(child);
	sigchld__part_poke(&master->part);
}
