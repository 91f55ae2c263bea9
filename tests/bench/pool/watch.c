/*
 * watch.c - start a server, kill its workers, and see how it recovers
 *
 *	bench_pool_watch --workers N [--one TIMES] [--all TIMES]
 *	    [--idle SECONDS] [--memory] [--crash SECONDS] [--page FILE]
 *	    [--log FILE] [--dir DIR] -- COMMAND...
 *
 * COMMAND must stay in the foreground and start N workers, who wait for
 * clients. It gets a session of its own and, with all its children, the first
 * CPU; we have the second, and look again and again. All servers are seen
 * alike, and from outside only:
 *
 *	the list of the children of the server, each known by its pid, and held
 *	    by a pidfd
 *	a worker is ready when it sleeps in accept, poll, select or epoll_wait
 *
 * --one	one worker, any of them, gets SIGKILL: until its successor is
 *		ready, and it is reaped, and nothing else has changed; the list
 *		is read before and after only, as that takes a part of a
 *		millisecond, and the lock that forks and ends wait for
 * --all	all at once: until as many others are ready
 * --crash	DIR is removed, so that no worker can start, and all are killed:
 *		how often it forks, by the lines with "started" in its log
 * --page	what our own server tells, as bench_page has it
 *
 * Between two deaths there is a pause, never the same, so that no period of the
 * server's is met at the same point each time.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_pool.h"

#define MS          INT64_C(1000000)
#define PATIENCE_NS (90000 * MS)
#define LEAVE_NS    (20000 * MS)
#define MOST        2000 /* workers */

struct orders {
	int workers, one, all, idle_s, crash_s;
	bool memory;
	const char *page, *log, *dir;
	char **command;
};

struct watch {
	struct orders orders;
	struct bench_page *page; /* NULL: a peer */
	pid_t server;
	bool ended; /* it was waited for */
	int list;   /* of its children */
	int64_t deadline_ns;
	const char *problem; /* NULL: none yet */
	uint64_t kills;
	pid_t pids[MOST]; /* those that there are to be, in the order of */
	int held[MOST];   /* the list */
	int n_held;
	pid_t seen[MOST];
	int n_seen;
};

/* Looking */

static void
be_patient(struct watch *w, int64_t for_ns)
{
	w->deadline_ns = bench_now_ns() + for_ns;
}

static bool
goes_on(struct watch *w)
{
	if (w->problem == NULL && bench_now_ns() > w->deadline_ns)
		w->problem = "it takes too long";

	return w->problem == NULL;
}

static bool
has_ended(struct watch *w)
{
	if (!w->ended)
		w->ended = waitpid(w->server, NULL, WNOHANG) != 0;

	return w->ended;
}

/* Who has no children may be dead, and a zombie has none. */
static bool
look(struct watch *w)
{
	w->n_seen = bench_children(w->list, w->seen, MOST);
	if ((w->n_seen < 0 || (w->n_seen == 0 && has_ended(w))) &&
	    w->problem == NULL)
		w->problem = "the server has ended";

	return w->n_seen >= 0;
}

static bool
same(const struct watch *w, int i, pid_t pid)
{
	return w->pids[i] == pid && bench_is_there(w->held[i]);
}

static void
hold(struct watch *w, int i, pid_t pid)
{
	w->pids[i] = pid;
	w->held[i] = bench_hold(pid);
	if (w->held[i] < 0 && w->problem == NULL)
		w->problem = "a worker has gone by itself";
}

static void
remember(struct watch *w)
{
	int i;

	(void)look(w);
	while (w->n_held > 0)
		(void)close(w->held[--w->n_held]);
	if (w->problem == NULL && w->n_seen != w->orders.workers)
		w->problem = "a worker came or went by itself";
	for (i = 0; i < w->n_seen && w->problem == NULL; i++) {
		hold(w, i, w->seen[i]);
		w->n_held = i + 1;
	}
}

/* A list is of new ones if its first is: who comes is put behind the others. */
static bool
is_new(const struct watch *w, pid_t pid, int n_old)
{
	int i;

	for (i = 0; i < n_old; i++) {
		if (same(w, i, pid))
			return false;
	}

	return true;
}

/* Until there are as many as there are to be, none of the old ones, all ready.
 * Gives when. */
static int64_t
await_all(struct watch *w, int n_old)
{
	const int n = w->orders.workers;
	int ready = 0;

	while (goes_on(w)) {
		if (ready == 0 &&
		    (!look(w) || w->n_seen != n ||
			!is_new(w, w->seen[0], n_old)))
			continue;
		while (ready < n && bench_awaits_clients(w->seen[ready]))
			ready++;
		if (ready == n)
			return bench_now_ns();
	}

	return 0;
}

/* All is as we know it, and the server sleeps, after 50 ms to 1050. */
static void
settle(struct watch *w)
{
	int i;

	bench_nap_until(bench_now_ns() + (50 + random() % 1000) * MS);
	while (goes_on(w) && !bench_asleep(w->server))
		continue;
	(void)look(w);
	if (w->n_seen != w->orders.workers && w->problem == NULL)
		w->problem = "a worker came or went by itself";
	for (i = 0; i < w->n_seen && w->problem == NULL; i++) {
		if (!same(w, i, w->seen[i]))
			w->problem = "a worker came or went by itself";
	}
}

static void
tell(const char *key, double value)
{
	(void)printf("%s %.3f\n", key, value);
}

static void
tell_us(const char *key, int64_t ns)
{
	tell(key, (double)ns / 1e3);
}

static uint64_t
count_ready(const struct watch *w)
{
	return w->page == NULL ? 0 : atomic_load(&w->page->ready);
}

/* What our server knows itself: when it had heard that so many were ready. */
static void
tell_event(struct watch *w, const char *key, uint64_t want, int64_t began_ns)
{
	if (w->page == NULL)
		return;
	while (goes_on(w) && atomic_load(&w->page->ready) < want)
		continue;
	if (w->problem == NULL && atomic_load(&w->page->ready) > want)
		w->problem = "the server counts more who were ready";
	if (w->problem == NULL)
		tell_us(key, atomic_load(&w->page->ready_ns) - began_ns);
}

/* One death */

/* Is the list that of the survivors, with one more behind? */
static bool
has_successor(struct watch *w, pid_t victim, int victim_held)
{
	const int others = w->orders.workers - 1;

	if (!look(w) || w->n_seen != others + 1 ||
	    memcmp(w->seen, w->pids, (size_t)others * sizeof(pid_t)) != 0)
		return false;

	return w->seen[others] != victim || !bench_is_there(victim_held);
}

/* The child of the server that was forked after `before'; or 0 if that cannot be
 * told, because too many others were. A process is numbered before it is there
 * to be seen. */
static pid_t
await_fork(struct watch *w, pid_t before)
{
	pid_t pid, newest;

	while (goes_on(w)) {
		newest = bench_newest();
		if (newest < before || newest > before + 64)
			return 0;
		for (pid = before + 1; pid <= newest; pid++) {
			if (bench_parent(pid) == w->server)
				return pid;
		}
	}

	return 0;
}

/* Gives when it was ready and the victim reaped; 0: it has ended, too. */
static int64_t
await_ready(struct watch *w, pid_t pid, int victim_held)
{
	const int held = bench_hold(pid);
	int64_t ready_ns = 0;

	while (goes_on(w) && ready_ns == 0 && bench_is_there(held)) {
		if (bench_awaits_clients(pid) && !bench_is_there(victim_held))
			ready_ns = bench_now_ns();
	}
	if (held >= 0)
		(void)close(held);

	return ready_ns;
}

static int64_t
await_successor(struct watch *w, pid_t victim, int victim_held, pid_t before)
{
	const int others = w->orders.workers - 1;
	const pid_t pid = await_fork(w, before);
	int64_t ready_ns = pid == 0 ? 0 : await_ready(w, pid, victim_held);

	while (goes_on(w)) {
		if (!has_successor(w, victim, victim_held) ||
		    !bench_awaits_clients(w->seen[others]))
			continue;
		if (ready_ns == 0 || w->seen[others] != pid)
			ready_ns = bench_now_ns();
		hold(w, others, w->seen[others]);
		return ready_ns;
	}

	return 0;
}

static void
forget(struct watch *w, int i)
{
	const size_t behind = (size_t)(w->orders.workers - 1 - i);

	(void)memmove(&w->pids[i], &w->pids[i + 1], behind * sizeof(pid_t));
	(void)memmove(&w->held[i], &w->held[i + 1], behind * sizeof(int));
}

static void
kill_one(struct watch *w)
{
	const int i = (int)(random() % w->orders.workers);
	const pid_t victim = w->pids[i];
	const int held = w->held[i];
	uint64_t ready;
	int64_t began_ns, ended_ns;
	pid_t before;

	settle(w);
	if (w->problem != NULL)
		return;
	ready = count_ready(w);
	forget(w, i);
	before = bench_newest();
	began_ns = bench_now_ns();
	(void)kill(victim, SIGKILL);
	w->kills++;
	ended_ns = await_successor(w, victim, held, before);
	(void)close(held);
	if (w->problem == NULL)
		tell_us("one_us", ended_ns - began_ns);
	tell_event(w, "one_event_us", ready + 1, began_ns);
}

/* All at once */

static void
verify_all_new(struct watch *w)
{
	static pid_t now[MOST];
	const int n = w->orders.workers;
	int i;

	(void)look(w);
	(void)memcpy(now, w->seen, sizeof(now));
	for (i = 0; i < n && w->problem == NULL; i++) {
		if (w->n_seen != n || !is_new(w, now[i], n))
			w->problem = "not all of them are new";
	}
}

static void
kill_list(struct watch *w)
{
	int i;

	for (i = 0; i < w->orders.workers; i++) {
		(void)kill(w->pids[i], SIGKILL);
		w->kills++;
	}
}

static void
kill_all(struct watch *w)
{
	const int n = w->orders.workers;
	int64_t began_ns, ended_ns, cpu_ns;
	uint64_t ready;

	settle(w);
	if (w->problem != NULL)
		return;
	ready = count_ready(w);
	cpu_ns = bench_cpu_ns(w->server);
	began_ns = bench_now_ns();
	kill_list(w);
	ended_ns = await_all(w, n);
	if (w->problem == NULL) {
		tell_us("all_us", ended_ns - began_ns);
		tell_us("all_cpu_us", bench_cpu_ns(w->server) - cpu_ns);
	}
	tell_event(w, "all_event_us", ready + (uint64_t)n, began_ns);
	verify_all_new(w);
	remember(w);
}

/* Nobody does anything */

static void
watch_idle(struct watch *w)
{
	const double seconds = w->orders.idle_s;
	uint64_t wakes;
	int64_t cpu_ns, began_ns;

	settle(w);
	wakes = bench_wakes(w->server);
	cpu_ns = bench_cpu_ns(w->server);
	began_ns = bench_now_ns();
	bench_nap_until(began_ns + w->orders.idle_s * 1000 * MS);
	if (w->problem != NULL)
		return;
	tell("idle_wakes", (double)(bench_wakes(w->server) - wakes) / seconds);
	tell_us("idle_cpu_us",
	    (int64_t)((double)(bench_cpu_ns(w->server) - cpu_ns) / seconds));
	settle(w);
}

static void
weigh(struct watch *w)
{
	struct bench_memory parent = { 0 }, one = { 0 }, all = { 0 };
	const int n = w->orders.workers;
	int i;

	settle(w);
	if (!bench_memory_of(w->server, &parent) && w->problem == NULL)
		w->problem = "no smaps_rollup";
	for (i = 0; i < n && w->problem == NULL; i++) {
		if (!bench_memory_of(w->pids[i], &one))
			w->problem = "no smaps_rollup";
		all.pss_kib += one.pss_kib;
		all.own_kib += one.own_kib;
	}
	if (w->problem != NULL)
		return;
	tell("memory_parent_kib", (double)parent.pss_kib);
	tell("memory_worker_kib", (double)all.pss_kib / n);
	tell("memory_own_kib", (double)all.own_kib / n);
	tell("memory_all_kib", (double)(parent.pss_kib + all.pss_kib));
}

/* None can start */

static uint64_t
count_started(struct watch *w)
{
	FILE *log = fopen(w->orders.log, "re");
	uint64_t n = 0;
	char line[512];

	if (log == NULL) {
		if (w->problem == NULL)
			w->problem = "no log";
		return 0;
	}
	while (fgets(line, sizeof(line), log) != NULL)
		n += strstr(line, "started") != NULL;
	(void)fclose(log);

	return n;
}

struct meter {
	int64_t now_ns, cpu_ns, tree_ns;
	uint64_t forks;
};

static struct meter
read_meter(struct watch *w)
{
	return (struct meter){
		.now_ns = bench_now_ns(),
		.cpu_ns = bench_cpu_ns(w->server),
		.tree_ns = bench_tree_ns(w->server),
		.forks = count_started(w),
	};
}

static void
tell_crash(const struct watch *w, const char *when, const struct meter *from,
    const struct meter *to)
{
	const double ns = (double)(to->now_ns - from->now_ns);
	const double forks = (double)(to->forks - from->forks);
	char key[64];

	(void)snprintf(key, sizeof(key), "crash_%s", when);
	tell(key, forks / w->orders.workers / (ns / 1e9));
	(void)snprintf(key, sizeof(key), "crash_%s_cpu", when);
	tell(key, 100 * (double)(to->cpu_ns - from->cpu_ns) / ns);
	(void)snprintf(key, sizeof(key), "crash_%s_tree", when);
	tell(key, 100 * (double)(to->tree_ns - from->tree_ns) / ns);
}

static void
crash(struct watch *w)
{
	struct meter before, first, later;

	settle(w);
	if (w->problem == NULL && rmdir(w->orders.dir) < 0)
		w->problem = "the directory cannot be removed";
	if (w->problem != NULL)
		return;
	before = read_meter(w);
	kill_list(w);
	bench_nap_until(before.now_ns + 1000 * MS);
	first = read_meter(w);
	bench_nap_until(before.now_ns + w->orders.crash_s * 1000 * MS);
	later = read_meter(w);
	(void)look(w);
	if (w->problem == NULL && first.forks == before.forks)
		w->problem = "it did not try to fork";
	if (w->problem == NULL && w->n_seen > w->orders.workers)
		w->problem = "there are too many";
	if (w->problem != NULL)
		return;
	tell_crash(w, "first", &before, &first);
	tell_crash(w, "later", &first, &later);
}

/* Before and after */

static _Noreturn void
be_server(const struct orders *orders)
{
	int fd = open("/dev/null", O_RDWR);

	(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)setsid();
	if (bench_cpus() > 1)
		bench_pin(0);
	(void)dup2(fd, 0);
	(void)dup2(fd, 1);
	(void)execvp(orders->command[0], orders->command);
	_exit(127);
}

static void
start(struct watch *w)
{
	const int64_t began_ns = bench_now_ns();
	int64_t ready_ns;

	w->server = fork();
	if (w->server == 0)
		be_server(&w->orders);
	if (w->server < 0)
		bench_void("no fork: %s", strerror(errno));
	if (bench_cpus() > 1)
		bench_pin(1);
	w->list = bench_children_open(w->server);
	if (w->list < 0)
		w->problem = "no list of children in /proc";
	ready_ns = await_all(w, 0);
	if (w->problem == NULL)
		tell_us("start_us", ready_ns - began_ns);
	remember(w);
}

/* It is told to go, and takes all that it started with it. */
static void
stop(struct watch *w)
{
	int i;

	be_patient(w, LEAVE_NS);
	if (!w->ended)
		(void)kill(w->server, SIGTERM);
	while (!has_ended(w) && bench_now_ns() < w->deadline_ns)
		bench_nap_until(bench_now_ns() + MS);
	if (!w->ended && w->problem == NULL)
		w->problem = "it does not stop";
	for (i = 0; i < w->orders.workers && w->problem == NULL; i++) {
		if (same(w, i, w->pids[i]))
			w->problem = "a worker outlives its server";
	}
	/* Its process group is of its session: nobody else is in there. */
	if (w->problem != NULL)
		(void)kill(-w->server, SIGKILL);
	if (!w->ended)
		(void)waitpid(w->server, NULL, 0);
	(void)close(w->list);
}

/* What our server counted must be what we did. */
static void
verify_page(struct watch *w)
{
	const struct bench_page *page = w->page;

	if (page == NULL || w->problem != NULL)
		return;
	if (atomic_load(&page->stopped) == 0)
		w->problem = "the server did not say what it counted";
	else if (atomic_load(&page->killed) != w->kills)
		w->problem = "the server counts others killed";
	else if (atomic_load(&page->spawned) != atomic_load(&page->ended))
		w->problem = "the server counts a worker that never ended";
	else if (w->orders.crash_s == 0 &&
	    atomic_load(&page->spawned) !=
		w->kills + (uint64_t)w->orders.workers)
		w->problem = "the server counts other forks";
}

static void
carry_out(struct watch *w)
{
	const struct orders *orders = &w->orders;
	int i;

	if (orders->memory)
		weigh(w);
	if (orders->idle_s > 0)
		watch_idle(w);
	for (i = 0; i < orders->one && w->problem == NULL; i++) {
		be_patient(w, PATIENCE_NS);
		kill_one(w);
	}
	for (i = 0; i < orders->all && w->problem == NULL; i++) {
		be_patient(w, PATIENCE_NS);
		kill_all(w);
	}
	be_patient(w, PATIENCE_NS);
	if (orders->crash_s > 0)
		crash(w);
}

static bool
read_orders(int argc, char **argv, struct orders *orders)
{
	static const struct option options[] = {
		{ "workers", required_argument, NULL, 'w' },
		{ "one", required_argument, NULL, 'o' },
		{ "all", required_argument, NULL, 'a' },
		{ "idle", required_argument, NULL, 'i' },
		{ "memory", no_argument, NULL, 'm' },
		{ "crash", required_argument, NULL, 'c' },
		{ "page", required_argument, NULL, 'p' },
		{ "log", required_argument, NULL, 'l' },
		{ "dir", required_argument, NULL, 'd' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		switch (c) {
		case 'w':
			orders->workers = atoi(optarg);
			break;
		case 'o':
			orders->one = atoi(optarg);
			break;
		case 'a':
			orders->all = atoi(optarg);
			break;
		case 'i':
			orders->idle_s = atoi(optarg);
			break;
		case 'm':
			orders->memory = true;
			break;
		case 'c':
			orders->crash_s = atoi(optarg);
			break;
		case 'p':
			orders->page = optarg;
			break;
		case 'l':
			orders->log = optarg;
			break;
		case 'd':
			orders->dir = optarg;
			break;
		default:
			return false;
		}
	}
	orders->command = argv + optind;

	return orders->workers > 0 && orders->workers <= MOST &&
	    optind < argc &&
	    (orders->crash_s == 0 ||
		(orders->log != NULL && orders->dir != NULL));
}

int
main(int argc, char **argv)
{
	static struct watch w;

	if (!read_orders(argc, argv, &w.orders)) {
		(void)fprintf(stderr, "see the top of watch.c\n");
		return 2;
	}
	if (w.orders.page != NULL) {
		(void)unlink(w.orders.page);
		w.page = bench_page_open(w.orders.page);
	}
	bench_allow_descriptors();
	srandom((unsigned int)bench_now_ns());
	be_patient(&w, PATIENCE_NS);
	start(&w);
	if (w.problem == NULL)
		carry_out(&w);
	stop(&w);
	verify_page(&w);
	if (w.problem != NULL)
		bench_void("%s", w.problem);

	return 0;
}
