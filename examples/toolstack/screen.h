/*
 * screen.h - the table of domains on a terminal
 */
#ifndef TOOLSTACK_SCREEN_H
#define TOOLSTACK_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#include "domain.h"

/* Gives false if this build or this terminal cannot; then print lines. */
bool screen_open(void);

/* Lines for the space under the table; the last few are kept. */
void screen_notes(const char *lines);

void screen_draw(const struct view *views, size_t n, const char *typed);

/* The terminal has another size. */
void screen_resize(void);

/* Give the terminal back as it was. Nothing if it is not open. */
void screen_close(void);

#endif
