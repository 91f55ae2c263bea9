/*
 * test_options.c - what each option does
 *
 * Those of sockets and of the exit status are in test_command.c, those of
 * readiness and of HUP in test_reload.c.
 */
#include "help.h"

static struct subject s;

/* The command line itself */

START_TEST(what_is_no_option_or_no_value)
{
	static const char *const wrong[] = { "--no-such-option", "-x",
		"--workers=0", "--workers=10001", "--workers=x", "-n", "-n 2x",
		"--listen=", "--listen=70000", "--listen=a:b:80",
		"--listen=[::1:80", "--listen=80,mode=0600", "--listen=80,no=1",
		"--listen=80,name=a:b", "--listen=80,backlog=0",
		"--listen=unix:", "--listen=unix:/x,mode=9", "--ready=never",
		"--ready=0", "--ready-timeout=1x", "--drain-timeout=-1",
		"--stop-timeout=", "--stop-timeout=99999h",
		"--finish-signal=NONE", "--finish-signal=0",
		"--stop-signal=RTMIN+99", "--hup=x", "--give-up=-1",
		"--max-reloads=x", "--forward=TERM", "--forward=QUIT,KILL",
		"--forward=" };
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		tool_run(&s, wrong[i], "true");
		subject_ends(&s, 64);
	}
	tool_run(&s, "-n 2", NULL);
	(void)tool_says(&s, "there is no command");
	subject_ends(&s, 64);
}
END_TEST

START_TEST(times_and_signals_in_all_forms)
{
	tool_run(&s,
	    "--drain-timeout=10 --stop-timeout=10s --again-timeout=500ms "
	    "--backoff=none --backoff-max=2m --stable=1h --ready-timeout=0 "
	    "--give-up=none --max-reloads=0 --finish-signal=SIGQUIT "
	    "--stop-signal=15 --forward=RTMIN,RTMIN+1,RTMAX-1,RTMAX,30",
	    "true --no-option-of-ours");
	(void)subject_wait(&s); /* it may be ready before it ends, or not */
	ck_assert_uint_eq(tool_said(&s, "--"), 0);
	ck_assert_uint_eq(subject_count(&s, "Try"), 0);
	subject_free(&s);
}
END_TEST

START_TEST(the_version)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "sigchld-master %d.%d.%d",
	    SIGCHLD_VERSION_MAJOR, SIGCHLD_VERSION_MINOR,
	    SIGCHLD_VERSION_PATCH);
	tool_run(&s, "--version", NULL);
	ck_assert_str_eq(subject_expect(&s, text), "");
	subject_ends(&s, 0);
	tool_run(&s, "-V", NULL);
	(void)subject_expect(&s, text);
	subject_ends(&s, 0);
}
END_TEST

static char *
read_page(void)
{
	FILE *file = fopen(SIGCHLD_MASTER_PAGE, "r");
	char *text = calloc(1, 100000);

	ck_assert_ptr_nonnull(file);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_gt((int)fread(text, 1, 99999, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	return text;
}

/* "-pid-file=PATH  text" is "-pid-file" in the page. */
static void
must_be_in_page(const char *page, const char *option)
{
	char wanted[64];
	size_t n = strcspn(option, "= ,[");

	(void)snprintf(wanted, sizeof(wanted), "Fl %.*s", (int)n, option);
	ck_assert_msg(strstr(page, wanted) != NULL, "no %s in the page",
	    wanted);
}

START_TEST(each_option_is_in_the_page)
{
	char *page = read_page();
	unsigned int i, n = 0;
	const char *at;

	tool_run(&s, "--help", NULL);
	ck_assert_int_eq(subject_wait(&s), 0);
	for (i = 0; i < s.n_lines; i++) {
		at = strstr(s.lines[i], " --");
		if (strspn(s.lines[i], " ") > 6 || at == NULL ||
		    strncmp(s.lines[i], "  ", 2) != 0)
			continue;
		must_be_in_page(page, at + 2);
		n++;
	}
	ck_assert_uint_gt(n, 20);
	subject_free(&s);
	free(page);
}
END_TEST

/* Messages */

static void
read_file(const char *name, char *text, size_t size)
{
	FILE *file = fopen(name, "r");
	size_t n = 0;

	if (file != NULL)
		n = fread(text, 1, size - 1, file);
	text[n] = '\0';
	if (file != NULL)
		(void)fclose(file);
}

START_TEST(a_name)
{
	char file[64], text[64];

	tool_start(&s, "", "--name=front");
	(void)subject_expect(&s, "front: ready: 1 worker");
	(void)snprintf(file, sizeof(file), "/proc/%d/comm", (int)s.pid);
	read_file(file, text, sizeof(text));
	ck_assert_str_eq(text, "front\n");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "front: reloaded: ");
	read_file(file, text, sizeof(text));
	ck_assert_str_eq(text, "front\n");
	subject_stop(&s);
}
END_TEST

START_TEST(more_and_less_is_said)
{
	tool_start(&s, "", "-v");
	subject_await(&s, SAYS "worker 0 (pid ", 2); /* begins, is ready */
	subject_await(&s, SAYS "ready", 1);
	subject_stop(&s);
	tool_start(&s, "", "-q -l 127.0.0.1:0");
	(void)subject_expect(&s, "serves ");
	subject_signal(&s, SIGTERM);
	ck_assert_int_eq(subject_wait(&s), 0);
	ck_assert_uint_eq(tool_said(&s, ""), 0);
	subject_free(&s);
	tool_run(&s, "--quiet", "/no/such/program");
	(void)tool_says(&s, "cannot execute");
	(void)tool_says(&s, "the start failed");
	subject_ends(&s, 127);
}
END_TEST

/* Nobody reads what it says, which is no reason to end. */
START_TEST(a_reader_who_has_left)
{
	tool_run(&s, "-v", "sleep 3600"); /* a command that writes nothing */
	(void)tool_says(&s, "ready");
	ck_assert_int_eq(close(s.out), 0);
	subject_signal(&s, SIGTTIN); /* which it tells of */
	await_children(s.pid, 2);
	subject_signal(&s, SIGTERM);
	ck_assert_int_eq(waitpid(s.pid, NULL, 0), s.pid);
	ck_assert_int_eq(close(s.in), 0);
	ck_assert_int_eq(unlink(s.words), 0);
	subject_free(&s);
}
END_TEST

/* Files */

START_TEST(a_file_with_the_pid)
{
	char file[64], args[128], text[64], us[32];

	name_a_file(file, sizeof(file), "pid");
	(void)snprintf(args, sizeof(args), "-p %s --ready=notify", file);
	tool_start(&s, "notify", args);
	(void)tool_says(&s, "ready");
	subject_signal(&s, SIGUSR2);
	(void)tool_says(&s, "reloaded");
	read_file(file, text, sizeof(text));
	(void)snprintf(us, sizeof(us), "%d\n", (int)s.pid);
	ck_assert_str_eq(text, us);
	subject_stop(&s);
	ck_assert_int_eq(access(file, F_OK), -1);
}
END_TEST

START_TEST(a_file_with_the_workers)
{
	char file[64], args[128], text[64], both[64];
	int64_t deadline = harness_now_ms() + harness_patience_ms();

	name_a_file(file, sizeof(file), "pid");
	(void)snprintf(args, sizeof(args), "--pid-file=%s --pid-workers", file);
	tool_start(&s, "", args);
	(void)snprintf(both, sizeof(both), "%d\n%d\n", (int)s.pid,
	    number_of(subject_expect(&s, "serves "), "pid="));
	do {
		read_file(file, text, sizeof(text));
		ck_assert_int_lt(harness_now_ms(), deadline);
	} while (strcmp(text, both) != 0);
	subject_stop(&s);
}
END_TEST

/* How a worker goes */

/* One of the first generation, when another has taken over. That is ready as soon
 * as it is executed; but it hears signals as it means to when it serves. */
static void
start_and_reload(const char *words, const char *args)
{
	tool_start(&s, words, args);
	(void)subject_expect(&s, "serves ");
	subject_await(&s, SAYS "ready", 1);
	subject_signal(&s, SIGUSR2);
	subject_await(&s, SAYS "reloaded", 1);
	subject_await(&s, "serves ", 2);
}

START_TEST(who_takes_too_long_to_finish)
{
	start_and_reload("stubborn",
	    "-v --drain-timeout=20ms --stop-signal=KILL --stop-timeout=20ms");
	ck_assert_ptr_nonnull(strstr(tool_says(&s, "former worker 0 "),
	    "signal 9 "));
	subject_signal(&s, SIGTERM);
	subject_ends(&s, 128 + SIGKILL);
}
END_TEST

START_TEST(who_is_told_to_finish_by_another_signal)
{
	start_and_reload("usr1", "-v --finish-signal=USR1");
	subject_await(&s, "done ", 1);
	ck_assert_ptr_nonnull(strstr(tool_says(&s, "former worker 0 "),
	    "exit status 0"));
	subject_signal(&s, SIGUSR1);
	subject_await(&s, "done ", 2);
	subject_ends(&s, 0);
}
END_TEST

START_TEST(who_takes_too_long_to_stop)
{
	tool_start(&s, "stubborn", "--stop-timeout=20ms");
	(void)subject_expect(&s, "serves ");
	subject_signal(&s, SIGTERM);
	subject_ends(&s, 128 + SIGKILL);
}
END_TEST

START_TEST(who_is_stopped_twice)
{
	tool_start(&s, "stubborn", "--stop-timeout=none --again-timeout=20ms");
	(void)subject_expect(&s, "serves ");
	subject_signal(&s, SIGTERM);
	(void)tool_says(&s, "stopping");
	subject_signal(&s, SIGTERM);
	subject_ends(&s, 128 + SIGKILL);
}
END_TEST

START_TEST(who_has_lived_through_too_many_reloads)
{
	start_and_reload("stubborn",
	    "-v --max-reloads=1 --stop-signal=KILL --stop-timeout=20ms");
	ck_assert_uint_eq(tool_said(&s, "former worker "), 0);
	subject_signal(&s, SIGUSR2);
	subject_await(&s, SAYS "reloaded", 2);
	(void)tool_says(&s, "former worker 0 ");
	subject_await(&s, "serves ", 3);
	subject_signal(&s, SIGTERM);
	subject_ends(&s, 128 + SIGKILL);
}
END_TEST

START_TEST(who_may_outlive_its_master)
{
	char path[64], args[128];
	int pid;

	name_a_file(path, sizeof(path), "socket");
	(void)snprintf(args, sizeof(args), "--outlive -l unix:%s", path);
	tool_start(&s, "", args);
	pid = number_of(subject_expect(&s, "serves "), "pid=");
	ck_assert_int_eq(kill(s.pid, SIGKILL), 0);
	harness_await_zombie(s.pid);
	ck_assert_int_eq(ask(connect_unix(path)), 1);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	subject_await(&s, "done ", 1);
	subject_ends(&s, 128 + SIGKILL);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* Successors */

static void
kill_next(unsigned int n)
{
	int pid = number_of(subject_expect(&s, "serves "), "pid=");

	subject_await(&s, SAYS "ready",
	    1); /* else it is the start that fails */
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	subject_await(&s, SAYS "worker ", n);
}

START_TEST(a_successor)
{
	tool_start(&s, "", "--respawn --backoff=none");
	kill_next(1);
	kill_next(2);
	subject_await(&s, "serves ", 3);
	ck_assert_uint_eq(subject_count(&s, "program "), 3);
	subject_stop(&s);
}
END_TEST

START_TEST(it_gives_up)
{
	tool_start(&s, "die", "--respawn --ready=1h --backoff=1ms --give-up=3");
	subject_await(&s, "program ", 3);
	subject_ends(&s, 7);
}
END_TEST

START_TEST(a_stable_life_forgives)
{
	unsigned int i;

	tool_start(&s, "", "--respawn --backoff=1ms --give-up=2 --stable=1ms");
	for (i = 1; i <= 4; i++)
		kill_next(i);
	subject_await(&s, "serves ", 5);
	subject_stop(&s);
	tool_start(&s, "", "--respawn --backoff=1ms --give-up=2 --stable=none");
	kill_next(1);
	kill_next(2);
	subject_ends(&s, 128 + SIGKILL);
}
END_TEST

/* While one waits for an hour another is begun, and that is the second failure. */
START_TEST(it_waits_before_the_next)
{
	tool_start(&s, "die",
	    "-v --respawn --ready=1h --backoff=1h --give-up=2");
	subject_await(&s, SAYS "worker 0 ", 2); /* began, and left */
	subject_signal(&s, SIGTTIN);
	subject_await(&s, SAYS "worker 1 ", 2);
	ck_assert_int_eq(subject_wait(&s), 7);
	ck_assert_uint_eq(tool_said(&s, "worker 0 "), 2);
	subject_free(&s);
	tool_start(&s, "die",
	    "--respawn --ready=1h --backoff=1h --backoff-max=1ms --give-up=2");
	subject_await(&s, "program ", 2);
	subject_ends(&s, 7);
}
END_TEST

/* The master */

START_TEST(one_more_and_one_less)
{
	tool_start(&s, "", "");
	(void)subject_expect(&s, "serves ");
	subject_await(&s, SAYS "ready", 1);
	subject_signal(&s, SIGTTIN);
	(void)subject_expect(&s, "serves ");
	ck_assert_int_eq(count_children(s.pid), 2);
	subject_signal(&s, SIGTTOU);
	subject_await(&s, "done ", 1);
	subject_signal(&s, SIGINT);
	subject_ends(&s, 0);
}
END_TEST

static void
pass(int sig, const char *line)
{
	subject_signal(&s, sig);
	(void)subject_expect(&s, line);
}

START_TEST(signals_are_passed_on)
{
	tool_start(&s, "", "--forward=QUIT,SIGWINCH,14");
	(void)subject_expect(&s, "serves ");
	subject_await(&s, SAYS "ready", 1);
	pass(SIGQUIT, "signal 03");
	pass(SIGWINCH, "signal 28");
	pass(SIGALRM, "signal 14");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "serves ");
	subject_await(&s, SAYS "reloaded", 1);
	subject_await(&s, "done ", 1); /* the former one has none of it */
	pass(SIGQUIT, "signal 03");
	ck_assert_uint_eq(subject_count(&s, "signal "), 4);
	subject_stop(&s);
}
END_TEST

START_TEST(orphans_are_reaped)
{
	tool_start(&s, "orphan", "-v --subreaper");
	(void)tool_says(&s, "process ");
	subject_await(&s, "serves ", 1);
	subject_await(&s, SAYS "ready", 1);
	await_children(s.pid, 1);
	ck_assert_uint_eq(tool_said(&s, "worker "), 2); /* begins, is ready */
	subject_stop(&s);
}
END_TEST

/* In the background */

static int
pid_in(const char *file)
{
	char text[64];

	read_file(file, text, sizeof(text));
	return atoi(text);
}

/* It is no child of ours, and has no pipe to us. */
static void
end_daemon(int pid)
{
	struct pollfd pfd = { .events = POLLIN };

	ck_assert_int_gt(pid, 1);
	pfd.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	ck_assert_int_ge(pfd.fd, 0);
	ck_assert_int_eq(kill(pid, SIGTERM), 0);
	ck_assert_int_eq(poll(&pfd, 1, (int)harness_patience_ms()), 1);
	ck_assert_int_eq(close(pfd.fd), 0);
}

START_TEST(a_daemon)
{
	char file[64], args[128];

	name_a_file(file, sizeof(file), "pid");
	(void)snprintf(args, sizeof(args), "-D -p %s -l 127.0.0.1:0", file);
	tool_start(&s, "", args);
	(void)tool_says(&s, "listening: port "); /* it has our output so long */
	(void)tool_says(&s, "ready: 1 worker");
	subject_ends(&s, 0); /* the launcher; and nobody else has it now */
	ck_assert_int_eq(getsid(pid_in(file)), pid_in(file));
	ck_assert_int_eq(kill(pid_in(file), SIGUSR2), 0);
	end_daemon(pid_in(file));
	ck_assert_int_eq(access(file, F_OK), -1);
}
END_TEST

/* A socket by its path, which the launcher was passed. */
static char passed[64];

static void
pass_one(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char us[32];

	(void)strcpy(at.sun_path, passed);
	(void)bind(fd, (struct sockaddr *)&at, sizeof(at));
	(void)listen(fd, 1);
	(void)dup2(fd, 3);
	(void)snprintf(us, sizeof(us), "%d", (int)getpid());
	(void)setenv("LISTEN_PID", us, 1);
	(void)setenv("LISTEN_FDS", "1", 1);
}

START_TEST(a_daemon_that_was_passed_sockets)
{
	char file[64], args[128];

	name_a_file(file, sizeof(file), "pid");
	name_a_file(passed, sizeof(passed), "socket");
	(void)snprintf(args, sizeof(args), "-D -p %s --ready=notify", file);
	tool_prepare = pass_one;
	tool_start(&s, "notify", args);
	tool_prepare = NULL;
	subject_ends(&s, 0);
	ck_assert_int_eq(ask(connect_unix(passed)), 1);
	end_daemon(pid_in(file));
	ck_assert_int_eq(unlink(passed), 0);
}
END_TEST

START_TEST(a_daemon_that_cannot_begin)
{
	tool_start(&s, "die", "--daemon --ready=1h");
	(void)tool_says(&s, "worker 0 ");
	(void)tool_says(&s, "the start failed: exit status 7");
	subject_ends(&s, 7);
}
END_TEST

HARNESS("options",
    {
	HARNESS_TEST(what_is_no_option_or_no_value),
	HARNESS_TEST(times_and_signals_in_all_forms),
	HARNESS_TEST(the_version),
	HARNESS_TEST(each_option_is_in_the_page),
	HARNESS_TEST(a_name),
	HARNESS_TEST(more_and_less_is_said),
	HARNESS_TEST(a_reader_who_has_left),
	HARNESS_TEST(a_file_with_the_pid),
	HARNESS_TEST(a_file_with_the_workers),
	HARNESS_TEST(who_takes_too_long_to_finish),
	HARNESS_TEST(who_is_told_to_finish_by_another_signal),
	HARNESS_TEST(who_takes_too_long_to_stop),
	HARNESS_TEST(who_is_stopped_twice),
	HARNESS_TEST(who_has_lived_through_too_many_reloads),
	HARNESS_TEST(who_may_outlive_its_master),
	HARNESS_TEST(a_successor),
	HARNESS_TEST(it_gives_up),
	HARNESS_TEST(a_stable_life_forgives),
	HARNESS_TEST(it_waits_before_the_next),
	HARNESS_TEST(one_more_and_one_less),
	HARNESS_TEST(signals_are_passed_on),
	HARNESS_TEST(orphans_are_reaped),
	HARNESS_TEST(a_daemon),
	HARNESS_TEST(a_daemon_that_was_passed_sockets),
	HARNESS_TEST(a_daemon_that_cannot_begin),
    })
