/*
 * inside.c - a worker, seen by itself
 *
 *	dispatch mode				listener mode
 *
 *	in_child, on_init			in_child, on_init
 *	READY					READY
 *	a frame: REQUEST -> on_request, REPLY	run
 *		 DISCONNECT -> on_disconnect,
 *		    FREE
 *		 STOP -> go
 *		 end of file: SIGKILL
 *	on_exit, _exit				on_exit, _exit
 *
 * K1	A request is begun (page.c, S2) before its hook runs, and counted before
 *	its reply is sent; a session counts as one, when it is over.
 * K2	The worker says itself that it goes (FULL, RECYCLES), with the reply: the
 *	parent then gives it nothing any more. So a request never meets a worker
 *	that is about to go.
 * K3	It may block: it has nothing else to do. Whatever it waits for, the leash
 *	ends it with its parent.
 * K4	_exit: what the parent registered with atexit, and what it had not yet
 *	written of its stdio, is the parent's.
 */
#include <errno.h>
#include <poll.h>

#include "core/sys.h"
#include "worker/mate.h"
#include "worker/pool.h"
#include "worker/strip.h"
#include "worker/sys.h"

#define REST_MS 20 /* until the kernel may have memory again */

static void
await_room(struct sigchld_worker *worker)
{
	struct pollfd pfd = { .fd = worker->channel.fd, .events = POLLOUT };

	(void)sigchld__sys_poll(&pfd, 1, -1);
}

static void
rest(void)
{
	(void)sigchld__sys_poll(NULL, 0, REST_MS);
}

/* False: the parent is gone. */
bool
sigchld__worker_say(struct sigchld_worker *worker, struct sigchld__frame *frame,
    uint16_t type, uint64_t id)
{
	int rc;

	frame->head.type = type;
	frame->head.id = id;
	sigchld__channel_push(&worker->channel, frame);
	for (;;) {
		rc = sigchld__channel_flush(&worker->channel, NULL);
		if (rc > 0)
			return true;
		if (rc == -EPIPE)
			break;
		if (rc < 0)
			rest();
		else
			await_room(worker);
	}
	sigchld__channel_forget(&worker->channel);
	return false;
}

static bool
is_full(const struct sigchld_worker *worker)
{
	return worker->limit > 0 && worker->served >= worker->limit;
}

static void
served(struct sigchld_worker *worker)
{
	worker->served++;
	atomic_store_explicit(&worker->page->served, worker->served,
	    memory_order_relaxed);
}

/* What it plans, to go with what it says. */
static uint16_t
plans(struct sigchld_worker *worker)
{
	if (worker->recycles) {
		worker->stops = true;
		return SIGCHLD__RECYCLES;
	}
	if (is_full(worker)) {
		worker->stops = true;
		return SIGCHLD__FULL;
	}
	return 0;
}

static void
leave_session(struct sigchld_worker *worker)
{
	const struct sigchld_pool_options *o = &worker->pool->o;

	worker->has_session = false;
	if (o->on_disconnect != NULL)
		o->on_disconnect(worker, o->user);
	served(worker);
}

/* The hook is over: is there a session, or one less? */
static uint16_t
settle(struct sigchld_worker *worker)
{
	bool holds = worker->holds && !worker->recycles;

	if (holds) {
		worker->has_session = true;
		return SIGCHLD__KEEPS;
	}
	worker->holds = false;
	if (worker->has_session)
		leave_session(worker);
	else
		served(worker);
	return plans(worker);
}

static void
reply(struct sigchld_worker *worker, uint64_t id)
{
	struct sigchld__frame frame = { .payload = worker->data };
	uint16_t said = settle(worker);

	frame.head.size = worker->len;
	if (!sigchld__worker_say(worker, &frame, SIGCHLD__REPLY | said, id))
		worker->stops = true;
	if (worker->done != NULL)
		worker->done((void *)(uintptr_t)worker->data);
	worker->data = NULL;
	worker->len = 0;
	worker->done = NULL;
	worker->replied = false;
}

static void
serve(struct sigchld_worker *worker, const struct sigchld__message *message)
{
	const struct sigchld_pool_options *o = &worker->pool->o;
	struct sigchld__page *page = worker->page;
	struct sigchld_job job = {
		.size = sizeof(job),
		.id = message->id,
		.data = message->payload,
		.len = (size_t)message->size,
		.session = worker->has_session,
	};
	int status;

	atomic_store_explicit(&page->begun, message->id, memory_order_release);
	worker->holds = worker->has_session;
	worker->in_request = true;
	status = o->on_request(worker, &job, o->user);
	worker->in_request = false;
	atomic_store_explicit(&page->status, status, memory_order_release);
	reply(worker, message->id);
}

static void
disconnect(struct sigchld_worker *worker)
{
	struct sigchld__frame frame = { .payload = NULL };

	if (!worker->has_session)
		return; /* we let go of it meanwhile, and said so */
	worker->holds = false;
	leave_session(worker);
	if (!sigchld__worker_say(worker, &frame, SIGCHLD__FREE | plans(worker),
		0))
		worker->stops = true;
}

static void
heed(struct sigchld_worker *worker, const struct sigchld__message *message)
{
	switch (message->type) {
	case SIGCHLD__REQUEST:
		serve(worker, message);
		break;
	case SIGCHLD__DISCONNECT:
		disconnect(worker);
		break;
	default:
		worker->stops = true;
	}
}

/*
 * A worker that sleeps in recv is woken not only by a request, but also when the
 * parent takes the reply before it, for then there is room to send; it finds
 * nothing and sleeps again, and may have had the CPU of the parent for that. Who
 * polls is woken by what he asked for. What is ahead no poll tells of.
 */
static void
await_request(struct sigchld_worker *worker)
{
	struct pollfd pfd = { .fd = worker->channel.fd, .events = POLLIN };

	if (!sigchld__channel_is_ahead(&worker->channel))
		(void)sigchld__sys_poll(&pfd, 1, -1);
}

/* Memory may come back; all else will not. */
static void
loop(struct sigchld_worker *worker)
{
	struct sigchld__message message;
	int rc;

	if (sigchld__channel_block(&worker->channel) < 0)
		return;
	while (!worker->stops) {
		await_request(worker);
		rc = sigchld__channel_receive(&worker->channel, &message);
		if (rc == -ENOMEM || rc == -ENOBUFS)
			rest();
		else if (rc < 0)
			sigchld__sys_kill_ourselves(); /* as the leash would */
		if (rc <= 0)
			continue;
		heed(worker, &message);
		sigchld__channel_done(&worker->channel);
	}
}

static int
init(struct sigchld_worker *worker)
{
	const struct sigchld_pool_options *o = &worker->pool->o;

	if (o->in_child != NULL)
		o->in_child(worker, o->user);
	return o->on_init == NULL ? 0 : o->on_init(worker, o->user);
}

/* Nobody hears it say why it goes, so that stands in its page. */
static int
listen_and_serve(struct sigchld_worker *worker)
{
	const struct sigchld_pool_options *o = &worker->pool->o;
	int status = o->run(worker, o->user);
	uint32_t plan = SIGCHLD_CLEAN;

	if (worker->recycles)
		plan = SIGCHLD_RECYCLED;
	else if (is_full(worker))
		plan = SIGCHLD_MAX_REQUESTS;
	atomic_store_explicit(&worker->page->plan, plan, memory_order_relaxed);
	return status;
}

static int
work(struct sigchld_worker *worker)
{
	const struct sigchld_pool_options *o = &worker->pool->o;

	if (!(o->flags & SIGCHLD_POOL_READY_LATER))
		(void)sigchld_worker_ready(worker);
	if (o->run != NULL)
		return listen_and_serve(worker);
	loop(worker);
	if (worker->has_session)
		leave_session(worker);
	return 0;
}

void
sigchld__worker_main(struct sigchld_worker *worker)
{
	const struct sigchld_pool_options *o = &worker->pool->o;
	int status = init(worker);

	if (status == 0)
		status = work(worker);
	else if ((status & 0xff) == 0)
		status =
		    SIGCHLD__STATUS_LOST; /* it failed, and must not look well */
	if (o->on_exit != NULL)
		o->on_exit(worker, o->user);
	sigchld__sys_exit(status);
}

/* What the hooks call */

uint32_t
sigchld_worker_slot(const struct sigchld_worker *worker)
{
	return worker->slot;
}

uint32_t
sigchld_worker_generation(const struct sigchld_worker *worker)
{
	return worker->generation;
}

int
sigchld_worker_fd(const struct sigchld_worker *worker)
{
	return worker->channel.fd;
}

int
sigchld_worker_ready(struct sigchld_worker *worker)
{
	struct sigchld__frame frame = { .payload = NULL };

	if (worker->is_ready)
		return 0;
	worker->is_ready = true;
	if (worker->mate != NULL)
		return sigchld__mate_ready(worker->mate);
	return sigchld__worker_say(worker, &frame, SIGCHLD__READY, 0) ? 0
								      : -EPIPE;
}

int
sigchld_worker_reply(struct sigchld_worker *worker, const void *data,
    size_t len, void (*done)(void *data))
{
	if (!worker->in_request || (data == NULL && len > 0))
		return -EINVAL;
	if (worker->replied)
		return -EALREADY;
	if (len > worker->pool->o.reply_max)
		return -EMSGSIZE;
	worker->replied = true;
	worker->data = data;
	worker->len = len;
	worker->done = done;
	return 0;
}

int
sigchld_worker_hold(struct sigchld_worker *worker)
{
	if (!worker->in_request)
		return -EINVAL;
	worker->holds = true;
	return 0;
}

int
sigchld_worker_release(struct sigchld_worker *worker)
{
	if (!worker->in_request)
		return -EINVAL;
	worker->holds = false;
	return 0;
}

void
sigchld_worker_beat(struct sigchld_worker *worker)
{
	if (worker->page != NULL)
		(void)atomic_fetch_add_explicit(&worker->page->beats, 1,
		    memory_order_relaxed);
}

void
sigchld_worker_recycle(struct sigchld_worker *worker)
{
	worker->recycles = true;
}

int
sigchld_worker_stopping(const struct sigchld_worker *worker)
{
	if (worker->mate != NULL)
		return worker->recycles || sigchld__mate_stops(worker->mate);
	return worker->recycles || worker->stops || is_full(worker) ||
	    atomic_load_explicit(&worker->page->stop, memory_order_relaxed);
}

/* Listener mode */

uint64_t
sigchld_worker_begin(struct sigchld_worker *worker)
{
	struct sigchld__page *page = worker->page;

	if (worker->mate != NULL || worker->pool->o.run == NULL)
		return 0;
	worker->begun++;
	atomic_store_explicit(&page->begun, worker->begun,
	    memory_order_relaxed);
	atomic_store_explicit(&page->begun_ms, (uint64_t)sigchld__sys_now_ms(),
	    memory_order_release);
	return worker->begun;
}

int
sigchld_worker_done(struct sigchld_worker *worker)
{
	struct sigchld__page *page = worker->page;

	if (worker->mate != NULL || worker->pool->o.run == NULL)
		return -EINVAL;
	atomic_store_explicit(&page->begun_ms, 0, memory_order_release);
	atomic_store_explicit(&page->idle_ms, (uint64_t)sigchld__sys_now_ms(),
	    memory_order_relaxed);
	served(worker);
	return sigchld_worker_stopping(worker);
}
