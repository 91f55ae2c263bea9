/*
 * test_carried.c - M14, M16, M30, R25, R29: what the next program knows, and what it
 * makes of it
 *
 * timeout: 60
 */
#include <sys/stat.h>

#include "help.h"
#include "worker/carry.h"
#include "worker/sys_exec.h"

static struct subject s;

/* What is written */

/* A program in between tells what it was given, and executes the subject. */
static char between[64];

static void
put_between(void)
{
	FILE *file;

	ck_assert_int_eq(unlink(between), 0); /* it is being executed */
	file = fopen(between, "w");
	ck_assert_ptr_nonnull(file);
	(void)fprintf(file,
	    "#!/bin/sh\nprintf 'given %%s\\n' \"$SIGCHLD_WORKERS\"\n"
	    "exec '%s' \"$@\"\n",
	    MASTER_SUBJECT);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(between, 0755), 0);
}

/* The first program is the subject itself, in that place. */
static void
start_told(const char *words, const char *args)
{
	char command[512];

	(void)snprintf(between, sizeof(between), "/tmp/sigchld-tells-XXXXXX");
	ck_assert_int_eq(close(mkstemp(between)), 0);
	(void)snprintf(command, sizeof(command), "cp '%s' %s && chmod 755 %s",
	    MASTER_SUBJECT, between, between);
	ck_assert_int_eq(system(command), 0);
	subject_file = between;
	subject_serve(&s, words, args);
	put_between();
}

static void
reload_told(struct sigchld__carry *ret_carry)
{
	const char *text;
	size_t refused;

	subject_signal(&s, SIGUSR2);
	text = subject_expect(&s, "given ");
	ck_assert_int_eq(sigchld__carry_read(text, strlen(text), ret_carry,
			     &refused),
	    0);
	ck_assert_uint_eq(refused, 0);
	ck_assert_int_eq(ret_carry->pid, s.pid);
}

static void
block_winch(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGWINCH);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static int64_t
now_ms(void)
{
	return harness_now_ms();
}

START_TEST(r25_a_worker_is_handed_on_with_all_that_is_known)
{
	const struct sigchld__carry_worker *worker;
	struct sigchld__carry carry;
	int64_t begun = now_ms();
	unsigned int i;

	start_told("stubborn", "-n 2 -f 8 -d 60000");
	reload_told(&carry);
	ck_assert_uint_eq(carry.n_workers, 2);
	for (i = 0; i < 2; i++) {
		worker = &carry.workers_v[i];
		ck_assert_uint_eq(worker->generation, 1);
		ck_assert_uint_eq(worker->reloads, 0);
		ck_assert(worker->current && worker->ready);
		ck_assert(!worker->stopping);
		ck_assert_uint_eq(worker->step, 0);
		ck_assert_int_eq((int)worker->leave_ms, 0);
		ck_assert_int_ge(worker->forked_ms, begun);
		ck_assert_int_le(worker->forked_ms, now_ms());
		ck_assert_uint_eq(worker->started,
		    sigchld__sys_started(worker->pid));
		ck_assert_int_ge(worker->channel.fd, 3);
		ck_assert_int_ge(worker->leash.fd, 3);
		ck_assert_str_eq(worker->said, "at work");
	}
	sigchld__carry_clear(&carry);
	(void)subject_expect(&s, "RELOADED");
	/* The subject is at its own place now. */
	subject_stop(&s);
	ck_assert_int_eq(unlink(between), 0);
}
END_TEST

START_TEST(m30_the_master_is_handed_on_with_its_numbers)
{
	struct sigchld__carry carry;
	int64_t begun = now_ms();

	subject_prepare = block_winch;
	start_told("", "-n 2 -f 9 -b 1 -g 1000 -F 28 -T 14");
	subject_prepare = NULL;
	subject_signal(&s, SIGTTIN);
	(void)subject_expect(&s, "WORKER_READY slot=2");
	ck_assert_int_eq(subject_obey(&s, "signal 1 9"), 3);
	subject_expect_n(&s, "WORKER_LEFT", 3);
	subject_await(&s, "WORKER_READY", 6);
	reload_told(&carry);
	ck_assert_uint_eq(carry.generation, 1);
	ck_assert_uint_eq(carry.workers, 3);
	ck_assert_uint_eq(carry.reloads, 0);
	ck_assert_uint_eq(carry.failed, 0);
	ck_assert_uint_eq(carry.forks, 6);
	ck_assert_uint_eq(carry.ends, 3);
	ck_assert_int_ge(carry.began_ms, begun);
	ck_assert_int_le(carry.began_ms, now_ms());
	ck_assert_uint_eq(carry.mask >> (SIGWINCH - 1) & 1, 1);
	ck_assert_uint_eq(carry.flags, 9);
	ck_assert_uint_eq(carry.finish_signal, SIGWINCH);
	ck_assert_uint_eq(carry.stop_signal, SIGALRM);
	ck_assert_uint_eq(carry.result, 0);
	sigchld__carry_clear(&carry);
	(void)subject_expect(&s, "RELOADED");
	subject_stop(&s);
	ck_assert_int_eq(unlink(between), 0);
}
END_TEST

/* Through three programs: what went well, what did not, and since when. */
START_TEST(m30_the_numbers_go_on)
{
	const char *line;
	int up, last;

	subject_serve(&s, "", "-n 2 -f 8");
	up = subject_stat(&s, "up=");
	ck_assert_int_eq(subject_stat(&s, "last="), 0);
	subject_reload(&s);
	subject_expect_n(&s, "WORKER_LEFT", 2);
	last = subject_stat(&s, "last=");
	ck_assert_int_gt(last, 1000000000);
	ck_assert_int_eq(subject_stat(&s, "failure="), 0);
	subject_words(&s, "die");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOAD_FAILED");
	subject_settle(&s, 2);
	subject_order(&s, "stats");
	line = subject_expect(&s, "stats ");
	ck_assert_int_eq(number_of(line, " reloads="), 1);
	ck_assert_int_eq(number_of(line, " failed="), 1);
	ck_assert_int_eq(number_of(line, " forks="), 6);
	ck_assert_int_eq(number_of(line, " ends="), 4);
	ck_assert_int_eq(number_of(line, " last="), last);
	ck_assert_int_ge(number_of(line, " failure="), last);
	ck_assert_int_ge(number_of(line, " up="), up);
	ck_assert_int_le(number_of(line, " up="),
	    up + (int)harness_patience_ms());
	subject_stop(&s);
}
END_TEST

START_TEST(m2_a_former_worker_is_as_old_as_it_is)
{
	const char *line;

	subject_serve(&s, "stubborn", "-n 1 -f 8");
	subject_reload(&s);
	subject_order(&s, "crew");
	do
		line = subject_expect(&s, "crew ");
	while (number_of(line, "current=") == 1);
	ck_assert_int_lt(number_of(line, "age="), (int)harness_patience_ms());
	subject_stop(&s);
}
END_TEST

/* One that was bad before stays the result, whoever comes after. */
START_TEST(m5_the_result_goes_on)
{
	int old, new;

	subject_serve(&s, "", "-n 1 -f 8");
	subject_order(&s, "crew");
	old = number_of(subject_expect(&s, "crew "), "pid=");
	subject_words(&s, "wait");
	subject_signal(&s, SIGUSR2);
	new = number_of(subject_expect(&s, "work "), "pid=");
	ck_assert_int_eq(kill(old, SIGKILL), 0);
	(void)subject_expect(&s, "WORKER_LEFT");
	await_state(new, 'T');
	ck_assert_int_eq(kill(new, SIGCONT), 0);
	(void)subject_expect(&s, "RELOADED");
	subject_words(&s, "");
	subject_reload(&s);
	subject_signal(&s, SIGTERM);
	subject_ends(&s, 137);
}
END_TEST

/* Descriptors */

/* How many are for any program that it starts? Not those of the library, nor those
 * that are kept. */
static int
count_inheritable(void)
{
	char name[64], line[64];
	struct dirent *entry;
	unsigned long flags;
	FILE *file;
	int n = 0;
	DIR *dir;

	(void)snprintf(name, sizeof(name), "/proc/%d/fdinfo", (int)s.pid);
	dir = opendir(name);
	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "/proc/%d/fdinfo/%d",
		    (int)s.pid, atoi(entry->d_name));
		file = fopen(name, "r");
		if (file == NULL)
			continue; /* of one who has gone just now */
		flags = 0;
		while (fgets(line, sizeof(line), file) != NULL)
			(void)sscanf(line, "flags: %lo", &flags);
		(void)fclose(file);
		n += (flags & O_CLOEXEC) == 0;
	}
	(void)closedir(dir);
	return n;
}

START_TEST(m13_its_descriptors_are_sealed_again)
{
	char file[64], command[512];
	int n;

	(void)snprintf(file, sizeof(file), "/tmp/sigchld-sealed-XXXXXX");
	ck_assert_int_eq(close(mkstemp(file)), 0);
	(void)snprintf(command, sizeof(command), "cp '%s' %s && chmod 755 %s",
	    MASTER_SUBJECT, file, file);
	ck_assert_int_eq(system(command), 0);
	subject_file = file;
	subject_serve(&s, "", "-n 2 -f 8");
	n = count_inheritable();
	ck_assert_int_lt(n, count_in(s.pid, "fd"));
	subject_reload(&s);
	(void)subject_obey(&s, "role");
	ck_assert_int_eq(count_inheritable(), n);
	ck_assert_int_eq(unlink(file), 0);
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOAD_FAILED");
	ck_assert_int_eq(count_inheritable(), n);
	subject_stop(&s);
}
END_TEST

/* What a program before us left; here nobody was, and the list is made by hand. */

static struct sigchld__carry carry;
static struct sigchld__carry_worker workers[2];
static struct sigchld__carry_named named[2];
static int pipe_fds[2];

/* A child that says what comes, and goes for nothing but what it does not know. */

static void
say(int sig)
{
	const char *said = sig == SIGUSR1 ? "usr1 came\n" : "term came\n";

	(void)!write(STDOUT_FILENO, said, 10);
}

static pid_t
stubborn_child(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	(void)!pipe(ready);
	pid = fork();
	if (pid == 0) {
		(void)signal(SIGUSR1, say);
		(void)signal(SIGTERM, say);
		(void)close(ready[0]);
		(void)close(ready[1]);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	(void)!read(ready[0], &byte, 1); /* its end: it is ready */
	(void)close(ready[0]);
	(void)dprintf(STDOUT_FILENO, "child pid=%d\n", (int)pid);
	return pid;
}

/* Of the worker, or of what the master knows. */
static void (*prepare_state)(void);

static void
become_subject(struct subject *subject, void *args)
{
	size_t len;
	char *text;

	workers[0].channel.fd = workers[0].leash.fd = -1;
	workers[0].generation = 1;
	workers[0].ready = true;
	carry.n_workers = 1;
	workers[0].pid = stubborn_child();
	prepare_state();
	carry.pid = getpid();
	carry.generation = 1;
	carry.workers = 1;
	carry.workers_v = workers;
	carry.named_v = named;
	(void)sigchld__carry_write(&carry, &text, &len);
	(void)setenv("SIGCHLD_WORKERS", text, 1);
	subject_exec(subject, args, false);
}

static void
start_as(void (*prepare)(void), const char *args)
{
	prepare_state = prepare;
	subject_fork(&s, "", become_subject, (void *)(uintptr_t)args);
}

static void
current_one(void)
{
	workers[0].current = true;
}

/* Z1 in send_off.c. */
START_TEST(m4_each_worker_gets_each_signal_once)
{
	start_as(current_one, "-f 8 -s 60000 -a 10");
	(void)subject_expect(&s, "RELOADED");
	subject_await(&s, "usr1 came", 1);
	ck_assert_int_eq(subject_obey(&s, "stop 0"), 0);
	ck_assert_int_eq(subject_obey(&s, "stop 0"), 0);
	subject_signal(&s, SIGTERM);
	(void)subject_expect(&s, "term came");
	ck_assert_int_eq(subject_obey(&s, "stop 0"), 0);
	subject_signal(&s, SIGTERM);
	ck_assert_int_eq(number_of(subject_expect(&s,
				       "WORKER_LEFT slot=0 "
				       "gen=1"),
			     "status="),
	    137);
	ck_assert_uint_eq(subject_count(&s, "usr1 came"), 1);
	ck_assert_uint_eq(subject_count(&s, "term came"), 1);
	ck_assert_uint_eq(subject_count(&s, "STOPPING"), 2);
	(void)subject_wait(&s);
	subject_free(&s);
}
END_TEST

static void
was_told_to_finish(void)
{
	workers[0].stopping = true; /* and no step: an older release */
}

START_TEST(m26_who_was_told_by_an_older_release_is_not_told_again)
{
	start_as(was_told_to_finish, "-f 8 -a 10");
	(void)subject_expect(&s, "RELOADED");
	ck_assert_int_eq(subject_obey(&s, "stop 0"), 0);
	subject_signal(&s, SIGTERM);
	(void)subject_expect(&s, "term came");
	ck_assert_uint_eq(subject_count(&s, "usr1 came"), 0);
	subject_signal(&s, SIGTERM);
	(void)subject_expect(&s, "WORKER_LEFT slot=0 gen=1");
	(void)subject_wait(&s);
	subject_free(&s);
}
END_TEST

static void
was_told_to_stop(void)
{
	workers[0].stopping = true;
	workers[0].step = 2;
}

static void
dies_of_what_it_was_told(void (*prepare)(void), int sig)
{
	int child;

	start_as(prepare, "-f 8 -s 60000 -F 27 -T 26"); /* PROF, VTALRM */
	child = number_of(subject_expect(&s, "child "), "pid=");
	(void)subject_expect(&s, "RELOADED");
	subject_signal(&s, SIGUSR1);
	(void)subject_expect(&s, "STOPPING");
	ck_assert_int_eq(kill(child, sig), 0);
	ck_assert_int_eq(number_of(subject_expect(&s,
				       "WORKER_LEFT slot=0 "
				       "gen=1"),
			     "status="),
	    128 + sig);
	subject_ends(&s, 0);
}

/* By a signal that the program before us sent to make it go: it ended well. */
START_TEST(m4_who_was_told_by_the_program_before_ended_well)
{
	dies_of_what_it_was_told(was_told_to_finish, SIGPROF);
	dies_of_what_it_was_told(was_told_to_stop, SIGVTALRM);
}
END_TEST

static void
of_a_high_slot(void)
{
	workers[0].current = true;
	workers[0].slot = 5000;
}

START_TEST(m14_a_slot_above_the_number_of_workers)
{
	const char *line;

	start_as(of_a_high_slot, "-f 8 -n 2 -a 10");
	(void)subject_expect(&s, "RELOADED");
	subject_await(&s, "usr1 came", 1);
	ck_assert_int_eq(kill(number_of(s.lines[0], "pid="), SIGKILL), 0);
	line = subject_expect(&s, "WORKER_LEFT slot=5000");
	ck_assert_int_eq(number_of(line, "current="), 0);
	subject_settle(&s, 2);
	subject_stop(&s);
}
END_TEST

/* A pipe is no channel, and it is left alone; so is what is of the same device, but
 * another file. */
static void
wrong_files(void)
{
	struct stat st;
	int fds[2];

	(void)!pipe(fds);
	(void)fstat(fds[0], &st);
	workers[0].channel = (struct sigchld__carry_file){ fds[0],
		(uint64_t)st.st_dev, (uint64_t)st.st_ino };
	(void)strcpy(named[0].name, "http");
	named[0].file = (struct sigchld__carry_file){ fds[1],
		(uint64_t)st.st_dev, (uint64_t)st.st_ino + 1 };
	carry.n_named = 1;
}

START_TEST(m14_files_that_are_nearly_what_they_say)
{
	int child;

	start_as(wrong_files, "-f 8 -n 2 -a 10");
	child = number_of(subject_expect(&s, "child "), "pid=");
	ck_assert_int_eq(number_of(subject_expect(&s, "http "), "fd="),
	    -ENOENT);
	(void)subject_expect(&s, "DISTRUSTED");
	(void)subject_expect(&s, "RELOADED");
	subject_order(&s, "query %d echo", child);
	ck_assert_int_eq(atoi(strstr(subject_expect(&s, "obeyed query "),
				  "rc=") +
			     3),
	    -EPIPE);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	(void)subject_expect(&s, "WORKER_LEFT slot=0 gen=1");
	subject_stop(&s);
}
END_TEST

/* The leash alone. */
static void
only_a_leash(void)
{
	struct stat st;

	(void)fstat(pipe_fds[1], &st);
	(void)close(pipe_fds[0]);
	workers[0].leash = (struct sigchld__carry_file){ pipe_fds[1],
		(uint64_t)st.st_dev, (uint64_t)st.st_ino };
}

START_TEST(m14_a_leash_without_a_channel)
{
	int child;
	char byte;

	ck_assert_int_eq(pipe(pipe_fds), 0);
	start_as(only_a_leash, "-f 8 -n 1");
	ck_assert_int_eq(close(pipe_fds[1]), 0);
	child = number_of(subject_expect(&s, "child "), "pid=");
	(void)subject_expect(&s, "RELOADED");
	ck_assert(!harness_readable(pipe_fds[0], 0));
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	(void)subject_expect(&s, "WORKER_LEFT slot=0 gen=1");
	ck_assert(harness_readable(pipe_fds[0], (int)harness_patience_ms()));
	ck_assert_int_eq((int)read(pipe_fds[0], &byte, 1), 0);
	ck_assert_int_eq(close(pipe_fds[0]), 0);
	ck_assert_uint_eq(subject_count(&s, "DISTRUSTED"), 0);
	subject_stop(&s);
}
END_TEST

static void
another_start(void)
{
	workers[0].started = 1;
}

/* D3 in adopt.c: it is nobody's, and no zombie either. */
START_TEST(m16_who_is_nobodys_is_reaped)
{
	int child;

#ifdef SIGCHLD_PORTABLE
	harness_skip("here nobody can tell which children there are");
#endif
	start_as(another_start, "-f 8 -n 2");
	child = number_of(subject_expect(&s, "child "), "pid=");
	(void)subject_expect(&s, "DISTRUSTED");
	(void)subject_expect(&s, "RELOADED");
	ck_assert_uint_eq(subject_count(&s, "usr1 came"), 0);
	ck_assert_int_eq(kill(child, SIGKILL), 0);
	subject_settle(&s, 2);
	ck_assert_uint_eq(subject_count(&s, "WORKER_LEFT"), 0);
	subject_stop(&s);
}
END_TEST

HARNESS("carried",
    {
	HARNESS_TEST(r25_a_worker_is_handed_on_with_all_that_is_known),
	HARNESS_TEST(m30_the_master_is_handed_on_with_its_numbers),
	HARNESS_TEST(m30_the_numbers_go_on),
	HARNESS_TEST(m2_a_former_worker_is_as_old_as_it_is),
	HARNESS_TEST(m5_the_result_goes_on),
	HARNESS_TEST(m13_its_descriptors_are_sealed_again),
	HARNESS_TEST(m4_each_worker_gets_each_signal_once),
	HARNESS_TEST(m26_who_was_told_by_an_older_release_is_not_told_again),
	HARNESS_TEST(m4_who_was_told_by_the_program_before_ended_well),
	HARNESS_TEST(m14_a_slot_above_the_number_of_workers),
	HARNESS_TEST(m14_files_that_are_nearly_what_they_say),
	HARNESS_TEST(m14_a_leash_without_a_channel),
	HARNESS_TEST(m16_who_is_nobodys_is_reaped),
    })
