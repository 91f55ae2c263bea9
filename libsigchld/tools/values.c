/*
 * values.c - times, counts and signals, as people write them
 */
#include "tools/values.h"

#include <ctype.h>
#include <sigchld/master.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST_MS 0x7fffffffu /* of the library, and more than three weeks */

/* Digits, and what follows them. */
static bool
read_digits(const char *text, int base, uint64_t *ret_value,
    const char **ret_rest)
{
	char *end;

	if (!isdigit((unsigned char)*text) || strlen(text) > 15)
		return false;
	*ret_value = strtoull(text, &end, base);
	*ret_rest = end;
	return true;
}

static bool
is_none(const char *text)
{
	return strcmp(text, "none") == 0;
}

static uint64_t
unit_of(const char *text)
{
	static const struct {
		const char *name;
		uint64_t ms;
	} units[] = { { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
		{ "h", 3600000 } };
	size_t i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(text, units[i].name) == 0)
			return units[i].ms;
	}
	return 0;
}

bool
value_time(const char *text, uint32_t *ret_ms)
{
	const char *rest = "";
	uint64_t value = 0, unit = 1;

	if (!is_none(text)) {
		if (!read_digits(text, 10, &value, &rest))
			return false;
		unit = unit_of(rest);
	}
	if (unit == 0 || value > LONGEST_MS / unit)
		return false;
	value *= unit;
	*ret_ms = value == 0 ? SIGCHLD_MASTER_NONE : (uint32_t)value;
	return true;
}

bool
value_count(const char *text, uint32_t least, uint32_t most,
    uint32_t *ret_count)
{
	const char *rest = "";
	uint64_t value = 0;

	if (!is_none(text) && !read_digits(text, 10, &value, &rest))
		return false;
	if (*rest != '\0' || value < least || value > most)
		return false;
	*ret_count = value == 0 ? SIGCHLD_MASTER_NONE : (uint32_t)value;
	return true;
}

bool
value_mode(const char *text, unsigned int *ret_mode)
{
	const char *rest;
	uint64_t value;

	if (!read_digits(text, 8, &value, &rest) || *rest != '\0' ||
	    value > 0777)
		return false;
	*ret_mode = (unsigned int)value;
	return true;
}

/* Signals */

static const struct {
	const char *name;
	int sig;
} signals[] = { { "HUP", SIGHUP }, { "INT", SIGINT }, { "QUIT", SIGQUIT },
	{ "ILL", SIGILL }, { "TRAP", SIGTRAP }, { "ABRT", SIGABRT },
	{ "BUS", SIGBUS }, { "FPE", SIGFPE }, { "KILL", SIGKILL },
	{ "USR1", SIGUSR1 }, { "SEGV", SIGSEGV }, { "USR2", SIGUSR2 },
	{ "PIPE", SIGPIPE }, { "ALRM", SIGALRM }, { "TERM", SIGTERM },
	{ "CHLD", SIGCHLD }, { "CONT", SIGCONT }, { "STOP", SIGSTOP },
	{ "TSTP", SIGTSTP }, { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU },
	{ "URG", SIGURG }, { "XCPU", SIGXCPU }, { "XFSZ", SIGXFSZ },
	{ "VTALRM", SIGVTALRM }, { "PROF", SIGPROF }, { "WINCH", SIGWINCH },
	{ "POLL", SIGPOLL }, { "IO", SIGPOLL }, { "PWR", SIGPWR },
	{ "SYS", SIGSYS } };

static int
named(const char *text)
{
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (strcmp(text, signals[i].name) == 0)
			return signals[i].sig;
	}
	return 0;
}

/* RTMIN, RTMIN+3, RTMAX-3 */
static int
real_time(const char *text)
{
	bool up = strncmp(text, "RTMIN", 5) == 0;
	const char *rest = "";
	uint64_t n = 0;

	if (!up && strncmp(text, "RTMAX", 5) != 0)
		return 0;
	text += 5;
	if (*text == '\0')
		return up ? SIGRTMIN : SIGRTMAX;
	if (*text != (up ? '+' : '-') ||
	    !read_digits(text + 1, 10, &n, &rest) || *rest != '\0' ||
	    n > (uint64_t)(SIGRTMAX - SIGRTMIN))
		return 0;
	return up ? SIGRTMIN + (int)n : SIGRTMAX - (int)n;
}

static int
number(const char *text)
{
	const char *rest;
	uint64_t n;

	if (!read_digits(text, 10, &n, &rest) || *rest != '\0' ||
	    n > (uint64_t)SIGRTMAX)
		return 0;
	return (int)n;
}

bool
value_signal(const char *text, int *ret_sig)
{
	int sig = number(text);

	if (strncmp(text, "SIG", 3) == 0)
		text += 3;
	if (sig == 0)
		sig = named(text);
	if (sig == 0)
		sig = real_time(text);
	if (sig != 0)
		*ret_sig = sig;
	return sig != 0;
}
