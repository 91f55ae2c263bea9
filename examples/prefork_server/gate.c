/*
 * gate.c - the connections of the parent, in its context
 *
 * Two descriptors stand in the context's table, each with a callback: the
 * listening socket, and that of the web. sigchld_wait dispatches them as it
 * does the deaths of workers; no other loop is needed. Forked workers close
 * them.
 */
#include "gate.h"

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	IDLE_S = 30
};

/* Half of the descriptors are for clients: the rest is for the workers. */
static unsigned
most_connections(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 512;
	return limit.rlim_cur / 2 < 100000 ? (unsigned)limit.rlim_cur / 2
					   : 100000;
}

/* While it is full, who wants to connect waits in the queue of the kernel. */
static void
look(struct gate *gate)
{
	bool full = web_connections(gate->web) >= gate->most;

	if (full == gate->full || gate->listening.fd < 0)
		return;
	if (sigchld_fd_events(gate->listening, full ? 0 : POLLIN) == 0)
		gate->full = full;
}

static void
on_connect(struct sigchld_ctx *ctx, struct sigchld_fdref ref, uint32_t revents,
    void *user)
{
	struct gate *gate = user;

	(void)ctx, (void)revents;
	(void)web_accept(gate->web, ref.fd);
}

/* It has ended the wait: gate_run comes after it in any case. */
static void
on_web(struct sigchld_ctx *ctx, struct sigchld_fdref ref, uint32_t revents,
    void *user)
{
	(void)ctx, (void)ref, (void)revents, (void)user;
}

int
gate_open(struct gate *gate, struct sigchld_ctx *ctx, int listen_fd,
    web_ask_fn *ask, void *user)
{
	int rc;

	*gate = (struct gate){ .listening = { -1, 0 },
		.polled = { -1, 0 },
		.most = most_connections() };
	rc = web_new(&gate->web, gate->most, IDLE_S, ask, user);
	if (rc == 0)
		rc = sigchld_fd_insert(ctx, &gate->polled, web_fd(gate->web),
		    POLLIN, on_web, gate);
	if (rc == 0)
		rc = sigchld_fd_insert(ctx, &gate->listening, listen_fd, POLLIN,
		    on_connect, gate);
	if (rc < 0) {
		(void)close(listen_fd);
		gate_close(gate);
	}
	return rc;
}

int
gate_timeout(const struct gate *gate)
{
	return web_timeout(gate->web);
}

void
gate_run(struct gate *gate)
{
	web_run(gate->web);
	look(gate);
}

void
gate_finish(struct gate *gate)
{
	if (gate->listening.fd >= 0)
		(void)sigchld_fd_close(gate->listening);
	gate->listening.fd = -1;
	web_finish(gate->web);
}

bool
gate_finished(const struct gate *gate)
{
	return web_finished(gate->web);
}

void
gate_close(struct gate *gate)
{
	if (gate->listening.fd >= 0)
		(void)sigchld_fd_close(gate->listening);
	if (gate->polled.fd >= 0) /* the web itself closes it */
		(void)sigchld_fd_remove(gate->polled);
	web_free(gate->web);
	gate->web = NULL;
}
