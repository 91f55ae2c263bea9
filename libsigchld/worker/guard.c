/*
 * guard.c - a new program that ends before it works
 *
 *	before main()		the state, if there is one, out of the environment
 *				what is ours in it is close-on-exec again
 *	sigchld_master_new	takes it over (adopt.c)
 *	its first dispatch	it works: the guard is off
 *	exit(3) before that	the guard serves, with the workers that there are:
 *				a configuration that is refused, an option that is
 *				none, ends no service
 *
 * B1	While the guard serves nothing of the application runs any more: its atexit
 *	functions have run, on_event is not called. Workers are heard, signalled and
 *	reaped; nobody is forked, for who would know how?
 * B2	A reload executes what was executed now, anew: repaired, it takes over.
 *	A master that is freed before it worked gives all back to the guard.
 * B3	The exit status is then that of the master.
 * B4	_exit(2), abort(3) and what kills the process are not guarded: the workers
 *	see the end of file, or end with the leash.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef SIGCHLD_PORTABLE
#	include <sys/auxv.h>
#endif

#include "async/sys.h"
#include "core/pids.h"
#include "core/sys.h"
#include "worker/master.h"
#include "worker/pool.h"
#include "worker/sys.h"
#include "worker/sys_exec.h"

/* Before main(), and then of the thread that makes the master, or exits. */
static struct {
	pid_t pid; /* 0: this is no reload, or the guard is off */
	int rc;
	char *state;
	size_t len;
	uint64_t mask;                 /* of signals, when main() began */
	struct sigchld__pids children; /* that it had then */
	struct sigchld_master *master;
} guard;

static void
forget_state(void)
{
	free(guard.state);
	guard.state = NULL;
	guard.len = 0;
}

bool
sigchld__guard_is_reload(void)
{
	return guard.pid != 0 && guard.pid == sigchld__sys_getpid();
}

int
sigchld__guard_state(const char **ret_state, size_t *ret_len)
{
	if (guard.pid != sigchld__sys_getpid())
		return 0;
	if (guard.rc > 0 && guard.state == NULL)
		return 0; /* it was taken over before */
	*ret_state = guard.state;
	*ret_len = guard.len;
	return guard.rc;
}

void
sigchld__guard_watch(struct sigchld_master *master)
{
	if (guard.pid != sigchld__sys_getpid())
		return;
	guard.master = master;
}

bool
sigchld__guard_release(struct sigchld_master *master)
{
	if (!sigchld__guard_is_reload() || guard.master != master)
		return false;
	guard.master = NULL;
	return true;
}

const struct sigchld__pids *
sigchld__guard_children(void)
{
	return &guard.children;
}

uint64_t
sigchld__guard_mask(void)
{
	return guard.mask;
}

void
sigchld__guard_done(void)
{
	if (guard.pid == 0)
		return;
	forget_state();
	sigchld__pids_free(&guard.children);
	guard.pid = 0;
	guard.master = NULL;
}

/* How we were executed */

#define LONGEST (4u << 20)

static const char *
our_file(void)
{
#ifndef SIGCHLD_PORTABLE
	return (const char *)getauxval(AT_EXECFN);
#else
	return NULL;
#endif
}

static char *
read_words(size_t *ret_size)
{
	FILE *file = fopen("/proc/self/cmdline", "re");
	char *words = malloc(LONGEST);

	*ret_size = 0;
	if (file != NULL && words != NULL)
		*ret_size = fread(words, 1, LONGEST - 1, file);
	if (file != NULL)
		(void)fclose(file);
	if (words != NULL)
		words[*ret_size] = '\0';
	return words;
}

static char **
split(char *words, size_t size)
{
	size_t i, n = 0;
	char **argv;

	for (i = 0; i < size; i++)
		n += words[i] == '\0';
	argv = calloc(n + 2, sizeof(*argv));
	for (i = n = 0; argv != NULL && i < size; i += strlen(&words[i]) + 1)
		argv[n++] = &words[i];
	return argv;
}

/* What the workers were made for, and the file that is to go with them. */
static void
read_options(struct sigchld_master_options *o,
    char ret_pid_file[SIGCHLD__CARRY_FILE])
{
	struct sigchld__carry carry;
	size_t refused;

	if (guard.rc <= 0 ||
	    sigchld__carry_read(guard.state, guard.len, &carry, &refused) < 0)
		return;
	o->flags =
	    carry.flags & (SIGCHLD_MASTER_RESPAWN | SIGCHLD_MASTER_PID_WORKERS);
	if (sigchld__is_signal((int)carry.finish_signal))
		o->finish_signal = (int)carry.finish_signal;
	if (sigchld__is_signal((int)carry.stop_signal))
		o->stop_signal = (int)carry.stop_signal;
	if (carry.pid == guard.pid && carry.pid_file[0] != '\0')
		o->pid_file = strcpy(ret_pid_file, carry.pid_file);
	sigchld__carry_clear(&carry);
}

static int
make_master(void)
{
	struct sigchld_master_options o = { .size = sizeof(o) };
	char pid_file[SIGCHLD__CARRY_FILE];
	struct sigchld_ctx *ctx;
	size_t size;
	char *words = read_words(&size);
	char **argv = words == NULL ? NULL : split(words, size);
	int rc =
	    argv == NULL || argv[0] == NULL ? -ENOENT : sigchld_new(&ctx, NULL);

	if (rc < 0)
		return rc;
	o.argv = argv;
	o.path = our_file();
	read_options(&o, pid_file);
	sigchld__manner_defaults(&o);
	return sigchld__master_make(ctx, &guard.master, &o);
}

/* Served */

static void
serve(void)
{
	struct sigchld_master *master;
	int rc = 0;

	(void)fflush(NULL); /* nobody will do it later */
	if (guard.master == NULL)
		rc = make_master();
	master = guard.master;
	if (rc < 0 || sigchld__master_lock(master) < 0)
		return;
	sigchld__guard_done();
	master->no_forks = true;
	master->o.give_up = 0; /* those who are left serve on */
	master->o.on_event = NULL;
	sigchld__turn_fail(master, 0, -ECANCELED);
	sigchld__master_unlock(master);
	rc = sigchld_master_run(master);
	sigchld__sys_exit(rc < 0 ? 255 : rc);
}

static void
at_exit(void)
{
	if (guard.pid != 0 && guard.pid == sigchld__sys_getpid())
		serve();
}

__attribute__((constructor)) static void
take_state(void)
{
	guard.rc = sigchld__launch_state(&guard.state, &guard.len);
	if (guard.rc == 0)
		return;
	guard.pid = sigchld__sys_getpid();
	guard.mask = sigchld__mask_now();
	sigchld__pids_read(&guard.children);
	if (guard.rc > 0)
		sigchld__adopt_seal(guard.state, guard.len);
	if (atexit(at_exit) != 0)
		guard.rc = guard.rc < 0 ? guard.rc : 1; /* unguarded, then */
}
