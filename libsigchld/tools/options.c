/*
 * options.c - the command line
 *
 * What follows the first word that is no option is the command's own.
 */
#include "tools/options.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "tools/forward.h"
#include "tools/help.h"
#include "tools/say.h"
#include "tools/values.h"

enum {
	NAME = 256,
	PID_WORKERS,
	READY,
	READY_TIMEOUT,
	DRAIN_TIMEOUT,
	STOP_TIMEOUT,
	AGAIN_TIMEOUT,
	FINISH_SIGNAL,
	STOP_SIGNAL,
	RESPAWN,
	BACKOFF,
	BACKOFF_MAX,
	STABLE,
	GIVE_UP,
	MAX_RELOADS,
	HUP,
	OUTLIVE,
	SUBREAPER,
	FORWARD,
	ASK,
	JSON
};

static const struct option longs[] = {
	{ "workers", required_argument, NULL, 'n' },
	{ "listen", required_argument, NULL, 'l' },
	{ "name", required_argument, NULL, NAME },
	{ "pid-file", required_argument, NULL, 'p' },
	{ "pid-workers", no_argument, NULL, PID_WORKERS },
	{ "control", required_argument, NULL, 'c' },
	{ "ready", required_argument, NULL, READY },
	{ "ready-timeout", required_argument, NULL, READY_TIMEOUT },
	{ "drain-timeout", required_argument, NULL, DRAIN_TIMEOUT },
	{ "stop-timeout", required_argument, NULL, STOP_TIMEOUT },
	{ "again-timeout", required_argument, NULL, AGAIN_TIMEOUT },
	{ "finish-signal", required_argument, NULL, FINISH_SIGNAL },
	{ "stop-signal", required_argument, NULL, STOP_SIGNAL },
	{ "respawn", no_argument, NULL, RESPAWN },
	{ "backoff", required_argument, NULL, BACKOFF },
	{ "backoff-max", required_argument, NULL, BACKOFF_MAX },
	{ "stable", required_argument, NULL, STABLE },
	{ "give-up", required_argument, NULL, GIVE_UP },
	{ "max-reloads", required_argument, NULL, MAX_RELOADS },
	{ "hup", required_argument, NULL, HUP },
	{ "outlive", no_argument, NULL, OUTLIVE },
	{ "subreaper", no_argument, NULL, SUBREAPER },
	{ "forward", required_argument, NULL, FORWARD },
	{ "ask", required_argument, NULL, ASK },
	{ "json", no_argument, NULL, JSON },
	{ "daemon", no_argument, NULL, 'D' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char shorts[] = "+n:l:p:c:DqvVh";

/* Values */

static const struct time_option {
	int letter;
	size_t offset; /* in struct sigchld_master_options */
} times[] = {
	{ READY_TIMEOUT, offsetof(struct sigchld_master_options, ready_ms) },
	{ DRAIN_TIMEOUT, offsetof(struct sigchld_master_options, drain_ms) },
	{ STOP_TIMEOUT, offsetof(struct sigchld_master_options, stop_ms) },
	{ AGAIN_TIMEOUT, offsetof(struct sigchld_master_options, again_ms) },
	{ BACKOFF, offsetof(struct sigchld_master_options, backoff_ms) },
	{ BACKOFF_MAX,
	    offsetof(struct sigchld_master_options, backoff_max_ms) },
	{ STABLE, offsetof(struct sigchld_master_options, stable_ms) },
};

static const struct count_option {
	int letter;
	uint32_t least, most;
	size_t offset;
} counts[] = {
	{ 'n', 1, SIGCHLD_MASTER_MOST,
	    offsetof(struct sigchld_master_options, workers) },
	{ GIVE_UP, 0, 1000000,
	    offsetof(struct sigchld_master_options, give_up) },
	{ MAX_RELOADS, 0, 1000000,
	    offsetof(struct sigchld_master_options, max_reloads) },
};

static uint32_t *
field_at(struct options *o, size_t offset)
{
	return (uint32_t *)(void *)((char *)&o->master + offset);
}

static const char *
name_of(int letter)
{
	const struct option *option = longs;

	while (option->val != letter)
		option++;
	return option->name;
}

static bool
complain(int letter, const char *wanted)
{
	say(SAY_QUIET, "--%s=%s: it should be %s", name_of(letter), optarg,
	    wanted);
	return false;
}

static bool
read_time(struct options *o, const struct time_option *option)
{
	return value_time(optarg, field_at(o, option->offset)) ||
	    complain(option->letter, "a time such as 10, 500ms, 2m or none");
}

static bool
read_count(struct options *o, const struct count_option *option)
{
	char wanted[64];

	if (value_count(optarg, option->least, option->most,
		field_at(o, option->offset)))
		return true;
	(void)snprintf(wanted, sizeof(wanted), "a number from %u to %u",
	    option->least, option->most);
	return complain(option->letter, wanted);
}

static bool
read_address(struct options *o)
{
	if (o->n_addresses == ADDRESSES_MOST) {
		say(SAY_QUIET, "--listen: %u of them are enough",
		    ADDRESSES_MOST);
		return false;
	}
	if (!address_read(&o->addresses[o->n_addresses], optarg))
		return complain('l',
		    "PORT, HOST:PORT, [IPV6]:PORT or "
		    "unix:PATH, and ,name=, ,backlog= or "
		    ",mode=");
	o->n_addresses++;
	return true;
}

static bool
read_ready(struct options *o)
{
	if (strcmp(optarg, "exec") == 0)
		o->ready = READY_EXEC;
	else if (strcmp(optarg, "notify") == 0)
		o->ready = READY_NOTIFY;
	else if (value_time(optarg, &o->ready_after_ms) &&
	    o->ready_after_ms != SIGCHLD_MASTER_NONE)
		o->ready = READY_LATER;
	else
		return complain(READY, "exec, notify, or a time such as 2s");
	return true;
}

static bool
read_hup(struct options *o)
{
	if (strcmp(optarg, "roll") == 0)
		o->master.flags |= SIGCHLD_MASTER_HUP_ROLLS;
	else if (strcmp(optarg, "reload") == 0)
		o->master.flags &= ~SIGCHLD_MASTER_HUP_ROLLS;
	else
		return complain(HUP, "reload or roll");
	return true;
}

static bool
read_signal(int letter, int *ret_sig)
{
	return value_signal(optarg, ret_sig) ||
	    complain(letter, "a signal such as TERM, 15 or RTMIN+1");
}

static bool
read_forward(struct options *o)
{
	return forward_read(&o->forward, optarg) ||
	    complain(FORWARD,
		"signals such as QUIT,WINCH; but for KILL, STOP, "
		"CHLD and those of the master");
}

/* Options */

static bool
read_flag(struct options *o, int letter)
{
	switch (letter) {
	case PID_WORKERS:
		o->master.flags |= SIGCHLD_MASTER_PID_WORKERS;
		return true;
	case RESPAWN:
		o->master.flags |= SIGCHLD_MASTER_RESPAWN;
		return true;
	case OUTLIVE:
		o->master.flags |= SIGCHLD_MASTER_OUTLIVE;
		return true;
	case SUBREAPER:
		o->subreaper = true;
		return true;
	case JSON:
		o->json = true;
		return true;
	case 'D':
		o->daemon = true;
		return true;
	case 'q':
		o->loudness = SAY_QUIET;
		return true;
	case 'v':
		o->loudness = SAY_VERBOSE;
		return true;
	default:
		return false; /* getopt has said what is wrong */
	}
}

static bool
read_option(struct options *o, int letter)
{
	size_t i;

	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (times[i].letter == letter)
			return read_time(o, &times[i]);
	}
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		if (counts[i].letter == letter)
			return read_count(o, &counts[i]);
	}
	switch (letter) {
	case 'l':
		return read_address(o);
	case 'p':
		o->master.pid_file = optarg;
		return true;
	case 'c':
		o->master.control = optarg;
		return true;
	case ASK:
		o->ask = optarg;
		return true;
	case NAME:
		o->name = optarg;
		return true;
	case READY:
		return read_ready(o);
	case HUP:
		return read_hup(o);
	case FINISH_SIGNAL:
		return read_signal(letter, &o->master.finish_signal);
	case STOP_SIGNAL:
		return read_signal(letter, &o->master.stop_signal);
	case FORWARD:
		return read_forward(o);
	default:
		return read_flag(o, letter);
	}
}

/* TERM is what finishes most programs that were not written for us; USR1, which
 * the library would send, ends them at once. */
static void
set_defaults(struct options *o, char **argv)
{
	*o = (struct options){ .name = "sigchld-master" };
	o->master.size = sizeof(o->master);
	o->master.argv = argv;
	o->master.finish_signal = SIGTERM;
	o->master.stop_signal = SIGTERM;
	o->subreaper = getpid() == 1;
	(void)sigemptyset(&o->forward);
	if (getpid() == 1)
		forward_most(&o->forward);
}

static int
answer(int letter)
{
	if (letter == 'h')
		help_print();
	else
		(void)printf("sigchld-master %d.%d.%d\n", SIGCHLD_VERSION_MAJOR,
		    SIGCHLD_VERSION_MINOR, SIGCHLD_VERSION_PATCH);
	return fflush(stdout) == 0 ? EX_OK : EX_IOERR;
}

int
options_read(struct options *o, int argc, char **argv)
{
	bool good = true;
	int letter;

	set_defaults(o, argv);
	while ((letter = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (letter == 'h' || letter == 'V')
			return answer(letter);
		good = read_option(o, letter) && good;
	}
	o->command = argv + optind;
	say_begin(o->name, o->loudness);
	if (good && *o->command != NULL)
		return -1;
	if (good)
		say(SAY_QUIET, "there is no %s",
		    o->ask == NULL ? "command" : "order");
	(void)fputs("Try sigchld-master --help.\n", stderr);
	return EX_USAGE;
}
