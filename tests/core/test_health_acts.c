/*
 * test_health_acts.c - who depends on a signal that does not come, looks
 *
 * wake: auto
 * wrap: pidfd_open poll
 *
 * Each context here says its wake itself. Whether a look is due in time is read
 * from the context, so that nothing here is measured.
 */
#include <poll.h>

#include "core/ctx.h"
#include "core/sys.h"
#include "help.h"

static int refused; /* pidfds, with this error */

int __real_sigchld__sys_pidfd_open(pid_t pid);
int __wrap_sigchld__sys_pidfd_open(pid_t pid);

int
__wrap_sigchld__sys_pidfd_open(pid_t pid)
{
	return refused != 0 ? refused : __real_sigchld__sys_pidfd_open(pid);
}

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

/* What is wrong with the signal. */
enum trouble {
	REPLACED, /* by a handler that does not call ours */
	IGNORED,
	BLOCKED,
};

static struct sigaction beneath;

static void
deaf(int sig)
{
	(void)sig;
}

static void
cause(enum trouble trouble)
{
	struct sigaction action = { .sa_handler = deaf };

	if (trouble == IGNORED)
		action.sa_handler = SIG_IGN;
	if (trouble == BLOCKED)
		block_sigchld(SIG_BLOCK);
	else
		ck_assert_int_eq(sigaction(SIGCHLD, &action, &beneath), 0);
}

static void
cure(enum trouble trouble)
{
	if (trouble == BLOCKED)
		block_sigchld(SIG_UNBLOCK);
	else
		ck_assert_int_eq(sigaction(SIGCHLD, &beneath, NULL), 0);
}

struct scene {
	struct sigchld_ctx *ctx;
	struct sigchld_child *child;
	struct harness_child held;
	struct harness_log log;
	uint64_t signals;
};

static void
set_scene(struct scene *s)
{
	memset(s, 0, sizeof(*s));
	s->ctx = open_ctx(SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_SIGNAL));
	s->held = harness_fork_watched(s->ctx, &s->child, 0, 7,
	    harness_on_event, &s->log);
	MUST_BE(0, sigchld_dispatch(s->ctx));
	s->signals = stats_of(s->ctx).signals;
}

static bool
is_timed(const struct scene *s)
{
	return s->ctx->deadlines[SIGCHLD__SWEEP_AT] != 0;
}

/* It dies; where it is ignored, it vanishes. */
static void
let_die(struct scene *s, enum trouble trouble)
{
	harness_release(&s->held);
	if (trouble != IGNORED)
		harness_await_zombie(s->held.pid);
}

/* No signal told of it, and what is told is true. */
static void
check_told(const struct scene *s, enum trouble trouble)
{
	ck_assert_int_eq(s->log.count, 1);
	ck_assert_uint_eq(stats_of(s->ctx).signals, s->signals);
	ck_assert_uint_ge(stats_of(s->ctx).timed, 1);
	if (trouble == IGNORED) {
		ck_assert_uint_eq(s->log.what, SIGCHLD_STOLEN);
	} else {
		ck_assert_uint_eq(s->log.source, SIGCHLD_SOURCE_WAIT);
		ck_assert_int_eq(s->log.wstatus, 7 << 8);
	}
}

static void
clear_scene(struct scene *s, enum trouble trouble)
{
	cure(trouble);
	sigchld_child_free(s->child);
	sigchld_free(s->ctx);
}

/* As a loop of the application's own would. */
static void
poll_until(struct sigchld_ctx *ctx, const int *counter, int want)
{
	struct pollfd fd = { .fd = sigchld_fd(ctx), .events = POLLIN };
	int timeout, rc;

	while (*counter < want) {
		timeout = sigchld_timeout(ctx);
		if (timeout < 0)
			timeout = (int)harness_patience_ms();
		rc = poll(&fd, 1, timeout);
		ck_assert_msg(rc == 1 || (rc == -1 && errno == EINTR) ||
			sigchld_timeout(ctx) == 0,
		    "the descriptor does not tell");
		ck_assert_int_ge(sigchld_dispatch(ctx), 0);
	}
}

/* Found */

static void
found_by_wait(enum trouble trouble)
{
	struct scene s;

	set_scene(&s);
	cause(trouble);
	let_die(&s, trouble);
	harness_wait_for(s.ctx, &s.log.final, 1);
	check_told(&s, trouble);
	clear_scene(&s, trouble);
}

START_TEST(c11_replaced_found_by_sigchld_wait)
{
	found_by_wait(REPLACED);
}
END_TEST

START_TEST(c9_ignored_found_by_sigchld_wait)
{
	found_by_wait(IGNORED);
}
END_TEST

START_TEST(c10_blocked_found_by_sigchld_wait)
{
	found_by_wait(BLOCKED);
}
END_TEST

/* Nobody asks while all sleep, so it says when something may have changed. */
static void
found_by_a_foreign_loop(enum trouble trouble)
{
	struct scene s;

	set_scene(&s);
	cause(trouble);
	if (trouble == BLOCKED) /* seen only once it is pending */
		let_die(&s, trouble);
	ck_assert_int_ge(sigchld_health(), 0);
	ck_assert_int_ge(sigchld_dispatch(s.ctx), 0);
	if (trouble != BLOCKED) {
		ck_assert(is_timed(&s));
		let_die(&s, trouble);
		poll_until(s.ctx, &s.log.final, 1);
		check_told(&s, trouble);
	}
	ck_assert_int_eq(s.log.final, 1);
	clear_scene(&s, trouble);
}

START_TEST(c11_replaced_found_by_a_foreign_loop)
{
	found_by_a_foreign_loop(REPLACED);
}
END_TEST

START_TEST(c9_ignored_found_by_a_foreign_loop)
{
	found_by_a_foreign_loop(IGNORED);
}
END_TEST

START_TEST(c10_blocked_found_by_a_foreign_loop)
{
	found_by_a_foreign_loop(BLOCKED);
}
END_TEST

/* A child that comes to depend on a signal that is in doubt needs no call. */
static void
found_of_a_newborn(enum trouble trouble)
{
	struct harness_log log = { .count = 0 };
	struct harness_child held;
	struct scene s;

	set_scene(&s);
	cause(trouble);
	if (trouble == BLOCKED)
		ck_assert_int_eq(raise(SIGCHLD), 0);
	held = harness_fork_watched(s.ctx, NULL, 0, 8, harness_on_event, &log);
	ck_assert(is_timed(&s));
	harness_release(&held);
	poll_until(s.ctx, &log.final, 1);
	ck_assert_uint_ge(stats_of(s.ctx).timed, 1);
	ck_assert_uint_eq(stats_of(s.ctx).signals, s.signals);
	let_die(&s, trouble);
	poll_until(s.ctx, &s.log.final, 1);
	check_told(&s, trouble);
	clear_scene(&s, trouble);
}

START_TEST(c11_replaced_before_a_birth)
{
	found_of_a_newborn(REPLACED);
}
END_TEST

START_TEST(c9_ignored_before_a_birth)
{
	found_of_a_newborn(IGNORED);
}
END_TEST

START_TEST(c10_blocked_before_a_birth)
{
	found_of_a_newborn(BLOCKED);
}
END_TEST

static void
found_by_child_wait(enum trouble trouble)
{
	struct sigchld_event event = { .size = sizeof(event) };
	struct scene s;

	set_scene(&s);
	cause(trouble);
	MUST_BE(0, sigchld_child_wait(s.child, 1, NULL));
	let_die(&s, trouble);
	MUST_BE(1,
	    sigchld_child_wait(s.child, (int)harness_patience_ms(), &event));
	ck_assert_uint_eq(event.what,
	    trouble == IGNORED ? SIGCHLD_STOLEN : SIGCHLD_EXITED);
	ck_assert_int_eq(event.wstatus, trouble == IGNORED ? 0 : 7 << 8);
	ck_assert_uint_eq(stats_of(s.ctx).signals, s.signals);
	ck_assert_int_eq(s.log.count, 0);
	clear_scene(&s, trouble);
}

/* It sleeps before the child dies, and another SIGCHLD is pending by then. */
static void *
wait_for_child(void *user)
{
	struct scene *s = user;

	return (void *)(intptr_t)sigchld_child_wait(s->child,
	    (int)harness_patience_ms(), NULL);
}

START_TEST(c10_blocked_in_every_thread_found_by_sigchld_child_wait)
{
	pthread_t thread;
	struct scene s;

	set_scene(&s);
	block_sigchld(SIG_BLOCK); /* the thread inherits it */
	ck_assert_int_eq(kill(getpid(), SIGCHLD), 0);
	thread = start(wait_for_child, &s);
	harness_release(&s.held);
	ck_assert_int_eq((int)(intptr_t)finish(thread), 1);
	ck_assert_uint_eq(stats_of(s.ctx).signals, s.signals);
	clear_scene(&s, BLOCKED);
}
END_TEST

START_TEST(c11_replaced_found_by_sigchld_child_wait)
{
	found_by_child_wait(REPLACED);
}
END_TEST

START_TEST(c9_ignored_found_by_sigchld_child_wait)
{
	found_by_child_wait(IGNORED);
}
END_TEST

START_TEST(c10_blocked_found_by_sigchld_child_wait)
{
	found_by_child_wait(BLOCKED);
}
END_TEST

/* Blocked in every thread from the beginning: nothing is pending when they fall
 * asleep, and ours has never run. */

static void *
wait_for_end(void *user)
{
	struct scene *s = user;

	harness_wait_for(s->ctx, &s->log.final, 1);
	return NULL;
}

static void
await_asleep(struct sigchld_ctx *ctx)
{
	int64_t until = harness_now_ms() + harness_patience_ms();

	while (!atomic_load(&ctx->user.asleep)) {
		ck_assert_msg(harness_now_ms() < until, "it does not sleep");
		(void)sched_yield();
	}
}

static void
ran_never(void)
{
	ck_assert_uint_eq(atomic_load(&sigchld__signal_users.walks), 0);
}

START_TEST(c10_blocked_before_anything_died_found_by_sigchld_wait)
{
	pthread_t thread;
	struct scene s;

	block_sigchld(SIG_BLOCK);
	set_scene(&s);
	thread = start(wait_for_end, &s);
	await_asleep(s.ctx);
	ran_never();
	harness_release(&s.held);
	(void)finish(thread);
	check_told(&s, BLOCKED);
	ran_never();
	clear_scene(&s, BLOCKED);
}
END_TEST

START_TEST(c10_blocked_before_anything_died_found_by_sigchld_child_wait)
{
	pthread_t thread;
	struct scene s;

	block_sigchld(SIG_BLOCK);
	set_scene(&s);
	thread = start(wait_for_child, &s);
	gate_pass(&asleep, 1);
	ran_never();
	harness_release(&s.held);
	ck_assert_int_eq((int)(intptr_t)finish(thread), 1);
	ran_never();
	clear_scene(&s, BLOCKED);
}
END_TEST

/* It lets the signal in, whoever else blocks it. */
static struct gate enough = GATE;

static void *
let_it_in(void *user)
{
	(void)user;
	gate_pass(&enough, 1);
	return NULL;
}

START_TEST(c10_nothing_is_timed_where_another_thread_lets_it_in)
{
	int64_t until = harness_now_ms() + harness_patience_ms();
	pthread_t thread = start(let_it_in, NULL), waiter;
	uint64_t timed;
	struct scene s;

	block_sigchld(SIG_BLOCK);
	set_scene(&s);
	ck_assert(is_timed(&s)); /* who knows whether it is let in */
	ck_assert_int_eq(kill(getpid(), SIGCHLD), 0);
	while (atomic_load(&sigchld__signal_users.walks) == 0) {
		ck_assert_int_lt(harness_now_ms(), until);
		(void)sched_yield();
	}
	MUST_BE(0, sigchld_wait(s.ctx, 0));
	ck_assert(!is_timed(&s));
	timed = stats_of(s.ctx).timed;
	waiter = start(wait_for_end, &s);
	await_asleep(s.ctx);
	ck_assert(!is_timed(&s));
	harness_release(&s.held);
	(void)finish(waiter);
	ck_assert_uint_eq(stats_of(s.ctx).timed, timed);
	ck_assert_uint_gt(stats_of(s.ctx).signals, s.signals);
	ck_assert_int_eq(s.log.wstatus, 7 << 8);
	gate_open(&enough);
	(void)finish(thread);
	clear_scene(&s, BLOCKED);
}
END_TEST

/* Demoted, and the handler is somebody else's. */
START_TEST(g8_no_handler_and_no_pidfd_to_be_had)
{
	struct sigaction action = { .sa_handler = deaf };
	struct harness_log log = { .count = 0 };
	struct harness_child held;
	struct sigchld_ctx *ctx;

	ck_assert_int_eq(sigaction(SIGCHLD, &action, NULL), 0);
	ctx = open_ctx(SIGCHLD_OPTIONS(.flags = SIGCHLD_NOCHAIN));
	refused = -EMFILE;
	held = harness_fork_watched(ctx, NULL, 0, 7, harness_on_event, &log);
	ck_assert_uint_eq(stats_of(ctx).demoted, 1);
	ck_assert(handler_is(deaf));
	ck_assert_int_ne(ctx->deadlines[SIGCHLD__SWEEP_AT], 0);
	harness_release(&held);
	poll_until(ctx, &log.final, 1);
	ck_assert_int_eq(log.wstatus, 7 << 8);
	ck_assert_uint_ge(stats_of(ctx).timed, 1);
	ck_assert(handler_is(deaf));
	log.final = 0;
	held = harness_fork_watched(ctx, NULL, 0, 7, harness_on_event, &log);
	harness_release(&held);
	harness_wait_for(ctx, &log.final, 1);
	sigchld_free(ctx);
	ck_assert(handler_is(deaf));
}
END_TEST

/* Not looked for in vain */

START_TEST(c11_nothing_is_timed_while_all_is_well)
{
	struct scene s;

	set_scene(&s);
	MUST_BE(0, sigchld_occurred(s.ctx));
	MUST_BE(0, sigchld_dispatch(s.ctx));
	MUST_BE(0, sigchld_wait(s.ctx, 0));
	ck_assert(!is_timed(&s));
	let_die(&s, REPLACED);
	harness_wait_for(s.ctx, &s.log.final, 1);
	ck_assert_uint_eq(stats_of(s.ctx).timed, 0);
	sigchld_child_free(s.child);
	sigchld_free(s.ctx);
}
END_TEST

static void
polite(int sig, siginfo_t *info, void *context)
{
	beneath.sa_sigaction(sig, info, context);
}

START_TEST(c11_nor_under_a_handler_that_calls_ours)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO };
	struct scene s;
	uint64_t timed;

	set_scene(&s);
	action.sa_sigaction = polite;
	ck_assert_int_eq(sigaction(SIGCHLD, &action, &beneath), 0);
	MUST_BE(0, sigchld_wait(s.ctx, 0));
	ck_assert(is_timed(&s)); /* who knows whether it will */
	ck_assert_int_eq(raise(SIGCHLD), 0);
	MUST_BE(0, sigchld_dispatch(s.ctx));
	ck_assert(!is_timed(&s));
	timed = stats_of(s.ctx).timed; /* once, if the machine took its time */
	MUST_BE(0, sigchld_wait(s.ctx, 0));
	ck_assert(!is_timed(&s));
	let_die(&s, REPLACED);
	harness_wait_for(s.ctx, &s.log.final, 1);
	ck_assert_uint_eq(stats_of(s.ctx).timed, timed);
	clear_scene(&s, REPLACED);
}
END_TEST

START_TEST(c11_nor_where_all_children_are_on_pidfds)
{
	struct sigaction action = { .sa_handler = deaf };
	struct harness_log log = { .count = 0 };
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child held =
	    harness_fork_watched(ctx, NULL, 0, 7, harness_on_event, &log);

	ck_assert_uint_eq(stats_of(ctx).pidfds, 1);
	ck_assert_int_eq(sigaction(SIGCHLD, &action, NULL), 0);
	MUST_BE(0, sigchld_occurred(ctx));
	MUST_BE(0, sigchld_dispatch(ctx));
	MUST_BE(0, sigchld_wait(ctx, 0));
	ck_assert_int_eq(ctx->deadlines[SIGCHLD__SWEEP_AT], 0);
	harness_release(&held);
	harness_wait_for(ctx, &log.final, 1);
	ck_assert_int_eq(log.wstatus, 7 << 8);
	ck_assert_uint_eq(stats_of(ctx).timed, 0);
	ck_assert(handler_is(deaf));
	sigchld_free(ctx);
}
END_TEST

static void
ends_with_the_doubt(enum trouble trouble)
{
	struct scene s;

	set_scene(&s);
	cause(trouble);
	if (trouble == BLOCKED)
		ck_assert_int_eq(raise(SIGCHLD), 0);
	MUST_BE(0, sigchld_wait(s.ctx, 0));
	ck_assert(is_timed(&s));
	cure(trouble);
	MUST_BE(0, sigchld_wait(s.ctx, 0));
	MUST_BE(0, sigchld_wait(s.ctx, 0));
	ck_assert(!is_timed(&s));
	let_die(&s, REPLACED);
	harness_wait_for(s.ctx, &s.log.final, 1);
	ck_assert_uint_gt(stats_of(s.ctx).signals, s.signals);
	ck_assert_uint_eq(stats_of(s.ctx).timed, 0);
	sigchld_child_free(s.child);
	sigchld_free(s.ctx);
}

START_TEST(c11_no_more_when_ours_is_on_top_again)
{
	ends_with_the_doubt(REPLACED);
}
END_TEST

START_TEST(c9_no_more_when_it_is_not_ignored_any_more)
{
	ends_with_the_doubt(IGNORED);
}
END_TEST

START_TEST(c10_no_more_when_it_is_not_blocked_any_more)
{
	ends_with_the_doubt(BLOCKED);
}
END_TEST

/* It costs nothing once nobody depends on the signal. */
START_TEST(c11_no_more_without_a_child_that_needs_it)
{
	struct scene s;

	set_scene(&s);
	cause(REPLACED);
	let_die(&s, REPLACED);
	harness_wait_for(s.ctx, &s.log.final, 1);
	MUST_BE(0, sigchld_wait(s.ctx, 0));
	ck_assert(!is_timed(&s));
	clear_scene(&s, REPLACED);
}
END_TEST

/* Ignored since before us */

static void
ignore(int flags)
{
	struct sigaction action = { .sa_handler = SIG_IGN };

	if (flags != 0) {
		action.sa_handler = deaf;
		action.sa_flags = flags;
	}
	ck_assert_int_eq(sigaction(SIGCHLD, &action, &beneath), 0);
}

static bool
is_as(int flags)
{
	struct sigaction now;

	ck_assert_int_eq(sigaction(SIGCHLD, NULL, &now), 0);
	return flags == 0
	    ? now.sa_handler == SIG_IGN
	    : now.sa_handler == deaf && (now.sa_flags & flags) == flags;
}

/* Under AUTO the handler is there while children live. */
static void
auto_keeps_zombies(int flags)
{
	struct harness_log log[3];
	struct harness_child held[3];
	struct sigchld_ctx *ctx;
	int i;

	ignore(flags);
	ctx = open_ctx(NULL);
	memset(log, 0, sizeof(log));
	for (i = 0; i < 3; i++) { /* one after another */
		ck_assert(is_as(flags));
		held[i] = harness_fork_watched(ctx, NULL, 0, i,
		    harness_on_event, &log[i]);
		ck_assert(!is_as(flags));
		harness_release(&held[i]);
		harness_wait_for(ctx, &log[i].final, 1);
		ck_assert_uint_eq(log[i].source, SIGCHLD_SOURCE_WAIT);
		ck_assert_int_eq(log[i].wstatus, i << 8);
		ck_assert(is_as(flags));
	}
	memset(log, 0, sizeof(log));
	for (i = 0; i < 3; i++) /* all at once */
		held[i] = harness_fork_watched(ctx, NULL, 0, i,
		    harness_on_event, &log[i]);
	for (i = 0; i < 3; i++) {
		ck_assert(!is_as(flags));
		harness_release(&held[i]);
		harness_wait_for(ctx, &log[i].final, 1);
		ck_assert_uint_eq(log[i].source, SIGCHLD_SOURCE_WAIT);
		ck_assert_int_eq(log[i].wstatus, i << 8);
	}
	ck_assert(is_as(flags));
	sigchld_free(ctx);
	ck_assert(is_as(flags));
}

START_TEST(c9_auto_under_an_inherited_sig_ign)
{
	auto_keeps_zombies(0);
}
END_TEST

START_TEST(c9_auto_under_an_inherited_nocldwait)
{
	auto_keeps_zombies(SA_NOCLDWAIT);
}
END_TEST

START_TEST(c9_a_context_freed_gives_sig_ign_back)
{
	struct harness_child held;
	struct sigchld_ctx *ctx;

	ignore(0);
	ctx = open_ctx(NULL);
	held = harness_fork_watched(ctx, NULL, 0, 0, NULL, NULL);
	ck_assert(!is_as(0));
	sigchld_free(ctx);
	ck_assert(is_as(0));
	harness_release(&held);
	ck_assert_int_eq(waitpid(held.pid, NULL, 0), -1); /* it vanishes */
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

/* PIDFD leaves the signal alone, and the kernel tells the status if it can. */
START_TEST(c9_pidfd_under_an_inherited_sig_ign)
{
	struct harness_log log;
	struct harness_child held;
	struct sigchld_ctx *ctx;
	int i;

	ignore(0);
	ctx = open_ctx(SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_PIDFD));
	for (i = 0; i < 3; i++) {
		memset(&log, 0, sizeof(log));
		held = harness_fork_watched(ctx, NULL, 0, i, harness_on_event,
		    &log);
		ck_assert(is_as(0));
		harness_release(&held);
		harness_wait_for(ctx, &log.final, 1);
		harness_check_theft(&log, i << 8);
		ck_assert(is_as(0));
	}
	sigchld_free(ctx);
}
END_TEST

HARNESS("health_acts",
    {
	HARNESS_TEST(c11_replaced_found_by_sigchld_wait),
	HARNESS_TEST(c9_ignored_found_by_sigchld_wait),
	HARNESS_TEST(c10_blocked_found_by_sigchld_wait),
	HARNESS_TEST(c11_replaced_found_by_a_foreign_loop),
	HARNESS_TEST(c9_ignored_found_by_a_foreign_loop),
	HARNESS_TEST(c10_blocked_found_by_a_foreign_loop),
	HARNESS_TEST(c11_replaced_before_a_birth),
	HARNESS_TEST(c9_ignored_before_a_birth),
	HARNESS_TEST(c10_blocked_before_a_birth),
	HARNESS_TEST(c11_replaced_found_by_sigchld_child_wait),
	HARNESS_TEST(c9_ignored_found_by_sigchld_child_wait),
	HARNESS_TEST(c10_blocked_found_by_sigchld_child_wait),
	HARNESS_TEST(c10_blocked_in_every_thread_found_by_sigchld_child_wait),
	HARNESS_TEST(c10_blocked_before_anything_died_found_by_sigchld_wait),
	HARNESS_TEST(
	    c10_blocked_before_anything_died_found_by_sigchld_child_wait),
	HARNESS_TEST(c10_nothing_is_timed_where_another_thread_lets_it_in),
	HARNESS_PIDFD_TEST(g8_no_handler_and_no_pidfd_to_be_had),
	HARNESS_TEST(c11_nothing_is_timed_while_all_is_well),
	HARNESS_TEST(c11_nor_under_a_handler_that_calls_ours),
	HARNESS_PIDFD_TEST(c11_nor_where_all_children_are_on_pidfds),
	HARNESS_TEST(c11_no_more_when_ours_is_on_top_again),
	HARNESS_TEST(c9_no_more_when_it_is_not_ignored_any_more),
	HARNESS_TEST(c10_no_more_when_it_is_not_blocked_any_more),
	HARNESS_TEST(c11_no_more_without_a_child_that_needs_it),
	HARNESS_TEST(c9_auto_under_an_inherited_sig_ign),
	HARNESS_TEST(c9_auto_under_an_inherited_nocldwait),
	HARNESS_TEST(c9_a_context_freed_gives_sig_ign_back),
	HARNESS_PIDFD_TEST(c9_pidfd_under_an_inherited_sig_ign),
    })
