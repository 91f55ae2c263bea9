/*
 * test_exec.c - M13, M15: an execve that fails changes nothing, and one of a state
 * that is large carries it
 */
#include <sys/resource.h>
#include <sys/stat.h>

#include "help.h"

static struct subject s;
static char copy[64], away[72];

/* A copy of the subject, to be spoilt. */
static void
copy_subject(void)
{
	char command[512];
	int fd;

	(void)snprintf(copy, sizeof(copy), "/tmp/sigchld-subject-XXXXXX");
	fd = mkstemp(copy);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(close(fd), 0);
	(void)snprintf(command, sizeof(command), "cp '%s' %s && chmod 755 %s",
	    MASTER_SUBJECT, copy, copy);
	ck_assert_int_eq(system(command), 0);
	(void)snprintf(away, sizeof(away), "%s.away", copy);
	subject_file = copy;
}

static void
must_fail(int error)
{
	subject_signal(&s, SIGUSR2);
	ck_assert_int_eq(number_of(subject_expect(&s, "RELOAD_FAILED"),
			     "error="),
	    error);
}

static void
must_be_as_before(int fds)
{
	ck_assert_int_eq(count_in(s.pid, "fd"), fds);
	ck_assert_int_eq(count_children(s.pid), 2);
	ck_assert_uint_eq(subject_count(&s, "done "), 0);
}

START_TEST(m13_the_file_is_gone)
{
	int fds, i;

	copy_subject();
	subject_serve(&s, "", "-n 2 -f 8");
	fds = count_in(s.pid, "fd");
	ck_assert_int_eq(rename(copy, away), 0);
	for (i = 0; i < 10; i++) {
		must_fail(-ENOENT);
		must_be_as_before(fds);
	}
	ck_assert_int_eq(chmod(away, 0644), 0);
	ck_assert_int_eq(rename(away, copy), 0);
	must_fail(-EACCES);
	must_be_as_before(fds);
	ck_assert_int_eq(chmod(copy, 0755), 0);
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADED");
	subject_expect_n(&s, "WORKER_LEFT", 2);
	ck_assert_int_eq(count_children(s.pid), 2);
	subject_stop(&s);
	ck_assert_int_eq(unlink(copy), 0);
}
END_TEST

/* As an upgrade leaves it when the disk is full: no shell is to try it. */
START_TEST(m13_the_file_is_empty)
{
	int fds;

	copy_subject();
	subject_serve(&s, "", "-n 2 -f 8");
	fds = count_in(s.pid, "fd");
	ck_assert_int_eq(rename(copy, away), 0);
	ck_assert_int_eq(close(open(copy, O_WRONLY | O_CREAT, 0755)), 0);
	must_fail(-ENOEXEC);
	must_be_as_before(fds);
	ck_assert_int_eq(rename(away, copy), 0);
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADED");
	subject_stop(&s);
	ck_assert_int_eq(unlink(copy), 0);
}
END_TEST

/* A signal of another kind, and one of the same, while it fails. */
START_TEST(m13_signals_work_after_a_failure)
{
	copy_subject();
	subject_serve(&s, "", "-n 2 -f 8");
	ck_assert_int_eq(unlink(copy), 0);
	must_fail(-ENOENT);
	subject_signal(&s, SIGTTIN);
	(void)subject_expect(&s, "WORKER_READY slot=2");
	must_fail(-ENOENT);
	subject_signal(&s, SIGUSR1);
	subject_ends(&s, 0);
}
END_TEST

static void
set_large(const char *name)
{
	static char value[60000];

	memset(value, 'x', sizeof(value) - 1);
	ck_assert_int_eq(setenv(name, value, 1), 0);
}

/* The kernel takes a quarter of the stack, but 128 KiB at least, for arguments and
 * environment together. */
START_TEST(m13_more_than_the_kernel_takes)
{
	struct rlimit before, small;
	int fds;

	ck_assert_int_eq(getrlimit(RLIMIT_STACK, &before), 0);
	small = before;
	small.rlim_cur = 512 * 1024;
	set_large("LARGE1");
	set_large("LARGE2");
	set_large("LARGE3");
	subject_serve(&s, "", "-n 2 -f 8");
	fds = count_in(s.pid, "fd");
	ck_assert_int_eq(prlimit(s.pid, RLIMIT_STACK, &small, NULL), 0);
	must_fail(-E2BIG);
	must_be_as_before(fds);
	ck_assert_int_eq(prlimit(s.pid, RLIMIT_STACK, &before, NULL), 0);
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADED");
	subject_stop(&s);
}
END_TEST

/* More than goes into a variable: a file in memory has it. */
START_TEST(m15_many_old_workers)
{
	const char *line;
	int fds;

	subject_start(&s, "stubborn talks", "-n 240");
	(void)subject_expect(&s, "READY");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADED");
	subject_order(&s, "stats");
	line = subject_expect(&s, "stats ");
	ck_assert_int_eq(number_of(line, "former="), 240);
	ck_assert_int_eq(number_of(line, " ready="), 240);
	ck_assert_int_eq(count_children(s.pid), 480);
	fds = count_in(s.pid, "fd");
	ck_assert_int_lt(fds, 480 * 3 + 20); /* channel, leash, pidfd */
	subject_signal(&s, SIGTERM);
	ck_assert_int_eq(subject_wait(&s), 0);
	subject_free(&s);
}
END_TEST

HARNESS("exec",
    {
	HARNESS_TEST(m13_the_file_is_gone),
	HARNESS_TEST(m13_the_file_is_empty),
	HARNESS_TEST(m13_signals_work_after_a_failure),
	HARNESS_TEST(m13_more_than_the_kernel_takes),
	HARNESS_TEST(m15_many_old_workers),
    })
