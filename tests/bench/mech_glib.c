/*
 * mech_glib.c - GLib, one main context for each thread
 */
#include <errno.h>
#include <glib.h>
#include <stdlib.h>

#include "bench.h"

static _Thread_local struct bench_loop *this_loop;

static int
setup(const char *variant)
{
	(void)variant;

	return 0;
}

static int
open_loop(struct bench_loop *loop)
{
	loop->state = g_main_context_new();
	this_loop = loop;

	return 0;
}

static void
on_child(GPid pid, gint wstatus, gpointer user)
{
	bench_ended(this_loop, user, pid, wstatus);
}

/* GLib casts a callback to its own type and back. */
static int
watch(struct bench_loop *loop, struct bench_child *child)
{
	GSource *source = g_child_watch_source_new(child->pid);

	g_source_set_callback(source, G_SOURCE_FUNC(on_child), child, NULL);
	(void)g_source_attach(source, loop->state);
	g_source_unref(source);

	return 0;
}

static int
spawn(struct bench_loop *loop, struct bench_child *child)
{
	struct bench_argv argv;
	char **words = bench_argv(&argv, child);
	gboolean ok;

	words[0] = (char *)(uintptr_t)bench_program;
	ok = g_spawn_async(NULL, words, NULL,
	    G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_CHILD_INHERITS_STDIN, NULL,
	    NULL, &child->pid, NULL);
	if (!ok)
		return -EIO;

	return watch(loop, child);
}

static int
run(struct bench_loop *loop)
{
	g_main_context_push_thread_default(loop->state);
	while (loop->left > 0)
		(void)g_main_context_iteration(loop->state, TRUE);
	g_main_context_pop_thread_default(loop->state);

	return 0;
}

static void
close_loop(struct bench_loop *loop)
{
	g_main_context_unref(loop->state);
}

const struct bench_mechanism bench_mechanism = {
	.flags = BENCH_FORKS,
	.setup = setup,
	.open = open_loop,
	.watch = watch,
	.spawn = spawn,
	.run = run,
	.close = close_loop,
};
