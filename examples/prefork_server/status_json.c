/*
 * status_json.c - how the server is, as JSON
 */
#include <jansson.h>
#include <unistd.h>

#include "names.h"
#include "server.h"
#include "status.h"

static json_t *
number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

static json_t *
workers(const struct sigchld_pool_stats *s)
{
	return json_pack("{si si si si si si si si si}", "min", s->workers_min,
	    "max", s->workers_max, "starting", s->starting, "idle", s->idle,
	    "busy", s->busy, "stopping", s->stopping, "backoff", s->backoff,
	    "most", s->most_workers, "most_busy", s->most_busy);
}

static json_t *
backlog(const struct sigchld_pool_stats *s)
{
	return json_pack("{si si so so}", "now", s->backlog, "most",
	    s->most_backlog, "bytes", number(s->backlog_bytes), "age_ms",
	    number(s->backlog_age_ms));
}

static json_t *
outcomes(const struct sigchld_pool_stats *s)
{
	json_t *all = json_object();

	for (uint32_t i = 0; i <= SIGCHLD_REJECTED; i++)
		(void)json_object_set_new(all, outcome_name(i),
		    number(s->outcomes[i]));
	return all;
}

static json_t *
requests(const struct status *status)
{
	const struct sigchld_pool_stats *s = &status->stats;

	return json_pack("{so so so so so so so}", "submitted",
	    number(s->submitted), "open", number(status->server->n_open),
	    "refused", number(s->refused), "retried", number(s->retried),
	    "slow", number(s->slow), "served", number(s->served), "outcomes",
	    outcomes(s));
}

static json_t *
forks(const struct sigchld_pool_stats *s)
{
	bool none_due = s->next_fork_ms == UINT64_MAX;

	return json_pack("{so so so so}", "spawned", number(s->spawned),
	    "failed", number(s->fork_failed), "last_error",
	    number(s->last_error), "next_ms",
	    none_due ? json_null() : number(s->next_fork_ms));
}

static json_t *
ends(const struct sigchld_pool_stats *s)
{
	json_t *all = json_object();

	for (uint32_t i = 0; i < SIGCHLD_REASONS; i++)
		(void)json_object_set_new(all, reason_name(i),
		    number(s->ends[i]));
	return all;
}

static json_t *
latency(const struct sigchld_latency *l)
{
	return json_pack("{so so so so so so so so}", "count", number(l->count),
	    "sum", number(l->sum), "least", number(l->least), "most",
	    number(l->most), "p50", number(l->p50), "p90", number(l->p90),
	    "p99", number(l->p99), "p999", number(l->p999));
}

static json_t *
latencies(const struct sigchld_pool_stats *s)
{
	return json_pack("{so so so}", "wait", latency(&s->wait), "service",
	    latency(&s->service), "boot", latency(&s->boot));
}

static json_t *
slot(const struct sigchld_worker_info *w)
{
	return json_pack("{si si si ss so so so so}", "slot", w->slot,
	    "generation", w->generation, "pid", (int)w->pid, "state",
	    worker_name(w->state), "served", number(w->served), "age_ms",
	    number(w->age_ms), "request", number(w->request), "request_ms",
	    number(w->request_ms));
}

static json_t *
slots(const struct status *status)
{
	json_t *all = json_array();

	for (size_t i = 0; i < status->n_workers; i++)
		(void)json_array_append_new(all, slot(&status->workers[i]));
	return all;
}

static json_t *
last_end(const struct report_end *kept, int64_t now_ms)
{
	const struct sigchld_worker_end *end = &kept->end;
	char text[REPORT_STATUS];

	report_status(text, end);
	return json_pack("{si si si ss ss sb so so so si so}", "slot",
	    end->slot, "generation", end->generation, "pid", (int)end->pid,
	    "reason", reason_name(end->reason), "status", text, "ready",
	    (int)end->ready, "served", number(end->served), "lived_ms",
	    number(end->lived_ms), "request", number(end->request),
	    "next_fork_ms", end->next_fork_ms, "ago_ms",
	    number((uint64_t)(now_ms - kept->when_ms)));
}

static json_t *
last_ends(const struct status *status)
{
	const struct report_end *kept;
	json_t *all = json_array();

	for (size_t i = 0;
	     (kept = report_end_at(&status->server->report, i)) != NULL; i++)
		(void)json_array_append_new(all,
		    last_end(kept, status->now_ms));
	return all;
}

static json_t *
whole(const struct status *status)
{
	const struct server *server = status->server;
	const struct sigchld_pool_stats *s = &status->stats;

	return json_pack("{ss si ss si so si so so so so so so so so}", "mode",
	    server->options.listener ? "listener" : "dispatch", "pid",
	    (int)getpid(), "state", state_name(s->state), "generation",
	    s->generation, "up_ms",
	    number((uint64_t)(status->now_ms - server->start_ms)),
	    "connections", web_connections(server->gate.web), "workers",
	    workers(s), "backlog", backlog(s), "requests", requests(status),
	    "forks", forks(s), "ends", ends(s), "latency_us", latencies(s),
	    "slots", slots(status), "last_ends", last_ends(status));
}

/* What could not be made for want of memory is NULL, and so is the whole. */
char *
status_json(const struct status *status)
{
	json_t *root = whole(status);
	char *text = NULL;

	if (root != NULL)
		text = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	return text;
}
