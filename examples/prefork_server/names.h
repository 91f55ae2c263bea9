/*
 * names.h - the names of what the pool counts, as they stand in the status
 */
#ifndef PREFORK_NAMES_H
#define PREFORK_NAMES_H

#include <stdint.h>

const char *reason_name(uint32_t reason);   /* enum sigchld_reason */
const char *outcome_name(uint32_t outcome); /* enum sigchld_outcome */
const char *state_name(uint32_t state);     /* enum sigchld_pool_state */
const char *worker_name(uint32_t state);    /* enum sigchld_worker_state */

#endif
