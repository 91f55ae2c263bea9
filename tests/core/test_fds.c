/*
 * test_fds.c - the descriptors of a context
 *
 * wrap: close epoll_ctl map
 */
#include <poll.h>
#include <sys/socket.h>

#include "async/sys.h"
#include "core/sys.h"
#include "help.h"

static atomic_int closed_fd, n_closed;
static int map_fails; /* once */

int __real_sigchld__sys_close(int fd);
int __wrap_sigchld__sys_close(int fd);
void *__real_sigchld__sys_map(size_t size);
void *__wrap_sigchld__sys_map(size_t size);

int
__wrap_sigchld__sys_close(int fd)
{
	closed_fd = fd;
	n_closed++;
	return __real_sigchld__sys_close(fd);
}

void *
__wrap_sigchld__sys_map(size_t size)
{
	bool fails = map_fails != 0;

	map_fails = 0;
	return fails ? NULL : __real_sigchld__sys_map(size);
}

#ifndef SIGCHLD_PORTABLE

static int ctl_fails; /* -errno, once */

int __real_sigchld__sys_epoll_ctl(int epfd, int op, int fd, uint32_t events,
    uint64_t data);
int __wrap_sigchld__sys_epoll_ctl(int epfd, int op, int fd, uint32_t events,
    uint64_t data);

int
__wrap_sigchld__sys_epoll_ctl(int epfd, int op, int fd, uint32_t events,
    uint64_t data)
{
	int rc = ctl_fails;

	/* 2 is EPOLL_CTL_DEL, which nobody expects to fail. */
	if (rc < 0 && op != 2) {
		ctl_fails = 0;
		return rc;
	}
	return __real_sigchld__sys_epoll_ctl(epfd, op, fd, events, data);
}

#endif

static bool
is_open(int fd)
{
	return fcntl(fd, F_GETFD) != -1;
}

/* A stream of which one end is in the table. */
struct stream {
	struct sigchld_ctx *ctx;
	struct sigchld_fdref ref;
	int fd, peer, count, running;
	uint32_t revents;
	void (*act)(struct stream *stream);
	struct gate in, out;
};

static void
on_ready(struct sigchld_ctx *ctx, struct sigchld_fdref ref, uint32_t revents,
    void *user)
{
	struct stream *s = user;

	ck_assert_int_eq(ref.fd, s->ref.fd);
	ck_assert_uint_eq(ref.generation, s->ref.generation);
	s->count++;
	s->revents = revents;
	s->running = sigchld_fd_running(ref.fd);
	ck_assert_int_eq(s->running, sigchld_fd_group(ctx));
	if (s->act != NULL)
		s->act(s);
}

static void
open_stream(struct stream *s, struct sigchld_ctx *ctx, uint32_t events)
{
	static const struct gate gate = GATE;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
			     ends),
	    0);
	memset(s, 0, sizeof(*s));
	s->in = s->out = gate;
	s->ctx = ctx;
	s->fd = ends[0];
	s->peer = ends[1];
	MUST_BE(0, sigchld_fd_insert(ctx, &s->ref, s->fd, events, on_ready, s));
	ck_assert_int_eq(s->ref.fd, s->fd);
	ck_assert_uint_ne(s->ref.generation, 0);
}

static void
feed(struct stream *s)
{
	ck_assert_int_eq(send(s->peer, "x", 1, 0), 1);
}

static void
eat(struct stream *s)
{
	char byte;

	ck_assert_int_eq(recv(s->fd, &byte, 1, 0), 1);
}

/* Dispatch */

START_TEST(ready_is_called_while_it_is_ready)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct stream s;

	open_stream(&s, ctx, POLLIN);
	ck_assert_int_eq(sigchld_fd_owner(s.fd), sigchld_fd_group(ctx));
	MUST_BE(0, sigchld_dispatch(ctx));
	feed(&s);
	MUST_BE(1, sigchld_wait(ctx, -1));
	MUST_BE(1, sigchld_dispatch(ctx)); /* level-triggered */
	ck_assert_uint_eq(s.revents, POLLIN);
	eat(&s);
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert_int_eq(sigchld_fd_running(s.fd), 0);
	(void)close(s.peer);
	MUST_BE(1, sigchld_wait(ctx, -1));
	ck_assert_uint_ne(s.revents & POLLHUP, 0);
	MUST_BE(0, sigchld_fd_close(s.ref));
	ck_assert(!is_open(s.fd));
	MUST_BE(0, sigchld_dispatch(ctx));
	sigchld_free(ctx);
}
END_TEST

START_TEST(other_events_can_be_asked_for)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct stream s;

	open_stream(&s, ctx, 0);
	feed(&s);
	MUST_BE(0, sigchld_dispatch(ctx));
	MUST_BE(0, sigchld_fd_events(s.ref, POLLIN));
	MUST_BE(1, sigchld_wait(ctx, -1));
	MUST_BE(0, sigchld_fd_events(s.ref, POLLIN | POLLOUT));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_uint_eq(s.revents, POLLIN | POLLOUT);
	MUST_BE(0, sigchld_fd_events(s.ref, POLLOUT));
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_uint_eq(s.revents, POLLOUT);
	MUST_BE(0, sigchld_fd_events(s.ref, 0));
	MUST_BE(0, sigchld_dispatch(ctx));
	MUST_BE(0, sigchld_fd_events(s.ref, 0));
	MUST_BE(0, sigchld_fd_close(s.ref));
	MUST_BE(-EBADF, sigchld_fd_events(s.ref, POLLIN));
	(void)close(s.peer);
	sigchld_free(ctx);
}
END_TEST

START_TEST(a_hundred_busy_descriptors_all_get_their_turn)
{
	static struct stream s[100];
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int i, round;

	for (i = 0; i < 100; i++) {
		open_stream(&s[i], ctx, POLLIN);
		feed(&s[i]);
	}
	for (round = 0; round < 4; round++)
		ck_assert_int_gt(sigchld_dispatch(ctx), 0);
	for (i = 0; i < 100; i++)
		ck_assert_int_gt(s[i].count, 0);
	for (i = 0; i < 100; i++) {
		MUST_BE(0, sigchld_fd_close(s[i].ref));
		(void)close(s[i].peer);
	}
	sigchld_free(ctx);
}
END_TEST

/* Grab, drop, close */

START_TEST(d2_grab_works_for_the_owner_alone)
{
	struct sigchld_ctx *a = open_ctx(NULL), *b = open_ctx(NULL);
	int group_a = sigchld_fd_group(a), group_b = sigchld_fd_group(b);
	struct stream s;

	open_stream(&s, a, POLLIN);
	ck_assert_int_ne(group_a, group_b);
	MUST_BE(-EBADF, sigchld_fd_grab(s.fd, group_b));
	MUST_BE(-EINVAL, sigchld_fd_drop(s.fd)); /* it left no trace */
	MUST_BE(0, sigchld_fd_grab(s.fd, group_a));
	MUST_BE(0, sigchld_fd_drop(s.fd));
	MUST_BE(-EINVAL, sigchld_fd_drop(s.fd));
	MUST_BE(0, sigchld_fd_close(s.ref));
	MUST_BE(-EBADF, sigchld_fd_grab(s.fd, group_a));
	(void)close(s.peer);
	sigchld_free(a);
	sigchld_free(b);
}
END_TEST

START_TEST(d3_close_while_it_is_held_is_done_by_the_last)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int group = sigchld_fd_group(ctx);
	struct stream s;

	open_stream(&s, ctx, POLLIN);
	feed(&s);
	MUST_BE(0, sigchld_fd_grab(s.fd, group));
	MUST_BE(0, sigchld_fd_grab(s.fd, group));
	MUST_BE(1, sigchld_fd_close(s.ref));
	ck_assert(is_open(s.fd));
	ck_assert_int_eq(sigchld_fd_owner(s.fd), 0);
	MUST_BE(-EBADF, sigchld_fd_close(s.ref));
	MUST_BE(-EBADF, sigchld_fd_grab(s.fd, group));
	MUST_BE(-EBUSY, sigchld_fd_insert(ctx, NULL, s.fd, 0, NULL, NULL));
	MUST_BE(0, sigchld_dispatch(ctx)); /* nobody's any more */
	n_closed = 0;
	MUST_BE(0, sigchld_fd_drop(s.fd));
	ck_assert_int_eq(n_closed, 0);
	MUST_BE(1, sigchld_fd_drop(s.fd));
	ck_assert_int_eq(n_closed, 1);
	ck_assert(!is_open(s.fd));
	(void)close(s.peer);
	sigchld_free(ctx);
}
END_TEST

START_TEST(remove_leaves_it_open)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct stream s;

	open_stream(&s, ctx, POLLIN);
	MUST_BE(0, sigchld_fd_remove(s.ref));
	ck_assert(is_open(s.fd));
	ck_assert_int_eq(sigchld_fd_owner(s.fd), 0);
	feed(&s);
	MUST_BE(0, sigchld_dispatch(ctx));
	MUST_BE(0, sigchld_fd_insert(ctx, &s.ref, s.fd, POLLIN, on_ready, &s));
	MUST_BE(1, sigchld_dispatch(ctx));
	MUST_BE(0, sigchld_fd_grab(s.fd, sigchld_fd_group(ctx)));
	MUST_BE(1, sigchld_fd_remove(s.ref));
	MUST_BE(1, sigchld_fd_drop(s.fd));
	ck_assert(is_open(s.fd));
	(void)close(s.fd);
	(void)close(s.peer);
	sigchld_free(ctx);
}
END_TEST

START_TEST(d8_a_stale_reference_does_nothing)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_fdref old;
	struct stream s;

	open_stream(&s, ctx, POLLIN);
	old = s.ref;
	MUST_BE(0, sigchld_fd_remove(s.ref));
	MUST_BE(-EBADF, sigchld_fd_close(old));
	MUST_BE(-EBADF, sigchld_fd_remove(old));
	MUST_BE(0, sigchld_fd_insert(ctx, &s.ref, s.fd, POLLIN, on_ready, &s));
	ck_assert_uint_ne(old.generation, s.ref.generation);
	MUST_BE(-ESTALE, sigchld_fd_close(old));
	MUST_BE(-ESTALE, sigchld_fd_remove(old));
	MUST_BE(-ESTALE, sigchld_fd_events(old, 0));
	MUST_BE(-ESTALE, sigchld_fd_move(old, ctx));
	ck_assert(is_open(s.fd));
	MUST_BE(-EINVAL, sigchld_fd_drop(s.fd)); /* they left no trace */
	MUST_BE(0, sigchld_fd_close(s.ref));
	(void)close(s.peer);
	sigchld_free(ctx);
}
END_TEST

START_TEST(d10_the_65536th_reference_is_refused)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int group = sigchld_fd_group(ctx), i;
	struct stream s;

	open_stream(&s, ctx, POLLIN);
	for (i = 0; i < 65535; i++)
		ck_assert_int_eq(sigchld_fd_grab(s.fd, group), 0);
	MUST_BE(-EOVERFLOW, sigchld_fd_grab(s.fd, group));
	MUST_BE(-EOVERFLOW, sigchld_fd_close(s.ref));
	feed(&s);
	MUST_BE(0, sigchld_dispatch(ctx));
	ck_assert_int_eq(sigchld_fd_owner(s.fd), group);
	for (i = 0; i < 65535; i++)
		ck_assert_int_eq(sigchld_fd_drop(s.fd), 0);
	MUST_BE(1, sigchld_dispatch(ctx));
	MUST_BE(0, sigchld_fd_close(s.ref));
	(void)close(s.peer);
	sigchld_free(ctx);
}
END_TEST

/* D9: who runs */

static void
close_self(struct stream *s)
{
	MUST_BE(1, sigchld_fd_close(s->ref));
	ck_assert(is_open(s->fd));
	ck_assert_int_ne(sigchld_fd_running(s->fd), 0);
}

START_TEST(c23_closed_in_its_own_callback)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct stream s;

	open_stream(&s, ctx, POLLIN);
	s.act = close_self;
	feed(&s);
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert(!is_open(s.fd));
	ck_assert_int_eq(sigchld_fd_running(s.fd), 0);
	(void)close(s.peer);
	sigchld_free(ctx);
}
END_TEST

static void
stay(struct stream *s)
{
	gate_open(&s->in);
	gate_pass(&s->out, 1);
	eat(s); /* it is still this descriptor */
}

static void *
dispatch_thread(void *user)
{
	MUST_BE(1, sigchld_dispatch(user));
	return NULL;
}

START_TEST(d9_close_under_a_running_callback_is_done_after_it)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct stream s;
	pthread_t thread;

	open_stream(&s, ctx, POLLIN);
	s.act = stay;
	feed(&s);
	thread = start(dispatch_thread, ctx);
	gate_pass(&s.in, 1);
	ck_assert_int_eq(sigchld_fd_running(s.fd), sigchld_fd_group(ctx));
	MUST_BE(1, sigchld_fd_close(s.ref));
	ck_assert(is_open(s.fd));
	gate_open(&s.out);
	(void)finish(thread);
	ck_assert(!is_open(s.fd));
	(void)close(s.peer);
	sigchld_free(ctx);
}
END_TEST

START_TEST(d9_move_under_a_running_callback_is_done_after_it)
{
	struct sigchld_ctx *a = open_ctx(NULL), *b = open_ctx(NULL);
	struct stream s;
	pthread_t thread;

	open_stream(&s, a, POLLIN);
	s.act = stay;
	feed(&s);
	thread = start(dispatch_thread, a);
	gate_pass(&s.in, 1);
	MUST_BE(1, sigchld_fd_move(s.ref, b));
	ck_assert_int_eq(sigchld_fd_owner(s.fd), sigchld_fd_group(a));
	MUST_BE(0, sigchld_dispatch(b));
	gate_open(&s.out);
	(void)finish(thread);
	ck_assert_int_eq(sigchld_fd_owner(s.fd), sigchld_fd_group(b));
	s.act = NULL;
	feed(&s);
	MUST_BE(0, sigchld_dispatch(a));
	MUST_BE(1, sigchld_dispatch(b));
	MUST_BE(0, sigchld_fd_close(s.ref));
	(void)close(s.peer);
	sigchld_free(a);
	sigchld_free(b);
}
END_TEST

static struct stream *victim;

static void
close_victim(struct stream *s)
{
	struct stream *other = s == victim ? victim + 1 : victim;

	MUST_BE(0, sigchld_fd_close(other->ref));
	other->ref.generation = 0;
	s->act = NULL;
}

START_TEST(c23_one_ready_callback_closes_the_other)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct stream s[2];
	int left;

	victim = s;
	open_stream(&s[0], ctx, POLLIN);
	open_stream(&s[1], ctx, POLLIN);
	s[0].act = s[1].act = close_victim;
	feed(&s[0]);
	feed(&s[1]);
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(s[0].count + s[1].count, 1);
	left = s[0].count == 1 ? 0 : 1;
	MUST_BE(0, sigchld_fd_close(s[left].ref));
	(void)close(s[0].peer);
	(void)close(s[1].peer);
	sigchld_free(ctx);
}
END_TEST

static void
free_context(struct stream *s)
{
	sigchld_free(s->ctx);
}

START_TEST(c23_the_context_freed_in_a_ready_callback)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct stream s[2];
	int i;

	for (i = 0; i < 2; i++) {
		open_stream(&s[i], ctx, POLLIN);
		s[i].act = free_context;
		feed(&s[i]);
	}
	MUST_BE(1, sigchld_dispatch(ctx));
	ck_assert_int_eq(s[0].count + s[1].count, 1);
	for (i = 0; i < 2; i++) {
		ck_assert(is_open(s[i].fd)); /* the application's are left */
		ck_assert_int_eq(sigchld_fd_owner(s[i].fd), 0);
		(void)close(s[i].fd);
		(void)close(s[i].peer);
	}
}
END_TEST

/* Move */

START_TEST(d4_move_while_it_is_held_waits_for_the_last)
{
	struct sigchld_ctx *a = open_ctx(NULL), *b = open_ctx(NULL);
	int group_a = sigchld_fd_group(a), group_b = sigchld_fd_group(b);
	struct stream s;

	open_stream(&s, a, POLLIN);
	feed(&s);
	MUST_BE(0, sigchld_fd_move(s.ref, a)); /* it is there */
	MUST_BE(0, sigchld_fd_grab(s.fd, group_a));
	MUST_BE(1, sigchld_fd_move(s.ref, b));
	MUST_BE(-EALREADY, sigchld_fd_move(s.ref, b));
	ck_assert_int_eq(sigchld_fd_owner(s.fd), group_a);
	MUST_BE(-EBADF, sigchld_fd_grab(s.fd, group_b));
	MUST_BE(1, sigchld_fd_drop(s.fd));
	ck_assert_int_eq(sigchld_fd_owner(s.fd), group_b);
	MUST_BE(-EBADF, sigchld_fd_grab(s.fd, group_a));
	MUST_BE(0, sigchld_dispatch(a));
	MUST_BE(1, sigchld_dispatch(b));
	MUST_BE(0, sigchld_fd_move(s.ref, a)); /* at once, and back */
	MUST_BE(0, sigchld_dispatch(b));
	MUST_BE(1, sigchld_dispatch(a));
	MUST_BE(0, sigchld_fd_close(s.ref));
	(void)close(s.peer);
	sigchld_free(a);
	sigchld_free(b);
}
END_TEST

START_TEST(d4_closed_while_a_move_is_pending)
{
	struct sigchld_ctx *a = open_ctx(NULL), *b = open_ctx(NULL);
	struct stream s;

	open_stream(&s, a, POLLIN);
	MUST_BE(0, sigchld_fd_grab(s.fd, sigchld_fd_group(a)));
	MUST_BE(1, sigchld_fd_move(s.ref, b));
	MUST_BE(1, sigchld_fd_close(s.ref));
	MUST_BE(1, sigchld_fd_drop(s.fd));
	ck_assert(!is_open(s.fd));
	ck_assert_int_eq(sigchld_fd_owner(s.fd), 0);
	(void)close(s.peer);
	sigchld_free(a);
	sigchld_free(b);
}
END_TEST

START_TEST(d4_its_new_context_freed_while_a_move_is_pending)
{
	struct sigchld_ctx *a = open_ctx(NULL), *b = open_ctx(NULL);
	struct stream s;

	open_stream(&s, a, POLLIN);
	MUST_BE(0, sigchld_fd_grab(s.fd, sigchld_fd_group(a)));
	MUST_BE(1, sigchld_fd_move(s.ref, b));
	sigchld_free(b);
	MUST_BE(1, sigchld_fd_drop(s.fd));
	ck_assert(is_open(s.fd));
	ck_assert_int_eq(sigchld_fd_owner(s.fd), 0);
	(void)close(s.fd);
	(void)close(s.peer);
	sigchld_free(a);
}
END_TEST

/* The old context must not keep it in its set: that would be readable for ever.
 */
START_TEST(d4_other_events_while_a_move_is_pending)
{
	static const uint32_t before[] = { 0, POLLIN, POLLOUT };
	struct sigchld_ctx *a = open_ctx(NULL), *b = open_ctx(NULL);
	struct stream s;
	size_t i;

	for (i = 0; i < 3; i++) {
		open_stream(&s, a, before[i]);
		feed(&s);
		MUST_BE(0, sigchld_fd_grab(s.fd, sigchld_fd_group(a)));
		MUST_BE(1, sigchld_fd_move(s.ref, b));
		MUST_BE(0, sigchld_fd_events(s.ref, POLLIN));
		MUST_BE(1, sigchld_fd_drop(s.fd));
		MUST_BE(0, sigchld_dispatch(a));
		ck_assert(!harness_readable(sigchld_fd(a), 0));
		ck_assert_int_eq(s.count, 0);
		MUST_BE(1, sigchld_dispatch(b));
		ck_assert_uint_eq(s.revents, POLLIN);
		MUST_BE(0, sigchld_fd_close(s.ref));
		(void)close(s.peer);
	}
	sigchld_free(a);
	sigchld_free(b);
}
END_TEST

START_TEST(move_refuses_wrong_use)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_fdref none = { 4711, 1 }, bad = { -1, 1 };
	struct stream s;

	open_stream(&s, ctx, POLLIN);
	MUST_BE(-EINVAL, sigchld_fd_move(s.ref, NULL));
	MUST_BE(-EBADF, sigchld_fd_move(none, ctx));
	MUST_BE(-EBADF, sigchld_fd_close(none));
	MUST_BE(-EBADF, sigchld_fd_remove(none));
	MUST_BE(-EBADF, sigchld_fd_events(none, POLLIN));
	MUST_BE(-EBADF, sigchld_fd_close(bad));
	MUST_BE(-EBADF, sigchld_fd_move(bad, ctx));
	MUST_BE(0, sigchld_fd_close(s.ref));
	(void)close(s.peer);
	sigchld_free(ctx);
}
END_TEST

/* Insert */

static struct sigchld_fdref no_ref = { -7, 7 };

static void
insert_fails(int want, struct sigchld_ctx *ctx, int fd, uint32_t events,
    sigchld_ready_fn *ready)
{
	struct sigchld_fdref ref = no_ref;

	MUST_BE(want, sigchld_fd_insert(ctx, &ref, fd, events, ready, NULL));
	ck_assert_int_eq(ref.fd, no_ref.fd);
	ck_assert_uint_eq(ref.generation, no_ref.generation);
}

START_TEST(d1_insert_refuses_wrong_use)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct stream s;
	int fd;

	open_stream(&s, ctx, POLLIN);
	insert_fails(-EINVAL, NULL, s.peer, POLLIN, on_ready);
	insert_fails(-EINVAL, ctx, -1, POLLIN, on_ready);
	insert_fails(-EINVAL, ctx, s.peer, POLLIN, NULL);
	insert_fails(-EBUSY, ctx, s.fd, POLLIN, on_ready);
	insert_fails(-EBUSY, ctx, sigchld_fd(ctx), POLLIN, on_ready);
	ck_assert_int_eq(sigchld_fd_owner(s.peer), 0);
#ifndef SIGCHLD_PORTABLE
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	ck_assert_int_ne(fd, -1);
	insert_fails(-ENOTSUP, ctx, fd, POLLIN, on_ready);
	ck_assert_int_eq(sigchld_fd_owner(fd), 0);
	(void)close(fd);
	insert_fails(-EBADF, ctx, fd, POLLIN, on_ready);
	ctl_fails = -ENOSPC;
	insert_fails(-ENOSPC, ctx, s.peer, POLLIN, on_ready);
	ck_assert_int_eq(sigchld_fd_owner(s.peer), 0);
#endif
	/* Closed behind the table's back: its word still stands there. */
	(void)close(s.fd);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(fd, s.fd);
	insert_fails(-EBUSY, ctx, fd, 0, NULL);
	MUST_BE(0, sigchld_fd_close(s.ref));
	(void)close(s.peer);
	sigchld_free(ctx);
}
END_TEST

START_TEST(c31_insert_without_memory_for_the_table)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	int fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 5000);

	if (fd == -1)
		harness_skip("descriptors may not be that high");
	map_fails = 1;
	insert_fails(-ENOMEM, ctx, fd, 0, NULL);
	ck_assert_int_eq(sigchld_fd_owner(fd), 0);
	MUST_BE(0, sigchld_fd_insert(ctx, NULL, fd, 0, NULL, NULL));
	ck_assert_int_eq(sigchld_fd_owner(fd), sigchld_fd_group(ctx));
	sigchld_free(ctx);
	ck_assert(is_open(fd));
	(void)close(fd);
}
END_TEST

START_TEST(questions_with_wrong_arguments)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);

	MUST_BE(-EINVAL, sigchld_fd_group(NULL));
	MUST_BE(-EINVAL, sigchld_fd_owner(-1));
	MUST_BE(0, sigchld_fd_owner(0x7fffffff));
	MUST_BE(-EINVAL, sigchld_fd_running(-1));
	MUST_BE(0, sigchld_fd_running(0x7fffffff));
	MUST_BE(-EINVAL, sigchld_fd_drop(-1));
	MUST_BE(-EINVAL, sigchld_fd_drop(0x7fffffff));
	MUST_BE(-EINVAL, sigchld_fd_grab(STDERR_FILENO, 0));
	MUST_BE(-EINVAL, sigchld_fd_grab(STDERR_FILENO, 65536));
	MUST_BE(-EINVAL, sigchld_fd_grab(-1, 1));
	MUST_BE(-EBADF, sigchld_fd_grab(0x7fffffff, sigchld_fd_group(ctx)));
	sigchld_free(ctx);
}
END_TEST

/* A callback that inserts while another thread closes its context. */

struct closing {
	struct sigchld_ctx *ctx;
	struct sigchld_child *child;
	int fd, rc;
	struct gate in;
};

static void
insert_when_closed(struct sigchld_child *child,
    const struct sigchld_event *event, void *user)
{
	struct closing *c = user;

	(void)event;
	gate_open(&c->in);
	while (sigchld_child_ctx(child) != NULL)
		(void)sched_yield();
	c->rc = sigchld_fd_insert(c->ctx, NULL, c->fd, 0, NULL, NULL);
}

static void *
dispatch_closing(void *user)
{
	(void)sigchld_dispatch(((struct closing *)user)->ctx);
	return NULL;
}

START_TEST(d1_nothing_gets_into_the_table_for_a_closed_context)
{
	struct closing c = { .in = GATE };
	struct sigchld_ctx *other = open_ctx(NULL);
	pthread_t thread;
	pid_t pid;

	c.ctx = open_ctx(NULL);
	c.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pid = watched_zombie(c.ctx, &c.child, 0, insert_when_closed, &c);
	thread = start(dispatch_closing, &c);
	gate_pass(&c.in, 1);
	sigchld_free(c.ctx);
	(void)finish(thread);
	ck_assert_int_lt(c.rc, 0);
	ck_assert_int_eq(sigchld_fd_owner(c.fd), 0);
	MUST_BE(0, sigchld_fd_insert(other, NULL, c.fd, 0, NULL, NULL));
	sigchld_free(other);
	(void)close(c.fd);
	sigchld_child_free(c.child);
	(void)waitpid(pid, NULL, WNOHANG);
}
END_TEST

/* Opening without a leak */

START_TEST(d7_opened_records_and_keeps_errno)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct sigchld_fdref ref = no_ref;
	int fd;

	MUST_BE(0, sigchld_fd_begin());
	MUST_BE(0, sigchld_fd_begin()); /* it nests */
	fd = open("/dev/null", O_RDONLY);
	errno = 4711;
	MUST_BE(0, sigchld_fd_opened(ctx, &ref, fd));
	ck_assert_int_eq(errno, 4711);
	ck_assert_int_eq(ref.fd, fd);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	errno = ENOENT;
	ref = no_ref;
	MUST_BE(-EBADF, sigchld_fd_opened(ctx, &ref, -1));
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(ref.fd, no_ref.fd);
	/* A failed one ends what was begun, too: another thread can fork. */
	MUST_BE(0, sigchld_fd_begin());
	MUST_BE(-EBUSY, sigchld_fd_opened(ctx, NULL, fd));
	ck_assert(is_open(fd));
	MUST_BE(0, sigchld_fd_begin());
	MUST_BE(-EINVAL, sigchld_fd_opened(NULL, NULL, fd));
	MUST_BE(-EBUSY, sigchld_fd_record(ctx, NULL, fd));
	MUST_BE(-EINVAL, sigchld_fd_record(ctx, NULL, -1));
	MUST_BE(-EBADF, sigchld_fd_record(ctx, NULL, 0x7ffffffe));
	sigchld_free(ctx);
	(void)close(fd);
}
END_TEST

struct forker {
	struct gate go, done;
	struct sigchld_ctx *ctx;
	int fd, code;
};

static void *
fork_thread(void *user)
{
	struct forker *f = user;
	pid_t pid;

	gate_pass(&f->go, 1);
	pid = fork();
	if (pid == 0) {
		CHILD_MUST(f->fd >= 0);
		CHILD_MUST(is_open(f->fd));
		CHILD_MUST(sigchld_postfork() == 0);
		CHILD_MUST(!is_open(f->fd));
		_exit(0);
	}
	f->code = exit_code(pid);
	gate_open(&f->done);
	return NULL;
}

START_TEST(d7_no_thread_forks_between_open_and_the_table)
{
	struct forker f = { .go = GATE, .done = GATE, .fd = -1 };
	pthread_t thread;

	f.ctx = open_ctx(NULL);
	thread = start(fork_thread, &f);
	MUST_BE(0, sigchld_fd_begin());
	gate_open(&f.go);
	ck_assert(!gate_await(&f.done, 1, 50));
	f.fd = open("/dev/null", O_RDONLY);
	MUST_BE(0, sigchld_fd_opened(f.ctx, NULL, f.fd));
	gate_pass(&f.done, 1);
	(void)finish(thread);
	ck_assert_int_eq(f.code, 0);
	ck_assert(is_open(f.fd));
	sigchld_free(f.ctx);
	(void)close(f.fd);
}
END_TEST

START_TEST(g9_in_a_forked_child_all_are_refused)
{
	struct sigchld_ctx *ctx = open_ctx(NULL);
	struct stream s;
	pid_t pid;

	open_stream(&s, ctx, POLLIN);
	pid = fork();
	if (pid == 0) {
		CHILD_MUST(sigchld_fd_begin() == -EPERM);
		CHILD_MUST(sigchld_fd_insert(ctx, NULL, s.peer, 0, NULL,
			       NULL) == -EPERM);
		CHILD_MUST(sigchld_fd_record(ctx, NULL, s.peer) == -EPERM);
		CHILD_MUST(sigchld_fd_opened(ctx, NULL, s.peer) == -EPERM);
		CHILD_MUST(sigchld_fd_events(s.ref, 0) == -EPERM);
		CHILD_MUST(sigchld_fd_group(ctx) == -EPERM);
		CHILD_MUST(sigchld_fd_owner(s.fd) == -EPERM);
		CHILD_MUST(sigchld_fd_running(s.fd) == -EPERM);
		CHILD_MUST(sigchld_fd_grab(s.fd, 1) == -EPERM);
		CHILD_MUST(sigchld_fd_drop(s.fd) == -EPERM);
		CHILD_MUST(sigchld_fd_move(s.ref, ctx) == -EPERM);
		CHILD_MUST(sigchld_fd_close(s.ref) == -EPERM);
		CHILD_MUST(sigchld_fd_remove(s.ref) == -EPERM);
		CHILD_MUST(is_open(s.fd));
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
	feed(&s);
	MUST_BE(1, sigchld_dispatch(ctx));
	MUST_BE(0, sigchld_fd_close(s.ref));
	(void)close(s.peer);
	sigchld_free(ctx);
}
END_TEST

#ifndef SIGCHLD_PORTABLE

START_TEST(c31_a_move_that_the_new_context_cannot_take_is_told)
{
	struct sigchld_ctx *a = open_ctx(NULL), *b = open_ctx(NULL);
	struct stream s;
	int rc;

	open_stream(&s, a, POLLIN);
	feed(&s);
	ctl_fails = -ENOSPC;
	rc = sigchld_fd_move(s.ref, b);
	ck_assert_msg(rc == -ENOSPC, "move gave %d", rc);
	ck_assert(is_open(s.fd));
	ck_assert_int_eq(sigchld_fd_owner(s.fd), sigchld_fd_group(a));
	MUST_BE(1, sigchld_dispatch(a));
	MUST_BE(0, sigchld_fd_close(s.ref));
	(void)close(s.peer);
	sigchld_free(a);
	sigchld_free(b);
}
END_TEST

#else

START_TEST(c31_a_move_that_the_new_context_cannot_take_is_told)
{
	harness_skip("there is no set to be refused by");
}
END_TEST

#endif

HARNESS("fds",
    {
	HARNESS_TEST(ready_is_called_while_it_is_ready),
	HARNESS_TEST(other_events_can_be_asked_for),
	HARNESS_TEST(a_hundred_busy_descriptors_all_get_their_turn),
	HARNESS_TEST(d2_grab_works_for_the_owner_alone),
	HARNESS_TEST(d3_close_while_it_is_held_is_done_by_the_last),
	HARNESS_TEST(remove_leaves_it_open),
	HARNESS_TEST(d8_a_stale_reference_does_nothing),
	HARNESS_TEST(d10_the_65536th_reference_is_refused),
	HARNESS_TEST(c23_closed_in_its_own_callback),
	HARNESS_TEST(d9_close_under_a_running_callback_is_done_after_it),
	HARNESS_TEST(d9_move_under_a_running_callback_is_done_after_it),
	HARNESS_TEST(c23_one_ready_callback_closes_the_other),
	HARNESS_TEST(c23_the_context_freed_in_a_ready_callback),
	HARNESS_TEST(d4_move_while_it_is_held_waits_for_the_last),
	HARNESS_TEST(d4_closed_while_a_move_is_pending),
	HARNESS_TEST(d4_its_new_context_freed_while_a_move_is_pending),
	HARNESS_TEST(d4_other_events_while_a_move_is_pending),
	HARNESS_TEST(move_refuses_wrong_use),
	HARNESS_TEST(d1_insert_refuses_wrong_use),
	HARNESS_TEST(c31_insert_without_memory_for_the_table),
	HARNESS_TEST(questions_with_wrong_arguments),
	HARNESS_TEST(d1_nothing_gets_into_the_table_for_a_closed_context),
	HARNESS_TEST(d7_opened_records_and_keeps_errno),
	HARNESS_TEST(d7_no_thread_forks_between_open_and_the_table),
	HARNESS_TEST(g9_in_a_forked_child_all_are_refused),
	HARNESS_TEST(c31_a_move_that_the_new_context_cannot_take_is_told),
    })
