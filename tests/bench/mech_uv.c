/*
 * mech_uv.c - libuv, which watches what it started itself and nothing else
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "bench.h"

struct process {
	uv_process_t handle; /* first */
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
	uv_loop_t *uv = malloc(sizeof(*uv));
	int rc;

	if (uv == NULL)
		return -ENOMEM;
	rc = uv_loop_init(uv);
	uv->data = loop;
	loop->state = uv;

	return rc;
}

static void
on_close(uv_handle_t *handle)
{
	free(handle);
}

static void
on_exit_of(uv_process_t *handle, int64_t status, int sig)
{
	struct process *process = (struct process *)(void *)handle;
	int wstatus = sig != 0 ? sig : (int)status << 8;

	bench_ended(handle->loop->data, process->child, handle->pid, wstatus);
	uv_close((uv_handle_t *)handle, on_close);
}

static int
watch(struct bench_loop *loop, struct bench_child *child)
{
	struct process *process = calloc(1, sizeof(*process));
	uv_process_options_t options;
	uv_stdio_container_t stdio[3];
	struct bench_argv argv;
	int i, rc;

	if (process == NULL)
		return -ENOMEM;
	for (i = 0; i < 3; i++) {
		stdio[i].flags = UV_INHERIT_FD;
		stdio[i].data.fd = i;
	}
	if (child->gate >= 0)
		stdio[0].data.fd = child->gate;
	(void)memset(&options, 0, sizeof(options));
	options.file = bench_program;
	options.args = bench_argv(&argv, child);
	options.stdio = stdio;
	options.stdio_count = 3;
	options.exit_cb = on_exit_of;
	process->child = child;
	rc = uv_spawn(loop->state, &process->handle, &options);
	child->pid = process->handle.pid;

	return rc;
}

static int
run(struct bench_loop *loop)
{
	while (loop->left > 0)
		(void)uv_run(loop->state, UV_RUN_ONCE);

	return 0;
}

static void
close_loop(struct bench_loop *loop)
{
	(void)uv_run(loop->state, UV_RUN_DEFAULT);
	(void)uv_loop_close(loop->state);
	free(loop->state);
}

const struct bench_mechanism bench_mechanism = {
	.flags = BENCH_FORKS | BENCH_STARTS,
	.setup = setup,
	.open = open_loop,
	.watch = watch,
	.run = run,
	.close = close_loop,
};
