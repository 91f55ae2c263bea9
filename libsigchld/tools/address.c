/*
 * address.c - one --listen: its text, and the socket that is made of it
 *
 *	PORT		all addresses of this machine, IPv6 and IPv4
 *	HOST:PORT	the first address of HOST that can be had
 *	[ADDRESS]:PORT	that IPv6 address
 *	unix:PATH	a Unix stream socket; unix:@NAME is one in no directory
 *
 * and, in any order, ,name=NAME ,backlog=N ,mode=0660 (of a Unix socket).
 *
 * U1	A Unix socket's file has its mode from its first moment: the umask makes
 *	it, not a chmod afterwards.
 * U2	A file at which nobody listens is left over from somebody who was killed,
 *	and is replaced. No other file is. It is a datagram socket that asks: it
 *	is refused if there is nobody, and has the wrong type if there is, who
 *	never sees a connection.
 */
#include "tools/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/say.h"
#include "tools/values.h"

#define BACKLOG    4096u /* the kernel takes less if it wants to */
#define MODE       0666u
#define NAME_BYTES 255u /* of systemd */

/* The text */

static bool
is_fdname(const char *text)
{
	size_t i;

	for (i = 0; text[i] != '\0'; i++) {
		if (text[i] < ' ' || text[i] > '~' || text[i] == ':')
			return false;
	}
	return i > 0 && i <= NAME_BYTES;
}

static bool
read_detail(struct address *address, const char *text)
{
	if (strncmp(text, "name=", 5) == 0) {
		address->name = text + 5;
		return is_fdname(address->name);
	}
	if (strncmp(text, "backlog=", 8) == 0)
		return value_count(text + 8, 1, 0x7fffffff, &address->backlog);
	return strncmp(text, "mode=", 5) == 0 && address->port == NULL &&
	    value_mode(text + 5, &address->mode);
}

static bool
read_port(struct address *address, char *text)
{
	uint32_t port;

	address->port = text;
	return value_count(text, 0, 65535, &port) && strcmp(text, "none") != 0;
}

static bool
read_inet(struct address *address, char *text)
{
	char *colon = strrchr(text, ':'), *end;

	if (colon == NULL)
		return read_port(address, text);
	*colon = '\0';
	if (text[0] == '[') {
		end = strchr(text, ']');
		if (end == NULL || end[1] != '\0')
			return false;
		*end = '\0';
		text++;
	} else if (strchr(text, ':') != NULL) {
		return false; /* which of the colons is it? */
	}
	address->host = text;
	return *text != '\0' && read_port(address, colon + 1);
}

static bool
read_unix(struct address *address, char *text)
{
	const size_t room = sizeof(((struct sockaddr_un *)NULL)->sun_path);
	size_t n = strlen(text);

	address->host = text;
	return (text[0] == '@' ? n > 1 : n > 0) && n < room;
}

/* The copy is never freed: options live as long as the program. */
bool
address_read(struct address *ret_address, const char *text)
{
	struct address read = { .text = text,
		.name = "unknown",
		.backlog = BACKLOG,
		.mode = MODE };
	char *copy = strdup(text), *comma, *next;
	bool good;

	if (copy == NULL)
		return false;
	next = strchr(copy, ',');
	if (next != NULL)
		*next++ = '\0';
	good = strncmp(copy, "unix:", 5) == 0 ? read_unix(&read, copy + 5)
					      : read_inet(&read, copy);
	while (good && next != NULL) {
		comma = strchr(next, ',');
		if (comma != NULL)
			*comma++ = '\0';
		good = read_detail(&read, next);
		next = comma;
	}
	if (good)
		*ret_address = read;
	else
		free(copy);
	return good;
}

/* Sockets of the internet */

/* IPv6 serves IPv4 as well, where it is all addresses. */
static int
listen_at(const struct addrinfo *info, const struct address *address)
{
	const int one = 1, zero = 0;
	int error,
	    fd = socket(info->ai_family, info->ai_socktype | SOCK_CLOEXEC,
		info->ai_protocol);

	if (fd == -1)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (info->ai_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero,
		    sizeof(zero));
	if (bind(fd, info->ai_addr, info->ai_addrlen) == 0 &&
	    listen(fd, (int)address->backlog) == 0)
		return fd;
	error = errno;
	(void)close(fd);
	return -error;
}

static int
listen_in(int family, const struct address *address)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
		.ai_family = family };
	struct addrinfo *list, *info;
	int rc = -EADDRNOTAVAIL;

	if (getaddrinfo(address->host, address->port, &hints, &list) != 0)
		return rc;
	for (info = list; info != NULL && rc < 0; info = info->ai_next)
		rc = listen_at(info, address);
	freeaddrinfo(list);
	return rc;
}

/* Where there is no IPv6, all addresses are those of IPv4. */
static int
listen_inet(const struct address *address)
{
	int rc =
	    listen_in(address->host == NULL ? AF_INET6 : AF_UNSPEC, address);

	if (address->host == NULL &&
	    (rc == -EAFNOSUPPORT || rc == -EADDRNOTAVAIL))
		rc = listen_in(AF_INET, address);
	return rc;
}

/* Unix sockets */

static socklen_t
set_path(struct sockaddr_un *at, const char *path)
{
	const size_t n = strlen(path);

	memset(at, 0, sizeof(*at));
	at->sun_family = AF_UNIX;
	memcpy(at->sun_path, path, n);
	if (path[0] != '@')
		return (socklen_t)sizeof(*at);
	at->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
}

/* U2 */
static bool
is_left_over(const struct sockaddr_un *at, socklen_t size)
{
	struct stat st;
	int fd, error;

	if (lstat(at->sun_path, &st) == -1 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return false;
	error = connect(fd, (const struct sockaddr *)at, size) == 0 ? 0 : errno;
	(void)close(fd);
	return error == ECONNREFUSED;
}

static int
bind_unix(int fd, const struct address *address)
{
	struct sockaddr_un at;
	socklen_t size = set_path(&at, address->host);
	mode_t before;
	int rc;

	if (at.sun_path[0] != '\0' && is_left_over(&at, size))
		(void)unlink(at.sun_path);
	before = umask(0777 & ~(mode_t)address->mode); /* U1 */
	rc = bind(fd, (struct sockaddr *)&at, size);
	(void)umask(before);
	return rc;
}

static int
listen_unix(const struct address *address)
{
	int error, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return -errno;
	if (bind_unix(fd, address) == 0 &&
	    listen(fd, (int)address->backlog) == 0)
		return fd;
	error = errno;
	(void)close(fd);
	return -error;
}

int
address_listen(const struct address *address)
{
	return address->port == NULL ? listen_unix(address)
				     : listen_inet(address);
}

/* The port, which is ours to choose if it was 0. */
void
address_show(const struct address *address, int fd, int number)
{
	union {
		struct sockaddr any;
		struct sockaddr_in six;
		struct sockaddr_storage room;
	} at;
	socklen_t size = sizeof(at);

	if (address->port == NULL || getsockname(fd, &at.any, &size) == -1)
		say(SAY_NORMAL, "listening: unix:%s is %d (%s)", address->host,
		    number, address->name);
	else /* both kinds have their port at the same place */
		say(SAY_NORMAL, "listening: port %u is %d (%s)",
		    ntohs(at.six.sin_port), number, address->name);
}

void
addresses_unlink(const struct address *addresses, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (addresses[i].port == NULL && addresses[i].host[0] != '@')
			(void)unlink(addresses[i].host);
	}
}
