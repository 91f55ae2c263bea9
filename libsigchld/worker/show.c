/* show.c - how a master stands, as operators are told: text, or JSON in a line */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "async/sys.h"
#include "worker/master.h"

static const char *
state_of(const struct sigchld_master *master)
{
	if (master->stop != SIGCHLD__RUNS)
		return "stopping";
	if (!master->opened)
		return "starting";
	if (master->wants_reload || (master->turning && master->by_exec))
		return "reloading";
	return master->turning ? "rolling" : "ready";
}

/* Who is there */

static const char *
word_for(uint32_t state)
{
	static const char *const words[] = { "starting", "ready", "stopping" };

	return words[state];
}

static const char *
rank_of(const struct sigchld__crew *crew)
{
	switch (crew->standing) {
	case SIGCHLD__INCOMING:
		return "incoming";
	case SIGCHLD__FORMER:
		return "former";
	default:
		return "current";
	}
}

static void
put_worker(struct sigchld__text *text, const struct sigchld__crew *crew)
{
	char said[SIGCHLD__CARRY_SAID];
	struct sigchld_crew_info info = sigchld__crew_look(crew, said);

	sigchld__text_print(text,
	    "%-9s %8d %5u %5u %-9s %7u %8" PRIu64 "  %s\n", rank_of(crew),
	    (int)info.pid, info.slot, info.generation, word_for(info.state),
	    info.reloads, info.age_ms / 1000, info.status);
}

/* Is there one before? */
static bool
is_more(const struct sigchld__text *text)
{
	return text->n > 0 && text->v[text->n - 1] == '}';
}

static void
put_worker_json(struct sigchld__text *text, const struct sigchld__crew *crew)
{
	char said[SIGCHLD__CARRY_SAID];
	struct sigchld_crew_info info = sigchld__crew_look(crew, said);

	sigchld__text_print(text,
	    "%s{\"pid\":%d,\"slot\":%u,\"generation\":%u,\"rank\":\"%s\","
	    "\"state\":\"%s\",\"reloads\":%u,\"age_ms\":%" PRIu64
	    ",\"status\":",
	    is_more(text) ? "," : "", (int)info.pid, info.slot, info.generation,
	    rank_of(crew), word_for(info.state), info.reloads, info.age_ms);
	sigchld__text_quote(text, info.status, strlen(info.status));
	sigchld__text_print(text, "}");
}

/* Those who serve by their slots, those who are to, and those who did. */
static void
put_all(const struct sigchld_master *master, struct sigchld__text *text,
    void (*put)(struct sigchld__text *text, const struct sigchld__crew *crew))
{
	const struct sigchld__crew *crew;
	uint32_t slot;

	for (slot = 0; slot < master->n_berths; slot++) {
		if (master->berths[slot].crew != NULL)
			put(text, master->berths[slot].crew);
	}
	for (slot = 0; slot < master->n_berths; slot++) {
		if (master->berths[slot].incoming != NULL)
			put(text, master->berths[slot].incoming);
	}
	for (crew = master->crew; crew != NULL; crew = crew->next) {
		if (crew->standing == SIGCHLD__FORMER)
			put(text, crew);
	}
}

static void
show_proc_json(const struct sigchld_master *master, struct sigchld__text *text,
    uint64_t up_ms)
{
	sigchld__text_print(text,
	    "{\"ok\":true,\"master\":{\"pid\":%d,\"generation\":%u,"
	    "\"state\":\"%s\",\"reloads\":%" PRIu64 ",\"age_ms\":%" PRIu64
	    "},\"workers\":[",
	    (int)sigchld__sys_getpid(), master->generation, state_of(master),
	    master->stats.reloads, up_ms);
	put_all(master, text, put_worker_json);
	sigchld__text_print(text, "]}\n");
}

void
sigchld__show_proc(const struct sigchld_master *master,
    struct sigchld__text *text, bool json)
{
	uint64_t up_ms = sigchld__master_look(master).up_ms;

	if (json) {
		show_proc_json(master, text, up_ms);
		return;
	}
	sigchld__text_print(text, "%-9s %8s %5s %5s %-9s %7s %8s  %s\n", "who",
	    "pid", "slot", "gen", "state", "reloads", "age/s", "status");
	sigchld__text_print(text,
	    "%-9s %8d %5s %5u %-9s %7" PRIu64 " %8" PRIu64 "\n", "master",
	    (int)sigchld__sys_getpid(), "-", master->generation,
	    state_of(master), master->stats.reloads, up_ms / 1000);
	put_all(master, text, put_worker);
}

/* In numbers */

static void
put_number(struct sigchld__text *text, bool json, const char *name,
    int64_t number)
{
	sigchld__text_print(text,
	    json ? ",\"%s\":%" PRId64 : "%s: %" PRId64 "\n", name, number);
}

void
sigchld__show_stat(const struct sigchld_master *master,
    struct sigchld__text *text, bool json)
{
	const struct sigchld_master_stats s = sigchld__master_look(master);
	const struct {
		const char *name;
		int64_t number;
	} all[] = {
		{ "pid", sigchld__sys_getpid() },
		{ "generation", s.generation },
		{ "workers", s.workers },
		{ "starting", s.starting },
		{ "ready", s.ready },
		{ "stopping", s.stopping },
		{ "former", s.former },
		{ "reloading", s.reloading },
		{ "stops", s.stops },
		{ "reloads", (int64_t)s.reloads },
		{ "failed", (int64_t)s.failed },
		{ "forks", (int64_t)s.forks },
		{ "ends", (int64_t)s.ends },
		{ "last_reload", s.last_reload },
		{ "last_failure", s.last_failure },
		{ "up_ms", (int64_t)s.up_ms },
	};
	size_t i;

	if (json)
		sigchld__text_print(text, "{\"ok\":true");
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		put_number(text, json, all[i].name, all[i].number);
	if (json)
		sigchld__text_print(text, "}\n");
}

/* One that serves is enough: the others are on their way, or fail. */
void
sigchld__show_ready(const struct sigchld_master *master,
    struct sigchld__text *text, bool json)
{
	const struct sigchld_master_stats s = sigchld__master_look(master);
	bool ready =
	    master->opened && master->stop == SIGCHLD__RUNS && s.ready > 0;

	if (json)
		sigchld__text_print(text,
		    "{\"ok\":%s,\"ready\":%u,\"workers\":%u,"
		    "\"state\":\"%s\"}\n",
		    ready ? "true" : "false", s.ready, s.workers,
		    state_of(master));
	else
		sigchld__text_print(text, "%s: %u of %u workers, %s\n",
		    ready ? "ready" : "error: not ready", s.ready, s.workers,
		    state_of(master));
}
