/*
 * test_state.c - what a program finds when it begins
 *
 * Each option is looked at from inside a real program, started by each engine.
 */
#include <grp.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "help.h"

static void
nothing(int sig)
{
	(void)sig;
}

/* Half of all signals are ignored, half have a handler, all are blocked, but for
 * the one that may have to wake us. */
static void
disturb_signals(void)
{
	sigset_t all;
	int sig;

	for (sig = 1; sig <= SIGRTMAX; sig++) {
		if (sig != SIGCHLD)
			(void)signal(sig, sig % 2 == 0 ? SIG_IGN : nothing);
	}
	(void)sigfillset(&all);
	(void)sigdelset(&all, SIGCHLD);
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &all, NULL), 0);
}

START_TEST(c18_dispositions_are_default_and_the_mask_is_empty)
{
	disturb_signals();
	EACH_ENGINE(engine)
	{
		const struct shown *shown = show(SIGCHLD_SPAWN(.flags = 0));

		MUST_SHOW(shown, "mask 0");
		ck_assert_int_eq(lines(shown, "not_default"), 0);
	}
}
END_TEST

START_TEST(c18_a_mask_can_be_kept)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGUSR1);
	(void)sigaddset(&set, SIGHUP);
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &set, NULL), 0);
	EACH_ENGINE(engine)
	{
		const struct shown *shown =
		    show(SIGCHLD_SPAWN(.flags = SIGCHLD_SPAWN_KEEPMASK));

		MUST_SHOW(shown, "mask %x",
		    1u << (SIGUSR1 - 1) | 1u << (SIGHUP - 1));
		ck_assert_int_eq(lines(shown, "not_default"), 0);
	}
}
END_TEST

START_TEST(c18_our_own_signals_are_as_before)
{
	disturb_signals();
	EACH_ENGINE(engine)
	{
		struct sigaction action;
		sigset_t now;
		int sig;

		(void)show(SIGCHLD_SPAWN(.flags = 0));
		ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &now), 0);
		for (sig = 1; sig <= SIGRTMAX; sig++) {
			if (sigaction(sig, NULL, &action) != 0 ||
			    sig == SIGKILL || sig == SIGSTOP || sig == SIGCHLD)
				continue;
			ck_assert_int_eq(sigismember(&now, sig), 1);
			ck_assert(action.sa_handler ==
			    (sig % 2 == 0 ? SIG_IGN : nothing));
		}
	}
}
END_TEST

START_TEST(directory_umask_and_the_rest_are_ours)
{
	char cwd[4096];

	ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
	(void)umask(031);
	EACH_ENGINE(engine)
	{
		const struct shown *shown = show(SIGCHLD_SPAWN(.flags = 0));

		MUST_SHOW(shown, "cwd %s", cwd);
		MUST_SHOW(shown, "umask 31");
		MUST_SHOW(shown, "pid %d", shown->pid);
		MUST_SHOW(shown, "parent %d", getpid());
		MUST_SHOW(shown, "session %d", getsid(0));
		MUST_SHOW(shown, "group %d", getpgrp());
		MUST_SHOW(shown, "no_new_privs 0");
		MUST_SHOW(shown, "death 0");
	}
}
END_TEST

START_TEST(directory_and_umask)
{
	char cwd[4096];

	ck_assert_ptr_nonnull(getcwd(cwd, sizeof(cwd)));
	EACH_ENGINE(engine)
	{
		const struct shown *shown = show(SIGCHLD_SPAWN(.cwd = "/proc",
		    .umask = 0123, .flags = SIGCHLD_SPAWN_UMASK));
		char now[4096];
		mode_t mask = umask(022);

		MUST_SHOW(shown, "cwd /proc");
		MUST_SHOW(shown, "umask 123");
		(void)umask(mask);
		ck_assert_int_ne(mask, 0123); /* ours is as it was */
		ck_assert_ptr_nonnull(getcwd(now, sizeof(now)));
		ck_assert_str_eq(now, cwd);
	}
}
END_TEST

START_TEST(sessions_and_groups)
{
	EACH_ENGINE(engine)
	{
		const struct shown *shown =
		    show(SIGCHLD_SPAWN(.flags = SIGCHLD_SPAWN_SETSID));

		MUST_SHOW(shown, "session %d", shown->pid);
		MUST_SHOW(shown, "group %d", shown->pid);
		shown = show(SIGCHLD_SPAWN(.flags = SIGCHLD_SPAWN_SETPGID));
		MUST_SHOW(shown, "session %d", getsid(0));
		MUST_SHOW(shown, "group %d", shown->pid);
		shown = show(SIGCHLD_SPAWN(.flags = SIGCHLD_SPAWN_GROUPKILL));
		MUST_SHOW(shown, "group %d", shown->pid);
		shown = show(SIGCHLD_SPAWN(.flags = SIGCHLD_SPAWN_GROUPKILL |
			SIGCHLD_SPAWN_SETSID | SIGCHLD_SPAWN_SETPGID));
		MUST_SHOW(shown, "session %d", shown->pid);
	}
}
END_TEST

START_TEST(the_terminal_becomes_its_own)
{
	int master, tty;

	if (is_portable())
		harness_skip("not in the portable build");
	EACH_ENGINE(engine)
	{
		const struct shown *shown;

		ck_assert_int_eq(openpty(&master, &tty, NULL, NULL, NULL), 0);
		ck_assert_int_eq(fcntl(tty, F_SETFD, FD_CLOEXEC), 0);
		/* Its number goes to something else. */
		shown =
		    show(SIGCHLD_SPAWN(.tty = tty, .flags = SIGCHLD_SPAWN_TTY,
			.fdmap = (struct sigchld_fdmap[]){ { tty, 0 },
			    { SIGCHLD_FD_NULL, tty } },
			.nfdmap = 2));
		MUST_SHOW(shown, "session %d", shown->pid);
		MUST_SHOW(shown, "tty 1");
		must_have(shown, 0, tty);
		must_have_null(shown, tty);
		shown = show(SIGCHLD_SPAWN(.flags = SIGCHLD_SPAWN_SETSID));
		MUST_SHOW(shown, "tty 0");
		(void)close(master);
		(void)close(tty);
	}
}
END_TEST

START_TEST(limits)
{
	EACH_ENGINE(engine)
	{
		const struct shown *shown =
		    show(SIGCHLD_SPAWN(.rlimits =
					   (const struct sigchld_rlimit[]){
					       { RLIMIT_NOFILE, 0, 100, 200 },
					       { RLIMIT_CORE, 0, 4096, 8192 },
					       { RLIMIT_STACK, 0, 4 << 20,
						   8 << 20 } },
			.nrlimits = 3));

		MUST_SHOW(shown, "limit %d 100 200", RLIMIT_NOFILE);
		MUST_SHOW(shown, "limit %d 4096 8192", RLIMIT_CORE);
		MUST_SHOW(shown, "limit %d 4194304 8388608", RLIMIT_STACK);
	}
}
END_TEST

START_TEST(no_new_privs_oom_and_parent_death)
{
	if (is_portable())
		harness_skip("not in the portable build");
	EACH_ENGINE(engine)
	{
		const struct shown *shown =
		    show(SIGCHLD_SPAWN(.oom_score_adj = 321,
			.flags = SIGCHLD_SPAWN_OOM | SIGCHLD_SPAWN_NONEWPRIVS |
			    SIGCHLD_SPAWN_PDEATH));
		char ours[16] = "";
		int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);

		MUST_SHOW(shown, "oom 321");
		MUST_SHOW(shown, "no_new_privs 1");
		MUST_SHOW(shown, "death %d", SIGKILL);
		ck_assert_int_gt(read(fd, ours, sizeof(ours) - 1), 0);
		ck_assert_str_ne(ours, "321\n"); /* ours is as it was */
		(void)close(fd);
	}
}
END_TEST

/* The program is opened as the new user, who may have no way to it if all this stands
 * in a folder of somebody's own. */
static void
must_be_reachable_by(uid_t uid, gid_t gid)
{
	int wstatus;
	pid_t pid = fork();

	if (pid == 0)
		_exit(setgroups(0, NULL) != 0 || setgid(gid) != 0 ||
		    setuid(uid) != 0 || access(SHOW, X_OK) != 0);
	ck_assert_int_eq(waitpid(pid, &wstatus, 0), pid);
	if (wstatus != 0)
		harness_skip("the program cannot be reached");
}

START_TEST(ids_are_dropped)
{
	static const uint32_t groups[] = { 7, 12345 };
	static const struct sigchld_ids with_groups = { 1234, 2345, groups, 2,
		0 };
	static const struct sigchld_ids same = { SIGCHLD_IDS_SAME, 77, NULL, 0,
		0 };

	if (is_portable())
		harness_skip("not in the portable build");
	if (geteuid() != 0)
		harness_skip("only root can");
	must_be_reachable_by(1234, 2345);
	EACH_ENGINE(engine)
	{
		const struct shown *shown;

		shown = show(SIGCHLD_SPAWN(.ids = &with_groups));
		MUST_SHOW(shown, "uid 1234 1234 1234");
		MUST_SHOW(shown, "gid 2345 2345 2345");
		MUST_SHOW(shown, "groups 7 12345");
		shown = show(SIGCHLD_SPAWN(.ids = &same));
		MUST_SHOW(shown, "uid 0 0 0");
		MUST_SHOW(shown, "gid 77 77 77");
		MUST_SHOW(shown, "groups");
		/* With what a change of ids makes the kernel forget. */
		shown =
		    show(SIGCHLD_SPAWN(.ids = &with_groups, .oom_score_adj = 55,
			.flags = SIGCHLD_SPAWN_PDEATH | SIGCHLD_SPAWN_OOM));
		MUST_SHOW(shown, "death %d", SIGKILL);
		MUST_SHOW(shown, "oom 55");
	}
}
END_TEST

/* setresuid in a child that shares memory would take it from us. */
START_TEST(we_stay_dumpable)
{
	static const struct sigchld_ids ids = { 1234, 2345, NULL, 0, 0 };

	if (is_portable() || geteuid() != 0)
		harness_skip("only root can");
	must_be_reachable_by(1234, 2345);
	EACH_ENGINE(engine)
	{
		struct stat before, after;

		ck_assert_int_eq(stat("/proc/self/environ", &before), 0);
		(void)show(SIGCHLD_SPAWN(.ids = &ids));
		ck_assert_int_eq(stat("/proc/self/environ", &after), 0);
		ck_assert_int_eq(before.st_uid, after.st_uid);
		ck_assert_int_eq(geteuid(), 0);
	}
}
END_TEST

START_TEST(a_cgroup_at_birth)
{
	static const char root[] = "/sys/fs/cgroup/unified";
	char path[128];
	const struct shown *shown;
	int dir;

	if (forks_only())
		harness_skip("not in this build");
	(void)snprintf(path, sizeof(path), "%s/sigchld-test-%d", root,
	    getpid());
	if (mkdir(path, 0700) != 0) {
		(void)snprintf(path, sizeof(path),
		    "/sys/fs/cgroup/sigchld-test-%d", getpid());
		if (access("/sys/fs/cgroup/cgroup.procs", W_OK) != 0 ||
		    mkdir(path, 0700) != 0)
			harness_skip("no cgroup can be made");
	}
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
	for (int i = SIGCHLD__ENGINE_ANY; i <= SIGCHLD__ENGINE_COPY; i++) {
		char name[64];

		sigchld__engine_force((enum sigchld__engine)i);
		shown = show(SIGCHLD_SPAWN(.cgroup = dir,
		    .flags = SIGCHLD_SPAWN_CGROUP));
		(void)snprintf(name, sizeof(name), "/sigchld-test-%d\n",
		    getpid());
		ck_assert_msg(strstr(shown->text, name) != NULL, "%s",
		    shown->text);
	}
	(void)close(dir);
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

/* Namespaces of processes: a namespace is good for one first child only, so each
 * engine has its own. */

static void
spawn_process_1(void)
{
	int listen[1] = { new_file() };
	const struct sigchld_spawn_options *options = is_portable()
	    ? SIGCHLD_SPAWN(.listen = listen, .nlisten = 1)
	    : SIGCHLD_SPAWN(.listen = listen, .nlisten = 1,
		  .flags = SIGCHLD_SPAWN_PDEATH);
	const struct shown *shown = show(options);

	ck_assert_int_gt(shown->pid, 1);
	MUST_SHOW(shown, "pid 1");
	MUST_SHOW(shown, "parent 0");
	MUST_SHOW(shown, "env LISTEN_PID=1");
	(void)close(listen[0]);
}

/* We are process 1 ourselves. */
static void
spawn_from_process_1(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		ck_assert_int_eq(getpid(), 1);
		MUST_SHOW(show(SIGCHLD_SPAWN(.flags = SIGCHLD_SPAWN_SETSID)),
		    "parent 1");
		ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
		_exit(0);
	}
	ck_assert_int_eq(exit_code(pid), 0);
}

static void
in_namespace(void (*fn)(void))
{
	int code;

	EACH_ENGINE(engine)
	{
		pid_t pid = fork();

		if (pid == 0) {
			if (unshare(CLONE_NEWPID) != 0)
				_exit(77);
			fn();
			_exit(0);
		}
		code = exit_code(pid);
		if (code == 77)
			harness_skip("no namespace can be made");
		ck_assert_int_eq(code, 0);
	}
}

START_TEST(c33_a_child_is_process_1_elsewhere)
{
	in_namespace(spawn_process_1);
}
END_TEST

START_TEST(c33_we_are_process_1)
{
	in_namespace(spawn_from_process_1);
}
END_TEST

START_TEST(arguments_and_environment)
{
	char program[] = SHOW, out[] = "99", code[] = "0", third[] = "a b";
	char *argv[] = { program, out, code, third, NULL };
	char one[] = "ONE=1", two[] = "TWO=2";
	char *envp[] = { one, two, NULL };

	EACH_ENGINE(engine)
	{
		const struct shown *shown =
		    show(SIGCHLD_SPAWN(.argv = argv, .envp = envp));

		MUST_SHOW(shown, "arg a b");
		ck_assert_int_eq(lines(shown, "arg "), 4);
		MUST_SHOW(shown, "env ONE=1");
		MUST_SHOW(shown, "env TWO=2");
		ck_assert_int_eq(lines(shown, "env "), 2);
	}
	ck_assert_int_eq(setenv("SPAWN_TEST", "inherited", 1), 0);
	MUST_SHOW(show(SIGCHLD_SPAWN(.argv = argv)),
	    "env SPAWN_TEST=inherited");
}
END_TEST

START_TEST(listening_sockets_are_passed)
{
	char keep[] = "KEEP=1", old[] = "LISTEN_FDS=9", pid[] = "LISTEN_PID=1",
	     names[] = "LISTEN_FDNAMES=x";
	char *envp[] = { old, keep, pid, names, NULL };
	const char *const called[] = { "web", "log" };
	int listen[2] = { new_file(), new_file() }, other = new_file();

	EACH_ENGINE(engine)
	{
		const struct shown *shown = show(SIGCHLD_SPAWN(.envp = envp,
		    .listen = listen, .nlisten = 2, .listen_names = called,
		    .fdmap = (struct sigchld_fdmap[]){ { other, 5 } },
		    .nfdmap = 1));

		MUST_SHOW(shown, "env LISTEN_FDS=2");
		MUST_SHOW(shown, "env LISTEN_PID=%d", shown->pid);
		MUST_SHOW(shown, "env LISTEN_FDNAMES=web:log");
		MUST_SHOW(shown, "env KEEP=1");
		ck_assert_int_eq(lines(shown, "env "), 4);
		must_have(shown, 3, listen[0]);
		must_have(shown, 4, listen[1]);
		must_have(shown, 5, other);
		shown = show(SIGCHLD_SPAWN(.envp = envp, .listen = listen,
		    .nlisten = 1));
		ck_assert_int_eq(lines(shown, "env "), 3); /* no names */
	}
	(void)close(listen[0]);
	(void)close(listen[1]);
	(void)close(other);
}
END_TEST

/* systemd adds the third, of a pidfd: it would be ours. */
START_TEST(what_is_said_of_our_own_sockets_is_left_out)
{
	char pid[] = "LISTEN_PID=1", fds[] = "LISTEN_FDS=9",
	     pidfd[] = "LISTEN_PIDFDID=12345", names[] = "LISTEN_FDNAMES=x",
	     like[] = "LISTEN_PIDFDIDS=6";
	char *envp[] = { pidfd, pid, fds, like, names, NULL };
	int listen = new_file();

	EACH_ENGINE(engine)
	{
		const struct shown *shown = show(SIGCHLD_SPAWN(.envp = envp,
		    .listen = &listen, .nlisten = 1));

		ck_assert_int_eq(lines(shown, "env LISTEN_PIDFDID="), 0);
		ck_assert_int_eq(lines(shown, "env LISTEN_FDNAMES="), 0);
		MUST_SHOW(shown, "env LISTEN_PID=%d", shown->pid);
		MUST_SHOW(shown, "env LISTEN_FDS=1");
		MUST_SHOW(shown, "env LISTEN_PIDFDIDS=6");
		/* Who passes no sockets keeps what it has. */
		shown = show(SIGCHLD_SPAWN(.envp = envp));
		ck_assert_int_eq(lines(shown, "env "), 5);
	}
	(void)close(listen);
}
END_TEST

HARNESS("state",
    {
	HARNESS_TEST(c18_dispositions_are_default_and_the_mask_is_empty),
	HARNESS_TEST(c18_a_mask_can_be_kept),
	HARNESS_TEST(c18_our_own_signals_are_as_before),
	HARNESS_TEST(directory_umask_and_the_rest_are_ours),
	HARNESS_TEST(directory_and_umask),
	HARNESS_TEST(sessions_and_groups),
	HARNESS_TEST(the_terminal_becomes_its_own),
	HARNESS_TEST(limits),
	HARNESS_TEST(no_new_privs_oom_and_parent_death),
	HARNESS_TEST(ids_are_dropped),
	HARNESS_TEST(we_stay_dumpable),
	HARNESS_TEST(a_cgroup_at_birth),
	HARNESS_TEST(c33_a_child_is_process_1_elsewhere),
	HARNESS_TEST(c33_we_are_process_1),
	HARNESS_TEST(arguments_and_environment),
	HARNESS_TEST(listening_sockets_are_passed),
	HARNESS_TEST(what_is_said_of_our_own_sockets_is_left_out),
    })
