/*
 * say.h - what a person is told, a line each on standard error
 */
#ifndef TOOLS_SAY_H
#define TOOLS_SAY_H

#include <sigchld/master.h>

enum {
	SAY_QUIET = -1,
	SAY_NORMAL = 0,
	SAY_VERBOSE = 1
};

/* Lines begin with name; what is louder than this is left out. */
void say_begin(const char *name, int loudness);

/* Standard error will be another: until say_release this one is written to. In
 * a worker it was closed already: say_forget. */
void say_hold(void);
void say_release(void);
void say_forget(void);

/* At SAY_QUIET it is said in any case. */
void say(int loudness, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The on_event of a master. */
void say_event(struct sigchld_master *master,
    const struct sigchld_master_event *event);

#endif
