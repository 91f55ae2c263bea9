/*
 * forked.c - make the child by fork(2), or by what a context has in its place
 *
 * The two go on at once, so the child tells by a pipe: its error, or the end of
 * the file when the exec has closed the pipe.
 *
 *	parent			child
 *
 *	N; pipe; fork		the steps of child.c, exec
 *	close its end; not N	-errno to the pipe, if one fails
 *	read
 *
 * While N is held nobody else can fork: a process that had a copy of the
 * writing end, and did not execute, would let us wait for ever.
 *
 * A child that fails is an ordinary one until it is reaped here, so a SIGCHLD
 * tells of it, and somebody's waitpid(-1) may see it.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/sys.h"
#include "spawn/child.h"
#include "spawn/engine.h"
#include "spawn/sys.h"

/* 0: it has executed its program, or was killed before. If it cannot be read what
 * happened, the program may run already, and nobody must wait for its end. */
static int
read_error(pid_t pid, int fd)
{
	int err = 0, rc;

	rc = sigchld__sys_pipe_read(fd, &err, sizeof(err));
	if (rc < 0) {
		(void)sigchld__sys_kill(pid, SIGKILL);
		return rc;
	}
	if (rc != (int)sizeof(err))
		return 0;
	return err < 0 ? err : -ENOEXEC; /* an exec that came back */
}

static pid_t
await_exec(pid_t pid, int fd)
{
	struct sigchld__wait wait;
	int rc;

	rc = read_error(pid, fd);
	if (rc == 0)
		return pid;
	(void)sigchld__sys_waitid(P_PID, pid, &wait, WEXITED);
	return rc;
}

pid_t
sigchld__forked_make(struct sigchld__start *start)
{
	int fds[2], rc;
	pid_t pid;

	sigchld__nofork_begin();
	rc = sigchld__sys_pipe(fds);
	if (rc < 0) {
		sigchld__nofork_end();
		return rc;
	}
	pid = sigchld__birth_fork(&start->birth);
	if (pid == 0) {
		start->plan.report = fds[1];
		sigchld__child_run(&start->plan);
	}
	(void)sigchld__sys_close(fds[1]);
	sigchld__nofork_end();
	if (pid > 0)
		pid = await_exec(pid, fds[0]);
	(void)sigchld__sys_close(fds[0]);
	return pid;
}
