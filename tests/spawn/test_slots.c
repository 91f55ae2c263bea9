/*
 * test_slots.c - low numbers that are kept, and that others have taken
 *
 * An application may close all that is open, ours with it, and open its own
 * files at those numbers. They are not ours to replace then.
 */
#include "async/fdtab.h"
#include "help.h"
#include "spawn/slots.h"

#define FAR  200 /* a source there needs a slot */
#define MOST 64  /* slots are below */

/* A slot is claimed, and never owned. */
static bool
is_slot(int fd)
{
	struct sigchld__fdentry *entry = sigchld__fd_entry(fd);

	return entry != NULL && atomic_load(&entry->word) == 0x10000;
}

static int
find_slots(int *slots)
{
	int fd, n = 0;

	for (fd = 0; fd < MOST; fd++) {
		if (is_slot(fd))
			slots[n++] = fd;
	}
	return n;
}

/* The program has the far one, which a slot stood in for. */
static void
spawn_with_far(int far)
{
	const struct sigchld_fdmap map[] = { { far, 9 } };

	must_have(show(SIGCHLD_SPAWN(.fdmap = map, .nfdmap = 1)), 9, far);
}

static int
far_file(void)
{
	int file = new_file(), far = fcntl(file, F_DUPFD_CLOEXEC, FAR);

	ck_assert_int_ge(far, FAR);
	(void)close(file);
	return far;
}

static ino_t
inode_of(int fd)
{
	struct stat st;

	ck_assert_msg(fstat(fd, &st) == 0, "%d is not open", fd);
	return st.st_ino;
}

/* Files of the application's at these numbers, whatever was there. */
static void
put_files(const int *numbers, int n, ino_t *ret_inodes)
{
	int i;

	for (i = 0; i < n; i++) {
		int file = new_file();

		ck_assert_int_eq(dup3(file, numbers[i], O_CLOEXEC), numbers[i]);
		(void)close(file);
		ret_inodes[i] = inode_of(numbers[i]);
	}
}

static void
must_be_there(const int *numbers, int n, const ino_t *inodes)
{
	int i;

	for (i = 0; i < n; i++)
		ck_assert_uint_eq(inode_of(numbers[i]), inodes[i]);
}

/* Nor has anybody made a copy of it. */
static void
must_be_alone(ino_t inode)
{
	struct stat st;
	int fd, n = 0;

	for (fd = 0; fd < FAR; fd++)
		n += fstat(fd, &st) == 0 && st.st_ino == inode;
	ck_assert_int_eq(n, 1);
}

static void
close_each(const int *numbers, int n)
{
	int i;

	for (i = 0; i < n; i++)
		ck_assert_int_eq(close(numbers[i]), 0);
}

/* The library's have been taken, with no context left. */
static int
take_slots(int far, int *slots)
{
	int n;

	spawn_with_far(far);
	n = find_slots(slots);
	ck_assert_int_ge(n, 2); /* one is what the others are while idle */
	return n;
}

START_TEST(d7_numbers_that_others_have_taken_are_left_alone)
{
	int slots[MOST], others[MOST], far, n, i;
	ino_t inodes[MOST];

	if (forks_only())
		harness_skip("no table is shared");
	far = far_file();
	n = take_slots(far, slots);
	put_files(slots, n, inodes);
	for (i = 0; i < 3; i++)
		spawn_with_far(far);
	must_be_there(slots, n, inodes);
	/* New ones have come in place of those. */
	ck_assert_int_eq(find_slots(others), n);
	for (i = 0; i < n; i++)
		ck_assert(!is_slot(slots[i]));
	close_each(slots, n);
	(void)close(far);
	sigchld__slots_close();
}
END_TEST

/* The others of the library's are left open: nobody can tell whose they are. */
START_TEST(d7_one_number_that_another_has_taken)
{
	int slots[MOST], far, i, n;
	ino_t inode;

	if (forks_only())
		harness_skip("no table is shared");
	far = far_file();
	n = take_slots(far, slots);
	sigchld__slots_close();
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(take_slots(far, slots), n);
		put_files(&slots[i], 1, &inode);
		spawn_with_far(far);
		must_be_alone(inode);
		spawn_with_far(far);
		must_be_there(&slots[i], 1, &inode);
		close_each(slots, n);
		sigchld__slots_close();
	}
	(void)close(far);
}
END_TEST

START_TEST(d7_slots_that_were_closed_are_taken_anew)
{
	int slots[MOST], others[MOST], far, fds, n;

	if (forks_only())
		harness_skip("no table is shared");
	far = far_file();
	n = take_slots(far, slots);
	fds = harness_count_fds();
	close_each(slots, n);
	spawn_with_far(far);
	ck_assert_int_eq(find_slots(others), n);
	ck_assert_int_eq(harness_count_fds(), fds);
	(void)close(far);
	sigchld__slots_close();
}
END_TEST

HARNESS("slots",
    {
	HARNESS_TEST(d7_numbers_that_others_have_taken_are_left_alone),
	HARNESS_TEST(d7_one_number_that_another_has_taken),
	HARNESS_TEST(d7_slots_that_were_closed_are_taken_anew),
    })
