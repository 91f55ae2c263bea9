/*
 * web.h - HTTP on connections that are handed to it
 *
 * A web has connections, which stay open for one request after another, and
 * asks you about each request. You answer at once or later, but always once. It
 * has a descriptor and a timeout, and never blocks; it does not listen by
 * itself.
 */
#ifndef PREFORK_WEB_H
#define PREFORK_WEB_H

#include <stdbool.h>
#include <stddef.h>

struct web;
struct web_request;

typedef void web_ask_fn(struct web_request *request, void *user);

/* For so many connections at a time; one on which nothing happens for idle_s is
 * closed. SIGPIPE is ignored from now on. -ENOMEM; -EIO: it cannot be had. */
int web_new(struct web **ret_web, unsigned most, unsigned idle_s,
    web_ask_fn *ask, void *user);

/* Closes what is open. Each request must have been answered. */
void web_free(struct web *web);

/* Poll this for reading, for no longer than that, and then run. */
int web_fd(const struct web *web);
int web_timeout(const struct web *web);
void web_run(struct web *web);

/* Accept one connection from a listening socket. -errno: of accept(2). */
int web_accept(struct web *web, int listen_fd);
unsigned web_connections(const struct web *web);

/* From now on each connection is closed after its next answer. It is finished
 * when there is none left, or those that are left have had a while to ask. */
void web_finish(struct web *web);
bool web_finished(const struct web *web);

/* Of a request: valid until it is answered. A header may be NULL. */
const char *web_path(const struct web_request *request);
const char *web_header(const struct web_request *request, const char *name);

struct web_answer {
	unsigned status;
	const char *type; /* of the data; NULL: it is plain text */
	const void *data; /* is copied */
	size_t len;
	const char *header[2]; /* one more: name and value */
	bool close;            /* the connection is not to stay */
};

void web_answer(struct web_request *request, const struct web_answer *answer);

#endif
