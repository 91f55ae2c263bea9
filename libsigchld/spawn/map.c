/*
 * map.c - the descriptors of a child, as if they all moved at once
 *
 * Each move copies one of ours to a number of theirs. Done one after the other
 * they could tread on each other: a swap, a ring, a chain. So whatever will be
 * overwritten by another move, and is a source still, is first copied to a
 * number that is no target:
 *
 *	{3,4} {4,3}		3 to 5, 4 to 6; 6 to 3, 5 to 4
 *	{3,4} {4,5}		4 to 6; 3 to 4, 6 to 5
 *	{3,4} {3,3}		3 to 4; 3 stays, and is not close-on-exec
 *
 * A chain in the right order would need no copy; one system call more for a
 * rare map is cheaper than the care. What /dev/null becomes is opened last, when
 * no number is a source any more.
 *
 * What the child must not have lies in the gaps between 0, 1, 2 and the targets.
 * 0, 1 and 2 are left as they are if nothing is moved there: one that is closed
 * stays closed, and one that is close-on-exec is not given away.
 */
#include <errno.h>
#include <stdlib.h>

#include "spawn/plan.h"

static int
by_target(const void *a, const void *b)
{
	const struct sigchld__move *x = a, *y = b;

	return (x->to > y->to) - (x->to < y->to);
}

static int
check(const struct sigchld__map *map)
{
	unsigned int i;

	for (i = 0; i < map->n_moves; i++) {
		if (map->moves[i].from < SIGCHLD_FD_NULL)
			return -EBADF;
		if (map->moves[i].to < 0)
			return -EINVAL;
		if (i > 0 && map->moves[i].to == map->moves[i - 1].to)
			return -EINVAL;
	}
	return 0;
}

/* Does a move put another descriptor where this one is? */
static bool
is_overwritten(const struct sigchld__map *map, int fd)
{
	const struct sigchld__move key = { .to = fd }, *found;

	found = bsearch(&key, map->moves, map->n_moves, sizeof(key), by_target);
	return found != NULL && found->from != fd;
}

static void
set_asides(struct sigchld__map *map)
{
	unsigned int i;

	for (i = 0; i < map->n_moves; i++) {
		struct sigchld__move *move = &map->moves[i];

		move->aside =
		    move->from >= 0 && is_overwritten(map, move->from);
		if (move->aside)
			map->asides = true;
		if (move->from > map->highest)
			map->highest = move->from;
	}
}

/* Up to, but not with, `kept'. */
static void
close_until(struct sigchld__map *map, unsigned int *at, unsigned int kept)
{
	if (*at < kept)
		map->gaps[map->n_gaps++] =
		    (struct sigchld__range){ *at, kept - 1 };
	if (*at <= kept)
		*at = kept + 1;
}

static void
set_gaps(struct sigchld__map *map)
{
	unsigned int at = 3, i;

	for (i = 0; i < map->n_moves; i++)
		close_until(map, &at, (unsigned int)map->moves[i].to);
	map->gaps[map->n_gaps++] = (struct sigchld__range){ at, ~0u };
}

int
sigchld__map_make(struct sigchld__map *map, int also)
{
	int rc;

	if (map->n_moves > 1)
		qsort(map->moves, map->n_moves, sizeof(*map->moves), by_target);
	rc = check(map);
	if (rc < 0)
		return rc;
	map->highest = also > 2 ? also : 2;
	map->asides = false;
	map->n_gaps = 0;
	set_asides(map);
	set_gaps(map);
	return 0;
}
