/*
 * test_stats.c - numbers
 */
#include "help.h"

START_TEST(each_counts_what_it_says)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_stats zero = stats_of(ctx), stats;
	struct harness_log log = { .count = 0 };
	struct harness_child held;
	pid_t stolen;

	ck_assert_uint_eq(zero.size, sizeof(zero));
	ck_assert_uint_eq(zero.children + zero.signals + zero.wakeups, 0);
	held = harness_fork_watched(ctx, NULL, 0, 0, harness_on_event, &log);
	(void)watched_zombie(ctx, NULL, 0, harness_on_event, &log);
	stolen = watched_zombie(ctx, NULL, 0, harness_on_event, &log);
	reap_by_hand(stolen);
	ck_assert_uint_eq(stats_of(ctx).children, 3);
	MUST_BE(2, sigchld_dispatch(ctx));
	stats = stats_of(ctx);
	ck_assert_uint_eq(stats.children, 1);
	ck_assert_uint_eq(stats.signals, 2);
	ck_assert_uint_eq(stats.deferred, 0);
	ck_assert_uint_eq(stats.wakeups, 1);
	ck_assert_uint_eq(stats.reaped, 1);
	ck_assert_uint_eq(stats.stolen, 1);
	ck_assert_uint_eq(stats.sweeps, 1);
	ck_assert_uint_eq(stats.dispatches, 1);
	ck_assert_uint_eq(stats.pidfds + stats.demoted + stats.strays +
		stats.recovered + stats.faults,
	    0);
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 3);
	ck_assert_uint_eq(stats_of(ctx).reaped, 2);
	sigchld_free(ctx);
}
END_TEST

START_TEST(each_counts_what_it_says_on_pidfds)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_stats stats;
	struct harness_log log = { .count = 0 };
	struct harness_child held;
	pid_t stolen;

	if (!harness_on_pidfds())
		harness_skip("no child is on a pidfd here");
	held = harness_fork_watched(ctx, NULL, 0, 0, harness_on_event, &log);
	(void)watched_zombie(ctx, NULL, 0, harness_on_event, &log);
	stolen = watched_zombie(ctx, NULL, 0, harness_on_event, &log);
	reap_by_hand(stolen);
	ck_assert_uint_eq(stats_of(ctx).pidfds, 3);
	MUST_BE(2, sigchld_dispatch(ctx));
	stats = stats_of(ctx);
	ck_assert_uint_eq(stats.children, 1);
	ck_assert_uint_eq(stats.pidfds, 1);
	ck_assert_uint_eq(stats.reaped, 1);
	ck_assert_uint_eq(stats.stolen, 1);
	ck_assert_uint_eq(stats.recovered, harness_recovers());
	ck_assert_uint_eq(stats.dispatches, 1);
	ck_assert_uint_eq(stats.signals + stats.deferred + stats.wakeups +
		stats.sweeps + stats.timed + stats.demoted + stats.faults,
	    0);
	harness_release(&held);
	harness_wait_for(ctx, &log.count, 3);
	ck_assert_uint_eq(stats_of(ctx).pidfds, 0);
	sigchld_free(ctx);
}
END_TEST

/* Of any age: no byte beyond the caller's size is written. */
START_TEST(an_older_or_newer_struct_is_filled_as_far_as_it_goes)
{
	struct {
		struct sigchld_stats stats;
		unsigned char beyond[64];
	} room;
	struct sigchld_ctx *ctx = open_ctx(NULL);
	const unsigned char *byte = (unsigned char *)&room;
	size_t size, i;

	for (size = sizeof(size_t) + sizeof(uint64_t);
	     size <= sizeof(room.stats); size += sizeof(uint64_t)) {
		memset(&room, 0xaa, sizeof(room));
		room.stats.size = size;
		MUST_BE(0, sigchld_get_stats(ctx, &room.stats));
		ck_assert_uint_eq(room.stats.size, size);
		for (i = size; i < sizeof(room); i++)
			ck_assert_uint_eq(byte[i], 0xaa);
		ck_assert_uint_eq(room.stats.children, 0);
	}
	memset(&room, 0xaa, sizeof(room));
	room.stats.size = sizeof(room);
	MUST_BE(0, sigchld_get_stats(ctx, &room.stats));
	ck_assert_uint_eq(room.stats.size, sizeof(room.stats));
	for (i = sizeof(room.stats); i < sizeof(room); i++)
		ck_assert_uint_eq(byte[i], 0xaa);
	sigchld_free(ctx);
}
END_TEST

START_TEST(wrong_use_is_refused)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_stats stats = { .size = sizeof(stats) };

	MUST_BE(-EINVAL, sigchld_get_stats(NULL, &stats));
	MUST_BE(-EINVAL, sigchld_get_stats(ctx, NULL));
	stats.size = 0;
	MUST_BE(-EINVAL, sigchld_get_stats(ctx, &stats));
	stats.size = sizeof(size_t);
	MUST_BE(-EINVAL, sigchld_get_stats(ctx, &stats));
	ck_assert_uint_eq(stats.size, sizeof(size_t));
	sigchld_free(ctx);
}
END_TEST

HARNESS("stats",
    {
	HARNESS_SIGNAL_TEST(each_counts_what_it_says),
	HARNESS_PIDFD_TEST(each_counts_what_it_says_on_pidfds),
	HARNESS_TEST(an_older_or_newer_struct_is_filled_as_far_as_it_goes),
	HARNESS_TEST(wrong_use_is_refused),
    })
