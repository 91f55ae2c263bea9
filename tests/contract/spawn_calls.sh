#!/bin/sh
# spawn_calls.sh DIR CC INCLUDE LIBRARY - what a child does before its program
#
# A program of several threads starts others, by each way, under strace. Between
# its birth and its exec no child makes a call but those that are listed here;
# one that shares our table unshares it first of all; and no thread is sent a
# signal, as by a change of credentials for all threads. 77: there is no strace,
# or it may not trace.
set -eu
export LC_ALL=C

scratch=$1/spawn_calls cc=$2 include=$3 library=$4
command -v strace >/dev/null || exit 77
rm -rf "$scratch"
mkdir -p "$scratch"
cd "$scratch"
strace -f -o probe true 2>/dev/null || exit 77

cat >spawner.c <<'END'
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sigchld.h>

static pthread_barrier_t barrier;

static void *
idle(void *user)
{
	(void)user;
	(void)pthread_barrier_wait(&barrier);
	for (;;)
		(void)pause();
}

static int
run(struct sigchld_ctx *ctx, const struct sigchld_spawn_options *options)
{
	struct sigchld_child *child;
	int rc = sigchld_spawn(ctx, &child, options, NULL, NULL);

	if (rc < 0)
		return rc;
	(void)sigchld_child_wait(child, -1, NULL);
	sigchld_child_free(child);
	return 0;
}

int
main(void)
{
	char program[] = "true";
	char *argv[] = { program, NULL };
	const struct sigchld_ids ids = { 1, 1, NULL, 0, 0 };
	const struct sigchld_fdmap map[] = { { 0, 1 }, { 1, 0 }, { -1, 5 },
		{ 2, 7 } };
	const struct sigchld_rlimit limit = { RLIMIT_CORE, 0, 0, 0 };
	const int listen = 0;
	struct sigchld_ctx *ctx;
	pthread_t thread;
	int i;

	(void)pthread_barrier_init(&barrier, NULL, 4);
	for (i = 0; i < 3; i++)
		(void)pthread_create(&thread, NULL, idle, NULL);
	(void)pthread_barrier_wait(&barrier);
	if (sigchld_new(&ctx, NULL) < 0 ||
	    run(ctx, SIGCHLD_SPAWN(.argv = argv)) < 0)
		return 1;
	if (write(2, "now\n", 4) != 4)
		return 1;
	if (run(ctx, SIGCHLD_SPAWN(.argv = argv, .fdmap = map, .nfdmap = 4,
			 .rlimits = &limit, .nrlimits = 1, .cwd = "/",
			 .listen = &listen, .nlisten = 1, .oom_score_adj = 5,
			 .flags = SIGCHLD_SPAWN_SETSID | SIGCHLD_SPAWN_UMASK |
			     SIGCHLD_SPAWN_OOM | SIGCHLD_SPAWN_NONEWPRIVS |
			     SIGCHLD_SPAWN_PDEATH)) < 0)
		return 1;
	(void)run(ctx, SIGCHLD_SPAWN(.argv = argv, .path = "/no/such"));
	(void)run(ctx, SIGCHLD_SPAWN(.argv = argv, .ids = &ids));
	return run(ctx, SIGCHLD_SPAWN(.argv = argv,
			    .flags = SIGCHLD_SPAWN_KEEPFDS)) < 0;
}
END
"$cc" -pthread -I"$include" spawner.c "$library" -o spawner
strace -f -o log ./spawner 2>/dev/null

awk '
	BEGIN {
		n = split("close_range dup3 fcntl openat close write getpid" \
		    " getppid setsid setpgid chdir umask prctl prlimit64" \
		    " setgroups setresgid setresuid rt_sigaction" \
		    " rt_sigprocmask execve exit_group getdents64", names, " ")
		for (i = 1; i <= n; i++)
			may[names[i]] = 1
	}
	/write\(2, "now/ { marked = 1 }
	/tgkill|tkill|rt_tgsigqueueinfo/ { print "FAIL  " $0; bad = 1 }
	!marked { old[$1] = 1; next }
	$1 in old { next }
	$1 in done { next }
	$2 ~ /^(\+\+\+|---)/ { done[$1] = 1; next }
	/execve resumed.* = 0$/ || /^[0-9]+ +execve\(.* = 0$/ { done[$1] = 1 }
	$2 == "<..." { next }
	{
		call = $2
		sub(/\(.*/, "", call)
		if (!($1 in first)) {
			first[$1] = $0
			n_children++
		} else if (/CLOSE_RANGE_UNSHARE/) {
			print "FAIL  not first: " $0
			bad = 1
		}
		if (!(call in may)) {
			print "FAIL  " $0
			bad = 1
		}
		n_calls++
	}
	END {
		if (n_children != 4 || n_calls < 200) {
			printf "FAIL  %d children, %d calls\n", n_children,
			    n_calls
			bad = 1
		}
		if (!bad)
			printf "ok    %d children, %d calls before the exec\n",
			    n_children, n_calls
		exit bad
	}' log
