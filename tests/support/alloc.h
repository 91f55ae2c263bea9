/* alloc.h - the thread sanitizer's allocator survives a fork among threads */
#ifndef TESTS_SUPPORT_ALLOC_H
#define TESTS_SUPPORT_ALLOC_H

/* Does nothing; who names it has the functions of alloc.c. */
void alloc_link(void);

#endif
