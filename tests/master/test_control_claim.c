/*
 * test_control_claim.c - C4, C7 of control.c: two masters that start at one moment,
 * where one that was killed has left its socket
 *
 * One is traced: it is stopped before each of its system calls in turn, and there
 * the other one starts, or it is killed. Both are children of the test.
 *
 * timeout: 60
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <sigchld/master.h>

#include "talk.h"
#include "traced.h"

#define UNTOLD 1 /* a result is none of these */

static int *result; /* of the one that is traced; both see it */
static char claim[sizeof(talk_path) + 8];

static int
work(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	(void)user;
	return 0;
}

static int
open_master(struct sigchld_ctx *ctx)
{
	char *argv[] = { (char *)(uintptr_t) "/no/such/file", NULL };
	struct sigchld_master *master;

	return sigchld_master_new(ctx, &master,
	    SIGCHLD_MASTER(.argv = argv, .run = work, .workers = 1,
		.flags = SIGCHLD_MASTER_NO_SIGNALS, .control = talk_path));
}

static void
be_first(void)
{
	struct sigchld_ctx *ctx;

	if (sigchld_new(&ctx, NULL) != 0)
		_exit(1);
	traced_mark();
	*result = open_master(ctx);
	traced_mark();
}

static uid_t second_uid; /* 0: as the test */

static pid_t
start_second(int *ret_rc)
{
	int fds[2], rc = UNTOLD;
	struct sigchld_ctx *ctx;
	pid_t pid;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		rc = second_uid != 0 && setuid(second_uid) != 0
		    ? UNTOLD
		    : sigchld_new(&ctx, NULL);
		if (rc == 0)
			rc = open_master(ctx);
		(void)!write(fds[1], &rc, sizeof(rc));
		for (;;)
			(void)pause();
	}
	ck_assert(harness_readable(fds[0], (int)harness_patience_ms()));
	ck_assert_int_eq(read(fds[0], ret_rc, sizeof(*ret_rc)), sizeof(rc));
	ck_assert_int_eq(close(fds[0]), 0);
	ck_assert_int_eq(close(fds[1]), 0);
	return pid;
}

static void
end(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void
run_to_mark(pid_t pid)
{
	int sig = 0;
	long call;

	while (!traced_is_mark(call = traced_next(pid, &sig)))
		ck_assert_int_ne((int)call, TRACED_ENDED);
}

/* Before the n-th call after the mark. False: the next mark comes before. */
static bool
run_to_call(pid_t pid, int n)
{
	int sig = 0;
	long call;

	while (n > 0) {
		call = traced_next(pid, &sig);
		ck_assert_int_ne((int)call, TRACED_ENDED);
		if (traced_is_mark(call))
			return false;
		n -= call != TRACED_LEFT;
	}
	return true;
}

/* Who listens there. */
static pid_t
listener_at(const char *path)
{
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);
	int fd = talk_connect(path);

	if (fd == -1)
		return 0;
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size),
	    0);
	ck_assert_int_eq(close(fd), 0);
	return peer.pid;
}

static void
do_nothing(void)
{
}

/* Before there is a file that a test which is skipped would leave. */
static void
need_tracing(void)
{
	end(traced_start(do_nothing));
}

static void
begin(void)
{
	talk_begin();
	(void)snprintf(claim, sizeof(claim), "%s.claim", talk_path);
	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(result, MAP_FAILED);
}

static void
finish(void)
{
	ck_assert_int_eq(munmap(result, sizeof(*result)), 0);
	talk_end();
}

/* There is a socket that nobody has open; and one master, before its n-th call. */
static pid_t
stop_first(int n, bool *ret_is_done)
{
	pid_t pid;

	ck_assert_int_eq(close(talk_listen(talk_path)), 0);
	*result = UNTOLD;
	pid = traced_start(be_first);
	run_to_mark(pid);
	*ret_is_done = !run_to_call(pid, n);
	return pid;
}

/* One of them has it, whoever asks there asks that one, and the other knows. */
static bool
one_of_two(int n)
{
	bool is_done;
	pid_t first = stop_first(n, &is_done), second;
	int rc;

	second = start_second(&rc);
	if (!is_done)
		run_to_mark(first);
	ck_assert_msg(rc == 0 ? *result == -EADDRINUSE
			      : rc == -EADDRINUSE && *result == 0,
	    "before call %d: %d and %d", n, *result, rc);
	ck_assert_int_eq(listener_at(talk_path), rc == 0 ? second : first);
	ck_assert(!talk_exists(claim));
	end(first);
	end(second);
	ck_assert_int_eq(unlink(talk_path), 0);
	return !is_done;
}

START_TEST(c7_one_of_two_that_start_at_one_moment)
{
	int n = 1;

	need_tracing();
	begin();
	while (one_of_two(n))
		n++;
	ck_assert_int_gt(n, 8); /* there is that much to interrupt */
	finish();
}
END_TEST

/* Whatever it leaves, the next one can have it. */
static bool
killed_before(int n)
{
	bool is_done;
	pid_t second;
	int rc;

	end(stop_first(n, &is_done));
	second = start_second(&rc);
	ck_assert_msg(rc == 0, "before call %d: %d", n, rc);
	ck_assert_int_eq(listener_at(talk_path), second);
	ck_assert(!talk_exists(claim));
	end(second);
	ck_assert_int_eq(unlink(talk_path), 0);
	return !is_done;
}

START_TEST(c7_killed_while_it_starts)
{
	int n = 1;

	need_tracing();
	begin();
	while (killed_before(n))
		n++;
	ck_assert_int_gt(n, 8);
	finish();
}
END_TEST

/* Somebody's own file, which we did not make. */
START_TEST(c4_what_has_the_name_of_a_claim_is_left_alone)
{
	struct stat st;
	pid_t pid;
	int fd, rc;

	begin();
	fd = open(claim, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, "mine", 4), 4);
	ck_assert_int_eq(close(fd), 0);
	pid = start_second(&rc);
	ck_assert_int_eq(rc, -EADDRINUSE);
	end(pid);
	ck_assert(!talk_exists(talk_path));
	ck_assert_int_eq(stat(claim, &st), 0);
	ck_assert_int_eq(st.st_size, 4);
	ck_assert_int_eq(unlink(claim), 0);
	finish();
}
END_TEST

static int
refused_as_nobody(void)
{
	pid_t pid;
	int rc;

	second_uid = 65534;
	pid = start_second(&rc);
	second_uid = 0;
	end(pid);
	return rc;
}

/* Who may make no claim there is told all the same that somebody is there. */
START_TEST(c4_who_may_not_have_the_place)
{
	int fd;

	if (geteuid() != 0)
		harness_skip("only root can be another user");
	begin();
	ck_assert_int_eq(chmod(talk_dir, 0755), 0);
	ck_assert_int_eq(refused_as_nobody(), -EACCES);
	fd = talk_listen(talk_path);
	ck_assert_int_eq(refused_as_nobody(), -EADDRINUSE);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(chmod(talk_path, 0666), 0);
	ck_assert_int_eq(refused_as_nobody(), -EACCES);
	ck_assert_int_eq(unlink(talk_path), 0);
	ck_assert_int_eq(mkdir(talk_path, 0700), 0);
	ck_assert_int_eq(refused_as_nobody(), -EADDRINUSE);
	ck_assert_int_eq(rmdir(talk_path), 0);
	finish();
}
END_TEST

HARNESS("control_claim",
    {
	HARNESS_TEST(c7_one_of_two_that_start_at_one_moment),
	HARNESS_TEST(c7_killed_while_it_starts),
	HARNESS_TEST(c4_what_has_the_name_of_a_claim_is_left_alone),
	HARNESS_TEST(c4_who_may_not_have_the_place),
    })
