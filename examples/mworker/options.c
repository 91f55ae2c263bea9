/*
 * options.c - the command line
 */
#include "mworker/options.h"

#include <getopt.h>
#include <sigchld/master.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
    "usage: mworker [OPTION...]\n"
    "\n"
    "A small HTTP server on 127.0.0.1, whose workers are kept by a master that "
    "can\n"
    "be reloaded, and replaced by a newer program, without losing a request.\n"
    "\n"
    "  -p, --port=N     8080; 0 is any that is free\n"
    "  -w, --workers=N  2\n"
    "  -i, --idle=S     close a connection on which nobody asks for so long, "
    "5\n"
    "  -h, --help       print this\n"
    "\n"
    "It serves /; /status, as JSON; and /lines/N, so many lines.\n"
    "SIGUSR2 and SIGHUP reload, SIGTTIN and SIGTTOU start and end a worker, "
    "SIGUSR1\n"
    "finishes what was begun and ends, SIGTERM and SIGINT end.\n"
    "Exit status: 0 it was stopped, 1 it could not start, 2 wrong use; else "
    "that of\n"
    "a worker that could not be replaced.\n";

static const struct option longs[] = {
	{ "port", required_argument, NULL, 'p' },
	{ "workers", required_argument, NULL, 'w' },
	{ "idle", required_argument, NULL, 'i' },
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
	{ 'w', "workers", 1, SIGCHLD_MASTER_MOST,
	    offsetof(struct options, workers) },
	{ 'i', "idle", 1, 3600, offsetof(struct options, idle_s) },
};

static bool
read_number(struct options *o, const struct number *number, const char *text)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (end == text || *end != '\0' || value < (long)number->least ||
	    value > (long)number->most) {
		(void)fprintf(stderr, "mworker: --%s=%s: want %u to %u\n",
		    number->name, text, number->least, number->most);
		return false;
	}
	*(uint32_t *)(void *)((char *)o + number->offset) = (uint32_t)value;
	return true;
}

static bool
read_option(struct options *o, int letter)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].letter == letter)
			return read_number(o, &numbers[i], optarg);
	return false;
}

int
options_read(struct options *o, int argc, char **argv)
{
	bool good = true;
	int letter;

	*o = (struct options){
		.port = 8080, .workers = 2, .idle_s = 5, .listen_fd = -1
	};
	while ((letter = getopt_long(argc, argv, "p:w:i:h", longs, NULL)) !=
	    -1) {
		if (letter == 'h') {
			(void)fputs(help, stdout);
			return EXIT_SUCCESS;
		}
		good = read_option(o, letter) && good;
	}
	if (good && optind == argc)
		return -1;
	if (good)
		(void)fprintf(stderr, "mworker: what is '%s'?\n", argv[optind]);
	(void)fputs("Try mworker --help.\n", stderr);
	return EXIT_USE;
}
