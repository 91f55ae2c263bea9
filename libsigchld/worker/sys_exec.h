/* sys_exec.h - the system calls of a program that puts another in its place; the
 * conventions are those of core/sys.h */
#ifndef SIGCHLD_WORKER_SYS_EXEC_H
#define SIGCHLD_WORKER_SYS_EXEC_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* As execve(2) if the file has a slash, else looked for in PATH; never a script
 * for a shell. Comes back only with -errno. */
int sigchld__sys_exec(const char *file, char *const *argv, char *const *env);

/* The environment as it is. And, in a forked child, out of it, without libc's lock,
 * which another thread may have had. */
char **sigchld__sys_environ(void);
void sigchld__sys_drop_env(const char *name);

/* The limit of descriptors that may be open. */
int sigchld__sys_nofile(uint64_t *ret_soft);
int sigchld__sys_set_nofile(uint64_t soft);

/* Whether the next program has it. */
int sigchld__sys_inherit(int fd, bool on);

/* What is open there: the device and number of the file. -EBADF: nothing. */
int sigchld__sys_file(int fd, uint64_t *ret_dev, uint64_t *ret_ino);
bool sigchld__sys_is_socket(int fd);

/* A file in memory (elsewhere one without a name), not 0 to 2; sealed when it is
 * written. Size, and whether it is such a one: -EINVAL. */
int sigchld__sys_memfile(void);
int sigchld__sys_memfile_write(int fd, const void *data, size_t size);
int sigchld__sys_memfile_size(int fd, uint64_t *ret_size);
int sigchld__sys_memfile_read(int fd, void *data, size_t size);

/* When a process was started: two with the same pid never have the same. 0: it
 * cannot be told. */
uint64_t sigchld__sys_started(pid_t pid);

int64_t sigchld__sys_time(void); /* time(2) */

#endif
