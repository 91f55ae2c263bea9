/*
 * report.h - what the pool tells of its workers
 */
#ifndef PREFORK_REPORT_H
#define PREFORK_REPORT_H

#include <sigchld/pool.h>
#include <stddef.h>

enum {
	REPORT_ENDS = 16,
	REPORT_STATUS = 32
};

/* The last ends; the n-th is in ends[n % REPORT_ENDS]. */
struct report {
	struct report_end {
		struct sigchld_worker_end end;
		int64_t when_ms;
	} ends[REPORT_ENDS];
	uint64_t n;
};

/* The i-th of the last ends, 0 is the last; NULL: there were not so many. */
const struct report_end *report_end_at(const struct report *report, size_t i);

/* How it ended, in words: "exit 3", "signal 9". */
void report_status(char text[REPORT_STATUS],
    const struct sigchld_worker_end *end);

/* Hooks of the pool; the user is the server. */
void report_open(struct sigchld_pool *pool, void *user);
void report_end(struct sigchld_pool *pool, const struct sigchld_worker_end *end,
    void *user);
void report_state(struct sigchld_pool *pool, uint32_t state, void *user);
void report_slow(struct sigchld_pool *pool, uint32_t slot, pid_t pid,
    uint64_t request, uint64_t ms, void *user);
void report_reject(struct sigchld_pool *pool, uint64_t n, void *user);

#endif
