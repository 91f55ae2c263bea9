/*
 * alloc.c - the thread sanitizer's allocator survives a fork among threads
 *
 * glibc takes the locks of its malloc across a fork. The thread sanitizer of gcc 12
 * does not take those of its own: a child that is forked while another thread
 * allocates has them held by nobody, and its first allocation that needs one never
 * returns. Who links with it knows that; our tests fork among threads all day.
 *
 * So the functions that most allocate go through one lock here, which a fork
 * takes. Ours are the first hooks of the process, so theirs is the last lock taken
 * before the fork and the first given back after it: hooks may allocate.
 *
 * The sanitizer must not see that lock: it would order all threads that allocate,
 * and hide the races between them. Hence no mutex, and no instrumentation. A
 * thread that finds it taken yields; it is held for as long as one allocation
 * takes, or one fork.
 *
 * Not covered: a clone that runs no hook, and what the sanitizer allocates for
 * itself. Nor the address sanitizer, which hangs more rarely: it knows by their
 * caller the allocations of the dynamic linker, which are no leaks, and would see
 * us for that.
 */
#include "alloc.h"

#if defined(__SANITIZE_THREAD__)

#	include <pthread.h>
#	include <sched.h>
#	include <stdlib.h>

#	define UNSEEN __attribute__((no_sanitize("thread")))

/* What the sanitizer has in place of malloc. */
void *__interceptor_malloc(size_t size);
void *__interceptor_calloc(size_t n, size_t size);
void *__interceptor_realloc(void *old, size_t size);
void __interceptor_free(void *p);

static char taken;
static __thread unsigned depth; /* the first allocation starts the sanitizer,
				 * which allocates by our names */

/* Partners: each other. What the lock protects is the allocator's own, which has
 * its own order; this one need but keep two from being inside. */
UNSEEN static void
lock(void)
{
	if (depth++ > 0)
		return;
	while (__atomic_test_and_set(&taken, __ATOMIC_ACQUIRE))
		(void)sched_yield();
}

UNSEEN static void
unlock(void)
{
	if (--depth == 0)
		__atomic_clear(&taken, __ATOMIC_RELEASE);
}

UNSEEN void *
malloc(size_t size)
{
	void *p;

	lock();
	p = __interceptor_malloc(size);
	unlock();
	return p;
}

UNSEEN void *
calloc(size_t n, size_t size)
{
	void *p;

	lock();
	p = __interceptor_calloc(n, size);
	unlock();
	return p;
}

UNSEEN void *
realloc(void *old, size_t size)
{
	void *p;

	lock();
	p = __interceptor_realloc(old, size);
	unlock();
	return p;
}

UNSEEN void
free(void *p)
{
	lock();
	__interceptor_free(p);
	unlock();
}

__attribute__((constructor(101))) static void
across_forks(void)
{
	(void)pthread_atfork(lock, unlock, unlock);
}

#endif

void
alloc_link(void)
{
}
