/*
 * test_init.c - as process 1 of a pid namespace, as in a container
 *
 * Its pids are not ours: what lines say of pids holds inside.
 */
#include <sys/mount.h>

#include "help.h"

static struct subject s;

/* A /proc of its own; its pids would be others'. */
static void
enter(void)
{
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) != 0)
		_exit(77);
}

/* Where that is not allowed the first of these ends so. */
static void
need_namespaces(void)
{
	int wstatus = 0;
	pid_t pid = (pid_t)syscall(SYS_clone,
	    (unsigned long)(CLONE_NEWPID | CLONE_NEWNS | SIGCHLD), 0, 0, 0, 0);

	if (pid == 0) {
		enter();
		_exit(0);
	}
	if (pid > 0)
		ck_assert_int_eq(waitpid(pid, &wstatus, 0), pid);
	if (pid < 0 || wstatus != 0)
		harness_skip("no pid namespace can be made here");
	tool_prepare = enter;
	tool_clone = CLONE_NEWPID | CLONE_NEWNS;
}

static void
start(const char *words, const char *args)
{
	need_namespaces();
	tool_start(&s, words, args);
	(void)subject_expect(&s, "serves ");
	subject_await(&s, SAYS "ready: ", 1);
}

START_TEST(term_ends_it)
{
	start("", "-n 2");
	subject_await(&s, "serves ", 2);
	subject_signal(&s, SIGTERM);
	subject_ends(&s, 0);
}
END_TEST

START_TEST(it_ends_when_its_workers_have)
{
	start("usr1", "--finish-signal=USR1");
	subject_signal(&s, SIGUSR1);
	subject_await(&s, "done ", 1);
	subject_ends(&s, 0);
}
END_TEST

START_TEST(orphans_are_reaped_and_are_no_workers)
{
	start("orphan", "-v -n 3");
	subject_await(&s, "serves ", 3);
	subject_await(&s, SAYS "process ", 3);
	await_children(s.pid, 3);
	subject_signal(&s, SIGUSR2);
	subject_await(&s, SAYS "reloaded: 3 workers of generation 2", 1);
	subject_await(&s, SAYS "former worker ", 3);
	subject_await(&s, SAYS "process ", 6);
	subject_await(&s, "serves ", 6);
	await_children(s.pid, 3);
	subject_signal(&s, SIGTERM);
	ck_assert_int_eq(subject_wait(&s), 0);
	ck_assert_uint_eq(tool_said(&s, "not all"), 0);
	ck_assert_uint_eq(tool_said(&s, "the reload failed"), 0);
	subject_free(&s);
}
END_TEST

START_TEST(it_reloads_and_serves)
{
	char path[64], args[128];
	int i;

	name_a_file(path, sizeof(path), "socket");
	(void)snprintf(args, sizeof(args), "-l unix:%s --ready=notify", path);
	need_namespaces();
	tool_start(&s, "notify", args);
	for (i = 1; i <= 3; i++) {
		(void)tool_says(&s, i == 1 ? "ready" : "reloaded");
		ck_assert_int_ge(ask(connect_unix(path)), 1);
		subject_await(&s, "done ", (unsigned int)(i - 1));
		ck_assert_int_eq(ask(connect_unix(path)), i);
		if (i < 3)
			subject_signal(&s, SIGUSR2);
	}
	subject_stop(&s);
}
END_TEST

/* Those that would do nothing to process 1, and that its command may know. */
START_TEST(signals_are_passed_on)
{
	start("", "");
	subject_signal(&s, SIGQUIT);
	(void)subject_expect(&s, "signal 03");
	subject_signal(&s, SIGWINCH);
	(void)subject_expect(&s, "signal 28");
	subject_stop(&s);
}
END_TEST

START_TEST(a_worker_that_fails_ends_it)
{
	char path[64], args[128];

	name_a_file(path, sizeof(path), "socket");
	(void)snprintf(args, sizeof(args), "-n 2 -l unix:%s", path);
	start("crash", args);
	ck_assert_int_eq(ask(connect_unix(path)), -1);
	subject_ends(&s, 9);
}
END_TEST

HARNESS("init",
    {
	HARNESS_TEST(term_ends_it),
	HARNESS_TEST(it_ends_when_its_workers_have),
	HARNESS_TEST(orphans_are_reaped_and_are_no_workers),
	HARNESS_TEST(it_reloads_and_serves),
	HARNESS_TEST(signals_are_passed_on),
	HARNESS_TEST(a_worker_that_fails_ends_it),
    })
