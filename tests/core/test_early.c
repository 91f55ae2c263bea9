/*
 * test_early.c - a context that a constructor opens, before main
 *
 * The runner forks each test, so there the context is the parent's.
 */
#include "help.h"

static struct sigchld_ctx *early;
static struct harness_log early_log;
static int early_rc;

__attribute__((constructor)) static void
live_early(void)
{
	pid_t pid;

	early_rc = sigchld_new(&early, NULL);
	if (early_rc < 0)
		return;
	pid = sigchld_fork(early, NULL, 0, harness_on_event, &early_log);
	if (pid == 0)
		_exit(61);
	early_rc = (int)pid;
	while (pid > 0 && early_log.count == 0 && early_rc >= 0)
		early_rc = sigchld_wait(early, 20000);
}

START_TEST(c28_a_constructor_may_use_everything)
{
	ck_assert_int_gt(early_rc, 0);
	ck_assert_int_eq(early_log.count, 1);
	ck_assert_int_eq(early_log.what, SIGCHLD_EXITED);
	ck_assert_int_eq(early_log.wstatus, 61 << 8);
}
END_TEST

START_TEST(c39_in_a_fork_of_it_postfork_then_everything_works_again)
{
	struct sigchld_ctx *ctx = NULL;
	struct harness_log log = { .count = 0 };
	pid_t pid;

	MUST_BE(-EPERM, sigchld_dispatch(early));
	MUST_BE(-EPERM, sigchld_new(&ctx, NULL));
	ck_assert_ptr_null(ctx);
	sigchld_free(early);
	early = NULL;
	/* The harness counts descriptors, so the old ones are closed apart. */
	pid = fork();
	if (pid == 0) {
		CHILD_MUST(sigchld_postfork() == 0);
		CHILD_MUST(sigchld_new(&ctx, NULL) == 0);
		if (sigchld_fork(ctx, NULL, 0, harness_on_event, &log) == 0)
			_exit(62);
		while (log.count == 0)
			CHILD_MUST(sigchld_wait(ctx, 20000) >= 0);
		CHILD_MUST(log.wstatus == 62 << 8);
		sigchld_free(ctx);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
}
END_TEST

HARNESS("early",
    {
	HARNESS_TEST(c28_a_constructor_may_use_everything),
	HARNESS_TEST(c39_in_a_fork_of_it_postfork_then_everything_works_again),
    })
