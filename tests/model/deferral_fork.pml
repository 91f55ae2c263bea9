/*
 * deferral_fork.pml - what a fork does to the users list and its word
 *
 * The child has a copy of the memory at an arbitrary moment, one thread, and
 * the parent's descriptors. Locks: N the no-fork lock, M the editors' mutex, W
 * the deferral word (see deferral.pml), T the lock of the pid table.
 *
 *	prepare hook	    parent hook		    child hook
 *	------------------  ----------------------  ----------------------
 *	lock N, lock M	    unlock T		    the generation is 0
 *	CAS(W, 0 -> 1)	    until CAS(W, 1 -> 0):   lists empty, W = 0,
 *	lock T			W = 1, walk	    N, M, T free
 *			    unlock M, unlock N
 *
 *	handler			    child, before it uses the library (postfork)
 *	--------------------------  --------------------------------------
 *	return unless the owner's   unless the owner is us:
 *	  generation is not 0 and	lists empty, W = 0, N, M, T free,
 *	  its pid is ours		then, last, we are the owner
 *	as in deferral.pml
 *
 * The generation stands in a page that the kernel wipes in a child when it
 * copies the memory (MADV_WIPEONFORK). A raw clone runs no hooks; a pid is no
 * witness if parent and child are both pid 1, of different namespaces; a vfork
 * child shares the page. Only all three together tell in every case.
 *
 * After the fork parent and child share nothing but open files, and the child
 * never writes to those (FOREIGN). So one set of processes serves: at the fork
 * we choose which side to follow. On the child's side thread 1 stops for ever.
 * A failed fork is the parent's side.
 *
 * Thread 0 forks; in the child it calls postfork, opens a descriptor and
 * registers a user of its own. Thread 1, in the parent, either unregisters user
 * 1 and closes its descriptor, or spawns: opens a descriptor and records it
 * under N, then edits the pid table under T. SIGCHLDs come at any time.
 *
 * Invariants:
 *
 *	FOREIGN		no handler of a child writes to a user of the parent,
 *			and none touches the word in a vfork child
 *	EXCLUSION	no step of a walk happens during an edit
 *	STALE_WRITE	a walk writes only to open descriptors
 *	INHERITED	if the hooks ran, the child inherits no descriptor that
 *			is not recorded, and no half-changed pid table
 *	LOST_WAKEUP	when all is quiet, whoever is on the list has been
 *			written to since the last SIGCHLD; in the child: since
 *			it registered
 *	STUCK		when all is quiet, all have finished
 *	LEFT_OVER	when all is quiet, the word is FREE, the locks unlocked
 *
 * What is done about forks (one of these):
 *
 *	F_NONE	nothing
 *	F_MUTEX	hooks, but prepare takes the locks and not the word
 *	F_HOLD	hooks as above
 *	F_PID	no hooks; the handler and postfork compare the pid
 *	F_BOTH	F_HOLD and F_PID
 *	F_PAGE	F_HOLD and the generation
 *	F_WIPE	F_HOLD, the pid and the generation: what the library does
 *	F_NOPAGE F_WIPE without the page (the portable build, old kernels): the
 *		generation is in ordinary memory and only the child hook
 *		takes it away
 *
 * and how it is forked (otherwise by fork(2), in one namespace):
 *
 *	RAWFORK		_Fork or clone: no hooks run
 *	PIDFOOL		parent and child have the same pid
 *	VFORK		the child borrows the memory, and thread 0
 *
 * Broken variants of F_WIPE, each of which fails:
 *
 *	BAD_CLAIMFIRST	postfork makes itself the owner before it has emptied
 *			the lists
 *	BAD_NOLOCK	prepare does not take N
 *	BAD_NOTABLE	prepare does not take T
 *	BAD_ORDER	the spawning thread takes N while it has T
 *	BAD_NORELEASE	the parent hook gives the word back without looking at
 *			the mark
 *
 * NSIG=n SIGCHLDs are generated (2).
 *
 * Not covered: a handler that a vfork child's exec or death ends in the midst:
 * no handler gets that far. F_NOPAGE fails if both other witnesses are fooled;
 * that is a limit of that build.
 */

#ifndef NSIG
#define NSIG 2
#endif

#if defined(F_MUTEX) || defined(F_HOLD) || defined(F_BOTH) || \
    defined(F_PAGE) || defined(F_WIPE) || defined(F_NOPAGE)
#if !defined(RAWFORK) && !defined(VFORK)
#define HOOKS
#endif
#endif
#if defined(F_PID) || defined(F_BOTH) || defined(F_WIPE) || defined(F_NOPAGE)
#define ASKS_PID
#endif
#if defined(F_PAGE) || defined(F_WIPE) || defined(F_NOPAGE)
#define ASKS_GENERATION
#endif

#define FREE 0
#define HELD 1
#define MARKED 2

/* Names of the invariants. They stay 0; a failing assertion prints its name. */
hidden byte FOREIGN, EXCLUSION, STALE_WRITE, INHERITED, LOST_WAKEUP, STUCK,
    LEFT_OVER;
#define CHECK(name, what) assert(name || (what))

bit N = 0;
bit M = 0;
byte W = FREE;
bit T = 0;

/* Users 0 and 1 are the parent's, 2 is the child's. */
#define NUSERS 3
bit onlist[NUSERS];
bit isopen[NUSERS];

#define PARENT 0
#define CHILD 1
bit owner = PARENT; /* the pid that claimed */
bit generation = 1;

/* The machine. */
bit me = PARENT;    /* the side that we follow */
bit borrowed = 0;   /* a vfork child has thread 0 */
byte level[2];
bit pending = 0;
#ifdef VFORK
bit child_pending = 1; /* one for the borrower */
#define SIGNALLED(t) \
	((t == 0 && borrowed) -> child_pending : pending)
#define TAKE_SIGNAL(t)                                 \
	if                                             \
	:: t == 0 && borrowed -> child_pending = 0     \
	:: else -> pending = 0                         \
	fi
#else
#define SIGNALLED(t) pending
#define TAKE_SIGNAL(t) pending = 0
#endif
byte fired = 0;
#define ON(t, l) (level[t] == (l) && (t == 0 || me == PARENT))

/* Ghosts. */
bit editing = 0;
bit unrecorded = 0; /* a descriptor is open and not in the table */
bit tabling = 0;    /* the pid table is in the midst of a change */
bit owed[NUSERS];
bit worked = 0;
bit forked = 0;

/* ---- who are we? ------------------------------------------------------- */

#ifdef PIDFOOL
#define PID_IS_OURS(t) true
#else
#define PID_IS_OURS(t) (owner == me && !(t == 0 && borrowed))
#endif

#ifdef ASKS_PID
#ifdef ASKS_GENERATION
#define WE_OWN(t) (PID_IS_OURS(t) && generation != 0)
#else
#define WE_OWN(t) PID_IS_OURS(t)
#endif
#else
#ifdef ASKS_GENERATION
#define WE_OWN(t) (generation != 0)
#else
#define WE_OWN(t) true
#endif
#endif

/* ---- the walk and the handler, as in deferral.pml ---------------------- */

inline walk(t, l)
{
	do
	:: atomic { ON(t, l) && c < NUSERS && onlist[c] ->
		CHECK(EXCLUSION, !editing)
	   };
	   atomic { ON(t, l) ->
		CHECK(FOREIGN, me == PARENT || c == 2);
		CHECK(STALE_WRITE, isopen[c]);
		owed[c] = 0;
		c++
	   }
	:: atomic { ON(t, l) && c < NUSERS && !onlist[c] ->
		CHECK(EXCLUSION, !editing);
		c++
	   }
	:: atomic { ON(t, l) && c == NUSERS -> c = 0; break }
	od
}

inline release(t, l)
{
	do
	:: atomic { ON(t, l) && W == HELD -> W = FREE; break }
	:: ON(t, l) && W != HELD ->
	   atomic { ON(t, l) -> W = HELD };
	   walk(t, l)
	od
}

proctype Handler(byte t)
{
	byte c = 0;
	do
	:: atomic { SIGNALLED(t) && ON(t, 0) ->
		level[t] = 1;
		TAKE_SIGNAL(t)
	   };
	   if
	   :: ON(t, 1) && !WE_OWN(t) -> skip
	   :: atomic { ON(t, 1) && WE_OWN(t) ->
		CHECK(FOREIGN, !(t == 0 && borrowed))
	      };
	      if
	      :: atomic { ON(t, 1) && W != FREE -> W = MARKED }
	      :: atomic { ON(t, 1) && W == FREE -> W = MARKED };
		 atomic { ON(t, 1) -> W = HELD };
		 walk(t, 1);
		 release(t, 1)
	      fi
	   fi;
	   atomic { ON(t, 1) -> level[t] = 0 }
	od
}

/* ---- thread 1 ---------------------------------------------------------- */

inline lock(t, which)
{
	atomic { ON(t, 0) && !which -> which = 1 }
}

inline unlock(t, which)
{
	atomic { ON(t, 0) -> which = 0 }
}

inline take_word(t)
{
	atomic { ON(t, 0) && W == FREE -> W = HELD }
}

inline open_recorded(t)
{
	lock(t, N);
	atomic { ON(t, 0) -> unrecorded = 1 };
	atomic { ON(t, 0) -> unrecorded = 0 };
	unlock(t, N)
}

inline change_table(t)
{
	lock(t, T);
	atomic { ON(t, 0) -> tabling = 1 };
#ifdef BAD_ORDER
	open_recorded(t);
#endif
	atomic { ON(t, 0) -> tabling = 0 };
	unlock(t, T)
}

proctype Worker()
{
	byte c = 0;
	if
	:: ON(1, 0) ->
	   lock(1, M);
	   take_word(1);
	   atomic { ON(1, 0) -> editing = 1 };
	   atomic { ON(1, 0) -> onlist[1] = 0; owed[1] = 0 };
	   atomic { ON(1, 0) -> editing = 0 };
	   release(1, 0);
	   unlock(1, M);
	   atomic { ON(1, 0) -> isopen[1] = 0 }
	:: ON(1, 0) ->
	   open_recorded(1);
	   change_table(1)
	fi;
	atomic { ON(1, 0) -> worked = 1 }
}

/* ---- thread 0 ---------------------------------------------------------- */

/* Each store is a step, so that a handler may come between. */
inline reset()
{
	atomic { ON(0, 0) ->
		onlist[0] = 0;
		onlist[1] = 0;
		editing = 0;
		tabling = 0;
		unrecorded = 0
	};
	atomic { ON(0, 0) -> W = FREE };
	atomic { ON(0, 0) -> N = 0; M = 0; T = 0 }
}

inline claim()
{
	atomic { ON(0, 0) -> owner = CHILD };
	atomic { ON(0, 0) -> generation = 1 }
}

inline prepare_hook()
{
#ifndef BAD_NOLOCK
	lock(0, N);
#endif
	lock(0, M);
#ifndef F_MUTEX
	take_word(0);
#endif
#ifndef BAD_NOTABLE
	lock(0, T)
#endif
}

inline parent_hook()
{
#ifndef BAD_NOTABLE
	unlock(0, T);
#endif
#if defined(BAD_NORELEASE)
	atomic { ON(0, 0) -> W = FREE };
#elif !defined(F_MUTEX)
	release(0, 0);
#endif
	unlock(0, M);
#ifndef BAD_NOLOCK
	unlock(0, N)
#endif
}

inline child_hook()
{
	atomic { ON(0, 0) -> generation = 0 };
	reset()
}

inline become_child()
{
	me = CHILD;
	level[1] = 0;
	pending = 0;
	owed[0] = 0;
	owed[1] = 0;
#ifndef F_NOPAGE
	generation = 0; /* the kernel wipes the page */
#endif
#ifdef HOOKS
	CHECK(INHERITED, !unrecorded && !tabling);
#endif
	skip
}

inline postfork()
{
	if
	:: ON(0, 0) && WE_OWN(0) -> skip
	:: ON(0, 0) && !WE_OWN(0) ->
#ifdef BAD_CLAIMFIRST
	   claim();
	   reset()
#else
	   reset();
	   claim()
#endif
	fi
}

inline register_own()
{
	lock(0, M);
	take_word(0);
	atomic { ON(0, 0) -> CHECK(EXCLUSION, !editing); editing = 1 };
	atomic { ON(0, 0) -> onlist[2] = 1; isopen[2] = 1 };
	atomic { ON(0, 0) -> editing = 0 };
	release(0, 0);
	unlock(0, M)
}

proctype Forker()
{
	byte c = 0;
#ifdef VFORK
	atomic { ON(0, 0) -> borrowed = 1 };
	atomic { ON(0, 0) -> borrowed = 0 };
#else
#ifdef HOOKS
	prepare_hook();
#endif
	if
	:: ON(0, 0) ->
#ifdef HOOKS
	   parent_hook()
#endif
	:: atomic { ON(0, 0) -> become_child() };
#ifdef HOOKS
	   child_hook();
#endif
	   postfork();
	   open_recorded(0);
	   change_table(0);
	   register_own()
	fi;
#endif
	atomic { ON(0, 0) -> forked = 1 }
}

/* ---- the surroundings -------------------------------------------------- */

proctype Kernel()
{
	do
	:: atomic { fired < NSIG ->
		fired++;
		pending = 1;
		owed[0] = (onlist[0] && me == PARENT);
		owed[1] = (onlist[1] && me == PARENT);
		owed[2] = onlist[2]
	   }
	:: fired == NSIG -> break
	od
}

proctype Monitor()
{
	timeout;
	CHECK(STUCK, forked && (worked || me == CHILD));
	CHECK(STUCK, fired == NSIG && !pending && level[0] == 0);
	CHECK(STUCK, level[1] == 0);
	CHECK(LEFT_OVER, W == FREE && !N && !M && !T);
	CHECK(LOST_WAKEUP, !owed[0] && !owed[1] && !owed[2])
}

init
{
	atomic {
		onlist[0] = 1;
		onlist[1] = 1;
		isopen[0] = 1;
		isopen[1] = 1;
		run Handler(0);
		run Handler(1);
		run Worker();
		run Forker();
		run Kernel();
		run Monitor()
	}
}

/*
 * Results, with spin 6.5.2. Each search is exhaustive and none was truncated; a
 * broken variant stops at the first invariant that breaks.
 *
 * built with                     breaks              states
 * F_NONE                         STUCK                1,003
 * F_MUTEX                        FOREIGN             42,046
 * F_HOLD                         nothing            105,430
 * F_HOLD RAWFORK                 STUCK                1,003
 * F_PID                          nothing            179,233
 * F_PID RAWFORK                  nothing            179,233
 * F_PID PIDFOOL                  STUCK                1,003
 * F_BOTH                         nothing            107,221
 * F_BOTH RAWFORK                 nothing            179,233
 * F_BOTH PIDFOOL                 nothing            105,430
 * F_BOTH RAWFORK PIDFOOL         STUCK                1,003
 * F_PAGE RAWFORK                 nothing            176,179
 * F_PAGE VFORK                   FOREIGN                956
 * F_WIPE                         nothing            106,627
 * F_WIPE RAWFORK                 nothing            176,179
 * F_WIPE PIDFOOL                 nothing            106,627
 * F_WIPE RAWFORK PIDFOOL         nothing            176,179
 * F_WIPE VFORK                   nothing             72,681
 * F_NOPAGE                       nothing            106,627
 * F_NOPAGE RAWFORK               nothing            179,233
 * F_NOPAGE PIDFOOL               nothing            106,591
 * F_NOPAGE RAWFORK PIDFOOL       STUCK                1,003
 * F_WIPE RAWFORK BAD_CLAIMFIRST  FOREIGN             36,402
 * F_WIPE BAD_NOLOCK              INHERITED            1,834
 * F_WIPE BAD_NOTABLE             INHERITED            3,503
 * F_WIPE BAD_ORDER               STUCK                3,807
 * F_WIPE BAD_NORELEASE           LOST_WAKEUP          1,272
 * NSIG=5 F_WIPE                  nothing            666,498
 * NSIG=5 F_WIPE RAWFORK          nothing          1,111,623
 */
