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
 * L1	A pipe of its own: owner and signal belong to the open file, which forked
 *	processes share.
 * L2	The parent may be gone before the worker asks for the signal; so it looks
 *	at the pipe after it has asked.
 * L3	No other process may keep a writing end: each worker closes those of its
 *	siblings, which stand in the descriptor table. A process forked by
 *	somebody else has them until it calls sigchld_postfork or an exec.
 *
 * Not PR_SET_PDEATHSIG: that follows the thread that forked, and a parent that
 * executes another program in its place would kill its workers.
 *
 * Where there is no F_SETSIG a thread reads the pipe, with all signals blocked. A
 * worker that is stopped ends when it is continued, then.
 */
#include "worker/leash.h"
#include "spawn/sys.h"
#include "worker/sys.h"

int
sigchld__leash_pair(int *ret_worker, int *ret_parent)
{
	int fds[2], rc;

	rc = sigchld__sys_pipe(fds);
	if (rc < 0)
		return rc;
	*ret_worker = fds[0];
	*ret_parent = fds[1];
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
