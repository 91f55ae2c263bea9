/*
 * own.c - children that the main thread makes and waits for by itself
 *
 * This part of the program knows nothing of libsigchld. It forks and waits as
 * programs did before: waitpid with a pid. If some context took a child that is
 * not its own, a status would be missing here.
 */
#include "own.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "notes.h"
#include "process.h"

enum {
	TICK_MS = 100
};

static const struct {
	char *argv[4];
	struct status status;
} programs[] = {
	{ { "true" }, { false, 0 } },
	{ { "sh", "-c", "exit 3" }, { false, 3 } },
	{ { "uname" }, { false, 0 } },
	{ { "sh", "-c", "kill -TERM $$" }, { true, SIGTERM } },
	{ { "sh", "-c", "exit 200" }, { false, 200 } },
};

static const struct status *
latest_status(const struct own *own)
{
	size_t n = sizeof(programs) / sizeof(programs[0]);

	return &programs[(own->started - 1) % n].status;
}

static void
start(struct own *own)
{
	size_t n = sizeof(programs) / sizeof(programs[0]);
	sigset_t all, old;
	pid_t pid;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	pid = fork();
	if (pid == 0)
		process_exec(programs[own->started % n].argv, -1);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (pid < 0) {
		note("main thread: fork: %s", strerror(errno));
		return;
	}
	own->pid = pid;
	own->started++;
}

/* Gives false if it is still running. */
static bool
wait_for_it(struct own *own, int flags)
{
	int wstatus;
	pid_t pid;

	do
		pid = waitpid(own->pid, &wstatus, flags);
	while (pid < 0 && errno == EINTR);
	if (pid == 0)
		return false;
	if (pid < 0)
		note("main thread: pid %d is lost: %s", own->pid,
		    strerror(errno));
	own->ended += pid > 0;
	own->right += pid > 0 && status_is(wstatus, latest_status(own)) ? 1 : 0;
	own->pid = 0;
	return true;
}

void
own_tick(struct own *own)
{
	if (clock_ms() < own->next_ms)
		return;
	own->next_ms = clock_ms() + TICK_MS;
	if (own->pid == 0 || wait_for_it(own, WNOHANG))
		start(own);
}

void
own_end(struct own *own)
{
	if (own->pid != 0)
		(void)wait_for_it(own, 0);
}
