/*
 * thief.h - somebody who reaps whatever he can
 */
#ifndef TOOLSTACK_THIEF_H
#define TOOLSTACK_THIEF_H

/* Start his thread; -errno. */
int thief_begin(void);

/* End it; gives how many he took. */
unsigned thief_end(void);

#endif
