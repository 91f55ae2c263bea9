/*
 * host.c - a program that loads two plug-ins, each with its own library
 *
 *	host A.so B.so local|global signal|pidfd inner|outer
 *
 * A is opened first, so where the signal is used its handler is the inner one,
 * below that of B. The last word says which of them is closed and unloaded
 * first. The program has a handler of its own below both. It must go on being
 * called, and be the action again, or be called by what is left on top of it.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <sigchld.h>

#include "plugin.h"

struct part {
	const char *path;
	void *object;
	const struct plugin *plugin;
	bool pinned; /* its copy of the library is the one it uses */
};

static volatile sig_atomic_t n_mine;

static void
mine(int sig)
{
	(void)sig;
	n_mine++;
}

static void
must(bool condition, const char *what, const char *who)
{
	if (condition)
		return;
	(void)printf("FAIL  %s: %s\n", who, what);
	exit(1);
}

static void
load(struct part *part, const char *path, int flags)
{
	part->path = path;
	part->object = dlopen(path, RTLD_NOW | flags);
	must(part->object != NULL, "cannot be loaded", path);
	part->plugin = dlsym(part->object, "plugin");
	must(part->plugin != NULL, "has no plug-in", path);
}

static void
die(struct part *part, int code)
{
	must(part->plugin->release(code) > 0, "release", part->path);
}

/* Its own and no other. */
static void
is_told(struct part *part, int code)
{
	const char *wrong = part->plugin->finish(code);

	must(wrong == NULL, wrong, part->path);
}

static void
signal_passes(const char *when)
{
	int before = n_mine;

	must(raise(SIGCHLD) == 0, "raise", when);
	must(n_mine == before + 1, "the program's handler is called once",
	    when);
}

static void
unload(struct part *part)
{
	void *again;

	part->plugin->close();
	signal_passes("after it was closed");
	must(dlclose(part->object) == 0, "dlclose", part->path);
	again = dlopen(part->path, RTLD_NOW | RTLD_NOLOAD);
	must(again != NULL || !part->pinned,
	    "its handler may be called, and it is gone", part->path);
	if (again != NULL)
		(void)dlclose(again);
	signal_passes("after it was unloaded");
}

int
main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = mine,
		.sa_flags = SA_RESTART };
	struct part a, b, *first, *second;
	unsigned int wake;
	int flags;

	must(argc == 6, "arguments", "host");
	flags = strcmp(argv[3], "global") == 0 ? RTLD_GLOBAL : RTLD_LOCAL;
	wake = strcmp(argv[4], "pidfd") == 0 ? SIGCHLD_WAKE_PIDFD
					     : SIGCHLD_WAKE_SIGNAL;
	must(sigaction(SIGCHLD, &action, NULL) == 0, "sigaction", "host");
	load(&a, argv[1], flags);
	load(&b, argv[2], flags);
	a.pinned = true;
	b.pinned = flags == RTLD_LOCAL; /* else A's names serve it, too */
	first = strcmp(argv[5], "inner") == 0 ? &a : &b;
	second = first == &a ? &b : &a;

	/* Both at once, and the deaths in the other order. */
	must(a.plugin->open(wake) == 0, "open", a.path);
	must(b.plugin->open(wake) == 0, "open", b.path);
	must(a.plugin->start() > 0 && b.plugin->start() > 0, "start", "both");
	signal_passes("with both");
	die(&b, 2);
	is_told(&b, 2);
	die(&a, 1);
	is_told(&a, 1);
	must(a.plugin->start() > 0 && b.plugin->start() > 0, "start", "both");
	die(&a, 3);
	die(&b, 4);
	is_told(&a, 3);
	is_told(&b, 4);

	/* One goes; the other has a child then, and gets one afterwards. */
	must(second->plugin->start() > 0, "start", second->path);
	unload(first);
	die(second, 5);
	is_told(second, 5);
	must(second->plugin->start() > 0, "start", second->path);
	die(second, 6);
	is_told(second, 6);
	unload(second);
	must(waitpid(-1, NULL, WNOHANG) == -1, "a child is left", "host");
	return 0;
}
