/*
 * master.c - masters: made, freed, run
 *
 * A master is a part of its context, and all of it stands under the context's lock,
 * C. It lives by what a dispatch brings:
 *
 *	a signal	intake.c, orders.c	reload, stop, resize
 *	an end		part_crew.c		a policy: successor, stop, nothing
 *	a message	hear_crew.c		ready, an answer, a line to show
 *	a time		turn.c, send_off.c, query.c
 *	then its work	part.c: tell the application; muster.c: fork; reload.c
 *
 *	master				worker
 *
 *	crew.c: fork			hatch_crew.c
 *	hear_crew.c <-----READY-------	mate.c
 *	turn.c: the former ones
 *	send_off.c ------FINISH, USR1->	stopping; goes when it has done
 *	part_crew.c <----the context reaps
 *
 *	reload.c: all of this into carry.c's text, execve
 *	guard.c, adopt.c: and out of it, in the next program
 *
 * R1	No worker is lost and none is told of twice: it is one of the crew from its
 *	fork to its end, through every execve.
 * R2	Nobody who serves goes before his successor is ready (turn.c).
 * R3	What fails changes nothing (launch.c, reload.c, turn.c).
 * R4	Nothing is signalled, and no descriptor used, that was not proved ours
 *	(adopt.c, core/kill.c).
 * R5	Nothing waits: not for a worker, nor for a program to start.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/fds.h"
#include "core/sys.h"
#include "spawn/sys.h"
#include "worker/control.h"
#include "worker/daemon.h"
#include "worker/master.h"
#include "worker/pool.h"
#include "worker/sys.h"

int
sigchld__master_lock(struct sigchld_master *master)
{
	return master == NULL ? -EINVAL : sigchld__part_lock(&master->part);
}

void
sigchld__master_unlock(struct sigchld_master *master)
{
	sigchld__part_unlock(&master->part);
}

static void
free_memory(struct sigchld_master *master)
{
	sigchld__launch_clear(&master->launch);
	free(master->herald.pid_file);
	free(master->berths);
	free(master->fds);
	free(master);
}

static void
free_part(struct sigchld__part *part)
{
	free_memory(SIGCHLD__MASTER_OF(part, part));
}

/* How it stands is told as it comes. */
static void
judge(struct sigchld__part *part)
{
	(void)part;
	sigchld__guard_done(); /* main() has come as far as to dispatch */
}

static const struct sigchld__part_kind master_kind = {
	.judge = judge,
	.plan = sigchld__master_plan,
	.free = free_part,
};

/* Its signals */

static void
signal_came(struct sigchld_ctx *ctx, void *user)
{
	struct sigchld_master *master = user;

	(void)ctx;
	sigchld__part_poke(&master->part); /* which drains: orders.c */
}

static int
own_pipe(struct sigchld_master *master)
{
	struct sigchld_ctx *ctx = master->part.ctx;
	const struct sigchld__selfpipe *pipe = &master->intake.pipe;
	int rc;

	rc = sigchld__fds_insert_own(ctx, pipe->rd, POLLIN, signal_came, master,
	    &master->pipe_refs[0]);
	if (rc == 0 && pipe->wr != pipe->rd)
		rc = sigchld__fds_insert_own(ctx, pipe->wr, 0, NULL, NULL,
		    &master->pipe_refs[1]);
	if (rc == 0)
		rc = sigchld__poller_add(&ctx->poller, pipe->rd,
		    master->pipe_refs[0].generation, POLLIN, false);
	return rc;
}

/* Open, and nobody's: see I6 in intake.c. */
static void
leave_pipe(struct sigchld_master *master)
{
	int i;

	sigchld__nofork_begin();
	for (i = 0; i < 2; i++) {
		if (master->pipe_refs[i].generation != 0)
			(void)sigchld__fds_take_own(master->pipe_refs[i]);
	}
	sigchld__nofork_end();
}

static void
close_pipe(struct sigchld_master *master)
{
	struct sigchld__selfpipe *pipe = &master->intake.pipe;
	bool two = pipe->wr != pipe->rd;

	if (pipe->rd == -1)
		return;
	sigchld__poller_remove(&master->part.ctx->poller, pipe->rd);
	if (!sigchld__intake_is_quiet()) {
		leave_pipe(master);
	} else {
		sigchld__fds_close_own(pipe->rd, &master->pipe_refs[0]);
		if (two)
			sigchld__fds_close_own(pipe->wr, &master->pipe_refs[1]);
	}
	pipe->rd = pipe->wr = -1;
}

static int
begin_intake(struct sigchld_master *master)
{
	int rc;

	sigchld__nofork_begin();
	rc = sigchld__intake_open(&master->intake);
	if (rc == 0)
		rc = own_pipe(master);
	if (rc < 0)
		close_pipe(master);
	sigchld__nofork_end();
	if (rc == 0 && (master->o.flags & SIGCHLD_MASTER_NO_SIGNALS) == 0)
		sigchld__intake_catch(&master->intake);
	return rc;
}

/* New */

static int
copy_options(struct sigchld_master *master)
{
	struct sigchld_master_options *o = &master->o;

	master->fds = sigchld__sys_alloc(o->n_fds + 1, sizeof(*master->fds));
	if (master->fds == NULL)
		return -ENOMEM;
	if (o->n_fds > 0)
		(void)memcpy(master->fds, o->fds, o->n_fds * sizeof(*o->fds));
	if (o->name != NULL)
		(void)snprintf(master->name, sizeof(master->name), "%s",
		    o->name);
	master->workers = master->settled = o->workers;
	o->fds = NULL;
	o->name = NULL;
	return sigchld__berths_make(master, o->workers);
}

static int
build(struct sigchld_master *master)
{
	struct sigchld_master_options *o = &master->o;
	int rc = copy_options(master);

	(void)sigchld__daemon_fill_stdio(); /* whose numbers are not for us */
	if (rc == 0)
		rc = sigchld__herald_begin(master, o->pid_file);
	if (rc == 0 && !sigchld__guard_is_reload())
		sigchld__named_activated(master);
	if (rc == 0)
		rc = sigchld__launch_init(&master->launch, o->path, o->argv);
	o->path = NULL;
	o->pid_file = NULL;
	o->argv = NULL;
	master->fork_timer.fn = sigchld__muster_due;
	master->began_ms = sigchld__sys_now_ms();
	return rc;
}

static void
free_crew(struct sigchld_master *master)
{
	struct sigchld__crew *crew, *next;

	for (crew = master->crew; crew != NULL; crew = next) {
		next = crew->next;
		sigchld__crew_free(crew);
	}
	master->crew = NULL;
}

/* If it never worked, and was to take over, the guard may still serve with all that
 * it was given (guard.c). With C. */
static bool
hand_back(struct sigchld_master *master)
{
	struct sigchld__crew *crew;

	if (!sigchld__guard_release(master))
		return false;
	sigchld__intake_suspend(&master->intake);
	sigchld__nofork_begin();
	for (crew = master->crew; crew != NULL; crew = crew->next) {
		sigchld__crew_let_go(crew);
		sigchld__child_unwatch(crew->child); /* for who adopts next */
		sigchld__child_release(crew->child);
		crew->child = NULL;
	}
	sigchld__named_let_go(master);
	sigchld__control_let_go(master);
	sigchld__nofork_end();
	return true;
}

/* Its workers, if it had adopted some, live, and are reaped in silence. With C. */
static void
abandon_crew(struct sigchld_master *master)
{
	struct sigchld__crew *crew;

	for (crew = master->crew; crew != NULL; crew = crew->next)
		sigchld__child_release(crew->child);
	sigchld__intake_end(&master->intake);
	sigchld__nofork_begin();
	sigchld__control_let_go(master);
	sigchld__nofork_end();
}

/* It may have adopted all that there was, and then failed. */
static void
abandon(struct sigchld_master *master)
{
	sigchld__ctx_lock(master->part.ctx);
	sigchld__part_close(&master->part);
	if (!hand_back(master))
		abandon_crew(master);
	free_crew(master);
	close_pipe(master);
	sigchld__ctx_unlock(master->part.ctx);
	sigchld__named_let_go(master);
	sigchld__herald_abandon(master);
	sigchld__role_leave();
	free_memory(master);
}

static int
attach(struct sigchld_master *master, struct sigchld_master **ret_master)
{
	int rc = begin_intake(master);

	if (rc < 0)
		return rc;
	sigchld__adopt(master);
	rc = sigchld__control_open(master, master->o.control);
	master->o.control = NULL;
	if (rc < 0)
		return rc;
	*ret_master = master; /* a hook may come before this returns */
	rc = sigchld__part_attach(&master->part);
	if (rc < 0)
		*ret_master = NULL;
	return rc;
}

int
sigchld__master_make(struct sigchld_ctx *ctx,
    struct sigchld_master **ret_master, const struct sigchld_master_options *o)
{
	struct sigchld_master *master;
	int rc;

	if (!sigchld__role_claim())
		return -EBUSY;
	master = sigchld__sys_alloc(1, sizeof(*master));
	if (master == NULL) {
		sigchld__role_leave();
		return -ENOMEM;
	}
	master->o = *o;
	master->intake.pipe.rd = master->intake.pipe.wr = -1;
	sigchld__control_init(&master->control);
	sigchld__part_init(&master->part, &master_kind, ctx);
	rc = build(master);
	if (rc == 0)
		rc = attach(master, ret_master);
	if (rc < 0)
		abandon(master);
	return rc;
}

int
sigchld_master_new(struct sigchld_ctx *ctx, struct sigchld_master **ret_master,
    const struct sigchld_master_options *options)
{
	struct sigchld_master_options read;
	int rc;

	rc = sigchld__ctx_check(ctx);
	if (rc == 0)
		rc = sigchld__manner_read(&read, options);
	if (rc == 0)
		rc = ret_master == NULL
		    ? -EINVAL
		    : sigchld__all_open(read.fds, read.n_fds);
	return rc < 0 ? rc : sigchld__master_make(ctx, ret_master, &read);
}

/* Free */

/* Its child is the context's to reap. */
static void
give_up(struct sigchld__crew *crew)
{
	if (crew->child != NULL) {
		(void)sigchld__child_signal(crew->child, SIGKILL);
		sigchld__child_release(crew->child);
		crew->child = NULL;
	}
	sigchld__queries_end(crew, -ECANCELED);
}

static void
close_askers(struct sigchld_master *master)
{
	while (master->control.askers != NULL)
		sigchld__asker_close(master->control.askers);
}

/* With C, dropped for each query. False: this is a forked child. */
static bool
complete_all(struct sigchld_master *master)
{
	struct sigchld__notice *notice;

	while (master->part.notices != NULL) {
		notice = sigchld__notice_take(&master->part);
		if (!sigchld__news_forget(notice) &&
		    !sigchld__query_cancelled(notice))
			return false;
	}
	return true;
}

static void
give_up_all(struct sigchld_master *master)
{
	struct sigchld__crew *crew;

	if (hand_back(master))
		return;
	sigchld__intake_end(&master->intake);
	for (crew = master->crew; crew != NULL; crew = crew->next)
		give_up(crew);
}

static void
close_master(struct sigchld_master *master)
{
	master->stop = SIGCHLD__ENDS;
	sigchld__part_close(&master->part);
	sigchld__timer_set(master->part.ctx, &master->fork_timer, 0);
	give_up_all(master);
}

static void
free_in_child(struct sigchld_master *master)
{
	sigchld__intake_forked(&master->intake);
	free_memory(master);
}

void
sigchld_master_free(struct sigchld_master *master)
{
	struct sigchld_ctx *ctx;

	if (master == NULL)
		return;
	ctx = master->part.ctx;
	if (sigchld__master_lock(master) < 0) {
		free_in_child(master);
		return;
	}
	if (master->part.closed) {
		sigchld__ctx_unlock(ctx);
		return;
	}
	sigchld__ctx_ref(ctx);
	close_master(master);
	if (!complete_all(master))
		return;
	free_crew(master);
	sigchld__control_end(master);
	close_askers(master);
	sigchld__named_free(master);
	sigchld__herald_end(master);
	close_pipe(master);
	sigchld__role_leave();
	sigchld__part_unref(&master->part);
	sigchld__ctx_unlock(ctx);
	sigchld__ctx_unref(ctx);
}

/* Run */

/* With C. */
static bool
is_over(const struct sigchld_master *master)
{
	return master->part.closed ||
	    (master->all_left && master->part.notices == NULL);
}

static int
run(struct sigchld_master *master)
{
	struct sigchld_ctx *ctx = master->part.ctx;
	int rc = 0;

	while (!is_over(master)) {
		sigchld__ctx_unlock(ctx);
		rc = sigchld_wait(ctx, -1);
		if (rc == -EPERM)
			return rc; /* nothing of this is ours any more */
		sigchld__ctx_lock(ctx);
		if (rc < 0)
			break;
	}
	rc = rc < 0 ? rc : master->result;
	sigchld__part_unref(&master->part);
	sigchld__ctx_unlock(ctx);
	return rc;
}

int
sigchld_master_run(struct sigchld_master *master)
{
	struct sigchld_ctx *ctx;
	int rc = sigchld__master_lock(master);

	if (rc < 0)
		return rc;
	ctx = master->part.ctx;
	if (sigchld__in_callback_of(ctx)) {
		sigchld__ctx_unlock(ctx);
		return -EDEADLK;
	}
	sigchld__ctx_ref(ctx);
	sigchld__part_ref(&master->part); /* a callback may free it */
	rc = run(master);
	if (rc != -EPERM)
		sigchld__ctx_unref(ctx);
	return rc;
}

int
sigchld_master_result(struct sigchld_master *master)
{
	int rc = sigchld__master_lock(master);

	if (rc < 0)
		return rc;
	rc = master->result;
	sigchld__master_unlock(master);
	return rc;
}
