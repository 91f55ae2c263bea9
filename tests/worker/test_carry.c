/*
 * test_carry.c - what one program writes the next one reads, and nothing else
 *
 * wrap: alloc
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/sys.h"
#include "harness.h"
#include "worker/carry.h"

#define HEAD "sigchld-workers/1.0;"
#define N(a) (sizeof(a) / sizeof((a)[0]))

static int allocs_left = -1; /* until one fails; -1: for ever */

void *__real_sigchld__sys_alloc(size_t n, size_t size);
void *__wrap_sigchld__sys_alloc(size_t n, size_t size);

void *
__wrap_sigchld__sys_alloc(size_t n, size_t size)
{
	if (allocs_left == 0)
		return NULL;
	if (allocs_left > 0)
		allocs_left--;
	return __real_sigchld__sys_alloc(n, size);
}

/* What was read last */

static struct sigchld__carry got;
static size_t refused;

/* From memory that ends where the text does, and is gone before it is looked
 * at. */
static int
read_bytes(const char *text, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);
	int rc;

	ck_assert_ptr_nonnull(copy);
	if (len > 0)
		memcpy(copy, text, len);
	rc = sigchld__carry_read(copy, len, &got, &refused);
	if (len > 0)
		ck_assert_mem_eq(copy, text, len);
	free(copy);
	return rc;
}

/* After the head. */
static void
read_text(const char *records)
{
	char *text = malloc(strlen(HEAD) + strlen(records) + 1);

	ck_assert_ptr_nonnull(text);
	strcpy(text, HEAD);
	strcat(text, records);
	ck_assert_int_eq(read_bytes(text, strlen(text)), 0);
	free(text);
}

static void
done(void)
{
	sigchld__carry_clear(&got);
	ck_assert_ptr_null(got.workers_v);
	ck_assert_uint_eq(got.n_workers + got.n_named + got.n_askers, 0);
}

/* A good master, then these records, of which so many workers, names and askers
 * are taken and so many are refused. */
static void
check_counts(const char *records, size_t workers, size_t named, size_t askers,
    size_t want_refused)
{
	char text[2048];

	ck_assert_uint_lt(strlen(records), sizeof(text) - 16);
	snprintf(text, sizeof(text), "m,pid=71;%s", records);
	read_text(text);
	ck_assert_msg(got.pid == 71 && got.n_workers == workers &&
		got.n_named == named && got.n_askers == askers &&
		refused == want_refused,
	    "%s: %zu workers, %zu named, %zu askers, %zu refused", records,
	    got.n_workers, got.n_named, got.n_askers, refused);
	done();
}

/* The record is taken, or refused, as a whole. */
static void
takes_worker(const char *record)
{
	check_counts(record, 1, 0, 0, 0);
}

static void
refuses(const char *record)
{
	check_counts(record, 0, 0, 0, 1);
}

static void
refuses_each(const char *format, const char *const *values, size_t n)
{
	char record[512];
	size_t i;

	for (i = 0; i < n; i++) {
		ck_assert_int_lt(snprintf(record, sizeof(record), format,
				     values[i]),
		    (int)sizeof(record));
		refuses(record);
	}
}

/* Whatever the text was. */
static void
check_sane(void)
{
	size_t i;

	ck_assert_int_ge(got.pid, 0);
	ck_assert_uint_le(got.result, 255);
	for (i = 0; i < got.n_workers; i++) {
		const struct sigchld__carry_worker *w = &got.workers_v[i];

		ck_assert_int_gt(w->pid, 1);
		ck_assert_uint_lt(w->slot, SIGCHLD__CARRY_SLOTS);
		ck_assert_int_ge(w->channel.fd, -1);
		ck_assert_int_ge(w->leash.fd, -1);
		ck_assert_ptr_nonnull(memchr(w->said, 0, sizeof(w->said)));
	}
	for (i = 0; i < got.n_named; i++) {
		const struct sigchld__carry_named *f = &got.named_v[i];

		ck_assert_int_ge(f->file.fd, 0);
		ck_assert_int_ne(f->name[0], '\0');
		ck_assert_ptr_nonnull(memchr(f->name, 0, sizeof(f->name)));
	}
	for (i = 0; i < got.n_askers; i++)
		ck_assert_int_ge(got.askers_v[i].file.fd, 0);
}

/* Something of everything, with numbers at their ends */

static struct sigchld__carry_worker workers[] = {
	{
	    .slot = 0,
	    .generation = 1,
	    .reloads = UINT32_MAX,
	    .stopping = true,
	    .execs = true,
	    .dismissed = true,
	    .step = 2,
	    .leave_ms = 123456789,
	    .pid = 2,
	    .started = UINT64_MAX,
	    .forked_ms = INT64_MAX,
	    .channel = { 0, UINT64_MAX, 0 },
	    .leash = { -1, 0, 0 },
	    .said = "50 % done; a=b, c:d\n\x01\x7f\xff \xc3\xa4",
	},
	{
	    .slot = SIGCHLD__CARRY_SLOTS - 1,
	    .generation = UINT32_MAX,
	    .current = true,
	    .ready = true,
	    .pid = INT_MAX,
	    .started = 1,
	    .forked_ms = INT64_MIN,
	    .channel = { -1, 0, 0 },
	    .leash = { INT_MAX, 1, UINT64_MAX },
	},
};
static struct sigchld__carry_named named[] = {
	{ .name = "a,b=c;d%e:f g\t", .file = { 7, 8, 9 } },
	{ .name = "0123456789012345678901234567890123456789"
		  "012345678901234567890123",
	    .file = { 8, 8, 9 } },
};
static struct sigchld__carry_asker askers[] = {
	{ .file = { 20, 1, 2 },
	    .awaits = 4,
	    .json = true,
	    .in = "show%,; proc" },
	{ .file = { 21, 1, 2 }, .in = "" },
};
static struct sigchld__carry full = {
	.pid = 1,
	.generation = UINT32_MAX,
	.workers = 3,
	.reloads = UINT64_MAX,
	.failed = 5,
	.forks = 6,
	.ends = 7,
	.began_ms = -8,
	.last_reload = 9,
	.last_failure = 10,
	.mask = UINT64_C(0x8000000000000401),
	.result = 255,
	.reloading = true,
	.workers_v = workers,
	.n_workers = N(workers),
	.named_v = named,
	.n_named = N(named),
	.control = { .file = { 22, 1, 2 },
	    .path = "/run/a;b",
	    .dev = UINT64_MAX,
	    .ino = 3 },
	.askers_v = askers,
	.n_askers = N(askers),
};

static void
check_file(const struct sigchld__carry_file *a,
    const struct sigchld__carry_file *b)
{
	ck_assert_int_eq(a->fd, b->fd);
	ck_assert_uint_eq(a->dev, b->dev);
	ck_assert_uint_eq(a->ino, b->ino);
}

static void
check_worker(const struct sigchld__carry_worker *a,
    const struct sigchld__carry_worker *b)
{
	ck_assert_uint_eq(a->slot, b->slot);
	ck_assert_uint_eq(a->generation, b->generation);
	ck_assert_uint_eq(a->reloads, b->reloads);
	ck_assert_int_eq(a->current, b->current);
	ck_assert_int_eq(a->ready, b->ready);
	ck_assert_int_eq(a->stopping, b->stopping);
	ck_assert_int_eq(a->execs, b->execs);
	ck_assert_int_eq(a->dismissed, b->dismissed);
	ck_assert_uint_eq(a->step, b->step);
	ck_assert_int_eq(a->leave_ms, b->leave_ms);
	ck_assert_int_eq(a->pid, b->pid);
	ck_assert_uint_eq(a->started, b->started);
	ck_assert_int_eq(a->forked_ms, b->forked_ms);
	check_file(&a->channel, &b->channel);
	check_file(&a->leash, &b->leash);
	ck_assert_str_eq(a->said, b->said);
}

static void
check_master(const struct sigchld__carry *a, const struct sigchld__carry *b)
{
	ck_assert_int_eq(a->pid, b->pid);
	ck_assert_uint_eq(a->generation, b->generation);
	ck_assert_uint_eq(a->workers, b->workers);
	ck_assert_uint_eq(a->reloads, b->reloads);
	ck_assert_uint_eq(a->failed, b->failed);
	ck_assert_uint_eq(a->forks, b->forks);
	ck_assert_uint_eq(a->ends, b->ends);
	ck_assert_int_eq(a->began_ms, b->began_ms);
	ck_assert_int_eq(a->last_reload, b->last_reload);
	ck_assert_int_eq(a->last_failure, b->last_failure);
	ck_assert_uint_eq(a->mask, b->mask);
	ck_assert_uint_eq(a->result, b->result);
	ck_assert_int_eq(a->reloading, b->reloading);
}

static void
check_same(const struct sigchld__carry *a, const struct sigchld__carry *b)
{
	size_t i;

	check_master(a, b);
	ck_assert_uint_eq(a->n_workers, b->n_workers);
	for (i = 0; i < a->n_workers; i++)
		check_worker(&a->workers_v[i], &b->workers_v[i]);
	ck_assert_uint_eq(a->n_named, b->n_named);
	for (i = 0; i < a->n_named; i++) {
		ck_assert_str_eq(a->named_v[i].name, b->named_v[i].name);
		check_file(&a->named_v[i].file, &b->named_v[i].file);
	}
	ck_assert_str_eq(a->control.path, b->control.path);
	if (a->control.path[0] != '\0')
		check_file(&a->control.file, &b->control.file);
	ck_assert_uint_eq(a->control.dev, b->control.dev);
	ck_assert_uint_eq(a->control.ino, b->control.ino);
	ck_assert_uint_eq(a->n_askers, b->n_askers);
	for (i = 0; i < a->n_askers; i++) {
		ck_assert_uint_eq(a->askers_v[i].awaits, b->askers_v[i].awaits);
		ck_assert_int_eq(a->askers_v[i].json, b->askers_v[i].json);
		ck_assert_str_eq(a->askers_v[i].in, b->askers_v[i].in);
		check_file(&a->askers_v[i].file, &b->askers_v[i].file);
	}
}

static char *text;
static size_t len;

static void
write_text(const struct sigchld__carry *carry)
{
	ck_assert_int_eq(sigchld__carry_write(carry, &text, &len), 0);
	ck_assert_uint_eq(strlen(text), len);
}

/* There and back. */
static void
check_returns(const struct sigchld__carry *carry)
{
	write_text(carry);
	ck_assert_int_eq(read_bytes(text, len), 0);
	ck_assert_uint_eq(refused, 0);
	free(text);
	check_same(&got, carry);
	done();
}

/* The form */

START_TEST(r25_r26_a_record_has_all_that_is_known_of_a_worker)
{
	check_returns(&full);
}
END_TEST

START_TEST(what_is_zero_or_no_file_is_left_out)
{
	struct sigchld__carry_worker bare = {
		.pid = 80,
		.channel = { .fd = -1 },
		.leash = { .fd = -1 },
	};
	const struct sigchld__carry carry = {
		.pid = 71,
		.workers_v = &bare,
		.n_workers = 1,
	};

	write_text(&carry);
	ck_assert_str_eq(text, HEAD "m,pid=71,records=2;w,pid=80,slot=0;");
	free(text);
	check_returns(&carry);
}
END_TEST

START_TEST(r28_no_record_is_written_for_an_empty_list)
{
	const struct sigchld__carry carry = { .pid = 71 };

	write_text(&carry);
	ck_assert_str_eq(text, HEAD "m,pid=71,records=1;");
	free(text);
	check_returns(&carry);
}
END_TEST

START_TEST(r28_the_text_is_printable_and_each_mark_in_a_value_is_escaped)
{
	struct sigchld__carry_named one = { .file = { 3, 1, 2 } };
	const struct sigchld__carry carry = {
		.pid = 71,
		.named_v = &one,
		.n_named = 1,
	};
	size_t i;
	int c;

	write_text(&full);
	for (i = 0; i < len; i++)
		ck_assert(text[i] >= 0x20 && text[i] <= 0x7e);
	free(text);
	for (c = 1; c < 256; c++) {
		one.name[0] = (char)c;
		write_text(&carry);
		ck_assert_int_eq(strchr(text, '%') == NULL,
		    c >= 0x20 && c < 0x7f && strchr("%,;=:", c) == NULL);
		free(text);
		check_returns(&carry);
	}
	write_text(&full);
	ck_assert_ptr_nonnull(strstr(text,
	    "f,name=a%2cb%3dc%3bd%25e%3af g%09,file=7:8:9;"));
	ck_assert_ptr_nonnull(strstr(text, ",mask=8000000000000401,"));
	free(text);
}
END_TEST

START_TEST(r28_a_status_line_that_has_no_nul_is_written_within_its_bounds)
{
	struct sigchld__carry_worker worker = { .pid = 80 };
	const struct sigchld__carry carry = {
		.pid = 71,
		.workers_v = &worker,
		.n_workers = 1,
	};

	worker.channel.fd = worker.leash.fd = -1;
	memset(worker.said, 'x', sizeof(worker.said));
	write_text(&carry);
	ck_assert_uint_eq(strspn(strchr(text, 'x'), "x"),
	    SIGCHLD__CARRY_SAID - 1);
	ck_assert_int_eq(read_bytes(text, len), 0);
	ck_assert_uint_eq(strlen(got.workers_v[0].said),
	    SIGCHLD__CARRY_SAID - 1);
	free(text);
	done();
}
END_TEST

/* read_bytes compares the text with what it was, and frees it. */
START_TEST(r29_what_was_read_stands_without_the_text_which_is_as_it_was)
{
	write_text(&full);
	ck_assert_int_eq(read_bytes(text, len), 0);
	memset(text, 'z', len);
	free(text);
	check_same(&got, &full);
	done();
}
END_TEST

START_TEST(r29_a_key_is_matched_as_a_whole_and_as_it_is_written)
{
	refuses("w,PID=80,slot=0;");
	refuses("w,pi=80,slot=0;");
	refuses("w,pidx=80,slot=0;");
	refuses("w, pid=80,slot=0;");
	refuses("w,pid =80,slot=0;");
	takes_worker("w,pid=80,slot=0,pi=x,pidx=y,slots=z;");
}
END_TEST

START_TEST(r29_a_field_is_a_key_and_a_value)
{
	refuses("w,pid=80,slot=0,;");
	refuses("w,,pid=80,slot=0;");
	refuses("w,pid=80,slot=0,new;");
	refuses("w,pid=80,slot=0,=5;");
	refuses("w,pid=80,slot=0,pid;");
	refuses("w;");
	refuses("w,;");
	refuses("f;");
	refuses("a;");
}
END_TEST

START_TEST(r29_a_key_that_is_there_twice_is_none)
{
	refuses("w,pid=80,slot=0,pid=81;");
	refuses("w,pid=80,slot=0,slot=0;");
	refuses("w,pid=80,slot=0,said=a,said=b;");
	takes_worker("w,pid=80,slot=0,new=a,new=b;");
}
END_TEST

START_TEST(r29_r34_what_is_needed_must_be_there)
{
	refuses("w,slot=0,gen=1;");
	refuses("w,pid=80;");
	refuses("f,name=http;");
	refuses("f,file=3:1:2;");
	refuses("a,awaits=4;");
	refuses("a,file=4:1:2,awaits=5;");
	refuses("c,file=4:1:2;");
	refuses("c,path=/x;");
	refuses("c,path=,file=4:1:2;");
	takes_worker("w,slot=0,pid=80;");
	check_counts("f,file=3:1:2,name=http;a,file=4:1:2;", 0, 1, 1, 0);
}
END_TEST

/* Numbers */

START_TEST(r34_m14_a_pid_that_is_none_is_refused)
{
	static const char *const none[] = { "-1", "0", "1", "1099511627776",
		"2147483648", "4294967298", "18446744073709551618", "-80",
		"+80", "080", " 80", "80 ", "80x", "", "0x50", "8e1" };

	refuses_each("w,pid=%s,slot=0;", none, N(none));
	takes_worker("w,pid=2,slot=0;");
	takes_worker("w,pid=2147483647,slot=0;");
}
END_TEST

START_TEST(r34_a_masters_pid_may_be_1_as_in_a_container)
{
	read_text("m,pid=1;");
	ck_assert_int_eq(got.pid, 1);
	ck_assert_uint_eq(refused, 0);
	done();
	read_text("m,pid=0,gen=4;");
	ck_assert_int_eq(got.pid, 0);
	ck_assert_uint_eq(got.generation, 0);
	ck_assert_uint_eq(refused, 1);
	done();
}
END_TEST

START_TEST(m14_a_descriptor_that_is_none_is_refused)
{
	static const char *const none[] = { "-2:0:0", "2147483648:0:0", "3",
		"3:1", "3:1:", "3::1", ":1:2", "3:1:2:4", "3:-1:2", "03:1:2",
		"3:01:2", "", "-1:0:0", "4294967299:1:2", "3:1:2 ",
		"3:18446744073709551616:0", "3:0:18446744073709551616" };

	refuses_each("w,pid=80,slot=0,channel=%s;", none, N(none));
	refuses_each("w,pid=80,slot=0,leash=%s;", none, N(none));
	refuses_each("f,name=http,file=%s;", none, N(none));
	refuses_each("a,file=%s;", none, N(none));
	refuses("f,name=http,file=-1;");
	refuses("a,file=-1;");
	check_counts("f,name=x,file=-1;f,name=x,file=3:1:2;", 0, 1, 0, 1);
	takes_worker("w,pid=80,slot=0,channel=-1,leash=-1;");
	takes_worker("w,pid=80,slot=0,channel=2147483647:0:0;");
}
END_TEST

START_TEST(m14_a_slot_that_cannot_be_is_refused)
{
	static const char *const none[] = { "10000", "-1", "00", "4294967296",
		"18446744073709551616", "" };

	refuses_each("w,pid=80,slot=%s;", none, N(none));
	takes_worker("w,pid=80,slot=9999;");
}
END_TEST

START_TEST(m14_a_number_that_is_too_large_or_signed_is_refused)
{
	static const char *const none32[] = { "4294967296", "-1", "01", "",
		"1.5", "a" };
	static const char *const none64[] = { "18446744073709551616",
		"99999999999999999999", "184467440737095516150", "-1", "" };
	static const char *const flags[] = { "2", "01", "true", "", "-1" };

	refuses_each("w,pid=80,slot=0,gen=%s;", none32, N(none32));
	refuses_each("w,pid=80,slot=0,reloads=%s;", none32, N(none32));
	refuses_each("w,pid=80,slot=0,started=%s;", none64, N(none64));
	refuses_each("w,pid=80,slot=0,current=%s;", flags, N(flags));
	refuses_each("w,pid=80,slot=0,ready=%s;", flags, N(flags));
	refuses_each("w,pid=80,slot=0,stopping=%s;", flags, N(flags));
	takes_worker("w,pid=80,slot=0,current=0,ready=1,gen=4294967295;");
	takes_worker("w,pid=80,slot=0,started=18446744073709551615;");
	read_text("m,pid=71;w,pid=80,slot=0,current=0,ready=1,stopping=0;");
	ck_assert(!got.workers_v[0].current && got.workers_v[0].ready &&
	    !got.workers_v[0].stopping);
	done();
}
END_TEST

START_TEST(m14_a_time_may_be_below_zero_but_not_out_of_range)
{
	static const char *const none[] = { "9223372036854775808",
		"-9223372036854775809", "-0", "-", "--1", "+1", "-01", "" };

	refuses_each("w,pid=80,slot=0,forked=%s;", none, N(none));
	read_text("m,pid=71,began=-9223372036854775808,"
		  "reloaded=9223372036854775807,failure=-1;");
	ck_assert_int_eq(got.began_ms, INT64_MIN);
	ck_assert_int_eq(got.last_reload, INT64_MAX);
	ck_assert_int_eq(got.last_failure, -1);
	done();
}
END_TEST

/* Nothing of a master's record is taken then. */
static void
refuses_master(const char *field)
{
	char record[256];

	snprintf(record, sizeof(record), "m,pid=71,gen=3,%s;", field);
	read_text(record);
	ck_assert_msg(refused == 1, "%s", field);
	check_master(&got, &(const struct sigchld__carry){ .pid = 0 });
	done();
}

START_TEST(m14_a_masters_record_is_taken_whole_or_not_at_all)
{
	refuses_master("mask=");
	refuses_master("mask=10000000000000000");
	refuses_master("mask=F");
	refuses_master("mask=0x1");
	refuses_master("mask=01");
	refuses_master("mask=g");
	refuses_master("result=256");
	refuses_master("reloading=2");
	refuses_master("records=-1");
	refuses_master("workers=4294967296");
	refuses_master("pid=72");
	read_text("m,pid=71,mask=ffffffffffffffff,result=255;");
	ck_assert_uint_eq(got.mask, UINT64_MAX);
	ck_assert_uint_eq(got.result, 255);
	ck_assert_uint_eq(refused, 0);
	done();
}
END_TEST

/* Texts */

START_TEST(m14_a_text_with_a_bad_escape_or_a_raw_mark_is_refused)
{
	static const char *const bad[] = { "%", "%4", "a%", "a%2", "%4G", "%G4",
		"%2C", "%00", "a%00b", "a=b", "a:b", "a\tb", "a\nb", "a\x7f",
		"\xc3\xa4", "%%41" };

	refuses_each("w,pid=80,slot=0,said=%s;", bad, N(bad));
	refuses_each("f,file=3:1:2,name=%s;", bad, N(bad));
	/* Nor in what is skipped. */
	refuses("w,pid=80,slot=0,new=a\tb;");
	refuses("w,pid=80,slot=0,new=\x80;");
	refuses("x,new=\x1f;");
	read_text("m,pid=71;f,file=3:1:2,name=%41%7f%ffz;");
	ck_assert_str_eq(got.named_v[0].name, "A\x7f\xffz");
	done();
}
END_TEST

START_TEST(m14_a_name_is_whole_and_not_empty_and_a_status_line_is_cut)
{
	char record[512], many[301];

	memset(many, 'n', sizeof(many) - 1);
	many[300] = '\0';
	refuses("f,name=,file=3:1:2;");
	snprintf(record, sizeof(record), "f,name=%.65s,file=3:1:2;", many);
	refuses(record);
	snprintf(record, sizeof(record), "f,name=%.64s,file=3:1:2;", many);
	check_counts(record, 0, 1, 0, 0);
	snprintf(record, sizeof(record), "m,pid=71;w,pid=80,slot=0,said=%s;",
	    many);
	read_text(record);
	ck_assert_uint_eq(refused, 0);
	ck_assert_uint_eq(strlen(got.workers_v[0].said), 255);
	done();
	snprintf(record, sizeof(record), "w,pid=80,slot=0,said=%s%%0;", many);
	refuses(record);
}
END_TEST

/* What is there twice */

START_TEST(m14_a_pid_that_is_there_twice_is_the_first_ones)
{
	read_text("m,pid=71;w,pid=80,slot=0,gen=1;w,pid=81,slot=1;"
		  "w,pid=80,slot=2,gen=2;w,pid=80,slot=3;w,pid=71,slot=4;");
	ck_assert_uint_eq(refused, 3);
	ck_assert_uint_eq(got.n_workers, 2);
	ck_assert_int_eq(got.workers_v[0].pid, 80);
	ck_assert_uint_eq(got.workers_v[0].generation, 1);
	ck_assert_int_eq(got.workers_v[1].pid, 81);
	ck_assert_int_eq(got.pid, 71);
	done();
	read_text("w,pid=71,slot=4;m,pid=71,gen=9;");
	ck_assert_uint_eq(refused, 1);
	ck_assert_uint_eq(got.n_workers, 1);
	ck_assert_uint_eq(got.generation, 0);
	ck_assert_int_eq(got.pid, 0);
	done();
}
END_TEST

START_TEST(m14_a_descriptor_that_is_there_twice_is_the_first_ones)
{
	const char *worker = "w,pid=80,slot=0,channel=5:1:2,leash=6:1:2;";
	static const char *const others[] = {
		"w,pid=81,slot=1,channel=5:1:3;",
		"w,pid=81,slot=1,channel=6:1:3;",
		"w,pid=81,slot=1,leash=5:1:3;",
		"w,pid=81,slot=1,leash=6:1:3;",
		"f,name=http,file=5:1:2;",
		"f,name=http,file=6:1:2;",
		"a,file=5:1:2;",
		"a,file=6:1:2;",
	};
	char records[256];
	size_t i;

	for (i = 0; i < N(others); i++) {
		snprintf(records, sizeof(records), "%s%s", worker, others[i]);
		check_counts(records, 1, 0, 0, 1);
	}
	check_counts("a,file=5:1:2;f,name=x,file=5:1:2;f,name=y,file=5:9:9;", 0,
	    0, 1, 2);
	check_counts("f,name=x,file=5:1:2;a,file=5:1:2;", 0, 1, 0, 1);
	check_counts("f,name=x,file=5:1:2;c,path=/x,file=5:1:2;", 0, 1, 0, 1);
	check_counts("c,path=/x,file=5:1:2;a,file=5:1:2;", 0, 0, 0, 1);
	read_text("m,pid=71;f,name=x,file=5:1:2;c,path=/x,file=5:1:2,dev=3;");
	ck_assert_uint_eq(got.control.dev, 0); /* nothing of it is left */
	done();
	check_counts("c,path=/x,file=5:1:2;c,path=/y,file=6:1:2;", 0, 0, 0, 1);
	refuses("w,pid=80,slot=0,channel=5:1:2,leash=5:1:2;");
	/* No descriptor is no double. */
	check_counts("w,pid=80,slot=0;w,pid=81,slot=1;", 2, 0, 0, 0);
	/* The number of one thing is not that of another. */
	check_counts("w,pid=80,slot=80,current=1,channel=80:1:2;", 1, 0, 0, 0);
}
END_TEST

START_TEST(m14_a_name_that_is_there_twice_is_the_first_ones)
{
	read_text("m,pid=71;f,name=b,file=3:1:2;f,name=a,file=4:1:2;"
		  "f,name=%62,file=5:1:2;f,name=bb,file=6:1:2;");
	ck_assert_uint_eq(refused, 1);
	ck_assert_uint_eq(got.n_named, 3);
	ck_assert_str_eq(got.named_v[0].name, "b");
	ck_assert_int_eq(got.named_v[0].file.fd, 3);
	ck_assert_str_eq(got.named_v[1].name, "a");
	ck_assert_str_eq(got.named_v[2].name, "bb");
	done();
}
END_TEST

START_TEST(m14_only_one_current_worker_has_a_slot)
{
	check_counts("w,pid=80,slot=7,current=1;w,pid=81,slot=7,current=1;", 1,
	    0, 0, 1);
	check_counts("w,pid=80,slot=7,current=1;w,pid=81,slot=7;"
		     "w,pid=82,slot=7;w,pid=83,slot=8,current=1;",
	    4, 0, 0, 0);
}
END_TEST

START_TEST(m14_what_a_refused_double_claims_stays_claimed)
{
	check_counts("w,pid=80,slot=0;w,pid=80,slot=1,channel=5:1:2;"
		     "a,file=5:1:2;",
	    1, 0, 0, 2);
	/* What was never a record claims nothing. */
	check_counts("w,pid=0,slot=1,channel=5:1:2;a,file=5:1:2;", 0, 0, 1, 1);
	check_counts("w,slot=1,channel=5:1:2;a,file=5:1:2;", 0, 0, 1, 1);
}
END_TEST

START_TEST(m14_a_second_master_is_refused)
{
	read_text("m,pid=71,gen=3;m,pid=72,gen=4;");
	ck_assert_uint_eq(refused, 1);
	ck_assert_int_eq(got.pid, 71);
	ck_assert_uint_eq(got.generation, 3);
	done();
	read_text("m,pid=0,gen=3;m,pid=72,gen=4;");
	ck_assert_uint_eq(refused, 1);
	ck_assert_int_eq(got.pid, 72);
	done();
}
END_TEST

/* What is no text of ours */

START_TEST(m14_a_text_that_is_not_ours_or_too_new_changes_nothing)
{
	static const char *const strange[] = { "", ";", "sigchld-workers/1.0",
		"sigchld-workers/2.0;", "sigchld-workers/0.9;",
		"sigchld-workers/1;", "sigchld-workers/.0;",
		"sigchld-workers/1.;", "sigchld-workers/01.0;",
		"sigchld-workers/1.0x;", "sigchld-workers/1.00;",
		"sigchld-workers/11.0;", "sigchld-workers/1.-1;",
		" sigchld-workers/1.0;", "Sigchld-workers/1.0;",
		"sigchld-workers/18446744073709551617.0;",
		"sigchld-workers;m,pid=71;", "m,pid=71;", "type=w|pid=80" };
	size_t i;

	got.pid = 4711;
	refused = 4712;
	for (i = 0; i < N(strange); i++) {
		ck_assert_msg(read_bytes(strange[i], strlen(strange[i])) ==
			-EPROTO,
		    "%s", strange[i]);
		ck_assert_int_eq(got.pid, 4711);
		ck_assert_uint_eq(refused, 4712);
	}
	got.pid = 0;
}
END_TEST

START_TEST(m14_without_a_master_the_others_are_there_and_one_is_refused)
{
	read_text("");
	ck_assert_uint_eq(refused, 1);
	done();
	read_text("w,pid=80,slot=0;");
	ck_assert_uint_eq(refused, 1);
	ck_assert_uint_eq(got.n_workers, 1);
	ck_assert_int_eq(got.pid, 0);
	done();
}
END_TEST

START_TEST(m14_garbage_between_records_is_refused_and_they_are_not)
{
	check_counts("w,pid=80,slot=0;;w,pid=81,slot=1;", 2, 0, 0, 1);
	check_counts("w,pid=80,slot=0;\x01\x02;w,pid=81,slot=1;", 2, 0, 0, 1);
	check_counts("%25;|,|;=;W,pid=82,slot=0;w1,a=b;w,pid=81,slot=1;", 1, 0,
	    0, 5);
	check_counts("w,pid=80,slot=0;\n", 1, 0, 0, 1);
	check_counts(" w,pid=80,slot=0;", 0, 0, 0, 1);
}
END_TEST

START_TEST(m14_a_nul_is_garbage_as_any_other_and_ends_nothing)
{
	static const char nul[] = HEAD "m,pid=71;w,pid=80,slot=0\0;"
				       "w,pid=81,slot=1;";

	ck_assert_int_eq(read_bytes(nul, sizeof(nul) - 1), 0);
	ck_assert_uint_eq(refused, 1);
	ck_assert_uint_eq(got.n_workers, 1);
	ck_assert_int_eq(got.workers_v[0].pid, 81);
	done();
	ck_assert_int_eq(read_bytes(nul, sizeof(nul)), 0);
	ck_assert_uint_eq(refused, 2);
	done();
}
END_TEST

START_TEST(m14_truncation_anywhere_is_noticed)
{
	size_t i, ours = 0;
	int rc;

	write_text(&full);
	for (i = 0; i < len; i++) {
		rc = read_bytes(text, i);
		if (rc == -EPROTO)
			continue;
		ck_assert_int_eq(rc, 0);
		ck_assert_uint_ge(refused, 1);
		ck_assert_uint_le(got.n_workers + got.n_named + got.n_askers,
		    5);
		check_sane();
		done();
		ours++;
	}
	ck_assert_uint_eq(ours, len - strlen(HEAD));
	free(text);
}
END_TEST

START_TEST(m14_whole_records_that_are_missing_are_refused)
{
	read_text("m,pid=71,records=4;w,pid=80,slot=0;");
	ck_assert_uint_eq(refused, 2);
	done();
	/* One that is no good is there. */
	read_text("m,pid=71,records=4;w,pid=80,slot=0;w,pid=0,slot=1;");
	ck_assert_uint_eq(refused, 2);
	done();
	/* Of a type that is not known, too. */
	read_text("m,pid=71,records=3;w,pid=80,slot=0;new,a=b;");
	ck_assert_uint_eq(refused, 0);
	done();
	read_text("m,pid=71,records=1;w,pid=80,slot=0;");
	ck_assert_uint_eq(refused, 0);
	done();
	read_text("m,pid=71,records=18446744073709551615;w,pid=1,slot=0;");
	ck_assert_uint_ge(refused, SIZE_MAX - 1);
	done();
}
END_TEST

/* Each byte of a good text becomes each of some others. */
START_TEST(m14_garbage_in_any_byte_leaves_what_came_out_sane)
{
	static const char others[] = "\0\n%,;=:-01a\xff";
	size_t i, j, read = 0;

	write_text(&full);
	for (i = 0; i < len; i++) {
		char was = text[i];

		for (j = 0; j < sizeof(others) - 1; j++) {
			text[i] = others[j];
			if (read_bytes(text, len) != 0)
				continue;
			check_sane();
			done();
			read++;
		}
		text[i] = was;
	}
	ck_assert_uint_ge(read, (len - strlen(HEAD)) * (sizeof(others) - 1));
	free(text);
}
END_TEST

/* Versions */

START_TEST(m26_an_older_text_without_the_newer_keys_is_read_with_defaults)
{
	struct sigchld__carry_worker worker = {
		.pid = 80,
		.slot = 3,
		.channel = { .fd = -1 },
		.leash = { .fd = -1 },
	};
	struct sigchld__carry_named one = { .name = "http",
		.file = { 3, 1, 2 } };
	struct sigchld__carry_asker asker = { .file = { 4, 1, 2 } };
	const struct sigchld__carry want = {
		.pid = 71,
		.workers_v = &worker,
		.n_workers = 1,
		.named_v = &one,
		.n_named = 1,
		.askers_v = &asker,
		.n_askers = 1,
	};

	read_text("m,pid=71;w,pid=80,slot=3;f,name=http,file=3:1:2;"
		  "a,file=4:1:2;");
	ck_assert_uint_eq(refused, 0);
	check_same(&got, &want);
	done();
}
END_TEST

START_TEST(m26_a_newer_text_with_unknown_keys_and_types_keeps_all_we_know)
{
	static const char newer[] = "sigchld-workers/1.999;"
				    "zz,pid=80,file=3:1:2;"
				    "m,cpu=5,pid=71,gen=3,records=8,theme=;"
				    "w,pid=80,slot=0,cgroup=%2fa,reloads=2,"
				    "channel=5:1:2,weight=-1.5e3;"
				    "q;"
				    "x,anything=at all;"
				    "f,name=http,file=3:1:2,backlog=9;"
				    "a,file=4:1:2,awaits=4,deadline=7;"
				    "away,pid=80;";

	ck_assert_int_eq(read_bytes(newer, sizeof(newer) - 1), 0);
	ck_assert_uint_eq(refused, 0);
	ck_assert_int_eq(got.pid, 71);
	ck_assert_uint_eq(got.generation, 3);
	ck_assert_uint_eq(got.n_workers, 1);
	ck_assert_int_eq(got.workers_v[0].pid, 80);
	ck_assert_uint_eq(got.workers_v[0].reloads, 2);
	ck_assert_int_eq(got.workers_v[0].channel.fd, 5);
	ck_assert_uint_eq(got.n_named, 1);
	ck_assert_uint_eq(got.n_askers, 1);
	ck_assert_uint_eq(got.askers_v[0].awaits, 4);
	done();
	ck_assert_int_eq(read_bytes(newer,
			     sizeof(newer) - 1 - strlen("away,pid=80;")),
	    0);
	ck_assert_uint_eq(refused, 1);
	done();
}
END_TEST

/* Records come in any order, the master's too: a newer version may have a
 * reason for another one. */
START_TEST(m26_records_come_in_any_order)
{
	read_text("a,awaits=1,file=4:1:2;c,path=/"
		  "x,file=9:1:2;f,file=3:1:2,name=http;"
		  "w,slot=0,pid=80;m,records=5,pid=71;");
	ck_assert_uint_eq(refused, 0);
	ck_assert_str_eq(got.control.path, "/x");
	ck_assert_int_eq(got.pid, 71);
	ck_assert_uint_eq(got.n_workers + got.n_named + got.n_askers, 3);
	done();
}
END_TEST

/* Many */

static void
make_many(struct sigchld__carry *carry, uint32_t n)
{
	uint32_t i;

	*carry = (struct sigchld__carry){ .pid = 71, .n_workers = n };
	carry->workers_v = calloc(n, sizeof(carry->workers_v[0]));
	ck_assert_ptr_nonnull(carry->workers_v);
	for (i = 0; i < n; i++)
		carry->workers_v[i] = (struct sigchld__carry_worker){
			.slot = i % SIGCHLD__CARRY_SLOTS,
			.generation = 1 + i / SIGCHLD__CARRY_SLOTS,
			.current = i < SIGCHLD__CARRY_SLOTS,
			.ready = true,
			.pid = (pid_t)(2 + (n - i) * 21),
			.started = 123456789 + i,
			.forked_ms = 123456789 + i,
			.channel = { (int)(2 * i + 10), 8, 4000000 + i },
			.leash = { (int)(2 * i + 11), 13, 5000000 + i },
		};
}

static void
check_many(uint32_t n)
{
	struct sigchld__carry carry;

	make_many(&carry, n);
	check_returns(&carry);
	free(carry.workers_v);
}

START_TEST(m15_5000_workers_are_carried)
{
	check_many(5000);
}
END_TEST

START_TEST(m15_20000_workers_are_carried)
{
	check_many(20000);
}
END_TEST

START_TEST(m15_20000_doubles_are_refused)
{
	struct sigchld__carry carry;
	size_t i, n = 20000;

	make_many(&carry, (uint32_t)n);
	for (i = n / 2; i < n; i++)
		carry.workers_v[i].pid = carry.workers_v[i - n / 2].pid;
	write_text(&carry);
	ck_assert_int_eq(read_bytes(text, len), 0);
	ck_assert_uint_eq(refused, n / 2);
	ck_assert_uint_eq(got.n_workers, n / 2);
	for (i = 0; i < n / 2; i++)
		check_worker(&got.workers_v[i], &carry.workers_v[i]);
	free(text);
	free(carry.workers_v);
	done();
}
END_TEST

START_TEST(m15_20000_names_are_carried)
{
	struct sigchld__carry carry = { .pid = 71, .n_named = 20000 };
	size_t i;

	carry.named_v = calloc(carry.n_named, sizeof(carry.named_v[0]));
	ck_assert_ptr_nonnull(carry.named_v);
	for (i = 0; i < carry.n_named; i++) {
		snprintf(carry.named_v[i].name, SIGCHLD__CARRY_NAME,
		    "a long beginning that all have in common %zu",
		    i * 7919 % carry.n_named);
		carry.named_v[i].file.fd = (int)(carry.n_named - i);
	}
	check_returns(&carry);
	free(carry.named_v);
}
END_TEST

/* So often does memory run out until it is enough. */
START_TEST(m15_without_memory_nothing_has_changed)
{
	struct sigchld__carry carry;
	char *none = NULL, *whole;
	size_t i, none_len = 7;
	int rc, n = 0;

	make_many(&carry, 100);
	carry.named_v = named;
	carry.n_named = 1;
	carry.askers_v = askers;
	carry.n_askers = 1;
	carry.control.path[0] = '\0';
	named[0].file.fd = 1000;
	askers[0].file.fd = 1001;
	do {
		allocs_left = n++;
		rc = sigchld__carry_write(&carry, &none, &none_len);
		ck_assert(rc == 0 || (rc == -ENOMEM && none == NULL));
		ck_assert(rc == 0 || none_len == 7);
	} while (rc != 0);
	ck_assert_int_ge(n, 5);
	whole = none;
	for (i = 0, rc = -ENOMEM; rc != 0; i++) {
		got.pid = 4711;
		refused = 4712;
		allocs_left = (int)i;
		rc = read_bytes(whole, none_len);
		ck_assert(rc == 0 || rc == -ENOMEM);
		ck_assert(rc == 0 || (got.pid == 4711 && refused == 4712));
	}
	allocs_left = -1;
	ck_assert_uint_ge(i, 6);
	ck_assert_uint_eq(refused, 0);
	check_same(&got, &carry);
	free(whole);
	free(carry.workers_v);
	done();
}
END_TEST

HARNESS("carry",
    {
	HARNESS_TEST(r25_r26_a_record_has_all_that_is_known_of_a_worker),
	HARNESS_TEST(what_is_zero_or_no_file_is_left_out),
	HARNESS_TEST(r28_no_record_is_written_for_an_empty_list),
	HARNESS_TEST(
	    r28_the_text_is_printable_and_each_mark_in_a_value_is_escaped),
	HARNESS_TEST(
	    r28_a_status_line_that_has_no_nul_is_written_within_its_bounds),
	HARNESS_TEST(
	    r29_what_was_read_stands_without_the_text_which_is_as_it_was),
	HARNESS_TEST(r29_a_key_is_matched_as_a_whole_and_as_it_is_written),
	HARNESS_TEST(r29_a_field_is_a_key_and_a_value),
	HARNESS_TEST(r29_a_key_that_is_there_twice_is_none),
	HARNESS_TEST(r29_r34_what_is_needed_must_be_there),
	HARNESS_TEST(r34_m14_a_pid_that_is_none_is_refused),
	HARNESS_TEST(r34_a_masters_pid_may_be_1_as_in_a_container),
	HARNESS_TEST(m14_a_descriptor_that_is_none_is_refused),
	HARNESS_TEST(m14_a_slot_that_cannot_be_is_refused),
	HARNESS_TEST(m14_a_number_that_is_too_large_or_signed_is_refused),
	HARNESS_TEST(m14_a_time_may_be_below_zero_but_not_out_of_range),
	HARNESS_TEST(m14_a_masters_record_is_taken_whole_or_not_at_all),
	HARNESS_TEST(m14_a_text_with_a_bad_escape_or_a_raw_mark_is_refused),
	HARNESS_TEST(
	    m14_a_name_is_whole_and_not_empty_and_a_status_line_is_cut),
	HARNESS_TEST(m14_a_pid_that_is_there_twice_is_the_first_ones),
	HARNESS_TEST(m14_a_descriptor_that_is_there_twice_is_the_first_ones),
	HARNESS_TEST(m14_a_name_that_is_there_twice_is_the_first_ones),
	HARNESS_TEST(m14_only_one_current_worker_has_a_slot),
	HARNESS_TEST(m14_what_a_refused_double_claims_stays_claimed),
	HARNESS_TEST(m14_a_second_master_is_refused),
	HARNESS_TEST(m14_a_text_that_is_not_ours_or_too_new_changes_nothing),
	HARNESS_TEST(
	    m14_without_a_master_the_others_are_there_and_one_is_refused),
	HARNESS_TEST(m14_garbage_between_records_is_refused_and_they_are_not),
	HARNESS_TEST(m14_a_nul_is_garbage_as_any_other_and_ends_nothing),
	HARNESS_TEST(m14_truncation_anywhere_is_noticed),
	HARNESS_TEST(m14_whole_records_that_are_missing_are_refused),
	HARNESS_TEST(m14_garbage_in_any_byte_leaves_what_came_out_sane),
	HARNESS_TEST(
	    m26_an_older_text_without_the_newer_keys_is_read_with_defaults),
	HARNESS_TEST(
	    m26_a_newer_text_with_unknown_keys_and_types_keeps_all_we_know),
	HARNESS_TEST(m26_records_come_in_any_order),
	HARNESS_TEST(m15_5000_workers_are_carried),
	HARNESS_TEST(m15_20000_workers_are_carried),
	HARNESS_TEST(m15_20000_doubles_are_refused),
	HARNESS_TEST(m15_20000_names_are_carried),
	HARNESS_TEST(m15_without_memory_nothing_has_changed),
    })
