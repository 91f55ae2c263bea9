/*
 * spawn.c - start a program
 *
 *	check the options
 *	pipes			ours and theirs
 *	slots			low numbers for what is high
 *	plan			all that the child needs
 *	birth			core/birth.c: reserve, block signals, make, watch
 *	close their ends
 *	give our ends
 *
 * What was taken is given back in reverse order, whatever became of it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/ctx.h"
#include "core/sys.h"
#include "spawn/engine.h"
#include "spawn/slots.h"
#include "spawn/sys.h"

#define STREAMS 3

struct spawn {
	struct sigchld__start start;
	int ours[STREAMS], theirs[STREAMS]; /* ends of pipes, or -1 */
	struct sigchld_fdmap *wants;
	unsigned int n_wants;
};

static int *
stream_of(const struct sigchld_spawn_options *o, int stream)
{
	switch (stream) {
	case 0:
		return o->ret_stdin;
	case 1:
		return o->ret_stdout;
	default:
		return o->ret_stderr;
	}
}

static void
close_all(int *fds)
{
	int i;

	for (i = 0; i < STREAMS; i++) {
		if (fds[i] >= 0)
			(void)sigchld__sys_close(fds[i]);
		fds[i] = -1;
	}
}

static int
open_pipe(struct spawn *s, int stream)
{
	int fds[2], rc;

	rc = sigchld__sys_pipe(fds);
	if (rc < 0)
		return rc;
	s->ours[stream] = fds[stream == 0 ? 1 : 0];
	s->theirs[stream] = fds[stream == 0 ? 0 : 1];
	return 0;
}

/* Errors that go where output goes have no pipe of their own. */
static bool
is_merged(const struct sigchld_spawn_options *o)
{
	return o->ret_stderr != NULL && o->ret_stderr == o->ret_stdout;
}

static int
open_pipes(struct spawn *s)
{
	const struct sigchld_spawn_options *o = &s->start.plan.options;
	int i, rc = 0;

	sigchld__nofork_begin();
	for (i = 0; rc == 0 && i < STREAMS; i++) {
		s->ours[i] = s->theirs[i] = -1;
		if (stream_of(o, i) != NULL && !(i == 2 && is_merged(o)))
			rc = open_pipe(s, i);
	}
	sigchld__nofork_end();
	for (; i < STREAMS; i++)
		s->ours[i] = s->theirs[i] = -1;
	if (rc < 0) {
		close_all(s->theirs);
		close_all(s->ours);
	}
	return rc;
}

static void
want(struct spawn *s, int ours, int theirs)
{
	s->wants[s->n_wants++] = (struct sigchld_fdmap){ ours, theirs };
}

/* Everything that the child is given, in one list. */
static int
collect(struct spawn *s)
{
	const struct sigchld_spawn_options *o = &s->start.plan.options;
	uint32_t i;

	if ((uint64_t)o->nfdmap + o->nlisten > INT32_MAX / sizeof(*s->wants))
		return -EINVAL;
	s->wants = sigchld__sys_alloc((size_t)o->nfdmap + o->nlisten + STREAMS,
	    sizeof(*s->wants));
	if (s->wants == NULL)
		return -ENOMEM;
	for (i = 0; i < o->nfdmap; i++)
		want(s, o->fdmap[i].ours, o->fdmap[i].theirs);
	for (i = 0; i < o->nlisten; i++)
		want(s, o->listen[i], (int)i + 3);
	for (i = 0; i < STREAMS; i++) {
		if (s->theirs[i] >= 0)
			want(s, s->theirs[i], (int)i);
	}
	if (is_merged(o))
		want(s, s->theirs[1], 2);
	return 0;
}

static uint32_t
child_flags(const struct sigchld_spawn_options *o)
{
	return (o->flags & SIGCHLD_SPAWN_STOPS ? SIGCHLD_CHILD_STOPS : 0) |
	    (o->flags & SIGCHLD_SPAWN_DESCENDANTS ? SIGCHLD_CHILD_DESCENDANTS
						  : 0) |
	    (o->flags & SIGCHLD_SPAWN_RUSAGE ? SIGCHLD_CHILD_RUSAGE : 0) |
	    (o->flags & SIGCHLD_SPAWN_GROUPKILL ? SIGCHLD__CHILD_GROUP : 0);
}

struct watcher {
	struct sigchld_ctx *ctx;
	struct sigchld_child **ret_child;
	sigchld_event_fn *on_event;
	void *user;
};

static pid_t
plan_and_make(struct spawn *s, const struct watcher *w)
{
	struct sigchld__plan *plan = &s->start.plan;
	bool landed = false;
	pid_t pid;

	if (sigchld__engine_shares(plan))
		landed = sigchld__slots_begin(s->wants, s->n_wants);
	pid = sigchld__plan_make(plan, s->wants, s->n_wants);
	if (pid == 0) {
		s->start.birth.make = sigchld__engine_make;
		if (plan->options.flags & SIGCHLD_SPAWN_CGROUP)
			s->start.birth.cgroup =
			    sigchld__sys_inode(plan->options.cgroup);
		pid = sigchld__birth(w->ctx, w->ret_child,
		    child_flags(&plan->options), &s->start.birth, w->on_event,
		    w->user);
		sigchld__plan_drop(plan);
	}
	if (landed)
		sigchld__slots_end();
	return pid;
}

static void
give(struct spawn *s)
{
	const struct sigchld_spawn_options *o = &s->start.plan.options;
	int i;

	for (i = 0; i < STREAMS; i++) {
		if (s->ours[i] >= 0)
			*stream_of(o, i) = s->ours[i];
	}
}

/* Asked before we open any: one that is closed must not become one of ours. */
static bool
all_open(const struct sigchld_spawn_options *o)
{
	uint32_t i;

	for (i = 0; i < o->nfdmap; i++) {
		if (o->fdmap[i].ours != SIGCHLD_FD_NULL &&
		    !sigchld__sys_is_open(o->fdmap[i].ours))
			return false;
	}
	for (i = 0; i < o->nlisten; i++) {
		if (!sigchld__sys_is_open(o->listen[i]))
			return false;
	}
	if (o->flags & SIGCHLD_SPAWN_TTY && !sigchld__sys_is_open(o->tty))
		return false;
	return !(o->flags & SIGCHLD_SPAWN_CGROUP) ||
	    sigchld__sys_is_open(o->cgroup);
}

static pid_t
spawn_it(struct spawn *s, const struct watcher *w)
{
	pid_t pid;

	if (!all_open(&s->start.plan.options))
		return -EBADF;
	pid = open_pipes(s);
	if (pid < 0)
		return pid;
	pid = collect(s);
	if (pid == 0)
		pid = plan_and_make(s, w);
	free(s->wants);
	close_all(s->theirs);
	if (pid > 0)
		give(s);
	else
		close_all(s->ours);
	return pid;
}

pid_t
sigchld_spawn(struct sigchld_ctx *ctx, struct sigchld_child **ret_child,
    const struct sigchld_spawn_options *spawn, sigchld_event_fn *on_event,
    void *user)
{
	const struct watcher watcher = { ctx, ret_child, on_event, user };
	struct spawn s = { 0 };
	int state;
	pid_t pid;

	pid = sigchld__ctx_check(ctx);
	if (pid == 0)
		pid = sigchld__spawn_read(&s.start.plan.options, spawn);
	if (pid < 0)
		return pid;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	pid = spawn_it(&s, &watcher);
	(void)pthread_setcancelstate(state, NULL);
	return pid;
}
