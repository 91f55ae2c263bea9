/* test_selfpipe.c - what a signal handler writes to and an event loop polls */
/* wrap: write read cloexec nonblock close */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "help.h"

int __real_sigchld__sys_write(int fd, const void *data, size_t size);
int __wrap_sigchld__sys_write(int fd, const void *data, size_t size);
int __real_sigchld__sys_read(int fd, void *data, size_t size);
int __wrap_sigchld__sys_read(int fd, void *data, size_t size);
int __real_sigchld__sys_cloexec(int fd);
int __wrap_sigchld__sys_cloexec(int fd);
int __real_sigchld__sys_nonblock(int fd);
int __wrap_sigchld__sys_nonblock(int fd);
int __real_sigchld__sys_close(int fd);
int __wrap_sigchld__sys_close(int fd);

static int n_writes, n_reads, n_closes;
static int interruptions; /* how many calls are still to get EINTR */
static int to_fail = -1;  /* the n-th from now */

static bool
is_interrupted(void)
{
	return interruptions > 0 && interruptions-- > 0;
}

int
__wrap_sigchld__sys_write(int fd, const void *data, size_t size)
{
	n_writes++;
	return is_interrupted() ? -EINTR
				: __real_sigchld__sys_write(fd, data, size);
}

int
__wrap_sigchld__sys_read(int fd, void *data, size_t size)
{
	n_reads++;
	return is_interrupted() ? -EINTR
				: __real_sigchld__sys_read(fd, data, size);
}

int
__wrap_sigchld__sys_cloexec(int fd)
{
	return to_fail-- == 0 ? -EMFILE : __real_sigchld__sys_cloexec(fd);
}

int
__wrap_sigchld__sys_nonblock(int fd)
{
	return to_fail-- == 0 ? -EMFILE : __real_sigchld__sys_nonblock(fd);
}

int
__wrap_sigchld__sys_close(int fd)
{
	n_closes++;
	return __real_sigchld__sys_close(fd);
}

static struct sigchld__selfpipe
open_pipe(void)
{
	struct sigchld__selfpipe pipe = SIGCHLD__SELFPIPE_CLOSED;

	ck_assert_int_eq(sigchld__selfpipe_open(&pipe), 0);
	ck_assert_int_ge(pipe.rd, 0);
	ck_assert_int_ge(pipe.wr, 0);

	return pipe;
}

static bool
is_readable(const struct sigchld__selfpipe *pipe)
{
	return harness_readable(pipe->rd, 0);
}

START_TEST(c1_many_writes_are_one_drain)
{
	struct sigchld__selfpipe pipe = open_pipe();
	int i;

	ck_assert(!is_readable(&pipe));
	for (i = 0; i < 1000; i++)
		ck_assert_int_eq(sigchld__selfpipe_write(&pipe), 0);
	ck_assert(is_readable(&pipe));
	ck_assert_int_eq(sigchld__selfpipe_drain(&pipe), 0);
	ck_assert(!is_readable(&pipe));
	ck_assert_int_eq(sigchld__selfpipe_drain(&pipe), 0); /* nothing left */
	ck_assert_int_eq(sigchld__selfpipe_write(&pipe), 0);
	ck_assert(is_readable(&pipe));
	sigchld__selfpipe_close(&pipe);
}
END_TEST

/* As much as it takes, by any means. */
static void
fill(const struct sigchld__selfpipe *pipe)
{
	const uint64_t most = UINT64_MAX - 1;

	while (__real_sigchld__sys_write(pipe->wr, &most, sizeof(most)) > 0)
		;
}

START_TEST(c4_a_full_pipe_is_success)
{
	struct sigchld__selfpipe pipe = open_pipe();

	fill(&pipe);
	errno = EXDEV;
	ck_assert_int_eq(sigchld__selfpipe_write(&pipe), 0);
	ck_assert_int_eq(errno, EXDEV);
	ck_assert(is_readable(&pipe));
	ck_assert_int_eq(sigchld__selfpipe_drain(&pipe), 0);
	ck_assert(!is_readable(&pipe));
	sigchld__selfpipe_close(&pipe);
}
END_TEST

static void
make_blocking(int fd)
{
	ck_assert_int_eq(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK),
	    0);
}

/* O_NONBLOCK belongs to the open file, which a forked child shares. */
START_TEST(c4_a_child_that_makes_it_block_stops_nobody)
{
	struct sigchld__selfpipe pipe = open_pipe();
	pid_t pid = fork();

	if (pid == 0) {
		make_blocking(pipe.rd);
		make_blocking(pipe.wr);
		_exit(0);
	}
	ck_assert_int_eq(code_of(pid), 0);
	(void)alarm(20); /* its default action ends the test */
	ck_assert_int_eq(sigchld__selfpipe_write(&pipe), 0);
	ck_assert_int_eq(sigchld__selfpipe_drain(&pipe), 0);
	ck_assert(!is_readable(&pipe));
	(void)alarm(0);
	sigchld__selfpipe_close(&pipe);
}
END_TEST

START_TEST(c5_without_a_reader_nobody_dies)
{
	struct sigchld__selfpipe pipe = open_pipe();

	if (pipe.rd != pipe.wr) {
		(void)close(pipe.rd);
		ck_assert_int_eq(sigchld__selfpipe_write(&pipe), -EPIPE);
		(void)close(pipe.wr);
	} else {
		(void)close(pipe.rd);
		ck_assert_int_eq(sigchld__selfpipe_write(&pipe), -EBADF);
	}
	errno = EXDEV;
	ck_assert_int_eq(sigchld__selfpipe_drain(&pipe), -EBADF);
	ck_assert_int_eq(errno, EXDEV);
}
END_TEST

START_TEST(c6_interruptions_are_gone_over)
{
	struct sigchld__selfpipe pipe = open_pipe();

	interruptions = 3;
	ck_assert_int_eq(sigchld__selfpipe_write(&pipe), 0);
	ck_assert_int_eq(n_writes, 4);
	ck_assert(is_readable(&pipe));
	interruptions = 3;
	ck_assert_int_eq(sigchld__selfpipe_drain(&pipe), 0);
	ck_assert_int_ge(n_reads, 4);
	ck_assert(!is_readable(&pipe));
	sigchld__selfpipe_close(&pipe);
}
END_TEST

START_TEST(c17_both_ends_are_closed_by_exec)
{
	struct sigchld__selfpipe pipe = open_pipe();

	ck_assert_int_eq(fcntl(pipe.rd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(fcntl(pipe.wr, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	sigchld__selfpipe_close(&pipe);
}
END_TEST

START_TEST(c31_without_a_descriptor_nothing_has_happened)
{
	struct sigchld__selfpipe pipe = { -7, -8 };
	int fds = harness_count_fds();
	struct rlimit limit, none;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	errno = EXDEV;
	ck_assert_int_eq(sigchld__selfpipe_open(&pipe), -EMFILE);
	ck_assert_int_eq(errno, EXDEV);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(pipe.rd, -7);
	ck_assert_int_eq(pipe.wr, -8);
	ck_assert_int_eq(harness_count_fds(), fds);
}
END_TEST

START_TEST(c31_half_a_pipe_is_closed_again)
{
	struct sigchld__selfpipe pipe = { -7, -8 };
	int fds = harness_count_fds(), n = 0;

	for (to_fail = 0; sigchld__selfpipe_open(&pipe) != 0; to_fail = ++n) {
		ck_assert_int_eq(harness_count_fds(), fds);
		ck_assert_int_eq(pipe.rd, -7);
		ck_assert_int_eq(pipe.wr, -8);
	}
	sigchld__selfpipe_close(&pipe);
	ck_assert_int_eq(harness_count_fds(), fds);
	if (n == 0)
		harness_skip("nothing to set in this build");
	ck_assert_int_eq(n, 4); /* two things for each end */
}
END_TEST

START_TEST(c4_both_ends_never_block)
{
	struct sigchld__selfpipe pipe = open_pipe();

	ck_assert_int_ne(fcntl(pipe.rd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_ne(fcntl(pipe.wr, F_GETFL) & O_NONBLOCK, 0);
	sigchld__selfpipe_close(&pipe);
}
END_TEST

START_TEST(c14_closing_twice_closes_once)
{
	struct sigchld__selfpipe pipe = open_pipe();
	int ends = pipe.rd == pipe.wr ? 1 : 2;

	sigchld__selfpipe_close(&pipe);
	ck_assert_int_eq(n_closes, ends);
	ck_assert_int_eq(pipe.rd, -1);
	ck_assert_int_eq(pipe.wr, -1);
	sigchld__selfpipe_close(&pipe);
	ck_assert_int_eq(n_closes, ends);
}
END_TEST

HARNESS("selfpipe",
    {
	HARNESS_TEST(c1_many_writes_are_one_drain),
	HARNESS_TEST(c4_a_full_pipe_is_success),
	HARNESS_TEST(c4_a_child_that_makes_it_block_stops_nobody),
	HARNESS_TEST(c5_without_a_reader_nobody_dies),
	HARNESS_TEST(c6_interruptions_are_gone_over),
	HARNESS_TEST(c17_both_ends_are_closed_by_exec),
	HARNESS_TEST(c31_without_a_descriptor_nothing_has_happened),
	HARNESS_TEST(c31_half_a_pipe_is_closed_again),
	HARNESS_TEST(c4_both_ends_never_block),
	HARNESS_TEST(c14_closing_twice_closes_once),
    })
