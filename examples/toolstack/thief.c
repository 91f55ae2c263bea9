/*
 * thief.c - somebody who reaps whatever he can
 *
 * Many a library has a thread such as this one, or calls waitpid(-1) in a
 * handler: it takes the children of all the others, too. Each status that it
 * takes is gone for whoever waits for it.
 */
#include "thief.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/wait.h>

static pthread_t thread;
static atomic_bool over;
static unsigned n_taken;

static void *
steal(void *unused)
{
	(void)unused;
	while (!over)
		if (waitpid(-1, NULL, 0) > 0)
			n_taken++;
		else /* There is no child just now. */
			(void)poll(NULL, 0, 1);
	return NULL;
}

int
thief_begin(void)
{
	return -pthread_create(&thread, NULL, steal, NULL);
}

unsigned
thief_end(void)
{
	over = true;
	(void)pthread_cancel(thread); /* it may be in waitpid */
	(void)pthread_join(thread, NULL);
	return n_taken;
}
