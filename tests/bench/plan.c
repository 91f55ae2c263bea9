/*
 * plan.c - the workloads
 *
 *	W1-M	storm		1 context, M children die at the same moment
 *	W1d-M			as W1-M, but all are dead before the loop runs
 *	W2-N	fan-out		N contexts on N threads, 1000 children in all
 *				die at the same moment
 *	W2d-N			as W2-N, but all are dead before the loops run
 *	W3-N	trickle		N contexts, 256 children, killed one at a time
 *	W4	survivors	1 context, 4000 children, 200 of them are killed
 *				one at a time
 *	W5	spawn		2000 programs that end at once, 32 in flight,
 *				started from the callbacks
 *	W5-fds			from a process with 4000 open descriptors
 *	W5-heap			from one with 256 MiB of memory
 *	W5-big			from one with 4000 descriptors and 1 GiB, but
 *				not by a fork
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"

static const struct bench_plan plans[] = {
	{ "W1-100", BENCH_STORM, 1, 100, 100, 0, 0 },
	{ "W1-1000", BENCH_STORM, 1, 1000, 1000, 0, 0 },
	{ "W1-4000", BENCH_STORM, 1, 4000, 4000, 0, 0 },
	{ "W1d-100", BENCH_LATE, 1, 100, 100, 0, 0 },
	{ "W1d-1000", BENCH_LATE, 1, 1000, 1000, 0, 0 },
	{ "W1d-4000", BENCH_LATE, 1, 4000, 4000, 0, 0 },
	{ "W2-1", BENCH_STORM, 1, 1000, 1000, 0, 0 },
	{ "W2-8", BENCH_STORM, 8, 1000, 1000, 0, 0 },
	{ "W2-64", BENCH_STORM, 64, 1000, 1000, 0, 0 },
	{ "W2d-1", BENCH_LATE, 1, 1000, 1000, 0, 0 },
	{ "W2d-8", BENCH_LATE, 8, 1000, 1000, 0, 0 },
	{ "W2d-64", BENCH_LATE, 64, 1000, 1000, 0, 0 },
	{ "W3-1", BENCH_TRICKLE, 1, 256, 256, 0, 0 },
	{ "W3-64", BENCH_TRICKLE, 64, 256, 256, 0, 0 },
	{ "W4", BENCH_TRICKLE, 1, 4000, 200, 0, 0 },
	{ "W5", BENCH_SPAWN, 1, 2000, 2000, 0, 0 },
	{ "W5-fds", BENCH_SPAWN, 1, 2000, 2000, 0, 4000 },
	{ "W5-heap", BENCH_SPAWN, 1, 2000, 2000, 256, 0 },
	{ "W5-big", BENCH_SPAWN, 1, 2000, 2000, 1024, 4000 },
};

const struct bench_plan *
bench_plan_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
		if (strcmp(plans[i].name, name) == 0)
			return &plans[i];
	}

	return NULL;
}

void
bench_plan_list(void)
{
	size_t i;

	for (i = 0; i < sizeof(plans) / sizeof(plans[0]); i++)
		(void)puts(plans[i].name);
}
