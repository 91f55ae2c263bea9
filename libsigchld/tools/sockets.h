/*
 * sockets.h - the descriptors that the command is given
 */
#ifndef TOOLS_SOCKETS_H
#define TOOLS_SOCKETS_H

#include <sigchld/master.h>

#include "tools/address.h"

#define SOCKETS_MOST 100u /* of all kinds: a master keeps 128 by name */

struct sockets {
	int fds[SOCKETS_MOST];
	uint32_t n;
	char names[SOCKETS_MOST * 256]; /* as in LISTEN_FDNAMES */
};

/* Before there is a master. -errno: there is no memory, or a variable is wrong. */
int sockets_claim(void);

/* Found, or made. Gives -errno, having said what. */
int sockets_open(struct sockets *sockets, struct sigchld_master *master,
    const struct address *addresses, uint32_t n);

/* In a worker: the variables of the program that it becomes. */
int sockets_environ(const struct sockets *sockets);

#endif
