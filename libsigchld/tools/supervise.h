/*
 * supervise.h - a master whose workers run a command
 */
#ifndef TOOLS_SUPERVISE_H
#define TOOLS_SUPERVISE_H

#include "tools/options.h"

/* Until all have left: the exit status. */
int supervise(const struct options *o);

#endif
