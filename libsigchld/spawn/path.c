/*
 * path.c - which files a program may be
 *
 * As execvp(3) does it, but before the child is there: a name with a slash, or
 * one that is given as a path, is that file. Any other is looked for in our own
 * PATH. What begins with no slash, in PATH too, is meant from the child's
 * directory. A file without a format is an error, never a script for a shell.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spawn/plan.h"

/* Where the system has its programs, for whoever has no PATH. */
#define SYSTEM_PATH "/bin:/usr/bin"

static const char *
search_path(void)
{
	const char *path = getenv("PATH");

	return path != NULL ? path : SYSTEM_PATH;
}

/* The file itself, or NULL: look for argv[0]. */
static const char *
fixed(const struct sigchld_spawn_options *o)
{
	if (o->path != NULL)
		return o->path;
	return strchr(o->argv[0], '/') != NULL ? o->argv[0] : NULL;
}

int
sigchld__path_size(const struct sigchld_spawn_options *options,
    size_t *ret_pointers, size_t *ret_bytes)
{
	const char *path;
	size_t n = 1;

	*ret_pointers = 2;
	*ret_bytes = 0;
	if (fixed(options) != NULL)
		return 0;
	if (options->argv[0][0] == '\0')
		return -ENOENT;
	path = search_path();
	*ret_bytes = strlen(path);
	for (; *path != '\0'; path++)
		n += *path == ':';
	*ret_pointers = n + 1;
	*ret_bytes += n * (strlen(options->argv[0]) + 3);
	return 0;
}

/* "dir/name", or "name" for an empty dir: that is the current one. */
static char *
join(char *to, const char *dir, size_t length, const char *name)
{
	(void)memcpy(to, dir, length);
	to += length;
	if (length > 0)
		*to++ = '/';
	length = strlen(name) + 1;
	(void)memcpy(to, name, length);
	return to + length;
}

/* PATH may have changed since its size was taken, by another thread's setenv;
 * that is a mistake of the program's, as for execvp. */
void
sigchld__path_make(struct sigchld__plan *plan, const char **pointers,
    char *bytes)
{
	const char *file = fixed(&plan->options), *dir;
	size_t length;

	plan->paths = pointers;
	if (file != NULL) {
		pointers[0] = file;
		return;
	}
	plan->search = true;
	for (dir = search_path();; dir += length + 1) {
		length = strcspn(dir, ":");
		*pointers++ = bytes;
		bytes = join(bytes, dir, length, plan->options.argv[0]);
		if (dir[length] == '\0')
			return;
	}
}
