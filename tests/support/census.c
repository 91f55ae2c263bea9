/*
 * census.c - what a process holds: its descriptors and its children
 *
 * Both are read from /proc. Children are found by looking at the parent of every
 * process, which also shows those that are dead and not yet reaped, and does
 * not depend on CONFIG_PROC_CHILDREN.
 */
#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "census.h"
#include "harness.h"

/* The next entry of dir whose name is a number, or -1. */
static int
next_number(DIR *dir)
{
	struct dirent *entry;

	while ((entry = readdir(dir)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]))
			return atoi(entry->d_name);

	return -1;
}

static DIR *
open_dir(const char *path)
{
	DIR *dir = opendir(path);

	ck_assert_msg(dir != NULL, "%s: cannot be read", path);

	return dir;
}

/* The parent of a process, or -1 if it is gone meanwhile. The name before the
 * state is the program's own choice and may hold blanks and parentheses. */
static int
parent_of(int pid, char *ret_state)
{
	char path[64], line[512];
	const char *end = NULL;
	int parent = -1;
	FILE *stat;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stat = fopen(path, "re");
	if (stat == NULL)
		return -1;
	if (fgets(line, sizeof(line), stat) != NULL)
		end = strrchr(line, ')');
	if (end == NULL || sscanf(end, ") %c %d", ret_state, &parent) != 2)
		parent = -1;
	(void)fclose(stat);

	return parent;
}

/* Call fn for each child of this process; gives how many there are. */
static int
each_child(void (*fn)(int pid, char state, void *user), void *user)
{
	DIR *dir = open_dir("/proc");
	int self = (int)getpid(), n = 0, pid;
	char state;

	while ((pid = next_number(dir)) != -1) {
		if (parent_of(pid, &state) != self)
			continue;
		n++;
		if (fn != NULL)
			fn(pid, state, user);
	}
	(void)closedir(dir);

	return n;
}

/* Likewise for each descriptor, without the one that reads the directory. */
static int
each_fd(void (*fn)(int fd, void *user), void *user)
{
	DIR *dir = open_dir("/proc/self/fd");
	int n = 0, fd;

	while ((fd = next_number(dir)) != -1) {
		if (fd == dirfd(dir))
			continue;
		n++;
		if (fn != NULL)
			fn(fd, user);
	}
	(void)closedir(dir);

	return n;
}

int
harness_count_fds(void)
{
	return each_fd(NULL, NULL);
}

int
harness_count_children(void)
{
	return each_child(NULL, NULL);
}

static void
note_fd(int fd, void *user)
{
	struct census *census = user;

	if (fd < CENSUS_MAX)
		census->open[fd] = true;
}

void
census_take(struct census *census)
{
	memset(census, 0, sizeof(*census));
	census->n_fds = each_fd(note_fd, census);
	census->n_children = harness_count_children();
}

struct text {
	char *at;
	size_t left;
};

static void __attribute__((format(printf, 2, 3)))
say(struct text *text, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text->at, text->left, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= text->left)
		n = (int)text->left - 1; /* cut short */
	text->at += n;
	text->left -= (size_t)n;
}

static void
say_fd(struct text *text, int fd, bool opened)
{
	char path[64], target[PATH_MAX] = "";

	if (!opened) {
		say(text, "; %d was closed", fd);
		return;
	}
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, target, sizeof(target) - 1) < 0)
		target[0] = '\0';
	say(text, "; %d (%s) is left open", fd, target);
}

static void
say_child(int pid, char state, void *user)
{
	struct text *text = user;

	if (state == 'Z')
		say(text, "; %d is a zombie", pid);
	else
		say(text, "; %d is alive (%c)", pid, state);
}

bool
census_differs(const struct census *before, const struct census *after,
    char *buffer, size_t size)
{
	struct text text = { .at = buffer, .left = size };
	bool differs;
	int fd;

	buffer[0] = '\0';
	differs = before->n_fds != after->n_fds ||
	    memcmp(before->open, after->open, sizeof(before->open)) != 0;
	if (differs)
		say(&text, "%d descriptors before, %d after", before->n_fds,
		    after->n_fds);
	for (fd = 0; fd < CENSUS_MAX; fd++)
		if (before->open[fd] != after->open[fd])
			say_fd(&text, fd, after->open[fd]);
	if (before->n_children != after->n_children) {
		say(&text, "%s%d children before, %d after",
		    differs ? "; " : "", before->n_children, after->n_children);
		(void)each_child(say_child, &text);
		differs = true;
	}

	return differs;
}
