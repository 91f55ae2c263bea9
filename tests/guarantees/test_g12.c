/*
 * test_g12.c - G12: statuses are true: WAIT, or PIDFD_INFO after a theft, or
 * STOLEN; nothing else
 *
 * wrap: waitid
 */
#include <sys/ptrace.h>
#include <sys/resource.h>

#include "core/sys.h"
#include "help.h"

static int refusal; /* -errno of each wait, or 0 */

int __real_sigchld__sys_waitid(int type, int id, struct sigchld__wait *wait,
    int options);
int __wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *wait,
    int options);

int
__wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *wait,
    int options)
{
	if (refusal != 0)
		return refusal;

	return __real_sigchld__sys_waitid(type, id, wait, options);
}

START_TEST(g12_every_exit_code)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log;
	pid_t pid;
	int code;

	for (code = 0; code < 256; code++) {
		memset(&log, 0, sizeof(log));
		pid = sigchld_fork(ctx, NULL, 0, harness_on_event, &log);
		if (pid == 0)
			_exit(code);
		ck_assert_int_gt(pid, 0);
		harness_wait_for(ctx, &log.count, 1);
		ck_assert_int_eq(log.pid, pid);
		ck_assert_uint_eq(log.what, SIGCHLD_EXITED);
		ck_assert_uint_eq(log.source, SIGCHLD_SOURCE_WAIT);
		ck_assert_int_eq(log.wstatus, code << 8);
	}
	sigchld_free(ctx);
}
END_TEST

static _Noreturn void
die_by(int sig)
{
	const struct rlimit no_core = { 0 };
	sigset_t none;

	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)signal(sig, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)kill(getpid(), sig);
	_exit(1);
}

START_TEST(g12_every_deadly_signal)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP,
		SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2,
		SIGPIPE, SIGALRM, SIGTERM, SIGXCPU, SIGVTALRM, SIGSYS };
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log;
	size_t i;
	pid_t pid;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		memset(&log, 0, sizeof(log));
		pid = sigchld_fork(ctx, NULL, 0, harness_on_event, &log);
		if (pid == 0)
			die_by(signals[i]);
		ck_assert_int_gt(pid, 0);
		harness_wait_for(ctx, &log.count, 1);
		ck_assert_int_eq(log.pid, pid);
		ck_assert_uint_eq(log.what, SIGCHLD_SIGNALED);
		ck_assert(WIFSIGNALED(log.wstatus));
		ck_assert_int_eq(WTERMSIG(log.wstatus), signals[i]);
		ck_assert(!WCOREDUMP(log.wstatus));
	}
	sigchld_free(ctx);
}
END_TEST

/* What waitpid would have said. */
START_TEST(g12_the_same_as_waitpid_says)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child ours, theirs;
	struct harness_log log = { 0 };
	int wstatus;

	ours = harness_fork_watched(ctx, NULL, 0, 0, harness_on_event, &log);
	theirs = harness_fork_held(0);
	ck_assert_int_eq(kill(ours.pid, SIGKILL), 0);
	ck_assert_int_eq(kill(theirs.pid, SIGKILL), 0);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(waitpid(theirs.pid, &wstatus, 0), theirs.pid);
	ck_assert_int_eq(log.wstatus, wstatus);
	harness_release(&ours);
	harness_release(&theirs);
	sigchld_free(ctx);
}
END_TEST

START_TEST(g12_theft_is_said_once)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { 0 };
	struct harness_child held;

	held = harness_fork_watched(ctx, NULL, 0, 5, harness_on_event, &log);
	ck_assert_int_eq(sigchld_health(), 0);
	harness_release(&held);
	ck_assert_int_eq(waitpid(held.pid, NULL, 0), held.pid);
	harness_wait_for(ctx, &log.count, 1);
	harness_check_theft(&log, 5 << 8);
	ck_assert_int_eq(sigchld_health(), SIGCHLD_HEALTH_THEFT);
	ck_assert_uint_eq(stats_of(ctx).stolen, 1);
	ck_assert_int_eq(raise(SIGCHLD), 0);
	ck_assert_int_eq(sigchld_dispatch(ctx), 0);
	ck_assert_int_eq(log.count, 1);
	sigchld_free(ctx);
}
END_TEST

/* A wait that is refused tells nothing, so nothing is told. */

static void
count_fault(struct sigchld_ctx *ctx, const char *what, int err, void *user)
{
	(void)ctx;
	(void)what;
	ck_assert_int_eq(err, -EPERM);
	(*(int *)user)++;
}

START_TEST(g12_refused_wait_is_no_status)
{
	int n_faults = 0;
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.on_fault = count_fault,
		.user = &n_faults));
	struct harness_log log = { 0 };
	struct harness_child held;

	held = harness_fork_watched(ctx, NULL, 0, 5, harness_on_event, &log);
	end_child(&held);
	refusal = -EPERM;
	ck_assert_int_ge(sigchld_dispatch(ctx), 1);
	ck_assert_int_ge(n_faults, 1);
	ck_assert_int_eq(log.count, 0);
	refusal = 0;
	ck_assert_int_eq(sigchld_occurred(ctx), 0);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_uint_eq(log.what, SIGCHLD_EXITED);
	ck_assert_int_eq(log.wstatus, 5 << 8);
	sigchld_free(ctx);
}
END_TEST

/* A child that we trace answers a wait for exits when it is only stopped. */
START_TEST(g12_traced_child_is_not_dead)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { 0 };
	struct harness_child held;
	int wstatus;

	held = harness_fork_watched(ctx, NULL, 0, 5, harness_on_event, &log);
	if (ptrace(PTRACE_SEIZE, held.pid, NULL, NULL) == -1) {
		end_child(&held);
		sigchld_free(ctx);
		ck_assert_int_eq(waitpid(held.pid, NULL, 0), held.pid);
		harness_skip("this process may not trace");
	}
	ck_assert_int_eq(ptrace(PTRACE_INTERRUPT, held.pid, NULL, NULL), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)held.pid, &(siginfo_t){ 0 },
			     WSTOPPED | WNOWAIT),
	    0);
	ck_assert_int_eq(raise(SIGCHLD), 0);
	ck_assert_int_eq(sigchld_dispatch(ctx), 0);
	ck_assert_int_eq(log.count, 0);
	/* Nor was the stop taken from the tracer. */
	ck_assert_int_eq(waitpid(held.pid, &wstatus, WNOHANG), held.pid);
	ck_assert(WIFSTOPPED(wstatus));
	ck_assert_int_eq(ptrace(PTRACE_DETACH, held.pid, NULL, NULL), 0);
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 5 << 8);
	sigchld_free(ctx);
}
END_TEST

/* What the application says of a child is its word. */
START_TEST(g12_reported_status_is_the_applications)
{
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.handler = SIGCHLD_HANDLER_APP));
	struct harness_log log = { 0 };
	struct harness_child held;
	int wstatus;

	held = harness_fork_watched(ctx, NULL, 0, 8, harness_on_event, &log);
	harness_release(&held);
	ck_assert_int_eq(waitpid(held.pid, &wstatus, 0), held.pid);
	ck_assert_int_eq(sigchld_reaped(NULL, held.pid, wstatus), 1);
	ck_assert_int_eq(sigchld_reaped(NULL, held.pid, wstatus), 0);
	ck_assert(harness_readable(sigchld_fd(ctx), 0));
	ck_assert_int_eq(sigchld_dispatch(ctx), 1);
	ck_assert_uint_eq(log.what, SIGCHLD_EXITED);
	ck_assert_uint_eq(log.source, SIGCHLD_SOURCE_APP);
	ck_assert_int_eq(log.wstatus, 8 << 8);
	ck_assert_int_eq(sigchld_health(), 0);
	sigchld_free(ctx);
}
END_TEST

HARNESS("g12",
    {
	HARNESS_TEST(g12_every_exit_code),
	HARNESS_TEST(g12_every_deadly_signal),
	HARNESS_TEST(g12_the_same_as_waitpid_says),
	HARNESS_TEST(g12_theft_is_said_once),
	HARNESS_TEST(g12_refused_wait_is_no_status),
	HARNESS_TEST(g12_traced_child_is_not_dead),
	HARNESS_TEST(g12_reported_status_is_the_applications),
    })
