/*
 * test_program.c - workers that execute another program: F1, F2 of exec_mate.c
 *
 * labels: quick
 */
#include "help.h"

#define READY_LATER "-f 8"
#define VOUCHED     "-f 136"

static struct subject s;

/* The pid in the next line of a program that ends so. */
static int
expect_program(const char *end)
{
	char start[64];
	const char *line;

	do {
		line = subject_expect(&s, "program pid=");
		(void)snprintf(start, sizeof(start), "%d %s", atoi(line), end);
	} while (strncmp(line, start, strlen(start)) != 0);
	return atoi(line);
}

/* A test may wait for its lines in any order. */
static bool
has_line(const char *text)
{
	unsigned int i;

	for (i = 0; i < s.n_lines; i++) {
		if (strstr(s.lines[i], text) != NULL)
			return true;
	}
	return false;
}

START_TEST(an_executed_program_is_a_ready_worker)
{
	int pid;

	subject_start(&s, "program", "-n 1 " READY_LATER);
	pid = number_of(subject_expect(&s, "work"), "pid=");
	ck_assert_int_eq(expect_program("waits"), pid);
	subject_await(&s, "READY", 1);
	ck_assert(has_line("WORKER_READY slot=0"));
	ck_assert(has_line("blocked 0; USR1 default, USR2 default, "
			   "HUP default, TERM default, INT default, CHLD "
			   "default, PIPE default"));
	subject_signal(&s, SIGUSR1);
	subject_ends(&s, 0);
}
END_TEST

/* The listener is 3; of the rest only the leash is there. (Standard input has
 * been given to the context.) */
START_TEST(an_executed_program_has_its_descriptors)
{
	const char *fds;

	subject_start(&s, "program", "-n 1 " READY_LATER);
	fds = strstr(subject_expect(&s, "program pid="), "blocked");
	ck_assert_ptr_nonnull(fds);
	fds = strstr(subject_expect(&s, "program pid="), "fds=");
	ck_assert_ptr_nonnull(fds);
	ck_assert_msg(strncmp(fds, "fds=1 2 3 ", 10) == 0, "%s", fds);
#ifndef SIGCHLD_PORTABLE
	ck_assert_int_ge(atoi(fds + 10), 4); /* the leash */
	ck_assert_str_eq(strchr(fds + 10, ' '), " ");
#else
	ck_assert_str_eq(fds + 10, "");
#endif
	subject_await(&s, "READY", 1);
	subject_stop(&s);
}
END_TEST

/* Its master is killed, and so it is: its output has an end. */
START_TEST(an_executed_program_is_on_the_leash)
{
#ifdef SIGCHLD_PORTABLE
	harness_skip("the leash does not go along");
#endif
	subject_start(&s, "program", "-n 2 " READY_LATER);
	(void)expect_program("waits");
	(void)expect_program("waits");
	subject_await(&s, "READY", 1);
	subject_signal(&s, SIGKILL);
	subject_ends(&s, 128 + SIGKILL);
}
END_TEST

START_TEST(an_executed_program_is_ready_when_that_is_vouched_for)
{
	char order[64];
	int pid;

	subject_start(&s, "program", "-n 1 " VOUCHED);
	pid = expect_program("waits");
	(void)subject_obey(&s, "crew"); /* its end of file was seen */
	ck_assert_uint_eq(subject_count(&s, "WORKER_READY"), 0);
	ck_assert_int_eq(subject_obey(&s, "vouch 1"), -ESRCH);
	(void)snprintf(order, sizeof(order), "note %d listening", pid);
	ck_assert_int_eq(subject_obey(&s, order), 0);
	(void)snprintf(order, sizeof(order), "vouch %d", pid);
	ck_assert_int_eq(subject_obey(&s, order), 0);
	ck_assert_int_eq(subject_obey(&s, order), 0);
	subject_await(&s, "READY", 1);
	(void)subject_obey(&s, "crew");
	ck_assert(has_line("status=listening"));
	ck_assert_uint_eq(subject_count(&s, "WORKER_READY"), 1);
	subject_stop(&s);
}
END_TEST

START_TEST(what_is_not_there_fails_the_start)
{
	subject_start(&s, "missing", "-n 1 " READY_LATER);
	ck_assert_int_eq(number_of(subject_expect(&s, "exec"), "rc="), -ENOENT);
	subject_ends(&s, 127);
}
END_TEST

/* The program that is there serves on. */
START_TEST(what_is_not_there_fails_the_reload)
{
	int pid;

	subject_start(&s, "program", "-n 1 " READY_LATER);
	pid = expect_program("waits");
	subject_await(&s, "READY", 1);
	subject_words(&s, "missing");
	subject_signal(&s, SIGUSR2);
	ck_assert_int_eq(number_of(subject_expect(&s, "RELOAD_FAILED"),
			     "status="),
	    127);
	ck_assert_uint_eq(subject_count(&s, "program pid=") % 3, 0);
	subject_signal(&s, SIGUSR1);
	ck_assert_int_eq(expect_program("goes"), pid);
	subject_ends(&s, 0);
}
END_TEST

START_TEST(executed_programs_are_replaced_by_a_reload)
{
	int former;

	subject_start(&s, "program", "-n 1 " READY_LATER);
	former = expect_program("waits");
	subject_await(&s, "READY", 1);
	subject_signal(&s, SIGUSR2);
	ck_assert_int_eq(expect_program("goes"), former);
	subject_await(&s, "RELOADED", 1);
	ck_assert_uint_eq(subject_count(&s, "WORKER_READY"), 2);
	subject_stop(&s);
}
END_TEST

/* One that is not vouched for yet is not taken for one that failed: also by the
 * next program, which knows that it executes. */
START_TEST(one_that_starts_is_carried_over)
{
	char order[64];
	int first, second;

	subject_start(&s, "program", "-n 1 -f 137 -b 1");
	first = expect_program("waits");
	(void)snprintf(order, sizeof(order), "vouch %d", first);
	ck_assert_int_eq(subject_obey(&s, order), 0);
	subject_await(&s, "READY", 1);
	ck_assert_int_eq(kill(first, SIGKILL), 0);
	second = expect_program("waits");
	subject_words(&s, "hang");
	ck_assert_int_eq(subject_obey(&s, "reload"), 0);
	(void)subject_expect(&s, "FORKED");
	(void)snprintf(order, sizeof(order), "vouch %d", second);
	ck_assert_int_eq(subject_obey(&s, order), 0);
	subject_await(&s, "WORKER_READY", 2);
	ck_assert(kill(second, 0) == 0);
	subject_stop(&s);
}
END_TEST

/* F2 */
START_TEST(one_that_was_told_to_finish_does_not_begin)
{
	subject_start(&s, "program told", "-n 1 -f 0");
	subject_await(&s, "READY", 1);
	subject_signal(&s, SIGUSR1);
	ck_assert_int_eq(number_of(subject_expect(&s, "exec"), "rc="),
	    -ESHUTDOWN);
	subject_ends(&s, 0);
}
END_TEST

HARNESS("program",
    {
	HARNESS_TEST(an_executed_program_is_a_ready_worker),
	HARNESS_TEST(an_executed_program_has_its_descriptors),
	HARNESS_TEST(an_executed_program_is_on_the_leash),
	HARNESS_TEST(an_executed_program_is_ready_when_that_is_vouched_for),
	HARNESS_TEST(what_is_not_there_fails_the_start),
	HARNESS_TEST(what_is_not_there_fails_the_reload),
	HARNESS_TEST(executed_programs_are_replaced_by_a_reload),
	HARNESS_TEST(one_that_starts_is_carried_over),
	HARNESS_TEST(one_that_was_told_to_finish_does_not_begin),
    })
