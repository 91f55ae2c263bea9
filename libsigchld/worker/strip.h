/* strip.h - a worker has no descriptor that it is not to have; see strip.c */
#ifndef SIGCHLD_WORKER_STRIP_H
#define SIGCHLD_WORKER_STRIP_H

#include <sigchld/fd.h>

#define SIGCHLD__KEPT        256u
#define SIGCHLD__STATUS_LOST 255 /* of what could not become a worker */

/* Zeroed: 0 to 2 are kept anyway. */
struct sigchld__kept {
	int fds[SIGCHLD__KEPT];
	unsigned int n;
};

/* In a forked child, before sigchld_postfork: out of the table, so that it stays
 * open. Gives its number, which may be another; ends the process if it cannot. */
int sigchld__strip_take(struct sigchld_fdref ref);

/* This one, too; -1: none. */
void sigchld__strip_keep(struct sigchld__kept *kept, int fd);

/* Close all others. */
void sigchld__strip(const struct sigchld__kept *kept);

#endif
