/* pace.h - when may the next worker be forked? see pace.c */
#ifndef SIGCHLD_WORKER_PACE_H
#define SIGCHLD_WORKER_PACE_H

#include <stdint.h>

/* Backoff: what a slot, or a pool that cannot fork, waits after a failure. */
struct sigchld__backoff {
	uint32_t first_ms, most_ms; /* doubled from the one to the other */
	uint32_t stable_ms;         /* so long a life forgives; 0: none does */
	uint32_t failures;          /* in a row; stays at UINT32_MAX */
};

/* A life ended badly after so long, or an attempt to begin one failed (0): how
 * long to wait. A life of stable_ms forgives those before it, and needs no wait
 * itself: 0. */
uint32_t sigchld__backoff_failed(struct sigchld__backoff *backoff,
    int64_t lived_ms);

/* Whatever failed before is forgiven. */
void sigchld__backoff_succeeded(struct sigchld__backoff *backoff);

/* Rate: a bucket of tokens, one for each fork. It holds what a second brings,
 * and is full at first: all zero but per_s. */
struct sigchld__rate {
	uint32_t per_s;   /* 0: no limit; may be changed at any time */
	int64_t at_us;    /* the latest time that was seen */
	uint64_t missing; /* then, from a full bucket; 1000000 are a token */
};

/* Take n at this time, or as many as there are: how many (0 to n). */
uint32_t sigchld__rate_take(struct sigchld__rate *rate, uint32_t n,
    int64_t now_us);

/* When there is one: now_us, or the first microsecond after it; at most a
 * second after the latest time that was seen. Stays at INT64_MAX. */
int64_t sigchld__rate_next(const struct sigchld__rate *rate, int64_t now_us);

/* Ramp: 1, 2, 4, .. for as long as more are wanted tick after tick. */
struct sigchld__ramp {
	uint32_t most; /* at a tick; 0: as many as are wanted */
	uint32_t next; /* 0 is 1 */
};

/* So many are wanted at this tick: how many to fork (0 to wanted). */
uint32_t sigchld__ramp_step(struct sigchld__ramp *ramp, uint32_t wanted);

/* Jitter: from 0 to most, each as likely. *state is anything, and changes. A
 * limit that is off has none: the caller's to see to. */
uint32_t sigchld__jitter(uint64_t *state, uint32_t most);

#endif
