/* pool.h - pools from inside; see pool.c */
#ifndef SIGCHLD_WORKER_POOL_H
#define SIGCHLD_WORKER_POOL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sigchld.h>
#include <sigchld/fd.h>
#include <sigchld/pool.h>

#include "core/ctx.h"
#include "core/timer.h"
#include "worker/channel.h"
#include "worker/histogram.h"
#include "worker/pace.h"
#include "worker/page.h"
#include "worker/part.h"

/*
 *	I	immutable once it is there
 *	C	its context's lock
 */

/* What travels. From the parent: */
enum {
	SIGCHLD__REQUEST = 1, /* id, payload */
	SIGCHLD__STOP,        /* go, when you have done what came before */
	SIGCHLD__DISCONNECT,  /* the session is over */
};

/* From a worker, with SIGCHLD__LAST_* of its plans: */
enum {
	SIGCHLD__READY = 1,
	SIGCHLD__REPLY, /* id, payload; its status is in the page */
	SIGCHLD__FREE,  /* it has taken leave of the session */
};

#define SIGCHLD__TYPE     0x00ffu
#define SIGCHLD__KEEPS    0x0100u /* it holds a session */
#define SIGCHLD__FULL     0x0200u /* it has served as many as it may, and goes */
#define SIGCHLD__RECYCLES 0x0400u /* it wants to be replaced, and goes */

struct sigchld__request {
	struct sigchld__frame frame;         /* [C] */
	struct sigchld__notice notice;       /* [C] it is completed */
	struct sigchld__timer ttl;           /* [C] while it waits */
	struct sigchld__request *next, **at; /* [C] in its list */
	struct sigchld_pool *pool;           /* [I] */
	void *copy;                          /* [I] of its data, or NULL */
	uint32_t timeout_ms, ttl_ms;         /* [I] 0: none */
	bool retried;                        /* [C] */
	sigchld_reply_fn *on_reply;          /* [I] */
	void *user;                          /* [I] */
	int64_t submitted_us, assigned_us;   /* [C] */
	struct sigchld_reply reply;          /* [C] */
	struct sigchld__load load;           /* [C] of the reply */
};

struct sigchld__requests {
	struct sigchld__request *first, **end;
	uint32_t n;
};

/* The steps of an end that the parent wants. */
enum {
	SIGCHLD__STAYS,
	SIGCHLD__TOLD,     /* by its page, and by a frame when it is free */
	SIGCHLD__SIGNALED, /* stop_signal, or abort_signal */
	SIGCHLD__DOOMED,   /* SIGKILL */
};

/* A worker, seen by its parent. */
struct sigchld__member {
	struct sigchld_pool *pool;              /* [I] */
	struct sigchld__member *next, **at;     /* [C] all of the pool */
	struct sigchld__member *later, *sooner; /* [C] those that are idle */
	bool is_idle;                           /* [C] it is in that list */
	uint32_t slot, generation;              /* [I] */
	struct sigchld_child *child;            /* [C] NULL: not forked yet */
	pid_t pid;                              /* [C] */
	uint32_t state;             /* [C] enum sigchld_worker_state */
	struct sigchld__page *page; /* [I] */
	uint64_t limit;             /* [I] requests; 0: none */

	struct sigchld__channel channel;  /* [C] */
	struct sigchld_fdref channel_ref; /* [C] */
	struct sigchld_fdref leash_ref;   /* [C] if it has one of its own */
	struct sigchld_fdref theirs[2];   /* [C] until it is forked */
	uint32_t events;                  /* [C] of the channel */
	bool mute;                        /* [C] nothing comes from there */
	bool deaf;                        /* [C] nothing gets through */

	struct sigchld__request *current; /* [C] in its hands */
	struct sigchld__requests waiting; /* [C] of its session */
	uint64_t session, over;           /* [C] open; to be told of */
	uint32_t over_why;                /* [C] */
	bool disconnecting;               /* [C] when all is done */
	bool freeing;                     /* [C] it takes leave of it */
	struct sigchld__frame stop_frame, disconnect_frame; /* [C] */

	struct sigchld__timer timer; /* [C] boot, request, keepalive */
	struct sigchld__timer beat;  /* [C] */
	struct sigchld__timer life;  /* [C] */
	struct sigchld__timer leave; /* [C] the next step */
	struct sigchld__timer nudge; /* [C] try the channel again */
	uint64_t beats;              /* [C] as they were */
	uint32_t step;               /* [C] */
	uint32_t why;                /* [C] it is to go: enum sigchld_reason */
	uint32_t doom;               /* [C] the next step is SIGKILL, for this
				      * reason; or 0 */
	bool leaving;                /* [C] it has no slot any more */
	bool wish;                   /* [C] it goes as soon as it is idle */
	bool successor;              /* [C] of one that is in the slot */
	bool ready;                  /* [C] it has said so */
	bool dead;                   /* [C] */
	bool slow;                   /* [C] that was told of this request */

	int64_t forked_us; /* [C] */
	int64_t idle_us;   /* [C] since when */
	struct sigchld__notice end_notice, slow_notice, over_notice; /* [C] */
	struct sigchld_worker_end end;                               /* [C] */
	uint64_t slow_request, slow_ms;                              /* [C] */
};

struct sigchld__slot {
	struct sigchld__member *member;    /* [C] */
	struct sigchld__member *successor; /* [C] of a roll */
	struct sigchld__backoff backoff;   /* [C] */
	bool pardoned;                     /* [C] see brake in end.c */
	int64_t not_before;                /* [C] ms */
	struct sigchld_fdref leash_ref;    /* [C] in each 64th: of those from
					    * here on who have none of their
					    * own; or generation 0 */
};

/* So many slots share a leash: the kernel goes through all who have it when
 * another comes, or one goes. */
#define SIGCHLD__LEASHED 64u

struct sigchld_pool {
	struct sigchld__part part;
	struct sigchld_pool_options o; /* [I] but for min and max: [C] */
	char name[16];                 /* [I] */
	int *fds;                      /* [I] in order */
	struct sigchld__pages pages;   /* [C] */
	struct sigchld__spare spare;   /* [C] */
	uint64_t dice;                 /* [C] */
	uint64_t last_id;              /* [C] of requests and sessions */

	struct sigchld__slot *slots;     /* [C] */
	uint32_t n_slots;                /* [C] */
	uint32_t n_present;              /* [C] slots that have a member */
	struct sigchld__member *members; /* [C] all that were not reaped */
	uint32_t n_members;              /* [C] */
	uint32_t n_starting;             /* [C] of those in slots */
	uint32_t n_ready;                /* [C] of those in slots */
	struct sigchld__member *idle, *idle_last; /* [C] next is first */
	uint32_t n_idle;                          /* [C] */
	uint32_t n_busy; /* [C] with a request or session */
	uint32_t target; /* [C] of a spare band */

	struct sigchld__requests backlog; /* [C] */
	struct sigchld__request *open;    /* [C] */
	struct sigchld__notice state_notice, reject_notice, open_notice;

	struct sigchld__timer fork_timer;     /* [C] when one may be forked */
	struct sigchld__timer tick;           /* [C] of a band */
	struct sigchld__timer idle_timer;     /* [C] of idle_ms */
	struct sigchld__timer stop_timer;     /* [C] */
	struct sigchld__backoff fork_backoff; /* [C] forks that fail */
	int64_t fork_not_before;              /* [C] ms */
	bool fork_at_once; /* [C] in the next dispatch: no timer has it */
	struct sigchld__rate rate; /* [C] */
	struct sigchld__ramp ramp; /* [C] */
	int64_t ticked;            /* [C] ms */

	uint32_t state, told_state; /* [C] */
	uint32_t generation;        /* [C] */
	uint32_t failures;          /* [C] lives in a row */
	bool opened;                /* [C] as many as must were ready */
	bool rolling, roll_failed;  /* [C] */
	uint32_t roll_at_once, roll_failures; /* [C] */
	struct sigchld__backoff roll_backoff; /* [C] */
	int64_t roll_not_before;              /* [C] ms */
	bool stopping, finishing;             /* [C] */
	int64_t stop_at;                      /* [C] ms */
	uint64_t refused_told;                /* [C] */

	struct sigchld_pool_stats stats; /* [C] those that are counted */
	struct sigchld__histogram wait, service, boot; /* [C] */
};

/* A worker, seen by itself; see inside.c. */
struct sigchld_worker {
	const struct sigchld_pool *pool; /* a copy, of which nothing is ours but
					  * what is [I]; NULL: of a master */
	struct sigchld__mate *mate;      /* of a master, or NULL */
	uint32_t slot, generation;
	struct sigchld__page *page; /* of a pool */
	uint64_t limit, served;
	struct sigchld__channel channel;
	struct sigchld__spare spare;
	int leash;
	bool is_ready, stops, recycles, holds, has_session, in_request, replied;
	uint64_t begun;
	const void *data;
	size_t len;
	void (*done)(void *data);
};

#define SIGCHLD__MEMBER_OF(part, field) \
	((struct sigchld__member *)(void \
		*)((char *)(part)-offsetof(struct sigchld__member, field)))
#define SIGCHLD__POOL_OF(part, field) \
	((struct sigchld_pool *)(void \
		*)((char *)(part)-offsetof(struct sigchld_pool, field)))

/* All that follows: with C, unless it says otherwise. */

/* pool.c */
bool sigchld__pool_is_listener(const struct sigchld_pool *pool);
int sigchld__pool_lock(struct sigchld_pool *pool); /* or -EINVAL, -EPERM */
void sigchld__pool_unlock(struct sigchld_pool *pool);

/* policy.c: no lock. */
int sigchld__policy_read(struct sigchld_pool_options *ret_options,
    const struct sigchld_pool_options *options);
int sigchld__sized(void *ret_read, size_t size, const void *given,
    size_t first);
bool sigchld__is_signal(int sig);
int sigchld__all_open(const int *fds, uint32_t n); /* or -EBADF */

/* A field that is 0 is its standard; NONE is none. */
void sigchld__fill(uint32_t *field, uint32_t standard, uint32_t none);

/* state.c */
void sigchld__pool_judge(struct sigchld__part *part);
void sigchld__tell_state(struct sigchld__run *run, struct sigchld__part *part,
    struct sigchld__notice *notice);
void sigchld__tell_open(struct sigchld__run *run, struct sigchld__part *part,
    struct sigchld__notice *notice);

/* request.c */
void sigchld__requests_init(struct sigchld__requests *list);
void sigchld__requests_push(struct sigchld__requests *list,
    struct sigchld__request *request, bool front);
void sigchld__requests_take(struct sigchld__requests *list,
    struct sigchld__request *request);
void sigchld__request_complete(struct sigchld__request *request,
    uint32_t outcome);
void sigchld__request_free(struct sigchld__request *request);

/* What a notice is of; or NULL. */
struct sigchld__request *sigchld__request_of(struct sigchld__notice *notice);
struct sigchld__member *sigchld__member_of_end(struct sigchld__notice *notice);

/* Who had it could not do it: another shall, or it is LOST. */
void sigchld__request_return(struct sigchld__request *request, bool again);
void sigchld__requests_reject(struct sigchld__requests *list, uint32_t outcome);
void sigchld__tell_rejects(struct sigchld__run *run, struct sigchld__part *part,
    struct sigchld__notice *notice);

/* assign.c */

/* Give what waits to those who are idle. */
void sigchld__pool_serve(struct sigchld_pool *pool);
void sigchld__member_assign(struct sigchld__member *member,
    struct sigchld__request *request, int64_t now_us);
void sigchld__member_idle(struct sigchld__member *member, int64_t now_us);
void sigchld__member_state(struct sigchld__member *member, uint32_t state);
void sigchld__idle_remove(struct sigchld__member *member);
void sigchld__member_flush(struct sigchld__member *member);
void sigchld__member_rest(struct sigchld__member *member);
void sigchld__member_send(struct sigchld__member *member,
    struct sigchld__frame *frame, uint16_t type, uint64_t id);

/* hear.c: a message. 0: none, just now; less: nothing comes any more. */
int sigchld__member_hear(struct sigchld__member *member);
void sigchld__member_ready(struct sigchld_ctx *ctx, void *member);
void sigchld__member_suspect(struct sigchld__member *member);
void sigchld__member_nudge(struct sigchld__run *run,
    struct sigchld__timer *timer);
void sigchld__member_watch(struct sigchld__member *member, uint32_t events);

/* member.c: fork one. Drops C for hooks and the fork. False: the pool is closed,
 * or this is the child of somebody else. */
bool sigchld__member_fork(struct sigchld__run *run, struct sigchld_pool *pool,
    uint32_t slot, bool successor);
void sigchld__member_free(struct sigchld__member *member);
void sigchld__member_close(struct sigchld__member *member);
int sigchld__member_signal(struct sigchld__member *member, int sig);

/* end.c */
void sigchld__member_ended(struct sigchld_child *child,
    const struct sigchld_event *event, void *member);
void sigchld__tell_end(struct sigchld__run *run, struct sigchld__part *part,
    struct sigchld__notice *notice);

/* leave.c */
void sigchld__member_leave(struct sigchld__member *member, uint32_t why);
void sigchld__member_vacate(struct sigchld__member *member);
void sigchld__member_tell(struct sigchld__member *member);
void sigchld__member_goes(struct sigchld__member *member, uint32_t why);
void sigchld__member_kill(struct sigchld__member *member, uint32_t why);
void sigchld__member_abort(struct sigchld__member *member, uint32_t why);
void sigchld__leave_due(struct sigchld__run *run, struct sigchld__timer *timer);
void sigchld__stop_due(struct sigchld__run *run, struct sigchld__timer *timer);
void sigchld__pool_settle(struct sigchld_pool *pool);

/* overdue.c */
void sigchld__timer_due(struct sigchld__run *run, struct sigchld__timer *timer);
void sigchld__beat_due(struct sigchld__run *run, struct sigchld__timer *timer);
void sigchld__life_due(struct sigchld__run *run, struct sigchld__timer *timer);
void sigchld__watch_request(struct sigchld__member *member);
void sigchld__watch_beat(struct sigchld__member *member);
void sigchld__after(struct sigchld__member *member,
    struct sigchld__timer *timer, uint32_t ms); /* 0: never */
void sigchld__tell_slow(struct sigchld__run *run, struct sigchld__part *part,
    struct sigchld__notice *notice);

/* session.c */
void sigchld__session_over(struct sigchld__member *member, uint32_t why);
void sigchld__session_next(struct sigchld__member *member);
struct sigchld__member *sigchld__session_find(struct sigchld_pool *pool,
    uint64_t session);
void sigchld__session_keepalive(struct sigchld__member *member);
void sigchld__tell_over(struct sigchld__run *run, struct sigchld__part *part,
    struct sigchld__notice *notice);

/* plan.c: who is to be forked, who is one too many. Drops C for a fork. */
void sigchld__pool_plan(struct sigchld__run *run, struct sigchld__part *part);
void sigchld__fork_due(struct sigchld__run *run, struct sigchld__timer *timer);
uint32_t sigchld__pool_in_backoff(const struct sigchld_pool *pool);
int64_t sigchld__pool_next_fork(const struct sigchld_pool *pool);

/* size.c: how many there should be. */
uint32_t sigchld__pool_wanted(struct sigchld_pool *pool);
void sigchld__pool_shrink(struct sigchld_pool *pool);
void sigchld__tick_due(struct sigchld__run *run, struct sigchld__timer *timer);
void sigchld__idle_due(struct sigchld__run *run, struct sigchld__timer *timer);
void sigchld__pool_arm(struct sigchld_pool *pool);

/* roll.c */
uint32_t sigchld__roll_next(struct sigchld_pool *pool); /* or n_slots: none */
void sigchld__roll_promote(struct sigchld__member *member);
void sigchld__roll_failed(struct sigchld__member *member);

/* inside.c, in a forked child, without a lock. */
_Noreturn void sigchld__worker_main(struct sigchld_worker *worker);
bool sigchld__worker_say(struct sigchld_worker *worker,
    struct sigchld__frame *frame, uint16_t type, uint64_t id);

/* hatch.c: from fork to the hooks. */
_Noreturn void sigchld__worker_hatch(struct sigchld__member *member,
    const sigset_t *mask);

/* title.c */
void sigchld__title(const char *name, bool is_worker, uint32_t slot);

#endif
