/* test_sys.c - the system calls of floor 0: -errno, errno kept, no cancel */
#include <fcntl.h>
#include <sys/socket.h>

#include "help.h"

START_TEST(c7_a_failure_is_minus_errno_and_keeps_errno)
{
	struct sigaction action;
	sigset_t mask;
	int fds[2];
	char byte;

	(void)sigemptyset(&mask);
	errno = EXDEV;
	ck_assert_int_eq(sigchld__sys_write(-1, "", 1), -EBADF);
	ck_assert_int_eq(sigchld__sys_read(-1, &byte, 1), -EBADF);
	ck_assert_int_eq(sigchld__sys_close(-1), -EBADF);
	ck_assert_int_eq(sigchld__sys_cloexec(-1), -EBADF);
	ck_assert_int_eq(sigchld__sys_nonblock(-1), -EBADF);
	ck_assert_int_eq(sigchld__sys_sigaction(NSIG + 1, NULL, &action),
	    -EINVAL);
	ck_assert_int_eq(sigchld__sys_sigmask(4711, &mask, NULL), -EINVAL);
	ck_assert_int_eq(sigchld__sys_sleep_us(-1), -EINVAL);
	ck_assert_int_lt(sigchld__sys_raise(NSIG + 1), 0);
	if (!HELP_ASAN && !HELP_TSAN) /* which end who asks for so much */
		ck_assert_ptr_null(sigchld__sys_map(SIZE_MAX / 2));
	ck_assert_int_eq(errno, EXDEV);
	ck_assert_int_eq(sigchld__sys_socketpair(SOCK_STREAM, fds), 0);
	ck_assert_int_eq(errno, EXDEV);
	(void)close(fds[0]);
	(void)close(fds[1]);
}
END_TEST

START_TEST(c4_reading_nothing_does_not_block)
{
	struct sigchld__selfpipe pipe;
	uint64_t data;

	ck_assert_int_eq(sigchld__selfpipe_open(&pipe), 0);
	errno = EXDEV;
	ck_assert_int_eq(sigchld__sys_read(pipe.rd, &data, sizeof(data)),
	    -EAGAIN);
	ck_assert_int_eq(errno, EXDEV);
	sigchld__selfpipe_close(&pipe);
}
END_TEST

START_TEST(c17_close_on_exec_keeps_the_rest)
{
	int fds[2];

	ck_assert_int_eq(sigchld__sys_socketpair(SOCK_STREAM, fds), 0);
	ck_assert_int_eq(sigchld__sys_cloexec(fds[0]), 0);
	ck_assert_int_eq(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(sigchld__sys_cloexec(fds[0]), 0);
	ck_assert_int_eq(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(sigchld__sys_close(fds[0]), 0);
	ck_assert_int_eq(sigchld__sys_close(fds[1]), 0);
}
END_TEST

START_TEST(c28_memory_is_zero_and_given_back)
{
	size_t size = 1 << 16, i;
	unsigned char *map = sigchld__sys_map(size);
	int fds = harness_count_fds();

	ck_assert_ptr_nonnull(map);
	for (i = 0; i < size; i++)
		ck_assert_uint_eq(map[i], 0);
	map[size - 1] = 1;
	sigchld__sys_unmap(map, size);
	ck_assert_int_eq(harness_count_fds(), fds);
}
END_TEST

START_TEST(c16_wiped_memory_is_zero_in_a_forked_child)
{
	int *map = sigchld__sys_map(sizeof(*map)), rc;
	pid_t pid;

	ck_assert_ptr_nonnull(map);
	rc = sigchld__sys_wipe_on_fork(map, sizeof(*map));
	if (rc < 0)
		harness_skip(strerror(-rc));
	*map = 7;
	pid = fork();
	if (pid == 0)
		_exit(*map);
	ck_assert_int_eq(code_of(pid), 0);
	ck_assert_int_eq(*map, 7);
	sigchld__sys_unmap(map, sizeof(*map));
}
END_TEST

/* Whatever of libc is a cancellation point, with a cancel pending. Static,
 * because the address sanitizer loses a stack that is left midway. */
static void *
call_each(void *arg)
{
	static struct sigchld__selfpipe pipe;
	static uint64_t one = 1, data;
	void *map;

	(void)pthread_cancel(pthread_self());
	(void)sigchld__selfpipe_open(&pipe);
	(void)sigchld__sys_write(pipe.wr, &one, sizeof(one));
	(void)sigchld__sys_read(pipe.rd, &data, sizeof(data));
	(void)sigchld__sys_sleep_us(1);
	map = sigchld__sys_map(1);
	sigchld__sys_unmap(map, 1);
	sigchld__selfpipe_close(&pipe);
	atomic_store((atomic_int *)arg, 1);
	pthread_testcancel();
	return NULL;
}

START_TEST(c25_none_is_a_cancellation_point)
{
	atomic_int came_out = 0;

	ck_assert_ptr_eq(join(start(call_each, &came_out)), PTHREAD_CANCELED);
	ck_assert_int_eq(came_out, 1);
}
END_TEST

static atomic_int n_calls;

static void
on_usr1(int sig)
{
	(void)sig;
	atomic_fetch_add(&n_calls, 1);
}

START_TEST(c13_raise_is_for_the_process)
{
	ck_assert(signal(SIGUSR1, on_usr1) != SIG_ERR);
	ck_assert_int_eq(sigchld__sys_raise(SIGUSR1), 0);
	await_count(&n_calls, 1);
}
END_TEST

HARNESS("sys",
    {
	HARNESS_TEST(c7_a_failure_is_minus_errno_and_keeps_errno),
	HARNESS_TEST(c4_reading_nothing_does_not_block),
	HARNESS_TEST(c17_close_on_exec_keeps_the_rest),
	HARNESS_TEST(c28_memory_is_zero_and_given_back),
	HARNESS_TEST(c16_wiped_memory_is_zero_in_a_forked_child),
	HARNESS_TEST(c25_none_is_a_cancellation_point),
	HARNESS_TEST(c13_raise_is_for_the_process),
    })
