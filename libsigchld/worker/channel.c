/*
 * channel.c - frames over a socketpair, without blocking
 *
 * The parent of a pool and each of its workers have one end each. A stream has
 * no borders, so the size of a payload goes before it: what one write gave and
 * what one read gave means nothing here.
 *
 *	sender				receiver
 *	push: behind the others
 *	flush: head, payload, head,	head: judged
 *	    payload, ...		memory, if there is a payload
 *					payload: given away when it is whole
 *	when its last byte is written
 *	    a frame is the sender's again
 *	closes between two frames	-EPIPE, once all before is received
 *	dies within one			-EPROTO
 *
 * H1	Only the first frame is half out. Its `sent' bytes are in the socket,
 *	each once, and those of the others are zero.
 * H2	`got' bytes of the frame that comes in are here. The head is whole from
 *	sizeof(head) on; the payload is NULL or has room for all of it. Neither
 *	count overflows, since `most' is what an object can hold.
 * H3	Memory is taken for a payload whose head was judged, never more than
 *	`most', and is not touched before the bytes come. The sender takes none.
 * H4	Nothing blocks and nothing sends a signal, whatever another process does
 *	to the flags of a socket that it inherited: each call says so itself.
 * H5	A flush is one call and a receive is two, of AT_ONCE bytes at most: a
 *	peer who is as fast as we are must not keep us from the others. A short
 *	count means that the socket is full, or empty. So the descriptor must be
 *	watched by level, not by edge.
 * H6	A failure changes nothing, so it comes again, but for one that was for
 *	want of memory.
 *
 * A peer that closes with bytes of ours unread resets the connection. That is
 * an end like the other, after what it sent was read.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "worker/channel.h"
#include "worker/sys.h"

#define PARTS   16 /* any system takes so many */
#define AT_ONCE (1u << 20)
#define HEAD    sizeof(struct sigchld__frame_head)

/* Padding would carry bytes that nobody set. */
_Static_assert(HEAD == 24, "a head without padding");

int
sigchld__channel_pair(int ret_fds[2])
{
	return sigchld__sys_stream_pair(ret_fds);
}

void
sigchld__channel_init(struct sigchld__channel *channel, int fd, uint64_t most)
{
	const uint64_t largest = PTRDIFF_MAX;

	*channel = (struct sigchld__channel){
		.fd = fd,
		.most = most < largest ? most : largest,
	};
	channel->out_end = &channel->out;
}

void
sigchld__channel_clear(struct sigchld__channel *channel)
{
	free(channel->payload);
	sigchld__channel_init(channel, channel->fd, channel->most);
}

/* Sending */

void
sigchld__channel_push(struct sigchld__channel *channel,
    struct sigchld__frame *frame)
{
	frame->head.magic = SIGCHLD__FRAME_MAGIC;
	frame->head.zero = 0;
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
		rc = sigchld__sys_sendmsg(channel->fd, parts.iov, parts.n);
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

/* 1: all these bytes are here; 0: not yet. */
static int
read_some(struct sigchld__channel *channel, char *to, uint64_t size)
{
	size_t asked = size < AT_ONCE ? (size_t)size : AT_ONCE;
	int rc;

	do
		rc = sigchld__sys_recv(channel->fd, to, asked);
	while (rc == -EINTR);
	if (rc == -EAGAIN || rc == -EWOULDBLOCK)
		return 0;
	if (rc == 0 || rc == -ECONNRESET)
		return channel->got == 0 ? -EPIPE : -EPROTO;
	if (rc < 0)
		return rc;
	channel->got += (uint64_t)rc;
	return (uint64_t)rc == size;
}

static int
judge(const struct sigchld__channel *channel)
{
	const struct sigchld__frame_head *head = &channel->head;

	if (head->magic != SIGCHLD__FRAME_MAGIC || head->type == 0 ||
	    head->zero != 0)
		return -EPROTO;
	return head->size > channel->most ? -EMSGSIZE : 1;
}

static int
read_head(struct sigchld__channel *channel)
{
	char *head = (char *)&channel->head;
	int rc;

	if (channel->got < HEAD) {
		rc = read_some(channel, head + channel->got,
		    HEAD - channel->got);
		if (rc <= 0)
			return rc;
	}
	return judge(channel);
}

static int
read_payload(struct sigchld__channel *channel)
{
	uint64_t size = channel->head.size, in = channel->got - HEAD;

	if (size == 0)
		return 1;
	if (channel->payload == NULL)
		channel->payload = sigchld__sys_room((size_t)size);
	if (channel->payload == NULL)
		return -ENOMEM;
	return read_some(channel, channel->payload + in, size - in);
}

int
sigchld__channel_receive(struct sigchld__channel *channel,
    struct sigchld__message *ret_message)
{
	int rc;

	rc = read_head(channel);
	if (rc > 0)
		rc = read_payload(channel);
	if (rc <= 0)
		return rc;
	*ret_message = (struct sigchld__message){
		.type = channel->head.type,
		.id = channel->head.id,
		.size = channel->head.size,
		.payload = channel->payload,
	};
	channel->payload = NULL;
	channel->got = 0;
	return 1;
}
