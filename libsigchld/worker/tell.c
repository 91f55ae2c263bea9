/*
 * tell.c - what a master tells
 *
 * News is a part of what it tells of, so telling cannot fail; it is told in the
 * order in which it came, by the master's work (part.c). What comes again before
 * it was told is told once, as it is by then. A worker goes when its last news
 * was told.
 */
#include <stddef.h>
#include <string.h>

#include "worker/master.h"

#define NEWS_OF(part_) \
	((struct sigchld__news *)(void \
		*)((char *)(part_)-offsetof(struct sigchld__news, notice)))

static void
queue(struct sigchld_master *master, struct sigchld__news *news, uint32_t what)
{
	news->notice.tell = sigchld__tell_news;
	news->what.size = sizeof(news->what);
	news->what.what = what;
	sigchld__notice(&master->part, &news->notice);
}

void
sigchld__news(struct sigchld_master *master, struct sigchld__news *news,
    uint32_t what)
{
	news->what.generation = master->generation;
	queue(master, news, what);
}

void
sigchld__news_of(struct sigchld__crew *crew, struct sigchld__news *news,
    uint32_t what)
{
	news->what.slot = crew->slot;
	news->what.generation = crew->generation;
	news->what.pid = crew->pid;
	news->what.current = crew->standing != SIGCHLD__FORMER;
	queue(crew->master, news, what);
}

struct telling {
	struct sigchld__hook hook;
	struct sigchld__crew *last;
};

static void
telling_end(struct telling *telling)
{
	sigchld__hook_end(&telling->hook);
	if (!telling->hook.run->forked && telling->last != NULL)
		sigchld__crew_free(telling->last);
}

/* The event is a copy: the news may come again meanwhile. */
static void
tell(struct sigchld__run *run, struct sigchld_master *master,
    const struct sigchld_master_event *event, struct sigchld__crew *last)
{
	struct sigchld_master_event copy = *event;
	__attribute__((cleanup(telling_end))) struct telling telling = {
		.hook = { .run = run, .part = &master->part },
		.last = last,
	};

	sigchld__hook_begin(&telling.hook);
	if (master->o.on_event != NULL)
		master->o.on_event(master, &copy, master->o.user);
}

void
sigchld__tell_news(struct sigchld__run *run, struct sigchld__part *part,
    struct sigchld__notice *notice)
{
	struct sigchld__news *news = NEWS_OF(notice);

	tell(run, SIGCHLD__MASTER_OF(part, part), &news->what, news->last);
}

/* It is not told any more, but its worker may go. False: it is no news. */
bool
sigchld__news_forget(struct sigchld__notice *notice)
{
	struct sigchld__news *news = NEWS_OF(notice);

	if (notice->tell != sigchld__tell_news)
		return false;
	if (news->last != NULL)
		sigchld__crew_free(news->last);
	return true;
}

bool
sigchld__tell_now(struct sigchld__run *run, struct sigchld_master *master,
    uint32_t what)
{
	const struct sigchld_master_event event = {
		.size = sizeof(event),
		.what = what,
		.generation = master->generation,
	};

	tell(run, master, &event, NULL);
	return !run->forked && !master->part.closed;
}
