/*
 * test_g8.c - G8: no death is missed: drain, clear the flag, then look, in this
 * order everywhere
 *
 * wrap: waitid epoll_wait read poll
 *
 * A child dies, and the handler has run, at the worst moment: between any two of
 * the steps. A storm would hide a lost wake-up, so there is none.
 */
#include "async/sys.h"
#include "core/sys.h"
#include "help.h"

static struct harness_child late; /* ends at the moment below */
static pid_t looked_at;           /* whose look it is about */
static enum moment {
	NEVER,
	BEFORE_DRAIN,
	AFTER_DRAIN,
	AFTER_LOOK
} moment;

/* SIGCHLD has been handled when this returns: the child was dead before, and
 * this is the only thread, or one more is raised on it. */
static void
end_now(enum moment now)
{
	if (now != moment)
		return;
	moment = NEVER;
	end_child(&late);
	ck_assert_int_eq(raise(SIGCHLD), 0);
}

int __real_sigchld__sys_waitid(int type, int id, struct sigchld__wait *wait,
    int options);
int __wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *wait,
    int options);

int
__wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *wait,
    int options)
{
	int rc = __real_sigchld__sys_waitid(type, id, wait, options);

	if (moment == AFTER_LOOK && harness_pid_of(type, id) == looked_at)
		end_now(AFTER_LOOK);

	return rc;
}

/* The harvest of the edge is the drain where there is an epoll set; else the
 * reading is. */
#ifndef SIGCHLD_PORTABLE

struct epoll_event;
int __real_sigchld__sys_epoll_wait(int epfd, struct epoll_event *events,
    int max, int timeout_ms);
int __wrap_sigchld__sys_epoll_wait(int epfd, struct epoll_event *events,
    int max, int timeout_ms);

int
__wrap_sigchld__sys_epoll_wait(int epfd, struct epoll_event *events, int max,
    int timeout_ms)
{
	int rc;

	end_now(BEFORE_DRAIN);
	rc = __real_sigchld__sys_epoll_wait(epfd, events, max, timeout_ms);
	end_now(AFTER_DRAIN);

	return rc;
}

#endif

int __real_sigchld__sys_read(int fd, void *data, size_t size);
int __wrap_sigchld__sys_read(int fd, void *data, size_t size);

int
__wrap_sigchld__sys_read(int fd, void *data, size_t size)
{
	int rc;

	end_now(BEFORE_DRAIN);
	rc = __real_sigchld__sys_read(fd, data, size);
	if (rc < 0)
		end_now(AFTER_DRAIN);

	return rc;
}

/* Of whoever waits for one child. */
int __real_sigchld__sys_poll(struct pollfd *fds, unsigned int n,
    int timeout_ms);
int __wrap_sigchld__sys_poll(struct pollfd *fds, unsigned int n,
    int timeout_ms);

int
__wrap_sigchld__sys_poll(struct pollfd *fds, unsigned int n, int timeout_ms)
{
	end_now(BEFORE_DRAIN);

	return __real_sigchld__sys_poll(fds, n, timeout_ms);
}

/* The context is awake because another child ended; meanwhile this one does.
 * The signal has it look at both, a pidfd only at the other. Readable means
 * dispatch, so as long as it is readable, dispatch; then the event must have
 * come. */
static void
run(enum moment when)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { 0 };
	struct harness_child early;
	int n = 0;

	early = harness_fork_watched(ctx, NULL, 0, 0, NULL, NULL);
	late = harness_fork_watched(ctx, NULL, 0, 4, harness_on_event, &log);
	end_child(&early);
	looked_at = harness_on_pidfds() ? early.pid : late.pid;
	moment = when;
	while (harness_readable(sigchld_fd(ctx), 0)) {
		ck_assert_int_ge(sigchld_dispatch(ctx), 0);
		ck_assert_int_lt(n++, 10);
	}
	ck_assert_int_eq(moment, NEVER);
	ck_assert_int_eq(log.final, 1);
	ck_assert_int_eq(log.wstatus, 4 << 8);
	sigchld_free(ctx);
}

START_TEST(g8_death_before_the_drain)
{
	run(BEFORE_DRAIN);
}
END_TEST

START_TEST(g8_death_between_drain_and_look)
{
	run(AFTER_DRAIN);
}
END_TEST

START_TEST(g8_death_after_the_look)
{
	run(AFTER_LOOK);
}
END_TEST

/* The same for sigchld_child_wait. */
static void
run_wait(enum moment when)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_event event = { .size = sizeof(event) };
	struct sigchld_child *child;

	late = harness_fork_watched(ctx, &child, 0, 4, NULL, NULL);
	looked_at = late.pid;
	ck_assert_int_ge(sigchld_dispatch(ctx), 0);
	moment = when;
	ck_assert_int_eq(sigchld_child_wait(child, (int)harness_patience_ms(),
			     &event),
	    1);
	ck_assert_int_eq(moment, NEVER);
	ck_assert_int_eq(event.wstatus, 4 << 8);
	sigchld_child_free(child);
	sigchld_free(ctx);
}

START_TEST(g8_death_before_a_waiter_sleeps)
{
	run_wait(BEFORE_DRAIN);
}
END_TEST

START_TEST(g8_death_after_a_waiter_has_looked)
{
	run_wait(AFTER_LOOK);
}
END_TEST

/* The wait that gives up, at the very moment of the death, passes it on. */
START_TEST(g8_death_when_a_waiter_gives_up)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { 0 };
	struct sigchld_child *child;

	late = harness_fork_watched(ctx, &child, 0, 4, harness_on_event, &log);
	looked_at = late.pid;
	ck_assert_int_ge(sigchld_dispatch(ctx), 0);
	moment = AFTER_LOOK;
	ck_assert_int_eq(sigchld_child_wait(child, 0, NULL), 0);
	ck_assert_int_eq(moment, NEVER);
	harness_wait_for(ctx, &log.count, 1);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

/* All signals of all deaths are one, and it comes when SIGCHLD is let in. It is
 * blocked after the last call: a context that finds it blocked looks by itself
 * when a time has passed (core/health.c), and be it in the middle of this. */
START_TEST(g8_deaths_while_sigchld_is_blocked)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child held[3];
	struct harness_log log = { 0 };
	int i;

	for (i = 0; i < 3; i++)
		held[i] = harness_fork_watched(ctx, NULL, 0, 0,
		    harness_on_event, &log);
	ck_assert_int_ge(sigchld_dispatch(ctx), 0);
	block_sigchld(SIG_BLOCK);
	for (i = 0; i < 3; i++)
		end_child(&held[i]);
	ck_assert(!harness_readable(sigchld_fd(ctx), 0));
	block_sigchld(SIG_UNBLOCK);
	ck_assert(harness_readable(sigchld_fd(ctx), 0));
	ck_assert_int_eq(sigchld_dispatch(ctx), 3);
	ck_assert_int_eq(log.final, 3);
	sigchld_free(ctx);
}
END_TEST

HARNESS("g8",
    {
	HARNESS_TEST(g8_death_before_the_drain),
	HARNESS_TEST(g8_death_between_drain_and_look),
	HARNESS_TEST(g8_death_after_the_look),
	HARNESS_TEST(g8_death_before_a_waiter_sleeps),
	HARNESS_TEST(g8_death_after_a_waiter_has_looked),
	HARNESS_TEST(g8_death_when_a_waiter_gives_up),
	HARNESS_SIGNAL_TEST(g8_deaths_while_sigchld_is_blocked),
    })
