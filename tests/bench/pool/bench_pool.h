/*
 * bench_pool.h - what the programs that measure the pool have in common
 *
 *	bench_pool_server	a pool of ours that serves a socket, to be
 *				watched as the peers are
 *	bench_pool_watch	starts a server, ours or a peer, kills its
 *				workers, and sees from outside how it recovers
 *	bench_pool_dispatch	a request to a worker and back, beside the same
 *				over a bare socketpair
 *
 * What was measured is printed, a line for each sample that ends in KEY VALUE.
 * If anything was not as it must be, the last line is "void REASON" and the
 * exit status is 1: then nothing of that run counts.
 */
#ifndef BENCH_POOL_H
#define BENCH_POOL_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* common.c */

int64_t bench_now_ns(void);
void bench_nap_until(int64_t when_ns);
int bench_cpus(void);             /* that we may use */
void bench_pin(unsigned int nth); /* to the nth of them, if there are so many */
void bench_allow_descriptors(void); /* as many as may be */
_Noreturn void bench_void(const char *format, ...)
    __attribute__((format(printf, 1, 2)));
void bench_sort(int64_t *times, size_t n);

/* What our server tells whoever watches it: what only the parent knows. */
struct bench_page {
	_Atomic uint64_t ready; /* workers that were ready, so far */
	_Atomic int64_t
	    ready_ns; /* when the parent had heard that of the last */
	/* At the end: */
	_Atomic uint64_t spawned, ended, killed;
	_Atomic uint32_t stopped; /* 1: these hold */
};

struct bench_page *bench_page_open(const char *path);

/* proc.c: processes as /proc shows them */

int bench_children_open(pid_t parent);
/* Fills pids, the oldest first, zombies too; gives how many there are, at most
 * `most', or -errno. */
int bench_children(int fd, pid_t *pids, int most);

/* A process, which may come again with the same number; to close. Is there: it
 * was not reaped. */
int bench_hold(pid_t pid);
bool bench_is_there(int held);
pid_t bench_parent(pid_t pid); /* 0: there is no such process */
pid_t bench_newest(void);      /* the last that was forked, by anybody */
bool bench_asleep(pid_t pid);
/* Is it ready? Then it sleeps in a call that waits for clients. */
bool bench_awaits_clients(pid_t pid);

int64_t bench_cpu_ns(pid_t pid);  /* of the process alone */
int64_t bench_tree_ns(pid_t pid); /* with the children that it reaped; coarse */
uint64_t bench_wakes(pid_t pid);  /* voluntary context switches */

struct bench_memory {
	uint64_t pss_kib; /* its share of what it has in common, and: */
	uint64_t own_kib; /* what nobody else has */
};
bool bench_memory_of(pid_t pid, struct bench_memory *ret_memory);

/* Ways to a worker and back: route_raw.c, route_pool.c */

#define BENCH_LARGEST (1u << 20)

struct bench_route {
	const char *name;
	/* Start the worker, on that CPU. 0 or -errno, as of trip. */
	int (*open)(unsigned int cpu);
	/* Send len bytes, take the reply, have it checked; *ret_ns is from
	 * before the sending until the reply is there. */
	int (*trip)(const char *data, size_t len, int64_t *ret_ns);
	void (*close)(void);
};

extern const struct bench_route bench_raw, bench_raw_epoll, bench_ours;

/* The reply to what was sent; what this takes is left out of all figures. 0 or
 * -EBADMSG. */
int bench_check(const char *sent, const void *reply, size_t len, size_t got);

/* calls.c: the system calls of a route, by ptrace */

struct bench_shared_count {
	_Atomic int on; /* between two trips: count from here on, or no more */
};
/* trips() is run in a process of its own, which is traced with all that it
 * starts; it turns shared->on on and off. */
void bench_count(const char *work, const char *name, unsigned int n,
    void (*trips)(struct bench_shared_count *shared, const void *what),
    const void *what);

#endif
