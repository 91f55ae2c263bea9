/* text.c - text that grows, and what may be in one */
#include "worker/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/sys.h"

/* The bytes that follow the first one of a character; -1: it is none.
 * *ret_least is the least code that needs so many. */
static int
followers(unsigned char first, unsigned int *ret_code, unsigned int *ret_least)
{
	static const struct {
		unsigned char mask, lead;
		unsigned int least;
	} forms[] = { { 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 },
		{ 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
	int i;

	for (i = 0; i < 4; i++) {
		if ((first & forms[i].mask) != forms[i].lead)
			continue;
		*ret_code = first & (unsigned char)~forms[i].mask;
		*ret_least = forms[i].least;
		return i;
	}
	return -1;
}

size_t
sigchld__text_character(const char *text, size_t len)
{
	unsigned int code, least;
	int n = followers((unsigned char)text[0], &code, &least), i;

	if (n < 0 || (size_t)n >= len)
		return 0;
	for (i = 1; i <= n; i++) {
		const unsigned char next = (unsigned char)text[i];

		if ((next & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (next & 0x3f);
	}
	if (code < least || code > 0x10ffff ||
	    (code >= 0xd800 && code < 0xe000))
		return 0;
	return (size_t)n + 1;
}

/* Room for so many more, and a NUL. */
static bool
make_room(struct sigchld__text *text, size_t len)
{
	size_t room = text->room == 0 ? 256 : text->room;
	char *v;

	if (text->failed || len > SIZE_MAX / 4 - text->n)
		text->failed = true;
	while (!text->failed && room - text->n <= len)
		room *= 2;
	if (text->failed || room == text->room)
		return !text->failed;
	v = sigchld__sys_room(room);
	if (v == NULL) {
		text->failed = true;
		return false;
	}
	if (text->n > 0)
		(void)memcpy(v, text->v, text->n);
	free(text->v);
	text->v = v;
	text->room = room;
	return true;
}

void
sigchld__text_put(struct sigchld__text *text, const char *bytes, size_t len)
{
	if (!make_room(text, len))
		return;
	if (len > 0)
		(void)memcpy(text->v + text->n, bytes, len);
	text->n += len;
	text->v[text->n] = '\0';
}

void
sigchld__text_print(struct sigchld__text *text, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0 || !make_room(text, (size_t)n)) {
		text->failed = true;
		return;
	}
	va_start(args, format);
	(void)vsnprintf(text->v + text->n, (size_t)n + 1, format, args);
	va_end(args);
	text->n += (size_t)n;
}

/* A character of more than 16 bits is a pair of them. */
static void
put_code(struct sigchld__text *text, uint32_t code)
{
	if (code >= 0x10000)
		sigchld__text_print(text, "\\u%04x\\u%04x",
		    (unsigned int)(0xd800 + ((code - 0x10000) >> 10)),
		    (unsigned int)(0xdc00 + ((code - 0x10000) & 0x3ff)));
	else
		sigchld__text_print(text, "\\u%04x", (unsigned int)code);
}

/* That of a valid character. */
static uint32_t
code_of(const char *bytes, size_t n)
{
	static const unsigned char lead[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t code = (unsigned char)bytes[0] & lead[n];
	size_t i;

	for (i = 1; i < n; i++)
		code = code << 6 | ((unsigned char)bytes[i] & 0x3f);
	return code;
}

static bool
is_plain(char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

void
sigchld__text_quote(struct sigchld__text *text, const char *bytes, size_t len)
{
	size_t n;

	sigchld__text_put(text, "\"", 1);
	for (; len > 0; bytes += n, len -= n) {
		n = sigchld__text_character(bytes, len);
		if (n == 1 && is_plain(*bytes))
			sigchld__text_put(text, bytes, 1);
		else
			put_code(text, n == 0 ? 0xfffd : code_of(bytes, n));
		if (n == 0)
			n = 1;
	}
	sigchld__text_put(text, "\"", 1);
}

void
sigchld__text_clear(struct sigchld__text *text)
{
	free(text->v);
	*text = (struct sigchld__text){ .v = NULL };
}
