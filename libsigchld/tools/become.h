/*
 * become.h - a worker becomes its command
 */
#ifndef TOOLS_BECOME_H
#define TOOLS_BECOME_H

#include "tools/options.h"
#include "tools/ready.h"
#include "tools/sockets.h"

/* Only returns if it cannot: the exit status. */
int become_command(struct sigchld_worker *worker, const struct options *o,
    const struct sockets *sockets, const struct ready_watch *ready);

#endif
