/*
 * test_theft.c - somebody else has reaped our child
 *
 * Its end is told all the same, once: with the true status where a pidfd makes
 * the kernel remember it, else as STOLEN. Nothing tells of a theft by the
 * signal, so there somebody has to say that there is something to look at.
 *
 * wrap: pidfd_exit
 * labels: slow
 */
#include "core/sys.h"
#include "help.h"

static int exit_gives, times; /* -errno or 0, so many times; then the truth */

int __real_sigchld__sys_pidfd_exit(int pidfd, int *ret_wstatus);
int __wrap_sigchld__sys_pidfd_exit(int pidfd, int *ret_wstatus);

int
__wrap_sigchld__sys_pidfd_exit(int pidfd, int *ret_wstatus)
{
	if (times > 0) {
		times--;
		return exit_gives;
	}
	return __real_sigchld__sys_pidfd_exit(pidfd, ret_wstatus);
}

struct stage {
	struct sigchld_ctx *ctx;
	struct sigchld_child *child;
	struct harness_child held;
	struct harness_log log;
};

static void
set_stage(struct stage *s, int code)
{
	memset(s, 0, sizeof(*s));
	s->ctx = open_ctx(NULL);
	s->held = harness_fork_watched(s->ctx, &s->child, 0, code,
	    harness_on_event, &s->log);
	(void)sigchld_dispatch(s->ctx);
}

static void
clear_stage(struct stage *s)
{
	MUST_BE(-ESRCH, sigchld_child_kill(s->child, SIGKILL));
	MUST_BE(-ESRCH, sigchld_child_wait(s->child, -1, NULL));
	while (harness_readable(sigchld_fd(s->ctx), 0))
		MUST_BE(0, sigchld_dispatch(s->ctx));
	ck_assert_int_eq(s->log.count, 1);
	ck_assert_uint_eq(stats_of(s->ctx).stolen, 1);
	ck_assert_uint_eq(stats_of(s->ctx).recovered, harness_recovers());
	ck_assert_uint_eq(stats_of(s->ctx).reaped, 0);
	ck_assert_uint_ne(health() & SIGCHLD_HEALTH_THEFT, 0);
	sigchld_child_free(s->child);
	harness_release(&s->held);
	sigchld_free(s->ctx);
}

/* With SIGCHLD ignored there is no zombie, and no signal. */
static void
vanish(struct stage *s)
{
	harness_release(&s->held);
	ck_assert_int_eq(waitpid(s->held.pid, NULL, 0), -1);
	ck_assert_int_eq(errno, ECHILD);
}

static void
say_so(void)
{
	if (!harness_on_pidfds())
		MUST_BE(0, sigchld_occurred(NULL));
}

static void
keep_no_zombies(int flags)
{
	struct sigaction action = { .sa_handler = SIG_IGN, .sa_flags = flags };

	if (flags != 0)
		action.sa_handler = SIG_DFL;
	ck_assert_int_eq(sigaction(SIGCHLD, &action, NULL), 0);
}

START_TEST(c22_a_wait_for_any_child_elsewhere)
{
	struct stage s;
	int wstatus;

	set_stage(&s, 9);
	harness_release(&s.held);
	ck_assert_int_eq(waitpid(-1, &wstatus, 0), s.held.pid);
	say_so();
	ck_assert(harness_readable(sigchld_fd(s.ctx), 0));
	harness_wait_for(s.ctx, &s.log.count, 1);
	harness_check_theft(&s.log, wstatus);
	clear_stage(&s);
}
END_TEST

START_TEST(c22_of_one_that_was_killed)
{
	struct stage s;
	int wstatus;

	set_stage(&s, 9);
	ck_assert_int_eq(kill(s.held.pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(-1, &wstatus, 0), s.held.pid);
	say_so();
	harness_wait_for(s.ctx, &s.log.count, 1);
	harness_check_theft(&s.log, SIGKILL);
	clear_stage(&s);
}
END_TEST

START_TEST(c22_whoever_waits_for_it_gets_it)
{
	struct sigchld_event event = { .size = sizeof(event) };
	struct stage s;

	set_stage(&s, 9);
	harness_release(&s.held);
	reap_by_hand(s.held.pid);
	MUST_BE(1, sigchld_child_wait(s.child, -1, &event));
	harness_on_event(s.child, &event, &s.log);
	harness_check_theft(&s.log, 9 << 8);
	clear_stage(&s);
}
END_TEST

START_TEST(c22_of_a_child_whose_stops_are_wanted)
{
	struct stage s = { .ctx = open_ctx(NULL) };

	s.held = harness_fork_watched(s.ctx, &s.child, SIGCHLD_CHILD_STOPS, 9,
	    harness_on_event, &s.log);
	harness_release(&s.held);
	reap_by_hand(s.held.pid);
	MUST_BE(0, sigchld_occurred(s.ctx));
	harness_wait_for(s.ctx, &s.log.count, 1);
	harness_check_theft(&s.log, 9 << 8);
	clear_stage(&s);
}
END_TEST

START_TEST(c9_ignored_after_it_was_forked)
{
	struct stage s;

	set_stage(&s, 9);
	keep_no_zombies(0);
	vanish(&s);
	say_so();
	harness_wait_for(s.ctx, &s.log.count, 1);
	harness_check_theft(&s.log, 9 << 8);
	clear_stage(&s);
}
END_TEST

START_TEST(c9_without_zombies_after_it_was_forked)
{
	struct stage s;

	set_stage(&s, 9);
	keep_no_zombies(SA_NOCLDWAIT);
	vanish(&s);
	say_so();
	harness_wait_for(s.ctx, &s.log.count, 1);
	harness_check_theft(&s.log, 9 << 8);
	clear_stage(&s);
}
END_TEST

static void *
wait_for_it(void *user)
{
	struct stage *s = user;
	struct sigchld_event event = { .size = sizeof(event) };

	MUST_BE(1, sigchld_child_wait(s->child, -1, &event));
	harness_on_event(s->child, &event, &s->log);
	return NULL;
}

START_TEST(c9_ignored_while_somebody_waits)
{
	struct stage s;
	pthread_t thread;

	set_stage(&s, 9);
	keep_no_zombies(0);
	thread = start(wait_for_it, &s);
	vanish(&s);
	say_so();
	(void)finish(thread);
	harness_check_theft(&s.log, 9 << 8);
	clear_stage(&s);
}
END_TEST

/* Inherited, or set by somebody before us. Our handler keeps the zombies, and
 * whoever wants no handler makes do with what the kernel tells. */
static void
inherit(int flags)
{
	struct stage s;
	bool ours;

	keep_no_zombies(flags);
	set_stage(&s, 9);
	ours = !handler_is(flags != 0 ? SIG_DFL : SIG_IGN);
	harness_release(&s.held);
	harness_wait_for(s.ctx, &s.log.count, 1);
	if (ours) {
		ck_assert_int_eq(s.log.wstatus, 9 << 8);
		ck_assert_int_eq(s.log.source, SIGCHLD_SOURCE_WAIT);
		ck_assert_uint_eq(stats_of(s.ctx).stolen, 0);
		sigchld_child_free(s.child);
		sigchld_free(s.ctx);
	} else {
		ck_assert(harness_on_pidfds());
		harness_check_theft(&s.log, 9 << 8);
		clear_stage(&s);
	}
	ck_assert(handler_is(flags != 0 ? SIG_DFL : SIG_IGN));
}

START_TEST(c9_inherited_ignored)
{
	inherit(0);
}
END_TEST

START_TEST(c9_inherited_without_zombies)
{
	inherit(SA_NOCLDWAIT);
}
END_TEST

/* The zombies from before stay ours to wait for. */
START_TEST(c9_a_zombie_from_before_it_was_ignored)
{
	struct stage s;

	set_stage(&s, 9);
	harness_release(&s.held);
	harness_await_zombie(s.held.pid);
	keep_no_zombies(0);
	say_so();
	harness_wait_for(s.ctx, &s.log.count, 1);
	ck_assert_int_eq(s.log.wstatus, 9 << 8);
	ck_assert_int_eq(s.log.source, SIGCHLD_SOURCE_WAIT);
	sigchld_child_free(s.child);
	sigchld_free(s.ctx);
}
END_TEST

/* The kernel remembers the status a moment after the child is gone; it is asked
 * again, but not for ever. */

static void
forget(struct stage *s, int gives, int n)
{
	if (!harness_recovers())
		harness_skip("the kernel remembers nothing");
	set_stage(s, 9);
	exit_gives = gives;
	times = n;
	harness_release(&s->held);
	reap_by_hand(s->held.pid);
}

START_TEST(c22_the_kernel_remembers_a_moment_later)
{
	struct stage s;

	forget(&s, -EAGAIN, 3);
	harness_wait_for(s.ctx, &s.log.count, 1);
	ck_assert_int_eq(times, 0);
	harness_check_theft(&s.log, 9 << 8);
	clear_stage(&s);
}
END_TEST

START_TEST(c22_a_moment_later_for_whoever_waits)
{
	struct sigchld_event event = { .size = sizeof(event) };
	struct stage s;

	forget(&s, -EAGAIN, 3);
	MUST_BE(1, sigchld_child_wait(s.child, -1, &event));
	harness_on_event(s.child, &event, &s.log);
	harness_check_theft(&s.log, 9 << 8);
	clear_stage(&s);
}
END_TEST

/* A loop that knows the descriptor and the timeout. */
START_TEST(c22_a_moment_later_for_a_foreign_loop)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	struct stage s;
	int timeout;

	forget(&s, -EAGAIN, 3);
	while (s.log.count == 0) {
		ck_assert_int_lt(harness_now_ms(), deadline);
		timeout = sigchld_timeout(s.ctx);
		(void)harness_readable(sigchld_fd(s.ctx),
		    timeout < 0 ? 20000 : timeout);
		ck_assert_int_ge(sigchld_dispatch(s.ctx), 0);
	}
	harness_check_theft(&s.log, 9 << 8);
	clear_stage(&s);
}
END_TEST

static void
expect_stolen(struct stage *s)
{
	ck_assert_uint_eq(s->log.what, SIGCHLD_STOLEN);
	ck_assert_uint_eq(s->log.source, SIGCHLD_SOURCE_NONE);
	ck_assert_int_eq(s->log.wstatus, 0);
	ck_assert_int_eq(s->log.count, 1);
	ck_assert_uint_eq(stats_of(s->ctx).stolen, 1);
	ck_assert_uint_eq(stats_of(s->ctx).recovered, 0);
	sigchld_child_free(s->child);
	sigchld_free(s->ctx);
}

START_TEST(c22_the_kernel_never_remembers)
{
	struct sigchld_event event = { .size = sizeof(event) };
	struct stage s;

	forget(&s, -EAGAIN, 1000000);
	harness_wait_for(s.ctx, &s.log.count, 1);
	ck_assert_int_gt(times, 0);
	expect_stolen(&s);
	forget(&s, -EAGAIN, 1000000);
	MUST_BE(1, sigchld_child_wait(s.child, -1, &event));
	harness_on_event(s.child, &event, &s.log);
	expect_stolen(&s);
}
END_TEST

START_TEST(c22_a_kernel_that_cannot_remember)
{
	struct stage s;

	forget(&s, 0, 1000000);
	MUST_BE(1, sigchld_dispatch(s.ctx));
	expect_stolen(&s);
}
END_TEST

/* A thief at work all the time: whoever is faster, the status is true. */

static atomic_bool enough;
static atomic_int n_taken;

static void *
steal_on(void *user)
{
	(void)user;
	while (!atomic_load(&enough)) {
		if (waitpid(-1, NULL, WNOHANG) > 0)
			atomic_fetch_add(&n_taken, 1);
		else
			(void)sched_yield();
	}
	return NULL;
}

static void
check_code(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	int *told = user;

	(void)child;
	if (event->what == SIGCHLD_STOLEN) {
		ck_assert(!harness_recovers());
		ck_assert_int_eq(event->wstatus, 0);
	} else {
		ck_assert_uint_eq(event->what, SIGCHLD_EXITED);
		ck_assert_int_eq(event->wstatus, 77 << 8);
	}
	(*told)++;
}

START_TEST(c22_a_thief_at_work_all_the_time)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	pthread_t thread = start(steal_on, NULL);
	struct sigchld_stats stats;
	struct harness_child held;
	int i, told = 0;

	for (i = 0; i < 300; i++) {
		held =
		    harness_fork_watched(ctx, NULL, 0, 77, check_code, &told);
		harness_release(&held);
		ck_assert_int_ge(sigchld_wait(ctx, i % 3), 0);
	}
	while (told < 300) {
		ck_assert_int_lt(harness_now_ms(), deadline);
		say_so();
		ck_assert_int_ge(sigchld_wait(ctx, 10), 0);
	}
	atomic_store(&enough, true);
	(void)finish(thread);
	stats = stats_of(ctx);
	ck_assert_uint_eq(stats.children, 0);
	ck_assert_uint_eq(stats.faults, 0);
	/* Some are stolen from under their callback. */
	ck_assert_uint_eq(stats.reaped + stats.stolen, 300);
	ck_assert_uint_eq(stats.stolen, (unsigned int)atomic_load(&n_taken));
	ck_assert_uint_le(stats.recovered, stats.stolen);
	sigchld_free(ctx);
}
END_TEST

HARNESS("theft",
    {
	HARNESS_TEST(c22_a_wait_for_any_child_elsewhere),
	HARNESS_TEST(c22_of_one_that_was_killed),
	HARNESS_TEST(c22_whoever_waits_for_it_gets_it),
	HARNESS_TEST(c22_of_a_child_whose_stops_are_wanted),
	HARNESS_TEST(c9_ignored_after_it_was_forked),
	HARNESS_TEST(c9_without_zombies_after_it_was_forked),
	HARNESS_TEST(c9_ignored_while_somebody_waits),
	HARNESS_TEST(c9_inherited_ignored),
	HARNESS_TEST(c9_inherited_without_zombies),
	HARNESS_TEST(c9_a_zombie_from_before_it_was_ignored),
	HARNESS_PIDFD_TEST(c22_the_kernel_remembers_a_moment_later),
	HARNESS_PIDFD_TEST(c22_a_moment_later_for_whoever_waits),
	HARNESS_PIDFD_TEST(c22_a_moment_later_for_a_foreign_loop),
	HARNESS_PIDFD_TEST(c22_the_kernel_never_remembers),
	HARNESS_PIDFD_TEST(c22_a_kernel_that_cannot_remember),
	HARNESS_TEST(c22_a_thief_at_work_all_the_time),
    })
