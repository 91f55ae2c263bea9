/* health.h - see health.c */
#ifndef SIGCHLD_CORE_HEALTH_H
#define SIGCHLD_CORE_HEALTH_H

struct sigchld_ctx;
struct sigchld_child;

/* With C. */
void sigchld__health_saw_end(const struct sigchld_child *child);
void sigchld__health_saw_theft(struct sigchld_ctx *ctx);

/* In a forked child: nothing was seen here. */
void sigchld__health_reset(void);

#endif
