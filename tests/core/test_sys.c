/*
 * test_sys.c - the system calls of floor 1: -errno, and errno is left alone
 */
#include <poll.h>
#include <sys/time.h>

#include "core/sys.h"
#include "help.h"

/* Gives what it should, and errno is as before. */
#define KEEPS_ERRNO(want, call) \
	do { \
		errno = 4711; \
		MUST_BE(want, call); \
		ck_assert_int_eq(errno, 4711); \
	} while (0)

START_TEST(waitid_tells_and_keeps_errno)
{
	struct sigchld__wait wait = { .pid = 1 };
	struct harness_child held = harness_fork_held(5);
	const int peek = WEXITED | WNOHANG | WNOWAIT;

	KEEPS_ERRNO(0, sigchld__sys_waitid(P_PID, held.pid, &wait, peek));
	ck_assert_int_eq(wait.pid, 0); /* alive: nothing to tell of */
	ck_assert(!wait.has_usage);
	harness_release(&held);
	harness_await_zombie(held.pid);
	KEEPS_ERRNO(0, sigchld__sys_waitid(P_PID, held.pid, &wait, peek));
	ck_assert_int_eq(wait.pid, held.pid);
	ck_assert_int_eq(wait.code, CLD_EXITED);
	ck_assert_int_eq(wait.status, 5);
	KEEPS_ERRNO(0,
	    sigchld__sys_waitid(P_PID, held.pid, &wait, WEXITED | WNOHANG));
	KEEPS_ERRNO(-ECHILD, sigchld__sys_waitid(P_PID, held.pid, &wait, peek));
	KEEPS_ERRNO(-EINVAL, sigchld__sys_waitid(P_PID, -1, &wait, peek));
}
END_TEST

START_TEST(the_others_give_their_errno_and_keep_it)
{
	struct pollfd pfd = { .fd = -1 };
	sigset_t pending;

	KEEPS_ERRNO(-EINVAL, sigchld__sys_kill(getpid(), 4711));
	KEEPS_ERRNO(0, sigchld__sys_kill(getpid(), 0));
	KEEPS_ERRNO(0, sigchld__sys_poll(&pfd, 1, 0));
	KEEPS_ERRNO(0, sigchld__sys_sigpending(&pending));
#ifdef SIGCHLD_PORTABLE
	KEEPS_ERRNO(-ENOSYS, sigchld__sys_pidfd_open(getpid()));
	KEEPS_ERRNO(-ENOSYS, sigchld__sys_timerfd());
#else
	KEEPS_ERRNO(-EINVAL, sigchld__sys_pidfd_open(-1));
	KEEPS_ERRNO(-EBADF, sigchld__sys_pidfd_signal(-1, 0, false));
	KEEPS_ERRNO(-EBADF, sigchld__sys_epoll_ctl(-1, 1, 0, 0, 0));
	KEEPS_ERRNO(-EBADF, sigchld__sys_epoll_wait(-1, NULL, 1, 0));
	KEEPS_ERRNO(-EBADF, sigchld__sys_timerfd_arm(-1, 1));
#endif
}
END_TEST

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#	define SANITIZED
#elif defined(__has_feature)
#	if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#		define SANITIZED
#	endif
#endif

START_TEST(c31_no_memory_is_told_by_null_alone)
{
#ifdef SANITIZED
	harness_skip("a sanitizer ends a process that asks for too much");
#else
	errno = 4711;
	ck_assert_ptr_null(sigchld__sys_alloc(SIZE_MAX / 2, 2));
	ck_assert_int_eq(errno, 4711);
#endif
}
END_TEST

START_TEST(the_time_does_not_run_backwards)
{
	int64_t before = harness_now_ms(), now = sigchld__sys_now_ms();

	/* Rounded up, so that nobody wakes too early. */
	ck_assert_int_ge(now, before);
	ck_assert_int_le(now, harness_now_ms() + 1);
}
END_TEST

static void
nothing(int sig)
{
	(void)sig;
}

static void *
cancelled(void *user)
{
	struct pollfd pfd = { .fd = *(int *)user, .events = POLLIN };
	struct sigchld__wait wait;

	(void)pthread_cancel(pthread_self());
	(void)sigchld__sys_poll(&pfd, 1, 0);
	(void)sigchld__sys_waitid(P_ALL, 0, &wait, WEXITED | WNOHANG | WNOWAIT);
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	return user; /* it got here */
}

START_TEST(c25_none_is_a_cancellation_point)
{
	int fd = STDERR_FILENO;

	ck_assert_ptr_eq(finish(start(cancelled, &fd)), &fd);
}
END_TEST

START_TEST(c6_poll_tells_of_a_signal)
{
	struct itimerval soon = { { 0, 0 }, { 0, 20000 } };
	struct sigaction action = { .sa_handler = nothing };
	struct pollfd pfd = { .fd = -1 };

	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
	KEEPS_ERRNO(-EINTR, sigchld__sys_poll(&pfd, 1, -1));
}
END_TEST

HARNESS("sys",
    {
	HARNESS_TEST(waitid_tells_and_keeps_errno),
	HARNESS_TEST(the_others_give_their_errno_and_keep_it),
	HARNESS_TEST(c31_no_memory_is_told_by_null_alone),
	HARNESS_TEST(the_time_does_not_run_backwards),
	HARNESS_TEST(c25_none_is_a_cancellation_point),
	HARNESS_TEST(c6_poll_tells_of_a_signal),
    })
