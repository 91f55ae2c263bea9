/* stats.c - numbers; what there is no log for */
#include <errno.h>
#include <string.h>

#include "core/ctx.h"

#define FIRST_SIZE (sizeof(size_t) + sizeof(uint64_t))

int
sigchld_get_stats(struct sigchld_ctx *ctx, struct sigchld_stats *stats)
{
	struct sigchld_stats now;
	size_t size;
	int rc;

	rc = sigchld__ctx_check(ctx);
	if (rc < 0)
		return rc;
	if (stats == NULL || stats->size < FIRST_SIZE)
		return -EINVAL;
	sigchld__ctx_lock(ctx);
	now = ctx->stats;
	now.children = ctx->n_children;
	now.pidfds = ctx->n_polled;
	sigchld__ctx_unlock(ctx);
	now.signals = atomic_load(&sigchld__signal_users.walks);
	now.deferred = atomic_load(&sigchld__signal_users.deferred);
	now.wakeups = atomic_load(&ctx->user.wakeups);
	size = stats->size < sizeof(now) ? stats->size : sizeof(now);
	now.size = size;
	(void)memcpy(stats, &now, size);
	return 0;
}
