/* carry.h - what one program hands to the next in its place; see carry.c */
#ifndef SIGCHLD_WORKER_CARRY_H
#define SIGCHLD_WORKER_CARRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SIGCHLD__CARRY_NAME  65   /* with its NUL: of a descriptor */
#define SIGCHLD__CARRY_SAID  256  /* with its NUL: of a worker's status line */
#define SIGCHLD__CARRY_PATH  108  /* with its NUL: of the control socket */
#define SIGCHLD__CARRY_FILE  4096 /* with its NUL: of the pid file */
#define SIGCHLD__CARRY_LINE  1024 /* of what an asker has begun to ask */
#define SIGCHLD__CARRY_SLOTS 10000u

/* What a descriptor is, so that the next program knows it again: fstat(2). */
struct sigchld__carry_file {
	int fd;
	uint64_t dev, ino;
};

struct sigchld__carry_worker {
	uint32_t slot, generation;
	uint32_t reloads; /* successful ones that it has lived through */
	bool current, ready, stopping, execs;
	bool dismissed;                      /* of a generation that failed */
	uint32_t finish_signal, stop_signal; /* 0: as the master's */
	uint32_t step;    /* of its end, 0 to 3; see send_off.c */
	int64_t leave_ms; /* CLOCK_MONOTONIC: the next one; 0: never */
	pid_t pid;
	uint64_t
	    started; /* as the system counts it: never two alike of a pid */
	int64_t forked_ms;                         /* CLOCK_MONOTONIC */
	struct sigchld__carry_file channel, leash; /* fd -1: none */
	char said[SIGCHLD__CARRY_SAID];
};

struct sigchld__carry_named {
	char name[SIGCHLD__CARRY_NAME];
	struct sigchld__carry_file file;
};

/* The control socket. */
struct sigchld__carry_control {
	struct sigchld__carry_file file;
	char path[SIGCHLD__CARRY_PATH]; /* "": there is none */
	uint64_t dev, ino;              /* of the file at that path */
};

/* Somebody who is connected to it. */
struct sigchld__carry_asker {
	struct sigchld__carry_file file;
	uint32_t awaits;              /* see control.h */
	bool json;                    /* so he is answered */
	char in[SIGCHLD__CARRY_LINE]; /* what he has begun to ask */
};

struct sigchld__carry {
	pid_t pid; /* of the master itself; 0: nothing was said of it */
	uint32_t generation; /* of who writes */
	uint32_t workers;    /* wanted */
	uint64_t reloads, failed, forks, ends;
	int64_t began_ms; /* CLOCK_MONOTONIC: the first program */
	int64_t last_reload, last_failure; /* time(2), or 0 */
	uint64_t mask; /* of signals: bit n - 1 is signal n, 1 to 64 */
	uint32_t flags, finish_signal, stop_signal; /* its options */
	char pid_file[SIGCHLD__CARRY_FILE];         /* "": none */
	uint32_t result; /* the exit status so far: 0 to 255 */
	bool reloading;  /* a reload was asked for meanwhile */
	struct sigchld__carry_worker *workers_v;
	size_t n_workers;
	struct sigchld__carry_named *named_v;
	size_t n_named;
	struct sigchld__carry_control control;
	struct sigchld__carry_asker *askers_v;
	size_t n_askers;
};

/* Give it as a text of printable ASCII, malloc'ed and ended by a NUL that is
 * not counted. -ENOMEM. */
int sigchld__carry_write(const struct sigchld__carry *carry, char **ret_text,
    size_t *ret_len);

/*
 * Read what may be anything. 0, and the whole or part of it is in *ret_carry;
 * *ret_refused says how many records were none, and were left out, or are
 * missing. -EPROTO: not ours at all, or of a version that is too new; -ENOMEM.
 * Nothing is trusted that the kernel could tell: that is for who uses it.
 */
int sigchld__carry_read(const char *text, size_t len,
    struct sigchld__carry *ret_carry, size_t *ret_refused);

/* Free what was read. */
void sigchld__carry_clear(struct sigchld__carry *carry);

#endif
