/*
 * forward.h - signals that are passed on to the workers
 */
#ifndef TOOLS_FORWARD_H
#define TOOLS_FORWARD_H

#include <sigchld/master.h>
#include <signal.h>
#include <stdbool.h>

/* QUIT,WINCH: is added. False: one of them is none, or not for us to pass on. */
bool forward_read(sigset_t *set, const char *text);

/* All that a person or a container's runtime may send, and a master does not
 * use itself. */
void forward_most(sigset_t *set);

/* Before there is a master, so that none is lost in a reload: block them. */
void forward_block(const sigset_t *set);

/* Pass them on from now on. *ret_fd is -1 if there is none; else close it when
 * the context was freed. -errno. */
int forward_begin(const sigset_t *set, struct sigchld_ctx *ctx,
    struct sigchld_master *master, int *ret_fd);

#endif
