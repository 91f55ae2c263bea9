/*
 * plan.h - what a child does, worked out before there is one
 *
 * The child may share our memory, so all that it needs is laid ready: it
 * allocates nothing and asks nobody. See plan.c, map.c and child.c.
 */
#ifndef SIGCHLD_SPAWN_PLAN_H
#define SIGCHLD_SPAWN_PLAN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <sigchld.h>

struct sigchld__move {
	int from;   /* SIGCHLD_FD_NULL: /dev/null */
	int to;     /* the moves are in the order of this */
	bool aside; /* `from' is overwritten by another move: copy it first */
};

struct sigchld__range {
	unsigned int first, last;
};

struct sigchld__map {
	struct sigchld__move *moves;
	unsigned int n_moves;
	struct sigchld__range *gaps; /* to be closed, in order */
	unsigned int n_gaps;
	int highest; /* source, and 2 at least */
	bool asides; /* some move has it */
};

struct sigchld__plan {
	struct sigchld_spawn_options options;
	const char *const *paths; /* to try in turn; ends with NULL */
	bool search;              /* they are places of PATH */
	char *const *envp;
	char *listen_pid; /* the child's pid in digits goes here; or NULL */
	char oom[8];      /* oom_score_adj as the kernel reads it */
	size_t n_oom;
	struct sigchld__map map;
	pid_t parent;         /* with PDEATH */
	const sigset_t *mask; /* NULL: none */

	/* Of whoever makes the child: */
	bool shares_table; /* its table is ours until it is unshared */
	bool one_by_one;   /* there is no close_range */
	bool begun;        /* the child changes the plan from now on */
	int report;        /* -errno goes there if the child fails, or -1 */

	void *memory;
};

/* options.c: copy and check. */
int sigchld__spawn_read(struct sigchld_spawn_options *ret_options,
    const struct sigchld_spawn_options *options);

/*
 * plan.c. wants are the descriptors that the child gets, all of them. Gives
 * -EINVAL, -EBADF, -ENOENT, -ENOMEM. After success, drop.
 */
int sigchld__plan_make(struct sigchld__plan *plan,
    const struct sigchld_fdmap *wants, unsigned int n);
void sigchld__plan_drop(struct sigchld__plan *plan);

/*
 * map.c. The caller gives room: n moves, filled with from and to, and n + 1
 * gaps. also is a descriptor that has to be there at the start, or -1. -EINVAL:
 * a target twice, or no number; -EBADF: no source.
 */
int sigchld__map_make(struct sigchld__map *map, int also);

/* env.c: the room that the child's environment takes, and it; only where
 * descriptors are passed by LISTEN_FDS. -EINVAL: a name with a colon. */
int sigchld__env_size(const struct sigchld_spawn_options *options,
    size_t *ret_pointers, size_t *ret_bytes);
void sigchld__env_make(struct sigchld__plan *plan, char **pointers,
    char *bytes);

/* path.c: likewise, the programs to try. -ENOENT: no name at all. */
int sigchld__path_size(const struct sigchld_spawn_options *options,
    size_t *ret_pointers, size_t *ret_bytes);
void sigchld__path_make(struct sigchld__plan *plan, const char **pointers,
    char *bytes);

#endif
