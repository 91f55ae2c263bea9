/*
 * process.h - a program that was started, and how it ended
 *
 * One of these is kept for every program until the summary, so that nothing has
 * to be believed: each must have had one final event, the right one.
 */
#ifndef TOOLSTACK_PROCESS_H
#define TOOLSTACK_PROCESS_H

#include <pthread.h>
#include <sigchld.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "domains.h"

struct process {
	struct process *next;
	const struct command *command;
	const char *role; /* "device model", "attach helper" ... */
	pthread_t thread; /* that started it, and must hear of its end */
	void *owner;

	int error; /* 0: it runs or ran; else errno says why not */
	struct sigchld_child *child; /* NULL once it has ended */
	pid_t pid;
	bool on_pidfd; /* its death wakes nobody but us */
	bool told_term, told_kill;
	int64_t kill_ms, ended_ms; /* when the grace was over; the end */

	unsigned n_events;  /* final ones; 1 is right */
	unsigned n_foreign; /* of another pid, or on another thread */
	uint32_t what, source;
	int wstatus;
};

/* Starts p->command; -errno, also if it cannot be executed. on_event gets p as
 * its user. */
int process_start(struct process *p, struct sigchld_ctx *ctx,
    sigchld_event_fn *on_event);

/* Tell it and all that it started to end: with grace, or at once. -errno. */
int process_stop(struct process *p, int grace_ms);
int process_kill(struct process *p);

/* To be called by on_event. */
void process_ended(struct process *p, struct sigchld_child *child,
    const struct sigchld_event *event);

/* Did it end, or fail to start, as was known? True also if nobody knew. */
bool process_status_is_true(const struct process *p);

/* Does a status of waitpid(2) say this? */
bool status_is(int wstatus, const struct status *status);

void status_text(char *text, size_t size, int wstatus);

#endif
