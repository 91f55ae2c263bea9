/*
 * mech_sigchld.c - this library, by its public interface
 *
 * The variant is the wake: auto, signal or pidfd.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <sigchld.h>

#include "bench.h"

static uint32_t wake;

static int
setup(const char *variant)
{
	if (strcmp(variant, "signal") == 0)
		wake = SIGCHLD_WAKE_SIGNAL;
	else if (strcmp(variant, "pidfd") == 0)
		wake = SIGCHLD_WAKE_PIDFD;
	else
		wake = SIGCHLD_WAKE_AUTO;

	return 0;
}

static int
open_loop(struct bench_loop *loop)
{
	struct sigchld_ctx *ctx;
	int rc;

	rc = sigchld_new(&ctx, SIGCHLD_OPTIONS(.wake = wake, .user = loop));
	if (rc == 0)
		loop->state = ctx;

	return rc;
}

/* What a callback is handed is the child; its loop is found by the thread. */
static _Thread_local struct bench_loop *this_loop;

static void
on_event(struct sigchld_child *watched, const struct sigchld_event *event,
    void *user)
{
	(void)watched;
	bench_ended(this_loop, user, event->pid, event->wstatus);
}

static int
watch(struct bench_loop *loop, struct bench_child *child)
{
	this_loop = loop;

	return sigchld_watch(loop->state, NULL, child->pid, 0, on_event, child);
}

static int
spawn(struct bench_loop *loop, struct bench_child *child)
{
	struct bench_argv argv;
	pid_t pid;

	this_loop = loop;
#if BENCH_HAS_SPAWN
	pid = sigchld_spawn(loop->state, NULL,
	    SIGCHLD_SPAWN(.path = bench_program,
		.argv = bench_argv(&argv, child)),
	    on_event, child);
#else
	pid = sigchld_fork(loop->state, NULL, 0, on_event, child);
	if (pid == 0) {
		(void)execv(bench_program, bench_argv(&argv, child));
		_exit(127);
	}
#endif
	child->pid = pid;

	return pid < 0 ? pid : 0;
}

static int
run(struct bench_loop *loop)
{
	int rc = 0;

	while (loop->left > 0 && rc >= 0)
		rc = sigchld_wait(loop->state, -1);

	return rc < 0 ? rc : 0;
}

static void
close_loop(struct bench_loop *loop)
{
	sigchld_free(loop->state);
}

const struct bench_mechanism bench_mechanism = {
	.flags = BENCH_HAS_SPAWN ? 0 : BENCH_FORKS,
	.setup = setup,
	.open = open_loop,
	.watch = watch,
	.spawn = spawn,
	.run = run,
	.close = close_loop,
};
