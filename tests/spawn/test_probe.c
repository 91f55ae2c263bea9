/*
 * test_probe.c - what could not be tried says nothing of what the system can
 *
 * For a moment there may be no process or no memory to be had. Such a probe is
 * made again by the next spawn, and such a child is an error, not a refusal.
 *
 * wrap: clone clone_copy map
 */
#include "filter.h"
#include "help.h"
#include "spawn/sys.h"

/* Wraps */

pid_t __real_sigchld__sys_clone(int (*fn)(void *arg), void *arg, void *stack,
    size_t size, unsigned int flags, volatile int *pidfd, int cgroup);
pid_t __wrap_sigchld__sys_clone(int (*fn)(void *arg), void *arg, void *stack,
    size_t size, unsigned int flags, volatile int *pidfd, int cgroup);
pid_t __real_sigchld__sys_clone_copy(volatile int *pidfd, int cgroup);
pid_t __wrap_sigchld__sys_clone_copy(volatile int *pidfd, int cgroup);
void *__real_sigchld__sys_map(size_t size);
void *__wrap_sigchld__sys_map(size_t size);

static int n_inner, n_shared, n_copies; /* that were asked for */
static int outer_gives, inner_gives;    /* instead, if not 0 */
static bool no_memory;
static pid_t us;

/* The probe has two: one with a table of its own, and one that shares it, from
 * within the first; that one is no longer us, but its memory is. A spawn shares
 * the table too. */
pid_t
__wrap_sigchld__sys_clone(int (*fn)(void *arg), void *arg, void *stack,
    size_t size, unsigned int flags, volatile int *pidfd, int cgroup)
{
	int gives = 0;

	if (!(flags & SIGCHLD__CLONE_TABLE)) {
		gives = outer_gives;
	} else if (getpid() != us) {
		n_inner++;
		gives = inner_gives;
	} else {
		n_shared++;
	}
	if (gives != 0)
		return gives;
	return __real_sigchld__sys_clone(fn, arg, stack, size, flags, pidfd,
	    cgroup);
}

pid_t
__wrap_sigchld__sys_clone_copy(volatile int *pidfd, int cgroup)
{
	n_copies++;
	return __real_sigchld__sys_clone_copy(pidfd, cgroup);
}

void *
__wrap_sigchld__sys_map(size_t size)
{
	return no_memory ? NULL : __real_sigchld__sys_map(size);
}

/* What they do */

static char program[] = TRUE;
static char *args[] = { program, NULL };

static void
must_run(struct sigchld_ctx *ctx)
{
	struct ended ended = { .count = 0 };
	pid_t pid;

	us = getpid();
	pid = sigchld_spawn(ctx, NULL, SIGCHLD_SPAWN(.argv = args), on_end,
	    &ended);
	ck_assert_msg(pid > 0, "%s", strerror(-pid));
	await_end(ctx, &ended, pid, 0);
}

/* Copies as long as it cannot be tried; as soon as it can, shares. */
static void
must_try_again(struct sigchld_ctx *ctx)
{
	n_inner = n_shared = n_copies = 0;
	must_run(ctx);
	must_run(ctx);
	ck_assert_int_eq(n_copies, 2);
	ck_assert_int_eq(n_shared, 0);
	outer_gives = inner_gives = 0;
	no_memory = false;
	must_run(ctx);
	must_run(ctx);
	ck_assert_int_eq(n_copies, 2);
	ck_assert_int_eq(n_shared, 2);
	sigchld__engine_force(SIGCHLD__ENGINE_ANY);
}

START_TEST(c32_what_could_not_be_tried_is_tried_again)
{
	static const int errors[] = { EAGAIN, ENOMEM };
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int i;

	if (forks_only())
		harness_skip("nothing is probed");
	for (i = 0; i < 2; i++) {
		outer_gives = -errors[i];
		must_try_again(ctx);
		inner_gives = -errors[i];
		must_try_again(ctx);
		ck_assert_int_ge(n_inner, 3);
	}
	no_memory = true;
	must_try_again(ctx);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c32_what_was_refused_is_not_tried_again)
{
	static const int errors[] = { EPERM, ENOSYS };
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int i;

	if (forks_only())
		harness_skip("nothing is probed");
	for (i = 0; i < 2; i++) {
		sigchld__engine_force(SIGCHLD__ENGINE_ANY);
		n_inner = n_copies = n_shared = 0;
		inner_gives = -errors[i];
		must_run(ctx);
		inner_gives = 0;
		must_run(ctx);
		ck_assert_int_eq(n_inner, 1);
		ck_assert_int_eq(n_copies, 2);
		ck_assert_int_eq(n_shared, 0);
	}
	sigchld_free(ctx);
}
END_TEST

/* The copy of the table had no memory, by a filter that stands for it. */
static void
without_room(int err, bool probed)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct sigchld_ctx *ctx;
		int i, rc;

		(void)sigchld_postfork();
		us = getpid();
		CHILD_MUST(sigchld_new(&ctx, NULL) == 0);
		if (probed)
			must_run(ctx);
		ck_assert(harness_refuse(SYS_close_range, err));
		n_inner = n_shared = n_copies = 0;
		for (i = 1; i <= 2; i++) {
			rc = sigchld_spawn(ctx, NULL,
			    SIGCHLD_SPAWN(.argv = args), NULL, NULL);
			CHILD_MUST(probed ? rc == -err : rc > 0);
			CHILD_MUST(n_shared == (probed ? i : 0));
			CHILD_MUST(n_copies == (probed ? 0 : i));
			CHILD_MUST(probed ? n_inner == 0 : n_inner >= i);
		}
		sigchld_free(ctx);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
}

START_TEST(c32_no_room_for_a_table_is_no_refusal)
{
	if (forks_only())
		harness_skip("no table is shared");
	without_room(ENOMEM, false);
	without_room(EMFILE, false);
	without_room(ENOMEM, true);
	without_room(EMFILE, true);
}
END_TEST

HARNESS("probe",
    {
	HARNESS_TEST(c32_what_could_not_be_tried_is_tried_again),
	HARNESS_TEST(c32_what_was_refused_is_not_tried_again),
	HARNESS_TEST(c32_no_room_for_a_table_is_no_refusal),
    })
