/*
 * help.c - what --help prints
 */
#include "tools/help.h"

#include <stdio.h>

static const char *const lines[] = {
	"usage: sigchld-master [OPTION...] [--] COMMAND [ARGUMENT...]",
	"       sigchld-master --ask=PATH [--json] ORDER...",
	"",
	"Keeps workers, each of which runs COMMAND. At a reload new ones begin "
	"on the",
	"same sockets, and when they are ready the former ones are told to "
	"finish.",
	"",
	"  -n, --workers=N          so many: 1",
	"  -l, --listen=ADDRESS     a socket for them, as LISTEN_FDS: PORT, "
	"HOST:PORT,",
	"                           [IPV6]:PORT or unix:PATH, and ,name=NAME "
	",backlog=N",
	"                           ,mode=0660; may be given again",
	"      --ready=HOW          a worker is ready at its exec, by notify "
	"(READY=1 to",
	"                           NOTIFY_SOCKET), or after a time: exec",
	"      --ready-timeout=T    and must be within that time: none",
	"      --finish-signal=SIG  tells a worker to finish and go: TERM",
	"      --drain-timeout=T    it may take so long, until it is stopped: "
	"none",
	"      --stop-signal=SIG    stops a worker: TERM",
	"      --stop-timeout=T     so long after it, KILL: 30s",
	"      --again-timeout=T    the same, after a second TERM: 1s",
	"      --max-reloads=N      stop who has lived through more of them: "
	"50",
	"      --hup=reload|roll    what HUP does; a roll begins new workers "
	"without",
	"                           executing sigchld-master anew: reload",
	"",
	"      --respawn            who ends has a successor; else one that "
	"ends "
	"badly",
	"                           ends all",
	"      --backoff=T          and waits so long, then twice as long: "
	"100ms",
	"      --backoff-max=T      but not longer: 30s",
	"      --stable=T           a life of that length forgives failures: "
	"10s",
	"      --give-up=N          after so many in a row all ends: 5",
	"      --outlive            workers may live when the master is killed",
	"",
	"  -p, --pid-file=PATH      has the pid of the master when all are "
	"ready",
	"      --pid-workers        and those of the workers",
	"  -c, --control=PATH       a Unix socket where it can be asked",
	"      --ask=PATH           give an order to one that runs; try: help",
	"      --json               and have the answer as JSON",
	"  -D, --daemon             go into the background, when all are ready",
	"      --forward=SIG,...    pass these on to the workers; as process "
	"1: "
	"all that",
	"                           the master does not use",
	"      --subreaper          reap orphans, as process 1 does anyway",
	"      --name=NAME          of the master in ps and in messages",
	"  -q, --quiet              only say what fails",
	"  -v, --verbose            say more",
	"  -V, --version            print the version",
	"  -h, --help               print this",
	"",
	"A time is 10, 10s, 500ms, 2m or 1h; 0 and none are no limit.",
	"Signals: USR2 and HUP reload, USR1 lets the workers finish and ends, "
	"TERM and INT",
	"end, TTIN is one worker more, TTOU one less.",
	"Exit status: 0, or that of the first worker that ended badly; 64 "
	"wrong "
	"use;",
	"126, 127 COMMAND cannot be executed, is not there. With --ask: 0, 1 "
	"it "
	"refuses",
	"or is not ready, 2 nobody answers.",
};

void
help_print(void)
{
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		(void)puts(lines[i]);
}
