/*
 * test_step.c - a SIGCHLD at every instruction of an editor
 *
 * A traced child adds a user and removes him again, over and over. In the k-th
 * round its parent steps it k instructions into that and lets a SIGCHLD in just
 * there. Whatever the place, the user who was on the list all the time must
 * have been woken, the word be free, and nothing be written into the descriptor
 * that has the number of the removed user's, once that is closed.
 *
 * The child stops itself before and after what is stepped through, so that both
 * know where they are.
 */
/* labels: slow */
/* timeout: 60 */
#include <sys/eventfd.h>
#include <sys/ptrace.h>

#include "help.h"

#define BUDGET_MS 6000 /* after that not every instruction has its turn */
#define LEAST     100  /* places that have it whatever the time */

/* What the child says at the end of a round, by its exit. */
enum {
	NOT_WOKEN = 1,
	NOT_FREE,
	STRAY_BYTE,
	NO_PIPE
};

static struct sigchld__user stays, passes;

/* Trace marks: the parent sees each as a stop. */
static void
mark(void)
{
	(void)raise(SIGSTOP);
}

static void
round_trip(void)
{
	int canary;

	sleep_again(&stays);
	if (sigchld__selfpipe_open(&passes.pipe) < 0)
		_exit(NO_PIPE);
	mark();
	edit_begin();
	sigchld__users_add(&sigchld__signal_users, &passes);
	edit_end();
	edit_begin();
	sigchld__users_remove(&sigchld__signal_users, &passes);
	edit_end();
	sigchld__selfpipe_close(&passes.pipe);
	canary = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); /* its number */
	mark();
	if (harness_readable(canary, 0))
		_exit(STRAY_BYTE);
	(void)close(canary);
	atomic_store(&passes.awake, false);
	if (!is_woken(&stays))
		_exit(NOT_WOKEN);
	if (!list_is_free())
		_exit(NOT_FREE);
}

static _Noreturn void
be_traced(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(77);
	claim();
	user_on(&stays);
	if (handler_hold(false) < 0)
		_exit(NO_PIPE);
	for (;;)
		round_trip();
}

/* The wait status of the next stop, or of the end. No assertion of check's
 * where it is passed: they are slower than a step. */
static int
await_stop(pid_t pid)
{
	int status = 0;

	if (waitpid(pid, &status, 0) != pid)
		ck_abort_msg("the child is lost");

	return status;
}

static int
resume(enum __ptrace_request how, pid_t pid, long sig)
{
	if (ptrace(how, pid, NULL, sig) != 0)
		ck_abort_msg("ptrace: %s", strerror(errno));

	return await_stop(pid);
}

static bool
is_mark(int status)
{
	return WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP;
}

static void
expect_mark(int status, int k)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		harness_skip("nothing may be traced here");
	ck_assert_msg(is_mark(status), "a signal at step %d: %#x", k,
	    (unsigned int)status);
}

/* From the mark before a round to the next such, with a signal after k steps.
 * False: the round had no more than k. */
static bool
one_round(pid_t pid, int k)
{
	int status, i;

	for (i = 0; i < k; i++) {
		status = resume(PTRACE_SINGLESTEP, pid, 0);
		if (is_mark(status))
			return false;
		if (!WIFSTOPPED(status))
			ck_abort_msg("step %d of %d: %#x", i, k,
			    (unsigned int)status);
	}
	expect_mark(resume(PTRACE_CONT, pid, SIGCHLD), k);
	expect_mark(resume(PTRACE_CONT, pid, 0), k);

	return true;
}

START_TEST(w4_a_signal_at_every_instruction_of_an_editor_wakes)
{
	int64_t begin = harness_now_ms();
	int k = 0, n = 0, status = 0, stride = 1;
	pid_t pid;

	if (HELP_TSAN)
		harness_skip("the sanitizer delivers signals late");
	pid = fork();
	if (pid == 0)
		be_traced();
	expect_mark(await_stop(pid), 0);
	while (one_round(pid, k)) {
		n++;
		k += stride;
		if (n > LEAST && harness_now_ms() - begin > BUDGET_MS)
			stride = 97;
	}
	(void)printf("      %d places in about %d instructions\n", n, k);
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) == pid && !WIFSIGNALED(status))
		;
	ck_assert_int_gt(n, LEAST);
}
END_TEST

HARNESS("step",
    {
	HARNESS_TEST(w4_a_signal_at_every_instruction_of_an_editor_wakes),
    })
