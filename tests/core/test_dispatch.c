/*
 * test_dispatch.c - reap and call back, whatever the callbacks do
 *
 * wrap: epoll_wait poll write waitid
 */
#include <poll.h>
#include <sys/time.h>

#include "async/sys.h"
#include "core/sys.h"
#include "help.h"

/* How often the library goes to sleep; and whoever wants to may make the next
 * poll or write fail, or act at one of these points. */

enum point {
	BEFORE_POLL,
	AFTER_POLL,
	AT_PEEK,
	POINTS
};

static struct gate sleeps = GATE;
static atomic_int fail_poll, fail_write; /* -errno, once */
static void (*at_point)(enum point point);
static pid_t peeked; /* whose peek is AT_PEEK */

static void
pass(enum point point)
{
	if (at_point != NULL)
		at_point(point);
}

static int
at_poll(int timeout_ms)
{
	pass(BEFORE_POLL);
	if (timeout_ms != 0)
		gate_open(&sleeps);
	return atomic_exchange(&fail_poll, 0);
}

int __real_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);
int __wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);
int __real_sigchld__sys_poll(struct pollfd *fds, unsigned int n,
    int timeout_ms);
int __wrap_sigchld__sys_poll(struct pollfd *fds, unsigned int n,
    int timeout_ms);
int __real_sigchld__sys_write(int fd, const void *data, size_t size);
int __wrap_sigchld__sys_write(int fd, const void *data, size_t size);

int
__wrap_sigchld__sys_poll(struct pollfd *fds, unsigned int n, int timeout_ms)
{
	int rc = at_poll(timeout_ms);

	if (rc == 0)
		rc = __real_sigchld__sys_poll(fds, n, timeout_ms);
	pass(AFTER_POLL);
	return rc;
}

int
__wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options)
{
	if (at_point != NULL && harness_pid_of(type, id) == peeked)
		pass(AT_PEEK);
	return __real_sigchld__sys_waitid(type, id, ret_wait, options);
}

int
__wrap_sigchld__sys_write(int fd, const void *data, size_t size)
{
	int rc = atomic_exchange(&fail_write, 0);

	return rc < 0 ? rc : __real_sigchld__sys_write(fd, data, size);
}

#ifndef SIGCHLD_PORTABLE

struct epoll_event;
int __real_sigchld__sys_epoll_wait(int epfd, struct epoll_event *events,
    int max, int timeout_ms);
int __wrap_sigchld__sys_epoll_wait(int epfd, struct epoll_event *events,
    int max, int timeout_ms);

int
__wrap_sigchld__sys_epoll_wait(int epfd, struct epoll_event *events, int max,
    int timeout_ms)
{
	int rc = at_poll(timeout_ms);

	if (rc == 0)
		rc = __real_sigchld__sys_epoll_wait(epfd, events, max,
		    timeout_ms);
	pass(AFTER_POLL);
	return rc;
}

#endif

/* Readiness */

START_TEST(c2_readable_until_dispatched_and_not_after)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };

	ck_assert(!harness_readable(sigchld_fd(ctx), 0));
	(void)watched_zombie(ctx, NULL, 0, harness_on_event, &log);
	ck_assert(harness_readable(sigchld_fd(ctx), 0));
	ck_assert(harness_readable(sigchld_fd(ctx), 0));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert(!harness_readable(sigchld_fd(ctx), 0));
	MUST_BE(0, sigchld_dispatch(ctx));
	sigchld_free(ctx);
}
END_TEST

static struct harness_child late;
static enum point worst;

/* The second child dies just here, while the first one's death is dealt with.
 */
static void
release_late(enum point point)
{
	if (point != worst)
		return;
	at_point = NULL;
	harness_release(&late);
	harness_await_zombie(late.pid);
}

static void
die_at(enum point point, bool late_is_younger)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child early;

	if (late_is_younger)
		early = harness_fork_watched(ctx, NULL, 0, 1, harness_on_event,
		    &log);
	late = harness_fork_watched(ctx, NULL, 0, 2, harness_on_event, &log);
	if (!late_is_younger)
		early = harness_fork_watched(ctx, NULL, 0, 1, harness_on_event,
		    &log);
	(void)sigchld_dispatch(ctx);
	harness_release(&early);
	harness_await_zombie(early.pid);
	worst = point;
	peeked = early.pid; /* the younger one was looked at before */
	at_point = release_late;
	harness_wait_for(ctx, &log.count, 2);
	ck_assert_ptr_null((void *)(uintptr_t)at_point);
	sigchld_free(ctx);
}

START_TEST(c2_a_death_at_the_worst_moment_is_told)
{
	enum point point;

	for (point = BEFORE_POLL; point < POINTS; point++) {
		die_at(point, false);
		die_at(point, true);
	}
}
END_TEST

START_TEST(c13_installing_anew_finds_what_was_dropped)
{
	struct sigchld_ctx *a = open_ctx(NULL), *b = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held =
	    harness_fork_watched(a, NULL, 0, 5, harness_on_event, &log);

	(void)sigchld_dispatch(a);
	block_sigchld(SIG_BLOCK);
	harness_release(&held);
	harness_await_zombie(held.pid);
	/* To ignore a signal drops a pending one. */
	(void)signal(SIGCHLD, SIG_IGN);
	block_sigchld(SIG_UNBLOCK);
	MUST_BE(0, sigchld_dispatch(a));
	/* Whoever comes next, or says so, has all look. */
	MUST_BE(0, sigchld_occurred(NULL));
	MUST_BE(1, sigchld_dispatch(a));
	ck_assert_int_eq(log.wstatus, 5 << 8);
	(void)signal(SIGCHLD, SIG_DFL);
	sigchld_free(b);
	sigchld_free(a);
}
END_TEST

START_TEST(c42_a_spoofed_sigchld_costs_one_look)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held =
	    harness_fork_watched(ctx, NULL, 0, 0, harness_on_event, &log);
	struct sigchld_stats before, after;
	int i;

	(void)sigchld_dispatch(ctx);
	before = stats_of(ctx);
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(kill(getpid(), SIGCHLD), 0);
	MUST_BE(0, sigchld_dispatch(ctx));
	after = stats_of(ctx);
	ck_assert_uint_eq(after.signals - before.signals, 100);
	ck_assert_uint_eq(after.wakeups - before.wakeups, 1);
	ck_assert_uint_eq(after.sweeps - before.sweeps, 1);
	ck_assert_int_eq(log.count, 0);
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	sigchld_free(ctx);
}
END_TEST

/* What a forked child of ours may do to the descriptors it has inherited. */

static int inherited[64], n_inherited;

static void
note_inherited(void)
{
	int fd;

	n_inherited = 0;
	for (fd = 0; fd < 64; fd++) {
		if (sigchld_fd_owner(fd) > 0)
			inherited[n_inherited++] = fd;
	}
	ck_assert_int_gt(n_inherited, 0);
}

static void
write_into_all(const void *data)
{
	int i;

	for (i = 0; i < n_inherited; i++) {
		(void)fcntl(inherited[i], F_SETFL, O_NONBLOCK);
		(void)!write(inherited[i], data, 8);
	}
}

static void
fill_all(const void *data)
{
	int i;

	for (i = 0; i < n_inherited; i++) {
		(void)fcntl(inherited[i], F_SETFL, O_NONBLOCK);
		while (write(inherited[i], data, 8) > 0)
			continue;
	}
}

static void
read_from_all(const void *data)
{
	char sink[64];
	int i;

	(void)data;
	for (i = 0; i < n_inherited; i++) {
		(void)fcntl(inherited[i], F_SETFL, O_NONBLOCK);
		(void)!read(inherited[i], sink, sizeof(sink));
	}
}

static void
be_hostile(void (*play)(const void *data), const void *data)
{
	pid_t pid;

	note_inherited();
	pid = fork();
	if (pid == 0) {
		(void)signal(SIGPIPE, SIG_IGN);
		play(data);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
}

/* Then one that we watch dies. */
static void
survive(void (*play)(const void *data), const void *data, bool dispatch_between)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held =
	    harness_fork_watched(ctx, NULL, 0, 5, harness_on_event, &log);

	(void)sigchld_dispatch(ctx);
	be_hostile(play, data);
	if (dispatch_between)
		MUST_BE(0, sigchld_dispatch(ctx));
	harness_release(&held);
	harness_await_zombie(held.pid);
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(log.wstatus, 5 << 8);
	sigchld_free(ctx);
}

START_TEST(c43_bytes_from_a_hostile_child_mean_nothing)
{
	survive(write_into_all, "\1\0\0\0\0\0\0", true);
	survive(write_into_all, "\377\377\377\377\0\0\0", false);
}
END_TEST

/* C4 too: a full pipe is no reason to miss a death. */
START_TEST(c43_a_hostile_child_that_fills_the_self_pipe_deafens_nobody)
{
	uint64_t all_but_one = UINT64_MAX - 1;

	survive(fill_all, &all_but_one, true);
	survive(fill_all, &all_but_one, false);
}
END_TEST

/* The handler returns, with errno as it was, and one look finds all. */
START_TEST(c4_m33_a_full_self_pipe_and_one_look_finds_all)
{
	const uint64_t all_but_one = UINT64_MAX - 1;
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held[5];
	sigset_t set;
	int i, seen;

	for (i = 0; i < 5; i++)
		held[i] = harness_fork_watched(ctx, NULL, 0, i,
		    harness_on_event, &log);
	(void)sigchld_dispatch(ctx);
	block_sigchld(SIG_BLOCK);
	for (i = 0; i < 5; i++) {
		harness_release(&held[i]);
		harness_await_zombie(held[i].pid);
	}
	be_hostile(fill_all, &all_but_one);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	errno = EXDEV;
	(void)pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* it comes here */
	seen = errno;
	ck_assert_int_eq(seen, EXDEV);
	MUST_BE(5, sigchld_dispatch(ctx));
	ck_assert_int_eq(log.final, 5);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c43_a_hostile_child_that_drains_the_self_pipe_deafens_nobody)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };

	survive(read_from_all, NULL, true);
	(void)watched_zombie(ctx, NULL, 5, harness_on_event, &log);
	be_hostile(read_from_all, NULL);
	MUST_BE(1, sigchld_dispatch(ctx));
	sigchld_free(ctx);
}
END_TEST

/* Waiting */

static void
nothing(int sig)
{
	(void)sig;
}

START_TEST(c6_signals_do_not_end_a_wait)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct itimerval often = { { 0, 3000 }, { 0, 3000 } }, never = { 0 };
	struct sigaction action = { .sa_handler = nothing };
	int64_t start_ms, took;

	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	start_ms = harness_now_ms();
	MUST_BE(0, sigchld_wait(ctx, 200));
	took = harness_now_ms() - start_ms;
	ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
	ck_assert_int_ge(took, 199);
	sigchld_free(ctx);
}
END_TEST

static struct sigchld_ctx *from_handler;

static void
say_occurred(int sig)
{
	(void)sig;
	(void)sigchld_occurred(from_handler);
}

START_TEST(occurred_from_a_handler_ends_a_wait)
{
	struct sigaction action = { .sa_handler = say_occurred };
	struct itimerval soon = { { 0, 0 }, { 0, 20000 } };

	from_handler = open_ctx(NULL);
	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
	MUST_BE(0, sigchld_wait(from_handler, -1));
	sigchld_free(from_handler);
}
END_TEST

START_TEST(a_wait_of_no_time_is_a_dispatch)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };

	MUST_BE(0, sigchld_wait(ctx, 0));
	(void)watched_zombie(ctx, NULL, 0, harness_on_event, &log);
	MUST_BE(1, sigchld_wait(ctx, 0));
	sigchld_free(ctx);
}
END_TEST

/* Threads */

struct scene {
	struct sigchld_ctx *ctx;
	struct sigchld_child *child;
	struct gate in, out, done;
	int rc, count;
};

#define SCENE \
	{ \
		.in = GATE, .out = GATE, .done = GATE \
	}

static void
stay(struct sigchld_child *child, const struct sigchld_event *event, void *user)
{
	struct scene *scene = user;

	(void)child;
	(void)event;
	gate_open(&scene->in);
	gate_pass(&scene->out, 1);
	scene->count++;
}

static void *
dispatch_thread(void *user)
{
	struct scene *scene = user;

	scene->rc = sigchld_dispatch(scene->ctx);
	gate_open(&scene->done);
	return NULL;
}

static void *
wait_thread(void *user)
{
	struct scene *scene = user;

	scene->rc = sigchld_wait(scene->ctx, -1);
	gate_open(&scene->done);
	return NULL;
}

static void *
free_thread(void *user)
{
	struct scene *scene = user;

	sigchld_free(scene->ctx);
	gate_open(&scene->done);
	return NULL;
}

static void *
child_free_thread(void *user)
{
	struct scene *scene = user;

	sigchld_child_free(scene->child);
	gate_open(&scene->done);
	return NULL;
}

static pthread_t
start_staying(struct scene *scene)
{
	pthread_t thread;

	scene->ctx = open_ctx(NULL);
	(void)watched_zombie(scene->ctx, &scene->child, 0, stay, scene);
	thread = start(dispatch_thread, scene);
	gate_pass(&scene->in, 1);
	return thread;
}

START_TEST(g4_a_second_thread_that_dispatches_gets_0)
{
	struct scene scene = SCENE;
	pthread_t thread = start_staying(&scene);
	struct harness_log log = { .count = 0 };

	(void)watched_zombie(scene.ctx, NULL, 0, harness_on_event, &log);
	MUST_BE(0, sigchld_dispatch(scene.ctx));
	MUST_BE(0, sigchld_wait(scene.ctx, 30));
	ck_assert_int_eq(log.count, 0);
	gate_open(&scene.out);
	(void)finish(thread);
	ck_assert_int_ge(scene.rc, 1);
	harness_wait_for(scene.ctx, &log.count, 1);
	sigchld_child_free(scene.child);
	sigchld_free(scene.ctx);
}
END_TEST

START_TEST(a_wait_in_a_second_thread_waits_its_turn)
{
	struct scene scene = SCENE, other = SCENE;
	pthread_t first = start_staying(&scene), second;
	struct harness_log log = { .count = 0 };

	other.ctx = scene.ctx;
	second = start(wait_thread, &other);
	ck_assert(!gate_await(&other.done, 1, 50));
	gate_open(&scene.out);
	(void)finish(first);
	if (sigchld_fork(scene.ctx, NULL, 0, harness_on_event, &log) == 0)
		_exit(0);
	(void)finish(second);
	harness_wait_for(scene.ctx, &log.count, 1);
	sigchld_child_free(scene.child);
	sigchld_free(scene.ctx);
}
END_TEST

START_TEST(g3_free_from_another_thread_waits_for_a_running_callback)
{
	struct scene scene = SCENE, other = SCENE;
	pthread_t first = start_staying(&scene), second;

	other.ctx = scene.ctx;
	second = start(free_thread, &other);
	while (sigchld_child_ctx(scene.child) != NULL)
		(void)sched_yield();
	ck_assert(!gate_await(&other.done, 1, 30));
	gate_open(&scene.out);
	(void)finish(second);
	ck_assert_int_eq(scene.count, 1);
	(void)finish(first);
	MUST_BE(1, scene.rc);
	sigchld_child_free(scene.child);
	while (waitpid(-1, NULL, WNOHANG) > 0) /* it is ours now, or reaped */
		continue;
}
END_TEST

START_TEST(g3_free_from_another_thread_ends_a_wait_that_sleeps)
{
	struct scene scene = SCENE, other = SCENE;
	pthread_t first, second;

	scene.ctx = open_ctx(NULL);
	other.ctx = scene.ctx;
	first = start(wait_thread, &scene);
	gate_pass(&sleeps, 1);
	second = start(free_thread, &other);
	(void)finish(second);
	(void)finish(first);
	MUST_BE(0, scene.rc);
}
END_TEST

START_TEST(child_free_from_another_thread_waits_for_its_callback)
{
	struct scene scene = SCENE, other = SCENE;
	pthread_t first = start_staying(&scene), second;

	other.child = scene.child;
	second = start(child_free_thread, &other);
	ck_assert(!gate_await(&other.done, 1, 30));
	gate_open(&scene.out);
	(void)finish(second);
	ck_assert_int_eq(scene.count, 1);
	(void)finish(first);
	sigchld_free(scene.ctx);
}
END_TEST

static struct scene *elsewhere;

static void
free_elsewhere(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	(void)child;
	(void)event;
	(void)user;
	sigchld_child_free(elsewhere->child);
}

START_TEST(child_free_in_a_callback_does_not_wait)
{
	struct scene scene = SCENE;
	pthread_t thread = start_staying(&scene);
	struct sigchld_ctx *mine = open_ctx(NULL);

	elsewhere = &scene;
	(void)watched_zombie(mine, NULL, 0, free_elsewhere, NULL);
	MUST_BE(1, sigchld_dispatch(mine));
	ck_assert_int_eq(scene.count, 0);
	gate_open(&scene.out);
	(void)finish(thread);
	sigchld_free(mine);
	sigchld_free(scene.ctx);
}
END_TEST

static void *
ended_opener(void *user)
{
	struct scene *scene = user;

	scene->ctx = open_ctx(NULL);
	return NULL;
}

START_TEST(c26_a_context_outlives_the_thread_that_opened_it)
{
	struct scene scene = SCENE;
	struct harness_log log = { .count = 0 };

	(void)finish(start(ended_opener, &scene));
	(void)watched_zombie(scene.ctx, NULL, 7, harness_on_event, &log);
	harness_wait_for(scene.ctx, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 7 << 8);
	sigchld_free(scene.ctx);
}
END_TEST

static void *
fork_in_thread(void *user)
{
	struct scene *scene = user;

	/* The thread sanitizer forgets a signal that it put off, if the thread
	 * that it came to ends. */
	block_sigchld(SIG_BLOCK);
	scene->rc =
	    watched_zombie(scene->ctx, NULL, 9, harness_on_event, scene->child);
	return NULL;
}

START_TEST(c26_a_child_outlives_the_thread_that_forked_it)
{
	struct scene scene = SCENE;
	struct harness_log log = { .count = 0 };

	scene.ctx = open_ctx(NULL);
	scene.child = (void *)&log;
	(void)finish(start(fork_in_thread, &scene));
	harness_wait_for(scene.ctx, &log.count, 1);
	ck_assert_int_eq(log.pid, scene.rc);
	ck_assert_int_eq(log.wstatus, 9 << 8);
	sigchld_free(scene.ctx);
}
END_TEST

/* Cancellation while it waits its turn must leave no lock held. */
START_TEST(c25_a_thread_cancelled_in_line_leaves_the_context_usable)
{
	struct scene scene = SCENE, other = SCENE;
	pthread_t first = start_staying(&scene), second;

	other.ctx = scene.ctx;
	second = start(wait_thread, &other);
	ck_assert(!gate_await(&other.done, 1, 50));
	ck_assert_int_eq(pthread_cancel(second), 0);
	gate_open(&scene.out);
	gate_pass(&scene.done, 1);
	MUST_BE(0, sigchld_occurred(scene.ctx));
	(void)finish(first);
	(void)finish(second);
	sigchld_child_free(scene.child);
	sigchld_free(scene.ctx);
}
END_TEST

START_TEST(c25_a_thread_cancelled_in_child_free_leaves_the_context_usable)
{
	struct scene scene = SCENE, other = SCENE;
	pthread_t first = start_staying(&scene), second;

	other.child = scene.child;
	second = start(child_free_thread, &other);
	ck_assert(!gate_await(&other.done, 1, 30));
	ck_assert_int_eq(pthread_cancel(second), 0);
	gate_open(&scene.out);
	(void)finish(first);
	(void)finish(second);
	sigchld_free(scene.ctx);
}
END_TEST

/* Faults */

static char faults[4][16];
static int fault_err[4], n_faults;

static void
note_fault(struct sigchld_ctx *ctx, const char *what, int err, void *user)
{
	(void)ctx;
	(void)user;
	ck_assert_int_lt(n_faults, 4);
	(void)strncpy(faults[n_faults], what, sizeof(faults[0]) - 1);
	fault_err[n_faults++] = err;
}

START_TEST(a_poll_that_fails_is_a_fault_and_the_context_goes_on)
{
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.on_fault = note_fault));
	struct harness_log log = { .count = 0 };

	(void)watched_zombie(ctx, NULL, 0, harness_on_event, &log);
	fail_poll = -ENOMEM;
	ck_assert_int_ge(sigchld_dispatch(ctx), 1);
	ck_assert_int_eq(n_faults, 1);
	ck_assert_str_eq(faults[0], "poll");
	ck_assert_int_eq(fault_err[0], -ENOMEM);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_uint_eq(stats_of(ctx).faults, 1);
	sigchld_free(ctx);
}
END_TEST

START_TEST(a_poll_that_fails_with_nobody_to_tell_is_counted_and_returned)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);

	fail_poll = -ENOMEM;
	MUST_BE(-ENOMEM, sigchld_dispatch(ctx));
	fail_poll = -ENOMEM;
	MUST_BE(-ENOMEM, sigchld_wait(ctx, -1));
	ck_assert_uint_eq(stats_of(ctx).faults, 2);
	fail_poll = -EINTR;
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert_uint_eq(stats_of(ctx).faults, 2);
	sigchld_free(ctx);
}
END_TEST

START_TEST(a_self_pipe_that_fails_is_a_fault_and_the_next_signal_wakes)
{
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.on_fault = note_fault));
	struct harness_log log = { .count = 0 };
	struct harness_child a, b;

	a = harness_fork_watched(ctx, NULL, 0, 1, harness_on_event, &log);
	b = harness_fork_watched(ctx, NULL, 0, 2, harness_on_event, &log);
	(void)sigchld_dispatch(ctx);
	fail_write = -EIO;
	harness_release(&a);
	harness_await_zombie(a.pid);
	ck_assert(!harness_readable(sigchld_fd(ctx), 0));
	harness_release(&b);
	harness_await_zombie(b.pid);
	MUST_BE(3, sigchld_dispatch(ctx));
	ck_assert_int_eq(log.count, 2);
	ck_assert_int_eq(n_faults, 1);
	ck_assert_str_eq(faults[0], "self-pipe");
	ck_assert_int_eq(fault_err[0], -EIO);
	sigchld_free(ctx);
}
END_TEST

static void
free_in_fault(struct sigchld_ctx *ctx, const char *what, int err, void *user)
{
	note_fault(ctx, what, err, user);
	sigchld_free(ctx);
}

START_TEST(c23_the_context_freed_in_on_fault)
{
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.on_fault = free_in_fault));

	fail_poll = -EIO;
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(n_faults, 1);
}
END_TEST

/* Wrong use */

START_TEST(wrong_arguments_are_refused)
{
	MUST_BE(-EINVAL, sigchld_dispatch(NULL));
	MUST_BE(-EINVAL, sigchld_wait(NULL, 0));
	MUST_BE(-EINVAL, sigchld_fd(NULL));
	MUST_BE(-EINVAL, sigchld_timeout(NULL));
}
END_TEST

HARNESS("dispatch",
    {
	HARNESS_TEST(c2_readable_until_dispatched_and_not_after),
	HARNESS_TEST(c2_a_death_at_the_worst_moment_is_told),
	HARNESS_SIGNAL_TEST(c13_installing_anew_finds_what_was_dropped),
	HARNESS_SIGNAL_TEST(c42_a_spoofed_sigchld_costs_one_look),
	HARNESS_TEST(c43_bytes_from_a_hostile_child_mean_nothing),
	HARNESS_TEST(
	    c43_a_hostile_child_that_fills_the_self_pipe_deafens_nobody),
	HARNESS_TEST(c4_m33_a_full_self_pipe_and_one_look_finds_all),
	HARNESS_TEST(
	    c43_a_hostile_child_that_drains_the_self_pipe_deafens_nobody),
	HARNESS_TEST(c6_signals_do_not_end_a_wait),
	HARNESS_TEST(occurred_from_a_handler_ends_a_wait),
	HARNESS_TEST(a_wait_of_no_time_is_a_dispatch),
	HARNESS_TEST(g4_a_second_thread_that_dispatches_gets_0),
	HARNESS_TEST(a_wait_in_a_second_thread_waits_its_turn),
	HARNESS_TEST(g3_free_from_another_thread_waits_for_a_running_callback),
	HARNESS_TEST(g3_free_from_another_thread_ends_a_wait_that_sleeps),
	HARNESS_TEST(child_free_from_another_thread_waits_for_its_callback),
	HARNESS_TEST(child_free_in_a_callback_does_not_wait),
	HARNESS_TEST(c26_a_context_outlives_the_thread_that_opened_it),
	HARNESS_TEST(c26_a_child_outlives_the_thread_that_forked_it),
	HARNESS_TEST(c25_a_thread_cancelled_in_line_leaves_the_context_usable),
	HARNESS_TEST(
	    c25_a_thread_cancelled_in_child_free_leaves_the_context_usable),
	HARNESS_TEST(a_poll_that_fails_is_a_fault_and_the_context_goes_on),
	HARNESS_TEST(
	    a_poll_that_fails_with_nobody_to_tell_is_counted_and_returned),
	HARNESS_SIGNAL_TEST(
	    a_self_pipe_that_fails_is_a_fault_and_the_next_signal_wakes),
	HARNESS_TEST(c23_the_context_freed_in_on_fault),
	HARNESS_TEST(wrong_arguments_are_refused),
    })
