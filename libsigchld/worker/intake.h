/* intake.h - the signals that a master heeds; see intake.c */
#ifndef SIGCHLD_WORKER_INTAKE_H
#define SIGCHLD_WORKER_INTAKE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "async/selfpipe.h"

#define SIGCHLD__KINDS 7

struct sigchld__intake {
	struct sigchld__selfpipe pipe; /* readable: take */
	struct sigaction before[SIGCHLD__KINDS];
	bool caught;
	sigset_t mask; /* of the thread that began, before it did */
};

/* Under the no-fork lock; the pipe is the caller's to close. -EMFILE, -ENFILE. */
int sigchld__intake_open(struct sigchld__intake *intake);

/* Catch them; from now on this thread lets them come. One for each process. */
void sigchld__intake_catch(struct sigchld__intake *intake);

/* Give them their actions back. Suspend: and let none come until somebody catches
 * them again, who finds those that came. */
void sigchld__intake_end(struct sigchld__intake *intake);
void sigchld__intake_suspend(struct sigchld__intake *intake);

/* When they are given back: is no handler at work any more, on no thread? Else the
 * pipe must not be closed. */
bool sigchld__intake_is_quiet(void);
void sigchld__intake_forked(const struct sigchld__intake
	*intake); /* a copy's */

/* Which came since the last time: gives true if this one did. */
bool sigchld__intake_take(struct sigchld__intake *intake, int sig);
void sigchld__intake_drain(struct sigchld__intake *intake);

/* None comes to this thread any more. False: one has come meanwhile, of another
 * kind than this, so undo it and take that first. */
bool sigchld__intake_hold(struct sigchld__intake *intake, int but,
    sigset_t *ret_before);
void sigchld__intake_release(const sigset_t *before);

/* The mask of this thread, as bits: bit n - 1 is signal n: now; as it was before
 * they were caught. And: as that of the first program, but for what main() has
 * changed of it since it began, and for those that are caught. */
uint64_t sigchld__mask_now(void);
uint64_t sigchld__intake_mask(const struct sigchld__intake *intake);
void sigchld__intake_unmask(const struct sigchld__intake *intake,
    uint64_t first, uint64_t began);

/* All of them: for the mask of a worker. */
void sigchld__intake_set(sigset_t *set);

#endif
