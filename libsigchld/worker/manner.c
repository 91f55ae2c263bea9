/* manner.c - how a master is to be: what is asked for, with the defaults */
#include <errno.h>
#include <signal.h>

#include "worker/master.h"
#include "worker/pool.h"

#define FLAGS \
	(SIGCHLD_MASTER_RESPAWN | SIGCHLD_MASTER_HUP_ROLLS | \
	    SIGCHLD_MASTER_OUTLIVE | SIGCHLD_MASTER_READY_LATER | \
	    SIGCHLD_MASTER_KEEP_FDS | SIGCHLD_MASTER_NO_SIGNALS | \
	    SIGCHLD_MASTER_PID_WORKERS | SIGCHLD_MASTER_VOUCHED)

static void
fill_signal(int *field, int otherwise)
{
	if (*field == 0)
		*field = otherwise;
}

void
sigchld__manner_defaults(struct sigchld_master_options *o)
{
	if (o->workers == 0)
		o->workers = 1;
	sigchld__fill(&o->ready_ms, 0, 0);
	sigchld__fill(&o->drain_ms, 0, 0);
	sigchld__fill(&o->stop_ms, 30000, 0);
	sigchld__fill(&o->again_ms, 1000, 0);
	sigchld__fill(&o->max_reloads, 50, 0);
	sigchld__fill(&o->backoff_ms, 100, 0);
	sigchld__fill(&o->backoff_max_ms, 30000, 0);
	sigchld__fill(&o->stable_ms, 10000, 0);
	sigchld__fill(&o->give_up, 5, 0);
	fill_signal(&o->finish_signal, SIGUSR1);
	fill_signal(&o->stop_signal, SIGTERM);
}

static bool
is_sound(const struct sigchld_master_options *o)
{
	return (o->flags & ~FLAGS) == 0 && o->zero == 0 && o->run != NULL &&
	    o->argv != NULL && o->argv[0] != NULL &&
	    o->workers <= SIGCHLD_MASTER_MOST &&
	    sigchld__is_signal(o->finish_signal) &&
	    sigchld__is_signal(o->stop_signal) &&
	    o->n_fds <= SIGCHLD_POOL_HIGHEST_FDS &&
	    (o->n_fds == 0 || o->fds != NULL);
}

int
sigchld__manner_read(struct sigchld_master_options *ret_options,
    const struct sigchld_master_options *options)
{
	struct sigchld_master_options read = { 0 };
	int rc;

	if (options == NULL)
		return -EINVAL;
	rc = sigchld__sized(&read, sizeof(read), options, sizeof(read));
	if (rc < 0)
		return rc;
	sigchld__manner_defaults(&read);
	if (!is_sound(&read))
		return -EINVAL;
	*ret_options = read;
	return 0;
}
