/*
 * test_parent.c - the parent is killed; signals find a worker half made; and the
 * parent is forked by somebody else
 *
 * wrap: now_ms now_us timerfd_arm open_reader
 */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "help3.h"

/*
 * The parent is killed
 *
 *	test			parent			workers
 *
 *	forks it, and is the
 *	reaper of orphans
 *				plays its pool; all
 *				are as they should be
 *	reads who they are	writes it
 *	kills it
 *	reaps them: killed				whatever they do
 */

#define WORKERS 6

enum how {
	IDLE,
	HUNG,     /* in a request, in a system call */
	SPINNING, /* in a request, with every signal blocked */
	STOPPED,  /* by SIGSTOP */
	STARTING, /* in on_init */
	IN_RUN    /* listener mode */
};

struct orphans {
	pid_t pids[WORKERS];
};

static void
hang(void)
{
	for (;;)
		(void)pause();
}

static int
hang_on_request(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	sigset_t all;

	if (((const char *)job->data)[0] == 'S') {
		(void)sigfillset(&all);
		(void)sigprocmask(SIG_SETMASK, &all, NULL);
		say_from(user, worker, 's');
		spin();
	}
	say_from(user, worker, 'h');
	hang();
	return 0;
}

static int
hang_in_init(struct sigchld_worker *worker, void *user)
{
	struct stage *stage = user;

	if (atomic_load(&stage->marks[0]) == STARTING) {
		say_from(stage, worker, 'h');
		hang();
	}
	return 0;
}

static int
hang_in_run(struct sigchld_worker *worker, void *user)
{
	say_from(user, worker, 'h');
	hang();
	return 0;
}

/* In the parent. Its own failures show in what the test reads. */
static void
bring_to(struct stage *stage, enum how how)
{
	int i;

	switch (how) {
	case HUNG:
		ask_often(stage, "Hang", WORKERS);
		break;
	case SPINNING:
		ask_often(stage, "Spin", WORKERS);
		break;
	default:
		break;
	}
	if (how == SPINNING)
		UNTIL(stage, n_said(stage, 's') == WORKERS);
	else if (how != IDLE && how != STOPPED)
		UNTIL(stage, n_said(stage, 'h') == WORKERS);
	for (i = 0; how == STOPPED && i < WORKERS; i++) {
		send_signal(stage->forks[i].pid, SIGSTOP);
		UNTIL(stage, proc_state(stage->forks[i].pid) == 'T');
	}
}

static _Noreturn void
be_the_parent(int fd, enum how how)
{
	struct sigchld_pool_options options;
	struct orphans orphans;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	atomic_store(&stage.marks[0], (int)how);
	options = slow_options(&stage, WORKERS, WORKERS);
	options.on_request = how == IN_RUN ? NULL : hang_on_request;
	options.run = how == IN_RUN ? hang_in_run : NULL;
	options.on_init = hang_in_init;
	stage_play(&stage, &options);
	if (how != STARTING)
		UNTIL(&stage,
		    stats_of_pool(&stage).idle + stats_of_pool(&stage).busy ==
			WORKERS);
	bring_to(&stage, how);
	for (i = 0; i < WORKERS; i++)
		orphans.pids[i] = stage.forks[i].pid;
	CHILD_MUST(write(fd, &orphans, sizeof(orphans)) == sizeof(orphans));
	for (;;)
		(void)sigchld_wait(stage.ctx, -1);
}

static pid_t
start_parent(enum how how, struct orphans *ret_orphans)
{
	int fds[2];
	pid_t pid;

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)close(fds[0]);
		be_the_parent(fds[1], how);
	}
	ck_assert_int_gt(pid, 0);
	(void)close(fds[1]);
	ck_assert_int_eq(read(fds[0], ret_orphans, sizeof(*ret_orphans)),
	    sizeof(*ret_orphans));
	(void)close(fds[0]);
	return pid;
}

static void
kill_and_reap(pid_t pid, int wanted)
{
	int wstatus;

	harness_await_zombie(pid);
	ck_assert_int_eq(waitpid(pid, &wstatus, 0), pid);
	ck_assert_msg(wstatus == wanted, "%d ended with status %#x", (int)pid,
	    (unsigned int)wstatus);
}

static void
check_none_outlives(enum how how)
{
	struct orphans orphans;
	pid_t parent;
	int i;

	parent = start_parent(how, &orphans);
	for (i = 0; i < WORKERS; i++)
		ck_assert_int_ne(proc_state(orphans.pids[i]), 0);
	send_signal(parent, SIGKILL);
	kill_and_reap(parent, SIGKILL);
	for (i = 0; i < WORKERS; i++)
		kill_and_reap(orphans.pids[i], SIGKILL);
	ck_assert(has_no_child());
}

START_TEST(p41_idle_workers_go_with_their_parent)
{
	check_none_outlives(IDLE);
}
END_TEST

START_TEST(p41_busy_workers_go_with_their_parent)
{
	check_none_outlives(HUNG);
}
END_TEST

START_TEST(p41_workers_that_spin_with_all_signals_blocked)
{
	check_none_outlives(SPINNING);
}
END_TEST

START_TEST(p41_workers_that_were_stopped)
{
#ifdef SIGCHLD_PORTABLE
	harness_skip("they end when they are continued");
#else
	check_none_outlives(STOPPED);
#endif
}
END_TEST

START_TEST(p41_workers_that_are_not_ready)
{
	check_none_outlives(STARTING);
}
END_TEST

START_TEST(p41_workers_in_listener_mode)
{
	check_none_outlives(IN_RUN);
}
END_TEST

/* A leash cannot be shared: for all of them, or for some. */

static unsigned int refuse_every; /* 0: none */
static unsigned int n_asked;

int __real_sigchld__sys_open_reader(int writer);
int __wrap_sigchld__sys_open_reader(int writer);

int
__wrap_sigchld__sys_open_reader(int writer)
{
	n_asked++;
	if (refuse_every != 0 && n_asked % refuse_every == 0)
		return -EACCES;
	return __real_sigchld__sys_open_reader(writer);
}

START_TEST(p41_workers_that_have_a_leash_each)
{
	refuse_every = 1;
	check_none_outlives(HUNG);
	check_none_outlives(SPINNING);
}
END_TEST

START_TEST(p41_some_have_a_leash_of_their_own)
{
	refuse_every = 2;
	check_none_outlives(HUNG);
	check_none_outlives(SPINNING);
}
END_TEST

static int
count_pipes(void)
{
	struct stat st;
	int fd, n = 0;

	for (fd = 0; fd < 1024; fd++)
		n += fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
	return n;
}

/* So many ends does the parent have, then, of the leashes of five workers; and so
 * many when three of them were killed and others came. */
static void
check_leashes(unsigned int refused, int wanted, int later)
{
	struct sigchld_pool_options options;
	const int before = count_pipes();
	struct stage stage;
	uint32_t slot;

	refuse_every = refused;
	n_asked = 0;
	stage_open(&stage, NULL);
	wanted += count_pipes();
	later += wanted;
	options = slow_options(&stage, 5, 5);
	play_until_idle(&stage, &options);
	ck_assert_int_eq(count_pipes(), wanted);
	for (slot = 0; slot < 3; slot++)
		send_signal(worker_in(&stage, slot), SIGKILL);
	UNTIL(&stage, stage.n_ends == 3);
	UNTIL(&stage, stats_of_pool(&stage).idle == 5);
	ck_assert_int_eq(count_pipes(), later);
	stage_close(&stage);
	ck_assert_int_eq(count_pipes(), before);
}

START_TEST(p29_a_pool_has_one_leash_for_all)
{
	if (sigchld__sys_last_end_tells())
		check_leashes(0, 1, 0);
	else
		check_leashes(0, 5, 0);
}
END_TEST

/* That of the first one stays, where it is not known before that nobody else can
 * have it. */
START_TEST(p29_or_one_for_each)
{
	check_leashes(1, 5, sigchld__sys_last_end_tells() ? 1 : 0);
}
END_TEST

/* The thread that forked them is not the parent: when it ends, they stay. */

static struct stage *played;

static void *
play_in_a_thread(void *user)
{
	struct sigchld_pool_options options = slow_options(user, 3, 3);

	play_until_idle(user, &options);
	return NULL;
}

START_TEST(p41_the_end_of_a_thread_is_not_that_of_the_parent)
{
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	finish(start(play_in_a_thread, &stage));
	be_calm(&stage);
	for (i = 0; i < 9; i++)
		(void)ask_and_wait(&stage, "echo hello");
	keep_busy(&stage, 0, 3);
	let_pass(&stage, 0, 3);
	UNTIL(&stage, stats_of_pool(&stage).idle == 3);
	ck_assert_int_eq(stage.n_ends, 0);
	ck_assert_int_eq(stage.n_forks, 3);
	stage_close(&stage);
}
END_TEST

/*
 * A signal between the fork and what follows it
 *
 * The context's own fork sends one to the child at once, and the child does not
 * go on until it is pending: so it comes before anything was set up. It must do
 * in the worker what it does by default, and nothing that the parent wants.
 */

static int sig_at_birth; /* 0: none */
static int n_births;

/* Gives false in a child in which the signal was not blocked, or did not come. */
static bool
is_pending(int sig)
{
	const int64_t deadline = harness_now_ms() + harness_patience_ms();
	sigset_t pending;

	do {
		(void)sigpending(&pending);
		if (sigismember(&pending, sig) == 1)
			return true;
		(void)sched_yield();
	} while (harness_now_ms() < deadline);
	return false;
}

static pid_t
fork_with_signal(void *user)
{
	const int sig = n_births++ == 0 ? sig_at_birth : 0;
	pid_t pid = fork();

	(void)user;
	if (pid == 0 && sig != 0 && !is_pending(sig))
		_exit(99);
	if (pid > 0 && sig != 0)
		(void)kill(pid, sig);
	return pid;
}

static void
run_by_the_parent_only(int sig)
{
	(void)sig;
	(void)mark(played, 5);
}

/* The first worker gets it, and the next one is born in peace. */
static void
check_signal_at_birth(int sig, int wanted)
{
	const struct sigaction action = { .sa_handler =
					      run_by_the_parent_only };
	struct sigchld_options with_fork = { .size = sizeof(with_fork) };
	struct sigchld_pool_options options;
	struct stage stage;

	sig_at_birth = sig;
	n_births = 0;
	with_fork.fork = fork_with_signal;
	stage_open(&stage, &with_fork);
	played = &stage;
	ck_assert_int_eq(sigaction(sig, &action, NULL), 0);
	options = slow_options(&stage, 1, 1);
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	be_calm(&stage);
	if (wanted != 0) {
		ck_assert_int_eq(stage.n_ends, 1);
		ck_assert_int_eq(stage.ends[0].pid, stage.forks[0].pid);
		ck_assert_int_eq(stage.ends[0].wstatus, wanted);
		ck_assert_uint_eq(stage.ends[0].ready, 0);
	}
	ck_assert_int_eq(stage.n_forks, 1 + stage.n_ends);
	ck_assert_int_eq(n_births, stage.n_forks);
	(void)ask_and_wait(&stage, "echo hello");
	ck_assert_int_eq(atomic_load(&stage.marks[5]), 0);
	ck_assert_int_eq(raise(sig), 0); /* the parent has its handler still */
	ck_assert_int_eq(atomic_load(&stage.marks[5]), 1);
	stage_close(&stage);
}

START_TEST(p42_sigterm_at_birth)
{
	check_signal_at_birth(SIGTERM, SIGTERM);
}
END_TEST

START_TEST(p42_sigusr1_at_birth)
{
	check_signal_at_birth(SIGUSR1, SIGUSR1);
}
END_TEST

START_TEST(p42_sigint_at_birth)
{
	check_signal_at_birth(SIGINT, SIGINT);
}
END_TEST

/* What is ignored by default is ignored. */
START_TEST(p42_sigwinch_at_birth)
{
	check_signal_at_birth(SIGWINCH, 0);
}
END_TEST

START_TEST(p42_sigkill_at_birth)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 1, 1);
	stage_play(&stage, &options);
	for (i = 0; i < 20; i++) {
		UNTIL(&stage, stage.n_forks == i + 1);
		send_signal(stage.forks[i].pid, SIGKILL);
		UNTIL(&stage, stage.n_ends == i + 1);
		ck_assert_int_eq(stage.ends[i].wstatus, SIGKILL);
		ck_assert_int_eq(stage.ends[i].pid, stage.forks[i].pid);
	}
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	stage_close(&stage);
}
END_TEST

/* The mask that the thread has when it dispatches is that of the worker, and a
 * signal that is blocked in it waits there. */

static int
init_looks_at_mask(struct sigchld_worker *worker, void *user)
{
	sigset_t mask;
	int sig;

	(void)worker;
	CHILD_MUST(sigprocmask(SIG_SETMASK, NULL, &mask) == 0);
	for (sig = 1; sig < 32; sig++)
		CHILD_MUST(sigismember(&mask, sig) == (sig == SIGUSR2));
	(void)mark(user, 6);
	CHILD_MUST(sigpending(&mask) == 0);
	if (sigismember(&mask, SIGUSR2) == 1)
		(void)mark(user, 7);
	return 0;
}

START_TEST(p42_a_blocked_signal_at_birth_waits)
{
	struct sigchld_options with_fork = { .size = sizeof(with_fork) };
	struct sigchld_pool_options options;
	struct stage stage;
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR2);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	sig_at_birth = SIGUSR2;
	n_births = 0;
	with_fork.fork = fork_with_signal;
	stage_open(&stage, &with_fork);
	options = slow_options(&stage, 2, 2);
	options.on_init = init_looks_at_mask;
	play_until_idle(&stage, &options);
	ck_assert_int_eq(stage.n_ends, 0);
	ck_assert_int_eq(atomic_load(&stage.marks[6]), 2);
	ck_assert_int_eq(atomic_load(&stage.marks[7]), 1);
	stage_close(&stage);
}
END_TEST

/*
 * Another thread forks, and no exec follows
 *
 * What it inherits does nothing: its calls are refused, its own children die
 * without a word to the parent, and when it ends, so does nothing else.
 */

static struct gate go = GATE, done = GATE;

static int
nobody(const struct sigchld_worker_info *info, void *user)
{
	(void)info;
	(void)user;
	return 1;
}

static void
check_inherited(struct stage *stage)
{
	struct sigchld_pool_stats stats = { .size = sizeof(stats) };
	struct sigchld_pool *pool = NULL;
	struct sigchld_pool_options options = stage_options(stage, 1, 1);
	uint64_t id = 7;

	CHILD_MUST(sigchld_pool_submit(stage->pool, &id,
		       SIGCHLD_REQUEST(.data = "echo", .len = 4)) == -EPERM);
	CHILD_MUST(id == 7);
	CHILD_MUST(sigchld_pool_resize(stage->pool, 1, 1) == -EPERM);
	CHILD_MUST(sigchld_pool_roll(stage->pool, 1) == -EPERM);
	CHILD_MUST(sigchld_pool_stop(stage->pool, SIGCHLD_STOP_REJECT, 0) ==
	    -EPERM);
	CHILD_MUST(sigchld_pool_disconnect(stage->pool, 1) == -EPERM);
	CHILD_MUST(sigchld_pool_get_stats(stage->pool, &stats) == -EPERM);
	CHILD_MUST(sigchld_pool_foreach(stage->pool, nobody, NULL) == -EPERM);
	CHILD_MUST(sigchld_pool_state(stage->pool) == -EPERM);
	CHILD_MUST(sigchld_pool_new(stage->ctx, &pool, &options) == -EPERM);
	CHILD_MUST(pool == NULL);
	CHILD_MUST(sigchld_dispatch(stage->ctx) == -EPERM);
}

static void
have_a_child_that_ends(void)
{
	pid_t pid = fork();
	int wstatus;

	if (pid == 0)
		_exit(0);
	CHILD_MUST(pid > 0 && waitpid(pid, &wstatus, 0) == pid);
	CHILD_MUST(raise(SIGCHLD) == 0);
}

static void *
fork_when_told(void *user)
{
	struct stage *stage = user;
	pid_t pid;

	if (!gate_await(&go, 1, harness_patience_ms()))
		return NULL;
	pid = fork();
	if (pid == 0) {
		check_inherited(stage);
		have_a_child_that_ends();
		sigchld_pool_free(stage->pool);
		sigchld_free(stage->ctx);
		have_a_child_that_ends();
		_exit(0);
	}
	if (pid > 0 && exit_code(pid) == 0)
		(void)mark(stage, 0);
	gate_open(&done);
	return NULL;
}

START_TEST(p43_a_fork_by_another_thread_does_nothing)
{
	struct sigchld_stats before, after;
	struct sigchld_pool_options options;
	pthread_t thread;
	struct stage stage;
	int i;

	stage_open(&stage, NULL);
	thread = start(fork_when_told, &stage);
	options = slow_options(&stage, 4, 4);
	play_until_idle(&stage, &options);
	keep_busy(&stage, 0, 2);
	be_calm(&stage);
	before = stats_of(stage.ctx);
	gate_open(&go);
	gate_pass(&done, 1); /* nobody dispatches meanwhile */
	ck_assert_int_eq(atomic_load(&stage.marks[0]), 1);
	after = stats_of(stage.ctx);
	/* One child of ours ended, the fork; two wrote nothing into our pipe. */
	ck_assert_uint_le(after.wakeups - before.wakeups, 1);
	ck_assert_uint_eq(after.reaped, before.reaped);
	for (i = 0; i < 4; i++)
		ck_assert_int_ne(proc_state(stage.forks[i].pid), 'Z');
	finish(thread);
	let_pass(&stage, 0, 2);
	UNTIL(&stage, stats_of_pool(&stage).idle == 4);
	for (i = 0; i < 8; i++)
		(void)ask_and_wait(&stage, "echo hello");
	ck_assert_int_eq(stage.n_ends, 0);
	ck_assert_int_eq(stage.n_forks, 4);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE], 10);
	stage_close(&stage);
}
END_TEST

/* Only bytes that our own end makes us read: the fork lives on, and gets a
 * SIGCHLD. */
START_TEST(p43_no_byte_comes_from_a_fork)
{
	struct sigchld_pool_options options;
	struct stage stage;
	pid_t pid;
	int gate[2];
	char byte;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 3, 3);
	play_until_idle(&stage, &options);
	be_calm(&stage);
	ck_assert_int_eq(pipe2(gate, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		(void)close(gate[0]);
		have_a_child_that_ends();
		CHILD_MUST(write(gate[1], "", 1) == 1);
		hang();
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(read(gate[0], &byte, 1), 1);
	ck_assert(!harness_readable(sigchld_fd(stage.ctx), 0));
	send_signal(pid, SIGKILL);
	reap_by_hand(pid);
	(void)close(gate[0]);
	(void)close(gate[1]);
	be_calm(&stage);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 3);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

/* The application forks from within a hook, and the child does not exec. */
static void
fork_in_hook(struct sigchld_pool *pool, const struct sigchld_reply *reply,
    void *user)
{
	struct stage *stage = user;
	pid_t pid = fork();

	(void)pool;
	(void)reply;
	if (pid == 0) {
		check_inherited(stage);
		sigchld_pool_free(stage->pool);
		_exit(0);
	}
	if (pid > 0 && exit_code(pid) == 0)
		(void)mark(stage, 0);
}

START_TEST(p43_a_fork_in_a_hook_does_nothing)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 3, 3);
	play_until_idle(&stage, &options);
	MUST_BE(0,
	    sigchld_pool_submit(stage.pool, NULL,
		SIGCHLD_REQUEST(.data = "echo", .len = 4,
		    .on_reply = fork_in_hook, .user = &stage)));
	keep_busy(&stage, 0, 2);
	UNTIL(&stage, atomic_load(&stage.marks[0]) == 1);
	let_pass(&stage, 0, 2);
	UNTIL(&stage, stats_of_pool(&stage).idle == 3);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

/* A worker is a forked process, too: the pool that it has inherited is not its
 * own, and it may have a context of its own. */
static int
init_tries_everything(struct sigchld_worker *worker, void *user)
{
	struct sigchld_ctx *ctx;
	struct stage *stage = user;
	int n_ended = 0;
	struct harness_log log = { 0 };
	pid_t pid;

	(void)worker;
	check_inherited(stage);
	CHILD_MUST(sigchld_new(&ctx, NULL) == 0);
	pid = sigchld_fork(ctx, NULL, 0, harness_on_event, &log);
	if (pid == 0)
		_exit(3);
	CHILD_MUST(pid > 0);
	while (log.final == 0)
		CHILD_MUST(sigchld_wait(ctx, -1) >= 0);
	CHILD_MUST(WEXITSTATUS(log.wstatus) == 3 && n_ended == 0);
	sigchld_free(ctx);
	(void)mark(stage, 0);
	return 0;
}

START_TEST(p43_a_worker_is_a_fork_as_well)
{
	struct sigchld_pool_options options;
	struct stage stage;

	stage_open(&stage, NULL);
	options = slow_options(&stage, 2, 2);
	options.on_init = init_tries_everything;
	play_until_idle(&stage, &options);
	ck_assert_int_eq(atomic_load(&stage.marks[0]), 2);
	(void)ask_and_wait(&stage, "echo hello");
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
}
END_TEST

HARNESS("parent",
    {
	HARNESS_TEST(p41_idle_workers_go_with_their_parent),
	HARNESS_TEST(p41_busy_workers_go_with_their_parent),
	HARNESS_TEST(p41_workers_that_spin_with_all_signals_blocked),
	HARNESS_TEST(p41_workers_that_were_stopped),
	HARNESS_TEST(p41_workers_that_are_not_ready),
	HARNESS_TEST(p41_workers_in_listener_mode),
	HARNESS_TEST(p41_workers_that_have_a_leash_each),
	HARNESS_TEST(p41_some_have_a_leash_of_their_own),
	HARNESS_TEST(p29_a_pool_has_one_leash_for_all),
	HARNESS_TEST(p29_or_one_for_each),
	HARNESS_TEST(p41_the_end_of_a_thread_is_not_that_of_the_parent),
	HARNESS_TEST(p42_sigterm_at_birth),
	HARNESS_TEST(p42_sigusr1_at_birth),
	HARNESS_TEST(p42_sigint_at_birth),
	HARNESS_TEST(p42_sigwinch_at_birth),
	HARNESS_TEST(p42_sigkill_at_birth),
	HARNESS_TEST(p42_a_blocked_signal_at_birth_waits),
	HARNESS_TEST(p43_a_fork_by_another_thread_does_nothing),
	HARNESS_TEST(p43_no_byte_comes_from_a_fork),
	HARNESS_TEST(p43_a_fork_in_a_hook_does_nothing),
	HARNESS_TEST(p43_a_worker_is_a_fork_as_well),
    })
