/*
 * summary.c - the accounts of the whole run, and whether they are right
 *
 * Two books are compared: ours, where each program that was started has an entry,
 * and those of the contexts. At the end the process must have no child left.
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
	s->started++;
	s->events += p->n_events;
	s->missing += p->n_events == 0;
	s->doubled += p->n_events > 1;
	s->foreign += p->n_foreign;
	if (p->n_events == 0)
		return;
	s->known += p->command->n_expect > 0 || p->exec_errno != 0;
	s->wrong += !process_status_is_true(p);
}

void
summary_add(struct summary *s, const struct process *list,
    const struct sigchld_stats *stats)
{
	unsigned before = s->started;

	for (; list != NULL; list = list->next)
		add_process(s, list);
	s->domains++;
	s->uneven += stats->children != 0 || stats->strays != 0 ||
	    stats->reaped != s->started - before;
	s->stolen += stats->stolen;
	s->faults += stats->faults;
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

bool
summary_print(const struct summary *s, const struct own *own)
{
	bool right;

	(void)printf("\n%u domains: %u programs started, %u deaths told; "
		     "%u missing, %u doubled, %u foreign\n",
	    s->domains, s->started, s->events, s->missing, s->doubled,
	    s->foreign);
	(void)printf("statuses: %u known beforehand, %u wrong\n", s->known,
	    s->wrong);
	(void)printf("contexts: %u with other figures, %llu stolen, "
		     "%llu faults, health %#x\n",
	    s->uneven, (unsigned long long)s->stolen,
	    (unsigned long long)s->faults, (unsigned)s->health);
	(void)printf("main thread: %u children of its own, %u right\n",
	    own->started, own->right);
	right = no_child_is_left();
	right = signal_is_given_back() && right;
	right = right && s->started == s->events && s->missing == 0 &&
	    s->doubled == 0 && s->foreign == 0 && s->wrong == 0 &&
	    s->uneven == 0 && s->stolen == 0 && s->faults == 0 &&
	    s->health == 0 && own->right == own->started;
	(void)printf("%s\n",
	    right ? "Every status was delivered once, to its owner, and true."
		  : "SOMETHING IS WRONG.");
	return right;
}
