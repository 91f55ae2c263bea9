/* leash.h - a worker does not outlive its parent; see leash.c */
#ifndef SIGCHLD_WORKER_LEASH_H
#define SIGCHLD_WORKER_LEASH_H

#include <stdbool.h>

/* Under the no-fork lock, before the fork: an end for the worker and one for the
 * parent, which never writes to it. Close-on-exec. -EMFILE, -ENFILE. */
int sigchld__leash_pair(int *ret_worker, int *ret_parent);

/* May an end of one worker's be good for others (L5)? */
bool sigchld__leash_can_share(void);

/* The same, for one more worker: an end that goes with the parent's of another
 * one. -errno: it is not to be had (L4). */
int sigchld__leash_share(int parent, int *ret_worker);

/* In the worker, which has closed the parent's end: once nobody has that any
 * more, this process gets SIGKILL; at once, if so already. -errno: it cannot be
 * arranged (-EAGAIN, -ENOMEM: no thread, in the portable build). */
int sigchld__leash_wear(int worker);

#endif
