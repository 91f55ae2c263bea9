/*
 * test_command.c - what a command is given, and how its end is ours
 */
#include <netinet/in.h>
#include <sys/stat.h>

#include "help.h"

static struct subject s;

/* Its environment and its descriptors */

static void
must_have(const char *line, const char *what)
{
	ck_assert_msg(strstr(line, what) != NULL, "no %s in %s", what, line);
}

START_TEST(it_has_its_slot_and_arguments_and_nothing_of_ours)
{
	const char *line;

	tool_start(&s, "", "");
	line = subject_expect(&s, "program ");
	must_have(line, "slot=0 gen=1 fds=- own=0 names=- notify=0 others=0 ");
	must_have(line, "argc=3 last=last");
	subject_await(&s, SAYS "ready: 1 worker of generation 1", 1);
	subject_stop(&s);
}
END_TEST

START_TEST(there_are_as_many_as_asked_for)
{
	tool_start(&s, "", "--workers=3");
	(void)tool_says(&s, "ready: 3 workers of generation 1");
	subject_await(&s, "serves ", 3);
	subject_stop(&s);
	tool_start(&s, "", "-n 2");
	(void)tool_says(&s, "ready: 2 workers of generation 1");
	subject_stop(&s);
}
END_TEST

START_TEST(sockets_have_names)
{
	char args[256], path[64];
	const char *line;

	name_a_file(path, sizeof(path), "socket");
	(void)snprintf(args, sizeof(args),
	    "-l 127.0.0.1:0,name=web -l unix:%s,name=admin,mode=0600 -l 0",
	    path);
	tool_start(&s, "", args);
	line = subject_expect(&s, "program ");
	must_have(line, "fds=3 own=1 names=web:admin:unknown ");
	subject_stop(&s);
}
END_TEST

/* Before us there were two, of a name that is none for a master. */
static void
pass_two(void)
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };
	char us[32];
	int fd, i;

	for (i = 0; i < 2; i++) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		(void)bind(fd, (struct sockaddr *)&any, sizeof(sa_family_t));
		(void)listen(fd, 1);
		(void)dup2(fd, 3 + i);
	}
	(void)snprintf(us, sizeof(us), "%d", (int)getpid());
	(void)setenv("LISTEN_PID", us, 1);
	(void)setenv("LISTEN_FDS", "2", 1);
	(void)setenv("LISTEN_FDNAMES", "my socket@1:", 1);
}

START_TEST(what_we_were_passed_is_passed_on)
{
	const char *wanted = "fds=3 own=1 names=my socket@1:unknown:own "
			     "notify=0 others=0 ";

	tool_prepare = pass_two;
	tool_start(&s, "", "-l 127.0.0.1:0,name=own");
	tool_prepare = NULL;
	must_have(subject_expect(&s, "program "), wanted);
	(void)subject_expect(&s, "serves ");
	subject_await(&s, SAYS "ready", 1);
	subject_signal(&s, SIGUSR2);
	must_have(subject_expect(&s, "program "), wanted);
	subject_await(&s, "done ", 1);
	subject_stop(&s);
}
END_TEST

static void
pass_to_another(void)
{
	pass_two();
	(void)setenv("LISTEN_PID", "1", 1);
}

START_TEST(what_was_passed_to_another_is_not)
{
	tool_prepare = pass_to_another;
	tool_start(&s, "", "");
	tool_prepare = NULL;
	must_have(subject_expect(&s, "program "), "fds=- own=0 names=- ");
	subject_stop(&s);
}
END_TEST

START_TEST(the_file_of_a_unix_socket)
{
	struct stat st;
	char args[128], path[64];

	name_a_file(path, sizeof(path), "socket");
	(void)snprintf(args, sizeof(args), "-l unix:%s,mode=0620", path);
	tool_start(&s, "", args);
	(void)subject_expect(&s, "serves ");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq((int)(st.st_mode & 07777), 0620);
	ck_assert_int_eq(ask(connect_unix(path)), 1);
	subject_stop(&s);
	ck_assert_int_eq(stat(path, &st), -1);
}
END_TEST

static void
leave_socket(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)strcpy(at.sun_path, path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(close(fd), 0);
}

/* One that was left is replaced; one that is served is not. */
START_TEST(a_unix_socket_that_is_there)
{
	struct subject other;
	char args[128], path[64];

	name_a_file(path, sizeof(path), "socket");
	leave_socket(path);
	(void)snprintf(args, sizeof(args), "-l unix:%s", path);
	tool_start(&s, "", args);
	(void)subject_expect(&s, "serves ");
	tool_start(&other, "", args);
	(void)tool_says(&other, "cannot listen at unix:");
	subject_ends(&other, 1);
	ck_assert_int_eq(ask(connect_unix(path)), 1);
	subject_stop(&s);
}
END_TEST

/* It is no socket, so it is nobody's to take away. */
START_TEST(another_file_that_is_there)
{
	struct stat st;
	char args[128], path[64];

	(void)snprintf(path, sizeof(path), "/tmp/sigchld-file-XXXXXX");
	ck_assert_int_eq(close(mkstemp(path)), 0);
	(void)snprintf(args, sizeof(args), "-l unix:%s", path);
	tool_start(&s, "", args);
	(void)tool_says(&s, "cannot listen at unix:");
	subject_ends(&s, 1);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* Its end */

START_TEST(the_exit_status_is_that_of_who_failed_first)
{
	tool_start(&s, "die", "-n 1");
	(void)tool_says(&s, "worker 0 (pid ");
	subject_ends(&s, 7);
}
END_TEST

START_TEST(it_is_not_there_or_no_program)
{
	char file[64], text[96];

	tool_run(&s, "", "/no/such/program");
	(void)tool_says(&s, "cannot execute /no/such/program: No such file");
	(void)tool_says(&s, "the start failed: exit status 127");
	subject_ends(&s, 127);
	tool_run(&s, "-n 2", "nowhere-in-the-path");
	subject_ends(&s, 127);
	(void)snprintf(file, sizeof(file), "/tmp/sigchld-file-XXXXXX");
	ck_assert_int_eq(close(mkstemp(file)), 0);
	(void)snprintf(text, sizeof(text), "cannot execute %s", file);
	tool_run(&s, "", file);
	(void)tool_says(&s, text);
	subject_ends(&s, 126);
	ck_assert_int_eq(unlink(file), 0);
}
END_TEST

START_TEST(a_signal_ends_it)
{
	tool_start(&s, "", "-n 2");
	ck_assert_int_eq(kill(number_of(subject_expect(&s, "serves "), "pid="),
			     SIGKILL),
	    0);
	(void)tool_says(&s, "worker ");
	subject_ends(&s, 128 + SIGKILL);
}
END_TEST

/* One that goes by itself, and well, leaves its slot empty. */
START_TEST(all_have_gone)
{
	unsigned int i, n = 0;

	tool_start(&s, "", "-n 2");
	subject_await(&s, "serves ", 2);
	subject_await(&s, SAYS "ready: ", 1);
	for (i = 0; i < s.n_lines; i++) {
		if (strncmp(s.lines[i], "serves ", 7) != 0)
			continue;
		ck_assert_int_eq(kill(number_of(s.lines[i], "pid="), SIGTERM),
		    0);
		subject_await(&s, "done ", ++n);
	}
	subject_ends(&s, 0);
}
END_TEST

/* All of them go with their master, whatever becomes of that. */
START_TEST(a_master_that_is_killed_takes_them_along)
{
	tool_start(&s, "stubborn", "-n 3");
	subject_await(&s, "serves ", 3);
	subject_signal(&s, SIGKILL);
	subject_ends(&s, 128 + SIGKILL); /* all that could write have ended */
	ck_assert_uint_eq(subject_count(&s, "done "), 0);
}
END_TEST

HARNESS("command",
    {
	HARNESS_TEST(it_has_its_slot_and_arguments_and_nothing_of_ours),
	HARNESS_TEST(there_are_as_many_as_asked_for),
	HARNESS_TEST(sockets_have_names),
	HARNESS_TEST(what_we_were_passed_is_passed_on),
	HARNESS_TEST(what_was_passed_to_another_is_not),
	HARNESS_TEST(the_file_of_a_unix_socket),
	HARNESS_TEST(a_unix_socket_that_is_there),
	HARNESS_TEST(another_file_that_is_there),
	HARNESS_TEST(the_exit_status_is_that_of_who_failed_first),
	HARNESS_TEST(it_is_not_there_or_no_program),
	HARNESS_TEST(a_signal_ends_it),
	HARNESS_TEST(all_have_gone),
	HARNESS_TEST(a_master_that_is_killed_takes_them_along),
    })
