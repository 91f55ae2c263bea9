/*
 * test_reload.c - new workers of a command take over, or the former ones serve on
 *
 * labels: slow
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "help.h"

#define RELOADS 20

static struct subject s;

/* Clients that connect, one after another, as long as they are to. */

struct client {
	pthread_t thread;
	int (*connects)(void);
	atomic_int goes_on;
	atomic_uint refused, unanswered, served;
};

static char path[64];
static struct sockaddr_in inet;

static int
connect_path(void)
{
	return connect_unix(path);
}

static int
connect_inet(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&inet, sizeof(inet)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static void *
be_client(void *user)
{
	struct client *client = user;
	int fd;

	while (atomic_load(&client->goes_on)) {
		fd = client->connects();
		if (fd == -1)
			atomic_fetch_add(&client->refused, 1);
		else if (ask(fd) < 1)
			atomic_fetch_add(&client->unanswered, 1);
		else
			atomic_fetch_add(&client->served, 1);
	}
	return NULL;
}

static void
start_client(struct client *client, int (*connects)(void))
{
	memset(client, 0, sizeof(*client));
	client->connects = connects;
	atomic_store(&client->goes_on, 1);
	ck_assert_int_eq(pthread_create(&client->thread, NULL, be_client,
			     client),
	    0);
}

/* It has asked so often. */
static void
await_served(struct client *client, unsigned int more)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	unsigned int wanted = atomic_load(&client->served) + more;

	while (atomic_load(&client->served) < wanted) {
		ck_assert_int_lt(harness_now_ms(), deadline);
		(void)sched_yield();
	}
}

static void
end_client(struct client *client)
{
	atomic_store(&client->goes_on, 0);
	ck_assert_int_eq(pthread_join(client->thread, NULL), 0);
	ck_assert_uint_eq(atomic_load(&client->refused), 0);
	ck_assert_uint_eq(atomic_load(&client->unanswered), 0);
}

static void
reload_many(int (*connects)(void))
{
	struct client client;
	char wanted[64];
	int i;

	subject_await(&s, "serves ", 2);
	start_client(&client, connects);
	for (i = 1; i <= RELOADS; i++) {
		await_served(&client, 3);
		subject_signal(&s, SIGUSR2);
		(void)snprintf(wanted, sizeof(wanted),
		    "reloaded: 2 workers of generation %d", i + 1);
		(void)tool_says(&s, wanted);
	}
	await_served(&client, 3);
	end_client(&client);
	subject_await(&s, "done ", 2 * RELOADS);
	ck_assert_int_eq(ask(connects()), RELOADS + 1);
	subject_stop(&s);
}

START_TEST(no_connection_is_refused_tcp)
{
	tool_start(&s, "notify", "-n 2 --ready=notify -l 127.0.0.1:0");
	inet.sin_family = AF_INET;
	inet.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	inet.sin_port =
	    htons((uint16_t)number_of(tool_says(&s, "listening: "), "port "));
	reload_many(connect_inet);
}
END_TEST

START_TEST(no_connection_is_refused_unix)
{
	char args[128];

	name_a_file(path, sizeof(path), "socket");
	(void)snprintf(args, sizeof(args),
	    "-n 2 --ready=notify --listen=unix:%s", path);
	tool_start(&s, "notify", args);
	reload_many(connect_path);
}
END_TEST

/* What fails */

static void
start_one(const char *words, const char *args)
{
	char all[192];

	name_a_file(path, sizeof(path), "socket");
	(void)snprintf(all, sizeof(all), "%s -l unix:%s", args, path);
	tool_start(&s, words, all);
	(void)subject_expect(&s, "serves ");
	subject_await(&s, SAYS "ready: ", 1);
}

static void
must_fail(const char *why)
{
	char wanted[128];

	(void)snprintf(wanted, sizeof(wanted), "the reload failed: %s", why);
	subject_signal(&s, SIGUSR2);
	(void)tool_says(&s, wanted);
	ck_assert_int_eq(ask(connect_unix(path)), 1);
	ck_assert_uint_eq(subject_count(&s, "done "), 0);
}

static void
must_work(int generation)
{
	subject_signal(&s, SIGUSR2);
	(void)tool_says(&s, "reloaded: ");
	subject_await(&s, "done ", 1);
	ck_assert_int_eq(ask(connect_unix(path)), generation);
	subject_stop(&s);
}

START_TEST(a_command_that_is_gone)
{
	char copy[64], away[72], command[512];
	int i;

	(void)snprintf(copy, sizeof(copy), "/tmp/sigchld-worker-XXXXXX");
	ck_assert_int_eq(close(mkstemp(copy)), 0);
	(void)snprintf(command, sizeof(command), "cp '%s' %s && chmod 755 %s",
	    TOOL_WORKER, copy, copy);
	ck_assert_int_eq(system(command), 0);
	(void)snprintf(away, sizeof(away), "%s.away", copy);
	tool_worker = copy;
	start_one("", "");
	tool_worker = TOOL_WORKER;
	ck_assert_int_eq(rename(copy, away), 0);
	for (i = 0; i < 3; i++)
		must_fail("exit status 127 of a worker; the former");
	ck_assert_int_eq(chmod(away, 0644), 0);
	ck_assert_int_eq(rename(away, copy), 0);
	must_fail("exit status 126 of a worker; the former");
	ck_assert_int_eq(chmod(copy, 0755), 0);
	must_work(6);
	ck_assert_int_eq(unlink(copy), 0);
}
END_TEST

START_TEST(a_command_that_dies_before_it_says_ready)
{
	start_one("notify", "--ready=notify");
	subject_words(&s, "die");
	must_fail("exit status 7");
	must_fail("exit status 7");
	subject_words(&s, "notify");
	must_work(4);
}
END_TEST

START_TEST(a_command_that_never_says_ready)
{
	start_one("notify", "--ready=notify --ready-timeout=2s");
	subject_words(&s, "mute");
	must_fail("Connection timed out");
	subject_words(&s, "notify");
	must_work(3);
}
END_TEST

/* Only a worker itself is believed, not somebody who has its socket. */
START_TEST(a_child_of_a_command_that_says_ready)
{
	start_one("notify", "--ready=notify --ready-timeout=2s");
	subject_words(&s, "lie");
	must_fail("Connection timed out");
	ck_assert_uint_eq(subject_count(&s, "lied "), 1);
	subject_stop(&s);
}
END_TEST

START_TEST(a_command_that_does_not_live_long_enough)
{
	start_one("", "--ready=1s");
	subject_words(&s, "die");
	must_fail("exit status 7");
	subject_words(&s, "");
	must_work(3);
}
END_TEST

/* It runs long before it is ready; the first two are told of in one go. */
START_TEST(ready_after_a_time)
{
	int64_t began = harness_now_ms();

	tool_start(&s, "", "-v -n 2 --ready=300ms");
	subject_await(&s, "serves ", 2);
	(void)tool_says(&s, "ready: 2 workers");
	ck_assert_int_ge(harness_now_ms() - began, 300);
	subject_stop(&s);
}
END_TEST

/* Whoever waits at a reload's end is told the truth about its beginning. */
START_TEST(ready_is_told_to_our_own_manager)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	char text[512];
	int i, fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	const char *wanted[] = { "READY=1\n", "RELOADING=1\n", "READY=1\n",
		"STOPPING=1\n" };
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	ssize_t n;

	name_a_file(at.sun_path, 64, "notify");
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", at.sun_path, 1), 0);
	tool_start(&s, "notify", "--ready=notify");
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(poll(&pfd, 1, (int)harness_patience_ms()), 1);
		n = recv(fd, text, sizeof(text) - 1, 0);
		ck_assert_int_gt((int)n, 0);
		text[n] = '\0';
		ck_assert_ptr_nonnull(strstr(text, wanted[i]));
		if (i == 0)
			subject_signal(&s, SIGUSR2);
		else if (i == 2)
			subject_signal(&s, SIGTERM);
	}
	subject_ends(&s, 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(unlink(at.sun_path), 0);
	ck_assert_int_eq(unsetenv("NOTIFY_SOCKET"), 0);
}
END_TEST

/* Without executing us: the generation counts on, and we have not begun anew. */
START_TEST(hup_rolls)
{
	start_one("", "-v --hup=roll");
	subject_signal(&s, SIGHUP);
	(void)tool_says(&s, "reloaded: 1 worker of generation 2");
	ck_assert_uint_eq(tool_said(&s, "reloading"), 0);
	subject_await(&s, "done ", 1);
	subject_signal(&s, SIGUSR2);
	(void)tool_says(&s, "reloading");
	(void)tool_says(&s, "reloaded: 1 worker of generation 3");
	subject_stop(&s);
	start_one("", "-v --hup=reload");
	subject_signal(&s, SIGHUP);
	(void)tool_says(&s, "reloading");
	(void)tool_says(&s, "reloaded");
	subject_stop(&s);
}
END_TEST

HARNESS("reload",
    {
	HARNESS_TEST(no_connection_is_refused_tcp),
	HARNESS_TEST(no_connection_is_refused_unix),
	HARNESS_TEST(a_command_that_is_gone),
	HARNESS_TEST(a_command_that_dies_before_it_says_ready),
	HARNESS_TEST(a_command_that_never_says_ready),
	HARNESS_TEST(a_child_of_a_command_that_says_ready),
	HARNESS_TEST(a_command_that_does_not_live_long_enough),
	HARNESS_TEST(ready_after_a_time),
	HARNESS_TEST(ready_is_told_to_our_own_manager),
	HARNESS_TEST(hup_rolls),
    })
