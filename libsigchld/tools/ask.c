/*
 * ask.c - ask a master that runs, at its control socket
 *
 *	we			the master
 *
 *	connect
 *	a line		->	an order
 *	shut down our side	no other will come
 *			<-	lines, and an empty one, perhaps after a reload
 *			<-	end of file
 *
 * An answer whose empty line is missing was cut: the master ended on the way.
 */
#include "tools/ask.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "tools/say.h"

enum {
	REFUSED = 1,
	NOBODY = 2
};

#define LINE 65536 /* of an order, more than a master takes */

struct answer {
	char *text;
	size_t n;
};

/* Gives its length, or 0: too long, or more than a line. */
static size_t
make_order(char *line, char *const *words, bool json)
{
	size_t n = 0;

	n += (size_t)snprintf(line, LINE, "%s", json ? "json" : "");
	for (; *words != NULL && n < LINE; words++)
		n += (size_t)snprintf(line + n, LINE - n, "%s%s",
		    n == 0 ? "" : " ", *words);
	if (n >= LINE - 1 || strchr(line, '\n') != NULL)
		return 0;
	line[n++] = '\n';
	return n;
}

static int
connect_to(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int error, fd;

	if (strlen(path) >= sizeof(at.sun_path))
		return -ENAMETOOLONG;
	(void)strcpy(at.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	error = errno;
	(void)close(fd);
	return -error;
}

static int
send_all(int fd, const char *text, size_t n)
{
	ssize_t sent;

	for (; n > 0; text += sent, n -= (size_t)sent) {
		sent = send(fd, text, n, MSG_NOSIGNAL);
		if (sent < 0)
			return -errno;
	}
	return shutdown(fd, SHUT_WR) == 0 ? 0 : -errno;
}

static int
receive_all(int fd, struct answer *answer)
{
	size_t room = 0;
	ssize_t n;
	char *more;

	do {
		if (answer->n + 1 >= room) {
			room = room == 0 ? 4096 : 2 * room;
			more = realloc(answer->text, room);
			if (more == NULL)
				return -ENOMEM;
			answer->text = more;
		}
		n = read(fd, answer->text + answer->n, room - answer->n - 1);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			answer->n += (size_t)n;
	} while (n != 0);
	answer->text[answer->n] = '\0';
	return 0;
}

/* Without its empty line. False: there is none. */
static bool
complete(struct answer *answer)
{
	if (answer->n < 2 || strcmp(answer->text + answer->n - 2, "\n\n") != 0)
		return false;
	answer->text[--answer->n] = '\0';
	return true;
}

static int
begins(const struct answer *answer, const char *with)
{
	return strncmp(answer->text, with, strlen(with)) == 0;
}

static int
show(const struct answer *answer)
{
	(void)fwrite(answer->text, 1, answer->n, stdout);
	if (fflush(stdout) != 0)
		return EX_IOERR;
	return begins(answer, "error") || begins(answer, "{\"ok\":false")
	    ? REFUSED
	    : EX_OK;
}

static int
converse(int fd, const char *order, size_t n)
{
	struct answer answer = { .text = NULL };
	int status, rc = send_all(fd, order, n);

	if (rc == 0)
		rc = receive_all(fd, &answer);
	if (rc == 0 && complete(&answer)) {
		status = show(&answer);
	} else {
		say(SAY_QUIET, "there is no answer: %s",
		    rc == 0 ? "it has hung up" : strerror(-rc));
		status = NOBODY;
	}
	free(answer.text);
	return status;
}

int
ask(const char *path, char *const *words, bool json)
{
	static char order[LINE];
	size_t n = make_order(order, words, json);
	int fd, status;

	if (n == 0) {
		say(SAY_QUIET, "an order is one line, and not so long");
		return EX_USAGE;
	}
	fd = connect_to(path);
	if (fd < 0) {
		say(SAY_QUIET, "nobody answers at %s: %s", path, strerror(-fd));
		return NOBODY;
	}
	status = converse(fd, order, n);
	(void)close(fd);
	return status;
}
