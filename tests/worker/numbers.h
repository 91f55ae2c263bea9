/* numbers.h - what holds for very many numbers, each time the same ones */
#ifndef TESTS_WORKER_NUMBERS_H
#define TESTS_WORKER_NUMBERS_H

#include <inttypes.h>

#include "harness.h"

/* ck_assert writes down where it was, each time: too slow for millions. */
#define HOLDS(x, at) \
	do { \
		if (!(x)) \
			ck_abort_msg("at %" PRIu64 ": %s", (uint64_t)(at), \
			    #x); \
	} while (0)

static inline uint64_t
random_64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#endif
