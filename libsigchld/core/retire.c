/*
 * retire.c - the pidfds of children that are gone, closed together
 *
 * F5	A close costs as much as the reap before it. While a context runs its
 *	callbacks, pidfds are put by and closed all together at the end, or when
 *	there are many: after all that was harvested was looked up in the table,
 *	and before the set is asked again. So the edge that our own reap gives
 *	wakes nobody, and nobody finds the child that is gone.
 *
 * Children that were started one after the other have numbers in a row, and a
 * row is closed by one system call, for a sixth less each (measured; the rest is
 * the kernel's taking apart of the file). From when a number was taken out of
 * the table until it is closed it is ours, both under the no-fork lock: so there
 * is never somebody else's descriptor in a row.
 */
#include <stdbool.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/ctx.h"
#include "core/fds.h"
#include "core/retire.h"

/* There are few, and mostly in order. */
static void
put_in_order(int fds[SIGCHLD__RETIRED], unsigned int n, int fd)
{
	for (; n > 0 && fds[n - 1] > fd; n--)
		fds[n] = fds[n - 1];
	fds[n] = fd;
}

static unsigned int
take_all(struct sigchld_ctx *ctx, int fds[SIGCHLD__RETIRED])
{
	unsigned int i, n = 0;

	for (i = 0; i < ctx->n_retired; i++) {
		if (sigchld__fds_take_own(ctx->retired[i]))
			put_in_order(fds, n++, ctx->retired[i].fd);
	}
	ctx->n_retired = 0;
	return n;
}

static void
close_rows(const int fds[SIGCHLD__RETIRED], unsigned int n)
{
	unsigned int first, next;

	for (first = 0; first < n; first = next) {
		next = first + 1;
		while (next < n && fds[next] == fds[next - 1] + 1)
			next++;
		sigchld__sys_close_row(fds[first], fds[next - 1]);
	}
}

void
sigchld__retire_close(struct sigchld_ctx *ctx)
{
	int fds[SIGCHLD__RETIRED];

	if (ctx->n_retired == 0)
		return;
	sigchld__nofork_begin();
	close_rows(fds, take_all(ctx, fds));
	sigchld__nofork_end();
}

void
sigchld__retire(struct sigchld_ctx *ctx, struct sigchld_fdref pidfd)
{
	ctx->retired[ctx->n_retired++] = pidfd;
	if (!ctx->delivering || ctx->n_retired == SIGCHLD__RETIRED)
		sigchld__retire_close(ctx);
}
