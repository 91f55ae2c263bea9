/*
 * test_options.c - the options of a context, of any age
 */
#include "help.h"

/* As a newer release might have it. */
struct newer {
	struct sigchld_options options;
	uint64_t tail[4];
};

static char anything;
static struct sigchld_ctx *const untouched = (void *)&anything;

static void
refused(int want, const struct sigchld_options *options)
{
	struct sigchld_ctx *ctx = untouched;

	MUST_BE(want, sigchld_new(&ctx, options));
	ck_assert_ptr_eq(ctx, untouched);
}

START_TEST(none_are_the_default)
{
	struct sigchld_options zero = { .size = sizeof(zero) };

	sigchld_free(open_ctx(NULL));
	sigchld_free(open_ctx(&zero));
	sigchld_free(open_ctx(SIGCHLD_OPTIONS(.flags = 0)));
}
END_TEST

START_TEST(older_than_the_first_release_is_a_mistake)
{
	struct sigchld_options options = { .size = 0 };

	for (; options.size < sizeof(options); options.size++)
		refused(-EINVAL, &options);
	options.size = sizeof(options);
	sigchld_free(open_ctx(&options));
}
END_TEST

START_TEST(newer_with_a_zero_tail_is_fine)
{
	struct newer newer = { .options.size = sizeof(newer) };
	struct sigchld_ctx *ctx;

	newer.options.flags = SIGCHLD_ALWAYS;
	ctx = open_ctx(&newer.options);
	ck_assert(!handler_is(SIG_DFL)); /* what we know was read */
	MUST_BE(0, sigchld_configure(ctx, &newer.options));
	sigchld_free(ctx);
}
END_TEST

START_TEST(newer_with_any_byte_set_is_too_big)
{
	struct newer newer = { .options.size = sizeof(newer) };
	struct sigchld_ctx *ctx = open_ctx(NULL);
	unsigned char *byte = (unsigned char *)newer.tail;
	size_t i;

	for (i = 0; i < sizeof(newer.tail); i++) {
		byte[i] = 1;
		refused(-E2BIG, &newer.options);
		MUST_BE(-E2BIG, sigchld_configure(ctx, &newer.options));
		byte[i] = 0;
	}
	/* Beyond its size nothing is looked at. */
	byte[8] = 1;
	newer.options.size = sizeof(newer.options) + 8;
	MUST_BE(0, sigchld_configure(ctx, &newer.options));
	sigchld_free(ctx);
}
END_TEST

START_TEST(unknown_values_are_refused)
{
	refused(-EINVAL, SIGCHLD_OPTIONS(.handler = 2));
	refused(-EINVAL, SIGCHLD_OPTIONS(.handler = 0xffffffffu));
	refused(-EINVAL, SIGCHLD_OPTIONS(.wake = 3));
	refused(-EINVAL, SIGCHLD_OPTIONS(.flags = 4));
	refused(-EINVAL, SIGCHLD_OPTIONS(.flags = 0x80000000u));
	sigchld_free(open_ctx(SIGCHLD_OPTIONS(.max_pidfds = 7)));
}
END_TEST

START_TEST(wakes_that_this_build_has)
{
	sigchld_free(open_ctx(SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_AUTO)));
	sigchld_free(open_ctx(SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_SIGNAL)));
	if (harness_has_pidfds())
		sigchld_free(open_ctx(SIGCHLD_OPTIONS(.wake =
							  SIGCHLD_WAKE_PIDFD)));
	else
		refused(-ENOTSUP, SIGCHLD_OPTIONS(.wake = SIGCHLD_WAKE_PIDFD));
}
END_TEST

/* They are copied before the call returns. */
START_TEST(they_may_go_away)
{
	struct harness_log log = { .count = 0 };
	struct sigchld_options *options = calloc(1, sizeof(*options));
	struct sigchld_ctx *ctx;

	options->size = sizeof(*options);
	options->flags = SIGCHLD_ALWAYS;
	ctx = open_ctx(options);
	memset(options, 0xff, sizeof(*options));
	free(options);
	(void)watched_zombie(ctx, NULL, 1, harness_on_event, &log);
	harness_wait_for(ctx, &log.count, 1);
	ck_assert(!handler_is(SIG_DFL));
	sigchld_free(ctx);
}
END_TEST

HARNESS("options",
    {
	HARNESS_TEST(none_are_the_default),
	HARNESS_TEST(older_than_the_first_release_is_a_mistake),
	HARNESS_TEST(newer_with_a_zero_tail_is_fine),
	HARNESS_TEST(newer_with_any_byte_set_is_too_big),
	HARNESS_TEST(unknown_values_are_refused),
	HARNESS_TEST(wakes_that_this_build_has),
	HARNESS_TEST(they_may_go_away),
    })
