/*
 * worker.c - a worker, from its first poll to its last connection
 *
 * All workers, of this generation and of those before, accept on one socket.
 * So what waits there is nobody's, and who leaves takes nothing with him.
 *
 *	told to finish	accepts no more, and goes on with what it has
 *	each answer	says "Connection: close", and its connection is closed
 *	none is left	exit 0
 *
 * A connection that is silent when we are told is not closed at once: a request
 * may be on its way to us that we cannot see yet, and would be lost. Only he
 * who asks knows that he does not. So it may ask once more, and is closed after
 * that answer. One that stays silent is closed when it would have been anyway:
 * each answer announces how long that is (Keep-Alive: timeout), we wait a
 * second more, and who asks after what was announced knows that he may come too
 * late. This is the bound of all: an answer that a client does not read ends as
 * well, when it has not moved for so long. (Who sends a request before he has
 * the answer to the last one must send it again after a "close": so HTTP says.)
 */
#include "mworker/worker.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "mworker/pages.h"
#include "prefork_server/clock.h"

enum {
	CONNECTIONS = 1000,
	GRACE_S = 1 /* beyond what was announced */
};

static struct worker *ourselves; /* for queries */

unsigned
worker_connections(const struct worker *w)
{
	return MHD_get_daemon_info(w->mhd, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
	    ->num_connections;
}

static int
epoll_fd(const struct worker *w)
{
	return MHD_get_daemon_info(w->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

static int
timeout(const struct worker *w)
{
	MHD_UNSIGNED_LONG_LONG until;

	if (MHD_get_timeout(w->mhd, &until) != MHD_YES)
		return -1;
	return until < INT_MAX ? (int)until : INT_MAX;
}

static void
heed(struct worker *w)
{
	if (sigchld_worker_dispatch(w->worker) < 0)
		w->told_fd = -1;
	if (w->drains || !sigchld_worker_stopping(w->worker))
		return;
	w->drains = true;
	(void)MHD_quiesce_daemon(w->mhd);
	(void)sigchld_worker_say(w->worker, "finishes");
}

static void
serve(struct worker *w)
{
	while (!w->drains || worker_connections(w) > 0) {
		struct pollfd fds[] = {
			{ epoll_fd(w), POLLIN, 0 },
			{ w->told_fd, POLLIN, 0 },
		};

		(void)poll(fds, 2, timeout(w));
		heed(w);
		(void)MHD_run(w->mhd);
	}
}

static struct MHD_Daemon *
start(struct worker *w)
{
	const struct options *o = w->options;

	return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, pages_answer, w,
	    MHD_OPTION_LISTEN_SOCKET, o->listen_fd, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)(o->idle_s + GRACE_S), MHD_OPTION_END);
}

int
worker_run(struct sigchld_worker *worker, void *user)
{
	struct worker w = { .options = user,
		.worker = worker,
		.told_fd = sigchld_worker_fd(worker),
		.began_ms = clock_ms() };

	(void)signal(SIGPIPE, SIG_IGN); /* of clients that have left */
	w.mhd = start(&w);
	if (w.mhd == NULL)
		return EXIT_FAILURE;
	ourselves = &w;
	(void)sigchld_worker_say(worker, "serves " MWORKER_VERSION);
	(void)sigchld_worker_ready(worker);
	serve(&w);
	MHD_stop_daemon(w.mhd);
	return EXIT_SUCCESS;
}

/* Whatever he asks: how it is. It is the same as for a client. */
int
worker_query(struct sigchld_worker *worker, const void *query, size_t len,
    void *user)
{
	char *text = pages_status(ourselves);

	(void)query, (void)len, (void)user;
	if (text == NULL)
		return EXIT_FAILURE;
	(void)sigchld_worker_answer(worker, text, strlen(text));
	free(text);
	return EXIT_SUCCESS;
}
