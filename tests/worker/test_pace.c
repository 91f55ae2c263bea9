/*
 * test_pace.c - when may the next worker be forked?
 *
 * The clock is a number here, and seeds are fixed: each run is like any other.
 */
#include <string.h>

#include "numbers.h"
#include "worker/pace.h"

#define US_PER_S 1000000

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

static uint32_t
random_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)(random_64(state) >> 32) % n;
}

/* Backoff */

static const struct sigchld__backoff usual = {
	.first_ms = 100,
	.most_ms = 30000,
	.stable_ms = 10000,
};

/* So many failures at once, and the wait after the last of them. */
static uint32_t
fail_often(struct sigchld__backoff *backoff, int times)
{
	uint32_t wait_ms = 0;

	while (times-- > 0)
		wait_ms = sigchld__backoff_failed(backoff, 0);
	return wait_ms;
}

START_TEST(waits_double_up_to_the_most)
{
	static const uint32_t waits[] = { 100, 200, 400, 800, 1600, 3200, 6400,
		12800, 25600, 30000, 30000, 30000 };
	struct sigchld__backoff backoff = usual;
	uint32_t i;

	for (i = 0; i < N_OF(waits); i++) {
		ck_assert_uint_eq(sigchld__backoff_failed(&backoff, 0),
		    waits[i]);
		ck_assert_uint_eq(backoff.failures, i + 1);
	}
	for (i = 0; i < 1000; i++)
		ck_assert_uint_eq(sigchld__backoff_failed(&backoff, 0), 30000);
}
END_TEST

/* From one to the largest wait there is. */
START_TEST(waits_of_every_size)
{
	struct sigchld__backoff backoff = { .first_ms = 1,
		.most_ms = UINT32_MAX };
	int i;

	for (i = 0; i < 32; i++)
		ck_assert_uint_eq(sigchld__backoff_failed(&backoff, 0),
		    UINT32_C(1) << i);
	for (i = 0; i < 100; i++)
		ck_assert_uint_eq(sigchld__backoff_failed(&backoff, 0),
		    UINT32_MAX);
}
END_TEST

START_TEST(the_largest_waits_do_not_wrap)
{
	struct sigchld__backoff backoff = { .first_ms = UINT32_MAX,
		.most_ms = UINT32_MAX };
	struct sigchld__backoff three = { .first_ms = 3,
		.most_ms = UINT32_MAX };
	int i;

	for (i = 0; i < 100; i++)
		ck_assert_uint_eq(sigchld__backoff_failed(&backoff, 0),
		    UINT32_MAX);
	ck_assert_uint_eq(fail_often(&three, 31), UINT32_C(3) << 30);
	for (i = 0; i < 100; i++)
		ck_assert_uint_eq(sigchld__backoff_failed(&three, 0),
		    UINT32_MAX);
}
END_TEST

START_TEST(the_most_is_above_the_first)
{
	struct sigchld__backoff backoff = { .first_ms = 100, .most_ms = 50 };
	struct sigchld__backoff none = { .most_ms = 50 };

	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, 0), 50);
	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, 0), 50);
	ck_assert_uint_eq(fail_often(&none, 100), 0);
}
END_TEST

START_TEST(failures_stay_at_their_end)
{
	struct sigchld__backoff backoff = usual;

	backoff.failures = UINT32_MAX - 1;
	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, 0), 30000);
	ck_assert_uint_eq(backoff.failures, UINT32_MAX);
	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, 0), 30000);
	ck_assert_uint_eq(backoff.failures, UINT32_MAX);
}
END_TEST

START_TEST(a_stable_life_forgives)
{
	struct sigchld__backoff backoff = usual;

	ck_assert_uint_eq(fail_often(&backoff, 5), 1600);
	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, 9999), 3200);
	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, 10000), 0);
	ck_assert_uint_eq(backoff.failures, 0);
	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, 10001), 0);
	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, 9999), 100);
	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, 0), 200);
}
END_TEST

START_TEST(a_success_forgives)
{
	struct sigchld__backoff backoff = usual;

	ck_assert_uint_eq(fail_often(&backoff, 100), 30000);
	sigchld__backoff_succeeded(&backoff);
	ck_assert_uint_eq(backoff.failures, 0);
	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, 0), 100);
}
END_TEST

START_TEST(lives_of_every_length)
{
	struct sigchld__backoff backoff = usual;

	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, -1), 100);
	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, INT64_MIN), 200);
	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, INT64_MAX), 0);
	backoff.stable_ms = UINT32_MAX;
	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, INT32_MAX), 100);
	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, UINT32_MAX - 1),
	    200);
	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, UINT32_MAX), 0);
}
END_TEST

START_TEST(without_a_stable_age_no_life_forgives)
{
	struct sigchld__backoff backoff = usual;

	backoff.stable_ms = 0;
	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, 0), 100);
	ck_assert_uint_eq(sigchld__backoff_failed(&backoff, INT64_MAX), 200);
}
END_TEST

/* Rate */

static const uint32_t rates[] = { 1, 2, 3, 7, 32, 999, 1000, 333333, 999983,
	1000000, 1000003, 300000007, UINT32_MAX };

/* What is brought in so many us, not counting what is incomplete. */
static uint64_t
brought(uint32_t per_s, int64_t us)
{
	return (uint64_t)us * per_s / US_PER_S;
}

/* T1: every stretch between two of some takings, both included. */
static void
check_stretches(const int64_t *at, const uint64_t *taken, size_t n,
    uint32_t per_s)
{
	size_t i, j;

	for (i = 0; i < n; i++) {
		uint64_t sum = 0;

		for (j = i; j < n; j++) {
			sum += taken[j];
			HOLDS(sum <= per_s + brought(per_s, at[j] - at[i]), j);
		}
	}
}

/* Sometimes little is asked for, sometimes all; steps from 0 to 2 seconds. */
static void
take_at_random(uint32_t per_s, uint64_t seed)
{
	enum {
		N = 1000
	};
	struct sigchld__rate rate = { .per_s = per_s };
	static int64_t at[N];
	static uint64_t taken[N];
	int64_t now = 5 * US_PER_S;
	uint32_t n;
	size_t i;

	for (i = 0; i < N; i++) {
		n = random_below(&seed, 2) == 0 ? UINT32_MAX
						: random_below(&seed, 40);
		at[i] = now;
		taken[i] = sigchld__rate_take(&rate, n, now);
		HOLDS(taken[i] <= n, i);
		now += random_below(&seed, 1u << random_below(&seed, 22));
	}
	check_stretches(at, taken, N, per_s);
}

START_TEST(no_stretch_has_more_than_the_rate_and_a_second)
{
	size_t i;

	for (i = 0; i < N_OF(rates); i++)
		take_at_random(rates[i], 7 + i);
}
END_TEST

/* Taken as soon as they come, in steps that fit no token, they are as many as
 * time has brought, to the last one. */
static void
take_all(uint32_t per_s, uint64_t seed)
{
	struct sigchld__rate rate = { .per_s = per_s };
	const int64_t began = 123456789;
	int64_t now = began;
	uint64_t taken = 0;
	int i;

	for (i = 0; i < 100000; i++) {
		taken += sigchld__rate_take(&rate, UINT32_MAX, now);
		HOLDS(taken == per_s + brought(per_s, now - began), i);
		now += random_below(&seed, 1000);
	}
}

START_TEST(nothing_is_lost_to_rounding)
{
	size_t i;

	for (i = 0; i < N_OF(rates); i++) {
		if (rates[i] > 1) /* a full bucket of one loses what follows */
			take_all(rates[i], 70 + i);
	}
}
END_TEST

/* Whoever waits until there is one gets as many as the time allows. */
static void
wait_for_each(uint32_t per_s)
{
	struct sigchld__rate rate = { .per_s = per_s };
	const int64_t began = 987654321;
	int64_t now = began;
	uint64_t i;

	ck_assert_uint_eq(sigchld__rate_take(&rate, UINT32_MAX, now), per_s);
	for (i = 1; i <= 10000; i++) {
		now = sigchld__rate_next(&rate, now);
		HOLDS(sigchld__rate_take(&rate, 1, now) == 1, i);
		HOLDS(now ==
			began + (int64_t)((i * US_PER_S + per_s - 1) / per_s),
		    i);
	}
}

START_TEST(the_next_one_comes_in_time)
{
	size_t i;

	for (i = 0; i < N_OF(rates); i++)
		wait_for_each(rates[i]);
}
END_TEST

static void
check_next(const struct sigchld__rate *rate, int64_t now)
{
	int64_t next = sigchld__rate_next(rate, now);
	struct sigchld__rate then = *rate, before = *rate;

	HOLDS(next >= now && next <= now + US_PER_S, now);
	HOLDS(sigchld__rate_take(&then, 1, next) == 1, now);
	if (next > now)
		HOLDS(sigchld__rate_take(&before, 1, next - 1) == 0, now);
}

START_TEST(next_is_the_first_microsecond_with_one)
{
	uint64_t seed = 17;
	size_t i, j;

	for (i = 0; i < N_OF(rates); i++) {
		struct sigchld__rate rate = { .per_s = rates[i] };
		int64_t now = 0;

		for (j = 0; j < 10000; j++) {
			(void)sigchld__rate_take(&rate,
			    UINT32_MAX >> random_below(&seed, 32), now);
			check_next(&rate, now);
			now +=
			    random_below(&seed, 1u << random_below(&seed, 20));
			check_next(&rate, now);
		}
	}
}
END_TEST

START_TEST(a_second_fills_the_bucket_and_no_more)
{
	size_t i;

	for (i = 0; i < N_OF(rates); i++) {
		struct sigchld__rate rate = { .per_s = rates[i] };
		uint64_t n = rates[i];

		ck_assert_uint_eq(sigchld__rate_take(&rate, UINT32_MAX, 9), n);
		ck_assert_uint_eq(sigchld__rate_take(&rate, UINT32_MAX,
				      9 + US_PER_S - 1),
		    brought(rates[i], US_PER_S - 1));
		ck_assert_uint_eq(sigchld__rate_take(&rate, UINT32_MAX,
				      INT64_C(3000) * US_PER_S),
		    n);
		ck_assert_uint_eq(sigchld__rate_take(&rate, UINT32_MAX,
				      INT64_C(3001) * US_PER_S),
		    n);
	}
}
END_TEST

/* However long: no product of it wraps. */
START_TEST(a_long_time_fills_the_bucket_too)
{
	static const uint32_t per_s[] = { 1, 3, 1000000, UINT32_C(1) << 31,
		UINT32_MAX };
	size_t i;
	int j;

	for (i = 0; i < N_OF(per_s); i++) {
		for (j = 20; j < 63; j++) {
			struct sigchld__rate rate = { .per_s = per_s[i] };

			HOLDS(sigchld__rate_take(&rate, UINT32_MAX, 0) ==
				per_s[i],
			    j);
			HOLDS(sigchld__rate_take(&rate, UINT32_MAX,
				  INT64_C(1) << j) == per_s[i],
			    j);
		}
	}
}
END_TEST

START_TEST(only_what_was_taken_is_missing)
{
	struct sigchld__rate rate = { .per_s = 10 };

	ck_assert_uint_eq(sigchld__rate_take(&rate, 0, 1), 0);
	ck_assert_uint_eq(sigchld__rate_take(&rate, 4, 1), 4);
	ck_assert_uint_eq(sigchld__rate_take(&rate, 4, 1), 4);
	ck_assert_int_eq(sigchld__rate_next(&rate, 1), 1);
	ck_assert_uint_eq(sigchld__rate_take(&rate, 4, 1), 2);
	ck_assert_int_eq(sigchld__rate_next(&rate, 1), 100001);
	ck_assert_uint_eq(sigchld__rate_take(&rate, 4, 300001), 3);
}
END_TEST

START_TEST(a_clock_that_stands_brings_nothing)
{
	const int64_t now = INT64_C(10) * US_PER_S;
	size_t i;
	int j;

	for (i = 0; i < N_OF(rates); i++) {
		struct sigchld__rate rate = { .per_s = rates[i] };

		ck_assert_uint_eq(sigchld__rate_take(&rate, UINT32_MAX, now),
		    rates[i]);
		for (j = 0; j < 1000; j++)
			HOLDS(sigchld__rate_take(&rate, 1, now) == 0, j);
	}
}
END_TEST

START_TEST(a_clock_that_goes_back_brings_nothing_twice)
{
	const int64_t now = INT64_C(10) * US_PER_S;
	struct sigchld__rate rate = { .per_s = 1000 };

	ck_assert_uint_eq(sigchld__rate_take(&rate, UINT32_MAX, now), 1000);
	ck_assert_uint_eq(sigchld__rate_take(&rate, 1, now - US_PER_S), 0);
	ck_assert_uint_eq(sigchld__rate_take(&rate, 1, now), 0);
	ck_assert_int_eq(sigchld__rate_next(&rate, 0), now + 1000);
	ck_assert_uint_eq(sigchld__rate_take(&rate, 9, now + 5000), 5);
	ck_assert_uint_eq(sigchld__rate_take(&rate, 1, INT64_MIN), 0);
	ck_assert_uint_eq(sigchld__rate_take(&rate, 9, now + 6000), 1);

	/* What is there, is there. */
	rate = (struct sigchld__rate){ .per_s = 1, .at_us = now };
	ck_assert_int_eq(sigchld__rate_next(&rate, 5), 5);
	ck_assert_uint_eq(sigchld__rate_take(&rate, 9, 5), 1);
	ck_assert_int_eq(sigchld__rate_next(&rate, 5), now + US_PER_S);
}
END_TEST

START_TEST(without_a_rate_there_is_no_limit)
{
	struct sigchld__rate rate = { 0 };
	int i;

	for (i = 0; i < 10; i++) {
		ck_assert_uint_eq(sigchld__rate_take(&rate, UINT32_MAX, 5),
		    UINT32_MAX);
		ck_assert_int_eq(sigchld__rate_next(&rate, 5), 5);
	}
}
END_TEST

START_TEST(a_lowered_rate_waits_no_longer_than_a_second)
{
	struct sigchld__rate rate = { .per_s = UINT32_MAX };

	ck_assert_uint_eq(sigchld__rate_take(&rate, UINT32_MAX, 7), UINT32_MAX);
	rate.per_s = 1;
	ck_assert_uint_eq(sigchld__rate_take(&rate, 1, 7), 0);
	ck_assert_int_eq(sigchld__rate_next(&rate, 7), 7 + US_PER_S);
	ck_assert_uint_eq(sigchld__rate_take(&rate, 2, 7 + US_PER_S), 1);
}
END_TEST

START_TEST(times_of_every_size)
{
	struct sigchld__rate rate = { .per_s = 1, .at_us = INT64_MIN };
	struct sigchld__rate fast = { .per_s = UINT32_MAX };

	ck_assert_uint_eq(sigchld__rate_take(&rate, 1, INT64_MIN), 1);
	ck_assert_int_eq(sigchld__rate_next(&rate, INT64_MIN),
	    INT64_MIN + US_PER_S);
	ck_assert_uint_eq(sigchld__rate_take(&rate, 1, INT64_MAX - 5), 1);
	ck_assert_int_eq(sigchld__rate_next(&rate, INT64_MAX - 5), INT64_MAX);
	ck_assert_uint_eq(sigchld__rate_take(&rate, 1, INT64_MAX), 0);
	ck_assert_int_eq(sigchld__rate_next(&rate, INT64_MAX), INT64_MAX);

	ck_assert_uint_eq(sigchld__rate_take(&fast, UINT32_MAX, 0), UINT32_MAX);
	ck_assert_uint_eq(sigchld__rate_take(&fast, UINT32_MAX, INT64_MAX),
	    UINT32_MAX);
}
END_TEST

/* Ramp */

/* Very many are wanted at each tick. */
static void
climb(uint32_t most)
{
	struct sigchld__ramp ramp = { .most = most };
	uint64_t want = 1;
	int i;

	for (i = 0; i < 40; i++) {
		ck_assert_uint_eq(sigchld__ramp_step(&ramp, UINT32_MAX), want);
		want = 2 * want < most ? 2 * want : most;
	}
	ck_assert_uint_eq(sigchld__ramp_step(&ramp, 0), 0);
	ck_assert_uint_eq(sigchld__ramp_step(&ramp, UINT32_MAX), 1);
}

START_TEST(one_two_four_up_to_the_most_and_one_again)
{
	static const uint32_t mosts[] = { 1, 2, 3, 4, 5, 31, 32, 33,
		UINT32_C(1) << 31, UINT32_MAX - 1, UINT32_MAX };
	size_t i;

	for (i = 0; i < N_OF(mosts); i++)
		climb(mosts[i]);
}
END_TEST

START_TEST(no_more_than_are_wanted)
{
	struct sigchld__ramp ramp = { .most = 32 };

	ck_assert_uint_eq(sigchld__ramp_step(&ramp, 10), 1);
	ck_assert_uint_eq(sigchld__ramp_step(&ramp, 9), 2);
	ck_assert_uint_eq(sigchld__ramp_step(&ramp, 7), 4);
	ck_assert_uint_eq(sigchld__ramp_step(&ramp, 3), 3);
	ck_assert_uint_eq(sigchld__ramp_step(&ramp, 0), 0);
	ck_assert_uint_eq(sigchld__ramp_step(&ramp, 10), 1);
}
END_TEST

START_TEST(few_for_long_prepare_no_flood)
{
	struct sigchld__ramp ramp = { .most = 32 };
	int i;

	for (i = 0; i < 100; i++)
		ck_assert_uint_eq(sigchld__ramp_step(&ramp, 1), 1);
	ck_assert_uint_eq(sigchld__ramp_step(&ramp, 100), 2);
}
END_TEST

START_TEST(no_more_than_twice_the_tick_before)
{
	struct sigchld__ramp ramp = { .most = 1000 };
	uint32_t before = 0, wanted, n, allowed;
	uint64_t seed = 3;
	int i;

	for (i = 0; i < 100000; i++) {
		wanted = random_below(&seed, 1u << random_below(&seed, 12));
		allowed = before == 0 ? 1 : 2 * before;
		allowed = allowed < 1000 ? allowed : 1000;
		n = sigchld__ramp_step(&ramp, wanted);
		HOLDS(n == (wanted < allowed ? wanted : allowed), i);
		before = n;
	}
}
END_TEST

START_TEST(a_lowered_most_holds_at_once)
{
	struct sigchld__ramp ramp = { .most = 32, .next = 32 };

	ramp.most = 5;
	ck_assert_uint_eq(sigchld__ramp_step(&ramp, 100), 5);
	ck_assert_uint_eq(sigchld__ramp_step(&ramp, 100), 5);
}
END_TEST

START_TEST(without_a_ramp_all_at_once)
{
	struct sigchld__ramp ramp = { 0 };

	ck_assert_uint_eq(sigchld__ramp_step(&ramp, 0), 0);
	ck_assert_uint_eq(sigchld__ramp_step(&ramp, 77), 77);
	ck_assert_uint_eq(sigchld__ramp_step(&ramp, UINT32_MAX), UINT32_MAX);
}
END_TEST

/* Jitter */

/* The 99.9 per cent bounds of chi-square, both ways, in thousandths: what is
 * too even is not random either. */
static void
check_even(const uint32_t *seen, uint32_t cells, uint32_t expected,
    uint64_t least, uint64_t most)
{
	uint64_t sum = 0;
	int64_t off;
	uint32_t i;

	for (i = 0; i < cells; i++) {
		off = (int64_t)seen[i] - expected;
		sum += (uint64_t)(off * off);
	}
	sum = sum * 1000 / expected;
	ck_assert_uint_ge(sum, least);
	ck_assert_uint_le(sum, most);
}

START_TEST(each_number_is_as_likely)
{
	uint32_t seen[16] = { 0 }, i, n;
	uint64_t state = 1;

	for (i = 0; i < 16 * 10000; i++) {
		n = sigchld__jitter(&state, 15);
		HOLDS(n < 16, i);
		seen[n]++;
	}
	check_even(seen, 16, 10000, 3483, 37697);
}
END_TEST

/* Three numbers for four draws: without care, one number in three would come
 * twice as often, either each third one or those of the first third. */
START_TEST(each_is_as_likely_where_draws_do_not_divide)
{
	const uint32_t third = UINT32_C(1) << 30;
	uint32_t apart[3] = { 0 }, beside[3] = { 0 }, i, n;
	uint64_t state = 2;

	for (i = 0; i < 3 * 10000; i++) {
		n = sigchld__jitter(&state, 3 * third - 1);
		HOLDS(n < 3 * third, i);
		apart[n % 3]++;
		beside[n / third]++;
	}
	check_even(apart, 3, 10000, 2, 13816);
	check_even(beside, 3, 10000, 2, 13816);
}
END_TEST

START_TEST(both_ends_are_drawn_and_all_between)
{
	uint64_t state = 3;
	uint32_t most, i, n;

	for (most = 0; most < 64; most++) {
		uint64_t seen = 0;

		for (i = 0; i < 64 * 40; i++) {
			n = sigchld__jitter(&state, most);
			HOLDS(n <= most, most);
			seen |= UINT64_C(1) << n;
		}
		HOLDS(seen == UINT64_MAX >> (63 - most), most);
	}
}
END_TEST

START_TEST(no_jitter_is_zero)
{
	uint64_t state = 4;
	int i;

	for (i = 0; i < 1000; i++)
		ck_assert_uint_eq(sigchld__jitter(&state, 0), 0);
}
END_TEST

/* The sequence that SplitMix64 is known by, and of which the upper half is
 * what the largest jitter gives. */
START_TEST(the_largest_jitter_is_the_whole_draw)
{
	static const uint64_t known[] = {
		UINT64_C(6457827717110365317),
		UINT64_C(3203168211198807973),
		UINT64_C(9817491932198370423),
		UINT64_C(4593380528125082431),
		UINT64_C(16408922859458223821),
	};
	uint64_t state = 1234567;
	size_t i;

	for (i = 0; i < N_OF(known); i++)
		ck_assert_uint_eq(sigchld__jitter(&state, UINT32_MAX),
		    known[i] >> 32);
}
END_TEST

START_TEST(large_jitters_reach_far)
{
	static const uint32_t mosts[] = { UINT32_MAX, UINT32_MAX - 1,
		UINT32_C(1) << 31, (UINT32_C(1) << 31) - 1, 1000000007 };
	uint32_t i, n, least, most;
	uint64_t state = 5;
	size_t j;

	for (j = 0; j < N_OF(mosts); j++) {
		least = UINT32_MAX;
		most = 0;
		for (i = 0; i < 10000; i++) {
			n = sigchld__jitter(&state, mosts[j]);
			HOLDS(n <= mosts[j], n);
			least = n < least ? n : least;
			most = n > most ? n : most;
		}
		HOLDS(least < mosts[j] / 1000, least);
		HOLDS(most > mosts[j] - mosts[j] / 1000, most);
	}
}
END_TEST

START_TEST(any_state_will_do)
{
	static const uint64_t states[] = { 0, 1, 2, UINT64_MAX,
		UINT64_C(1) << 63 };
	uint32_t drawn[N_OF(states)];
	uint64_t state;
	size_t i, j;

	for (i = 0; i < N_OF(states); i++) {
		state = states[i];
		drawn[i] = sigchld__jitter(&state, UINT32_MAX);
		ck_assert_uint_ne(state, states[i]);
		ck_assert_uint_ne(sigchld__jitter(&state, UINT32_MAX),
		    drawn[i]);
		for (j = 0; j < i; j++)
			ck_assert_uint_ne(drawn[i], drawn[j]);
	}
}
END_TEST

HARNESS("pace",
    {
	HARNESS_TEST(waits_double_up_to_the_most),
	HARNESS_TEST(waits_of_every_size),
	HARNESS_TEST(the_largest_waits_do_not_wrap),
	HARNESS_TEST(the_most_is_above_the_first),
	HARNESS_TEST(failures_stay_at_their_end),
	HARNESS_TEST(a_stable_life_forgives),
	HARNESS_TEST(a_success_forgives),
	HARNESS_TEST(lives_of_every_length),
	HARNESS_TEST(without_a_stable_age_no_life_forgives),
	HARNESS_TEST(no_stretch_has_more_than_the_rate_and_a_second),
	HARNESS_TEST(nothing_is_lost_to_rounding),
	HARNESS_TEST(the_next_one_comes_in_time),
	HARNESS_TEST(next_is_the_first_microsecond_with_one),
	HARNESS_TEST(a_second_fills_the_bucket_and_no_more),
	HARNESS_TEST(a_long_time_fills_the_bucket_too),
	HARNESS_TEST(only_what_was_taken_is_missing),
	HARNESS_TEST(a_clock_that_stands_brings_nothing),
	HARNESS_TEST(a_clock_that_goes_back_brings_nothing_twice),
	HARNESS_TEST(without_a_rate_there_is_no_limit),
	HARNESS_TEST(a_lowered_rate_waits_no_longer_than_a_second),
	HARNESS_TEST(times_of_every_size),
	HARNESS_TEST(one_two_four_up_to_the_most_and_one_again),
	HARNESS_TEST(no_more_than_are_wanted),
	HARNESS_TEST(few_for_long_prepare_no_flood),
	HARNESS_TEST(no_more_than_twice_the_tick_before),
	HARNESS_TEST(a_lowered_most_holds_at_once),
	HARNESS_TEST(without_a_ramp_all_at_once),
	HARNESS_TEST(each_number_is_as_likely),
	HARNESS_TEST(each_is_as_likely_where_draws_do_not_divide),
	HARNESS_TEST(both_ends_are_drawn_and_all_between),
	HARNESS_TEST(no_jitter_is_zero),
	HARNESS_TEST(the_largest_jitter_is_the_whole_draw),
	HARNESS_TEST(large_jitters_reach_far),
	HARNESS_TEST(any_state_will_do),
    })
