/*
 * test_g2.c - G2: a context never reaps a pid that it does not watch; peeks are
 * allowed
 *
 * wrap: waitid
 *
 * Each wait of the library is looked at: one that is no peek must be for one pid,
 * which is watched.
 */
#include "core/sys.h"
#include "help.h"

#define MANY 8

static pid_t reaped[64];
static int n_reaped, n_wild;

int __real_sigchld__sys_waitid(int type, int id, struct sigchld__wait *wait,
    int options);
int __wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *wait,
    int options);

int
__wrap_sigchld__sys_waitid(int type, int id, struct sigchld__wait *wait,
    int options)
{
	pid_t pid = options & WNOWAIT ? 0 : harness_pid_of(type, id);
	int rc = __real_sigchld__sys_waitid(type, id, wait, options);

	if (options & WNOWAIT || rc < 0 || wait->pid == 0)
		return rc;
	if (pid != wait->pid || n_reaped == 64)
		n_wild++;
	else
		reaped[n_reaped++] = wait->pid;

	return rc;
}

static bool
was_reaped(pid_t pid)
{
	int i;

	for (i = 0; i < n_reaped; i++) {
		if (reaped[i] == pid)
			return true;
	}

	return false;
}

static void
reap_it(pid_t pid, int code)
{
	int wstatus;

	ck_assert_int_eq(waitpid(pid, &wstatus, WNOHANG), pid);
	ck_assert_int_eq(wstatus, code << 8);
}

START_TEST(g2_children_of_others_stay)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child mine[MANY], theirs[MANY];
	struct harness_log log = { 0 };
	int i;

	for (i = 0; i < MANY; i++) {
		theirs[i] = harness_fork_held(i);
		mine[i] = harness_fork_watched(ctx, NULL, 0, 0,
		    harness_on_event, &log);
	}
	for (i = 0; i < MANY; i++) {
		end_child(&theirs[i]);
		end_child(&mine[i]);
	}
	harness_wait_for(ctx, &log.final, MANY);
	ck_assert_int_eq(n_wild, 0);
	ck_assert_int_eq(n_reaped, MANY);
	for (i = 0; i < MANY; i++) {
		ck_assert(was_reaped(mine[i].pid));
		reap_it(theirs[i].pid, i);
	}
	sigchld_free(ctx);
}
END_TEST

/* A context that is closed leaves its children to the application. */
START_TEST(g2_closed_context_reaps_nothing)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_child dead, alive;

	dead = harness_fork_watched(ctx, NULL, 0, 3, NULL, NULL);
	alive = harness_fork_watched(ctx, NULL, 0, 4, NULL, NULL);
	end_child(&dead);
	sigchld_free(ctx);
	end_child(&alive);
	ck_assert_int_eq(n_reaped, 0);
	reap_it(dead.pid, 3);
	reap_it(alive.pid, 4);
}
END_TEST

struct asked {
	pid_t mine; /* the one to accept */
	int n;
};

static int
accept_mine(struct sigchld_ctx *ctx, const struct sigchld_event *event,
    void *user)
{
	struct asked *asked = user;

	(void)ctx;
	asked->n++;

	return event->pid == asked->mine ? 0 : -ESRCH;
}

/* The one that is accepted dies first: the portable build sees the oldest zombie
 * only. */
START_TEST(g2_strays_that_were_denied_stay)
{
	struct asked asked = { 0 };
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.on_stray = accept_mine, .user = &asked));
	struct harness_child mine = harness_fork_held(1);
	struct harness_child theirs = harness_fork_held(2);

	asked.mine = mine.pid;
	end_child(&mine);
	end_child(&theirs);
	harness_wait_for(ctx, &asked.n, 2);
	ck_assert_int_eq(n_wild, 0);
	ck_assert_int_eq(n_reaped, 1);
	ck_assert(was_reaped(mine.pid));
	ck_assert_uint_eq(stats_of(ctx).strays, 1);
	reap_it(theirs.pid, 2);
	sigchld_free(ctx);
}
END_TEST

/* Another context watches it, and does not dispatch yet. */
START_TEST(g2_watched_by_another_is_no_stray)
{
	struct asked asked = { 0 };
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.on_stray = accept_mine, .user = &asked));
	struct sigchld_ctx *other = open_ctx(NULL);
	struct harness_log log = { 0 };
	struct harness_child held;

	held = harness_fork_watched(other, NULL, 0, 5, harness_on_event, &log);
	asked.mine = held.pid;
	end_child(&held);
	ck_assert_int_eq(sigchld_dispatch(ctx), 0);
	ck_assert_int_eq(asked.n, 0);
	ck_assert_int_eq(n_reaped, 0);
	ck_assert_int_eq(sigchld_dispatch(other), 1);
	ck_assert_int_eq(log.wstatus, 5 << 8);
	sigchld_free(other);
	sigchld_free(ctx);
}
END_TEST

/* The application has reaped a child whose event was queued, and said so; its
 * pid is another's by now, who is dead too, and not ours. */

struct pair {
	pid_t pid[2];
	pid_t again; /* a stranger with the pid of the one told of second */
	int told;
};

static void
reap_the_other(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct pair *pair = user;
	pid_t other = pair->pid[event->pid == pair->pid[0]];
	int wstatus;

	(void)child;
	if (pair->told++ > 0)
		return;
	ck_assert_int_eq(waitpid(other, &wstatus, 0), other);
	ck_assert_int_eq(sigchld_reaped(NULL, other, wstatus), 1);
	pair->again = fork_as(other);
	if (pair->again == 0)
		_exit(77);
	if (pair->again > 0)
		harness_await_zombie(pair->again);
}

START_TEST(g2_pid_that_was_given_back_is_another)
{
	struct sigchld_ctx *ctx =
	    open_ctx(SIGCHLD_OPTIONS(.handler = SIGCHLD_HANDLER_APP));
	struct harness_child held[2];
	struct pair pair = { 0 };
	int i;

	for (i = 0; i < 2; i++) {
		held[i] = harness_fork_watched(ctx, NULL, 0, 0, reap_the_other,
		    &pair);
		pair.pid[i] = held[i].pid;
	}
	for (i = 0; i < 2; i++)
		end_child(&held[i]);
	ck_assert_int_eq(sigchld_occurred(ctx), 0);
	ck_assert_int_eq(sigchld_dispatch(ctx), 2);
	ck_assert_int_eq(pair.told, 2);
	ck_assert_int_eq(n_reaped, 1);
	ck_assert_uint_eq((unsigned)sigchld_health() & SIGCHLD_HEALTH_THEFT, 0);
	sigchld_free(ctx);
	if (pair.again < 0)
		harness_skip("this process may not choose pids");
	reap_it(pair.again, 77);
}
END_TEST

HARNESS("g2",
    {
	HARNESS_TEST(g2_children_of_others_stay),
	HARNESS_TEST(g2_closed_context_reaps_nothing),
	HARNESS_TEST(g2_strays_that_were_denied_stay),
	HARNESS_TEST(g2_watched_by_another_is_no_stray),
	HARNESS_TEST(g2_pid_that_was_given_back_is_another),
    })
