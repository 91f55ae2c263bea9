/*
 * pages.c - what a worker answers
 *
 * It is all known at once, so no request waits for anything but its client. MHD
 * calls for each request more than once: with its header, with each piece of
 * its body, which nobody wants, and at its end, which is when it is answered.
 */
#include "mworker/pages.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prefork_server/clock.h"

enum {
	LINE = 16,        /* bytes of a line of /lines/N */
	LINES = 100000000 /* at most */
};

/* Texts */

static struct MHD_Response *
respond(char *text, const char *type)
{
	struct MHD_Response *response;

	if (text == NULL)
		return NULL;
	response = MHD_create_response_from_buffer(strlen(text), text,
	    MHD_RESPMEM_MUST_FREE);
	if (response == NULL)
		free(text);
	else
		(void)MHD_add_response_header(response, "Content-Type", type);
	return response;
}

static struct MHD_Response *
greeting(const struct worker *w)
{
	char *text;
	int len = asprintf(&text, "version %s generation %u pid %d\n",
	    MWORKER_VERSION, sigchld_worker_generation(w->worker),
	    (int)getpid());

	return respond(len < 0 ? NULL : text, "text/plain; charset=utf-8");
}

char *
pages_status(const struct worker *w)
{
	json_t *root =
	    json_pack("{ss si si si ss si sI sI}", "version", MWORKER_VERSION,
		"slot", sigchld_worker_slot(w->worker), "generation",
		sigchld_worker_generation(w->worker), "pid", (int)getpid(),
		"state", w->drains ? "finishes" : "serves", "connections",
		(int)worker_connections(w), "requests", (json_int_t)w->requests,
		"up_ms", (json_int_t)(clock_ms() - w->began_ms));
	char *text = NULL;

	if (root != NULL)
		text = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	return text;
}

static struct MHD_Response *
plain(const char *text)
{
	return respond(strdup(text), "text/plain; charset=utf-8");
}

static struct MHD_Response *
not_allowed(void)
{
	struct MHD_Response *response = plain("Only GET and HEAD.\n");

	if (response != NULL)
		(void)MHD_add_response_header(response, "Allow", "GET, HEAD");
	return response;
}

/* Lines: an answer that is longer than what the kernel holds of it */

static ssize_t
read_lines(void *none, uint64_t at, char *buffer, size_t max)
{
	char line[32];
	size_t n;

	(void)none;
	for (n = 0; n + LINE <= max; n += LINE) {
		(void)snprintf(line, sizeof(line), "%*u\n", LINE - 1,
		    (unsigned)((at + n) / LINE));
		(void)memcpy(buffer + n, line, LINE);
	}
	return (ssize_t)n;
}

static struct MHD_Response *
lines(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end != '\0' || n < 1 || n > LINES)
		return NULL;
	return MHD_create_response_from_callback((uint64_t)n * LINE,
	    LINE * 1024, read_lines, NULL, NULL);
}

/* Requests */

static struct MHD_Response *
find(const struct worker *w, const char *method, const char *path,
    unsigned *status)
{
	static const char prefix[] = "/lines/";
	struct MHD_Response *response = NULL;

	*status = MHD_HTTP_METHOD_NOT_ALLOWED;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return not_allowed();
	*status = MHD_HTTP_OK;
	if (strcmp(path, "/") == 0)
		return greeting(w);
	if (strcmp(path, "/status") == 0)
		return respond(pages_status(w), "application/json");
	if (strncmp(path, prefix, sizeof(prefix) - 1) == 0)
		response = lines(path + sizeof(prefix) - 1);
	if (response != NULL)
		return response;
	*status = MHD_HTTP_NOT_FOUND;
	return plain("There are /, /status and /lines/N.\n");
}

/* See worker.c. */
static void
say_how_long(const struct worker *w, struct MHD_Response *response)
{
	char text[32];

	if (w->drains) {
		(void)MHD_add_response_header(response, "Connection", "close");
		return;
	}
	(void)snprintf(text, sizeof(text), "timeout=%u", w->options->idle_s);
	(void)MHD_add_response_header(response, "Keep-Alive", text);
}

static enum MHD_Result
answer(struct worker *w, struct MHD_Connection *connection, const char *method,
    const char *path)
{
	unsigned status;
	struct MHD_Response *response = find(w, method, path, &status);
	enum MHD_Result rc;

	if (response == NULL) /* no memory: the connection is closed */
		return MHD_NO;
	say_how_long(w, response);
	rc = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	w->requests++;
	return rc;
}

enum MHD_Result
pages_answer(void *user, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *data, size_t *len,
    void **context)
{
	static int seen;

	(void)version, (void)data;
	if (*context == NULL) {
		*context = &seen;
		return MHD_YES;
	}
	if (*len > 0) {
		*len = 0;
		return MHD_YES;
	}
	return answer(user, connection, method, path);
}
