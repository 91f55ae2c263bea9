/* test_ends.c - M3, M5, M6, M9, M17, M19: what becomes of an end */
#include "help.h"

static struct subject s;

START_TEST(m3_r19_a_status_is_told_by_the_rule)
{
	ck_assert_int_eq(sigchld_master_status(0), 0);
	ck_assert_int_eq(sigchld_master_status(0x0700), 7);
	ck_assert_int_eq(sigchld_master_status(SIGKILL), 137);
	ck_assert_int_eq(sigchld_master_status(SIGSEGV | 0x80), 139);
	ck_assert_int_eq(sigchld_master_status(SIGSTOP << 8 | 0x7f),
	    128 + SIGSTOP);
	ck_assert_int_eq(sigchld_master_status(0xffff), 255);
}
END_TEST

START_TEST(m5_r21_a_crash_ends_the_master)
{
	subject_serve(&s, "", "-n 3 -f 8");
	ck_assert_int_eq(kill(subject_worker(&s, 1), SIGKILL), 0);
	ck_assert_int_eq(number_of(subject_expect(&s, "WORKER_LEFT"),
			     "status="),
	    137);
	(void)subject_expect(&s, "STOPPING");
	subject_expect_n(&s, "WORKER_LEFT", 2);
	subject_ends(&s, 137);
}
END_TEST

START_TEST(m5_a_bad_exit_ends_the_master)
{
	subject_start(&s, "brief", "-n 1 -f 8");
	(void)subject_expect(&s, "WORKER_LEFT");
	subject_ends(&s, 5);
}
END_TEST

START_TEST(m4_r21_who_is_told_to_go_by_others_ended_well)
{
	subject_serve(&s, "", "-n 2 -f 8");
	ck_assert_int_eq(kill(subject_worker(&s, 0), SIGTERM), 0);
	(void)subject_expect(&s, "WORKER_LEFT slot=0");
	ck_assert_int_eq(count_children(s.pid), 1);
	ck_assert_int_eq(kill(subject_worker(&s, 1), SIGUSR1), 0);
	(void)subject_expect(&s, "ALL_LEFT");
	subject_ends(&s, 0);
}
END_TEST

START_TEST(m5_respawn)
{
	int i;

	subject_serve(&s, "", "-n 2 -f 9 -b 1");
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(kill(subject_worker(&s, 0), SIGKILL), 0);
		(void)subject_expect(&s, "WORKER_LEFT slot=0");
		(void)subject_expect(&s, "WORKER_READY slot=0");
	}
	ck_assert_int_eq(count_children(s.pid), 2);
	subject_stop(&s);
}
END_TEST

START_TEST(m5_respawn_gives_up)
{
	subject_start(&s, "brief", "-n 1 -f 9 -b 1 -g 4");
	subject_expect_n(&s, "WORKER_LEFT", 4);
	subject_ends(&s, 5);
}
END_TEST

START_TEST(m5_respawn_tries_the_first_start_again)
{
	subject_start(&s, "die", "-n 1 -f 9 -b 1 -g 3");
	subject_expect_n(&s, "WORKER_LEFT", 3);
	subject_ends(&s, 7);
}
END_TEST

START_TEST(a_first_start_that_fails_ends_the_master)
{
	subject_start(&s, "die first", "-n 3 -f 8");
	(void)subject_expect(&s, "RELOAD_FAILED");
	subject_expect_n(&s, "WORKER_LEFT", 2);
	subject_ends(&s, 7);
}
END_TEST

/* Both see the end of their channel: one has a leash, too. */
START_TEST(m9_workers_end_with_their_master)
{
	subject_serve(&s, "stubborn", "-n 2 -f 8");
	subject_signal(&s, SIGKILL);
	subject_ends(&s, 137); /* nobody has the pipe any more */
}
END_TEST

START_TEST(m9_r33_workers_may_finish_when_their_master_is_gone)
{
	subject_serve(&s, "", "-n 2 -f 12");
	subject_signal(&s, SIGKILL);
	subject_expect_n(&s, "done ", 2);
	subject_ends(&s, 137);
}
END_TEST

START_TEST(m9_also_while_a_sibling_is_not_ready)
{
	subject_serve(&s, "", "-n 2 -f 8");
	subject_words(&s, "hang");
	subject_signal(&s, SIGUSR2);
	subject_expect_n(&s, "work ", 2);
	subject_signal(&s, SIGKILL);
	subject_ends(&s, 137);
}
END_TEST

START_TEST(m17_the_old_are_current_again)
{
	subject_serve(&s, "", "-n 2 -f 8");
	subject_words(&s, "die first");
	subject_signal(&s, SIGUSR2);
	ck_assert_int_eq(number_of(subject_expect(&s, "RELOAD_FAILED"),
			     "status="),
	    7);
	subject_order(&s, "stats");
	ck_assert_int_eq(number_of(subject_expect(&s, "stats "), " failed="),
	    1);
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOAD_FAILED");
	subject_order(&s, "stats");
	ck_assert_int_eq(number_of(subject_expect(&s, "stats "), " failed="),
	    2);
	subject_words(&s, "");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADED");
	subject_await(&s, "done ", 2);
	subject_stop(&s);
}
END_TEST

START_TEST(m17_their_crash_still_counts)
{
	int old;

	subject_serve(&s, "", "-n 1 -f 8");
	old = subject_worker(&s, 0);
	subject_words(&s, "die");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOAD_FAILED");
	ck_assert_int_eq(kill(old, SIGSEGV), 0);
	subject_ends(&s, 139);
}
END_TEST

START_TEST(m19_the_old_dies_and_the_new_takes_over)
{
	int old, new;

	subject_serve(&s, "", "-n 1 -f 8");
	old = subject_worker(&s, 0);
	subject_words(&s, "hang");
	subject_signal(&s, SIGUSR2);
	new = number_of(subject_expect(&s, "work "), "pid=");
	stop_process(new);
	ck_assert_int_eq(kill(old, SIGKILL), 0);
	(void)subject_expect(&s, "WORKER_LEFT");
	ck_assert_int_eq(subject_obey(&s, "role"), SIGCHLD_ROLE_MASTER);
	ck_assert_int_eq(kill(new, SIGKILL), 0);
	(void)subject_expect(&s, "RELOAD_FAILED");
	subject_ends(&s, 137);
}
END_TEST

/* While there was no program to see it. */
START_TEST(m6_who_ends_during_an_execve_is_told_of_once)
{
	unsigned int i;
	int old, rounds;

	subject_serve(&s, "", "-n 1 -f 9 -b 1 -g 1000");
	for (rounds = 0; rounds < 10; rounds++) {
		old = subject_worker(&s, 0);
		subject_signal(&s, SIGUSR2);
		(void)subject_expect(&s, "RELOADING");
		if (kill(old, SIGKILL) != 0) /* it has gone as it was told */
			ck_assert_int_eq(errno, ESRCH);
		(void)subject_expect(&s, "RELOADED");
	}
	subject_await(&s, "WORKER_LEFT", 10); /* else they spoil the result */
	subject_signal(&s, SIGTERM);
	ck_assert_int_eq(subject_wait(&s), 0);
	for (i = 0; i < s.n_lines; i++) {
		char left[64];

		if (strncmp(s.lines[i], "FORKED", 6) != 0)
			continue;
		(void)snprintf(left, sizeof(left), "pid=%d ",
		    number_of(s.lines[i], "pid="));
		for (unsigned int j = 0, n = 0; j <= s.n_lines; j++) {
			if (j == s.n_lines)
				ck_assert_uint_eq(n, 1);
			else
				n += strncmp(s.lines[j], "WORKER_LEFT", 11) ==
					0 &&
				    strstr(s.lines[j], left) != NULL;
		}
	}
	subject_free(&s);
}
END_TEST

HARNESS("ends",
    {
	HARNESS_TEST(m3_r19_a_status_is_told_by_the_rule),
	HARNESS_TEST(m5_r21_a_crash_ends_the_master),
	HARNESS_TEST(m5_a_bad_exit_ends_the_master),
	HARNESS_TEST(m4_r21_who_is_told_to_go_by_others_ended_well),
	HARNESS_TEST(m5_respawn),
	HARNESS_TEST(m5_respawn_gives_up),
	HARNESS_TEST(m5_respawn_tries_the_first_start_again),
	HARNESS_TEST(a_first_start_that_fails_ends_the_master),
	HARNESS_TEST(m9_workers_end_with_their_master),
	HARNESS_TEST(m9_r33_workers_may_finish_when_their_master_is_gone),
	HARNESS_TEST(m9_also_while_a_sibling_is_not_ready),
	HARNESS_TEST(m17_the_old_are_current_again),
	HARNESS_TEST(m17_their_crash_still_counts),
	HARNESS_TEST(m19_the_old_dies_and_the_new_takes_over),
	HARNESS_TEST(m6_who_ends_during_an_execve_is_told_of_once),
    })
