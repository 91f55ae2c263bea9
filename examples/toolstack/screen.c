/*
 * screen.c - the table of domains on a terminal, by curses
 *
 * Curses only draws. Keys are read as bytes by commands.c, so that standard input
 * may as well be a pipe; and our own handler of SIGWINCH, not that of curses,
 * tells of a new size. Only the main thread comes here.
 */
#include "screen.h"

#include <curses.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "table.h"

enum {
	NOTES_KEPT = 64,
	NOTE_LEN = 200
};

static SCREEN *screen;
static char notes[NOTES_KEPT][NOTE_LEN]; /* a ring */
static size_t n_notes;                   /* since the beginning */

bool
screen_open(void)
{
	const char *term = getenv("TERM");

	if (term == NULL || strcmp(term, "dumb") == 0)
		return false;
	screen = newterm(NULL, stdout, stdin);
	if (screen == NULL)
		return false;
	(void)atexit(screen_close);
	(void)cbreak();
	(void)noecho();
	if (has_colors()) {
		(void)start_color();
		(void)use_default_colors();
		(void)init_pair(1, COLOR_GREEN, -1);
		(void)init_pair(2, COLOR_RED, -1);
		(void)init_pair(3, COLOR_YELLOW, -1);
	}
	return true;
}

void
screen_notes(const char *lines)
{
	while (*lines != '\0') {
		size_t len = strcspn(lines, "\n");
		char *kept = notes[n_notes++ % NOTES_KEPT];

		(void)snprintf(kept, NOTE_LEN, "%.*s", (int)len, lines);
		lines += len + (lines[len] == '\n');
	}
}

static attr_t
colour(const struct view *view)
{
	if (strcmp(view->state, "running") == 0)
		return (attr_t)COLOR_PAIR(1);
	if (strcmp(view->state, "failed") == 0)
		return (attr_t)COLOR_PAIR(2);
	if (view->idle)
		return A_DIM;
	return (attr_t)COLOR_PAIR(3);
}

static void
draw_line(int y, attr_t attributes, const char *text)
{
	(void)attrset((int)attributes);
	(void)mvaddnstr(y, 0, text, COLS);
	(void)attrset(A_NORMAL);
}

static void
draw_notes(int from, int to)
{
	size_t n = to > from ? (size_t)(to - from) : 0;

	if (n > NOTES_KEPT)
		n = NOTES_KEPT;
	if (n > n_notes)
		n = n_notes;
	for (size_t i = 0; i < n; i++)
		draw_line(from + (int)i, A_NORMAL,
		    notes[(n_notes - n + i) % NOTES_KEPT]);
}

void
screen_draw(const struct view *views, size_t n, const char *typed)
{
	char row[TABLE_WIDTH];
	int y = 1;

	(void)erase();
	draw_line(0, A_REVERSE, table_head);
	for (size_t i = 0; i < n && y < LINES - 1; i++, y++) {
		table_row(row, &views[i]);
		draw_line(y, colour(&views[i]), row);
	}
	draw_notes(y + 1, LINES - 1);
	(void)mvprintw(LINES - 1, 0, "start|stop|kill NAME, list, quit> %s",
	    typed);
	(void)refresh();
}

void
screen_resize(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0)
		(void)resizeterm(size.ws_row, size.ws_col);
}

void
screen_close(void)
{
	if (screen == NULL)
		return;
	(void)endwin();
	delscreen(screen);
	screen = NULL;
}
