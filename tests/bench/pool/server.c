/*
 * server.c - a pool of ours that serves a socket, to be watched as peers are
 *
 *	bench_pool_server WORKERS SOCKET PAGE LOG DIR STABLE_MS
 *
 * Listener mode, the way the peers have: the workers wait for clients at one
 * socket. Each worker goes to DIR first, so it fails to start while there is no
 * such directory; php-fpm is made to fail in the same way. Each fork is a line
 * in LOG, as it is in php-fpm's. STABLE_MS 0 is the default. SIGTERM stops it.
 *
 * That a worker is ready is no callback, so while some are starting the numbers are
 * asked for whenever nothing happens for a millisecond.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sigchld/pool.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench_pool.h"

#define BACKLOG 1024

struct server {
	struct bench_page *page;
	const char *dir;
	int listener, log;
	unsigned int forks;
	bool asks;       /* some are starting */
	int64_t last_ns; /* something happened */
};

static struct sigchld_ctx *ctx;
static volatile sig_atomic_t told;

static void
check(int rc, const char *what)
{
	if (rc < 0)
		bench_void("%s: %s", what, strerror(-rc));
}

static void
be_told(int sig)
{
	(void)sig;
	told = 1;
	(void)sigchld_occurred(ctx);
}

/* In the worker */

static int
go_there(struct sigchld_worker *worker, void *user)
{
	const struct server *server = user;

	(void)worker;

	return chdir(server->dir) < 0 ? 1 : 0;
}

static void
serve_one(struct sigchld_worker *worker, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	(void)sigchld_worker_begin(worker);
	(void)send(fd, "hello\n", 6, MSG_NOSIGNAL);
	(void)close(fd);
	(void)sigchld_worker_done(worker);
}

static int
serve(struct sigchld_worker *worker, void *user)
{
	const struct server *server = user;
	struct pollfd fds[2] = {
		{ .fd = server->listener, .events = POLLIN },
		{ .fd = sigchld_worker_fd(worker), .events = POLLIN },
	};

	while (!sigchld_worker_stopping(worker)) {
		if (poll(fds, 2, -1) > 0 && fds[0].revents != 0)
			serve_one(worker, server->listener);
	}

	return 0;
}

/* In the parent */

static void
log_fork(struct sigchld_pool *pool, uint32_t slot, pid_t pid, void *user)
{
	struct server *server = user;
	char line[64];
	int n;

	(void)pool;
	n = snprintf(line, sizeof(line), "slot %u: child %d started\n",
	    (unsigned int)slot, (int)pid);
	(void)!write(server->log, line, (size_t)n);
	server->forks++;
}

static struct sigchld_pool_stats
ask(struct sigchld_pool *pool)
{
	struct sigchld_pool_stats stats = { .size = sizeof(stats) };

	check(sigchld_pool_get_stats(pool, &stats), "sigchld_pool_get_stats");

	return stats;
}

static void
note_ready(struct server *server, struct sigchld_pool *pool)
{
	struct bench_page *page = server->page;
	const struct sigchld_pool_stats stats = ask(pool);

	server->asks = stats.starting > 0;
	if (stats.boot.count == atomic_load(&page->ready))
		return;
	atomic_store(&page->ready_ns, server->last_ns);
	atomic_store(&page->ready, stats.boot.count);
}

/* To ask for the numbers is to look at all workers, which takes a tenth of a
 * millisecond: so only when somebody may have become ready, and then when nothing
 * has happened for a millisecond. The time is that of the last that happened. */
static void
dispatch(struct server *server, struct sigchld_pool *pool)
{
	struct pollfd fd = { .fd = sigchld_fd(ctx), .events = POLLIN };
	const unsigned int forks = server->forks;

	if (poll(&fd, 1, server->asks ? 1 : -1) == 0) {
		note_ready(server, pool);
		return;
	}
	check(sigchld_dispatch(ctx), "sigchld_dispatch");
	server->last_ns = bench_now_ns();
	server->asks = server->asks || server->forks != forks;
}

static void
note_end(struct bench_page *page, struct sigchld_pool *pool)
{
	const struct sigchld_pool_stats stats = ask(pool);
	uint64_t ended = 0;
	int i;

	for (i = 0; i < SIGCHLD_REASONS; i++)
		ended += stats.ends[i];
	atomic_store(&page->spawned, stats.spawned);
	atomic_store(&page->ended, ended);
	atomic_store(&page->killed, stats.ends[SIGCHLD_KILLED]);
	atomic_store(&page->stopped, 1);
}

static void
run(struct sigchld_pool *pool, struct server *server)
{
	bool stopping = false;

	while (sigchld_pool_state(pool) != SIGCHLD_POOL_STOPPED) {
		dispatch(server, pool);
		if (told && !stopping) {
			stopping = true;
			check(sigchld_pool_stop(pool, SIGCHLD_STOP_REJECT, 0),
			    "sigchld_pool_stop");
		}
	}
	note_end(server->page, pool);
}

/* Before */

static int
open_listener(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		bench_void("no socket");
	(void)strcpy(address.sun_path, path);
	(void)unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		bench_void("%s: %s", path, strerror(errno));

	return fd;
}

static void
listen_to_signals(void)
{
	struct sigaction action = { .sa_handler = be_told };

	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGINT, &action, NULL);
}

int
main(int argc, char **argv)
{
	struct sigchld_pool *pool;
	struct server server = { 0 };
	uint32_t workers;

	if (argc != 7) {
		(void)fprintf(stderr, "see the top of server.c\n");
		return 2;
	}
	bench_allow_descriptors();
	workers = (uint32_t)strtoul(argv[1], NULL, 10);
	server.listener = open_listener(argv[2]);
	server.page = bench_page_open(argv[3]);
	server.log =
	    open(argv[4], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	server.dir = argv[5];
	check(sigchld_new(&ctx, NULL), "sigchld_new");
	listen_to_signals();
	check(sigchld_pool_new(ctx, &pool,
		  SIGCHLD_POOL(.workers_min = workers, .workers_max = workers,
		      .stable_ms = (uint32_t)strtoul(argv[6], NULL, 10),
		      .fds = &server.listener, .n_fds = 1, .on_init = go_there,
		      .run = serve, .after_fork = log_fork, .user = &server)),
	    "sigchld_pool_new");
	run(pool, &server);
	sigchld_pool_free(pool);
	sigchld_free(ctx);

	return 0;
}
