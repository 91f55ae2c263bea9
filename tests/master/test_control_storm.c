/*
 * test_control_storm.c - C1 of control.c: many ask many things at once, while
 * programs come in, fail, end early, and take the socket elsewhere
 *
 * Each order has one answer, of its kind, in its place.
 *
 * timeout: 120
 */
#include "help.h"
#include "talk.h"

#define N_TALKS  8
#define N_ORDERS 25 /* of each, in a round */
#define N_ROUNDS 6

static struct subject s;
static struct talk talks[N_TALKS];
static unsigned int kinds[N_TALKS][N_ORDERS];
static uint32_t seed;

static unsigned int
any(unsigned int n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 16) % n;
}

/* What may be the answer, one of them; NULL: whatever it is. */
static const struct {
	const char *line, *answers[6];
} orders[] = {
	{ "ready", { "ready: ", "error: not ready: " } },
	{ "json show stat", { "{\"ok\":true,\"pid\":" } },
	{ "what", { "error: no such command" } },
	{ "workers 0", { "error: bad arguments" } },
	{ "show proc", { "who " } },
	{ "query 1 x", { "error: there is no such worker" } },
	{ "reload", { "reloaded: ", "error: the reload failed: " } },
	{ "roll",
	    { "rolled: ", "error: the roll failed: ", "error: other workers",
		"error: the program has ended" } },
};

#define N_KINDS (sizeof(orders) / sizeof(orders[0]))

static void
check(unsigned int kind, const char *answer)
{
	int i;

	for (i = 0; orders[kind].answers[i] != NULL; i++) {
		if (strncmp(answer, orders[kind].answers[i],
			strlen(orders[kind].answers[i])) == 0)
			return;
	}
	ck_abort_msg("%s: %s", orders[kind].line, answer);
}

static void
another_program(void)
{
	static const char *const words[] = { "", "die", "refuse", "late",
		"frees", "elsewhere", "elsewhere die", "silent", "" };

	subject_words(&s, words[any(sizeof(words) / sizeof(words[0]))]);
}

/* A reload is one of eight, so that the others have something to go through. */
static void
say_all(struct talk *t, unsigned int *kind)
{
	char text[1024] = "";
	int i;

	for (i = 0; i < N_ORDERS; i++) {
		kind[i] = any(N_KINDS);
		(void)strcat(strcat(text, orders[kind[i]].line), "\n");
	}
	talk_write(t, text, strlen(text));
}

/* What the subject says, lest it wait for us. */
static void
listen_to_it(void)
{
	while (harness_readable(s.out, 0) &&
	    subject_read(&s, harness_now_ms() + harness_patience_ms(),
		"a line"))
		;
}

/* Some of them read sooner than others. */
static void
read_all(void)
{
	int i, j;

	for (j = 0; j < N_ORDERS; j++) {
		another_program();
		listen_to_it();
		if (any(8) == 0)
			subject_signal(&s, SIGUSR2);
		for (i = 0; i < N_TALKS; i++)
			check(kinds[i][j], talk_answer(&talks[i]));
	}
	for (i = 0; i < N_TALKS; i++)
		ck_assert_uint_eq(talks[i].n, 0);
}

static void
storm(uint32_t first)
{
	char all[128];
	int i, round;

	seed = first;
	talk_begin();
	(void)snprintf(all, sizeof(all), "-n 2 -f 8 -C %s", talk_path);
	subject_start(&s, "", all);
	(void)subject_expect(&s, "READY");
	for (i = 0; i < N_TALKS; i++)
		talk_open(&talks[i]);
	for (round = 0; round < N_ROUNDS; round++) {
		for (i = 0; i < N_TALKS; i++)
			say_all(&talks[i], kinds[i]);
		read_all();
	}
	talk_ask(&talks[0], "stop now", "stopping\n");
	(void)subject_wait(
	    &s); /* it may have been in the midst of one that dies */
	subject_free(&s);
	for (i = 0; i < N_TALKS; i++)
		talk_is_over(&talks[i]);
	talk_end();
}

START_TEST(c1_m20_a_storm_of_orders)
{
	storm(1);
}
END_TEST

START_TEST(c1_m20_another_storm_of_orders)
{
	storm(20261121);
}
END_TEST

HARNESS("control_storm",
    {
	HARNESS_TEST(c1_m20_a_storm_of_orders),
	HARNESS_TEST(c1_m20_another_storm_of_orders),
    })
