/*
 * fdtab.c - the descriptor table: who owns a descriptor, who holds it
 *
 * One atomic word per descriptor: the owner's group in the low 16 bits, a
 * reference count in the high 16.
 *
 *	owner	count
 *	0	0	not in the table
 *	0	n	closing: whoever drops last closes; or claimed, n is 1
 *	g	0	g's, nobody holds it just now
 *	g	n	g's, and stays so while anybody holds it
 *
 *	whoever uses it			whoever owns it
 *
 *	grab(g): count + 1, only	insert: 0,0 to claimed; fill in;
 *	    while the owner is g	    publish the owner
 *	use it				close: grab; owner to 0; drop
 *	drop: count - 1			move: grab; next = g'; drop
 *	the last one, without owner:	take: grab; g, 1 to 0, 0; close. If not
 *	    word to 0, then close	    alone, close as above
 *					the last one, with owner and next:
 *					    grab again, and if alone change the
 *					    owner; drop
 *
 * T1	Only read-modify-write touches a word that others may change: late
 *	readers come at any time. A grab that does not find its group leaves no
 *	trace: it is a compare-and-swap, never an addition to be undone.
 * T2	Insert demands a zero word. A left-over owner or count is -EBUSY.
 * T3	While a reference to an owned descriptor is held, it is neither closed
 *	nor given away.
 * T4	Exactly one closer: who changes (0, 1) to (0, 0). The owner goes first,
 *	so nobody new comes; nobody waits. A taker changes (g, 1), his own
 *	reference, to (0, 0) at once, and closes many descriptors together.
 * T5	The owner changes only when nobody but the changer holds it.
 * T6	The word is zero before close(2) frees the number, so whoever gets that
 *	number next finds room. Word and close change together under the no-fork
 *	lock, and so do open and insert: a child forked at any moment has no
 *	open descriptor of ours that its copy of the table does not show.
 * T7	The fields of an entry are written by its claimer alone, before it is
 *	published, and read under a reference.
 * T8	Counts and groups that would overflow are refused.
 *
 * Order	grab acquires what publish released; the closer's last decrement
 *	acquires what every other drop released (all are acq_rel).
 *
 * The table is a tree of 2^11 x 2^10 x 2^10, grown by insert and never shrunk:
 * a reader may hold a pointer into it for ever, and RLIMIT_NOFILE, which can
 * change, does not matter. 1024 descriptors cost 48 KiB. A forked child that wants
 * nothing of it begins a new one and leaves the old one as it is, shared with its
 * parent: to write into each page of it would be to copy them all.
 *
 * The signal handler takes no references: it walks users under the deferral
 * word, and whoever closes a self-pipe has taken its user off before.
 */
#include <errno.h>
#include <stddef.h>

#include "async/fdtab.h"
#include "async/nofork.h"
#include "async/sys.h"

#define LEAF_BITS 10
#define MID_BITS  10
#define ROOT_BITS 11
#define LEAF      (1u << LEAF_BITS)
#define MID       (1u << MID_BITS)
#define ROOT      (1u << ROOT_BITS)

#define ONE   0x10000u /* one reference */
#define OWNER 0xffffu
#define COUNT 0xffff0000u

struct leaf {
	struct sigchld__fdentry entries[LEAF];
};

struct mid {
	_Atomic(struct leaf *) leaves[MID];
};

static _Atomic(struct mid *) root[ROOT]; /* [a] set once each, by insert; a
					  * forked child begins anew */
static _Atomic uint32_t last_generation;
static _Atomic int highest = -1; /* [a] none above was ever in the table */

static unsigned int
root_index(int fd)
{
	return (unsigned int)fd >> (LEAF_BITS + MID_BITS);
}

static unsigned int
mid_index(int fd)
{
	return ((unsigned int)fd >> LEAF_BITS) & (MID - 1);
}

static unsigned int
leaf_index(int fd)
{
	return (unsigned int)fd & (LEAF - 1);
}

struct sigchld__fdentry *
sigchld__fd_entry(int fd)
{
	struct mid *mid;
	struct leaf *leaf;

	if (fd < 0)
		return NULL;
	/* Acquire: partner is the publishing in grow. */
	mid = atomic_load_explicit(&root[root_index(fd)], memory_order_acquire);
	if (mid == NULL)
		return NULL;
	leaf = atomic_load_explicit(&mid->leaves[mid_index(fd)],
	    memory_order_acquire);
	return leaf == NULL ? NULL : &leaf->entries[leaf_index(fd)];
}

/* Make room for fd. Inserters have the no-fork lock, so they are alone. */
static struct sigchld__fdentry *
grow(int fd)
{
	_Atomic(struct mid *) *at = &root[root_index(fd)];
	struct mid *mid = atomic_load(at);
	struct leaf *leaf;

	if (mid == NULL) {
		mid = sigchld__sys_map(sizeof(*mid));
		if (mid == NULL)
			return NULL;
		atomic_store_explicit(at, mid, memory_order_release);
	}
	leaf = atomic_load(&mid->leaves[mid_index(fd)]);
	if (leaf == NULL) {
		leaf = sigchld__sys_map(sizeof(*leaf));
		if (leaf == NULL)
			return NULL;
		atomic_store_explicit(&mid->leaves[mid_index(fd)], leaf,
		    memory_order_release);
	}
	return &leaf->entries[leaf_index(fd)];
}

static uint32_t
new_generation(void)
{
	uint32_t generation;

	do
		generation = atomic_fetch_add(&last_generation, 1) + 1;
	while (generation == 0);
	return generation;
}

int
sigchld__fd_claim(int fd, const struct sigchld__fdinfo *info,
    uint32_t *ret_generation)
{
	struct sigchld__fdentry *e;
	uint32_t zero = 0;

	if (fd < 0)
		return -EINVAL;
	e = grow(fd);
	if (e == NULL)
		return -ENOMEM;
	if (fd > atomic_load(&highest)) /* inserters are alone */
		atomic_store(&highest, fd);
	if (!atomic_compare_exchange_strong(&e->word, &zero, ONE))
		return -EBUSY;
	e->generation = *ret_generation = new_generation();
	e->keep_open = false;
	e->internal = info->internal;
	e->ready = info->ready;
	e->user = info->user;
	atomic_store(&e->next, 0);
	atomic_store(&e->running, 0);
	atomic_store(&e->events, info->events);
	return 0;
}

void
sigchld__fd_publish(int fd, uint32_t group)
{
	/* No read-modify-write is needed: between claim and here nobody else
	 * changes a word without an owner and with our count. Partner: the
	 * acquire of a grab. */
	atomic_store_explicit(&sigchld__fd_entry(fd)->word, group,
	    memory_order_release);
}

void
sigchld__fd_unclaim(int fd)
{
	atomic_store_explicit(&sigchld__fd_entry(fd)->word, 0,
	    memory_order_release);
}

/* One more reference, if `word' is what stands there. */
static int
grab(struct sigchld__fdentry *e, uint32_t *word)
{
	if ((*word & COUNT) == COUNT)
		return -EOVERFLOW;
	return atomic_compare_exchange_weak_explicit(&e->word, word,
		   *word + ONE, memory_order_acq_rel, memory_order_relaxed)
	    ? 0
	    : -EAGAIN;
}

int
sigchld__fd_grab(int fd, uint32_t group)
{
	struct sigchld__fdentry *e = sigchld__fd_entry(fd);
	uint32_t word;
	int rc;

	if (e == NULL || group == 0)
		return -EBADF;
	word = atomic_load_explicit(&e->word, memory_order_relaxed);
	do {
		if ((word & OWNER) != group)
			return -EBADF;
		rc = grab(e, &word);
	} while (rc == -EAGAIN);
	return rc;
}

int
sigchld__fd_grab_generation(int fd, uint32_t generation, uint32_t *ret_group)
{
	struct sigchld__fdentry *e = sigchld__fd_entry(fd);
	uint32_t word;
	int rc;

	if (e == NULL)
		return -EBADF;
	word = atomic_load_explicit(&e->word, memory_order_relaxed);
	do {
		if ((word & OWNER) == 0)
			return -EBADF;
		rc = grab(e, &word);
	} while (rc == -EAGAIN);
	if (rc < 0)
		return rc;
	if (e->generation != generation) {
		(void)sigchld__fd_drop(fd);
		return -ESTALE;
	}
	*ret_group = word & OWNER;
	return 0;
}

int
sigchld__fd_disown(int fd, uint32_t group)
{
	struct sigchld__fdentry *e = sigchld__fd_entry(fd);
	uint32_t word = atomic_load_explicit(&e->word, memory_order_relaxed);

	do {
		if ((word & OWNER) != group)
			return -EBADF;
	} while (!atomic_compare_exchange_weak_explicit(&e->word, &word,
	    word & COUNT, memory_order_acq_rel, memory_order_relaxed));
	return 0;
}

bool
sigchld__fd_take(int fd, uint32_t group)
{
	uint32_t word = group | ONE;

	/* Acquire: what others wrote before they dropped it. */
	return atomic_compare_exchange_strong_explicit(&sigchld__fd_entry(fd)
							    ->word,
	    &word, 0, memory_order_acq_rel, memory_order_relaxed);
}

/* T4, T6: (0, 1) is ours alone. */
static void
finish(int fd, struct sigchld__fdentry *e)
{
	bool keep_open = e->keep_open;

	sigchld__nofork_begin();
	atomic_store_explicit(&e->word, 0, memory_order_release);
	if (!keep_open)
		(void)sigchld__sys_close(fd);
	sigchld__nofork_end();
}

int
sigchld__fd_drop(int fd)
{
	struct sigchld__fdentry *e = sigchld__fd_entry(fd);
	uint32_t word;

	if (e == NULL)
		return -EINVAL;
	word = atomic_load_explicit(&e->word, memory_order_acquire);
	do {
		if ((word & COUNT) == 0)
			return -EINVAL;
		if (word == ONE) {
			finish(fd, e);
			return SIGCHLD__FD_CLOSED;
		}
	} while (!atomic_compare_exchange_weak_explicit(&e->word, &word,
	    word - ONE, memory_order_acq_rel, memory_order_acquire));
	/* Looked at after the count is gone, and not before: a mover may have
	 * come and left while we looked at the word. His drop is older than
	 * ours, so we see his wish. */
	if ((word & COUNT) == ONE && atomic_load(&e->next) != 0 &&
	    sigchld__fd_grab(fd, word & OWNER) == 0)
		return SIGCHLD__FD_MOVING;
	return SIGCHLD__FD_DROPPED;
}

bool
sigchld__fd_reown(int fd, uint32_t from, uint32_t to)
{
	struct sigchld__fdentry *e = sigchld__fd_entry(fd);
	uint32_t word = from | ONE;

	return from != 0 &&
	    atomic_compare_exchange_strong_explicit(&e->word, &word, to | ONE,
		memory_order_acq_rel, memory_order_relaxed);
}

uint32_t
sigchld__fd_owner(int fd)
{
	struct sigchld__fdentry *e = sigchld__fd_entry(fd);

	return e == NULL
	    ? 0
	    : atomic_load_explicit(&e->word, memory_order_relaxed) & OWNER;
}

static void
foreach_of(struct leaf *leaf, int first, int last,
    void (*fn)(int fd, struct sigchld__fdentry *entry, void *user), void *user)
{
	const unsigned int n = (unsigned int)(last - first);
	unsigned int i;

	for (i = 0; i < LEAF && i <= n; i++) {
		struct sigchld__fdentry *e = &leaf->entries[i];

		if (atomic_load_explicit(&e->word, memory_order_relaxed) != 0)
			fn(first + (int)i, e, user);
	}
}

/* What was never used is not looked at: each page of it that a forked child
 * touches is a fault, and a pool has many children. */
void
sigchld__fd_foreach(void (*fn)(int fd, struct sigchld__fdentry *entry,
			void *user),
    void *user)
{
	const int last = atomic_load(&highest);
	struct mid *mid;
	struct leaf *leaf;
	unsigned int r, m;
	int first;

	for (r = 0; last >= 0 && r <= root_index(last); r++) {
		mid = atomic_load(&root[r]);
		for (m = 0; mid != NULL && m < MID; m++) {
			first = (int)((r * MID + m) * LEAF);
			if (first > last)
				return;
			leaf = atomic_load(&mid->leaves[m]);
			if (leaf != NULL)
				foreach_of(leaf, first, last, fn, user);
		}
	}
}

/* Numbers without a gap, to be closed by one call: a pool of many workers forks
 * each of them with the descriptors of all. */
struct row {
	int first, last;
};

static void
close_row(struct row *row)
{
	if (row->first <= row->last)
		sigchld__sys_close_row(row->first, row->last);
	row->first = 0;
	row->last = -1;
}

static void
close_one(int fd, struct sigchld__fdentry *e, void *user)
{
	struct row *row = user;

	if (e->keep_open)
		return;
	if (fd != row->last + 1)
		close_row(row);
	if (row->last < row->first)
		row->first = fd;
	row->last = fd;
}

static void
begin_anew(void)
{
	const int last = atomic_load(&highest);
	unsigned int r;

	for (r = 0; last >= 0 && r <= root_index(last); r++)
		atomic_store(&root[r], NULL);
	atomic_store(&highest, -1);
}

void
sigchld__fd_close_all(void)
{
	struct row row = { .last = -1 };

	sigchld__fd_foreach(close_one, &row);
	close_row(&row);
	begin_anew();
}
