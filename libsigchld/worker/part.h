/* part.h - what lives by a context's dispatch: a pool, a master; see part.c */
#ifndef SIGCHLD_WORKER_PART_H
#define SIGCHLD_WORKER_PART_H

#include <stdbool.h>

#include "core/ctx.h"
#include "core/timer.h"

struct sigchld__part;

/* What is to be told to the application, in a dispatch. */
struct sigchld__notice {
	struct sigchld__notice *next; /* [C] */
	void (*tell)(struct sigchld__run *run, struct sigchld__part *part,
	    struct sigchld__notice *notice); /* [I] */
	bool queued;                         /* [C] */
};

/* What a part is; all with C. */
struct sigchld__part_kind {
	void (*judge)(struct sigchld__part *part); /* how it stands now */
	void (*plan)(struct sigchld__run *run,
	    struct sigchld__part *part);          /* what to do; may drop C */
	void (*free)(struct sigchld__part *part); /* its memory */
};

struct sigchld__part {
	const struct sigchld__part_kind *kind; /* [I] */
	struct sigchld_ctx *ctx;               /* [I] with a reference */
	unsigned int refs;                     /* [C] its user, its work */
	bool closed;                           /* [C] */
	unsigned int in_hook;                  /* [C] callbacks that run */
	struct sigchld__notice *notices, **notices_end; /* [C] */
	struct sigchld__timer work;                     /* [C] */
};

/* Not yet seen by anybody. */
void sigchld__part_init(struct sigchld__part *part,
    const struct sigchld__part_kind *kind, struct sigchld_ctx *ctx);

/* From now on its work is done. -EINVAL: the context is closed. */
int sigchld__part_attach(struct sigchld__part *part);

/* Or -EINVAL: there is none; -EPERM. */
int sigchld__part_lock(struct sigchld__part *part);
void sigchld__part_unlock(struct sigchld__part *part);

/* All that follows: with C. */
void sigchld__part_ref(struct sigchld__part *part);
void sigchld__part_unref(struct sigchld__part *part);

/* It is closed: nothing is told and nothing planned any more. Waits for a hook on
 * another thread, unless this is a callback. */
void sigchld__part_close(struct sigchld__part *part);

/* Something is to be told, or to be planned, in the dispatch that runs or in the
 * next. */
void sigchld__notice(struct sigchld__part *part,
    struct sigchld__notice *notice);
void sigchld__part_poke(struct sigchld__part *part);
void sigchld__part_work(struct sigchld__run *run, struct sigchld__part *part);

/* Take the first; there is one. */
struct sigchld__notice *sigchld__notice_take(struct sigchld__part *part);

/* A callback: C is dropped, and taken again by end, unless this is a forked child
 * then. The part may be closed afterwards. */
struct sigchld__hook {
	struct sigchld__run *run;
	struct sigchld__part *part;
	struct sigchld__call call;
};
void sigchld__hook_begin(struct sigchld__hook *hook);
void sigchld__hook_end(struct sigchld__hook *hook);

#endif
