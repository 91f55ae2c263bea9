/*
 * capture.c - run a command, and take what it writes
 *
 *	examples/run capture [-l BYTES] [-t MS] -- COMMAND...
 *
 * Keeps at most so many bytes of its output and of its errors (4096), gives it
 * so long (10000 ms, and what it has started with it), and then tells of both.
 * The exit status is the command's; 128 and the number of a signal; 124 if it
 * took too long; 127 if it could not be executed; 2 for wrong use.
 */
#include <sigchld.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
tell(const char *name, const char *bytes, size_t n, int cut)
{
	printf("%s: %zu bytes%s\n", name, n, cut ? ", and there was more" : "");
	fwrite(bytes, 1, n, stdout);
	if (n > 0 && bytes[n - 1] != '\n')
		putchar('\n');
}

static int
tell_end(const struct sigchld_run_result *result)
{
	int status = result->event.wstatus;
	int late = (result->flags & SIGCHLD_RUN_TIMED_OUT) != 0;

	/* At the deadline that is only somebody who is dying. */
	if (result->flags & SIGCHLD_RUN_LEFT_OPEN && !late)
		printf("somebody it started still runs\n");
	if (result->event.what == SIGCHLD_STOLEN) {
		printf("ended, but its status was stolen\n");
		return 1;
	}
	if (WIFEXITED(status)) {
		printf("exit %d%s\n", WEXITSTATUS(status),
		    late ? ", stopped at the deadline" : "");
		return late ? 124 : WEXITSTATUS(status);
	}
	printf("signal %d%s\n", WTERMSIG(status),
	    late ? ", stopped at the deadline" : "");
	return late ? 124 : 128 + WTERMSIG(status);
}

static int
capture(char **argv, size_t limit, int timeout_ms)
{
	const struct sigchld_run_options options = { .size = sizeof(options),
		.limit = limit,
		.timeout_ms = timeout_ms };
	struct sigchld_run_result result = { .size = sizeof(result) };
	int rc, status;

	rc = sigchld_run(SIGCHLD_SPAWN(.argv = argv), &options, &result);
	if (rc < 0) {
		fprintf(stderr, "capture: %s: %s\n", argv[0], strerror(-rc));
		return 127;
	}
	tell("output", result.output, result.noutput,
	    result.flags & SIGCHLD_RUN_CUT_OUTPUT);
	tell("errors", result.errors, result.nerrors,
	    result.flags & SIGCHLD_RUN_CUT_ERRORS);
	status = tell_end(&result);
	free(result.output);
	free(result.errors);
	return status;
}

int
main(int argc, char **argv)
{
	size_t limit = 4096;
	int timeout_ms = 10000, c;

	while ((c = getopt(argc, argv, "+l:t:")) != -1)
		if (c == 'l')
			limit = strtoul(optarg, NULL, 10);
		else if (c == 't')
			timeout_ms = atoi(optarg);
		else
			optind = argc;
	if (optind < argc && limit > 0 && timeout_ms > 0)
		return capture(argv + optind, limit, timeout_ms);
	fputs("usage: capture [-l BYTES] [-t MS] -- COMMAND...\n", stderr);
	return 2;
}
