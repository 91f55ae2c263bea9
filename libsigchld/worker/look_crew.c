/* look_crew.c - how a master and its workers stand */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/sys.h"
#include "worker/master.h"

/* With room for the first number. */
#define FIRST_SIZE \
	(offsetof(struct sigchld_master_stats, generation) + sizeof(uint32_t))

static void
count(const struct sigchld__crew *crew, struct sigchld_master_stats *s)
{
	if (crew->standing == SIGCHLD__FORMER)
		s->former++;
	else if (crew->step != SIGCHLD__REMAINS)
		s->stopping++;
	else if (crew->ready)
		s->ready++;
	else
		s->starting++;
}

struct sigchld_master_stats
sigchld__master_look(const struct sigchld_master *master)
{
	struct sigchld_master_stats s = master->stats;
	const struct sigchld__crew *crew;

	s.generation = master->generation;
	s.workers = master->workers;
	s.reloading =
	    master->wants_reload || (master->turning && master->by_exec);
	s.stops = master->stop != SIGCHLD__RUNS;
	s.up_ms = (uint64_t)(sigchld__sys_now_ms() - master->began_ms);
	for (crew = master->crew; crew != NULL; crew = crew->next)
		count(crew, &s);
	return s;
}

int
sigchld_master_get_stats(struct sigchld_master *master,
    struct sigchld_master_stats *stats)
{
	struct sigchld_master_stats s;
	size_t size;
	int rc;

	if (stats == NULL || stats->size < FIRST_SIZE)
		return -EINVAL;
	rc = sigchld__master_lock(master);
	if (rc < 0)
		return rc;
	s = sigchld__master_look(master);
	sigchld__master_unlock(master);
	size = stats->size < sizeof(s) ? stats->size : sizeof(s);
	s.size = size;
	(void)memcpy(stats, &s, size);
	return 0;
}

/* Workers */

struct shown {
	struct sigchld_crew_info info;
	char said[SIGCHLD__CARRY_SAID];
};

static uint32_t
state_of(const struct sigchld__crew *crew)
{
	if (crew->step != SIGCHLD__REMAINS)
		return SIGCHLD_CREW_STOPPING;
	return crew->ready ? SIGCHLD_CREW_READY : SIGCHLD_CREW_STARTING;
}

struct sigchld_crew_info
sigchld__crew_look(const struct sigchld__crew *crew,
    char said[SIGCHLD__CARRY_SAID])
{
	int64_t age_ms = sigchld__sys_now_ms() - crew->forked_ms;

	(void)memcpy(said, crew->said, SIGCHLD__CARRY_SAID);
	return (struct sigchld_crew_info){
		.size = sizeof(struct sigchld_crew_info),
		.slot = crew->slot,
		.generation = crew->generation,
		.state = state_of(crew),
		.current = crew->standing != SIGCHLD__FORMER,
		.pid = crew->pid,
		.reloads = crew->reloads,
		.age_ms = age_ms > 0 ? (uint64_t)age_ms : 0,
		.status = said,
	};
}

static int
show_all(const struct sigchld_master *master, struct shown **ret_shown,
    uint32_t *ret_n)
{
	const struct sigchld__crew *crew;
	struct shown *shown;
	uint32_t i = 0;

	shown = sigchld__sys_alloc(master->n_crew + 1, sizeof(*shown));
	if (shown == NULL)
		return -ENOMEM;
	for (crew = master->crew; crew != NULL; crew = crew->next, i++)
		shown[i].info = sigchld__crew_look(crew, shown[i].said);
	*ret_shown = shown;
	*ret_n = i;
	return 0;
}

static void
free_shown(struct shown **shown)
{
	free(*shown);
}

int
sigchld_master_foreach(struct sigchld_master *master,
    int (*fn)(const struct sigchld_crew_info *info, void *user), void *user)
{
	__attribute__((cleanup(free_shown))) struct shown *shown = NULL;
	uint32_t n = 0, i;
	int rc;

	rc = sigchld__master_lock(master);
	if (rc < 0)
		return rc;
	rc = fn == NULL ? -EINVAL : show_all(master, &shown, &n);
	sigchld__master_unlock(master);
	for (i = 0; i < n && rc == 0; i++)
		rc = fn(&shown[i].info, user);
	return rc;
}
