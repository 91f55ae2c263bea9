/* filter.h - a kernel that refuses, by a filter of system calls (seccomp) */
#ifndef HARNESS_FILTER_H
#define HARNESS_FILTER_H

#include <stdbool.h>
#include <sys/syscall.h>

#ifndef SYS_close_range
#	define SYS_close_range 436
#endif

#define HARNESS_TRAP (-1) /* in place of an errno: SIGSYS */

/* From now on, in this process and those that it makes: the call is not done, and
 * gives this errno; 0: success. False: no filter can be set here. */
bool harness_refuse(long number, int err);

#endif
