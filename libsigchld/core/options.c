/*
 * options.c - the options of a context, of any age
 *
 * A caller built with a newer header has a longer struct: fine, as long as what
 * we do not know of is zero, which is always the default. One that is shorter
 * than the first release's is a mistake.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core/ctx.h"
#include "core/pidfd.h"

#define FIRST_SIZE sizeof(struct sigchld_options)

_Static_assert(sizeof(struct sigchld_options) ==
	sizeof(size_t) + 4 * sizeof(uint32_t) + 4 * sizeof(void *),
    "padding is not promised to be zero, so there must be none");

static bool
tail_is_zero(const struct sigchld_options *options)
{
	const unsigned char *byte = (const unsigned char *)options;
	size_t i;

	for (i = sizeof(*options); i < options->size; i++) {
		if (byte[i] != 0)
			return false;
	}
	return true;
}

/* Who leaves the handling to the application gets no handler from us, so he can
 * ask nothing of it. */
static int
check(const struct sigchld_options *o)
{
	const uint32_t known =
	    SIGCHLD_ALWAYS | SIGCHLD_NOCHAIN | SIGCHLD_SUBREAPER;

	if (o->handler > SIGCHLD_HANDLER_APP || o->wake > SIGCHLD_WAKE_PIDFD ||
	    o->flags & ~known)
		return -EINVAL;
	if (o->flags & SIGCHLD_SUBREAPER && o->on_stray == NULL)
		return -EINVAL;
	if (o->handler == SIGCHLD_HANDLER_APP &&
	    (o->flags != 0 || o->wake == SIGCHLD_WAKE_PIDFD))
		return -EINVAL;
	/* AUTO asks too, so that the first birth need not. */
	if (o->handler == SIGCHLD_HANDLER_APP ||
	    o->wake == SIGCHLD_WAKE_SIGNAL || sigchld__pidfds_here())
		return 0;
	return o->wake == SIGCHLD_WAKE_PIDFD ? -ENOTSUP : 0;
}

int
sigchld__options_read(struct sigchld_options *ret_options,
    const struct sigchld_options *options)
{
	struct sigchld_options read = { .size = sizeof(read) };
	int rc;

	if (options != NULL) {
		if (options->size < FIRST_SIZE)
			return -EINVAL;
		if (options->size > sizeof(read) && !tail_is_zero(options))
			return -E2BIG;
		(void)memcpy(&read, options, sizeof(read));
		read.size = sizeof(read);
	}
	rc = check(&read);
	if (rc == 0)
		*ret_options = read;
	return rc;
}
