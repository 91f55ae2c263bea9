/*
 * channel.c - frames over a socketpair, without blocking
 *
 * The parent of a pool and each of its workers have one end each. A stream has
 * no borders, so the size of a payload goes before it: what one write gave and
 * what one read gave means nothing here.
 *
 *	sender				receiver
 *	push: behind the others
 *	flush: head, payload, head,	into a buffer, as far as they go in
 *	    payload, ...		head: judged
 *					memory, if it is larger than a buffer
 *	when its last byte is written	whole: shown where it is
 *	    a frame is the sender's	done, or kept: the buffer is empty, and
 *	    again			    the next may have it
 *	closes between two frames	-EPIPE, once all before is received
 *	dies within one			-EPROTO
 *
 * H1	Only the first frame is half out. Its `sent' bytes are in the socket,
 *	each once, and those of the others are zero.
 * H2	`got' bytes are here: in the buffer, from the head of the frame that comes
 *	in on, and of those that follow it. If its payload does not go into a
 *	buffer, they are of that frame alone, its head is in `head', and the
 *	payload has room for all of it. The count does not overflow, since `most'
 *	is what an object can hold.
 * H3	A buffer is taken when something may come, and given back when nothing of
 *	that is left, so a channel that is silent has none. More memory is taken
 *	for a payload whose head was judged, never more than `most', and is not
 *	touched before the bytes come. The sender takes none.
 * H4	Nothing blocks and nothing sends a signal, whatever another process does
 *	to the flags of a socket that it inherited: each call says so itself. But
 *	a worker may ask to block until something comes (channel_block).
 * H5	A flush is one call and a receive is two at most, of AT_ONCE bytes: a
 *	peer who is as fast as we are must not keep us from the others. A short
 *	count means that the socket is full, or empty. So the descriptor must be
 *	watched by level, not by edge.
 * H6	A failure changes nothing, so it comes again, but for one that was for
 *	want of memory.
 * H7	What goes into a buffer comes in by one call, with what follows it. What
 *	is there the socket will not tell of; whoever has used a message asks
 *	(is_ahead). Behind a large one not much is read until the next head is
 *	known: if that is of a large one, too, it has to be moved.
 * H8	A payload stays where it came in. What somebody keeps is copied if it is
 *	small, so that it takes no more memory than it has to.
 *
 * A peer that closes with bytes of ours unread resets the connection. That is
 * an end like the other, after what it sent was read.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "worker/channel.h"
#include "worker/sys.h"

#define PARTS   16 /* any system takes so many */
#define HEAD    sizeof(struct sigchld__frame_head)
#define AT_ONCE ((1u << 20) + HEAD) /* a MiB is whole */
#define PEEK    4096u               /* behind a large one */
#define SMALL   16384u              /* that is kept as a copy */
#define ALIGN   16u                 /* as by malloc */
#define ROOM    (1 << 19)           /* in a socket: Linux doubles it */

/* Padding would carry bytes that nobody set. */
_Static_assert(HEAD == 32, "a head without padding");
_Static_assert(HEAD % ALIGN == 0 && ALIGN % _Alignof(max_align_t) == 0,
    "a payload behind a head is aligned");

int
sigchld__channel_pair(int ret_fds[2])
{
	int rc = sigchld__sys_stream_pair(ret_fds);

	return rc == 0 ? sigchld__sys_raise_pair(ret_fds) : rc;
}

void
sigchld__channel_forget(struct sigchld__channel *channel)
{
	channel->out = NULL;
	channel->out_end = &channel->out;
}

void
sigchld__channel_widen(int fd)
{
	sigchld__sys_make_room(fd, ROOM);
}

void
sigchld__channel_init(struct sigchld__channel *channel, int fd, uint64_t most,
    struct sigchld__spare *spare)
{
	const uint64_t largest = PTRDIFF_MAX;

	channel->fd = fd;
	channel->most = most < largest ? most : largest;
	channel->spare = spare;
	channel->ahead = channel->payload = NULL;
	channel->at = 0;
	channel->got = 0;
	channel->large = channel->blocks = false;
	sigchld__channel_forget(channel);
}

int
sigchld__channel_block(struct sigchld__channel *channel)
{
	int rc = sigchld__sys_block(channel->fd);

	channel->blocks = rc >= 0;
	return rc;
}

/* Buffers */

static void
spare(struct sigchld__spare *spare, void *memory)
{
	if (spare->memory == NULL)
		spare->memory = memory;
	else
		free(memory);
}

void
sigchld__load_free(struct sigchld__load *load, struct sigchld__spare *whose)
{
	if (load->data == load->memory)
		free(load->memory);
	else
		spare(whose, load->memory); /* behind its head, in a buffer */
	load->memory = NULL;
	load->data = NULL;
}

static int
take_buffer(struct sigchld__channel *channel)
{
	if (channel->ahead != NULL)
		return 0;
	channel->ahead = channel->spare->memory;
	channel->spare->memory = NULL;
	if (channel->ahead == NULL)
		channel->ahead = sigchld__sys_buffer(SIGCHLD__AHEAD);
	return channel->ahead == NULL ? -ENOMEM : 0;
}

/* There is nothing in it. */
static void
give_buffer(struct sigchld__channel *channel)
{
	if (channel->ahead != NULL)
		spare(channel->spare, channel->ahead);
	channel->ahead = NULL;
	channel->at = 0;
}

void
sigchld__channel_clear(struct sigchld__channel *channel)
{
	free(channel->payload);
	give_buffer(channel);
	sigchld__channel_init(channel, channel->fd, channel->most,
	    channel->spare);
}

/* Sending */

void
sigchld__channel_push(struct sigchld__channel *channel,
    struct sigchld__frame *frame)
{
	frame->head.magic = SIGCHLD__FRAME_MAGIC;
	frame->head.zero = 0;
	frame->head.none = 0;
	frame->sent = 0;
	frame->next = NULL;
	*channel->out_end = frame;
	channel->out_end = &frame->next;
}

/* What one call is asked to write. */
struct parts {
	struct iovec iov[PARTS];
	unsigned int n;
	size_t size;
};

static void
add(struct parts *parts, const void *data, uint64_t size)
{
	size_t room = AT_ONCE - parts->size;

	if (room == 0)
		return;
	if (size < room)
		room = (size_t)size;
	parts->iov[parts->n++] = (struct iovec){
		.iov_base = (void *)data,
		.iov_len = room,
	};
	parts->size += room;
}

/* Two parts at most. */
static void
add_rest(struct parts *parts, const struct sigchld__frame *frame)
{
	const char *head = (const char *)&frame->head;
	const char *payload = frame->payload;
	uint64_t out = 0; /* of the payload */

	if (frame->sent < HEAD)
		add(parts, head + frame->sent, HEAD - frame->sent);
	else
		out = frame->sent - HEAD;
	if (frame->head.size > out)
		add(parts, payload + out, frame->head.size - out);
}

static int
write_some(const struct sigchld__channel *channel)
{
	const struct sigchld__frame *frame;
	struct parts parts;
	int rc;

	parts.n = 0;
	parts.size = 0;
	for (frame = channel->out; frame != NULL; frame = frame->next) {
		if (parts.n + 2 > PARTS || parts.size == AT_ONCE)
			break;
		add_rest(&parts, frame);
	}
	if (parts.n == 0)
		return 0;
	do
		rc = channel->blocks
		    ? sigchld__sys_sendmsg_wait(channel->fd, parts.iov, parts.n)
		    : sigchld__sys_sendmsg(channel->fd, parts.iov, parts.n);
	while (rc == -EINTR);
	return rc;
}

/* So many bytes more are out. Gives how many frames are whole with them. */
static unsigned int
count_out(struct sigchld__channel *channel, uint64_t n)
{
	struct sigchld__frame *frame;
	unsigned int whole = 0;
	uint64_t rest;

	while ((frame = channel->out) != NULL) {
		rest = HEAD + frame->head.size - frame->sent;
		if (n < rest) {
			frame->sent += n;
			return whole;
		}
		n -= rest;
		frame->sent += rest;
		channel->out = frame->next;
		frame->next = NULL;
		whole++;
	}
	channel->out_end = &channel->out;
	return whole;
}

int
sigchld__channel_flush(struct sigchld__channel *channel, unsigned int *ret_sent)
{
	unsigned int whole;
	int rc = write_some(channel);

	if (rc == -EAGAIN || rc == -EWOULDBLOCK)
		rc = 0;
	if (rc < 0)
		return rc == -ECONNRESET ? -EPIPE : rc;
	whole = count_out(channel, (uint64_t)rc);
	if (ret_sent != NULL)
		*ret_sent = whole;
	return channel->out == NULL;
}

/* Receiving */

/* What one call gives; 0: nothing just now. */
static int
read_some(struct sigchld__channel *channel, char *to, uint64_t size)
{
	size_t asked = size < AT_ONCE ? (size_t)size : AT_ONCE;
	int rc;

	do
		rc = channel->blocks
		    ? sigchld__sys_recv_wait(channel->fd, to, asked)
		    : sigchld__sys_recv(channel->fd, to, asked);
	while (rc == -EINTR);
	if (rc == -EAGAIN || rc == -EWOULDBLOCK)
		return 0;
	if (rc == 0 || rc == -ECONNRESET)
		return channel->got == 0 ? -EPIPE : -EPROTO;
	return rc;
}

bool
sigchld__channel_is_ahead(const struct sigchld__channel *channel)
{
	return channel->payload == NULL && channel->got > 0;
}

/* Rubbish need not be long. */
static int
judge_start(const struct sigchld__channel *channel)
{
	const uint32_t magic = SIGCHLD__FRAME_MAGIC;
	size_t n =
	    channel->got < sizeof(magic) ? (size_t)channel->got : sizeof(magic);

	if (n == 0)
		return 0;
	return memcmp(channel->ahead + channel->at, &magic, n) == 0 ? 0
								    : -EPROTO;
}

/* 1: the head is whole, and well. */
static int
judge(struct sigchld__channel *channel)
{
	struct sigchld__frame_head *head = &channel->head;

	if (channel->got < HEAD)
		return judge_start(channel);
	(void)memcpy(head, channel->ahead + channel->at, HEAD);
	if (head->magic != SIGCHLD__FRAME_MAGIC || head->type == 0 ||
	    head->zero != 0 || head->none != 0)
		return -EPROTO;
	return head->size > channel->most ? -EMSGSIZE : 1;
}

static uint64_t
whole(const struct sigchld__channel *channel)
{
	return HEAD + channel->head.size;
}

static bool
fits(const struct sigchld__channel *channel)
{
	return whole(channel) <= SIGCHLD__AHEAD;
}

/* What follows another has it in front of it. */
static void
move_to_front(struct sigchld__channel *channel)
{
	char *from = channel->ahead + channel->at;

	if (channel->at == 0)
		return;
	(void)memmove(channel->ahead, from, (size_t)channel->got);
	channel->at = 0;
}

/* 1: something came. *ret_more: there may be more. */
static int
read_ahead(struct sigchld__channel *channel, bool *ret_more)
{
	uint64_t room =
	    channel->large && channel->got < PEEK ? PEEK : SIGCHLD__AHEAD;
	int rc = take_buffer(channel);

	if (rc < 0)
		return rc;
	move_to_front(channel);
	room -= channel->got;
	rc = read_some(channel, channel->ahead + channel->got, room);
	*ret_more = rc > 0 && (uint64_t)rc == room;
	if (rc > 0)
		channel->got += (uint64_t)rc;
	if (channel->got == 0)
		give_buffer(channel);
	return rc > 0 ? 1 : rc;
}

/* 1: its payload has room of its own, and what came of it is there. */
static int
begin_large(struct sigchld__channel *channel)
{
	char *from = channel->ahead + channel->at + HEAD;

	channel->payload = sigchld__sys_room((size_t)channel->head.size);
	if (channel->payload == NULL)
		return -ENOMEM;
	(void)memcpy(channel->payload, from, (size_t)(channel->got - HEAD));
	give_buffer(channel);
	return 1;
}

/* 1: all of it is here. */
static int
read_large(struct sigchld__channel *channel)
{
	uint64_t left = whole(channel) - channel->got;
	int rc;

	if (left == 0)
		return 1;
	rc = read_some(channel, channel->payload + (channel->got - HEAD), left);
	if (rc <= 0)
		return rc;
	channel->got += (uint64_t)rc;
	return (uint64_t)rc == left;
}

/* 1: there is a whole one in the buffer, or a large one has begun. */
static int
receive_ahead(struct sigchld__channel *channel, bool *ret_more)
{
	int calls, rc;

	*ret_more = true;
	for (calls = 0;; calls++) {
		rc = judge(channel);
		if (rc > 0 && !fits(channel))
			return begin_large(channel);
		if (rc > 0 && channel->got >= whole(channel)) {
			if (channel->at % ALIGN != 0)
				move_to_front(channel);
			return 1;
		}
		if (rc < 0 || calls == 2 || !*ret_more)
			return rc < 0 ? rc : 0;
		rc = read_ahead(channel, ret_more);
		if (rc <= 0)
			return rc;
	}
}

static const void *
payload_of(const struct sigchld__channel *channel)
{
	if (channel->head.size == 0)
		return NULL;
	if (channel->payload != NULL)
		return channel->payload;
	return channel->ahead + channel->at + HEAD;
}

int
sigchld__channel_receive(struct sigchld__channel *channel,
    struct sigchld__message *ret_message)
{
	bool more = true;
	int rc = 1;

	if (channel->payload == NULL)
		rc = receive_ahead(channel, &more);
	if (rc > 0 && channel->payload != NULL)
		rc = more ? read_large(channel) : 0;
	if (rc <= 0)
		return rc;
	*ret_message = (struct sigchld__message){
		.type = channel->head.type,
		.id = channel->head.id,
		.size = channel->head.size,
		.payload = payload_of(channel),
	};
	return 1;
}

void
sigchld__channel_done(struct sigchld__channel *channel)
{
	channel->large = !fits(channel);
	if (channel->large) {
		free(channel->payload);
		channel->payload = NULL;
		channel->got = 0;
		return;
	}
	channel->at += (uint32_t)whole(channel);
	channel->got -= whole(channel);
	if (channel->got == 0)
		give_buffer(channel);
}

/* It is the only one in its buffer, and uses much of that. */
static bool
takes_buffer(const struct sigchld__channel *channel)
{
	return channel->payload == NULL && channel->head.size > SMALL &&
	    channel->at == 0 && channel->got == whole(channel);
}

int
sigchld__channel_keep(struct sigchld__channel *channel,
    struct sigchld__load *ret_load)
{
	const void *data = payload_of(channel);
	size_t size = (size_t)channel->head.size;
	void *memory;

	if (takes_buffer(channel)) {
		*ret_load = (struct sigchld__load){ channel->ahead, data };
		channel->ahead = NULL;
		return 0;
	}
	memory = channel->payload;
	channel->payload = NULL;
	if (memory == NULL) {
		memory = sigchld__sys_room(size);
		if (memory == NULL)
			return -ENOMEM;
		(void)memcpy(memory, data, size);
	}
	*ret_load = (struct sigchld__load){ memory, memory };
	return 0;
}
