/*
 * test_release.c - M26: programs of other releases, newer and older, one after the
 * other in the same place
 *
 * timeout: 60
 */
#include <sys/stat.h>

#include "help.h"

static struct subject s;
static char file[64];

/* As an upgrade does it: whole, or not at all. */
static void
install(const char *program)
{
	char command[1024];

	(void)snprintf(command, sizeof(command),
	    "cp '%s' %s.new && chmod 755 %s.new && mv %s.new %s", program, file,
	    file, file, file);
	ck_assert_int_eq(system(command), 0);
}

static void
start(const char *words, const char *args)
{
	(void)snprintf(file, sizeof(file), "/tmp/sigchld-release-XXXXXX");
	ck_assert_int_eq(close(mkstemp(file)), 0);
	install(MASTER_SUBJECT);
	subject_file = file;
	subject_start(&s, words, args);
	(void)subject_expect(&s, "READY");
}

static void
stop(void)
{
	subject_stop(&s);
	ck_assert_int_eq(unlink(file), 0);
}

/* What the one says that goes, if it is of another release. */
static void
upgrade(const char *program, const char *says)
{
	install(program);
	subject_signal(&s, SIGUSR2);
	if (says != NULL)
		(void)subject_expect(&s, says);
	(void)subject_expect(&s, "main ");
	(void)subject_expect(&s, "kept fd=");
	(void)subject_expect(&s, "RELOADED");
}

/* Two of each generation, each as old as it is, and each can be asked. */
static void
must_have(int generations)
{
	const char *line;
	int i, pid, generation;

	ck_assert_int_eq(count_children(s.pid), 2 * generations);
	subject_order(&s, "stats");
	line = subject_expect(&s, "stats ");
	ck_assert_int_eq(number_of(line, " ready="), 2);
	ck_assert_int_eq(number_of(line, " former="), 2 * (generations - 1));
	for (i = 0; i < 2 * generations; i++) {
		subject_order(&s, "crew");
		do
			line = subject_expect(&s, "crew ");
		while (i > 0 && number_of(line, " pid=") != pid);
		if (i > 0)
			line = subject_expect(&s, "crew ");
		pid = number_of(line, " pid=");
		generation = number_of(line, "gen=");
		ck_assert_int_eq(number_of(line, "current="),
		    generation == generations);
		ck_assert_int_eq(number_of(line, "reloads="),
		    generations - generation);
		(void)subject_expect(&s, "obeyed crew");
		subject_order(&s, "query %d echo", pid);
		line = subject_expect(&s, "answer ");
		ck_assert_int_eq(number_of(line, "pid="), pid);
		ck_assert_int_eq(number_of(line, "rc="), 0);
	}
	ck_assert_uint_eq(subject_count(&s, "DISTRUSTED"), 0);
}

START_TEST(m26_there_and_back)
{
	static const struct {
		const char *program, *says;
	} steps[] = {
		{ MASTER_NEWER, NULL },
		{ MASTER_SUBJECT, "wrote newer" },
		{ MASTER_OLDER, NULL },
		{ MASTER_SUBJECT, "wrote older" },
		{ MASTER_NEWER, NULL },
		{ MASTER_OLDER, "wrote newer" },
		{ MASTER_NEWER, "wrote older" },
	};
	int i;

	start("stubborn", "-n 2 -f 8");
	for (i = 0; i < 7; i++) {
		upgrade(steps[i].program, steps[i].says);
		must_have(i + 2);
	}
	stop();
}
END_TEST

/* The one that fails is of another release than the one that serves on. */
START_TEST(m26_one_that_fails)
{
	start("", "-n 2 -f 8");
	install(MASTER_NEWER);
	subject_words(&s, "die");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "RELOAD_FAILED");
	install(MASTER_OLDER);
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "wrote newer");
	(void)subject_expect(&s, "RELOAD_FAILED");
	subject_words(&s, "");
	install(MASTER_SUBJECT);
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "wrote older");
	(void)subject_expect(&s, "RELOADED");
	subject_await(&s, "done ", 2);
	ck_assert_uint_eq(subject_count(&s, "DISTRUSTED"), 0);
	stop();
}
END_TEST

HARNESS("release",
    {
	HARNESS_TEST(m26_there_and_back),
	HARNESS_TEST(m26_one_that_fails),
    })
