/*
 * poller.h - the one descriptor that an event loop needs for a context
 *
 * On Linux an epoll set (poller_epoll.c); in the portable build the read end of
 * the self-pipe (poller_poll.c), which cannot stand for the application's own
 * descriptors or for a deadline: sigchld_wait polls those, sigchld_timeout
 * tells.
 */
#ifndef SIGCHLD_CORE_POLLER_H
#define SIGCHLD_CORE_POLLER_H

#include <stdbool.h>
#include <stdint.h>

struct pollfd;

struct sigchld__poller {
	int fd;           /* [I] what sigchld_fd gives; -1: not open */
	uint32_t group;   /* [I] whose descriptors */
	int timer;        /* [C] a timerfd in the set; -1: none */
	bool no_timer;    /* [C] it was refused */
	uint32_t n_polls; /* room in the two below; of whoever dispatches */
	uint32_t start;
	struct pollfd *polls;
	uint32_t *generations;
};

struct sigchld__ready {
	int fd;
	uint32_t generation;
	uint32_t revents;
};

#define SIGCHLD__HARVEST 64 /* ready ones at a time */

int sigchld__poller_open(struct sigchld__poller *poller, uint32_t group,
    int selfpipe_rd);

/* Free what it allocated. Descriptors are closed by the table. */
void sigchld__poller_close(struct sigchld__poller *poller);

/* Watch a descriptor. edge: tell once each time that it becomes ready, so that
 * nobody needs to drain it; a poll has no such thing, and tells anyway. */
int sigchld__poller_add(struct sigchld__poller *poller, int fd,
    uint32_t generation, uint32_t events, bool edge);
int sigchld__poller_change(struct sigchld__poller *poller, int fd,
    uint32_t generation, uint32_t events);
void sigchld__poller_remove(struct sigchld__poller *poller, int fd);

/* A set apart, of one descriptor: tell once each time that it is readable. */
int sigchld__poller_new_set(void);
int sigchld__poller_add_edge(int set, int fd);
void sigchld__poller_take_edge(int set);

/* Wait for at most timeout_ms. Gives how many are ready, or -errno, -EINTR
 * included. Only one thread at a time. */
int sigchld__poller_harvest(struct sigchld__poller *poller,
    struct sigchld__ready ready[SIGCHLD__HARVEST], int timeout_ms);

/* Is readiness told once only (true), or until drained? */
bool sigchld__poller_has_edges(void);

#endif
