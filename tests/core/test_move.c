/*
 * test_move.c - a child is given to another context
 */
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "help.h"

/* Contexts of each kind, named by how their children's ends are noticed. */
static const struct sigchld_options kinds[] = {
	{ .size = sizeof(kinds[0]) },
	{ .size = sizeof(kinds[0]), .wake = SIGCHLD_WAKE_SIGNAL },
	{ .size = sizeof(kinds[0]), .handler = SIGCHLD_HANDLER_APP },
};

#define KINDS 3

struct stage {
	struct sigchld_ctx *from, *to;
	struct sigchld_child *child;
	struct harness_child held;
	struct harness_log log;
	struct sigchld_ctx *told_in;
	struct gate in, out;
};

static void
on_event(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct stage *s = user;

	s->told_in = sigchld_child_ctx(child);
	harness_on_event(child, event, &s->log);
}

static void
set_stage_of(struct stage *s, const struct sigchld_options *from,
    const struct sigchld_options *to, uint32_t flags)
{
	static const struct gate gate = GATE;

	memset(s, 0, sizeof(*s));
	s->in = s->out = gate;
	s->from = open_ctx(from);
	s->to = open_ctx(to);
	s->held =
	    harness_fork_watched(s->from, &s->child, flags, 7, on_event, s);
}

static void
set_stage(struct stage *s)
{
	set_stage_of(s, NULL, NULL, 0);
}

/* Its end is told in the new context, and once. */
static void
ends_there(struct stage *s)
{
	harness_wait_for(s->to, &s->log.final, 1);
	ck_assert_ptr_eq(s->told_in, s->to);
	MUST_BE(0, sigchld_dispatch(s->to));
	MUST_BE(0, sigchld_dispatch(s->from));
	ck_assert_int_eq(s->log.final, 1);
	ck_assert_uint_eq(stats_of(s->from).children, 0);
	ck_assert_uint_eq(stats_of(s->to).children, 0);
	ck_assert_uint_eq(stats_of(s->from).pidfds, 0);
	ck_assert_uint_eq(stats_of(s->to).pidfds, 0);
	ck_assert_int_eq(harness_count_children(), 0);
}

static void
clear_stage(struct stage *s)
{
	harness_release(&s->held);
	ends_there(s);
	MUST_BE(-ESRCH, sigchld_child_move(s->child, s->from));
	sigchld_child_free(s->child);
	sigchld_free(s->from);
	sigchld_free(s->to);
	ck_assert(handler_is(SIG_DFL));
}

START_TEST(whatever_it_has_to_tell_comes_there)
{
	struct stage s;

	set_stage(&s);
	MUST_BE(0, sigchld_dispatch(s.from));
	MUST_BE(0, sigchld_child_move(s.child, s.to));
	ck_assert_ptr_eq(sigchld_child_ctx(s.child), s.to);
	ck_assert_int_eq(sigchld_child_pid(s.child), s.held.pid);
	ck_assert_ptr_eq(sigchld_child_user(s.child), &s);
	ck_assert_uint_eq(stats_of(s.from).children, 0);
	ck_assert_uint_eq(stats_of(s.to).children, 1);
	MUST_BE(0, sigchld_child_kill(s.child, 0));
	MUST_BE(-EBUSY, sigchld_watch(s.from, NULL, s.held.pid, 0, NULL, NULL));
	while (harness_readable(sigchld_fd(s.from), 0))
		MUST_BE(0, sigchld_dispatch(s.from));
	harness_release(&s.held);
	harness_await_zombie(s.held.pid);
	/* The one that it left is not woken any more. */
	ck_assert(!harness_readable(sigchld_fd(s.from), 0));
	clear_stage(&s);
	ck_assert_int_eq(s.log.wstatus, 7 << 8);
}
END_TEST

START_TEST(between_contexts_of_any_kind)
{
	struct stage s;
	int i, j;

	for (i = 0; i < KINDS; i++) {
		for (j = 0; j < KINDS; j++) {
			set_stage_of(&s, &kinds[i], &kinds[j], 0);
			MUST_BE(0, sigchld_child_move(s.child, s.to));
			harness_release(&s.held);
			harness_await_zombie(s.held.pid);
			if (kinds[j].handler == SIGCHLD_HANDLER_APP)
				MUST_BE(0, sigchld_occurred(s.to));
			clear_stage(&s);
			ck_assert_int_eq(s.log.wstatus, 7 << 8);
			ck_assert_int_eq(s.log.source, SIGCHLD_SOURCE_WAIT);
		}
	}
}
END_TEST

/* Nobody was told of its death yet; the new context finds it by itself,
 * whatever tells it, for that was told already. */
START_TEST(c3_dead_before_it_moved)
{
	struct stage s;
	int i, j;

	for (i = 0; i < KINDS; i++) {
		for (j = 0; j < KINDS; j++) {
			set_stage_of(&s, &kinds[i], &kinds[j], 0);
			harness_release(&s.held);
			harness_await_zombie(s.held.pid);
			MUST_BE(0, sigchld_child_move(s.child, s.to));
			ck_assert(harness_readable(sigchld_fd(s.to), 0));
			clear_stage(&s);
			ck_assert_int_eq(s.log.wstatus, 7 << 8);
		}
	}
}
END_TEST

/* Its end is known, and queued. */
START_TEST(with_its_final_event)
{
	struct stage s;

	set_stage(&s);
	harness_release(&s.held);
	harness_await_zombie(s.held.pid);
	MUST_BE(-ESRCH, sigchld_child_discard(s.child, 0, NULL, NULL));
	MUST_BE(0, sigchld_child_move(s.child, s.to));
	ck_assert(harness_is_zombie(s.held.pid));
	ck_assert(harness_readable(sigchld_fd(s.to), 0));
	clear_stage(&s);
	ck_assert_int_eq(s.log.wstatus, 7 << 8);
	ck_assert(harness_is_reaped(s.held.pid));
}
END_TEST

START_TEST(c22_after_a_theft)
{
	struct stage s;

	set_stage(&s);
	block_sigchld(SIG_BLOCK);
	harness_release(&s.held);
	reap_by_hand(s.held.pid);
	MUST_BE(0, sigchld_child_move(s.child, s.to));
	block_sigchld(SIG_UNBLOCK);
	harness_wait_for(s.to, &s.log.final, 1);
	harness_check_theft(&s.log, 7 << 8);
	ck_assert_uint_eq(stats_of(s.to).stolen, 1);
	clear_stage(&s);
}
END_TEST

START_TEST(c38_with_its_stops)
{
	struct stage s;

	set_stage_of(&s, NULL, NULL, SIGCHLD_CHILD_STOPS);
	MUST_BE(0, sigchld_child_move(s.child, s.to));
	ck_assert(!handler_is(SIG_DFL));
	sigchld_free(s.from);
	s.from = open_ctx(NULL);
	ck_assert_int_eq(kill(s.held.pid, SIGSTOP), 0);
	harness_wait_for(s.to, &s.log.count, 1);
	ck_assert_uint_eq(s.log.what, SIGCHLD_STOPPED);
	ck_assert_ptr_eq(s.told_in, s.to);
	ck_assert_int_eq(kill(s.held.pid, SIGCONT), 0);
	harness_wait_for(s.to, &s.log.count, 2);
	ck_assert_uint_eq(s.log.what, SIGCHLD_CONTINUED);
	clear_stage(&s);
}
END_TEST

static void
read_all(struct sigchld_ctx *ctx)
{
	while (harness_readable(sigchld_fd(ctx), 0))
		MUST_BE(0, sigchld_dispatch(ctx));
}

static void
await_stop(pid_t pid)
{
	siginfo_t info;

	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT),
	    0);
}

/* Both were told of the signal. The one that it leaves has not looked yet, and
 * the other one did, for the sake of another child. */
START_TEST(c38_a_stop_from_before_it_moved)
{
	struct stage s;
	struct harness_child other;

	set_stage_of(&s, NULL, NULL, SIGCHLD_CHILD_STOPS);
	other = harness_fork_watched(s.to, NULL, SIGCHLD_CHILD_STOPS, 0, NULL,
	    NULL);
	read_all(s.from);
	read_all(s.to);
	ck_assert_int_eq(kill(s.held.pid, SIGSTOP), 0);
	await_stop(s.held.pid);
	MUST_BE(0, sigchld_dispatch(s.to));
	MUST_BE(0, sigchld_child_move(s.child, s.to));
	ck_assert(harness_readable(sigchld_fd(s.to), 0));
	MUST_BE(1, sigchld_dispatch(s.to));
	ck_assert_uint_eq(s.log.what, SIGCHLD_STOPPED);
	ck_assert_ptr_eq(s.told_in, s.to);
	ck_assert_int_eq(kill(s.held.pid, SIGCONT), 0);
	harness_wait_for(s.to, &s.log.count, 2);
	harness_release(&other);
	harness_await_zombie(other.pid);
	(void)sigchld_dispatch(s.to);
	clear_stage(&s);
}
END_TEST

/* The deadline after which it is killed is the new context's to keep. */
START_TEST(with_its_deadline)
{
	struct stage s;

	set_stage(&s);
	MUST_BE(0, sigchld_child_stop(s.child, SIGCONT, 50));
	MUST_BE(0, sigchld_child_move(s.child, s.to));
	harness_wait_for(s.to, &s.log.final, 1);
	ck_assert_int_eq(s.log.wstatus, SIGKILL);
	clear_stage(&s);
}
END_TEST

START_TEST(to_where_it_is)
{
	struct stage s;

	set_stage(&s);
	MUST_BE(0, sigchld_child_move(s.child, s.from));
	ck_assert_uint_eq(stats_of(s.from).children, 1);
	MUST_BE(0, sigchld_child_move(s.child, s.to));
	MUST_BE(0, sigchld_child_move(s.child, s.from));
	MUST_BE(0, sigchld_child_move(s.child, s.to));
	clear_stage(&s);
}
END_TEST

START_TEST(c24_the_context_that_it_left_is_closed)
{
	struct stage s;

	set_stage(&s);
	MUST_BE(0, sigchld_child_move(s.child, s.to));
	sigchld_free(s.from);
	s.from = open_ctx(NULL);
	clear_stage(&s);
}
END_TEST

START_TEST(c24_the_context_that_it_joined_is_closed)
{
	struct stage s;

	set_stage(&s);
	MUST_BE(0, sigchld_child_move(s.child, s.to));
	sigchld_free(s.to);
	ck_assert_ptr_null(sigchld_child_ctx(s.child));
	MUST_BE(-ESRCH, sigchld_child_move(s.child, s.from));
	harness_release(&s.held);
	ck_assert_int_eq(exit_code(s.held.pid), 7);
	MUST_BE(0, sigchld_dispatch(s.from));
	ck_assert_int_eq(s.log.count, 0);
	sigchld_child_free(s.child);
	sigchld_free(s.from);
}
END_TEST

/* Who must not be moved */

static void
move_self(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct stage *s = user;

	on_event(child, event, user);
	MUST_BE(-EBUSY, sigchld_child_move(child, s->to));
}

START_TEST(c23_in_its_own_callback_it_is_busy)
{
	struct stage s;

	set_stage(&s);
	harness_release(&s.held);
	harness_wait_for(s.from, &s.log.count, 1);
	MUST_BE(-ESRCH, sigchld_child_move(s.child, s.to));
	sigchld_child_free(s.child);
	s.log.count = 0;
	s.held = harness_fork_watched(s.from, &s.child, 0, 7, move_self, &s);
	harness_release(&s.held);
	harness_wait_for(s.from, &s.log.count, 1);
	sigchld_child_free(s.child);
	sigchld_free(s.from);
	sigchld_free(s.to);
}
END_TEST

struct mover {
	struct stage *stage;
	int calls;
};

static void
move_another(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct mover *mover = user;

	(void)child;
	(void)event;
	mover->calls++;
	MUST_BE(0, sigchld_child_move(mover->stage->child, mover->stage->to));
}

/* Both are dead and queued when the callback of the first moves the second. */
START_TEST(c23_in_the_callback_of_another)
{
	struct stage s;
	struct mover mover = { .stage = &s };

	set_stage(&s);
	(void)sigchld_dispatch(s.from);
	block_sigchld(SIG_BLOCK);
	(void)watched_zombie(s.from, NULL, 0, move_another, &mover);
	harness_wait_for(s.from, &mover.calls, 1);
	block_sigchld(SIG_UNBLOCK);
	ck_assert_int_eq(s.log.count, 0);
	clear_stage(&s);
}
END_TEST

static void *
wait_for_it(void *user)
{
	struct stage *s = user;

	gate_open(&s->in);
	MUST_BE(1, sigchld_child_wait(s->child, -1, NULL));
	return NULL;
}

START_TEST(somebody_waits_for_it)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	struct stage s;
	pthread_t thread;
	int rc;

	set_stage(&s);
	thread = start(wait_for_it, &s);
	gate_pass(&s.in, 1);
	/* As soon as the thread waits. */
	while ((rc = sigchld_child_move(s.child, s.to)) == 0) {
		ck_assert_int_lt(harness_now_ms(), deadline);
		MUST_BE(0, sigchld_child_move(s.child, s.from));
		(void)sched_yield();
	}
	MUST_BE(-EBUSY, rc);
	harness_release(&s.held);
	(void)finish(thread);
	ck_assert_int_eq(s.log.count, 0);
	sigchld_child_free(s.child);
	sigchld_free(s.from);
	sigchld_free(s.to);
}
END_TEST

START_TEST(move_refuses_wrong_use)
{
	struct stage s;
	pid_t pid;

	set_stage(&s);
	MUST_BE(-EINVAL, sigchld_child_move(NULL, s.to));
	MUST_BE(-EINVAL, sigchld_child_move(s.child, NULL));
	pid = fork();
	if (pid == 0) {
		CHILD_MUST(sigchld_child_move(s.child, s.to) == -EPERM);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
	MUST_BE(0, sigchld_child_move(s.child, s.to));
	clear_stage(&s);
}
END_TEST

static void
foreign(int sig)
{
	(void)sig;
}

START_TEST(the_handler_cannot_be_had_there)
{
	struct stage s;

	(void)signal(SIGCHLD, foreign);
	set_stage_of(&s, NULL,
	    SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_SIGNAL,
		.flags = SIGCHLD_NOCHAIN),
	    0);
	MUST_BE(-EBUSY, sigchld_child_move(s.child, s.to));
	ck_assert_ptr_eq(sigchld_child_ctx(s.child), s.from);
	ck_assert_uint_eq(stats_of(s.from).children, 1);
	ck_assert_uint_eq(stats_of(s.to).children, 0);
	harness_release(&s.held);
	harness_wait_for(s.from, &s.log.count, 1);
	ck_assert_int_eq(s.log.wstatus, 7 << 8);
	sigchld_child_free(s.child);
	sigchld_free(s.from);
	sigchld_free(s.to);
	ck_assert(handler_is(foreign));
}
END_TEST

START_TEST(c31_no_room_for_a_copy_of_its_pidfd)
{
	struct rlimit before, tight;
	struct stage s;
	int lowest;

	set_stage(&s);
	lowest = dup(STDERR_FILENO);
	(void)close(lowest);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	tight = before;
	tight.rlim_cur = (rlim_t)lowest;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	if (stats_of(s.from).pidfds == 1) {
		MUST_BE(-EMFILE, sigchld_child_move(s.child, s.to));
		ck_assert_ptr_eq(sigchld_child_ctx(s.child), s.from);
		ck_assert_uint_eq(stats_of(s.from).pidfds, 1);
	}
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	MUST_BE(0, sigchld_child_move(s.child, s.to));
	clear_stage(&s);
}
END_TEST

/* Budgets: where there is room, it gets a pidfd; where not, the signal tells.
 */
START_TEST(c32_demoted_by_a_move_and_promoted)
{
	struct stage s;

	if (!harness_on_pidfds())
		harness_skip("no child is on a pidfd here");
	set_stage_of(&s, NULL, SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_SIGNAL), 0);
	ck_assert(handler_is(SIG_DFL));
	ck_assert_uint_eq(stats_of(s.from).pidfds, 1);
	MUST_BE(0, sigchld_child_move(s.child, s.to));
	ck_assert(!handler_is(SIG_DFL));
	ck_assert_uint_eq(stats_of(s.to).pidfds, 0);
	MUST_BE(0, sigchld_child_move(s.child, s.from));
	ck_assert(handler_is(SIG_DFL));
	ck_assert_uint_eq(stats_of(s.from).pidfds, 1);
	MUST_BE(0, sigchld_child_move(s.child, s.to));
	clear_stage(&s);
}
END_TEST

/* A child of clone(2) that sends no SIGCHLD: only a pidfd tells of it. */
static struct sigchld_child *
watch_silent(struct sigchld_ctx *ctx, bool by_pidfd, struct stage *s)
{
	struct sigchld_child *child;
	pid_t pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
	int pidfd;

	if (pid == 0) {
		for (;;)
			(void)pause();
	}
	ck_assert_int_gt(pid, 0);
	pidfd = harness_pidfd(pid);
	if (by_pidfd)
		MUST_BE(0,
		    sigchld_watch_pidfd(ctx, &child, pidfd, 0, on_event, s));
	else
		MUST_BE(0, sigchld_watch(ctx, &child, pid, 0, on_event, s));
	(void)close(pidfd);
	return child;
}

static void
move_silent(bool by_pidfd)
{
	struct sigchld_ctx *by_signal =
	    open_ctx(SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_SIGNAL));
	struct sigchld_ctx *spent = open_ctx(SIGCHLD_OPTIONS(.max_pidfds = 1));
	struct sigchld_ctx *from = open_ctx(NULL), *to = open_ctx(NULL);
	struct harness_child held =
	    harness_fork_watched(spent, NULL, 0, 0, NULL, NULL);
	struct stage s = { .log = { .count = 0 } };
	struct sigchld_child *child = watch_silent(from, by_pidfd, &s);

	MUST_BE(-ENOTSUP, sigchld_child_move(child, by_signal));
	MUST_BE(-ENOTSUP, sigchld_child_move(child, spent));
	ck_assert_ptr_eq(sigchld_child_ctx(child), from);
	ck_assert_uint_eq(stats_of(from).pidfds, 1);
	ck_assert_uint_eq(stats_of(by_signal).children, 0);
	ck_assert_uint_eq(stats_of(spent).children, 1);
	ck_assert(handler_is(SIG_DFL));
	MUST_BE(0, sigchld_child_move(child, to));
	MUST_BE(0, sigchld_child_kill(child, SIGKILL));
	harness_wait_for(to, &s.log.count, 1);
	ck_assert_ptr_eq(s.told_in, to);
	ck_assert_int_eq(s.log.wstatus, SIGKILL);
	ck_assert_int_eq(s.log.source, SIGCHLD_SOURCE_WAIT);
	sigchld_child_free(child);
	harness_release(&held);
	harness_await_zombie(held.pid);
	MUST_BE(0, sigchld_dispatch(spent));
	sigchld_free(spent);
	sigchld_free(by_signal);
	sigchld_free(from);
	sigchld_free(to);
}

START_TEST(c36_one_that_sends_no_signal_goes_where_a_pidfd_is_to_be_had)
{
	if (!harness_on_pidfds())
		harness_skip("no child is on a pidfd here");
	move_silent(false);
	move_silent(true);
}
END_TEST

/* Storms: contexts on threads of their own, among which children are moved
 * while they die. */

#define CTXS     3
#define CHILDREN 60
#define ROUNDS   5

static struct sigchld_ctx *ring[CTXS];
static struct sigchld_child *ringed[CHILDREN];
static atomic_int told[CHILDREN], n_told;
static atomic_bool over;

static void
on_end(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	long i = (long)(intptr_t)user;

	ck_assert_int_eq(event->wstatus, (int)i << 8);
	ck_assert_int_eq(event->source, SIGCHLD_SOURCE_WAIT);
	ck_assert_int_eq(atomic_fetch_add(&told[i], 1), 0);
	ck_assert_ptr_nonnull(sigchld_child_ctx(child));
	atomic_fetch_add(&n_told, 1);
}

static void *
dispatch_on(void *user)
{
	struct sigchld_ctx *ctx = user;

	while (!atomic_load(&over))
		ck_assert_int_ge(sigchld_wait(ctx, 50), 0);
	return NULL;
}

static void
move_some(unsigned int *random)
{
	struct sigchld_child *child;
	int rc;

	*random = *random * 1103515245u + 12345u;
	child = ringed[(*random >> 8) % CHILDREN];
	rc = sigchld_child_move(child, ring[(*random >> 20) % CTXS]);
	ck_assert_msg(rc == 0 || rc == -ESRCH || rc == -EBUSY, "move: %s",
	    strerror(-rc));
}

static void *
move_on(void *user)
{
	unsigned int random = (unsigned int)(intptr_t)user;

	while (!atomic_load(&over))
		move_some(&random);
	return NULL;
}

static void
storm(const struct sigchld_options *options)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	struct harness_child held[CHILDREN];
	pthread_t threads[CTXS], movers[2];
	long i;

	atomic_store(&over, false);
	atomic_store(&n_told, 0);
	for (i = 0; i < CTXS; i++)
		ring[i] = open_ctx(i == 0 ? options : NULL);
	for (i = 0; i < CHILDREN; i++) {
		atomic_store(&told[i], 0);
		held[i] = harness_fork_watched(ring[i % CTXS], &ringed[i], 0,
		    (int)i, on_end, (void *)(intptr_t)i);
	}
	for (i = 0; i < CTXS; i++)
		threads[i] = start(dispatch_on, ring[i]);
	for (i = 0; i < 2; i++)
		movers[i] = start(move_on, (void *)(intptr_t)(i + 1));
	for (i = 0; i < CHILDREN; i++)
		harness_release(&held[i]);
	while (atomic_load(&n_told) < CHILDREN) {
		ck_assert_int_lt(harness_now_ms(), deadline);
		(void)poll(NULL, 0, 1);
	}
	atomic_store(&over, true);
	for (i = 0; i < CTXS; i++)
		MUST_BE(0, sigchld_occurred(ring[i]));
	for (i = 0; i < 2; i++)
		(void)finish(movers[i]);
	for (i = 0; i < CTXS; i++)
		(void)finish(threads[i]);
	for (i = 0; i < CHILDREN; i++) {
		ck_assert_int_eq(atomic_load(&told[i]), 1);
		sigchld_child_free(ringed[i]);
	}
	for (i = 0; i < CTXS; i++) {
		ck_assert_uint_eq(stats_of(ring[i]).children, 0);
		ck_assert_uint_eq(stats_of(ring[i]).faults, 0);
		sigchld_free(ring[i]);
	}
	ck_assert_int_eq(harness_count_children(), 0);
}

START_TEST(g1_moved_while_they_die_each_is_told_once)
{
	int i;

	for (i = 0; i < ROUNDS; i++)
		storm(NULL);
}
END_TEST

START_TEST(g1_the_same_among_contexts_of_two_kinds)
{
	int i;

	for (i = 0; i < ROUNDS; i++)
		storm(&kinds[1]);
}
END_TEST

HARNESS("move",
    {
	HARNESS_TEST(whatever_it_has_to_tell_comes_there),
	HARNESS_TEST(between_contexts_of_any_kind),
	HARNESS_TEST(c3_dead_before_it_moved),
	HARNESS_TEST(with_its_final_event),
	HARNESS_TEST(c22_after_a_theft),
	HARNESS_TEST(c38_with_its_stops),
	HARNESS_TEST(c38_a_stop_from_before_it_moved),
	HARNESS_TEST(with_its_deadline),
	HARNESS_TEST(to_where_it_is),
	HARNESS_TEST(c24_the_context_that_it_left_is_closed),
	HARNESS_TEST(c24_the_context_that_it_joined_is_closed),
	HARNESS_TEST(c23_in_its_own_callback_it_is_busy),
	HARNESS_TEST(c23_in_the_callback_of_another),
	HARNESS_TEST(somebody_waits_for_it),
	HARNESS_TEST(move_refuses_wrong_use),
	HARNESS_TEST(the_handler_cannot_be_had_there),
	HARNESS_TEST(c31_no_room_for_a_copy_of_its_pidfd),
	HARNESS_PIDFD_TEST(c32_demoted_by_a_move_and_promoted),
	HARNESS_PIDFD_TEST(
	    c36_one_that_sends_no_signal_goes_where_a_pidfd_is_to_be_had),
	HARNESS_TEST(g1_moved_while_they_die_each_is_told_once),
	HARNESS_TEST(g1_the_same_among_contexts_of_two_kinds),
    })
