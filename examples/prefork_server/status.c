/*
 * status.c - how the server is, at one moment
 */
#include "status.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "server.h"

static int
add_worker(const struct sigchld_worker_info *worker, void *user)
{
	struct status *status = user;

	if (status->n_workers == status->room)
		return 1;
	status->workers[status->n_workers++] = *worker;
	return 0;
}

static int
by_slot(const void *a, const void *b)
{
	const struct sigchld_worker_info *one = a, *other = b;

	if (one->slot != other->slot)
		return one->slot < other->slot ? -1 : 1;
	return (one->generation > other->generation) -
	    (one->generation < other->generation);
}

/* One thread has the context, so nothing changes between the two calls. */
static bool
take(struct status *status, const struct server *server)
{
	const struct sigchld_pool_stats *s = &status->stats;

	*status = (struct status){ .server = server,
		.stats = { .size = sizeof(status->stats) },
		.now_ms = clock_ms() };
	if (sigchld_pool_get_stats(server->pool, &status->stats) < 0)
		return false;
	status->room = (size_t)s->starting + s->idle + s->busy + s->stopping;
	status->workers = calloc(status->room + 1, sizeof(*status->workers));
	if (status->workers == NULL ||
	    sigchld_pool_foreach(server->pool, add_worker, status) < 0)
		return false;
	qsort(status->workers, status->n_workers, sizeof(*status->workers),
	    by_slot);
	return true;
}

bool
status_is_asked(const char *path)
{
	return strcmp(path, "/status") == 0 ||
	    strcmp(path, "/status.json") == 0 ||
	    strcmp(path, "/status.html") == 0;
}

/* A browser says that it takes HTML; whoever does not say so gets JSON. */
static bool
wants_page(const struct web_request *request)
{
	const char *end = web_path(request) + strlen("/status");
	const char *accept = web_header(request, "Accept");

	if (*end != '\0')
		return strcmp(end, ".html") == 0;
	return accept != NULL && strstr(accept, "text/html") != NULL;
}

void
status_answer(struct server *server, struct web_request *request)
{
	bool page = wants_page(request);
	struct web_answer answer = { .status = 500,
		.header = { "Vary", "Accept" } };
	struct status status;
	char *text = NULL;

	if (take(&status, server))
		text = page ? status_page(&status) : status_json(&status);
	if (text != NULL) {
		answer.status = 200;
		answer.type =
		    page ? "text/html; charset=utf-8" : "application/json";
		answer.data = text;
		answer.len = strlen(text);
	}
	web_answer(request, &answer);
	free(text);
	free(status.workers);
}
