/*
 * test_poller.c - what a context's poller tells of
 *
 * The same tests for both: the epoll set, and the poll of the portable build.
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <sigchld/fd.h>

#include "core/poller.h"
#include "harness.h"

#define MANY (3 * SIGCHLD__HARVEST)

struct counted {
	int calls[MANY];
	int fds[MANY][2];
	struct sigchld_fdref refs[MANY];
};

static void
count(struct sigchld_ctx *ctx, struct sigchld_fdref ref, uint32_t revents,
    void *user)
{
	struct counted *c = user;
	int i;

	(void)ctx;
	ck_assert_uint_eq(revents, POLLIN);
	for (i = 0; c->fds[i][0] != ref.fd; i++)
		ck_assert_int_lt(i, MANY - 1);
	ck_assert_uint_eq(ref.generation, c->refs[i].generation);
	c->calls[i]++;
}

/* n pipes with a byte in each, all in the context. */
static struct sigchld_ctx *
open_ready(struct counted *c, int n)
{
	struct sigchld_ctx *ctx;
	int i;

	(void)memset(c, 0, sizeof(*c));
	ck_assert_int_eq(sigchld_new(&ctx, NULL), 0);
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(pipe(c->fds[i]), 0);
		ck_assert_int_eq(write(c->fds[i][1], "", 1), 1);
		ck_assert_int_eq(sigchld_fd_insert(ctx, &c->refs[i],
				     c->fds[i][0], POLLIN, count, c),
		    0);
	}
	return ctx;
}

static void
close_ready(struct sigchld_ctx *ctx, struct counted *c, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		ck_assert_int_eq(sigchld_fd_close(c->refs[i]), 0);
		ck_assert_int_eq(close(c->fds[i][1]), 0);
	}
	sigchld_free(ctx);
}

static int
least_calls(const struct counted *c, int n)
{
	int i, least = c->calls[0];

	for (i = 1; i < n; i++)
		least = c->calls[i] < least ? c->calls[i] : least;
	return least;
}

/* More are ready, and stay so, than one harvest takes. */
START_TEST(g11_no_ready_descriptor_starves_another)
{
	struct counted c;
	struct sigchld_ctx *ctx = open_ready(&c, MANY);
	int round;

	/* Three rounds, and one for the wakes in the portable self-pipe. */
	for (round = 0; round < 4; round++)
		ck_assert_int_gt(sigchld_dispatch(ctx), 0);
	ck_assert_int_ge(least_calls(&c, MANY), 1);
	close_ready(ctx, &c, MANY);
}
END_TEST

START_TEST(a_descriptor_is_told_of_until_it_is_drained)
{
	struct counted c;
	struct sigchld_ctx *ctx = open_ready(&c, 1);
	char byte;

	ck_assert_int_eq(sigchld_dispatch(ctx), 1);
	ck_assert_int_eq(sigchld_dispatch(ctx), 1);
	ck_assert_int_eq(read(c.fds[0][0], &byte, 1), 1);
	ck_assert_int_eq(sigchld_dispatch(ctx), 0);
	close_ready(ctx, &c, 1);
}
END_TEST

START_TEST(other_events_are_told_of_from_the_next_dispatch_on)
{
	struct counted c;
	struct sigchld_ctx *ctx = open_ready(&c, 1);

	ck_assert_int_eq(sigchld_fd_events(c.refs[0], 0), 0);
	ck_assert_int_eq(sigchld_dispatch(ctx), 0);
	ck_assert_int_eq(sigchld_fd_events(c.refs[0], POLLIN), 0);
	ck_assert_int_eq(sigchld_dispatch(ctx), 1);
	close_ready(ctx, &c, 1);
}
END_TEST

/* A wake is told once: its harvest, or its drain, is the end of it. */
START_TEST(c2_a_wake_is_told_once)
{
	struct sigchld_ctx *ctx;

	ck_assert_int_eq(sigchld_new(&ctx, NULL), 0);
	ck_assert(!harness_readable(sigchld_fd(ctx), 0));
	ck_assert_int_eq(sigchld_occurred(ctx), 0);
	ck_assert(harness_readable(sigchld_fd(ctx), 0));
	ck_assert(harness_readable(sigchld_fd(ctx), 0));
	ck_assert_int_eq(sigchld_dispatch(ctx), 0);
	ck_assert(!harness_readable(sigchld_fd(ctx), 0));
	sigchld_free(ctx);
}
END_TEST

/* The set stands for the application's descriptors, too; a self-pipe cannot. */
START_TEST(the_descriptor_stands_for_those_of_the_application)
{
	struct counted c;
	struct sigchld_ctx *ctx = open_ready(&c, 1);

	(void)sigchld_dispatch(ctx);
#ifdef SIGCHLD_PORTABLE
	ck_assert(!harness_readable(sigchld_fd(ctx), 0));
#else
	ck_assert(harness_readable(sigchld_fd(ctx), 0));
#endif
	close_ready(ctx, &c, 1);
}
END_TEST

/* No child, no signal: a wait ends all the same. */
START_TEST(a_wait_is_woken_by_what_the_application_inserted)
{
	struct counted c;
	struct sigchld_ctx *ctx = open_ready(&c, 2);

	ck_assert_int_eq(sigchld_wait(ctx, -1), 2);
	ck_assert_int_eq(c.calls[0], 1);
	ck_assert_int_eq(c.calls[1], 1);
	close_ready(ctx, &c, 2);
}
END_TEST

HARNESS("poller",
    {
	HARNESS_TEST(g11_no_ready_descriptor_starves_another),
	HARNESS_TEST(a_descriptor_is_told_of_until_it_is_drained),
	HARNESS_TEST(other_events_are_told_of_from_the_next_dispatch_on),
	HARNESS_TEST(c2_a_wake_is_told_once),
	HARNESS_TEST(the_descriptor_stands_for_those_of_the_application),
	HARNESS_TEST(a_wait_is_woken_by_what_the_application_inserted),
    })
