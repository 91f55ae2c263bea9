/*
 * options.h - the command line
 */
#ifndef PREFORK_OPTIONS_H
#define PREFORK_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	EXIT_USE = 2
};

struct options {
	bool listener; /* the workers accept; else the parent does */
	uint32_t port, status_port; /* 0: any that is free */
	uint32_t workers, max;      /* max 0: as many as workers */
	uint32_t max_requests;      /* 0: no limit */
	uint32_t timeout_ms, backlog, ttl_ms;
};

/* Gives -1 to go on, or an exit status. */
int options_read(struct options *o, int argc, char **argv);

#endif
