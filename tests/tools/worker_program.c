/*
 * worker_program.c - a program that knows nothing of masters, for them to run
 *
 *	tool_worker FILE [ARGUMENT...]
 *
 * It tells what it has, as a line on standard output; accepts on all sockets that
 * it was passed, and answers each connection with a line; ends by TERM, when it has
 * answered whom it had accepted. What it does otherwise stands, as words, in FILE:
 *
 *	die		exit 7 at once
 *	crash		exit 9 as soon as somebody connects
 *	notify		READY=1 and STATUS=here, to NOTIFY_SOCKET
 *	lie		the same, but a child of it says so
 *	mute		it says nothing
 *	orphan		it leaves a process behind that ends at once
 *	stubborn	TERM does nothing
 *	usr1		USR1 is what ends it
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

#define FIRST 3
#define MOST  16

static volatile sig_atomic_t told;

static const char *
env(const char *name)
{
	return getenv(name) == NULL ? "-" : getenv(name);
}

static void
tell(int argc, char **argv)
{
	line("program pid=%d slot=%s gen=%s fds=%s own=%d names=%s notify=%d "
	     "others=%d argc=%d last=%s",
	    (int)getpid(), env("SIGCHLD_SLOT"), env("SIGCHLD_GENERATION"),
	    env("LISTEN_FDS"), atoi(env("LISTEN_PID")) == (int)getpid(),
	    env("LISTEN_FDNAMES"), getenv("NOTIFY_SOCKET") != NULL,
	    getenv("SIGCHLD_FDNAMES") != NULL ||
		getenv("SIGCHLD_WORKERS") != NULL,
	    argc, argv[argc - 1]);
}

/* Signals */

static void
on_term(int sig)
{
	(void)sig;
	told = 1;
}

static void
on_other(int sig)
{
	char text[] = "signal 00\n";

	text[7] = (char)('0' + sig / 10);
	text[8] = (char)('0' + sig % 10);
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(98);
}

static void catch (int sig, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	(void)sigaction(sig, &action, NULL);
}

/* TERM comes while we wait, and at no other time. */
static void
catch_all(sigset_t *ret_meanwhile)
{
	const int end = has("usr1") ? SIGUSR1 : SIGTERM;
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, end);
	(void)sigprocmask(SIG_BLOCK, &set, ret_meanwhile);
	catch (end, has("stubborn") ? SIG_IGN : on_term);
	catch (SIGQUIT, on_other);
	catch (SIGWINCH, on_other);
	catch (SIGALRM, on_other);
}

/* Readiness */

static void
notify(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char text[] = "STATUS=here\nREADY=1\n",
		   *name = env("NOTIFY_SOCKET");
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));

	(void)memcpy(to.sun_path, name, strlen(name));
	if (name[0] == '@')
		to.sun_path[0] = '\0';
	if (sendto(fd, text, sizeof(text) - 1, 0, (struct sockaddr *)&to,
		size) < 0)
		line("notify: %s", strerror(errno));
	(void)close(fd);
}

static void
let_lie(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		notify();
		_exit(0);
	}
	(void)waitpid(pid, NULL, 0);
	line("lied pid=%d", (int)getpid());
}

/* The one between is ours; the other one is whoever's takes orphans. It ends when
 * the one between has, so that it is one by then. */
static void
leave_orphan(void)
{
	int fds[2];
	pid_t pid;
	char byte;

	if (pipe(fds) != 0)
		_exit(97);
	pid = fork();
	if (pid == 0) {
		if (fork() == 0) {
			(void)close(fds[1]);
			(void)!read(fds[0], &byte, 1);
			_exit(5);
		}
		_exit(0);
	}
	(void)close(fds[0]);
	(void)waitpid(pid, NULL, 0);
	(void)close(fds[1]);
	line("orphan left by pid=%d", (int)getpid());
}

/* Connections */

static void
answer(int listener)
{
	char text[64];
	int n, fd = accept(listener, NULL, NULL);

	if (fd == -1)
		return; /* another worker was faster */
	if (has("crash"))
		_exit(9);
	n = snprintf(text, sizeof(text), "pid=%d gen=%s at=%d\n", (int)getpid(),
	    env("SIGCHLD_GENERATION"), listener);
	(void)!write(fd, text, (size_t)n);
	(void)close(fd);
}

static void
serve(const sigset_t *meanwhile)
{
	struct pollfd pfds[MOST];
	int i, n = atoi(env("LISTEN_FDS"));

	for (i = 0; i < n; i++) {
		pfds[i] = (struct pollfd){ .fd = FIRST + i, .events = POLLIN };
		(void)fcntl(FIRST + i, F_SETFL,
		    fcntl(FIRST + i, F_GETFL) | O_NONBLOCK);
	}
	while (!told) {
		if (ppoll(pfds, (nfds_t)n, NULL, meanwhile) <= 0)
			continue;
		for (i = 0; i < n; i++) {
			if (pfds[i].revents != 0)
				answer(pfds[i].fd);
		}
	}
}

int
main(int argc, char **argv)
{
	sigset_t meanwhile;

	read_words(argv[1]);
	catch_all(&meanwhile);
	tell(argc, argv);
	if (has("die"))
		return 7;
	if (has("orphan"))
		leave_orphan();
	if (has("lie"))
		let_lie();
	if (has("notify"))
		notify();
	line("serves pid=%d", (int)getpid());
	serve(&meanwhile);
	line("done pid=%d", (int)getpid());
	return 0;
}
