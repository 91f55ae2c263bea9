/*
 * mech_sdevent.c - sd-event, with pidfds or (variant nopidfd) without
 *
 * It wants SIGCHLD to be blocked in every thread. Without pidfds its loops take
 * the signal from each other, so there can be one only.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>

#include "bench.h"

static _Thread_local struct bench_loop *this_loop;
static bool one_loop;

static int
setup(const char *variant)
{
	sigset_t set;

	one_loop = strcmp(variant, "nopidfd") == 0;
	(void)setenv("SYSTEMD_PIDFD", one_loop ? "0" : "1", 1);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);

	return 0;
}

static int
open_loop(struct bench_loop *loop)
{
	sd_event *event;
	int rc;

	if (one_loop && loop->shared->plan.contexts > 1)
		return -ENOTSUP;
	rc = sd_event_new(&event);
	loop->state = event;
	this_loop = loop;

	return rc < 0 ? rc : 0;
}

static int
wstatus_of(const siginfo_t *info)
{
	return info->si_code == CLD_EXITED ? info->si_status << 8
					   : info->si_status;
}

static int
on_child(sd_event_source *source, const siginfo_t *info, void *user)
{
	bench_ended(this_loop, user, info->si_pid, wstatus_of(info));
	(void)sd_event_source_unref(source);

	return 0;
}

static int
watch(struct bench_loop *loop, struct bench_child *child)
{
	sd_event_source *source;
	int rc = sd_event_add_child(loop->state, &source, child->pid, WEXITED,
	    on_child, child);

	return rc < 0 ? rc : 0;
}

static int
run(struct bench_loop *loop)
{
	int rc = 0;

	while (loop->left > 0 && rc >= 0)
		rc = sd_event_run(loop->state, UINT64_MAX);

	return rc < 0 ? rc : 0;
}

static void
close_loop(struct bench_loop *loop)
{
	(void)sd_event_unref(loop->state);
}

const struct bench_mechanism bench_mechanism = {
	.setup = setup,
	.open = open_loop,
	.watch = watch,
	.run = run,
	.close = close_loop,
};
