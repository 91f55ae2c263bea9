/* text.h - text that grows, and what may be in one; see text.c */
#ifndef SIGCHLD_WORKER_TEXT_H
#define SIGCHLD_WORKER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Begins zeroed. */
struct sigchld__text {
	char *v; /* n bytes, and a NUL if there are any */
	size_t n, room;
	bool failed; /* for want of memory: what is added is dropped */
};

/* The bytes of the character that begins a text of len; 0: it is no valid
 * UTF-8. */
size_t sigchld__text_character(const char *text, size_t len);

void sigchld__text_put(struct sigchld__text *text, const char *bytes,
    size_t len);
void sigchld__text_print(struct sigchld__text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* As a string of JSON, with its marks: whatever it is made of, what comes out is
 * printable ASCII and valid UTF-8. What was none is U+FFFD. */
void sigchld__text_quote(struct sigchld__text *text, const char *bytes,
    size_t len);
void sigchld__text_clear(struct sigchld__text *text);

#endif
