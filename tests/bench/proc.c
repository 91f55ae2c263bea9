/*
 * proc.c - threads and children of the watcher, as /proc shows them
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define TEXT 4096

static int
open_thread(pid_t pid, const char *tid)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%.20s/status",
	    (int)pid, tid);

	return open(path, O_RDONLY | O_CLOEXEC);
}

int
bench_threads_open(struct bench_threads *threads, pid_t pid)
{
	const int most = (int)(sizeof(threads->fds) / sizeof(threads->fds[0]));
	char path[64];
	struct dirent *entry;
	DIR *dir;
	int fd;

	threads->n = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		return -errno;
	while ((entry = readdir(dir)) != NULL && threads->n < most) {
		fd = isdigit((unsigned char)entry->d_name[0])
		    ? open_thread(pid, entry->d_name)
		    : -1;
		if (fd < 0)
			continue;
		threads->tids[threads->n] = (pid_t)atoi(entry->d_name);
		threads->fds[threads->n++] = fd;
	}
	(void)closedir(dir);

	return 0;
}

void
bench_threads_close(struct bench_threads *threads)
{
	while (threads->n > 0)
		(void)close(threads->fds[--threads->n]);
}

static bool
read_text(int fd, char text[TEXT])
{
	ssize_t n = pread(fd, text, TEXT - 1, 0);

	if (n <= 0)
		return false;
	text[n] = '\0';

	return true;
}

static uint64_t
number_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at == NULL ? 0 : strtoull(at + strlen(key), NULL, 10);
}

static char
state_in(const char *text)
{
	const char *at = strstr(text, "\nState:\t");

	return at == NULL ? '\0' : at[strlen("\nState:\t")];
}

bool
bench_threads_asleep(const struct bench_threads *threads,
    uint64_t *ret_voluntary, uint64_t *ret_all)
{
	uint64_t voluntary = 0, all = 0, n;
	char text[TEXT];
	bool asleep = true;
	int i;

	for (i = 0; i < threads->n; i++) {
		if (!read_text(threads->fds[i], text))
			continue;
		n = number_after(text, "\nvoluntary_ctxt_switches:");
		voluntary += n;
		all += n + number_after(text, "\nnonvoluntary_ctxt_switches:");
		asleep = asleep && state_in(text) == 'S';
	}
	*ret_voluntary = voluntary;
	*ret_all = all;

	return asleep;
}

char
bench_state_of(pid_t pid)
{
	char path[64], text[TEXT], *end;
	bool ok;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return '\0';
	ok = read_text(fd, text);
	(void)close(fd);
	end = ok ? strrchr(text, ')') : NULL;

	return end != NULL && end[1] == ' ' ? end[2] : '\0';
}
