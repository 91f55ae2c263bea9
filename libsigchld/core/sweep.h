/* sweep.h - look for the dead on behalf of all contexts; see sweep.c */
#ifndef SIGCHLD_CORE_SWEEP_H
#define SIGCHLD_CORE_SWEEP_H

/* If a sweep is owed, do it. No lock is held, and cancellation is off. */
void sigchld__sweep(void);

#endif
