/*
 * control.c - the socket where operators ask a master
 *
 *	operator			master
 *
 *	connects			root, or our own user: heard; else hung up
 *	a line				an order (order.c), obeyed (obey.c)
 *	    lines, an empty one		    its answer
 *	"reload"			RELOADING; execve, with both sockets
 *					the next program: the connection goes on
 *	    "reloaded", or why not	    when that very reload is over
 *	hangs up			closed; what he asked for goes on
 *
 *	this program			the next, if it asks for another path
 *
 *	now: its socket			opens its own besides, before anything can
 *					fail because of it
 *	    answers, as before		took over: closes the former, removes it
 *	    answers, as before		failed: closes and removes its own
 *
 *	a master that starts		another one, at the same moment
 *
 *	locks PATH.claim		cannot lock it, or locks one that has been
 *					removed meanwhile: -EADDRINUSE
 *	binds and listens; where a
 *	    socket is that nobody
 *	    has open, removes it first
 *	removes PATH.claim, closes it	locks a new one, and somebody is there:
 *					-EADDRINUSE
 *
 * C1	Each order is answered once, in the order in which they were given, also if a
 *	reload comes between. One that waits for a reload is answered with the
 *	outcome of the reload that began after it.
 * C2	Nobody waits for an operator: what he does not read is kept, and he is not
 *	heard until he has read it; if that takes longer than IDLE_MS, or nothing
 *	comes for so long, he is hung up.
 * C3	The file has mode 0600 from its first moment, and who connects is asked for
 *	his credentials besides (not in the portable build, which cannot).
 * C4	Removed is only the file that we made, or that the program before us did: its
 *	socket must be bound to that path. One that nobody has open is replaced; one
 *	that somebody has is -EADDRINUSE; what is no socket is left alone.
 * C5	While a program comes in that asks for another path, or none, the socket that
 *	was there answers; so it does in a program that failed (guard.c).
 * C6	The workers have none of these descriptors.
 * C7	Of masters that start at one path one has it, and the others are told so
 *	(-EADDRINUSE). Only who has the claim looks whether a socket was left, and
 *	removes it; and only he removes the claim, last of all. Who ends removes his
 *	socket while he has it open, so nobody has replaced it. One that is killed
 *	leaves a claim that is not locked: the next one locks and removes it.
 *
 * A1	Who is no master knows of no claims: what such a program binds between our
 *	look and the unlink(2) of what we saw is removed.
 *
 * Why not bind(2) at another name and rename(2) or link(2) that into place: one
 * replaces who listens by now as well as who is gone, the other still wants the
 * old one removed; and the socket would tell a wrong name for ever, by which the
 * next program knows it. And why not lock the folder: others lock it as well, for
 * as long as they like. The claim has mode 0600: another user cannot hold it.
 *
 * An answer that was not read when a reload executes is cut, and its connection
 * closed: some hundred KiB wait in the kernel and are not concerned.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "async/nofork.h"
#include "async/sys.h"
#include "core/fds.h"
#include "core/sys.h"
#include "worker/master.h"
#include "worker/sys_control.h"
#include "worker/sys_exec.h"
#include "worker/sys_master.h"

#define MOST     32   /* connections at a time */
#define AGAIN_MS 1000 /* no descriptor was free for one more */

#define CONTROL_OF(timer) SIGCHLD__MASTER_OF(timer, control.again)

void
sigchld__control_init(struct sigchld__control *control)
{
	control->now.fd = control->next.fd = -1;
}

/* Who connects */

static void
listen_for(struct sigchld_master *master, struct sigchld__listener *listener,
    uint32_t events)
{
	if (listener->fd == -1)
		return;
	(void)sigchld__poller_change(&master->part.ctx->poller, listener->fd,
	    listener->ref.generation, events);
	sigchld__fds_own_events(listener->ref, events);
}

static void
accept_again(struct sigchld__run *run, struct sigchld__timer *timer)
{
	struct sigchld_master *master = CONTROL_OF(timer);

	(void)run;
	listen_for(master, &master->control.now, POLLIN);
	listen_for(master, &master->control.next, POLLIN);
}

static void
rest(struct sigchld_master *master)
{
	struct sigchld__control *control = &master->control;

	listen_for(master, &control->now, 0);
	listen_for(master, &control->next, 0);
	control->again.fn = accept_again;
	sigchld__timer_set(master->part.ctx, &control->again,
	    sigchld__sys_now_ms() + AGAIN_MS);
}

/* Gives -errno of accept(2), too. */
static int
take_one(struct sigchld_master *master, const struct sigchld__listener *from)
{
	struct sigchld__asker *asker = NULL;
	int fd;

	sigchld__nofork_begin();
	fd = sigchld__sys_accept(from->fd);
	if (fd >= 0 && !sigchld__sys_is_trusted(fd))
		(void)sigchld__sys_close(fd);
	else if (fd >= 0)
		asker = sigchld__asker_new(master, fd);
	sigchld__nofork_end();
	if (asker != NULL && master->control.n_askers > MOST)
		sigchld__asker_dismiss(asker, "too many connections");
	return fd;
}

static bool
is_for_want(int rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOBUFS ||
	    rc == -ENOMEM;
}

static void
somebody_connects(struct sigchld_ctx *ctx, void *user)
{
	struct sigchld_master *master = user;
	struct sigchld__control *control = &master->control;
	int rc = -EAGAIN;

	(void)ctx;
	if (control->now.fd != -1)
		rc = take_one(master, &control->now);
	if (!is_for_want(rc) && control->next.fd != -1)
		rc = take_one(master, &control->next);
	if (is_for_want(rc))
		rest(master);
}

/* Its socket */

/* Under the no-fork lock; fd is taken. */
static int
own(struct sigchld_master *master, struct sigchld__listener *listener, int fd)
{
	struct sigchld_ctx *ctx = master->part.ctx;
	int rc = sigchld__fds_insert_own(ctx, fd, POLLIN, somebody_connects,
	    master, &listener->ref);

	if (rc < 0) {
		(void)sigchld__sys_close(fd);
		return rc;
	}
	rc = sigchld__poller_add(&ctx->poller, fd, listener->ref.generation,
	    POLLIN, false);
	if (rc < 0)
		sigchld__fds_close_own(fd, &listener->ref);
	else
		listener->fd = fd;
	return rc;
}

static void
close_listener(struct sigchld_master *master,
    struct sigchld__listener *listener)
{
	if (listener->fd == -1)
		return;
	sigchld__poller_remove(&master->part.ctx->poller, listener->fd);
	sigchld__fds_close_own(listener->fd, &listener->ref);
	listener->fd = -1;
}

/* C4 */
static void
remove_file(const struct sigchld__listener *listener)
{
	uint64_t dev, ino;

	if (sigchld__sys_socket_at(listener->path, &dev, &ino) == 0 &&
	    dev == listener->dev && ino == listener->ino)
		(void)sigchld__sys_unlink(listener->path);
}

static void
remove_listener(struct sigchld_master *master,
    struct sigchld__listener *listener)
{
	if (listener->fd != -1)
		remove_file(listener);
	close_listener(master, listener);
}

/* C4. Gives the descriptor. */
static int
listen_at(const char *path)
{
	uint64_t dev, ino;
	int fd = sigchld__sys_listen_at(path);

	if (fd != -EADDRINUSE || sigchld__sys_socket_at(path, &dev, &ino) < 0 ||
	    sigchld__sys_is_answered(path))
		return fd;
	(void)sigchld__sys_unlink(path);
	return sigchld__sys_listen_at(path);
}

static int
make_claimed(struct sigchld_master *master, struct sigchld__listener *listener)
{
	int fd = listen_at(listener->path), rc;

	if (fd < 0)
		return fd;
	rc = sigchld__sys_socket_at(listener->path, &listener->dev,
	    &listener->ino);
	if (rc < 0) {
		(void)sigchld__sys_close(fd);
		return rc;
	}
	rc = own(master, listener, fd);
	listener->made = true;
	if (rc < 0)
		remove_file(listener);
	return rc;
}

static bool
is_taken(const char *path)
{
	uint64_t dev, ino;
	int rc = sigchld__sys_socket_at(path, &dev, &ino);

	return rc == -ENOTSOCK || (rc == 0 && sigchld__sys_is_answered(path));
}

/* Why there is no claim; where we may make no file somebody may be all the same. */
static int
refusal(const char *path, int rc)
{
	if (rc == -EAGAIN)
		return -EADDRINUSE;
	if (rc != -EACCES && rc != -EROFS)
		return rc;
	return is_taken(path) ? -EADDRINUSE : rc;
}

/* C7. Under the no-fork lock. */
static int
make(struct sigchld_master *master, struct sigchld__listener *listener)
{
	char claim[sizeof(listener->path) + sizeof(".claim")];
	int lock, rc;

	(void)snprintf(claim, sizeof(claim), "%s.claim", listener->path);
	lock = sigchld__sys_lock_file(claim);
	if (lock < 0)
		return refusal(listener->path, lock);
	rc = make_claimed(master, listener);
	(void)sigchld__sys_unlink(claim);
	(void)sigchld__sys_close(lock);
	return rc;
}

static int
open_at(struct sigchld_master *master, const char *path)
{
	struct sigchld__control *control = &master->control;
	struct sigchld__listener *listener =
	    control->now.fd == -1 ? &control->now : &control->next;
	int rc =
	    sigchld__sys_absolute(path, listener->path, sizeof(listener->path));

	if (rc < 0)
		return rc;
	if (listener == &control->next &&
	    strcmp(control->next.path, control->now.path) == 0)
		return 0; /* it is there */
	sigchld__nofork_begin();
	rc = make(master, listener);
	sigchld__nofork_end();
	return rc;
}

int
sigchld__control_open(struct sigchld_master *master, const char *path)
{
	int rc = 0;

	sigchld__ctx_lock(master->part.ctx);
	master->control.wanted = path != NULL;
	if (path != NULL)
		rc = open_at(master, path);
	sigchld__ctx_unlock(master->part.ctx);
	return rc;
}

/* While another one goes on: whoever has connected here before is heard as well. */
static void
give_up(struct sigchld_master *master, struct sigchld__listener *listener)
{
	if (listener->fd == -1)
		return;
	remove_file(listener);
	while (take_one(master, listener) >= 0)
		;
	close_listener(master, listener);
}

void
sigchld__control_settle(struct sigchld_master *master)
{
	struct sigchld__control *control = &master->control;
	int fd = control->next.fd;

	if (fd == -1 && control->wanted)
		return;
	give_up(master, &control->now);
	if (fd == -1)
		return;
	control->now = control->next;
	control->next.fd = -1;
}

void
sigchld__control_retreat(struct sigchld_master *master)
{
	give_up(master, &master->control.next);
}

void
sigchld__control_end(struct sigchld_master *master)
{
	struct sigchld__control *control = &master->control;

	sigchld__timer_set(master->part.ctx, &control->again, 0);
	remove_listener(master, &control->now);
	remove_listener(master, &control->next);
}

void
sigchld__control_let_go(struct sigchld_master *master)
{
	struct sigchld__control *control = &master->control;

	sigchld__timer_set(master->part.ctx, &control->again, 0);
	remove_listener(master, &control->next);
	if (control->now.made)
		remove_listener(master, &control->now);
	while (control->askers != NULL)
		sigchld__asker_let_go(control->askers);
	if (control->now.fd == -1)
		return;
	sigchld__poller_remove(&master->part.ctx->poller, control->now.fd);
	(void)sigchld__fds_take_own(control->now.ref);
	control->now.fd = -1;
}

/* From program to program */

static void
note_asker(const struct sigchld__asker *asker,
    struct sigchld__carry_asker *record)
{
	sigchld__note_file(asker->fd, &record->file);
	record->awaits = asker->awaits;
	record->json = asker->json;
	(void)memcpy(record->in, asker->in, asker->n_in);
}

int
sigchld__control_note(const struct sigchld_master *master,
    struct sigchld__carry *carry)
{
	const struct sigchld__control *control = &master->control;
	const struct sigchld__asker *asker;

	sigchld__note_file(control->now.fd, &carry->control.file);
	if (control->now.fd != -1)
		(void)strcpy(carry->control.path, control->now.path);
	carry->control.dev = control->now.dev;
	carry->control.ino = control->now.ino;
	if (control->n_askers == 0)
		return 0;
	carry->askers_v =
	    sigchld__sys_alloc(control->n_askers, sizeof(*carry->askers_v));
	if (carry->askers_v == NULL)
		return -ENOMEM;
	for (asker = control->askers; asker != NULL; asker = asker->next) {
		if (sigchld__asker_can_go_over(asker))
			note_asker(asker, &carry->askers_v[carry->n_askers++]);
	}
	return 0;
}

int
sigchld__control_inherit(const struct sigchld_master *master, bool on)
{
	const struct sigchld__control *control = &master->control;
	const struct sigchld__asker *asker;
	int rc = 0;

	if (control->now.fd != -1)
		rc = sigchld__sys_inherit(control->now.fd, on);
	for (asker = control->askers; asker != NULL && rc == 0;
	     asker = asker->next) {
		if (sigchld__asker_can_go_over(asker))
			rc = sigchld__sys_inherit(asker->fd, on);
	}
	return rc;
}

static int
adopt_listener(struct sigchld_master *master,
    const struct sigchld__carry_control *record)
{
	struct sigchld__listener *now = &master->control.now;
	int fd = sigchld__adopt_file(&record->file, true);

	if (fd < 0 || !sigchld__sys_listens_at(fd, record->path) ||
	    sigchld__sys_nonblock(fd) < 0)
		return -EPROTO;
	(void)strcpy(now->path, record->path);
	now->dev = record->dev;
	now->ino = record->ino;
	return own(master, now, fd);
}

/* Not before the first dispatch it goes on: this program may fail. */
static int
adopt_asker(struct sigchld_master *master,
    const struct sigchld__carry_asker *record)
{
	struct sigchld__asker *asker;
	int fd = sigchld__adopt_file(&record->file, true);

	if (fd < 0 || !sigchld__sys_is_trusted(fd))
		return -EPROTO;
	asker = sigchld__asker_new(master, fd);
	if (asker == NULL)
		return -ENOMEM;
	asker->json = record->json;
	asker->n_in = strlen(record->in);
	(void)memcpy(asker->in, record->in, asker->n_in);
	asker->awaits = (enum sigchld__awaits)record->awaits;
	sigchld__asker_wake(asker);
	return 0;
}

size_t
sigchld__control_adopt(struct sigchld_master *master,
    const struct sigchld__carry *carry)
{
	size_t i, refused = 0;

	sigchld__nofork_begin();
	if (carry->control.path[0] != '\0')
		refused += adopt_listener(master, &carry->control) < 0;
	for (i = 0; i < carry->n_askers; i++)
		refused += adopt_asker(master, &carry->askers_v[i]) < 0;
	sigchld__nofork_end();
	return refused;
}
