/*
 * test_pidfile.c - the file says which process the master is, if anything
 *
 * wrap: create_file read_file read_in write_out open_to_all rename unlink close
 * wrap: alloc
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "async/sys.h"
#include "core/help.h"
#include "core/sys.h"
#include "worker/pidfile.h"
#include "worker/sys_master.h"

/* The n-th call of those that can fail does, in their order of time. */
static int n_calls, fails_at, n_writes, most;

static bool
fails(void)
{
	return ++n_calls == fails_at;
}

int __real_sigchld__sys_create_file(const char *path);
int __wrap_sigchld__sys_create_file(const char *path);
int __real_sigchld__sys_read_file(const char *path);
int __wrap_sigchld__sys_read_file(const char *path);
int __real_sigchld__sys_read_in(int fd, void *data, size_t size);
int __wrap_sigchld__sys_read_in(int fd, void *data, size_t size);
int __real_sigchld__sys_write_out(int fd, const void *data, size_t size);
int __wrap_sigchld__sys_write_out(int fd, const void *data, size_t size);
int __real_sigchld__sys_open_to_all(int fd);
int __wrap_sigchld__sys_open_to_all(int fd);
int __real_sigchld__sys_rename(const char *from, const char *to);
int __wrap_sigchld__sys_rename(const char *from, const char *to);
int __real_sigchld__sys_unlink(const char *path);
int __wrap_sigchld__sys_unlink(const char *path);
int __real_sigchld__sys_close(int fd);
int __wrap_sigchld__sys_close(int fd);
void *__real_sigchld__sys_alloc(size_t n, size_t size);
void *__wrap_sigchld__sys_alloc(size_t n, size_t size);

static int read_error, close_error, unlink_error;

int
__wrap_sigchld__sys_create_file(const char *path)
{
	n_writes++;
	return fails() ? -ENOSPC : __real_sigchld__sys_create_file(path);
}

int
__wrap_sigchld__sys_read_file(const char *path)
{
	return read_error != 0 ? read_error
			       : __real_sigchld__sys_read_file(path);
}

int
__wrap_sigchld__sys_read_in(int fd, void *data, size_t size)
{
	if (most != 0 && size > (size_t)most)
		size = (size_t)most;
	(void)memset(data, '\n', size); /* as it may well be */
	return __real_sigchld__sys_read_in(fd, data, size);
}

int
__wrap_sigchld__sys_write_out(int fd, const void *data, size_t size)
{
	if (most != 0 && size > (size_t)most)
		size = (size_t)most;
	return fails() ? -ENOSPC
		       : __real_sigchld__sys_write_out(fd, data, size);
}

int
__wrap_sigchld__sys_open_to_all(int fd)
{
	return fails() ? -ENOSPC : __real_sigchld__sys_open_to_all(fd);
}

int
__wrap_sigchld__sys_rename(const char *from, const char *to)
{
	return fails() ? -ENOSPC : __real_sigchld__sys_rename(from, to);
}

int
__wrap_sigchld__sys_unlink(const char *path)
{
	return unlink_error != 0 ? unlink_error
				 : __real_sigchld__sys_unlink(path);
}

/* It is closed all the same. */
int
__wrap_sigchld__sys_close(int fd)
{
	int rc = __real_sigchld__sys_close(fd);

	return rc == 0 ? close_error : rc;
}

void *
__wrap_sigchld__sys_alloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_sigchld__sys_alloc(n, size);
}

/* A folder of its own */

static char dir[32], path[64];

static void
open_dir(void)
{
	(void)snprintf(dir, sizeof(dir), P_tmpdir "/pidfile.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/pid", dir);
}

static int
count_files(void)
{
	DIR *open = opendir(dir);
	struct dirent *entry;
	int n = 0;

	ck_assert_ptr_nonnull(open);
	while ((entry = readdir(open)) != NULL)
		n += entry->d_name[0] != '.';
	(void)closedir(open);
	return n;
}

static void
close_dir(void)
{
	(void)unlink(path);
	ck_assert_int_eq(rmdir(dir), 0); /* nothing else is in it */
}

static void
must_say(const char *text)
{
	char is[256] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(read(fd, is, sizeof(is) - 1), 0);
	(void)close(fd);
	ck_assert_str_eq(is, text);
}

static void
put(const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd);
}

static struct stat
stat_of(const char *of)
{
	struct stat st;

	ck_assert_int_eq(lstat(of, &st), 0);
	return st;
}

START_TEST(r36_the_pid_of_the_master_alone)
{
	int open = harness_count_fds();

	open_dir();
	errno = EXDEV;
	MUST_BE(1, sigchld__pidfile_write(path, 1234, NULL, 0));
	must_say("1234\n");
	ck_assert_int_eq(count_files(), 1);
	ck_assert_int_eq(harness_count_fds(), open);
	ck_assert_int_eq(errno, EXDEV);
	close_dir();
}
END_TEST

START_TEST(r36_everybody_may_read_it_whatever_the_umask)
{
	static const mode_t masks[] = { 0, 0077, 0777 };
	size_t i;

	open_dir();
	for (i = 0; i < 3; i++) {
		(void)umask(masks[i]);
		MUST_BE(1, sigchld__pidfile_write(path, 1234, NULL, 0));
		ck_assert_int_eq(stat_of(path).st_mode & 07777, 0644);
		ck_assert_int_eq(unlink(path), 0);
	}
	close_dir();
}
END_TEST

/* The reload failed, so nobody has anything else to say. */
START_TEST(r36_m27_what_says_the_same_is_not_touched)
{
	const pid_t workers[] = { 5, 6 };
	struct stat before, after;

	open_dir();
	MUST_BE(1, sigchld__pidfile_write(path, 1234, workers, 2));
	before = stat_of(path);
	MUST_BE(0, sigchld__pidfile_write(path, 1234, workers, 2));
	most = 1; /* bytes of each read */
	MUST_BE(0, sigchld__pidfile_write(path, 1234, workers, 2));
	after = stat_of(path);
	ck_assert_int_eq(n_writes, 1);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	ck_assert_int_eq(before.st_ctim.tv_nsec, after.st_ctim.tv_nsec);
	close_dir();
}
END_TEST

START_TEST(a_line_for_each_worker)
{
	const pid_t workers[] = { 2147483647, 6, 7 }, others[] = { 8 };

	open_dir();
	MUST_BE(1, sigchld__pidfile_write(path, 2147483647, workers, 3));
	must_say("2147483647\n2147483647\n6\n7\n");
	MUST_BE(1, sigchld__pidfile_write(path, 2147483647, workers, 2));
	must_say("2147483647\n2147483647\n6\n");
	MUST_BE(1, sigchld__pidfile_write(path, 2147483647, others, 1));
	must_say("2147483647\n8\n");
	MUST_BE(1, sigchld__pidfile_write(path, 2147483647, NULL, 0));
	must_say("2147483647\n");
	ck_assert_int_eq(count_files(), 1);
	close_dir();
}
END_TEST

START_TEST(what_is_nearly_the_same_is_not)
{
	static const char *const were[] = { "", "1234", "1234\n\n", "1235\n",
		"123\n", "12345\n", "1234\n5\n", "1234 " };
	size_t i;

	open_dir();
	for (i = 0; i < sizeof(were) / sizeof(were[0]); i++) {
		put(were[i]);
		MUST_BE(1, sigchld__pidfile_write(path, 1234, NULL, 0));
		must_say("1234\n");
	}
	close_dir();
}
END_TEST

/* Who has the old file open reads the old text to its end. */
START_TEST(m27_a_reader_sees_a_whole_file)
{
	char is[16] = "";
	int fd;

	open_dir();
	put("1\n");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	MUST_BE(1, sigchld__pidfile_write(path, 1234, NULL, 0));
	ck_assert_int_eq(read(fd, is, sizeof(is)), 2);
	ck_assert_str_eq(is, "1\n");
	(void)close(fd);
	close_dir();
}
END_TEST

START_TEST(bytes_that_go_out_one_by_one)
{
	const pid_t workers[] = { 5, 6 };

	open_dir();
	most = 1;
	MUST_BE(1, sigchld__pidfile_write(path, 1234, workers, 2));
	must_say("1234\n5\n6\n");
	close_dir();
}
END_TEST

/* alloc three times, create, write, mode, rename */
START_TEST(m27_whatever_fails_leaves_the_old_file)
{
	int open = harness_count_fds(), n, rc;

	open_dir();
	MUST_BE(1, sigchld__pidfile_write(path, 1234, NULL, 0));
	n = n_calls;
	ck_assert_int_eq(n, 7);
	put("1\n");
	for (fails_at = 1; fails_at <= n; fails_at++) {
		n_calls = 0;
		rc = sigchld__pidfile_write(path, 1234, NULL, 0);
		MUST_BE(fails_at <= 3 ? -ENOMEM : -ENOSPC, rc);
		must_say("1\n");
		ck_assert_int_eq(count_files(), 1);
		ck_assert_int_eq(harness_count_fds(), open);
	}
	fails_at = 0;
	close_error = -EIO;
	MUST_BE(-EIO, sigchld__pidfile_write(path, 1234, NULL, 0));
	must_say("1\n");
	close_error = 0;
	close_dir();
}
END_TEST

START_TEST(where_no_file_can_be)
{
	char where[256], folder[64];

	open_dir();
	(void)snprintf(where, sizeof(where), "%s/absent/pid", dir);
	MUST_BE(-ENOENT, sigchld__pidfile_write(where, 1234, NULL, 0));
	(void)snprintf(folder, sizeof(folder), "%s/folder", dir);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	MUST_BE(-EISDIR, sigchld__pidfile_write(folder, 1234, NULL, 0));
	ck_assert_int_eq(count_files(), 1);
	ck_assert_int_eq(rmdir(folder), 0);
	(void)memset(where, 'x', sizeof(where));
	where[255] = '\0'; /* fits, but not with more behind it */
	MUST_BE(-ENAMETOOLONG, sigchld__pidfile_write(where, 1, NULL, 0));
	close_dir();
}
END_TEST

/* The pid file is a link to something precious; so is the new one's name. */
START_TEST(a_link_is_replaced_and_not_followed)
{
	char precious[64], fresh[80];

	open_dir();
	(void)snprintf(precious, sizeof(precious), "%s/precious", dir);
	(void)snprintf(fresh, sizeof(fresh), "%s.1234.new", path);
	put("1234\n");
	ck_assert_int_eq(rename(path, precious), 0);
	ck_assert_int_eq(symlink(precious, path), 0);
	ck_assert_int_eq(symlink(precious, fresh), 0);
	MUST_BE(0, sigchld__pidfile_remove(path, 1234));
	ck_assert(S_ISLNK(stat_of(path).st_mode));
	MUST_BE(1, sigchld__pidfile_write(path, 1234, NULL, 0));
	ck_assert(S_ISREG(stat_of(path).st_mode));
	ck_assert_int_eq(stat_of(precious).st_mode & 0777, 0600);
	ck_assert_int_eq(stat_of(precious).st_size, 5);
	ck_assert_int_eq(count_files(), 2);
	ck_assert_int_eq(unlink(precious), 0);
	close_dir();
}
END_TEST

START_TEST(a_new_file_that_was_left_behind)
{
	char fresh[80];

	open_dir();
	put("half");
	(void)snprintf(fresh, sizeof(fresh), "%s.1234.new", path);
	ck_assert_int_eq(rename(path, fresh), 0);
	MUST_BE(1, sigchld__pidfile_write(path, 1234, NULL, 0));
	must_say("1234\n");
	ck_assert_int_eq(count_files(), 1);
	ck_assert_int_eq(mkdir(fresh, 0700), 0); /* it cannot be removed */
	MUST_BE(-EEXIST, sigchld__pidfile_write(path, 1234, (pid_t[]){ 1 }, 1));
	must_say("1234\n");
	ck_assert_int_eq(rmdir(fresh), 0);
	close_dir();
}
END_TEST

/* Nobody writes to it: an open that waits would wait for ever. */
START_TEST(a_fifo_blocks_nobody)
{
	open_dir();
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	MUST_BE(0, sigchld__pidfile_remove(path, 1234));
	MUST_BE(1, sigchld__pidfile_write(path, 1234, NULL, 0));
	must_say("1234\n");
	close_dir();
}
END_TEST

START_TEST(r36_it_is_removed_at_the_end)
{
	const pid_t workers[] = { 5 };
	int open = harness_count_fds();

	open_dir();
	MUST_BE(1, sigchld__pidfile_write(path, 1234, workers, 1));
	MUST_BE(1, sigchld__pidfile_remove(path, 1234));
	ck_assert_int_eq(count_files(), 0);
	MUST_BE(0, sigchld__pidfile_remove(path, 1234));
	ck_assert_int_eq(harness_count_fds(), open);
	close_dir();
}
END_TEST

START_TEST(r36_anothers_is_not_removed)
{
	static const char *const others[] = { "", "\n", "123\n", "12345\n",
		"1234", "1235\n", "12340\n", "5\n1234\n", " 1234\n" };
	size_t i;

	open_dir();
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		put(others[i]);
		MUST_BE(0, sigchld__pidfile_remove(path, 1234));
		must_say(others[i]);
	}
	close_dir();
}
END_TEST

START_TEST(what_cannot_be_removed)
{
	open_dir();
	put("1234\n");
	read_error = -EACCES;
	MUST_BE(-EACCES, sigchld__pidfile_remove(path, 1234));
	read_error = 0;
	unlink_error = -EROFS;
	MUST_BE(-EROFS, sigchld__pidfile_remove(path, 1234));
	unlink_error = 0;
	must_say("1234\n");
	close_dir();
}
END_TEST

/* In a child, so that check keeps its own. */
START_TEST(m12_no_file_is_standard_output)
{
	pid_t pid;

	open_dir();
	pid = fork();
	if (pid == 0) {
		(void)close(1);
		(void)close(2);
		errno = 0;
		CHILD_MUST(sigchld__sys_create_file(path) > 2);
		CHILD_MUST(sigchld__sys_read_file(path) > 2);
		CHILD_MUST(fcntl(1, F_GETFD) == -1);
		CHILD_MUST(fcntl(2, F_GETFD) == -1);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
	close_dir();
}
END_TEST

HARNESS("pidfile",
    {
	HARNESS_TEST(r36_the_pid_of_the_master_alone),
	HARNESS_TEST(r36_everybody_may_read_it_whatever_the_umask),
	HARNESS_TEST(r36_m27_what_says_the_same_is_not_touched),
	HARNESS_TEST(a_line_for_each_worker),
	HARNESS_TEST(what_is_nearly_the_same_is_not),
	HARNESS_TEST(m27_a_reader_sees_a_whole_file),
	HARNESS_TEST(bytes_that_go_out_one_by_one),
	HARNESS_TEST(m27_whatever_fails_leaves_the_old_file),
	HARNESS_TEST(where_no_file_can_be),
	HARNESS_TEST(a_link_is_replaced_and_not_followed),
	HARNESS_TEST(a_new_file_that_was_left_behind),
	HARNESS_TEST(a_fifo_blocks_nobody),
	HARNESS_TEST(r36_it_is_removed_at_the_end),
	HARNESS_TEST(r36_anothers_is_not_removed),
	HARNESS_TEST(what_cannot_be_removed),
	HARNESS_TEST(m12_no_file_is_standard_output),
    })
