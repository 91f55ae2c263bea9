/*
 * test_session.c - sessions: a worker that is held for one client
 *
 * What a request of a session does, besides what help.h has: it begins with "+"
 * to hold the session, with "-" to let go of it, with "!" to be recycled; these
 * may stand before each other; "." is to die when the reply has been sent. Mark
 * 0 counts on_disconnect, mark 1 the requests that found a session open, mark 2
 * on_exit.
 *
 * The clock is the test's.
 *
 * wrap: sendmsg
 */
#include <sys/uio.h>

#include "clock.h"
#include "worker/sys.h"

/* Whoever gets the next message of this process has died when it is sent. */
static pid_t dying;

int __real_sigchld__sys_sendmsg(int fd, const struct iovec *parts,
    unsigned int n);
int __wrap_sigchld__sys_sendmsg(int fd, const struct iovec *parts,
    unsigned int n);

int
__wrap_sigchld__sys_sendmsg(int fd, const struct iovec *parts, unsigned int n)
{
	const pid_t pid = dying;
	int rc;

	dying = 0;
	rc = __real_sigchld__sys_sendmsg(fd, parts, n);
	if (pid != 0)
		harness_await_zombie(pid);
	return rc;
}

static void
die(void *data)
{
	(void)data;
	_exit(1);
}

static int
serve(struct sigchld_worker *worker, const struct sigchld_job *job, void *user)
{
	struct sigchld_job rest = *job;

	if (job->session != 0)
		(void)mark(user, 1);
	for (;; rest.data = (const char *)rest.data + 1, rest.len--) {
		const char what = *(const char *)rest.data;

		if (what == '+')
			CHILD_MUST(sigchld_worker_hold(worker) == 0);
		else if (what == '-')
			CHILD_MUST(sigchld_worker_release(worker) == 0);
		else if (what == '!')
			sigchld_worker_recycle(worker);
		else if (what == '.')
			return sigchld_worker_reply(worker, "", 0, die);
		else
			return obey(worker, &rest, user);
	}
}

static void
take_leave(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	(void)mark(user, 0);
}

static void
count_exit(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	(void)mark(user, 2);
}

/* Sessions last a minute. */
static struct sigchld_pool_options
hosting(struct stage *stage, uint32_t workers)
{
	struct sigchld_pool_options options;

	clock_begin();
	stage_open(stage, NULL);
	options = stage_options(stage, workers, workers);
	options.on_request = serve;
	options.on_disconnect = take_leave;
	options.on_exit = count_exit;
	options.keepalive_ms = MINUTE_MS;
	return options;
}

static void
host(struct stage *stage, uint32_t workers)
{
	const struct sigchld_pool_options options = hosting(stage, workers);

	stage_play(stage, &options);
	UNTIL(stage, stats_of_pool(stage).idle == workers);
}

static int
ask_session(struct stage *stage, uint64_t session, const char *text,
    struct asked **ret_asked)
{
	const struct sigchld_request with = { .session = session };

	return ask_with(stage, text, strlen(text), &with, ret_asked);
}

static struct asked *
ask_in(struct stage *stage, uint64_t session, const char *text)
{
	struct asked *asked = NULL;

	MUST_BE(0, ask_session(stage, session, text, &asked));
	return asked;
}

static struct asked *
served(struct stage *stage, struct asked *asked)
{
	UNTIL(stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	return asked;
}

/* One that is open, and who holds it. */
struct session {
	uint64_t id;
	pid_t pid;
};

static struct session
open_session(struct stage *stage)
{
	struct asked *asked = served(stage, ask(stage, "+echo hello"));

	ck_assert_str_eq(asked->data, "hello");
	ck_assert_uint_ne(asked->reply.session, 0);
	return (struct session){ asked->reply.session, asked->reply.pid };
}

static void
check_gone(struct stage *stage, uint64_t session)
{
	struct asked *asked = NULL;

	MUST_BE(-ENOENT, ask_session(stage, session, "echo", &asked));
	MUST_BE(-ENOENT, sigchld_pool_disconnect(stage->pool, session));
}

/* It is over, for this reason, and that was told once. */
static void
check_over(struct stage *stage, uint64_t session, uint32_t why)
{
	UNTIL(stage, stage->n_sessions == 1);
	settle(stage);
	ck_assert_int_eq(stage->n_sessions, 1);
	ck_assert_uint_eq(stage->sessions[0].session, session);
	ck_assert_uint_eq(stage->sessions[0].why, why);
	check_gone(stage, session);
}

static uint32_t
state_of(struct stage *stage, pid_t pid)
{
	struct roster roster = workers_of(stage);
	uint32_t state = UINT32_MAX;
	int i;

	for (i = 0; i < roster.n; i++) {
		if (roster.workers[i].pid == pid)
			state = roster.workers[i].state;
	}
	free(roster.workers);
	return state;
}

/* Holding */

START_TEST(s13_a_session_holds_its_worker)
{
	struct session session;
	struct asked *asked;
	struct stage stage;
	int i;

	host(&stage, 2);
	session = open_session(&stage);
	ck_assert_uint_eq(state_of(&stage, session.pid),
	    SIGCHLD_WORKER_SESSION);
	ck_assert_uint_eq(stats_of_pool(&stage).busy, 1);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 1);
	ck_assert_uint_eq(stats_of_pool(&stage).sessions, 1);
	ck_assert_int_eq(stage.marks[1], 0);
	for (i = 1; i <= 5; i++) {
		ck_assert_int_ne(ask_pid(&stage), session.pid);
		asked = served(&stage, ask_in(&stage, session.id, "pid"));
		ck_assert_int_eq(asked->reply.pid, session.pid);
		ck_assert_uint_eq(asked->reply.session, session.id);
		ck_assert_int_eq(stage.marks[1], i);
	}
	ck_assert_int_eq(stage.n_sessions, 0);
	ck_assert_int_eq(stage.marks[0], 0);
	stage_close(&stage);
}
END_TEST

/* Whoever is of no session waits for another worker, though this one has
 * nothing to do. */
START_TEST(s13_nobody_else_gets_its_worker)
{
	struct session session;
	struct asked *other;
	struct stage stage;

	host(&stage, 1);
	session = open_session(&stage);
	other = ask(&stage, "pid");
	settle(&stage);
	ck_assert_int_eq(other->n_replies, 0);
	ck_assert_uint_eq(stats_of_pool(&stage).backlog, 1);
	(void)served(&stage, ask_in(&stage, session.id, "echo 1"));
	ck_assert_int_eq(other->n_replies, 0);
	(void)served(&stage, ask_in(&stage, session.id, "-echo 2"));
	(void)served(&stage, other);
	ck_assert_int_eq(other->reply.pid, session.pid);
	ck_assert_int_eq(stage.marks[1], 2);
	stage_close(&stage);
}
END_TEST

START_TEST(s13_two_sessions_have_two_workers)
{
	struct session one, two;
	struct asked *a, *b;
	struct stage stage;

	host(&stage, 2);
	one = open_session(&stage);
	two = open_session(&stage);
	ck_assert_uint_ne(one.id, two.id);
	ck_assert_int_ne(one.pid, two.pid);
	ck_assert_uint_eq(stats_of_pool(&stage).sessions, 2);
	a = ask_in(&stage, one.id, "pid");
	b = ask_in(&stage, two.id, "pid");
	ck_assert_int_eq(served(&stage, a)->reply.pid, one.pid);
	ck_assert_int_eq(served(&stage, b)->reply.pid, two.pid);
	MUST_BE(0, sigchld_pool_disconnect(stage.pool, one.id));
	check_over(&stage, one.id, SIGCHLD_SESSION_CLOSED);
	b = served(&stage, ask_in(&stage, two.id, "pid"));
	ck_assert_int_eq(b->reply.pid, two.pid);
	stage_close(&stage);
}
END_TEST

START_TEST(s13_there_is_no_such_session)
{
	struct session session;
	struct stage stage;

	host(&stage, 1);
	session = open_session(&stage);
	check_gone(&stage, session.id + 1000);
	MUST_BE(-ENOENT, sigchld_pool_disconnect(stage.pool, 0));
	(void)served(&stage, ask_in(&stage, session.id, "echo it"));
	stage_close(&stage);
}
END_TEST

/* To hold it again changes nothing, nor does to let go of none. */
START_TEST(s13_hold_and_release_twice)
{
	struct session session;
	struct asked *asked;
	struct stage stage;

	host(&stage, 1);
	asked = served(&stage, ask(&stage, "--echo none"));
	ck_assert_uint_eq(asked->reply.session, 0);
	session = open_session(&stage);
	asked = served(&stage, ask_in(&stage, session.id, "++echo it"));
	ck_assert_uint_eq(asked->reply.session, session.id);
	asked = served(&stage, ask_in(&stage, session.id, "--echo it"));
	ck_assert_uint_eq(asked->reply.session, 0);
	check_over(&stage, session.id, SIGCHLD_SESSION_RELEASED);
	ck_assert_uint_eq(stats_of_pool(&stage).sessions, 1);
	stage_close(&stage);
}
END_TEST

/* A session that never was: nobody is told of it. */
START_TEST(s13_held_and_released_in_one_request)
{
	struct asked *asked;
	struct stage stage;

	host(&stage, 1);
	asked = served(&stage, ask(&stage, "+-echo it"));
	ck_assert_uint_eq(asked->reply.session, 0);
	(void)ask_pid(&stage);
	ck_assert_int_eq(stage.n_sessions, 0);
	stage_close(&stage);
}
END_TEST

/* One after the other, in order, and by nobody else. */
START_TEST(s13_many_requests_of_one_session)
{
	struct asked *asked[6];
	struct session session;
	struct stage stage;
	int i;

	host(&stage, 3);
	session = open_session(&stage);
	for (i = 0; i < 6; i++)
		asked[i] = ask_in(&stage, session.id, "wait 0");
	UNTIL(&stage, n_said(&stage, 'w') == 1);
	settle(&stage);
	ck_assert_int_eq(n_said(&stage, 'w'), 1);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 2);
	ck_assert_uint_eq(stats_of_pool(&stage).backlog, 5);
	let_pass(&stage, 0, 6);
	UNTIL(&stage, stage.n_replies == 7);
	for (i = 0; i < 6; i++) {
		ck_assert_uint_eq(asked[i]->reply.outcome, SIGCHLD_DONE);
		ck_assert_int_eq(asked[i]->reply.pid, session.pid);
		ck_assert_int_eq(asked[i]->order, i + 2);
	}
	ck_assert_uint_eq(stats_of_pool(&stage).backlog, 0);
	stage_close(&stage);
}
END_TEST

START_TEST(s13_its_requests_are_counted_with_the_backlog)
{
	struct sigchld_pool_options options;
	struct asked *asked = NULL;
	struct session session;
	struct stage stage;

	options = hosting(&stage, 1);
	options.backlog_max = 2;
	stage_play(&stage, &options);
	session = open_session(&stage);
	(void)ask_in(&stage, session.id, "wait 0");
	(void)ask_in(&stage, session.id, "echo 1");
	(void)ask(&stage, "echo 2");
	MUST_BE(-EAGAIN, ask_session(&stage, session.id, "echo", &asked));
	MUST_BE(-EAGAIN, ask_with(&stage, "echo", 4, NULL, &asked));
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_replies == 3);
	MUST_BE(0, ask_session(&stage, session.id, "-echo", &asked));
	UNTIL(&stage, stage.n_replies == 5);
	stage_close(&stage);
}
END_TEST

START_TEST(s13_its_requests_may_expire)
{
	const struct sigchld_request with = { .ttl_ms = MINUTE_MS };
	struct sigchld_request in_session = with;
	struct asked *first, *second = NULL;
	struct session session;
	struct stage stage;

	host(&stage, 1);
	session = open_session(&stage);
	first = ask_in(&stage, session.id, "wait 0");
	in_session.session = session.id;
	MUST_BE(0, ask_with(&stage, "exit 1", 6, &in_session, &second));
	UNTIL(&stage, n_said(&stage, 'w') == 1);
	jump(OVER_MINUTE);
	UNTIL(&stage, second->n_replies == 1);
	ck_assert_uint_eq(second->reply.outcome, SIGCHLD_EXPIRED);
	ck_assert_uint_eq(second->reply.started, 0);
	let_pass(&stage, 0, 1);
	(void)served(&stage, first);
	ck_assert_int_eq(stage.n_sessions, 0);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

/* How it ends */

START_TEST(s13_released_by_its_worker)
{
	struct session session;
	struct asked *asked;
	struct stage stage;

	host(&stage, 1);
	session = open_session(&stage);
	asked = served(&stage, ask_in(&stage, session.id, "-echo bye"));
	ck_assert_uint_eq(asked->reply.session, 0);
	ck_assert_int_eq(asked->reply.pid, session.pid);
	check_over(&stage, session.id, SIGCHLD_SESSION_RELEASED);
	ck_assert_int_eq(ask_pid(&stage), session.pid);
	ck_assert_int_eq(stage.marks[0], 1);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

/* What was sent to it too late is given back. */
START_TEST(s13_released_while_others_wait)
{
	struct asked *asked[3];
	struct session session;
	struct stage stage;
	int i;

	host(&stage, 2);
	session = open_session(&stage);
	asked[0] = ask_in(&stage, session.id, "-wait 0");
	asked[1] = ask_in(&stage, session.id, "exit 1");
	asked[2] = ask_in(&stage, session.id, "exit 1");
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_replies == 4);
	ck_assert_uint_eq(asked[0]->reply.outcome, SIGCHLD_DONE);
	for (i = 1; i < 3; i++) {
		ck_assert_uint_eq(asked[i]->reply.outcome, SIGCHLD_REJECTED);
		ck_assert_uint_eq(asked[i]->reply.started, 0);
	}
	check_over(&stage, session.id, SIGCHLD_SESSION_RELEASED);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

START_TEST(s13_nothing_comes_for_keepalive_ms)
{
	struct session session;
	struct stage stage;

	host(&stage, 1);
	session = open_session(&stage);
	(void)served(&stage, ask_in(&stage, session.id, "echo it"));
	settle(&stage);
	ck_assert_int_eq(stage.n_sessions, 0);
	jump(OVER_MINUTE);
	check_over(&stage, session.id, SIGCHLD_SESSION_KEEPALIVE);
	UNTIL(&stage, stage.marks[0] == 1);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	ck_assert_int_eq(ask_pid(&stage), session.pid);
	ck_assert_int_eq(stage.marks[0], 1);
	stage_close(&stage);
}
END_TEST

/* Each request begins it anew, and while there is one it does not run. */
START_TEST(s13_keepalive_is_of_the_time_with_nothing_to_do)
{
	struct session session;
	struct asked *asked;
	struct stage stage;
	int i;

	host(&stage, 1);
	session = open_session(&stage);
	for (i = 0; i < 5; i++) {
		jump(OVER_MINUTE / 2);
		settle(&stage);
		(void)served(&stage, ask_in(&stage, session.id, "echo it"));
	}
	asked = ask_in(&stage, session.id, "wait 0");
	UNTIL(&stage, n_said(&stage, 'w') == 1);
	jump(OVER_MINUTE);
	settle(&stage);
	ck_assert_int_eq(stage.n_sessions, 0);
	let_pass(&stage, 0, 1);
	ck_assert_uint_eq(served(&stage, asked)->reply.session, session.id);
	ck_assert_int_eq(stage.n_sessions, 0);
	jump(OVER_MINUTE);
	check_over(&stage, session.id, SIGCHLD_SESSION_KEEPALIVE);
	stage_close(&stage);
}
END_TEST

START_TEST(s13_no_keepalive_at_all)
{
	struct sigchld_pool_options options;
	struct session session;
	struct stage stage;

	options = hosting(&stage, 1);
	options.keepalive_ms = SIGCHLD_POOL_NONE;
	stage_play(&stage, &options);
	session = open_session(&stage);
	jump(2000);
	settle(&stage);
	ck_assert_int_eq(stage.n_sessions, 0);
	(void)served(&stage, ask_in(&stage, session.id, "echo it"));
	stage_close(&stage);
}
END_TEST

START_TEST(s13_five_seconds_by_default)
{
	struct sigchld_pool_options options;
	struct session session;
	struct stage stage;

	options = hosting(&stage, 1);
	options.keepalive_ms = 0;
	stage_play(&stage, &options);
	session = open_session(&stage);
	jump(6);
	check_over(&stage, session.id, SIGCHLD_SESSION_KEEPALIVE);
	stage_close(&stage);
}
END_TEST

START_TEST(s13_the_client_disconnects)
{
	struct session session;
	struct stage stage;

	host(&stage, 1);
	session = open_session(&stage);
	MUST_BE(0, sigchld_pool_disconnect(stage.pool, session.id));
	check_gone(&stage, session.id);
	check_over(&stage, session.id, SIGCHLD_SESSION_CLOSED);
	UNTIL(&stage, stage.marks[0] == 1);
	ck_assert_int_eq(ask_pid(&stage), session.pid);
	ck_assert_int_eq(stage.marks[0], 1);
	ck_assert_int_eq(stage.marks[1], 0);
	stage_close(&stage);
}
END_TEST

/* What was submitted is done before. */
START_TEST(s13_the_client_disconnects_behind_its_requests)
{
	struct asked *asked[4];
	struct session session;
	struct stage stage;
	int i;

	host(&stage, 1);
	session = open_session(&stage);
	for (i = 0; i < 4; i++)
		asked[i] = ask_in(&stage, session.id, "wait 0");
	MUST_BE(0, sigchld_pool_disconnect(stage.pool, session.id));
	check_gone(&stage, session.id);
	UNTIL(&stage, n_said(&stage, 'w') == 1);
	settle(&stage);
	ck_assert_int_eq(stage.n_sessions, 0);
	let_pass(&stage, 0, 4);
	UNTIL(&stage, stage.n_replies == 5);
	for (i = 0; i < 4; i++)
		ck_assert_uint_eq(asked[i]->reply.outcome, SIGCHLD_DONE);
	check_over(&stage, session.id, SIGCHLD_SESSION_CLOSED);
	ck_assert_int_eq(ask_pid(&stage), session.pid);
	ck_assert_int_eq(stage.marks[0], 1);
	stage_close(&stage);
}
END_TEST

/* The next client finds nothing of the one before. */
START_TEST(s13_the_next_client_comes_after_the_leave)
{
	struct session session, next;
	struct stage stage;
	int i;

	host(&stage, 1);
	session = open_session(&stage);
	for (i = 1; i <= 5; i++) {
		MUST_BE(0, sigchld_pool_disconnect(stage.pool, session.id));
		next = open_session(&stage);
		ck_assert_int_eq(stage.marks[0], i);
		ck_assert_int_eq(stage.n_sessions, i);
		ck_assert_uint_ne(next.id, session.id);
		ck_assert_int_eq(next.pid, session.pid);
		session = next;
	}
	stage_close(&stage);
}
END_TEST

START_TEST(s13_its_idle_worker_is_killed)
{
	struct session session;
	struct stage stage;

	host(&stage, 2);
	session = open_session(&stage);
	send_signal(session.pid, SIGKILL);
	check_over(&stage, session.id, SIGCHLD_SESSION_LOST);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	ck_assert_int_eq(stage.n_ends, 1);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_KILLED);
	ck_assert_int_eq(stage.marks[0], 0);
	stage_close(&stage);
}
END_TEST

/* Nobody else may get what was sent to a session. */
START_TEST(s13_its_busy_worker_is_killed)
{
	struct asked *asked[4];
	struct session session;
	struct stage stage;
	int i;

	host(&stage, 2);
	session = open_session(&stage);
	asked[0] = ask_in(&stage, session.id, "wait 0");
	for (i = 1; i < 4; i++)
		asked[i] = ask_in(&stage, session.id, "exit 1");
	UNTIL(&stage, n_said(&stage, 'w') == 1);
	send_signal(session.pid, SIGKILL);
	UNTIL(&stage, stage.n_replies == 5);
	ck_assert_uint_eq(asked[0]->reply.outcome, SIGCHLD_LOST);
	ck_assert_uint_eq(asked[0]->reply.started, 1);
	ck_assert_uint_eq(asked[0]->reply.session, 0);
	for (i = 1; i < 4; i++) {
		ck_assert_uint_eq(asked[i]->reply.outcome, SIGCHLD_REJECTED);
		ck_assert_uint_eq(asked[i]->reply.started, 0);
		ck_assert_uint_eq(asked[i]->reply.session, 0);
	}
	check_over(&stage, session.id, SIGCHLD_SESSION_LOST);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	ck_assert_int_eq(stage.n_ends, 1);
	ck_assert_int_eq(stage.marks[0], 0);
	stage_close(&stage);
}
END_TEST

/* It had not begun it: a session of which half is missing is no session, so it
 * is not tried on another worker. */
START_TEST(s13_killed_before_it_began)
{
	struct session session;
	struct asked *asked;
	struct stage stage;

	host(&stage, 2);
	session = open_session(&stage);
	stop_worker(session.pid);
	asked = ask_in(&stage, session.id, "exit 1");
	settle(&stage);
	send_signal(session.pid, SIGKILL);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert(asked->reply.outcome == SIGCHLD_LOST ||
	    asked->reply.outcome == SIGCHLD_REJECTED);
	ck_assert_uint_eq(asked->reply.started, 0);
	check_over(&stage, session.id, SIGCHLD_SESSION_LOST);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	ck_assert_int_eq(stage.n_ends, 1);
	ck_assert_uint_eq(stats_of_pool(&stage).retried, 0);
	stage_close(&stage);
}
END_TEST

static void
never_leave(struct sigchld_worker *worker, void *user)
{
	say_from(user, worker, 'n');
	(void)pass(user, 0);
}

/* A worker that takes leave is at work, and must beat. */
START_TEST(s13_its_worker_hangs_as_it_takes_leave)
{
	struct sigchld_pool_options options;
	struct session session;
	struct stage stage;

	no_core_files();
	options = hosting(&stage, 1);
	options.on_disconnect = never_leave;
	options.beat_ms = MINUTE_MS;
	stage_play(&stage, &options);
	session = open_session(&stage);
	MUST_BE(0, sigchld_pool_disconnect(stage.pool, session.id));
	check_over(&stage, session.id, SIGCHLD_SESSION_CLOSED);
	UNTIL(&stage, n_said(&stage, 'n') == 1);
	ck_assert_int_eq(stage.n_ends, 0);
	jump(OVER_MINUTE);
	check_killed(&stage, session.pid, SIGCHLD_KILLED_BEAT, SIGABRT);
	ck_assert_int_ne(ask_pid(&stage), session.pid);
	ck_assert_int_eq(stage.n_sessions, 1);
	stage_close(&stage);
}
END_TEST

START_TEST(s13_a_request_of_it_takes_too_long)
{
	struct sigchld_pool_options options;
	struct asked *asked, *next;
	struct session session;
	struct stage stage;

	no_core_files();
	options = hosting(&stage, 1);
	options.request_ms = MINUTE_MS;
	options.keepalive_ms = SIGCHLD_POOL_NONE;
	stage_play(&stage, &options);
	session = open_session(&stage);
	jump(OVER_MINUTE); /* the time between two does not count */
	settle(&stage);
	asked = ask_in(&stage, session.id, "wait 0");
	next = ask_in(&stage, session.id, "exit 1");
	UNTIL(&stage, n_said(&stage, 'w') == 1);
	jump(OVER_MINUTE);
	UNTIL(&stage, stage.n_replies == 3);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_TIMEOUT);
	ck_assert_uint_eq(next->reply.outcome, SIGCHLD_REJECTED);
	check_over(&stage, session.id, SIGCHLD_SESSION_LOST);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_KILLED_TIMEOUT);
	stage_close(&stage);
}
END_TEST

/* It is over with that reply, however long its worker goes on. */
START_TEST(s13_its_worker_defies_the_abort)
{
	struct sigchld_pool_options options;
	struct session session;
	struct asked *asked;
	struct stage stage;

	options = hosting(&stage, 1);
	options.request_ms = MINUTE_MS;
	options.abort_ms = MINUTE_MS;
	options.abort_signal = SIGWINCH; /* which does nothing */
	stage_play(&stage, &options);
	session = open_session(&stage);
	asked = ask_in(&stage, session.id, "wait 0");
	UNTIL(&stage, n_said(&stage, 'w') == 1);
	jump(OVER_MINUTE);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_TIMEOUT);
	ck_assert_uint_eq(asked->reply.session, 0);
	check_gone(&stage, session.id);
	check_over(&stage, session.id, SIGCHLD_SESSION_LOST);
	ck_assert_int_eq(stage.n_ends, 0);
	jump(OVER_MINUTE);
	check_killed(&stage, session.pid, SIGCHLD_KILLED_TIMEOUT, SIGKILL);
	ck_assert_int_eq(stage.n_sessions, 1);
	stage_close(&stage);
}
END_TEST

/* With the worker goes the session. */
START_TEST(s13_recycled)
{
	struct asked *asked, *next;
	struct session session;
	struct stage stage;

	host(&stage, 1);
	session = open_session(&stage);
	asked = ask_in(&stage, session.id, "!wait 0");
	next = ask_in(&stage, session.id, "exit 1");
	UNTIL(&stage, n_said(&stage, 'w') == 1);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_replies == 3);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_uint_eq(asked->reply.session, 0);
	ck_assert_uint_eq(next->reply.outcome, SIGCHLD_REJECTED);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_RECYCLED);
	ck_assert_int_eq(stage.ends[0].wstatus, 0);
	ck_assert_int_eq(stage.ends[0].pid, session.pid);
	UNTIL(&stage, stage.n_sessions == 1);
	ck_assert_uint_eq(stage.sessions[0].session, session.id);
	ck_assert(stage.sessions[0].why == SIGCHLD_SESSION_STOPPED ||
	    stage.sessions[0].why == SIGCHLD_SESSION_RELEASED);
	check_gone(&stage, session.id);
	ck_assert_int_eq(stage.marks[0], 1);
	ck_assert_int_eq(stage.marks[2], 1);
	ck_assert_int_ne(ask_pid(&stage), session.pid);
	stage_close(&stage);
}
END_TEST

/* The next one begins, and its worker ends, before anybody has been told of the
 * end of the first. Either it never was, or its end is told, too. */
START_TEST(s13_two_sessions_end_at_once)
{
	struct asked *first, *last;
	struct session session;
	struct stage stage;

	host(&stage, 1);
	session = open_session(&stage);
	first = ask_in(&stage, session.id, "-wait 0");
	last = ask(&stage, "+.");
	UNTIL(&stage, n_said(&stage, 'w') == 1);
	settle(&stage);
	dying = session.pid;
	let_pass(&stage, 0, 1);
	(void)served(&stage, first);
	(void)served(&stage, last);
	ck_assert_int_eq(dying, 0);
	UNTIL(&stage, stage.n_ends == 1);
	settle(&stage);
	ck_assert_uint_eq(stage.sessions[0].session, session.id);
	ck_assert_uint_eq(stage.sessions[0].why, SIGCHLD_SESSION_RELEASED);
	if (last->reply.session == 0) {
		ck_assert_int_eq(stage.n_sessions, 1);
	} else {
		ck_assert_int_eq(stage.n_sessions, 2);
		ck_assert_uint_eq(stage.sessions[1].session,
		    last->reply.session);
		ck_assert_uint_eq(stage.sessions[1].why, SIGCHLD_SESSION_LOST);
	}
	stage_close(&stage);
}
END_TEST

/* Its last reply says that it holds the session, and is heard when it is dead:
 * nobody let go of it. */
START_TEST(s13_the_last_reply_of_the_dead)
{
	struct asked *first, *last, *next;
	struct session session;
	struct stage stage;

	host(&stage, 1);
	session = open_session(&stage);
	first = ask_in(&stage, session.id, "wait 0");
	last = ask_in(&stage, session.id, ".");
	next = ask_in(&stage, session.id, "exit 1");
	UNTIL(&stage, n_said(&stage, 'w') == 1);
	settle(&stage);
	dying = session.pid;
	let_pass(&stage, 0, 1);
	(void)served(&stage, first);
	(void)served(&stage, last);
	ck_assert_int_eq(dying, 0);
	check_over(&stage, session.id, SIGCHLD_SESSION_LOST);
	UNTIL(&stage, stage.n_ends == 1 && next->n_replies == 1);
	ck_assert(next->reply.outcome == SIGCHLD_REJECTED ||
	    next->reply.outcome == SIGCHLD_LOST); /* sent to the dead */
	ck_assert_uint_eq(next->reply.started, 0);
	stage_close(&stage);
}
END_TEST

/* Counts */

START_TEST(s13_a_session_is_one_of_max_requests)
{
	struct sigchld_pool_options options;
	struct session session;
	struct stage stage;
	int i;

	options = hosting(&stage, 1);
	options.max_requests = 2;
	options.max_requests_jitter = SIGCHLD_POOL_NONE;
	stage_play(&stage, &options);
	session = open_session(&stage);
	for (i = 0; i < 7; i++)
		(void)served(&stage,
		    ask_in(&stage, session.id, i < 6 ? "echo" : "-echo"));
	ck_assert_int_eq(ask_pid(&stage), session.pid);
	ck_assert_int_ne(ask_pid(&stage), session.pid);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_int_eq(stage.ends[0].pid, session.pid);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_MAX_REQUESTS);
	ck_assert_int_eq(stage.ends[0].wstatus, 0);
	stage_close(&stage);
}
END_TEST

/* The last one may be a session, as long as it likes; then it goes. */
START_TEST(s13_the_last_of_max_requests_is_a_session)
{
	struct sigchld_pool_options options;
	struct session session;
	struct asked *asked;
	struct stage stage;
	int i;

	options = hosting(&stage, 1);
	options.max_requests = 1;
	options.max_requests_jitter = SIGCHLD_POOL_NONE;
	stage_play(&stage, &options);
	session = open_session(&stage);
	for (i = 0; i < 5; i++) {
		asked = served(&stage, ask_in(&stage, session.id, "echo"));
		ck_assert_int_eq(asked->reply.pid, session.pid);
	}
	ck_assert_int_eq(stage.n_ends, 0);
	MUST_BE(0, sigchld_pool_disconnect(stage.pool, session.id));
	check_over(&stage, session.id, SIGCHLD_SESSION_CLOSED);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_MAX_REQUESTS);
	ck_assert_int_eq(stage.marks[0], 1);
	ck_assert_int_ne(ask_pid(&stage), session.pid);
	stage_close(&stage);
}
END_TEST

/* Its worker is replaced, and goes when the session is over. */
START_TEST(s13_a_roll_waits_for_its_end)
{
	struct session session;
	struct asked *asked;
	struct stage stage;

	host(&stage, 1);
	session = open_session(&stage);
	MUST_BE(0, sigchld_pool_roll(stage.pool, 1));
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	settle(&stage);
	ck_assert_int_ne(ask_pid(&stage), session.pid);
	asked = served(&stage, ask_in(&stage, session.id, "echo it"));
	ck_assert_int_eq(asked->reply.pid, session.pid);
	ck_assert_int_eq(stage.n_sessions, 0);
	ck_assert_int_eq(stage.n_ends, 0);
	MUST_BE(0, sigchld_pool_disconnect(stage.pool, session.id));
	check_over(&stage, session.id, SIGCHLD_SESSION_CLOSED);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_int_eq(stage.ends[0].pid, session.pid);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_ROLLED);
	ck_assert_int_eq(stage.marks[0], 1);
	stage_close(&stage);
}
END_TEST

/* The end of the pool */

START_TEST(s13_the_pool_stops_and_nothing_is_to_do)
{
	struct session session;
	struct stage stage;

	host(&stage, 2);
	session = open_session(&stage);
	MUST_BE(0,
	    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_FINISH,
		SIGCHLD_POOL_NONE));
	UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_STOPPED));
	ck_assert_int_eq(stage.n_sessions, 1);
	ck_assert_uint_eq(stage.sessions[0].session, session.id);
	ck_assert_uint_eq(stage.sessions[0].why, SIGCHLD_SESSION_STOPPED);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_STOPPED_POOL), 2);
	ck_assert_int_eq(stage.marks[0], 1);
	ck_assert_int_eq(stage.marks[2], 2);
	stage_close(&stage);
}
END_TEST

static void
stop_with_requests(uint32_t how, uint32_t outcome)
{
	struct asked *asked[3];
	struct session session;
	struct stage stage;
	int i;

	host(&stage, 1);
	session = open_session(&stage);
	for (i = 0; i < 3; i++)
		asked[i] = ask_in(&stage, session.id, "wait 0");
	UNTIL(&stage, n_said(&stage, 'w') == 1);
	MUST_BE(0, sigchld_pool_stop(stage.pool, how, SIGCHLD_POOL_NONE));
	if (how == SIGCHLD_STOP_REJECT) /* at once */
		UNTIL(&stage, stage.n_outcomes[SIGCHLD_REJECTED] == 2);
	let_pass(&stage, 0, 3);
	UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_STOPPED));
	ck_assert_uint_eq(asked[0]->reply.outcome, SIGCHLD_DONE);
	ck_assert_uint_eq(asked[1]->reply.outcome, outcome);
	ck_assert_uint_eq(asked[2]->reply.outcome, outcome);
	ck_assert_int_eq(stage.n_sessions, 1);
	ck_assert_uint_eq(stage.sessions[0].why, SIGCHLD_SESSION_STOPPED);
	ck_assert_int_eq(stage.marks[0], 1);
	stage_close(&stage);
}

START_TEST(s13_the_pool_stops_and_rejects)
{
	stop_with_requests(SIGCHLD_STOP_REJECT, SIGCHLD_REJECTED);
}
END_TEST

START_TEST(s13_the_pool_stops_and_finishes)
{
	stop_with_requests(SIGCHLD_STOP_FINISH, SIGCHLD_DONE);
}
END_TEST

/* A session that is not used has nothing to finish, though others have. */
START_TEST(s13_the_pool_stops_and_others_finish)
{
	struct session session;
	struct stage stage;

	host(&stage, 2);
	session = open_session(&stage);
	(void)ask_to_wait(&stage, 0);
	(void)ask(&stage, "echo last");
	MUST_BE(0,
	    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_FINISH,
		SIGCHLD_POOL_NONE));
	UNTIL(&stage, stage.n_sessions == 1);
	ck_assert_uint_eq(stage.sessions[0].why, SIGCHLD_SESSION_STOPPED);
	UNTIL(&stage, end_of(&stage, session.pid) != NULL);
	ck_assert_int_eq(stage.n_replies, 1);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_STOPPED));
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE], 3);
	stage_close(&stage);
}
END_TEST

/* Requests are completed, by us; nothing else is told. */
START_TEST(s13_the_pool_is_freed)
{
	struct asked *asked[3];
	struct session session;
	struct stage stage;
	int i;

	host(&stage, 1);
	session = open_session(&stage);
	for (i = 0; i < 3; i++)
		asked[i] = ask_in(&stage, session.id, "wait 0");
	UNTIL(&stage, n_said(&stage, 'w') == 1);
	stage_end_pool(&stage);
	ck_assert_uint_eq(asked[0]->reply.outcome, SIGCHLD_LOST);
	ck_assert_uint_eq(asked[1]->reply.outcome, SIGCHLD_REJECTED);
	ck_assert_uint_eq(asked[2]->reply.outcome, SIGCHLD_REJECTED);
	ck_assert_int_eq(stage.n_sessions, 0);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

/* From the callback that tells of its end, another is begun. */
static void
ask_again(struct sigchld_pool *pool, uint64_t session, uint32_t why, void *user)
{
	struct stage *stage = user;

	see_session(pool, session, why, user);
	if (stage->extra == NULL)
		stage->extra = ask(stage, "+pid");
}

START_TEST(s13_a_callback_opens_the_next)
{
	struct sigchld_pool_options options;
	struct session session;
	struct asked *asked;
	struct stage stage;

	options = hosting(&stage, 1);
	options.on_session = ask_again;
	stage_play(&stage, &options);
	session = open_session(&stage);
	(void)served(&stage, ask_in(&stage, session.id, "-echo bye"));
	UNTIL(&stage, stage.extra != NULL);
	asked = served(&stage, stage.extra);
	ck_assert_uint_ne(asked->reply.session, 0);
	ck_assert_uint_ne(asked->reply.session, session.id);
	ck_assert_int_eq(stage.n_sessions, 1);
	stage_close(&stage);
}
END_TEST

HARNESS("session",
    {
	HARNESS_TEST(s13_a_session_holds_its_worker),
	HARNESS_TEST(s13_nobody_else_gets_its_worker),
	HARNESS_TEST(s13_two_sessions_have_two_workers),
	HARNESS_TEST(s13_there_is_no_such_session),
	HARNESS_TEST(s13_hold_and_release_twice),
	HARNESS_TEST(s13_held_and_released_in_one_request),
	HARNESS_TEST(s13_many_requests_of_one_session),
	HARNESS_TEST(s13_its_requests_are_counted_with_the_backlog),
	HARNESS_TEST(s13_its_requests_may_expire),
	HARNESS_TEST(s13_released_by_its_worker),
	HARNESS_TEST(s13_released_while_others_wait),
	HARNESS_TEST(s13_nothing_comes_for_keepalive_ms),
	HARNESS_TEST(s13_keepalive_is_of_the_time_with_nothing_to_do),
	HARNESS_TEST(s13_no_keepalive_at_all),
	HARNESS_TEST(s13_five_seconds_by_default),
	HARNESS_TEST(s13_the_client_disconnects),
	HARNESS_TEST(s13_the_client_disconnects_behind_its_requests),
	HARNESS_TEST(s13_the_next_client_comes_after_the_leave),
	HARNESS_TEST(s13_its_idle_worker_is_killed),
	HARNESS_TEST(s13_its_busy_worker_is_killed),
	HARNESS_TEST(s13_killed_before_it_began),
	HARNESS_TEST(s13_a_request_of_it_takes_too_long),
	HARNESS_TEST(s13_its_worker_defies_the_abort),
	HARNESS_TEST(s13_its_worker_hangs_as_it_takes_leave),
	HARNESS_TEST(s13_recycled),
	HARNESS_TEST(s13_two_sessions_end_at_once),
	HARNESS_TEST(s13_the_last_reply_of_the_dead),
	HARNESS_TEST(s13_a_session_is_one_of_max_requests),
	HARNESS_TEST(s13_the_last_of_max_requests_is_a_session),
	HARNESS_TEST(s13_a_roll_waits_for_its_end),
	HARNESS_TEST(s13_the_pool_stops_and_nothing_is_to_do),
	HARNESS_TEST(s13_the_pool_stops_and_rejects),
	HARNESS_TEST(s13_the_pool_stops_and_finishes),
	HARNESS_TEST(s13_the_pool_stops_and_others_finish),
	HARNESS_TEST(s13_the_pool_is_freed),
	HARNESS_TEST(s13_a_callback_opens_the_next),
    })
