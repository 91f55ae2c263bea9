/* stream.h - the streams of a program that is run; see stream.c */
#ifndef SIGCHLD_SPAWN_STREAM_H
#define SIGCHLD_SPAWN_STREAM_H

#include <stdbool.h>
#include <stddef.h>

struct sigchld__output {
	int fd; /* -1: it has ended */
	char *data;
	size_t n, room, limit;
	bool cut; /* there was more than the limit */
};

struct sigchld__input {
	int fd; /* -1: all is written, or nobody reads */
	const char *data;
	size_t n;
};

/* Take what is there; never blocks. 1: something was; 0: nothing is, just now;
 * -EPIPE: it has ended, and is closed; -ENOMEM and others. */
int sigchld__output_take(struct sigchld__output *output);

/* Room for one byte at least, with a zero behind what is there. -ENOMEM. */
int sigchld__output_finish(struct sigchld__output *output);

/* Write what can be written; never blocks, and no SIGPIPE comes of it. */
void sigchld__input_give(struct sigchld__input *input);

void sigchld__stream_close(int *fd);

#endif
