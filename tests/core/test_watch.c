/*
 * test_watch.c - get a child: watch one that is there, or fork one
 *
 * wrap: waitid alloc map fork sigaction
 */
#include <sys/syscall.h>

#include "async/sys.h"
#include "core/sys.h"
#include "help.h"

/* The n-th allocation fails; 0: none does. */
static int alloc_fails_at, n_allocs;
static int fork_fails;   /* -errno, once */
static int waitid_fails; /* -errno, or 0 */
static int n_installed;  /* actions of SIGCHLD */

void *__real_sigchld__sys_alloc(size_t n, size_t size);
void *__wrap_sigchld__sys_alloc(size_t n, size_t size);
void *__real_sigchld__sys_map(size_t size);
void *__wrap_sigchld__sys_map(size_t size);
pid_t __real_sigchld__sys_fork(void);
pid_t __wrap_sigchld__sys_fork(void);
int __real_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);
int __wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);

int __real_sigchld__sys_sigaction(int sig, const struct sigaction *action,
    struct sigaction *before);
int __wrap_sigchld__sys_sigaction(int sig, const struct sigaction *action,
    struct sigaction *before);

int
__wrap_sigchld__sys_sigaction(int sig, const struct sigaction *action,
    struct sigaction *before)
{
	n_installed += action != NULL;
	return __real_sigchld__sys_sigaction(sig, action, before);
}

void *
__wrap_sigchld__sys_alloc(size_t n, size_t size)
{
	if (++n_allocs == alloc_fails_at)
		return NULL;
	return __real_sigchld__sys_alloc(n, size);
}

void *
__wrap_sigchld__sys_map(size_t size)
{
	if (++n_allocs == alloc_fails_at)
		return NULL;
	return __real_sigchld__sys_map(size);
}

pid_t
__wrap_sigchld__sys_fork(void)
{
	int rc = fork_fails;

	fork_fails = 0;
	return rc < 0 ? rc : __real_sigchld__sys_fork();
}

int
__wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options)
{
	return waitid_fails < 0
	    ? waitid_fails
	    : __real_sigchld__sys_waitid(type, id, ret_wait, options);
}

/* Dead or alive */

START_TEST(c3_child_dead_before_watch)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	pid_t pid = fork_zombie(11);

	MUST_BE(0, sigchld_watch(ctx, NULL, pid, 0, harness_on_event, &log));
	ck_assert(harness_readable(sigchld_fd(ctx), 0));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(log.pid, pid);
	ck_assert_int_eq(log.wstatus, 11 << 8);
	ck_assert(harness_is_reaped(pid));
	sigchld_free(ctx);
}
END_TEST

START_TEST(c3_child_dead_before_the_first_context)
{
	struct harness_log log = { .count = 0 };
	pid_t pid = fork_zombie(12);
	struct sigchld_ctx *ctx = open_ctx(NULL);

	MUST_BE(0, sigchld_watch(ctx, NULL, pid, 0, harness_on_event, &log));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(log.wstatus, 12 << 8);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c3_child_dead_with_sigchld_blocked_throughout)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };

	block_sigchld(SIG_BLOCK);
	(void)watched_zombie(ctx, NULL, 1, harness_on_event, &log);
	ck_assert_int_eq(log.count, 0);
	block_sigchld(SIG_UNBLOCK);
	harness_wait_for(ctx, &log.count, 1);
	sigchld_free(ctx);
}
END_TEST

START_TEST(a_child_alive_is_watched_to_its_end)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held = harness_fork_held(13);
	struct sigchld_child *child = NULL;

	MUST_BE(0,
	    sigchld_watch(ctx, &child, held.pid, 0, harness_on_event, &log));
	ck_assert_int_eq(sigchld_child_pid(child), held.pid);
	ck_assert_ptr_eq(sigchld_child_user(child), &log);
	ck_assert_ptr_eq(sigchld_child_ctx(child), ctx);
	MUST_BE(0, sigchld_dispatch(ctx));
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 13 << 8);
	ck_assert_int_eq(sigchld_child_pid(child), held.pid);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

/* Refusals: each changes nothing. */

static struct sigchld_child *const untouched = (void *)&alloc_fails_at;

static void
watch_fails(int want, struct sigchld_ctx *ctx, pid_t pid, uint32_t flags)
{
	struct sigchld_child *child = untouched;
	uint64_t before = ctx == NULL ? 0 : stats_of(ctx).children;

	MUST_BE(want, sigchld_watch(ctx, &child, pid, flags, NULL, NULL));
	ck_assert_ptr_eq(child, untouched);
	if (ctx != NULL)
		ck_assert_uint_eq(stats_of(ctx).children, before);
}

/* What does not exist needs no signal in place of a pidfd. */
START_TEST(a_watch_of_nobody_leaves_the_signal_alone)
{
	struct sigchld_ctx *ctx;
	pid_t pid = fork_zombie(0);

	if (!harness_on_pidfds())
		harness_skip("all depend on the signal here");
	reap_by_hand(pid);
	ctx = open_ctx(NULL);
	n_installed = 0;
	watch_fails(-ECHILD, ctx, pid, 0);
	watch_fails(-ECHILD, ctx, getppid(), 0);
	ck_assert_int_eq(n_installed, 0);
	ck_assert_uint_eq(stats_of(ctx).demoted, 0);
	sigchld_free(ctx);
}
END_TEST

START_TEST(watch_refuses_wrong_use)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child held = harness_fork_held(0);

	watch_fails(-EINVAL, NULL, held.pid, 0);
	watch_fails(-EINVAL, ctx, 0, 0);
	watch_fails(-EINVAL, ctx, -1, 0);
	watch_fails(-EINVAL, ctx, held.pid, 0x8u);
	watch_fails(-EINVAL, ctx, held.pid, 0x80000001u);
	watch_fails(-ECHILD, ctx, getpid(), 0);
	watch_fails(-ECHILD, ctx, getppid(), 0);
	watch_fails(-ECHILD, ctx, 0x7fffffff, 0);
	ck_assert(handler_is(SIG_DFL));
	harness_release(&held);
	reap_by_hand(held.pid);
	sigchld_free(ctx);
}
END_TEST

START_TEST(a_child_is_watched_once_in_the_whole_process)
{
	struct sigchld_ctx *a = open_ctx(NULL), *b = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held = harness_fork_held(0);

	MUST_BE(0, sigchld_watch(a, NULL, held.pid, 0, harness_on_event, &log));
	watch_fails(-EBUSY, a, held.pid, 0);
	watch_fails(-EBUSY, b, held.pid, 0);
	harness_release(&held);
	harness_wait_for(a, &log.count, 1);
	watch_fails(-ECHILD, b, held.pid, 0);
	sigchld_free(a);
	sigchld_free(b);
}
END_TEST

static void
foreign(int sig)
{
	(void)sig;
}

START_TEST(nochain_refuses_under_a_foreign_handler)
{
	struct sigchld_ctx *ctx;
	struct harness_child held = harness_fork_held(0);
	pid_t rc;

	ctx = open_ctx(SIGCHLD_OPTIONS(.flags = SIGCHLD_NOCHAIN));
	block_sigchld(SIG_BLOCK);
	(void)signal(SIGCHLD, foreign);
	watch_fails(-EBUSY, ctx, held.pid, 0);
	rc = sigchld_fork(ctx, NULL, 0, NULL, NULL);
	if (rc == 0)
		_exit(0);
	ck_assert_int_eq(rc, -EBUSY);
	ck_assert(handler_is(foreign));
	(void)signal(SIGCHLD, SIG_DFL);
	MUST_BE(0, sigchld_watch(ctx, NULL, held.pid, 0, NULL, NULL));
	harness_release(&held);
	harness_await_zombie(held.pid);
	block_sigchld(SIG_UNBLOCK);
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert(harness_is_reaped(held.pid));
	sigchld_free(ctx);
}
END_TEST

START_TEST(c31_a_watch_without_memory_changes_nothing)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held = harness_fork_held(3);
	int n, rc = -ENOMEM;

	for (n = 1; rc < 0; n++) {
		struct sigchld_child *child = untouched;

		n_allocs = 0;
		alloc_fails_at = n;
		rc = sigchld_watch(ctx, &child, held.pid, SIGCHLD_CHILD_STOPS,
		    harness_on_event, &log);
		alloc_fails_at = 0;
		if (rc == 0) {
			sigchld_child_free(child);
			break;
		}
		MUST_BE(-ENOMEM, rc);
		ck_assert_ptr_eq(child, untouched);
		ck_assert_uint_eq(stats_of(ctx).children, 0);
		ck_assert(handler_is(SIG_DFL));
	}
	ck_assert_int_ge(n, 2);
	harness_release(&held);
	harness_await_zombie(held.pid);
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert(harness_is_reaped(held.pid));
	sigchld_free(ctx);
}
END_TEST

START_TEST(c31_a_fork_without_memory_forks_nobody)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	int n;
	pid_t pid = -1;

	for (n = 1; pid < 0; n++) {
		struct sigchld_child *child = untouched;

		n_allocs = 0;
		alloc_fails_at = n;
		pid = sigchld_fork(ctx, &child, SIGCHLD_CHILD_STOPS,
		    harness_on_event, &log);
		alloc_fails_at = 0;
		if (pid == 0)
			_exit(0);
		if (pid > 0) {
			sigchld_child_free(child);
			break;
		}
		ck_assert_int_eq(pid, -ENOMEM);
		ck_assert_ptr_eq(child, untouched);
		ck_assert_int_eq(harness_count_children(), 0);
		ck_assert(handler_is(SIG_DFL));
	}
	ck_assert_int_ge(n, 2);
	harness_await_zombie(pid);
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert(harness_is_reaped(pid));
	sigchld_free(ctx);
}
END_TEST

START_TEST(a_peek_that_fails_refuses_the_watch)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child held = harness_fork_held(0);

	waitid_fails = -EACCES;
	watch_fails(-EACCES, ctx, held.pid, 0);
	waitid_fails = 0;
	ck_assert(handler_is(SIG_DFL));
	MUST_BE(0, sigchld_watch(ctx, NULL, held.pid, 0, NULL, NULL));
	harness_release(&held);
	harness_await_zombie(held.pid);
	MUST_BE(0, sigchld_dispatch(ctx));
	sigchld_free(ctx);
}
END_TEST

/* Fork */

START_TEST(g6_a_fork_that_fails_leaves_nothing_behind)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_child *child = untouched;
	sigset_t mask;

	errno = 4711;
	fork_fails = -EAGAIN;
	MUST_BE(-EAGAIN,
	    sigchld_fork(ctx, &child, SIGCHLD_CHILD_STOPS, NULL, NULL));
	ck_assert_int_eq(errno, 4711);
	ck_assert_ptr_eq(child, untouched);
	ck_assert_uint_eq(stats_of(ctx).children, 0);
	ck_assert(handler_is(SIG_DFL));
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
	ck_assert_int_eq(sigismember(&mask, SIGCHLD), 0);
	ck_assert_int_eq(sigismember(&mask, SIGTERM), 0);
	sigchld_free(ctx);
}
END_TEST

START_TEST(g6_a_fork_that_gave_a_pid_is_watched_even_if_the_peek_fails)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	pid_t pid;

	waitid_fails = -EACCES;
	pid = sigchld_fork(ctx, NULL, 0, harness_on_event, &log);
	if (pid == 0)
		_exit(21);
	waitid_fails = 0;
	ck_assert_int_gt(pid, 0);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 21 << 8);
	sigchld_free(ctx);
}
END_TEST

START_TEST(fork_refuses_wrong_use)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_child *child = untouched;

	MUST_BE(-EINVAL, sigchld_fork(NULL, &child, 0, NULL, NULL));
	MUST_BE(-EINVAL, sigchld_fork(ctx, &child, 8, NULL, NULL));
	ck_assert_ptr_eq(child, untouched);
	ck_assert_int_eq(harness_count_children(), 0);
	sigchld_free(ctx);
}
END_TEST

/* In the child: SIGCHLD as before us, the mask as it was, no context. */
START_TEST(c16_the_forked_child_has_none_of_it)
{
	struct sigchld_ctx *ctx = open_ctx(NULL), *own = NULL;
	struct harness_log log = { .count = 0 };
	struct sigchld_child *child = untouched;
	int fd = sigchld_fd(ctx);
	sigset_t mask;
	pid_t pid;

	pid = sigchld_fork(ctx, &child, 0, harness_on_event, &log);
	if (pid == 0) {
		CHILD_MUST(child == untouched);
		CHILD_MUST(fcntl(fd, F_GETFD) == -1);
		CHILD_MUST(sigchld_dispatch(ctx) == -EPERM);
		CHILD_MUST(sigchld_fork(ctx, NULL, 0, NULL, NULL) == -EPERM);
		CHILD_MUST(handler_is(SIG_DFL));
		CHILD_MUST(pthread_sigmask(SIG_BLOCK, NULL, &mask) == 0);
		CHILD_MUST(sigismember(&mask, SIGUSR1) == 0);
		CHILD_MUST(sigismember(&mask, SIGCHLD) == 0);
		CHILD_MUST(sigchld_new(&own, NULL) == 0);
		sigchld_free(own);
		sigchld_free(ctx);
		_exit(0);
	}
	ck_assert_ptr_ne(child, untouched);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 0);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

/* The fork replacement */

struct replacement {
	int calls, fail_errno;
	struct sigchld_ctx *ctx;
};

static pid_t
fork_by_hook(void *user)
{
	struct replacement *r = user;
	sigset_t mask;

	r->calls++;
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
	ck_assert_int_eq(sigismember(&mask, SIGCHLD), 1);
	if (r->fail_errno != 0) {
		errno = r->fail_errno;
		return -1;
	}
	return fork();
}

/* A child stops before its birth is over. Somebody else got the signal, and has
 * dispatched all there was to be told of. */
static pid_t
fork_stopping(void *user)
{
	struct sigchld_ctx *ctx = *(struct sigchld_ctx **)user;
	sigset_t set;
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0) {
		(void)raise(SIGSTOP);
		return 0;
	}
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT),
	    0);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	ck_assert_int_eq(sigwaitinfo(&set, NULL), SIGCHLD);
	MUST_BE(0, sigchld_occurred(NULL));
	MUST_BE(0, sigchld_dispatch(ctx));
	return pid;
}

START_TEST(c38_a_stop_while_it_is_born)
{
	struct sigchld_ctx *ctx = NULL;
	struct harness_log log = { .count = 0 };
	pid_t pid;

	ctx = open_ctx(SIGCHLD_OPTIONS(.fork = fork_stopping, .user = &ctx));
	pid = sigchld_fork(ctx, NULL, SIGCHLD_CHILD_STOPS, harness_on_event,
	    &log);
	if (pid == 0)
		_exit(7);
	ck_assert(harness_readable(sigchld_fd(ctx), 0));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_uint_eq(log.what, SIGCHLD_STOPPED);
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	harness_wait_for(ctx, &log.final, 1);
	ck_assert_int_eq(log.wstatus, 7 << 8);
	sigchld_free(ctx);
}
END_TEST

START_TEST(a_fork_replacement_makes_every_child)
{
	struct replacement r = { .calls = 0 };
	struct harness_log log = { .count = 0 };
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.fork = fork_by_hook, .user = &r));
	pid_t pid = sigchld_fork(ctx, NULL, 0, harness_on_event, &log);

	if (pid == 0) {
		CHILD_MUST(handler_is(SIG_DFL));
		CHILD_MUST(sigchld_dispatch(ctx) == -EPERM);
		_exit(31);
	}
	ck_assert_int_eq(r.calls, 1);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 31 << 8);
	sigchld_free(ctx);
}
END_TEST

START_TEST(a_fork_replacement_that_fails_tells_its_errno)
{
	struct replacement r = { .fail_errno = EMFILE };
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.fork = fork_by_hook, .user = &r));

	errno = 4711;
	MUST_BE(-EMFILE, sigchld_fork(ctx, NULL, 0, NULL, NULL));
	ck_assert_int_eq(errno, 4711);
	r.fail_errno = 0;
	ck_assert_uint_eq(stats_of(ctx).children, 0);
	ck_assert(handler_is(SIG_DFL));
	sigchld_free(ctx);
}
END_TEST

/* No atfork hook runs. */
static pid_t
clone_raw(void *user)
{
	(void)user;
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

START_TEST(c16_a_fork_replacement_that_clones_raw)
{
	struct harness_log log = { .count = 0 };
	struct sigchld_ctx *ctx = open_ctx(SIGCHLD_OPTIONS(.fork = clone_raw));
	int fd = sigchld_fd(ctx);
	pid_t pid = sigchld_fork(ctx, NULL, 0, harness_on_event, &log);

	if (pid == 0) {
		CHILD_MUST(sigchld_dispatch(ctx) == -EPERM);
		CHILD_MUST(fcntl(fd, F_GETFD) == -1);
		CHILD_MUST(handler_is(SIG_DFL));
		_exit(32);
	}
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 32 << 8);
	sigchld_free(ctx);
}
END_TEST

static pid_t
free_then_fork(void *user)
{
	struct replacement *r = user;
	pid_t pid = fork();

	if (pid > 0)
		sigchld_free(r->ctx);
	return pid;
}

START_TEST(c24_a_context_freed_while_it_forks_leaves_the_child_to_you)
{
	struct replacement r = { .calls = 0 };
	struct sigchld_child *child = NULL;
	pid_t pid;

	r.ctx = open_ctx(SIGCHLD_OPTIONS(.fork = free_then_fork, .user = &r));
	pid = sigchld_fork(r.ctx, &child, SIGCHLD_CHILD_STOPS, NULL, NULL);
	if (pid == 0)
		_exit(33);
	ck_assert_int_gt(pid, 0);
	ck_assert_ptr_null(sigchld_child_ctx(child));
	sigchld_child_free(child);
	ck_assert(handler_is(SIG_DFL));
	ck_assert_int_eq(exit_code(pid), 33);
}
END_TEST

static pid_t
busy_fork(void *user)
{
	struct replacement *r = user;

	MUST_BE(-EBUSY, sigchld_configure(r->ctx, NULL));
	return fork();
}

START_TEST(options_stay_while_a_fork_is_under_way)
{
	struct replacement r = { .calls = 0 };
	struct harness_log log = { .count = 0 };
	pid_t pid;

	r.ctx = open_ctx(SIGCHLD_OPTIONS(.fork = busy_fork, .user = &r));
	pid = sigchld_fork(r.ctx, NULL, 0, harness_on_event, &log);
	if (pid == 0)
		_exit(0);
	harness_wait_for(r.ctx, &log.count, 1);
	sigchld_free(r.ctx);
}
END_TEST

/* Pids that come back */

/* The kernel's struct clone_args, of Linux 5.5. */
struct clone_args_5_5 {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack,
	    stack_size, tls, set_tid, set_tid_size;
};

#ifndef SYS_clone3
#	define SYS_clone3 435
#endif

static pid_t wanted_pid;

static pid_t
clone_with_pid(void *user)
{
	struct clone_args_5_5 args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uint64_t)(uintptr_t)&wanted_pid,
		.set_tid_size = 1,
	};

	(void)user;
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static void
fork_again(struct sigchld_ctx *ctx, struct sigchld_child **ret_child, int code,
    struct harness_log *log)
{
	pid_t pid = sigchld_fork(ctx, ret_child, 0, harness_on_event, log);

	if (pid == 0)
		_exit(code);
	if (pid == -ENOSYS || pid == -EPERM || pid == -EINVAL)
		_exit(70);
	ck_assert_msg(pid == wanted_pid, "clone3: %s", strerror(-(int)pid));
	harness_await_zombie(pid);
}

static bool
can_choose_pids(void)
{
	pid_t pid = fork_zombie(0);

	reap_by_hand(pid);
	wanted_pid = pid;
	pid = clone_with_pid(NULL);
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		reap_by_hand(pid);
	return pid > 0;
}

START_TEST(c20_a_stolen_child_and_a_new_one_with_its_pid)
{
	struct sigchld_ctx *a, *b;
	struct harness_log log_a = { .count = 0 }, log_b = { .count = 0 };
	struct sigchld_child *old, *new;

	if (!can_choose_pids())
		harness_skip("clone3 with set_tid is refused here");
	a = open_ctx(NULL);
	b = open_ctx(SIGCHLD_OPTIONS(.fork = clone_with_pid));
	block_sigchld(SIG_BLOCK);
	wanted_pid = watched_zombie(a, &old, 1, harness_on_event, &log_a);
	ck_assert_int_eq(waitpid(-1, NULL, 0), wanted_pid);
	fork_again(b, &new, 2, &log_b);
	block_sigchld(SIG_UNBLOCK);

	MUST_BE(-ESRCH, sigchld_child_kill(old, SIGKILL));
	MUST_BE(0, sigchld_child_kill(new, SIGKILL));
	MUST_BE(1, sigchld_dispatch(a));
	harness_check_theft(&log_a, 1 << 8);
	ck_assert(harness_is_zombie(wanted_pid));
	MUST_BE(1, sigchld_dispatch(b));
	ck_assert_int_eq(log_b.what, SIGCHLD_EXITED);
	ck_assert_int_eq(log_b.wstatus, 2 << 8);
	ck_assert_int_eq(log_a.count + log_b.count, 2);
	sigchld_child_free(old);
	sigchld_child_free(new);
	sigchld_free(a);
	sigchld_free(b);
}
END_TEST

static struct sigchld_ctx *next_ctx;
static struct harness_log next_log;

/* Reaped in its own callback, and the pid given to a new child of another. */
static void
replace(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	harness_on_event(child, event, user);
	reap_by_hand(event->pid);
	wanted_pid = event->pid;
	fork_again(next_ctx, NULL, 4, &next_log);
}

START_TEST(c20_nobody_reaps_the_successor_of_his_child)
{
	struct sigchld_ctx *a;
	struct harness_log log = { .count = 0 };

	if (!can_choose_pids())
		harness_skip("clone3 with set_tid is refused here");
	a = open_ctx(NULL);
	next_ctx = open_ctx(SIGCHLD_OPTIONS(.fork = clone_with_pid));
	(void)watched_zombie(a, NULL, 3, replace, &log);
	MUST_BE(1, sigchld_dispatch(a));
	ck_assert_int_eq(log.wstatus, 3 << 8);
	ck_assert(harness_is_zombie(wanted_pid));
	harness_wait_for(next_ctx, &next_log.count, 1);
	ck_assert_int_eq(next_log.wstatus, 4 << 8);
	sigchld_free(a);
	sigchld_free(next_ctx);
}
END_TEST

/* The list of watched pids grows, and is the same afterwards. */
START_TEST(six_hundred_children_each_end_once)
{
	struct sigchld_ctx *ctx[4];
	struct harness_log log = { .count = 0 };
	int i;

	for (i = 0; i < 4; i++)
		ctx[i] = open_ctx(NULL);
	block_sigchld(SIG_BLOCK);
	for (i = 0; i < 600; i++)
		(void)watched_zombie(ctx[i % 4], NULL, 0, harness_on_event,
		    &log);
	block_sigchld(SIG_UNBLOCK);
	for (i = 0; i < 4; i++)
		harness_wait_for(ctx[i], &log.final, 150 * (i + 1));
	ck_assert_int_eq(log.final, 600);
	ck_assert_int_eq(harness_count_children(), 0);
	for (i = 0; i < 4; i++)
		sigchld_free(ctx[i]);
}
END_TEST

HARNESS("watch",
    {
	HARNESS_TEST(c3_child_dead_before_watch),
	HARNESS_TEST(c3_child_dead_before_the_first_context),
	HARNESS_TEST(c3_child_dead_with_sigchld_blocked_throughout),
	HARNESS_TEST(a_child_alive_is_watched_to_its_end),
	HARNESS_PIDFD_TEST(a_watch_of_nobody_leaves_the_signal_alone),
	HARNESS_TEST(watch_refuses_wrong_use),
	HARNESS_TEST(a_child_is_watched_once_in_the_whole_process),
	HARNESS_SIGNAL_TEST(nochain_refuses_under_a_foreign_handler),
	HARNESS_TEST(c31_a_watch_without_memory_changes_nothing),
	HARNESS_TEST(c31_a_fork_without_memory_forks_nobody),
	HARNESS_TEST(a_peek_that_fails_refuses_the_watch),
	HARNESS_TEST(g6_a_fork_that_fails_leaves_nothing_behind),
	HARNESS_TEST(
	    g6_a_fork_that_gave_a_pid_is_watched_even_if_the_peek_fails),
	HARNESS_TEST(fork_refuses_wrong_use),
	HARNESS_TEST(c16_the_forked_child_has_none_of_it),
	HARNESS_TEST(c38_a_stop_while_it_is_born),
	HARNESS_TEST(a_fork_replacement_makes_every_child),
	HARNESS_TEST(a_fork_replacement_that_fails_tells_its_errno),
	HARNESS_TEST(c16_a_fork_replacement_that_clones_raw),
	HARNESS_TEST(
	    c24_a_context_freed_while_it_forks_leaves_the_child_to_you),
	HARNESS_TEST(options_stay_while_a_fork_is_under_way),
	HARNESS_TEST(c20_a_stolen_child_and_a_new_one_with_its_pid),
	HARNESS_TEST(c20_nobody_reaps_the_successor_of_his_child),
	HARNESS_TEST(six_hundred_children_each_end_once),
    })
