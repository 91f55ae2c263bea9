/*
 * sys.h - the system calls of floor 0
 *
 * Each gives zero or more, or -errno, and leaves errno alone, so that a signal
 * handler may use them and nobody needs to save anything. None is a
 * cancellation point: a thread that vanished inside one would leave the
 * deferral word held for ever. Tests replace them at link time
 * (-Wl,--wrap=sigchld__sys_...), so what ships has no table of pointers.
 */
#ifndef SIGCHLD_ASYNC_SYS_H
#define SIGCHLD_ASYNC_SYS_H

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

/* What a call gave, as ours: -errno, and errno as it was. */
int sigchld__result(long rc, int saved);

/* Async-signal-safe. */
pid_t sigchld__sys_getpid(void);
int sigchld__sys_write(int fd, const void *data, size_t size);
int sigchld__sys_read(int fd, void *data, size_t size);
int sigchld__sys_close(int fd);
int sigchld__sys_close_range(int first, int last); /* Linux; else -ENOSYS */

/* row.c: all of them, in whatever way there is. */
void sigchld__sys_close_row(int first, int last);
int sigchld__sys_sigmask(int how, const sigset_t *set, sigset_t *before);

/* For whoever edits. */
int sigchld__sys_sigaction(int sig, const struct sigaction *action,
    struct sigaction *before);
int sigchld__sys_raise(int sig); /* to the process, not to the thread */
int sigchld__sys_sleep_us(long us);
void *sigchld__sys_map(size_t size); /* zeroed; NULL if there is none */
void sigchld__sys_unmap(void *map, size_t size);
int sigchld__sys_wipe_on_fork(void *map, size_t size);
int sigchld__sys_eventfd(void);
int sigchld__sys_socketpair(int type, int fds[2]);
int sigchld__sys_cloexec(int fd);
int sigchld__sys_nonblock(int fd);

#endif
