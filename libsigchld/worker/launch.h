/* launch.h - the program that is to take our place; see launch.c */
#ifndef SIGCHLD_WORKER_LAUNCH_H
#define SIGCHLD_WORKER_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGCHLD__STATE "SIGCHLD_WORKERS" /* the variable */

/* What it is started with: as it was when this was made. */
struct sigchld__launch {
	char *file;  /* with a slash: absolute; else it is looked for */
	char **argv; /* ends with NULL */
	char **env;  /* the same, with room for one more at its end */
	size_t n_env;
	uint64_t nofile; /* the soft limit; 0: unknown */
};

/* Copies argv, the environment without the variable, and the limit. file NULL is
 * argv[0]. -EINVAL: no argv[0]; -ENOMEM; errors of getcwd(3). */
int sigchld__launch_init(struct sigchld__launch *launch, const char *file,
    char *const *argv);
void sigchld__launch_clear(struct sigchld__launch *launch);

/*
 * Execute it, with this state, which reaches it whatever its size. Comes back only
 * with -errno, and then limit, descriptors and environment are as before: those of
 * execve(2), -E2BIG, -EMFILE, -ENOMEM.
 */
int sigchld__launch_exec(struct sigchld__launch *launch, const char *state,
    size_t len);

/* In a program that was started so: take the state, once; the variable is gone
 * then. 1: *ret_state, malloc'ed, ends with NUL; 0: there is none; -EPROTO: it
 * was not written by us; -ENOMEM; -EIO. */
int sigchld__launch_state(char **ret_state, size_t *ret_len);

#endif
