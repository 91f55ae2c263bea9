/*
 * pages.c - what a worker does for a request
 *
 * It is plain code that may block, fail, and crash: that is what workers are
 * for.
 */
#include "pages.h"

#include <sigchld/pool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	NAP_MOST_MS = 600000
};

static char *
greeting(struct sigchld_worker *worker)
{
	static unsigned n_served; /* by this process */
	char *text;
	int len = asprintf(&text,
	    "Worker %u of generation %u, process %d, request %u of its life.\n",
	    sigchld_worker_slot(worker), sigchld_worker_generation(worker),
	    (int)getpid(), ++n_served);

	return len < 0 ? NULL : text;
}

/* As a query to a slow database would be. */
static void
nap(const char *ms_text)
{
	unsigned long ms = strtoul(ms_text, NULL, 10);
	struct timespec left;

	if (ms > NAP_MOST_MS)
		ms = NAP_MOST_MS;
	left.tv_sec = (time_t)(ms / 1000);
	left.tv_nsec = (long)(ms % 1000) * 1000000;
	while (nanosleep(&left, &left) < 0)
		continue;
}

int
pages_make(char **ret_text, struct sigchld_worker *worker, const char *path)
{
	static const char nap_path[] = "/nap/";

	*ret_text = NULL;
	if (strncmp(path, nap_path, sizeof(nap_path) - 1) == 0)
		nap(path + sizeof(nap_path) - 1);
	else if (strcmp(path, "/crash") == 0)
		abort();
	else if (strcmp(path, "/") != 0) {
		*ret_text = strdup("There is no such page.\n");
		return 404;
	}
	*ret_text = greeting(worker);
	return *ret_text != NULL ? 200 : 500;
}
