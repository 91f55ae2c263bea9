/* test_order.c - K1 to K3: a line of the control socket, understood or refused */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "worker/order.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

/* K1: the line ends where its memory does, so that a sanitizer, or valgrind, sees a
 * byte too many; and what is given of it lies in the line. */
static int
read_bytes(const char *bytes, size_t len, struct sigchld__order *order)
{
	static char *line;
	int rc;

	free(line);
	line = malloc(len > 0 ? len : 1);
	ck_assert_ptr_nonnull(line);
	if (len > 0)
		memcpy(line, bytes, len);
	memset(order, 0x55, sizeof(*order));
	rc = sigchld__order_read(line, len, order);
	if (rc == 0 && order->verb == SIGCHLD__ORDER_QUERY) {
		ck_assert(order->text > line && order->len > 0);
		ck_assert(order->text + order->len <= line + len);
	}
	return rc;
}

static int
read_line(const char *line, struct sigchld__order *order)
{
	return read_bytes(line, strlen(line), order);
}

static void
check_rc(const char *line, int wanted)
{
	struct sigchld__order order;
	int rc = read_line(line, &order);

	ck_assert_msg(rc == wanted, "%d instead of %d: '%s'", rc, wanted, line);
}

static const struct {
	const char *line;
	enum sigchld__verb verb;
	uint32_t number;
	const char *text;
} commands[] = {
	{ "help", SIGCHLD__ORDER_HELP, 0, NULL },
	{ "ready", SIGCHLD__ORDER_READY, 0, NULL },
	{ "show proc", SIGCHLD__ORDER_SHOW_PROC, 0, NULL },
	{ "show stat", SIGCHLD__ORDER_SHOW_STAT, 0, NULL },
	{ "query 71 how are you", SIGCHLD__ORDER_QUERY, 71, "how are you" },
	{ "reload", SIGCHLD__ORDER_RELOAD, 0, NULL },
	{ "roll", SIGCHLD__ORDER_ROLL, 0, NULL },
	{ "stop", SIGCHLD__ORDER_STOP, 0, NULL },
	{ "stop now", SIGCHLD__ORDER_STOP_NOW, 0, NULL },
	{ "workers 4", SIGCHLD__ORDER_WORKERS, 4, NULL },
};

static void
check_command(size_t i, const char *before, const char *after, bool json)
{
	struct sigchld__order order;
	char line[128];

	if (commands[i].verb == SIGCHLD__ORDER_QUERY)
		after = after[0] == '\r' ? after : ""; /* else it is its text */
	(void)snprintf(line, sizeof(line), "%s%s%s", before, commands[i].line,
	    after);
	ck_assert_int_eq(read_line(line, &order), 0);
	ck_assert_int_eq(order.verb, commands[i].verb);
	ck_assert_int_eq(order.json, json);
	ck_assert_uint_eq(order.number, commands[i].number);
	if (commands[i].text == NULL)
		return;
	ck_assert_uint_eq(order.len, strlen(commands[i].text));
	ck_assert_mem_eq(order.text, commands[i].text, order.len);
}

START_TEST(k1_each_command)
{
	size_t i;

	for (i = 0; i < N(commands); i++) {
		check_command(i, "", "", false);
		check_command(i, "json ", "", true);
	}
	ck_assert_uint_eq(N(commands), SIGCHLD__ORDER_WORKERS); /* all */
}
END_TEST

START_TEST(k1_blanks_and_a_carriage_return)
{
	size_t i;

	for (i = 0; i < N(commands); i++) {
		check_command(i, " \t ", " \t", false);
		check_command(i, "\tjson \t", "  ", true);
		check_command(i, "", "\r", false);
		check_command(i, "json ", " \r", true);
	}
	check_rc("show \t proc", 0);
	check_rc("stop\t\tnow ", 0);
	check_rc("workers \t 7 ", 0);
	check_rc("help\r\r", -ENOENT); /* one is none of the words */
	check_rc("\rhelp", -ENOENT);
}
END_TEST

START_TEST(k1_a_line_of_nothing)
{
	static const char *const lines[] = { "", " ", "\t \t", "\r", " \r" };
	struct sigchld__order order;
	size_t i;

	for (i = 0; i < N(lines); i++) {
		ck_assert_int_eq(read_line(lines[i], &order), 0);
		ck_assert_int_eq(order.verb, SIGCHLD__ORDER_NONE);
		ck_assert(!order.json);
	}
}
END_TEST

/* Whoever wants JSON is refused in JSON. */
START_TEST(k1_json_is_known_before_the_rest)
{
	static const char *const lines[] = { "json", "json nothing", "json \r",
		"json stop it", "json query", "json workers 0" };
	struct sigchld__order order;
	size_t i;

	for (i = 0; i < N(lines); i++) {
		ck_assert_int_lt(read_line(lines[i], &order), 0);
		ck_assert(order.json);
		ck_assert_int_eq(order.verb, SIGCHLD__ORDER_NONE);
	}
	ck_assert_int_lt(read_line("jsonhelp", &order), 0);
	ck_assert(!order.json);
	check_rc("json json help", -ENOENT);
}
END_TEST

START_TEST(k1_a_query_is_passed_on_as_it_is)
{
	struct sigchld__order order;

	ck_assert_int_eq(read_line("query 5 \t a  b\t\x01\xff \r", &order), 0);
	ck_assert_uint_eq(order.len, 8);
	ck_assert_mem_eq(order.text, "a  b\t\x01\xff ", 8);
	check_rc("query 5 ", -EINVAL);
	check_rc("query 5", -EINVAL);
	check_rc("query 5 \r", -EINVAL);
	check_rc("query", -EINVAL);
	check_rc("query text", -EINVAL);
}
END_TEST

START_TEST(k1_no_part_of_a_line_is_read_beyond)
{
	struct sigchld__order order;
	char line[128];
	size_t i, len;

	for (i = 0; i < N(commands); i++) {
		(void)snprintf(line, sizeof(line), "json %s\r",
		    commands[i].line);
		for (len = 0; len <= strlen(line); len++)
			(void)read_bytes(line, len, &order);
	}
	ck_assert_int_eq(read_bytes("help\0", 5, &order), -ENOENT);
	ck_assert_int_eq(read_bytes("\0help", 5, &order), -ENOENT);
	ck_assert_int_eq(read_bytes("workers 1\0", 10, &order), -EINVAL);
}
END_TEST

START_TEST(k2_numbers_at_their_bounds)
{
	struct sigchld__order order;

	ck_assert_int_eq(read_line("workers 1", &order), 0);
	ck_assert_uint_eq(order.number, 1);
	ck_assert_int_eq(read_line("workers 2147483647", &order), 0);
	ck_assert_uint_eq(order.number, 2147483647u);
	ck_assert_int_eq(read_line("workers 0000000000000000012", &order), 0);
	ck_assert_uint_eq(order.number, 12);
	ck_assert_int_eq(read_line("query 2147483647 x", &order), 0);
	ck_assert_uint_eq(order.number, 2147483647u);
}
END_TEST

START_TEST(k2_what_is_no_number)
{
	static const char *const numbers[] = { "", "0", "00", "-1", "+1",
		"2147483648", "4294967295", "4294967296", "4294967297",
		"18446744073709551617", "99999999999999999999999999999999",
		"0x10", "1e3", "1.5", "ten", "1a", "a1", "\xb2", "1,2" };
	char line[128];
	size_t i;

	for (i = 0; i < N(numbers); i++) {
		(void)snprintf(line, sizeof(line), "workers %s", numbers[i]);
		check_rc(line, -EINVAL);
		(void)snprintf(line, sizeof(line), "query %s x", numbers[i]);
		check_rc(line, -EINVAL);
	}
}
END_TEST

START_TEST(k3_a_word_too_many)
{
	static const char *const lines[] = { "help me", "ready now",
		"show proc all", "show stat 1", "reload now", "roll 1",
		"stop it", "stop now please", "stop nowhere", "workers 1 2",
		"workers" };
	size_t i;

	for (i = 0; i < N(lines); i++)
		check_rc(lines[i], -EINVAL);
}
END_TEST

START_TEST(k3_what_is_no_command)
{
	static const char *const lines[] = { "x", "hel", "helpme", "Help",
		"show", "show pro", "show process", "proc", "now", "stopnow",
		"reloads", "quit", "query1 x", "?", "\xff" };
	size_t i;

	for (i = 0; i < N(lines); i++)
		check_rc(lines[i], -ENOENT);
}
END_TEST

/* Each command is in the list, and each line of the list begins with one. */
START_TEST(the_list_has_all_of_them)
{
	size_t i, n, words;

	for (n = 0; sigchld__order_help[n] != NULL; n++)
		ck_assert_ptr_null(strpbrk(sigchld__order_help[n], "\r\n"));
	ck_assert_uint_eq(n, N(commands) + 1); /* and json */
	for (i = 0; i < N(commands); i++) {
		words = strcspn(commands[i].line, "0123456789");
		while (words > 0 && commands[i].line[words - 1] == ' ')
			words--;
		for (n = 0; sigchld__order_help[n] != NULL; n++)
			if (strncmp(sigchld__order_help[n], commands[i].line,
				words) == 0 &&
			    sigchld__order_help[n][words] == ' ')
				break;
		ck_assert_msg(sigchld__order_help[n] != NULL, "%s",
		    commands[i].line);
	}
}
END_TEST

HARNESS("order",
    {
	HARNESS_TEST(k1_each_command),
	HARNESS_TEST(k1_blanks_and_a_carriage_return),
	HARNESS_TEST(k1_a_line_of_nothing),
	HARNESS_TEST(k1_json_is_known_before_the_rest),
	HARNESS_TEST(k1_a_query_is_passed_on_as_it_is),
	HARNESS_TEST(k1_no_part_of_a_line_is_read_beyond),
	HARNESS_TEST(k2_numbers_at_their_bounds),
	HARNESS_TEST(k2_what_is_no_number),
	HARNESS_TEST(k3_a_word_too_many),
	HARNESS_TEST(k3_what_is_no_command),
	HARNESS_TEST(the_list_has_all_of_them),
    })
