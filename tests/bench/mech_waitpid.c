/*
 * mech_waitpid.c - waitpid(-1), with nothing around it
 *
 * The floor of all that there is for one thread, and of no use in a library: it
 * takes everybody's children.
 */
#include <errno.h>
#include <sys/wait.h>

#include "bench.h"

static int
setup(const char *variant)
{
	(void)variant;

	return 0;
}

static int
open_loop(struct bench_loop *loop)
{
	(void)loop;

	return 0;
}

static int
watch(struct bench_loop *loop, struct bench_child *child)
{
	(void)loop;
	bench_remember(child);

	return 0;
}

static int
run(struct bench_loop *loop)
{
	int wstatus;
	pid_t pid;

	while (loop->left > 0) {
		pid = waitpid(-1, &wstatus, 0);
		if (pid < 0)
			return -errno;
		bench_ended(loop, bench_recall(pid), pid, wstatus);
	}

	return 0;
}

static void
close_loop(struct bench_loop *loop)
{
	(void)loop;
}

const struct bench_mechanism bench_mechanism = {
	.flags = BENCH_ONE_LOOP,
	.setup = setup,
	.open = open_loop,
	.watch = watch,
	.run = run,
	.close = close_loop,
};
