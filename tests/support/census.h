/*
 * census.h - what a process holds: its descriptors and its children
 */
#ifndef CENSUS_H
#define CENSUS_H

#include <stdbool.h>
#include <stddef.h>

#define CENSUS_MAX 8192 /* descriptors above this number are not told apart */

struct census {
	int n_fds;
	int n_children;
	bool open[CENSUS_MAX];
};

void census_take(struct census *census);

/* Write into text what differs, named so that one can look for it. Gives false,
 * and an empty text, when nothing does. */
bool census_differs(const struct census *before, const struct census *after,
    char *text, size_t size);

#endif
