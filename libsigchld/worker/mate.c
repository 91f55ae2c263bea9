/*
 * mate.c - a master's worker, seen by itself
 *
 *	signal handler			the worker's own loop
 *
 *	finish_signal: stopping		polls sigchld_worker_fd
 *	HUP: dump			sigchld_worker_dispatch:
 *	ECHO to the master		    QUERY -> on_query, ANSWER
 *	    it comes back, so		    HUP -> on_dump
 *	    the loop wakes		    end of file -> stopping
 *
 * Y1	A signal wakes the loop although it came between its check and its poll: the
 *	master sends the ECHO back. If the master is gone, the descriptor is
 *	readable anyway.
 * Y2	USR2 is ignored: it means the master, and a worker that it reaches by way
 *	of the process group lives. TERM and INT end the worker.
 * Y3	Nothing here blocks. A line that does not go in is said later; an answer
 *	has room (wire.c), or its query times out.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "async/sys.h"
#include "core/sys.h"
#include "worker/master.h"
#include "worker/mate.h"
#include "worker/pool.h"
#include "worker/strip.h"
#include "worker/sys.h"

/* [a] written by the handler, read by the loop: relaxed, since nothing else goes
 * with them. */
static atomic_bool finishing, dumps;
static int channel = -1; /* before the handler is there */

static void
echo(void)
{
	const struct sigchld__wire_head head = { .type = SIGCHLD__WIRE_ECHO };

	(void)sigchld__wire_send(channel, &head, NULL, 0);
}

static void
on_finish(int sig)
{
	(void)sig;
	atomic_store_explicit(&finishing, true, memory_order_relaxed);
	echo();
}

static void
on_hup(int sig)
{
	(void)sig;
	atomic_store_explicit(&dumps, true, memory_order_relaxed);
	echo();
}

static void
set_action(int sig, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler,
		.sa_flags = SA_RESTART };

	(void)sigemptyset(&action.sa_mask);
	(void)sigchld__sys_sigaction(sig, &action, NULL);
}

void
sigchld__mate_catch(struct sigchld__mate *mate)
{
	channel = mate->fd;
	atomic_store(&finishing, false);
	atomic_store(&dumps, false);
	set_action(SIGUSR2, SIG_IGN);
	set_action(SIGHUP, mate->master->o.on_dump != NULL ? on_hup : SIG_IGN);
	set_action(mate->master->o.finish_signal, on_finish);
}

/* Said */

static int
say(const struct sigchld__mate *mate, uint16_t type, const void *data,
    size_t len)
{
	const struct sigchld__wire_head head = { .type = type };

	return sigchld__wire_send(mate->fd, &head, data, len);
}

int
sigchld__mate_ready(struct sigchld__mate *mate)
{
	return say(mate, SIGCHLD__WIRE_READY, NULL, 0);
}

bool
sigchld__mate_is_told(void)
{
	return atomic_load_explicit(&finishing, memory_order_relaxed);
}

bool
sigchld__mate_stops(const struct sigchld__mate *mate)
{
	return mate->hung_up || sigchld__mate_is_told();
}

static void
say_line(struct sigchld__mate *mate)
{
	mate->unsaid = say(mate, SIGCHLD__WIRE_SAYS, mate->said,
			   strlen(mate->said)) == -EAGAIN;
}

int
sigchld_worker_say(struct sigchld_worker *worker, const char *status)
{
	struct sigchld__mate *mate = worker->mate;

	if (mate == NULL || status == NULL)
		return -EINVAL;
	if (strlen(status) >= sizeof(mate->said))
		return -EMSGSIZE;
	(void)strcpy(mate->said, status);
	say_line(mate);
	return 0;
}

/* Asked */

int
sigchld_worker_answer(struct sigchld_worker *worker, const void *data,
    size_t len)
{
	struct sigchld__mate *mate = worker->mate;

	if (mate == NULL || !mate->in_query || (data == NULL && len > 0))
		return -EINVAL;
	if (mate->answered)
		return -EALREADY;
	if (len > sizeof(mate->answer))
		return -EMSGSIZE;
	if (len > 0)
		(void)memcpy(mate->answer, data, len);
	mate->len = len;
	mate->answered = true;
	return 0;
}

static void
query(struct sigchld__mate *mate)
{
	const struct sigchld_master_options *o = &mate->master->o;
	struct sigchld__wire_head head = {
		.type = SIGCHLD__WIRE_ANSWER,
		.id = mate->wire.head.id,
		.rc = -ENOSYS,
	};

	mate->answered = false;
	mate->len = 0;
	if (o->on_query != NULL) {
		mate->in_query = true;
		head.rc = 0;
		head.status = o->on_query(mate->worker, mate->wire.data,
		    mate->wire.len, o->user);
		mate->in_query = false;
	}
	(void)sigchld__wire_send(mate->fd, &head, mate->answer, mate->len);
}

static void
dump(struct sigchld__mate *mate)
{
	const struct sigchld_master_options *o = &mate->master->o;

	if (atomic_exchange_explicit(&dumps, false, memory_order_relaxed))
		o->on_dump(mate->worker, o->user);
}

/* True: there was one. */
static bool
hear(struct sigchld__mate *mate)
{
	int rc = sigchld__wire_receive(mate->fd, &mate->wire);

	if (rc == -EPIPE)
		mate->hung_up = true;
	if (rc != 1)
		return rc == -EPROTO;
	if (mate->wire.head.type == SIGCHLD__WIRE_QUERY)
		query(mate);
	else if (mate->wire.head.type == SIGCHLD__WIRE_FINISH)
		atomic_store_explicit(&finishing, true, memory_order_relaxed);
	return true;
}

int
sigchld_worker_dispatch(struct sigchld_worker *worker)
{
	struct sigchld__mate *mate = worker->mate;

	if (mate == NULL || mate->in_query)
		return -EINVAL;
	while (hear(mate))
		;
	dump(mate);
	if (mate->unsaid)
		say_line(mate);
	return mate->hung_up ? -EPIPE : 0;
}

static void
ready_to_dispatch(struct sigchld_ctx *ctx, struct sigchld_fdref ref,
    uint32_t events, void *worker)
{
	(void)ctx;
	(void)events;
	if (sigchld_worker_dispatch(worker) == -EPIPE)
		(void)sigchld_fd_events(ref, 0); /* its end is seen */
}

int
sigchld_worker_join(struct sigchld_worker *worker, struct sigchld_ctx *ctx)
{
	if (worker->mate == NULL)
		return -EINVAL;
	return sigchld_fd_insert(ctx, NULL, worker->mate->fd, POLLIN,
	    ready_to_dispatch, worker);
}

/* The whole of its life */

void
sigchld__mate_main(struct sigchld__mate *mate)
{
	const struct sigchld_master_options *o = &mate->master->o;

	if (!(o->flags & SIGCHLD_MASTER_READY_LATER))
		(void)sigchld_worker_ready(mate->worker);
	sigchld__sys_exit(o->run(mate->worker, o->user));
}
