/*
 * test_leash.c - a worker does not outlive its parent, whatever it is doing
 *
 * The parent is a child of the test, the worker a child of that. The test is a
 * subreaper: so the worker, when its parent is dead, is the test's to reap.
 *
 * wrap: last_end_tells
 */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "core/help.h"
#include "worker/leash.h"
#include "worker/sys.h"

enum how {
	SPINS,   /* with all signals blocked */
	STOPPED, /* by SIGSTOP */
	SLEEPS,
	IGNORES, /* all that can be ignored */
};

struct family {
	pid_t parent, worker;
};

/* A leash as the pool's first worker has it, or as all others have it. */
static bool shared;

static int
get_leash(int *ret_worker, int *ret_parent)
{
	int rc = sigchld__leash_pair(ret_worker, ret_parent);

	if (rc < 0 || !shared)
		return rc;
	(void)close(*ret_worker);
	return sigchld__leash_share(*ret_parent, ret_worker);
}

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

	if (get_leash(&leash, &ours) != 0 || pipe(there) != 0)
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
static void
come_too_late(void)
{
	int leash, ours;
	pid_t pid;

	MUST_BE(0, get_leash(&leash, &ours));
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

START_TEST(p41_the_parent_was_gone_before)
{
	come_too_late();
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

static void
skip_without_proc(void)
{
	if (!sigchld__sys_last_end_tells())
		harness_skip("here no leash is shared");
}

START_TEST(p41_whatever_it_does_on_a_shared_leash)
{
	skip_without_proc();
	shared = true;
	kill_the_parent(found(SPINS));
	kill_the_parent(found(SLEEPS));
	kill_the_parent(found(IGNORES));
	kill_the_parent(found(STOPPED));
	come_too_late();
}
END_TEST

static pid_t
share_one(int ours)
{
	int leash;
	pid_t pid;

	MUST_BE(0, sigchld__leash_share(ours, &leash));
	ck_assert_int_eq(fcntl(leash, F_GETFD), FD_CLOEXEC);
	pid = fork();
	if (pid == 0) {
		(void)close(ours);
		(void)sigchld__leash_wear(leash);
		for (;;)
			(void)pause();
	}
	(void)close(leash);
	return pid;
}

/* One may end, or none may be left, and the pipe serves on. */
START_TEST(p41_a_leash_for_all)
{
	const int open = harness_count_fds();
	int leash, ours, i;
	pid_t pids[3];

	skip_without_proc();
	MUST_BE(0, sigchld__leash_pair(&leash, &ours));
	(void)close(leash);
	for (i = 0; i < 3; i++)
		pids[i] = share_one(ours);
	ck_assert_int_eq(harness_count_fds(), open + 1);
	for (i = 0; i < 3; i++) {
		(void)kill(pids[i], SIGUSR1);
		harness_await_zombie(pids[i]);
		ck_assert(i == 2 || !harness_is_zombie(pids[2]));
		ck_assert_int_eq(waitpid(pids[i], NULL, 0), pids[i]);
	}
	for (i = 0; i < 3; i++)
		pids[i] = share_one(ours);
	(void)close(ours);
	for (i = 0; i < 3; i++)
		must_be_killed(pids[i]);
}
END_TEST

/* As in a kernel that signals all readers when one of them is gone. */

static bool old_kernel;

bool __real_sigchld__sys_last_end_tells(void);
bool __wrap_sigchld__sys_last_end_tells(void);

bool
__wrap_sigchld__sys_last_end_tells(void)
{
	return !old_kernel && __real_sigchld__sys_last_end_tells();
}

START_TEST(p41_where_one_end_would_be_that_of_all_none_is_shared)
{
	const int before = harness_count_fds();
	int leash, ours, again = -7;

	skip_without_proc();
	MUST_BE(0, sigchld__leash_pair(&leash, &ours));
	old_kernel = true;
	MUST_BE(-ENOTSUP, sigchld__leash_share(ours, &again));
	ck_assert_int_eq(again, -7);
	(void)close(leash);
	(void)close(ours);
	ck_assert_int_eq(harness_count_fds(), before);
}
END_TEST

/* Not whatever else a number may name. */
START_TEST(what_is_no_pipe_cannot_be_shared)
{
	const int before = harness_count_fds();
	int leash = -7, null, pair[2];

	skip_without_proc();
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(null, 0);
	MUST_BE(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	errno = EXDEV;
	ck_assert_int_lt(sigchld__leash_share(pair[0], &leash), 0);
	MUST_BE(-ENOENT, sigchld__leash_share(null, &leash));
	(void)close(null);
	MUST_BE(-ENOENT, sigchld__leash_share(null, &leash));
	ck_assert_int_eq(errno, EXDEV);
	(void)close(pair[0]);
	(void)close(pair[1]);
	ck_assert_int_eq(leash, -7);
	ck_assert_int_eq(harness_count_fds(), before);
}
END_TEST

/* Nor can a worker open the end by which the others are held, unless it could
 * kill them, too. */
START_TEST(p41_who_became_another_user_cannot_open_it)
{
	int leash, ours, again, status;
	char path[64];
	pid_t pid;

	skip_without_proc();
	if (geteuid() != 0)
		harness_skip("this needs root");
	MUST_BE(0, sigchld__leash_pair(&leash, &ours));
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", leash);
	pid = fork();
	if (pid == 0) {
		if (setresgid(65534, 65534, 65534) != 0 ||
		    setresuid(65534, 65534, 65534) != 0)
			_exit(1);
		if (sigchld__leash_share(ours, &again) != -EACCES)
			_exit(2);
		_exit(open(path, O_WRONLY) == -1 && errno == EACCES ? 0 : 3);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	(void)close(leash);
	(void)close(ours);
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
	HARNESS_TEST(p41_whatever_it_does_on_a_shared_leash),
	HARNESS_TEST(p41_a_leash_for_all),
	HARNESS_TEST(p41_where_one_end_would_be_that_of_all_none_is_shared),
	HARNESS_TEST(what_is_no_pipe_cannot_be_shared),
	HARNESS_TEST(p41_who_became_another_user_cannot_open_it),
	HARNESS_TEST(both_ends_are_close_on_exec),
    })
