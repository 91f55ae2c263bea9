/*
 * deadline.h - P25: a worker that is done at the very moment of its deadline
 *
 * Each try is two requests for one worker: one with a time limit, which it
 * takes about as long to serve as it may, and one without, which it gets when
 * it has served the first in time. So a limit that is enforced too late hits
 * the second.
 *
 *	first	its limit, and about 1 ms to both sides
 *	second	no limit: it must be served, whoever serves it
 */
#ifndef POOL_DEADLINE_H
#define POOL_DEADLINE_H

#include "help2.h"

#define LIMIT_MS 2

static inline UNUSED int64_t
now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* on_request: busy until then. */
static inline UNUSED int
be_done_at(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	const pid_t self = getpid();
	int64_t then;

	(void)user;
	CHILD_MUST(job->len == sizeof(then));
	memcpy(&then, job->data, sizeof(then));
	while (now_ns() < then)
		continue;
	reply_copy(worker, &self, sizeof(self));
	return 0;
}

static inline UNUSED struct asked *
ask_until(struct stage *stage, int64_t then, uint32_t timeout_ms)
{
	const struct sigchld_request with = { .timeout_ms = timeout_ms };
	struct asked *asked = NULL;

	MUST_BE(0, ask_with(stage, &then, sizeof(then), &with, &asked));
	return asked;
}

static inline UNUSED void
try_deadline(struct stage *stage, int64_t off_us)
{
	struct asked *first, *second;

	UNTIL(stage, stats_of_pool(stage).idle == 1);
	first = ask_until(stage,
	    now_ns() + (int64_t)LIMIT_MS * 1000000 + off_us * 1000, LIMIT_MS);
	second = ask_until(stage, 0, SIGCHLD_POOL_NONE);
	UNTIL(stage, first->n_replies == 1 && second->n_replies == 1);
	ck_assert_uint_eq(second->reply.outcome, SIGCHLD_DONE);
	if (first->reply.outcome == SIGCHLD_DONE) {
		ck_assert_int_eq(first->reply.pid, second->reply.pid);
	} else {
		ck_assert_uint_eq(first->reply.outcome, SIGCHLD_TIMEOUT);
		ck_assert_int_ne(first->reply.pid, second->reply.pid);
	}
}

static inline UNUSED void
run_deadlines(int tries)
{
	struct sigchld_pool_options options;
	struct sigchld_pool_stats stats;
	struct stage stage;
	int i;

	no_core_files();
	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_request = be_done_at;
	options.abort_ms = 1;
	stage_play(&stage, &options);
	for (i = 0; i < tries; i++)
		try_deadline(&stage, (i * 7919L) % 3000 - 1500);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	stats = stats_of_pool(&stage);
	ck_assert_uint_eq(stats.outcomes[SIGCHLD_DONE] +
		stats.outcomes[SIGCHLD_TIMEOUT],
	    2 * (uint64_t)tries);
	ck_assert_uint_eq(stats.ends[SIGCHLD_KILLED_TIMEOUT],
	    stats.outcomes[SIGCHLD_TIMEOUT]);
	ck_assert_int_eq(stage.n_ends, (int)stats.outcomes[SIGCHLD_TIMEOUT]);
	stage_close(&stage);
}

#endif
