/*
 * test_daemon.c - who starts a daemon learns whether it serves
 *
 * A launcher is a child of the test, the daemon a child of that. The test is a
 * subreaper, so a daemon without its launcher is the test's to reap.
 *
 * wrap: fork open_null fill_with_null teller_pair sendmsg recv await
 * wrap: waitid
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "core/help.h"
#include "core/sys.h"
#include "worker/daemon.h"
#include "worker/sys.h"
#include "worker/sys_master.h"

#define ROLE "SIGCHLD_TEST_DAEMON"

static int n_calls, fails_at, stumbles;
static int says_waiting = -1; /* a byte goes there before each wait */

static pid_t dies_before_wait; /* that one, after the last look for its death */
static int pretends;           /* CLD_*: what every death is */

static bool
fails(void)
{
	return ++n_calls == fails_at;
}

static bool
is_interrupted(void)
{
	return stumbles > 0 && stumbles-- > 0;
}

pid_t __real_sigchld__sys_fork(void);
pid_t __wrap_sigchld__sys_fork(void);
int __real_sigchld__sys_open_null(void);
int __wrap_sigchld__sys_open_null(void);
int __real_sigchld__sys_fill_with_null(void);
int __wrap_sigchld__sys_fill_with_null(void);
int __real_sigchld__sys_teller_pair(int ret_fds[2]);
int __wrap_sigchld__sys_teller_pair(int ret_fds[2]);
int __real_sigchld__sys_sendmsg(int fd, const struct iovec *parts,
    unsigned int n);
int __wrap_sigchld__sys_sendmsg(int fd, const struct iovec *parts,
    unsigned int n);
int __real_sigchld__sys_recv(int fd, void *data, size_t size);
int __wrap_sigchld__sys_recv(int fd, void *data, size_t size);
int __real_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);
int __wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);
int __real_sigchld__sys_await(int fd, const sigset_t *mask);
int __wrap_sigchld__sys_await(int fd, const sigset_t *mask);

pid_t
__wrap_sigchld__sys_fork(void)
{
	return fails() ? -EAGAIN : __real_sigchld__sys_fork();
}

int
__wrap_sigchld__sys_open_null(void)
{
	return fails() ? -EAGAIN : __real_sigchld__sys_open_null();
}

int
__wrap_sigchld__sys_fill_with_null(void)
{
	return fails() ? -EAGAIN : __real_sigchld__sys_fill_with_null();
}

int
__wrap_sigchld__sys_teller_pair(int ret_fds[2])
{
	return fails() ? -EAGAIN : __real_sigchld__sys_teller_pair(ret_fds);
}

int
__wrap_sigchld__sys_sendmsg(int fd, const struct iovec *parts, unsigned int n)
{
	return is_interrupted() ? -EINTR
				: __real_sigchld__sys_sendmsg(fd, parts, n);
}

int
__wrap_sigchld__sys_recv(int fd, void *data, size_t size)
{
	return is_interrupted() ? -EINTR
				: __real_sigchld__sys_recv(fd, data, size);
}

/* Leaves the zombie. */
static void
await_death(pid_t pid)
{
	siginfo_t info;

	(void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
}

int
__wrap_sigchld__sys_await(int fd, const sigset_t *mask)
{
	if (says_waiting >= 0)
		CHILD_MUST(write(says_waiting, "", 1) == 1);
	if (dies_before_wait > 0)
		await_death(dies_before_wait);
	return __real_sigchld__sys_await(fd, mask);
}

int
__wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options)
{
	int rc = __real_sigchld__sys_waitid(type, id, ret_wait, options);

	if (rc == 0 && pretends != 0)
		ret_wait->code = pretends;
	return rc;
}

/* A launcher */

struct launch {
	pid_t launcher;
	int from; /* reads what the daemon writes to `to' */
};

static bool dies_first; /* before the launcher waits at all */

/* What the daemon does with its descriptor for telling. */
typedef void daemon_fn(int fd, int to);

_Noreturn static void
be_launcher(daemon_fn *daemon, int to)
{
	pid_t pid;
	int fd;

	pid = sigchld__daemon_fork(&fd);
	CHILD_MUST(pid >= 0);
	if (pid == 0) {
		daemon(fd, to);
		_exit(99);
	}
	(void)close(to);
	if (dies_first)
		await_death(pid);
	_exit(sigchld__daemon_wait(pid, fd));
}

static struct launch
launch_as(daemon_fn *daemon, void (*before)(int to))
{
	struct launch launch;
	int fds[2];

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	launch.from = fds[0];
	launch.launcher = fork();
	if (launch.launcher == 0) {
		(void)close(fds[0]);
		if (before != NULL)
			before(fds[1]);
		be_launcher(daemon, fds[1]);
	}
	ck_assert_int_gt(launch.launcher, 0);
	(void)close(fds[1]);
	return launch;
}

static void
must_read(struct launch *launch, void *data, size_t size)
{
	ck_assert(harness_readable(launch->from, (int)harness_patience_ms()));
	ck_assert_int_eq(read(launch->from, data, size), (ssize_t)size);
}

/* What the launcher ended with, and the daemons, all of them, after it. */
static int
ended(struct launch *launch)
{
	int code = exit_code(launch->launcher);

	(void)close(launch->from);
	while (waitpid(-1, NULL, 0) > 0)
		;
	return code;
}

static int
code_of(daemon_fn *daemon, void (*before)(int to))
{
	struct launch launch = launch_as(daemon, before);

	return ended(&launch);
}

static void
ready(int fd, int to)
{
	(void)to;
	errno = EXDEV;
	sigchld__daemon_tell(&fd, 0);
	CHILD_MUST(fd == -1);
	sigchld__daemon_tell(&fd, 1);
	CHILD_MUST(errno == EXDEV);
	_exit(7);
}

/* It may be dead before the launcher has looked. */
START_TEST(r36_ready_is_0)
{
	ck_assert_int_eq(code_of(ready, NULL), 0);
}
END_TEST

/* The daemon goes on until the test says so. */
static void
ready_and_stays(int fd, int to)
{
	pid_t pid = getpid();

	(void)to;
	sigchld__daemon_tell(&fd, 0);
	CHILD_MUST(write(to, &pid, sizeof(pid)) == sizeof(pid));
	for (;;)
		(void)pause();
}

START_TEST(r36_ready_while_the_daemon_lives)
{
	struct launch launch = launch_as(ready_and_stays, NULL);
	pid_t pid;

	ck_assert_int_eq(exit_code(launch.launcher), 0);
	must_read(&launch, &pid, sizeof(pid));
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	reap_by_hand(pid);
	(void)close(launch.from);
}
END_TEST

static void
failed(int fd, int to)
{
	(void)to;
	sigchld__daemon_tell(&fd, 78);
	_exit(0);
}

START_TEST(r36_it_may_tell_a_failure)
{
	ck_assert_int_eq(code_of(failed, NULL), 78);
}
END_TEST

static void
exits(int fd, int to)
{
	(void)fd;
	(void)to;
	_exit(3);
}

static void
exits_well(int fd, int to)
{
	(void)fd;
	(void)to;
	_exit(0);
}

static void
is_killed(int fd, int to)
{
	(void)fd;
	(void)to;
	(void)kill(getpid(), SIGKILL);
}

static void
dumps(int fd, int to)
{
	struct rlimit none = { 0 };

	(void)fd;
	(void)to;
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)signal(SIGQUIT, SIG_DFL);
	(void)kill(getpid(), SIGQUIT);
}

START_TEST(r36_it_ends_before_it_is_ready)
{
	ck_assert_int_eq(code_of(exits, NULL), 3);
	ck_assert_int_eq(code_of(exits_well, NULL), 0);
	ck_assert_int_eq(code_of(is_killed, NULL), 128 + SIGKILL);
	ck_assert_int_eq(code_of(dumps, NULL), 128 + SIGQUIT);
}
END_TEST

/* It ends only when the launcher waits; and a worker has a copy of its
 * descriptor, so there is no end of the file. */

static void
a_worker_has_a_copy(const int *go, int to)
{
	pid_t worker = fork();
	char byte;

	while (worker == 0)
		(void)pause();
	CHILD_MUST(write(to, &worker, sizeof(worker)) == sizeof(worker));
	CHILD_MUST(read(go[0], &byte, 1) == 1);
	_exit(5);
}

_Noreturn static void
be_launcher_that_says_when_it_waits(int to)
{
	int go[2], fd;
	pid_t pid;

	CHILD_MUST(pipe2(go, O_CLOEXEC) == 0);
	pid = sigchld__daemon_fork(&fd);
	CHILD_MUST(pid >= 0);
	if (pid == 0)
		a_worker_has_a_copy(go, to);
	says_waiting = go[1];
	dies_before_wait = pid; /* so its signal is pending then */
	_exit(sigchld__daemon_wait(pid, fd));
}

START_TEST(r36_a_worker_with_a_copy_holds_nobody_up)
{
	struct launch launch;
	pid_t worker;
	int fds[2], code;

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	launch.launcher = fork();
	if (launch.launcher == 0)
		be_launcher_that_says_when_it_waits(fds[1]);
	launch.from = fds[0];
	(void)close(fds[1]);
	must_read(&launch, &worker, sizeof(worker));
	code = exit_code(launch.launcher);
	ck_assert_int_eq(kill(worker, SIGKILL), 0);
	reap_by_hand(worker);
	(void)close(launch.from);
	ck_assert_int_eq(code, 5);
}
END_TEST

/* Without telling; and then it ends. */
static void
closes_and_ends(int fd, int to)
{
	(void)to;
	(void)close(fd);
	_exit(9);
}

START_TEST(r36_the_end_of_the_file_is_not_the_end)
{
	ck_assert_int_eq(code_of(closes_and_ends, NULL), 9);
}
END_TEST

static void
ignore_deaths(int to)
{
	(void)to;
	(void)signal(SIGCHLD, SIG_IGN);
}

static void
block_deaths(int to)
{
	sigset_t all;

	(void)to;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
}

static void
ignore_deaths_at_first(int to)
{
	ignore_deaths(to);
	dies_first = true;
}

static void
die_first(int to)
{
	(void)to;
	dies_first = true;
}

static void
dies_if_ignored(int fd, int to)
{
	struct sigaction now;

	(void)fd;
	(void)to;
	(void)sigaction(SIGCHLD, NULL, &now);
	_exit(now.sa_handler == SIG_IGN ? 4 : 5);
}

static void
dies_if_default(int fd, int to)
{
	struct sigaction now;

	(void)fd;
	(void)to;
	(void)sigaction(SIGCHLD, NULL, &now);
	_exit(now.sa_handler == SIG_DFL ? 4 : 5);
}

START_TEST(m24_deaths_were_ignored_or_blocked)
{
	ck_assert_int_eq(code_of(dies_if_ignored, ignore_deaths), 4);
	ck_assert_int_eq(code_of(dies_if_ignored, ignore_deaths_at_first), 4);
	ck_assert_int_eq(code_of(dies_if_default, NULL), 4);
	ck_assert_int_eq(code_of(exits, block_deaths), 3);
}
END_TEST

START_TEST(r36_it_was_ready_though_it_is_dead)
{
	ck_assert_int_eq(code_of(ready, die_first), 0);
	ck_assert_int_eq(code_of(exits, die_first), 3);
}
END_TEST

static void
pretend_a_dump(int to)
{
	(void)to;
	pretends = CLD_DUMPED;
}

static void
pretend_a_stop(int to)
{
	(void)to;
	pretends = CLD_STOPPED;
}

START_TEST(r36_a_dump_and_what_is_no_end_at_all)
{
	ck_assert_int_eq(code_of(is_killed, pretend_a_dump), 128 + SIGKILL);
	ck_assert_int_eq(code_of(is_killed, pretend_a_stop), 255);
}
END_TEST

/* Each wait, recv and send of the library's is interrupted first. */
static void
stumble(int to)
{
	(void)to;
	stumbles = 5;
}

START_TEST(r36_interrupted_calls_are_made_again)
{
	ck_assert_int_eq(code_of(ready, stumble), 0);
	ck_assert_int_eq(code_of(failed, stumble), 78);
	ck_assert_int_eq(code_of(exits, stumble), 3);
}
END_TEST

/* Somebody else reaped it, or it was never ours. */
START_TEST(r36_nobody_can_tell)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     fds),
	    0);
	ck_assert_int_eq(sigchld__daemon_wait(getpid(), fds[0]), 255);
	(void)close(fds[1]);
}
END_TEST

START_TEST(m24_sigpipe_ends_no_daemon)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     fds),
	    0);
	(void)close(fds[0]);
	sigchld__daemon_tell(&fds[1], 0);
	ck_assert_int_eq(fds[1], -1);
}
END_TEST

/* What the daemon is */

static bool
is_null(int fd)
{
	struct stat st, null;

	return fstat(fd, &st) == 0 && stat("/dev/null", &null) == 0 &&
	    st.st_rdev == null.st_rdev && S_ISCHR(st.st_mode) &&
	    (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;
}

static int
count_from(int first)
{
	int fd, n = 0;

	for (fd = first; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static int n_before;

static void
count_before(int to)
{
	(void)to;
	n_before = count_from(3);
}

static void
is_a_daemon(int fd, int to)
{
	int i;

	(void)to;
	CHILD_MUST(getsid(0) == getpid());
	for (i = 0; i < 3; i++) {
		CHILD_MUST(is_null(i));
		CHILD_MUST(fcntl(i, F_GETFD) == 0);
	}
	CHILD_MUST(fd > 2);
	CHILD_MUST(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHILD_MUST(count_from(3) == n_before + 1);
	_exit(0);
}

START_TEST(r36_r39_a_session_of_its_own_and_nothing_open)
{
	ck_assert_int_eq(code_of(is_a_daemon, count_before), 0);
}
END_TEST

static void
close_stdio(int to)
{
	(void)close(0);
	(void)close(1);
	(void)close(2);
	count_before(to);
}

static void
close_two(int to)
{
	(void)close(0);
	(void)close(2);
	count_before(to);
}

START_TEST(r39_m12_it_was_started_without_standard_streams)
{
	ck_assert_int_eq(code_of(is_a_daemon, close_stdio), 0);
	ck_assert_int_eq(code_of(is_a_daemon, close_two), 0);
}
END_TEST

/* Those that are open stay what they are. */
START_TEST(r39_m12_holes_are_filled)
{
	struct stat before, after;
	pid_t pid = fork();

	if (pid == 0) {
		(void)close(0);
		(void)close(2);
		CHILD_MUST(fstat(1, &before) == 0);
		CHILD_MUST(sigchld__daemon_fill_stdio() == 0);
		CHILD_MUST(is_null(0) && is_null(2));
		CHILD_MUST(fcntl(0, F_GETFD) == 0 && fcntl(2, F_GETFD) == 0);
		CHILD_MUST(fstat(1, &after) == 0);
		CHILD_MUST(before.st_ino == after.st_ino);
		CHILD_MUST(n_calls == 2);
		CHILD_MUST(sigchld__daemon_fill_stdio() == 0);
		CHILD_MUST(n_calls == 2);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
}
END_TEST

/* A pair that is made while a number below 3 is free. */
START_TEST(m12_no_end_of_a_pair_is_a_standard_stream)
{
	pid_t pid = fork();
	int fds[2];

	if (pid == 0) {
		(void)close(0);
		(void)close(1);
		CHILD_MUST(__real_sigchld__sys_teller_pair(fds) == 0);
		CHILD_MUST(fds[0] > 2 && fds[1] > 2);
		CHILD_MUST(fcntl(0, F_GETFD) == -1 && fcntl(1, F_GETFD) == -1);
		CHILD_MUST(fcntl(fds[0], F_GETFD) == FD_CLOEXEC);
		CHILD_MUST(fcntl(fds[1], F_GETFD) == FD_CLOEXEC);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
}
END_TEST

/* One of 0 to 2 to fill, the device, the pair, the fork */
START_TEST(r36_no_daemon_and_nothing_left)
{
	pid_t pid = fork();
	int fd = -7, open;

	if (pid == 0) {
		open = count_from(3);
		(void)signal(SIGCHLD, SIG_IGN);
		for (fails_at = 1; fails_at <= 4; fails_at++) {
			n_calls = 0;
			(void)close(0);
			errno = EXDEV;
			CHILD_MUST(sigchld__daemon_fork(&fd) == -EAGAIN);
			CHILD_MUST(n_calls == fails_at && errno == EXDEV);
			CHILD_MUST(fd == -7);
			CHILD_MUST(count_from(3) == open);
		}
		CHILD_MUST(handler_is(SIG_IGN));
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
}
END_TEST

/* The launcher keeps one descriptor, and gives it back. */
START_TEST(r36_the_launcher_closes_what_it_has)
{
	pid_t pid = fork(), daemon;
	int fd, open;

	if (pid == 0) {
		open = count_from(0);
		daemon = sigchld__daemon_fork(&fd);
		if (daemon == 0)
			_exit(3);
		CHILD_MUST(count_from(0) == open + 1);
		CHILD_MUST(sigchld__daemon_wait(daemon, fd) == 3);
		CHILD_MUST(count_from(0) == open);
		CHILD_MUST(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
}
END_TEST

/* Executing itself before it is ready */

static void
executes_itself(int fd, int to)
{
	char number[16];

	(void)to;
	CHILD_MUST(sigchld__daemon_carry(fd) == 0);
	(void)snprintf(number, sizeof(number), "%d", fd);
	(void)setenv(ROLE, number, 1);
	(void)execl("/proc/self/exe", "daemon", (char *)NULL);
}

/* In the program that was executed, before its main. */
__attribute__((constructor)) static void
be_daemon(void)
{
	const char *number = getenv(ROLE);
	int fd, i;

	if (number == NULL)
		return;
	fd = atoi(number);
	for (i = 0; i < 3; i++)
		CHILD_MUST(is_null(i));
	CHILD_MUST(fcntl(fd, F_GETFD) == 0);
	CHILD_MUST(sigchld__daemon_carried(fd) == 0);
	CHILD_MUST(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	sigchld__daemon_tell(&fd, 42);
	_exit(99);
}

START_TEST(r36_r39_it_tells_after_it_has_executed_itself)
{
	ck_assert_int_eq(code_of(executes_itself, NULL), 42);
}
END_TEST

/* It forgot to take it along: then only its end can be told. */
static void
executes_something(int fd, int to)
{
	(void)fd;
	(void)to;
	(void)execl("/bin/sh", "sh", "-c", "exit 11", (char *)NULL);
}

START_TEST(r36_a_program_that_cannot_tell)
{
	ck_assert_int_eq(code_of(executes_something, NULL), 11);
}
END_TEST

START_TEST(m14_a_number_that_is_no_such_descriptor)
{
	int pipes[2], packets[2], lone, null;

	errno = EXDEV;
	MUST_BE(-EBADF, sigchld__daemon_carried(-1));
	MUST_BE(-EBADF, sigchld__daemon_carried(1 << 20));
	MUST_BE(-EBADF, sigchld__daemon_carry(1 << 20));
	ck_assert_int_eq(errno, EXDEV);
	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, packets), 0);
	lone = socket(AF_UNIX, SOCK_STREAM, 0);
	null = open("/dev/null", O_RDWR);
	errno = EXDEV;
	MUST_BE(-ENOTSOCK, sigchld__daemon_carried(pipes[0]));
	MUST_BE(-ENOTSOCK, sigchld__daemon_carried(packets[0]));
	MUST_BE(-ENOTSOCK, sigchld__daemon_carried(lone));
	MUST_BE(-ENOTSOCK, sigchld__daemon_carried(null));
	ck_assert_int_eq(errno, EXDEV);
	ck_assert_int_eq(fcntl(pipes[0], F_GETFD), 0); /* left alone */
	ck_assert_int_eq(fcntl(null, F_GETFD), 0);
	(void)close(pipes[0]);
	(void)close(pipes[1]);
	(void)close(packets[0]);
	(void)close(packets[1]);
	(void)close(lone);
	(void)close(null);
}
END_TEST

HARNESS("daemon",
    {
	HARNESS_TEST(r36_ready_is_0),
	HARNESS_TEST(r36_ready_while_the_daemon_lives),
	HARNESS_TEST(r36_it_may_tell_a_failure),
	HARNESS_TEST(r36_it_ends_before_it_is_ready),
	HARNESS_TEST(r36_a_worker_with_a_copy_holds_nobody_up),
	HARNESS_TEST(r36_the_end_of_the_file_is_not_the_end),
	HARNESS_TEST(m24_deaths_were_ignored_or_blocked),
	HARNESS_TEST(r36_it_was_ready_though_it_is_dead),
	HARNESS_TEST(r36_a_dump_and_what_is_no_end_at_all),
	HARNESS_TEST(r36_interrupted_calls_are_made_again),
	HARNESS_TEST(r36_nobody_can_tell),
	HARNESS_TEST(m24_sigpipe_ends_no_daemon),
	HARNESS_TEST(r36_r39_a_session_of_its_own_and_nothing_open),
	HARNESS_TEST(r39_m12_it_was_started_without_standard_streams),
	HARNESS_TEST(r39_m12_holes_are_filled),
	HARNESS_TEST(m12_no_end_of_a_pair_is_a_standard_stream),
	HARNESS_TEST(r36_no_daemon_and_nothing_left),
	HARNESS_TEST(r36_the_launcher_closes_what_it_has),
	HARNESS_TEST(r36_r39_it_tells_after_it_has_executed_itself),
	HARNESS_TEST(r36_a_program_that_cannot_tell),
	HARNESS_TEST(m14_a_number_that_is_no_such_descriptor),
    })
