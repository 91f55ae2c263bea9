/*
 * sigchld/spawn.h - start a program
 *
 *	char *argv[] = { "sort", "-u", NULL };
 *	pid = sigchld_spawn(ctx, &child, SIGCHLD_SPAWN(.argv = argv,
 *	    .ret_stdin = &to, .ret_stdout = &from), on_event, user);
 *	if (pid < 0)
 *		it_could_not_be_executed(-pid);
 *
 * sigchld.h includes this. The program gets default signal dispositions, an
 * empty mask, and of our descriptors only what it was given: 0, 1, 2 and the
 * map. What goes wrong before it runs, its exec included, is this call's error,
 * and leaves no child. The cost depends neither on the size of this process nor
 * on its descriptors, but with `ids', and where the system has nothing better
 * than a fork: sigchld_spawn(3) tells.
 *
 * Results, memory, threads, forks and marks are as in sigchld.h.
 */
#ifndef SIGCHLD_SPAWN_H
#define SIGCHLD_SPAWN_H

#include <sigchld.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SIGCHLD_HAVE_SPAWN 1
#define SIGCHLD_HAVE_RUN   1

#define SIGCHLD_FD_NULL (-1) /* in place of one of ours: /dev/null */

struct sigchld_fdmap {
	int ours;   /* this descriptor, or SIGCHLD_FD_NULL */
	int theirs; /* becomes that one in the child */
};

struct sigchld_rlimit { /* as of setrlimit(2) */
	uint32_t resource;
	uint32_t zero;
	uint64_t soft, hard;
};

#define SIGCHLD_IDS_SAME UINT32_MAX /* uid or gid: as ours */

struct sigchld_ids { /* all groups but these are dropped */
	uint32_t uid, gid;
	const uint32_t *groups;
	uint32_t ngroups;
	uint32_t zero;
};

#define SIGCHLD_SPAWN_SETSID      0x0001u /* lead a new session */
#define SIGCHLD_SPAWN_SETPGID     0x0002u /* lead a new process group */
#define SIGCHLD_SPAWN_KEEPFDS     0x0004u /* keep what is not close-on-exec */
#define SIGCHLD_SPAWN_KEEPMASK    0x0008u /* our thread's mask; else none */
#define SIGCHLD_SPAWN_PDEATH      0x0010u /* SIGKILL when we die; main thread */
#define SIGCHLD_SPAWN_STOPS       0x0020u /* as SIGCHLD_CHILD_STOPS */
#define SIGCHLD_SPAWN_CGROUP      0x0040u /* start in .cgroup */
#define SIGCHLD_SPAWN_GROUPKILL   0x0080u /* kill and stop reach its group */
#define SIGCHLD_SPAWN_NONEWPRIVS  0x0100u /* it can gain no privileges */
#define SIGCHLD_SPAWN_TTY         0x0200u /* .tty becomes its terminal */
#define SIGCHLD_SPAWN_UMASK       0x0400u /* .umask holds */
#define SIGCHLD_SPAWN_OOM         0x0800u /* .oom_score_adj holds */
#define SIGCHLD_SPAWN_DESCENDANTS 0x1000u /* as SIGCHLD_CHILD_DESCENDANTS */
#define SIGCHLD_SPAWN_RUSAGE      0x2000u /* as SIGCHLD_CHILD_RUSAGE */

struct sigchld_spawn_options {
	size_t size;
	const char *path;                  /* NULL: argv[0], found in PATH */
	char *const *argv;                 /* ends with NULL; one at least */
	char *const *envp;                 /* NULL: environ */
	const char *cwd;                   /* NULL: ours */
	const struct sigchld_fdmap *fdmap; /* as if done all at once */
	const struct sigchld_ids *ids;     /* NULL: ours */
	const struct sigchld_rlimit *rlimits;
	const int *listen;               /* become 3, 4, ..: LISTEN_FDS */
	const char *const *listen_names; /* NULL: no LISTEN_FDNAMES */
	int *ret_stdin;  /* not NULL: a pipe; this is our end, */
	int *ret_stdout; /* close-on-exec and yours to close */
	int *ret_stderr; /* == ret_stdout: the same pipe */
	uint32_t nfdmap, nrlimits, nlisten;
	uint32_t flags;        /* SIGCHLD_SPAWN_* */
	int cgroup;            /* a directory's descriptor, with _CGROUP */
	int tty;               /* a terminal's, with _TTY; implies _SETSID */
	uint32_t umask;        /* with _UMASK */
	int32_t oom_score_adj; /* -1000 to 1000, with _OOM */
};

#ifndef __cplusplus /* C++: T o = {}; o.size = sizeof o; */
#	define SIGCHLD_SPAWN(...) \
		(&(const struct sigchld_spawn_options){ \
		    .size = sizeof(struct sigchld_spawn_options), \
		    __VA_ARGS__ })
#endif

/*
 * Run a program; gives its pid. 0, 1 and 2 are ours unless mapped: one that is
 * closed, or close-on-exec, it has not. -EINVAL: no argv, an unknown flag, a
 * number twice in the map; -EBADF: a descriptor that is not open; -E2BIG,
 * -ENOENT, -EACCES, -ENOEXEC and others: as execve(2) or the step that failed
 * gave them (chdir, setrlimit, the cgroup); -EACCES also where the kernel says
 * that ids or rlimits are not allowed; -EINTR: a signal ended it before it was
 * the program; -ENOTSUP: this build or kernel has no such thing; -EBUSY: as of
 * sigchld_fork. _PDEATH follows the thread that spawns, so from any but the main
 * one it is -EINVAL. [C]
 */
SIGCHLD_API pid_t sigchld_spawn(struct sigchld_ctx *ctx,
    struct sigchld_child **ret_child, const struct sigchld_spawn_options *spawn,
    sigchld_event_fn *on_event, void *user);

/* Run a program to its end, and take what it writes */

#define SIGCHLD_RUN_MERGE 0x1u /* standard error goes where output goes */

struct sigchld_run_options {
	size_t size;
	const void *input; /* for its standard input; NULL: /dev/null */
	size_t ninput;
	size_t limit;   /* bytes kept of each stream; 0: 1 MiB */
	int timeout_ms; /* then it is stopped; 0: none */
	int grace_ms;   /* from SIGTERM to SIGKILL; 0: 2000 */
	uint32_t flags; /* SIGCHLD_RUN_MERGE */
	uint32_t zero;
};

#define SIGCHLD_RUN_CUT_OUTPUT 0x1u /* there was more than the limit */
#define SIGCHLD_RUN_CUT_ERRORS 0x2u
#define SIGCHLD_RUN_TIMED_OUT  0x4u /* it was stopped at the timeout */
#define SIGCHLD_RUN_LEFT_OPEN \
	0x8u /* it ended, but somebody it started still \
				     * holds a stream, which was not waited for */

struct sigchld_run_result {
	size_t size;  /* of yours */
	char *output; /* to free(); ends with a zero that is not counted */
	size_t noutput;
	char *errors; /* the same; empty if merged */
	size_t nerrors;
	uint32_t flags; /* SIGCHLD_RUN_* */
	uint32_t zero;
	struct sigchld_event event; /* how it ended */
};

/*
 * Blocks until the program has ended. run may be NULL. The map may give it 3
 * and up; its streams are ours. A program that writes more than the limit is
 * not held up. Errors as of sigchld_spawn and sigchld_new; then nothing is left,
 * and *ret_result is as it was; but with -EACCES at the timeout it may not be
 * signalled, having become another user's, and goes on unwatched. Waits in a
 * context of its own, so it is also good where there is none, and in a callback.
 * [C]
 */
SIGCHLD_API int sigchld_run(const struct sigchld_spawn_options *spawn,
    const struct sigchld_run_options *run,
    struct sigchld_run_result *ret_result);

#ifdef __cplusplus
}
#endif

#endif
