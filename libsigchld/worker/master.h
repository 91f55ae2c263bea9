/* master.h - masters from inside; see master.c */
#ifndef SIGCHLD_WORKER_MASTER_H
#define SIGCHLD_WORKER_MASTER_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <sigchld/master.h>

#include "worker/carry.h"
#include "worker/control.h"
#include "worker/herald.h"
#include "worker/intake.h"
#include "worker/launch.h"
#include "worker/pace.h"
#include "worker/part.h"
#include "worker/wire.h"

/*
 *	I	immutable once it is there
 *	C	its context's lock
 */

struct sigchld_master;
struct sigchld__crew;

/* Something that on_event is told of. What the notice is a part of is what it
 * tells of. */
struct sigchld__news {
	struct sigchld__notice notice;    /* [C] */
	struct sigchld_master_event what; /* [C] */
	struct sigchld__crew *last;       /* [C] it goes when this was told */
};

struct sigchld__query {
	struct sigchld__notice notice;     /* [C] it is answered */
	struct sigchld__timer limit;       /* [C] */
	struct sigchld__query *next, **at; /* [C] of its worker */
	struct sigchld_master *master;     /* [I] */
	struct sigchld__crew *crew;        /* [C] until it is over */
	uint64_t id;                       /* [I] */
	pid_t pid;                         /* [I] */
	sigchld_answer_fn *on_answer;      /* [I] */
	void *user;                        /* [I] */
	int rc, status;                    /* [C] */
	void *data;                        /* [C] */
	size_t len;                        /* [C] */
};

/* Which of them it is. */
enum {
	SIGCHLD__INCOMING, /* of a generation that is not ready yet */
	SIGCHLD__CURRENT,
	SIGCHLD__FORMER,
};

/* The steps of an end that the master wants. */
enum {
	SIGCHLD__REMAINS,
	SIGCHLD__FINISHES, /* finish_signal */
	SIGCHLD__STOPS,    /* stop_signal */
	SIGCHLD__KILLED_BY_US,
};

/* A worker, seen by its master. */
struct sigchld__crew {
	struct sigchld_master *master;    /* [I] */
	struct sigchld__crew *next, **at; /* [C] all of the master */
	uint32_t slot, generation;        /* [I] */
	int finish_signal, stop_signal;   /* [I] of who forked it */
	uint32_t standing;                /* [C] INCOMING .. */
	uint32_t step;                    /* [C] REMAINS .. */
	uint64_t sent;    /* [C] signals of its steps: bit n - 1 is n */
	uint32_t reloads; /* [C] */
	bool ready;       /* [C] */
	bool ended;       /* [C] */
	bool dismissed; /* [C] of a generation that failed: it counts no more */
	bool mute;      /* [C] its channel is at its end */
	bool execs;     /* [C] that end means that another program runs */
	struct sigchld_child *child;      /* [C] NULL: not forked, or reaped */
	pid_t pid;                        /* [C] */
	uint64_t started;                 /* [C] see sys_exec.h */
	int64_t forked_ms;                /* [C] */
	int channel;                      /* [C] the descriptor, or -1 */
	struct sigchld_fdref channel_ref; /* [C] */
	struct sigchld_fdref leash_ref;   /* [C] generation 0: none */
	struct sigchld_fdref theirs[2];   /* [C] until it is forked */
	struct sigchld__timer boot;       /* [C] */
	struct sigchld__timer leave;      /* [C] the next step */
	struct sigchld__query *queries;   /* [C] under way */
	unsigned int n_queries;           /* [C] */
	struct sigchld__news forked, readied, left; /* [C] */
	char said[SIGCHLD__CARRY_SAID];             /* [C] */
};

/* A place for a current worker, and for the one that is to take it. */
struct sigchld__berth {
	struct sigchld__crew *crew;      /* [C] */
	struct sigchld__crew *incoming;  /* [C] */
	struct sigchld__backoff backoff; /* [C] */
	int64_t not_before;              /* [C] ms */
	bool vacant;                     /* [C] it is not to be filled again */
};

struct sigchld__named {
	struct sigchld__named *next;
	char name[SIGCHLD__CARRY_NAME];
	int fd;
	bool asked; /* for: else it is closed when the workers were forked */
};

/* What is done about stopping. */
enum {
	SIGCHLD__RUNS,
	SIGCHLD__DRAINS, /* they finish */
	SIGCHLD__ENDS,   /* they go */
};

struct sigchld_master {
	struct sigchld__part part;
	struct sigchld_master_options o; /* [I] */
	char name[16];                   /* [I] */
	int *fds;                        /* [I] */
	struct sigchld__launch launch;   /* [I] */
	struct sigchld__herald herald;
	struct sigchld__control control;
	struct sigchld__intake intake;     /* [C] */
	struct sigchld_fdref pipe_refs[2]; /* [C] its pipe's */
	uint64_t mask; /* [I] of signals, before the first program; carry.h */

	struct sigchld__crew *crew;    /* [C] all that were not reaped */
	uint32_t n_crew;               /* [C] */
	struct sigchld__berth *berths; /* [C] as many as are wanted, at least */
	uint32_t n_berths;             /* [C] */
	uint32_t workers;              /* [C] wanted */
	uint32_t settled;              /* [C] ... by those who are current */
	uint32_t generation;           /* [C] of those that are forked now */
	struct sigchld__named *named;  /* [C] */
	uint64_t last_query;           /* [C] */

	bool turning;      /* [C] a generation comes in; see turn.c */
	bool by_exec;      /* [C] it is that of a reload */
	bool opened;       /* [C] one was ready, in this program or before */
	bool wants_reload; /* [C] */
	bool wants_roll;   /* [C] */
	bool bereft;       /* [C] a current one ended badly meanwhile */
	bool no_forks;     /* [C] nobody knows how: see guard.c */
	uint32_t stop;     /* [C] RUNS .. */
	bool all_left;     /* [C] and that was told, or will be */
	int result;        /* [C] of the first that ended badly; or 0 */
	uint32_t failures; /* [C] lives in a row */

	struct sigchld__timer fork_timer; /* [C] */
	struct sigchld__news unforked, ready, reloaded, failed, refused,
	    stopping, alone, distrusted;   /* [C] */
	struct sigchld_master_stats stats; /* [C] those that are counted */
	int64_t began_ms;                  /* [I] the first program */
};

#define SIGCHLD__MASTER_OF(part_, field) \
	((struct sigchld_master *)(void \
		*)((char *)(part_)-offsetof(struct sigchld_master, field)))
#define SIGCHLD__CREW_OF(part_, field) \
	((struct sigchld__crew *)(void \
		*)((char *)(part_)-offsetof(struct sigchld__crew, field)))

/* All that follows: with C, unless it says otherwise. */

/* manner.c: no lock: what is asked for, with defaults. */
void sigchld__manner_defaults(struct sigchld_master_options *o);
int sigchld__manner_read(struct sigchld_master_options *ret_options,
    const struct sigchld_master_options *options);

/* master.c */
int sigchld__master_lock(struct sigchld_master *master);
void sigchld__master_unlock(struct sigchld_master *master);
int sigchld__master_make(struct sigchld_ctx *ctx,
    struct sigchld_master **ret_master,
    const struct sigchld_master_options *o); /* read: manner.c */

/* tell.c */
void sigchld__news(struct sigchld_master *master, struct sigchld__news *news,
    uint32_t what);
void sigchld__news_of(struct sigchld__crew *crew, struct sigchld__news *news,
    uint32_t what);
void sigchld__tell_news(struct sigchld__run *run, struct sigchld__part *part,
    struct sigchld__notice *notice);
bool sigchld__news_forget(struct sigchld__notice *notice);
bool sigchld__tell_now(struct sigchld__run *run, struct sigchld_master *master,
    uint32_t what);

/* crew.c */

/* Fork one for this slot. Drops C. Gives its pid, or -errno; -ESHUTDOWN: the
 * master was closed meanwhile. */
pid_t sigchld__crew_fork(struct sigchld__run *run,
    struct sigchld_master *master, uint32_t slot, uint32_t standing);
void sigchld__crew_close(struct sigchld__crew *crew);
void sigchld__crew_mute(struct sigchld__crew *crew);

/* Its ends stay open, as they were before us. Under the no-fork lock. */
void sigchld__crew_let_go(struct sigchld__crew *crew);

/* Its ends are the table's from now on, or closed. Under the no-fork lock; leash
 * may be -1. */
int sigchld__crew_own(struct sigchld__crew *crew, int channel, int leash);
int sigchld__crew_own_leash(struct sigchld__crew *crew, int leash);
void sigchld__crew_free(struct sigchld__crew *crew);
struct sigchld__crew *sigchld__crew_new(struct sigchld_master *master,
    uint32_t slot, uint32_t standing);
void sigchld__crew_join(struct sigchld__crew *crew);
void sigchld__crew_part(struct sigchld__crew *crew);
void sigchld__crew_vacate(struct sigchld__crew *crew);
struct sigchld__crew *sigchld__crew_find(struct sigchld_master *master,
    pid_t pid);
int sigchld__berths_make(struct sigchld_master *master, uint32_t n);

/* hear_crew.c */
bool sigchld__crew_hear(struct sigchld__crew *crew);
void sigchld__crew_ready(struct sigchld_ctx *ctx, void *crew);

/* part_crew.c: it has ended. */
void sigchld__crew_ended(struct sigchld_child *child,
    const struct sigchld_event *event, void *crew);

/* send_off.c: they are to go. */
void sigchld__crew_finish(struct sigchld__crew *crew);

/* Before us: the step, and when the next is due. */
void sigchld__crew_was_told(struct sigchld__crew *crew, uint32_t step,
    int64_t at);
void sigchld__crew_stop(struct sigchld__crew *crew, int sig,
    uint32_t ms); /* 0: its own */
void sigchld__crew_kill(struct sigchld__crew *crew);
void sigchld__crew_leave_due(struct sigchld__run *run,
    struct sigchld__timer *timer);
void sigchld__master_stop(struct sigchld_master *master, uint32_t how, int sig);

/* turn.c: one generation after another. */
void sigchld__turn_begin(struct sigchld_master *master, bool by_exec);
void sigchld__turn_look(struct sigchld_master *master);
void sigchld__turn_fail(struct sigchld_master *master, int status, int error);
void sigchld__crew_dismiss(struct sigchld__crew *crew);
bool sigchld__is_first_try(const struct sigchld_master *master);
void sigchld__crew_boot_due(struct sigchld__run *run,
    struct sigchld__timer *timer);

/* muster.c: who is to be forked. */
void sigchld__master_plan(struct sigchld__run *run, struct sigchld__part *part);
void sigchld__muster_due(struct sigchld__run *run,
    struct sigchld__timer *timer);

/* orders.c: what signals ask for; and others. */
void sigchld__orders_take(struct sigchld_master *master);
int sigchld__orders_reload(struct sigchld_master *master);
int sigchld__orders_roll(struct sigchld_master *master);
int sigchld__orders_resize(struct sigchld_master *master, uint32_t workers);

/* look_crew.c: how it stands; and one of them, with a copy of what it said. */
struct sigchld_master_stats sigchld__master_look(const struct sigchld_master
	*master);
struct sigchld_crew_info sigchld__crew_look(const struct sigchld__crew *crew,
    char said[SIGCHLD__CARRY_SAID]);

/* reload.c */

void sigchld__reload_failed(struct sigchld_master *master); /* counted */

/* Which file is this? No lock. */
void sigchld__note_file(int fd, struct sigchld__carry_file *file);
void sigchld__reload(struct sigchld__run *run, struct sigchld_master *master);

/* adopt.c, without C: what the program before us left, if there was one. And: that
 * very file, a socket or none, close-on-exec from now on; -1: it is not. */
int sigchld__adopt_file(const struct sigchld__carry_file *file, bool socket);
void sigchld__adopt(struct sigchld_master *master);

/* Before main(): what is ours in it is close-on-exec again. */
void sigchld__adopt_seal(const char *state, size_t len);

/* kept.c */
void sigchld__named_close_unasked(struct sigchld_master *master);
void sigchld__named_free(struct sigchld_master *master);
void sigchld__named_let_go(struct sigchld_master *master); /* stay open */
void sigchld__named_activated(struct sigchld_master *master);
int sigchld__named_add(struct sigchld_master *master, const char *name, int fd,
    bool asked);

/* query.c: as sigchld_master_query. */
int sigchld__query(struct sigchld_master *master, pid_t pid, const void *query,
    size_t len, uint32_t timeout_ms, sigchld_answer_fn *on_answer, void *user);
void sigchld__queries_end(struct sigchld__crew *crew, int rc);

/* If the notice is of one: tell that it is cancelled. False: this is a forked child
 * now. */
bool sigchld__query_cancelled(struct sigchld__notice *notice);
void sigchld__query_answered(struct sigchld__crew *crew,
    const struct sigchld__wire *wire);

/* hatch_crew.c: from fork to the hooks. */
struct sigchld__kept;
_Noreturn void sigchld__crew_hatch(struct sigchld__crew *crew,
    struct sigchld__kept *kept);

/* role.c: who is this? No lock. */
void sigchld__role_worker(uint32_t slot);
bool sigchld__role_claim(void); /* to be the master; false: somebody is */
void sigchld__role_leave(void);

/* guard.c: what was in the environment before main(), if this is a reload; it is
 * the guard's until done. 1; 0: it is not; -errno: it is, but of no use. */
bool sigchld__guard_is_reload(void);
int sigchld__guard_state(const char **ret_state, size_t *ret_len);
void sigchld__guard_watch(struct sigchld_master *master); /* it is this one */

/* It is free. True: it never worked, so what it was given is the guard's again. */
bool sigchld__guard_release(struct sigchld_master *master);

/* When main() began: the mask of signals, and the children. */
uint64_t sigchld__guard_mask(void);
struct sigchld__pids;
const struct sigchld__pids *sigchld__guard_children(void);
void sigchld__guard_done(void); /* it works: none is needed any more */

#endif
