/*
 * fuzz_carry.c - whatever the text of carry.c is, what comes out is sane
 *
 * Of each input that is read at all:
 *
 * Z1	what came out keeps V3 and V4 of carry.c, and all lies within the memory
 *	that there is (AddressSanitizer knows);
 * Z2	written and read again it is the same, and written again the same text;
 * Z3	that text, cut short anywhere, is noticed to be.
 *
 * fuzzed: worker/carry.c
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker/carry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
			    #condition); \
			abort(); \
		} \
	} while (0)

/* Z1. Inputs are small, so each is compared with each. */

struct seen {
	const struct sigchld__carry *carry;
	size_t n_fds, room;
	int *fds;
};

static void
add_fd(struct seen *seen, int fd)
{
	size_t i;

	for (i = 0; i < seen->n_fds; i++)
		MUST(seen->fds[i] != fd);
	MUST(seen->n_fds < seen->room);
	seen->fds[seen->n_fds++] = fd;
}

static void
check_workers(struct seen *seen)
{
	const struct sigchld__carry *carry = seen->carry;
	size_t i, j;

	for (i = 0; i < carry->n_workers; i++) {
		const struct sigchld__carry_worker *w = &carry->workers_v[i];

		MUST(w->pid > 1 && w->pid != carry->pid);
		MUST(w->slot < SIGCHLD__CARRY_SLOTS);
		MUST(w->channel.fd >= -1 && w->leash.fd >= -1);
		MUST(memchr(w->said, 0, sizeof(w->said)) != NULL);
		if (w->channel.fd >= 0)
			add_fd(seen, w->channel.fd);
		if (w->leash.fd >= 0)
			add_fd(seen, w->leash.fd);
		for (j = 0; j < i; j++) {
			const struct sigchld__carry_worker *o =
			    &carry->workers_v[j];

			MUST(o->pid != w->pid);
			MUST(!o->current || !w->current || o->slot != w->slot);
		}
	}
}

static void
check_named(struct seen *seen)
{
	const struct sigchld__carry *carry = seen->carry;
	size_t i, j;

	for (i = 0; i < carry->n_named; i++) {
		const struct sigchld__carry_named *f = &carry->named_v[i];

		MUST(f->file.fd >= 0 && f->name[0] != '\0');
		MUST(memchr(f->name, 0, sizeof(f->name)) != NULL);
		add_fd(seen, f->file.fd);
		for (j = 0; j < i; j++)
			MUST(strcmp(f->name, carry->named_v[j].name) != 0);
	}
}

static void
check_sane(const struct sigchld__carry *carry)
{
	struct seen seen = {
		.carry = carry,
		.room =
		    2 * carry->n_workers + carry->n_named + carry->n_askers + 1,
	};
	size_t i;

	seen.fds = calloc(seen.room + 1, sizeof(*seen.fds));
	MUST(seen.fds != NULL);
	MUST(carry->pid >= 0 && carry->result <= 255);
	check_workers(&seen);
	check_named(&seen);
	for (i = 0; i < carry->n_askers; i++) {
		MUST(carry->askers_v[i].file.fd >= 0);
		add_fd(&seen, carry->askers_v[i].file.fd);
		MUST(carry->askers_v[i].awaits <= 4);
	}
	if (carry->control.path[0] != '\0')
		add_fd(&seen, carry->control.file.fd);
	free(seen.fds);
}

/* Z2 */

static bool
is_same_file(const struct sigchld__carry_file *a,
    const struct sigchld__carry_file *b)
{
	return a->fd == b->fd && a->dev == b->dev && a->ino == b->ino;
}

static bool
is_same_worker(const struct sigchld__carry_worker *a,
    const struct sigchld__carry_worker *b)
{
	return a->slot == b->slot && a->generation == b->generation &&
	    a->reloads == b->reloads && a->current == b->current &&
	    a->ready == b->ready && a->stopping == b->stopping &&
	    a->execs == b->execs && a->dismissed == b->dismissed &&
	    a->step == b->step && a->leave_ms == b->leave_ms &&
	    a->pid == b->pid && a->started == b->started &&
	    a->forked_ms == b->forked_ms &&
	    is_same_file(&a->channel, &b->channel) &&
	    is_same_file(&a->leash, &b->leash) && strcmp(a->said, b->said) == 0;
}

static bool
is_same_master(const struct sigchld__carry *a, const struct sigchld__carry *b)
{
	return a->pid == b->pid && a->generation == b->generation &&
	    a->workers == b->workers && a->reloads == b->reloads &&
	    a->failed == b->failed && a->forks == b->forks &&
	    a->ends == b->ends && a->began_ms == b->began_ms &&
	    a->last_reload == b->last_reload &&
	    a->last_failure == b->last_failure && a->mask == b->mask &&
	    a->result == b->result && a->reloading == b->reloading;
}

static void
check_same(const struct sigchld__carry *a, const struct sigchld__carry *b)
{
	size_t i;

	MUST(is_same_master(a, b));
	MUST(a->n_workers == b->n_workers && a->n_named == b->n_named);
	MUST(a->n_askers == b->n_askers);
	for (i = 0; i < a->n_workers; i++)
		MUST(is_same_worker(&a->workers_v[i], &b->workers_v[i]));
	for (i = 0; i < a->n_named; i++) {
		MUST(strcmp(a->named_v[i].name, b->named_v[i].name) == 0);
		MUST(is_same_file(&a->named_v[i].file, &b->named_v[i].file));
	}
	MUST(strcmp(a->control.path, b->control.path) == 0);
	MUST(a->control.dev == b->control.dev &&
	    a->control.ino == b->control.ino);
	for (i = 0; i < a->n_askers; i++) {
		MUST(a->askers_v[i].awaits == b->askers_v[i].awaits);
		MUST(a->askers_v[i].json == b->askers_v[i].json);
		MUST(strcmp(a->askers_v[i].in, b->askers_v[i].in) == 0);
		MUST(is_same_file(&a->askers_v[i].file, &b->askers_v[i].file));
	}
}

/* Z3, once for each input, where the input says. */
static void
check_cut(const char *text, size_t len, size_t at)
{
	struct sigchld__carry carry;
	size_t refused = 0;
	char *part;

	at %= len;
	part = malloc(at + 1);
	MUST(part != NULL);
	memcpy(part, text, at);
	if (sigchld__carry_read(part, at, &carry, &refused) == 0) {
		MUST(refused > 0);
		check_sane(&carry);
		sigchld__carry_clear(&carry);
	}
	free(part);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sigchld__carry first, second;
	size_t refused, len, len_again, i, at = size;
	char *text, *again;

	if (sigchld__carry_read((const char *)data, size, &first, &refused) !=
	    0)
		return 0;
	check_sane(&first);
	MUST(first.pid != 0 || refused > 0);
	MUST(sigchld__carry_write(&first, &text, &len) == 0);
	MUST(strlen(text) == len);
	for (i = 0; i < len; i++)
		MUST(text[i] >= 0x20 && text[i] <= 0x7e);
	MUST(sigchld__carry_read(text, len, &second, &refused) == 0);
	MUST(refused == (first.pid == 0)); /* a master there was none of */
	check_same(&first, &second);
	MUST(sigchld__carry_write(&second, &again, &len_again) == 0);
	MUST(len == len_again && memcmp(text, again, len) == 0);
	for (i = 0; i < size; i++)
		at = at * 31 + data[i];
	check_cut(text, len, at);
	free(again);
	free(text);
	sigchld__carry_clear(&second);
	sigchld__carry_clear(&first);
	return 0;
}
