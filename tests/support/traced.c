/*
 * traced.c - a process whose system calls a test sees, each of them
 */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "sanitized.h"
#include "traced.h"

#define SYS_MARK SYS_getppid
#define REFUSED  77

void
traced_mark(void)
{
	(void)syscall(SYS_MARK);
}

bool
traced_is_mark(long call)
{
	return call == SYS_MARK;
}

static _Noreturn void
be_traced(void (*fn)(void))
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == -1)
		_exit(REFUSED);
	(void)raise(SIGSTOP);
	fn();
	_exit(0);
}

pid_t
traced_start(void (*fn)(void))
{
	pid_t pid;
	int wstatus;

	if (SANITIZED)
		harness_skip("sanitizers make system calls of their own");
	pid = fork();
	if (pid == 0)
		be_traced(fn);
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &wstatus, 0), pid);
	if (WIFEXITED(wstatus) && WEXITSTATUS(wstatus) == REFUSED)
		harness_skip("this process may not be traced");
	ck_assert(WIFSTOPPED(wstatus));
	ck_assert_int_eq(ptrace(PTRACE_SETOPTIONS, pid, NULL,
			     PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL),
	    0);

	return pid;
}

long
traced_look(pid_t pid, int wstatus, int *ret_sig)
{
	struct __ptrace_syscall_info info;

	*ret_sig = 0;
	if (!WIFSTOPPED(wstatus)) {
		ck_assert_int_eq(wstatus, 0);
		return TRACED_ENDED;
	}
	if (WSTOPSIG(wstatus) != (SIGTRAP | 0x80)) {
		*ret_sig = WSTOPSIG(wstatus);
		return TRACED_LEFT;
	}
	ck_assert_int_gt(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info),
			     &info),
	    0);

	return info.op == PTRACE_SYSCALL_INFO_ENTRY ? (long)info.entry.nr
						    : TRACED_LEFT;
}

long
traced_next(pid_t pid, int *sig)
{
	int wstatus;

	ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, (long)*sig), 0);
	ck_assert_int_eq(waitpid(pid, &wstatus, 0), pid);

	return traced_look(pid, wstatus, sig);
}

size_t
traced_record(pid_t pid, long *calls, size_t size)
{
	int marks = 0, sig = 0;
	size_t n = 0;
	long call;

	while ((call = traced_next(pid, &sig)) != TRACED_ENDED) {
		if (traced_is_mark(call))
			marks++;
		else if (marks == 1 && call != TRACED_LEFT && n < size)
			calls[n++] = call;
	}
	ck_assert_int_ge(marks, 2);

	return n;
}
