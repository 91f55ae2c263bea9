/*
 * test_g6.c - G6: a fork that returned a pid is watched: whatever can fail was
 * done before it
 *
 * wrap: fork alloc map waitid
 *
 * The n-th of these calls fails, for every n, until a fork goes through without
 * a fault.
 */
#include "async/sys.h"
#include "core/sys.h"
#include "help.h"

static int countdown = -1; /* calls until one fails; -1: none does */
static bool hit, after_fork, nothing_works;
static int n_forks;

static bool
fails(void)
{
	if (after_fork && nothing_works)
		return true;
	if (countdown < 0 || countdown-- > 0)
		return false;
	hit = true;

	return true;
}

pid_t __real_sigchld__sys_fork(void);
pid_t __wrap_sigchld__sys_fork(void);
void *__real_sigchld__sys_alloc(size_t n, size_t size);
void *__wrap_sigchld__sys_alloc(size_t n, size_t size);
void *__real_sigchld__sys_map(size_t size);
void *__wrap_sigchld__sys_map(size_t size);
int __real_sigchld__sys_waitid(int type, int id, struct sigchld__wait *wait,
    int options);
int __wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *wait,
    int options);

pid_t
__wrap_sigchld__sys_fork(void)
{
	pid_t pid;

	if (fails())
		return -EAGAIN;
	n_forks++;
	pid = __real_sigchld__sys_fork();
	after_fork = pid > 0;

	return pid;
}

void *
__wrap_sigchld__sys_alloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_sigchld__sys_alloc(n, size);
}

/* A place to remember what was there before our handler. */
void *
__wrap_sigchld__sys_map(size_t size)
{
	return fails() ? NULL : __real_sigchld__sys_map(size);
}

int
__wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *wait,
    int options)
{
	return fails() ? -EINVAL
		       : __real_sigchld__sys_waitid(type, id, wait, options);
}

static bool
is_default(void)
{
	struct sigaction now;

	ck_assert_int_eq(sigaction(SIGCHLD, NULL, &now), 0);

	return !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL;
}

/* One fork, whose n-th call fails. Gives its pid, or -errno. */
static pid_t
try_fork(struct sigchld_ctx *ctx, struct harness_log *log, int n)
{
	pid_t pid;

	hit = after_fork = false;
	n_forks = 0;
	countdown = n;
	pid = sigchld_fork(ctx, NULL, 0, harness_on_event, log);
	if (pid == 0)
		_exit(6);
	countdown = -1;

	return pid;
}

START_TEST(g6_pid_or_nothing)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int n, n_failed = 0;
	pid_t pid;

	for (n = 0;; n++) {
		struct harness_log log = { 0 };

		pid = try_fork(ctx, &log, n);
		if (pid < 0) {
			n_failed++;
			ck_assert_int_eq(n_forks, 0);
			ck_assert_uint_eq(stats_of(ctx).children, 0);
			ck_assert(is_default());
			continue;
		}
		ck_assert_int_eq(n_forks, 1);
		ck_assert_uint_eq(stats_of(ctx).children, 1);
		harness_wait_for(ctx, &log.count, 1);
		ck_assert_int_eq(log.pid, pid);
		ck_assert_int_eq(log.wstatus, 6 << 8);
		if (!hit)
			break;
	}
	/* memory for the child, the fork itself, and a handler if there is
	 * one, at least */
	ck_assert_int_ge(n_failed, harness_on_pidfds() ? 2 : 3);
	sigchld_free(ctx);
}
END_TEST

/* From the fork on everything fails; then it works again. */
START_TEST(g6_nothing_fails_after_the_fork)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { 0 };
	pid_t pid;

	nothing_works = true;
	pid = try_fork(ctx, &log, -1);
	ck_assert_int_gt(pid, 0);
	ck_assert(after_fork);
	ck_assert_uint_eq(stats_of(ctx).children, 1);
	nothing_works = false;
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.pid, pid);
	sigchld_free(ctx);
}
END_TEST

/* It may be dead before sigchld_fork returns, and its SIGCHLD handled, and the
 * context dispatched, on another thread. */

static void *
handle_and_dispatch(void *arg)
{
	struct sigchld_ctx *ctx = arg;

	block_sigchld(SIG_UNBLOCK);
	ck_assert(harness_readable(sigchld_fd(ctx), 0) == !harness_on_pidfds());
	ck_assert_int_eq(sigchld_dispatch(ctx), 0);

	return NULL;
}

static pid_t
fork_and_await(void *user)
{
	struct sigchld_ctx **ctx = user;
	pthread_t thread;
	pid_t pid = fork();

	if (pid == 0)
		_exit(6);
	harness_await_zombie(pid);
	ck_assert_int_eq(pthread_create(&thread, NULL, handle_and_dispatch,
			     *ctx),
	    0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert(!harness_readable(sigchld_fd(*ctx), 0));

	return pid;
}

START_TEST(g6_dead_before_the_fork_returned)
{
	struct sigchld_ctx *ctx = NULL;
	struct harness_log log = { 0 };
	pid_t pid;

	ctx = open_ctx(SIGCHLD_OPTIONS(.fork = fork_and_await, .user = &ctx));
	pid = sigchld_fork(ctx, NULL, 0, harness_on_event, &log);
	ck_assert_int_gt(pid, 0);
	ck_assert(harness_readable(sigchld_fd(ctx), 0));
	ck_assert_int_eq(sigchld_dispatch(ctx), 1);
	ck_assert_int_eq(log.pid, pid);
	ck_assert_int_eq(log.wstatus, 6 << 8);
	sigchld_free(ctx);
}
END_TEST

static pid_t
fail_to_fork(void *user)
{
	(void)user;
	errno = ENOMEM;

	return -1;
}

START_TEST(g6_fork_of_the_application_fails)
{
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.fork = fail_to_fork));

	errno = EILSEQ;
	ck_assert_int_eq(sigchld_fork(ctx, NULL, 0, NULL, NULL), -ENOMEM);
	ck_assert_int_eq(errno, EILSEQ);
	ck_assert_uint_eq(stats_of(ctx).children, 0);
	ck_assert(is_default());
	sigchld_free(ctx);
}
END_TEST

HARNESS("g6",
    {
	HARNESS_TEST(g6_pid_or_nothing),
	HARNESS_TEST(g6_nothing_fails_after_the_fork),
	HARNESS_TEST(g6_dead_before_the_fork_returned),
	HARNESS_TEST(g6_fork_of_the_application_fails),
    })
