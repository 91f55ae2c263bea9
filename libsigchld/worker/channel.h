/* channel.h - frames over a socketpair, without blocking; see channel.c */
#ifndef SIGCHLD_WORKER_CHANNEL_H
#define SIGCHLD_WORKER_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

/* What goes before each payload. Both ends are of one machine, so numbers are
 * as the machine has them; a later version may add types. */
struct sigchld__frame_head {
	uint32_t magic; /* SIGCHLD__FRAME_MAGIC */
	uint16_t type;  /* the user's; 0 is refused */
	uint16_t zero;
	uint64_t id;   /* the user's */
	uint64_t size; /* of the payload */
};

/* A frame on its way out. It and its payload are the sender's, and stay as they
 * are until it was sent or the channel is cleared. */
struct sigchld__frame {
	struct sigchld__frame *next;
	struct sigchld__frame_head head;
	const void *payload;
	uint64_t sent; /* bytes of head and payload */
};

/* One that came in whole. The payload is the receiver's, to free(); NULL if it
 * is empty. */
struct sigchld__message {
	uint16_t type;
	uint64_t id;
	uint64_t size;
	void *payload;
};

/* One thread at a time, and it stays where it is. */
struct sigchld__channel {
	int fd;        /* the caller's */
	uint64_t most; /* payload that is let in */
	struct sigchld__frame *out, **out_end;
	struct sigchld__frame_head head; /* coming in */
	uint64_t got;                    /* bytes of it and of the payload */
	char *payload;
};

/* Two ends, close-on-exec and non-blocking; in the portable build only a moment
 * later. To be called under the no-fork lock, which is held until they are in
 * the descriptor table. -EMFILE, -ENFILE, -ENOBUFS, -ENOMEM. */
int sigchld__channel_pair(int ret_fds[2]);

/* No payload larger than `most' is let in, nor one that no object can hold. */
void sigchld__channel_init(struct sigchld__channel *channel, int fd,
    uint64_t most);

/* Forgets what was on its way, and frees what came in by half. The descriptor
 * is the caller's to close. */
void sigchld__channel_clear(struct sigchld__channel *channel);

/* Put it behind those that are on their way; the rest of the head and the
 * payload were set, magic and zero are set here. Nothing is written yet. */
void sigchld__channel_push(struct sigchld__channel *channel,
    struct sigchld__frame *frame);

/*
 * Write what goes in with one call. 1: all is out; 0: not all, so come back
 * when it can be written; -EPIPE: the other end is closed, though messages of
 * its may still be there to receive; or another -errno, such as -ENOBUFS when
 * the kernel has no memory, after which it can be tried again. Never a SIGPIPE.
 * *ret_sent, if not NULL, gets how many frames went out whole in this call.
 */
int sigchld__channel_flush(struct sigchld__channel *channel,
    unsigned int *ret_sent);

/*
 * 1: a whole message; 0: not yet, so come back when it can be read; -EPIPE: end
 * of file between two frames; -EPROTO: end of file within one, or what came is
 * no frame; -EMSGSIZE: a payload larger than `most', of which nothing was read;
 * -ENOMEM: no room for the payload; it can be tried again. After the others
 * nothing but the same will come.
 */
int sigchld__channel_receive(struct sigchld__channel *channel,
    struct sigchld__message *ret_message);

#define SIGCHLD__FRAME_MAGIC 0x31686373u /* "sch1", little-endian */

#endif
