/*
 * herald.c - the world outside is told how a master is
 *
 *	what happened		service manager		file		launcher
 *
 *	first READY		READY, MAINPID		written		ends with 0
 *	RELOADING		RELOADING
 *	RELOADED		READY			as it was
 *	RELOAD_FAILED		READY, and why		as it was
 *	the first failed	STOPPING		none		its status
 *	STOPPING		STOPPING
 *	all left				removed
 *
 * O1	Nobody is told READY before all workers said so.
 * O2	What the manager does not take at once is said again a little later; only
 *	the last word counts. Nothing waits for it.
 * O3	The file is written after READY, as a whole, and says the master's pid; with
 *	PID_WORKERS, the current workers' besides. What is in it already is not
 *	written again, so a reload leaves it alone; removed is only our own.
 * O4	The workers have none of this: neither the descriptor nor the variable.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/fds.h"
#include "core/sys.h"
#include "worker/daemon.h"
#include "worker/listen_fds.h"
#include "worker/master.h"
#include "worker/pidfile.h"
#include "worker/sys.h"
#include "worker/sys_master.h"

#define AGAIN_MS 50

#define HERALD_OF(timer) SIGCHLD__MASTER_OF(timer, herald.again)

static void
say_due(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld_master *master = HERALD_OF(timer);

	(void)run;
	sigchld__herald_say(master, master->herald.unsaid);
}

static int
open_notify(struct sigchld_master *master)
{
	struct sigchld__herald *herald = &master->herald;
	int rc;

	sigchld__nofork_begin();
	rc = sigchld__notify_open(&herald->notify,
	    sigchld__sys_getenv("NOTIFY_SOCKET"));
	if (rc == 1) {
		rc = sigchld__fds_insert_own(master->part.ctx,
		    herald->notify.fd, 0, NULL, NULL, &herald->notify_ref);
		if (rc < 0)
			sigchld__notify_close(&herald->notify);
	}
	sigchld__nofork_end();
	return rc < 0 ? rc : 0;
}

int
sigchld__herald_begin(struct sigchld_master *master, const char *pid_file)
{
	struct sigchld__herald *herald = &master->herald;
	int rc;

	herald->notify.fd = -1;
	herald->again.fn = say_due;
	if (pid_file != NULL) {
		herald->pid_file = strdup(pid_file);
		if (herald->pid_file == NULL)
			return -ENOMEM;
	}
	rc = open_notify(master);
	return rc == -EINVAL ? 0 : rc; /* an address that is none: nobody */
}

void
sigchld__herald_end(struct sigchld_master *master)
{
	struct sigchld__herald *herald = &master->herald;

	sigchld__timer_set(master->part.ctx, &herald->again, 0);
	sigchld__fds_close_own(-1, &herald->notify_ref);
	herald->notify.fd = -1;
}

/* Before it lived. */
void
sigchld__herald_abandon(struct sigchld_master *master)
{
	sigchld__ctx_lock(master->part.ctx);
	sigchld__herald_end(master);
	sigchld__ctx_unlock(master->part.ctx);
}

/* The service manager */

static int
say(const struct sigchld_master *master, uint32_t word)
{
	const struct sigchld__notify *notify = &master->herald.notify;
	pid_t us = sigchld__sys_getpid();

	switch (word) {
	case SIGCHLD__HERALD_READY:
		return sigchld__notify_ready(notify, us, "Ready");
	case SIGCHLD__HERALD_RELOADING:
		return sigchld__notify_reloading(notify, "Reloading");
	case SIGCHLD__HERALD_FAILED:
		return sigchld__notify_reload_failed(notify, us,
		    "the former workers serve on");
	default:
		return sigchld__notify_stopping(notify, "Stopping");
	}
}

/* While the manager is restarted there is nobody; later there is. */
static bool
is_for_later(int rc)
{
	return rc == -EAGAIN || rc == -ECONNREFUSED || rc == -ENOENT ||
	    rc == -ENOBUFS;
}

void
sigchld__herald_say(struct sigchld_master *master, uint32_t word)
{
	struct sigchld__herald *herald = &master->herald;

	if (herald->notify.fd == -1 || word == SIGCHLD__HERALD_NOTHING)
		return;
	herald->unsaid = SIGCHLD__HERALD_NOTHING;
	sigchld__timer_set(master->part.ctx, &herald->again, 0);
	if (!is_for_later(say(master, word)))
		return;
	herald->unsaid = word;
	sigchld__timer_set(master->part.ctx, &herald->again,
	    sigchld__sys_now_ms() + AGAIN_MS);
}

/* The file */

static uint32_t
list_current(const struct sigchld_master *master, pid_t *pids)
{
	uint32_t slot, n = 0;

	for (slot = 0; slot < master->workers; slot++) {
		if (master->berths[slot].crew != NULL)
			pids[n++] = master->berths[slot].crew->pid;
	}
	return n;
}

static void
write_file(struct sigchld_master *master)
{
	struct sigchld__herald *herald = &master->herald;
	pid_t *pids = NULL;
	uint32_t n = 0;

	if (master->o.flags & SIGCHLD_MASTER_PID_WORKERS) {
		pids = sigchld__sys_alloc(master->workers, sizeof(*pids));
		if (pids != NULL)
			n = list_current(master, pids);
	}
	herald->wrote = sigchld__pidfile_write(herald->pid_file,
			    sigchld__sys_getpid(), pids, n) >= 0 ||
	    herald->wrote;
	free(pids);
}

void
sigchld__herald_workers(struct sigchld_master *master)
{
	struct sigchld__herald *herald = &master->herald;

	if (!herald->stale || herald->pid_file == NULL || !master->opened ||
	    master->turning || master->stop != SIGCHLD__RUNS)
		return;
	herald->stale = false;
	if (!herald->wrote || (master->o.flags & SIGCHLD_MASTER_PID_WORKERS))
		write_file(master);
}

void
sigchld__herald_alone(struct sigchld_master *master)
{
	struct sigchld__herald *herald = &master->herald;

	if (herald->pid_file != NULL)
		(void)sigchld__pidfile_remove(herald->pid_file,
		    sigchld__sys_getpid());
}

/* The launcher */

static int launcher = -1; /* of one process, before it has a master */

void
sigchld__herald_launched(int status)
{
	if (launcher != -1)
		sigchld__daemon_tell(&launcher, status);
}

int
sigchld_daemon(void)
{
	pid_t us = sigchld__sys_getpid(), pid;
	int fd;

	if (sigchld__guard_is_reload())
		return 0; /* it is one already */
	pid = sigchld__daemon_fork(&fd);
	if (pid < 0)
		return pid;
	if (pid > 0)
		sigchld__sys_exit(sigchld__daemon_wait(pid, fd));
	launcher = fd;
	sigchld__listen_fds_follow(us);
	return 0;
}
