/*
 * toolstack - a small virtualization toolstack on libsigchld
 *
 * Each domain of a file has a thread and a sigchld context of its own (domain.c),
 * and runs real programs (process.c). The main thread shows how they are
 * (table.c, screen.c), takes commands (commands.c), and makes children of its own
 * that it waits for itself (own.c). At the end the accounts are compared
 * (summary.c): each program must have had its one status, and the true one.
 *
 * All contexts are open before the first thread runs, and closed after the last
 * has ended, so no thread ever meets a context that is not there.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sigchld.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "commands.h"
#include "domain.h"
#include "domains.h"
#include "notes.h"
#include "options.h"
#include "own.h"
#include "screen.h"
#include "summary.h"
#include "table.h"
#include "thief.h"

struct toolstack {
	struct domains config;
	struct domain **domains;
	struct view *views;
	size_t n;
	struct commands commands;
	struct own own;
	struct summary summary;
	int64_t end_ms; /* 0: when all domains are done */
	int stdin_fd;   /* -1 after its end */
	int signals_seen;
	bool on_screen, closing, output_failed;
};

static volatile sig_atomic_t n_stop_signals, n_resizes;
static const int stop_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static FILE *
open_domains(const char *file)
{
	if (file != NULL)
		return fopen(file, "re");
	return fmemopen((void *)(uintptr_t)domains_builtin, domains_builtin_len,
	    "r");
}

static bool
read_domains(struct domains *ret_domains, const char *file)
{
	const char *name = file != NULL ? file : "builtin.domains";
	FILE *in = open_domains(file);
	int n_wrong;

	if (in == NULL) {
		(void)fprintf(stderr, "toolstack: %s: %s\n", name,
		    strerror(errno));
		return false;
	}
	n_wrong = domains_read(ret_domains, in, name, stderr);
	(void)fclose(in);
	if (n_wrong > 0)
		(void)fprintf(stderr,
		    "toolstack: %s: %d wrong, nothing was started\n", name,
		    n_wrong);
	return n_wrong == 0;
}

/* The process */

/* Else the first files we open become standard input and output. */
static void
open_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", O_RDWR);
}

static void
on_stop_signal(int sig)
{
	(void)sig;
	n_stop_signals++;
	notes_wake();
}

static void
on_resize(int sig)
{
	(void)sig;
	n_resizes++;
	notes_wake();
}

/* What whoever started us ignores or blocks is none of our wish. */
static void
set_signals(void)
{
	struct sigaction sa = { .sa_handler = SIG_DFL, .sa_flags = SA_RESTART };
	sigset_t none;

	(void)sigaction(SIGCHLD, &sa, NULL);
	sa.sa_handler = SIG_IGN; /* write says EPIPE instead */
	(void)sigaction(SIGPIPE, &sa, NULL);
	sa.sa_handler = on_resize;
	(void)sigaction(SIGWINCH, &sa, NULL);
	sa.sa_handler = on_stop_signal;
	for (size_t i = 0; i < sizeof(stop_signals) / sizeof(int); i++)
		(void)sigaction(stop_signals[i], &sa, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The signals that the main thread is to handle, and no other. Curses handles
 * SIGTSTP, and draws when it comes back. */
static void
main_signals(int how)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGWINCH);
	(void)sigaddset(&set, SIGTSTP);
	for (size_t i = 0; i < sizeof(stop_signals) / sizeof(int); i++)
		(void)sigaddset(&set, stop_signals[i]);
	(void)pthread_sigmask(how, &set, NULL);
}

/* The domains */

static int
open_contexts(struct toolstack *t, const struct options *o)
{
	int rc = 0;

	t->domains = calloc(t->config.n, sizeof(struct domain *));
	t->views = calloc(t->config.n, sizeof(*t->views));
	if (t->domains == NULL || t->views == NULL)
		return -ENOMEM;
	for (; t->n < t->config.n && rc == 0; t->n += rc == 0)
		rc = domain_new(&t->domains[t->n], &t->config.list[t->n],
		    SIGCHLD_OPTIONS(.wake = o->wake));
	return rc;
}

static void
close_all(struct toolstack *t)
{
	t->closing = true;
	for (size_t i = 0; i < t->n; i++)
		domain_close(t->domains[i]);
}

static void
begin_all(struct toolstack *t)
{
	int rc = 0;

	main_signals(SIG_BLOCK);
	if (t->summary.has_thief)
		rc = thief_begin();
	t->summary.has_thief = t->summary.has_thief && rc == 0;
	for (size_t i = 0; i < t->n && rc == 0; i++) {
		rc = domain_begin(t->domains[i]);
		if (rc == 0)
			(void)domain_post(t->domains[i], START);
	}
	main_signals(SIG_UNBLOCK);
	if (rc == 0)
		return;
	note("cannot start a thread: %s", strerror(-rc));
	t->summary.faults++;
	close_all(t);
}

static void
kill_all(struct toolstack *t)
{
	for (size_t i = 0; i < t->n; i++)
		(void)domain_post(t->domains[i], KILL);
}

/* The main loop */

static void
show(struct toolstack *t)
{
	char *lines = notes_take();

	if (t->on_screen) {
		if (lines != NULL)
			screen_notes(lines);
		t->commands.line[t->commands.len] = '\0';
		screen_draw(t->views, t->n, t->commands.line);
	} else {
		if (lines != NULL)
			(void)fputs(lines, stdout);
		if (t->commands.list)
			table_print(stdout, t->views, t->n);
		if (fflush(stdout) != 0)
			t->output_failed = true;
	}
	t->commands.list = false;
	free(lines);
}

/* Gives true when every thread is ending; closes when nothing is left to do. */
static bool
look(struct toolstack *t)
{
	bool idle = true, over = true;

	for (size_t i = 0; i < t->n; i++) {
		domain_view(t->domains[i], &t->views[i]);
		idle = idle && t->views[i].idle;
		over = over && t->views[i].over;
	}
	if (idle && !t->closing)
		close_all(t);
	return over;
}

static void
heed_signals(struct toolstack *t)
{
	int n = n_stop_signals;

	if (n_resizes > 0 && t->on_screen) {
		n_resizes = 0;
		screen_resize();
	}
	if (n == t->signals_seen)
		return;
	t->signals_seen = n;
	if (t->closing) {
		note("killing what still runs");
		kill_all(t);
	}
	t->commands.quit = true;
}

static void
heed(struct toolstack *t)
{
	bool late = t->end_ms != 0 && clock_ms() >= t->end_ms;

	heed_signals(t);
	if (!t->closing && (late || t->commands.quit || t->output_failed)) {
		note("stopping all domains");
		close_all(t);
	}
	t->summary.health |= sigchld_health();
	own_tick(&t->own);
}

static void
main_loop(struct toolstack *t)
{
	bool over = false;

	while (!over) {
		struct pollfd fds[] = { { notes_fd(), POLLIN, 0 },
			{ t->stdin_fd, POLLIN, 0 } };

		(void)poll(fds, 2, clock_until(t->own.next_ms));
		notes_drain();
		if (fds[1].revents != 0 &&
		    !commands_read(&t->commands, STDIN_FILENO))
			t->stdin_fd = -1;
		heed(t);
		over = look(t);
		show(t);
	}
}

static bool
finish(struct toolstack *t)
{
	struct sigchld_stats stats;
	bool right;

	for (size_t i = 0; i < t->n; i++) {
		const struct process *list = domain_join(t->domains[i], &stats);

		summary_add(&t->summary, list, &stats);
	}
	own_end(&t->own);
	screen_close();
	t->on_screen = false;
	t->commands.list = true;
	show(t);
	for (size_t i = 0; i < t->n; i++)
		domain_free(t->domains[i]);
	t->n = 0;
	if (t->summary.has_thief)
		t->summary.taken = thief_end();
	right = summary_print(&t->summary, &t->own);
	return fflush(stdout) == 0 && right && !t->output_failed;
}

static int
run(struct toolstack *t, const struct options *o)
{
	int rc = open_contexts(t, o);

	if (rc == -ENOTSUP) {
		(void)fprintf(stderr,
		    "toolstack: --wake=%s: this release or this kernel cannot; "
		    "use --wake=auto\n",
		    o->wake_name);
		return EXIT_USE;
	}
	if (rc < 0) {
		(void)fprintf(stderr, "toolstack: cannot open a context: %s\n",
		    strerror(-rc));
		return EXIT_FAILURE;
	}
	t->summary.wake = o->wake_name;
	t->summary.has_thief = o->thief;
	t->commands.domains = t->domains;
	t->commands.n = t->n;
	t->end_ms = o->seconds > 0 ? clock_ms() + o->seconds * 1000 : 0;
	t->on_screen = !o->plain && isatty(STDOUT_FILENO) && screen_open();
	begin_all(t);
	main_loop(t);
	return finish(t) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	struct options o;
	struct toolstack t = { .stdin_fd = STDIN_FILENO };
	int status;

	open_standard_files();
	status = options_read(&o, argc, argv);
	if (status >= 0)
		return status;
	if (!read_domains(&t.config, o.file))
		status = EXIT_USE;
	else if (o.check)
		status = printf("%zu domains\n", t.config.n) < 0;
	else if (notes_open() < 0)
		status = EXIT_FAILURE;
	else {
		set_signals();
		status = run(&t, &o);
	}
	for (size_t i = 0; i < t.n; i++)
		domain_free(t.domains[i]);
	free(t.domains);
	free(t.views);
	domains_free(&t.config);
	return status;
}
