/*
 * test_ctx.c - contexts: open, close, configure
 *
 * wrap: alloc map eventfd epoll_create epoll_ctl socketpair cloexec write
 */
#include <sys/resource.h>

#include "async/sys.h"
#include "core/sys.h"
#include "help.h"

/* The n-th step of the library that can fail does; 0: none. */
static int fail_at, steps, failure = -ENFILE;
static int n_bad_writes;

static bool
fails(void)
{
	return ++steps == fail_at;
}

void *__real_sigchld__sys_alloc(size_t n, size_t size);
void *__wrap_sigchld__sys_alloc(size_t n, size_t size);
void *__real_sigchld__sys_map(size_t size);
void *__wrap_sigchld__sys_map(size_t size);
int __real_sigchld__sys_eventfd(void);
int __wrap_sigchld__sys_eventfd(void);
int __real_sigchld__sys_socketpair(int type, int fds[2]);
int __wrap_sigchld__sys_socketpair(int type, int fds[2]);
int __real_sigchld__sys_cloexec(int fd);
int __wrap_sigchld__sys_cloexec(int fd);
int __real_sigchld__sys_write(int fd, const void *data, size_t size);
int __wrap_sigchld__sys_write(int fd, const void *data, size_t size);

static void (*at_open)(void);

static void
opening(void)
{
	void (*fn)(void) = at_open;

	at_open = NULL;
	if (fn != NULL)
		fn();
}

void *
__wrap_sigchld__sys_alloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_sigchld__sys_alloc(n, size);
}

void *
__wrap_sigchld__sys_map(size_t size)
{
	return fails() ? NULL : __real_sigchld__sys_map(size);
}

int
__wrap_sigchld__sys_eventfd(void)
{
	opening();
	return fails() ? failure : __real_sigchld__sys_eventfd();
}

int
__wrap_sigchld__sys_socketpair(int type, int fds[2])
{
	opening();
	return fails() ? failure : __real_sigchld__sys_socketpair(type, fds);
}

int
__wrap_sigchld__sys_cloexec(int fd)
{
	return fails() ? failure : __real_sigchld__sys_cloexec(fd);
}

int
__wrap_sigchld__sys_write(int fd, const void *data, size_t size)
{
	if (fd < 0)
		n_bad_writes++;
	return __real_sigchld__sys_write(fd, data, size);
}

#ifndef SIGCHLD_PORTABLE

int __real_sigchld__sys_epoll_create(void);
int __wrap_sigchld__sys_epoll_create(void);
int __real_sigchld__sys_epoll_ctl(int epfd, int op, int fd, uint32_t events,
    uint64_t data);
int __wrap_sigchld__sys_epoll_ctl(int epfd, int op, int fd, uint32_t events,
    uint64_t data);

int
__wrap_sigchld__sys_epoll_create(void)
{
	return fails() ? failure : __real_sigchld__sys_epoll_create();
}

int
__wrap_sigchld__sys_epoll_ctl(int epfd, int op, int fd, uint32_t events,
    uint64_t data)
{
	return fails()
	    ? failure
	    : __real_sigchld__sys_epoll_ctl(epfd, op, fd, events, data);
}

#endif

static struct sigchld_ctx *const untouched = (void *)&fail_at;

static int
stray_denied(struct sigchld_ctx *ctx, const struct sigchld_event *event,
    void *user)
{
	(void)ctx;
	(void)event;
	(void)user;
	return -ESRCH;
}

/* Open */

START_TEST(new_refuses_wrong_use)
{
	MUST_BE(-EINVAL, sigchld_new(NULL, NULL));
	sigchld_free(NULL);
	sigchld_child_free(NULL);
}
END_TEST

/* Opens with the n-th step failing; gives false when there is no n-th step. */
static bool
new_fails_at(int n, const struct sigchld_options *options)
{
	int fds = harness_count_fds();
	struct sigchld_ctx *ctx = untouched;
	int rc;

	steps = 0;
	fail_at = n;
	errno = 4711;
	rc = sigchld_new(&ctx, options);
	fail_at = 0;
	ck_assert_int_eq(errno, 4711);
	if (rc == 0) {
		sigchld_free(ctx);
		return steps >= n; /* it managed without */
	}
	ck_assert_msg(rc == -ENOMEM || rc == failure, "step %d: %d", n, rc);
	ck_assert_ptr_eq(ctx, untouched);
	ck_assert_int_eq(harness_count_fds(), fds);
	ck_assert(handler_is(SIG_DFL));
	return true;
}

START_TEST(c31_whatever_fails_in_new_nothing_has_changed)
{
	const struct sigchld_options *options =
	    SIGCHLD_OPTIONS(.flags = SIGCHLD_ALWAYS, .on_stray = stray_denied);
	struct sigchld_ctx *ctx;
	int n;

	for (n = 1; new_fails_at(n, options); n++)
		continue;
	ck_assert_int_gt(n, 4);
	/* In particular nobody has kept the strays. */
	ctx = open_ctx(options);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c31_the_first_context_of_all_without_memory)
{
	pid_t pid;
	int n, code = 1;

	/* Each in a process that has never had a context. */
	for (n = 1; code == 1; n++) {
		pid = fork();
		if (pid == 0)
			_exit(new_fails_at(n, NULL) ? 1 : 0);
		code = exit_code(pid);
	}
	ck_assert_int_eq(code, 0);
	ck_assert_int_gt(n, 5);
}
END_TEST

START_TEST(c31_with_any_number_of_descriptors_left)
{
	struct rlimit before, tight;
	struct sigchld_ctx *ctx = untouched;
	int fds = harness_count_fds(), probe, left, rc = -1;

	probe = dup(STDERR_FILENO); /* the lowest that is free */
	(void)close(probe);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = before;
	for (left = 0; rc < 0; left++) {
		tight.rlim_cur = (rlim_t)(probe + left);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
		rc = sigchld_new(&ctx, NULL);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
		if (rc < 0) {
			/* Memory may need a descriptor, too: /dev/zero. */
			if (rc != -ENOMEM)
				MUST_BE(-EMFILE, rc);
			ck_assert_ptr_eq(ctx, untouched);
			ck_assert_int_eq(harness_count_fds(), fds);
		}
	}
	ck_assert_int_ge(left - 1, 2);
	ck_assert_int_le(left - 1, 3);
	sigchld_free(ctx);
	ck_assert_int_eq(harness_count_fds(), fds);
}
END_TEST

START_TEST(c17_its_descriptors_are_close_on_exec)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int fd, flags, n = 0;

	for (fd = 0; fd < 256; fd++) {
		if (sigchld_fd_owner(fd) != sigchld_fd_group(ctx))
			continue;
		flags = fcntl(fd, F_GETFD);
		ck_assert_int_ne(flags, -1);
		ck_assert_int_eq(flags & FD_CLOEXEC, FD_CLOEXEC);
		n++;
	}
	ck_assert_int_eq(n, 2);
	ck_assert_int_gt(sigchld_fd_owner(sigchld_fd(ctx)), 0);
	sigchld_free(ctx);
}
END_TEST

/* Close */

START_TEST(c24_the_children_of_a_closed_context_are_yours)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct sigchld_child *held_child, *dead_child;
	struct harness_child alive, held;
	pid_t dead, queued;

	alive = harness_fork_watched(ctx, NULL, 0, 1, harness_on_event, &log);
	held = harness_fork_watched(ctx, &held_child, SIGCHLD_CHILD_STOPS, 2,
	    harness_on_event, &log);
	dead = watched_zombie(ctx, &dead_child, 3, harness_on_event, &log);
	queued = watched_zombie(ctx, NULL, 4, harness_on_event, &log);
	sigchld_free(ctx);
	ck_assert(handler_is(SIG_DFL));
	ck_assert_ptr_null(sigchld_child_ctx(held_child));
	ck_assert_int_eq(sigchld_child_pid(held_child), held.pid);
	ck_assert_ptr_eq(sigchld_child_user(held_child), &log);
	MUST_BE(-ESRCH, sigchld_child_wait(held_child, -1, NULL));
	MUST_BE(-ESRCH, sigchld_child_discard(held_child, 0, NULL, NULL));
	MUST_BE(-ESRCH, sigchld_child_stop(held_child, 0, 0));
	harness_release(&alive);
	harness_release(&held);
	ck_assert_int_eq(exit_code(alive.pid), 1);
	ck_assert_int_eq(exit_code(held.pid), 2);
	ck_assert_int_eq(exit_code(dead), 3);
	ck_assert_int_eq(exit_code(queued), 4);
	ck_assert_int_eq(log.count, 0);
	sigchld_child_free(held_child);
	sigchld_child_free(dead_child);
}
END_TEST

START_TEST(c24_they_may_be_watched_by_another_context)
{
	struct sigchld_ctx *a = open_ctx(NULL), *b = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held =
	    harness_fork_watched(a, NULL, 0, 6, harness_on_event, &log);

	sigchld_free(a);
	MUST_BE(0, sigchld_watch(b, NULL, held.pid, 0, harness_on_event, &log));
	harness_release(&held);
	harness_wait_for(b, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 6 << 8);
	sigchld_free(b);
}
END_TEST

START_TEST(g3_the_descriptors_of_a_closed_context_are_closed)
{
	int fds = harness_count_fds(), fd;
	struct sigchld_ctx *ctx = open_ctx(NULL);

	fd = sigchld_fd(ctx);
	ck_assert_int_eq(harness_count_fds(), fds + 2);
	sigchld_free(ctx);
	ck_assert_int_eq(harness_count_fds(), fds);
	ck_assert_int_eq(sigchld_fd_owner(fd), 0);
}
END_TEST

/* Configure */

START_TEST(configure_with_a_child_is_busy)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held =
	    harness_fork_watched(ctx, NULL, 0, 0, harness_on_event, &log);

	MUST_BE(-EBUSY, sigchld_configure(ctx, NULL));
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	MUST_BE(0, sigchld_configure(ctx, NULL));
	sigchld_free(ctx);
}
END_TEST

START_TEST(configure_refuses_wrong_use)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	pid_t pid;

	MUST_BE(-EINVAL, sigchld_configure(NULL, NULL));
	MUST_BE(-EINVAL, sigchld_configure(ctx, SIGCHLD_OPTIONS(.flags = 8)));
	MUST_BE(harness_has_pidfds() ? 0 : -ENOTSUP,
	    sigchld_configure(ctx,
		SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_PIDFD)));
	pid = fork();
	if (pid == 0) {
		CHILD_MUST(sigchld_configure(ctx, NULL) == -EPERM);
		CHILD_MUST(sigchld_fd(ctx) == -EPERM);
		CHILD_MUST(sigchld_timeout(ctx) == -EPERM);
		CHILD_MUST(sigchld_wait(ctx, 0) == -EPERM);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
	sigchld_free(ctx);
}
END_TEST

START_TEST(configure_takes_and_gives_back_the_handler)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);

	ck_assert(handler_is(SIG_DFL));
	MUST_BE(0,
	    sigchld_configure(ctx, SIGCHLD_OPTIONS(.flags = SIGCHLD_ALWAYS)));
	ck_assert(!handler_is(SIG_DFL));
	MUST_BE(0,
	    sigchld_configure(ctx,
		SIGCHLD_OPTIONS(.handler = SIGCHLD_HANDLER_APP)));
	ck_assert(handler_is(SIG_DFL));
	MUST_BE(0,
	    sigchld_configure(ctx, SIGCHLD_OPTIONS(.on_stray = stray_denied)));
	ck_assert(!handler_is(SIG_DFL));
	MUST_BE(0, sigchld_configure(ctx, NULL));
	ck_assert(handler_is(SIG_DFL));
	sigchld_free(ctx);
}
END_TEST

static void
foreign(int sig)
{
	(void)sig;
}

START_TEST(configure_to_nochain_under_a_foreign_handler_is_busy)
{
	const struct sigchld_options *nochain =
	    SIGCHLD_OPTIONS(.flags = SIGCHLD_ALWAYS | SIGCHLD_NOCHAIN);
	struct sigchld_ctx *a, *b;

	(void)signal(SIGCHLD, foreign);
	a = open_ctx(NULL);
	b = open_ctx(SIGCHLD_OPTIONS(.flags = SIGCHLD_ALWAYS));
	MUST_BE(-EBUSY, sigchld_configure(a, nochain));
	MUST_BE(-EBUSY, sigchld_configure(b, nochain));
	ck_assert(!handler_is(foreign)); /* b has it as before */
	sigchld_free(b);
	ck_assert(handler_is(foreign));
	MUST_BE(-EBUSY, sigchld_configure(a, nochain));
	ck_assert(handler_is(foreign));
	(void)signal(SIGCHLD, SIG_DFL);
	MUST_BE(0, sigchld_configure(a, nochain));
	ck_assert(!handler_is(SIG_DFL));
	sigchld_free(a);
}
END_TEST

START_TEST(strays_are_handed_over)
{
	const struct sigchld_options *strays =
	    SIGCHLD_OPTIONS(.on_stray = stray_denied);
	struct sigchld_ctx *a = open_ctx(strays), *b = open_ctx(NULL),
			   *c = untouched;

	MUST_BE(-EBUSY, sigchld_new(&c, strays));
	ck_assert_ptr_eq(c, untouched);
	MUST_BE(-EBUSY, sigchld_configure(b, strays));
	MUST_BE(0, sigchld_configure(a, strays)); /* it has them already */
	MUST_BE(0, sigchld_configure(a, NULL));
	MUST_BE(0, sigchld_configure(b, strays));
	MUST_BE(-EBUSY, sigchld_configure(a, strays));
	sigchld_free(b);
	MUST_BE(0, sigchld_configure(a, strays));
	sigchld_free(a);
}
END_TEST

static int
count_stray(struct sigchld_ctx *ctx, const struct sigchld_event *event,
    void *user)
{
	(void)ctx;
	(void)event;
	(*(int *)user)++;
	return 0;
}

static void
configure_in_ready(struct sigchld_ctx *ctx, struct sigchld_fdref ref,
    uint32_t revents, void *user)
{
	struct sigchld_options *options = user;

	(void)revents;
	MUST_BE(0, sigchld_configure(ctx, options));
	MUST_BE(1, sigchld_fd_remove(ref));
}

START_TEST(c23_configure_from_a_callback_is_noticed_by_the_next_look)
{
	int strays = 0, stream[2];
	struct sigchld_options options = {
		.size = sizeof(options),
		.on_stray = count_stray,
		.user = &strays,
	};
	struct sigchld_ctx *ctx = open_ctx(NULL);
	pid_t pid = fork_zombie(0);

	ck_assert_int_eq(pipe(stream), 0);
	ck_assert_int_eq(write(stream[1], "", 1), 1);
	MUST_BE(0,
	    sigchld_fd_insert(ctx, NULL, stream[0], 1 /* POLLIN */,
		configure_in_ready, &options));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(strays, 0);
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(strays, 1);
	ck_assert(harness_is_reaped(pid));
	(void)close(stream[0]);
	(void)close(stream[1]);
	sigchld_free(ctx);
}
END_TEST

/* A fork of another context ends just while this one, which asks for strays,
 * opens its descriptors. */

static struct gate forked = GATE, opened = GATE, born = GATE, over = GATE;
static struct harness_log newborn;
static pthread_t forking;

static pid_t
fork_slowly(void *user)
{
	pid_t pid = fork();

	(void)user;
	if (pid > 0) {
		gate_open(&forked);
		gate_pass(&opened, 1);
	}
	return pid;
}

/* It stays, since the kernel prefers it for the SIGCHLD, and a signal that comes
 * while a thread ends is lost by the thread sanitizer, which puts them off. */
static void *
fork_thread(void *user)
{
	if (sigchld_fork(user, NULL, 0, harness_on_event, &newborn) == 0)
		_exit(0);
	gate_open(&born);
	gate_pass(&over, 1);
	return NULL;
}

static void
end_birth(void)
{
	gate_open(&opened);
	gate_pass(&born, 1);
}

START_TEST(a_birth_while_the_strays_context_opens_disturbs_nobody)
{
	/* By the signal: a pidfd would wait until the other is open. */
	struct sigchld_ctx *ctx,
	    *forker = open_ctx(SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_SIGNAL,
		.fork = fork_slowly));

	forking = start(fork_thread, forker);
	gate_pass(&forked, 1);
	at_open = end_birth;
	ctx = open_ctx(SIGCHLD_OPTIONS(.on_stray = stray_denied));
	ck_assert_ptr_null((void *)(uintptr_t)at_open);
	ck_assert_int_eq(n_bad_writes, 0);
	harness_wait_for(forker, &newborn.count, 1);
	gate_open(&over);
	(void)finish(forking);
	ck_assert_int_ge(sigchld_dispatch(ctx), 0);
	ck_assert_uint_eq(stats_of(ctx).faults, 0);
	sigchld_free(ctx);
	sigchld_free(forker);
}
END_TEST

HARNESS("ctx",
    {
	HARNESS_TEST(new_refuses_wrong_use),
	HARNESS_TEST(c31_whatever_fails_in_new_nothing_has_changed),
	HARNESS_TEST(c31_the_first_context_of_all_without_memory),
	HARNESS_TEST(c31_with_any_number_of_descriptors_left),
	HARNESS_TEST(c17_its_descriptors_are_close_on_exec),
	HARNESS_TEST(c24_the_children_of_a_closed_context_are_yours),
	HARNESS_TEST(c24_they_may_be_watched_by_another_context),
	HARNESS_TEST(g3_the_descriptors_of_a_closed_context_are_closed),
	HARNESS_TEST(configure_with_a_child_is_busy),
	HARNESS_TEST(configure_refuses_wrong_use),
	HARNESS_TEST(configure_takes_and_gives_back_the_handler),
	HARNESS_TEST(configure_to_nochain_under_a_foreign_handler_is_busy),
	HARNESS_TEST(strays_are_handed_over),
	HARNESS_TEST(c23_configure_from_a_callback_is_noticed_by_the_next_look),
	HARNESS_TEST(a_birth_while_the_strays_context_opens_disturbs_nobody),
    })
