/*
 * pages.h - what a worker answers
 */
#ifndef MWORKER_PAGES_H
#define MWORKER_PAGES_H

#include "mworker/worker.h"

/* What libmicrohttpd calls for a request; user is the worker. */
enum MHD_Result pages_answer(void *user, struct MHD_Connection *connection,
    const char *path, const char *method, const char *version, const char *data,
    size_t *len, void **context);

/* How the worker is, as JSON, to be freed; NULL: no memory. */
char *pages_status(const struct worker *w);

#endif
