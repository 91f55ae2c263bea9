/*
 * test_pool.c - pools under everything at once
 *
 * labels: stress
 * timeout: 300
 *
 * The soak: threads submit to one pool, and resize and roll it as they go. Some
 * requests end their worker, or never end; others are killed by the thread that
 * dispatches, which alone knows that a pid is not reaped yet. When all is
 * calm again, nothing may be left of it:
 *
 *	each request was completed once, and if DONE with the right reply
 *	submitted = outcomes, spawned = ends + those alive, as counted here
 *	as many descriptors are open as after the first part of it, and as much
 *	memory is in use
 *	the least of workers are idle, in slots of their own
 *
 * The others: threads with contexts and pools of their own, opened and freed in
 * the middle of everything.
 *
 *	SIGCHLD_SEED		the same choices again, though not the same
 *				interleaving
 *	SIGCHLD_POOL_REQUESTS	20000; 2000 under sanitizers. A million is a day
 *	SIGCHLD_POOL_ROUNDS	for each thread of the others: 10; 3
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sigchld/pool.h>

#include "harness.h"
#include "sanitized.h"

/* The sanitizers' allocators do not look after their locks in a fork: a worker that
 * was forked while another thread allocates may hang, until its time is over; also
 * when the pool stops, of which the patience of a test must not depend. */
#define MAY_HANG_MS (SANITIZED ? 2000 : 0)
#define STOP_MS     (SANITIZED ? 2000 : 60000)

#define SUBMITTERS  3
#define LEAST       3
#define MOST        8
#define BACKLOG     64
#define WINDOW      80  /* under way at a time: more than the backlog takes */
#define MEDDLE_EACH 50  /* submits of a thread */
#define KILL_EACH   100 /* completions */
#define LARGEST     100000
#define NEIGHBOURS  4     /* threads of the others */
#define LEFT_OVER   65536 /* bytes that may be in use without being a leak */

/* Not ck_assert: that tells check of each success, too. */
#define MUST(x) \
	do { \
		if (!(x)) \
			ck_abort_msg("%s (errno %d)", #x, errno); \
	} while (0)

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
seed_of(uint64_t who)
{
	uint64_t state =
	    (number("SIGCHLD_SEED", 1) + 1) * 0x9e3779b97f4a7c15u + who;

	(void)pick(&state, 2);
	return state != 0 ? state : 1;
}

/* Requests and those who serve them */

enum kind {
	ECHO,
	EXIT,
	CRASH,
	HANG, /* until its time is over */
	RECYCLE
};

struct head {
	uint32_t kind, seed, size; /* size: of what follows */
};

static void
fill(unsigned char *to, const struct head *head)
{
	uint64_t state = head->seed + 1u;
	uint32_t i;

	for (i = 0; i < head->size; i++)
		to[i] = (unsigned char)pick(&state, 256);
}

static int
serve(struct sigchld_worker *worker, const struct sigchld_job *job, void *user)
{
	struct head head;
	unsigned char *copy;
	uint32_t i;

	(void)user;
	if (job->len < sizeof(head))
		_exit(200);
	memcpy(&head, job->data, sizeof(head));
	if (job->len != sizeof(head) + head.size)
		_exit(201);
	switch (head.kind) {
	case EXIT:
		_exit((int)(head.seed % 3)); /* 0, too */
	case CRASH:
		(void)raise(SIGSEGV);
		break;
	case HANG:
		for (;;)
			(void)pause();
	case RECYCLE:
		sigchld_worker_recycle(worker);
		break;
	default:
		break;
	}
	copy = malloc(head.size + 1);
	if (copy == NULL)
		_exit(202);
	for (i = 0; i < head.size; i++)
		copy[i] =
		    ((const unsigned char *)job->data)[sizeof(head) + i] ^ 0x5a;
	if (sigchld_worker_reply(worker, copy, head.size, free) != 0)
		_exit(203);
	return (int)(head.seed % 100);
}

/* A pool and what is known of it. */
struct show {
	struct sigchld_ctx *ctx;
	struct sigchld_pool *pool;
	sem_t window;
	bool leave_the_window; /* nobody waits there */
	atomic_uint n_submitted, n_completed, n_refused;
	atomic_uint n_outcomes[SIGCHLD_REJECTED + 1];
	unsigned int n_ends, n_forks, last_state; /* by who dispatches */
	unsigned int kill_at;
	uint64_t random;
};

/* One request. It is freed when it is completed; a second completion is a use of
 * freed memory, and makes the counts wrong. */
struct request {
	struct show *show;
	struct head head;
	unsigned char *data; /* or NULL, if the pool has a copy */
	atomic_int n_completed;
};

static void
check_reply(const struct request *r, const struct sigchld_reply *reply)
{
	unsigned char *want = malloc(r->head.size + 1);
	uint32_t i;

	MUST(want != NULL);
	MUST(r->head.kind == ECHO || r->head.kind == RECYCLE);
	MUST(reply->len == r->head.size);
	MUST(reply->status == (int)(r->head.seed % 100));
	fill(want, &r->head);
	for (i = 0; i < r->head.size; i++)
		want[i] ^= 0x5a;
	MUST(r->head.size == 0 || memcmp(want, reply->data, reply->len) == 0);
	free(want);
}

static void
on_reply(struct sigchld_pool *pool, const struct sigchld_reply *reply,
    void *user)
{
	struct request *r = user;
	struct show *show = r->show;

	MUST(pool == show->pool);
	MUST(reply->outcome <= SIGCHLD_REJECTED);
	MUST(atomic_fetch_add(&r->n_completed, 1) == 0);
	if (reply->outcome == SIGCHLD_DONE)
		check_reply(r, reply);
	atomic_fetch_add(&show->n_outcomes[reply->outcome], 1);
	atomic_fetch_add(&show->n_completed, 1);
	free(r->data);
	free(r);
	if (!show->leave_the_window)
		MUST(sem_post(&show->window) == 0);
}

static struct request *
new_request(struct show *show, uint64_t *random)
{
	static const enum kind kinds[] = { EXIT, CRASH, HANG, RECYCLE };
	struct request *r = calloc(1, sizeof(*r));
	const unsigned int die = pick(random, 100);

	MUST(r != NULL);
	r->show = show;
	r->head.kind = die < 4 ? kinds[die] : ECHO;
	r->head.seed = pick(random, 1000000);
	r->head.size =
	    pick(random, 3) == 0 ? pick(random, LARGEST) : pick(random, 300);
	r->data = malloc(sizeof(r->head) + r->head.size);
	MUST(r->data != NULL);
	memcpy(r->data, &r->head, sizeof(r->head));
	fill(r->data + sizeof(r->head), &r->head);
	return r;
}

/* Gives false if the pool takes none any more. */
static bool
submit(struct show *show, uint64_t *random)
{
	struct request *r = new_request(show, random);
	unsigned char *data = r->data;
	struct sigchld_request request = {
		.size = sizeof(request),
		.data = data,
		.len = sizeof(r->head) + r->head.size,
		.timeout_ms = r->head.kind == HANG ? 5 : MAY_HANG_MS,
		.ttl_ms = pick(random, 10) == 0 ? 1 : 0,
		.on_reply = on_reply,
		.user = r,
	};
	const bool copied = pick(random, 2) == 0;
	uint64_t id = 0;
	int rc;

	if (copied) {
		request.flags = SIGCHLD_REQUEST_COPY;
		r->data = NULL;
	}
	while ((rc = sigchld_pool_submit(show->pool, &id, &request)) ==
	    -EAGAIN) {
		atomic_fetch_add(&show->n_refused, 1);
		(void)sched_yield();
	}
	if (rc == 0)
		atomic_fetch_add(&show->n_submitted, 1);
	else
		free(r);
	if (copied || rc != 0) {
		memset(data, 0xee, sizeof(struct head));
		free(data);
	}
	MUST(rc == 0 || rc == -ESHUTDOWN);
	MUST((rc == 0) == (id != 0));
	return rc == 0;
}

/* Hooks */

static void
on_end(struct sigchld_pool *pool, const struct sigchld_worker_end *end,
    void *user)
{
	struct show *show = user;

	MUST(pool == show->pool && end->reason < SIGCHLD_REASONS);
	MUST(end->slot < MOST);
	show->n_ends++;
}

static void
after_fork(struct sigchld_pool *pool, uint32_t slot, pid_t pid, void *user)
{
	struct show *show = user;

	MUST(pool == show->pool && slot < MOST);
	show->n_forks += pid > 0;
}

static void
on_state(struct sigchld_pool *pool, uint32_t state, void *user)
{
	struct show *show = user;

	MUST(pool == show->pool);
	MUST(show->last_state != SIGCHLD_POOL_STOPPED);
	show->last_state = state;
}

static void
open_show(struct show *show, uint64_t seed)
{
	const struct rlimit no_core = { 0, 0 };

	memset(show, 0, sizeof(*show));
	show->random = seed;
	MUST(setrlimit(RLIMIT_CORE, &no_core) == 0);
	MUST(sem_init(&show->window, 0, WINDOW) == 0);
	MUST(sigchld_new(&show->ctx, NULL) == 0);
	MUST(sigchld_pool_new(show->ctx, &show->pool,
		 SIGCHLD_POOL(.workers_min = LEAST, .workers_max = MOST,
		     .idle_ms = 20, .tick_ms = 5, .boot_ms = MAY_HANG_MS,
		     .max_requests = 150, .abort_ms = 5, .stop_ms = STOP_MS,
		     .kill_ms = STOP_MS, .backoff_ms = 1, .backoff_max_ms = 4,
		     .backlog_max = BACKLOG, .user = show, .on_request = serve,
		     .on_end = on_end, .after_fork = after_fork,
		     .on_state = on_state)) == 0);
}

static struct sigchld_pool_stats
stats_of(struct show *show)
{
	struct sigchld_pool_stats stats = { .size = sizeof(stats) };

	MUST(sigchld_pool_get_stats(show->pool, &stats) == 0);
	return stats;
}

static void
turn(struct show *show, int64_t deadline)
{
	struct sigchld_pool_stats s;

	MUST(sigchld_wait(show->ctx, 5) >= 0);
	if (harness_now_ms() < deadline)
		return;
	s = stats_of(show);
	ck_abort_msg("in vain: state %u; %u starting, %u idle, %u busy, "
		     "%u stopping, %u backoff, %u backlog; %u submitted, "
		     "%u completed",
	    s.state, s.starting, s.idle, s.busy, s.stopping, s.backoff,
	    s.backlog, atomic_load(&show->n_submitted),
	    atomic_load(&show->n_completed));
}

/* What the pool has counted, it has told, or will tell in the next dispatch; its
 * books add up at any time. */
static void
check_books(struct show *show)
{
	const struct sigchld_pool_stats s = stats_of(show);
	uint64_t n_ends = 0, n_outcomes = 0;
	int i;

	for (i = 0; i < SIGCHLD_REASONS; i++)
		n_ends += s.ends[i];
	MUST(n_ends >= show->n_ends);
	MUST(s.spawned >= show->n_forks);
	MUST(s.spawned == n_ends + s.starting + s.idle + s.busy + s.stopping);
	for (i = 0; i <= SIGCHLD_REJECTED; i++) {
		MUST(s.outcomes[i] >= atomic_load(&show->n_outcomes[i]));
		n_outcomes += s.outcomes[i];
	}
	MUST(n_outcomes >= atomic_load(&show->n_completed));
	MUST(s.submitted >= n_outcomes);
	MUST(s.most_backlog <= BACKLOG + MOST); /* those given back, too */
}

/* Nothing is under way, and all was told. */
static void
check_all_told(struct show *show)
{
	const struct sigchld_pool_stats s = stats_of(show);
	uint64_t n_ends = 0;
	int i;

	check_books(show);
	for (i = 0; i < SIGCHLD_REASONS; i++)
		n_ends += s.ends[i];
	MUST(n_ends == show->n_ends);
	MUST(s.spawned == show->n_forks);
	for (i = 0; i <= SIGCHLD_REJECTED; i++)
		MUST(s.outcomes[i] == atomic_load(&show->n_outcomes[i]));
	MUST(s.submitted == atomic_load(&show->n_completed));
	MUST(s.submitted == atomic_load(&show->n_submitted));
	MUST(s.refused == atomic_load(&show->n_refused));
	MUST(s.backlog == 0 && s.backlog_bytes == 0);
}

/* The soak */

static struct show soak;
static unsigned int quota; /* of each submitter */

/* Nobody is forked from among threads that have ended and were not joined: that
 * would be a leak in the worker, to the thread sanitizer. So they wait for one
 * another; by semaphores, for that sanitizer keeps a signal from a thread that
 * waits at a barrier, and any of them may be the one that gets SIGCHLD. */
static sem_t arrived, leave;

static void
open_gate(void)
{
	MUST(sem_init(&arrived, 0, 0) == 0);
	MUST(sem_init(&leave, 0, 0) == 0);
}

static void
await_gate(sem_t *gate)
{
	while (sem_wait(gate) != 0)
		MUST(errno == EINTR);
}

static void
arrive(void)
{
	MUST(sem_post(&arrived) == 0);
	await_gate(&leave);
}

/* All n have arrived, or will: they leave. */
static void
close_gate(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		await_gate(&arrived);
	for (i = 0; i < n; i++)
		MUST(sem_post(&leave) == 0);
}

static void
destroy_gate(void)
{
	MUST(sem_destroy(&arrived) == 0);
	MUST(sem_destroy(&leave) == 0);
}

struct choice {
	unsigned int nth;
	pid_t pid;
};

static int
choose(const struct sigchld_worker_info *info, void *user)
{
	struct choice *choice = user;

	choice->pid = info->pid;
	return choice->nth-- == 0;
}

/* By the thread that dispatches, so nobody reaps meanwhile. */
static void
kill_somebody(struct show *show)
{
	struct choice choice = { .nth = pick(&show->random, LEAST) };

	(void)sigchld_pool_foreach(show->pool, choose, &choice);
	if (choice.pid > 0)
		MUST(kill(choice.pid, SIGKILL) == 0);
}

static void
meddle(struct show *show, uint64_t *random)
{
	struct choice all = { .nth = 1000 };
	unsigned int least;
	int rc = 0;

	switch (pick(random, 4)) {
	case 0:
		least = 1 + pick(random, LEAST);
		rc = sigchld_pool_resize(show->pool, least,
		    least + pick(random, MOST - least + 1));
		break;
	case 1:
		rc = sigchld_pool_roll(show->pool, pick(random, 4));
		break;
	case 2:
		(void)stats_of(show);
		break;
	default:
		rc = sigchld_pool_foreach(show->pool, choose, &all);
		break;
	}
	MUST(rc == 0 || rc == -ESHUTDOWN);
}

static void *
submit_many(void *user)
{
	uint64_t random = seed_of((uint64_t)(uintptr_t)user);
	unsigned int i;

	for (i = 0; i < quota; i++) {
		while (sem_wait(&soak.window) != 0)
			MUST(errno == EINTR);
		MUST(submit(&soak, &random));
		if (pick(&random, MEDDLE_EACH) == 0)
			meddle(&soak, &random);
	}
	arrive();
	return NULL;
}

/* Each completion is progress; that, and not the whole, has a deadline. */
static void
run_until(struct show *show, unsigned int n)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();
	unsigned int seen = 0, now;

	while ((now = atomic_load(&show->n_completed)) < n) {
		if (now != seen)
			deadline = harness_now_ms() + harness_patience_ms();
		seen = now;
		turn(show, deadline);
		check_books(show);
		if (now >= show->kill_at) {
			kill_somebody(show);
			show->kill_at = now + KILL_EACH;
		}
	}
}

/* The least are there, idle, and nobody else; no two in one slot. */

struct seats {
	unsigned int n;
	bool taken[MOST];
};

static int
take_seat(const struct sigchld_worker_info *info, void *user)
{
	struct seats *seats = user;

	MUST(info->slot < MOST && !seats->taken[info->slot]);
	MUST(info->state == SIGCHLD_WORKER_IDLE && info->request == 0);
	seats->taken[info->slot] = true;
	seats->n++;
	return 0;
}

static bool
is_calm(struct show *show)
{
	const struct sigchld_pool_stats s = stats_of(show);

	return s.idle == LEAST && s.backoff == 0 &&
	    atomic_load(&show->n_completed) == s.submitted &&
	    s.starting + s.busy + s.stopping + s.backlog == 0 &&
	    s.state == SIGCHLD_POOL_RUNNING;
}

static void
calm_down(struct show *show)
{
	const int64_t deadline = harness_now_ms() + harness_patience_ms();
	struct seats seats = { 0 };

	MUST(sigchld_pool_resize(show->pool, LEAST, MOST) == 0);
	while (!is_calm(show)) {
		/* A roll may have been given up: once more, in peace. */
		if (sigchld_pool_state(show->pool) == SIGCHLD_POOL_DEGRADED)
			MUST(sigchld_pool_roll(show->pool, 1) == 0);
		turn(show, deadline);
	}
	MUST(sigchld_pool_foreach(show->pool, take_seat, &seats) == 0);
	MUST(seats.n == LEAST);
	check_all_told(show);
}

static void
run_part(unsigned int n)
{
	pthread_t threads[SUBMITTERS];
	unsigned int before = atomic_load(&soak.n_completed);
	uintptr_t i;

	quota = n / SUBMITTERS;
	open_gate();
	for (i = 0; i < SUBMITTERS; i++)
		MUST(pthread_create(&threads[i], NULL, submit_many,
			 (void *)(before + i + 1)) == 0);
	run_until(&soak, before + quota * SUBMITTERS);
	calm_down(&soak);
	close_gate(SUBMITTERS);
	for (i = 0; i < SUBMITTERS; i++)
		MUST(pthread_join(threads[i], NULL) == 0);
	destroy_gate();
}

static size_t
bytes_in_use(void)
{
#if SANITIZED
	return 0; /* it has other ways to find what is lost */
#else
	return mallinfo2().uordblks;
#endif
}

START_TEST(p45_all_is_as_before_when_all_is_over)
{
	const unsigned int n =
	    number("SIGCHLD_POOL_REQUESTS", SANITIZED ? 2000 : 20000);
	struct sigchld_pool_stats s;
	int64_t deadline;
	size_t bytes;
	int n_fds;

	(void)mallopt(M_ARENA_MAX, 1); /* the one that mallinfo2 counts */
	open_show(&soak, seed_of(0));
	run_part(n / 4);
	n_fds = harness_count_fds();
	bytes = bytes_in_use();
	run_part(n - n / 4);
	ck_assert_int_eq(harness_count_fds(), n_fds);
	ck_assert_int_eq(harness_count_children(), LEAST);
	ck_assert_uint_le(bytes_in_use(), bytes + LEFT_OVER);
	s = stats_of(&soak);
	ck_assert_uint_gt(s.outcomes[SIGCHLD_DONE], n / 2);
	ck_assert_uint_gt(s.outcomes[SIGCHLD_LOST], 0);
	ck_assert_uint_gt(s.outcomes[SIGCHLD_TIMEOUT], 0);
	ck_assert_uint_gt(s.ends[SIGCHLD_KILLED], 0);
	ck_assert_uint_gt(s.ends[SIGCHLD_RECYCLED], 0);
	ck_assert_uint_gt(s.generation, 1);
	MUST(sigchld_pool_stop(soak.pool, SIGCHLD_STOP_FINISH, STOP_MS) == 0);
	deadline = harness_now_ms() + harness_patience_ms();
	while (sigchld_pool_state(soak.pool) != SIGCHLD_POOL_STOPPED ||
	    soak.last_state != SIGCHLD_POOL_STOPPED)
		turn(&soak, deadline);
	check_all_told(&soak);
	ck_assert_uint_eq(stats_of(&soak).spawned, soak.n_ends);
	ck_assert_int_eq(harness_count_children(), 0);
	sigchld_pool_free(soak.pool);
	sigchld_free(soak.ctx);
	MUST(sem_destroy(&soak.window) == 0);
}
END_TEST

/* Others: each thread has a context and two pools, one after the other, that end
 * in different ways; at any time several threads fork. */

static void
end_show(struct show *show, bool in_peace)
{
	const int64_t deadline = harness_now_ms() + harness_patience_ms();

	if (in_peace) {
		MUST(sigchld_pool_stop(show->pool, SIGCHLD_STOP_FINISH,
			 STOP_MS) == 0);
		while (show->last_state != SIGCHLD_POOL_STOPPED)
			turn(show, deadline);
		check_all_told(show);
	}
	sigchld_pool_free(show->pool);
	MUST(atomic_load(&show->n_completed) ==
	    atomic_load(&show->n_submitted));
}

/* The context reaps those that were killed. */
static void
close_show(struct show *show)
{
	const int64_t deadline = harness_now_ms() + harness_patience_ms();
	struct sigchld_stats stats = { .size = sizeof(stats) };

	do {
		MUST(sigchld_wait(show->ctx, 5) >= 0);
		MUST(sigchld_get_stats(show->ctx, &stats) == 0);
		MUST(harness_now_ms() < deadline);
	} while (stats.children > 0);
	sigchld_free(show->ctx);
	MUST(sem_destroy(&show->window) == 0);
}

static void
play_round(uint64_t *random)
{
	struct show show;
	unsigned int i, n;

	open_show(&show, *random);
	show.leave_the_window = true;
	for (n = 1 + pick(random, 5); n > 0; n--) {
		for (i = pick(random, BACKLOG / 2); i > 0; i--)
			MUST(submit(&show, random));
		meddle(&show, random);
		if (pick(random, 4) != 0)
			run_until(&show, atomic_load(&show.n_submitted));
	}
	end_show(&show, pick(random, 2) == 0);
	close_show(&show);
}

static void *
play_rounds(void *user)
{
	uint64_t random = seed_of((uint64_t)(uintptr_t)user);
	unsigned int i, n = number("SIGCHLD_POOL_ROUNDS", SANITIZED ? 3 : 10);

	for (i = 0; i < n; i++)
		play_round(&random);
	arrive();
	return NULL;
}

START_TEST(p45_pools_of_several_threads)
{
	pthread_t threads[NEIGHBOURS];
	uintptr_t i;

	open_gate();
	for (i = 0; i < NEIGHBOURS; i++)
		MUST(pthread_create(&threads[i], NULL, play_rounds,
			 (void *)(i + 100)) == 0);
	close_gate(NEIGHBOURS);
	for (i = 0; i < NEIGHBOURS; i++)
		MUST(pthread_join(threads[i], NULL) == 0);
	destroy_gate();
	ck_assert_int_eq(harness_count_children(), 0);
}
END_TEST

/* Two pools of one context, which dispatch each other's ends. */
START_TEST(p45_two_pools_of_one_context)
{
	struct show one, other;
	uint64_t random = seed_of(7);
	int64_t deadline;
	unsigned int i;

	open_show(&one, seed_of(8));
	open_show(&other, seed_of(9));
	sigchld_pool_free(other.pool);
	sigchld_free(other.ctx);
	other.ctx = one.ctx;
	MUST(sigchld_pool_new(one.ctx, &other.pool,
		 SIGCHLD_POOL(.workers_min = LEAST, .workers_max = MOST,
		     .boot_ms = MAY_HANG_MS, .abort_ms = 5, .backoff_ms = 1,
		     .backoff_max_ms = 4, .user = &other, .on_request = serve,
		     .on_end = on_end, .after_fork = after_fork,
		     .on_state = on_state)) == 0);
	one.leave_the_window = other.leave_the_window = true;
	for (i = 0; i < 20; i++) {
		MUST(submit(&one, &random));
		MUST(submit(&other, &random));
		MUST(submit(&other, &random));
		if (i % 5 == 0)
			run_until(&one, atomic_load(&one.n_submitted));
	}
	run_until(&one, 20);
	run_until(&other, 40);
	MUST(sigchld_pool_stop(one.pool, SIGCHLD_STOP_FINISH, STOP_MS) == 0);
	deadline = harness_now_ms() + harness_patience_ms();
	while (one.last_state != SIGCHLD_POOL_STOPPED)
		turn(&one, deadline);
	check_all_told(&one);
	check_books(&other);
	sigchld_pool_free(one.pool);
	MUST(sem_destroy(&one.window) == 0);
	MUST(submit(&other, &random));
	run_until(&other, 41);
	end_show(&other, true);
	close_show(&other);
}
END_TEST

HARNESS("pool",
    {
	HARNESS_TEST(p45_all_is_as_before_when_all_is_over),
	HARNESS_TEST(p45_pools_of_several_threads),
	HARNESS_TEST(p45_two_pools_of_one_context),
    })
