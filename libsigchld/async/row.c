/*
 * row.c - close descriptors whose numbers are in a row
 *
 * By one system call where there is one for that, and more than one of them.
 * Whoever calls this owns all of these numbers, and keeps others from getting
 * them meanwhile.
 */
#include "async/sys.h"

void
sigchld__sys_close_row(int first, int last)
{
	if (first < last && sigchld__sys_close_range(first, last) >= 0)
		return;
	for (; first <= last; first++)
		(void)sigchld__sys_close(first);
}
