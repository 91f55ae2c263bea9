/*
 * clock.h - milliseconds of the clock that nobody sets
 */
#ifndef TOOLSTACK_CLOCK_H
#define TOOLSTACK_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t
clock_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* How long until then, as poll(2) and sigchld_wait like it; then 0 is never. */
static inline int
clock_until(int64_t then)
{
	int64_t left = then - clock_ms();

	if (then == 0)
		return -1;
	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

#endif
