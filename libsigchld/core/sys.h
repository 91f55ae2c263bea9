/* core/sys.h - the system calls of floor 1; the conventions are those of
 * async/sys.h, but these are not for signal handlers */
#ifndef SIGCHLD_CORE_SYS_H
#define SIGCHLD_CORE_SYS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pollfd;

/* What is left of a siginfo_t and a struct rusage. */
struct sigchld__wait {
	pid_t pid; /* 0: nothing to tell of */
	int code;  /* CLD_* */
	int status;
	bool has_usage;
	uint64_t utime_us, stime_us, maxrss_kib;
};

/* Zeroed memory, to free(); NULL if there is none. */
void *sigchld__sys_alloc(size_t n, size_t size);

/* Besides the options of waitid(2): tell the resources used, too. The kernel adds
 * them up for every thread, so it is not done for nobody. */
#define SIGCHLD__USAGE 0x08000000

int sigchld__sys_waitid(int type, int id, struct sigchld__wait *ret_wait,
    int options);
int sigchld__sys_kill(pid_t pid, int sig);
int sigchld__sys_pidfd_open(pid_t pid);
int sigchld__sys_pidfd_signal(int pidfd, int sig, bool group);
/* What became of a process that was reaped. 1: this, as of waitpid(2); 0: the
 * kernel does not keep it; -EAGAIN: it is not reaped, or not quite. */
int sigchld__sys_pidfd_exit(int pidfd, int *ret_wstatus);
pid_t sigchld__sys_pidfd_pid(int pidfd); /* -ESRCH: it was reaped */
pid_t sigchld__sys_getsid(pid_t pid);
pid_t sigchld__sys_getpgid(pid_t pid);
int sigchld__sys_cgroup_of(pid_t pid, uint64_t *ret_cgroup); /* a child's */
int sigchld__sys_subreaper(bool on); /* 1: it was already */
pid_t sigchld__sys_fork(void);
void sigchld__sys_block_all(sigset_t *ret_before); /* libc's own, too */
void sigchld__sys_unblock(const sigset_t *before);
int sigchld__sys_sigpending(sigset_t *set);
int64_t sigchld__sys_now_ms(void);    /* CLOCK_MONOTONIC, rounded up */
uint64_t sigchld__sys_fd_limit(void); /* RLIMIT_NOFILE */
int sigchld__sys_dup(int fd);         /* close-on-exec */
int sigchld__sys_poll(struct pollfd *fds, unsigned int n, int timeout_ms);

/* Linux only; elsewhere -ENOSYS. Descriptors are close-on-exec. */
struct epoll_event;
int sigchld__sys_epoll_create(void);
int sigchld__sys_epoll_ctl(int epfd, int op, int fd, uint32_t events,
    uint64_t data);
int sigchld__sys_epoll_wait(int epfd, struct epoll_event *events, int max,
    int timeout_ms);
int sigchld__sys_timerfd(void);
int sigchld__sys_timerfd_arm(int fd, int64_t deadline_ms); /* 0: disarm */

/* P_PIDFD and __WALL, where the headers are too old to have them. */
#define SIGCHLD__P_PIDFD 3
#define SIGCHLD__WALL    0x40000000

#endif
