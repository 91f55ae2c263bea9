/*
 * wire.c - messages between a master and its workers
 *
 * A socketpair of SOCK_SEQPACKET, one for each worker: a message goes as a whole
 * or not at all, and comes as a whole. So at any moment, that of an execve in
 * the master's place too, nothing is half out and nothing half in; what has not
 * been read waits in the kernel for the next program.
 *
 *	master				worker
 *
 *	QUERY id, payload		on_query, then
 *	    the answer to that id	ANSWER id, status, payload
 *	current, if all are		READY
 *	the line is shown		SAYS
 *	FINISH				stopping: go when you have done
 *	ECHOED, whatever it is for	ECHO: wake me up
 *	end of file: it runs, ready	EXECS, execve
 *	    as before			    it failed: STAYS
 *	dies				end of file
 *
 * W1	Nothing blocks: what does not go in is refused (-EAGAIN), and its sender
 *	bounds what he has under way.
 * W2	A type that is not known is ignored, at either end: the programs may be of
 *	different releases. The head only grows at its end.
 * W3	End of file means that every copy of the other end is closed. So no
 *	worker keeps one of another's (hatch.c), and the master's end is never
 *	inherited by a program that it executes, but for its own successor.
 * W4	Neither end is 0, 1 or 2, though these be closed: who opens his standard
 *	streams later must not hit it.
 *
 * Assumption: one thread sends and receives at each end; the signal handler of a
 * worker sends, too.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/uio.h>

#include "async/sys.h"
#include "worker/sys.h"
#include "worker/wire.h"

#define HEAD sizeof(struct sigchld__wire_head)

/* Padding would carry bytes that nobody set. */
_Static_assert(HEAD == 24, "a head without padding");

#define ROOM_IN (HEAD + sizeof(((struct sigchld__wire *)NULL)->data))

_Static_assert(offsetof(struct sigchld__wire, data) == HEAD, "as they come");

/* Room for what may be under way: four payloads, and then some lines. */
#define ROOM (8 * (int)SIGCHLD__WIRE_MOST)

int
sigchld__wire_pair(int ret_fds[2])
{
	int fds[2], rc;

	rc = sigchld__sys_packet_pair(fds, ROOM);
	if (rc == 0)
		rc = sigchld__sys_raise_pair(fds); /* W4 */
	if (rc < 0)
		return rc;
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	return 0;
}

int
sigchld__wire_send(int fd, const struct sigchld__wire_head *head,
    const void *data, size_t len)
{
	struct sigchld__wire_head whole = *head;
	const struct iovec parts[2] = {
		{ .iov_base = &whole, .iov_len = HEAD },
		{ .iov_base = (void *)(uintptr_t)data, .iov_len = len },
	};
	int rc;

	if (len > SIGCHLD__WIRE_MOST)
		return -EMSGSIZE;
	whole.magic = SIGCHLD__WIRE_MAGIC;
	whole.zero = 0;
	do
		rc = sigchld__sys_sendmsg(fd, parts, len > 0 ? 2 : 1);
	while (rc == -EINTR);
	if (rc == -EWOULDBLOCK)
		return -EAGAIN;
	if (rc == -ECONNRESET || rc == -ENOTCONN)
		return -EPIPE;
	return rc < 0 ? rc : 0;
}

static int
judge(struct sigchld__wire *wire, size_t size)
{
	if (size < HEAD || size > HEAD + SIGCHLD__WIRE_MOST ||
	    wire->head.magic != SIGCHLD__WIRE_MAGIC || wire->head.zero != 0)
		return -EPROTO;
	wire->len = size - HEAD;
	return 1;
}

int
sigchld__wire_receive(int fd, struct sigchld__wire *ret_wire)
{
	int rc;

	do
		rc = sigchld__sys_recv(fd, ret_wire, ROOM_IN);
	while (rc == -EINTR);
	if (rc == -EAGAIN || rc == -EWOULDBLOCK)
		return 0;
	if (rc == 0 || rc == -ECONNRESET || rc == -ENOTCONN)
		return -EPIPE;
	return rc < 0 ? rc : judge(ret_wire, (size_t)rc);
}
