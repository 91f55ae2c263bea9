/*
 * poller_epoll.c - the one descriptor of a context, on Linux
 *
 * The data word of an entry is generation and number, never a pointer: a
 * forked process that holds a copy of a descriptor keeps its entry in the set
 * after we closed ours, so a word may come back when what it meant is gone.
 * Whoever harvests asks the table whether it still means something.
 *
 * The self-pipe and the timer are edge-triggered: a harvest is their drain, no
 * read is needed, and nobody who inherits the eventfd can make us block in one.
 */
#include "core/poller.h"

#ifndef SIGCHLD_PORTABLE

#	include <errno.h>
#	include <sys/epoll.h>

#	include "core/sys.h"

static uint64_t
data_word(int fd, uint32_t generation)
{
	return (uint64_t)generation << 32 | (uint32_t)fd;
}

bool
sigchld__poller_has_edges(void)
{
	return true;
}

int
sigchld__poller_open(struct sigchld__poller *poller, uint32_t group,
    int selfpipe_rd)
{
	int fd = sigchld__sys_epoll_create();

	(void)selfpipe_rd;
	if (fd < 0)
		return fd;
	poller->fd = fd;
	poller->group = group;
	return 0;
}

void
sigchld__poller_close(struct sigchld__poller *poller)
{
	poller->fd = -1;
}

int
sigchld__poller_add(struct sigchld__poller *poller, int fd, uint32_t generation,
    uint32_t events, bool edge)
{
	int rc;

	rc = sigchld__sys_epoll_ctl(poller->fd, EPOLL_CTL_ADD, fd,
	    events | (edge ? (uint32_t)EPOLLET : 0), data_word(fd, generation));
	return rc == -EPERM ? -ENOTSUP : rc; /* it cannot be polled */
}

int
sigchld__poller_change(struct sigchld__poller *poller, int fd,
    uint32_t generation, uint32_t events)
{
	return sigchld__sys_epoll_ctl(poller->fd, EPOLL_CTL_MOD, fd, events,
	    data_word(fd, generation));
}

int
sigchld__poller_new_set(void)
{
	return sigchld__sys_epoll_create();
}

int
sigchld__poller_add_edge(int set, int fd)
{
	return sigchld__sys_epoll_ctl(set, EPOLL_CTL_ADD, fd,
	    EPOLLIN | (uint32_t)EPOLLET, 0);
}

void
sigchld__poller_take_edge(int set)
{
	struct epoll_event event;

	(void)sigchld__sys_epoll_wait(set, &event, 1, 0);
}

void
sigchld__poller_remove(struct sigchld__poller *poller, int fd)
{
	(void)sigchld__sys_epoll_ctl(poller->fd, EPOLL_CTL_DEL, fd, 0, 0);
}

int
sigchld__poller_harvest(struct sigchld__poller *poller,
    struct sigchld__ready ready[SIGCHLD__HARVEST], int timeout_ms)
{
	struct epoll_event events[SIGCHLD__HARVEST];
	int i, n;

	n = sigchld__sys_epoll_wait(poller->fd, events, SIGCHLD__HARVEST,
	    timeout_ms);
	for (i = 0; i < n; i++) {
		ready[i].fd = (int)(events[i].data.u64 & 0xffffffffu);
		ready[i].generation = (uint32_t)(events[i].data.u64 >> 32);
		ready[i].revents = events[i].events;
	}
	return n;
}

#endif
