/*
 * listener.h - listener mode: the workers accept by themselves
 */
#ifndef PREFORK_LISTENER_H
#define PREFORK_LISTENER_H

#include <sigchld/pool.h>

#include "web.h"

/* In the parent: somebody asks, how it is. The user is the server. */
web_ask_fn listener_ask;

/* In a worker: the pool's run. */
int listener_run(struct sigchld_worker *worker, void *user);

#endif
