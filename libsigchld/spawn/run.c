/*
 * run.c - run a program to its end, and take what it writes
 *
 * A context of its own, a pipe for each stream, and a loop over poll. It is over
 * when the program has ended: what is in the pipes then is taken, but their end
 * is not waited for, since somebody whom the program started may live on with
 * them.
 *
 * The program leads a session, unless the caller has said something of groups,
 * so that at the timeout all that it started is stopped with it: first by
 * SIGTERM; when it has ended, what is left of its group by SIGKILL, in the
 * callback, while the number of the group is still taken.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "async/sys.h"
#include "core/sys.h"
#include "spawn/plan.h"
#include "spawn/stream.h"

#define LIMIT    ((size_t)1 << 20)
#define GRACE_MS 2000

/* So often a stream is read when its writer has ended: what a pipe may hold
 * takes fewer. */
#define LAST_READS 1024

#define GROUPS \
	(SIGCHLD_SPAWN_SETSID | SIGCHLD_SPAWN_SETPGID | SIGCHLD_SPAWN_TTY | \
	    SIGCHLD_SPAWN_GROUPKILL)

_Static_assert(sizeof(struct sigchld_run_options) ==
	3 * sizeof(size_t) + sizeof(void *) + 2 * sizeof(int) +
	    2 * sizeof(uint32_t),
    "padding is not promised to be zero, so there must be none");

struct run {
	struct sigchld_ctx *ctx;
	struct sigchld_child *child;
	struct sigchld_spawn_options spawn;
	struct sigchld_run_options options;
	struct sigchld_fdmap *map; /* with /dev/null */
	struct sigchld__input input;
	struct sigchld__output output, errors;
	int64_t deadline; /* or 0 */
	bool ended;
	uint32_t flags; /* SIGCHLD_RUN_*, of the result */
	struct sigchld_event event;
};

/* Options */

static int
read_run(struct sigchld_run_options *ret, const struct sigchld_run_options *run)
{
	const unsigned char *byte = (const unsigned char *)run;
	size_t i;

	*ret = (struct sigchld_run_options){ .size = sizeof(*ret) };
	if (run == NULL)
		return 0;
	if (run->size < sizeof(*ret))
		return -EINVAL;
	for (i = sizeof(*ret); i < run->size; i++) {
		if (byte[i] != 0)
			return -E2BIG;
	}
	(void)memcpy(ret, run, sizeof(*ret));
	if (ret->flags & ~SIGCHLD_RUN_MERGE || ret->zero != 0 ||
	    ret->timeout_ms < 0 || ret->grace_ms < 0 ||
	    (ret->ninput > 0 && ret->input == NULL))
		return -EINVAL;
	return 0;
}

/* The streams are ours. */
static int
check_streams(const struct sigchld_spawn_options *o)
{
	uint32_t i;

	if (o->ret_stdin != NULL || o->ret_stdout != NULL ||
	    o->ret_stderr != NULL)
		return -EINVAL;
	for (i = 0; i < o->nfdmap; i++) {
		if (o->fdmap[i].theirs <= 2)
			return -EINVAL;
	}
	return 0;
}

static int
read_options(struct run *r, const struct sigchld_spawn_options *spawn,
    const struct sigchld_run_options *run)
{
	int rc;

	rc = sigchld__spawn_read(&r->spawn, spawn);
	if (rc == 0)
		rc = check_streams(&r->spawn);
	if (rc == 0)
		rc = read_run(&r->options, run);
	if (rc < 0)
		return rc;
	if (!(r->spawn.flags & GROUPS))
		r->spawn.flags |=
		    SIGCHLD_SPAWN_SETSID | SIGCHLD_SPAWN_GROUPKILL;
	if (r->options.limit == 0)
		r->options.limit = LIMIT;
	if (r->options.grace_ms == 0)
		r->options.grace_ms = GRACE_MS;
	r->input.fd = r->output.fd = r->errors.fd = -1;
	r->output.limit = r->errors.limit = r->options.limit;
	return 0;
}

/* Start */

static int
add_null(struct run *r)
{
	struct sigchld_spawn_options *o = &r->spawn;
	size_t n = o->nfdmap;

	r->map = sigchld__sys_alloc(n + 1, sizeof(*r->map));
	if (r->map == NULL)
		return -ENOMEM;
	if (n > 0)
		(void)memcpy(r->map, o->fdmap, n * sizeof(*r->map));
	r->map[n] = (struct sigchld_fdmap){ SIGCHLD_FD_NULL, 0 };
	o->fdmap = r->map;
	o->nfdmap++;
	return 0;
}

static int
set_streams(struct run *r)
{
	bool merge = r->options.flags & SIGCHLD_RUN_MERGE;

	r->spawn.ret_stdout = &r->output.fd;
	r->spawn.ret_stderr = merge ? &r->output.fd : &r->errors.fd;
	if (r->options.input == NULL)
		return add_null(r);
	r->spawn.ret_stdin = &r->input.fd;
	r->input.data = r->options.input;
	r->input.n = r->options.ninput;
	return 0;
}

static void
on_event(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct run *r = user;

	if (event->what != SIGCHLD_EXITED && event->what != SIGCHLD_SIGNALED &&
	    event->what != SIGCHLD_STOLEN)
		return;
	r->event = *event;
	r->ended = true;
	if (r->flags & SIGCHLD_RUN_TIMED_OUT)
		(void)sigchld_child_kill(child, SIGKILL);
}

/* Our ends alone: each end of a pipe is an open file of its own. */
static int
never_block(int fd)
{
	int rc = fd < 0 ? 0 : sigchld__sys_nonblock(fd);

	return rc < 0 ? rc : 0;
}

static int
start(struct run *r)
{
	int rc;

	rc = set_streams(r);
	if (rc == 0)
		rc = sigchld_spawn(r->ctx, &r->child, &r->spawn, on_event, r);
	if (rc < 0)
		return rc;
	if (r->options.timeout_ms > 0)
		r->deadline = sigchld__sys_now_ms() + r->options.timeout_ms;
	rc = never_block(r->input.fd);
	if (rc == 0)
		rc = never_block(r->output.fd);
	return rc == 0 ? never_block(r->errors.fd) : rc;
}

/* The loop */

static int
sooner(int a, int b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

static int
time_left(const struct run *r)
{
	int64_t left;

	if (r->deadline == 0)
		return -1;
	left = r->deadline - sigchld__sys_now_ms();
	return left < 0 ? 0 : (int)left;
}

static int
await_something(const struct run *r)
{
	struct pollfd fds[] = {
		{ .fd = sigchld_fd(r->ctx), .events = POLLIN },
		{ .fd = r->input.fd, .events = POLLOUT },
		{ .fd = r->output.fd, .events = POLLIN },
		{ .fd = r->errors.fd, .events = POLLIN },
	};
	int rc;

	rc = sigchld__sys_poll(fds, sizeof(fds) / sizeof(fds[0]),
	    sooner(time_left(r), sigchld_timeout(r->ctx)));
	return rc == -EINTR || rc > 0 ? 0 : rc;
}

static int
take(struct sigchld__output *output)
{
	int rc;

	if (output->fd < 0)
		return 0;
	rc = sigchld__output_take(output);
	return rc < 0 && rc != -EPIPE ? rc : 0;
}

static int
serve(struct run *r)
{
	int rc;

	if (r->input.fd >= 0)
		sigchld__input_give(&r->input);
	rc = take(&r->output);
	if (rc == 0)
		rc = take(&r->errors);
	return rc;
}

/* Not before a dispatch has seen that it is there still. */
static int
look_at_clock(struct run *r)
{
	int rc;

	if (r->ended || r->deadline == 0 || time_left(r) > 0)
		return 0;
	r->deadline = 0;
	rc = sigchld_child_stop(r->child, SIGTERM, r->options.grace_ms);
	if (rc == 0)
		r->flags |= SIGCHLD_RUN_TIMED_OUT;
	return rc == -ESRCH ? 0 : rc;
}

static int
run_to_end(struct run *r)
{
	int rc = 0;

	while (!r->ended && rc >= 0) {
		rc = await_something(r);
		if (rc == 0)
			rc = serve(r);
		if (rc == 0)
			rc = sigchld_dispatch(r->ctx);
		if (rc >= 0)
			rc = look_at_clock(r);
	}
	return rc < 0 ? rc : 0;
}

/* What was written before the end. Whoever writes on is not followed. */
static int
drain(struct run *r, struct sigchld__output *output)
{
	int left = LAST_READS, rc = 1;

	while (output->fd >= 0 && left-- > 0 && rc == 1)
		rc = sigchld__output_take(output);
	if (output->fd >= 0 && rc >= 0)
		r->flags |= SIGCHLD_RUN_LEFT_OPEN;
	return rc < 0 && rc != -EPIPE ? rc : 0;
}

/* It must not go on without us, unless it became another user's, so that we may
 * not touch it. */
static void
destroy(struct run *r)
{
	if (r->child == NULL || r->ended)
		return;
	if (sigchld_child_kill(r->child, SIGKILL) == -EACCES)
		return;
	while (!r->ended && sigchld_wait(r->ctx, -1) >= 0)
		;
}

/* Its group has just been killed: what those had open closes when they are gone,
 * which they are in no time, unless one has left the group. */
static int
await_killed(struct run *r)
{
	int rc = 0;

	if (!(r->flags & SIGCHLD_RUN_TIMED_OUT))
		return 0;
	r->deadline = sigchld__sys_now_ms() + r->options.grace_ms;
	while (rc == 0 && (r->output.fd >= 0 || r->errors.fd >= 0) &&
	    time_left(r) > 0) {
		rc = await_something(r);
		if (rc == 0)
			rc = serve(r);
		if (rc == 0)
			rc = sigchld_dispatch(r->ctx);
	}
	return rc < 0 ? rc : 0;
}

static int
finish(struct run *r)
{
	int rc;

	rc = await_killed(r);
	if (rc == 0)
		rc = drain(r, &r->output);
	if (rc == 0)
		rc = drain(r, &r->errors);
	if (rc == 0)
		rc = sigchld__output_finish(&r->output);
	if (rc == 0)
		rc = sigchld__output_finish(&r->errors);
	return rc;
}

static void
give(struct run *r, struct sigchld_run_result *ret_result)
{
	*ret_result = (struct sigchld_run_result){
		.size = ret_result->size,
		.output = r->output.data,
		.noutput = r->output.n,
		.errors = r->errors.data,
		.nerrors = r->errors.n,
		.flags = r->flags |
		    (r->output.cut ? SIGCHLD_RUN_CUT_OUTPUT : 0) |
		    (r->errors.cut ? SIGCHLD_RUN_CUT_ERRORS : 0),
		.event = r->event,
	};
	r->output.data = r->errors.data = NULL;
}

static void
clean_up(struct run *r)
{
	sigchld__stream_close(&r->input.fd);
	sigchld__stream_close(&r->output.fd);
	sigchld__stream_close(&r->errors.fd);
	sigchld_child_free(r->child);
	sigchld_free(r->ctx);
	free(r->output.data);
	free(r->errors.data);
	free(r->map);
}

static int
run_it(struct run *r, struct sigchld_run_result *ret_result)
{
	int rc;

	rc = sigchld_new(&r->ctx, NULL);
	if (rc < 0)
		return rc;
	rc = start(r);
	if (rc == 0)
		rc = run_to_end(r);
	if (rc == 0)
		rc = finish(r);
	destroy(r);
	if (rc == 0)
		give(r, ret_result);
	clean_up(r);
	return rc;
}

int
sigchld_run(const struct sigchld_spawn_options *spawn,
    const struct sigchld_run_options *run,
    struct sigchld_run_result *ret_result)
{
	struct run r = { 0 };
	int state, rc;

	if (ret_result == NULL || ret_result->size < sizeof(*ret_result))
		return -EINVAL;
	rc = read_options(&r, spawn, run);
	if (rc < 0)
		return rc;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	rc = run_it(&r, ret_result);
	(void)pthread_setcancelstate(state, NULL);
	return rc;
}
