/*
 * test_listener.c - workers that accept by themselves, on a socket they inherit
 *
 * wrap: now_ms now_us timerfd_arm
 *
 *	test (client)		worker
 *
 *	connects
 *				accepts; sigchld_worker_begin
 *	sends a word		does as it says:
 *		p		replies with its pid
 *		h		says 'h', waits at door 0, and replies
 *		k		raises SIGKILL
 *		s		says 's', and spins
 *	reads its pid		closes; sigchld_worker_done
 *
 * One worker serves one connection at a time. The socket is non-blocking, since
 * all are woken for one client.
 */
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "help2.h"
#include "help3.h"

#define BEATS  1 /* marks: workers beat between polls */
#define QUITS  2 /* so many workers leave run by themselves, with status 9 */
#define EXITS  3 /* on_exit was called */
#define BOOTS  4 /* on_init was called */
#define BEATEN 5 /* so many beats of slot 0; behind it, of slot 1 */

static int listener;
static int kept[DOORS + 2];

static void
serve(struct stage *stage, struct sigchld_worker *worker, int fd)
{
	const pid_t self = getpid();
	char word;

	if (read(fd, &word, 1) != 1)
		return; /* the client is gone */
	if (word == 'k')
		(void)raise(SIGKILL);
	if (word == 's') {
		say_from(stage, worker, 's');
		spin();
	}
	if (word == 'h') {
		say_from(stage, worker, 'h');
		(void)pass(stage, 0);
	}
	CHILD_MUST(write(fd, &self, sizeof(self)) == sizeof(self));
}

static void
accept_one(struct stage *stage, struct sigchld_worker *worker)
{
	int fd = accept(listener, NULL, NULL);

	if (fd == -1)
		return; /* somebody else has it */
	CHILD_MUST(sigchld_worker_begin(worker) != 0);
	serve(stage, worker, fd);
	(void)close(fd);
	(void)sigchld_worker_done(worker);
}

static bool
is_to_quit(struct stage *stage)
{
	return atomic_load(&stage->marks[QUITS]) > 0 &&
	    atomic_fetch_sub(&stage->marks[QUITS], 1) > 0;
}

/* run */
static int
accept_all(struct sigchld_worker *worker, void *user)
{
	struct stage *stage = user;
	struct pollfd fds[2] = {
		{ .fd = listener, .events = POLLIN },
		{ .fd = sigchld_worker_fd(worker), .events = POLLIN },
	};

	while (!sigchld_worker_stopping(worker)) {
		if (is_to_quit(stage))
			return 9;
		if (atomic_load(&stage->marks[BEATS]) != 0) {
			sigchld_worker_beat(worker);
			(void)mark(stage,
			    BEATEN + (int)sigchld_worker_slot(worker));
		}
		CHILD_MUST(poll(fds, 2, 20) >= 0 || errno == EINTR);
		if (sigchld_worker_stopping(worker))
			break;
		accept_one(stage, worker);
	}
	return 0;
}

static int
count_init(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	(void)mark(user, BOOTS);
	return 0;
}

static void
count_exit(struct sigchld_worker *worker, void *user)
{
	(void)worker;
	(void)mark(user, EXITS);
}

static struct sigchld_pool_options
listener_options(struct stage *stage, uint32_t n)
{
	struct sigchld_pool_options options = slow_options(stage, n, n);
	int i;

	for (i = 0; i <= DOORS; i++)
		kept[i] = stage->fds[i];
	kept[DOORS + 1] = listener;
	options.fds = kept;
	options.n_fds = DOORS + 2;
	options.on_request = NULL;
	options.run = accept_all;
	options.on_init = count_init;
	options.on_exit = count_exit;
	return options;
}

/* Loopback, or a name that only the kernel knows. */

static union {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_un un;
} address;
static socklen_t address_len;

static void
listen_on(int family)
{
	listener =
	    socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_ne(listener, -1);
	memset(&address, 0, sizeof(address));
	address.any.sa_family = (sa_family_t)family;
	address_len = sizeof(address.in);
	if (family == AF_INET)
		address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		address_len = sizeof(sa_family_t); /* it gives a name */
	ck_assert_int_eq(bind(listener, &address.any, address_len), 0);
	ck_assert_int_eq(listen(listener, 512), 0);
	address_len = sizeof(address);
	ck_assert_int_eq(getsockname(listener, &address.any, &address_len), 0);
}

/* A connection on which this word was said. */
static int
call(char word)
{
	int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(connect(fd, &address.any, address_len), 0);
	ck_assert_int_eq(write(fd, &word, 1), 1);
	return fd;
}

/* Who has served it; -1: the connection was lost. */
static pid_t
answer(struct stage *stage, int fd)
{
	pid_t pid = -1;

	UNTIL(stage, harness_readable(fd, 0));
	if (read(fd, &pid, sizeof(pid)) != sizeof(pid))
		pid = -1;
	(void)close(fd);
	return pid;
}

static pid_t
ask_once(struct stage *stage)
{
	pid_t pid = answer(stage, call('p'));

	ck_assert_int_gt(pid, 0);
	return pid;
}

static void
play_listener(struct stage *stage, uint32_t n)
{
	struct sigchld_pool_options options;

	stage_open(stage, NULL);
	listen_on(AF_UNIX);
	options = listener_options(stage, n);
	play_until_idle(stage, &options);
}

static void
close_listener(struct stage *stage)
{
	stage_close(stage);
	(void)close(listener);
}

static bool
is_one_of_the_first(const struct stage *stage, pid_t pid, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (stage->forks[i].pid == pid)
			return true;
	return false;
}

static void
serve_many_on(int family)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int fds[40], i;

	stage_open(&stage, NULL);
	listen_on(family);
	options = listener_options(&stage, 3);
	play_until_idle(&stage, &options);
	for (i = 0; i < 40; i++)
		fds[i] = call('p');
	for (i = 0; i < 40; i++)
		ck_assert(is_one_of_the_first(&stage, answer(&stage, fds[i]),
		    3));
	UNTIL(&stage, stats_of_pool(&stage).served == 40);
	UNTIL(&stage, stats_of_pool(&stage).idle == 3);
	ck_assert_int_eq(stage.n_ends, 0);
	ck_assert_int_eq(atomic_load(&stage.marks[BOOTS]), 3);
	close_listener(&stage);
}

START_TEST(listener_serves_on_loopback)
{
	serve_many_on(AF_INET);
}
END_TEST

START_TEST(listener_serves_on_a_unix_socket)
{
	serve_many_on(AF_UNIX);
}
END_TEST

START_TEST(listener_takes_no_request)
{
	struct stage stage;
	uint64_t id = 7;

	play_listener(&stage, 1);
	MUST_BE(-ENOTSUP,
	    sigchld_pool_submit(stage.pool, &id,
		SIGCHLD_REQUEST(.data = "echo", .len = 4)));
	ck_assert_uint_eq(id, 7);
	ck_assert_uint_eq(stats_of_pool(&stage).submitted, 0);
	(void)ask_once(&stage);
	close_listener(&stage);
}
END_TEST

/* What a worker has in hand is seen from here. */
START_TEST(listener_busy_is_seen)
{
	struct roster roster;
	struct stage stage;
	int fd, i, n_busy = 0;

	play_listener(&stage, 3);
	fd = call('h');
	UNTIL(&stage, n_said(&stage, 'h') == 1);
	UNTIL(&stage, stats_of_pool(&stage).busy == 1);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 2);
	roster = workers_of(&stage);
	ck_assert_int_eq(roster.n, 3);
	for (i = 0; i < 3; i++) {
		const struct sigchld_worker_info *info = &roster.workers[i];
		const bool busy = info->pid == who_said(&stage, 'h', 0);

		ck_assert_uint_eq(info->state,
		    busy ? SIGCHLD_WORKER_BUSY : SIGCHLD_WORKER_IDLE);
		ck_assert(busy == (info->request != 0));
		n_busy += busy;
	}
	ck_assert_int_eq(n_busy, 1);
	free(roster.workers);
	let_pass(&stage, 0, 1);
	ck_assert_int_eq(answer(&stage, fd), who_said(&stage, 'h', 0));
	UNTIL(&stage, stats_of_pool(&stage).idle == 3);
	UNTIL(&stage, stats_of_pool(&stage).served == 1);
	close_listener(&stage);
}
END_TEST

START_TEST(listener_the_dead_are_replaced)
{
	struct stage stage;
	int i;

	play_listener(&stage, 2);
	for (i = 1; i <= 5; i++) {
		ck_assert_int_eq(answer(&stage, call('k')), -1);
		UNTIL(&stage, stage.n_ends == i);
		ck_assert_uint_eq(stage.ends[i - 1].reason, SIGCHLD_KILLED);
		ck_assert_uint_ne(stage.ends[i - 1].request, 0);
		UNTIL(&stage, stats_of_pool(&stage).idle == 2);
		(void)ask_once(&stage);
	}
	ck_assert_int_eq(stage.n_forks, 7);
	close_listener(&stage);
}
END_TEST

START_TEST(listener_run_may_end_by_itself)
{
	struct stage stage;

	play_listener(&stage, 2);
	atomic_store(&stage.marks[QUITS], 1);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_EXITED_BADLY);
	ck_assert_int_eq(stage.ends[0].wstatus, 9 << 8);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	ck_assert_int_eq(atomic_load(&stage.marks[EXITS]), 1);
	(void)ask_once(&stage);
	close_listener(&stage);
}
END_TEST

/* Five each; whatever is asked while they are replaced, somebody answers. */
START_TEST(listener_max_requests_loses_no_connection)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int fds[100], i;

	stage_open(&stage, NULL);
	listen_on(AF_UNIX);
	options = listener_options(&stage, 2);
	options.max_requests = 5;
	options.max_requests_jitter = SIGCHLD_POOL_NONE;
	play_until_idle(&stage, &options);
	for (i = 0; i < 100; i++)
		fds[i] = call('p');
	for (i = 0; i < 100; i++)
		ck_assert_int_gt(answer(&stage, fds[i]), 0);
	UNTIL(&stage, stage.n_ends >= 19); /* 100 of ten at a time */
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	be_calm(&stage);
	for (i = 0; i < stage.n_ends; i++) {
		ck_assert_uint_eq(stage.ends[i].reason, SIGCHLD_MAX_REQUESTS);
		ck_assert_uint_eq(stage.ends[i].served, 5);
	}
	UNTIL(&stage, stats_of_pool(&stage).served == 100);
	ck_assert_int_eq(atomic_load(&stage.marks[EXITS]), stage.n_ends);
	ck_assert_uint_eq(stats_of_pool(&stage).backoff, 0);
	close_listener(&stage);
}
END_TEST

START_TEST(listener_stop_while_they_wait_for_clients)
{
	struct stage stage;
	int fd;

	play_listener(&stage, 3);
	fd = call('h');
	UNTIL(&stage, n_said(&stage, 'h') == 1);
	MUST_BE(0,
	    sigchld_pool_stop(stage.pool, SIGCHLD_STOP_FINISH, 10 * HOUR));
	UNTIL(&stage, stage.n_ends == 2);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 2);
	let_pass(&stage, 0, 1);
	ck_assert_int_eq(answer(&stage, fd), who_said(&stage, 'h', 0));
	UNTIL(&stage, sigchld_pool_state(stage.pool) == SIGCHLD_POOL_STOPPED);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_STOPPED_POOL), 3);
	ck_assert_int_eq(atomic_load(&stage.marks[EXITS]), 3);
	ck_assert_int_eq(stage.n_forks, 3);
	close_listener(&stage);
}
END_TEST

START_TEST(listener_who_does_not_look_is_killed)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int fd;

	stage_open(&stage, NULL);
	listen_on(AF_UNIX);
	options = listener_options(&stage, 2);
	options.kill_ms = HOUR;
	options.stop_signal = SIGURG; /* ignored by default */
	play_until_idle(&stage, &options);
	fd = call('s');
	UNTIL(&stage, n_said(&stage, 's') == 1);
	MUST_BE(0, sigchld_pool_stop(stage.pool, SIGCHLD_STOP_REJECT, HOUR));
	UNTIL(&stage, stage.n_ends == 1);
	time_passes(&stage, HOUR);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 1);
	time_passes(&stage, HOUR);
	UNTIL(&stage, sigchld_pool_state(stage.pool) == SIGCHLD_POOL_STOPPED);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_KILLED_STOP), 1);
	ck_assert_int_eq(answer(&stage, fd), -1);
	close_listener(&stage);
}
END_TEST

/* Clients come all the time; nobody is turned away. */
START_TEST(listener_roll_loses_no_connection)
{
	struct sigchld_pool_stats before;
	struct stage stage;
	int fds[8], round, i, n = 0;

	play_listener(&stage, 3);
	before = stats_of_pool(&stage);
	for (round = 0; round < 4; round++) {
		MUST_BE(0,
		    sigchld_pool_roll(stage.pool, 1 + (uint32_t)round % 2));
		do {
			for (i = 0; i < 8; i++)
				fds[i] = call('p');
			for (i = 0; i < 8; i++)
				ck_assert_int_gt(answer(&stage, fds[i]), 0);
			n += 8;
			ck_assert_uint_ge(n_wanted(&stage), 3);
		} while (sigchld_pool_state(stage.pool) ==
		    SIGCHLD_POOL_ROLLING);
		ck_assert_int_eq(sigchld_pool_state(stage.pool),
		    SIGCHLD_POOL_RUNNING);
	}
	UNTIL(&stage, stage.n_ends == 12);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_ROLLED), 12);
	UNTIL(&stage, stats_of_pool(&stage).served == (uint64_t)n);
	ck_assert_uint_eq(stats_of_pool(&stage).generation,
	    before.generation + 4);
	ck_assert_int_eq(atomic_load(&stage.marks[EXITS]), 12);
	close_listener(&stage);
}
END_TEST

/* Each lives for an hour; nobody tells when it is idle, so it is told to go. */
START_TEST(listener_the_old_are_replaced)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int fd;

	stage_open(&stage, NULL);
	listen_on(AF_UNIX);
	options = listener_options(&stage, 2);
	options.max_life_ms = HOUR;
	options.max_life_jitter_ms = SIGCHLD_POOL_NONE;
	play_until_idle(&stage, &options);
	fd = call('h');
	UNTIL(&stage, n_said(&stage, 'h') == 1);
	time_passes(&stage, HOUR - 1000);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	time_passes(&stage, 1000);
	UNTIL(&stage, stage.n_ends == 1); /* the idle one */
	let_pass(&stage, 0, 1);
	ck_assert_int_eq(answer(&stage, fd), who_said(&stage, 'h', 0));
	UNTIL(&stage, stage.n_ends == 2);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_RETIRED), 2);
	ck_assert_int_eq(stage.ends[1].pid, who_said(&stage, 'h', 0));
	ck_assert_int_eq(stage.ends[1].wstatus, 0);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	(void)ask_once(&stage);
	close_listener(&stage);
}
END_TEST

START_TEST(listener_resize)
{
	struct stage stage;
	int fd, i;

	play_listener(&stage, 4);
	fd = call('h');
	UNTIL(&stage, n_said(&stage, 'h') == 1);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 1, 1));
	UNTIL(&stage, stage.n_ends == 3);
	be_calm(&stage);
	ck_assert_ptr_null(end_of(&stage, who_said(&stage, 'h', 0)));
	let_pass(&stage, 0, 1);
	ck_assert_int_gt(answer(&stage, fd), 0);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_RETIRED), 3);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 6, 6));
	UNTIL(&stage, stats_of_pool(&stage).idle == 6);
	for (i = 0; i < 10; i++)
		(void)ask_once(&stage);
	ck_assert_int_eq(stage.n_forks, 9);
	close_listener(&stage);
}
END_TEST

/* One that is busy is told, and goes when it has done what it does. */
START_TEST(listener_resize_while_all_are_busy)
{
	struct stage stage;
	int fds[2], i;

	play_listener(&stage, 2);
	for (i = 0; i < 2; i++) {
		fds[i] = call('h');
		UNTIL(&stage, n_said(&stage, 'h') == i + 1);
	}
	MUST_BE(0, sigchld_pool_resize(stage.pool, 1, 1));
	UNTIL(&stage, stats_of_pool(&stage).stopping == 1);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	let_pass(&stage, 0, 2);
	for (i = 0; i < 2; i++)
		ck_assert_int_gt(answer(&stage, fds[i]), 0);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_RETIRED);
	ck_assert_int_eq(stage.ends[0].wstatus, 0);
	UNTIL(&stage, stats_of_pool(&stage).idle == 1);
	(void)ask_once(&stage);
	close_listener(&stage);
}
END_TEST

/* Since the last connection, which only they know of. */
START_TEST(listener_the_idle_go_after_idle_ms)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int fds[2], i;

	stage_open(&stage, NULL);
	listen_on(AF_UNIX);
	options = listener_options(&stage, 2);
	options.idle_ms = HOUR;
	play_until_idle(&stage, &options);
	MUST_BE(0, sigchld_pool_resize(stage.pool, 1, 2));
	be_calm(&stage);
	time_passes(&stage, HOUR / 2);
	for (i = 0; i < 2; i++) {
		fds[i] = call('h');
		UNTIL(&stage, n_said(&stage, 'h') == i + 1);
	}
	let_pass(&stage, 0, 2);
	for (i = 0; i < 2; i++)
		ck_assert_int_gt(answer(&stage, fds[i]), 0);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	time_passes(&stage, HOUR / 2 + 1000);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	time_passes(&stage, HOUR / 2);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_RETIRED);
	time_passes(&stage, 2 * HOUR);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 1); /* the least */
	(void)ask_once(&stage);
	close_listener(&stage);
}
END_TEST

/* Nobody tells when they become busy: the pool looks at each tick. */
START_TEST(listener_grows_under_load)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int fds[3], i;

	stage_open(&stage, NULL);
	listen_on(AF_UNIX);
	options = listener_options(&stage, 1);
	options.workers_max = 3;
	options.spare_min = options.spare_max = 1;
	play_until_idle(&stage, &options);
	be_calm(&stage);
	for (i = 0; i < 3; i++) {
		fds[i] = call('h');
		UNTIL(&stage, n_said(&stage, 'h') == i + 1);
		time_passes(&stage, HOUR);
		UNTIL(&stage, stats_of_pool(&stage).idle == (i < 2 ? 1u : 0u));
		ck_assert_int_eq(stage.n_forks, i < 2 ? i + 2 : 3);
	}
	let_pass(&stage, 0, 3);
	for (i = 0; i < 3; i++)
		ck_assert_int_gt(answer(&stage, fds[i]), 0);
	UNTIL(&stage, stats_of_pool(&stage).idle == 3);
	for (i = 1; i <= 2; i++) {
		time_passes(&stage, HOUR);
		UNTIL(&stage, stage.n_ends == i);
	}
	time_passes(&stage, HOUR);
	be_calm(&stage);
	ck_assert_int_eq(n_ends_for(&stage, SIGCHLD_RETIRED), 2);
	ck_assert_uint_eq(stats_of_pool(&stage).idle, 1);
	close_listener(&stage);
}
END_TEST

/* The one that was forked last has served since; so the other goes. */
START_TEST(listener_the_longest_idle_goes)
{
	struct sigchld_pool_options options;
	struct stage stage;
	pid_t first, last;

	stage_open(&stage, NULL);
	listen_on(AF_UNIX);
	options = listener_options(&stage, 2);
	options.idle_ms = HOUR;
	play_until_idle(&stage, &options);
	first = stage.forks[0].pid;
	last = stage.forks[1].pid;
	MUST_BE(0, sigchld_pool_resize(stage.pool, 1, 2));
	be_calm(&stage);
	time_passes(&stage, HOUR / 2);
	stop_worker(first);
	ck_assert_int_eq(ask_once(&stage), last);
	send_signal(first, SIGCONT);
	time_passes(&stage, HOUR / 2 + 1000);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_int_eq(stage.ends[0].pid, first);
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_RETIRED);
	ck_assert_int_eq(ask_once(&stage), last);
	close_listener(&stage);
}
END_TEST

START_TEST(listener_a_connection_that_takes_too_long)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int fd;

	stage_open(&stage, NULL);
	listen_on(AF_UNIX);
	options = listener_options(&stage, 2);
	options.request_ms = HOUR;
	options.slow_ms = HOUR / 2;
	options.abort_ms = HOUR;
	play_until_idle(&stage, &options);
	fd = call('s');
	UNTIL(&stage, n_said(&stage, 's') == 1);
	UNTIL(&stage, stats_of_pool(&stage).busy == 1);
	be_calm(&stage);
	time_passes(&stage, HOUR / 2);
	UNTIL(&stage, stage.n_slows == 1);
	ck_assert_int_eq(stage.slows[0].pid, who_said(&stage, 's', 0));
	ck_assert_int_eq(stage.n_ends, 0);
	time_passes(&stage, HOUR / 2 + 1000);
	UNTIL(&stage, stage.n_ends == 1);
	ck_assert_int_eq(stage.ends[0].pid, who_said(&stage, 's', 0));
	ck_assert_uint_eq(stage.ends[0].reason, SIGCHLD_KILLED_TIMEOUT);
	ck_assert_int_eq(WTERMSIG(stage.ends[0].wstatus), SIGABRT);
	ck_assert_int_eq(answer(&stage, fd), -1);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	time_passes(&stage, 5 * HOUR); /* the idle one has no deadline */
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 1);
	ck_assert_int_eq(stage.n_slows, 1);
	close_listener(&stage);
}
END_TEST

/* Twice since, so once for certain; but for him. */
static bool
have_beaten(struct stage *stage, const int before[2], pid_t but_for)
{
	uint32_t slot;

	for (slot = 0; slot < 2; slot++) {
		if (worker_in(stage, slot) != but_for &&
		    atomic_load(&stage->marks[BEATEN + slot]) <
			before[slot] + 2)
			return false;
	}
	return true;
}

/* Half of the time passes, and again; those who serve have beaten since. Whether
 * somebody has, may be looked at once in that time, so it takes twice as long. */
START_TEST(listener_who_beats_lives)
{
	struct sigchld_pool_options options;
	struct stage stage;
	int fd, i, n_beats[2];

	stage_open(&stage, NULL);
	listen_on(AF_UNIX);
	options = listener_options(&stage, 2);
	options.beat_ms = HOUR;
	atomic_store(&stage.marks[BEATS], 1);
	play_until_idle(&stage, &options);
	(void)ask_once(&stage);
	fd = call('s'); /* it beats no more */
	UNTIL(&stage, n_said(&stage, 's') == 1);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 0);
	for (i = 0; i < 5; i++) {
		n_beats[0] = atomic_load(&stage.marks[BEATEN]);
		n_beats[1] = atomic_load(&stage.marks[BEATEN + 1]);
		time_passes(&stage, HOUR / 2);
		(void)ask_once(&stage);
		UNTIL(&stage,
		    have_beaten(&stage, n_beats, who_said(&stage, 's', 0)));
	}
	UNTIL(&stage, end_of(&stage, who_said(&stage, 's', 0)) != NULL);
	ck_assert_uint_eq(end_of(&stage, who_said(&stage, 's', 0))->reason,
	    SIGCHLD_KILLED_BEAT);
	ck_assert_int_eq(answer(&stage, fd), -1);
	UNTIL(&stage, stats_of_pool(&stage).idle == 2);
	(void)ask_once(&stage);
	be_calm(&stage);
	ck_assert_int_eq(stage.n_ends, 1);
	close_listener(&stage);
}
END_TEST

/* The listener stays open here as long as the pool lives, and no longer than it
 * must: workers have theirs, whatever the test does. */
START_TEST(listener_workers_have_but_what_they_were_given)
{
	struct stage stage;
	int fds[50], i;

	for (i = 0; i < 50; i++)
		fds[i] = dup(0);
	play_listener(&stage, 3);
	for (i = 0; i < 3; i++)
		ck_assert_int_le(proc_fds(stage.forks[i].pid),
		    3 + DOORS + 2 + 2);
	(void)ask_once(&stage);
	for (i = 0; i < 50; i++)
		(void)close(fds[i]);
	close_listener(&stage);
}
END_TEST

HARNESS("listener",
    {
	HARNESS_TEST(listener_serves_on_loopback),
	HARNESS_TEST(listener_serves_on_a_unix_socket),
	HARNESS_TEST(listener_takes_no_request),
	HARNESS_TEST(listener_busy_is_seen),
	HARNESS_TEST(listener_the_dead_are_replaced),
	HARNESS_TEST(listener_run_may_end_by_itself),
	HARNESS_TEST(listener_max_requests_loses_no_connection),
	HARNESS_TEST(listener_stop_while_they_wait_for_clients),
	HARNESS_TEST(listener_who_does_not_look_is_killed),
	HARNESS_TEST(listener_roll_loses_no_connection),
	HARNESS_TEST(listener_the_old_are_replaced),
	HARNESS_TEST(listener_resize),
	HARNESS_TEST(listener_resize_while_all_are_busy),
	HARNESS_TEST(listener_grows_under_load),
	HARNESS_TEST(listener_the_idle_go_after_idle_ms),
	HARNESS_TEST(listener_the_longest_idle_goes),
	HARNESS_TEST(listener_a_connection_that_takes_too_long),
	HARNESS_TEST(listener_who_beats_lives),
	HARNESS_TEST(listener_workers_have_but_what_they_were_given),
    })
