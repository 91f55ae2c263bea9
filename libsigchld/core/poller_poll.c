/*
 * poller_poll.c - the one descriptor of a context, with POSIX calls alone
 *
 * There is no set in the kernel: each harvest asks the table for what this
 * context owns and polls that. So adding and removing is nothing, and whoever
 * adds wakes the context, in case it sleeps in a poll that was begun before.
 */
#include "core/poller.h"

#ifdef SIGCHLD_PORTABLE

#	include <errno.h>
#	include <poll.h>
#	include <stdlib.h>

#	include "async/fdtab.h"
#	include "core/fds.h"
#	include "core/sys.h"

bool
sigchld__poller_has_edges(void)
{
	return false;
}

int
sigchld__poller_open(struct sigchld__poller *poller, uint32_t group,
    int selfpipe_rd)
{
	poller->fd = selfpipe_rd;
	poller->group = group;
	poller->no_timer = true;
	return 0;
}

void
sigchld__poller_close(struct sigchld__poller *poller)
{
	free(poller->polls);
	free(poller->generations);
	poller->polls = NULL;
	poller->generations = NULL;
	poller->n_polls = 0;
	poller->fd = -1;
}

int
sigchld__poller_add(struct sigchld__poller *poller, int fd, uint32_t generation,
    uint32_t events, bool edge)
{
	(void)poller;
	(void)fd;
	(void)generation;
	(void)events;
	(void)edge;
	return 0;
}

int
sigchld__poller_change(struct sigchld__poller *poller, int fd,
    uint32_t generation, uint32_t events)
{
	return sigchld__poller_add(poller, fd, generation, events, false);
}

void
sigchld__poller_remove(struct sigchld__poller *poller, int fd)
{
	(void)poller;
	(void)fd;
}

/* There are no pidfds here to ask this for. */
int
sigchld__poller_new_set(void)
{
	return -ENOTSUP;
}

int
sigchld__poller_add_edge(int set, int fd)
{
	(void)set;
	(void)fd;
	return -ENOTSUP;
}

void
sigchld__poller_take_edge(int set)
{
	(void)set;
}

struct collection {
	struct sigchld__poller *poller;
	uint32_t n; /* found, even if there was no room */
};

static void
collect(int fd, struct sigchld__fdentry *entry, void *user)
{
	struct collection *found = user;
	struct sigchld__poller *poller = found->poller;
	uint32_t events = atomic_load(&entry->events);

	if (events == 0 || sigchld__fd_grab(fd, poller->group) < 0)
		return;
	if (found->n < poller->n_polls) {
		poller->polls[found->n].fd = fd;
		poller->polls[found->n].events = (short)events;
		poller->generations[found->n] = entry->generation;
	}
	found->n++;
	(void)sigchld__fds_drop(fd);
}

/* Room for n. Without memory what there is must do; the rest waits its turn. */
static void
make_room(struct sigchld__poller *poller, uint32_t n)
{
	struct pollfd *polls = realloc(poller->polls, n * sizeof(*polls));
	uint32_t *generations;

	if (polls == NULL)
		return;
	poller->polls = polls;
	generations = realloc(poller->generations, n * sizeof(*generations));
	if (generations == NULL)
		return;
	poller->generations = generations;
	poller->n_polls = n;
}

int
sigchld__poller_harvest(struct sigchld__poller *poller,
    struct sigchld__ready ready[SIGCHLD__HARVEST], int timeout_ms)
{
	struct collection found = { .poller = poller };
	uint32_t i, n, at;
	int rc, out = 0;

	sigchld__fd_foreach(collect, &found);
	if (found.n > poller->n_polls) {
		make_room(poller, found.n + 8);
		found.n = 0;
		sigchld__fd_foreach(collect, &found);
	}
	n = found.n < poller->n_polls ? found.n : poller->n_polls;
	rc = sigchld__sys_poll(poller->polls, n, timeout_ms);
	/* Begin where the last one ended: no busy descriptor starves another. */
	for (i = 0; rc > 0 && i < n && out < SIGCHLD__HARVEST; i++) {
		at = (poller->start + i) % n;
		if (poller->polls[at].revents == 0)
			continue;
		ready[out].fd = poller->polls[at].fd;
		ready[out].generation = poller->generations[at];
		ready[out++].revents =
		    (uint32_t)(uint16_t)poller->polls[at].revents;
	}
	poller->start += i;
	return rc < 0 ? rc : out;
}

#endif
