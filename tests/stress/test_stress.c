/*
 * test_stress.c - everything at once
 *
 * labels: stress
 * timeout: 300
 *
 * Workers, one thread with one context each, fork and watch children that live
 * for a random time and end by a random code or signal. Meddlers, on threads of
 * their own, kill, stop, wait for, discard and release the children of others,
 * and pass descriptors from context to context. A filler puts fresh descriptors
 * into whatever numbers a closed context has given back, and looks for bytes in
 * them. Processes outside spray SIGCHLD at all that.
 *
 * What must hold is checked where it happens:
 *
 *	an event comes at most once, on the worker's thread, with the true status
 *	no event comes to a child that was released, discarded or waited for
 *	what a closed context leaves is a living child, or a zombie with its status
 *	nobody writes into a descriptor that is not his
 *	at the end each child has ended in exactly one way, no child is left, and
 *	as many descriptors are open as before
 *
 * A record of each child is kept to the end. Its `child' is the right to act on
 * the object: whoever exchanges it for NULL has it, and either puts it back or
 * frees the object and says so.
 *
 *	SIGCHLD_SEED			printed; the same choices again, though not
 *					the same interleaving
 *	SIGCHLD_STRESS_SECONDS		10
 *	SIGCHLD_STRESS_CONTEXTS		64; 16 under sanitizers
 *	SIGCHLD_STRESS_CHILDREN		1000 at a time; 160 under sanitizers
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sigchld/fd.h>

#include "harness.h"
#include "sanitized.h"

#define MEDDLERS 8
#define SPRAYERS 2
#define BURST    20
#define BURST_US 10000
#define LIFE     5000 /* of a child, at most; the square of it, in us */
#define GRACE_MS 5
#define FDS      32 /* that pass from context to context */
#define FILL     24 /* fresh descriptors at a time, four kinds of six each */

/* Not ck_assert: that tells check of each success, too. */
#define MUST(x) \
	do { \
		if (!(x)) \
			ck_abort_msg("%s (errno %d)", #x, errno); \
	} while (0)

struct plan {
	int us;   /* to live */
	int code; /* to exit with, if no signal */
	int sig;
};

struct worker;

struct record {
	struct record *next;
	struct worker *worker;
	struct sigchld_ctx *ctx;
	struct plan plan;
	pid_t pid;
	bool held;
	_Atomic(struct sigchld_child *) child; /* see above */
	atomic_bool signalled; /* by us: SIGTERM or SIGKILL may be its end */
	atomic_bool released, discarded, freed;
	atomic_int events, waited, gone;
	bool closed; /* its context was, and it is ours to wait for */
};

struct worker {
	pthread_t thread;
	unsigned int quota;
	uint64_t random;
	pthread_rwlock_t lock; /* read: nothing is closed or opened meanwhile */
	struct sigchld_ctx *ctx;
	_Atomic(struct record *) *slots; /* children under way */
	struct record *all;
	unsigned int n_closed_ctx;
};

/* A descriptor that passes from context to context. */
struct passing {
	pthread_mutex_t lock;
	int fd;
	struct sigchld_fdref ref;
};

static struct worker *workers;
static unsigned int n_workers;
static atomic_bool over;
static struct passing passing[FDS];
static atomic_int in_flight, most_in_flight;
static atomic_ulong n_events, n_waited, n_gone, n_released, n_kept, n_ready,
    n_filled, n_moved;
static _Thread_local struct worker *self;

static unsigned int
number(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? (unsigned int)strtoul(text, NULL, 0) : otherwise;
}

/* xorshift64*; the state is never zero. */
static unsigned int
pick(uint64_t *state, unsigned int n)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;

	return (unsigned int)((*state * 2685821657736338717u) >> 33) % n;
}

static uint64_t
seed_of(uint64_t seed, uint64_t who)
{
	uint64_t state = (seed + 1) * 0x9e3779b97f4a7c15u + who;

	(void)pick(&state, 2);

	return state != 0 ? state : 1;
}

/* Children */

static struct plan
new_plan(uint64_t *random)
{
	static const int signals[] = { SIGKILL, SIGTERM, SIGUSR1, SIGINT };
	struct plan plan = { 0 };

	/* Many die young, some live for seconds. */
	if (pick(random, 8) != 0)
		plan.us = 1 + (int)pick(random, LIFE);
	plan.us *= plan.us;
	if (pick(random, 3) == 0)
		plan.sig = signals[pick(random, 4)];
	else
		plan.code = (int)pick(random, 256);

	return plan;
}

static _Noreturn void
live(const struct plan *plan)
{
	const struct itimerval when = {
		.it_value = { .tv_sec = plan->us / 1000000,
		    .tv_usec = plan->us % 1000000 },
	};
	sigset_t alarm_set;
	int sig;

	(void)sigemptyset(&alarm_set);
	(void)sigaddset(&alarm_set, SIGALRM);
	(void)pthread_sigmask(SIG_BLOCK, &alarm_set, NULL);
	if (plan->us > 0 && setitimer(ITIMER_REAL, &when, NULL) == 0)
		(void)sigwait(&alarm_set, &sig);
	if (plan->sig != 0)
		(void)kill(getpid(), plan->sig);
	_exit(plan->code);
}

static bool
is_true(const struct record *r, int wstatus)
{
	if (WIFSIGNALED(wstatus)) {
		int sig = WTERMSIG(wstatus);

		return sig == r->plan.sig ||
		    (atomic_load(&r->signalled) &&
			(sig == SIGTERM || sig == SIGKILL));
	}

	return WIFEXITED(wstatus) && r->plan.sig == 0 &&
	    WEXITSTATUS(wstatus) == r->plan.code;
}

static void
check_event(const struct record *r, const struct sigchld_event *event)
{
	MUST(event->pid == r->pid);
	MUST(event->source == SIGCHLD_SOURCE_WAIT);
	MUST(event->what == SIGCHLD_EXITED || event->what == SIGCHLD_SIGNALED);
	MUST(is_true(r, event->wstatus));
}

/* How many ways to end it has found so far. */
static int
ends(struct record *r)
{
	return atomic_load(&r->events) + atomic_load(&r->waited) +
	    atomic_load(&r->gone);
}

static void
free_child(struct record *r, struct sigchld_child *child)
{
	sigchld_child_free(child);
	atomic_store(&r->freed, true);
}

/* The right to act on it is given back. If its event came meanwhile, the
 * callback found nothing to free. */
static void
put_back(struct record *r, struct sigchld_child *child)
{
	atomic_store(&r->child, child);
	if (atomic_load(&r->events) == 0)
		return;
	child = atomic_exchange(&r->child, NULL);
	if (child != NULL)
		free_child(r, child);
}

static void spawn(struct worker *w);

static void
on_event(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct record *r = user;

	MUST(self == r->worker && sigchld_child_ctx(child) == r->ctx);
	MUST(!atomic_load(&r->freed) && !atomic_load(&r->discarded));
	check_event(r, event);
	MUST(atomic_fetch_add(&r->events, 1) == 0 && ends(r) == 1);
	atomic_fetch_add(&n_events, 1);
	if (r->held) {
		child = atomic_exchange(&r->child, NULL);
		if (child != NULL)
			free_child(r, child);
	}
	if (pick(&r->worker->random, 4) == 0)
		spawn(r->worker);
}

static void
on_gone(struct sigchld_ctx *ctx, const struct sigchld_event *event, void *user)
{
	struct record *r = user;

	MUST(self == r->worker && ctx == r->ctx);
	check_event(r, event);
	MUST(atomic_fetch_add(&r->gone, 1) == 0 && ends(r) == 1);
	atomic_fetch_add(&n_gone, 1);
}

static void
count_birth(void)
{
	int now = atomic_fetch_add(&in_flight, 1) + 1;
	int most = atomic_load(&most_in_flight);

	while (now > most &&
	    !atomic_compare_exchange_weak(&most_in_flight, &most, now))
		continue;
}

static pid_t
fork_and_watch(struct record *r, struct sigchld_child **child)
{
	pid_t pid = fork();

	if (pid == 0)
		live(&r->plan);
	MUST(pid > 0);
	MUST(sigchld_watch(r->ctx, child, pid, 0, on_event, r) == 0);

	return pid;
}

static void
spawn(struct worker *w)
{
	struct sigchld_child *child = NULL, **ret;
	struct record *r;
	unsigned int i;

	for (i = 0; i < w->quota && atomic_load(&w->slots[i]) != NULL; i++)
		continue;
	if (i == w->quota || atomic_load(&over))
		return;
	MUST((r = calloc(1, sizeof(*r))) != NULL);
	r->worker = w;
	r->ctx = w->ctx;
	r->plan = new_plan(&w->random);
	r->held = pick(&w->random, 4) != 0;
	ret = r->held ? &child : NULL;
	if (pick(&w->random, 4) == 0)
		r->pid = fork_and_watch(r, ret);
	else
		r->pid = sigchld_fork(w->ctx, ret, 0, on_event, r);
	if (r->pid == 0)
		live(&r->plan);
	MUST(r->pid > 0);
	count_birth();
	r->next = w->all;
	w->all = r;
	atomic_store(&r->child, child);
	atomic_store(&w->slots[i], r);
}

/* What anybody may do to anybody's child */

static void
wait_for(struct record *r, struct sigchld_child *child, int ms)
{
	struct sigchld_event event = { .size = sizeof(event) };
	int rc = sigchld_child_wait(child, ms, &event);

	if (rc != 0 && rc != 1 && rc != -ESRCH)
		ck_abort_msg("sigchld_child_wait: %s", strerror(-rc));
	if (rc == 0) {
		put_back(r, child);
		return;
	}
	if (rc == 1) {
		check_event(r, &event);
		MUST(atomic_fetch_add(&r->waited, 1) == 0 && ends(r) == 1);
		atomic_fetch_add(&n_waited, 1);
	}
	free_child(r, child);
}

static void
signal_it(struct record *r, struct sigchld_child *child, bool stop)
{
	int rc;

	atomic_store(&r->signalled, true);
	rc = stop ? sigchld_child_stop(child, 0, GRACE_MS)
		  : sigchld_child_kill(child, SIGKILL);
	MUST(rc == 0 || rc == -ESRCH);
	put_back(r, child);
}

/* These two silence a child. Whoever closes a context must know of each such
 * child, so he keeps them out (lock) while he counts. */

static void
release(struct record *r, struct sigchld_child *child)
{
	atomic_store(&r->signalled, true);
	atomic_store(&r->released, true);
	(void)sigchld_child_kill(child, SIGKILL); /* it may be dead already */
	free_child(r, child);
	atomic_fetch_add(&n_released, 1);
}

static void
discard(struct record *r, struct sigchld_child *child)
{
	int rc;

	atomic_store(&r->signalled, true);
	rc = sigchld_child_discard(child, SIGTERM, on_gone, r);
	MUST(rc == 0 || rc == -ESRCH);
	if (rc < 0) {
		release(r, child);
		return;
	}
	atomic_store(&r->discarded, true);
	atomic_store(&r->freed, true);
}

static void
silence(struct record *r, struct sigchld_child *child, bool discarding)
{
	if (pthread_rwlock_tryrdlock(&r->worker->lock) != 0) {
		put_back(r, child);
		return;
	}
	if (discarding)
		discard(r, child);
	else
		release(r, child);
	(void)pthread_rwlock_unlock(&r->worker->lock);
}

static void
meddle(struct worker *w, uint64_t *random)
{
	struct record *r = atomic_load(&w->slots[pick(random, w->quota)]);
	struct sigchld_child *child;

	if (r == NULL)
		return;
	child = atomic_exchange(&r->child, NULL);
	if (child == NULL)
		return;
	MUST(sigchld_child_pid(child) == r->pid);
	switch (pick(random, 8)) {
	case 0:
		silence(r, child, true);
		break;
	case 1:
		silence(r, child, false);
		break;
	case 2:
		signal_it(r, child, true);
		break;
	case 3:
		signal_it(r, child, false);
		break;
	case 4:
		wait_for(r, child, 0);
		break;
	default:
		wait_for(r, child, (int)pick(random, 20));
		break;
	}
}

/* Workers */

/* Whose end is known needs no place any more. Gives how many remain, and how
 * many of them can still have an event. */
static unsigned int
tidy(struct worker *w, unsigned int *ret_awaited)
{
	unsigned int i, remain = 0;
	struct record *r;

	*ret_awaited = 0;
	for (i = 0; i < w->quota; i++) {
		r = atomic_load(&w->slots[i]);
		if (r == NULL)
			continue;
		if (ends(r) > 0 || atomic_load(&r->released) || r->closed) {
			atomic_store(&w->slots[i], NULL);
			atomic_fetch_sub(&in_flight, 1);
			continue;
		}
		remain++;
		if (!atomic_load(&r->discarded))
			(*ret_awaited)++;
	}

	return remain;
}

static uint64_t
watched(struct sigchld_ctx *ctx)
{
	struct sigchld_stats stats = { .size = sizeof(stats) };

	MUST(sigchld_get_stats(ctx, &stats) == 0);

	return stats.children;
}

/* The context is closed. Whoever has the right to act ends soon. */
static void
settle_closed(struct record *r)
{
	struct sigchld_child *child = NULL;
	int wstatus;

	while (r->held && !atomic_load(&r->freed) &&
	    (child = atomic_exchange(&r->child, NULL)) == NULL)
		(void)sched_yield();
	if (ends(r) == 0) {
		r->closed = true;
		atomic_store(&r->signalled, true);
		MUST(kill(r->pid, SIGKILL) == 0);
		while (waitpid(r->pid, &wstatus, 0) == -1)
			MUST(errno == EINTR);
		MUST(is_true(r, wstatus));
		atomic_fetch_add(&n_kept, 1);
	}
	if (child != NULL)
		free_child(r, child);
}

static void
open_ctx(struct worker *w)
{
	MUST(sigchld_new(&w->ctx, NULL) == 0);
}

/* With the lock to write: nobody silences a child any more. Wait until those
 * that are silent are gone, for nobody could tell afterwards whether they have
 * been reaped. */
static void
close_ctx(struct worker *w)
{
	unsigned int i, awaited;

	for (;;) {
		(void)tidy(w, &awaited);
		if (watched(w->ctx) <= awaited)
			break;
		MUST(sigchld_wait(w->ctx, 10) >= 0);
	}
	sigchld_free(w->ctx);
	for (i = 0; i < w->quota; i++) {
		if (atomic_load(&w->slots[i]) != NULL)
			settle_closed(atomic_load(&w->slots[i]));
	}
	(void)tidy(w, &awaited);
	w->n_closed_ctx++;
}

static void
reopen(struct worker *w)
{
	(void)pthread_rwlock_wrlock(&w->lock);
	close_ctx(w);
	open_ctx(w);
	(void)pthread_rwlock_unlock(&w->lock);
}

static int
count_one(struct sigchld_child *child, void *user)
{
	MUST(sigchld_child_user(child) != NULL);
	(*(unsigned int *)user)++;

	return 0;
}

static void
act(struct worker *w)
{
	unsigned int n = 0;

	switch (pick(&w->random, 256)) {
	case 0:
		reopen(w);
		break;
	case 1:
		MUST(sigchld_foreach(w->ctx, count_one, &n) == 0);
		/* And those that a thread is just letting go. */
		MUST(n <= w->quota + n_workers);
		break;
	case 2:
		MUST(sigchld_occurred(NULL) == 0);
		break;
	case 3:
		meddle(w, &w->random);
		break;
	case 4:
		MUST(sigchld_dispatch(w->ctx) >= 0);
		break;
	default:
		MUST(sigchld_wait(w->ctx, 1 + (int)pick(&w->random, 10)) >= 0);
		break;
	}
}

/* Some would live too long for us. */
static int
kill_one(struct sigchld_child *child, void *user)
{
	struct record *r = sigchld_child_user(child);
	int rc;

	(void)user;
	atomic_store(&r->signalled, true);
	rc = sigchld_child_kill(child, SIGKILL);
	MUST(rc == 0 || rc == -ESRCH);

	return 0;
}

static void
drain(struct worker *w)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	unsigned int awaited;

	MUST(sigchld_foreach(w->ctx, kill_one, NULL) == 0);
	while (tidy(w, &awaited) > 0) {
		MUST(harness_now_ms() < deadline);
		MUST(sigchld_wait(w->ctx, 100) >= 0);
	}
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	unsigned int awaited, remain;

	self = w;
	while (!atomic_load(&over)) {
		remain = tidy(w, &awaited);
		/* A few at a time, so that the others get theirs too. */
		if (remain < w->quota)
			spawn(w);
		if (remain + 1 >= w->quota || pick(&w->random, 2) == 0)
			act(w);
	}
	drain(w);
	(void)pthread_rwlock_wrlock(&w->lock);
	close_ctx(w);
	w->ctx = NULL;
	(void)pthread_rwlock_unlock(&w->lock);

	return NULL;
}

/* Descriptors that pass from context to context */

static void
on_ready(struct sigchld_ctx *ctx, struct sigchld_fdref ref, uint32_t revents,
    void *user)
{
	struct passing *p = user;
	uint64_t count;

	MUST(self != NULL && self->ctx == ctx && revents & POLLIN);
	MUST(sigchld_fd_running(ref.fd) == sigchld_fd_group(ctx));
	MUST(read(ref.fd, &count, sizeof(count)) == sizeof(count) ||
	    errno == EAGAIN);
	MUST(p >= passing && p < passing + FDS);
	atomic_fetch_add(&n_ready, 1);
}

/* With p's lock. A context that is closed leaves its descriptors open; but the
 * one who closes it may hold this one still, and so its number is not ours until
 * it can be inserted again. */
static void
end_passing(struct passing *p, struct sigchld_ctx *ctx)
{
	int rc;

	if (p->fd == -1)
		return;
	rc = sigchld_fd_close(p->ref);
	if (rc == -EBADF) {
		while ((rc = sigchld_fd_record(ctx, &p->ref, p->fd)) == -EBUSY)
			(void)sched_yield();
		MUST(rc == 0);
		rc = sigchld_fd_close(p->ref);
	}
	MUST(rc >= 0);
	p->fd = -1;
}

static void
begin_passing(struct passing *p, struct sigchld_ctx *ctx)
{
	int rc;

	p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	MUST(p->fd != -1);
	rc = sigchld_fd_insert(ctx, &p->ref, p->fd, POLLIN, on_ready, p);
	MUST(rc == 0);
}

static void
use_passing(struct passing *p, struct sigchld_ctx *ctx, uint64_t *random)
{
	const uint64_t one = 1;
	int rc = 0, group;

	switch (pick(random, 8)) {
	case 0:
		end_passing(p, ctx);
		break;
	case 1:
	case 2:
		rc = sigchld_fd_move(p->ref, ctx);
		atomic_fetch_add(&n_moved, rc >= 0);
		break;
	case 3:
		rc = sigchld_fd_events(p->ref, pick(random, 2) ? POLLIN : 0);
		break;
	case 4:
		group = sigchld_fd_owner(p->fd);
		if (group > 0 && sigchld_fd_grab(p->fd, group) == 0)
			rc = sigchld_fd_drop(p->fd);
		break;
	default:
		MUST(write(p->fd, &one, sizeof(one)) == sizeof(one));
		break;
	}
	MUST(rc >= 0 || rc == -EBADF || rc == -EALREADY);
	if (rc == -EBADF)
		end_passing(p, ctx);
}

static void
pass(struct worker *w, uint64_t *random)
{
	struct passing *p = &passing[pick(random, FDS)];

	if (pthread_rwlock_tryrdlock(&w->lock) != 0)
		return;
	(void)pthread_mutex_lock(&p->lock);
	if (w->ctx != NULL && p->fd == -1)
		begin_passing(p, w->ctx);
	else if (w->ctx != NULL)
		use_passing(p, w->ctx, random);
	(void)pthread_mutex_unlock(&p->lock);
	(void)pthread_rwlock_unlock(&w->lock);
}

static void *
meddler(void *arg)
{
	uint64_t random = *(uint64_t *)arg;
	struct worker *w;

	while (!atomic_load(&over)) {
		w = &workers[pick(&random, n_workers)];
		meddle(w, &random);
		pass(w, &random);
		(void)sched_yield();
	}

	return NULL;
}

/* Fresh descriptors in the numbers that closed contexts gave back */

static void
fill(int fds[FILL])
{
	int i;

	for (i = 0; i < FILL; i += 6) {
		MUST(pipe2(fds + i, O_CLOEXEC) == 0);
		MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
			 fds + i + 2) == 0);
		fds[i + 4] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		fds[i + 5] = memfd_create("filler", MFD_CLOEXEC);
		MUST(fds[i + 4] != -1 && fds[i + 5] != -1);
	}
}

static bool
is_empty(int fd)
{
	int n = -1;

	return ioctl(fd, FIONREAD, &n) == 0 && n == 0;
}

static void
look_for_bytes(int fds[FILL])
{
	struct stat st;
	uint64_t count;
	int i;

	for (i = 0; i < FILL; i += 6) {
		MUST(is_empty(fds[i]));
		MUST(is_empty(fds[i + 2]) && is_empty(fds[i + 3]));
		MUST(read(fds[i + 4], &count, sizeof(count)) == -1 &&
		    errno == EAGAIN);
		MUST(fstat(fds[i + 5], &st) == 0 && st.st_size == 0);
	}
	for (i = 0; i < FILL; i++)
		MUST(close(fds[i]) == 0);
	atomic_fetch_add(&n_filled, FILL);
}

static void *
filler(void *arg)
{
	int fds[FILL];

	(void)arg;
	while (!atomic_load(&over)) {
		fill(fds);
		(void)sched_yield();
		look_for_bytes(fds);
	}

	return NULL;
}

/* The whole */

/* check's own handlers, which end the whole process group, are not for our
 * children, who end by these signals before they could change anything. */
static void
default_signals(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGALRM, SIGUSR1 };
	size_t i;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		MUST(signal(signals[i], SIG_DFL) != SIG_ERR);
}

/* In bursts, so that something else gets done, too. */
static _Noreturn void
spray(pid_t parent)
{
	const struct itimerval often = {
		.it_interval = { .tv_usec = BURST_US },
		.it_value = { .tv_usec = BURST_US },
	};
	sigset_t alarm_set;
	int sig, i;

	(void)sigemptyset(&alarm_set);
	(void)sigaddset(&alarm_set, SIGALRM);
	(void)pthread_sigmask(SIG_BLOCK, &alarm_set, NULL);
	(void)setitimer(ITIMER_REAL, &often, NULL);
	while (getppid() == parent) {
		for (i = 0; i < BURST; i++)
			(void)kill(parent, SIGCHLD);
		(void)sigwait(&alarm_set, &sig);
	}
	_exit(0);
}

static pid_t
start_sprayer(void)
{
	pid_t parent = getpid(), pid = fork();

	MUST(pid >= 0);
	if (pid == 0)
		spray(parent);

	return pid;
}

static void
start_workers(uint64_t seed, unsigned int n_children)
{
	unsigned int i;

	workers = calloc(n_workers, sizeof(*workers));
	MUST(workers != NULL);
	for (i = 0; i < n_workers; i++) {
		struct worker *w = &workers[i];

		w->quota = (n_children + n_workers - 1) / n_workers;
		w->random = seed_of(seed, i);
		w->slots = calloc(w->quota, sizeof(*w->slots));
		MUST(w->slots != NULL);
		MUST(pthread_rwlock_init(&w->lock, NULL) == 0);
		open_ctx(w);
	}
	for (i = 0; i < n_workers; i++)
		MUST(pthread_create(&workers[i].thread, NULL, work,
			 &workers[i]) == 0);
}

/* Nothing to do but to wait until the time has come; the clock is absolute,
 * however many signals end the poll. */
static void
let_run(unsigned int seconds)
{
	int64_t until = harness_now_ms() + (int64_t)seconds * 1000, left;

	while ((left = until - harness_now_ms()) > 0)
		(void)poll(NULL, 0, (int)left);
}

/* Each child of this worker has ended in exactly one way, or was released. */
static unsigned int
check_worker(struct worker *w)
{
	struct record *r;
	unsigned int n = 0;

	while ((r = w->all) != NULL) {
		w->all = r->next;
		MUST(ends(r) + r->closed == 1 ||
		    (ends(r) == 0 && atomic_load(&r->released)));
		MUST(!r->held || atomic_load(&r->freed));
		MUST(atomic_load(&r->gone) == 0 || atomic_load(&r->discarded));
		free(r);
		n++;
	}
	free(w->slots);
	MUST(pthread_rwlock_destroy(&w->lock) == 0);

	return n;
}

static void
report(unsigned int n, uint64_t signals)
{
	unsigned int i, n_ctx = 0;

	for (i = 0; i < n_workers; i++)
		n_ctx += workers[i].n_closed_ctx;
	(void)
	    printf("%u contexts, %u children (%d at a time): %lu by callback, "
		   "%lu by wait, %lu discarded, %lu released, %lu left over\n"
		   "%llu signals handled, %lu bystanders, %lu ready calls, "
		   "%lu moves\n",
		n_ctx, n, atomic_load(&most_in_flight), atomic_load(&n_events),
		atomic_load(&n_waited), atomic_load(&n_gone),
		atomic_load(&n_released), atomic_load(&n_kept),
		(unsigned long long)signals, atomic_load(&n_filled),
		atomic_load(&n_ready), atomic_load(&n_moved));
}

/* Gives how often the handler has run. */
static uint64_t
end_all_passing(void)
{
	struct sigchld_stats stats = { .size = sizeof(stats) };
	struct sigchld_ctx *ctx;
	int i;

	MUST(sigchld_new(&ctx, NULL) == 0);
	for (i = 0; i < FDS; i++)
		end_passing(&passing[i], ctx);
	MUST(sigchld_get_stats(ctx, &stats) == 0);
	sigchld_free(ctx);

	return stats.signals;
}

static void
run(uint64_t seed, unsigned int n_children, unsigned int seconds)
{
	pthread_t meddlers[MEDDLERS], filling;
	uint64_t seeds[MEDDLERS];
	unsigned int i;

	start_workers(seed, n_children);
	for (i = 0; i < MEDDLERS; i++) {
		seeds[i] = seed_of(seed, n_workers + i);
		MUST(pthread_create(&meddlers[i], NULL, meddler, &seeds[i]) ==
		    0);
	}
	MUST(pthread_create(&filling, NULL, filler, NULL) == 0);
	let_run(seconds);
	atomic_store(&over, true);
	for (i = 0; i < MEDDLERS; i++)
		MUST(pthread_join(meddlers[i], NULL) == 0);
	MUST(pthread_join(filling, NULL) == 0);
	for (i = 0; i < n_workers; i++)
		MUST(pthread_join(workers[i].thread, NULL) == 0);
}

static void
finish(const pid_t sprayers[SPRAYERS])
{
	unsigned int i, n = 0;
	uint64_t signals;

	signals = end_all_passing();
	for (i = 0; i < n_workers; i++)
		n += check_worker(&workers[i]);
	for (i = 0; i < SPRAYERS; i++) {
		MUST(kill(sprayers[i], SIGKILL) == 0);
		while (waitpid(sprayers[i], NULL, 0) == -1)
			MUST(errno == EINTR);
	}
	report(n, signals);
	free(workers);
	MUST(n > 0 && (signals > 0 || harness_on_pidfds()));
}

START_TEST(stress)
{
	uint64_t otherwise = (uint64_t)harness_now_ms() ^ (uint64_t)getpid();
	uint64_t seed = number("SIGCHLD_SEED", (unsigned int)otherwise);
	unsigned int n_children =
	    number("SIGCHLD_STRESS_CHILDREN", SANITIZED ? 160 : 1000);
	int fds = harness_count_fds(), i;
	pid_t sprayers[SPRAYERS];

	n_workers = number("SIGCHLD_STRESS_CONTEXTS", SANITIZED ? 16 : 64);
	(void)printf("SIGCHLD_SEED=%llu\n", (unsigned long long)seed);
	default_signals();
	for (i = 0; i < FDS; i++) {
		MUST(pthread_mutex_init(&passing[i].lock, NULL) == 0);
		passing[i].fd = -1;
	}
	for (i = 0; i < SPRAYERS; i++)
		sprayers[i] = start_sprayer();
	run(seed, n_children, number("SIGCHLD_STRESS_SECONDS", 10));
	finish(sprayers);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	ck_assert_int_eq(harness_count_fds(), fds);
	ck_assert_int_eq(harness_count_children(), 0);
}
END_TEST

HARNESS("stress",
    {
	HARNESS_TEST(stress),
    })
