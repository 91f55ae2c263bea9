/*
 * test_state.c - M14, M16, R29 to R34: what the program before us left may be
 * anything
 *
 * Here nobody was before us: the variable is set by hand.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include "async/sys.h"
#include "help.h"
#include "worker/carry.h"
#include "worker/launch.h"

static struct subject s;

/* It says so, and works. */
static void
must_distrust(const char *state)
{
	ck_assert_int_eq(setenv("SIGCHLD_WORKERS", state, 1), 0);
	subject_start(&s, "", "-n 2 -f 8");
	ck_assert_int_eq(unsetenv("SIGCHLD_WORKERS"), 0);
	(void)subject_expect(&s, "DISTRUSTED");
	(void)subject_expect(&s, "RELOADED");
	ck_assert_int_eq(count_children(s.pid), 2);
	subject_stop(&s);
}

/* What is to become of children that nobody knows is not for those of main(). */
START_TEST(m14_a_child_of_main_is_its_own)
{
	ck_assert_int_eq(setenv("SIGCHLD_WORKERS", "rubbish", 1), 0);
	subject_start(&s, "child", "-n 1 -f 8");
	ck_assert_int_eq(unsetenv("SIGCHLD_WORKERS"), 0);
	(void)subject_expect(&s, "DISTRUSTED");
	ck_assert_str_eq(subject_expect(&s, "child "), "ours=1 status=6");
	subject_stop(&s);
}
END_TEST

/* It has come as far as to dispatch, so nobody else serves. */
START_TEST(m25_a_program_that_exits_when_it_is_told)
{
	ck_assert_int_eq(setenv("SIGCHLD_WORKERS", "rubbish", 1), 0);
	subject_start(&s, "give up", "-n 1 -f 8");
	ck_assert_int_eq(unsetenv("SIGCHLD_WORKERS"), 0);
	(void)subject_expect(&s, "DISTRUSTED");
	subject_ends(&s, 6);
}
END_TEST

START_TEST(m14_rubbish)
{
	static const char *const states[] = { "", "rubbish", "@", "@-1", "@0",
		"@2", "@3", "@999999999999", "@3x", "1", "v=1", "m:pid=1",
		"w:pid=-1;fd=0", "\xff\xfe" };
	unsigned int i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		must_distrust(states[i]);
}
END_TEST

/* As if the subject had written it: its pid is that of whoever reads it, since
 * the process is the same. */
struct made {
	struct sigchld__carry carry;
	struct sigchld__carry_worker workers[4];
	struct sigchld__carry_named named[2];
	char *text;
	size_t len;
};

static void
make(struct made *m, size_t n_workers, size_t n_named)
{
	size_t i;

	m->carry.pid = getpid();
	m->carry.generation = 1;
	m->carry.workers = 1;
	m->carry.workers_v = m->workers;
	m->carry.n_workers = n_workers;
	m->carry.named_v = m->named;
	m->carry.n_named = n_named;
	for (i = 0; i < n_workers; i++) {
		m->workers[i].slot = (uint32_t)i;
		m->workers[i].generation = 1;
		m->workers[i].current = m->workers[i].ready = true;
		if (m->workers[i].channel.fd == 0)
			m->workers[i].channel.fd = -1;
		if (m->workers[i].leash.fd == 0)
			m->workers[i].leash.fd = -1;
	}
	ck_assert_int_eq(sigchld__carry_write(&m->carry, &m->text, &m->len), 0);
}

/* A child of ours that the state knows, or does not; by exec we become the
 * subject, so all is done in a process of its own. */
static pid_t
child(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		for (;;)
			(void)pause();
	(void)dprintf(STDOUT_FILENO, "child pid=%d\n", (int)pid);
	return pid;
}

/* What a test makes of it. */
static void (*prepare_state)(struct made *m);

static void
become_subject(struct subject *subject, void *user)
{
	struct made *m = user;

	prepare_state(m);
	(void)setenv("SIGCHLD_WORKERS", m->text, 1);
	subject_exec(subject, "-f 8", false);
}

static void
start_as(void (*prepare)(struct made *m))
{
	static struct made m;

	prepare_state = prepare;
	subject_fork(&s, "", become_subject, &m);
}

static void
one_child(struct made *m)
{
	m->workers[0].pid = child();
	make(m, 1, 0);
}

/* It has no channel, so it cannot be asked, but it is stopped as any other. */
START_TEST(r28_a_child_is_adopted)
{
	start_as(one_child);
	(void)subject_expect(&s, "RELOADED");
	ck_assert_int_eq(number_of(subject_expect(&s, "WORKER_LEFT"),
			     "status="),
	    128 + SIGUSR1);
	ck_assert_uint_eq(subject_count(&s, "DISTRUSTED"), 0);
	subject_stop(&s);
}
END_TEST

static pid_t stranger;

static void
a_stranger(struct made *m)
{
	m->workers[0].pid = stranger;
	make(m, 1, 0);
}

START_TEST(m16_who_is_no_child_is_not_signalled)
{
	siginfo_t info = { .si_pid = 0 };

	stranger = child();
	start_as(a_stranger);
	(void)subject_expect(&s, "DISTRUSTED");
	(void)subject_expect(&s, "RELOADED");
	subject_signal(&s, SIGUSR1);
	subject_ends(&s, 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)stranger, &info,
			     WEXITED | WNOHANG | WNOWAIT),
	    0);
	ck_assert_int_eq(info.si_pid, 0); /* it lives */
	ck_assert_int_eq(kill(stranger, SIGKILL), 0);
	ck_assert_int_eq(waitpid(stranger, NULL, 0), stranger);
}
END_TEST

/* It is our child, but not the one that had this pid before. */
static void
another_start(struct made *m)
{
	m->workers[0].pid = child();
	m->workers[0].started = 1;
	make(m, 1, 0);
}

/* Nobody signals it, so we do, by the master that has it for a child. */
static void
must_live(int pid)
{
	ck_assert_int_eq(subject_obey(&s, "role"), SIGCHLD_ROLE_MASTER);
	ck_assert_uint_eq(subject_count(&s, "WORKER_LEFT"), 0);
	ck_assert_int_eq(count_children(s.pid), 2);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
}

START_TEST(m16_a_pid_that_is_anothers_now)
{
	int pid;

	start_as(another_start);
	pid = number_of(subject_expect(&s, "child "), "pid=");
	(void)subject_expect(&s, "DISTRUSTED");
	(void)subject_expect(&s, "RELOADED");
	must_live(pid);
	subject_stop(&s);
}
END_TEST

/* Descriptors that are open, and something else than they say. */
static void
wrong_files(struct made *m)
{
	int fds[2];
	uint64_t dev = 0;
	struct stat st;

	(void)pipe(fds);
	(void)fstat(fds[0], &st);
	dev = (uint64_t)st.st_dev;
	m->workers[0].pid = child();
	m->workers[0].channel =
	    (struct sigchld__carry_file){ fds[0], dev, (uint64_t)st.st_ino };
	(void)strcpy(m->named[0].name, "listener");
	m->named[0].file = (struct sigchld__carry_file){ fds[1], dev + 1,
		(uint64_t)st.st_ino };
	make(m, 1, 1);
}

START_TEST(m14_descriptors_that_are_not_what_they_say)
{
	start_as(wrong_files);
	(void)subject_expect(&s, "made "); /* it was not kept */
	(void)subject_expect(&s, "DISTRUSTED");
	(void)subject_expect(&s, "RELOADED");
	subject_stop(&s);
}
END_TEST

/* Of an environment that was copied. */
static void
another_master(struct made *m)
{
	m->workers[0].pid = child();
	m->carry.pid = 1;
	make(m, 1, 0);
	free(m->text);
	m->carry.pid = getppid();
	(void)sigchld__carry_write(&m->carry, &m->text, &m->len);
}

START_TEST(m14_the_state_of_another_process)
{
	start_as(another_master);
	(void)subject_expect(&s, "DISTRUSTED");
	(void)subject_expect(&s, "RELOADED");
	subject_signal(&s, SIGUSR1);
	subject_ends(&s, 0);
}
END_TEST

static void
dead_child(struct made *m)
{
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0)
		_exit(9);
	(void)waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	m->workers[0].pid = pid;
	m->workers[0].current = false;
	make(m, 1, 0);
	m->workers[0].current = false;
	free(m->text);
	(void)sigchld__carry_write(&m->carry, &m->text, &m->len);
}

START_TEST(m6_r24_who_is_dead_already_is_told_of)
{
	start_as(dead_child);
	ck_assert_int_eq(number_of(subject_expect(&s, "WORKER_LEFT"),
			     "status="),
	    9);
	(void)subject_expect(&s, "RELOADED");
	subject_stop(&s);
}
END_TEST

/* The file of a state that is large: a stranger's file is not one. */

START_TEST(r29_a_state_is_taken_once)
{
	char *state;
	size_t len;

	ck_assert_int_eq(sigchld__launch_state(&state, &len), 0);
	ck_assert_int_eq(setenv("SIGCHLD_WORKERS", "it", 1), 0);
	ck_assert_int_eq(sigchld__launch_state(&state, &len), 1);
	ck_assert_str_eq(state, "it");
	ck_assert_uint_eq(len, 2);
	free(state);
	ck_assert_ptr_null(getenv("SIGCHLD_WORKERS"));
	ck_assert_int_eq(sigchld__launch_state(&state, &len), 0);
}
END_TEST

START_TEST(m14_a_file_that_is_not_ours_is_left_alone)
{
	char name[] = "/tmp/sigchld-state-XXXXXX", text[32], *state;
	int fd = mkstemp(name);
	size_t len;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq((int)write(fd, "v=1", 3), 3);
	(void)snprintf(text, sizeof(text), "@%d", fd);
	ck_assert_int_eq(setenv("SIGCHLD_WORKERS", text, 1), 0);
	ck_assert_int_eq(sigchld__launch_state(&state, &len), -EPROTO);
	ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
	ck_assert_ptr_null(getenv("SIGCHLD_WORKERS"));
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(unlink(name), 0);
}
END_TEST

HARNESS("state",
    {
	HARNESS_TEST(m14_a_child_of_main_is_its_own),
	HARNESS_TEST(m25_a_program_that_exits_when_it_is_told),
	HARNESS_TEST(m14_rubbish),
	HARNESS_TEST(r28_a_child_is_adopted),
	HARNESS_TEST(m16_who_is_no_child_is_not_signalled),
	HARNESS_TEST(m16_a_pid_that_is_anothers_now),
	HARNESS_TEST(m14_descriptors_that_are_not_what_they_say),
	HARNESS_TEST(m14_the_state_of_another_process),
	HARNESS_TEST(m6_r24_who_is_dead_already_is_told_of),
	HARNESS_TEST(r29_a_state_is_taken_once),
	HARNESS_TEST(m14_a_file_that_is_not_ours_is_left_alone),
    })
