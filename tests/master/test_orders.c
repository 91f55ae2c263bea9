/* test_orders.c - M4, M18, M21, M23, M24, R1 to R8: what signals ask for */
#include "help.h"

static struct subject s;

static void
stops_by(int sig, unsigned int n_done)
{
	subject_serve(&s, "", "-n 2 -f 8");
	subject_signal(&s, sig);
	(void)subject_expect(&s, "STOPPING");
	subject_expect_n(&s, "WORKER_LEFT", 2);
	(void)subject_expect(&s, "ALL_LEFT");
	(void)subject_expect(&s, "result 0");
	ck_assert_uint_eq(subject_count(&s, "done "), n_done);
	subject_ends(&s, 0);
}

START_TEST(m4_term_ends_them)
{
	stops_by(SIGTERM, 0);
}
END_TEST

START_TEST(m4_int_ends_them)
{
	stops_by(SIGINT, 0);
}
END_TEST

START_TEST(m4_usr1_lets_them_finish)
{
	stops_by(SIGUSR1, 2);
}
END_TEST

/* They do not listen: only SIGKILL helps. */
START_TEST(r4_a_second_time_is_sooner)
{
	subject_serve(&s, "stubborn", "-n 2 -f 8 -s 60000 -a 10");
	subject_signal(&s, SIGUSR1);
	(void)subject_expect(&s, "STOPPING");
	ck_assert_int_eq(count_children(s.pid), 2);
	subject_signal(&s, SIGTERM);
	subject_expect_n(&s, "WORKER_LEFT", 2);
	subject_ends(&s, 0);
}
END_TEST

START_TEST(r4_kill_is_no_good_end)
{
	int worker;

	subject_start(&s, "hang", "-n 1 -f 8 -s 60000 -a 20");
	worker = number_of(subject_expect(&s, "work "), "pid=");
	stop_process(worker);
	subject_signal(&s, SIGTERM);
	(void)subject_expect(&s, "STOPPING");
	subject_signal(&s, SIGTERM);
	ck_assert_int_eq(number_of(subject_expect(&s, "WORKER_LEFT"),
			     "status="),
	    137);
	subject_ends(&s, 137);
}
END_TEST

START_TEST(ttin_and_ttou_resize)
{
	subject_serve(&s, "", "-n 1 -f 8");
	subject_signal(&s, SIGTTIN);
	(void)subject_expect(&s, "WORKER_READY slot=1");
	subject_signal(&s, SIGTTOU);
	(void)subject_expect(&s, "WORKER_LEFT slot=1");
	subject_signal(&s, SIGTTOU); /* one is the least */
	(void)subject_obey(&s, "role");
	ck_assert_int_eq(count_children(s.pid), 1);
	subject_stop(&s);
}
END_TEST

START_TEST(m21_a_reload_during_a_stop_is_refused)
{
	subject_serve(&s, "stubborn", "-n 1 -f 8");
	subject_signal(&s, SIGUSR1);
	(void)subject_expect(&s, "STOPPING");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "REFUSED");
	ck_assert_int_eq(subject_obey(&s, "reload"), -ESHUTDOWN);
	ck_assert_int_eq(subject_obey(&s, "roll"), -ESHUTDOWN);
	ck_assert_int_eq(subject_obey(&s, "resize 2"), -ESHUTDOWN);
	subject_signal(&s, SIGTERM);
	subject_ends(&s, 0);
	ck_assert_uint_eq(subject_count(&s, "main "), 0); /* all were freed */
}
END_TEST

START_TEST(m21_a_stop_when_it_is_told_of_reloading)
{
	subject_serve(&s, "halt", "-n 2");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADING");
	(void)subject_expect(&s, "REFUSED");
	(void)subject_expect(&s, "STOPPING");
	subject_ends(&s, 0);
}
END_TEST

/* The next program's workers are not ready, and never will be. */
static void
stops_during_reload(int sig)
{
	subject_serve(&s, "", "-n 2 -f 8");
	subject_words(&s, "hang");
	subject_signal(&s, SIGUSR2);
	subject_expect_n(&s, "work ", 2);
	subject_signal(&s, sig);
	(void)subject_expect(&s, "RELOAD_FAILED");
	subject_expect_n(&s, "WORKER_LEFT", 4);
	subject_ends(&s, 0);
}

START_TEST(m18_m21_r8_term_while_the_new_hang)
{
	stops_during_reload(SIGTERM);
}
END_TEST

/* Whoever hangs before it is ready hears nothing of USR1; TERM follows. */
START_TEST(m21_usr1_while_the_new_hang)
{
	subject_serve(&s, "", "-n 1 -f 8");
	subject_words(&s, "hang");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "work ");
	subject_signal(&s, SIGUSR1);
	(void)subject_expect(&s, "STOPPING");
	(void)subject_expect(&s, "WORKER_LEFT");
	subject_signal(&s, SIGTERM);
	subject_ends(&s, 0);
}
END_TEST

START_TEST(m18_a_limit_ends_the_wait)
{
	subject_serve(&s, "", "-n 2 -f 8 -r 3600000");
	subject_words(&s, "hang first");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "work slot=0 gen=2");
	subject_pass(&s, HOUR);
	ck_assert_int_eq(number_of(subject_expect(&s, "RELOAD_FAILED"),
			     "error="),
	    -ETIMEDOUT);
	subject_expect_n(&s, "WORKER_LEFT", 2);
	ck_assert_int_eq(count_children(s.pid), 2);
	subject_order(&s, "stats");
	ck_assert_int_eq(number_of(subject_expect(&s, "stats "), " ready="), 2);
	subject_stop(&s);
}
END_TEST

/* As from a parent that has blocked, or ignores, what it can. */
static void
starts_with(int how)
{
	sigset_t all, before;
	int sig;

	(void)sigfillset(&all);
	ck_assert_int_eq(sigprocmask(how, &all, &before), 0);
	if (how == SIG_SETMASK) {
		for (sig = 1; sig < 32; sig++)
			(void)signal(sig, SIG_IGN);
		(void)sigemptyset(&all);
		(void)sigprocmask(SIG_SETMASK, &all, NULL);
	}
	subject_start(&s, "", "-n 1 -f 8");
	ck_assert_int_eq(sigprocmask(SIG_SETMASK, &before, NULL), 0);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)subject_expect(&s, "READY");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADED");
	(void)subject_expect(&s, "WORKER_LEFT");
	subject_stop(&s);
}

START_TEST(m24_started_with_all_signals_blocked)
{
	starts_with(SIG_BLOCK);
}
END_TEST

START_TEST(m24_started_with_all_signals_ignored)
{
	starts_with(SIG_SETMASK);
}
END_TEST

START_TEST(r5_a_worker_ignores_usr2_and_dumps_by_hup)
{
	subject_serve(&s, "", "-n 1 -f 8");
	ck_assert_int_eq(subject_obey(&s, "signal 1 12"), 1); /* USR2 */
	ck_assert_int_eq(subject_obey(&s, "signal 1 1"), 1);  /* HUP */
	subject_await(&s, "dump slot=0", 1);
	ck_assert_int_eq(subject_obey(&s, "signal 1 10"), 1); /* USR1 */
	subject_await(&s, "done slot=0", 1);
	subject_ends(&s, 0);
}
END_TEST

START_TEST(signal_says_how_many_it_reached)
{
	subject_serve(&s, "stubborn", "-n 2 -f 8");
	ck_assert_int_eq(subject_obey(&s, "signal 1 0"), 2);
	ck_assert_int_eq(subject_obey(&s, "signal 2 0"), 0);
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADED");
	ck_assert_int_eq(subject_obey(&s, "signal 1 0"), 2);
	ck_assert_int_eq(subject_obey(&s, "signal 2 0"), 2);
	ck_assert_int_eq(subject_obey(&s, "signal 3 0"), 4);
	ck_assert_int_eq(subject_obey(&s, "signal 0 0"), -EINVAL);
	ck_assert_int_eq(subject_obey(&s, "signal 1 99"), -EINVAL);
	subject_stop(&s);
}
END_TEST

HARNESS("orders",
    {
	HARNESS_TEST(m4_term_ends_them),
	HARNESS_TEST(m4_int_ends_them),
	HARNESS_TEST(m4_usr1_lets_them_finish),
	HARNESS_TEST(r4_a_second_time_is_sooner),
	HARNESS_TEST(r4_kill_is_no_good_end),
	HARNESS_TEST(ttin_and_ttou_resize),
	HARNESS_TEST(m21_a_reload_during_a_stop_is_refused),
	HARNESS_TEST(m21_a_stop_when_it_is_told_of_reloading),
	HARNESS_TEST(m18_m21_r8_term_while_the_new_hang),
	HARNESS_TEST(m21_usr1_while_the_new_hang),
	HARNESS_TEST(m18_a_limit_ends_the_wait),
	HARNESS_TEST(m24_started_with_all_signals_blocked),
	HARNESS_TEST(m24_started_with_all_signals_ignored),
	HARNESS_TEST(r5_a_worker_ignores_usr2_and_dumps_by_hup),
	HARNESS_TEST(signal_says_how_many_it_reached),
    })
