/*
 * test_threads.c - programs started while other threads do as they like
 *
 * labels: slow
 * timeout: 120
 */
#include "help.h"
#include "spawn/slots.h"

#define THREADS 3
#define SPAWNS  (IS_SANITIZED ? 15 : 60) /* a fork is dear there */

static char program[] = TRUE;
static char *args[] = { program, NULL };
static atomic_bool stop;

/* Each descriptor is its own while it has it: nobody closes it, and nobody puts
 * another in its place. */
static void *
open_and_close(void *user)
{
	intptr_t rounds = 0;

	(void)user;
	while (!atomic_load(&stop)) {
		struct stat before, after;
		int fds[8], i;

		for (i = 0; i < 8; i++) {
			fds[i] = memfd_create("t", MFD_CLOEXEC);
			ck_assert_int_ge(fds[i], 0);
		}
		for (i = 0; i < 8; i++) {
			ck_assert_int_eq(fstat(fds[i], &before), 0);
			ck_assert_int_eq(write(fds[i], "x", 1), 1);
			ck_assert_int_eq(fstat(fds[i], &after), 0);
			ck_assert_uint_eq(before.st_ino, after.st_ino);
			ck_assert_int_eq(after.st_size, 1);
		}
		for (i = 0; i < 8; i++)
			ck_assert_int_eq(close(fds[i]), 0);
		rounds++;
	}
	return (void *)rounds;
}

START_TEST(d7_descriptors_of_other_threads_are_left_alone)
{
	pthread_t threads[THREADS];
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int file = new_file(), i;

	EACH_ENGINE(engine)
	{
		atomic_store(&stop, false);
		for (i = 0; i < THREADS; i++)
			threads[i] = start(open_and_close, NULL);
		for (i = 0; i < SPAWNS; i++) {
			struct sigchld_child *child;
			int out;

			ck_assert_int_gt(sigchld_spawn(ctx, &child,
					     SIGCHLD_SPAWN(.argv = args,
						 .fdmap =
						     (struct sigchld_fdmap[]){
							 { file, 3 }, { 0, 4 },
							 { -1, 7 }, { 1, 20 },
							 { file, 40 } },
						 .nfdmap = 5,
						 .ret_stdout = &out),
					     NULL, NULL),
			    0);
			MUST_BE(1, sigchld_child_wait(child, -1, NULL));
			sigchld_child_free(child);
			(void)close(out);
		}
		atomic_store(&stop, true);
		for (i = 0; i < THREADS; i++)
			ck_assert_ptr_nonnull(finish(threads[i]));
	}
	(void)close(file);
	sigchld__slots_close();
	sigchld_free(ctx);
}
END_TEST

/* Only what was given, though other threads have others all the time. */
START_TEST(d7_nothing_of_other_threads_gets_in)
{
	pthread_t threads[THREADS];
	int i;

	EACH_ENGINE(engine)
	{
		atomic_store(&stop, false);
		for (i = 0; i < THREADS; i++)
			threads[i] = start(open_and_close, NULL);
		for (i = 0; i < 20; i++)
			ck_assert_int_eq(lines(show(SIGCHLD_SPAWN(.flags = 0)),
					     "fd "),
			    3);
		atomic_store(&stop, true);
		for (i = 0; i < THREADS; i++)
			ck_assert_ptr_nonnull(finish(threads[i]));
	}
	sigchld__slots_close();
}
END_TEST

static void *
spawn_many(void *user)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int i;

	(void)user;
	for (i = 0; i < SPAWNS; i++) {
		struct sigchld_child *child;
		struct sigchld_event event = { .size = sizeof(event) };
		int in, out;
		char byte;

		ck_assert_int_gt(sigchld_spawn(ctx, &child,
				     SIGCHLD_SPAWN(.argv = args,
					 .ret_stdin = &in, .ret_stdout = &out),
				     NULL, NULL),
		    0);
		/* No other child holds the pipe. */
		ck_assert_int_eq(read(out, &byte, 1), 0);
		MUST_BE(1, sigchld_child_wait(child, -1, &event));
		ck_assert_int_eq(event.what, SIGCHLD_EXITED);
		ck_assert_int_eq(event.wstatus, 0);
		(void)close(in);
		(void)close(out);
		sigchld_child_free(child);
	}
	sigchld_free(ctx);
	return NULL;
}

START_TEST(threads_spawn_at_once)
{
	pthread_t threads[THREADS];
	int i, fds[80];

	for (i = 0; i < 80; i++) /* so that slots are wanted by all */
		fds[i] = new_file();
	EACH_ENGINE(engine)
	{
		for (i = 0; i < THREADS; i++)
			threads[i] = start(spawn_many, NULL);
		for (i = 0; i < THREADS; i++)
			(void)finish(threads[i]);
	}
	for (i = 0; i < 80; i++)
		(void)close(fds[i]);
	sigchld__slots_close();
	must_be_childless();
}
END_TEST

/* Dispositions that change all the time: none but defaults reach a program. */
static void *
change_dispositions(void *user)
{
	(void)user;
	while (!atomic_load(&stop)) {
		(void)signal(SIGUSR1, SIG_IGN);
		(void)signal(SIGUSR2, SIG_DFL);
		(void)signal(SIGUSR1, SIG_DFL);
		(void)signal(SIGUSR2, SIG_IGN);
	}
	return NULL;
}

START_TEST(c18_dispositions_that_change_meanwhile)
{
	pthread_t thread;
	int i;

	EACH_ENGINE(engine)
	{
		atomic_store(&stop, false);
		thread = start(change_dispositions, NULL);
		for (i = 0; i < 30; i++)
			ck_assert_int_eq(lines(show(SIGCHLD_SPAWN(.flags = 0)),
					     "not_default"),
			    0);
		atomic_store(&stop, true);
		(void)finish(thread);
	}
}
END_TEST

/* A broadcast of credentials runs a signal handler in every thread, but in no
 * child of ours: it would run in our memory. */
static void *
change_ids(void *user)
{
	(void)user;
	while (!atomic_load(&stop))
		ck_assert_int_eq(setresuid(geteuid(), geteuid(), geteuid()), 0);
	return NULL;
}

START_TEST(c19_credentials_that_change_meanwhile)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	pthread_t thread;
	int i;

	EACH_ENGINE(engine)
	{
		atomic_store(&stop, false);
		thread = start(change_ids, NULL);
		for (i = 0; i < SPAWNS; i++) {
			struct sigchld_child *child;

			ck_assert_int_gt(sigchld_spawn(ctx, &child,
					     SIGCHLD_SPAWN(.argv = args), NULL,
					     NULL),
			    0);
			MUST_BE(1, sigchld_child_wait(child, -1, NULL));
			sigchld_child_free(child);
		}
		atomic_store(&stop, true);
		(void)finish(thread);
	}
	sigchld_free(ctx);
}
END_TEST

struct doomed {
	struct sigchld_ctx *ctx;
	pid_t failed, spawned;
};

/* Asserts nothing: check keeps memory for each thread that does. */
static void *
spawn_and_die(void *user)
{
	struct doomed *doomed = user;

	(void)pthread_cancel(pthread_self());
	doomed->failed = sigchld_spawn(doomed->ctx, NULL,
	    SIGCHLD_SPAWN(.path = "/no", .argv = args), NULL, NULL);
	doomed->spawned = sigchld_spawn(doomed->ctx, NULL,
	    SIGCHLD_SPAWN(.argv = args), NULL, NULL);
	pthread_testcancel();
	return NULL;
}

START_TEST(c25_a_spawn_is_no_cancellation_point)
{
	struct doomed doomed = { .ctx = open_ctx(NULL) };

	EACH_ENGINE(engine)
	{
		ck_assert_ptr_eq(finish(start(spawn_and_die, &doomed)),
		    PTHREAD_CANCELED);
		ck_assert_int_eq(doomed.failed, -ENOENT);
		ck_assert_int_gt(doomed.spawned, 0);
		while (stats_of(doomed.ctx).children > 0)
			ck_assert_int_ge(sigchld_wait(doomed.ctx, -1), 0);
	}
	sigchld_free(doomed.ctx);
}
END_TEST

START_TEST(c29_on_a_small_stack)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (IS_SANITIZED)
		harness_skip("sanitizers need more");
	(void)pthread_attr_init(&attr);
	ck_assert_int_eq(pthread_attr_setstacksize(&attr, 16384 + 4096), 0);
	EACH_ENGINE(engine)
	{
		ck_assert_int_eq(pthread_create(&thread, &attr, spawn_many,
				     NULL),
		    0);
		(void)finish(thread);
	}
	(void)pthread_attr_destroy(&attr);
	sigchld__slots_close();
}
END_TEST

HARNESS("threads",
    {
	HARNESS_TEST(d7_descriptors_of_other_threads_are_left_alone),
	HARNESS_TEST(d7_nothing_of_other_threads_gets_in),
	HARNESS_TEST(threads_spawn_at_once),
	HARNESS_TEST(c18_dispositions_that_change_meanwhile),
	HARNESS_TEST(c19_credentials_that_change_meanwhile),
	HARNESS_TEST(c25_a_spawn_is_no_cancellation_point),
	HARNESS_TEST(c29_on_a_small_stack),
    })
