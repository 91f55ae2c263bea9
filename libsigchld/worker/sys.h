/* worker/sys.h - the system calls of floor 3; the conventions are those of
 * core/sys.h. */
#ifndef SIGCHLD_WORKER_SYS_H
#define SIGCHLD_WORKER_SYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct iovec;

/* Two ends of a stream, close-on-exec and non-blocking; in the portable build
 * only a moment later, so call this under the no-fork lock. */
int sigchld__sys_stream_pair(int ret_fds[2]);

/* The same of messages, with room for so many bytes on their way; and: neither of
 * a pair is 0, 1 or 2 any more; -errno: both are closed. */
int sigchld__sys_packet_pair(int ret_fds[2], int room);
int sigchld__sys_raise_pair(int fds[2]);

/* It is not 0, 1 or 2 any more; -errno: it is what it was. */
int sigchld__sys_raise_fd(int *fd);

/* A pipe signals its readers when somebody has written, or nobody has the writing
 * end any more. Before Linux 5.6 it does so whenever anybody closes an end of it. */
bool sigchld__sys_last_end_tells(void);

/* An open file of its own, non-blocking, for the reading end of the pipe that this
 * is the writing end of. -EMFILE, -ENFILE; another -errno: the system does not
 * let us. -ENOTSUP: in the portable build. */
int sigchld__sys_open_reader(int writer);

/* For so many bytes that this socket has sent, as far as the system lets us. */
void sigchld__sys_make_room(int fd, int room);

/* On a socket: they never block, not even if somebody who shares it has made it
 * block, and no SIGPIPE comes of them. Not more than an int can count at once.
 * -EINTR is given as it is. _wait: they may block, if the socket is made so. */
int sigchld__sys_sendmsg(int fd, const struct iovec *parts, unsigned int n);
int sigchld__sys_sendmsg_wait(int fd, const struct iovec *parts,
    unsigned int n);
int sigchld__sys_recv(int fd, void *data, size_t size);
int sigchld__sys_recv_wait(int fd, void *data, size_t size);
int sigchld__sys_block(int fd); /* make it so */

/* Memory that nobody has touched, to free(); NULL if there is none. */
void *sigchld__sys_room(size_t size);
void *sigchld__sys_buffer(size_t size); /* aligned to 64 bytes, a multiple */

/* Zeroed memory that is shared with those who are forked, in whole pages. Pass on:
 * whether those who are forked from now on have it (in the portable build they
 * always do). */
int sigchld__sys_map_shared(size_t size, void **ret_map);
void sigchld__sys_pass_on(void *map, size_t size, bool on);
size_t sigchld__sys_page_size(void);
void sigchld__sys_unmap_shared(void *map, size_t size);

int64_t sigchld__sys_now_us(void); /* CLOCK_MONOTONIC */
void sigchld__sys_yield(void);     /* let others run */

/* In a worker. A name of a process: 15 characters show. */
void sigchld__sys_set_name(const char *name);
int sigchld__sys_own_group(void);
void sigchld__sys_default_signals(void);
void sigchld__sys_close_between(int after, int before); /* neither of them */
void sigchld__sys_close_above(int after);               /* all others */
_Noreturn void sigchld__sys_exit(int status);

/* SIGKILL for this process when the writing ends of this pipe are closed, all of
 * them. In the portable build a thread waits for that. -errno: not to be had. */
int sigchld__sys_kill_at_hangup(int fd);
bool sigchld__sys_kill_lasts(void); /* also for what we execute? */
bool sigchld__sys_is_hung_up(int fd);
void sigchld__sys_kill_ourselves(void);

#endif
