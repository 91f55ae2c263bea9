/*
 * tsan.h - a signal that ThreadSanitizer would lose
 *
 * That sanitizer's runtime notes a signal in memory that it takes when it first
 * needs it: in a thread's first call that may block, or in its first handler. In
 * releases up to that of gcc 12 a handler that comes while the first of these two
 * takes it takes its own, which is then overwritten, and the signal with it: under
 * strace there are two calls of mmap around it. A thread that has made such a call
 * before its first signal is not concerned.
 */
#ifndef TESTS_SUPPORT_TSAN_H
#define TESTS_SUPPORT_TSAN_H

#if defined(__SANITIZE_THREAD__)
#	define TSAN 1
#elif defined(__has_feature)
#	if __has_feature(thread_sanitizer)
#		define TSAN 1
#	endif
#endif

#ifdef TSAN
#	include <sys/epoll.h>
#endif

/* No signal that matters may come yet. */
static inline void
tsan_make_ready(void)
{
#ifdef TSAN
	struct epoll_event event;

	(void)epoll_wait(-1, &event, 1, 0);
#endif
}

#endif
