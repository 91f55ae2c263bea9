/*
 * test_look.c - what has happened to a child?
 *
 * wrap: waitid
 */
#include <sys/ptrace.h>

#include "core/sys.h"
#include "help.h"

#define MANY 64

/* Every waitid that the library makes passes here. */

struct asked {
	int type, options;
	pid_t pid;
};

static struct asked asked[4096];
static int n_asked;
static int fail_next;                /* -errno for the next one, once */
static struct sigchld__wait pretend; /* code and status for a peek */

int __real_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);
int __wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);

int
__wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options)
{
	int rc = fail_next;

	if (n_asked < (int)(sizeof(asked) / sizeof(asked[0])))
		asked[n_asked++] =
		    (struct asked){ type, options, harness_pid_of(type, id) };
	fail_next = 0;
	if (rc < 0)
		return rc;
	rc = __real_sigchld__sys_waitid(type, id, ret_wait, options);
	if (rc == 0 && pretend.code != 0 && options & WNOWAIT &&
	    ret_wait->pid != 0) {
		ret_wait->code = pretend.code;
		ret_wait->status = pretend.status;
	}
	return rc;
}

/* Deaths */

struct family {
	struct harness_child member[MANY];
	int told[MANY], n;
};

static void
tell(struct sigchld_child *child, const struct sigchld_event *event, void *user)
{
	struct family *family = user;
	int code = WEXITSTATUS(event->wstatus);

	(void)child;
	ck_assert_int_eq(event->what, SIGCHLD_EXITED);
	ck_assert_int_eq(family->member[code].pid, event->pid);
	family->told[code]++;
	family->n++;
}

START_TEST(c1_64_deaths_in_one_signal_wake_once_and_are_all_found)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	static struct family family;
	struct sigchld_stats before, after;
	int i;

	for (i = 0; i < MANY; i++)
		family.member[i] =
		    harness_fork_watched(ctx, NULL, 0, i, tell, &family);
	MUST_BE(0, sigchld_dispatch(ctx));
	block_sigchld(SIG_BLOCK);
	for (i = 0; i < MANY; i++)
		harness_release(&family.member[i]);
	for (i = 0; i < MANY; i++)
		harness_await_zombie(family.member[i].pid);
	before = stats_of(ctx);
	block_sigchld(SIG_UNBLOCK);
	after = stats_of(ctx);
	ck_assert_uint_eq(after.signals - before.signals, 1);
	ck_assert_uint_eq(after.wakeups - before.wakeups, 1);
	MUST_BE(MANY, sigchld_dispatch(ctx));
	for (i = 0; i < MANY; i++)
		ck_assert_int_eq(family.told[i], 1);
	ck_assert_uint_eq(stats_of(ctx).reaped, MANY);
	ck_assert(!harness_readable(sigchld_fd(ctx), 0));
	sigchld_free(ctx);
}
END_TEST

static void
zombie_still(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	ck_assert(harness_is_zombie(event->pid));
	ck_assert_int_eq(kill(event->pid, 0), 0);
	MUST_BE(0, sigchld_child_kill(child, SIGTERM));
	harness_on_event(child, event, user);
}

START_TEST(g5_the_pid_stays_its_own_while_the_callback_runs)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct sigchld_child *child;
	pid_t pid;

	pid = watched_zombie(ctx, &child, 3, zombie_still, &log);
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(log.final, 1);
	ck_assert(harness_is_reaped(pid));
	MUST_BE(-ESRCH, sigchld_child_kill(child, 0));
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

static void
expect_status(int wstatus, enum sigchld_what what, const struct harness_log *l)
{
	ck_assert_int_eq(l->final, 1);
	ck_assert_int_eq(l->wstatus, wstatus);
	ck_assert_int_eq(l->what, what);
	ck_assert_int_eq(l->source, SIGCHLD_SOURCE_WAIT);
}

START_TEST(g12_statuses_are_those_of_wait)
{
	static const int codes[] = { 0, 1, 127, 128, 255 };
	static const int signals[] = { SIGHUP, SIGKILL, SIGTERM, SIGUSR2 };
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log;
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		log = (struct harness_log){ .count = 0 };
		(void)watched_zombie(ctx, NULL, codes[i], harness_on_event,
		    &log);
		harness_wait_for(ctx, &log.count, 1);
		expect_status(codes[i] << 8, SIGCHLD_EXITED, &log);
	}
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		log = (struct harness_log){ .count = 0 };
		if (sigchld_fork(ctx, NULL, 0, harness_on_event, &log) == 0) {
			(void)signal(signals[i], SIG_DFL);
			(void)raise(signals[i]);
			_exit(0);
		}
		harness_wait_for(ctx, &log.count, 1);
		expect_status(signals[i], SIGCHLD_SIGNALED, &log);
	}
	sigchld_free(ctx);
}
END_TEST

START_TEST(g12_a_core_dump_is_told_as_wait_tells_it)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };

	(void)watched_zombie(ctx, NULL, 0, harness_on_event, &log);
	pretend.code = CLD_DUMPED;
	pretend.status = SIGSEGV;
	MUST_BE(1, sigchld_dispatch(ctx));
	pretend.code = 0;
	ck_assert_int_eq(log.what, SIGCHLD_SIGNALED);
	ck_assert(WIFSIGNALED(log.wstatus));
	ck_assert_int_eq(WTERMSIG(log.wstatus), SIGSEGV);
	ck_assert(WCOREDUMP(log.wstatus));
	sigchld_free(ctx);
}
END_TEST

/* What a child that works for WORK_US of processor time has used: no less, and
 * no more than there was time for. */
#define WORK_US 20000

static void
work(void)
{
	while (clock() < WORK_US * (CLOCKS_PER_SEC / 1000000))
		continue;
	_exit(0);
}

static void
is_plausible(const struct sigchld_event *event)
{
	uint64_t most = (uint64_t)harness_patience_ms() * 1000;

#ifdef SIGCHLD_PORTABLE
	(void)most;
	ck_assert_uint_eq(event->known, 0);
#else
	ck_assert_uint_eq(event->known, SIGCHLD_KNOWN_RUSAGE);
	ck_assert_uint_ge(event->utime_us + event->stime_us, WORK_US / 2);
	ck_assert_uint_le(event->utime_us + event->stime_us, most);
	ck_assert_uint_ge(event->maxrss_kib, 100);
	ck_assert_uint_lt(event->maxrss_kib, 1u << 26);
#endif
}

static void
check_usage(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	is_plausible(event);
	ck_assert_uint_eq(event->size, sizeof(*event));
	harness_on_event(child, event, user);
}

static void
check_no_usage(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	ck_assert_uint_eq(event->known, 0);
	ck_assert_uint_eq(event->utime_us, 0);
	ck_assert_uint_eq(event->stime_us, 0);
	ck_assert_uint_eq(event->maxrss_kib, 0);
	harness_on_event(child, event, user);
}

START_TEST(an_event_has_the_rusage_of_the_child)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	pid_t pid =
	    sigchld_fork(ctx, NULL, SIGCHLD_CHILD_RUSAGE, check_usage, &log);

	if (pid == 0)
		work();
	harness_wait_for(ctx, &log.count, 1);
	sigchld_free(ctx);
}
END_TEST

/* One that was there already, alive or dead. */
START_TEST(a_watched_child_has_it_too)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	int i;
	pid_t pid;

	for (i = 0; i < 2; i++) {
		pid = fork();
		if (pid == 0)
			work();
		ck_assert_int_gt(pid, 0);
		if (i == 1)
			harness_await_zombie(pid);
		MUST_BE(0,
		    sigchld_watch(ctx, NULL, pid, SIGCHLD_CHILD_RUSAGE,
			check_usage, &log));
		harness_wait_for(ctx, &log.count, i + 1);
	}
	sigchld_free(ctx);
}
END_TEST

START_TEST(whoever_waits_for_it_gets_the_rusage)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_event event = { .size = sizeof(event) };
	struct sigchld_child *child;
	pid_t pid;

	pid = sigchld_fork(ctx, &child, SIGCHLD_CHILD_RUSAGE, NULL, NULL);
	if (pid == 0)
		work();
	MUST_BE(1, sigchld_child_wait(child, -1, &event));
	is_plausible(&event);
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

START_TEST(who_did_not_ask_for_the_rusage_is_not_told)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	pid_t pid;

	pid = sigchld_fork(ctx, NULL, 0, check_no_usage, &log);
	if (pid == 0)
		work();
	harness_wait_for(ctx, &log.count, 1);
	pid = fork();
	if (pid == 0)
		work();
	MUST_BE(0, sigchld_watch(ctx, NULL, pid, 0, check_no_usage, &log));
	harness_wait_for(ctx, &log.count, 2);
	sigchld_free(ctx);
}
END_TEST

/* Whom the library asks about */

START_TEST(c21_only_watched_pids_are_asked_about)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	pid_t foreign = fork_zombie(9), ours;
	int i;

	n_asked = 0;
	ours = watched_zombie(ctx, NULL, 1, harness_on_event, &log);
	MUST_BE(1, sigchld_dispatch(ctx));
	MUST_BE(0, sigchld_occurred(NULL));
	MUST_BE(0, sigchld_dispatch(ctx));
	sigchld_free(ctx);
	ck_assert_int_gt(n_asked, 1);
	for (i = 0; i < n_asked; i++) {
		ck_assert(asked[i].type == P_PID ||
		    asked[i].type == SIGCHLD__P_PIDFD);
		/* Of ourselves once, whether there are pidfds. */
		ck_assert(asked[i].pid == ours || asked[i].pid == getpid());
		ck_assert_int_ne(asked[i].options & WNOHANG, 0);
	}
	ck_assert_int_eq(exit_code(foreign), 9);
}
END_TEST

START_TEST(c49_an_unknown_zombie_from_before_is_left)
{
	pid_t before = fork_zombie(4);
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.flags = SIGCHLD_ALWAYS));
	struct harness_log log = { .count = 0 };

	(void)watched_zombie(ctx, NULL, 1, harness_on_event, &log);
	harness_wait_for(ctx, &log.count, 1);
	MUST_BE(0, sigchld_occurred(ctx));
	MUST_BE(0, sigchld_dispatch(ctx));
	sigchld_free(ctx);
	ck_assert_int_eq(exit_code(before), 4);
}
END_TEST

/* Theft */

START_TEST(g12_a_stolen_child_is_told_once_and_no_status_is_made_up)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .wstatus = -1 };
	struct sigchld_child *child;
	pid_t pid = watched_zombie(ctx, &child, 5, harness_on_event, &log);

	ck_assert_int_eq(exit_code(pid), 5);
	MUST_BE(1, sigchld_dispatch(ctx));
	MUST_BE(0, sigchld_occurred(ctx));
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert_int_eq(log.count, 1);
	harness_check_theft(&log, 5 << 8);
	ck_assert_uint_eq(stats_of(ctx).stolen, 1);
	ck_assert_uint_eq(stats_of(ctx).recovered, harness_recovers());
	ck_assert_uint_eq(stats_of(ctx).reaped, 0);
	ck_assert_uint_ne(health() & SIGCHLD_HEALTH_THEFT, 0);
	MUST_BE(-ESRCH, sigchld_child_kill(child, SIGTERM));
	sigchld_child_free(child);
	sigchld_free(ctx);
}
END_TEST

static void
steal(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	harness_on_event(child, event, user);
	ck_assert_int_eq(exit_code(event->pid), 6);
}

START_TEST(c22_stolen_from_under_the_callback_the_status_was_true)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };

	(void)watched_zombie(ctx, NULL, 6, steal, &log);
	MUST_BE(1, sigchld_dispatch(ctx));
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert_int_eq(log.count, 1);
	ck_assert_int_eq(log.what, SIGCHLD_EXITED);
	ck_assert_uint_eq(stats_of(ctx).stolen, 1);
	sigchld_free(ctx);
}
END_TEST

/* Faults */

static void
note_fault(struct sigchld_ctx *ctx, const char *what, int err, void *user)
{
	struct harness_log *log = user;

	(void)ctx;
	log->count++;
	log->wstatus = err;
	ck_assert_str_eq(what, "waitid");
}

START_TEST(a_waitid_that_fails_is_a_fault_and_the_context_goes_on)
{
	struct harness_log faults = { .count = 0 }, log = { .count = 0 };
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.on_fault = note_fault, .user = &faults));

	(void)watched_zombie(ctx, NULL, 1, harness_on_event, &log);
	fail_next = -EPERM;
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(faults.count, 1);
	ck_assert_int_eq(faults.wstatus, -EPERM);
	ck_assert_int_eq(log.count, 0);
	ck_assert_uint_eq(stats_of(ctx).faults, 1);
	MUST_BE(0, sigchld_occurred(ctx));
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.what, SIGCHLD_EXITED);
	sigchld_free(ctx);
}
END_TEST

/* Tracing */

/* Wait, reaping nothing, until it has stopped, be it under trace or not. */
static void
await_stop(pid_t pid)
{
	siginfo_t info;
	int rc;

	do
		rc = waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT);
	while (rc == -1 && errno == EINTR);
	ck_assert_int_eq(rc, 0);
}

static void
await_continue(pid_t pid)
{
	siginfo_t info;
	int rc;

	do
		rc = waitid(P_PID, (id_t)pid, &info, WCONTINUED | WNOWAIT);
	while (rc == -1 && errno == EINTR);
	ck_assert_int_eq(rc, 0);
}

static void
look_now(struct sigchld_ctx *ctx, int want)
{
	MUST_BE(0, sigchld_occurred(ctx));
	MUST_BE(want, sigchld_dispatch(ctx));
}

static void
traced_through(uint32_t flags)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	pid_t pid = sigchld_fork(ctx, NULL, flags, harness_on_event, &log);

	if (pid == 0) {
		CHILD_MUST(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
		CHILD_MUST(raise(SIGUSR1) == 0);
		_exit(200);
	}
	await_stop(pid);
	look_now(ctx, 0);
	look_now(ctx, 0);
	ck_assert_int_eq(log.count, 0);
	ck_assert_int_eq(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	harness_await_zombie(pid);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.what, SIGCHLD_EXITED);
	ck_assert_int_eq(log.wstatus, 200 << 8);
	sigchld_free(ctx);
}

START_TEST(c34_a_stop_under_traceme_is_no_death)
{
	traced_through(0);
}
END_TEST

START_TEST(c34_nor_is_it_a_stop_for_those_who_asked_for_stops)
{
	traced_through(SIGCHLD_CHILD_STOPS);
}
END_TEST

START_TEST(c34_a_stop_under_seize_is_no_death)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child held =
	    harness_fork_watched(ctx, NULL, 0, 17, harness_on_event, &log);

	if (ptrace(PTRACE_SEIZE, held.pid, NULL, NULL) == -1) {
		harness_release(&held);
		harness_wait_for(ctx, &log.count, 1);
		sigchld_free(ctx);
		harness_skip("PTRACE_SEIZE is refused here");
	}
	ck_assert_int_eq(ptrace(PTRACE_INTERRUPT, held.pid, NULL, NULL), 0);
	await_stop(held.pid);
	look_now(ctx, 0);
	ck_assert_int_eq(log.count, 0);
	ck_assert_int_eq(ptrace(PTRACE_DETACH, held.pid, NULL, NULL), 0);
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 17 << 8);
	sigchld_free(ctx);
}
END_TEST

/* Stops */

struct tape {
	uint32_t what[16];
	int wstatus[16], n;
};

static void
record(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct tape *tape = user;

	(void)child;
	ck_assert_int_lt(tape->n, 16);
	tape->what[tape->n] = event->what;
	tape->wstatus[tape->n++] = event->wstatus;
}

START_TEST(c38_stops_and_continues_are_told_in_order_before_the_end)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct tape tape = { .n = 0 };
	struct harness_child held = harness_fork_watched(ctx, NULL,
	    SIGCHLD_CHILD_STOPS, 8, record, &tape);
	int i;

	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(kill(held.pid, SIGSTOP), 0);
		harness_wait_for(ctx, &tape.n, 2 * i + 1);
		ck_assert_int_eq(kill(held.pid, SIGCONT), 0);
		harness_wait_for(ctx, &tape.n, 2 * i + 2);
	}
	harness_release(&held);
	harness_wait_for(ctx, &tape.n, 5);
	for (i = 0; i < 4; i += 2) {
		ck_assert_int_eq(tape.what[i], SIGCHLD_STOPPED);
		ck_assert(WIFSTOPPED(tape.wstatus[i]));
		ck_assert_int_eq(WSTOPSIG(tape.wstatus[i]), SIGSTOP);
		ck_assert_int_eq(tape.what[i + 1], SIGCHLD_CONTINUED);
		ck_assert(WIFCONTINUED(tape.wstatus[i + 1]));
	}
	ck_assert_int_eq(tape.what[4], SIGCHLD_EXITED);
	ck_assert_int_eq(WEXITSTATUS(tape.wstatus[4]), 8);
	sigchld_free(ctx);
}
END_TEST

/* A stop that is seen, then the end, and only then a dispatch gets to tell. */
START_TEST(c38_a_stop_that_waits_to_be_told_loses_no_exit)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct tape tape = { .n = 0 };
	struct harness_child held = harness_fork_watched(ctx, NULL,
	    SIGCHLD_CHILD_STOPS, 8, record, &tape);

	ck_assert_int_eq(kill(held.pid, SIGSTOP), 0);
	await_stop(held.pid);
	harness_wait_for(ctx, &tape.n, 1);
	ck_assert_int_eq(kill(held.pid, SIGCONT), 0);
	await_continue(held.pid);
	ck_assert_int_eq(kill(held.pid, SIGKILL), 0);
	harness_await_zombie(held.pid);
	harness_wait_for(ctx, &tape.n, 2);
	while (tape.what[tape.n - 1] == SIGCHLD_CONTINUED)
		harness_wait_for(ctx, &tape.n, tape.n + 1);
	ck_assert_int_eq(tape.what[tape.n - 1], SIGCHLD_SIGNALED);
	ck_assert_int_eq(tape.wstatus[tape.n - 1], SIGKILL);
	MUST_BE(0, sigchld_dispatch(ctx));
	harness_release(&held);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c38_who_did_not_ask_is_not_told_and_not_woken)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct tape tape = { .n = 0 };
	struct harness_child held =
	    harness_fork_watched(ctx, NULL, 0, 8, record, &tape);
	struct sigchld_stats before;

	(void)sigchld_dispatch(ctx);
	before = stats_of(ctx);
	ck_assert_int_eq(kill(held.pid, SIGSTOP), 0);
	await_stop(held.pid);
	ck_assert_uint_eq(stats_of(ctx).signals, before.signals);
	look_now(ctx, 0);
	/* The stop is still there for whoever wants it. */
	await_stop(held.pid);
	ck_assert_int_eq(kill(held.pid, SIGCONT), 0);
	await_continue(held.pid);
	look_now(ctx, 0);
	harness_release(&held);
	harness_wait_for(ctx, &tape.n, 1);
	ck_assert_int_eq(tape.what[0], SIGCHLD_EXITED);
	sigchld_free(ctx);
}
END_TEST

/* The handler hears of stops exactly while somebody wants them. */
START_TEST(c38_the_action_asks_for_stops_only_while_somebody_wants_them)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct harness_child plain, stops;
	struct sigaction now;

	plain = harness_fork_watched(ctx, NULL, 0, 0, harness_on_event, &log);
	ck_assert_int_eq(sigaction(SIGCHLD, NULL, &now), 0);
	ck_assert_int_ne(now.sa_flags & SA_NOCLDSTOP, 0);
	stops = harness_fork_watched(ctx, NULL, SIGCHLD_CHILD_STOPS, 0,
	    harness_on_event, &log);
	ck_assert_int_eq(sigaction(SIGCHLD, NULL, &now), 0);
	ck_assert_int_eq(now.sa_flags & SA_NOCLDSTOP, 0);
	harness_release(&stops);
	harness_wait_for(ctx, &log.final, 1);
	ck_assert_int_eq(sigaction(SIGCHLD, NULL, &now), 0);
	ck_assert_int_ne(now.sa_flags & SA_NOCLDSTOP, 0);
	harness_release(&plain);
	harness_wait_for(ctx, &log.final, 2);
	sigchld_free(ctx);
}
END_TEST

static int
count_one(struct sigchld_child *child, void *user)
{
	(void)child;
	(*(int *)user)++;
	return 0;
}

static void
count_in_stop(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	int *counts = user,
	    *n = &counts[event->what == SIGCHLD_STOPPED ? 0 : 1];

	MUST_BE(0, sigchld_foreach(sigchld_child_ctx(child), count_one, n));
	counts[2]++;
}

/* Its final event is still to come while it is told of a stop. */
START_TEST(c38_foreach_from_a_stop_callback_has_the_child)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int counts[3] = { 0, 0, 0 };
	struct harness_child held = harness_fork_watched(ctx, NULL,
	    SIGCHLD_CHILD_STOPS, 8, count_in_stop, counts);

	ck_assert_int_eq(kill(held.pid, SIGSTOP), 0);
	harness_wait_for(ctx, &counts[2], 1);
	ck_assert_int_eq(counts[0], 1);
	ck_assert_int_eq(kill(held.pid, SIGKILL), 0);
	harness_wait_for(ctx, &counts[2], 2);
	ck_assert_int_eq(counts[1], 0);
	harness_release(&held);
	sigchld_free(ctx);
}
END_TEST

HARNESS("look",
    {
	HARNESS_SIGNAL_TEST(
	    c1_64_deaths_in_one_signal_wake_once_and_are_all_found),
	HARNESS_TEST(g5_the_pid_stays_its_own_while_the_callback_runs),
	HARNESS_TEST(g12_statuses_are_those_of_wait),
	HARNESS_TEST(g12_a_core_dump_is_told_as_wait_tells_it),
	HARNESS_TEST(an_event_has_the_rusage_of_the_child),
	HARNESS_TEST(a_watched_child_has_it_too),
	HARNESS_TEST(whoever_waits_for_it_gets_the_rusage),
	HARNESS_TEST(who_did_not_ask_for_the_rusage_is_not_told),
	HARNESS_TEST(c21_only_watched_pids_are_asked_about),
	HARNESS_TEST(c49_an_unknown_zombie_from_before_is_left),
	HARNESS_TEST(g12_a_stolen_child_is_told_once_and_no_status_is_made_up),
	HARNESS_TEST(c22_stolen_from_under_the_callback_the_status_was_true),
	HARNESS_TEST(a_waitid_that_fails_is_a_fault_and_the_context_goes_on),
	HARNESS_TEST(c34_a_stop_under_traceme_is_no_death),
	HARNESS_TEST(c34_nor_is_it_a_stop_for_those_who_asked_for_stops),
	HARNESS_TEST(c34_a_stop_under_seize_is_no_death),
	HARNESS_TEST(c38_stops_and_continues_are_told_in_order_before_the_end),
	HARNESS_TEST(c38_a_stop_that_waits_to_be_told_loses_no_exit),
	HARNESS_TEST(c38_who_did_not_ask_is_not_told_and_not_woken),
	HARNESS_SIGNAL_TEST(
	    c38_the_action_asks_for_stops_only_while_somebody_wants_them),
	HARNESS_TEST(c38_foreach_from_a_stop_callback_has_the_child),
    })
