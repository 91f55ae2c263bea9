/*
 * test_inside.c - in the worker: signals, name, descriptors, group, what it may
 * call there, and how it ends
 *
 * Mark 0 counts what must not happen twice, or not at all, as each test says.
 */
#include <sys/prctl.h>

#include "clock.h"

#define LAST_SIGNAL 64

/* The whole of a test that asks one worker one thing. */
static struct asked *
ask_one(struct stage *stage, struct sigchld_pool_options *options,
    int (*on_request)(struct sigchld_worker *, const struct sigchld_job *,
	void *))
{
	options->on_request = on_request;
	stage_play(stage, options);
	return ask_and_wait(stage, "it");
}

/* Signals */

struct signals {
	int not_default; /* the first of them, or 0 */
	sigset_t mask;
};

static void
look_at_signals(struct signals *signals)
{
	struct sigaction now;
	int sig;

	memset(signals, 0, sizeof(*signals));
	for (sig = LAST_SIGNAL; sig > 0; sig--) {
		if (sigaction(sig, NULL, &now) == 0 &&
		    ((now.sa_flags & SA_SIGINFO) != 0 ||
			now.sa_handler != SIG_DFL))
			signals->not_default = sig;
	}
	(void)sigprocmask(SIG_SETMASK, NULL, &signals->mask);
}

static int
tell_signals(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	struct signals signals;

	(void)job;
	(void)user;
	look_at_signals(&signals);
	reply_copy(worker, &signals, sizeof(signals));
	return 0;
}

static void
never(int sig)
{
	(void)sig;
	_exit(9);
}

/* In each hook, the first as well. */
static void
check_in_child(struct sigchld_worker *worker, void *user)
{
	struct signals signals;

	(void)worker;
	look_at_signals(&signals);
	if (signals.not_default == 0)
		(void)mark(user, 0);
}

static int
check_on_init(struct sigchld_worker *worker, void *user)
{
	check_in_child(worker, user);
	return 0;
}

START_TEST(s16_signals_are_default_and_the_mask_is_as_it_was)
{
	struct sigchld_pool_options options;
	struct signals signals;
	struct stage stage;
	sigset_t mask;
	int sig;

	for (sig = 1; sig <= LAST_SIGNAL; sig++)
		if (sig != SIGCHLD && sig != SIGALRM && sig != SIGKILL &&
		    sig != SIGSTOP && sig != SIGABRT && sig < 32)
			(void)signal(sig, sig % 2 == 0 ? SIG_IGN : never);
	(void)signal(SIGRTMIN + 3, never);
	(void)sigemptyset(&mask);
	(void)sigaddset(&mask, SIGUSR2);
	(void)sigaddset(&mask, SIGRTMIN + 4);
	ck_assert_int_eq(sigprocmask(SIG_SETMASK, &mask, NULL), 0);
	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.in_child = check_in_child;
	options.on_init = check_on_init;
	memcpy(&signals, ask_one(&stage, &options, tell_signals)->data,
	    sizeof(signals));
	ck_assert_int_eq(signals.not_default, 0);
	for (sig = 1; sig <= LAST_SIGNAL; sig++)
		ck_assert_msg(sigismember(&mask, sig) ==
			sigismember(&signals.mask, sig),
		    "signal %d", sig);
	ck_assert_int_eq(stage.marks[0], 2);
	stage_close(&stage);
}
END_TEST

/* SIGTERM, which a parent may well block or ignore, ends a worker that was not
 * told to do otherwise. */
START_TEST(s16_a_signal_does_what_it_does)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	pid_t pid;

	(void)signal(SIGTERM, SIG_IGN);
	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	stage_play(&stage, &options);
	asked = ask_to_wait(&stage, 0);
	pid = who_said(&stage, 'w', 0);
	send_signal(pid, SIGTERM);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_LOST);
	check_killed(&stage, pid, SIGCHLD_KILLED, SIGTERM);
	stage_close(&stage);
}
END_TEST

/* Name */

static int
tell_name(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	char name[17] = "";

	(void)job;
	(void)user;
	CHILD_MUST(prctl(PR_GET_NAME, name) == 0);
	reply_copy(worker, name, strlen(name));
	return 0;
}

/* What ps shows of each of them, at the same time. */
START_TEST(s16_its_name_is_name_and_slot)
{
	struct sigchld_pool_options options;
	char path[64], comm[32], want[32];
	struct stage stage;
	uint32_t slot;
	FILE *file;

#ifdef SIGCHLD_PORTABLE
	harness_skip("no process has a name in the portable build");
#endif
	stage_open(&stage, NULL);
	options = stage_options(&stage, 12, 12);
	options.name = "bakery";
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 12);
	for (slot = 0; slot < 12; slot++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/comm",
		    (int)worker_in(&stage, slot));
		(void)snprintf(want, sizeof(want), "bakery/%u\n", slot);
		file = fopen(path, "re");
		ck_assert_ptr_nonnull(file);
		ck_assert_ptr_nonnull(fgets(comm, sizeof(comm), file));
		(void)fclose(file);
		ck_assert_str_eq(comm, want);
	}
	stage_close(&stage);
}
END_TEST

START_TEST(s16_the_parent_keeps_its_name)
{
	struct sigchld_pool_options options;
	char before[17] = "", now[17] = "";
	struct stage stage;

#ifdef SIGCHLD_PORTABLE
	harness_skip("no process has a name in the portable build");
#endif
	ck_assert_int_eq(prctl(PR_SET_NAME, "shop"), 0);
	ck_assert_int_eq(prctl(PR_GET_NAME, before), 0);
	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.name = "bakery";
	ck_assert_str_eq(ask_one(&stage, &options, tell_name)->data,
	    "bakery/0");
	ck_assert_int_eq(prctl(PR_GET_NAME, now), 0);
	ck_assert_str_eq(now, before);
	stage_close(&stage);
}
END_TEST

START_TEST(s16_the_parent_is_named_if_it_asks)
{
	struct sigchld_pool_options options;
	struct stage stage;
	char now[17] = "";

#ifdef SIGCHLD_PORTABLE
	harness_skip("no process has a name in the portable build");
#endif
	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.name = "bakery";
	options.flags = SIGCHLD_POOL_TITLE;
	ck_assert_str_eq(ask_one(&stage, &options, tell_name)->data,
	    "bakery/0");
	ck_assert_int_eq(prctl(PR_GET_NAME, now), 0);
	ck_assert_int_eq(strncmp(now, "bakery", 6), 0);
	stage_close(&stage);
}
END_TEST

START_TEST(s16_without_a_name_all_is_as_it_is)
{
	struct sigchld_pool_options options;
	struct stage stage;

	ck_assert_int_eq(prctl(PR_SET_NAME, "shop"), 0);
	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	ck_assert_str_eq(ask_one(&stage, &options, tell_name)->data, "shop");
	stage_close(&stage);
}
END_TEST

/* Descriptors; P30 in test_resources.c is of many workers */

struct fds {
	int n, fd[64];
};

static int
tell_fds(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	struct fds fds = { 0, { 0 } };
	int fd;

	(void)job;
	(void)user;
	for (fd = 0; fd < 4096 && fds.n < 64; fd++) {
		if (fcntl(fd, F_GETFD) != -1)
			fds.fd[fds.n++] = fd;
	}
	reply_copy(worker, &fds, sizeof(fds));
	return 0;
}

static bool
has_fd(const struct fds *fds, int fd)
{
	int i;

	for (i = 0; i < fds->n; i++) {
		if (fds->fd[i] == fd)
			return true;
	}
	return false;
}

static int
n_standard(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 3; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

/* A descriptor of the test's, closed when it is over. */
static int
some_fd(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(p30_only_those_that_are_named)
{
	const int before = some_fd();
	struct sigchld_pool_options options;
	struct stage stage;
	struct fds fds;
	int i, after;

	stage_open(&stage, NULL);
	after = some_fd();
	options = stage_options(&stage, 1, 1);
	memcpy(&fds, ask_one(&stage, &options, tell_fds)->data, sizeof(fds));
	ck_assert_int_eq(fds.n, n_standard() + DOORS + 1 + 2);
	for (i = 0; i < DOORS + 1; i++)
		ck_assert(has_fd(&fds, stage.fds[i]));
	ck_assert(!has_fd(&fds, before));
	ck_assert(!has_fd(&fds, after));
	(void)close(before);
	(void)close(after);
	stage_close(&stage);
}
END_TEST

START_TEST(p30_none_are_named)
{
	struct sigchld_pool_options options;
	struct stage stage;
	struct fds fds;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.fds = NULL;
	options.n_fds = 0;
	memcpy(&fds, ask_one(&stage, &options, tell_fds)->data, sizeof(fds));
	ck_assert_int_eq(fds.n, n_standard() + 2);
	stage_close(&stage);
}
END_TEST

/* All of the test's, and as few of the library's as before: what the context
 * has, and the sibling, is closed. */
START_TEST(p30_all_that_are_not_the_librarys)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i, ours[3], n;
	struct fds fds;

	n = harness_count_fds();
	for (i = 0; i < 3; i++)
		ours[i] = some_fd();
	stage_open(&stage, NULL);
	options = stage_options(&stage, 2, 2);
	options.flags = SIGCHLD_POOL_KEEP_FDS;
	options.fds = NULL;
	options.n_fds = 0;
	options.on_request = tell_fds;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	memcpy(&fds, ask_and_wait(&stage, "it")->data, sizeof(fds));
	for (i = 0; i < 3; i++)
		ck_assert(has_fd(&fds, ours[i]));
	for (i = 0; i < DOORS; i++)
		ck_assert(has_fd(&fds, stage.door[i][0]));
	ck_assert(!has_fd(&fds, sigchld_fd(stage.ctx)));
	/* the ear stands in the table of the library: it is closed, too */
	ck_assert(!has_fd(&fds, stage.voice[0]));
	ck_assert_int_eq(fds.n, n + 3 + 2 * DOORS + 1 + 2);
	for (i = 0; i < 3; i++)
		(void)close(ours[i]);
	stage_close(&stage);
}
END_TEST

START_TEST(p30_one_of_those_named_is_not_open)
{
	struct sigchld_pool_options options;
	int fd = some_fd();
	struct stage stage;

	(void)close(fd);
	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	fd = fcntl(stage.fds[0], F_DUPFD, 100);
	ck_assert_int_ge(fd, 100);
	(void)close(fd);
	options.fds = &fd;
	options.n_fds = 1;
	MUST_BE(-EBADF, sigchld_pool_new(stage.ctx, &stage.pool, &options));
	ck_assert_ptr_null(stage.pool);
	stage_close(&stage);
}
END_TEST

/* A named one is there, and it is the same. */
static int
read_named(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	struct stage *stage = user;
	const int fd = *(const int *)stage->extra;
	char text[16];
	ssize_t n = read(fd, text, sizeof(text));

	(void)job;
	CHILD_MUST(n > 0);
	reply_copy(worker, text, (size_t)n);
	return 0;
}

START_TEST(p30_a_named_one_works)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(write(ends[1], "flour", 5), 5);
	stage_open(&stage, NULL);
	stage.extra = &ends[0];
	options = stage_options(&stage, 1, 1);
	options.fds = &ends[0];
	options.n_fds = 1;
	ck_assert_str_eq(ask_one(&stage, &options, read_named)->data, "flour");
	(void)close(ends[0]);
	(void)close(ends[1]);
	stage_close(&stage);
}
END_TEST

/* Group */

static int
tell_group(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	const pid_t group = getpgrp();

	(void)job;
	(void)user;
	reply_copy(worker, &group, sizeof(group));
	return 0;
}

static void
run_group(uint32_t flags)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	pid_t group;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.flags = flags;
	asked = ask_one(&stage, &options, tell_group);
	memcpy(&group, asked->data, sizeof(group));
	ck_assert_int_eq(group, flags == 0 ? getpgrp() : asked->reply.pid);
	stage_close(&stage);
}

START_TEST(s16_our_group)
{
	run_group(0);
}
END_TEST

START_TEST(s16_a_group_of_its_own)
{
	run_group(SIGCHLD_POOL_OWN_GROUP);
}
END_TEST

/* A grandchild has the voice; when it is gone, nobody has. */
static int
have_offspring(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	struct stage *stage = user;
	const char *rest;
	size_t len;

	if (!is_word(job, "family", &rest, &len))
		return obey(worker, job, user);
	if (fork() == 0)
		pause_for_ever();
	say_from(stage, worker, 'f');
	pause_for_ever();
	return 0;
}

static void
run_offspring(uint32_t signalled)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	int alive_pipe[2];
	struct stage stage;
	int fds[DOORS + 2];

	no_core_files();
	clock_begin();
	ck_assert_int_eq(pipe2(alive_pipe, O_CLOEXEC), 0);
	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	memcpy(fds, stage.fds, sizeof(stage.fds));
	fds[DOORS + 1] = alive_pipe[1];
	options.fds = fds;
	options.n_fds = DOORS + 2;
	options.flags = SIGCHLD_POOL_OWN_GROUP;
	options.on_request = have_offspring;
	options.request_ms = MINUTE_MS;
	stage_play(&stage, &options);
	asked = ask(&stage, "family");
	UNTIL(&stage, n_said(&stage, 'f') == 1);
	ck_assert(!harness_readable(alive_pipe[0], 0));
	if (signalled == SIGCHLD_STOPPED_POOL)
		MUST_BE(0,
		    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT, 0));
	else
		jump(OVER_MINUTE);
	UNTIL(&stage, asked->n_replies == 1 && stage.n_ends == 1);
	ck_assert_uint_eq(stage.ends[0].reason, signalled);
	if (signalled == SIGCHLD_KILLED_TIMEOUT) {
		MUST_BE(0,
		    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT, 0));
		UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_STOPPED));
	}
	(void)close(alive_pipe[1]);
	ck_assert(harness_readable(alive_pipe[0], (int)harness_patience_ms()));
	(void)close(alive_pipe[0]);
	stage_close(&stage);
}

START_TEST(s16_a_group_is_aborted_as_one)
{
	run_offspring(SIGCHLD_KILLED_TIMEOUT);
}
END_TEST

START_TEST(s16_a_group_is_stopped_as_one)
{
	run_offspring(SIGCHLD_STOPPED_POOL);
}
END_TEST

/* What it may call */

static void
count_done(void *data)
{
	(void)mark(data, 0);
}

/* Gives the line where something is wrong, or 0. */
#define TRY(condition) \
	do { \
		if (!(condition)) \
			return __LINE__; \
	} while (0)

static int
reply_in_all_ways(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	static char text[101];
	struct stage *stage = user;

	if (job->len > 0 && *(const char *)job->data == 'n')
		return stage->marks[0] == 1 ? 0 : __LINE__; /* the next one */
	TRY(sigchld_worker_reply(worker, text, 101, count_done) == -EMSGSIZE);
	TRY(stage->marks[0] == 0);
	TRY(sigchld_worker_reply(worker, stage, 0, count_done) == 0);
	TRY(stage->marks[0] == 0);
	TRY(sigchld_worker_reply(worker, stage, 0, count_done) == -EALREADY);
	TRY(sigchld_worker_reply(worker, text, 101, count_done) < 0);
	TRY(sigchld_worker_reply(worker, NULL, 0, NULL) == -EALREADY);
	TRY(stage->marks[0] == 0);
	return 0;
}

START_TEST(s16_one_reply_and_then_done)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.reply_max = 100;
	asked = ask_one(&stage, &options, reply_in_all_ways);
	ck_assert_int_eq(asked->reply.status, 0);
	ck_assert_uint_eq(asked->reply.len, 0);
	asked = ask_and_wait(&stage, "next");
	ck_assert_int_eq(asked->reply.status, 0);
	ck_assert_int_eq(stage.marks[0], 1);
	stage_close(&stage);
}
END_TEST

static int
init_in_vain(struct sigchld_worker *worker, void *user)
{
	(void)user;
	TRY(sigchld_worker_reply(worker, "x", 1, NULL) == -EINVAL);
	TRY(sigchld_worker_hold(worker) == -EINVAL);
	TRY(sigchld_worker_release(worker) == -EINVAL);
	TRY(sigchld_worker_stopping(worker) == 0);
	return 0;
}

static void
exit_in_vain(struct sigchld_worker *worker, void *user)
{
	if (sigchld_worker_reply(worker, "x", 1, NULL) == -EINVAL &&
	    sigchld_worker_hold(worker) == -EINVAL)
		(void)mark(user, 0);
}

START_TEST(s16_no_reply_but_in_on_request)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_init = init_in_vain;
	options.on_exit = exit_in_vain;
	stage_play(&stage, &options);
	(void)ask_pid(&stage);
	MUST_BE(0,
	    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT,
		SIGCHLD_POOL_NONE));
	UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_STOPPED));
	ck_assert_int_eq(stage.n_ends, 1);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_STOPPED_POOL);
	ck_assert_int_eq(stage.marks[0], 1);
	stage_close(&stage);
}
END_TEST

START_TEST(s16_what_on_request_gives)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	stage_play(&stage, &options);
	asked = ask_and_wait(&stage, "give 0");
	ck_assert_int_eq(asked->reply.status, 0);
	asked = ask_and_wait(&stage, "give 2147483647");
	ck_assert_int_eq(asked->reply.status, 2147483647);
	ck_assert_uint_eq(asked->reply.len, 0);
	asked = ask_and_wait(&stage, "give 1");
	ck_assert_int_eq(asked->reply.status, 1);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

static int
say_who(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	const uint64_t who[4] = {
		sigchld_worker_slot(worker),
		sigchld_worker_generation(worker),
		job->id,
		(uint64_t)sigchld_worker_stopping(worker),
	};

	(void)user;
	reply_copy(worker, who, sizeof(who));
	return 0;
}

START_TEST(s16_it_knows_who_it_is)
{
	struct sigchld_pool_options options;
	struct sigchld_worker_info *worker;
	struct roster roster;
	struct asked *asked;
	struct stage stage;
	uint64_t who[4];

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	asked = ask_one(&stage, &options, say_who);
	memcpy(who, asked->data, sizeof(who));
	roster = workers_of(&stage);
	ck_assert_int_eq(roster.n, 1);
	worker = &roster.workers[0];
	ck_assert_uint_eq(who[0], worker->slot);
	ck_assert_uint_eq(who[1], worker->generation);
	ck_assert_uint_eq(who[2], asked->id);
	ck_assert_uint_eq(who[3], 0);
	ck_assert_uint_eq(worker->served, 1);
	free(roster.workers);
	stage_close(&stage);
}
END_TEST

/* S12: it may go, once this is done; no failure, so nobody waits. */
START_TEST(s12_a_request_has_its_worker_recycled)
{
	struct sigchld_pool_options options;
	struct asked *asked, *next;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.backoff_ms = 1000000;
	options.backoff_max_ms = 1000000;
	options.give_up = 1;
	stage_play(&stage, &options);
	for (i = 1; i <= 5; i++) {
		asked = ask(&stage, "recycle");
		next = ask(&stage, "pid");
		UNTIL(&stage, next->n_replies == 1);
		ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
		ck_assert_uint_eq(next->reply.outcome, SIGCHLD_DONE);
		ck_assert_int_ne(next->reply.pid, asked->reply.pid);
		ck_assert_int_eq(stage.n_ends, i);
		ck_assert_uint_eq(stage.ends[i - 1].reason, SIGCHLD_RECYCLED);
		ck_assert_int_eq(stage.ends[i - 1].pid, asked->reply.pid);
		ck_assert_int_eq(stage.ends[i - 1].wstatus, 0);
		ck_assert_uint_eq(stage.ends[i - 1].next_fork_ms, 0);
		ck_assert_uint_eq(stage.ends[i - 1].request, 0);
	}
	ck_assert_int_eq(n_states_seen(&stage, SIGCHLD_POOL_FAILED), 0);
	stage_close(&stage);
}
END_TEST

/* It learns that it is to go while it works. */
static int
work_until_stopped(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	(void)job;
	say_from(user, worker, 'k');
	while (sigchld_worker_stopping(worker) == 0)
		(void)sched_yield();
	reply_copy(worker, "stopped", 7);
	return 0;
}

START_TEST(s16_it_learns_that_it_is_to_go)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_request = work_until_stopped;
	stage_play(&stage, &options);
	asked = ask(&stage, "it");
	UNTIL(&stage, n_said(&stage, 'k') == 1);
	MUST_BE(0,
	    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT,
		SIGCHLD_POOL_NONE));
	UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_STOPPED));
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_str_eq(asked->data, "stopped");
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_STOPPED_POOL);
	ck_assert_int_eq(stage.ends[0].wstatus, 0);
	stage_close(&stage);
}
END_TEST

static int
recycle_and_ask(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	(void)job;
	(void)user;
	TRY(sigchld_worker_stopping(worker) == 0);
	sigchld_worker_recycle(worker);
	TRY(sigchld_worker_stopping(worker) == 1);
	sigchld_worker_recycle(worker);
	return 0;
}

START_TEST(s12_it_knows_that_it_is_to_be_recycled)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	asked = ask_one(&stage, &options, recycle_and_ask);
	ck_assert_int_eq(asked->reply.status, 0);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_RECYCLED);
	stage_close(&stage);
}
END_TEST

/* The pool and its context are the parent's; a context of its own works. */
static int
try_the_parents(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	struct sigchld_pool_stats stats = { .size = sizeof(stats) };
	struct sigchld_event event = { .size = sizeof(event) };
	struct stage *stage = user;
	struct sigchld_child *child;
	struct sigchld_ctx *ctx;
	pid_t pid;

	(void)worker;
	(void)job;
	TRY(sigchld_pool_submit(stage->pool, NULL,
		SIGCHLD_REQUEST(.data = "x", .len = 1)) == -EPERM);
	TRY(sigchld_pool_get_stats(stage->pool, &stats) == -EPERM);
	TRY(sigchld_pool_stop(stage->pool, SIGCHLD_STOP_REJECT, 0) == -EPERM);
	TRY(sigchld_pool_resize(stage->pool, 1, 2) == -EPERM);
	TRY(sigchld_pool_roll(stage->pool, 1) == -EPERM);
	TRY(sigchld_pool_state(stage->pool) == -EPERM);
	TRY(sigchld_dispatch(stage->ctx) == -EPERM);
	TRY(sigchld_new(&ctx, NULL) == 0);
	pid = sigchld_fork(ctx, &child, 0, NULL, NULL);
	if (pid == 0)
		_exit(7);
	TRY(pid > 0);
	TRY(sigchld_child_wait(child, 10000, &event) == 1);
	TRY(event.wstatus == 7 << 8);
	sigchld_child_free(child);
	sigchld_free(ctx);
	return 0;
}

START_TEST(s16_the_parents_objects_are_the_parents)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	asked = ask_one(&stage, &options, try_the_parents);
	ck_assert_int_eq(asked->reply.status, 0);
	ck_assert_uint_eq(stats_of_pool(&stage).submitted, 1);
	(void)ask_and_wait(&stage, "it");
	stage_close(&stage);
}
END_TEST

/* The end */

static struct stage *at_exit_stage;

static void
parents_atexit(void)
{
	if (at_exit_stage != NULL)
		(void)mark(at_exit_stage, 0);
}

/* The buffer was half full at the fork; the worker puts nothing out of it. */
START_TEST(s16_it_ends_without_atexit_or_stdio)
{
	struct sigchld_pool_options options;
	int ends[2], fds[DOORS + 2];
	struct stage stage;
	char text[64];
	FILE *file;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	file = fdopen(ends[1], "w");
	ck_assert_ptr_nonnull(file);
	stage_open(&stage, NULL);
	at_exit_stage = &stage;
	ck_assert_int_eq(atexit(parents_atexit), 0);
	ck_assert_int_gt(fprintf(file, "once"), 0);
	options = stage_options(&stage, 2, 2);
	memcpy(fds, stage.fds, sizeof(stage.fds));
	fds[DOORS + 1] = ends[1];
	options.fds = fds;
	options.n_fds = DOORS + 2;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	(void)ask_and_wait(&stage, "recycle");
	UNTIL(&stage, stage.n_ends == 1);
	MUST_BE(0,
	    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT,
		SIGCHLD_POOL_NONE));
	UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_STOPPED));
	ck_assert_int_eq(stage.n_ends, 3);
	ck_assert_int_eq(stage.marks[0], 0);
	(void)fclose(file);
	ck_assert_int_eq(read(ends[0], text, sizeof(text)), 4);
	ck_assert_mem_eq(text, "once", 4);
	ck_assert_int_eq(read(ends[0], text, sizeof(text)), 0);
	(void)close(ends[0]);
	at_exit_stage = NULL;
	stage_close(&stage);
}
END_TEST

static int
fail_to_init(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	return mark(user, 1) == 1 ? 42 : 0;
}

static void
count_last(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	(void)mark(user, 2);
}

static int
fail_with_256(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	return mark(user, 1) == 1 ? 256 : 0;
}

/* What a status cannot hold is a failure all the same. */
START_TEST(s16_an_init_that_gives_256)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_init = fail_with_256;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	ck_assert_int_eq(stage.n_ends, 1);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_INIT_FAILED);
	ck_assert_int_eq(stage.ends[0].wstatus, 255 << 8);
	stage_close(&stage);
}
END_TEST

static int
be_ready_twice(struct sigchld_worker *worker, void *user)
{
	(void)user;
	CHILD_MUST(sigchld_worker_ready(worker) == 0);
	CHILD_MUST(sigchld_worker_ready(worker) == 0);
	return 0;
}

/* To say it again is to say nothing; and who has said it needs no more. */
START_TEST(s16_ready_more_than_once)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_init = be_ready_twice;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	ck_assert_int_eq(ask_pid(&stage), ask_pid(&stage));
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

/* on_exit is the last of all, also of one that never was. */
START_TEST(s16_on_exit_after_a_failed_init)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_init = fail_to_init;
	options.on_exit = count_last;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	ck_assert_int_eq(stage.n_ends, 1);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_INIT_FAILED);
	ck_assert_int_eq(stage.ends[0].wstatus, 42 << 8);
	ck_assert_uint_eq(stage.ends[0].ready, 0);
	ck_assert_int_eq(stage.marks[2], 1);
	MUST_BE(0,
	    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT,
		SIGCHLD_POOL_NONE));
	UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_STOPPED));
	ck_assert_int_eq(stage.marks[2], 2);
	stage_close(&stage);
}
END_TEST

/* In order, each once. */
static int
order_init(struct sigchld_worker *worker, void *user)
{
	say_from(user, worker, 'i');
	return 0;
}

static void
order_child(struct sigchld_worker *worker, void *user)
{
	say_from(user, worker, 'c');
}

static int
order_request(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	(void)job;
	say_from(user, worker, 'r');
	return 0;
}

static void
order_exit(struct sigchld_worker *worker, void *user)
{
	say_from(user, worker, 'x');
}

START_TEST(s16_the_hooks_in_order)
{
	const char *want = "cirrx";
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.in_child = order_child;
	options.on_init = order_init;
	options.on_request = order_request;
	options.on_exit = order_exit;
	stage_play(&stage, &options);
	(void)ask_and_wait(&stage, "1");
	(void)ask_and_wait(&stage, "2");
	MUST_BE(0,
	    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT,
		SIGCHLD_POOL_NONE));
	UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_STOPPED));
	UNTIL(&stage, stage.n_said == 5);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(stage.said[i].what, want[i]);
	stage_close(&stage);
}
END_TEST

/* Listener mode */

static int
run_once(struct sigchld_worker *worker, void *user)
{
	struct stage *stage = user;
	int i;

	if (mark(stage, 1) > 1) {
		struct pollfd fd = { .fd = sigchld_worker_fd(worker),
			.events = POLLIN };

		while (sigchld_worker_stopping(worker) == 0)
			(void)poll(&fd, 1, -1);
		return 0;
	}
	for (i = 0; i < 3; i++) {
		if (sigchld_worker_begin(worker) == 0)
			return 1;
		if (sigchld_worker_done(worker) != 0)
			return 2;
	}
	return 5;
}

START_TEST(s16_what_run_gives_is_the_status)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_request = NULL;
	options.run = run_once;
	options.on_exit = count_last;
	stage_play(&stage, &options);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_EXITED_BADLY);
	ck_assert_int_eq(stage.ends[0].wstatus, 5 << 8);
	ck_assert_uint_eq(stage.ends[0].served, 3);
	ck_assert_int_eq(stage.marks[2], 1);
	UNTIL(&stage, stage.marks[1] == 2);
	MUST_BE(0,
	    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT,
		SIGCHLD_POOL_NONE));
	UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_STOPPED));
	ck_assert_int_eq(stage.marks[2], 2);
	ck_assert_uint_eq(stats_of_pool(&stage).served, 3);
	stage_close(&stage);
}
END_TEST

static int
count_to_the_end(struct sigchld_worker *worker, void *user)
{
	struct stage *stage = user;
	int n = 0;

	do {
		if (!pass(stage, 0))
			return 3;
		(void)sigchld_worker_begin(worker);
		n++;
	} while (sigchld_worker_done(worker) == 0);
	return sigchld_worker_stopping(worker) == 1 && n == 4 ? 0 : 4;
}

START_TEST(s11_a_listener_counts_for_max_requests)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_request = NULL;
	options.run = count_to_the_end;
	options.max_requests = 4;
	options.max_requests_jitter = SIGCHLD_POOL_NONE;
	stage_play(&stage, &options);
	let_pass(&stage, 0, 12);
	UNTIL(&stage, stage.n_ends == 3);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(stage.ends[i].reason, SIGCHLD_MAX_REQUESTS);
		ck_assert_int_eq(stage.ends[i].wstatus, 0);
		ck_assert_uint_eq(stage.ends[i].served, 4);
		ck_assert_uint_eq(stage.ends[i].next_fork_ms, 0);
	}
	ck_assert_uint_eq(stats_of_pool(&stage).served, 12);
	stage_close(&stage);
}
END_TEST

static int
run_and_recycle(struct sigchld_worker *worker, void *user)
{
	if (!pass(user, 0))
		return 3;
	(void)sigchld_worker_begin(worker);
	sigchld_worker_recycle(worker);
	return sigchld_worker_done(worker) == 1 ? 0 : 4;
}

START_TEST(s12_a_listener_is_recycled)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_request = NULL;
	options.run = run_and_recycle;
	stage_play(&stage, &options);
	let_pass(&stage, 0, 3);
	UNTIL(&stage, stage.n_ends == 3);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(stage.ends[i].reason, SIGCHLD_RECYCLED);
		ck_assert_int_eq(stage.ends[i].wstatus, 0);
		ck_assert_uint_eq(stage.ends[i].served, 1);
	}
	stage_close(&stage);
}
END_TEST

/* How often it went to sleep so far; -1: it does not sleep now. */
static long
sleeps_of(pid_t pid)
{
	char path[64], line[128], state = '?';
	long n = -1;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (file == NULL)
		harness_skip("there is no /proc");
	while (fgets(line, sizeof(line), file) != NULL) {
		(void)sscanf(line, "State: %c", &state);
		(void)sscanf(line, "voluntary_ctxt_switches: %ld", &n);
	}
	(void)fclose(file);
	return state == 'S' ? n : -1;
}

/* Its reply is taken while it sleeps, and that is no news for it. */
START_TEST(an_idle_worker_is_not_woken_for_nothing)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	long before;
	pid_t pid;
	int i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	pid = worker_in(&stage, 0);
	for (i = 0; i < 5; i++) {
		UNTIL_SEEN((before = sleeps_of(pid)) >= 0);
		asked = ask(&stage, "echo it");
		UNTIL_SEEN(sleeps_of(pid) > before); /* it has replied */
		before = sleeps_of(pid);
		UNTIL(&stage, asked->n_replies == 1);
		UNTIL_SEEN(sleeps_of(pid) >= 0);
		ck_assert_int_eq(sleeps_of(pid), before);
	}
	stage_close(&stage);
}
END_TEST

HARNESS("inside",
    {
	HARNESS_TEST(s16_signals_are_default_and_the_mask_is_as_it_was),
	HARNESS_TEST(s16_a_signal_does_what_it_does),
	HARNESS_TEST(s16_its_name_is_name_and_slot),
	HARNESS_TEST(s16_the_parent_keeps_its_name),
	HARNESS_TEST(s16_the_parent_is_named_if_it_asks),
	HARNESS_TEST(s16_without_a_name_all_is_as_it_is),
	HARNESS_TEST(p30_only_those_that_are_named),
	HARNESS_TEST(p30_none_are_named),
	HARNESS_TEST(p30_all_that_are_not_the_librarys),
	HARNESS_TEST(p30_one_of_those_named_is_not_open),
	HARNESS_TEST(p30_a_named_one_works),
	HARNESS_TEST(s16_our_group),
	HARNESS_TEST(s16_a_group_of_its_own),
	HARNESS_TEST(s16_a_group_is_aborted_as_one),
	HARNESS_TEST(s16_a_group_is_stopped_as_one),
	HARNESS_TEST(s16_one_reply_and_then_done),
	HARNESS_TEST(s16_no_reply_but_in_on_request),
	HARNESS_TEST(s16_what_on_request_gives),
	HARNESS_TEST(s16_it_knows_who_it_is),
	HARNESS_TEST(s12_a_request_has_its_worker_recycled),
	HARNESS_TEST(s16_it_learns_that_it_is_to_go),
	HARNESS_TEST(s12_it_knows_that_it_is_to_be_recycled),
	HARNESS_TEST(s16_the_parents_objects_are_the_parents),
	HARNESS_TEST(s16_it_ends_without_atexit_or_stdio),
	HARNESS_TEST(s16_on_exit_after_a_failed_init),
	HARNESS_TEST(s16_an_init_that_gives_256),
	HARNESS_TEST(s16_ready_more_than_once),
	HARNESS_TEST(s16_the_hooks_in_order),
	HARNESS_TEST(s16_what_run_gives_is_the_status),
	HARNESS_TEST(s11_a_listener_counts_for_max_requests),
	HARNESS_TEST(s12_a_listener_is_recycled),
	HARNESS_TEST(an_idle_worker_is_not_woken_for_nothing),
    })
