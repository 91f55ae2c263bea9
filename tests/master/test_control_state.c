/*
 * test_control_state.c - M14, C4 of control.c: what the program before us left of
 * its control socket may be anything
 *
 * Here nobody was before us: the variable is set by hand.
 */
#include <sys/stat.h>

#include "help.h"
#include "talk.h"

static struct subject s;
static struct talk a;

static int inherited = -1; /* of which the record says that it is this one */
static const char *record_path;
static char records[512];

static void
describe(char *text, size_t size, const struct stat *st)
{
	(void)snprintf(text, size, "%llu:%llu", (unsigned long long)st->st_dev,
	    (unsigned long long)st->st_ino);
}

/* The record of a control socket: this descriptor, and the file at this path. */
static void
forge_control(void)
{
	struct stat open_one, at_path;
	char file[64];

	ck_assert_int_eq(fstat(inherited, &open_one), 0);
	ck_assert_int_eq(lstat(record_path, &at_path), 0);
	describe(file, sizeof(file), &open_one);
	(void)snprintf(records, sizeof(records),
	    "c,file=%d:%s,path=%s,dev=%llu,ino=%llu;", inherited, file,
	    record_path, (unsigned long long)at_path.st_dev,
	    (unsigned long long)at_path.st_ino);
}

static void
forge_asker(void)
{
	struct stat open_one;
	char file[64];

	ck_assert_int_eq(fstat(inherited, &open_one), 0);
	describe(file, sizeof(file), &open_one);
	(void)snprintf(records, sizeof(records), "a,file=%d:%s;", inherited,
	    file);
}

/* In the process that becomes the subject. */
static void
prepare(void)
{
	char text[640];

	(void)fcntl(inherited, F_SETFD, 0);
	(void)snprintf(text, sizeof(text),
	    "sigchld-workers/1.0;m,pid=%d,gen=1,records=2,workers=1;%s",
	    (int)getpid(), records);
	(void)setenv("SIGCHLD_WORKERS", text, 1);
}

static void
start(void)
{
	char all[128];

	subject_prepare = prepare;
	(void)snprintf(all, sizeof(all), "-n 1 -f 8 -C %s", talk_path);
	subject_start(&s, "", all);
	subject_prepare = NULL;
}

static void
stop(void)
{
	talk_open(&a);
	talk_ask(&a, "stop now", "stopping\n");
	subject_ends(&s, 0);
	talk_is_over(&a);
}

/* What a program before this one would have left: it goes on, and is removed,
 * since this program asks for another path. */
START_TEST(m14_a_socket_that_is_proved)
{
	talk_begin();
	record_path = talk_path2;
	inherited = talk_listen(talk_path2);
	forge_control();
	start();
	ck_assert_int_eq(close(inherited), 0);
	(void)subject_expect(&s, "RELOADED");
	ck_assert_uint_eq(subject_count(&s, "DISTRUSTED"), 0);
	talk_open(&a);
	talk_ask(&a, "ready", "ready: ");
	ck_assert(!talk_exists(talk_path2));
	talk_close(&a);
	stop();
	talk_end();
}
END_TEST

static void
is_not_believed(void)
{
	char name[64];

	start();
	(void)subject_expect(&s, "DISTRUSTED");
	(void)subject_expect(&s, "RELOADED");
	(void)snprintf(name, sizeof(name), "/proc/%d/fd/%d", (int)s.pid,
	    inherited);
	ck_assert(talk_exists(name)); /* D1: it is not closed */
	stop();
}

/* A record that names somebody else's file: that is not removed. */
START_TEST(m14_somebody_elses_socket)
{
	int his, pair[2];

	talk_begin();
	his = talk_listen(talk_path2);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
			     pair),
	    0);
	record_path = talk_path2;
	inherited = pair[0];
	forge_control();
	is_not_believed();
	ck_assert(talk_exists(talk_path2));
	ck_assert_int_eq(close(pair[0]), 0);
	ck_assert_int_eq(close(pair[1]), 0);
	ck_assert_int_eq(close(his), 0);
	ck_assert_int_eq(unlink(talk_path2), 0);
	talk_end();
}
END_TEST

/* A socket that listens, but elsewhere. */
START_TEST(m14_somebody_elses_path)
{
	char path3[80];
	int his, mine;

	talk_begin();
	his = talk_listen(talk_path2);
	(void)snprintf(path3, sizeof(path3), "%s/s.3", talk_dir);
	mine = talk_listen(path3);
	record_path = talk_path2;
	inherited = mine;
	forge_control();
	is_not_believed();
	ck_assert(talk_exists(talk_path2));
	ck_assert_int_eq(close(mine), 0);
	ck_assert_int_eq(close(his), 0);
	ck_assert_int_eq(unlink(path3), 0);
	ck_assert_int_eq(unlink(talk_path2), 0);
	talk_end();
}
END_TEST

/* It is at that path, but it does not listen: who connects would wait for ever. */
START_TEST(m14_a_socket_that_does_not_listen)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	talk_begin();
	inherited = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)strcpy(address.sun_path, talk_path2);
	ck_assert_int_eq(bind(inherited, (const struct sockaddr *)&address,
			     sizeof(address)),
	    0);
	record_path = talk_path2;
	forge_control();
	is_not_believed();
	ck_assert(talk_exists(talk_path2));
	ck_assert_int_eq(close(inherited), 0);
	ck_assert_int_eq(unlink(talk_path2), 0);
	talk_end();
}
END_TEST

START_TEST(m14_a_connection_that_is_proved)
{
	int pair[2];

	talk_begin();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
			     pair),
	    0);
	inherited = pair[0];
	forge_asker();
	start();
	ck_assert_int_eq(close(pair[0]), 0);
	a.fd = pair[1];
	a.n = 0;
	talk_ask(&a, "help", "help ");
	talk_close(&a);
	(void)subject_expect(&s, "RELOADED");
	ck_assert_uint_eq(subject_count(&s, "DISTRUSTED"), 0);
	stop();
	talk_end();
}
END_TEST

/* A file is none, nor is one who is another user: he is not obeyed. */
START_TEST(m14_a_connection_that_is_a_file)
{
	char name[80];

	talk_begin();
	(void)snprintf(name, sizeof(name), "%s/file", talk_dir);
	inherited = open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(inherited, "stop now\n", 9), 9);
	ck_assert_int_eq(lseek(inherited, 0, SEEK_SET), 0);
	forge_asker();
	is_not_believed();
	ck_assert_int_eq(lseek(inherited, 0, SEEK_CUR), 0); /* not read */
	ck_assert_int_eq(close(inherited), 0);
	ck_assert_int_eq(unlink(name), 0);
	talk_end();
}
END_TEST

START_TEST(m14_a_connection_of_another_user)
{
	int fd, wstatus;
	pid_t pid;

#ifdef SIGCHLD_PORTABLE
	harness_skip("credentials are not asked for here");
#endif
	if (geteuid() != 0)
		harness_skip("only root can be another user");
	talk_begin();
	fd = talk_listen(talk_path2);
	ck_assert_int_eq(chmod(talk_dir, 0755), 0);
	ck_assert_int_eq(chmod(talk_path2, 0666), 0);
	pid = fork();
	if (pid == 0) {
		if (setuid(65534) != 0)
			_exit(1);
		a.fd = talk_connect(talk_path2);
		_exit(send(a.fd, "stop now\n", 9, MSG_NOSIGNAL) == 9 ? 0 : 2);
	}
	ck_assert_int_eq(waitpid(pid, &wstatus, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(wstatus), 0);
	inherited = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(inherited, 0);
	forge_asker();
	is_not_believed();
	ck_assert_int_eq(close(inherited), 0);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(unlink(talk_path2), 0);
	talk_end();
}
END_TEST

HARNESS("control_state",
    {
	HARNESS_TEST(m14_a_socket_that_is_proved),
	HARNESS_TEST(m14_somebody_elses_socket),
	HARNESS_TEST(m14_somebody_elses_path),
	HARNESS_TEST(m14_a_socket_that_does_not_listen),
	HARNESS_TEST(m14_a_connection_that_is_proved),
	HARNESS_TEST(m14_a_connection_that_is_a_file),
	HARNESS_TEST(m14_a_connection_of_another_user),
    })
