/*
 * options.c - what is asked for, by callers of any age
 *
 * The rules of size are those of core/options.c. Fields that a flag switches on
 * are not looked at without it.
 */
#include <errno.h>
#include <string.h>

#include "spawn/child.h"
#include "spawn/plan.h"
#include "spawn/sys.h"

#define FIRST_SIZE sizeof(struct sigchld_spawn_options)

_Static_assert(sizeof(struct sigchld_spawn_options) ==
	sizeof(size_t) + 12 * sizeof(void *) + 8 * sizeof(uint32_t),
    "padding is not promised to be zero, so there must be none");

#define KNOWN \
	(SIGCHLD_SPAWN_SETSID | SIGCHLD_SPAWN_SETPGID | \
	    SIGCHLD_SPAWN_KEEPFDS | SIGCHLD_SPAWN_KEEPMASK | \
	    SIGCHLD_SPAWN_PDEATH | SIGCHLD_SPAWN_STOPS | \
	    SIGCHLD_SPAWN_CGROUP | SIGCHLD_SPAWN_GROUPKILL | \
	    SIGCHLD_SPAWN_NONEWPRIVS | SIGCHLD_SPAWN_TTY | \
	    SIGCHLD_SPAWN_UMASK | SIGCHLD_SPAWN_OOM | \
	    SIGCHLD_SPAWN_DESCENDANTS | SIGCHLD_SPAWN_RUSAGE)

static bool
tail_is_zero(const struct sigchld_spawn_options *options)
{
	const unsigned char *byte = (const unsigned char *)options;
	size_t i;

	for (i = sizeof(*options); i < options->size; i++) {
		if (byte[i] != 0)
			return false;
	}
	return true;
}

static int
check_arrays(const struct sigchld_spawn_options *o)
{
	uint32_t i;

	if (o->argv == NULL || o->argv[0] == NULL ||
	    (o->nfdmap > 0 && o->fdmap == NULL) ||
	    (o->nrlimits > 0 && o->rlimits == NULL) ||
	    (o->nlisten > 0 && o->listen == NULL))
		return -EINVAL;
	for (i = 0; i < o->nrlimits; i++) {
		if (o->rlimits[i].zero != 0)
			return -EINVAL;
	}
	for (i = 0; i < o->nlisten; i++) {
		if (o->listen[i] < 0)
			return -EBADF;
	}
	return 0;
}

/* One pipe can be output and errors; nothing else is asked for twice. */
static int
check_streams(const struct sigchld_spawn_options *o)
{
	if (o->ret_stdin != NULL &&
	    (o->ret_stdin == o->ret_stdout || o->ret_stdin == o->ret_stderr))
		return -EINVAL;
	return 0;
}

static int
check_ids(const struct sigchld_ids *ids)
{
	if (ids == NULL)
		return 0;
	return ids->zero != 0 || (ids->ngroups > 0 && ids->groups == NULL)
	    ? -EINVAL
	    : 0;
}

static int
check_flags(const struct sigchld_spawn_options *o)
{
	if (o->flags & ~KNOWN)
		return -EINVAL;
	if (o->flags & SIGCHLD_SPAWN_UMASK && o->umask & ~0777u)
		return -EINVAL;
	if (o->flags & SIGCHLD_SPAWN_OOM &&
	    (o->oom_score_adj < -1000 || o->oom_score_adj > 1000))
		return -EINVAL;
	if ((o->flags & SIGCHLD_SPAWN_CGROUP && o->cgroup < 0) ||
	    (o->flags & SIGCHLD_SPAWN_TTY && o->tty < 0))
		return -EBADF;
	if (o->flags & SIGCHLD_SPAWN_PDEATH && !sigchld__sys_is_main_thread())
		return -EINVAL;
	return 0;
}

/* What this build has no call for. */
static int
check_build(const struct sigchld_spawn_options *o)
{
	bool lacks = o->flags & ~SIGCHLD__CHILD_CAN ||
	    (o->ids != NULL && !SIGCHLD__CHILD_CAN_IDS);

	return lacks ? -ENOTSUP : 0;
}

static int
check(const struct sigchld_spawn_options *o)
{
	int rc;

	rc = check_arrays(o);
	if (rc == 0)
		rc = check_streams(o);
	if (rc == 0)
		rc = check_ids(o->ids);
	if (rc == 0)
		rc = check_flags(o);
	return rc == 0 ? check_build(o) : rc;
}

/* What implies what. */
static void
complete(struct sigchld_spawn_options *o)
{
	if (o->flags & SIGCHLD_SPAWN_TTY)
		o->flags |= SIGCHLD_SPAWN_SETSID;
	if (o->flags & SIGCHLD_SPAWN_SETSID)
		o->flags &= ~SIGCHLD_SPAWN_SETPGID;
	else if (o->flags & SIGCHLD_SPAWN_GROUPKILL)
		o->flags |= SIGCHLD_SPAWN_SETPGID;
}

int
sigchld__spawn_read(struct sigchld_spawn_options *ret_options,
    const struct sigchld_spawn_options *options)
{
	struct sigchld_spawn_options read;
	int rc;

	if (options == NULL || options->size < FIRST_SIZE)
		return -EINVAL;
	if (options->size > sizeof(read) && !tail_is_zero(options))
		return -E2BIG;
	(void)memcpy(&read, options, sizeof(read));
	read.size = sizeof(read);
	rc = check(&read);
	if (rc < 0)
		return rc;
	complete(&read);
	*ret_options = read;
	return 0;
}
