/*
 * domains.c - read a file of domains and tell of every wrong line
 *
 * A reader goes line by line: a key, blanks, and a value up to the end of the
 * line. A wrong line is told and skipped, and the reading goes on, so that one
 * run shows all that is wrong. A key that was wrong still counts as given, and a
 * domain whose name was wrong still takes the keys below it: one mistake gives
 * one complaint.
 */
#include "domains.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	struct domains *domains;
	struct config *now;      /* the domain that is being read, or NULL */
	struct command *command; /* what an expect would be about, or NULL */
	uint32_t seen;           /* bits of the keys that now had */
	const char *name;
	FILE *complaints;
	int line;
	int n_wrong;
};

struct key {
	const char *name;
	void (*set)(struct reader *r, const struct key *key, char *value);
	enum number number;
	int max;
	bool again; /* may be given several times */
};

static void
wrong(struct reader *r, int line, const char *format, ...)
{
	va_list ap;

	r->n_wrong++;
	(void)fprintf(r->complaints, "%s:%d: ", r->name, line);
	va_start(ap, format);
	(void)vfprintf(r->complaints, format, ap);
	va_end(ap);
	(void)fputc('\n', r->complaints);
}

static void
finish_domain(struct reader *r)
{
	if (r->now != NULL && r->now->model.argv == NULL &&
	    !(r->seen & 1u)) /* device-model is the first key */
		wrong(r, r->now->line, "domain '%s' has no device-model",
		    r->now->name);
}

static bool
is_name(const char *s)
{
	return strlen(s) <= NAME_LEN_MAX &&
	    s[strspn(s,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789._-")] == '\0';
}

static const struct config *
find(const struct domains *domains, const char *name)
{
	for (size_t i = 0; i < domains->n; i++)
		if (strcmp(domains->list[i].name, name) == 0)
			return &domains->list[i];
	return NULL;
}

/* Gives false if the domain cannot be used under this name. */
static bool
name_is_good(struct reader *r, const char *name)
{
	const struct config *other = find(r->domains, name);

	if (*name == '\0')
		wrong(r, r->line, "a domain needs a name");
	else if (!is_name(name))
		wrong(r, r->line,
		    "bad name '%s': up to %d letters, digits, '.', '_', '-'",
		    name, NAME_LEN_MAX);
	else if (other != NULL)
		wrong(r, r->line, "domain '%s' was there on line %d", name,
		    other->line);
	else
		return true;
	return false;
}

static void
begin_domain(struct reader *r, const char *name)
{
	struct domains *all = r->domains;
	bool good = name_is_good(r, name);
	struct config *list;

	finish_domain(r);
	if (all->n == DOMAINS_MAX)
		wrong(r, r->line, "more than %d domains", DOMAINS_MAX);
	list = realloc(all->list, (all->n + 1) * sizeof(*list));
	if (list == NULL) {
		wrong(r, r->line, "out of memory");
		r->now = NULL;
		return;
	}
	all->list = list;
	r->now = &list[all->n++];
	r->command = NULL;
	r->seen = 0;
	*r->now = (struct config){ .line = r->line,
		.number = { [BACKOFF_MS] = 20, [GRACE_MS] = 1000 } };
	if (good)
		(void)strcpy(r->now->name, name);
}

/* Takes one word off *text, without its quotes, to *out. Gives false if a quote
 * is not closed. */
static bool
take_word(const char **text, char **out)
{
	char quote = '\0';

	for (; **text != '\0' && (quote || !isblank((unsigned char)**text));
	     (*text)++) {
		if (quote == '\0' && (**text == '\'' || **text == '"'))
			quote = **text;
		else if (quote != '\0' && **text == quote)
			quote = '\0';
		else
			*(*out)++ = **text;
	}
	*(*out)++ = '\0';
	return quote == '\0';
}

/* Splits text into the words of a command. Gives NULL, or what is wrong. */
static const char *
split(const char *text, char ***ret_argv)
{
	char **argv = calloc(WORDS_MAX + 1, sizeof(*argv));
	char *words = malloc(strlen(text) + 1), *out = words;
	const char *why = NULL;
	size_t n = 0;

	if (argv == NULL || words == NULL)
		why = "out of memory";
	while (why == NULL && *(text += strspn(text, " \t")) != '\0') {
		if (n == WORDS_MAX) {
			why = "too many words";
			break;
		}
		argv[n++] = out;
		if (!take_word(&text, &out))
			why = "a quote is not closed";
	}
	if (why == NULL && (n == 0 || *argv[0] == '\0'))
		why = "a command is missing";
	if (why == NULL) {
		*ret_argv = argv;
		return NULL;
	}
	free(words);
	free(argv);
	return why;
}

static void
set_command(struct reader *r, const struct key *key, struct command *command,
    const char *value)
{
	const char *why = split(value, &command->argv);

	if (why != NULL)
		wrong(r, r->line, "%s: %s", key->name, why);
	r->command = command;
}

static void
set_model(struct reader *r, const struct key *key, char *value)
{
	set_command(r, key, &r->now->model, value);
}

static void
set_helper(struct reader *r, const struct key *key, char *value)
{
	bool attach = strcmp(key->name, "attach") == 0;
	size_t *n = attach ? &r->now->n_attach : &r->now->n_detach;

	if (*n == HELPERS_MAX) {
		wrong(r, r->line, "more than %d %s helpers", HELPERS_MAX,
		    key->name);
		return;
	}
	set_command(r, key, &(attach ? r->now->attach : r->now->detach)[(*n)++],
	    value);
}

static void
set_number(struct reader *r, const struct key *key, char *value)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end != '\0' || errno != 0 ||
	    number > key->max)
		wrong(r, r->line, "bad number '%s': %s is 0 to %d", value,
		    key->name, key->max);
	else
		r->now->number[key->number] = (int)number;
}

static void
set_package(struct reader *r, const struct key *key, char *value)
{
	if (*value == '\0' || !is_name(value))
		wrong(r, r->line, "%s: bad name '%s'", key->name, value);
	else if ((r->now->package = strdup(value)) == NULL)
		wrong(r, r->line, "out of memory");
}

static bool
read_error(const char *name, struct status *ret_status)
{
	static const struct {
		const char *name;
		int number;
	} errors[] = { { "ENOENT", ENOENT }, { "EACCES", EACCES },
		{ "ENOEXEC", ENOEXEC } };

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(name, errors[i].name) == 0) {
			*ret_status =
			    (struct status){ BY_ERROR, errors[i].number };
			return true;
		}
	return false;
}

/* Gives false unless text is "exit 0" to "exit 255", "signal 1" to "signal 64"
 * or "error" with the name of one that exec gives. */
static bool
read_status(const char *text, struct status *ret_status)
{
	char word[8], what[8], more;
	int number;

	if (sscanf(text, " %7s %7s %c", word, what, &more) != 2)
		return false;
	if (strcmp(word, "error") == 0)
		return read_error(what, ret_status);
	if (sscanf(what, "%d%c", &number, &more) != 1)
		return false;
	ret_status->end = strcmp(word, "signal") == 0 ? BY_SIGNAL : BY_EXIT;
	ret_status->number = number;
	if (ret_status->end == BY_SIGNAL)
		return number >= 1 && number <= 64;
	return strcmp(word, "exit") == 0 && number >= 0 && number <= 255;
}

static void
set_expect(struct reader *r, const struct key *key, char *value)
{
	struct command *command = r->command;
	char *rest = value;

	if (command == NULL || command->n_expect > 0) {
		wrong(r, r->line, "%s has no command above it", key->name);
		return;
	}
	while (rest != NULL) {
		char *text = strsep(&rest, ",");

		if (command->n_expect == EXPECT_MAX ||
		    !read_status(text, &command->expect[command->n_expect])) {
			wrong(r, r->line,
			    "bad status '%s': want 'exit 0', 'signal 9' or "
			    "'error ENOENT', up to %d with commas between",
			    text, EXPECT_MAX);
			return;
		}
		command->n_expect++;
	}
}

static const struct key keys[] = {
	{ .name = "device-model", .set = set_model },
	{ .name = "attach", .set = set_helper, .again = true },
	{ .name = "detach", .set = set_helper, .again = true },
	{ .name = "expect", .set = set_expect, .again = true },
	{ .name = "package", .set = set_package },
	{ "restarts", set_number, RESTARTS, 10000, false },
	{ "backoff", set_number, BACKOFF_MS, 60000, false },
	{ "grace", set_number, GRACE_MS, 60000, false },
	{ "stop-after", set_number, STOP_AFTER_MS, 86400000, false },
};

static void
set_key(struct reader *r, const char *name, char *value)
{
	size_t i = 0, n = sizeof(keys) / sizeof(keys[0]);

	while (i < n && strcmp(keys[i].name, name) != 0)
		i++;
	if (i == n)
		wrong(r, r->line, "unknown key '%s'", name);
	else if (r->now == NULL)
		wrong(r, r->line, "'%s' stands before the first domain", name);
	else if ((r->seen & 1u << i) && !keys[i].again)
		wrong(r, r->line, "'%s' was given already", name);
	else
		keys[i].set(r, &keys[i], value);
	r->seen |= i < n ? 1u << i : 0;
}

static void
read_line(struct reader *r, char *line, size_t len)
{
	char *key = line + strspn(line, " \t"), *value, *end;

	if (strlen(line) != len) {
		wrong(r, r->line, "a NUL byte");
		return;
	}
	if (len > LINE_LEN_MAX) {
		wrong(r, r->line, "too long: %zu bytes, %d can be had", len,
		    LINE_LEN_MAX);
		return;
	}
	for (end = line + len; end > key && isspace((unsigned char)end[-1]);)
		*--end = '\0';
	if (*key == '\0' || *key == '#')
		return;
	value = key + strcspn(key, " \t");
	if (*value != '\0')
		*value++ = '\0';
	value += strspn(value, " \t");
	if (strcmp(key, "domain") == 0)
		begin_domain(r, value);
	else
		set_key(r, key, value);
}

int
domains_read(struct domains *ret_domains, FILE *in, const char *name,
    FILE *complaints)
{
	struct reader r = {
		.domains = ret_domains, .name = name, .complaints = complaints
	};
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	*ret_domains = (struct domains){ .n = 0 };
	while ((len = getline(&line, &size, in)) >= 0) {
		r.line++;
		read_line(&r, line, (size_t)len);
	}
	if (ferror(in))
		wrong(&r, r.line + 1, "%s", strerror(errno));
	else if (r.line == 0 || (ret_domains->n == 0 && r.n_wrong == 0))
		wrong(&r, r.line + 1, "there is no domain");
	finish_domain(&r);
	free(line);
	return r.n_wrong;
}

static void
command_free(struct command *command)
{
	if (command->argv != NULL)
		free(command->argv[0]);
	free(command->argv);
}

void
domains_free(struct domains *domains)
{
	for (size_t i = 0; i < domains->n; i++) {
		struct config *config = &domains->list[i];

		command_free(&config->model);
		for (size_t k = 0; k < HELPERS_MAX; k++) {
			command_free(&config->attach[k]);
			command_free(&config->detach[k]);
		}
		free(config->package);
	}
	free(domains->list);
}
