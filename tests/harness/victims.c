/*
 * victims.c - tests that do what a test must not do, and some that may
 *
 * Not run by CTest: test_harness.c runs this program and looks at the verdicts.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

START_TEST(behaves)
{
	struct harness_child held = harness_fork_held(0);
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(close(fd), 0);
	harness_release(&held);
	harness_await_zombie(held.pid);
	ck_assert_int_eq(waitpid(held.pid, NULL, 0), held.pid);
}
END_TEST

START_TEST(leaks_a_descriptor)
{
	ck_assert_int_ne(open("/dev/null", O_RDONLY | O_CLOEXEC), -1);
}
END_TEST

START_TEST(closes_what_is_not_its_own)
{
	ck_assert_int_eq(close(STDIN_FILENO), 0);
}
END_TEST

START_TEST(leaves_a_zombie)
{
	struct harness_child held = harness_fork_held(0);

	harness_release(&held);
	harness_await_zombie(held.pid);
}
END_TEST

/* check ends the whole process group of a test, so this child dies with it. */
START_TEST(leaves_a_living_child)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	while (pid == 0)
		(void)pause();
}
END_TEST

START_TEST(skips)
{
	harness_skip("no such thing here");
}
END_TEST

START_TEST(fails)
{
	ck_assert_int_eq(1, 2);
}
END_TEST

START_TEST(crashes)
{
	(void)raise(SIGKILL);
}
END_TEST

START_TEST(exits_early)
{
	exit(3);
}
END_TEST

START_TEST(never_ends)
{
	for (;;)
		(void)pause();
}
END_TEST

START_TEST(is_about_the_signal)
{
	ck_assert(!harness_on_pidfds());
}
END_TEST

HARNESS("victims",
    {
	HARNESS_TEST(behaves),
	HARNESS_TEST(leaks_a_descriptor),
	HARNESS_TEST(closes_what_is_not_its_own),
	HARNESS_TEST(leaves_a_zombie),
	HARNESS_TEST(leaves_a_living_child),
	HARNESS_TEST(skips),
	HARNESS_TEST(fails),
	HARNESS_TEST(crashes),
	HARNESS_TEST(exits_early),
	HARNESS_TEST(never_ends),
	HARNESS_SIGNAL_TEST(is_about_the_signal),
    })
