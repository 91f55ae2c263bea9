/*
 * test_late.c - what a worker says when it is too late: it is dead, is on its way
 * out, or has been replaced
 *
 * wrap: now_ms now_us timerfd_arm recv
 *
 * What it says is heard, and counts, but nobody counts on that worker any more.
 */
#include "help2.h"
#include "help3.h"

int __real_sigchld__sys_recv(int fd, void *data, size_t size);
int __wrap_sigchld__sys_recv(int fd, void *data, size_t size);

static int n_in_vain; /* so often there is no memory to read */

int
__wrap_sigchld__sys_recv(int fd, void *data, size_t size)
{
	if (n_in_vain > 0 && n_in_vain-- > 0)
		return -ENOBUFS;
	return __real_sigchld__sys_recv(fd, data, size);
}

static void
die(void *data)
{
	(void)data;
	_exit(0);
}

/* last: reply, and be dead then. hold: open a session. both: both. */
static int
serve(struct sigchld_worker *worker, const struct sigchld_job *job, void *user)
{
	const char *rest;
	size_t len;

	if (is_word(job, "last", &rest, &len))
		return sigchld_worker_reply(worker, "", 0, die);
	if (is_word(job, "hold", &rest, &len))
		return sigchld_worker_hold(worker);
	if (is_word(job, "both", &rest, &len)) {
		CHILD_MUST(sigchld_worker_hold(worker) == 0);
		return sigchld_worker_reply(worker, "", 0, die);
	}
	return obey(worker, job, user);
}

static struct sigchld_pool_options
late_options(struct stage *stage, uint32_t min, uint32_t max)
{
	struct sigchld_pool_options options = slow_options(stage, min, max);

	options.on_request = serve;
	options.keepalive_ms = SIGCHLD_POOL_NONE;
	return options;
}

/* Its reply is there but not read, and then its end is found: so that is first. */
static void
find_end_first(struct stage *stage, pid_t pid)
{
	harness_await_zombie(pid);
	n_in_vain = 1;
	UNTIL(stage, end_of(stage, pid) != NULL);
	ck_assert_int_eq(n_in_vain, 0);
}

/* One more request waits: it is not given to the dead, not even for a moment. */
START_TEST(p2_who_is_dead_gets_no_other_request)
{
	struct sigchld_pool_options options;
	struct asked *last, *next;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = late_options(&stage, 1, 1);
	play_until_idle(&stage, &options);
	pid = worker_in(&stage, 0);
	last = ask(&stage, "last");
	next = ask(&stage, "pid");
	find_end_first(&stage, pid);
	UNTIL(&stage, stage.n_replies == 2);
	ck_assert_uint_eq(last->reply.outcome, SIGCHLD_DONE);
	ck_assert_int_eq(last->reply.pid, pid);
	ck_assert_uint_eq(next->reply.outcome, SIGCHLD_DONE);
	ck_assert_int_ne(next->reply.pid, pid);
	ck_assert_uint_eq(stats_of_pool(&stage).retried, 0);
	ck_assert_uint_eq(stats_of_pool(&stage).wait.count, 2);
	stage_close(&stage);
}
END_TEST

/* Its name would be that of nobody. */
START_TEST(s13_who_is_dead_opens_no_session)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = late_options(&stage, 1, 1);
	play_until_idle(&stage, &options);
	pid = worker_in(&stage, 0);
	asked = ask(&stage, "both");
	find_end_first(&stage, pid);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_uint_eq(asked->reply.session, 0);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_sessions, 0);
	ck_assert_uint_eq(stats_of_pool(&stage).sessions, 0);
	stage_close(&stage);
}
END_TEST

static void
leave_late(struct sigchld_worker *worker, void *user)
{
	say_from(user, worker, 'l');
	(void)pass(user, 0);
}

/* It has not beaten while it took leave of its session, and is aborted. Then it
 * says that it is free; but soon it will be killed. */
START_TEST(p26_who_is_aborted_does_not_become_idle)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = late_options(&stage, 1, 1);
	options.on_disconnect = leave_late;
	options.beat_ms = 1000;
	options.abort_signal = SIGURG; /* which it does not mind */
	options.abort_ms = HOUR;
	play_until_idle(&stage, &options);
	pid = worker_in(&stage, 0);
	asked = ask_and_wait(&stage, "hold");
	MUST_BE(0, sigchld_pool_disconnect(stage.pool, asked->reply.session));
	UNTIL(&stage, n_said(&stage, 'l') == 1);
	time_passes(&stage, 2000);
	ck_assert_uint_eq(stats_of_pool(&stage).stopping, 1);
	be_calm(&stage);
	let_pass(&stage, 0, 1);
	UNTIL_SEEN(n_heard() == 1);
	be_calm(&stage);
	ck_assert_int_eq(n_heard(), 0);
	asked = ask(&stage, "pid");
	ck_assert_int_eq(holder_of(&stage, asked->id), 0);
	ck_assert_uint_eq(stats_of_pool(&stage).backlog, 1);
	time_passes(&stage, HOUR + 1000);
	check_killed(&stage, pid, SIGCHLD_KILLED_BEAT, SIGKILL);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_uint_eq(stats_of_pool(&stage).retried, 0);
	stage_close(&stage);
}
END_TEST

static struct asked *
ask_in(struct stage *stage, uint64_t session, uint32_t ttl_ms, const char *text)
{
	const struct sigchld_request with = {
		.session = session,
		.ttl_ms = ttl_ms,
	};
	struct asked *asked = NULL;

	MUST_BE(0, ask_with(stage, text, strlen(text), &with, &asked));
	return asked;
}

/* What waits in the session is surely not begun, and its end says so. */
START_TEST(s13_who_is_dead_gets_no_other_of_its_session)
{
	struct sigchld_pool_options options;
	struct asked *last, *next;
	struct stage stage;
	uint64_t session;
	pid_t pid;

	stage_open(&stage, NULL);
	options = late_options(&stage, 1, 1);
	play_until_idle(&stage, &options);
	pid = worker_in(&stage, 0);
	session = ask_and_wait(&stage, "hold")->reply.session;
	last = ask_in(&stage, session, 0, "last");
	next = ask_in(&stage, session, 0, "echo it");
	find_end_first(&stage, pid);
	UNTIL(&stage, last->n_replies == 1 && next->n_replies == 1);
	ck_assert_uint_eq(last->reply.outcome, SIGCHLD_DONE);
	ck_assert_uint_eq(next->reply.outcome, SIGCHLD_REJECTED);
	ck_assert_int_eq(next->reply.pid, 0);
	UNTIL(&stage, stage.n_sessions == 1);
	ck_assert_uint_eq(stage.sessions[0].why, SIGCHLD_SESSION_LOST);
	stage_close(&stage);
}
END_TEST

/* What waits in it is not in the backlog, which goes on as it was. */
START_TEST(p36_one_of_a_session_expires)
{
	struct sigchld_pool_options options;
	struct asked *busy, *waits;
	struct stage stage;
	uint64_t session;

	stage_open(&stage, NULL);
	options = late_options(&stage, 2, 2);
	play_until_idle(&stage, &options);
	session = ask_and_wait(&stage, "hold")->reply.session;
	busy = ask_in(&stage, session, 0, "wait 0");
	waits = ask_in(&stage, session, 1000, "echo it");
	UNTIL(&stage, n_said(&stage, 'w') == 1);
	time_passes(&stage, 2000);
	UNTIL(&stage, waits->n_replies == 1);
	ck_assert_uint_eq(waits->reply.outcome, SIGCHLD_EXPIRED);
	ck_assert_uint_eq(stats_of_pool(&stage).backlog, 0);
	(void)ask_and_wait(&stage, "echo it");
	(void)ask_and_wait(&stage, "echo it");
	ck_assert_int_eq(busy->n_replies, 0);
	waits = ask_in(&stage, session, 0, "echo it");
	let_pass(&stage, 0, 1);
	UNTIL(&stage, busy->n_replies == 1 && waits->n_replies == 1);
	ck_assert_uint_eq(waits->reply.outcome, SIGCHLD_DONE);
	stage_close(&stage);
}
END_TEST

/* That one was to end says nothing of the next. */
START_TEST(s13_the_next_session_of_a_worker)
{
	struct sigchld_pool_options options;
	struct asked *busy;
	struct stage stage;
	uint64_t first, next;

	stage_open(&stage, NULL);
	options = late_options(&stage, 1, 1);
	play_until_idle(&stage, &options);
	first = ask_and_wait(&stage, "hold")->reply.session;
	busy = ask_in(&stage, first, 0, "wait 0");
	MUST_BE(0, sigchld_pool_disconnect(stage.pool, first));
	let_pass(&stage, 0, 1);
	UNTIL(&stage, busy->n_replies == 1 && stage.n_sessions == 1);
	next = ask_and_wait(&stage, "hold")->reply.session;
	ck_assert_uint_ne(next, 0);
	ck_assert_uint_ne(next, first);
	busy = ask_in(&stage, next, 0, "echo it");
	UNTIL(&stage, busy->n_replies == 1);
	ck_assert_uint_eq(busy->reply.outcome, SIGCHLD_DONE);
	MUST_BE(0, sigchld_pool_disconnect(stage.pool, next));
	stage_close(&stage);
}
END_TEST

static int
listen_until_told(struct sigchld_worker *worker, void *user)
{
	struct pollfd pfd = {
		.fd = sigchld_worker_fd(worker),
		.events = POLLIN,
	};

	(void)user;
	while (!sigchld_worker_stopping(worker))
		(void)poll(&pfd, 1, -1);
	return 0;
}

static int
second_is_late(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	if (mark(user, 0) == 2)
		(void)pass(user, 0);
	return 0;
}

/* A successor is too old before it is ready, if it ever is. Its slot has another by
 * then, and keeps it; and the next roll finds all as it should be. */
static void
run_late_successor(bool is_killed)
{
	struct sigchld_pool_options options;
	struct stage stage;
	pid_t late;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 3);
	options.on_request = NULL;
	options.run = listen_until_told;
	options.on_init = second_is_late;
	options.max_life_ms = HOUR;
	options.max_life_jitter_ms = SIGCHLD_POOL_NONE;
	play_until_idle(&stage, &options);
	MUST_BE(0, sigchld_pool_roll(stage.pool, 1));
	UNTIL(&stage, stage.marks[0] == 2 && stage.n_forks == 2);
	late = stage.forks[1].pid;
	time_passes(&stage, HOUR + 1000);
	UNTIL(&stage, stage.n_ends == 1 && stats_of_pool(&stage).idle == 1);
	ck_assert_uint_eq(stats_of_pool(&stage).stopping, 1);
	ck_assert_int_eq(stage.n_forks, 3);
	if (is_killed)
		send_signal(late, SIGKILL);
	else
		let_pass(&stage, 0, 1);
	UNTIL(&stage, end_of(&stage, late) != NULL);
	ck_assert_uint_eq(end_of(&stage, late)->reason,
	    is_killed ? SIGCHLD_KILLED : SIGCHLD_RETIRED);
	be_calm(&stage);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 1);
	ck_assert_int_eq(stage.n_forks, 3);
	MUST_BE(0, sigchld_pool_roll(stage.pool, 1));
	UNTIL(&stage, stage.n_ends == 3 && stats_of_pool(&stage).idle == 1);
	ck_assert_int_eq(stage.ends[2].pid, stage.forks[2].pid);
	ck_assert_uint_eq(stage.ends[2].reason, SIGCHLD_ROLLED);
	ck_assert_int_eq(stage.n_forks, 4);
	stage_close(&stage);
}

START_TEST(p40_a_successor_that_is_ready_when_it_is_to_go)
{
	run_late_successor(false);
}
END_TEST

START_TEST(p40_a_successor_that_ends_when_it_is_to_go)
{
	run_late_successor(true);
}
END_TEST

static int
first_is_late(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	if (mark(user, 0) == 1)
		(void)pass(user, 0);
	return 0;
}

/* It was replaced while it started, and only then it is ready. It does not count,
 * so the pool knows that nobody starts, and grows when that is wanted. */
START_TEST(p40_ready_after_its_successor)
{
	struct sigchld_pool_options options;
	struct stage stage;
	pid_t late;

	stage_open(&stage, NULL);
	options = late_options(&stage, 1, 2);
	options.on_init = first_is_late;
	stage_play(&stage, &options);
	UNTIL(&stage, stage.n_forks == 1 && stage.marks[0] == 1);
	late = stage.forks[0].pid;
	MUST_BE(0, sigchld_pool_roll(stage.pool, 1));
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	ck_assert_uint_eq(stats_of_pool(&stage).stopping, 1);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, end_of(&stage, late) != NULL);
	ck_assert_uint_eq(end_of(&stage, late)->reason, SIGCHLD_ROLLED);
	ck_assert_uint_eq(end_of(&stage, late)->ready, 1);
	keep_busy(&stage, 1, 2);
	ck_assert_uint_eq(stats_of_pool(&stage).busy, 2);
	stage_close(&stage);
}
END_TEST

HARNESS("late",
    {
	HARNESS_TEST(p2_who_is_dead_gets_no_other_request),
	HARNESS_TEST(s13_who_is_dead_opens_no_session),
	HARNESS_TEST(p26_who_is_aborted_does_not_become_idle),
	HARNESS_TEST(p36_one_of_a_session_expires),
	HARNESS_TEST(s13_the_next_session_of_a_worker),
	HARNESS_TEST(p40_a_successor_that_is_ready_when_it_is_to_go),
	HARNESS_TEST(p40_a_successor_that_ends_when_it_is_to_go),
	HARNESS_TEST(s13_who_is_dead_gets_no_other_of_its_session),
	HARNESS_TEST(p40_ready_after_its_successor),
    })
