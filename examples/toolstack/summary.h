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
	unsigned known, wrong;        /* statuses known beforehand; not so */
	unsigned refused, misrefused; /* cannot be executed; not as known */
	unsigned on_pidfd;
	unsigned uneven; /* contexts whose own figures differ from ours */
	unsigned recovered, lost; /* statuses of programs that were stolen */
	uint64_t stolen, demoted, faults;
	uint64_t handler_runs;
	int health; /* all that sigchld_health ever said */

	const char *wake;
	bool has_thief;
	unsigned taken; /* by the thief */
};

void summary_add(struct summary *summary, const struct process *list,
    const struct sigchld_stats *stats);

/* Once all contexts are closed: prints it and gives true if all is right. */
bool summary_print(const struct summary *summary, const struct own *own);

#endif
