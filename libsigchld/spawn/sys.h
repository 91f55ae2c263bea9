/* spawn/sys.h - the system calls of floor 2; the conventions are those of
 * core/sys.h. The child has its own, in kernel.h. */
#ifndef SIGCHLD_SPAWN_SYS_H
#define SIGCHLD_SPAWN_SYS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Close-on-exec; in the portable build only a moment later, so call this under
 * the no-fork lock there. */
int sigchld__sys_pipe(int fds[2]);

/* Through libc: pipes, which async/sys.c does not know. They may block. */
int sigchld__sys_pipe_read(int fd, void *data, size_t size);
int sigchld__sys_pipe_write(int fd, const void *data, size_t size);

int sigchld__sys_open_null(void);
int sigchld__sys_dup_from(int fd, int lowest); /* to that number or above */
int sigchld__sys_dup_to(int fd, int to);

bool sigchld__sys_is_open(int fd);
uint64_t sigchld__sys_device(int fd); /* a character device's; else 0 */
uint64_t sigchld__sys_inode(int fd);  /* 0: nobody can tell */
bool sigchld__sys_is_main_thread(void);

/* Will our children be in another namespace of processes than we? */
bool sigchld__sys_children_go_elsewhere(void);

/* Take a signal that is pending and blocked in this thread; gives it, or
 * -EAGAIN: none is. */
int sigchld__sys_sigtake(const sigset_t *set);

/*
 * clone.c. A child that shares our memory: fn(arg) on that stack, which must not
 * return; this thread goes on when it has executed a program or ended. And one
 * with a copy: gives 0 there, but waits likewise. No signal tells of the end of
 * either while it has not executed. pidfd may be NULL; a cgroup of -1 is none.
 * Elsewhere -ENOSYS.
 */
#define SIGCHLD__CLONE_TABLE 0x1u /* share the descriptor table too */

pid_t sigchld__sys_clone(int (*fn)(void *arg), void *arg, void *stack,
    size_t size, unsigned int flags, volatile int *pidfd, int cgroup);
pid_t sigchld__sys_clone_copy(volatile int *pidfd, int cgroup);

#endif
