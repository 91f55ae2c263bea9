/*
 * test_retire.c - the pidfds of those who died together are closed together
 *
 * Where pidfds are counted, they were opened one after the other with nothing
 * between them: so they have numbers in a row.
 *
 * wrap: close close_row
 * wake: auto
 */
#include "async/fdtab.h"
#include "async/sys.h"
#include "core/sys.h"
#include "filter.h"
#include "help.h"

#define CHILDREN 40

static int n_rows, n_in_rows, n_left_in_table, last_first;

int __real_sigchld__sys_close(int fd);
int __wrap_sigchld__sys_close(int fd);
void __real_sigchld__sys_close_row(int first, int last);
void __wrap_sigchld__sys_close_row(int first, int last);

static int n_closes;

int
__wrap_sigchld__sys_close(int fd)
{
	n_closes++;
	return __real_sigchld__sys_close(fd);
}

void
__wrap_sigchld__sys_close_row(int first, int last)
{
	struct sigchld__fdentry *entry;
	int fd;

	n_rows++;
	n_in_rows += last - first + 1;
	last_first = first;
	for (fd = first; fd <= last; fd++) {
		entry = sigchld__fd_entry(fd);
		if (entry != NULL && atomic_load(&entry->word) != 0)
			n_left_in_table++;
	}
	__real_sigchld__sys_close_row(first, last);
}

struct crowd {
	struct sigchld_ctx *ctx;
	pid_t pids[CHILDREN];
	int hold; /* all of them end when this is closed */
};

static void
on_end(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	(void)child;
	ck_assert_uint_eq(event->source, SIGCHLD_SOURCE_WAIT);
	++*(int *)user;
}

static void
gather(struct crowd *crowd, int *ended)
{
	int stream[2], i;
	char c;

	crowd->ctx = open_ctx(NULL);
	ck_assert_int_eq(pipe(stream), 0);
	for (i = 0; i < CHILDREN; i++) {
		crowd->pids[i] =
		    sigchld_fork(crowd->ctx, NULL, 0, on_end, ended);
		if (crowd->pids[i] == 0) {
			(void)close(stream[1]);
			(void)!read(stream[0], &c, 1);
			_exit(0);
		}
		ck_assert_int_gt(crowd->pids[i], 0);
	}
	ck_assert_uint_eq(stats_of(crowd->ctx).pidfds, CHILDREN);
	(void)close(stream[0]);
	crowd->hold = stream[1];
	n_rows = n_in_rows = n_closes = 0;
}

static void
release(struct crowd *crowd)
{
	int i;

	(void)close(crowd->hold);
	for (i = 0; i < CHILDREN; i++) {
		if (crowd->pids[i] != -1)
			harness_await_zombie(crowd->pids[i]);
	}
}

START_TEST(a_row_ends_where_it_says)
{
	int null = open("/dev/null", O_RDONLY), fd;

	for (fd = 200; fd < 210; fd++)
		ck_assert_int_eq(dup2(null, fd), fd);
	sigchld__sys_close_row(203, 206);
	sigchld__sys_close_row(208, 208);
	for (fd = 200; fd < 210; fd++) {
		const bool closed = (fd >= 203 && fd <= 206) || fd == 208;

		ck_assert_int_eq(fcntl(fd, F_GETFD), closed ? -1 : 0);
		(void)close(fd);
	}
	(void)close(null);
}
END_TEST

START_TEST(a_row_is_closed_by_one_call)
{
	struct crowd crowd;
	int ended = 0, fds = harness_count_fds();

	gather(&crowd, &ended);
	release(&crowd);
	MUST_BE(CHILDREN, sigchld_dispatch(crowd.ctx));
	ck_assert_int_eq(ended, CHILDREN);
	ck_assert_int_eq(n_rows, 1);
	ck_assert_int_eq(n_in_rows, CHILDREN);
	ck_assert_int_eq(n_closes, 0);
	ck_assert_int_eq(n_left_in_table, 0);
	sigchld_free(crowd.ctx);
	ck_assert_int_eq(harness_count_fds(), fds);
}
END_TEST

/* One ends before the others, and its number becomes somebody else's. */
START_TEST(no_strangers_number_is_in_a_row)
{
	const int middle = CHILDREN / 2;
	struct crowd crowd;
	int ended = 0, stranger;

	gather(&crowd, &ended);
	ck_assert_int_eq(kill(crowd.pids[middle], SIGKILL), 0);
	harness_await_zombie(crowd.pids[middle]);
	crowd.pids[middle] = -1;
	MUST_BE(1, sigchld_dispatch(crowd.ctx));
	ck_assert_int_eq(n_rows, 1);
	ck_assert_int_eq(n_in_rows, 1);
	ck_assert_int_eq(n_closes, 1);
	stranger = fcntl(STDOUT_FILENO, F_DUPFD, last_first);
	ck_assert_int_eq(stranger, last_first);
	release(&crowd);
	MUST_BE(CHILDREN - 1, sigchld_dispatch(crowd.ctx));
	ck_assert_int_eq(n_rows, 3);
	ck_assert_int_eq(n_in_rows, CHILDREN);
	ck_assert_int_ge(fcntl(stranger, F_GETFD), 0);
	(void)close(stranger);
	sigchld_free(crowd.ctx);
}
END_TEST

/* They are harvested in the order of their deaths. */
START_TEST(the_order_of_deaths_does_not_matter)
{
	struct crowd crowd;
	int ended = 0, i;

	gather(&crowd, &ended);
	for (i = 0; i < CHILDREN; i++) {
		const int k = i * 7 % CHILDREN; /* 7 and 40 have no divisor */

		ck_assert_int_eq(kill(crowd.pids[k], SIGKILL), 0);
		harness_await_zombie(crowd.pids[k]);
	}
	MUST_BE(CHILDREN, sigchld_dispatch(crowd.ctx));
	ck_assert_int_eq(n_rows, 1);
	ck_assert_int_eq(n_in_rows, CHILDREN);
	(void)close(crowd.hold);
	sigchld_free(crowd.ctx);
}
END_TEST

START_TEST(without_close_range_they_are_closed_one_by_one)
{
	struct crowd crowd;
	int ended = 0, fds = harness_count_fds(), code;
	pid_t pid = fork();

	if (pid == 0) {
		if (!harness_refuse(SYS_close_range, ENOSYS))
			_exit(77);
		gather(&crowd, &ended);
		release(&crowd);
		CHILD_MUST(sigchld_dispatch(crowd.ctx) == CHILDREN);
		CHILD_MUST(n_rows == 1 && n_closes == CHILDREN);
		sigchld_free(crowd.ctx);
		CHILD_MUST(harness_count_fds() == fds);
		_exit(0);
	}
	code = exit_code(pid);
	if (code == 77)
		harness_skip("no filter can be set here");
	ck_assert_int_eq(code, 0);
}
END_TEST

HARNESS("retire",
    {
	HARNESS_TEST(a_row_ends_where_it_says),
	HARNESS_PIDFD_TEST(a_row_is_closed_by_one_call),
	HARNESS_PIDFD_TEST(no_strangers_number_is_in_a_row),
	HARNESS_PIDFD_TEST(the_order_of_deaths_does_not_matter),
	HARNESS_PIDFD_TEST(without_close_range_they_are_closed_one_by_one),
    })
