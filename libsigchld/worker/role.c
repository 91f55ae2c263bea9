/*
 * role.c - is this a master, a worker, or neither?
 *
 * The answer is of one process: of a master only while its memory is its own, and
 * of a worker only in the process that was forked to be one. What either forks
 * besides has no role, so each role goes with the pid that it was given to.
 */
#include <stdatomic.h>

#include "async/sys.h"
#include "worker/master.h"

/* [a] Who has the role; written last and read first, so what it has is whole. */
static atomic_int whose;
static atomic_int which; /* [a] enum sigchld_role */
static atomic_uint slot_of;

void
sigchld__role_worker(uint32_t slot)
{
	atomic_store(&which, SIGCHLD_ROLE_WORKER);
	atomic_store(&slot_of, slot);
	atomic_store(&whose, (int)sigchld__sys_getpid());
}

bool
sigchld__role_claim(void)
{
	int us = (int)sigchld__sys_getpid(), before = atomic_load(&whose);

	do {
		if (before == us)
			return false;
	} while (!atomic_compare_exchange_weak(&whose, &before, us));
	atomic_store(&which, SIGCHLD_ROLE_MASTER);
	return true;
}

void
sigchld__role_leave(void)
{
	int us = (int)sigchld__sys_getpid();

	(void)atomic_compare_exchange_strong(&whose, &us, 0);
}

int
sigchld_role(uint32_t *ret_slot)
{
	int role;

	if (atomic_load(&whose) != (int)sigchld__sys_getpid())
		return SIGCHLD_ROLE_NONE;
	role = atomic_load(&which);
	if (role == SIGCHLD_ROLE_WORKER && ret_slot != NULL)
		*ret_slot = atomic_load(&slot_of);
	return role;
}
