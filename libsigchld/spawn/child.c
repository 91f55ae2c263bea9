/*
 * child.c - the child, from its birth to its program
 *
 * It begins with all signals blocked, and until it executes the program it may
 * share our memory, which its parent's thread waits for, but not the other ones;
 * and our descriptor table, until the first step has made a copy. So it calls
 * the kernel and nobody else, changes nothing but its plan, and runs no handler:
 * all are gone before the mask, which comes last.
 *
 *	unshare		before anything that touches a descriptor
 *	session		with the terminal, whose number may go with the map
 *	descriptors	see map.c
 *	directory	it and what follows with our rights, not those of `ids'
 *	privileges	no_new_privs, oom_score_adj
 *	limits		that of descriptors last of all
 *	dispositions	one for one: CLONE_CLEAR_SIGHAND leaves SIG_IGN, and
 *			what the parent knows of them is old by now
 *	ids		only where memory is not shared: the kernel would
 *			make the parent undumpable too
 *	death		after the ids, whose change the kernel forgets it at
 *	mask		then a signal that came meanwhile can still end it
 */
#include <limits.h>

#include "spawn/child.h"
#include "spawn/kernel.h"

static int
unshare_table(struct sigchld__plan *plan)
{
	int rc = 0;

	if (plan->shares_table)
		rc = kernel_unshare_and_close(plan->map.highest + 1);
	if (rc < 0 && rc != -ENOMEM && rc != -EMFILE)
		kernel_exit(SIGCHLD__CHILD_UNSHARED);
	plan->begun = true;
	return rc;
}

static int
session(struct sigchld__plan *plan)
{
	const struct sigchld_spawn_options *o = &plan->options;
	int rc = 0;

	if (o->flags & SIGCHLD_SPAWN_SETSID)
		rc = kernel_setsid();
	else if (o->flags & SIGCHLD_SPAWN_SETPGID)
		rc = kernel_setpgid();
	if (rc >= 0 && o->flags & SIGCHLD_SPAWN_TTY)
		rc = kernel_set_tty(o->tty);
	return rc;
}

/* Descriptors */

/* To a number that is no target: above all of them, or if the limit on open
 * ones leaves none there, between them. */
static int
copy_aside(const struct sigchld__map *map, int fd)
{
	unsigned int i;
	int rc;

	for (i = map->n_gaps; i-- > 0;) {
		const struct sigchld__range *gap = &map->gaps[i];

		if (gap->first > INT_MAX)
			continue;
		rc = kernel_dup_above(fd, (int)gap->first);
		if (rc >= 0 && (unsigned int)rc <= gap->last)
			return rc;
		if (rc >= 0)
			(void)kernel_close(rc);
		else if (rc != -EINVAL && rc != -EMFILE)
			return rc;
	}
	return -EMFILE;
}

static int
set_aside(struct sigchld__plan *plan)
{
	unsigned int i;
	int rc;

	if (plan->report >= 0) {
		rc = copy_aside(&plan->map, plan->report);
		if (rc < 0)
			return rc;
		plan->report = rc;
	}
	for (i = 0; i < plan->map.n_moves; i++) {
		struct sigchld__move *move = &plan->map.moves[i];

		if (!move->aside)
			continue;
		rc = copy_aside(&plan->map, move->from);
		if (rc < 0)
			return rc;
		move->from = rc;
	}
	return 0;
}

static int
put(int from, int to)
{
	return from == to ? kernel_keep(to) : kernel_dup_to(from, to);
}

static int
move_all(const struct sigchld__map *map, bool *ret_nulls)
{
	unsigned int i;
	int rc;

	for (i = 0; i < map->n_moves; i++) {
		const struct sigchld__move *move = &map->moves[i];

		if (move->from == SIGCHLD_FD_NULL) {
			*ret_nulls = true;
			continue;
		}
		rc = put(move->from, move->to);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* What open gives may be one of the targets. */
static int
put_nulls(const struct sigchld__map *map)
{
	bool kept = false;
	unsigned int i;
	int fd, rc;

	fd = kernel_open("/dev/null", O_RDWR);
	if (fd < 0)
		return fd;
	for (i = 0; i < map->n_moves; i++) {
		const struct sigchld__move *move = &map->moves[i];

		if (move->from != SIGCHLD_FD_NULL)
			continue;
		rc = put(fd, move->to);
		if (rc < 0)
			return rc;
		kept = kept || move->to == fd;
	}
	return kept ? 0 : kernel_close(fd);
}

/* No number of an open descriptor is above, as far as the limit tells: it may
 * have been higher before. What is out of all reason would take for ever. */
static unsigned int
highest_possible(void)
{
	const uint64_t most = 1u << 20;
	uint64_t limit = kernel_max_open();

	return (unsigned int)(limit == 0 || limit > most ? most : limit);
}

#ifndef SIGCHLD_PORTABLE

struct entry { /* of a directory, as the kernel gives it */
	uint64_t inode;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

static unsigned int
number(const char *text)
{
	unsigned int n = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (unsigned int)(*text - '0');
	return n;
}

static unsigned int
highest_of(const char *at, const char *end)
{
	unsigned int highest = 0, n;

	while (at < end) {
		const struct entry *entry = (const void *)at;

		n = number(entry->name);
		if (n > highest)
			highest = n;
		at += entry->size;
	}
	return highest;
}

/* The highest number that is open. */
static unsigned int
highest_open(void)
{
	_Alignas(struct entry) char data[1024];
	unsigned int highest = 0, n;
	int fd, size;

	fd = kernel_open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return highest_possible();
	while ((size = kernel_read_dir(fd, data, sizeof(data))) > 0) {
		n = highest_of(data, data + size);
		if (n > highest)
			highest = n;
	}
	(void)kernel_close(fd);
	return size < 0 ? highest_possible() : highest;
}

#else

static unsigned int
highest_open(void)
{
	return highest_possible();
}

#endif

/* Apart, for what it has on the stack. */
__attribute__((noinline)) static void
close_one_by_one(unsigned int first, unsigned int last)
{
	unsigned int highest = highest_open();

	if (last > highest)
		last = highest;
	for (; first <= last; first++)
		(void)kernel_close((int)first);
}

static void
close_all(struct sigchld__plan *plan, unsigned int first, unsigned int last)
{
	if (first > last)
		return;
	if (!plan->one_by_one && kernel_close_range(first, last) >= 0)
		return;
	plan->one_by_one = true;
	close_one_by_one(first, last);
}

/* The unshared table has nothing above the highest source but our copies. */
static void
close_gap(struct sigchld__plan *plan, const struct sigchld__range *gap)
{
	unsigned int report = (unsigned int)plan->report;

	if (plan->shares_table && !plan->map.asides && plan->report < 0 &&
	    gap->first > (unsigned int)plan->map.highest)
		return;
	if (plan->report < 0 || report < gap->first || report > gap->last) {
		close_all(plan, gap->first, gap->last);
		return;
	}
	close_all(plan, gap->first, report - 1);
	close_all(plan, report + 1, gap->last);
}

int
sigchld__child_fds(struct sigchld__plan *plan)
{
	bool nulls = false;
	unsigned int i;
	int rc;

	bool keeps = plan->options.flags & SIGCHLD_SPAWN_KEEPFDS;

	rc = set_aside(plan);
	if (rc == 0)
		rc = move_all(&plan->map, &nulls);
	if (rc < 0)
		return rc;
	for (i = 0; !keeps && i < plan->map.n_gaps; i++)
		close_gap(plan, &plan->map.gaps[i]);
	return nulls ? put_nulls(&plan->map) : 0;
}

/* The rest */

static int
directory(struct sigchld__plan *plan)
{
	const struct sigchld_spawn_options *o = &plan->options;

	if (o->flags & SIGCHLD_SPAWN_UMASK)
		kernel_umask(o->umask);
	return o->cwd == NULL ? 0 : kernel_chdir(o->cwd);
}

static int
set_oom(const char *text, size_t size)
{
	int fd, rc;

	fd = kernel_open("/proc/self/oom_score_adj", O_WRONLY);
	if (fd < 0)
		return fd;
	rc = kernel_write(fd, text, size);
	(void)kernel_close(fd);
	return rc;
}

static int
privileges(struct sigchld__plan *plan)
{
	int rc = 0;

	if (plan->options.flags & SIGCHLD_SPAWN_OOM)
		rc = set_oom(plan->oom, plan->n_oom);
	if (rc >= 0 && plan->options.flags & SIGCHLD_SPAWN_NONEWPRIVS)
		rc = kernel_no_new_privs();
	return rc;
}

static int
set_limits(const struct sigchld_spawn_options *o, bool of_descriptors)
{
	uint32_t i;
	int rc;

	for (i = 0; i < o->nrlimits; i++) {
		const struct sigchld_rlimit *limit = &o->rlimits[i];

		if ((limit->resource == RLIMIT_NOFILE) != of_descriptors)
			continue;
		rc = kernel_rlimit(limit->resource, limit->soft, limit->hard);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int
limits(struct sigchld__plan *plan)
{
	int rc;

	rc = set_limits(&plan->options, false);
	return rc < 0 ? rc : set_limits(&plan->options, true);
}

static int
dispositions(struct sigchld__plan *plan)
{
	int sig, last = KERNEL_SIGNALS;

	(void)plan;
	for (sig = 1; sig <= last; sig++) {
		if (sig != SIGKILL && sig != SIGSTOP)
			kernel_default(sig);
	}
	return 0;
}

static int
ids(struct sigchld__plan *plan)
{
	return plan->options.ids == NULL ? 0 : kernel_ids(plan->options.ids);
}

/* A parent that died before the kernel knew is replaced by another; in a new
 * namespace of processes there is none to be seen either way. */
static int
death(struct sigchld__plan *plan)
{
	int rc;

	if (!(plan->options.flags & SIGCHLD_SPAWN_PDEATH))
		return 0;
	rc = kernel_die_with_parent();
	if (rc < 0)
		return rc;
	rc = kernel_getppid();
	return rc != 0 && rc != plan->parent ? -ESRCH : 0;
}

static int
mask(struct sigchld__plan *plan)
{
	return kernel_mask(plan->mask);
}

static void
write_digits(char *to, unsigned int n)
{
	char digits[10];
	int i = 0;

	do {
		digits[i++] = (char)('0' + n % 10);
		n /= 10;
	} while (n > 0);
	while (i > 0)
		*to++ = digits[--i];
	*to = '\0';
}

/* In a search, what these say is: not here. */
static bool
is_elsewhere(int rc)
{
	return rc == -ENOENT || rc == -ENOTDIR || rc == -EACCES ||
	    rc == -ESTALE || rc == -ENODEV || rc == -ETIMEDOUT ||
	    rc == -ENAMETOOLONG;
}

static int
search(const struct sigchld__plan *plan)
{
	const char *const *path;
	bool denied = false;
	int rc;

	for (path = plan->paths; *path != NULL; path++) {
		rc = kernel_exec(*path, plan->options.argv, plan->envp);
		if (!is_elsewhere(rc))
			return rc;
		denied = denied || rc == -EACCES;
	}
	return denied ? -EACCES : -ENOENT;
}

static int
execute(const struct sigchld__plan *plan)
{
	if (plan->listen_pid != NULL)
		write_digits(plan->listen_pid, (unsigned int)kernel_getpid());
	if (plan->search)
		return search(plan);
	return kernel_exec(plan->paths[0], plan->options.argv, plan->envp);
}

static int (*const steps[])(struct sigchld__plan *plan) = {
	unshare_table,
	session,
	sigchld__child_fds,
	directory,
	privileges,
	limits,
	dispositions,
	ids,
	death,
	mask,
};

void
sigchld__child_run(struct sigchld__plan *plan)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc >= 0 && i < sizeof(steps) / sizeof(steps[0]); i++)
		rc = steps[i](plan);
	if (rc >= 0)
		rc = execute(plan);
	if (plan->report >= 0)
		(void)kernel_write(plan->report, &rc, sizeof(rc));
	kernel_exit(-rc);
}
