/*
 * kept.c - descriptors that go by name from one program to the next
 *
 *	this program			the next
 *
 *	keep("http", fd)
 *	reload: name, number, and which
 *	file it is, in the state
 *					the number is open, and is that file:
 *					it has a name, close-on-exec
 *					kept("http"): asked for
 *					the workers were forked: what nobody has
 *					asked for is closed
 *
 * The workers have those that were asked for, as they are numbered here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "async/sys.h"
#include "core/sys.h"
#include "spawn/sys.h"
#include "worker/listen_fds.h"
#include "worker/master.h"
#include "worker/sys_exec.h"

#define MOST 128u /* so that a worker can have them all: strip.h */

static bool
is_name(const char *name)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t n = name == NULL ? 0 : strspn(name, good);

	return n > 0 && n < SIGCHLD__CARRY_NAME && name[n] == '\0';
}

static struct sigchld__named **
find(struct sigchld_master *master, const char *name)
{
	struct sigchld__named **at = &master->named;

	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

static unsigned int
count(const struct sigchld_master *master)
{
	const struct sigchld__named *named;
	unsigned int n = 0;

	for (named = master->named; named != NULL; named = named->next)
		n++;
	return n;
}

static struct sigchld__named *
find_fd(const struct sigchld_master *master, int fd)
{
	struct sigchld__named *named = master->named;

	while (named != NULL && named->fd != fd)
		named = named->next;
	return named;
}

/* One descriptor, one name: who closes it by another would close this. What
 * nobody has asked for, since it was only passed on, gets the new one. */
static int
rename_it(struct sigchld__named *named, const char *name, bool asked)
{
	if (named->asked || !asked)
		return -EEXIST;
	(void)strcpy(named->name, name);
	named->asked = true;
	return 0;
}

int
sigchld__named_add(struct sigchld_master *master, const char *name, int fd,
    bool asked)
{
	struct sigchld__named *named;
	int rc;

	if (!is_name(name) || count(master) >= MOST)
		return -EINVAL;
	if (*find(master, name) != NULL)
		return -EEXIST;
	if (fd < 0 || !sigchld__sys_is_open(fd))
		return -EBADF;
	named = find_fd(master, fd);
	if (named != NULL)
		return rename_it(named, name, asked);
	named = sigchld__sys_alloc(1, sizeof(*named));
	if (named == NULL)
		return -ENOMEM;
	rc = sigchld__sys_inherit(fd, false);
	if (rc < 0) {
		free(named);
		return rc;
	}
	(void)strcpy(named->name, name);
	named->fd = fd;
	named->asked = asked;
	named->next = master->named;
	master->named = named;
	return 0;
}

/* By its name, or by that and a number. One that can be no name here is as good as
 * none: then it is what systemd says of those without. */
static void
add_activated(struct sigchld_master *master,
    const struct sigchld__listen_fd *passed)
{
	const char *named = is_name(passed->name) ? passed->name : "unknown";
	char name[SIGCHLD__CARRY_NAME];
	unsigned int i;
	int rc;

	rc = sigchld__named_add(master, named, passed->fd, false);
	for (i = 2; rc == -EEXIST && i <= MOST; i++) {
		(void)snprintf(name, sizeof(name), "%.56s.%u", named, i);
		rc = sigchld__named_add(master, name, passed->fd, false);
	}
}

void
sigchld__named_activated(struct sigchld_master *master)
{
	struct sigchld__listen_fd *list = NULL;
	int i, n = sigchld__listen_fds_read(&list);

	for (i = 0; i < n; i++)
		add_activated(master, &list[i]);
	free(list);
	sigchld__listen_fds_unset();
}

static void
drop(struct sigchld__named **at, bool close)
{
	struct sigchld__named *named = *at;

	*at = named->next;
	if (close)
		(void)sigchld__sys_close(named->fd);
	free(named);
}

void
sigchld__named_close_unasked(struct sigchld_master *master)
{
	struct sigchld__named **at = &master->named;

	while (*at != NULL) {
		if ((*at)->asked)
			at = &(*at)->next;
		else
			drop(at, true);
	}
}

void
sigchld__named_let_go(struct sigchld_master *master)
{
	while (master->named != NULL)
		drop(&master->named, false);
}

void
sigchld__named_free(struct sigchld_master *master)
{
	while (master->named != NULL)
		drop(&master->named, true);
}

int
sigchld_master_keep(struct sigchld_master *master, const char *name, int fd)
{
	int rc = sigchld__master_lock(master);

	if (rc < 0)
		return rc;
	rc = sigchld__named_add(master, name, fd, true);
	sigchld__master_unlock(master);
	return rc;
}

int
sigchld_master_kept(struct sigchld_master *master, const char *name)
{
	struct sigchld__named *named;
	int rc;

	if (!is_name(name))
		return -EINVAL;
	rc = sigchld__master_lock(master);
	if (rc < 0)
		return rc;
	named = *find(master, name);
	rc = named == NULL ? -ENOENT : named->fd;
	if (named != NULL)
		named->asked = true;
	sigchld__master_unlock(master);
	return rc;
}

int
sigchld_master_unkeep(struct sigchld_master *master, const char *name)
{
	struct sigchld__named **at;
	int rc;

	if (!is_name(name))
		return -EINVAL;
	rc = sigchld__master_lock(master);
	if (rc < 0)
		return rc;
	at = find(master, name);
	rc = *at == NULL ? -ENOENT : 0;
	if (rc == 0)
		drop(at, false);
	sigchld__master_unlock(master);
	return rc;
}
