/*
 * policy.c - the options of a pool: of any age, checked, with their defaults
 *
 * Zero is the default, so that a program sets what it cares for. Where the
 * default is something, SIGCHLD_POOL_NONE is nothing; inside it is 0 then, and
 * nobody else needs to know of it. Numbers are not corrected in silence: a least
 * above a most is a mistake.
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "spawn/sys.h"
#include "worker/pool.h"

/* Wide enough that no sum of two overflows. */
#define LONGEST_MS 0x7fffffffu

/* Up to the first release's last field. */
#define FIRST_SIZE sizeof(struct sigchld_pool_options)

int
sigchld__sized(void *ret_read, size_t size, const void *given, size_t first)
{
	const unsigned char *bytes = given;
	size_t have = *(const size_t *)given, i;

	if (have < first)
		return -EINVAL;
	for (i = size; i < have; i++) {
		if (bytes[i] != 0)
			return -E2BIG;
	}
	(void)memset(ret_read, 0, size);
	(void)memcpy(ret_read, given, have < size ? have : size);
	return 0;
}

void
sigchld__fill(uint32_t *field, uint32_t standard, uint32_t none)
{
	if (*field == 0)
		*field = standard;
	else if (*field == SIGCHLD_POOL_NONE)
		*field = none;
	else if (*field > LONGEST_MS)
		*field = LONGEST_MS;
}

static void
fill_big(uint64_t *field, uint64_t standard)
{
	if (*field == 0)
		*field = standard;
}

static int
fill_sizes(struct sigchld_pool_options *o)
{
	uint32_t min = o->workers_min, max = o->workers_max;

	if (o->flags & SIGCHLD_POOL_ON_DEMAND) {
		if (min != 0)
			return -EINVAL;
		max = max == 0 ? 10 : max;
	} else {
		if (min == 0)
			min = max != 0 && max < 3 ? max : 3;
		if (max == 0)
			max = min > 10 ? min : 10;
	}
	o->workers_min = min;
	o->workers_max = max;
	if (o->spare_min > 0 && o->spare_max == 0)
		o->spare_max = o->spare_min;
	if (min > max || max > SIGCHLD_POOL_MOST ||
	    o->spare_min > o->spare_max || o->spare_min > max)
		return -EINVAL;
	return 0;
}

static void
fill_times(struct sigchld_pool_options *o)
{
	bool on_demand = (o->flags & SIGCHLD_POOL_ON_DEMAND) != 0;

	sigchld__fill(&o->tick_ms, 1000, 1000);
	sigchld__fill(&o->idle_ms, on_demand ? 10000 : 0, 0);
	sigchld__fill(&o->max_life_jitter_ms, o->max_life_ms / 10, 0);
	sigchld__fill(&o->boot_ms, 60000, 0);
	sigchld__fill(&o->request_ms, 0, 0);
	sigchld__fill(&o->slow_ms, 0, 0);
	sigchld__fill(&o->beat_ms, 0, 0);
	sigchld__fill(&o->max_life_ms, 0, 0);
	sigchld__fill(&o->abort_ms, 1000, 0);
	sigchld__fill(&o->stop_ms, 30000, 0);
	sigchld__fill(&o->kill_ms, 5000, 0);
	sigchld__fill(&o->keepalive_ms, 5000, 0);
	sigchld__fill(&o->backoff_ms, 100, 0);
	sigchld__fill(&o->backoff_max_ms, 30000, 30000);
	sigchld__fill(&o->stable_ms, 10000, 0);
	sigchld__fill(&o->backlog_ttl_ms, 0, 0);
}

static void
fill_counts(struct sigchld_pool_options *o)
{
	sigchld__fill(&o->spawn_burst, 32, 0);
	sigchld__fill(&o->spawn_rate, 0, 0);
	sigchld__fill(&o->max_requests_jitter, o->max_requests / 10, 0);
	sigchld__fill(&o->max_requests, 0, 0);
	sigchld__fill(&o->give_up, 5, 0);
	sigchld__fill(&o->backlog_max, 1024, 0);
	fill_big(&o->backlog_bytes, 16u << 20);
	fill_big(&o->request_max, 16u << 20);
	fill_big(&o->reply_max, 1u << 30);
	o->abort_signal = o->abort_signal == 0 ? SIGABRT : o->abort_signal;
	o->stop_signal = o->stop_signal == 0 ? SIGTERM : o->stop_signal;
}

bool
sigchld__is_signal(int sig)
{
	return sig > 0 && sig <= SIGRTMAX;
}

int
sigchld__all_open(const int *fds, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (fds[i] < 0 || !sigchld__sys_is_open(fds[i]))
			return -EBADF;
	}
	return 0;
}

static int
check(const struct sigchld_pool_options *o)
{
	const uint32_t known = SIGCHLD_POOL_ON_DEMAND | SIGCHLD_POOL_FIFO |
	    SIGCHLD_POOL_READY_LATER | SIGCHLD_POOL_KEEP_FDS |
	    SIGCHLD_POOL_OWN_GROUP | SIGCHLD_POOL_RETRY_NEVER |
	    SIGCHLD_POOL_TITLE;
	bool listens = o->run != NULL, dispatches = o->on_request != NULL;

	if (o->flags & ~known || o->zero != 0 || listens == dispatches)
		return -EINVAL;
	if (o->n_fds > SIGCHLD_POOL_HIGHEST_FDS ||
	    (o->n_fds > 0 && o->fds == NULL))
		return -EINVAL;
	if (o->flags & SIGCHLD_POOL_ON_DEMAND && listens)
		return -EINVAL; /* who would demand one? */
	return sigchld__is_signal(o->abort_signal) &&
		sigchld__is_signal(o->stop_signal)
	    ? 0
	    : -EINVAL;
}

int
sigchld__policy_read(struct sigchld_pool_options *ret_options,
    const struct sigchld_pool_options *options)
{
	struct sigchld_pool_options read;
	int rc;

	if (options == NULL)
		return -EINVAL;
	rc = sigchld__sized(&read, sizeof(read), options, FIRST_SIZE);
	if (rc == 0)
		rc = fill_sizes(&read);
	if (rc < 0)
		return rc;
	fill_times(&read);
	fill_counts(&read);
	read.size = sizeof(read);
	rc = check(&read);
	if (rc == 0)
		*ret_options = read;
	return rc;
}
