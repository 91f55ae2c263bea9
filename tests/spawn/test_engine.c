/*
 * test_engine.c - who makes the child, and what happens when he cannot
 *
 * wrap: clone clone_copy fork pipe alloc
 */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "async/fdtab.h"
#include "filter.h"
#include "help.h"
#include "spawn/slots.h"
#include "spawn/sys.h"

#ifndef SYS_close_range
#	define SYS_close_range 436
#endif
#ifndef SYS_pidfd_open
#	define SYS_pidfd_open 434
#endif
#ifndef SYS_clone3
#	define SYS_clone3 435
#endif

/* Wraps */

pid_t __real_sigchld__sys_clone(int (*fn)(void *arg), void *arg, void *stack,
    size_t size, unsigned int flags, volatile int *pidfd, int cgroup);
pid_t __wrap_sigchld__sys_clone(int (*fn)(void *arg), void *arg, void *stack,
    size_t size, unsigned int flags, volatile int *pidfd, int cgroup);
pid_t __real_sigchld__sys_clone_copy(volatile int *pidfd, int cgroup);
pid_t __wrap_sigchld__sys_clone_copy(volatile int *pidfd, int cgroup);
pid_t __real_sigchld__sys_fork(void);
pid_t __wrap_sigchld__sys_fork(void);
int __real_sigchld__sys_pipe(int fds[2]);
int __wrap_sigchld__sys_pipe(int fds[2]);
void *__real_sigchld__sys_alloc(size_t n, size_t size);
void *__wrap_sigchld__sys_alloc(size_t n, size_t size);

static int n_clones, n_copies, n_forks;         /* that were asked for */
static int clone_gives, copy_gives, fork_gives; /* instead, if not 0 */
static bool no_pidfds;                          /* clones with one: -EMFILE */
static int fail_at;  /* this one of all that may fail does; 0: none */
static int fail_err; /* so */
static bool paint;   /* the child's stack */
static size_t used;  /* of it */
static int kill_by;  /* a signal waits for the child */

static bool
fails_now(void)
{
	return fail_at > 0 && --fail_at == 0;
}

#define PAINT 0xa5

static void
measure(const unsigned char *stack, size_t size)
{
	size_t clean = 0;

	while (clean < size && stack[clean] == PAINT)
		clean++;
	if (size - clean > used)
		used = size - clean;
}

static int (*run_child)(void *arg);

static int
raise_then_run(void *arg)
{
	(void)syscall(SYS_kill, syscall(SYS_getpid), kill_by);
	return run_child(arg);
}

pid_t
__wrap_sigchld__sys_clone(int (*fn)(void *arg), void *arg, void *stack,
    size_t size, unsigned int flags, volatile int *pidfd, int cgroup)
{
	pid_t pid;

	n_clones++;
	if (clone_gives != 0)
		return clone_gives;
	if (no_pidfds && pidfd != NULL)
		return -EMFILE;
	if (fails_now())
		return fail_err;
	if (paint)
		memset(stack, PAINT, size);
	if (kill_by != 0) {
		run_child = fn;
		fn = raise_then_run;
	}
	pid = __real_sigchld__sys_clone(fn, arg, stack, size, flags, pidfd,
	    cgroup);
	if (paint)
		measure(stack, size);
	return pid;
}

pid_t
__wrap_sigchld__sys_clone_copy(volatile int *pidfd, int cgroup)
{
	pid_t pid;

	n_copies++;
	if (copy_gives != 0)
		return copy_gives;
	if (no_pidfds && pidfd != NULL)
		return -EMFILE;
	if (fails_now())
		return fail_err;
	pid = __real_sigchld__sys_clone_copy(pidfd, cgroup);
	if (pid == 0 && kill_by != 0)
		(void)syscall(SYS_kill, syscall(SYS_getpid), kill_by);
	return pid;
}

pid_t
__wrap_sigchld__sys_fork(void)
{
	n_forks++;
	if (fork_gives != 0)
		return fork_gives;
	return fails_now() ? fail_err : __real_sigchld__sys_fork();
}

int
__wrap_sigchld__sys_pipe(int fds[2])
{
	return fails_now() ? fail_err : __real_sigchld__sys_pipe(fds);
}

void *
__wrap_sigchld__sys_alloc(size_t n, size_t size)
{
	return fails_now() ? NULL : __real_sigchld__sys_alloc(n, size);
}

/* What they do */

static char program[] = TRUE;
static char *args[] = { program, NULL };

static pid_t
spawn(struct sigchld_ctx *ctx, struct ended *ended)
{
	return sigchld_spawn(ctx, NULL, SIGCHLD_SPAWN(.argv = args), on_end,
	    ended);
}

static void
must_run(struct sigchld_ctx *ctx)
{
	struct ended ended = { .count = 0 };
	pid_t pid = spawn(ctx, &ended);

	ck_assert_msg(pid > 0, "%s", strerror(-pid));
	await_end(ctx, &ended, pid, 0);
}

START_TEST(c32_the_best_engine_is_taken)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);

	must_run(ctx);
	must_run(ctx);
	if (forks_only()) {
		ck_assert_int_eq(n_forks, 2);
	} else {
		ck_assert_int_eq(n_forks + n_copies, 0);
		ck_assert_int_eq(n_clones, 2 + 2); /* the probe has two */
	}
	sigchld_free(ctx);
}
END_TEST

static pid_t
own_fork(void *user)
{
	++*(int *)user;
	return fork();
}

START_TEST(c32_a_context_with_its_own_fork_forks)
{
	int n = 0;
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.fork = own_fork, .user = &n));
	struct ended ended = { .count = 0 };
	char *none[] = { program, NULL };

	EACH_ENGINE(engine)
	must_run(ctx);
	ck_assert_int_eq(n, SIGCHLD__ENGINE_FORK + 1);
	ck_assert_int_eq(n_clones + n_copies + n_forks, 0);
	MUST_BE(-ENOENT,
	    sigchld_spawn(ctx, NULL,
		SIGCHLD_SPAWN(.path = "/nowhere", .argv = none), on_end,
		&ended));
	must_be_childless();
	sigchld_free(ctx);
}
END_TEST

/* ids need a copy of our memory: a change of them in ours would be ours. */
START_TEST(c32_ids_never_share_memory)
{
	static const struct sigchld_ids ids = { SIGCHLD_IDS_SAME,
		SIGCHLD_IDS_SAME, NULL, 0, 0 };
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct ended ended = { .count = 0 };
	pid_t pid;

	if (forks_only() || geteuid() != 0)
		harness_skip("not here");
	must_run(ctx); /* and the probe */
	n_clones = 0;
	pid = sigchld_spawn(ctx, NULL, SIGCHLD_SPAWN(.argv = args, .ids = &ids),
	    on_end, &ended);
	await_end(ctx, &ended, pid, 0);
	ck_assert_int_eq(n_clones, 0);
	ck_assert_int_eq(n_copies, 1);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c32_what_is_refused_is_done_otherwise)
{
	static const int errors[] = { EPERM, EACCES, ENOSYS, EINVAL };
	struct sigchld_ctx *ctx = open_ctx(NULL);
	size_t i;

	if (forks_only())
		harness_skip("there is one engine only");
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		sigchld__engine_force(SIGCHLD__ENGINE_ANY);
		clone_gives = -errors[i];
		copy_gives = 0;
		n_clones = n_copies = n_forks = 0;
		must_run(ctx);
		must_run(ctx);
		ck_assert_int_eq(n_clones, 1); /* the probe; never again */
		ck_assert_int_eq(n_copies, 2);
		copy_gives = -errors[i];
		must_run(ctx);
		ck_assert_int_eq(n_forks, 1);
		fork_gives = -errors[i];
		MUST_BE(errors[i] == EPERM ? -EACCES : -errors[i],
		    spawn(ctx, NULL));
		fork_gives = 0;
	}
	sigchld_free(ctx);
}
END_TEST

/* A filter that came after the probe. */
START_TEST(c32_a_late_refusal_is_remembered)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);

	if (forks_only())
		harness_skip("there is one engine only");
	must_run(ctx);
	n_clones = 0;
	clone_gives = -EPERM;
	must_run(ctx);
	must_run(ctx);
	ck_assert_int_eq(n_clones, 1);
	ck_assert_int_eq(n_copies, 2);
	sigchld_free(ctx);
}
END_TEST

/* What is no refusal is an error, at once. */
START_TEST(c31_no_process_can_be_had)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int fds = harness_count_fds();

	must_run(ctx);
	n_clones = n_copies = n_forks = 0;
	clone_gives = copy_gives = fork_gives = -EAGAIN;
	EACH_ENGINE(engine)
	MUST_BE(-EAGAIN, spawn(ctx, NULL));
	clone_gives = copy_gives = fork_gives = 0;
	ck_assert_int_eq(harness_count_fds(), fds);
	must_be_childless();
	must_run(ctx);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c31_without_a_pidfd_it_runs_too)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);

	no_pidfds = true;
	EACH_ENGINE(engine)
	must_run(ctx);
	sigchld_free(ctx);
}
END_TEST

/* Each thing that may fail, in turn: nothing is left, and nothing was set. */
static int
fail_each(struct sigchld_ctx *ctx, int err)
{
	int in, out, n, fds = harness_count_fds();
	struct sigchld_child *child;
	pid_t pid;

	for (n = 1;; n++) {
		in = out = -7;
		child = (void *)&in;
		fail_at = n;
		fail_err = err;
		pid = sigchld_spawn(ctx, &child,
		    SIGCHLD_SPAWN(.argv = args, .ret_stdin = &in,
			.ret_stdout = &out),
		    NULL, NULL);
		if (pid > 0)
			break;
		ck_assert_int_lt(pid, 0);
		ck_assert_int_eq(in, -7);
		ck_assert_int_eq(out, -7);
		ck_assert_ptr_eq(child, &in);
		ck_assert_int_eq(harness_count_fds(), fds);
		must_be_childless();
	}
	ck_assert_int_ne(fail_at, 0); /* it went through */
	fail_at = 0;
	(void)close(in);
	(void)close(out);
	MUST_BE(1, sigchld_child_wait(child, -1, NULL));
	sigchld_child_free(child);
	return n - 1;
}

START_TEST(g6_whatever_fails_leaves_nothing)
{
	EACH_ENGINE(engine)
	{
		struct sigchld_ctx *ctx = open_ctx(NULL);

		must_run(ctx); /* what is done once is done */
		/* Two pipes, two or more pieces of memory, a process. */
		ck_assert_int_ge(fail_each(ctx, -ENOMEM), 5);
		sigchld_free(ctx);
	}
}
END_TEST

START_TEST(c31_no_descriptors_are_left)
{
	struct rlimit limit, none;
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int out = -7;

	must_run(ctx);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	MUST_BE(-EMFILE,
	    sigchld_spawn(ctx, NULL,
		SIGCHLD_SPAWN(.argv = args, .ret_stdout = &out), NULL, NULL));
	ck_assert_int_eq(out, -7);
	/* An engine that needs none goes on, though not the program, which
	 * could not open a library; a limit of its own helps. */
	if (!forks_only()) {
		const struct sigchld_rlimit more = { RLIMIT_NOFILE, 0, 64,
			limit.rlim_max };
		struct ended ended = { .count = 0 };
		pid_t pid;

		pid = sigchld_spawn(ctx, NULL,
		    SIGCHLD_SPAWN(.argv = args, .rlimits = &more,
			.nrlimits = 1),
		    on_end, &ended);
		ck_assert_int_gt(pid, 0);
		await_end(ctx, &ended, pid, 0);
	}
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	must_be_childless();
	sigchld_free(ctx);
}
END_TEST

/* A signal that came before the mask was restored. */
START_TEST(c19_killed_before_it_ran_is_an_error)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int fds = harness_count_fds();

	if (forks_only())
		harness_skip("fork(2) has an ordinary child");
	must_run(ctx);
	kill_by = SIGTERM;
	for (int i = SIGCHLD__ENGINE_SHARE; i <= SIGCHLD__ENGINE_COPY; i++) {
		sigchld__engine_force((enum sigchld__engine)i);
		MUST_BE(-EINTR, spawn(ctx, NULL));
		must_be_childless();
		ck_assert_int_eq(harness_count_fds(), fds);
	}
	sigchld_free(ctx);
}
END_TEST

/* With all that it may have to do. The half is for what a compiler may add. */
START_TEST(c29_the_childs_stack_is_large_enough)
{
	char name[] = "no-such-program-anywhere", ok[] = TRUE;
	char *missing[] = { name, NULL };
	char *there[] = { ok, NULL };
	struct sigchld_spawn_options options = {
		.size = sizeof(options),
		.argv = missing,
		.cwd = "/",
		.fdmap =
		    (struct sigchld_fdmap[]){ { 0, 1 }, { 1, 0 }, { -1, 5 } },
		.nfdmap = 3,
		.listen = (const int[]){ 1 },
		.nlisten = 1,
		.rlimits =
		    (const struct sigchld_rlimit[]){ { RLIMIT_CORE, 0, 0, 0 } },
		.nrlimits = 1,
		.flags = SIGCHLD_SPAWN_SETSID | SIGCHLD_SPAWN_PDEATH |
		    SIGCHLD_SPAWN_OOM | SIGCHLD_SPAWN_NONEWPRIVS,
	};
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_child *child;

	if (forks_only())
		harness_skip("no child of this build has such a stack");
	paint = true;
	MUST_BE(-ENOENT, sigchld_spawn(ctx, NULL, &options, NULL, NULL));
	options.argv = there;
	ck_assert_int_gt(sigchld_spawn(ctx, &child, &options, NULL, NULL), 0);
	ck_assert_uint_gt(used, 0);
	ck_assert_uint_le(used, SIGCHLD__CHILD_STACK / 2);
	MUST_BE(1, sigchld_child_wait(child, -1, NULL));
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

/* Slots */

/* So many descriptors that what comes next has a high number. */
static int
crowd(int *fds, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		fds[i] = fcntl(0, F_DUPFD_CLOEXEC, 0);
		ck_assert_int_ge(fds[i], 0);
	}
	return fds[n - 1];
}

static void
disperse(const int *fds, int n)
{
	int i;

	for (i = 0; i < n; i++)
		(void)close(fds[i]);
}

static void
spawn_with_pipes(struct sigchld_ctx *ctx)
{
	struct ended ended = { .count = 0 };
	int out, in;
	char byte;
	pid_t pid;

	pid = sigchld_spawn(ctx, NULL,
	    SIGCHLD_SPAWN(.argv = args, .ret_stdin = &in, .ret_stdout = &out),
	    on_end, &ended);
	ck_assert_int_gt(pid, 0);
	/* No slot holds an end of a pipe open. */
	ck_assert_int_eq(read(out, &byte, 1), 0);
	await_end(ctx, &ended, pid, 0);
	(void)close(in);
	(void)close(out);
}

/* How many of the library's are below 64: slots are claimed, never owned. */
static int
count_slots(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 64; fd++) {
		struct sigchld__fdentry *entry = sigchld__fd_entry(fd);

		if (entry != NULL && atomic_load(&entry->word) == 0x10000)
			n++;
	}
	return n;
}

START_TEST(slots_come_when_numbers_grow)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int fds[200];

	if (forks_only())
		harness_skip("no table is shared");
	spawn_with_pipes(ctx);
	ck_assert_int_eq(count_slots(), 0);
	(void)crowd(fds, 40);
	spawn_with_pipes(ctx);
	ck_assert_int_eq(count_slots(), 5);
	(void)crowd(fds + 40, 160);
	spawn_with_pipes(ctx);
	spawn_with_pipes(ctx);
	ck_assert_int_eq(count_slots(), 5);
	disperse(fds, 200);
	sigchld__slots_close();
	ck_assert_int_eq(count_slots(), 0);
	sigchld_free(ctx);
}
END_TEST

/* What the child had to copy is what is below the number that it unshares at,
 * which strace would show; here a seccomp filter does: only a low one passes. */
static void
allow_unshare_below(unsigned int most)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, most, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = { sizeof(filter) / sizeof(filter[0]),
		filter };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), 0);
}

START_TEST(no_more_is_copied_when_numbers_are_high)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	static int fds[1000];
	int again[45];

	if (forks_only())
		harness_skip("no table is shared");
	(void)crowd(fds, 40);
	spawn_with_pipes(ctx);
	(void)crowd(fds + 40, 960);
	allow_unshare_below(64);
	n_clones = n_copies = 0;
	spawn_with_pipes(ctx);
	ck_assert_int_eq(n_clones, 1);
	ck_assert_int_eq(n_copies, 0);
	/* Without slots it is refused, as it should be. */
	disperse(fds, 40);
	sigchld__slots_close();
	(void)crowd(again, 45);
	spawn_with_pipes(ctx);
	ck_assert_int_eq(n_copies, 1);
	disperse(again, 45);
	disperse(fds + 40, 960);
	sigchld__slots_close();
	sigchld_free(ctx);
}
END_TEST

/* The number that was a slot belongs to somebody else in a forked child. */
START_TEST(d7_a_forked_child_has_no_slots)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int fds[100];
	pid_t pid;

	if (forks_only())
		harness_skip("no table is shared");
	(void)crowd(fds, 100);
	disperse(fds, 30);
	spawn_with_pipes(ctx); /* its pipes are low */
	(void)crowd(fds, 30);
	spawn_with_pipes(ctx);
	pid = sigchld_fork(ctx, NULL, 0, NULL, NULL);
	if (pid == 0) {
		int slots = count_slots(), i;
		struct stat st;

		for (i = 0; i < 100; i++)
			CHILD_MUST(fstat(fds[i], &st) == 0);
		_exit(slots);
	}
	ck_assert_int_eq(exit_code(pid), 0);
	disperse(fds, 100);
	sigchld__slots_close();
	sigchld_free(ctx);
}
END_TEST

/* Filters */

/* The program and its descriptors are right, whatever is refused. */
static void
must_show_right(void)
{
	const struct shown *shown;
	int file = new_file();

	shown =
	    show(SIGCHLD_SPAWN(.fdmap = (struct sigchld_fdmap[]){ { file, 7 } },
		.nfdmap = 1));
	must_have(shown, 7, file);
	ck_assert_int_eq(lines(shown, "fd "), 4);
	(void)close(file);
}

static void
with_refused(long number, int err)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)sigchld_postfork();
		/* Without pidfds none can be insisted on. */
		(void)setenv("HARNESS_WAKE", "auto", 1);
		ck_assert(harness_refuse(number, err));
		must_show_right();
		must_show_right();
		must_be_childless();
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
}

START_TEST(c32_close_range_is_refused)
{
	with_refused(SYS_close_range, EPERM);
	with_refused(SYS_close_range, ENOSYS);
}
END_TEST

START_TEST(c32_close_range_kills)
{
	if (forks_only())
		harness_skip("fork(2) cannot know of it before");
	with_refused(SYS_close_range, HARNESS_TRAP);
}
END_TEST

START_TEST(c32_pidfds_and_clone3_are_refused)
{
	with_refused(SYS_pidfd_open, EPERM);
	with_refused(SYS_pidfd_open, ENOSYS);
	with_refused(SYS_clone3, EPERM);
	with_refused(SYS_clone3, ENOSYS);
}
END_TEST

START_TEST(c32_no_process_is_allowed)
{
	static const int errors[] = { EPERM, ENOSYS };
	int i;

	for (i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			struct sigchld_ctx *ctx = open_ctx(NULL);
			int rc;

			ck_assert(harness_refuse(SYS_clone, errors[i]));
			rc = spawn(ctx, NULL);
			CHILD_MUST(rc == (i == 0 ? -EACCES : -ENOSYS));
			sigchld_free(ctx);
			_exit(0);
		}
		ck_assert_int_eq(exit_code(pid), 0);
	}
}
END_TEST

/* After the probe, so that a spawn finds out. */
START_TEST(c32_close_range_is_refused_later)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);

	must_run(ctx);
	sigchld_free(ctx);
	with_refused(SYS_close_range, EPERM);
	if (!forks_only())
		with_refused(SYS_close_range, HARNESS_TRAP);
}
END_TEST

/* valgrind */

static const char valgrind_lib[] = "/nowhere/vgpreload_core-amd64-linux.so";

static bool
is_under_valgrind(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	return preloaded != NULL && strstr(preloaded, "/vgpreload_") != NULL;
}

/* It ends a process that makes a clone which it does not know; a probe, too. */
static void
must_only_fork(void)
{
	static char *none[] = { NULL };
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct ended ended = { .count = 0 };
	pid_t pid;

	pid = sigchld_spawn(ctx, NULL,
	    SIGCHLD_SPAWN(.argv = args, .envp = none), on_end, &ended);
	ck_assert_msg(pid > 0, "%s", strerror(-pid));
	await_end(ctx, &ended, pid, 0);
	ck_assert_int_eq(n_forks, 1);
	ck_assert_int_eq(n_clones + n_copies, 0);
	sigchld_free(ctx);
}

START_TEST(c32_with_the_sign_of_valgrind_it_forks)
{
	const char *before = getenv("LD_PRELOAD");
	struct sigchld_ctx *ctx;

	if (forks_only() || before != NULL)
		harness_skip("it forks anyway, or something is preloaded");
	ck_assert_int_eq(setenv("LD_PRELOAD", valgrind_lib, 1), 0);
	must_only_fork();
	ck_assert_int_eq(unsetenv("LD_PRELOAD"), 0);
	ctx = open_ctx(NULL);
	must_run(ctx);
	ck_assert_int_eq(n_forks, 1);
	ck_assert_int_gt(n_clones, 0);
	sigchld_free(ctx);
}
END_TEST

/* The same test once more, by a copy of this program under it. */
_Noreturn static void
become_valgrind(int to)
{
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	CHILD_MUST(n > 0);
	self[n] = '\0';
	/* It knows no pidfds. */
	CHILD_MUST(setenv("HARNESS_WAKE", "auto", 1) == 0);
	CHILD_MUST(dup2(to, 1) == 1 && dup2(to, 2) == 2);
	(void)execlp("valgrind", "valgrind", "-q",
	    "--child-silent-after-fork=no", self, "c32_under_valgrind_it_forks",
	    (char *)NULL);
	_exit(77);
}

START_TEST(c32_under_valgrind_it_forks)
{
	int file, code;
	char text[65536];
	ssize_t n;
	pid_t pid;

	if (is_under_valgrind()) {
		must_only_fork();
		return;
	}
	if (forks_only())
		harness_skip("it forks anyway");
	file = new_file();
	pid = fork();
	if (pid == 0)
		become_valgrind(file);
	code = exit_code(pid);
	n = pread(file, text, sizeof(text) - 1, 0);
	(void)close(file);
	if (code == 77)
		harness_skip("there is no valgrind, or it cannot run");
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	if (strstr(text, "debuginfo reader") != NULL)
		harness_skip("valgrind cannot read what the compiler wrote");
	ck_assert_msg(code == 0 && strstr(text, "clone") == NULL, "%d:\n%s",
	    code, text);
}
END_TEST

HARNESS("engine",
    {
	HARNESS_TEST(c32_the_best_engine_is_taken),
	HARNESS_TEST(c32_a_context_with_its_own_fork_forks),
	HARNESS_TEST(c32_ids_never_share_memory),
	HARNESS_TEST(c32_what_is_refused_is_done_otherwise),
	HARNESS_TEST(c32_a_late_refusal_is_remembered),
	HARNESS_TEST(c31_no_process_can_be_had),
	HARNESS_TEST(c31_without_a_pidfd_it_runs_too),
	HARNESS_TEST(g6_whatever_fails_leaves_nothing),
	HARNESS_TEST(c31_no_descriptors_are_left),
	HARNESS_TEST(c19_killed_before_it_ran_is_an_error),
	HARNESS_TEST(c29_the_childs_stack_is_large_enough),
	HARNESS_TEST(slots_come_when_numbers_grow),
	HARNESS_TEST(no_more_is_copied_when_numbers_are_high),
	HARNESS_TEST(d7_a_forked_child_has_no_slots),
	HARNESS_TEST(c32_close_range_is_refused),
	HARNESS_TEST(c32_close_range_kills),
	HARNESS_TEST(c32_pidfds_and_clone3_are_refused),
	HARNESS_TEST(c32_no_process_is_allowed),
	HARNESS_TEST(c32_close_range_is_refused_later),
	HARNESS_TEST(c32_with_the_sign_of_valgrind_it_forks),
	HARNESS_TEST(c32_under_valgrind_it_forks),
    })
