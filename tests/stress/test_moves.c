/*
 * test_moves.c - children of every wake, moved about, with thieves and copies
 *
 * labels: stress
 * timeout: 120
 * wake: auto
 *
 * Contexts of each kind, one thread each: on pidfds, on few pidfds, by the
 * signal, handled by the application. Owners fork children into them and then,
 * while these die, move them from one to another, wait for them, kill them,
 * take pidfds of them and let them go. Keepers are forked, hold copies of all
 * descriptors for a moment, and end. In the second test a thief reaps whatever
 * he can get.
 *
 * Each child ends in one event, by a callback or for whoever waits, and its
 * status is true, unless it was stolen and nobody knows it any more.
 *
 *	SIGCHLD_SEED		printed; the same choices again
 *	SIGCHLD_STRESS_SECONDS	5, for each test
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

#define CTXS   8
#define OWNERS 4
#define BATCH  12
#define LIFE   3000 /* us, at most */

/* Not ck_assert: that tells check of each success, too. */
#define MUST(x) \
	do { \
		if (!(x)) \
			ck_abort_msg("%s (errno %d)", #x, errno); \
	} while (0)

static void
no_fault(struct sigchld_ctx *ctx, const char *what, int err, void *user)
{
	(void)ctx;
	(void)user;
	ck_abort_msg("%s: %s", what, strerror(-err));
}

#define KIND(...) \
	{ \
		.size = sizeof(struct sigchld_options), .on_fault = no_fault, \
		__VA_ARGS__ \
	}

static const struct sigchld_options kinds[] = {
	KIND(.wake = SIGCHLD_WAKE_AUTO),
	KIND(.max_pidfds = 3),
	KIND(.wake = SIGCHLD_WAKE_SIGNAL),
	KIND(.handler = SIGCHLD_HANDLER_APP),
};

struct record {
	struct sigchld_child *child;
	int code;
	atomic_bool killed, freed;
	atomic_int ends;
};

static struct sigchld_ctx *ctxs[CTXS];
static atomic_bool over, thieving;
static atomic_ulong n_children, n_moved, n_busy, n_waited, n_stolen;

/* xorshift64*; the state is never zero. */
static unsigned int
pick(uint64_t *state, unsigned int n)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;

	return (unsigned int)((*state * 2685821657736338717u) >> 33) % n;
}

static _Noreturn void
live(unsigned int us, int code)
{
	const struct itimerval when = { .it_value = { .tv_usec = (int)us } };
	sigset_t set;
	int sig;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGALRM);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (us > 0 && setitimer(ITIMER_REAL, &when, NULL) == 0)
		(void)sigwait(&set, &sig);
	_exit(code);
}

static void
check_end(struct record *r, const struct sigchld_child *child,
    const struct sigchld_event *event)
{
	MUST(event->pid == sigchld_child_pid(child));
	if (event->what == SIGCHLD_STOLEN) {
		MUST(atomic_load(&thieving) && event->wstatus == 0);
		atomic_fetch_add(&n_stolen, 1);
	} else if (event->what == SIGCHLD_SIGNALED) {
		MUST(atomic_load(&r->killed) &&
		    WTERMSIG(event->wstatus) == SIGKILL);
	} else {
		MUST(event->what == SIGCHLD_EXITED);
		MUST(event->wstatus == r->code << 8);
	}
	MUST(event->source == SIGCHLD_SOURCE_WAIT || atomic_load(&thieving));
	MUST(atomic_fetch_add(&r->ends, 1) == 0);
}

static void
on_event(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct record *r = user;

	MUST(sigchld_child_ctx(child) != NULL && !atomic_load(&r->freed));
	check_end(r, child, event);
}

/* What an owner does to a child of his */

static void
move_it(struct record *r, uint64_t *random)
{
	int rc = sigchld_child_move(r->child, ctxs[pick(random, CTXS)]);

	if (rc != 0 && rc != -ESRCH && rc != -EBUSY)
		ck_abort_msg("sigchld_child_move: %s", strerror(-rc));
	atomic_fetch_add(rc == -EBUSY ? &n_busy : &n_moved, 1);
}

static void
wait_for_it(struct record *r, int ms)
{
	struct sigchld_event event = { .size = sizeof(event) };
	int rc = sigchld_child_wait(r->child, ms, &event);

	MUST(rc == 0 || rc == 1 || rc == -ESRCH);
	if (rc == 1) {
		check_end(r, r->child, &event);
		atomic_fetch_add(&n_waited, 1);
	}
}

static void
take_pidfd(struct record *r)
{
	int fd = sigchld_child_pidfd(r->child);

	MUST(fd >= 0 || fd == -ESRCH || fd == -ENOTSUP);
	if (fd >= 0)
		MUST(close(fd) == 0);
}

static void
act(struct record *r, uint64_t *random)
{
	int rc;

	switch (pick(random, 10)) {
	case 0:
		wait_for_it(r, (int)pick(random, 3));
		break;
	case 1:
		take_pidfd(r);
		break;
	case 2:
		atomic_store(&r->killed, true);
		rc = sigchld_child_kill(r->child, SIGKILL);
		MUST(rc == 0 || rc == -ESRCH);
		break;
	default:
		move_it(r, random);
		break;
	}
}

static void
begin(struct record *r, uint64_t *random)
{
	unsigned int us = pick(random, LIFE);
	pid_t pid;

	memset(r, 0, sizeof(*r));
	r->code = (int)pick(random, 256);
	pid = sigchld_fork(ctxs[pick(random, CTXS)], &r->child, 0, on_event, r);
	if (pid == 0)
		live(us, r->code);
	MUST(pid > 0);
	atomic_fetch_add(&n_children, 1);
}

static void
end(struct record *r)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();

	while (atomic_load(&r->ends) == 0) {
		MUST(harness_now_ms() < deadline);
		wait_for_it(r, 20);
	}
	sigchld_child_free(r->child); /* waits for a callback */
	atomic_store(&r->freed, true);
	MUST(atomic_load(&r->ends) == 1);
}

static void *
own(void *user)
{
	uint64_t random = *(uint64_t *)user;
	struct record batch[BATCH];
	int i;

	while (!atomic_load(&over)) {
		for (i = 0; i < BATCH; i++)
			begin(&batch[i], &random);
		for (i = 0; i < 8 * BATCH; i++)
			act(&batch[pick(&random, BATCH)], &random);
		for (i = 0; i < BATCH; i++)
			end(&batch[i]);
	}

	return NULL;
}

/* The others */

static void *
work(void *user)
{
	struct sigchld_ctx *ctx = user;

	while (!atomic_load(&over))
		MUST(sigchld_wait(ctx, 20) >= 0);

	return NULL;
}

/* Where the application handles SIGCHLD, and where a theft is not told of,
 * there has to be somebody who says so. */
static void *
say_so(void *user)
{
	(void)user;
	while (!atomic_load(&over)) {
		MUST(sigchld_occurred(NULL) == 0);
		(void)poll(NULL, 0, 2);
	}

	return NULL;
}

static void *
keep_copies(void *user)
{
	pid_t pid;

	(void)user;
	while (!atomic_load(&over)) {
		pid = fork();
		MUST(pid >= 0);
		if (pid == 0)
			live(5000, 0);
		while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
			continue;
	}

	return NULL;
}

static void *
steal(void *user)
{
	(void)user;
	while (!atomic_load(&over)) {
		if (waitpid(-1, NULL, WNOHANG) <= 0)
			(void)sched_yield();
	}

	return NULL;
}

static pthread_t
start(void *(*fn)(void *user), void *user)
{
	pthread_t thread;

	MUST(pthread_create(&thread, NULL, fn, user) == 0);

	return thread;
}

static void
let_run(void)
{
	const char *text = getenv("SIGCHLD_STRESS_SECONDS");
	int64_t until = harness_now_ms() + 1000 * (text ? atoi(text) : 5), left;

	while ((left = until - harness_now_ms()) > 0)
		(void)poll(NULL, 0, (int)left);
	atomic_store(&over, true);
}

static void
close_all(void)
{
	struct sigchld_stats stats = { .size = sizeof(stats) };
	int i;

	for (i = 0; i < CTXS; i++) {
		MUST(sigchld_get_stats(ctxs[i], &stats) == 0);
		MUST(stats.children == 0 && stats.pidfds == 0);
		sigchld_free(ctxs[i]);
	}
	(void)printf("%lu children, %lu moves, %lu refused, %lu waited for, "
		     "%lu told stolen\n",
	    atomic_load(&n_children), atomic_load(&n_moved),
	    atomic_load(&n_busy), atomic_load(&n_waited),
	    atomic_load(&n_stolen));
	MUST(atomic_load(&n_children) > 0 && atomic_load(&n_moved) > 0);
}

static uint64_t
get_seed(void)
{
	const char *text = getenv("SIGCHLD_SEED");

	if (text != NULL)
		return strtoul(text, NULL, 0);
	return (uint64_t)harness_now_ms() ^ (uint64_t)getpid();
}

static void
run(bool with_thief)
{
	uint64_t seed = get_seed();
	pthread_t workers[CTXS], owners[OWNERS], others[2];
	uint64_t seeds[OWNERS];
	int i;

	(void)printf("SIGCHLD_SEED=%llu\n", (unsigned long long)seed);
	(void)signal(SIGALRM,
	    SIG_DFL); /* check's own is not for our children */
	atomic_store(&thieving, with_thief);
	for (i = 0; i < CTXS; i++)
		MUST(sigchld_new(&ctxs[i], &kinds[i % 4]) == 0);
	for (i = 0; i < CTXS; i++)
		workers[i] = start(work, ctxs[i]);
	for (i = 0; i < OWNERS; i++) {
		seeds[i] = (seed + 1) * 0x9e3779b97f4a7c15u + (uint64_t)i + 1;
		owners[i] = start(own, &seeds[i]);
	}
	others[0] = start(say_so, NULL);
	others[1] = start(with_thief ? steal : keep_copies, NULL);
	let_run();
	for (i = 0; i < OWNERS; i++)
		MUST(pthread_join(owners[i], NULL) == 0);
	for (i = 0; i < CTXS; i++)
		MUST(pthread_join(workers[i], NULL) == 0);
	for (i = 0; i < 2; i++)
		MUST(pthread_join(others[i], NULL) == 0);
	close_all();
	ck_assert_int_eq(harness_count_children(), 0);
}

START_TEST(g1_each_is_told_once_wherever_it_is)
{
	run(false);
}
END_TEST

START_TEST(g12_with_a_thief_at_work)
{
	run(true);
}
END_TEST

HARNESS("moves",
    {
	HARNESS_TEST(g1_each_is_told_once_wherever_it_is),
	HARNESS_TEST(g12_with_a_thief_at_work),
    })
