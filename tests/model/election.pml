/*
 * election.pml - one sleeper looks for all, so that one death wakes one owner
 *
 * A SIGCHLD does not tell whose child died, since signals merge. So somebody
 * has to look at the children of all contexts: a sweep. The handler elects a
 * thread for it that sleeps in the library; if none does, it tells everybody,
 * and each looks at his own.
 *
 *	handler, with the word		  sleeper
 *	--------------------------------  --------------------------------
 *	n = fetch_add(owed, 1)		  asleep = 1
 *	if n + 1 is no power of 2: done	  epoll_wait: self-pipe, or others
 *	for each user:			  xchg(asleep, 0)
 *	  if xchg(asleep, 0) == 1:	  if owed: if xchg(owed, 0): sweep
 *		write to him: done	  return if the context was closed
 *	owed = 0			  clear awake, look, call back
 *	tell each user
 *					  foreign loop, when it likes
 *	sweep				  --------------------------------
 *	--------------------------------  drain
 *	for each child, with T:		  if owed: if xchg(owed, 0): sweep
 *	  if dead, and not known to be:	  clear awake, look, call back
 *		suspect = 1, wake owner
 *
 * What a wake is, and the order of drain, clear and look, is the matter of
 * awake.pml; here a wake makes the self-pipe readable, and to tell is to mark
 * the child and to wake, since each context has one. The word is that of
 * deferral.pml; here it is a plain lock: a signal that comes while it is held
 * waits as the pending bit as well as it does as a mark. In which order the
 * list is searched is left open, so that the thread on which the handler runs
 * may be preferred. To ask about a child, to mark it and to wake its owner is
 * one step, done with T; so is to tell one user.
 *
 * A child that is looked at is ended: it stays a zombie until its callback is
 * over, then it is reaped, and born again.
 *
 * Contexts, each with a child: 0 and 1 have threads that sleep in the library,
 * 2 belongs to a foreign loop and never sleeps there.
 *
 * Invariants:
 *
 *	LOST_CHILD	when all is quiet, every child that is dead has been
 *			looked at, unless its context hangs: that one has been
 *			told
 *	LEANS_ON_NONE	a handler that elects nobody finds, at its increment of
 *			owed, that a thread was elected and has not come to its
 *			exchange of owed
 *	LEFT_OVER	when all is quiet, no sweep is owed
 *	PRECISE		everybody is told only if nobody slept from the begin of
 *			the walk on; a sweep wakes only whose child is dead
 *	STALE_WRITE	nobody writes to a descriptor that was closed
 *	STUCK		when all is quiet, every handler, sweep and close has
 *			finished
 *
 * Sizes and surroundings:
 *
 *	NDEATHS=n	children die n times (2)
 *	ONE_CHILD	only that of the foreign loop's context dies
 *	HANGS=x		a callback of context x may never return, or its foreign
 *			loop never dispatch: that must delay no other
 *	OTHERS		context 0 also wakes, once, for a descriptor of the
 *			application, and calls back for it
 *	CLOSES		another thread closes context 1 at any time
 *	STALLS		the thread of context 0 may stop for ever at the instant
 *			at which it was elected. The next SIGCHLD must mend it;
 *			until then deaths are excused
 *	BUSY		no thread ever sleeps: all belong to foreign loops
 *	ALWAYS		the handler elects for each SIGCHLD, not only for the
 *			first, second, fourth since the last sweep began
 *
 * Broken variants, each of which fails:
 *
 *	BAD_SWEEPFIRST	the sweep comes before the exchange of owed
 *	BAD_OWEDLATE	the handler elects, then says that a sweep is owed
 *	BAD_NOBODY	nobody sleeps: the handler leaves it at that
 *	BAD_CALLFIRST	(HANGS, OTHERS) the elected thread calls back, then
 *			sweeps
 *	BAD_CLOSED	(CLOSES) it asks first whether its context was closed,
 *			and leaves without a sweep
 *	BAD_PLAINROUSE	(HANGS, OTHERS) it clears asleep by a plain store, which
 *			stays in its store buffer while it reads owed
 *	BAD_NOTASLEEP	(HANGS, OTHERS) asleep is never taken back, so one is
 *			elected that does not sleep any more
 *	BAD_SKIP	(STALLS) the handler elects nobody while a sweep is owed
 *	BAD_INHERIT	owed is 2 at the start, as it may be in a forked child
 *			that does not reset it
 *	BAD_TELLALL	the handler tells everybody, without an election
 *	BAD_WAKEALL	the sweep wakes everybody
 */

#ifndef NDEATHS
#define NDEATHS 2
#endif
#define N 3 /* contexts */
#define FOREIGN 2

/* Names of the invariants. They stay 0; a failing assertion prints its name. */
hidden byte LOST_CHILD, LEANS_ON_NONE, LEFT_OVER, PRECISE, STALE_WRITE, STUCK;
#define CHECK(name, what) assert(name || (what))

bit word = 0; /* held */
bit pending = 0; /* SIGCHLD */
#ifdef BAD_INHERIT
byte owed = 2;
#else
byte owed = 0;
#endif

bit asleep[N];
bit readable[N];

bit zombie[N];
bit suspect[N]; /* told, too: each context has one child */
bit ended[N];

byte deaths = 0;
#ifdef OTHERS
bit spare = 0; /* the descriptor of context 0 has been ready */
#endif

#ifdef CLOSES
bit onlist = 1; /* of context 1; the others stay */
bit closed = 0;
bit running = 1;
bit shut = 0; /* its self-pipe */
#define ONLIST(x) (x != 1 || onlist)
#define CLOSED(x) (x == 1 && closed)
#define SHUT(x) (x == 1 && shut)
#else
#define ONLIST(x) 1
#define CLOSED(x) 0
#define SHUT(x) 0
#endif

/* Ghosts. */
bit hung = 0;
bit elected[2]; /* and has not come to its exchange of owed */
bit steady[2];  /* asleep since the walk began */
#ifdef STALLS
bit stalled = 0;
bit mended = 0; /* a walk began after that election */
#endif
#ifdef HANGS
#define HUNG(x) (hung && x == HANGS)
#else
#define HUNG(x) 0
#endif
#ifdef BAD_PLAINROUSE
bit buffered = 0;
#endif

/* ---- waking ------------------------------------------------------------ */

inline wake(x)
{
	readable[x] = 1;
	CHECK(STALE_WRITE, !SHUT(x))
}

/* ---- the handler ------------------------------------------------------- */

inline elect(x)
{
	if
	:: atomic { !done && ONLIST(x) && asleep[x] ->
#ifndef BAD_NOTASLEEP
		asleep[x] = 0;
#endif
		done = 1;
		elected[x] = 1;
#ifdef STALLS
		mended = mended && x != 0
#endif
	   };
	   atomic { wake(x) }
	:: done || !ONLIST(x) || !asleep[x] -> skip
	fi
}

inline elect_one()
{
	if
	:: elect(0); elect(1)
	:: elect(1); elect(0)
	fi
}

inline tell_each()
{
	c = 0;
	do
	:: atomic { c < N && ONLIST(c) -> suspect[c] = 1; wake(c); c++ }
	:: atomic { c < N && !ONLIST(c) -> c++ }
	:: c == N -> break
	od
}

inline tell_if_none()
{
	if
	:: done -> skip
	:: atomic { !done -> CHECK(PRECISE, !steady[0] && !steady[1]) };
#ifndef BAD_NOBODY
	   owed = 0;
	   tell_each()
#endif
	fi
}

#ifdef ALWAYS
#define ELECTS 1
#elif defined(BAD_SKIP)
#define ELECTS (n == 1)
#else
#define ELECTS ((n & (n - 1)) == 0)
#endif

inline walk()
{
#ifdef BAD_TELLALL
	tell_if_none();
#elif defined(BAD_OWEDLATE)
	elect_one();
	owed++;
	tell_if_none();
#else
	atomic {
		owed++;
		n = owed;
		CHECK(LEANS_ON_NONE, ELECTS || elected[0] || elected[1])
	};
	if
	:: ELECTS -> elect_one(); tell_if_none()
	:: !(ELECTS) -> skip
	fi;
#endif
	atomic { done = 0; n = 0; c = 0 }
}

proctype Handler()
{
	byte c = 0;
	byte n = 0;
	bit done = 0;

	do
	:: atomic { pending && !word ->
		pending = 0;
		word = 1;
		steady[0] = asleep[0];
		steady[1] = asleep[1] && ONLIST(1);
#ifdef STALLS
		mended = 1
#endif
	   };
	   walk();
	   atomic { word = 0; steady[0] = 0; steady[1] = 0 }
	od
}

/* ---- the sweep --------------------------------------------------------- */

/* With T, so that its context is closed before or after it. */
inline ask(c)
{
	if
#ifdef BAD_WAKEALL
	:: !CLOSED(c) ->
#else
	:: zombie[c] && !ended[c] && !CLOSED(c) ->
#endif
	   suspect[c] = 1;
	   CHECK(PRECISE, zombie[c]);
	   wake(c)
	:: else -> skip
	fi
}

#define FULFIL(x) elected[x % 2] = elected[x % 2] && x > 1

inline sweep()
{
	do
	:: atomic { c < N -> ask(c); c++ }
	:: atomic { c == N -> c = 0; break }
	od
}

inline sweep_if_owed(x)
{
	if
#ifdef BAD_SWEEPFIRST
	:: owed != 0 -> sweep(); atomic { owed = 0; FULFIL(x) }
#else
	:: atomic { owed != 0 -> owed = 0; FULFIL(x) }; sweep()
#endif
	:: atomic { owed == 0 -> FULFIL(x) }
	fi
}

/* ---- contexts ---------------------------------------------------------- */

/* Whoever calls back may never return. */
inline call_back(x)
{
	if
#ifdef HANGS
	:: atomic { x == HANGS && !hung -> hung = 1 };
	   false
#endif
	:: skip
	fi
}

inline look(x)
{
	if
	:: atomic { suspect[x] && zombie[x] ->
		suspect[x] = 0;
		ended[x] = 1
	   };
	   call_back(x);
	   atomic { zombie[x] = 0; ended[x] = 0 }
	:: atomic { !suspect[x] || !zombie[x] -> suspect[x] = 0 }
	fi
}

/* The self-pipe's edge is gone with the harvest, whatever it was for. */
inline sleep(x)
{
	if
	:: atomic { readable[x] -> readable[x] = 0 }
#ifdef OTHERS
	:: atomic { x == 0 && !spare ->
		spare = 1;
		other = 1;
		readable[x] = 0
	   }
#endif
	fi
}

inline rouse(x)
{
#ifdef BAD_PLAINROUSE
	atomic {
		if
		:: x == 0 -> buffered = 1
		:: else -> asleep[x] = 0; steady[x] = 0
		fi
	}
#elif !defined(BAD_NOTASLEEP)
	atomic { asleep[x] = 0; steady[x] = 0 }
#else
	atomic { steady[x] = 0 }
#endif
}

inline stall(x)
{
#ifdef STALLS
	if
	:: atomic { x == 0 && elected[x] && !asleep[x] -> stalled = 1 };
	   false
	:: skip
	fi
#else
	skip
#endif
}

inline read_ready()
{
#ifdef OTHERS
	if
	:: atomic { other -> other = 0 }; call_back(0)
	:: !other -> skip
	fi
#else
	skip
#endif
}

proctype Sleeper(byte x)
{
	byte c = 0;
	bit other = 0;

	do
	:: asleep[x] = 1;
	   sleep(x);
	   stall(x);
	   rouse(x);
#ifdef BAD_CLOSED
	   if
	   :: CLOSED(x) -> break
	   :: !CLOSED(x) -> skip
	   fi;
#endif
#ifndef BAD_CALLFIRST
	   sweep_if_owed(x);
#endif
#ifdef CLOSES
	   if
	   :: CLOSED(x) -> break
	   :: !CLOSED(x) -> skip
	   fi;
#endif
	   look(x);
	   read_ready();
#ifdef BAD_CALLFIRST
	   sweep_if_owed(x)
#endif
	od;
#ifdef CLOSES
	running = 0
#endif
}

proctype Foreign(byte x)
{
	byte c = 0;

	do
	:: readable[x] ->
	   call_back(x); /* it is busy with what is none of ours */
	   readable[x] = 0;
	   sweep_if_owed(x);
	   look(x)
	od
}

/* ---- the surroundings -------------------------------------------------- */

inline die(x)
{
	atomic {
		deaths < NDEATHS && !zombie[x] && !CLOSED(x) ->
		zombie[x] = 1;
		deaths++;
		pending = 1
	}
}

proctype Kernel()
{
	do
#ifndef ONE_CHILD
	:: die(0)
	:: die(1)
#endif
	:: die(FOREIGN)
	:: deaths == NDEATHS -> break
	od
}

#ifdef CLOSES
/* sigchld_free, on another thread than the one that sleeps. */
proctype Closer()
{
	atomic { closed = 1; zombie[1] = 0 }; /* the application's now */
	atomic { !word -> word = 1 };
	onlist = 0;
	word = 0;
	atomic { wake(1) };
	!running;
	shut = 1
}
#endif

#ifdef BAD_PLAINROUSE
proctype StoreBuffer()
{
	do
	:: atomic { buffered -> buffered = 0; asleep[0] = 0; steady[0] = 0 }
	od
}
#endif

#ifdef STALLS
#define EXCUSED (stalled && !mended)
#define STALLED(x) (stalled && x == 0)
#else
#define EXCUSED 0
#define STALLED(x) 0
#endif

/* Runs when nothing else can. */
proctype Monitor()
{
	byte x = 0;

	timeout;
	CHECK(STUCK, deaths == NDEATHS || zombie[0] || zombie[1] ||
	    zombie[FOREIGN]);
	CHECK(STUCK, !pending && !word);
#ifdef CLOSES
	CHECK(STUCK, shut || HUNG(1));
#endif
	do
	:: x < N ->
	   CHECK(LOST_CHILD, EXCUSED || !zombie[x] || HUNG(x) || STALLED(x));
	   CHECK(LOST_CHILD, EXCUSED || !zombie[x] || ended[x] || suspect[x]);
	   x++
	:: x == N -> break
	od;
#ifndef STALLS
	CHECK(LEFT_OVER, owed == 0)
#endif
}

init
{
	atomic {
#ifdef BUSY
		run Foreign(0);
		run Foreign(1);
#else
		run Sleeper(0);
		run Sleeper(1);
#endif
		run Foreign(FOREIGN);
		run Handler();
		run Kernel();
#ifdef CLOSES
		run Closer();
#endif
#ifdef BAD_PLAINROUSE
		run StoreBuffer();
#endif
		run Monitor()
	}
}

/*
 * Results, with spin 6.5.2. Each search is exhaustive and none was truncated; a
 * broken variant stops at the first invariant that breaks.
 *
 * built with                     breaks              states
 * -                              nothing          2,151,357
 * NDEATHS=3                      nothing         23,143,139
 * NDEATHS=3 ALWAYS               nothing         23,145,417
 * NDEATHS=3 ONE_CHILD            nothing          1,627,155
 * NDEATHS=1 HANGS=0 OTHERS       nothing            167,203
 * HANGS=0 OTHERS                 nothing         14,506,383
 * NDEATHS=1 HANGS=2              nothing             23,001
 * HANGS=2                        nothing          2,897,928
 * NDEATHS=1 CLOSES               nothing            133,041
 * CLOSES                         nothing         11,246,089
 * STALLS                         nothing          2,933,043
 * BUSY                           nothing            440,528
 * BAD_SWEEPFIRST ONE_CHILD       LOST_CHILD         469,049
 * BAD_OWEDLATE                   LOST_CHILD           3,048
 * BAD_NOBODY                     LOST_CHILD              21
 * BAD_CALLFIRST HANGS=0 OTHERS   LOST_CHILD          43,617
 * BAD_CLOSED CLOSES              LOST_CHILD         741,701
 * BAD_PLAINROUSE HANGS=0 OTHERS  LOST_CHILD         128,426
 * BAD_NOTASLEEP HANGS=0 OTHERS   LOST_CHILD          52,682
 * BAD_SKIP STALLS                LOST_CHILD         407,924
 * BAD_INHERIT                    LEANS_ON_NONE            6
 * BAD_TELLALL                    PRECISE              2,368
 * BAD_WAKEALL                    PRECISE              2,385
 */
