/*
 * traced.h - a process whose system calls a test sees, each of them
 *
 * It is a fork of the test, which traces it. A sanitizer makes calls of its
 * own, so under one the test is skipped.
 */
#ifndef TRACED_H
#define TRACED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What a traced process does next, if it does not enter a call. */
enum {
	TRACED_LEFT = -1, /* it leaves one, or takes a signal */
	TRACED_ENDED = -2
};

/* In the traced process: a call that stands for a point in its code. */
void traced_mark(void);
bool traced_is_mark(long call);

/* Start it; it is stopped before fn is called, and exits with 0 after it. */
pid_t traced_start(void (*fn)(void));

/* Let it run to its next call; gives the call's number, or one of the above.
 * Its signals are its own: *sig is the one to give it, 0 at first. */
long traced_next(pid_t pid, int *sig);

/* The same of a stop that was waited for elsewhere. */
long traced_look(pid_t pid, int wstatus, int *ret_sig);

/* Let it run to its end; gives the calls between its first two marks, of which
 * at most size are kept. */
size_t traced_record(pid_t pid, long *calls, size_t size);

#endif
