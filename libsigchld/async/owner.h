/* owner.h - whose memory is this? See owner.c. */
#ifndef SIGCHLD_ASYNC_OWNER_H
#define SIGCHLD_ASYNC_OWNER_H

#include <stdbool.h>
#include <stdint.h>

enum sigchld__owner {
	SIGCHLD__OWNER_NONE,   /* nobody claimed this process yet */
	SIGCHLD__OWNER_US,     /* we did */
	SIGCHLD__OWNER_FORKED, /* a parent did, and this is our copy */
	SIGCHLD__OWNER_SHARED, /* a parent did, and this is its memory (vfork) */
};

/* Make this process the owner. Gives its generation, never 0. Under M. */
uint32_t sigchld__owner_claim(void);

/* In a forked child, from the atfork hook: what we have is a copy. */
void sigchld__owner_lost(void);

/* In a forked child, when all that we had is given up: nobody claimed. */
void sigchld__owner_forget(void);

/* The generation of this process's contexts; 0: none, or we were forked. */
uint32_t sigchld__owner_generation(void);

/* For the signal handler: is this the process that claimed? */
bool sigchld__owner_is_us(void);

enum sigchld__owner sigchld__owner_who(void);

#endif
