/*
 * test_fdtab_storm.c - D6: the table and the users under a storm of SIGCHLDs
 *
 * Each keeper opens a self-pipe, puts it into the table and its user on the
 * list, gives it to another group now and then, takes it off and closes it, and
 * at once opens a canary, which mostly gets the number that has just become
 * free and keeps it a while. A stray write makes the canary readable. Visitors
 * grab and drop by number whatever they find. SIGCHLD is raised without a pause.
 *
 * SIGCHLD_STRESS_SECONDS (5) and SIGCHLD_SEED (the time) choose.
 */
/* wrap: write */
/* labels: stress */
/* timeout: 120 */
#include <fcntl.h>
#include <sys/eventfd.h>

#include "async/fdtab.h"
#include "help.h"

#define KEEPERS  3
#define VISITORS 2
#define CANARIES 8
#define NUMBERS  64 /* visitors look below this */

static atomic_bool is_over;
static atomic_ulong n_cycles, n_strays, n_moves, n_grabs, n_pending, n_signals;
static atomic_bool went_wrong;

int __real_sigchld__sys_write(int fd, const void *data, size_t size);
int __wrap_sigchld__sys_write(int fd, const void *data, size_t size);

/* The instant between the choice of a descriptor and the write, made longer. */
int
__wrap_sigchld__sys_write(int fd, const void *data, size_t size)
{
	static atomic_uint n;

	if (atomic_fetch_add(&n, 1) % 4 == 0)
		(void)sched_yield();
	return __real_sigchld__sys_write(fd, data, size);
}

static unsigned long
environment(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoul(text, NULL, 10) : otherwise;
}

static uint32_t
any(uint32_t *state, uint32_t below)
{
	*state = *state * 1664525u + 1013904223u;
	return (*state >> 8) % below;
}

/* In threads an assertion of check's would be a lock for all. */
static void
must(bool is_true)
{
	if (!is_true)
		atomic_store(&went_wrong, true);
}

/* Drop, and do what the last one has to. Gives what the drop gave. */
static int
drop(int fd)
{
	struct sigchld__fdentry *entry = sigchld__fd_entry(fd);
	int rc;

	while ((rc = sigchld__fd_drop(fd)) == SIGCHLD__FD_MOVING) {
		uint32_t from = sigchld__fd_owner(fd); /* 0: it is closing */
		uint32_t to = atomic_load(&entry->next);

		if (from != 0 && to != 0 && sigchld__fd_reown(fd, from, to)) {
			atomic_store(&entry->next, 0);
			atomic_fetch_add(&n_moves, 1);
		}
	}
	must(rc >= 0);

	return rc;
}

static void
move(int fd, uint32_t from, uint32_t to)
{
	if (sigchld__fd_grab(fd, from) != 0)
		return;
	atomic_store(&sigchld__fd_entry(fd)->next, to);
	(void)drop(fd);
}

/* Whoever owns it now: a move may be pending. */
static void
take_away(int fd, uint32_t generation)
{
	uint32_t group;
	int rc;

	do {
		must(sigchld__fd_grab_generation(fd, generation, &group) == 0);
		rc = sigchld__fd_disown(fd, group);
		if (rc == 0 && drop(fd) == SIGCHLD__FD_CLOSED)
			return;
		if (rc < 0)
			(void)drop(fd);
	} while (rc < 0);
	atomic_fetch_add(&n_pending, 1); /* a visitor closes it */
}

/* Canaries of one keeper: the newest takes the number that has just become
 * free, the oldest is looked at and goes. -1: none yet. */
struct cage {
	int fds[CANARIES];
	unsigned int oldest;
};

static void
look_after(struct cage *cage, int canary)
{
	int *at = &cage->fds[cage->oldest++ % CANARIES];

	if (*at >= 0 && harness_readable(*at, 0))
		atomic_fetch_add(&n_strays, 1);
	if (*at >= 0)
		(void)close(*at);
	*at = canary;
}

static void
empty(struct cage *cage)
{
	int i;

	for (i = 0; i < CANARIES; i++)
		look_after(cage, -1);
}

/* The user lives on this stack: once he is off, no walk may find him. */
static void
cycle(uint32_t group, uint32_t *state, struct cage *cage)
{
	struct sigchld__user user;
	const struct sigchld__fdinfo info = { .user = &user };
	uint32_t generation = 0;
	int rc;

	memset(&user, 0, sizeof(user));
	sigchld__nofork_begin();
	must(sigchld__selfpipe_open(&user.pipe) == 0);
	rc = sigchld__fd_claim(user.pipe.rd, &info, &generation);
	must(rc == 0);
	sigchld__fd_publish(user.pipe.rd, group);
	sigchld__nofork_end();
	edit_begin();
	sigchld__users_add(&sigchld__signal_users, &user);
	edit_end();
	if (any(state, 2) == 0)
		move(user.pipe.rd, group, group + KEEPERS);
	(void)sigchld__selfpipe_drain(&user.pipe);
	(void)sigchld__user_asleep(&user);
	edit_begin();
	sigchld__users_remove(&sigchld__signal_users, &user);
	edit_end();
	if (user.pipe.wr != user.pipe.rd)
		(void)close(user.pipe.wr);
	must(atomic_load(&user.fault) == 0);
	take_away(user.pipe.rd, generation);
	look_after(cage, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	atomic_fetch_add(&n_cycles, 1);
}

static void *
keeper(void *arg)
{
	uint32_t group = *(uint32_t *)arg % KEEPERS + 1;
	uint32_t state = *(uint32_t *)arg;
	struct cage cage = { .oldest = 0 };

	memset(cage.fds, -1, sizeof(cage.fds));
	while (!atomic_load(&is_over))
		cycle(group, &state, &cage);
	empty(&cage);
	return NULL;
}

/* While it is held it belongs to the group and is open. */
static void
visit(int fd, uint32_t group)
{
	uint32_t generation;

	if (sigchld__fd_grab(fd, group) != 0)
		return;
	generation = sigchld__fd_entry(fd)->generation;
	(void)sched_yield();
	must(fcntl(fd, F_GETFD) >= 0);
	must(sigchld__fd_entry(fd)->generation == generation);
	(void)drop(fd);
	atomic_fetch_add(&n_grabs, 1);
}

static void *
visitor(void *arg)
{
	uint32_t state = *(uint32_t *)arg;
	int i;

	while (!atomic_load(&is_over)) {
		for (i = 0; i < NUMBERS; i++)
			visit((int)any(&state, NUMBERS),
			    any(&state, 2 * KEEPERS) + 1);
		(void)sched_yield();
	}
	return NULL;
}

static void
spray_for(unsigned long seconds)
{
	int64_t until = harness_now_ms() + (int64_t)seconds * 1000;

	while (harness_now_ms() < until && !atomic_load(&went_wrong)) {
		(void)kill(getpid(), SIGCHLD);
		atomic_fetch_add(&n_signals, 1);
	}
	atomic_store(&is_over, true);
}

static void
count(int fd, struct sigchld__fdentry *entry, void *user)
{
	(void)fd;
	(void)entry;
	(*(int *)user)++;
}

START_TEST(d6_m31_no_stray_bytes_under_a_storm)
{
	uint32_t seed =
	    (uint32_t)environment("SIGCHLD_SEED", (unsigned long)time(NULL));
	uint32_t seeds[KEEPERS + VISITORS];
	pthread_t threads[KEEPERS + VISITORS];
	uint32_t i;
	int left = 0;

	(void)printf("      SIGCHLD_SEED=%u\n", seed);
	claim();
	ck_assert_int_eq(handler_hold(false), 0);
	for (i = 0; i < KEEPERS + VISITORS; i++) {
		seeds[i] = seed + i;
		threads[i] = start(i < KEEPERS ? keeper : visitor, &seeds[i]);
	}
	spray_for(environment("SIGCHLD_STRESS_SECONDS", 5));
	for (i = 0; i < KEEPERS + VISITORS; i++)
		(void)join(threads[i]);
	handler_drop();
	(void)printf("      %lu cycles, %lu moves, %lu grabs, %lu left to "
		     "another, %lu signals\n",
	    n_cycles, n_moves, n_grabs, n_pending, n_signals);
	ck_assert(!went_wrong);
	ck_assert_uint_eq(n_strays, 0);
	ck_assert_uint_gt(n_cycles, 0);
	ck_assert(list_is_free());
	sigchld__fd_foreach(count, &left);
	ck_assert_int_eq(left, 0);
}
END_TEST

HARNESS("fdtab_storm",
    {
	HARNESS_TEST(d6_m31_no_stray_bytes_under_a_storm),
    })
