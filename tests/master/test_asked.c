/* test_asked.c - M10, M12, R25 to R33: a worker is asked, and what it has */
#include "help.h"

static struct subject s;

static int
start(const char *args)
{
	subject_start(&s, "", args);
	(void)subject_expect(&s, "READY");
	subject_order(&s, "crew");
	return number_of(subject_expect(&s, "crew slot=0"), "pid=");
}

static const char *
ask(int pid, const char *query)
{
	char wanted[64];

	subject_order(&s, "query %d %s", pid, query);
	(void)snprintf(wanted, sizeof(wanted), "answer pid=%d rc=", pid);
	return subject_expect(&s, wanted);
}

START_TEST(a_worker_answers)
{
	int pid = start("-n 2");
	const char *line = ask(pid, "echo");

	ck_assert_int_eq(atoi(line), 0);
	ck_assert_int_eq(number_of(line, "status="), 4);
	ck_assert(strstr(line, "text=echo") != NULL);
	subject_stop(&s);
}
END_TEST

START_TEST(a_former_worker_answers_the_next_program)
{
	int pid;
	const char *line;

	subject_start(&s, "stubborn", "-n 1");
	(void)subject_expect(&s, "READY");
	subject_order(&s, "crew");
	pid = number_of(subject_expect(&s, "crew slot=0"), "pid=");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADED");
	line = ask(pid, "role");
	ck_assert_int_eq(atoi(line), 0);
	ck_assert(strstr(line, "text=role 2 slot 0") != NULL);
	subject_stop(&s);
}
END_TEST

START_TEST(a_worker_that_ends_answers_as_one_that_is_gone)
{
	int pid = start("-n 1 -f 1 -b 1");

	ck_assert_int_eq(atoi(ask(pid, "crash")), -EPIPE);
	subject_await(&s, "WORKER_LEFT", 1);
	subject_stop(&s);
}
END_TEST

/* Somebody else has its end of the channel, so that is not at its end. */
START_TEST(a_worker_that_ends_answers_though_its_channel_stays)
{
	int pid = start("-n 1 -f 1 -b 1");

	(void)ask(pid, "fork");
	subject_order(&s, "ask %d 60000 hang", pid);
	(void)subject_expect(&s, "hangs ");
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(number_of(subject_expect(&s, "answer "), "rc="),
	    -EPIPE);
	subject_stop(&s);
}
END_TEST

START_TEST(a_worker_that_hangs_is_not_waited_for)
{
	int pid = start("-n 1");
	int i;

	subject_order(&s, "ask %d 50 hang", pid);
	ck_assert_int_eq(number_of(subject_expect(&s, "answer "), "rc="),
	    -ETIMEDOUT);
	for (i = 0; i < 4; i++)
		subject_order(&s, "query %d echo", pid);
	subject_order(&s, "query %d last", pid); /* four are under way */
	(void)subject_expect(&s, "obeyed query");
	ck_assert_int_eq(atoi(strstr(subject_expect(&s, "obeyed query "),
				  "rc=") +
			     3),
	    0);
	for (i = 0; i < 2; i++)
		(void)subject_expect(&s, "obeyed query");
	ck_assert_int_eq(atoi(strstr(subject_expect(&s, "obeyed query "),
				  "rc=") +
			     3),
	    -EAGAIN);
	subject_stop(&s);
}
END_TEST

START_TEST(whom_nobody_knows_is_not_asked)
{
	(void)start("-n 1");
	ck_assert_int_eq(subject_obey(&s, "query 1 echo"), -ESRCH);
	ck_assert_int_eq(subject_obey(&s, "query -1 echo"), -ESRCH);
	subject_stop(&s);
}
END_TEST

/* Its streams, but for the one that stands in the master's table; its channel, its
 * leash, and the one that was kept. */
START_TEST(m10_a_worker_has_its_own_descriptors)
{
	int pid = start("-n 3"), i, spaces;
	const char *line;

	for (i = 0; i < 3; i++) {
		line = strstr(ask(pid, "fds"), "text=");
		ck_assert_msg(strncmp(line, "text=1 2 ", 9) == 0, "%s", line);
		for (spaces = 0; *line != '\0'; line++)
			spaces += *line == ' ';
		ck_assert_int_eq(spaces, 5);
		subject_signal(&s, SIGUSR2);
		(void)subject_expect(&s, "RELOADED");
		subject_order(&s, "crew");
		do
			line = subject_expect(&s, "crew slot=0");
		while (number_of(line, "current=") != 1);
		pid = number_of(line, "pid=");
	}
	subject_stop(&s);
}
END_TEST

START_TEST(m10_a_worker_has_default_signals_but_its_own)
{
	int pid = start("-n 1");

	ck_assert(strstr(ask(pid, "signals"),
		      "text=blocked 0; USR1 caught, USR2 ignored, HUP caught, "
		      "TERM default, INT default, CHLD default, PIPE "
		      "default") != NULL);
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADED");
	subject_order(&s, "crew");
	while (number_of(subject_expect(&s, "crew "), "current=") != 1)
		;
	pid = number_of(s.lines[s.next - 1], "pid=");
	ck_assert(strstr(ask(pid, "signals"), "text=blocked 0; USR1 caught") !=
	    NULL);
	subject_stop(&s);
}
END_TEST

START_TEST(m10_r15_a_worker_has_nothing_of_ours_in_its_environment)
{
	int pid = start("-n 1");

	ck_assert(strstr(ask(pid, "env"), "text=0 of ") != NULL);
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADED");
	subject_order(&s, "crew");
	while (number_of(subject_expect(&s, "crew "), "current=") != 1)
		;
	pid = number_of(s.lines[s.next - 1], "pid=");
	ck_assert(strstr(ask(pid, "env"), "text=0 of ") != NULL);
	subject_stop(&s);
}
END_TEST

START_TEST(who_is_who)
{
	int pid = start("-n 2");

	ck_assert(strstr(ask(pid, "role"), "text=role 2 slot 0") != NULL);
	ck_assert_int_eq(subject_obey(&s, "role"), SIGCHLD_ROLE_MASTER);
	ck_assert_int_eq(sigchld_role(NULL), SIGCHLD_ROLE_NONE);
	subject_stop(&s);
}
END_TEST

HARNESS("asked",
    {
	HARNESS_TEST(a_worker_answers),
	HARNESS_TEST(a_former_worker_answers_the_next_program),
	HARNESS_TEST(a_worker_that_ends_answers_as_one_that_is_gone),
	HARNESS_TEST(a_worker_that_ends_answers_though_its_channel_stays),
	HARNESS_TEST(a_worker_that_hangs_is_not_waited_for),
	HARNESS_TEST(whom_nobody_knows_is_not_asked),
	HARNESS_TEST(m10_a_worker_has_its_own_descriptors),
	HARNESS_TEST(m10_a_worker_has_default_signals_but_its_own),
	HARNESS_TEST(m10_r15_a_worker_has_nothing_of_ours_in_its_environment),
	HARNESS_TEST(who_is_who),
    })
