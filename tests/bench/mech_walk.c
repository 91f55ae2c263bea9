/*
 * mech_walk.c - a walk as libxl's
 *
 * One handler writes a byte to the pipe of every context. Each context then
 * asks for each of its children.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

struct walk {
	int pipe[2];
	uint32_t n;
	struct bench_child *children[BENCH_CHILDREN];
};

static _Atomic uint32_t n_contexts;
static int write_ends[BENCH_CONTEXTS];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void
handle(int sig)
{
	int saved = errno;
	uint32_t i;

	(void)sig;
	for (i = 0; i < atomic_load(&n_contexts); i++)
		(void)!write(write_ends[i], "", 1);
	errno = saved;
}

static int
setup(const char *variant)
{
	struct sigaction action = {
		.sa_handler = handle,
		.sa_flags = SA_RESTART | SA_NOCLDSTOP,
	};

	(void)variant;

	return sigaction(SIGCHLD, &action, NULL) < 0 ? -errno : 0;
}

static int
open_loop(struct bench_loop *loop)
{
	struct walk *walk = calloc(1, sizeof(*walk));

	if (walk == NULL)
		return -ENOMEM;
	if (pipe2(walk->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	loop->state = walk;
	(void)pthread_mutex_lock(&mutex);
	write_ends[atomic_load(&n_contexts)] = walk->pipe[1];
	atomic_fetch_add(&n_contexts, 1);
	(void)pthread_mutex_unlock(&mutex);

	return 0;
}

static int
watch(struct bench_loop *loop, struct bench_child *child)
{
	struct walk *walk = loop->state;

	walk->children[walk->n++] = child;

	return 0;
}

static void
ask_each(struct bench_loop *loop)
{
	struct walk *walk = loop->state;
	struct bench_child *child;
	uint32_t i = 0;
	int wstatus;

	while (i < walk->n) {
		child = walk->children[i];
		if (waitpid(child->pid, &wstatus, WNOHANG) == child->pid) {
			walk->children[i] = walk->children[--walk->n];
			bench_ended(loop, child, child->pid, wstatus);
		} else {
			i++;
		}
	}
}

static int
run(struct bench_loop *loop)
{
	struct walk *walk = loop->state;
	struct pollfd pfd = { .fd = walk->pipe[0], .events = POLLIN };
	char bytes[256];

	while (loop->left > 0) {
		if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
			return -errno;
		while (read(walk->pipe[0], bytes, sizeof(bytes)) ==
		    sizeof(bytes))
			continue;
		ask_each(loop);
	}

	return 0;
}

/* The pipe stays: the handler may be about to write to it. */
static void
close_loop(struct bench_loop *loop)
{
	(void)loop;
}

const struct bench_mechanism bench_mechanism = {
	.setup = setup,
	.open = open_loop,
	.watch = watch,
	.run = run,
	.close = close_loop,
};
