/*
 * table.h - the table of domains, as lines
 */
#ifndef TOOLSTACK_TABLE_H
#define TOOLSTACK_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "domain.h"

enum {
	TABLE_WIDTH = 200
};

extern const char table_head[];
void table_row(char row[TABLE_WIDTH], const struct view *view);
void table_print(FILE *out, const struct view *views, size_t n);

#endif
