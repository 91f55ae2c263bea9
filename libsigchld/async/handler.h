/* handler.h - the one SIGCHLD handler; see handler.c */
#ifndef SIGCHLD_ASYNC_HANDLER_H
#define SIGCHLD_ASYNC_HANDLER_H

#include <stdbool.h>
#include <stdint.h>

/* All are called with M held, but for forget. */

/* Somebody needs the handler: the first installs it. -EBUSY: nochain, and
 * somebody else handles SIGCHLD; or we are chained too deep already. */
int sigchld__handler_hold(bool nochain);

/* One needs it less: the last one removes it. */
void sigchld__handler_drop(void);

/* Would hold(true) be refused just now? */
bool sigchld__handler_is_foreign(void);

/* More (or less) children of whom stops are wanted too. */
void sigchld__handler_stops(int more);

/* In a forked child, where no other thread is: give the old action back, nobody
 * needs us. Once, and again, is the same. */
void sigchld__handler_forget(void);

/* Without M: without us, would dead children not be kept? */
bool sigchld__handler_keeps_none(void);

/* Without M: is ours on top? Else *ret_who tells one foreign action from another.
 */
bool sigchld__handler_on_top(uintptr_t *ret_who);

/* How SIGCHLD stands: does our handler sit on top; is SIGCHLD such that dead
 * children are not kept (SIG_IGN, SA_NOCLDWAIT); does anybody need us? */
struct sigchld__handler_state {
	bool needed, on_top, no_zombies;
};
struct sigchld__handler_state sigchld__handler_state(void);

#endif
