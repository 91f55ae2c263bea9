/*
 * forward.c - signals that are passed on to the workers
 *
 *	signal		blocked since before there is a master: pending
 *	signalfd	readable in a dispatch: to each current worker
 *	reload		still blocked: pending until the next program has its
 *			signalfd
 *
 * So none of them is lost in a reload, and none ends the master. Workers begin
 * with no signal blocked, whatever the master blocks.
 */
#include "tools/forward.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <sigchld/fd.h>

#include "tools/say.h"
#include "tools/values.h"

/* Of a master, of the library, of nobody; and those that tell of a fault of
 * ours, not of a wish of others. */
static const int ours[] = { SIGUSR1, SIGUSR2, SIGHUP, SIGTERM, SIGINT, SIGTTIN,
	SIGTTOU, SIGCHLD, SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL,
	SIGTRAP, SIGABRT, SIGSYS, SIGPIPE };

static bool
is_ours(int sig)
{
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (ours[i] == sig)
			return true;
	}
	return false;
}

bool
forward_read(sigset_t *set, const char *text)
{
	char *copy = strdup(text), *word, *rest = NULL;
	bool good = copy != NULL;
	int sig, n = 0;

	word = good ? strtok_r(copy, ",", &rest) : NULL;
	for (; word != NULL && good; word = strtok_r(NULL, ",", &rest)) {
		good = value_signal(word, &sig) && !is_ours(sig) &&
		    sigaddset(set, sig) == 0;
		n++;
	}
	free(copy);
	return good && n > 0;
}

void
forward_most(sigset_t *set)
{
	static const int most[] = { SIGQUIT, SIGALRM, SIGVTALRM, SIGPROF,
		SIGWINCH, SIGCONT, SIGTSTP, SIGPOLL, SIGPWR };
	size_t i;
	int sig;

	for (i = 0; i < sizeof(most) / sizeof(most[0]); i++)
		(void)sigaddset(set, most[i]);
	for (sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
		(void)sigaddset(set, sig);
}

void
forward_block(const sigset_t *set)
{
	(void)sigprocmask(SIG_BLOCK, set, NULL);
}

static void
pass_on(struct sigchld_ctx *ctx, struct sigchld_fdref ref, uint32_t events,
    void *user)
{
	struct signalfd_siginfo info;
	int n;

	(void)ctx, (void)events;
	while (read(ref.fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		n = sigchld_master_signal(user, SIGCHLD_CURRENT,
		    (int)info.ssi_signo);
		say(SAY_VERBOSE, "signal %u was passed on to %d",
		    info.ssi_signo, n);
	}
}

int
forward_begin(const sigset_t *set, struct sigchld_ctx *ctx,
    struct sigchld_master *master, int *ret_fd)
{
	int rc, fd = -1;

	if (!sigisemptyset(set)) {
		fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
		if (fd == -1)
			return -errno;
		rc = sigchld_fd_insert(ctx, NULL, fd, POLLIN, pass_on, master);
		if (rc < 0) {
			(void)close(fd);
			return rc;
		}
	}
	*ret_fd = fd;
	return 0;
}
