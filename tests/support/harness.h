/*
 * harness.h - what every test program has in common
 *
 * check runs each test in a process of its own, which suits us: SIGCHLD's
 * disposition belongs to the process, so each test finds it at SIG_DFL, unblocked,
 * and finds no children. Around each test the harness counts descriptors and
 * children, dead or alive; a test that leaves one behind fails.
 *
 *	START_TEST(c12_chains_to_the_old_handler)
 *	{
 *		...
 *	}
 *	END_TEST
 *
 *	HARNESS("handler", {
 *		HARNESS_TEST(c12_chains_to_the_old_handler),
 *	})
 *
 * Nothing here sleeps to give something time. To wait is to wait for an event,
 * with an absolute deadline only to fail: under a storm of signals a relative
 * sleep that is restarted with what was left never ends.
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <sigchld.h>

struct harness_test {
	const char *name;
	const TTest *const *test;
	const char *wake; /* auto, signal, pidfd; NULL: any, see below */
	bool needs_pidfds;
};

/*
 * How contexts are woken. One that a test opens with wake AUTO (and the
 * library's handler) gets the wake that HARNESS_WAKE in the environment says:
 * auto, signal or pidfd; without it, auto. CTest runs each program of core/,
 * guarantees/ and stress/ once more under each of the latter two, as
 * core/watch@signal and core/watch@pidfd.
 *
 * A test that is about one wake says so in the list, and is left out where
 * HARNESS_WAKE is another one; one that needs pidfds, whatever the wake, is
 * skipped where there are none, and no part of the portable build. A line
 * `wake: signal' (or pidfd, or auto) at the top of a source says it of all its
 * tests to CTest.
 */
#define HARNESS_TEST(t)        HARNESS_TEST_WITH(t, NULL, false)
#define HARNESS_SIGNAL_TEST(t) HARNESS_TEST_WITH(t, "signal", false)
#define HARNESS_AUTO_TEST(t)   HARNESS_TEST_WITH(t, "auto", false)
#define HARNESS_PIDFD_TEST(t)  HARNESS_TEST_WITH(t, NULL, true)
#define HARNESS_TEST_WITH(t, wake, needs_pidfds) \
	{ \
		"" #t, &t, wake, needs_pidfds \
	}

/* The whole main of a test program; with names on the command line only those
 * tests are run. Prints a line with ok, FAIL or skip for each. Gives 0, 1, or 77
 * when every test was skipped. A test that takes longer than HARNESS_TIMEOUT_S
 * seconds (in the environment; 0 is for ever) fails. */
int harness_main(int argc, char **argv, const char *suite,
    const struct harness_test *tests, size_t n);

#define HARNESS(suite, ...) \
	int main(int argc, char **argv) \
	{ \
		static const struct harness_test tests[] = __VA_ARGS__; \
		return harness_main(argc, argv, suite, tests, \
		    sizeof(tests) / sizeof(tests[0])); \
	}

/* End this test as skipped, saying why. */
_Noreturn void harness_skip(const char *why);

/* Are there pidfds, in this build and on this kernel? */
bool harness_has_pidfds(void);

/* Are the children of a context whose wake is left to the harness on pidfds? */
bool harness_on_pidfds(void);

/* And does the kernel tell how one ended that somebody else has reaped? */
bool harness_recovers(void);

/* pidfd_open(2): -1 and errno if there is none. */
int harness_pidfd(pid_t pid);

/* Whom waitid(2) with these arguments is about: 0 for any child, -1 if it is
 * gone. */
pid_t harness_pid_of(int type, int id);

/* CLOCK_MONOTONIC now, and how long a test may wait before it fails, both in
 * ms; the latter is longer under sanitizers and valgrind. */
int64_t harness_now_ms(void);
int64_t harness_patience_ms(void);

/* Open descriptors of this process; its children, dead ones included. */
int harness_count_fds(void);
int harness_count_children(void);

/* A child that blocks until it is released, then exits with this code (0 to
 * 255). It has default signals and an empty mask. */
struct harness_child {
	pid_t pid;
	int hold; /* close this to release it */
};
struct harness_child harness_fork_held(int code);
/* The same through sigchld_fork, so it is watched. */
struct harness_child harness_fork_watched(struct sigchld_ctx *ctx,
    struct sigchld_child **ret_child, uint32_t flags, int code,
    sigchld_event_fn *on_event, void *user);
void harness_release(struct harness_child *held);

/* Wait until pid is a zombie, without reaping it; fails the test at patience. */
void harness_await_zombie(pid_t pid);

/* Is pid a zombie; is there no such child of ours (waitpid gives ECHILD)? */
bool harness_is_zombie(pid_t pid);
bool harness_is_reaped(pid_t pid);

/* Poll fd for reading for at most ms. */
bool harness_readable(int fd, int ms);

/* sigchld_wait until *counter (or n dispatches' worth of callbacks) reaches
 * want; fails the test at patience or on an error. */
void harness_wait_for(struct sigchld_ctx *ctx, const int *counter, int want);

/* A callback that records: user is a struct harness_log. */
struct harness_log {
	int count; /* events of any kind */
	int final; /* EXITED, SIGNALED, STOLEN */
	pid_t pid; /* of the last one */
	uint32_t what;
	uint32_t source;
	int wstatus;
	uint32_t known;
};
void harness_on_event(struct sigchld_child *child,
    const struct sigchld_event *event, void *user);

/* What must be told of a child that ended with this status and was stolen: the
 * truth where it can be had, else nothing but that. */
void harness_check_theft(const struct harness_log *log, int wstatus);

#endif
