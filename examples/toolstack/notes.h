/*
 * notes.h - lines of news, from any thread to the main thread
 */
#ifndef TOOLSTACK_NOTES_H
#define TOOLSTACK_NOTES_H

int notes_open(void);

/* Poll this for reading: there is news. Empty it, then look. */
int notes_fd(void);
void notes_drain(void);

/* Wake the main thread. Async-signal-safe. */
void notes_wake(void);

/* Add a line, and wake the main thread. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* All lines since the last take, or NULL; free them. */
char *notes_take(void);

#endif
