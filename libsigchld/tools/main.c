/*
 * main.c - sigchld-master: a command as the workers of a master
 *
 *	sigchld-master [OPTION...] [--] COMMAND [ARGUMENT...]
 *	sigchld-master --ask=PATH [--json] ORDER...
 *
 *	options.c	the command line, by values.c, address.c and help.c
 *	supervise.c	the master, from its signals to its end
 *	sockets.c	what was passed by LISTEN_FDS, what --listen asks for
 *	become.c	a worker: its environment, and the command
 *	ready.c		when a worker is ready
 *	forward.c	signals for the workers
 *	say.c		messages
 *	ask.c		an order for one that runs
 *
 * It is a user of the library as any other: it sees the public headers alone.
 */
#include "tools/ask.h"
#include "tools/options.h"
#include "tools/supervise.h"

int
main(int argc, char **argv)
{
	static struct options o;
	int status = options_read(&o, argc, argv);

	if (status >= 0)
		return status;
	return o.ask == NULL ? supervise(&o) : ask(o.ask, o.command, o.json);
}
