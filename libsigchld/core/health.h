/* health.h - see health.c */
#ifndef SIGCHLD_CORE_HEALTH_H
#define SIGCHLD_CORE_HEALTH_H

#include <stdbool.h>

struct sigchld_ctx;
struct sigchld_child;

/* With C. */
void sigchld__health_saw_end(const struct sigchld_child *child);
void sigchld__health_saw_theft(struct sigchld_ctx *ctx);

/* With C: is the signal, on which it depends, not to be trusted just now? */
bool sigchld__health_in_doubt(const struct sigchld_ctx *ctx);

/* With C: the same, and look from time to time as long as it is so. */
void sigchld__health_check(struct sigchld_ctx *ctx);

/* With C: is it time? If so, and when that is done, whether anything was found.
 */
bool sigchld__health_sweep_is_due(struct sigchld_ctx *ctx);
void sigchld__health_swept(struct sigchld_ctx *ctx, bool found);

/* In a forked child: nothing was seen here. */
void sigchld__health_reset(void);

#endif
