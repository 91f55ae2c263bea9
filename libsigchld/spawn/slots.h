/* slots.h - low numbers for high descriptors; see slots.c */
#ifndef SIGCHLD_SPAWN_SLOTS_H
#define SIGCHLD_SPAWN_SLOTS_H

#include <stdbool.h>

#include <sigchld.h>

/* Put low numbers in place of high ones of ours; give them back by end, if this
 * gave true. What cannot be had is left as it is. */
bool sigchld__slots_begin(struct sigchld_fdmap *wants, unsigned int n);
void sigchld__slots_end(void);

/* For tests: give up the descriptors. */
void sigchld__slots_close(void);

#endif
