/*
 * help.h - what the tests of spawn/ share
 *
 * Most start a program that tells its state (show.c), once by each engine.
 */
#ifndef SPAWN_HELP_H
#define SPAWN_HELP_H

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/help.h"
#include "spawn/engine.h"

#define EACH_ENGINE(engine) \
	for (enum sigchld__engine engine = SIGCHLD__ENGINE_ANY; \
	     (sigchld__engine_force(engine), engine <= SIGCHLD__ENGINE_FORK); \
	     engine++)

/* Where the child of show() writes. */
#define SHOWN_FD 99

struct shown {
	char text[65536];
	pid_t pid;
	int wstatus;
};

struct ended {
	int count;
	struct sigchld_event event;
};

static inline UNUSED void
on_end(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct ended *ended = user;

	(void)child;
	ended->count++;
	ended->event = *event;
}

/* Wait for the end of a program that exits with code. */
static inline UNUSED void
await_end(struct sigchld_ctx *ctx, const struct ended *ended, pid_t pid,
    int code)
{
	harness_wait_for(ctx, &ended->count, 1);
	ck_assert_int_eq(ended->event.pid, pid);
	ck_assert_int_eq(ended->event.what, SIGCHLD_EXITED);
	ck_assert_int_eq(ended->event.source, SIGCHLD_SOURCE_WAIT);
	ck_assert_int_eq(WEXITSTATUS(ended->event.wstatus), code);
}

/* The options with the map that they have and a place to write to. */
static inline UNUSED pid_t
spawn_show(struct sigchld_ctx *ctx, const struct sigchld_spawn_options *options,
    int to, struct ended *ended)
{
	struct sigchld_spawn_options o = *options;
	struct sigchld_fdmap *map;
	char out[16];
	char program[] = SHOW;
	char *argv[] = { program, out, NULL };
	pid_t pid;

	(void)snprintf(out, sizeof(out), "%d", SHOWN_FD);
	map = calloc(o.nfdmap + 1, sizeof(*map));
	if (o.nfdmap > 0)
		memcpy(map, o.fdmap, o.nfdmap * sizeof(*map));
	map[o.nfdmap++] = (struct sigchld_fdmap){ to, SHOWN_FD };
	o.fdmap = map;
	if (o.argv == NULL)
		o.argv = argv;
	pid = sigchld_spawn(ctx, NULL, &o, on_end, ended);
	free(map);
	return pid;
}

/* What a program started so tells of itself. */
static inline UNUSED const struct shown *
show(const struct sigchld_spawn_options *options)
{
	static struct shown shown;
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct ended ended = { .count = 0 };
	int file = memfd_create("shown", MFD_CLOEXEC);
	ssize_t n;

	ck_assert_int_ge(file, 0);
	shown.pid = spawn_show(ctx, options, file, &ended);
	ck_assert_msg(shown.pid > 0, "sigchld_spawn gave %s",
	    strerror(-shown.pid));
	await_end(ctx, &ended, shown.pid, 0);
	n = pread(file, shown.text, sizeof(shown.text) - 1, 0);
	ck_assert_int_gt(n, 0);
	shown.text[n] = '\0';
	shown.wstatus = ended.event.wstatus;
	(void)close(file);
	sigchld_free(ctx);
	return &shown;
}

/* How many lines begin so. */
static inline UNUSED int
lines(const struct shown *shown, const char *start)
{
	const char *line = shown->text;
	int n = 0;

	for (; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
		line += *line == '\n';
		n += strncmp(line, start, strlen(start)) == 0;
	}
	return n;
}

static inline UNUSED bool
has_line(const struct shown *shown, const char *line)
{
	char with_end[4200];

	(void)snprintf(with_end, sizeof(with_end), "%s\n", line);
	return lines(shown, with_end) == 1;
}

#define MUST_SHOW(shown, ...) \
	do { \
		char must_line[4100]; \
		(void)snprintf(must_line, sizeof(must_line), __VA_ARGS__); \
		ck_assert_msg(has_line(shown, must_line), "no '%s' in:\n%s", \
		    must_line, (shown)->text); \
	} while (0)

/* The line that show has for a descriptor like this one of ours. */
static inline UNUSED void
must_have(const struct shown *shown, int theirs, int ours)
{
	struct stat st;

	ck_assert_int_eq(fstat(ours, &st), 0);
	MUST_SHOW(shown, "fd %d %lu:%lu %lu", theirs, (unsigned long)st.st_dev,
	    (unsigned long)st.st_ino, (unsigned long)st.st_rdev);
}

static inline UNUSED void
must_have_null(const struct shown *shown, int theirs)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	must_have(shown, theirs, null);
	(void)close(null);
}

/* A file that nobody else has, so that it can be told from others. */
static inline UNUSED int
new_file(void)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static inline UNUSED bool
is_portable(void)
{
#ifdef SIGCHLD_PORTABLE
	return true;
#else
	return false;
#endif
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#	define IS_SANITIZED true
#elif defined(__has_feature)
#	if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#		define IS_SANITIZED true
#	endif
#endif
#ifndef IS_SANITIZED
#	define IS_SANITIZED false
#endif

/* Is there no engine but fork(2)? */
static inline UNUSED bool
forks_only(void)
{
	return is_portable() || IS_SANITIZED;
}

/* Nothing is left of a spawn that failed: descriptors are counted by those who
 * can; here: no child, and no signal. */
static inline UNUSED void
must_be_childless(void)
{
	ck_assert_int_eq(harness_count_children(), 0);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

#endif
