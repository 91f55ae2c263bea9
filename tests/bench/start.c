/*
 * start.c - start a child, and find it again by its pid
 *
 * All signals are reset and the mask is emptied, as every careful program that
 * starts another has to do.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

#define PIDS (1 << 22) /* the most that Linux has */

extern char **environ;

static struct bench_child **by_pid;

char **
bench_argv(struct bench_argv *argv, const struct bench_child *child)
{
	static char name[] = "child", hold[] = "hold";

	(void)snprintf(argv->status, sizeof(argv->status), "%d",
	    child->wstatus >> 8); /* 0 if it is to be killed */
	argv->argv[0] = name;
	argv->argv[1] = argv->status;
	argv->argv[2] = child->gate >= 0 ? hold : NULL;
	argv->argv[3] = NULL;

	return argv->argv;
}

static void
set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t all, none;

	(void)sigfillset(&all);
	(void)sigemptyset(&none);
	(void)posix_spawnattr_init(attributes);
	(void)posix_spawnattr_setsigdefault(attributes, &all);
	(void)posix_spawnattr_setsigmask(attributes, &none);
	(void)posix_spawnattr_setflags(attributes,
	    POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
}

int
bench_start(struct bench_child *child)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	struct bench_argv argv;
	int rc;

	set_attributes(&attributes);
	(void)posix_spawn_file_actions_init(&actions);
	if (child->gate >= 0)
		(void)posix_spawn_file_actions_adddup2(&actions, child->gate,
		    0);
	rc = posix_spawn(&child->pid, bench_program, &actions, &attributes,
	    bench_argv(&argv, child), environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);

	return -rc;
}

void
bench_remember(struct bench_child *child)
{
	if (by_pid == NULL)
		by_pid = calloc(PIDS, sizeof(struct bench_child *));
	if (by_pid == NULL)
		abort();
	by_pid[child->pid] = child;
}

struct bench_child *
bench_recall(pid_t pid)
{
	return by_pid[pid];
}
