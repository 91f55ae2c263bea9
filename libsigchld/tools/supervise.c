/*
 * supervise.c - a master whose workers run a command
 *
 * It begins anew at each reload, as a master's main() does:
 *
 *	signals to pass on		blocked, before there is a master
 *	sockets passed to us		named, so that they can be kept
 *	the master			takes over what the program before left
 *	sockets				found, or made
 *	until all have left		the command runs in the workers
 *
 * What fails on the way ends the first program with 1. A later one that ends so
 * leaves the former workers to the library's guard.
 */
#include "tools/supervise.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tools/become.h"
#include "tools/forward.h"
#include "tools/ready.h"
#include "tools/say.h"
#include "tools/sockets.h"

/* All of it, for the callbacks. */
static struct {
	const struct options *o;
	struct sigchld_ctx *ctx;
	struct sigchld_master *master;
	struct sockets sockets;
	struct ready_watch ready;
	int forwarded;
} tool;

/* Somebody's orphan, who is ours to bury. */
static int
on_stray(struct sigchld_ctx *ctx, const struct sigchld_event *event, void *user)
{
	(void)ctx, (void)user;
	say(SAY_VERBOSE, "process %d, an orphan, has ended", (int)event->pid);
	return 0;
}

static int
run(struct sigchld_worker *worker, void *user)
{
	(void)user;
	return become_command(worker, tool.o, &tool.sockets, &tool.ready);
}

static void
on_event(struct sigchld_master *master,
    const struct sigchld_master_event *event, void *user)
{
	(void)user;
	say_event(master, event);
	if (event->what == SIGCHLD_MASTER_READY ||
	    event->what == SIGCHLD_MASTER_RELOADED)
		say_release(); /* who started us waits for that no longer */
	else if (event->what == SIGCHLD_MASTER_FORKED)
		ready_look(&tool.ready);
}

/* Made */

static int
open_context(void)
{
	struct sigchld_options options = { .size = sizeof(options) };

	if (tool.o->subreaper) {
		options.on_stray = on_stray;
		options.flags = SIGCHLD_SUBREAPER;
	}
	return sigchld_new(&tool.ctx, &options);
}

static int
open_master(void)
{
	struct sigchld_master_options options = tool.o->master;

	options.flags |= SIGCHLD_MASTER_READY_LATER;
	if (tool.o->ready != READY_EXEC)
		options.flags |= SIGCHLD_MASTER_VOUCHED;
	options.run = run;
	options.on_event = on_event;
	return sigchld_master_new(tool.ctx, &tool.master, &options);
}

static int
complain(const char *what, int rc)
{
	say(SAY_QUIET, "%s: %s", what, strerror(-rc));
	return rc;
}

static int
begin(void)
{
	const struct options *o = tool.o;
	int rc = sockets_claim();

	if (rc < 0)
		return complain("cannot take the sockets of LISTEN_FDS", rc);
	rc = open_context();
	if (rc < 0)
		return complain("cannot open a context", rc);
	rc = open_master();
	if (rc < 0)
		return complain(o->master.control == NULL
			? "cannot be a master"
			: "cannot be a master that is asked there",
		    rc);
	rc = ready_begin(&tool.ready, o, tool.ctx, tool.master);
	if (rc == 0)
		rc = sockets_open(&tool.sockets, tool.master, o->addresses,
		    o->n_addresses);
	if (rc < 0)
		return rc;
	rc = forward_begin(&o->forward, tool.ctx, tool.master, &tool.forwarded);
	return rc < 0 ? complain("cannot pass signals on", rc) : 0;
}

/* Unused, the master gives what it has taken over to the guard. */
static void
end(void)
{
	sigchld_master_free(tool.master);
	sigchld_free(tool.ctx);
	ready_end(&tool.ready);
	if (tool.forwarded != -1)
		(void)close(tool.forwarded);
}

static int
serve(void)
{
	int rc = begin();

	if (rc == 0) {
		rc = sigchld_master_run(tool.master);
		if (rc < 0)
			(void)complain("cannot go on", rc);
		addresses_unlink(tool.o->addresses, tool.o->n_addresses);
	} else {
		rc = EXIT_FAILURE;
	}
	end();
	return rc < 0 ? 255 : rc;
}

static int
daemonize(void)
{
	int rc;

	say_hold();
	rc = sigchld_daemon();
	if (rc < 0)
		(void)complain("cannot go into the background", rc);
	return rc;
}

int
supervise(const struct options *o)
{
	tool.o = o;
	tool.forwarded = tool.ready.timer = tool.ready.notified = -1;
	(void)signal(SIGPIPE, SIG_IGN); /* nobody reads what we say: so be it */
	(void)prctl(PR_SET_NAME, o->name);
	if (o->daemon && daemonize() < 0)
		return EXIT_FAILURE;
	forward_block(&o->forward);
	return serve();
}
