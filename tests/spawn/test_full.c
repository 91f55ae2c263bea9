/*
 * test_full.c - a descriptor table that is full
 *
 * What the program is not given is closed before anything is opened for it, so
 * there is room for /dev/null though there was none in the parent.
 */
#include <sys/resource.h>

#include "help.h"

#define LIMIT 200

/* All numbers below LIMIT but so many are in use. Gives the highest. */
static int
fill(int *fds, int but)
{
	int fd, n = 0;

	while ((fd = fcntl(0, F_DUPFD_CLOEXEC, 0)) >= 0)
		fds[n++] = fd;
	ck_assert_int_eq(errno, EMFILE);
	ck_assert_int_gt(n, but + 4);
	while (but-- > 0)
		(void)close(fds[--n]);
	fds[n] = -1;
	return fds[n - 1];
}

static void
empty(const int *fds)
{
	for (; *fds >= 0; fds++)
		(void)close(*fds);
}

/* A forked child reports by a pipe, of which it takes a copy. */
static int
needs(enum sigchld__engine engine)
{
	return forks_only() || engine == SIGCHLD__ENGINE_FORK ? 3 : 0;
}

/* The last one is of use, too, and there is no number above it. */
static void
spawn_with_null(struct sigchld_ctx *ctx, int last, int theirs)
{
	const struct sigchld_fdmap map[] = { { last, 3 },
		{ SIGCHLD_FD_NULL, theirs } };
	char name[] = "sh", dash_c[] = "-c", script[40];
	char *argv[] = { name, dash_c, script, NULL };
	struct ended ended = { .count = 0 };
	pid_t pid;

	(void)snprintf(script, sizeof(script), "test -c /proc/self/fd/%d",
	    theirs);
	pid = sigchld_spawn(ctx, NULL,
	    SIGCHLD_SPAWN(.argv = argv, .fdmap = map, .nfdmap = 2), on_end,
	    &ended);
	ck_assert_msg(pid > 0, "%s", strerror(-pid));
	await_end(ctx, &ended, pid, 0);
}

START_TEST(dev_null_when_the_table_is_full)
{
	struct rlimit limit;
	int fds[LIMIT + 1];

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = LIMIT;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	EACH_ENGINE(engine)
	{
		struct sigchld_ctx *ctx = open_ctx(NULL);
		int last = fill(fds, needs(engine));

		spawn_with_null(ctx, last, 0);
		spawn_with_null(ctx, last, 5);
		empty(fds);
		sigchld_free(ctx);
	}
	must_be_childless();
}
END_TEST

HARNESS("full",
    {
	HARNESS_TEST(dev_null_when_the_table_is_full),
    })
