/*
 * reload.c - another program in our place, with the same pid
 *
 *	this program				the next
 *
 *	RELOADING is told, C dropped
 *	with C, and nobody forks:
 *	    what there is, as a text (carry.c)
 *	    hold the signals (I4 in intake.c)
 *	    our ends, the kept ones: inherited
 *	    execve				guard.c: the text
 *	    it failed: all of that undone	main() .. sigchld_master_new:
 *						    catch, adopt, let come
 *						its own workers, then turn.c
 *
 * E1	Until the execve nothing is changed that could not be changed back, and if
 *	it fails it is: signals, descriptors, limit, counters but for one.
 * E2	All that was to be told was told before; else it would be lost.
 * E3	What ends from now on is a zombie until the next program looks: watching it
 *	is looking (adopt.c). What is sent waits in its socket.
 * E4	A descriptor is inherited only between here and the execve, while the
 *	no-fork lock is held: so no other program gets it.
 *
 * That program is asked to do what main() does anyway, so if it refuses its
 * configuration, ends before it has a master, or its workers fail, it serves with
 * the workers of this one (guard.c, turn.c).
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/sys.h"
#include "worker/master.h"
#include "worker/sys_exec.h"

/* What there is */

void
sigchld__note_file(int fd, struct sigchld__carry_file *file)
{
	file->fd = fd;
	if (fd != -1)
		(void)sigchld__sys_file(fd, &file->dev, &file->ino);
}

static int
leash_of(const struct sigchld__crew *crew)
{
	return crew->leash_ref.generation == 0 ? -1 : crew->leash_ref.fd;
}

static void
note_worker(const struct sigchld__crew *crew,
    struct sigchld__carry_worker *record)
{
	record->slot = crew->slot;
	record->generation = crew->generation;
	record->reloads = crew->reloads;
	record->current = crew->standing == SIGCHLD__CURRENT;
	record->ready = crew->ready;
	record->execs = crew->execs;
	record->dismissed = crew->dismissed;
	record->finish_signal = (uint32_t)crew->finish_signal;
	record->stop_signal = (uint32_t)crew->stop_signal;
	record->stopping = crew->step != SIGCHLD__REMAINS;
	record->step = crew->step;
	record->leave_ms = crew->leave.at;
	record->pid = crew->pid;
	record->started = crew->started;
	record->forked_ms = crew->forked_ms;
	sigchld__note_file(crew->channel, &record->channel);
	sigchld__note_file(leash_of(crew), &record->leash);
	(void)memcpy(record->said, crew->said, sizeof(record->said));
}

static int
note_workers(const struct sigchld_master *master, struct sigchld__carry *carry)
{
	const struct sigchld__crew *crew;

	if (master->n_crew == 0)
		return 0;
	carry->workers_v =
	    sigchld__sys_alloc(master->n_crew, sizeof(*carry->workers_v));
	if (carry->workers_v == NULL)
		return -ENOMEM;
	for (crew = master->crew; crew != NULL; crew = crew->next)
		note_worker(crew, &carry->workers_v[carry->n_workers++]);
	return 0;
}

static int
note_names(const struct sigchld_master *master, struct sigchld__carry *carry)
{
	const struct sigchld__named *named;
	struct sigchld__carry_named *record;
	size_t n = 0;

	for (named = master->named; named != NULL; named = named->next)
		n++;
	if (n == 0)
		return 0;
	carry->named_v = sigchld__sys_alloc(n, sizeof(*carry->named_v));
	if (carry->named_v == NULL)
		return -ENOMEM;
	for (named = master->named; named != NULL; named = named->next) {
		record = &carry->named_v[carry->n_named++];
		(void)strcpy(record->name, named->name);
		sigchld__note_file(named->fd, &record->file);
	}
	return 0;
}

static void
note_master(const struct sigchld_master *master, struct sigchld__carry *carry)
{
	carry->pid = sigchld__sys_getpid();
	carry->generation = master->generation;
	carry->workers = master->workers;
	carry->reloads = master->stats.reloads;
	carry->failed = master->stats.failed;
	carry->forks = master->stats.forks;
	carry->ends = master->stats.ends;
	carry->began_ms = master->began_ms;
	carry->last_reload = master->stats.last_reload;
	carry->last_failure = master->stats.last_failure;
	carry->mask = master->mask;
	carry->flags = master->o.flags;
	carry->finish_signal = (uint32_t)master->o.finish_signal;
	carry->stop_signal = (uint32_t)master->o.stop_signal;
	carry->result = (uint32_t)master->result;
	if (master->herald.pid_file != NULL &&
	    strlen(master->herald.pid_file) < sizeof(carry->pid_file))
		(void)strcpy(carry->pid_file, master->herald.pid_file);
}

static int
write_state(const struct sigchld_master *master, char **ret_text,
    size_t *ret_len)
{
	struct sigchld__carry carry = { 0 };
	int rc;

	note_master(master, &carry);
	rc = note_workers(master, &carry);
	if (rc == 0)
		rc = note_names(master, &carry);
	if (rc == 0)
		rc = sigchld__control_note(master, &carry);
	if (rc == 0)
		rc = sigchld__carry_write(&carry, ret_text, ret_len);
	sigchld__carry_clear(&carry);
	return rc;
}

/* Inherited, or not any more. */
static int
inherit_all(struct sigchld_master *master, bool on)
{
	const struct sigchld__crew *crew;
	const struct sigchld__named *named;
	int rc = 0;

	for (crew = master->crew; crew != NULL; crew = crew->next) {
		if (crew->channel != -1 && rc == 0)
			rc = sigchld__sys_inherit(crew->channel, on);
		if (leash_of(crew) != -1 && rc == 0)
			rc = sigchld__sys_inherit(leash_of(crew), on);
	}
	for (named = master->named; named != NULL && rc == 0;
	     named = named->next)
		rc = sigchld__sys_inherit(named->fd, on);
	return rc == 0 ? sigchld__control_inherit(master, on) : rc;
}

/* 1: a signal came first. */
static int
execute(struct sigchld_master *master, const char *state, size_t len)
{
	sigset_t before;
	int rc = 1;

	sigchld__nofork_begin();
	/* One that asks for a reload is about to get it. */
	if (sigchld__intake_hold(&master->intake, SIGUSR2, &before)) {
		rc = inherit_all(master, true);
		if (rc == 0)
			rc = sigchld__launch_exec(&master->launch, state, len);
		(void)inherit_all(master, false);
	}
	sigchld__intake_release(&before);
	sigchld__nofork_end();
	return rc;
}

static int
replace(struct sigchld_master *master)
{
	char *state;
	size_t len;
	int rc;

	rc = write_state(master, &state, &len);
	if (rc < 0)
		return rc;
	rc = execute(master, state, len);
	free(state);
	return rc;
}

void
sigchld__reload_failed(struct sigchld_master *master)
{
	master->stats.failed++;
	master->stats.last_failure = sigchld__sys_time();
}

static void
failed(struct sigchld_master *master, int error)
{
	master->wants_reload = false;
	sigchld__reload_failed(master);
	master->failed.what.status = 0;
	master->failed.what.error = error;
	sigchld__herald_say(master, SIGCHLD__HERALD_FAILED);
	sigchld__control_over(master, true, false);
	sigchld__news(master, &master->failed, SIGCHLD_MASTER_RELOAD_FAILED);
}

void
sigchld__reload(struct sigchld__run *run, struct sigchld_master *master)
{
	int rc;

	if (master->part.notices != NULL) { /* E2 */
		sigchld__part_poke(&master->part);
		return;
	}
	if (!sigchld__tell_now(run, master, SIGCHLD_MASTER_RELOADING) ||
	    master->stop != SIGCHLD__RUNS || !master->wants_reload)
		return;
	sigchld__herald_say(master, SIGCHLD__HERALD_RELOADING);
	sigchld__control_begun(master);
	rc = replace(master);
	if (rc < 0)
		failed(master, rc);
	else
		sigchld__part_poke(&master->part); /* a signal comes first */
}
