/*
 * test_control.c - a master is asked, and what --ask makes of the answer
 */
#include "help.h"

static struct subject s, asker;
static char place[64];

static void
start(const char *words, const char *args)
{
	char all[192];

	name_a_file(place, sizeof(place), "control");
	(void)snprintf(all, sizeof(all), "-c %s %s", place, args);
	tool_start(&s, words, all);
}

static void
begin_order(const char *option, const char *order)
{
	char args[128];

	(void)snprintf(args, sizeof(args), "--ask=%s %s", place, option);
	tool_run(&asker, args, order);
}

/* Its answer begins with this line, and it ends so. */
static void
end_order(const char *line, int status)
{
	if (line != NULL)
		(void)subject_expect(&asker, line);
	subject_ends(&asker, status);
}

static void
order(const char *text, const char *line, int status)
{
	begin_order("", text);
	end_order(line, status);
}

START_TEST(ready_or_not)
{
	name_a_file(place, sizeof(place), "control");
	order("ready", SAYS "nobody answers at ", 2);
	start("mute", "--ready=notify");
	(void)subject_expect(&s, "serves ");
	order("ready", "error: not ready", 1);
	begin_order("--json", "ready");
	end_order("{\"ok\":false,", 1);
	subject_stop(&s);
	order("ready", SAYS "nobody answers at ", 2);
	start("notify", "--ready=notify");
	(void)tool_says(&s, "ready");
	order("ready", "ready", 0);
	begin_order("--json", "ready");
	end_order("{\"ok\":true,", 0);
	subject_stop(&s);
}
END_TEST

START_TEST(what_a_command_says_of_itself_is_shown)
{
	const char *line;

	start("notify", "--ready=notify --control=/no/such/place");
	(void)tool_says(&s, "cannot be a master");
	subject_ends(&s, 1);
	start("notify", "--ready=notify");
	(void)tool_says(&s, "ready");
	begin_order("", "show proc");
	line = subject_expect(&asker, "current ");
	ck_assert_ptr_nonnull(strstr(line, " here"));
	ck_assert_ptr_nonnull(strstr(line, " ready "));
	subject_ends(&asker, 0);
	subject_stop(&s);
}
END_TEST

START_TEST(a_reload_is_waited_for)
{
	start("notify", "--ready=notify");
	(void)tool_says(&s, "ready");
	order("reload", "reloaded: generation 2", 0);
	subject_words(&s, "die");
	order("reload", "error: the reload failed: ", 1);
	subject_words(&s, "notify");
	begin_order("--json", "reload");
	end_order("{\"ok\":true,\"generation\":4}", 0);
	order("roll", "rolled: generation 5", 0);
	subject_stop(&s);
}
END_TEST

START_TEST(other_orders)
{
	start("notify", "--ready=notify");
	(void)tool_says(&s, "ready");
	order("no such order", "error: no such command", 1);
	order("help", "help ", 0);
	order("workers 3", "resized", 0);
	subject_await(&s, "serves ", 3);
	await_children(s.pid, 3);
	order("stop", "stopping", 0);
	subject_await(&s, "done ", 3);
	subject_ends(&s, 0);
}
END_TEST

START_TEST(orders_that_are_none)
{
	name_a_file(place, sizeof(place), "control");
	begin_order("", NULL);
	end_order(SAYS "there is no order", 64);
	order("two\nlines", SAYS "an order is one line", 64);
}
END_TEST

/* A master of ours, which sees what is asked, and answers so. */
static void
be_master(const char *answer)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd, listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char text[64];
	ssize_t n = 0, more;

	name_a_file(place, sizeof(place), "control");
	(void)strcpy(at.sun_path, place);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	begin_order("--json", "show proc");
	fd = accept(listener, NULL, NULL);
	ck_assert_int_ge(fd, 0);
	while ((more = read(fd, text + n, sizeof(text) - 1 - (size_t)n)) > 0)
		n += more; /* to the end: its side is shut down */
	text[n] = '\0';
	ck_assert_str_eq(text, "json show proc\n");
	ck_assert_int_eq((int)write(fd, answer, strlen(answer)),
	    (int)strlen(answer));
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(close(listener), 0);
	ck_assert_int_eq(unlink(place), 0);
}

START_TEST(an_order_is_one_line_and_an_answer_is_whole)
{
	be_master("one\ntwo\n\n");
	(void)subject_expect(&asker, "one");
	(void)subject_expect(&asker, "two");
	ck_assert_int_eq(subject_wait(&asker), 0);
	ck_assert_uint_eq(asker.n_lines, 2);
	subject_free(&asker);
	be_master("one\ntwo\n");
	end_order(SAYS "there is no answer", 2);
	be_master("");
	end_order(SAYS "there is no answer", 2);
}
END_TEST

HARNESS("control",
    {
	HARNESS_TEST(ready_or_not),
	HARNESS_TEST(what_a_command_says_of_itself_is_shown),
	HARNESS_TEST(a_reload_is_waited_for),
	HARNESS_TEST(other_orders),
	HARNESS_TEST(orders_that_are_none),
	HARNESS_TEST(an_order_is_one_line_and_an_answer_is_whole),
    })
