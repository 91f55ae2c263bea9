/*
 * test_notify.c - the service manager is told, in its own format
 *
 * The receiver is in this process. Where systemd's own systemd-notify is
 * installed, it sends to the same receiver, which must see the same.
 *
 * wrap: send_to datagram_socket
 */
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/help.h"
#include "worker/notify.h"
#include "worker/sys.h"
#include "worker/sys_master.h"

#define TOOL "/usr/bin/systemd-notify"

static int send_fails, n_failures, n_sends, socket_fails;

int __real_sigchld__sys_send_to(int fd, const void *data, size_t size,
    const struct sockaddr_un *address, size_t address_size);
int __wrap_sigchld__sys_send_to(int fd, const void *data, size_t size,
    const struct sockaddr_un *address, size_t address_size);
int __real_sigchld__sys_datagram_socket(void);
int __wrap_sigchld__sys_datagram_socket(void);

int
__wrap_sigchld__sys_send_to(int fd, const void *data, size_t size,
    const struct sockaddr_un *address, size_t address_size)
{
	n_sends++;
	if (n_failures > 0) {
		n_failures--;
		return send_fails;
	}
	return __real_sigchld__sys_send_to(fd, data, size, address,
	    address_size);
}

int
__wrap_sigchld__sys_datagram_socket(void)
{
	return socket_fails != 0 ? socket_fails
				 : __real_sigchld__sys_datagram_socket();
}

/* A receiver */

struct manager {
	int fd;
	char dir[64], address[96];
	char message[4096];
};

static void
listen_at(struct manager *manager)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(manager->address);

	(void)memcpy(address.sun_path, manager->address, length);
	if (address.sun_path[0] == '@')
		address.sun_path[0] = '\0';
	manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(manager->fd, 0);
	ck_assert_int_eq(bind(manager->fd, (struct sockaddr *)&address,
			     (socklen_t)(offsetof(struct sockaddr_un,
					     sun_path) +
				 length)),
	    0);
}

static struct manager
open_manager(void)
{
	struct manager manager = { .dir = P_tmpdir "/notify.XXXXXX" };

	ck_assert_ptr_nonnull(mkdtemp(manager.dir));
	(void)snprintf(manager.address, sizeof(manager.address), "%s/s",
	    manager.dir);
	listen_at(&manager);
	return manager;
}

static void
close_manager(struct manager *manager)
{
	(void)close(manager->fd);
	(void)unlink(manager->address);
	ck_assert_int_eq(rmdir(manager->dir), 0);
}

static const char *
received(struct manager *manager)
{
	ssize_t n;

	ck_assert(harness_readable(manager->fd, (int)harness_patience_ms()));
	n = recv(manager->fd, manager->message, sizeof(manager->message) - 1,
	    0);
	ck_assert_int_ge(n, 0);
	manager->message[n] = '\0';
	ck_assert_uint_eq(strlen(manager->message), (size_t)n);
	return manager->message;
}

/* The value of a line; each name must stand in the message at most once. */
static const char *
value(const char *message, const char *name)
{
	static char values[8][512];
	static unsigned int turn;
	const size_t length = strlen(name);
	char *to = NULL;
	const char *line = message;

	for (; *line != '\0'; line += strcspn(line, "\n") + 1) {
		if (strncmp(line, name, length) != 0 || line[length] != '=')
			continue;
		ck_assert_ptr_null(to);
		to = values[turn++ % 8];
		(void)snprintf(to, 512, "%.*s",
		    (int)strcspn(line + length + 1, "\n"), line + length + 1);
		if (line[strcspn(line, "\n")] == '\0')
			break;
	}
	return to;
}

static unsigned int
count_lines(const char *message)
{
	unsigned int n = 0;

	for (; *message != '\0'; message++)
		n += *message == '\n';
	return n;
}

static struct sigchld__notify
open_notify(const struct manager *manager)
{
	struct sigchld__notify notify;

	MUST_BE(1, sigchld__notify_open(&notify, manager->address));
	return notify;
}

static void
must_be(struct manager *manager, const char *message)
{
	ck_assert_str_eq(received(manager), message);
}

START_TEST(r35_m27_what_a_manager_is_told)
{
	struct manager manager = open_manager();
	struct sigchld__notify notify = open_notify(&manager);

	MUST_BE(1, sigchld__notify_ready(&notify, 1234, "4 workers"));
	must_be(&manager, "READY=1\nMAINPID=1234\nSTATUS=4 workers\n");
	MUST_BE(1, sigchld__notify_ready(&notify, INT_MAX, NULL));
	must_be(&manager, "READY=1\nMAINPID=2147483647\n");
	MUST_BE(1, sigchld__notify_stopping(&notify, "bye"));
	must_be(&manager, "STOPPING=1\nSTATUS=bye\n");
	MUST_BE(1, sigchld__notify_stopping(&notify, NULL));
	must_be(&manager, "STOPPING=1\n");
	MUST_BE(1, sigchld__notify_status(&notify, "fine"));
	must_be(&manager, "STATUS=fine\n");
	MUST_BE(1, sigchld__notify_status(&notify, ""));
	must_be(&manager, "STATUS=\n");
	sigchld__notify_close(&notify);
	close_manager(&manager);
}
END_TEST

START_TEST(r35_m27_a_reload_says_since_when)
{
	struct manager manager = open_manager();
	struct sigchld__notify notify = open_notify(&manager);
	int64_t before = sigchld__sys_now_us(), at;
	const char *message;

	MUST_BE(1, sigchld__notify_reloading(&notify, "to be newer"));
	message = received(&manager);
	at = strtoll(value(message, "MONOTONIC_USEC"), NULL, 10);
	ck_assert_int_ge(at, before);
	ck_assert_int_le(at, sigchld__sys_now_us());
	ck_assert_str_eq(value(message, "RELOADING"), "1");
	ck_assert_str_eq(value(message, "STATUS"), "to be newer");
	ck_assert_uint_eq(count_lines(message), 3);
	sigchld__notify_close(&notify);
	close_manager(&manager);
}
END_TEST

START_TEST(m27_a_failed_reload_is_ready_again_and_says_why)
{
	struct manager manager = open_manager();
	struct sigchld__notify notify = open_notify(&manager);

	MUST_BE(1,
	    sigchld__notify_reload_failed(&notify, 7, "no such file\nREADY=0"));
	must_be(&manager,
	    "READY=1\nMAINPID=7\n"
	    "STATUS=Reload failed: no such file READY=0\n");
	MUST_BE(1, sigchld__notify_reload_failed(&notify, 7, NULL));
	must_be(&manager, "READY=1\nMAINPID=7\nSTATUS=Reload failed\n");
	sigchld__notify_close(&notify);
	close_manager(&manager);
}
END_TEST

START_TEST(r35_nobody_wants_to_know)
{
	static const char *const addresses[] = { NULL, "" };
	struct sigchld__notify notify;
	int open = harness_count_fds();
	size_t i;

	for (i = 0; i < 2; i++) {
		MUST_BE(0, sigchld__notify_open(&notify, addresses[i]));
		ck_assert_int_eq(harness_count_fds(), open);
		MUST_BE(0, sigchld__notify_ready(&notify, 1, "x"));
		MUST_BE(0, sigchld__notify_reloading(&notify, "x"));
		MUST_BE(0, sigchld__notify_reload_failed(&notify, 1, "x"));
		MUST_BE(0, sigchld__notify_stopping(&notify, NULL));
		MUST_BE(0, sigchld__notify_status(&notify, "x"));
		sigchld__notify_close(&notify);
	}
	ck_assert_int_eq(n_sends, 0);
}
END_TEST

START_TEST(a_name_that_stands_in_no_directory)
{
	struct manager manager = { .fd = -1 };
	struct sigchld__notify notify;

	(void)snprintf(manager.address, sizeof(manager.address), "@notify.%ld",
	    (long)getpid());
	listen_at(&manager);
	notify = open_notify(&manager);
	MUST_BE(1, sigchld__notify_status(&notify, "x"));
	must_be(&manager, "STATUS=x\n");
	sigchld__notify_close(&notify);
	(void)close(manager.fd);
}
END_TEST

/* The longest one works as well as any. */
START_TEST(an_address_that_is_none)
{
	static const char *const strange[] = { "x", "notify/socket", "@", "/",
		"vsock:2:1", " /run/x", "./x" };
	struct sigchld__notify notify = { .fd = 4711 };
	char longest[sizeof(notify.address.sun_path) + 1];
	int open = harness_count_fds();
	size_t i;

	errno = EXDEV;
	for (i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
		MUST_BE(-EINVAL, sigchld__notify_open(&notify, strange[i]));
	(void)memset(longest, 'x', sizeof(longest));
	longest[0] = '@';
	longest[sizeof(longest) - 1] = '\0';
	MUST_BE(-EINVAL, sigchld__notify_open(&notify, longest));
	longest[0] = '/';
	MUST_BE(-EINVAL, sigchld__notify_open(&notify, longest));
	ck_assert_int_eq(notify.fd, 4711);
	ck_assert_int_eq(harness_count_fds(), open);
	longest[sizeof(longest) - 2] = '\0';
	MUST_BE(1, sigchld__notify_open(&notify, longest));
	MUST_BE(-ENOENT, sigchld__notify_status(&notify, "x"));
	sigchld__notify_close(&notify);
	ck_assert_int_eq(errno, EXDEV);
}
END_TEST

START_TEST(no_socket_and_nothing_changed)
{
	struct sigchld__notify notify = { .fd = 4711 };

	socket_fails = -EMFILE;
	MUST_BE(-EMFILE, sigchld__notify_open(&notify, "/x"));
	ck_assert_int_eq(notify.fd, 4711);
}
END_TEST

START_TEST(the_descriptor_is_close_on_exec_and_closed_once)
{
	int open = harness_count_fds(), fd;
	struct sigchld__notify notify;

	MUST_BE(1, sigchld__notify_open(&notify, "@x"));
	fd = notify.fd;
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	sigchld__notify_close(&notify);
	ck_assert_int_eq(harness_count_fds(), open);
	ck_assert_int_eq(dup2(0, fd), fd);
	sigchld__notify_close(&notify);
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

/* In a child, so that check keeps its own. */
START_TEST(m12_the_descriptor_is_above_standard_error)
{
	struct sigchld__notify notify;
	pid_t pid = fork();

	if (pid == 0) {
		(void)close(0);
		(void)close(2);
		CHILD_MUST(sigchld__notify_open(&notify, "@x") == 1);
		CHILD_MUST(notify.fd > 2);
		CHILD_MUST(fcntl(notify.fd, F_GETFD) == FD_CLOEXEC);
		CHILD_MUST(fcntl(0, F_GETFD) == -1);
		CHILD_MUST(fcntl(2, F_GETFD) == -1);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
}
END_TEST

/* Nor if somebody who shares the socket has made it block. */
START_TEST(a_full_queue_blocks_nobody)
{
	struct manager manager = open_manager();
	struct sigchld__notify notify = open_notify(&manager);
	int n = 0, rc;

#ifndef SIGCHLD_PORTABLE
	ck_assert_int_eq(fcntl(notify.fd, F_SETFL, 0), 0);
#endif
	errno = EXDEV;
	while ((rc = sigchld__notify_status(&notify, "x")) == 1)
		n++;
	MUST_BE(-EAGAIN, rc);
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(errno, EXDEV);
	must_be(&manager, "STATUS=x\n");
	MUST_BE(1, sigchld__notify_status(&notify, "y"));
	sigchld__notify_close(&notify);
	close_manager(&manager);
}
END_TEST

/* SIGPIPE has its default action here. */
START_TEST(a_manager_that_restarts)
{
	struct manager manager = open_manager();
	struct sigchld__notify notify = open_notify(&manager);

	errno = EXDEV;
	(void)close(manager.fd);
	MUST_BE(-ECONNREFUSED, sigchld__notify_status(&notify, "x"));
	(void)unlink(manager.address);
	MUST_BE(-ENOENT, sigchld__notify_status(&notify, "x"));
	ck_assert_int_eq(errno, EXDEV);
	listen_at(&manager);
	MUST_BE(1, sigchld__notify_status(&notify, "x"));
	must_be(&manager, "STATUS=x\n");
	sigchld__notify_close(&notify);
	close_manager(&manager);
}
END_TEST

START_TEST(an_interrupted_message_is_sent_again)
{
	struct manager manager = open_manager();
	struct sigchld__notify notify = open_notify(&manager);

	send_fails = -EINTR;
	n_failures = 3;
	MUST_BE(1, sigchld__notify_status(&notify, "x"));
	ck_assert_int_eq(n_sends, 4);
	must_be(&manager, "STATUS=x\n");
	send_fails = -ENOBUFS;
	n_failures = 1;
	MUST_BE(-ENOBUFS, sigchld__notify_status(&notify, "x"));
	ck_assert_int_eq(n_sends, 5);
	ck_assert(!harness_readable(manager.fd, 0));
	sigchld__notify_close(&notify);
	close_manager(&manager);
}
END_TEST

/* N3 */

static void
must_become(const char *status, const char *line)
{
	static struct manager manager;
	static struct sigchld__notify notify = { .fd = -1 };

	if (notify.fd < 0) {
		manager = open_manager();
		notify = open_notify(&manager);
	}
	if (status == NULL) {
		sigchld__notify_close(&notify);
		close_manager(&manager);
		return;
	}
	MUST_BE(1, sigchld__notify_status(&notify, status));
	(void)received(&manager);
	ck_assert_uint_eq(count_lines(manager.message), 1);
	ck_assert_str_eq(value(manager.message, "STATUS"), line);
}

START_TEST(m27_a_status_adds_no_line_of_its_own)
{
	must_become("a\nMAINPID=1\r\tb\x7f\x01", "a MAINPID=1  b  ");
	must_become("\n", " ");
	must_become("ends\n", "ends ");
	must_become("100 % of %s %n", "100 % of %s %n");
	must_become(NULL, NULL);
}
END_TEST

START_TEST(m27_a_status_is_valid_utf8)
{
	must_become("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
	    "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
	must_become("\xff"
		    "a\x80"
		    "b\xc3",
	    "?a?b?");
	must_become("\xc0\xaf\xc1\xbf", "????");     /* too long a form */
	must_become("\xe0\x9f\xbf", "???");          /* the same */
	must_become("\xf0\x8f\xbf\xbf", "????");     /* the same */
	must_become("\xe0\xa0\x80", "\xe0\xa0\x80"); /* not so */
	must_become("\xed\xa0\x80", "???");          /* a surrogate */
	must_become("\xed\xbf\xbf", "???");          /* the last one */
	must_become("\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80");
	must_become("\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf");
	must_become("\xf4\x90\x80\x80", "????"); /* beyond the last */
	must_become("\xf8\x88\x80\x80\x80", "?????");
	must_become("\xe2\x82", "??"); /* the text ends within it */
	must_become("\xc3\n", "? ");
	must_become(NULL, NULL);
}
END_TEST

START_TEST(m27_a_status_is_cut_between_two_characters)
{
	char text[1000], line[1000];
	size_t i;

	(void)memset(text, 'x', sizeof(text));
	text[999] = '\0';
	(void)snprintf(line, sizeof(line), "%.255s", text);
	must_become(text, line);
	must_become(line, line);
	for (i = 252; i < 256; i++) { /* a character of four bytes there */
		(void)memset(text, 'x', sizeof(text) - 1);
		(void)memcpy(text + i, "\xf0\x9f\x98\x80", 4);
		(void)memcpy(line, text, 256);
		line[i == 255 ? 255 : i] = '\0';
		must_become(text, line);
	}
	(void)memset(text, 'x', sizeof(text) - 1);
	(void)memcpy(text + 251, "\xf0\x9f\x98\x80", 4);
	(void)memcpy(line, text, 255);
	line[255] = '\0';
	must_become(text, line);
	must_become(NULL, NULL);
}
END_TEST

START_TEST(m27_a_long_reason_fits)
{
	struct manager manager = open_manager();
	struct sigchld__notify notify = open_notify(&manager);
	char why[4096];

	(void)memset(why, 'y', sizeof(why));
	why[sizeof(why) - 1] = '\0';
	MUST_BE(1, sigchld__notify_reload_failed(&notify, INT_MAX, why));
	(void)received(&manager);
	ck_assert_uint_eq(strlen(value(manager.message, "STATUS")), 255);
	ck_assert_uint_eq(count_lines(manager.message), 3);
	MUST_BE(1, sigchld__notify_reloading(&notify, why));
	ck_assert_uint_eq(strlen(value(received(&manager), "STATUS")), 255);
	sigchld__notify_close(&notify);
	close_manager(&manager);
}
END_TEST

/* systemd's own */

static void
run_tool(const struct manager *manager, const char *const *argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)setenv("NOTIFY_SOCKET", manager->address, 1);
		(void)execv(TOOL, (char *const *)(uintptr_t)argv);
		_exit(126);
	}
	ck_assert_int_eq(exit_code(pid), 0);
}

/* What theirs says is in ours, with the same value. */
static void
must_agree(const char *theirs, const char *ours)
{
	char name[64];
	unsigned int n = 0;
	size_t length;

	while (*theirs != '\0') {
		length = strcspn(theirs, "=");
		(void)snprintf(name, sizeof(name), "%.*s", (int)length, theirs);
		ck_assert_msg(value(ours, name) != NULL, "no %s in %s", name,
		    ours);
		ck_assert_str_eq(value(ours, name), value(theirs, name));
		theirs += strcspn(theirs, "\n");
		theirs += *theirs == '\n';
		n++;
	}
	ck_assert_uint_eq(count_lines(ours), n);
}

static void
compare(struct manager *manager, const char *const *argv)
{
	char ours[4096];

	(void)snprintf(ours, sizeof(ours), "%s", received(manager));
	run_tool(manager, argv);
	must_agree(received(manager), ours);
}

START_TEST(r35_m27_as_systemd_notify_says_it)
{
	static const char *const ready[] = { TOOL, "--no-block", "--ready",
		"--pid=1", "--status=4 workers", NULL };
	static const char *const stopping[] = { TOOL, "--no-block",
		"STOPPING=1", "STATUS=bye", NULL };
	struct manager manager;
	struct sigchld__notify notify;

	if (access(TOOL, X_OK) != 0)
		harness_skip("no systemd-notify here");
	manager = open_manager();
	notify = open_notify(&manager);
	MUST_BE(1, sigchld__notify_ready(&notify, 1, "4 workers"));
	compare(&manager, ready);
	MUST_BE(1, sigchld__notify_stopping(&notify, "bye"));
	compare(&manager, stopping);
	sigchld__notify_close(&notify);
	close_manager(&manager);
}
END_TEST

HARNESS("notify",
    {
	HARNESS_TEST(r35_m27_what_a_manager_is_told),
	HARNESS_TEST(r35_m27_a_reload_says_since_when),
	HARNESS_TEST(m27_a_failed_reload_is_ready_again_and_says_why),
	HARNESS_TEST(r35_nobody_wants_to_know),
	HARNESS_TEST(a_name_that_stands_in_no_directory),
	HARNESS_TEST(an_address_that_is_none),
	HARNESS_TEST(no_socket_and_nothing_changed),
	HARNESS_TEST(the_descriptor_is_close_on_exec_and_closed_once),
	HARNESS_TEST(m12_the_descriptor_is_above_standard_error),
	HARNESS_TEST(a_full_queue_blocks_nobody),
	HARNESS_TEST(a_manager_that_restarts),
	HARNESS_TEST(an_interrupted_message_is_sent_again),
	HARNESS_TEST(m27_a_status_adds_no_line_of_its_own),
	HARNESS_TEST(m27_a_status_is_valid_utf8),
	HARNESS_TEST(m27_a_status_is_cut_between_two_characters),
	HARNESS_TEST(m27_a_long_reason_fits),
	HARNESS_TEST(r35_m27_as_systemd_notify_says_it),
    })
