/*
 * plugin.c - a plug-in with a copy of the library of its own
 *
 * It knows nothing of other plug-ins, nor of who else handles SIGCHLD.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sigchld.h>

#include "plugin.h"

#define PATIENCE_S 20

static struct sigchld_ctx *ctx;
static int hold = -1; /* a byte ends the child, and is its exit code */
static bool by_signal;
static uint64_t signals; /* that our copy saw, when the child was born */
static int pid, n_told, told_pid, told_status;

static void
on_event(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	(void)child;
	(void)user;
	n_told++;
	told_pid = (int)event->pid;
	told_status = event->wstatus;
}

static uint64_t
signals_now(void)
{
	struct sigchld_stats stats = { .size = sizeof(stats) };

	return sigchld_get_stats(ctx, &stats) == 0 ? stats.signals : 0;
}

static int
plugin_open(unsigned int wake)
{
	by_signal = wake == SIGCHLD_WAKE_SIGNAL;
	return sigchld_new(&ctx, SIGCHLD_OPTIONS(.wake = wake));
}

static _Noreturn void
be_child(const int *ends)
{
	unsigned char code = 255;

	(void)close(ends[1]);
	if (read(ends[0], &code, 1) != 1)
		code = 255;
	_exit(code);
}

static int
plugin_start(void)
{
	int ends[2];

	if (pipe(ends) != 0)
		return -errno;
	n_told = 0;
	signals = signals_now();
	pid = (int)sigchld_fork(ctx, NULL, 0, on_event, NULL);
	if (pid == 0)
		be_child(ends);
	(void)close(ends[0]);
	hold = ends[1];
	return pid;
}

static int
plugin_release(int code)
{
	const unsigned char byte = (unsigned char)code;
	int rc = write(hold, &byte, 1) == 1 ? pid : -errno;

	(void)close(hold);
	return rc;
}

static time_t
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static const char *
plugin_finish(int code)
{
	time_t until = now() + PATIENCE_S;

	while (n_told == 0) {
		if (sigchld_wait(ctx, 1000) < 0)
			return "sigchld_wait failed";
		if (n_told == 0 && now() > until)
			return "a child was not told";
	}
	if (n_told != 1)
		return "a child was told twice";
	if (by_signal && signals_now() == signals)
		return "the signal did not come";
	if (told_pid != pid)
		return "a child of somebody else was told";
	return WIFEXITED(told_status) && WEXITSTATUS(told_status) == code
	    ? NULL
	    : "the status is not true";
}

static void
plugin_close(void)
{
	sigchld_free(ctx);
	ctx = NULL;
}

extern const struct plugin plugin;
const struct plugin plugin = {
	.open = plugin_open,
	.start = plugin_start,
	.release = plugin_release,
	.finish = plugin_finish,
	.close = plugin_close,
};
