/*
 * order.c - a line of the control socket, understood
 *
 *	[json] COMMAND [ARGUMENT]...
 *
 * Words are parted by blanks and tabs; a carriage return at the end is none of
 * them. The text of a query is the rest of the line, as it is but for the blanks
 * before it.
 *
 * K1	Each byte that is looked at lies within len, whatever it is.
 * K2	A number is decimal, without a sign, and of 1 to 2147483647.
 * K3	Nothing is understood that has a word too many.
 */
#include <errno.h>
#include <string.h>

#include "worker/order.h"

enum arguments {
	NOTHING,
	NUMBER,
	NUMBER_AND_TEXT,
};

static const struct {
	const char *words[2];
	enum sigchld__verb verb;
	enum arguments arguments;
} commands[] = {
	{ { "help", NULL }, SIGCHLD__ORDER_HELP, NOTHING },
	{ { "ready", NULL }, SIGCHLD__ORDER_READY, NOTHING },
	{ { "show", "proc" }, SIGCHLD__ORDER_SHOW_PROC, NOTHING },
	{ { "show", "stat" }, SIGCHLD__ORDER_SHOW_STAT, NOTHING },
	{ { "query", NULL }, SIGCHLD__ORDER_QUERY, NUMBER_AND_TEXT },
	{ { "reload", NULL }, SIGCHLD__ORDER_RELOAD, NOTHING },
	{ { "roll", NULL }, SIGCHLD__ORDER_ROLL, NOTHING },
	{ { "stop", "now" }, SIGCHLD__ORDER_STOP_NOW, NOTHING },
	{ { "stop", NULL }, SIGCHLD__ORDER_STOP, NOTHING },
	{ { "workers", NULL }, SIGCHLD__ORDER_WORKERS, NUMBER },
};

const char *const sigchld__order_help[] = {
	"help              this list",
	"ready             is it ready to serve?",
	"show proc         the master and its workers",
	"show stat         numbers",
	"query PID TEXT    ask a worker",
	"reload            execute the program anew, and wait for the outcome",
	"roll              replace the workers, and wait for the outcome",
	"stop              the workers finish, and the master ends",
	"stop now          the workers end, and the master; twice: sooner",
	"workers N         have so many",
	"json COMMAND      the answer is a line of JSON",
	NULL,
};

/* What is left of the line. */
struct rest {
	const char *at;
	size_t len;
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void
skip_blanks(struct rest *rest)
{
	while (rest->len > 0 && is_blank(*rest->at)) {
		rest->at++;
		rest->len--;
	}
}

/* The next word, and the blanks after it, if it is this one. */
static bool
take_word(struct rest *rest, const char *word)
{
	size_t n = strlen(word);

	if (rest->len < n || memcmp(rest->at, word, n) != 0 ||
	    (rest->len > n && !is_blank(rest->at[n])))
		return false;
	rest->at += n;
	rest->len -= n;
	skip_blanks(rest);
	return true;
}

/* K2 */
static bool
take_number(struct rest *rest, uint32_t *ret_number)
{
	uint32_t number = 0;
	size_t i;

	for (i = 0; i < rest->len && !is_blank(rest->at[i]); i++) {
		unsigned char digit = (unsigned char)(rest->at[i] - '0');

		if (digit > 9 || number > ((uint32_t)INT32_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	rest->at += i;
	rest->len -= i;
	skip_blanks(rest);
	*ret_number = number;
	return number > 0;
}

static bool
take_command(struct rest *rest, const char *const words[2])
{
	struct rest ahead = *rest;

	if (!take_word(&ahead, words[0]) ||
	    (words[1] != NULL && !take_word(&ahead, words[1])))
		return false;
	*rest = ahead;
	return true;
}

static int
take_arguments(struct rest *rest, enum arguments arguments,
    struct sigchld__order *order)
{
	if (arguments != NOTHING && !take_number(rest, &order->number))
		return -EINVAL;
	if (arguments == NUMBER_AND_TEXT) {
		order->text = rest->at;
		order->len = rest->len;
		return rest->len > 0 ? 0 : -EINVAL;
	}
	return rest->len == 0 ? 0 : -EINVAL;
}

int
sigchld__order_read(const char *line, size_t len,
    struct sigchld__order *ret_order)
{
	struct sigchld__order order = { .verb = SIGCHLD__ORDER_NONE };
	struct rest rest = { line, len };
	size_t i;
	int rc;

	if (len > 0 && line[len - 1] == '\r')
		rest.len--;
	skip_blanks(&rest);
	order.json = take_word(&rest, "json");
	*ret_order = order;
	if (rest.len == 0)
		return order.json ? -ENOENT : 0;
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!take_command(&rest, commands[i].words))
			continue;
		order.verb = commands[i].verb;
		rc = take_arguments(&rest, commands[i].arguments, &order);
		if (rc == 0)
			*ret_order = order;
		return rc;
	}
	return -ENOENT;
}
