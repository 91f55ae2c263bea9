/*
 * test_spawn.c - start a program: what is asked for, what comes of it
 */
#include <sys/resource.h>

#include "help.h"

static char program[] = TRUE;
static char *args[] = { program, NULL };

struct newer { /* as a later release might have it */
	struct sigchld_spawn_options options;
	uint64_t tail[2];
};

/* Nothing of it is left, and nothing was set. */
static void
refused(int want, const struct sigchld_spawn_options *options)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct ended ended = { .count = 0 };
	struct sigchld_child *child = (void *)&ended;

	EACH_ENGINE(engine)
	{
		int fds = harness_count_fds();

		MUST_BE(want,
		    sigchld_spawn(ctx, &child, options, on_end, &ended));
		ck_assert_int_eq(harness_count_fds(), fds);
		must_be_childless();
	}
	ck_assert_ptr_eq(child, &ended);
	ck_assert_int_eq(ended.count, 0);
	ck_assert_uint_eq(stats_of(ctx).children, 0);
	sigchld_free(ctx);
}

START_TEST(options_of_any_age)
{
	struct newer newer = { .options.size = sizeof(newer) };
	struct sigchld_spawn_options older = { .size = 0 };
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct ended ended = { .count = 0 };
	unsigned char *byte = (unsigned char *)newer.tail;
	size_t i;
	pid_t pid;

	older.argv = newer.options.argv = args;
	for (; older.size < sizeof(older); older.size++)
		MUST_BE(-EINVAL, sigchld_spawn(ctx, NULL, &older, NULL, NULL));
	for (i = 0; i < sizeof(newer.tail); i++) {
		byte[i] = 1;
		MUST_BE(-E2BIG,
		    sigchld_spawn(ctx, NULL, &newer.options, NULL, NULL));
		byte[i] = 0;
	}
	pid = sigchld_spawn(ctx, NULL, &newer.options, on_end, &ended);
	await_end(ctx, &ended, pid, 0);
	sigchld_free(ctx);
}
END_TEST

START_TEST(wrong_use_is_refused)
{
	char *none[] = { NULL };
	const struct sigchld_ids odd = { 1, 1, NULL, 0, 7 };
	const struct sigchld_ids few = { 1, 1, NULL, 3, 0 };
	const struct sigchld_rlimit limit = { RLIMIT_CORE, 1, 0, 0 };
	const struct sigchld_rlimit unknown = { 1000, 0, 0, 0 };
	const struct sigchld_rlimit inverted = { RLIMIT_CORE, 0, 2, 1 };
	const char *const colon[] = { "a:b" };
	const char *const missing[] = { NULL };
	const int closed[] = { -1 }, open[] = { 0 };
	struct sigchld_ctx *ctx = open_ctx(NULL);

	MUST_BE(-EINVAL, sigchld_spawn(ctx, NULL, NULL, NULL, NULL));
	MUST_BE(-EINVAL,
	    sigchld_spawn(NULL, NULL, SIGCHLD_SPAWN(.argv = args), NULL, NULL));
	sigchld_free(ctx);
	refused(-EINVAL, SIGCHLD_SPAWN(.flags = 0));
	refused(-EINVAL, SIGCHLD_SPAWN(.argv = none));
	refused(-EINVAL, SIGCHLD_SPAWN(.argv = args, .flags = 0x4000));
	refused(-EINVAL, SIGCHLD_SPAWN(.argv = args, .flags = 0x80000000u));
	refused(-EINVAL, SIGCHLD_SPAWN(.argv = args, .nfdmap = 1));
	refused(-EINVAL, SIGCHLD_SPAWN(.argv = args, .nrlimits = 1));
	refused(-EINVAL, SIGCHLD_SPAWN(.argv = args, .nlisten = 1));
	refused(-EINVAL, SIGCHLD_SPAWN(.argv = args, .ids = &odd));
	refused(-EINVAL, SIGCHLD_SPAWN(.argv = args, .ids = &few));
	refused(-EINVAL,
	    SIGCHLD_SPAWN(.argv = args, .rlimits = &limit, .nrlimits = 1));
	refused(-EINVAL,
	    SIGCHLD_SPAWN(.argv = args, .rlimits = &unknown, .nrlimits = 1));
	refused(-EINVAL,
	    SIGCHLD_SPAWN(.argv = args, .rlimits = &inverted, .nrlimits = 1));
	refused(-EINVAL,
	    SIGCHLD_SPAWN(.argv = args, .umask = 01000,
		.flags = SIGCHLD_SPAWN_UMASK));
	refused(-EINVAL,
	    SIGCHLD_SPAWN(.argv = args, .oom_score_adj = 1001,
		.flags = SIGCHLD_SPAWN_OOM));
	refused(-EBADF,
	    SIGCHLD_SPAWN(.argv = args, .cgroup = -1,
		.flags = SIGCHLD_SPAWN_CGROUP));
	refused(-EBADF,
	    SIGCHLD_SPAWN(.argv = args, .tty = -1, .flags = SIGCHLD_SPAWN_TTY));
	refused(-EBADF,
	    SIGCHLD_SPAWN(.argv = args, .listen = closed, .nlisten = 1));
	refused(-EINVAL,
	    SIGCHLD_SPAWN(.argv = args, .listen = open, .nlisten = 1,
		.listen_names = colon));
	refused(-EINVAL,
	    SIGCHLD_SPAWN(.argv = args, .listen = open, .nlisten = 1,
		.listen_names = missing));
}
END_TEST

/* Fields that a flag switches on are not looked at without it. */
START_TEST(what_is_off_is_not_looked_at)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct ended ended = { .count = 0 };
	pid_t pid;

	pid = sigchld_spawn(ctx, NULL,
	    SIGCHLD_SPAWN(.argv = args, .cgroup = -1, .tty = -5,
		.umask = 077777, .oom_score_adj = 99999),
	    on_end, &ended);
	await_end(ctx, &ended, pid, 0);
	sigchld_free(ctx);
}
END_TEST

START_TEST(what_the_build_lacks_is_not_supported)
{
	const struct sigchld_ids ids = { 1, 1, NULL, 0, 0 };

	if (!is_portable())
		harness_skip("this build lacks nothing");
	refused(-ENOTSUP, SIGCHLD_SPAWN(.argv = args, .ids = &ids));
	refused(-ENOTSUP,
	    SIGCHLD_SPAWN(.argv = args, .flags = SIGCHLD_SPAWN_TTY));
	refused(-ENOTSUP,
	    SIGCHLD_SPAWN(.argv = args, .flags = SIGCHLD_SPAWN_CGROUP));
	refused(-ENOTSUP,
	    SIGCHLD_SPAWN(.argv = args, .flags = SIGCHLD_SPAWN_OOM));
	refused(-ENOTSUP,
	    SIGCHLD_SPAWN(.argv = args, .flags = SIGCHLD_SPAWN_PDEATH));
	refused(-ENOTSUP,
	    SIGCHLD_SPAWN(.argv = args, .flags = SIGCHLD_SPAWN_NONEWPRIVS));
}
END_TEST

/* What execve(2) has against it */

static void
write_file(int dir, const char *name, const char *text, mode_t mode)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, mode);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	ck_assert_int_eq(fchmod(fd, mode), 0);
	(void)close(fd);
}

/* Directories a and b, with what the tests look for. */
static void
make_place(char *place)
{
	int dir;

	ck_assert_ptr_nonnull(mkdtemp(place));
	dir = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
	ck_assert_int_eq(mkdirat(dir, "a", 0700), 0);
	ck_assert_int_eq(mkdirat(dir, "b", 0700), 0);
	write_file(dir, "a/not-for-us", "#!/bin/sh\n", 0600);
	write_file(dir, "a/both", "#!/bin/sh\n", 0600);
	write_file(dir, "b/both", "#!/bin/sh\nexit 7\n", 0700);
	write_file(dir, "b/no-format", "exit 0\n", 0700);
	write_file(dir, "here", "#!/bin/sh\nexit 8\n", 0700);
	(void)close(dir);
}

static void
remove_place(const char *place)
{
	static const char *const names[] = { "a/not-for-us", "a/both", "b/both",
		"b/no-format", "here", "a", "b" };
	char path[200];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", place, names[i]);
		(void)remove(path);
	}
	ck_assert_int_eq(rmdir(place), 0);
}

static int
run_named(const char *name, const char *cwd)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct ended ended = { .count = 0 };
	char copy[100];
	char *named[] = { copy, NULL };
	pid_t pid;
	int code;

	(void)snprintf(copy, sizeof(copy), "%s", name);
	pid = sigchld_spawn(ctx, NULL, SIGCHLD_SPAWN(.argv = named, .cwd = cwd),
	    on_end, &ended);
	if (pid > 0) {
		harness_wait_for(ctx, &ended.count, 1);
		code = WEXITSTATUS(ended.event.wstatus);
	} else {
		code = (int)pid;
		must_be_childless();
	}
	sigchld_free(ctx);
	return code;
}

START_TEST(c18_programs_are_found_in_path)
{
	char place[] = "spawn-test-XXXXXX", path[500], cwd[200];

	make_place(place);
	ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
	(void)snprintf(path, sizeof(path), "/nowhere:%s/%s/a:%s/%s/b:/dev/null",
	    cwd, place, cwd, place);
	ck_assert_int_eq(setenv("PATH", path, 1), 0);
	EACH_ENGINE(engine)
	{
		ck_assert_int_eq(run_named("both", NULL), 7);
		ck_assert_int_eq(run_named("not-for-us", NULL), -EACCES);
		ck_assert_int_eq(run_named("not-there", NULL), -ENOENT);
		ck_assert_int_eq(run_named("no-format", NULL), -ENOEXEC);
		ck_assert_int_eq(run_named("", NULL), -ENOENT);
		/* An empty part is the child's own directory. */
		ck_assert_int_eq(setenv("PATH", "/nowhere:", 1), 0);
		ck_assert_int_eq(run_named("here", NULL), -ENOENT);
		ck_assert_int_eq(run_named("here", place), 8);
		ck_assert_int_eq(setenv("PATH", "", 1), 0);
		ck_assert_int_eq(run_named("here", place), 8);
		ck_assert_int_eq(setenv("PATH", "b", 1), 0);
		ck_assert_int_eq(run_named("both", place), 7);
		/* So is that of a name with a slash. */
		ck_assert_int_eq(run_named("./here", place), 8);
		ck_assert_int_eq(run_named("b/both", place), 7);
		ck_assert_int_eq(unsetenv("PATH"), 0);
		ck_assert_int_eq(run_named("true", NULL), 0);
		ck_assert_int_eq(setenv("PATH", path, 1), 0);
	}
	remove_place(place);
}
END_TEST

START_TEST(a_path_is_not_looked_for)
{
	char name[] = "any name";
	char *named[] = { name, NULL };
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct ended ended = { .count = 0 };
	pid_t pid;

	pid = sigchld_spawn(ctx, NULL,
	    SIGCHLD_SPAWN(.path = TRUE, .argv = named), on_end, &ended);
	await_end(ctx, &ended, pid, 0);
	MUST_BE(-ENOENT,
	    sigchld_spawn(ctx, NULL, SIGCHLD_SPAWN(.path = "sh", .argv = named),
		NULL, NULL));
	MUST_BE(-ENOENT,
	    sigchld_spawn(ctx, NULL, SIGCHLD_SPAWN(.path = "", .argv = named),
		NULL, NULL));
	sigchld_free(ctx);
}
END_TEST

START_TEST(too_much_is_too_big)
{
	size_t n = 3u << 20;
	char *large = malloc(n);
	char *many[20] = { program };
	int i;

	memset(large, 'x', n);
	large[n - 1] = '\0';
	for (i = 1; i < 19; i++)
		many[i] = large;
	refused(-E2BIG, SIGCHLD_SPAWN(.argv = many));
	free(large);
}
END_TEST

START_TEST(steps_that_fail_are_errors)
{
	int out, in, file;

	refused(-ENOENT, SIGCHLD_SPAWN(.argv = args, .cwd = "/no/where"));
	refused(-ENOTDIR, SIGCHLD_SPAWN(.argv = args, .cwd = TRUE));
	refused(-ENOENT,
	    SIGCHLD_SPAWN(.path = "/no", .argv = args, .ret_stdin = &in,
		.ret_stdout = &out));
	refused(-EACCES, SIGCHLD_SPAWN(.path = "/", .argv = args));
	if (is_portable())
		return;
	file = new_file();
	refused(-ENOTTY,
	    SIGCHLD_SPAWN(.argv = args, .tty = file,
		.flags = SIGCHLD_SPAWN_TTY));
	(void)close(file);
}
END_TEST

/* EPERM of the kernel is EACCES: EPERM says that we were forked. */
START_TEST(what_is_not_permitted_is_no_access)
{
	const struct sigchld_ids root = { 0, 0, NULL, 0, 0 };
	const struct sigchld_rlimit more = { RLIMIT_NICE, 0, 40, 40 };
	pid_t pid;

	if (is_portable() || geteuid() != 0)
		harness_skip("only root can give rights up");
	pid = fork();
	if (pid == 0) {
		if (setresgid(1, 1, 1) != 0 || setresuid(1, 1, 1) != 0)
			_exit(1);
		refused(-EACCES, SIGCHLD_SPAWN(.argv = args, .ids = &root));
		refused(-EACCES,
		    SIGCHLD_SPAWN(.argv = args, .rlimits = &more,
			.nrlimits = 1));
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
}
END_TEST

static void *
spawn_with_death(void *user)
{
	MUST_BE(-EINVAL,
	    sigchld_spawn(user, NULL,
		SIGCHLD_SPAWN(.argv = args, .flags = SIGCHLD_SPAWN_PDEATH),
		NULL, NULL));
	return NULL;
}

START_TEST(parent_death_is_for_the_main_thread)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);

	if (is_portable())
		harness_skip("not in the portable build");
	(void)finish(start(spawn_with_death, ctx));
	sigchld_free(ctx);
}
END_TEST

START_TEST(g9_not_in_a_forked_child)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	pid_t pid = fork();

	if (pid == 0) {
		CHILD_MUST(sigchld_spawn(ctx, NULL, SIGCHLD_SPAWN(.argv = args),
			       NULL, NULL) == -EPERM);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
	sigchld_free(ctx);
}
END_TEST

START_TEST(g9_afresh_in_a_forked_child)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct ended ended = { .count = 0 };
	pid_t pid;

	pid = sigchld_spawn(ctx, NULL, SIGCHLD_SPAWN(.argv = args), on_end,
	    &ended);
	await_end(ctx, &ended, pid, 0);
	pid = sigchld_fork(ctx, NULL, 0, NULL, NULL);
	if (pid == 0) {
		struct sigchld_ctx *mine;
		struct sigchld_child *child;
		struct sigchld_event event = { .size = sizeof(event) };

		CHILD_MUST(sigchld_new(&mine, NULL) == 0);
		CHILD_MUST(sigchld_spawn(mine, &child,
			       SIGCHLD_SPAWN(.argv = args), NULL, NULL) > 0);
		CHILD_MUST(sigchld_child_wait(child, -1, &event) == 1);
		CHILD_MUST(event.wstatus == 0);
		_exit(0);
	}
	ck_assert_int_gt(pid, 0);
	harness_await_zombie(pid);
	sigchld_free(ctx);
	ck_assert_int_eq(exit_code(pid), 0);
}
END_TEST

/* Its end */

START_TEST(g1_each_program_has_one_final_event)
{
	EACH_ENGINE(engine)
	{
		struct sigchld_ctx *ctx = open_ctx(NULL);
		struct ended ended[50];
		int i;

		memset(ended, 0, sizeof(ended));
		for (i = 0; i < 50; i++)
			ck_assert_int_gt(sigchld_spawn(ctx, NULL,
					     SIGCHLD_SPAWN(.argv = args),
					     on_end, &ended[i]),
			    0);
		for (i = 0; i < 50; i++)
			harness_wait_for(ctx, &ended[i].count, 1);
		for (i = 0; i < 50; i++)
			ck_assert_int_eq(ended[i].count, 1);
		must_be_childless();
		sigchld_free(ctx);
	}
}
END_TEST

static volatile sig_atomic_t n_sigchld;

static void
count_sigchld(int sig)
{
	(void)sig;
	n_sigchld++;
}

static void *
steal(void *user)
{
	atomic_bool *stop = user;
	intptr_t stolen = 0;

	while (!atomic_load(stop)) {
		if (waitpid(-1, NULL, WNOHANG) > 0)
			stolen++;
		else
			(void)sched_yield();
	}
	return (void *)stolen;
}

/* Not by a signal, not by a wait for any child. */
START_TEST(c19_nobody_hears_of_one_that_failed)
{
	struct sigchld_ctx *ctx;
	atomic_bool stop = false;
	char name[] = "/no/such/program";
	char *none[] = { name, NULL };
	pthread_t thief;
	int i;

	if (forks_only())
		harness_skip("fork(2) has an ordinary child");
	(void)signal(SIGCHLD, count_sigchld);
	ctx = open_ctx(NULL);
	thief = start(steal, &stop);
	for (i = 0; i < 600; i++) {
		sigchld__engine_force((enum sigchld__engine)(i % 3));
		MUST_BE(-ENOENT,
		    sigchld_spawn(ctx, NULL, SIGCHLD_SPAWN(.argv = none), NULL,
			NULL));
	}
	atomic_store(&stop, true);
	ck_assert_ptr_null(finish(thief));
	ck_assert_int_eq(n_sigchld, 0);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c31_a_failure_with_sigchld_ignored)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	char name[] = "/no/such/program";
	char *none[] = { name, NULL };

	(void)signal(SIGCHLD, SIG_IGN);
	EACH_ENGINE(engine)
	MUST_BE(-ENOENT,
	    sigchld_spawn(ctx, NULL, SIGCHLD_SPAWN(.argv = none), NULL, NULL));
	must_be_childless();
	sigchld_free(ctx);
}
END_TEST

START_TEST(pipes_to_its_streams)
{
	char name[] = "cat";
	char *cat[] = { name, NULL };

	EACH_ENGINE(engine)
	{
		struct sigchld_ctx *ctx = open_ctx(NULL);
		struct ended ended = { .count = 0 };
		int in = -1, out = -1, err = -1;
		char text[16] = "";
		pid_t pid;

		pid = sigchld_spawn(ctx, NULL,
		    SIGCHLD_SPAWN(.argv = cat, .ret_stdin = &in,
			.ret_stdout = &out, .ret_stderr = &err),
		    on_end, &ended);
		ck_assert_int_gt(pid, 0);
		ck_assert_int_eq(fcntl(in, F_GETFD), FD_CLOEXEC);
		ck_assert_int_eq(fcntl(out, F_GETFD), FD_CLOEXEC);
		ck_assert_int_eq(fcntl(err, F_GETFD), FD_CLOEXEC);
		ck_assert_int_eq(write(in, "hello", 5), 5);
		(void)close(in);
		ck_assert_int_eq(read(out, text, sizeof(text)), 5);
		ck_assert_str_eq(text, "hello");
		ck_assert_int_eq(read(out, text, sizeof(text)), 0);
		ck_assert_int_eq(read(err, text, sizeof(text)), 0);
		await_end(ctx, &ended, pid, 0);
		(void)close(out);
		(void)close(err);
		sigchld_free(ctx);
	}
}
END_TEST

START_TEST(one_pipe_for_output_and_errors)
{
	char name[] = "sh", dash_c[] = "-c", script[] = "echo a; echo b >&2";
	char *shell[] = { name, dash_c, script, NULL };
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct ended ended = { .count = 0 };
	char text[16] = "";
	size_t n = 0;
	ssize_t got;
	int out = -1;
	pid_t pid;

	pid = sigchld_spawn(ctx, NULL,
	    SIGCHLD_SPAWN(.argv = shell, .ret_stdout = &out,
		.ret_stderr = &out),
	    on_end, &ended);
	ck_assert_int_gt(pid, 0);
	while ((got = read(out, text + n, sizeof(text) - n)) > 0)
		n += (size_t)got;
	ck_assert_str_eq(text, "a\nb\n");
	await_end(ctx, &ended, pid, 0);
	(void)close(out);
	sigchld_free(ctx);
}
END_TEST

/* A sleeper that is its group's leader, and another of that group: the pipe
 * ends when both have. */
START_TEST(kills_reach_the_group)
{
	char name[] = "sh", dash_c[] = "-c",
	     script[] = "sleep 1000 & echo; sleep 1000; :";
	char *shell[] = { name, dash_c, script, NULL };

	EACH_ENGINE(engine)
	{
		struct sigchld_ctx *ctx = open_ctx(NULL);
		struct sigchld_child *child;
		struct sigchld_event event = { .size = sizeof(event) };
		char text[4];
		int out;

		ck_assert_int_gt(sigchld_spawn(ctx, &child,
				     SIGCHLD_SPAWN(.argv = shell,
					 .ret_stdout = &out,
					 .flags = SIGCHLD_SPAWN_GROUPKILL),
				     NULL, NULL),
		    0);
		ck_assert_int_eq(read(out, text, sizeof(text)), 1);
		MUST_BE(0, sigchld_child_stop(child, SIGTERM, 100000));
		MUST_BE(1, sigchld_child_wait(child, -1, &event));
		ck_assert_int_eq(WTERMSIG(event.wstatus), SIGTERM);
		ck_assert_int_eq(read(out, text, sizeof(text)), 0);
		(void)close(out);
		sigchld_child_free(child);
		sigchld_free(ctx);
	}
}
END_TEST

START_TEST(stops_are_told_if_asked_for)
{
	char name[] = "sh", dash_c[] = "-c", script[] = "kill -STOP $$";
	char *shell[] = { name, dash_c, script, NULL };

	EACH_ENGINE(engine)
	{
		struct sigchld_ctx *ctx = open_ctx(NULL);
		struct sigchld_child *child;
		struct harness_log log = { .count = 0 };

		ck_assert_int_gt(sigchld_spawn(ctx, &child,
				     SIGCHLD_SPAWN(.argv = shell,
					 .flags = SIGCHLD_SPAWN_STOPS),
				     harness_on_event, &log),
		    0);
		harness_wait_for(ctx, &log.count, 1);
		ck_assert_int_eq(log.what, SIGCHLD_STOPPED);
		MUST_BE(0, sigchld_child_kill(child, SIGKILL));
		harness_wait_for(ctx, &log.final, 1);
		sigchld_child_free(child);
		sigchld_free(ctx);
	}
}
END_TEST

/* Descriptors of a KEEPFDS child are those that are not close-on-exec. */
START_TEST(d7_no_descriptor_of_the_library_is_kept)
{
	int kept = new_file(), other = new_file();

	ck_assert_int_eq(fcntl(kept, F_SETFD, 0), 0);
	EACH_ENGINE(engine)
	{
		const struct shown *shown =
		    show(SIGCHLD_SPAWN(.flags = SIGCHLD_SPAWN_KEEPFDS));
		int fd, n = 0;

		for (fd = 0; fd < 4096; fd++) {
			int flags = fcntl(fd, F_GETFD);

			n += flags != -1 && !(flags & FD_CLOEXEC);
		}
		must_have(shown, kept, kept);
		ck_assert_msg(lines(shown, "fd ") == n, "not %d, way %d:\n%s",
		    n, (int)engine, shown->text);
		shown = show(SIGCHLD_SPAWN(.flags = 0));
		ck_assert_int_eq(lines(shown, "fd "), 3);
	}
	(void)close(kept);
	(void)close(other);
}
END_TEST

/* Where they can be had: the portable build does not know them. */
START_TEST(resources_are_told_to_those_who_ask)
{
	const uint32_t known = is_portable() ? 0 : SIGCHLD_KNOWN_RUSAGE;

	EACH_ENGINE(engine)
	{
		struct sigchld_ctx *ctx = open_ctx(NULL);
		struct ended asked = { .count = 0 }, not_asked = { .count = 0 };
		pid_t pid;

		pid = sigchld_spawn(ctx, NULL,
		    SIGCHLD_SPAWN(.argv = args, .flags = SIGCHLD_SPAWN_RUSAGE),
		    on_end, &asked);
		await_end(ctx, &asked, pid, 0);
		ck_assert_uint_eq(asked.event.known, known);
		ck_assert(is_portable() || asked.event.maxrss_kib > 0);
		pid = sigchld_spawn(ctx, NULL, SIGCHLD_SPAWN(.argv = args),
		    on_end, &not_asked);
		await_end(ctx, &not_asked, pid, 0);
		ck_assert_uint_eq(not_asked.event.known, 0);
		ck_assert_uint_eq(not_asked.event.maxrss_kib, 0);
		sigchld_free(ctx);
	}
}
END_TEST

HARNESS("spawn",
    {
	HARNESS_TEST(options_of_any_age),
	HARNESS_TEST(wrong_use_is_refused),
	HARNESS_TEST(what_is_off_is_not_looked_at),
	HARNESS_TEST(what_the_build_lacks_is_not_supported),
	HARNESS_TEST(c18_programs_are_found_in_path),
	HARNESS_TEST(a_path_is_not_looked_for),
	HARNESS_TEST(too_much_is_too_big),
	HARNESS_TEST(steps_that_fail_are_errors),
	HARNESS_TEST(what_is_not_permitted_is_no_access),
	HARNESS_TEST(parent_death_is_for_the_main_thread),
	HARNESS_TEST(g9_not_in_a_forked_child),
	HARNESS_TEST(g9_afresh_in_a_forked_child),
	HARNESS_TEST(g1_each_program_has_one_final_event),
	HARNESS_TEST(c19_nobody_hears_of_one_that_failed),
	HARNESS_TEST(c31_a_failure_with_sigchld_ignored),
	HARNESS_TEST(pipes_to_its_streams),
	HARNESS_TEST(one_pipe_for_output_and_errors),
	HARNESS_TEST(kills_reach_the_group),
	HARNESS_TEST(stops_are_told_if_asked_for),
	HARNESS_TEST(d7_no_descriptor_of_the_library_is_kept),
	HARNESS_TEST(resources_are_told_to_those_who_ask),
    })
