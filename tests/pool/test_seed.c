/*
 * test_seed.c - S1 to S16: what the first prefork server did, this one does
 *
 * One test for each row of its behaviour; what it did by a pipe, a list or a
 * blocking call is shown by what comes of it.
 */
#include <sys/socket.h>

#include "help.h"

#define BIG 100000 /* more than a pipe or a socket takes at once */

static void
play_idle(struct stage *stage, const struct sigchld_pool_options *options)
{
	stage_play(stage, options);
	UNTIL(stage,
	    stats_of_pool(stage).idle == stats_of_pool(stage).workers_min);
}

/* The connection of the parent, which any program would inherit. */
static int connection[2];

/* The reply is what the worker has of it, and who its parent is. */
struct found {
	pid_t parent;
	int ours[2];
	int own; /* one that it opens itself */
};

static int
find_out(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	struct found found = { .parent = getppid() };

	(void)job;
	(void)user;
	found.ours[0] = fcntl(connection[0], F_GETFD);
	found.ours[1] = fcntl(connection[1], F_GETFD);
	found.own = socket(AF_UNIX, SOCK_STREAM, 0);
	reply_copy(worker, &found, sizeof(found));
	return 0;
}

START_TEST(s1_the_parent_owns_the_connection_and_workers_open_their_own)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct found found;
	struct stage stage;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, connection), 0);
	stage_open(&stage, NULL);
	options = stage_options(&stage, 3, 3);
	options.on_request = find_out;
	play_idle(&stage, &options);
	ck_assert_int_eq(harness_count_children(), 3);
	asked = ask_and_wait(&stage, "");
	ck_assert_uint_eq(asked->reply.len, sizeof(found));
	memcpy(&found, asked->data, sizeof(found));
	ck_assert_int_eq(found.parent, getpid());
	ck_assert_int_eq(found.ours[0], -1);
	ck_assert_int_eq(found.ours[1], -1);
	ck_assert_int_ge(found.own, 0);
	ck_assert_int_ge(fcntl(connection[0], F_GETFD), 0);
	stage_close(&stage);
	(void)close(connection[0]);
	(void)close(connection[1]);
}
END_TEST

static void
check_refused(struct stage *stage, const struct sigchld_pool_options *options)
{
	struct sigchld_pool *pool = (struct sigchld_pool *)stage;

	MUST_BE(-EINVAL, sigchld_pool_new(stage->ctx, &pool, options));
	ck_assert_ptr_eq(pool, stage);
}

static int
never_run(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	(void)user;
	return 0;
}

START_TEST(s2_settings_have_defaults_and_are_checked)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 4, 3);
	check_refused(&stage, &options);
	options = stage_options(&stage, 1, SIGCHLD_POOL_MOST + 1);
	check_refused(&stage, &options);
	options = stage_options(&stage, 1, 1);
	options.on_request = NULL;
	check_refused(&stage, &options);
	options = stage_options(&stage, 1, 1);
	options.run = never_run;
	check_refused(&stage, &options);
	options = stage_options(&stage, 0, 0);
	play_idle(&stage, &options);
	ck_assert_uint_eq(stats_of_pool(&stage).workers_min, 3);
	ck_assert_uint_eq(stats_of_pool(&stage).workers_max, 10);
	ck_assert_int_eq(stage.n_forks, 3);
	stage_close(&stage);
}
END_TEST

/* What the rest must find when the pool opens. */
static void
open_with_three(struct sigchld_pool *pool, void *user)
{
	struct stage *stage = user;

	see_open(pool, user);
	ck_assert_int_eq(stage->n_forks, 3);
	ck_assert_uint_eq(stats_of_pool(stage).idle, 3);
}

START_TEST(s3_the_least_are_forked_and_then_it_opens)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 3, 5);
	options.on_open = open_with_three;
	stage_play(&stage, &options);
	ck_assert_int_eq(stage.n_forks, 0); /* dispatching does it */
	ck_assert_int_eq(sigchld_pool_state(stage.pool), SIGCHLD_POOL_STARTING);
	UNTIL(&stage, stage.n_open == 1);
	ck_assert_int_eq(sigchld_pool_state(stage.pool), SIGCHLD_POOL_RUNNING);
	(void)ask_and_wait(&stage, "echo");
	ck_assert_int_eq(stage.n_forks, 3);
	ck_assert_int_eq(stage.n_open, 1);
	stage_close(&stage);
}
END_TEST

/* Descriptors that the parent has more, with so many workers. */
static int
fds_with(uint32_t n)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int n_before, n_with;

	stage_open(&stage, NULL);
	n_before = harness_count_fds();
	options = stage_options(&stage, n, n);
	play_idle(&stage, &options);
	n_with = harness_count_fds();
	/* Three, those of the test, and its own two. */
	ck_assert_int_le(proc_fds(worker_in(&stage, n - 1)), 3 + DOORS + 1 + 2);
	stage_close(&stage);
	return n_with - n_before;
}

START_TEST(s4_a_worker_costs_four_descriptors_at_most)
{
	const int with_one = fds_with(1), with_five = fds_with(5);

	ck_assert_int_le(with_five - with_one, 4 * 4);
	ck_assert_int_ge(with_five - with_one, 4);
	ck_assert_int_eq((with_five - with_one) % 4, 0); /* alike */
}
END_TEST

/* Two were busy, and the second one became idle last. */
static void
who_is_next(uint32_t flags, bool want_last)
{
	struct sigchld_pool_options options;
	struct asked *first, *second;
	struct stage stage;
	pid_t next;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 2, 2);
	options.flags = flags;
	play_idle(&stage, &options);
	first = ask_to_wait(&stage, 0);
	second = ask_to_wait(&stage, 1);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, first->n_replies == 1);
	let_pass(&stage, 1, 1);
	UNTIL(&stage, second->n_replies == 1);
	ck_assert_int_ne(first->reply.pid, second->reply.pid);
	next = ask_pid(&stage);
	ck_assert_int_eq(next,
	    want_last ? second->reply.pid : first->reply.pid);
	stage_close(&stage);
}

START_TEST(s5_the_idle_worker_that_was_busy_last_serves_next)
{
	who_is_next(0, true);
}
END_TEST

START_TEST(s5_the_longest_idle_serves_next_if_that_is_wanted)
{
	who_is_next(SIGCHLD_POOL_FIFO, false);
}
END_TEST

START_TEST(s6_a_request_makes_an_idle_worker_busy)
{
	struct sigchld_pool_options options;
	struct roster roster;
	struct asked *asked;
	struct stage stage;
	int i, n_busy = 0;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 3, 3);
	play_idle(&stage, &options);
	asked = ask(&stage, "wait 0");
	ck_assert_uint_eq(stats_of_pool(&stage).busy, 1); /* at once */
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 2);
	roster = workers_of(&stage);
	for (i = 0; i < roster.n; i++) {
		if (roster.workers[i].state != SIGCHLD_WORKER_BUSY)
			continue;
		n_busy++;
		ck_assert_uint_eq(roster.workers[i].request, asked->id);
	}
	ck_assert_int_eq(n_busy, 1);
	free(roster.workers);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 3);
	stage_close(&stage);
}
END_TEST

START_TEST(s7_without_an_idle_worker_one_more_is_forked)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 3);
	play_idle(&stage, &options);
	for (i = 0; i < 3; i++) {
		(void)ask_to_wait(&stage, 0);
		ck_assert_int_eq(stage.n_forks, i + 1);
		ck_assert_int_eq(who_said(&stage, 'w', i), stage.forks[i].pid);
	}
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_replies == 3);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE], 3);
	stage_close(&stage);
}
END_TEST

/* At the most the request waits; the parent does not: a child that has nothing
 * to do with the pool is reaped meanwhile. */
START_TEST(s8_at_the_most_a_request_waits_and_the_parent_does_not)
{
	struct sigchld_pool_options options;
	struct harness_log log = { 0 };
	struct harness_child child;
	struct asked *waits;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 2);
	play_idle(&stage, &options);
	(void)ask_to_wait(&stage, 0);
	(void)ask_to_wait(&stage, 0);
	waits = ask(&stage, "pid");
	ck_assert_uint_eq(stats_of_pool(&stage).backlog, 1);
	child =
	    harness_fork_watched(stage.ctx, NULL, 0, 3, harness_on_event, &log);
	harness_release(&child);
	UNTIL(&stage, log.final == 1);
	ck_assert_int_eq(log.wstatus, 3 << 8);
	ck_assert_int_eq(stage.n_replies, 0);
	ck_assert_int_eq(stage.n_forks, 2);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, waits->n_replies == 1);
	ck_assert_uint_eq(waits->reply.outcome, SIGCHLD_DONE);
	ck_assert_int_eq(stage.n_replies, 2);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_replies == 3);
	stage_close(&stage);
}
END_TEST

static struct asked *
ask_big(struct stage *stage, char fill)
{
	struct asked *asked = NULL;
	char *text = malloc(BIG);

	ck_assert_ptr_nonnull(text);
	memset(text, fill, BIG);
	memcpy(text, "echo ", 5);
	MUST_BE(0, ask_with(stage, text, BIG, NULL, &asked));
	free(text);
	return asked;
}

static void
check_big(const struct asked *asked)
{
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_uint_eq(asked->reply.len, BIG - 5);
	ck_assert_mem_eq(asked->data, asked->text + 5, BIG - 5);
}

/* A long one is not taken for several, nor several for one. */
START_TEST(s9_a_request_has_the_end_that_it_had)
{
	struct sigchld_pool_options options;
	struct asked *big[3], *small[3];
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	play_idle(&stage, &options);
	for (i = 0; i < 3; i++) {
		big[i] = ask_big(&stage, (char)('a' + i));
		small[i] = ask(&stage, "echo small");
	}
	UNTIL(&stage, stage.n_replies == 6);
	for (i = 0; i < 3; i++) {
		check_big(big[i]);
		ck_assert_str_eq(small[i]->data, "small");
	}
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

static struct sigchld_pool_options
two_requests_each(struct stage *stage)
{
	struct sigchld_pool_options options = stage_options(stage, 1, 1);

	options.max_requests = 2;
	options.max_requests_jitter = SIGCHLD_POOL_NONE;
	return options;
}

START_TEST(s10_a_worker_is_free_again_but_after_its_last_request)
{
	struct sigchld_pool_options options;
	struct stage stage;
	pid_t first;

	stage_open(&stage, NULL);
	options = two_requests_each(&stage);
	play_idle(&stage, &options);
	first = ask_pid(&stage);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 1);
	ck_assert_int_eq(ask_pid(&stage), first);
	ck_assert_int_ne(ask_pid(&stage), first);
	stage_close(&stage);
}
END_TEST

START_TEST(s11_after_so_many_requests_a_worker_ends_and_is_replaced)
{
	struct sigchld_pool_options options;
	const struct sigchld_worker_end *end;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = two_requests_each(&stage);
	play_idle(&stage, &options);
	pid = ask_pid(&stage);
	ck_assert_int_eq(ask_pid(&stage), pid);
	UNTIL(&stage, stage.n_ends == 1 && stats_of_pool(&stage).idle == 1);
	end = end_of(&stage, pid);
	ck_assert_ptr_nonnull(end);
	ck_assert_uint_eq(end->reason, SIGCHLD_MAX_REQUESTS);
	ck_assert_uint_eq(end->served, 2);
	ck_assert_int_eq(end->wstatus, 0);
	ck_assert(harness_is_reaped(pid));
	ck_assert_int_ne(ask_pid(&stage), pid);
	stage_close(&stage);
}
END_TEST

static int
recycle_with_reply(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	if (job->len > 0)
		return obey(worker, job, user);
	reply_copy(worker, "last words", 10);
	sigchld_worker_recycle(worker);
	return 0;
}

START_TEST(s12_a_request_can_end_its_worker)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_request = recycle_with_reply;
	play_idle(&stage, &options);
	pid = ask_pid(&stage);
	asked = ask_and_wait(&stage, "");
	ck_assert_str_eq(asked->data, "last words");
	ck_assert_int_eq(asked->reply.pid, pid);
	ck_assert_int_ne(ask_pid(&stage), pid);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_int_eq(stage.ends[0].pid, pid);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_RECYCLED);
	ck_assert_uint_eq(stage.ends[0].served, 2);
	ck_assert_uint_eq(stage.ends[0].next_fork_ms, 0);
	stage_close(&stage);
}
END_TEST

/* "hold" opens a session; the rest is as ever. */
static int
hold_session(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	if (job->len != 4 || memcmp(job->data, "hold", 4) != 0)
		return obey(worker, job, user);
	CHILD_MUST(sigchld_worker_hold(worker) == 0);
	reply_copy(worker, "held", 4);
	return 0;
}

static void
tell_of_disconnect(struct sigchld_worker *worker, void *user)
{
	say_from(user, worker, 'd');
}

/* Of the two workers one is the client's; it serves nobody else meanwhile. */
static void
check_session(struct stage *stage, const struct asked *held)
{
	const struct sigchld_request of_it = {
		.size = sizeof(of_it),
		.session = held->reply.session,
	};
	struct asked *asked = NULL;
	int i;

	for (i = 0; i < 3; i++) {
		MUST_BE(0, ask_with(stage, "echo again", 10, &of_it, &asked));
		UNTIL(stage, asked->n_replies == 1);
		ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
		ck_assert_str_eq(asked->data, "again");
		ck_assert_int_eq(asked->reply.pid, held->reply.pid);
		ck_assert_uint_eq(asked->reply.session, held->reply.session);
		ck_assert_int_ne(ask_pid(stage), held->reply.pid);
	}
}

START_TEST(s13_a_client_can_keep_a_worker_for_itself)
{
	struct sigchld_pool_options options;
	struct asked *held;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 2, 2);
	options.on_request = hold_session;
	options.on_disconnect = tell_of_disconnect;
	play_idle(&stage, &options);
	held = ask_and_wait(&stage, "hold");
	ck_assert_uint_ne(held->reply.session, 0);
	check_session(&stage, held);
	ck_assert_int_eq(stage.n_sessions, 0);
	MUST_BE(0, sigchld_pool_disconnect(stage.pool, held->reply.session));
	UNTIL(&stage, stage.n_sessions == 1 && n_said(&stage, 'd') == 1);
	ck_assert_uint_eq(stage.sessions[0].session, held->reply.session);
	ck_assert_uint_eq(stage.sessions[0].why, SIGCHLD_SESSION_CLOSED);
	ck_assert_int_eq(who_said(&stage, 'd', 0), held->reply.pid);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	ck_assert_int_eq(stage.n_ends, 0);
	MUST_BE(-ENOENT,
	    sigchld_pool_disconnect(stage.pool, held->reply.session));
	stage_close(&stage);
}
END_TEST

START_TEST(s13_a_client_that_is_silent_loses_its_worker)
{
	struct sigchld_pool_options options;
	struct asked *held;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_request = hold_session;
	options.on_disconnect = tell_of_disconnect;
	options.keepalive_ms = 20;
	play_idle(&stage, &options);
	held = ask_and_wait(&stage, "hold");
	UNTIL(&stage, stage.n_sessions == 1 && n_said(&stage, 'd') == 1);
	ck_assert_uint_eq(stage.sessions[0].session, held->reply.session);
	ck_assert_uint_eq(stage.sessions[0].why, SIGCHLD_SESSION_KEEPALIVE);
	ck_assert_int_eq(ask_pid(&stage), held->reply.pid);
	stage_close(&stage);
}
END_TEST

/* One signal may stand for several deaths. */
START_TEST(s14_all_that_died_are_reaped_and_the_least_are_there_again)
{
	struct sigchld_pool_options options;
	struct stage stage;
	uint32_t i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 4, 4);
	play_idle(&stage, &options);
	block_sigchld(SIG_BLOCK);
	for (i = 0; i < 3; i++) {
		send_signal(worker_in(&stage, i), SIGKILL);
		harness_await_zombie(worker_in(&stage, i));
	}
	block_sigchld(SIG_UNBLOCK);
	UNTIL(&stage, stage.n_ends == 3 && stats_of_pool(&stage).idle == 4);
	for (i = 0; i < 3; i++)
		ck_assert(harness_is_reaped(stage.ends[i].pid));
	ck_assert_int_eq(stage.n_forks, 7);
	ck_assert_int_eq(harness_count_children(), 4);
	stage_close(&stage);
}
END_TEST

START_TEST(s15_those_above_the_least_are_not_replaced)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 3);
	options.max_requests = 1;
	options.max_requests_jitter = SIGCHLD_POOL_NONE;
	play_idle(&stage, &options);
	for (i = 0; i < 3; i++)
		(void)ask_to_wait(&stage, 0);
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_ends == 3 && stats_of_pool(&stage).idle == 1);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_MAX_REQUESTS), 3);
	ck_assert_int_eq(stage.n_forks, 4);
	ck_assert_int_eq(harness_count_children(), 1);
	stage_close(&stage);
}
END_TEST

/* Those that have not served all they may stay. */
START_TEST(s15_nothing_else_shrinks_a_pool)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 3);
	play_idle(&stage, &options);
	for (i = 0; i < 3; i++)
		(void)ask_to_wait(&stage, 0);
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_replies == 3);
	for (i = 0; i < 100; i++)
		(void)ask_and_wait(&stage, "echo");
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 3);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

static int
init_and_say(struct sigchld_worker *worker, void *user)
{
	say_from(user, worker, 'i');
	return 0;
}

static void
exit_and_say(struct sigchld_worker *worker, void *user)
{
	say_from(user, worker, 'x');
}

static void
check_name(pid_t pid, const char *want)
{
	char path[64], name[64] = "";
	FILE *comm;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	comm = fopen(path, "re");
	ck_assert_ptr_nonnull(comm);
	ck_assert_ptr_nonnull(fgets(name, sizeof(name), comm));
	(void)fclose(comm);
	name[strcspn(name, "\n")] = '\0';
#ifdef SIGCHLD_PORTABLE
	(void)want; /* no name there */
	ck_assert_uint_gt(strlen(name), 0);
#else
	ck_assert_str_eq(name, want);
#endif
}

START_TEST(s16_a_worker_has_hooks_and_a_name)
{
	struct sigchld_pool_options options;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 2, 2);
	options.name = "store";
	options.on_init = init_and_say;
	options.on_exit = exit_and_say;
	play_idle(&stage, &options);
	UNTIL(&stage, n_said(&stage, 'i') == 2);
	ck_assert_int_eq(n_said(&stage, 'x'), 0);
	check_name(worker_in(&stage, 0), "store/0");
	check_name(worker_in(&stage, 1), "store/1");
	pid = ask_pid(&stage);
	(void)ask_and_wait(&stage, "recycle");
	UNTIL(&stage, stage.n_ends == 1 && n_said(&stage, 'i') == 3);
	UNTIL(&stage, n_said(&stage, 'x') == 1);
	ck_assert_int_eq(who_said(&stage, 'x', 0), pid);
	MUST_BE(0, sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT, 30000));
	UNTIL(&stage, n_states_seen(&stage, SIGCHLD_POOL_STOPPED) == 1);
	UNTIL(&stage, n_said(&stage, 'x') == 3);
	stage_close(&stage);
}
END_TEST

HARNESS("seed",
    {
	HARNESS_TEST(
	    s1_the_parent_owns_the_connection_and_workers_open_their_own),
	HARNESS_TEST(s2_settings_have_defaults_and_are_checked),
	HARNESS_TEST(s3_the_least_are_forked_and_then_it_opens),
	HARNESS_TEST(s4_a_worker_costs_four_descriptors_at_most),
	HARNESS_TEST(s5_the_idle_worker_that_was_busy_last_serves_next),
	HARNESS_TEST(s5_the_longest_idle_serves_next_if_that_is_wanted),
	HARNESS_TEST(s6_a_request_makes_an_idle_worker_busy),
	HARNESS_TEST(s7_without_an_idle_worker_one_more_is_forked),
	HARNESS_TEST(s8_at_the_most_a_request_waits_and_the_parent_does_not),
	HARNESS_TEST(s9_a_request_has_the_end_that_it_had),
	HARNESS_TEST(s10_a_worker_is_free_again_but_after_its_last_request),
	HARNESS_TEST(s11_after_so_many_requests_a_worker_ends_and_is_replaced),
	HARNESS_TEST(s12_a_request_can_end_its_worker),
	HARNESS_TEST(s13_a_client_can_keep_a_worker_for_itself),
	HARNESS_TEST(s13_a_client_that_is_silent_loses_its_worker),
	HARNESS_TEST(
	    s14_all_that_died_are_reaped_and_the_least_are_there_again),
	HARNESS_TEST(s15_those_above_the_least_are_not_replaced),
	HARNESS_TEST(s15_nothing_else_shrinks_a_pool),
	HARNESS_TEST(s16_a_worker_has_hooks_and_a_name),
    })
