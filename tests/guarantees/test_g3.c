/*
 * test_g3.c - G3: after sigchld_free has returned no handler touches the context,
 * and no byte reaches a descriptor that it closed
 *
 * wrap: write sleep_us
 *
 * A handler is frozen inside its write, on a thread of its own, while another
 * thread closes the context.
 */
#include <sys/socket.h>

#include "async/sys.h"
#include "help.h"

static atomic_int freeze; /* the next write in thread `frozen' */
static atomic_int frozen, thaw, written, rc_of_frozen;
static atomic_int n_naps, n_writes, last_fd;
static _Thread_local bool is_victim;

int __real_sigchld__sys_write(int fd, const void *data, size_t size);
int __wrap_sigchld__sys_write(int fd, const void *data, size_t size);
int __real_sigchld__sys_sleep_us(long us);
int __wrap_sigchld__sys_sleep_us(long us);

int
__wrap_sigchld__sys_write(int fd, const void *data, size_t size)
{
	bool thawed = is_victim && atomic_exchange(&freeze, 0);
	int rc;

	if (thawed) {
		atomic_store(&frozen, 1);
		while (atomic_load(&thaw) == 0)
			(void)sched_yield();
	}
	rc = __real_sigchld__sys_write(fd, data, size);
	if (thawed)
		atomic_store(&rc_of_frozen, rc);
	atomic_fetch_add(&n_writes, 1);
	atomic_store(&last_fd, fd);
	atomic_store(&written, 1);

	return rc;
}

/* An editor that finds the list held takes a nap. */
int
__wrap_sigchld__sys_sleep_us(long us)
{
	atomic_fetch_add(&n_naps, 1);

	return __real_sigchld__sys_sleep_us(us);
}

/* The only thread that lets SIGCHLD in. */
static void *
be_interrupted(void *arg)
{
	(void)arg;
	is_victim = true;
	block_sigchld(SIG_UNBLOCK);
	(void)raise(SIGCHLD);
	block_sigchld(SIG_BLOCK);

	return NULL;
}

static atomic_int freed, written_before;

static void *
close_it(void *arg)
{
	sigchld_free(arg);
	atomic_store(&written_before, atomic_load(&written));
	atomic_store(&freed, 1);

	return NULL;
}

#define PAIRS 8

static void
fill(int pairs[PAIRS][2])
{
	int i;

	for (i = 0; i < PAIRS; i++)
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC,
				     0, pairs[i]),
		    0);
}

static void
look_for_bytes(int pairs[PAIRS][2])
{
	char byte;
	int i;

	for (i = 0; i < PAIRS; i++) {
		ck_assert_int_ne(atomic_load(&last_fd), pairs[i][0]);
		ck_assert_int_ne(atomic_load(&last_fd), pairs[i][1]);
		ck_assert_int_eq(recv(pairs[i][0], &byte, 1, MSG_DONTWAIT), -1);
		ck_assert_int_eq(recv(pairs[i][1], &byte, 1, MSG_DONTWAIT), -1);
		ck_assert_int_eq(close(pairs[i][0]), 0);
		ck_assert_int_eq(close(pairs[i][1]), 0);
	}
}

START_TEST(g3_free_waits_for_a_walk)
{
	struct sigchld_ctx *ctx;
	struct harness_child held;
	pthread_t victim, closer;
	int pairs[PAIRS][2];

	block_sigchld(SIG_BLOCK);
	ctx = open_ctx(NULL);
	held = harness_fork_watched(ctx, NULL, 0, 0, NULL, NULL);
	ck_assert_int_ge(sigchld_dispatch(ctx), 0); /* asleep */
	atomic_store(&written, 0);
	atomic_store(&freeze, 1);
	ck_assert_int_eq(pthread_create(&victim, NULL, be_interrupted, NULL),
	    0);
	await_flag(&frozen);
	ck_assert_int_eq(pthread_create(&closer, NULL, close_it, ctx), 0);
	await_flag(&n_naps); /* it wants the list, which the walk holds */
	ck_assert_int_eq(atomic_load(&freed), 0);
	fill(pairs); /* were its descriptors closed, these had their numbers */
	atomic_store(&thaw, 1);
	await_flag(&freed);
	ck_assert_int_gt(atomic_load(&rc_of_frozen), 0);
	look_for_bytes(pairs);
	ck_assert_int_eq(atomic_load(&written_before), 1);
	ck_assert_int_eq(pthread_join(victim, NULL), 0);
	ck_assert_int_eq(pthread_join(closer, NULL), 0);
	end_child(&held);
	ck_assert_int_eq(waitpid(held.pid, NULL, 0), held.pid);
}
END_TEST

/* The descriptors of a closed context are somebody else's at once: sockets take
 * their numbers. A context that lives on keeps the handler in place. */
START_TEST(g3_m31_no_byte_reaches_those_who_come_after)
{
	struct sigchld_ctx *stays = open_ctx(NULL), *goes;
	struct harness_child a, b;
	int pairs[PAIRS][2];

	a = harness_fork_watched(stays, NULL, 0, 0, NULL, NULL);
	ck_assert_int_ge(sigchld_dispatch(stays), 0);
	goes = open_ctx(NULL);
	b = harness_fork_watched(goes, NULL, 0, 0, NULL, NULL);
	sigchld_free(goes);
	fill(pairs);
	atomic_store(&n_writes, 0);
	ck_assert_int_eq(raise(SIGCHLD), 0);
	ck_assert_int_eq(atomic_load(&n_writes), 1); /* to the one that stays */
	look_for_bytes(pairs);
	end_child(&a);
	end_child(&b);
	ck_assert_int_ge(sigchld_dispatch(stays), 0);
	sigchld_free(stays);
	ck_assert_int_eq(waitpid(b.pid, NULL, 0), b.pid);
}
END_TEST

/* Whoever waits for one child has a self-pipe too. */

static void *
wait_a_little(void *arg)
{
	ck_assert_int_eq(sigchld_child_wait(arg, -1, NULL), -ESRCH);

	return NULL;
}

START_TEST(g3_waiters_are_let_go)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_child *child;
	struct harness_child held;
	pthread_t thread;

	held = harness_fork_watched(ctx, &child, 0, 0, NULL, NULL);
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_a_little, child),
	    0);
	sigchld_free(ctx);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_ptr_null(sigchld_child_ctx(child));
	ck_assert_int_eq(sigchld_child_kill(child, SIGKILL), -ESRCH);
	sigchld_child_free(child);
	end_child(&held);
	ck_assert_int_eq(waitpid(held.pid, NULL, 0), held.pid);
}
END_TEST

/* A callback that runs on another thread is waited for. */

static atomic_int entered, leave, left;

static void
linger(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	(void)child;
	(void)event;
	(void)user;
	atomic_store(&entered, 1);
	await_flag(&leave);
	atomic_store(&left, 1);
}

static void *
dispatch_once(void *arg)
{
	ck_assert_int_eq(sigchld_dispatch(arg), 1);

	return NULL;
}

static void *
close_and_look(void *arg)
{
	sigchld_free(arg);
	ck_assert_int_eq(atomic_load(&left), 1);

	return NULL;
}

START_TEST(g3_free_waits_for_a_callback)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	pthread_t dispatcher, closer;
	struct harness_child held;

	held = harness_fork_watched(ctx, NULL, 0, 0, linger, NULL);
	end_child(&held);
	ck_assert_int_eq(pthread_create(&dispatcher, NULL, dispatch_once, ctx),
	    0);
	await_flag(&entered);
	ck_assert_int_eq(pthread_create(&closer, NULL, close_and_look, ctx), 0);
	atomic_store(&leave, 1);
	ck_assert_int_eq(pthread_join(dispatcher, NULL), 0);
	ck_assert_int_eq(pthread_join(closer, NULL), 0);
	ck_assert(harness_is_reaped(held.pid));
}
END_TEST

HARNESS("g3",
    {
	HARNESS_SIGNAL_TEST(g3_free_waits_for_a_walk),
	HARNESS_SIGNAL_TEST(g3_m31_no_byte_reaches_those_who_come_after),
	HARNESS_TEST(g3_waiters_are_let_go),
	HARNESS_TEST(g3_free_waits_for_a_callback),
    })
