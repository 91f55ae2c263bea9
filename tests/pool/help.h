/*
 * help.h - what the tests of pool/ share: a stage, on which a pool plays
 *
 *	struct stage stage;
 *	struct sigchld_pool_options options;
 *	struct asked *asked;
 *
 *	stage_open(&stage, NULL);
 *	options = stage_options(&stage, 2, 2);
 *	... change options ...
 *	stage_play(&stage, &options);
 *	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
 *	asked = ask(&stage, "echo hello");
 *	UNTIL(&stage, asked->n_replies == 1);
 *	stage_close(&stage);
 *
 * A stage is a context, a pool, and a record of whatever the pool has told. It
 * also checks, in every test: a request is completed exactly once, the books of
 * the pool add up, and no worker is left behind.
 *
 * Workers obey what they are asked for, a word and what belongs to it; they
 * keep the readers of the doors and their voice, and nothing else of the test:
 *
 *	echo TEXT	the reply is TEXT
 *	pid		the reply is a pid_t
 *	wait N		say 'w', and wait at door N; then the reply is "done"
 *	give N		on_request gives N
 *	exit N		_exit(N)
 *	raise N		raise(N)
 *	recycle		sigchld_worker_recycle
 *	spin		say 's', and never end
 *
 * Any hook in a worker may say_from(stage, worker, what) something, which the
 * test then finds in stage->said, and pass(stage, n), which waits at door n
 * until the test calls let_pass. When the test ends, all doors are open.
 * stage->marks are counters in memory that the test and all workers share.
 *
 * A test that has a hook of its own in the place of one that records calls that
 * one, too: see_end, see_fork, and so on.
 *
 * Everything waits for an event and has a deadline only to fail.
 */
#ifndef POOL_HELP_H
#define POOL_HELP_H

#include <dirent.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <sigchld/pool.h>

#include "core/help.h"

#define DOORS 4
#define MARKS 16

struct stage;

/* A request of the test's. */
struct asked {
	struct stage *stage;
	char *text;
	uint64_t id;
	int n_replies;
	struct sigchld_reply reply; /* data is NULL if there is none */
	char *data;                 /* a copy, with a zero behind it */
	int order;                  /* of the replies, from 1 */
};

/* What a worker has said. */
struct said {
	pid_t pid;
	uint32_t slot;
	int what;
};

struct fork_seen {
	uint32_t slot;
	pid_t pid;  /* or -errno */
	int n_ends; /* that had been seen */
};

struct session_seen {
	uint64_t session;
	uint32_t why;
};

struct slow_seen {
	uint32_t slot;
	pid_t pid;
	uint64_t request, ms;
};

struct stage {
	struct sigchld_ctx *ctx;
	struct sigchld_pool *pool;
	void *extra; /* the test's own */
	atomic_int *marks;
	int door[DOORS][2], voice[2];
	int fds[DOORS + 1]; /* the workers' ends */
	struct sigchld_fdref ear;

	/* What has been seen, in order. */
	struct said *said;
	struct asked **asked;
	struct sigchld_worker_end *ends;
	struct fork_seen *forks;
	struct session_seen *sessions;
	struct slow_seen *slows;
	uint32_t *states;
	int n_said, n_asked, n_ends, n_forks, n_sessions, n_slows, n_states;
	int n_before_fork, n_open, n_replies, n_outcomes[SIGCHLD_REJECTED + 1];
	uint64_t n_rejects;
};

/* An array that grows: room for one more behind the n that are there. */
#define ROOM_FOR(array, n) \
	do { \
		if (((n) & ((n)-1)) == 0) { \
			(array) = realloc((array), \
			    ((n) == 0 ? 1 : (size_t)(n)*2) * \
				sizeof(*(array))); \
			ck_assert_ptr_nonnull((array)); \
		} \
	} while (0)

/* In a worker */

static inline UNUSED void
say_from(struct stage *stage, struct sigchld_worker *worker, int what)
{
	const struct said said = {
		.pid = getpid(),
		.slot = sigchld_worker_slot(worker),
		.what = what,
	};

	CHILD_MUST(write(stage->voice[1], &said, sizeof(said)) == sizeof(said));
}

/* Good after an exec, in a grandchild, and so on: gives false at the end. */
static inline UNUSED bool
pass(struct stage *stage, int door)
{
	char byte;
	ssize_t n;

	do
		n = read(stage->door[door][0], &byte, 1);
	while (n == -1 && errno == EINTR);
	return n == 1;
}

static inline UNUSED int
mark(struct stage *stage, int which)
{
	return atomic_fetch_add(&stage->marks[which], 1) + 1;
}

/* Does the request begin with this word? Then *ret_rest is what follows. */
static inline UNUSED bool
is_word(const struct sigchld_job *job, const char *word, const char **ret_rest,
    size_t *ret_len)
{
	const size_t len = strlen(word);

	if (job->len < len || memcmp(job->data, word, len) != 0)
		return false;
	if (job->len > len && ((const char *)job->data)[len] != ' ')
		return false;
	*ret_len = job->len > len ? job->len - len - 1 : 0;
	*ret_rest = (const char *)job->data + (job->len - *ret_len);
	return true;
}

static inline UNUSED int
number(const char *text, size_t len)
{
	int n = 0;

	while (len-- > 0)
		n = n * 10 + (*text++ - '0');
	return n;
}

static inline UNUSED void
reply_copy(struct sigchld_worker *worker, const void *data, size_t len)
{
	void *copy = malloc(len + 1);

	CHILD_MUST(copy != NULL);
	memcpy(copy, data, len);
	CHILD_MUST(sigchld_worker_reply(worker, copy, len, free) == 0);
}

static inline UNUSED void
spin(void)
{
	volatile bool for_ever = true;

	while (for_ever)
		continue;
}

/* on_request */
static inline UNUSED int
obey(struct sigchld_worker *worker, const struct sigchld_job *job, void *user)
{
	struct stage *stage = user;
	const pid_t self = getpid();
	const char *rest;
	size_t len;

	if (is_word(job, "echo", &rest, &len)) {
		reply_copy(worker, rest, len);
	} else if (is_word(job, "pid", &rest, &len)) {
		reply_copy(worker, &self, sizeof(self));
	} else if (is_word(job, "wait", &rest, &len)) {
		say_from(stage, worker, 'w');
		(void)pass(stage, number(rest, len));
		reply_copy(worker, "done", 4);
	} else if (is_word(job, "give", &rest, &len)) {
		return number(rest, len);
	} else if (is_word(job, "exit", &rest, &len)) {
		_exit(number(rest, len));
	} else if (is_word(job, "raise", &rest, &len)) {
		(void)raise(number(rest, len));
	} else if (is_word(job, "recycle", &rest, &len)) {
		sigchld_worker_recycle(worker);
	} else if (is_word(job, "spin", &rest, &len)) {
		say_from(stage, worker, 's');
		spin();
	} else {
		_exit(250); /* the test is wrong */
	}
	return 0;
}

/* What the pool tells */

static inline UNUSED void
see_before_fork(struct sigchld_pool *pool, uint32_t slot, void *user)
{
	struct stage *stage = user;

	(void)pool;
	(void)slot;
	stage->n_before_fork++;
}

static inline UNUSED void
see_fork(struct sigchld_pool *pool, uint32_t slot, pid_t pid, void *user)
{
	struct stage *stage = user;

	(void)pool;
	ROOM_FOR(stage->forks, stage->n_forks);
	stage->forks[stage->n_forks++] =
	    (struct fork_seen){ slot, pid, stage->n_ends };
}

static inline UNUSED void
see_open(struct sigchld_pool *pool, void *user)
{
	struct stage *stage = user;

	(void)pool;
	stage->n_open++;
}

static inline UNUSED void
see_end(struct sigchld_pool *pool, const struct sigchld_worker_end *end,
    void *user)
{
	struct stage *stage = user;

	(void)pool;
	ck_assert_uint_lt(end->reason, SIGCHLD_REASONS);
	ROOM_FOR(stage->ends, stage->n_ends);
	stage->ends[stage->n_ends++] = *end;
}

static inline UNUSED void
see_state(struct sigchld_pool *pool, uint32_t state, void *user)
{
	struct stage *stage = user;

	(void)pool;
	ROOM_FOR(stage->states, stage->n_states);
	stage->states[stage->n_states++] = state;
}

static inline UNUSED void
see_slow(struct sigchld_pool *pool, uint32_t slot, pid_t pid, uint64_t request,
    uint64_t ms, void *user)
{
	struct stage *stage = user;

	(void)pool;
	ROOM_FOR(stage->slows, stage->n_slows);
	stage->slows[stage->n_slows++] =
	    (struct slow_seen){ slot, pid, request, ms };
}

static inline UNUSED void
see_rejects(struct sigchld_pool *pool, uint64_t n, void *user)
{
	struct stage *stage = user;

	(void)pool;
	stage->n_rejects += n;
}

static inline UNUSED void
see_session(struct sigchld_pool *pool, uint64_t session, uint32_t why,
    void *user)
{
	struct stage *stage = user;

	(void)pool;
	ROOM_FOR(stage->sessions, stage->n_sessions);
	stage->sessions[stage->n_sessions++] =
	    (struct session_seen){ session, why };
}

static inline UNUSED void
see_reply(struct sigchld_pool *pool, const struct sigchld_reply *reply,
    void *user)
{
	struct asked *asked = user;
	struct stage *stage = asked->stage;

	(void)pool;
	asked->n_replies++;
	ck_assert_msg(asked->n_replies == 1, "completed again: %.40s",
	    asked->text);
	ck_assert_uint_eq(reply->id, asked->id);
	ck_assert_uint_le(reply->outcome, SIGCHLD_REJECTED);
	asked->reply = *reply;
	asked->reply.data = NULL;
	asked->data = malloc(reply->len + 1);
	ck_assert_ptr_nonnull(asked->data);
	if (reply->len > 0)
		memcpy(asked->data, reply->data, reply->len);
	asked->data[reply->len] = '\0';
	asked->order = ++stage->n_replies;
	stage->n_outcomes[reply->outcome]++;
}

static inline UNUSED void
hear(struct sigchld_ctx *ctx, struct sigchld_fdref ref, uint32_t revents,
    void *user)
{
	struct stage *stage = user;
	struct said said;
	ssize_t n;

	(void)ctx;
	(void)revents;
	n = read(ref.fd, &said, sizeof(said));
	ck_assert_int_eq(n, sizeof(said));
	ROOM_FOR(stage->said, stage->n_said);
	stage->said[stage->n_said++] = said;
}

/* The stage */

/* Its context has these options; NULL: none. */
static inline UNUSED void
stage_open(struct stage *stage, const struct sigchld_options *options)
{
	int i;

	memset(stage, 0, sizeof(*stage));
	stage->ctx = open_ctx(options);
	stage->marks = mmap(NULL, MARKS * sizeof(*stage->marks),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(stage->marks != MAP_FAILED);
	for (i = 0; i < DOORS; i++) {
		ck_assert_int_eq(pipe2(stage->door[i], O_CLOEXEC), 0);
		stage->fds[i] = stage->door[i][0];
	}
	ck_assert_int_eq(pipe2(stage->voice, O_CLOEXEC), 0);
	stage->fds[DOORS] = stage->voice[1];
	MUST_BE(0,
	    sigchld_fd_insert(stage->ctx, &stage->ear, stage->voice[0], POLLIN,
		hear, stage));
}

/* Between min and max workers that obey; everything is recorded. After failures
 * it waits, but not long. Times that are limits keep their defaults, but those
 * of a stop. */
static inline UNUSED struct sigchld_pool_options
stage_options(struct stage *stage, uint32_t min, uint32_t max)
{
	const struct sigchld_pool_options options = {
		.size = sizeof(options),
		.workers_min = min,
		.workers_max = max,
		.fds = stage->fds,
		.n_fds = DOORS + 1,
		.tick_ms = 10,
		.stop_ms = 1000,
		.kill_ms = 1000,
		.backoff_ms = 1,
		.backoff_max_ms = 1,
		.user = stage,
		.on_request = obey,
		.before_fork = see_before_fork,
		.after_fork = see_fork,
		.on_open = see_open,
		.on_end = see_end,
		.on_state = see_state,
		.on_slow = see_slow,
		.on_reject = see_rejects,
		.on_session = see_session,
	};

	return options;
}

static inline UNUSED void
stage_play(struct stage *stage, const struct sigchld_pool_options *options)
{
	MUST_BE(0, sigchld_pool_new(stage->ctx, &stage->pool, options));
}

static inline UNUSED struct sigchld_pool_stats
stats_of_pool(struct stage *stage)
{
	struct sigchld_pool_stats stats = { .size = sizeof(stats) };

	MUST_BE(0, sigchld_pool_get_stats(stage->pool, &stats));
	return stats;
}

static inline UNUSED uint32_t
alive(const struct sigchld_pool_stats *stats)
{
	return stats->starting + stats->idle + stats->busy + stats->stopping;
}

static inline UNUSED int
n_ends_for(const struct stage *stage, uint32_t reason)
{
	int i, n = 0;

	for (i = 0; i < stage->n_ends; i++)
		n += stage->ends[i].reason == reason;
	return n;
}

/* spawned = ends + alive; submitted = outcomes + open; each end and each outcome is
 * counted as what was told. */
static inline UNUSED void
check_books(struct stage *stage)
{
	const struct sigchld_pool_stats stats = stats_of_pool(stage);
	uint64_t n_ends = 0, n_outcomes = 0;
	int i, n_open = 0;

	for (i = 0; i < SIGCHLD_REASONS; i++) {
		ck_assert_uint_eq(stats.ends[i],
		    (uint64_t)n_ends_for(stage, (uint32_t)i));
		n_ends += stats.ends[i];
	}
	for (i = 0; i <= SIGCHLD_REJECTED; i++) {
		ck_assert_uint_ge(stats.outcomes[i],
		    (uint64_t)stage->n_outcomes[i]);
		n_outcomes += stats.outcomes[i];
	}
	for (i = 0; i < stage->n_asked; i++)
		n_open += stage->asked[i]->n_replies == 0;
	ck_assert_uint_eq(stats.spawned, n_ends + alive(&stats));
	ck_assert_uint_eq(stats.submitted, n_outcomes + (uint64_t)n_open);
	ck_assert_uint_eq(n_ends, (uint64_t)stage->n_ends);
}

static inline UNUSED void
give_up(struct stage *stage, const char *what)
{
	struct sigchld_pool_stats s = { 0 };

	if (stage->pool == NULL)
		ck_abort_msg("in vain: %s", what);
	s = stats_of_pool(stage);
	ck_abort_msg("in vain: %s (state %u; %u starting, %u idle, %u busy, "
		     "%u stopping, %u backoff; backlog %u, spawned %u, "
		     "%d ends, %d replies of %d, %d said)",
	    what, s.state, s.starting, s.idle, s.busy, s.stopping, s.backoff,
	    s.backlog, (unsigned)s.spawned, stage->n_ends, stage->n_replies,
	    stage->n_asked, stage->n_said);
}

/* One turn of the loop. It waits but a moment, for the condition may be of
 * something that wakes nobody. */
static inline UNUSED void
stage_turn(struct stage *stage, int64_t deadline, const char *what)
{
	int rc;

	if (harness_now_ms() >= deadline)
		give_up(stage, what);
	rc = sigchld_wait(stage->ctx, 5);
	ck_assert_msg(rc >= 0, "sigchld_wait: %s", strerror(-rc));
}

/* Turn until the condition holds: any expression. */
#define UNTIL(stage, condition) \
	do { \
		const int64_t until_deadline = \
		    harness_now_ms() + harness_patience_ms(); \
		while (!(condition)) \
			stage_turn((stage), until_deadline, #condition); \
	} while (0)

/* The same for two stages of one process. */
#define UNTIL_BOTH(one, other, condition) \
	do { \
		const int64_t until_deadline = \
		    harness_now_ms() + harness_patience_ms(); \
		while (!(condition)) { \
			stage_turn((one), until_deadline, #condition); \
			stage_turn((other), until_deadline, #condition); \
		} \
	} while (0)

/* No child of this process, dead or alive. */
static inline UNUSED bool
has_no_child(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1 &&
	    errno == ECHILD;
}

/* Free the pool as it is; each request is completed by now. Its workers are
 * reaped by the context. */
static inline UNUSED void
stage_end_pool(struct stage *stage)
{
	int i;

	if (stage->pool == NULL)
		return;
	check_books(stage);
	sigchld_pool_free(stage->pool);
	stage->pool = NULL;
	for (i = 0; i < stage->n_asked; i++)
		ck_assert_msg(stage->asked[i]->n_replies == 1,
		    "never completed: %.40s", stage->asked[i]->text);
}

/* Without looking for children: those of others may be there. */
static inline UNUSED void
stage_close_among(struct stage *stage)
{
	int i;

	stage_end_pool(stage);
	UNTIL(stage, stats_of(stage->ctx).children == 0);
	MUST_BE(0, sigchld_fd_remove(stage->ear));
	sigchld_free(stage->ctx);
	for (i = 0; i < DOORS; i++) {
		(void)close(stage->door[i][0]);
		if (stage->door[i][1] != -1)
			(void)close(stage->door[i][1]);
	}
	(void)close(stage->voice[0]);
	(void)close(stage->voice[1]);
	for (i = 0; i < stage->n_asked; i++) {
		free(stage->asked[i]->text);
		free(stage->asked[i]->data);
		free(stage->asked[i]);
	}
	free(stage->said);
	free(stage->asked);
	free(stage->ends);
	free(stage->forks);
	free(stage->sessions);
	free(stage->slows);
	free(stage->states);
	(void)munmap(stage->marks, MARKS * sizeof(*stage->marks));
}

static inline UNUSED void
stage_close(struct stage *stage)
{
	stage_end_pool(stage);
	UNTIL(stage, has_no_child());
	stage_close_among(stage);
}

/* Requests */

/* Submit this much of data with these options (NULL: none; data, len, on_reply
 * and user of it are not looked at); gives what submit gave, and *ret_asked if
 * that was 0. */
static inline UNUSED int
ask_with(struct stage *stage, const void *data, size_t len,
    const struct sigchld_request *with, struct asked **ret_asked)
{
	struct sigchld_request request = { 0 };
	struct asked *asked = calloc(1, sizeof(*asked));
	int rc;

	ck_assert_ptr_nonnull(asked);
	asked->stage = stage;
	asked->text = malloc(len + 1);
	ck_assert_ptr_nonnull(asked->text);
	memcpy(asked->text, data, len);
	asked->text[len] = '\0';
	if (with != NULL)
		request = *with;
	request.size = sizeof(request);
	request.data = asked->text;
	request.len = len;
	request.on_reply = see_reply;
	request.user = asked;
	rc = sigchld_pool_submit(stage->pool, &asked->id, &request);
	if (rc < 0) {
		free(asked->text);
		free(asked);
		return rc;
	}
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_ne(asked->id, 0);
	ck_assert_int_eq(asked->n_replies, 0); /* not before a dispatch */
	ROOM_FOR(stage->asked, stage->n_asked);
	stage->asked[stage->n_asked++] = asked;
	*ret_asked = asked;
	return 0;
}

static inline UNUSED struct asked *
ask(struct stage *stage, const char *text)
{
	struct asked *asked = NULL;

	MUST_BE(0, ask_with(stage, text, strlen(text), NULL, &asked));
	return asked;
}

/* Ask, and wait for the reply: it must be served. */
static inline UNUSED struct asked *
ask_and_wait(struct stage *stage, const char *text)
{
	struct asked *asked = ask(stage, text);

	UNTIL(stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	return asked;
}

/* Who serves the next request? */
static inline UNUSED pid_t
ask_pid(struct stage *stage)
{
	struct asked *asked = ask_and_wait(stage, "pid");
	pid_t pid;

	ck_assert_uint_eq(asked->reply.len, sizeof(pid));
	memcpy(&pid, asked->data, sizeof(pid));
	ck_assert_int_eq(pid, asked->reply.pid);
	return pid;
}

/* Have n workers been heard saying that? */
static inline UNUSED int
n_said(const struct stage *stage, int what)
{
	int i, n = 0;

	for (i = 0; i < stage->n_said; i++)
		n += stage->said[i].what == what;
	return n;
}

/* The pid of the nth who said that, from 0. */
static inline UNUSED pid_t
who_said(const struct stage *stage, int what, int nth)
{
	int i;

	for (i = 0; i < stage->n_said; i++) {
		if (stage->said[i].what == what && nth-- == 0)
			return stage->said[i].pid;
	}
	ck_abort_msg("nobody said '%c'", what);
	return -1;
}

/* Ask for "wait DOOR", and until a worker is there. */
static inline UNUSED struct asked *
ask_to_wait(struct stage *stage, int door)
{
	const int before = n_said(stage, 'w');
	struct asked *asked;
	char text[16];

	(void)snprintf(text, sizeof(text), "wait %d", door);
	asked = ask(stage, text);
	UNTIL(stage, n_said(stage, 'w') > before);
	return asked;
}

/* Let so many through the door; or all, from now on. */
static inline UNUSED void
let_pass(struct stage *stage, int door, int n)
{
	while (n-- > 0)
		ck_assert_int_eq(write(stage->door[door][1], "", 1), 1);
}

static inline UNUSED void
let_all_pass(struct stage *stage, int door)
{
	(void)close(stage->door[door][1]);
	stage->door[door][1] = -1;
}

/* What was told */

static inline UNUSED const struct sigchld_worker_end *
end_of(const struct stage *stage, pid_t pid)
{
	int i;

	for (i = stage->n_ends - 1; i >= 0; i--) {
		if (stage->ends[i].pid == pid)
			return &stage->ends[i];
	}
	return NULL;
}

static inline UNUSED int
n_states_seen(const struct stage *stage, uint32_t state)
{
	int i, n = 0;

	for (i = 0; i < stage->n_states; i++)
		n += stage->states[i] == state;
	return n;
}

struct roster {
	struct sigchld_worker_info *workers;
	int n;
};

static inline UNUSED int
note_worker(const struct sigchld_worker_info *info, void *user)
{
	struct roster *roster = user;

	ROOM_FOR(roster->workers, roster->n);
	roster->workers[roster->n++] = *info;
	return 0;
}

/* Those that are alive now; to be freed. */
static inline UNUSED struct roster
workers_of(struct stage *stage)
{
	struct roster roster = { NULL, 0 };

	MUST_BE(0, sigchld_pool_foreach(stage->pool, note_worker, &roster));
	return roster;
}

/* The pid in that slot, or 0. */
static inline UNUSED pid_t
worker_in(struct stage *stage, uint32_t slot)
{
	struct roster roster = workers_of(stage);
	pid_t pid = 0;
	int i;

	for (i = 0; i < roster.n; i++) {
		if (roster.workers[i].slot == slot)
			pid = roster.workers[i].pid;
	}
	free(roster.workers);
	return pid;
}

/* The process, and others */

/* The state of a process as ps shows it (R, S, T, Z), or 0 if there is none. */
static inline UNUSED char
proc_state(pid_t pid)
{
	char path[64], line[512], state = 0;
	const char *end = NULL;
	FILE *stat;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	stat = fopen(path, "re");
	if (stat == NULL)
		return 0;
	if (fgets(line, sizeof(line), stat) != NULL)
		end = strrchr(line, ')');
	if (end != NULL)
		(void)sscanf(end, ") %c", &state);
	(void)fclose(stat);
	return state;
}

/* How many descriptors a process has; -1 if it is gone. */
static inline UNUSED int
proc_fds(pid_t pid)
{
	struct dirent *entry;
	char path[64];
	int n = 0;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		return -1;
	while ((entry = readdir(dir)) != NULL)
		n += entry->d_name[0] != '.';
	(void)closedir(dir);
	return n - (pid == getpid());
}

/* CPU time of this process and its threads. */
static inline UNUSED int64_t
cpu_us(void)
{
	struct timespec used;

	ck_assert_int_eq(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used), 0);
	return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

static inline UNUSED void
send_signal(pid_t pid, int sig)
{
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(kill(pid, sig), 0);
}

/* As many descriptors as may be, at most this many; gives how many. */
static inline UNUSED int
raise_nofile(int most)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_max < (rlim_t)most)
		most = (int)limit.rlim_max;
	if (limit.rlim_cur < (rlim_t)most)
		limit.rlim_cur = (rlim_t)most;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return most;
}

/* No more descriptors than this: without close_range(2) each worker closes as
 * many as there may be, one by one. */
static inline UNUSED void
lower_nofile(int most)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = (rlim_t)most;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

#endif
