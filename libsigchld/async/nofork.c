/* nofork.c - see nofork.h */
#include <pthread.h>
#include <stddef.h>

#include "async/nofork.h"

static pthread_mutex_t nofork = PTHREAD_MUTEX_INITIALIZER; /* N */
static _Thread_local unsigned int depth; /* how often this thread has N */
static _Thread_local int cancel_state;   /* as it was before the first */

/* While we have N this thread must not be cancelled: whoever opens descriptors
 * under it may well call a cancellation point. */
void
sigchld__nofork_begin(void)
{
	int state;

	if (depth++ > 0)
		return;
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	cancel_state = state;
	(void)pthread_mutex_lock(&nofork);
}

void
sigchld__nofork_end(void)
{
	if (depth == 0 || --depth > 0)
		return;
	(void)pthread_mutex_unlock(&nofork);
	(void)pthread_setcancelstate(cancel_state, NULL);
}

void
sigchld__nofork_reset(void)
{
	(void)pthread_mutex_init(&nofork, NULL);
	if (depth > 0)
		(void)pthread_mutex_lock(&nofork);
}
