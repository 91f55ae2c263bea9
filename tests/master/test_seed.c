/*
 * test_seed.c - what HAProxy's first master did, and how this one does it: R7, R9,
 * R18 to R38; and of the behaviours M3, M21, M28
 *
 * timeout: 60
 */
#include <sys/stat.h>

#include "help.h"

static struct subject s;

static const char *
left(int pid)
{
	const char *line;

	do
		line = subject_expect(&s, "WORKER_LEFT");
	while (number_of(line, " pid=") != pid);
	return line;
}

/* Ends */

static void
must_tell(int pid, int status, int raw)
{
	const char *line = left(pid);

	ck_assert_int_eq(number_of(line, "status="), status);
	ck_assert_int_eq(number_of(line, "raw="), raw);
	ck_assert_int_eq(number_of(line, "lost="), 0);
	(void)subject_expect(&s, "WORKER_READY");
}

/* The one who has been forked last is the one who is asked next. */
static int
latest(void)
{
	unsigned int i;
	int pid = 0;

	for (i = 0; i < s.n_lines; i++) {
		if (strncmp(s.lines[i], "work ", 5) == 0)
			pid = number_of(s.lines[i], "pid=");
	}
	return pid;
}

START_TEST(m3_r19_each_end_is_told_as_it_was)
{
	static const int exits[] = { 0, 7, 255 };
	static const int signals[] = { SIGKILL, SIGSEGV, SIGTERM };
	unsigned int i;
	int pid;

	subject_serve(&s, "", "-n 1 -f 9 -b 1 -g 1000");
	for (i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
		pid = latest();
		subject_order(&s, "query %d exit%03d", pid, exits[i]);
		must_tell(pid, exits[i], exits[i] << 8);
	}
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		pid = latest();
		ck_assert_int_eq(kill(pid, signals[i]), 0);
		must_tell(pid, 128 + signals[i], signals[i]);
	}
	subject_stop(&s);
}
END_TEST

/* Those who end with what the shell makes of TERM and INT were told to go, by
 * somebody; the others stay, and so does the result. */
START_TEST(r21_who_ends_with_130_or_143_has_ended_well)
{
	subject_serve(&s, "", "-n 3 -f 8");
	subject_order(&s, "query %d exit130", subject_worker_of(&s, 0, 1));
	(void)left(subject_worker_of(&s, 0, 1));
	subject_order(&s, "query %d exit143", subject_worker_of(&s, 1, 1));
	(void)left(subject_worker_of(&s, 1, 1));
	(void)subject_obey(&s, "role");
	ck_assert_uint_eq(subject_count(&s, "STOPPING"), 0);
	ck_assert_int_eq(count_children(s.pid), 1);
	subject_order(&s, "query %d exit131", subject_worker_of(&s, 2, 1));
	subject_ends(&s, 131);
}
END_TEST

START_TEST(r20_an_end_is_that_of_a_current_or_of_a_former_one)
{
	subject_serve(&s, "stubborn", "-n 1 -f 8");
	subject_reload(&s);
	ck_assert_int_eq(kill(subject_worker_of(&s, 0, 1), SIGKILL), 0);
	ck_assert_int_eq(number_of(left(subject_worker_of(&s, 0, 1)),
			     "current="),
	    0);
	ck_assert_int_eq(subject_obey(&s, "role"), SIGCHLD_ROLE_MASTER);
	ck_assert_uint_eq(subject_count(&s, "STOPPING"), 0);
	ck_assert_int_eq(kill(subject_worker_of(&s, 0, 2), SIGKILL), 0);
	ck_assert_int_eq(number_of(left(subject_worker_of(&s, 0, 2)),
			     "current="),
	    1);
	subject_ends(&s, 137);
}
END_TEST

/* Signals between two programs */

/* From the execve until there is a master they are blocked, and pending. */
START_TEST(r7_the_next_program_begins_with_them_blocked)
{
	subject_start(&s, "", "-n 1");
	ck_assert_int_eq(number_of(subject_expect(&s, "main "), "held="), 0);
	(void)subject_expect(&s, "READY");
	subject_signal(&s, SIGUSR2);
	ck_assert_int_eq(number_of(subject_expect(&s, "main "), "held="), 7);
	(void)subject_expect(&s, "RELOADED");
	subject_stop(&s);
}
END_TEST

static void
stops_between(int sig)
{
	subject_serve(&s, "", "-n 2 -f 8");
	subject_words(&s, "between");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "main ");
	await_state(s.pid, 'T');
	subject_signal(&s, sig);
	subject_signal(&s, SIGCONT);
	(void)subject_expect(&s, "STOPPING");
	subject_ends(&s, 0);
}

START_TEST(r7_m21_term_before_the_next_program_has_a_master)
{
	stops_between(SIGTERM);
}
END_TEST

START_TEST(r7_m21_usr1_before_the_next_program_has_a_master)
{
	stops_between(SIGUSR1);
}
END_TEST

START_TEST(r7_m20_usr2_before_the_next_program_has_a_master)
{
	subject_serve(&s, "", "-n 1 -f 8");
	subject_words(&s, "between");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "main ");
	await_state(s.pid, 'T');
	subject_words(&s, "marked");
	subject_signal(&s, SIGUSR2);
	subject_signal(&s, SIGCONT);
	(void)subject_expect(&s, "RELOADED");
	(void)subject_expect(&s, "main words=marked");
	(void)subject_expect(&s, "RELOADED");
	subject_stop(&s);
}
END_TEST

/* Bits of a line of /proc/PID/status: bit n - 1 is signal n. */
static unsigned long long
signals_of(const char *key)
{
	char name[64], line[256];
	unsigned long long bits = 0;
	FILE *file;

	(void)snprintf(name, sizeof(name), "/proc/%d/status", (int)s.pid);
	file = fopen(name, "r");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, key, strlen(key)) == 0)
			bits = strtoull(line + strlen(key), NULL, 16);
	}
	(void)fclose(file);
	return bits;
}

static void
must_be_heeded(void)
{
	static const int kinds[] = { SIGUSR1, SIGUSR2, SIGHUP, SIGTERM, SIGINT,
		SIGTTIN, SIGTTOU };
	unsigned long long all = 0;
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		all |= 1ull << (kinds[i] - 1);
	ck_assert_uint_eq(signals_of("SigCgt:") & all, all);
	ck_assert_uint_eq(signals_of("SigBlk:") & all, 0);
	ck_assert_uint_eq(signals_of("SigIgn:") & all, 0);
}

START_TEST(r9_they_are_caught_and_let_in_after_each_reload)
{
	subject_serve(&s, "", "-n 1 -f 8");
	must_be_heeded();
	subject_reload(&s);
	must_be_heeded();
	subject_words(&s, "die");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOAD_FAILED");
	must_be_heeded();
	subject_stop(&s);
}
END_TEST

/* The ends of channels and leashes */

/* All the files of this kind that a process has, but for 0 to 2. */
static unsigned int
files_of(int pid, mode_t kind, ino_t *inodes, unsigned int most)
{
	char name[64];
	struct dirent *entry;
	unsigned int n = 0;
	struct stat st;
	DIR *dir;

	(void)snprintf(name, sizeof(name), "/proc/%d/fd", pid);
	dir = opendir(name);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		(void)snprintf(name, sizeof(name), "/proc/%d/fd/%d", pid,
		    atoi(entry->d_name));
		if (entry->d_name[0] == '.' || atoi(entry->d_name) < 3 ||
		    stat(name, &st) != 0 || (st.st_mode & S_IFMT) != kind)
			continue;
		ck_assert_uint_lt(n, most);
		inodes[n++] = st.st_ino;
	}
	(void)closedir(dir);
	return n;
}

static bool
has_one(const ino_t *inodes, unsigned int n, ino_t inode)
{
	while (n-- > 0) {
		if (inodes[n] == inode)
			return true;
	}
	return false;
}

static ino_t
inode_of(int pid, int fd)
{
	char name[64];
	struct stat st;

	(void)snprintf(name, sizeof(name), "/proc/%d/fd/%d", pid, fd);
	ck_assert_int_eq(stat(name, &st), 0);
	return st.st_ino;
}

/* None of the files of one process is in another, but that which was kept. */
static void
must_be_apart(const int *pids, unsigned int n, mode_t kind, ino_t kept)
{
	ino_t all[8][24];
	unsigned int n_all[8], i, j, k;

	for (i = 0; i < n; i++) {
		n_all[i] = files_of(pids[i], kind, all[i], 24);
		ck_assert_uint_ge(n_all[i], 1);
	}
	for (i = 0; i < n; i++) {
		for (j = 0; j < n_all[i]; j++) {
			for (k = 0; k < n && all[i][j] != kept; k++)
				ck_assert(k == i ||
				    !has_one(all[k], n_all[k], all[i][j]));
		}
	}
}

/* The master has one end of each channel, a worker the other one of its own; a
 * leash is a pipe, so both of its ends are one file. */
static void
must_be_as_they_should(const int *pids, unsigned int n, int kept)
{
	must_be_apart(pids, n, S_IFSOCK, inode_of(s.pid, kept));
	must_be_apart(pids + 1, n - 1, S_IFIFO, 0);
}

START_TEST(r27_r30_r31_each_end_is_in_one_process)
{
	int pids[7], i, fd;

	subject_start(&s, "stubborn", "-n 3 -f 8");
	fd = number_of(subject_expect(&s, "made "), "fd=");
	(void)subject_expect(&s, "READY");
	pids[0] = s.pid;
	for (i = 0; i < 3; i++)
		pids[1 + i] = subject_worker_of(&s, (unsigned int)i, 1);
	must_be_as_they_should(pids, 4, fd);
	subject_reload(&s);
	for (i = 0; i < 3; i++)
		pids[4 + i] = subject_worker_of(&s, (unsigned int)i, 2);
	must_be_as_they_should(pids, 7, fd);
	subject_stop(&s);
}
END_TEST

START_TEST(r32_its_ends_are_closed_when_it_is_reaped)
{
	int fds, i;
	int64_t deadline;

	subject_serve(&s, "", "-n 1 -f 8");
	fds = count_in(s.pid, "fd");
	for (i = 0; i < 3; i++) {
		subject_signal(&s, SIGTTIN);
		(void)subject_expect(&s, "WORKER_READY slot=1");
		ck_assert_int_gt(count_in(s.pid, "fd"), fds);
		subject_signal(&s, SIGTTOU);
		(void)subject_expect(&s, "WORKER_LEFT slot=1");
		deadline = harness_now_ms() + harness_patience_ms();
		while (count_in(s.pid, "fd") != fds) {
			ck_assert_int_lt(harness_now_ms(), deadline);
			(void)subject_obey(&s, "role");
		}
	}
	subject_stop(&s);
}
END_TEST

/* Of both generations, though the one has seen the other come. They have no
 * leash, so it is the end of file that they see. */
START_TEST(m9_r33_each_sees_the_end_of_its_master)
{
	subject_serve(&s, "stubborn", "-n 2 -f 12");
	subject_reload(&s);
	subject_signal(&s, SIGKILL);
	subject_expect_n(&s, "done ", 4);
	subject_ends(&s, 137);
}
END_TEST

/* READY is a message that stays although its sender is gone. */

START_TEST(m28_who_says_ready_and_closes_at_once)
{
	int rc;

	subject_serve(&s, "close", "-n 2 -f 8");
	subject_reload(&s);
	ck_assert_uint_eq(subject_count(&s, "WORKER_READY"), 4);
	subject_order(&s, "query %d echo", subject_worker_of(&s, 0, 2));
	rc = number_of(subject_expect(&s, "obeyed query "), "rc=");
	if (rc == 0) /* that it was closed is not known yet */
		rc = number_of(subject_expect(&s, "answer "), "rc=");
	ck_assert_int_eq(rc, -EPIPE);
	subject_stop(&s);
}
END_TEST

/* It says so to a master that never hears it, and does not wait for an answer. */
START_TEST(m28_a_master_that_dies_before_it_hears)
{
	int pid;

	subject_start(&s, "wait", "-n 1 -f 12");
	pid = number_of(subject_expect(&s, "work "), "pid=");
	await_state(pid, 'T');
	stop_process(s.pid);
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	await_state(pid, 'S');
	subject_signal(&s, SIGKILL);
	(void)subject_expect(&s, "done ");
	ck_assert_uint_eq(subject_count(&s, "WORKER_READY"), 0);
	subject_ends(&s, 137);
}
END_TEST

/* Privileges */

static int
uid_of(int pid)
{
	char name[64], line[256];
	int uid = -1;
	FILE *file;

	(void)snprintf(name, sizeof(name), "/proc/%d/status", pid);
	file = fopen(name, "r");
	ck_assert_ptr_nonnull(file);
	while (uid == -1 && fgets(line, sizeof(line), file) != NULL)
		(void)sscanf(line, "Uid: %*d %d", &uid);
	(void)fclose(file);
	return uid;
}

/* It reads again what it alone may read, signals those who gave theirs up, and
 * they end with it: the leash holds across that. */
START_TEST(r38_workers_give_up_their_privileges_and_the_master_does_not)
{
	if (geteuid() != 0)
		harness_skip("nobody else can give up anything");
	subject_serve(&s, "drop", "-n 2 -f 8");
	ck_assert_int_eq(chmod(s.words, 0600), 0);
	ck_assert_int_eq(uid_of(subject_worker_of(&s, 0, 1)), 65534);
	ck_assert_int_eq(uid_of(s.pid), 0);
	subject_reload(&s);
	subject_expect_n(&s, "WORKER_LEFT", 2);
	ck_assert_uint_eq(subject_count(&s, "done "), 2);
	ck_assert_int_eq(uid_of(subject_worker_of(&s, 0, 2)), 65534);
	ck_assert_int_eq(uid_of(s.pid), 0);
	subject_order(&s, "query %d hang", subject_worker_of(&s, 0, 2));
	subject_order(&s, "query %d hang", subject_worker_of(&s, 1, 2));
	subject_expect_n(&s, "hangs ", 2);
	subject_signal(&s, SIGKILL);
	subject_ends(&s, 137);
}
END_TEST

HARNESS("seed",
    {
	HARNESS_TEST(m3_r19_each_end_is_told_as_it_was),
	HARNESS_TEST(r21_who_ends_with_130_or_143_has_ended_well),
	HARNESS_TEST(r20_an_end_is_that_of_a_current_or_of_a_former_one),
	HARNESS_TEST(r7_the_next_program_begins_with_them_blocked),
	HARNESS_TEST(r7_m21_term_before_the_next_program_has_a_master),
	HARNESS_TEST(r7_m21_usr1_before_the_next_program_has_a_master),
	HARNESS_TEST(r7_m20_usr2_before_the_next_program_has_a_master),
	HARNESS_TEST(r9_they_are_caught_and_let_in_after_each_reload),
	HARNESS_TEST(r27_r30_r31_each_end_is_in_one_process),
	HARNESS_TEST(r32_its_ends_are_closed_when_it_is_reaped),
	HARNESS_TEST(m9_r33_each_sees_the_end_of_its_master),
	HARNESS_TEST(m28_who_says_ready_and_closes_at_once),
	HARNESS_TEST(m28_a_master_that_dies_before_it_hears),
	HARNESS_TEST(
	    r38_workers_give_up_their_privileges_and_the_master_does_not),
    })
