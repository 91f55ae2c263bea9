/*
 * say.c - what a person is told, a line each on standard error
 *
 * A line is one write(2), so that those of several processes do not mix.
 */
#include "tools/say.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE 1024

static struct {
	const char *name;
	int loudness;
	int fd;
} speaker = { "sigchld-master", SAY_NORMAL, STDERR_FILENO };

void
say_begin(const char *name, int loudness)
{
	speaker.name = name;
	speaker.loudness = loudness;
}

void
say_hold(void)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (fd != -1)
		speaker.fd = fd;
}

void
say_release(void)
{
	if (speaker.fd != STDERR_FILENO)
		(void)close(speaker.fd);
	say_forget();
}

void
say_forget(void)
{
	speaker.fd = STDERR_FILENO;
}

/* Whoever reads it may be gone, which is no reason to end. */
void
say(int loudness, const char *format, ...)
{
	char line[LINE];
	va_list args;
	size_t n;

	if (loudness > speaker.loudness)
		return;
	(void)snprintf(line, sizeof(line) / 2, "%s: ", speaker.name);
	n = strlen(line);
	va_start(args, format);
	(void)vsnprintf(line + n, sizeof(line) - 1 - n, format, args);
	va_end(args);
	n = strlen(line);
	line[n++] = '\n';
	if (write(speaker.fd, line, n) < 0)
		return;
}

/* Events */

static struct sigchld_master_stats
stats_of(struct sigchld_master *master)
{
	struct sigchld_master_stats stats = { .size = sizeof(stats) };

	(void)sigchld_master_get_stats(master, &stats);
	return stats;
}

static void
say_ready(struct sigchld_master *master, const char *what)
{
	struct sigchld_master_stats stats = stats_of(master);

	say(SAY_NORMAL, "%s: %u worker%s of generation %u", what, stats.ready,
	    stats.ready == 1 ? "" : "s", stats.generation);
}

static void
say_failed(struct sigchld_master *master,
    const struct sigchld_master_event *event)
{
	struct sigchld_master_stats stats = stats_of(master);
	char why[64];

	(void)snprintf(why, sizeof(why), "exit status %d of a worker",
	    event->status);
	if (stats.reloads + stats.failed == 0)
		say(SAY_QUIET, "the start failed: %s",
		    event->error == 0 ? why : strerror(-event->error));
	else if (stats.stops)
		say(SAY_NORMAL, "there is no reload any more: it stops");
	else
		say(SAY_QUIET,
		    "the reload failed: %s; the former workers serve on",
		    event->error == 0 ? why : strerror(-event->error));
}

static void
describe(char *text, size_t size, const struct sigchld_master_event *event)
{
	if (event->lost)
		(void)snprintf(text, size, "its status is lost");
	else if (WIFSIGNALED(event->wstatus))
		(void)snprintf(text, size, "signal %d (%s)",
		    WTERMSIG(event->wstatus),
		    strsignal(WTERMSIG(event->wstatus)));
	else
		(void)snprintf(text, size, "exit status %d", event->status);
}

/* As the master sees it: 128 and TERM, or INT, is a good end, too. */
static bool
is_good(int status)
{
	return status == 0 || status == 128 + SIGTERM || status == 128 + SIGINT;
}

/* What is as it should be is of interest to few. */
static void
say_left(const struct sigchld_master_event *event)
{
	bool good = is_good(event->status) || !event->current;
	char how[96];

	describe(how, sizeof(how), event);
	say(good ? SAY_VERBOSE : SAY_NORMAL, "%sworker %u (pid %d) left: %s",
	    event->current ? "" : "former ", event->slot, (int)event->pid, how);
}

static void
say_forked(const struct sigchld_master_event *event)
{
	if (event->error != 0)
		say(SAY_QUIET, "cannot fork: %s", strerror(-event->error));
	else
		say(SAY_VERBOSE, "worker %u (pid %d) of generation %u begins",
		    event->slot, (int)event->pid, event->generation);
}

void
say_event(struct sigchld_master *master,
    const struct sigchld_master_event *event)
{
	switch (event->what) {
	case SIGCHLD_MASTER_READY:
		say_ready(master, "ready");
		break;
	case SIGCHLD_MASTER_RELOADED:
		say_ready(master, "reloaded");
		break;
	case SIGCHLD_MASTER_RELOADING:
		say(SAY_VERBOSE, "reloading");
		break;
	case SIGCHLD_MASTER_RELOAD_FAILED:
		say_failed(master, event);
		break;
	case SIGCHLD_MASTER_REFUSED:
		say(SAY_QUIET, "no reload: it stops");
		break;
	case SIGCHLD_MASTER_STOPPING:
		say(SAY_NORMAL, "stopping");
		break;
	case SIGCHLD_MASTER_FORKED:
		say_forked(event);
		break;
	case SIGCHLD_MASTER_WORKER_READY:
		say(SAY_VERBOSE, "worker %u (pid %d) is ready", event->slot,
		    (int)event->pid);
		break;
	case SIGCHLD_MASTER_WORKER_LEFT:
		say_left(event);
		break;
	case SIGCHLD_MASTER_DISTRUSTED:
		say(SAY_QUIET,
		    "not all that the program before left can be believed");
		break;
	default:
		break;
	}
}
