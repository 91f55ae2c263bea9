/* forks.h - see forks.c */
#ifndef SIGCHLD_CORE_FORKS_H
#define SIGCHLD_CORE_FORKS_H

/* Make this process the owner, if nobody is. -EPERM: a parent is, and
 * sigchld_postfork was not called; -ENOMEM. */
int sigchld__forks_claim(void);

#endif
