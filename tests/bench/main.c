/*
 * main.c - one measurement
 *
 *	bench_MECHANISM [--variant VARIANT] [--count] WORKLOAD
 *	bench_MECHANISM --list
 *
 * Prints one line:
 *
 *	ok deaths=N cpu_us=.. life_us=.. wall_us=.. latency_us=.. wakes=..
 *	    [calls=.. detail=CALL:N,...]
 *	na			there is no such thing here
 *	void REASON		a callback was not right; exit status 1
 *
 * All is per death, but latency_us, the median. life_us is the CPU time of the
 * watcher and its children, which is known if they end within the measurement.
 * With --count the system calls are counted, and no time means anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

#define FORKED_SPAWNS  200 /* from a process with much memory */
#define FEW_DEATHS     16  /* are enough to count system calls */
#define ENOUGH_FDS     32768
#define KEEPERS_STATUS (77 << 8)

const char *bench_program = BENCH_CHILD;

static void
raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_max < ENOUGH_FDS) {
		struct rlimit more = { ENOUGH_FDS, ENOUGH_FDS };

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
	}
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* The plan */

static bool
is_out_of_reach(const struct bench_plan *plan)
{
	uint32_t flags = bench_mechanism.flags;

	return (plan->contexts > 1 && flags & BENCH_ONE_LOOP) ||
	    (plan->heap_mib > 256 && flags & BENCH_FORKS);
}

static void
adapt_plan(struct bench_plan *plan, bool count)
{
	if (plan->heap_mib > 0 && bench_mechanism.flags & BENCH_FORKS)
		plan->children = plan->deaths = FORKED_SPAWNS;
	if (count && plan->style == BENCH_TRICKLE)
		plan->deaths = FEW_DEATHS;
}

static int
wstatus_of(const struct bench_plan *plan, uint32_t i)
{
	uint32_t step = plan->children / plan->deaths;

	if (plan->style == BENCH_TRICKLE && i % step == 0 &&
	    i / step < plan->deaths)
		return SIGKILL;

	return (int)(i % 255 + 1) << 8;
}

static void
lay_out(struct bench_shared *shared, const int gates[2])
{
	const struct bench_plan *plan = &shared->plan;
	struct bench_child *child;
	bool keeper;
	uint32_t i;

	shared->n_children = plan->children;
	if (plan->style != BENCH_SPAWN)
		shared->n_children += plan->contexts;
	for (i = 0; i < shared->n_children; i++) {
		child = &shared->children[i];
		keeper = i >= plan->children;
		child->gate = plan->style == BENCH_SPAWN ? -1 : gates[keeper];
		child->wstatus = keeper ? KEEPERS_STATUS : wstatus_of(plan, i);
		child->loop =
		    (keeper ? i - plan->children : i) % plan->contexts;
	}
}

/* Processes */

static void
block_sigchld(int how)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(how, &set, NULL);
}

static _Noreturn void
be_watcher(struct bench_shared *shared, const int ends[2], const char *variant)
{
	int rc;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)close(ends[0]);
	(void)close(ends[1]);
	block_sigchld(SIG_UNBLOCK);
	rc = bench_mechanism.setup(variant);
	if (rc < 0) {
		atomic_store(&shared->error, rc);
		_exit(1);
	}
	_exit(bench_watch(shared));
}

static void
print(const struct bench_result *r, bool count)
{
	double n = r->deaths;

	(void)printf("ok deaths=%u cpu_us=%.3f life_us=%.3f wall_us=%.3f "
		     "latency_us=%.2f wakes=%.3f",
	    r->deaths, (double)r->cpu_ns / 1e3 / n,
	    (double)r->life_ns / 1e3 / n, (double)r->wall_ns / 1e3 / n,
	    (double)r->latency_ns / 1e3, (double)r->wakes / n);
	if (count) {
		(void)printf(" calls=%.3f detail=", (double)r->calls / n);
		bench_trace_print(r->deaths);
	}
	(void)printf("\n");
}

static int
tell(const char *problem, const struct bench_result *result, bool count)
{
	if (problem == NULL)
		print(result, count);
	else if (problem == bench_not_available)
		(void)printf("na\n");
	else
		(void)printf("void %s\n", problem);

	return problem == NULL || problem == bench_not_available ? 0 : 1;
}

/* The watcher reads, or lets its children read; the controller writes. */
static int
open_gates(int reads[2], int writes[2])
{
	int i, ends[2];

	for (i = 0; i < 2; i++) {
		if (pipe2(ends, O_CLOEXEC) < 0)
			return -errno;
		reads[i] = ends[0];
		writes[i] = ends[1];
	}

	return 0;
}

static int
run(const struct bench_plan *plan, const char *variant, bool count)
{
	struct bench_result result = { 0 };
	struct bench_shared *shared;
	int reads[2], writes[2];
	const char *problem;
	pid_t watcher;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || open_gates(reads, writes) < 0)
		return tell("no memory or no pipes", &result, count);
	shared->plan = *plan;
	adapt_plan(&shared->plan, count);
	lay_out(shared, reads);
	block_sigchld(SIG_BLOCK);
	watcher = fork();
	if (watcher == 0)
		be_watcher(shared, writes, variant);
	if (watcher < 0)
		return tell("no fork", &result, count);
	problem = bench_control(shared, watcher, writes, count, &result);

	return tell(problem, &result, count);
}

int
main(int argc, char **argv)
{
	const struct bench_plan *plan = NULL;
	const char *variant = "";
	bool count = false;
	int i;

	for (i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--list") == 0)
			return bench_plan_list(), 0;
		if (strcmp(argv[i], "--count") == 0)
			count = true;
		else if (strcmp(argv[i], "--variant") == 0 && i + 1 < argc)
			variant = argv[++i];
		else
			plan = bench_plan_find(argv[i]);
	}
	if (plan == NULL) {
		(void)fprintf(stderr,
		    "usage: %s [--variant V] [--count] "
		    "WORKLOAD | --list\n",
		    argv[0]);
		return 2;
	}
	if (is_out_of_reach(plan)) {
		(void)printf("na\n");
		return 0;
	}
	raise_limit();

	return run(plan, variant, count);
}
