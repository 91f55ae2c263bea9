/*
 * test_timeouts.c - P24 to P26: who takes too long is told of, aborted and
 * killed, in this order and once; who does not is left alone
 *
 * The clock is the test's: a limit is a minute, and passes when the test says
 * so. Marks 0 and 1 count the SIGABRT and SIGTERM that a worker has caught.
 */
#include <inttypes.h>

#include "clock.h"
#include "deadline.h"

/* In a worker */

static struct stage *in_worker;

static void
count_abort(int sig)
{
	(void)sig;
	(void)mark(in_worker, 0);
}

static void
count_term(int sig)
{
	(void)sig;
	(void)mark(in_worker, 1);
}

static void
leave_with_3(int sig)
{
	(void)sig;
	(void)mark(in_worker, 0);
	_exit(3);
}

static void catch (struct stage *stage, int sig, void (*handler)(int))
{
	in_worker = stage;
	CHILD_MUST(signal(sig, handler) != SIG_ERR);
}

static void
defy(struct stage *stage)
{
	catch (stage, SIGABRT, count_abort);
	catch (stage, SIGTERM, count_term);
}

static void
block_all(void)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
}

/*
 *	defy	say 'd', and let no signal end this but SIGKILL
 *	leave	say 'l', and exit at SIGABRT
 *	block	say 'b', block all signals, and never end
 *	sleep	say 'p', and never end
 *	relent	say 'r', and reply at SIGABRT
 */
static int
resist(struct sigchld_worker *worker, const struct sigchld_job *job, void *user)
{
	struct stage *stage = user;
	const char *rest;
	size_t len;

	if (is_word(job, "defy", &rest, &len)) {
		defy(stage);
		say_from(stage, worker, 'd');
		pause_for_ever();
	} else if (is_word(job, "leave", &rest, &len)) {
		catch (stage, SIGABRT, leave_with_3);
		say_from(stage, worker, 'l');
		pause_for_ever();
	} else if (is_word(job, "block", &rest, &len)) {
		block_all();
		say_from(stage, worker, 'b');
		pause_for_ever();
	} else if (is_word(job, "sleep", &rest, &len)) {
		say_from(stage, worker, 'p');
		pause_for_ever();
	} else if (is_word(job, "relent", &rest, &len)) {
		catch (stage, SIGABRT, count_abort);
		say_from(stage, worker, 'r');
		while (stage->marks[0] == 0)
			(void)sched_yield();
		reply_copy(worker, "late", 4);
	} else {
		return obey(worker, job, user);
	}
	return 0;
}

/* A minute for a request, and one from the abort to the kill. */
static struct sigchld_pool_options
limited(struct stage *stage, uint32_t workers)
{
	struct sigchld_pool_options options;

	no_core_files();
	clock_begin();
	stage_open(stage, NULL);
	options = stage_options(stage, workers, workers);
	options.on_request = resist;
	options.request_ms = MINUTE_MS;
	options.abort_ms = MINUTE_MS;
	return options;
}

/* P24 */

/* One request, which takes too long. TIMEOUT is told when it does. */
static struct asked *
run_over(struct stage *stage, const char *text, int says)
{
	struct asked *asked;

	UNTIL(stage, stats_of_pool(stage).idle == 1);
	asked = ask(stage, text);
	UNTIL(stage, n_said(stage, says) == 1);
	ck_assert_int_eq(asked->n_replies, 0);
	jump(OVER_MINUTE);
	UNTIL(stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_TIMEOUT);
	ck_assert_uint_eq(asked->reply.started, 1);
	ck_assert_uint_eq(asked->reply.len, 0);
	ck_assert_int_eq(asked->reply.pid, who_said(stage, says, 0));
	return asked;
}

/* It has ended like this, all was told once, and a successor serves. */
static void
check_over(struct stage *stage, const struct asked *asked, int wstatus)
{
	const struct sigchld_worker_end *end;
	struct sigchld_pool_stats stats;
	const pid_t pid = asked->reply.pid;

	UNTIL(stage, stage->n_ends == 1);
	end = &stage->ends[0];
	ck_assert_int_eq(end->pid, pid);
	ck_assert_uint_eq(end->reason, SIGCHLD_KILLED_TIMEOUT);
	ck_assert_int_eq(end->wstatus & 0xff7f, wstatus);
	ck_assert_uint_eq(end->next_fork_ms, 0);
	UNTIL(stage, stats_of_pool(stage).idle == 1);
	ck_assert_int_ne(ask_pid(stage), pid);
	stats = stats_of_pool(stage);
	ck_assert_uint_eq(stats.slow, 1);
	ck_assert_uint_eq(stats.outcomes[SIGCHLD_TIMEOUT], 1);
	ck_assert_uint_eq(stats.ends[SIGCHLD_KILLED_TIMEOUT], 1);
	ck_assert_uint_eq(stats.spawned, 2);
	ck_assert_int_eq(stage->n_ends, 1);
	ck_assert_int_eq(stage->n_slows, 1);
	ck_assert_int_eq(stage->slows[0].pid, pid);
	ck_assert_uint_eq(stage->slows[0].slot, 0);
	ck_assert_uint_eq(stage->slows[0].request, asked->id);
	ck_assert_uint_ge(stage->slows[0].ms, MINUTE_MS);
}

/* Marked when it was told that the worker was alive. */
static void
see_slow_alive(struct sigchld_pool *pool, uint32_t slot, pid_t pid,
    uint64_t request, uint64_t ms, void *user)
{
	struct stage *stage = user;

	see_slow(pool, slot, pid, request, ms, user);
	if (stage->n_ends == 0 && kill(pid, 0) == 0 && proc_state(pid) != 'Z')
		(void)mark(stage, 2);
}

START_TEST(p24_slow_abort_kill)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	options = limited(&stage, 1);
	options.on_slow = see_slow_alive;
	stage_play(&stage, &options);
	asked = run_over(&stage, "defy", 'd');
	UNTIL(&stage, stage.n_slows == 1);
	UNTIL(&stage, stage.marks[0] == 1);
	settle(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	jump(OVER_MINUTE);
	check_over(&stage, asked, SIGKILL);
	ck_assert_int_eq(stage.marks[0], 1);
	ck_assert_int_eq(stage.marks[1], 0);
	ck_assert_int_eq(stage.marks[2], 1);
	stage_close(&stage);
}
END_TEST

/* Has it a signal that it blocks? */
static bool
is_pending(pid_t pid, int sig)
{
	uint64_t pending = 0, shared = 0;
	char path[64], line[128];
	FILE *status;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	ck_assert_ptr_nonnull(status);
	while (fgets(line, sizeof(line), status) != NULL) {
		(void)sscanf(line, "SigPnd: %" SCNx64, &pending);
		(void)sscanf(line, "ShdPnd: %" SCNx64, &shared);
	}
	(void)fclose(status);
	return ((pending | shared) >> (sig - 1) & 1) != 0;
}

/* Mark 2 counts those that had no SIGABRT yet, mark 3 the others. */
static void
see_slow_before_abort(struct sigchld_pool *pool, uint32_t slot, pid_t pid,
    uint64_t request, uint64_t ms, void *user)
{
	see_slow(pool, slot, pid, request, ms, user);
	(void)mark(user, is_pending(pid, SIGABRT) ? 3 : 2);
}

/* Whoever is told may want to look at it as it is. */
START_TEST(p24_slow_is_told_before_the_abort)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	options = limited(&stage, 1);
	options.on_slow = see_slow_before_abort;
	stage_play(&stage, &options);
	asked = run_over(&stage, "block", 'b');
	ck_assert(is_pending(asked->reply.pid, SIGABRT));
	ck_assert_int_eq(stage.marks[2], 1);
	ck_assert_int_eq(stage.marks[3], 0);
	jump(OVER_MINUTE);
	check_over(&stage, asked, SIGKILL);
	stage_close(&stage);
}
END_TEST

START_TEST(p24_the_abort_may_be_enough)
{
	struct sigchld_pool_options options;
	struct stage stage;

	options = limited(&stage, 1);
	stage_play(&stage, &options);
	check_over(&stage, run_over(&stage, "sleep", 'p'), SIGABRT);
	stage_close(&stage);
}
END_TEST

/* Its time is over, and half a minute later it has not beaten either. */
START_TEST(p24_one_abort_for_two_deadlines)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	options = limited(&stage, 1);
	options.beat_ms = MINUTE_MS + MINUTE_MS / 2;
	options.abort_ms = 3 * MINUTE_MS;
	stage_play(&stage, &options);
	asked = run_over(&stage, "defy", 'd');
	UNTIL(&stage, stage.marks[0] == 1);
	jump(OVER_MINUTE);
	settle(&stage);
	jump(OVER_MINUTE);
	settle(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	jump(OVER_MINUTE);
	check_over(&stage, asked, SIGKILL);
	ck_assert_int_eq(stage.marks[0], 1);
	stage_close(&stage);
}
END_TEST

/* That was a request's fault: its worker is replaced at once, each time. */
START_TEST(p24_to_take_too_long_is_no_failure)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	int i;

	options = limited(&stage, 1);
	options.backoff_ms = options.backoff_max_ms = 60 * MINUTE_MS;
	options.stable_ms = SIGCHLD_POOL_NONE;
	stage_play(&stage, &options);
	for (i = 1; i <= 3; i++) {
		UNTIL(&stage, stats_of_pool(&stage).idle == 1);
		asked = ask(&stage, "sleep");
		UNTIL(&stage, n_said(&stage, 'p') == i);
		jump(OVER_MINUTE);
		UNTIL(&stage, asked->n_replies == 1 && stage.n_ends == i);
		ck_assert_uint_eq(stage.ends[i - 1].reason,
		    SIGCHLD_KILLED_TIMEOUT);
		ck_assert_uint_eq(stage.ends[i - 1].next_fork_ms, 0);
	}
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	stage_close(&stage);
}
END_TEST

START_TEST(p24_the_signal_is_ours_to_choose)
{
	struct sigchld_pool_options options;
	struct stage stage;

	options = limited(&stage, 1);
	options.abort_signal = SIGUSR2;
	stage_play(&stage, &options);
	check_over(&stage, run_over(&stage, "sleep", 'p'), SIGUSR2);
	stage_close(&stage);
}
END_TEST

START_TEST(p24_all_signals_blocked)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	options = limited(&stage, 1);
	stage_play(&stage, &options);
	asked = run_over(&stage, "block", 'b');
	settle(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	jump(OVER_MINUTE);
	check_over(&stage, asked, SIGKILL);
	stage_close(&stage);
}
END_TEST

START_TEST(p24_a_worker_that_spins)
{
	struct sigchld_pool_options options;
	struct stage stage;

	options = limited(&stage, 1);
	stage_play(&stage, &options);
	check_over(&stage, run_over(&stage, "spin", 's'), SIGABRT);
	stage_close(&stage);
}
END_TEST

/* Its status is what it chose, and we know why. */
START_TEST(p24_it_exits_when_it_is_aborted)
{
	struct sigchld_pool_options options;
	struct stage stage;

	options = limited(&stage, 1);
	stage_play(&stage, &options);
	check_over(&stage, run_over(&stage, "leave", 'l'), 3 << 8);
	ck_assert_int_eq(stage.marks[0], 1);
	stage_close(&stage);
}
END_TEST

/* A reply that comes after the TIMEOUT is nobody's, and whoever sent it ends
 * all the same. */
START_TEST(p24_a_reply_that_comes_too_late)
{
	struct sigchld_pool_options options;
	const struct sigchld_worker_end *end;
	struct asked *asked;
	struct stage stage;

	options = limited(&stage, 1);
	stage_play(&stage, &options);
	asked = run_over(&stage, "relent", 'r');
	UNTIL(&stage, stage.marks[0] == 1);
	jump(OVER_MINUTE);
	UNTIL(&stage, stage.n_ends == 1);
	end = &stage.ends[0];
	ck_assert_int_eq(end->pid, asked->reply.pid);
	ck_assert_uint_eq(end->reason, SIGCHLD_KILLED_TIMEOUT);
	ck_assert_int_ne(ask_pid(&stage), asked->reply.pid);
	ck_assert_uint_eq(stats_of_pool(&stage).outcomes[SIGCHLD_TIMEOUT], 1);
	stage_close(&stage);
}
END_TEST

/* Told long before there is a limit, or where there is none. */
START_TEST(p24_slow_and_then_done)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	options = limited(&stage, 1);
	options.request_ms = 0;
	options.slow_ms = MINUTE_MS;
	stage_play(&stage, &options);
	asked = ask_to_wait(&stage, 0);
	settle(&stage);
	ck_assert_int_eq(stage.n_slows, 0);
	jump(OVER_MINUTE);
	UNTIL(&stage, stage.n_slows == 1);
	ck_assert_uint_eq(stage.slows[0].request, asked->id);
	ck_assert_uint_ge(stage.slows[0].ms, MINUTE_MS);
	jump(OVER_MINUTE);
	settle(&stage);
	ck_assert_int_eq(asked->n_replies, 0);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	(void)ask_pid(&stage);
	ck_assert_int_eq(stage.n_slows, 1);
	ck_assert_uint_eq(stats_of_pool(&stage).slow, 1);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

START_TEST(p24_slow_is_told_once_though_a_limit_follows)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	options = limited(&stage, 1);
	options.slow_ms = MINUTE_MS;
	options.request_ms = 2 * MINUTE_MS;
	stage_play(&stage, &options);
	asked = ask(&stage, "sleep");
	UNTIL(&stage, n_said(&stage, 'p') == 1);
	jump(OVER_MINUTE);
	UNTIL(&stage, stage.n_slows == 1);
	ck_assert_int_eq(asked->n_replies, 0);
	jump(OVER_MINUTE);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_TIMEOUT);
	check_over(&stage, asked, SIGABRT);
	stage_close(&stage);
}
END_TEST

static struct asked *
ask_for(struct stage *stage, const char *text, uint32_t timeout_ms)
{
	const struct sigchld_request with = { .timeout_ms = timeout_ms };
	struct asked *asked = NULL;

	MUST_BE(0, ask_with(stage, text, strlen(text), &with, &asked));
	return asked;
}

/* Each request may have a limit of its own, or none. */
START_TEST(p24_no_other_worker_is_touched)
{
	struct sigchld_pool_options options;
	struct asked *asked[3];
	struct stage stage;
	int i;

	options = limited(&stage, 3);
	options.request_ms = 3 * MINUTE_MS;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 3);
	asked[0] = ask(&stage, "wait 0");
	asked[1] = ask_for(&stage, "wait 0", SIGCHLD_POOL_NONE);
	asked[2] = ask_for(&stage, "wait 0", MINUTE_MS);
	UNTIL(&stage, n_said(&stage, 'w') == 3);
	jump(OVER_MINUTE);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_uint_eq(asked[2]->reply.outcome, SIGCHLD_TIMEOUT);
	ck_assert_int_eq(stage.n_replies, 1);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	for (i = 0; i < 3; i++)
		jump(OVER_MINUTE);
	UNTIL(&stage, stage.n_ends == 2);
	ck_assert_uint_eq(asked[0]->reply.outcome, SIGCHLD_TIMEOUT);
	ck_assert_int_eq(stage.n_replies, 2);
	let_all_pass(&stage, 0);
	UNTIL(&stage, asked[1]->n_replies == 1);
	ck_assert_uint_eq(asked[1]->reply.outcome, SIGCHLD_DONE);
	ck_assert_int_eq(stage.n_ends, 2);
	stage_close(&stage);
}
END_TEST

/* The limit begins when a worker gets it. */
START_TEST(p24_to_wait_for_a_worker_is_not_to_take_time)
{
	struct sigchld_pool_options options;
	struct asked *first, *second;
	struct stage stage;

	options = limited(&stage, 1);
	options.request_ms = 0;
	stage_play(&stage, &options);
	first = ask_to_wait(&stage, 0);
	second = ask_for(&stage, "wait 1", MINUTE_MS);
	jump(OVER_MINUTE);
	settle(&stage);
	ck_assert_int_eq(stage.n_replies, 0);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, n_said(&stage, 'w') == 2);
	settle(&stage);
	ck_assert_uint_eq(first->reply.outcome, SIGCHLD_DONE);
	ck_assert_int_eq(second->n_replies, 0);
	jump(OVER_MINUTE);
	UNTIL(&stage, second->n_replies == 1);
	ck_assert_uint_eq(second->reply.outcome, SIGCHLD_TIMEOUT);
	stage_close(&stage);
}
END_TEST

/* And so does the time that is told: a minute in the backlog and one at work
 * are not two. */
START_TEST(p24_to_wait_for_a_worker_is_not_to_be_slow)
{
	struct sigchld_pool_options options;
	struct asked *second;
	struct stage stage;

	options = limited(&stage, 1);
	options.slow_ms = MINUTE_MS;
	options.request_ms = 2 * MINUTE_MS;
	stage_play(&stage, &options);
	(void)ask_to_wait(&stage, 0);
	second = ask(&stage, "wait 1");
	jump(OVER_MINUTE);
	UNTIL(&stage, stage.n_slows == 1);
	let_pass(&stage, 0, 1);
	UNTIL(&stage, n_said(&stage, 'w') == 2);
	jump(OVER_MINUTE);
	UNTIL(&stage, stage.n_slows == 2);
	settle(&stage);
	ck_assert_int_eq(second->n_replies, 0);
	ck_assert_uint_eq(stage.slows[1].request, second->id);
	ck_assert_uint_lt(stage.slows[1].ms, 2 * MINUTE_MS);
	let_pass(&stage, 1, 1);
	UNTIL(&stage, second->n_replies == 1);
	ck_assert_uint_eq(second->reply.outcome, SIGCHLD_DONE);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

/* One that was sent and never begun may be asked for again elsewhere; that the
 * worker had begun others before is not to the point. */
START_TEST(p24_it_was_not_begun)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	pid_t pid;

	options = limited(&stage, 1);
	stage_play(&stage, &options);
	pid = ask_pid(&stage);
	stop_worker(pid);
	asked = ask(&stage, "sleep");
	jump(OVER_MINUTE);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_TIMEOUT);
	ck_assert_uint_eq(asked->reply.started, 0);
	ck_assert_int_eq(asked->reply.pid, pid);
	jump(OVER_MINUTE);
	check_killed(&stage, pid, SIGCHLD_KILLED_TIMEOUT, SIGKILL);
	stage_close(&stage);
}
END_TEST

/* Sockets of this process that would take a byte: the parent's ends of channels
 * that are not full. */
static int
n_with_room(void)
{
	int fd, n = 0;

	for (fd = 3; fd < 1024; fd++) {
		struct pollfd pfd = { .fd = fd, .events = POLLOUT };

		if (is_socket(fd) && poll(&pfd, 1, 0) == 1)
			n++;
	}
	return n;
}

/* What is out by half is nobody's any more: the rest is not sent. */
START_TEST(p24_it_was_not_all_sent)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	pid_t pid;
	int before;

	options = limited(&stage, 1);
	options.on_request = tell_digest;
	options.abort_signal = SIGWINCH; /* which does nothing */
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	pid = worker_in(&stage, 0);
	before = n_with_room();
	stop_worker(pid);
	asked = ask_filled(&stage, 4 * MIB, 1, NULL);
	settle(&stage);
	ck_assert_int_eq(n_with_room(), before - 1);
	jump(OVER_MINUTE);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_TIMEOUT);
	ck_assert_uint_eq(asked->reply.started, 0);
	send_signal(pid, SIGCONT);
	UNTIL_SEEN(n_with_room() == before);
	settle(&stage);
	jump(OVER_MINUTE);
	check_killed(&stage, pid, SIGCHLD_KILLED_TIMEOUT, SIGKILL);
	ck_assert_int_eq(stage.marks[0], 0);
	stage_close(&stage);
}
END_TEST

/* The same in listener mode: a byte at door 0 is a request.
 *
 *	d	served at once
 *	h	says its name, and defies all signals
 *	w	says its name, and waits at door 1
 *	b	says 'b', and neither serves nor beats any more
 */
static volatile bool all_beat;

static int
serve_door(struct sigchld_worker *worker, struct stage *stage)
{
	uint64_t id;
	ssize_t n;
	char byte;

	n = read(stage->door[0][0], &byte, 1);
	if (n == -1 && errno == EAGAIN)
		return 0; /* somebody else was there before */
	if (n != 1)
		return 1;
	if (byte == 'b') {
		say_from(stage, worker, 'b');
		pause_for_ever();
	}
	id = sigchld_worker_begin(worker);
	CHILD_MUST(id != 0);
	if (byte == 'h') {
		defy(stage);
		say_from(stage, worker, (int)id);
		pause_for_ever();
	}
	if (byte == 'w') {
		say_from(stage, worker, (int)id);
		(void)pass(stage, 1);
	}
	return sigchld_worker_done(worker);
}

static int
serve_doors(struct sigchld_worker *worker, void *user)
{
	struct stage *stage = user;
	struct pollfd fds[2] = {
		{ .fd = stage->door[0][0], .events = POLLIN },
		{ .fd = sigchld_worker_fd(worker), .events = POLLIN },
	};

	while (!sigchld_worker_stopping(worker)) {
		(void)poll(fds, 2, all_beat ? 10 : -1);
		if (all_beat) {
			sigchld_worker_beat(worker);
			(void)mark(stage, 4 + (int)sigchld_worker_slot(worker));
		}
		if ((fds[0].revents & (POLLIN | POLLHUP)) != 0 &&
		    serve_door(worker, stage) != 0)
			break;
	}
	return 0;
}

static struct sigchld_pool_options
listening(struct stage *stage, uint32_t workers)
{
	struct sigchld_pool_options options = limited(stage, workers);

	ck_assert_int_eq(fcntl(stage->door[0][0], F_SETFL, O_NONBLOCK), 0);
	options.on_request = NULL;
	options.run = serve_doors;
	return options;
}

static void
knock(struct stage *stage, const char *bytes)
{
	const ssize_t n = (ssize_t)strlen(bytes);

	ck_assert_int_eq(write(stage->door[0][1], bytes, (size_t)n), n);
}

START_TEST(p24_slow_abort_kill_of_a_listener)
{
	struct sigchld_pool_options options;
	const struct sigchld_worker_end *end;
	struct stage stage;
	uint64_t id;

	options = listening(&stage, 1);
	options.on_slow = see_slow_alive;
	stage_play(&stage, &options);
	knock(&stage, "dddh");
	UNTIL(&stage, stage.n_said == 1);
	id = (uint64_t)stage.said[0].what;
	jump(OVER_MINUTE);
	UNTIL(&stage, stage.n_slows == 1);
	UNTIL(&stage, stage.marks[0] == 1);
	settle(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	jump(OVER_MINUTE);
	UNTIL(&stage, stage.n_ends == 1);
	end = &stage.ends[0];
	ck_assert_int_eq(end->pid, stage.said[0].pid);
	ck_assert_uint_eq(end->reason, SIGCHLD_KILLED_TIMEOUT);
	ck_assert_int_eq(WTERMSIG(end->wstatus), SIGKILL);
	ck_assert_uint_eq(end->request, id);
	ck_assert_uint_eq(end->served, 3);
	ck_assert_int_eq(stage.n_slows, 1);
	ck_assert_uint_eq(stage.slows[0].request, id);
	ck_assert_int_eq(stage.slows[0].pid, end->pid);
	ck_assert_int_eq(stage.marks[0], 1);
	ck_assert_int_eq(stage.marks[1], 0);
	ck_assert_int_eq(stage.marks[2], 1);
	knock(&stage, "d");
	UNTIL(&stage, stats_of_pool(&stage).served == 4);
	ck_assert_uint_eq(stats_of_pool(&stage).ends[SIGCHLD_KILLED_TIMEOUT],
	    1);
	stage_close(&stage);
}
END_TEST

/* Between two of them it may take as long as it likes. */
START_TEST(p24_a_listener_that_has_nothing_to_do)
{
	struct sigchld_pool_options options;
	struct stage stage;
	pid_t pid;
	int i;

	options = listening(&stage, 1);
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	pid = worker_in(&stage, 0);
	for (i = 1; i <= 3; i++) {
		jump(OVER_MINUTE);
		settle(&stage);
		knock(&stage, "d");
		UNTIL(&stage, stats_of_pool(&stage).served == (uint64_t)i);
	}
	ck_assert_int_eq(worker_in(&stage, 0), pid);
	ck_assert_int_eq(stage.n_ends, 0);
	ck_assert_int_eq(stage.n_slows, 0);
	stage_close(&stage);
}
END_TEST

START_TEST(p24_a_listener_that_is_slow_is_busy_meanwhile)
{
	struct sigchld_pool_options options;
	struct sigchld_worker_info *worker;
	struct roster roster;
	struct stage stage;

	options = listening(&stage, 1);
	options.request_ms = 0;
	options.slow_ms = MINUTE_MS;
	stage_play(&stage, &options);
	knock(&stage, "h");
	UNTIL(&stage, stage.n_said == 1);
	jump(OVER_MINUTE);
	UNTIL(&stage, stage.n_slows == 1);
	roster = workers_of(&stage);
	ck_assert_int_eq(roster.n, 1);
	worker = &roster.workers[0];
	ck_assert_uint_eq(worker->state, SIGCHLD_WORKER_BUSY);
	ck_assert_uint_eq(worker->request, (uint64_t)stage.said[0].what);
	ck_assert_uint_ge(worker->request_ms, MINUTE_MS);
	ck_assert_uint_eq(stats_of_pool(&stage).busy, 1);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 0);
	free(roster.workers);
	ck_assert_int_eq(stage.n_ends, 0);
	ck_assert_int_eq(stage.marks[0], 0);
	stage_close(&stage);
}
END_TEST

START_TEST(p24_a_listener_that_is_slow_twice)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	options = listening(&stage, 1);
	options.request_ms = 0;
	options.slow_ms = MINUTE_MS;
	stage_play(&stage, &options);
	for (i = 1; i <= 3; i++) {
		knock(&stage, "w");
		UNTIL(&stage, stage.n_said == i);
		settle(&stage);
		jump(OVER_MINUTE);
		UNTIL(&stage, stage.n_slows == i);
		ck_assert_uint_eq(stage.slows[i - 1].request,
		    (uint64_t)stage.said[i - 1].what);
		let_pass(&stage, 1, 1);
		UNTIL(&stage, stats_of_pool(&stage).served == (uint64_t)i);
	}
	ck_assert_uint_eq(stats_of_pool(&stage).slow, 3);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

/* P25 */

START_TEST(p25_done_at_the_very_deadline)
{
	run_deadlines(200);
}
END_TEST

/* The reply is there, and the deadline has passed, before anybody has looked:
 * one of them counts. */
START_TEST(p25_the_reply_and_the_deadline_are_seen_at_once)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	int i;

	options = limited(&stage, 1);
	stage_play(&stage, &options);
	for (i = 0; i < 10; i++) {
		UNTIL(&stage, stats_of_pool(&stage).idle == 1);
		asked = ask_to_wait(&stage, 0);
		settle(&stage);
		let_pass(&stage, 0, 1);
		UNTIL_SEEN(n_heard() == 1);
		jump(OVER_MINUTE);
		UNTIL(&stage, asked->n_replies == 1);
		if (asked->reply.outcome == SIGCHLD_DONE)
			ck_assert_int_eq(ask_pid(&stage), asked->reply.pid);
		else
			ck_assert_uint_eq(asked->reply.outcome,
			    SIGCHLD_TIMEOUT);
	}
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	ck_assert_int_eq(stage.n_ends, stage.n_outcomes[SIGCHLD_TIMEOUT]);
	stage_close(&stage);
}
END_TEST

/* A child of ours has ended, which is told after the channels were read and
 * before deadlines are looked at: meanwhile the worker is done, and its time is
 * over. */
static void
be_done_too_late(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	(void)child;
	(void)event;
	let_pass(user, 0, 1);
	UNTIL_SEEN(n_heard() == 1);
	jump(OVER_MINUTE);
	(void)mark(user, 2);
}

static void
be_heard_once_more(struct stage *stage)
{
	struct harness_child held;
	struct asked *asked;
	int n = 0;

	UNTIL(stage, stats_of_pool(stage).idle == 1);
	held = harness_fork_watched(stage->ctx, NULL, 0, 0, be_done_too_late,
	    stage);
	asked = ask_to_wait(stage, 0);
	settle(stage);
	harness_release(&held);
	while (stage->marks[2] == 0) { /* an UNTIL would see the jump */
		ck_assert_int_ge(sigchld_wait(stage->ctx, 5), 0);
		ck_assert_int_lt(n++, 1000);
	}
	UNTIL(stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_int_eq(ask_pid(stage), asked->reply.pid);
	ck_assert_int_eq(stage->n_ends, 0);
	ck_assert_int_eq(stage->n_slows, 0);
}

START_TEST(p25_a_reply_that_is_there_counts)
{
	struct sigchld_pool_options options;
	struct stage stage;

	options = limited(&stage, 1);
	stage_play(&stage, &options);
	be_heard_once_more(&stage);
	stage_close(&stage);
}
END_TEST

/* P26 */

/* Nor does it matter then that it has not beaten. */
START_TEST(p26_a_reply_that_is_there_counts)
{
	struct sigchld_pool_options options;
	struct stage stage;

	options = limited(&stage, 1);
	options.request_ms = 0;
	options.beat_ms = MINUTE_MS;
	stage_play(&stage, &options);
	be_heard_once_more(&stage);
	stage_close(&stage);
}
END_TEST

#define BEATS(stage, slot) ((stage)->marks[4 + (slot)])

/* beat: say 'h', and beat until door 0 is open. not: say 'n', and wait at door
 * 1 without. */
static int
beat_or_not(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	struct stage *stage = user;
	struct pollfd door = { .fd = stage->door[0][0], .events = POLLIN };
	const char *rest;
	size_t len;

	if (is_word(job, "beat", &rest, &len)) {
		say_from(stage, worker, 'h');
		do {
			sigchld_worker_beat(worker);
			(void)mark(stage, 4);
		} while (poll(&door, 1, 5) == 0);
		reply_copy(worker, "done", 4);
	} else if (is_word(job, "not", &rest, &len)) {
		say_from(stage, worker, 'n');
		(void)pass(stage, 1);
	} else {
		return obey(worker, job, user);
	}
	return 0;
}

/* Nobody has beaten for a minute, but for one: he has, just now. */
static void
let_a_minute_pass(struct stage *stage, int beats)
{
	int now;

	settle(stage);
	now = BEATS(stage, beats);
	UNTIL(stage, BEATS(stage, beats) > now + 1);
	jump(OVER_MINUTE);
}

static void
run_beats(void)
{
	struct sigchld_pool_options options;
	struct asked *beater, *other;
	struct stage stage;
	int i;

	options = limited(&stage, 2);
	options.request_ms = 0;
	options.beat_ms = MINUTE_MS;
	options.on_request = beat_or_not;
	stage_play(&stage, &options);
	beater = ask(&stage, "beat");
	UNTIL(&stage, n_said(&stage, 'h') == 1);
	for (i = 1; i <= 3; i++) {
		UNTIL(&stage, stats_of_pool(&stage).idle == 1);
		other = ask(&stage, "not");
		UNTIL(&stage, n_said(&stage, 'n') == i);
		let_a_minute_pass(&stage, 0);
		UNTIL(&stage, other->n_replies == 1 && stage.n_ends == i);
		ck_assert_uint_eq(other->reply.outcome, SIGCHLD_TIMEOUT);
		ck_assert_int_eq(stage.ends[i - 1].pid, other->reply.pid);
		ck_assert_uint_eq(stage.ends[i - 1].reason,
		    SIGCHLD_KILLED_BEAT);
		ck_assert_int_eq(beater->n_replies, 0);
	}
	let_all_pass(&stage, 0);
	UNTIL(&stage, beater->n_replies == 1);
	ck_assert_uint_eq(beater->reply.outcome, SIGCHLD_DONE);
	ck_assert_int_eq(stage.n_ends, 3);
	stage_close(&stage);
}

START_TEST(p26_who_beats_is_left_alone)
{
	run_beats();
}
END_TEST

START_TEST(p26_the_wall_clock_jumps)
{
	wall_clock_jumps = true;
	run_beats();
}
END_TEST

START_TEST(p26_who_is_idle_need_not_beat)
{
	struct sigchld_pool_options options;
	struct stage stage;
	pid_t pid;
	int i;

	options = limited(&stage, 1);
	options.request_ms = 0;
	options.beat_ms = MINUTE_MS;
	stage_play(&stage, &options);
	pid = ask_pid(&stage);
	for (i = 0; i < 3; i++) {
		jump(OVER_MINUTE);
		settle(&stage);
		ck_assert_int_eq(ask_pid(&stage), pid);
	}
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

/* In listener mode whoever does not beat has hung, for all that is known. */
START_TEST(p26_a_listener_must_beat_always)
{
	struct sigchld_pool_options options;
	int hung, other;
	struct stage stage;
	pid_t pid;

	options = listening(&stage, 2);
	options.request_ms = 0;
	options.beat_ms = MINUTE_MS;
	all_beat = true;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	knock(&stage, "b");
	UNTIL(&stage, n_said(&stage, 'b') == 1);
	hung = (int)stage.said[0].slot;
	other = 1 - hung;
	pid = worker_in(&stage, (uint32_t)other);
	let_a_minute_pass(&stage, other);
	if (stage.n_ends == 0) /* it may have beaten since the last look */
		let_a_minute_pass(&stage, other);
	check_killed(&stage, stage.said[0].pid, SIGCHLD_KILLED_BEAT, SIGABRT);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	ck_assert_int_eq(worker_in(&stage, (uint32_t)other), pid);
	ck_assert_int_eq(stage.n_ends, 1);
	stage_close(&stage);
}
END_TEST

HARNESS("timeouts",
    {
	HARNESS_TEST(p24_slow_abort_kill),
	HARNESS_TEST(p24_slow_is_told_before_the_abort),
	HARNESS_TEST(p24_the_abort_may_be_enough),
	HARNESS_TEST(p24_one_abort_for_two_deadlines),
	HARNESS_TEST(p24_the_signal_is_ours_to_choose),
	HARNESS_TEST(p24_to_take_too_long_is_no_failure),
	HARNESS_TEST(p24_all_signals_blocked),
	HARNESS_TEST(p24_a_worker_that_spins),
	HARNESS_TEST(p24_it_exits_when_it_is_aborted),
	HARNESS_TEST(p24_a_reply_that_comes_too_late),
	HARNESS_TEST(p24_slow_and_then_done),
	HARNESS_TEST(p24_slow_is_told_once_though_a_limit_follows),
	HARNESS_TEST(p24_no_other_worker_is_touched),
	HARNESS_TEST(p24_to_wait_for_a_worker_is_not_to_take_time),
	HARNESS_TEST(p24_to_wait_for_a_worker_is_not_to_be_slow),
	HARNESS_TEST(p24_it_was_not_begun),
	HARNESS_TEST(p24_it_was_not_all_sent),
	HARNESS_TEST(p24_slow_abort_kill_of_a_listener),
	HARNESS_TEST(p24_a_listener_that_has_nothing_to_do),
	HARNESS_TEST(p24_a_listener_that_is_slow_is_busy_meanwhile),
	HARNESS_TEST(p24_a_listener_that_is_slow_twice),
	HARNESS_TEST(p25_done_at_the_very_deadline),
	HARNESS_TEST(p25_the_reply_and_the_deadline_are_seen_at_once),
	HARNESS_TEST(p25_a_reply_that_is_there_counts),
	HARNESS_TEST(p26_a_reply_that_is_there_counts),
	HARNESS_TEST(p26_who_beats_is_left_alone),
	HARNESS_TEST(p26_the_wall_clock_jumps),
	HARNESS_TEST(p26_who_is_idle_need_not_beat),
	HARNESS_TEST(p26_a_listener_must_beat_always),
    })
