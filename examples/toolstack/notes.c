/*
 * notes.c - lines of news, from any thread to the main thread
 *
 * Only the main thread writes to standard output, so that no line lands in the
 * middle of the table. The others leave their lines here and write a byte to a
 * pipe on which the main thread polls. The pipe never blocks: one that is full
 * wakes just as well.
 */
#include "notes.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

static int ends[2];
static int64_t began;

static pthread_mutex_t L = PTHREAD_MUTEX_INITIALIZER; /* the two below; leaf */
static char *lines;
static size_t n_bytes;

int
notes_open(void)
{
	began = clock_ms();
	return pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
}

int
notes_fd(void)
{
	return ends[0];
}

void
notes_drain(void)
{
	char bytes[256];

	while (read(ends[0], bytes, sizeof(bytes)) > 0)
		;
}

void
notes_wake(void)
{
	int keep = errno;

	(void)!write(ends[1], "", 1);
	errno = keep;
}

/* With L held, so that the times stand in order. */
static void
append(const char *text)
{
	int64_t ms = clock_ms() - began;
	size_t room = strlen(text) + 32;
	char *more = realloc(lines, n_bytes + room);

	if (more == NULL)
		return;
	lines = more;
	n_bytes += (size_t)snprintf(lines + n_bytes, room, "%4d.%03d  %s\n",
	    (int)(ms / 1000), (int)(ms % 1000), text);
}

void
note(const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	(void)pthread_mutex_lock(&L);
	append(text);
	(void)pthread_mutex_unlock(&L);
	notes_wake();
}

char *
notes_take(void)
{
	char *taken;

	(void)pthread_mutex_lock(&L);
	taken = lines;
	lines = NULL;
	n_bytes = 0;
	(void)pthread_mutex_unlock(&L);
	return taken;
}
