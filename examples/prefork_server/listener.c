/*
 * listener.c - listener mode: the workers accept by themselves
 *
 * A worker has one connection at a time, so that one which is slow or dies
 * costs nobody else. It keeps that open as long as nobody else waits to be
 * accepted. When it is told to go it accepts no more, but answers what is still
 * asked on the connection that it has.
 *
 * The parent has no part in this. It answers on a port of its own how the pool
 * is, and workers send those there who ask them.
 */
#include "listener.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pages.h"
#include "server.h"
#include "status.h"

enum {
	IDLE_S = 2
};

struct listener {
	const struct server *server;
	struct sigchld_worker *worker;
	struct web *web;
};

/* In a worker */

static bool
somebody_waits(const struct listener *l)
{
	struct pollfd fd = { l->server->listen_fd, POLLIN, 0 };

	return poll(&fd, 1, 0) > 0;
}

static void
send_to_parent(const struct listener *l, struct web_request *request)
{
	char where[64];

	(void)snprintf(where, sizeof(where), "http://127.0.0.1:%u%s",
	    l->server->status_port, web_path(request));
	web_answer(request,
	    &(struct web_answer){
		.status = 307, .header = { "Location", where } });
}

static void
serve(struct listener *l, struct web_request *request)
{
	char *text;
	int status = pages_make(&text, l->worker, web_path(request));

	web_answer(request,
	    &(struct web_answer){ .status = (unsigned)status,
		.data = text != NULL ? text : "",
		.len = text != NULL ? strlen(text) : 0,
		.close = somebody_waits(l) });
	free(text);
}

static void
ask(struct web_request *request, void *user)
{
	struct listener *l = user;

	if (status_is_asked(web_path(request))) {
		send_to_parent(l, request);
		return;
	}
	(void)sigchld_worker_begin(l->worker);
	serve(l, request);
	(void)sigchld_worker_done(l->worker);
}

static bool
is_over(struct listener *l)
{
	if (sigchld_worker_stopping(l->worker))
		web_finish(l->web);
	return web_finished(l->web);
}

static void
turn(struct listener *l)
{
	bool goes = sigchld_worker_stopping(l->worker);
	bool taken = goes || web_connections(l->web) > 0;
	struct pollfd fds[] = {
		{ web_fd(l->web), POLLIN, 0 },
		{ goes ? -1 : sigchld_worker_fd(l->worker), POLLIN, 0 },
		{ taken ? -1 : l->server->listen_fd, POLLIN, 0 },
	};

	if (poll(fds, 3, web_timeout(l->web)) > 0 && fds[2].revents != 0)
		(void)web_accept(l->web, l->server->listen_fd);
	web_run(l->web);
}

int
listener_run(struct sigchld_worker *worker, void *user)
{
	struct listener l = { .server = user, .worker = worker };

	if (web_new(&l.web, 1, IDLE_S, ask, &l) < 0)
		return EXIT_FAILURE;
	while (!is_over(&l))
		turn(&l);
	web_free(l.web);
	return EXIT_SUCCESS;
}

/* In the parent */

void
listener_ask(struct web_request *request, void *user)
{
	static const char text[] = "There is /status, and no other page.\n";

	if (status_is_asked(web_path(request)))
		status_answer(user, request);
	else
		web_answer(request,
		    &(struct web_answer){
			.status = 404, .data = text, .len = sizeof(text) - 1 });
}
