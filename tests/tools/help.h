/*
 * help.h - sigchld-master is started, with a command or without, and watched
 *
 * What it says and what its command prints comes as lines, in one stream. The rest
 * is as for any master: master/help.h.
 */
#ifndef TESTS_TOOLS_HELP_H
#define TESTS_TOOLS_HELP_H

#include <stddef.h>
#include <sys/syscall.h>
#include <sys/un.h>

#define MASTER_SUBJECT SIGCHLD_MASTER_PROGRAM

#include "master/help.h"

#define SAYS "sigchld-master: "

/* What its process does before it executes; flags for clone(2). */
static void (*tool_prepare)(void);
static unsigned long tool_clone;

static inline void
tool_exec(const char *args, const char *command)
{
	char copy[512],
	    *argv[64] = { (char *)(uintptr_t)SIGCHLD_MASTER_PROGRAM };
	unsigned int n = 1;
	char *at;

	(void)snprintf(copy, sizeof(copy), "%s%s%s", args,
	    command == NULL ? "" : " -- ", command == NULL ? "" : command);
	for (at = strtok(copy, " "); at != NULL; at = strtok(NULL, " "))
		argv[n++] = at;
	argv[n] = NULL;
	execv(argv[0], argv);
	_exit(127);
}

/* The command's words are in a file; command NULL: none. */
static inline void
tool_begin(struct subject *s, const char *args, const char *command)
{
	int out[2];

	s->in = open("/dev/null", O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(s->in, 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	s->pid = tool_clone == 0
	    ? fork()
	    : (pid_t)syscall(SYS_clone, tool_clone | SIGCHLD, 0, 0, 0, 0);
	ck_assert_int_ge(s->pid, 0);
	if (s->pid == 0) {
		(void)dup2(s->in, 0);
		(void)dup2(out[1], 1);
		(void)dup2(out[1], 2);
		if (tool_prepare != NULL)
			tool_prepare();
		tool_exec(args, command);
	}
	ck_assert_int_eq(close(out[1]), 0);
	s->out = out[0];
}

static inline void
tool_make_words(struct subject *s, const char *words)
{
	memset(s, 0, sizeof(*s));
	(void)snprintf(s->words, sizeof(s->words), "/tmp/sigchld-tool-XXXXXX");
	ck_assert_int_eq(close(mkstemp(s->words)), 0);
	subject_words(s, words);
}

/* Any command. */
static inline void
tool_run(struct subject *s, const char *args, const char *command)
{
	tool_make_words(s, "");
	tool_begin(s, args, command);
}

/* The worker of ours, as it is or another file. */
static const char *tool_worker = TOOL_WORKER;

static inline void
tool_start(struct subject *s, const char *words, const char *args)
{
	char command[256];

	tool_make_words(s, words);
	(void)snprintf(command, sizeof(command), "%s %s last", tool_worker,
	    s->words);
	tool_begin(s, args, command);
}

/* It says this next. */
static inline const char *
tool_says(struct subject *s, const char *what)
{
	char start[160];

	(void)snprintf(start, sizeof(start), SAYS "%s", what);
	return subject_expect(s, start);
}

static inline unsigned int
tool_said(const struct subject *s, const char *what)
{
	char start[160];

	(void)snprintf(start, sizeof(start), SAYS "%s", what);
	return subject_count(s, start);
}

/* A file that is not there yet. */
static inline void
name_a_file(char *name, size_t size, const char *what)
{
	(void)snprintf(name, size, "/tmp/sigchld-%s-XXXXXX", what);
	ck_assert_int_eq(close(mkstemp(name)), 0);
	ck_assert_int_eq(unlink(name), 0);
}

/* Clients */

static inline int
connect_unix(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)strcpy(at.sun_path, path);
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

/* What the worker answers; its generation, or -1 if there was no answer. */
static inline int
ask(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char text[64];
	ssize_t n = -1;

	if (fd != -1 && poll(&pfd, 1, (int)harness_patience_ms()) == 1)
		n = read(fd, text, sizeof(text) - 1);
	if (fd != -1)
		(void)close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	return number_of(text, "gen=");
}

#endif
