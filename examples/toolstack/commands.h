/*
 * commands.h - commands from standard input
 */
#ifndef TOOLSTACK_COMMANDS_H
#define TOOLSTACK_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "domain.h"

struct commands {
	struct domain **domains;
	size_t n;
	bool quit, list; /* was asked for; the caller clears list */
	char line[128];  /* what was typed so far */
	size_t len;
	bool too_long;
};

/* Read what there is on fd and obey each line that is complete. Gives false at
 * the end of the file; what stands on the last line is obeyed, too. */
bool commands_read(struct commands *commands, int fd);

#endif
