/*
 * stream.c - the streams of a program that is run
 *
 * Our ends are pipes that do not block. The program's ends are plain ones: the
 * two ends of a pipe have flags of their own.
 *
 * A write to a pipe that nobody reads sends SIGPIPE to the thread that writes.
 * So it is blocked for the time of a write, and taken if it came of it; one that
 * was pending before stays.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "async/sys.h"
#include "core/sys.h"
#include "spawn/stream.h"
#include "spawn/sys.h"

#define PIECE 4096

void
sigchld__stream_close(int *fd)
{
	if (*fd >= 0)
		(void)sigchld__sys_close(*fd);
	*fd = -1;
}

/* Output */

static int
grow(struct sigchld__output *o)
{
	size_t room = o->room < PIECE ? PIECE : 2 * o->room;
	char *data;

	if (room > o->limit)
		room = o->limit;
	data = sigchld__sys_alloc(1, room + 1);
	if (data == NULL)
		return -ENOMEM;
	if (o->n > 0)
		(void)memcpy(data, o->data, o->n);
	free(o->data);
	o->data = data;
	o->room = room;
	return 0;
}

/* Beyond the limit it is read all the same, so that nobody is held up. */
static int
take_some(struct sigchld__output *o)
{
	char scratch[PIECE];
	int rc;

	if (o->n == o->room && o->n < o->limit) {
		rc = grow(o);
		if (rc < 0)
			return rc;
	}
	if (o->n == o->limit) {
		rc = sigchld__sys_pipe_read(o->fd, scratch, sizeof(scratch));
		if (rc > 0)
			o->cut = true;
		return rc;
	}
	rc = sigchld__sys_pipe_read(o->fd, o->data + o->n, o->room - o->n);
	if (rc > 0)
		o->n += (size_t)rc;
	return rc;
}

int
sigchld__output_take(struct sigchld__output *output)
{
	int rc;

	rc = take_some(output);
	if (rc > 0)
		return 1;
	if (rc == -EAGAIN)
		return 0;
	if (rc < 0)
		return rc;
	sigchld__stream_close(&output->fd);
	return -EPIPE;
}

int
sigchld__output_finish(struct sigchld__output *output)
{
	int rc;

	if (output->data == NULL) {
		output->limit = 0;
		rc = grow(output);
		if (rc < 0)
			return rc;
	}
	output->data[output->n] = '\0';
	return 0;
}

/* Input */

static int
write_without_signal(int fd, const void *data, size_t size)
{
	sigset_t pipe, pending, before;
	bool was_pending;
	int rc;

	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	(void)sigchld__sys_sigmask(SIG_BLOCK, &pipe, &before);
	was_pending = sigchld__sys_sigpending(&pending) == 0 &&
	    sigismember(&pending, SIGPIPE) == 1;
	rc = sigchld__sys_pipe_write(fd, data, size);
	if (rc == -EPIPE && !was_pending)
		(void)sigchld__sys_sigtake(&pipe);
	(void)sigchld__sys_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

void
sigchld__input_give(struct sigchld__input *input)
{
	int rc = 0;

	while (input->n > 0) {
		rc = write_without_signal(input->fd, input->data, input->n);
		if (rc <= 0)
			break;
		input->data += rc;
		input->n -= (size_t)rc;
	}
	if (rc != -EAGAIN)
		sigchld__stream_close(&input->fd);
}
