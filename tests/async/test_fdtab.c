/*
 * test_fdtab.c - the descriptor table: who owns a descriptor, who holds it
 *
 * White box where it must be: that a closed descriptor has a zero word is seen
 * in the word.
 */
/* wrap: close map */
#include <fcntl.h>
#include <sys/resource.h>

#include "async/fdtab.h"
#include "help.h"

int __real_sigchld__sys_close(int fd);
int __wrap_sigchld__sys_close(int fd);
void *__real_sigchld__sys_map(size_t size);
void *__wrap_sigchld__sys_map(size_t size);

static atomic_int n_closes, n_maps;
static int maps_to_fail = -1; /* the n-th from now */
static uint32_t word_at_close = 4711;

static uint32_t
word_of(int fd)
{
	struct sigchld__fdentry *entry = sigchld__fd_entry(fd);

	return entry == NULL ? 0 : atomic_load(&entry->word);
}

int
__wrap_sigchld__sys_close(int fd)
{
	atomic_fetch_add(&n_closes, 1);
	word_at_close = word_of(fd);
	return __real_sigchld__sys_close(fd);
}

void *
__wrap_sigchld__sys_map(size_t size)
{
	atomic_fetch_add(&n_maps, 1);
	return maps_to_fail-- == 0 ? NULL : __real_sigchld__sys_map(size);
}

static const struct sigchld__fdinfo nothing;

static int
open_null(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);

	return fd;
}

/* Put fd into the table; gives its generation. */
static uint32_t
insert(int fd, uint32_t group)
{
	uint32_t generation = 0;

	sigchld__nofork_begin();
	ck_assert_int_eq(sigchld__fd_claim(fd, &nothing, &generation), 0);
	sigchld__fd_publish(fd, group);
	sigchld__nofork_end();

	return generation;
}

/* What a close is: hold it, take the owner away, let go. */
static int
close_fd(int fd, uint32_t group)
{
	ck_assert_int_eq(sigchld__fd_grab(fd, group), 0);
	ck_assert_int_eq(sigchld__fd_disown(fd, group), 0);

	return sigchld__fd_drop(fd);
}

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

START_TEST(d1_insert_demands_a_zero_word)
{
	int fd = open_null();
	uint32_t generation = 4711;

	(void)insert(fd, 7);
	ck_assert_int_eq(sigchld__fd_claim(fd, &nothing, &generation), -EBUSY);
	ck_assert_int_eq(sigchld__fd_grab(fd, 7), 0);
	ck_assert_int_eq(sigchld__fd_disown(fd, 7), 0);
	ck_assert_uint_eq(word_of(fd), 0x10000); /* a count is left over */
	ck_assert_int_eq(sigchld__fd_claim(fd, &nothing, &generation), -EBUSY);
	ck_assert_uint_eq(generation, 4711);
	ck_assert_int_eq(sigchld__fd_drop(fd), SIGCHLD__FD_CLOSED);
	ck_assert_uint_eq(word_of(fd), 0);
}
END_TEST

START_TEST(d1_no_descriptor_is_refused)
{
	uint32_t generation, group;

	ck_assert_int_eq(sigchld__fd_claim(-1, &nothing, &generation), -EINVAL);
	ck_assert_int_eq(sigchld__fd_claim(INT32_MIN, &nothing, &generation),
	    -EINVAL);
	ck_assert_ptr_null(sigchld__fd_entry(-1));
	ck_assert_int_eq(sigchld__fd_grab(-1, 1), -EBADF);
	ck_assert_int_eq(sigchld__fd_grab_generation(-1, 1, &group), -EBADF);
	ck_assert_int_eq(sigchld__fd_drop(-1), -EINVAL);
	ck_assert_uint_eq(sigchld__fd_owner(-1), 0);
}
END_TEST

/* The table does not look at the kernel's: these numbers need not be open. */
START_TEST(d1_grows_to_the_highest_number)
{
	int fds[] = { 0, 1023, 1024, 1 << 20, SIGCHLD__FD_MAX };
	uint32_t generation;
	size_t i;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		ck_assert_uint_eq(sigchld__fd_owner(fds[i]), 0);
		ck_assert_int_eq(sigchld__fd_grab(fds[i], 1), -EBADF);
		sigchld__nofork_begin();
		ck_assert_int_eq(sigchld__fd_claim(fds[i], &nothing,
				     &generation),
		    0);
		sigchld__fd_publish(fds[i], 65535);
		sigchld__nofork_end();
		ck_assert_uint_eq(sigchld__fd_owner(fds[i]), 65535);
	}
}
END_TEST

START_TEST(d1_without_memory_nothing_has_happened)
{
	uint32_t generation = 4711;
	int i;

	for (i = 0; i < 2; i++) { /* the middle of the tree, then a leaf */
		maps_to_fail = i;
		ck_assert_int_eq(sigchld__fd_claim(5 << 20, &nothing,
				     &generation),
		    -ENOMEM);
	}
	ck_assert_uint_eq(generation, 4711);
	ck_assert_int_eq(sigchld__fd_grab(5 << 20, 1), -EBADF);
	ck_assert_int_eq(sigchld__fd_claim(5 << 20, &nothing, &generation), 0);
	sigchld__fd_unclaim(5 << 20);
	ck_assert_uint_eq(word_of(5 << 20), 0);
}
END_TEST

START_TEST(d1_an_entry_begins_anew)
{
	struct sigchld__fdinfo info = { .events = 5, .user = &info };
	struct sigchld__fdentry *entry;
	int fd = open_null();
	uint32_t generation;

	(void)insert(fd, 1);
	entry = sigchld__fd_entry(fd);
	entry->keep_open = true;
	atomic_store(&entry->running, 1);
	ck_assert_int_eq(close_fd(fd, 1), SIGCHLD__FD_CLOSED);
	ck_assert(is_open(fd));
	ck_assert_int_eq(sigchld__fd_claim(fd, &info, &generation), 0);
	ck_assert(!entry->keep_open);
	ck_assert_uint_eq(atomic_load(&entry->running), 0);
	ck_assert_uint_eq(atomic_load(&entry->next), 0);
	ck_assert_uint_eq(atomic_load(&entry->events), 5);
	ck_assert_ptr_eq(entry->user, &info);
	sigchld__fd_unclaim(fd);
	(void)close(fd);
}
END_TEST

START_TEST(d2_grab_counts_only_under_the_right_owner)
{
	int fd = open_null();

	ck_assert_int_eq(sigchld__fd_grab(fd, 7), -EBADF);
	(void)insert(fd, 7);
	ck_assert_int_eq(sigchld__fd_grab(fd, 8), -EBADF);
	ck_assert_int_eq(sigchld__fd_grab(fd, 0), -EBADF);
	ck_assert_int_eq(sigchld__fd_grab(fd, 65536 + 7), -EBADF);
	ck_assert_uint_eq(word_of(fd), 7); /* no trace */
	ck_assert_int_eq(sigchld__fd_grab(fd, 7), 0);
	ck_assert_uint_eq(word_of(fd), 0x10007);
	ck_assert_uint_eq(sigchld__fd_owner(fd), 7); /* masks the count */
	ck_assert_int_eq(sigchld__fd_drop(fd), SIGCHLD__FD_DROPPED);
	ck_assert_int_eq(sigchld__fd_drop(fd), -EINVAL);
	ck_assert_uint_eq(word_of(fd), 7);
	ck_assert_int_eq(close_fd(fd, 7), SIGCHLD__FD_CLOSED);
	ck_assert_int_eq(sigchld__fd_grab(fd, 7), -EBADF);
	ck_assert_uint_eq(word_of(fd), 0);
}
END_TEST

START_TEST(d2_between_claim_and_publish_nobody_grabs)
{
	int fd = open_null();
	uint32_t generation, group;

	ck_assert_int_eq(sigchld__fd_claim(fd, &nothing, &generation), 0);
	ck_assert_int_eq(sigchld__fd_grab(fd, 1), -EBADF);
	ck_assert_int_eq(sigchld__fd_grab_generation(fd, generation, &group),
	    -EBADF);
	sigchld__fd_unclaim(fd);
	ck_assert_uint_eq(word_of(fd), 0);
	(void)close(fd);
}
END_TEST

START_TEST(d3_the_last_to_drop_closes)
{
	int fd = open_null();

	(void)insert(fd, 3);
	ck_assert_int_eq(sigchld__fd_grab(fd, 3), 0);
	ck_assert_int_eq(close_fd(fd, 3), SIGCHLD__FD_DROPPED); /* pending */
	ck_assert(is_open(fd));
	ck_assert_uint_eq(sigchld__fd_owner(fd), 0);
	ck_assert_int_eq(sigchld__fd_grab(fd, 3), -EBADF);
	ck_assert_int_eq(sigchld__fd_disown(fd, 3), -EBADF); /* once */
	ck_assert_int_eq(n_closes, 0);
	ck_assert_int_eq(sigchld__fd_drop(fd), SIGCHLD__FD_CLOSED);
	ck_assert_int_eq(n_closes, 1);
	ck_assert(!is_open(fd));
	ck_assert_uint_eq(word_at_close, 0); /* before the number is free */
	ck_assert_int_eq(sigchld__fd_drop(fd), -EINVAL);
}
END_TEST

START_TEST(d3_who_holds_it_alone_takes_it_and_closes_it)
{
	int fd = open_null();

	(void)insert(fd, 3);
	ck_assert(!sigchld__fd_take(fd, 3)); /* not held */
	ck_assert_int_eq(sigchld__fd_grab(fd, 3), 0);
	ck_assert_int_eq(sigchld__fd_grab(fd, 3), 0);
	ck_assert(!sigchld__fd_take(fd, 3)); /* held twice */
	ck_assert_int_eq(sigchld__fd_drop(fd), SIGCHLD__FD_DROPPED);
	ck_assert(!sigchld__fd_take(fd, 4)); /* another's */
	ck_assert_uint_eq(word_of(fd), 0x10003);
	ck_assert(sigchld__fd_take(fd, 3));
	ck_assert_uint_eq(word_of(fd), 0);
	ck_assert(is_open(fd));
	ck_assert_int_eq(sigchld__fd_grab(fd, 3), -EBADF);
	(void)close(fd);
}
END_TEST

#define HOLDERS 8

static struct gate gates[HOLDERS];
static atomic_int n_closers;
static int held_fd;

static void *
holder(void *arg)
{
	if (sigchld__fd_grab(held_fd, 3) != 0)
		return arg;
	gate_pass(arg);
	if (sigchld__fd_drop(held_fd) == SIGCHLD__FD_CLOSED)
		atomic_fetch_add(&n_closers, 1);
	return NULL;
}

START_TEST(d3_of_many_one_closes_and_nobody_waits)
{
	pthread_t threads[HOLDERS];
	int i, round;

	for (round = 0; round < 100; round++) {
		held_fd = open_null();
		(void)insert(held_fd, 3);
		for (i = 0; i < HOLDERS; i++) {
			gate_init(&gates[i]);
			threads[i] = start(holder, &gates[i]);
		}
		for (i = 0; i < HOLDERS; i++)
			gate_await(&gates[i]);
		ck_assert_int_eq(close_fd(held_fd, 3), SIGCHLD__FD_DROPPED);
		for (i = 0; i < HOLDERS; i++)
			gate_open(&gates[i]);
		for (i = 0; i < HOLDERS; i++)
			ck_assert_ptr_null(join(threads[i]));
		ck_assert_int_eq(n_closers, round + 1);
		ck_assert(!is_open(held_fd));
	}
	ck_assert_int_eq(n_closes, 100);
}
END_TEST

START_TEST(d3_what_is_to_stay_open_stays_open)
{
	int fd = open_null();

	(void)insert(fd, 3);
	ck_assert_int_eq(sigchld__fd_grab(fd, 3), 0);
	sigchld__fd_entry(fd)->keep_open = true;
	ck_assert_int_eq(sigchld__fd_disown(fd, 3), 0);
	ck_assert_int_eq(sigchld__fd_drop(fd), SIGCHLD__FD_CLOSED);
	ck_assert_int_eq(n_closes, 0);
	ck_assert(is_open(fd));
	ck_assert_uint_eq(word_of(fd), 0);
	(void)close(fd);
}
END_TEST

START_TEST(d4_owner_changes_only_at_count_zero)
{
	int fd = open_null();

	(void)insert(fd, 3);
	ck_assert_int_eq(sigchld__fd_grab(fd, 3), 0); /* somebody */
	ck_assert_int_eq(sigchld__fd_grab(fd, 3), 0); /* the mover */
	atomic_store(&sigchld__fd_entry(fd)->next, 9);
	ck_assert(!sigchld__fd_reown(fd, 3, 9));
	ck_assert_int_eq(sigchld__fd_drop(fd), SIGCHLD__FD_DROPPED);
	ck_assert_uint_eq(sigchld__fd_owner(fd), 3);
	ck_assert_int_eq(sigchld__fd_drop(fd), SIGCHLD__FD_MOVING);
	ck_assert_uint_eq(word_of(fd), 0x10003); /* it is ours again */
	ck_assert(!sigchld__fd_reown(fd, 4, 9));
	ck_assert(sigchld__fd_reown(fd, 3, 9));
	atomic_store(&sigchld__fd_entry(fd)->next, 0);
	ck_assert_int_eq(sigchld__fd_grab(fd, 3), -EBADF); /* he is late */
	ck_assert_int_eq(sigchld__fd_grab(fd, 9), 0);
	ck_assert_int_eq(sigchld__fd_drop(fd), SIGCHLD__FD_DROPPED);
	ck_assert_int_eq(sigchld__fd_drop(fd), SIGCHLD__FD_DROPPED);
	ck_assert_uint_eq(word_of(fd), 9);
	ck_assert_int_eq(close_fd(fd, 9), SIGCHLD__FD_CLOSED);
}
END_TEST

START_TEST(d4_a_close_wins_over_a_move)
{
	int fd = open_null();

	(void)insert(fd, 3);
	ck_assert_int_eq(sigchld__fd_grab(fd, 3), 0);
	atomic_store(&sigchld__fd_entry(fd)->next, 9);
	ck_assert_int_eq(close_fd(fd, 3), SIGCHLD__FD_DROPPED);
	ck_assert_int_eq(sigchld__fd_drop(fd), SIGCHLD__FD_CLOSED);
	ck_assert(!is_open(fd));
	fd = open_null(); /* most likely the same number */
	(void)insert(fd, 3);
	ck_assert_int_eq(sigchld__fd_grab(fd, 3), 0);
	ck_assert_int_eq(sigchld__fd_drop(fd), SIGCHLD__FD_DROPPED);
	ck_assert_int_eq(close_fd(fd, 3), SIGCHLD__FD_CLOSED);
}
END_TEST

START_TEST(d5_the_handler_takes_no_reference)
{
	struct sigchld__user user;

	claim();
	user_on(&user);
	(void)insert(user.pipe.wr, 3);
	ck_assert_int_eq(handler_hold(false), 0);
	ck_assert_int_eq(sigchld__fd_grab(user.pipe.wr, 3), 0);
	ck_assert_int_eq(raise(SIGCHLD), 0);
	ck_assert_uint_eq(word_of(user.pipe.wr), 0x10003);
	ck_assert(is_woken(&user));
	ck_assert_int_eq(sigchld__fd_disown(user.pipe.wr, 3), 0);
	sigchld__fd_entry(user.pipe.wr)->keep_open = true;
	ck_assert_int_eq(sigchld__fd_drop(user.pipe.wr), SIGCHLD__FD_CLOSED);
	handler_drop();
	user_off(&user);
}
END_TEST

static void
tally(int fd, struct sigchld__fdentry *entry, void *user)
{
	(void)fd;
	(void)entry;
	(*(int *)user)++;
}

/* Descriptors in all states that a fork can meet: held, closing, kept open. */
START_TEST(d5_m32_a_forked_child_closes_all_and_counts_from_zero)
{
	int held = open_null(), closing = open_null(), kept = open_null();
	int n = 0;
	pid_t pid;

	(void)insert(held, 3);
	(void)insert(closing, 3);
	(void)insert(kept, 3);
	ck_assert_int_eq(sigchld__fd_grab(held, 3), 0);
	ck_assert_int_eq(sigchld__fd_grab(closing, 3), 0);
	ck_assert_int_eq(sigchld__fd_disown(closing, 3), 0);
	sigchld__fd_entry(kept)->keep_open = true;
	pid = fork();
	if (pid == 0) {
		sigchld__fd_close_all();
		sigchld__fd_close_all();
		if (is_open(held) || is_open(closing) || !is_open(kept))
			_exit(1);
		if (word_of(held) + word_of(closing) + word_of(kept) != 0 ||
		    sigchld__fd_grab(held, 3) != -EBADF ||
		    sigchld__fd_drop(held) != -EINVAL)
			_exit(2);
		(void)insert(open_null(), 4);
		sigchld__fd_foreach(tally, &n);
		_exit(n == 1 ? 0 : 3);
	}
	ck_assert_int_eq(code_of(pid), 0);
	ck_assert(is_open(held) && is_open(closing));
	ck_assert_int_eq(sigchld__fd_drop(held), SIGCHLD__FD_DROPPED);
	ck_assert_int_eq(sigchld__fd_drop(closing), SIGCHLD__FD_CLOSED);
	ck_assert_int_eq(close_fd(held, 3), SIGCHLD__FD_CLOSED);
	ck_assert_int_eq(close_fd(kept, 3), SIGCHLD__FD_CLOSED);
	(void)close(kept);
}
END_TEST

static long
faults(void)
{
	struct rusage usage;

	ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_minflt;
}

/* Twelve pages of it would be copied if they were written to. */
START_TEST(p29_a_forked_child_copies_no_table)
{
	int fds[900], i;
	long before;
	pid_t pid;

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
	harness_skip("a sanitizer's own memory counts");
#endif
	for (i = 0; i < 900; i++) {
		fds[i] = open_null();
		(void)insert(fds[i], 3);
	}
	pid = fork();
	if (pid == 0) {
		before = faults();
		before = faults();
		sigchld__fd_close_all();
		_exit(faults() - before < 8 ? 0 : 1);
	}
	ck_assert_int_eq(code_of(pid), 0);
	for (i = 0; i < 900; i++)
		ck_assert_int_eq(close_fd(fds[i], 3), SIGCHLD__FD_CLOSED);
}
END_TEST

static atomic_int closer_tid;
static atomic_bool has_ended, was_early;

static void *
closer(void *arg)
{
	atomic_store(&closer_tid, thread_id());
	if (close_fd(*(int *)arg, 3) != SIGCHLD__FD_CLOSED)
		return arg;
	atomic_store(&was_early, !atomic_load(&has_ended));
	return NULL;
}

/* Were word and close two steps for a fork, the child would have an open
 * descriptor that its table does not show. */
START_TEST(d7_word_and_close_change_under_the_no_fork_lock)
{
	int fd = open_null();
	pthread_t thread;

	(void)insert(fd, 3);
	sigchld__nofork_begin();
	thread = start(closer, &fd);
	await_asleep(&closer_tid);
	ck_assert(is_open(fd));
	ck_assert_uint_eq(word_of(fd), 0x10000); /* still shown */
	atomic_store(&has_ended, true);
	sigchld__nofork_end();
	ck_assert_ptr_null(join(thread));
	ck_assert(!was_early);
	ck_assert(!is_open(fd));
}
END_TEST

START_TEST(d8_a_stale_generation_is_refused)
{
	int fd = open_null(), again;
	uint32_t first, second, group = 4711;

	first = insert(fd, 3);
	ck_assert_uint_ne(first, 0);
	ck_assert_int_eq(sigchld__fd_grab_generation(fd, first, &group), 0);
	ck_assert_uint_eq(group, 3);
	ck_assert_int_eq(sigchld__fd_drop(fd), SIGCHLD__FD_DROPPED);
	ck_assert_int_eq(close_fd(fd, 3), SIGCHLD__FD_CLOSED);
	group = 4711;
	ck_assert_int_eq(sigchld__fd_grab_generation(fd, first, &group),
	    -EBADF);
	again = open_null();
	ck_assert_int_eq(again, fd);
	second = insert(fd, 3);
	ck_assert_uint_ne(second, first);
	ck_assert_int_eq(sigchld__fd_grab_generation(fd, first, &group),
	    -ESTALE);
	ck_assert_uint_eq(group, 4711);
	ck_assert_uint_eq(word_of(fd), 3); /* no trace */
	ck_assert_int_eq(close_fd(fd, 3), SIGCHLD__FD_CLOSED);
}
END_TEST

/* A stale handle that looks while the descriptor is being closed may be the
 * last to drop, and then it must close. */
START_TEST(d8_a_stale_look_may_be_the_last)
{
	int fd = open_null();
	uint32_t generation = insert(fd, 3), group;

	ck_assert_int_eq(sigchld__fd_grab(fd, 3), 0);
	ck_assert_int_eq(sigchld__fd_grab_generation(fd, generation + 1,
			     &group),
	    -ESTALE);
	ck_assert_int_eq(close_fd(fd, 3), SIGCHLD__FD_DROPPED);
	ck_assert_int_eq(sigchld__fd_drop(fd), SIGCHLD__FD_CLOSED);
	ck_assert_int_eq(n_closes, 1);
}
END_TEST

START_TEST(d10_the_65536th_reference_is_refused)
{
	int fd = open_null(), i;
	uint32_t generation = insert(fd, 65535), group;

	for (i = 0; i < 65535; i++)
		ck_assert_int_eq(sigchld__fd_grab(fd, 65535), 0);
	ck_assert_uint_eq(word_of(fd), UINT32_MAX);
	ck_assert_int_eq(sigchld__fd_grab(fd, 65535), -EOVERFLOW);
	ck_assert_int_eq(sigchld__fd_grab_generation(fd, generation, &group),
	    -EOVERFLOW);
	ck_assert_uint_eq(word_of(fd), UINT32_MAX);
	ck_assert_int_eq(sigchld__fd_disown(fd, 65535), 0);
	for (i = 0; i < 65534; i++)
		ck_assert_int_eq(sigchld__fd_drop(fd), SIGCHLD__FD_DROPPED);
	ck_assert_int_eq(sigchld__fd_drop(fd), SIGCHLD__FD_CLOSED);
	ck_assert(!is_open(fd));
}
END_TEST

static void
count(int fd, struct sigchld__fdentry *entry, void *user)
{
	int *n = user;

	ck_assert_ptr_eq(entry, sigchld__fd_entry(fd));
	(*n)++;
}

START_TEST(d5_each_that_stands_in_the_table_is_visited)
{
	int far_away = SIGCHLD__FD_MAX - 5, fd = open_null(), n = 0;

	sigchld__fd_foreach(count, &n);
	ck_assert_int_eq(n, 0);
	(void)insert(fd, 3);
	(void)insert(far_away, 4);
	sigchld__fd_foreach(count, &n);
	ck_assert_int_eq(n, 2);
	ck_assert_int_eq(close_fd(fd, 3), SIGCHLD__FD_CLOSED);
	n = 0;
	sigchld__fd_foreach(count, &n);
	ck_assert_int_eq(n, 1);
}
END_TEST

/* Where the table grows, and its last one. */
START_TEST(d5_the_first_and_the_last_of_each_part_are_visited)
{
	static const int fds[] = { 0, 1023, 1024, 2047, (1 << 20) - 1, 1 << 20,
		SIGCHLD__FD_MAX };
	size_t i;
	int n;

	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		(void)insert(fds[i], 3);
		n = 0;
		sigchld__fd_foreach(count, &n);
		ck_assert_int_eq(n, (int)i + 1);
	}
}
END_TEST

HARNESS("fdtab",
    {
	HARNESS_TEST(d1_insert_demands_a_zero_word),
	HARNESS_TEST(d1_no_descriptor_is_refused),
	HARNESS_TEST(d1_grows_to_the_highest_number),
	HARNESS_TEST(d1_without_memory_nothing_has_happened),
	HARNESS_TEST(d1_an_entry_begins_anew),
	HARNESS_TEST(d2_grab_counts_only_under_the_right_owner),
	HARNESS_TEST(d2_between_claim_and_publish_nobody_grabs),
	HARNESS_TEST(d3_the_last_to_drop_closes),
	HARNESS_TEST(d3_who_holds_it_alone_takes_it_and_closes_it),
	HARNESS_TEST(d3_of_many_one_closes_and_nobody_waits),
	HARNESS_TEST(d3_what_is_to_stay_open_stays_open),
	HARNESS_TEST(d4_owner_changes_only_at_count_zero),
	HARNESS_TEST(d4_a_close_wins_over_a_move),
	HARNESS_TEST(d5_the_handler_takes_no_reference),
	HARNESS_TEST(d5_m32_a_forked_child_closes_all_and_counts_from_zero),
	HARNESS_TEST(p29_a_forked_child_copies_no_table),
	HARNESS_TEST(d7_word_and_close_change_under_the_no_fork_lock),
	HARNESS_TEST(d8_a_stale_generation_is_refused),
	HARNESS_TEST(d8_a_stale_look_may_be_the_last),
	HARNESS_TEST(d10_the_65536th_reference_is_refused),
	HARNESS_TEST(d5_each_that_stands_in_the_table_is_visited),
	HARNESS_TEST(d5_the_first_and_the_last_of_each_part_are_visited),
    })
