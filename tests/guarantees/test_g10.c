/*
 * test_g10.c - G10: a kill never reaches a process that is not our child
 *
 * A thief reaps a child of ours, and the kernel gives the pid to somebody else;
 * to choose a pid takes the right to do so.
 */
#include <sys/prctl.h>
#include <sys/socket.h>

#include "help.h"

/* Somebody else's child, with a pid of our choice: that of our helper, which
 * tells by a byte whether it could be had, waits for one, and tells by its exit
 * status whether the stranger lives on. */
struct stranger {
	pid_t helper;
	int stream;
};

static _Noreturn void
help(int stream, pid_t pid)
{
	pid_t made = fork_as(pid);
	char byte = made == pid;

	if (made == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)pause();
	}
	CHILD_MUST(write(stream, &byte, 1) == 1, 1);
	CHILD_MUST(read(stream, &byte, 1) == 1, 2);
	if (made < 0)
		_exit(0);
	CHILD_MUST(waitpid(pid, NULL, WNOHANG) == 0, 3); /* alive */
	CHILD_MUST(kill(pid, SIGKILL) == 0, 4);
	CHILD_MUST(waitpid(pid, NULL, 0) == pid, 5);
	_exit(0);
}

static bool
make_stranger(struct stranger *stranger, pid_t pid)
{
	int stream[2];
	char byte;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
			     stream),
	    0);
	stranger->helper = fork();
	if (stranger->helper == 0)
		help(stream[0], pid);
	ck_assert_int_gt(stranger->helper, 0);
	(void)close(stream[0]);
	stranger->stream = stream[1];
	ck_assert_int_eq(read(stream[1], &byte, 1), 1);

	return byte != 0;
}

static void
end_stranger(struct stranger *stranger)
{
	ck_assert_int_eq(write(stranger->stream, "", 1), 1);
	check_process(stranger->helper);
	(void)close(stranger->stream);
}

/* A child of ours, its death unseen by us, is stolen. */
static void
steal(struct harness_child *held)
{
	end_child(held);
	ck_assert_int_eq(waitpid(held->pid, NULL, 0), held->pid);
}

START_TEST(g10_stolen_pid_is_a_strangers)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_child *child;
	struct stranger stranger;
	struct harness_child held;
	bool made;

	held = harness_fork_watched(ctx, &child, 0, 0, NULL, NULL);
	steal(&held);
	made = make_stranger(&stranger, held.pid);
	ck_assert_int_eq(sigchld_child_kill(child, SIGKILL), -ESRCH);
	ck_assert_int_eq(sigchld_child_stop(child, SIGKILL, 0), -ESRCH);
	ck_assert_int_eq(sigchld_child_discard(child, SIGKILL, NULL, NULL),
	    -ESRCH);
	end_stranger(&stranger);
	sigchld_child_free(child);
	sigchld_free(ctx);
	if (!made)
		harness_skip("this process may not choose pids");
}
END_TEST

/* The SIGKILL of a deadline that is due when the pid is a stranger's. */
START_TEST(g10_deadline_does_not_hit_a_stranger)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { 0 };
	struct sigchld_child *child;
	struct stranger stranger;
	struct harness_child held;
	bool made;

	held = harness_fork_watched(ctx, &child, 0, 0, harness_on_event, &log);
	ck_assert_int_eq(sigchld_child_stop(child, SIGCONT, 0), 0);
	steal(&held);
	made = make_stranger(&stranger, held.pid);
	harness_wait_for(ctx, &log.final, 1);
	harness_check_theft(&log, 0);
	end_stranger(&stranger);
	sigchld_child_free(child);
	sigchld_free(ctx);
	if (!made)
		harness_skip("this process may not choose pids");
}
END_TEST

/* Even a child of the application's is none of the context's. */
START_TEST(g10_pid_after_the_event_is_anothers)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { 0 };
	struct sigchld_child *child;
	struct harness_child held;
	pid_t again;

	held = harness_fork_watched(ctx, &child, 0, 0, harness_on_event, &log);
	harness_release(&held);
	harness_wait_for(ctx, &log.final, 1);
	ck_assert_int_eq(sigchld_child_kill(child, SIGKILL), -ESRCH);
	again = fork_as(held.pid);
	if (again == 0) {
		for (;;)
			(void)pause();
	}
	ck_assert_int_eq(sigchld_child_kill(child, SIGKILL), -ESRCH);
	ck_assert_int_eq(sigchld_child_stop(child, SIGKILL, 0), -ESRCH);
	sigchld_child_free(child);
	sigchld_free(ctx);
	if (again < 0)
		harness_skip("this process may not choose pids");
	ck_assert_int_eq(waitpid(again, NULL, WNOHANG), 0);
	ck_assert_int_eq(kill(again, SIGKILL), 0);
	ck_assert_int_eq(waitpid(again, NULL, 0), again);
}
END_TEST

/* A thief, and then a newborn child of ours gets the pid: the old object is told
 * that its child was stolen, and the kill of it misses the new one. */

static pid_t wanted;

static pid_t
fork_wanted(void *user)
{
	pid_t pid = fork_as(wanted);

	(void)user;
	if (pid == 0) {
		for (;;)
			(void)pause();
	}
	if (pid < 0)
		errno = -pid;

	return pid < 0 ? -1 : pid;
}

START_TEST(g10_newborn_with_an_old_pid)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_ctx *other =
	    open_ctx(SIGCHLD_OPTIONS(.fork = fork_wanted));
	struct harness_log old_log = { 0 }, new_log = { 0 };
	struct sigchld_child *old, *newborn = NULL;
	struct harness_child held;
	pid_t pid;

	held =
	    harness_fork_watched(ctx, &old, 0, 0, harness_on_event, &old_log);
	steal(&held);
	wanted = held.pid;
	pid = sigchld_fork(other, &newborn, 0, harness_on_event, &new_log);
	if (pid > 0) {
		ck_assert_int_eq(pid, held.pid);
		ck_assert_int_eq(sigchld_child_kill(old, SIGKILL), -ESRCH);
		harness_wait_for(ctx, &old_log.final, 1);
		harness_check_theft(&old_log, 0);
		ck_assert_int_eq(new_log.count, 0);
		ck_assert_int_eq(sigchld_child_kill(newborn, SIGKILL), 0);
		harness_wait_for(other, &new_log.final, 1);
		ck_assert_int_eq(WTERMSIG(new_log.wstatus), SIGKILL);
	}
	sigchld_child_free(old);
	sigchld_child_free(newborn);
	sigchld_free(ctx);
	sigchld_free(other);
	if (pid < 0)
		harness_skip("this process may not choose pids");
}
END_TEST

HARNESS("g10",
    {
	HARNESS_TEST(g10_stolen_pid_is_a_strangers),
	HARNESS_TEST(g10_deadline_does_not_hit_a_stranger),
	HARNESS_TEST(g10_pid_after_the_event_is_anothers),
	HARNESS_TEST(g10_newborn_with_an_old_pid),
    })
