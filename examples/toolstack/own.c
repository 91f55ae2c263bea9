/*
 * own.c - children that the main thread makes and waits for by itself
 *
 * This part of the program knows nothing of libsigchld. It makes children and
 * waits as programs did before: posix_spawn, and waitpid with a pid. If some
 * context took a child that is not its own, a status would be missing here.
 */
#include "own.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
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
	{ { "true" }, { BY_EXIT, 0 } },
	{ { "sh", "-c", "exit 3" }, { BY_EXIT, 3 } },
	{ { "uname" }, { BY_EXIT, 0 } },
	{ { "sh", "-c", "kill -TERM $$" }, { BY_SIGNAL, SIGTERM } },
	{ { "sh", "-c", "exit 200" }, { BY_EXIT, 200 } },
};

static const struct status *
latest_status(const struct own *own)
{
	size_t n = sizeof(programs) / sizeof(programs[0]);

	return &programs[(own->started - 1) % n].status;
}

/* In a session of its own, like the others; and it writes to nobody. */
static int
spawn(pid_t *ret_pid, char *const *argv)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int err;

	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawnattr_init(&attr);
	(void)posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
	err = posix_spawn_file_actions_addopen(&files, STDOUT_FILENO,
	    "/dev/null", O_WRONLY, 0);
	if (err == 0)
		err = posix_spawnp(ret_pid, argv[0], &files, &attr, argv,
		    environ);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&files);
	return err;
}

static void
start(struct own *own)
{
	size_t n = sizeof(programs) / sizeof(programs[0]);
	int err = spawn(&own->pid, programs[own->started % n].argv);

	if (err != 0) {
		own->pid = 0;
		note("main thread: posix_spawn: %s", strerror(err));
		return;
	}
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
	if (pid < 0 && own->lost++ == 0)
		note("main thread: pid %d is lost: %s", own->pid,
		    strerror(errno));
	own->right += pid > 0 && status_is(wstatus, latest_status(own));
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
