/*
 * fuzz_order.c - whatever a line of the control socket is, what comes out is sane
 *
 * Of each input, which is taken as a line and as a text:
 *
 * Z1	an order keeps K2 of order.c, its text lies in the line, and nothing beyond
 *	the line is read (AddressSanitizer knows);
 * Z2	written out again, with single blanks, it is the same order;
 * Z3	quoted it is a string of JSON in printable ASCII, and what that says is the
 *	text, with U+FFFD for each byte that is no part of a character. What a
 *	character is, is found here in another way than in text.c.
 *
 * fuzzed: worker/order.c worker/text.c
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/order.h"
#include "worker/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
			    #condition); \
			abort(); \
		} \
	} while (0)

/* Z1, Z2 */

static bool
has_number(const struct sigchld__order *order)
{
	return order->verb == SIGCHLD__ORDER_QUERY ||
	    order->verb == SIGCHLD__ORDER_WORKERS;
}

static void
check_order(const char *line, size_t size, const struct sigchld__order *order)
{
	MUST(order->verb <= SIGCHLD__ORDER_WORKERS);
	MUST(has_number(order) == (order->number != 0));
	MUST(order->number <= INT32_MAX);
	if (order->verb != SIGCHLD__ORDER_QUERY) {
		MUST(order->text == NULL && order->len == 0);
		return;
	}
	MUST(order->len > 0 && order->len < size);
	MUST(order->text > line && order->text + order->len <= line + size);
}

static size_t
write_order(char *line, const struct sigchld__order *order)
{
	static const char *const words[] = { "", "help", "ready", "show proc",
		"show stat", "query", "reload", "roll", "stop", "stop now",
		"workers" };
	size_t n = (size_t)sprintf(line, "%s%s", order->json ? "json " : "",
	    words[order->verb]);

	if (has_number(order))
		n += (size_t)sprintf(line + n, " %u", order->number);
	if (order->len > 0) {
		line[n++] = ' ';
		memcpy(line + n, order->text, order->len);
		n += order->len;
	}
	line[n++] = '\r'; /* for one in the text may have been the last */
	return n;
}

static void
check_again(const struct sigchld__order *order)
{
	struct sigchld__order again;
	char *line = malloc(order->len + 64);
	size_t n;

	MUST(line != NULL);
	n = write_order(line, order);
	MUST(sigchld__order_read(line, n, &again) == 0);
	MUST(again.verb == order->verb && again.json == order->json);
	MUST(again.number == order->number && again.len == order->len);
	MUST(order->len == 0 ||
	    memcmp(again.text, order->text, again.len) == 0);
	free(line);
}

static void
try_order(const char *line, size_t size)
{
	struct sigchld__order order = { .len = 77 };
	int rc = sigchld__order_read(line, size, &order);

	MUST(rc == 0 || rc == -ENOENT || rc == -EINVAL);
	check_order(line, size, &order);
	if (rc < 0)
		MUST(order.verb == SIGCHLD__ORDER_NONE);
	else
		check_again(&order);
}

/* Z3 */

/* As the table of well-formed sequences in the Unicode standard: the first byte,
 * what the second may be, and how many follow. */
static const struct {
	uint8_t first, last, from, to, followers;
} forms[] = { { 0x00, 0x7f, 0, 0, 0 }, { 0xc2, 0xdf, 0x80, 0xbf, 1 },
	{ 0xe0, 0xe0, 0xa0, 0xbf, 2 }, { 0xe1, 0xec, 0x80, 0xbf, 2 },
	{ 0xed, 0xed, 0x80, 0x9f, 2 }, { 0xee, 0xef, 0x80, 0xbf, 2 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 3 }, { 0xf1, 0xf3, 0x80, 0xbf, 3 },
	{ 0xf4, 0xf4, 0x80, 0x8f, 3 } };

static size_t
well_formed(const uint8_t *at, size_t left)
{
	size_t i, n;

	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (at[0] < forms[i].first || at[0] > forms[i].last)
			continue;
		n = forms[i].followers;
		if (n >= left)
			return 0;
		if (n > 0 && (at[1] < forms[i].from || at[1] > forms[i].to))
			return 0;
		if ((n > 1 && (at[2] & 0xc0) != 0x80) ||
		    (n > 2 && (at[3] & 0xc0) != 0x80))
			return 0;
		return n + 1;
	}
	return 0;
}

static uint32_t
read_hex(const char *at)
{
	uint32_t value = 0;
	int i;

	for (i = 0; i < 4; i++) {
		const char *digit = strchr("0123456789abcdef", at[i]);

		MUST(digit != NULL && at[i] != '\0');
		value = value * 16 + (uint32_t)(digit - "0123456789abcdef");
	}
	return value;
}

static size_t
put_utf8(uint8_t *out, uint32_t code)
{
	if (code < 0x80) {
		out[0] = (uint8_t)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (uint8_t)(0xc0 | code >> 6);
		out[1] = (uint8_t)(0x80 | (code & 63));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (uint8_t)(0xe0 | code >> 12);
		out[1] = (uint8_t)(0x80 | (code >> 6 & 63));
		out[2] = (uint8_t)(0x80 | (code & 63));
		return 3;
	}
	out[0] = (uint8_t)(0xf0 | code >> 18);
	out[1] = (uint8_t)(0x80 | (code >> 12 & 63));
	out[2] = (uint8_t)(0x80 | (code >> 6 & 63));
	out[3] = (uint8_t)(0x80 | (code & 63));
	return 4;
}

/* What the next part of a string of JSON says; half a pair is none. */
static uint32_t
read_code(const char **at)
{
	uint32_t code, low;

	if (**at != '\\') {
		MUST(**at != '"' && **at >= ' ' && **at < 0x7f);
		return (uint8_t) * (*at)++;
	}
	MUST((*at)[1] == 'u');
	code = read_hex(*at + 2);
	*at += 6;
	MUST(code < 0xdc00 || code > 0xdfff);
	if (code < 0xd800 || code > 0xdbff)
		return code;
	MUST((*at)[0] == '\\' && (*at)[1] == 'u');
	low = read_hex(*at + 2);
	MUST(low >= 0xdc00 && low <= 0xdfff);
	*at += 6;
	return 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
}

static void
check_quoted(const uint8_t *data, size_t size, const char *quoted, size_t len)
{
	const char *at = quoted + 1, *end = quoted + len - 1;
	uint8_t bytes[4];
	size_t n, said;

	MUST(len >= 2 && *quoted == '"' && *end == '"' && quoted[len] == '\0');
	while (size > 0) {
		n = well_formed(data, size);
		MUST(sigchld__text_character((const char *)data, size) == n);
		MUST(at < end);
		said = put_utf8(bytes, read_code(&at));
		if (n == 0)
			MUST(said == 3 &&
			    memcmp(bytes, "\xef\xbf\xbd", 3) == 0);
		else
			MUST(said == n && memcmp(bytes, data, n) == 0);
		data += n == 0 ? 1 : n;
		size -= n == 0 ? 1 : n;
	}
	MUST(at == end);
}

static void
try_quote(const uint8_t *data, size_t size)
{
	struct sigchld__text text = { .v = NULL };

	sigchld__text_quote(&text, (const char *)data, size);
	MUST(!text.failed && text.n < text.room);
	check_quoted(data, size, text.v, text.n);
	sigchld__text_clear(&text);
	MUST(text.v == NULL && text.n == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size > 0 ? size : 1);

	MUST(copy != NULL);
	if (size > 0)
		memcpy(copy, data, size);
	try_order((const char *)copy, size);
	try_quote(copy, size);
	free(copy);
	return 0;
}
