/*
 * test_policy.c - the options of a pool: what is not said is as the header says
 */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>

#include "harness.h"
#include "worker/pool.h"

#define TOO_LONG 0xfffffff0u
#define LONGEST  0x7fffffffu

static int
serve(struct sigchld_worker *worker, const struct sigchld_job *job, void *user)
{
	(void)worker;
	(void)job;
	(void)user;
	return 0;
}

static int
run(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	(void)user;
	return 0;
}

static struct sigchld_pool_options
read_well(const struct sigchld_pool_options *options)
{
	struct sigchld_pool_options read;

	memset(&read, 0xaa, sizeof(read));
	ck_assert_int_eq(sigchld__policy_read(&read, options), 0);
	return read;
}

static void
refused(int rc, const struct sigchld_pool_options *options)
{
	struct sigchld_pool_options read, before;

	memset(&read, 0xaa, sizeof(read));
	before = read;
	ck_assert_int_eq(sigchld__policy_read(&read, options), rc);
	ck_assert_mem_eq(&read, &before, sizeof(read));
}

START_TEST(s2_what_is_not_said)
{
	const struct sigchld_pool_options o =
	    read_well(SIGCHLD_POOL(.on_request = serve));

	ck_assert_uint_eq(o.workers_min, 3);
	ck_assert_uint_eq(o.workers_max, 10);
	ck_assert_uint_eq(o.spare_min, 0);
	ck_assert_uint_eq(o.spawn_burst, 32);
	ck_assert_uint_eq(o.tick_ms, 1000);
	ck_assert_uint_eq(o.spawn_rate, 0);
	ck_assert_uint_eq(o.idle_ms, 0);
	ck_assert_uint_eq(o.max_requests, 0);
	ck_assert_uint_eq(o.max_requests_jitter, 0);
	ck_assert_uint_eq(o.max_life_ms, 0);
	ck_assert_uint_eq(o.max_life_jitter_ms, 0);
	ck_assert_uint_eq(o.boot_ms, 60000);
	ck_assert_uint_eq(o.request_ms, 0);
	ck_assert_uint_eq(o.slow_ms, 0);
	ck_assert_uint_eq(o.beat_ms, 0);
	ck_assert_int_eq(o.abort_signal, SIGABRT);
	ck_assert_uint_eq(o.abort_ms, 1000);
	ck_assert_uint_eq(o.stop_ms, 30000);
	ck_assert_int_eq(o.stop_signal, SIGTERM);
	ck_assert_uint_eq(o.kill_ms, 5000);
	ck_assert_uint_eq(o.keepalive_ms, 5000);
	ck_assert_uint_eq(o.backoff_ms, 100);
	ck_assert_uint_eq(o.backoff_max_ms, 30000);
	ck_assert_uint_eq(o.stable_ms, 10000);
	ck_assert_uint_eq(o.give_up, 5);
	ck_assert_uint_eq(o.backlog_max, 1024);
	ck_assert_uint_eq(o.backlog_ttl_ms, 0);
	ck_assert_uint_eq(o.backlog_bytes, 16u << 20);
	ck_assert_uint_eq(o.request_max, 16u << 20);
	ck_assert_uint_eq(o.reply_max, 1u << 30);
}
END_TEST

START_TEST(s2_what_follows_from_what_is_said)
{
	struct sigchld_pool_options o;

	o = read_well(SIGCHLD_POOL(.on_request = serve,
	    .flags = SIGCHLD_POOL_ON_DEMAND));
	ck_assert_uint_eq(o.workers_min, 0);
	ck_assert_uint_eq(o.workers_max, 10);
	ck_assert_uint_eq(o.idle_ms, 10000);
	o = read_well(SIGCHLD_POOL(.on_request = serve, .workers_max = 2));
	ck_assert_uint_eq(o.workers_min, 2);
	o = read_well(SIGCHLD_POOL(.on_request = serve, .workers_min = 11));
	ck_assert_uint_eq(o.workers_max, 11);
	o = read_well(SIGCHLD_POOL(.on_request = serve, .spare_min = 4));
	ck_assert_uint_eq(o.spare_max, 4);
	o = read_well(SIGCHLD_POOL(.on_request = serve, .max_requests = 500,
	    .max_life_ms = 7000));
	ck_assert_uint_eq(o.max_requests_jitter, 50);
	ck_assert_uint_eq(o.max_life_jitter_ms, 700);
}
END_TEST

/* So no sum of two wraps: a long life does not become a short one. */
START_TEST(s2_no_time_is_longer_than_can_be_counted)
{
	const struct sigchld_pool_options o =
	    read_well(SIGCHLD_POOL(.on_request = serve, .stop_ms = TOO_LONG,
		.max_life_ms = TOO_LONG, .max_life_jitter_ms = TOO_LONG,
		.kill_ms = LONGEST));

	ck_assert_uint_eq(o.stop_ms, LONGEST);
	ck_assert_uint_eq(o.max_life_ms, LONGEST);
	ck_assert_uint_eq(o.max_life_jitter_ms, LONGEST);
	ck_assert_uint_eq(o.kill_ms, LONGEST);
}
END_TEST

START_TEST(s2_none_is_none)
{
	const struct sigchld_pool_options o =
	    read_well(SIGCHLD_POOL(.on_request = serve,
		.flags = SIGCHLD_POOL_ON_DEMAND, .idle_ms = SIGCHLD_POOL_NONE,
		.boot_ms = SIGCHLD_POOL_NONE, .abort_ms = SIGCHLD_POOL_NONE,
		.stop_ms = SIGCHLD_POOL_NONE, .kill_ms = SIGCHLD_POOL_NONE,
		.keepalive_ms = SIGCHLD_POOL_NONE,
		.stable_ms = SIGCHLD_POOL_NONE, .give_up = SIGCHLD_POOL_NONE,
		.max_requests = 100, .max_life_ms = 100,
		.max_requests_jitter = SIGCHLD_POOL_NONE,
		.max_life_jitter_ms = SIGCHLD_POOL_NONE));

	ck_assert_uint_eq(o.idle_ms + o.boot_ms + o.abort_ms + o.stop_ms +
		o.kill_ms + o.keepalive_ms + o.stable_ms + o.give_up +
		o.max_requests_jitter + o.max_life_jitter_ms,
	    0);
}
END_TEST

START_TEST(s2_what_is_wrong_is_refused)
{
	struct sigchld_pool_options o = { .size = sizeof(o) - 1 };

	refused(-EINVAL, NULL);
	refused(-EINVAL, &o);
	refused(-EINVAL, SIGCHLD_POOL(.zero = 0));
	refused(-EINVAL, SIGCHLD_POOL(.on_request = serve, .run = run));
	refused(-EINVAL, SIGCHLD_POOL(.on_request = serve, .zero = 1));
	refused(-EINVAL, SIGCHLD_POOL(.on_request = serve, .flags = 0x80));
	refused(-EINVAL, SIGCHLD_POOL(.on_request = serve, .n_fds = 1));
	refused(-EINVAL,
	    SIGCHLD_POOL(.run = run, .flags = SIGCHLD_POOL_ON_DEMAND));
	refused(-EINVAL,
	    SIGCHLD_POOL(.on_request = serve, .workers_min = 1,
		.flags = SIGCHLD_POOL_ON_DEMAND));
	refused(-EINVAL,
	    SIGCHLD_POOL(.on_request = serve, .workers_min = 5,
		.workers_max = 4));
	refused(-EINVAL,
	    SIGCHLD_POOL(.on_request = serve,
		.workers_max = SIGCHLD_POOL_MOST + 1));
	refused(-EINVAL,
	    SIGCHLD_POOL(.on_request = serve, .workers_max = 4,
		.spare_min = 5));
	refused(-EINVAL,
	    SIGCHLD_POOL(.on_request = serve, .spare_min = 2, .spare_max = 1));
	refused(-EINVAL, SIGCHLD_POOL(.on_request = serve, .stop_signal = -1));
	refused(-EINVAL,
	    SIGCHLD_POOL(.on_request = serve, .abort_signal = SIGRTMAX + 1));
	(void)read_well(SIGCHLD_POOL(.on_request = serve, .workers_max = 4,
	    .spare_min = 4, .abort_signal = SIGRTMAX));
	(void)read_well(SIGCHLD_POOL(.on_request = serve,
	    .workers_max = SIGCHLD_POOL_MOST));
}
END_TEST

/* Of a newer program: what it sets there is not known here. */
START_TEST(s2_options_of_another_release)
{
	struct {
		struct sigchld_pool_options o;
		unsigned char beyond[8];
	} newer = {
		.o = { .size = sizeof(newer), .on_request = serve },
	};

	ck_assert_uint_eq(read_well(&newer.o).size, sizeof(newer.o));
	newer.beyond[7] = 1;
	refused(-E2BIG, &newer.o);
	newer.o.size--;
	(void)read_well(&newer.o);
}
END_TEST

HARNESS("policy",
    {
	HARNESS_TEST(s2_what_is_not_said),
	HARNESS_TEST(s2_what_follows_from_what_is_said),
	HARNESS_TEST(s2_no_time_is_longer_than_can_be_counted),
	HARNESS_TEST(s2_none_is_none),
	HARNESS_TEST(s2_what_is_wrong_is_refused),
	HARNESS_TEST(s2_options_of_another_release),
    })
