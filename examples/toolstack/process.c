/*
 * process.c - start a program, and keep account of its end
 *
 * Between fork and exec three things must not happen: a signal handler of ours
 * must not run in the child (it would write to the parent's pipe, and the signal,
 * perhaps a stop, would be lost at the exec), the program must not inherit our
 * mask and ignored signals, and nothing may be called that is not
 * async-signal-safe, as another thread may have held any lock. So all signals are
 * blocked across the fork; the child sets every disposition to its default and
 * only then opens the mask.
 *
 * "127" says that an exec failed, but a program may also exit with it. So the
 * child has a close-on-exec pipe: a successful exec closes it, a failed one sends
 * errno first. It is read when the child has ended; by then all is in it, and
 * nobody had to wait for the exec.
 *
 * Each program gets a session of its own: the interrupt key of our terminal is
 * for us, and we stop the programs in order.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

static void
defaults_and_open_mask(void)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig <= SIGRTMAX; sig++)
		(void)sigaction(sig, &dfl, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void
process_exec(char *const *argv, int report_fd)
{
	int null = open("/dev/null", O_RDWR), why;

	for (int fd = 0; fd <= 2 && null >= 0; fd++)
		(void)dup2(null, fd);
	if (null > 2)
		(void)close(null);
	(void)setsid();
	defaults_and_open_mask();
	(void)execvp(argv[0], argv);
	why = errno;
	if (report_fd >= 0)
		(void)!write(report_fd, &why, sizeof(why));
	_exit(127);
}

int
process_start(struct process *p, struct sigchld_ctx *ctx,
    sigchld_event_fn *on_event)
{
	sigset_t all, old;
	int report[2];

	if (pipe2(report, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	p->thread = pthread_self();
	p->report_fd = report[0];
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	p->pid = sigchld_fork(ctx, &p->child, 0, on_event, p);
	if (p->pid == 0)
		process_exec(p->command->argv, report[1]);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)close(report[1]);
	if (p->pid < 0)
		(void)close(report[0]);
	return p->pid < 0 ? p->pid : 0;
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
	p->wstatus = event->wstatus;
	if (read(p->report_fd, &p->exec_errno, sizeof(p->exec_errno)) !=
	    (ssize_t)sizeof(p->exec_errno))
		p->exec_errno = 0;
	(void)close(p->report_fd);
	p->child = NULL;
	sigchld_child_free(child);
}

bool
status_is(int wstatus, const struct status *status)
{
	return status->signaled
	    ? WIFSIGNALED(wstatus) && WTERMSIG(wstatus) == status->number
	    : WIFEXITED(wstatus) && WEXITSTATUS(wstatus) == status->number;
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

bool
process_status_is_true(const struct process *p)
{
	static const struct status cannot_exec = { .number = 127 };
	const struct command *command = p->command;

	if (p->what != SIGCHLD_EXITED && p->what != SIGCHLD_SIGNALED)
		return false;
	if (WIFSIGNALED(p->wstatus) != (p->what == SIGCHLD_SIGNALED))
		return false;
	if (p->exec_errno != 0 && !status_is(p->wstatus, &cannot_exec))
		return false;
	if (command->n_expect == 0 || is_our_doing(p))
		return true;
	for (size_t i = 0; i < command->n_expect; i++)
		if (status_is(p->wstatus, &command->expect[i]))
			return true;
	return false;
}

void
status_text(char *text, size_t size, int wstatus)
{
	if (WIFSIGNALED(wstatus))
		(void)snprintf(text, size, "signal %d", WTERMSIG(wstatus));
	else
		(void)snprintf(text, size, "exit %d", WEXITSTATUS(wstatus));
}
