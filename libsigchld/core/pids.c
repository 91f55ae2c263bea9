/*
 * pids.c - which children has this process?
 *
 * Linux lists them by the thread that forked them. There is no other way to ask
 * that does not reap, or stop at the first.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "async/nofork.h"
#include "core/pids.h"

static void
add_pid(struct sigchld__pids *pids, pid_t pid)
{
	pid_t *more;

	if (pids->n == pids->room) {
		more =
		    realloc(pids->pid, (2 * pids->room + 64) * sizeof(*more));
		if (more == NULL)
			return;
		pids->pid = more;
		pids->room = 2 * pids->room + 64;
	}
	pids->pid[pids->n++] = pid;
}

#ifndef SIGCHLD_PORTABLE

static void
read_children_of(struct sigchld__pids *pids, const char *tid)
{
	char path[64];
	FILE *file;
	int pid;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%.20s/children",
	    tid);
	file = fopen(path, "re");
	if (file == NULL)
		return;
	while (fscanf(file, "%d", &pid) == 1)
		add_pid(pids, pid);
	(void)fclose(file);
}

void
sigchld__pids_read(struct sigchld__pids *pids)
{
	struct dirent *entry;
	int saved = errno;
	DIR *dir;

	sigchld__nofork_begin();
	dir = opendir("/proc/self/task");
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] != '.')
			read_children_of(pids, entry->d_name);
	}
	if (dir != NULL)
		(void)closedir(dir);
	sigchld__nofork_end();
	errno = saved;
}

#else

void
sigchld__pids_read(struct sigchld__pids *pids)
{
	(void)pids;
	(void)add_pid;
}

#endif

void
sigchld__pids_free(struct sigchld__pids *pids)
{
	free(pids->pid);
}
