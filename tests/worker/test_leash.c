/*
 * test_leash.c - a worker does not outlive its parent, whatever it is doing
 *
 * The parent is a child of the test, the worker a child of that. The test is a
 * subreaper: so the worker, when its parent is dead, is the test's to reap.
 */
#include <sys/prctl.h>

#include "core/help.h"
#include "worker/leash.h"

enum how {
	SPINS,   /* with all signals blocked */
	STOPPED, /* by SIGSTOP */
	SLEEPS,
	IGNORES, /* all that can be ignored */
};

struct family {
	pid_t parent, worker;
};

static volatile unsigned long spins;

static void
block_all(void)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
}

static void
ignore_all(void)
{
	int sig;

	for (sig = 1; sig < 65; sig++)
		(void)signal(sig, SIG_IGN);
}

/* Says that it is there, and lives for ever. */
_Noreturn static void
be_worker(int leash, int tell, enum how how)
{
	if (sigchld__leash_wear(leash) != 0)
		_exit(1);
	if (how == SPINS)
		block_all();
	if (how == IGNORES)
		ignore_all();
	if (write(tell, "", 1) != 1)
		_exit(2);
	if (how == STOPPED)
		(void)kill(getpid(), SIGSTOP);
	while (how == SPINS)
		spins++;
	for (;;)
		(void)pause();
}

_Noreturn static void
be_parent(int tell, enum how how)
{
	int leash, ours;
	int there[2], status;
	pid_t pid;
	char byte;

	if (sigchld__leash_pair(&leash, &ours) != 0 || pipe(there) != 0)
		_exit(1);
	pid = fork();
	if (pid == 0) {
		(void)close(ours);
		be_worker(leash, there[1], how);
	}
	(void)close(leash);
	if (read(there[0], &byte, 1) != 1 ||
	    (how == STOPPED && waitpid(pid, &status, WUNTRACED) != pid) ||
	    write(tell, &pid, sizeof(pid)) != sizeof(pid))
		_exit(2);
	for (;;)
		(void)pause();
}

static struct family
found(enum how how)
{
	struct family family;
	int tell[2];

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	ck_assert_int_eq(pipe(tell), 0);
	family.parent = fork();
	if (family.parent == 0)
		be_parent(tell[1], how);
	ck_assert_int_gt(family.parent, 0);
	(void)close(tell[1]);
	ck_assert(harness_readable(tell[0], (int)harness_patience_ms()));
	ck_assert_int_eq(read(tell[0], &family.worker, sizeof(pid_t)),
	    sizeof(pid_t));
	(void)close(tell[0]);
	return family;
}

static void
must_be_killed(pid_t pid)
{
	int status;

	harness_await_zombie(pid);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
}

static void
kill_the_parent(struct family family)
{
	ck_assert_int_eq(kill(family.parent, SIGKILL), 0);
	must_be_killed(family.parent);
	must_be_killed(family.worker);
}

START_TEST(p41_a_worker_that_spins)
{
	kill_the_parent(found(SPINS));
}
END_TEST

START_TEST(p41_a_worker_that_sleeps)
{
	kill_the_parent(found(SLEEPS));
}
END_TEST

START_TEST(p41_a_worker_that_ignores_all_signals)
{
	kill_the_parent(found(IGNORES));
}
END_TEST

/* A thread that waits for the end is stopped with it, and goes on with it. */
START_TEST(p41_a_worker_that_is_stopped)
{
	struct family family = found(STOPPED);

	ck_assert_int_eq(kill(family.parent, SIGKILL), 0);
	must_be_killed(family.parent);
#ifdef SIGCHLD_PORTABLE
	ck_assert_int_eq(kill(family.worker, SIGCONT), 0);
#endif
	must_be_killed(family.worker);
}
END_TEST

/* The parent's end was closed before the worker could ask for the signal. */
START_TEST(p41_the_parent_was_gone_before)
{
	int leash, ours;
	pid_t pid;

	MUST_BE(0, sigchld__leash_pair(&leash, &ours));
	(void)close(ours);
	pid = fork();
	if (pid == 0) {
		(void)sigchld__leash_wear(leash);
		for (;;)
			(void)pause();
	}
	(void)close(leash);
	must_be_killed(pid);
}
END_TEST

struct leashed {
	pid_t pid;
	int ours;
};

static struct leashed
leash_one(void)
{
	struct leashed one;
	int leash;

	MUST_BE(0, sigchld__leash_pair(&leash, &one.ours));
	one.pid = fork();
	if (one.pid == 0) {
		(void)close(one.ours);
		(void)sigchld__leash_wear(leash);
		for (;;)
			(void)pause();
	}
	(void)close(leash);
	return one;
}

/* The one that is made last has a copy of the other's writing end: it goes
 * first. */
START_TEST(p41_each_has_a_leash_of_its_own)
{
	struct leashed other = leash_one(), one = leash_one();

	(void)close(one.ours);
	must_be_killed(one.pid);
	ck_assert(!harness_is_zombie(other.pid));
	(void)close(other.ours);
	must_be_killed(other.pid);
}
END_TEST

START_TEST(both_ends_are_close_on_exec)
{
	int leash, ours;

	MUST_BE(0, sigchld__leash_pair(&leash, &ours));
	ck_assert_int_eq(fcntl(leash, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(ours, F_GETFD), FD_CLOEXEC);
	(void)close(leash);
	(void)close(ours);
}
END_TEST

HARNESS("leash",
    {
	HARNESS_TEST(p41_a_worker_that_spins),
	HARNESS_TEST(p41_a_worker_that_sleeps),
	HARNESS_TEST(p41_a_worker_that_ignores_all_signals),
	HARNESS_TEST(p41_a_worker_that_is_stopped),
	HARNESS_TEST(p41_the_parent_was_gone_before),
	HARNESS_TEST(p41_each_has_a_leash_of_its_own),
	HARNESS_TEST(both_ends_are_close_on_exec),
    })
