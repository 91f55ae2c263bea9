/*
 * test_kill.c - signal a child, and nobody else
 *
 * wrap: pidfd_open pidfd_signal kill waitid
 */
#include "core/sys.h"
#include "help.h"

static int pidfd_open_gives, pidfd_signal_gives, peek_gives; /* 0: the truth */
static int n_kills, n_pidfd_signals;
static pid_t killed;

int __real_sigchld__sys_pidfd_open(pid_t pid);
int __wrap_sigchld__sys_pidfd_open(pid_t pid);
int __real_sigchld__sys_pidfd_signal(int pidfd, int sig, bool group);
int __wrap_sigchld__sys_pidfd_signal(int pidfd, int sig, bool group);
int __real_sigchld__sys_kill(pid_t pid, int sig);
int __wrap_sigchld__sys_kill(pid_t pid, int sig);
int __real_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);
int __wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);

int
__wrap_sigchld__sys_pidfd_open(pid_t pid)
{
	return pidfd_open_gives != 0 ? pidfd_open_gives
				     : __real_sigchld__sys_pidfd_open(pid);
}

int
__wrap_sigchld__sys_pidfd_signal(int pidfd, int sig, bool group)
{
	n_pidfd_signals++;
	return pidfd_signal_gives != 0
	    ? pidfd_signal_gives
	    : __real_sigchld__sys_pidfd_signal(pidfd, sig, group);
}

int
__wrap_sigchld__sys_kill(pid_t pid, int sig)
{
	n_kills++;
	killed = pid;
	return __real_sigchld__sys_kill(pid, sig);
}

int
__wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options)
{
	if (type == SIGCHLD__P_PIDFD && peek_gives != 0)
		return peek_gives;
	return __real_sigchld__sys_waitid(type, id, ret_wait, options);
}

struct stage {
	struct sigchld_ctx *ctx;
	struct sigchld_child *child;
	struct harness_child held;
	struct harness_log log;
};

static void
set_stage(struct stage *s)
{
	memset(s, 0, sizeof(*s));
	s->ctx = open_ctx(NULL);
	s->held = harness_fork_watched(s->ctx, &s->child, 0, 0,
	    harness_on_event, &s->log);
}

static void
clear_stage(struct stage *s)
{
	harness_release(&s->held);
	harness_wait_for(s->ctx, &s->log.count, 1);
	sigchld_child_free(s->child);
	sigchld_free(s->ctx);
}

START_TEST(g10_a_kill_reaches_the_child)
{
	struct stage s;

	set_stage(&s);
	MUST_BE(0, sigchld_child_kill(s.child, 0));
	MUST_BE(0, sigchld_child_kill(s.child, SIGKILL));
	harness_wait_for(s.ctx, &s.log.count, 1);
	ck_assert_int_eq(s.log.wstatus, SIGKILL);
	MUST_BE(-ESRCH, sigchld_child_kill(s.child, SIGKILL));
	clear_stage(&s);
}
END_TEST

START_TEST(kill_refuses_wrong_use)
{
	struct stage s;

	set_stage(&s);
	MUST_BE(-EINVAL, sigchld_child_kill(NULL, SIGTERM));
	MUST_BE(-EINVAL, sigchld_child_kill(s.child, -1));
	MUST_BE(-EINVAL, sigchld_child_kill(s.child, 4711));
	ck_assert(!harness_is_zombie(s.held.pid));
	clear_stage(&s);
}
END_TEST

START_TEST(c20_a_zombie_can_be_signalled_and_a_reaped_one_not)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct sigchld_child *child;

	(void)watched_zombie(ctx, &child, 0, harness_on_event, &log);
	MUST_BE(0, sigchld_child_kill(child, SIGTERM));
	MUST_BE(1, sigchld_dispatch(ctx));
	n_kills = n_pidfd_signals = 0;
	MUST_BE(-ESRCH, sigchld_child_kill(child, SIGTERM));
	ck_assert_int_eq(n_kills + n_pidfd_signals, 0);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

/* A pidfd that was opened when it lived can reach nobody else. */
static void
nobody_is_signalled(struct stage *s)
{
	n_kills = n_pidfd_signals = 0;
	MUST_BE(-ESRCH, sigchld_child_kill(s->child, SIGKILL));
	ck_assert_int_eq(n_kills, 0);
	if (!harness_on_pidfds())
		ck_assert_int_eq(n_pidfd_signals, 0);
}

START_TEST(g10_a_stolen_child_is_not_signalled_though_nobody_knows_yet)
{
	struct stage s;

	set_stage(&s);
	block_sigchld(SIG_BLOCK);
	harness_release(&s.held);
	reap_by_hand(s.held.pid);
	nobody_is_signalled(&s);
	pidfd_open_gives = -ENOSYS;
	nobody_is_signalled(&s);
	block_sigchld(SIG_UNBLOCK);
	clear_stage(&s);
}
END_TEST

/* Whatever the reason, without a pidfd it is done by pid. */
static void
kill_by_pid(void)
{
	struct stage s;

	set_stage(&s);
	n_kills = 0;
	MUST_BE(0, sigchld_child_kill(s.child, SIGKILL));
	ck_assert_int_eq(n_kills, 1);
	ck_assert_int_eq(killed, s.held.pid);
	clear_stage(&s);
}

START_TEST(c31_without_a_pidfd_it_is_done_by_pid)
{
	static const int reasons[] = { -ENOSYS, -EPERM, -EMFILE, -ENFILE,
		-ENOMEM };
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		pidfd_open_gives = reasons[i];
		kill_by_pid();
	}
}
END_TEST

START_TEST(g10_a_pidfd_that_is_no_child_of_ours_is_not_signalled)
{
	struct stage s;

	set_stage(&s);
	pidfd_open_gives = 0;
	peek_gives = -ECHILD;
	n_kills = n_pidfd_signals = 0;
#ifdef SIGCHLD_PORTABLE
	MUST_BE(0, sigchld_child_kill(s.child, 0));
#else
	MUST_BE(-ESRCH, sigchld_child_kill(s.child, SIGKILL));
	ck_assert_int_eq(n_kills + n_pidfd_signals, 0);
	peek_gives = -EINVAL; /* a kernel that waits for no pidfd */
	MUST_BE(0, sigchld_child_kill(s.child, 0));
	ck_assert_int_eq(n_kills, 1);
#endif
	peek_gives = 0;
	clear_stage(&s);
}
END_TEST

START_TEST(a_refusal_of_the_kernel_is_not_taken_for_a_fork)
{
	struct stage s;

	set_stage(&s);
	pidfd_signal_gives = -EPERM;
#ifdef SIGCHLD_PORTABLE
	MUST_BE(0, sigchld_child_kill(s.child, 0));
#else
	MUST_BE(-EACCES, sigchld_child_kill(s.child, SIGTERM));
#endif
	clear_stage(&s);
}
END_TEST

START_TEST(g9_in_a_forked_child_nobody_is_signalled)
{
	struct stage s;
	pid_t pid;

	set_stage(&s);
	pid = fork();
	if (pid == 0) {
		CHILD_MUST(sigchld_child_kill(s.child, SIGKILL) == -EPERM);
		CHILD_MUST(sigchld_child_stop(s.child, 0, 0) == -EPERM);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
	MUST_BE(0, sigchld_child_kill(s.child, 0));
	clear_stage(&s);
}
END_TEST

START_TEST(a_kill_after_its_context_was_freed)
{
	struct stage s;

	set_stage(&s);
	sigchld_free(s.ctx);
	MUST_BE(-ESRCH, sigchld_child_kill(s.child, SIGKILL));
	ck_assert(!harness_is_zombie(s.held.pid));
	sigchld_child_free(s.child);
	harness_release(&s.held);
	ck_assert_int_eq(exit_code(s.held.pid), 0);
}
END_TEST

HARNESS("kill",
    {
	HARNESS_TEST(g10_a_kill_reaches_the_child),
	HARNESS_TEST(kill_refuses_wrong_use),
	HARNESS_TEST(c20_a_zombie_can_be_signalled_and_a_reaped_one_not),
	HARNESS_TEST(
	    g10_a_stolen_child_is_not_signalled_though_nobody_knows_yet),
	HARNESS_AUTO_TEST(c31_without_a_pidfd_it_is_done_by_pid),
	HARNESS_SIGNAL_TEST(
	    g10_a_pidfd_that_is_no_child_of_ours_is_not_signalled),
	HARNESS_TEST(a_refusal_of_the_kernel_is_not_taken_for_a_fork),
	HARNESS_TEST(g9_in_a_forked_child_nobody_is_signalled),
	HARNESS_TEST(a_kill_after_its_context_was_freed),
    })
