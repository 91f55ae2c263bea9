/* channel.h - frames over a socketpair, without blocking; see channel.c */
#ifndef SIGCHLD_WORKER_CHANNEL_H
#define SIGCHLD_WORKER_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What goes before each payload. Both ends are of one machine, so numbers are
 * as the machine has them; a later version may add types. Of 32 bytes, that the
 * payload be aligned in the socket as it is in memory: the kernel copies more
 * slowly otherwise (1 MiB to and fro: 443 us behind 24 bytes, 411 behind 32). */
struct sigchld__frame_head {
	uint32_t magic; /* SIGCHLD__FRAME_MAGIC */
	uint16_t type;  /* the user's; 0 is refused */
	uint16_t zero;
	uint64_t id;   /* the user's */
	uint64_t size; /* of the payload */
	uint64_t none; /* 0 */
};

/* A frame on its way out. It and its payload are the sender's, and stay as they
 * are until it was sent or the channel is cleared. */
struct sigchld__frame {
	struct sigchld__frame *next;
	struct sigchld__frame_head head;
	const void *payload;
	uint64_t sent; /* bytes of head and payload */
};

/* One that came in whole. The payload is the channel's until `done', and aligned
 * as by malloc; NULL if it is empty. */
struct sigchld__message {
	uint16_t type;
	uint64_t id;
	uint64_t size;
	const void *payload;
};

/* What comes in is read into a buffer of this size: 64 KiB of payload and their
 * head come by one call, and stay where they are. It begins where a line of the
 * cache does: the kernel copies 64 KiB to and fro in 0.7 us less then. */
#define SIGCHLD__AHEAD (65536u + 64u)

/* A buffer that is nobody's just now, of all channels of one owner; or NULL. */
struct sigchld__spare {
	void *memory;
};

/* A payload that is somebody's: to free() the memory, or as load_free does. */
struct sigchld__load {
	void *memory;
	const void *data;
};

/* One thread at a time, and it stays where it is. */
struct sigchld__channel {
	int fd;        /* the caller's */
	uint64_t most; /* payload that is let in */
	struct sigchld__frame *out, **out_end;
	struct sigchld__spare *spare;
	struct sigchld__frame_head head; /* coming in */
	char *ahead;                     /* the buffer; NULL: nothing is here */
	uint32_t at;                     /* in it: where the frame begins */
	uint64_t got;  /* bytes from there on; of a large one: of the frame */
	char *payload; /* of a large one, which does not go into the buffer */
	bool large;    /* the last one was */
	bool blocks;   /* a call may block */
};

/* Two ends, close-on-exec and non-blocking; in the portable build only a moment
 * later. To be called under the no-fork lock, which is held until they are in
 * the descriptor table. -EMFILE, -ENFILE, -ENOBUFS, -ENOMEM. */
int sigchld__channel_pair(int ret_fds[2]);

/* Room in the socket for what this end sends: a MiB if the system lets us, as much
 * as it has by itself if not. */
void sigchld__channel_widen(int fd);

/* No payload larger than `most' is let in, nor one that no object can hold. The
 * spare one may be that of other channels, too, and outlives this. */
void sigchld__channel_init(struct sigchld__channel *channel, int fd,
    uint64_t most, struct sigchld__spare *spare);

/* Forgets what was on its way, and frees what came in by half. The descriptor
 * is the caller's to close. */
void sigchld__channel_clear(struct sigchld__channel *channel);

/* Forgets what was on its way out: nobody will take it. */
void sigchld__channel_forget(struct sigchld__channel *channel);

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
 * 1: a whole message, and the same again until `done'; 0: not yet, so come back
 * when it can be read; -EPIPE: end of file between two frames; -EPROTO: end of
 * file within one, or what came is no frame; -EMSGSIZE: a payload larger than
 * `most', for which no memory was taken; -ENOMEM: no buffer, or no room for the
 * payload; it can be tried again. After the others nothing but the same will
 * come.
 */
int sigchld__channel_receive(struct sigchld__channel *channel,
    struct sigchld__message *ret_message);

/* The message was used. */
void sigchld__channel_done(struct sigchld__channel *channel);

/* Before that: its payload, which is not empty, is the caller's now. -ENOMEM:
 * nothing has changed. */
int sigchld__channel_keep(struct sigchld__channel *channel,
    struct sigchld__load *ret_load);
void sigchld__load_free(struct sigchld__load *load,
    struct sigchld__spare *spare);

/* More has been read already, so nobody will say that it can be: after a message
 * that was used, receive again. */
bool sigchld__channel_is_ahead(const struct sigchld__channel *channel);

/* The end of a process that has nothing else to do, and may block in a call.
 * -errno: it cannot be changed. */
int sigchld__channel_block(struct sigchld__channel *channel);

#define SIGCHLD__FRAME_MAGIC 0x31686373u /* "sch1", little-endian */

#endif
