/*
 * test_sys_master.c - the system calls around a master: -errno, errno kept, no
 * cancellation
 */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "async/sys.h"
#include "core/help.h"
#include "traced.h"
#include "worker/sys_exec.h"
#include "worker/sys_master.h"

START_TEST(c7_a_failure_is_minus_errno_and_keeps_errno)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	sigset_t none;
	char byte = 0;

	(void)sigemptyset(&none);
	errno = EXDEV;
	MUST_BE(-EBADF,
	    sigchld__sys_send_to(-1, &byte, 1, &address, sizeof(address)));
	MUST_BE(-EBADF, sigchld__sys_inherit(-1, true));
	MUST_BE(-ENOENT, sigchld__sys_create_file(""));
	MUST_BE(-ENOENT, sigchld__sys_lock_file(""));
	MUST_BE(-ENOENT, sigchld__sys_read_file(""));
	MUST_BE(-EBADF, sigchld__sys_read_in(-1, &byte, 1));
	MUST_BE(-EBADF, sigchld__sys_write_out(-1, &byte, 1));
	MUST_BE(-EBADF, sigchld__sys_open_to_all(-1));
	MUST_BE(-ENOENT, sigchld__sys_rename("", ""));
	MUST_BE(-ENOENT, sigchld__sys_unlink(""));
	MUST_BE(-EBADF, sigchld__sys_redirect(-1, 0));
	ck_assert(!sigchld__sys_is_unix_stream(-1));
	sigchld__sys_unsetenv(""); /* is none, and not told */
	ck_assert_int_eq(errno, EXDEV);
}
END_TEST

START_TEST(a_session_is_left_once)
{
	pid_t pid = fork();

	if (pid == 0) {
		CHILD_MUST(sigchld__sys_leave_session() == getpid());
		CHILD_MUST(sigchld__sys_leave_session() == -EPERM);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
}
END_TEST

/* How another process fares that wants it now. */
static int
lock_elsewhere(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		int fd = sigchld__sys_lock_file(path);

		_exit(fd < 0 ? -fd : 0); /* it ends with the process */
	}
	return -exit_code(pid);
}

START_TEST(c7_a_file_is_locked_by_one)
{
	char path[64];
	struct stat st;
	int fd;

	(void)snprintf(path, sizeof(path), P_tmpdir "/sys_lock.%ld",
	    (long)getpid());
	errno = EXDEV;
	fd = sigchld__sys_lock_file(path);
	ck_assert_int_gt(fd, 2);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	MUST_BE(-EAGAIN, lock_elsewhere(path));
	(void)close(fd); /* as if by its end: the file is left */
	MUST_BE(0, lock_elsewhere(path));
	ck_assert_int_eq(truncate(path, 1), 0); /* it is somebody's */
	MUST_BE(-EAGAIN, lock_elsewhere(path));
	MUST_BE(-EAGAIN, sigchld__sys_lock_file(path));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/nowhere/at/all", path), 0);
	MUST_BE(-ELOOP, sigchld__sys_lock_file(path));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0); /* and so is this */
	MUST_BE(-EAGAIN, lock_elsewhere(path));
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(errno, EXDEV);
}
END_TEST

static int *locked; /* of the process that is traced */
static char contended[64];

static void
lock_traced(void)
{
	traced_mark();
	*locked = sigchld__sys_lock_file(contended);
	traced_mark();
}

/* It has opened the file, and is about to lock it, when whoever had it removes it,
 * and the next one makes another. */
START_TEST(c7_a_file_that_another_has_taken_the_place_of)
{
	int sig = 0, fd;
	pid_t pid;

	locked = mmap(NULL, sizeof(*locked), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(locked, MAP_FAILED);
	(void)snprintf(contended, sizeof(contended), P_tmpdir "/sys_lock.%ld",
	    (long)getpid());
	pid = traced_start(lock_traced);
	while (!traced_is_mark(traced_next(pid, &sig)))
		;
	while (traced_next(pid, &sig) != SYS_fcntl)
		;
	ck_assert_int_eq(unlink(contended), 0);
	fd = open(contended, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	while (traced_next(pid, &sig) != TRACED_ENDED)
		;
	ck_assert_int_eq(*locked, -EAGAIN);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(unlink(contended), 0);
	ck_assert_int_eq(munmap(locked, sizeof(*locked)), 0);
}
END_TEST

/* Static, because the address sanitizer loses a stack that is left midway. */
static void *
call_each(void *arg)
{
	static struct sockaddr_un address = { .sun_family = AF_UNIX };
	static sigset_t none;
	static char byte, path[64];
	static int fds[2], fd;

	(void)pthread_cancel(pthread_self());
	(void)snprintf(path, sizeof(path), P_tmpdir "/sys_master.%ld",
	    (long)getpid());
	(void)sigchld__sys_teller_pair(fds);
	(void)sigchld__sys_send_to(fds[0], "x", 1, &address, 0);
	(void)sigchld__sys_await(fds[1], &none);
	(void)sigchld__sys_close(fds[0]);
	(void)sigchld__sys_close(fds[1]);
	fd = sigchld__sys_create_file(path);
	(void)sigchld__sys_write_out(fd, "x", 1);
	(void)sigchld__sys_close(fd);
	fd = sigchld__sys_read_file(path);
	(void)sigchld__sys_read_in(fd, &byte, 1);
	(void)sigchld__sys_close(fd);
	(void)sigchld__sys_unlink(path);
	(void)sigchld__sys_close(sigchld__sys_lock_file(path));
	(void)sigchld__sys_unlink(path);
	(void)sigchld__sys_close(sigchld__sys_fill_with_null());
	(void)sigchld__sys_close(sigchld__sys_datagram_socket());
	atomic_store((atomic_int *)arg, byte);
	pthread_testcancel();
	return NULL;
}

START_TEST(c25_none_is_a_cancellation_point)
{
	atomic_int came_out = 0;
	pthread_t thread;
	void *ret;

	ck_assert_int_eq(pthread_create(&thread, NULL, call_each, &came_out),
	    0);
	ck_assert_int_eq(pthread_join(thread, &ret), 0);
	ck_assert_ptr_eq(ret, PTHREAD_CANCELED);
	ck_assert_int_eq(came_out, 'x');
}
END_TEST

HARNESS("sys_master",
    {
	HARNESS_TEST(c7_a_failure_is_minus_errno_and_keeps_errno),
	HARNESS_TEST(a_session_is_left_once),
	HARNESS_TEST(c7_a_file_is_locked_by_one),
	HARNESS_TEST(c7_a_file_that_another_has_taken_the_place_of),
	HARNESS_TEST(c25_none_is_a_cancellation_point),
    })
