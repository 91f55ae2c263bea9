/*
 * test_text.c - text that grows, and what is valid UTF-8 and a string of JSON
 *
 * What a quote gives is read again by a parser that knows nothing of us.
 *
 * wrap: room
 * timeout: 120
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "harness.h"
#include "worker/sys.h"
#include "worker/text.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static int rooms_left = -1; /* until one is refused; -1: for ever */

void *__real_sigchld__sys_room(size_t size);
void *__wrap_sigchld__sys_room(size_t size);

void *
__wrap_sigchld__sys_room(size_t size)
{
	if (rooms_left == 0)
		return NULL;
	if (rooms_left > 0)
		rooms_left--;
	return __real_sigchld__sys_room(size);
}

/* In memory that ends where the bytes do. */
static size_t
character(const char *bytes, size_t len)
{
	char *copy = malloc(len);
	size_t n;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, bytes, len);
	n = sigchld__text_character(copy, len);
	free(copy);
	return n;
}

/* What the string of JSON says. */
static void
check_quote(const char *bytes, size_t len, const char *said, size_t said_len)
{
	struct sigchld__text text = { .v = NULL };
	json_t *json;
	size_t i;

	sigchld__text_quote(&text, bytes, len);
	ck_assert(!text.failed);
	for (i = 0; i < text.n; i++)
		ck_assert_msg(text.v[i] >= 0x20 && text.v[i] < 0x7f, "%d of %s",
		    text.v[i], text.v);
	json = json_loadb(text.v, text.n,
	    JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	ck_assert_msg(json_is_string(json), "%s", text.v);
	ck_assert_msg(json_string_length(json) == said_len, "%s", text.v);
	ck_assert_mem_eq(json_string_value(json), said, said_len);
	json_decref(json);
	sigchld__text_clear(&text);
}

#define SAYS(bytes, said) \
	check_quote(bytes, sizeof(bytes) - 1, said, sizeof(said) - 1)
#define ITSELF(bytes) SAYS(bytes, bytes)
#define NONE          "\xef\xbf\xbd" /* U+FFFD */

static const struct {
	const char *bytes;
	size_t n;
} valid[] = {
	{ "\x01", 1 }, { "a", 1 }, { "\x7f", 1 }, { "\xc2\x80", 2 },
	{ "\xdf\xbf", 2 }, { "\xe0\xa0\x80", 3 },
	{ "\xed\x9f\xbf", 3 }, /* before the surrogates */
	{ "\xee\x80\x80", 3 }, /* after them */
	{ "\xef\xbf\xbf", 3 }, { "\xf0\x90\x80\x80", 4 },
	{ "\xf4\x8f\xbf\xbf", 4 }, /* the last of all */
};

START_TEST(characters_of_1_to_4_bytes)
{
	char more[8];
	size_t i;

	for (i = 0; i < N(valid); i++) {
		ck_assert_uint_eq(character(valid[i].bytes, valid[i].n),
		    valid[i].n);
		(void)snprintf(more, sizeof(more), "%sx", valid[i].bytes);
		ck_assert_uint_eq(character(more, valid[i].n + 1), valid[i].n);
		check_quote(valid[i].bytes, valid[i].n, valid[i].bytes,
		    valid[i].n);
	}
	ck_assert_uint_eq(character("\0", 1), 1);
}
END_TEST

START_TEST(characters_that_are_cut)
{
	size_t i, len;

	for (i = 0; i < N(valid); i++)
		for (len = 1; len < valid[i].n; len++)
			ck_assert_uint_eq(character(valid[i].bytes, len), 0);
	SAYS("a\xe2\x82", "a" NONE NONE);
	SAYS("\xf0\x9f\x98", NONE NONE NONE);
	SAYS("\xe2z", NONE "z");
}
END_TEST

START_TEST(what_is_no_character)
{
	static const char *const none[] = { "\x80", "\xbf", /* none begins so */
		"\xfe", "\xff", "\xf8\x88\x80\x80\x80", "\xc0\x80",
		"\xc1\xbf", /* too long for what they say */
		"\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x80\x80\x80",
		"\xf0\x8f\xbf\xbf", "\xed\xa0\x80", /* surrogates */
		"\xed\xbf\xbf", "\xf4\x90\x80\x80", /* beyond the last */
		"\xf7\xbf\xbf\xbf", "\xc2\x20", "\xc2\xc2", "\xe2\x82\x20",
		"\xe2\x20\x82", "\xf0\x9f\x98\x20", "\xf0\x9f\x20\x80" };
	size_t i;

	for (i = 0; i < N(none); i++)
		ck_assert_msg(character(none[i], strlen(none[i])) == 0, "%zu",
		    i);
}
END_TEST

START_TEST(quoted_as_it_is)
{
	ITSELF("");
	ITSELF("what is plain ~!#$%&'()*+,-./:;<=>?@[]^_`{|}");
	ITSELF("a \" and a \\ and a /");
	ITSELF("\x7f");
	ITSELF("Gr\xc3\xbc\xc3\x9f"
	       "e, \xe2\x82\xac, \xf0\x9f\x98\x80");
}
END_TEST

START_TEST(quoted_with_all_control_characters)
{
	char bytes[32];
	int i;

	for (i = 0; i < 32; i++)
		bytes[i] = (char)i;
	check_quote(bytes, sizeof(bytes), bytes, sizeof(bytes));
	ITSELF("a\0b");
}
END_TEST

START_TEST(quoted_with_what_is_none)
{
	SAYS("\xff", NONE);
	SAYS("a\x80z", "a" NONE "z");
	SAYS("\xed\xa0\xbd\xed\xb8\x80", NONE NONE NONE NONE NONE NONE);
	SAYS("\xc0\xaf", NONE NONE);
	SAYS("\xf4\x90\x80\x80", NONE NONE NONE NONE);
}
END_TEST

/* Whatever three bytes there are, it parses, and what is valid comes out. */
START_TEST(quoted_whatever_it_is)
{
	unsigned int a, b, i;
	char bytes[3];
	struct sigchld__text text = { .v = NULL };

	for (a = 0; a < 256; a++)
		for (b = 0; b < 256; b++) {
			bytes[0] = (char)a;
			bytes[1] = (char)b;
			bytes[2] = (char)(a * 7 + b);
			sigchld__text_quote(&text, bytes, sizeof(bytes));
			sigchld__text_put(&text, a + b < 510 ? ",\n" : "]", 1);
		}
	{
		struct sigchld__text all = { .v = NULL };
		json_t *json;

		sigchld__text_put(&all, "[", 1);
		sigchld__text_put(&all, text.v, text.n);
		ck_assert(!all.failed && !text.failed);
		for (i = 0; i < all.n; i++)
			ck_assert(all.v[i] >= 0x20 && all.v[i] < 0x7f);
		json = json_loadb(all.v, all.n, JSON_ALLOW_NUL, NULL);
		ck_assert_uint_eq(json_array_size(json), 65536);
		json_decref(json);
		sigchld__text_clear(&all);
	}
	sigchld__text_clear(&text);
}
END_TEST

START_TEST(it_grows)
{
	struct sigchld__text text = { .v = NULL };
	unsigned int i;

	sigchld__text_put(&text, NULL, 0);
	ck_assert_uint_eq(text.n, 0);
	ck_assert_str_eq(text.v, "");
	for (i = 0; i < 10000; i++) {
		sigchld__text_put(&text, "ab", 2);
		sigchld__text_print(&text, "%04u", i);
		ck_assert_uint_eq(text.n, (i + 1) * 6);
		ck_assert_uint_gt(text.room, text.n);
		ck_assert_int_eq(text.v[text.n], '\0');
	}
	for (i = 0; i < 10000; i += 999) {
		char wanted[8];

		(void)snprintf(wanted, sizeof(wanted), "ab%04u", i);
		ck_assert_mem_eq(text.v + 6 * (size_t)i, wanted, 6);
	}
	sigchld__text_clear(&text);
	ck_assert_ptr_null(text.v);
	ck_assert_uint_eq(text.n, 0);
}
END_TEST

/* At each size that may be the last one with room. */
START_TEST(it_has_room_for_its_end)
{
	static const char bytes[1100];
	struct sigchld__text text;
	size_t len;

	for (len = 250; len < sizeof(bytes); len++) {
		text = (struct sigchld__text){ .v = NULL };
		sigchld__text_put(&text, bytes, len);
		ck_assert_uint_eq(text.n, len);
		ck_assert_uint_gt(text.room, len);
		sigchld__text_print(&text, "%*d", 20, 7);
		ck_assert_uint_gt(text.room, len + 20);
		ck_assert_str_eq(text.v + len + 19, "7");
		sigchld__text_clear(&text);
	}
}
END_TEST

START_TEST(memory_that_runs_out)
{
	struct sigchld__text text = { .v = NULL };
	char bytes[300] = "";

	rooms_left = 0;
	sigchld__text_put(&text, "a", 1);
	ck_assert(text.failed && text.n == 0 && text.v == NULL);
	sigchld__text_clear(&text);
	ck_assert(!text.failed);
	rooms_left = 1;
	sigchld__text_put(&text, "what was there", 14);
	sigchld__text_put(&text, bytes, sizeof(bytes));
	ck_assert(text.failed);
	rooms_left = -1;
	sigchld__text_put(&text, "more", 4); /* it stays failed */
	sigchld__text_print(&text, "%d", 4);
	sigchld__text_quote(&text, "more", 4);
	ck_assert(text.failed);
	ck_assert_uint_eq(text.n, 14);
	ck_assert_str_eq(text.v, "what was there");
	sigchld__text_clear(&text);
}
END_TEST

START_TEST(more_than_there_can_be)
{
	struct sigchld__text text = { .v = NULL };

	sigchld__text_put(&text, "a", 1);
	sigchld__text_put(&text, "", SIZE_MAX);
	ck_assert(text.failed);
	ck_assert_uint_eq(text.n, 1);
	sigchld__text_clear(&text);
}
END_TEST

HARNESS("text",
    {
	HARNESS_TEST(characters_of_1_to_4_bytes),
	HARNESS_TEST(characters_that_are_cut),
	HARNESS_TEST(what_is_no_character),
	HARNESS_TEST(quoted_as_it_is),
	HARNESS_TEST(quoted_with_all_control_characters),
	HARNESS_TEST(quoted_with_what_is_none),
	HARNESS_TEST(quoted_whatever_it_is),
	HARNESS_TEST(it_grows),
	HARNESS_TEST(it_has_room_for_its_end),
	HARNESS_TEST(memory_that_runs_out),
	HARNESS_TEST(more_than_there_can_be),
    })
