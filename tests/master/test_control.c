/*
 * test_control.c - C1 to C6 of control.c, S1 and S2 of asker.c: operators ask
 *
 * What a reload has to do with it is in test_control_reload.c.
 *
 * timeout: 60
 */
#include <limits.h>
#include <sys/resource.h>

#include "help.h"
#include "talk.h"
#include "worker/order.h"

#define MOST 32 /* connections */

static struct subject s;
static struct talk a, b;

static void
start_with(const char *words, const char *args)
{
	char all[256];

	(void)snprintf(all, sizeof(all), "-C %s %s", talk_path, args);
	subject_start(&s, words, all);
}

static void
start(const char *args)
{
	talk_begin();
	start_with("", args);
	(void)subject_expect(&s, "READY");
	talk_open(&a);
}

static void
stop(void)
{
	talk_ask(&a, "stop now", "stopping\n");
	subject_ends(&s, 0);
	talk_is_over(&a);
	talk_end();
}

static int
pid_in(int slot)
{
	char key[32];

	subject_order(&s, "crew");
	(void)snprintf(key, sizeof(key), "crew slot=%d", slot);
	return number_of(subject_expect(&s, key), "pid=");
}

/* Each command */

START_TEST(c1_the_list)
{
	const char *at;
	json_t *json, *list;
	size_t i, n;

	start("");
	talk_say(&a, "help\n");
	at = talk_answer(&a);
	for (i = 0; sigchld__order_help[i] != NULL; i++) {
		n = strlen(sigchld__order_help[i]);
		ck_assert(strncmp(at, sigchld__order_help[i], n) == 0);
		ck_assert_int_eq(at[n], '\n');
		at += n + 1;
	}
	ck_assert_str_eq(at, "");
	json = talk_ask_json(&a, "help");
	list = json_object_get(json, "help");
	ck_assert(json_is_true(json_object_get(json, "ok")));
	ck_assert_uint_eq(json_array_size(list), i);
	while (i-- > 0)
		ck_assert_str_eq(json_string_value(json_array_get(list, i)),
		    sigchld__order_help[i]);
	json_decref(json);
	stop();
}
END_TEST

static json_int_t
number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	ck_assert_msg(json_is_integer(value), "%s", key);
	return json_integer_value(value);
}

static const char *
string(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	ck_assert_msg(json_is_string(value), "%s", key);
	return json_string_value(value);
}

START_TEST(c1_is_it_ready)
{
	json_t *json;

	start("-n 2");
	talk_ask(&a, "ready", "ready: 2 of 2 workers, ready\n");
	json = talk_ask_json(&a, "ready");
	ck_assert(json_is_true(json_object_get(json, "ok")));
	ck_assert_int_eq(number(json, "ready"), 2);
	ck_assert_int_eq(number(json, "workers"), 2);
	ck_assert_str_eq(string(json, "state"), "ready");
	json_decref(json);
	stop();
}
END_TEST

/* Nobody is, before the first generation is. */
START_TEST(c1_it_is_not_ready_while_it_starts)
{
	json_t *json;

	talk_begin();
	start_with("hang", "-n 2 -f 8");
	(void)subject_expect(&s, "work ");
	talk_open(&a);
	talk_ask(&a, "ready", "error: not ready: 0 of 2 workers, starting\n");
	json = talk_ask_json(&a, "ready");
	ck_assert(json_is_false(json_object_get(json, "ok")));
	ck_assert_str_eq(string(json, "state"), "starting");
	json_decref(json);
	stop();
}
END_TEST

START_TEST(c1_who_is_there)
{
	char line[256];
	const char *text;
	int pid[2];

	start("-n 2 -f 8");
	pid[0] = pid_in(0);
	pid[1] = pid_in(1);
	talk_say(&a, "show proc\n");
	text = talk_answer(&a);
	ck_assert_msg(strncmp(text, "who ", 4) == 0, "%s", text);
	(void)snprintf(line, sizeof(line), "\nmaster    %8d     -     1 ready ",
	    (int)s.pid);
	ck_assert_msg(strstr(text, line) != NULL, "%s", text);
	(void)snprintf(line, sizeof(line),
	    "\ncurrent   %8d     0     1 ready           0 ", pid[0]);
	ck_assert_msg(strstr(text, line) != NULL, "%s", text);
	(void)snprintf(line, sizeof(line),
	    "\ncurrent   %8d     1     1 ready           0 ", pid[1]);
	ck_assert_msg(strstr(text, line) != NULL, "%s", text);
	ck_assert_msg(strstr(text, "work\n") != NULL, "%s", text);
	stop();
}
END_TEST

static void
check_worker(const json_t *worker, int pid)
{
	ck_assert_int_eq(number(worker, "pid"), pid);
	ck_assert_int_eq(number(worker, "generation"), 1);
	ck_assert_str_eq(string(worker, "rank"), "current");
	ck_assert_str_eq(string(worker, "state"), "ready");
	ck_assert_int_eq(number(worker, "reloads"), 0);
	ck_assert_int_ge(number(worker, "age_ms"), 0);
	ck_assert_ptr_nonnull(strstr(string(worker, "status"), "work"));
}

START_TEST(c1_who_is_there_in_json)
{
	json_t *json, *list, *worker;
	int pid[2];
	size_t i;

	start("-n 2 -f 8");
	pid[0] = pid_in(0);
	pid[1] = pid_in(1);
	json = talk_ask_json(&a, "show proc");
	ck_assert(json_is_true(json_object_get(json, "ok")));
	worker = json_object_get(json, "master");
	ck_assert_int_eq(number(worker, "pid"), s.pid);
	ck_assert_int_eq(number(worker, "generation"), 1);
	ck_assert_int_eq(number(worker, "reloads"), 0);
	ck_assert_str_eq(string(worker, "state"), "ready");
	ck_assert_int_ge(number(worker, "age_ms"), 0);
	list = json_object_get(json, "workers");
	ck_assert_uint_eq(json_array_size(list), 2);
	json_array_foreach(list, i, worker)
	    check_worker(worker, pid[number(worker, "slot")]);
	json_decref(json);
	stop();
}
END_TEST

START_TEST(c1_numbers)
{
	static const char *const keys[] = { "pid", "generation", "workers",
		"starting", "ready", "stopping", "former", "reloading", "stops",
		"reloads", "failed", "forks", "ends", "last_reload",
		"last_failure", "up_ms" };
	char text[4096], key[32];
	json_t *json;
	size_t i;

	start("-n 3");
	talk_say(&a, "show stat\n");
	(void)snprintf(text, sizeof(text), "\n%s", talk_answer(&a));
	json = talk_ask_json(&a, "show stat");
	ck_assert_uint_eq(json_object_size(json),
	    sizeof(keys) / sizeof(keys[0]) + 1);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		(void)snprintf(key, sizeof(key), "\n%s: ", keys[i]);
		if (strcmp(keys[i], "up_ms") == 0)
			ck_assert_int_ge(number(json, keys[i]),
			    number_of(text, key));
		else
			ck_assert_int_eq(number(json, keys[i]),
			    number_of(text, key));
	}
	ck_assert_int_eq(number(json, "pid"), s.pid);
	ck_assert_int_eq(number(json, "ready"), 3);
	ck_assert_int_eq(number(json, "forks"), 3);
	json_decref(json);
	stop();
}
END_TEST

START_TEST(c1_a_worker_is_asked)
{
	json_t *json;
	char line[64];
	int pid;

	start("-n 2");
	pid = pid_in(1);
	(void)snprintf(line, sizeof(line), "query %d echo", pid);
	talk_ask(&a, line, "echo\n");
	json = talk_ask_json(&a, line);
	ck_assert(json_is_true(json_object_get(json, "ok")));
	ck_assert_int_eq(number(json, "status"), 4);
	ck_assert_str_eq(string(json, "answer"), "echo");
	json_decref(json);
	(void)snprintf(line, sizeof(line), "query %d role", pid);
	talk_ask(&a, line, "role 2 slot 1\n");
	stop();
}
END_TEST

START_TEST(c1_a_worker_that_is_none_or_ends)
{
	json_t *json;
	char line[64];

	start("-n 1 -f 1 -b 1");
	talk_ask(&a, "query 1 echo", "error: there is no such worker\n");
	talk_ask(&a, "query 2147483647 echo",
	    "error: there is no such worker\n");
	json = talk_ask_json(&a, "query 1 echo");
	ck_assert(json_is_false(json_object_get(json, "ok")));
	ck_assert_str_eq(string(json, "error"), "there is no such worker");
	json_decref(json);
	(void)snprintf(line, sizeof(line), "query %d crash", pid_in(0));
	talk_ask(&a, line, "error: the worker ended\n");
	(void)subject_expect(&s, "WORKER_READY");
	stop();
}
END_TEST

START_TEST(c1_a_worker_that_has_enough_to_do)
{
	struct talk others[4];
	int i, pid;

	start("-n 1");
	pid = pid_in(0);
	stop_process(pid);
	for (i = 0; i < 4; i++) {
		talk_open(&others[i]);
		talk_ask(&others[i], "ready", "ready");
		talk_say(&others[i], "query %d echo\n", pid);
		talk_ask(&a, "ready", "ready"); /* the query came before */
		talk_ask(&a, "ready", "ready");
	}
	talk_say(&a, "query %d echo\n", pid);
	talk_expect(&a, "error: the worker has not answered the last\n");
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	for (i = 0; i < 4; i++) {
		talk_expect(&others[i], "echo\n");
		talk_close(&others[i]);
	}
	stop();
}
END_TEST

START_TEST(c1_more_workers_and_fewer)
{
	json_t *json;

	start("-n 1");
	talk_ask(&a, "workers 3", "resized\n");
	subject_await(&s, "WORKER_READY", 3);
	talk_ask(&a, "ready", "ready: 3 of 3 workers, ready\n");
	json = talk_ask_json(&a, "workers 1");
	ck_assert_uint_eq(json_object_size(json), 1);
	ck_assert(json_is_true(json_object_get(json, "ok")));
	json_decref(json);
	subject_await(&s, "WORKER_LEFT", 2);
	talk_ask(&a, "ready", "ready: 1 of 1 workers, ready\n");
	talk_ask(&a, "workers 2147483647", "error: too many workers\n");
	talk_ask(&a, "workers 0", "error: bad arguments; try help\n");
	stop();
}
END_TEST

START_TEST(c1_a_roll_is_answered_when_it_is_over)
{
	json_t *json;

	start("-n 2 -f 8");
	talk_ask(&a, "roll", "rolled: generation 2\n");
	ck_assert_int_eq(subject_obey(&s, "role"), SIGCHLD_ROLE_MASTER);
	ck_assert_uint_eq(subject_count(&s, "work "), 4);
	json = talk_ask_json(&a, "roll");
	ck_assert(json_is_true(json_object_get(json, "ok")));
	ck_assert_int_eq(number(json, "generation"), 3);
	json_decref(json);
	stop();
}
END_TEST

START_TEST(c1_a_roll_meets_another)
{
	start("-n 1 -f 8");
	subject_order(&s, "roll");
	(void)subject_expect(&s, "FORKED");
	stop_process(s.pid);
	talk_say(&a, "roll\n");
	ck_assert_int_eq(kill(s.pid, SIGCONT), 0);
	(void)talk_answer(&a); /* refused, or the next one */
	ck_assert_msg(strcmp(a.answer,
			  "error: other workers come in just now\n") == 0 ||
		strcmp(a.answer, "rolled: generation 3\n") == 0,
	    "%s", a.answer);
	stop();
}
END_TEST

START_TEST(c1_what_is_no_order)
{
	json_t *json;

	start("");
	talk_ask(&a, "what", "error: no such command; try help\n");
	talk_ask(&a, "stop it", "error: bad arguments; try help\n");
	json = talk_ask_json(&a, "what");
	ck_assert(json_is_false(json_object_get(json, "ok")));
	ck_assert_str_eq(string(json, "error"), "no such command; try help");
	json_decref(json);
	talk_say(&a, "\n \n\r\n");
	talk_ask(&a, "ready\r", "ready"); /* those were no orders */
	stop();
}
END_TEST

START_TEST(c1_stopped_in_time)
{
	json_t *json;

	start("-n 2");
	json = talk_ask_json(&a, "stop");
	ck_assert_uint_eq(json_object_size(json), 1);
	ck_assert(json_is_true(json_object_get(json, "ok")));
	json_decref(json);
	subject_await(&s, "done ", 2);
	subject_ends(&s, 0);
	talk_is_over(&a);
	talk_end();
}
END_TEST

/* It finishes, but its workers do not: it can be asked, and told to be quicker. */
START_TEST(c1_what_is_asked_of_one_that_stops)
{
	talk_begin();
	start_with("stubborn", "-n 1");
	(void)subject_expect(&s, "READY");
	talk_open(&a);
	talk_ask(&a, "stop", "stopping\n");
	talk_ask(&a, "ready", "error: not ready: 0 of 1 workers, stopping\n");
	talk_ask(&a, "reload", "error: the master stops\n");
	(void)subject_expect(&s, "REFUSED");
	talk_ask(&a, "roll", "error: the master stops\n");
	talk_ask(&a, "workers 2", "error: the master stops\n");
	talk_ask(&a, "show proc", "who ");
	talk_open(&b);
	talk_ask(&b, "stop", "stopping\n");
	talk_close(&b);
	stop();
}
END_TEST

/* Lines */

START_TEST(c1_many_orders_in_one_piece)
{
	char text[1400] = "";
	int i;

	start("-n 1");
	for (i = 0; i < 100; i++)
		(void)strcat(text, i % 2 == 0 ? "ready\n" : "nothing\n");
	talk_write(&a, text, strlen(text));
	for (i = 0; i < 100; i++)
		talk_expect(&a, i % 2 == 0 ? "ready: " : "error: no such");
	stop();
}
END_TEST

START_TEST(c1_a_line_byte_by_byte)
{
	const char *text = "json ready\n";
	json_t *json;

	start("-n 1");
	talk_open(&b);
	for (; *text != '\0'; text++) {
		talk_write(&a, text, 1);
		talk_ask(&b, "ready", "ready");
	}
	json = talk_json(&a);
	json_decref(json);
	talk_close(&b);
	stop();
}
END_TEST

START_TEST(c1_the_last_line_needs_no_end)
{
	start("");
	talk_open(&b);
	talk_say(&b, "ready\nhelp\nready");
	ck_assert_int_eq(shutdown(b.fd, SHUT_WR), 0);
	talk_expect(&b, "ready: ");
	talk_expect(&b, "help ");
	talk_expect(&b, "ready: ");
	talk_is_over(&b);
	stop();
}
END_TEST

START_TEST(s1_the_longest_line)
{
	char line[2048];

	start("");
	(void)memset(line, ' ', sizeof(line));
	(void)memcpy(line + 1022 - 5, "ready\n", 6);
	talk_write(&a, line, 1023);
	talk_expect(&a, "ready: ");
	talk_write(&a, line, 1023); /* and again, in two pieces */
	talk_expect(&a, "ready: ");
	stop();
}
END_TEST

START_TEST(s1_a_line_that_is_too_long)
{
	char line[2048];
	size_t len;

	start("");
	(void)memset(line, 'x', sizeof(line));
	for (len = 1023; len <= sizeof(line); len += 1025) {
		talk_open(&b);
		talk_write(&b, line, len);
		talk_expect(&b, "error: the line is too long\n");
		talk_is_over(&b);
	}
	talk_ask(&a, "ready", "ready");
	stop();
}
END_TEST

START_TEST(s1_bytes_that_are_no_text)
{
	start("");
	talk_write(&a, "ready\0\n", 7);
	talk_expect(&a, "error: no such command; try help\n");
	talk_write(&a, "\0\n\0\0\nready\n", 11);
	talk_expect(&a, "error: no such command; try help\n");
	talk_expect(&a, "error: no such command; try help\n");
	talk_expect(&a, "ready");
	talk_write(&a, "\xff\xfe\x80\n", 4);
	talk_expect(&a, "error: no such command; try help\n");
	talk_write(&a, "json \x01\x02\n", 8);
	json_decref(talk_json(&a));
	stop();
}
END_TEST

/* Connections */

static size_t
memory_of(pid_t pid)
{
	char name[64], line[128];
	size_t kb = 0;
	FILE *file;

	(void)snprintf(name, sizeof(name), "/proc/%d/status", (int)pid);
	file = fopen(name, "r");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "VmRSS: %zu kB", &kb) == 1)
			break;
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_uint_gt(kb, 0);
	return kb;
}

/* As many orders as are taken: then the one who does not read is not heard. */
static unsigned int
say_all(struct talk *t, const char *line)
{
	unsigned int n = 0, in_vain = 0;
	size_t len = strlen(line);
	ssize_t sent;

	while (in_vain < 20) {
		sent = send(t->fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent == -1) {
			ck_assert_int_eq(errno, EAGAIN);
			in_vain++;
			talk_ask(&a, "ready", "ready"); /* it serves others */
			continue;
		}
		ck_assert_int_eq(sent, (ssize_t)len);
		in_vain = 0;
		n++;
		ck_assert_uint_lt(n, 1000000);
	}
	return n;
}

START_TEST(c2_one_that_does_not_read)
{
	unsigned int n, i;
	json_t *json;
	size_t kb;

	start("-n 16");
	talk_open(&b);
	talk_ask(&b, "ready", "ready");
	kb = memory_of(s.pid);
	n = say_all(&b, "json show proc\n");
	ck_assert_uint_gt(n, 100);
	ck_assert_uint_lt(memory_of(s.pid), kb + 4096);
	for (i = 0; i < n; i++) {
		json = talk_json(&b);
		ck_assert_uint_eq(json_array_size(json_object_get(json,
				      "workers")),
		    16);
		json_decref(json);
	}
	talk_ask(&b, "ready", "ready");
	talk_close(&b);
	stop();
}
END_TEST

START_TEST(c2_one_that_does_not_read_and_goes)
{
	int fds;

	start("-n 8");
	talk_ask(&a, "ready", "ready");
	fds = count_in(s.pid, "fd");
	talk_open(&b);
	(void)say_all(&b, "json show proc\n");
	talk_close(&b);
	while (count_in(s.pid, "fd") != fds)
		talk_ask(&a, "ready", "ready");
	stop();
}
END_TEST

/* The next one is told so and hung up; when one goes there is room again. */
START_TEST(c2_no_more_connections_than_so_many)
{
	struct talk others[MOST];
	int i, fds;

	start("");
	talk_ask(&a, "ready", "ready");
	fds = count_in(s.pid, "fd");
	for (i = 1; i < MOST; i++) {
		talk_open(&others[i]);
		talk_ask(&others[i], "ready", "ready");
	}
	for (i = 0; i < 3; i++) {
		talk_open(&b);
		talk_expect(&b, "error: too many connections\n");
		talk_is_over(&b);
	}
	talk_close(&others[1]);
	while (count_in(s.pid, "fd") != fds + MOST - 2)
		talk_ask(&a, "ready", "ready");
	talk_open(&others[1]);
	talk_ask(&others[1], "ready", "ready");
	for (i = 1; i < MOST; i++)
		talk_close(&others[i]);
	stop();
}
END_TEST

START_TEST(c3_another_user_is_hung_up)
{
	int wstatus;
	pid_t pid;

#ifdef SIGCHLD_PORTABLE
	harness_skip("credentials are not asked for here");
#endif
	if (geteuid() != 0)
		harness_skip("only root can be another user");
	start("");
	ck_assert_int_eq(chmod(talk_dir, 0755), 0);
	ck_assert_int_eq(chmod(talk_path, 0666), 0);
	pid = fork();
	if (pid == 0) {
		char c;

		if (setuid(65534) != 0)
			_exit(1);
		b.fd = talk_connect(talk_path);
		if (b.fd < 0)
			_exit(2);
		(void)send(b.fd, "stop now\n", 9, MSG_NOSIGNAL);
		_exit(read(b.fd, &c, 1) <= 0 ? 0 : 3);
	}
	ck_assert_int_eq(waitpid(pid, &wstatus, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(wstatus), 0);
	talk_ask(&a, "json show stat", "{\"ok\":true");
	ck_assert_ptr_nonnull(strstr(a.answer, "\"stops\":0"));
	stop();
}
END_TEST

START_TEST(c3_the_mode_of_the_file)
{
	struct stat st;

	start("");
	ck_assert_int_eq(lstat(talk_path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	stop();
}
END_TEST

static rlim_t
lowest_free(pid_t pid)
{
	char name[64];
	rlim_t fd = 0;

	do
		(void)snprintf(name, sizeof(name), "/proc/%d/fd/%d", (int)pid,
		    (int)fd++);
	while (talk_exists(name));
	return fd - 1;
}

/* While nothing can be accepted, those who are there are served; then so is who
 * came meanwhile. */
START_TEST(c2_no_descriptor_for_one_more)
{
	struct rlimit before, few;

	start("-n 1");
	talk_ask(&a, "ready", "ready");
	ck_assert_int_eq(prlimit(s.pid, RLIMIT_NOFILE, NULL, &before), 0);
	few = before;
	few.rlim_cur = lowest_free(s.pid); /* poll(2) needs as many */
	ck_assert_int_eq(prlimit(s.pid, RLIMIT_NOFILE, &few, NULL), 0);
	talk_open(&b);
	talk_say(&b, "ready\n");
	talk_ask(&a, "ready", "ready");
	talk_ask(&a, "ready", "ready");
	ck_assert(!harness_readable(b.fd, 0));
	ck_assert_int_eq(prlimit(s.pid, RLIMIT_NOFILE, &before, NULL), 0);
	talk_expect(&b, "ready");
	talk_close(&b);
	stop();
}
END_TEST

/* The file */

START_TEST(c4_it_is_removed_at_the_end)
{
	start("-n 1");
	ck_assert(talk_exists(talk_path));
	subject_signal(&s, SIGTERM);
	subject_ends(&s, 0);
	ck_assert(!talk_exists(talk_path));
	talk_is_over(&a);
	talk_end();
}
END_TEST

START_TEST(c4_it_is_removed_when_it_is_freed)
{
	start("-n 1");
	subject_order(&s, "free");
	(void)subject_expect(&s, "obeyed free");
	ck_assert(!talk_exists(talk_path));
	talk_is_over(&a);
	subject_ends(&s, 0);
	talk_end();
}
END_TEST

START_TEST(c4_a_strangers_is_not_removed)
{
	int fd;

	start("-n 1");
	ck_assert_int_eq(unlink(talk_path), 0);
	fd = talk_listen(talk_path);
	talk_ask(&a, "stop now", "stopping\n");
	subject_ends(&s, 0);
	talk_is_over(&a);
	ck_assert(talk_exists(talk_path));
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(unlink(talk_path), 0);
	talk_end();
}
END_TEST

START_TEST(c4_what_is_no_socket_is_left_alone)
{
	struct stat st;
	FILE *file;

	talk_begin();
	file = fopen(talk_path, "w");
	ck_assert_int_ge(fputs("mine", file), 0);
	ck_assert_int_eq(fclose(file), 0);
	start_with("", "-n 1");
	ck_assert_int_eq(number_of(subject_expect(&s, "new "), "rc="),
	    -EADDRINUSE);
	subject_ends(&s, 92);
	ck_assert_int_eq(stat(talk_path, &st), 0);
	ck_assert_int_eq(st.st_size, 4);
	ck_assert_int_eq(unlink(talk_path), 0);
	talk_end();
}
END_TEST

START_TEST(c4_two_masters_at_one_path)
{
	struct subject first;
	char all[256];

	start("-n 1");
	first = s;
	start_with("", "-n 1");
	ck_assert_int_eq(number_of(subject_expect(&s, "new "), "rc="),
	    -EADDRINUSE);
	subject_ends(&s, 92);
	s = first;
	talk_ask(&a, "ready", "ready");
	talk_open(&b);
	talk_ask(&b, "show stat", "pid: ");
	(void)snprintf(all, sizeof(all), "pid: %d\n", (int)s.pid);
	ck_assert(strncmp(b.answer, all, strlen(all)) == 0);
	talk_close(&b);
	stop();
}
END_TEST

START_TEST(c4_a_master_that_crashed_left_it)
{
	start("-n 1");
	subject_signal(&s, SIGKILL);
	subject_ends(&s, 137);
	talk_is_over(&a);
	ck_assert(talk_exists(talk_path));
	start_with("", "-n 1");
	(void)subject_expect(&s, "READY");
	talk_open(&a);
	talk_ask(&a, "ready", "ready");
	stop();
}
END_TEST

START_TEST(c4_there_can_be_no_such_socket)
{
	static const struct {
		const char *path;
		int rc;
	} none[] = { { "/no/such/folder/s", -ENOENT },
		{ "/a/path/of/more/than/one/hundred/and/seven/bytes/"
		  "which/is/what/an/address/has/room/for/and/so/it/"
		  "can/be/none",
		    -ENAMETOOLONG },
		{ "/tmp", -EADDRINUSE } };
	char all[256];
	size_t i;

	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		(void)snprintf(all, sizeof(all), "-n 1 -C %s", none[i].path);
		subject_start(&s, "", all);
		ck_assert_int_eq(number_of(subject_expect(&s, "new "), "rc="),
		    none[i].rc);
		subject_ends(&s, 92);
	}
}
END_TEST

/* Who has what */

/* As without a control socket: m10 in test_asked.c. */
START_TEST(c6_m10_the_workers_have_none_of_it)
{
	const char *at;
	int i, spaces;

	start("-n 2");
	talk_open(&b);
	talk_ask(&b, "ready", "ready");
	for (i = 0; i < 3; i++) {
		json_t *json = talk_ask_json(&a, "show proc"), *worker;
		size_t j;

		json_array_foreach(json_object_get(json, "workers"), j, worker)
		{
			if (strcmp(string(worker, "rank"), "former") == 0)
				continue;
			talk_say(&a, "query %d fds\n",
			    (int)number(worker, "pid"));
			at = talk_answer(&a);
			ck_assert_msg(strncmp(at, "1 2 ", 4) == 0, "%s", at);
			for (spaces = 0; *at != '\0'; at++)
				spaces += *at == ' ';
			ck_assert_int_eq(spaces, 5);
		}
		json_decref(json);
		if (i == 0)
			talk_ask(&b, "workers 4", "resized\n");
		else
			talk_ask(&b, "reload", "reloaded: ");
	}
	talk_close(&b);
	stop();
}
END_TEST

/* As many descriptors as without a control socket. */
static int
count_of_program(void)
{
	const char *line;
	int fd, used, n = 0;

	do
		line = strstr(subject_expect(&s, "program "), " fds=");
	while (line == NULL);
	for (line += 5; sscanf(line, "%d %n", &fd, &used) == 1; line += used)
		n++;
	return n;
}

START_TEST(c6_a_program_that_is_executed_has_none_of_it)
{
	int without;

	subject_start(&s, "program", "-n 1 -f 8");
	without = count_of_program();
	subject_await(&s, "READY", 1);
	subject_stop(&s);
	talk_begin();
	start_with("program", "-n 1 -f 8");
	ck_assert_int_eq(count_of_program(), without);
	subject_await(&s, "READY", 1);
	talk_open(&a);
	talk_open(&b);
	talk_ask(&a, "ready", "ready");
	talk_ask(&b, "reload", "reloaded");
	ck_assert_int_eq(count_of_program(), without);
	talk_close(&b);
	stop();
}
END_TEST

HARNESS("control",
    {
	HARNESS_TEST(c1_the_list),
	HARNESS_TEST(c1_is_it_ready),
	HARNESS_TEST(c1_it_is_not_ready_while_it_starts),
	HARNESS_TEST(c1_who_is_there),
	HARNESS_TEST(c1_who_is_there_in_json),
	HARNESS_TEST(c1_numbers),
	HARNESS_TEST(c1_a_worker_is_asked),
	HARNESS_TEST(c1_a_worker_that_is_none_or_ends),
	HARNESS_TEST(c1_a_worker_that_has_enough_to_do),
	HARNESS_TEST(c1_more_workers_and_fewer),
	HARNESS_TEST(c1_a_roll_is_answered_when_it_is_over),
	HARNESS_TEST(c1_a_roll_meets_another),
	HARNESS_TEST(c1_what_is_no_order),
	HARNESS_TEST(c1_stopped_in_time),
	HARNESS_TEST(c1_what_is_asked_of_one_that_stops),
	HARNESS_TEST(c1_many_orders_in_one_piece),
	HARNESS_TEST(c1_a_line_byte_by_byte),
	HARNESS_TEST(c1_the_last_line_needs_no_end),
	HARNESS_TEST(s1_the_longest_line),
	HARNESS_TEST(s1_a_line_that_is_too_long),
	HARNESS_TEST(s1_bytes_that_are_no_text),
	HARNESS_TEST(c2_one_that_does_not_read),
	HARNESS_TEST(c2_one_that_does_not_read_and_goes),
	HARNESS_TEST(c2_no_more_connections_than_so_many),
	HARNESS_TEST(c2_no_descriptor_for_one_more),
	HARNESS_TEST(c3_another_user_is_hung_up),
	HARNESS_TEST(c3_the_mode_of_the_file),
	HARNESS_TEST(c4_it_is_removed_at_the_end),
	HARNESS_TEST(c4_it_is_removed_when_it_is_freed),
	HARNESS_TEST(c4_a_strangers_is_not_removed),
	HARNESS_TEST(c4_what_is_no_socket_is_left_alone),
	HARNESS_TEST(c4_two_masters_at_one_path),
	HARNESS_TEST(c4_a_master_that_crashed_left_it),
	HARNESS_TEST(c4_there_can_be_no_such_socket),
	HARNESS_TEST(c6_m10_the_workers_have_none_of_it),
	HARNESS_TEST(c6_a_program_that_is_executed_has_none_of_it),
    })
