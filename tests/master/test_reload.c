/*
 * test_reload.c - M1, M2, M11, M20, M25, M30, M35: another program, the same
 * workers
 *
 * timeout: 60
 */
#include "help.h"

static struct subject s;

/* It serves, with so many workers. */
static void
start(const char *args, unsigned int n)
{
	subject_start(&s, "", args);
	(void)subject_expect(&s, "READY");
	ck_assert_uint_ge(subject_count(&s, "WORKER_READY"), n);
}

static void
reload(void)
{
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADING");
	ck_assert_int_eq(number_of(subject_expect(&s, "main "), "pid="), s.pid);
	(void)subject_expect(&s, "RELOADED");
}

static unsigned int
place_of(const char *start, const char *key, int value, bool last)
{
	unsigned int i, found = 0;

	for (i = 0; i < s.n_lines; i++) {
		if (strncmp(s.lines[i], start, strlen(start)) != 0 ||
		    number_of(s.lines[i], key) != value)
			continue;
		found = i + 1;
		if (!last)
			break;
	}
	ck_assert_uint_gt(found, 0);
	return found;
}

/* An old one is done only when it was told to finish. */
START_TEST(m1_r18_the_new_are_ready_before_the_old_are_told)
{
	int old[2];

	start("-n 2 -f 8", 2);
	old[0] = number_of(s.lines[place_of("work ", "slot=", 0, false) - 1],
	    "pid=");
	old[1] = number_of(s.lines[place_of("work ", "slot=", 1, false) - 1],
	    "pid=");
	reload();
	subject_expect_n(&s, "WORKER_LEFT", 2);
	ck_assert_uint_eq(subject_count(&s, "work "), 4);
	ck_assert_uint_lt(place_of("work ", "gen=", 2, true),
	    place_of("done ", "pid=", old[0], false));
	ck_assert_uint_lt(place_of("work ", "gen=", 2, true),
	    place_of("done ", "pid=", old[1], false));
	ck_assert_int_eq(count_children(s.pid), 2);
	subject_stop(&s);
}
END_TEST

START_TEST(r3_hup_reloads_too)
{
	start("-n 1", 1);
	subject_signal(&s, SIGHUP);
	(void)subject_expect(&s, "RELOADED");
	subject_stop(&s);
}
END_TEST

static void
must_be_of(const char *line, int generation, int current, int reloads)
{
	ck_assert_int_eq(number_of(line, "gen="), generation);
	ck_assert_int_eq(number_of(line, "current="), current);
	ck_assert_int_eq(number_of(line, "reloads="), reloads);
}

START_TEST(m2_three_generations)
{
	bool seen[4] = { false };
	const char *line;
	int i, generation;

	subject_start(&s, "stubborn", "-n 1 -f 8");
	(void)subject_expect(&s, "READY");
	reload();
	reload();
	subject_order(&s, "crew");
	for (i = 0; i < 3; i++) {
		line = subject_expect(&s, "crew ");
		generation = number_of(line, "gen=");
		ck_assert_int_ge(generation, 1);
		ck_assert_int_le(generation, 3);
		must_be_of(line, generation, generation == 3, 3 - generation);
		ck_assert(strstr(line, "status=at work") != NULL);
		seen[generation] = true;
	}
	ck_assert(seen[1] && seen[2] && seen[3]);
	subject_stop(&s);
}
END_TEST

/* The arguments of a process, as they stand; gives how many bytes. */
static size_t
arguments_of(pid_t pid, char *text, size_t size)
{
	char name[64];
	size_t n;
	FILE *file;

	(void)snprintf(name, sizeof(name), "/proc/%d/cmdline", (int)pid);
	file = fopen(name, "r");
	ck_assert_ptr_nonnull(file);
	n = fread(text, 1, size, file);
	(void)fclose(file);
	return n;
}

/* argv, environment and limit do not add up; nor do descriptors. Those who are
 * there are no arguments. */
START_TEST(m30_r12_each_begins_with_what_the_first_one_had)
{
	char first[512], now[512];
	const char *line;
	int argc, nofile, i;
	size_t n;

	subject_start(&s, "spoil stubborn", "-n 1");
	line = subject_expect(&s, "main ");
	argc = number_of(line, "argc=");
	nofile = number_of(line, "nofile=");
	n = arguments_of(s.pid, first, sizeof(first));
	(void)subject_expect(&s, "READY");
	for (i = 0; i < 3; i++) {
		subject_signal(&s, SIGUSR2);
		line = subject_expect(&s, "main ");
		ck_assert_int_eq(number_of(line, "argc="), argc);
		ck_assert_int_eq(number_of(line, "nofile="), nofile);
		ck_assert(strstr(line, "SPOILT=unset") != NULL);
		(void)subject_expect(&s, "RELOADED");
		ck_assert_uint_eq(arguments_of(s.pid, now, sizeof(now)), n);
		ck_assert_mem_eq(now, first, n);
	}
	ck_assert_int_eq(count_children(s.pid), 4);
	subject_stop(&s);
}
END_TEST

START_TEST(m11_r32_reloads_leave_nothing)
{
	int fds, fds_of_worker, worker, i;

	start("-n 2", 2);
	fds = count_in(s.pid, "fd");
	reload();
	subject_settle_fds(&s, 2, fds);
	worker =
	    number_of(s.lines[place_of("work ", "gen=", 2, true) - 1], "pid=");
	fds_of_worker = count_in(worker, "fd");
	for (i = 0; i < 20; i++)
		reload();
	subject_settle_fds(&s, 2, fds);
	worker =
	    number_of(s.lines[place_of("work ", "gen=", 22, true) - 1], "pid=");
	ck_assert_int_eq(count_in(worker, "fd"), fds_of_worker);
	subject_stop(&s);
}
END_TEST

START_TEST(m11_failed_reloads_leave_nothing)
{
	int fds, i;

	start("-n 2 -f 8", 2);
	fds = count_in(s.pid, "fd");
	subject_words(&s, "die");
	for (i = 0; i < 20; i++) {
		subject_signal(&s, SIGUSR2);
		(void)subject_expect(&s, "RELOAD_FAILED");
		subject_settle_fds(&s, 2, fds);
	}
	subject_stop(&s);
}
END_TEST

START_TEST(r18_r29_what_is_kept_has_its_number)
{
	int fd, i;

	start("-n 1", 1);
	for (i = 0, fd = -1; i < (int)s.n_lines; i++) {
		if (strncmp(s.lines[i], "made ", 5) == 0)
			fd = number_of(s.lines[i], "fd=");
	}
	ck_assert_int_gt(fd, 2);
	for (i = 0; i < 3; i++) {
		subject_signal(&s, SIGUSR2);
		ck_assert_int_eq(number_of(subject_expect(&s, "kept "), "fd="),
		    fd);
		(void)subject_expect(&s, "RELOADED");
	}
	subject_stop(&s);
}
END_TEST

START_TEST(m29_what_nobody_asks_for_is_closed)
{
	int fds;

	start("-n 1", 1);
	fds = count_in(s.pid, "fd");
	reload();
	subject_settle_fds(&s, 1, fds);
	subject_words(&s, "unasked");
	reload();
	subject_settle_fds(&s, 1, fds - 1);
	subject_stop(&s);
}
END_TEST

/* The first is asked for while the workers of the one before are not ready. */
START_TEST(m20_what_is_asked_for_meanwhile_is_done_once)
{
	int i;

	start("-n 1 -f 8 -r 3600000", 1);
	subject_words(&s, "hang");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "work slot=0 gen=2");
	subject_words(&s, "");
	for (i = 0; i < 20; i++)
		subject_signal(&s, SIGUSR2);
	subject_pass(&s, HOUR);
	(void)subject_expect(&s, "RELOAD_FAILED");
	(void)subject_expect(&s, "RELOADED");
	(void)subject_obey(&s, "role");
	ck_assert_uint_eq(subject_count(&s, "main "), 3);
	subject_stop(&s);
}
END_TEST

static void
refuses(const char *how)
{
	start("-n 2 -f 8", 2);
	subject_words(&s, how);
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "main ");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "main ");
	subject_words(&s, "");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADED");
	subject_expect_n(&s, "WORKER_LEFT", 2);
	ck_assert_int_eq(count_children(s.pid), 2);
	subject_await(&s, "done ", 2);
	subject_order(&s, "stats");
	ck_assert_int_eq(number_of(subject_expect(&s, "stats "), " failed="),
	    2);
	subject_stop(&s);
}

START_TEST(m25_r37_a_program_that_exits_at_once)
{
	refuses("refuse");
}
END_TEST

START_TEST(m25_r37_a_program_that_exits_when_it_has_a_master)
{
	refuses("late");
}
END_TEST

/* Nobody is left who could be reloaded. */
START_TEST(m25_the_guard_ends_with_its_workers)
{
	start("-n 2 -f 8", 2);
	subject_words(&s, "refuse");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "main ");
	subject_signal(&s, SIGTERM);
	subject_ends(&s, 0);
}
END_TEST

START_TEST(m35_who_has_lived_through_too_many_is_stopped)
{
	const char *line;
	int first;

	subject_start(&s, "stubborn", "-n 1 -f 8 -m 2");
	first = number_of(subject_expect(&s, "FORKED"), "pid=");
	(void)subject_expect(&s, "READY");
	reload();
	subject_words(&s, "die");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOAD_FAILED");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOAD_FAILED");
	subject_words(&s, "stubborn");
	reload();
	subject_order(&s, "crew");
	subject_expect_n(&s, "crew ", 3); /* failed ones do not age */
	reload();
	do
		line = subject_expect(&s, "WORKER_LEFT");
	while (number_of(line, "pid=") != first);
	ck_assert_int_eq(number_of(line, "status="), 128 + SIGTERM);
	ck_assert_int_eq(number_of(line, "current="), 0);
	subject_stop(&s);
}
END_TEST

START_TEST(a_roll_is_no_reload)
{
	start("-n 2", 2);
	ck_assert_int_eq(subject_obey(&s, "roll"), 0);
	(void)subject_expect(&s, "RELOADED");
	subject_expect_n(&s, "WORKER_LEFT", 2);
	ck_assert_uint_eq(subject_count(&s, "main "), 1);
	subject_order(&s, "stats");
	ck_assert_int_eq(number_of(subject_expect(&s, "stats "), " reloads="),
	    0);
	subject_stop(&s);
}
END_TEST

START_TEST(hup_may_be_a_roll)
{
	start("-n 1 -f 2", 1);
	subject_signal(&s, SIGHUP);
	(void)subject_expect(&s, "RELOADED");
	ck_assert_uint_eq(subject_count(&s, "main "), 1);
	subject_stop(&s);
}
END_TEST

HARNESS("reload",
    {
	HARNESS_TEST(m1_r18_the_new_are_ready_before_the_old_are_told),
	HARNESS_TEST(r3_hup_reloads_too),
	HARNESS_TEST(m2_three_generations),
	HARNESS_TEST(m30_r12_each_begins_with_what_the_first_one_had),
	HARNESS_TEST(m11_r32_reloads_leave_nothing),
	HARNESS_TEST(m11_failed_reloads_leave_nothing),
	HARNESS_TEST(r18_r29_what_is_kept_has_its_number),
	HARNESS_TEST(m29_what_nobody_asks_for_is_closed),
	HARNESS_TEST(m20_what_is_asked_for_meanwhile_is_done_once),
	HARNESS_TEST(m25_r37_a_program_that_exits_at_once),
	HARNESS_TEST(m25_r37_a_program_that_exits_when_it_has_a_master),
	HARNESS_TEST(m25_the_guard_ends_with_its_workers),
	HARNESS_TEST(m35_who_has_lived_through_too_many_is_stopped),
	HARNESS_TEST(a_roll_is_no_reload),
	HARNESS_TEST(hup_may_be_a_roll),
    })
