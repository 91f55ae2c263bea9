/*
 * obey.c - what comes of an operator's order
 *
 *	show, ready, help	answered at once
 *	query			when the worker answers, or will not
 *	stop, workers		done, and answered
 *	reload, roll		when it is over; a reload that is asked for while one
 *				is on its way is the next one
 *
 * An answer in text is lines; one in JSON is an object in a line, whose "ok" says
 * whether the order was carried out. An empty line follows (asker.c).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "worker/master.h"
#include "worker/sys_control.h"

/* What it did, in text and in JSON alike. */
static void
affirm(struct sigchld__asker *asker, const char *what)
{
	struct sigchld__text text = { .v = NULL };

	if (asker->json)
		sigchld__text_print(&text, "{\"ok\":true}\n");
	else
		sigchld__text_print(&text, "%s\n", what);
	sigchld__asker_answer(asker, &text);
}

void
sigchld__deny(struct sigchld__asker *asker, const char *why)
{
	struct sigchld__text text = { .v = NULL };

	if (asker->json) {
		sigchld__text_print(&text, "{\"ok\":false,\"error\":");
		sigchld__text_quote(&text, why, strlen(why));
		sigchld__text_print(&text, "}\n");
	} else {
		sigchld__text_print(&text, "error: %s\n", why);
	}
	sigchld__asker_answer(asker, &text);
}

static void
deny_error(struct sigchld__asker *asker, int error)
{
	char why[128];

	sigchld__sys_describe(error < 0 ? -error : error, why, sizeof(why));
	sigchld__deny(asker, why);
}

/* Shown */

static void
help(struct sigchld__text *text, bool json)
{
	unsigned int i;

	if (json)
		sigchld__text_print(text, "{\"ok\":true,\"help\":[");
	for (i = 0; sigchld__order_help[i] != NULL; i++) {
		const char *line = sigchld__order_help[i];

		if (json && i > 0)
			sigchld__text_print(text, ",");
		if (json)
			sigchld__text_quote(text, line, strlen(line));
		else
			sigchld__text_print(text, "%s\n", line);
	}
	if (json)
		sigchld__text_print(text, "]}\n");
}

static void
show(struct sigchld__asker *asker, enum sigchld__verb verb)
{
	struct sigchld__text text = { .v = NULL };
	struct sigchld_master *master = asker->master;

	if (verb == SIGCHLD__ORDER_SHOW_PROC)
		sigchld__show_proc(master, &text, asker->json);
	else if (verb == SIGCHLD__ORDER_SHOW_STAT)
		sigchld__show_stat(master, &text, asker->json);
	else if (verb == SIGCHLD__ORDER_READY)
		sigchld__show_ready(master, &text, asker->json);
	else
		help(&text, asker->json);
	sigchld__asker_answer(asker, &text);
}

/* Asked of a worker */

/* What it says may be any bytes; the lines of a text are its own. */
static void
pass_on(struct sigchld__asker *asker, int status, const char *data, size_t len)
{
	struct sigchld__text text = { .v = NULL };

	if (asker->json) {
		sigchld__text_print(&text,
		    "{\"ok\":true,\"status\":%d,\"answer\":", status);
		sigchld__text_quote(&text, data, len);
		sigchld__text_print(&text, "}\n");
	} else {
		sigchld__text_put(&text, data, len);
		if (len > 0 && data[len - 1] != '\n')
			sigchld__text_put(&text, "\n", 1);
	}
	sigchld__asker_answer(asker, &text);
}

static void
answered(struct sigchld__asker *asker, int rc, int status, const void *data,
    size_t len)
{
	if (asker->awaits != SIGCHLD__AWAITS_ANSWER)
		return;
	if (rc == -EPIPE)
		sigchld__deny(asker, "the worker ended");
	else if (rc == -ETIMEDOUT)
		sigchld__deny(asker, "the worker did not answer in time");
	else if (rc == -ENOSYS)
		sigchld__deny(asker, "the worker answers no queries");
	else if (rc < 0)
		deny_error(asker, rc);
	else
		pass_on(asker, status, len > 0 ? data : "", len);
}

/* Without C; whoever asked may have gone. */
static void
on_answer(struct sigchld_master *master, pid_t pid, int rc, int status,
    const void *data, size_t len, void *id)
{
	struct sigchld__asker *asker;

	(void)pid;
	if (sigchld__master_lock(master) < 0)
		return;
	asker = sigchld__asker_find(master, (uintptr_t)id);
	if (asker != NULL)
		answered(asker, rc, status, data, len);
	sigchld__master_unlock(master);
}

static void
query(struct sigchld__asker *asker, const struct sigchld__order *order)
{
	int rc = sigchld__query(asker->master, (pid_t)order->number,
	    order->text, order->len, 0, on_answer, (void *)asker->id);

	if (rc == 0)
		asker->awaits = SIGCHLD__AWAITS_ANSWER;
	else if (rc == -ESRCH)
		sigchld__deny(asker, "there is no such worker");
	else if (rc == -EPIPE)
		sigchld__deny(asker, "the worker cannot be asked");
	else if (rc == -EAGAIN)
		sigchld__deny(asker, "the worker has not answered the last");
	else
		deny_error(asker, rc);
}

/* Done */

static void
await(struct sigchld__asker *asker, int rc, enum sigchld__awaits what)
{
	if (rc == 0)
		asker->awaits = what;
	else if (rc == -ESHUTDOWN)
		sigchld__deny(asker, "the master stops");
	else if (rc == -EINPROGRESS)
		sigchld__deny(asker, "other workers come in just now");
	else
		deny_error(asker, rc);
}

static void
stop(struct sigchld__asker *asker, uint32_t how)
{
	struct sigchld_master *master = asker->master;

	sigchld__master_stop(master, how, 0);
	affirm(asker, "stopping");
}

/* Nobody knows how, in a program that is at its end: guard.c. */
static bool
can_fork(struct sigchld__asker *asker)
{
	if (asker->master->no_forks)
		sigchld__deny(asker, "the program has ended; try reload");
	return !asker->master->no_forks;
}

static void
roll(struct sigchld__asker *asker)
{
	if (can_fork(asker))
		await(asker, sigchld__orders_roll(asker->master),
		    SIGCHLD__AWAITS_ROLL);
}

static void
resize(struct sigchld__asker *asker, uint32_t workers)
{
	int rc;

	if (!can_fork(asker))
		return;
	rc = sigchld__orders_resize(asker->master, workers);
	if (rc == 0)
		affirm(asker, "resized");
	else if (rc == -EINVAL)
		sigchld__deny(asker, "too many workers");
	else
		await(asker, rc, SIGCHLD__AWAITS_NOTHING);
}

static void
carry_out(struct sigchld__asker *asker, const struct sigchld__order *order)
{
	struct sigchld_master *master = asker->master;

	switch (order->verb) {
	case SIGCHLD__ORDER_QUERY:
		query(asker, order);
		break;
	case SIGCHLD__ORDER_RELOAD:
		await(asker, sigchld__orders_reload(master),
		    SIGCHLD__AWAITS_RELOAD);
		break;
	case SIGCHLD__ORDER_ROLL:
		roll(asker);
		break;
	case SIGCHLD__ORDER_STOP:
		stop(asker, SIGCHLD__DRAINS);
		break;
	case SIGCHLD__ORDER_STOP_NOW:
		stop(asker, SIGCHLD__ENDS);
		break;
	case SIGCHLD__ORDER_WORKERS:
		resize(asker, order->number);
		break;
	default:
		show(asker, order->verb);
		break;
	}
}

void
sigchld__obey(struct sigchld__asker *asker, const char *line, size_t len)
{
	struct sigchld__order order;
	int rc = sigchld__order_read(line, len, &order);

	asker->json = order.json;
	if (rc == -ENOENT)
		sigchld__deny(asker, "no such command; try help");
	else if (rc < 0)
		sigchld__deny(asker, "bad arguments; try help");
	else if (order.verb != SIGCHLD__ORDER_NONE)
		carry_out(asker, &order);
}

/* Reloads and rolls */

void
sigchld__control_begun(struct sigchld_master *master)
{
	struct sigchld__asker *asker;

	for (asker = master->control.askers; asker != NULL;
	     asker = asker->next) {
		sigchld__asker_flush(asker);
		if (asker->awaits == SIGCHLD__AWAITS_RELOAD)
			asker->awaits = SIGCHLD__AWAITS_END;
	}
}

/* What failed is as on_event is told. */
static void
explain(const struct sigchld_master *master, char *why, size_t room)
{
	const struct sigchld_master_event *what = &master->failed.what;
	char text[96];

	if (what->error == -ETIMEDOUT)
		(void)snprintf(why, room, "a worker was not ready in time");
	else if (what->error == -ECANCELED)
		(void)snprintf(why, room,
		    "the program ended before it was at work");
	else if (what->error == 0)
		(void)snprintf(why, room,
		    "a worker ended with status %d before it was to serve",
		    what->status);
	else {
		sigchld__sys_describe(-what->error, text, sizeof(text));
		(void)snprintf(why, room, "%s", text);
	}
}

static void
tell_failure(struct sigchld__asker *asker, const char *what)
{
	char why[128], text[192];

	explain(asker->master, why, sizeof(why));
	(void)snprintf(text, sizeof(text), "the %s failed: %s", what, why);
	sigchld__deny(asker, text);
}

static void
tell_success(struct sigchld__asker *asker, const char *what)
{
	struct sigchld__text text = { .v = NULL };

	if (asker->json)
		sigchld__text_print(&text, "{\"ok\":true,\"generation\":%u}\n",
		    asker->master->generation);
	else
		sigchld__text_print(&text, "%s: generation %u\n", what,
		    asker->master->generation);
	sigchld__asker_answer(asker, &text);
}

void
sigchld__control_over(struct sigchld_master *master, bool by_exec, bool well)
{
	enum sigchld__awaits what =
	    by_exec ? SIGCHLD__AWAITS_END : SIGCHLD__AWAITS_ROLL;
	struct sigchld__asker *asker;

	for (asker = master->control.askers; asker != NULL;
	     asker = asker->next) {
		if (asker->awaits != what)
			continue;
		if (well)
			tell_success(asker, by_exec ? "reloaded" : "rolled");
		else
			tell_failure(asker, by_exec ? "reload" : "roll");
	}
}

void
sigchld__control_refused(struct sigchld_master *master)
{
	struct sigchld__asker *asker;

	for (asker = master->control.askers; asker != NULL; asker = asker->next)
		if (asker->awaits > SIGCHLD__AWAITS_ANSWER)
			sigchld__deny(asker, "the master stops");
}
