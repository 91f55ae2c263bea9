/*
 * held.h - the two halves of a held child, for whoever forks it
 */
#ifndef HELD_H
#define HELD_H

/* stream[0] is the child's end, stream[1] is the one that holds it. */
void held_open(int stream[2]);

/* The whole life of the child. */
_Noreturn void held_run(int stream, int code);

#endif
