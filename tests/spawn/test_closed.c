/*
 * test_closed.c - a source that is not open is found before anything is opened
 *
 * Else it may have become one of ours by the time it is looked at: a pipe, a
 * copy that was set aside, or the pipe that a forked child tells its error by,
 * which the parent would then wait for until the program ends.
 *
 * wrap: clone clone_copy fork pipe
 */
#include "help.h"
#include "spawn/sys.h"

/* Wraps */

pid_t __real_sigchld__sys_clone(int (*fn)(void *arg), void *arg, void *stack,
    size_t size, unsigned int flags, volatile int *pidfd, int cgroup);
pid_t __wrap_sigchld__sys_clone(int (*fn)(void *arg), void *arg, void *stack,
    size_t size, unsigned int flags, volatile int *pidfd, int cgroup);
pid_t __real_sigchld__sys_clone_copy(volatile int *pidfd, int cgroup);
pid_t __wrap_sigchld__sys_clone_copy(volatile int *pidfd, int cgroup);
pid_t __real_sigchld__sys_fork(void);
pid_t __wrap_sigchld__sys_fork(void);
int __real_sigchld__sys_pipe(int fds[2]);
int __wrap_sigchld__sys_pipe(int fds[2]);

static int n_begun; /* processes and pipes that were asked for */

pid_t
__wrap_sigchld__sys_clone(int (*fn)(void *arg), void *arg, void *stack,
    size_t size, unsigned int flags, volatile int *pidfd, int cgroup)
{
	n_begun++;
	return __real_sigchld__sys_clone(fn, arg, stack, size, flags, pidfd,
	    cgroup);
}

pid_t
__wrap_sigchld__sys_clone_copy(volatile int *pidfd, int cgroup)
{
	n_begun++;
	return __real_sigchld__sys_clone_copy(pidfd, cgroup);
}

pid_t
__wrap_sigchld__sys_fork(void)
{
	n_begun++;
	return __real_sigchld__sys_fork();
}

int
__wrap_sigchld__sys_pipe(int fds[2])
{
	n_begun++;
	return __real_sigchld__sys_pipe(fds);
}

/* What they do */

static char program[] = TRUE;
static char *args[] = { program, NULL };

/* The lowest that is free: the first that anybody gets. */
static int
next_free(void)
{
	int fd = fcntl(0, F_DUPFD_CLOEXEC, 3);

	ck_assert_int_ge(fd, 3);
	(void)close(fd);
	return fd;
}

static void
refused(struct sigchld_ctx *ctx, const struct sigchld_spawn_options *options)
{
	EACH_ENGINE(engine)
	{
		n_begun = 0;
		MUST_BE(-EBADF, sigchld_spawn(ctx, NULL, options, NULL, NULL));
		ck_assert_int_eq(n_begun, 0);
		must_be_childless();
	}
}

/* Numbers that pipes, the pidfd and copies would take, and one far away. */
#define EACH_CLOSED(closed, n) \
	for (int closed = next_free(), n = 0; n < 9; \
	     closed += n == 7 ? 1000 : 1, n++)

START_TEST(a_source_that_is_closed)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int in = -7, out = -7;

	EACH_CLOSED(closed, n)
	{
		const struct sigchld_fdmap map[] = { { 0, 5 }, { closed, 9 } };

		refused(ctx,
		    SIGCHLD_SPAWN(.argv = args, .fdmap = map, .nfdmap = 2));
		refused(ctx,
		    SIGCHLD_SPAWN(.argv = args, .fdmap = map, .nfdmap = 2,
			.ret_stdin = &in, .ret_stdout = &out));
	}
	ck_assert_int_eq(in, -7);
	ck_assert_int_eq(out, -7);
	sigchld_free(ctx);
}
END_TEST

/* Where copies are set aside in the child. */
START_TEST(a_swap_with_one_that_is_closed)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int a = new_file(), b = new_file();

	EACH_CLOSED(closed, n)
	{
		const struct sigchld_fdmap swap[] = { { a, closed },
			{ closed, a } };
		const struct sigchld_fdmap beside[] = { { a, b }, { b, a },
			{ closed, 5 } };

		refused(ctx,
		    SIGCHLD_SPAWN(.argv = args, .fdmap = swap, .nfdmap = 2));
		refused(ctx,
		    SIGCHLD_SPAWN(.argv = args, .fdmap = beside, .nfdmap = 3));
	}
	(void)close(a);
	(void)close(b);
	sigchld_free(ctx);
}
END_TEST

START_TEST(a_socket_to_listen_on_that_is_closed)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);

	EACH_CLOSED(closed, n)
	{
		const int listen[] = { 0, closed };
		int out;

		refused(ctx,
		    SIGCHLD_SPAWN(.argv = args, .listen = listen, .nlisten = 2,
			.ret_stdout = &out));
	}
	sigchld_free(ctx);
}
END_TEST

START_TEST(a_terminal_or_cgroup_that_is_closed)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);

	if (is_portable())
		harness_skip("this build has neither");
	EACH_CLOSED(closed, n)
	{
		int out;

		refused(ctx,
		    SIGCHLD_SPAWN(.argv = args, .flags = SIGCHLD_SPAWN_TTY,
			.tty = closed, .ret_stdout = &out));
		refused(ctx,
		    SIGCHLD_SPAWN(.argv = args, .flags = SIGCHLD_SPAWN_CGROUP,
			.cgroup = closed, .ret_stdout = &out));
	}
	sigchld_free(ctx);
}
END_TEST

HARNESS("closed",
    {
	HARNESS_TEST(a_source_that_is_closed),
	HARNESS_TEST(a_swap_with_one_that_is_closed),
	HARNESS_TEST(a_socket_to_listen_on_that_is_closed),
	HARNESS_TEST(a_terminal_or_cgroup_that_is_closed),
    })
