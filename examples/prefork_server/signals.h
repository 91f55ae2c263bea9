/*
 * signals.h - the signals by which the server is told what to do
 */
#ifndef PREFORK_SIGNALS_H
#define PREFORK_SIGNALS_H

struct sigchld_ctx;

/* From now on SIGTERM, SIGINT and SIGHUP are counted, and wake this context. */
void signals_catch(struct sigchld_ctx *ctx);

/* Before the context is closed: it is woken no more. */
void signals_forget(void);

/* How many came: SIGTERM and SIGINT; SIGHUP. */
int signals_stops(void);
int signals_rolls(void);

#endif
