/* worker/sys.h - the system calls of floor 3; the conventions are those of
 * core/sys.h. */
#ifndef SIGCHLD_WORKER_SYS_H
#define SIGCHLD_WORKER_SYS_H

#include <stdbool.h>
#include <stddef.h>

struct iovec;

/* Two ends of a stream, close-on-exec and non-blocking; in the portable build
 * only a moment later, so call this under the no-fork lock. */
int sigchld__sys_stream_pair(int ret_fds[2]);

/* On a socket: they never block, not even if somebody who shares it has made it
 * block, and no SIGPIPE comes of them. Not more than an int can count at once.
 * -EINTR is given as it is. */
int sigchld__sys_sendmsg(int fd, const struct iovec *parts, unsigned int n);
int sigchld__sys_recv(int fd, void *data, size_t size);

/* Memory that nobody has touched, to free(); NULL if there is none. */
void *sigchld__sys_room(size_t size);

/* SIGKILL for this process when the writing ends of this pipe are closed, all of
 * them. In the portable build a thread waits for that. -errno: not to be had. */
int sigchld__sys_kill_at_hangup(int fd);
bool sigchld__sys_is_hung_up(int fd);
void sigchld__sys_kill_ourselves(void);

#endif
