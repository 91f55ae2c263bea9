/* mate.h - a master's worker, seen by itself; see mate.c */
#ifndef SIGCHLD_WORKER_MATE_H
#define SIGCHLD_WORKER_MATE_H

#include <stdbool.h>
#include <stdint.h>

#include <sigchld/fd.h>
#include <sigchld/master.h>

#include "worker/wire.h"

/* That a program which a worker executes can be given: they are below this. */
#define SIGCHLD__MOST_FDS  128u
#define SIGCHLD__ABOVE_FDS (3 + (int)SIGCHLD__MOST_FDS)

struct sigchld__mate {
	struct sigchld_worker *worker;
	const struct sigchld_master *master; /* a copy, of which nothing is ours
					      * but what is [I] */
	int fd;                              /* the channel */
	int leash;                           /* or -1 */
	bool hung_up;                        /* the master is gone */
	bool unsaid;                         /* `said' did not go in */
	bool in_query, answered;
	size_t len; /* of the answer */
	char said[256];
	char answer[SIGCHLD__WIRE_MOST];
	struct sigchld__wire wire;
};

/* Was it told to finish by a signal? Async-signal-safe. */
bool sigchld__mate_is_told(void);

/* Its signals; they are blocked. */
void sigchld__mate_catch(struct sigchld__mate *mate);

/* Run the hook; never comes back. */
_Noreturn void sigchld__mate_main(struct sigchld__mate *mate);

int sigchld__mate_ready(struct sigchld__mate *mate);
bool sigchld__mate_stops(const struct sigchld__mate *mate);

#endif
