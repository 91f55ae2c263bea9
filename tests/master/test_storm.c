/*
 * test_storm.c - M11, M15, M21, M22 as often as it takes
 *
 * labels: stress
 * timeout: 600
 *
 *	SIGCHLD_MASTER_ROUNDS	reloads, failed ones, and moments of a stop: 60;
 *				a thousand takes some minutes
 *	SIGCHLD_MASTER_SIGNALS	10000
 *	SIGCHLD_MASTER_WORKERS	that are carried over: 1500, 200 with a sanitizer;
 *				each costs a descriptor (by pidfds two), and so
 *				does each that takes over
 */
#include <sys/resource.h>
#include <time.h>

#include "help.h"

static struct subject s;

static unsigned int
number(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? (unsigned int)strtoul(text, NULL, 0) : otherwise;
}

static unsigned int
rounds(void)
{
	return number("SIGCHLD_MASTER_ROUNDS", 60);
}

/* The lines that were looked at are of no use any more. */
static void
forget_lines(void)
{
	unsigned int i;

	for (i = 0; i < s.next; i++)
		free(s.lines[i]);
	memmove(s.lines, s.lines + s.next,
	    (s.n_lines - s.next) * sizeof(*s.lines));
	s.n_lines -= s.next;
	s.next = 0;
}

static void
settle(int children, int fds)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();

	while (!subject_settles(&s, children, fds, deadline))
		forget_lines();
}

static long
pages_of(pid_t pid)
{
	char name[64];
	long size, resident = 0;
	FILE *file;

	(void)snprintf(name, sizeof(name), "/proc/%d/statm", (int)pid);
	file = fopen(name, "r");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%ld %ld", &size, &resident), 2);
	(void)fclose(file);
	return resident;
}

static void
many(const char *words, const char *outcome)
{
	unsigned int i, n = rounds();
	int fds;
	long pages = 0;

	subject_serve(&s, "", "-n 2 -f 8");
	fds = count_in(s.pid, "fd");
	subject_words(&s, words);
	for (i = 0; i < n; i++) {
		subject_signal(&s, SIGUSR2);
		(void)subject_expect(&s, outcome);
		forget_lines();
		if (i != n / 4)
			continue;
		settle(2, fds);
		pages = pages_of(s.pid);
	}
	settle(2, fds);
	ck_assert_int_le(pages_of(s.pid), pages + 64);
	subject_stop(&s);
}

START_TEST(m11_many_reloads)
{
	many("", "RELOADED");
}
END_TEST

START_TEST(m11_many_reloads_that_fail)
{
	many("die", "RELOAD_FAILED");
}
END_TEST

/* The moment itself is what is tried. */
static void
spin_us(long us)
{
	struct timespec from, now;

	(void)clock_gettime(CLOCK_MONOTONIC, &from);
	do
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - from.tv_sec) * 1000000 +
		(now.tv_nsec - from.tv_nsec) / 1000 <
	    us);
}

static void
at_any_moment(int sig)
{
	unsigned int i, n = rounds();

	for (i = 0; i < n; i++) {
		subject_serve(&s, "", "-n 2 -f 8");
		subject_signal(&s, SIGUSR2);
		spin_us((long)(i % 60) * 333);
		subject_signal(&s, sig);
		subject_ends(&s, 0); /* and all who had its pipe are gone */
	}
}

START_TEST(m21_term_at_any_moment_of_a_reload)
{
	at_any_moment(SIGTERM);
}
END_TEST

START_TEST(m21_usr1_at_any_moment_of_a_reload)
{
	at_any_moment(SIGUSR1);
}
END_TEST

/* After the last of a kind, one action of that kind begins: so there is a reload
 * that reads what was written before the last USR2. */
START_TEST(m22_a_storm_of_signals)
{
	unsigned int i, n = number("SIGCHLD_MASTER_SIGNALS", 10000);
	int fds;

	subject_serve(&s, "", "-n 2 -f 8");
	fds = count_in(s.pid, "fd");
	for (i = 0; i < n; i++) {
		subject_signal(&s,
		    i % 3 == 0       ? SIGUSR2
			: i % 3 == 1 ? SIGHUP
				     : SIGCHLD);
		if (i % 100 == 0)
			(void)subject_obey(&s, "role");
		forget_lines();
	}
	forget_lines();
	subject_words(&s, "marked");
	subject_signal(&s, SIGUSR2);
	(void)subject_expect(&s, "main words=marked");
	(void)subject_expect(&s, "RELOADED");
	settle(2, fds);
	subject_stop(&s);
}
END_TEST

/* As many descriptors as there may be. */
static void
raise_limit(void)
{
	struct rlimit limit;

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* They have no leash, so that each needs one descriptor less; and they see the end
 * of their master, should this fail. */
START_TEST(m15_thousands_of_workers)
{
	bool slow = harness_patience_ms() > 20000; /* a sanitizer */
	unsigned int n = number("SIGCHLD_MASTER_WORKERS", slow ? 200 : 1500);
	int64_t begun = harness_now_ms(), forked, reloaded;
	const char *line;
	char args[64];

	(void)snprintf(args, sizeof(args), "-n %u -f 12", n);
	subject_prepare = raise_limit;
	subject_start(&s, "stubborn", args);
	subject_expect_n(&s, "WORKER_READY", n); /* each in its time */
	(void)subject_expect(&s, "READY");
	forked = harness_now_ms();
	forget_lines();
	subject_signal(&s, SIGUSR2);
	subject_expect_n(&s, "WORKER_READY", n);
	(void)subject_expect(&s, "RELOADED");
	reloaded = harness_now_ms();
	ck_assert_uint_eq(subject_count(&s, "DISTRUSTED"), 0);
	forget_lines();
	subject_order(&s, "stats");
	line = subject_expect(&s, "stats ");
	ck_assert_int_eq(number_of(line, "former="), (int)n);
	ck_assert_int_eq(number_of(line, " ready="), (int)n);
	ck_assert_int_eq(number_of(line, "ends="), 0);
	ck_assert_int_eq(count_children(s.pid), 2 * (int)n);
	(void)printf("      %u workers in %d ms, reloaded in %d ms, "
		     "%d descriptors\n",
	    n, (int)(forked - begun), (int)(reloaded - forked),
	    count_in(s.pid, "fd"));
	subject_signal(&s, SIGTERM);
	subject_expect_n(&s, "WORKER_LEFT", 2 * n);
	subject_ends(&s, 0);
	subject_prepare = NULL;
}
END_TEST

HARNESS("storm",
    {
	HARNESS_TEST(m15_thousands_of_workers),
	HARNESS_TEST(m11_many_reloads),
	HARNESS_TEST(m11_many_reloads_that_fail),
	HARNESS_TEST(m21_term_at_any_moment_of_a_reload),
	HARNESS_TEST(m21_usr1_at_any_moment_of_a_reload),
	HARNESS_TEST(m22_a_storm_of_signals),
    })
