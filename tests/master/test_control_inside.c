/*
 * test_control_inside.c - C2, C4 of control.c and S2 of asker.c, from inside: what
 * takes long, runs out, or comes at a bad moment
 *
 * The master is in the process of the test, whose clock can be moved, and what is
 * asked of the system can fail.
 *
 * wrap: accept now_ms room alloc
 * timeout: 60
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include <sigchld/master.h>

#include "core/sys.h"
#include "inside.h"
#include "talk.h"
#include "worker/sys.h"
#include "worker/sys_control.h"

#define NEVER 0xffffffffu

static struct sigchld_ctx *ctx;
static struct sigchld_master *master;
static struct talk a, b;
static bool is_ready;
static uint32_t free_at = NEVER, fork_at = NEVER;
static pid_t worker, forked;

static int64_t ahead_ms;
static int accept_error, n_accepts;
static int left = -1; /* allocations until they fail; -1: for ever */

int64_t __real_sigchld__sys_now_ms(void);
int64_t __wrap_sigchld__sys_now_ms(void);
int __real_sigchld__sys_accept(int fd);
int __wrap_sigchld__sys_accept(int fd);
void *__real_sigchld__sys_room(size_t size);
void *__wrap_sigchld__sys_room(size_t size);
void *__real_sigchld__sys_alloc(size_t n, size_t size);
void *__wrap_sigchld__sys_alloc(size_t n, size_t size);

int64_t
__wrap_sigchld__sys_now_ms(void)
{
	return __real_sigchld__sys_now_ms() + ahead_ms;
}

int
__wrap_sigchld__sys_accept(int fd)
{
	n_accepts++;
	return accept_error != 0 ? accept_error
				 : __real_sigchld__sys_accept(fd);
}

static bool
runs_out(void)
{
	if (left > 0)
		left--;
	return left == 0;
}

void *
__wrap_sigchld__sys_room(size_t size)
{
	return runs_out() ? NULL : __real_sigchld__sys_room(size);
}

void *
__wrap_sigchld__sys_alloc(size_t n, size_t size)
{
	return runs_out() ? NULL : __real_sigchld__sys_alloc(n, size);
}

/* The master */

static int
work(struct sigchld_worker *w, void *user)
{
	(void)user;
	if (sigchld_worker_generation(w) == 1)
		(void)sigchld_worker_ready(w);
	return work_until_told(w);
}

static int
on_query(struct sigchld_worker *w, const void *query, size_t len, void *user)
{
	(void)user;
	return len == 4 && memcmp(query, "hang", 4) == 0
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
	if (event->what == free_at) {
		free_at = NEVER;
		sigchld_master_free(m);
		master = NULL;
	}
	if (event->what == fork_at) {
		fork_at = NEVER;
		forked = fork();
	}
}

static int
make(void)
{
	char *argv[] = { (char *)(uintptr_t) "/no/such/file", NULL };

	return sigchld_master_new(ctx, &master,
	    SIGCHLD_MASTER(.argv = argv, .run = work, .on_query = on_query,
		.flags = SIGCHLD_MASTER_READY_LATER | SIGCHLD_MASTER_NO_SIGNALS,
		.workers = 1, .on_event = on_event, .control = talk_path));
}

#define UNTIL(condition) \
	do { \
		int64_t until = harness_now_ms() + harness_patience_ms(); \
\
		while (!(condition)) { \
			ck_assert_msg(harness_now_ms() < until, #condition); \
			ck_assert_int_ge(sigchld_wait(ctx, 20), 0); \
		} \
	} while (0)

static void
open_context(void)
{
	talk_begin();
	ck_assert_int_eq(sigchld_new(&ctx, NULL), 0);
}

static void
start(void)
{
	open_context();
	ck_assert_int_eq(make(), 0);
	UNTIL(is_ready);
	talk_open(&a);
}

static void
dispatch_all(void)
{
	int i;

	for (i = 0; i < 100; i++)
		ck_assert_int_ge(sigchld_dispatch(ctx), 0);
}

/* The master goes, and the context reaps. */
static void
finish(void)
{
	sigchld_master_free(master);
	reap_all(ctx);
	talk_end();
}

static void
stop(void)
{
	talk_close(&a);
	finish();
}

static void
ask(struct talk *t, const char *line, const char *wanted)
{
	talk_say(t, "%s\n", line);
	UNTIL(harness_readable(t->fd, 0));
	talk_expect(t, wanted);
}

static void
is_closed(struct talk *t)
{
	UNTIL(harness_readable(t->fd, 0));
	talk_is_over(t);
}

/* Time */

START_TEST(c2_who_says_nothing_is_hung_up)
{
	start();
	ask(&a, "ready", "ready: ");
	ahead_ms += 40000;
	dispatch_all();
	ask(&a, "ready", "ready: "); /* from now on */
	ahead_ms += 40000;
	dispatch_all();
	talk_say(&a, "rea");
	dispatch_all();
	ahead_ms += 40000;
	ask(&a, "dy", "ready: ");
	ahead_ms += 60001;
	is_closed(&a);
	talk_open(&a);
	ask(&a, "ready", "ready: ");
	stop();
}
END_TEST

START_TEST(c2_who_never_reads_is_hung_up)
{
	const char *line = "json help\n";

	start();
	while (send(a.fd, line, strlen(line), MSG_DONTWAIT) > 0)
		dispatch_all();
	dispatch_all();
	ahead_ms += 60001;
	talk_open(&b);
	ask(&b, "ready", "ready: "); /* and a was looked at */
	dispatch_all();
	ck_assert_int_eq(send(a.fd, line, strlen(line),
			     MSG_DONTWAIT | MSG_NOSIGNAL),
	    -1);
	ck_assert_int_eq(errno, EPIPE);
	talk_close(&b);
	stop();
}
END_TEST

START_TEST(c2_who_waits_is_not)
{
	start();
	talk_say(&a, "roll\nready\n");
	dispatch_all();
	ahead_ms += 3600000;
	dispatch_all();
	talk_open(&b);
	ask(&b, "ready", "ready: 1 of 1 workers, rolling\n");
	ahead_ms += 3600000;
	is_closed(&b);
	ck_assert(!harness_readable(a.fd, 0)); /* it waits still */
	ck_assert_int_eq(sigchld_master_stop(master, SIGCHLD_MASTER_NOW), 0);
	UNTIL(harness_readable(a.fd, 0));
	talk_expect(&a, "error: the master stops\n");
	stop();
}
END_TEST

static void
once_a_second(int64_t begun)
{
	int64_t now = __wrap_sigchld__sys_now_ms();

	ck_assert_int_le(n_accepts, 1 + (now - begun) / 1000);
}

START_TEST(c2_nothing_spins_when_none_can_be_accepted)
{
	static const int errors[] = { -EMFILE, -ENFILE, -ENOBUFS, -ENOMEM };
	int64_t begun;
	size_t i;

	start();
	ask(&a, "ready", "ready: ");
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		accept_error = errors[i];
		n_accepts = 0;
		begun = __wrap_sigchld__sys_now_ms();
		talk_open(&b);
		talk_say(&b, "ready\n");
		UNTIL(n_accepts == 1);
		ask(&a, "ready", "ready: ");
		dispatch_all();
		ahead_ms += 900;
		dispatch_all();
		once_a_second(begun);
		ahead_ms += 200;
		UNTIL(n_accepts >= 2);
		dispatch_all();
		once_a_second(begun);
		accept_error = 0;
		ahead_ms += 1100;
		UNTIL(harness_readable(b.fd, 0));
		talk_expect(&b, "ready: ");
		talk_close(&b);
	}
	stop();
}
END_TEST

START_TEST(c2_one_that_went_before_it_was_accepted)
{
	start();
	ask(&a, "ready", "ready: ");
	accept_error = -ECONNABORTED;
	n_accepts = 0;
	talk_open(&b);
	UNTIL(n_accepts > 0);
	accept_error = 0;
	ask(&b, "ready", "ready: "); /* no rest: at once */
	talk_close(&b);
	stop();
}
END_TEST

/* Memory: the answer is whole, or there is none; and nothing else happens. */

static bool
is_answered_with(int allocations, const char *line)
{
	bool answered;

	talk_open(&b);
	ask(&b, "ready", "ready: ");
	talk_say(&b, "%s\n", line);
	left = allocations;
	UNTIL(harness_readable(b.fd, 0));
	left = -1;
	answered = talk_read(&b, harness_now_ms() + 1000);
	if (answered)
		(void)talk_answer(&b);
	ask(&a, "ready", "ready: ");
	talk_close(&b);
	return answered;
}

START_TEST(s2_memory_runs_out_at_each_answer)
{
	static const char *const lines[] = { "help", "json help", "ready",
		"json ready", "show proc", "json show proc", "show stat",
		"json show stat", "what", "json what", "workers 1", "query 1 x",
		"json query 1 x" };
	size_t i;
	int n;

	start();
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		for (n = 1; !is_answered_with(n, lines[i]); n++)
			ck_assert_int_lt(n, 100);
		ck_assert_int_gt(n, 1);
	}
	stop();
}
END_TEST

START_TEST(s2_memory_runs_out_when_somebody_connects)
{
	start();
	ask(&a, "ready", "ready: ");
	n_accepts = 0;
	talk_open(&b);
	left = 1;
	UNTIL(n_accepts == 1);
	left = -1;
	is_closed(&b);
	ask(&a, "ready", "ready: ");
	stop();
}
END_TEST

/* A worker's answer, too, is passed on whole or not at all. */
START_TEST(s2_memory_runs_out_when_a_worker_answers)
{
	char line[64];
	int n, answered = 0;

	start();
	(void)snprintf(line, sizeof(line), "json query %d text", (int)worker);
	for (n = 1; n < 12; n++)
		answered += is_answered_with(n, line);
	ck_assert_int_gt(answered, 0);
	ck_assert_int_lt(answered, 11);
	ask(&a, line, "{\"ok\":true,\"status\":0,\"answer\":\"text\"}\n");
	stop();
}
END_TEST

/* A bad moment */

static void
freed_at(uint32_t what, const char *line)
{
	start();
	ask(&a, "ready", "ready: ");
	free_at = what;
	talk_open(&b);
	talk_say(&b, "ready\n"); /* somebody who is just coming, too */
	talk_say(&a, "%s\nready\n", line);
	UNTIL(master == NULL);
	ck_assert(!talk_exists(talk_path));
	UNTIL(harness_readable(a.fd, 0)); /* a worker may have it for a while */
	UNTIL(harness_readable(b.fd, 0));
	while (talk_read(&a, harness_now_ms() + harness_patience_ms()))
		; /* it may have been answered */
	talk_close(&a);
	talk_close(&b);
	finish();
}

START_TEST(m34_freed_while_a_roll_is_awaited)
{
	freed_at(SIGCHLD_MASTER_FORKED, "roll");
}
END_TEST

START_TEST(m34_freed_when_a_reload_begins)
{
	freed_at(SIGCHLD_MASTER_RELOADING, "reload");
}
END_TEST

START_TEST(m34_freed_when_a_reload_has_failed)
{
	freed_at(SIGCHLD_MASTER_RELOAD_FAILED, "reload");
}
END_TEST

START_TEST(m34_freed_when_it_stops)
{
	freed_at(SIGCHLD_MASTER_STOPPING, "stop now");
}
END_TEST

START_TEST(m34_freed_when_all_have_left)
{
	freed_at(SIGCHLD_MASTER_ALL_LEFT, "stop now");
}
END_TEST

START_TEST(m34_freed_while_a_worker_is_asked)
{
	start();
	talk_say(&a, "query %d hang\n", (int)worker);
	dispatch_all();
	sigchld_master_free(master);
	master = NULL;
	UNTIL(harness_readable(a.fd, 0));
	while (talk_read(&a, harness_now_ms() + harness_patience_ms()))
		;
	stop();
}
END_TEST

/* Whoever asked has gone when the worker answers. */
START_TEST(s2_who_asked_has_gone)
{
	start();
	talk_open(&b);
	ck_assert_int_eq(kill(worker, SIGSTOP), 0);
	talk_say(&b, "query %d text\n", (int)worker);
	dispatch_all();
	talk_close(&b);
	dispatch_all();
	talk_open(&b); /* it may have the same place in memory */
	ask(&b, "ready", "ready: ");
	ck_assert_int_eq(kill(worker, SIGCONT), 0);
	talk_say(&a, "query %d mine\n", (int)worker);
	UNTIL(harness_readable(a.fd, 0));
	talk_expect(&a, "mine\n");
	ck_assert(!harness_readable(b.fd, 0));
	talk_close(&b);
	stop();
}
END_TEST

START_TEST(g9_forked_while_a_roll_is_awaited)
{
	pid_t us = getpid();
	int wstatus, rc = 0;

	start();
	ask(&a, "ready", "ready: ");
	fork_at = SIGCHLD_MASTER_FORKED;
	talk_say(&a, "roll\n");
	while (fork_at != NEVER && rc >= 0)
		rc = sigchld_wait(ctx, 20);
	if (getpid() != us) {
		sigchld_master_free(master);
		sigchld_free(ctx);
		_exit(rc == -EPERM ? 7 : 8);
	}
	ck_assert_int_eq(waitpid(forked, &wstatus, 0), forked);
	ck_assert_int_eq(wstatus, 7 << 8);
	talk_open(&b);
	ask(&b, "ready", "ready: 1 of 1 workers, rolling\n");
	talk_close(&b);
	ck_assert(talk_exists(talk_path)); /* the child has left it alone */
	stop();
}
END_TEST

/* The path */

/* It fails when all else is done: nothing of it is left in the context. */
START_TEST(c4_one_that_cannot_be_made)
{
	int fd, i;

	open_context();
	fd = sigchld__sys_listen_at(talk_path);
	ck_assert_int_ge(fd, 0);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(make(), -EADDRINUSE);
		ck_assert_ptr_null(master);
		dispatch_all();
	}
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(make(), 0); /* it is nobody's now */
	UNTIL(is_ready);
	talk_open(&a);
	ask(&a, "ready", "ready: ");
	stop();
}
END_TEST

HARNESS("control_inside",
    {
	HARNESS_TEST(c2_who_says_nothing_is_hung_up),
	HARNESS_TEST(c2_who_never_reads_is_hung_up),
	HARNESS_TEST(c2_who_waits_is_not),
	HARNESS_TEST(c2_nothing_spins_when_none_can_be_accepted),
	HARNESS_TEST(c2_one_that_went_before_it_was_accepted),
	HARNESS_TEST(s2_memory_runs_out_at_each_answer),
	HARNESS_TEST(s2_memory_runs_out_when_somebody_connects),
	HARNESS_TEST(s2_memory_runs_out_when_a_worker_answers),
	HARNESS_TEST(m34_freed_while_a_roll_is_awaited),
	HARNESS_TEST(m34_freed_when_a_reload_begins),
	HARNESS_TEST(m34_freed_when_a_reload_has_failed),
	HARNESS_TEST(m34_freed_when_it_stops),
	HARNESS_TEST(m34_freed_when_all_have_left),
	HARNESS_TEST(m34_freed_while_a_worker_is_asked),
	HARNESS_TEST(s2_who_asked_has_gone),
	HARNESS_TEST(g9_forked_while_a_roll_is_awaited),
	HARNESS_TEST(c4_one_that_cannot_be_made),
    })
