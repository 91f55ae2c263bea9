/*
 * hear_crew.c - what a master's worker says
 *
 * What is no message, or of no type that is known, is ignored: the worker may be
 * of another release, and its master is not to fall over it. A worker whose end is
 * closed while it lives is still a worker: it can be signalled and reaped, but not
 * asked, and if it was not ready it never will be. But one that said EXECS has not
 * failed: another program runs in it, and its end was close-on-exec. With VOUCHED
 * the application says when that one is ready.
 */
#include <errno.h>
#include <string.h>

#include "worker/master.h"

#define AT_ONCE 64 /* messages in a dispatch: others want to be heard */

static void
is_ready(struct sigchld__crew *crew)
{
	struct sigchld_master *master = crew->master;

	if (crew->ready)
		return;
	crew->ready = true;
	sigchld__timer_set(master->part.ctx, &crew->boot, 0);
	sigchld__news_of(crew, &crew->readied, SIGCHLD_MASTER_WORKER_READY);
	sigchld__part_poke(&master->part); /* when all was heard: muster.c */
}

/* Whatever a terminal would make of it is taken out. */
static void
says(struct sigchld__crew *crew, const char *text, size_t n)
{
	size_t i;

	if (n >= sizeof(crew->said))
		n = sizeof(crew->said) - 1;
	for (i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		crew->said[i] = c < ' ' || c == 0x7f ? ' ' : (char)c;
	}
	crew->said[n] = '\0';
}

static void
echo(const struct sigchld__crew *crew)
{
	const struct sigchld__wire_head head = { .type = SIGCHLD__WIRE_ECHOED };

	(void)sigchld__wire_send(crew->channel, &head, NULL, 0);
}

static void
heed(struct sigchld__crew *crew, const struct sigchld__wire *wire)
{
	switch (wire->head.type) {
	case SIGCHLD__WIRE_READY:
		is_ready(crew);
		break;
	case SIGCHLD__WIRE_SAYS:
		says(crew, wire->data, wire->len);
		break;
	case SIGCHLD__WIRE_ANSWER:
		sigchld__query_answered(crew, wire);
		break;
	case SIGCHLD__WIRE_ECHO:
		echo(crew);
		break;
	case SIGCHLD__WIRE_EXECS:
	case SIGCHLD__WIRE_STAYS:
		crew->execs = wire->head.type == SIGCHLD__WIRE_EXECS;
		break;
	default:
		break;
	}
}

static void
hung_up(struct sigchld__crew *crew)
{
	sigchld__crew_mute(crew);
	sigchld__queries_end(crew, -EPIPE);
	if (crew->ready)
		return;
	if (!crew->execs)
		sigchld__crew_kill(crew);
	else if (!(crew->master->o.flags & SIGCHLD_MASTER_VOUCHED))
		is_ready(crew);
}

/* One message: false, if there was none. */
bool
sigchld__crew_hear(struct sigchld__crew *crew)
{
	static struct sigchld__wire wire; /* [C] of nobody for longer */
	int rc;

	if (crew->mute || crew->channel == -1)
		return false;
	rc = sigchld__wire_receive(crew->channel, &wire);
	if (rc == 1)
		heed(crew, &wire);
	else if (rc != 0 && rc != -EPROTO)
		hung_up(crew);
	return rc == 1 || rc == -EPROTO;
}

void
sigchld__crew_ready(struct sigchld_ctx *ctx, void *user)
{
	struct sigchld__crew *crew = user;
	unsigned int i;

	(void)ctx;
	for (i = 0; i < AT_ONCE && sigchld__crew_hear(crew); i++)
		;
}

/* Said of it by others. With C. */
static int
vouch(struct sigchld_master *master, pid_t pid, const char *status)
{
	struct sigchld__crew *crew = sigchld__crew_find(master, pid);

	if (crew == NULL)
		return -ESRCH;
	if (status != NULL)
		says(crew, status, strlen(status));
	else
		is_ready(crew);
	return 0;
}

int
sigchld_master_vouch(struct sigchld_master *master, pid_t pid)
{
	int rc = sigchld__master_lock(master);

	if (rc < 0)
		return rc;
	rc = vouch(master, pid, NULL);
	sigchld__master_unlock(master);
	return rc;
}

int
sigchld_master_note(struct sigchld_master *master, pid_t pid,
    const char *status)
{
	int rc;

	if (status == NULL)
		return -EINVAL;
	if (strlen(status) >= SIGCHLD__CARRY_SAID)
		return -EMSGSIZE;
	rc = sigchld__master_lock(master);
	if (rc < 0)
		return rc;
	rc = vouch(master, pid, status);
	sigchld__master_unlock(master);
	return rc;
}
