/*
 * nofork.h - the no-fork lock: while a thread has it, no other forks
 *
 * N, the outermost lock but for a context's own. What is open but not yet in
 * the descriptor table, or closed in the table but not yet closed, would leak
 * into a child that nobody could clean up. Recursive within its thread. Never
 * held across what may block, but for the close of an application's descriptor
 * that lingers (SO_LINGER, a file on a slow server): nobody can fork meanwhile.
 */
#ifndef SIGCHLD_ASYNC_NOFORK_H
#define SIGCHLD_ASYNC_NOFORK_H

void sigchld__nofork_begin(void);
void sigchld__nofork_end(void); /* nothing, if there was no begin */

/* In a forked child: free, except for what the forking thread itself held. */
void sigchld__nofork_reset(void);

#endif
