/*
 * test_harness.c - the harness keeps its promises
 *
 * Runs tests that misbehave, in the program victims, and looks at what the
 * harness says of them. VICTIMS is the path of that program.
 *
 * labels: slow
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

struct outcome {
	int code; /* of the exit; -1 if there was none */
	char text[8192];
};

/* In the child: print into out, and become the program. An ignored or blocked
 * SIGCHLD lives on through the exec. */
static _Noreturn void
become_victims(const char *names[], bool bad_parent, int out)
{
	sigset_t sigchld;

	(void)dup2(out, STDOUT_FILENO);
	(void)dup2(out, STDERR_FILENO);
	if (bad_parent) {
		(void)sigemptyset(&sigchld);
		(void)sigaddset(&sigchld, SIGCHLD);
		(void)sigprocmask(SIG_BLOCK, &sigchld, NULL);
		(void)signal(SIGCHLD, SIG_IGN);
	}
	(void)setenv("HARNESS_TIMEOUT_S", "60", 1);
	if (strcmp(names[0], "never_ends") == 0)
		(void)setenv("HARNESS_TIMEOUT_S", "1", 1);
	(void)execl(VICTIMS, "victims", names[0], names[1], NULL);
	_exit(126);
}

/* What it prints, until nobody can print any more. */
static void
read_all(int fd, char *text, size_t size)
{
	size_t n = 0;
	ssize_t got;

	while ((got = read(fd, text + n, size - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
}

static struct outcome
run_victims(const char *first, const char *second, bool bad_parent)
{
	const char *names[] = { first, second };
	struct outcome outcome = { .code = -1 };
	int out[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		become_victims(names, bad_parent, out[1]);
	ck_assert_int_eq(close(out[1]), 0);
	read_all(out[0], outcome.text, sizeof(outcome.text));
	ck_assert_int_eq(close(out[0]), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status))
		outcome.code = WEXITSTATUS(status);

	return outcome;
}

static void
check_outcome(const struct outcome *outcome, int code, const char *text)
{
	ck_assert_msg(outcome->code == code, "exit %d, not %d:\n%s",
	    outcome->code, code, outcome->text);
	ck_assert_msg(strstr(outcome->text, text) != NULL, "no '%s' in:\n%s",
	    text, outcome->text);
}

static void
expect(const char *victim, int code, const char *text)
{
	struct outcome outcome = run_victims(victim, NULL, false);

	check_outcome(&outcome, code, text);
}

START_TEST(a_test_that_behaves_passes)
{
	expect("behaves", 0, "\nok    behaves\n");
}
END_TEST

START_TEST(a_leaked_descriptor_fails)
{
	expect("leaks_a_descriptor", 1, "\nFAIL  leaks_a_descriptor\n");
	expect("leaks_a_descriptor", 1, "(/dev/null) is left open");
}
END_TEST

START_TEST(a_closed_descriptor_fails)
{
	expect("closes_what_is_not_its_own", 1, "; 0 was closed");
}
END_TEST

START_TEST(a_zombie_fails)
{
	expect("leaves_a_zombie", 1, "\nFAIL  leaves_a_zombie\n");
	expect("leaves_a_zombie", 1, "is a zombie");
}
END_TEST

START_TEST(a_living_child_fails)
{
	expect("leaves_a_living_child", 1, "\nFAIL  leaves_a_living_child\n");
	expect("leaves_a_living_child", 1, "is alive");
}
END_TEST

START_TEST(a_skipped_test_gives_77_and_says_why)
{
	expect("skips", 77, "\nskip  skips: no such thing here\n");
}
END_TEST

START_TEST(a_skipped_test_beside_one_that_ran_gives_0)
{
	struct outcome outcome = run_victims("skips", "behaves", false);

	check_outcome(&outcome, 0, "\nok    behaves\n");
}
END_TEST

START_TEST(a_failed_assertion_fails)
{
	struct outcome outcome = run_victims("fails", "behaves", false);

	check_outcome(&outcome, 1, "\nFAIL  fails\n");
	check_outcome(&outcome, 1, "\nok    behaves\n");
}
END_TEST

START_TEST(a_crash_fails)
{
	expect("crashes", 1, "\nFAIL  crashes\n");
}
END_TEST

START_TEST(an_early_exit_fails)
{
	expect("exits_early", 1, "\nFAIL  exits_early\n");
}
END_TEST

START_TEST(a_test_that_never_ends_fails)
{
	expect("never_ends", 1, "\nFAIL  never_ends\n");
}
END_TEST

START_TEST(an_unknown_name_fails)
{
	expect("no_such_test", 1, "no test 'no_such_test' here");
}
END_TEST

START_TEST(descriptors_are_counted)
{
	int n = harness_count_fds();
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(harness_count_fds(), n + 1);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(harness_count_fds(), n);
}
END_TEST

START_TEST(children_are_counted_dead_or_alive)
{
	struct harness_child a = harness_fork_held(0);
	struct harness_child b = harness_fork_held(0);

	ck_assert_int_eq(harness_count_children(), 2);
	harness_release(&a);
	harness_await_zombie(a.pid);
	ck_assert_int_eq(harness_count_children(), 2);
	ck_assert_int_eq(waitpid(a.pid, NULL, 0), a.pid);
	ck_assert_int_eq(harness_count_children(), 1);
	harness_release(&b);
	ck_assert_int_eq(waitpid(b.pid, NULL, 0), b.pid);
	ck_assert_int_eq(harness_count_children(), 0);
}
END_TEST

START_TEST(a_held_child_exits_with_its_code_when_released)
{
	struct harness_child held = harness_fork_held(42);
	int status;

	ck_assert(!harness_is_zombie(held.pid));
	ck_assert(!harness_is_reaped(held.pid));
	harness_release(&held);
	harness_await_zombie(held.pid);
	ck_assert(harness_is_zombie(held.pid));
	ck_assert_int_eq(waitpid(held.pid, &status, 0), held.pid);
	ck_assert_int_eq(status, 42 << 8);
	ck_assert(harness_is_reaped(held.pid));
}
END_TEST

/* Its younger sibling has inherited nothing that holds the elder. */
START_TEST(closing_hold_releases_in_any_order)
{
	struct harness_child elder = harness_fork_held(1);
	struct harness_child younger = harness_fork_held(2);

	ck_assert_int_eq(close(elder.hold), 0);
	harness_await_zombie(elder.pid);
	ck_assert(!harness_is_zombie(younger.pid));
	harness_release(&younger);
	ck_assert_int_eq(waitpid(elder.pid, NULL, 0), elder.pid);
	ck_assert_int_eq(waitpid(younger.pid, NULL, 0), younger.pid);
}
END_TEST

START_TEST(releasing_a_killed_child_is_harmless)
{
	struct harness_child held = harness_fork_held(0);

	ck_assert_int_eq(kill(held.pid, SIGKILL), 0);
	harness_await_zombie(held.pid);
	harness_release(&held);
	harness_release(&held);
	ck_assert_int_eq(waitpid(held.pid, NULL, 0), held.pid);
}
END_TEST

START_TEST(readable_tells_and_times_out)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert(!harness_readable(ends[0], 10));
	ck_assert_int_eq(write(ends[1], "", 1), 1);
	ck_assert(harness_readable(ends[0], (int)harness_patience_ms()));
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(close(ends[1]), 0);
}
END_TEST

START_TEST(a_test_finds_sigchld_default_and_unblocked)
{
	struct sigaction action;
	sigset_t mask;

	ck_assert_int_eq(sigaction(SIGCHLD, NULL, &action), 0);
	ck_assert(action.sa_handler == SIG_DFL);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
	ck_assert_int_eq(sigismember(&mask, SIGCHLD), 0);
	ck_assert_int_eq(harness_count_children(), 0);
}
END_TEST

/* Wakes */

static struct outcome
run_with_wake(const char *wake, const char *first, const char *second)
{
	ck_assert_int_eq(setenv("HARNESS_WAKE", wake, 1), 0);

	return run_victims(first, second, false);
}

START_TEST(a_test_has_the_wake_that_it_is_about)
{
	struct outcome outcome =
	    run_with_wake("auto", "behaves", "is_about_the_signal");

	check_outcome(&outcome, 0, "\nok    behaves\n");
	check_outcome(&outcome, 0, "\nok    is_about_the_signal\n");
	outcome = run_with_wake("signal", "is_about_the_signal", NULL);
	check_outcome(&outcome, 0, "\nok    is_about_the_signal\n");
}
END_TEST

/* Where there are no pidfds, all of them are. */
START_TEST(a_test_of_another_wake_is_left_out)
{
	struct outcome outcome =
	    run_with_wake("pidfd", "behaves", "is_about_the_signal");

	if (harness_has_pidfds())
		check_outcome(&outcome, 0, "\nok    behaves\n");
	else
		check_outcome(&outcome, 77, "there are no pidfds here\n");
	ck_assert_ptr_null(strstr(outcome.text, "is_about_the_signal"));
	outcome = run_with_wake("pidfd", "is_about_the_signal", NULL);
	check_outcome(&outcome, 77, "skip  victims: ");
}
END_TEST

START_TEST(an_unknown_wake_fails)
{
	struct outcome outcome = run_with_wake("telepathy", "behaves", NULL);

	check_outcome(&outcome, 1, "no wake 'telepathy'");
}
END_TEST

START_TEST(a_pidfd_is_known_by_its_pid)
{
	struct harness_child held = harness_fork_held(0);
	int pidfd = harness_pidfd(held.pid);

	ck_assert_int_eq(harness_pid_of(P_ALL, 0), 0);
	ck_assert_int_eq(harness_pid_of(P_PID, held.pid), held.pid);
	if (pidfd != -1) {
		ck_assert_int_eq(harness_pid_of(P_PIDFD, pidfd), held.pid);
		harness_release(&held);
		harness_await_zombie(held.pid);
		ck_assert_int_eq(harness_pid_of(P_PIDFD, pidfd), held.pid);
	}
	harness_release(&held);
	ck_assert_int_eq(waitpid(held.pid, NULL, 0), held.pid);
	if (pidfd != -1) {
		ck_assert_int_eq(harness_pid_of(P_PIDFD, pidfd), -1);
		(void)close(pidfd);
	}
}
END_TEST

/* check waits for its children, and would for ever if SIGCHLD were ignored. */
START_TEST(the_runner_starts_well_under_a_bad_parent)
{
	struct outcome outcome = run_victims("behaves", NULL, true);

	check_outcome(&outcome, 0, "\nok    behaves\n");
}
END_TEST

HARNESS("harness",
    {
	HARNESS_TEST(a_test_that_behaves_passes),
	HARNESS_TEST(a_leaked_descriptor_fails),
	HARNESS_TEST(a_closed_descriptor_fails),
	HARNESS_TEST(a_zombie_fails),
	HARNESS_TEST(a_living_child_fails),
	HARNESS_TEST(a_skipped_test_gives_77_and_says_why),
	HARNESS_TEST(a_skipped_test_beside_one_that_ran_gives_0),
	HARNESS_TEST(a_failed_assertion_fails),
	HARNESS_TEST(a_crash_fails),
	HARNESS_TEST(an_early_exit_fails),
	HARNESS_TEST(a_test_that_never_ends_fails),
	HARNESS_TEST(an_unknown_name_fails),
	HARNESS_TEST(descriptors_are_counted),
	HARNESS_TEST(children_are_counted_dead_or_alive),
	HARNESS_TEST(a_held_child_exits_with_its_code_when_released),
	HARNESS_TEST(closing_hold_releases_in_any_order),
	HARNESS_TEST(releasing_a_killed_child_is_harmless),
	HARNESS_TEST(readable_tells_and_times_out),
	HARNESS_TEST(a_test_finds_sigchld_default_and_unblocked),
	HARNESS_TEST(the_runner_starts_well_under_a_bad_parent),
	HARNESS_TEST(a_test_has_the_wake_that_it_is_about),
	HARNESS_TEST(a_test_of_another_wake_is_left_out),
	HARNESS_TEST(an_unknown_wake_fails),
	HARNESS_TEST(a_pidfd_is_known_by_its_pid),
    })
