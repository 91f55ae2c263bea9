/*
 * proc.c - processes as /proc shows them
 *
 * Nothing here is known to the process that is looked at. The list of children
 * is in the order in which they were forked, and has the zombies, too; while it
 * changes it may lack some, so what is seen in it counts only if it is whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench_pool.h"

#define TEXT 4096

int
bench_children_open(pid_t parent)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
	    (int)parent, (int)parent);
	fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* All of a file that gives a page at a time. */
static int
read_all(int fd, char *text, size_t size)
{
	size_t used = 0;
	ssize_t n;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	do {
		n = read(fd, text + used, size - 1 - used);
		if (n < 0)
			return -errno;
		used += (size_t)n;
	} while (n > 0);
	text[used] = '\0';

	return 0;
}

int
bench_children(int fd, pid_t *pids, int most)
{
	static char text[1 << 16];
	int rc = read_all(fd, text, sizeof(text)), n = 0;
	char *at = text, *end;
	long pid;

	if (rc < 0)
		return rc;
	for (; n < most; n++, at = end) {
		pid = strtol(at, &end, 10);
		if (end == at)
			break;
		pids[n] = (pid_t)pid;
	}

	return n;
}

static bool
read_path(const char *path, char text[TEXT])
{
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, TEXT - 1);
	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';

	return n > 0;
}

static bool
read_file(pid_t pid, const char *name, char text[TEXT])
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);

	return read_path(path, text);
}

/* The nth word of its stat, counted as proc(5) does, from the third, which
 * follows the name. */
static char *
stat_word(char text[TEXT], int nth)
{
	char *at = strrchr(text, ')');

	for (; at != NULL && nth > 2; nth--) {
		at = strchr(at, ' ');
		if (at != NULL)
			at++;
	}

	return at;
}

static uint64_t
stat_number(char text[TEXT], int nth)
{
	char *at = stat_word(text, nth);

	return at == NULL ? 0 : strtoull(at, NULL, 10);
}

/* Not by /proc: what was looked up there stays in the kernel's memory, and is for
 * the server to remove when it reaps that child. */
int
bench_hold(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

bool
bench_is_there(int held)
{
	return held >= 0 &&
	    (syscall(SYS_pidfd_send_signal, held, 0, NULL, 0) == 0 ||
		errno == EPERM);
}

pid_t
bench_parent(pid_t pid)
{
	char text[TEXT];

	return read_file(pid, "stat", text) ? (pid_t)stat_number(text, 4) : 0;
}

pid_t
bench_newest(void)
{
	char text[TEXT], *at;

	if (!read_path("/proc/loadavg", text))
		return 0;
	at = strrchr(text, ' ');

	return at == NULL ? 0 : (pid_t)strtol(at + 1, NULL, 10);
}

bool
bench_asleep(pid_t pid)
{
	char text[TEXT], *state;

	if (!read_file(pid, "stat", text))
		return false;
	state = stat_word(text, 3);

	return state != NULL && *state == 'S';
}

static bool
is_wait_for_clients(long nr)
{
	static const long calls[] = {
#ifdef SYS_accept
		SYS_accept,
#endif
		SYS_accept4,
#ifdef SYS_poll
		SYS_poll,
#endif
		SYS_ppoll,
#ifdef SYS_select
		SYS_select,
#endif
		SYS_pselect6,
#ifdef SYS_epoll_wait
		SYS_epoll_wait,
#endif
		SYS_epoll_pwait,
	};
	size_t i;

	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (calls[i] == nr)
			return true;
	}

	return false;
}

bool
bench_awaits_clients(pid_t pid)
{
	char text[TEXT], *end;
	long nr;

	if (!read_file(pid, "syscall", text))
		return false;
	nr = strtol(text, &end, 10); /* else it says that it runs */

	return end != text && is_wait_for_clients(nr);
}

int64_t
bench_cpu_ns(pid_t pid)
{
	struct timespec cpu = { 0 };
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) == 0)
		(void)clock_gettime(clock, &cpu);

	return (int64_t)cpu.tv_sec * 1000000000 + cpu.tv_nsec;
}

int64_t
bench_tree_ns(pid_t pid)
{
	const int64_t tick_ns = 1000000000 / sysconf(_SC_CLK_TCK);
	uint64_t ticks = 0;
	char text[TEXT];
	int nth;

	if (!read_file(pid, "stat", text))
		return 0;
	for (nth = 14; nth <= 17; nth++)
		ticks += stat_number(text, nth);

	return (int64_t)ticks * tick_ns;
}

static uint64_t
number_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at == NULL ? 0 : strtoull(at + strlen(key), NULL, 10);
}

uint64_t
bench_wakes(pid_t pid)
{
	char text[TEXT];

	return read_file(pid, "status", text)
	    ? number_after(text, "\nvoluntary_ctxt_switches:")
	    : 0;
}

bool
bench_memory_of(pid_t pid, struct bench_memory *ret_memory)
{
	char text[TEXT];

	if (!read_file(pid, "smaps_rollup", text))
		return false;
	ret_memory->pss_kib = number_after(text, "\nPss:");
	ret_memory->own_kib = number_after(text, "\nPrivate_Clean:") +
	    number_after(text, "\nPrivate_Dirty:");

	return ret_memory->pss_kib > 0;
}
