/*
 * test_death.c - P1 to P10: workers die, and nothing is lost by it
 *
 * wrap: kill pidfd_signal now_ms now_us timerfd_arm
 *
 * Every signal that the library sends is noted, with the pid that it was for. A
 * worker that dies by the hand of the test is killed by a kill(2) of its own,
 * which is not noted.
 */
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "core/sys.h"
#include "help3.h"

#define MANY 40

static pid_t signalled[64];
static int n_signalled;

int __real_sigchld__sys_kill(pid_t pid, int sig);
int __wrap_sigchld__sys_kill(pid_t pid, int sig);
int __real_sigchld__sys_pidfd_signal(int pidfd, int sig, bool group);
int __wrap_sigchld__sys_pidfd_signal(int pidfd, int sig, bool group);

static void
note_signal(pid_t pid, int sig)
{
	if (sig != 0 && n_signalled < 64)
		signalled[n_signalled++] = pid;
}

int
__wrap_sigchld__sys_kill(pid_t pid, int sig)
{
	note_signal(pid < 0 ? -pid : pid, sig);
	return __real_sigchld__sys_kill(pid, sig);
}

int
__wrap_sigchld__sys_pidfd_signal(int pidfd, int sig, bool group)
{
	note_signal(sigchld__sys_pidfd_pid(pidfd), sig);
	return __real_sigchld__sys_pidfd_signal(pidfd, sig, group);
}

/* A pool of n workers, all idle. */
static void
play_idle(struct stage *stage, uint32_t n)
{
	const struct sigchld_pool_options options = stage_options(stage, n, n);

	stage_play(stage, &options);
	UNTIL(stage, stats_of_pool(stage).idle == n);
}

/* Dead, and not yet seen by anybody. */
static void
kill_unseen(pid_t pid)
{
	send_signal(pid, SIGKILL);
	harness_await_zombie(pid);
}

START_TEST(p1_an_idle_worker_that_was_killed_is_replaced)
{
	const struct sigchld_worker_end *end;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	play_idle(&stage, 4);
	pid = worker_in(&stage, 2);
	send_signal(pid, SIGKILL);
	UNTIL(&stage, stage.n_ends == 1 && stats_of_pool(&stage).idle == 4);
	end = end_of(&stage, pid);
	ck_assert_ptr_nonnull(end);
	ck_assert_uint_eq(end->reason, SIGCHLD_KILLED);
	ck_assert_int_eq(end->wstatus, SIGKILL);
	ck_assert_uint_eq(end->slot, 2);
	ck_assert_uint_eq(end->ready, 1);
	ck_assert_uint_eq(end->served, 0);
	ck_assert_uint_eq(end->request, 0);
	ck_assert_uint_eq(end->next_fork_ms, 0);
	ck_assert(harness_is_reaped(pid));
	ck_assert_int_eq(stage.n_forks, 5);
	ck_assert_uint_eq(stage.forks[4].slot, 2);
	ck_assert_int_eq(stage.forks[4].pid, worker_in(&stage, 2));
	ck_assert_int_eq(harness_count_children(), 4);
	stage_close(&stage);
}
END_TEST

/* No time passes and nobody calls: what the descriptor says is enough, from the
 * death to the successor that is ready. In the portable build it tells of the
 * death; of what workers say the wait of the library does. */
START_TEST(p1_a_death_wakes_the_parent)
{
	const int patience = (int)harness_patience_ms();
	uint32_t want = 2;
	struct stage stage;
	int i;

#ifdef SIGCHLD_PORTABLE
	want = 0;
#endif
	stage_open(&stage, NULL);
	play_idle(&stage, 2);
	for (i = 0; i < 100 && sigchld_dispatch(stage.ctx) > 0; i++)
		continue;
	kill_unseen(worker_in(&stage, 0));
	while (stage.n_ends == 0 || stats_of_pool(&stage).idle < want) {
		ck_assert_msg(sigchld_timeout(stage.ctx) == 0 ||
			harness_readable(sigchld_fd(stage.ctx), patience),
		    "%d ends, %d forks", stage.n_ends, stage.n_forks);
		ck_assert_int_ge(sigchld_dispatch(stage.ctx), 0);
	}
	ck_assert_int_eq(stage.n_ends, 1);
	stage_close(&stage);
}
END_TEST

/* The end is told before what came of the request. */
static void
end_before_reply(struct sigchld_pool *pool,
    const struct sigchld_worker_end *end, void *user)
{
	const struct stage *stage = user;

	see_end(pool, end, user);
	ck_assert_int_eq(stage->n_replies, 0);
}

START_TEST(p2_a_request_whose_worker_is_killed_is_lost_once)
{
	const struct sigchld_worker_end *end;
	struct sigchld_pool_options options;
	struct asked *lost, *other;
	struct stage stage;
	pid_t pid;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 2, 2);
	options.on_end = end_before_reply;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	lost = ask_to_wait(&stage, 0);
	other = ask_to_wait(&stage, 1);
	pid = who_said(&stage, 'w', 0);
	send_signal(pid, SIGKILL);
	UNTIL(&stage, lost->n_replies == 1);
	ck_assert_uint_eq(lost->reply.outcome, SIGCHLD_LOST);
	ck_assert_uint_eq(lost->reply.started, 1);
	ck_assert_uint_eq(lost->reply.reason, SIGCHLD_KILLED);
	ck_assert_int_eq(lost->reply.wstatus, SIGKILL);
	ck_assert_int_eq(lost->reply.pid, pid);
	ck_assert_uint_eq(lost->reply.len, 0);
	end = end_of(&stage, pid);
	ck_assert_ptr_nonnull(end);
	ck_assert_uint_eq(end->request, lost->id);
	ck_assert_uint_eq(end->slot, lost->reply.slot);
	ck_assert_int_eq(other->n_replies, 0);
	let_pass(&stage, 1, 1);
	UNTIL(&stage, other->n_replies == 1);
	ck_assert_uint_eq(other->reply.outcome, SIGCHLD_DONE);
	ck_assert_str_eq(other->data, "done");
	(void)ask_and_wait(&stage, "echo");
	stage_close(&stage);
}
END_TEST

struct autopsy {
	const char *text;
	uint32_t reason;
	int wstatus;
};

static const struct autopsy autopsies[] = {
	{ "exit 0", SIGCHLD_CLEAN, 0 },
	{ "exit 3", SIGCHLD_EXITED_BADLY, 3 << 8 },
	{ "raise 6", SIGCHLD_CRASHED, SIGABRT },
	{ "raise 11", SIGCHLD_CRASHED, SIGSEGV },
	{ "raise 31", SIGCHLD_CRASHED, SIGSYS },
	{ "raise 15", SIGCHLD_KILLED, SIGTERM },
	{ "raise 9", SIGCHLD_KILLED, SIGKILL },
};

/* Somebody may take the cores of this machine, whatever the limit is. */
static int
without_core(int wstatus)
{
	return wstatus & ~0x80;
}

static void
check_autopsy(struct stage *stage, const struct autopsy *autopsy)
{
	struct asked *asked = ask(stage, autopsy->text);
	const struct sigchld_worker_end *end;

	UNTIL(stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_LOST);
	ck_assert_uint_eq(asked->reply.started, 1);
	ck_assert_uint_eq(asked->reply.reason, autopsy->reason);
	ck_assert_int_eq(without_core(asked->reply.wstatus), autopsy->wstatus);
	end = end_of(stage, asked->reply.pid);
	ck_assert_ptr_nonnull(end);
	ck_assert_uint_eq(end->reason, autopsy->reason);
	ck_assert_int_eq(without_core(end->wstatus), autopsy->wstatus);
	ck_assert_uint_eq(end->request, asked->id);
}

/* A sanitizer would take a SIGSEGV for its own: the worker has the default. */
static void
take_defaults(struct sigchld_worker *worker, void *user)
{
	const struct rlimit none = { 0, 0 };

	(void)worker;
	(void)user;
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)signal(SIGSEGV, SIG_DFL);
	(void)signal(SIGABRT, SIG_DFL);
}

START_TEST(p2_why_a_worker_ended_is_told)
{
	const size_t n = sizeof(autopsies) / sizeof(autopsies[0]);
	struct sigchld_pool_options options;
	struct stage stage;
	size_t i;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.in_child = take_defaults;
	stage_play(&stage, &options);
	for (i = 0; i < n; i++)
		check_autopsy(&stage, &autopsies[i]);
	ck_assert_int_eq(stage.n_ends, (int)n);
	stage_close(&stage);
}
END_TEST

/* The worker serves one, and is dead before anybody reads what it replied. */
static void
ask_for_last_words(struct stage *stage)
{
	const pid_t pid = worker_in(stage, 0);

	(void)ask(stage, "echo last words");
	harness_await_zombie(pid);
	ck_assert_int_eq(stage->n_replies, 0);
}

static void
ask_in_callback(struct sigchld_ctx *ctx, struct sigchld_fdref ref,
    uint32_t revents, void *user)
{
	(void)ctx;
	(void)revents;
	MUST_BE(1, sigchld_fd_remove(ref)); /* when this has returned */
	ask_for_last_words(user);
}

static void
play_one_request_each(struct stage *stage)
{
	struct sigchld_pool_options options = stage_options(stage, 1, 1);

	options.max_requests = 1;
	options.max_requests_jitter = SIGCHLD_POOL_NONE;
	stage_play(stage, &options);
	UNTIL(stage, stats_of_pool(stage).idle == 1);
}

static void
check_last_words(struct stage *stage)
{
	UNTIL(stage, stage->n_replies == 1);
	ck_assert_uint_eq(stage->asked[0]->reply.outcome, SIGCHLD_DONE);
	ck_assert_str_eq(stage->asked[0]->data, "last words");
	UNTIL(stage, stage->n_ends == 1);
	ck_assert_uint_eq(stage->ends[0].reason, SIGCHLD_MAX_REQUESTS);
	ck_assert_uint_eq(stage->ends[0].request, 0);
	ck_assert_uint_eq(stage->ends[0].served, 1);
	ck_assert_uint_eq(stage->ends[0].next_fork_ms, 0);
}

START_TEST(p2_a_reply_outlives_its_worker)
{
	struct stage stage;

	stage_open(&stage, NULL);
	play_one_request_each(&stage);
	ask_for_last_words(&stage);
	check_last_words(&stage);
	stage_close(&stage);
}
END_TEST

/* The dispatch has looked for what can be read, but not yet for the dead. */
START_TEST(p2_a_reply_that_comes_within_a_dispatch_outlives_its_worker)
{
	struct stage stage;
	int ends[2];

	stage_open(&stage, NULL);
	play_one_request_each(&stage);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(write(ends[1], "", 1), 1);
	MUST_BE(0,
	    sigchld_fd_insert(stage.ctx, NULL, ends[0], POLLIN, ask_in_callback,
		&stage));
	UNTIL(&stage, stage.n_asked == 1);
	check_last_words(&stage);
	(void)close(ends[0]);
	(void)close(ends[1]);
	stage_close(&stage);
}
END_TEST

/* All are busy, and one more request waits. */
static void
serve_instead_of(uint32_t nth)
{
	struct asked *asked[3], *waits;
	struct stage stage;
	uint32_t i;
	pid_t pid;

	stage_open(&stage, NULL);
	play_idle(&stage, 3);
	for (i = 0; i < 3; i++)
		asked[i] = ask_to_wait(&stage, 0);
	waits = ask(&stage, "pid");
	ck_assert_uint_eq(stats_of_pool(&stage).backlog, 1);
	pid = who_said(&stage, 'w', (int)nth);
	send_signal(pid, SIGKILL);
	UNTIL(&stage, waits->n_replies == 1);
	ck_assert_uint_eq(asked[nth]->reply.outcome, SIGCHLD_LOST);
	ck_assert_uint_eq(waits->reply.outcome, SIGCHLD_DONE);
	ck_assert_int_eq(stage.n_forks, 4);
	ck_assert_int_eq(waits->reply.pid, stage.forks[3].pid);
	ck_assert_uint_eq(waits->reply.slot, asked[nth]->reply.slot);
	ck_assert_int_eq(stage.n_replies, 2);
	ck_assert_uint_eq(stats_of_pool(&stage).busy, 2);
	let_all_pass(&stage, 0);
	UNTIL(&stage, stage.n_replies == 4);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE], 3);
	stage_close(&stage);
}

START_TEST(p3_the_longest_busy_is_killed_and_who_waits_is_served)
{
	serve_instead_of(0);
}
END_TEST

START_TEST(p3_the_last_busy_is_killed_and_who_waits_is_served)
{
	serve_instead_of(2);
}
END_TEST

/* The worker whose turn it is (the one that was busy last) is dead, and the
 * parent does not know: the other one does it. */
START_TEST(p4_a_request_for_a_dead_worker_is_done_by_another)
{
	struct asked *asked;
	struct stage stage;
	pid_t pid;
	int i;

	stage_open(&stage, NULL);
	play_idle(&stage, 2);
	for (i = 0; i < 50; i++) {
		pid = ask_pid(&stage);
		kill_unseen(pid);
		asked = ask(&stage, "pid");
		UNTIL(&stage, asked->n_replies == 1);
		ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
		ck_assert_int_ne(asked->reply.pid, pid);
		UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	}
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_KILLED), 50);
	ck_assert_int_eq(stage.n_ends, 50);
	stage_close(&stage);
}
END_TEST

/* The same without another one: the replacement does it. */
START_TEST(p4_a_request_for_the_only_worker_is_done_by_the_next)
{
	struct asked *asked;
	struct stage stage;
	pid_t pid;
	int i;

	stage_open(&stage, NULL);
	play_idle(&stage, 1);
	for (i = 0; i < 20; i++) {
		pid = ask_pid(&stage);
		kill_unseen(pid);
		asked = ask(&stage, "pid");
		UNTIL(&stage, asked->n_replies == 1);
		ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
		ck_assert_int_ne(asked->reply.pid, pid);
	}
	stage_close(&stage);
}
END_TEST

/* Whoever it is tried on is dead, too; it is tried once more and not for ever.
 * Whatever comes of it, no worker began it, and each is told of once. */
START_TEST(p4_all_are_dead_and_each_request_is_told_of)
{
	struct asked *asked[3];
	struct stage stage;
	uint32_t i;

	stage_open(&stage, NULL);
	play_idle(&stage, 3);
	for (i = 0; i < 3; i++)
		kill_unseen(worker_in(&stage, i));
	for (i = 0; i < 3; i++)
		asked[i] = ask(&stage, "echo x");
	UNTIL(&stage, stage.n_replies == 3);
	for (i = 0; i < 3; i++) {
		if (asked[i]->reply.outcome == SIGCHLD_DONE) {
			ck_assert_str_eq(asked[i]->data, "x");
			continue;
		}
		ck_assert_uint_eq(asked[i]->reply.outcome, SIGCHLD_LOST);
		ck_assert_uint_eq(asked[i]->reply.started, 0);
		ck_assert_int_eq(asked[i]->reply.wstatus, SIGKILL);
	}
	UNTIL(&stage, stats_of_pool(&stage).idle == 3);
	ck_assert_int_eq(stage.n_ends, 3);
	stage_close(&stage);
}
END_TEST

/* It has the request, but does not run: it is killed, and did not begin. */
static struct asked *
ask_one_that_never_begins(struct stage *stage, uint32_t flags)
{
	struct sigchld_pool_options options = stage_options(stage, 2, 2);
	struct asked *asked;
	pid_t pid;

	options.flags = flags;
	stage_play(stage, &options);
	UNTIL(stage, stats_of_pool(stage).idle == 2);
	pid = ask_pid(stage);
	send_signal(pid, SIGSTOP);
	UNTIL(stage, proc_state(pid) == 'T');
	asked = ask(stage, "pid");
	UNTIL(stage, sigchld_dispatch(stage->ctx) == 0);
	ck_assert_uint_eq(stats_of_pool(stage).busy, 1);
	send_signal(pid, SIGKILL);
	UNTIL(stage, asked->n_replies == 1);
	ck_assert_int_eq(stage->n_ends, 1);
	ck_assert_int_eq(stage->ends[0].pid, pid);
	ck_assert_uint_eq(stage->ends[0].request, asked->id);
	return asked;
}

START_TEST(p4_a_request_that_was_not_begun_is_tried_once_more)
{
	struct stage stage;
	struct asked *asked;

	stage_open(&stage, NULL);
	asked = ask_one_that_never_begins(&stage, 0);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_uint_eq(asked->reply.started, 1);
	ck_assert_int_ne(asked->reply.pid, stage.ends[0].pid);
	ck_assert_uint_eq(stats_of_pool(&stage).retried, 1);
	stage_close(&stage);
}
END_TEST

START_TEST(p4_a_request_that_is_never_retried_is_reported)
{
	struct stage stage;
	struct asked *asked;

	stage_open(&stage, NULL);
	asked = ask_one_that_never_begins(&stage, SIGCHLD_POOL_RETRY_NEVER);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_LOST);
	ck_assert_uint_eq(asked->reply.started, 0);
	ck_assert_uint_eq(asked->reply.reason, SIGCHLD_KILLED);
	ck_assert_int_eq(asked->reply.wstatus, SIGKILL);
	ck_assert_int_eq(asked->reply.pid, stage.ends[0].pid);
	ck_assert_uint_eq(stats_of_pool(&stage).retried, 0);
	(void)ask_and_wait(&stage, "echo");
	stage_close(&stage);
}
END_TEST

/* All end while SIGCHLD is blocked: one signal stands for all of them. */
START_TEST(p5_all_workers_are_killed_at_once)
{
	struct stage stage;
	uint64_t signals;
	uint32_t i;

	stage_open(&stage, NULL);
	play_idle(&stage, MANY);
	signals = stats_of(stage.ctx).signals;
	block_sigchld(SIG_BLOCK);
	for (i = 0; i < MANY; i++)
		send_signal(worker_in(&stage, i), SIGKILL);
	for (i = 0; i < MANY; i++)
		harness_await_zombie(worker_in(&stage, i));
	block_sigchld(SIG_UNBLOCK);
	ck_assert_uint_le(stats_of(stage.ctx).signals - signals, 1);
	UNTIL(&stage,
	    stage.n_ends == MANY && stats_of_pool(&stage).idle == MANY);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_KILLED), MANY);
	ck_assert_int_eq(stage.n_forks, 2 * MANY);
	for (i = 0; i < MANY; i++) {
		ck_assert_uint_eq(stage.ends[i].next_fork_ms, 0);
		ck_assert(harness_is_reaped(stage.ends[i].pid));
	}
	ck_assert_int_eq(harness_count_children(), MANY);
	stage_close(&stage);
}
END_TEST

START_TEST(p6_two_pools_and_a_child_of_ours_end_together)
{
	struct harness_child ours = harness_fork_held(7);
	struct stage one, other;
	pid_t from_one, from_other;
	int wstatus;

	stage_open(&one, NULL);
	stage_open(&other, NULL);
	play_idle(&one, 2);
	play_idle(&other, 2);
	from_one = worker_in(&one, 0);
	from_other = worker_in(&other, 1);
	block_sigchld(SIG_BLOCK);
	kill_unseen(from_other);
	harness_release(&ours);
	harness_await_zombie(ours.pid);
	kill_unseen(from_one);
	block_sigchld(SIG_UNBLOCK);
	UNTIL_BOTH(&one, &other, one.n_ends > 0 && other.n_ends > 0);
	UNTIL_BOTH(&one, &other,
	    stats_of_pool(&one).idle == 2 && stats_of_pool(&other).idle == 2);
	ck_assert_int_eq(one.n_ends, 1);
	ck_assert_int_eq(one.ends[0].pid, from_one);
	ck_assert_int_eq(other.n_ends, 1);
	ck_assert_int_eq(other.ends[0].pid, from_other);
	ck_assert_int_eq(waitpid(ours.pid, &wstatus, WNOHANG), ours.pid);
	ck_assert_int_eq(wstatus, 7 << 8);
	stage_close_among(&one);
	stage_close(&other);
}
END_TEST

/* The child is dead before the library knows its pid. */

static int n_forks_to_kill;

static pid_t
fork_a_dead_one(void *user)
{
	const bool dies = n_forks_to_kill > 0;
	pid_t pid = fork();

	(void)user;
	if (pid == 0 && dies)
		(void)raise(SIGKILL);
	if (pid > 0 && dies) {
		n_forks_to_kill--;
		harness_await_zombie(pid);
	}
	return pid;
}

static void
check_dead_at_birth(struct stage *stage, int n)
{
	int i;

	UNTIL(stage, stats_of_pool(stage).idle == 1);
	ck_assert_int_eq(stage->n_ends, n);
	ck_assert_int_eq(stage->n_forks, n + 1);
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(stage->ends[i].pid, stage->forks[i].pid);
		ck_assert_uint_eq(stage->ends[i].slot, 0);
		ck_assert_uint_eq(stage->ends[i].ready, 0);
		ck_assert_int_eq(stage->ends[i].wstatus, SIGKILL);
		ck_assert_uint_ne(stage->ends[i].reason, SIGCHLD_LOST_STATUS);
		ck_assert(harness_is_reaped(stage->ends[i].pid));
	}
	(void)ask_and_wait(stage, "echo");
}

START_TEST(p7_a_worker_that_dies_within_the_fork_is_known)
{
	struct sigchld_pool_options options;
	struct stage stage;

	n_forks_to_kill = 3;
	stage_open(&stage, SIGCHLD_OPTIONS(.fork = fork_a_dead_one));
	options = stage_options(&stage, 1, 1);
	stage_play(&stage, &options);
	check_dead_at_birth(&stage, 3);
	stage_close(&stage);
}
END_TEST

static void
kill_after_fork(struct sigchld_pool *pool, uint32_t slot, pid_t pid, void *user)
{
	see_fork(pool, slot, pid, user);
	if (n_forks_to_kill > 0) {
		n_forks_to_kill--;
		kill_unseen(pid);
	}
}

START_TEST(p7_a_worker_that_dies_in_after_fork_is_known)
{
	struct sigchld_pool_options options;
	struct stage stage;

	n_forks_to_kill = 3;
	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.after_fork = kill_after_fork;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	ck_assert_int_eq(stage.n_ends, 3);
	ck_assert_int_eq(stage.n_forks, 4);
	ck_assert_int_eq(stage.ends[0].pid, stage.forks[0].pid);
	ck_assert_int_eq(stage.ends[0].wstatus, SIGKILL);
	stage_close(&stage);
}
END_TEST

/* The other worker shows that the parent has gone on meanwhile. */
START_TEST(p8_a_stopped_worker_is_not_dead)
{
	struct asked *asked;
	struct stage stage;
	pid_t pid;
	int i;

	stage_open(&stage, NULL);
	play_idle(&stage, 2);
	pid = ask_pid(&stage);
	send_signal(pid, SIGSTOP);
	UNTIL(&stage, proc_state(pid) == 'T');
	asked = ask(&stage, "pid");
	for (i = 0; i < 5; i++)
		ck_assert_int_ne(ask_pid(&stage), pid);
	ck_assert_int_eq(asked->n_replies, 0);
	send_signal(pid, SIGCONT);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_int_eq(asked->reply.pid, pid);
	ck_assert_int_eq(stage.n_ends, 0);
	ck_assert_int_eq(stage.n_forks, 2);
	stage_close(&stage);
}
END_TEST

/* A grandchild says 'g', keeps all descriptors and waits at door 3; the worker
 * itself waits at door 0. */
static int
leave_grandchild(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	struct stage *stage = user;

	if (job->len > 0)
		return obey(worker, job, user);
	if (fork() == 0) {
		(void)signal(SIGTERM, SIG_IGN);
		say_from(stage, worker, 'g');
		_exit(pass(stage, 3) ? 0 : 1);
	}
	(void)pass(stage, 0);
	return 0;
}

START_TEST(p9_a_grandchild_holds_the_channel_open)
{
	struct sigchld_pool_options options;
	pid_t pid, grandchild;
	struct asked *asked = NULL;
	struct stage stage;

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_request = leave_grandchild;
	stage_play(&stage, &options);
	MUST_BE(0, ask_with(&stage, "", 0, NULL, &asked));
	UNTIL(&stage, n_said(&stage, 'g') == 1);
	grandchild = who_said(&stage, 'g', 0);
	pid = worker_in(&stage, 0);
	send_signal(pid, SIGKILL);
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_LOST);
	ck_assert_int_eq(stage.n_ends, 1);
	ck_assert_int_eq(stage.ends[0].pid, pid);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_KILLED);
	ck_assert_int_eq(stage.ends[0].wstatus, SIGKILL);
	(void)ask_and_wait(&stage, "echo");
	ck_assert(proc_state(grandchild) != 'Z'); /* it was open all the time */
	let_pass(&stage, 3, 1);
	ck_assert_int_eq(exit_code(grandchild), 0);
	stage_close(&stage);
}
END_TEST

/* The worker is idle, and its grandchild holds the channel. */
static int
leave_and_return(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	struct stage *stage = user;

	if (job->len > 0)
		return obey(worker, job, user);
	if (fork() == 0) {
		say_from(stage, worker, 'g');
		_exit(pass(stage, 3) ? 0 : 1);
	}
	return 0;
}

START_TEST(p9_a_grandchild_of_an_idle_worker_holds_it_open)
{
	struct sigchld_pool_options options;
	struct asked *asked = NULL;
	struct stage stage;
	pid_t grandchild;

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	stage_open(&stage, NULL);
	options = stage_options(&stage, 1, 1);
	options.on_request = leave_and_return;
	stage_play(&stage, &options);
	MUST_BE(0, ask_with(&stage, "", 0, NULL, &asked));
	UNTIL(&stage, n_said(&stage, 'g') == 1 && asked->n_replies == 1);
	grandchild = who_said(&stage, 'g', 0);
	kill_unseen(worker_in(&stage, 0));
	asked = ask(&stage, "pid"); /* goes where nobody reads it */
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_int_eq(stage.n_ends, 1);
	let_pass(&stage, 3, 1);
	ck_assert_int_eq(exit_code(grandchild), 0);
	stage_close(&stage);
}
END_TEST

/* A foreign process with this very pid, which waits at door 3; the test is
 * skipped where nobody may choose a pid. The C library is none the wiser, so it
 * does little. */
static void
fork_stranger(struct stage *stage, pid_t pid)
{
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal,
		    stack, stack_size, tls, set_tid, set_tid_size, cgroup;
	} args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uint64_t)(uintptr_t)&pid,
		.set_tid_size = 1,
	};
	char byte;
	long rc = syscall(435 /* clone3 */, &args, sizeof(args));

	if (rc == 0)
		_exit(read(stage->door[3][0], &byte, 1) == 1 ? 0 : 1);
	if (rc == -1 && (errno == EPERM || errno == ENOSYS)) {
		stage_close(stage);
		harness_skip("a pid cannot be chosen here");
	}
	ck_assert_int_eq(rc, pid);
}

/* It lives and was not signalled; then it may go. */
static void
check_stranger(struct stage *stage, pid_t pid, int n_before)
{
	int i;

	for (i = n_before; i < n_signalled; i++)
		ck_assert_int_ne(signalled[i], pid);
	ck_assert_int_ne(proc_state(pid), 'Z');
	let_pass(stage, 3, 1);
	ck_assert_int_eq(exit_code(pid), 0);
}

/* The worker dies with a request in hand, whose deadline comes when somebody
 * else has its pid: that is so when the later deadline of another has come. */
START_TEST(p10_a_deadline_does_not_hit_who_has_the_pid_now)
{
	struct sigchld_pool_options options;
	struct asked *lost, *late;
	struct stage stage;
	pid_t pid;
	int n;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 2, 2);
	options.flags = SIGCHLD_POOL_RETRY_NEVER;
	options.request_ms = HOUR;
	options.abort_ms = 1;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	pid = ask_pid(&stage);
	lost = ask(&stage, "wait 0");
	send_signal(pid, SIGKILL);
	UNTIL(&stage, end_of(&stage, pid) != NULL && lost->n_replies == 1);
	ck_assert_uint_eq(end_of(&stage, pid)->reason, SIGCHLD_KILLED);
	n = n_signalled;
	fork_stranger(&stage, pid);
	late = ask_to_wait(&stage, 1);
	time_passes(&stage, HOUR);
	UNTIL(&stage, late->n_replies == 1);
	ck_assert_uint_eq(late->reply.outcome, SIGCHLD_TIMEOUT);
	UNTIL(&stage, n_ends_for(&stage, SIGCHLD_KILLED_TIMEOUT) > 0);
	ck_assert_int_gt(n_signalled, n); /* what is sent is seen */
	check_stranger(&stage, pid, n);
	stage_close(&stage);
}
END_TEST

/* A stop with all its signals, and a pool that is freed, after that worker. */
START_TEST(p10_a_stop_does_not_hit_who_has_the_pid_now)
{
	struct sigchld_pool_options options;
	struct stage stage;
	struct asked *busy;
	pid_t pid;
	int n;

	stage_open(&stage, NULL);
	options = stage_options(&stage, 2, 2);
	options.kill_ms = 1;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	pid = ask_pid(&stage);
	send_signal(pid, SIGKILL);
	UNTIL(&stage, end_of(&stage, pid) != NULL);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	n = n_signalled;
	fork_stranger(&stage, pid);
	busy = ask_to_wait(&stage, 0);
	MUST_BE(0, sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT, 0));
	UNTIL(&stage, n_states_seen(&stage, SIGCHLD_POOL_STOPPED) == 1);
	ck_assert_uint_eq(busy->reply.outcome, SIGCHLD_LOST);
	ck_assert_int_gt(n_signalled, n);
	stage_end_pool(&stage);
	check_stranger(&stage, pid, n);
	stage_close(&stage);
}
END_TEST

HARNESS("death",
    {
	HARNESS_TEST(p1_an_idle_worker_that_was_killed_is_replaced),
	HARNESS_TEST(p1_a_death_wakes_the_parent),
	HARNESS_TEST(p2_a_request_whose_worker_is_killed_is_lost_once),
	HARNESS_TEST(p2_why_a_worker_ended_is_told),
	HARNESS_TEST(p2_a_reply_outlives_its_worker),
	HARNESS_TEST(
	    p2_a_reply_that_comes_within_a_dispatch_outlives_its_worker),
	HARNESS_TEST(p3_the_longest_busy_is_killed_and_who_waits_is_served),
	HARNESS_TEST(p3_the_last_busy_is_killed_and_who_waits_is_served),
	HARNESS_TEST(p4_a_request_for_a_dead_worker_is_done_by_another),
	HARNESS_TEST(p4_a_request_for_the_only_worker_is_done_by_the_next),
	HARNESS_TEST(p4_all_are_dead_and_each_request_is_told_of),
	HARNESS_TEST(p4_a_request_that_was_not_begun_is_tried_once_more),
	HARNESS_TEST(p4_a_request_that_is_never_retried_is_reported),
	HARNESS_TEST(p5_all_workers_are_killed_at_once),
	HARNESS_TEST(p6_two_pools_and_a_child_of_ours_end_together),
	HARNESS_TEST(p7_a_worker_that_dies_within_the_fork_is_known),
	HARNESS_TEST(p7_a_worker_that_dies_in_after_fork_is_known),
	HARNESS_TEST(p8_a_stopped_worker_is_not_dead),
	HARNESS_TEST(p9_a_grandchild_holds_the_channel_open),
	HARNESS_TEST(p9_a_grandchild_of_an_idle_worker_holds_it_open),
	HARNESS_TEST(p10_a_deadline_does_not_hit_who_has_the_pid_now),
	HARNESS_TEST(p10_a_stop_does_not_hit_who_has_the_pid_now),
    })
