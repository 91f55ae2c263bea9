/*
 * domain.c - the life of a domain
 *
 * A domain that is told to start first runs its attach helpers one after the
 * other (ATTACHING), as a toolstack runs its hotplug scripts, then its device
 * model (RUNNING). A device model that exits with 0 has shut down by itself. One
 * that ends otherwise has crashed: after a pause (BACKOFF) it is started again,
 * up to the limit of restarts. Told to stop, the domain asks what runs to end,
 * and kills it when the grace is over (STOPPING). In each case the detach helpers
 * follow (DETACHING), even if attaching failed half-way, and then it is OFF, until
 * it is told to start again. A helper that hangs is stopped after a while.
 *
 * The table below is this story; an empty cell means that there is nothing to do.
 *
 *	           START  STOP    KILL  well         badly        deadline
 *	OFF        attach
 *	ATTACHING         stop    kill  next helper  give up      hangs
 *	RUNNING           stop    kill  finished     crashed      stop
 *	BACKOFF           detach                                  run
 *	STOPPING   again  stay    kill  detach       detach
 *	DETACHING  again  stay    kill  next helper  next helper  hangs
 *
 * Threads. One thread owns all of this and dispatches the context, so the
 * callback runs on it, too. Other threads see a copy of the state (the view) and
 * leave requests in a mailbox; both are under M. After putting a request there
 * they call sigchld_occurred, which ends the sigchld_wait of the owner. It may
 * come at any moment: the context stays readable until the owner has looked. The
 * deadlines are nothing but the timeout of that wait.
 *
 * The callback only notes what happened; the loop acts on it. (It could act
 * itself: forking in a callback is allowed. But one place is easier to follow.)
 */
#include "domain.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "notes.h"

enum {
	MAILBOX_MAX = 8,
	HELPER_MS = 10000
};

enum state {
	OFF,
	ATTACHING,
	RUNNING,
	BACKOFF,
	STOPPING,
	DETACHING,
	N_STATES
};

/* What can happen to a domain; the verbs come first. */
enum event {
	ENDED_WELL = N_VERBS,
	ENDED_BADLY,
	DEADLINE,
	N_EVENTS
};

static const char *const verb_names[N_VERBS] = { "start", "stop", "kill" };
static const char *const state_names[N_STATES] = { "off", "attaching",
	"running", "backoff", "stopping", "detaching" };

struct domain {
	/* These never change. */
	const struct config *config;
	struct sigchld_ctx *ctx;
	pthread_t thread;
	bool has_thread;

	/* These belong to the thread. */
	enum state state;
	const char *outcome; /* what OFF means: how the last life ended */
	struct process *all; /* every program ever started, latest first */
	struct process *now; /* the one that runs or ended last, or NULL */
	bool ended;          /* now has ended, or could not be started, ... */
	enum event how;      /* ... and this is how */
	int64_t deadline;    /* 0: none */
	size_t helper;       /* the next to run */
	unsigned restarts, started, deaths;
	bool again; /* start when OFF */
	char last[120];

	/* These are under M, a leaf. */
	pthread_mutex_t M;
	enum verb mailbox[MAILBOX_MAX];
	size_t n_mail;
	bool closing;
	struct view view;
};

static void
enter(struct domain *d, enum state state, int ms)
{
	d->state = state;
	d->deadline = ms > 0 ? clock_ms() + ms : 0;
}

/* Programs */

/* How it ended, in words. */
static void
describe(char *text, size_t size, const struct domain *d,
    const struct process *p)
{
	const char *package = d->config->package;
	bool hint = package != NULL && p->error == ENOENT &&
	    p->command == &d->config->model;
	char status[32];

	status_text(status, sizeof(status), p->wstatus);
	if (p->what == SIGCHLD_STOLEN)
		(void)snprintf(text, size, "%s: stolen", p->role);
	else if (p->error != 0)
		(void)snprintf(text, size, "cannot execute %s: %s%s",
		    p->command->argv[0], hint ? "install " : strerror(p->error),
		    hint ? package : "");
	else
		(void)snprintf(text, size, "%s: %s", p->role, status);
}

/* What became of it, in the news and in the table. */
static void
tell_end(struct domain *d, const struct process *p)
{
	char text[sizeof(d->last)], pid[32] = "";

	describe(text, sizeof(text), d, p);
	if (p->error == 0)
		(void)snprintf(pid, sizeof(pid), "pid %d, ", (int)p->pid);
	note("%s: %s%s%s%s", d->config->name, pid, text,
	    p->source == SIGCHLD_SOURCE_PIDFD_INFO ? ", stolen and recovered"
						   : "",
	    process_status_is_true(p) ? "" : " (which was not expected)");
	/* What a domain has died of is not hidden by its helpers. */
	if (d->state != DETACHING || d->how != ENDED_WELL)
		(void)memcpy(d->last, text, sizeof(text));
}

static void
on_event(struct sigchld_child *child, const struct sigchld_event *event,
    void *user)
{
	struct process *p = user;
	struct domain *d = p->owner;

	process_ended(p, child, event);
	d->ended = true;
	d->how = event->what == SIGCHLD_EXITED && event->wstatus == 0
	    ? ENDED_WELL
	    : ENDED_BADLY;
	d->deaths++;
	tell_end(d, p);
}

static void
on_fault(struct sigchld_ctx *ctx, const char *what, int err, void *user)
{
	(void)ctx;
	(void)user;
	note("fault: %s: %s", what, strerror(-err));
}

/* Starts a program; should that fail, it has ended badly. */
static void
run(struct domain *d, const char *role, const struct command *command)
{
	struct process *p = malloc(sizeof(*p));

	d->now = p;
	d->ended = true;
	d->how = ENDED_BADLY;
	if (p == NULL) {
		note("%s: %s: out of memory", d->config->name, role);
		return;
	}
	*p = (struct process){
		.next = d->all, .command = command, .role = role, .owner = d
	};
	d->all = p;
	if (process_start(p, d->ctx, on_event) < 0) {
		tell_end(d, p);
		return;
	}
	d->ended = false;
	d->started++;
	note("%s: pid %d, %s started", d->config->name, (int)p->pid, role);
}

/* What the table says */

typedef void action_fn(struct domain *d);

static void
run_model(struct domain *d)
{
	enter(d, RUNNING, d->config->number[STOP_AFTER_MS]);
	run(d, "device model", &d->config->model);
}

static void
next_attach(struct domain *d)
{
	if (d->helper == d->config->n_attach) {
		run_model(d);
		return;
	}
	enter(d, ATTACHING, HELPER_MS);
	run(d, "attach helper", &d->config->attach[d->helper++]);
}

static void
attach(struct domain *d)
{
	d->again = false;
	d->restarts = 0;
	d->helper = 0;
	next_attach(d);
}

static void
next_detach(struct domain *d)
{
	if (d->helper < d->config->n_detach) {
		enter(d, DETACHING, HELPER_MS);
		run(d, "detach helper", &d->config->detach[d->helper++]);
		return;
	}
	enter(d, OFF, 0);
	note("%s: %s", d->config->name, d->outcome);
	if (d->again)
		attach(d);
}

static void
detach(struct domain *d, const char *outcome)
{
	d->outcome = outcome;
	d->helper = 0;
	next_detach(d);
}

static void
finished(struct domain *d)
{
	detach(d, "finished");
}

static void
give_up(struct domain *d)
{
	detach(d, "failed");
}

static void
stopped(struct domain *d)
{
	detach(d, "stopped");
}

static void
crashed(struct domain *d)
{
	bool was_running = d->now != NULL && d->now->error == 0;

	if (!was_running ||
	    d->restarts == (unsigned)d->config->number[RESTARTS]) {
		give_up(d);
		return;
	}
	d->restarts++;
	enter(d, BACKOFF, d->config->number[BACKOFF_MS] + 1);
}

static void
ask_to_end(struct domain *d)
{
	int rc = process_stop(d->now, d->config->number[GRACE_MS]);

	if (rc < 0)
		note("%s: cannot stop pid %d: %s", d->config->name,
		    (int)d->now->pid, strerror(-rc));
}

static void
stop(struct domain *d)
{
	enter(d, STOPPING, 0);
	ask_to_end(d);
}

/* It will end badly, and its state knows what then. */
static void
hangs(struct domain *d)
{
	d->deadline = 0;
	ask_to_end(d);
}

static void
stay(struct domain *d)
{
	d->again = false;
}

static void
again(struct domain *d)
{
	d->again = true;
}

static void
kill_it(struct domain *d)
{
	int rc = process_kill(d->now);

	if (rc < 0)
		note("%s: cannot kill pid %d: %s", d->config->name,
		    (int)d->now->pid, strerror(-rc));
}

static action_fn *const actions[N_STATES][N_EVENTS] = {
	[OFF] = { [START] = attach },
	[ATTACHING] = { [STOP] = stop,
	    [KILL] = kill_it,
	    [ENDED_WELL] = next_attach,
	    [ENDED_BADLY] = give_up,
	    [DEADLINE] = hangs },
	[RUNNING] = { [STOP] = stop,
	    [KILL] = kill_it,
	    [ENDED_WELL] = finished,
	    [ENDED_BADLY] = crashed,
	    [DEADLINE] = stop },
	[BACKOFF] = { [STOP] = stopped, [DEADLINE] = run_model },
	[STOPPING] = { [START] = again,
	    [STOP] = stay,
	    [KILL] = kill_it,
	    [ENDED_WELL] = stopped,
	    [ENDED_BADLY] = stopped },
	[DETACHING] = { [START] = again,
	    [STOP] = stay,
	    [KILL] = kill_it,
	    [ENDED_WELL] = next_detach,
	    [ENDED_BADLY] = next_detach,
	    [DEADLINE] = hangs },
};

static void
happen(struct domain *d, unsigned event)
{
	action_fn *action = actions[d->state][event];

	if (action != NULL)
		action(d);
	else if (event < ENDED_WELL)
		note("%s: nothing to %s, it is %s", d->config->name,
		    verb_names[event], state_names[d->state]);
}

/* The thread */

static bool
take_request(struct domain *d, enum verb *ret_verb)
{
	bool any;

	(void)pthread_mutex_lock(&d->M);
	any = d->n_mail > 0;
	if (any) {
		*ret_verb = d->mailbox[0];
		d->n_mail--;
		(void)memmove(d->mailbox, d->mailbox + 1,
		    d->n_mail * sizeof(d->mailbox[0]));
	}
	(void)pthread_mutex_unlock(&d->M);
	return any;
}

/* First what ended, so that a request never meets a program that is gone. */
static void
take_events(struct domain *d)
{
	enum verb verb;

	while (d->ended) {
		d->ended = false;
		happen(d, d->how);
	}
	while (take_request(d, &verb)) {
		happen(d, verb);
		if (d->ended)
			return;
	}
	if (clock_until(d->deadline) == 0)
		happen(d, DEADLINE);
}

static void
heed_closing(struct domain *d)
{
	bool closing;

	(void)pthread_mutex_lock(&d->M);
	closing = d->closing;
	(void)pthread_mutex_unlock(&d->M);
	if (!closing || d->state == OFF || d->ended)
		return;
	happen(d, STOP);
}

/* Shows the state; gives true when all is over. */
static bool
publish(struct domain *d)
{
	bool runs = d->now != NULL && d->now->child != NULL, over;
	struct view *v = &d->view;

	(void)pthread_mutex_lock(&d->M);
	v->name = d->config->name;
	v->state = d->state == OFF ? d->outcome : state_names[d->state];
	v->pid = runs ? d->now->pid : 0;
	v->started = d->started;
	v->deaths = d->deaths;
	v->restarts = d->restarts;
	v->limit = (unsigned)d->config->number[RESTARTS];
	(void)memcpy(v->last, d->last, sizeof(v->last));
	v->idle = d->state == OFF && d->n_mail == 0;
	v->over = over = v->idle && d->closing;
	(void)pthread_mutex_unlock(&d->M);
	notes_wake();
	return over;
}

static void *
thread_main(void *arg)
{
	struct domain *d = arg;

	for (;;) {
		int ms = d->ended ? 0 : clock_until(d->deadline);
		int rc = sigchld_wait(d->ctx, ms);

		if (rc < 0) { /* Must not be; then at least do not spin. */
			note("%s: wait: %s", d->config->name, strerror(-rc));
			(void)poll(NULL, 0, 100);
		}
		take_events(d);
		heed_closing(d);
		if (publish(d))
			return NULL;
	}
}

/* For other threads */

int
domain_new(struct domain **ret_domain, const struct config *config,
    const struct sigchld_options *options)
{
	struct sigchld_options o = *options;
	struct domain *d = calloc(1, sizeof(*d));
	int rc;

	if (d == NULL)
		return -ENOMEM;
	d->config = config;
	d->outcome = "waiting";
	o.on_fault = on_fault;
	rc = sigchld_new(&d->ctx, &o);
	if (rc < 0) {
		free(d);
		return rc;
	}
	(void)pthread_mutex_init(&d->M, NULL);
	d->view = (struct view){
		.name = config->name, .state = d->outcome, .over = true
	};
	*ret_domain = d;
	return 0;
}

int
domain_begin(struct domain *d)
{
	int rc;

	d->view.over = false;
	rc = pthread_create(&d->thread, NULL, thread_main, d);
	d->has_thread = rc == 0;
	if (rc != 0)
		d->view.over = true;
	return -rc;
}

int
domain_post(struct domain *d, enum verb verb)
{
	bool room;

	(void)pthread_mutex_lock(&d->M);
	room = d->n_mail < MAILBOX_MAX;
	if (room)
		d->mailbox[d->n_mail++] = verb;
	d->view.idle = false;
	(void)pthread_mutex_unlock(&d->M);
	(void)sigchld_occurred(d->ctx);
	return room ? 0 : -EBUSY;
}

void
domain_close(struct domain *d)
{
	(void)pthread_mutex_lock(&d->M);
	d->closing = true;
	(void)pthread_mutex_unlock(&d->M);
	(void)sigchld_occurred(d->ctx);
}

void
domain_view(struct domain *d, struct view *ret_view)
{
	(void)pthread_mutex_lock(&d->M);
	*ret_view = d->view;
	(void)pthread_mutex_unlock(&d->M);
}

const struct process *
domain_join(struct domain *d, struct sigchld_stats *ret_stats)
{
	if (d->has_thread)
		(void)pthread_join(d->thread, NULL);
	*ret_stats = (struct sigchld_stats){ .size = sizeof(*ret_stats) };
	(void)sigchld_get_stats(d->ctx, ret_stats);
	return d->all;
}

void
domain_free(struct domain *d)
{
	if (d == NULL)
		return;
	while (d->all != NULL) {
		struct process *p = d->all;

		d->all = p->next;
		free(p);
	}
	sigchld_free(d->ctx);
	(void)pthread_mutex_destroy(&d->M);
	free(d);
}
