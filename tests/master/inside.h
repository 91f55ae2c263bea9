/* inside.h - of a master that is in the process of the test */
#ifndef TESTS_MASTER_INSIDE_H
#define TESTS_MASTER_INSIDE_H

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>

#include <sigchld/master.h>

#include "harness.h"

/* A worker that only waits until it is told to go. */
static inline int
work_until_told(struct sigchld_worker *w)
{
	struct pollfd pfd = { .fd = sigchld_worker_fd(w), .events = POLLIN };

	while (!sigchld_worker_stopping(w)) {
		(void)poll(&pfd, 1, -1);
		if (sigchld_worker_dispatch(w) == -EPIPE)
			break;
	}
	return 0;
}

/* There is no master any more: the context reaps those whom nobody knows. */
static inline void
reap_all(struct sigchld_ctx *ctx)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	siginfo_t info;

	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
		ck_assert_int_lt(harness_now_ms(), deadline);
		ck_assert_int_ge(sigchld_wait(ctx, 20), 0);
	}
	sigchld_free(ctx);
}

#endif
