/* pin.h - see pin.c */
#ifndef SIGCHLD_CORE_PIN_H
#define SIGCHLD_CORE_PIN_H

/* The object that has this code is never unmapped from now on. */
void sigchld__pin(void);

#endif
