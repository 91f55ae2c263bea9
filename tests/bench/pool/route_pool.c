/*
 * route_pool.c - to a worker and back by a pool of ours: one worker, a request
 *
 * The pool is as it is by default, so the wake is AUTO; the parent has no loop
 * of its own and waits in sigchld_wait. The worker makes a copy of the request,
 * which is gone when the reply is sent.
 */
#include <errno.h>
#include <sigchld/pool.h>
#include <string.h>

#include "bench_pool.h"

static struct sigchld_ctx *ctx;
static struct sigchld_pool *pool;
static unsigned int worker_cpu;
static bool is_open;

struct trip {
	const char *data;
	size_t len;
	int64_t ended_ns;
	int rc;
	bool done;
};

/* In the worker */

static int
settle_there(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	(void)user;
	bench_pin(worker_cpu);

	return 0;
}

static int
echo(struct sigchld_worker *worker, const struct sigchld_job *job, void *user)
{
	static char out[BENCH_LARGEST];

	(void)user;
	(void)memcpy(out, job->data, job->len);

	return sigchld_worker_reply(worker, out, job->len, NULL);
}

/* In the parent */

static void
on_open(struct sigchld_pool *opened, void *user)
{
	(void)opened;
	(void)user;
	is_open = true;
}

static int
pool_open(unsigned int cpu)
{
	int rc = sigchld_new(&ctx, NULL);

	if (rc < 0)
		return rc;
	worker_cpu = cpu;
	rc = sigchld_pool_new(ctx, &pool,
	    SIGCHLD_POOL(.workers_min = 1, .workers_max = 1,
		.on_init = settle_there, .on_request = echo,
		.on_open = on_open));
	while (rc >= 0 && !is_open)
		rc = sigchld_wait(ctx, -1);

	return rc < 0 ? rc : 0;
}

static void
on_reply(struct sigchld_pool *from, const struct sigchld_reply *reply,
    void *user)
{
	struct trip *trip = user;

	(void)from;
	trip->ended_ns = bench_now_ns();
	trip->done = true;
	if (reply->outcome != SIGCHLD_DONE || reply->status != 0)
		trip->rc = -EIO;
	else
		trip->rc =
		    bench_check(trip->data, reply->data, trip->len, reply->len);
}

static int
pool_trip(const char *data, size_t len, int64_t *ret_ns)
{
	struct trip trip = { .data = data, .len = len };
	int64_t began_ns = bench_now_ns();
	int rc;

	rc = sigchld_pool_submit(pool, NULL,
	    SIGCHLD_REQUEST(.data = data, .len = len, .on_reply = on_reply,
		.user = &trip));
	while (rc >= 0 && !trip.done)
		rc = sigchld_wait(ctx, -1);
	*ret_ns = trip.ended_ns - began_ns;

	return rc < 0 ? rc : trip.rc;
}

static void
pool_close(void)
{
	sigchld_pool_free(pool);
	sigchld_free(ctx);
	is_open = false;
}

const struct bench_route bench_ours = {
	.name = "ours",
	.open = pool_open,
	.trip = pool_trip,
	.close = pool_close,
};
