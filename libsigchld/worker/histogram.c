/*
 * histogram.c - how long things took, in few numbers
 *
 * A time is counted in one of a fixed number of buckets. So a histogram has the
 * same size after a thousand and after a thousand million times, and nothing is
 * allocated or sorted. Each power of two is cut into 8 equal buckets:
 *
 *	bucket		times, in us
 *	0 .. 15		the bucket's own number
 *	16 .. 23	16 and 17, 18 and 19, .. 30 and 31
 *	24 .. 31	32 to 35, .. 60 to 63
 *	...
 *	247		15 << 29, and all that is more
 *
 * H1	The count is the sum of the buckets. A full histogram takes no more, so
 *	its numbers go on agreeing.
 * H2	Floors ascend, each is in its own bucket, and all times of a bucket are
 *	between its floor and the next. But for the last one, no bucket is wider
 *	than an eighth of its floor, or than 1.
 * H3	A quantile is never less than the true one, and never more than an
 *	eighth above it, but in the last bucket, where it is the longest time.
 * H4	No sum wraps. The sum of the times stays at its end instead.
 *
 * A1	Nothing is locked: it has one owner, who adds and copies.
 */
#include "worker/histogram.h"

#define CUTS 8u /* buckets for each power of two */
#define LAST (SIGCHLD__HISTOGRAM_BUCKETS - 1u)

/* Times below it are their own buckets. */
#define EXACT (2u * CUTS)

uint64_t
sigchld__histogram_floor(unsigned int bucket)
{
	if (bucket > LAST)
		return UINT64_MAX;
	if (bucket < EXACT)
		return bucket;
	return (uint64_t)(CUTS + bucket % CUTS) << (bucket / CUTS - 1);
}

/* Halved until it is its own bucket, with a power of two for each time. */
unsigned int
sigchld__histogram_bucket(uint64_t us)
{
	unsigned int bucket = 0;

	if (us >= sigchld__histogram_floor(LAST))
		return LAST;
	for (; us >= EXACT; us /= 2)
		bucket += CUTS;
	return bucket + (unsigned int)us;
}

void
sigchld__histogram_add(struct sigchld__histogram *histogram, uint64_t us)
{
	if (histogram->count == UINT64_MAX)
		return; /* H1 */
	if (histogram->count == 0 || us < histogram->least)
		histogram->least = us;
	if (us > histogram->most)
		histogram->most = us;
	histogram->count++;
	histogram->buckets[sigchld__histogram_bucket(us)]++;
	if (us < UINT64_MAX - histogram->sum)
		histogram->sum += us;
	else
		histogram->sum = UINT64_MAX; /* H4 */
}

/* So many thousandths of count, rounded up, but at least one. Their product
 * would wrap. */
static uint64_t
rank_of(uint64_t count, unsigned int per_mille)
{
	uint64_t rank;

	if (per_mille >= 1000)
		return count;
	rank =
	    count / 1000 * per_mille + (count % 1000 * per_mille + 999) / 1000;
	return rank > 0 ? rank : 1;
}

static uint64_t
longest_of(unsigned int bucket)
{
	if (bucket >= LAST)
		return UINT64_MAX;
	return sigchld__histogram_floor(bucket + 1) - 1;
}

uint64_t
sigchld__histogram_quantile(const struct sigchld__histogram *histogram,
    unsigned int per_mille)
{
	uint64_t left = rank_of(histogram->count, per_mille), us;
	unsigned int bucket = 0;

	while (bucket < LAST && histogram->buckets[bucket] < left)
		left -= histogram->buckets[bucket++];
	us = longest_of(bucket);
	/* Of an empty one the longest is 0. */
	return us < histogram->most ? us : histogram->most;
}
