/*
 * harness.c - runs the tests of one program
 *
 * check gives each test a process of its own. Each test is a test case of its
 * own too, with two pairs of fixtures around it: the checked ones run in the
 * process of the test and take the census; the unchecked ones run in the runner,
 * before and after, and print the verdict as soon as it is known.
 *
 * Tests choose descriptors by number, so whatever was inherited is closed first.
 * The runner needs SIGCHLD: were it ignored, check would wait for ever, and were
 * it blocked, every test would begin with a mask that no test asked for.
 *
 * A test that is skipped has to tell the runner why, across a fork: by a page
 * that both share.
 */
#ifdef NDEBUG
#	error "tests rely on assertions; build them without NDEBUG"
#endif

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "census.h"
#include "harness.h"
#include "pidfds.h"
#include "tsan.h"

#if defined(__SANITIZE_THREAD__)
#	define SANITIZED
#elif defined(__SANITIZE_ADDRESS__)
#	define SANITIZED
#elif defined(__has_feature)
#	if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#		define SANITIZED
#	endif
#endif

#ifdef SANITIZED
static const bool slow_build = true;
#else
static const bool slow_build = false;
#endif

#define EXIT_SKIP 77

struct skip {
	bool skipped;
	char why[200];
};

static struct skip *skip;    /* shared with the process of the test */
static struct census before; /* in the process of the test */
static const struct harness_test **running; /* those that are run, in order */
static SRunner *runner;
static int n_skipped;

#ifdef SANITIZED
/*
 * A child that a test has forked ends by _exit, which would forget a report of
 * the thread sanitizer; so the first report ends the process. And tests may well
 * start threads in a child that was forked from among threads. An allocation that
 * cannot be is answered with NULL, as it is everywhere else.
 */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);
const char *__tsan_default_suppressions(void);
const char *__ubsan_default_options(void);

const char *
__tsan_default_options(void)
{
	return "halt_on_error=1:die_after_fork=0:second_deadlock_stack=1:"
	       "allocator_may_return_null=1";
}

/*
 * The library closes descriptors past libc (async/sys.c), so the sanitizer does
 * not see that a number is free again, and takes the next descriptor of that
 * number for the old one, opened twice without order. A call is known to it by
 * its own name or by that of its interceptor.
 */
#	define OPENS(call) "race:^" call "$\nrace:interceptor_" call "$\n"

const char *
__tsan_default_suppressions(void)
{
	return OPENS("pipe") OPENS("pipe2") OPENS("eventfd") OPENS("socketpair")
	    OPENS("socket") OPENS("open") OPENS("open64") OPENS("dup")
		OPENS("epoll_create1") OPENS("close");
}

const char *
__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

const char *
__ubsan_default_options(void)
{
	return "print_stacktrace=1";
}
#endif

static bool
under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

int64_t
harness_patience_ms(void)
{
	return slow_build || under_valgrind() ? 60000 : 20000;
}

int64_t
harness_now_ms(void)
{
	struct timespec now;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);

	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
harness_skip(const char *why)
{
	skip->skipped = true;
	(void)snprintf(skip->why, sizeof(skip->why), "%s", why);
	(void)fflush(NULL);
	_exit(EXIT_SUCCESS);
}

static void
count_before(void)
{
	if ((*running)->needs_pidfds && !harness_has_pidfds())
		harness_skip("there are no pidfds here");
	if ((*running)->wake != NULL)
		(void)setenv("HARNESS_WAKE", (*running)->wake, 1);
	census_take(&before);
}

static void
count_after(void)
{
	static struct census after;
	const int64_t deadline = harness_now_ms() + 1000;
	char text[2000];
	bool differs;

	/* A child that the kernel reaps by itself is listed a moment longer than
	 * a wait would find it. */
	do {
		census_take(&after);
		differs = census_differs(&before, &after, text, sizeof(text));
		if (differs)
			(void)sched_yield();
	} while (differs && harness_now_ms() < deadline);
	if (differs)
		ck_abort_msg("the test leaks: %s", text);
}

static void
expect(void)
{
	memset(skip, 0, sizeof(*skip));
}

/* The last result is that of the test that has just ended. */
static void
judge(void)
{
	TestResult **results = srunner_results(runner);
	TestResult *last = results[srunner_ntests_run(runner) - 1];

	if (tr_rtype(last) != CK_PASS) {
		(void)printf("FAIL  %s\n", tr_tcname(last));
	} else if (skip->skipped) {
		(void)printf("skip  %s: %s\n", tr_tcname(last), skip->why);
		n_skipped++;
	} else {
		(void)printf("ok    %s\n", tr_tcname(last));
	}
	running++;
	(void)fflush(stdout);
	free(results);
}

static double
timeout_s(void)
{
	const char *text = getenv("HARNESS_TIMEOUT_S");

	return text != NULL ? atof(text) : 300;
}

static TCase *
test_case(const struct harness_test *test)
{
	TCase *tcase = tcase_create(test->name);

	tcase_add_unchecked_fixture(tcase, expect, judge);
	tcase_add_checked_fixture(tcase, count_before, count_after);
	tcase_set_timeout(tcase, timeout_s());
	tcase_add_test(tcase, *test->test);

	return tcase;
}

static bool
is_wanted(const struct harness_test *test, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (strcmp(argv[i], test->name) == 0)
			return true;

	return argc <= 1;
}

/* A name that no test has is an error: its test would never run, unnoticed. */
static bool
all_known(int argc, char **argv, const struct harness_test *tests, size_t n)
{
	size_t t;
	int i;

	for (i = 1; i < argc; i++) {
		for (t = 0; t < n; t++)
			if (strcmp(argv[i], tests[t].name) == 0)
				break;
		if (t == n) {
			(void)fprintf(stderr, "%s: no test '%s' here\n",
			    argv[0], argv[i]);
			return false;
		}
	}

	return true;
}

#define INHERITED 256 /* numbers below which somebody may have left one open */

static void
prepare_process(void)
{
	sigset_t none;
	int fd;

	for (fd = STDERR_FILENO + 1; fd < INHERITED; fd++)
		(void)close(fd);
	(void)sigemptyset(&none);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)setvbuf(stdout, NULL, _IOLBF, 0); /* nothing twice after a fork */
	skip = mmap(NULL, sizeof(*skip), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (skip == MAP_FAILED) {
		perror("mmap");
		exit(EXIT_FAILURE);
	}
	pidfds_probe();
	tsan_make_ready(); /* and so is each test, which is a fork of us */
	alloc_link();
}

static const char *
wake_wanted(void)
{
	const char *wake = getenv("HARNESS_WAKE");

	return wake != NULL ? wake : "auto";
}

/* EXIT_SUCCESS, or what the whole program gives instead of running a test. */
static int
check_wake(const char *name)
{
	const char *wake = wake_wanted();

	if (strcmp(wake, "auto") == 0 || strcmp(wake, "signal") == 0)
		return EXIT_SUCCESS;
	if (strcmp(wake, "pidfd") != 0) {
		(void)fprintf(stderr, "HARNESS_WAKE: no wake '%s'\n", wake);
		return EXIT_FAILURE;
	}
	if (harness_has_pidfds())
		return EXIT_SUCCESS;
	(void)printf("skip  %s: there are no pidfds here\n", name);
	return EXIT_SKIP;
}

/* A test that fixes its wake is for a run that leaves it open, or fixes the
 * same. */
static bool
fits(const struct harness_test *test)
{
	const char *wake = wake_wanted();

	return test->wake == NULL || strcmp(wake, "auto") == 0 ||
	    strcmp(wake, test->wake) == 0;
}

/* Gives how many there are to run. */
static size_t
choose(const struct harness_test **chosen, int argc, char **argv,
    const struct harness_test *tests, size_t n)
{
	size_t t, n_chosen = 0;

	for (t = 0; t < n; t++) {
		if (is_wanted(&tests[t], argc, argv) && fits(&tests[t]))
			chosen[n_chosen++] = &tests[t];
	}
	return n_chosen;
}

static int
run(const char *name, size_t n)
{
	Suite *suite = suite_create(name);
	int n_run, n_failed;
	size_t t;

	for (t = 0; t < n; t++)
		suite_add_tcase(suite, test_case(running[t]));
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_FORK);
	srunner_run_all(runner, CK_NORMAL);
	n_run = srunner_ntests_run(runner);
	n_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	if (n_failed > 0 || n_run == 0)
		return EXIT_FAILURE;

	return n_skipped == n_run ? EXIT_SKIP : EXIT_SUCCESS;
}

int
harness_main(int argc, char **argv, const char *name,
    const struct harness_test *tests, size_t n)
{
	const struct harness_test **chosen;
	int rc = check_wake(name);
	size_t n_chosen;

	if (!all_known(argc, argv, tests, n))
		return EXIT_FAILURE;
	if (rc != EXIT_SUCCESS)
		return rc;
	prepare_process();
	chosen = calloc(n + 1, sizeof(*chosen));
	if (chosen == NULL)
		return EXIT_FAILURE;
	n_chosen = choose(chosen, argc, argv, tests, n);
	running = chosen;
	if (n_chosen > 0)
		rc = run(name, n_chosen);
	else
		(void)printf("skip  %s: of another wake\n", name);
	free(chosen);
	return n_chosen > 0 ? rc : EXIT_SKIP;
}
