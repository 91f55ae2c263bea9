/*
 * watch.c - what the harness does with a context
 *
 * Apart from the rest, so that tests of async/ need no context to link.
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "held.h"

struct harness_child
harness_fork_watched(struct sigchld_ctx *ctx, struct sigchld_child **ret_child,
    uint32_t flags, int code, sigchld_event_fn *on_event, void *user)
{
	struct harness_child held;
	int stream[2];

	held_open(stream);
	held.pid = sigchld_fork(ctx, ret_child, flags, on_event, user);
	if (held.pid == 0)
		held_run(stream[0], code);
	(void)close(stream[0]);
	held.hold = stream[1];
	ck_assert_msg(held.pid > 0, "sigchld_fork: %s",
	    strerror((int)-held.pid));

	return held;
}

void
harness_wait_for(struct sigchld_ctx *ctx, const int *counter, int want)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms(), left;
	int n;

	while (*counter < want) {
		left = deadline - harness_now_ms();
		ck_assert_msg(left > 0, "%d of %d came", *counter, want);
		n = sigchld_wait(ctx, (int)left);
		ck_assert_msg(n >= 0, "sigchld_wait: %s", strerror(-n));
	}
}

void
harness_on_event(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct harness_log *log = user;

	(void)child;
	log->count++;
	if (event->what != SIGCHLD_STOPPED && event->what != SIGCHLD_CONTINUED)
		log->final++;
	log->pid = event->pid;
	log->what = event->what;
	log->source = event->source;
	log->wstatus = event->wstatus;
	log->known = event->known;
}

void
harness_check_theft(const struct harness_log *log, int wstatus)
{
	uint32_t what = WIFEXITED(wstatus) ? SIGCHLD_EXITED : SIGCHLD_SIGNALED;
	uint32_t source = SIGCHLD_SOURCE_PIDFD_INFO;

	if (!harness_recovers()) {
		what = SIGCHLD_STOLEN;
		source = SIGCHLD_SOURCE_NONE;
		wstatus = 0;
	}
	ck_assert_int_eq(log->final, 1);
	ck_assert_uint_eq(log->what, what);
	ck_assert_uint_eq(log->source, source);
	ck_assert_int_eq(log->wstatus, wstatus);
	ck_assert_uint_eq(log->known & SIGCHLD_KNOWN_RUSAGE, 0);
}
