/*
 * hatch.c - a worker, from the fork to its hooks
 *
 * All signals are blocked since before the fork. In this order:
 *
 *	1	its two descriptors leave the table, which closes all others that
 *		stand there (postfork): those of its siblings, and the parent's
 *		ends of its own
 *	2	every signal as at the start of a program
 *	3	its own process group, if asked for
 *	4	what else is open is closed, but for what it is to keep
 *	5	the leash: from now on it ends with its parent
 *	6	its name
 *	7	the mask of the thread that forked it: what came meanwhile comes now,
 *		and finds default actions
 *	8	the hooks
 *
 * It never returns: what is below on the stack is the parent's dispatch. An
 * exception, a pthread_exit or a longjmp that would, ends the process.
 */
#include <signal.h>
#include <stdlib.h>

#include "core/forks.h"
#include "core/sys.h"
#include "worker/leash.h"
#include "worker/master.h"
#include "worker/pool.h"
#include "worker/strip.h"
#include "worker/sys.h"

static void
close_others(const struct sigchld_worker *worker)
{
	struct sigchld__kept kept = { .n = 0 };
	unsigned int i;

	sigchld__strip_keep(&kept, worker->channel.fd);
	sigchld__strip_keep(&kept, worker->leash);
	for (i = 0; i < worker->pool->o.n_fds; i++)
		sigchld__strip_keep(&kept, worker->pool->fds[i]);
	sigchld__strip(&kept);
}

/* If something unwinds to here. */
static void
end_it(int *status)
{
	sigchld__sys_exit(*status);
}

void
sigchld__worker_hatch(struct sigchld__member *member, const sigset_t *mask)
{
	__attribute__((cleanup(end_it), unused)) int status =
	    SIGCHLD__STATUS_LOST;
	const struct sigchld_pool *pool = member->pool;
	struct sigchld_worker worker = {
		.pool = pool,
		.slot = member->slot,
		.generation = member->generation,
		.page = member->page,
		.limit = member->limit,
	};
	int channel = sigchld__strip_take(member->theirs[0]);

	worker.leash = sigchld__strip_take(member->theirs[1]);
	sigchld__channel_init(&worker.channel, channel, pool->o.request_max,
	    &worker.spare);
	(void)sigchld__postfork();
	sigchld__sys_default_signals();
	if (pool->o.flags & SIGCHLD_POOL_OWN_GROUP)
		(void)sigchld__sys_own_group();
	if (!(pool->o.flags & SIGCHLD_POOL_KEEP_FDS))
		close_others(&worker);
	if (sigchld__leash_wear(worker.leash) < 0)
		sigchld__sys_exit(SIGCHLD__STATUS_LOST);
	if (pool->name[0] != '\0')
		sigchld__title(pool->name, true, worker.slot);
	sigchld__role_worker(worker.slot);
	sigchld__sys_unblock(mask);
	sigchld__worker_main(&worker);
}
