/*
 * test_chain.c - whoever handled SIGCHLD before us, and whoever comes after
 *
 * "Foreign" is a handler that is not ours. A SIGCHLD is raised in this thread,
 * so it is handled before raise returns.
 */
/* wrap: write sigmask sigaction map */
#include <setjmp.h>

#include "async/chain.h"
#include "help.h"

int __real_sigchld__sys_write(int fd, const void *data, size_t size);
int __wrap_sigchld__sys_write(int fd, const void *data, size_t size);
int __real_sigchld__sys_sigmask(int how, const sigset_t *set, sigset_t *before);
int __wrap_sigchld__sys_sigmask(int how, const sigset_t *set, sigset_t *before);
int __real_sigchld__sys_sigaction(int sig, const struct sigaction *action,
    struct sigaction *before);
int __wrap_sigchld__sys_sigaction(int sig, const struct sigaction *action,
    struct sigaction *before);
void *__real_sigchld__sys_map(size_t size);
void *__wrap_sigchld__sys_map(size_t size);

static atomic_int n_writes, n_sigmasks, n_maps;
static atomic_bool no_memory;
static _Atomic(hook_fn *) in_write;
static hook_fn *before_put; /* once, before we set an action */
static struct sigchld__user user;

int
__wrap_sigchld__sys_write(int fd, const void *data, size_t size)
{
	hook_fn *hook = atomic_load(&in_write);

	atomic_fetch_add(&n_writes, 1);
	if (hook != NO_HOOK)
		hook();
	return __real_sigchld__sys_write(fd, data, size);
}

int
__wrap_sigchld__sys_sigmask(int how, const sigset_t *set, sigset_t *before)
{
	atomic_fetch_add(&n_sigmasks, 1);
	return __real_sigchld__sys_sigmask(how, set, before);
}

int
__wrap_sigchld__sys_sigaction(int sig, const struct sigaction *action,
    struct sigaction *before)
{
	hook_fn *hook = before_put;

	if (action != NULL && hook != NULL) {
		before_put = NULL;
		hook();
	}
	return __real_sigchld__sys_sigaction(sig, action, before);
}

void *
__wrap_sigchld__sys_map(size_t size)
{
	atomic_fetch_add(&n_maps, 1);
	return no_memory ? NULL : __real_sigchld__sys_map(size);
}

/* What the foreign handlers saw. */
static atomic_int n_calls, n_others;
static hook_fn *in_call;
static siginfo_t seen_info;
static void *seen_context;
static sigset_t seen_mask;
static bool seen_free;
static int seen_stack;

static void
look_around(void)
{
	stack_t stack;

	(void)pthread_sigmask(SIG_SETMASK, NULL, &seen_mask);
	(void)sigaltstack(NULL, &stack);
	seen_stack = stack.ss_flags;
	seen_free = list_is_free();
}

static void
plain(int sig)
{
	(void)sig;
	atomic_fetch_add(&n_calls, 1);
	look_around();
	if (in_call != NULL)
		in_call();
}

static void
with_info(int sig, siginfo_t *info, void *context)
{
	seen_info = *info;
	seen_context = context;
	plain(sig);
}

static void
another(int sig)
{
	(void)sig;
	atomic_fetch_add(&n_others, 1);
}

static struct sigaction
foreign(void (*handler)(int), int flags)
{
	struct sigaction action;

	memset(&action, 0, sizeof(action));
	action.sa_handler = handler;
	action.sa_flags = flags;
	(void)sigemptyset(&action.sa_mask);

	return action;
}

static struct sigaction
foreign_info(int flags)
{
	struct sigaction action = foreign(SIG_DFL, flags | SA_SIGINFO);

	action.sa_sigaction = with_info;

	return action;
}

static struct sigaction
put(struct sigaction action)
{
	struct sigaction before;

	memset(&before, 0, sizeof(before));
	ck_assert_int_eq(sigaction(SIGCHLD, &action, &before), 0);

	return before;
}

static void
raise_sigchld(void)
{
	ck_assert_int_eq(raise(SIGCHLD), 0);
}

static bool
same_action(const struct sigaction *a, const struct sigaction *b)
{
	int sig;

	for (sig = 1; sig < NSIG; sig++)
		if (sigismember(&a->sa_mask, sig) !=
		    sigismember(&b->sa_mask, sig))
			return false;

	return a->sa_handler == b->sa_handler && a->sa_flags == b->sa_flags;
}

static void
begin(void)
{
	claim();
	user_on(&user);
	ck_assert_int_eq(handler_hold(false), 0);
	n_writes = n_sigmasks = 0;
}

static void
end(void)
{
	handler_drop();
	user_off(&user);
}

START_TEST(c12_chains_in_the_old_ones_form)
{
	union sigval value = { .sival_int = 4711 };

	(void)put(foreign_info(0));
	begin();
	ck_assert_int_eq(sigqueue(getpid(), SIGCHLD, value), 0);
	ck_assert_int_eq(n_calls, 1);
	ck_assert_int_eq(seen_info.si_code, SI_QUEUE);
	ck_assert_int_eq(seen_info.si_pid, getpid());
	ck_assert_int_eq(seen_info.si_value.sival_int, 4711);
	ck_assert_ptr_nonnull(seen_context);
	ck_assert(is_woken(&user));
	end();
	(void)put(foreign(plain, 0));
	begin();
	raise_sigchld();
	ck_assert_int_eq(n_calls, 2);
	end();
}
END_TEST

START_TEST(c12_the_old_one_is_called_outside_the_held_word)
{
	(void)put(foreign(plain, 0));
	begin();
	raise_sigchld();
	ck_assert(seen_free);
	ck_assert_int_eq(n_writes, 1);
	end();
}
END_TEST

START_TEST(c12_the_old_one_runs_under_its_own_mask)
{
	struct sigaction action = foreign(plain, 0);
	int sig;

	if (HELP_TSAN)
		harness_skip("the sanitizer has a mask of its own");
	(void)sigaddset(&action.sa_mask, SIGUSR1);
	(void)put(action);
	begin();
	raise_sigchld();
	for (sig = 1; sig < NSIG; sig++)
		if (sigismember(&seen_mask, sig) >= 0)
			ck_assert_int_eq(sigismember(&seen_mask, sig),
			    sig == SIGUSR1 || sig == SIGCHLD);
	end();
}
END_TEST

START_TEST(c12_errno_of_the_interrupted_is_kept)
{
	(void)put(foreign(plain, 0));
	begin();
	errno = EXDEV;
	(void)raise(SIGCHLD);
	ck_assert_int_eq(errno, EXDEV);
	end();
}
END_TEST

static int nested_calls;

static void
raise_inside(void)
{
	in_call = NULL;
	(void)raise(SIGCHLD);
	nested_calls = n_calls;
}

START_TEST(c12_nodefer_lets_another_in)
{
	if (HELP_TSAN)
		harness_skip("the sanitizer has a mask of its own");
	(void)put(foreign(plain, SA_NODEFER));
	begin();
	in_call = raise_inside;
	raise_sigchld();
	ck_assert_int_eq(nested_calls, 2); /* before the first had ended */
	ck_assert(list_is_free());
	end();
	(void)put(foreign(plain, 0));
	begin();
	n_calls = 0;
	in_call = raise_inside;
	raise_sigchld();
	ck_assert_int_eq(nested_calls, 1);
	ck_assert_int_eq(n_calls, 2); /* after it */
	end();
}
END_TEST

START_TEST(c12_resethand_is_called_once_and_default_given_back)
{
	struct sigaction back;

	(void)put(foreign(plain, (int)SA_RESETHAND));
	begin();
	raise_sigchld();
	raise_sigchld();
	ck_assert_int_eq(n_calls, 1);
	ck_assert(is_woken(&user));
	end();
	back = action_now();
	ck_assert(back.sa_handler == SIG_DFL);
}
END_TEST

START_TEST(c12_resethand_is_given_back_if_it_was_not_called)
{
	(void)put(foreign(plain, (int)SA_RESETHAND));
	begin();
	end();
	raise_sigchld();
	ck_assert_int_eq(n_calls, 1);
	ck_assert(action_now().sa_handler == SIG_DFL);
	(void)put(foreign(plain, (int)SA_RESETHAND)); /* armed once more */
	begin();
	raise_sigchld();
	ck_assert_int_eq(n_calls, 2);
	end();
}
END_TEST

/* What comes between our look and our giving back. */
START_TEST(c12_resethand_is_called_once_though_a_signal_comes_between)
{
	(void)put(foreign(plain, (int)SA_RESETHAND));
	begin();
	before_put = raise_sigchld;
	end();
	raise_sigchld();
	ck_assert_int_le(n_calls, 1);
	ck_assert(action_now().sa_handler == SIG_DFL || n_calls == 0);
}
END_TEST

START_TEST(c12_onstack_as_the_old_one)
{
	static char memory[65536];
	stack_t stack = { .ss_sp = memory, .ss_size = sizeof(memory) };
	stack_t off = { .ss_flags = SS_DISABLE };

	ck_assert_int_eq(sigaltstack(&stack, NULL), 0);
	(void)put(foreign(plain, SA_ONSTACK));
	begin();
	raise_sigchld();
	ck_assert_int_eq(seen_stack, SS_ONSTACK);
	end();
	(void)put(foreign(plain, 0));
	begin();
	raise_sigchld();
	ck_assert_int_eq(seen_stack, 0);
	end();
	ck_assert_int_eq(sigaltstack(&off, NULL), 0);
}
END_TEST

struct reader {
	int fd;
	atomic_int gave; /* 2: nothing yet */
};

static void *
reader(void *arg)
{
	struct reader *r = arg;
	char byte;

	r->gave = (int)read(r->fd, &byte, 1);
	return NULL;
}

/* Does a SIGCHLD end a read that has to wait? */
static int
read_under_signals(void)
{
	struct reader r = { .gave = 2 };
	int64_t until = harness_now_ms() + harness_patience_ms();
	int ends[2], calls = n_calls;
	pthread_t thread;

	ck_assert_int_eq(pipe(ends), 0);
	r.fd = ends[0];
	thread = start(reader, &r);
	while (r.gave == 2 && n_calls < calls + 100) {
		ck_assert_int_lt(harness_now_ms(), until);
		(void)pthread_kill(thread, SIGCHLD);
		(void)sched_yield();
	}
	ck_assert_int_eq(write(ends[1], "", 1), 1);
	(void)join(thread);
	(void)close(ends[0]);
	(void)close(ends[1]);

	return r.gave;
}

START_TEST(c12_system_calls_restart_as_under_the_old_one)
{
	if (HELP_TSAN)
		harness_skip("the sanitizer delivers signals late");
	(void)put(foreign(plain, SA_RESTART));
	begin();
	ck_assert_int_eq(read_under_signals(), 1);
	end();
	(void)put(foreign(plain, 0));
	begin();
	ck_assert_int_eq(read_under_signals(), -1);
	end();
}
END_TEST

/* How often the old one is called while a child stops and goes on. Who waits may
 * see that before the signal is sent. */
static int
calls_for_a_stop(int expected)
{
	const int64_t until = harness_now_ms() + harness_patience_ms();
	struct harness_child held = harness_fork_held(0);
	int calls = n_calls;
	siginfo_t info;

	ck_assert_int_eq(kill(held.pid, SIGSTOP), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)held.pid, &info, WSTOPPED), 0);
	ck_assert_int_eq(kill(held.pid, SIGCONT), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)held.pid, &info, WCONTINUED), 0);
	while (n_calls - calls < expected && harness_now_ms() < until)
		(void)sched_yield();
	calls = n_calls - calls;
	harness_release(&held);
	ck_assert_int_eq(code_of(held.pid), 0);

	return calls;
}

START_TEST(c12_is_told_of_stops_as_the_old_one)
{
	(void)put(foreign(plain, SA_RESTART));
	begin();
	ck_assert_int_gt(calls_for_a_stop(1), 0);
	end();
	(void)put(foreign(plain, SA_RESTART | SA_NOCLDSTOP));
	begin();
	ck_assert_int_eq(calls_for_a_stop(0), 0);
	end();
}
END_TEST

START_TEST(c12_default_and_ignore_are_not_called)
{
	void (*const handlers[])(int) = { SIG_DFL, SIG_IGN };
	int i;

	for (i = 0; i < 2; i++) {
		(void)put(foreign(handlers[i], 0));
		begin();
		raise_sigchld();
		ck_assert_int_eq(n_writes, 1);
		ck_assert_int_eq(n_sigmasks, 0);
		end();
		ck_assert(action_now().sa_handler == handlers[i]);
	}
}
END_TEST

START_TEST(c12_gives_back_the_whole_action)
{
	struct sigaction action = foreign_info(SA_NODEFER | SA_ONSTACK), before;

	(void)sigaddset(&action.sa_mask, SIGUSR1);
	(void)sigaddset(&action.sa_mask, SIGRTMIN);
	(void)put(action);
	before = action_now();
	begin();
	ck_assert(action_now().sa_sigaction != with_info);
	end();
	action = action_now();
	ck_assert(same_action(&action, &before));
}
END_TEST

START_TEST(c13_a_pending_signal_survives_our_coming_and_going)
{
	sigset_t sigchld;

	(void)put(foreign(plain, 0));
	(void)sigemptyset(&sigchld);
	(void)sigaddset(&sigchld, SIGCHLD);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &sigchld, NULL), 0);
	raise_sigchld();
	begin();
	end();
	ck_assert_int_eq(n_calls, 0);
	ck_assert_int_eq(sigprocmask(SIG_UNBLOCK, &sigchld, NULL), 0);
	ck_assert_int_eq(n_calls, 1);
}
END_TEST

START_TEST(g7_chained_costs_two_mask_calls)
{
	(void)put(foreign(plain, 0));
	begin();
	raise_sigchld();
	ck_assert_int_eq(n_sigmasks, 2);
	ck_assert_int_eq(n_writes, 1);
	end();
}
END_TEST

START_TEST(c12_nochain_refuses)
{
	struct sigaction before, after;

	claim();
	(void)put(foreign(plain, 0));
	before = action_now();
	ck_assert(sigchld__handler_is_foreign());
	ck_assert_int_eq(handler_hold(true), -EBUSY);
	after = action_now();
	ck_assert(same_action(&before, &after));
	ck_assert_int_eq(handler_hold(false), 0);
	ck_assert(sigchld__handler_is_foreign()); /* below us */
	ck_assert_int_eq(handler_hold(true), -EBUSY);
	handler_drop();
	ck_assert(!sigchld__handler_state().needed);
}
END_TEST

/* A foreign handler that calls whoever it replaced. */
static struct sigaction replaced_by_chainer;

static void
chainer(int sig, siginfo_t *info, void *context)
{
	atomic_fetch_add(&n_others, 1);
	if (replaced_by_chainer.sa_flags & SA_SIGINFO)
		replaced_by_chainer.sa_sigaction(sig, info, context);
}

static void
put_chainer(void)
{
	struct sigaction action = foreign(SIG_DFL, SA_SIGINFO);

	action.sa_sigaction = chainer;
	replaced_by_chainer = put(action);
}

START_TEST(c12_under_a_foreign_one_it_stays_and_passes_through)
{
	struct sigaction on_top;

	(void)put(foreign(plain, 0));
	begin();
	put_chainer();
	on_top = action_now();
	raise_sigchld();
	ck_assert_int_eq(n_others, 1);
	ck_assert_int_eq(n_calls, 1);
	ck_assert(is_woken(&user));
	ck_assert(!sigchld__handler_state().on_top);
	end();
	ck_assert_int_eq(action_now().sa_flags, on_top.sa_flags);
	ck_assert(action_now().sa_sigaction == chainer);
	raise_sigchld(); /* through ours to the one below */
	ck_assert_int_eq(n_others, 2);
	ck_assert_int_eq(n_calls, 2);
	ck_assert_int_eq(n_writes, 1);
}
END_TEST

START_TEST(c12_needed_again_above_one_that_chains)
{
	(void)put(foreign(plain, 0));
	begin();
	put_chainer();
	end();
	begin();
	raise_sigchld();
	ck_assert_int_eq(n_others, 1);
	ck_assert_int_eq(n_calls, 1); /* once, though we are in twice */
	ck_assert_int_eq(n_writes, 1);
	end();
	ck_assert(action_now().sa_sigaction == chainer);
	(void)put(replaced_by_chainer); /* it leaves; ours is on top again */
	begin();
	raise_sigchld();
	ck_assert_int_eq(n_calls, 2);
	ck_assert_int_eq(n_others, 1);
	end();
	ck_assert(action_now().sa_handler == plain);
}
END_TEST

START_TEST(c12_needed_again_above_one_that_does_not_chain)
{
	(void)put(foreign(plain, 0));
	begin();
	(void)put(foreign(another, 0));
	raise_sigchld();
	ck_assert_int_eq(n_writes, 0); /* he keeps it to himself */
	end();
	begin();
	raise_sigchld();
	ck_assert_int_eq(n_writes, 1);
	ck_assert_int_eq(n_others, 1 + 1);
	ck_assert_int_eq(n_calls, 0);
	end();
	ck_assert(action_now().sa_handler == another);
}
END_TEST

START_TEST(c12_again_and_again_takes_no_more_rungs)
{
	int i, maps;

	begin();
	put_chainer();
	end();
	begin();
	end();
	maps = n_maps;
	for (i = 0; i < 100; i++) {
		begin();
		end();
	}
	ck_assert_int_eq(n_maps, maps);
	ck_assert(action_now().sa_sigaction == chainer);
}
END_TEST

START_TEST(c12_too_many_on_top_of_us_is_busy)
{
	struct sigaction top;
	int flags[] = { 0, SA_RESTART, SA_NODEFER, SA_ONSTACK };
	int i;

	for (i = 0; i < SIGCHLD__RUNGS; i++) {
		begin();
		(void)put(foreign(another, flags[i]));
		end();
	}
	claim();
	top = action_now();
	ck_assert_int_eq(handler_hold(false), -EBUSY);
	ck_assert(!sigchld__handler_state().needed);
	ck_assert(action_now().sa_handler == top.sa_handler);
	ck_assert_int_eq(action_now().sa_flags, top.sa_flags);
}
END_TEST

/* Two handlers that each believe to be above the other. */
static void
make_ring(void)
{
	begin();
	put_chainer();
	end();
	begin();
	put_chainer();
}

START_TEST(c12_a_ring_of_two_ends)
{
	make_ring();
	raise_sigchld();
	ck_assert_int_ge(n_others, 1);
	ck_assert_int_le(n_others, 20);
	ck_assert(is_woken(&user));
	raise_sigchld(); /* and nothing is left behind by the first */
	ck_assert_int_le(n_others, 40);
	end();
}
END_TEST

static void
chainer_twice(int sig, siginfo_t *info, void *context)
{
	if (atomic_fetch_add(&n_others, 1) > 5000)
		return; /* before the stack is full */
	replaced_by_chainer.sa_sigaction(sig, info, context);
	replaced_by_chainer.sa_sigaction(sig, info, context);
}

START_TEST(c12_a_ring_that_branches_ends)
{
	struct sigaction action = foreign(SIG_DFL, SA_SIGINFO);

	action.sa_sigaction = chainer_twice;
	begin();
	replaced_by_chainer = put(action);
	end();
	begin();
	replaced_by_chainer = put(action);
	raise_sigchld();
	ck_assert_int_le(n_others, 5000);
	ck_assert(is_woken(&user));
	end();
}
END_TEST

static sigjmp_buf away;

static void
jump_away(void)
{
	siglongjmp(away, 1);
}

START_TEST(c46_a_chained_handler_may_jump_away)
{
	volatile int i;

	(void)put(foreign(plain, 0));
	begin();
	in_call = jump_away;
	for (i = 0; i < 100; i++)
		if (sigsetjmp(away, 1) == 0)
			(void)raise(SIGCHLD);
	ck_assert_int_eq(n_calls, 100);
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
	(void)raise(SIGALRM);
	n_alarms_inside = n_alarms;
}

START_TEST(c46_no_other_handler_interrupts_a_walk_above_an_open_mask)
{
	ck_assert(signal(SIGALRM, on_alarm) != SIG_ERR);
	(void)put(foreign(plain, (int)SA_RESETHAND));
	begin();
	in_write = alarm_in_write;
	raise_sigchld();
	ck_assert_int_eq(n_alarms_inside, 0);
	ck_assert_int_eq(n_alarms, 1);
	sleep_again(&user);
	n_alarms = 0;
	raise_sigchld(); /* the old one is used up, its mask still there */
	ck_assert_int_eq(n_writes, 2);
	ck_assert_int_eq(n_alarms_inside, 0);
	ck_assert_int_eq(n_alarms, 1);
	end();
}
END_TEST

/* Under a foreign handler that calls us its mask is in force. */
START_TEST(c46_no_other_handler_interrupts_a_walk_under_a_foreign_one)
{
	ck_assert(signal(SIGALRM, on_alarm) != SIG_ERR);
	begin();
	put_chainer();
	ck_assert(!sigchld__handler_state().on_top); /* this looks */
	in_write = alarm_in_write;
	raise_sigchld();
	ck_assert_int_eq(n_writes, 1);
	ck_assert_int_eq(n_alarms_inside, 0);
	ck_assert_int_eq(n_alarms, 1);
	(void)put(replaced_by_chainer);
	ck_assert(sigchld__handler_state().on_top);
	n_sigmasks = 0;
	raise_sigchld();
	ck_assert_int_eq(n_sigmasks, 0); /* no price any more */
	end();
}
END_TEST

static void
somebody_comes(void)
{
	struct sigaction action = foreign(another, SA_NODEFER);

	(void)sigaddset(&action.sa_mask, SIGUSR2);
	(void)sigaction(SIGCHLD, &action, NULL);
}

START_TEST(i3_who_comes_while_we_install_is_chained_to)
{
	struct sigaction now;

	(void)put(foreign(plain, 0));
	before_put = somebody_comes;
	begin();
	ck_assert(sigchld__handler_state().on_top);
	now = action_now();
	ck_assert_int_ne(now.sa_flags & SA_NODEFER, 0);
	ck_assert_int_eq(sigismember(&now.sa_mask, SIGUSR2), 1);
	n_others = 0;
	raise_sigchld();
	ck_assert_int_eq(n_others, 1);
	ck_assert_int_eq(n_calls, 0);
	end();
	ck_assert(action_now().sa_handler == another);
}
END_TEST

START_TEST(i4_who_comes_while_we_leave_stays_and_misses_nothing)
{
	begin();
	before_put = somebody_comes;
	end();
	ck_assert(action_now().sa_handler == another);
	ck_assert_int_ge(n_others, 1); /* for what fell in between */
}
END_TEST

START_TEST(i4_who_comes_while_stops_are_set_stays)
{
	begin();
	before_put = somebody_comes;
	sigchld__users_lock();
	sigchld__handler_stops(1);
	sigchld__users_unlock();
	ck_assert(action_now().sa_handler == another);
	end();
}
END_TEST

START_TEST(c8_stops_wanted_under_a_foreign_one_count_when_it_left)
{
	struct sigaction ours;

	begin();
	ours = put(foreign(another, 0));
	sigchld__users_lock();
	sigchld__handler_stops(1);
	sigchld__users_unlock();
	end();
	(void)put(ours);
	begin();
	ck_assert_int_eq(action_now().sa_flags & SA_NOCLDSTOP, 0);
	end();
}
END_TEST

START_TEST(c31_without_memory_nothing_is_installed)
{
	struct sigaction action = foreign(plain, 0), before, after;

	claim();
	(void)sigaddset(&action.sa_mask, SIGUSR1);
	(void)put(action);
	before = action_now();
	no_memory = true;
	ck_assert_int_eq(handler_hold(false), -ENOMEM);
	after = action_now();
	ck_assert(same_action(&before, &after));
	ck_assert(!sigchld__handler_state().needed);
	no_memory = false;
	ck_assert_int_eq(handler_hold(false), 0);
	handler_drop();
}
END_TEST

START_TEST(c16_in_a_forked_child_the_old_one_is_called)
{
	pid_t pid;

	(void)put(foreign(plain, 0));
	begin();
	pid = fork();
	if (pid == 0) {
		(void)raise(SIGCHLD);
		_exit(n_calls == 1 && n_writes == 0 ? 0 : 1);
	}
	ck_assert_int_eq(code_of(pid), 0);
	end();
}
END_TEST

HARNESS("chain",
    {
	HARNESS_TEST(c12_chains_in_the_old_ones_form),
	HARNESS_TEST(c12_the_old_one_is_called_outside_the_held_word),
	HARNESS_TEST(c12_the_old_one_runs_under_its_own_mask),
	HARNESS_TEST(c12_errno_of_the_interrupted_is_kept),
	HARNESS_TEST(c12_nodefer_lets_another_in),
	HARNESS_TEST(c12_resethand_is_called_once_and_default_given_back),
	HARNESS_TEST(c12_resethand_is_given_back_if_it_was_not_called),
	HARNESS_TEST(
	    c12_resethand_is_called_once_though_a_signal_comes_between),
	HARNESS_TEST(c12_onstack_as_the_old_one),
	HARNESS_TEST(c12_system_calls_restart_as_under_the_old_one),
	HARNESS_TEST(c12_is_told_of_stops_as_the_old_one),
	HARNESS_TEST(c12_default_and_ignore_are_not_called),
	HARNESS_TEST(c12_gives_back_the_whole_action),
	HARNESS_TEST(c13_a_pending_signal_survives_our_coming_and_going),
	HARNESS_TEST(g7_chained_costs_two_mask_calls),
	HARNESS_TEST(c12_nochain_refuses),
	HARNESS_TEST(c12_under_a_foreign_one_it_stays_and_passes_through),
	HARNESS_TEST(c12_needed_again_above_one_that_chains),
	HARNESS_TEST(c12_needed_again_above_one_that_does_not_chain),
	HARNESS_TEST(c12_again_and_again_takes_no_more_rungs),
	HARNESS_TEST(c12_too_many_on_top_of_us_is_busy),
	HARNESS_TEST(c12_a_ring_of_two_ends),
	HARNESS_TEST(c12_a_ring_that_branches_ends),
	HARNESS_TEST(c46_a_chained_handler_may_jump_away),
	HARNESS_TEST(c46_no_other_handler_interrupts_a_walk_above_an_open_mask),
	HARNESS_TEST(
	    c46_no_other_handler_interrupts_a_walk_under_a_foreign_one),
	HARNESS_TEST(i3_who_comes_while_we_install_is_chained_to),
	HARNESS_TEST(i4_who_comes_while_we_leave_stays_and_misses_nothing),
	HARNESS_TEST(i4_who_comes_while_stops_are_set_stays),
	HARNESS_TEST(c8_stops_wanted_under_a_foreign_one_count_when_it_left),
	HARNESS_TEST(c31_without_memory_nothing_is_installed),
	HARNESS_TEST(c16_in_a_forked_child_the_old_one_is_called),
    })
