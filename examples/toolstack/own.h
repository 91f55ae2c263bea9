/*
 * own.h - children that the main thread makes and waits for by itself
 */
#ifndef TOOLSTACK_OWN_H
#define TOOLSTACK_OWN_H

#include <stdbool.h>
#include <stdint.h>

struct own {
	unsigned started, right; /* right: with the status they had */
	unsigned lost;           /* somebody else has reaped them */
	int64_t next_ms;         /* when to look again */
	int pid;                 /* 0: none */
};

/* Wait for the last one without blocking, and if it has ended start another. */
void own_tick(struct own *own);

/* Wait until the last one has ended. */
void own_end(struct own *own);

#endif
