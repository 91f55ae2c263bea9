/*
 * ready.h - when a worker's command is ready
 */
#ifndef TOOLS_READY_H
#define TOOLS_READY_H

#include <sigchld/master.h>

#include "tools/options.h"

/* It has descriptors, which live until the context was freed. */
struct ready_watch {
	struct sigchld_master *master;
	uint32_t after_ms;
	int timer;    /* -1, but for READY_LATER */
	int notified; /* -1, but for READY_NOTIFY */
	char address[112];
};

/* -errno, having said what. */
int ready_begin(struct ready_watch *watch, const struct options *o,
    struct sigchld_ctx *ctx, struct sigchld_master *master);
void ready_end(struct ready_watch *watch);

/* A worker was forked: when will it be ready? */
void ready_look(struct ready_watch *watch);

/* In a worker: what its program needs to say so. -errno. */
int ready_environ(const struct ready_watch *watch);

#endif
