/*
 * domains.h - a file of domains, read into memory
 *
 * The format is described at the top of builtin.domains.
 */
#ifndef TOOLSTACK_DOMAINS_H
#define TOOLSTACK_DOMAINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum {
	DOMAINS_MAX = 256,
	HELPERS_MAX = 8,
	EXPECT_MAX = 4,
	NAME_LEN_MAX = 31,
	WORDS_MAX = 64,
	LINE_LEN_MAX = 1000
};

enum number {
	RESTARTS,
	BACKOFF_MS,
	GRACE_MS,
	STOP_AFTER_MS,
	N_NUMBERS
};

enum end {
	BY_EXIT,
	BY_SIGNAL,
	BY_ERROR /* it cannot even be executed */
};

struct status { /* one way to end */
	enum end end;
	int number; /* exit status, signal, errno */
};

struct command {
	char **argv; /* the words are one piece of memory, at argv[0] */
	struct status expect[EXPECT_MAX];
	size_t n_expect; /* 0: nobody knows how it will end */
};

struct config {
	char name[NAME_LEN_MAX + 1];
	int line;
	struct command model;
	struct command attach[HELPERS_MAX], detach[HELPERS_MAX];
	size_t n_attach, n_detach;
	char *package;
	int number[N_NUMBERS];
};

struct domains {
	struct config *list;
	size_t n;
};

/* Reads in to its end, and tells of each wrong line on complaints as
 * "name:line: what is wrong". Gives the number of them; free it either way. */
int domains_read(struct domains *ret_domains, FILE *in, const char *name,
    FILE *complaints);
void domains_free(struct domains *domains);

/* builtin.domains, which the build has put into the program. */
extern const char domains_builtin[];
extern const size_t domains_builtin_len;

#endif
