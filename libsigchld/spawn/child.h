/* child.h - the child, from its birth to its program; see child.c */
#ifndef SIGCHLD_SPAWN_CHILD_H
#define SIGCHLD_SPAWN_CHILD_H

#include "spawn/plan.h"

/* Never comes back. If the program cannot be executed the child ends with the
 * error's number as its exit status, after it was written to plan->report, as an
 * int. 255: the descriptor table could not be unshared, and nothing was done. */
#define SIGCHLD__CHILD_UNSHARED 255

_Noreturn void sigchld__child_run(struct sigchld__plan *plan);

/* Its descriptors, as the plan has them. For tests too. */
int sigchld__child_fds(struct sigchld__plan *plan);

/* What this build can do for a child. */
#ifdef SIGCHLD_PORTABLE
#	define SIGCHLD__CHILD_CAN \
		(SIGCHLD_SPAWN_SETSID | SIGCHLD_SPAWN_SETPGID | \
		    SIGCHLD_SPAWN_KEEPFDS | SIGCHLD_SPAWN_KEEPMASK | \
		    SIGCHLD_SPAWN_STOPS | SIGCHLD_SPAWN_GROUPKILL | \
		    SIGCHLD_SPAWN_UMASK | SIGCHLD_SPAWN_DESCENDANTS | \
		    SIGCHLD_SPAWN_RUSAGE)
#	define SIGCHLD__CHILD_CAN_IDS false
#else
#	define SIGCHLD__CHILD_CAN     ~0u
#	define SIGCHLD__CHILD_CAN_IDS true
#endif

#endif
