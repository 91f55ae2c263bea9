/*
 * clone.c - make a process, by clone(2) and clone3(2)
 *
 * The child that shares our memory needs a stack of its own, and must not
 * return into frames that are ours. libc's clone sees to both. It has no clone3,
 * and only that knows cgroups: so where we know the processor, a few
 * instructions do the same; elsewhere a child for a cgroup has a copy of our
 * memory. That copy goes on where we are, and needs no care.
 *
 * exit_signal 0: until it has executed a program, no signal tells of its end,
 * and nobody's waitpid(-1) sees it. The kernel changes that at the exec.
 *
 * libc's clone runs no fork hooks. None is needed: the child takes no lock.
 */
#include "spawn/sys.h"

#ifndef SIGCHLD_PORTABLE

#	include <errno.h>
#	include <sched.h>
#	include <sys/syscall.h>
#	include <unistd.h>

#	include "async/sys.h"

#	ifndef CLONE_PIDFD
#		define CLONE_PIDFD 0x1000
#	endif
#	ifndef SYS_clone3
#		define SYS_clone3 435
#	endif
#	define INTO_CGROUP ((uint64_t)1 << 33) /* CLONE_INTO_CGROUP */

/* struct clone_args, which is not in old headers. */
struct args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack,
	    stack_size, tls, set_tid, set_tid_size, cgroup;
};

#	if defined(__x86_64__) && defined(__LP64__)

static long
clone3_on_stack(const struct args *args, int (*fn)(void *arg), void *arg)
{
	long rc;

	__asm__ volatile("syscall\n\t"
			 "testq %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "movq %[arg], %%rdi\n\t"
			 "callq *%[fn]\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(rc)
			 : "0"((long)SYS_clone3), "D"(args),
			 "S"(sizeof(*args)), [fn] "r"(fn), [arg] "r"(arg)
			 : "rcx", "r11", "memory", "cc");
	return rc;
}

#	elif defined(__aarch64__) && defined(__LP64__)

static long
clone3_on_stack(const struct args *args, int (*fn)(void *arg), void *arg)
{
	register long x8 __asm__("x8") = SYS_clone3;
	register long x0 __asm__("x0") = (long)(intptr_t)args;
	register long x1 __asm__("x1") = sizeof(*args);

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x0, %[arg]\n\t"
			 "blr %[fn]\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), [fn] "r"(fn), [arg] "r"(arg)
			 : "memory", "cc", "x30");
	return x0;
}

#	else

static long
clone3_on_stack(const struct args *args, int (*fn)(void *arg), void *arg)
{
	(void)args;
	(void)fn;
	(void)arg;
	return -ENOSYS;
}

#	endif

static uint64_t
pointer(const volatile void *p)
{
	return (uint64_t)(uintptr_t)p;
}

pid_t
sigchld__sys_clone(int (*fn)(void *arg), void *arg, void *stack, size_t size,
    unsigned int flags, volatile int *pidfd, int cgroup)
{
	const int as = CLONE_VM | CLONE_VFORK |
	    (flags & SIGCHLD__CLONE_TABLE ? CLONE_FILES : 0) |
	    (pidfd != NULL ? CLONE_PIDFD : 0);
	const struct args args = {
		.flags = (uint64_t)as | INTO_CGROUP,
		.pidfd = pointer(pidfd),
		.stack = pointer(stack),
		.stack_size = size,
		.cgroup = (uint64_t)cgroup,
	};
	int saved = errno;
	long rc;

	if (cgroup >= 0)
		rc = clone3_on_stack(&args, fn, arg);
	else
		rc = sigchld__result(clone(fn, (char *)stack + size, as, arg,
					 (int *)(uintptr_t)pidfd, NULL, NULL),
		    saved);
	errno = saved; /* libc's functions in the child set ours */
	return (pid_t)rc;
}

pid_t
sigchld__sys_clone_copy(volatile int *pidfd, int cgroup)
{
	const unsigned long as =
	    CLONE_VFORK | (pidfd != NULL ? CLONE_PIDFD : 0);
	const struct args args = {
		.flags = (uint64_t)as | INTO_CGROUP,
		.pidfd = pointer(pidfd),
		.cgroup = (uint64_t)cgroup,
	};
	int saved = errno;

	if (cgroup >= 0)
		return sigchld__result(syscall(SYS_clone3, &args, sizeof(args)),
		    saved);
#	ifdef __s390__
	return sigchld__result(syscall(SYS_clone, 0, as, pidfd, 0, 0), saved);
#	else
	return sigchld__result(syscall(SYS_clone, as, 0, pidfd, 0, 0), saved);
#	endif
}

#else

#	include <errno.h>

pid_t
sigchld__sys_clone(int (*fn)(void *arg), void *arg, void *stack, size_t size,
    unsigned int flags, volatile int *pidfd, int cgroup)
{
	(void)fn;
	(void)arg;
	(void)stack;
	(void)size;
	(void)flags;
	(void)pidfd;
	(void)cgroup;
	return -ENOSYS;
}

pid_t
sigchld__sys_clone_copy(volatile int *pidfd, int cgroup)
{
	(void)pidfd;
	(void)cgroup;
	return -ENOSYS;
}

#endif
