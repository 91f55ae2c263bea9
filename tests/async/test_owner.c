/*
 * test_owner.c - whose memory is this?
 *
 * A process is forked here without the library's hooks: by fork, since floor 0
 * has none, by a raw clone, and as vfork does it, in the same memory.
 */
/* wrap: getpid wipe_on_fork map */
#include "help.h"

pid_t __real_sigchld__sys_getpid(void);
pid_t __wrap_sigchld__sys_getpid(void);
int __real_sigchld__sys_wipe_on_fork(void *map, size_t size);
int __wrap_sigchld__sys_wipe_on_fork(void *map, size_t size);
void *__real_sigchld__sys_map(size_t size);
void *__wrap_sigchld__sys_map(size_t size);

static pid_t pretended_pid; /* if not 0 */
static bool no_wipe, no_map;

pid_t
__wrap_sigchld__sys_getpid(void)
{
	return pretended_pid != 0 ? pretended_pid
				  : __real_sigchld__sys_getpid();
}

int
__wrap_sigchld__sys_wipe_on_fork(void *map, size_t size)
{
	return no_wipe ? -EINVAL : __real_sigchld__sys_wipe_on_fork(map, size);
}

void *
__wrap_sigchld__sys_map(size_t size)
{
	return no_map ? NULL : __real_sigchld__sys_map(size);
}

#ifdef SIGCHLD_PORTABLE
#	define HAS_PAGE false
#else
#	define HAS_PAGE true
#endif

enum {
	FORKED,
	CLONED,
	IN_OUR_MEMORY
};

/* What a child finds: its exit says. */
static int
look(void *arg)
{
	int code = (int)sigchld__owner_who();

	(void)arg;
	if (sigchld__owner_is_us())
		code |= 16;
	if (sigchld__owner_generation() != 0)
		code |= 32;
	_exit(code);
}

static int
child_finds(int kind)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t pid;

	if (kind == IN_OUR_MEMORY)
		return code_of(clone(look, stack + sizeof(stack),
		    CLONE_VM | CLONE_VFORK | SIGCHLD, NULL));
	pid = kind == FORKED ? fork()
			     : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		(void)look(NULL);

	return code_of(pid);
}

START_TEST(c28_nobody_at_first)
{
	ck_assert_int_eq(sigchld__owner_who(), SIGCHLD__OWNER_NONE);
	ck_assert_uint_eq(sigchld__owner_generation(), 0);
	ck_assert(!sigchld__owner_is_us());
	sigchld__owner_lost(); /* nothing to lose */
	sigchld__owner_forget();
	ck_assert_int_eq(sigchld__owner_who(), SIGCHLD__OWNER_NONE);
}
END_TEST

START_TEST(g9_a_claim_makes_us_the_owner)
{
	uint32_t generation = sigchld__owner_claim();

	ck_assert_uint_ne(generation, 0);
	ck_assert_uint_eq(sigchld__owner_generation(), generation);
	ck_assert_int_eq(sigchld__owner_who(), SIGCHLD__OWNER_US);
	ck_assert(sigchld__owner_is_us());
}
END_TEST

START_TEST(c16_a_forked_child_is_not_the_owner)
{
	(void)sigchld__owner_claim();
	ck_assert_int_eq(child_finds(FORKED), SIGCHLD__OWNER_FORKED);
	ck_assert_int_eq(child_finds(CLONED), SIGCHLD__OWNER_FORKED);
	ck_assert(sigchld__owner_is_us()); /* we still are */
}
END_TEST

START_TEST(c19_a_vfork_child_knows_whose_memory_it_is)
{
	if (HELP_TSAN)
		harness_skip("the sanitizer does not bear a vfork child");
	(void)sigchld__owner_claim();
	ck_assert_int_eq(child_finds(IN_OUR_MEMORY) & 31,
	    HAS_PAGE ? SIGCHLD__OWNER_SHARED : SIGCHLD__OWNER_FORKED);
	ck_assert(sigchld__owner_is_us());
}
END_TEST

static void
without_a_page(void)
{
	ck_assert_uint_ne(sigchld__owner_claim(), 0);
	ck_assert_int_eq(sigchld__owner_who(), SIGCHLD__OWNER_US);
	ck_assert_int_eq(child_finds(FORKED), SIGCHLD__OWNER_FORKED);
	ck_assert_int_eq(child_finds(CLONED), SIGCHLD__OWNER_FORKED);
}

START_TEST(c16_a_kernel_without_wipeonfork_does_it_by_pid)
{
	no_wipe = true;
	without_a_page();
}
END_TEST

START_TEST(c31_without_memory_it_is_done_by_pid)
{
	no_map = true;
	without_a_page();
}
END_TEST

START_TEST(c33_a_pid_that_is_the_same_fools_nobody)
{
	if (!HAS_PAGE)
		harness_skip("this build has nothing but the pid");
	pretended_pid = 1; /* of the parent and of all its children */
	(void)sigchld__owner_claim();
	ck_assert(sigchld__owner_is_us());
	ck_assert_int_eq(child_finds(FORKED), SIGCHLD__OWNER_FORKED);
	ck_assert_int_eq(child_finds(CLONED), SIGCHLD__OWNER_FORKED);
}
END_TEST

/* Pid 1 of a pid namespace, and its child, pid 1 of another. */
static _Noreturn void
be_pid_1(void)
{
	pid_t pid;
	int status;

	(void)sigchld__owner_claim();
	if (!sigchld__owner_is_us() || getpid() != 1)
		_exit(100);
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0) {
		if (getpid() != 1)
			_exit(101);
		(void)look(NULL);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		_exit(102);
	_exit(WEXITSTATUS(status));
}

START_TEST(c33_pid_1_in_pid_1_is_not_the_owner)
{
	pid_t pid;

	if (!HAS_PAGE)
		harness_skip("this build has nothing but the pid");
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		be_pid_1();
	if (pid < 0)
		harness_skip("no pid namespaces for us");
	ck_assert_int_eq(code_of(pid), SIGCHLD__OWNER_FORKED);
}
END_TEST

/* What postfork does in a child. */
static _Noreturn void
claim_anew(uint32_t of_parent)
{
	uint32_t generation;

	sigchld__owner_lost();
	if (sigchld__owner_who() != SIGCHLD__OWNER_FORKED)
		_exit(1);
	sigchld__owner_forget();
	if (sigchld__owner_who() != SIGCHLD__OWNER_NONE)
		_exit(2);
	generation = sigchld__owner_claim();
	if (generation == 0 || generation == of_parent)
		_exit(3);
	if (sigchld__owner_who() != SIGCHLD__OWNER_US)
		_exit(4);
	_exit(child_finds(CLONED) == SIGCHLD__OWNER_FORKED ? 0 : 5);
}

START_TEST(g9_a_forked_child_claims_under_another_generation)
{
	uint32_t generation = sigchld__owner_claim();
	pid_t pid = fork();

	if (pid == 0)
		claim_anew(generation);
	ck_assert_int_eq(code_of(pid), 0);
	ck_assert_uint_eq(sigchld__owner_generation(), generation);
}
END_TEST

HARNESS("owner",
    {
	HARNESS_TEST(c28_nobody_at_first),
	HARNESS_TEST(g9_a_claim_makes_us_the_owner),
	HARNESS_TEST(c16_a_forked_child_is_not_the_owner),
	HARNESS_TEST(c19_a_vfork_child_knows_whose_memory_it_is),
	HARNESS_TEST(c16_a_kernel_without_wipeonfork_does_it_by_pid),
	HARNESS_TEST(c31_without_memory_it_is_done_by_pid),
	HARNESS_TEST(c33_a_pid_that_is_the_same_fools_nobody),
	HARNESS_TEST(c33_pid_1_in_pid_1_is_not_the_owner),
	HARNESS_TEST(g9_a_forked_child_claims_under_another_generation),
    })
