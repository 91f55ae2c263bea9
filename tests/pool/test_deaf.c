/*
 * test_deaf.c - P20, P22: a worker that reads no more, but lives
 *
 * wrap: now_ms now_us timerfd_arm
 *
 * It has a second to end, which the tests let pass; then it is killed. Meanwhile it
 * gets nothing, keeps nobody busy, and what it did not get another does.
 */
#include "help2.h"
#include "help3.h"
#include "worker/pool.h"

#define LONG  (4 * MIB)
#define GRACE 1000 /* EOF_MS in hear.c */

static int channel;
static struct stage *in_worker;

/* What was sent by now makes room for more. */
static void
read_no_more(int sig)
{
	static char sink[65536];

	(void)sig;
	while (recv(channel, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		continue;
	CHILD_MUST(shutdown(channel, SHUT_RD) == 0);
	(void)mark(in_worker, 1);
	pause_for_ever();
}

/* Of those that come later, too; the first is the one that is told to. */
static int
be_ready_to_be_deaf(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	in_worker = user;
	channel = own_channel();
	CHILD_MUST(signal(SIGUSR1, read_no_more) != SIG_ERR);
	return 0;
}

static struct sigchld_pool_options
deaf_options(struct stage *stage, uint32_t workers)
{
	struct sigchld_pool_options options =
	    slow_options(stage, workers, workers);

	options.on_init = be_ready_to_be_deaf;
	options.on_request = tell_digest;
	return options;
}

static void
make_deaf(struct stage *stage, pid_t pid)
{
	send_signal(pid, SIGUSR1);
	send_signal(pid, SIGCONT);
	UNTIL_SEEN(stage->marks[1] == 1);
}

/* Its second has begun, and the clock goes back: the test has time. */
static void
take_time(void)
{
	atomic_fetch_sub(ahead_ms, HOUR);
}

static void
let_it_pass(struct stage *stage)
{
	time_passes(stage, HOUR + GRACE + 100);
}

/* Not a byte went: so it is nobody's, and the worker has nothing to be late with. */
START_TEST(p20_it_is_given_nothing)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = deaf_options(&stage, 1);
	options.request_ms = GRACE / 2;
	play_until_idle(&stage, &options);
	pid = worker_in(&stage, 0);
	make_deaf(&stage, pid);
	asked = ask_filled(&stage, 100, 1, NULL);
	take_time();
	be_calm(&stage);
	ck_assert_uint_eq(stats_of_pool(&stage).busy, 0);
	ck_assert_uint_eq(stats_of_pool(&stage).backlog, 1);
	ck_assert_int_eq(holder_of(&stage, asked->id), 0);
	let_it_pass(&stage);
	check_killed(&stage, pid, SIGCHLD_KILLED_PROTOCOL, SIGKILL);
	ck_assert_uint_eq(end_of(&stage, pid)->request, 0);
	UNTIL(&stage, asked->n_replies == 1);
	check_digest(asked, 100, 1);
	ck_assert_uint_eq(stats_of_pool(&stage).retried, 0);
	stage_close(&stage);
}
END_TEST

/* There is another who can: it does not wait for the end of this one. */
START_TEST(p20_another_gets_it_at_once)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = deaf_options(&stage, 2);
	play_until_idle(&stage, &options);
	asked = ask_filled(&stage, 10, 1, NULL);
	UNTIL(&stage, asked->n_replies == 1);
	pid = asked->reply.pid; /* the next to serve */
	make_deaf(&stage, pid);
	asked = ask_filled(&stage, 100, 2, NULL);
	take_time();
	UNTIL(&stage, asked->n_replies == 1);
	check_digest(asked, 100, 2);
	ck_assert_int_ne(asked->reply.pid, pid);
	ck_assert_int_eq(stage.n_ends, 0);
	let_it_pass(&stage);
	check_killed(&stage, pid, SIGCHLD_KILLED_PROTOCOL, SIGKILL);
	stage_close(&stage);
}
END_TEST

/* Nobody got it, so it is the first of those who wait; who comes then is behind
 * it, though somebody is idle. */
START_TEST(p35_who_comes_next_is_behind_it)
{
	struct sigchld_pool_options options;
	struct asked *first, *second;
	struct stage stage;

	stage_open(&stage, NULL);
	options = deaf_options(&stage, 2);
	play_until_idle(&stage, &options);
	first = ask_filled(&stage, 10, 1, NULL);
	UNTIL(&stage, first->n_replies == 1);
	make_deaf(&stage, first->reply.pid); /* the next to serve */
	first = ask_filled(&stage, 100, 2, NULL);
	second = ask_filled(&stage, 100, 3, NULL);
	take_time();
	UNTIL(&stage, second->n_replies == 1);
	ck_assert_int_eq(first->order, 2);
	ck_assert_int_eq(second->order, 3);
	let_it_pass(&stage);
	UNTIL(&stage, stage.n_ends == 1);
	stage_close(&stage);
}
END_TEST

/* Half of it went. Nobody spins while that worker lives, though its end of the
 * channel could take more. */
START_TEST(p20_nobody_spins_when_half_of_it_went)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = deaf_options(&stage, 1);
	play_until_idle(&stage, &options);
	pid = worker_in(&stage, 0);
	stop_worker(pid);
	asked = ask_filled(&stage, LONG, 3, NULL);
	be_calm(&stage);
	make_deaf(&stage, pid);
	be_calm(&stage);
	ck_assert_int_eq(holder_of(&stage, asked->id), pid);
	ck_assert_int_eq(stage.n_ends, 0);
	let_it_pass(&stage);
	check_killed(&stage, pid, SIGCHLD_KILLED_PROTOCOL, SIGKILL);
	UNTIL(&stage, asked->n_replies == 1);
	check_digest(asked, LONG, 3);
	ck_assert_int_ne(asked->reply.pid, pid);
	ck_assert_uint_eq(stats_of_pool(&stage).retried, 1);
	stage_close(&stage);
}
END_TEST

/* It reads the beginning of what it gets, and replies to that. */
static void
reply_and_read_no_more(int sig)
{
	struct sigchld__frame_head head;

	CHILD_MUST(recv(channel, &head, sizeof(head), 0) == sizeof(head));
	head = (struct sigchld__frame_head){
		.magic = SIGCHLD__FRAME_MAGIC,
		.type = SIGCHLD__REPLY,
		.id = head.id,
	};
	CHILD_MUST(send(channel, &head, sizeof(head), 0) == sizeof(head));
	read_no_more(sig);
}

static int
be_ready_to_reply(struct sigchld_worker *worker, void *user)
{
	(void)be_ready_to_be_deaf(worker, user);
	CHILD_MUST(signal(SIGUSR1, reply_and_read_no_more) != SIG_ERR);
	return 0;
}

/* It has nothing to do any more, and would be idle if it could hear. */
START_TEST(p20_one_that_has_replied_is_given_nothing)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = deaf_options(&stage, 1);
	options.on_init = be_ready_to_reply;
	play_until_idle(&stage, &options);
	pid = worker_in(&stage, 0);
	stop_worker(pid);
	asked = ask_filled(&stage, LONG, 4, NULL);
	be_calm(&stage);
	make_deaf(&stage, pid);
	UNTIL(&stage, asked->n_replies == 1);
	take_time();
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	asked = ask_filled(&stage, 100, 5, NULL);
	ck_assert_int_eq(holder_of(&stage, asked->id), 0);
	ck_assert_uint_eq(stats_of_pool(&stage).backlog, 1);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	let_it_pass(&stage);
	check_killed(&stage, pid, SIGCHLD_KILLED_PROTOCOL, SIGKILL);
	UNTIL(&stage, asked->n_replies == 1);
	check_digest(asked, 100, 5);
	ck_assert_uint_eq(stats_of_pool(&stage).retried, 0);
	stage_close(&stage);
}
END_TEST

HARNESS("deaf",
    {
	HARNESS_TEST(p20_it_is_given_nothing),
	HARNESS_TEST(p20_another_gets_it_at_once),
	HARNESS_TEST(p35_who_comes_next_is_behind_it),
	HARNESS_TEST(p20_one_that_has_replied_is_given_nothing),
	HARNESS_TEST(p20_nobody_spins_when_half_of_it_went),
    })
