/*
 * test_orphan.c - orphans, told to the child to whose tree they belong
 *
 * A tree is a child of ours and what it left behind: processes whose parent,
 * one in between, is dead, so that they are our children now. Each of them
 * waits for a byte that says how it shall end.
 *
 * In the portable build the oldest zombie hides those behind it until the next
 * SIGCHLD (S4 in strays.c), so tests with several are no part of it.
 */
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <sigchld/spawn.h>

#include "help.h"

#define ORPHANS 3
#define KILLED  200 /* instead of an exit code */

/* Where an orphan is. */
enum place {
	SESSION, /* in a group of its own */
	GROUP,   /* in our session */
	APART,   /* a session of its own */
};

struct tree {
	struct sigchld_child *child;
	pid_t pid;
	int hold; /* a byte ends the child */
	int n;
	pid_t orphan[ORPHANS];
	int go[ORPHANS];
	/* what was told to the child */
	int count, final, descendants;
	struct sigchld_event last;
	void (*act)(struct tree *tree);
};

static void
open_pipe(int ends[2])
{
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
}

static int
take_byte(int fd)
{
	unsigned char byte;

	return read(fd, &byte, 1) == 1 ? byte : 0;
}

/* The ends that are ours, so that a child does not outlive us. */
static int ours[64], n_ours;

static int
keep(int end)
{
	return ours[n_ours++] = end;
}

static void
give_byte(int fd, int byte)
{
	const unsigned char c = (unsigned char)byte;
	int i;

	ck_assert_int_eq(write(fd, &c, 1), 1);
	(void)close(fd);
	for (i = 0; i < n_ours; i++) {
		if (ours[i] == fd)
			ours[i] = ours[--n_ours];
	}
}

static void
close_ours(void)
{
	while (n_ours > 0)
		(void)close(ours[--n_ours]);
}

/* Which of them it is; -1: they are orphans now. */
struct report {
	int which;
	pid_t pid;
};

static _Noreturn void
be_orphan(enum place place, int which, int go, int report)
{
	pid_t pid = getpid();
	struct report here = { which, pid };
	int byte;

	if (place == SESSION)
		CHILD_MUST(setpgid(0, 0) == 0);
	if (place == APART)
		CHILD_MUST(setsid() == pid);
	CHILD_MUST(write(report, &here, sizeof(here)) == sizeof(here));
	byte = take_byte(go);
	if (byte == KILLED)
		(void)kill(pid, SIGKILL);
	_exit(byte);
}

static _Noreturn void
be_child(const int *go, int n, enum place place, int hold, int report)
{
	struct report done = { -1, 0 };
	pid_t between;
	int i;

	if (place == GROUP)
		CHILD_MUST(setpgid(0, 0) == 0);
	else
		CHILD_MUST(setsid() != -1);
	between = fork();
	if (between == 0) {
		for (i = 0; i < n; i++) {
			if (fork() == 0)
				be_orphan(place, i, go[i], report);
		}
		_exit(0);
	}
	CHILD_MUST(waitpid(between, NULL, 0) == between);
	CHILD_MUST(write(report, &done, sizeof(done)) == sizeof(done));
	(void)take_byte(hold);
	_exit(0);
}

static void
take_reports(struct tree *tree, int report)
{
	struct report got;
	int i;

	for (i = 0; i < tree->n + 1; i++) {
		ck_assert_int_eq(read(report, &got, sizeof(got)), sizeof(got));
		if (got.which >= 0)
			tree->orphan[got.which] = got.pid;
	}
}

static void
on_event(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct tree *tree = user;

	tree->last = *event;
	tree->count++;
	if (event->what == SIGCHLD_DESCENDANT) {
		ck_assert_ptr_eq(child, tree->child);
		ck_assert(harness_is_zombie(event->pid));
		tree->descendants++;
	} else {
		tree->final++;
	}
	if (tree->act != NULL)
		tree->act(tree);
}

static void
plant(struct tree *tree, struct sigchld_ctx *ctx, uint32_t flags,
    enum place place, int n)
{
	int go[ORPHANS], hold[2], report[2], ends[2], i;

	memset(tree, 0, sizeof(*tree));
	tree->n = n;
	open_pipe(hold);
	open_pipe(report);
	tree->hold = keep(hold[1]);
	for (i = 0; i < n; i++) {
		open_pipe(ends);
		go[i] = ends[0];
		tree->go[i] = keep(ends[1]);
	}
	tree->pid = sigchld_fork(ctx, &tree->child, flags, on_event, tree);
	if (tree->pid == 0) {
		close_ours();
		be_child(go, n, place, hold[0], report[1]);
	}
	ck_assert_int_gt(tree->pid, 0);
	(void)close(hold[0]);
	(void)close(report[1]);
	for (i = 0; i < n; i++)
		(void)close(go[i]);
	take_reports(tree, report[0]);
	(void)close(report[0]);
}

static void
end_orphan(struct tree *tree, int code)
{
	int i;

	for (i = 0; i < tree->n; i++)
		give_byte(tree->go[i], code);
	for (i = 0; i < tree->n; i++)
		harness_await_zombie(tree->orphan[i]);
}

static void
end_child(struct tree *tree)
{
	give_byte(tree->hold, 0);
	harness_await_zombie(tree->pid);
}

/* Let the child end and be told of it. */
static void
fell(struct tree *tree, struct sigchld_ctx *ctx)
{
	end_child(tree);
	harness_wait_for(ctx, &tree->final, 1);
	sigchld_child_free(tree->child);
}

/* Who takes strays. */

struct asker {
	int asked;
	bool accepts;
	struct sigchld_event last;
};

static int
on_stray(struct sigchld_ctx *ctx, const struct sigchld_event *event, void *user)
{
	struct asker *asker = user;

	(void)ctx;
	asker->asked++;
	asker->last = *event;
	return asker->accepts ? 0 : -ESRCH;
}

static bool
is_subreaper(void)
{
	int on = 0;

	ck_assert_int_eq(prctl(PR_GET_CHILD_SUBREAPER, &on), 0);
	return on != 0;
}

/* As somebody else in the process would make it one: the portable build cannot
 * ask for it. */
static struct sigchld_ctx *
open_keeper(struct asker *asker)
{
	memset(asker, 0, sizeof(*asker));
	asker->accepts = true;
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	return open_ctx(SIGCHLD_OPTIONS(.on_stray = on_stray, .user = asker));
}

/* Dispatch all of them in turn until there is nothing left to do in any: it
 * must come to rest. */
static void
settle(struct sigchld_ctx *a, struct sigchld_ctx *b)
{
	int round;

	for (round = 0; round < 50; round++) {
		if (!harness_readable(sigchld_fd(a), 0) &&
		    (b == NULL || !harness_readable(sigchld_fd(b), 0)))
			return;
		ck_assert_int_ge(sigchld_dispatch(a), 0);
		if (b != NULL)
			ck_assert_int_ge(sigchld_dispatch(b), 0);
	}
	ck_abort_msg("it does not come to rest");
}

/* Subreaper */

#define ASKS_FOR_ORPHANS(asker) \
	SIGCHLD_OPTIONS(.flags = SIGCHLD_SUBREAPER, .on_stray = on_stray, \
	    .user = (asker))

START_TEST(c37_subreaper_until_it_is_freed_or_configured)
{
	struct asker asker = { .asked = 0 };
	struct sigchld_ctx *ctx;

	ck_assert(!is_subreaper());
	ctx = open_ctx(ASKS_FOR_ORPHANS(&asker));
	ck_assert(is_subreaper());
	MUST_BE(0, sigchld_configure(ctx, NULL));
	ck_assert(!is_subreaper());
	MUST_BE(0, sigchld_configure(ctx, ASKS_FOR_ORPHANS(&asker)));
	ck_assert(is_subreaper());
	MUST_BE(0, sigchld_configure(ctx, ASKS_FOR_ORPHANS(&asker)));
	ck_assert(is_subreaper());
	sigchld_free(ctx);
	ck_assert(!is_subreaper());
}
END_TEST

START_TEST(c37_a_subreaper_from_before_stays_one)
{
	struct asker asker = { .asked = 0 };
	struct sigchld_ctx *ctx;

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	ctx = open_ctx(ASKS_FOR_ORPHANS(&asker));
	MUST_BE(0, sigchld_configure(ctx, NULL));
	ck_assert(is_subreaper());
	MUST_BE(0, sigchld_configure(ctx, ASKS_FOR_ORPHANS(&asker)));
	sigchld_free(ctx);
	ck_assert(is_subreaper());
}
END_TEST

START_TEST(c37_a_refused_context_leaves_it_as_it_was)
{
	struct asker asker = { .asked = 0 };
	struct sigchld_ctx *first =
	    open_ctx(SIGCHLD_OPTIONS(.on_stray = on_stray, .user = &asker));
	struct sigchld_ctx *ctx;

	MUST_BE(-EBUSY, sigchld_new(&ctx, ASKS_FOR_ORPHANS(&asker)));
	ck_assert(!is_subreaper());
	sigchld_free(first);
}
END_TEST

START_TEST(c37_subreaper_without_strays_is_refused)
{
	struct sigchld_ctx *ctx;

	MUST_BE(-EINVAL,
	    sigchld_new(&ctx, SIGCHLD_OPTIONS(.flags = SIGCHLD_SUBREAPER)));
	ctx = open_ctx(NULL);
	MUST_BE(-EINVAL,
	    sigchld_configure(ctx,
		SIGCHLD_OPTIONS(.flags = SIGCHLD_SUBREAPER)));
	ck_assert(!is_subreaper());
	sigchld_free(ctx);
}
END_TEST

/* Whose it is */

static void
told_once(enum place place, int code, int wstatus)
{
	struct asker asker;
	struct sigchld_ctx *keeper = open_keeper(&asker), *ctx = open_ctx(NULL);
	struct tree tree;
	int i;

	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, place, 1);
	end_orphan(&tree, code);
	(void)sigchld_dispatch(keeper);
	harness_wait_for(ctx, &tree.descendants, 1);
	ck_assert_int_eq(tree.last.pid, tree.orphan[0]);
	ck_assert_int_eq(tree.last.wstatus, wstatus);
	ck_assert_uint_eq(tree.last.source, SIGCHLD_SOURCE_WAIT);
	ck_assert_uint_ne(tree.last.known & SIGCHLD_KNOWN_TREE, 0);
	if (place == SESSION) {
		ck_assert_int_eq(tree.last.session, tree.pid);
		ck_assert_int_eq(tree.last.group, tree.orphan[0]);
	} else {
		ck_assert_int_eq(tree.last.session, getsid(0));
		ck_assert_int_eq(tree.last.group, tree.pid);
	}
	ck_assert(harness_is_reaped(tree.orphan[0]));
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(raise(SIGCHLD), 0);
		settle(keeper, ctx);
	}
	ck_assert_int_eq(tree.count, 1);
	ck_assert_int_eq(asker.asked, 0);
	ck_assert_uint_eq(stats_of(ctx).descendants, 1);
	ck_assert_uint_eq(stats_of(ctx).children, 1);
	ck_assert_uint_eq(stats_of(keeper).strays, 0);
	fell(&tree, ctx);
	ck_assert_int_eq(tree.count, 2);
	sigchld_free(ctx);
	sigchld_free(keeper);
}

START_TEST(c37_an_orphan_of_its_session_is_told_to_the_child)
{
	told_once(SESSION, 7, 7 << 8);
}
END_TEST

START_TEST(c37_an_orphan_of_its_group_is_told_to_the_child)
{
	told_once(GROUP, 7, 7 << 8);
}
END_TEST

START_TEST(g12_a_killed_orphan_is_told_so)
{
	told_once(SESSION, KILLED, SIGKILL);
}
END_TEST

START_TEST(c37_one_context_may_have_both_the_child_and_the_strays)
{
	struct asker asker;
	struct sigchld_ctx *ctx = open_keeper(&asker);
	struct tree tree;

	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, SESSION, ORPHANS);
	end_orphan(&tree, 5);
	harness_wait_for(ctx, &tree.descendants, ORPHANS);
	settle(ctx, NULL);
	ck_assert_int_eq(tree.count, ORPHANS);
	ck_assert_int_eq(asker.asked, 0);
	fell(&tree, ctx);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c37_an_orphan_of_nobody_is_a_stray_and_its_tree_is_told)
{
	struct asker asker;
	struct sigchld_ctx *ctx = open_keeper(&asker);
	struct tree tree;

	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, APART, 1);
	end_orphan(&tree, 5);
	harness_wait_for(ctx, &asker.asked, 1);
	ck_assert_int_eq(asker.last.pid, tree.orphan[0]);
	ck_assert_int_eq(asker.last.wstatus, 5 << 8);
	ck_assert_uint_ne(asker.last.known & SIGCHLD_KNOWN_TREE, 0);
	ck_assert_int_eq(asker.last.session, tree.orphan[0]);
	ck_assert_int_eq(asker.last.group, tree.orphan[0]);
	ck_assert(harness_is_reaped(tree.orphan[0]));
	ck_assert_int_eq(tree.count, 0);
	ck_assert_uint_eq(stats_of(ctx).strays, 1);
	ck_assert_uint_eq(stats_of(ctx).descendants, 0);
	fell(&tree, ctx);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c37_a_child_that_did_not_ask_is_told_nothing)
{
	struct asker asker;
	struct sigchld_ctx *ctx = open_keeper(&asker);
	struct tree tree;

	plant(&tree, ctx, 0, SESSION, 1);
	end_orphan(&tree, 5);
	harness_wait_for(ctx, &asker.asked, 1);
	ck_assert_int_eq(asker.last.session, tree.pid);
	ck_assert_int_eq(tree.count, 0);
	ck_assert(harness_is_reaped(tree.orphan[0]));
	fell(&tree, ctx);
	sigchld_free(ctx);
}
END_TEST

/* Without a context that takes strays nobody learns of it. */
START_TEST(c37_unless_strays_are_asked_for_it_is_left_alone)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct tree tree;

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, SESSION, 1);
	end_orphan(&tree, 5);
	ck_assert_int_eq(raise(SIGCHLD), 0);
	settle(ctx, NULL);
	ck_assert_int_eq(tree.count, 0);
	ck_assert_int_eq(exit_code(tree.orphan[0]), 5);
	fell(&tree, ctx);
	sigchld_free(ctx);
}
END_TEST

struct cgroup {
	char path[200];
	int fd;
};

static void
make_cgroup(struct cgroup *c)
{
	char line[512], where[128];
	FILE *mounts = fopen("/proc/self/mounts", "re");

	c->fd = -1;
	while (mounts != NULL && c->fd == -1 &&
	    fgets(line, sizeof(line), mounts) != NULL) {
		if (strstr(line, " cgroup2 ") == NULL ||
		    sscanf(line, "%*s %127s ", where) != 1)
			continue;
		(void)snprintf(c->path, sizeof(c->path), "%s/sigchld-%d", where,
		    getpid());
		if (mkdir(c->path, 0700) == 0)
			c->fd =
			    open(c->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (mounts != NULL)
		(void)fclose(mounts);
	if (c->fd == -1)
		harness_skip("there is no cgroup2 that we may change");
}

static void
drop_cgroup(struct cgroup *c)
{
	(void)close(c->fd);
	ck_assert_int_eq(rmdir(c->path), 0);
}

/* The orphan writes its pid, and a line ends it. */
static int
start_in_cgroup(struct tree *tree, struct sigchld_ctx *ctx, int cgroup, int go,
    int report, int hold)
{
	char sh[] = "/bin/sh", c[] = "-c";
	char program[] = "sh -c 'setsid sh -c \"echo \\$\\$; read x <&3; exit 9"
			 "\" &'; read y <&4; exit 0";
	char *argv[] = { sh, c, program, NULL };
	const struct sigchld_fdmap map[] = { { go, 3 }, { report, 1 },
		{ hold, 4 } };

	return sigchld_spawn(ctx, &tree->child,
	    SIGCHLD_SPAWN(.argv = argv, .fdmap = map, .nfdmap = 3,
		.flags = SIGCHLD_SPAWN_CGROUP | SIGCHLD_SPAWN_DESCENDANTS,
		.cgroup = cgroup),
	    on_event, tree);
}

static pid_t
read_pid(int fd)
{
	char text[32] = "";
	size_t n = 0;

	while (n < sizeof(text) - 1 && strchr(text, '\n') == NULL) {
		ck_assert_int_eq(read(fd, text + n, 1), 1);
		n++;
	}
	return (pid_t)atoi(text);
}

/* Its parent, a shell, may be slow to end, and till then it is no child of ours.
 */
static void
await_orphan(pid_t pid)
{
	const int64_t deadline = harness_now_ms() + harness_patience_ms();
	siginfo_t info;

	do {
		ck_assert_msg(harness_now_ms() < deadline, "%d is not ours",
		    (int)pid);
		(void)sched_yield();
		info.si_pid = 0;
		(void)waitid(P_PID, (id_t)pid, &info,
		    WEXITED | WNOHANG | WNOWAIT);
	} while (info.si_pid != pid);
}

START_TEST(c37_an_orphan_of_its_cgroup_is_told_to_the_child)
{
	struct asker asker;
	struct sigchld_ctx *ctx = open_keeper(&asker);
	struct tree tree = { .n = 1 };
	int go[2], report[2], hold[2], rc;
	struct cgroup cgroup;
	struct stat stat;

	make_cgroup(&cgroup);
	open_pipe(go);
	open_pipe(report);
	open_pipe(hold);
	rc = start_in_cgroup(&tree, ctx, cgroup.fd, go[0], report[1], hold[0]);
	if (rc == -ENOTSUP) {
		drop_cgroup(&cgroup);
		harness_skip("no child can be started in a cgroup");
	}
	MUST_BE(0, rc > 0 ? 0 : rc);
	tree.pid = sigchld_child_pid(tree.child);
	tree.orphan[0] = read_pid(report[0]);
	give_byte(go[1], '\n');
	await_orphan(tree.orphan[0]);
	ck_assert_int_eq(fstat(cgroup.fd, &stat), 0);
	settle(ctx, NULL);
	if (asker.asked > 0) {
		ck_assert_uint_eq(asker.last.known & SIGCHLD_KNOWN_CGROUP, 0);
		give_byte(hold[1], '\n');
		harness_wait_for(ctx, &tree.final, 1);
		drop_cgroup(&cgroup);
		harness_skip("the kernel does not tell the cgroup of a zombie");
	}
	ck_assert_int_eq(tree.descendants, 1);
	ck_assert_int_eq(tree.last.pid, tree.orphan[0]);
	ck_assert_int_eq(tree.last.wstatus, 9 << 8);
	ck_assert_uint_ne(tree.last.known & SIGCHLD_KNOWN_CGROUP, 0);
	ck_assert_uint_eq(tree.last.cgroup, stat.st_ino);
	ck_assert(harness_is_reaped(tree.orphan[0]));
	give_byte(hold[1], '\n');
	harness_wait_for(ctx, &tree.final, 1);
	sigchld_child_free(tree.child);
	sigchld_free(ctx);
	drop_cgroup(&cgroup);
	(void)close(go[0]);
	(void)close(hold[0]);
	(void)close(report[0]);
	(void)close(report[1]);
}
END_TEST

/* When its owner is there no more */

START_TEST(c37_after_the_end_of_the_child_it_is_a_stray)
{
	struct asker asker;
	struct sigchld_ctx *ctx = open_keeper(&asker);
	struct tree tree;

	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, SESSION, 1);
	fell(&tree, ctx);
	end_orphan(&tree, 5);
	harness_wait_for(ctx, &asker.asked, 1);
	ck_assert_int_eq(tree.count, 1);
	ck_assert_int_eq(asker.last.session, tree.pid);
	ck_assert(harness_is_reaped(tree.orphan[0]));
	sigchld_free(ctx);
}
END_TEST

/* Both are dead before anybody looks. */
START_TEST(c37_nothing_is_told_to_a_child_after_its_end)
{
	struct asker asker;
	struct sigchld_ctx *keeper = open_keeper(&asker), *ctx = open_ctx(NULL);
	struct tree tree;

	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, SESSION, 1);
	end_orphan(&tree, 5);
	end_child(&tree);
	ck_assert_int_ge(sigchld_dispatch(keeper), 0); /* it is routed */
	settle(ctx, keeper);
	harness_wait_for(ctx, &tree.final, 1);
	settle(ctx, keeper);
	ck_assert_int_eq(tree.descendants, 0);
	ck_assert_int_eq(asker.asked, 1);
	ck_assert(harness_is_reaped(tree.orphan[0]));
	sigchld_child_free(tree.child);
	sigchld_free(ctx);
	sigchld_free(keeper);
}
END_TEST

START_TEST(c37_of_a_released_child_it_is_a_stray)
{
	struct asker asker;
	struct sigchld_ctx *keeper = open_keeper(&asker), *ctx = open_ctx(NULL);
	struct tree tree;

	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, SESSION, 1);
	sigchld_child_free(tree.child);
	end_orphan(&tree, 5);
	settle(keeper, ctx);
	ck_assert_int_eq(tree.count, 0);
	ck_assert_int_eq(asker.asked, 1);
	ck_assert(harness_is_reaped(tree.orphan[0]));
	end_child(&tree);
	settle(keeper, ctx);
	ck_assert(harness_is_reaped(tree.pid));
	sigchld_free(ctx);
	sigchld_free(keeper);
}
END_TEST

/* It was routed already. */
START_TEST(c37_of_a_child_released_meanwhile_it_is_a_stray)
{
	struct asker asker;
	struct sigchld_ctx *keeper = open_keeper(&asker), *ctx = open_ctx(NULL);
	struct tree tree;

	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, SESSION, 1);
	end_orphan(&tree, 5);
	(void)sigchld_dispatch(keeper);
	sigchld_child_free(tree.child);
	settle(keeper, ctx);
	ck_assert_int_eq(tree.count, 0);
	ck_assert_int_eq(asker.asked, 1);
	ck_assert(harness_is_reaped(tree.orphan[0]));
	end_child(&tree);
	settle(keeper, ctx);
	ck_assert(harness_is_reaped(tree.pid));
	sigchld_free(ctx);
	sigchld_free(keeper);
}
END_TEST

static void
on_gone(struct sigchld_ctx *ctx, const struct sigchld_event *event, void *user)
{
	int *n = user;

	(void)ctx;
	(void)event;
	(*n)++;
}

START_TEST(c37_of_a_discarded_child_it_is_a_stray)
{
	struct asker asker;
	struct sigchld_ctx *keeper = open_keeper(&asker), *ctx = open_ctx(NULL);
	struct tree tree;
	int n = 0;

	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, SESSION, 1);
	MUST_BE(0, sigchld_child_discard(tree.child, 0, on_gone, &n));
	end_orphan(&tree, 5);
	settle(keeper, ctx);
	ck_assert_int_eq(tree.count, 0);
	ck_assert_int_eq(asker.asked, 1);
	ck_assert(harness_is_reaped(tree.orphan[0]));
	end_child(&tree);
	harness_wait_for(ctx, &n, 1);
	sigchld_free(ctx);
	sigchld_free(keeper);
}
END_TEST

static void
freed_context(bool routed)
{
	struct asker asker;
	struct sigchld_ctx *keeper = open_keeper(&asker), *ctx = open_ctx(NULL);
	struct tree tree;

	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, SESSION, ORPHANS);
	if (routed) {
		end_orphan(&tree, 5);
		(void)sigchld_dispatch(keeper);
		ck_assert_int_eq(asker.asked, 0);
	}
	sigchld_free(ctx);
	if (!routed)
		end_orphan(&tree, 5);
	harness_wait_for(keeper, &asker.asked, ORPHANS);
	settle(keeper, NULL);
	ck_assert_int_eq(asker.asked, ORPHANS);
	ck_assert_int_eq(tree.count, 0);
	sigchld_child_free(tree.child);
	end_child(&tree);
	harness_wait_for(keeper, &asker.asked, ORPHANS + 1);
	ck_assert(harness_is_reaped(tree.pid)); /* a stray itself by now */
	sigchld_free(keeper);
}

START_TEST(c24_of_a_freed_context_it_is_a_stray)
{
	freed_context(false);
}
END_TEST

START_TEST(c24_of_a_context_freed_meanwhile_it_is_a_stray)
{
	freed_context(true);
}
END_TEST

START_TEST(c24_the_context_with_strays_freed_meanwhile_changes_nothing)
{
	struct asker asker;
	struct sigchld_ctx *keeper = open_keeper(&asker), *ctx = open_ctx(NULL);
	struct tree tree;

	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, SESSION, ORPHANS);
	end_orphan(&tree, 5);
	(void)sigchld_dispatch(keeper);
	sigchld_free(keeper);
	harness_wait_for(ctx, &tree.descendants, ORPHANS);
	fell(&tree, ctx);
	sigchld_free(ctx);
}
END_TEST

/* One context does not dispatch. */
START_TEST(g11_an_orphan_that_nobody_takes_delays_no_other)
{
	struct asker asker;
	struct sigchld_ctx *keeper = open_keeper(&asker), *ctx = open_ctx(NULL),
			   *idle = open_ctx(NULL);
	struct tree tree, stuck, apart;

	plant(&stuck, idle, SIGCHLD_CHILD_DESCENDANTS, SESSION, ORPHANS);
	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, SESSION, ORPHANS);
	plant(&apart, ctx, 0, APART, 1);
	end_orphan(&stuck, 5);
	(void)sigchld_dispatch(keeper);
	end_orphan(&tree, 6);
	end_orphan(&apart, 7);
	settle(keeper, ctx);
	ck_assert_int_eq(tree.descendants, ORPHANS);
	ck_assert_int_eq(asker.asked, 1);
	ck_assert_int_eq(asker.last.pid, apart.orphan[0]);
	ck_assert(harness_is_zombie(stuck.orphan[0]));
	harness_wait_for(idle, &stuck.descendants, ORPHANS);
	settle(keeper, ctx);
	ck_assert_int_eq(tree.descendants, ORPHANS);
	ck_assert_int_eq(asker.asked, 1);
	fell(&stuck, idle);
	fell(&tree, ctx);
	fell(&apart, ctx);
	sigchld_free(idle);
	sigchld_free(ctx);
	sigchld_free(keeper);
}
END_TEST

/* What the callback may do */

static void
free_child(struct tree *tree)
{
	sigchld_child_free(tree->child);
	tree->act = NULL;
}

START_TEST(c23_the_child_freed_when_it_is_told)
{
	struct asker asker;
	struct sigchld_ctx *ctx = open_keeper(&asker);
	struct tree tree;

	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, SESSION, ORPHANS);
	tree.act = free_child;
	end_orphan(&tree, 5);
	harness_wait_for(ctx, &tree.descendants, 1);
	settle(ctx, NULL);
	ck_assert_int_eq(tree.count, 1);
	ck_assert_int_eq(asker.asked, ORPHANS - 1);
	end_child(&tree);
	settle(ctx, NULL);
	ck_assert(harness_is_reaped(tree.pid));
	sigchld_free(ctx);
}
END_TEST

static void
free_ctx(struct tree *tree)
{
	sigchld_free(sigchld_child_ctx(tree->child));
}

START_TEST(c23_its_context_freed_when_it_is_told)
{
	struct asker asker;
	struct sigchld_ctx *keeper = open_keeper(&asker), *ctx = open_ctx(NULL);
	struct tree tree;

	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, SESSION, ORPHANS);
	tree.act = free_ctx;
	end_orphan(&tree, 5);
	(void)sigchld_dispatch(keeper);
	MUST_BE(1, sigchld_dispatch(ctx));
	settle(keeper, NULL);
	ck_assert_int_eq(tree.count, 1);
	ck_assert_int_eq(asker.asked, ORPHANS - 1);
	ck_assert_ptr_null(sigchld_child_ctx(tree.child));
	sigchld_child_free(tree.child);
	end_child(&tree);
	harness_wait_for(keeper, &asker.asked, ORPHANS);
	sigchld_free(keeper);
}
END_TEST

static struct harness_log newborn_log;

static void
fork_one(struct tree *tree)
{
	tree->act = NULL;
	if (sigchld_fork(sigchld_child_ctx(tree->child), NULL, 0,
		harness_on_event, &newborn_log) == 0)
		_exit(3);
}

START_TEST(c23_a_fork_when_it_is_told)
{
	struct asker asker;
	struct sigchld_ctx *ctx = open_keeper(&asker);
	struct tree tree;

	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, SESSION, ORPHANS);
	tree.act = fork_one;
	end_orphan(&tree, 5);
	harness_wait_for(ctx, &newborn_log.final, 1);
	harness_wait_for(ctx, &tree.descendants, ORPHANS);
	ck_assert_int_eq(newborn_log.wstatus, 3 << 8);
	ck_assert_int_eq(asker.asked, 0);
	fell(&tree, ctx);
	sigchld_free(ctx);
}
END_TEST

static pid_t forked;

static void
fork_and_return(struct tree *tree)
{
	tree->act = NULL;
	forked = fork();
}

/* The child of that fork comes back from the callback, too. */
START_TEST(g9_a_forked_child_that_returns_does_nothing_more)
{
	struct asker asker;
	struct sigchld_ctx *ctx = open_keeper(&asker);
	struct tree tree;
	int rc;

	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, SESSION, ORPHANS);
	tree.act = fork_and_return;
	end_orphan(&tree, 5);
	while ((rc = sigchld_wait(ctx, -1)) >= 0 && tree.descendants == 0)
		continue;
	if (forked == 0) {
		CHILD_MUST(rc == -EPERM && tree.descendants == 1);
		sigchld_child_free(tree.child);
		sigchld_free(ctx);
		_exit(0);
	}
	MUST_BE(0, rc < 0 ? rc : 0);
	harness_wait_for(ctx, &tree.descendants, ORPHANS);
	ck_assert_int_eq(exit_code(forked), 0);
	settle(ctx, NULL);
	ck_assert_int_eq(tree.count, ORPHANS);
	fell(&tree, ctx);
	sigchld_free(ctx);
}
END_TEST

static int n_shown;

static int
count(struct sigchld_child *child, void *user)
{
	struct tree *tree = user;

	ck_assert_ptr_eq(child, tree->child);
	n_shown++;
	return 0;
}

static void
show_all(struct tree *tree)
{
	if (tree->last.what == SIGCHLD_DESCENDANT)
		MUST_BE(0,
		    sigchld_foreach(sigchld_child_ctx(tree->child), count,
			tree));
}

START_TEST(c37_orphans_are_not_shown_among_the_children)
{
	struct asker asker;
	struct sigchld_ctx *ctx = open_keeper(&asker);
	struct tree tree;

	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, SESSION, ORPHANS);
	tree.act = show_all;
	end_orphan(&tree, 5);
	harness_wait_for(ctx, &tree.descendants, ORPHANS);
	ck_assert_int_eq(n_shown, ORPHANS);
	tree.act = NULL;
	fell(&tree, ctx);
	sigchld_free(ctx);
}
END_TEST

/* O3 */
START_TEST(c37_a_moved_child_takes_what_comes_with_it)
{
	struct asker asker;
	struct sigchld_ctx *keeper = open_keeper(&asker), *ctx = open_ctx(NULL),
			   *to = open_ctx(NULL);
	struct tree tree;

	plant(&tree, ctx, SIGCHLD_CHILD_DESCENDANTS, SESSION, ORPHANS);
	MUST_BE(0, sigchld_child_move(tree.child, to));
	give_byte(tree.go[0], 5);
	harness_await_zombie(tree.orphan[0]);
	(void)sigchld_dispatch(keeper);
	MUST_BE(-EBUSY, sigchld_child_move(tree.child, ctx)); /* on its way */
	harness_wait_for(to, &tree.descendants, 1);
	MUST_BE(0, sigchld_child_move(tree.child, ctx));
	give_byte(tree.go[1], 5);
	give_byte(tree.go[2], 5);
	harness_await_zombie(tree.orphan[1]);
	harness_await_zombie(tree.orphan[2]);
	(void)sigchld_dispatch(keeper);
	harness_wait_for(ctx, &tree.descendants, ORPHANS);
	ck_assert_uint_eq(stats_of(to).descendants, 1);
	ck_assert_uint_eq(stats_of(ctx).descendants, ORPHANS - 1);
	ck_assert_int_eq(asker.asked, 0);
	fell(&tree, ctx);
	sigchld_free(to);
	sigchld_free(ctx);
	sigchld_free(keeper);
}
END_TEST

HARNESS("orphan",
    {
	HARNESS_PIDFD_TEST(c37_subreaper_until_it_is_freed_or_configured),
	HARNESS_PIDFD_TEST(c37_a_subreaper_from_before_stays_one),
	HARNESS_PIDFD_TEST(c37_a_refused_context_leaves_it_as_it_was),
	HARNESS_PIDFD_TEST(c37_an_orphan_of_its_cgroup_is_told_to_the_child),
	HARNESS_TEST(c37_subreaper_without_strays_is_refused),
	HARNESS_TEST(c37_an_orphan_of_its_session_is_told_to_the_child),
	HARNESS_TEST(c37_an_orphan_of_its_group_is_told_to_the_child),
	HARNESS_TEST(g12_a_killed_orphan_is_told_so),
	HARNESS_PIDFD_TEST(
	    c37_one_context_may_have_both_the_child_and_the_strays),
	HARNESS_TEST(c37_an_orphan_of_nobody_is_a_stray_and_its_tree_is_told),
	HARNESS_TEST(c37_a_child_that_did_not_ask_is_told_nothing),
	HARNESS_TEST(c37_unless_strays_are_asked_for_it_is_left_alone),
	HARNESS_TEST(c37_after_the_end_of_the_child_it_is_a_stray),
	HARNESS_PIDFD_TEST(c37_nothing_is_told_to_a_child_after_its_end),
	HARNESS_TEST(c37_of_a_released_child_it_is_a_stray),
	HARNESS_TEST(c37_of_a_child_released_meanwhile_it_is_a_stray),
	HARNESS_TEST(c37_of_a_discarded_child_it_is_a_stray),
	HARNESS_PIDFD_TEST(c24_of_a_freed_context_it_is_a_stray),
	HARNESS_PIDFD_TEST(c24_of_a_context_freed_meanwhile_it_is_a_stray),
	HARNESS_PIDFD_TEST(
	    c24_the_context_with_strays_freed_meanwhile_changes_nothing),
	HARNESS_PIDFD_TEST(g11_an_orphan_that_nobody_takes_delays_no_other),
	HARNESS_PIDFD_TEST(c23_the_child_freed_when_it_is_told),
	HARNESS_PIDFD_TEST(c23_its_context_freed_when_it_is_told),
	HARNESS_PIDFD_TEST(c23_a_fork_when_it_is_told),
	HARNESS_PIDFD_TEST(g9_a_forked_child_that_returns_does_nothing_more),
	HARNESS_PIDFD_TEST(c37_orphans_are_not_shown_among_the_children),
	HARNESS_PIDFD_TEST(c37_a_moved_child_takes_what_comes_with_it),
    })
