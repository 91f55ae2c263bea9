/*
 * test_ownership.c - every pair of answers to the three ownership questions
 *
 * Who handles SIGCHLD, how long is the handler held, what is reaped: two
 * contexts with any answers, with and without a handler that was there before.
 * Each pair either works, which means that each context forks a child and sees
 * just that one end, or is refused with -EBUSY, in which case nothing has
 * changed. The table that is printed is the one in the documentation.
 */
#include <stdio.h>

#include "help.h"

struct answer {
	const char *name;
	uint32_t handler, flags;
	bool strays;
};

static const struct answer answers[] = {
	{ "LIBRARY", SIGCHLD_HANDLER_LIBRARY, 0, false },
	{ "LIBRARY, strays", SIGCHLD_HANDLER_LIBRARY, 0, true },
	{ "ALWAYS", SIGCHLD_HANDLER_LIBRARY, SIGCHLD_ALWAYS, false },
	{ "ALWAYS, strays", SIGCHLD_HANDLER_LIBRARY, SIGCHLD_ALWAYS, true },
	{ "NOCHAIN", SIGCHLD_HANDLER_LIBRARY, SIGCHLD_NOCHAIN, false },
	{ "NOCHAIN, strays", SIGCHLD_HANDLER_LIBRARY, SIGCHLD_NOCHAIN, true },
	{ "ALWAYS | NOCHAIN", SIGCHLD_HANDLER_LIBRARY,
	    SIGCHLD_ALWAYS | SIGCHLD_NOCHAIN, false },
	{ "ALWAYS | NOCHAIN, strays", SIGCHLD_HANDLER_LIBRARY,
	    SIGCHLD_ALWAYS | SIGCHLD_NOCHAIN, true },
	{ "APP", SIGCHLD_HANDLER_APP, 0, false },
	{ "APP, strays", SIGCHLD_HANDLER_APP, 0, true },
};

#define ANSWERS ((int)(sizeof(answers) / sizeof(answers[0])))

static int n_foreign, n_strays;

static void
foreign(int sig)
{
	(void)sig;
	n_foreign++;
}

static int
accept_stray(struct sigchld_ctx *ctx, const struct sigchld_event *event,
    void *user)
{
	(void)ctx;
	(void)user;
	ck_assert_int_eq(WEXITSTATUS(event->wstatus), 99);
	n_strays++;
	return 0;
}

/* Where a pair came to. */
enum outcome {
	WORKS,
	BUSY_FIRST,       /* the first context is not opened */
	BUSY_SECOND,      /* the second is not */
	BUSY_FIRST_CHILD, /* it is opened, and can have no child */
	BUSY_SECOND_CHILD,
	OUTCOMES
};

static const char *const outcomes[OUTCOMES] = {
	"works",
	"first: -EBUSY",
	"second: -EBUSY",
	"a child of the first: -EBUSY",
	"a child of the second: -EBUSY",
};

static int
open_with(struct sigchld_ctx **ret_ctx, const struct answer *answer)
{
	return sigchld_new(ret_ctx,
	    SIGCHLD_OPTIONS(.handler = answer->handler, .flags = answer->flags,
		.on_stray = answer->strays ? accept_stray : NULL));
}

static pid_t
fork_code(struct sigchld_ctx *ctx, int code, struct harness_log *log)
{
	pid_t pid = sigchld_fork(ctx, NULL, 0, harness_on_event, log);

	if (pid == 0)
		_exit(code);
	if (pid > 0)
		harness_await_zombie(pid);
	return pid;
}

/* An application that handles SIGCHLD says so; the others just see it. */
static void
run_until(struct sigchld_ctx *ctx, const struct answer *answer,
    const int *counter)
{
	if (answer->handler == SIGCHLD_HANDLER_APP)
		MUST_BE(0, sigchld_occurred(ctx));
	harness_wait_for(ctx, counter, 1);
}

/* A dead child of nobody's goes to whoever asked for strays, else is left. */
static void
check_stray(struct sigchld_ctx *ctx[2], const struct answer *answer[2])
{
	bool wanted = answer[0]->strays || answer[1]->strays;
	pid_t pid;
	int i;

	n_strays = 0;
	pid = fork_zombie(99);
	for (i = 0; i < 2; i++) {
		if (answer[i]->handler == SIGCHLD_HANDLER_APP)
			MUST_BE(0, sigchld_occurred(ctx[i]));
		ck_assert_int_ge(sigchld_dispatch(ctx[i]), 0);
	}
	ck_assert_int_eq(n_strays, wanted ? 1 : 0);
	ck_assert_int_eq(harness_is_reaped(pid), wanted);
	if (!wanted)
		ck_assert_int_eq(exit_code(pid), 99);
}

static enum outcome
use(struct sigchld_ctx *ctx[2], const struct answer *answer[2])
{
	struct harness_log log[2] = { { .count = 0 }, { .count = 0 } };
	pid_t pid[2] = { 0, 0 };
	int i;

	for (i = 0; i < 2; i++) {
		pid[i] = fork_code(ctx[i], 10 + i, &log[i]);
		if (pid[i] < 0)
			break;
	}
	if (i < 2) {
		ck_assert_int_eq(pid[i], -EBUSY);
		if (i == 1)
			run_until(ctx[0], answer[0], &log[0].count);
		return i == 0 ? BUSY_FIRST_CHILD : BUSY_SECOND_CHILD;
	}
	for (i = 0; i < 2; i++)
		run_until(ctx[i], answer[i], &log[i].count);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(log[i].count, 1);
		ck_assert_int_eq(log[i].pid, pid[i]);
		ck_assert_int_eq(log[i].wstatus, (10 + i) << 8);
	}
	check_stray(ctx, answer);
	return WORKS;
}

static enum outcome
try_pair(const struct answer *first, const struct answer *second)
{
	const struct answer *answer[2] = { first, second };
	struct sigchld_ctx *ctx[2] = { NULL, NULL };
	enum outcome outcome;
	int rc;

	rc = open_with(&ctx[0], first);
	if (rc < 0) {
		MUST_BE(-EBUSY, rc);
		return BUSY_FIRST;
	}
	rc = open_with(&ctx[1], second);
	if (rc < 0) {
		MUST_BE(-EBUSY, rc);
		outcome = BUSY_SECOND;
	} else {
		outcome = use(ctx, answer);
	}
	sigchld_free(ctx[1]);
	sigchld_free(ctx[0]);
	return outcome;
}

/* What should come of it, from the three rules alone. */

static bool
wants_handler(const struct answer *a)
{
	return a->handler == SIGCHLD_HANDLER_LIBRARY &&
	    (a->flags & SIGCHLD_ALWAYS || a->strays);
}

static bool
refuses(const struct answer *a, bool beneath)
{
	return beneath && a->flags & SIGCHLD_NOCHAIN;
}

static enum outcome
expected(const struct answer *first, const struct answer *second, bool beneath)
{
	if (refuses(first, beneath) && wants_handler(first))
		return BUSY_FIRST;
	if (first->strays && second->strays)
		return BUSY_SECOND; /* one context of the process at most */
	if (refuses(second, beneath) && wants_handler(second))
		return BUSY_SECOND;
	if (harness_on_pidfds())
		return WORKS; /* a child needs no handler */
	if (refuses(first, beneath))
		return BUSY_FIRST_CHILD;
	if (refuses(second, beneath))
		return BUSY_SECOND_CHILD;
	return WORKS;
}

static void
try_all(bool beneath)
{
	enum outcome outcome, want;
	int a, b;

	(void)printf("\n%s a handler that was there before\n",
	    beneath ? "Above" : "Without");
	(void)signal(SIGCHLD, beneath ? foreign : SIG_DFL);
	for (a = 0; a < ANSWERS; a++) {
		for (b = 0; b < ANSWERS; b++) {
			outcome = try_pair(&answers[a], &answers[b]);
			want = expected(&answers[a], &answers[b], beneath);
			(void)printf("| %-25s| %-25s| %-30s|\n",
			    answers[a].name, answers[b].name,
			    outcomes[outcome]);
			ck_assert_msg(outcome == want,
			    "%s with %s: %s instead of %s", answers[a].name,
			    answers[b].name, outcomes[outcome], outcomes[want]);
			ck_assert(handler_is(beneath ? foreign : SIG_DFL));
		}
	}
}

START_TEST(each_pair_works_or_is_busy)
{
	try_all(false);
}
END_TEST

START_TEST(each_pair_works_or_is_busy_above_a_foreign_handler)
{
	try_all(true);
	ck_assert_int_gt(n_foreign, 0); /* it was called all the time */
}
END_TEST

/* APP can ask nothing of a handler that is not ours. */
START_TEST(app_with_flags_of_the_handler_is_wrong_use)
{
	static const uint32_t flags[] = { SIGCHLD_ALWAYS, SIGCHLD_NOCHAIN,
		SIGCHLD_ALWAYS | SIGCHLD_NOCHAIN };
	struct sigchld_ctx *ctx = NULL;
	size_t i;

	for (i = 0; i < 3; i++)
		MUST_BE(-EINVAL,
		    sigchld_new(&ctx,
			SIGCHLD_OPTIONS(.handler = SIGCHLD_HANDLER_APP,
			    .flags = flags[i])));
	MUST_BE(-EINVAL,
	    sigchld_new(&ctx,
		SIGCHLD_OPTIONS(.handler = SIGCHLD_HANDLER_APP,
		    .wake = SIGCHLD_WAKE_PIDFD)));
	ck_assert_ptr_null(ctx);
}
END_TEST

HARNESS("ownership",
    {
	HARNESS_TEST(each_pair_works_or_is_busy),
	HARNESS_TEST(each_pair_works_or_is_busy_above_a_foreign_handler),
	HARNESS_TEST(app_with_flags_of_the_handler_is_wrong_use),
    })
