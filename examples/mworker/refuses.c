/*
 * refuses.c - a release of mworker that does not like how it is configured
 *
 * For the test: it is what is reloaded, comes as far as to be a master, and
 * exits with 1. The workers of the release before must serve on.
 */
#include <sigchld/master.h>
#include <stdio.h>
#include <stdlib.h>

static int
run(struct sigchld_worker *worker, void *user)
{
	(void)worker, (void)user;
	return EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	struct sigchld_ctx *ctx;
	struct sigchld_master *master;

	(void)argc;
	if (sigchld_new(&ctx, NULL) < 0 ||
	    sigchld_master_new(ctx, &master,
		SIGCHLD_MASTER(.argv = argv, .run = run)) < 0)
		return EXIT_FAILURE;
	(void)printf("refused: this configuration\n");
	(void)fflush(stdout);
	return EXIT_FAILURE;
}
