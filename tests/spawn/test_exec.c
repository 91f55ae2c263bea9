/*
 * test_exec.c - an exec that comes back, though it says that all is well
 *
 * A filter can have the call give anything. To the parent 0 would mean that it
 * is the child; and so would an errno of 256, which as an exit status is none.
 */
#include "filter.h"
#include "help.h"

static char program[] = TRUE;
static char *args[] = { program, NULL };

/* In a forked copy, which the filter ends with. */
static void
must_fail(struct sigchld_ctx *ctx, enum sigchld__engine engine, int err)
{
	struct sigchld_child *child = NULL;
	const pid_t us = getpid();
	struct sigchld_stats stats = { .size = sizeof(stats) };
	int rc, out = -7;

	sigchld__engine_force(engine);
	rc = sigchld_spawn(ctx, &child,
	    SIGCHLD_SPAWN(.argv = args, .ret_stdout = &out), NULL, NULL);
	CHILD_MUST(getpid() == us);
	CHILD_MUST(rc < 0);
	CHILD_MUST(err != 0 || rc == -ENOEXEC);
	CHILD_MUST(child == NULL && out == -7);
	CHILD_MUST(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	CHILD_MUST(sigchld_get_stats(ctx, &stats) == 0);
	CHILD_MUST(stats.children == 0);
}

static void
with_exec_giving(int err)
{
	EACH_ENGINE(engine)
	{
		pid_t pid = fork();

		if (pid == 0) {
			struct sigchld_ctx *ctx;

			(void)sigchld_postfork();
			CHILD_MUST(sigchld_new(&ctx, NULL) == 0);
			ck_assert(harness_refuse(SYS_execve, err));
			must_fail(ctx, engine, err);
			must_fail(ctx, engine, err);
			sigchld_free(ctx);
			_exit(0);
		}
		ck_assert_int_eq(exit_code(pid), 0);
	}
}

START_TEST(an_exec_that_comes_back_is_an_error)
{
	with_exec_giving(0);
}
END_TEST

START_TEST(an_error_that_is_no_exit_status_is_one)
{
	with_exec_giving(256);
	with_exec_giving(512);
}
END_TEST

HARNESS("exec",
    {
	HARNESS_TEST(an_exec_that_comes_back_is_an_error),
	HARNESS_TEST(an_error_that_is_no_exit_status_is_one),
    })
