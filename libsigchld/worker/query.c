/*
 * query.c - a master asks a worker
 *
 * Each query is answered once, in a dispatch: by the worker, by its end, by the
 * time, or since the master goes. A worker has a few under way at most, so that
 * its answers always have room in its socket; what it answers to a query that is
 * over, or to one of the program before us, is ignored.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/sys.h"
#include "worker/master.h"
#include "worker/sys.h"

#define UNDER_WAY   4 /* wire.c has room for so many answers */
#define STANDARD_MS 5000

#define QUERY_OF(part_, field) \
	((struct sigchld__query *)(void \
		*)((char *)(part_)-offsetof(struct sigchld__query, field)))

struct answering {
	struct sigchld__hook hook;
	struct sigchld__query *query;
};

static void
answering_end(struct answering *a)
{
	sigchld__hook_end(&a->hook);
	if (a->hook.run->forked)
		return;
	free(a->query->data);
	free(a->query);
}

static void
tell_answer(struct sigchld__run *run, struct sigchld__part *part,
    struct sigchld__notice *notice)
{
	struct sigchld__query *q = QUERY_OF(notice, notice);
	__attribute__((cleanup(answering_end))) struct answering a = {
		.hook = { .run = run, .part = part },
		.query = q,
	};

	sigchld__hook_begin(&a.hook);
	if (q->on_answer != NULL)
		q->on_answer(q->master, q->pid, q->rc, q->status, q->data,
		    q->len, q->user);
}

struct last_answer {
	struct sigchld__call call;
	struct sigchld__query *query;
};

static void
last_answer_end(struct last_answer *a)
{
	if (!sigchld__call_end(&a->call))
		return;
	free(a->query->data);
	free(a->query);
}

static void
answer_last(struct sigchld__query *q)
{
	__attribute__((cleanup(last_answer_end))) struct last_answer a = {
		.query = q,
	};

	sigchld__call_begin(&a.call, q->master->part.ctx);
	if (q->on_answer != NULL)
		q->on_answer(q->master, q->pid, q->rc, q->status, q->data,
		    q->len, q->user);
}

bool
sigchld__query_cancelled(struct sigchld__notice *notice)
{
	struct sigchld_ctx *ctx;

	if (notice->tell != tell_answer)
		return true;
	ctx = QUERY_OF(notice, notice)->master->part.ctx;
	answer_last(QUERY_OF(notice, notice));
	return !sigchld__ctx_forked(ctx);
}

/* It is over: out of its worker's list, into the notices. */
static void
complete(struct sigchld__crew *crew, struct sigchld__query *q, int rc)
{
	q->rc = rc;
	*q->at = q->next;
	if (q->next != NULL)
		q->next->at = q->at;
	crew->n_queries--;
	sigchld__timer_set(q->master->part.ctx, &q->limit, 0);
	sigchld__notice(&q->master->part, &q->notice);
}

void
sigchld__queries_end(struct sigchld__crew *crew, int rc)
{
	while (crew->queries != NULL)
		complete(crew, crew->queries, rc);
}

static void
limit_due(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld__query *q = QUERY_OF(timer, limit);

	(void)run;
	complete(q->crew, q, -ETIMEDOUT);
}

void
sigchld__query_answered(struct sigchld__crew *crew,
    const struct sigchld__wire *wire)
{
	struct sigchld__query *q = crew->queries;
	int rc = wire->head.rc;

	while (q != NULL && q->id != wire->head.id)
		q = q->next;
	if (q == NULL)
		return;
	q->status = wire->head.status;
	if (wire->len > 0)
		q->data = sigchld__sys_room(wire->len);
	if (q->data != NULL) {
		(void)memcpy(q->data, wire->data, wire->len);
		q->len = wire->len;
	} else if (wire->len > 0) {
		rc = -ENOMEM;
	}
	complete(crew, q, rc > 0 ? -EPROTO : rc);
}

/* Asked */

static int
ask(struct sigchld__crew *crew, struct sigchld__query *q, const void *query,
    size_t len)
{
	struct sigchld__wire_head head = { .type = SIGCHLD__WIRE_QUERY };

	if (crew->mute || crew->channel == -1)
		return -EPIPE;
	if (crew->n_queries >= UNDER_WAY)
		return -EAGAIN;
	head.id = q->id = ++crew->master->last_query;
	return sigchld__wire_send(crew->channel, &head, query, len);
}

static void
under_way(struct sigchld__crew *crew, struct sigchld__query *q,
    uint32_t timeout_ms)
{
	q->pid = crew->pid;
	q->crew = crew;
	q->next = crew->queries;
	q->at = &crew->queries;
	if (q->next != NULL)
		q->next->at = &q->next;
	crew->queries = q;
	crew->n_queries++;
	if (timeout_ms != SIGCHLD_MASTER_NONE)
		sigchld__timer_set(crew->master->part.ctx, &q->limit,
		    sigchld__sys_now_ms() +
			(timeout_ms == 0 ? STANDARD_MS : timeout_ms));
}

static int
ask_new(struct sigchld_master *master, pid_t pid, struct sigchld__query *q,
    const void *query, size_t len, uint32_t timeout_ms)
{
	struct sigchld__crew *crew = NULL;
	int rc;

	if (pid > 0 && !master->part.closed)
		crew = sigchld__crew_find(master, pid);
	rc = crew == NULL ? -ESRCH : ask(crew, q, query, len);

	if (rc == 0)
		under_way(crew, q, timeout_ms);
	return rc;
}

int
sigchld__query(struct sigchld_master *master, pid_t pid, const void *query,
    size_t len, uint32_t timeout_ms, sigchld_answer_fn *on_answer, void *user)
{
	struct sigchld__query *q = sigchld__sys_alloc(1, sizeof(*q));
	int rc;

	if (q == NULL)
		return -ENOMEM;
	q->notice.tell = tell_answer;
	q->limit.fn = limit_due;
	q->master = master;
	q->on_answer = on_answer;
	q->user = user;
	rc = ask_new(master, pid, q, query, len, timeout_ms);
	if (rc < 0)
		free(q);
	return rc;
}

int
sigchld_master_query(struct sigchld_master *master, pid_t pid,
    const void *query, size_t len, uint32_t timeout_ms,
    sigchld_answer_fn *on_answer, void *user)
{
	int rc;

	if (query == NULL && len > 0)
		return -EINVAL;
	if (len > SIGCHLD_QUERY_MOST)
		return -EMSGSIZE;
	rc = sigchld__master_lock(master);
	if (rc < 0)
		return rc;
	rc = sigchld__query(master, pid, query, len, timeout_ms, on_answer,
	    user);
	sigchld__master_unlock(master);
	return rc;
}
