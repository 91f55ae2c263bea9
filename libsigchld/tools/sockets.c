/*
 * sockets.c - the descriptors that the command is given
 *
 *	whoever started us	we				the command
 *
 *	LISTEN_FDS=2		kept as passed.0, passed.1	3, 4
 *	LISTEN_FDNAMES=a:b	their names go from program	a, b
 *				to program in a variable
 *	--listen=80,name=web	kept as listen.0		5, web
 *
 * The arguments are the same in each program that a reload executes, so a number
 * is enough to find a socket again.
 *
 * N1	Names of systemd may have characters that those of a master may not: so
 *	ours are others, and theirs are handed on as they came.
 * N2	A launcher (--daemon) was passed them; sigchld_daemon makes them its
 *	daemon's.
 */
#include "tools/sockets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/say.h"

#define NAMES "SIGCHLD_FDNAMES" /* no program that a worker becomes has it */
#define FIRST 3                 /* of the command's descriptors */

/* What we were passed. */

static int
set_variable(const char *name, const char *value)
{
	return setenv(name, value, 1) == 0 ? 0 : -errno;
}

static int
set_number(const char *name, long number)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%ld", number);
	return set_variable(name, text);
}

static int
is_for_us(void)
{
	const char *text = getenv("LISTEN_PID");
	char us[32];

	(void)snprintf(us, sizeof(us), "%ld", (long)getpid());
	return text != NULL && strcmp(text, us) == 0;
}

static int
rename_all(long n)
{
	char names[SOCKETS_MOST * 16];
	size_t used = 0;
	long i;

	for (i = 0; i < n; i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used,
		    "%spassed.%ld", i == 0 ? "" : ":", i);
	return set_variable("LISTEN_FDNAMES", names);
}

/* They are looked at by the library, which leaves out what is wrong. */
int
sockets_claim(void)
{
	const char *fds = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	long n = fds == NULL ? 0 : strtol(fds, NULL, 10);
	int rc;

	if (n <= 0 || !is_for_us())
		return 0;
	if (n > (long)SOCKETS_MOST)
		return -E2BIG;
	rc = set_variable(NAMES, names == NULL ? "" : names);
	return rc == 0 ? rename_all(n) : rc;
}

/* What the command is given. */

static int
add(struct sockets *sockets, int fd, const char *name, size_t length)
{
	size_t used = strlen(sockets->names);

	if (sockets->n >= SOCKETS_MOST)
		return -E2BIG;
	(void)snprintf(sockets->names + used, sizeof(sockets->names) - used,
	    "%s%.*s", sockets->n == 0 ? "" : ":", (int)length, name);
	sockets->fds[sockets->n++] = fd;
	return 0;
}

static void
find_passed(struct sockets *sockets, struct sigchld_master *master)
{
	const char *names = getenv(NAMES);
	char name[32];
	size_t length;
	int fd, i;

	for (i = 0; i < (int)SOCKETS_MOST; i++) {
		(void)snprintf(name, sizeof(name), "passed.%d", i);
		fd = sigchld_master_kept(master, name);
		if (fd < 0)
			return;
		length = names == NULL ? 0 : strcspn(names, ":");
		if (length > 0 && length <= 255)
			(void)add(sockets, fd, names, length);
		else
			(void)add(sockets, fd, "unknown", 7);
		if (names != NULL)
			names += length + (names[length] == ':');
	}
}

static int
make(struct sigchld_master *master, const struct address *address,
    const char *name, uint32_t number)
{
	int rc, fd = address_listen(address);

	rc = fd < 0 ? fd : sigchld_master_keep(master, name, fd);
	if (rc == 0)
		address_show(address, fd, (int)number);
	else if (fd >= 0)
		(void)close(fd);
	return rc < 0 ? rc : fd;
}

static int
open_one(struct sockets *sockets, struct sigchld_master *master,
    const struct address *address, uint32_t i)
{
	char name[32];
	int fd;

	(void)snprintf(name, sizeof(name), "listen.%u", i);
	fd = sigchld_master_kept(master, name);
	if (fd == -ENOENT)
		fd = make(master, address, name, FIRST + sockets->n);
	if (fd >= 0)
		fd = add(sockets, fd, address->name, strlen(address->name));
	if (fd < 0)
		say(SAY_QUIET, "cannot listen at %s: %s", address->text,
		    strerror(-fd));
	return fd;
}

int
sockets_open(struct sockets *sockets, struct sigchld_master *master,
    const struct address *addresses, uint32_t n)
{
	uint32_t i;
	int rc = 0;

	sockets->n = 0;
	sockets->names[0] = '\0';
	find_passed(sockets, master);
	for (i = 0; i < n && rc >= 0; i++)
		rc = open_one(sockets, master, &addresses[i], i);
	return rc < 0 ? rc : 0;
}

/* Without sockets none of the variables is there. */
int
sockets_environ(const struct sockets *sockets)
{
	int rc = unsetenv(NAMES) == 0 ? 0 : -errno;

	if (sockets->n == 0 || rc < 0)
		return rc;
	rc = set_number("LISTEN_FDS", sockets->n);
	if (rc == 0)
		rc = set_number("LISTEN_PID", getpid());
	if (rc == 0)
		rc = set_variable("LISTEN_FDNAMES", sockets->names);
	return rc;
}
