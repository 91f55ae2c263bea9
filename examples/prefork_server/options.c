/*
 * options.c - the command line
 */
#include "options.h"

#include <getopt.h>
#include <sigchld/pool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: prefork_server [--mode=dispatch|listener] [OPTION...]\n"
    "\n"
    "A small HTTP server on 127.0.0.1 with forked workers. In dispatch mode "
    "the\n"
    "parent accepts connections and hands each request to a worker; in "
    "listener\n"
    "mode the workers accept by themselves, on a socket that they share.\n"
    "\n"
    "  -m, --mode=MODE       dispatch\n"
    "  -p, --port=N          8000; 0 is any that is free\n"
    "  -s, --status-port=N   listener mode: where the parent tells how it is, "
    "0\n"
    "  -w, --workers=N       at least so many workers, 4\n"
    "  -x, --max=N           at most so many, as many as --workers\n"
    "  -r, --max-requests=N  replace a worker after about so many; 0 is never\n"
    "  -t, --timeout=MS      kill a worker whose request takes longer, 10000\n"
    "  -b, --backlog=N       so many requests may wait for a worker, 1024\n"
    "  -l, --ttl=MS          but no longer than this, 5000\n"
    "  -h, --help            print this\n"
    "\n"
    "It serves / and /nap/MS, which takes so long; /crash, which ends its "
    "worker;\n"
    "and /status, as JSON, or as a page for a browser (or by .json and "
    ".html).\n"
    "SIGTERM and SIGINT finish what was begun and end it, a second one ends it "
    "at\n"
    "once. SIGHUP replaces all workers, one by one.\n"
    "Exit status: 0 it was stopped, 1 it could not start, 2 wrong use.\n";

static const struct option longs[] = {
	{ "mode", required_argument, NULL, 'm' },
	{ "port", required_argument, NULL, 'p' },
	{ "status-port", required_argument, NULL, 's' },
	{ "workers", required_argument, NULL, 'w' },
	{ "max", required_argument, NULL, 'x' },
	{ "max-requests", required_argument, NULL, 'r' },
	{ "timeout", required_argument, NULL, 't' },
	{ "backlog", required_argument, NULL, 'b' },
	{ "ttl", required_argument, NULL, 'l' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const struct number {
	int letter;
	const char *name;
	uint32_t least, most;
	size_t offset;
} numbers[] = {
	{ 'p', "port", 0, 65535, offsetof(struct options, port) },
	{ 's', "status-port", 0, 65535, offsetof(struct options, status_port) },
	{ 'w', "workers", 1, SIGCHLD_POOL_MOST,
	    offsetof(struct options, workers) },
	{ 'x', "max", 1, SIGCHLD_POOL_MOST, offsetof(struct options, max) },
	{ 'r', "max-requests", 0, 1000000000,
	    offsetof(struct options, max_requests) },
	{ 't', "timeout", 1, 86400000, offsetof(struct options, timeout_ms) },
	{ 'b', "backlog", 1, 1000000, offsetof(struct options, backlog) },
	{ 'l', "ttl", 1, 86400000, offsetof(struct options, ttl_ms) },
};

static bool
read_number(struct options *o, const struct number *number, const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end != '\0' || value < (long)number->least ||
	    value > (long)number->most) {
		(void)fprintf(stderr,
		    "prefork_server: --%s=%s: want %u to %u\n", number->name,
		    text, number->least, number->most);
		return false;
	}
	*(uint32_t *)(void *)((char *)o + number->offset) = (uint32_t)value;
	return true;
}

static bool
read_mode(struct options *o, const char *name)
{
	o->listener = strcmp(name, "listener") == 0;
	if (o->listener || strcmp(name, "dispatch") == 0)
		return true;
	(void)fprintf(stderr,
	    "prefork_server: --mode=%s: want dispatch or listener\n", name);
	return false;
}

static bool
read_option(struct options *o, int letter)
{
	if (letter == 'm')
		return read_mode(o, optarg);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].letter == letter)
			return read_number(o, &numbers[i], optarg);
	return false;
}

static bool
fits(struct options *o)
{
	if (o->max == 0)
		o->max = o->workers;
	if (o->workers <= o->max)
		return true;
	(void)fprintf(stderr,
	    "prefork_server: --max=%u is below --workers=%u\n", o->max,
	    o->workers);
	return false;
}

int
options_read(struct options *o, int argc, char **argv)
{
	bool good = true;
	int letter;

	*o = (struct options){ .port = 8000,
		.workers = 4,
		.timeout_ms = 10000,
		.backlog = 1024,
		.ttl_ms = 5000 };
	while ((letter = getopt_long(argc, argv, "m:p:s:w:x:r:t:b:l:h", longs,
		    NULL)) != -1) {
		if (letter == 'h') {
			(void)fputs(help, stdout);
			return EXIT_SUCCESS;
		}
		good = read_option(o, letter) && good;
	}
	if (good && optind < argc)
		(void)fprintf(stderr, "prefork_server: what is '%s'?\n",
		    argv[optind]);
	if (good && optind == argc && fits(o))
		return -1;
	(void)fputs("Try prefork_server --help.\n", stderr);
	return EXIT_USE;
}
