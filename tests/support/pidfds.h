/* pidfds.h - what the harness asks about pidfds before the first test */
#ifndef PIDFDS_H
#define PIDFDS_H

#include <stdbool.h>

/* Does the kernel tell how a child ended that is reaped already? */
extern bool pidfds_remember;
void pidfds_probe(void);

#endif
