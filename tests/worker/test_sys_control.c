/* test_sys_control.c - C3 and C4 of control.c, in what they ask of the system */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "worker/sys_control.h"

#define MOST 107 /* bytes of a path */

static char dir[32], path[64];

static void
open_dir(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/sigchld-control-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/socket", dir);
}

static void
close_dir(void)
{
	(void)unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

static int
connect_to(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_gt(fd, 2);
	(void)strcpy(address.sun_path, name);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) ==
	    0)
		return fd;
	(void)close(fd);
	return -1;
}

static mode_t
mode_of(const char *name)
{
	struct stat st;

	ck_assert_int_eq(lstat(name, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	return st.st_mode & 07777;
}

static void
check_flags(int fd)
{
	ck_assert_int_gt(fd, 2);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
}

START_TEST(c3_the_mode_whatever_the_umask)
{
	static const mode_t masks[] = { 0, 022, 077, 0777 };
	size_t i;
	int fd;

	open_dir();
	for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		mode_t before = umask(masks[i]);

		fd = sigchld__sys_listen_at(path);
		ck_assert_uint_eq(umask(before), masks[i]); /* as it was */
		check_flags(fd);
		ck_assert_uint_eq(mode_of(path), 0600);
		ck_assert_int_eq(close(fd), 0);
		ck_assert_int_eq(unlink(path), 0);
	}
	close_dir();
}
END_TEST

START_TEST(who_connects_is_accepted_once)
{
	int fd, client, taken;

	open_dir();
	fd = sigchld__sys_listen_at(path);
	ck_assert_int_eq(sigchld__sys_accept(fd), -EAGAIN);
	client = connect_to(path);
	ck_assert_int_ge(client, 0);
	errno = 0;
	taken = sigchld__sys_accept(fd);
	check_flags(taken);
	ck_assert(sigchld__sys_is_trusted(taken)); /* it is us */
	ck_assert_int_eq(sigchld__sys_accept(fd), -EAGAIN);
	ck_assert_int_eq(errno, 0);
	ck_assert_int_eq(write(client, "x", 1), 1);
	ck_assert(harness_readable(taken, 1000));
	ck_assert_int_eq(close(taken), 0);
	ck_assert_int_eq(close(client), 0);
	ck_assert_int_eq(close(fd), 0);
	close_dir();
}
END_TEST

START_TEST(c4_one_that_is_answered)
{
	int fd;

	open_dir();
	fd = sigchld__sys_listen_at(path);
	ck_assert_int_ge(fd, 0);
	ck_assert(sigchld__sys_is_answered(path));
	ck_assert_int_eq(sigchld__sys_listen_at(path), -EADDRINUSE);
	ck_assert_uint_eq(mode_of(path), 0600); /* it is there */
	ck_assert_int_eq(close(fd), 0);
	close_dir();
}
END_TEST

/* Nobody takes them, and there is no room for one more: it is answered. */
START_TEST(c4_one_whose_queue_is_full)
{
	int fd, clients[64], n = 0;

	open_dir();
	fd = sigchld__sys_listen_at(path);
	ck_assert_int_ge(fd, 0);
	do {
		clients[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		ck_assert_int_ge(clients[n], 0);
		{
			struct sockaddr_un address = { .sun_family = AF_UNIX };

			(void)strcpy(address.sun_path, path);
			if (connect(clients[n++],
				(const struct sockaddr *)&address,
				sizeof(address)) == -1)
				break;
		}
	} while (n < 64);
	ck_assert_int_lt(n, 64);
	ck_assert(sigchld__sys_is_answered(path));
	while (n > 0)
		ck_assert_int_eq(close(clients[--n]), 0);
	ck_assert_int_eq(close(fd), 0);
	close_dir();
}
END_TEST

/* Of each kind; and who listens has no connection by being asked. */
START_TEST(c4_one_that_does_not_listen_yet)
{
	static const int types[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t i;
	int fd;

	open_dir();
	(void)strcpy(address.sun_path, path);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC, 0);
		ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address,
				     sizeof(address)),
		    0);
		ck_assert(sigchld__sys_is_answered(path));
		ck_assert_int_eq(close(fd), 0);
		ck_assert(!sigchld__sys_is_answered(path));
		ck_assert_int_eq(unlink(path), 0);
	}
	fd = sigchld__sys_listen_at(path);
	ck_assert(sigchld__sys_is_answered(path));
	ck_assert_int_eq(sigchld__sys_accept(fd), -EAGAIN);
	ck_assert_int_eq(close(fd), 0);
	close_dir();
}
END_TEST

START_TEST(c4_one_that_nobody_has_open)
{
	int fd;

	open_dir();
	ck_assert(!sigchld__sys_is_answered(path)); /* there is none */
	fd = sigchld__sys_listen_at(path);
	ck_assert_int_eq(close(fd), 0);
	ck_assert(!sigchld__sys_is_answered(path));
	ck_assert_int_eq(sigchld__sys_listen_at(path), -EADDRINUSE);
	ck_assert_uint_eq(mode_of(path), 0600); /* left alone here */
	close_dir();
}
END_TEST

START_TEST(c4_what_is_no_socket)
{
	uint64_t dev = 1, ino = 2;
	struct stat st;
	int fd;

	open_dir();
	ck_assert_int_eq(sigchld__sys_socket_at(path, &dev, &ino), -ENOENT);
	ck_assert(dev == 1 && ino == 2);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_eq(fchmod(fd, 0640), 0); /* whatever the umask */
	ck_assert_int_eq(write(fd, "mine", 4), 4);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(sigchld__sys_listen_at(path), -EADDRINUSE);
	ck_assert_int_eq(sigchld__sys_socket_at(path, &dev, &ino), -ENOTSOCK);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_size, 4);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/nowhere/at/all", path), 0);
	ck_assert_int_eq(sigchld__sys_listen_at(path), -EADDRINUSE);
	ck_assert_int_eq(sigchld__sys_socket_at(path, &dev, &ino), -ENOTSOCK);
	close_dir();
}
END_TEST

START_TEST(c4_which_socket_it_is)
{
	uint64_t dev, ino;
	struct stat st;
	int fd;

	open_dir();
	fd = sigchld__sys_listen_at(path);
	ck_assert_int_eq(sigchld__sys_socket_at(path, &dev, &ino), 0);
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert_uint_eq(dev, st.st_dev);
	ck_assert_uint_eq(ino, st.st_ino);
	ck_assert_int_eq(close(fd), 0);
	close_dir();
}
END_TEST

START_TEST(a_folder_that_is_not_there)
{
	int fds = harness_count_fds();

	errno = 0;
	ck_assert_int_eq(sigchld__sys_listen_at("/no/such/folder/socket"),
	    -ENOENT);
	ck_assert_int_eq(errno, 0);
	ck_assert_int_eq(harness_count_fds(), fds);
	ck_assert(!sigchld__sys_is_answered("/no/such/folder/socket"));
}
END_TEST

/* The longest name, and one byte more. */
START_TEST(a_name_that_is_too_long)
{
	char name[MOST + 2];
	size_t n;
	int fd;

	open_dir();
	n = (size_t)snprintf(name, sizeof(name), "%s/", dir);
	(void)memset(name + n, 'n', MOST - n);
	name[MOST] = '\0';
	fd = sigchld__sys_listen_at(name);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(mode_of(name), 0600);
	ck_assert(sigchld__sys_is_answered(name));
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(unlink(name), 0);
	name[MOST] = 'n';
	name[MOST + 1] = '\0';
	ck_assert_int_eq(sigchld__sys_listen_at(name), -ENAMETOOLONG);
	ck_assert(!sigchld__sys_is_answered(name));
	close_dir();
}
END_TEST

START_TEST(a_relative_path_is_made_absolute)
{
	char here[PATH_MAX], wanted[PATH_MAX + 16], got[PATH_MAX + 16];
	size_t n;

	open_dir();
	ck_assert_ptr_nonnull(getcwd(here, sizeof(here)));
	n = (size_t)snprintf(wanted, sizeof(wanted), "%s/a/socket", here);
	ck_assert_int_eq(sigchld__sys_absolute("a/socket", got, sizeof(got)),
	    0);
	ck_assert_str_eq(got, wanted);
	ck_assert_int_eq(sigchld__sys_absolute("a/socket", got, n + 1), 0);
	ck_assert_str_eq(got, wanted);
	ck_assert_int_eq(sigchld__sys_absolute("a/socket", got, n),
	    -ENAMETOOLONG);
	ck_assert_int_eq(sigchld__sys_absolute("/a", got, sizeof(got)), 0);
	ck_assert_str_eq(got, "/a");
	ck_assert_int_eq(sigchld__sys_absolute("/a", got, 2), -ENAMETOOLONG);
	close_dir();
}
END_TEST

/* The current directory may be none any more. */
START_TEST(a_relative_path_of_nowhere)
{
	char got[128];
	int wstatus;
	pid_t pid;

	open_dir();
	pid = fork();
	if (pid == 0)
		_exit(chdir(dir) == 0 && rmdir(dir) == 0 &&
			    sigchld__sys_absolute("a", got, sizeof(got)) ==
				-ENOENT &&
			    sigchld__sys_absolute("/a", got, sizeof(got)) == 0
			? 0
			: 1);
	ck_assert_int_eq(waitpid(pid, &wstatus, 0), pid);
	ck_assert_int_eq(wstatus, 0);
}
END_TEST

START_TEST(m12_no_descriptor_is_a_standard_one)
{
	int wstatus;
	pid_t pid;

	open_dir();
	pid = fork();
	if (pid == 0) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };
		int fd, client, taken;

		(void)close(0);
		(void)close(1);
		(void)close(2);
		fd = sigchld__sys_listen_at(path);
		if (fd < 3 || !sigchld__sys_is_answered(path))
			_exit(1);
		(void)strcpy(address.sun_path, path);
		client = socket(AF_UNIX, SOCK_STREAM, 0); /* it is 0 */
		if (connect(client, (const struct sockaddr *)&address,
			sizeof(address)) != 0)
			_exit(4);
		taken = sigchld__sys_accept(fd);
		(void)close(client);
		if (taken < 3 || fcntl(taken, F_GETFD) != FD_CLOEXEC ||
		    fcntl(fd, F_GETFD) != FD_CLOEXEC ||
		    (fcntl(taken, F_GETFL) & O_NONBLOCK) == 0)
			_exit(2);
		_exit(fcntl(0, F_GETFD) == -1 && fcntl(1, F_GETFD) == -1 &&
			    fcntl(2, F_GETFD) == -1
			? 0
			: 3);
	}
	ck_assert_int_eq(waitpid(pid, &wstatus, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(wstatus), 0);
	close_dir();
}
END_TEST

/* Whom a wider mode lets in is hung up all the same; this the portable build
 * cannot. */
START_TEST(c3_another_user_is_not_trusted)
{
	int fd, taken, wstatus;
	pid_t pid;

#ifdef SIGCHLD_PORTABLE
	harness_skip("credentials are not asked for here");
#endif
	if (geteuid() != 0)
		harness_skip("only root can be another user");
	open_dir();
	fd = sigchld__sys_listen_at(path);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	ck_assert_int_eq(chmod(path, 0666), 0);
	pid = fork();
	if (pid == 0)
		_exit(setuid(65534) == 0 && connect_to(path) >= 0 ? 0 : 1);
	ck_assert_int_eq(waitpid(pid, &wstatus, 0), pid);
	ck_assert_int_eq(wstatus, 0);
	taken = sigchld__sys_accept(fd);
	ck_assert_int_gt(taken, 2);
	ck_assert(!sigchld__sys_is_trusted(taken));
	ck_assert_int_eq(close(taken), 0);
	ck_assert_int_eq(close(fd), 0);
	close_dir();
}
END_TEST

START_TEST(what_an_error_is_called)
{
	char text[64], small[4];

	errno = 7;
	sigchld__sys_describe(ENOENT, text, sizeof(text));
	ck_assert_str_eq(text, strerror(ENOENT));
	sigchld__sys_describe(123456, text, sizeof(text));
	ck_assert_uint_gt(strlen(text), 0);
	sigchld__sys_describe(ENOENT, small, sizeof(small));
	ck_assert_uint_lt(strlen(small), sizeof(small));
	ck_assert_int_eq(errno, 7);
}
END_TEST

HARNESS("sys_control",
    {
	HARNESS_TEST(c3_the_mode_whatever_the_umask),
	HARNESS_TEST(c3_another_user_is_not_trusted),
	HARNESS_TEST(who_connects_is_accepted_once),
	HARNESS_TEST(c4_one_that_is_answered),
	HARNESS_TEST(c4_one_whose_queue_is_full),
	HARNESS_TEST(c4_one_that_does_not_listen_yet),
	HARNESS_TEST(c4_one_that_nobody_has_open),
	HARNESS_TEST(c4_what_is_no_socket),
	HARNESS_TEST(c4_which_socket_it_is),
	HARNESS_TEST(a_folder_that_is_not_there),
	HARNESS_TEST(a_name_that_is_too_long),
	HARNESS_TEST(a_relative_path_is_made_absolute),
	HARNESS_TEST(a_relative_path_of_nowhere),
	HARNESS_TEST(m12_no_descriptor_is_a_standard_one),
	HARNESS_TEST(what_an_error_is_called),
    })
