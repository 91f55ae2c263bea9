/*
 * registry.h - what the contexts of a process know of each other
 *
 * T, a leaf: nothing is locked under it. It protects the table of watched pids,
 * the groups, the births and who asked for strays.
 */
#ifndef SIGCHLD_CORE_REGISTRY_H
#define SIGCHLD_CORE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sigchld_ctx;
struct sigchld_child;

void sigchld__registry_lock(void);
void sigchld__registry_unlock(void);

/* In a forked child: nothing is known. Allocates and locks nothing. */
void sigchld__registry_reset(void);

/* Without T: make room, so that chains stay short. Failing does no harm. */
void sigchld__registry_reserve(void);

/* Without T, with C: one of which there is news, or NULL. It is taken off. */
struct sigchld_child *sigchld__registry_take_news(struct sigchld_ctx *ctx);

/*
 * All that follows with T held.
 *
 * A pid that is in already is -EBUSY; if newborn, the kernel has just given the
 * pid to this child, so the one that had it was stolen, and is marked so.
 */
int sigchld__registry_insert(struct sigchld_child *child, bool newborn);
void sigchld__registry_remove(struct sigchld_child *child);

/* There is news of it: put it on its context's list, and wake nobody; or wake
 * the context, and whoever waits for it. */
void sigchld__registry_news(struct sigchld_child *child);
void sigchld__registry_forget_news(struct sigchld_child *child);
void sigchld__registry_tell(struct sigchld_child *child);
struct sigchld_child *sigchld__registry_find(pid_t pid);

/* A child that asks for the orphans of this cgroup. */
struct sigchld_child *sigchld__registry_find_cgroup(uint64_t cgroup);

/* Whoever takes strays must look once more. */
void sigchld__registry_sweep_strays(void);

/* Groups, 1 to 65535, given out in turn so that none comes back soon. -EMFILE.
 */
int sigchld__registry_add_group(struct sigchld_ctx *ctx);
void sigchld__registry_remove_group(uint32_t group);
struct sigchld_ctx *sigchld__registry_group(uint32_t group);

/* Visit the children of a few buckets, from this one on; gives the next bucket,
 * or 0: that was the last. */
size_t sigchld__registry_visit(size_t from,
    void (*fn)(struct sigchld_child *child));

/* A birth lasts from before the fork until its pid is in the table; its pidfd,
 * which the descriptor table does not have yet, is known longer. */
void sigchld__registry_birth_begin(struct sigchld_child *child);
void sigchld__registry_birth_end(void);
void sigchld__registry_born(struct sigchld_child *child);

/* In a forked child: close those. */
void sigchld__registry_close_pidfds(void);

/* Is none under way? If one is, its end wakes the strays context. */
bool sigchld__registry_no_births(void);

/* The one context that takes strays. -EBUSY: there is another. */
int sigchld__registry_take_strays(struct sigchld_ctx *ctx);
void sigchld__registry_leave_strays(struct sigchld_ctx *ctx);

#endif
