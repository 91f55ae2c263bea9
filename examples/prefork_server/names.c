/*
 * names.c - the names of what the pool counts, as they stand in the status
 */
#include "names.h"

#include <sigchld/pool.h>
#include <stddef.h>

static const char *const reasons[] = {
	[SIGCHLD_CLEAN] = "clean",
	[SIGCHLD_EXITED_BADLY] = "exited_badly",
	[SIGCHLD_CRASHED] = "crashed",
	[SIGCHLD_KILLED] = "killed",
	[SIGCHLD_LOST_STATUS] = "lost_status",
	[SIGCHLD_INIT_FAILED] = "init_failed",
	[SIGCHLD_MAX_REQUESTS] = "max_requests",
	[SIGCHLD_RECYCLED] = "recycled",
	[SIGCHLD_RETIRED] = "retired",
	[SIGCHLD_ROLLED] = "rolled",
	[SIGCHLD_STOPPED_POOL] = "stopped_pool",
	[SIGCHLD_KILLED_BOOT] = "killed_boot",
	[SIGCHLD_KILLED_TIMEOUT] = "killed_timeout",
	[SIGCHLD_KILLED_BEAT] = "killed_beat",
	[SIGCHLD_KILLED_STOP] = "killed_stop",
	[SIGCHLD_KILLED_PROTOCOL] = "killed_protocol",
};

static const char *const outcomes[] = {
	[SIGCHLD_DONE] = "done",
	[SIGCHLD_LOST] = "lost",
	[SIGCHLD_TIMEOUT] = "timeout",
	[SIGCHLD_EXPIRED] = "expired",
	[SIGCHLD_REJECTED] = "rejected",
};

static const char *const states[] = {
	[SIGCHLD_POOL_STARTING] = "starting",
	[SIGCHLD_POOL_RUNNING] = "running",
	[SIGCHLD_POOL_DEGRADED] = "degraded",
	[SIGCHLD_POOL_FAILED] = "failed",
	[SIGCHLD_POOL_ROLLING] = "rolling",
	[SIGCHLD_POOL_STOPPING] = "stopping",
	[SIGCHLD_POOL_STOPPED] = "stopped",
};

static const char *const workers[] = {
	[SIGCHLD_WORKER_STARTING] = "starting",
	[SIGCHLD_WORKER_IDLE] = "idle",
	[SIGCHLD_WORKER_BUSY] = "busy",
	[SIGCHLD_WORKER_SESSION] = "session",
	[SIGCHLD_WORKER_STOPPING] = "stopping",
};

/* A later release of the library may know more than this one. */
#define NAME(names, i) \
	((i) < sizeof(names) / sizeof((names)[0]) ? (names)[i] : "unknown")

const char *
reason_name(uint32_t reason)
{
	return NAME(reasons, reason);
}

const char *
outcome_name(uint32_t outcome)
{
	return NAME(outcomes, outcome);
}

const char *
state_name(uint32_t state)
{
	return NAME(states, state);
}

const char *
worker_name(uint32_t state)
{
	return NAME(workers, state);
}
