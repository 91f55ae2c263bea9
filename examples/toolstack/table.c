/*
 * table.c - the table of domains, as lines
 */
#include "table.h"

const char table_head[] =
    "DOMAIN           STATE           PID  DEATHS  RESTARTS  LAST STATUS";

void
table_row(char row[TABLE_WIDTH], const struct view *v)
{
	char pid[16] = "-", restarts[32];

	if (v->pid != 0)
		(void)snprintf(pid, sizeof(pid), "%d", (int)v->pid);
	(void)snprintf(restarts, sizeof(restarts), "%u/%u", v->restarts,
	    v->limit);
	if (snprintf(row, TABLE_WIDTH, "%-16s %-10s %8s %7u %9s  %s", v->name,
		v->state, pid, v->deaths, restarts, v->last) >= TABLE_WIDTH)
		row[TABLE_WIDTH - 2] = '+'; /* it goes on */
}

void
table_print(FILE *out, const struct view *views, size_t n)
{
	char row[TABLE_WIDTH];

	(void)fprintf(out, "%s\n", table_head);
	for (size_t i = 0; i < n; i++) {
		table_row(row, &views[i]);
		(void)fprintf(out, "%s\n", row);
	}
}
