/*
 * test_registry.c - what the contexts of a process know of each other
 */
#include "core/ctx.h"
#include "core/registry.h"
#include "help.h"

START_TEST(d10_the_65536th_group_is_refused)
{
	static struct sigchld_ctx nobody;
	struct sigchld_ctx *ctx = (void *)&nobody;
	uint32_t group;
	int i, rc, fds = harness_count_fds();

	sigchld__registry_lock();
	for (i = 0; i < 65535; i++)
		ck_assert_int_gt(sigchld__registry_add_group(&nobody), 0);
	rc = sigchld__registry_add_group(&nobody);
	sigchld__registry_unlock();
	MUST_BE(-EMFILE, rc);
	MUST_BE(-EMFILE, sigchld_new(&ctx, NULL));
	ck_assert_ptr_eq(ctx, &nobody);
	ck_assert_int_eq(harness_count_fds(), fds);
	sigchld__registry_lock();
	for (group = 1; group <= 65535; group++)
		sigchld__registry_remove_group(group);
	sigchld__registry_unlock();
	sigchld_free(open_ctx(NULL));
}
END_TEST

/* So that whoever still names the old one does not meet the new one. */
START_TEST(d10_a_group_does_not_come_back_soon)
{
	struct sigchld_ctx *ctx;
	int before, i, group;

	ctx = open_ctx(NULL);
	before = sigchld_fd_group(ctx);
	sigchld_free(ctx);
	for (i = 0; i < 200; i++) {
		ctx = open_ctx(NULL);
		group = sigchld_fd_group(ctx);
		ck_assert_int_ne(group, before);
		ck_assert_int_gt(group, 0);
		ck_assert_int_le(group, 65535);
		sigchld_free(ctx);
	}
}
END_TEST

START_TEST(a_pid_is_found_whatever_its_bucket)
{
	enum {
		N = 3000
	};
	struct sigchld_child *child = calloc(N, sizeof(*child));
	int i;

	ck_assert_ptr_nonnull(child);
	for (i = 0; i < N; i++) {
		/* All in one bucket as long as there are few of them. */
		child[i].pid = 1 + i * 256;
		sigchld__registry_reserve();
		sigchld__registry_lock();
		MUST_BE(0, sigchld__registry_insert(&child[i], false));
		MUST_BE(-EBUSY, sigchld__registry_insert(&child[i], false));
		sigchld__registry_unlock();
	}
	sigchld__registry_lock();
	for (i = 0; i < N; i += 2)
		sigchld__registry_remove(&child[i]);
	for (i = 0; i < N; i++)
		ck_assert_ptr_eq(sigchld__registry_find(child[i].pid),
		    i % 2 == 0 ? NULL : &child[i]);
	for (i = 0; i < N; i++)
		sigchld__registry_remove(&child[i]); /* twice is harmless */
	ck_assert_ptr_null(sigchld__registry_find(1 + 256));
	sigchld__registry_unlock();
	free(child);
}
END_TEST

START_TEST(births_are_counted)
{
	static struct sigchld_child first, second;

	sigchld__registry_lock();
	ck_assert(sigchld__registry_no_births());
	sigchld__registry_birth_begin(&first);
	ck_assert(!sigchld__registry_no_births());
	sigchld__registry_birth_begin(&second);
	sigchld__registry_birth_end();
	ck_assert(!sigchld__registry_no_births());
	sigchld__registry_birth_end();
	ck_assert(sigchld__registry_no_births());
	sigchld__registry_born(&first);
	sigchld__registry_born(&second);
	sigchld__registry_unlock();
}
END_TEST

HARNESS("registry",
    {
	HARNESS_TEST(d10_the_65536th_group_is_refused),
	HARNESS_TEST(d10_a_group_does_not_come_back_soon),
	HARNESS_TEST(a_pid_is_found_whatever_its_bucket),
	HARNESS_TEST(births_are_counted),
    })
