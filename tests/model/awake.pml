/*
 * awake.pml - one write per user until he drains
 *
 * Each user has a descriptor that he sleeps on and a flag, awake: a wake-up is
 * on its way. A second flag, told, asks him to look at all his children, not
 * only at those whose own descriptors are ready.
 *
 *	waker (any thread)		  consumer, when readable
 *	--------------------------------  --------------------------------
 *	the child is dead		  drain
 *	told = 1			  xchg(awake, 0)
 *	if xchg(awake, 1) == 0: write	  if xchg(told, 0): look at all
 *
 * On Linux to drain is to harvest the edge of the descriptor in the epoll set;
 * in the portable build it is to read the socket until it is empty. For the
 * protocol both are the same: what was written before is gone. A look is a
 * step for each child, since children die between the steps.
 *
 * Why it works: a waker who finds awake set came before the consumer's next
 * clear, hence before the look that follows it. One who finds it clear writes,
 * and what he writes is not drained before a clear and a look that come later.
 *
 * Invariants:
 *
 *	LOST_CHILD	when all is quiet, every dead child has been reaped
 *	STUCK		when all is quiet, every waker has finished
 *	STORM		between two drains there is at most one write, but for
 *			one by a waker who was on his way
 *
 * Two threads run wakers at the same time, which is more than the deferral word
 * allows; a third wakes without telling (an event of something else). Signals
 * merge. NDEATHS (4) deaths of 2 children, each of which is born again once it
 * has been reaped.
 *
 * Broken variants, each of which fails:
 *
 *	ORDER=n		the other orders of drain, clear, look:
 *			1 clear, drain, look	2 drain, look, clear
 *			3 look, drain, clear	4 look, clear, drain
 *			5 clear, look, drain
 *	BAD_NOFLAG	the waker writes always
 *	BAD_SETLATE	the waker reads awake, writes, then sets it
 *	BAD_PLAINCLEAR	the consumer clears by a plain store, which stays in its
 *			store buffer while it looks
 *	BAD_TELLLATE	the waker sets told after it has written
 *	BAD_TOLDFIRST	the consumer takes told before it clears awake
 */

#ifndef NDEATHS
#define NDEATHS 4
#endif
#ifndef ORDER
#define ORDER 0
#endif

/* Names of the invariants. They stay 0; a failing assertion prints its name. */
hidden byte LOST_CHILD, STUCK, STORM;
#define CHECK(name, what) assert(name || (what))

bit awake = 0;
bit told = 0;
bit readable = 0;
bit zombie[2];
bit pending = 0; /* SIGCHLD */

/* Ghosts. */
byte deaths = 0;
byte waking = 0;  /* wakers between signal and end */
byte written = 0; /* writes since the last drain */
byte spare_wakes = 1;
#ifdef BAD_PLAINCLEAR
bit buffered = 0;
#endif

/* ---- wakers ------------------------------------------------------------ */

inline wake()
{
#ifdef BAD_SETLATE
	if
	:: awake -> skip
	:: !awake ->
	   readable = 1;
	   awake = 1
	fi
#elif defined(BAD_NOFLAG)
	atomic { readable = 1; written++; CHECK(STORM, written <= 2) }
#else
	if
	:: awake -> skip
	:: atomic { !awake -> awake = 1 };
	   atomic { readable = 1; written++; CHECK(STORM, written <= 2) }
	fi
#endif
}

inline tell()
{
#ifdef BAD_TELLLATE
	wake();
	told = 1
#else
	told = 1;
	wake()
#endif
}

proctype Waker()
{
	do
	:: atomic { pending -> pending = 0; waking++ };
	   tell();
	   waking--
	od
}

proctype SpareWaker()
{
	wake();
	spare_wakes = 0
}

proctype Kernel()
{
	do
	:: atomic { deaths < NDEATHS && !zombie[0] ->
		zombie[0] = 1;
		deaths++;
		pending = 1
	   }
	:: atomic { deaths < NDEATHS && !zombie[1] ->
		zombie[1] = 1;
		deaths++;
		pending = 1
	   }
	:: deaths == NDEATHS -> break
	od
}

/* ---- the consumer ------------------------------------------------------ */

inline drain()
{
	atomic { readable = 0; written = 0 }
}

inline look_at_all()
{
	zombie[0] = 0;
	zombie[1] = 0
}

inline clear()
{
#ifdef BAD_PLAINCLEAR
	buffered = 1
#else
	awake = 0
#endif
}

inline look()
{
#if ORDER != 0 || defined(BAD_PLAINCLEAR)
	/* told is not what these variants are about. */
	look_at_all()
#elif defined(BAD_TOLDFIRST)
	if
	:: all -> look_at_all()
	:: !all -> skip
	fi;
	all = 0
#else
	if
	:: atomic { told -> told = 0 };
	   look_at_all()
	:: !told -> skip
	fi
#endif
}

proctype Consumer()
{
#ifdef BAD_TOLDFIRST
	bit all = 0;
#endif
	do
	:: readable ->
#if ORDER == 1
	   clear(); drain(); look()
#elif ORDER == 2
	   drain(); look(); clear()
#elif ORDER == 3
	   look(); drain(); clear()
#elif ORDER == 4
	   look(); clear(); drain()
#elif ORDER == 5
	   clear(); look(); drain()
#else
	   drain();
#ifdef BAD_TOLDFIRST
	   atomic { all = told; told = 0 };
#endif
	   clear();
	   look()
#endif
	od
}

#ifdef BAD_PLAINCLEAR
proctype StoreBuffer()
{
	do
	:: atomic { buffered -> buffered = 0; awake = 0 }
	od
}
#endif

/* Runs when nothing else can. */
proctype Monitor()
{
	timeout;
	CHECK(STUCK, deaths == NDEATHS || zombie[0] || zombie[1]);
	CHECK(STUCK, !pending && waking == 0 && spare_wakes == 0);
	CHECK(LOST_CHILD, !zombie[0] && !zombie[1])
}

init
{
	atomic {
		run Waker();
		run Waker();
		run SpareWaker();
		run Kernel();
		run Consumer();
#ifdef BAD_PLAINCLEAR
		run StoreBuffer();
#endif
		run Monitor()
	}
}

/*
 * Results, with spin 6.5.2. Each search is exhaustive and none was truncated; a
 * broken variant stops at the first invariant that breaks.
 *
 * built with      breaks              states
 * -               nothing             25,013
 * NDEATHS=12      nothing            139,145
 * ORDER=1         LOST_CHILD           2,309
 * ORDER=2         LOST_CHILD             474
 * ORDER=3         LOST_CHILD             450
 * ORDER=4         LOST_CHILD             471
 * ORDER=5         LOST_CHILD             511
 * BAD_NOFLAG      STORM                2,554
 * BAD_SETLATE     LOST_CHILD              21
 * BAD_PLAINCLEAR  LOST_CHILD             708
 * BAD_TELLLATE    LOST_CHILD              25
 * BAD_TOLDFIRST   LOST_CHILD           2,359
 */
