/*
 * test_child.c - children: listed, let go
 */
#include "help.h"

struct list {
	struct sigchld_child *seen[8];
	int n, stop_at;
	struct sigchld_ctx *ctx;
	struct sigchld_child *child[4];
	struct harness_child held[4];
	struct harness_log log;
	void (*act)(struct list *list, struct sigchld_child *child);
};

static int
see(struct sigchld_child *child, void *user)
{
	struct list *list = user;

	list->seen[list->n++] = child;
	if (list->act != NULL)
		list->act(list, child);
	return list->n == list->stop_at ? 42 : 0;
}

static void
set_stage(struct list *list)
{
	int i;

	memset(list, 0, sizeof(*list));
	list->ctx = open_ctx(NULL);
	for (i = 0; i < 4; i++)
		list->held[i] = harness_fork_watched(list->ctx, &list->child[i],
		    0, i, harness_on_event, &list->log);
}

static void
clear_stage(struct list *list)
{
	int i;

	for (i = 0; i < 4; i++) {
		harness_release(&list->held[i]);
		harness_await_zombie(list->held[i].pid);
	}
	ck_assert_int_ge(sigchld_dispatch(list->ctx), 0);
	ck_assert_int_eq(harness_count_children(), 0);
	for (i = 0; i < 4; i++)
		sigchld_child_free(list->child[i]);
	sigchld_free(list->ctx);
}

START_TEST(foreach_shows_each_that_is_not_told_yet)
{
	struct list list;

	set_stage(&list);
	MUST_BE(0, sigchld_foreach(list.ctx, see, &list));
	ck_assert_int_eq(list.n, 4);
	harness_release(&list.held[2]);
	harness_await_zombie(list.held[2].pid);
	list.n = 0;
	MUST_BE(0, sigchld_foreach(list.ctx, see, &list));
	ck_assert_int_eq(list.n, 4);
	harness_wait_for(list.ctx, &list.log.count, 1);
	list.n = 0;
	MUST_BE(0, sigchld_foreach(list.ctx, see, &list));
	ck_assert_int_eq(list.n, 3);
	list.held[2] = harness_fork_watched(list.ctx, NULL, 0, 2,
	    harness_on_event, &list.log);
	clear_stage(&list);
}
END_TEST

START_TEST(foreach_ends_when_it_is_told_to)
{
	struct list list;

	set_stage(&list);
	list.stop_at = 2;
	MUST_BE(42, sigchld_foreach(list.ctx, see, &list));
	ck_assert_int_eq(list.n, 2);
	clear_stage(&list);
}
END_TEST

static void
free_shown(struct list *list, struct sigchld_child *child)
{
	int i;

	for (i = 0; i < 4; i++) {
		if (list->child[i] == child)
			list->child[i] = NULL;
	}
	sigchld_child_free(child);
}

START_TEST(c23_foreach_and_the_one_that_is_shown_is_freed)
{
	struct list list;

	set_stage(&list);
	list.act = free_shown;
	MUST_BE(0, sigchld_foreach(list.ctx, see, &list));
	ck_assert_int_eq(list.n, 4);
	list.n = 0;
	MUST_BE(0, sigchld_foreach(list.ctx, see, &list));
	ck_assert_int_eq(list.n, 0); /* alive, but nobody asks for them */
	ck_assert_uint_eq(stats_of(list.ctx).children, 4);
	clear_stage(&list);
	ck_assert_int_eq(list.log.count, 0);
}
END_TEST

static void
free_all_others(struct list *list, struct sigchld_child *child)
{
	int i;

	for (i = 0; i < 4; i++) {
		if (list->child[i] == child)
			continue;
		sigchld_child_free(list->child[i]);
		list->child[i] = NULL;
	}
}

START_TEST(c23_foreach_and_all_others_are_freed)
{
	struct list list;

	set_stage(&list);
	list.act = free_all_others;
	MUST_BE(0, sigchld_foreach(list.ctx, see, &list));
	ck_assert_int_eq(list.n, 1);
	clear_stage(&list);
	ck_assert_int_eq(list.log.count, 1);
}
END_TEST

static void *
dispatch_thread(void *user)
{
	struct list *list = user;

	MUST_BE(3, sigchld_dispatch(list->ctx));
	return NULL;
}

/* Those that foreach would come to next are told and gone by then. */
static void
end_all_others(struct list *list, struct sigchld_child *child)
{
	int i;

	list->act = NULL;
	for (i = 0; i < 4; i++) {
		if (list->child[i] == child)
			continue;
		harness_release(&list->held[i]);
		harness_await_zombie(list->held[i].pid);
	}
	(void)finish(start(dispatch_thread, list));
	free_all_others(list, child);
}

START_TEST(c23_foreach_and_all_others_end_and_are_gone)
{
	struct list list;
	int i;

	set_stage(&list);
	list.act = end_all_others;
	MUST_BE(0, sigchld_foreach(list.ctx, see, &list));
	ck_assert_int_eq(list.n, 1);
	for (i = 0; i < 4; i++) {
		if (list.child[i] == NULL)
			continue;
		harness_release(&list.held[i]);
		harness_wait_for(list.ctx, &list.log.count, 4);
		sigchld_child_free(list.child[i]);
	}
	sigchld_free(list.ctx);
}
END_TEST

static void
free_ctx(struct list *list, struct sigchld_child *child)
{
	(void)child;
	sigchld_free(list->ctx);
}

START_TEST(c23_foreach_and_its_context_is_freed)
{
	struct list list;
	int i;

	set_stage(&list);
	list.act = free_ctx;
	MUST_BE(0, sigchld_foreach(list.ctx, see, &list));
	ck_assert_int_eq(list.n, 1);
	for (i = 0; i < 4; i++) {
		sigchld_child_free(list.child[i]);
		harness_release(&list.held[i]);
		ck_assert_int_eq(exit_code(list.held[i].pid), i);
	}
}
END_TEST

static void
nested(struct list *list, struct sigchld_child *child)
{
	(void)child;
	list->act = NULL;
	MUST_BE(0, sigchld_foreach(list->ctx, see, list));
}

START_TEST(c23_foreach_within_foreach)
{
	struct list list;

	set_stage(&list);
	list.act = nested;
	MUST_BE(0, sigchld_foreach(list.ctx, see, &list));
	ck_assert_int_eq(list.n, 8);
	clear_stage(&list);
}
END_TEST

START_TEST(foreach_refuses_wrong_use)
{
	struct list list = { .n = 0 };
	pid_t pid;

	list.ctx = open_ctx(NULL);
	MUST_BE(-EINVAL, sigchld_foreach(NULL, see, &list));
	MUST_BE(-EINVAL, sigchld_foreach(list.ctx, NULL, &list));
	pid = fork();
	if (pid == 0) {
		CHILD_MUST(sigchld_foreach(list.ctx, see, &list) == -EPERM);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
	ck_assert_int_eq(list.n, 0);
	sigchld_free(list.ctx);
}
END_TEST

START_TEST(questions_about_no_child)
{
	MUST_BE(-EINVAL, sigchld_child_pid(NULL));
	ck_assert_ptr_null(sigchld_child_user(NULL));
	ck_assert_ptr_null(sigchld_child_ctx(NULL));
}
END_TEST

START_TEST(a_freed_child_is_reaped_in_silence)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct sigchld_child *child;
	struct harness_child held =
	    harness_fork_watched(ctx, &child, 0, 0, harness_on_event, &log);

	sigchld_child_free(child);
	harness_release(&held);
	harness_await_zombie(held.pid);
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert(harness_is_reaped(held.pid));
	ck_assert_int_eq(log.count, 0);
	ck_assert(handler_is(SIG_DFL));
	sigchld_free(ctx);
}
END_TEST

START_TEST(a_child_outlives_its_event_and_its_context)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct harness_log log = { .count = 0 };
	struct sigchld_child *child;
	pid_t pid = watched_zombie(ctx, &child, 0, harness_on_event, &log);

	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_ptr_eq(sigchld_child_ctx(child), ctx);
	sigchld_free(ctx);
	ck_assert_int_eq(sigchld_child_pid(child), pid);
	ck_assert_ptr_null(sigchld_child_ctx(child));
	ck_assert_ptr_eq(sigchld_child_user(child), &log);
	sigchld_child_free(child);
}
END_TEST

/* In a forked child only memory is freed, in any order. */
START_TEST(g9_freed_in_a_forked_child)
{
	struct list list;
	int i, round;
	pid_t pid;

	set_stage(&list);
	for (round = 0; round < 2; round++) {
		pid = fork();
		if (pid == 0) {
			if (round == 0)
				sigchld_free(list.ctx);
			for (i = 0; i < 4; i++)
				sigchld_child_free(list.child[i]);
			if (round == 1)
				sigchld_free(list.ctx);
			for (i = 0; i < 4; i++)
				CHILD_MUST(kill(list.held[i].pid, 0) == 0);
			_exit(0);
		}
		ck_assert_int_eq(exit_code(pid), 0);
	}
	MUST_BE(0, sigchld_foreach(list.ctx, see, &list));
	ck_assert_int_eq(list.n, 4);
	clear_stage(&list);
}
END_TEST

HARNESS("child",
    {
	HARNESS_TEST(foreach_shows_each_that_is_not_told_yet),
	HARNESS_TEST(foreach_ends_when_it_is_told_to),
	HARNESS_TEST(c23_foreach_and_the_one_that_is_shown_is_freed),
	HARNESS_TEST(c23_foreach_and_all_others_are_freed),
	HARNESS_TEST(c23_foreach_and_all_others_end_and_are_gone),
	HARNESS_TEST(c23_foreach_and_its_context_is_freed),
	HARNESS_TEST(c23_foreach_within_foreach),
	HARNESS_TEST(foreach_refuses_wrong_use),
	HARNESS_TEST(questions_about_no_child),
	HARNESS_TEST(a_freed_child_is_reaped_in_silence),
	HARNESS_TEST(a_child_outlives_its_event_and_its_context),
	HARNESS_TEST(g9_freed_in_a_forked_child),
    })
