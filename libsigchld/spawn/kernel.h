/*
 * kernel.h - the system calls of the child
 *
 * Each gives zero or more, or -errno. On Linux they go straight to the kernel:
 * libc's would write errno, which may be our parent's; set credentials for all
 * threads of a process that it takes for the parent; and be bound by the dynamic
 * linker at their first use, on a stack that is small. In the portable build the
 * child is one of fork(2), and calls what is async-signal-safe.
 */
#ifndef SIGCHLD_SPAWN_KERNEL_H
#define SIGCHLD_SPAWN_KERNEL_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sigchld.h>

#ifndef SIGCHLD_PORTABLE

#	include <sys/ioctl.h>
#	include <sys/prctl.h>
#	include <sys/syscall.h>

#	ifndef SYS_close_range
#		define SYS_close_range 436
#	endif
#	define KERNEL_UNSHARE (1u << 1) /* CLOSE_RANGE_UNSHARE */

#	define KERNEL_SIGNALS 64
#	define KERNEL_SIGSET  8 /* bytes */

#	if defined(__x86_64__) && defined(__LP64__)

static inline long
kernel_call(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	long rc;

	__asm__ volatile("syscall"
			 : "=a"(rc)
			 : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10),
			 "r"(r8)
			 : "rcx", "r11", "memory");
	return rc;
}

#	elif defined(__aarch64__) && defined(__LP64__)

static inline long
kernel_call(long number, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory");
	return x0;
}

#	else

/* The parent has called it before, so it is bound; he keeps his errno. */
static inline long
kernel_call(long number, long a, long b, long c, long d, long e)
{
	long rc = syscall(number, a, b, c, d, e);

	return rc == -1 ? -errno : rc;
}

#	endif

static inline int
kernel_int(long number, long a, long b, long c)
{
	return (int)kernel_call(number, a, b, c, 0, 0);
}

static inline int
kernel_unshare_and_close(int first)
{
	return kernel_int(SYS_close_range, first, (long)~0u, KERNEL_UNSHARE);
}

static inline int
kernel_close_range(unsigned int first, unsigned int last)
{
	return kernel_int(SYS_close_range, (long)first, (long)last, 0);
}

static inline int
kernel_close(int fd)
{
	return kernel_int(SYS_close, fd, 0, 0);
}

static inline int
kernel_dup_to(int fd, int to)
{
	return kernel_int(SYS_dup3, fd, to, 0);
}

static inline int
kernel_dup_above(int fd, int lowest)
{
	return kernel_int(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest);
}

static inline int
kernel_is_open(int fd)
{
	return kernel_int(SYS_fcntl, fd, F_GETFD, 0) >= 0;
}

static inline int
kernel_keep(int fd)
{
	return kernel_int(SYS_fcntl, fd, F_SETFD, 0);
}

static inline int
kernel_open(const char *path, int flags)
{
	return kernel_int(SYS_openat, AT_FDCWD, (long)(intptr_t)path,
	    flags | O_CLOEXEC);
}

static inline int
kernel_read_dir(int fd, void *data, size_t size)
{
	return kernel_int(SYS_getdents64, fd, (long)(intptr_t)data, (long)size);
}

static inline int
kernel_write(int fd, const void *data, size_t size)
{
	return kernel_int(SYS_write, fd, (long)(intptr_t)data, (long)size);
}

static inline int
kernel_getpid(void)
{
	return kernel_int(SYS_getpid, 0, 0, 0);
}

static inline int
kernel_getppid(void)
{
	return kernel_int(SYS_getppid, 0, 0, 0);
}

static inline int
kernel_setsid(void)
{
	return kernel_int(SYS_setsid, 0, 0, 0);
}

static inline int
kernel_setpgid(void)
{
	return kernel_int(SYS_setpgid, 0, 0, 0);
}

static inline int
kernel_set_tty(int fd)
{
	return kernel_int(SYS_ioctl, fd, TIOCSCTTY, 0);
}

static inline int
kernel_chdir(const char *path)
{
	return kernel_int(SYS_chdir, (long)(intptr_t)path, 0, 0);
}

static inline void
kernel_umask(uint32_t mask)
{
	(void)kernel_int(SYS_umask, (long)mask, 0, 0);
}

static inline int
kernel_no_new_privs(void)
{
	return (int)kernel_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static inline int
kernel_die_with_parent(void)
{
	return (int)kernel_call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

static inline int
kernel_rlimit(uint32_t resource, uint64_t soft, uint64_t hard)
{
	const uint64_t limit[2] = { soft, hard };

	return (int)kernel_call(SYS_prlimit64, 0, (long)resource,
	    (long)(intptr_t)limit, 0, 0);
}

/* Soft, of descriptors; 0: it cannot be had. */
static inline uint64_t
kernel_max_open(void)
{
	uint64_t limit[2] = { 0, 0 };

	(void)kernel_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0,
	    (long)(intptr_t)limit, 0);
	return limit[0];
}

#	ifdef SYS_setgroups32
#		define KERNEL_SETGROUPS SYS_setgroups32
#		define KERNEL_SETRESGID SYS_setresgid32
#		define KERNEL_SETRESUID SYS_setresuid32
#	else
#		define KERNEL_SETGROUPS SYS_setgroups
#		define KERNEL_SETRESGID SYS_setresgid
#		define KERNEL_SETRESUID SYS_setresuid
#	endif

static inline int
kernel_ids(const struct sigchld_ids *ids)
{
	int rc;

	rc = kernel_int(KERNEL_SETGROUPS, (long)ids->ngroups,
	    (long)(intptr_t)ids->groups, 0);
	if (rc == 0)
		rc = kernel_int(KERNEL_SETRESGID, (int)ids->gid, (int)ids->gid,
		    (int)ids->gid);
	if (rc == 0)
		rc = kernel_int(KERNEL_SETRESUID, (int)ids->uid, (int)ids->uid,
		    (int)ids->uid);
	return rc;
}

/* The kernel's struct sigaction, all zero: SIG_DFL, no flags, no mask. */
static inline void
kernel_default(int sig)
{
	static const uint64_t zero[8];

	(void)kernel_call(SYS_rt_sigaction, sig, (long)(intptr_t)zero, 0,
	    KERNEL_SIGSET, 0);
}

static inline int
kernel_mask(const sigset_t *set)
{
	static const uint64_t none[KERNEL_SIGSET / sizeof(uint64_t)];
	const void *to = set != NULL ? (const void *)set : none;

	return (int)kernel_call(SYS_rt_sigprocmask, SIG_SETMASK,
	    (long)(intptr_t)to, 0, KERNEL_SIGSET, 0);
}

static inline int
kernel_exec(const char *path, char *const *argv, char *const *envp)
{
	return kernel_int(SYS_execve, (long)(intptr_t)path,
	    (long)(intptr_t)argv, (long)(intptr_t)envp);
}

_Noreturn static inline void
kernel_exit(int status)
{
	for (;;)
		(void)kernel_int(SYS_exit_group, status, 0, 0);
}

#else /* SIGCHLD_PORTABLE: what this build cannot do is refused before */

#	define KERNEL_SIGNALS SIGRTMAX

static inline int
kernel_result(int rc)
{
	return rc == -1 ? -errno : rc;
}

static inline int
kernel_refused(void)
{
	return -ENOTSUP;
}

#	define kernel_unshare_and_close(first) kernel_refused()
#	define kernel_close_range(first, last) kernel_refused()
#	define kernel_set_tty(fd)              kernel_refused()
#	define kernel_no_new_privs()           kernel_refused()
#	define kernel_die_with_parent()        kernel_refused()
#	define kernel_ids(ids)                 kernel_refused()
#	define kernel_close(fd)                kernel_result(close(fd))
#	define kernel_dup_to(fd, to)           kernel_result(dup2(fd, to))
#	define kernel_dup_above(fd, lowest) \
		kernel_result(fcntl(fd, F_DUPFD_CLOEXEC, lowest))
#	define kernel_keep(fd) kernel_result(fcntl(fd, F_SETFD, 0))
#	define kernel_open(path, flags) \
		kernel_result(open(path, (flags) | O_CLOEXEC))
#	define kernel_write(fd, data, size) \
		kernel_result((int)write(fd, data, size))
#	define kernel_getpid()     getpid()
#	define kernel_getppid()    getppid()
#	define kernel_setsid()     kernel_result(setsid())
#	define kernel_setpgid()    kernel_result(setpgid(0, 0))
#	define kernel_chdir(path)  kernel_result(chdir(path))
#	define kernel_umask(mask)  ((void)umask((mode_t)(mask)))
#	define kernel_exit(status) _exit(status)
#	define kernel_exec(path, argv, envp) \
		kernel_result(execve(path, argv, envp))

/* RLIM_INFINITY is all ones in either. */
static inline int
kernel_rlimit(uint32_t resource, uint64_t soft, uint64_t hard)
{
	const struct rlimit limit = {
		.rlim_cur = (rlim_t)soft,
		.rlim_max = (rlim_t)hard,
	};

	return kernel_result(setrlimit((int)resource, &limit));
}

static inline uint64_t
kernel_max_open(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

static inline void
kernel_default(int sig)
{
	struct sigaction action = { .sa_handler = SIG_DFL };

	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(sig, &action, NULL);
}

static inline int
kernel_mask(const sigset_t *set)
{
	sigset_t none;

	(void)sigemptyset(&none);
	return kernel_result(sigprocmask(SIG_SETMASK, set != NULL ? set : &none,
	    NULL));
}

#endif

#endif
