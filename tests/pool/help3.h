/*
 * help3.h - a stage with a clock of its own
 *
 * A source that includes this has the line `wrap: now_ms now_us timerfd_arm'. The
 * library's clock is then the real one and what the test has added to it, in
 * the test and in all of its workers. So a pool whose times are in hours has
 * nothing to do by itself, and a test lets exactly so much time pass as it wants.
 * It is an hour ahead from the start: a test may turn it back by as much, and the
 * machine may have been up for a minute, but there is no time before zero.
 */
#ifndef POOL_HELP3_H
#define POOL_HELP3_H

#include "core/sys.h"
#include "help.h"
#include "worker/sys.h"

#define HOUR 3600000u

static _Atomic int64_t *ahead_ms; /* shared with all who are forked */

int64_t __real_sigchld__sys_now_ms(void);
int64_t __wrap_sigchld__sys_now_ms(void);
int64_t __real_sigchld__sys_now_us(void);
int64_t __wrap_sigchld__sys_now_us(void);
int __real_sigchld__sys_timerfd_arm(int fd, int64_t deadline_ms);
int __wrap_sigchld__sys_timerfd_arm(int fd, int64_t deadline_ms);

static void __attribute__((constructor)) make_clock(void)
{
	ahead_ms = mmap(NULL, sizeof(*ahead_ms), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ahead_ms == MAP_FAILED)
		abort();
	atomic_store(ahead_ms, HOUR);
}

int64_t
__wrap_sigchld__sys_now_ms(void)
{
	return __real_sigchld__sys_now_ms() + atomic_load(ahead_ms);
}

int64_t
__wrap_sigchld__sys_now_us(void)
{
	return __real_sigchld__sys_now_us() + atomic_load(ahead_ms) * 1000;
}

int
__wrap_sigchld__sys_timerfd_arm(int fd, int64_t deadline_ms)
{
	if (deadline_ms != 0) {
		deadline_ms -= atomic_load(ahead_ms);
		if (deadline_ms < 1)
			deadline_ms = 1;
	}
	return __real_sigchld__sys_timerfd_arm(fd, deadline_ms);
}

static inline UNUSED void
turn_now(struct stage *stage)
{
	int rc = sigchld_dispatch(stage->ctx);

	ck_assert_msg(rc >= 0, "sigchld_dispatch: %s", strerror(-rc));
}

/* So much time passes, and the pool does what is due. */
static inline UNUSED void
time_passes(struct stage *stage, uint32_t ms)
{
	atomic_fetch_add(ahead_ms, ms);
	turn_now(stage);
}

/* Whatever the pool does by itself, it has done: nothing is to be read, and a few
 * turns more find nothing. */
static inline UNUSED void
be_calm(struct stage *stage)
{
	int n_still = 0;

	UNTIL(stage,
	    (n_still = harness_readable(sigchld_fd(stage->ctx), 0) ||
			sigchld_timeout(stage->ctx) == 0
		    ? 0
		    : n_still + 1) > 3);
}

/* Options with which nothing happens for want of time. */
static inline UNUSED struct sigchld_pool_options
slow_options(struct stage *stage, uint32_t min, uint32_t max)
{
	struct sigchld_pool_options options = stage_options(stage, min, max);

	options.tick_ms = HOUR;
	options.boot_ms = SIGCHLD_POOL_NONE;
	options.stop_ms = 500 * HOUR;
	options.kill_ms = 500 * HOUR;
	return options;
}

/* Play, until all who must be there are idle. */
static inline UNUSED void
play_until_idle(struct stage *stage, const struct sigchld_pool_options *options)
{
	stage_play(stage, options);
	UNTIL(stage, stats_of_pool(stage).idle == options->workers_min);
}

/* Ask n times for this, and do not wait. */
static inline UNUSED void
ask_often(struct stage *stage, const char *text, int n)
{
	while (n-- > 0)
		(void)ask(stage, text);
}

/* All workers of these numbers are busy at that door. */
static inline UNUSED void
keep_busy(struct stage *stage, int door, int n)
{
	const int before = n_said(stage, 'w');
	char text[16];

	(void)snprintf(text, sizeof(text), "wait %d", door);
	ask_often(stage, text, n);
	UNTIL(stage, n_said(stage, 'w') == before + n);
}

/* So many live and were not told to go, whatever they do. */
static inline UNUSED uint32_t
n_wanted(struct stage *stage)
{
	const struct sigchld_pool_stats stats = stats_of_pool(stage);

	return stats.starting + stats.idle + stats.busy;
}

#endif
