/*
 * tenlines.c - in place of a loop over waitpid
 *
 *	examples/run tenlines
 *
 * Starts some programs and says how each has ended. Nothing here is in the way
 * of another part of the process that does the same.
 */
#include <sigchld.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static int n_running;

static void
ended(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	char *const *argv = user;

	(void)child;
	n_running--;
	if (event->what == SIGCHLD_EXITED)
		printf("%s: exit %d\n", *argv, WEXITSTATUS(event->wstatus));
	else if (event->what == SIGCHLD_SIGNALED)
		printf("%s: signal %d\n", *argv, WTERMSIG(event->wstatus));
	else
		printf("%s: ended, but its status was stolen\n", *argv);
}

int
main(void)
{
	static char *programs[][4] = {
		{ "true" },
		{ "sh", "-c", "exit 3" },
		{ "sh", "-c", "kill -TERM $$" },
		{ "no-such-program" },
	};
	struct sigchld_ctx *ctx;
	pid_t pid;

	if (sigchld_new(&ctx, NULL) < 0)
		return 1;
	for (int i = 0; i < 4; i++) {
		pid = sigchld_spawn(ctx, NULL,
		    SIGCHLD_SPAWN(.argv = programs[i]), ended, programs[i]);
		if (pid < 0)
			printf("%s: %s\n", programs[i][0], strerror(-pid));
		else
			n_running++;
	}
	while (n_running > 0)
		sigchld_wait(ctx, -1);
	sigchld_free(ctx);
	return 0;
}
