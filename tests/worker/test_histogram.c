/*
 * test_histogram.c - how long things took, in few numbers
 *
 * Quantiles are compared with the same times in a sorted array. Times and seeds
 * are fixed, so each run is like any other.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "numbers.h"
#include "worker/histogram.h"

#define BUCKETS    SIGCHLD__HISTOGRAM_BUCKETS
#define LAST_FLOOR (UINT64_C(15) << 29)
#define MANY       5000

static struct sigchld__histogram histogram;

/* Each power of two is as likely. */
static uint64_t
random_us(uint64_t *state, unsigned int most_bits)
{
	uint64_t us = random_64(state);

	return us >> (64 - most_bits + random_64(state) % most_bits);
}

static uint64_t
counted(const struct sigchld__histogram *h)
{
	uint64_t n = 0;
	unsigned int i;

	for (i = 0; i < BUCKETS; i++)
		n += h->buckets[i];
	return n;
}

/* Buckets */

START_TEST(a_floor_is_in_its_own_bucket)
{
	unsigned int i;

	for (i = 0; i < BUCKETS; i++) {
		uint64_t low = sigchld__histogram_floor(i);

		ck_assert_uint_eq(sigchld__histogram_bucket(low), i);
		if (i > 0)
			ck_assert_uint_eq(sigchld__histogram_bucket(low - 1),
			    i - 1);
	}
}
END_TEST

START_TEST(no_bucket_is_wider_than_an_eighth)
{
	unsigned int i;

	ck_assert_uint_eq(sigchld__histogram_floor(0), 0);
	for (i = 0; i + 1 < BUCKETS; i++) {
		uint64_t low = sigchld__histogram_floor(i);
		uint64_t next = sigchld__histogram_floor(i + 1);

		ck_assert_uint_gt(next, low);
		if (next - low > 1)
			ck_assert_uint_le((next - low) * 8, low);
	}
	ck_assert_uint_eq(sigchld__histogram_floor(BUCKETS - 1), LAST_FLOOR);
}
END_TEST

START_TEST(past_the_last_bucket_is_nothing)
{
	ck_assert_uint_eq(sigchld__histogram_floor(BUCKETS), UINT64_MAX);
	ck_assert_uint_eq(sigchld__histogram_floor(BUCKETS + 1), UINT64_MAX);
	ck_assert_uint_eq(sigchld__histogram_floor(1000), UINT64_MAX);
	ck_assert_uint_eq(sigchld__histogram_floor(UINT_MAX), UINT64_MAX);
}
END_TEST

static void
check_bucket(uint64_t us)
{
	unsigned int bucket = sigchld__histogram_bucket(us);

	HOLDS(bucket < BUCKETS, us);
	HOLDS(sigchld__histogram_floor(bucket) <= us, us);
	HOLDS(bucket == BUCKETS - 1 ||
		us < sigchld__histogram_floor(bucket + 1),
	    us);
}

START_TEST(every_time_is_between_two_floors)
{
	uint64_t state = 1, us;
	int i;

	for (us = 0; us < 1 << 20; us++)
		check_bucket(us);
	for (i = 0; i < 1000000; i++)
		check_bucket(random_us(&state, 64));
}
END_TEST

START_TEST(a_longer_time_is_in_no_earlier_bucket)
{
	uint64_t state = 2, us;
	int i;

	for (us = 1; us < 1 << 20; us++) {
		unsigned int before = sigchld__histogram_bucket(us - 1);
		unsigned int bucket = sigchld__histogram_bucket(us);

		HOLDS(bucket == before || bucket == before + 1, us);
	}
	for (i = 0; i < 1000000; i++) {
		uint64_t a = random_us(&state, 64), b = random_us(&state, 64);

		HOLDS((a <= b) ||
			sigchld__histogram_bucket(a) >=
			    sigchld__histogram_bucket(b),
		    a);
	}
}
END_TEST

START_TEST(the_edges_of_the_buckets)
{
	static const struct {
		uint64_t us;
		unsigned int bucket;
	} edges[] = {
		{ 0, 0 },
		{ 1, 1 },
		{ 7, 7 },
		{ 8, 8 },
		{ 15, 15 },
		{ 16, 16 },
		{ 17, 16 },
		{ 18, 17 },
		{ 31, 23 },
		{ 32, 24 },
		{ 35, 24 },
		{ 36, 25 },
		{ LAST_FLOOR - 1, BUCKETS - 2 },
		{ LAST_FLOOR, BUCKETS - 1 },
		{ (UINT64_C(1) << 33) - 1, BUCKETS - 1 },
		{ UINT64_C(1) << 33, BUCKETS - 1 },
		{ UINT64_C(1) << 63, BUCKETS - 1 },
		{ UINT64_MAX, BUCKETS - 1 },
	};
	size_t i;

	for (i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		ck_assert_uint_eq(sigchld__histogram_bucket(edges[i].us),
		    edges[i].bucket);
}
END_TEST

/* What is counted */

START_TEST(what_is_added_is_counted)
{
	uint64_t state = 3, sum = 0, least = UINT64_MAX, most = 0;
	static uint64_t buckets[BUCKETS];
	int i;

	for (i = 1; i <= MANY; i++) {
		uint64_t us = 1 + random_us(&state, 40);

		sum += us;
		least = us < least ? us : least;
		most = us > most ? us : most;
		buckets[sigchld__histogram_bucket(us)]++;
		sigchld__histogram_add(&histogram, us);
		HOLDS(histogram.count == (uint64_t)i, i);
		HOLDS(histogram.sum == sum, i);
		HOLDS(histogram.least == least, i);
		HOLDS(histogram.most == most, i);
	}
	ck_assert_mem_eq(histogram.buckets, buckets, sizeof(buckets));
}
END_TEST

START_TEST(zero_is_a_time_too)
{
	sigchld__histogram_add(&histogram, 7);
	sigchld__histogram_add(&histogram, 0);
	sigchld__histogram_add(&histogram, 9);
	ck_assert_uint_eq(histogram.count, 3);
	ck_assert_uint_eq(histogram.least, 0);
	ck_assert_uint_eq(histogram.most, 9);
	ck_assert_uint_eq(histogram.buckets[0], 1);
}
END_TEST

START_TEST(the_sum_stays_at_its_end)
{
	sigchld__histogram_add(&histogram, UINT64_MAX - 5);
	sigchld__histogram_add(&histogram, 4);
	ck_assert_uint_eq(histogram.sum, UINT64_MAX - 1);
	sigchld__histogram_add(&histogram, 1);
	ck_assert_uint_eq(histogram.sum, UINT64_MAX);
	sigchld__histogram_add(&histogram, 1);
	ck_assert_uint_eq(histogram.sum, UINT64_MAX);
	sigchld__histogram_add(&histogram, UINT64_MAX);
	ck_assert_uint_eq(histogram.sum, UINT64_MAX);
	ck_assert_uint_eq(histogram.count, 5);
	ck_assert_uint_eq(histogram.most, UINT64_MAX);
	ck_assert_uint_eq(histogram.least, 1);
}
END_TEST

START_TEST(a_full_one_takes_no_more)
{
	struct sigchld__histogram before;

	sigchld__histogram_add(&histogram, 100);
	sigchld__histogram_add(&histogram, 200);
	histogram.buckets[sigchld__histogram_bucket(100)] = UINT64_MAX - 2;
	histogram.count = UINT64_MAX - 1;
	sigchld__histogram_add(&histogram, 300);
	ck_assert_uint_eq(histogram.count, UINT64_MAX);
	ck_assert_uint_eq(counted(&histogram), UINT64_MAX);
	before = histogram;
	sigchld__histogram_add(&histogram, 5);
	sigchld__histogram_add(&histogram, 500);
	ck_assert_mem_eq(&histogram, &before, sizeof(before));
}
END_TEST

/* Quantiles */

static int
compare(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* The least of them that so many thousandths do not exceed. */
static uint64_t
true_quantile(const uint64_t *sorted, size_t n, unsigned int per_mille)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if ((i + 1) * 1000 >= n * per_mille)
			return sorted[i];
	}
	ck_abort_msg("there is always one");
	return 0;
}

static void
check_quantiles(uint64_t *times, size_t n)
{
	uint64_t before = 0, us, wanted;
	unsigned int i;

	qsort(times, n, sizeof(times[0]), compare);
	for (i = 0; i <= 1000; i++) {
		us = sigchld__histogram_quantile(&histogram, i);
		wanted = true_quantile(times, n, i);
		HOLDS(us >= wanted, i);
		HOLDS((us - wanted) * 8 <= wanted, i);
		HOLDS(us <= times[n - 1], i);
		HOLDS(us >= before, i);
		before = us;
	}
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, 1000),
	    times[n - 1]);
}

static void
check_random_quantiles(size_t n, unsigned int most_bits, uint64_t seed)
{
	static uint64_t times[MANY];
	size_t i;

	memset(&histogram, 0, sizeof(histogram));
	for (i = 0; i < n; i++) {
		times[i] = random_us(&seed, most_bits);
		sigchld__histogram_add(&histogram, times[i]);
	}
	check_quantiles(times, n);
}

START_TEST(quantiles_as_of_a_sorted_array)
{
	static const size_t sizes[] = { 1, 2, 3, 10, 100, 999, 1000, 1001,
		MANY };
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		check_random_quantiles(sizes[i], 32, 4 + i);
		check_random_quantiles(sizes[i], 12, 40 + i);
		check_random_quantiles(sizes[i], 4, 400 + i);
	}
}
END_TEST

START_TEST(short_times_are_told_exactly)
{
	uint64_t times[16];
	unsigned int i;

	for (i = 0; i < 16; i++) {
		times[i] = i;
		sigchld__histogram_add(&histogram, 15 - i);
	}
	for (i = 0; i <= 1000; i++)
		HOLDS(sigchld__histogram_quantile(&histogram, i) ==
			true_quantile(times, 16, i),
		    i);
}
END_TEST

START_TEST(an_empty_one_has_none)
{
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, 0), 0);
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, 500), 0);
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, 1000), 0);
}
END_TEST

START_TEST(no_more_than_all)
{
	sigchld__histogram_add(&histogram, 3);
	sigchld__histogram_add(&histogram, 1000);
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, 500), 3);
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, 1001), 1000);
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, UINT_MAX),
	    1000);
}
END_TEST

START_TEST(the_last_bucket_gives_the_longest)
{
	sigchld__histogram_add(&histogram, LAST_FLOOR);
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, 500),
	    LAST_FLOOR);
	sigchld__histogram_add(&histogram, UINT64_C(1) << 50);
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, 500),
	    UINT64_C(1) << 50);
	sigchld__histogram_add(&histogram, UINT64_MAX);
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, 1),
	    UINT64_MAX);
}
END_TEST

/* A product of the count and the thousandths would wrap. */
START_TEST(quantiles_of_very_many)
{
	histogram.count = UINT64_MAX;
	histogram.least = 5;
	histogram.most = 1000;
	histogram.buckets[5] = UINT64_MAX / 2; /* a half less than one half */
	histogram.buckets[9] = UINT64_MAX / 4;
	histogram.buckets[sigchld__histogram_bucket(1000)] =
	    UINT64_MAX - UINT64_MAX / 2 - UINT64_MAX / 4;
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, 0), 5);
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, 499), 5);
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, 500), 9);
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, 749), 9);
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, 751), 1000);
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, 1000), 1000);
	/* Nor would one with more than there are. */
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, 1001), 1000);
	ck_assert_uint_eq(sigchld__histogram_quantile(&histogram, UINT_MAX),
	    1000);
}
END_TEST

HARNESS("histogram",
    {
	HARNESS_TEST(a_floor_is_in_its_own_bucket),
	HARNESS_TEST(no_bucket_is_wider_than_an_eighth),
	HARNESS_TEST(past_the_last_bucket_is_nothing),
	HARNESS_TEST(every_time_is_between_two_floors),
	HARNESS_TEST(a_longer_time_is_in_no_earlier_bucket),
	HARNESS_TEST(the_edges_of_the_buckets),
	HARNESS_TEST(what_is_added_is_counted),
	HARNESS_TEST(zero_is_a_time_too),
	HARNESS_TEST(the_sum_stays_at_its_end),
	HARNESS_TEST(a_full_one_takes_no_more),
	HARNESS_TEST(quantiles_as_of_a_sorted_array),
	HARNESS_TEST(short_times_are_told_exactly),
	HARNESS_TEST(an_empty_one_has_none),
	HARNESS_TEST(no_more_than_all),
	HARNESS_TEST(the_last_bucket_gives_the_longest),
	HARNESS_TEST(quantiles_of_very_many),
    })
