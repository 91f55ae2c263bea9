/*
 * process.c - start a program, and keep account of its end
 *
 * Each program gets a session of its own: the interrupt key of our terminal is
 * for us, and we stop the programs in order. So it also leads a group, and what
 * it starts is stopped and killed with it. It inherits no descriptor: its
 * standard ones are /dev/null, and there are no others.
 */
#include "process.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "clock.h"

static bool
is_on_pidfd(struct sigchld_ctx *ctx)
{
	struct sigchld_stats stats = { .size = sizeof(stats) };

	return sigchld_get_stats(ctx, &stats) == 0 && stats.pidfds > 0;
}

int
process_start(struct process *p, struct sigchld_ctx *ctx,
    sigchld_event_fn *on_event)
{
	static const struct sigchld_fdmap null[] = { { SIGCHLD_FD_NULL, 0 },
		{ SIGCHLD_FD_NULL, 1 }, { SIGCHLD_FD_NULL, 2 } };
	pid_t pid = sigchld_spawn(ctx, &p->child,
	    SIGCHLD_SPAWN(.argv = p->command->argv, .fdmap = null, .nfdmap = 3,
		.flags = SIGCHLD_SPAWN_SETSID | SIGCHLD_SPAWN_GROUPKILL),
	    on_event, p);

	if (pid < 0) {
		p->error = -pid;
		return pid;
	}
	p->pid = pid;
	p->thread = pthread_self();
	p->on_pidfd = is_on_pidfd(ctx);
	return 0;
}

int
process_stop(struct process *p, int grace_ms)
{
	p->told_term = true;
	p->kill_ms = clock_ms() + grace_ms;
	return sigchld_child_stop(p->child, SIGTERM, grace_ms);
}

int
process_kill(struct process *p)
{
	p->told_kill = true;
	return sigchld_child_kill(p->child, SIGKILL);
}

void
process_ended(struct process *p, struct sigchld_child *child,
    const struct sigchld_event *event)
{
	if (event->pid != p->pid || child != p->child ||
	    !pthread_equal(pthread_self(), p->thread))
		p->n_foreign++;
	if (p->n_events++ > 0)
		return;
	p->ended_ms = clock_ms();
	p->what = event->what;
	p->source = event->source;
	p->wstatus = event->wstatus;
	/* What it has left of its group goes with it. The number of the group
	 * is taken until we return, unless somebody stole the child. */
	(void)sigchld_child_kill(child, SIGKILL);
	p->child = NULL;
	sigchld_child_free(child);
}

bool
status_is(int wstatus, const struct status *status)
{
	if (status->end == BY_SIGNAL)
		return WIFSIGNALED(wstatus) &&
		    WTERMSIG(wstatus) == status->number;
	return status->end == BY_EXIT && WIFEXITED(wstatus) &&
	    WEXITSTATUS(wstatus) == status->number;
}

/* We sent the signal that ended it. */
static bool
is_our_doing(const struct process *p)
{
	int sig = WIFSIGNALED(p->wstatus) ? WTERMSIG(p->wstatus) : 0;

	if (sig == SIGTERM)
		return p->told_term;
	return sig == SIGKILL &&
	    (p->told_kill || (p->told_term && p->ended_ms >= p->kill_ms));
}

static bool
is(const struct process *p, const struct status *status)
{
	if (p->error != 0)
		return status->end == BY_ERROR && status->number == p->error;
	return status_is(p->wstatus, status);
}

bool
process_status_is_true(const struct process *p)
{
	const struct command *command = p->command;

	if (p->error == 0) {
		if (p->what != SIGCHLD_EXITED && p->what != SIGCHLD_SIGNALED)
			return false;
		if (WIFSIGNALED(p->wstatus) != (p->what == SIGCHLD_SIGNALED))
			return false;
		if (is_our_doing(p))
			return true;
	}
	for (size_t i = 0; i < command->n_expect; i++)
		if (is(p, &command->expect[i]))
			return true;
	return command->n_expect == 0;
}

void
status_text(char *text, size_t size, int wstatus)
{
	if (WIFSIGNALED(wstatus))
		(void)snprintf(text, size, "signal %d", WTERMSIG(wstatus));
	else
		(void)snprintf(text, size, "exit %d", WEXITSTATUS(wstatus));
}
