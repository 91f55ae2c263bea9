/*
 * crew.c - a master's worker is made
 *
 *	with C			room for it: channel, leash; under the no-fork
 *				lock, until both stand in the descriptor table
 *	C dropped		birth (core/birth.c): fork; the child hatches
 *				(hatch_crew.c) and never comes back
 *	with C			it is one of the crew; its ends are closed here
 *
 * The same rules as for a pool's workers, M1 to M4 in member.c. Here the ends that
 * are ours must outlive this program: they stand close-on-exec in the table, and
 * reload.c lets the next program have them for the moment of its execve.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/birth.h"
#include "core/fds.h"
#include "core/sys.h"
#include "worker/leash.h"
#include "worker/master.h"
#include "worker/strip.h"
#include "worker/sys_exec.h"

/* Made */

struct sigchld__crew *
sigchld__crew_new(struct sigchld_master *master, uint32_t slot,
    uint32_t standing)
{
	struct sigchld__crew *crew = sigchld__sys_alloc(1, sizeof(*crew));

	if (crew == NULL)
		return NULL;
	crew->master = master;
	crew->slot = slot;
	crew->standing = standing;
	crew->generation = master->generation;
	crew->finish_signal = master->o.finish_signal;
	crew->stop_signal = master->o.stop_signal;
	crew->channel = -1;
	crew->boot.fn = sigchld__crew_boot_due;
	crew->leave.fn = sigchld__crew_leave_due;
	return crew;
}

/* What fails is left to crew_close. */
static int
own(struct sigchld__crew *crew, int fd, bool heard,
    struct sigchld_fdref *ret_ref)
{
	int rc = sigchld__fds_insert_own(crew->master->part.ctx, fd,
	    heard ? POLLIN : 0, heard ? sigchld__crew_ready : NULL, crew,
	    ret_ref);

	if (rc < 0)
		(void)sigchld__sys_close(fd);
	return rc;
}

int
sigchld__crew_own_leash(struct sigchld__crew *crew, int leash)
{
	return leash == -1 ? 0 : own(crew, leash, false, &crew->leash_ref);
}

int
sigchld__crew_own(struct sigchld__crew *crew, int channel, int leash)
{
	struct sigchld_ctx *ctx = crew->master->part.ctx;
	int rc = own(crew, channel, true, &crew->channel_ref);

	if (rc < 0) {
		if (leash != -1)
			(void)sigchld__sys_close(leash);
		return rc;
	}
	crew->channel = channel;
	rc = sigchld__crew_own_leash(crew, leash);
	if (rc == 0)
		rc = sigchld__poller_add(&ctx->poller, channel,
		    crew->channel_ref.generation, POLLIN, false);
	crew->mute = rc < 0;
	return rc;
}

/* Under the no-fork lock. */
static int
open_channel(struct sigchld__crew *crew, int *ret_fd)
{
	int fds[2], rc = sigchld__wire_pair(fds);

	if (rc < 0)
		return rc;
	rc = own(crew, fds[1], false, &crew->theirs[0]);
	if (rc < 0)
		(void)sigchld__sys_close(fds[0]);
	else
		*ret_fd = fds[0];
	return rc;
}

static int
open_leash(struct sigchld__crew *crew, int *ret_fd)
{
	int worker, rc;

	*ret_fd = -1;
	if (crew->master->o.flags & SIGCHLD_MASTER_OUTLIVE)
		return 0;
	rc = sigchld__leash_pair(&worker, ret_fd);
	if (rc < 0)
		return rc;
	rc = own(crew, worker, false, &crew->theirs[1]);
	if (rc < 0)
		(void)sigchld__sys_close(*ret_fd);
	return rc;
}

static int
open_all(struct sigchld__crew *crew)
{
	int channel, leash, rc;

	rc = open_channel(crew, &channel);
	if (rc < 0)
		return rc;
	rc = open_leash(crew, &leash);
	if (rc < 0) {
		(void)sigchld__sys_close(channel);
		return rc;
	}
	return sigchld__crew_own(crew, channel, leash);
}

static int
make(struct sigchld_master *master, uint32_t slot, uint32_t standing,
    struct sigchld__crew **ret_crew)
{
	struct sigchld__crew *crew = sigchld__crew_new(master, slot, standing);
	int rc;

	if (crew == NULL)
		return -ENOMEM;
	sigchld__nofork_begin();
	rc = open_all(crew);
	sigchld__nofork_end();
	if (rc < 0)
		sigchld__crew_free(crew);
	else
		*ret_crew = crew;
	return rc;
}

/* Closed and freed */

static void
close_theirs(struct sigchld__crew *crew)
{
	sigchld__fds_close_own(-1, &crew->theirs[0]);
	sigchld__fds_close_own(-1, &crew->theirs[1]);
}

static void
stop_hearing(struct sigchld__crew *crew)
{
	struct sigchld_ctx *ctx = crew->master->part.ctx;

	if (crew->channel_ref.generation != 0 && !crew->mute)
		sigchld__poller_remove(&ctx->poller, crew->channel);
	crew->mute = true;
}

void
sigchld__crew_mute(struct sigchld__crew *crew)
{
	stop_hearing(crew);
	if (crew->channel_ref.generation != 0)
		sigchld__fds_own_events(crew->channel_ref, 0);
}

static void
let_go(struct sigchld_fdref *ref)
{
	if (ref->generation != 0)
		(void)sigchld__fds_take_own(*ref);
	ref->generation = 0;
}

void
sigchld__crew_let_go(struct sigchld__crew *crew)
{
	stop_hearing(crew);
	let_go(&crew->channel_ref);
	let_go(&crew->leash_ref);
	crew->channel = -1;
}

void
sigchld__crew_close(struct sigchld__crew *crew)
{
	struct sigchld_ctx *ctx = crew->master->part.ctx;

	sigchld__timer_set(ctx, &crew->boot, 0);
	sigchld__timer_set(ctx, &crew->leave, 0);
	close_theirs(crew);
	stop_hearing(crew);
	sigchld__fds_close_own(-1, &crew->channel_ref);
	sigchld__fds_close_own(-1, &crew->leash_ref);
	crew->channel = -1;
}

void
sigchld__crew_free(struct sigchld__crew *crew)
{
	sigchld__crew_close(crew);
	free(crew);
}

/* Forked */

/* What the child is made with; and whatever ends it, what follows. */
struct bearing {
	struct sigchld__birth birth;
	struct sigchld__hook hook;
	struct sigchld__crew *crew;
	struct sigchld__kept kept;
	pid_t pid;
};

static pid_t
bear(struct sigchld__birth *birth)
{
	struct bearing *bearing = (struct bearing *)(void *)birth;
	pid_t pid = sigchld__birth_fork(birth);

	if (pid == 0)
		sigchld__crew_hatch(bearing->crew, &bearing->kept);
	return pid;
}

/* With C: what a worker has besides its own ends. */
static void
keep(const struct sigchld_master *master, struct sigchld__kept *kept)
{
	const struct sigchld__named *named;
	uint32_t i;

	for (i = 0; i < master->o.n_fds; i++)
		sigchld__strip_keep(kept, master->fds[i]);
	for (named = master->named; named != NULL; named = named->next) {
		if (named->asked)
			sigchld__strip_keep(kept, named->fd);
	}
}

static pid_t
fork_it(struct sigchld__run *run, struct sigchld__crew *crew)
{
	struct sigchld_master *master = crew->master;
	struct bearing b = {
		.birth = { .make = bear },
		.hook = { .run = run, .part = &master->part },
		.crew = crew,
	};

	keep(master, &b.kept);
	sigchld__hook_begin(&b.hook);
	run->calls--; /* this is none of the application's */
	b.pid = sigchld__birth(master->part.ctx, &crew->child,
	    SIGCHLD__CHILD_OWN, &b.birth, sigchld__crew_ended, crew);
	sigchld__hook_end(&b.hook);
	return b.pid;
}

void
sigchld__crew_join(struct sigchld__crew *crew)
{
	struct sigchld_master *master = crew->master;

	crew->next = master->crew;
	crew->at = &master->crew;
	if (crew->next != NULL)
		crew->next->at = &crew->next;
	master->crew = crew;
	master->n_crew++;
	master->herald.stale = true;
}

struct sigchld__crew *
sigchld__crew_find(struct sigchld_master *master, pid_t pid)
{
	struct sigchld__crew *crew = master->crew;

	while (crew != NULL && crew->pid != pid)
		crew = crew->next;
	return crew;
}

void
sigchld__crew_part(struct sigchld__crew *crew)
{
	*crew->at = crew->next;
	if (crew->next != NULL)
		crew->next->at = crew->at;
	crew->master->n_crew--;
	crew->master->herald.stale = true;
	sigchld__crew_vacate(crew);
}

static void
begin(struct sigchld__crew *crew, pid_t pid)
{
	struct sigchld_master *master = crew->master;
	struct sigchld__berth *berth = &master->berths[crew->slot];
	uint32_t ready_ms = master->o.ready_ms;

	crew->pid = pid;
	crew->forked_ms = sigchld__sys_now_ms();
	crew->started = sigchld__sys_started(pid);
	close_theirs(crew);
	master->stats.forks++;
	sigchld__crew_join(crew);
	if (crew->standing == SIGCHLD__INCOMING)
		berth->incoming = crew;
	else
		berth->crew = crew;
	if (ready_ms > 0)
		sigchld__timer_set(master->part.ctx, &crew->boot,
		    crew->forked_ms + ready_ms);
	sigchld__news_of(crew, &crew->forked, SIGCHLD_MASTER_FORKED);
}

/* What was decided while it was forked is for it, too. */
static void
catch_up(struct sigchld__crew *crew)
{
	struct sigchld_master *master = crew->master;

	if (master->stop == SIGCHLD__ENDS)
		sigchld__crew_stop(crew, 0, master->o.stop_ms);
	else if (master->stop == SIGCHLD__DRAINS)
		sigchld__crew_finish(crew);
	else if (crew->standing == SIGCHLD__INCOMING && !master->turning)
		sigchld__crew_dismiss(crew);
}

/* It was closed meanwhile: nobody else knows of this one. */
static void
abandon(struct sigchld__crew *crew)
{
	if (crew->child != NULL) {
		(void)sigchld__child_signal(crew->child, SIGKILL);
		sigchld__child_release(crew->child);
	}
	sigchld__crew_free(crew);
}

pid_t
sigchld__crew_fork(struct sigchld__run *run, struct sigchld_master *master,
    uint32_t slot, uint32_t standing)
{
	struct sigchld__crew *crew;
	pid_t pid;
	int rc;

	rc = make(master, slot, standing, &crew);
	pid = rc < 0 ? rc : fork_it(run, crew);
	if (rc == 0 && (pid < 0 || master->part.closed))
		abandon(crew);
	else if (rc == 0) {
		begin(crew, pid);
		catch_up(crew);
	}
	return master->part.closed ? -ESHUTDOWN : pid;
}

/* Berths */

int
sigchld__berths_make(struct sigchld_master *master, uint32_t n)
{
	struct sigchld__berth *berths;
	uint32_t i;

	if (n <= master->n_berths)
		return 0;
	berths = sigchld__sys_alloc(n, sizeof(*berths));
	if (berths == NULL)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		if (i < master->n_berths)
			berths[i] = master->berths[i];
		else
			berths[i].backoff = (struct sigchld__backoff){
				.first_ms = master->o.backoff_ms,
				.most_ms = master->o.backoff_max_ms,
				.stable_ms = master->o.stable_ms,
			};
	}
	free(master->berths);
	master->berths = berths;
	master->n_berths = n;
	return 0;
}

void
sigchld__crew_vacate(struct sigchld__crew *crew)
{
	struct sigchld__berth *berth;

	if (crew->slot >= crew->master->n_berths)
		return;
	berth = &crew->master->berths[crew->slot];
	if (berth->crew == crew)
		berth->crew = NULL;
	if (berth->incoming == crew)
		berth->incoming = NULL;
}
