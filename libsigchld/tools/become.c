/*
 * become.c - a worker becomes its command
 *
 * The command has the environment that we were given, and
 *
 *	LISTEN_FDS, LISTEN_PID,		its sockets, as 3 and up
 *	LISTEN_FDNAMES
 *	NOTIFY_SOCKET			with --ready=notify: ours, never that of
 *					whoever supervises us
 *	SIGCHLD_SLOT,			which of the workers it is
 *	SIGCHLD_GENERATION
 */
#include "tools/become.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/say.h"

enum {
	NOT_EXECUTABLE = 126, /* as shells have it */
	NOT_FOUND = 127
};

static int
set_number(const char *name, uint32_t number)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", number);
	return setenv(name, text, 1) == 0 ? 0 : -errno;
}

static int
prepare(struct sigchld_worker *worker, const struct sockets *sockets,
    const struct ready_watch *ready)
{
	int rc = sockets_environ(sockets);

	if (rc == 0)
		rc = ready_environ(ready);
	if (rc == 0)
		rc = set_number("SIGCHLD_SLOT", sigchld_worker_slot(worker));
	if (rc == 0)
		rc = set_number("SIGCHLD_GENERATION",
		    sigchld_worker_generation(worker));
	return rc;
}

int
become_command(struct sigchld_worker *worker, const struct options *o,
    const struct sockets *sockets, const struct ready_watch *ready)
{
	int rc = prepare(worker, sockets, ready);

	say_forget();
	if (rc == 0)
		rc = sigchld_worker_exec(worker, o->command[0], o->command,
		    NULL, sockets->fds, sockets->n);
	if (rc == -ESHUTDOWN)
		return EXIT_SUCCESS; /* it was told to finish before */
	say(SAY_QUIET, "cannot execute %s: %s", o->command[0], strerror(-rc));
	return rc == -ENOENT || rc == -ENOTDIR ? NOT_FOUND : NOT_EXECUTABLE;
}
