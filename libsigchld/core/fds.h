/* fds.h - the descriptor table and its contexts; see fds.c */
#ifndef SIGCHLD_CORE_FDS_H
#define SIGCHLD_CORE_FDS_H

#include <stdbool.h>
#include <stdint.h>

#include <sigchld/fd.h>

/* What a dispatch runs, with C, for one of the library's own descriptors. */
typedef void sigchld__internal_fn(struct sigchld_ctx *ctx, void *user);

/* Under the no-fork lock. */
int sigchld__fds_insert_own(struct sigchld_ctx *ctx, int fd, uint32_t events,
    sigchld__internal_fn *ready, void *user, struct sigchld_fdref *ret_ref);

/* Of one of our own that is in the table: what the poller is to wait for, where it
 * asks the table. */
void sigchld__fds_own_events(struct sigchld_fdref ref, uint32_t events);

/* One of the library's own, whether it got into the table or not; -1: none. */
void sigchld__fds_close_own(int fd, struct sigchld_fdref *ref);

/* Under the no-fork lock. True: it is out of the table, and yours to close before
 * you leave the lock. False: whoever holds it too closes it. */
bool sigchld__fds_take_own(struct sigchld_fdref ref);

/* Drop, and move if it was to move. As sigchld_fd_drop. */
int sigchld__fds_drop(int fd);

/* Take all that is ours out of the table: the library's are closed, the
 * application's left open. */
void sigchld__fds_leave(struct sigchld_ctx *ctx);

#endif
