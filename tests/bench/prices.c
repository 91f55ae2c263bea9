/*
 * prices.c - what the kernel wants for each part of a death
 *
 * Prints rows of a table: the CPU time, in microseconds, of each system call that
 * a death may cost; median, least and greatest of many rounds. One process does
 * it all, on one thread, for a thousand children that are dead already: so a
 * price is the warm one, with nothing to wait for.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILDREN 1000
#define ROUNDS   31
#define ROW      50 /* closed by one call; divides CHILDREN */

#ifndef SYS_close_range
#	define SYS_close_range 436
#endif

enum price {
	NOTHING,
	OPEN,
	ADD,
	HARVEST,
	PEEK,
	REAP,
	CLOSE,
	CLOSE_ROWS,
	CLOSE_UNPOLLED,
	REAP_BARE,
	PRICES
};

static const char *const names[PRICES] = {
	[NOTHING] = "a system call that does nothing (getppid)",
	[OPEN] = "pidfd_open",
	[ADD] = "epoll_ctl: into the set",
	[HARVEST] = "epoll_wait: 64 at a time, each",
	[PEEK] = "waitid with WNOWAIT: the status, the zombie stays",
	[REAP] = "waitid: reap",
	[CLOSE] = "close of a pidfd that is in the set",
	[CLOSE_ROWS] = "the same, 50 in a row by close_range, each",
	[CLOSE_UNPOLLED] = "close of a pidfd that is in no set",
	[REAP_BARE] = "waitid by pid: reap a child that has no pidfd",
};

static double price[PRICES][ROUNDS];
static pid_t pids[CHILDREN];
static int fds[CHILDREN];
static int polls;

static void
check(long rc, const char *what)
{
	if (rc >= 0)
		return;
	(void)fprintf(stderr, "prices: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double
cpu_us(void)
{
	struct timespec now;

	check(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now), "clock_gettime");

	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static long
ask(idtype_t type, int id, int options)
{
	siginfo_t info;

	return waitid(type, (id_t)id, &info, WEXITED | options);
}

static void
make_zombies(void)
{
	int i;

	for (i = 0; i < CHILDREN; i++) {
		pids[i] = vfork();
		if (pids[i] == 0)
			_exit(0);
		check(pids[i], "vfork");
	}
	for (i = 0; i < CHILDREN; i++)
		check(ask(P_PID, pids[i], WNOWAIT), "waitid");
}

static long
one(enum price what, int i)
{
	struct epoll_event event = { .events = EPOLLIN }, events[64];

	switch (what) {
	case NOTHING:
		return syscall(SYS_getppid);
	case OPEN:
		fds[i] = (int)syscall(SYS_pidfd_open, pids[i], 0);
		return fds[i];
	case ADD:
		return epoll_ctl(polls, EPOLL_CTL_ADD, fds[i], &event);
	case HARVEST:
		return i % 64 == 0 ? epoll_wait(polls, events, 64, 0) : 0;
	case PEEK:
		return ask(P_PIDFD, fds[i], WNOWAIT);
	case REAP:
		return ask(P_PIDFD, fds[i], 0);
	case REAP_BARE:
		return ask(P_PID, pids[i], 0);
	case CLOSE_ROWS:
		return i % ROW == 0
		    ? syscall(SYS_close_range, fds[i], fds[i + ROW - 1], 0)
		    : 0;
	default:
		return close(fds[i]);
	}
}

static void
measure(enum price what, int round)
{
	double began = cpu_us();
	int i;

	for (i = 0; i < CHILDREN; i++)
		check(one(what, i), names[what]);
	price[what][round] = (cpu_us() - began) / CHILDREN;
}

/* A pidfd's life; the set is new, so that nothing is left of the last one. */
static void
live(int round, enum price closing)
{
	make_zombies();
	polls = epoll_create1(EPOLL_CLOEXEC);
	check(polls, "epoll_create1");
	measure(OPEN, round);
	if (closing != CLOSE_UNPOLLED) {
		measure(ADD, round);
		measure(HARVEST, round);
	}
	measure(PEEK, round);
	measure(REAP, round);
	measure(closing, round);
	check(close(polls), "close");
}

static int
by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int
main(void)
{
	struct rlimit limit = { CHILDREN + 64, CHILDREN + 64 };
	int round, i;

	check(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
	for (round = 0; round < ROUNDS; round++) {
		measure(NOTHING, round);
		live(round, CLOSE_UNPOLLED);
		live(round, CLOSE_ROWS);
		live(round, CLOSE);
		make_zombies();
		measure(REAP_BARE, round);
	}
	for (i = 0; i < PRICES; i++) {
		qsort(price[i], ROUNDS, sizeof(price[i][0]), by_value);
		(void)printf("| %s | %.2f (%.2f–%.2f) |\n", names[i],
		    price[i][ROUNDS / 2], price[i][0], price[i][ROUNDS - 1]);
	}

	return 0;
}
