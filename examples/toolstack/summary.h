/*
 * summary.h - the accounts of the whole run, and whether they are right
 */
#ifndef TOOLSTACK_SUMMARY_H
#define TOOLSTACK_SUMMARY_H

#include <sigchld.h>

#include "own.h"
#include "process.h"

struct summary {
	unsigned domains;
	unsigned started, events; /* programs, and their final events */
	unsigned missing, doubled, foreign;
	unsigned known, wrong; /* statuses known beforehand; not as known */
	unsigned uneven;       /* contexts whose own figures differ from ours */
	uint64_t stolen, faults;
	int health; /* all that sigchld_health ever said */
};

void summary_add(struct summary *summary, const struct process *list,
    const struct sigchld_stats *stats);

/* Once all contexts are closed: prints it and gives true if all is right. */
bool summary_print(const struct summary *summary, const struct own *own);

#endif
