/*
 * mech_pidfd.c - pidfds in an epoll set, with nothing around them
 *
 * With the variant peek the zombie is kept during the callback, as libsigchld and
 * sd-event keep it: so it is asked twice, and the pid stays the child's.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define AT_ONCE 64

struct pidfds {
	int epoll;
};

static bool keeps_zombie;

static int
setup(const char *variant)
{
	keeps_zombie = strcmp(variant, "peek") == 0;

	return 0;
}

static int
open_loop(struct bench_loop *loop)
{
	struct pidfds *state = malloc(sizeof(*state));

	if (state == NULL)
		return -ENOMEM;
	state->epoll = epoll_create1(EPOLL_CLOEXEC);
	loop->state = state;

	return state->epoll < 0 ? -errno : 0;
}

static int
watch(struct bench_loop *loop, struct bench_child *child)
{
	struct pidfds *state = loop->state;
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = child };

	child->fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
	if (child->fd < 0 ||
	    epoll_ctl(state->epoll, EPOLL_CTL_ADD, child->fd, &event) < 0)
		return -errno;

	return 0;
}

static int
wstatus_of(const siginfo_t *info)
{
	return info->si_code == CLD_EXITED ? info->si_status << 8
					   : info->si_status;
}

/* A program that was just started may still hold a copy of the descriptor, and
 * then closing ours does not take it out of the set. */
static void
forget(struct bench_loop *loop, int fd)
{
	struct pidfds *state = loop->state;

	if (loop->shared->plan.style == BENCH_SPAWN)
		(void)epoll_ctl(state->epoll, EPOLL_CTL_DEL, fd, NULL);
	(void)close(fd);
}

static int
reap(struct bench_loop *loop, struct bench_child *child)
{
	int peek = keeps_zombie ? WNOWAIT : 0, fd = child->fd;
	siginfo_t info;

	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED | peek) < 0)
		return -errno;
	if (!keeps_zombie)
		forget(loop, fd);
	bench_ended(loop, child, info.si_pid, wstatus_of(&info));
	if (!keeps_zombie)
		return 0;
	if (waitid(P_PIDFD, (id_t)fd, &info, WEXITED) < 0)
		return -errno;
	forget(loop, fd);

	return 0;
}

static int
run(struct bench_loop *loop)
{
	struct pidfds *state = loop->state;
	struct epoll_event events[AT_ONCE];
	int i, n, rc;

	while (loop->left > 0) {
		n = epoll_wait(state->epoll, events, AT_ONCE, -1);
		for (i = 0; i < n; i++) {
			rc = reap(loop, events[i].data.ptr);
			if (rc < 0)
				return rc;
		}
	}

	return 0;
}

static void
close_loop(struct bench_loop *loop)
{
	struct pidfds *state = loop->state;

	(void)close(state->epoll);
	free(state);
}

const struct bench_mechanism bench_mechanism = {
	.setup = setup,
	.open = open_loop,
	.watch = watch,
	.run = run,
	.close = close_loop,
};
