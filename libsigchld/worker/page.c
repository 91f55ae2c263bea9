/*
 * page.c - what a worker and its parent tell each other without a call
 *
 * Each worker shares one page with its parent. Whatever has to wake somebody
 * goes over the channel (channel.c); here is what is looked at by whoever is
 * awake for another reason:
 *
 *	worker			parent
 *
 *	begun = request		when the worker has ended: had it begun? If not,
 *	runs the hook		    the request may be given to another
 *	status = result
 *	sends the reply		receives the reply, reads status
 *	beats++			at a deadline: has it changed?
 *				stop = 1, then a frame
 *	is asked: stopping?
 *
 * S1	Each word has one writer, so no two of them are ever at odds, and none
 *	needs a lock. A worker that is killed leaves it as it was.
 * S2	begun is stored before the hook runs. So a worker that has ended with
 *	another request in it has surely not begun this one. The parent reads it
 *	after the worker was reaped, and the kernel orders the two.
 * S3	status is stored (release) before the reply is sent, and read (acquire)
 *	after that was received; the next is not stored before the next request
 *	came.
 * S4	A worker can spoil its own page and no other: a fork passes on that which
 *	was opened last, until it is closed. (In the portable build all of them.)
 *
 * Each page is one of many that were mapped together: the kernel copies what is
 * mapped one by one at each fork, and a pool of 500 would have 500. Those that are
 * not passed on are one mapping, or two. A page is used again when its worker was
 * reaped; so what a worker forks itself must leave its page alone.
 *
 * beats and served are relaxed: a count that is seen late is one of a moment
 * ago.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/sys.h"
#include "worker/page.h"
#include "worker/sys.h"

#define MANY 64u

struct sigchld__sheet {
	struct sigchld__sheet *next;
	char *map;
	uint64_t used; /* a bit for each */
};

static size_t
size_of_all(void)
{
	return MANY * sigchld__sys_page_size();
}

static int
sheet_new(struct sigchld__pages *pages, struct sigchld__sheet **ret_sheet)
{
	struct sigchld__sheet *sheet = sigchld__sys_alloc(1, sizeof(*sheet));
	void *map;
	int rc;

	if (sheet == NULL)
		return -ENOMEM;
	rc = sigchld__sys_map_shared(size_of_all(), &map);
	if (rc < 0) {
		free(sheet);
		return rc;
	}
	sigchld__sys_pass_on(map, size_of_all(), false);
	sheet->map = map;
	sheet->next = pages->sheets;
	pages->sheets = *ret_sheet = sheet;
	return 0;
}

static int
sheet_with_room(struct sigchld__pages *pages, struct sigchld__sheet **ret_sheet)
{
	struct sigchld__sheet *sheet = pages->sheets;

	while (sheet != NULL && sheet->used == UINT64_MAX)
		sheet = sheet->next;
	if (sheet == NULL)
		return sheet_new(pages, ret_sheet);
	*ret_sheet = sheet;
	return 0;
}

int
sigchld__page_open(struct sigchld__pages *pages,
    struct sigchld__page **ret_page)
{
	size_t size = sigchld__sys_page_size();
	struct sigchld__sheet *sheet;
	unsigned int i = 0;
	char *page;
	int rc;

	rc = sheet_with_room(pages, &sheet);
	if (rc < 0)
		return rc;
	while (sheet->used >> i & 1)
		i++;
	sheet->used |= (uint64_t)1 << i;
	page = sheet->map + i * size;
	(void)memset(page, 0, sizeof(struct sigchld__page));
	sigchld__sys_pass_on(page, size, true);
	*ret_page = (struct sigchld__page *)(void *)page;
	return 0;
}

void
sigchld__page_close(struct sigchld__page *page)
{
	sigchld__sys_pass_on(page, sigchld__sys_page_size(), false);
}

void
sigchld__page_free(struct sigchld__pages *pages, struct sigchld__page *page)
{
	struct sigchld__sheet *sheet = pages->sheets;
	char *at = (char *)page;

	while (at < sheet->map || at >= sheet->map + size_of_all())
		sheet = sheet->next;
	sheet->used &= ~((uint64_t)1
	    << (size_t)(at - sheet->map) / sigchld__sys_page_size());
}

void
sigchld__pages_free(struct sigchld__pages *pages)
{
	struct sigchld__sheet *sheet;

	while ((sheet = pages->sheets) != NULL) {
		pages->sheets = sheet->next;
		sigchld__sys_unmap_shared(sheet->map, size_of_all());
		free(sheet);
	}
}
