/* pidfile.h - a file that says which process the master is; see pidfile.c */
#ifndef SIGCHLD_WORKER_PIDFILE_H
#define SIGCHLD_WORKER_PIDFILE_H

#include <stdint.h>
#include <sys/types.h>

/*
 * Make the file say pid, and each of n workers on a line of its own (n may be
 * 0). 1: it does now; 0: it did already, and was not touched. An -errno: it is
 * as it was; such as -ENAMETOOLONG, -EACCES, -ENOENT (no such directory),
 * -EISDIR, -ENOSPC, -EROFS, -ENOMEM.
 */
int sigchld__pidfile_write(const char *path, pid_t pid, const pid_t *workers,
    uint32_t n);

/* Remove it if it still says pid. 1: it is gone; 0: it was another's, or there
 * was none; or an -errno. */
int sigchld__pidfile_remove(const char *path, pid_t pid);

#endif
