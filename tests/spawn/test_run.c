/*
 * test_run.c - a program run to its end, with what it wrote
 *
 * wrap: alloc nonblock poll
 */
#include <poll.h>

#include "core/sys.h"
#include "help.h"

void *__real_sigchld__sys_alloc(size_t n, size_t size);
void *__wrap_sigchld__sys_alloc(size_t n, size_t size);

int __real_sigchld__sys_nonblock(int fd);
int __wrap_sigchld__sys_nonblock(int fd);
int __real_sigchld__sys_poll(struct pollfd *fds, unsigned int n, int ms);
int __wrap_sigchld__sys_poll(struct pollfd *fds, unsigned int n, int ms);

static int fail_at;          /* this one fails; 0: none */
static int n_nonblocks;      /* that were asked for */
static int fail_nonblock_at; /* this one of them fails; 0: none */
static int ready = -1;       /* before the first poll a byte comes here */
static char said;            /* that byte */

int
__wrap_sigchld__sys_nonblock(int fd)
{
	n_nonblocks++;
	if (fail_nonblock_at > 0 && --fail_nonblock_at == 0)
		return -EACCES;
	return __real_sigchld__sys_nonblock(fd);
}

int
__wrap_sigchld__sys_poll(struct pollfd *fds, unsigned int n, int ms)
{
	if (ready >= 0 && read(ready, &said, 1) == 1)
		ready = -1;
	return __real_sigchld__sys_poll(fds, n, ms);
}

void *
__wrap_sigchld__sys_alloc(size_t n, size_t size)
{
	if (fail_at > 0 && --fail_at == 0)
		return NULL;
	return __real_sigchld__sys_alloc(n, size);
}

static char shell[] = "sh", dash_c[] = "-c";

static int
run_shell(const char *script, const struct sigchld_run_options *run,
    struct sigchld_run_result *result)
{
	char *copy = strdup(script);
	char *args[] = { shell, dash_c, copy, NULL };
	int rc;

	*result = (struct sigchld_run_result){ .size = sizeof(*result) };
	rc = sigchld_run(SIGCHLD_SPAWN(.argv = args), run, result);
	free(copy);
	return rc;
}

static void
drop(struct sigchld_run_result *result)
{
	free(result->output);
	free(result->errors);
}

static void
must_have_exited(const struct sigchld_run_result *result, int code)
{
	ck_assert_int_eq(result->event.what, SIGCHLD_EXITED);
	ck_assert_int_eq(result->event.source, SIGCHLD_SOURCE_WAIT);
	ck_assert_int_eq(WEXITSTATUS(result->event.wstatus), code);
}

START_TEST(output_errors_and_status)
{
	struct sigchld_run_result result;

	EACH_ENGINE(engine)
	{
		MUST_BE(0,
		    run_shell("printf out; printf err >&2; exit 3", NULL,
			&result));
		ck_assert_str_eq(result.output, "out");
		ck_assert_str_eq(result.errors, "err");
		ck_assert_uint_eq(result.noutput, 3);
		ck_assert_uint_eq(result.nerrors, 3);
		ck_assert_uint_eq(result.flags, 0);
		must_have_exited(&result, 3);
		drop(&result);
	}
	must_be_childless();
}
END_TEST

START_TEST(merged_output)
{
	const struct sigchld_run_options run = { .size = sizeof(run),
		.flags = SIGCHLD_RUN_MERGE };
	struct sigchld_run_result result;

	MUST_BE(0,
	    run_shell("printf 1; printf 2 >&2; printf 3", &run, &result));
	ck_assert_str_eq(result.output, "123");
	ck_assert_str_eq(result.errors, "");
	ck_assert_uint_eq(result.nerrors, 0);
	drop(&result);
}
END_TEST

/* More than a pipe holds, both ways at once. */
START_TEST(large_input_comes_back)
{
	size_t n = 3u << 20, i;
	char *input = malloc(n);
	const struct sigchld_run_options run = {
		.size = sizeof(run), .input = input, .ninput = n, .limit = n
	};
	struct sigchld_run_result result;

	for (i = 0; i < n; i++)
		input[i] = (char)(i % 251);
	MUST_BE(0, run_shell("cat", &run, &result));
	ck_assert_uint_eq(result.noutput, n);
	ck_assert_int_eq(memcmp(result.output, input, n), 0);
	ck_assert_uint_eq(result.flags, 0); /* just the limit is not cut */
	must_have_exited(&result, 0);
	drop(&result);
	free(input);
}
END_TEST

START_TEST(no_input_is_dev_null)
{
	struct sigchld_run_result result;

	MUST_BE(0, run_shell("readlink /proc/self/fd/0; cat", NULL, &result));
	ck_assert_str_eq(result.output, "/dev/null\n");
	drop(&result);
}
END_TEST

START_TEST(input_is_an_ordinary_pipe)
{
	const struct sigchld_run_options run = {
		.size = sizeof(run), .input = "x", .ninput = 1
	};
	struct sigchld_run_result result;

	MUST_BE(0,
	    run_shell("readlink /proc/self/fd/0 | cut -c1-5; "
		      "grep flags /proc/self/fdinfo/0; cat",
		&run, &result));
	ck_assert_str_eq(result.output, "pipe:\nflags:\t00\nx");
	drop(&result);
}
END_TEST

static volatile sig_atomic_t n_pipes;

static void
count_pipes(int sig)
{
	(void)sig;
	n_pipes++;
}

/* A program that does not read costs its input, and no SIGPIPE. */
START_TEST(nobody_reads_the_input)
{
	static char input[1 << 20];
	const struct sigchld_run_options run = {
		.size = sizeof(run), .input = input, .ninput = sizeof(input)
	};
	struct sigchld_run_result result;
	sigset_t set, pending;

	(void)signal(SIGPIPE, count_pipes);
	MUST_BE(0, run_shell("exec <&-; printf done", &run, &result));
	ck_assert_str_eq(result.output, "done");
	ck_assert_int_eq(n_pipes, 0);
	drop(&result);
	/* One that was pending before stays so. */
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGPIPE);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	ck_assert_int_eq(pthread_kill(pthread_self(), SIGPIPE), 0);
	MUST_BE(0, run_shell("exec <&-; printf done", &run, &result));
	ck_assert_int_eq(sigpending(&pending), 0);
	ck_assert_int_eq(sigismember(&pending, SIGPIPE), 1);
	drop(&result);
}
END_TEST

START_TEST(what_is_too_much_is_cut)
{
	const struct sigchld_run_options run = { .size = sizeof(run),
		.limit = 10 };
	struct sigchld_run_result result;

	MUST_BE(0,
	    run_shell("head -c 300000 /dev/zero | tr '\\0' x; "
		      "printf 1234567890 >&2; exit 5",
		&run, &result));
	ck_assert_str_eq(result.output, "xxxxxxxxxx");
	ck_assert_str_eq(result.errors, "1234567890");
	ck_assert_uint_eq(result.flags, SIGCHLD_RUN_CUT_OUTPUT);
	must_have_exited(&result, 5); /* it was not held up */
	drop(&result);
	MUST_BE(0, run_shell("printf 12345678901 >&2", &run, &result));
	ck_assert_uint_eq(result.flags, SIGCHLD_RUN_CUT_ERRORS);
	drop(&result);
}
END_TEST

START_TEST(the_default_limit_is_one_mebibyte)
{
	struct sigchld_run_result result;

	MUST_BE(0, run_shell("head -c 1048577 /dev/zero", NULL, &result));
	ck_assert_uint_eq(result.noutput, 1 << 20);
	ck_assert_uint_eq(result.flags, SIGCHLD_RUN_CUT_OUTPUT);
	drop(&result);
}
END_TEST

/* With all that it started: the pipe would stay open else. */
START_TEST(at_the_timeout_the_group_is_stopped)
{
	const struct sigchld_run_options run = { .size = sizeof(run),
		.timeout_ms = 1 };
	struct sigchld_run_result result;

	EACH_ENGINE(engine)
	{
		int64_t start = harness_now_ms();

		MUST_BE(0,
		    run_shell("sleep 1000 & printf $!; sleep 1000 & wait", &run,
			&result));
		ck_assert_int_lt(harness_now_ms() - start,
		    harness_patience_ms());
		ck_assert_uint_eq(result.flags & SIGCHLD_RUN_TIMED_OUT,
		    SIGCHLD_RUN_TIMED_OUT);
		ck_assert_int_eq(result.event.what, SIGCHLD_SIGNALED);
		ck_assert_int_eq(WTERMSIG(result.event.wstatus), SIGTERM);
		drop(&result);
	}
}
END_TEST

START_TEST(who_ignores_sigterm_is_killed)
{
	const struct sigchld_run_options run = {
		.size = sizeof(run), .timeout_ms = 300, .grace_ms = 1
	};
	struct sigchld_run_result result;

	/* The loop is of the shell itself: a sleep would be ended. */
	MUST_BE(0,
	    run_shell("trap '' TERM; printf deaf; while :; do :; done", &run,
		&result));
	ck_assert_uint_eq(result.flags & SIGCHLD_RUN_TIMED_OUT,
	    SIGCHLD_RUN_TIMED_OUT);
	ck_assert_int_eq(result.event.what, SIGCHLD_SIGNALED);
	drop(&result);
}
END_TEST

/* The leader ends at once, another of its group is deaf. */
START_TEST(nobody_of_the_group_is_left)
{
	const struct sigchld_run_options run = {
		.size = sizeof(run), .timeout_ms = 1500, .grace_ms = 100000
	};
	struct sigchld_run_result result;
	int64_t until = harness_now_ms() + harness_patience_ms();
	pid_t deaf;

	MUST_BE(0,
	    run_shell("(trap '' TERM; while :; do :; done) & printf $!; wait",
		&run, &result));
	ck_assert_uint_eq(result.flags & SIGCHLD_RUN_TIMED_OUT,
	    SIGCHLD_RUN_TIMED_OUT);
	deaf = (pid_t)atol(result.output);
	ck_assert_int_gt(deaf, 0);
	while (kill(deaf, 0) == 0 && harness_now_ms() < until) {
		char path[64], line[256] = "";
		FILE *stat;

		(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)deaf);
		stat = fopen(path, "re");
		if (stat == NULL)
			break;
		if (fgets(line, sizeof(line), stat) == NULL)
			line[0] = '\0';
		(void)fclose(stat);
		if (strstr(line, ") Z ") != NULL)
			break; /* dead; whoever adopted it may reap it */
		(void)sched_yield();
	}
	ck_assert_int_lt(harness_now_ms(), until);
	drop(&result);
}
END_TEST

START_TEST(who_holds_a_stream_is_not_waited_for)
{
	struct sigchld_run_result result;

	MUST_BE(0,
	    run_shell("setsid sleep 1000 & printf $!; exit 0", NULL, &result));
	ck_assert_uint_eq(result.flags, SIGCHLD_RUN_LEFT_OPEN);
	must_have_exited(&result, 0);
	ck_assert_int_eq(kill((pid_t)atol(result.output), SIGKILL), 0);
	drop(&result);
}
END_TEST

START_TEST(a_map_gives_it_more)
{
	char script[] = "cat <&3 >&4; readlink /proc/self/fd/5 | cut -c1-4";
	char *args[] = { shell, dash_c, script, NULL };
	int from[2], to[2];
	struct sigchld_run_result result = { .size = sizeof(result) };
	char text[8] = "";

	ck_assert_int_eq(pipe2(from, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(to, O_CLOEXEC), 0);
	ck_assert_int_eq(write(from[1], "given", 5), 5);
	(void)close(from[1]);
	MUST_BE(0,
	    sigchld_run(SIGCHLD_SPAWN(.argv = args,
			    .fdmap = (struct sigchld_fdmap[]){ { from[0], 3 },
				{ to[1], 4 }, { -1, 5 } },
			    .nfdmap = 3),
		NULL, &result));
	ck_assert_str_eq(result.output, "/dev\n");
	ck_assert_int_eq(read(to[0], text, sizeof(text)), 5);
	ck_assert_str_eq(text, "given");
	(void)close(from[0]);
	(void)close(to[0]);
	(void)close(to[1]);
	drop(&result);
}
END_TEST

static void
refused(int want, const struct sigchld_spawn_options *spawn,
    const struct sigchld_run_options *run)
{
	struct sigchld_run_result result, before;

	memset(&result, 0x5a, sizeof(result));
	result.size = sizeof(result);
	before = result;
	MUST_BE(want, sigchld_run(spawn, run, &result));
	ck_assert_int_eq(memcmp(&result, &before, sizeof(result)), 0);
	must_be_childless();
}

START_TEST(wrong_use_is_refused)
{
	char *args[] = { shell, NULL };
	const struct sigchld_spawn_options *ok = SIGCHLD_SPAWN(.argv = args);
	struct sigchld_run_options run = { .size = sizeof(run) };
	struct sigchld_run_result result = { .size = sizeof(result) - 1 };
	struct {
		struct sigchld_run_options run;
		uint64_t more;
	} newer = { .run.size = sizeof(newer), .more = 1 };
	int fd;

	MUST_BE(-EINVAL, sigchld_run(ok, NULL, NULL));
	MUST_BE(-EINVAL, sigchld_run(ok, NULL, &result));
	refused(-EINVAL, NULL, NULL);
	refused(-EINVAL, SIGCHLD_SPAWN(.flags = 0), NULL);
	refused(-EINVAL, SIGCHLD_SPAWN(.argv = args, .ret_stdin = &fd), NULL);
	refused(-EINVAL, SIGCHLD_SPAWN(.argv = args, .ret_stdout = &fd), NULL);
	refused(-EINVAL, SIGCHLD_SPAWN(.argv = args, .ret_stderr = &fd), NULL);
	refused(-EINVAL,
	    SIGCHLD_SPAWN(.argv = args,
		.fdmap = (struct sigchld_fdmap[]){ { 0, 2 } }, .nfdmap = 1),
	    NULL);
	refused(-E2BIG, ok, &newer.run);
	run.size--;
	refused(-EINVAL, ok, &run);
	run.size++;
	run.flags = 2;
	refused(-EINVAL, ok, &run);
	run.flags = 0;
	run.timeout_ms = -1;
	refused(-EINVAL, ok, &run);
	run.timeout_ms = 0;
	run.grace_ms = -1;
	refused(-EINVAL, ok, &run);
	run.grace_ms = 0;
	run.ninput = 1;
	refused(-EINVAL, ok, &run);
	run.ninput = 0;
	run.zero = 1;
	refused(-EINVAL, ok, &run);
}
END_TEST

START_TEST(what_cannot_be_executed_leaves_nothing)
{
	char none[] = "/no/such/program";
	char *args[] = { none, NULL };

	EACH_ENGINE(engine)
	refused(-ENOENT, SIGCHLD_SPAWN(.argv = args), NULL);
}
END_TEST

/* At any moment, so also when the program runs already. */
START_TEST(c31_without_memory_nothing_is_left)
{
	char script[] = "head -c 100000 /dev/zero; head -c 9000 /dev/zero >&2";
	char *args[] = { shell, dash_c, script, NULL };
	struct sigchld_run_result result = { .size = sizeof(result) };
	int n, rc = -1, fds = harness_count_fds();

	for (n = 1; rc < 0; n++) {
		fail_at = n;
		rc = sigchld_run(SIGCHLD_SPAWN(.argv = args), NULL, &result);
		ck_assert(rc == 0 || rc == -ENOMEM);
		ck_assert_int_eq(harness_count_fds(), fds);
		must_be_childless();
	}
	ck_assert_int_gt(n, 8);
	ck_assert_uint_eq(result.noutput, 100000);
	ck_assert_uint_eq(result.nerrors, 9000);
	drop(&result);
}
END_TEST

static void
run_in_callback(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct sigchld_run_result *result = user;

	(void)child;
	(void)event;
	MUST_BE(0, run_shell("printf inner", NULL, result));
}

START_TEST(g4_it_is_good_in_a_callback)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_run_result result = { .output = NULL };
	char program[] = TRUE;
	char *args[] = { program, NULL };
	int64_t until = harness_now_ms() + harness_patience_ms();

	ck_assert_int_gt(sigchld_spawn(ctx, NULL, SIGCHLD_SPAWN(.argv = args),
			     run_in_callback, &result),
	    0);
	while (result.output == NULL && harness_now_ms() < until)
		(void)sigchld_wait(ctx, 100);
	ck_assert_ptr_nonnull(result.output);
	ck_assert_str_eq(result.output, "inner");
	drop(&result);
	sigchld_free(ctx);
}
END_TEST

/* One that would block cannot be used: the program would wait for us, and we
 * for it. */
START_TEST(a_stream_that_would_block_ends_it)
{
	const struct sigchld_run_options run = {
		.size = sizeof(run), .input = "x", .ninput = 1
	};
	char cat[] = "cat";
	char *args[] = { cat, NULL };
	const struct sigchld_spawn_options *spawn = SIGCHLD_SPAWN(.argv = args);

	EACH_ENGINE(engine)
	{
		struct sigchld_ctx *ctx;
		int i, before, fds = harness_count_fds();

		n_nonblocks = 0;
		ctx = open_ctx(NULL); /* one of these is in each run, too */
		before = n_nonblocks;
		sigchld_free(ctx);
		for (i = 1; i <= 3; i++) {
			fail_nonblock_at = before + i;
			refused(-EACCES, spawn, &run);
			ck_assert_int_eq(fail_nonblock_at, 0);
			ck_assert_int_eq(harness_count_fds(), fds);
		}
	}
}
END_TEST

/* One that becomes another user's */

#define UID 4242 /* nobody's, it is hoped */

/* A copy of a program of root's that runs as root, whoever starts it. */
static void
copy_with_setuid(const char *from, const char *to)
{
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	char data[4096];
	ssize_t n;

	ck_assert_int_ge(in, 0);
	ck_assert_int_ge(out, 0);
	while ((n = read(in, data, sizeof(data))) > 0)
		ck_assert_int_eq(write(out, data, (size_t)n), n);
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(fchown(out, 0, 0), 0);
	ck_assert_int_eq(fchmod(out, 04755), 0);
	(void)close(in);
	(void)close(out);
}

/* In a forked copy, which is the other user's: 77, the program may not become
 * root; else 0 or what is wrong. */
static int
run_as_other(char *program, const int *told, const int *hold, const int *lives,
    enum sigchld__engine engine)
{
	const struct sigchld_fdmap map[] = { { told[1], 3 }, { hold[0], 4 },
		{ lives[1], 5 } };
	const struct sigchld_run_options run = {
		.size = sizeof(run), .timeout_ms = 1, .grace_ms = 1
	};
	struct sigchld_run_result result = { .size = sizeof(result) };
	char *args[] = { program, NULL };
	int rc, fds;

	(void)sigchld_postfork();
	sigchld__engine_force(engine);
	CHILD_MUST(setgid(UID) == 0 && setuid(UID) == 0);
	fds = harness_count_fds();
	ready = told[0];
	rc = sigchld_run(SIGCHLD_SPAWN(.argv = args, .fdmap = map, .nfdmap = 3),
	    &run, &result);
	if (said != 'y')
		return 77;
	CHILD_MUST(rc == -EACCES);
	CHILD_MUST(result.output == NULL && result.flags == 0);
	CHILD_MUST(fds == harness_count_fds());
	CHILD_MUST(!harness_readable(lives[0], 0)); /* it goes on */
	return 0;
}

/* The deadline has passed when the loop first waits, and the program is another
 * user's by then. */
static int
run_what_is_anothers(char *program, enum sigchld__engine engine)
{
	int told[2], hold[2], lives[2], code;
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe2(told, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(hold, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(lives, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		_exit(run_as_other(program, told, hold, lives, engine));
	(void)close(lives[1]);
	code = exit_code(pid);
	(void)close(hold[1]);
	ck_assert(harness_readable(lives[0], (int)harness_patience_ms()));
	ck_assert_int_eq(read(lives[0], &byte, 1), 0); /* it is gone, too */
	(void)close(told[0]);
	(void)close(told[1]);
	(void)close(hold[0]);
	(void)close(lives[0]);
	return code;
}

START_TEST(who_may_not_be_signalled_is_an_error_at_the_timeout)
{
	char folder[] = P_tmpdir "/sigchld-XXXXXX", path[64];
	int code = 0;

	if (geteuid() != 0)
		harness_skip("only root can make a program of root's");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chmod(folder, 0755), 0);
	(void)snprintf(path, sizeof(path), "%s/become", folder);
	copy_with_setuid(BECOME, path);
	EACH_ENGINE(engine)
	{
		if (code == 0)
			code = run_what_is_anothers(path, engine);
	}
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(folder), 0);
	if (code == 77)
		harness_skip("no program may become another user's here");
	ck_assert_int_eq(code, 0);
}
END_TEST

HARNESS("run",
    {
	HARNESS_TEST(output_errors_and_status),
	HARNESS_TEST(merged_output),
	HARNESS_TEST(large_input_comes_back),
	HARNESS_TEST(no_input_is_dev_null),
	HARNESS_TEST(input_is_an_ordinary_pipe),
	HARNESS_TEST(nobody_reads_the_input),
	HARNESS_TEST(what_is_too_much_is_cut),
	HARNESS_TEST(the_default_limit_is_one_mebibyte),
	HARNESS_TEST(at_the_timeout_the_group_is_stopped),
	HARNESS_TEST(who_ignores_sigterm_is_killed),
	HARNESS_TEST(nobody_of_the_group_is_left),
	HARNESS_TEST(who_holds_a_stream_is_not_waited_for),
	HARNESS_TEST(a_map_gives_it_more),
	HARNESS_TEST(wrong_use_is_refused),
	HARNESS_TEST(what_cannot_be_executed_leaves_nothing),
	HARNESS_TEST(c31_without_memory_nothing_is_left),
	HARNESS_TEST(g4_it_is_good_in_a_callback),
	HARNESS_TEST(a_stream_that_would_block_ends_it),
	HARNESS_TEST(who_may_not_be_signalled_is_an_error_at_the_timeout),
    })
