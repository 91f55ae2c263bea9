/*
 * test_g7.c - G7: the handler allocates nothing, waits for nothing, keeps errno;
 * it makes a getpid and one write per context that is not awake; one walk per
 * SIGCHLD that came meanwhile
 *
 * wrap: write getpid alloc sigmask sleep_us
 * wake: signal
 *
 * What the kernel sees of it is asked by test_syscalls.c.
 */
#include "async/sys.h"
#include "help.h"

#define CONTEXTS 5

static atomic_int n_writes, n_getpids, n_others;
static atomic_int freeze_at; /* counts down to the write that freezes */
static atomic_int frozen, thaw;

int __real_sigchld__sys_write(int fd, const void *data, size_t size);
int __wrap_sigchld__sys_write(int fd, const void *data, size_t size);
pid_t __real_sigchld__sys_getpid(void);
pid_t __wrap_sigchld__sys_getpid(void);
void *__real_sigchld__sys_alloc(size_t n, size_t size);
void *__wrap_sigchld__sys_alloc(size_t n, size_t size);
int __real_sigchld__sys_sigmask(int how, const sigset_t *set, sigset_t *before);
int __wrap_sigchld__sys_sigmask(int how, const sigset_t *set, sigset_t *before);
int __real_sigchld__sys_sleep_us(long us);
int __wrap_sigchld__sys_sleep_us(long us);

int
__wrap_sigchld__sys_write(int fd, const void *data, size_t size)
{
	atomic_fetch_add(&n_writes, 1);
	if (atomic_load(&freeze_at) > 0 &&
	    atomic_fetch_sub(&freeze_at, 1) == 1) {
		atomic_store(&frozen, 1);
		while (atomic_load(&thaw) == 0)
			(void)sched_yield();
	}
	errno = EXDEV; /* a handler that forgets to keep it shows this */

	return __real_sigchld__sys_write(fd, data, size);
}

pid_t
__wrap_sigchld__sys_getpid(void)
{
	atomic_fetch_add(&n_getpids, 1);

	return __real_sigchld__sys_getpid();
}

void *
__wrap_sigchld__sys_alloc(size_t n, size_t size)
{
	atomic_fetch_add(&n_others, 1);

	return __real_sigchld__sys_alloc(n, size);
}

int
__wrap_sigchld__sys_sigmask(int how, const sigset_t *set, sigset_t *before)
{
	atomic_fetch_add(&n_others, 1);

	return __real_sigchld__sys_sigmask(how, set, before);
}

int
__wrap_sigchld__sys_sleep_us(long us)
{
	atomic_fetch_add(&n_others, 1);

	return __real_sigchld__sys_sleep_us(us);
}

static struct sigchld_ctx *ctxs[CONTEXTS];
static struct harness_child held[CONTEXTS];
static struct harness_log logs[CONTEXTS];

static void
open_all(void)
{
	int i;

	for (i = 0; i < CONTEXTS; i++) {
		ctxs[i] = open_ctx(NULL);
		held[i] = harness_fork_watched(ctxs[i], NULL, 0, i,
		    harness_on_event, &logs[i]);
	}
}

static void
dispatch_all(void)
{
	int i;

	for (i = 0; i < CONTEXTS; i++)
		ck_assert_int_ge(sigchld_dispatch(ctxs[i]), 0);
}

static void
close_all(void)
{
	int i;

	block_sigchld(SIG_UNBLOCK);
	for (i = 0; i < CONTEXTS; i++)
		harness_release(&held[i]);
	for (i = 0; i < CONTEXTS; i++) {
		harness_wait_for(ctxs[i], &logs[i].final, 1);
		sigchld_free(ctxs[i]);
	}
}

static void
reset_counts(void)
{
	atomic_store(&n_writes, 0);
	atomic_store(&n_getpids, 0);
	atomic_store(&n_others, 0);
}

START_TEST(g7_one_write_per_context_that_sleeps)
{
	int i;

	open_all();
	dispatch_all();
	for (i = 0; i < 3; i++) {
		reset_counts();
		errno = EILSEQ;
		ck_assert_int_eq(raise(SIGCHLD), 0);
		ck_assert_int_eq(errno, EILSEQ);
		ck_assert_int_eq(atomic_load(&n_getpids), 1);
		ck_assert_int_eq(atomic_load(&n_writes), i == 0 ? CONTEXTS : 0);
		ck_assert_int_eq(atomic_load(&n_others), 0);
	}
	/* One of them falls asleep again. */
	ck_assert_int_eq(sigchld_dispatch(ctxs[2]), 0);
	reset_counts();
	ck_assert_int_eq(raise(SIGCHLD), 0);
	ck_assert_int_eq(atomic_load(&n_writes), 1);
	close_all();
}
END_TEST

START_TEST(g7_nobody_is_woken_who_has_no_child)
{
	struct sigchld_ctx *idle;

	open_all();
	idle = open_ctx(NULL);
	dispatch_all();
	reset_counts();
	ck_assert_int_eq(raise(SIGCHLD), 0);
	ck_assert_int_eq(atomic_load(&n_writes), CONTEXTS);
	ck_assert(!harness_readable(sigchld_fd(idle), 0));
	sigchld_free(idle);
	close_all();
}
END_TEST

/* One handler is frozen in its first write. Those that come meanwhile, on other
 * threads, return at once; one walk serves them all. */

static void *
be_interrupted(void *arg)
{
	(void)arg;
	block_sigchld(SIG_UNBLOCK);
	(void)raise(SIGCHLD);
	block_sigchld(SIG_BLOCK);

	return NULL;
}

/* From now on only threads of the test are interrupted. A handler that has never
 * run while its signal is blocked would be doubted by its contexts, which then
 * wake by the clock, too. */
static void
open_all_and_block(void)
{
	open_all();
	ck_assert_int_eq(raise(SIGCHLD), 0);
	dispatch_all();
	block_sigchld(SIG_BLOCK);
}

START_TEST(g7_a_handler_never_waits)
{
	struct sigchld_stats before, after;
	pthread_t victim, other;
	int i;

	open_all_and_block();
	before = stats_of(ctxs[0]);
	reset_counts();
	atomic_store(&freeze_at, 1);
	ck_assert_int_eq(pthread_create(&victim, NULL, be_interrupted, NULL),
	    0);
	await_flag(&frozen);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(pthread_create(&other, NULL, be_interrupted,
				     NULL),
		    0);
		ck_assert_int_eq(pthread_join(other, NULL), 0);
	}
	ck_assert_int_eq(atomic_load(&n_writes), 1);
	ck_assert_int_eq(atomic_load(&n_getpids), 4);
	ck_assert_int_eq(atomic_load(&n_others), 0);
	atomic_store(&thaw, 1);
	ck_assert_int_eq(pthread_join(victim, NULL), 0);
	ck_assert_int_eq(atomic_load(&n_writes), CONTEXTS);
	after = stats_of(ctxs[0]);
	ck_assert_uint_eq(after.signals - before.signals, 4);
	ck_assert_uint_eq(after.deferred - before.deferred, 3);
	close_all();
}
END_TEST

/* All fall asleep while a walk is on, and another SIGCHLD comes: the mark that it
 * leaves makes the walk go round once more, so that all are woken again. */
START_TEST(g7_one_more_walk_for_those_that_came_meanwhile)
{
	pthread_t victim, other;
	int i;

	open_all_and_block();
	atomic_store(&freeze_at, 1);
	ck_assert_int_eq(pthread_create(&victim, NULL, be_interrupted, NULL),
	    0);
	await_flag(&frozen);
	ck_assert_int_eq(pthread_create(&other, NULL, be_interrupted, NULL), 0);
	ck_assert_int_eq(pthread_join(other, NULL), 0);
	reset_counts();
	atomic_store(&thaw, 1);
	ck_assert_int_eq(pthread_join(victim, NULL), 0);
	/* The rest of the first walk; the second found all awake. */
	ck_assert_int_eq(atomic_load(&n_writes), CONTEXTS - 1);
	for (i = 0; i < CONTEXTS; i++)
		ck_assert(harness_readable(sigchld_fd(ctxs[i]), 0));
	close_all();
}
END_TEST

/* The last context of the walk freezes it, when all before it are awake; they
 * fall asleep again, and only a second walk can wake them. */
START_TEST(g7_second_walk_wakes_those_who_fell_asleep)
{
	pthread_t victim, other;
	int i, n = 0;

	open_all_and_block();
	atomic_store(&freeze_at, CONTEXTS);
	ck_assert_int_eq(pthread_create(&victim, NULL, be_interrupted, NULL),
	    0);
	await_flag(&frozen);
	for (i = 0; i < CONTEXTS; i++) {
		n += harness_readable(sigchld_fd(ctxs[i]), 0);
		ck_assert_int_ge(sigchld_dispatch(ctxs[i]), 0);
	}
	ck_assert_int_eq(n, CONTEXTS - 1);
	ck_assert_int_eq(pthread_create(&other, NULL, be_interrupted, NULL), 0);
	ck_assert_int_eq(pthread_join(other, NULL), 0);
	reset_counts();
	atomic_store(&thaw, 1);
	ck_assert_int_eq(pthread_join(victim, NULL), 0);
	ck_assert_int_ge(atomic_load(&n_writes), CONTEXTS - 1);
	for (i = 0; i < CONTEXTS; i++)
		ck_assert(harness_readable(sigchld_fd(ctxs[i]), 0));
	close_all();
}
END_TEST

HARNESS("g7",
    {
	HARNESS_TEST(g7_one_write_per_context_that_sleeps),
	HARNESS_TEST(g7_nobody_is_woken_who_has_no_child),
	HARNESS_TEST(g7_a_handler_never_waits),
	HARNESS_TEST(g7_one_more_walk_for_those_that_came_meanwhile),
	HARNESS_TEST(g7_second_walk_wakes_those_who_fell_asleep),
    })
