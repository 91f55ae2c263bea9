/*
 * mworker - an HTTP server under a master, which no reload makes drop a request
 *
 *	examples/run mworker [OPTION...]
 *
 * This file is the master's side, and all that a server needs to be reloaded:
 *
 *	main()	    begins anew at each reload, perhaps that of a newer program
 *	listen()    finds the socket that the program before kept, or makes it
 *	on_event    tells what came of it
 *
 *	worker.c    a worker, from its first poll to its last connection
 *	pages.c     what it answers, by libmicrohttpd and jansson
 *	options.c   the command line
 */
#include <errno.h>
#include <netinet/in.h>
#include <sigchld/master.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mworker/options.h"
#include "mworker/worker.h"
#include "prefork_server/loopback.h"

enum {
	BOOT_MS = 10000, /* a worker that takes longer is none */
	DRAIN_MS = 60000 /* a client may read an answer for so long */
};

/* A line is written at once: who watches us may be waiting for it. */
static void
on_event(struct sigchld_master *master,
    const struct sigchld_master_event *event, void *user)
{
	(void)master, (void)user;
	if (event->what == SIGCHLD_MASTER_READY)
		(void)printf("ready: version %s\n", MWORKER_VERSION);
	else if (event->what == SIGCHLD_MASTER_RELOADED)
		(void)printf("reloaded: version %s\n", MWORKER_VERSION);
	else if (event->what == SIGCHLD_MASTER_RELOAD_FAILED)
		(void)printf("reload failed: status %d, %s\n", event->status,
		    event->error == 0 ? "see above" : strerror(-event->error));
	else if (event->what == SIGCHLD_MASTER_STOPPING)
		(void)printf("stopping\n");
	else if (event->what == SIGCHLD_MASTER_REFUSED)
		(void)printf("no reload: it stops\n");
	else if (event->what == SIGCHLD_MASTER_FORKED && event->error != 0)
		(void)printf("cannot fork: %s\n", strerror(-event->error));
	else if (event->what == SIGCHLD_MASTER_WORKER_LEFT &&
	    event->status != 0)
		(void)printf("worker %u of generation %u, process %d: "
			     "status %d\n",
		    event->slot, event->generation, (int)event->pid,
		    event->status);
	(void)fflush(stdout);
}

/* What a person can do, if there is a newer release beside it, too. */
static void
greet(uint32_t port, const char *name)
{
	int pid = (int)getpid();

	(void)printf("mworker: version %s, http://127.0.0.1:%u, master %d\n",
	    MWORKER_VERSION, port, pid);
	(void)printf("  curl http://127.0.0.1:%u/         who answers\n", port);
	(void)printf("  curl http://127.0.0.1:%u/status   what he knows\n",
	    port);
	(void)printf("  kill -USR2 %d   reload, as it is on the disk now\n",
	    pid);
	(void)printf("  cp %s_next %s.new && mv %s.new %s && kill -USR2 %d   "
		     "upgrade\n",
	    name, name, name, name, pid);
	(void)printf("  kill -TTIN %d   one worker more; -TTOU: one less\n",
	    pid);
	(void)printf("  kill -USR1 %d   finish what was begun, and end\n", pid);
	(void)printf("  kill -TERM %d   end\n", pid);
	(void)fflush(stdout);
}

/* Only the first program makes it; its successors find it. */
static int
open_socket(struct sigchld_master *master, struct options *o, const char *name)
{
	int rc, fd = sigchld_master_kept(master, "http");

	if (fd != -ENOENT)
		return fd;
	fd = loopback_listen(&o->port);
	if (fd < 0)
		return fd;
	rc = sigchld_master_keep(master, "http", fd);
	if (rc < 0)
		return rc;
	greet(o->port, name);
	return fd;
}

static int
complain(const char *what, int rc)
{
	(void)fprintf(stderr, "mworker: %s: %s\n", what, strerror(-rc));
	return EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	struct options o;
	struct sigchld_ctx *ctx;
	struct sigchld_master *master;
	int rc = options_read(&o, argc, argv);

	if (rc >= 0)
		return rc;
	(void)signal(SIGPIPE, SIG_IGN); /* nobody reads what we say: so be it */
	rc = sigchld_new(&ctx, NULL);
	if (rc < 0)
		return complain("cannot open a context", rc);
	rc = sigchld_master_new(ctx, &master,
	    SIGCHLD_MASTER(.name = "mworker", .argv = argv,
		.flags = SIGCHLD_MASTER_RESPAWN | SIGCHLD_MASTER_READY_LATER,
		.workers = o.workers, .ready_ms = BOOT_MS, .drain_ms = DRAIN_MS,
		.run = worker_run, .on_query = worker_query,
		.on_event = on_event, .user = &o));
	if (rc < 0)
		return complain("cannot be a master", rc);
	o.listen_fd = open_socket(master, &o, argv[0]);
	if (o.listen_fd < 0)
		return complain("cannot listen", o.listen_fd);
	rc = sigchld_master_run(master);
	sigchld_master_free(master);
	sigchld_free(ctx);
	return rc < 0 ? complain("cannot go on", rc) : rc;
}
