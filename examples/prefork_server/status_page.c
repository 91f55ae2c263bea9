/*
 * status_page.c - how the server is, as a page for a person
 *
 * Nothing on it comes from a client, so nothing has to be escaped.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "names.h"
#include "server.h"
#include "status.h"

static const char head[] =
    "<!doctype html>\n"
    "<html lang=en>\n"
    "<meta charset=utf-8>\n"
    "<meta name=viewport content='width=device-width'>\n"
    "<meta http-equiv=refresh content=2>\n"
    "<title>prefork_server</title>\n"
    "<style>\n"
    ":root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif;\n"
    "  --starting: #3b82c4; --idle: #8a8f98; --busy: #2e9e5b;\n"
    "  --session: #8a63d2; --stopping: #c98a1b; --bad: #d0453e }\n"
    "body { max-width: 56rem; margin: 2rem auto; padding: 0 1rem }\n"
    "h1 { font-size: 1.4rem; margin: 0 }\n"
    "h2 { font-size: 1rem; margin: 2rem 0 .4rem }\n"
    "p { margin: .3rem 0 }\n"
    "table { border-collapse: collapse }\n"
    "th, td { text-align: right; padding: .1rem 1.2rem .1rem 0;\n"
    "  font-variant-numeric: tabular-nums; white-space: nowrap }\n"
    "th { font-weight: normal; opacity: .65 }\n"
    "th.t, td.t { text-align: left }\n"
    "div.w { display: flex; flex-wrap: wrap; gap: 3px; margin: .6rem 0 }\n"
    "i { display: inline-block; width: 1rem; height: 1rem;\n"
    "  border-radius: 3px }\n"
    "i.k { width: .8rem; height: .8rem; margin: 0 .35rem 0 .9rem }\n"
    ".starting { background: var(--starting) }\n"
    ".idle { background: var(--idle) }\n"
    ".busy { background: var(--busy) }\n"
    ".session { background: var(--session) }\n"
    ".stopping { background: var(--stopping) }\n"
    ".bad { color: var(--bad) }\n"
    "</style>\n";

/* Names have underscores for programs, and blanks for people. */
static void
print_name(FILE *out, const char *name)
{
	for (; *name != '\0'; name++)
		(void)fputc(*name == '_' ? ' ' : *name, out);
}

static void
print_us(FILE *out, uint64_t us)
{
	if (us < 1000)
		(void)fprintf(out, "<td>%" PRIu64 " &micro;s", us);
	else if (us < 1000000)
		(void)fprintf(out, "<td>%.1f ms", (double)us / 1e3);
	else
		(void)fprintf(out, "<td>%.1f s", (double)us / 1e6);
}

static void
print_age(FILE *out, uint64_t ms)
{
	uint64_t s = ms / 1000;

	if (s < 60)
		(void)fprintf(out, "%.1f s", (double)ms / 1e3);
	else if (s < 3600)
		(void)fprintf(out, "%" PRIu64 " min %" PRIu64 " s", s / 60,
		    s % 60);
	else
		(void)fprintf(out, "%" PRIu64 " h %" PRIu64 " min", s / 3600,
		    s / 60 % 60);
}

static void
print_title(FILE *out, const struct status *status)
{
	const struct server *server = status->server;
	uint32_t state = status->stats.state;

	(void)fprintf(out,
	    "<h1>prefork_server, %s mode, is <span%s>%s</span></h1>\n<p>Up ",
	    server->options.listener ? "listener" : "dispatch",
	    state == SIGCHLD_POOL_DEGRADED || state == SIGCHLD_POOL_FAILED
		? " class=bad"
		: "",
	    state_name(state));
	print_age(out, (uint64_t)(status->now_ms - server->start_ms));
	(void)fprintf(out, ", generation %u, %u connections here.\n",
	    status->stats.generation, web_connections(server->gate.web));
}

/* A box for each worker; the pointer tells more of it. */
static void
print_box(FILE *out, const struct sigchld_worker_info *w)
{
	(void)fprintf(out,
	    "<i class=%s title='slot %u, pid %d, %s, %" PRIu64 " served",
	    worker_name(w->state), w->slot, (int)w->pid, worker_name(w->state),
	    w->served);
	if (w->request != 0)
		(void)fprintf(out, ", request %" PRIu64 " for %" PRIu64 " ms",
		    w->request, w->request_ms);
	(void)fputs("'></i>\n", out);
}

static void
print_workers(FILE *out, const struct status *status)
{
	const struct sigchld_pool_stats *s = &status->stats;

	(void)fprintf(out,
	    "<h2>Workers: %zu, and %u to %u are wanted</h2>\n<div class=w>\n",
	    status->n_workers, s->workers_min, s->workers_max);
	for (size_t i = 0; i < status->n_workers; i++)
		print_box(out, &status->workers[i]);
	(void)fprintf(out,
	    "</div>\n<p>"
	    "<i class='k starting' style='margin-left:0'></i>%u starting"
	    "<i class='k idle'></i>%u idle<i class='k busy'></i>%u busy"
	    "<i class='k stopping'></i>%u stopping\n"
	    "<p>At most %u so far, %u of them busy. %" PRIu64
	    " were forked; %u wait for a fork, %" PRIu64 " forks failed.\n",
	    s->starting, s->idle, s->busy, s->stopping, s->most_workers,
	    s->most_busy, s->spawned, s->backoff, s->fork_failed);
}

/* A table of two rows. */
static void
print_counts(FILE *out, const char *(*name)(uint32_t), const uint64_t *counts,
    uint32_t n)
{
	(void)fputs("<table><tr>", out);
	for (uint32_t i = 0; i < n; i++)
		if (counts[i] != 0 || i == 0) {
			(void)fputs("<th>", out);
			print_name(out, name(i));
		}
	(void)fputs("\n<tr>", out);
	for (uint32_t i = 0; i < n; i++)
		if (counts[i] != 0 || i == 0)
			(void)fprintf(out, "<td>%" PRIu64, counts[i]);
	(void)fputs("\n</table>\n", out);
}

static void
print_requests(FILE *out, const struct status *status)
{
	const struct sigchld_pool_stats *s = &status->stats;

	(void)fputs("<h2>Requests</h2>\n", out);
	if (status->server->options.listener) {
		(void)fprintf(out, "<p>%" PRIu64 " served.\n", s->served);
		return;
	}
	print_counts(out, outcome_name, s->outcomes, SIGCHLD_REJECTED + 1);
	(void)fprintf(out,
	    "<p>%" PRIu64 " submitted, %" PRIu64 " open, %u of them wait; "
	    "%u waited at most. %" PRIu64 " were turned away, %" PRIu64
	    " tried again, %" PRIu64 " slow.\n",
	    s->submitted, status->server->n_open, s->backlog, s->most_backlog,
	    s->refused, s->retried, s->slow);
}

static void
print_latency(FILE *out, const char *what, const struct sigchld_latency *l)
{
	const uint64_t us[] = { l->count > 0 ? l->sum / l->count : 0, l->least,
		l->p50, l->p90, l->p99, l->p999, l->most };

	if (l->count == 0)
		return;
	(void)fprintf(out, "<tr><td class=t>%s<td>%" PRIu64, what, l->count);
	for (size_t i = 0; i < sizeof(us) / sizeof(us[0]); i++)
		print_us(out, us[i]);
	(void)fputc('\n', out);
}

static void
print_latencies(FILE *out, const struct sigchld_pool_stats *s)
{
	(void)fputs("<h2>Latencies</h2>\n"
		    "<table><tr><th "
		    "class=t>of<th>times<th>mean<th>least<th>50&nbsp;%"
		    "<th>90&nbsp;%<th>99&nbsp;%<th>99.9&nbsp;%<th>most\n",
	    out);
	print_latency(out, "waiting for a worker", &s->wait);
	print_latency(out, "service", &s->service);
	print_latency(out, "fork to ready", &s->boot);
	(void)fputs("</table>\n", out);
}

static void
print_last_end(FILE *out, const struct report_end *kept, int64_t now_ms)
{
	const struct sigchld_worker_end *end = &kept->end;
	char text[REPORT_STATUS];

	report_status(text, end);
	(void)fprintf(out, "<tr><td class=t>");
	print_age(out, (uint64_t)(now_ms - kept->when_ms));
	(void)fprintf(out, " ago<td>%u<td>%d<td class=t>", end->slot,
	    (int)end->pid);
	print_name(out, reason_name(end->reason));
	(void)fprintf(out, "<td class=t>%s<td>%" PRIu64 "<td>", text,
	    end->served);
	print_age(out, end->lived_ms);
	(void)fputs("<td>", out);
	if (end->request != 0)
		(void)fprintf(out, "%" PRIu64, end->request);
	(void)fputc('\n', out);
}

static void
print_ends(FILE *out, const struct status *status)
{
	const struct report *report = &status->server->report;
	const struct report_end *kept;

	(void)fputs("<h2>Ends</h2>\n", out);
	print_counts(out, reason_name, status->stats.ends, SIGCHLD_REASONS);
	if (report->n == 0)
		return;
	(void)
	    fputs("<h2>The last of them</h2>\n"
		  "<table><tr><th class=t>when<th>slot<th>pid<th class=t>reason"
		  "<th class=t>status<th>served<th>lived<th>in request\n",
		out);
	for (size_t i = 0; (kept = report_end_at(report, i)) != NULL; i++)
		print_last_end(out, kept, status->now_ms);
	(void)fputs("</table>\n", out);
}

char *
status_page(const struct status *status)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	(void)fputs(head, out);
	print_title(out, status);
	print_workers(out, status);
	print_requests(out, status);
	print_latencies(out, &status->stats);
	print_ends(out, status);
	if (fclose(out) == 0)
		return text;
	free(text);
	return NULL;
}
