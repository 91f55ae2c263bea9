/*
 * web.c - HTTP on connections that are handed to it, by libmicrohttpd
 *
 * The library's own epoll descriptor is what the loop polls, and MHD_run does
 * what is due. A request that is not answered at once is suspended: MHD leaves
 * its connection alone until it is resumed, and goes on with it when it is run
 * next; the descriptor does not tell of that.
 *
 *	MHD calls on_request	we
 *
 *	with the header		remember the path
 *	at the end		ask; queue the answer, or suspend
 *	after the resume	queue the answer
 */
#include "web.h"

#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"

enum {
	LINGER_MS = 1000 /* for those who are about to ask when it finishes */
};

struct web {
	struct MHD_Daemon *mhd;
	web_ask_fn *ask;
	void *user;
	unsigned n_requests; /* that are not answered to the last byte */
	int64_t end_ms;      /* 0: it is not finishing */
	bool resumed;        /* some request; MHD is to be run */
};

struct web_request {
	struct web *web;
	struct MHD_Connection *connection;
	struct MHD_Response *response;
	unsigned status;
	bool asked, suspended, answered;
	char path[];
};

/* Requests */

static struct web_request *
new_request(struct web *web, struct MHD_Connection *connection,
    const char *path)
{
	size_t len = strlen(path) + 1;
	struct web_request *request = calloc(1, sizeof(*request) + len);

	if (request == NULL)
		return NULL;
	request->web = web;
	request->connection = connection;
	(void)memcpy(request->path, path, len);
	web->n_requests++;
	return request;
}

static void
ask(struct web_request *request, const char *method)
{
	static const char allowed[] = "Only GET and HEAD.\n";

	request->asked = true;
	if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
	    strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)
		request->web->ask(request, request->web->user);
	else
		web_answer(request,
		    &(struct web_answer){ .status = MHD_HTTP_METHOD_NOT_ALLOWED,
			.data = allowed,
			.len = sizeof(allowed) - 1,
			.header = { "Allow", "GET, HEAD" } });
}

static enum MHD_Result
on_request(void *user, struct MHD_Connection *connection, const char *path,
    const char *method, const char *version, const char *data, size_t *len,
    void **context)
{
	struct web_request *request = *context;

	(void)version, (void)data;
	if (request == NULL) {
		*context = new_request(user, connection, path);
		return *context != NULL ? MHD_YES : MHD_NO;
	}
	if (*len > 0) { /* a body, which nobody wants */
		*len = 0;
		return MHD_YES;
	}
	if (!request->asked)
		ask(request, method);
	if (!request->answered) {
		request->suspended = true;
		MHD_suspend_connection(connection);
		return MHD_YES;
	}
	if (request->response == NULL) /* no memory: the connection is closed */
		return MHD_NO;
	return MHD_queue_response(connection, request->status,
	    request->response);
}

static void
on_completed(void *user, struct MHD_Connection *connection, void **context,
    enum MHD_RequestTerminationCode why)
{
	struct web_request *request = *context;

	(void)user, (void)connection, (void)why;
	if (request == NULL)
		return;
	request->web->n_requests--;
	if (request->response != NULL)
		MHD_destroy_response(request->response);
	free(request);
	*context = NULL;
}

const char *
web_path(const struct web_request *request)
{
	return request->path;
}

const char *
web_header(const struct web_request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
	    name);
}

/* Answers */

static void
add_headers(struct MHD_Response *response, const struct web_answer *answer,
    bool close)
{
	const char *type =
	    answer->type != NULL ? answer->type : "text/plain; charset=utf-8";

	(void)MHD_add_response_header(response, "Content-Type", type);
	(void)MHD_add_response_header(response, "Cache-Control", "no-store");
	if (answer->header[0] != NULL)
		(void)MHD_add_response_header(response, answer->header[0],
		    answer->header[1]);
	if (close)
		(void)MHD_add_response_header(response, "Connection", "close");
}

void
web_answer(struct web_request *request, const struct web_answer *answer)
{
	bool close = answer->close || request->web->end_ms != 0;

	request->answered = true;
	request->status = answer->status;
	request->response = MHD_create_response_from_buffer(answer->len,
	    (void *)(uintptr_t)answer->data, MHD_RESPMEM_MUST_COPY);
	if (request->response != NULL)
		add_headers(request->response, answer, close);
	if (!request->suspended)
		return;
	request->web->resumed = true;
	MHD_resume_connection(request->connection);
}

/* Webs */

int
web_new(struct web **ret_web, unsigned most, unsigned idle_s,
    web_ask_fn *ask_fn, void *user)
{
	struct web *web = calloc(1, sizeof(*web));

	if (web == NULL)
		return -ENOMEM;
	(void)signal(SIGPIPE, SIG_IGN); /* of clients that have left */
	web->ask = ask_fn;
	web->user = user;
	web->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME |
		MHD_USE_NO_LISTEN_SOCKET,
	    0, NULL, NULL, on_request, web, MHD_OPTION_NOTIFY_COMPLETED,
	    on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT, most,
	    MHD_OPTION_CONNECTION_TIMEOUT, idle_s, MHD_OPTION_END);
	if (web->mhd == NULL) {
		free(web);
		return -EIO;
	}
	*ret_web = web;
	return 0;
}

void
web_free(struct web *web)
{
	if (web == NULL)
		return;
	MHD_stop_daemon(web->mhd);
	free(web);
}

int
web_fd(const struct web *web)
{
	return MHD_get_daemon_info(web->mhd, MHD_DAEMON_INFO_EPOLL_FD)
	    ->epoll_fd;
}

/* The sooner of two times, of which -1 is never. */
static int
sooner(int a, int64_t b)
{
	return a >= 0 && a < b ? a : (int)b;
}

int
web_timeout(const struct web *web)
{
	MHD_UNSIGNED_LONG_LONG until;
	int64_t left = web->end_ms - clock_ms();
	int timeout = -1;

	if (web->resumed)
		return 0;
	if (MHD_get_timeout(web->mhd, &until) == MHD_YES)
		timeout = until < INT_MAX ? (int)until : INT_MAX;
	if (web->end_ms == 0 || web->n_requests > 0)
		return timeout;
	return sooner(timeout, left > 0 ? left : 0);
}

void
web_run(struct web *web)
{
	web->resumed = false;
	(void)MHD_run(web->mhd);
}

int
web_accept(struct web *web, int listen_fd)
{
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	int fd = accept4(listen_fd, (struct sockaddr *)&from, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (MHD_add_connection(web->mhd, fd, (struct sockaddr *)&from, len) !=
	    MHD_YES) /* which has closed it */
		return -ENOMEM;
	return 0;
}

unsigned
web_connections(const struct web *web)
{
	return MHD_get_daemon_info(web->mhd,
	    MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
	    ->num_connections;
}

void
web_finish(struct web *web)
{
	if (web->end_ms == 0)
		web->end_ms = clock_ms() + LINGER_MS;
}

bool
web_finished(const struct web *web)
{
	if (web->end_ms == 0 || web->n_requests > 0)
		return false;
	return web_connections(web) == 0 || clock_ms() >= web->end_ms;
}
