/*
 * test_map.c - the descriptor map, against the plainest model of it
 *
 * The model: each target gets what its source was before; then, unless
 * descriptors are kept, all above 2 that is no target goes. What a program sees
 * is what is open and not close-on-exec.
 *
 * Thousands of random maps are carried out by a forked copy of the test, each
 * by the very code that a child runs; tens by real programs and each engine.
 *
 * timeout: 180
 */
#include "help.h"
#include "spawn/child.h"
#include "spawn/slots.h"

#define NUMBERS 256 /* the model's descriptors */
#define MOST    12  /* entries of a map */

struct file { /* what a number is; zero: nothing that a program sees */
	dev_t device;
	ino_t inode;
};

static struct file
seen(int fd)
{
	struct file file = { 0, 0 };
	struct stat st;
	int flags = fcntl(fd, F_GETFD);

	if (flags == -1 || flags & FD_CLOEXEC || fstat(fd, &st) != 0)
		return file;
	file.device = st.st_dev;
	file.inode = st.st_ino;
	return file;
}

/* Whatever its flags. */
static struct file
file_of(int fd)
{
	struct file file = { 0, 0 };
	struct stat st;

	if (fstat(fd, &st) == 0) {
		file.device = st.st_dev;
		file.inode = st.st_ino;
	}
	return file;
}

static struct file
null_file(void)
{
	struct stat st;

	ck_assert_int_eq(stat("/dev/null", &st), 0);
	return (struct file){ st.st_dev, st.st_ino };
}

static bool
is_same(struct file a, struct file b)
{
	return a.device == b.device && a.inode == b.inode;
}

/* Random, the same each time */

static uint32_t state;

static unsigned int
below(unsigned int n)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % n;
}

/* Where our files are: above what the test has itself, close together, so that
 * they meet their targets; and a few far away. */
static const int numbers[] = { 20, 21, 22, 23, 24, 25, 26, 27, 63, 64, 65, 127,
	128, 200 };

#define N_NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

/* Move new files there; the test's own are elsewhere. Some are close-on-exec. */
static void
place_files(void)
{
	size_t i;

	for (i = 0; i < N_NUMBERS; i++) {
		int file = new_file();

		if (file != numbers[i]) {
			ck_assert_int_eq(fcntl(numbers[i], F_GETFD), -1);
			ck_assert_int_eq(dup2(file, numbers[i]), numbers[i]);
			(void)close(file);
		}
		(void)fcntl(numbers[i], F_SETFD, i % 3 == 0 ? FD_CLOEXEC : 0);
	}
}

static void
remove_files(void)
{
	size_t i;

	for (i = 0; i < N_NUMBERS; i++)
		(void)close(numbers[i]);
}

static int
any_source(void)
{
	switch (below(6)) {
	case 0:
		return SIGCHLD_FD_NULL;
	case 1:
		return (int)below(3);
	default:
		return numbers[below(N_NUMBERS)];
	}
}

static bool
is_target(const struct sigchld_fdmap *map, unsigned int n, int fd)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (map[i].theirs == fd)
			return true;
	}
	return false;
}

static unsigned int
any_map(struct sigchld_fdmap *map)
{
	unsigned int n = 0, want = below(MOST + 1);

	while (n < want) {
		int to =
		    below(3) == 0 ? numbers[below(N_NUMBERS)] : (int)below(12);

		if (is_target(map, n, to))
			continue;
		map[n++] = (struct sigchld_fdmap){ any_source(), to };
	}
	return n;
}

static void
model(const struct sigchld_fdmap *map, unsigned int n, bool keep,
    struct file *files)
{
	unsigned int i;
	int fd;

	for (fd = 0; fd < NUMBERS; fd++)
		files[fd] = keep || fd < 3 ? seen(fd) : (struct file){ 0, 0 };
	for (i = 0; i < n; i++)
		files[map[i].theirs] = map[i].ours == SIGCHLD_FD_NULL
		    ? null_file()
		    : file_of(map[i].ours);
}

static void
print_map(const struct sigchld_fdmap *map, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		(void)printf(" {%d,%d}", map[i].ours, map[i].theirs);
	(void)printf("\n");
}

enum how {
	PLAIN,
	KEEP,       /* SIGCHLD_SPAWN_KEEPFDS */
	ONE_BY_ONE, /* no close_range */
	REPORT,     /* an error pipe of its own must survive */
	WAYS,
};

/* In a forked copy: carry it out; exit with what is wrong, plus 1. */
_Noreturn static void
carry_out(struct sigchld__plan *plan, enum how how, const struct file *want)
{
	int fds[2] = { -1, -1 }, fd;

	plan->one_by_one = how == ONE_BY_ONE;
	if (how == REPORT) {
		if (pipe2(fds, O_CLOEXEC) != 0)
			_exit(253);
		plan->report = fds[1];
	}
	if (sigchld__child_fds(plan) != 0)
		_exit(254);
	if (how == REPORT && fcntl(plan->report, F_GETFD) != FD_CLOEXEC)
		_exit(252);
	for (fd = 0; fd < NUMBERS; fd++) {
		if (!is_same(seen(fd), want[fd]))
			_exit(fd < 250 ? fd + 1 : 251);
	}
	_exit(0);
}

static void
try_map(const struct sigchld_fdmap *map, unsigned int n, enum how how)
{
	char program[] = "program";
	char *argv[] = { program, NULL };
	struct sigchld__plan plan = {
		.options = { .argv = argv,
		    .flags = how == KEEP ? SIGCHLD_SPAWN_KEEPFDS : 0 }
	};
	struct file want[NUMBERS];
	pid_t pid;
	int code;

	MUST_BE(0, sigchld__plan_make(&plan, map, n));
	model(map, n, how == KEEP, want);
	pid = fork();
	if (pid == 0)
		carry_out(&plan, how, want);
	ck_assert_int_gt(pid, 0);
	code = exit_code(pid);
	sigchld__plan_drop(&plan);
	if (code != 0)
		print_map(map, n);
	ck_assert_msg(code == 0, "way %d: %d is not as it should be", how,
	    code - 1);
}

/* Descriptors of the test itself must not be among the model's. */
static void
begin(void)
{
	int fd;

	for (fd = 3; fd < NUMBERS; fd++)
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	place_files();
}

START_TEST(c18_maps_are_as_if_done_at_once)
{
	struct sigchld_fdmap map[MOST];
	int i;

	begin();
	state = 20;
	for (i = 0; i < 4000; i++)
		try_map(map, any_map(map), (enum how)(i % WAYS));
	remove_files();
}
END_TEST

/* Those that random ones may miss. */
START_TEST(c18_swaps_rings_and_chains)
{
	static const struct sigchld_fdmap maps[][6] = {
		{ { 20, 21 }, { 21, 20 } },
		{ { 20, 21 }, { 21, 22 }, { 22, 20 } },
		{ { 20, 21 }, { 21, 22 }, { 22, 23 } },
		{ { 22, 23 }, { 21, 22 }, { 20, 21 } },
		{ { 0, 1 }, { 1, 2 }, { 2, 0 } },
		{ { 20, 0 }, { 20, 1 }, { 20, 2 }, { 20, 20 }, { 20, 21 } },
		{ { 20, 20 }, { 21, 21 } },
		{ { -1, 0 }, { -1, 1 }, { -1, 2 }, { 0, 20 }, { 1, 21 } },
		{ { -1, 20 }, { 20, 21 }, { -1, 22 } },
		{ { 200, 20 }, { 20, 200 } },
		{ { 200, 0 } },
		{ { 20, 200 } },
		{ { 20, 30 }, { 200, 31 }, { -1, 33 } },
		{ { 20, 3 }, { 21, 4 }, { -1, 5 }, { 22, 7 }, { 23, 8 } },
	};
	size_t i;
	unsigned int n;
	int how;

	begin();
	for (i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		for (n = 0; n < 6; n++) {
			if (maps[i][n].ours == 0 && maps[i][n].theirs == 0)
				break;
		}
		for (how = PLAIN; how < WAYS; how++)
			try_map(maps[i], n, (enum how)how);
	}
	remove_files();
}
END_TEST

/* 0, 1 or 2 closed in us. */
START_TEST(c18_what_is_closed_stays_closed)
{
	struct sigchld_fdmap map[MOST];
	int i, fd, saved[3];

	begin();
	for (fd = 0; fd < 3; fd++)
		saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, NUMBERS);
	state = 21;
	for (i = 0; i < 200; i++) {
		unsigned int n = any_map(map), k, kept = 0;

		/* What is closed is no source. */
		for (k = 0; k < n; k++) {
			if (map[k].ours != i % 3)
				map[kept++] = map[k];
		}
		(void)close(i % 3);
		try_map(map, kept, (enum how)(i % WAYS));
		ck_assert_int_eq(dup2(saved[i % 3], i % 3), i % 3);
	}
	for (fd = 0; fd < 3; fd++)
		(void)close(saved[fd]);
	remove_files();
}
END_TEST

/* The parent's own table is as before, each time. */
static void
must_be_unchanged(const struct file *before)
{
	int fd;

	for (fd = 0; fd < NUMBERS; fd++)
		ck_assert_msg(is_same(before[fd], file_of(fd)),
		    "our own %d was changed", fd);
}

static void
by_program(const struct sigchld_fdmap *map, unsigned int n, bool keep)
{
	struct file want[NUMBERS];
	const struct shown *shown;
	int fd, count = 0;

	model(map, n, keep, want);
	shown = show(SIGCHLD_SPAWN(.fdmap = map, .nfdmap = n,
	    .flags = keep ? SIGCHLD_SPAWN_KEEPFDS : 0));
	for (fd = 0; fd < NUMBERS; fd++) {
		char start[80];

		if (want[fd].inode == 0)
			continue;
		count++;
		(void)snprintf(start, sizeof(start), "fd %d %lu:%lu ", fd,
		    (unsigned long)want[fd].device,
		    (unsigned long)want[fd].inode);
		if (lines(shown, start) != 1)
			print_map(map, n);
		ck_assert_msg(lines(shown, start) == 1, "no '%s' in:\n%s",
		    start, shown->text);
	}
	ck_assert_msg(lines(shown, "fd ") == count, "more than %d in:\n%s",
	    count, shown->text);
}

START_TEST(c18_programs_get_what_maps_say)
{
	struct sigchld_fdmap map[MOST];
	struct file before[NUMBERS];
	int i, fd;

	begin();
	for (fd = 0; fd < NUMBERS; fd++)
		before[fd] = file_of(fd);
	EACH_ENGINE(engine)
	{
		state = 22;
		for (i = 0; i < 20; i++) {
			by_program(map, any_map(map), i % 4 == 3);
			sigchld__slots_close();
			must_be_unchanged(before);
		}
	}
	remove_files();
}
END_TEST

static void
refused(int want, const struct sigchld_fdmap *map, unsigned int n)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	char program[] = TRUE;
	char *argv[] = { program, NULL };

	EACH_ENGINE(engine)
	MUST_BE(want,
	    sigchld_spawn(ctx, NULL,
		SIGCHLD_SPAWN(.argv = argv, .fdmap = map, .nfdmap = n), NULL,
		NULL));
	must_be_childless();
	sigchld_free(ctx);
	sigchld__slots_close();
}

START_TEST(wrong_maps_are_refused)
{
	const struct sigchld_fdmap twice[] = { { 0, 5 }, { 1, 6 }, { 2, 5 } };
	const struct sigchld_fdmap negative[] = { { 0, -1 } };
	const struct sigchld_fdmap odd[] = { { -2, 5 } };
	const struct sigchld_fdmap closed[] = { { 0, 5 }, { 1000, 6 } };
	const struct sigchld_fdmap same[] = { { 1000, 1000 } };
	const struct sigchld_fdmap beyond[] = { { 0, 0x7fffffff } };

	refused(-EINVAL, twice, 3);
	refused(-EINVAL, negative, 1);
	refused(-EBADF, odd, 1);
	refused(-EBADF, closed, 2);
	refused(-EBADF, same, 1);
	refused(-EBADF, beyond, 1);
}
END_TEST

START_TEST(what_meets_another_is_refused)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	char program[] = TRUE;
	char *argv[] = { program, NULL };
	const struct sigchld_fdmap map[] = { { 0, 1 }, { 1, 3 } };
	const int listen[] = { 0 };
	int out = -7;

	MUST_BE(-EINVAL,
	    sigchld_spawn(ctx, NULL,
		SIGCHLD_SPAWN(.argv = argv, .fdmap = map, .nfdmap = 2,
		    .ret_stdout = &out),
		NULL, NULL));
	MUST_BE(-EINVAL,
	    sigchld_spawn(ctx, NULL,
		SIGCHLD_SPAWN(.argv = argv, .fdmap = map, .nfdmap = 2,
		    .listen = listen, .nlisten = 1),
		NULL, NULL));
	MUST_BE(-EINVAL,
	    sigchld_spawn(ctx, NULL,
		SIGCHLD_SPAWN(.argv = argv, .ret_stdout = &out,
		    .ret_stdin = &out),
		NULL, NULL));
	ck_assert_int_eq(out, -7);
	must_be_childless();
	sigchld_free(ctx);
}
END_TEST

HARNESS("map",
    {
	HARNESS_TEST(c18_maps_are_as_if_done_at_once),
	HARNESS_TEST(c18_swaps_rings_and_chains),
	HARNESS_TEST(c18_what_is_closed_stays_closed),
	HARNESS_TEST(c18_programs_get_what_maps_say),
	HARNESS_TEST(wrong_maps_are_refused),
	HARNESS_TEST(what_meets_another_is_refused),
    })
