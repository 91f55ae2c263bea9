/*
 * clock.h - a clock that can be moved, for one source of a test program
 *
 *	clock_begin();		before the pool is there
 *	...
 *	jump(61);		61 s have passed, for all processes of the test
 *	UNTIL(...);		what is due now is done
 *
 * So a test needs no limit that is short, and none that a busy machine misses.
 * A sleeping loop does not notice a jump; those of the stage turn every 5 ms.
 */
#ifndef POOL_CLOCK_H
#define POOL_CLOCK_H

#include "help2.h"

static _Atomic int64_t *ahead_s;       /* of CLOCK_MONOTONIC; shared */
static volatile bool wall_clock_jumps; /* a day to and fro, at each look */

int clock_gettime(clockid_t id, struct timespec *now);

/* In the place of that of libc. */
int
clock_gettime(clockid_t id, struct timespec *now)
{
	static int days;
	long rc = syscall(SYS_clock_gettime, id, now);

	if (rc == 0 && id == CLOCK_MONOTONIC && ahead_s != NULL)
		now->tv_sec += (time_t)atomic_load(ahead_s);
	if (rc == 0 && id == CLOCK_REALTIME && wall_clock_jumps)
		now->tv_sec += (time_t)86400 * ((days += 3) % 7 - 3);
	return (int)rc;
}

static inline UNUSED void
clock_begin(void)
{
	void *page = mmap(NULL, sizeof(*ahead_s), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert(page != MAP_FAILED);
	ahead_s = page;
}

static inline UNUSED void
jump(int64_t s)
{
	(void)atomic_fetch_add(ahead_s, s);
}

#define MINUTE_MS   60000u /* a limit */
#define OVER_MINUTE 61     /* it has passed */

#endif
