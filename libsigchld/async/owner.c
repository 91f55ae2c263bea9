/*
 * owner.c - whose memory is this?
 *
 * A forked child has a copy of everything we know: the users list, descriptors
 * that lead to the parent's self-pipes, perhaps a deferral word that some other
 * thread held. Nothing of it may be used there. Three witnesses tell, because
 * each alone can be fooled:
 *
 *	fork(2)			runs the atfork hook: sigchld__owner_lost
 *	_Fork, raw clone	run no hook, but the kernel gives the child zeros
 *				for a page marked MADV_WIPEONFORK
 *	vfork, clone(CLONE_VM)	share the page, but have another pid
 *
 * O1	A generation that is not zero was written by a process whose memory
 *	this is. Contexts keep the generation they were made under, so one of
 *	the parent's never passes for one of ours, even after a new claim.
 * O2	The handler also compares the pid, since a vfork child may run it in
 *	its parent's memory. Other calls do not: POSIX allows a vfork child
 *	nothing but _exit and exec.
 *
 * Without the page (portable build, Linux before 4.14) the generation lives in
 * ordinary memory, every question costs a getpid, and whoever shares memory
 * passes for a forked copy: there a vfork child must not call sigchld_postfork.
 *
 * Not covered: a vfork child that a pid 1 made in a new pid namespace, where
 * both are pid 1 and share memory, if it lets SIGCHLD in before it execs.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>

#include "async/owner.h"
#include "async/sys.h"

struct page {
	_Atomic uint32_t generation;
};

static struct page fallback;             /* if the kernel gives no page */
static _Atomic(struct page *) page;      /* [a] set once for each process */
static _Atomic pid_t owner;              /* [a] partner: the page's generation,
					  * stored after it with release */
static _Atomic uint32_t last_generation; /* [a] survives the fork, so that the
					  * child goes on counting */

static struct page *
make_page(void)
{
	struct page *made = sigchld__sys_map(sizeof(*made));

	if (made == NULL)
		return &fallback;
	if (sigchld__sys_wipe_on_fork(made, sizeof(*made)) < 0) {
		sigchld__sys_unmap(made, sizeof(*made));
		return &fallback;
	}
	return made;
}

uint32_t
sigchld__owner_claim(void)
{
	struct page *p = atomic_load(&page);
	uint32_t generation;

	if (p == NULL)
		atomic_store(&page, p = make_page());
	do
		generation = atomic_fetch_add(&last_generation, 1) + 1;
	while (generation == 0);
	atomic_store(&owner, sigchld__sys_getpid());
	atomic_store(&p->generation, generation); /* last: O1 */
	return generation;
}

void
sigchld__owner_lost(void)
{
	struct page *p = atomic_load(&page);

	if (p != NULL)
		atomic_store(&p->generation, 0);
}

void
sigchld__owner_forget(void)
{
	struct page *p = atomic_load(&page);

	sigchld__owner_lost();
	atomic_store(&page, NULL);
	if (p != NULL && p != &fallback)
		sigchld__sys_unmap(p, sizeof(*p));
}

uint32_t
sigchld__owner_generation(void)
{
	struct page *p = atomic_load_explicit(&page, memory_order_acquire);

	if (p == NULL)
		return 0;
	if (p == &fallback && atomic_load(&owner) != sigchld__sys_getpid())
		return 0;
	return atomic_load_explicit(&p->generation, memory_order_acquire);
}

bool
sigchld__owner_is_us(void)
{
	struct page *p = atomic_load_explicit(&page, memory_order_acquire);

	return p != NULL &&
	    atomic_load_explicit(&p->generation, memory_order_acquire) != 0 &&
	    atomic_load_explicit(&owner, memory_order_relaxed) ==
	    sigchld__sys_getpid();
}

enum sigchld__owner
sigchld__owner_who(void)
{
	struct page *p = atomic_load(&page);

	if (p == NULL)
		return SIGCHLD__OWNER_NONE;
	if (atomic_load(&p->generation) == 0)
		return SIGCHLD__OWNER_FORKED;
	if (atomic_load(&owner) == sigchld__sys_getpid())
		return SIGCHLD__OWNER_US;
	/* With a page this cannot be a copy, else it would read zero. */
	return p == &fallback ? SIGCHLD__OWNER_FORKED : SIGCHLD__OWNER_SHARED;
}
