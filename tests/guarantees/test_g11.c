/*
 * test_g11.c - G11: one failing part delays no other
 *
 * wrap: write poll
 */
#include "async/sys.h"
#include "core/sys.h"
#include "help.h"

static atomic_int last_fd, sick_fd = -1, sickness;

int __real_sigchld__sys_write(int fd, const void *data, size_t size);
int __wrap_sigchld__sys_write(int fd, const void *data, size_t size);

int
__wrap_sigchld__sys_write(int fd, const void *data, size_t size)
{
	atomic_store(&last_fd, fd);
	if (fd != atomic_load(&sick_fd))
		return __real_sigchld__sys_write(fd, data, size);
	if (atomic_load(&sickness) ==
	    -EAGAIN) /* one that is full is readable */
		(void)__real_sigchld__sys_write(fd, data, size);

	return atomic_load(&sickness);
}

static _Thread_local bool is_waiter;
static atomic_int asleep; /* the waiter goes to sleep, its mind made up */

int __real_sigchld__sys_poll(struct pollfd *fds, unsigned int n,
    int timeout_ms);
int __wrap_sigchld__sys_poll(struct pollfd *fds, unsigned int n,
    int timeout_ms);

int
__wrap_sigchld__sys_poll(struct pollfd *fds, unsigned int n, int timeout_ms)
{
	if (is_waiter)
		atomic_store(&asleep, 1);

	return __real_sigchld__sys_poll(fds, n, timeout_ms);
}

/* Two contexts, one of them in trouble. */
struct two {
	struct sigchld_ctx *sick, *well;
	struct harness_child sick_held, well_held;
	struct harness_log sick_log, well_log;
};

static void
open_two(struct two *two, const struct sigchld_options *options)
{
	two->sick = open_ctx(options);
	two->sick_held = harness_fork_watched(two->sick, NULL, 0, 1,
	    harness_on_event, &two->sick_log);
	ck_assert_int_ge(sigchld_dispatch(two->sick), 0);
	ck_assert_int_eq(raise(SIGCHLD), 0);
	ck_assert_int_ge(sigchld_dispatch(two->sick), 0);
	two->well = open_ctx(NULL);
	two->well_held = harness_fork_watched(two->well, NULL, 0, 2,
	    harness_on_event, &two->well_log);
	ck_assert_int_ge(sigchld_dispatch(two->well), 0);
}

static void
check_well(struct two *two)
{
	harness_release(&two->well_held);
	harness_wait_for(two->well, &two->well_log.final, 1);
	ck_assert_int_eq(two->well_log.wstatus, 2 << 8);
	sigchld_free(two->well);
}

static void
check_recovered(struct two *two)
{
	harness_release(&two->sick_held);
	harness_wait_for(two->sick, &two->sick_log.final, 1);
	ck_assert_int_eq(two->sick_log.wstatus, 1 << 8);
	sigchld_free(two->sick);
}

START_TEST(g11_context_that_never_dispatches)
{
	struct two two = { 0 };
	int i;

	open_two(&two, NULL);
	end_child(&two.sick_held);
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(raise(SIGCHLD), 0);
	check_well(&two);
	ck_assert_int_eq(two.sick_log.count, 0);
	check_recovered(&two);
}
END_TEST

START_TEST(g11_full_self_pipe)
{
	struct two two = { 0 };

	open_two(&two, NULL);
	/* The only one on the list when it was woken last is the sick one. */
	ck_assert_int_eq(sigchld_occurred(two.sick), 0);
	atomic_store(&sickness, -EAGAIN);
	atomic_store(&sick_fd, atomic_load(&last_fd));
	ck_assert_int_ge(sigchld_dispatch(two.sick), 0);
	ck_assert_int_eq(raise(SIGCHLD), 0);
	check_well(&two);
	atomic_store(&sick_fd, -1);
	check_recovered(&two);
}
END_TEST

struct faults {
	int n, err;
	char what[32];
};

static void
on_fault(struct sigchld_ctx *ctx, const char *what, int err, void *user)
{
	struct faults *faults = user;

	(void)ctx;
	faults->n++;
	faults->err = err;
	(void)strncpy(faults->what, what, sizeof(faults->what) - 1);
}

START_TEST(g11_broken_self_pipe)
{
	struct faults faults = { 0 };
	struct two two = { 0 };

	open_two(&two, SIGCHLD_OPTIONS(.on_fault = on_fault, .user = &faults));
	ck_assert_int_eq(sigchld_occurred(two.sick), 0);
	atomic_store(&sickness, -EIO);
	atomic_store(&sick_fd, atomic_load(&last_fd));
	ck_assert_int_ge(sigchld_dispatch(two.sick), 0);
	ck_assert_int_eq(raise(SIGCHLD), 0);
	check_well(&two);
	atomic_store(&sick_fd, -1);
	check_recovered(&two);
	ck_assert_int_ge(faults.n, 1);
	ck_assert_int_eq(faults.err, -EIO);
	ck_assert_str_eq(faults.what, "self-pipe");
}
END_TEST

static int
deny(struct sigchld_ctx *ctx, const struct sigchld_event *event, void *user)
{
	(void)ctx;
	(void)event;
	(*(int *)user)++;

	return -ESRCH;
}

START_TEST(g11_denied_stray)
{
	struct harness_child stray = harness_fork_held(3);
	struct two two = { 0 };
	int asked = 0;

	end_child(&stray); /* the oldest zombie, and it stays */
	open_two(&two, SIGCHLD_OPTIONS(.on_stray = deny, .user = &asked));
	ck_assert_int_ge(asked, 1);
	check_well(&two);
	check_recovered(&two);
	ck_assert_int_eq(waitpid(stray.pid, NULL, 0), stray.pid);
}
END_TEST

/* A stray callback that fails is a fault, and no more. */

static int
break_down(struct sigchld_ctx *ctx, const struct sigchld_event *event,
    void *user)
{
	(void)ctx;
	(void)event;
	(void)user;

	return -EIO;
}

START_TEST(g11_failing_stray_callback)
{
	struct harness_child stray = harness_fork_held(3);
	struct faults faults = { 0 };
	struct two two = { 0 };

	end_child(&stray);
	open_two(&two,
	    SIGCHLD_OPTIONS(.on_stray = break_down, .on_fault = on_fault,
		.user = &faults));
	ck_assert_int_ge(faults.n, 1);
	ck_assert_int_eq(faults.err, -EIO);
	check_well(&two);
	check_recovered(&two);
	ck_assert_int_eq(waitpid(stray.pid, NULL, 0), stray.pid);
}
END_TEST

/* A child that will not go: its deadline holds, and nobody waits for it. */

static _Noreturn void
hang(int ready)
{
	(void)signal(SIGUSR1, SIG_IGN);
	(void)write(ready, "", 1);
	for (;;)
		(void)pause();
}

START_TEST(g11_child_that_will_not_go)
{
	struct harness_log log = { 0 };
	struct sigchld_child *child;
	struct two two = { 0 };
	int ready[2];
	char byte;
	pid_t pid;

	open_two(&two, NULL);
	ck_assert_int_eq(pipe(ready), 0);
	pid = sigchld_fork(two.sick, &child, 0, harness_on_event, &log);
	if (pid == 0)
		hang(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(sigchld_child_stop(child, SIGUSR1, 10), 0);
	check_well(&two);
	harness_wait_for(two.sick, &log.final, 1);
	ck_assert_int_eq(WTERMSIG(log.wstatus), SIGKILL);
	sigchld_child_free(child);
	check_recovered(&two);
	(void)close(ready[0]);
	(void)close(ready[1]);
}
END_TEST

/* Nobody dispatches: whoever waits for the child sees to its deadline. */

static pid_t
fork_hanging(struct sigchld_ctx *ctx, struct sigchld_child **child)
{
	int ready[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = sigchld_fork(ctx, child, 0, NULL, NULL);
	if (pid == 0)
		hang(ready[1]);
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);

	return pid;
}

static void
wait_for_kill(struct sigchld_child *child)
{
	struct sigchld_event event = { .size = sizeof(event) };
	int64_t patience = harness_patience_ms();
	int64_t deadline = harness_now_ms() + patience;

	ck_assert_int_eq(sigchld_child_wait(child, (int)patience, &event), 1);
	ck_assert_int_lt(harness_now_ms(), deadline);
	ck_assert_int_eq(WTERMSIG(event.wstatus), SIGKILL);
}

START_TEST(g11_stop_and_wait)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_child *child;

	(void)fork_hanging(ctx, &child);
	ck_assert_int_eq(sigchld_child_stop(child, SIGUSR1, 10), 0);
	wait_for_kill(child);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

static void *
wait_in_thread(void *arg)
{
	is_waiter = true;
	wait_for_kill(arg);

	return NULL;
}

START_TEST(g11_stop_reaches_a_waiter)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_child *child;
	pthread_t thread;

	(void)fork_hanging(ctx, &child);
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_in_thread, child),
	    0);
	await_flag(&asleep);
	ck_assert_int_eq(sigchld_child_stop(child, SIGUSR1, 10), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

HARNESS("g11",
    {
	HARNESS_TEST(g11_context_that_never_dispatches),
	HARNESS_SIGNAL_TEST(g11_full_self_pipe),
	HARNESS_SIGNAL_TEST(g11_broken_self_pipe),
	HARNESS_TEST(g11_denied_stray),
	HARNESS_TEST(g11_failing_stray_callback),
	HARNESS_TEST(g11_child_that_will_not_go),
	HARNESS_TEST(g11_stop_and_wait),
	HARNESS_TEST(g11_stop_reaches_a_waiter),
    })
