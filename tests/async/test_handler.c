/*
 * test_handler.c - the one SIGCHLD handler, while nobody else handles SIGCHLD
 *
 * With somebody else, see test_chain.c.
 */
/* wrap: write getpid sigmask */
#include <poll.h>
#include <sys/resource.h>

#include "help.h"

int __real_sigchld__sys_write(int fd, const void *data, size_t size);
int __wrap_sigchld__sys_write(int fd, const void *data, size_t size);
pid_t __real_sigchld__sys_getpid(void);
pid_t __wrap_sigchld__sys_getpid(void);
int __real_sigchld__sys_sigmask(int how, const sigset_t *set, sigset_t *before);
int __wrap_sigchld__sys_sigmask(int how, const sigset_t *set, sigset_t *before);

static atomic_int n_writes, n_getpids, n_sigmasks;
static atomic_int write_gives; /* if not 0 */
static _Atomic(hook_fn *) in_write;
static struct gate gate;
static struct sigchld__user user, other;

int
__wrap_sigchld__sys_write(int fd, const void *data, size_t size)
{
	hook_fn *hook = atomic_load(&in_write);
	int rc = atomic_load(&write_gives);

	atomic_fetch_add(&n_writes, 1);
	if (hook != NO_HOOK)
		hook();
	errno = EDOM; /* whoever forgets to save it is found */
	return rc != 0 ? rc : __real_sigchld__sys_write(fd, data, size);
}

pid_t
__wrap_sigchld__sys_getpid(void)
{
	atomic_fetch_add(&n_getpids, 1);
	return __real_sigchld__sys_getpid();
}

int
__wrap_sigchld__sys_sigmask(int how, const sigset_t *set, sigset_t *before)
{
	atomic_fetch_add(&n_sigmasks, 1);
	return __real_sigchld__sys_sigmask(how, set, before);
}

static void
begin(void)
{
	claim();
	user_on(&user);
	ck_assert_int_eq(handler_hold(false), 0);
	n_getpids = n_writes = n_sigmasks = 0;
}

static void
end(void)
{
	handler_drop();
	user_off(&user);
}

static void
raise_sigchld(void)
{
	ck_assert_int_eq(raise(SIGCHLD), 0);
}

START_TEST(c7_the_handler_keeps_errno)
{
	begin();
	errno = EXDEV;
	(void)raise(SIGCHLD);
	ck_assert_int_eq(errno, EXDEV);
	sleep_again(&user);
	write_gives = -EPIPE;
	errno = EXDEV;
	(void)raise(SIGCHLD);
	ck_assert_int_eq(errno, EXDEV);
	write_gives = 0;
	sigchld__owner_lost();
	errno = EXDEV;
	(void)raise(SIGCHLD); /* returns early */
	ck_assert_int_eq(errno, EXDEV);
	ck_assert_int_eq(n_writes, 2);
	end();
}
END_TEST

static bool
is_in_every_mask(int sig)
{
	sigset_t full;

	(void)sigfillset(&full); /* without those that libc keeps for itself */
	return sigismember(&full, sig) == 1 && sig != SIGKILL && sig != SIGSTOP;
}

START_TEST(c8_flags_and_mask)
{
	struct sigaction now;
	int sig;

	begin();
	now = action_now();
	ck_assert_int_eq(now.sa_flags &
		(SA_RESTART | SA_NOCLDSTOP | SA_ONSTACK | SA_SIGINFO |
		    SA_NODEFER | SA_NOCLDWAIT | (int)SA_RESETHAND),
	    SA_RESTART | SA_NOCLDSTOP | SA_ONSTACK | SA_SIGINFO);
	for (sig = 1; sig < NSIG; sig++)
		if (is_in_every_mask(sig))
			ck_assert_int_eq(sigismember(&now.sa_mask, sig), 1);
	end();
}
END_TEST

static sigset_t mask_in_write;

static void
note_mask(void)
{
	(void)pthread_sigmask(SIG_SETMASK, NULL, &mask_in_write);
}

START_TEST(c8_all_signals_are_blocked_in_a_walk)
{
	int sig;

	begin();
	in_write = note_mask;
	raise_sigchld();
	for (sig = 1; sig < NSIG; sig++)
		if (is_in_every_mask(sig))
			ck_assert_int_eq(sigismember(&mask_in_write, sig), 1);
	end();
}
END_TEST

static void
set_stops(int more)
{
	sigchld__users_lock();
	sigchld__handler_stops(more);
	sigchld__users_unlock();
}

START_TEST(c8_stops_only_while_somebody_wants_them)
{
	begin();
	set_stops(1);
	ck_assert_int_eq(action_now().sa_flags & SA_NOCLDSTOP, 0);
	set_stops(1);
	set_stops(-1);
	ck_assert_int_eq(action_now().sa_flags & SA_NOCLDSTOP, 0);
	set_stops(-1);
	ck_assert_int_ne(action_now().sa_flags & SA_NOCLDSTOP, 0);
	end();
}
END_TEST

START_TEST(c38_a_stop_wakes_only_who_wants_stops)
{
	struct harness_child held;
	siginfo_t info;

	begin();
	held = harness_fork_held(0);
	ck_assert_int_eq(kill(held.pid, SIGSTOP), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)held.pid, &info, WSTOPPED), 0);
	ck_assert(!is_woken(&user));
	ck_assert_int_eq(kill(held.pid, SIGCONT), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)held.pid, &info, WCONTINUED), 0);
	ck_assert(!is_woken(&user));
	set_stops(1);
	ck_assert_int_eq(kill(held.pid, SIGSTOP), 0);
	ck_assert(harness_readable(user.pipe.rd, (int)harness_patience_ms()));
	ck_assert_int_eq(kill(held.pid, SIGCONT), 0);
	harness_release(&held);
	ck_assert_int_eq(code_of(held.pid), 0);
	set_stops(-1);
	end();
}
END_TEST

START_TEST(c8_installed_while_somebody_needs_it)
{
	struct sigchld__handler_state state;

	claim();
	ck_assert(!sigchld__handler_state().on_top);
	ck_assert(!sigchld__handler_state().needed);
	ck_assert_int_eq(handler_hold(false), 0);
	ck_assert_int_eq(handler_hold(true), 0);
	handler_drop();
	state = sigchld__handler_state();
	ck_assert(state.on_top && state.needed && !state.no_zombies);
	handler_drop();
	state = sigchld__handler_state();
	ck_assert(!state.on_top && !state.needed && !state.no_zombies);
	ck_assert(action_now().sa_handler == SIG_DFL);
}
END_TEST

START_TEST(c8_it_is_said_when_zombies_are_not_kept)
{
	struct sigaction action = { .sa_handler = SIG_IGN };

	ck_assert_int_eq(sigaction(SIGCHLD, &action, NULL), 0);
	ck_assert(sigchld__handler_state().no_zombies);
	action.sa_handler = SIG_DFL;
	action.sa_flags = SA_NOCLDWAIT;
	ck_assert_int_eq(sigaction(SIGCHLD, &action, NULL), 0);
	ck_assert(sigchld__handler_state().no_zombies);
	claim();
	ck_assert_int_eq(handler_hold(true), 0); /* that is nobody's handler */
	ck_assert(!sigchld__handler_state().no_zombies);
	handler_drop();
	ck_assert_int_ne(action_now().sa_flags & SA_NOCLDWAIT, 0);
}
END_TEST

START_TEST(c1_a_death_makes_the_pipe_readable)
{
	pid_t pid;

	begin();
	pid = fork();
	if (pid == 0)
		_exit(3);
	ck_assert(harness_readable(user.pipe.rd, (int)harness_patience_ms()));
	ck_assert_int_eq(code_of(pid), 3);
	end();
}
END_TEST

START_TEST(c42_a_forged_signal_only_wakes)
{
	union sigval value = { .sival_int = 1 };

	begin();
	ck_assert_int_eq(sigqueue(getpid(), SIGCHLD, value), 0);
	ck_assert(is_woken(&user));
	ck_assert_int_eq(kill(getpid(), SIGCHLD), 0);
	ck_assert_int_eq(n_writes, 1);
	ck_assert(list_is_free());
	end();
}
END_TEST

START_TEST(c48_n_signals_write_once)
{
	int i;

	begin();
	for (i = 0; i < 100; i++)
		raise_sigchld();
	ck_assert_int_eq(n_writes, 1);
	ck_assert_int_eq((int)user.wakeups, 1);
	end();
}
END_TEST

START_TEST(g7_a_getpid_and_a_write_for_each_who_is_not_awake)
{
	begin();
	user_on(&other);
	raise_sigchld();
	ck_assert_int_eq(n_getpids, 1);
	ck_assert_int_eq(n_writes, 2);
	sleep_again(&other);
	raise_sigchld();
	ck_assert_int_eq(n_getpids, 2);
	ck_assert_int_eq(n_writes, 3);
	raise_sigchld();
	ck_assert_int_eq(n_getpids, 3);
	ck_assert_int_eq(n_writes, 3);
	ck_assert_int_eq(n_sigmasks, 0);
	user_off(&other);
	end();
}
END_TEST

START_TEST(c30_a_signal_under_an_editor_is_served_by_its_release)
{
	begin();
	edit_begin();
	raise_sigchld();
	raise_sigchld();
	ck_assert_int_eq(n_writes, 0);
	edit_end();
	ck_assert_int_eq(n_writes, 1);
	ck_assert(is_woken(&user));
	ck_assert(list_is_free());
	end();
}
END_TEST

static void
stop_here(void)
{
	in_write = NO_HOOK;
	gate_pass(&gate);
}

static void *
raiser(void *arg)
{
	(void)raise(SIGCHLD);
	return arg;
}

static atomic_int n_edits;

static void *
remover(void *arg)
{
	user_off(&other);
	atomic_fetch_add(&n_edits, 1);
	return arg;
}

/* A handler is frozen in its walk, an editor waits for it, and a third signal
 * is served by the one who is frozen. */
START_TEST(c14_removal_waits_for_a_handler_and_handlers_for_nobody)
{
	pthread_t frozen, editor;

	begin();
	user_on(&other);
	gate_init(&gate);
	in_write = stop_here;
	frozen = start(raiser, NULL);
	gate_await(&gate);
	editor = start(remover, NULL);
	sleep_again(&other);
	sleep_again(&user);
	raise_sigchld();
	ck_assert_int_eq(n_writes, 1);
	ck_assert_int_eq(n_edits, 0);
	gate_open(&gate);
	(void)join(frozen);
	(void)join(editor);
	ck_assert_int_eq(n_edits, 1);
	ck_assert(is_woken(&user));
	ck_assert(list_is_free());
	end();
}
END_TEST

static atomic_int n_alarms, n_alarms_inside;

static void
on_alarm(int sig)
{
	(void)sig;
	atomic_fetch_add(&n_alarms, 1);
}

static void
alarm_in_write(void)
{
	in_write = NO_HOOK;
	(void)raise(SIGALRM);
	n_alarms_inside = n_alarms;
}

START_TEST(c46_m32_no_other_handler_interrupts_a_walk)
{
	ck_assert(signal(SIGALRM, on_alarm) != SIG_ERR);
	begin();
	in_write = alarm_in_write;
	raise_sigchld();
	ck_assert_int_eq(n_writes, 1);
	ck_assert_int_eq(n_alarms_inside, 0);
	ck_assert_int_eq(n_alarms, 1); /* afterwards */
	end();
}
END_TEST

static void *
cancelled_raiser(void *arg)
{
	(void)pthread_cancel(pthread_self());
	(void)raise(SIGCHLD); /* an assertion would be a cancellation point */
	atomic_store((atomic_int *)arg, 1);
	pthread_testcancel();
	return NULL;
}

START_TEST(c25_m32_a_pending_cancel_does_not_end_the_handler)
{
	atomic_int came_out = 0;

	begin();
	ck_assert_ptr_eq(join(start(cancelled_raiser, &came_out)),
	    PTHREAD_CANCELED);
	ck_assert_int_eq(came_out, 1);
	ck_assert(list_is_free());
	ck_assert(is_woken(&user));
	end();
}
END_TEST

START_TEST(c29_the_handler_fits_a_small_stack)
{
	long least = sysconf(_SC_THREAD_STACK_MIN);
	pthread_attr_t attr;
	pthread_t thread;

	if (HELP_TSAN || HELP_ASAN)
		harness_skip("sanitizers need more stack");
	begin();
	ck_assert_int_eq(pthread_attr_init(&attr), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&attr,
			     least > 16384 ? (size_t)least : 16384),
	    0);
	ck_assert_int_eq(pthread_create(&thread, &attr, raiser, NULL), 0);
	(void)join(thread);
	(void)pthread_attr_destroy(&attr);
	ck_assert(is_woken(&user));
	end();
}
END_TEST

/* What a child does that nobody told that it was forked. */
static _Noreturn void
raise_in_child(void)
{
	(void)raise(SIGCHLD);
	_exit(atomic_load(&n_writes) == 0 ? 0 : 1);
}

static int
in_shared_memory(void *arg)
{
	(void)arg;
	(void)kill(getpid(), SIGCHLD);
	_exit(0);
}

START_TEST(c16_a_forked_child_writes_nothing)
{
	pid_t pid;

	begin();
	pid = fork(); /* floor 0 has no fork hooks */
	if (pid == 0)
		raise_in_child();
	ck_assert_int_eq(code_of(pid), 0);
	sleep_again(&user); /* the child's own death */
	n_writes = 0;
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		raise_in_child();
	ck_assert_int_eq(code_of(pid), 0);
	end();
}
END_TEST

/* The child's signal would be told from its death only with SIGCHLD blocked in
 * the parent, which is what counts here; the child lets it in. */
static int
lets_it_in(void *arg)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	return in_shared_memory(arg);
}

START_TEST(c19_a_vfork_child_writes_nothing)
{
	static char stack[65536] __attribute__((aligned(16)));
	sigset_t sigchld;
	pid_t pid;

	if (HELP_TSAN)
		harness_skip("the sanitizer does not bear a vfork child");
	begin();
	(void)sigemptyset(&sigchld);
	(void)sigaddset(&sigchld, SIGCHLD);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &sigchld, NULL), 0);
	pid = clone(lets_it_in, stack + sizeof(stack),
	    CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
	ck_assert_int_eq(code_of(pid), 0);
	ck_assert_int_eq(n_getpids, 1); /* it did run there */
	ck_assert_int_eq(n_writes, 0);
	ck_assert(!is_woken(&user));
	ck_assert_int_eq(sigprocmask(SIG_UNBLOCK, &sigchld, NULL), 0);
	end();
}
END_TEST

static void
raise_at_exit(void)
{
	(void)raise(SIGCHLD);
}

START_TEST(c27_exit_of_a_forked_child_is_harmless)
{
	pid_t pid;

	begin();
	pid = fork();
	if (pid == 0) {
		(void)atexit(raise_at_exit);
		(void)fflush(NULL);
		exit(n_writes);
	}
	ck_assert_int_eq(code_of(pid), 0);
	end();
}
END_TEST

START_TEST(c15_a_forked_child_forgets_the_handler)
{
	pid_t pid;

	begin();
	set_stops(1);
	pid = fork();
	if (pid == 0) {
		sigchld__handler_forget();
		sigchld__handler_forget();
		if (sigchld__handler_state().needed)
			_exit(1);
		_exit(action_now().sa_handler == SIG_DFL ? 0 : 2);
	}
	ck_assert_int_eq(code_of(pid), 0);
	ck_assert(sigchld__handler_state().on_top);
	set_stops(-1);
	end();
}
END_TEST

HARNESS("handler",
    {
	HARNESS_TEST(c7_the_handler_keeps_errno),
	HARNESS_TEST(c8_flags_and_mask),
	HARNESS_TEST(c8_all_signals_are_blocked_in_a_walk),
	HARNESS_TEST(c8_stops_only_while_somebody_wants_them),
	HARNESS_TEST(c38_a_stop_wakes_only_who_wants_stops),
	HARNESS_TEST(c8_installed_while_somebody_needs_it),
	HARNESS_TEST(c8_it_is_said_when_zombies_are_not_kept),
	HARNESS_TEST(c1_a_death_makes_the_pipe_readable),
	HARNESS_TEST(c42_a_forged_signal_only_wakes),
	HARNESS_TEST(c48_n_signals_write_once),
	HARNESS_TEST(g7_a_getpid_and_a_write_for_each_who_is_not_awake),
	HARNESS_TEST(c30_a_signal_under_an_editor_is_served_by_its_release),
	HARNESS_TEST(c14_removal_waits_for_a_handler_and_handlers_for_nobody),
	HARNESS_TEST(c46_m32_no_other_handler_interrupts_a_walk),
	HARNESS_TEST(c25_m32_a_pending_cancel_does_not_end_the_handler),
	HARNESS_TEST(c29_the_handler_fits_a_small_stack),
	HARNESS_TEST(c16_a_forked_child_writes_nothing),
	HARNESS_TEST(c19_a_vfork_child_writes_nothing),
	HARNESS_TEST(c27_exit_of_a_forked_child_is_harmless),
	HARNESS_TEST(c15_a_forked_child_forgets_the_handler),
    })
