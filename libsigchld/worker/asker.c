/*
 * asker.c - somebody who asks a master through its control socket
 *
 *	reads a line	when all that was answered has been taken, and nothing is
 *			awaited; obeys it (obey.c)
 *	awaits		a worker's answer, or the outcome of a reload: reads nothing
 *	answers		sends what the socket takes, and the rest when it takes more
 *	closes		at the end of its lines; when it is hung up, or idle
 *
 * So what is asked is asked in order, and who does not read is not read. A line that
 * has no end is too long, or is the last.
 *
 * S1	The poller is asked for reading or for writing, never for both, and for
 *	nothing while something is awaited: then it tells of a hang-up alone.
 * S2	What is answered elsewhere (obey.c) is sent in the next dispatch: whoever
 *	answers stands in the midst of something else. If a reload executes before
 *	that, it is sent then.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/fds.h"
#include "core/sys.h"
#include "worker/master.h"
#include "worker/sys.h"

#define IDLE_MS 60000
#define GONE    POLLHUP /* nothing else is of interest; 0 is not polled for */

#define ASKER_OF(timer) \
	((struct sigchld__asker *)(void \
		*)((char *)(timer)-offsetof(struct sigchld__asker, due)))

static void asker_ready(struct sigchld_ctx *ctx, void *user);
static void asker_due(struct sigchld__run *run, struct sigchld__timer *timer);

/* Made and closed */

static void
join(struct sigchld_master *master, struct sigchld__asker *asker)
{
	struct sigchld__control *control = &master->control;

	asker->next = control->askers;
	asker->at = &control->askers;
	if (asker->next != NULL)
		asker->next->at = &asker->next;
	control->askers = asker;
	control->n_askers++;
	asker->id = ++control->last_id;
}

static void
part(struct sigchld__asker *asker)
{
	*asker->at = asker->next;
	if (asker->next != NULL)
		asker->next->at = asker->at;
	asker->master->control.n_askers--;
}

static int
own(struct sigchld__asker *asker, int fd)
{
	struct sigchld_ctx *ctx = asker->master->part.ctx;
	int rc = sigchld__fds_insert_own(ctx, fd, POLLIN, asker_ready, asker,
	    &asker->ref);

	if (rc == 0)
		rc = sigchld__poller_add(&ctx->poller, fd,
		    asker->ref.generation, POLLIN, false);
	if (rc < 0)
		sigchld__fds_close_own(fd, &asker->ref);
	asker->interest = POLLIN;
	asker->fd = fd;
	return rc;
}

struct sigchld__asker *
sigchld__asker_new(struct sigchld_master *master, int fd)
{
	struct sigchld__asker *asker = sigchld__sys_alloc(1, sizeof(*asker));

	if (asker == NULL) {
		(void)sigchld__sys_close(fd);
		return NULL;
	}
	asker->master = master;
	asker->due.fn = asker_due;
	if (own(asker, fd) < 0) {
		free(asker);
		return NULL;
	}
	join(master, asker);
	sigchld__timer_set(master->part.ctx, &asker->due,
	    sigchld__sys_now_ms() + IDLE_MS);
	return asker;
}

/* Its descriptor is out of the poller, and of the table or about to be. */
static void
free_asker(struct sigchld__asker *asker)
{
	sigchld__timer_set(asker->master->part.ctx, &asker->due, 0);
	part(asker);
	sigchld__text_clear(&asker->out);
	free(asker);
}

void
sigchld__asker_close(struct sigchld__asker *asker)
{
	sigchld__poller_remove(&asker->master->part.ctx->poller, asker->fd);
	sigchld__fds_close_own(asker->fd, &asker->ref);
	free_asker(asker);
}

void
sigchld__asker_let_go(struct sigchld__asker *asker)
{
	sigchld__poller_remove(&asker->master->part.ctx->poller, asker->fd);
	(void)sigchld__fds_take_own(asker->ref);
	free_asker(asker);
}

struct sigchld__asker *
sigchld__asker_find(struct sigchld_master *master, uintptr_t id)
{
	struct sigchld__asker *asker = master->control.askers;

	while (asker != NULL && asker->id != id)
		asker = asker->next;
	return asker;
}

bool
sigchld__asker_can_go_over(const struct sigchld__asker *asker)
{
	return asker->out.n == 0 && !asker->broken;
}

/* Sent */

/* True: all was. */
static bool
send_out(struct sigchld__asker *asker)
{
	struct sigchld__text *out = &asker->out;
	struct iovec part;
	int rc;

	while (asker->sent < out->n && !asker->broken) {
		part.iov_base = out->v + asker->sent;
		part.iov_len = out->n - asker->sent;
		rc = sigchld__sys_sendmsg(asker->fd, &part, 1);
		if (rc == -EAGAIN || rc == -EWOULDBLOCK)
			return false;
		if (rc >= 0)
			asker->sent += (size_t)rc;
		else
			asker->broken = rc != -EINTR;
	}
	sigchld__text_clear(out);
	asker->sent = 0;
	return !asker->broken;
}

void
sigchld__asker_flush(struct sigchld__asker *asker)
{
	(void)send_out(asker); /* what becomes of it is seen when it goes on */
}

/* An answer that is not whole is none. */
void
sigchld__asker_answer(struct sigchld__asker *asker, struct sigchld__text *text)
{
	asker->awaits = SIGCHLD__AWAITS_NOTHING;
	sigchld__text_put(text, "\n", 1);
	if (!text->failed)
		sigchld__text_put(&asker->out, text->v, text->n);
	asker->broken |= text->failed || asker->out.failed;
	sigchld__text_clear(text);
	sigchld__asker_wake(asker);
}

/* Read */

/* What can be no byte of an order is made one that is none. */
static void
read_in(struct sigchld__asker *asker)
{
	char *at = asker->in + asker->n_in, *nul;
	size_t room = sizeof(asker->in) - 1 - asker->n_in;
	int rc;

	if (room == 0)
		return;
	do
		rc = sigchld__sys_recv(asker->fd, at, room);
	while (rc == -EINTR);
	if (rc == 0)
		asker->at_end = true;
	if (rc < 0 && rc != -EAGAIN && rc != -EWOULDBLOCK)
		asker->broken = true;
	if (rc <= 0)
		return;
	asker->n_in += (size_t)rc;
	while ((nul = memchr(at, '\0', (size_t)rc)) != NULL)
		*nul = '?';
}

/* Of what was read: a line with its end; all of it, if no more comes. */
static size_t
line_length(const struct sigchld__asker *asker)
{
	const char *end = NULL;

	if (asker->n_in > 0)
		end = memchr(asker->in, '\n', asker->n_in);
	if (end != NULL)
		return (size_t)(end - asker->in) + 1;
	return asker->at_end ? asker->n_in : 0;
}

void
sigchld__asker_dismiss(struct sigchld__asker *asker, const char *why)
{
	asker->n_in = 0;
	asker->at_end = true;
	sigchld__deny(asker, why);
}

/* One order. False: there is none yet. */
static bool
take_line(struct sigchld__asker *asker)
{
	char line[SIGCHLD__CARRY_LINE];
	size_t len = line_length(asker);

	if (len == 0 && asker->n_in == sizeof(asker->in) - 1)
		sigchld__asker_dismiss(asker, "the line is too long");
	if (len == 0)
		return asker->out.n > 0;
	(void)memcpy(line, asker->in, len);
	asker->n_in -= len;
	(void)memmove(asker->in, asker->in + len, asker->n_in);
	if (line[len - 1] == '\n')
		len--;
	sigchld__obey(asker, line, len);
	return true;
}

/* On and on */

static bool
is_over(const struct sigchld__asker *asker)
{
	return asker->broken ||
	    (asker->at_end && asker->n_in == 0 && asker->out.n == 0 &&
		asker->awaits == SIGCHLD__AWAITS_NOTHING);
}

/* S1 */
static void
settle(struct sigchld__asker *asker)
{
	struct sigchld_ctx *ctx = asker->master->part.ctx;
	bool waits = asker->awaits != SIGCHLD__AWAITS_NOTHING;
	uint32_t interest = asker->out.n > 0 ? POLLOUT : waits ? GONE : POLLIN;

	if (interest != asker->interest) {
		(void)sigchld__poller_change(&ctx->poller, asker->fd,
		    asker->ref.generation, interest);
		sigchld__fds_own_events(asker->ref, interest);
		asker->interest = interest;
	}
	asker->woken = false;
	sigchld__timer_set(ctx, &asker->due,
	    waits ? 0 : sigchld__sys_now_ms() + IDLE_MS);
}

static void
go_on(struct sigchld__asker *asker)
{
	while (send_out(asker) && asker->awaits == SIGCHLD__AWAITS_NOTHING &&
	    take_line(asker))
		;
	if (is_over(asker))
		sigchld__asker_close(asker);
	else
		settle(asker);
}

static void
asker_ready(struct sigchld_ctx *ctx, void *user)
{
	struct sigchld__asker *asker = user;

	(void)ctx;
	if (asker->woken)
		return; /* asker_due comes next, and must be the first */
	if (asker->interest == GONE)
		asker->broken = true; /* it is hung up */
	else if (asker->interest == POLLIN)
		read_in(asker);
	go_on(asker);
}

void
sigchld__asker_wake(struct sigchld__asker *asker)
{
	asker->woken = true;
	sigchld__timer_set(asker->master->part.ctx, &asker->due, 1);
}

/* What was awaited of the program before us, but for the reload, will not come. */
static bool
awaits_in_vain(const struct sigchld__asker *asker)
{
	return asker->awaits != SIGCHLD__AWAITS_NOTHING &&
	    asker->awaits != SIGCHLD__AWAITS_END;
}

static void
asker_due(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld__asker *asker = ASKER_OF(timer);

	(void)run;
	if (!asker->woken) {
		sigchld__asker_close(asker);
		return;
	}
	asker->woken = false;
	if (awaits_in_vain(asker))
		sigchld__deny(asker, "there was a reload meanwhile");
	go_on(asker);
}
