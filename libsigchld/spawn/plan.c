/*
 * plan.c - all that a child needs, in one piece of memory
 *
 *	moves, gaps, the environment's pointers, the paths' pointers, text
 *
 * Nothing of the caller's is copied that he must keep alive anyway until his
 * call returns: by then the program runs, or will not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "async/sys.h"
#include "core/sys.h"
#include "spawn/plan.h"

#define DESCRIPTORS_MAX (1u << 20) /* more than a process may have open */

struct room {
	size_t moves, gaps, env, paths; /* how many of each */
	size_t env_text, path_text;     /* bytes */
};

static int
measure(struct room *room, const struct sigchld_spawn_options *o,
    unsigned int n)
{
	int rc;

	if (n > DESCRIPTORS_MAX)
		return -EINVAL;
	room->moves = n;
	room->gaps = n + 1;
	rc = sigchld__env_size(o, &room->env, &room->env_text);
	if (rc == 0)
		rc = sigchld__path_size(o, &room->paths, &room->path_text);
	return rc;
}

/* What needs to be aligned most comes first. */
static int
lay_out(struct sigchld__plan *plan, const struct room *room)
{
	char **env;
	const char **paths;
	char *text;

	plan->memory = sigchld__sys_alloc(1,
	    room->env * sizeof(*env) + room->paths * sizeof(*paths) +
		room->moves * sizeof(*plan->map.moves) +
		room->gaps * sizeof(*plan->map.gaps) + room->env_text +
		room->path_text);
	if (plan->memory == NULL)
		return -ENOMEM;
	env = plan->memory;
	paths = (const char **)(env + room->env);
	plan->map.moves = (struct sigchld__move *)(paths + room->paths);
	plan->map.gaps =
	    (struct sigchld__range *)(plan->map.moves + room->moves);
	text = (char *)(plan->map.gaps + room->gaps);
	sigchld__env_make(plan, env, text);
	sigchld__path_make(plan, paths, text + room->env_text);
	return 0;
}

static int
plan_map(struct sigchld__plan *plan, const struct sigchld_fdmap *wants,
    unsigned int n)
{
	bool tty = plan->options.flags & SIGCHLD_SPAWN_TTY;
	unsigned int i;

	for (i = 0; i < n; i++) {
		plan->map.moves[i].from = wants[i].ours;
		plan->map.moves[i].to = wants[i].theirs;
	}
	plan->map.n_moves = n;
	return sigchld__map_make(&plan->map, tty ? plan->options.tty : -1);
}

int
sigchld__plan_make(struct sigchld__plan *plan,
    const struct sigchld_fdmap *wants, unsigned int n)
{
	struct room room;
	int rc;

	rc = measure(&room, &plan->options, n);
	if (rc == 0)
		rc = lay_out(plan, &room);
	if (rc < 0)
		return rc;
	rc = plan_map(plan, wants, n);
	if (rc < 0) {
		sigchld__plan_drop(plan);
		return rc;
	}
	if (plan->options.flags & SIGCHLD_SPAWN_OOM)
		plan->n_oom = (size_t)snprintf(plan->oom, sizeof(plan->oom),
		    "%d", (int)plan->options.oom_score_adj);
	if (plan->options.flags & SIGCHLD_SPAWN_PDEATH)
		plan->parent = sigchld__sys_getpid();
	plan->report = -1;
	return 0;
}

void
sigchld__plan_drop(struct sigchld__plan *plan)
{
	free(plan->memory);
	plan->memory = NULL;
}
