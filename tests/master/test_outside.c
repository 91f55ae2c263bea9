/*
 * test_outside.c - M27, R35, R36, R39: what surrounds a master: the service manager,
 * socket activation, a file with its pid, a launcher
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "help.h"

static struct subject s;

/* The service manager */

static int manager = -1;
static char place[64];

static void
open_manager(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	(void)snprintf(place, sizeof(place), "/tmp/sigchld-notify-XXXXXX");
	ck_assert_int_eq(close(mkstemp(place)), 0);
	ck_assert_int_eq(unlink(place), 0);
	(void)strcpy(address.sun_path, place);
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(manager, (struct sockaddr *)&address,
			     sizeof(address)),
	    0);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", place, 1), 0);
}

static void
close_manager(void)
{
	ck_assert_int_eq(close(manager), 0);
	ck_assert_int_eq(unlink(place), 0);
	ck_assert_int_eq(unsetenv("NOTIFY_SOCKET"), 0);
}

/* The next message has all of these. */
static void
must_hear(const char *one, const char *other)
{
	struct pollfd pfd = { .fd = manager, .events = POLLIN };
	char text[1024];
	ssize_t n;

	ck_assert_int_eq(poll(&pfd, 1, (int)harness_patience_ms()), 1);
	n = recv(manager, text, sizeof(text) - 1, 0);
	ck_assert_int_gt((int)n, 0);
	text[n] = '\0';
	ck_assert_msg(strstr(text, one) != NULL, "no %s in %s", one, text);
	ck_assert_msg(strstr(text, other) != NULL, "no %s in %s", other, text);
}

static void
must_hear_ready(void)
{
	char us[32];

	(void)snprintf(us, sizeof(us), "MAINPID=%d\n", (int)s.pid);
	must_hear("READY=1\n", us);
}

START_TEST(m27_r35_a_manager_is_told)
{
	open_manager();
	subject_start(&s, "", "-n 2 -f 8");
	must_hear_ready();
	ck_assert_int_eq(subject_obey(&s, "role"), 1);
	ck_assert_uint_eq(subject_count(&s, "WORKER_READY"), 2);
	subject_signal(&s, SIGUSR2);
	must_hear("RELOADING=1\n", "MONOTONIC_USEC=");
	must_hear_ready();
	subject_words(&s, "die");
	subject_signal(&s, SIGUSR2);
	must_hear("RELOADING=1\n", "MONOTONIC_USEC=");
	must_hear("READY=1\n", "STATUS=Reload failed");
	subject_signal(&s, SIGTERM);
	must_hear("STOPPING=1\n", "STATUS=");
	subject_ends(&s, 0);
	close_manager();
}
END_TEST

/* Not even the execve. */
START_TEST(m27_a_manager_is_told_of_a_program_that_is_gone)
{
	char program[64], command[512];

	(void)snprintf(program, sizeof(program), "/tmp/sigchld-gone-XXXXXX");
	ck_assert_int_eq(close(mkstemp(program)), 0);
	(void)snprintf(command, sizeof(command), "cp '%s' %s && chmod 755 %s",
	    MASTER_SUBJECT, program, program);
	ck_assert_int_eq(system(command), 0);
	open_manager();
	subject_file = program;
	subject_start(&s, "", "-n 1 -f 8");
	must_hear_ready();
	ck_assert_int_eq(unlink(program), 0);
	subject_signal(&s, SIGUSR2);
	must_hear("RELOADING=1\n", "MONOTONIC_USEC=");
	must_hear("READY=1\n", "STATUS=Reload failed");
	subject_file = NULL;
	subject_stop(&s);
	close_manager();
}
END_TEST

START_TEST(m27_a_first_start_that_fails_is_not_ready)
{
	open_manager();
	subject_start(&s, "die", "-n 1 -f 8");
	must_hear("STOPPING=1\n", "STATUS=");
	subject_ends(&s, 7);
	close_manager();
}
END_TEST

/* However often, and by whatever it is asked for. */
START_TEST(m27_a_stop_is_told_once)
{
	char text[256] = "";

	open_manager();
	subject_start(&s, "stubborn", "-n 1 -f 8");
	must_hear_ready();
	subject_signal(&s, SIGUSR1);
	must_hear("STOPPING=1\n", "STATUS=");
	subject_signal(&s, SIGTERM);
	subject_ends(&s, 0);
	while (recv(manager, text, sizeof(text) - 1, MSG_DONTWAIT) > 0)
		ck_assert_msg(strstr(text, "STOPPING") == NULL, "%s", text);
	close_manager();
}
END_TEST

/* It is full at first, and nothing waits for it. */
START_TEST(m27_a_manager_that_is_behind_is_told_later)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, n = 0;
	char byte;

	open_manager();
	(void)strcpy(address.sun_path, place);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	while (sendto(fd, "x", 1, 0, (struct sockaddr *)&address,
		   sizeof(address)) == 1)
		n++;
	subject_start(&s, "", "-n 1 -f 8");
	(void)subject_expect(&s, "READY");
	ck_assert_int_eq(subject_obey(&s, "role"), 1);
	for (; n > 0; n--)
		ck_assert_int_eq((int)recv(manager, &byte, 1, 0), 1);
	must_hear_ready();
	subject_stop(&s);
	ck_assert_int_eq(close(fd), 0);
	close_manager();
}
END_TEST

START_TEST(m10_a_worker_has_not_the_managers_socket)
{
	open_manager();
	subject_start(&s, "", "-n 1");
	(void)subject_expect(&s, "READY");
	subject_order(&s, "crew");
	subject_order(&s, "query %d env",
	    number_of(subject_expect(&s, "crew "), "pid="));
	ck_assert(strstr(subject_expect(&s, "answer "), "text=0 of ") != NULL);
	subject_stop(&s);
	close_manager();
}
END_TEST

/* Socket activation. The variables are the child's own, whose pid they have. */

static void
pass_listeners(void)
{
	char us[32];
	int fd, i;

	for (i = 0; i < 2; i++) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		(void)dup2(fd, 3 + i);
	}
	(void)snprintf(us, sizeof(us), "%d", (int)getpid());
	(void)setenv("LISTEN_PID", us, 1);
	(void)setenv("LISTEN_FDS", "2", 1);
	(void)setenv("LISTEN_FDNAMES", "http:http", 1);
}

static void
pass_with_strange_names(void)
{
	pass_listeners();
	(void)setenv("LISTEN_FDNAMES", "web@1.socket:http", 1);
}

START_TEST(r29_a_name_that_there_cannot_be_here)
{
	subject_prepare = pass_with_strange_names;
	subject_start(&s, "nameless", "-n 1");
	subject_prepare = NULL;
	ck_assert_int_eq(number_of(subject_expect(&s, "http "), "fd="), 4);
	ck_assert_int_eq(number_of(subject_expect(&s, "nameless "), "fd="), 3);
	subject_await(&s, "READY", 1);
	subject_stop(&s);
}
END_TEST

START_TEST(r29_what_was_passed_is_kept_by_its_name)
{
	const char *line;
	int i;

	subject_prepare = pass_listeners;
	subject_start(&s, "", "-n 1");
	for (i = 0; i < 3; i++) {
		line = subject_expect(&s, "http ");
		ck_assert_int_eq(number_of(line, "fd="), 3);
		ck_assert_int_eq(number_of(line, "other fd="), 4);
		(void)subject_expect(&s, i == 0 ? "READY" : "RELOADED");
		subject_signal(&s, SIGUSR2);
	}
	(void)subject_expect(&s, "RELOADED");
	subject_order(&s, "crew");
	while (number_of(subject_expect(&s, "crew "), "current=") != 1)
		;
	subject_order(&s, "query %d env",
	    number_of(s.lines[s.next - 1], "pid="));
	ck_assert(strstr(subject_expect(&s, "answer "), "text=0 of ") != NULL);
	subject_stop(&s);
	subject_prepare = NULL;
}
END_TEST

/* The file */

static char file[64];

static void
name_file(void)
{
	(void)snprintf(file, sizeof(file), "/tmp/sigchld-pid-XXXXXX");
	ck_assert_int_eq(close(mkstemp(file)), 0);
	ck_assert_int_eq(unlink(file), 0);
}

/* The first number in it, and how many there are; 0: there is none. */
static int
read_file(int *ret_n)
{
	FILE *f = fopen(file, "r");
	int first = 0, pid;

	*ret_n = 0;
	while (f != NULL && fscanf(f, "%d", &pid) == 1) {
		if ((*ret_n)++ == 0)
			first = pid;
	}
	if (f != NULL)
		(void)fclose(f);
	return first;
}

static ino_t
inode(void)
{
	struct stat st;

	ck_assert_int_eq(stat(file, &st), 0);
	return st.st_ino;
}

START_TEST(r36_the_file_is_written_once)
{
	char args[128];
	ino_t before;
	int n;

	name_file();
	(void)snprintf(args, sizeof(args), "-n 2 -f 8 -P %s", file);
	subject_start(&s, "", args);
	(void)subject_expect(&s, "READY");
	(void)subject_obey(&s, "role");
	ck_assert_int_eq(read_file(&n), s.pid);
	ck_assert_int_eq(n, 1);
	before = inode();
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADED");
	subject_words(&s, "die");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOAD_FAILED");
	(void)subject_obey(&s, "role");
	ck_assert_uint_eq(inode(), before);
	subject_stop(&s);
	ck_assert_int_eq(read_file(&n), 0);
}
END_TEST

START_TEST(r36_there_is_no_file_of_who_was_never_ready)
{
	char args[128];
	int n;

	name_file();
	(void)snprintf(args, sizeof(args), "-n 2 -f 8 -P %s", file);
	subject_start(&s, "die", args);
	subject_ends(&s, 7);
	ck_assert_int_eq(read_file(&n), 0);
}
END_TEST

static void
await_in_file(int wanted)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	int n;

	do {
		(void)subject_obey(&s, "role");
		ck_assert_int_eq(read_file(&n), s.pid);
		ck_assert_int_lt(harness_now_ms(), deadline);
	} while (n != wanted);
}

/* The workers stand there in some order. */
static void
await_worker_in_file(int wanted)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	int pid = 0;
	FILE *f;

	while (pid != wanted) {
		ck_assert_int_lt(harness_now_ms(), deadline);
		(void)subject_obey(&s, "role");
		f = fopen(file, "r");
		ck_assert_ptr_nonnull(f);
		while (pid != wanted && fscanf(f, "%d", &pid) == 1)
			;
		(void)fclose(f);
	}
}

START_TEST(r36_the_file_may_have_the_workers)
{
	char args[128];

	name_file();
	(void)snprintf(args, sizeof(args), "-n 2 -f 72 -P %s", file);
	subject_start(&s, "", args);
	(void)subject_expect(&s, "READY");
	await_in_file(3);
	subject_signal(&s, SIGTTIN);
	await_in_file(4);
	subject_signal(&s, SIGUSR2);
	await_worker_in_file(number_of(subject_expect(&s, "work slot=0 gen=2"),
	    "pid="));
	subject_stop(&s);
}
END_TEST

/* The guard has it from the program before. */
START_TEST(r36_m25_the_file_goes_with_the_guard)
{
	char args[128];
	int n;

	name_file();
	(void)snprintf(args, sizeof(args), "-n 1 -f 8 -P %s", file);
	subject_start(&s, "", args);
	(void)subject_expect(&s, "READY");
	(void)subject_obey(&s, "role");
	ck_assert_int_eq(read_file(&n), s.pid);
	subject_words(&s, "refuse");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOADING");
	(void)subject_expect(&s, "main ");
	ck_assert_int_eq(read_file(&n), s.pid);
	subject_stop(&s);
	ck_assert_int_eq(read_file(&n), 0);
}
END_TEST

/* The launcher */

static void
await_end(void)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();

	while (subject_read(&s, deadline, "its end"))
		;
	ck_assert_int_eq(close(s.in), 0);
	ck_assert_int_eq(close(s.out), 0);
	ck_assert_int_eq(unlink(s.words), 0);
	subject_free(&s);
}

START_TEST(r15_r36_a_launcher_ends_when_it_is_ready)
{
	int wstatus, launcher;

	subject_start(&s, "", "-n 2 -f 8 -D");
	launcher = s.pid;
	ck_assert_int_eq(waitpid(launcher, &wstatus, 0), launcher);
	ck_assert_int_eq(wstatus, 0);
	s.pid = number_of(subject_expect(&s, "main "), "pid=");
	ck_assert_int_ne(s.pid, launcher);
	(void)subject_expect(&s, "READY");
	ck_assert_int_eq(getsid(s.pid), s.pid);
	subject_signal(&s, SIGUSR2);
	ck_assert_int_eq(number_of(subject_expect(&s, "main "), "pid="), s.pid);
	(void)subject_expect(&s, "RELOADED");
	subject_signal(&s, SIGTERM);
	(void)subject_expect(&s, "result 0");
	await_end();
}
END_TEST

/* They were passed to the launcher, which is gone. */
START_TEST(r29_r36_a_daemon_has_what_was_passed)
{
	const char *line;
	int wstatus;

	subject_prepare = pass_listeners;
	subject_start(&s, "", "-n 1 -D");
	subject_prepare = NULL;
	ck_assert_int_eq(waitpid(s.pid, &wstatus, 0), s.pid);
	ck_assert_int_eq(wstatus, 0);
	s.pid = number_of(subject_expect(&s, "main "), "pid=");
	line = subject_expect(&s, "http ");
	ck_assert_int_eq(number_of(line, "fd="), 3);
	ck_assert_int_eq(number_of(line, "other fd="), 4);
	(void)subject_expect(&s, "READY");
	subject_signal(&s, SIGTERM);
	(void)subject_expect(&s, "result 0");
	await_end();
}
END_TEST

START_TEST(r36_a_launcher_ends_with_what_failed)
{
	subject_start(&s, "die", "-n 2 -f 8 -D");
	subject_ends(&s, 7);
}
END_TEST

/* It was told to stop before it was ready, and all went as they were told. */
START_TEST(r36_a_launcher_ends_with_who_is_stopped_before)
{
	int wstatus, launcher, master;

	subject_start(&s, "hang", "-n 2 -f 8 -D");
	launcher = s.pid;
	master = number_of(subject_expect(&s, "main "), "pid=");
	subject_expect_n(&s, "work ", 2);
	ck_assert_int_eq(kill(master, SIGTERM), 0);
	ck_assert_int_eq(waitpid(launcher, &wstatus, 0), launcher);
	ck_assert_int_eq(wstatus, 255 << 8);
	(void)subject_expect(&s, "result 0");
	ck_assert_int_eq(close(s.in), 0);
	ck_assert_int_eq(close(s.out), 0);
	ck_assert_int_eq(unlink(s.words), 0);
	subject_free(&s);
}
END_TEST

START_TEST(r36_a_launcher_ends_with_who_exits_before)
{
	subject_start(&s, "refuse", "-n 2 -f 8 -D");
	subject_ends(&s, 3);
}
END_TEST

HARNESS("outside",
    {
	HARNESS_TEST(m27_r35_a_manager_is_told),
	HARNESS_TEST(m27_a_manager_is_told_of_a_program_that_is_gone),
	HARNESS_TEST(m27_a_first_start_that_fails_is_not_ready),
	HARNESS_TEST(m27_a_stop_is_told_once),
	HARNESS_TEST(m27_a_manager_that_is_behind_is_told_later),
	HARNESS_TEST(m10_a_worker_has_not_the_managers_socket),
	HARNESS_TEST(r29_a_name_that_there_cannot_be_here),
	HARNESS_TEST(r29_what_was_passed_is_kept_by_its_name),
	HARNESS_TEST(r29_r36_a_daemon_has_what_was_passed),
	HARNESS_TEST(r36_m25_the_file_goes_with_the_guard),
	HARNESS_TEST(r36_the_file_is_written_once),
	HARNESS_TEST(r36_there_is_no_file_of_who_was_never_ready),
	HARNESS_TEST(r36_the_file_may_have_the_workers),
	HARNESS_TEST(r15_r36_a_launcher_ends_when_it_is_ready),
	HARNESS_TEST(r36_a_launcher_ends_with_what_failed),
	HARNESS_TEST(r36_a_launcher_ends_with_who_is_stopped_before),
	HARNESS_TEST(r36_a_launcher_ends_with_who_exits_before),
    })
