/*
 * values.h - times, counts and signals, as people write them
 */
#ifndef TOOLS_VALUES_H
#define TOOLS_VALUES_H

#include <stdbool.h>
#include <stdint.h>

/* All give whether the text is one; else nothing is written. */

/* 10, 10s, 500ms, 2m, 1h, in milliseconds; 0 and none are SIGCHLD_MASTER_NONE. */
bool value_time(const char *text, uint32_t *ret_ms);

/* least to most; 0 and none are SIGCHLD_MASTER_NONE if least is 0. */
bool value_count(const char *text, uint32_t least, uint32_t most,
    uint32_t *ret_count);

/* TERM, SIGTERM, 15, RTMIN+3. */
bool value_signal(const char *text, int *ret_sig);

/* 0660 */
bool value_mode(const char *text, unsigned int *ret_mode);

#endif
