/*
 * domain.h - a domain: a thread, a context, and the programs it starts
 */
#ifndef TOOLSTACK_DOMAIN_H
#define TOOLSTACK_DOMAIN_H

#include <sigchld.h>
#include <stdbool.h>

#include "domains.h"
#include "process.h"

enum verb {
	START,
	STOP,
	KILL,
	N_VERBS
};

struct domain;

/* What is to be seen of a domain. */
struct view {
	const char *name, *state;
	pid_t pid; /* 0: nothing runs */
	unsigned started, deaths, restarts, limit;
	char last[120]; /* how the last program ended, or why it failed */
	bool idle;      /* off, and nobody has asked for more */
	bool over;      /* its thread is ending */
};

/* Open its context, and then start its thread; -errno. The thread waits for the
 * first request. */
int domain_new(struct domain **ret_domain, const struct config *config,
    const struct sigchld_options *options);
int domain_begin(struct domain *domain);

/* Any thread: ask for something. -EBUSY: too many requests wait already. */
int domain_post(struct domain *domain, enum verb verb);

/* Any thread: stop with grace, and end the thread when all is detached. */
void domain_close(struct domain *domain);

void domain_view(struct domain *domain, struct view *ret_view);

/* Once its view says over: its programs, and what its context says of them. */
const struct process *domain_join(struct domain *domain,
    struct sigchld_stats *ret_stats);
void domain_free(struct domain *domain);

#endif
