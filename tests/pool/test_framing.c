/*
 * test_framing.c - P17 to P23: whatever is sent arrives once, whole and as it
 * was, or it is known that it did not
 *
 * wrap: sendmsg sendmsg_wait now_ms now_us timerfd_arm
 *
 * The way to and from a worker is a socket that takes a MiB at once, or less. A
 * worker that is stopped reads nothing, so a longer request to it stays half
 * sent for as long as a test wants.
 */
#include <sys/uio.h>

#include "help2.h"
#include "help3.h"
#include "worker/channel.h"

static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 65535, 65536, 65537,
	MIB, 16 * MIB };

#define SIZES  ((int)(sizeof(sizes) / sizeof(sizes[0])))
#define LONG   (4 * MIB)
#define DEATHS 10 /* of each of the others */

/* The next message of this process is sent when this one is dead. */
static pid_t victim;

/* What becomes of a reply, in the worker. */
static enum trick {
	AS_IT_IS,
	ANOTHER_ID,
	TWICE,
} trick;

int __real_sigchld__sys_sendmsg(int fd, const struct iovec *parts,
    unsigned int n);
int __wrap_sigchld__sys_sendmsg(int fd, const struct iovec *parts,
    unsigned int n);
int __real_sigchld__sys_sendmsg_wait(int fd, const struct iovec *parts,
    unsigned int n);
int __wrap_sigchld__sys_sendmsg_wait(int fd, const struct iovec *parts,
    unsigned int n);

static void
kill_the_victim(void)
{
	const pid_t pid = victim;

	victim = 0;
	(void)kill(pid, SIGKILL);
	harness_await_zombie(pid);
}

static int
send_tricked(int fd, const struct iovec *parts, unsigned int n,
    int (*real)(int fd, const struct iovec *parts, unsigned int n))
{
	struct sigchld__frame_head head;
	const enum trick now = trick;

	if (victim != 0)
		kill_the_victim();
	trick = AS_IT_IS;
	if (now == TWICE)
		(void)real(fd, parts, n);
	if (now == ANOTHER_ID) {
		memcpy(&head, parts[0].iov_base, sizeof(head));
		head.id++;
		memcpy(parts[0].iov_base, &head, sizeof(head));
	}
	return real(fd, parts, n);
}

int
__wrap_sigchld__sys_sendmsg(int fd, const struct iovec *parts, unsigned int n)
{
	return send_tricked(fd, parts, n, __real_sigchld__sys_sendmsg);
}

int
__wrap_sigchld__sys_sendmsg_wait(int fd, const struct iovec *parts,
    unsigned int n)
{
	return send_tricked(fd, parts, n, __real_sigchld__sys_sendmsg_wait);
}

/* P17 */

static int
echo_all(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	(void)mark(user, 0);
	reply_copy(worker, job->len > 0 ? job->data : "", job->len);
	return 0;
}

static void
play_sizes(struct stage *stage, uint32_t workers,
    int (*on_request)(struct sigchld_worker *, const struct sigchld_job *,
	void *))
{
	struct sigchld_pool_options options;

	stage_open(stage, NULL);
	options = stage_options(stage, workers, workers);
	options.backlog_bytes = 64 * MIB;
	options.on_request = on_request;
	stage_play(stage, &options);
}

static void
run_sizes(uint32_t workers)
{
	struct asked *asked[SIZES];
	struct stage stage;
	int i;

	play_sizes(&stage, workers, tell_digest);
	for (i = 0; i < SIZES; i++)
		asked[i] = ask_filled(&stage, sizes[i], (uint32_t)i, NULL);
	UNTIL(&stage, stage.n_replies == SIZES);
	for (i = 0; i < SIZES; i++)
		check_digest(asked[i], sizes[i], (uint32_t)i);
	ck_assert_int_eq(stage.marks[0], SIZES);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}

START_TEST(p17_requests_of_all_sizes_arrive_byte_exact)
{
	run_sizes(1);
}
END_TEST

START_TEST(p17_requests_to_several_workers_at_once)
{
	run_sizes(3);
}
END_TEST

START_TEST(p17_replies_of_all_sizes_arrive_byte_exact)
{
	struct asked *asked[SIZES];
	struct stage stage;
	int i;

	play_sizes(&stage, 2, echo_all);
	for (i = 0; i < SIZES; i++)
		asked[i] = ask_filled(&stage, sizes[i], (uint32_t)i, NULL);
	UNTIL(&stage, stage.n_replies == SIZES);
	for (i = 0; i < SIZES; i++) {
		ck_assert_uint_eq(asked[i]->reply.outcome, SIGCHLD_DONE);
		ck_assert_uint_eq(asked[i]->reply.len, sizes[i]);
		ck_assert_mem_eq(asked[i]->data, asked[i]->text, sizes[i]);
	}
	ck_assert_int_eq(stage.marks[0], SIZES);
	stage_close(&stage);
}
END_TEST

static void
echo_one(struct stage *stage, size_t size, uint32_t seed)
{
	struct asked *asked = ask_filled(stage, size, seed, NULL);

	UNTIL(stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_uint_eq(asked->reply.len, size);
	ck_assert_mem_eq(asked->data, asked->text, size);
}

/* One after the other by the same worker, so that each comes where one of another
 * size has been; the reply, too. */
START_TEST(p17_sizes_that_change_from_one_to_the_next)
{
	struct stage stage;
	uint32_t i, k, seed = 0;

	play_sizes(&stage, 1, echo_all);
	for (i = 0; i < SIZES - 1; i++) {
		for (k = 0; k <= i; k++) {
			echo_one(&stage, sizes[i], ++seed);
			echo_one(&stage, sizes[k], ++seed);
		}
	}
	echo_one(&stage, 16 * MIB, ++seed);
	echo_one(&stage, 1, ++seed);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

/* Its own socket is full, and nobody reads: it is within its reply when it is
 * killed. */
START_TEST(p17_half_a_reply_of_one_that_died_is_in_no_other)
{
	struct asked *asked;
	struct stage stage;
	uint32_t i, seed = 0;
	pid_t pid;

	play_sizes(&stage, 2, echo_all);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	for (i = 1; i <= 3; i++) {
		asked = ask_filled(&stage, LONG, ++seed, NULL);
		UNTIL(&stage, (pid = holder_of(&stage, asked->id)) != 0);
		UNTIL(&stage, stage.marks[0] == 4 * (int)i - 3);
		UNTIL_SEEN(n_heard() == 1);
		ck_assert_int_ge(sigchld_dispatch(stage.ctx), 0);
		ck_assert_int_eq(asked->n_replies, 0);
		send_signal(pid, SIGKILL);
		UNTIL(&stage, asked->n_replies == 1);
		ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_LOST);
		ck_assert_ptr_null(asked->reply.data);
		echo_one(&stage, 65536, ++seed);
		echo_one(&stage, 3, ++seed);
		echo_one(&stage, LONG, ++seed);
		UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	}
	ck_assert_int_eq(stage.n_ends, 3);
	stage_close(&stage);
}
END_TEST

/* An empty request has no data, and an empty reply none either. */
START_TEST(p17_nothing_at_all)
{
	struct sigchld_pool_options options;
	struct asked *asked = NULL;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_request = echo_all;
	stage_play(&stage, &options);
	asked = ask(&stage, "");
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_uint_eq(asked->reply.len, 0);
	ck_assert_int_eq(stage.marks[0], 1);
	MUST_BE(0,
	    sigchld_pool_submit(stage.pool, NULL, SIGCHLD_REQUEST(.len = 0)));
	UNTIL(&stage, stats_of_pool(&stage).outcomes[SIGCHLD_DONE] == 2);
	ck_assert_int_eq(stage.marks[0], 2);
	stage_close(&stage);
}
END_TEST

/* Changed before it can have been sent: the worker is stopped. */
START_TEST(p17_what_was_copied_may_change)
{
	const struct sigchld_request copy = { .flags = SIGCHLD_REQUEST_COPY };
	struct asked *asked;
	struct stage stage;

	play_sizes(&stage, 1, tell_digest);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	stop_worker(worker_in(&stage, 0));
	asked = ask_filled(&stage, LONG, 7, &copy);
	memset(asked->text, 'x', LONG);
	UNTIL(&stage, holder_of(&stage, asked->id) != 0);
	settle(&stage);
	send_signal(worker_in(&stage, 0), SIGCONT);
	UNTIL(&stage, asked->n_replies == 1);
	check_digest(asked, LONG, 7);
	stage_close(&stage);
}
END_TEST

/* P18 */

/* All but one die, again and again, with more signals than deaths. */
static void
kill_the_others(struct stage *stage, pid_t but)
{
	struct roster roster;
	int i;

	UNTIL(stage, stats_of_pool(stage).idle == 3);
	roster = workers_of(stage);
	for (i = 0; i < roster.n; i++) {
		if (roster.workers[i].pid != but)
			send_signal(roster.workers[i].pid, SIGKILL);
		ck_assert_int_eq(raise(SIGCHLD), 0);
	}
	free(roster.workers);
}

START_TEST(p18_a_long_request_while_others_die)
{
	struct asked *asked;
	struct stage stage;
	uint32_t slot;
	pid_t pid;
	int i;

	play_sizes(&stage, 4, tell_digest);
	UNTIL(&stage, stats_of_pool(&stage).idle == 4);
	for (slot = 0; slot < 4; slot++)
		stop_worker(worker_in(&stage, slot));
	asked = ask_filled(&stage, LONG, 18, NULL);
	UNTIL(&stage, (pid = holder_of(&stage, asked->id)) != 0);
	for (i = 0; i < DEATHS; i++) {
		kill_the_others(&stage, pid);
		UNTIL(&stage, stage.n_ends == 3 * (i + 1));
	}
	ck_assert_int_eq(asked->n_replies, 0);
	ck_assert_int_eq(stage.marks[0], 0);
	send_signal(pid, SIGCONT);
	UNTIL(&stage, asked->n_replies == 1);
	check_digest(asked, LONG, 18);
	ck_assert_int_eq(asked->reply.pid, pid);
	ck_assert_int_eq(stage.marks[0], 1);
	ck_assert_ptr_null(end_of(&stage, pid));
	stage_close(&stage);
}
END_TEST

START_TEST(p18_a_long_reply_while_others_die)
{
	struct asked *asked;
	struct stage stage;
	pid_t pid;

	play_sizes(&stage, 4, echo_all);
	UNTIL(&stage, stats_of_pool(&stage).idle == 4);
	asked = ask_filled(&stage, LONG, 19, NULL);
	UNTIL(&stage, (pid = holder_of(&stage, asked->id)) != 0);
	UNTIL(&stage, stage.marks[0] == 1);
	/* It writes now, and cannot write all of it. */
	UNTIL_SEEN(n_heard() == 1 || asked->n_replies == 1);
	ck_assert_int_eq(asked->n_replies, 0);
	stop_worker(pid);
	kill_the_others(&stage, pid);
	UNTIL(&stage, stage.n_ends == 3);
	ck_assert_int_eq(asked->n_replies, 0);
	send_signal(pid, SIGCONT);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_uint_eq(asked->reply.len, LONG);
	ck_assert_mem_eq(asked->data, asked->text, LONG);
	ck_assert_int_eq(asked->reply.pid, pid);
	stage_close(&stage);
}
END_TEST

static atomic_int storm_is_over;

static void *
storm(void *thread)
{
	while (atomic_load(&storm_is_over) == 0) {
		(void)pthread_kill(*(pthread_t *)thread, SIGCHLD);
		(void)sched_yield();
	}
	return NULL;
}

START_TEST(p18_a_long_way_there_and_back_in_a_storm)
{
	pthread_t self = pthread_self(), thread;
	struct asked *asked;
	struct stage stage;

	play_sizes(&stage, 2, echo_all);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	atomic_store(&storm_is_over, 0);
	thread = start(storm, &self);
	asked = ask_filled(&stage, LONG, 20, NULL);
	UNTIL(&stage, asked->n_replies == 1);
	atomic_store(&storm_is_over, 1);
	(void)finish(thread);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_uint_eq(asked->reply.len, LONG);
	ck_assert_mem_eq(asked->data, asked->text, LONG);
	ck_assert_int_eq(stage.marks[0], 1);
	stage_close(&stage);
}
END_TEST

/* P19 */

/* Two workers, of which one is stopped and has a long request. */
struct stuck {
	struct asked *asked;
	pid_t pid, other;
};

static struct stuck
get_stuck(struct stage *stage)
{
	struct stuck stuck;
	pid_t a, b;

	UNTIL(stage, stats_of_pool(stage).idle == 2);
	a = worker_in(stage, 0);
	b = worker_in(stage, 1);
	stop_worker(a);
	stop_worker(b);
	stuck.asked = ask_filled(stage, LONG, 21, NULL);
	UNTIL(stage, (stuck.pid = holder_of(stage, stuck.asked->id)) != 0);
	stuck.other = stuck.pid == a ? b : a;
	send_signal(stuck.other, SIGCONT);
	return stuck;
}

START_TEST(p19_others_are_served_while_one_reads_nothing)
{
	struct stuck stuck;
	struct stage stage;
	struct asked *asked;
	int i;

	play_sizes(&stage, 2, tell_digest);
	stuck = get_stuck(&stage);
	for (i = 0; i < 100; i++) {
		asked = ask_filled(&stage, (size_t)i, 1, NULL);
		UNTIL(&stage, asked->n_replies == 1);
		check_digest(asked, (size_t)i, 1);
		ck_assert_int_eq(asked->reply.pid, stuck.other);
	}
	ck_assert_int_eq(stuck.asked->n_replies, 0);
	send_signal(stuck.pid, SIGCONT);
	UNTIL(&stage, stuck.asked->n_replies == 1);
	check_digest(stuck.asked, LONG, 21);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

/* There is nothing to do until it reads: the loop may sleep. */
START_TEST(p19_nobody_spins_meanwhile)
{
	struct stage stage;
	struct stuck stuck;

	play_sizes(&stage, 2, tell_digest);
	stuck = get_stuck(&stage);
	settle(&stage);
	ck_assert(!harness_readable(sigchld_fd(stage.ctx), 0));
	ck_assert_int_eq(stuck.asked->n_replies, 0);
	send_signal(stuck.pid, SIGCONT);
	UNTIL(&stage, stuck.asked->n_replies == 1);
	stage_close(&stage);
}
END_TEST

START_TEST(p19_the_time_limit_covers_the_sending)
{
	struct sigchld_pool_options options;
	struct stuck stuck;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 2, 2);
	options.on_request = tell_digest;
	options.request_ms = HOUR;
	options.abort_ms = 10;
	stage_play(&stage, &options);
	stuck = get_stuck(&stage);
	time_passes(&stage, HOUR);
	check_killed(&stage, stuck.pid, SIGCHLD_KILLED_TIMEOUT, SIGKILL);
	UNTIL(&stage, stuck.asked->n_replies == 1);
	ck_assert_uint_eq(stuck.asked->reply.outcome, SIGCHLD_TIMEOUT);
	ck_assert_uint_eq(stuck.asked->reply.started, 0);
	ck_assert_int_eq(stage.marks[0], 0);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	stage_close(&stage);
}
END_TEST

/* P20 */

static void
check_sigpipe(void)
{
	struct sigaction now;
	sigset_t mask;

	ck_assert_int_eq(sigaction(SIGPIPE, NULL, &now), 0);
	ck_assert(now.sa_handler == SIG_DFL);
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
	ck_assert_int_eq(sigismember(&mask, SIGPIPE), 0);
}

/* Not a byte got through: no worker had it, so it is no second try. */
static void
send_to_the_dead(uint32_t flags)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.flags = flags;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	check_sigpipe();
	pid = victim = worker_in(&stage, 0);
	asked = ask(&stage, "pid");
	ck_assert_int_eq(victim, 0);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_int_ne(asked->reply.pid, pid);
	check_killed(&stage, pid, SIGCHLD_KILLED, SIGKILL);
	ck_assert_uint_eq(stage.ends[0].request, 0);
	ck_assert_int_eq(stage.n_ends, 1);
	check_sigpipe();
	stage_close(&stage);
}

START_TEST(p20_it_dies_before_the_write)
{
	send_to_the_dead(0);
}
END_TEST

START_TEST(p20_it_dies_before_the_write_and_nothing_is_tried_again)
{
	send_to_the_dead(SIGCHLD_POOL_RETRY_NEVER);
}
END_TEST

/* All of it got through, and none was read. */
static struct asked *
send_to_the_dying(struct stage *stage, uint32_t flags, pid_t *ret_pid)
{
	struct sigchld_pool_options options;
	struct asked *asked;

	stage_open(stage, NULL);
	options = stage_options(stage, 1, 1);
	options.flags = flags;
	stage_play(stage, &options);
	UNTIL(stage, stats_of_pool(stage).idle == 1);
	*ret_pid = worker_in(stage, 0);
	stop_worker(*ret_pid);
	asked = ask(stage, "pid");
	settle(stage);
	send_signal(*ret_pid, SIGKILL);
	UNTIL(stage, asked->n_replies == 1);
	ck_assert_int_eq(stage->n_ends, 1);
	return asked;
}

START_TEST(p20_it_dies_before_it_reads)
{
	struct asked *asked;
	struct stage stage;
	pid_t pid;

	asked = send_to_the_dying(&stage, 0, &pid);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_int_ne(asked->reply.pid, pid);
	ck_assert_uint_eq(stats_of_pool(&stage).retried, 1);
	stage_close(&stage);
}
END_TEST

START_TEST(p20_it_dies_before_it_reads_and_nothing_is_tried_again)
{
	struct asked *asked;
	struct stage stage;
	pid_t pid;

	asked = send_to_the_dying(&stage, SIGCHLD_POOL_RETRY_NEVER, &pid);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_LOST);
	ck_assert_uint_eq(asked->reply.started, 0);
	ck_assert_int_eq(asked->reply.pid, pid);
	ck_assert_uint_eq(asked->reply.reason, SIGCHLD_KILLED);
	ck_assert(WIFSIGNALED(asked->reply.wstatus));
	ck_assert_int_eq(WTERMSIG(asked->reply.wstatus), SIGKILL);
	ck_assert_uint_eq(stats_of_pool(&stage).retried, 0);
	(void)ask_pid(&stage);
	stage_close(&stage);
}
END_TEST

/* Half of it was sent: it has surely not begun. */
START_TEST(p20_it_dies_within_the_request)
{
	struct stuck stuck;
	struct stage stage;

	play_sizes(&stage, 2, tell_digest);
	stuck = get_stuck(&stage);
	settle(&stage);
	send_signal(stuck.pid, SIGKILL);
	UNTIL(&stage, stuck.asked->n_replies == 1);
	check_digest(stuck.asked, LONG, 21);
	ck_assert_int_ne(stuck.asked->reply.pid, stuck.pid);
	ck_assert_int_eq(stage.marks[0], 1);
	check_sigpipe();
	stage_close(&stage);
}
END_TEST

/* In a worker, at SIGUSR1. */
static struct stage *in_worker;
static int channel;

static void
hang_up(int sig)
{
	(void)sig;
	(void)close(channel);
	(void)mark(in_worker, 1);
	pause_for_ever();
}

static void
talk(int sig)
{
	(void)sig;
	CHILD_MUST(send(channel, "it is so very idle in here", 26, 0) == 26);
	(void)mark(in_worker, 1);
	pause_for_ever();
}

static void
be_ready_for(struct stage *stage, void (*handler)(int))
{
	channel = own_channel();
	in_worker = stage;
	CHILD_MUST(signal(SIGUSR1, handler) != SIG_ERR);
}

static int
ready_to_hang_up(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	be_ready_for(user, hang_up);
	return 0;
}

static int
ready_to_talk(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	be_ready_for(user, talk);
	return 0;
}

/* The one that was busy last would be the next, but misbehaves. It is seen when
 * it is given a request, or before. */
static void
run_misbehaved(int (*on_init)(struct sigchld_worker *, void *), bool before)
{
	struct sigchld_pool_options options;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 2, 2);
	options.on_init = on_init;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	pid = ask_pid(&stage);
	send_signal(pid, SIGUSR1);
	UNTIL_SEEN(stage.marks[1] == 1);
	if (before)
		UNTIL(&stage, stage.n_ends == 1);
	ck_assert_int_ne(ask_pid(&stage), pid);
	check_killed(&stage, pid, SIGCHLD_KILLED_PROTOCOL, SIGKILL);
	if (before)
		ck_assert_uint_eq(end_of(&stage, pid)->request, 0);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	ck_assert_int_eq(stage.n_ends, 1);
	stage_close(&stage);
}

START_TEST(p20_a_channel_that_its_worker_has_closed)
{
	run_misbehaved(ready_to_hang_up, false);
}
END_TEST

START_TEST(p20_a_channel_that_its_worker_has_closed_before)
{
	run_misbehaved(ready_to_hang_up, true);
}
END_TEST

/* P21 */

START_TEST(p21_too_large_a_request_is_refused)
{
	struct sigchld_pool_options options;
	struct asked *asked = NULL;
	unsigned char *data;
	struct stage stage;
	uint64_t id = 77;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_request = tell_digest;
	options.request_max = 1000;
	stage_play(&stage, &options);
	data = filled(1001, 1);
	MUST_BE(-EMSGSIZE, ask_with(&stage, data, 1001, NULL, &asked));
	MUST_BE(-EMSGSIZE,
	    sigchld_pool_submit(stage.pool, &id,
		SIGCHLD_REQUEST(.data = data, .len = 1001)));
	ck_assert_uint_eq(id, 77);
	free(data);
	ck_assert_uint_eq(stats_of_pool(&stage).submitted, 0);
	asked = ask_filled(&stage, 1000, 2, NULL);
	UNTIL(&stage, asked->n_replies == 1);
	check_digest(asked, 1000, 2);
	ck_assert_int_eq(stage.marks[0], 1);
	ck_assert_int_eq(stage.n_ends, 0);
	ck_assert_uint_eq(stats_of_pool(&stage).refused, 0);
	stage_close(&stage);
}
END_TEST

START_TEST(p21_sixteen_mib_is_the_default)
{
	struct sigchld_pool_options options;
	struct asked *asked = NULL;
	unsigned char *data;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_request = tell_digest;
	stage_play(&stage, &options);
	data = filled(16 * MIB + 1, 1);
	MUST_BE(-EMSGSIZE, ask_with(&stage, data, 16 * MIB + 1, NULL, &asked));
	free(data);
	asked = ask_filled(&stage, 16 * MIB, 3, NULL);
	UNTIL(&stage, asked->n_replies == 1);
	check_digest(asked, 16 * MIB, 3);
	stage_close(&stage);
}
END_TEST

/* P22 */

static void
send_head(uint16_t type, uint64_t size)
{
	const struct sigchld__frame_head head = {
		.magic = SIGCHLD__FRAME_MAGIC,
		.type = type,
		.size = size,
	};

	CHILD_MUST(send(channel, &head, sizeof(head), 0) == sizeof(head));
}

/* Any type would do, for it is judged after the size. */
static void
send_rubbish(int kind)
{
	char text[64];

	memset(text, 'U', sizeof(text));
	if (kind == 0) {
		CHILD_MUST(send(channel, text, 64, 0) == 64);
	} else if (kind == 1) {
		send_head(0, 0);
	} else if (kind == 2) {
		send_head(2, UINT64_MAX);
	} else if (kind == 3) {
		send_head(2, 1001);
	} else if (kind == 4) {
		CHILD_MUST(send(channel, "sch1", 4, 0) == 4);
		CHILD_MUST(shutdown(channel, SHUT_WR) == 0);
	} else {
		send_head(2, 100);
		CHILD_MUST(send(channel, text, 10, 0) == 10);
		CHILD_MUST(shutdown(channel, SHUT_WR) == 0);
	}
}

#define KINDS 6

static int
obey_or_spoil(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	const char *rest;
	size_t len;

	if (is_word(job, "rubbish", &rest, &len)) {
		channel = own_channel();
		send_rubbish(number(rest, len));
		pause_for_ever();
	} else if (is_word(job, "another", &rest, &len)) {
		trick = ANOTHER_ID;
		reply_copy(worker, "it", 2);
	} else if (is_word(job, "twice", &rest, &len)) {
		trick = TWICE;
		reply_copy(worker, "it", 2);
	} else {
		return obey(worker, job, user);
	}
	return 0;
}

static void
play_spoilt(struct stage *stage)
{
	struct sigchld_pool_options options;

	stage_open(stage, NULL);
	options = stage_options(stage, 2, 2);
	options.reply_max = 1000;
	options.on_request = obey_or_spoil;
	stage_play(stage, &options);
	UNTIL(stage, stats_of_pool(stage).idle == 2);
}

static void
check_spoilt(struct stage *stage, const struct asked *asked)
{
	const struct sigchld_worker_end *end;
	const pid_t pid = asked->reply.pid;

	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_LOST);
	ck_assert_uint_eq(asked->reply.started, 1);
	ck_assert_uint_eq(asked->reply.reason, SIGCHLD_KILLED_PROTOCOL);
	ck_assert(WIFSIGNALED(asked->reply.wstatus));
	ck_assert_int_eq(WTERMSIG(asked->reply.wstatus), SIGKILL);
	check_killed(stage, pid, SIGCHLD_KILLED_PROTOCOL, SIGKILL);
	end = end_of(stage, pid);
	ck_assert_uint_eq(end->request, asked->id);
}

START_TEST(p22_rubbish_of_all_kinds)
{
	struct asked *asked, *other;
	struct stage stage;
	char text[16];
	int kind;

	play_spoilt(&stage);
	other = ask_to_wait(&stage, 0);
	for (kind = 0; kind < KINDS; kind++) {
		(void)snprintf(text, sizeof(text), "rubbish %d", kind);
		asked = ask(&stage, text);
		UNTIL(&stage, asked->n_replies == 1);
		check_spoilt(&stage, asked);
		(void)ask_pid(&stage);
	}
	let_pass(&stage, 0, 1);
	UNTIL(&stage, other->n_replies == 1);
	ck_assert_uint_eq(other->reply.outcome, SIGCHLD_DONE);
	ck_assert_int_eq(stage.n_ends, KINDS);
	ck_assert_uint_eq(stats_of_pool(&stage).ends[SIGCHLD_KILLED_PROTOCOL],
	    KINDS);
	stage_close(&stage);
}
END_TEST

START_TEST(p22_a_worker_that_talks_when_it_is_idle)
{
	run_misbehaved(ready_to_talk, true);
}
END_TEST

START_TEST(p22_a_worker_that_talks_before_it_gets_a_request)
{
	run_misbehaved(ready_to_talk, false);
}
END_TEST

START_TEST(p22_a_reply_to_another_request)
{
	struct asked *asked;
	struct stage stage;

	play_spoilt(&stage);
	asked = ask(&stage, "another");
	UNTIL(&stage, asked->n_replies == 1);
	check_spoilt(&stage, asked);
	ck_assert_int_ne(ask_pid(&stage), asked->reply.pid);
	stage_close(&stage);
}
END_TEST

START_TEST(p22_the_same_reply_twice)
{
	struct asked *asked;
	struct stage stage;

	play_spoilt(&stage);
	asked = ask(&stage, "twice");
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_str_eq(asked->data, "it");
	check_killed(&stage, asked->reply.pid, SIGCHLD_KILLED_PROTOCOL,
	    SIGKILL);
	ck_assert_uint_eq(end_of(&stage, asked->reply.pid)->request, 0);
	ck_assert_int_ne(ask_pid(&stage), asked->reply.pid);
	stage_close(&stage);
}
END_TEST

START_TEST(p22_the_largest_reply_that_may_be)
{
	char text[1006];
	struct asked *asked = NULL;
	struct stage stage;

	memset(text, 'r', sizeof(text));
	memcpy(text, "echo ", 5);
	play_spoilt(&stage);
	MUST_BE(0, ask_with(&stage, text, 1005, NULL, &asked));
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_uint_eq(asked->reply.len, 1000);
	ck_assert_mem_eq(asked->data, text + 5, 1000);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

/* P23 */

START_TEST(p23_one_dispatch_sees_all_that_became_idle)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 3, 3);
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 3);
	for (i = 0; i < 3; i++)
		(void)ask_to_wait(&stage, 0);
	settle(&stage);
	ck_assert_int_eq(n_heard(), 0);
	let_pass(&stage, 0, 3);
	UNTIL_SEEN(n_heard() == 3);
	ck_assert_int_eq(sigchld_dispatch(stage.ctx), 3);
	ck_assert_int_eq(stage.n_replies, 3);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 3);
	stage_close(&stage);
}
END_TEST

/* The same for deaths and replies: each is seen, whatever came with it. */
START_TEST(p23_replies_and_deaths_at_once)
{
	struct sigchld_pool_options options;
	struct asked *asked[3];
	struct stage stage;
	pid_t pid;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 3, 3);
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 3);
	for (i = 0; i < 3; i++)
		asked[i] = ask_to_wait(&stage, i);
	settle(&stage);
	pid = holder_of(&stage, asked[0]->id); /* it has worked longest */
	let_pass(&stage, 1, 1);
	let_pass(&stage, 2, 1);
	UNTIL_SEEN(n_heard() == 2);
	send_signal(pid, SIGKILL);
	harness_await_zombie(pid);
	UNTIL(&stage, stage.n_replies == 3);
	ck_assert_uint_eq(asked[0]->reply.outcome, SIGCHLD_LOST);
	ck_assert_uint_eq(asked[1]->reply.outcome, SIGCHLD_DONE);
	ck_assert_uint_eq(asked[2]->reply.outcome, SIGCHLD_DONE);
	UNTIL(&stage, stats_of_pool(&stage).idle == 3);
	stage_close(&stage);
}
END_TEST

HARNESS("framing",
    {
	HARNESS_TEST(p17_requests_of_all_sizes_arrive_byte_exact),
	HARNESS_TEST(p17_requests_to_several_workers_at_once),
	HARNESS_TEST(p17_replies_of_all_sizes_arrive_byte_exact),
	HARNESS_TEST(p17_sizes_that_change_from_one_to_the_next),
	HARNESS_TEST(p17_half_a_reply_of_one_that_died_is_in_no_other),
	HARNESS_TEST(p17_nothing_at_all),
	HARNESS_TEST(p17_what_was_copied_may_change),
	HARNESS_TEST(p18_a_long_request_while_others_die),
	HARNESS_TEST(p18_a_long_reply_while_others_die),
	HARNESS_TEST(p18_a_long_way_there_and_back_in_a_storm),
	HARNESS_TEST(p19_others_are_served_while_one_reads_nothing),
	HARNESS_TEST(p19_nobody_spins_meanwhile),
	HARNESS_TEST(p19_the_time_limit_covers_the_sending),
	HARNESS_TEST(p20_it_dies_before_the_write),
	HARNESS_TEST(p20_it_dies_before_the_write_and_nothing_is_tried_again),
	HARNESS_TEST(p20_it_dies_before_it_reads),
	HARNESS_TEST(p20_it_dies_before_it_reads_and_nothing_is_tried_again),
	HARNESS_TEST(p20_it_dies_within_the_request),
	HARNESS_TEST(p20_a_channel_that_its_worker_has_closed),
	HARNESS_TEST(p20_a_channel_that_its_worker_has_closed_before),
	HARNESS_TEST(p21_too_large_a_request_is_refused),
	HARNESS_TEST(p21_sixteen_mib_is_the_default),
	HARNESS_TEST(p22_rubbish_of_all_kinds),
	HARNESS_TEST(p22_a_worker_that_talks_when_it_is_idle),
	HARNESS_TEST(p22_a_worker_that_talks_before_it_gets_a_request),
	HARNESS_TEST(p22_a_reply_to_another_request),
	HARNESS_TEST(p22_the_same_reply_twice),
	HARNESS_TEST(p22_the_largest_reply_that_may_be),
	HARNESS_TEST(p23_one_dispatch_sees_all_that_became_idle),
	HARNESS_TEST(p23_replies_and_deaths_at_once),
    })
