/*
 * test_sys.c - the system calls of floor 3: -errno, errno kept, no cancel
 *
 * wrap: socketpair cloexec nonblock
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "async/sys.h"
#include "harness.h"
#include "sanitized.h"
#include "worker/sys.h"

/* Which of the calls that make a pair fails; 0: none. */
static int n_calls, fails_at;

int __real_sigchld__sys_socketpair(int type, int fds[2]);
int __wrap_sigchld__sys_socketpair(int type, int fds[2]);
int __real_sigchld__sys_cloexec(int fd);
int __wrap_sigchld__sys_cloexec(int fd);
int __real_sigchld__sys_nonblock(int fd);
int __wrap_sigchld__sys_nonblock(int fd);

static bool
fails(void)
{
	return ++n_calls == fails_at;
}

int
__wrap_sigchld__sys_socketpair(int type, int fds[2])
{
	return fails() ? -ENOBUFS : __real_sigchld__sys_socketpair(type, fds);
}

int
__wrap_sigchld__sys_cloexec(int fd)
{
	return fails() ? -ENOBUFS : __real_sigchld__sys_cloexec(fd);
}

int
__wrap_sigchld__sys_nonblock(int fd)
{
	return fails() ? -ENOBUFS : __real_sigchld__sys_nonblock(fd);
}

static void
close_pair(const int *fds)
{
	ck_assert_int_eq(close(fds[0]), 0);
	ck_assert_int_eq(close(fds[1]), 0);
}

START_TEST(c7_a_failure_is_minus_errno_and_keeps_errno)
{
	char byte = 0;
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	int fds[2];

	errno = EXDEV;
	ck_assert_int_eq(sigchld__sys_sendmsg(-1, &part, 1), -EBADF);
	ck_assert_int_eq(sigchld__sys_recv(-1, &byte, 1), -EBADF);
	ck_assert_int_eq(sigchld__sys_stream_pair(fds), 0);
	ck_assert_int_eq(sigchld__sys_recv(fds[0], &byte, 1), -EAGAIN);
	ck_assert_int_eq(errno, EXDEV);
	close_pair(fds);
}
END_TEST

START_TEST(c7_memory_that_there_is_not_is_null)
{
	void *memory = sigchld__sys_room(1);

	ck_assert_ptr_nonnull(memory);
	free(memory);
	if (SANITIZED)
		harness_skip("a sanitizer ends who asks for so much");
	errno = EXDEV;
	ck_assert_ptr_null(sigchld__sys_room(SIZE_MAX / 2));
	ck_assert_int_eq(errno, EXDEV);
}
END_TEST

START_TEST(c17_both_ends_are_close_on_exec_and_do_not_block)
{
	int fds[2], i;

	ck_assert_int_eq(sigchld__sys_stream_pair(fds), 0);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(fcntl(fds[i], F_GETFD), FD_CLOEXEC);
		ck_assert_int_ne(fcntl(fds[i], F_GETFL) & O_NONBLOCK, 0);
	}
	close_pair(fds);
}
END_TEST

/* There is room for one end. */
START_TEST(p28_no_descriptors_and_nothing_lost)
{
	int fds[2] = { -7, -7 }, open = harness_count_fds(), next = dup(0);
	struct rlimit limit;

	ck_assert_int_ge(next, 0);
	(void)close(next);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)next + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	errno = EXDEV;
	ck_assert_int_eq(sigchld__sys_stream_pair(fds), -EMFILE);
	ck_assert_int_eq(errno, EXDEV);
	limit.rlim_cur = limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(harness_count_fds(), open);
	ck_assert_int_eq(fds[0], -7);
	ck_assert_int_eq(fds[1], -7);
}
END_TEST

/* The portable build makes a pair in five calls. */
START_TEST(p28_a_pair_that_is_made_by_half_is_lost_whole)
{
	int fds[2], open = harness_count_fds(), n;

	ck_assert_int_eq(sigchld__sys_stream_pair(fds), 0);
	close_pair(fds);
	n = n_calls;
	if (n == 0)
		harness_skip("one call makes it");
	ck_assert_int_eq(n, 5);
	for (fails_at = 1; fails_at <= n; fails_at++) {
		n_calls = 0;
		ck_assert_int_eq(sigchld__sys_stream_pair(fds), -ENOBUFS);
		ck_assert_int_eq(harness_count_fds(), open);
	}
}
END_TEST

/* Static, because the address sanitizer loses a stack that is left midway. */
static void *
call_each(void *arg)
{
	static char byte = 'x', in;
	static struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	static int fds[2];

	(void)pthread_cancel(pthread_self());
	(void)sigchld__sys_stream_pair(fds);
	(void)sigchld__sys_sendmsg(fds[0], &part, 1);
	(void)sigchld__sys_recv(fds[1], &in, 1);
	free(sigchld__sys_room(1));
	(void)sigchld__sys_close(fds[0]);
	(void)sigchld__sys_close(fds[1]);
	atomic_store((atomic_int *)arg, in);
	pthread_testcancel();
	return NULL;
}

START_TEST(c25_none_is_a_cancellation_point)
{
	atomic_int came_out = 0;
	pthread_t thread;
	void *ret;

	ck_assert_int_eq(pthread_create(&thread, NULL, call_each, &came_out),
	    0);
	ck_assert_int_eq(pthread_join(thread, &ret), 0);
	ck_assert_ptr_eq(ret, PTHREAD_CANCELED);
	ck_assert_int_eq(came_out, 'x');
}
END_TEST

HARNESS("sys",
    {
	HARNESS_TEST(c7_a_failure_is_minus_errno_and_keeps_errno),
	HARNESS_TEST(c7_memory_that_there_is_not_is_null),
	HARNESS_TEST(c17_both_ends_are_close_on_exec_and_do_not_block),
	HARNESS_TEST(p28_no_descriptors_and_nothing_lost),
	HARNESS_TEST(p28_a_pair_that_is_made_by_half_is_lost_whole),
	HARNESS_TEST(c25_none_is_a_cancellation_point),
    })
