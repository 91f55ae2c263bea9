/*
 * pace.c - when may the next worker be forked?
 *
 * Arithmetic alone: nothing here looks at a clock, sleeps or forks. Whoever has
 * a pool says what happened and what time it is, is told how long or how many,
 * and sets a deadline. What fails at once would otherwise be forked as fast as
 * the machine can.
 *
 *	backoff		one slot, or one pool whose forks fail: doubling waits
 *	rate		all forks of a pool, whatever the reason
 *	ramp		growth under load: as many as are needed, but by and by
 *	jitter		workers that began together shall not end together
 *
 * B1	Waits are first, 2 first, 4 first, .. most, most, .. until something
 *	lives for stable_ms or succeeds. After that they begin anew.
 * B2	A life of stable_ms is replaced at once: what dies no more often than
 *	that needs no brake. Of shorter lives no two are begun in a row without
 *	a wait between.
 *
 * T1	In any stretch of t microseconds no more than per_s and what t brings
 *	(t * per_s / 1000000) are taken, while per_s stays.
 * T2	Nothing is lost to rounding: a token is 1000000 parts, a microsecond
 *	brings per_s parts, and all are counted. What is lost is what a full
 *	bucket cannot hold.
 * T3	A clock that stands brings nothing; one that goes back brings nothing
 *	until it is where it was. No time is counted twice.
 * T4	There is a token within a second, also after per_s was lowered.
 *
 * R1	No tick gives more than most, than are wanted, or than twice what the
 *	tick before gave; but one is given if one is wanted. So few that are
 *	wanted again and again do not prepare a flood.
 *
 * J1	Each number from 0 to most is as likely as any other, for every most.
 *
 * No sum or product wraps but those of the generator, whatever the limits: the
 * largest are UINT32_MAX << 32 and UINT32_MAX * 1000000, in 64 bits.
 *
 * A1	Nothing is locked: each struct has one owner.
 */
#include <stdbool.h>

#include "worker/pace.h"

#define US_PER_S 1000000u
#define TOKEN    1000000u /* parts; see T2 */

static bool
is_stable(const struct sigchld__backoff *backoff, int64_t lived_ms)
{
	return backoff->stable_ms > 0 && lived_ms >= backoff->stable_ms;
}

uint32_t
sigchld__backoff_failed(struct sigchld__backoff *backoff, int64_t lived_ms)
{
	uint32_t doubled = backoff->failures < 32 ? backoff->failures : 32;
	uint64_t wait_ms = (uint64_t)backoff->first_ms << doubled;

	if (is_stable(backoff, lived_ms)) {
		backoff->failures = 0;
		return 0;
	}
	if (backoff->failures < UINT32_MAX)
		backoff->failures++;
	return wait_ms < backoff->most_ms ? (uint32_t)wait_ms
					  : backoff->most_ms;
}

void
sigchld__backoff_succeeded(struct sigchld__backoff *backoff)
{
	backoff->failures = 0;
}

static uint64_t
full_of(const struct sigchld__rate *rate)
{
	return (uint64_t)rate->per_s * TOKEN;
}

/* What is missing now. A second fills any bucket; and no more is missing than
 * one holds, which a lower per_s would make untrue. */
static uint64_t
missing_at(const struct sigchld__rate *rate, int64_t now_us)
{
	uint64_t full = full_of(rate), missing, passed_us, brought;

	missing = rate->missing < full ? rate->missing : full;
	if (now_us <= rate->at_us)
		return missing;
	passed_us = (uint64_t)now_us - (uint64_t)rate->at_us;
	if (passed_us >= US_PER_S)
		return 0;
	brought = passed_us * rate->per_s;
	return missing > brought ? missing - brought : 0;
}

uint32_t
sigchld__rate_take(struct sigchld__rate *rate, uint32_t n, int64_t now_us)
{
	uint64_t missing, there;

	if (rate->per_s == 0)
		return n;
	missing = missing_at(rate, now_us);
	there = (full_of(rate) - missing) / TOKEN;
	if (n > there)
		n = (uint32_t)there;
	rate->missing = missing + (uint64_t)n * TOKEN;
	if (now_us > rate->at_us)
		rate->at_us = now_us; /* T3 */
	return n;
}

int64_t
sigchld__rate_next(const struct sigchld__rate *rate, int64_t now_us)
{
	uint64_t there;
	int64_t from, wait_us;

	if (rate->per_s == 0)
		return now_us;
	there = full_of(rate) - missing_at(rate, now_us);
	if (there >= TOKEN)
		return now_us;
	from = now_us > rate->at_us ? now_us : rate->at_us;
	wait_us = (int64_t)((TOKEN - there + rate->per_s - 1) / rate->per_s);
	return from < INT64_MAX - wait_us ? from + wait_us : INT64_MAX;
}

uint32_t
sigchld__ramp_step(struct sigchld__ramp *ramp, uint32_t wanted)
{
	uint32_t n = ramp->next > 0 ? ramp->next : 1;

	if (ramp->most == 0)
		return wanted;
	if (n > ramp->most)
		n = ramp->most;
	if (n > wanted)
		n = wanted;
	ramp->next = n > ramp->most / 2 ? ramp->most : 2 * n;
	return n;
}

/* The next 32 bits of SplitMix64: a counter, whose steps of a large odd number
 * visit all of 64 bits, is mixed by multiplying and shifting. */
static uint32_t
draw(uint64_t *state)
{
	uint64_t z;

	*state += 0x9e3779b97f4a7c15u;
	z = *state;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) >> 32);
}

/*
 * A draw times the number of results has the result in its upper half. Of the
 * 2^32 draws each result has equally many whose lower half is not below what
 * 2^32 leaves when divided by that number; the others are drawn again, which is
 * less than one in two.
 */
uint32_t
sigchld__jitter(uint64_t *state, uint32_t most)
{
	uint64_t results = (uint64_t)most + 1, product;
	uint32_t uneven = (uint32_t)((UINT64_C(1) << 32) % results);

	do
		product = draw(state) * results;
	while ((uint32_t)product < uneven);
	return (uint32_t)(product >> 32);
}
