/*
 * release.c - makes the subject one of another release: linked into it, this stands
 * between the master and what it hands on
 *
 *	RELEASE_NEWER	it writes another minor version, keys and types that nobody
 *			else knows
 *	RELEASE_OLDER	it knows a few keys only: it writes no others, and to its
 *			reader the others are strange
 *
 * wrapped: sigchld__carry_write, and of an older one sigchld__carry_read.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker/carry.h"

int __real_sigchld__carry_write(const struct sigchld__carry *carry,
    char **ret_text, size_t *ret_len);
int __wrap_sigchld__carry_write(const struct sigchld__carry *carry,
    char **ret_text, size_t *ret_len);

/* A text that grows. */
struct out {
	FILE *file;
	char *text;
	size_t len;
};

static int
out_begin(struct out *out)
{
	out->file = open_memstream(&out->text, &out->len);
	return out->file == NULL ? -ENOMEM : 0;
}

static int
out_end(struct out *out, char **ret_text, size_t *ret_len)
{
	if (fclose(out->file) != 0)
		return -ENOMEM;
	*ret_text = out->text;
	*ret_len = out->len;
	return 0;
}

#ifdef RELEASE_NEWER

#	define SAYS "wrote newer\n"

static void
rewrite(FILE *file, const char *text, size_t len)
{
	const char *end = memchr(text, ';', len);
	size_t i;

	(void)fputs("sigchld-workers/1.4711;", file);
	for (i = (size_t)(end - text) + 1; i < len; i++) {
		if (text[i] == ';')
			(void)fputs(",mood=fair,moon=7:of:8", file);
		(void)fputc(text[i], file);
	}
	(void)fputs("x,pid=1,slot=2;socket,file=0:1:2;", file);
}

#else

#	define SAYS "wrote older\n"

static bool
is_known(const char *key, size_t len)
{
	static const char *const known[] = { "pid", "gen", "slot", "reloads",
		"current", "ready", "channel", "leash", "name", "file" };
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strlen(known[i]) == len && memcmp(known[i], key, len) == 0)
			return true;
	}
	return false;
}

/* One field, from its comma on: as it is, left out, or with a strange name. */
static size_t
put_field(FILE *file, const char *text, size_t len, bool keep)
{
	size_t key = strcspn(text + 1, "=,;"), n = 1;

	while (n < len && text[n] != ',' && text[n] != ';')
		n++;
	if (is_known(text + 1, key))
		(void)fwrite(text, 1, n, file);
	else if (keep)
		(void)fprintf(file, ",strange%.*s", (int)n - 1, text + 1);
	return n;
}

static void
sift(FILE *file, const char *text, size_t len, bool keep)
{
	size_t i = 0;

	while (i < len) {
		if (text[i] == ',')
			i += put_field(file, text + i, len - i, keep);
		else
			(void)fputc(text[i++], file);
	}
}

static void
rewrite(FILE *file, const char *text, size_t len)
{
	sift(file, text, len, false);
}

int __real_sigchld__carry_read(const char *text, size_t len,
    struct sigchld__carry *ret_carry, size_t *ret_refused);
int __wrap_sigchld__carry_read(const char *text, size_t len,
    struct sigchld__carry *ret_carry, size_t *ret_refused);

int
__wrap_sigchld__carry_read(const char *text, size_t len,
    struct sigchld__carry *ret_carry, size_t *ret_refused)
{
	struct out out;
	char *seen;
	size_t n;
	int rc = out_begin(&out);

	if (rc < 0)
		return rc;
	sift(out.file, text, len, true);
	rc = out_end(&out, &seen, &n);
	if (rc < 0)
		return rc;
	rc = __real_sigchld__carry_read(seen, n, ret_carry, ret_refused);
	free(seen);
	return rc;
}

#endif

int
__wrap_sigchld__carry_write(const struct sigchld__carry *carry, char **ret_text,
    size_t *ret_len)
{
	struct out out;
	char *text;
	size_t len;
	int rc = __real_sigchld__carry_write(carry, &text, &len);

	if (rc < 0)
		return rc;
	rc = out_begin(&out);
	if (rc == 0) {
		rewrite(out.file, text, len);
		rc = out_end(&out, ret_text, ret_len);
	}
	free(text);
	(void)!write(STDOUT_FILENO, SAYS, strlen(SAYS));
	return rc;
}
