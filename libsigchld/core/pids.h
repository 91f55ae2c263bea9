/* pids.h - which children has this process? see pids.c */
#ifndef SIGCHLD_CORE_PIDS_H
#define SIGCHLD_CORE_PIDS_H

#include <stddef.h>
#include <sys/types.h>

struct sigchld__pids {
	pid_t *pid; /* to free() */
	size_t n, room;
};

/* Add all that there are just now, dead or alive; in the portable build none. If
 * memory ends, some. Cleanup: free. */
void sigchld__pids_read(struct sigchld__pids *pids);
void sigchld__pids_free(struct sigchld__pids *pids);

#endif
