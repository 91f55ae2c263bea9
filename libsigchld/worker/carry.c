/*
 * carry.c - what one program hands to the next in its place, as a text
 *
 * A master that reloads is one program after the other in the same process.
 * What the next one must know goes through the environment, or through a file
 * where that is too small; so it is a text, which people can read and may have
 * changed.
 *
 *	sigchld-workers/1.0;		the version: major and minor
 *	m,pid=71,gen=3,records=4;	the master's own; all records, with this
 *	w,pid=80,slot=0,current=1;	a worker
 *	f,name=http,file=3:8:4711;	a descriptor that is kept by its name
 *	c,file=8:8:4713,path=/run/x;	the control socket
 *	a,file=9:8:4712,awaits=4;	somebody who is connected to it
 *
 * A record is a type, fields, and its end mark. A field is a key and a value.
 * The tables below have all keys. A file is descriptor:device:inode. Numbers
 * are decimal, the mask is hexadecimal; neither begins with a 0 that could be
 * left out. In a text, %xx is a byte that must not occur as it is: all but
 * printable ASCII, the marks ,;=: and % itself.
 *
 *	who writes			who reads
 *	a key that is zero, or no file,	has the same for each key that is
 *	    is left out			    missing, unless it is needed
 *	an empty list is nothing
 *	m first, with how many records	notices that whole records are missing
 *	each record has its end mark	notices that a part of one is missing
 *	newer, of the same major: more	skips the types and the keys that it
 *	    keys, more types		    does not know, and refuses nothing
 *	of another major		-EPROTO: what it means is not known
 *
 * So a minor version may add types and keys that one can do without, and may
 * never change what one means. Whatever reads this must be able to do without
 * each key that is not needed: an older text may have none of them.
 *
 * V1	Each byte that is read lies within len, and nothing ends at a NUL.
 * V2	A record is taken whole or not at all. One with a key that is known but
 *	has no good value, or is there twice, is refused: half a worker is none.
 * V3	What came out has no pid below 2 (a master's may be 1: in a container it
 *	is), no descriptor below 0, no slot that there cannot be, no name that
 *	is empty or had to be cut. A status line is only for show, and is cut.
 * V4	No pid, no descriptor, no name and no slot of current workers is there
 *	twice, in whatever records. The first has it. What a record claims stays
 *	claimed even if the record itself is refused for being a double: who
 *	forges one claim may forge another.
 * V5	Doubles are found by sorting, in place and without recursion: n log n
 *	whatever the text is, where a hash could be met with a text made for it.
 * V6	Memory is in proportion to the text, and is given back if not all of it
 *	could be had.
 * V7	What was read can be written, and reads the same, with none refused but
 *	a master that there was none of. Each text that was written and then cut
 *	short somewhere has at least one record refused, or is -EPROTO.
 *
 * A1	A pid_t and an int have 32 bits, as everywhere where there is a SIGCHLD.
 * A2	Whether a pid is our child and a descriptor that file only the kernel
 *	can say. It is asked by who uses this; nothing here is a system call.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/sys.h"
#include "worker/carry.h"

#define HEAD  "sigchld-workers/"
#define MAJOR 1
#define MINOR 0

_Static_assert(sizeof(pid_t) == sizeof(int32_t), "A1: a pid_t");
_Static_assert(INT_MAX == INT32_MAX, "A1: an int");

/* Records, as tables */

enum kind {
	FLAG, /* bool */
	U32,
	U64,
	I64,
	PID,   /* pid_t */
	MASK,  /* uint64_t */
	PLACE, /* struct sigchld__carry_file; if it is needed, it is one */
	TEXT,  /* char[most]; if it is needed, it is whole and not empty */
};

struct key {
	const char *name;
	enum kind kind;
	bool needed;
	size_t at; /* in the record's struct */
	uint64_t least, most;
};

/* What a type has, and how large is what becomes of it. */
struct type {
	char name;
	const struct key *keys;
	size_t n_keys, size;
};

struct master {
	struct sigchld__carry carry;
	uint64_t records; /* of the whole text; 0: not said */
};

#define AT(member) offsetof(struct RECORD, member)

#define RECORD master
static const struct key master_keys[] = {
	{ "pid", PID, true, AT(carry.pid), 1, INT32_MAX },
	{ "gen", U32, false, AT(carry.generation), 0, UINT32_MAX },
	{ "records", U64, false, AT(records), 0, UINT64_MAX },
	{ "workers", U32, false, AT(carry.workers), 0, UINT32_MAX },
	{ "reloads", U64, false, AT(carry.reloads), 0, UINT64_MAX },
	{ "failed", U64, false, AT(carry.failed), 0, UINT64_MAX },
	{ "forks", U64, false, AT(carry.forks), 0, UINT64_MAX },
	{ "ends", U64, false, AT(carry.ends), 0, UINT64_MAX },
	{ "began", I64, false, AT(carry.began_ms), 0, 0 },
	{ "reloaded", I64, false, AT(carry.last_reload), 0, 0 },
	{ "failure", I64, false, AT(carry.last_failure), 0, 0 },
	{ "mask", MASK, false, AT(carry.mask), 0, 0 },
	{ "result", U32, false, AT(carry.result), 0, 255 },
	{ "flags", U32, false, AT(carry.flags), 0, UINT32_MAX },
	{ "finish", U32, false, AT(carry.finish_signal), 0, 64 },
	{ "stop", U32, false, AT(carry.stop_signal), 0, 64 },
	{ "reloading", FLAG, false, AT(carry.reloading), 0, 1 },
	{ "pidfile", TEXT, false, AT(carry.pid_file), 0, SIGCHLD__CARRY_FILE },
};
#undef RECORD

#define RECORD sigchld__carry_worker
static const struct key worker_keys[] = {
	{ "pid", PID, true, AT(pid), 2, INT32_MAX },
	{ "slot", U32, true, AT(slot), 0, SIGCHLD__CARRY_SLOTS - 1 },
	{ "gen", U32, false, AT(generation), 0, UINT32_MAX },
	{ "reloads", U32, false, AT(reloads), 0, UINT32_MAX },
	{ "current", FLAG, false, AT(current), 0, 1 },
	{ "ready", FLAG, false, AT(ready), 0, 1 },
	{ "stopping", FLAG, false, AT(stopping), 0, 1 },
	{ "execs", FLAG, false, AT(execs), 0, 1 },
	{ "dismissed", FLAG, false, AT(dismissed), 0, 1 },
	{ "finish", U32, false, AT(finish_signal), 0, 64 },
	{ "stop", U32, false, AT(stop_signal), 0, 64 },
	{ "step", U32, false, AT(step), 0, 3 },
	{ "leave", I64, false, AT(leave_ms), 0, 0 },
	{ "started", U64, false, AT(started), 0, UINT64_MAX },
	{ "forked", I64, false, AT(forked_ms), 0, 0 },
	{ "channel", PLACE, false, AT(channel), 0, 0 },
	{ "leash", PLACE, false, AT(leash), 0, 0 },
	{ "said", TEXT, false, AT(said), 0, SIGCHLD__CARRY_SAID },
};
#undef RECORD

#define RECORD sigchld__carry_named
static const struct key named_keys[] = {
	{ "name", TEXT, true, AT(name), 0, SIGCHLD__CARRY_NAME },
	{ "file", PLACE, true, AT(file), 0, 0 },
};
#undef RECORD

#define RECORD sigchld__carry_control
static const struct key control_keys[] = {
	{ "file", PLACE, true, AT(file), 0, 0 },
	{ "path", TEXT, true, AT(path), 0, SIGCHLD__CARRY_PATH },
	{ "dev", U64, false, AT(dev), 0, UINT64_MAX },
	{ "ino", U64, false, AT(ino), 0, UINT64_MAX },
};
#undef RECORD

#define RECORD sigchld__carry_asker
static const struct key asker_keys[] = {
	{ "file", PLACE, true, AT(file), 0, 0 },
	{ "awaits", U32, false, AT(awaits), 0, 4 },
	{ "json", FLAG, false, AT(json), 0, 1 },
	{ "in", TEXT, false, AT(in), 0, SIGCHLD__CARRY_LINE },
};
#undef RECORD

#define N(array) (sizeof(array) / sizeof((array)[0]))

_Static_assert(N(master_keys) <= 32, "a bit of `seen' for each");

static const struct type master_type = { 'm', master_keys, N(master_keys),
	sizeof(struct master) };
static const struct type worker_type = { 'w', worker_keys, N(worker_keys),
	sizeof(struct sigchld__carry_worker) };
static const struct type named_type = { 'f', named_keys, N(named_keys),
	sizeof(struct sigchld__carry_named) };
static const struct type control_type = { 'c', control_keys, N(control_keys),
	sizeof(struct sigchld__carry_control) };
static const struct type asker_type = { 'a', asker_keys, N(asker_keys),
	sizeof(struct sigchld__carry_asker) };

/* May this byte be in a text as it is? */
static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c <= 0x7e && strchr("%,;=:", c) == NULL;
}

/* Memory that grows; what is not used of it is zero. */
struct list {
	void *v;
	size_t n, room;
};

/* Room for n more things of this size. */
static bool
make_room(struct list *list, size_t n, size_t size)
{
	size_t room = list->room == 0 ? 64 : list->room;
	void *v;

	if (list->room - list->n >= n)
		return true;
	while (room - list->n < n) {
		if (room > SIZE_MAX / 2)
			return false;
		room *= 2;
	}
	v = sigchld__sys_alloc(room, size);
	if (v == NULL)
		return false;
	if (list->n > 0)
		memcpy(v, list->v, list->n * size);
	free(list->v);
	list->v = v;
	list->room = room;
	return true;
}

/* Writing. Once memory was refused, nothing more is written. */

struct out {
	struct list text;
	bool failed;
};

static void
put(struct out *out, const char *bytes, size_t len)
{
	if (!out->failed && !make_room(&out->text, len, 1))
		out->failed = true;
	if (out->failed)
		return;
	memcpy((char *)out->text.v + out->text.n, bytes, len);
	out->text.n += len;
}

static void
put_string(struct out *out, const char *string)
{
	put(out, string, strlen(string));
}

static void
put_number(struct out *out, uint64_t value, unsigned int base)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value > 0);
	put(out, digits + at, sizeof(digits) - at);
}

static void
put_signed(struct out *out, int64_t value)
{
	if (value < 0)
		put_string(out, "-");
	put_number(out, value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
}

static void
put_place(struct out *out, const struct sigchld__carry_file *file)
{
	put_signed(out, file->fd);
	put_string(out, ":");
	put_number(out, file->dev, 10);
	put_string(out, ":");
	put_number(out, file->ino, 10);
}

static void
put_text(struct out *out, const char *text, size_t most)
{
	size_t i;

	for (i = 0; i < most && text[i] != '\0'; i++) {
		unsigned char c = (unsigned char)text[i];

		if (is_plain(c)) {
			put(out, text + i, 1);
			continue;
		}
		put_string(out, c < 0x10 ? "%0" : "%");
		put_number(out, c, 16);
	}
}

/* Is it what a reader takes it for when it is left out? */
static bool
is_default(const struct key *key, const void *at)
{
	switch (key->kind) {
	case FLAG:
		return !*(const bool *)at;
	case U32:
		return *(const uint32_t *)at == 0;
	case I64:
		return *(const int64_t *)at == 0;
	case U64:
	case MASK:
		return *(const uint64_t *)at == 0;
	case PLACE:
		return ((const struct sigchld__carry_file *)at)->fd < 0;
	case TEXT:
		return *(const char *)at == '\0';
	case PID:
		break;
	}
	return false;
}

static void
put_value(struct out *out, const struct key *key, const void *at)
{
	switch (key->kind) {
	case FLAG:
		put_number(out, *(const bool *)at, 10);
		break;
	case U32:
		put_number(out, *(const uint32_t *)at, 10);
		break;
	case U64:
		put_number(out, *(const uint64_t *)at, 10);
		break;
	case I64:
		put_signed(out, *(const int64_t *)at);
		break;
	case PID:
		put_signed(out, *(const pid_t *)at);
		break;
	case MASK:
		put_number(out, *(const uint64_t *)at, 16);
		break;
	case PLACE:
		put_place(out, at);
		break;
	case TEXT:
		put_text(out, at, (size_t)key->most - 1);
		break;
	}
}

static void
put_record(struct out *out, const struct type *type, const void *record)
{
	const struct key *key;

	put(out, &type->name, 1);
	for (key = type->keys; key < type->keys + type->n_keys; key++) {
		const char *at = (const char *)record + key->at;

		if (!key->needed && is_default(key, at))
			continue;
		put_string(out, ",");
		put_string(out, key->name);
		put_string(out, "=");
		put_value(out, key, at);
	}
	put_string(out, ";");
}

static void
put_records(struct out *out, const struct type *type, const void *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		put_record(out, type, (const char *)v + i * type->size);
}

static void
put_head(struct out *out)
{
	put_string(out, HEAD);
	put_number(out, MAJOR, 10);
	put_string(out, ".");
	put_number(out, MINOR, 10);
	put_string(out, ";");
}

int
sigchld__carry_write(const struct sigchld__carry *carry, char **ret_text,
    size_t *ret_len)
{
	const struct master master = {
		.carry = *carry,
		.records = (uint64_t)1 + carry->n_workers + carry->n_named +
		    (carry->control.path[0] != '\0') + carry->n_askers,
	};
	struct out out = { .failed = false };

	put_head(&out);
	put_record(&out, &master_type, &master);
	put_records(&out, &worker_type, carry->workers_v, carry->n_workers);
	put_records(&out, &named_type, carry->named_v, carry->n_named);
	put_records(&out, &control_type, &carry->control,
	    carry->control.path[0] != '\0');
	put_records(&out, &asker_type, carry->askers_v, carry->n_askers);
	put(&out, "", 1);
	if (out.failed) {
		free(out.text.v);
		return -ENOMEM;
	}
	*ret_text = out.text.v;
	*ret_len = out.text.n - 1;
	return 0;
}

/* Reading: values */

struct span {
	const char *at;
	size_t len;
};

/* Take what lies before the first such mark, and the mark. */
static bool
cut(struct span *rest, char mark, struct span *ret_part)
{
	const char *end = NULL;
	size_t len;

	if (rest->len > 0)
		end = memchr(rest->at, mark, rest->len);
	if (end == NULL)
		return false;
	len = (size_t)(end - rest->at);
	*ret_part = (struct span){ rest->at, len };
	rest->at += len + 1;
	rest->len -= len + 1;
	return true;
}

static bool
is_span(struct span span, const char *string)
{
	return span.len == strlen(string) &&
	    memcmp(span.at, string, span.len) == 0;
}

/* Less than base, or it is none. */
static unsigned int
digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	return UINT_MAX;
}

static bool
read_number(struct span text, unsigned int base, uint64_t *ret_value)
{
	uint64_t value = 0;
	size_t i;

	if (text.len == 0 || (text.len > 1 && text.at[0] == '0'))
		return false;
	for (i = 0; i < text.len; i++) {
		unsigned int digit = digit_of(text.at[i]);

		if (digit >= base || value > (UINT64_MAX - digit) / base)
			return false;
		value = value * base + digit;
	}
	*ret_value = value;
	return true;
}

static bool
read_between(struct span text, uint64_t least, uint64_t most,
    uint64_t *ret_value)
{
	uint64_t value;

	if (!read_number(text, 10, &value) || value < least || value > most)
		return false;
	*ret_value = value;
	return true;
}

static bool
read_signed(struct span text, int64_t *ret_value)
{
	bool negative = text.len > 0 && text.at[0] == '-';
	uint64_t value, least = negative;

	if (negative) {
		text.at++;
		text.len--;
	}
	if (!read_between(text, least, (uint64_t)INT64_MAX + least, &value))
		return false;
	*ret_value = negative ? -(int64_t)(value - 1) - 1 : (int64_t)value;
	return true;
}

static bool
read_place(struct span text, bool needed, struct sigchld__carry_file *ret_file)
{
	uint64_t fd, dev, ino;
	struct span part;

	if (!needed && is_span(text, "-1")) {
		*ret_file = (struct sigchld__carry_file){ .fd = -1 };
		return true;
	}
	if (!cut(&text, ':', &part) || !read_between(part, 0, INT_MAX, &fd))
		return false;
	if (!cut(&text, ':', &part) || !read_number(part, 10, &dev))
		return false;
	if (!read_number(text, 10, &ino))
		return false;
	*ret_file = (struct sigchld__carry_file){ (int)fd, dev, ino };
	return true;
}

/* One byte of a text, which is one character here or three; not NUL. */
static bool
read_byte(struct span *rest, char *ret_byte)
{
	unsigned int high, low, byte = (unsigned char)rest->at[0];
	size_t used = 1;

	if (byte == '%') {
		if (rest->len < 3)
			return false;
		high = digit_of(rest->at[1]);
		low = digit_of(rest->at[2]);
		if (high > 15 || low > 15)
			return false;
		byte = high << 4 | low;
		used = 3;
	} else if (!is_plain((unsigned char)byte)) {
		return false;
	}
	rest->at += used;
	rest->len -= used;
	*ret_byte = (char)byte;
	return byte != 0;
}

static bool
read_text(struct span text, const struct key *key, char *ret_text)
{
	size_t n = 0, most = (size_t)key->most - 1;
	char byte;

	while (text.len > 0) {
		if (!read_byte(&text, &byte) || (key->needed && n == most))
			return false;
		if (n < most)
			ret_text[n++] = byte;
	}
	ret_text[n] = '\0';
	return n > 0 || !key->needed;
}

static bool
read_value(struct span text, const struct key *key, void *at)
{
	uint64_t value;

	switch (key->kind) {
	case I64:
		return read_signed(text, at);
	case PLACE:
		return read_place(text, key->needed, at);
	case TEXT:
		return read_text(text, key, at);
	case MASK:
		return read_number(text, 16, at);
	case U64:
		return read_between(text, key->least, key->most, at);
	case FLAG:
	case U32:
	case PID:
		break;
	}
	if (!read_between(text, key->least, key->most, &value))
		return false;
	if (key->kind == FLAG)
		*(bool *)at = value != 0;
	else if (key->kind == U32)
		*(uint32_t *)at = (uint32_t)value;
	else
		*(pid_t *)at = (pid_t)value;
	return true;
}

/* Reading: records */

static bool
read_field(struct span field, const struct type *type, unsigned int *seen,
    void *record)
{
	struct span key;
	size_t i;

	if (!cut(&field, '=', &key) || key.len == 0)
		return false;
	for (i = 0; i < type->n_keys; i++)
		if (is_span(key, type->keys[i].name))
			break;
	if (i == type->n_keys)
		return true;
	if ((*seen & 1u << i) != 0)
		return false;
	*seen |= 1u << i;
	return read_value(field, &type->keys[i],
	    (char *)record + type->keys[i].at);
}

static bool
has_needed(const struct type *type, unsigned int seen)
{
	size_t i;

	for (i = 0; i < type->n_keys; i++)
		if (type->keys[i].needed && (seen & 1u << i) == 0)
			return false;
	return true;
}

/* The record has the defaults already. */
static bool
read_fields(struct span fields, const struct type *type, void *record)
{
	bool is_more = fields.len > 0;
	unsigned int seen = 0;
	struct span field;

	while (is_more) {
		is_more = cut(&fields, ',', &field);
		if (!read_field(is_more ? field : fields, type, &seen, record))
			return false;
	}
	return has_needed(type, seen);
}

/* Something that one alone can have. */
enum thing {
	THING_PID,
	THING_FD,
	THING_SLOT,
	THING_NAME, /* the value is where it is in the list */
};

struct claim {
	enum thing thing;
	uint32_t value;
	char type;
	size_t index;   /* in the list of its type */
	uint64_t order; /* of the record in the text */
};

struct reader {
	struct master master;
	struct list workers, named, askers, claims;
	struct sigchld__carry_control control;
	uint64_t n_seen, refused;
	bool has_master;
	bool failed; /* for want of memory */
};

static void
claim(struct reader *reader, enum thing thing, int64_t value, char type,
    size_t index)
{
	struct claim *claims;

	if (!make_room(&reader->claims, 1, sizeof(*claims))) {
		reader->failed = true;
		return;
	}
	claims = reader->claims.v;
	claims[reader->claims.n++] = (struct claim){ thing, (uint32_t)value,
		type, index, reader->n_seen };
}

/* Add it to the list. Gives where it is. */
static size_t
keep(struct reader *reader, struct list *list, const void *record, size_t size)
{
	if (!make_room(list, 1, size)) {
		reader->failed = true;
		return 0;
	}
	memcpy((char *)list->v + list->n * size, record, size);
	return list->n++;
}

/* Only one, the first that is good. Bad ones are refused, but were there. */
static bool
read_master(struct reader *reader, struct span fields)
{
	struct master master = { .records = 0 };
	bool first = !reader->has_master;

	reader->has_master = true;
	if (!read_fields(fields, &master_type, &master))
		return false;
	if (!first && reader->master.carry.pid != 0)
		return false;
	reader->master = master;
	claim(reader, THING_PID, master.carry.pid, 'm', 0);
	return true;
}

static bool
read_worker(struct reader *reader, struct span fields)
{
	struct sigchld__carry_worker worker = {
		.channel = { .fd = -1 },
		.leash = { .fd = -1 },
	};
	size_t i;

	if (!read_fields(fields, &worker_type, &worker))
		return false;
	i = keep(reader, &reader->workers, &worker, sizeof(worker));
	claim(reader, THING_PID, worker.pid, 'w', i);
	if (worker.current)
		claim(reader, THING_SLOT, worker.slot, 'w', i);
	if (worker.channel.fd >= 0)
		claim(reader, THING_FD, worker.channel.fd, 'w', i);
	if (worker.leash.fd >= 0)
		claim(reader, THING_FD, worker.leash.fd, 'w', i);
	return true;
}

static bool
read_named(struct reader *reader, struct span fields)
{
	struct sigchld__carry_named named = { .name = "" };
	size_t i;

	if (!read_fields(fields, &named_type, &named))
		return false;
	i = keep(reader, &reader->named, &named, sizeof(named));
	claim(reader, THING_NAME, 0, 'f', i);
	claim(reader, THING_FD, named.file.fd, 'f', i);
	return true;
}

/* Only one, the first. */
static bool
read_control(struct reader *reader, struct span fields)
{
	struct sigchld__carry_control control = { .path = "" };

	if (!read_fields(fields, &control_type, &control) ||
	    reader->control.path[0] != '\0')
		return false;
	reader->control = control;
	claim(reader, THING_FD, control.file.fd, 'c', 0);
	return true;
}

static bool
read_asker(struct reader *reader, struct span fields)
{
	struct sigchld__carry_asker asker = { .awaits = 0 };
	size_t i;

	if (!read_fields(fields, &asker_type, &asker))
		return false;
	i = keep(reader, &reader->askers, &asker, sizeof(asker));
	claim(reader, THING_FD, asker.file.fd, 'a', i);
	return true;
}

/* A type that we may not know, of a newer version: small letters. */
static bool
is_type(struct span type)
{
	size_t i;

	for (i = 0; i < type.len; i++)
		if (type.at[i] < 'a' || type.at[i] > 'z')
			return false;
	return type.len > 0;
}

static bool
is_printable(struct span record)
{
	size_t i;

	for (i = 0; i < record.len; i++)
		if (record.at[i] < 0x20 || record.at[i] > 0x7e)
			return false;
	return true;
}

/* false: it is refused. */
static bool
read_record(struct reader *reader, struct span record)
{
	struct span type;

	if (!cut(&record, ',', &type)) {
		type = record;
		record.len = 0;
	}
	if (!is_type(type) || !is_printable(record))
		return false;
	if (type.len > 1)
		return true;
	switch (type.at[0]) {
	case 'm':
		return read_master(reader, record);
	case 'w':
		return read_worker(reader, record);
	case 'f':
		return read_named(reader, record);
	case 'c':
		return read_control(reader, record);
	case 'a':
		return read_asker(reader, record);
	default:
		return true;
	}
}

static void
read_records(struct reader *reader, struct span rest)
{
	struct span record;

	while (rest.len > 0 && !reader->failed) {
		bool is_whole = cut(&rest, ';', &record);

		reader->n_seen++;
		if (!is_whole)
			rest.len = 0;
		if (!is_whole || !read_record(reader, record))
			reader->refused++;
	}
}

/* Doubles */

static const struct sigchld__carry_named *
named_of(const struct reader *reader, const struct claim *claim)
{
	return (const struct sigchld__carry_named *)reader->named.v +
	    claim->index;
}

static int
compare(const struct reader *reader, const struct claim *a,
    const struct claim *b)
{
	if (a->thing != b->thing)
		return a->thing < b->thing ? -1 : 1;
	if (a->value != b->value)
		return a->value < b->value ? -1 : 1;
	if (a->thing != THING_NAME)
		return 0;
	return strcmp(named_of(reader, a)->name, named_of(reader, b)->name);
}

static bool
is_before(const struct reader *reader, const struct claim *a,
    const struct claim *b)
{
	int order = compare(reader, a, b);

	return order != 0 ? order < 0 : a->order < b->order;
}

static void
swap(struct claim *a, struct claim *b)
{
	struct claim was = *a;

	*a = *b;
	*b = was;
}

/* Below `top' all is a heap of n, the last of all first, but for `top'. */
static void
sift(const struct reader *reader, struct claim *v, size_t top, size_t n)
{
	size_t child;

	while ((child = 2 * top + 1) < n) {
		if (child + 1 < n &&
		    is_before(reader, &v[child], &v[child + 1]))
			child++;
		if (!is_before(reader, &v[top], &v[child]))
			return;
		swap(&v[top], &v[child]);
		top = child;
	}
}

/* By what is claimed, and then as the text has them. */
static void
sort_claims(struct reader *reader)
{
	struct claim *v = reader->claims.v;
	size_t i, n = reader->claims.n;

	for (i = n / 2; i > 0; i--)
		sift(reader, v, i - 1, n);
	for (i = n; i > 1; i--) {
		swap(&v[0], &v[i - 1]);
		sift(reader, v, 0, i - 1);
	}
}

/* Mark the record. Names stay, since they are compared yet. */
static void
refuse(struct reader *reader, const struct claim *claim)
{
	switch (claim->type) {
	case 'm':
		reader->master.carry.pid = 0;
		break;
	case 'w':
		((struct sigchld__carry_worker *)
			reader->workers.v)[claim->index]
		    .pid = 0;
		break;
	case 'f':
		((struct sigchld__carry_named *)reader->named.v)[claim->index]
		    .file.fd = -1;
		break;
	case 'c':
		reader->control = (struct sigchld__carry_control){ .dev = 0 };
		reader->refused++;
		break;
	case 'a':
		((struct sigchld__carry_asker *)reader->askers.v)[claim->index]
		    .file.fd = -1;
		break;
	}
}

static bool
is_refused_worker(const void *worker)
{
	return ((const struct sigchld__carry_worker *)worker)->pid == 0;
}

static bool
is_refused_named(const void *named)
{
	return ((const struct sigchld__carry_named *)named)->file.fd < 0;
}

static bool
is_refused_asker(const void *asker)
{
	return ((const struct sigchld__carry_asker *)asker)->file.fd < 0;
}

static void
remove_refused(struct reader *reader, struct list *list, size_t size,
    bool (*is_refused)(const void *))
{
	char *v = list->v;
	size_t i, n = 0;

	for (i = 0; i < list->n; i++) {
		if (is_refused(v + i * size))
			continue;
		if (n < i)
			memcpy(v + n * size, v + i * size, size);
		n++;
	}
	reader->refused += list->n - n;
	list->n = n;
}

static void
refuse_doubles(struct reader *reader)
{
	const struct claim *v = reader->claims.v;
	bool had_master = reader->master.carry.pid != 0;
	size_t i;

	sort_claims(reader);
	for (i = 1; i < reader->claims.n; i++)
		if (compare(reader, &v[i - 1], &v[i]) == 0)
			refuse(reader, &v[i]);
	remove_refused(reader, &reader->workers, worker_type.size,
	    is_refused_worker);
	remove_refused(reader, &reader->named, named_type.size,
	    is_refused_named);
	remove_refused(reader, &reader->askers, asker_type.size,
	    is_refused_asker);
	if (had_master && reader->master.carry.pid == 0)
		reader->refused++;
}

/* The whole */

/* Records that were written, and are not there. */
static uint64_t
missing(const struct reader *reader)
{
	if (!reader->has_master)
		return 1;
	if (reader->master.records <= reader->n_seen)
		return 0;
	return reader->master.records - reader->n_seen;
}

static bool
read_head(struct span *rest)
{
	const size_t len = strlen(HEAD);
	struct span head, part;
	uint64_t major, minor;

	if (!cut(rest, ';', &head) || head.len < len ||
	    memcmp(head.at, HEAD, len) != 0)
		return false;
	head = (struct span){ head.at + len, head.len - len };
	if (!cut(&head, '.', &part) || !read_number(part, 10, &major))
		return false;
	return read_number(head, 10, &minor) && major == MAJOR;
}

static void
free_lists(struct reader *reader)
{
	free(reader->workers.v);
	free(reader->named.v);
	free(reader->askers.v);
}

/* Nothing is taken of a master that was refused. */
static void
give(const struct reader *reader, struct sigchld__carry *ret_carry)
{
	struct sigchld__carry carry = { .pid = 0 };

	if (reader->master.carry.pid != 0)
		carry = reader->master.carry;
	carry.workers_v = reader->workers.v;
	carry.n_workers = reader->workers.n;
	carry.named_v = reader->named.v;
	carry.n_named = reader->named.n;
	carry.control = reader->control;
	carry.askers_v = reader->askers.v;
	carry.n_askers = reader->askers.n;
	*ret_carry = carry;
}

int
sigchld__carry_read(const char *text, size_t len,
    struct sigchld__carry *ret_carry, size_t *ret_refused)
{
	struct reader reader = { .failed = false };
	struct span rest = { text, len };
	uint64_t n_missing;

	if (!read_head(&rest))
		return -EPROTO;
	read_records(&reader, rest);
	if (reader.failed) {
		free(reader.claims.v);
		free_lists(&reader);
		return -ENOMEM;
	}
	refuse_doubles(&reader);
	free(reader.claims.v);
	give(&reader, ret_carry);
	/* The sum goes into 64 bits, but a size_t may have 32. */
	n_missing = missing(&reader);
	if (n_missing > SIZE_MAX - reader.refused)
		n_missing = SIZE_MAX - reader.refused;
	*ret_refused = (size_t)(reader.refused + n_missing);
	return 0;
}

void
sigchld__carry_clear(struct sigchld__carry *carry)
{
	free(carry->workers_v);
	free(carry->named_v);
	free(carry->askers_v);
	*carry = (struct sigchld__carry){ .pid = 0 };
}
