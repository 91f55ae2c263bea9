/* forks.h - see forks.c */
#ifndef SIGCHLD_CORE_FORKS_H
#define SIGCHLD_CORE_FORKS_H

/* Make this process the owner, if nobody is. -EPERM: a parent is, and
 * sigchld_postfork was not called; -ENOMEM. */
int sigchld__forks_claim(void);

/* How many forks this process has made, by fork(2). */
unsigned long sigchld__forks_seen(void);

/* sigchld_postfork, for ourselves: two copies of the library in one process may
 * share the name of the public one. */
int sigchld__postfork(void);

#endif
