/*
 * commands.c - commands from standard input
 *
 * The same code reads a pipe, a terminal that hands over whole lines, and a
 * terminal that hands over each key because a table is shown on it; so it knows
 * the few keys that one needs to correct a line.
 */
#include "commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "notes.h"

static const char usage[] =
    "commands: start NAME, stop NAME, kill NAME, list, quit";

static struct domain *
find(const struct commands *c, const char *name)
{
	struct view view;

	for (size_t i = 0; i < c->n; i++) {
		domain_view(c->domains[i], &view);
		if (strcmp(view.name, name) == 0)
			return c->domains[i];
	}
	return NULL;
}

static void
post(const struct commands *c, enum verb verb, const char *name)
{
	struct domain *domain = find(c, name);

	if (domain == NULL)
		note("there is no domain '%s'", name);
	else if (domain_post(domain, verb) < 0)
		note("%s: too many requests", name);
}

static void
obey(struct commands *c, const char *line)
{
	static const char *const verbs[N_VERBS] = { "start", "stop", "kill" };
	char verb[16], name[64], more;
	int words = sscanf(line, "%15s %63s %c", verb, name, &more);

	if (words <= 0)
		return;
	for (int v = 0; words == 2 && v < N_VERBS; v++)
		if (strcmp(verb, verbs[v]) == 0) {
			post(c, (enum verb)v, name);
			return;
		}
	if (words == 1 && strcmp(verb, "quit") == 0)
		c->quit = true;
	else if (words == 1 && strcmp(verb, "list") == 0)
		c->list = true;
	else
		note("'%s'? %s", line, usage);
}

static void
end_line(struct commands *c)
{
	c->line[c->len] = '\0';
	if (c->too_long)
		note("a command that is too long");
	else
		obey(c, c->line);
	c->len = 0;
	c->too_long = false;
}

static void
take_byte(struct commands *c, char byte)
{
	enum {
		BACKSPACE = 8,
		KILL_LINE = 21,
		DELETE = 127
	};

	if (byte == '\n' || byte == '\r')
		end_line(c);
	else if (byte == BACKSPACE || byte == DELETE)
		c->len -= c->len > 0;
	else if (byte == KILL_LINE)
		c->len = 0;
	else if (c->len == sizeof(c->line) - 1)
		c->too_long = true;
	else if (byte >= ' ' || byte == '\t')
		c->line[c->len++] = byte;
}

bool
commands_read(struct commands *c, int fd)
{
	char bytes[256];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	for (ssize_t i = 0; i < n && bytes[i] != '\033'; i++)
		take_byte(c, bytes[i]); /* an escape begins an arrow key */
	if (n == 0)
		end_line(c);
	return n > 0;
}
