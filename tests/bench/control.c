/*
 * control.c - make the children die, and measure what that costs the watcher
 *
 * It polls: whatever would tell it of a callback or of a thread's sleep would
 * be paid for by the watcher. All threads sleep if two looks at them, one after
 * the other, find each asleep and none to have run in between.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define PATIENCE_NS INT64_C(90000000000)
#define NAP_NS      50000

const char bench_not_available[] = "not available";

struct control {
	struct bench_shared *shared;
	pid_t watcher;
	bool count;
	int64_t deadline_ns;
	const char *problem; /* NULL: none yet */
	bool ended;          /* the watcher, with: */
	int wstatus;
	struct bench_threads threads;
	int64_t *latencies;
};

struct meter {
	int64_t cpu_ns, now_ns;
	uint64_t wakes, calls;
};

/* Waiting */

static void
take_stops(struct control *c)
{
	int wstatus;
	pid_t pid;

	while ((pid = waitpid(-1, &wstatus, __WALL | WNOHANG)) > 0) {
		if (WIFSTOPPED(wstatus)) {
			bench_trace_stopped(pid, wstatus);
		} else if (pid == c->watcher) {
			c->ended = true;
			c->wstatus = wstatus;
		}
	}
}

/* Until the watcher stops or ends, or for a moment. Gives false if it is of no
 * use to go on. */
static bool
nap(struct control *c)
{
	const struct timespec moment = { .tv_nsec = NAP_NS };
	int error = atomic_load(&c->shared->error);
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigtimedwait(&set, NULL, &moment);
	take_stops(c);
	if (error == -ENOTSUP)
		c->problem = bench_not_available;
	else if (error != 0)
		c->problem = strerror(-error);
	else if (c->ended && c->wstatus != 0)
		c->problem = "the watching process crashed";
	else if (bench_now_ns() > c->deadline_ns)
		c->problem = "it takes too long";

	return c->problem == NULL;
}

static void
await_count(struct control *c, const _Atomic uint32_t *counter, uint32_t want)
{
	while (atomic_load(counter) < want && nap(c))
		continue;
}

/* Until all threads sleep; gives how often they went to sleep so far. */
static uint64_t
settle(struct control *c)
{
	uint64_t voluntary = 0, before, after;

	do {
		if (bench_threads_asleep(&c->threads, &voluntary, &before) &&
		    bench_threads_asleep(&c->threads, &voluntary, &after) &&
		    before == after)
			break;
	} while (nap(c));

	return voluntary;
}

static void
await_states(struct control *c, uint32_t n, char state)
{
	const struct bench_child *children = c->shared->children;
	uint32_t i;

	for (i = 0; i < n && c->problem == NULL; i++) {
		while (bench_state_of(children[i].pid) != state && nap(c))
			continue;
	}
}

static void
set_phase(struct control *c, enum bench_phase phase)
{
	atomic_store(&c->shared->phase, phase);
	(void)syscall(SYS_futex, &c->shared->phase, FUTEX_WAKE, INT_MAX, NULL,
	    NULL, 0);
}

/* Measuring */

static struct meter
read_meter(struct control *c)
{
	struct timespec cpu = { 0 };
	struct meter meter = { 0 };
	clockid_t clock;

	meter.wakes = settle(c);
	if (clock_getcpuclockid(c->watcher, &clock) == 0)
		(void)clock_gettime(clock, &cpu);
	meter.cpu_ns = (int64_t)cpu.tv_sec * 1000000000 + cpu.tv_nsec;
	meter.calls = bench_trace_keep();
	meter.now_ns = bench_now_ns();

	return meter;
}

/* One at a time: the next when the watcher has gone back to sleep. */
static void
kill_some(struct control *c)
{
	const struct bench_plan *plan = &c->shared->plan;
	struct bench_child *child;
	int64_t killed_ns;
	uint32_t i;

	for (i = 0; i < plan->deaths && c->problem == NULL; i++) {
		child =
		    &c->shared->children[i * (plan->children / plan->deaths)];
		killed_ns = bench_now_ns();
		(void)kill(child->pid, SIGKILL);
		await_count(c, &child->n_ended, 1);
		c->latencies[i] = child->ended_ns - killed_ns;
		(void)settle(c);
	}
}

static void
act(struct control *c, int gate)
{
	switch (c->shared->plan.style) {
	case BENCH_STORM:
		(void)close(gate);
		break;
	case BENCH_LATE:
	case BENCH_SPAWN:
		set_phase(c, BENCH_GO);
		break;
	case BENCH_TRICKLE:
		kill_some(c);
		break;
	}
	await_count(c, &c->shared->n_ended, c->shared->plan.deaths);
}

static int
compare(const void *left, const void *right)
{
	const int64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static int64_t
median_latency(struct control *c)
{
	uint32_t n = c->shared->plan.deaths;

	if (c->shared->plan.style != BENCH_TRICKLE)
		return 0;
	qsort(c->latencies, n, sizeof(int64_t), compare);

	return c->latencies[n / 2];
}

static int64_t
last_callback_ns(const struct bench_shared *shared)
{
	int64_t last = 0;
	uint32_t i;

	for (i = 0; i < shared->n_children; i++) {
		if (shared->children[i].ended_ns > last)
			last = shared->children[i].ended_ns;
	}

	return last;
}

static void
measure(struct control *c, int gate, struct bench_result *result)
{
	struct meter begin, end;

	bench_trace_reset();
	begin = read_meter(c);
	if (c->problem == NULL)
		act(c, gate);
	end = read_meter(c);
	result->deaths = c->shared->plan.deaths;
	result->cpu_ns = end.cpu_ns - begin.cpu_ns;
	result->life_ns = result->cpu_ns + atomic_load(&c->shared->children_ns);
	result->wall_ns = last_callback_ns(c->shared) - begin.now_ns;
	result->wakes = end.wakes - begin.wakes;
	result->calls = end.calls - begin.calls;
	result->latency_ns = median_latency(c);
}

/* Before and after */

static void
prepare(struct control *c, int gate)
{
	struct bench_shared *shared = c->shared;
	enum bench_style style = shared->plan.style;

	await_count(c, &shared->n_ready, shared->plan.contexts);
	if (c->problem == NULL &&
	    bench_threads_open(&c->threads, c->watcher) < 0)
		c->problem = "no /proc";
	if (style != BENCH_SPAWN)
		await_states(c, shared->n_children, 'S');
	if (style == BENCH_LATE) {
		(void)close(gate);
		await_states(c, shared->plan.children, 'Z');
	}
	if (c->problem == NULL && c->count &&
	    bench_trace_begin(&c->threads) < 0)
		c->problem = "it may not be traced";
	(void)settle(c);
}

/* The survivors end, and with them the watcher. */
static void
finish(struct control *c, const int gates[2])
{
	if (c->shared->plan.style == BENCH_TRICKLE)
		(void)close(gates[0]);
	(void)close(gates[1]);
	set_phase(c, BENCH_FINISH);
	while (!c->ended && nap(c))
		continue;
	if (!c->ended) {
		(void)kill(c->watcher, SIGKILL);
		while (waitpid(c->watcher, &c->wstatus, __WALL) == c->watcher &&
		    WIFSTOPPED(c->wstatus))
			continue;
	}
}

static const char *
verify(const struct bench_shared *shared)
{
	uint32_t i;

	if (atomic_load(&shared->n_wrong) != 0)
		return "a callback with a wrong pid, status or thread";
	for (i = 0; i < shared->n_children; i++) {
		if (atomic_load(&shared->children[i].n_ended) != 1)
			return "a callback is missing or doubled";
	}

	return NULL;
}

const char *
bench_control(struct bench_shared *shared, pid_t watcher, const int gates[2],
    bool count, struct bench_result *result)
{
	struct control c = {
		.shared = shared,
		.watcher = watcher,
		.count = count,
		.deadline_ns = bench_now_ns() + PATIENCE_NS,
	};

	c.latencies = calloc(shared->plan.deaths, sizeof(int64_t));
	if (c.latencies == NULL)
		return "no memory";
	prepare(&c, gates[0]);
	if (c.problem == NULL)
		measure(&c, gates[0], result);
	finish(&c, gates);
	bench_threads_close(&c.threads);
	free(c.latencies);

	return c.problem != NULL ? c.problem : verify(shared);
}
