/*
 * loopback.h - a listening socket on 127.0.0.1
 */
#ifndef PREFORK_LOOPBACK_H
#define PREFORK_LOOPBACK_H

#include <stdint.h>

/* Gives a descriptor, or -errno. *port 0 is any, and becomes what it is. */
int loopback_listen(uint32_t *port);

#endif
