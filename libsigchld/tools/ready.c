/*
 * ready.c - when a worker's command is ready
 *
 *	exec	the master sees that it was executed: nothing to do here
 *	notify	it says READY=1 to NOTIFY_SOCKET, as to systemd
 *	a time	it lives so long after its fork
 *
 * The socket is kept by name through reloads, since former workers still have its
 * address. It has one in the abstract namespace, which the kernel chooses: no file
 * is left behind. Anybody may send there, so:
 *
 * S1	The kernel says who sent a message (SCM_CREDENTIALS), and only a worker is
 *	believed, of itself. Its children are not.
 * S2	There is room for these credentials and nothing else, so descriptors that
 *	come along are none of ours.
 *
 * The timer is for all workers that have begun: each time it is due those that
 * are old enough are ready, and it is set for the next. So a program that takes
 * over needs to know nothing of when they began: it looks at all of them when it
 * has forked its first.
 */
#include "tools/ready.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <sigchld/fd.h>

#include "tools/say.h"

#define KEPT    "notify"
#define MESSAGE 4096

/* By a message */

static void
heed_line(struct sigchld_master *master, pid_t pid, char *line)
{
	char status[256];

	if (strcmp(line, "READY=1") == 0)
		(void)sigchld_master_vouch(master, pid);
	if (strncmp(line, "STATUS=", 7) == 0) {
		(void)snprintf(status, sizeof(status), "%s", line + 7);
		(void)sigchld_master_note(master, pid, status);
	}
}

static pid_t
sender_of(struct msghdr *message)
{
	struct cmsghdr *header = CMSG_FIRSTHDR(message);
	struct ucred credentials;

	if (header == NULL || header->cmsg_level != SOL_SOCKET ||
	    header->cmsg_type != SCM_CREDENTIALS)
		return 0;
	memcpy(&credentials, CMSG_DATA(header), sizeof(credentials));
	return credentials.pid;
}

/* False: there was none. */
static bool
heed_message(int fd, struct sigchld_master *master)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	char text[MESSAGE + 1], *line, *rest;
	struct iovec part = { .iov_base = text, .iov_len = MESSAGE };
	struct msghdr message = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	pid_t pid;

	if (n < 0)
		return false;
	text[n] = '\0';
	pid = sender_of(&message);
	line = strtok_r(text, "\n", &rest);
	for (; pid > 0 && line != NULL; line = strtok_r(NULL, "\n", &rest))
		heed_line(master, pid, line);
	return true;
}

static void
message_came(struct sigchld_ctx *ctx, struct sigchld_fdref ref, uint32_t events,
    void *user)
{
	struct ready_watch *watch = user;
	int i;

	(void)ctx, (void)events;
	for (i = 0; i < 64 && heed_message(ref.fd, watch->master); i++)
		; /* not for ever: others want to be heard, too */
}

static int
make_socket(void)
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };
	const int one = 1;
	int error, fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return -errno;
	if (bind(fd, (struct sockaddr *)&any, sizeof(any.sun_family)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)) == 0)
		return fd;
	error = errno;
	(void)close(fd);
	return -error;
}

static int
find_socket(struct sigchld_master *master)
{
	int rc, fd = sigchld_master_kept(master, KEPT);

	if (fd != -ENOENT)
		return fd;
	fd = make_socket();
	rc = fd < 0 ? fd : sigchld_master_keep(master, KEPT, fd);
	if (rc < 0 && fd >= 0)
		(void)close(fd);
	return rc < 0 ? rc : fd;
}

static int
read_address(int fd, char *text, size_t size)
{
	struct sockaddr_un at;
	socklen_t length = sizeof(at);
	size_t n;

	if (getsockname(fd, (struct sockaddr *)&at, &length) == -1)
		return -errno;
	n = length - offsetof(struct sockaddr_un, sun_path);
	if (n < 2 || n >= size)
		return -EINVAL;
	memcpy(text, at.sun_path, n);
	text[0] = '@';
	text[n] = '\0';
	return 0;
}

/* The context has a descriptor of its own, since the kept one is the master's. */
static int
watch_socket(struct ready_watch *watch, struct sigchld_ctx *ctx)
{
	int rc, fd = find_socket(watch->master);

	if (fd < 0)
		return fd;
	rc = read_address(fd, watch->address, sizeof(watch->address));
	if (rc < 0)
		return rc;
	watch->notified = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (watch->notified == -1)
		return -errno;
	return sigchld_fd_insert(ctx, NULL, watch->notified, POLLIN,
	    message_came, watch);
}

/* By a time */

struct search {
	struct ready_watch *watch;
	uint64_t next_ms; /* 0: none begins */
};

static int
look_at(const struct sigchld_crew_info *info, void *user)
{
	struct search *search = user;
	uint64_t after_ms = search->watch->after_ms, left;

	if (info->state != SIGCHLD_CREW_STARTING)
		return 0;
	if (info->age_ms >= after_ms) {
		(void)sigchld_master_vouch(search->watch->master, info->pid);
		return 0;
	}
	left = after_ms - info->age_ms;
	if (search->next_ms == 0 || left < search->next_ms)
		search->next_ms = left;
	return 0;
}

void
ready_look(struct ready_watch *watch)
{
	struct search search = { .watch = watch };
	struct itimerspec at = { { 0, 0 }, { 0, 0 } };

	if (watch->timer == -1)
		return;
	(void)sigchld_master_foreach(watch->master, look_at, &search);
	at.it_value.tv_sec = (time_t)(search.next_ms / 1000);
	at.it_value.tv_nsec = (long)(search.next_ms % 1000) * 1000000;
	(void)timerfd_settime(watch->timer, 0, &at, NULL);
}

static void
time_came(struct sigchld_ctx *ctx, struct sigchld_fdref ref, uint32_t events,
    void *user)
{
	uint64_t times;

	(void)ctx, (void)events;
	if (read(ref.fd, &times, sizeof(times)) > 0)
		ready_look(user);
}

static int
watch_time(struct ready_watch *watch, struct sigchld_ctx *ctx)
{
	watch->timer =
	    timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (watch->timer == -1)
		return -errno;
	return sigchld_fd_insert(ctx, NULL, watch->timer, POLLIN, time_came,
	    watch);
}

/* All */

int
ready_begin(struct ready_watch *watch, const struct options *o,
    struct sigchld_ctx *ctx, struct sigchld_master *master)
{
	int rc = 0;

	*watch = (struct ready_watch){ .master = master,
		.after_ms = o->ready_after_ms,
		.timer = -1,
		.notified = -1 };
	if (o->ready == READY_NOTIFY)
		rc = watch_socket(watch, ctx);
	else if (o->ready == READY_LATER)
		rc = watch_time(watch, ctx);
	if (rc < 0)
		say(SAY_QUIET, "cannot watch who is ready: %s", strerror(-rc));
	return rc;
}

void
ready_end(struct ready_watch *watch)
{
	if (watch->timer != -1)
		(void)close(watch->timer);
	if (watch->notified != -1)
		(void)close(watch->notified);
}

int
ready_environ(const struct ready_watch *watch)
{
	if (watch->address[0] == '\0')
		return 0;
	return setenv("NOTIFY_SOCKET", watch->address, 1) == 0 ? 0 : -errno;
}
