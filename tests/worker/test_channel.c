/*
 * test_channel.c - frames arrive whole, once and in order, and nobody blocks
 *
 * Both ends are in this process, unless a test is about a reader that is
 * stopped or dead.
 *
 * wrap: sendmsg recv room buffer
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "worker/channel.h"
#include "worker/sys.h"

#define HEAD   sizeof(struct sigchld__frame_head)
#define KIB    ((size_t)1024)
#define MIB    (1024 * KIB)
#define NO_END UINT64_MAX

/* How the calls of one direction go. */
static struct knob {
	size_t most;    /* bytes for a call; 0: as many as there are */
	int stumble;    /* -errno in place of each other call, the first too */
	bool stumbled;  /* in the call before */
	bool pretends;  /* to have done all of it, if it is more than a head */
	int n_calls;    /* since somebody set it to 0 */
	size_t largest; /* bytes that a call was asked for */
} sending, receiving;

static int n_room; /* since somebody set it to 0 */
static bool room_fails, buffer_fails;
static int n_buffers; /* taken from the allocator */
static void *room_is; /* NULL: what there is */

int __real_sigchld__sys_sendmsg(int fd, const struct iovec *parts,
    unsigned int n);
int __wrap_sigchld__sys_sendmsg(int fd, const struct iovec *parts,
    unsigned int n);
int __real_sigchld__sys_recv(int fd, void *data, size_t size);
int __wrap_sigchld__sys_recv(int fd, void *data, size_t size);
void *__real_sigchld__sys_room(size_t size);
void *__wrap_sigchld__sys_room(size_t size);
void *__real_sigchld__sys_buffer(size_t size);
void *__wrap_sigchld__sys_buffer(size_t size);

static bool
stumbles(struct knob *knob, size_t asked)
{
	knob->n_calls++;
	if (asked > knob->largest)
		knob->largest = asked;
	knob->stumbled = knob->stumble != 0 && !knob->stumbled;
	return knob->stumbled;
}

static size_t
allowed(const struct knob *knob, size_t asked)
{
	return knob->most != 0 && asked > knob->most ? knob->most : asked;
}

int
__wrap_sigchld__sys_sendmsg(int fd, const struct iovec *parts, unsigned int n)
{
	struct iovec cut[IOV_MAX];
	size_t asked = 0, left;
	unsigned int i;

	for (i = 0; i < n; i++)
		asked += parts[i].iov_len;
	if (stumbles(&sending, asked))
		return sending.stumble;
	if (sending.pretends)
		return (int)asked;
	left = allowed(&sending, asked);
	for (i = 0; left > 0; i++) {
		cut[i] = parts[i];
		if (cut[i].iov_len > left)
			cut[i].iov_len = left;
		left -= cut[i].iov_len;
	}
	return __real_sigchld__sys_sendmsg(fd, cut, i);
}

int
__wrap_sigchld__sys_recv(int fd, void *data, size_t size)
{
	if (stumbles(&receiving, size))
		return receiving.stumble;
	if (receiving.pretends && size > SIGCHLD__AHEAD)
		return (int)size;
	return __real_sigchld__sys_recv(fd, data, allowed(&receiving, size));
}

void *
__wrap_sigchld__sys_room(size_t size)
{
	n_room++;
	if (room_fails)
		return NULL;
	return room_is != NULL ? room_is : __real_sigchld__sys_room(size);
}

void *
__wrap_sigchld__sys_buffer(size_t size)
{
	if (buffer_fails)
		return NULL;
	n_buffers++;
	return __real_sigchld__sys_buffer(size);
}

/* Two ends */

static struct sigchld__channel a, b;
static struct sigchld__spare spare; /* of both */

static void
open_ends(uint64_t most)
{
	int fds[2];

	ck_assert_int_eq(sigchld__channel_pair(fds), 0);
	sigchld__channel_init(&a, fds[0], most, &spare);
	sigchld__channel_init(&b, fds[1], most, &spare);
}

static void
close_end(struct sigchld__channel *end)
{
	if (end->fd < 0)
		return;
	sigchld__channel_clear(end);
	ck_assert_int_eq(close(end->fd), 0);
	end->fd = -1;
}

static void
close_ends(void)
{
	close_end(&a);
	close_end(&b);
	free(spare.memory);
	spare.memory = NULL;
}

/* Bytes of which no two stretches are alike, with NULs among them. */
static char *
bytes(size_t size)
{
	char *data = malloc(size + 1);
	size_t i;

	ck_assert_ptr_nonnull(data);
	for (i = 0; i < size; i++)
		data[i] = (char)((i * UINT64_C(0x9e3779b97f4a7c15)) >> 56);
	return data;
}

static struct sigchld__frame
frame_of(uint64_t id, const void *payload, size_t size)
{
	return (struct sigchld__frame){
		.head = { .type = 7, .id = id, .size = size },
		.payload = payload,
	};
}

/* Receive, and be done with it: the payload is a copy, to free(). */
static int
take(struct sigchld__channel *from, struct sigchld__message *ret_message)
{
	struct sigchld__message message;
	char *copy = NULL;
	int rc = sigchld__channel_receive(from, &message);

	if (rc != 1)
		return rc;
	ck_assert_uint_eq((uintptr_t)message.payload % 16, 0);
	if (message.payload != NULL) {
		copy = malloc(message.size);
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, message.payload, message.size);
	}
	sigchld__channel_done(from);
	*ret_message = message;
	ret_message->payload = copy;
	return 1;
}

/* Checks and frees it. */
static void
must_be(struct sigchld__message *message, uint64_t id, const char *payload,
    size_t size)
{
	ck_assert_uint_eq(message->type, 7);
	ck_assert_uint_eq(message->id, id);
	ck_assert_uint_eq(message->size, size);
	ck_assert((message->payload == NULL) == (size == 0));
	if (size > 0)
		ck_assert(memcmp(message->payload, payload, size) == 0);
	free((void *)(uintptr_t)message->payload);
}

static void
must_be_drained(struct sigchld__channel *from, struct sigchld__channel *to)
{
	struct sigchld__message message;
	unsigned int sent = 4711;

	ck_assert_int_eq(sigchld__channel_flush(from, &sent), 1);
	ck_assert_uint_eq(sent, 0);
	ck_assert_int_eq(take(to, &message), 0);
	ck_assert_uint_eq(to->got, 0);
}

/* Turn by turn, until so many have arrived. As many have left then. */
static void
carry(struct sigchld__channel *from, struct sigchld__channel *to,
    struct sigchld__message *messages, unsigned int n)
{
	int64_t until = harness_now_ms() + harness_patience_ms();
	unsigned int in = 0, out = 0, sent;
	int rc;

	while (in < n) {
		rc = sigchld__channel_flush(from, &sent);
		if (rc < 0)
			ck_abort_msg("flush: %s", strerror(-rc));
		out += sent;
		rc = take(to, &messages[in]);
		if (rc < 0)
			ck_abort_msg("receive: %s", strerror(-rc));
		in += (unsigned int)rc;
		if (harness_now_ms() >= until)
			ck_abort_msg("%u of %u arrived", in, n);
	}
	ck_assert_uint_eq(out, n);
	ck_assert_ptr_null(from->out);
}

static void
carry_one(struct sigchld__channel *from, struct sigchld__channel *to,
    size_t size)
{
	char *payload = bytes(size);
	struct sigchld__frame frame = frame_of(size + 1, payload, size);
	struct sigchld__message message;

	sigchld__channel_push(from, &frame);
	carry(from, to, &message, 1);
	must_be(&message, size + 1, payload, size);
	free(payload);
}

/* These bytes are in the socket, written by somebody else. */
static void
put(int fd, const void *data, size_t size)
{
	ck_assert_int_eq(send(fd, data, size, MSG_NOSIGNAL), (ssize_t)size);
}

static struct sigchld__frame_head
head_of(uint64_t size)
{
	return (struct sigchld__frame_head){
		.magic = SIGCHLD__FRAME_MAGIC,
		.type = 7,
		.id = 1,
		.size = size,
	};
}

/* And for ever. */
static void
must_fail(struct sigchld__channel *channel, int error)
{
	struct sigchld__message message = { .id = 4711 };
	int i;

	for (i = 0; i < 3; i++)
		ck_assert_int_eq(take(channel, &message), error);
	ck_assert_uint_eq(message.id, 4711);
}

/* P17: what goes in comes out */

static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 65535, 65536, 65537,
	1048576, 16777216 };
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))
#define N_SMALL 5 /* up to 4097 */

START_TEST(p17_each_size_arrives_once_and_byte_exact)
{
	size_t i;

	open_ends(16 * MIB);
	for (i = 0; i < N_SIZES; i++) {
		carry_one(&a, &b, sizes[i]);
		must_be_drained(&a, &b);
		carry_one(&b, &a, sizes[i]);
		must_be_drained(&b, &a);
	}
	close_ends();
}
END_TEST

static void
carry_small(size_t out, size_t in)
{
	size_t i;

	open_ends(MIB);
	sending.most = out;
	receiving.most = in;
	for (i = 0; i < N_SMALL; i++) {
		carry_one(&a, &b, sizes[i]);
		carry_one(&b, &a, sizes[i]);
	}
	must_be_drained(&a, &b);
	close_ends();
}

START_TEST(p17_a_byte_at_a_time_is_written)
{
	carry_small(1, 0);
}
END_TEST

START_TEST(p17_a_byte_at_a_time_is_read)
{
	carry_small(0, 1);
}
END_TEST

START_TEST(p17_a_byte_at_a_time_both_ways)
{
	carry_small(1, 1);
}
END_TEST

/* The first write of two is cut there, and so is what the other end finds. */
static void
cut_at(size_t at, struct sigchld__frame *frames)
{
	struct sigchld__message messages[2];
	unsigned int sent;

	sigchld__channel_push(&a, &frames[0]);
	sigchld__channel_push(&a, &frames[1]);
	sending.most = at;
	ck_assert_int_eq(sigchld__channel_flush(&a, &sent), 0);
	sending.most = 0;
	ck_assert_uint_eq(sent, at >= HEAD + 5 ? 1 : 0);
	ck_assert_int_eq(take(&b, &messages[0]), at >= HEAD + 5 ? 1 : 0);
	if (at < HEAD + 5)
		ck_assert_uint_eq(b.got, at);
	ck_assert_int_eq(sigchld__channel_flush(&a, &sent), 1);
	ck_assert_uint_eq(sent, at >= HEAD + 5 ? 1 : 2);
	if (at < HEAD + 5)
		ck_assert_int_eq(take(&b, &messages[0]), 1);
	ck_assert_int_eq(take(&b, &messages[1]), 1);
	must_be(&messages[0], 1, "first", 5);
	must_be(&messages[1], 2, "other", 5);
}

START_TEST(p17_cut_at_each_byte)
{
	struct sigchld__frame frames[2];
	size_t at;

	open_ends(MIB);
	for (at = 1; at < 2 * (HEAD + 5); at++) {
		frames[0] = frame_of(1, "first", 5);
		frames[1] = frame_of(2, "other", 5);
		cut_at(at, frames);
		ck_assert_ptr_null(frames[0].next);
	}
	must_be_drained(&a, &b);
	close_ends();
}
END_TEST

START_TEST(p17_each_call_interrupted)
{
	struct sigchld__frame frame = frame_of(1, "0123456789", 10);
	struct sigchld__message message;

	open_ends(16 * MIB);
	sending.stumble = receiving.stumble = -EINTR;
	sigchld__channel_push(&a, &frame);
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 1);
	ck_assert_int_eq(sending.n_calls, 2);
	ck_assert_int_eq(take(&b, &message), 1);
	ck_assert_int_eq(receiving.n_calls, 2);
	must_be(&message, 1, "0123456789", 10);
	carry_one(&b, &a, 4 * MIB);
	must_be_drained(&b, &a);
	close_ends();
}
END_TEST

START_TEST(p17_each_call_would_block)
{
	struct sigchld__frame frame = frame_of(1, "0123456789", 10);
	struct sigchld__message message;

	open_ends(16 * MIB);
	sending.stumble = receiving.stumble = -EAGAIN;
	sigchld__channel_push(&a, &frame);
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 0);
	ck_assert_uint_eq(frame.sent, 0);
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 1);
	ck_assert_int_eq(take(&b, &message), 0);
	ck_assert_uint_eq(b.got, 0);
	ck_assert_int_eq(take(&b, &message), 1);
	must_be(&message, 1, "0123456789", 10);
	carry_one(&b, &a, 4 * MIB);
	must_be_drained(&b, &a);
	close_ends();
}
END_TEST

#define N_FRAMES 5

START_TEST(p17_frames_pushed_while_one_is_half_out)
{
	static const size_t each[N_FRAMES] = { 4 * MIB, 0, 100, MIB, 1 };
	struct sigchld__message messages[N_FRAMES];
	struct sigchld__frame frames[N_FRAMES];
	char *payload = bytes(4 * MIB);
	unsigned int i, sent;

	open_ends(16 * MIB);
	frames[0] = frame_of(1, payload, each[0]);
	sigchld__channel_push(&a, &frames[0]);
	ck_assert_int_eq(sigchld__channel_flush(&a, &sent), 0);
	ck_assert_uint_eq(sent, 0);
	ck_assert_uint_gt(frames[0].sent, HEAD);
	for (i = 1; i < N_FRAMES; i++) {
		frames[i] = frame_of(1 + i, payload, each[i]);
		sigchld__channel_push(&a, &frames[i]);
	}
	carry(&a, &b, messages, N_FRAMES);
	for (i = 0; i < N_FRAMES; i++)
		must_be(&messages[i], 1 + i, payload, each[i]);
	must_be_drained(&a, &b);
	close_ends();
	free(payload);
}
END_TEST

#define N_MANY 100

START_TEST(p17_more_frames_than_a_call_takes)
{
	struct sigchld__message messages[N_MANY];
	struct sigchld__frame frames[N_MANY];
	char *payload = bytes(N_MANY);
	unsigned int i, sent;

	open_ends(MIB);
	for (i = 0; i < N_MANY; i++) {
		frames[i] = frame_of(1 + i, payload + i, i % 3);
		sigchld__channel_push(&a, &frames[i]);
	}
	ck_assert_int_eq(sigchld__channel_flush(&a, &sent), 0);
	ck_assert_uint_gt(sent, 1);
	for (i = 0; i < sent; i++)
		ck_assert_int_eq(take(&b, &messages[i]), 1);
	carry(&a, &b, messages + sent, N_MANY - sent);
	for (i = 0; i < N_MANY; i++)
		must_be(&messages[i], 1 + i, payload + i, i % 3);
	must_be_drained(&a, &b);
	close_ends();
	free(payload);
}
END_TEST

/* They go out together, and those that fit wholly into one call in one call. */
START_TEST(p17_a_few_frames_are_one_call)
{
	struct sigchld__frame frames[3];
	struct sigchld__message message;
	unsigned int i, sent;

	open_ends(MIB);
	for (i = 0; i < 3; i++) {
		frames[i] = frame_of(1 + i, "payload", i);
		sigchld__channel_push(&a, &frames[i]);
	}
	ck_assert_int_eq(sigchld__channel_flush(&a, &sent), 1);
	ck_assert_uint_eq(sent, 3);
	ck_assert_int_eq(sending.n_calls, 1);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(take(&b, &message), 1);
		must_be(&message, 1 + i, "payload", i);
	}
	close_ends();
}
END_TEST

/* Whatever is in it besides what the sender sets. */
START_TEST(p17_a_frame_is_used_again)
{
	struct sigchld__frame frame = frame_of(1, "payload", 7);
	struct sigchld__message message;
	int i;

	open_ends(MIB);
	for (i = 0; i < 3; i++) {
		frame.next = &frame;
		frame.head.magic = 4711;
		frame.head.zero = 4711;
		sigchld__channel_push(&a, &frame);
		carry(&a, &b, &message, 1);
		must_be(&message, 1, "payload", 7);
		ck_assert_ptr_null(frame.next);
	}
	must_be_drained(&a, &b);
	close_ends();
}
END_TEST

/* Each has more to say than the socket takes. If it did not read before all of
 * its own is out, both would wait for ever. */
START_TEST(p17_both_ways_at_once)
{
	char *payload = bytes(4 * MIB);
	struct sigchld__frame to_b = frame_of(1, payload, 4 * MIB);
	struct sigchld__frame to_a = frame_of(2, payload, 3 * MIB);
	struct sigchld__message at_b, at_a;

	open_ends(16 * MIB);
	sigchld__channel_push(&a, &to_b);
	sigchld__channel_push(&b, &to_a);
	ck_assert_int_eq(sigchld__channel_flush(&b, NULL), 0);
	carry(&a, &b, &at_b, 1);
	carry(&b, &a, &at_a, 1);
	must_be(&at_b, 1, payload, 4 * MIB);
	must_be(&at_a, 2, payload, 3 * MIB);
	close_ends();
	free(payload);
}
END_TEST

#define HUGE_SIZE (3 * 1024 * MIB) /* more than an int counts */

/* Memory that nobody may touch. */
static void *
forbidden(size_t size)
{
	void *map = mmap(NULL, size, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ck_assert_ptr_ne(map, MAP_FAILED);
	return map;
}

START_TEST(p17_no_call_gives_more_than_an_int_counts)
{
	struct sigchld__frame_head head = head_of(HUGE_SIZE);
	struct sigchld__message message;
	struct sigchld__frame frame;
	int rc;

	open_ends(NO_END);
	room_is = forbidden(HUGE_SIZE);
	frame = frame_of(1, room_is, HUGE_SIZE);
	sending.pretends = receiving.pretends = true;
	sigchld__channel_push(&a, &frame);
	while ((rc = sigchld__channel_flush(&a, NULL)) == 0)
		continue;
	ck_assert_int_eq(rc, 1);
	ck_assert_uint_eq(frame.sent, HEAD + HUGE_SIZE);
	ck_assert_uint_le(sending.largest, INT_MAX);
	put(a.fd, &head, HEAD);
	while ((rc = sigchld__channel_receive(&b, &message)) == 0)
		continue;
	ck_assert_int_eq(rc, 1);
	ck_assert_ptr_eq(message.payload, room_is);
	ck_assert_uint_eq(message.size, HUGE_SIZE);
	ck_assert_uint_le(receiving.largest, INT_MAX);
	ck_assert_int_eq(munmap(room_is, HUGE_SIZE), 0);
	b.payload = NULL;
	close_ends();
}
END_TEST

/* P19: nobody blocks */

static bool
await_fd(int fd, short events)
{
	struct pollfd pollfd = { .fd = fd, .events = events };

	return poll(&pollfd, 1, (int)harness_patience_ms()) == 1;
}

/* The exit status of a worker that takes one message and compares it. */
static int
work(const char *payload, size_t size)
{
	struct sigchld__message message;
	int rc;

	while ((rc = take(&b, &message)) == 0)
		if (!await_fd(b.fd, POLLIN))
			return 2;
	if (rc != 1 || message.size != size)
		return 3;
	return memcmp(message.payload, payload, size) == 0 ? 0 : 4;
}

static pid_t
fork_worker(const char *payload, size_t size)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)close(a.fd);
		_exit(work(payload, size));
	}
	close_end(&b);
	return pid;
}

static void
stop(pid_t pid)
{
	int status;

	ck_assert_int_eq(kill(pid, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
	ck_assert(WIFSTOPPED(status));
}

/* Gives how much the socket takes. */
static uint64_t
flush_to_the_brim(const struct sigchld__frame *frame)
{
	uint64_t before;

	do {
		before = frame->sent;
		ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 0);
	} while (frame->sent > before);
	return before;
}

static void
must_exit(pid_t pid, int code)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == code,
	    "ended with status %#x", (unsigned int)status);
}

START_TEST(p19_a_stopped_reader_holds_nobody_up)
{
	char *payload = bytes(4 * MIB);
	struct sigchld__frame frame = frame_of(1, payload, 4 * MIB);
	uint64_t taken;
	pid_t pid;

	open_ends(16 * MIB);
	pid = fork_worker(payload, 4 * MIB);
	stop(pid);
	sigchld__channel_push(&a, &frame);
	taken = flush_to_the_brim(&frame);
	ck_assert_uint_gt(taken, HEAD);
	ck_assert_uint_lt(taken, 4 * MIB);
	ck_assert_int_eq(kill(pid, SIGCONT), 0);
	while (sigchld__channel_flush(&a, NULL) == 0)
		ck_assert(await_fd(a.fd, POLLOUT));
	ck_assert_ptr_null(a.out);
	must_exit(pid, 0);
	close_ends();
	free(payload);
}
END_TEST

static void
make_blocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	ck_assert_int_ne(flags & O_NONBLOCK, 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, flags & ~O_NONBLOCK), 0);
}

START_TEST(p19_a_socket_made_to_block_does_not)
{
	char *payload = bytes(4 * MIB);
	struct sigchld__frame frame = frame_of(1, payload, 4 * MIB);
	struct sigchld__message message;

	open_ends(16 * MIB);
	make_blocking(a.fd);
	make_blocking(b.fd);
	ck_assert_int_eq(take(&b, &message), 0);
	sigchld__channel_push(&a, &frame);
	ck_assert_uint_lt(flush_to_the_brim(&frame), 4 * MIB);
	carry(&a, &b, &message, 1);
	must_be(&message, 1, payload, 4 * MIB);
	close_ends();
	free(payload);
}
END_TEST

/* However much there is to do. */
START_TEST(p19_a_turn_is_a_call_or_two)
{
	char *payload = bytes(16 * MIB);
	struct sigchld__frame frame = frame_of(1, payload, 16 * MIB);
	struct sigchld__message message;

	open_ends(16 * MIB);
	sigchld__channel_push(&a, &frame);
	while (b.got <= 8 * MIB) {
		sending.n_calls = receiving.n_calls = 0;
		ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 0);
		ck_assert_int_eq(sending.n_calls, 1);
		ck_assert_int_eq(take(&b, &message), 0);
		ck_assert_int_le(receiving.n_calls, 2);
	}
	ck_assert_uint_le(sending.largest, MIB + HEAD);
	ck_assert_uint_le(receiving.largest, MIB + HEAD);
	close_ends();
	free(payload);
}
END_TEST

/* Nobody has to hear that he would block. */
START_TEST(p19_a_small_message_is_one_call_out_and_one_in)
{
	struct sigchld__message message;
	struct sigchld__frame frame;

	open_ends(MIB);
	frame = frame_of(1, "payload", 7);
	sigchld__channel_push(&a, &frame);
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 1);
	ck_assert_int_eq(sending.n_calls, 1);
	ck_assert_int_eq(take(&b, &message), 1);
	ck_assert_int_eq(receiving.n_calls, 1);
	ck_assert(!sigchld__channel_is_ahead(&b));
	must_be(&message, 1, "payload", 7);
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 1);
	ck_assert_int_eq(sending.n_calls, 1);
	close_ends();
}
END_TEST

/* The socket has nothing more to tell of, so the channel must. */
START_TEST(p19_small_messages_come_in_by_one_call)
{
	struct sigchld__message message;
	struct sigchld__frame frames[3] = { frame_of(1, "one", 3),
		frame_of(2, NULL, 0), frame_of(3, "three", 5) };
	int i;

	open_ends(MIB);
	for (i = 0; i < 3; i++)
		sigchld__channel_push(&a, &frames[i]);
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 1);
	ck_assert_int_eq(take(&b, &message), 1);
	must_be(&message, 1, "one", 3);
	ck_assert(sigchld__channel_is_ahead(&b));
	ck_assert_int_eq(take(&b, &message), 1);
	must_be(&message, 2, NULL, 0);
	ck_assert(sigchld__channel_is_ahead(&b));
	ck_assert_int_eq(take(&b, &message), 1);
	must_be(&message, 3, "three", 5);
	ck_assert(!sigchld__channel_is_ahead(&b));
	ck_assert_int_eq(receiving.n_calls, 1);
	close_ends();
}
END_TEST

START_TEST(p19_a_larger_one_takes_two_calls_and_leaves_the_next)
{
	char *payload = bytes(2 * SIGCHLD__AHEAD);
	struct sigchld__message message;
	struct sigchld__frame frames[2] = {
		frame_of(1, payload, 2 * SIGCHLD__AHEAD),
		frame_of(2, "next", 4),
	};

	open_ends(MIB);
	sigchld__channel_push(&a, &frames[0]);
	sigchld__channel_push(&a, &frames[1]);
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 1);
	ck_assert_int_eq(take(&b, &message), 1);
	ck_assert_int_eq(receiving.n_calls, 2);
	must_be(&message, 1, payload, 2 * SIGCHLD__AHEAD);
	ck_assert(!sigchld__channel_is_ahead(&b));
	ck_assert_int_eq(take(&b, &message), 1);
	ck_assert_int_eq(receiving.n_calls, 3);
	must_be(&message, 2, "next", 4);
	close_ends();
	free(payload);
}
END_TEST

static bool
sleeps(pid_t pid)
{
	char path[64], state = '?';
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = '?';
	(void)fclose(file);
	return state == 'S';
}

static void
await_sleep(pid_t pid)
{
	int64_t deadline = harness_now_ms() + harness_patience_ms();

	while (!sleeps(pid) && harness_now_ms() < deadline)
		(void)sched_yield();
}

/* Another process writes when this one sleeps in the kernel. */
START_TEST(p19_who_asked_to_block_does_until_something_comes)
{
	struct sigchld__frame frame = frame_of(1, "payload", 7);
	struct sigchld__message message;
	pid_t pid, reader = getpid();

	open_ends(MIB);
	ck_assert_int_eq(sigchld__channel_block(&b), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		await_sleep(reader);
		sigchld__channel_push(&a, &frame);
		_exit(sigchld__channel_flush(&a, NULL) == 1 ? 0 : 1);
	}
	ck_assert_int_eq(take(&b, &message), 1);
	must_be(&message, 1, "payload", 7);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	close_ends();
}
END_TEST

/* A frame that the socket cannot hold, by one call: it waits for the reader. */
START_TEST(p19_who_asked_to_block_does_until_all_is_out)
{
	char *payload = bytes(MIB);
	struct sigchld__frame frame = frame_of(1, payload, MIB);
	struct sigchld__message message;
	pid_t pid, writer = getpid();
	int rc, status;

	open_ends(MIB);
	ck_assert_int_eq(sigchld__channel_block(&a), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		await_sleep(writer);
		do
			rc = take(&b, &message);
		while (rc == 0);
		_exit(rc == 1 && message.size == MIB ? 0 : 1);
	}
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 1);
	sigchld__channel_push(&a, &frame);
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	free(payload);
	close_ends();
}
END_TEST

/* P20: the end of the other end */

static void
expose_to_sigpipe(void)
{
	sigset_t pipe;

	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	ck_assert(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
	ck_assert_int_eq(sigprocmask(SIG_UNBLOCK, &pipe, NULL), 0);
}

static void
must_be_broken(struct sigchld__frame *frame)
{
	unsigned int sent = 4711;
	int i;

	for (i = 0; i < 3; i++)
		ck_assert_int_eq(sigchld__channel_flush(&a, &sent), -EPIPE);
	ck_assert_uint_eq(sent, 4711);
	ck_assert_ptr_eq(a.out, frame);
	must_fail(&a, -EPIPE);
}

START_TEST(p20_a_dead_reader_and_no_signal)
{
	struct sigchld__frame frame = frame_of(1, "payload", 7);
	pid_t pid;

	expose_to_sigpipe();
	open_ends(MIB);
	pid = fork_worker("payload", 7);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	harness_await_zombie(pid);
	sigchld__channel_push(&a, &frame);
	must_be_broken(&frame);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	close_ends();
}
END_TEST

/* The kernel says ECONNRESET, once. */
START_TEST(p20_a_reader_that_dies_with_bytes_unread)
{
	struct sigchld__frame first = frame_of(1, "payload", 7);
	struct sigchld__frame other = frame_of(2, "payload", 7);

	expose_to_sigpipe();
	open_ends(MIB);
	sigchld__channel_push(&a, &first);
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 1);
	close_end(&b);
	must_fail(&a, -EPIPE);
	sigchld__channel_push(&a, &other);
	must_be_broken(&other);
	close_ends();
}
END_TEST

START_TEST(p20_a_reset_is_an_end_to_who_writes)
{
	struct sigchld__frame frame = frame_of(1, "payload", 7);

	open_ends(MIB);
	sigchld__channel_push(&a, &frame);
	sending.stumble = -ECONNRESET;
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), -EPIPE);
	ck_assert_uint_eq(frame.sent, 0);
	close_ends();
}
END_TEST

/* A worker's last words. */
START_TEST(p20_what_came_before_the_end_is_received)
{
	struct sigchld__frame last = frame_of(1, "payload", 7);
	struct sigchld__frame frame = frame_of(2, "too late", 8);
	struct sigchld__message message;

	expose_to_sigpipe();
	open_ends(MIB);
	put(a.fd, "unread", 6);
	sigchld__channel_push(&b, &last);
	ck_assert_int_eq(sigchld__channel_flush(&b, NULL), 1);
	close_end(&b);
	sigchld__channel_push(&a, &frame);
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), -EPIPE);
	ck_assert_int_eq(take(&a, &message), 1);
	must_be(&message, 1, "payload", 7);
	must_be_broken(&frame);
	close_ends();
}
END_TEST

/* After a want of memory of the kernel's it goes on where it was. */
START_TEST(p20_other_errors_are_told_and_change_nothing)
{
	struct sigchld__frame frame = frame_of(1, "payload", 7);
	struct sigchld__message message;
	unsigned int sent = 4711;

	open_ends(MIB);
	sigchld__channel_push(&a, &frame);
	sending.stumble = receiving.stumble = -ENOBUFS;
	ck_assert_int_eq(sigchld__channel_flush(&a, &sent), -ENOBUFS);
	ck_assert_uint_eq(sent, 4711);
	ck_assert_uint_eq(frame.sent, 0);
	ck_assert_int_eq(sigchld__channel_flush(&a, &sent), 1);
	ck_assert_uint_eq(sent, 1);
	ck_assert_int_eq(take(&b, &message), -ENOBUFS);
	ck_assert_int_eq(take(&b, &message), 1);
	must_be(&message, 1, "payload", 7);
	close_ends();
}
END_TEST

/* P21: a payload that is too large */

START_TEST(p21_above_the_limit_no_memory_is_taken)
{
	struct sigchld__frame_head head = head_of(101);

	open_ends(100);
	carry_one(&a, &b, 100);
	n_room = 0;
	put(a.fd, &head, HEAD);
	put(a.fd, "p", 1);
	receiving.n_calls = 0;
	must_fail(&b, -EMSGSIZE);
	ck_assert_int_eq(n_room, 0);
	ck_assert_int_eq(receiving.n_calls, 1);
	close_ends();
}
END_TEST

START_TEST(p21_sizes_that_no_object_has)
{
	static const uint64_t hostile[] = { UINT64_MAX, UINT64_MAX - HEAD + 1,
		UINT64_MAX - HEAD, (uint64_t)PTRDIFF_MAX + 1 };
	struct sigchld__frame_head head;
	size_t i;

	for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		open_ends(NO_END);
		head = head_of(hostile[i]);
		put(a.fd, &head, HEAD);
		must_fail(&b, -EMSGSIZE);
		ck_assert_int_eq(n_room, 0);
		close_ends();
	}
}
END_TEST

START_TEST(p21_memory_is_not_touched_before_its_bytes_come)
{
	struct sigchld__frame_head head = head_of(MIB);
	struct sigchld__message message;
	int i;

	open_ends(MIB);
	room_is = forbidden(MIB);
	put(a.fd, &head, HEAD);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(take(&b, &message), 0);
	ck_assert_int_eq(n_room, 1);
	ck_assert_int_eq(munmap(room_is, MIB), 0);
	b.payload = NULL;
	close_ends();
}
END_TEST

START_TEST(p21_an_empty_payload_needs_no_memory)
{
	open_ends(0);
	room_fails = true;
	carry_one(&a, &b, 0);
	ck_assert_int_eq(n_room, 0);
	must_be_drained(&a, &b);
	close_ends();
}
END_TEST

START_TEST(p21_nothing_is_taken_to_send)
{
	char *payload = bytes(MIB);
	struct sigchld__frame frame = frame_of(1, payload, MIB);

	open_ends(0);
	sigchld__channel_push(&a, &frame);
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 0);
	ck_assert_int_eq(n_room, 0);
	close_ends();
	free(payload);
}
END_TEST

/* P22: what is no frame */

static void
must_be_refused(struct sigchld__frame_head head)
{
	open_ends(MIB);
	put(a.fd, &head, HEAD);
	must_fail(&b, -EPROTO);
	ck_assert_int_eq(n_room, 0);
	close_ends();
}

START_TEST(p22_another_magic)
{
	struct sigchld__frame_head head = head_of(1);
	int bit;

	for (bit = 0; bit < 32; bit++) {
		head.magic = SIGCHLD__FRAME_MAGIC ^ (1u << bit);
		must_be_refused(head);
	}
}
END_TEST

START_TEST(p22_another_magic_of_a_head_that_is_not_whole)
{
	struct sigchld__message message;
	size_t size;

	for (size = 1; size <= 4; size++) {
		open_ends(MIB);
		put(a.fd, "sc?!", size);
		if (size < 3)
			ck_assert_int_eq(take(&b, &message), 0);
		else
			must_fail(&b, -EPROTO);
		close_ends();
	}
}
END_TEST

START_TEST(p22_no_type)
{
	struct sigchld__frame_head head = head_of(1);

	head.type = 0;
	must_be_refused(head);
}
END_TEST

START_TEST(p22_not_zero)
{
	struct sigchld__frame_head head = head_of(1);

	head.zero = 0x100;
	must_be_refused(head);
	head.zero = 0;
	head.none = UINT64_C(1) << 40;
	must_be_refused(head);
}
END_TEST

START_TEST(p22_a_head_that_is_cut)
{
	struct sigchld__frame_head head = head_of(0);
	struct sigchld__message message;
	size_t size;

	for (size = 1; size < HEAD; size++) {
		open_ends(MIB);
		put(a.fd, &head, size);
		ck_assert_int_eq(take(&b, &message), 0);
		close_end(&a);
		must_fail(&b, -EPROTO);
		close_ends();
	}
}
END_TEST

START_TEST(p22_a_payload_that_is_cut)
{
	struct sigchld__frame_head head = head_of(7);
	struct sigchld__message message;
	size_t size;

	for (size = 0; size < 7; size++) {
		open_ends(MIB);
		put(a.fd, &head, HEAD);
		put(a.fd, "payload", size);
		ck_assert_int_eq(take(&b, &message), 0);
		close_end(&a);
		must_fail(&b, -EPROTO);
		close_ends();
	}
}
END_TEST

START_TEST(p22_a_payload_that_is_cut_by_a_reset)
{
	struct sigchld__frame_head head = head_of(7);
	struct sigchld__message message;

	open_ends(MIB);
	put(b.fd, "unread", 6);
	put(a.fd, &head, HEAD);
	ck_assert_int_eq(take(&b, &message), 0);
	close_end(&a);
	must_fail(&b, -EPROTO);
	close_ends();
}
END_TEST

/* The kernel drops them, since nobody asks for them. */
START_TEST(p22_descriptors_that_are_sent_along)
{
	struct sigchld__frame_head head = head_of(0);
	struct iovec part = { .iov_base = &head, .iov_len = HEAD };
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct sigchld__message in;
	int fds;

	open_ends(MIB);
	fds = harness_count_fds();
	memset(&control, 0, sizeof(control));
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	memcpy(CMSG_DATA(&control.header), &a.fd, sizeof(int));
	ck_assert_int_eq(sendmsg(a.fd, &message, 0), (ssize_t)HEAD);
	ck_assert_int_eq(take(&b, &in), 1);
	ck_assert_int_eq(harness_count_fds(), fds);
	close_ends();
}
END_TEST

/* Memory */

START_TEST(p31_no_memory_and_then_again)
{
	char *payload = bytes(2 * SIGCHLD__AHEAD);
	struct sigchld__frame frame = frame_of(1, payload, 2 * SIGCHLD__AHEAD);
	struct sigchld__message message;

	open_ends(MIB);
	sigchld__channel_push(&a, &frame);
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 1);
	room_fails = true;
	must_fail(&b, -ENOMEM);
	room_fails = false;
	ck_assert_int_eq(take(&b, &message), 1);
	must_be(&message, 1, payload, 2 * SIGCHLD__AHEAD);
	must_be_drained(&a, &b);
	close_ends();
	free(payload);
}
END_TEST

START_TEST(p31_no_buffer_and_then_again)
{
	struct sigchld__frame frame = frame_of(1, "payload", 7);
	struct sigchld__message message;

	open_ends(MIB);
	sigchld__channel_push(&a, &frame);
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 1);
	buffer_fails = true;
	must_fail(&b, -ENOMEM);
	ck_assert_int_eq(receiving.n_calls, 0);
	buffer_fails = false;
	ck_assert_int_eq(take(&b, &message), 1);
	must_be(&message, 1, "payload", 7);
	must_be_drained(&a, &b);
	close_ends();
}
END_TEST

/* Where it is, and how much is taken for it. */

/* A message of that size has come; it is not done with. */
static struct sigchld__message
bring(uint64_t id, const char *payload, size_t size)
{
	struct sigchld__frame frame = frame_of(id, payload, size);
	struct sigchld__message message;
	int rc;

	sigchld__channel_push(&a, &frame);
	do {
		ck_assert_int_ge(sigchld__channel_flush(&a, NULL), 0);
		rc = sigchld__channel_receive(&b, &message);
	} while (rc == 0);
	ck_assert_int_eq(rc, 1);
	ck_assert_uint_eq(message.size, size);
	ck_assert(size == 0 || memcmp(message.payload, payload, size) == 0);
	return message;
}

static const size_t shown[] = { 1, 4096, 65536, 65537, MIB };
#define N_SHOWN (sizeof(shown) / sizeof(shown[0]))

/* Whatever else happens at this end, as long as nobody says that it is done. */
START_TEST(a_payload_stays_until_it_is_done_with)
{
	char *payload = bytes(MIB);
	struct sigchld__message message, again;
	struct sigchld__frame reply;
	size_t i;

	open_ends(MIB);
	for (i = 0; i < N_SHOWN; i++) {
		message = bring(i, payload, shown[i]);
		put(a.fd, "sch1", 4); /* the next begins to come */
		reply = frame_of(1, "reply", 5);
		sigchld__channel_push(&b, &reply);
		ck_assert_int_eq(sigchld__channel_flush(&b, NULL), 1);
		ck_assert_int_eq(sigchld__channel_receive(&b, &again), 1);
		ck_assert_ptr_eq(again.payload, message.payload);
		ck_assert_uint_eq(again.id, i);
		ck_assert(memcmp(message.payload, payload, shown[i]) == 0);
		sigchld__channel_done(&b);
		close_ends();
		open_ends(MIB);
	}
	close_ends();
	free(payload);
}
END_TEST

/* Up to 64 KiB: the same buffer again and again, and nothing besides. */
START_TEST(what_goes_into_a_buffer_takes_no_memory)
{
	char *payload = bytes(65536);
	size_t size;

	open_ends(MIB);
	for (size = 0; size <= 65536; size += 4096) {
		(void)bring(size, payload, size);
		sigchld__channel_done(&b);
		ck_assert_ptr_null(b.ahead);
		ck_assert_ptr_nonnull(spare.memory);
	}
	ck_assert_int_eq(n_buffers, 1);
	ck_assert_int_eq(n_room, 0);
	close_ends();
	free(payload);
}
END_TEST

/* And larger: gone with the message. The next ones are as they were sent. */
START_TEST(what_does_not_is_not_held_afterwards)
{
	static const size_t mixed[] = { MIB, 1, 65537, 65536, 5, 100000, 0, 7,
		3 * MIB, 4096 };
	char *payload = bytes(3 * MIB);
	size_t i;

	open_ends(4 * MIB);
	for (i = 0; i < sizeof(mixed) / sizeof(mixed[0]); i++) {
		(void)bring(i, payload + i,
		    mixed[i] - (mixed[i] > MIB ? i : 0));
		sigchld__channel_done(&b);
		ck_assert_ptr_null(b.payload);
		ck_assert_ptr_null(b.ahead);
	}
	ck_assert_int_eq(n_buffers, 1);
	ck_assert_int_eq(n_room, 3);
	must_be_drained(&a, &b);
	close_ends();
	free(payload);
}
END_TEST

/* What comes behind it may be large as well, and would have to be moved. */
START_TEST(behind_a_large_one_little_is_read)
{
	char *payload = bytes(MIB);
	struct sigchld__message message;

	open_ends(MIB);
	(void)bring(1, payload, MIB);
	sigchld__channel_done(&b);
	receiving.largest = 0;
	ck_assert_int_eq(sigchld__channel_receive(&b, &message), 0);
	ck_assert_uint_eq(receiving.largest, 4096);
	(void)bring(2, payload, 10000);
	sigchld__channel_done(&b);
	receiving.largest = 0;
	ck_assert_int_eq(sigchld__channel_receive(&b, &message), 0);
	ck_assert_uint_eq(receiving.largest, SIGCHLD__AHEAD);
	close_ends();
	free(payload);
}
END_TEST

static void
keep_one(size_t size, int rooms, bool takes_buffer)
{
	char *payload = bytes(size);
	struct sigchld__message message;
	struct sigchld__load load;

	n_room = 0;
	message = bring(1, payload, size);
	ck_assert_int_eq(sigchld__channel_keep(&b, &load), 0);
	sigchld__channel_done(&b);
	ck_assert_int_eq(n_room, rooms);
	ck_assert_int_eq(load.data != load.memory, takes_buffer);
	ck_assert_int_eq(load.data == message.payload,
	    rooms == 0 || size > 65568);
	/* another one does not touch it */
	(void)bring(2, "other", 5);
	sigchld__channel_done(&b);
	ck_assert(memcmp(load.data, payload, size) == 0);
	sigchld__load_free(&load, &spare);
	ck_assert_ptr_null(load.memory);
	sigchld__load_free(&load, &spare); /* there is none */
	ck_assert_ptr_nonnull(spare.memory);
	free(payload);
}

START_TEST(a_payload_that_is_kept_stays)
{
	open_ends(MIB);
	keep_one(1, 1, false);
	keep_one(16384, 1, false);
	keep_one(16385, 0, true);
	keep_one(65536, 0, true);
	keep_one(MIB, 1, false);
	close_ends();
}
END_TEST

/* What came behind it is still to be had. */
START_TEST(one_that_is_kept_leaves_those_behind_it)
{
	char *payload = bytes(20002);
	struct sigchld__frame frames[3] = { frame_of(1, payload, 20000),
		frame_of(2, payload, 20001), frame_of(3, payload, 20002) };
	struct sigchld__message message;
	struct sigchld__load loads[3];
	size_t i;

	open_ends(MIB);
	for (i = 0; i < 3; i++)
		sigchld__channel_push(&a, &frames[i]);
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 1);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(sigchld__channel_receive(&b, &message), 1);
		ck_assert_uint_eq((uintptr_t)message.payload % 16, 0);
		ck_assert_int_eq(sigchld__channel_keep(&b, &loads[i]), 0);
		sigchld__channel_done(&b);
		ck_assert_int_eq(sigchld__channel_is_ahead(&b), i < 2);
	}
	ck_assert_int_eq(receiving.n_calls, 1);
	for (i = 0; i < 3; i++) {
		ck_assert(memcmp(loads[i].data, payload, 20000 + i) == 0);
		sigchld__load_free(&loads[i], &spare);
	}
	close_ends();
	free(payload);
}
END_TEST

START_TEST(p31_no_memory_to_keep_it_and_then_again)
{
	struct sigchld__message message;
	struct sigchld__load load = { NULL, NULL };

	open_ends(MIB);
	(void)bring(1, "payload", 7);
	room_fails = true;
	ck_assert_int_eq(sigchld__channel_keep(&b, &load), -ENOMEM);
	ck_assert_ptr_null(load.memory);
	room_fails = false;
	ck_assert_int_eq(sigchld__channel_receive(&b, &message), 1);
	ck_assert_int_eq(sigchld__channel_keep(&b, &load), 0);
	sigchld__channel_done(&b);
	ck_assert(memcmp(load.data, "payload", 7) == 0);
	sigchld__load_free(&load, &spare);
	must_be_drained(&a, &b);
	close_ends();
}
END_TEST

/* The one that had the buffer before was cut: its worker died. */
START_TEST(a_buffer_of_one_that_was_cut_is_clean_for_the_next)
{
	char *payload = bytes(60000);
	struct sigchld__frame_head head = head_of(60000);
	int n = 0;
	size_t size;

	for (size = 1; size < 60000; size += 9999, n++) {
		open_ends(MIB);
		put(a.fd, &head, HEAD);
		put(a.fd, payload + 4, size);
		ck_assert_int_eq(take(&b,
				     &(struct sigchld__message){ .id = 0 }),
		    0);
		close_end(&a);
		must_fail(&b, -EPROTO);
		close_end(&b);
		ck_assert_ptr_nonnull(spare.memory);
		open_ends(MIB);
		carry_one(&a, &b, size / 2);
		carry_one(&a, &b, 60000);
		must_be_drained(&a, &b);
		close_ends();
	}
	ck_assert_int_eq(n_buffers, n);
	free(payload);
}
END_TEST

/* One of two channels has half a message: the other one has another buffer. */
START_TEST(channels_do_not_mix_in_their_buffers)
{
	struct sigchld__frame_head head = head_of(7);
	struct sigchld__message message;
	struct sigchld__channel other;
	int fds[2];

	open_ends(MIB);
	ck_assert_int_eq(sigchld__channel_pair(fds), 0);
	sigchld__channel_init(&other, fds[1], MIB, &spare);
	put(a.fd, &head, HEAD);
	put(a.fd, "pay", 3);
	ck_assert_int_eq(sigchld__channel_receive(&b, &message), 0);
	put(fds[0], &head, HEAD);
	put(fds[0], "another", 7);
	ck_assert_int_eq(sigchld__channel_receive(&other, &message), 1);
	ck_assert(memcmp(message.payload, "another", 7) == 0);
	put(a.fd, "load", 4);
	ck_assert_int_eq(sigchld__channel_receive(&b, &message), 1);
	ck_assert(memcmp(message.payload, "payload", 7) == 0);
	sigchld__channel_done(&b);
	sigchld__channel_done(&other);
	ck_assert_int_eq(n_buffers, 2);
	ck_assert_int_eq(close(fds[0]), 0);
	ck_assert_int_eq(close(fds[1]), 0);
	close_ends();
}
END_TEST

/* Two MiB do not go in, whatever the system allows. */
static uint64_t
room_of_socket(bool widened)
{
	char *payload = bytes(2 * MIB);
	struct sigchld__frame frame = frame_of(1, payload, 2 * MIB);
	uint64_t room;

	open_ends(MIB);
	if (widened)
		sigchld__channel_widen(a.fd);
	sigchld__channel_push(&a, &frame);
	room = flush_to_the_brim(&frame);
	close_ends();
	free(payload);
	return room;
}

START_TEST(a_socket_that_is_widened_takes_more)
{
	uint64_t before = room_of_socket(false);

	ck_assert_uint_gt(room_of_socket(true), before);
}
END_TEST

/* That nothing is lost is for the address sanitizer to see. */
START_TEST(cleared_in_the_middle_it_has_nothing_left)
{
	char *payload = bytes(4 * MIB);
	struct sigchld__frame first = frame_of(1, payload, 4 * MIB);
	struct sigchld__frame other = frame_of(2, "payload", 7);
	struct sigchld__message message;

	open_ends(4 * MIB);
	sigchld__channel_push(&a, &first);
	sigchld__channel_push(&a, &other);
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 0);
	ck_assert_int_eq(take(&b, &message), 0);
	ck_assert_ptr_nonnull(b.payload);
	sigchld__channel_clear(&b);
	sigchld__channel_clear(&b);
	close_end(&b);
	sigchld__channel_clear(&a);
	free(payload); /* nobody looks at it any more */
	must_fail(&a, -EPIPE);
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 1);
	close_ends();
}
END_TEST

START_TEST(cleared_it_has_nothing_ahead)
{
	struct sigchld__frame frames[2] = { frame_of(1, "payload", 7),
		frame_of(2, "payload", 7) };
	struct sigchld__message message;
	int i;

	open_ends(MIB);
	for (i = 0; i < 2; i++)
		sigchld__channel_push(&a, &frames[i]);
	ck_assert_int_eq(sigchld__channel_flush(&a, NULL), 1);
	ck_assert_int_eq(take(&b, &message), 1);
	must_be(&message, 1, "payload", 7);
	ck_assert(sigchld__channel_is_ahead(&b));
	sigchld__channel_clear(&b);
	ck_assert(!sigchld__channel_is_ahead(&b));
	ck_assert_int_eq(take(&b, &message), 0);
	close_ends();
}
END_TEST

START_TEST(cleared_within_a_head_it_can_begin_again)
{
	struct sigchld__frame_head head = head_of(1);
	struct sigchld__message message;

	open_ends(MIB);
	put(a.fd, &head, HEAD - 1);
	ck_assert_int_eq(take(&b, &message), 0);
	sigchld__channel_clear(&b);
	carry_one(&a, &b, 100);
	carry_one(&b, &a, 100);
	close_ends();
}
END_TEST

HARNESS("channel",
    {
	HARNESS_TEST(p17_each_size_arrives_once_and_byte_exact),
	HARNESS_TEST(p17_a_byte_at_a_time_is_written),
	HARNESS_TEST(p17_a_byte_at_a_time_is_read),
	HARNESS_TEST(p17_a_byte_at_a_time_both_ways),
	HARNESS_TEST(p17_cut_at_each_byte),
	HARNESS_TEST(p17_each_call_interrupted),
	HARNESS_TEST(p17_each_call_would_block),
	HARNESS_TEST(p17_frames_pushed_while_one_is_half_out),
	HARNESS_TEST(p17_more_frames_than_a_call_takes),
	HARNESS_TEST(p17_a_few_frames_are_one_call),
	HARNESS_TEST(p17_a_frame_is_used_again),
	HARNESS_TEST(p17_both_ways_at_once),
	HARNESS_TEST(p17_no_call_gives_more_than_an_int_counts),
	HARNESS_TEST(p19_a_stopped_reader_holds_nobody_up),
	HARNESS_TEST(p19_a_socket_made_to_block_does_not),
	HARNESS_TEST(p19_a_turn_is_a_call_or_two),
	HARNESS_TEST(p19_a_small_message_is_one_call_out_and_one_in),
	HARNESS_TEST(p19_small_messages_come_in_by_one_call),
	HARNESS_TEST(p19_a_larger_one_takes_two_calls_and_leaves_the_next),
	HARNESS_TEST(p19_who_asked_to_block_does_until_something_comes),
	HARNESS_TEST(p19_who_asked_to_block_does_until_all_is_out),
	HARNESS_TEST(p20_a_dead_reader_and_no_signal),
	HARNESS_TEST(p20_a_reader_that_dies_with_bytes_unread),
	HARNESS_TEST(p20_a_reset_is_an_end_to_who_writes),
	HARNESS_TEST(p20_what_came_before_the_end_is_received),
	HARNESS_TEST(p20_other_errors_are_told_and_change_nothing),
	HARNESS_TEST(p21_above_the_limit_no_memory_is_taken),
	HARNESS_TEST(p21_sizes_that_no_object_has),
	HARNESS_TEST(p21_memory_is_not_touched_before_its_bytes_come),
	HARNESS_TEST(p21_an_empty_payload_needs_no_memory),
	HARNESS_TEST(p21_nothing_is_taken_to_send),
	HARNESS_TEST(p22_another_magic),
	HARNESS_TEST(p22_another_magic_of_a_head_that_is_not_whole),
	HARNESS_TEST(p22_no_type),
	HARNESS_TEST(p22_not_zero),
	HARNESS_TEST(p22_a_head_that_is_cut),
	HARNESS_TEST(p22_a_payload_that_is_cut),
	HARNESS_TEST(p22_a_payload_that_is_cut_by_a_reset),
	HARNESS_TEST(p22_descriptors_that_are_sent_along),
	HARNESS_TEST(p31_no_memory_and_then_again),
	HARNESS_TEST(p31_no_buffer_and_then_again),
	HARNESS_TEST(p31_no_memory_to_keep_it_and_then_again),
	HARNESS_TEST(a_payload_stays_until_it_is_done_with),
	HARNESS_TEST(what_goes_into_a_buffer_takes_no_memory),
	HARNESS_TEST(what_does_not_is_not_held_afterwards),
	HARNESS_TEST(behind_a_large_one_little_is_read),
	HARNESS_TEST(a_payload_that_is_kept_stays),
	HARNESS_TEST(one_that_is_kept_leaves_those_behind_it),
	HARNESS_TEST(a_buffer_of_one_that_was_cut_is_clean_for_the_next),
	HARNESS_TEST(channels_do_not_mix_in_their_buffers),
	HARNESS_TEST(a_socket_that_is_widened_takes_more),
	HARNESS_TEST(cleared_in_the_middle_it_has_nothing_left),
	HARNESS_TEST(cleared_it_has_nothing_ahead),
	HARNESS_TEST(cleared_within_a_head_it_can_begin_again),
    })
