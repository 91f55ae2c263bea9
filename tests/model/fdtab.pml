/*
 * fdtab.pml - the word of one descriptor: its owner and who holds it
 *
 * The word W is an owner's group (0 is nobody) and a reference count:
 *
 *	(0, 0)	not in the table
 *	(0, n)	closing: whoever drops last closes; or claimed, n is 1
 *	(g, n)	g's, and n hold it
 *
 *	who uses it (any thread)	  who owns it (by generation)
 *	--------------------------------  --------------------------------
 *	grab(g): while the owner is g,	  insert: CAS (0, 0) -> (0, 1); fill in
 *	  CAS n -> n + 1		    the fields; W = (g, 0)
 *	use it				  close: grab any owner; compare the
 *	drop: at (0, 1):		    generation; CAS (g, n) to (0, n);
 *	    read keep_open; lock N;	    drop
 *	    W = (0, 0); close(2) unless	  remove: the same, and whoever took the
 *	    keep_open; unlock N		    owner away sets keep_open; drop
 *	  else CAS n -> n - 1; if that	  take: lock N; grab any owner; compare
 *	    left (g, 0) and next is set:    the generation; CAS (g, 1) to
 *	    grab(g); CAS (g, 1) ->	    (0, 0); close(2); unlock N; if that
 *	    (next, 1); if that worked,	    was not the word, as close
 *	    next = 0; drop again	  move: grab any owner; compare the
 *					    generation; CAS next 0 -> to; drop
 *
 * N is the no-fork lock. Nobody waits, but for N, which is held for a moment.
 *
 * Next is looked at after the decrement. Before it, a mover might come between
 * the look and the decrement, ask, and leave: the word is then what it was.
 * Next is changed only under a reference, so never for the wrong descriptor.
 *
 * The kernel gives a number out again as soon as it is closed, so here all is
 * about one number. File 1 belongs to group 1, file 2 to group 2; or, after a
 * remove, file 1 is inserted again by group 2. At the same time run: a user of
 * each group (grab, use, drop); a second thread that closes by the first
 * reference, soon or after that is stale, or never; the two owners, who close
 * or take or move or remove or do nothing more; and a thread that forks.
 *
 * Invariants:
 *
 *	USE_CLOSED	whoever holds it finds the file open that was there when
 *			he grabbed
 *	GIVEN_AWAY	and its owner is who it was then, or nobody
 *	ONE_CLOSER	each close(2) closes a file that is open, whose owner
 *			was taken away by a close, and no other
 *	NO_ROOM		whoever gets the number from the kernel can insert it
 *	LOST_CLOSE	when all is quiet, what was to be closed is closed
 *	LOST_MOVE	when all is quiet, the owner is who was asked for last
 *	LEFT_OVER	when all is quiet, the count is 0; the word is 0 if the
 *			file is closed, and has its owner if it is open
 *	DISTURBED	only its own closers end an entry of the second owner
 *	STUCK		when all is quiet, everybody has finished
 *	INHERITED	a child forked under N has nothing open that the table
 *			does not show, except what was removed from it
 *
 * Broken variants, each of which fails:
 *
 *	BAD_FLAG	the user only looks whether the owner is his group
 *	BAD_CLOSEFIRST	close(2) comes before the owner goes
 *	BAD_LOOKLAST	drop decrements, then looks whether the word is 0: two
 *			can be last
 *	BAD_CLOSEEARLY	the last one closes, then zeroes the word, without N
 *	BAD_CLEARAGAIN	the last one zeroes the word, closes, and zeroes it once
 *			more, without N: that hits the next owner of the number
 *	BAD_NOUNDO	grab adds, then looks, and does not undo what it added
 *	BAD_UNDO	grab adds, then looks, and undoes by a drop
 *	BAD_NOGENERATION close does not compare the generation
 *	BAD_NOFORK	the last one does not take N
 *	BAD_LATEREAD	the last one reads keep_open after the word is zero,
 *			without N
 *	BAD_KEEPFIRST	remove sets keep_open before it takes the owner away, so
 *			also when a close was faster
 *	BAD_HELDMOVE	move changes the owner at once, whoever holds it
 *	BAD_LOOKBEFORE	drop looks at next before the decrement, not after
 *	BAD_NEXTLATE	the last one changes (g, 0) to (next, 0), holding
 *			nothing, and then clears next
 *
 *	BAD_TAKEHELD	take does not see whether others hold it
 *	BAD_TAKENOFORK	take does not take N
 *
 * Sizes: the whole takes two minutes. FIRST and SECOND fix what the two owners
 * do, CLOSE, TAKE, MOVE or REMOVE; NO_CLOSER leaves the second closer out.
 *
 * Not covered: counts that overflow (refused), more than two groups.
 */

/* Names of the invariants. They stay 0; a failing assertion prints its name. */
hidden byte USE_CLOSED, GIVEN_AWAY, ONE_CLOSER, NO_ROOM, LOST_CLOSE, LOST_MOVE,
    LEFT_OVER, DISTURBED, STUCK, INHERITED;
#define CHECK(name, what) assert(name || (what))

/* The word: the owner in two bits, the count above. */
byte W = 0;
#define OWNER(w) ((w) & 3)
#define COUNT(w) ((w) >> 2)
#define WORD(o, n) ((n) << 2 | (o))
#define ONE WORD(0, 1)

/* The fields of the entry. */
byte generation = 0;
byte next = 0;
bit keep_open = 0;

bit N = 0;

/* The kernel: the file that has the number now, or 0. */
byte file = 0;

/* What the first owner tells the others; a reference is a generation. */
bit inserted = 0;
bit removed = 0;

/* Ghosts. */
byte condemned = 0; /* the file whose owner was taken away to close it */
byte wanted = 0;    /* the owner asked for last */
byte finished = 0;
bit stands = 0;     /* the second owner's entry stands, and is not closed */
bit kept = 0;       /* the file was removed from the table */
#ifdef NO_CLOSER
#define NPROCS 4
#else
#define NPROCS 5
#endif

/* What an owner does with his entry. */
#define CLOSE 1
#define MOVE 2
#define REMOVE 3
#define TAKE 4

/* ---- words ------------------------------------------------------------- */

/* Hold it while group owns it; ok tells. */
inline grab(group)
{
#if defined(BAD_NOUNDO) || defined(BAD_UNDO)
	atomic { w = W; W = W + ONE; mine = file; ok = (OWNER(w) == group) };
	if
	:: ok -> skip
	:: !ok ->
#ifdef BAD_UNDO
	   drop_it();
#endif
	   ok = 0
	fi
#else
	w = W;
	do
	:: OWNER(w) != group || OWNER(w) == 0 -> ok = 0; break
	:: OWNER(w) == group && OWNER(w) != 0 ->
	   if
	   :: atomic { W == w -> W = w + ONE; mine = file; ok = 1; break }
	   :: W != w -> w = W
	   fi
	od
#endif
}

/* Hold it whoever owns it, if anybody does; from is the owner then. */
inline grab_any()
{
	w = W;
	do
	:: OWNER(w) == 0 -> ok = 0; break
	:: OWNER(w) != 0 ->
	   if
	   :: atomic { W == w ->
		W = w + ONE;
		mine = file;
		from = OWNER(w);
		ok = 1;
		break
	      }
	   :: W != w -> w = W
	   fi
	od;
}

/* Take the owner away; ok tells whether it was us. */
inline disown(condemn)
{
	w = W;
	do
	:: OWNER(w) != from -> ok = 0; break
	:: OWNER(w) == from ->
	   if
	   :: atomic { W == w ->
		W = WORD(0, COUNT(w));
		if
		:: condemn -> condemned = file
		:: else
		fi;
		if
		:: generation == 2 ->
			CHECK(DISTURBED, second);
			stands = 0
		:: else
		fi;
		ok = 1;
		break
	      }
	   :: W != w -> w = W
	   fi
	od
}

inline close_file()
{
	atomic {
		CHECK(ONE_CLOSER, file != 0 && file == condemned);
		file = 0;
		condemned = 0
	}
}

/* We found (0, 1), which is ours alone. */
inline finish()
{
#if defined(BAD_CLOSEEARLY)
	close_file();
	W = 0
#elif defined(BAD_CLEARAGAIN)
	W = 0;
	close_file();
	W = 0
#elif defined(BAD_LATEREAD)
	W = 0;
	if
	:: keep_open -> skip
	:: !keep_open -> close_file()
	fi
#else
	keep = keep_open;
#ifndef BAD_NOFORK
	atomic { !N -> N = 1 };
#endif
	W = 0;
	if
	:: keep -> keep = 0
	:: !keep -> close_file()
	fi;
#ifndef BAD_NOFORK
	N = 0;
#endif
#endif
}

/* The count went from (g, 1) to (g, 0); w is the former. Gives ok if next is
 * set; then we hold it again, and if we are alone, the owner is changed. */
inline change_hands()
{
	atomic { ok = (next != 0); from = OWNER(w) };
	if
	:: !ok -> skip
	:: ok ->
#ifdef BAD_NEXTLATE
	   n = next;
	   atomic {
		if
		:: W == WORD(from, 0) && n != 0 -> W = WORD(n, 0); ok = 1
		:: else -> ok = 0
		fi
	   };
	   if
	   :: ok -> next = 0; ok = 0
	   :: !ok -> skip
	   fi;
	   n = 0
#else
	   grab(from);
	   if
	   :: !ok -> skip
	   :: ok ->
	      n = next;
	      if
	      :: n == 0 -> skip
	      :: atomic { n != 0 && W == WORD(from, 1) -> W = WORD(n, 1) };
		 next = 0
	      :: n != 0 && W != WORD(from, 1) -> skip
	      fi;
	      n = 0;
	      ok = 1
	   fi
#endif
	fi
}

/* Let go. */
inline drop()
{
	do
	:: w = W;
#ifdef BAD_LOOKLAST
	   atomic { W = W - ONE };
	   if
	   :: W == 0 -> finish(); break
	   :: W != 0 -> break
	   fi
#else
#ifdef BAD_LOOKBEFORE
	   n = next;
	   if
	   :: n != 0 && OWNER(w) != 0 && COUNT(w) == 1 ->
	      from = OWNER(w);
	      if
	      :: atomic { W == w -> W = WORD(n, 1) }; next = 0
	      :: W != w -> skip
	      fi;
	      w = W
	   :: n == 0 || OWNER(w) == 0 || COUNT(w) != 1 -> skip
	   fi;
	   n = 0;
#endif
	   if
	   :: w == ONE -> finish(); break
	   :: w != ONE && W != w -> skip /* look again */
	   :: atomic { w != ONE && W == w -> W = w - ONE };
#ifndef BAD_LOOKBEFORE
	      if
	      :: OWNER(w) != 0 && COUNT(w) == 1 ->
		 change_hands();
		 if
		 :: ok -> skip /* drop again */
		 :: !ok -> break
		 fi
	      :: OWNER(w) == 0 || COUNT(w) != 1 -> break
	      fi
#else
	      break
#endif
	   fi
#endif
	od
}

#ifdef BAD_UNDO
/* The undoing: a drop that knows nothing of moves. */
inline drop_it()
{
	do
	:: w = W;
	   if
	   :: w == ONE -> finish(); break
	   :: w != ONE && W != w -> skip
	   :: atomic { w != ONE && W == w -> W = w - ONE; break }
	   fi
	od
}
#endif

/* ---- calls ------------------------------------------------------------- */

/* Both parts of insert; the caller has N. */
inline insert_claim()
{
	CHECK(NO_ROOM, W == 0);
	W = ONE
}

inline insert_publish(group, which)
{
	generation = which;
	keep_open = 0;
	next = 0;
	atomic {
		W = WORD(group, 0);
		wanted = group;
		stands = (which == 2);
		kept = 0
	}
}

inline close_held()
{
#ifdef BAD_CLOSEFIRST
	condemned = file;
	close_file();
	keep_open = 1;
	disown(0)
#else
	disown(1)
#endif
}

/* We hold it. Not gone if others do too; then nothing was done. */
inline take_held()
{
#ifndef BAD_TAKENOFORK
	atomic { !N -> N = 1 };
#endif
	if
#ifdef BAD_TAKEHELD
	:: atomic { true ->
#else
	:: atomic { W == WORD(from, 1) ->
#endif
		W = 0;
		condemned = file;
		if
		:: generation == 2 ->
			CHECK(DISTURBED, second);
			stands = 0
		:: else
		fi;
		gone = 1
	   };
	   close_file()
#ifndef BAD_TAKEHELD
	:: W != WORD(from, 1) -> skip
#endif
	fi;
#ifndef BAD_TAKENOFORK
	N = 0
#endif
}

inline remove_held()
{
#ifdef BAD_KEEPFIRST
	keep_open = 1;
#endif
	disown(0);
	if
	:: atomic { ok -> keep_open = 1; removed = 1; kept = 1 }
	:: !ok -> skip
	fi
}

inline move_held(to)
{
#ifdef BAD_HELDMOVE
	w = W;
	do
	:: OWNER(w) != from -> break
	:: OWNER(w) == from ->
	   if
	   :: atomic { W == w ->
		W = WORD(to, COUNT(w));
		wanted = to;
		break
	      }
	   :: W != w -> w = W
	   fi
	od
#else
	atomic {
		if
		:: next == 0 -> next = to; wanted = to
		:: else /* a move is pending already */
		fi
	}
#endif
}

/* All three calls begin and end alike. */
inline call(which, op)
{
	grab_any();
	if
	:: ok ->
	   if
#ifdef BAD_NOGENERATION
	   :: atomic { false -> ok = 0 }
	   :: true ->
#else
	   :: atomic { generation != which -> ok = 0 } /* stale */
	   :: generation == which ->
#endif
	      if
	      :: op == CLOSE -> close_held()
	      :: op == TAKE ->
		 take_held();
		 if
		 :: gone -> skip
		 :: !gone -> close_held()
		 fi
	      :: op == REMOVE -> remove_held()
	      :: op == MOVE -> move_held(3 - (which))
	      fi
	   fi;
	   if
	   :: gone -> gone = 0
	   :: !gone -> drop()
	   fi
	:: !ok -> skip
	fi;
	forget()
}

/* ---- the processes ----------------------------------------------------- */

/* Needed by each: w the word as last seen, n the next owner, from the owner
 * when grabbed, gone that we took it, mine (a ghost) the file then, second (a
 * ghost) whether this is the second owner. */
#define LOCALS                                     \
	byte w = 0, n = 0, from = 0, mine = 0;     \
	bit ok = 0, keep = 0, gone = 0

inline forget()
{
	atomic { w = 0; n = 0; from = 0; mine = 0; ok = 0 }
}

proctype User(byte group)
{
	LOCALS;
	inserted;
#ifdef BAD_FLAG
	atomic { ok = (OWNER(W) == group); mine = file };
#else
	grab(group);
#endif
	if
	:: ok ->
	   atomic {
		CHECK(USE_CLOSED, mine != 0 && file == mine);
		CHECK(GIVEN_AWAY, OWNER(W) == group || OWNER(W) == 0)
	   };
#ifndef BAD_FLAG
	   drop()
#endif
	:: !ok -> skip
	fi;
	forget();
	finished++
}

inline choose_first()
{
#ifdef FIRST
	op = FIRST
#else
	if
	:: op = CLOSE
	:: op = MOVE
	:: op = REMOVE
	:: op = TAKE
	fi
#endif
}

inline choose_second()
{
#ifdef SECOND
	op = SECOND
#else
	if
	:: op = CLOSE
	:: op = MOVE
	:: op = TAKE
	fi
#endif
}

inline insert_first()
{
	atomic { !N -> N = 1 };
	file = 1;
	atomic { insert_claim() };
	insert_publish(1, 1);
	N = 0;
	inserted = 1
}

/* The number when it is free, or file 1 again after a remove. That may never
 * be, so this one counts as finished while it waits. */
inline insert_second()
{
	finished++;
	if
	:: atomic { inserted && file == 0 && !N -> N = 1; file = 2 }
	:: atomic { removed && W == 0 && !N -> N = 1; removed = 0 }
	fi;
	atomic { finished--; insert_claim() };
	insert_publish(2, 2);
	N = 0
}

/* The two owners, and the second closer of the first entry. */
#define FIRST_OWNER 0
#define SECOND_OWNER 1
#define SECOND_CLOSER 2

proctype Owner(byte role)
{
	LOCALS;
	byte op = CLOSE;
	bit second = (role == SECOND_OWNER);
	if
	:: role == FIRST_OWNER -> insert_first(); choose_first()
	:: role == SECOND_OWNER -> insert_second(); choose_second()
	:: role == SECOND_CLOSER ->
	   inserted;
	   if
	   :: skip
	   :: op = 0
	   fi
	fi;
	if
	:: op != 0 -> call(1 + second, op)
	:: op == 0 -> skip
	fi;
	atomic { op = 0; finished++ }
}

proctype Forker()
{
	atomic { !N ->
		CHECK(INHERITED, file == 0 || W != 0 || kept)
	}
}

/* Runs when nothing else can. */
proctype Monitor()
{
	timeout;
	CHECK(STUCK, finished == NPROCS && !N);
	CHECK(LOST_CLOSE, condemned == 0);
	CHECK(LEFT_OVER, COUNT(W) == 0);
	CHECK(LEFT_OVER, (OWNER(W) != 0) == (file != 0 && !kept));
	CHECK(DISTURBED, !stands || OWNER(W) != 0);
	CHECK(LOST_MOVE, OWNER(W) == 0 || OWNER(W) == wanted)
}

init
{
	atomic {
		run Owner(FIRST_OWNER);
		run Owner(SECOND_OWNER);
#ifndef NO_CLOSER
		run Owner(SECOND_CLOSER);
#endif
		run User(1);
		run User(2);
		run Forker();
		run Monitor()
	}
}

/*
 * Results, with spin 6.5.2. Each search is exhaustive and none was truncated; a
 * broken variant stops at the first invariant that breaks.
 *
 * built with                               breaks              states
 * FIRST=CLOSE SECOND=MOVE NO_CLOSER        nothing            106,897
 * FIRST=REMOVE SECOND=MOVE NO_CLOSER       nothing            105,621
 * FIRST=MOVE NO_CLOSER                     nothing             39,618
 * FIRST=TAKE NO_CLOSER                     nothing            144,399
 * FIRST=TAKE SECOND=CLOSE                  nothing          1,636,703
 * FIRST=CLOSE SECOND=CLOSE                 nothing          1,560,175
 * FIRST=CLOSE SECOND=TAKE                  nothing          1,795,015
 * FIRST=MOVE SECOND=CLOSE                  nothing          2,757,735
 * -                                        nothing         38,384,519
 * BAD_FLAG                                 USE_CLOSED          20,737
 * BAD_CLOSEFIRST                           NO_ROOM              4,757
 * BAD_LOOKLAST                             ONE_CLOSER             250
 * BAD_CLOSEEARLY                           NO_ROOM              4,281
 * BAD_CLEARAGAIN                           LEFT_OVER            4,403
 * BAD_NOUNDO                               LOST_CLOSE              62
 * FIRST=CLOSE SECOND=CLOSE BAD_UNDO        NO_ROOM             22,239
 * BAD_NOGENERATION                         DISTURBED              281
 * FIRST=CLOSE NO_CLOSER BAD_NOFORK         INHERITED           70,737
 * FIRST=REMOVE SECOND=CLOSE BAD_LATEREAD   ONE_CLOSER           1,369
 * FIRST=REMOVE SECOND=CLOSE BAD_KEEPFIRST  LOST_CLOSE           1,318
 * FIRST=MOVE SECOND=CLOSE BAD_HELDMOVE     GIVEN_AWAY          17,822
 * BAD_LOOKBEFORE                           LOST_MOVE              895
 * FIRST=MOVE SECOND=MOVE BAD_NEXTLATE      LOST_MOVE            2,274
 * FIRST=TAKE SECOND=CLOSE BAD_TAKEHELD     NO_ROOM              1,399
 * FIRST=TAKE NO_CLOSER BAD_TAKENOFORK      INHERITED           69,665
 */
