/*
 * sigchld/master.h - a master that reloads itself and never drops a worker
 *
 *	int
 *	main(int argc, char **argv)
 *	{
 *		sigchld_new(&ctx, NULL);
 *		sigchld_master_new(ctx, &master,
 *		    SIGCHLD_MASTER(.argv = argv, .workers = 4, .run = serve));
 *		fd = sigchld_master_kept(master, "http");
 *		if (fd == -ENOENT) {
 *			fd = listen_somewhere();
 *			sigchld_master_keep(master, "http", fd);
 *		}
 *		return sigchld_master_run(master);
 *	}
 *
 * A master keeps workers, processes forked from it that run your hook. Told to
 * reload, by SIGUSR2 or by a call, it executes argv in its own place: the same
 * pid, perhaps a newer program. That one runs main() from its beginning, finds
 * the sockets that were kept and the workers that live, forks its own, and when
 * those are ready tells the former ones to finish and go. If anything fails on
 * the way, the former ones go on as if nothing had been asked.
 *
 * Signals	USR2 and HUP reload, USR1 lets the workers finish and go, TERM and
 *		INT end them, a second one sooner; TTIN one more, TTOU one less.
 *		After the last signal of a kind one action of that kind begins;
 *		none is lost, and none kills the master, at any point of a
 *		reload. They may be blocked in all threads but one: make the
 *		master before the threads.
 * Workers	Have a slot, from 0; a generation, that of the program that forked
 *		them, from 1; and are current or former. Each has a socket to the
 *		master, which is at end of file when the master is gone, and
 *		no descriptors but 0 to 2, those of fds, and its own.
 * Zeros	A field that is 0 is the default beside it; SIGCHLD_MASTER_NONE is
 *		none or never, where the default is something.
 *
 * Outside	A service manager is told by NOTIFY_SOCKET, if it is there: READY,
 *		RELOADING, STOPPING, and what failed. Operators ask a socket at
 *		the path control: a line is a command, "help" lists them, and an
 *		answer ends with an empty line. "reload" answers when that very
 *		reload is over. sigchld-control(7) has the whole of it.
 *
 * A master is a part of its context: dispatching that drives it, and forks are
 * made there alone. One for each process. Other contexts, their children and
 * pools live beside it; but at a reload they are gone with the program, and their
 * children are nobody's: stop them when on_event says RELOADING.
 *
 * Conventions and marks are those of <sigchld.h>. Free a master before its
 * context.
 */
#ifndef SIGCHLD_MASTER_H
#define SIGCHLD_MASTER_H

#include <sigchld/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SIGCHLD_HAVE_MASTER 1

struct sigchld_master;
struct sigchld_worker; /* in a worker: itself */

#define SIGCHLD_MASTER_NONE 0xffffffffu
#define SIGCHLD_MASTER_MOST 10000u /* current workers */
#define SIGCHLD_QUERY_MOST  32768u /* bytes of a query, and of a reply */

/* What happened. */
enum sigchld_master_what {
	SIGCHLD_MASTER_READY,         /* all workers are, for the first time */
	SIGCHLD_MASTER_RELOADING,     /* argv is executed when you return */
	SIGCHLD_MASTER_RELOADED,      /* all new ones are ready; said by the new
				       * program */
	SIGCHLD_MASTER_RELOAD_FAILED, /* error or status tell why */
	SIGCHLD_MASTER_REFUSED,       /* a reload was asked for during a stop */
	SIGCHLD_MASTER_STOPPING,      /* the workers were told to go */
	SIGCHLD_MASTER_FORKED,        /* a worker; error if it could not be */
	SIGCHLD_MASTER_WORKER_READY,
	SIGCHLD_MASTER_WORKER_LEFT, /* it was reaped; wstatus holds */
	SIGCHLD_MASTER_ALL_LEFT,    /* nobody is there, nobody will be forked */
	SIGCHLD_MASTER_DISTRUSTED,  /* what came from the program before was
				     * no list of workers, in part at least */
};

struct sigchld_master_event {
	size_t size;
	uint32_t what; /* enum sigchld_master_what */
	uint32_t slot, generation;
	pid_t pid;        /* of the worker, or 0 */
	uint32_t current; /* 1: the worker is, or was, not a former one */
	int wstatus;      /* of a worker that left; 0 if lost is 1 */
	uint32_t lost;    /* 1: somebody else reaped it */
	int status;       /* sigchld_master_status of that one */
	int error;        /* -errno, or 0 */
	uint32_t zero;
};

/* What a reload, or a worker that ends, leads to. */
#define SIGCHLD_MASTER_RESPAWN \
	0x01u /* a worker that ends has a successor, after
				   * backoff; else one that ends badly
				   * ends the master */
#define SIGCHLD_MASTER_HUP_ROLLS 0x02u /* HUP replaces the workers, by forks */
#define SIGCHLD_MASTER_OUTLIVE \
	0x04u /* workers see the end of file and may finish when the master
	       * is gone; else they get SIGKILL then */
#define SIGCHLD_MASTER_READY_LATER 0x08u /* wait for sigchld_worker_ready */
#define SIGCHLD_MASTER_KEEP_FDS \
	0x10u /* workers keep all descriptors that are not the library's */
#define SIGCHLD_MASTER_NO_SIGNALS 0x20u /* you call reload, stop, resize */
#define SIGCHLD_MASTER_PID_WORKERS \
	0x40u /* pid_file has the current workers, too, a line each */
#define SIGCHLD_MASTER_VOUCHED \
	0x80u /* with READY_LATER: what sigchld_worker_exec has executed is
	       * ready when sigchld_master_vouch says so, not at once */

struct sigchld_master_options {
	size_t size;
	uint32_t flags;    /* SIGCHLD_MASTER_* */
	uint32_t zero;     /* must be 0 */
	const char *name;  /* of the workers: NAME/SLOT in ps; NULL: as is */
	char *const *argv; /* what a reload executes; copied */
	const char *path;  /* the file; NULL: argv[0], looked for as execvp(3)
			    * does, each time anew */

	/* Written when the first are ready, removed when all have left. */
	const char *pid_file; /* NULL: none */

	/* A socket that operators ask: mode 0600, and only root and our own user
	 * are heard. Removed when all have left. */
	const char *control; /* its path; NULL: none */

	/* What workers have, as it is numbered here, besides what was kept by
	 * name. */
	const int *fds;
	uint32_t n_fds;

	uint32_t workers; /* 1 */

	uint32_t ready_ms;    /* fork to ready, else the reload has failed: no
			       * limit */
	uint32_t drain_ms;    /* told to finish, a worker may take so long until
			       * stop_signal: no limit */
	uint32_t stop_ms;     /* from that to SIGKILL: 30000 */
	uint32_t again_ms;    /* the same, once it was asked for twice: 1000 */
	int finish_signal;    /* finish and go: SIGUSR1 */
	int stop_signal;      /* go: SIGTERM */
	uint32_t max_reloads; /* a worker that has lived through more successful
			       * ones is stopped: 50 */

	uint32_t backoff_ms;     /* RESPAWN: the first delay, 100; doubled .. */
	uint32_t backoff_max_ms; /* .. but no longer than: 30000 */
	uint32_t stable_ms;      /* a life that forgives failures: 10000 */
	uint32_t give_up;        /* lives in a row that failed, and then it
				  * stops: 5 */

	/* In the worker. user is shared by all hooks. */
	void *user;
	int (*run)(struct sigchld_worker *worker,
	    void *user); /* what it gives is the exit status */
	int (*on_query)(struct sigchld_worker *worker, const void *query,
	    size_t len, void *user); /* answer with sigchld_worker_answer;
				      * what it gives is the status */
	void (*on_dump)(struct sigchld_worker *worker, void *user); /* HUP */

	/* In the master */
	void (*on_event)(struct sigchld_master *master,
	    const struct sigchld_master_event *event, void *user);
};

#ifndef __cplusplus /* C++: T o = {}; o.size = sizeof o; */
#	define SIGCHLD_MASTER(...) \
		(&(const struct sigchld_master_options){ \
		    .size = sizeof(struct sigchld_master_options), \
		    __VA_ARGS__ })
#endif

/*
 * The next dispatch forks the workers, and takes over those of the program before
 * us, if this is a reload. Catches the signals, and keeps a copy of the
 * environment and of RLIMIT_NOFILE, which a reload gives back: so call it before
 * you change them. -EBUSY: there is a master in this process;
 * -EINVAL: no argv, no run, no such flag or signal, too many workers; -EBADF: one
 * of fds is not open; -EADDRINUSE: somebody else answers at control, or
 * has just begun to; -ENAMETOOLONG, and errors of bind(2): there can be no such
 * socket; -ENOMEM. [C]
 */
SIGCHLD_API int sigchld_master_new(struct sigchld_ctx *ctx,
    struct sigchld_master **ret_master,
    const struct sigchld_master_options *options);

/*
 * Before anything else, in a program that is to go into the background: fork. The
 * launcher waits until the master is ready, and ends with 0; or with the status of
 * one that failed. Here 0 is given: in the daemon, which leads a session of its
 * own, with standard streams that are /dev/null; and in a program that was
 * executed by a reload, where nothing is done. Errors of fork(2), -EMFILE,
 * -ENFILE: there is no daemon.
 */
SIGCHLD_API int sigchld_daemon(void);

/* SIGKILL what is left, give the signals their actions back, and free. Queries
 * are completed with -ECANCELED; nothing else is told. But in a program that was
 * executed by a reload, before the first dispatch: nobody is killed, and when it
 * ends by exit(3), the workers of the program before it serve on. [C] [F] */
SIGCHLD_API void sigchld_master_free(struct sigchld_master *master);

/* Dispatch until all have left. Gives the exit status: that of the first worker
 * that ended badly, else 0. -EDEADLK: from a callback of the context. */
SIGCHLD_API int sigchld_master_run(struct sigchld_master *master);

/* What run will give, as it stands. [C] */
SIGCHLD_API int sigchld_master_result(struct sigchld_master *master);

/* A status as from waitpid(2), as an exit status: that of exit; 128 and the
 * signal, also of a stop; else 255. [C] [S] */
SIGCHLD_API int sigchld_master_status(int wstatus);

/* Descriptors by name */

/* Keep fd, by this name (1 to 64 of A-Z a-z 0-9 . _ -), through all reloads, and
 * let the workers have it. It is the master's from now on. -EEXIST: the name is
 * taken, or fd has one; -EBADF; -EINVAL; -ENOMEM. [C] */
SIGCHLD_API int sigchld_master_keep(struct sigchld_master *master,
    const char *name, int fd);

/* The descriptor that was kept by this name, or passed by socket activation
 * (LISTEN_FDNAMES; a second of the same name is NAME.2, and so on, and one whose
 * name is none here is "unknown"), and stays kept. What nobody has asked for is
 * closed when the new workers have taken over.
 * -ENOENT; -EINVAL: there can be no such name. [C] */
SIGCHLD_API int sigchld_master_kept(struct sigchld_master *master,
    const char *name);

/* Do not keep it any more; it is yours. -ENOENT, -EINVAL. [C] */
SIGCHLD_API int sigchld_master_unkeep(struct sigchld_master *master,
    const char *name);

/* Orders. What comes of them on_event tells. */

/* Reload, in the next dispatch; if a reload is on its way, one more after it.
 * -ESHUTDOWN: it stops. [C] */
SIGCHLD_API int sigchld_master_reload(struct sigchld_master *master);

/* Replace the workers by new forks of this program, in the same order as a
 * reload. -ESHUTDOWN; -EINPROGRESS: a generation comes in just now. [C] */
SIGCHLD_API int sigchld_master_roll(struct sigchld_master *master);

/* Let them finish and go (FINISH), or go (NOW); again NOW: with again_ms. [C] */
#define SIGCHLD_MASTER_FINISH 0u
#define SIGCHLD_MASTER_NOW    1u
SIGCHLD_API int sigchld_master_stop(struct sigchld_master *master,
    uint32_t how);

/* Another number of workers. -EINVAL; -ESHUTDOWN. [C] */
SIGCHLD_API int sigchld_master_resize(struct sigchld_master *master,
    uint32_t workers);

/* Signal these workers. Gives how many it reached. -EINVAL: no such signal or
 * set. [C] */
#define SIGCHLD_CURRENT 0x1u
#define SIGCHLD_FORMER  0x2u
SIGCHLD_API int sigchld_master_signal(struct sigchld_master *master,
    uint32_t which, int sig);

/* This worker is ready, as if it had said so: for those that say it by other ways
 * than ours, such as a program that sigchld_worker_exec started. Once is enough.
 * -ESRCH: no such worker. [C] */
SIGCHLD_API int sigchld_master_vouch(struct sigchld_master *master, pid_t pid);

/* Show this line of this worker, as if it had said it. -ESRCH; -EINVAL: no text;
 * -EMSGSIZE: longer than 255. [C] */
SIGCHLD_API int sigchld_master_note(struct sigchld_master *master, pid_t pid,
    const char *status);

/* Workers */

/* rc: 0, and status, data and len hold; -EPIPE: the worker ended; -ETIMEDOUT;
 * -ECANCELED: the master was freed; -ENOSYS: it has no on_query. What is under
 * way at a reload is gone with the program. */
typedef void sigchld_answer_fn(struct sigchld_master *master, pid_t pid, int rc,
    int status, const void *data, size_t len, void *user);

/* Ask a worker; completed once, in a dispatch. timeout_ms NONE: no limit; 0:
 * 5000. -ESRCH: no such worker; -EPIPE: it has no channel any more; -EINVAL: no
 * query; -EMSGSIZE: more than SIGCHLD_QUERY_MOST; -EAGAIN:
 * it has not read the last ones; -ENOMEM. [C] */
SIGCHLD_API int sigchld_master_query(struct sigchld_master *master, pid_t pid,
    const void *query, size_t len, uint32_t timeout_ms,
    sigchld_answer_fn *on_answer, void *user);

enum sigchld_crew_state {
	SIGCHLD_CREW_STARTING,
	SIGCHLD_CREW_READY,
	SIGCHLD_CREW_STOPPING /* told to finish, or to go */
};

struct sigchld_crew_info {
	size_t size;
	uint32_t slot, generation;
	uint32_t state;   /* enum sigchld_crew_state */
	uint32_t current; /* 1: else a former one */
	pid_t pid;
	uint32_t reloads;   /* successful ones that it has lived through */
	uint64_t age_ms;    /* since its fork */
	const char *status; /* what it said last, or "" */
};

/* Call fn, a callback, for each worker that was not reaped, until it gives
 * nonzero; gives that, or 0. -ENOMEM. [C] */
SIGCHLD_API int sigchld_master_foreach(struct sigchld_master *master,
    int (*fn)(const struct sigchld_crew_info *info, void *user), void *user);

struct sigchld_master_stats {
	size_t size; /* in: of yours; out: of what was filled */
	uint32_t generation;
	uint32_t workers;                   /* wanted */
	uint32_t starting, ready, stopping; /* current ones now */
	uint32_t former;
	uint32_t reloading;       /* 1: one is on its way */
	uint32_t stops;           /* 1: it stops */
	uint64_t reloads, failed; /* through all programs; also the next two */
	uint64_t forks, ends;
	int64_t last_reload;  /* the last success: time(2), or 0 */
	int64_t last_failure; /* the same */
	uint64_t up_ms;       /* since the first program began */
};

/*
 * As much is filled as there is room for, and as this library knows: so the
 * program may be older or newer than it. Nothing behind that is touched. -EINVAL:
 * no room for the first number. [C]
 */
SIGCHLD_API int sigchld_master_get_stats(struct sigchld_master *master,
    struct sigchld_master_stats *stats);

/* Who is this? */

enum sigchld_role {
	SIGCHLD_ROLE_NONE,
	SIGCHLD_ROLE_MASTER, /* there is a sigchld_master in this process */
	SIGCHLD_ROLE_WORKER  /* of a master or a pool */
};

/* *ret_slot (may be NULL) is set in a worker. [C] [S] [F] */
SIGCHLD_API int sigchld_role(uint32_t *ret_slot);

/*
 * In a worker of a master. These of <sigchld/pool.h> work as well: _slot,
 * _generation, _ready, _stopping (told to finish or to go, or the master is
 * gone), _fd (poll it for reading; then sigchld_worker_dispatch).
 */

/* Answer queries and dump; never blocks. -EPIPE: the master is gone. */
SIGCHLD_API int sigchld_worker_dispatch(struct sigchld_worker *worker);

/* Let a context of this worker do that: its descriptor is in that context's
 * table, too. Errors of sigchld_fd_insert. */
SIGCHLD_API int sigchld_worker_join(struct sigchld_worker *worker,
    struct sigchld_ctx *ctx);

/* In on_query: this is the answer, copied. -EMSGSIZE; -EALREADY; -EINVAL: not in
 * on_query. */
SIGCHLD_API int sigchld_worker_answer(struct sigchld_worker *worker,
    const void *data, size_t len);

/*
 * In run: let another program take this worker's place: the same pid, slot and
 * leash. It has fds as its descriptors 3, 4 and so on, what else is not
 * close-on-exec, and all signals as at the start of a program. If the worker was
 * not ready yet, it is when that program runs, or with VOUCHED, when
 * sigchld_master_vouch says so. It has no socket to its master any more, so it is
 * told to finish by finish_signal alone, and cannot be asked. file is looked for
 * as execvp(3) does; envp NULL: the environment as it is. (In the portable build
 * that program outlives a master that is killed.)
 *
 * -EINVAL: no argv, or in on_query; -ESHUTDOWN: it was told to finish before. What
 * comes then has changed descriptors and signals, so end the worker: -EMFILE;
 * -EBADF: one of fds is not open; -EAGAIN: the master has not read what was said
 * before; errors of execve(2).
 */
SIGCHLD_API int sigchld_worker_exec(struct sigchld_worker *worker,
    const char *file, char *const *argv, char *const *envp, const int *fds,
    uint32_t n_fds);

/* What is shown of this worker: a line, copied. -EMSGSIZE: longer than 255. */
SIGCHLD_API int sigchld_worker_say(struct sigchld_worker *worker,
    const char *status);

#ifdef __cplusplus
}
#endif

#endif
