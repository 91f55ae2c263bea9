/*
 * test_deferral.c - the users of SIGCHLD, and how a signal handler walks them
 *
 * What a handler does is done here by a plain call of the walk, or by a signal
 * at a chosen place: a wrapped write is the middle of a walk.
 */
/* wrap: write sleep_us */
#include "help.h"

int __real_sigchld__sys_write(int fd, const void *data, size_t size);
int __wrap_sigchld__sys_write(int fd, const void *data, size_t size);
int __real_sigchld__sys_sleep_us(long us);
int __wrap_sigchld__sys_sleep_us(long us);

static atomic_int n_writes, n_sleeps;
static atomic_int write_gives; /* if not 0 */
static _Atomic(hook_fn *) in_write;
static struct gate gate;
static struct sigchld__user user, other;

int
__wrap_sigchld__sys_write(int fd, const void *data, size_t size)
{
	hook_fn *hook = atomic_load(&in_write);
	int rc = atomic_load(&write_gives);

	atomic_fetch_add(&n_writes, 1);
	if (hook != NO_HOOK)
		hook();
	return rc != 0 ? rc : __real_sigchld__sys_write(fd, data, size);
}

int
__wrap_sigchld__sys_sleep_us(long us)
{
	atomic_fetch_add(&n_sleeps, 1);
	return __real_sigchld__sys_sleep_us(us);
}

static void
walk(void)
{
	sigchld__users_walk(&sigchld__signal_users);
}

/* The first writer stops at the gate. */
static void
stop_here(void)
{
	atomic_store(&in_write, NO_HOOK);
	gate_pass(&gate);
}

static void *
walker(void *arg)
{
	walk();
	return arg;
}

static pthread_t
start_frozen_walk(void)
{
	pthread_t thread;

	gate_init(&gate);
	atomic_store(&in_write, stop_here);
	thread = start(walker, NULL);
	gate_await(&gate);

	return thread;
}

START_TEST(c48_many_walks_write_once)
{
	int i;

	user_on(&user);
	for (i = 0; i < 1000; i++)
		walk();
	ck_assert_int_eq(n_writes, 1);
	ck_assert(is_woken(&user));
	sleep_again(&user);
	ck_assert(!is_woken(&user));
	walk();
	ck_assert_int_eq(n_writes, 2);
	ck_assert_int_eq((int)user.wakeups, 2);
	user_off(&user);
}
END_TEST

START_TEST(c2_a_wake_between_drain_and_asleep_is_looked_at)
{
	user_on(&user);
	walk();
	ck_assert_int_eq(sigchld__selfpipe_drain(&user.pipe), 0);
	walk();
	ck_assert(!is_woken(&user)); /* the look after asleep sees it */
	(void)sigchld__user_asleep(&user);
	walk();
	ck_assert(is_woken(&user));
	user_off(&user);
}
END_TEST

START_TEST(c2_told_stays_until_the_reader_asks)
{
	user_on(&user);
	ck_assert(!sigchld__user_asleep(&user));
	sigchld__user_wake(&user);
	ck_assert(!sigchld__user_asleep(&user));
	walk();
	sigchld__user_wake(&user); /* takes nothing back */
	ck_assert(sigchld__user_asleep(&user));
	ck_assert(!sigchld__user_asleep(&user));
	user_off(&user);
}
END_TEST

START_TEST(w3_wakes_those_on_the_list_and_nobody_else)
{
	struct sigchld__user users[5];
	int i;

	for (i = 0; i < 5; i++)
		user_on(&users[i]);
	edit_begin(); /* the last, the first, one in the middle */
	sigchld__users_remove(&sigchld__signal_users, &users[0]);
	sigchld__users_remove(&sigchld__signal_users, &users[4]);
	sigchld__users_remove(&sigchld__signal_users, &users[2]);
	edit_end();
	walk();
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(is_woken(&users[i]), i == 1 || i == 3);
	edit_begin();
	sigchld__users_add(&sigchld__signal_users, &users[2]);
	edit_end();
	walk();
	ck_assert(is_woken(&users[2]));
	for (i = 1; i <= 3; i++)
		user_off(&users[i]);
	ck_assert_ptr_null(sigchld__signal_users.head);
	sigchld__selfpipe_close(&users[0].pipe);
	sigchld__selfpipe_close(&users[4].pipe);
}
END_TEST

START_TEST(c30_a_walk_under_an_editor_is_made_by_the_release)
{
	uint64_t deferred = sigchld__signal_users.deferred;

	user_on(&user);
	edit_begin();
	walk();
	walk();
	ck_assert_int_eq(n_writes, 0);
	edit_end();
	ck_assert_int_eq(n_writes, 1);
	ck_assert(is_woken(&user));
	ck_assert(list_is_free());
	ck_assert_uint_eq(sigchld__signal_users.deferred, deferred + 2);
	user_off(&user);
}
END_TEST

START_TEST(c30_who_is_added_under_a_mark_is_woken)
{
	memset(&user, 0, sizeof(user));
	ck_assert_int_eq(sigchld__selfpipe_open(&user.pipe), 0);
	edit_begin();
	walk();
	sigchld__users_add(&sigchld__signal_users, &user);
	edit_end();
	ck_assert(is_woken(&user));
	user_off(&user);
}
END_TEST

/* Three signals in the middle of a walk, and the reader is asleep again. */
static void
three_signals(void)
{
	atomic_store(&in_write, NO_HOOK);
	walk();
	walk();
	walk();
	(void)sigchld__user_asleep(&user);
}

START_TEST(w5_marks_found_together_are_one_more_walk)
{
	user_on(&user);
	atomic_store(&in_write, three_signals);
	walk();
	ck_assert_int_eq(n_writes, 2);
	ck_assert(list_is_free());
	sleep_again(&user);
	atomic_store(&n_writes, 0);
	edit_begin();
	walk();
	atomic_store(&in_write, three_signals);
	edit_end();
	ck_assert_int_eq(n_writes, 2);
	ck_assert(list_is_free());
	user_off(&user);
}
END_TEST

START_TEST(c30_m32_a_walk_meets_a_walk_and_leaves_it_its_mark)
{
	pthread_t thread;

	user_on(&user);
	thread = start_frozen_walk();
	(void)sigchld__user_asleep(&user);
	walk(); /* returns at once: the other one is frozen */
	ck_assert_int_eq(n_writes, 1);
	gate_open(&gate);
	(void)join(thread);
	ck_assert_int_eq(n_writes, 2);
	ck_assert(list_is_free());
	user_off(&user);
}
END_TEST

static atomic_int editor_tid;
static atomic_bool editor_is_in;

static void *
editor(void *arg)
{
	atomic_store(&editor_tid, thread_id());
	edit_begin();
	atomic_store(&editor_is_in, true);
	sigchld__users_remove(&sigchld__signal_users, &user);
	edit_end();
	return arg;
}

START_TEST(c14_removal_waits_for_the_walk)
{
	pthread_t walking, editing;

	user_on(&user);
	user_on(&other);
	walking = start_frozen_walk();
	editing = start(editor, NULL);
	await_count(&n_sleeps, 3);
	walk(); /* a third party, who waits for neither */
	ck_assert_int_eq(n_writes, 1);
	ck_assert(!editor_is_in);
	gate_open(&gate);
	(void)join(walking);
	(void)join(editing);
	ck_assert(editor_is_in);
	ck_assert(list_is_free());
	ck_assert(is_woken(&other));
	sigchld__selfpipe_close(&user.pipe);
	user_off(&other);
}
END_TEST

START_TEST(c47_a_waiting_editor_sleeps)
{
	pthread_t walking, editing;
	int sleeps;

	user_on(&user);
	edit_begin();
	edit_end();
	ck_assert_int_eq(n_sleeps, 0); /* none without need */
	walking = start_frozen_walk();
	editing = start(editor, NULL);
	await_count(&n_sleeps, 1);
	await_asleep(&editor_tid);
	gate_open(&gate);
	(void)join(walking);
	(void)join(editing);
	sleeps = n_sleeps;
	edit_begin();
	edit_end();
	ck_assert_int_eq(n_sleeps, sleeps);
	sigchld__selfpipe_close(&user.pipe);
}
END_TEST

/* Editing and walking under a cancel that is pending, with a wait in it; the
 * thread is to end where it asks to. */
static void *
cancelled_editor(void *arg)
{
	(void)pthread_cancel(pthread_self());
	(void)editor(NULL);
	atomic_store((atomic_int *)arg, 1);
	pthread_testcancel();
	return NULL;
}

START_TEST(c25_a_cancelled_editor_lets_the_list_go)
{
	atomic_int came_out = 0;
	pthread_t walking, editing;

	user_on(&user);
	walking = start_frozen_walk();
	editing = start(cancelled_editor, &came_out);
	await_count(&n_sleeps, 2);
	gate_open(&gate);
	(void)join(walking);
	ck_assert_ptr_eq(join(editing), PTHREAD_CANCELED);
	ck_assert_int_eq(came_out, 1);
	edit_begin(); /* nobody has M, nobody has the word */
	edit_end();
	ck_assert(list_is_free());
	sigchld__selfpipe_close(&user.pipe);
}
END_TEST

static void *
cancelled_walker(void *arg)
{
	(void)pthread_cancel(pthread_self());
	walk();
	atomic_store((atomic_int *)arg, 1);
	pthread_testcancel();
	return NULL;
}

START_TEST(c25_a_cancelled_walk_ends)
{
	atomic_int came_out = 0;

	user_on(&user);
	ck_assert_ptr_eq(join(start(cancelled_walker, &came_out)),
	    PTHREAD_CANCELED);
	ck_assert_int_eq(came_out, 1);
	ck_assert(list_is_free());
	ck_assert(is_woken(&user));
	user_off(&user);
}
END_TEST

static void *
asynchronous_walker(void *arg)
{
	int type;

	(void)pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	walk();
	pthread_testcancel();
	atomic_store((atomic_int *)arg, 1);
	return NULL;
}

/* No signal mask keeps a cancel off. */
START_TEST(c25_an_asynchronous_cancel_ends_no_walk)
{
	atomic_int not_cancelled = 0;
	pthread_t thread;

	if (HELP_ASAN)
		harness_skip("the sanitizer loses a stack that is left midway");
	user_on(&user);
	gate_init(&gate);
	atomic_store(&in_write, stop_here);
	thread = start(asynchronous_walker, &not_cancelled);
	gate_await(&gate);
	ck_assert_int_eq(pthread_cancel(thread), 0);
	gate_open(&gate);
	(void)join(thread); /* some libc forget to say that it was cancelled */
	ck_assert_int_eq(not_cancelled, 0);
	ck_assert(list_is_free());
	ck_assert(is_woken(&user));
	user_off(&user);
}
END_TEST

START_TEST(c5_a_failed_write_is_noted_and_tried_again)
{
	user_on(&user);
	atomic_store(&write_gives, -EPIPE);
	errno = EXDEV;
	walk();
	ck_assert_int_eq(errno, EXDEV);
	ck_assert_int_eq(user.fault, -EPIPE);
	ck_assert_int_eq((int)user.wakeups, 0);
	atomic_store(&write_gives, 0);
	walk();
	ck_assert(is_woken(&user));
	ck_assert_int_eq((int)user.wakeups, 1);
	ck_assert(list_is_free());
	user_off(&user);
}
END_TEST

START_TEST(c4_a_full_pipe_is_no_fault)
{
	user_on(&user);
	atomic_store(&write_gives, -EAGAIN);
	walk();
	ck_assert_int_eq(user.fault, 0);
	ck_assert_int_eq((int)user.wakeups, 1);
	atomic_store(&n_writes, 0);
	walk();
	ck_assert_int_eq(n_writes, 0); /* awake: it can be read */
	atomic_store(&write_gives, 0);
	user_off(&user);
}
END_TEST

/* In a child of a process whose other thread has the list and M. */
static void
use_anew(void)
{
	sigchld__users_reset();
	if (sigchld__signal_users.head != NULL || !list_is_free())
		_exit(1);
	edit_begin();
	edit_end();
	walk();
	_exit(atomic_load(&n_writes) == 0 ? 0 : 2);
}

static void *
stopped_editor(void *arg)
{
	edit_begin();
	gate_pass(&gate);
	edit_end();
	return arg;
}

START_TEST(c15_a_reset_frees_what_another_thread_held)
{
	pthread_t thread;
	pid_t pid;

	if (HELP_TSAN)
		harness_skip("the sanitizer takes the lock of the child for "
			     "that of the parent");
	user_on(&user);
	gate_init(&gate);
	thread = start(stopped_editor, NULL);
	gate_await(&gate);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		use_anew();
	ck_assert_int_eq(code_of(pid), 0);
	gate_open(&gate);
	(void)join(thread);
	user_off(&user);
}
END_TEST

HARNESS("deferral",
    {
	HARNESS_TEST(c48_many_walks_write_once),
	HARNESS_TEST(c2_a_wake_between_drain_and_asleep_is_looked_at),
	HARNESS_TEST(c2_told_stays_until_the_reader_asks),
	HARNESS_TEST(w3_wakes_those_on_the_list_and_nobody_else),
	HARNESS_TEST(c30_a_walk_under_an_editor_is_made_by_the_release),
	HARNESS_TEST(c30_who_is_added_under_a_mark_is_woken),
	HARNESS_TEST(w5_marks_found_together_are_one_more_walk),
	HARNESS_TEST(c30_m32_a_walk_meets_a_walk_and_leaves_it_its_mark),
	HARNESS_TEST(c14_removal_waits_for_the_walk),
	HARNESS_TEST(c47_a_waiting_editor_sleeps),
	HARNESS_TEST(c25_a_cancelled_editor_lets_the_list_go),
	HARNESS_TEST(c25_a_cancelled_walk_ends),
	HARNESS_TEST(c25_an_asynchronous_cancel_ends_no_walk),
	HARNESS_TEST(c5_a_failed_write_is_noted_and_tried_again),
	HARNESS_TEST(c4_a_full_pipe_is_no_fault),
	HARNESS_TEST(c15_a_reset_frees_what_another_thread_held),
    })
