/*
 * talk.h - connections to a control socket
 *
 * What is said and what is answered are lines; an answer ends with an empty one.
 * The socket is in a folder of its own, which is empty again at the end: so whatever
 * is left there fails the test.
 */
#ifndef TESTS_MASTER_TALK_H
#define TESTS_MASTER_TALK_H

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include "harness.h"

struct talk {
	int fd;
	size_t n;
	char text[65536];   /* that was not looked at */
	char answer[65536]; /* the last one, without the empty line */
};

static char talk_dir[32], talk_path[64], talk_path2[64];

static inline void
talk_begin(void)
{
	(void)snprintf(talk_dir, sizeof(talk_dir), "/tmp/sigchld-talk-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(talk_dir));
	(void)snprintf(talk_path, sizeof(talk_path), "%s/s", talk_dir);
	(void)snprintf(talk_path2, sizeof(talk_path2), "%s/s.2", talk_dir);
}

static inline void
talk_end(void)
{
	ck_assert_msg(rmdir(talk_dir) == 0, "something is left in %s",
	    talk_dir);
}

static inline int
talk_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
	(void)strcpy(address.sun_path, path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) ==
	    0)
		return fd;
	(void)close(fd);
	return -1;
}

/* Somebody else's socket. */
static inline int
talk_listen(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
	(void)strcpy(address.sun_path, path);
	ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address,
			     sizeof(address)),
	    0);
	ck_assert_int_eq(listen(fd, 4), 0);
	return fd;
}

static inline void
talk_open_at(struct talk *t, const char *path)
{
	t->n = 0;
	t->fd = talk_connect(path);
	ck_assert_msg(t->fd >= 0, "nobody answers at %s", path);
}

static inline void
talk_open(struct talk *t)
{
	talk_open_at(t, talk_path);
}

static inline void
talk_close(struct talk *t)
{
	ck_assert_int_eq(close(t->fd), 0);
}

static inline void
talk_write(struct talk *t, const char *bytes, size_t len)
{
	ck_assert_int_eq(send(t->fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void talk_say(struct talk *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline void
talk_say(struct talk *t, const char *format, ...)
{
	char text[2048];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ck_assert(n >= 0 && n < (int)sizeof(text));
	talk_write(t, text, (size_t)n);
}

/* More of it; false: that was all. Who is hung up with something unread is told
 * so by an error. */
static inline bool
talk_read(struct talk *t, int64_t deadline)
{
	struct pollfd pfd = { .fd = t->fd, .events = POLLIN };
	int64_t left = deadline - harness_now_ms();
	ssize_t n;

	ck_assert_msg(left > 0 && poll(&pfd, 1, (int)left) == 1,
	    "no answer; so far: %.*s", (int)t->n, t->text);
	n = read(t->fd, t->text + t->n, sizeof(t->text) - 1 - t->n);
	if (n > 0)
		t->n += (size_t)n;
	t->text[t->n] = '\0';
	return n > 0;
}

/* Its end in the text; 0: it is not all there. */
static inline size_t
talk_length(const struct talk *t)
{
	const char *end;

	if (t->n > 0 && t->text[0] == '\n')
		return 1;
	end = t->n < 2 ? NULL : strstr(t->text, "\n\n");
	return end == NULL ? 0 : (size_t)(end - t->text) + 2;
}

static inline const char *
talk_answer(struct talk *t)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	size_t len;

	while ((len = talk_length(t)) == 0)
		ck_assert_msg(talk_read(t, deadline), "hung up after: %.*s",
		    (int)t->n, t->text);
	(void)memcpy(t->answer, t->text, len - 1);
	t->answer[len - 1] = '\0';
	t->n -= len;
	(void)memmove(t->text, t->text + len, t->n + 1);
	return t->answer;
}

/* The next answer is this, or begins so. */
static inline void
talk_expect(struct talk *t, const char *wanted)
{
	const char *answer = talk_answer(t);

	ck_assert_msg(strncmp(answer, wanted, strlen(wanted)) == 0,
	    "not '%s' but '%s'", wanted, answer);
}

static inline void
talk_ask(struct talk *t, const char *line, const char *wanted)
{
	talk_say(t, "%s\n", line);
	talk_expect(t, wanted);
}

/* The answer is a line of JSON, of printable ASCII. */
static inline json_t *
talk_json(struct talk *t)
{
	const char *answer = talk_answer(t), *at;
	json_error_t error;
	json_t *json;

	for (at = answer; *at >= ' ' && *at < 0x7f; at++)
		;
	ck_assert_msg(*at == '\n' && at[1] == '\0', "%s", answer);
	json = json_loads(answer, JSON_REJECT_DUPLICATES, &error);
	ck_assert_msg(json_is_object(json), "%s: %s", error.text, answer);
	ck_assert_msg(json_is_boolean(json_object_get(json, "ok")), "%s",
	    answer);
	return json;
}

static inline json_t *
talk_ask_json(struct talk *t, const char *line)
{
	talk_say(t, "json %s\n", line);
	return talk_json(t);
}

/* It is hung up, and nothing was said. */
static inline void
talk_is_over(struct talk *t)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();

	while (t->n == 0 && talk_read(t, deadline))
		;
	ck_assert_msg(t->n == 0, "%s", t->text);
	talk_close(t);
}

static inline bool
talk_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

#endif
