/*
 * ask.h - ask a master that runs, at its control socket
 */
#ifndef TOOLS_ASK_H
#define TOOLS_ASK_H

#include <stdbool.h>

/* The words are one order. Prints the answer; gives an exit status: 0, 1 if the
 * master refuses or is not ready, 2 if nobody answers. */
int ask(const char *path, char *const *words, bool json);

#endif
