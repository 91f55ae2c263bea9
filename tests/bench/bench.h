/*
 * bench.h - what the parts of a benchmark program have in common
 *
 * There is one program for each mechanism, and each run of it is one
 * measurement of one workload. It is two processes:
 *
 *	controller			watcher (the process that is measured)
 *
 *	forks it			opens its loops, one for each thread
 *	awaits that all sleep		starts and watches children, sleeps
 *	reads its counters
 *	closes the gate, or kills	calls back
 *	awaits that all sleep again
 *	reads its counters
 *
 * So what is measured is what the watcher alone used, from a moment at which
 * all of its threads slept to the next such moment, and neither the start of the
 * children nor the measuring is in it. Both share struct bench_shared. Each
 * context has a child more than the workload says, the keeper, which outlives
 * the measurement, so that no loop ends within it.
 */
#ifndef BENCH_H
#define BENCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_CONTEXTS 64
#define BENCH_CHILDREN (4000 + BENCH_CONTEXTS)

/* Workloads */

enum bench_style {
	BENCH_STORM,   /* all children die at the same moment */
	BENCH_LATE,    /* all are dead before the loop is run */
	BENCH_TRICKLE, /* some are killed, one at a time */
	BENCH_SPAWN /* programs that end at once, started from the callbacks */
};

struct bench_plan {
	const char *name;
	enum bench_style style;
	uint32_t contexts;
	uint32_t children; /* in all, without the keepers */
	uint32_t deaths;   /* of them, within the measurement */
	uint32_t heap_mib; /* what the watcher has touched before */
	uint32_t fds;      /* what it has open besides */
};

const struct bench_plan *bench_plan_find(const char *name);
void bench_plan_list(void);

/* What both processes see */

struct bench_child {
	pid_t pid;
	int gate;    /* its standard input, which it reads to the end; or -1 */
	int wstatus; /* as it must end */
	uint32_t loop; /* its number */
	int fd;        /* the mechanism's */
	_Atomic uint32_t n_ended;
	int64_t ended_ns; /* when it was called back for */
};

enum bench_phase {
	BENCH_PREPARE,
	BENCH_GO,    /* run the loops; that of a storm is running already */
	BENCH_FINISH /* leave */
};

struct bench_shared {
	struct bench_plan plan;
	_Atomic uint32_t phase; /* enum bench_phase; a futex */
	_Atomic uint32_t n_ready;
	_Atomic uint32_t n_ended;
	_Atomic uint32_t
	    n_wrong;           /* callbacks with a wrong pid, status, thread */
	_Atomic int error;     /* -errno of the first call that failed */
	_Atomic uint32_t next; /* BENCH_SPAWN: the next to start, */
	_Atomic int64_t children_ns; /* and the CPU time of those that ended */
	uint32_t n_children;         /* with the keepers, which are the last */
	int gates[2]; /* to read: of the children, of the keepers */
	struct bench_child children[BENCH_CHILDREN];
};

/* Mechanisms: each is one source file */

struct bench_loop {
	struct bench_shared *shared;
	pthread_t thread;
	uint32_t number;
	uint32_t
	    left;    /* how many are still to end; 0 too if something failed */
	void *state; /* the mechanism's */
};

#define BENCH_FORKS    0x1u /* starts programs by a fork: fewer of them */
#define BENCH_ONE_LOOP 0x2u /* there can be one context in a process */
#define BENCH_STARTS   0x4u /* watches what it has started, nothing else */

/* int: zero, or -errno; -ENOTSUP is: not available here. */
struct bench_mechanism {
	uint32_t flags;
	int (*setup)(const char *variant); /* before there are threads */
	int (*open)(struct bench_loop *loop);
	/* Watch a child that was started; with BENCH_STARTS, start it, too. */
	int (*watch)(struct bench_loop *loop, struct bench_child *child);
	/* Start and watch, by its own way to start a program; NULL: none. */
	int (*spawn)(struct bench_loop *loop, struct bench_child *child);
	int (*run)(struct bench_loop *loop); /* until loop->left is 0 */
	void (*close)(struct bench_loop *loop);
};

extern const struct bench_mechanism bench_mechanism;

/* For mechanisms */

extern const char *bench_program; /* the program that children run */

struct bench_argv {
	char status[12];
	char *argv[4];
};
char **bench_argv(struct bench_argv *argv, const struct bench_child *child);

/* posix_spawn with all signals reset and an empty mask; sets child->pid. */
int bench_start(struct bench_child *child);

/* What every callback comes to. It may start another child. */
void bench_ended(struct bench_loop *loop, struct bench_child *child, pid_t pid,
    int wstatus);

/* The pid's child, if only the pid is known. */
void bench_remember(struct bench_child *child);
struct bench_child *bench_recall(pid_t pid);

/* Between the two processes */

int64_t bench_now_ns(void);
int bench_watch(struct bench_shared *shared); /* the watcher; its exit status */

struct bench_result {
	uint32_t deaths;
	int64_t cpu_ns;     /* of the watcher */
	int64_t life_ns;    /* BENCH_SPAWN: and of the children */
	int64_t wall_ns;    /* to the last callback */
	int64_t latency_ns; /* the median */
	uint64_t wakes;     /* voluntary context switches */
	uint64_t calls;     /* system calls, if they were counted */
};

/* NULL, or why the run is void; NOT_AVAILABLE. */
extern const char bench_not_available[];
const char *bench_control(struct bench_shared *shared, pid_t watcher,
    const int gates[2], bool count, struct bench_result *result);

/* The threads of the watcher, as /proc shows them */

struct bench_threads {
	int n;
	pid_t tids[BENCH_CONTEXTS + 8];
	int fds[BENCH_CONTEXTS + 8];
};
int bench_threads_open(struct bench_threads *threads, pid_t pid);
void bench_threads_close(struct bench_threads *threads);
/* Do all sleep, and how often did they go to sleep, and leave the CPU? */
bool bench_threads_asleep(const struct bench_threads *threads,
    uint64_t *ret_voluntary, uint64_t *ret_all);
/* 'S', 'Z', ...; 0 if there is no such process. */
char bench_state_of(pid_t pid);

/* Its system calls, by ptrace; SIGCHLD tells the controller of a stop */

int bench_trace_begin(const struct bench_threads *threads);
void bench_trace_stopped(pid_t tid, int wstatus);
void bench_trace_reset(void);
uint64_t bench_trace_keep(void); /* the sum so far, for bench_trace_print */
void bench_trace_print(uint32_t deaths); /* words such as waitid:2.00 */

#endif
