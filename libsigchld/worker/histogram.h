/* histogram.h - how long things took, in few numbers; see histogram.c */
#ifndef SIGCHLD_WORKER_HISTOGRAM_H
#define SIGCHLD_WORKER_HISTOGRAM_H

#include <stdint.h>

/* 8 for each power of two. The last one is of all that took 15 << 29 us (two
 * hours and a quarter) or longer. */
#define SIGCHLD__HISTOGRAM_BUCKETS 248

/* All zero is an empty one. It may be copied. */
struct sigchld__histogram {
	uint64_t count;
	uint64_t sum;         /* us; stays at UINT64_MAX */
	uint64_t least, most; /* us; 0 if empty */
	uint64_t buckets[SIGCHLD__HISTOGRAM_BUCKETS];
};

void sigchld__histogram_add(struct sigchld__histogram *histogram, uint64_t us);

/* The bucket of this time. */
unsigned int sigchld__histogram_bucket(uint64_t us);

/* The least time of a bucket; all in it is less than that of the next. Past the
 * last one: UINT64_MAX. */
uint64_t sigchld__histogram_floor(unsigned int bucket);

/* At least `per_mille' thousandths (more than 1000 are 1000) took no longer
 * than this: the longest time of the bucket where they are complete, but never
 * more than the longest of all. 0 if empty. */
uint64_t sigchld__histogram_quantile(const struct sigchld__histogram *histogram,
    unsigned int per_mille);

#endif
