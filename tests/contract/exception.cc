/*
 * exception.cc - a C++ exception out of a callback
 *
 * The event counts as delivered, the zombie is reaped, no lock stays held, and
 * what was queued behind it comes with the next dispatch.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sigchld.h>

static void
must(bool holds, const char *what)
{
	if (holds)
		return;
	printf("FAIL  %s\n", what);
	exit(1);
}

#define MUST(x) must(x, #x)

static int ended;

static void
throw_first(sigchld_child *, const sigchld_event *, void *)
{
	if (ended++ == 0)
		throw 7;
}

static int
throw_in_foreach(sigchld_child *, void *)
{
	throw 8;
}

static int
throw_at_stray(sigchld_ctx *, const sigchld_event *, void *)
{
	throw 9;
}

static void
await_zombie(pid_t pid)
{
	siginfo_t info;

	MUST(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
}

template <typename Function>
static int
caught(Function function)
{
	try {
		function();
	} catch (int number) {
		return number;
	}
	return 0;
}

static void
from_on_event(bool in_wait)
{
	sigchld_child *children[2];
	sigchld_ctx *ctx;

	ended = 0;
	MUST(sigchld_new(&ctx, NULL) == 0);
	for (int i = 0; i < 2; i++) {
		pid_t pid =
		    sigchld_fork(ctx, &children[i], 0, throw_first, NULL);
		if (pid == 0)
			_exit(i);
		await_zombie(pid);
	}
	MUST(caught([&] { sigchld_foreach(ctx, throw_in_foreach, NULL); }) ==
	    8);
	MUST(caught([&] {
		if (in_wait)
			sigchld_wait(ctx, -1);
		else
			sigchld_dispatch(ctx);
	}) == 7);
	MUST(ended == 1);

	struct pollfd pfd = { sigchld_fd(ctx), POLLIN, 0 };
	MUST(poll(&pfd, 1, 0) == 1);
	MUST(sigchld_dispatch(ctx) == 1);
	MUST(ended == 2);
	MUST(waitpid(-1, NULL, WNOHANG) == -1);
	sigchld_child_free(children[0]);
	sigchld_child_free(children[1]);
	sigchld_free(ctx);
}

static void
from_on_stray()
{
	sigchld_options options = {};
	sigchld_ctx *ctx;
	int status;

	options.size = sizeof(options);
	options.on_stray = throw_at_stray;
	MUST(sigchld_new(&ctx, &options) == 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(3);
	await_zombie(pid);
	MUST(caught([&] { sigchld_dispatch(ctx); }) == 9);
	MUST(waitpid(pid, &status, 0) == pid);
	MUST(sigchld_dispatch(ctx) == 0);
	sigchld_free(ctx);
}

int
main()
{
	from_on_event(false);
	from_on_event(true);
	from_on_stray();
	printf("ok    exceptions out of on_event, foreach and on_stray\n");
	return 0;
}
