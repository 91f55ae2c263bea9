/*
 * test_freed.c - a master is freed while something is under way, used by many
 * threads at once, and by programs of any age
 *
 * timeout: 30
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sigchld/master.h>

#include "inside.h"

#define NEVER 0xffffffffu

static struct sigchld_ctx *ctx;
static struct sigchld_master *master;
static pid_t worker, forked;
static unsigned int n_answers;
static int last_rc, again_rc;
static uint32_t free_at = NEVER, fork_at = NEVER;
static bool is_ready;

static int
work(struct sigchld_worker *w, void *user)
{
	(void)user;
	return work_until_told(w);
}

static int
on_query(struct sigchld_worker *w, const void *query, size_t len, void *user)
{
	(void)user;
	return len == 1 && *(const char *)query == 'h'
	    ? pause()
	    : sigchld_worker_answer(w, query, len);
}

static void
on_event(struct sigchld_master *m, const struct sigchld_master_event *event,
    void *user)
{
	(void)user;
	if (event->what == SIGCHLD_MASTER_WORKER_READY)
		worker = event->pid;
	if (event->what == SIGCHLD_MASTER_READY)
		is_ready = true;
	if (event->what == free_at)
		sigchld_master_free(m);
	if (event->what == fork_at) {
		fork_at = NEVER;
		forked = fork();
	}
}

static void
on_answer(struct sigchld_master *m, pid_t pid, int rc, int status,
    const void *data, size_t len, void *user)
{
	(void)status;
	(void)data;
	(void)len;
	(void)user;
	n_answers++;
	last_rc = rc;
	if (n_answers == 1)
		again_rc =
		    sigchld_master_query(m, pid, "h", 1, 1, on_answer, NULL);
}

static void
make(uint32_t workers, uint32_t flags)
{
	char *argv[] = { (char *)"/nonexistent", NULL };

	ck_assert_int_eq(sigchld_new(&ctx, NULL), 0);
	ck_assert_int_eq(sigchld_master_new(ctx, &master,
			     SIGCHLD_MASTER(.argv = argv, .run = work,
				 .flags = flags, .workers = workers,
				 .on_query = on_query, .on_event = on_event)),
	    0);
}

static void
start(uint32_t workers, uint32_t flags)
{
	make(workers, flags);
	while (!is_ready)
		ck_assert_int_ge(sigchld_wait(ctx, -1), 0);
}

/* The context reaps those whom nobody knows any more. */
static void
finish(void)
{
	reap_all(ctx);
}

/* Whoever asks again when he hears that it was cancelled is answered as well, or
 * is told at once that there is nobody. */
START_TEST(a_query_that_is_asked_again_when_it_is_cancelled)
{
	start(1, 0);
	ck_assert_int_eq(sigchld_master_query(master, worker, "h", 1,
			     SIGCHLD_MASTER_NONE, on_answer, NULL),
	    0);
	sigchld_master_free(master);
	ck_assert_int_eq(last_rc, -ECANCELED);
	ck_assert_uint_eq(n_answers, again_rc == 0 ? 2 : 1);
	finish();
}
END_TEST

/* Each kind of event, told or not. */
START_TEST(m34_freed_in_on_event)
{
	int64_t deadline;

	for (free_at = 0; free_at <= SIGCHLD_MASTER_DISTRUSTED; free_at++) {
		make(3, 0);
		if (free_at == SIGCHLD_MASTER_STOPPING ||
		    free_at == SIGCHLD_MASTER_ALL_LEFT ||
		    free_at == SIGCHLD_MASTER_WORKER_LEFT)
			ck_assert_int_eq(sigchld_master_stop(master,
					     SIGCHLD_MASTER_NOW),
			    0);
		if (free_at == SIGCHLD_MASTER_RELOADING ||
		    free_at == SIGCHLD_MASTER_RELOAD_FAILED)
			ck_assert_int_eq(sigchld_master_reload(master), 0);
		if (free_at == SIGCHLD_MASTER_RELOADED)
			ck_assert_int_eq(sigchld_master_roll(master),
			    -EINPROGRESS);
		deadline = harness_now_ms() + 300;
		while (sigchld_role(NULL) == SIGCHLD_ROLE_MASTER &&
		    harness_now_ms() < deadline)
			ck_assert_int_ge(sigchld_wait(ctx, 20), 0);
		if (sigchld_role(NULL) == SIGCHLD_ROLE_MASTER) {
			free_at += 100;
			sigchld_master_free(master);
			free_at -= 100;
		}
		finish();
	}
}
END_TEST

/* What is forked in a callback comes out of the dispatch, and can free all. */
START_TEST(g9_forked_in_on_event)
{
	uint32_t what;
	int wstatus, rc;

	for (what = 0; what < SIGCHLD_MASTER_WORKER_LEFT; what++) {
		pid_t us = getpid();

		fork_at = what;
		make(2, 0);
		if (what == SIGCHLD_MASTER_RELOADING ||
		    what == SIGCHLD_MASTER_RELOAD_FAILED)
			ck_assert_int_eq(sigchld_master_reload(master), 0);
		is_ready = false;
		rc = 0;
		for (int i = 0; i < 20 && (rc >= 0) && fork_at != NEVER; i++)
			rc = sigchld_wait(ctx, 50);
		if (getpid() != us) {
			sigchld_master_free(master);
			sigchld_free(ctx);
			_exit(rc == -EPERM ? 7 : 8);
		}
		if (fork_at == NEVER) {
			ck_assert_int_eq(waitpid(forked, &wstatus, 0), forked);
			ck_assert_int_eq(wstatus, 7 << 8);
		}
		fork_at = NEVER;
		sigchld_master_free(master);
		finish();
	}
}
END_TEST

/* Of any age: no byte beyond the caller's size is written. */
START_TEST(an_older_or_newer_struct_is_filled_as_far_as_it_goes)
{
	struct {
		struct sigchld_master_stats stats;
		unsigned char beyond[64];
	} room;
	const unsigned char *byte = (unsigned char *)&room;
	size_t size, filled, i;

	make(3, 0);
	for (size = offsetof(struct sigchld_master_stats, workers);
	     size <= sizeof(room); size++) {
		filled = size < sizeof(room.stats) ? size : sizeof(room.stats);
		memset(&room, 0xaa, sizeof(room));
		room.stats.size = size;
		ck_assert_int_eq(sigchld_master_get_stats(master, &room.stats),
		    0);
		ck_assert_uint_eq(room.stats.size, filled);
		for (i = filled; i < sizeof(room); i++)
			ck_assert_uint_eq(byte[i], 0xaa);
		if (size >= offsetof(struct sigchld_master_stats, starting))
			ck_assert_uint_eq(room.stats.workers, 3);
		if (size >= offsetof(struct sigchld_master_stats, up_ms))
			ck_assert_int_eq(room.stats.last_failure, 0);
	}
	room.stats.size = 0;
	ck_assert_int_eq(sigchld_master_get_stats(master, &room.stats),
	    -EINVAL);
	room.stats.size = sizeof(size_t) + 3;
	ck_assert_int_eq(sigchld_master_get_stats(master, &room.stats),
	    -EINVAL);
	ck_assert_int_eq(sigchld_master_get_stats(master, NULL), -EINVAL);
	sigchld_master_free(master);
	finish();
}
END_TEST

/* Threads */

static atomic_bool enough;

static void
ignore_answer(struct sigchld_master *m, pid_t pid, int rc, int status,
    const void *data, size_t len, void *user)
{
	atomic_uint *n = user;

	(void)m;
	(void)pid;
	(void)rc;
	(void)status;
	(void)data;
	(void)len;
	(void)atomic_fetch_add(n, 1);
}

static atomic_uint asked, answered;

static int
ask_it(const struct sigchld_crew_info *info, void *user)
{
	(void)user;
	if (sigchld_master_query(master, info->pid, "x", 1, 100, ignore_answer,
		&answered) == 0)
		(void)atomic_fetch_add(&asked, 1);
	return 0;
}

static void *
bother(void *user)
{
	unsigned int seed = (unsigned int)(uintptr_t)user;
	struct sigchld_master_stats stats = { .size = sizeof(stats) };

	while (!atomic_load(&enough)) {
		switch (rand_r(&seed) % 6) {
		case 0:
			(void)sigchld_master_resize(master,
			    1 + (uint32_t)rand_r(&seed) % 5);
			break;
		case 1:
			(void)sigchld_master_roll(master);
			break;
		case 2:
			(void)sigchld_master_foreach(master, ask_it, NULL);
			break;
		case 3:
			(void)sigchld_master_signal(master, 3,
			    rand_r(&seed) % 4 == 0 ? SIGKILL : 0);
			break;
		case 4:
			stats.size = sizeof(stats);
			(void)sigchld_master_get_stats(master, &stats);
			break;
		default:
			(void)sigchld_master_reload(master);
		}
	}
	return NULL;
}

static void
bothered(void)
{
	int64_t deadline = harness_now_ms() + 1500;
	pthread_t threads[3];
	sigset_t all, before;
	unsigned int i;

	enough = false;
	is_ready = false;
	start(3, SIGCHLD_MASTER_RESPAWN);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, bother,
				     (void *)(uintptr_t)(i + 1)),
		    0);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	while (harness_now_ms() < deadline &&
	    sigchld_role(NULL) == SIGCHLD_ROLE_MASTER)
		ck_assert_int_ge(sigchld_wait(ctx, 20), 0);
	atomic_store(&enough, true);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	sigchld_master_free(master);
	ck_assert_uint_eq(asked, answered);
	finish();
}

START_TEST(threads_that_give_orders)
{
	bothered();
}
END_TEST

static void *
dispatch(void *user)
{
	(void)user;
	while (!atomic_load(&enough))
		(void)sigchld_wait(ctx, 20);
	return NULL;
}

/* By another thread than the one that dispatches, at any moment of the start. */
START_TEST(freed_by_another_thread)
{
	unsigned int i;
	pthread_t thread;
	sigset_t all, before;

	for (i = 0; i < 60; i++) {
		int64_t n = 0;

		enough = false;
		make(4, SIGCHLD_MASTER_RESPAWN);
		(void)sigfillset(&all);
		(void)pthread_sigmask(SIG_SETMASK, &all, &before);
		ck_assert_int_eq(pthread_create(&thread, NULL, dispatch, NULL),
		    0);
		(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
		while (n++ < (int64_t)i * 3000)
			(void)atomic_load(&enough);
		sigchld_master_free(master);
		atomic_store(&enough, true);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		finish();
	}
}
END_TEST

HARNESS("freed",
    {
	HARNESS_TEST(a_query_that_is_asked_again_when_it_is_cancelled),
	HARNESS_TEST(m34_freed_in_on_event),
	HARNESS_TEST(g9_forked_in_on_event),
	HARNESS_TEST(an_older_or_newer_struct_is_filled_as_far_as_it_goes),
	HARNESS_TEST(threads_that_give_orders),
	HARNESS_TEST(freed_by_another_thread),
    })
