/*
 * help.h - what the tests of floor 0 share
 *
 * Floor 0 knows no context: here a user is on a list, an editor edits it, and a
 * gate freezes a thread at a place that a test has chosen, mostly in a wrapped
 * system call.
 */
#ifndef HELP_H
#define HELP_H

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "async/deferral.h"
#include "async/handler.h"
#include "async/nofork.h"
#include "async/owner.h"
#include "async/selfpipe.h"
#include "async/sys.h"

#include "harness.h"

#if defined(__SANITIZE_THREAD__)
#	define HELP_TSAN 1
#elif defined(__has_feature)
#	if __has_feature(thread_sanitizer)
#		define HELP_TSAN 1
#	endif
#endif
#ifndef HELP_TSAN
#	define HELP_TSAN 0
#endif
#if defined(__SANITIZE_ADDRESS__)
#	define HELP_ASAN 1
#elif defined(__has_feature)
#	if __has_feature(address_sanitizer)
#		define HELP_ASAN 1
#	endif
#endif
#ifndef HELP_ASAN
#	define HELP_ASAN 0
#endif

#define HELP_FREE 0u /* the deferral word when nobody has the list */

/* A test uses some of these. */
#define HELP static inline __attribute__((unused))

HELP bool
list_is_free(void)
{
	return atomic_load(&sigchld__signal_users.word) == HELP_FREE;
}

HELP void
claim(void)
{
	sigchld__users_lock();
	ck_assert_uint_ne(sigchld__owner_claim(), 0);
	sigchld__users_unlock();
}

HELP void
edit_begin(void)
{
	sigchld__users_lock();
	sigchld__users_hold(&sigchld__signal_users);
}

HELP void
edit_end(void)
{
	sigchld__users_release(&sigchld__signal_users);
	sigchld__users_unlock();
}

/* Open the pipe of a user and put him on the list. */
HELP void
user_on(struct sigchld__user *user)
{
	memset(user, 0, sizeof(*user));
	ck_assert_int_eq(sigchld__selfpipe_open(&user->pipe), 0);
	edit_begin();
	sigchld__users_add(&sigchld__signal_users, user);
	edit_end();
}

HELP void
user_off(struct sigchld__user *user)
{
	edit_begin();
	sigchld__users_remove(&sigchld__signal_users, user);
	edit_end();
	sigchld__selfpipe_close(&user->pipe);
}

HELP bool
is_woken(const struct sigchld__user *user)
{
	return harness_readable(user->pipe.rd, 0);
}

/* What a reader does before he looks at his children. */
HELP void
sleep_again(struct sigchld__user *user)
{
	ck_assert_int_eq(sigchld__selfpipe_drain(&user->pipe), 0);
	(void)sigchld__user_asleep(user);
}

HELP int
handler_hold(bool nochain)
{
	int rc;

	sigchld__users_lock();
	rc = sigchld__handler_hold(nochain);
	sigchld__users_unlock();

	return rc;
}

HELP void
handler_drop(void)
{
	sigchld__users_lock();
	sigchld__handler_drop();
	sigchld__users_unlock();
}

HELP struct sigaction
action_now(void)
{
	struct sigaction now;

	memset(&now, 0, sizeof(now));
	ck_assert_int_eq(sigaction(SIGCHLD, NULL, &now), 0);

	return now;
}

/* What a wrapped call does besides. */
typedef void hook_fn(void);
#define NO_HOOK ((hook_fn *)0)

/* Wait for a semaphore, but not for ever. No assertion of check's: it may be
 * called in a handler, where those allocate. */
HELP void
await_sem(sem_t *sem)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 60;
	while (sem_timedwait(sem, &until) != 0)
		if (errno != EINTR)
			abort();
}

/* A place where a thread stops until the test lets it go on. */
struct gate {
	sem_t arrived, go;
};

HELP void
gate_init(struct gate *gate)
{
	ck_assert_int_eq(sem_init(&gate->arrived, 0, 0), 0);
	ck_assert_int_eq(sem_init(&gate->go, 0, 0), 0);
}

HELP void
gate_pass(struct gate *gate)
{
	int saved = errno;

	(void)sem_post(&gate->arrived);
	await_sem(&gate->go);
	errno = saved;
}

HELP void
gate_await(struct gate *gate)
{
	await_sem(&gate->arrived);
}

HELP void
gate_open(struct gate *gate)
{
	ck_assert_int_eq(sem_post(&gate->go), 0);
}

HELP void
await_count(atomic_int *count, int want)
{
	int64_t until = harness_now_ms() + harness_patience_ms();

	while (atomic_load(count) < want) {
		ck_assert_msg(harness_now_ms() < until, "waited for %d, is %d",
		    want, atomic_load(count));
		(void)sched_yield();
	}
}

HELP pid_t
thread_id(void)
{
	return (pid_t)syscall(SYS_gettid);
}

/* Does this thread of ours sleep in the kernel? */
HELP bool
thread_sleeps(pid_t tid)
{
	char path[64], line[256];
	const char *end;
	FILE *stat;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	stat = fopen(path, "re");
	ck_assert_ptr_nonnull(stat);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), stat));
	(void)fclose(stat);
	end = strrchr(line, ')');
	ck_assert_ptr_nonnull(end);

	return end[2] == 'S';
}

HELP void
await_asleep(atomic_int *tid)
{
	int64_t until = harness_now_ms() + harness_patience_ms();

	await_count(tid, 1);
	while (!thread_sleeps((pid_t)atomic_load(tid))) {
		ck_assert_msg(harness_now_ms() < until, "it never sleeps");
		(void)sched_yield();
	}
}

HELP pthread_t
start(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);

	return thread;
}

HELP void *
join(pthread_t thread)
{
	void *ret;

	ck_assert_int_eq(pthread_join(thread, &ret), 0);

	return ret;
}

/* The exit status of a child that exits. */
HELP int
code_of(pid_t pid)
{
	int status = -1;

	ck_assert_int_gt(pid, 0);
	while (waitpid(pid, &status, 0) != pid)
		ck_assert_int_eq(errno, EINTR);
	ck_assert_msg(WIFEXITED(status), "ended with status %#x",
	    (unsigned int)status);

	return WEXITSTATUS(status);
}

#endif
