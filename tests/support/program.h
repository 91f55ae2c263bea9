/*
 * program.h - a program that a test runs: a file has the words that say what it does
 * otherwise than usual; what it tells are lines on standard output, each written
 * whole
 */
#ifndef TESTS_SUPPORT_PROGRAM_H
#define TESTS_SUPPORT_PROGRAM_H

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char words[256];

static inline int
has(const char *word)
{
	return strstr(words, word) != NULL;
}

static inline void
read_words(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? 0 : read(fd, words, sizeof(words) - 1);

	if (fd != -1)
		(void)close(fd);
	words[n > 0 ? n : 0] = '\0';
}

static inline void line(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static inline void
line(const char *format, ...)
{
	char text[4096];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text) - 1, format, args);
	va_end(args);
	if (n < 0 || n > (int)sizeof(text) - 2)
		n = (int)sizeof(text) - 2;
	text[n++] = '\n';
	if (write(STDOUT_FILENO, text, (size_t)n) != n)
		_exit(99);
}

#endif
