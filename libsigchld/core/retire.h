/* retire.h - the pidfds of children that are gone; see retire.c */
#ifndef SIGCHLD_CORE_RETIRE_H
#define SIGCHLD_CORE_RETIRE_H

#include <sigchld/fd.h>

/* With C: close it, now or at the end of the dispatch. */
void sigchld__retire(struct sigchld_ctx *ctx, struct sigchld_fdref pidfd);

/* With C: close those that were put by. */
void sigchld__retire_close(struct sigchld_ctx *ctx);

#endif
