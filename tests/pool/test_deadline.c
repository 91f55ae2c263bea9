/*
 * test_deadline.c - P25, as often as it says; test_timeouts.c has fewer tries
 *
 * labels: stress
 * timeout: 300
 * wake: auto
 */
#include "deadline.h"

/* The tries are real time, of which a sanitizer takes many times as much; and one
 * of the builds has them all. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || \
    defined(__clang__) || defined(SIGCHLD_PORTABLE)
#	define TRIES 1000
#else
#	define TRIES 10000
#endif

START_TEST(p25_thousands_of_deadlines)
{
	run_deadlines(TRIES);
}
END_TEST

HARNESS("deadline",
    {
	HARNESS_TEST(p25_thousands_of_deadlines),
    })
