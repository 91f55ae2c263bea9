/*
 * signals.c - the signals by which the server is told what to do
 *
 * The handler counts, and wakes the loop by sigchld_occurred, which may be
 * called in a signal handler. Nothing is blocked, so workers begin with a clear
 * mask; their dispositions are made default by the pool.
 */
#include "signals.h"

#include <sigchld.h>
#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t n_stops, n_rolls;
static struct sigchld_ctx *woken;

static void
on_signal(int sig)
{
	if (sig == SIGHUP)
		n_rolls++;
	else
		n_stops++;
	(void)sigchld_occurred(woken);
}

static void
set(void (*handler)(int))
{
	static const int caught[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART };

	(void)sigfillset(&sa.sa_mask); /* they do not interrupt one another */
	for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++)
		(void)sigaction(caught[i], &sa, NULL);
}

void
signals_catch(struct sigchld_ctx *ctx)
{
	woken = ctx;
	set(on_signal);
}

void
signals_forget(void)
{
	set(SIG_IGN);
}

int
signals_stops(void)
{
	return n_stops;
}

int
signals_rolls(void)
{
	return n_rolls;
}
