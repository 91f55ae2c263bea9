/*
 * selfpipe.h - what a signal handler writes to and an event loop polls
 *
 * An eventfd on Linux. In the portable build a socketpair rather than a pipe:
 * O_NONBLOCK belongs to the open file, which a forked child shares and may
 * change, and a write to a pipe without a reader kills; a send asks for
 * MSG_DONTWAIT and MSG_NOSIGNAL each time. The bytes carry no meaning. A forked
 * child that both takes O_NONBLOCK off an eventfd and fills it can make its
 * parent's handler block: it would have to be this very program, before an exec,
 * and mean it.
 */
#ifndef SIGCHLD_ASYNC_SELFPIPE_H
#define SIGCHLD_ASYNC_SELFPIPE_H

struct sigchld__selfpipe {
	int rd; /* poll and drain this; -1: not open */
	int wr; /* the same descriptor where there is an eventfd */
};

#define SIGCHLD__SELFPIPE_CLOSED \
	{ \
		-1, -1 \
	}

/* Both ends close-on-exec and never blocking. Under the no-fork lock. */
int sigchld__selfpipe_open(struct sigchld__selfpipe *pipe);
void sigchld__selfpipe_close(struct sigchld__selfpipe *pipe);

/* Make rd readable. Async-signal-safe. A full pipe is success: it is readable.
 */
int sigchld__selfpipe_write(const struct sigchld__selfpipe *pipe);

/* Make rd unreadable. */
int sigchld__selfpipe_drain(const struct sigchld__selfpipe *pipe);

#endif
