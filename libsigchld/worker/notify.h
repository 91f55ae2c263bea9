/* notify.h - tell the service manager how we are; see notify.c */
#ifndef SIGCHLD_WORKER_NOTIFY_H
#define SIGCHLD_WORKER_NOTIFY_H

#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

#define SIGCHLD__NOTIFY_STATUS 255u /* bytes of a status that are sent */

struct sigchld__notify {
	int fd; /* -1: nobody wants to know */
	size_t address_size;
	struct sockaddr_un address;
};

/*
 * address is what $NOTIFY_SOCKET says; copied. 1: it is open, and the
 * descriptor is close-on-exec and 3 or above; 0: address is NULL or empty, so
 * that all the others do nothing and give 0. -EINVAL: neither a path that
 * begins with '/' nor '@' and a name, or too long; -EMFILE, -ENFILE, -ENOMEM.
 * In the portable build, under the no-fork lock.
 */
int sigchld__notify_open(struct sigchld__notify *notify, const char *address);
void sigchld__notify_close(struct sigchld__notify *notify); /* again: nothing */

/*
 * Each is one message, sent whole or not at all: 1, it was; 0, nobody wants to
 * know; -EAGAIN: the receiver is behind, try again; -ENOENT, -ECONNREFUSED: it
 * is not there now, as while it restarts; or what else sendto(2) gives. Never
 * blocks. A status of NULL is none, but for the last one's; what becomes of one
 * that is no line says N3.
 */
int sigchld__notify_ready(const struct sigchld__notify *notify, pid_t pid,
    const char *status);
int sigchld__notify_reloading(const struct sigchld__notify *notify,
    const char *status);
int sigchld__notify_reload_failed(const struct sigchld__notify *notify,
    pid_t pid, const char *why); /* the status begins with Reload failed */
int sigchld__notify_stopping(const struct sigchld__notify *notify,
    const char *status);
int sigchld__notify_status(const struct sigchld__notify *notify,
    const char *status);

#endif
