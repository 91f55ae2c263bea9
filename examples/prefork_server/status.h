/*
 * status.h - how the server is, at one moment
 */
#ifndef PREFORK_STATUS_H
#define PREFORK_STATUS_H

#include <sigchld/pool.h>
#include <stdbool.h>
#include <stddef.h>

#include "web.h"

struct server;

struct status {
	const struct server *server;
	struct sigchld_pool_stats stats;
	struct sigchld_worker_info *workers;
	size_t n_workers, room;
	int64_t now_ms;
};

bool status_is_asked(const char *path);

/* As JSON; or as a page, for .html and for those who would rather have that. */
void status_answer(struct server *server, struct web_request *request);

/* Both give what is to be freed, or NULL: no memory. */
char *status_json(const struct status *status);
char *status_page(const struct status *status);

#endif
