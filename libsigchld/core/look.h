/* look.h - what a wait told us, as an event; see look.c */
#ifndef SIGCHLD_CORE_LOOK_H
#define SIGCHLD_CORE_LOOK_H

#include <stdbool.h>

#include <sigchld.h>

struct sigchld__wait;

struct sigchld_event sigchld__event_from(pid_t pid,
    const struct sigchld__wait *wait);
bool sigchld__is_death(const struct sigchld__wait *wait);

#endif
