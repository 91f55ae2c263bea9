/*
 * address.h - one --listen: its text, and the socket that is made of it
 */
#ifndef TOOLS_ADDRESS_H
#define TOOLS_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

struct address {
	const char *text; /* as it was given, for messages */
	const char *host; /* NULL: all; or the path of a Unix socket */
	const char *port; /* NULL: a Unix socket */
	const char *name; /* as the command knows it */
	uint32_t backlog;
	unsigned int mode; /* of a Unix socket's file */
};

/* False: it is none, or there is no memory. */
bool address_read(struct address *ret_address, const char *text);

/* A socket that listens there, close-on-exec, or -errno. */
int address_listen(const struct address *address);

/* Say where that is, and which number it has for the command. */
void address_show(const struct address *address, int fd, int number);

/* Nobody listens there any more. */
void addresses_unlink(const struct address *addresses, uint32_t n);

#endif
