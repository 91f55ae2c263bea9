/*
 * dispatch.h - dispatch mode: the parent hands each request to a worker
 */
#ifndef PREFORK_DISPATCH_H
#define PREFORK_DISPATCH_H

#include <sigchld/pool.h>

#include "web.h"

/* In the parent: somebody asks. The user is the server. */
web_ask_fn dispatch_ask;

/* In a worker: the pool's on_request. */
int dispatch_serve(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user);

#endif
