/*
 * test_control_reload.c - C1, C4, C5 of control.c and S2 of asker.c: what a reload
 * has to do with those who ask
 *
 * timeout: 60
 */
#include "help.h"
#include "talk.h"

static struct subject s;
static struct talk a, b;

static void
start_with(const char *words, const char *args)
{
	char all[256];

	talk_begin();
	(void)snprintf(all, sizeof(all), "-C %s %s", talk_path, args);
	subject_start(&s, words, all);
	(void)subject_expect(&s, "READY");
	talk_open(&a);
}

static void
start(const char *args)
{
	start_with("", args);
}

/* Whichever of them it is that listens by then. */
static void
stop(void)
{
	talk_ask(&a, "stop now", "stopping\n");
	subject_ends(&s, 0);
	talk_is_over(&a);
	talk_end();
}

/* Those who hang have an hour to be ready, in options that say so. */
static void
fails_by(const char *words, const char *why)
{
	char wanted[128];

	subject_words(&s, words);
	(void)snprintf(wanted, sizeof(wanted), "error: the reload failed: %s\n",
	    why);
	talk_say(&a, "reload\n");
	if (strstr(words, "hang") != NULL) {
		(void)subject_expect(&s, "work ");
		subject_pass(&s, HOUR);
	}
	talk_expect(&a, wanted);
}

static void
is_well_again(void)
{
	subject_words(&s, "");
	talk_ask(&a, "reload", "reloaded: generation ");
	talk_ask(&a, "ready", "ready: ");
}

static long
stat_of(struct talk *t, const char *key)
{
	char name[32];

	talk_say(t, "show stat\n");
	(void)talk_answer(t);
	(void)snprintf(name, sizeof(name), "\n%s: ", key);
	return number_of(t->answer, name);
}

static int
current_pid(void)
{
	const char *line;

	subject_order(&s, "crew");
	do
		line = subject_expect(&s, "crew slot=0");
	while (number_of(line, "current=") != 1);
	return number_of(line, "pid=");
}

/* All that was said before this has been read, and looked at: one to accept who
 * said it, one to read it, and one that shows that this was over. */
static void
round_trips(struct talk *t)
{
	int i;

	for (i = 0; i < 3; i++)
		talk_ask(t, "ready", "");
}

static void
go_on(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
}

/* Answered by the next program */

START_TEST(c1_a_reload_is_answered_when_it_is_over)
{
	json_t *json;

	start("-n 2 -f 8");
	talk_ask(&a, "reload", "reloaded: generation 2\n");
	ck_assert_int_eq(stat_of(&a, "reloads"), 1);
	ck_assert_int_eq(stat_of(&a, "ready"), 2);
	json = talk_ask_json(&a, "reload");
	ck_assert(json_is_true(json_object_get(json, "ok")));
	ck_assert_int_eq(json_integer_value(json_object_get(json,
			     "generation")),
	    3);
	json_decref(json);
	ck_assert_uint_eq(subject_count(&s, "DISTRUSTED"), 0);
	stop();
}
END_TEST

START_TEST(c1_in_order_and_each_once)
{
	start("-n 1 -f 8");
	talk_say(&a,
	    "show stat\nreload\nready\njson show proc\nwhat\nreload\nroll\n"
	    "query %d echo\nhelp\njson reload\nready\n",
	    current_pid());
	talk_expect(&a, "pid: ");
	talk_expect(&a, "reloaded: generation 2\n");
	talk_expect(&a, "ready: 1 of 1 ");
	json_decref(talk_json(&a));
	talk_expect(&a, "error: no such command");
	talk_expect(&a, "reloaded: generation 3\n");
	talk_expect(&a, "rolled: generation 4\n");
	(void)talk_answer(&a); /* it may be there still, and may not */
	talk_expect(&a, "help ");
	json_decref(talk_json(&a));
	talk_expect(&a, "ready: 1 of 1 ");
	ck_assert_uint_eq(a.n, 0);
	ck_assert_int_eq(stat_of(&a, "reloads"), 3);
	stop();
}
END_TEST

START_TEST(c1_many_times)
{
	int i, fds = 0;

	start("-n 1 -f 8");
	talk_open(&b);
	for (i = 0; i < 20; i++) {
		talk_say(&b, "ready\n");
		talk_ask(&a, "reload", "reloaded: ");
		talk_expect(&b, "ready: ");
		round_trips(&a);
		while (stat_of(&a, "former") > 0)
			;
		if (i == 0)
			fds = count_in(s.pid, "fd");
	}
	ck_assert_int_eq(count_in(s.pid, "fd"), fds);
	talk_close(&b);
	stop();
}
END_TEST

START_TEST(c1_half_a_line_goes_over)
{
	start("-n 1 -f 8");
	talk_open(&b);
	talk_say(&b, "ready\njson sh");
	talk_expect(&b, "ready");
	round_trips(&a); /* it was read */
	talk_ask(&a, "reload", "reloaded: generation 2\n");
	talk_say(&b, "ow \xe2\x82");
	round_trips(&a);
	talk_ask(&a, "reload", "reloaded: generation 3\n");
	talk_say(&b, "\xac, %%;=:\nready\n");
	json_decref(talk_json(&b));
	ck_assert_ptr_nonnull(strstr(b.answer, "no such command"));
	talk_expect(&b, "ready");
	talk_close(&b);
	stop();
}
END_TEST

START_TEST(c1_the_longest_half_line_goes_over)
{
	char line[1024];

	start("-n 1 -f 8");
	talk_open(&b);
	(void)memset(line, ' ', sizeof(line));
	(void)memcpy(line + 1022 - 5, "ready\n", 6);
	talk_write(&b, line, 1022);
	round_trips(&a);
	talk_ask(&a, "reload", "reloaded: generation 2\n");
	talk_write(&b, line + 1022, 1);
	talk_expect(&b, "ready: ");
	talk_close(&b);
	stop();
}
END_TEST

START_TEST(c1_a_last_line_that_waits)
{
	start("-n 1 -f 8");
	talk_open(&b);
	talk_say(&b, "reload\nready\nreload");
	ck_assert_int_eq(shutdown(b.fd, SHUT_WR), 0);
	talk_expect(&b, "reloaded: generation 2\n");
	talk_expect(&b, "ready: ");
	talk_expect(&b, "reloaded: generation 3\n");
	talk_is_over(&b);
	stop();
}
END_TEST

/* More than one */

START_TEST(c1_m20_asked_twice_by_one)
{
	start("-n 1 -f 8");
	talk_say(&a, "reload\nreload\n");
	talk_expect(&a, "reloaded: generation 2\n");
	talk_expect(&a, "reloaded: generation 3\n");
	ck_assert_int_eq(stat_of(&a, "reloads"), 2);
	stop();
}
END_TEST

/* They mean the same one. */
START_TEST(c1_m20_asked_at_once_by_two)
{
	start("-n 1 -f 8");
	talk_open(&b);
	round_trips(&b);
	stop_process(s.pid);
	talk_say(&a, "reload\n");
	talk_say(&b, "reload\n");
	go_on(s.pid);
	talk_expect(&a, "reloaded: generation 2\n");
	talk_expect(&b, "reloaded: generation 2\n");
	ck_assert_int_eq(stat_of(&b, "reloads"), 1);
	talk_close(&b);
	stop();
}
END_TEST

/* The one that is under way may have read an older configuration: who asks
 * meanwhile means the next. */
START_TEST(c1_m20_asked_while_one_is_under_way)
{
	struct talk c;
	pid_t pid;

	start("-n 1 -f 8");
	talk_open(&b);
	talk_open(&c);
	subject_words(&s, "wait");
	talk_say(&a, "reload\n");
	pid = number_of(subject_expect(&s, "work slot=0 gen=2"), "pid=");
	stop_process(pid); /* as it does by itself */
	subject_words(&s, "");
	talk_say(&b, "reload\n");
	round_trips(&c);
	talk_ask(&c, "ready", "ready: 1 of 1 workers, reloading\n");
	while (kill(pid, SIGCONT) == 0 && !harness_readable(a.fd, 0))
		round_trips(&c); /* until it has stopped itself, too */
	talk_expect(&a, "reloaded: generation 2\n");
	talk_expect(&b, "reloaded: generation 3\n");
	ck_assert_int_eq(stat_of(&c, "reloads"), 2);
	talk_close(&b);
	talk_close(&c);
	stop();
}
END_TEST

/* What comes of it */

START_TEST(c1_m13_the_file_is_gone)
{
	char copy[80], away[88], command[512];

	talk_begin(); /* for its folder alone */
	(void)snprintf(copy, sizeof(copy), "%s/program", talk_dir);
	(void)snprintf(away, sizeof(away), "%s/away", talk_dir);
	(void)snprintf(command, sizeof(command), "cp '%s' %s", MASTER_SUBJECT,
	    copy);
	ck_assert_int_eq(system(command), 0);
	subject_file = copy;
	{
		char all[128];

		(void)snprintf(all, sizeof(all), "-C %s -n 2 -f 8", talk_path);
		subject_start(&s, "", all);
	}
	(void)subject_expect(&s, "READY");
	talk_open(&a);
	ck_assert_int_eq(rename(copy, away), 0);
	talk_say(&a, "ready\nreload\nready\n");
	talk_expect(&a, "ready");
	talk_expect(&a,
	    "error: the reload failed: No such file or directory\n");
	talk_expect(&a, "ready: 2 of 2 workers, ready\n");
	ck_assert_int_eq(stat_of(&a, "failed"), 1);
	ck_assert_int_eq(rename(away, copy), 0);
	is_well_again();
	ck_assert_int_eq(unlink(copy), 0);
	stop();
}
END_TEST

START_TEST(c1_m17_a_worker_dies)
{
	json_t *json;

	start("-n 2 -f 8");
	fails_by("die", "a worker ended with status 7 before it was to serve");
	json = talk_ask_json(&a, "reload");
	ck_assert(json_is_false(json_object_get(json, "ok")));
	ck_assert_str_eq(json_string_value(json_object_get(json, "error")),
	    "the reload failed: a worker ended with status 7 before it was to "
	    "serve");
	json_decref(json);
	ck_assert_int_eq(stat_of(&a, "failed"), 2);
	ck_assert_int_eq(stat_of(&a, "ready"), 2);
	is_well_again();
	stop();
}
END_TEST

START_TEST(c1_m18_a_worker_hangs)
{
	start("-n 2 -f 8 -r 3600000");
	fails_by("hang", "a worker was not ready in time");
	is_well_again();
	stop();
}
END_TEST

/* Whoever has failed to take over is asked and answers, and the next reload works:
 * the guard serves. */
static void
ends_early(const char *words)
{
	json_t *json;

	start("-n 2 -f 8");
	talk_open(&b);
	fails_by(words, "the program ended before it was at work");
	talk_ask(&a, "ready", "ready: 2 of 2 workers, ready\n");
	talk_ask(&b, "help", "help ");
	json = talk_ask_json(&b, "show proc");
	ck_assert_uint_eq(json_array_size(json_object_get(json, "workers")), 2);
	json_decref(json);
	talk_close(&b);
	talk_open(&b); /* and who connects now */
	ck_assert_int_eq(stat_of(&b, "failed"), 1);
	fails_by(words, "the program ended before it was at work");
	ck_assert_int_eq(stat_of(&b, "failed"), 2);
	is_well_again();
	talk_close(&b);
	stop();
}

START_TEST(c1_m25_it_refuses)
{
	ends_early("refuse");
}
END_TEST

START_TEST(c1_m25_it_ends_with_a_master)
{
	ends_early("late");
}
END_TEST

START_TEST(c1_m25_it_frees_its_master)
{
	ends_early("frees");
}
END_TEST

START_TEST(c1_m25_what_the_guard_cannot_do)
{
	start("-n 2 -f 8");
	fails_by("refuse", "the program ended before it was at work");
	talk_ask(&a, "roll", "error: ");
	talk_ask(&a, "workers 3", "error: ");
	is_well_again();
	talk_ask(&a, "roll", "rolled: ");
	stop();
}
END_TEST

START_TEST(c1_m25_the_guard_is_stopped)
{
	start("-n 2 -f 8");
	fails_by("refuse", "the program ended before it was at work");
	stop();
}
END_TEST

/* A stop meanwhile */

START_TEST(c1_m21_a_stop_answers_both)
{
	start("-n 1 -f 8");
	talk_open(&b);
	subject_words(&s, "hang");
	talk_say(&a, "reload\nready\n");
	(void)subject_expect(&s, "work slot=0 gen=2");
	talk_ask(&b, "stop now", "stopping\n");
	talk_expect(&a, "error: the master stops\n");
	talk_expect(&a, "error: not ready: ");
	subject_ends(&s, 0);
	talk_is_over(&a);
	talk_is_over(&b);
	talk_end();
}
END_TEST

START_TEST(c1_m21_a_stop_by_a_signal_answers)
{
	start("-n 1 -f 8");
	subject_words(&s, "hang");
	talk_say(&a, "json reload\n");
	(void)subject_expect(&s, "work slot=0 gen=2");
	subject_signal(&s, SIGTERM);
	json_decref(talk_json(&a));
	ck_assert_ptr_nonnull(strstr(a.answer, "the master stops"));
	subject_ends(&s, 0);
	talk_is_over(&a);
	talk_end();
}
END_TEST

/* It is told of RELOADING, and stops. */
START_TEST(c1_m21_a_stop_before_the_execve)
{
	start_with("halt", "-n 1 -f 8");
	talk_ask(&a, "reload", "error: the master stops\n");
	subject_ends(&s, 0);
	talk_is_over(&a);
	talk_end();
}
END_TEST

START_TEST(c1_a_stop_answers_who_waits_for_a_roll)
{
	char all[128];
	int status;
	pid_t pid;

	talk_begin();
	(void)snprintf(all, sizeof(all), "-C %s -n 1 -f 8 -s 50", talk_path);
	subject_start(&s, "wait", all);
	pid = number_of(subject_expect(&s, "work "), "pid=");
	talk_open(&a);
	talk_open(&b);
	do
		talk_ask(&a, "ready", "");
	while (strncmp(a.answer, "ready", 5) != 0 && kill(pid, SIGCONT) == 0);
	talk_say(&b, "roll\n");
	(void)subject_expect(&s, "work ");
	talk_ask(&a, "stop now", "stopping\n");
	talk_expect(&b, "error: the master stops\n");
	status = subject_wait(&s); /* one is stopped, and has to be killed */
	ck_assert(status == 0 || status == 137);
	subject_free(&s);
	talk_is_over(&a);
	talk_is_over(&b);
	talk_end();
}
END_TEST

/* Hung up */

START_TEST(s1_hung_up_while_it_waits)
{
	int fds;

	start("-n 1 -f 8");
	talk_open(&b);
	subject_words(&s, "hang");
	round_trips(&b);
	talk_say(&b, "reload\n");
	(void)subject_expect(&s, "work slot=0 gen=2");
	round_trips(&a);
	fds = count_in(s.pid, "fd");
	talk_close(&b);
	while (count_in(s.pid, "fd") != fds - 1)
		talk_ask(&a, "ready", "ready");
	subject_words(&s, "");
	ck_assert_int_eq(stat_of(&a, "reloading"), 1); /* it goes on */
	stop();
}
END_TEST

START_TEST(s1_hung_up_before_the_execve)
{
	start("-n 1 -f 8");
	talk_open(&b);
	stop_process(s.pid);
	talk_say(&b, "reload\n");
	talk_close(&b);
	go_on(s.pid);
	(void)subject_expect(&s, "RELOADED");
	talk_ask(&a, "ready", "ready");
	stop();
}
END_TEST

/* Nothing more comes, but it wants its answers. */
START_TEST(s1_half_closed_while_it_waits)
{
	start("-n 1 -f 8");
	talk_open(&b);
	talk_say(&b, "reload\n");
	ck_assert_int_eq(shutdown(b.fd, SHUT_WR), 0);
	talk_expect(&b, "reloaded: generation 2\n");
	talk_is_over(&b);
	stop();
}
END_TEST

/* Answers of workers */

START_TEST(c1_an_answer_that_comes_with_a_reload)
{
	pid_t pid;

	start("-n 1 -f 8");
	talk_open(&b);
	pid = current_pid();
	stop_process(pid);
	talk_say(&b, "query %d echo\n", pid);
	round_trips(&a); /* it was passed on */
	stop_process(s.pid);
	go_on(pid);
	await_state(pid, 'S'); /* it has answered */
	talk_say(&a, "reload\n");
	go_on(s.pid);
	talk_expect(&b, "echo\n");
	talk_expect(&a, "reloaded: generation 2\n");
	talk_ask(&b, "ready", "ready: ");
	talk_close(&b);
	stop();
}
END_TEST

START_TEST(c1_an_answer_that_a_reload_overtakes)
{
	int i;

	start("-n 1 -f 8");
	for (i = 0; i < 2; i++) {
		talk_open(&b);
		talk_say(&b, "query %d hang\n", current_pid());
		round_trips(&a);
		if (i == 1)
			talk_say(&b, "ready\n"); /* it is there to be read */
		subject_signal(&s, SIGUSR2);
		talk_expect(&b, "error: there was a reload meanwhile\n");
		if (i == 0)
			talk_say(&b, "ready\n");
		talk_expect(&b, "ready: ");
		talk_close(&b);
		(void)subject_expect(&s, "RELOADED");
	}
	stop();
}
END_TEST

/* The answer to one reload goes out before the next executes, however close. */
START_TEST(c1_a_reload_upon_a_reload)
{
	int i;

	start("-n 1 -f 8");
	for (i = 2; i < 22; i++) {
		talk_say(&a, "reload\n");
		(void)subject_expect(&s, "work ");
		subject_signal(&s, SIGUSR2);
		talk_expect(&a, "reloaded: ");
	}
	talk_ask(&a, "ready", "");
	stop();
}
END_TEST

/* Another path */

START_TEST(c5_a_program_with_another_path)
{
	start("-n 1 -f 8");
	subject_words(&s, "elsewhere");
	talk_ask(&a, "reload", "reloaded: generation 2\n");
	ck_assert(!talk_exists(talk_path));
	talk_open_at(&b, talk_path2);
	talk_ask(&b, "ready", "ready");
	talk_ask(&a, "ready", "ready"); /* whoever was there is */
	subject_words(&s, "");
	talk_ask(&b, "reload", "reloaded: generation 3\n");
	ck_assert(!talk_exists(talk_path2));
	talk_ask(&a, "ready", "ready");
	talk_close(&b);
	talk_open(&b);
	talk_ask(&b, "ready", "ready");
	talk_close(&b);
	stop();
}
END_TEST

/* They connect while the program that comes in is about to take over: they were
 * not accepted yet. */
START_TEST(c5_who_has_just_connected)
{
	static const char *const words[] = { "elsewhere wait", "silent wait" };
	struct talk late[6];
	int i, j, pid;

	for (j = 0; j < 2; j++) {
		start("-n 1 -f 8");
		subject_words(&s, words[j]);
		talk_say(&a, "reload\n");
		pid =
		    number_of(subject_expect(&s, "work slot=0 gen=2"), "pid=");
		await_state(pid, 'T');
		stop_process(s.pid);
		for (i = 0; i < 6; i++) {
			talk_open(&late[i]);
			talk_say(&late[i], "help\n");
		}
		go_on(pid);
		await_state(pid, 'S'); /* it has said that it is ready */
		go_on(s.pid);
		for (i = 0; i < 6; i++) {
			talk_expect(&late[i], "help ");
			talk_close(&late[i]);
		}
		talk_expect(&a, "reloaded: generation 2\n");
		ck_assert(!talk_exists(talk_path));
		stop();
	}
}
END_TEST

START_TEST(c5_a_program_that_wants_none)
{
	start("-n 1 -f 8");
	subject_words(&s, "silent");
	talk_ask(&a, "reload", "reloaded: generation 2\n");
	ck_assert(!talk_exists(talk_path));
	talk_ask(&a, "ready", "ready");
	talk_ask(&a, "reload", "reloaded: generation 3\n");
	ck_assert(!talk_exists(talk_path));
	subject_words(&s, "");
	talk_ask(&a, "reload", "reloaded: generation 4\n");
	talk_open(&b);
	talk_ask(&b, "ready", "ready");
	talk_close(&b);
	stop();
}
END_TEST

START_TEST(c5_both_answer_until_it_takes_over)
{
	start("-n 1 -f 8");
	subject_words(&s, "elsewhere hang");
	talk_say(&a, "reload\n");
	(void)subject_expect(&s, "work slot=0 gen=2");
	talk_open(&b);
	talk_ask(&b, "show proc", "who ");
	talk_close(&b);
	talk_open_at(&b, talk_path2);
	talk_ask(&b, "show proc", "who ");
	talk_ask(&b, "stop now", "stopping\n");
	talk_expect(&a, "error: the master stops\n");
	subject_ends(&s, 0);
	talk_is_over(&a);
	talk_is_over(&b);
	talk_end(); /* both files are gone */
}
END_TEST

static void
fails_elsewhere(const char *words, const char *why)
{
	start("-n 1 -f 8 -r 3600000");
	fails_by(words, why);
	ck_assert(!talk_exists(talk_path2));
	talk_open(&b);
	talk_ask(&b, "ready", "ready: 1 of 1 ");
	talk_close(&b);
	is_well_again();
	ck_assert(talk_exists(talk_path));
	stop();
}

START_TEST(c5_one_that_dies_with_another_path)
{
	fails_elsewhere("elsewhere die",
	    "a worker ended with status 7 before it was to serve");
}
END_TEST

START_TEST(c5_one_that_hangs_with_another_path)
{
	fails_elsewhere("elsewhere hang", "a worker was not ready in time");
}
END_TEST

START_TEST(c5_one_that_ends_late_with_another_path)
{
	fails_elsewhere("elsewhere late",
	    "the program ended before it was at work");
}
END_TEST

START_TEST(c5_one_that_frees_with_another_path)
{
	fails_elsewhere("elsewhere frees",
	    "the program ended before it was at work");
}
END_TEST

START_TEST(c5_one_that_wants_none_and_dies)
{
	fails_elsewhere("silent die",
	    "a worker ended with status 7 before it was to serve");
}
END_TEST

START_TEST(c5_one_that_wants_none_and_ends)
{
	fails_elsewhere("silent late",
	    "the program ended before it was at work");
}
END_TEST

/* Somebody else answers there: that program cannot be at work. */
START_TEST(c5_another_path_that_is_taken)
{
	struct subject other;
	char all[256];

	start("-n 1 -f 8");
	(void)snprintf(all, sizeof(all), "-n 1 -C %s", talk_path2);
	subject_start(&other, "", all);
	(void)subject_expect(&other, "READY");
	fails_by("elsewhere", "the program ended before it was at work");
	talk_open_at(&b, talk_path2);
	talk_ask(&b, "stop now", "stopping\n");
	subject_ends(&other, 0);
	talk_is_over(&b);
	is_well_again();
	stop();
}
END_TEST

/* It has executed a program whose first argument is this. */
static void
await_exec(int pid, const char *wanted)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	char name[64], got[64] = "";
	FILE *file;

	(void)snprintf(name, sizeof(name), "/proc/%d/cmdline", pid);
	while (strcmp(got, wanted) != 0) {
		ck_assert_int_lt(harness_now_ms(), deadline);
		file = fopen(name, "r");
		ck_assert_ptr_nonnull(file);
		got[fread(got, 1, sizeof(got) - 1, file)] = '\0';
		(void)fclose(file);
	}
}

/* What a program starts before it has a master has none of the sockets. */
START_TEST(c6_a_program_started_before_there_is_a_master)
{
	char name[64], path[320], target[128];
	struct dirent *entry;
	int sockets = 0, child;
	ssize_t n;
	FILE *file;
	DIR *dir;

	start("-n 1 -f 8");
	subject_words(&s, "helper die");
	talk_ask(&a, "reload", "error: ");
	while (count_children(s.pid) != 2)
		talk_ask(&a, "ready", "ready");
	(void)snprintf(name, sizeof(name), "/proc/%d/task/%d/children",
	    (int)s.pid, (int)s.pid);
	file = fopen(name, "r");
	ck_assert_ptr_nonnull(file);
	while (fscanf(file, "%d", &child) == 1)
		;
	(void)fclose(file);
	await_exec(child, "helper");
	(void)snprintf(name, sizeof(name), "/proc/%d/fd", child);
	dir = opendir(name);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", name,
		    entry->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		sockets += n > 7 && memcmp(target, "socket:", 7) == 0;
	}
	(void)closedir(dir);
	ck_assert_int_eq(sockets, 1); /* its standard input */
	talk_ask(&a, "stop now", "stopping\n");
	ck_assert_int_eq(shutdown(s.in, SHUT_RDWR), 0); /* that one, too */
	subject_ends(&s, 0);
	talk_is_over(&a);
	talk_end();
}
END_TEST

HARNESS("control_reload",
    {
	HARNESS_TEST(c1_a_reload_is_answered_when_it_is_over),
	HARNESS_TEST(c1_in_order_and_each_once),
	HARNESS_TEST(c1_many_times),
	HARNESS_TEST(c1_half_a_line_goes_over),
	HARNESS_TEST(c1_the_longest_half_line_goes_over),
	HARNESS_TEST(c1_a_last_line_that_waits),
	HARNESS_TEST(c1_m20_asked_twice_by_one),
	HARNESS_TEST(c1_m20_asked_at_once_by_two),
	HARNESS_TEST(c1_m20_asked_while_one_is_under_way),
	HARNESS_TEST(c1_m13_the_file_is_gone),
	HARNESS_TEST(c1_m17_a_worker_dies),
	HARNESS_TEST(c1_m18_a_worker_hangs),
	HARNESS_TEST(c1_m25_it_refuses),
	HARNESS_TEST(c1_m25_it_ends_with_a_master),
	HARNESS_TEST(c1_m25_it_frees_its_master),
	HARNESS_TEST(c1_m25_what_the_guard_cannot_do),
	HARNESS_TEST(c1_m25_the_guard_is_stopped),
	HARNESS_TEST(c1_m21_a_stop_answers_both),
	HARNESS_TEST(c1_m21_a_stop_by_a_signal_answers),
	HARNESS_TEST(c1_m21_a_stop_before_the_execve),
	HARNESS_TEST(c1_a_stop_answers_who_waits_for_a_roll),
	HARNESS_TEST(s1_hung_up_while_it_waits),
	HARNESS_TEST(s1_hung_up_before_the_execve),
	HARNESS_TEST(s1_half_closed_while_it_waits),
	HARNESS_TEST(c1_an_answer_that_comes_with_a_reload),
	HARNESS_TEST(c1_an_answer_that_a_reload_overtakes),
	HARNESS_TEST(c1_a_reload_upon_a_reload),
	HARNESS_TEST(c5_a_program_with_another_path),
	HARNESS_TEST(c5_who_has_just_connected),
	HARNESS_TEST(c5_a_program_that_wants_none),
	HARNESS_TEST(c5_both_answer_until_it_takes_over),
	HARNESS_TEST(c5_one_that_dies_with_another_path),
	HARNESS_TEST(c5_one_that_hangs_with_another_path),
	HARNESS_TEST(c5_one_that_ends_late_with_another_path),
	HARNESS_TEST(c5_one_that_frees_with_another_path),
	HARNESS_TEST(c5_one_that_wants_none_and_dies),
	HARNESS_TEST(c5_one_that_wants_none_and_ends),
	HARNESS_TEST(c5_another_path_that_is_taken),
	HARNESS_TEST(c6_a_program_started_before_there_is_a_master),
    })
