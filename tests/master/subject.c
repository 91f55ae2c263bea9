/*
 * subject.c - a program under a master, for the tests to watch and to order about
 *
 *	master_subject [-n workers] [-f flags] [-c file] [-r ready_ms]
 *	    [-d drain_ms] [-s stop_ms] [-a again_ms] [-m max_reloads]
 *	    [-b backoff_ms] [-g give_up] [-S stable_ms] [-P pid file] [-D]
 *	    [-C control socket] [-F finish_signal] [-T stop_signal]
 *	master_subject -E
 *
 * Each thing that happens is a line on standard output, written at once. Orders
 * come as messages on standard input. What it does wrong stands, as words, in the
 * file, which it reads when it begins: so the next program can be another.
 *
 * The library's clock is the real one and what the order "pass" has added to it.
 * So a time that a test waits for may be of hours, and no machine is so slow that
 * it passes before the test says so. The next program's clock is right again.
 *
 *	refuse		exit(3) before there is a master
 *	late		exit(4) after, before it dispatches
 *	die		its workers exit with 7 before they are ready
 *	hang		its workers are never ready
 *	first		of these two: only in slot 0
 *	elsewhere	its control socket has .2 after its name
 *	silent		it has none
 *	nameless	it asks for a descriptor that was passed without a name
 *	talks		its workers say the longest line that they may
 *	brief		its workers exit with 5 when they are ready
 *	stubborn	its workers do not finish when they are told to
 *	unasked		it does not ask for the descriptor that was kept
 *	halt		it stops when it is told of RELOADING
 *	spoil		it changes its environment and its limit of descriptors
 *	few, many	it wants one worker, or two more than it is told to
 *	helper		it starts a program first, which lives as long as its input
 *	twice		it keeps its listener by a second name, too
 *	low		it keeps a descriptor whose number is 2, too
 *	mutter		it says something that is not written out yet
 *	block		it blocks a signal of its own before it makes a master
 *	wait		its workers stop themselves before they are ready
 *	frees		exit(5) when it has freed the master that it just made
 *	give up		exit(6) when it is first told of anything
 *	program		its workers execute it with -E, and keep the listener as 3
 *	missing		they execute what there is not, and exit with 127
 *	other		its workers are told to finish by USR1, whatever -F says
 *	child		it starts a child before it has a master, and waits for it
 *			when it has reloaded
 *	told		they do so only when they were told to finish
 *	between		it stops itself before it makes a master
 *	close		its workers close their channel when they are ready, and live
 *	drop		its workers give up their privileges
 *	deaf		its workers say that TERM came, and stay
 *	quit		it stops when it is told of RELOAD_FAILED
 *	leave		its workers exit with 0 before they are ready
 *	masks		its workers block the signal that tells them to finish
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sigchld/fd.h>
#include <sigchld/master.h>

#include "program.h"
#include "tsan.h"

static struct sigchld_ctx *ctx;
static struct sigchld_master *master;
static int becomes_daemon;
static int listener = -1;
static char elsewhere[128];
static struct sigchld_master_options options = { .size = sizeof(options) };

static int64_t ahead_ms;

int64_t __real_sigchld__sys_now_ms(void);
int64_t __wrap_sigchld__sys_now_ms(void);

int64_t
__wrap_sigchld__sys_now_ms(void)
{
	return __real_sigchld__sys_now_ms() + ahead_ms;
}

/* Workers */

static const char *
disposition(int sig)
{
	struct sigaction action;

	if (sigaction(sig, NULL, &action) != 0)
		return "?";
	if (action.sa_handler == SIG_DFL)
		return "default";
	return action.sa_handler == SIG_IGN ? "ignored" : "caught";
}

static void
tell_signals(char *text, size_t size)
{
	sigset_t set;
	int sig, n = 0;

	(void)sigprocmask(SIG_BLOCK, NULL, &set);
	for (sig = 1; sig < 65; sig++)
		n += sigismember(&set, sig) == 1;
	(void)snprintf(text, size,
	    "blocked %d; USR1 %s, USR2 %s, HUP %s, TERM %s, INT %s, CHLD %s, "
	    "PIPE %s",
	    n, disposition(SIGUSR1), disposition(SIGUSR2), disposition(SIGHUP),
	    disposition(SIGTERM), disposition(SIGINT), disposition(SIGCHLD),
	    disposition(SIGPIPE));
}

static void
tell_fds(char *text, size_t size)
{
	size_t n = 0;
	int fd;

	text[0] = '\0';
	for (fd = 0; fd < 1024; fd++) {
		if (fcntl(fd, F_GETFD) != -1)
			n += (size_t)snprintf(text + n, size - n, "%d ", fd);
	}
}

static void
tell_env(char *text, size_t size)
{
	extern char **environ;
	int i, n = 0;

	for (i = 0; environ[i] != NULL; i++)
		n += strncmp(environ[i], "SIGCHLD_", 8) == 0 ||
		    strncmp(environ[i], "LISTEN_", 7) == 0 ||
		    strncmp(environ[i], "NOTIFY_", 7) == 0;
	(void)snprintf(text, size, "%d of %d are ours; SPOILT %s", n, i,
	    getenv("SPOILT") == NULL ? "unset" : getenv("SPOILT"));
}

static void
tell_role(char *text, size_t size)
{
	uint32_t slot = 77;
	int role = sigchld_role(&slot);

	(void)snprintf(text, size, "role %d slot %u", role, slot);
}

/* A process that has the channel as well, until the master closes its end. */
static void
fork_holder(const struct sigchld_worker *worker)
{
	struct pollfd pfd = { .fd = sigchld_worker_fd(worker) };

	if (fork() != 0)
		return;
	(void)poll(&pfd, 1, -1);
	_exit(0);
}

_Noreturn static void
hang(void)
{
	line("hangs pid=%d", (int)getpid());
	for (;;)
		(void)pause();
}

static int
on_query(struct sigchld_worker *worker, const void *query, size_t len,
    void *user)
{
	char text[4096] = "what?";
	const char *word = query;

	(void)user;
	if (len == 4 && memcmp(query, "echo", 4) == 0)
		(void)snprintf(text, sizeof(text), "echo");
	else if (len == 7 && memcmp(query, "signals", 7) == 0)
		tell_signals(text, sizeof(text));
	else if (len == 3 && memcmp(query, "fds", 3) == 0)
		tell_fds(text, sizeof(text));
	else if (len == 3 && memcmp(query, "env", 3) == 0)
		tell_env(text, sizeof(text));
	else if (len == 4 && memcmp(query, "role", 4) == 0)
		tell_role(text, sizeof(text));
	else if (len == 7 && memcmp(query, "exit", 4) == 0)
		_exit((word[4] - '0') * 100 + (word[5] - '0') * 10 +
		    (word[6] - '0'));
	else if (len == 4 && memcmp(query, "fork", 4) == 0)
		fork_holder(worker);
	else if (len == 5 && memcmp(query, "crash", 5) == 0)
		abort();
	else if (len == 4 && memcmp(query, "hang", 4) == 0)
		hang();
	(void)sigchld_worker_answer(worker, text, strlen(text));
	return (int)strlen(text);
}

static void
on_dump(struct sigchld_worker *worker, void *user)
{
	(void)user;
	line("dump slot=%u pid=%d", sigchld_worker_slot(worker), (int)getpid());
}

static void
drop(void)
{
	if (has("drop") && (setgid(65534) != 0 || setuid(65534) != 0))
		_exit(98);
}

static void
on_term(int sig)
{
	static const char said[] = "term came\n";

	(void)sig;
	(void)!write(STDOUT_FILENO, said, sizeof(said) - 1);
}

static void
mask_finish(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Nobody hears of it any more; signals come. */
_Noreturn static void
live_closed(struct sigchld_worker *worker)
{
	(void)close(sigchld_worker_fd(worker));
	for (;;)
		(void)pause();
}

static void
say_something(struct sigchld_worker *worker)
{
	char text[256];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)sigchld_worker_say(worker, has("talks") ? text : "at\twork");
}

static int
fails(const struct sigchld_worker *worker)
{
	return !has("first") || sigchld_worker_slot(worker) == 0;
}

static void
await_told(struct sigchld_worker *worker)
{
	struct pollfd pfd = { .fd = sigchld_worker_fd(worker),
		.events = POLLIN };

	while (!sigchld_worker_stopping(worker)) {
		(void)poll(&pfd, 1, -1);
		(void)sigchld_worker_dispatch(worker);
	}
}

static int
become(struct sigchld_worker *worker)
{
	char *argv[] = { (char *)(uintptr_t) "program",
		(char *)(uintptr_t) "-E", NULL };
	const char *file = has("missing") ? "/no/such/file" : "/proc/self/exe";
	sigset_t set;
	int rc;

	if (has("told"))
		await_told(worker);
	(void)sigfillset(&set);
	(void)sigprocmask(SIG_BLOCK, &set, NULL); /* it has none of that */
	rc = sigchld_worker_exec(worker, file, argv, NULL, &listener,
	    listener < 0 ? 0 : 1);
	line("exec slot=%u rc=%d", sigchld_worker_slot(worker), rc);
	return rc == -ESHUTDOWN ? 0 : 127;
}

static int
work(struct sigchld_worker *worker, void *user)
{
	struct pollfd pfd = { .fd = sigchld_worker_fd(worker),
		.events = POLLIN };
	struct rlimit no_core = { 0, 0 };

	(void)user;
	(void)setrlimit(RLIMIT_CORE, &no_core);
	drop();
	if (has("deaf"))
		(void)signal(SIGTERM, on_term);
	line("work slot=%u gen=%u pid=%d", sigchld_worker_slot(worker),
	    sigchld_worker_generation(worker), (int)getpid());
	if (has("die") && fails(worker))
		return 7;
	if (has("leave"))
		return 0;
	if (has("masks"))
		mask_finish();
	if (has("hang") && fails(worker))
		for (;;)
			(void)pause();
	if (has("wait"))
		(void)raise(SIGSTOP);
	if (has("program") || has("missing"))
		return become(worker);
	say_something(worker);
	(void)sigchld_worker_ready(worker);
	if (has("brief"))
		return 5;
	if (has("close"))
		live_closed(worker);
	while (has("stubborn") || !sigchld_worker_stopping(worker)) {
		(void)poll(&pfd, 1, -1);
		if (sigchld_worker_dispatch(worker) == -EPIPE)
			break;
	}
	line("done slot=%u pid=%d stopping=%d", sigchld_worker_slot(worker),
	    (int)getpid(), sigchld_worker_stopping(worker));
	return 0;
}

/* The master */

static pid_t child;

static void
start_child(void)
{
	if (has("child"))
		child = fork();
	if (has("child") && child == 0)
		_exit(6);
}

static void
await_child(void)
{
	int wstatus = 0;
	pid_t rc = waitpid(child, &wstatus, 0);

	line("child ours=%d status=%d", rc == child, WEXITSTATUS(wstatus));
}

static void
on_event(struct sigchld_master *m, const struct sigchld_master_event *event,
    void *user)
{
	static const char *const names[] = { "READY", "RELOADING", "RELOADED",
		"RELOAD_FAILED", "REFUSED", "STOPPING", "FORKED",
		"WORKER_READY", "WORKER_LEFT", "ALL_LEFT", "DISTRUSTED" };

	(void)user;
	line("%s slot=%u gen=%u pid=%d current=%u status=%d error=%d lost=%u "
	     "raw=%d",
	    names[event->what], event->slot, event->generation, (int)event->pid,
	    event->current, event->status, event->error, event->lost,
	    event->wstatus);
	if (event->what == SIGCHLD_MASTER_RELOADED && has("child"))
		await_child();
	if (has("give up"))
		exit(6);
	if (event->what == SIGCHLD_MASTER_RELOADING && has("halt"))
		(void)sigchld_master_stop(m, SIGCHLD_MASTER_NOW);
	if (event->what == SIGCHLD_MASTER_RELOAD_FAILED && has("quit"))
		(void)sigchld_master_stop(m, SIGCHLD_MASTER_NOW);
}

static void
on_answer(struct sigchld_master *m, pid_t pid, int rc, int status,
    const void *data, size_t len, void *user)
{
	(void)m;
	(void)user;
	line("answer pid=%d rc=%d status=%d text=%.*s", (int)pid, rc, status,
	    (int)len, data == NULL ? "" : (const char *)data);
}

static int
show_one(const struct sigchld_crew_info *info, void *user)
{
	(void)user;
	line("crew slot=%u gen=%u pid=%d state=%u current=%u reloads=%u "
	     "age=%llu status=%s",
	    info->slot, info->generation, (int)info->pid, info->state,
	    info->current, info->reloads, (unsigned long long)info->age_ms,
	    info->status);
	return 0;
}

static void
show_stats(void)
{
	struct sigchld_master_stats s = { .size = sizeof(s) };
	int rc = sigchld_master_get_stats(master, &s);

	line("stats rc=%d gen=%u workers=%u starting=%u ready=%u stopping=%u "
	     "former=%u reloading=%u stops=%u reloads=%llu failed=%llu "
	     "forks=%llu ends=%llu last=%lld failure=%lld up=%llu",
	    rc, s.generation, s.workers, s.starting, s.ready, s.stopping,
	    s.former, s.reloading, s.stops, (unsigned long long)s.reloads,
	    (unsigned long long)s.failed, (unsigned long long)s.forks,
	    (unsigned long long)s.ends, (long long)s.last_reload,
	    (long long)s.last_failure, (unsigned long long)s.up_ms);
}

static int
pass(int ms)
{
	ahead_ms += ms;
	return 0;
}

/* Two orders in one dispatch. */
static int
grow(void)
{
	int rc = sigchld_master_resize(master, 2);

	return rc < 0 ? rc : sigchld_master_reload(master);
}

static void
obey(const char *order)
{
	char text[64] = "";
	int a = 0, b = 0, rc = -EINVAL;

	if (sscanf(order, "query %d %63s", &a, text) == 2)
		rc = sigchld_master_query(master, a, text, strlen(text), 0,
		    on_answer, NULL);
	else if (sscanf(order, "ask %d %d %63s", &a, &b, text) == 3)
		rc = sigchld_master_query(master, a, text, strlen(text),
		    (uint32_t)b, on_answer, NULL);
	else if (sscanf(order, "signal %d %d", &a, &b) == 2)
		rc = sigchld_master_signal(master, (uint32_t)a, b);
	else if (sscanf(order, "resize %d", &a) == 1)
		rc = sigchld_master_resize(master, (uint32_t)a);
	else if (sscanf(order, "stop %d", &a) == 1)
		rc = sigchld_master_stop(master, (uint32_t)a);
	else if (sscanf(order, "vouch %d", &a) == 1)
		rc = sigchld_master_vouch(master, a);
	else if (sscanf(order, "note %d %63s", &a, text) == 2)
		rc = sigchld_master_note(master, a, text);
	else if (sscanf(order, "pass %d", &a) == 1)
		rc = pass(a);
	else if (strcmp(order, "reload") == 0)
		rc = sigchld_master_reload(master);
	else if (strcmp(order, "grow") == 0)
		rc = grow();
	else if (strcmp(order, "roll") == 0)
		rc = sigchld_master_roll(master);
	else if (strcmp(order, "crew") == 0)
		rc = sigchld_master_foreach(master, show_one, NULL);
	else if (strcmp(order, "stats") == 0)
		show_stats();
	else if (strcmp(order, "role") == 0)
		rc = sigchld_role(NULL);
	else if (strcmp(order, "free") == 0) {
		sigchld_master_free(master);
		master = NULL;
	}
	line("obeyed %s rc=%d", order, rc);
}

/* One message each, so that the next one may be the next program's. */
static void
on_order(struct sigchld_ctx *c, struct sigchld_fdref ref, uint32_t events,
    void *user)
{
	char order[128];
	ssize_t n = read(STDIN_FILENO, order, sizeof(order) - 1);

	(void)c;
	(void)events;
	(void)user;
	if (n <= 0) {
		(void)sigchld_fd_remove(ref);
		return;
	}
	order[n] = '\0';
	obey(order);
}

static void
find_listener(void)
{
	int fd = has("unasked") ? -1 : sigchld_master_kept(master, "listener");

	line("http fd=%d other fd=%d", sigchld_master_kept(master, "http"),
	    sigchld_master_kept(master, "http.2"));

	if (has("nameless"))
		line("nameless fd=%d", sigchld_master_kept(master, "unknown"));
	if (fd == -ENOENT) {
		fd = listener = socket(AF_UNIX, SOCK_STREAM, 0);
		line("made fd=%d rc=%d", fd,
		    sigchld_master_keep(master, "listener", fd));
	} else {
		line("kept fd=%d", fd);
		listener = fd;
	}
}

static void
spoil(void)
{
	struct rlimit limit;

	if (!has("spoil"))
		return;
	(void)setenv("SPOILT", "yes", 1);
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = 200;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Two names may be of files that have the same number in turn. */
static void
find_low(void)
{
	int fd;

	if (has("twice"))
		line("twice rc=%d",
		    sigchld_master_keep(master, "again",
			sigchld_master_kept(master, "listener")));
	if (!has("low"))
		return;
	fd = sigchld_master_kept(master, "low");
	if (fd == -ENOENT) {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		(void)dup2(fd, STDERR_FILENO);
		(void)close(fd);
		fd = sigchld_master_keep(master, "low", STDERR_FILENO);
		line("low made rc=%d", fd);
	} else {
		line("low kept fd=%d", fd);
	}
}

static void
help_ourselves(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (!has("helper") || fork() != 0)
		return;
	(void)dup2(null, STDOUT_FILENO);
	(void)execl("/proc/self/exe", "helper", "-H", (char *)NULL);
	_exit(127);
}

static void
block(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGWINCH);
	if (has("block"))
		(void)sigprocmask(SIG_BLOCK, &set, NULL);
}

static void
tell_mask(void)
{
	sigset_t set;

	(void)sigprocmask(SIG_BLOCK, NULL, &set);
	line("mask winch=%d", sigismember(&set, SIGWINCH));
}

/* Of those that a master heeds, how many are blocked? */
static int
count_held(void)
{
	static const int kinds[] = { SIGUSR1, SIGUSR2, SIGHUP, SIGTERM, SIGINT,
		SIGTTIN, SIGTTOU };
	sigset_t set;
	int n = 0;
	unsigned int i;

	(void)sigprocmask(SIG_BLOCK, NULL, &set);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		n += sigismember(&set, kinds[i]) == 1;
	return n;
}

static void
open_context(void)
{
	struct sigchld_options o = { .size = sizeof(o) };
	const char *wake = getenv("HARNESS_WAKE");

	if (wake != NULL && strcmp(wake, "signal") == 0)
		o.wake = SIGCHLD_WAKE_SIGNAL;
	else if (wake != NULL && strcmp(wake, "pidfd") == 0)
		o.wake = SIGCHLD_WAKE_PIDFD;
	if (sigchld_new(&ctx, &o) != 0)
		exit(90);
}

/* The helper: orders are not for it to read. */
_Noreturn static void
live_as_input(void)
{
	struct pollfd pfd = { .fd = STDIN_FILENO };

	(void)poll(&pfd, 1, -1);
	exit(0);
}

/* What a worker has executed: it tells what it has, and goes by USR1. */
_Noreturn static void
live_as_program(void)
{
	char text[4096];
	sigset_t set;
	int sig;

	tell_signals(text, sizeof(text));
	line("program pid=%d %s", (int)getpid(), text);
	tell_fds(text, sizeof(text));
	line("program pid=%d fds=%s", (int)getpid(), text);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	line("program pid=%d waits", (int)getpid());
	(void)sigwait(&set, &sig);
	line("program pid=%d goes", (int)getpid());
	exit(0);
}

static void
read_options(int argc, char **argv)
{
	int option;

	options.argv = argv;
	options.run = work;
	options.on_event = on_event;
	options.on_query = on_query;
	options.on_dump = on_dump;
	while ((option = getopt(argc, argv,
		    "F:T:n:f:c:r:d:s:a:m:b:g:S:P:C:DEH")) != -1) {
		uint32_t n =
		    optarg == NULL ? 0 : (uint32_t)strtoul(optarg, NULL, 0);

		switch (option) {
		case 'n':
			options.workers = n;
			break;
		case 'f':
			options.flags = n;
			break;
		case 'F':
			options.finish_signal = (int)n;
			break;
		case 'T':
			options.stop_signal = (int)n;
			break;
		case 'c':
			read_words(optarg);
			break;
		case 'r':
			options.ready_ms = n;
			break;
		case 'd':
			options.drain_ms = n;
			break;
		case 's':
			options.stop_ms = n;
			break;
		case 'a':
			options.again_ms = n;
			break;
		case 'm':
			options.max_reloads = n;
			break;
		case 'b':
			options.backoff_ms = n;
			break;
		case 'g':
			options.give_up = n;
			break;
		case 'P':
			options.pid_file = optarg;
			break;
		case 'C':
			options.control = optarg;
			break;
		case 'H':
			live_as_input();
		case 'E':
			live_as_program();
		case 'D':
			becomes_daemon = 1;
			break;
		case 'S':
			options.stable_ms = n;
			break;
		default:
			exit(91);
		}
	}
}

/* Its lines go where they went before. */
static void
daemonize(void)
{
	int out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 20);

	if (sigchld_daemon() != 0)
		exit(95);
	(void)dup2(out, STDOUT_FILENO);
	(void)close(out);
}

int
main(int argc, char **argv)
{
	struct rlimit limit;
	int rc;

	tsan_make_ready();
	read_options(argc, argv);
	if (becomes_daemon)
		daemonize();
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	line("main words=%s pid=%d argc=%d nofile=%llu SPOILT=%s held=%d",
	    words, (int)getpid(), argc, (unsigned long long)limit.rlim_cur,
	    getenv("SPOILT") == NULL ? "unset" : "set", count_held());
	if (has("mutter"))
		(void)fputs("muttered\n", stdout);
	help_ourselves();
	start_child();
	block();
	if (has("refuse"))
		exit(3);
	if (has("between"))
		(void)raise(SIGSTOP);
	if (has("few"))
		options.workers = 1;
	if (has("many"))
		options.workers += 2;
	if (has("other"))
		options.finish_signal = SIGUSR1;
	if (has("elsewhere") && options.control != NULL) {
		(void)snprintf(elsewhere, sizeof(elsewhere), "%s.2",
		    options.control);
		options.control = elsewhere;
	}
	if (has("silent"))
		options.control = NULL;
	open_context();
	rc = sigchld_master_new(ctx, &master, &options);
	if (rc != 0) {
		line("new rc=%d", rc);
		exit(92);
	}
	tell_mask();
	spoil();
	if (has("frees")) {
		sigchld_master_free(master);
		exit(5);
	}
	if (has("late"))
		exit(4);
	find_listener();
	find_low();
	if (!becomes_daemon &&
	    sigchld_fd_insert(ctx, NULL, STDIN_FILENO, POLLIN, on_order,
		NULL) != 0)
		exit(93);
	rc = sigchld_master_run(master);
	line("result %d", rc);
	sigchld_master_free(master);
	sigchld_free(ctx);
	return rc < 0 ? 94 : rc;
}
