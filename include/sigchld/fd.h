/*
 * sigchld/fd.h - the descriptors of a context
 *
 * One table for the process says of each descriptor which context owns it, how
 * many hold it just now, and whom to call when it is ready. One atomic word per
 * descriptor carries the owner's group (1 to 65535; 0 is nobody) in its low 16
 * bits and a reference count in its high 16:
 *
 *	grab	counts only while the owner is the one that was named, and then
 *		the descriptor is neither closed nor given away until drop;
 *	close	takes the owner away, so nobody can grab any more, and whoever
 *		drops last closes. Nobody waits for anybody.
 *
 * A context dispatches the descriptors that were inserted with a ready callback
 * just as it dispatches its own. sigchld_postfork closes in a forked child
 * whatever stands in the table. A descriptor number says nothing of its
 * identity, since the kernel gives it out again; a struct sigchld_fdref does.
 *
 * Conventions and marks are those of <sigchld.h>. In all calls: -EPERM, we were
 * forked; -ESTALE, the reference is of an earlier descriptor with this number;
 * -EBADF, the descriptor is not in the table.
 */
#ifndef SIGCHLD_FD_H
#define SIGCHLD_FD_H

#include <sigchld.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sigchld_fdref {
	int fd;
	uint32_t generation; /* never 0 */
};

/* events and revents are those of poll(2): POLLIN, POLLOUT, POLLERR ... */
typedef void sigchld_ready_fn(struct sigchld_ctx *ctx, struct sigchld_fdref ref,
    uint32_t revents, void *user);

/*
 * Put an open descriptor into the table. ret_ref may be NULL. With ready, the
 * context calls it in its dispatch whenever one of events (or POLLERR, POLLHUP)
 * holds; level-triggered. -EBUSY: it is in the table already, or was closed
 * behind the table's back; -EINVAL: events without ready; -ENOTSUP: its kind
 * cannot be polled (a file). [C]
 */
SIGCHLD_API int sigchld_fd_insert(struct sigchld_ctx *ctx,
    struct sigchld_fdref *ret_ref, int fd, uint32_t events,
    sigchld_ready_fn *ready, void *user);

/*
 * Opening without a leak. Between begin and opened no thread of this process
 * can fork, so a new descriptor cannot slip into a child before it stands in
 * the table:
 *
 *	sigchld_fd_begin();
 *	fd = open(path, O_RDONLY | O_CLOEXEC);
 *	rc = sigchld_fd_opened(ctx, &ref, fd);
 *
 * Never do what may block in between. begin nests within a thread. opened
 * records nothing for a negative descriptor (it gives -EBADF), always ends what
 * begin began, and keeps errno. Both record the descriptor without a callback
 * and set close-on-exec; a failed opened or record leaves it open and yours.
 * [C]
 */
SIGCHLD_API int sigchld_fd_begin(void);
SIGCHLD_API int sigchld_fd_opened(struct sigchld_ctx *ctx,
    struct sigchld_fdref *ret_ref, int fd);

/* The same for a descriptor that is open already. [C] */
SIGCHLD_API int sigchld_fd_record(struct sigchld_ctx *ctx,
    struct sigchld_fdref *ret_ref, int fd);

/* Other events for a descriptor that has a ready callback. [C] */
SIGCHLD_API int sigchld_fd_events(struct sigchld_fdref ref, uint32_t events);

/* The group of a context; the group that owns fd (0: nobody); the group in
 * whose dispatch the ready callback of fd runs just now (0: none). [C] [S] */
SIGCHLD_API int sigchld_fd_group(const struct sigchld_ctx *ctx);
SIGCHLD_API int sigchld_fd_owner(int fd);
SIGCHLD_API int sigchld_fd_running(int fd);

/* Hold fd while group owns it. -EBADF: it does not; -EOVERFLOW: 65,535 hold it
 * already. Hold it briefly: a close stays pending meanwhile. [C] [S] */
SIGCHLD_API int sigchld_fd_grab(int fd, int group);

/* Let go. Gives 1 if that was the last of a descriptor whose close, removal or
 * move was pending, which is now done; else 0. -EINVAL: nobody holds it. [C] */
SIGCHLD_API int sigchld_fd_drop(int fd);

/* Give it to another context; it changes hands when nobody holds it. 0: done;
 * 1: pending, the last drop does it. -EALREADY: a move is pending. [C] */
SIGCHLD_API int sigchld_fd_move(struct sigchld_fdref ref,
    struct sigchld_ctx *to);

/* Close it, or take it out of the table and leave it open. 0: done; 1: pending,
 * the last drop does it. A pending one is no longer in the table (-EBADF), but
 * nor is it yours to close(2) yet: its number would come back too early. What a
 * sigchld_free leaves open is yours when that has returned. [C] */
SIGCHLD_API int sigchld_fd_close(struct sigchld_fdref ref);
SIGCHLD_API int sigchld_fd_remove(struct sigchld_fdref ref);

#ifdef __cplusplus
}
#endif

#endif
