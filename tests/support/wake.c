/*
 * wake.c - how the contexts of a test are woken
 *
 * The tests are linked so that their calls of sigchld_new and sigchld_configure
 * come here. A context that leaves its wake to the library (AUTO, and the
 * handler is the library's) gets the one that HARNESS_WAKE in the environment
 * says, so that one test shows the same thing under each wake. For a test that
 * is about one wake the harness sets it.
 *
 * Apart from the rest, so that tests of async/ need no context to link.
 */
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "pidfds.h"

int __real_sigchld_new(struct sigchld_ctx **ret_ctx,
    const struct sigchld_options *options);
int __wrap_sigchld_new(struct sigchld_ctx **ret_ctx,
    const struct sigchld_options *options);
int __real_sigchld_configure(struct sigchld_ctx *ctx,
    const struct sigchld_options *options);
int __wrap_sigchld_configure(struct sigchld_ctx *ctx,
    const struct sigchld_options *options);

static uint32_t
wake(void)
{
	const char *name = getenv("HARNESS_WAKE");

	if (name != NULL && strcmp(name, "signal") == 0)
		return SIGCHLD_WAKE_SIGNAL;
	if (name != NULL && strcmp(name, "pidfd") == 0)
		return SIGCHLD_WAKE_PIDFD;
	return SIGCHLD_WAKE_AUTO;
}

bool
harness_on_pidfds(void)
{
	return wake() != SIGCHLD_WAKE_SIGNAL && harness_has_pidfds();
}

bool
harness_recovers(void)
{
	return harness_on_pidfds() && pidfds_remember;
}

/* Options of another size are about that size, and stay as they are. */
static bool
may_change(const struct sigchld_options *options)
{
	return options->size == sizeof(*options) &&
	    options->handler == SIGCHLD_HANDLER_LIBRARY &&
	    options->wake == SIGCHLD_WAKE_AUTO;
}

static const struct sigchld_options *
with_wake(const struct sigchld_options *options, struct sigchld_options *copy)
{
	if (wake() == SIGCHLD_WAKE_AUTO ||
	    (options != NULL && !may_change(options)))
		return options;
	*copy = (struct sigchld_options){ .size = sizeof(*copy) };
	if (options != NULL)
		*copy = *options;
	copy->wake = wake();
	return copy;
}

int
__wrap_sigchld_new(struct sigchld_ctx **ret_ctx,
    const struct sigchld_options *options)
{
	struct sigchld_options copy;

	return __real_sigchld_new(ret_ctx, with_wake(options, &copy));
}

int
__wrap_sigchld_configure(struct sigchld_ctx *ctx,
    const struct sigchld_options *options)
{
	struct sigchld_options copy;

	return __real_sigchld_configure(ctx, with_wake(options, &copy));
}
