/* engine.h - who makes the child; see engine.c */
#ifndef SIGCHLD_SPAWN_ENGINE_H
#define SIGCHLD_SPAWN_ENGINE_H

#include <stdbool.h>

#include "core/birth.h"
#include "spawn/plan.h"

/* Of a child that shares our memory, a part of our own. A test measures it. */
#define SIGCHLD__CHILD_STACK 4096

struct sigchld__start {
	struct sigchld__birth birth; /* first: make is given this */
	struct sigchld__plan plan;
};

/* The make of a birth that is in a start. */
pid_t sigchld__engine_make(struct sigchld__birth *birth);

/* Can a descriptor table be shared, and then unshared? Else no landing slots are
 * of use. */
bool sigchld__engine_shares(const struct sigchld__plan *plan);

/* For tests: use this one from now on, or what the system allows again, which
 * is then asked anew. */
enum sigchld__engine {
	SIGCHLD__ENGINE_ANY,
	SIGCHLD__ENGINE_SHARE, /* memory and table, unprobed */
	SIGCHLD__ENGINE_COPY,  /* of both */
	SIGCHLD__ENGINE_FORK,  /* by fork(2) */
};
void sigchld__engine_force(enum sigchld__engine engine);

/* forked.c: make it by the context's fork, or fork(2). */
pid_t sigchld__forked_make(struct sigchld__start *start);

/* probe.c: does the kernel do what sharing needs? Asked once. */
enum sigchld__probe {
	SIGCHLD__PROBE_GOOD,
	SIGCHLD__PROBE_BAD,
	SIGCHLD__PROBE_UNKNOWN, /* it could not be tried just now */
};
enum sigchld__probe sigchld__probe(void);

#endif
