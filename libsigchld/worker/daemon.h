/* daemon.h - go into the background, and say so when ready; see daemon.c */
#ifndef SIGCHLD_WORKER_DAEMON_H
#define SIGCHLD_WORKER_DAEMON_H

#include <sys/types.h>

/* Those of 0 to 2 that are closed are /dev/null from now on. 0, or -EMFILE,
 * -ENFILE, -ENOENT, -EACCES. For every master, daemon or not, before it opens
 * anything. */
int sigchld__daemon_fill_stdio(void);

/*
 * Fork. In the launcher: the pid of the daemon, and *ret_fd is for
 * sigchld__daemon_wait. In the daemon 0: it leads a session of its own, its
 * standard input, output and error are /dev/null, and *ret_fd, close-on-exec,
 * is for sigchld__daemon_tell. To be called by the first program alone, by its
 * only thread, before anything else is open. Errors as of the one above and of
 * fork(2): there is no daemon then, and only 0 to 2 may have been filled.
 */
pid_t sigchld__daemon_fork(int *ret_fd);

/* In the launcher: wait until the daemon tells, or is gone; closes fd. Gives
 * the exit status for the launcher. */
int sigchld__daemon_wait(pid_t pid, int fd);

/* In the daemon: the launcher is to end with this status; 0: we are ready.
 * Closes fd, which is -1 afterwards; so whoever tells twice tells once. If the
 * launcher is gone nobody hears it. */
void sigchld__daemon_tell(int *fd, int status);

/* In the daemon, if it executes itself before it has told: fd goes with it,
 * under the same number. -EBADF. */
int sigchld__daemon_carry(int fd);

/* In whom it executed, or after that has failed: back. -EBADF, -ENOTSOCK: this
 * was never such a descriptor, and is left alone. */
int sigchld__daemon_carried(int fd);

#endif
