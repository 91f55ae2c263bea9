/*
 * adopt.c - what the program before us left
 *
 * Its state (carry.c) may be anything: of another release, cut, or written by
 * somebody who wishes us ill. So nothing of it is believed that the kernel can tell:
 *
 *	a worker	is a child of ours, not reaped, started when it says;
 *			signals go through the child object alone
 *	a channel,	is open, is a socket (a pipe), and is that very file;
 *	a leash		else it is left alone, and the worker has none
 *	a name		is of a descriptor that is open, and is that very file
 *
 * D1	What is not believed is neither signalled nor closed nor used.
 * D2	Whoever ended while there was no program to see it is told of as any other:
 *	to watch is to look.
 * D3	If anything was not believed, that is told (DISTRUSTED), and children that
 *	nobody knows are reaped in silence when they end: else their zombies would
 *	stay for ever.
 * D4	Those that were current are current until our own are ready.
 *
 * The mask of signals that the first program had is this thread's again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/pids.h"
#include "core/sys.h"
#include "worker/master.h"
#include "worker/pool.h"
#include "worker/sys_exec.h"

static bool
is_that(const struct sigchld__carry_file *file)
{
	uint64_t dev, ino;

	return file->fd >= 0 && sigchld__sys_file(file->fd, &dev, &ino) == 0 &&
	    dev == file->dev && ino == file->ino;
}

static bool
is_ours(const struct sigchld__carry_worker *record)
{
	struct sigchld__wait wait;
	uint64_t started;

	if (sigchld__sys_waitid(P_PID, record->pid, &wait,
		WEXITED | WNOHANG | WNOWAIT) < 0)
		return false;
	started = sigchld__sys_started(record->pid);
	return record->started == 0 || started == 0 ||
	    started == record->started;
}

int
sigchld__adopt_file(const struct sigchld__carry_file *file, bool socket)
{
	if (!is_that(file) || sigchld__sys_is_socket(file->fd) != socket ||
	    sigchld__sys_inherit(file->fd, false) < 0)
		return -1;
	return file->fd;
}

static void
take_ends(struct sigchld__crew *crew,
    const struct sigchld__carry_worker *record)
{
	int channel, leash;

	sigchld__nofork_begin();
	channel = sigchld__adopt_file(&record->channel, true);
	leash = sigchld__adopt_file(&record->leash, false);
	if (channel != -1)
		(void)sigchld__crew_own(crew, channel, leash);
	else
		(void)sigchld__crew_own_leash(crew, leash);
	sigchld__nofork_end();
}

static void
take_signal(int *field, uint32_t carried)
{
	if (sigchld__is_signal((int)carried))
		*field = (int)carried;
}

static void
fill(struct sigchld__crew *crew, const struct sigchld__carry_worker *record)
{
	crew->generation = record->generation;
	crew->reloads = record->reloads;
	crew->ready = record->ready;
	crew->execs = record->execs;
	crew->dismissed = record->dismissed;
	take_signal(&crew->finish_signal, record->finish_signal);
	take_signal(&crew->stop_signal, record->stop_signal);
	crew->pid = record->pid;
	crew->started = record->started;
	crew->forked_ms = record->forked_ms;
	crew->mute = true; /* until it has a channel */
	(void)memcpy(crew->said, record->said, sizeof(crew->said));
	crew->said[sizeof(crew->said) - 1] = '\0';
}

static int
berth(struct sigchld_master *master, struct sigchld__crew *crew)
{
	int rc;

	if (crew->standing != SIGCHLD__CURRENT)
		return 0;
	rc = sigchld__berths_make(master, crew->slot + 1);
	if (rc == 0)
		master->berths[crew->slot].crew = crew;
	return rc;
}

/* Without C; it is watched last, since its end may be told at once. */
static int
watch(struct sigchld_master *master, struct sigchld__crew *crew)
{
	struct sigchld_ctx *ctx = master->part.ctx;
	int rc;

	sigchld__ctx_lock(ctx);
	rc = berth(master, crew);
	if (rc == 0)
		sigchld__crew_join(crew);
	sigchld__ctx_unlock(ctx);
	if (rc < 0)
		return rc;
	rc = sigchld__child_watch(ctx, &crew->child, crew->pid,
	    SIGCHLD__CHILD_OWN, sigchld__crew_ended, crew);
	if (rc == 0)
		return 0;
	sigchld__ctx_lock(ctx);
	sigchld__crew_part(crew);
	sigchld__ctx_unlock(ctx);
	return rc;
}

/* What was begun goes on: it was told to finish, perhaps long ago. */
static void
resume(struct sigchld__crew *crew, const struct sigchld__carry_worker *record)
{
	struct sigchld_ctx *ctx = crew->master->part.ctx;

	if (!record->stopping)
		return;
	sigchld__ctx_lock(ctx);
	sigchld__crew_was_told(crew,
	    record->step > 0 ? record->step : SIGCHLD__FINISHES,
	    record->leave_ms);
	sigchld__ctx_unlock(ctx);
}

static int
adopt_one(struct sigchld_master *master,
    const struct sigchld__carry_worker *record)
{
	struct sigchld__crew *crew;
	int rc;

	if (!is_ours(record))
		return -ECHILD;
	crew = sigchld__crew_new(master, record->slot,
	    record->current ? SIGCHLD__CURRENT : SIGCHLD__FORMER);
	if (crew == NULL)
		return -ENOMEM;
	fill(crew, record);
	take_ends(crew, record);
	rc = watch(master, crew);
	if (rc < 0)
		sigchld__crew_free(crew);
	else
		resume(crew, record);
	return rc;
}

static size_t
adopt_workers(struct sigchld_master *master, const struct sigchld__carry *carry)
{
	size_t i, refused = 0;

	for (i = 0; i < carry->n_workers; i++)
		refused += adopt_one(master, &carry->workers_v[i]) < 0;
	return refused;
}

static size_t
adopt_names(struct sigchld_master *master, const struct sigchld__carry *carry)
{
	const struct sigchld__carry_named *named;
	size_t i, refused = 0;

	for (i = 0; i < carry->n_named; i++) {
		named = &carry->named_v[i];
		refused += !is_that(&named->file) ||
		    sigchld__named_add(master, named->name, named->file.fd,
			false) < 0;
	}
	return refused;
}

static void
adopt_master(struct sigchld_master *master, const struct sigchld__carry *carry)
{
	if (carry->pid == 0)
		return;
	master->generation = carry->generation;
	master->began_ms = carry->began_ms;
	master->result = (int)carry->result;
	master->wants_reload = carry->reloading;
	master->stats.reloads = carry->reloads;
	master->stats.failed = carry->failed;
	master->stats.forks = carry->forks;
	master->stats.ends = carry->ends;
	master->stats.last_reload = carry->last_reload;
	master->stats.last_failure = carry->last_failure;
	master->mask = carry->mask;
	sigchld__intake_unmask(&master->intake, carry->mask,
	    sigchld__guard_mask());
	if (carry->workers > 0 && carry->workers <= SIGCHLD_MASTER_MOST &&
	    sigchld__berths_make(master, carry->workers) == 0)
		master->settled = carry->workers;
}

/* D3. Those that are watched already give -EBUSY. What main() has started since
 * is its own to wait for. */
static void
reap_unknown(struct sigchld_ctx *ctx)
{
	const struct sigchld__pids *pids = sigchld__guard_children();
	size_t i;

	for (i = 0; i < pids->n; i++)
		(void)sigchld__child_watch(ctx, NULL, pids->pid[i], 0, NULL,
		    NULL);
}

static void
distrust(struct sigchld_master *master, int error)
{
	struct sigchld_ctx *ctx = master->part.ctx;

	reap_unknown(ctx);
	sigchld__ctx_lock(ctx);
	master->distrusted.what.error = error;
	sigchld__news(master, &master->distrusted, SIGCHLD_MASTER_DISTRUSTED);
	sigchld__ctx_unlock(ctx);
}

static int
adopt(struct sigchld_master *master, const char *state, size_t len)
{
	struct sigchld__carry carry;
	size_t refused = 0;
	int rc;

	rc = sigchld__carry_read(state, len, &carry, &refused);
	if (rc < 0)
		return rc;
	if (carry.pid != sigchld__sys_getpid())
		carry.pid = 0, refused++; /* a copy of somebody's environment */
	adopt_master(master, &carry);
	refused += adopt_workers(master, &carry);
	refused += adopt_names(master, &carry);
	sigchld__ctx_lock(master->part.ctx);
	refused += sigchld__control_adopt(master, &carry);
	sigchld__ctx_unlock(master->part.ctx);
	sigchld__carry_clear(&carry);
	return refused > 0 ? -EPROTO : 0;
}

static void
seal(const struct sigchld__carry_file *file)
{
	if (file->fd != -1 && is_that(file))
		(void)sigchld__sys_inherit(file->fd, false);
}

void
sigchld__adopt_seal(const char *state, size_t len)
{
	struct sigchld__carry carry;
	size_t i, refused;

	if (sigchld__carry_read(state, len, &carry, &refused) < 0)
		return;
	for (i = 0; i < carry.n_workers; i++) {
		seal(&carry.workers_v[i].channel);
		seal(&carry.workers_v[i].leash);
	}
	for (i = 0; i < carry.n_named; i++)
		seal(&carry.named_v[i].file);
	if (carry.control.path[0] != '\0')
		seal(&carry.control.file);
	for (i = 0; i < carry.n_askers; i++)
		seal(&carry.askers_v[i].file);
	sigchld__carry_clear(&carry);
}

void
sigchld__adopt(struct sigchld_master *master)
{
	const char *state;
	size_t len;
	int found = sigchld__guard_state(&state, &len), rc = found;

	master->opened = found != 0; /* one was ready, before us */

	sigchld__guard_watch(master);
	master->mask = sigchld__intake_mask(&master->intake);
	if (found > 0)
		rc = adopt(master, state, len);
	if (rc < 0)
		distrust(master, rc);
	sigchld__ctx_lock(master->part.ctx);
	sigchld__turn_begin(master, found != 0);
	sigchld__ctx_unlock(master->part.ctx);
}
