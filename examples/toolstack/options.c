/*
 * options.c - the command line
 */
#include "options.h"

#include <getopt.h>
#include <sigchld.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: toolstack [--wake=signal|pidfd|auto] [--thief] [--domains FILE]\n"
    "                 [--seconds N] [--plain] [--check]\n"
    "\n"
    "Runs the domains of FILE, or those that are built in, each on a thread\n"
    "with a context of its own, until all are done.\n"
    "\n"
    "  -w, --wake=HOW      how the death of a program is noticed: by the one\n"
    "                      SIGCHLD of the process, by a pidfd for each, or\n"
    "                      (auto) by a pidfd where one can be had\n"
    "  -t, --thief         have a thread that reaps whatever it can\n"
    "  -d, --domains=FILE  builtin.domains says what stands in it\n"
    "  -s, --seconds=N     stop all domains after N seconds\n"
    "  -p, --plain         print lines even on a terminal\n"
    "  -c, --check         only read FILE and tell what is wrong in it\n"
    "  -h, --help          print this\n"
    "\n"
    "Commands on standard input: start NAME, stop NAME, kill NAME, list, "
    "quit.\n"
    "Exit status: 0 all statuses were true, 1 some were wrong or stolen,\n"
    "2 wrong use.\n";

static bool
read_wake(struct options *o, const char *name)
{
	static const char *const names[] = { [SIGCHLD_WAKE_AUTO] = "auto",
		[SIGCHLD_WAKE_SIGNAL] = "signal",
		[SIGCHLD_WAKE_PIDFD] = "pidfd" };

	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0) {
			o->wake = i;
			o->wake_name = names[i];
			return true;
		}
	(void)fprintf(stderr,
	    "toolstack: --wake=%s: want signal, pidfd or auto\n", name);
	return false;
}

static bool
read_seconds(struct options *o, const char *text)
{
	char *end;
	long seconds = strtol(text, &end, 10);

	if (end == text || *end != '\0' || seconds < 1 || seconds > 86400) {
		(void)fprintf(stderr,
		    "toolstack: --seconds=%s: want 1 to 86400\n", text);
		return false;
	}
	o->seconds = (int)seconds;
	return true;
}

static const struct option longs[] = {
	{ "wake", required_argument, NULL, 'w' },
	{ "domains", required_argument, NULL, 'd' },
	{ "seconds", required_argument, NULL, 's' },
	{ "thief", no_argument, NULL, 't' },
	{ "plain", no_argument, NULL, 'p' },
	{ "check", no_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

int
options_read(struct options *o, int argc, char **argv)
{
	bool good = true;
	int c;

	*o = (struct options){ .wake = SIGCHLD_WAKE_AUTO, .wake_name = "auto" };
	while ((c = getopt_long(argc, argv, "w:td:s:pch", longs, NULL)) != -1)
		switch (c) {
		case 'w':
			good = read_wake(o, optarg) && good;
			break;
		case 't':
			o->thief = true;
			break;
		case 'd':
			o->file = optarg;
			break;
		case 's':
			good = read_seconds(o, optarg) && good;
			break;
		case 'p':
			o->plain = true;
			break;
		case 'c':
			o->check = true;
			break;
		case 'h':
			(void)fputs(help, stdout);
			return EXIT_SUCCESS;
		default:
			good = false;
		}
	if (good && optind < argc)
		(void)fprintf(stderr, "toolstack: what is '%s'?\n",
		    argv[optind]);
	if (good && optind == argc)
		return -1;
	(void)fputs("Try toolstack --help.\n", stderr);
	return EXIT_USE;
}
