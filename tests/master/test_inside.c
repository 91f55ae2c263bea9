/*
 * test_inside.c - M3, M5, M7, M8, M23, R1, R9: a master in this process, at a moment
 * of the test's choice
 *
 * wrap: poll epoll_wait sigmask fork
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sigchld/master.h>

#include "async/sys.h"
#include "core/sys.h"
#include "inside.h"

#define N_KINDS 7

static const int kinds[N_KINDS] = { SIGUSR1, SIGUSR2, SIGHUP, SIGTERM, SIGINT,
	SIGTTIN, SIGTTOU };

static struct sigchld_ctx *ctx;
static struct sigchld_master *master;
static unsigned int n_events[SIGCHLD_MASTER_DISTRUSTED + 1];
static pid_t workers[64];

/* Just before the next sleep this comes, and then nobody may sleep in vain. */
static void (*before_sleep)(void);
static unsigned int n_in_vain;

static int
begin_sleep(int timeout_ms)
{
	void (*come)(void) = before_sleep;

	if (timeout_ms == 0 || come == NULL)
		return timeout_ms;
	before_sleep = NULL;
	come();
	return (int)harness_patience_ms() / 2;
}

static int
end_sleep(int asked_ms, int timeout_ms, int rc)
{
	n_in_vain += asked_ms != timeout_ms && rc == 0;
	return rc;
}

int __real_sigchld__sys_poll(struct pollfd *fds, unsigned int n,
    int timeout_ms);
int __wrap_sigchld__sys_poll(struct pollfd *fds, unsigned int n,
    int timeout_ms);

int
__wrap_sigchld__sys_poll(struct pollfd *fds, unsigned int n, int timeout_ms)
{
	int ms = begin_sleep(timeout_ms);

	return end_sleep(timeout_ms, ms, __real_sigchld__sys_poll(fds, n, ms));
}

#ifndef SIGCHLD_PORTABLE

struct epoll_event;
int __real_sigchld__sys_epoll_wait(int epfd, struct epoll_event *events,
    int max, int timeout_ms);
int __wrap_sigchld__sys_epoll_wait(int epfd, struct epoll_event *events,
    int max, int timeout_ms);

int
__wrap_sigchld__sys_epoll_wait(int epfd, struct epoll_event *events, int max,
    int timeout_ms)
{
	int ms = begin_sleep(timeout_ms);

	return end_sleep(timeout_ms, ms,
	    __real_sigchld__sys_epoll_wait(epfd, events, max, ms));
}

#endif

/* Whenever one of them is let in, each of them must be caught. */
static bool must_be_caught;
static unsigned int n_let_in;

int __real_sigchld__sys_sigmask(int how, const sigset_t *set, sigset_t *before);
int __wrap_sigchld__sys_sigmask(int how, const sigset_t *set, sigset_t *before);

static bool
is_caught(int sig)
{
	struct sigaction now;

	ck_assert_int_eq(sigaction(sig, NULL, &now), 0);
	return now.sa_handler != SIG_DFL && now.sa_handler != SIG_IGN;
}

static bool
lets_in(int how, const sigset_t *set, int sig)
{
	if (set == NULL || how == SIG_BLOCK)
		return false;
	return sigismember(set, sig) == (how == SIG_UNBLOCK);
}

int
__wrap_sigchld__sys_sigmask(int how, const sigset_t *set, sigset_t *before)
{
	unsigned int i;

	for (i = 0; must_be_caught && i < N_KINDS; i++) {
		if (!lets_in(how, set, kinds[i]))
			continue;
		n_let_in++;
		ck_assert(is_caught(kinds[i]));
	}
	return __real_sigchld__sys_sigmask(how, set, before);
}

/* So many forks fail. */
static unsigned int n_unforked, n_tried;

pid_t __real_sigchld__sys_fork(void);
pid_t __wrap_sigchld__sys_fork(void);

pid_t
__wrap_sigchld__sys_fork(void)
{
	n_tried++;
	if (n_unforked == 0)
		return __real_sigchld__sys_fork();
	n_unforked--;
	return -EAGAIN;
}

/* The master */

static int last_error, last_status;
static uint32_t last_slot, last_lost;
static bool is_brief; /* it stops itself; and then it is ready, and ends */

static int
work(struct sigchld_worker *w, void *user)
{
	(void)user;
	if (is_brief) {
		(void)raise(SIGSTOP);
		(void)sigchld_worker_ready(w);
		return 5;
	}
	return work_until_told(w);
}

static void
on_event(struct sigchld_master *m, const struct sigchld_master_event *event,
    void *user)
{
	(void)m;
	(void)user;
	n_events[event->what]++;
	if (event->what == SIGCHLD_MASTER_FORKED && event->error != 0) {
		last_error = event->error;
		last_slot = event->slot;
	} else if (event->what == SIGCHLD_MASTER_FORKED) {
		workers[event->slot] = event->pid;
	}
	if (event->what == SIGCHLD_MASTER_RELOAD_FAILED)
		last_error = event->error;
	if (event->what == SIGCHLD_MASTER_WORKER_LEFT) {
		last_status = event->status;
		last_lost = event->lost;
	}
	if (event->what == SIGCHLD_MASTER_WORKER_READY)
		workers[event->slot] = event->pid;
}

/* A reload fails: there is no such file. */
static void
make(uint32_t n, uint32_t flags)
{
	char *argv[] = { (char *)"/nonexistent", NULL };

	ck_assert_int_eq(sigchld_new(&ctx, NULL), 0);
	ck_assert_int_eq(sigchld_master_new(ctx, &master,
			     SIGCHLD_MASTER(.argv = argv, .run = work,
				 .flags = flags, .workers = n, .backoff_ms = 1,
				 .give_up = 1000, .on_event = on_event)),
	    0);
}

static void
until(unsigned int what, unsigned int n)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();

	while (n_events[what] < n) {
		ck_assert_msg(harness_now_ms() < deadline, "event %u in vain",
		    what);
		ck_assert_int_ge(sigchld_wait(ctx, -1), 0);
	}
	ck_assert_uint_eq(n_events[what], n);
}

static void
start(uint32_t n, uint32_t flags)
{
	make(n, flags);
	until(SIGCHLD_MASTER_READY, 1);
}

/* The context reaps those whom nobody knows any more. */
static void
finish(void)
{
	sigchld_master_free(master);
	reap_all(ctx);
}

/* M7 */

static int coming;

static void
signal_comes(void)
{
	ck_assert_int_eq(raise(coming), 0);
}

static void
worker_dies(void)
{
	ck_assert_int_eq(kill(workers[0], SIGKILL), 0);
	harness_await_zombie(workers[0]);
}

static void
must_wake(void (*come)(void), unsigned int what)
{
	before_sleep = come;
	until(what, n_events[what] + 1);
	ck_assert(before_sleep == NULL);
	ck_assert_uint_eq(n_in_vain, 0);
}

START_TEST(m7_what_comes_just_before_it_sleeps_wakes_it)
{
	static const struct {
		int sig;
		unsigned int what;
	} all[] = {
		{ SIGUSR2, SIGCHLD_MASTER_RELOAD_FAILED },
		{ SIGHUP, SIGCHLD_MASTER_RELOAD_FAILED },
		{ SIGTTIN, SIGCHLD_MASTER_WORKER_READY },
		{ SIGTTOU, SIGCHLD_MASTER_WORKER_LEFT },
		{ SIGUSR1, SIGCHLD_MASTER_STOPPING },
	};
	unsigned int i;

	start(1, SIGCHLD_MASTER_RESPAWN);
	must_wake(worker_dies, SIGCHLD_MASTER_WORKER_LEFT);
	until(SIGCHLD_MASTER_WORKER_READY, 2);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		coming = all[i].sig;
		must_wake(signal_comes, all[i].what);
	}
	until(SIGCHLD_MASTER_ALL_LEFT, 1);
	finish();
}
END_TEST

/* M8 */

static void
block_sigchld(int how)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	ck_assert_int_eq(sigprocmask(how, &set, NULL), 0);
}

static FILE *
start_program(pid_t *ret_pid)
{
	FILE *program = popen("echo $$; exit 3", "r");
	int pid;

	ck_assert_ptr_nonnull(program);
	ck_assert_int_eq(fscanf(program, "%d", &pid), 1);
	*ret_pid = pid;
	return program;
}

/* All are dead before anybody looks, and one signal tells of them. */
START_TEST(m8_each_reaps_its_own)
{
	struct harness_log log = { .count = 0 };
	struct harness_child held;
	struct sigchld_ctx *other;
	FILE *program;
	pid_t pid;
	unsigned int i;

	start(2, SIGCHLD_MASTER_RESPAWN);
	ck_assert_int_eq(sigchld_new(&other, NULL), 0);
	held = harness_fork_watched(other, NULL, 0, 5, harness_on_event, &log);
	(void)sigchld_dispatch(other);
	block_sigchld(SIG_BLOCK);
	program = start_program(&pid);
	harness_release(&held);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(kill(workers[i], SIGKILL), 0);
		harness_await_zombie(workers[i]);
	}
	harness_await_zombie(held.pid);
	harness_await_zombie(pid);
	block_sigchld(SIG_UNBLOCK);
	until(SIGCHLD_MASTER_WORKER_LEFT, 2);
	until(SIGCHLD_MASTER_WORKER_READY, 4); /* they have successors */
	ck_assert_uint_eq(n_events[SIGCHLD_MASTER_ALL_LEFT], 0);
	ck_assert_int_eq(log.count, 0);
	ck_assert(harness_is_zombie(held.pid));
	harness_wait_for(other, &log.count, 1);
	ck_assert_int_eq(log.wstatus, 5 << 8);
	ck_assert_int_eq(pclose(program), 3 << 8);
	sigchld_free(other);
	finish();
}
END_TEST

/* M23, R1, R9 */

static volatile sig_atomic_t n_ours;

static void
ours(int sig)
{
	(void)sig;
	n_ours++;
}

static void
hold(int how, int sig)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, sig);
	ck_assert_int_eq(sigprocmask(how, &set, NULL), 0);
}

/* What it does, or that it is refused. */
static unsigned int
effect_of(int sig)
{
	switch (sig) {
	case SIGUSR2:
	case SIGHUP:
		return SIGCHLD_MASTER_RELOAD_FAILED;
	case SIGTTIN:
	case SIGTTOU:
		return SIGCHLD_MASTER_READY;
	default:
		return SIGCHLD_MASTER_STOPPING;
	}
}

/* It was for whoever heeds it when it is let in: the master; and then us. */
static void
pends(int sig)
{
	unsigned int i;

	for (i = 0; i <= SIGCHLD_MASTER_DISTRUSTED; i++)
		n_events[i] = 0;
	n_ours = 0;
	ck_assert(signal(sig, ours) != SIG_ERR);
	hold(SIG_BLOCK, sig);
	ck_assert_int_eq(raise(sig), 0);
	make(2, 0);
	until(effect_of(sig), 1);
	ck_assert_int_eq(n_ours, 0);
	if (sig == SIGTTIN)
		until(SIGCHLD_MASTER_WORKER_READY, 3);
	if (sig == SIGTTOU)
		ck_assert_uint_eq(n_events[SIGCHLD_MASTER_WORKER_READY], 1);
	hold(SIG_BLOCK, sig);
	ck_assert_int_eq(raise(sig), 0);
	finish();
	ck_assert_int_eq(n_ours, 0);
	hold(SIG_UNBLOCK, sig);
	ck_assert_int_eq(n_ours, 1);
	ck_assert(signal(sig, SIG_DFL) == ours);
}

START_TEST(m23_what_is_pending_is_not_thrown_away)
{
	unsigned int i;

	for (i = 0; i < N_KINDS; i++)
		pends(kinds[i]);
}
END_TEST

START_TEST(r9_none_is_let_in_before_all_are_caught)
{
	unsigned int i;

	for (i = 0; i < N_KINDS; i++)
		hold(SIG_BLOCK, kinds[i]);
	must_be_caught = true;
	make(1, 0);
	must_be_caught = false;
	ck_assert_uint_eq(n_let_in, N_KINDS);
	finish();
	for (i = 0; i < N_KINDS; i++)
		hold(SIG_UNBLOCK, kinds[i]);
}
END_TEST

static bool
is_kind(int sig)
{
	unsigned int i;

	for (i = 0; i < N_KINDS; i++) {
		if (kinds[i] == sig)
			return true;
	}
	return false;
}

/* Of all that a program can catch, but SIGCHLD, which is the context's. */
static void
must_have_actions(bool while_there)
{
	struct sigaction now;
	int sig;

	for (sig = 1; sig < 32; sig++) {
		if (sig == SIGKILL || sig == SIGSTOP || sig == SIGCHLD)
			continue;
		ck_assert_int_eq(sigaction(sig, NULL, &now), 0);
		ck_assert_msg((now.sa_handler == ours) !=
			(while_there && is_kind(sig)),
		    "signal %d", sig);
		ck_assert(is_caught(sig));
	}
}

START_TEST(r1_seven_signals_are_caught_while_there_is_a_master)
{
	int sig;

	for (sig = 1; sig < 32; sig++) {
		if (sig != SIGCHLD)
			(void)signal(sig, ours);
	}
	make(1, 0);
	must_have_actions(true);
	finish();
	must_have_actions(false);
	make(1, SIGCHLD_MASTER_NO_SIGNALS);
	must_have_actions(false);
	finish();
	must_have_actions(false);
	for (sig = 1; sig < 32; sig++)
		(void)signal(sig, SIG_DFL);
}
END_TEST

/* M3 */

/* It was told to go, and did; but somebody else has heard how. */
START_TEST(m3_an_end_that_somebody_stole)
{
	int wstatus;

	start(1, 0);
	ck_assert_int_eq(kill(workers[0], SIGTERM), 0);
	ck_assert_int_eq(waitpid(workers[0], &wstatus, 0), workers[0]);
	ck_assert_int_eq(raise(SIGCHLD), 0);
	until(SIGCHLD_MASTER_WORKER_LEFT, 1);
	until(SIGCHLD_MASTER_ALL_LEFT, 1);
	if (harness_recovers() && last_lost == 0) {
		ck_assert_int_eq(last_status, 128 + SIGTERM);
		ck_assert_int_eq(sigchld_master_result(master), 0);
	} else {
		ck_assert_uint_eq(last_lost, 1);
		ck_assert_int_eq(last_status, 255);
		ck_assert_int_eq(sigchld_master_result(master), 255);
	}
	finish();
}
END_TEST

/* T1 in turn.c: by the signal, nobody tells of an end while that is blocked. But
 * whoever is to take over is looked at, and then it is heard of. */
START_TEST(m17_who_was_ready_and_is_dead_does_not_take_over)
{
	siginfo_t info;

	is_brief = true;
	block_sigchld(SIG_BLOCK);
	make(1, SIGCHLD_MASTER_READY_LATER);
	until(SIGCHLD_MASTER_FORKED, 1);
	ck_assert_int_eq(waitid(P_PID, (id_t)workers[0], &info,
			     WSTOPPED | WNOWAIT),
	    0);
	ck_assert_int_eq(kill(workers[0], SIGCONT), 0);
	harness_await_zombie(workers[0]);
	until(SIGCHLD_MASTER_WORKER_LEFT, 1);
	until(SIGCHLD_MASTER_ALL_LEFT, 1);
	ck_assert_uint_eq(n_events[SIGCHLD_MASTER_WORKER_READY], 1);
	ck_assert_uint_eq(n_events[SIGCHLD_MASTER_READY], 0);
	ck_assert_uint_eq(n_events[SIGCHLD_MASTER_RELOAD_FAILED], 1);
	ck_assert_int_eq(sigchld_master_result(master), 5);
	block_sigchld(SIG_UNBLOCK);
	finish();
}
END_TEST

/* M5, M17 */

/* It is tried again, but not without end. */
START_TEST(m5_a_fork_that_fails_is_tried_later)
{
	int64_t begun;
	unsigned int i;

	make(3, SIGCHLD_MASTER_RESPAWN);
	n_unforked = 2; /* the first, and the first again */
	while (n_events[SIGCHLD_MASTER_FORKED] == 0)
		ck_assert_int_ge(sigchld_wait(ctx, -1), 0);
	ck_assert_int_eq(last_error, -EAGAIN);
	ck_assert_uint_eq(last_slot, 0);
	until(SIGCHLD_MASTER_READY, 1);
	ck_assert_uint_eq(n_events[SIGCHLD_MASTER_RELOAD_FAILED], 0);
	ck_assert_uint_eq(n_tried, 5);
	n_unforked = 1000;
	n_tried = 0;
	ck_assert_int_eq(kill(workers[1], SIGKILL), 0);
	until(SIGCHLD_MASTER_WORKER_LEFT, 1);
	begun = harness_now_ms();
	while (n_tried == 0)
		ck_assert_int_ge(sigchld_wait(ctx, -1), 0);
	for (i = 0; i < 10; i++)
		ck_assert_int_ge(sigchld_dispatch(ctx), 0);
	ck_assert_int_le(n_tried, 1 + (harness_now_ms() - begun) / 100);
	ck_assert_uint_eq(last_slot, 1);
	n_unforked = 0;
	until(SIGCHLD_MASTER_WORKER_READY, 4);
	finish();
}
END_TEST

START_TEST(m17_a_fork_that_fails_is_a_start_that_fails)
{
	make(3, 0);
	n_unforked = 1;
	until(SIGCHLD_MASTER_RELOAD_FAILED, 1);
	ck_assert_int_eq(last_error, -EAGAIN);
	until(SIGCHLD_MASTER_ALL_LEFT, 1);
	ck_assert_int_eq(sigchld_master_result(master), 255);
	finish();
}
END_TEST

/* Others want to be heard in between. */
START_TEST(m1_so_many_are_forked_in_one_dispatch_and_no_more)
{
	make(40, 0);
	ck_assert_int_ge(sigchld_dispatch(ctx), 0);
	ck_assert_uint_eq(n_tried, 16);
	ck_assert_int_ge(sigchld_dispatch(ctx), 0);
	ck_assert_uint_eq(n_tried, 32);
	until(SIGCHLD_MASTER_READY, 1);
	ck_assert_uint_eq(n_tried, 40);
	finish();
}
END_TEST

HARNESS("inside",
    {
	HARNESS_TEST(m3_an_end_that_somebody_stole),
	HARNESS_TEST(m17_who_was_ready_and_is_dead_does_not_take_over),
	HARNESS_TEST(m5_a_fork_that_fails_is_tried_later),
	HARNESS_TEST(m17_a_fork_that_fails_is_a_start_that_fails),
	HARNESS_TEST(m1_so_many_are_forked_in_one_dispatch_and_no_more),
	HARNESS_TEST(m7_what_comes_just_before_it_sleeps_wakes_it),
	HARNESS_TEST(m8_each_reaps_its_own),
	HARNESS_TEST(m23_what_is_pending_is_not_thrown_away),
	HARNESS_TEST(r9_none_is_let_in_before_all_are_caught),
	HARNESS_TEST(r1_seven_signals_are_caught_while_there_is_a_master),
    })
