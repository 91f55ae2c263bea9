/* listen_fds.h - descriptors passed by socket activation; see listen_fds.c */
#ifndef SIGCHLD_WORKER_LISTEN_FDS_H
#define SIGCHLD_WORKER_LISTEN_FDS_H

#include <stdint.h>
#include <sys/types.h>

#define SIGCHLD__LISTEN_FIRST 3
#define SIGCHLD__LISTEN_MOST  65536u /* descriptors */
#define SIGCHLD__LISTEN_NAME  255u   /* characters of a name */

struct sigchld__listen_fd {
	int fd;
	const char *name; /* in the same memory */
};

/*
 * What was passed to this process, in the order of the descriptors: how many,
 * and a list of as many for free(), now close-on-exec. 0, and *ret_list is
 * NULL: nothing was, or not to us. -EINVAL: the variables are not what they
 * should be; -EBADF: one of these descriptors is not open; -ENOMEM.
 */
int sigchld__listen_fds_read(struct sigchld__listen_fd **ret_list);

/* We were forked by this process: what was passed to it is ours. */
void sigchld__listen_fds_follow(pid_t parent);

/* So that nobody whom we execute or start takes them for his own. */
void sigchld__listen_fds_unset(void);

#endif
