/*
 * test_wire.c - messages between a master and its workers: whole or not at all
 *
 * wrap: sendmsg recv
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "harness.h"
#include "worker/wire.h"

int __real_sigchld__sys_sendmsg(int fd, const struct iovec *parts,
    unsigned int n);
int __wrap_sigchld__sys_sendmsg(int fd, const struct iovec *parts,
    unsigned int n);
int __real_sigchld__sys_recv(int fd, void *data, size_t size);
int __wrap_sigchld__sys_recv(int fd, void *data, size_t size);

static int refusals[8]; /* what the next calls give, 0 at the end */
static unsigned int n_calls;

static int
refusal(void)
{
	return refusals[0] == 0 ? 0 : refusals[n_calls - 1];
}

int
__wrap_sigchld__sys_sendmsg(int fd, const struct iovec *parts, unsigned int n)
{
	n_calls++;
	return refusal() != 0 ? refusal()
			      : __real_sigchld__sys_sendmsg(fd, parts, n);
}

int
__wrap_sigchld__sys_recv(int fd, void *data, size_t size)
{
	n_calls++;
	return refusal() != 0 ? refusal()
			      : __real_sigchld__sys_recv(fd, data, size);
}

static int ends[2];
static struct sigchld__wire wire;

static void
open_ends(void)
{
	ck_assert_int_eq(sigchld__wire_pair(ends), 0);
	n_calls = 0;
}

static void
close_ends(void)
{
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(close(ends[1]), 0);
}

static int
say(uint16_t type, uint64_t id, const void *data, size_t len)
{
	const struct sigchld__wire_head head = {
		.type = type,
		.id = id,
		.rc = -7,
		.status = 99,
	};

	return sigchld__wire_send(ends[0], &head, data, len);
}

static int
hear(void)
{
	memset(&wire, 0xaa, sizeof(wire));
	return sigchld__wire_receive(ends[1], &wire);
}

static void
must_hear(uint16_t type, uint64_t id, const void *data, size_t len)
{
	ck_assert_int_eq(hear(), 1);
	ck_assert_uint_eq(wire.head.type, type);
	ck_assert_uint_eq(wire.head.id, id);
	ck_assert_int_eq(wire.head.rc, -7);
	ck_assert_int_eq(wire.head.status, 99);
	ck_assert_uint_eq(wire.len, len);
	ck_assert(len == 0 || memcmp(wire.data, data, len) == 0);
}

static unsigned char *
bytes(size_t n)
{
	unsigned char *data = malloc(n + 1);
	size_t i;

	ck_assert_ptr_nonnull(data);
	for (i = 0; i < n; i++)
		data[i] = (unsigned char)(i * 7 + 3);
	return data;
}

START_TEST(r26_the_ends_are_close_on_exec_and_never_block)
{
	int i;

	open_ends();
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(fcntl(ends[i], F_GETFD), FD_CLOEXEC);
		ck_assert(fcntl(ends[i], F_GETFL) & O_NONBLOCK);
	}
	ck_assert_int_eq(hear(), 0);
	close_ends();
}
END_TEST

/* Their numbers are free, and somebody opens his standard streams later. */
START_TEST(m12_no_end_is_a_standard_stream)
{
	int saved[3], i;

	for (i = 0; i < 3; i++)
		saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
	for (i = 0; i < 3; i++)
		(void)close(i);
	i = sigchld__wire_pair(ends);
	for (i = 0; i < 3; i++)
		(void)dup2(saved[i], i);
	ck_assert_int_gt(ends[0], 2);
	ck_assert_int_gt(ends[1], 2);
	ck_assert_int_ne(ends[0], ends[1]);
	ck_assert_int_eq(fcntl(ends[0], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(ends[1], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(say(1, 2, "it", 2), 0);
	must_hear(1, 2, "it", 2);
	close_ends();
	for (i = 0; i < 3; i++)
		(void)close(saved[i]);
}
END_TEST

START_TEST(a_message_comes_as_it_went)
{
	static const size_t sizes[] = { 0, 1, 100, 4096, SIGCHLD__WIRE_MOST - 1,
		SIGCHLD__WIRE_MOST };
	unsigned char *data = bytes(SIGCHLD__WIRE_MOST);
	unsigned int i;

	open_ends();
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ck_assert_int_eq(say((uint16_t)(i + 1), UINT64_MAX - i, data,
				     sizes[i]),
		    0);
		must_hear((uint16_t)(i + 1), UINT64_MAX - i, data, sizes[i]);
		ck_assert_int_eq(hear(), 0);
	}
	close_ends();
	free(data);
}
END_TEST

START_TEST(messages_do_not_run_together)
{
	open_ends();
	ck_assert_int_eq(say(1, 1, "one", 3), 0);
	ck_assert_int_eq(say(2, 2, NULL, 0), 0);
	ck_assert_int_eq(say(3, 3, "three", 5), 0);
	must_hear(1, 1, "one", 3);
	must_hear(2, 2, NULL, 0);
	must_hear(3, 3, "three", 5);
	ck_assert_int_eq(hear(), 0);
	close_ends();
}
END_TEST

START_TEST(what_is_too_large_is_refused_at_either_end)
{
	unsigned char *data = bytes(SIGCHLD__WIRE_MOST + 1);
	struct sigchld__wire_head head = { .magic = SIGCHLD__WIRE_MAGIC,
		.type = 1 };
	struct iovec parts[2] = {
		{ .iov_base = &head, .iov_len = sizeof(head) },
		{ .iov_base = data, .iov_len = SIGCHLD__WIRE_MOST + 1 },
	};

	open_ends();
	ck_assert_int_eq(say(1, 1, data, SIGCHLD__WIRE_MOST + 1), -EMSGSIZE);
	ck_assert_uint_eq(n_calls, 0);
	ck_assert_int_gt(writev(ends[0], parts, 2), 0);
	ck_assert_int_eq(hear(), -EPROTO);
	ck_assert_int_eq(say(1, 1, "next", 4), 0);
	must_hear(1, 1, "next", 4);
	close_ends();
	free(data);
}
END_TEST

/* W1: four answers under way, and a hundred lines besides. */
START_TEST(there_is_room_for_what_may_be_under_way)
{
	unsigned char *data = bytes(SIGCHLD__WIRE_MOST);
	int i;

	open_ends();
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(say(3, 1, data, SIGCHLD__WIRE_MOST), 0);
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(say(2, 1, data, 255), 0);
	for (i = 0; i < 4; i++)
		must_hear(3, 1, data, SIGCHLD__WIRE_MOST);
	close_ends();
	free(data);
}
END_TEST

START_TEST(a_full_socket_refuses_and_loses_nothing)
{
	unsigned char *data = bytes(SIGCHLD__WIRE_MOST);
	unsigned int n = 0, i;
	int rc;

	open_ends();
	while ((rc = say(1, n, data, SIGCHLD__WIRE_MOST)) == 0)
		ck_assert_uint_lt(++n, 1000);
	ck_assert_int_eq(rc, -EAGAIN);
	for (i = 0; i < n; i++)
		must_hear(1, i, data, SIGCHLD__WIRE_MOST);
	ck_assert_int_eq(hear(), 0);
	close_ends();
	free(data);
}
END_TEST

START_TEST(m9_who_is_gone_is_seen)
{
	open_ends();
	ck_assert_int_eq(say(1, 1, "last", 4), 0);
	ck_assert_int_eq(close(ends[0]), 0);
	must_hear(1, 1, "last", 4);
	ck_assert_int_eq(hear(), -EPIPE);
	ck_assert_int_eq(hear(), -EPIPE);
	ends[0] = ends[1];
	ck_assert_int_eq(say(1, 1, "nobody", 6), -EPIPE); /* no SIGPIPE */
	ck_assert_int_eq(close(ends[1]), 0);
}
END_TEST

/* A peer that closes with something of ours unread. */
START_TEST(m9_who_is_gone_without_reading_is_seen)
{
	open_ends();
	ck_assert_int_eq(sigchld__wire_send(ends[1],
			     &(struct sigchld__wire_head){ .type = 1 }, "x", 1),
	    0);
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(hear(), -EPIPE);
	ck_assert_int_eq(hear(), -EPIPE);
	ck_assert_int_eq(close(ends[1]), 0);
}
END_TEST

START_TEST(m14_what_is_no_message_is_dropped)
{
	struct sigchld__wire_head head = { .magic = SIGCHLD__WIRE_MAGIC,
		.type = 1 };

	open_ends();
	ck_assert_int_eq(write(ends[0], "rubbish", 7), 7);
	ck_assert_int_eq(hear(), -EPROTO);
	ck_assert_int_eq(write(ends[0], &head, sizeof(head) - 1),
	    sizeof(head) - 1);
	ck_assert_int_eq(hear(), -EPROTO);
	head.magic ^= 1;
	ck_assert_int_eq(write(ends[0], &head, sizeof(head)), sizeof(head));
	ck_assert_int_eq(hear(), -EPROTO);
	head.magic ^= 1;
	head.zero = 1;
	ck_assert_int_eq(write(ends[0], &head, sizeof(head)), sizeof(head));
	ck_assert_int_eq(hear(), -EPROTO);
	head.zero = 0;
	ck_assert_int_eq(write(ends[0], &head, sizeof(head)), sizeof(head));
	ck_assert_int_eq(hear(), 1);
	close_ends();
}
END_TEST

START_TEST(an_interrupted_call_is_made_again)
{
	open_ends();
	refusals[0] = refusals[1] = -EINTR;
	ck_assert_int_eq(say(1, 1, "it", 2), 0);
	ck_assert_uint_eq(n_calls, 3);
	n_calls = 0;
	must_hear(1, 1, "it", 2);
	ck_assert_uint_eq(n_calls, 3);
	close_ends();
}
END_TEST

START_TEST(an_error_is_told_as_what_it_is)
{
	static const struct {
		int is, sent, heard;
	} errors[] = {
		{ -ECONNRESET, -EPIPE, -EPIPE },
		{ -ENOTCONN, -EPIPE, -EPIPE },
		{ -EAGAIN, -EAGAIN, 0 },
		{ -ENOBUFS, -ENOBUFS, -ENOBUFS },
	};
	unsigned int i;

	open_ends();
	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		n_calls = 0;
		refusals[0] = errors[i].is;
		ck_assert_int_eq(say(1, 1, "it", 2), errors[i].sent);
		n_calls = 0;
		ck_assert_int_eq(hear(), errors[i].heard);
	}
	close_ends();
}
END_TEST

HARNESS("wire",
    {
	HARNESS_TEST(r26_the_ends_are_close_on_exec_and_never_block),
	HARNESS_TEST(m12_no_end_is_a_standard_stream),
	HARNESS_TEST(a_message_comes_as_it_went),
	HARNESS_TEST(messages_do_not_run_together),
	HARNESS_TEST(what_is_too_large_is_refused_at_either_end),
	HARNESS_TEST(there_is_room_for_what_may_be_under_way),
	HARNESS_TEST(a_full_socket_refuses_and_loses_nothing),
	HARNESS_TEST(m9_who_is_gone_is_seen),
	HARNESS_TEST(m9_who_is_gone_without_reading_is_seen),
	HARNESS_TEST(m14_what_is_no_message_is_dropped),
	HARNESS_TEST(an_interrupted_call_is_made_again),
	HARNESS_TEST(an_error_is_told_as_what_it_is),
    })
