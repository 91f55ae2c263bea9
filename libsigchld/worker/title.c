/*
 * title.c - what ps calls a process
 *
 * The short name (comm, 15 characters) is the kernel's, and always set. A full
 * title would overwrite the argument vector of a program that is not ours; so it
 * is left to setproctitle, where the program has one: on the BSDs, and on Linux
 * with libbsd, whose job that is. The library does not link to it: the reference
 * is weak.
 */
#include <stdio.h>

#include "worker/pool.h"
#include "worker/sys.h"

#define SHOWS 15

#if defined(__GNUC__) && !defined(SIGCHLD_PORTABLE)

extern void setproctitle(const char *format, ...) __attribute__((weak));

static void
set_full(const char *title)
{
	if (setproctitle != NULL)
		setproctitle("%s", title);
}

#else

static void
set_full(const char *title)
{
	(void)title;
}

#endif

void
sigchld__title(const char *name, bool is_worker, uint32_t slot)
{
	char title[64], shown[SHOWS + 1];
	int rest;

	if (!is_worker) {
		sigchld__sys_set_name(name);
		set_full(name);
		return;
	}
	(void)snprintf(title, sizeof(title), "%s/%u", name, slot);
	rest = snprintf(shown, sizeof(shown), "/%u", slot);
	(void)snprintf(shown, sizeof(shown), "%.*s/%u", SHOWS - rest, name,
	    slot);
	sigchld__sys_set_name(shown);
	set_full(title);
}
