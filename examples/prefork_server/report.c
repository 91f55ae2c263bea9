/*
 * report.c - what the pool tells of its workers
 *
 * The library writes to no log: it has hooks. Here each writes a line to
 * standard error, but for ends that are as they should be; and the last ends
 * are kept.
 */
#include "report.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>

#include "clock.h"
#include "names.h"
#include "server.h"

const struct report_end *
report_end_at(const struct report *report, size_t i)
{
	if (i >= REPORT_ENDS || i >= report->n)
		return NULL;
	return &report->ends[(report->n - 1 - i) % REPORT_ENDS];
}

void
report_status(char text[REPORT_STATUS], const struct sigchld_worker_end *end)
{
	if (end->reason == SIGCHLD_LOST_STATUS)
		(void)snprintf(text, REPORT_STATUS, "unknown");
	else if (WIFSIGNALED(end->wstatus))
		(void)snprintf(text, REPORT_STATUS, "signal %d",
		    WTERMSIG(end->wstatus));
	else
		(void)snprintf(text, REPORT_STATUS, "exit %d",
		    WEXITSTATUS(end->wstatus));
}

static bool
is_ordinary(uint32_t reason)
{
	switch (reason) {
	case SIGCHLD_CLEAN:
	case SIGCHLD_MAX_REQUESTS:
	case SIGCHLD_RECYCLED:
	case SIGCHLD_RETIRED:
	case SIGCHLD_ROLLED:
	case SIGCHLD_STOPPED_POOL:
		return true;
	default:
		return false;
	}
}

static void
log_end(const struct sigchld_worker_end *end)
{
	char status[REPORT_STATUS];

	report_status(status, end);
	(void)fprintf(stderr,
	    "prefork_server: worker %u, pid %d: %s, %s, after %" PRIu64
	    " requests",
	    end->slot, (int)end->pid, reason_name(end->reason), status,
	    end->served);
	if (end->request != 0)
		(void)fprintf(stderr, ", in request %" PRIu64, end->request);
	if (end->next_fork_ms > 0)
		(void)fprintf(stderr, "; the next in %u ms", end->next_fork_ms);
	(void)fputc('\n', stderr);
}

/* The hooks */

void
report_open(struct sigchld_pool *pool, void *user)
{
	const struct server *server = user;

	(void)pool;
	(void)printf("prefork_server: %s mode, http://127.0.0.1:%u/ "
		     "and http://127.0.0.1:%u/status\n",
	    server->options.listener ? "listener" : "dispatch", server->port,
	    server->status_port);
	(void)fflush(stdout);
}

void
report_end(struct sigchld_pool *pool, const struct sigchld_worker_end *end,
    void *user)
{
	struct report *report = &((struct server *)user)->report;
	struct report_end *kept = &report->ends[report->n++ % REPORT_ENDS];

	(void)pool;
	kept->end = *end;
	kept->when_ms = clock_ms();
	if (!is_ordinary(end->reason))
		log_end(end);
}

void
report_state(struct sigchld_pool *pool, uint32_t state, void *user)
{
	(void)pool, (void)user;
	(void)fprintf(stderr, "prefork_server: %s\n", state_name(state));
}

void
report_slow(struct sigchld_pool *pool, uint32_t slot, pid_t pid,
    uint64_t request, uint64_t ms, void *user)
{
	(void)pool, (void)user;
	(void)fprintf(stderr,
	    "prefork_server: worker %u, pid %d: request %" PRIu64
	    " takes long, %" PRIu64 " ms now\n",
	    slot, (int)pid, request, ms);
}

void
report_reject(struct sigchld_pool *pool, uint64_t n, void *user)
{
	(void)pool, (void)user;
	(void)fprintf(stderr,
	    "prefork_server: %" PRIu64 " turned away, too many wait\n", n);
}
