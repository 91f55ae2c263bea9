/*
 * options.h - the command line
 */
#ifndef MWORKER_OPTIONS_H
#define MWORKER_OPTIONS_H

#include <stdint.h>

enum {
	EXIT_USE = 2
};

struct options {
	uint32_t port; /* 0: any that is free */
	uint32_t workers;
	uint32_t idle_s; /* a connection may be silent for so long */
	int listen_fd;   /* that of the port, when there is one */
};

/* Gives -1 to go on, or an exit status. */
int options_read(struct options *o, int argc, char **argv);

#endif
