/*
 * test_wrong.c - P13, P20, P22, P27, P28, P35: a worker that says what it may not say
 * just then; a request that comes back; a page that is used again; memory that comes
 * back; forks that fail, and are not wanted any more
 *
 * wrap: sendmsg recv map_shared fork
 */
#include <sys/uio.h>

#include "help2.h"
#include "worker/channel.h"
#include "worker/pool.h"

#define LONG (4 * MIB)

/* The next message of this process is sent when this one is dead. */
static pid_t victim;
static unsigned int n_without_memory, n_maps;

int __real_sigchld__sys_sendmsg(int fd, const struct iovec *parts,
    unsigned int n);
int __wrap_sigchld__sys_sendmsg(int fd, const struct iovec *parts,
    unsigned int n);
int __real_sigchld__sys_recv(int fd, void *data, size_t size);
int __wrap_sigchld__sys_recv(int fd, void *data, size_t size);
int __real_sigchld__sys_map_shared(size_t size, void **ret_map);
int __wrap_sigchld__sys_map_shared(size_t size, void **ret_map);

int
__wrap_sigchld__sys_sendmsg(int fd, const struct iovec *parts, unsigned int n)
{
	const pid_t pid = victim;

	victim = 0;
	if (pid != 0) {
		(void)kill(pid, SIGKILL);
		harness_await_zombie(pid);
	}
	return __real_sigchld__sys_sendmsg(fd, parts, n);
}

int
__wrap_sigchld__sys_recv(int fd, void *data, size_t size)
{
	if (n_without_memory == 0 || !harness_readable(fd, 0))
		return __real_sigchld__sys_recv(fd, data, size);
	n_without_memory--;
	return -ENOMEM;
}

static bool no_fork;
static unsigned int n_tried;

pid_t __real_sigchld__sys_fork(void);
pid_t __wrap_sigchld__sys_fork(void);

pid_t
__wrap_sigchld__sys_fork(void)
{
	n_tried++;
	return no_fork ? -EAGAIN : __real_sigchld__sys_fork();
}

int
__wrap_sigchld__sys_map_shared(size_t size, void **ret_map)
{
	n_maps++;
	return __real_sigchld__sys_map_shared(size, ret_map);
}

/* P22: each message that there is, when it may not be said */

/* What is said, and in a worker how to say it: its channel must be known before
 * it is told to. */
static uint16_t said;
static int channel;
static struct stage *in_worker;
static struct sigchld_worker *self;

static void
say(void)
{
	const struct sigchld__frame_head head = {
		.magic = SIGCHLD__FRAME_MAGIC,
		.type = said,
		.id = 4711,
	};

	CHILD_MUST(send(channel, &head, sizeof(head), 0) == sizeof(head));
}

static void
say_and_wait(int sig)
{
	(void)sig;
	say();
	pause_for_ever();
}

static int
be_ready_to_say(struct sigchld_worker *worker, void *user)
{
	self = worker;
	in_worker = user;
	channel = own_channel();
	CHILD_MUST(signal(SIGUSR1, say_and_wait) != SIG_ERR);
	return 0;
}

static int
say_at_once(struct sigchld_worker *worker, void *user)
{
	(void)be_ready_to_say(worker, user);
	if (mark(user, 0) == 1)
		say_and_wait(0);
	return 0;
}

static int
say_or_obey(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	const char *rest;
	size_t len;

	if (is_word(job, "say", &rest, &len))
		say_and_wait(0);
	if (is_word(job, "hold", &rest, &len)) {
		CHILD_MUST(sigchld_worker_hold(worker) == 0);
		reply_copy(worker, "held", 4);
		return 0;
	}
	return obey(worker, job, user);
}

static void
play_saying(struct stage *stage, uint16_t what,
    int (*on_init)(struct sigchld_worker *, void *))
{
	struct sigchld_pool_options options;

	said = what;
	stage_open(stage, NULL);
	options = stage_options(stage, 1, 1);
	options.flags = SIGCHLD_POOL_RETRY_NEVER;
	options.on_init = on_init;
	options.on_request = say_or_obey;
	stage_play(stage, &options);
}

static void
check_refused(struct stage *stage)
{
	UNTIL(stage, stage->n_ends == 1);
	check_killed(stage, stage->ends[0].pid, SIGCHLD_KILLED_PROTOCOL,
	    SIGKILL);
	UNTIL(stage, stats_of_pool(stage).idle == 1);
	ck_assert_int_ne(ask_pid(stage), stage->ends[0].pid);
	ck_assert_int_eq(stage->n_ends, 1);
	stage_close(stage);
}

#define UNKNOWN 9u

START_TEST(p22_before_it_is_ready)
{
	static const uint16_t all[] = { SIGCHLD__REPLY,
		SIGCHLD__REPLY | SIGCHLD__KEEPS,
		SIGCHLD__REPLY | SIGCHLD__RECYCLES, SIGCHLD__FREE,
		SIGCHLD__FREE | SIGCHLD__RECYCLES, UNKNOWN };
	struct stage stage;
	unsigned int i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		play_saying(&stage, all[i], say_at_once);
		UNTIL(&stage, stage.n_ends == 1);
		ck_assert_uint_eq(stage.ends[0].ready, 0);
		check_refused(&stage);
	}
}
END_TEST

START_TEST(p22_when_it_is_idle)
{
	static const uint16_t all[] = { SIGCHLD__READY,
		SIGCHLD__READY | SIGCHLD__RECYCLES, SIGCHLD__REPLY,
		SIGCHLD__REPLY | SIGCHLD__FULL, SIGCHLD__FREE,
		SIGCHLD__FREE | SIGCHLD__RECYCLES, UNKNOWN };
	struct stage stage;
	unsigned int i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		play_saying(&stage, all[i], be_ready_to_say);
		UNTIL(&stage, stats_of_pool(&stage).idle == 1);
		send_signal(worker_in(&stage, 0), SIGUSR1);
		check_refused(&stage);
	}
}
END_TEST

/* The reply is to a request that nobody has. */
START_TEST(p22_when_it_is_busy)
{
	static const uint16_t all[] = { SIGCHLD__READY, SIGCHLD__FREE,
		SIGCHLD__FREE | SIGCHLD__RECYCLES, SIGCHLD__REPLY,
		SIGCHLD__REPLY | SIGCHLD__RECYCLES, UNKNOWN };
	struct asked *asked;
	struct stage stage;
	unsigned int i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		play_saying(&stage, all[i], be_ready_to_say);
		UNTIL(&stage, stats_of_pool(&stage).idle == 1);
		asked = ask(&stage, "say");
		UNTIL(&stage, asked->n_replies == 1);
		ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_LOST);
		ck_assert_uint_eq(asked->reply.started, 1);
		check_refused(&stage);
	}
}
END_TEST

/* It was not told that the session is over. */
START_TEST(p22_when_it_holds_a_session)
{
	static const uint16_t all[] = { SIGCHLD__READY, SIGCHLD__FREE,
		SIGCHLD__REPLY, UNKNOWN };
	struct asked *asked;
	struct stage stage;
	unsigned int i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		play_saying(&stage, all[i], be_ready_to_say);
		UNTIL(&stage, stats_of_pool(&stage).idle == 1);
		asked = ask_and_wait(&stage, "hold");
		ck_assert_uint_ne(asked->reply.session, 0);
		send_signal(worker_in(&stage, 0), SIGUSR1);
		UNTIL(&stage, stage.n_sessions == 1);
		ck_assert_uint_eq(stage.sessions[0].why, SIGCHLD_SESSION_LOST);
		check_refused(&stage);
	}
}
END_TEST

/* It was told to go by a signal, and what it says crosses that: it is not heeded,
 * and no fault. So it ends as it wants. */
static void
say_and_go(int sig)
{
	(void)sig;
	say();
	say_from(in_worker, self, 't');
	(void)pass(in_worker, 1);
	_exit(3);
}

static int
be_ready_to_say_and_go(struct sigchld_worker *worker, void *user)
{
	(void)be_ready_to_say(worker, user);
	CHILD_MUST(signal(SIGUSR2, say_and_go) != SIG_ERR);
	if (sigchld_worker_slot(worker) == 1) { /* it is never ready */
		say_from(user, worker, 'i');
		pause_for_ever();
	}
	return 0;
}

static void
abort_one(uint16_t what)
{
	struct sigchld_pool_options options;
	const struct sigchld_worker_end *end;
	struct asked *asked;
	struct stage stage;

	said = what;
	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_init = be_ready_to_say_and_go;
	options.on_request = say_or_obey;
	options.request_ms = 20;
	options.abort_signal = SIGUSR2;
	options.abort_ms = 60000;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	asked = ask(&stage, "wait 0");
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_TIMEOUT);
	UNTIL(&stage, n_said(&stage, 't') == 1);
	settle(&stage);
	let_pass(&stage, 1, 1);
	UNTIL(&stage, stage.n_ends == 1);
	end = &stage.ends[0];
	ck_assert_uint_eq(end->reason, SIGCHLD_KILLED_TIMEOUT);
	ck_assert_int_eq(end->wstatus, 3 << 8);
	stage_close(&stage);
}

START_TEST(p22_too_late_it_is_not_heeded)
{
	abort_one(SIGCHLD__FREE);
	abort_one(SIGCHLD__REPLY);
}
END_TEST

/* But one who was never ready has nothing to reply to, however late. */
START_TEST(p22_too_late_before_it_is_ready)
{
	struct sigchld_pool_options options;
	const struct sigchld_worker_end *end;
	struct stage stage;
	pid_t pid;

	said = SIGCHLD__REPLY;
	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 2);
	options.on_init = be_ready_to_say_and_go;
	options.stop_signal = SIGUSR2;
	options.stop_ms = 1;
	options.kill_ms = 60000;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 2, 2));
	UNTIL(&stage, n_said(&stage, 'i') == 1);
	pid = who_said(&stage, 'i', 0);
	MUST_BE(0,
	    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_FINISH,
		SIGCHLD_POOL_NONE));
	MUST_BE(0, sigchld_pool_stop(stage.pool, SIGCHLD_STOP_FINISH, 1));
	UNTIL(&stage, end_of(&stage, pid) != NULL);
	end = end_of(&stage, pid);
	ck_assert(WIFSIGNALED(end->wstatus));
	ck_assert_int_eq(WTERMSIG(end->wstatus), SIGKILL);
	stage_close(&stage);
}
END_TEST

/* P13, P20: a request that comes back */

static void
hang_up(int sig)
{
	(void)sig;
	(void)close(channel);
	(void)mark(in_worker, 1);
	pause_for_ever();
}

static int
be_ready_to_hang_up(struct sigchld_worker *worker, void *user)
{
	(void)be_ready_to_say(worker, user);
	CHILD_MUST(signal(SIGUSR1, hang_up) != SIG_ERR);
	return 0;
}

/* Half of it went, and the worker closes its channel and lives: it may be the
 * request that did it. So no other gets it before that one has ended, and if none
 * is to be tried again, it is lost. */
static struct asked *
half_sent(struct stage *stage, uint32_t flags)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	pid_t pid;

	stage_open(stage, NULL);
	options = stage_options(stage, 2, 2);
	options.flags = flags;
	options.on_init = be_ready_to_hang_up;
	options.on_request = tell_digest;
	stage_play(stage, &options);
	UNTIL(stage, stats_of_pool(stage).idle == 2);
	stop_worker(worker_in(stage, 0));
	stop_worker(worker_in(stage, 1));
	asked = ask_filled(stage, LONG, 21, NULL);
	UNTIL(stage, (pid = holder_of(stage, asked->id)) != 0);
	settle(stage);
	send_signal(worker_in(stage, 0) == pid ? worker_in(stage, 1)
					       : worker_in(stage, 0),
	    SIGCONT);
	send_signal(pid, SIGUSR1);
	send_signal(pid, SIGCONT);
	UNTIL_SEEN(stage->marks[1] == 1);
	settle(stage);
	ck_assert_int_eq(asked->n_replies, 0);
	ck_assert_int_eq(stage->marks[0], 0);
	ck_assert_int_eq(holder_of(stage, asked->id), pid);
	send_signal(pid, SIGKILL);
	UNTIL(stage, asked->n_replies == 1);
	return asked;
}

START_TEST(p20_half_of_it_went_and_nothing_is_tried_again)
{
	struct asked *asked;
	struct stage stage;

	asked = half_sent(&stage, SIGCHLD_POOL_RETRY_NEVER);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_LOST);
	ck_assert_uint_eq(asked->reply.started, 0);
	ck_assert_int_eq(stage.marks[0], 0);
	stage_close(&stage);
}
END_TEST

START_TEST(p20_half_of_it_went_and_it_is_tried_once_more)
{
	struct asked *asked;
	struct stage stage;

	asked = half_sent(&stage, 0);
	check_digest(asked, LONG, 21);
	ck_assert_uint_eq(stats_of_pool(&stage).retried, 1);
	ck_assert_int_eq(stage.marks[0], 1);
	stage_close(&stage);
}
END_TEST

static void
check_order(struct asked *const *asked, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		ck_assert_uint_eq(asked[i]->reply.outcome, SIGCHLD_DONE);
		ck_assert_int_eq(asked[i]->order, asked[0]->order + i);
	}
}

/* Its worker dies just before it is sent. */
START_TEST(p35_what_did_not_get_through_is_the_first_again)
{
	struct sigchld_pool_options options;
	struct asked *asked[4];
	struct stage stage;
	pid_t pid;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	pid = worker_in(&stage, 0);
	asked[0] = ask_to_wait(&stage, 0);
	for (i = 1; i < 4; i++)
		asked[i] = ask(&stage, "echo it");
	victim = pid;
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_replies == 4);
	ck_assert_int_eq(victim, 0);
	ck_assert_uint_eq(stats_of_pool(&stage).retried, 0);
	check_order(asked, 4);
	ck_assert_int_ne(asked[1]->reply.pid, pid);
	stage_close(&stage);
}
END_TEST

/* It dies before it takes it. */
START_TEST(p35_what_was_not_begun_is_the_first_again)
{
	struct sigchld_pool_options options;
	struct asked *asked[3];
	struct stage stage;
	pid_t pid;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	pid = worker_in(&stage, 0);
	stop_worker(pid);
	for (i = 0; i < 3; i++)
		asked[i] = ask(&stage, "echo it");
	UNTIL(&stage, holder_of(&stage, asked[0]->id) == pid);
	send_signal(pid, SIGKILL);
	UNTIL(&stage, stage.n_replies == 3);
	ck_assert_uint_eq(stats_of_pool(&stage).retried, 1);
	check_order(asked, 3);
	stage_close(&stage);
}
END_TEST

/* P28: memory that comes back */

static int
echo_all(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	(void)user;
	reply_copy(worker, job->data, job->len);
	return 0;
}

/* The kernel had none for a moment: what comes is heard then, and so is what comes
 * behind it, though nothing is said to the worker meanwhile. */
START_TEST(p28_a_worker_is_heard_again)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_request = echo_all;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	asked = ask_filled(&stage, LONG, 28, NULL);
	n_without_memory = 1;
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(n_without_memory, 0);
	ck_assert_uint_eq(asked->reply.len, LONG);
	ck_assert_mem_eq(asked->data, asked->text, LONG);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

/* P26: what is over needs no deadline, so an idle pool sleeps */

/* Of its only worker; the rest is the pool's. */
static bool
has_deadline(const struct stage *stage)
{
	const struct sigchld__member *member = stage->pool->members;

	return member->timer.at != 0 || member->beat.at != 0;
}

START_TEST(p26_an_idle_pool_has_no_deadline)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.boot_ms = 3600000;
	options.request_ms = 3600000;
	options.slow_ms = 1800000;
	options.beat_ms = 3600000;
	options.keepalive_ms = 3600000;
	options.on_request = say_or_obey;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	settle(&stage);
	ck_assert(!has_deadline(&stage));
	(void)ask_to_wait(&stage, 0);
	ck_assert(has_deadline(&stage));
	let_pass(&stage, 0, 1);
	UNTIL(&stage, stage.n_replies == 1);
	settle(&stage);
	ck_assert(!has_deadline(&stage));
	MUST_BE(0,
	    sigchld_pool_disconnect(stage.pool,
		ask_and_wait(&stage, "hold")->reply.session));
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	settle(&stage);
	ck_assert(!has_deadline(&stage));
	stage_close(&stage);
}
END_TEST

/* P27: forks fail, and then nobody is wanted any more */

START_TEST(p27_it_is_not_degraded_when_nobody_is_lacking)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 2, 2);
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	no_fork = true;
	MUST_BE(0, sigchld_pool_resize(stage.pool, 4, 4));
	UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_DEGRADED));
	MUST_BE(0, sigchld_pool_resize(stage.pool, 2, 2));
	UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_RUNNING));
	ck_assert_int_eq(n_states_seen(&stage, SIGCHLD_POOL_DEGRADED), 1);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 2);
	no_fork = false;
	stage_close(&stage);
}
END_TEST

/* Others want to be heard in between. */
START_TEST(s3_so_many_are_forked_in_one_dispatch_and_no_more)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 40, 40);
	stage_play(&stage, &options);
	ck_assert_int_ge(sigchld_dispatch(stage.ctx), 0);
	ck_assert_uint_eq(n_tried, 16);
	UNTIL(&stage, stats_of_pool(&stage).idle == 40);
	ck_assert_uint_eq(n_tried, 40);
	stage_close(&stage);
}
END_TEST

/* Pages */

/* What it finds in its page: nothing of the one before it. */
static int
tell_of_itself(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	const char *rest;
	size_t len;
	int stops = sigchld_worker_stopping(worker);

	if (is_word(job, "stops", &rest, &len)) {
		reply_copy(worker, stops ? "yes" : "no", stops ? 3 : 2);
		return 0;
	}
	return obey(worker, job, user);
}

static uint64_t
served_by(struct stage *stage, pid_t pid)
{
	struct roster roster = workers_of(stage);
	uint64_t served = UINT64_MAX;
	int i;

	for (i = 0; i < roster.n; i++) {
		if (roster.workers[i].pid == pid)
			served = roster.workers[i].served;
	}
	free(roster.workers);
	return served;
}

/* All of them have used one map, of so many pages; and none finds in its page what
 * its predecessor left there. */
START_TEST(s16_a_page_is_used_again_and_is_empty)
{
	struct sigchld_pool_options options;
	struct stage stage;
	pid_t pid, before = 0;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.max_requests = 3;
	options.on_request = tell_of_itself;
	stage_play(&stage, &options);
	for (i = 0; i < 100; i++) {
		UNTIL(&stage, stats_of_pool(&stage).idle == 1);
		pid = worker_in(&stage, 0);
		ck_assert_int_ne(pid, before);
		ck_assert_uint_eq(served_by(&stage, pid), 0);
		ck_assert_str_eq(ask_and_wait(&stage, "stops")->data, "no");
		(void)ask_and_wait(&stage, "recycle");
		UNTIL(&stage, stage.n_ends == i + 1);
		ck_assert_uint_eq(stage.ends[i].served, 2);
		ck_assert_uint_eq(stage.ends[i].reason, SIGCHLD_RECYCLED);
		before = pid;
	}
	ck_assert_uint_eq(n_maps, 1);
	stage_close(&stage);
}
END_TEST

/* One that was told to go, and died of something else: its successor is not told. */
START_TEST(s16_a_stop_in_a_page_is_not_for_the_next)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 2);
	options.on_request = tell_of_itself;
	stage_play(&stage, &options);
	for (i = 0; i < 3; i++) {
		UNTIL(&stage, stats_of_pool(&stage).idle >= 1);
		MUST_BE(0, sigchld_pool_resize(stage.pool, 2, 2));
		UNTIL(&stage, stats_of_pool(&stage).idle == 2);
		ck_assert_str_eq(ask_and_wait(&stage, "stops")->data, "no");
		MUST_BE(0, sigchld_pool_resize(stage.pool, 1, 1));
		UNTIL(&stage, stage.n_ends == i + 1);
		ck_assert_uint_eq(stage.ends[i].reason, SIGCHLD_RETIRED);
	}
	ck_assert_uint_eq(n_maps, 1);
	stage_close(&stage);
}
END_TEST

/* How much of what is shared has this process? */
static long
shared_bytes(void)
{
	unsigned long from, to;
	char line[512], kind[8];
	FILE *maps = fopen("/proc/self/maps", "re");
	long n = 0;

	CHILD_MUST(maps != NULL);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, kind) == 3 &&
		    strcmp(kind, "rw-s") == 0)
			n += (long)(to - from);
	}
	(void)fclose(maps);
	return n;
}

static int
tell_shared(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	const long n = shared_bytes();

	(void)job;
	(void)user;
	reply_copy(worker, &n, sizeof(n));
	return 0;
}

/* Its own page, and what it has of the test; not those of who was there before it,
 * or came later. */
START_TEST(s4_a_worker_has_no_page_of_another)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	long n, page = sysconf(_SC_PAGESIZE), before = shared_bytes();
	int i;

#ifdef SIGCHLD_PORTABLE
	harness_skip("here each has them all");
#endif
	stage_open(&stage, NULL);
	options = stage_options(&stage, 4, 4);
	options.flags = SIGCHLD_POOL_FIFO;
	options.on_request = tell_shared;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 4);
	for (i = 0; i < 4; i++) {
		asked = ask_and_wait(&stage, "shared");
		memcpy(&n, asked->data, sizeof(n));
		ck_assert_int_eq(n, before + 2 * page); /* and the marks */
	}
	stage_close(&stage);
}
END_TEST

HARNESS("wrong",
    {
	HARNESS_TEST(p22_before_it_is_ready),
	HARNESS_TEST(p22_when_it_is_idle),
	HARNESS_TEST(p22_when_it_is_busy),
	HARNESS_TEST(p22_when_it_holds_a_session),
	HARNESS_TEST(p22_too_late_it_is_not_heeded),
	HARNESS_TEST(p22_too_late_before_it_is_ready),
	HARNESS_TEST(p20_half_of_it_went_and_nothing_is_tried_again),
	HARNESS_TEST(p20_half_of_it_went_and_it_is_tried_once_more),
	HARNESS_TEST(p35_what_did_not_get_through_is_the_first_again),
	HARNESS_TEST(p35_what_was_not_begun_is_the_first_again),
	HARNESS_TEST(p28_a_worker_is_heard_again),
	HARNESS_TEST(p26_an_idle_pool_has_no_deadline),
	HARNESS_TEST(p27_it_is_not_degraded_when_nobody_is_lacking),
	HARNESS_TEST(s3_so_many_are_forked_in_one_dispatch_and_no_more),
	HARNESS_TEST(s16_a_page_is_used_again_and_is_empty),
	HARNESS_TEST(s16_a_stop_in_a_page_is_not_for_the_next),
	HARNESS_TEST(s4_a_worker_has_no_page_of_another),
    })
