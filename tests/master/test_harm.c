/*
 * test_harm.c - what goes wrong harms nobody who serves
 *
 * timeout: 60
 */
#include "help.h"

static struct subject s;

static void
fail_to_reload(const char *words)
{
	subject_words(&s, words);
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOAD_FAILED");
}

/* The program that failed to take over serves with the workers of the one before;
 * nothing that it tries is the first start of all. */
START_TEST(m17_a_roll_that_fails_after_a_reload_that_failed)
{
	subject_serve(&s, "", "-n 2 -f 8");
	fail_to_reload("die");
	ck_assert_int_eq(subject_obey(&s, "roll"), 0);
	(void)subject_expect(&s, "RELOAD_FAILED");
	ck_assert_int_eq(subject_stat(&s, " stops="), 0);
	ck_assert_int_eq(subject_stat(&s, " failed="),
	    1); /* a roll is no reload */
	subject_settle(&s, 2);
	ck_assert_uint_eq(subject_count(&s, "done "), 0);
	subject_stop(&s);
}
END_TEST

START_TEST(m17_a_program_of_fewer_workers_fails)
{
	subject_serve(&s, "", "-n 3 -f 8");
	fail_to_reload("die few");
	ck_assert_int_eq(subject_stat(&s, " workers="), 3);
	subject_settle(&s, 3);
	ck_assert_int_eq(subject_stat(&s, " ready="), 3);
	ck_assert_uint_eq(subject_count(&s, "done "), 0);
	subject_stop(&s);
}
END_TEST

/* Its workers are not tried again, one after another, until it gives up. */
START_TEST(m17_a_program_of_more_workers_fails)
{
	subject_serve(&s, "", "-n 2 -f 9 -b 1");
	fail_to_reload("die many");
	ck_assert_int_eq(subject_stat(&s, " workers="), 2);
	subject_settle(&s, 2);
	ck_assert_uint_eq(subject_count(&s, "FORKED"), 6);
	ck_assert_int_eq(subject_stat(&s, " stops="), 0);
	subject_stop(&s);
}
END_TEST

START_TEST(m17_what_a_program_that_fails_has_not_asked_for_is_kept)
{
	subject_serve(&s, "", "-n 1 -f 8");
	fail_to_reload("die unasked");
	subject_settle(&s, 1);
	subject_words(&s, "");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "main ");
	(void)subject_expect(&s, "kept ");
	(void)subject_expect(&s, "RELOADED");
	subject_stop(&s);
}
END_TEST

/* What main() starts before it has a master must not have the ends of the workers
 * that are there: they would not see the end of their master. */
START_TEST(m9_a_program_started_before_there_is_a_master)
{
	subject_serve(&s, "", "-n 2 -f 8");
	fail_to_reload("helper die");
	subject_settle(&s, 3);
	subject_signal(&s, SIGKILL);
	subject_ends(&s, 137);
}
END_TEST

START_TEST(m12_a_number_that_is_low_is_kept)
{
	subject_start(&s, "low", "-n 1");
	ck_assert_int_eq(number_of(subject_expect(&s, "low made "), "rc="), 0);
	(void)subject_expect(&s, "READY");
	subject_signal(&s, SIGUSR2);
	ck_assert_int_eq(number_of(subject_expect(&s, "low kept "), "fd="), 2);
	(void)subject_expect(&s, "RELOADED");
	ck_assert_uint_eq(subject_count(&s, "DISTRUSTED"), 0);
	subject_stop(&s);
}
END_TEST

/* Why it refuses. */
START_TEST(m25_what_was_written_is_written_out)
{
	subject_serve(&s, "", "-n 1 -f 8");
	subject_words(&s, "refuse mutter");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "muttered");
	subject_stop(&s);
}
END_TEST

START_TEST(m25_a_program_that_frees_its_master_and_exits)
{
	subject_serve(&s, "", "-n 1 -f 8");
	subject_words(&s, "frees");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "main ");
	subject_words(&s, "");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADED");
	subject_stop(&s);
}
END_TEST

/* What the next program blocks before it makes its master stays blocked. */
START_TEST(what_main_blocks_stays_blocked)
{
	subject_start(&s, "", "-n 1");
	ck_assert_int_eq(number_of(subject_expect(&s, "mask "), "winch="), 0);
	(void)subject_expect(&s, "READY");
	subject_words(&s, "block");
	subject_signal(&s, SIGUSR2);
	ck_assert_int_eq(number_of(subject_expect(&s, "mask "), "winch="), 1);
	(void)subject_expect(&s, "RELOADED");
	subject_words(&s, "");
	subject_signal(&s, SIGUSR2);
	ck_assert_int_eq(number_of(subject_expect(&s, "mask "), "winch="), 0);
	(void)subject_expect(&s, "RELOADED");
	subject_stop(&s);
}
END_TEST

/* The portable leash is a thread, and nobody waits for a process that has one. */
static void
await_last_thread(pid_t pid)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();

	while (count_in(pid, "task") > 1)
		ck_assert_int_lt(harness_now_ms(), deadline);
}

/* It says that it is ready, and is dead when that is heard. */
START_TEST(m17_m28_ready_and_dead_at_once)
{
	int worker;

	subject_serve(&s, "", "-n 1 -f 8");
	subject_words(&s, "wait brief");
	subject_signal(&s, SIGUSR2);
	worker = number_of(subject_expect(&s, "work slot=0 gen=2"), "pid=");
	await_state(worker, 'T');
	stop_process(s.pid);
	ck_assert_int_eq(kill(worker, SIGCONT), 0);
	await_state(worker, 'Z');
	await_last_thread(worker);
	subject_signal(&s, SIGCONT);
	ck_assert_int_eq(number_of(subject_expect(&s, "RELOAD_FAILED"),
			     "status="),
	    5);
	subject_settle(&s, 1);
	ck_assert_int_eq(subject_stat(&s, " ready="), 1);
	ck_assert_uint_eq(subject_count(&s, "WORKER_READY slot=0 gen=2"), 1);
	subject_stop(&s);
}
END_TEST

/* The time that a former one has to finish goes on through reloads. */
START_TEST(m35_reloads_do_not_give_more_time)
{
	int64_t deadline;
	int first, gone = 0;
	unsigned int i;

	subject_start(&s, "stubborn", "-n 1 -f 8 -d 500 -m 0xffffffff");
	first = number_of(subject_expect(&s, "FORKED"), "pid=");
	(void)subject_expect(&s, "READY");
	deadline = harness_now_ms() + harness_patience_ms() / 2;
	while (gone != first) {
		ck_assert_msg(harness_now_ms() < deadline, "it is still there");
		subject_signal(&s, SIGUSR2);
		(void)subject_expect(&s, "RELOADED");
		for (i = 0; i < s.n_lines && gone != first; i++) {
			if (strncmp(s.lines[i], "WORKER_LEFT", 11) == 0)
				gone = number_of(s.lines[i], "pid=");
		}
	}
	subject_stop(&s);
}
END_TEST

/* T4 in turn.c: with RESPAWN it tries again for a while. */
START_TEST(m5_respawn_tries_a_first_start_that_hangs_again)
{
	subject_start(&s, "hang", "-n 1 -f 9 -b 1 -g 3 -r 20");
	subject_expect_n(&s, "WORKER_LEFT", 3);
	subject_ends(&s, 137);
}
END_TEST

/* It would be closed by one name while the other is asked for. */
START_TEST(m29_a_descriptor_has_one_name)
{
	subject_start(&s, "twice", "-n 1");
	ck_assert_int_eq(number_of(subject_expect(&s, "twice "), "rc="),
	    -EEXIST);
	(void)subject_expect(&s, "READY");
	subject_words(&s, "");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "kept ");
	(void)subject_expect(&s, "RELOADED");
	subject_signal(&s, SIGUSR2); /* the listener is there still */
	(void)subject_expect(&s, "kept ");
	(void)subject_expect(&s, "RELOADED");
	subject_stop(&s);
}
END_TEST

/* The guard has never heard of the options, and keeps the policy. */
START_TEST(m25_the_guard_goes_on_without_one)
{
	int worker = 0;

	subject_serve(&s, "", "-n 2 -f 9 -b 1");
	for (unsigned int i = 0; i < s.n_lines; i++) {
		if (strncmp(s.lines[i], "work slot=0", 11) == 0)
			worker = number_of(s.lines[i], "pid=");
	}
	subject_words(&s, "refuse");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "main ");
	ck_assert_int_gt(worker, 1);
	ck_assert_int_eq(kill(worker, SIGKILL), 0);
	await_children(s.pid, 1);
	subject_words(&s, "");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADED");
	subject_stop(&s);
}
END_TEST

/* Who executes it is gone: the former have their own signals. */
START_TEST(m18_the_former_are_told_by_their_own_signal)
{
	subject_serve(&s, "", "-n 1 -f 8 -F 28");
	subject_words(&s, "other");
	subject_signal(&s, SIGUSR2);
	ck_assert_int_eq(number_of(subject_expect(&s, "done "), "stopping="),
	    1);
	ck_assert_int_eq(number_of(subject_expect(&s, "WORKER_LEFT"),
			     "status="),
	    0);
	subject_signal(&s, SIGUSR1);
	subject_ends(&s, 0);
}
END_TEST

/* Nor of the signal by which workers are told to finish. */
START_TEST(m25_the_guard_lets_them_finish)
{
	subject_serve(&s, "", "-n 2 -f 8 -F 28");
	subject_words(&s, "refuse");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "main ");
	subject_signal(&s, SIGUSR1);
	(void)subject_expect(&s, "done ");
	(void)subject_expect(&s, "done ");
	subject_ends(&s, 0);
}
END_TEST

/* What was left empty, since its worker has done, is wanted again. */
START_TEST(a_resize_fills_a_slot_that_was_left)
{
	int worker = 0;

	subject_serve(&s, "", "-n 2 -f 8");
	for (unsigned int i = 0; i < s.n_lines; i++) {
		if (strncmp(s.lines[i], "work slot=1", 11) == 0)
			worker = number_of(s.lines[i], "pid=");
	}
	ck_assert_int_gt(worker, 1);
	ck_assert_int_eq(kill(worker, SIGTERM), 0);
	(void)subject_expect(&s, "WORKER_LEFT slot=1");
	ck_assert_int_eq(subject_obey(&s, "resize 1"), 0);
	ck_assert_int_eq(subject_obey(&s, "resize 2"), 0);
	(void)subject_expect(&s, "WORKER_READY slot=1");
	subject_stop(&s);
}
END_TEST

START_TEST(a_resize_after_a_reload_that_failed)
{
	subject_serve(&s, "", "-n 2 -f 8");
	fail_to_reload("die first many");
	subject_settle(&s, 2);
	subject_signal(&s, SIGTTIN);
	(void)subject_expect(&s, "WORKER_READY slot=2");
	subject_stop(&s);
}
END_TEST

/* One more than those who serve, whatever the program that fails wanted. */
START_TEST(m17_a_resize_during_a_reload_that_fails)
{
	int worker;

	subject_serve(&s, "", "-n 2 -f 9 -b 1");
	subject_words(&s, "hang many");
	subject_signal(&s, SIGUSR2);
	worker = number_of(subject_expect(&s, "work slot=0 gen=2"), "pid=");
	subject_signal(&s, SIGTTIN);
	(void)subject_expect(&s, "work slot=4 gen=2");
	ck_assert_int_eq(kill(worker, SIGKILL), 0);
	(void)subject_expect(&s, "RELOAD_FAILED");
	ck_assert_int_eq(subject_stat(&s, " workers="), 3);
	subject_signal(&s, SIGKILL);
	subject_ends(&s, 137);
}
END_TEST

HARNESS("harm",
    {
	HARNESS_TEST(m17_a_roll_that_fails_after_a_reload_that_failed),
	HARNESS_TEST(m17_a_program_of_fewer_workers_fails),
	HARNESS_TEST(m17_a_program_of_more_workers_fails),
	HARNESS_TEST(m17_what_a_program_that_fails_has_not_asked_for_is_kept),
	HARNESS_TEST(m9_a_program_started_before_there_is_a_master),
	HARNESS_TEST(m12_a_number_that_is_low_is_kept),
	HARNESS_TEST(m25_what_was_written_is_written_out),
	HARNESS_TEST(m25_a_program_that_frees_its_master_and_exits),
	HARNESS_TEST(what_main_blocks_stays_blocked),
	HARNESS_TEST(m17_m28_ready_and_dead_at_once),
	HARNESS_TEST(m35_reloads_do_not_give_more_time),
	HARNESS_TEST(m5_respawn_tries_a_first_start_that_hangs_again),
	HARNESS_TEST(m29_a_descriptor_has_one_name),
	HARNESS_TEST(m25_the_guard_goes_on_without_one),
	HARNESS_TEST(m18_the_former_are_told_by_their_own_signal),
	HARNESS_TEST(m25_the_guard_lets_them_finish),
	HARNESS_TEST(a_resize_fills_a_slot_that_was_left),
	HARNESS_TEST(a_resize_after_a_reload_that_failed),
	HARNESS_TEST(m17_a_resize_during_a_reload_that_fails),
    })
