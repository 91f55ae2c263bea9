/*
 * noscreen.c - in place of screen.c where there is no curses library
 */
#include "screen.h"

bool
screen_open(void)
{
	return false;
}

void
screen_notes(const char *lines)
{
	(void)lines;
}

void
screen_draw(const struct view *views, size_t n, const char *typed)
{
	(void)views;
	(void)n;
	(void)typed;
}

void
screen_resize(void)
{
}

void
screen_close(void)
{
}
