/*
 * options.h - the command line
 */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <sigchld/master.h>
#include <signal.h>
#include <stdbool.h>

#include "tools/address.h"

#define ADDRESSES_MOST 64u

enum ready {
	READY_EXEC,   /* when the command runs */
	READY_NOTIFY, /* when it says READY=1 */
	READY_LATER   /* when it has run for ready_after_ms */
};

struct options {
	struct sigchld_master_options master; /* but for its hooks */
	char **command;                       /* or an order, with ask */
	const char *name;
	struct address addresses[ADDRESSES_MOST];
	uint32_t n_addresses;
	enum ready ready;
	uint32_t ready_after_ms;
	sigset_t forward; /* to the workers */
	bool subreaper;
	bool daemon;
	const char *ask; /* the control socket of another master, or NULL */
	bool json;
	int loudness; /* say.h */
};

/* Gives -1 to go on, or an exit status. */
int options_read(struct options *o, int argc, char **argv);

#endif
