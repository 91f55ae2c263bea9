/*
 * deferral.pml - the handler and the editors share the users list
 *
 * The deferral word W is 0 FREE, 1 HELD, or 2 MARKED: held, and a SIGCHLD came
 * meanwhile. Whoever has taken it from 0 may touch the users list. A handler
 * never waits: if it does not get the word it leaves the mark, and the holder
 * walks for it. Editors wait for each other on the mutex M, then for the word.
 *
 *	handler (any thread, any time)	  editor (register, unregister)
 *	--------------------------------  --------------------------------
 *	old = xchg(W, 2)		  lock M
 *	if old == 0:			  until CAS(W, 0 -> 1): sleep
 *		W = 1			  edit the list
 *		hold_walk_release:	  until CAS(W, 1 -> 0):
 *		  walk			  	W = 1
 *		  until CAS(W, 1 -> 0):	  	walk
 *		  	W = 1		  unlock M
 *		  	walk		  close what the removed user had open
 *	call the chained handler
 *
 * A SIGCHLD is directed to the process: there is one pending bit, so signals
 * merge, and any thread may take it. A handler suspends what it interrupted on
 * its thread: every step of thread t at level l is guarded by ON(t, l), level 0
 * being ordinary code. Each access of shared memory is a step of its own.
 *
 * Invariants; a failing run names the one that broke:
 *
 *	EXCLUSION	no step of a walk happens during an edit
 *	STALE_WRITE	a walk writes only for users on the list, and only to
 *			descriptors that are open
 *	LOST_WAKEUP	when all is quiet, each user that was on the list when
 *			a SIGCHLD was generated, and still is, has been written
 *			to since
 *	LOST_CHILD	(CONSUMER) when all is quiet, user 0's child is reaped
 *	LEFT_OVER	when all is quiet, the word is FREE and M is unlocked
 *	STUCK		when all is quiet, every editor and every handler has
 *			finished; so nobody waits for ever
 *	UNCHAINED	each handler calls the chained handler once
 *
 * Users: 0 stays; thread 0 unregisters 1 and closes its descriptor; thread 1
 * registers 2.
 *
 * Sizes and surroundings:
 *
 *	NSIG=n		SIGCHLDs generated (2)
 *	NESTED		a handler may interrupt a handler on the same thread: a
 *			foreign handler that does not mask SIGCHLD calls ours
 *	THIRD		a third thread, which only runs handlers
 *	SLOW_CHAIN	the chained handler on the third thread (implies THIRD)
 *			returns only when all others have finished and all
 *			users have been woken: nothing may depend on its return
 *	CONSUMER	user 0 has an awake flag and a consumer: a walk writes
 *			only if xchg(awake, 1) gave 0; the consumer drains,
 *			clears the flag, then looks
 *
 * Broken variants, each of which fails:
 *
 *	BAD_STORE	the handler looks first, then stores the mark: it may
 *			mark a word that nobody holds
 *	BAD_ONECAS	the handler tries CAS 0 -> 1, then CAS 1 -> 2, and
 *			gives up: the word may have become free in between
 *	BAD_FORGET	the holder releases with W = 0 and ignores the mark
 *	BAD_UNHELD	the holder releases by xchg(W, 0), and if that gave the
 *			mark it walks again, holding nothing
 *	BAD_LATEWALK	the editor does the same after unlocking M
 *	BAD_NOWORD	the editor takes M but not the word
 *	BAD_CLOSEFIRST	unregister closes before it takes the user off the list
 *	BAD_SPIN	the handler waits for the word
 *	BAD_CHAINHELD	the chained handler is called while the word is held
 *	BAD_CHAINFIRST	the chained handler is called before the walk
 *	BAD_NOCHAIN	a handler that does not get the word does not chain
 *	BAD_LOOKFIRST	(CONSUMER) the consumer looks, then drains and clears
 *	BAD_LIBXL	the scheme of libxl: the editor swaps the disposition
 *			for a handler that sets a flag, the ordinary handler
 *			locks a mutex. It loses wake-ups; with NO_LOST, which
 *			overlooks them, it also deadlocks: release calls the
 *			ordinary handler by hand, a SIGCHLD interrupts that,
 *			and the handler locks the same mutex
 *
 * Not covered: weak memory (all accesses of the word are read-modify-writes of
 * one location, or stores by its holder), starvation, and a holder that
 * vanishes (see deferral_fork.pml for fork).
 */

#ifndef NSIG
#define NSIG 2
#endif
#ifdef SLOW_CHAIN
#define THIRD
#endif
#ifdef THIRD
#define NTHREADS 3
#else
#define NTHREADS 2
#endif
#define NUSERS 3
#define NEDITORS 2

#define FREE 0
#define HELD 1
#define MARKED 2

/* Names of the invariants. They stay 0; a failing assertion prints its name. */
hidden byte EXCLUSION, STALE_WRITE, LOST_WAKEUP, LOST_CHILD, LEFT_OVER, STUCK,
    UNCHAINED;
#define CHECK(name, what) assert(name || (what))

byte W = FREE;
bit M = 0;
bit onlist[NUSERS];
bit isopen[NUSERS];

/* The machine: levels of the threads, the pending bit, signals so far. */
byte level[NTHREADS];
bit pending = 0;
byte fired = 0;
#define ON(t, l) (level[t] == (l))

/* Ghosts, which no process of the protocol reads. */
bit editing = 0;
bit owed[NUSERS]; /* a SIGCHLD was generated, nothing written since */
byte edits_done = 0;
byte tochain = 0; /* handlers begun minus chained handlers called */

#ifdef CONSUMER
bit awake = 0;
bit readable = 0;
bit zombie = 0;
#endif

#ifdef BAD_LIBXL
bit deferring = 0; /* the disposition: the flag-setting handler is in */
bit occurred = 0;
bit hmutex = 0; /* the mutex that the ordinary handler locks */
#endif

/* ---- the walk ---------------------------------------------------------- */

/* Writing to a user. Reading the list entry was a step before this one. */
inline write_user(t, l)
{
#ifdef CONSUMER
	if
	:: atomic { ON(t, l) && c == 0 && !awake ->
		awake = 1;
		CHECK(STALE_WRITE, onlist[0] && isopen[0])
	   };
	   atomic { ON(t, l) -> readable = 1; owed[0] = 0 }
	:: atomic { ON(t, l) && c == 0 && awake -> owed[0] = 0 }
	:: atomic { ON(t, l) && c != 0 ->
		CHECK(STALE_WRITE, onlist[c] && isopen[c]);
		owed[c] = 0
	   }
	fi
#else
	atomic { ON(t, l) ->
		CHECK(STALE_WRITE, onlist[c] && isopen[c]);
		owed[c] = 0
	}
#endif
}

inline walk(t, l)
{
	do
	:: atomic { ON(t, l) && c < NUSERS && onlist[c] ->
		CHECK(EXCLUSION, !editing)
	   };
	   write_user(t, l);
	   atomic { ON(t, l) -> c++ }
	:: atomic { ON(t, l) && c < NUSERS && !onlist[c] ->
		CHECK(EXCLUSION, !editing);
		c++
	   }
	:: atomic { ON(t, l) && c == NUSERS -> c = 0; break }
	od
}

/* The word is 1 or 2, and ours. */
inline hold_walk_release(t, l)
{
	do
	:: walk(t, l);
#if defined(BAD_FORGET)
	   atomic { ON(t, l) -> W = FREE; break }
#elif defined(BAD_UNHELD)
	   atomic { ON(t, l) -> old = W; W = FREE };
	   if
	   :: ON(t, l) && old == MARKED -> walk(t, l)
	   :: ON(t, l) && old != MARKED -> skip
	   fi;
	   break
#else
	   if
	   :: atomic { ON(t, l) && W == HELD -> W = FREE; break }
	   :: ON(t, l) && W != HELD -> skip
	   fi;
	   atomic { ON(t, l) -> W = HELD }
#endif
	od
}

/* ---- the handler ------------------------------------------------------- */

#define OTHERS_ARE_DONE                                               \
	(edits_done == NEDITORS && fired == NSIG && !pending &&       \
	    level[0] == 0 && level[1] == 0 && !owed[0] && !owed[1] && \
	    !owed[2])

inline chain(t, l)
{
#ifdef SLOW_CHAIN
	if
	:: ON(t, l) && t != 2 -> skip
	:: ON(t, l) && t == 2 && OTHERS_ARE_DONE -> skip
	fi;
#endif
	atomic { ON(t, l) -> tochain-- }
}

#ifndef BAD_LIBXL
inline handle(t, l)
{
#if defined(BAD_STORE) || defined(BAD_ONECAS)
	if
	:: atomic { ON(t, l) && W == FREE -> W = HELD };
	   hold_walk_release(t, l)
	:: ON(t, l) && W != FREE ->
#ifdef BAD_STORE
	   atomic { ON(t, l) -> W = MARKED }
#else
	   if
	   :: atomic { ON(t, l) && W != FREE -> W = MARKED }
	   :: ON(t, l) && W == FREE -> skip
	   fi
#endif
	fi
#elif defined(BAD_SPIN)
	atomic { ON(t, l) && W == FREE -> W = HELD };
	hold_walk_release(t, l)
#else
	if
#ifdef BAD_CHAINHELD
	:: atomic { ON(t, l) && W != FREE -> W = MARKED };
	   chain(t, l)
#else
	:: atomic { ON(t, l) && W != FREE -> W = MARKED }
#endif
	:: atomic { ON(t, l) && W == FREE -> W = MARKED };
	   atomic { ON(t, l) -> W = HELD };
#ifdef BAD_NOCHAIN
	   walked = 1;
#endif
#ifdef BAD_CHAINHELD
	   walk(t, l);
	   chain(t, l);
#endif
	   hold_walk_release(t, l)
	fi
#endif
}
#else
inline handle(t, l)
{
	if
	:: ON(t, l) && !flagging ->
	   atomic { ON(t, l) && !hmutex -> hmutex = 1 };
	   walk(t, l);
	   atomic { ON(t, l) -> hmutex = 0 }
	:: atomic { ON(t, l) && flagging -> occurred = 1 }
	fi
}
#endif

/* One frame of thread t, run again and again: it takes the pending SIGCHLD
 * whenever the thread is at the level below. */
proctype Handler(byte t; byte l)
{
	byte c = 0;
#ifdef BAD_UNHELD
	byte old = 0;
#endif
#ifdef BAD_LIBXL
	bit flagging = 0;
#endif
#ifdef BAD_NOCHAIN
	bit walked = 0;
#endif
	do
	:: atomic { pending && ON(t, l - 1) ->
		pending = 0;
		level[t] = l;
#ifdef BAD_LIBXL
		flagging = deferring;
#endif
		tochain++
	   };
#ifdef BAD_CHAINFIRST
	   chain(t, l);
#endif
	   handle(t, l);
#ifdef BAD_NOCHAIN
	   if
	   :: ON(t, l) && walked -> walked = 0; chain(t, l)
	   :: ON(t, l) && !walked -> skip
	   fi;
#elif !defined(BAD_CHAINFIRST) && !defined(BAD_CHAINHELD)
	   chain(t, l);
#endif
	   atomic { ON(t, l) ->
#ifdef BAD_LIBXL
		flagging = 0;
#endif
		level[t] = l - 1
	   }
	od
}

/* ---- the editors ------------------------------------------------------- */

inline edit(t)
{
	atomic { ON(t, 0) -> editing = 1 };
	if
	:: atomic { ON(t, 0) && t == 0 -> onlist[1] = 0; owed[1] = 0 }
	:: atomic { ON(t, 0) && t == 1 -> onlist[2] = 1 }
	fi;
	atomic { ON(t, 0) -> editing = 0 }
}

inline close_removed(t)
{
	atomic { ON(t, 0) ->
		if
		:: t == 0 -> isopen[1] = 0
		:: else
		fi
	}
}

#ifndef BAD_LIBXL
inline hold_edit_release(t)
{
#ifndef BAD_NOWORD
	atomic { ON(t, 0) && W == FREE -> W = HELD };
#endif
	edit(t);
#ifndef BAD_NOWORD
#if defined(BAD_FORGET)
	atomic { ON(t, 0) -> W = FREE };
#elif defined(BAD_LATEWALK)
	atomic { ON(t, 0) -> old = W; W = FREE };
#else
	do
	:: atomic { ON(t, 0) && W == HELD -> W = FREE; break }
	:: ON(t, 0) && W != HELD ->
	   atomic { ON(t, 0) -> W = HELD };
	   walk(t, 0)
	od;
#endif
#endif
}
#else
inline hold_edit_release(t)
{
	atomic { ON(t, 0) -> deferring = 1 };
	atomic { ON(t, 0) && !hmutex -> hmutex = 1 };
	edit(t);
	atomic { ON(t, 0) -> hmutex = 0 };
	atomic { ON(t, 0) -> deferring = 0 };
	if
	:: atomic { ON(t, 0) && occurred -> occurred = 0 };
	   atomic { ON(t, 0) && !hmutex -> hmutex = 1 };
	   walk(t, 0);
	   atomic { ON(t, 0) -> hmutex = 0 }
	:: ON(t, 0) && !occurred -> skip
	fi;
}
#endif

proctype Editor(byte t)
{
	byte c = 0;
#ifdef BAD_LATEWALK
	byte old = 0;
#endif
#ifdef BAD_CLOSEFIRST
	close_removed(t);
#endif
	atomic { ON(t, 0) && !M -> M = 1 };
	hold_edit_release(t);
	atomic { ON(t, 0) -> M = 0 };
#ifdef BAD_LATEWALK
	if
	:: ON(t, 0) && old == MARKED -> walk(t, 0)
	:: ON(t, 0) && old != MARKED -> skip
	fi;
#endif
#ifndef BAD_CLOSEFIRST
	close_removed(t);
#endif
	atomic { ON(t, 0) -> edits_done++ }
}

/* ---- the surroundings -------------------------------------------------- */

proctype Kernel()
{
	byte c = 0;
	do
	:: atomic { fired < NSIG ->
		fired++;
		pending = 1;
#ifdef CONSUMER
		zombie = 1;
#endif
		do
		:: c < NUSERS -> owed[c] = owed[c] || onlist[c]; c++
		:: else -> c = 0; break
		od
	   }
	:: fired == NSIG -> break
	od
}

#ifdef CONSUMER
proctype Consumer()
{
	do
	:: readable ->
#ifdef BAD_LOOKFIRST
	   zombie = 0;
	   readable = 0;
	   awake = 0
#else
	   readable = 0;
	   awake = 0;
	   zombie = 0
#endif
	od
}
#endif

/* Runs when nothing else can: all is quiet, or stuck. */
proctype Monitor()
{
	timeout;
	CHECK(STUCK, edits_done == NEDITORS);
	CHECK(STUCK, level[0] == 0 && level[1] == 0);
#ifdef THIRD
	CHECK(STUCK, level[2] == 0);
#endif
	CHECK(STUCK, fired == NSIG && !pending);
	CHECK(LEFT_OVER, W == FREE && !M);
#ifndef NO_LOST
	CHECK(LOST_WAKEUP, !owed[0] && !owed[1] && !owed[2]);
#endif
	CHECK(UNCHAINED, tochain == 0);
#ifdef CONSUMER
	CHECK(LOST_CHILD, !zombie)
#endif
}

init
{
	atomic {
		onlist[0] = 1;
		onlist[1] = 1;
		isopen[0] = 1;
		isopen[1] = 1;
		isopen[2] = 1;
		run Handler(0, 1);
		run Handler(1, 1);
#ifdef NESTED
		run Handler(0, 2);
		run Handler(1, 2);
#endif
#ifdef THIRD
		run Handler(2, 1);
#endif
		run Editor(0);
		run Editor(1);
		run Kernel();
#ifdef CONSUMER
		run Consumer();
#endif
		run Monitor()
	}
}

/*
 * Results, with spin 6.5.2. Each search is exhaustive and none was truncated; a
 * broken variant stops at the first invariant that breaks.
 *
 * built with                 breaks              states
 * -                          nothing             41,885
 * NESTED                     nothing             65,017
 * THIRD                      nothing            100,008
 * SLOW_CHAIN                 nothing            131,941
 * NSIG=3                     nothing            102,314
 * CONSUMER                   nothing            236,392
 * NSIG=3 NESTED              nothing            370,814
 * NSIG=3 SLOW_CHAIN          nothing            543,639
 * NSIG=3 THIRD NESTED        nothing            842,424
 * NSIG=4 NESTED              nothing          1,141,657
 * NSIG=3 NESTED CONSUMER     nothing          2,962,477
 * BAD_STORE                  LEFT_OVER              147
 * BAD_ONECAS                 LOST_WAKEUP            149
 * BAD_FORGET                 LOST_WAKEUP            155
 * BAD_UNHELD                 EXCLUSION            9,976
 * BAD_LATEWALK               EXCLUSION            1,420
 * BAD_NOWORD                 EXCLUSION              141
 * BAD_CLOSEFIRST             STALE_WRITE            180
 * BAD_SPIN                   STUCK                  137
 * BAD_CHAINHELD SLOW_CHAIN   STUCK                  423
 * BAD_CHAINFIRST SLOW_CHAIN  STUCK                   27
 * BAD_NOCHAIN                UNCHAINED              183
 * BAD_LOOKFIRST CONSUMER     LOST_CHILD          15,096
 * BAD_LIBXL                  LOST_WAKEUP            206
 * BAD_LIBXL NO_LOST          STUCK                9,573
 */
