/*
 * test_intake.c - I6 of intake.c: no handler writes to a pipe that was closed
 *
 * wrap: write
 */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <sigchld/master.h>

#include "async/selfpipe.h"
#include "harness.h"
#include "worker/intake.h"
#include "worker/master.h"

/* The handler of this thread waits before it writes. */
static _Thread_local bool waits;
static sem_t has_come, may_go;
static int written;

int __real_sigchld__sys_write(int fd, const void *data, size_t size);
int __wrap_sigchld__sys_write(int fd, const void *data, size_t size);

int
__wrap_sigchld__sys_write(int fd, const void *data, size_t size)
{
	if (waits) {
		(void)sem_post(&has_come);
		(void)sem_wait(&may_go);
		written = fd;
	}
	return __real_sigchld__sys_write(fd, data, size);
}

static void *
be_signalled(void *unused)
{
	sigset_t set;

	(void)unused;
	waits = true;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	(void)pthread_kill(pthread_self(), SIGTERM);
	return NULL;
}

static pthread_t
begin_handler(void)
{
	pthread_t thread;

	ck_assert_int_eq(sem_init(&has_come, 0, 0), 0);
	ck_assert_int_eq(sem_init(&may_go, 0, 0), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, be_signalled, NULL), 0);
	while (sem_wait(&has_come) != 0)
		;
	return thread;
}

static void
end_handler(pthread_t thread)
{
	ck_assert_int_eq(sem_post(&may_go), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(i6_a_handler_that_runs_is_known)
{
	struct sigchld__intake intake = { .caught = false };
	struct sigchld_ctx *ctx; /* so that this process is known to be it */
	pthread_t thread;

	ck_assert_int_eq(sigchld_new(&ctx, NULL), 0);
	ck_assert_int_eq(sigchld__intake_open(&intake), 0);
	sigchld__intake_catch(&intake);
	ck_assert(sigchld__intake_is_quiet());
	thread = begin_handler();
	sigchld__intake_end(&intake);
	ck_assert(!sigchld__intake_is_quiet());
	end_handler(thread);
	ck_assert(sigchld__intake_is_quiet());
	ck_assert_int_eq(written, intake.pipe.wr);
	sigchld__selfpipe_close(&intake.pipe);
	sigchld_free(ctx);
}
END_TEST

static int
run(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	(void)user;
	return 0;
}

/* What it will write to is not a descriptor that somebody else has opened. */
START_TEST(i6_its_pipe_stays_open_when_the_master_is_freed)
{
	char *argv[] = { (char *)(uintptr_t) "/bin/true", NULL };
	struct sigchld_master *master;
	struct sigchld_ctx *ctx;
	pthread_t thread;
	int rd;

	ck_assert_int_eq(sigchld_new(&ctx, NULL), 0);
	ck_assert_int_eq(sigchld_master_new(ctx, &master,
			     SIGCHLD_MASTER(.argv = argv, .run = run)),
	    0);
	rd = master->intake.pipe.rd;
	thread = begin_handler();
	sigchld_master_free(master);
	end_handler(thread);
	ck_assert_int_ge(written, 3);
	ck_assert_int_eq(close(written), 0); /* it was open */
	ck_assert(rd == written || close(rd) == 0);
	sigchld_free(ctx);
}
END_TEST

HARNESS("intake",
    {
	HARNESS_TEST(i6_a_handler_that_runs_is_known),
	HARNESS_TEST(i6_its_pipe_stays_open_when_the_master_is_freed),
    })
