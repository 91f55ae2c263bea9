/*
 * hatch_crew.c - a master's worker, from the fork to its hook
 *
 * All signals are blocked since before the fork. In this order:
 *
 *	1	its ends leave the table, which closes all others that stand there
 *		(postfork): those of its siblings, and the master's end of its own
 *	2	every signal as at the start of a program
 *	3	what else is open is closed, but for what it is to keep
 *	4	the leash: from now on it ends with its master, unless it is to
 *		outlive it
 *	5	its role and its name
 *	6	its own signals: so none of these finds an action that is not meant
 *	7	no signal is blocked any more
 *	8	the hook
 *
 * It never returns: what is below on the stack is the master's dispatch.
 */
#include <signal.h>

#include "async/sys.h"
#include "core/forks.h"
#include "core/sys.h"
#include "spawn/sys.h"
#include "worker/leash.h"
#include "worker/master.h"
#include "worker/mate.h"
#include "worker/pool.h"
#include "worker/strip.h"
#include "worker/sys.h"
#include "worker/sys_exec.h"

/* If something unwinds to here. */
static void
end_it(int *status)
{
	sigchld__sys_exit(*status);
}

static int
take_leash(const struct sigchld__crew *crew)
{
	return crew->theirs[1].generation == 0
	    ? -1
	    : sigchld__strip_take(crew->theirs[1]);
}

/* A thread will read it as long as this is no other program: it must have no number
 * that such a program is given (exec_mate.c). */
static int
out_of_the_way(int leash)
{
	int raised = -1;

	if (leash != -1 && !sigchld__sys_kill_lasts())
		raised = sigchld__sys_dup_from(leash, SIGCHLD__ABOVE_FDS);
	if (raised < 0)
		return leash;
	(void)sigchld__sys_close(leash);
	return raised;
}

static void
unmask(void)
{
	sigset_t none;

	(void)sigemptyset(&none);
	sigchld__sys_unblock(&none);
}

void
sigchld__crew_hatch(struct sigchld__crew *crew, struct sigchld__kept *kept)
{
	__attribute__((cleanup(end_it), unused)) int status =
	    SIGCHLD__STATUS_LOST;
	static struct sigchld__mate mate; /* it is large */
	const struct sigchld_master *master = crew->master;
	struct sigchld_worker worker = {
		.mate = &mate,
		.slot = crew->slot,
		.generation = crew->generation,
	};
	int leash = take_leash(crew);

	mate.worker = &worker;
	mate.master = master;
	mate.fd = worker.channel.fd = sigchld__strip_take(crew->theirs[0]);
	(void)sigchld__postfork();
	sigchld__sys_default_signals();
	sigchld__strip_keep(kept, mate.fd);
	sigchld__strip_keep(kept, leash);
	if (!(master->o.flags & SIGCHLD_MASTER_KEEP_FDS))
		sigchld__strip(kept);
	mate.leash = leash = out_of_the_way(leash);
	if (leash != -1 && sigchld__leash_wear(leash) < 0)
		sigchld__sys_exit(SIGCHLD__STATUS_LOST);
	sigchld__role_worker(worker.slot);
	if (master->name[0] != '\0')
		sigchld__title(master->name, true, worker.slot);
	sigchld__sys_drop_env("NOTIFY_SOCKET"); /* it is the master's to tell */
	sigchld__mate_catch(&mate);
	unmask();
	sigchld__mate_main(&mate);
}
