/* wait.h - somebody who waits for one child; see wait.c */
#ifndef SIGCHLD_CORE_WAIT_H
#define SIGCHLD_CORE_WAIT_H

#include <sigchld/fd.h>

#include "async/deferral.h"

struct sigchld__waiter {
	struct sigchld__user user;
	struct sigchld__users *list; /* NULL: the pidfd tells */
	struct sigchld_fdref read_ref, write_ref;
	struct sigchld_fdref set_ref; /* of: */
	int set;                      /* an epoll set for the pidfd, or -1 */
	int pidfd;                    /* the child's, which we hold, or -1 */
	bool readable;                /* the last sleep ended by the pidfd */
};

/* With C, or T. */
void sigchld__waiter_wake(struct sigchld__waiter *waiter);

#endif
