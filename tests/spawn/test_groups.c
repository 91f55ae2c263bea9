/*
 * test_groups.c - who is reached when signals go to the group of a program
 *
 * All wait for the end of a pipe that the test has, so that if it fails nobody
 * is left.
 */
#include "help.h"

static pid_t
spawn_in_group(struct sigchld_ctx *ctx, struct sigchld_child **ret_child,
    char *const *argv, int *ret_in, int *ret_out)
{
	pid_t pid;

	pid = sigchld_spawn(ctx, ret_child,
	    SIGCHLD_SPAWN(.argv = argv, .ret_stdin = ret_in,
		.ret_stdout = ret_out, .flags = SIGCHLD_SPAWN_GROUPKILL),
	    NULL, NULL);
	ck_assert_msg(pid > 0, "%s", strerror(-pid));
	return pid;
}

/* Until each has written its byte. */
static void
read_bytes(int fd, int n)
{
	char byte;

	for (; n > 0; n--)
		ck_assert_int_eq(read(fd, &byte, 1), 1);
}

static void
must_end_by(struct sigchld_child *child, int sig)
{
	struct sigchld_event event = { .size = sizeof(event) };

	MUST_BE(1,
	    sigchld_child_wait(child, (int)harness_patience_ms(), &event));
	ck_assert_int_eq(event.what, SIGCHLD_SIGNALED);
	ck_assert_int_eq(WTERMSIG(event.wstatus), sig);
}

/* Nobody who has the other end is left. */
static void
must_be_closed(int fd)
{
	char byte;

	ck_assert(harness_readable(fd, (int)harness_patience_ms()));
	ck_assert_int_eq(read(fd, &byte, 1), 0);
	(void)close(fd);
}

START_TEST(who_has_left_its_group_is_killed)
{
	char program[] = LEAVE;
	char *argv[] = { program, NULL };

	EACH_ENGINE(engine)
	{
		struct sigchld_ctx *ctx = open_ctx(NULL);
		struct sigchld_child *child;
		int in, out;
		pid_t pid = spawn_in_group(ctx, &child, argv, &in, &out);

		read_bytes(out, 1);
		ck_assert_int_eq(getpgid(pid), getpgrp());
		MUST_BE(0, sigchld_child_kill(child, SIGTERM));
		must_end_by(child, SIGTERM);
		must_be_closed(out);
		(void)close(in);
		MUST_BE(-ESRCH, sigchld_child_kill(child, SIGTERM));
		sigchld_child_free(child);
		sigchld_free(ctx);
	}
}
END_TEST

/* And those that stayed are gone when it is reaped, deaf or not. */
START_TEST(who_has_left_its_group_is_stopped_with_it)
{
	char program[] = LEAVE, stays[] = "stays";
	char *argv[] = { program, stays, NULL };

	EACH_ENGINE(engine)
	{
		struct sigchld_ctx *ctx = open_ctx(NULL);
		struct sigchld_child *child;
		int in, out;

		(void)spawn_in_group(ctx, &child, argv, &in, &out);
		read_bytes(out, 2);
		MUST_BE(0, sigchld_child_stop(child, SIGTERM, 1000000));
		must_end_by(child, SIGTERM);
		must_be_closed(out);
		(void)close(in);
		sigchld_child_free(child);
		sigchld_free(ctx);
	}
}
END_TEST

/* Without the leader there is nobody that the time to SIGKILL is for. */
START_TEST(a_stop_kills_the_rest_when_the_leader_has_gone)
{
	char shell[] = "sh", dash_c[] = "-c",
	     script[] = "exec 3<&0; (trap '' TERM; echo; cat <&3) & "
			"echo; read x";
	char *argv[] = { shell, dash_c, script, NULL };

	EACH_ENGINE(engine)
	{
		struct sigchld_ctx *ctx = open_ctx(NULL);
		struct sigchld_child *child;
		int in, out;

		(void)spawn_in_group(ctx, &child, argv, &in, &out);
		read_bytes(out, 2);
		MUST_BE(0, sigchld_child_stop(child, SIGTERM, 1000000));
		must_end_by(child, SIGTERM);
		must_be_closed(out);
		(void)close(in);
		sigchld_child_free(child);
		sigchld_free(ctx);
	}
}
END_TEST

/* A kill is no stop: who is deaf to it lives on. */
START_TEST(a_kill_leaves_the_rest_when_the_leader_has_gone)
{
	char program[] = LEAVE, stays[] = "stays";
	char *argv[] = { program, stays, NULL };
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_child *child;
	int in, out;

	(void)spawn_in_group(ctx, &child, argv, &in, &out);
	read_bytes(out, 2);
	MUST_BE(0, sigchld_child_kill(child, SIGTERM));
	must_end_by(child, SIGTERM);
	(void)close(in);
	read_bytes(out, 1);
	must_be_closed(out);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

HARNESS("groups",
    {
	HARNESS_TEST(who_has_left_its_group_is_killed),
	HARNESS_TEST(who_has_left_its_group_is_stopped_with_it),
	HARNESS_TEST(a_stop_kills_the_rest_when_the_leader_has_gone),
	HARNESS_TEST(a_kill_leaves_the_rest_when_the_leader_has_gone),
    })
