/*
 * worker.h - a worker, from its first poll to its last connection
 */
#ifndef MWORKER_WORKER_H
#define MWORKER_WORKER_H

#include <microhttpd.h>
#include <sigchld/master.h>
#include <stdbool.h>

#include "mworker/options.h"

struct worker {
	const struct options *options;
	struct sigchld_worker *worker;
	struct MHD_Daemon *mhd;
	int told_fd;       /* where the master tells; -1: he is gone */
	bool drains;       /* he has told us to finish */
	uint64_t requests; /* that were answered */
	int64_t began_ms;
};

unsigned worker_connections(const struct worker *w);

/* The master's hooks; user is the options. */
int worker_run(struct sigchld_worker *worker, void *user);
int worker_query(struct sigchld_worker *worker, const void *query, size_t len,
    void *user);

#endif
