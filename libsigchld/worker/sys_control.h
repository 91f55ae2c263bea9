/* sys_control.h - the system calls of a control socket; the conventions are those
 * of core/sys.h. No descriptor that these give is 0 to 2; all are close-on-exec and
 * non-blocking, in the portable build only a moment later: call these under the
 * no-fork lock. */
#ifndef SIGCHLD_WORKER_SYS_CONTROL_H
#define SIGCHLD_WORKER_SYS_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A socket at this path, of mode 0600 from its first moment on, that listens.
 * -EADDRINUSE: there is something. */
int sigchld__sys_listen_at(const char *path);

/* Is this a socket that was bound to this path, and listens? */
bool sigchld__sys_listens_at(int fd, const char *path);

/* Has somebody the socket there open, whether he listens yet or not? */
bool sigchld__sys_is_answered(const char *path);

/* Whoever connected. -EAGAIN: nobody more. */
int sigchld__sys_accept(int fd);

/* May the other end of this socket give orders: is it root, or our own user? In the
 * portable build this cannot be asked: the mode of the socket must do. */
bool sigchld__sys_is_trusted(int fd);

/* Which file is at this path? -ENOENT; -ENOTSOCK: it is no socket. */
int sigchld__sys_socket_at(const char *path, uint64_t *ret_dev,
    uint64_t *ret_ino);

/* The path, or that with the current directory before it, in a room of this size.
 * -ENAMETOOLONG. */
int sigchld__sys_absolute(const char *path, char *ret_path, size_t room);

/* What the error of this number is called, in a room of this size. */
void sigchld__sys_describe(int error, char *ret_text, size_t room);

#endif
