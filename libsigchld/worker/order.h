/* order.h - a line of the control socket, understood; see order.c */
#ifndef SIGCHLD_WORKER_ORDER_H
#define SIGCHLD_WORKER_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum sigchld__verb {
	SIGCHLD__ORDER_NONE, /* a line of nothing but blanks */
	SIGCHLD__ORDER_HELP,
	SIGCHLD__ORDER_READY,
	SIGCHLD__ORDER_SHOW_PROC,
	SIGCHLD__ORDER_SHOW_STAT,
	SIGCHLD__ORDER_QUERY,
	SIGCHLD__ORDER_RELOAD,
	SIGCHLD__ORDER_ROLL,
	SIGCHLD__ORDER_STOP,
	SIGCHLD__ORDER_STOP_NOW,
	SIGCHLD__ORDER_WORKERS,
};

struct sigchld__order {
	enum sigchld__verb verb;
	bool json;        /* so it is to be answered */
	uint32_t number;  /* QUERY: a pid; WORKERS: how many */
	const char *text; /* QUERY: what to ask; in the line */
	size_t len;
};

/* Understand a line, without its end. The order's json is set in any case. -ENOENT:
 * there is no such command; -EINVAL: its arguments are none. */
int sigchld__order_read(const char *line, size_t len,
    struct sigchld__order *ret_order);

/* One for each command, what it is and what it does, and NULL. */
extern const char *const sigchld__order_help[];

#endif
