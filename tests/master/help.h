/*
 * help.h - a subject is started, watched, ordered about, and waited for
 *
 * What the subject and its workers write comes as lines. A test waits for the line
 * that it names; those before it are passed over, but counted.
 */
#ifndef TESTS_MASTER_HELP_H
#define TESTS_MASTER_HELP_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sigchld/master.h>

#include "harness.h"

#define LINES 16384 /* that a test may read */

struct subject {
	pid_t pid;
	int in, out;
	char words[64]; /* the file of what it does wrong */
	char text[65536];
	size_t n; /* bytes of text that are no line yet */
	char *lines[LINES];
	unsigned int n_lines, next; /* read; and looked at */
};

static inline void
subject_words(struct subject *s, const char *words)
{
	FILE *file = fopen(s->words, "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(words, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

/* Another copy of it; what its process does first; if not NULL. */
static const char *subject_file;
static void (*subject_prepare)(void);

/* The arguments as one text, parted by spaces. */
static inline _Noreturn void
subject_exec(struct subject *s, const char *args, bool with_words)
{
	const char *file = subject_file != NULL ? subject_file : MASTER_SUBJECT;
	char copy[256], *argv[32] = { (char *)(uintptr_t)file }, *at;
	unsigned int n = 1;

	if (with_words) {
		argv[n++] = (char *)(uintptr_t) "-c";
		argv[n++] = s->words;
	}
	(void)snprintf(copy, sizeof(copy), "%s", args);
	for (at = strtok(copy, " "); at != NULL; at = strtok(NULL, " "))
		argv[n++] = at;
	argv[n] = NULL;
	execv(argv[0], argv);
	_exit(127);
}

/* A process becomes the subject as this says, which does not return. */
static inline void
subject_fork(struct subject *s, const char *words,
    void (*become)(struct subject *s, void *user), void *user)
{
	int in[2], out[2];

	memset(s, 0, sizeof(*s));
	(void)snprintf(s->words, sizeof(s->words),
	    "/tmp/sigchld-master-XXXXXX");
	ck_assert_int_eq(close(mkstemp(s->words)), 0);
	subject_words(s, words);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			     in),
	    0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	s->pid = fork();
	ck_assert_int_ge(s->pid, 0);
	if (s->pid == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		become(s, user);
	}
	ck_assert_int_eq(close(in[0]), 0);
	ck_assert_int_eq(close(out[1]), 0);
	s->in = in[1];
	s->out = out[0];
}

static inline void
subject_become(struct subject *s, void *user)
{
	if (subject_prepare != NULL)
		subject_prepare();
	subject_exec(s, user, true);
}

static inline void
subject_start(struct subject *s, const char *words, const char *args)
{
	subject_fork(s, words, subject_become, (void *)(uintptr_t)args);
}

static inline void
subject_split(struct subject *s)
{
	char *end;

	while ((end = memchr(s->text, '\n', s->n)) != NULL) {
		*end++ = '\0';
		ck_assert_uint_lt(s->n_lines, LINES);
		s->lines[s->n_lines++] = strdup(s->text);
		s->n -= (size_t)(end - s->text);
		memmove(s->text, end, s->n);
	}
}

static inline void
subject_show(const struct subject *s)
{
	unsigned int i = s->n_lines > 60 ? s->n_lines - 60 : 0;

	for (; i < s->n_lines; i++)
		(void)fprintf(stderr, "| %s\n", s->lines[i]);
}

/* One more line, or false at the end of all. */
static inline bool
subject_read(struct subject *s, int64_t deadline, const char *what)
{
	struct pollfd pfd = { .fd = s->out, .events = POLLIN };
	unsigned int before = s->n_lines;
	int64_t left;
	ssize_t n;

	while (s->n_lines == before) {
		left = deadline - harness_now_ms();
		if (left <= 0 || poll(&pfd, 1, (int)left) == 0) {
			subject_show(s);
			ck_abort_msg("in vain: %s", what);
		}
		n = read(s->out, s->text + s->n, sizeof(s->text) - s->n);
		ck_assert_int_ge((int)n, 0);
		if (n == 0)
			return false;
		s->n += (size_t)n;
		subject_split(s);
	}
	return true;
}

/* The next line that begins with this; its end is given. */
static inline const char *
subject_expect(struct subject *s, const char *start)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	const char *line;

	for (;;) {
		while (s->next < s->n_lines) {
			line = s->lines[s->next++];
			if (strncmp(line, start, strlen(start)) == 0)
				return line + strlen(start);
		}
		if (!subject_read(s, deadline, start)) {
			subject_show(s);
			ck_abort_msg("it ended without: %s", start);
		}
	}
}

/* The next n of them. */
static inline void
subject_expect_n(struct subject *s, const char *start, unsigned int n)
{
	for (; n > 0; n--)
		(void)subject_expect(s, start);
}

/* It is started, and ready. */
static inline void
subject_serve(struct subject *s, const char *words, const char *args)
{
	subject_start(s, words, args);
	(void)subject_expect(s, "READY");
}

/* So many of the lines so far begin so. */
static inline unsigned int
subject_count(const struct subject *s, const char *start)
{
	unsigned int i, n = 0;

	for (i = 0; i < s->n_lines; i++)
		n += strncmp(s->lines[i], start, strlen(start)) == 0;
	return n;
}

/* As many of them as this, whenever they came. */
static inline void
subject_await(struct subject *s, const char *start, unsigned int n)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();

	while (subject_count(s, start) < n) {
		if (!subject_read(s, deadline, start))
			ck_abort_msg("it ended without: %s", start);
	}
	ck_assert_uint_eq(subject_count(s, start), n);
}

/* As ps shows it: T is stopped. */
static inline void
await_state(pid_t pid, char wanted)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	char name[64], state = '?';
	FILE *file;

	(void)snprintf(name, sizeof(name), "/proc/%d/stat", (int)pid);
	while (state != wanted) {
		ck_assert_int_lt(harness_now_ms(), deadline);
		file = fopen(name, "r");
		ck_assert_ptr_nonnull(file);
		ck_assert_int_eq(fscanf(file, "%*d (%*[^)]) %c", &state), 1);
		(void)fclose(file);
	}
}

/* SIGSTOP takes its time, and TERM would overtake it. */
static inline void
stop_process(pid_t pid)
{
	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	await_state(pid, 'T');
}

static inline int
number_of(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	ck_assert_msg(at != NULL, "no %s in: %s", key, line);
	return atoi(at + strlen(key));
}

static inline void
subject_signal(const struct subject *s, int sig)
{
	ck_assert_int_eq(kill(s->pid, sig), 0);
}

static inline void
subject_order(struct subject *s, const char *format, ...)
{
	char text[128];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	ck_assert_int_eq((int)write(s->in, text, (size_t)n), n);
}

/* Give an order, and what it gave. */
static inline int
subject_obey(struct subject *s, const char *order)
{
	char wanted[160];

	subject_order(s, "%s", order);
	(void)snprintf(wanted, sizeof(wanted), "obeyed %s rc=", order);
	return atoi(subject_expect(s, wanted));
}

static inline void
subject_reload(struct subject *s)
{
	subject_signal(s, SIGUSR2);
	(void)subject_expect(s, "RELOADED");
}

static inline int
subject_stat(struct subject *s, const char *key)
{
	subject_order(s, "stats");
	return number_of(subject_expect(s, "stats "), key);
}

/* The last one of whom this was said so far. */
static inline int
subject_last(const struct subject *s, const char *wanted)
{
	unsigned int i = s->n_lines;

	while (i-- > 0) {
		if (strncmp(s->lines[i], wanted, strlen(wanted)) == 0)
			return number_of(s->lines[i], "pid=");
	}
	ck_abort_msg("there is none: %s", wanted);
}

/* Who works in this slot; of any generation, and of this one. */
static inline int
subject_worker(const struct subject *s, unsigned int slot)
{
	char wanted[48];

	(void)snprintf(wanted, sizeof(wanted), "work slot=%u ", slot);
	return subject_last(s, wanted);
}

static inline int
subject_worker_of(const struct subject *s, unsigned int slot,
    unsigned int generation)
{
	char wanted[48];

	(void)snprintf(wanted, sizeof(wanted), "work slot=%u gen=%u ", slot,
	    generation);
	return subject_last(s, wanted);
}

#define HOUR 3600000 /* more than any machine is late */

/* So much time passes at once, and what is due is done. */
static inline void
subject_pass(struct subject *s, int ms)
{
	subject_order(s, "pass %d", ms);
	(void)subject_expect(s, "obeyed pass ");
}

/* It has ended, and everybody who could write: their status as from the shell. */
static inline int
subject_wait(struct subject *s)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	int wstatus;

	while (subject_read(s, deadline, "its end"))
		;
	ck_assert_int_eq(waitpid(s->pid, &wstatus, 0), s->pid);
	ck_assert_int_eq(close(s->in), 0);
	ck_assert_int_eq(close(s->out), 0);
	ck_assert_int_eq(unlink(s->words), 0);
	return WIFEXITED(wstatus) ? WEXITSTATUS(wstatus)
				  : 128 + WTERMSIG(wstatus);
}

static inline void
subject_free(struct subject *s)
{
	unsigned int i;

	for (i = 0; i < s->n_lines; i++)
		free(s->lines[i]);
	s->n_lines = s->next = 0;
}

/* It ends with this status, and as it was told to. */
static inline void
subject_ends(struct subject *s, int status)
{
	int got = subject_wait(s);

	if (got != status)
		subject_show(s);
	ck_assert_int_eq(got, status);
	subject_free(s);
}

static inline void
subject_stop(struct subject *s)
{
	subject_signal(s, SIGTERM);
	subject_ends(s, 0);
}

/* How many there are in a folder of /proc. */
static inline int
count_in(pid_t pid, const char *what)
{
	char name[64];
	struct dirent *entry;
	int n = 0;
	DIR *dir;

	(void)snprintf(name, sizeof(name), "/proc/%d/%s", (int)pid, what);
	dir = opendir(name);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	(void)closedir(dir);
	return n;
}

static inline int
count_children(pid_t pid)
{
	char name[64];
	int n = 0, child;
	FILE *file;

	(void)snprintf(name, sizeof(name), "/proc/%d/task/%d/children",
	    (int)pid, (int)pid);
	file = fopen(name, "r");
	ck_assert_ptr_nonnull(file);
	while (fscanf(file, "%d", &child) == 1)
		n++;
	(void)fclose(file);
	return n;
}

/* It has so many children, zombies too. */
static inline void
await_children(pid_t pid, int n)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();

	while (count_children(pid) != n) {
		ck_assert_int_lt(harness_now_ms(), deadline);
		(void)sched_yield();
	}
}

/* Has it so many children and descriptors (-1: any number)? If not, it has
 * dispatched since: the end of a child is its reaping, and then its descriptors
 * are closed, one dispatch later perhaps. */
static inline bool
subject_settles(struct subject *s, int children, int fds, int64_t deadline)
{
	int n = count_children(s->pid), n_fds = count_in(s->pid, "fd");

	if (n == children && (fds == -1 || n_fds == fds))
		return true;
	ck_assert_msg(harness_now_ms() < deadline,
	    "%d children, %d descriptors; not %d, %d", n, n_fds, children, fds);
	(void)subject_obey(s, "role");
	return false;
}

static inline void
subject_settle_fds(struct subject *s, int children, int fds)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();

	while (!subject_settles(s, children, fds, deadline))
		;
}

static inline void
subject_settle(struct subject *s, int children)
{
	subject_settle_fds(s, children, -1);
}

#endif
