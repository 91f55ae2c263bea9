/* control.h - the socket where operators ask a master; see control.c, asker.c */
#ifndef SIGCHLD_WORKER_CONTROL_H
#define SIGCHLD_WORKER_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include <sigchld/fd.h>

#include "core/timer.h"
#include "worker/carry.h"
#include "worker/order.h"
#include "worker/text.h"

struct sigchld_master;

struct sigchld__listener {
	int fd;                         /* or -1: there is none */
	bool made;                      /* by this program */
	struct sigchld_fdref ref;       /* of the table */
	char path[SIGCHLD__CARRY_PATH]; /* absolute */
	uint64_t dev, ino;              /* of the file at that path */
};

/* What somebody waits for. */
enum sigchld__awaits {
	SIGCHLD__AWAITS_NOTHING,
	SIGCHLD__AWAITS_ANSWER, /* of a worker */
	SIGCHLD__AWAITS_ROLL,
	SIGCHLD__AWAITS_RELOAD, /* the next that begins */
	SIGCHLD__AWAITS_END,    /* of the reload that has begun */
};

/* A connection. */
struct sigchld__asker {
	struct sigchld__asker *next, **at; /* [C] */
	struct sigchld_master *master;     /* [I] */
	uintptr_t id;                      /* [I] never two alike */
	int fd;                            /* [I] */
	struct sigchld_fdref ref;          /* [C] */
	uint32_t interest;                 /* [C] that the poller has */
	struct sigchld__timer due;         /* [C] it goes on, or has idled */
	bool woken;                        /* [C] due means that it goes on */
	enum sigchld__awaits awaits;       /* [C] */
	bool json;                         /* [C] of its last order */
	bool at_end;                       /* [C] no more lines will come */
	bool broken;                       /* [C] nothing can be sent */
	size_t n_in;                       /* [C] */
	char in[SIGCHLD__CARRY_LINE];      /* [C] what is no line yet */
	struct sigchld__text out;          /* [C] */
	size_t sent;                       /* [C] of that */
};

struct sigchld__control {
	struct sigchld__listener now;  /* [C] */
	struct sigchld__listener next; /* [C] of a program that comes in */
	bool wanted;                   /* [C] by this program */
	struct sigchld__timer again;   /* [C] accept once more */
	struct sigchld__asker *askers; /* [C] */
	unsigned int n_askers;         /* [C] */
	uintptr_t last_id;             /* [C] */
};

/* All with C, unless it says otherwise. control.c: the socket. */
void sigchld__control_init(struct sigchld__control *control); /* no lock */

/* What this program asks for; after adopt. NULL: none. Takes C. */
int sigchld__control_open(struct sigchld_master *master, const char *path);
void sigchld__control_settle(struct sigchld_master *master);  /* it took over */
void sigchld__control_retreat(struct sigchld_master *master); /* it did not */
void sigchld__control_end(struct sigchld_master *master); /* nobody is left */

/* It never worked: what was there before us stays. Under the no-fork lock. */
void sigchld__control_let_go(struct sigchld_master *master);

/* For the next program, and from the one before. Gives how many were refused. */
int sigchld__control_note(const struct sigchld_master *master,
    struct sigchld__carry *carry);
int sigchld__control_inherit(const struct sigchld_master *master, bool on);
size_t sigchld__control_adopt(struct sigchld_master *master,
    const struct sigchld__carry *carry);

/* asker.c: a connection. Takes the descriptor; under the no-fork lock. */
struct sigchld__asker *sigchld__asker_new(struct sigchld_master *master,
    int fd);
void sigchld__asker_close(struct sigchld__asker *asker);
void sigchld__asker_let_go(struct sigchld__asker *asker);

/* It is told why, and then closed. */
void sigchld__asker_dismiss(struct sigchld__asker *asker, const char *why);
struct sigchld__asker *sigchld__asker_find(struct sigchld_master *master,
    uintptr_t id);

/* This is its answer, which is taken. It goes on in the next dispatch. */
void sigchld__asker_answer(struct sigchld__asker *asker,
    struct sigchld__text *text);
void sigchld__asker_wake(struct sigchld__asker *asker);

/* There is no next dispatch: send what can be sent. */
void sigchld__asker_flush(struct sigchld__asker *asker);
bool sigchld__asker_can_go_over(const struct sigchld__asker *asker);

/* obey.c: what comes of an order: an answer, or something is awaited. */
void sigchld__obey(struct sigchld__asker *asker, const char *line, size_t len);
void sigchld__deny(struct sigchld__asker *asker, const char *why);

/* A reload has begun; it, or a roll, is over; there will be none. */
void sigchld__control_begun(struct sigchld_master *master);
void sigchld__control_over(struct sigchld_master *master, bool by_exec,
    bool well);
void sigchld__control_refused(struct sigchld_master *master);

/* show.c: how it stands. */
void sigchld__show_proc(const struct sigchld_master *master,
    struct sigchld__text *text, bool json);
void sigchld__show_stat(const struct sigchld_master *master,
    struct sigchld__text *text, bool json);
void sigchld__show_ready(const struct sigchld_master *master,
    struct sigchld__text *text, bool json);

#endif
