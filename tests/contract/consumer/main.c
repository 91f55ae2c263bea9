/*
 * main.c - a stranger's program: forks a child and learns how it ended
 */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sigchld.h>

static void
on_event(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	int *code = user;

	(void)child;
	if (event->what == SIGCHLD_EXITED)
		*code = WEXITSTATUS(event->wstatus);
}

int
main(void)
{
	struct sigchld_ctx *ctx;
	int code = -1, rc;
	pid_t pid;

	rc = sigchld_new(&ctx, NULL);
	if (rc < 0)
		return 1;
	pid = sigchld_fork(ctx, NULL, 0, on_event, &code);
	if (pid == 0)
		_exit(42);
	while (pid > 0 && code == -1 && rc >= 0)
		rc = sigchld_wait(ctx, 20000);
	sigchld_free(ctx);
	(void)printf("the child exited with %d\n", code);
	return code == 42 ? 0 : 1;
}
