/*
 * gate.h - the connections of the parent, in its context
 */
#ifndef PREFORK_GATE_H
#define PREFORK_GATE_H

#include <sigchld/fd.h>
#include <stdbool.h>

#include "web.h"

struct gate {
	struct web *web;
	struct sigchld_fdref listening, polled; /* fd -1: there is none */
	unsigned most;                          /* connections at a time */
	bool full;
};

/* Accept on listen_fd, which belongs to the gate from now on. Gives -errno. */
int gate_open(struct gate *gate, struct sigchld_ctx *ctx, int listen_fd,
    web_ask_fn *ask, void *user);

/* Wait no longer than this, and do this after each wait. */
int gate_timeout(const struct gate *gate);
void gate_run(struct gate *gate);

/* Accept no more, and answer what was asked. */
void gate_finish(struct gate *gate);
bool gate_finished(const struct gate *gate);

/* Each request must have been answered. */
void gate_close(struct gate *gate);

#endif
