/*
 * test_wait.c - wait for one child
 *
 * wrap: poll
 */
#include <poll.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "core/sys.h"
#include "help.h"

/* sigchld_child_wait sleeps in a poll of its own. */
static struct gate asleep = GATE;

int __real_sigchld__sys_poll(struct pollfd *fds, unsigned int n,
    int timeout_ms);
int __wrap_sigchld__sys_poll(struct pollfd *fds, unsigned int n,
    int timeout_ms);

int
__wrap_sigchld__sys_poll(struct pollfd *fds, unsigned int n, int timeout_ms)
{
	if (timeout_ms != 0)
		gate_open(&asleep);
	return __real_sigchld__sys_poll(fds, n, timeout_ms);
}

struct stage {
	struct sigchld_ctx *ctx;
	struct sigchld_child *child;
	struct harness_child held;
	struct harness_log log;
	struct sigchld_event event;
	struct gate done;
	int rc;
};

static void
set_stage(struct stage *s, const struct sigchld_options *options)
{
	static const struct gate gate = GATE;

	memset(s, 0, sizeof(*s));
	s->done = gate;
	s->event.size = sizeof(s->event);
	s->ctx = open_ctx(options);
	s->held = harness_fork_watched(s->ctx, &s->child, 0, 7,
	    harness_on_event, &s->log);
}

static void
clear_stage(struct stage *s)
{
	harness_release(&s->held);
	sigchld_child_free(s->child);
	sigchld_free(s->ctx);
}

static void
expect_7(const struct stage *s)
{
	MUST_BE(1, s->rc);
	ck_assert_int_eq(s->event.pid, s->held.pid);
	ck_assert_int_eq(s->event.what, SIGCHLD_EXITED);
	ck_assert_int_eq(s->event.wstatus, 7 << 8);
	ck_assert_int_eq(s->log.count, 0);
}

static void *
wait_for_it(void *user)
{
	struct stage *s = user;

	s->rc = sigchld_child_wait(s->child, -1, &s->event);
	gate_open(&s->done);
	return NULL;
}

static pthread_t
start_waiting(struct stage *s)
{
	int before = asleep.n;
	pthread_t thread = start(wait_for_it, s);

	gate_pass(&asleep, before + 1);
	return thread;
}

START_TEST(one_that_is_dead_already)
{
	struct stage s;

	set_stage(&s, NULL);
	harness_release(&s.held);
	harness_await_zombie(s.held.pid);
	s.rc = sigchld_child_wait(s.child, 0, &s.event);
	expect_7(&s);
	ck_assert(harness_is_reaped(s.held.pid));
	MUST_BE(0, sigchld_dispatch(s.ctx));
	ck_assert_int_eq(s.log.count, 0);
	MUST_BE(-ESRCH, sigchld_child_wait(s.child, -1, &s.event));
	ck_assert(handler_is(SIG_DFL));
	clear_stage(&s);
}
END_TEST

START_TEST(one_that_dies_while_we_sleep)
{
	struct stage s;
	pthread_t thread;

	set_stage(&s, NULL);
	thread = start_waiting(&s);
	harness_release(&s.held);
	(void)finish(thread);
	expect_7(&s);
	MUST_BE(0, sigchld_dispatch(s.ctx));
	clear_stage(&s);
}
END_TEST

START_TEST(the_event_need_not_be_taken)
{
	struct stage s;

	set_stage(&s, NULL);
	harness_release(&s.held);
	MUST_BE(1, sigchld_child_wait(s.child, -1, NULL));
	MUST_BE(0, sigchld_dispatch(s.ctx));
	ck_assert_int_eq(s.log.count, 0);
	clear_stage(&s);
}
END_TEST

START_TEST(a_timeout_touches_nothing)
{
	struct stage s;
	int64_t before = harness_now_ms();

	set_stage(&s, NULL);
	s.event.pid = 4711;
	MUST_BE(0, sigchld_child_wait(s.child, 0, &s.event));
	MUST_BE(0, sigchld_child_wait(s.child, 60, &s.event));
	ck_assert_int_ge(harness_now_ms() - before, 59);
	ck_assert_int_eq(s.event.pid, 4711);
	harness_release(&s.held);
	harness_wait_for(s.ctx, &s.log.count, 1);
	ck_assert_int_eq(s.log.wstatus, 7 << 8);
	clear_stage(&s);
}
END_TEST

static void
nothing(int sig)
{
	(void)sig;
}

START_TEST(c6_signals_do_not_end_it)
{
	struct itimerval often = { { 0, 3000 }, { 0, 3000 } }, never = { 0 };
	struct sigaction action = { .sa_handler = nothing };
	int64_t before;
	struct stage s;

	set_stage(&s, NULL);
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	before = harness_now_ms();
	MUST_BE(0, sigchld_child_wait(s.child, 100, NULL));
	ck_assert_int_ge(harness_now_ms() - before, 99);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
	harness_release(&s.held);
	MUST_BE(1, sigchld_child_wait(s.child, -1, NULL));
	clear_stage(&s);
}
END_TEST

START_TEST(others_stay_queued)
{
	struct stage s;
	struct harness_log log = { .count = 0 };

	set_stage(&s, NULL);
	(void)watched_zombie(s.ctx, NULL, 1, harness_on_event, &log);
	harness_release(&s.held);
	s.rc = sigchld_child_wait(s.child, -1, &s.event);
	expect_7(&s);
	ck_assert_int_eq(log.count, 0);
	MUST_BE(1, sigchld_dispatch(s.ctx));
	ck_assert_int_eq(log.count, 1);
	clear_stage(&s);
}
END_TEST

START_TEST(g1_a_dispatch_on_another_thread_leaves_it_to_the_waiter)
{
	struct stage s;
	pthread_t thread;
	int i;

	for (i = 0; i < 20; i++) {
		set_stage(&s, NULL);
		thread = start_waiting(&s);
		harness_release(&s.held);
		while (!gate_await(&s.done, 1, 0)) {
			MUST_BE(0, sigchld_occurred(s.ctx));
			MUST_BE(0, sigchld_dispatch(s.ctx));
		}
		(void)finish(thread);
		expect_7(&s);
		MUST_BE(0, sigchld_dispatch(s.ctx));
		clear_stage(&s);
	}
}
END_TEST

START_TEST(a_second_waiter_is_refused)
{
	struct stage s;
	pthread_t thread;

	set_stage(&s, NULL);
	thread = start_waiting(&s);
	MUST_BE(-EBUSY, sigchld_child_wait(s.child, 0, NULL));
	MUST_BE(-EBUSY, sigchld_child_wait(s.child, -1, NULL));
	harness_release(&s.held);
	(void)finish(thread);
	expect_7(&s);
	clear_stage(&s);
}
END_TEST

START_TEST(c23_freed_while_somebody_waits)
{
	struct stage s;
	pthread_t thread;

	set_stage(&s, NULL);
	thread = start_waiting(&s);
	sigchld_child_free(s.child);
	(void)finish(thread);
	MUST_BE(-ESRCH, s.rc);
	harness_release(&s.held);
	harness_await_zombie(s.held.pid);
	MUST_BE(0, sigchld_dispatch(s.ctx));
	ck_assert(harness_is_reaped(s.held.pid));
	sigchld_free(s.ctx);
}
END_TEST

START_TEST(c24_its_context_freed_while_somebody_waits)
{
	struct stage s;
	pthread_t thread;

	set_stage(&s, NULL);
	thread = start_waiting(&s);
	sigchld_free(s.ctx);
	(void)finish(thread);
	MUST_BE(-ESRCH, s.rc);
	harness_release(&s.held);
	ck_assert_int_eq(exit_code(s.held.pid), 7);
	sigchld_child_free(s.child);
}
END_TEST

START_TEST(discarded_while_somebody_waits)
{
	struct stage s;
	pthread_t thread;

	set_stage(&s, NULL);
	thread = start_waiting(&s);
	MUST_BE(0, sigchld_child_discard(s.child, 0, NULL, NULL));
	(void)finish(thread);
	MUST_BE(-ESRCH, s.rc);
	harness_release(&s.held);
	harness_await_zombie(s.held.pid);
	MUST_BE(0, sigchld_dispatch(s.ctx));
	ck_assert(harness_is_reaped(s.held.pid));
	sigchld_free(s.ctx);
}
END_TEST

/* The kernel is the only thief that is faster than a waiter. */
START_TEST(c22_stolen_while_somebody_waits)
{
	struct stage s;
	pthread_t thread;

	set_stage(&s, NULL);
	thread = start_waiting(&s);
	(void)signal(SIGCHLD, SIG_IGN);
	harness_release(&s.held);
	ck_assert_int_eq(waitpid(s.held.pid, NULL, 0), -1);
	ck_assert_int_eq(errno, ECHILD);
	MUST_BE(0, sigchld_occurred(NULL));
	(void)finish(thread);
	MUST_BE(1, s.rc);
	harness_on_event(s.child, &s.event, &s.log);
	harness_check_theft(&s.log, 7 << 8);
	clear_stage(&s);
}
END_TEST

/* APP: nobody of ours hears the signal. */

static const struct sigchld_options app = {
	.size = sizeof(app),
	.handler = SIGCHLD_HANDLER_APP,
};

START_TEST(app_reaped_wakes_the_waiter)
{
	struct stage s;
	pthread_t thread;
	int status = 0;

	set_stage(&s, &app);
	thread = start_waiting(&s);
	harness_release(&s.held);
	ck_assert_int_eq(waitpid(s.held.pid, &status, 0), s.held.pid);
	MUST_BE(1, sigchld_reaped(NULL, s.held.pid, status));
	(void)finish(thread);
	expect_7(&s);
	ck_assert_int_eq(s.event.source, SIGCHLD_SOURCE_APP);
	clear_stage(&s);
}
END_TEST

START_TEST(app_occurred_wakes_the_waiter)
{
	struct stage s;
	pthread_t thread;

	set_stage(&s, &app);
	thread = start_waiting(&s);
	harness_release(&s.held);
	harness_await_zombie(s.held.pid);
	MUST_BE(0, sigchld_occurred(s.ctx));
	(void)finish(thread);
	expect_7(&s);
	clear_stage(&s);
}
END_TEST

/* Callbacks */

static struct sigchld_child *other_child;
static struct sigchld_ctx *other_ctx;

static void
wait_in_callback(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct harness_log *log = user;

	MUST_BE(-EDEADLK, sigchld_child_wait(child, 0, NULL));
	MUST_BE(1, sigchld_child_wait(other_child, -1, NULL));
	harness_on_event(child, event, log);
}

START_TEST(g4_from_a_callback_of_its_own_context_it_is_refused)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };

	other_ctx = open_ctx(NULL);
	(void)watched_zombie(other_ctx, &other_child, 0, NULL, NULL);
	(void)watched_zombie(ctx, NULL, 0, wait_in_callback, &log);
	MUST_BE(1, sigchld_dispatch(ctx));
	sigchld_child_free(other_child);
	sigchld_free(other_ctx);
	sigchld_free(ctx);
}
END_TEST

/* A stop that is being told is not the end. */

static struct gate told = GATE, go_on = GATE;

static void
stay_in_stop(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	harness_on_event(child, event, user);
	if (event->what != SIGCHLD_STOPPED)
		return;
	gate_open(&told);
	gate_pass(&go_on, 1);
}

static void *
dispatch_thread(void *user)
{
	struct stage *s = user;

	harness_wait_for(s->ctx, &s->log.count, 1);
	return NULL;
}

START_TEST(c38_a_waiter_comes_while_a_stop_is_told)
{
	struct stage s;
	pthread_t thread;

	memset(&s, 0, sizeof(s));
	s.event.size = sizeof(s.event);
	s.ctx = open_ctx(NULL);
	s.held = harness_fork_watched(s.ctx, &s.child, SIGCHLD_CHILD_STOPS, 7,
	    stay_in_stop, &s.log);
	thread = start(dispatch_thread, &s);
	ck_assert_int_eq(kill(s.held.pid, SIGSTOP), 0);
	gate_pass(&told, 1);
	MUST_BE(0, sigchld_child_wait(s.child, 0, NULL));
	gate_open(&go_on);
	(void)finish(thread);
	ck_assert_int_eq(kill(s.held.pid, SIGKILL), 0);
	MUST_BE(1, sigchld_child_wait(s.child, -1, &s.event));
	ck_assert_int_eq(s.event.wstatus, SIGKILL);
	clear_stage(&s);
}
END_TEST

/* It dies while its stop is told: not yet, for the callback has its pid. Then its
 * end is the waiter's. */
START_TEST(g5_it_dies_while_a_stop_is_told)
{
	struct stage s;
	pthread_t dispatcher, waiter;

	memset(&s, 0, sizeof(s));
	s.event.size = sizeof(s.event);
	s.done = (struct gate)GATE;
	s.ctx = open_ctx(NULL);
	s.held = harness_fork_watched(s.ctx, &s.child, SIGCHLD_CHILD_STOPS, 7,
	    stay_in_stop, &s.log);
	dispatcher = start(dispatch_thread, &s);
	ck_assert_int_eq(kill(s.held.pid, SIGSTOP), 0);
	gate_pass(&told, 1);
	ck_assert_int_eq(kill(s.held.pid, SIGKILL), 0);
	harness_await_zombie(s.held.pid);
	MUST_BE(0, sigchld_child_wait(s.child, 0, &s.event));
	waiter = start_waiting(&s);
	ck_assert(harness_is_zombie(s.held.pid));
	gate_open(&go_on);
	(void)finish(dispatcher);
	(void)finish(waiter);
	MUST_BE(1, s.rc);
	ck_assert_int_eq(s.log.final, 0);
	ck_assert_int_eq(s.event.wstatus, SIGKILL);
	ck_assert(harness_is_reaped(s.held.pid));
	clear_stage(&s);
}
END_TEST

/* The same, but whoever waited has given up: then it is the callback's. */
START_TEST(g1_it_dies_while_a_stop_is_told_and_nobody_waits_on)
{
	struct stage s;
	pthread_t dispatcher;

	memset(&s, 0, sizeof(s));
	s.ctx = open_ctx(NULL);
	s.held = harness_fork_watched(s.ctx, &s.child, SIGCHLD_CHILD_STOPS, 7,
	    stay_in_stop, &s.log);
	dispatcher = start(dispatch_thread, &s);
	ck_assert_int_eq(kill(s.held.pid, SIGSTOP), 0);
	gate_pass(&told, 1);
	ck_assert_int_eq(kill(s.held.pid, SIGKILL), 0);
	harness_await_zombie(s.held.pid);
	MUST_BE(0, sigchld_child_wait(s.child, 1, NULL));
	gate_open(&go_on);
	(void)finish(dispatcher);
	harness_wait_for(s.ctx, &s.log.final, 1);
	ck_assert_int_eq(s.log.wstatus, SIGKILL);
	clear_stage(&s);
}
END_TEST

/* The waiter takes a stop for the callback, and may take no other before that
 * was told. When it was, nobody else looks. */

static bool
has_untaken(pid_t pid, int options)
{
	siginfo_t info = { .si_pid = 0 };

	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info,
			     options | WNOHANG | WNOWAIT),
	    0);
	return info.si_pid != 0;
}

static int
times_asleep(void)
{
	int n;

	(void)pthread_mutex_lock(&asleep.lock);
	n = asleep.n;
	(void)pthread_mutex_unlock(&asleep.lock);
	return n;
}

static uint32_t first_told;

static void
note_the_first(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct harness_log *log = user;

	if (log->count == 0)
		first_told = event->what;
	harness_on_event(child, event, user);
}

START_TEST(c38_it_goes_on_before_the_stop_is_told)
{
	int64_t until = harness_now_ms() + harness_patience_ms();
	struct stage s;
	pthread_t thread;
	int before;

	memset(&s, 0, sizeof(s));
	s.event.size = sizeof(s.event);
	s.done = (struct gate)GATE;
	s.ctx = open_ctx(NULL);
	s.held = harness_fork_watched(s.ctx, &s.child, SIGCHLD_CHILD_STOPS, 7,
	    note_the_first, &s.log);
	thread = start_waiting(&s);
	before = times_asleep();
	ck_assert_int_eq(kill(s.held.pid, SIGSTOP), 0);
	gate_pass(&asleep, before + 1);
	while (has_untaken(s.held.pid, WSTOPPED)) {
		ck_assert_int_lt(harness_now_ms(), until);
		(void)sched_yield();
	}
	before = times_asleep();
	ck_assert_int_eq(kill(s.held.pid, SIGCONT), 0);
	gate_pass(&asleep, before + 1);
	ck_assert(has_untaken(s.held.pid, WCONTINUED));
	ck_assert_int_eq(s.log.count, 0);
	harness_wait_for(s.ctx, &s.log.count, 2);
	ck_assert_uint_eq(first_told, SIGCHLD_STOPPED);
	ck_assert_uint_eq(s.log.what, SIGCHLD_CONTINUED);
	harness_release(&s.held);
	(void)finish(thread);
	MUST_BE(1, s.rc);
	ck_assert_int_eq(s.event.wstatus, 7 << 8);
	clear_stage(&s);
}
END_TEST

/* Wrong use, and no room */

START_TEST(wait_refuses_wrong_use)
{
	struct stage s;
	pid_t pid;

	set_stage(&s, NULL);
	MUST_BE(-EINVAL, sigchld_child_wait(NULL, 0, &s.event));
	s.event.size = sizeof(s.event) - 1;
	MUST_BE(-EINVAL, sigchld_child_wait(s.child, 0, &s.event));
	s.event.size = 0;
	MUST_BE(-EINVAL, sigchld_child_wait(s.child, 0, &s.event));
	pid = fork();
	if (pid == 0) {
		CHILD_MUST(sigchld_child_wait(s.child, -1, NULL) == -EPERM);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
	harness_release(&s.held);
	MUST_BE(1, sigchld_child_wait(s.child, -1, NULL));
	clear_stage(&s);
}
END_TEST

START_TEST(c31_no_descriptor_to_wait_with)
{
	struct rlimit before, tight;
	struct stage s;
	int fds;

	set_stage(&s, NULL);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	fds = harness_count_fds();
	tight = before;
	tight.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	MUST_BE(-EMFILE, sigchld_child_wait(s.child, 10, NULL));
	MUST_BE(0,
	    sigchld_child_wait(s.child, 0, NULL)); /* a look needs none */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(harness_count_fds(), fds);
	harness_release(&s.held);
	harness_wait_for(s.ctx, &s.log.count, 1);
	clear_stage(&s);
}
END_TEST

HARNESS("wait",
    {
	HARNESS_TEST(one_that_is_dead_already),
	HARNESS_TEST(one_that_dies_while_we_sleep),
	HARNESS_TEST(the_event_need_not_be_taken),
	HARNESS_TEST(a_timeout_touches_nothing),
	HARNESS_TEST(c6_signals_do_not_end_it),
	HARNESS_TEST(others_stay_queued),
	HARNESS_TEST(g1_a_dispatch_on_another_thread_leaves_it_to_the_waiter),
	HARNESS_TEST(a_second_waiter_is_refused),
	HARNESS_TEST(c23_freed_while_somebody_waits),
	HARNESS_TEST(c24_its_context_freed_while_somebody_waits),
	HARNESS_TEST(discarded_while_somebody_waits),
	HARNESS_TEST(c22_stolen_while_somebody_waits),
	HARNESS_TEST(app_reaped_wakes_the_waiter),
	HARNESS_TEST(app_occurred_wakes_the_waiter),
	HARNESS_TEST(g4_from_a_callback_of_its_own_context_it_is_refused),
	HARNESS_TEST(c38_a_waiter_comes_while_a_stop_is_told),
	HARNESS_TEST(g5_it_dies_while_a_stop_is_told),
	HARNESS_TEST(g1_it_dies_while_a_stop_is_told_and_nobody_waits_on),
	HARNESS_TEST(c38_it_goes_on_before_the_stop_is_told),
	HARNESS_TEST(wait_refuses_wrong_use),
	HARNESS_TEST(c31_no_descriptor_to_wait_with),
    })
