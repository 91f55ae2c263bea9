/* pidfd.h - a descriptor that names a child, and tells of its death; see pidfd.c
 */
#ifndef SIGCHLD_CORE_PIDFD_H
#define SIGCHLD_CORE_PIDFD_H

#include <stdbool.h>

struct sigchld_ctx;
struct sigchld_child;

/* Are there pidfds here? Asks the kernel once for each process. */
bool sigchld__pidfds_here(void);

/* In a forked child: none is in use. */
void sigchld__pidfd_reset(void);

/* With C: shall one be tried for the next child of this context? */
bool sigchld__pidfd_wanted(const struct sigchld_ctx *ctx);

/*
 * With C: get one for a child that is ours, or take this (fd not -1, and then
 * it is closed if this fails), and let it tell of the child's death if polled.
 * Fails with -errno, -ECHILD if it turns out to be no child of ours, and then
 * the child has none.
 */
int sigchld__pidfd_attach(struct sigchld_child *child, int fd, bool polled);

/* Is it an unreaped child of ours (-ECHILD), and does it send no SIGCHLD? */
int sigchld__pidfd_prove(int fd, bool *ret_silent);

/* With C: without it. */
void sigchld__pidfd_detach(struct sigchld_child *child);

/* With C: what became of a child that somebody else reaped? 1: this; 0: the
 * kernel does not know; -EAGAIN: not yet. */
int sigchld__pidfd_status(const struct sigchld_child *child, int *ret_wstatus);

#endif
