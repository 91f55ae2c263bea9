/* herald.h - the world outside is told how a master is; see herald.c */
#ifndef SIGCHLD_WORKER_HERALD_H
#define SIGCHLD_WORKER_HERALD_H

#include <stdbool.h>
#include <stdint.h>

#include <sigchld/fd.h>

#include "core/timer.h"
#include "worker/notify.h"

enum sigchld__herald_word {
	SIGCHLD__HERALD_NOTHING,
	SIGCHLD__HERALD_READY,
	SIGCHLD__HERALD_RELOADING,
	SIGCHLD__HERALD_FAILED,
	SIGCHLD__HERALD_STOPPING,
};

struct sigchld__herald {
	struct sigchld__notify notify;   /* [C] */
	struct sigchld_fdref notify_ref; /* [C] */
	struct sigchld__timer again;     /* [C] */
	uint32_t unsaid;                 /* [C] the word that did not get out */
	char *pid_file;                  /* [I] or NULL */
	bool wrote;                      /* [C] it says who we are */
	bool stale;                      /* [C] other workers than it says */
};

struct sigchld_master;

/* Before the environment is copied. -errno: nothing was begun. */
int sigchld__herald_begin(struct sigchld_master *master, const char *pid_file);
void sigchld__herald_end(struct sigchld_master *master); /* with C */
void sigchld__herald_abandon(struct sigchld_master *master);

/* All with C. Say it, now or as soon as somebody hears. */
void sigchld__herald_say(struct sigchld_master *master, uint32_t word);

/* Nobody is left: the file goes. */
void sigchld__herald_alone(struct sigchld_master *master);

/* At the end of a work: the file says who the workers are, if it is to. */
void sigchld__herald_workers(struct sigchld_master *master);

/* The launcher, if there is one, may go: with this status; 0: ready. No lock. */
void sigchld__herald_launched(int status);

#endif
