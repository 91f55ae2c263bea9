/*
 * strip.c - a worker has no descriptor that it is not to have
 *
 * Those of the library stand in the table, which sigchld_postfork closes: what the
 * worker is to have of them leaves the table before. What else is open, whoever
 * opened it, is closed in the gaps between those that are kept.
 */
#include "worker/strip.h"
#include "core/fds.h"
#include "core/sys.h"
#include "worker/sys.h"

/* Out of the table; or, should somebody have held it just then, another number
 * for it. */
int
sigchld__strip_take(struct sigchld_fdref ref)
{
	int fd;

	if (sigchld__fds_take_own(ref))
		return ref.fd;
	fd = sigchld__sys_dup(ref.fd);
	if (fd < 0)
		sigchld__sys_exit(SIGCHLD__STATUS_LOST);
	return fd;
}

/* Few, and sorted by insertion. */
void
sigchld__strip_keep(struct sigchld__kept *kept, int fd)
{
	unsigned int i = kept->n;

	if (fd <= 2)
		return;
	if (kept->n == SIGCHLD__KEPT)
		sigchld__sys_exit(SIGCHLD__STATUS_LOST);
	for (; i > 0 && kept->fds[i - 1] > fd; i--)
		kept->fds[i] = kept->fds[i - 1];
	kept->fds[i] = fd;
	kept->n++;
}

void
sigchld__strip(const struct sigchld__kept *kept)
{
	unsigned int i;
	int last = 2;

	for (i = 0; i < kept->n; i++) {
		sigchld__sys_close_between(last, kept->fds[i]);
		last = kept->fds[i];
	}
	sigchld__sys_close_above(last);
}
