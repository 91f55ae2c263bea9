/*
 * prefork_server - a small HTTP server on a pool of forked workers
 *
 *	examples/run prefork [--mode=dispatch|listener] [OPTION...]
 *
 * Read dispatch.c or listener.c for what a request goes through in the one mode
 * and in the other; this file for the life of the server: one thread, one
 * context, one loop, in which are connections, signals, workers and their
 * deaths.
 *
 *	signals.c	SIGTERM, SIGINT, SIGHUP
 *	gate.c		connections of the parent
 *	web.c		HTTP, by libmicrohttpd
 *	pages.c		what a worker does
 *	report.c	what the pool tells, to standard error
 *	status*.c	how it is, as JSON and as a page
 */
#include <errno.h>
#include <fcntl.h>
#include <sigchld.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "dispatch.h"
#include "listener.h"
#include "loopback.h"
#include "options.h"
#include "report.h"
#include "server.h"
#include "signals.h"

enum {
	GRACE_MS = 30000 /* for requests that run when it is stopped */
};

/* Else the first files we open become standard input and output. */
static void
open_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", O_RDWR);
}

/* Start */

static int
complain(const char *what, int rc)
{
	(void)fprintf(stderr, "prefork_server: %s: %s\n", what, strerror(-rc));
	return rc;
}

/* In dispatch mode one socket is for all; in listener mode that is for the
 * workers, and the parent has one of its own. */
static int
open_gate(struct server *server)
{
	const struct options *o = &server->options;
	int rc = loopback_listen(&server->port);

	if (rc < 0)
		return complain("cannot listen on that port", rc);
	server->listen_fd = o->listener ? rc : -1;
	if (o->listener)
		rc = loopback_listen(&server->status_port);
	else
		server->status_port = server->port;
	if (rc < 0)
		return complain("cannot listen on the status port", rc);
	rc = gate_open(&server->gate, server->ctx, rc,
	    o->listener ? listener_ask : dispatch_ask, server);
	return rc < 0 ? complain("cannot serve", rc) : 0;
}

/* In a process group of its own a worker is spared the signal of a ^C, which is
 * for the parent: that lets it finish. */
static int
open_pool(struct server *server)
{
	const struct options *o = &server->options;
	struct sigchld_pool_options pool = { .size = sizeof(pool),
		.name = "prefork",
		.flags = SIGCHLD_POOL_OWN_GROUP | SIGCHLD_POOL_TITLE,
		.workers_min = o->workers,
		.workers_max = o->max,
		.max_requests = o->max_requests,
		.request_ms = o->timeout_ms,
		.slow_ms = o->timeout_ms / 2,
		.backlog_max = o->backlog,
		.backlog_ttl_ms = o->ttl_ms,
		.user = server,
		.on_open = report_open,
		.on_end = report_end,
		.on_state = report_state,
		.on_slow = report_slow,
		.on_reject = report_reject };
	int rc;

	if (o->listener) {
		pool.run = listener_run;
		pool.fds = &server->listen_fd;
		pool.n_fds = 1;
	} else {
		pool.on_request = dispatch_serve;
	}
	rc = sigchld_pool_new(server->ctx, &server->pool, &pool);
	return rc < 0 ? complain("cannot have a pool", rc) : 0;
}

static int
start(struct server *server)
{
	int rc = sigchld_new(&server->ctx, NULL);

	if (rc < 0)
		return complain("cannot open a context", rc);
	rc = open_gate(server);
	return rc < 0 ? rc : open_pool(server);
}

/* The loop */

static void
stop(struct server *server)
{
	bool again = server->stops > 0;

	gate_finish(&server->gate);
	(void)sigchld_pool_stop(server->pool,
	    again ? SIGCHLD_STOP_REJECT : SIGCHLD_STOP_FINISH,
	    again ? 0 : GRACE_MS);
}

static void
heed_signals(struct server *server)
{
	int stops = signals_stops(), rolls = signals_rolls();

	if (rolls != server->rolls)
		(void)sigchld_pool_roll(server->pool, 1);
	server->rolls = rolls;
	if (stops != server->stops)
		stop(server);
	server->stops = stops;
}

/* With the second signal nobody waits for clients. */
static bool
is_over(const struct server *server)
{
	return sigchld_pool_state(server->pool) == SIGCHLD_POOL_STOPPED &&
	    (server->stops > 1 || gate_finished(&server->gate));
}

static void
serve(struct server *server)
{
	while (!is_over(server)) {
		(void)sigchld_wait(server->ctx, gate_timeout(&server->gate));
		gate_run(&server->gate);
		heed_signals(server);
	}
}

/* The pool goes first: it completes what is open, and the gate has it then. */
static void
end(struct server *server)
{
	if (server->pool != NULL)
		sigchld_pool_free(server->pool);
	if (server->gate.web != NULL)
		gate_close(&server->gate);
	signals_forget();
	if (server->ctx != NULL)
		sigchld_free(server->ctx);
	if (server->listen_fd >= 0)
		(void)close(server->listen_fd);
}

int
main(int argc, char **argv)
{
	struct server server = { .listen_fd = -1, .start_ms = clock_ms() };
	int rc;

	open_standard_files();
	rc = options_read(&server.options, argc, argv);
	if (rc >= 0)
		return rc;
	server.port = server.options.port;
	server.status_port = server.options.status_port;
	rc = start(&server);
	if (rc == 0) {
		signals_catch(server.ctx);
		serve(&server);
	}
	end(&server);
	return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
