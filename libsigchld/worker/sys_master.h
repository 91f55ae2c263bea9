/* worker/sys_master.h - the system calls of what surrounds a master; the
 * conventions are those of core/sys.h. No descriptor that these give is 0 to 2.
 * */
#ifndef SIGCHLD_WORKER_SYS_MASTER_H
#define SIGCHLD_WORKER_SYS_MASTER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct sockaddr_un;

/* Close-on-exec; in the portable build only a moment later, so call these under
 * the no-fork lock there. */
int sigchld__sys_datagram_socket(void);
int sigchld__sys_teller_pair(int ret_fds[2]); /* stream, non-blocking */

/* Never blocks, and no SIGPIPE comes of it; -EINTR is given as it is. */
int sigchld__sys_send_to(int fd, const void *data, size_t size,
    const struct sockaddr_un *address, size_t address_size);

/* A connected socket of AF_UNIX whose data is a stream? */
bool sigchld__sys_is_unix_stream(int fd);

/* Files. A symbolic link is not followed in the last component: -ELOOP. */
int sigchld__sys_create_file(const char *path); /* for writing; -EEXIST */
int sigchld__sys_read_file(const char *path);   /* opens it, and never waits */

/* An empty file, made if there is none, that no other process has as well until
 * this one has unlinked and closed it, or has ended. -EAGAIN: somebody has it, had
 * it just now, or it is not empty. Within a process this keeps nobody out. */
int sigchld__sys_lock_file(const char *path);
int sigchld__sys_read_in(int fd, void *data, size_t size);
int sigchld__sys_write_out(int fd, const void *data, size_t size);
int sigchld__sys_open_to_all(int fd); /* mode 0644, whatever the umask is */
int sigchld__sys_rename(const char *from, const char *to);
int sigchld__sys_unlink(const char *path);

/* /dev/null at exactly the lowest free number, which may well be 0 to 2, and
 * not close-on-exec: for those only. */
int sigchld__sys_fill_with_null(void);
int sigchld__sys_redirect(int fd, int to); /* not close-on-exec */
int sigchld__sys_leave_session(void);

/* Until fd is readable or hung up, with this mask meanwhile: 1; -EINTR. */
int sigchld__sys_await(int fd, const sigset_t *mask);

const char *sigchld__sys_getenv(const char *name); /* NULL: not there */
void sigchld__sys_unsetenv(const char *name);
void sigchld__sys_setenv(const char *name, const char *value);

#endif
