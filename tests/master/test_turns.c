/*
 * test_turns.c - M4, M5, M17, M18, M19, M35: what one generation leaves to the next,
 * or to nobody; steps of an end; failures that are counted, and forgotten
 *
 * timeout: 60
 */
#include "help.h"

static struct subject s;

static void
end_worker(unsigned int slot, int sig)
{
	ck_assert_int_eq(kill(subject_worker(&s, slot), sig), 0);
}

/* So much time passes, and the master works meanwhile: this worker, who does not
 * answer any more, is asked, and is not waited for any longer. */
static void
time_passes(int pid, int ms)
{
	subject_order(&s, "ask %d %d hang", pid, ms);
	do
		ck_assert_ptr_nonnull(subject_expect(&s, "answer "));
	while (number_of(s.lines[s.next - 1], "rc=") != -ETIMEDOUT);
}

/* Workers of the words "wait" stop themselves, and go on when they are let. */
static int
next_that_waits(void)
{
	int pid = number_of(subject_expect(&s, "work "), "pid=");

	await_state(pid, 'T');
	return pid;
}

static void
let_go_on(int pid)
{
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
}

/* Generations */

START_TEST(m35_without_a_limit_nobody_is_too_old)
{
	subject_serve(&s, "stubborn", "-n 1 -f 8 -m 0xffffffff");
	subject_reload(&s);
	subject_reload(&s);
	(void)subject_obey(&s, "role");
	ck_assert_uint_eq(subject_count(&s, "WORKER_LEFT"), 0);
	ck_assert_int_eq(count_children(s.pid), 3);
	subject_stop(&s);
}
END_TEST

/* The step that it had come to is the next program's as well. */
START_TEST(m35_who_was_told_to_go_is_not_told_again)
{
	subject_serve(&s, "stubborn deaf", "-n 1 -f 8 -d 1 -s 3600000");
	subject_reload(&s);
	(void)subject_expect(&s, "term came");
	subject_reload(&s);
	subject_pass(&s, HOUR);
	ck_assert_int_eq(number_of(subject_expect(&s,
				       "WORKER_LEFT slot=0 "
				       "gen=1"),
			     "status="),
	    137);
	ck_assert_uint_le(subject_count(&s, "term came"), 2); /* gen 2: one */
	subject_signal(&s, SIGKILL);
	subject_ends(&s, 137);
}
END_TEST

/* Who is former has no slot, though he stays. */
START_TEST(m1_a_slot_of_a_former_one_is_free)
{
	subject_serve(&s, "stubborn", "-n 3 -f 8");
	subject_words(&s, "few stubborn");
	subject_reload(&s);
	subject_signal(&s, SIGTTIN);
	(void)subject_expect(&s, "WORKER_READY slot=1 gen=2");
	subject_signal(&s, SIGTTIN);
	(void)subject_expect(&s, "WORKER_READY slot=2 gen=2");
	ck_assert_int_eq(subject_obey(&s, "resize 2"), 0);
	ck_assert_int_eq(subject_obey(&s, "resize 3"), 0);
	(void)subject_expect(&s, "WORKER_READY slot=2 gen=2");
	ck_assert_uint_eq(subject_count(&s, "WORKER_LEFT"), 0);
	subject_stop(&s);
}
END_TEST

/* One ended badly while a generation came in, and that took over. The next that
 * fails is another matter. */
START_TEST(m19_what_was_made_good_is_over)
{
	int old, new;

	subject_serve(&s, "", "-n 1 -f 8");
	old = subject_worker(&s, 0);
	subject_words(&s, "wait");
	subject_signal(&s, SIGUSR2);
	new = next_that_waits();
	ck_assert_int_eq(kill(old, SIGKILL), 0);
	(void)subject_expect(&s, "WORKER_LEFT");
	let_go_on(new);
	(void)subject_expect(&s, "RELOADED");
	ck_assert_int_eq(subject_obey(&s, "roll"), 0);
	ck_assert_int_eq(kill(next_that_waits(), SIGKILL), 0);
	(void)subject_expect(&s, "RELOAD_FAILED");
	ck_assert_int_eq(subject_stat(&s, " stops="), 0);
	ck_assert_int_eq(subject_stat(&s, " failed="),
	    0); /* a roll is no reload */
	subject_settle(&s, 1);
	subject_signal(&s, SIGTERM);
	subject_ends(&s, 137);
}
END_TEST

/* One who is stopped dies of what he is told when he goes on. */
static void
end_stopped(int pid, int sig)
{
	ck_assert_int_eq(kill(pid, sig), 0);
	let_go_on(pid);
}

START_TEST(m19_one_of_two_dies_and_the_new_fail)
{
	int old, new;

	subject_serve(&s, "", "-n 2 -f 8");
	old = subject_worker(&s, 0);
	subject_words(&s, "wait");
	subject_signal(&s, SIGUSR2);
	new = next_that_waits();
	(void)next_that_waits();
	ck_assert_int_eq(kill(old, SIGKILL), 0);
	(void)subject_expect(&s, "WORKER_LEFT");
	end_stopped(new, SIGSEGV);
	(void)subject_expect(&s, "RELOAD_FAILED");
	(void)subject_expect(&s, "STOPPING");
	subject_ends(&s, 137);
}
END_TEST

START_TEST(m19_the_result_is_that_of_the_first)
{
	int old, new;

	subject_serve(&s, "", "-n 1 -f 8");
	old = subject_worker(&s, 0);
	subject_words(&s, "wait");
	subject_signal(&s, SIGUSR2);
	new = next_that_waits();
	ck_assert_int_eq(kill(old, SIGKILL), 0);
	(void)subject_expect(&s, "WORKER_LEFT");
	end_stopped(new, SIGSEGV);
	ck_assert_int_eq(number_of(subject_expect(&s, "RELOAD_FAILED"),
			     "status="),
	    139);
	subject_ends(&s, 137);
}
END_TEST

/* Nobody is there, but the next try may be better. */
START_TEST(m5_respawn_goes_on_with_nobody)
{
	int old;

	subject_serve(&s, "", "-n 1 -f 9 -b 60000 -g 1000");
	old = subject_worker(&s, 0);
	subject_words(&s, "wait");
	subject_signal(&s, SIGUSR2);
	(void)next_that_waits();
	ck_assert_int_eq(kill(old, SIGKILL), 0);
	(void)subject_expect(&s, "WORKER_LEFT");
	end_worker(0, SIGKILL);
	(void)subject_expect(&s, "RELOAD_FAILED");
	ck_assert_int_eq(subject_stat(&s, " stops="), 0);
	subject_words(&s, "");
	subject_reload(&s);
	subject_stop(&s);
}
END_TEST

/* Of a program that took over: its own number, and not that before it. */
START_TEST(m17_a_roll_that_fails_leaves_as_many)
{
	int i, pids[4];

	subject_serve(&s, "", "-n 2 -f 8");
	subject_words(&s, "many wait");
	subject_signal(&s, SIGUSR2);
	for (i = 0; i < 4; i++)
		pids[i] = next_that_waits();
	for (i = 0; i < 4; i++)
		let_go_on(pids[i]);
	(void)subject_expect(&s, "RELOADED");
	ck_assert_int_eq(subject_obey(&s, "roll"), 0);
	ck_assert_int_eq(kill(next_that_waits(), SIGKILL), 0);
	(void)subject_expect(&s, "RELOAD_FAILED");
	ck_assert_int_eq(subject_stat(&s, " workers="), 4);
	ck_assert_int_eq(subject_stat(&s, " ready="), 4);
	subject_stop(&s);
}
END_TEST

/* Its worker has done; a program that fails is not to fill its place. */
START_TEST(m17_a_slot_that_was_left_stays_empty)
{
	subject_serve(&s, "", "-n 2 -f 8");
	end_worker(1, SIGTERM);
	(void)subject_expect(&s, "WORKER_LEFT slot=1");
	subject_words(&s, "die");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOAD_FAILED");
	subject_settle(&s, 1);
	ck_assert_uint_eq(subject_count(&s, "FORKED"), 4);
	ck_assert_int_eq(subject_stat(&s, " stops="), 0);
	subject_stop(&s);
}
END_TEST

START_TEST(m18_a_first_start_that_hangs_has_no_status)
{
	subject_start(&s, "hang", "-n 1 -f 8 -r 20");
	ck_assert_int_eq(number_of(subject_expect(&s, "RELOAD_FAILED"),
			     "error="),
	    -ETIMEDOUT);
	subject_ends(&s, 255);
}
END_TEST

/* Those who are killed since their generation failed are no bad end, not even of a
 * stop. */
START_TEST(m17_who_was_dismissed_does_not_count)
{
	subject_serve(&s, "", "-n 2 -f 8");
	subject_words(&s, "quit die first");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOAD_FAILED");
	(void)subject_expect(&s, "STOPPING");
	subject_ends(&s, 0);
}
END_TEST

/* That generation was given up by the stop, which is told once. */
START_TEST(m21_who_is_late_in_a_stop_is_killed)
{
	const char *line;

	subject_serve(&s, "", "-n 1 -f 8 -r 3600000");
	subject_words(&s, "hang");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "work ");
	subject_signal(&s, SIGUSR1);
	line = subject_expect(&s, "RELOAD_FAILED");
	ck_assert_int_eq(number_of(line, "error="), -ECANCELED);
	ck_assert_int_eq(number_of(line, "status="), 0);
	ck_assert_int_eq(subject_stat(&s, " failed="), 1);
	subject_pass(&s, HOUR);
	subject_await(&s, "WORKER_LEFT", 2);
	ck_assert_int_eq(subject_wait(&s), 137);
	ck_assert_uint_eq(subject_count(&s, "RELOAD_FAILED"), 1);
	subject_free(&s);
}
END_TEST

/* The reason of a failure is its own, and not that of the one before. */
START_TEST(m13_a_failure_has_its_own_reason)
{
	char file[64], command[512];
	const char *line;

	(void)snprintf(file, sizeof(file), "/tmp/sigchld-reason-XXXXXX");
	ck_assert_int_eq(close(mkstemp(file)), 0);
	(void)snprintf(command, sizeof(command), "cp '%s' %s && chmod 755 %s",
	    MASTER_SUBJECT, file, file);
	ck_assert_int_eq(system(command), 0);
	subject_file = file;
	subject_serve(&s, "", "-n 1 -f 8");
	subject_words(&s, "die");
	subject_signal(&s, SIGUSR2);
	line = subject_expect(&s, "RELOAD_FAILED");
	ck_assert_int_eq(number_of(line, "status="), 7);
	ck_assert_int_eq(number_of(line, "error="), 0);
	ck_assert_int_eq(unlink(file), 0);
	subject_signal(&s, SIGUSR2);
	line = subject_expect(&s, "RELOAD_FAILED");
	ck_assert_int_eq(number_of(line, "status="), 0);
	ck_assert_int_eq(number_of(line, "error="), -ENOENT);
	subject_stop(&s);
}
END_TEST

/* E2 in reload.c: one is forked, and a reload is asked for, in the same dispatch. */
START_TEST(m20_all_is_told_before_it_reloads)
{
	subject_serve(&s, "", "-n 1 -f 8");
	subject_order(&s, "grow");
	(void)subject_expect(&s, "FORKED slot=1 gen=1");
	(void)subject_expect(&s, "RELOADING");
	(void)subject_expect(&s, "RELOADED");
	subject_stop(&s);
}
END_TEST

/* More than are forked in one dispatch, and nothing happens in between. */
START_TEST(m1_many_that_say_nothing_are_forked)
{
	subject_start(&s, "hang", "-n 40 -f 8");
	subject_expect_n(&s, "work ", 40);
	subject_signal(&s, SIGTERM);
	subject_ends(&s, 0);
}
END_TEST

/* Steps of an end */

/* One that stays, whatever it is told. */
static void
start_deaf(const char *args)
{
	subject_serve(&s, "stubborn deaf", args);
}

static void
must_be_killed(void)
{
	ck_assert_int_eq(number_of(subject_expect(&s, "WORKER_LEFT"),
			     "status="),
	    137);
	subject_ends(&s, 137);
}

static void
must_answer(int pid)
{
	subject_order(&s, "query %d echo", pid);
	ck_assert_int_eq(number_of(subject_expect(&s, "answer "), "rc="), 0);
}

/* A second time cannot bring it later. */
START_TEST(m4_asked_again_it_is_no_later)
{
	start_deaf("-n 1 -f 8 -s 3600000 -a 7200000");
	subject_signal(&s, SIGTERM);
	(void)subject_expect(&s, "term came");
	subject_signal(&s, SIGTERM);
	(void)subject_obey(&s, "role");
	subject_pass(&s, HOUR);
	must_be_killed();
}
END_TEST

/* The first TERM after USR1 is the first of its kind; what was to come after USR1
 * does not come. */
START_TEST(m4_the_first_term_has_its_time)
{
	start_deaf("-n 2 -f 8 -d 3600000 -s 7200000 -a 10");
	subject_signal(&s, SIGUSR1);
	(void)subject_expect(&s, "STOPPING");
	subject_signal(&s, SIGTERM);
	subject_expect_n(&s, "term came", 2);
	subject_pass(&s, HOUR);
	(void)subject_obey(&s, "role"); /* and what is due has been done */
	must_answer(subject_worker(&s, 0));
	ck_assert_int_eq(count_children(s.pid), 2);
	ck_assert_uint_eq(subject_count(&s, "STOPPING"), 2);
	subject_signal(&s, SIGTERM);
	subject_expect_n(&s, "WORKER_LEFT", 2);
	ck_assert_uint_eq(subject_count(&s, "term came"), 2);
	(void)subject_wait(&s);
	subject_free(&s);
}
END_TEST

START_TEST(m4_stop_signal_comes_before_kill)
{
	start_deaf("-n 1 -f 8 -d 3600000 -s 3600000");
	subject_signal(&s, SIGUSR1);
	(void)subject_expect(&s, "STOPPING");
	subject_pass(&s, HOUR);
	(void)subject_expect(&s, "term came");
	subject_pass(&s, HOUR);
	must_be_killed();
}
END_TEST

/* Who does not let the signal come hears it by its channel. */
START_TEST(m4_a_worker_is_told_by_its_channel_too)
{
	subject_serve(&s, "masks", "-n 2 -f 8");
	subject_signal(&s, SIGUSR1);
	subject_expect_n(&s, "done ", 2);
	subject_ends(&s, 0);
}
END_TEST

/* While others have ended badly as well. */
START_TEST(m4_the_first_bad_end_is_the_result)
{
	start_deaf("-n 2 -f 8 -s 60000");
	end_worker(0, SIGKILL);
	(void)subject_expect(&s, "term came");
	end_worker(1, SIGSEGV);
	subject_ends(&s, 137);
}
END_TEST

/* Failures */

static void
lose(unsigned int slot, unsigned int n)
{
	char wanted[64];

	(void)snprintf(wanted, sizeof(wanted), "WORKER_READY slot=%u", slot);
	while (n-- > 0) {
		end_worker(slot, SIGKILL);
		(void)subject_expect(&s, wanted);
	}
}

START_TEST(m5_a_generation_that_takes_over_forgives)
{
	subject_serve(&s, "", "-n 1 -f 9 -b 1 -g 3");
	lose(0, 2);
	ck_assert_int_eq(subject_obey(&s, "roll"), 0);
	(void)subject_expect(&s, "RELOADED");
	lose(0, 2);
	ck_assert_int_eq(subject_stat(&s, " stops="), 0);
	subject_stop(&s);
}
END_TEST

START_TEST(m5_a_long_life_forgives)
{
	subject_serve(&s, "", "-n 2 -f 9 -b 1 -g 3 -S 300");
	lose(0, 2);
	time_passes(subject_worker(&s, 1), 320);
	lose(0, 3); /* the first of them has lived long */
	ck_assert_int_eq(subject_stat(&s, " stops="), 0);
	subject_stop(&s);
}
END_TEST

START_TEST(m5_who_ends_well_has_not_failed)
{
	int i;

	subject_serve(&s, "", "-n 1 -f 9 -b 1 -g 3");
	for (i = 0; i < 5; i++) {
		subject_order(&s, "query %d exit000", subject_worker(&s, 0));
		(void)subject_expect(&s, "WORKER_READY");
	}
	ck_assert_int_eq(subject_stat(&s, " stops="), 0);
	subject_stop(&s);
}
END_TEST

START_TEST(m5_who_ends_well_before_it_is_ready_has_failed)
{
	subject_start(&s, "leave", "-n 1 -f 9 -b 1 -g 3");
	subject_expect_n(&s, "WORKER_LEFT", 3);
	subject_ends(&s, 255);
}
END_TEST

START_TEST(m5_without_a_limit_it_never_gives_up)
{
	subject_serve(&s, "", "-n 1 -f 9 -b 1 -g 0xffffffff -S 60000");
	lose(0, 7);
	subject_stop(&s);
}
END_TEST

START_TEST(m5_a_successor_waits)
{
	subject_serve(&s, "", "-n 2 -f 9 -b 60000");
	end_worker(0, SIGKILL);
	(void)subject_expect(&s, "WORKER_LEFT slot=0");
	time_passes(subject_worker(&s, 1), 50);
	ck_assert_uint_eq(subject_count(&s, "FORKED"), 2);
	subject_stop(&s);
}
END_TEST

/* The guard forks nobody: it would not know how. */
START_TEST(m25_the_guard_grows_by_nobody)
{
	subject_serve(&s, "", "-n 2 -f 9 -b 1");
	subject_words(&s, "refuse");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "main ");
	subject_words(&s, "");
	subject_signal(&s, SIGTTIN);
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADED");
	ck_assert_int_eq(subject_stat(&s, " forks="), 4);
	subject_stop(&s);
}
END_TEST

START_TEST(m25_the_guard_ends_with_its_last_worker)
{
	subject_serve(&s, "", "-n 2 -f 9 -b 1");
	subject_words(&s, "refuse");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "main ");
	end_worker(0, SIGKILL);
	end_worker(1, SIGKILL);
	subject_ends(&s, 137);
}
END_TEST

HARNESS("turns",
    {
	HARNESS_TEST(m35_without_a_limit_nobody_is_too_old),
	HARNESS_TEST(m35_who_was_told_to_go_is_not_told_again),
	HARNESS_TEST(m1_a_slot_of_a_former_one_is_free),
	HARNESS_TEST(m19_what_was_made_good_is_over),
	HARNESS_TEST(m19_one_of_two_dies_and_the_new_fail),
	HARNESS_TEST(m19_the_result_is_that_of_the_first),
	HARNESS_TEST(m5_respawn_goes_on_with_nobody),
	HARNESS_TEST(m17_a_roll_that_fails_leaves_as_many),
	HARNESS_TEST(m17_a_slot_that_was_left_stays_empty),
	HARNESS_TEST(m18_a_first_start_that_hangs_has_no_status),
	HARNESS_TEST(m17_who_was_dismissed_does_not_count),
	HARNESS_TEST(m21_who_is_late_in_a_stop_is_killed),
	HARNESS_TEST(m13_a_failure_has_its_own_reason),
	HARNESS_TEST(m20_all_is_told_before_it_reloads),
	HARNESS_TEST(m1_many_that_say_nothing_are_forked),
	HARNESS_TEST(m4_asked_again_it_is_no_later),
	HARNESS_TEST(m4_the_first_term_has_its_time),
	HARNESS_TEST(m4_stop_signal_comes_before_kill),
	HARNESS_TEST(m4_a_worker_is_told_by_its_channel_too),
	HARNESS_TEST(m4_the_first_bad_end_is_the_result),
	HARNESS_TEST(m5_a_generation_that_takes_over_forgives),
	HARNESS_TEST(m5_a_long_life_forgives),
	HARNESS_TEST(m5_who_ends_well_has_not_failed),
	HARNESS_TEST(m5_who_ends_well_before_it_is_ready_has_failed),
	HARNESS_TEST(m5_without_a_limit_it_never_gives_up),
	HARNESS_TEST(m5_a_successor_waits),
	HARNESS_TEST(m25_the_guard_grows_by_nobody),
	HARNESS_TEST(m25_the_guard_ends_with_its_last_worker),
    })
