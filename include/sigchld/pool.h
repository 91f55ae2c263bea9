/*
 * sigchld/pool.h - a pool of forked workers that loses no request
 *
 *	sigchld_pool_new(ctx, &pool, SIGCHLD_POOL(.on_request = serve));
 *	sigchld_pool_submit(pool, NULL, SIGCHLD_REQUEST(.data = "hello",
 *	    .len = 5, .on_reply = on_reply));
 *	for (;;)
 *		sigchld_wait(ctx, -1);
 *
 * A pool keeps a number of workers alive: processes forked from this one, which
 * run your hooks. In dispatch mode (on_request) you submit requests; each goes
 * to an idle worker over a channel of its own, and comes back in exactly one
 * completion, whoever dies meanwhile. In listener mode (run) the workers accept
 * on sockets that they inherit, and the pool keeps their number and health.
 *
 * A pool is a part of its context: dispatching that drives it, from the first
 * fork to the last end. It never blocks, sleeps or selects. Forks are made by
 * sigchld_dispatch alone.
 *
 * Hooks	Those on the parent's side are callbacks of the context, and may
 *		call what is marked [C], sigchld_pool_free included. Those in the
 *		worker run in a process of its own: default signals, the mask as
 *		at the fork, no descriptors but 0 to 2, those you named in fds,
 *		and its own two. It gets SIGKILL when the parent is gone.
 * Slots	Workers have a slot, from 0. A successor has that of whom it
 *		replaces, and another generation if it was forked after a roll.
 * Zeros	A field that is 0 is the default beside it. SIGCHLD_POOL_NONE is
 *		none or never, where the default is something.
 *
 * Conventions and marks are those of <sigchld.h>. Free a pool before its context.
 */
#ifndef SIGCHLD_POOL_H
#define SIGCHLD_POOL_H

#include <sigchld.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SIGCHLD_HAVE_POOL 1

struct sigchld_pool;
struct sigchld_worker; /* in a worker: itself */

#define SIGCHLD_POOL_NONE        0xffffffffu
#define SIGCHLD_POOL_MOST        10000u /* workers */
#define SIGCHLD_POOL_HIGHEST_FDS 64u    /* that workers keep */

/* Pools */

enum sigchld_pool_state {
	SIGCHLD_POOL_STARTING, /* fewer than the least have been ready yet */
	SIGCHLD_POOL_RUNNING,
	SIGCHLD_POOL_DEGRADED, /* cannot fork; serves with what it has */
	SIGCHLD_POOL_FAILED,   /* none is ready, give_up lives in a row failed;
				* it goes on trying, after backoff_max_ms */
	SIGCHLD_POOL_ROLLING,  /* replaces its workers */
	SIGCHLD_POOL_STOPPING,
	SIGCHLD_POOL_STOPPED /* the last worker was reaped */
};

/* Why a worker ended. */
enum sigchld_reason {
	SIGCHLD_CLEAN,           /* by itself, with status 0 */
	SIGCHLD_EXITED_BADLY,    /* by itself, with another status */
	SIGCHLD_CRASHED,         /* SIGSEGV, BUS, FPE, ILL, ABRT, SYS, TRAP */
	SIGCHLD_KILLED,          /* another signal, which we did not send */
	SIGCHLD_LOST_STATUS,     /* somebody else reaped it */
	SIGCHLD_INIT_FAILED,     /* before it was ready */
	SIGCHLD_MAX_REQUESTS,    /* it served as many as it may */
	SIGCHLD_RECYCLED,        /* sigchld_worker_recycle */
	SIGCHLD_RETIRED,         /* old, idle, or more than are wanted */
	SIGCHLD_ROLLED,          /* replaced by a roll */
	SIGCHLD_STOPPED_POOL,    /* sigchld_pool_stop */
	SIGCHLD_KILLED_BOOT,     /* was not ready after boot_ms */
	SIGCHLD_KILLED_TIMEOUT,  /* a request took longer than request_ms */
	SIGCHLD_KILLED_BEAT,     /* no sigchld_worker_beat for beat_ms */
	SIGCHLD_KILLED_STOP,     /* was told to go, and did not */
	SIGCHLD_KILLED_PROTOCOL, /* its channel ended or was full of rubbish */
	SIGCHLD_REASONS
};

/* A worker that has ended, and was reaped. */
struct sigchld_worker_end {
	size_t size;
	uint32_t slot, generation;
	pid_t pid;
	uint32_t reason; /* enum sigchld_reason */
	int wstatus;     /* as from waitpid(2); 0 if LOST_STATUS */
	uint32_t ready;  /* 1: it had been ready */
	uint64_t served; /* requests */
	uint64_t lived_ms;
	uint64_t request;      /* in its hands when it ended, or 0 */
	uint32_t next_fork_ms; /* until the slot is forked again; 0: at once */
	uint32_t zero;
};

/* What a request came to. */
enum sigchld_outcome {
	SIGCHLD_DONE,    /* served; status, data and len hold */
	SIGCHLD_LOST,    /* its worker ended; reason and wstatus hold */
	SIGCHLD_TIMEOUT, /* took longer than allowed; its worker is killed */
	SIGCHLD_EXPIRED, /* waited for a worker longer than ttl_ms; not run */
	SIGCHLD_REJECTED /* the pool stops, or the session is over; not run */
};

struct sigchld_reply {
	size_t size;
	uint64_t id;
	uint32_t outcome; /* enum sigchld_outcome */
	uint32_t started; /* 0: surely no worker began it */
	int status;       /* what on_request gave */
	int wstatus;      /* of LOST, as from waitpid(2) */
	uint32_t reason;  /* of LOST: enum sigchld_reason */
	uint32_t slot;    /* who had it, if anybody */
	pid_t pid;        /* the same; 0: nobody */
	uint32_t zero;
	uint64_t session; /* it is open, and this is its name; or 0 */
	const void *data; /* the reply's, until the callback returns */
	size_t len;
	uint64_t wait_us;    /* from the submit to the worker */
	uint64_t service_us; /* from there to the reply */
};

typedef void sigchld_reply_fn(struct sigchld_pool *pool,
    const struct sigchld_reply *reply, void *user);

/* In a worker: a request. */
struct sigchld_job {
	size_t size;
	uint64_t id;
	const void *data; /* until on_request returns; aligned as by malloc */
	size_t len;
	uint32_t session; /* 1: a session is open */
	uint32_t zero;
};

/* Why a session is over. */
enum sigchld_session_end {
	SIGCHLD_SESSION_CLOSED,    /* sigchld_pool_disconnect */
	SIGCHLD_SESSION_RELEASED,  /* the worker let go of it */
	SIGCHLD_SESSION_KEEPALIVE, /* nothing came for keepalive_ms */
	SIGCHLD_SESSION_LOST,      /* its worker ended */
	SIGCHLD_SESSION_STOPPED    /* its worker was told to go */
};

#define SIGCHLD_POOL_ON_DEMAND 0x01u /* min is 0: forked for a request */
#define SIGCHLD_POOL_FIFO \
	0x02u                          /* the longest idle serves next; else
					* the one that was busy last */
#define SIGCHLD_POOL_READY_LATER 0x04u /* wait for sigchld_worker_ready */
#define SIGCHLD_POOL_KEEP_FDS \
	0x08u /* workers keep all descriptors that
					* are not the library's */
#define SIGCHLD_POOL_OWN_GROUP \
	0x10u /* a process group for each worker; it
					* is signalled as one */
#define SIGCHLD_POOL_RETRY_NEVER \
	0x20u                    /* a request whose worker ended before
					* it began is LOST; else it is tried
					* once more */
#define SIGCHLD_POOL_TITLE 0x40u /* name this process, too */

struct sigchld_pool_options {
	size_t size;
	uint32_t flags;   /* SIGCHLD_POOL_* */
	uint32_t zero;    /* must be 0 */
	const char *name; /* of the processes: NAME/SLOT in ps; NULL: as is */
	const int *fds;   /* that workers keep, as they are numbered here; they
			   * stay open here, too, while the pool lives */
	uint32_t n_fds;

	/* How many workers */
	uint32_t workers_min; /* 3, or max if that is less */
	uint32_t workers_max; /* 10, or min if that is more */
	uint32_t spare_min;   /* keep so many idle, or fork more, 1, 2, 4 ..
				  * at each tick; 0: no band, a request that
				  * finds nobody idle forks one */
	uint32_t spare_max;   /* one at each tick goes above that; spare_min
				  * if that is more */
	uint32_t spawn_burst; /* most at a tick: 32 */
	uint32_t tick_ms;     /* 1000 */
	uint32_t spawn_rate;  /* forks in a second, for whatever reason: no
				  * limit */
	uint32_t idle_ms;     /* above min, one that was idle for so long
				  * goes: never, or 10000 with ON_DEMAND */

	/* How long they live */
	uint32_t max_requests;        /* no limit */
	uint32_t max_requests_jitter; /* 0 to so many more: a tenth */
	uint32_t max_life_ms;         /* no limit */
	uint32_t max_life_jitter_ms;  /* a tenth */

	/* How long things may take */
	uint32_t boot_ms;    /* fork to ready: 60000 */
	uint32_t request_ms; /* no limit; from when a worker gets it */
	uint32_t slow_ms;    /* then on_slow: only at request_ms */
	uint32_t beat_ms;    /* a busy worker (in listener mode: any) must beat
				* within: no limit */
	int abort_signal;    /* at the end of those two: SIGABRT */
	uint32_t abort_ms;   /* and then SIGKILL: 1000 */
	uint32_t stop_ms;    /* from being told to go to stop_signal: 30000 */
	int stop_signal;     /* SIGTERM */
	uint32_t kill_ms;    /* and from that to SIGKILL: 5000 */
	uint32_t keepalive_ms; /* a session with nothing to do: 5000 */

	/* What fails */
	uint32_t backoff_ms; /* a slot whose worker failed waits so long, and
				  * twice as long each time: 100 */
	uint32_t backoff_max_ms; /* but no longer than this: 30000 */
	uint32_t stable_ms;      /* a life that forgives the failures: 10000 */
	uint32_t give_up;        /* lives in a row that failed, and then the
				  * state is FAILED (or the roll is off): 5 */

	/* Requests */
	uint32_t backlog_max;    /* that wait for a worker: 1024 */
	uint32_t backlog_ttl_ms; /* no longer than: no limit */
	uint64_t backlog_bytes;  /* of theirs together: 16 MiB */
	uint64_t request_max;    /* 16 MiB */
	uint64_t reply_max;      /* 1 GiB */

	/* In the worker. user is shared by all hooks. */
	void *user;
	int (*on_request)(struct sigchld_worker *worker,
	    const struct sigchld_job *job, void *user); /* dispatch mode */
	int (*run)(struct sigchld_worker *worker,
	    void *user); /* listener mode; what it gives is the exit status */
	int (*on_init)(struct sigchld_worker *worker,
	    void *user); /* before it is ready; nonzero: the exit status */
	void (*on_disconnect)(struct sigchld_worker *worker,
	    void *user); /* the session is over */
	void (*on_exit)(struct sigchld_worker *worker,
	    void *user); /* last of all, also if on_init failed */

	/* Around the fork, with no lock held */
	void (*before_fork)(struct sigchld_pool *pool, uint32_t slot,
	    void *user);
	void (*after_fork)(struct sigchld_pool *pool, uint32_t slot, pid_t pid,
	    void *user); /* in the parent; pid is -errno if it failed */
	void (*in_child)(struct sigchld_worker *worker,
	    void *user); /* in the child, before on_init */

	/* In the parent */
	void (*on_open)(struct sigchld_pool *pool,
	    void *user); /* once: as many as must be are ready */
	void (*on_end)(struct sigchld_pool *pool,
	    const struct sigchld_worker_end *end, void *user);
	void (*on_state)(struct sigchld_pool *pool, uint32_t state, void *user);
	void (*on_slow)(struct sigchld_pool *pool, uint32_t slot, pid_t pid,
	    uint64_t request, uint64_t ms, void *user);
	void (*on_reject)(struct sigchld_pool *pool, uint64_t n,
	    void *user); /* so many submits gave -EAGAIN since the last time */
	void (*on_session)(struct sigchld_pool *pool, uint64_t session,
	    uint32_t why, void *user); /* it is over: sigchld_session_end */
};

#ifndef __cplusplus /* C++: T o = {}; o.size = sizeof o; */
#	define SIGCHLD_POOL(...) \
		(&(const struct sigchld_pool_options){ \
		    .size = sizeof(struct sigchld_pool_options), \
		    __VA_ARGS__ })
#endif

/*
 * The next dispatch forks the workers. Exactly one of on_request and run must be
 * given. -EINVAL: a least above a most, more than SIGCHLD_POOL_MOST workers, no
 * such flag or signal, no mode; -EBADF: one of fds is not open; -ENOMEM. [C]
 */
SIGCHLD_API int sigchld_pool_new(struct sigchld_ctx *ctx,
    struct sigchld_pool **ret_pool, const struct sigchld_pool_options *options);

/*
 * SIGKILL what is left, and free. Each request that is still open is completed
 * before this returns, by this thread: LOST if a worker had it, else REJECTED.
 * Nothing else is told any more; who was killed is reaped by the context. Waits
 * for a hook that runs on another thread, unless you are in a callback yourself.
 * For a graceful end, sigchld_pool_stop before. [C] [F]
 */
SIGCHLD_API void sigchld_pool_free(struct sigchld_pool *pool);

/* Other numbers, while it runs: nobody who is busy is interrupted, and who was
 * to go but has not been told stays if he is wanted again. Zeros are not
 * defaults here: min may be 0 with ON_DEMAND only. -EINVAL; -ESHUTDOWN: it
 * stops. [C] */
SIGCHLD_API int sigchld_pool_resize(struct sigchld_pool *pool, uint32_t min,
    uint32_t max);

/* Replace the workers, at_once at a time (0: 1); the new one is ready before the
 * old is told to go. If give_up new ones in a row fail, the old ones stay, and
 * the state is DEGRADED. Again while it rolls: it begins anew with those that are
 * there now. -ESHUTDOWN: it stops. [C] */
SIGCHLD_API int sigchld_pool_roll(struct sigchld_pool *pool, uint32_t at_once);

/* Stop. No request is taken and nobody forked any more; those that wait are
 * REJECTED, or finished (SIGCHLD_STOP_FINISH) if there is time. Who is busy has
 * grace_ms until stop_signal, and then kill_ms until SIGKILL. Called again: it
 * can only become shorter, and each worker gets each signal once at most. When
 * the last is reaped, the state is STOPPED. [C] */
#define SIGCHLD_STOP_REJECT 0u
#define SIGCHLD_STOP_FINISH 1u
SIGCHLD_API int sigchld_pool_stop(struct sigchld_pool *pool, uint32_t how,
    uint32_t grace_ms);

/* Requests */

#define SIGCHLD_REQUEST_COPY 0x1u /* data may change when submit returns */

struct sigchld_request {
	size_t size;
	const void *data; /* yours, to be left as it is until the completion */
	size_t len;
	uint32_t flags;
	uint32_t timeout_ms;        /* 0: request_ms; NONE: no limit */
	uint32_t ttl_ms;            /* 0: backlog_ttl_ms; NONE: no limit */
	uint32_t zero;              /* must be 0 */
	uint64_t session;           /* of that one; 0: of none */
	sigchld_reply_fn *on_reply; /* may be NULL */
	void *user;
};

#ifndef __cplusplus
#	define SIGCHLD_REQUEST(...) \
		(&(const struct sigchld_request){ \
		    .size = sizeof(struct sigchld_request), __VA_ARGS__ })
#endif

/*
 * Submit a request. What gave 0 is completed once, in a dispatch; *ret_id (may
 * be NULL) is its name, never 0. -EAGAIN: backlog_max or backlog_bytes wait
 * already; -EMSGSIZE: larger than request_max; -ESHUTDOWN: the pool stops;
 * -ENOENT: no such session; -ENOTSUP: listener mode; -ENOMEM. [C]
 */
SIGCHLD_API int sigchld_pool_submit(struct sigchld_pool *pool, uint64_t *ret_id,
    const struct sigchld_request *request);

/* A client is gone: the session ends when what was submitted to it is done. The
 * worker is told. -ENOENT: there is none such. [C] */
SIGCHLD_API int sigchld_pool_disconnect(struct sigchld_pool *pool,
    uint64_t session);

/* How it stands */

/* Times in us. The quantiles are off by an eighth at most. */
struct sigchld_latency {
	uint64_t count, sum, least, most, p50, p90, p99, p999;
};

struct sigchld_pool_stats {
	size_t size; /* in: of yours; out: of what was filled */
	uint32_t state, generation;
	uint32_t starting, idle, busy, stopping; /* workers now */
	uint32_t backoff;                        /* slots that wait */
	uint32_t workers_min, workers_max;
	uint32_t most_workers, most_busy, most_backlog; /* so far */
	uint32_t backlog;                               /* requests now */
	uint32_t zero;
	uint64_t backlog_bytes, backlog_age_ms; /* of the oldest */
	uint64_t next_fork_ms;                  /* UINT64_MAX: none is due */
	uint64_t spawned;                       /* = all ends + those alive */
	uint64_t fork_failed;                   /* forks and socketpairs */
	uint64_t last_error;                    /* of those: errno */
	uint64_t ends[32];    /* by reason; room for those of later releases */
	uint64_t submitted;   /* = all outcomes + those open */
	uint64_t outcomes[8]; /* by outcome; the same */
	uint64_t refused;     /* -EAGAIN */
	uint64_t retried;
	uint64_t slow;
	uint64_t sessions; /* opened */
	uint64_t served;   /* listener mode: sigchld_worker_done */
	struct sigchld_latency wait, service, boot;
};

/*
 * As much is filled as there is room for, and as this library knows: so the
 * program may be older or newer than it. Nothing behind that is touched. -EINVAL:
 * no room for the first number. [C]
 */
SIGCHLD_API int sigchld_pool_get_stats(struct sigchld_pool *pool,
    struct sigchld_pool_stats *stats);

enum sigchld_worker_state {
	SIGCHLD_WORKER_STARTING,
	SIGCHLD_WORKER_IDLE,
	SIGCHLD_WORKER_BUSY,
	SIGCHLD_WORKER_SESSION, /* holds one, and has nothing to do */
	SIGCHLD_WORKER_STOPPING
};

struct sigchld_worker_info {
	size_t size;
	uint32_t slot, generation;
	uint32_t state; /* enum sigchld_worker_state */
	pid_t pid;
	uint64_t served, age_ms;
	uint64_t request, request_ms; /* in its hands, and for how long */
};

/* Call fn, a callback, for each worker that was not reaped, until it gives
 * nonzero; gives that, or 0. -ENOMEM. [C] */
SIGCHLD_API int sigchld_pool_foreach(struct sigchld_pool *pool,
    int (*fn)(const struct sigchld_worker_info *info, void *user), void *user);

/* Its state, enum sigchld_pool_state; its user pointer; its context. [C] */
SIGCHLD_API int sigchld_pool_state(struct sigchld_pool *pool);
SIGCHLD_API void *sigchld_pool_user(const struct sigchld_pool *pool);
SIGCHLD_API struct sigchld_ctx *sigchld_pool_ctx(const struct sigchld_pool
	*pool);

/*
 * In a worker. All but beat and stopping are for the thread that runs the hooks.
 */

SIGCHLD_API uint32_t sigchld_worker_slot(const struct sigchld_worker *worker);
SIGCHLD_API uint32_t
sigchld_worker_generation(const struct sigchld_worker *worker);

/* With READY_LATER: this worker is ready. Again: nothing. -EPIPE: the parent is
 * gone. */
SIGCHLD_API int sigchld_worker_ready(struct sigchld_worker *worker);

/* In on_request: this is the reply (else it is empty). It is sent when
 * on_request has returned; then done(data) is called, if not NULL: free(3), for
 * one. -EALREADY: there is one; -EMSGSIZE: larger than reply_max; -EINVAL: not
 * in on_request. After an error data is still yours. */
SIGCHLD_API int sigchld_worker_reply(struct sigchld_worker *worker,
    const void *data, size_t len, void (*done)(void *data));

/* In on_request: hold the session with whoever sent this, or let go of it. All
 * that comes until then is of that session. */
SIGCHLD_API int sigchld_worker_hold(struct sigchld_worker *worker);
SIGCHLD_API int sigchld_worker_release(struct sigchld_worker *worker);

/* It lives and makes progress: see beat_ms. [S] */
SIGCHLD_API void sigchld_worker_beat(struct sigchld_worker *worker);

/* End when this request is done, and with it the session; a successor comes. */
SIGCHLD_API void sigchld_worker_recycle(struct sigchld_worker *worker);

/* 1: it was told to go, is to be recycled, or has served as many as it may; else
 * 0. Makes no system call. [S] */
SIGCHLD_API int sigchld_worker_stopping(const struct sigchld_worker *worker);

/* Listener mode: poll this for reading, too; when it is readable, ask
 * sigchld_worker_stopping. It is the library's. */
SIGCHLD_API int sigchld_worker_fd(const struct sigchld_worker *worker);

/* Listener mode: around each request or connection that it serves. It counts
 * for max_requests, request_ms and the state. begin gives an id; done gives
 * what sigchld_worker_stopping gives. */
SIGCHLD_API uint64_t sigchld_worker_begin(struct sigchld_worker *worker);
SIGCHLD_API int sigchld_worker_done(struct sigchld_worker *worker);

#ifdef __cplusplus
}
#endif

#endif
