/*
 * help2.h - what some tests of pool/ need besides: patterns, sockets, stopped
 * workers, a clock that can be moved
 */
#ifndef POOL_HELP2_H
#define POOL_HELP2_H

#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "help.h"

#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

/* Patterns */

/* Bytes that differ from place to place and from seed to seed; a quarter of
 * them are zero, the first and the last, too. */
static inline UNUSED void
fill(unsigned char *data, size_t len, uint32_t seed)
{
	uint32_t x = seed * 2654435761u + 1;
	size_t i;

	for (i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		data[i] = (x >> 30) == 0 ? 0 : (unsigned char)(x >> 16);
	}
	if (len > 0)
		data[0] = data[len - 1] = 0;
}

static inline UNUSED unsigned char *
filled(size_t len, uint32_t seed)
{
	unsigned char *data = malloc(len + 1);

	ck_assert_ptr_nonnull(data);
	fill(data, len, seed);
	return data;
}

/* What a worker tells of a request that it got. */
struct digest {
	uint64_t len, sum;
	uint64_t aligned; /* as by malloc */
};

static inline UNUSED struct digest
digest(const void *data, size_t len)
{
	struct digest d = { .len = len, .sum = 14695981039346656037u };
	const unsigned char *byte = data;
	size_t i;

	for (i = 0; i < len; i++)
		d.sum = (d.sum ^ byte[i]) * 1099511628211u;
	d.aligned = (uintptr_t)data % _Alignof(max_align_t) == 0;
	return d;
}

/* on_request: tells what came, and counts it at mark 0. */
static inline UNUSED int
tell_digest(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	const struct digest d = digest(job->data, job->len);

	(void)mark(user, 0);
	reply_copy(worker, &d, sizeof(d));
	return 0;
}

/* A request of so many bytes, and what must come of it. */
static inline UNUSED struct asked *
ask_filled(struct stage *stage, size_t len, uint32_t seed,
    const struct sigchld_request *with)
{
	unsigned char *data = filled(len, seed);
	struct asked *asked = NULL;

	MUST_BE(0, ask_with(stage, data, len, with, &asked));
	free(data);
	return asked;
}

static inline UNUSED void
check_digest(const struct asked *asked, size_t len, uint32_t seed)
{
	unsigned char *data = filled(len, seed);
	const struct digest want = digest(data, len);
	struct digest got;

	free(data);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	ck_assert_uint_eq(asked->reply.len, sizeof(got));
	memcpy(&got, asked->data, sizeof(got));
	ck_assert_uint_eq(got.len, len);
	ck_assert_uint_eq(got.sum, want.sum);
	ck_assert_uint_eq(got.aligned, 1);
}

/* Waiting for what no context tells of */

static inline UNUSED void
pause_for_ever(void)
{
	for (;;)
		(void)pause();
}

/* Without a dispatch: until the condition holds. */
#define UNTIL_SEEN(condition) \
	do { \
		const int64_t seen_deadline = \
		    harness_now_ms() + harness_patience_ms(); \
		while (!(condition)) { \
			ck_assert_msg(harness_now_ms() < seen_deadline, \
			    "in vain: %s", #condition); \
			(void)sched_yield(); \
		} \
	} while (0)

/* Dispatch until there is nothing to do, what was put off for a moment
 * included. It must come to an end. */
static inline UNUSED void
settle(struct stage *stage)
{
	int n = 0;

	while (sigchld_wait(stage->ctx, 3) > 0 ||
	    harness_readable(sigchld_fd(stage->ctx), 0))
		ck_assert_int_lt(n++, 1000);
}

static inline UNUSED bool
is_socket(int fd)
{
	socklen_t len = sizeof(int);
	int type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0;
}

/* Sockets of this process where something is to be read: the parent's ends of
 * channels. */
static inline UNUSED int
n_heard(void)
{
	int fd, n = 0;

	for (fd = 3; fd < 1024; fd++) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		if (is_socket(fd) && poll(&pfd, 1, 0) == 1)
			n++;
	}
	return n;
}

/* In a worker: its channel, the only socket that it has. */
static inline UNUSED int
own_channel(void)
{
	int fd;

	for (fd = 3; fd < 4096; fd++) {
		if (is_socket(fd))
			return fd;
	}
	CHILD_MUST(false);
	return -1;
}

/* Workers */

static inline UNUSED void
stop_worker(pid_t pid)
{
	siginfo_t info;
	int rc;

	send_signal(pid, SIGSTOP);
	do
		rc = waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT);
	while (rc == -1 && errno == EINTR);
	ck_assert_int_eq(rc, 0);
}

/* Who has this request in its hands? 0: nobody. */
static inline UNUSED pid_t
holder_of(struct stage *stage, uint64_t request)
{
	struct roster roster = workers_of(stage);
	pid_t pid = 0;
	int i;

	for (i = 0; i < roster.n; i++) {
		if (roster.workers[i].request == request)
			pid = roster.workers[i].pid;
	}
	free(roster.workers);
	return pid;
}

/* The reason of an end, and the signal that caused it. */
static inline UNUSED void
check_killed(struct stage *stage, pid_t pid, uint32_t reason, int sig)
{
	const struct sigchld_worker_end *end;

	UNTIL(stage, end_of(stage, pid) != NULL);
	end = end_of(stage, pid);
	ck_assert_uint_eq(end->reason, reason);
	ck_assert(WIFSIGNALED(end->wstatus));
	ck_assert_int_eq(WTERMSIG(end->wstatus), sig);
}

static inline UNUSED bool
is_state(struct stage *stage, uint32_t state)
{
	return sigchld_pool_state(stage->pool) == (int)state;
}

static inline UNUSED void
no_core_files(void)
{
	const struct rlimit none = { 0, 0 };

	ck_assert_int_eq(setrlimit(RLIMIT_CORE, &none), 0);
}

#endif
