/*
 * common.c - time, CPUs, and the page that our server shares
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "bench_pool.h"

int64_t
bench_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);

	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void
bench_nap_until(int64_t when_ns)
{
	const struct timespec when = {
		.tv_sec = when_ns / 1000000000,
		.tv_nsec = when_ns % 1000000000,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) ==
	    EINTR)
		continue;
}

/* As they were when we were started: pinning does not make them fewer. */
static const cpu_set_t *
allowed(void)
{
	static cpu_set_t set;

	if (CPU_COUNT(&set) == 0 && sched_getaffinity(0, sizeof(set), &set) < 0)
		CPU_SET(0, &set);

	return &set;
}

int
bench_cpus(void)
{
	return CPU_COUNT(allowed());
}

void
bench_pin(unsigned int nth)
{
	const cpu_set_t *set = allowed();
	unsigned int cpu, met = 0;
	cpu_set_t one;

	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, set) || met++ < nth)
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		(void)sched_setaffinity(0, sizeof(one), &one);
		return;
	}
}

void
bench_void(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)printf("void ");
	(void)vprintf(format, args);
	(void)printf("\n");
	va_end(args);
	exit(1);
}

static int
by_time(const void *left, const void *right)
{
	const int64_t *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

void
bench_sort(int64_t *times, size_t n)
{
	qsort(times, n, sizeof(*times), by_time);
}

struct bench_page *
bench_page_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *page;

	if (fd < 0 || ftruncate(fd, sizeof(struct bench_page)) < 0)
		bench_void("%s: %s", path, strerror(errno));
	page = mmap(NULL, sizeof(struct bench_page), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);
	(void)close(fd);
	if (page == MAP_FAILED)
		bench_void("%s: %s", path, strerror(errno));

	return page;
}

void
bench_allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}
