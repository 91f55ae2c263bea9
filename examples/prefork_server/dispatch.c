/*
 * dispatch.c - dispatch mode: the parent hands each request to a worker
 *
 *	client		parent				worker
 *
 *	GET /     ---->	dispatch_ask, submit	---->	dispatch_serve
 *	200, text <----	on_reply		<----	status, text
 *
 * Each request that was submitted is completed once, whatever becomes of its
 * worker, so each client gets an answer.
 */
#include "dispatch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pages.h"
#include "server.h"
#include "status.h"

int
dispatch_serve(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	char *text;
	int status = pages_make(&text, worker, job->data);

	(void)user;
	if (text != NULL &&
	    sigchld_worker_reply(worker, text, strlen(text), free) < 0)
		free(text);
	return status;
}

static void
refuse(struct web_request *request, unsigned status, const char *why)
{
	struct web_answer answer = {
		.status = status, .data = why, .len = strlen(why)
	};

	if (status == 503) {
		answer.header[0] = "Retry-After";
		answer.header[1] = "1";
	}
	web_answer(request, &answer);
}

static void
on_reply(struct sigchld_pool *pool, const struct sigchld_reply *reply,
    void *user)
{
	struct server *server = sigchld_pool_user(pool);
	struct web_request *request = user;

	server->n_open--;
	switch (reply->outcome) {
	case SIGCHLD_DONE:
		web_answer(request,
		    &(struct web_answer){ .status = (unsigned)reply->status,
			.data = reply->data,
			.len = reply->len });
		return;
	case SIGCHLD_LOST:
		refuse(request, 502, "The worker that had it is gone.\n");
		return;
	case SIGCHLD_TIMEOUT:
		refuse(request, 504, "It took too long.\n");
		return;
	case SIGCHLD_EXPIRED:
		refuse(request, 503, "No worker had time for it.\n");
		return;
	default:
		refuse(request, 503, "The server is being stopped.\n");
	}
}

/* The path lives as long as the request does, so it need not be copied. */
static int
submit(struct server *server, struct web_request *request)
{
	const char *path = web_path(request);

	return sigchld_pool_submit(server->pool, NULL,
	    SIGCHLD_REQUEST(.data = path, .len = strlen(path) + 1,
		.on_reply = on_reply, .user = request));
}

/* The parent tells how it is by itself, also when all workers are busy. */
void
dispatch_ask(struct web_request *request, void *user)
{
	struct server *server = user;

	if (status_is_asked(web_path(request))) {
		status_answer(server, request);
		return;
	}
	switch (submit(server, request)) {
	case 0:
		server->n_open++;
		return;
	case -EAGAIN:
		refuse(request, 503, "Too many are waiting.\n");
		return;
	case -ESHUTDOWN:
		refuse(request, 503, "The server is being stopped.\n");
		return;
	default:
		refuse(request, 500, "It could not be handed to a worker.\n");
	}
}
