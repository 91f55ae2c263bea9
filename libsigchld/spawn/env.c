/*
 * env.c - the environment of a program that is given listening sockets
 *
 *	LISTEN_FDS=2		they are 3 and 4
 *	LISTEN_PID=1234		meant for this process, not for its children
 *	LISTEN_FDNAMES=a:b
 *
 * LISTEN_PID is known to the child only: it writes the digits itself, into
 * memory that is its own in either engine. What stood there before under these
 * names is left out.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "spawn/plan.h"

extern char **environ;

#define PID_TEXT "LISTEN_PID="
#define FDS_TEXT "LISTEN_FDS="
#define NAMES    "LISTEN_FDNAMES="
#define PIDFD_ID "LISTEN_PIDFDID=" /* of systemd: only left out */

#define DIGITS 11 /* of a number of 32 bits, and a zero */

static char *const *
env_of(const struct sigchld_spawn_options *o)
{
	return o->envp != NULL ? o->envp : environ;
}

static bool
starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

static bool
is_ours(const char *entry)
{
	return starts_with(entry, PID_TEXT) || starts_with(entry, FDS_TEXT) ||
	    starts_with(entry, NAMES) || starts_with(entry, PIDFD_ID);
}

int
sigchld__env_size(const struct sigchld_spawn_options *options,
    size_t *ret_pointers, size_t *ret_bytes)
{
	char *const *env;
	uint32_t i;

	*ret_pointers = *ret_bytes = 0;
	if (options->nlisten == 0)
		return 0;
	*ret_pointers = 4; /* three of ours, and the end */
	for (env = env_of(options); env != NULL && *env != NULL; env++)
		++*ret_pointers;
	*ret_bytes = sizeof(PID_TEXT) + sizeof(FDS_TEXT) + 2 * DIGITS;
	if (options->listen_names == NULL)
		return 0;
	*ret_bytes += sizeof(NAMES);
	for (i = 0; i < options->nlisten; i++) {
		const char *name = options->listen_names[i];

		if (name == NULL || strchr(name, ':') != NULL)
			return -EINVAL;
		*ret_bytes += strlen(name) + 1;
	}
	return 0;
}

static char *
add_text(char *to, const char *text)
{
	size_t length = strlen(text);

	(void)memcpy(to, text, length + 1);
	return to + length;
}

static void
add_names(char *to, const struct sigchld_spawn_options *o)
{
	uint32_t i;

	to = add_text(to, NAMES);
	for (i = 0; i < o->nlisten; i++) {
		if (i > 0)
			to = add_text(to, ":");
		to = add_text(to, o->listen_names[i]);
	}
}

void
sigchld__env_make(struct sigchld__plan *plan, char **pointers, char *bytes)
{
	const struct sigchld_spawn_options *o = &plan->options;
	char *const *env = env_of(o);

	plan->envp = env;
	if (o->nlisten == 0)
		return;
	plan->envp = pointers;
	for (; env != NULL && *env != NULL; env++) {
		if (!is_ours(*env))
			*pointers++ = *env;
	}
	*pointers++ = bytes;
	plan->listen_pid = add_text(bytes, PID_TEXT);
	bytes = plan->listen_pid + DIGITS;
	*pointers++ = bytes;
	bytes = add_text(bytes, FDS_TEXT);
	(void)snprintf(bytes, DIGITS, "%u", (unsigned int)o->nlisten);
	if (o->listen_names != NULL) {
		*pointers++ = bytes + DIGITS;
		add_names(bytes + DIGITS, o);
	}
}
