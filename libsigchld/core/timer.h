/* timer.h - what the floors above do later; see timer.c */
#ifndef SIGCHLD_CORE_TIMER_H
#define SIGCHLD_CORE_TIMER_H

#include <stdint.h>

struct sigchld__run;
struct sigchld__timer;
struct sigchld_ctx;

/* In a dispatch, with C. It may drop C for a callback, as call.c says, and may
 * set any timer, this one too, and free this one. */
typedef void sigchld__timer_fn(struct sigchld__run *run,
    struct sigchld__timer *timer);

/* A part of what it is for, zeroed but for fn. */
struct sigchld__timer {
	sigchld__timer_fn *fn;               /* [I] */
	int64_t at;                          /* [C] ms; 0: it is not set */
	uint64_t turn;                       /* [C] who was set before us */
	struct sigchld__timer *first, *next; /* [C] below us; beside us */
	struct sigchld__timer **link;        /* [C] what points at us */
};

/* With C: at this time (ms of CLOCK_MONOTONIC), and at no other; one that has
 * passed is in the next dispatch, which is woken for it. 0: not at all. */
void sigchld__timer_set(struct sigchld_ctx *ctx, struct sigchld__timer *timer,
    int64_t at);

/* With C: call those that are due, the first first. Whatever ends a dispatch, end
 * follows. */
void sigchld__timers_due(struct sigchld__run *run);
void sigchld__timers_end(struct sigchld_ctx *ctx);

#endif
