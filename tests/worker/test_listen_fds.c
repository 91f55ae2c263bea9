/*
 * test_listen_fds.c - descriptors passed by socket activation are taken
 *
 * What a test is about happens in a child, whose descriptors from 3 on are the
 * test's to choose. Where systemd's library and its systemd-socket-activate are
 * installed, that library reads what we pass, and we read what that program
 * passes: this program, executed again, is then the one that is started.
 *
 * wrap: alloc
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/help.h"
#include "core/sys.h"
#include "worker/listen_fds.h"

#define ROLE     "SIGCHLD_TEST_LISTEN"
#define ACTIVATE "/usr/bin/systemd-socket-activate"
#define LIBRARY  "libsystemd.so.0"

static bool alloc_fails;

void *__real_sigchld__sys_alloc(size_t n, size_t size);
void *__wrap_sigchld__sys_alloc(size_t n, size_t size);

void *
__wrap_sigchld__sys_alloc(size_t n, size_t size)
{
	return alloc_fails ? NULL : __real_sigchld__sys_alloc(n, size);
}

static void
set(const char *name, const char *text)
{
	CHILD_MUST(text == NULL ? unsetenv(name) == 0
				: setenv(name, text, 1) == 0);
}

static void
set_pid(long pid)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%ld", pid);
	set("LISTEN_PID", text);
}

/* 3 and up are open, so many of them and no more; as an exec leaves them. */
static void
open_from_3(int n)
{
	int fd;

	for (fd = 3; fd < 1024; fd++)
		(void)close(fd);
	for (fd = 3; fd < n + 3; fd++)
		CHILD_MUST(dup2(0, fd) == fd);
}

/* fn in a child to which two were passed. */
static void
in_child(void (*fn)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		open_from_3(2);
		set_pid(getpid());
		set("LISTEN_FDS", "2");
		set("LISTEN_FDNAMES", NULL);
		errno = EXDEV;
		fn();
		CHILD_MUST(errno == EXDEV);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
}

static void
must_read(int n, const char *first, const char *second)
{
	struct sigchld__listen_fd *list = NULL;

	CHILD_MUST(sigchld__listen_fds_read(&list) == n);
	CHILD_MUST(list[0].fd == 3 && strcmp(list[0].name, first) == 0);
	if (n > 1)
		CHILD_MUST(list[1].fd == 4 &&
		    strcmp(list[1].name, second) == 0);
	free(list);
}

/* Nothing is taken, and nothing was changed. */
static void
must_give(int rc)
{
	struct sigchld__listen_fd mark, *list = &mark;

	CHILD_MUST(sigchld__listen_fds_read(&list) == rc);
	CHILD_MUST(list == (rc == 0 ? NULL : &mark));
	CHILD_MUST(fcntl(3, F_GETFD) == 0);
}

static void
two(void)
{
	set("LISTEN_FDNAMES", "http:admin");
	must_read(2, "http", "admin");
	CHILD_MUST(fcntl(3, F_GETFD) == FD_CLOEXEC);
	CHILD_MUST(fcntl(4, F_GETFD) == FD_CLOEXEC);
	set("LISTEN_FDS", "1");
	set("LISTEN_FDNAMES", "a b~!");
	must_read(1, "a b~!", NULL);
}

START_TEST(two_with_their_names)
{
	in_child(two);
}
END_TEST

static void
more_than_were_passed(void)
{
	CHILD_MUST(dup2(0, 5) == 5);
	must_read(2, "unknown", "unknown");
	CHILD_MUST(fcntl(5, F_GETFD) == 0);
}

START_TEST(only_those_that_were_passed_are_changed)
{
	in_child(more_than_were_passed);
}
END_TEST

static void
names_are_missing(void)
{
	must_read(2, "unknown", "unknown");
	set("LISTEN_FDNAMES", "");
	must_read(2, "unknown", "unknown");
	set("LISTEN_FDNAMES", "http");
	must_read(2, "http", "unknown");
	set("LISTEN_FDNAMES", ":admin");
	must_read(2, "unknown", "admin");
	set("LISTEN_FDNAMES", "http:");
	must_read(2, "http", "unknown");
}

START_TEST(a_name_that_is_missing_is_unknown)
{
	in_child(names_are_missing);
}
END_TEST

static void
names_are_strange(void)
{
	char name[300];

	set("LISTEN_FDNAMES", "a:b:c");
	must_give(-EINVAL);
	set("LISTEN_FDNAMES", "a:b:");
	must_give(-EINVAL);
	set("LISTEN_FDNAMES", "a\n:b");
	must_give(-EINVAL);
	set("LISTEN_FDNAMES", "a:b\x7f");
	must_give(-EINVAL);
	set("LISTEN_FDNAMES", "gr\xc3\xbc\xc3\x9f");
	must_give(-EINVAL);
	(void)memset(name, 'x', sizeof(name));
	name[256] = '\0';
	set("LISTEN_FDNAMES", name);
	must_give(-EINVAL);
	name[255] = '\0';
	set("LISTEN_FDNAMES", name);
	must_read(2, name, "unknown");
}

START_TEST(m14_names_that_are_none)
{
	in_child(names_are_strange);
}
END_TEST

static void
not_ours(void)
{
	set_pid(getppid());
	must_give(0);
	set("LISTEN_FDS", "x"); /* nor is this ours to judge */
	must_give(0);
	set("LISTEN_PID", NULL);
	must_give(0);
	set_pid(getpid());
	set("LISTEN_FDS", NULL);
	must_give(0);
	set("LISTEN_FDS", "0");
	set("LISTEN_FDNAMES", "a:b:c");
	must_give(0);
	set("LISTEN_PID", "2147483647");
	must_give(0);
}

START_TEST(nothing_was_passed_or_not_to_us)
{
	in_child(not_ours);
}
END_TEST

static void
pids_that_are_none(void)
{
	static const char *const strange[] = { "", "0", "-1", "+1", " 1", "1 ",
		"1x", "0x1", "01", "2147483648", "18446744073709551617",
		"99999999999999999999999999999999" };
	char text[32];
	size_t i;

	for (i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		set("LISTEN_PID", strange[i]);
		must_give(-EINVAL);
	}
	(void)snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	set("LISTEN_PID", text);
	must_give(-EINVAL);
	(void)snprintf(text, sizeof(text), "%lld",
	    (long long)getpid() + 4294967296);
	set("LISTEN_PID", text);
	must_give(-EINVAL);
}

static void
counts_that_are_none(void)
{
	static const char *const strange[] = { "", "00", "-1", "+2", " 2", "2 ",
		"2x", "02", "65537", "4294967298", "2147483647",
		"99999999999999999999999999999999" };
	size_t i;

	for (i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		set("LISTEN_FDS", strange[i]);
		must_give(-EINVAL);
	}
	set("LISTEN_FDS", "65536"); /* a number, but they are not open */
	must_give(-EBADF);
}

START_TEST(m14_numbers_that_are_none)
{
	in_child(pids_that_are_none);
	in_child(counts_that_are_none);
}
END_TEST

static void
not_open(void)
{
	struct sigchld__listen_fd *list;

	set("LISTEN_FDS", "3");
	must_give(-EBADF);
	CHILD_MUST(close(4) == 0);
	set("LISTEN_FDS", "2");
	must_give(-EBADF);
	CHILD_MUST(dup2(3, 4) == 4 && close(3) == 0);
	CHILD_MUST(sigchld__listen_fds_read(&list) == -EBADF);
	CHILD_MUST(fcntl(4, F_GETFD) == 0);
}

START_TEST(m14_descriptors_that_are_not_open)
{
	in_child(not_open);
}
END_TEST

static void
no_memory(void)
{
	alloc_fails = true;
	must_give(-ENOMEM);
	alloc_fails = false;
	must_read(2, "unknown", "unknown");
}

START_TEST(no_memory_and_nothing_changed)
{
	in_child(no_memory);
}
END_TEST

static void
are_unset(void)
{
	set("LISTEN_FDNAMES", "a:b");
	set("LISTEN_PIDFDID", "1");
	set("LISTEN_OTHER", "stays");
	sigchld__listen_fds_unset();
	CHILD_MUST(getenv("LISTEN_PID") == NULL);
	CHILD_MUST(getenv("LISTEN_FDS") == NULL);
	CHILD_MUST(getenv("LISTEN_FDNAMES") == NULL);
	CHILD_MUST(getenv("LISTEN_PIDFDID") == NULL);
	CHILD_MUST(getenv("LISTEN_OTHER") != NULL);
	must_give(0);
	sigchld__listen_fds_unset();
}

START_TEST(m10_the_variables_are_unset)
{
	in_child(are_unset);
}
END_TEST

/* Whoever is started: reads in one way or the other, and tells on standard
 * output in lines of number, name and whether it closes at an exec. */

static void
tell(int fd, const char *name)
{
	char line[300];
	int n = snprintf(line, sizeof(line), "%d %s %d\n", fd, name,
	    fcntl(fd, F_GETFD));

	CHILD_MUST(write(1, line, (size_t)n) == n);
}

static void
read_by_ours(void)
{
	struct sigchld__listen_fd *list;
	int n = sigchld__listen_fds_read(&list), i;

	CHILD_MUST(n >= 0);
	for (i = 0; i < n; i++)
		tell(list[i].fd, list[i].name);
}

static void
read_by_systemd(void)
{
	void *library = dlopen(LIBRARY, RTLD_NOW);
	int (*fn)(int unset, char ***names);
	char **names = NULL;
	int n, i;

	CHILD_MUST(library != NULL);
	*(void **)&fn = dlsym(library, "sd_listen_fds_with_names");
	CHILD_MUST(fn != NULL);
	n = fn(1, &names);
	CHILD_MUST(n >= 0);
	for (i = 0; i < n; i++)
		tell(3 + i, names[i]);
}

__attribute__((constructor)) static void
be_started(void)
{
	const char *role = getenv(ROLE);

	if (role == NULL)
		return;
	if (strcmp(role, "systemd") == 0)
		read_by_systemd();
	else
		read_by_ours();
	_exit(0);
}

static char *
all_of(int fd)
{
	static char text[1024];
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	ck_assert_int_eq(n, 0);
	text[used] = '\0';
	(void)close(fd);
	return text;
}

/* What we pass to a command, with these names or without. */
static const char *
passed_to(const char *role, const char *const *names)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	char *argv[] = { "started", NULL }, entry[64];
	char *envp[] = { entry, "LISTEN_FDNAMES=not:these:three", NULL };
	int from, sockets[2];
	struct harness_log log = { 0 };
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
			     sockets),
	    0);
	(void)snprintf(entry, sizeof(entry), "%s=%s", ROLE, role);
	pid = sigchld_spawn(ctx, NULL,
	    SIGCHLD_SPAWN(.path = "/proc/self/exe", .argv = argv, .envp = envp,
		.listen = sockets, .nlisten = 2, .listen_names = names,
		.ret_stdout = &from),
	    harness_on_event, &log);
	ck_assert_int_gt(pid, 0);
	harness_wait_for(ctx, &log.final, 1);
	ck_assert_int_eq(log.wstatus, 0);
	(void)close(sockets[0]);
	(void)close(sockets[1]);
	sigchld_free(ctx);
	return all_of(from);
}

START_TEST(we_read_what_we_pass)
{
	static const char *const names[] = { "http", "admin" };

	ck_assert_str_eq(passed_to("ours", names), "3 http 1\n4 admin 1\n");
	ck_assert_str_eq(passed_to("ours", NULL), "3 unknown 1\n4 unknown 1\n");
}
END_TEST

START_TEST(r35_systemds_library_reads_what_we_pass)
{
	static const char *const names[] = { "http", "admin" };
	void *library = dlopen(LIBRARY, RTLD_NOW);

	if (library == NULL)
		harness_skip("no libsystemd here");
	(void)dlclose(library);
	ck_assert_str_eq(passed_to("systemd", names), "3 http 1\n4 admin 1\n");
	ck_assert_str_eq(passed_to("systemd", NULL),
	    "3 unknown 1\n4 unknown 1\n");
}
END_TEST

/* It listens, says so, and executes its command at the first connection. */

_Noreturn static void
activate(const char *one, const char *other, int out, int err)
{
	char self[512];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	CHILD_MUST(n > 0);
	self[n] = '\0';
	CHILD_MUST(dup2(out, 1) == 1 && dup2(err, 2) == 2);
	(void)execl(ACTIVATE, ACTIVATE, "-l", one, "-l", other,
	    "--fdname=http:admin", "-E", ROLE "=ours", self, (char *)NULL);
	_exit(126);
}

static void
await_line_with(int fd, const char *text)
{
	char line[4096] = "";
	size_t used = 0;

	while (strstr(line, text) == NULL) {
		ck_assert(harness_readable(fd, (int)harness_patience_ms()));
		ck_assert_uint_lt(used, sizeof(line) - 1);
		ck_assert_msg(read(fd, line + used, 1) == 1, "%s", line);
		used++;
	}
}

static int
connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address,
			     sizeof(address)),
	    0);
	return fd;
}

START_TEST(r35_we_read_what_systemd_socket_activate_passes)
{
	char dir[] = P_tmpdir "/listen.XXXXXX", one[96], other[96];
	int out[2], err[2], client;
	pid_t pid;

	if (access(ACTIVATE, X_OK) != 0)
		harness_skip("no systemd-socket-activate here");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(one, sizeof(one), "%s/one", dir);
	(void)snprintf(other, sizeof(other), "%s/other", dir);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(err, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0)
		activate(one, other, out[1], err[1]);
	(void)close(out[1]);
	(void)close(err[1]);
	await_line_with(err[0], "as 4.");
	client = connect_to(one);
	ck_assert_str_eq(all_of(out[0]), "3 http 1\n4 admin 1\n");
	ck_assert_int_eq(exit_code(pid), 0);
	(void)close(client);
	(void)close(err[0]);
	(void)unlink(one);
	(void)unlink(other);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

HARNESS("listen_fds",
    {
	HARNESS_TEST(two_with_their_names),
	HARNESS_TEST(only_those_that_were_passed_are_changed),
	HARNESS_TEST(a_name_that_is_missing_is_unknown),
	HARNESS_TEST(m14_names_that_are_none),
	HARNESS_TEST(nothing_was_passed_or_not_to_us),
	HARNESS_TEST(m14_numbers_that_are_none),
	HARNESS_TEST(m14_descriptors_that_are_not_open),
	HARNESS_TEST(no_memory_and_nothing_changed),
	HARNESS_TEST(m10_the_variables_are_unset),
	HARNESS_TEST(we_read_what_we_pass),
	HARNESS_TEST(r35_systemds_library_reads_what_we_pass),
	HARNESS_TEST(r35_we_read_what_systemd_socket_activate_passes),
    })
