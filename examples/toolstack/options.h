/*
 * options.h - the command line
 */
#ifndef TOOLSTACK_OPTIONS_H
#define TOOLSTACK_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	EXIT_USE = 2
};

struct options {
	uint32_t wake; /* enum sigchld_wake */
	const char *wake_name;
	const char *file; /* NULL: the built-in domains */
	int seconds;      /* 0: until all is done */
	bool plain, check, thief;
};

/* Gives -1 to go on, or an exit status. */
int options_read(struct options *o, int argc, char **argv);

#endif
