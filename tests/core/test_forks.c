/*
 * test_forks.c - what a fork does to us
 *
 * wrap: write
 */
#include <sys/syscall.h>

#include "async/sys.h"
#include "help.h"

static atomic_int n_writes;

int __real_sigchld__sys_write(int fd, const void *data, size_t size);
int __wrap_sigchld__sys_write(int fd, const void *data, size_t size);

int
__wrap_sigchld__sys_write(int fd, const void *data, size_t size)
{
	n_writes++;
	return __real_sigchld__sys_write(fd, data, size);
}

static pid_t
clone_raw(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

/* A whole life of a context; ends the process if something is wrong. */
static void
live_in_child(void)
{
	struct sigchld_ctx *ctx = NULL;
	struct harness_log log = { .count = 0 };
	pid_t pid;

	CHILD_MUST(sigchld_new(&ctx, NULL) == 0);
	pid = sigchld_fork(ctx, NULL, 0, harness_on_event, &log);
	if (pid == 0)
		_exit(42);
	CHILD_MUST(pid > 0);
	while (log.count == 0)
		CHILD_MUST(sigchld_wait(ctx, 20000) >= 0);
	CHILD_MUST(log.pid == pid && log.wstatus == 42 << 8);
	CHILD_MUST(log.source == SIGCHLD_SOURCE_WAIT);
	sigchld_free(ctx);
	CHILD_MUST(handler_is(SIG_DFL));
}

/* Before postfork nothing works and nothing is written; after it all does. */
static void
check_child(struct sigchld_ctx *ctx, struct sigchld_child *child, int fd)
{
	struct sigchld_ctx *own = NULL;
	struct sigchld_stats stats = { .size = sizeof(stats) };

	n_writes = 0;
	CHILD_MUST(raise(SIGCHLD) == 0);
	CHILD_MUST(n_writes == 0);
	CHILD_MUST(sigchld_new(&own, NULL) == -EPERM);
	CHILD_MUST(own == NULL);
	CHILD_MUST(sigchld_dispatch(ctx) == -EPERM);
	CHILD_MUST(sigchld_wait(ctx, -1) == -EPERM);
	CHILD_MUST(sigchld_watch(ctx, NULL, 1, 0, NULL, NULL) == -EPERM);
	CHILD_MUST(sigchld_fork(ctx, NULL, 0, NULL, NULL) == -EPERM);
	CHILD_MUST(sigchld_get_stats(ctx, &stats) == -EPERM);
	CHILD_MUST(sigchld_health() == -EPERM);
	CHILD_MUST(sigchld_child_wait(child, -1, NULL) == -EPERM);
	CHILD_MUST(sigchld_child_pid(child) > 0);
	CHILD_MUST(fcntl(fd, F_GETFD) != -1);
	CHILD_MUST(sigchld_postfork() == 0);
	CHILD_MUST(fcntl(fd, F_GETFD) == -1);
	CHILD_MUST(handler_is(SIG_DFL));
	CHILD_MUST(sigchld_postfork() == 0); /* harmless twice */
	CHILD_MUST(sigchld_dispatch(ctx) == -EPERM);
	live_in_child();
	CHILD_MUST(sigchld_postfork() == 0);
	CHILD_MUST(sigchld_dispatch(ctx) == -EPERM);
	sigchld_child_free(child);
	sigchld_free(ctx);
}

static void
fork_with(pid_t (*fn)(void))
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct sigchld_child *child;
	struct harness_child held =
	    harness_fork_watched(ctx, &child, 0, 1, harness_on_event, &log);
	int fd = sigchld_fd(ctx);
	pid_t pid = fn();

	if (pid == 0) {
		check_child(ctx, child, fd);
		_exit(0);
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(exit_code(pid), 0);
	/* The parent has noticed nothing. */
	MUST_BE(0, sigchld_dispatch(ctx));
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 1 << 8);
	sigchld_child_free(child);
	sigchld_free(ctx);
}

START_TEST(g9_fork)
{
	fork_with(fork);
}
END_TEST

START_TEST(g9_a_raw_clone_which_runs_no_hook)
{
	fork_with(clone_raw);
}
END_TEST

START_TEST(c39_daemonized_after_the_context_was_opened)
{
	int report[2], code = -1;
	pid_t first;

	ck_assert_int_eq(pipe(report), 0);
	first = fork();
	if (first == 0) {
		struct sigchld_ctx *ctx = NULL;

		CHILD_MUST(sigchld_new(&ctx, NULL) == 0);
		CHILD_MUST(sigchld_fork(ctx, NULL, 0, NULL, NULL) >= 0);
		if (sigchld_dispatch(ctx) == -EPERM)
			_exit(0); /* that was the child's child */
		if (fork() != 0)
			_exit(0); /* the parent exits, as daemon(3) does */
		(void)setsid();
		code = sigchld_dispatch(ctx) == -EPERM ? 0 : 1;
		CHILD_MUST(sigchld_postfork() == 0);
		sigchld_free(ctx);
		live_in_child();
		(void)!write(report[1], &code, sizeof(code));
		_exit(0);
	}
	(void)close(report[1]);
	ck_assert_int_eq(exit_code(first), 0);
	ck_assert_int_eq(read(report[0], &code, sizeof(code)), sizeof(code));
	ck_assert_int_eq(code, 0);
	(void)close(report[0]);
}
END_TEST

static void
foreign(int sig)
{
	(void)sig;
}

START_TEST(postfork_gives_the_old_action_back)
{
	struct sigchld_ctx *ctx;
	pid_t pid;

	(void)signal(SIGCHLD, foreign);
	ctx = open_ctx(SIGCHLD_OPTIONS(.flags = SIGCHLD_ALWAYS));
	ck_assert(!handler_is(foreign));
	block_sigchld(SIG_BLOCK);
	pid = fork();
	if (pid == 0) {
		CHILD_MUST(sigchld_postfork() == 0);
		CHILD_MUST(handler_is(foreign));
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
	ck_assert(!handler_is(foreign));
	sigchld_free(ctx);
	ck_assert(handler_is(foreign));
}
END_TEST

START_TEST(postfork_in_a_process_that_was_not_forked_does_nothing)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };

	MUST_BE(0, sigchld_postfork());
	(void)watched_zombie(ctx, NULL, 0, harness_on_event, &log);
	MUST_BE(0, sigchld_postfork());
	MUST_BE(1, sigchld_dispatch(ctx));
	sigchld_free(ctx);
}
END_TEST

/* What the vfork child found; it shares our memory. */
static volatile int in_vfork;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

START_TEST(c19_postfork_in_a_vfork_child_is_refused)
{
	in_vfork = 0;
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
	harness_skip("a sanitizer makes a fork of vfork");
#elif defined(SIGCHLD_PORTABLE)
	harness_skip("nothing tells that memory is shared");
#else
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	int fd = sigchld_fd(ctx);
	pid_t pid;

	pid = vfork();
	if (pid == 0) {
		in_vfork = sigchld_postfork();
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
	MUST_BE(-EPERM, in_vfork);
	ck_assert_int_eq(sigchld_fd(ctx), fd);
	(void)watched_zombie(ctx, NULL, 0, harness_on_event, &log);
	MUST_BE(1, sigchld_dispatch(ctx));
	sigchld_free(ctx);
#endif
}
END_TEST

#pragma GCC diagnostic pop

/* Callbacks that fork */

struct forking {
	struct sigchld_ctx *ctx;
	pid_t pid;
	bool postfork;
	int count;
};

static void
fork_in_callback(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct forking *f = user;

	(void)child;
	(void)event;
	if (f->count++ > 0)
		return;
	f->pid = fork();
	if (f->pid == 0 && f->postfork) {
		CHILD_MUST(sigchld_postfork() == 0);
		sigchld_free(f->ctx);
		live_in_child();
	}
}

static void
come_back_forked(bool postfork, bool by_wait)
{
	struct forking f = { .postfork = postfork };
	int rc;

	f.ctx = open_ctx(NULL);
	(void)watched_zombie(f.ctx, NULL, 0, fork_in_callback, &f);
	(void)watched_zombie(f.ctx, NULL, 0, fork_in_callback, &f);
	rc = by_wait ? sigchld_wait(f.ctx, -1) : sigchld_dispatch(f.ctx);
	if (f.pid == 0) {
		CHILD_MUST(rc == -EPERM);
		CHILD_MUST(f.count == 1);
		_exit(0);
	}
	MUST_BE(2, rc);
	ck_assert_int_eq(exit_code(f.pid), 0);
	sigchld_free(f.ctx);
}

START_TEST(c23_a_fork_in_a_callback_and_its_dispatch_gives_eperm)
{
	come_back_forked(false, false);
	come_back_forked(false, true);
	come_back_forked(true, false);
	come_back_forked(true, true);
}
END_TEST

static void
sigchld_fork_in_callback(struct sigchld_child *child,
    const struct sigchld_event *event, void *user)
{
	struct forking *f = user;

	(void)event;
	f->count++;
	if (f->count > 1)
		return;
	f->pid = sigchld_fork(sigchld_child_ctx(child), NULL, 0,
	    sigchld_fork_in_callback, f);
	if (f->pid == 0)
		_exit(0);
}

START_TEST(c23_sigchld_fork_in_a_callback)
{
	struct forking f = { .count = 0 };

	f.ctx = open_ctx(NULL);
	(void)watched_zombie(f.ctx, NULL, 0, sigchld_fork_in_callback, &f);
	harness_wait_for(f.ctx, &f.count, 2);
	sigchld_free(f.ctx);
}
END_TEST

/* A birth is under way on another thread when we fork. In the child that thread
 * is gone, and its stack is given to others before sigchld_postfork runs. */

static struct gate in_birth = GATE, birth_goes_on = GATE;

static pid_t
slow_fork(void *user)
{
	(void)user;
	gate_open(&in_birth);
	gate_pass(&birth_goes_on, 1);
	return fork();
}

static void *
bear(void *user)
{
	struct sigchld_child *child;
	pid_t pid = sigchld_fork(user, &child, 0, NULL, NULL);

	if (pid == 0)
		_exit(0);
	ck_assert_int_gt(pid, 0);
	MUST_BE(1, sigchld_child_wait(child, -1, NULL));
	sigchld_child_free(child);
	return NULL;
}

static void *
scribble(void *user)
{
	volatile char stack[32768];
	size_t i;

	(void)user;
	for (i = 0; i < sizeof(stack); i++)
		stack[i] = 1;
	return NULL;
}

START_TEST(g9_the_stack_of_a_birth_is_given_to_another_thread)
{
	struct sigchld_ctx *ctx;
	pthread_t thread;
	pid_t pid;
	int i;

#ifdef __SANITIZE_THREAD__
	harness_skip("the sanitizer wants no threads in a forked child");
#endif
	ctx = open_ctx(SIGCHLD_OPTIONS(.fork = slow_fork));
	thread = start(bear, ctx);
	gate_pass(&in_birth, 1);
	pid = fork();
	if (pid == 0) {
		for (i = 0; i < 4; i++) {
			CHILD_MUST(pthread_create(&thread, NULL, scribble,
				       NULL) == 0);
			CHILD_MUST(pthread_join(thread, NULL) == 0);
		}
		CHILD_MUST(sigchld_postfork() == 0);
		live_in_child();
		_exit(0);
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(exit_code(pid), 0);
	gate_open(&birth_goes_on);
	(void)finish(thread);
	sigchld_free(ctx);
}
END_TEST

/* Fork while other threads are in the midst of everything: the child works. */

static atomic_bool enough;

static void *
churn(void *user)
{
	struct sigchld_ctx *ctx;
	struct harness_log log;

	(void)user;
	while (!atomic_load(&enough)) {
		log.count = 0;
		ctx = open_ctx(NULL);
		if (sigchld_fork(ctx, NULL, 0, harness_on_event, &log) == 0)
			_exit(0);
		harness_wait_for(ctx, &log.count, 1);
		sigchld_free(ctx);
	}
	return NULL;
}

/* The thread sanitizer has locks of its own, which a raw clone leaves held. */
static bool
may_clone_among_threads(void)
{
#ifdef __SANITIZE_THREAD__
	return false;
#else
	return true;
#endif
}

START_TEST(c15_forks_among_threads_that_edit)
{
	pthread_t thread[2];
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int i;
	pid_t pid;

	for (i = 0; i < 2; i++)
		thread[i] = start(churn, NULL);
	for (i = 0; i < 40; i++) {
		pid = i % 2 == 0 || !may_clone_among_threads() ? fork()
							       : clone_raw();
		if (pid == 0) {
			CHILD_MUST(sigchld_postfork() == 0);
			if (i % 2 == 0)
				live_in_child();
			_exit(0);
		}
		ck_assert_int_gt(pid, 0);
		ck_assert_int_eq(exit_code(pid), 0);
	}
	atomic_store(&enough, true);
	for (i = 0; i < 2; i++)
		(void)finish(thread[i]);
	sigchld_free(ctx);
}
END_TEST

HARNESS("forks",
    {
	HARNESS_TEST(g9_fork),
	HARNESS_TEST(g9_a_raw_clone_which_runs_no_hook),
	HARNESS_TEST(c39_daemonized_after_the_context_was_opened),
	HARNESS_TEST(postfork_gives_the_old_action_back),
	HARNESS_TEST(postfork_in_a_process_that_was_not_forked_does_nothing),
	HARNESS_TEST(c19_postfork_in_a_vfork_child_is_refused),
	HARNESS_TEST(c23_a_fork_in_a_callback_and_its_dispatch_gives_eperm),
	HARNESS_TEST(c23_sigchld_fork_in_a_callback),
	HARNESS_TEST(g9_the_stack_of_a_birth_is_given_to_another_thread),
	HARNESS_TEST(c15_forks_among_threads_that_edit),
    })
