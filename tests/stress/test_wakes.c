/*
 * test_wakes.c - whom a death wakes, and which system calls it takes
 *
 * labels: quick
 * wrap: epoll_wait
 *
 * Under each wake, with 1 context and with 64, each with a child more than the
 * one that dies:
 *
 *	by pidfd	the owner's descriptor becomes readable and no other's.
 *			sigchld_wait sleeps once, looks, reaps and closes: four
 *			system calls, whoever else there is.
 *	by the signal	if nobody sleeps, every context's descriptor becomes
 *			readable, and each looks at its own children. If threads
 *			sleep in the library, one of them looks for all, and it
 *			and the owner are woken, however many others there are.
 *
 * All children are forked before the first is watched: a pidfd that a forked
 * process may have a copy of costs a call more.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <sigchld.h>

#include "core/sys.h"
#include "harness.h"
#include "traced.h"

#define MOST  64
#define CALLS 1024

#ifdef SYS_epoll_wait
#	define SYS_SLEEP SYS_epoll_wait
#else
#	define SYS_SLEEP SYS_epoll_pwait
#endif

static atomic_int n_wakes;

#ifndef SIGCHLD_PORTABLE

int __real_sigchld__sys_epoll_wait(int epfd, struct epoll_event *events, int n,
    int timeout_ms);
int __wrap_sigchld__sys_epoll_wait(int epfd, struct epoll_event *events, int n,
    int timeout_ms);

int
__wrap_sigchld__sys_epoll_wait(int epfd, struct epoll_event *events, int n,
    int timeout_ms)
{
	int rc = __real_sigchld__sys_epoll_wait(epfd, events, n, timeout_ms);

	atomic_fetch_add(&n_wakes, 1);

	return rc;
}

#endif

static const int counts[] = { 1, MOST };
#define N_COUNTS ((int)(sizeof(counts) / sizeof(counts[0])))

static void
block_sigchld(int how)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)pthread_sigmask(how, &set, NULL);
}

/* Contexts, each with two children, and all asleep. */
struct scene {
	int n;
	struct sigchld_ctx *ctxs[MOST];
	struct harness_child held[2][MOST];
	struct harness_log logs[MOST];
};

static void
watch_pair(struct scene *scene, int i)
{
	int k;

	for (k = 0; k < 2; k++)
		ck_assert_int_eq(sigchld_watch(scene->ctxs[i], NULL,
				     scene->held[k][i].pid, 0, harness_on_event,
				     &scene->logs[i]),
		    0);
	ck_assert_int_eq(sigchld_dispatch(scene->ctxs[i]), 0);
}

static void
open_scene(struct scene *scene, int n)
{
	int i;

	(void)memset(scene, 0, sizeof(*scene));
	scene->n = n;
	for (i = 0; i < n; i++) {
		scene->held[0][i] = harness_fork_held(i);
		scene->held[1][i] = harness_fork_held(i);
	}
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(sigchld_new(&scene->ctxs[i], NULL), 0);
		watch_pair(scene, i);
	}
}

static void
close_scene(struct scene *scene)
{
	int i;

	for (i = 0; i < scene->n; i++) {
		harness_release(&scene->held[0][i]);
		harness_release(&scene->held[1][i]);
		harness_wait_for(scene->ctxs[i], &scene->logs[i].final, 2);
		sigchld_free(scene->ctxs[i]);
	}
}

static void
let_die(struct scene *scene, int i)
{
	harness_release(&scene->held[0][i]);
	harness_await_zombie(scene->held[0][i].pid);
}

/* Who is woken: whose descriptor is readable */

static void
one_death(struct scene *scene, int owner)
{
	bool woken;
	int i;

	let_die(scene, owner);
	for (i = 0; i < scene->n; i++) {
		woken = harness_readable(sigchld_fd(scene->ctxs[i]), 0);
		ck_assert(woken == (i == owner || !harness_on_pidfds()));
		ck_assert_int_eq(sigchld_dispatch(scene->ctxs[i]), i == owner);
		ck_assert(!harness_readable(sigchld_fd(scene->ctxs[i]), 0));
	}
}

START_TEST(a_death_is_told_its_owner_or_all_if_nobody_sleeps)
{
	struct scene scene;
	int c, i;

	for (c = 0; c < N_COUNTS; c++) {
		open_scene(&scene, counts[c]);
		for (i = 0; i < scene.n; i++)
			one_death(&scene, i);
		close_scene(&scene);
	}
}
END_TEST

/* How often: all contexts wait, each on a thread, while one after the other
 * their children end */

static sem_t told;

struct waiter {
	pthread_t thread;
	struct sigchld_ctx *ctx;
	int left;
};

static void
on_end(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct waiter *waiter = user;

	(void)child;
	ck_assert_int_eq(event->what, SIGCHLD_EXITED);
	ck_assert(pthread_equal(pthread_self(), waiter->thread));
	waiter->left--;
	ck_assert_int_eq(sem_post(&told), 0);
}

static void *
wait_for_both(void *user)
{
	struct waiter *waiter = user;

	waiter->thread = pthread_self();
	while (waiter->left > 0)
		ck_assert_int_ge(sigchld_wait(waiter->ctx, -1), 0);

	return NULL;
}

static void
await_told(void)
{
	struct timespec limit;

	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &limit), 0);
	limit.tv_sec += harness_patience_ms() / 1000 + 1;
	while (sem_timedwait(&told, &limit) == -1)
		ck_assert_int_eq(errno, EINTR);
}

static void
let_each_wait(struct scene *scene, struct waiter *waiters)
{
	int i, k;

	for (i = 0; i < scene->n; i++) {
		waiters[i] = (struct waiter){ .left = 2 };
		scene->held[0][i] = harness_fork_held(i);
		scene->held[1][i] = harness_fork_held(i);
	}
	for (i = 0; i < scene->n; i++) {
		ck_assert_int_eq(sigchld_new(&waiters[i].ctx, NULL), 0);
		for (k = 0; k < 2; k++)
			ck_assert_int_eq(sigchld_watch(waiters[i].ctx, NULL,
					     scene->held[k][i].pid, 0, on_end,
					     &waiters[i]),
			    0);
	}
	for (i = 0; i < scene->n; i++)
		ck_assert_int_eq(pthread_create(&waiters[i].thread, NULL,
				     wait_for_both, &waiters[i]),
		    0);
}

static void
let_all_die(struct scene *scene)
{
	int i, k;

	for (k = 0; k < 2; k++) {
		for (i = 0; i < scene->n; i++) {
			harness_release(&scene->held[k][i]);
			await_told();
		}
	}
}

static void
end_waiters(struct scene *scene, struct waiter *waiters)
{
	int i;

	for (i = 0; i < scene->n; i++) {
		ck_assert_int_eq(pthread_join(waiters[i].thread, NULL), 0);
		sigchld_free(waiters[i].ctx);
	}
}

/* By the signal it is the one who looks for all and the owner; seldom a third,
 * when somebody else looks before the owner has reaped, or when nobody slept
 * yet. */
static void
check_wakes(int deaths)
{
	int wakes = atomic_load(&n_wakes);

	if (harness_on_pidfds()) {
		ck_assert_int_eq(wakes, deaths);
	} else {
		ck_assert_int_ge(wakes, deaths);
		ck_assert_int_le(wakes, 3 * deaths);
	}
}

/* Each sleeps until its last child has ended, so no wake is still to come. The
 * signal is for the main thread. */
START_TEST(a_death_wakes_its_owner_and_by_the_signal_few_more)
{
	struct waiter waiters[MOST];
	struct scene scene;
	int c;

#ifdef SIGCHLD_PORTABLE
	harness_skip("there is no epoll here");
#endif
	ck_assert_int_eq(sem_init(&told, 0, 0), 0);
	for (c = 0; c < N_COUNTS; c++) {
		scene.n = counts[c];
		atomic_store(&n_wakes, 0);
		block_sigchld(SIG_BLOCK);
		let_each_wait(&scene, waiters);
		block_sigchld(SIG_UNBLOCK);
		let_all_die(&scene);
		end_waiters(&scene, waiters);
		check_wakes(2 * scene.n);
	}
}
END_TEST

/* What it costs: system calls */

static int traced_contexts;

/* By the signal every context has to look. Between the marks there is no check,
 * which would make system calls of its own. */
static void
wait_for_one(void)
{
	struct scene scene;
	int i, n_woken, n_calls = 0;

	open_scene(&scene, traced_contexts);
	n_woken = harness_on_pidfds() ? 1 : scene.n;
	block_sigchld(SIG_BLOCK);
	let_die(&scene, 0);
	traced_mark();
	block_sigchld(SIG_UNBLOCK);
	for (i = 0; i < n_woken; i++)
		n_calls += sigchld_wait(scene.ctxs[i], -1);
	traced_mark();
	ck_assert_int_eq(n_calls, 1);
	close_scene(&scene);
}

static int
count(const long *calls, size_t n, long call)
{
	int found = 0;
	size_t i;

	for (i = 0; i < n; i++)
		found += calls[i] == call;

	return found;
}

START_TEST(a_death_by_pidfd_takes_four_system_calls)
{
	long calls[CALLS];
	size_t n;
	int c;

	if (!harness_on_pidfds())
		harness_skip("the children are not on pidfds");
	for (c = 0; c < N_COUNTS; c++) {
		traced_contexts = counts[c];
		n = traced_record(traced_start(wait_for_one), calls, CALLS);
		/* No signal is handled when SIGCHLD is let in. */
		ck_assert_uint_eq(n, 5);
		ck_assert_int_eq(calls[0], SYS_rt_sigprocmask);
		ck_assert_int_eq(calls[1], SYS_SLEEP);
		ck_assert_int_eq(calls[2], SYS_waitid); /* look */
		ck_assert_int_eq(calls[3], SYS_waitid); /* reap */
		ck_assert_int_eq(calls[4], SYS_close);
	}
}
END_TEST

START_TEST(a_death_by_signal_makes_each_context_look)
{
	long calls[CALLS];
	size_t n;
	int c, n_ctxs;

#ifdef SIGCHLD_PORTABLE
	harness_skip("other calls are made here");
#endif

	for (c = 0; c < N_COUNTS; c++) {
		traced_contexts = n_ctxs = counts[c];
		n = traced_record(traced_start(wait_for_one), calls, CALLS);
		/* The handler: a getpid, a write for each, and the way back. */
		ck_assert_int_eq(count(calls, n, SYS_rt_sigprocmask), 1);
		ck_assert_int_eq(count(calls, n, SYS_getpid), 1);
		ck_assert_int_eq(count(calls, n, SYS_write), n_ctxs);
		ck_assert_int_eq(count(calls, n, SYS_rt_sigreturn), 1);
		/* Each: a sleep, and a look at two; the owner reaps one. */
		ck_assert_int_eq(count(calls, n, SYS_SLEEP), n_ctxs);
		ck_assert_int_eq(count(calls, n, SYS_waitid), 2 * n_ctxs + 1);
		/* Can the signal be trusted? Before the sleep and after it. */
		ck_assert_int_eq(count(calls, n, SYS_rt_sigaction), 2 * n_ctxs);
		ck_assert_int_eq(count(calls, n, SYS_rt_sigpending),
		    2 * n_ctxs);
		ck_assert_uint_eq(n, 8 * (size_t)n_ctxs + 4);
	}
}
END_TEST

HARNESS("wakes",
    {
	HARNESS_TEST(a_death_is_told_its_owner_or_all_if_nobody_sleeps),
	HARNESS_TEST(a_death_wakes_its_owner_and_by_the_signal_few_more),
	HARNESS_TEST(a_death_by_pidfd_takes_four_system_calls),
	HARNESS_SIGNAL_TEST(a_death_by_signal_makes_each_context_look),
    })
