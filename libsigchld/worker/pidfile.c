/*
 * pidfile.c - a file that says which process the master is
 *
 *	master					who reads
 *
 *	all workers are ready
 *	writes PATH.PID.new
 *	renames it to PATH		->	all of it, or what was before
 *	reload: the pid is the same, so
 *	nothing is written; or if it is
 *	to list the workers, once the
 *	new ones are ready
 *	has ended: removes it, if it is
 *	still its own
 *
 * The first line is the pid of the master, each further one that of a worker.
 *
 * F1	Who opens PATH at any time finds a whole file or none.
 * F2	A file that says the same is left as it is; so a program that was
 *	executed in place need not know what the one before has written.
 * F3	Never through a symbolic link: one at PATH is replaced, not followed,
 *	and the new file is one that nobody had made before.
 * F4	After a failure the new file is gone and the old one as it was.
 * F5	Everybody may read it, whatever our umask is; only we may write.
 *
 * A1	The working directory is the same each time, or path is absolute.
 * A2	Nobody else writes to PATH between our look at it and its removal: two
 *	masters should not share one. There is no call that removes a file only
 *	if it says something.
 * A3	PATH.PID.new, if it is there, was left by one with our pid that was
 *	killed.
 */
#include "worker/pidfile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "async/sys.h"
#include "core/sys.h"
#include "worker/sys_master.h"

#define LINE 12u /* a number of 32 bits, a newline and a zero */

struct text {
	char *data; /* to free() */
	size_t size;
};

static int
make_text(struct text *text, pid_t pid, const pid_t *workers, uint32_t n)
{
	uint32_t i;

	text->data = sigchld__sys_alloc((size_t)n + 1, LINE);
	if (text->data == NULL)
		return -ENOMEM;
	text->size = (size_t)sprintf(text->data, "%ld\n", (long)pid);
	for (i = 0; i < n; i++)
		text->size += (size_t)sprintf(text->data + text->size, "%ld\n",
		    (long)workers[i]);
	return 0;
}

/* Up to `most' bytes, fewer only at the end of the file. */
static int
read_up_to(int fd, char *data, size_t most)
{
	size_t got = 0;
	int rc;

	while (got < most) {
		rc = sigchld__sys_read_in(fd, data + got, most - got);
		if (rc < 0)
			return rc;
		if (rc == 0)
			break;
		got += (size_t)rc;
	}
	return (int)got;
}

/* The first bytes of the file: how many, or -errno. */
static int
read_file(const char *path, char *data, size_t most)
{
	int fd = sigchld__sys_read_file(path), rc;

	if (fd < 0)
		return fd;
	rc = read_up_to(fd, data, most);
	(void)sigchld__sys_close(fd);
	return rc;
}

/* One byte more than the text shows that the file is longer. What cannot be
 * read is not the same. */
static bool
says(const char *path, const struct text *text, char *room)
{
	int got = read_file(path, room, text->size + 1);

	return got >= 0 && (size_t)got == text->size &&
	    memcmp(room, text->data, text->size) == 0;
}

static int
write_all(int fd, const struct text *text)
{
	size_t done = 0;
	int rc;

	while (done < text->size) {
		rc = sigchld__sys_write_out(fd, text->data + done,
		    text->size - done);
		if (rc < 0)
			return rc;
		done += (size_t)rc;
	}
	return sigchld__sys_open_to_all(fd);
}

/* A3 */
static int
create(const char *path)
{
	int fd = sigchld__sys_create_file(path);

	if (fd != -EEXIST)
		return fd;
	(void)sigchld__sys_unlink(path);
	return sigchld__sys_create_file(path);
}

/* Some file systems say only at the close that there is no room. */
static int
replace(const char *path, const char *fresh, const struct text *text)
{
	int fd = create(fresh), rc, closed;

	if (fd < 0)
		return fd;
	rc = write_all(fd, text);
	closed = sigchld__sys_close(fd);
	if (rc == 0)
		rc = closed;
	if (rc == 0)
		rc = sigchld__sys_rename(fresh, path);
	if (rc < 0)
		(void)sigchld__sys_unlink(fresh); /* F4 */
	return rc < 0 ? rc : 1;
}

static int
write_text(const char *path, pid_t pid, const struct text *text)
{
	const size_t room = strlen(path) + sizeof(".new") + LINE;
	char *fresh = sigchld__sys_alloc(1, room);
	int rc;

	if (fresh == NULL)
		return -ENOMEM;
	(void)snprintf(fresh, room, "%s.%ld.new", path, (long)pid);
	rc = replace(path, fresh, text);
	free(fresh);
	return rc;
}

int
sigchld__pidfile_write(const char *path, pid_t pid, const pid_t *workers,
    uint32_t n)
{
	struct text text;
	char *room;
	int rc = make_text(&text, pid, workers, n);

	if (rc < 0)
		return rc;
	room = sigchld__sys_alloc(1, text.size + 1);
	if (room == NULL)
		rc = -ENOMEM;
	else if (!says(path, &text, room)) /* F2 */
		rc = write_text(path, pid, &text);
	free(room);
	free(text.data);
	return rc;
}

int
sigchld__pidfile_remove(const char *path, pid_t pid)
{
	char is[LINE], ours[LINE + 1];
	const size_t size =
	    (size_t)snprintf(ours, sizeof(ours), "%ld\n", (long)pid);
	int rc = read_file(path, is, size);

	if (rc == -ENOENT || rc == -ELOOP) /* F3: a link is not ours */
		return 0;
	if (rc < 0)
		return rc;
	if ((size_t)rc != size || memcmp(is, ours, size) != 0)
		return 0;
	rc = sigchld__sys_unlink(path);
	return rc < 0 ? rc : 1;
}
