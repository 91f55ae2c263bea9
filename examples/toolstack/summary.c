/*
 * summary.c - the accounts of the whole run, and whether they are right
 *
 * Two books are compared: ours, where each program that was started has an entry,
 * and those of the contexts. At the end the process must have no child left. What
 * the contexts did is the same whatever wakes them; how, and what took time, is
 * told below it.
 */
#include "summary.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static void
add_process(struct summary *s, const struct process *p)
{
	bool known = p->command->n_expect > 0;

	if (p->error != 0) {
		s->refused++;
		s->misrefused += !process_status_is_true(p);
		return;
	}
	s->started++;
	s->on_pidfd += p->on_pidfd;
	s->events += p->n_events;
	s->missing += p->n_events == 0;
	s->doubled += p->n_events > 1;
	s->foreign += p->n_foreign;
	if (p->n_events == 0)
		return;
	s->recovered += p->source == SIGCHLD_SOURCE_PIDFD_INFO;
	s->lost += p->what == SIGCHLD_STOLEN;
	if (p->what == SIGCHLD_STOLEN)
		return;
	s->known += known;
	s->wrong += !process_status_is_true(p);
}

void
summary_add(struct summary *s, const struct process *list,
    const struct sigchld_stats *stats)
{
	unsigned before = s->started, recovered = s->recovered;

	for (; list != NULL; list = list->next)
		add_process(s, list);
	s->domains++;
	s->uneven += stats->children != 0 || stats->strays != 0 ||
	    stats->reaped + stats->stolen != s->started - before ||
	    stats->recovered != s->recovered - recovered;
	s->stolen += stats->stolen;
	s->demoted += stats->demoted;
	s->faults += stats->faults;
	if (stats->signals > s->handler_runs) /* it counts for the process */
		s->handler_runs = stats->signals;
}

static bool
no_child_is_left(void)
{
	pid_t pid = waitpid(-1, NULL, WNOHANG);

	if (pid < 0 && errno == ECHILD) {
		(void)printf("children left: none\n");
		return true;
	}
	(void)printf("children left: %s\n", pid > 0 ? "a dead one" : "some");
	return false;
}

static bool
signal_is_given_back(void)
{
	struct sigaction now;
	bool back =
	    sigaction(SIGCHLD, NULL, &now) == 0 && now.sa_handler == SIG_DFL;

	(void)printf("SIGCHLD: %s\n",
	    back ? "as it was before" : "not given back");
	return back;
}

static void
print_books(const struct summary *s)
{
	(void)printf("\n%u domains: %u programs started, %u deaths told\n",
	    s->domains, s->started, s->events);
	(void)printf("deaths: %u missing, %u doubled, %u foreign\n", s->missing,
	    s->doubled, s->foreign);
	(void)printf("statuses: %u known beforehand, %u wrong, %u lost\n",
	    s->known, s->wrong, s->lost);
	(void)printf("not executable: %u, told by the call, %u wrong\n",
	    s->refused, s->misrefused);
	(void)printf("contexts: %u with other figures, %llu faults\n",
	    s->uneven, (unsigned long long)s->faults);
}

static void
print_ways(const struct summary *s, const struct own *own)
{
	(void)printf("\nThis differs with the wake and the time:\n"
		     "wake %s: %u programs on pidfds, %llu demoted, "
		     "%llu runs of the handler\n",
	    s->wake, s->on_pidfd, (unsigned long long)s->demoted,
	    (unsigned long long)s->handler_runs);
	(void)printf("thefts: %llu, %u statuses recovered, %u lost; "
		     "health %#x\n",
	    (unsigned long long)s->stolen, s->recovered, s->lost,
	    (unsigned)s->health);
	(void)printf("main thread: %u children of its own, %u right, %u lost\n",
	    own->started, own->right, own->lost);
	if (s->has_thief)
		(void)printf("thief: took %u\n", s->taken);
}

static bool
is_robbed(const struct summary *s)
{
	return s->has_thief || s->stolen > 0;
}

/* A thief also robs the main thread, which has nobody to protect it, and the
 * health tells of him. */
static bool
is_right(const struct summary *s, const struct own *own)
{
	int fine = is_robbed(s) ? (int)SIGCHLD_HEALTH_THEFT : 0;
	unsigned lost = is_robbed(s) ? own->lost : 0;

	return s->started == s->events && s->missing == 0 && s->doubled == 0 &&
	    s->foreign == 0 && s->wrong == 0 && s->misrefused == 0 &&
	    s->uneven == 0 && s->faults == 0 && (s->health | fine) == fine &&
	    own->right + lost == own->started;
}

bool
summary_print(const struct summary *s, const struct own *own)
{
	bool right;

	print_books(s);
	right = no_child_is_left();
	right = signal_is_given_back() && right;
	print_ways(s, own);
	right = right && is_right(s, own);
	if (!right)
		(void)printf("SOMETHING IS WRONG.\n");
	else if (s->lost > 0)
		(void)printf("Each death was told once; %u statuses were "
			     "stolen, and none was made up.\n",
		    s->lost);
	else
		(void)printf("Every status was delivered once, to its owner, "
			     "and true%s.\n",
		    s->stolen > 0 ? ", in spite of a thief" : "");
	return right && s->lost == 0;
}
