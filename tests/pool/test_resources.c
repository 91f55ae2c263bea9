/*
 * test_resources.c - P27 to P31: processes, descriptors or memory run out: the
 * pool serves with what it has, waits, and is whole again when there is more
 *
 * wrap: alloc room buffer map_shared sendmsg recv sendmsg_wait recv_wait
 * wrap: stream_pair
 */
#include <sys/prctl.h>
#include <sys/uio.h>

#include "help2.h"
#include "worker/sys.h"

/* The n-th of these calls fails, in the parent or in its workers; their count
 * is shared. */
static struct faults {
	pid_t parent; /* 0: none fails */
	bool of_workers;
	bool all;              /* from the n-th on */
	bool memory, calls;    /* of which kind */
	atomic_int *countdown; /* calls until one fails */
	atomic_int *hits;
} faults;

static bool
fails(bool is_meant)
{
	if (faults.parent == 0 || !is_meant ||
	    faults.of_workers == (getpid() == faults.parent))
		return false;
	if (atomic_fetch_sub(faults.countdown, 1) > 0)
		return false;
	if (!faults.all && atomic_load(faults.hits) > 0)
		return false;
	(void)atomic_fetch_add(faults.hits, 1);
	return true;
}

void *__real_sigchld__sys_alloc(size_t n, size_t size);
void *__wrap_sigchld__sys_alloc(size_t n, size_t size);
void *__real_sigchld__sys_room(size_t size);
void *__wrap_sigchld__sys_room(size_t size);
void *__real_sigchld__sys_buffer(size_t size);
void *__wrap_sigchld__sys_buffer(size_t size);
int __real_sigchld__sys_map_shared(size_t size, void **ret_map);
int __wrap_sigchld__sys_map_shared(size_t size, void **ret_map);
int __real_sigchld__sys_sendmsg(int fd, const struct iovec *parts,
    unsigned int n);
int __wrap_sigchld__sys_sendmsg(int fd, const struct iovec *parts,
    unsigned int n);
int __real_sigchld__sys_recv(int fd, void *data, size_t size);
int __wrap_sigchld__sys_recv(int fd, void *data, size_t size);
int __real_sigchld__sys_sendmsg_wait(int fd, const struct iovec *parts,
    unsigned int n);
int __wrap_sigchld__sys_sendmsg_wait(int fd, const struct iovec *parts,
    unsigned int n);
int __real_sigchld__sys_recv_wait(int fd, void *data, size_t size);
int __wrap_sigchld__sys_recv_wait(int fd, void *data, size_t size);
int __real_sigchld__sys_stream_pair(int ret_fds[2]);
int __wrap_sigchld__sys_stream_pair(int ret_fds[2]);

void *
__wrap_sigchld__sys_alloc(size_t n, size_t size)
{
	return fails(faults.memory) ? NULL : __real_sigchld__sys_alloc(n, size);
}

void *
__wrap_sigchld__sys_room(size_t size)
{
	return fails(faults.memory) ? NULL : __real_sigchld__sys_room(size);
}

void *
__wrap_sigchld__sys_buffer(size_t size)
{
	return fails(faults.memory) ? NULL : __real_sigchld__sys_buffer(size);
}

int
__wrap_sigchld__sys_map_shared(size_t size, void **ret_map)
{
	return fails(faults.memory)
	    ? -ENOMEM
	    : __real_sigchld__sys_map_shared(size, ret_map);
}

int
__wrap_sigchld__sys_sendmsg(int fd, const struct iovec *parts, unsigned int n)
{
	return fails(faults.calls) ? -ENOBUFS
				   : __real_sigchld__sys_sendmsg(fd, parts, n);
}

int
__wrap_sigchld__sys_recv(int fd, void *data, size_t size)
{
	return fails(faults.calls) ? -ENOMEM
				   : __real_sigchld__sys_recv(fd, data, size);
}

int
__wrap_sigchld__sys_sendmsg_wait(int fd, const struct iovec *parts,
    unsigned int n)
{
	return fails(faults.calls)
	    ? -ENOMEM
	    : __real_sigchld__sys_sendmsg_wait(fd, parts, n);
}

int
__wrap_sigchld__sys_recv_wait(int fd, void *data, size_t size)
{
	return fails(faults.calls)
	    ? -ENOMEM
	    : __real_sigchld__sys_recv_wait(fd, data, size);
}

int
__wrap_sigchld__sys_stream_pair(int ret_fds[2])
{
	return fails(faults.calls) ? -ENFILE
				   : __real_sigchld__sys_stream_pair(ret_fds);
}

/* P27: no process can be made */

static volatile bool no_fork;
static int n_tries;

static pid_t
fork_or_not(void *user)
{
	(void)user;
	n_tries++;
	if (no_fork) {
		errno = EAGAIN;
		return -1;
	}
	return fork();
}

/* Wait until so many are idle and whoever died was told of. */
static void
lose_two_of_five(struct stage *stage)
{
	UNTIL(stage, stats_of_pool(stage).idle == 5);
	send_signal(worker_in(stage, 1), SIGKILL);
	send_signal(worker_in(stage, 3), SIGKILL);
	UNTIL(stage, stage->n_ends == 2);
}

/* Three requests at once are served by three workers. */
static void
check_three_serve(struct stage *stage)
{
	const int before = stage->n_replies;
	int i;

	for (i = 0; i < 3; i++)
		(void)ask_to_wait(stage, 0);
	ck_assert_uint_eq(stats_of_pool(stage).busy, 3);
	let_pass(stage, 0, 3);
	UNTIL(stage, stage->n_replies == before + 3);
	ck_assert_int_eq(stage->n_outcomes[SIGCHLD_DONE], before + 3);
}

START_TEST(p27_no_fork_and_three_go_on_serving)
{
	struct sigchld_pool_options options;
	struct sigchld_pool_stats stats;
	struct stage stage;

	stage_open(&stage, SIGCHLD_OPTIONS(.fork = fork_or_not));
	options = stage_options(&stage, 5, 5);
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 5);
	no_fork = true;
	lose_two_of_five(&stage);
	UNTIL(&stage, stats_of_pool(&stage).fork_failed >= 3);
	stats = stats_of_pool(&stage);
	ck_assert_uint_eq(stats.state, SIGCHLD_POOL_DEGRADED);
	ck_assert_uint_eq(stats.last_error, EAGAIN);
	ck_assert_uint_eq(stats.idle, 3);
	ck_assert_uint_eq(stats.spawned, 5);
	ck_assert_uint_ne(stats.next_fork_ms, UINT64_MAX);
	check_three_serve(&stage);
	ck_assert(is_state(&stage, SIGCHLD_POOL_DEGRADED));
	no_fork = false;
	UNTIL(&stage, stats_of_pool(&stage).idle == 5);
	UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_RUNNING));
	stats = stats_of_pool(&stage);
	ck_assert_uint_eq(stats.spawned, 7);
	ck_assert_uint_eq(stats.next_fork_ms, UINT64_MAX);
	ck_assert_int_eq(n_states_seen(&stage, SIGCHLD_POOL_DEGRADED), 1);
	/* each try is told of, those that failed, too */
	ck_assert_int_eq(stage.n_before_fork, n_tries);
	ck_assert_int_eq(stage.n_forks, n_tries);
	ck_assert_uint_eq(stats.fork_failed, (uint64_t)n_tries - 7);
	stage_close(&stage);
}
END_TEST

/* After a fork that failed it waits, and the loop may sleep. */
START_TEST(p27_nobody_spins_meanwhile)
{
	struct sigchld_pool_options options;
	struct sigchld_pool_stats stats;
	struct stage stage;
	int i;

	stage_open(&stage, SIGCHLD_OPTIONS(.fork = fork_or_not));
	options = stage_options(&stage, 5, 5);
	options.backoff_ms = options.backoff_max_ms = 1000000;
	no_fork = true;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).fork_failed == 1);
	settle(&stage);
	for (i = 0; i < 10; i++) {
		ck_assert(!harness_readable(sigchld_fd(stage.ctx), 0));
		ck_assert_int_eq(sigchld_dispatch(stage.ctx), 0);
	}
	ck_assert_int_eq(n_tries, 1);
	ck_assert_int_eq(stage.n_forks, 1);
	ck_assert_int_eq(stage.forks[0].pid, -EAGAIN);
	stats = stats_of_pool(&stage);
	ck_assert_uint_eq(stats.fork_failed, 1);
	ck_assert_uint_eq(stats.state, SIGCHLD_POOL_DEGRADED);
	ck_assert_uint_gt(stats.next_fork_ms, 900000);
	ck_assert_uint_le(stats.next_fork_ms, 1000000);
	stage_close(&stage);
}
END_TEST

/* What waits is served by those that are there; when there is nobody, when
 * somebody is. */
START_TEST(p27_a_request_waits_for_the_first_worker)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;

	stage_open(&stage, SIGCHLD_OPTIONS(.fork = fork_or_not));
	options = stage_options(&stage, 2, 2);
	no_fork = true;
	stage_play(&stage, &options);
	asked = ask(&stage, "pid");
	UNTIL(&stage, stats_of_pool(&stage).fork_failed >= 5);
	ck_assert_int_eq(asked->n_replies, 0);
	ck_assert_int_eq(stage.n_open, 0);
	no_fork = false;
	UNTIL(&stage, asked->n_replies == 1);
	ck_assert_uint_eq(asked->reply.outcome, SIGCHLD_DONE);
	UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_RUNNING));
	UNTIL(&stage, stage.n_open == 1);
	stage_close(&stage);
}
END_TEST

/* Stop works without a fork, too. */
START_TEST(p27_stopped_while_no_fork_works)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int tries;

	stage_open(&stage, SIGCHLD_OPTIONS(.fork = fork_or_not));
	options = stage_options(&stage, 5, 5);
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 5);
	no_fork = true;
	lose_two_of_five(&stage);
	UNTIL(&stage, stats_of_pool(&stage).fork_failed >= 1);
	MUST_BE(0,
	    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT,
		SIGCHLD_POOL_NONE));
	tries = n_tries;
	UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_STOPPED));
	ck_assert_int_eq(n_tries, tries);
	ck_assert_int_eq(stage.n_ends, 5);
	stage_close(&stage);
}
END_TEST

/* RLIMIT_NPROC counts what a user has, and does not concern root; so this test
 * becomes a user that nobody else is. */
static void
become_somebody(void)
{
	const uid_t uid = 50000 + (uid_t)(getpid() % 10000);

	if (geteuid() != 0)
		harness_skip("only root can become a user that nobody is");
	if (setresuid(uid, uid, uid) != 0)
		harness_skip("there are no other users here");
	/* its /proc/self is root's, otherwise */
	ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
}

static void
limit_processes(rlim_t n)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NPROC, &limit), 0);
	limit.rlim_cur = n < limit.rlim_max ? n : limit.rlim_max;
	ck_assert_int_eq(setrlimit(RLIMIT_NPROC, &limit), 0);
}

START_TEST(p27_rlimit_nproc)
{
	struct sigchld_pool_options options;
	struct stage stage;

	become_somebody();
	stage_open(&stage, NULL);
	options = stage_options(&stage, 5, 5);
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 5);
	limit_processes(1);
	lose_two_of_five(&stage);
	UNTIL(&stage, stats_of_pool(&stage).fork_failed >= 3);
	ck_assert(is_state(&stage, SIGCHLD_POOL_DEGRADED));
	ck_assert_uint_eq(stats_of_pool(&stage).last_error, EAGAIN);
	check_three_serve(&stage);
	limit_processes(RLIM_INFINITY);
	UNTIL(&stage, stats_of_pool(&stage).idle == 5);
	UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_RUNNING));
	stage_close(&stage);
}
END_TEST

/* P28: no descriptor can be had */

#define FILLERS 100 /* more than a loop polls at once */

/* For a fork: two ends of a channel, and an end of the pool's leash; or both of a
 * leash of its own, where it cannot be shared. */
#ifdef SIGCHLD_PORTABLE
#	define FOR_A_FORK 4
#else
#	define FOR_A_FORK 3
#endif

/* All numbers below FILLERS are taken but so many; the limit is there. Gives
 * the limit as it was. */
static rlim_t
limit_fds(int *fillers, int free_ones)
{
	struct rlimit limit;
	rlim_t before;
	int i;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	before = limit.rlim_cur;
	for (i = 0; i < free_ones; i++) {
		(void)close(fillers[i]);
		fillers[i] = -1;
	}
	limit.rlim_cur = FILLERS;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return before;
}

static void
fill_fds(int *fillers)
{
	int i;

	for (i = 0; i < FILLERS; i++) {
		if (fillers[i] != -1)
			continue;
		fillers[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		ck_assert_int_ge(fillers[i], 0);
	}
}

static void
unlimit_fds(rlim_t before, int *fillers)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = before;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	fill_fds(fillers);
}

/* So many can still be opened, which may be enough for a part of what a worker
 * needs. */
static void
run_out_of_fds(struct stage *stage, int *fillers, int free_ones)
{
	const uint64_t failed = stats_of_pool(stage).fork_failed;
	const int n = harness_count_fds(), ends = stage->n_ends;
	rlim_t before = limit_fds(fillers, free_ones);
	uint64_t error;

	send_signal(worker_in(stage, 1), SIGKILL);
	send_signal(worker_in(stage, 3), SIGKILL);
	UNTIL(stage, stage->n_ends == ends + 2);
	UNTIL(stage, stats_of_pool(stage).fork_failed >= failed + 350);
	ck_assert(is_state(stage, SIGCHLD_POOL_DEGRADED));
	error = stats_of_pool(stage).last_error;
#ifdef SIGCHLD_PORTABLE
	if (error == ENOMEM) /* memory to share is got by a descriptor, too */
		error = EMFILE;
#endif
	ck_assert_uint_eq(error, EMFILE);
	check_three_serve(stage);
	unlimit_fds(before, fillers);
	UNTIL(stage, stats_of_pool(stage).idle == 5);
	UNTIL(stage, is_state(stage, SIGCHLD_POOL_RUNNING));
	ck_assert_int_eq(harness_count_fds(), n);
}

START_TEST(p28_rlimit_nofile_and_a_thousand_tries)
{
	struct sigchld_pool_options options;
	int fillers[FILLERS], i, free_ones;
	struct stage stage;

	for (i = 0; i < FILLERS; i++)
		fillers[i] = -1;
	fill_fds(fillers);
	stage_open(&stage, NULL);
	options = stage_options(&stage, 5, 5);
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 5);
	for (free_ones = 0; free_ones < FOR_A_FORK; free_ones++)
		run_out_of_fds(&stage, fillers, free_ones);
	ck_assert_uint_ge(stats_of_pool(&stage).fork_failed, 1000);
	stage_close(&stage);
	for (i = 0; i < FILLERS; i++)
		(void)close(fillers[i]);
}
END_TEST

/* P29 */

#define BEFORE 1100
#define MANY   300

static int
compare_pids(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
check_all_differ(pid_t *pids, int n)
{
	int i;

	qsort(pids, (size_t)n, sizeof(*pids), compare_pids);
	for (i = 1; i < n; i++)
		ck_assert_int_ne(pids[i - 1], pids[i]);
}

START_TEST(p29_numbers_above_a_thousand)
{
	struct sigchld_pool_options options;
	struct asked *asked[MANY];
	struct stage stage;
	pid_t pids[MANY];
	int fds[BEFORE], i;

	if (raise_nofile(4096) < 3000)
		harness_skip("there are too few descriptors");
	for (i = 0; i < BEFORE; i++) {
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		ck_assert_int_ge(fds[i], 0);
	}
	stage_open(&stage, NULL);
	ck_assert_int_gt(sigchld_fd(stage.ctx), 1024);
	options = stage_options(&stage, MANY, MANY);
	stage_play(&stage, &options);
	for (i = 0; i < MANY; i++)
		asked[i] = ask(&stage, "wait 0");
	UNTIL(&stage, n_said(&stage, 'w') == MANY);
	let_pass(&stage, 0, MANY);
	UNTIL(&stage, stage.n_replies == MANY);
	for (i = 0; i < MANY; i++) {
		ck_assert_uint_eq(asked[i]->reply.outcome, SIGCHLD_DONE);
		pids[i] = asked[i]->reply.pid;
	}
	check_all_differ(pids, MANY);
	ck_assert_int_eq(stage.n_ends, 0);
	stage_close(&stage);
	for (i = 0; i < BEFORE; i++)
		(void)close(fds[i]);
}
END_TEST

/* P30 */

struct seen_fds {
	int standard, named, others;
};

static struct seen_fds
look_at_fds(const struct stage *stage)
{
	struct seen_fds seen = { 0, 0, 0 };
	bool named;
	int fd, i;

	for (fd = 0; fd < 4096; fd++) {
		if (fcntl(fd, F_GETFD) == -1)
			continue;
		for (named = false, i = 0; i < DOORS + 1; i++)
			named = named || stage->fds[i] == fd;
		seen.standard += fd < 3;
		seen.named += named;
		seen.others += fd > 2 && !named;
	}
	return seen;
}

static int
tell_fds(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	const struct seen_fds seen = look_at_fds(user);

	(void)job;
	say_from(user, worker, 'w');
	(void)pass(user, 0);
	reply_copy(worker, &seen, sizeof(seen));
	return 0;
}

#define TWENTY 20

/* All at once, so each of them. */
static void
check_twenty(struct stage *stage)
{
	const struct seen_fds ours = look_at_fds(stage);
	const int before = stage->n_replies;
	struct asked *asked[TWENTY];
	struct seen_fds seen;
	pid_t pids[TWENTY];
	int i;

	for (i = 0; i < TWENTY; i++)
		asked[i] = ask(stage, "fds");
	UNTIL(stage, n_said(stage, 'w') == before + TWENTY);
	let_pass(stage, 0, TWENTY);
	UNTIL(stage, stage->n_replies == before + TWENTY);
	for (i = 0; i < TWENTY; i++) {
		ck_assert_uint_eq(asked[i]->reply.len, sizeof(seen));
		memcpy(&seen, asked[i]->data, sizeof(seen));
		ck_assert_int_eq(seen.standard, ours.standard);
		ck_assert_int_eq(seen.named, DOORS + 1);
		ck_assert_int_eq(seen.others, 2);
		pids[i] = asked[i]->reply.pid;
	}
	check_all_differ(pids, TWENTY);
}

START_TEST(p30_of_twenty_each_has_its_own_only)
{
	struct sigchld_pool_options options;
	struct stage stage;
	uint32_t slot;

	stage_open(&stage, NULL);
	options = stage_options(&stage, TWENTY, TWENTY);
	options.on_request = tell_fds;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == TWENTY);
	check_twenty(&stage);
	for (slot = 0; slot < TWENTY; slot += 2)
		send_signal(worker_in(&stage, slot), SIGKILL);
	UNTIL(&stage, stage.n_ends == TWENTY / 2);
	UNTIL(&stage, stats_of_pool(&stage).idle == TWENTY);
	check_twenty(&stage);
	stage_close(&stage);
}
END_TEST

/* A program that a worker executes tells what it has: the names in
 * /proc/self/fd, of which one is its own way to look there. */
static int
tell_of_exec(struct sigchld_worker *worker, const struct sigchld_job *job,
    void *user)
{
	char text[512];
	size_t len = 0;
	int ends[2];
	ssize_t n;
	pid_t pid;

	(void)job;
	(void)user;
	CHILD_MUST(pipe2(ends, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		CHILD_MUST(dup2(ends[1], 1) == 1);
		(void)execl("/bin/ls", "ls", "/proc/self/fd", (char *)NULL);
		_exit(127);
	}
	CHILD_MUST(pid > 0);
	(void)close(ends[1]);
	while ((n = read(ends[0], text + len, sizeof(text) - len)) > 0)
		len += (size_t)n;
	CHILD_MUST(waitpid(pid, NULL, 0) == pid);
	reply_copy(worker, text, len);
	return 0;
}

START_TEST(p30_a_program_of_a_worker_has_none_of_them)
{
	struct sigchld_pool_options options;
	struct asked *asked;
	struct stage stage;
	int fd;

	for (fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) == -1)
			harness_skip("not all standard descriptors are there");
	stage_open(&stage, NULL);
	options = stage_options(&stage, 3, 3);
	options.on_request = tell_of_exec;
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 3);
	asked = ask_and_wait(&stage, "it");
	ck_assert_str_eq(asked->data, "0\n1\n2\n3\n");
	stage_close(&stage);
}
END_TEST

/* P31 */

static void
faults_begin(void)
{
	faults.countdown = mmap(NULL, 2 * sizeof(*faults.countdown),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(faults.countdown != MAP_FAILED);
	faults.hits = faults.countdown + 1;
}

static void
arm(int n)
{
	atomic_store(faults.countdown, n);
	atomic_store(faults.hits, 0);
	faults.parent = getpid();
}

/* A call that is told what is wrong may be made again: it works then. */
#define AGAIN(call) \
	do { \
		if ((call) != 0) { \
			ck_assert_int_eq(atomic_load(faults.hits), 1); \
			MUST_BE(0, (call)); \
		} \
	} while (0)

static struct asked *
ask_again(struct stage *stage, const char *text, size_t len)
{
	struct asked *asked = NULL;

	AGAIN(ask_with(stage, text, len, NULL, &asked));
	return asked;
}

/* What a pool does in its life, in short. The text is larger than a buffer. */
static void
live(struct stage *stage)
{
	struct sigchld_pool_options options;
	static char text[70000];
	int i;

	memset(text, 't', sizeof(text));
	memcpy(text, "echo ", 5);
	options = stage_options(stage, 2, 2);
	options.give_up = SIGCHLD_POOL_NONE;
	AGAIN(sigchld_pool_new(stage->ctx, &stage->pool, &options));
	for (i = 0; i < 5; i++)
		(void)ask_again(stage, text, sizeof(text));
	UNTIL(stage, stage->n_replies == 5);
	(void)ask_again(stage, "recycle", 7);
	(void)ask_again(stage, "echo 1", 6);
	UNTIL(stage, stage->n_replies == 7);
	UNTIL(stage, stats_of_pool(stage).idle == 2);
}

/* Whatever failed, all requests were completed, and nobody is missing. */
static int
live_with_faults(int n)
{
	struct stage stage;
	int hits;

	stage_open(&stage, NULL);
	arm(n);
	live(&stage);
	faults.parent = 0;
	hits = atomic_load(faults.hits);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE], 7);
	UNTIL(&stage, stage.n_ends >= 1);
	settle(&stage);
	ck_assert_int_eq(stage.n_ends, 1); /* it was recycled */
	check_books(&stage);
	MUST_BE(0,
	    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT,
		SIGCHLD_POOL_NONE));
	UNTIL(&stage, is_state(&stage, SIGCHLD_POOL_STOPPED));
	stage_close(&stage);
	return hits;
}

static void
run_faults(int at_least)
{
	int n = 0;

	faults_begin();
	while (live_with_faults(n) > 0)
		n++;
	ck_assert_int_ge(n, at_least);
}

/* A pool, its slots, two workers with a page each, seven requests and so on. */
START_TEST(p31_each_allocation_fails_once)
{
	faults.memory = true;
	run_faults(10);
}
END_TEST

START_TEST(p31_each_allocation_of_a_worker_fails_once)
{
	faults.memory = true;
	faults.of_workers = true;
	run_faults(5);
}
END_TEST

START_TEST(p31_each_call_fails_once_for_want_of_memory)
{
	faults.calls = true;
	run_faults(10);
}
END_TEST

START_TEST(p31_each_call_of_a_worker_fails_once_for_want_of_memory)
{
	faults.calls = true;
	faults.of_workers = true;
	run_faults(5);
}
END_TEST

/* From some moment on there is none at all, and then there is again. */
START_TEST(p31_no_memory_for_a_while)
{
	struct sigchld_pool_options options;
	struct asked *asked = NULL;
	struct stage stage;
	int i, before, n = 0;

	faults_begin();
	faults.memory = true;
	faults.all = true;
	stage_open(&stage, NULL);
	options = stage_options(&stage, 2, 2);
	stage_play(&stage, &options);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	before = worker_in(&stage, 0);
	arm(0);
	for (i = 0; i < 10; i++) {
		int rc = ask_with(&stage, "echo it", 7, NULL, &asked);

		ck_assert(rc == 0 || rc == -ENOMEM);
		n += rc == 0;
	}
	send_signal(before, SIGKILL);
	UNTIL(&stage, stage.n_ends == 1);
	UNTIL(&stage, stats_of_pool(&stage).fork_failed >= 5);
	ck_assert_int_ge(atomic_load(faults.hits), 5);
	ck_assert_int_lt(n, 10);
	faults.parent = 0;
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	UNTIL(&stage, stage.n_replies == n);
	ck_assert_int_eq(stage.n_outcomes[SIGCHLD_DONE] +
		stage.n_outcomes[SIGCHLD_LOST],
	    n);
	(void)ask_pid(&stage);
	stage_close(&stage);
}
END_TEST

HARNESS("resources",
    {
	HARNESS_TEST(p27_no_fork_and_three_go_on_serving),
	HARNESS_TEST(p27_nobody_spins_meanwhile),
	HARNESS_TEST(p27_a_request_waits_for_the_first_worker),
	HARNESS_TEST(p27_stopped_while_no_fork_works),
	HARNESS_TEST(p27_rlimit_nproc),
	HARNESS_TEST(p28_rlimit_nofile_and_a_thousand_tries),
	HARNESS_TEST(p29_numbers_above_a_thousand),
	HARNESS_TEST(p30_of_twenty_each_has_its_own_only),
	HARNESS_TEST(p30_a_program_of_a_worker_has_none_of_them),
	HARNESS_TEST(p31_each_allocation_fails_once),
	HARNESS_TEST(p31_each_allocation_of_a_worker_fails_once),
	HARNESS_TEST(p31_each_call_fails_once_for_want_of_memory),
	HARNESS_TEST(p31_each_call_of_a_worker_fails_once_for_want_of_memory),
	HARNESS_TEST(p31_no_memory_for_a_while),
    })
