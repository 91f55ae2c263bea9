/*
 * pages.h - what a worker does for a request
 */
#ifndef PREFORK_PAGES_H
#define PREFORK_PAGES_H

struct sigchld_worker;

/* Gives the HTTP status, and in *ret_text what is to be freed, or NULL. */
int pages_make(char **ret_text, struct sigchld_worker *worker,
    const char *path);

#endif
