/*
 * mech_ev.c - libev, whose default loop alone can watch children
 */
#include <errno.h>
#include <ev.h>
#include <stdlib.h>

#include "bench.h"

struct watcher {
	ev_child ev; /* first */
	struct bench_child *child;
};

static int
setup(const char *variant)
{
	(void)variant;

	return 0;
}

static int
open_loop(struct bench_loop *loop)
{
	loop->state = ev_default_loop(EVFLAG_AUTO);
	if (loop->state == NULL)
		return -ENOTSUP;
	ev_set_userdata(loop->state, loop);

	return 0;
}

static void
on_child(struct ev_loop *ev, ev_child *handle, int revents)
{
	struct watcher *watcher = (struct watcher *)(void *)handle;

	(void)revents;
	ev_child_stop(ev, handle);
	bench_ended(ev_userdata(ev), watcher->child, handle->rpid,
	    handle->rstatus);
	free(watcher);
}

static int
watch(struct bench_loop *loop, struct bench_child *child)
{
	struct watcher *watcher = calloc(1, sizeof(*watcher));

	if (watcher == NULL)
		return -ENOMEM;
	watcher->child = child;
	watcher->ev.cb = on_child;
	ev_child_set(&watcher->ev, child->pid, 0);
	ev_child_start(loop->state, &watcher->ev);

	return 0;
}

static int
run(struct bench_loop *loop)
{
	while (loop->left > 0)
		(void)ev_run(loop->state, EVRUN_ONCE);

	return 0;
}

static void
close_loop(struct bench_loop *loop)
{
	ev_loop_destroy(loop->state);
}

const struct bench_mechanism bench_mechanism = {
	.flags = BENCH_ONE_LOOP,
	.setup = setup,
	.open = open_loop,
	.watch = watch,
	.run = run,
	.close = close_loop,
};
