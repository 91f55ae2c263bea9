/*
 * test_pidfd.c - a pidfd tells of a death, or the signal does in its place
 *
 * wrap: pidfd_open epoll_ctl epoll_wait poll waitid
 * wake: auto
 */
#include <linux/sched.h>
#include <poll.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "core/birth.h"
#include "core/sys.h"
#include "filter.h"
#include "help.h"

/* What is refused, and what the library asks the kernel for. */
static int pidfd_open_gives, epoll_add_gives; /* -errno; 0: the truth */
static int wait_by_pidfd_gives;
static int refused_fd;        /* by the set, and closed since */
static void (*at_peek)(void); /* of a child by its pid, once */
static atomic_int n_sleeps, n_peeks;

int __real_sigchld__sys_pidfd_open(pid_t pid);
int __wrap_sigchld__sys_pidfd_open(pid_t pid);
int __real_sigchld__sys_poll(struct pollfd *fds, unsigned int n,
    int timeout_ms);
int __wrap_sigchld__sys_poll(struct pollfd *fds, unsigned int n,
    int timeout_ms);
int __real_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);
int __wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);

int
__wrap_sigchld__sys_pidfd_open(pid_t pid)
{
	return pidfd_open_gives != 0 ? pidfd_open_gives
				     : __real_sigchld__sys_pidfd_open(pid);
}

int
__wrap_sigchld__sys_poll(struct pollfd *fds, unsigned int n, int timeout_ms)
{
	atomic_fetch_add(&n_sleeps, 1);
	return __real_sigchld__sys_poll(fds, n, timeout_ms);
}

int
__wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options)
{
	void (*act)(void) = type == P_PID ? at_peek : NULL;

	atomic_fetch_add(&n_peeks, 1);
	if (type == SIGCHLD__P_PIDFD && wait_by_pidfd_gives != 0)
		return wait_by_pidfd_gives;
	if (act != NULL) {
		at_peek = NULL;
		act();
	}
	return __real_sigchld__sys_waitid(type, id, ret_wait, options);
}

#ifndef SIGCHLD_PORTABLE

int __real_sigchld__sys_epoll_ctl(int epfd, int op, int fd, uint32_t events,
    uint64_t data);
int __wrap_sigchld__sys_epoll_ctl(int epfd, int op, int fd, uint32_t events,
    uint64_t data);
struct epoll_event;
int __real_sigchld__sys_epoll_wait(int epfd, struct epoll_event *events,
    int max, int timeout_ms);
int __wrap_sigchld__sys_epoll_wait(int epfd, struct epoll_event *events,
    int max, int timeout_ms);

int
__wrap_sigchld__sys_epoll_ctl(int epfd, int op, int fd, uint32_t events,
    uint64_t data)
{
	if (op != 1 || epoll_add_gives == 0)
		return __real_sigchld__sys_epoll_ctl(epfd, op, fd, events,
		    data);
	refused_fd = fd;
	return epoll_add_gives;
}

int
__wrap_sigchld__sys_epoll_wait(int epfd, struct epoll_event *events, int max,
    int timeout_ms)
{
	atomic_fetch_add(&n_sleeps, 1);
	return __real_sigchld__sys_epoll_wait(epfd, events, max, timeout_ms);
}

#endif

static void
expect_pidfds(struct sigchld_ctx *ctx, unsigned int pidfds,
    unsigned int demoted)
{
	struct sigchld_stats stats = stats_of(ctx);

	ck_assert_uint_eq(stats.pidfds, pidfds);
	ck_assert_uint_eq(stats.demoted, demoted);
}

/* Without the signal */

static int poll_rc;

static void *
poll_once(void *user)
{
	struct pollfd pfd = { .fd = *(int *)user, .events = POLLIN };

	poll_rc = poll(&pfd, 1, -1);
	return NULL;
}

START_TEST(there_is_no_handler_and_nobody_is_interrupted)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct sigchld_child *child;
	struct harness_child held;
	int stream[2], i;
	pthread_t thread;

	ck_assert_int_eq(pipe(stream), 0);
	thread = start(poll_once, &stream[0]);
	for (i = 0; i < 8; i++) {
		held = harness_fork_watched(ctx, NULL, 0, i, harness_on_event,
		    &log);
		ck_assert(handler_is(SIG_DFL));
		harness_release(&held);
		harness_wait_for(ctx, &log.count, i + 1);
		ck_assert_int_eq(log.wstatus, i << 8);
	}
	held = harness_fork_watched(ctx, &child, 0, 9, NULL, NULL);
	harness_release(&held);
	MUST_BE(1, sigchld_child_wait(child, -1, NULL));
	ck_assert(handler_is(SIG_DFL));
	ck_assert_int_eq(write(stream[1], "", 1), 1);
	(void)finish(thread);
	ck_assert_int_eq(poll_rc, 1);
	ck_assert_uint_eq(stats_of(ctx).signals, 0);
	expect_pidfds(ctx, 0, 0);
	(void)close(stream[0]);
	(void)close(stream[1]);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c10_blocked_in_every_thread_the_end_is_told)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct sigchld_child *child;
	struct harness_child held;

	block_sigchld(SIG_BLOCK);
	held = harness_fork_watched(ctx, NULL, 0, 3, harness_on_event, &log);
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 3 << 8);
	held = harness_fork_watched(ctx, &child, 0, 4, NULL, NULL);
	harness_release(&held);
	MUST_BE(1, sigchld_child_wait(child, -1, NULL));
	block_sigchld(SIG_UNBLOCK);
	MUST_BE(0, sigchld_health());
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

static void
deaf(int sig)
{
	(void)sig;
}

START_TEST(c11_a_handler_of_somebody_else_is_left_alone_and_deafens_nobody)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held;

	held = harness_fork_watched(ctx, NULL, 0, 3, harness_on_event, &log);
	(void)signal(SIGCHLD, deaf);
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	held = harness_fork_watched(ctx, NULL, 0, 3, harness_on_event, &log);
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 2);
	ck_assert(handler_is(deaf));
	MUST_BE(0, sigchld_health());
	sigchld_free(ctx);
	ck_assert(handler_is(deaf));
}
END_TEST

START_TEST(nochain_minds_no_handler_that_it_does_not_need)
{
	struct sigchld_ctx *ctx;
	struct harness_log log = { .count = 0 };
	struct harness_child held;

	(void)signal(SIGCHLD, deaf);
	ctx = open_ctx(SIGCHLD_OPTIONS(.flags = SIGCHLD_NOCHAIN));
	held = harness_fork_watched(ctx, NULL, 0, 3, harness_on_event, &log);
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	sigchld_free(ctx);
	ck_assert(handler_is(deaf));
}
END_TEST

/* Each of many contexts has a child. */

#define MANY 8

struct crowd {
	struct sigchld_ctx *ctx[MANY];
	struct harness_child held[MANY];
	struct harness_log log[MANY];
};

static void
open_crowd(struct crowd *c)
{
	int i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < MANY; i++) {
		c->ctx[i] = open_ctx(NULL);
		c->held[i] = harness_fork_watched(c->ctx[i], NULL, 0, i,
		    harness_on_event, &c->log[i]);
	}
}

static void
close_crowd(struct crowd *c)
{
	int i;

	for (i = 0; i < MANY; i++) {
		harness_release(&c->held[i]);
		harness_wait_for(c->ctx[i], &c->log[i].count, 1);
		sigchld_free(c->ctx[i]);
	}
}

START_TEST(g11_a_death_wakes_its_owner_alone)
{
	struct crowd c;
	int i, n = 0;

	open_crowd(&c);
	harness_release(&c.held[5]);
	harness_await_zombie(c.held[5].pid);
	for (i = 0; i < MANY; i++)
		n += harness_readable(sigchld_fd(c.ctx[i]), 0);
	ck_assert_int_eq(n, 1);
	ck_assert(harness_readable(sigchld_fd(c.ctx[5]), 0));
	MUST_BE(1, sigchld_dispatch(c.ctx[5]));
	ck_assert(!harness_readable(sigchld_fd(c.ctx[5]), 0));
	for (i = 0; i < MANY; i++) {
		ck_assert_uint_eq(stats_of(c.ctx[i]).wakeups, 0);
		ck_assert_uint_eq(stats_of(c.ctx[i]).sweeps, 0);
	}
	close_crowd(&c);
}
END_TEST

/* More deaths than one harvest takes. */
START_TEST(c1_many_deaths_are_all_found)
{
	enum {
		N = 150
	};
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	int i;

	for (i = 0; i < N; i++)
		(void)watched_zombie(ctx, NULL, 0, harness_on_event, &log);
	expect_pidfds(ctx, N, 0);
	for (i = 0; i < N && harness_readable(sigchld_fd(ctx), 0); i++)
		ck_assert_int_gt(sigchld_dispatch(ctx), 0);
	ck_assert_int_eq(log.count, N);
	ck_assert_uint_eq(stats_of(ctx).reaped, N);
	expect_pidfds(ctx, 0, 0);
	sigchld_free(ctx);
}
END_TEST

/* The signal in its place */

/* A child that gets no pidfd, for whatever reason, and one that does, after. */
static void
live_without(int *refusal, int reason)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct sigchld_child *child;
	struct harness_child held;

	*refusal = reason;
	held = harness_fork_watched(ctx, NULL, 0, 3, harness_on_event, &log);
	expect_pidfds(ctx, 0, 1);
	ck_assert(!handler_is(SIG_DFL));
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 3 << 8);
	ck_assert_int_eq(log.source, SIGCHLD_SOURCE_WAIT);
	ck_assert(handler_is(SIG_DFL));
	held = harness_fork_watched(ctx, &child, 0, 4, NULL, NULL);
	expect_pidfds(ctx, 0, 2);
	harness_release(&held);
	MUST_BE(1, sigchld_child_wait(child, -1, NULL));
	sigchld_child_free(child);
	*refusal = 0;
	sigchld_free(ctx);
}

START_TEST(c32_a_pidfd_that_is_not_to_be_had_now)
{
	static const int reasons[] = { -EMFILE, -ENFILE, -ENOMEM };
	struct sigchld_ctx *ctx;
	struct harness_child held;
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		live_without(&pidfd_open_gives, reasons[i]);
	/* It may be later. */
	ctx = open_ctx(NULL);
	held = harness_fork_watched(ctx, NULL, 0, 0, NULL, NULL);
	expect_pidfds(ctx, 1, 0);
	sigchld_free(ctx);
	harness_release(&held);
	reap_by_hand(held.pid);
}
END_TEST

START_TEST(c32_a_set_that_takes_no_more)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held;
	int fds = harness_count_fds();

	epoll_add_gives = -ENOSPC;
	held = harness_fork_watched(ctx, NULL, 0, 3, harness_on_event, &log);
	epoll_add_gives = 0;
	expect_pidfds(ctx, 0, 1);
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(harness_count_fds(), fds);
	sigchld_free(ctx);
}
END_TEST

/* A process that has never had one: what it is told then is for ever. */
static void
live_where_there_are_none(int *refusal, int reason)
{
	struct sigchld_ctx *ctx = NULL;
	struct harness_log log = { .count = 0 };
	struct sigchld_stats stats = { .size = sizeof(stats) };
	pid_t pid;

	*refusal = reason;
	CHILD_MUST(sigchld_new(&ctx,
		       SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_PIDFD)) ==
	    -ENOTSUP);
	CHILD_MUST(ctx == NULL);
	CHILD_MUST(sigchld_new(&ctx, NULL) == 0);
	CHILD_MUST(sigchld_configure(ctx,
		       SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_PIDFD)) ==
	    -ENOTSUP);
	pid = sigchld_fork(ctx, NULL, 0, harness_on_event, &log);
	if (pid == 0)
		_exit(5);
	CHILD_MUST(pid > 0);
	CHILD_MUST(!handler_is(SIG_DFL));
	while (log.count == 0)
		CHILD_MUST(sigchld_wait(ctx, 20000) >= 0);
	CHILD_MUST(log.wstatus == 5 << 8);
	CHILD_MUST(sigchld_get_stats(ctx, &stats) == 0);
	CHILD_MUST(stats.pidfds == 0 && stats.demoted == 1);
	sigchld_free(ctx);
	_exit(0);
}

START_TEST(c32_where_there_are_none_the_signal_tells)
{
	static const int reasons[] = { -ENOSYS, -EPERM, -EACCES };
	size_t i;
	pid_t pid;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		pid = fork();
		if (pid == 0)
			live_where_there_are_none(&pidfd_open_gives,
			    reasons[i]);
		ck_assert_int_eq(exit_code(pid), 0);
	}
}
END_TEST

/* Linux 5.3, and sandboxes: one may be opened, and nobody waits by it. */
START_TEST(c32_where_none_can_be_waited_for_the_signal_tells)
{
	static const int reasons[] = { -EINVAL, -ENOSYS, -EPERM };
	size_t i;
	pid_t pid;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		pid = fork();
		if (pid == 0)
			live_where_there_are_none(&wait_by_pidfd_gives,
			    reasons[i]);
		ck_assert_int_eq(exit_code(pid), 0);
	}
}
END_TEST

/* By a sandbox, as the kernel does it. */
START_TEST(c32_a_sandbox_that_forbids_them)
{
	int code;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		if (!harness_refuse(SYS_pidfd_open, EPERM))
			_exit(77);
		live_where_there_are_none(&pidfd_open_gives, 0);
	}
	code = exit_code(pid);
	if (code == 77)
		harness_skip("no filter can be set here");
	ck_assert_int_eq(code, 0);
}
END_TEST

/* Where it was allowed at first. */
START_TEST(c32_forbidden_later)
{
	sigchld_free(open_ctx(SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_PIDFD)));
	live_without(&pidfd_open_gives, -EPERM);
}
END_TEST

START_TEST(c31_descriptors_run_out)
{
	enum {
		LEFT = 3,
		N = LEFT + 3
	};
	struct sigchld_ctx *ctx = open_ctx(SIGCHLD_OPTIONS(.max_pidfds = 1000));
	struct harness_log log = { .count = 0 };
	struct rlimit before, tight;
	int fds[LEFT], i;

	/* Each takes the lowest that is free; others may be open above. */
	for (i = 0; i < LEFT; i++)
		fds[i] = dup(STDERR_FILENO);
	for (i = 0; i < LEFT; i++)
		(void)close(fds[i]);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = before;
	tight.rlim_cur = (rlim_t)fds[LEFT - 1] + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	for (i = 0; i < N; i++)
		(void)watched_zombie(ctx, NULL, i, harness_on_event, &log);
	expect_pidfds(ctx, LEFT, N - LEFT);
	harness_wait_for(ctx, &log.count, N);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_uint_eq(stats_of(ctx).reaped, N);
	ck_assert_uint_eq(stats_of(ctx).faults, 0);
	sigchld_free(ctx);
}
END_TEST

/* It is there already, so nobody can be refused any more. */
START_TEST(c32_demoted_and_the_handler_cannot_be_had)
{
	struct sigchld_ctx *ctx;
	struct harness_log log = { .count = 0 };
	struct sigchld_child *child;
	struct harness_child held;

	(void)signal(SIGCHLD, deaf);
	ctx = open_ctx(SIGCHLD_OPTIONS(.flags = SIGCHLD_NOCHAIN));
	pidfd_open_gives = -EMFILE;
	held = harness_fork_watched(ctx, NULL, 0, 3, harness_on_event, &log);
	expect_pidfds(ctx, 0, 1);
	ck_assert(handler_is(deaf));
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 3 << 8);
	held = harness_fork_watched(ctx, &child, 0, 4, NULL, NULL);
	harness_release(&held);
	MUST_BE(1, sigchld_child_wait(child, -1, NULL));
	ck_assert(handler_is(deaf));
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

/* Budgets */

START_TEST(max_pidfds_is_for_the_context)
{
	struct sigchld_ctx *ctx = open_ctx(SIGCHLD_OPTIONS(.max_pidfds = 2)),
			   *other = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held[4], free_of_it;
	int i;

	for (i = 0; i < 3; i++) {
		ck_assert(handler_is(SIG_DFL));
		held[i] = harness_fork_watched(ctx, NULL, 0, 0,
		    harness_on_event, &log);
	}
	ck_assert(!handler_is(SIG_DFL));
	expect_pidfds(ctx, 2, 1);
	free_of_it = harness_fork_watched(other, NULL, 0, 0, NULL, NULL);
	expect_pidfds(other, 1, 0);
	harness_release(&held[0]);
	harness_wait_for(ctx, &log.count, 1);
	held[3] = harness_fork_watched(ctx, NULL, 0, 0, harness_on_event, &log);
	expect_pidfds(ctx, 2, 1);
	for (i = 1; i < 4; i++) {
		harness_release(&held[i]);
		harness_wait_for(ctx, &log.count, i + 1);
	}
	ck_assert(handler_is(SIG_DFL));
	harness_release(&free_of_it);
	harness_await_zombie(free_of_it.pid);
	MUST_BE(0, sigchld_dispatch(other));
	sigchld_free(ctx);
	sigchld_free(other);
}
END_TEST

START_TEST(without_it_a_quarter_of_the_limit_is_for_the_process)
{
	enum {
		LIMIT = 64,
		N = LIMIT / 4 + 4
	};
	struct rlimit before, tight;
	struct sigchld_ctx *ctx[2];
	struct harness_log log = { .count = 0 };
	pid_t pid[N];
	int i;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = before;
	tight.rlim_cur = LIMIT;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	ctx[0] = open_ctx(NULL);
	ctx[1] = open_ctx(NULL);
	for (i = 0; i < N; i++)
		pid[i] =
		    watched_zombie(ctx[i % 2], NULL, i, harness_on_event, &log);
	ck_assert_uint_eq(stats_of(ctx[0]).pidfds + stats_of(ctx[1]).pidfds,
	    LIMIT / 4);
	ck_assert_uint_eq(stats_of(ctx[0]).demoted + stats_of(ctx[1]).demoted,
	    N - LIMIT / 4);
	for (i = 0; i < 2; i++)
		harness_wait_for(ctx[i], &log.count, (i + 1) * N / 2);
	for (i = 0; i < N; i++)
		ck_assert(harness_is_reaped(pid[i]));
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	sigchld_free(ctx[0]);
	sigchld_free(ctx[1]);
}
END_TEST

/* Those of the parent are no children of ours, and none of our budget. */
START_TEST(g9_a_forked_process_has_a_budget_of_its_own)
{
	enum {
		LIMIT = 64
	};
	struct rlimit before, tight;
	struct sigchld_stats stats = { .size = sizeof(stats) };
	struct harness_log log = { .count = 0 };
	struct sigchld_ctx *ctx, *own = NULL;
	pid_t pid;
	int i;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = before;
	tight.rlim_cur = LIMIT;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	ctx = open_ctx(NULL);
	for (i = 0; i < LIMIT / 4; i++)
		(void)watched_zombie(ctx, NULL, i, harness_on_event, &log);
	expect_pidfds(ctx, LIMIT / 4, 0);
	pid = fork();
	if (pid == 0) {
		CHILD_MUST(sigchld_postfork() == 0);
		CHILD_MUST(sigchld_new(&own, NULL) == 0);
		pid = sigchld_fork(own, NULL, 0, NULL, NULL);
		if (pid == 0)
			_exit(0);
		CHILD_MUST(pid > 0);
		CHILD_MUST(sigchld_get_stats(own, &stats) == 0);
		CHILD_MUST(stats.pidfds == 1 && stats.demoted == 0);
		CHILD_MUST(handler_is(SIG_DFL));
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
	harness_wait_for(ctx, &log.count, LIMIT / 4);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	sigchld_free(ctx);
}
END_TEST

/* Pidfds that come with the child (CLONE_PIDFD) */

static pid_t
clone_with_pidfd(struct sigchld__birth *birth)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)birth->pidfd,
		.exit_signal = SIGCHLD,
	};
	long pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0) {
		for (;;)
			(void)pause();
	}
	return pid < 0 ? -errno : (pid_t)pid;
}

static struct gate number_is_used = GATE, forked = GATE;
static int fork_found;

/* The number that is free again becomes the application's; whoever is forked
 * now has that, and nothing of ours. */
static void *
use_and_fork(void *user)
{
	int fd = fcntl(STDERR_FILENO, F_DUPFD, refused_fd);
	pid_t pid;

	(void)user;
	ck_assert_int_eq(fd, refused_fd);
	gate_open(&number_is_used);
	pid = fork();
	if (pid == 0) {
		CHILD_MUST(sigchld_postfork() == 0);
		CHILD_MUST(fcntl(fd, F_GETFD) != -1);
		_exit(0);
	}
	gate_open(&forked);
	fork_found = exit_code(pid);
	(void)close(fd);
	return NULL;
}

static pthread_t forker;

/* The birth goes on; whether the other thread could fork now is its matter. */
static void
let_another_fork(void)
{
	forker = start(use_and_fork, NULL);
	gate_pass(&number_is_used, 1);
	(void)gate_await(&forked, 1, 100);
}

START_TEST(g9_a_number_that_a_birth_has_closed_is_not_closed_again)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld__birth birth = { .make = clone_with_pidfd };
	struct harness_log log = { .count = 0 };
	pid_t pid;

#ifdef __SANITIZE_THREAD__
	harness_skip("a raw clone upsets the sanitizer");
#endif
	epoll_add_gives = -ENOSPC;
	at_peek = let_another_fork;
	pid = sigchld__birth(ctx, NULL, 0, &birth, harness_on_event, &log);
	epoll_add_gives = 0;
	ck_assert_int_gt(pid, 0);
	expect_pidfds(ctx, 0, 1);
	(void)finish(forker);
	ck_assert_int_eq(fork_found, 0);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	harness_wait_for(ctx, &log.count, 1);
	sigchld_free(ctx);
}
END_TEST

static int written;

/* The kernel writes the number before the last things that may fail, and takes
 * the descriptor back. */
static pid_t
clone_that_fails_late(struct sigchld__birth *birth)
{
	*birth->pidfd = written;
	return -EAGAIN;
}

START_TEST(g6_a_number_of_a_birth_that_failed_is_not_closed)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld__birth birth = { .make = clone_that_fails_late };
	int fds;

	written = dup(STDERR_FILENO);
	fds = harness_count_fds();
	MUST_BE(-EAGAIN, sigchld__birth(ctx, NULL, 0, &birth, NULL, NULL));
	ck_assert_int_ne(fcntl(written, F_GETFD), -1);
	ck_assert_int_eq(harness_count_fds(), fds);
	ck_assert_uint_eq(stats_of(ctx).children, 0);
	(void)close(written);
	sigchld_free(ctx);
}
END_TEST

/* F5: nobody runs callbacks, so nothing is put by. */

static atomic_bool over;

static void *
sleep_on(void *user)
{
	while (!atomic_load(&over))
		MUST_BE(0, sigchld_wait(user, -1));
	return NULL;
}

START_TEST(g3_what_leaves_while_its_context_sleeps_is_closed_at_once)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	struct sigchld_ctx *ctx = open_ctx(NULL), *to = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct sigchld_child *child;
	struct harness_child held;
	pthread_t thread;
	int fds;

	held = harness_fork_watched(ctx, &child, 0, 7, harness_on_event, &log);
	atomic_store(&n_sleeps, 0);
	thread = start(sleep_on, ctx);
	while (atomic_load(&n_sleeps) == 0) {
		ck_assert_int_lt(harness_now_ms(), deadline);
		(void)sched_yield();
	}
	fds = harness_count_fds();
	MUST_BE(0, sigchld_child_move(child, to));
	ck_assert_int_eq(harness_count_fds(), fds);
	harness_release(&held);
	MUST_BE(1, sigchld_child_wait(child, -1, NULL));
	sigchld_child_free(child);
	atomic_store(&over, true);
	MUST_BE(0, sigchld_occurred(ctx));
	(void)finish(thread);
	ck_assert_int_eq(log.count, 0);
	sigchld_free(ctx);
	sigchld_free(to);
}
END_TEST

/* Both in one context */

START_TEST(each_is_told_of_by_what_it_has)
{
	struct sigchld_ctx *ctx = open_ctx(SIGCHLD_OPTIONS(.max_pidfds = 1));
	struct harness_log by_pidfd = { .count = 0 },
			   by_signal = { .count = 0 };
	struct harness_child a, b;

	a = harness_fork_watched(ctx, NULL, 0, 1, harness_on_event, &by_pidfd);
	b = harness_fork_watched(ctx, NULL, 0, 2, harness_on_event, &by_signal);
	(void)sigchld_dispatch(ctx);
	block_sigchld(SIG_BLOCK);
	harness_release(&b);
	harness_await_zombie(b.pid);
	ck_assert(!harness_readable(sigchld_fd(ctx), 0));
	harness_release(&a);
	harness_await_zombie(a.pid);
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(by_pidfd.wstatus, 1 << 8);
	ck_assert_int_eq(by_signal.count, 0);
	block_sigchld(SIG_UNBLOCK);
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(by_signal.wstatus, 2 << 8);
	ck_assert_int_eq(by_pidfd.count, 1);
	sigchld_free(ctx);
}
END_TEST

/* Stops come by the signal, the end of the same child by its pidfd. */
START_TEST(c38_stops_are_told_and_the_end_needs_no_signal)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held;

	held = harness_fork_watched(ctx, NULL, SIGCHLD_CHILD_STOPS, 7,
	    harness_on_event, &log);
	ck_assert(!handler_is(SIG_DFL));
	expect_pidfds(ctx, 1, 0);
	ck_assert_int_eq(kill(held.pid, SIGSTOP), 0);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_uint_eq(log.what, SIGCHLD_STOPPED);
	ck_assert_int_eq(kill(held.pid, SIGCONT), 0);
	harness_wait_for(ctx, &log.count, 2);
	ck_assert_uint_eq(log.what, SIGCHLD_CONTINUED);
	while (harness_readable(sigchld_fd(ctx), 0))
		MUST_BE(0, sigchld_dispatch(ctx));
	block_sigchld(SIG_BLOCK);
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 3);
	ck_assert_int_eq(log.wstatus, 7 << 8);
	block_sigchld(SIG_UNBLOCK);
	ck_assert(handler_is(SIG_DFL));
	sigchld_free(ctx);
}
END_TEST

/* Dead, and in the hands of a tracer */

struct tracer {
	pid_t pid;
	int stream;
};

static _Noreturn void
trace(int stream, pid_t pid)
{
	char byte = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0;

	CHILD_MUST(write(stream, &byte, 1) == 1);
	CHILD_MUST(read(stream, &byte, 1) == 1);
	CHILD_MUST(waitpid(pid, NULL, __WALL) == pid);
	_exit(0);
}

/* A process that seizes this child of ours, and holds it when it is dead. */
static void
start_tracer(struct tracer *t, pid_t pid)
{
	int stream[2];
	char byte;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
			     stream),
	    0);
	t->pid = fork();
	if (t->pid == 0)
		trace(stream[0], pid);
	ck_assert_int_gt(t->pid, 0);
	(void)close(stream[0]);
	t->stream = stream[1];
	ck_assert_int_eq(read(t->stream, &byte, 1), 1);
	if (!byte) {
		(void)kill(pid, SIGKILL);
		harness_skip("nobody may be traced here");
	}
}

static void
let_go(struct tracer *t)
{
	ck_assert_int_eq(write(t->stream, "", 1), 1);
	(void)close(t->stream);
}

static void
await_death(pid_t pid)
{
	int pidfd = harness_pidfd(pid);

	ck_assert(harness_readable(pidfd, (int)harness_patience_ms()));
	(void)close(pidfd);
}

struct stage {
	struct sigchld_ctx *ctx;
	struct sigchld_child *child;
	struct harness_child held;
	struct harness_log log;
	struct tracer tracer;
};

static void
set_stage(struct stage *s)
{
	memset(s, 0, sizeof(*s));
	s->ctx = open_ctx(SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_PIDFD));
	s->held = harness_fork_watched(s->ctx, &s->child, 0, 6,
	    harness_on_event, &s->log);
	start_tracer(&s->tracer, s->held.pid);
	harness_release(&s->held);
	await_death(s->held.pid);
	atomic_store(&n_sleeps, 0);
	atomic_store(&n_peeks, 0);
}

static void
clear_stage(struct stage *s)
{
	ck_assert_int_eq(exit_code(s->tracer.pid), 0);
	sigchld_child_free(s->child);
	sigchld_free(s->ctx);
}

START_TEST(c35_a_loop_that_polls_does_not_spin)
{
	struct stage s;
	int i;

	set_stage(&s);
	for (i = 0; harness_readable(sigchld_fd(s.ctx), 0); i++) {
		MUST_BE(0, sigchld_dispatch(s.ctx));
		ck_assert_int_lt(i, 2);
	}
	ck_assert_int_le(atomic_load(&n_peeks), 2);
	let_go(&s.tracer);
	ck_assert(harness_readable(sigchld_fd(s.ctx),
	    (int)harness_patience_ms()));
	MUST_BE(1, sigchld_dispatch(s.ctx));
	ck_assert_int_eq(s.log.wstatus, 6 << 8);
	ck_assert_int_eq(s.log.source, SIGCHLD_SOURCE_WAIT);
	clear_stage(&s);
}
END_TEST

START_TEST(c35_a_wait_does_not_spin)
{
	struct stage s;

	set_stage(&s);
	MUST_BE(0, sigchld_wait(s.ctx, 0));
	MUST_BE(0, sigchld_wait(s.ctx, 200));
	ck_assert_int_le(atomic_load(&n_sleeps), 6);
	ck_assert_int_le(atomic_load(&n_peeks), 6);
	let_go(&s.tracer);
	harness_wait_for(s.ctx, &s.log.count, 1);
	ck_assert_int_eq(s.log.wstatus, 6 << 8);
	clear_stage(&s);
}
END_TEST

START_TEST(c35_whoever_waits_for_it_does_not_spin)
{
	struct sigchld_event event = { .size = sizeof(event) };
	struct stage s;

	set_stage(&s);
	MUST_BE(0, sigchld_child_wait(s.child, 200, &event));
	ck_assert_int_le(atomic_load(&n_sleeps), 6);
	ck_assert_int_le(atomic_load(&n_peeks), 6);
	let_go(&s.tracer);
	MUST_BE(1, sigchld_child_wait(s.child, -1, &event));
	ck_assert_int_eq(event.wstatus, 6 << 8);
	ck_assert_int_eq(event.source, SIGCHLD_SOURCE_WAIT);
	clear_stage(&s);
}
END_TEST

static void *
wait_for_it(void *user)
{
	struct stage *s = user;

	MUST_BE(1, sigchld_child_wait(s->child, -1, NULL));
	return NULL;
}

/* It is let go while somebody sleeps, who has seen it readable. */
START_TEST(c35_whoever_waits_for_it_is_told_when_it_is_let_go)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	struct stage s;
	pthread_t thread;

	set_stage(&s);
	thread = start(wait_for_it, &s);
	while (atomic_load(&n_peeks) < 2) {
		ck_assert_int_lt(harness_now_ms(), deadline);
		(void)sched_yield();
	}
	let_go(&s.tracer);
	(void)finish(thread);
	ck_assert_int_eq(s.log.count, 0);
	clear_stage(&s);
}
END_TEST

/* Forked processes that hold copies */

static pid_t
fork_by_clone(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

/* All children of a context die; a process that has copies of their pidfds
 * lives on. Gives how often the context was readable. */
static int
die_under_a_copy(struct sigchld_ctx *ctx, struct harness_child *held, int n,
    struct harness_log *log)
{
	int i, wakes = 0;

	for (i = 0; i < n; i++) {
		harness_release(&held[i]);
		harness_await_zombie(held[i].pid);
	}
	while (harness_readable(sigchld_fd(ctx), 0)) {
		ck_assert_int_ge(sigchld_dispatch(ctx), 0);
		ck_assert_int_lt(wakes++, 2 * n);
	}
	ck_assert_int_eq(log->count, n);
	return wakes;
}

static void
hold_copies(pid_t (*fork_it)(void), uint32_t wake)
{
	struct sigchld_ctx *ctx = open_ctx(SIGCHLD_OPTIONS(.wake = wake));
	struct harness_log log = { .count = 0 };
	struct harness_child held[MANY], again;
	pid_t keeper;
	int i, fds;

	fds = harness_count_fds();
	for (i = 0; i < MANY; i++)
		held[i] = harness_fork_watched(ctx, NULL, 0, i,
		    harness_on_event, &log);
	keeper = fork_it();
	while (keeper == 0)
		(void)pause();
	ck_assert_int_gt(keeper, 0);
	ck_assert_int_le(die_under_a_copy(ctx, held, MANY, &log), 2);
	ck_assert_int_eq(harness_count_fds(), fds);
	/* A new child gets a number that a stale entry of the set has. */
	again = harness_fork_watched(ctx, NULL, 0, 9, harness_on_event, &log);
	ck_assert(!harness_readable(sigchld_fd(ctx), 0));
	harness_release(&again);
	harness_wait_for(ctx, &log.count, MANY + 1);
	ck_assert_int_eq(log.wstatus, 9 << 8);
	ck_assert(!harness_readable(sigchld_fd(ctx), 0));
	ck_assert_uint_eq(stats_of(ctx).faults, 0);
	ck_assert_int_eq(kill(keeper, SIGKILL), 0);
	reap_by_hand(keeper);
	ck_assert(!harness_readable(sigchld_fd(ctx), 0));
	sigchld_free(ctx);
}

START_TEST(g11_a_forked_process_with_copies_wakes_nobody)
{
	hold_copies(fork, SIGCHLD_WAKE_PIDFD);
}
END_TEST

/* No hook tells us of that one. */
START_TEST(g11_nor_does_one_that_a_clone_made)
{
	hold_copies(fork_by_clone, SIGCHLD_WAKE_PIDFD);
}
END_TEST

START_TEST(c17_a_pidfd_is_close_on_exec)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child held;
	int fd, n = 0;

	held = harness_fork_watched(ctx, NULL, 0, 0, NULL, NULL);
	for (fd = 0; fd < 256; fd++) {
		if (sigchld_fd_owner(fd) != sigchld_fd_group(ctx))
			continue;
		ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
		n += harness_pid_of(SIGCHLD__P_PIDFD, fd) == held.pid;
	}
	ck_assert_int_eq(n, 1);
	harness_release(&held);
	harness_await_zombie(held.pid);
	MUST_BE(0, sigchld_dispatch(ctx));
	sigchld_free(ctx);
}
END_TEST

static int
count_pidfds_of(pid_t pid)
{
	int fd, n = 0;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1 &&
		    harness_pid_of(SIGCHLD__P_PIDFD, fd) == pid;
	return n;
}

START_TEST(g9_postfork_closes_them)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held;
	pid_t pid;

	held = harness_fork_watched(ctx, NULL, 0, 0, harness_on_event, &log);
	ck_assert_int_eq(count_pidfds_of(held.pid), 1);
	pid = fork();
	if (pid == 0) {
		CHILD_MUST(count_pidfds_of(held.pid) == 1);
		CHILD_MUST(sigchld_postfork() == 0);
		CHILD_MUST(count_pidfds_of(held.pid) == 0);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
	/* What the child closed it took out of no set. */
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	sigchld_free(ctx);
}
END_TEST

/* A process id in another namespace is another process's here. */

static pid_t
clone_with(uint64_t flags)
{
	return (pid_t)syscall(SYS_clone, flags, 0, 0, 0, 0);
}

START_TEST(c33_a_child_that_begins_a_namespace)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	int stream[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(stream), 0);
	pid = clone_with(CLONE_NEWPID | SIGCHLD);
	if (pid == 0) {
		CHILD_MUST(getpid() == 1);
		(void)close(stream[1]);
		(void)!read(stream[0], &byte, 1);
		_exit(11);
	}
	if (pid < 0)
		harness_skip("no namespaces here");
	(void)close(stream[0]);
	MUST_BE(0, sigchld_watch(ctx, NULL, pid, 0, harness_on_event, &log));
	MUST_BE(0, sigchld_dispatch(ctx));
	(void)close(stream[1]);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.pid, pid);
	ck_assert_int_eq(log.wstatus, 11 << 8);
	sigchld_free(ctx);
}
END_TEST

/* The orphans of the namespace become the children of process 1, who did not
 * ask for them. */
static void
be_process_one(void)
{
	struct sigchld_ctx *ctx = NULL;
	struct harness_log log = { .count = 0 };
	siginfo_t info = { .si_pid = 0 };
	pid_t pid;

	CHILD_MUST(getpid() == 1);
	CHILD_MUST(sigchld_postfork() == 0);
	CHILD_MUST(sigchld_new(&ctx, NULL) == 0);
	pid = fork();
	if (pid == 0) {
		if (fork() == 0)
			_exit(22); /* soon an orphan */
		_exit(21);
	}
	CHILD_MUST(waitpid(pid, NULL, 0) == pid);
	CHILD_MUST(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) == 0);
	CHILD_MUST(info.si_status == 22);
	pid = sigchld_fork(ctx, NULL, 0, harness_on_event, &log);
	if (pid == 0)
		_exit(23);
	CHILD_MUST(pid > 0);
	while (log.count == 0)
		CHILD_MUST(sigchld_wait(ctx, 20000) >= 0);
	CHILD_MUST(log.pid == pid && log.wstatus == 23 << 8);
	CHILD_MUST(log.source == SIGCHLD_SOURCE_WAIT);
	sigchld_free(ctx);
	CHILD_MUST(waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == 0);
	CHILD_MUST(info.si_status == 22);
	_exit(0);
}

START_TEST(c37_process_one_leaves_orphans_alone)
{
	pid_t pid;

#ifdef __SANITIZE_THREAD__
	harness_skip("a raw clone upsets the sanitizer");
#endif
	pid = clone_with(CLONE_NEWPID | SIGCHLD);
	if (pid == 0)
		be_process_one();
	if (pid < 0)
		harness_skip("no namespaces here");
	ck_assert_int_eq(exit_code(pid), 0);
}
END_TEST

/* Children of clone(2) that send no SIGCHLD */

static pid_t
clone_silent(void *user)
{
	(void)user;
	return clone_with(0);
}

START_TEST(c36_a_child_that_sends_no_signal_is_told_of_by_a_pidfd)
{
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.fork = clone_silent));
	struct harness_log log = { .count = 0 };
	struct sigchld_child *child;
	pid_t pid;

	pid = clone_with(0);
	if (pid == 0)
		_exit(13);
	MUST_BE(0, sigchld_watch(ctx, NULL, pid, 0, harness_on_event, &log));
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 13 << 8);
	ck_assert_int_eq(log.source, SIGCHLD_SOURCE_WAIT);
	pid = sigchld_fork(ctx, &child, 0, NULL, NULL);
	if (pid == 0)
		_exit(14);
	MUST_BE(1, sigchld_child_wait(child, -1, NULL));
	ck_assert_int_eq(waitpid(-1, NULL, __WALL | WNOHANG), -1);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c36_by_the_signal_it_is_refused)
{
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_SIGNAL));
	int wstatus;
	pid_t pid;

	pid = clone_with(0);
	if (pid == 0)
		_exit(13);
	ck_assert_int_gt(pid, 0);
	MUST_BE(-ECHILD, sigchld_watch(ctx, NULL, pid, 0, NULL, NULL));
	ck_assert(handler_is(SIG_DFL));
	ck_assert_int_eq(waitpid(pid, &wstatus, __WALL), pid);
	ck_assert_int_eq(wstatus, 13 << 8);
	sigchld_free(ctx);
}
END_TEST

HARNESS("pidfd",
    {
	HARNESS_PIDFD_TEST(there_is_no_handler_and_nobody_is_interrupted),
	HARNESS_PIDFD_TEST(c10_blocked_in_every_thread_the_end_is_told),
	HARNESS_PIDFD_TEST(
	    c11_a_handler_of_somebody_else_is_left_alone_and_deafens_nobody),
	HARNESS_PIDFD_TEST(nochain_minds_no_handler_that_it_does_not_need),
	HARNESS_PIDFD_TEST(g11_a_death_wakes_its_owner_alone),
	HARNESS_PIDFD_TEST(c1_many_deaths_are_all_found),
	HARNESS_PIDFD_TEST(c32_a_pidfd_that_is_not_to_be_had_now),
	HARNESS_PIDFD_TEST(c32_a_set_that_takes_no_more),
	HARNESS_PIDFD_TEST(c32_where_there_are_none_the_signal_tells),
	HARNESS_PIDFD_TEST(c32_where_none_can_be_waited_for_the_signal_tells),
	HARNESS_PIDFD_TEST(c32_a_sandbox_that_forbids_them),
	HARNESS_PIDFD_TEST(c32_forbidden_later),
	HARNESS_PIDFD_TEST(c31_descriptors_run_out),
	HARNESS_PIDFD_TEST(c32_demoted_and_the_handler_cannot_be_had),
	HARNESS_PIDFD_TEST(max_pidfds_is_for_the_context),
	HARNESS_PIDFD_TEST(
	    without_it_a_quarter_of_the_limit_is_for_the_process),
	HARNESS_PIDFD_TEST(g9_a_forked_process_has_a_budget_of_its_own),
	HARNESS_PIDFD_TEST(
	    g9_a_number_that_a_birth_has_closed_is_not_closed_again),
	HARNESS_PIDFD_TEST(g6_a_number_of_a_birth_that_failed_is_not_closed),
	HARNESS_PIDFD_TEST(
	    g3_what_leaves_while_its_context_sleeps_is_closed_at_once),
	HARNESS_PIDFD_TEST(each_is_told_of_by_what_it_has),
	HARNESS_PIDFD_TEST(c38_stops_are_told_and_the_end_needs_no_signal),
	HARNESS_PIDFD_TEST(c35_a_loop_that_polls_does_not_spin),
	HARNESS_PIDFD_TEST(c35_a_wait_does_not_spin),
	HARNESS_PIDFD_TEST(c35_whoever_waits_for_it_does_not_spin),
	HARNESS_PIDFD_TEST(c35_whoever_waits_for_it_is_told_when_it_is_let_go),
	HARNESS_PIDFD_TEST(g11_a_forked_process_with_copies_wakes_nobody),
	HARNESS_PIDFD_TEST(g11_nor_does_one_that_a_clone_made),
	HARNESS_PIDFD_TEST(c17_a_pidfd_is_close_on_exec),
	HARNESS_PIDFD_TEST(g9_postfork_closes_them),
	HARNESS_TEST(c33_a_child_that_begins_a_namespace),
	HARNESS_TEST(c37_process_one_leaves_orphans_alone),
	HARNESS_PIDFD_TEST(
	    c36_a_child_that_sends_no_signal_is_told_of_by_a_pidfd),
	HARNESS_TEST(c36_by_the_signal_it_is_refused),
    })
