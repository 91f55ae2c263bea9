/*
 * listen_fds.c - descriptors passed by socket activation
 *
 * Whoever starts us may have opened our sockets before, as descriptors 3 and
 * up:
 *
 *	starter					started
 *
 *	LISTEN_FDS=2				3 and 4
 *	LISTEN_PID=1234				meant for 1234: are we it?
 *	LISTEN_FDNAMES=http:admin		names, in the same order
 *	executes			->	reads, marks them close-on-exec,
 *						unsets the variables
 *
 * The other way, to a command that we start, is spawn/env.c: `listen' and
 * `listen_names' of <sigchld/spawn.h> take what is read here.
 *
 * L1	A variable is whatever somebody wrote there. Numbers are digits, without
 *	sign, blank or leading zero; a descriptor is open; a name is one of
 *	printable ASCII. One thing that is wrong, and nothing is taken.
 * L2	Another's LISTEN_PID, or none, is no error: children inherit the
 *	variables, and must leave the descriptors alone.
 * L3	Where there are fewer names than descriptors, or an empty one, it is
 *	"unknown", as systemd calls it; more are an error.
 * L4	All is looked at before the first descriptor is changed.
 *
 * A1	Unset the variables before the environment is copied for a later exec in
 *	place: the pid is the same then, and 3 and up may be anything.
 * A2	No other thread opens or closes 3 and up meanwhile, or changes the
 *	environment.
 */
#include "worker/listen_fds.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "async/sys.h"
#include "core/sys.h"
#include "spawn/sys.h"
#include "worker/sys_master.h"

#define UNKNOWN "unknown"

/* L1. Gives -EINVAL for what is no number from 1 to most. */
static int64_t
number(const char *text, int64_t most)
{
	int64_t value = 0;

	if (*text < '1' || *text > '9')
		return -EINVAL;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (*text - '0');
		if (value > most)
			return -EINVAL;
	}
	return value;
}

/* How many were passed to us, or -EINVAL. */
static int
passed(void)
{
	const char *pid = sigchld__sys_getenv("LISTEN_PID");
	const char *fds = sigchld__sys_getenv("LISTEN_FDS");
	int64_t whose;

	if (pid == NULL || fds == NULL)
		return 0;
	whose = number(pid, INT32_MAX);
	if (whose < 0)
		return (int)whose;
	if (whose != sigchld__sys_getpid()) /* L2 */
		return 0;
	if (strcmp(fds, "0") == 0)
		return 0;
	return (int)number(fds, SIGCHLD__LISTEN_MOST);
}

static bool
is_name(const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return length <= SIGCHLD__LISTEN_NAME;
}

/* Are these at most n names? */
static bool
are_names(const char *text, int n)
{
	size_t length;

	if (*text == '\0')
		return true;
	for (;; text += length + 1) {
		length = strcspn(text, ":");
		if (n-- == 0 || !is_name(text, length))
			return false;
		if (text[length] == '\0')
			return true;
	}
}

static bool
are_open(int n)
{
	int i;

	for (i = 0; i < n; i++) {
		if (!sigchld__sys_is_open(SIGCHLD__LISTEN_FIRST + i))
			return false;
	}
	return true;
}

/* The name that stands at *at, which goes behind it. */
static const char *
next_name(char **at)
{
	char *name = *at, *end = name + strcspn(name, ":");

	*at = *end == ':' ? end + 1 : end;
	*end = '\0';
	return *name == '\0' ? UNKNOWN : name;
}

/* The names are kept behind the list. */
static struct sigchld__listen_fd *
make_list(int n, const char *names)
{
	const size_t room = (size_t)n * sizeof(struct sigchld__listen_fd);
	const size_t length = strlen(names) + 1;
	struct sigchld__listen_fd *list;
	char *at;
	int i;

	list = sigchld__sys_alloc(1, room + length);
	if (list == NULL)
		return NULL;
	at = memcpy((char *)list + room, names, length);
	for (i = 0; i < n; i++) {
		list[i].fd = SIGCHLD__LISTEN_FIRST + i;
		list[i].name = next_name(&at);
	}
	return list;
}

/* This cannot fail for a descriptor that is open (A2). */
static void
close_on_exec(int n)
{
	int i;

	for (i = 0; i < n; i++)
		(void)sigchld__sys_cloexec(SIGCHLD__LISTEN_FIRST + i);
}

int
sigchld__listen_fds_read(struct sigchld__listen_fd **ret_list)
{
	const char *names = sigchld__sys_getenv("LISTEN_FDNAMES");
	struct sigchld__listen_fd *list = NULL;
	int n = passed();

	if (names == NULL)
		names = "";
	if (n < 0)
		return n;
	if (n > 0 && !are_names(names, n))
		return -EINVAL;
	if (n > 0 && !are_open(n))
		return -EBADF;
	if (n > 0) {
		list = make_list(n, names);
		if (list == NULL)
			return -ENOMEM;
		close_on_exec(n);
	}
	*ret_list = list;
	return n;
}

/* LISTEN_PIDFDID: newer than the others, and about the same pid. */
void
sigchld__listen_fds_unset(void)
{
	static const char *const names[] = { "LISTEN_PID", "LISTEN_FDS",
		"LISTEN_FDNAMES", "LISTEN_PIDFDID" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		sigchld__sys_unsetenv(names[i]);
}

/* What says the same of the parent in a newer way says nothing of us. */
void
sigchld__listen_fds_follow(pid_t parent)
{
	const char *pid = sigchld__sys_getenv("LISTEN_PID");
	char ours[24];

	if (pid == NULL || number(pid, INT32_MAX) != parent)
		return;
	(void)snprintf(ours, sizeof(ours), "%ld", (long)sigchld__sys_getpid());
	sigchld__sys_setenv("LISTEN_PID", ours);
	sigchld__sys_unsetenv("LISTEN_PIDFDID");
}
