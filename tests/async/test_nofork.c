/* test_nofork.c - the no-fork lock: while a thread has it, no other forks */
#include <fcntl.h>

#include "help.h"

static struct gate gate;
static atomic_int tid;
static atomic_bool has_ended;

/* Takes the lock once the test has it, and must find that the test has let it
 * go. */
static void *
latecomer(void *arg)
{
	atomic_store(&tid, thread_id());
	sigchld__nofork_begin();
	*(bool *)arg = atomic_load(&has_ended);
	sigchld__nofork_end();
	return NULL;
}

START_TEST(d7_whoever_comes_later_waits)
{
	bool had_ended = false;
	pthread_t thread;

	sigchld__nofork_begin();
	thread = start(latecomer, &had_ended);
	await_asleep(&tid);
	atomic_store(&has_ended, true);
	sigchld__nofork_end();
	(void)join(thread);
	ck_assert(had_ended);
}
END_TEST

START_TEST(d7_it_nests)
{
	bool had_ended = false;
	pthread_t thread;

	sigchld__nofork_begin();
	sigchld__nofork_begin();
	sigchld__nofork_end();
	thread = start(latecomer, &had_ended);
	await_asleep(&tid); /* one end was not enough */
	atomic_store(&has_ended, true);
	sigchld__nofork_end();
	(void)join(thread);
	ck_assert(had_ended);
}
END_TEST

START_TEST(d7_an_end_without_a_begin_is_nothing)
{
	bool had_ended = false;

	sigchld__nofork_end();
	sigchld__nofork_begin();
	sigchld__nofork_end();
	sigchld__nofork_end();
	(void)join(start(latecomer, &had_ended)); /* it is free */
}
END_TEST

static void
reset_and_end(void)
{
	sigchld__nofork_reset();
	sigchld__nofork_end();
}

static atomic_int opened_fd;

static void *
forker(void *arg)
{
	pid_t pid;

	atomic_store(&tid, thread_id());
	pid = fork();
	if (pid == 0)
		_exit(fcntl(atomic_load(&opened_fd), F_GETFD) < 0 ? 0 : 1);
	*(int *)arg = code_of(pid);
	return NULL;
}

/* The hooks of a fork are the floor above; these do the same. */
START_TEST(d7_what_is_opened_and_closed_meanwhile_is_in_no_child)
{
	pthread_t thread;
	int code = -1, fd;

	ck_assert_int_eq(pthread_atfork(sigchld__nofork_begin,
			     sigchld__nofork_end, reset_and_end),
	    0);
	sigchld__nofork_begin();
	fd = open("/dev/null", O_RDONLY);
	ck_assert_int_ge(fd, 0);
	atomic_store(&opened_fd, fd);
	thread = start(forker, &code);
	await_asleep(&tid);
	ck_assert_int_eq(close(fd), 0);
	sigchld__nofork_end();
	(void)join(thread);
	ck_assert_int_eq(code, 0);
}
END_TEST

static void *
cancelled_opener(void *arg)
{
	sigchld__nofork_begin();
	(void)pthread_cancel(pthread_self());
	pthread_testcancel();
	sigchld__nofork_begin();
	pthread_testcancel();
	sigchld__nofork_end();
	pthread_testcancel();
	*(bool *)arg = true;
	sigchld__nofork_end();
	pthread_testcancel();
	*(bool *)arg = false;
	return NULL;
}

START_TEST(c25_a_cancel_waits_for_the_end)
{
	bool reached_the_end = false, had_ended;

	ck_assert_ptr_eq(join(start(cancelled_opener, &reached_the_end)),
	    PTHREAD_CANCELED);
	ck_assert(reached_the_end);
	(void)join(start(latecomer, &had_ended));
}
END_TEST

static void *
stopped_opener(void *arg)
{
	sigchld__nofork_begin();
	gate_pass(&gate);
	sigchld__nofork_end();
	return arg;
}

static _Noreturn void
use_anew(void)
{
	sigchld__nofork_reset();
	sigchld__nofork_begin();
	sigchld__nofork_end();
	_exit(0);
}

START_TEST(c15_a_reset_frees_what_another_thread_held)
{
	pthread_t thread;
	pid_t pid;

	if (HELP_TSAN)
		harness_skip("the sanitizer takes the lock of the child for "
			     "that of the parent");
	gate_init(&gate);
	thread = start(stopped_opener, NULL);
	gate_await(&gate);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		use_anew();
	ck_assert_int_eq(code_of(pid), 0);
	gate_open(&gate);
	(void)join(thread);
}
END_TEST

START_TEST(c15_a_reset_keeps_what_the_forking_thread_held)
{
	bool had_ended = false;
	pthread_t thread;
	pid_t pid;

	if (HELP_TSAN)
		harness_skip("the sanitizer takes the lock of the child for "
			     "that of the parent");
	sigchld__nofork_begin();
	pid = fork();
	if (pid == 0) {
		sigchld__nofork_reset();
		thread = start(latecomer, &had_ended);
		await_asleep(&tid);
		atomic_store(&has_ended, true);
		sigchld__nofork_end();
		(void)join(thread);
		_exit(had_ended ? 0 : 1);
	}
	sigchld__nofork_end();
	ck_assert_int_eq(code_of(pid), 0);
}
END_TEST

HARNESS("nofork",
    {
	HARNESS_TEST(d7_whoever_comes_later_waits),
	HARNESS_TEST(d7_it_nests),
	HARNESS_TEST(d7_an_end_without_a_begin_is_nothing),
	HARNESS_TEST(d7_what_is_opened_and_closed_meanwhile_is_in_no_child),
	HARNESS_TEST(c25_a_cancel_waits_for_the_end),
	HARNESS_TEST(c15_a_reset_frees_what_another_thread_held),
	HARNESS_TEST(c15_a_reset_keeps_what_the_forking_thread_held),
    })
