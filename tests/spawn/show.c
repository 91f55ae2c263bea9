/*
 * show.c - a program that tells in what state it was started
 *
 *	show OUT [CODE]
 *
 * A line for each fact, "name value", to descriptor OUT, which is not told of.
 * Ends with CODE, or 0.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

static FILE *out;

static void
show_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	struct stat st;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		int fd = atoi(entry->d_name);

		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    fd == fileno(out) || fd == dirfd(dir) ||
		    fstat(fd, &st) != 0)
			continue;
		(void)fprintf(out, "fd %d %lu:%lu %lu\n", fd,
		    (unsigned long)st.st_dev, (unsigned long)st.st_ino,
		    (unsigned long)st.st_rdev);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* Past libc, which hides two of the signals. */
static void
show_signals(void)
{
	uint64_t mask = 0, action[8];
	int sig;

	(void)syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, 8);
	(void)fprintf(out, "mask %llx\n", (unsigned long long)mask);
	for (sig = 1; sig <= 64; sig++) {
		if (syscall(SYS_rt_sigaction, sig, NULL, action, 8) == 0 &&
		    action[0] != 0)
			(void)fprintf(out, "not_default %d\n", sig);
	}
}

static void
show_files(void)
{
	char path[4096];
	mode_t mask = umask(0);

	(void)umask(mask);
	(void)fprintf(out, "umask %o\n", (unsigned int)mask);
	if (getcwd(path, sizeof(path)) != NULL)
		(void)fprintf(out, "cwd %s\n", path);
}

static void
show_limits(void)
{
	struct rlimit limit;
	int i;

	for (i = 0; i < 16; i++) {
		if (getrlimit((unsigned int)i, &limit) == 0)
			(void)fprintf(out, "limit %d %llu %llu\n", i,
			    (unsigned long long)limit.rlim_cur,
			    (unsigned long long)limit.rlim_max);
	}
}

static void
show_ids(void)
{
	gid_t groups[64];
	uid_t r, e, s;
	gid_t rg, eg, sg;
	int n, i;

	(void)getresuid(&r, &e, &s);
	(void)getresgid(&rg, &eg, &sg);
	(void)fprintf(out, "uid %u %u %u\ngid %u %u %u\ngroups", r, e, s, rg,
	    eg, sg);
	n = getgroups(64, groups);
	for (i = 0; i < n; i++)
		(void)fprintf(out, " %u", groups[i]);
	(void)fprintf(out, "\n");
}

static void
show_file(const char *name, const char *path)
{
	char line[512];
	FILE *file = fopen(path, "re");

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		(void)fprintf(out, "%s %s", name, line);
	if (file != NULL)
		(void)fclose(file);
}

static void
show_process(void)
{
	int death = 0, tty;

	(void)prctl(PR_GET_PDEATHSIG, &death);
	tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	(void)fprintf(out,
	    "pid %d\nparent %d\nsession %d\ngroup %d\ndeath %d\n"
	    "no_new_privs %d\ntty %d\n",
	    getpid(), getppid(), getsid(0), getpgrp(), death,
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), tty >= 0);
	if (tty >= 0)
		(void)close(tty);
	show_file("oom", "/proc/self/oom_score_adj");
	show_file("cgroup", "/proc/self/cgroup");
}

int
main(int argc, char **argv)
{
	char **env;
	int i;

	out = argc > 1 ? fdopen(atoi(argv[1]), "w") : NULL;
	if (out == NULL)
		return 99;
	show_descriptors(); /* first: later ones are our own */
	show_signals();
	show_files();
	show_limits();
	show_ids();
	show_process();
	for (i = 0; i < argc; i++)
		(void)fprintf(out, "arg %s\n", argv[i]);
	for (env = environ; *env != NULL; env++)
		(void)fprintf(out, "env %s\n", *env);
	(void)fflush(out);
	return argc > 2 ? atoi(argv[2]) : 0;
}
