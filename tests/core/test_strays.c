/*
 * test_strays.c - dead children that nobody watches
 *
 * wrap: waitid
 */
#include "core/sys.h"
#include "help.h"

/* Every waitid of the library passes here and must be one that it may make. */

static pid_t allowed[64];
static int n_allowed, n_reaps, n_all;
static bool strict;

static void
allow(pid_t pid)
{
	allowed[n_allowed++] = pid;
}

static bool
is_allowed(pid_t pid)
{
	int i;

	for (i = 0; i < n_allowed; i++) {
		if (allowed[i] == pid)
			return true;
	}
	return false;
}

int __real_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);
int __wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);

int
__wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options)
{
	ck_assert_int_ne(options & WNOHANG, 0);
	if (type == P_ALL) {
		n_all++;
		ck_assert_int_ne(options & WNOWAIT, 0);
	} else if (!(options & WNOWAIT)) {
		pid_t pid = harness_pid_of(type, id);

		n_reaps++;
		if (strict)
			ck_assert_msg(is_allowed(pid), "%d was reaped", pid);
	}
	return __real_sigchld__sys_waitid(type, id, ret_wait, options);
}

/* Who accepts, and what he was shown. */
struct asker {
	pid_t accept[8];
	int n_accept, asked;
	struct harness_log log;
	int answer; /* besides 0 and -ESRCH */
	void (*act)(struct sigchld_ctx *ctx, const struct sigchld_event *event);
};

static int
on_stray(struct sigchld_ctx *ctx, const struct sigchld_event *event, void *user)
{
	struct asker *asker = user;
	int i;

	asker->asked++;
	ck_assert(harness_is_zombie(event->pid));
	harness_on_event(NULL, event, &asker->log);
	if (asker->act != NULL)
		asker->act(ctx, event);
	for (i = 0; i < asker->n_accept; i++) {
		if (asker->accept[i] == event->pid) {
			allow(event->pid);
			return 0;
		}
	}
	return asker->answer != 0 ? asker->answer : -ESRCH;
}

static struct sigchld_ctx *
open_asker(struct asker *asker)
{
	strict = true;
	return open_ctx(SIGCHLD_OPTIONS(.on_stray = on_stray, .user = asker));
}

static void
accept_it(struct asker *asker, pid_t pid)
{
	asker->accept[asker->n_accept++] = pid;
}

START_TEST(c21_an_accepted_stray_is_reaped_and_a_denied_one_left)
{
	struct asker asker = { .asked = 0 };
	struct sigchld_ctx *ctx = open_asker(&asker);
	pid_t mine = fork_zombie(1), other;

	accept_it(&asker, mine);
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert(harness_is_reaped(mine));
	ck_assert_int_eq(asker.log.wstatus, 1 << 8);
	ck_assert_uint_eq(stats_of(ctx).strays, 1);
	other = fork_zombie(2);
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert(harness_is_zombie(other));
	ck_assert_uint_eq(stats_of(ctx).strays, 1);
	MUST_BE(0, sigchld_dispatch(ctx)); /* not again without a reason */
	ck_assert_int_eq(raise(SIGCHLD), 0);
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(exit_code(other), 2);
	ck_assert_int_gt(n_all, 0);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c49_strays_from_before_are_offered)
{
	struct asker asker = { .asked = 0 };
	struct sigchld_ctx *ctx;
	pid_t pid = fork_zombie(9);

	accept_it(&asker, pid);
	ctx = open_asker(&asker);
	ck_assert(harness_readable(sigchld_fd(ctx), 0));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert(harness_is_reaped(pid));
	sigchld_free(ctx);
}
END_TEST

/* S1: though it is the only zombie there is, and its owner does not come. */
START_TEST(c21_what_another_context_watches_is_not_offered)
{
	struct asker asker = { .asked = 0 };
	struct sigchld_ctx *ctx = open_asker(&asker), *other = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	pid_t pid = watched_zombie(other, NULL, 5, harness_on_event, &log);

	(void)sigchld_dispatch(ctx);
	ck_assert_int_eq(asker.asked, 0);
	ck_assert(harness_is_zombie(pid));
	allow(pid);
	harness_wait_for(other, &log.count, 1);
	sigchld_free(ctx);
	sigchld_free(other);
}
END_TEST

START_TEST(its_own_children_are_not_strays)
{
	struct asker asker = { .asked = 0 };
	struct sigchld_ctx *ctx = open_asker(&asker);
	struct harness_log log = { .count = 0 };

	allow(watched_zombie(ctx, NULL, 5, harness_on_event, &log));
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(asker.asked, 0);
	sigchld_free(ctx);
}
END_TEST

/* S4. In the portable build those behind it have to wait. */
START_TEST(g11_a_denied_or_watched_zombie_hides_no_other)
{
	struct asker asker = { .asked = 0 };
	struct sigchld_ctx *ctx, *other = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	pid_t denied, watched, mine[3];
	int i;

	block_sigchld(SIG_BLOCK);
	watched = watched_zombie(other, NULL, 0, harness_on_event, &log);
	denied = fork_zombie(7);
	for (i = 0; i < 3; i++)
		accept_it(&asker, mine[i] = fork_zombie(i));
	ctx = open_asker(&asker);
	(void)sigchld_dispatch(ctx);
#ifndef SIGCHLD_PORTABLE
	for (i = 0; i < 3; i++)
		ck_assert(harness_is_reaped(mine[i]));
	ck_assert_int_eq(asker.asked, 4);
#endif
	ck_assert_int_eq(exit_code(denied), 7);
	allow(watched);
	MUST_BE(0, sigchld_occurred(NULL));
	harness_wait_for(other, &log.count, 1);
	(void)sigchld_dispatch(ctx);
	for (i = 0; i < 3; i++)
		ck_assert(harness_is_reaped(mine[i]));
	block_sigchld(SIG_UNBLOCK);
	sigchld_free(ctx);
	sigchld_free(other);
}
END_TEST

static struct sigchld_ctx *forker;
static struct harness_log forker_log;
static pid_t newborn;

/* While a fork is under way nothing is accepted: it might be that child. */
static pid_t
dispatch_in_fork(void *user)
{
	struct sigchld_ctx *asking = user;

	newborn = fork();
	if (newborn > 0) {
		harness_await_zombie(newborn);
		MUST_BE(0, sigchld_occurred(asking));
		MUST_BE(0, sigchld_dispatch(asking));
		ck_assert(harness_is_zombie(newborn));
	}
	return newborn;
}

START_TEST(c21_a_child_just_being_forked_is_no_stray)
{
	struct asker asker = { .asked = 0 };
	struct sigchld_ctx *ctx = open_asker(&asker);

	forker =
	    open_ctx(SIGCHLD_OPTIONS(.fork = dispatch_in_fork, .user = ctx));
	if (sigchld_fork(forker, NULL, 0, harness_on_event, &forker_log) == 0)
		_exit(8);
	ck_assert_int_eq(asker.asked, 0);
	(void)sigchld_dispatch(ctx);
	ck_assert_int_eq(asker.asked, 0);
	allow(newborn);
	harness_wait_for(forker, &forker_log.count, 1);
	ck_assert_int_eq(forker_log.wstatus, 8 << 8);
	sigchld_free(ctx);
	sigchld_free(forker);
}
END_TEST

/* What on_stray may do */

static void
watch_it(struct sigchld_ctx *ctx, const struct sigchld_event *event)
{
	(void)ctx;
	MUST_BE(0,
	    sigchld_watch(forker, NULL, event->pid, 0, harness_on_event,
		&forker_log));
}

START_TEST(c23_watched_in_on_stray_it_is_a_child_whatever_is_answered)
{
	struct asker asker = { .act = watch_it };
	struct sigchld_ctx *ctx = open_asker(&asker);
	pid_t pid = fork_zombie(6);

	forker = open_ctx(NULL);
	asker.accept[asker.n_accept++] = pid;
	strict = false;
	(void)sigchld_dispatch(ctx);
	ck_assert(harness_is_zombie(pid));
	ck_assert_uint_eq(stats_of(ctx).strays, 0);
	harness_wait_for(forker, &forker_log.count, 1);
	ck_assert_int_eq(forker_log.wstatus, 6 << 8);
	sigchld_free(ctx);
	sigchld_free(forker);
}
END_TEST

static void
free_it(struct sigchld_ctx *ctx, const struct sigchld_event *event)
{
	(void)event;
	sigchld_free(ctx);
}

START_TEST(c23_the_context_freed_in_on_stray_reaps_nothing_more)
{
	struct asker asker = { .act = free_it };
	struct sigchld_ctx *ctx = open_asker(&asker);
	pid_t a = fork_zombie(6), b = fork_zombie(7);

	accept_it(&asker, a);
	accept_it(&asker, b);
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(asker.asked, 1);
	ck_assert_int_eq(exit_code(a), 6);
	ck_assert_int_eq(exit_code(b), 7);
	ck_assert(handler_is(SIG_DFL));
}
END_TEST

static void
no_more(struct sigchld_ctx *ctx, const struct sigchld_event *event)
{
	(void)event;
	MUST_BE(0, sigchld_configure(ctx, NULL));
}

START_TEST(c23_strays_given_up_in_on_stray_are_left)
{
	struct asker asker = { .act = no_more };
	struct sigchld_ctx *ctx = open_asker(&asker);
	pid_t a = fork_zombie(6), b = fork_zombie(7);

	accept_it(&asker, a);
	accept_it(&asker, b);
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(exit_code(a), 6);
	ck_assert_int_eq(exit_code(b), 7);
	sigchld_free(ctx);
}
END_TEST

static void
fork_one(struct sigchld_ctx *ctx, const struct sigchld_event *event)
{
	static bool done;

	(void)event;
	if (done)
		return;
	done = true;
	newborn = sigchld_fork(ctx, NULL, 0, harness_on_event, &forker_log);
	if (newborn == 0)
		_exit(3);
	allow(newborn);
}

START_TEST(c23_a_fork_in_on_stray)
{
	struct asker asker = { .act = fork_one };
	struct sigchld_ctx *ctx = open_asker(&asker);
	pid_t pid = fork_zombie(6);

	accept_it(&asker, pid);
	harness_wait_for(ctx, &forker_log.count, 1);
	while (!harness_is_reaped(pid))
		ck_assert_int_ge(sigchld_wait(ctx, -1), 0);
	ck_assert_uint_eq(stats_of(ctx).strays, 1);
	sigchld_free(ctx);
}
END_TEST

static int n_faults;

static void
note_fault(struct sigchld_ctx *ctx, const char *what, int err, void *user)
{
	(void)ctx;
	(void)user;
	ck_assert_str_eq(what, "on_stray");
	ck_assert_int_eq(err, -EIO);
	n_faults++;
}

START_TEST(another_answer_is_a_fault_and_the_child_is_left)
{
	struct asker asker = { .answer = -EIO };
	struct sigchld_ctx *ctx = open_ctx(SIGCHLD_OPTIONS(.on_stray = on_stray,
	    .on_fault = note_fault, .user = &asker));
	pid_t pid = fork_zombie(6);

	MUST_BE(2, sigchld_dispatch(ctx));
	ck_assert_int_eq(n_faults, 1);
	ck_assert_int_eq(exit_code(pid), 6);
	sigchld_free(ctx);
}
END_TEST

/* APP: asked by sigchld_occurred. */
START_TEST(app_strays_are_looked_for_when_told)
{
	struct asker asker = { .asked = 0 };
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.handler = SIGCHLD_HANDLER_APP,
		.on_stray = on_stray, .user = &asker));
	pid_t pid;

	MUST_BE(0, sigchld_dispatch(ctx));
	pid = fork_zombie(6);
	accept_it(&asker, pid);
	ck_assert(handler_is(SIG_DFL));
	MUST_BE(0, sigchld_dispatch(ctx));
	MUST_BE(0, sigchld_occurred(NULL));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert(harness_is_reaped(pid));
	sigchld_free(ctx);
}
END_TEST

START_TEST(c34_a_living_child_is_no_stray)
{
	struct asker asker = { .asked = 0 };
	struct sigchld_ctx *ctx = open_asker(&asker);
	struct harness_child held = harness_fork_held(0);

	MUST_BE(0, sigchld_occurred(ctx));
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert_int_eq(kill(held.pid, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(held.pid, NULL, WUNTRACED), held.pid);
	MUST_BE(0, sigchld_occurred(ctx));
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert_int_eq(kill(held.pid, SIGCONT), 0);
	harness_release(&held);
	reap_by_hand(held.pid);
	sigchld_free(ctx);
}
END_TEST

HARNESS("strays",
    {
	HARNESS_TEST(c21_an_accepted_stray_is_reaped_and_a_denied_one_left),
	HARNESS_TEST(c49_strays_from_before_are_offered),
	HARNESS_TEST(c21_what_another_context_watches_is_not_offered),
	HARNESS_TEST(its_own_children_are_not_strays),
	HARNESS_TEST(g11_a_denied_or_watched_zombie_hides_no_other),
	HARNESS_TEST(c21_a_child_just_being_forked_is_no_stray),
	HARNESS_TEST(
	    c23_watched_in_on_stray_it_is_a_child_whatever_is_answered),
	HARNESS_TEST(c23_the_context_freed_in_on_stray_reaps_nothing_more),
	HARNESS_TEST(c23_strays_given_up_in_on_stray_are_left),
	HARNESS_TEST(c23_a_fork_in_on_stray),
	HARNESS_TEST(another_answer_is_a_fault_and_the_child_is_left),
	HARNESS_TEST(app_strays_are_looked_for_when_told),
	HARNESS_TEST(c34_a_living_child_is_no_stray),
    })
