/*
 * leash.c - a worker does not outlive its parent, whatever it is doing
 *
 * A parent that is killed says no farewell. A worker that waits for requests sees
 * the end of its channel; one that is busy looks at no descriptor, and may block
 * every signal or spin for ever. So each worker has a pipe for this alone:
 *
 *	parent			worker			kernel
 *
 *	has the writing end,	has the reading end:
 *	and never writes	asynchronous, its
 *				owner this process,
 *				its signal SIGKILL
 *	dies						closes the last writing
 *							end: SIGKILL
 *
 * L1	An open file of its own: to that belong owner and signal, and forked
 *	processes would share them. So a worker has a reading end that was opened
 *	for it; the pipe may be that of others, whom the same parent has.
 * L2	The parent may be gone before the worker asks for the signal; so it looks
 *	at the pipe after it has asked.
 * L3	No other process may keep a writing end: each worker closes those of its
 *	siblings, which stand in the descriptor table. A process forked by
 *	somebody else has them until it calls sigchld_postfork or an exec.
 * L4	Where /proc lets us open a reading end anew, one pipe is enough for many
 *	workers: each costs its parent a descriptor less, which a child need not
 *	close. It does not where there is no /proc, and for a parent that
 *	became another user since it made the pipe: then each has a pipe of its
 *	own. What a worker could do to the others by that pipe, it could do by
 *	kill(2), too: to open its writing end one must be the user that made it.
 * L5	Before Linux 5.6 a pipe signals its readers whenever anybody closes an end
 *	of it: the end of one worker would be that of all who share its pipe. So
 *	there each has one of its own, too.
 *
 * Not PR_SET_PDEATHSIG: that follows the thread that forked, and a parent that
 * executes another program in its place would kill its workers.
 *
 * Where there is no F_SETSIG a thread reads the pipe, with all signals blocked. A
 * worker that is stopped ends when it is continued, then.
 */
#include <errno.h>

#include "async/sys.h"
#include "spawn/sys.h"
#include "worker/leash.h"
#include "worker/sys.h"

int
sigchld__leash_pair(int *ret_worker, int *ret_parent)
{
	int fds[2], rc;

	rc = sigchld__sys_pipe(fds);
	if (rc == 0)
		rc = sigchld__sys_raise_pair(fds);
	if (rc < 0)
		return rc;
	*ret_worker = fds[0];
	*ret_parent = fds[1];
	return 0;
}

bool
sigchld__leash_can_share(void)
{
	return sigchld__sys_last_end_tells();
}

int
sigchld__leash_share(int parent, int *ret_worker)
{
	int fd, rc;

	if (!sigchld__leash_can_share())
		return -ENOTSUP;
	fd = sigchld__sys_open_reader(parent);
	if (fd < 0)
		return fd;
	rc = sigchld__sys_raise_fd(&fd);
	if (rc < 0) {
		(void)sigchld__sys_close(fd);
		return rc;
	}
	*ret_worker = fd;
	return 0;
}

int
sigchld__leash_wear(int worker)
{
	int rc = sigchld__sys_kill_at_hangup(worker);

	if (rc == 0 && sigchld__sys_is_hung_up(worker)) /* L2 */
		sigchld__sys_kill_ourselves();
	return rc;
}
