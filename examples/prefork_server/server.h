/*
 * server.h - all of the server
 */
#ifndef PREFORK_SERVER_H
#define PREFORK_SERVER_H

#include <sigchld/pool.h>

#include "gate.h"
#include "options.h"
#include "report.h"

struct server {
	struct options options;
	struct sigchld_ctx *ctx;
	struct sigchld_pool *pool;
	struct gate gate; /* dispatch mode: for all; else for the status */
	struct report report;
	int listen_fd;        /* listener mode: of the workers; or -1 */
	uint32_t port;        /* where it serves */
	uint32_t status_port; /* where it tells how it is; may be the same */
	uint64_t n_open;      /* requests that the pool has of us */
	int64_t start_ms;
	int stops, rolls; /* signals that were heeded */
};

#endif
