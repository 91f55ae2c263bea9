/*
 * probe.c - can a descriptor table be shared, and then unshared?
 *
 * close_range(2) can do that since Linux 5.9. A filter may refuse it, and there
 * were kernels whose copy had a wrong idea of which numbers are free. So it is
 * tried once, the way it will be used:
 *
 *	a child with a table of its own		another that shares that one
 *
 *	has 0 to 127 open			unshares, and closes 64 and up
 *						gets 64, the lowest that is free
 *						closes 63
 *	still has 63 and 127
 *
 * All of our own descriptors stay as they are.
 *
 * Not where our next child becomes process 1 of a namespace: with the end of
 * that one nobody could come after it.
 */
#include <errno.h>
#include <sys/wait.h>

#include "async/sys.h"
#include "core/sys.h"
#include "spawn/engine.h"
#include "spawn/sys.h"

#ifndef SIGCHLD_PORTABLE

#	include "spawn/kernel.h"

#	define FIRST 64
#	define LAST  127

#	define STACK 4096

_Noreturn static void
finish(bool good)
{
	kernel_exit(good ? SIGCHLD__PROBE_GOOD : SIGCHLD__PROBE_BAD);
}

static int
unshare(void *user)
{
	int rc = kernel_unshare_and_close(FIRST);

	(void)user;
	if (rc == -ENOMEM || rc == -EMFILE)
		kernel_exit(SIGCHLD__PROBE_UNKNOWN);
	if (rc < 0 || kernel_is_open(LAST) || kernel_dup_above(0, 0) != FIRST)
		finish(false);
	finish(kernel_close(FIRST - 1) == 0);
}

/* All numbers up to LAST are in use. */
static int
fill(void)
{
	int null, fd;

	null = kernel_open("/dev/null", O_RDWR);
	for (fd = null; fd >= 0 && fd < LAST;)
		fd = kernel_dup_above(null, 0);
	return fd;
}

static int
share(void *stack)
{
	struct sigchld__wait wait;
	pid_t pid;

	if (fill() < 0)
		kernel_exit(SIGCHLD__PROBE_UNKNOWN);
	pid = sigchld__sys_clone(unshare, NULL, stack, STACK,
	    SIGCHLD__CLONE_TABLE, NULL, -1);
	if (pid == -EAGAIN || pid == -ENOMEM)
		kernel_exit(SIGCHLD__PROBE_UNKNOWN);
	if (pid < 0 ||
	    sigchld__sys_waitid(P_PID, pid, &wait, WEXITED | __WALL) < 0)
		finish(false);
	if (wait.code == CLD_EXITED && wait.status == SIGCHLD__PROBE_UNKNOWN)
		kernel_exit(SIGCHLD__PROBE_UNKNOWN);
	finish(wait.code == CLD_EXITED && wait.status == SIGCHLD__PROBE_GOOD &&
	    kernel_is_open(FIRST - 1) && kernel_is_open(LAST));
}

static enum sigchld__probe
probe(char *stack)
{
	struct sigchld__wait wait;
	pid_t pid;

	pid =
	    sigchld__sys_clone(share, stack, stack + STACK, STACK, 0, NULL, -1);
	if (pid == -EAGAIN || pid == -ENOMEM)
		return SIGCHLD__PROBE_UNKNOWN;
	if (pid < 0 ||
	    sigchld__sys_waitid(P_PID, pid, &wait, WEXITED | __WALL) < 0)
		return SIGCHLD__PROBE_BAD;
	return wait.code == CLD_EXITED ? (enum sigchld__probe)wait.status
				       : SIGCHLD__PROBE_BAD;
}

enum sigchld__probe
sigchld__probe(void)
{
	enum sigchld__probe found;
	char *stacks;

	if (sigchld__sys_children_go_elsewhere())
		return SIGCHLD__PROBE_UNKNOWN;
	stacks = sigchld__sys_map(2 * STACK);
	if (stacks == NULL)
		return SIGCHLD__PROBE_UNKNOWN;
	found = probe(stacks);
	sigchld__sys_unmap(stacks, 2 * STACK);
	return found;
}

#else

enum sigchld__probe
sigchld__probe(void)
{
	return SIGCHLD__PROBE_BAD;
}

#endif
