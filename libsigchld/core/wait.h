/* wait.h - somebody who waits for one child; see wait.c */
#ifndef SIGCHLD_CORE_WAIT_H
#define SIGCHLD_CORE_WAIT_H

#include <sigchld/fd.h>

#include "async/deferral.h"

struct sigchld__waiter {
	struct sigchld__user user;
	struct sigchld_fdref read_ref, write_ref;
};

/* With C, or T. */
void sigchld__waiter_wake(struct sigchld__waiter *waiter);

#endif
