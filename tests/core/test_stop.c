/*
 * test_stop.c - signal a child, and kill it if it is still there later
 *
 * wrap: timerfd timerfd_arm
 */
#include <sys/time.h>

#include "core/sys.h"
#include "help.h"

static int timerfd_gives, arm_gives; /* 0: the truth */

int __real_sigchld__sys_timerfd(void);
int __wrap_sigchld__sys_timerfd(void);
int __real_sigchld__sys_timerfd_arm(int fd, int64_t deadline_ms);
int __wrap_sigchld__sys_timerfd_arm(int fd, int64_t deadline_ms);

int
__wrap_sigchld__sys_timerfd(void)
{
	return timerfd_gives != 0 ? timerfd_gives
				  : __real_sigchld__sys_timerfd();
}

int
__wrap_sigchld__sys_timerfd_arm(int fd, int64_t deadline_ms)
{
	return arm_gives != 0
	    ? arm_gives
	    : __real_sigchld__sys_timerfd_arm(fd, deadline_ms);
}

#ifdef SIGCHLD_PORTABLE
#	define HAS_TIMER false
#else
#	define HAS_TIMER true
#endif

/* Children that end at SIGTERM, or do not. */

struct stage {
	struct sigchld_ctx *ctx;
	struct sigchld_child *child;
	struct harness_log log;
	pid_t pid;
};

static void
fork_stubborn(struct stage *s, bool stubborn)
{
	int ready[2];
	char byte;

	memset(&s->log, 0, sizeof(s->log));
	ck_assert_int_eq(pipe(ready), 0);
	s->pid = sigchld_fork(s->ctx, &s->child, 0, harness_on_event, &s->log);
	if (s->pid == 0) {
		(void)signal(SIGTERM, stubborn ? SIG_IGN : SIG_DFL);
		(void)signal(SIGINT, SIG_DFL);
		(void)!write(ready[1], "", 1);
		for (;;)
			(void)pause();
	}
	ck_assert_int_gt(s->pid, 0);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
}

static void
set_stage(struct stage *s, bool stubborn)
{
	s->ctx = open_ctx(NULL);
	fork_stubborn(s, stubborn);
}

static void
end_with(struct stage *s, int sig)
{
	harness_wait_for(s->ctx, &s->log.count, 1);
	ck_assert_int_eq(s->log.what, SIGCHLD_SIGNALED);
	ck_assert_int_eq(s->log.wstatus, sig);
	MUST_BE(-ESRCH, sigchld_child_stop(s->child, 0, 0));
	sigchld_child_free(s->child);
	sigchld_free(s->ctx);
}

START_TEST(a_child_that_obeys_ends_by_the_signal)
{
	struct stage s;

	set_stage(&s, false);
	MUST_BE(0, sigchld_child_stop(s.child, 0, 600000));
	end_with(&s, SIGTERM);
	set_stage(&s, false);
	MUST_BE(0, sigchld_child_stop(s.child, SIGINT, 600000));
	end_with(&s, SIGINT);
}
END_TEST

START_TEST(a_child_that_does_not_is_killed_when_the_time_has_come)
{
	struct stage s;
	int64_t before;

	set_stage(&s, true);
	before = harness_now_ms();
	MUST_BE(0, sigchld_child_stop(s.child, 0, 150));
	end_with(&s, SIGKILL);
	ck_assert_int_ge(harness_now_ms() - before, 149);
}
END_TEST

START_TEST(no_grace_kills_in_the_next_dispatch)
{
	struct stage s;

	set_stage(&s, true);
	MUST_BE(0, sigchld_child_stop(s.child, 0, 0));
	end_with(&s, SIGKILL);
}
END_TEST

/* An event loop that knows nothing but the descriptor and the timeout. */
static void
loop_by_hand(struct stage *s)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	int timeout;

	while (s->log.count == 0) {
		ck_assert_int_lt(harness_now_ms(), deadline);
		timeout = sigchld_timeout(s->ctx);
		ck_assert_int_ge(timeout, -1);
		(void)harness_readable(sigchld_fd(s->ctx),
		    timeout < 0 ? (int)(deadline - harness_now_ms()) : timeout);
		ck_assert_int_ge(sigchld_dispatch(s->ctx), 0);
	}
}

START_TEST(the_descriptor_tells_of_the_deadline_where_there_is_a_timer)
{
	struct stage s;

	set_stage(&s, true);
	MUST_BE(-1, sigchld_timeout(s.ctx));
	MUST_BE(0, sigchld_child_stop(s.child, 0, 50));
	if (HAS_TIMER)
		MUST_BE(-1, sigchld_timeout(s.ctx));
	else
		ck_assert_int_ge(sigchld_timeout(s.ctx), 0);
	loop_by_hand(&s);
	end_with(&s, SIGKILL);
}
END_TEST

static void
refused_timer(struct stage *s)
{
	int timeout;

	MUST_BE(0, sigchld_child_stop(s->child, 0, 100));
	timeout = sigchld_timeout(s->ctx);
	ck_assert_int_ge(timeout, 0);
	ck_assert_int_le(timeout, 101);
	loop_by_hand(s);
	end_with(s, SIGKILL);
}

START_TEST(c31_a_refused_timerfd_and_timeout_tells)
{
	struct stage s;

	timerfd_gives = -EMFILE;
	set_stage(&s, true);
	refused_timer(&s);
	set_stage(&s, true);
	MUST_BE(0, sigchld_child_stop(s.child, 0, 100));
	end_with(&s, SIGKILL);
}
END_TEST

START_TEST(c31_a_timer_that_cannot_be_set_and_timeout_tells)
{
	struct stage s;

	arm_gives = -EPERM;
	set_stage(&s, true);
	refused_timer(&s);
}
END_TEST

static void *
wait_thread(void *user)
{
	struct stage *s = user;

	harness_wait_for(s->ctx, &s->log.count, 1);
	return NULL;
}

/* A wait that was begun without a deadline learns of one. */
START_TEST(a_wait_under_way_learns_of_the_deadline)
{
	struct stage s;
	pthread_t thread;

	timerfd_gives = -EMFILE;
	set_stage(&s, true);
	(void)sigchld_dispatch(s.ctx);
	thread = start(wait_thread, &s);
	MUST_BE(0, sigchld_child_stop(s.child, 0, 60));
	(void)finish(thread);
	end_with(&s, SIGKILL);
}
END_TEST

START_TEST(the_new_deadline_holds)
{
	struct stage s;

	set_stage(&s, true);
	MUST_BE(0, sigchld_child_stop(s.child, 0, 600000));
	MUST_BE(0, sigchld_child_stop(s.child, 0, 40));
	end_with(&s, SIGKILL);
	set_stage(&s, true);
	MUST_BE(0, sigchld_child_stop(s.child, 0, 40));
	MUST_BE(0, sigchld_child_stop(s.child, 0, 600000));
	MUST_BE(0, sigchld_wait(s.ctx, 120));
	ck_assert_int_eq(s.log.count, 0);
	MUST_BE(0, sigchld_child_kill(s.child, SIGKILL));
	end_with(&s, SIGKILL);
}
END_TEST

START_TEST(each_of_many_children_has_its_own_deadline)
{
	struct stage a, b;
	struct sigchld_ctx *ctx = open_ctx(NULL);

	a.ctx = b.ctx = ctx;
	fork_stubborn(&a, true);
	fork_stubborn(&b, true);
	MUST_BE(0, sigchld_child_stop(a.child, 0, 30));
	MUST_BE(0, sigchld_child_stop(b.child, 0, 600000));
	harness_wait_for(ctx, &a.log.count, 1);
	ck_assert_int_eq(b.log.count, 0);
	MUST_BE(0, sigchld_child_stop(b.child, 0, 30));
	harness_wait_for(ctx, &b.log.count, 1);
	ck_assert_int_eq(b.log.wstatus, SIGKILL);
	sigchld_child_free(a.child);
	sigchld_child_free(b.child);
	sigchld_free(ctx);
}
END_TEST

static void
nothing(int sig)
{
	(void)sig;
}

START_TEST(c6_a_storm_of_signals_stretches_no_deadline)
{
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, never = { 0 };
	struct sigaction action = { .sa_handler = nothing };
	struct stage s;

	set_stage(&s, true);
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	MUST_BE(0, sigchld_child_stop(s.child, 0, 100));
	end_with(&s, SIGKILL);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
}
END_TEST

START_TEST(stop_refuses_wrong_use_and_sets_no_deadline)
{
	struct stage s;

	set_stage(&s, true);
	MUST_BE(-EINVAL, sigchld_child_stop(NULL, 0, 0));
	MUST_BE(-EINVAL, sigchld_child_stop(s.child, -1, 0));
	MUST_BE(-EINVAL, sigchld_child_stop(s.child, 0, -1));
	MUST_BE(-EINVAL, sigchld_child_stop(s.child, 4711, 0));
	MUST_BE(0, sigchld_wait(s.ctx, 30));
	ck_assert(!harness_is_zombie(s.pid));
	MUST_BE(0, sigchld_child_kill(s.child, SIGKILL));
	end_with(&s, SIGKILL);
}
END_TEST

/* A deadline that is over because the child is gone kills nobody. */
START_TEST(c20_a_deadline_dies_with_its_child)
{
	struct stage s;
	struct harness_log log = { .count = 0 };
	struct harness_child other;

	set_stage(&s, false);
	other = harness_fork_watched(s.ctx, NULL, 0, 6, harness_on_event, &log);
	MUST_BE(0, sigchld_child_stop(s.child, 0, 60));
	harness_wait_for(s.ctx, &s.log.count, 1);
	MUST_BE(0, sigchld_wait(s.ctx, 120));
	ck_assert_int_eq(log.count, 0);
	harness_release(&other);
	harness_wait_for(s.ctx, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 6 << 8);
	end_with(&s, SIGTERM);
}
END_TEST

HARNESS("stop",
    {
	HARNESS_TEST(a_child_that_obeys_ends_by_the_signal),
	HARNESS_TEST(a_child_that_does_not_is_killed_when_the_time_has_come),
	HARNESS_TEST(no_grace_kills_in_the_next_dispatch),
	HARNESS_TEST(
	    the_descriptor_tells_of_the_deadline_where_there_is_a_timer),
	HARNESS_TEST(c31_a_refused_timerfd_and_timeout_tells),
	HARNESS_TEST(c31_a_timer_that_cannot_be_set_and_timeout_tells),
	HARNESS_TEST(a_wait_under_way_learns_of_the_deadline),
	HARNESS_TEST(the_new_deadline_holds),
	HARNESS_TEST(each_of_many_children_has_its_own_deadline),
	HARNESS_TEST(c6_a_storm_of_signals_stretches_no_deadline),
	HARNESS_TEST(stop_refuses_wrong_use_and_sets_no_deadline),
	HARNESS_TEST(c20_a_deadline_dies_with_its_child),
    })
