/*
 * watcher.c - the process that is measured
 *
 * One context runs on the main thread, several on a thread each.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define IN_FLIGHT 32

int64_t
bench_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);

	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void
fail(struct bench_loop *loop, int error)
{
	int none = 0;

	(void)atomic_compare_exchange_strong(&loop->shared->error, &none,
	    error);
	loop->left = 0;
}

static void
await_phase(struct bench_shared *shared, enum bench_phase wanted)
{
	uint32_t phase;

	while ((phase = atomic_load(&shared->phase)) < wanted)
		(void)syscall(SYS_futex, &shared->phase, FUTEX_WAIT, phase,
		    NULL, NULL, 0);
}

/* Callbacks */

static int
start(struct bench_child *child)
{
	return bench_mechanism.flags & BENCH_STARTS ? 0 : bench_start(child);
}

static int
start_and_watch(struct bench_loop *loop, struct bench_child *child)
{
	int rc;

	if (bench_mechanism.spawn != NULL)
		return bench_mechanism.spawn(loop, child);
	rc = start(child);

	return rc < 0 ? rc : bench_mechanism.watch(loop, child);
}

static void
start_next(struct bench_loop *loop)
{
	struct bench_shared *shared = loop->shared;
	uint32_t next = atomic_fetch_add(&shared->next, 1);
	int rc;

	if (next >= shared->n_children)
		return;
	rc = start_and_watch(loop, &shared->children[next]);
	if (rc < 0)
		fail(loop, rc);
}

void
bench_ended(struct bench_loop *loop, struct bench_child *child, pid_t pid,
    int wstatus)
{
	struct bench_shared *shared = loop->shared;

	child->ended_ns = bench_now_ns();
	if (child->pid != pid || child->wstatus != wstatus ||
	    child->loop != loop->number ||
	    !pthread_equal(pthread_self(), loop->thread) ||
	    atomic_fetch_add(&child->n_ended, 1) != 0)
		atomic_fetch_add(&shared->n_wrong, 1);
	if (loop->left > 0)
		loop->left--;
	if (shared->plan.style == BENCH_SPAWN)
		start_next(loop);
	atomic_fetch_add(&shared->n_ended, 1);
}

/* Loops */

static int
for_each_child(struct bench_loop *loop,
    int (*fn)(struct bench_loop *loop, struct bench_child *child))
{
	struct bench_shared *shared = loop->shared;
	uint32_t i;
	int rc = 0;

	for (i = 0; i < shared->n_children && rc == 0; i++) {
		if (shared->children[i].loop == loop->number)
			rc = fn(loop, &shared->children[i]);
	}

	return rc;
}

static int
start_one(struct bench_loop *loop, struct bench_child *child)
{
	loop->left++;

	return start(child);
}

/* First all are started, which is slow when many descriptors are open. */
static int
start_all(struct bench_loop *loop)
{
	int rc;

	if (loop->shared->plan.style == BENCH_SPAWN) {
		loop->left = loop->shared->n_children;
		return 0;
	}
	rc = for_each_child(loop, start_one);

	return rc < 0 ? rc : for_each_child(loop, bench_mechanism.watch);
}

/* All of them were waited for. */
static int64_t
children_cpu_ns(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_CHILDREN, &usage);

	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) *
	    INT64_C(1000000000) +
	    (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * INT64_C(1000);
}

static int
run_loop(struct bench_loop *loop)
{
	enum bench_style style = loop->shared->plan.style;
	int i;

	if (style == BENCH_LATE || style == BENCH_SPAWN)
		await_phase(loop->shared, BENCH_GO);
	for (i = 0; i < IN_FLIGHT && style == BENCH_SPAWN; i++)
		start_next(loop);

	return loop->left > 0 ? bench_mechanism.run(loop) : 0;
}

static void *
loop_main(void *argument)
{
	struct bench_loop *loop = argument;
	int rc;

	loop->thread = pthread_self();
	rc = bench_mechanism.open(loop);
	if (rc == 0)
		rc = start_all(loop);
	if (rc < 0)
		fail(loop, rc);
	atomic_fetch_add(&loop->shared->n_ready, 1);
	rc = rc == 0 ? run_loop(loop) : 0;
	if (rc < 0)
		fail(loop, rc);
	if (loop->shared->plan.style == BENCH_SPAWN)
		atomic_store(&loop->shared->children_ns, children_cpu_ns());
	await_phase(loop->shared, BENCH_FINISH);
	if (atomic_load(&loop->shared->error) == 0)
		bench_mechanism.close(loop);

	return NULL;
}

static void
run_threads(struct bench_loop *loops, uint32_t n)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; i < n && rc == 0; i++) {
		rc = pthread_create(&loops[i].thread, NULL, loop_main,
		    &loops[i]);
		if (rc != 0)
			fail(&loops[i], -rc);
	}
	for (i = 0; i < n && rc == 0; i++)
		(void)pthread_join(loops[i].thread, NULL);
}

/* What it is before it begins. Small pages: what a heap that grew bit by bit
 * has, and what makes a fork slow. */

static int
touch_memory(uint32_t mib)
{
	size_t size = (size_t)mib << 20;
	void *heap;

	if (size == 0)
		return 0;
	heap = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (heap == MAP_FAILED)
		return -errno;
	(void)madvise(heap, size, MADV_NOHUGEPAGE);
	(void)memset(heap, 1, size);

	return 0;
}

static int
open_descriptors(uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
			return -errno;
	}

	return 0;
}

int
bench_watch(struct bench_shared *shared)
{
	static struct bench_loop loops[BENCH_CONTEXTS];
	uint32_t i;
	int rc;

	for (i = 0; i < shared->plan.contexts; i++) {
		loops[i].shared = shared;
		loops[i].number = i;
	}
	rc = touch_memory(shared->plan.heap_mib);
	if (rc == 0)
		rc = open_descriptors(shared->plan.fds);
	if (rc < 0)
		fail(&loops[0], rc);
	else if (shared->plan.contexts == 1)
		(void)loop_main(&loops[0]);
	else
		run_threads(loops, shared->plan.contexts);

	return atomic_load(&shared->error) == 0 ? 0 : 1;
}
