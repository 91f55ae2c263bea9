/* wire.h - messages between a master and its workers; see wire.c */
#ifndef SIGCHLD_WORKER_WIRE_H
#define SIGCHLD_WORKER_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define SIGCHLD__WIRE_MOST 32768u /* bytes of a payload */

/* From a worker: */
enum {
	SIGCHLD__WIRE_READY = 1,
	SIGCHLD__WIRE_SAYS,   /* its status line */
	SIGCHLD__WIRE_ANSWER, /* id, rc, status, payload */
	SIGCHLD__WIRE_ECHO,   /* the same comes back */
	SIGCHLD__WIRE_EXECS,  /* end of file now means another program */
	SIGCHLD__WIRE_STAYS,  /* not any more */
};

/* From the master; each is answered by what stands beside it: */
enum {
	SIGCHLD__WIRE_QUERY = 1, /* id, payload: ANSWER */
	SIGCHLD__WIRE_FINISH,    /* nothing */
	SIGCHLD__WIRE_ECHOED,    /* nothing */
};

struct sigchld__wire_head {
	uint32_t magic; /* SIGCHLD__WIRE_MAGIC */
	uint16_t type;
	uint16_t zero;
	uint64_t id;
	int32_t rc, status;
};

/* One that came in. */
struct sigchld__wire {
	struct sigchld__wire_head head;
	char data[SIGCHLD__WIRE_MOST + 8]; /* what is too long is seen to be */
	size_t len;
};

/* Two ends, neither of them 0 to 2; close-on-exec and non-blocking; in the portable
 * build only a moment later: under the no-fork lock. -EMFILE, -ENFILE, -ENOBUFS,
 * -ENOMEM. */
int sigchld__wire_pair(int ret_fds[2]);

/* All of it at once, or nothing: -EAGAIN: the other has not read what is there;
 * -EPIPE: it is gone; -EMSGSIZE; -ENOBUFS. Async-signal-safe. */
int sigchld__wire_send(int fd, const struct sigchld__wire_head *head,
    const void *data, size_t len);

/* 1: there is one; 0: none just now; -EPIPE: end of file; -EPROTO: what came was
 * none, and is gone. */
int sigchld__wire_receive(int fd, struct sigchld__wire *ret_wire);

#define SIGCHLD__WIRE_MAGIC 0x31686d73u /* "smh1", little-endian */

#endif
