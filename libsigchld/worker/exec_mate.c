/*
 * exec_mate.c - another program in a worker's place
 *
 *	worker				master
 *
 *	EXECS
 *	ends and fds out of the way
 *	fds to 3, 4, ..
 *	signals as for a program
 *	execve				end of file: it runs (hear_crew.c)
 *	    it failed: STAYS		a worker as before, which will end
 *
 * F1	The leash goes along, so that the program ends with its master, and its
 *	number is none of those that fds get. The channel is close-on-exec: that it
 *	closes is how the master knows. (In the portable build a thread holds the
 *	leash, and is gone with the worker's program: there it does not go along.)
 * F2	Who was told to finish before, by a signal that was caught here, does not
 *	begin: the program would not know. From the look at that on the signal
 *	does to the process what it does to a program that does not expect it.
 */
#include <errno.h>
#include <signal.h>

#include "async/sys.h"
#include "core/sys.h"
#include "spawn/sys.h"
#include "worker/master.h"
#include "worker/mate.h"
#include "worker/pool.h"
#include "worker/sys.h"
#include "worker/sys_exec.h"
#include "worker/sys_master.h"

#define FIRST 3 /* number of the first of fds */

/* Above all that they will have. Close-on-exec. */
static int
raise_fd(int *fd, uint32_t n)
{
	int raised;

	if (*fd == -1)
		return 0;
	raised = sigchld__sys_dup_from(*fd, FIRST + (int)n);
	if (raised < 0)
		return raised;
	(void)sigchld__sys_close(*fd);
	*fd = raised;
	return 0;
}

static int
raise_leash(struct sigchld__mate *mate, uint32_t n)
{
	if (sigchld__sys_kill_lasts())
		return raise_fd(&mate->leash, n);
	return mate->leash == -1 || mate->leash >= FIRST + (int)n ? 0 : -EMFILE;
}

static int
place(const int *raised, uint32_t n)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; i < n && rc >= 0; i++)
		rc = sigchld__sys_redirect(raised[i], FIRST + (int)i);
	return rc < 0 ? rc : 0;
}

/* First all above, then all down: one may have another's number. */
static int
arrange(struct sigchld__mate *mate, const int *fds, uint32_t n)
{
	int raised[SIGCHLD__MOST_FDS], rc;
	uint32_t i;

	rc = raise_fd(&mate->fd, n);
	mate->worker->channel.fd = mate->fd;
	if (rc == 0)
		rc = raise_leash(mate, n);
	for (i = 0; i < n && rc == 0; i++) {
		raised[i] = sigchld__sys_dup_from(fds[i], FIRST + (int)n);
		rc = raised[i] < 0 ? raised[i] : 0;
	}
	if (rc == 0)
		rc = place(raised, n);
	if (rc == 0 && mate->leash != -1 && sigchld__sys_kill_lasts())
		rc = sigchld__sys_inherit(mate->leash, true);
	return rc;
}

/* F2. */
static int
give_signals_back(int finish_signal)
{
	sigset_t set, none;

	(void)sigemptyset(&none);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, finish_signal);
	(void)sigchld__sys_sigmask(SIG_BLOCK, &set, NULL);
	if (sigchld__mate_is_told())
		return -ESHUTDOWN;
	sigchld__sys_default_signals();
	(void)sigchld__sys_sigmask(SIG_SETMASK, &none, NULL);
	return 0;
}

static int
say(const struct sigchld__mate *mate, uint16_t type)
{
	const struct sigchld__wire_head head = { .type = type };
	int rc = sigchld__wire_send(mate->fd, &head, NULL, 0);

	return rc == -EPIPE ? 0 : rc; /* it may outlive its master */
}

static int
replace(struct sigchld__mate *mate, const char *file, char *const *argv,
    char *const *envp)
{
	int rc = give_signals_back(mate->master->o.finish_signal);

	if (rc == 0)
		rc = say(mate, SIGCHLD__WIRE_EXECS);
	if (rc < 0)
		return rc;
	rc = sigchld__sys_exec(file, argv,
	    envp != NULL ? envp : sigchld__sys_environ());
	(void)say(mate, SIGCHLD__WIRE_STAYS);
	return rc;
}

int
sigchld_worker_exec(struct sigchld_worker *worker, const char *file,
    char *const *argv, char *const *envp, const int *fds, uint32_t n_fds)
{
	struct sigchld__mate *mate;
	int rc;

	if (worker == NULL || worker->mate == NULL || worker->mate->in_query ||
	    file == NULL || argv == NULL || argv[0] == NULL ||
	    n_fds > SIGCHLD__MOST_FDS || (n_fds > 0 && fds == NULL))
		return -EINVAL;
	mate = worker->mate;
	if (sigchld__mate_is_told())
		return -ESHUTDOWN;
	rc = arrange(mate, fds, n_fds);
	return rc < 0 ? rc : replace(mate, file, argv, envp);
}
