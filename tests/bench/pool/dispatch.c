/*
 * dispatch.c - what it takes to have a request done by a worker
 *
 *	bench_pool_dispatch one|two [PERCENT]
 *	bench_pool_dispatch count
 *
 * one, two: the parent is on the first CPU and the worker on the same, or on
 * the second. PERCENT of the usual number of requests. Each line is BATCH WORK
 * ROUTE KEY VALUE. The routes take turns within each batch, in an order that
 * changes; all their workers are there all the time, asleep but for one.
 *
 *	p50_us	the median, from before the submit until the reply is there
 *	mean_us	all of the batch, by request: what is done before the submit and
 *		after the reply is in it
 *
 * Each payload is another, and each reply is compared with what was sent, byte
 * by byte. What that takes is in neither figure.
 *
 * count: the system calls of parent and worker. Each line is WORK ROUTE KEY
 * VALUE.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_pool.h"

#define BATCHES  15
#define TRIPS    4000 /* at most, in a batch */
#define WARM     16   /* one by so many of them before, and */
#define FEW      4    /* at least so many */
#define COUNTED  64
#define PATIENCE 300 /* s */

static const struct bench_route *const routes[] = {
	&bench_raw,
	&bench_raw_epoll,
	&bench_ours,
};
#define ROUTES (sizeof(routes) / sizeof(routes[0]))

static const struct plan {
	const char *name;
	size_t len;
	unsigned int trips;
} plans[] = {
	{ "100", 100, TRIPS },
	{ "4k", 4096, TRIPS },
	{ "64k", 65536, 1000 },
	{ "1m", BENCH_LARGEST, 75 },
};
#define PLANS (sizeof(plans) / sizeof(plans[0]))

static char payload[BENCH_LARGEST];
static uint64_t number;
static int64_t checking_ns;

static void
fill_payload(void)
{
	uint32_t x = 1;
	size_t i;

	for (i = 0; i < sizeof(payload); i++) {
		x = x * 1664525 + 1013904223;
		payload[i] = (char)(x >> 24);
	}
}

/* Another payload: at its beginning, in its middle and at its end. */
static void
stamp(size_t len)
{
	number++;
	(void)memcpy(payload, &number, sizeof(number));
	(void)memcpy(payload + len / 2, &number, sizeof(number));
	(void)memcpy(payload + len - sizeof(number), &number, sizeof(number));
}

int
bench_check(const char *sent, const void *reply, size_t len, size_t got)
{
	const int64_t began_ns = bench_now_ns();
	const int rc =
	    got == len && memcmp(sent, reply, len) == 0 ? 0 : -EBADMSG;

	checking_ns += bench_now_ns() - began_ns;

	return rc;
}

static int64_t
make_trip(const struct bench_route *route, size_t len)
{
	int64_t ns = 0;
	int rc;

	stamp(len);
	rc = route->trip(payload, len, &ns);
	if (rc < 0)
		bench_void("%s, %zu bytes: %s", route->name, len,
		    strerror(-rc));

	return ns;
}

/* Times */

static void
tell(int batch, const char *placement, const struct plan *plan,
    const struct bench_route *route, const char *key, double ns)
{
	(void)printf("%d dispatch-%s-%s %s %s %.3f\n", batch, placement,
	    plan->name, route->name, key, ns / 1e3);
}

static void
run_batch(int batch, const char *placement, const struct plan *plan,
    const struct bench_route *route, unsigned int percent)
{
	static int64_t times[TRIPS + FEW];
	const unsigned int n = plan->trips * percent / 100 + FEW;
	int64_t began_ns, wall_ns;
	unsigned int i;

	for (i = 0; i < n / WARM + FEW; i++)
		(void)make_trip(route, plan->len);
	checking_ns = 0;
	began_ns = bench_now_ns();
	for (i = 0; i < n; i++)
		times[i] = make_trip(route, plan->len);
	wall_ns = bench_now_ns() - began_ns - checking_ns;
	bench_sort(times, n);
	tell(batch, placement, plan, route, "p50_us", (double)times[n / 2]);
	tell(batch, placement, plan, route, "mean_us", (double)wall_ns / n);
}

static void
measure(const char *placement, unsigned int cpu, unsigned int percent)
{
	size_t i, k;
	int batch, rc;

	for (k = 0; k < ROUTES; k++) {
		rc = routes[k]->open(cpu);
		if (rc < 0)
			bench_void("%s: %s", routes[k]->name, strerror(-rc));
	}
	for (batch = 1; batch <= BATCHES; batch++) {
		for (i = 0; i < PLANS; i++) {
			for (k = 0; k < ROUTES; k++)
				run_batch(batch, placement, &plans[i],
				    routes[(k + (size_t)batch) % ROUTES],
				    percent);
		}
	}
	for (k = 0; k < ROUTES; k++)
		routes[k]->close();
}

/* System calls */

struct counted {
	const struct bench_route *route;
	const struct plan *plan;
};

static void
make_counted_trips(struct bench_shared_count *shared, const void *what)
{
	const struct counted *counted = what;
	unsigned int i;
	int rc = counted->route->open(0);

	if (rc < 0)
		bench_void("%s: %s", counted->route->name, strerror(-rc));
	for (i = 0; i < WARM + COUNTED; i++) {
		if (i == WARM)
			atomic_store(&shared->on, 1);
		(void)make_trip(counted->route, counted->plan->len);
	}
	atomic_store(&shared->on, 0);
	counted->route->close();
}

static void
count(void)
{
	struct counted counted;
	char work[32];
	size_t i, k;

	for (i = 0; i < PLANS; i++) {
		for (k = 0; k < ROUTES; k++) {
			counted.route = routes[k];
			counted.plan = &plans[i];
			(void)snprintf(work, sizeof(work), "calls-%s",
			    plans[i].name);
			bench_count(work, routes[k]->name, COUNTED,
			    make_counted_trips, &counted);
		}
	}
}

int
main(int argc, char **argv)
{
	const char *placement = argc > 1 ? argv[1] : "";
	const int percent = argc > 2 ? atoi(argv[2]) : 100;

	(void)alarm(PATIENCE);
	fill_payload();
	bench_pin(0);
	if (strcmp(placement, "count") == 0)
		count();
	else if (strcmp(placement, "one") == 0)
		measure(placement, 0, (unsigned int)percent);
	else if (strcmp(placement, "two") == 0 && bench_cpus() > 1)
		measure(placement, 1, (unsigned int)percent);
	else
		bench_void("see the top of dispatch.c, or there is one CPU");

	return 0;
}
