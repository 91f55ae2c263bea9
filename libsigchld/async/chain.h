/* chain.h - whoever handled SIGCHLD before us; see chain.c */
#ifndef SIGCHLD_ASYNC_CHAIN_H
#define SIGCHLD_ASYNC_CHAIN_H

#include <signal.h>
#include <stdbool.h>

/* How many foreign handlers we can be chained to, one above the other. */
#define SIGCHLD__RUNGS 4

/* Is there a function to call, rather than SIG_DFL or SIG_IGN? */
bool sigchld__chain_is_handler(const struct sigaction *action);

/* With M held. Remember on a rung what was there before us. -ENOMEM. */
int sigchld__chain_set(int rung, const struct sigaction *action);

/* As it was set. */
struct sigaction sigchld__chain_get(int rung);

/* To give it back: from now on we do not call it if it was good for one call
 * (SA_RESETHAND); SIG_DFL, if that one is over. untake: it was not given back.
 */
struct sigaction sigchld__chain_take(int rung, bool *ret_taken);
void sigchld__chain_untake(int rung);

/* Is what stands on this rung the same as action? */
bool sigchld__chain_matches(int rung, const struct sigaction *action);

/* In the handler: call what stands on this rung, if it is a function. */
void sigchld__chain_call(int rung, int sig, siginfo_t *info, void *context);

/* In the handler: is our mask that of a function on this rung, even of one that
 * is used up? */
bool sigchld__chain_masks(int rung);

/* In the handler: would chain_call call a function? */
bool sigchld__chain_has_handler(int rung);

#endif
