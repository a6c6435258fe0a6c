/* SPDX-License-Identifier: MIT */
/*
 * "hostingpi handover 1 BOOT_MS", then a line for each number, "name value", and "end". A name that is not
 * known is of another version and ignored, one that is missing stays zero, which all of these structures
 * take for "not known yet". So the number in the first line changes only when a name changes its meaning.
 *
 * Each value is brought into the range that the code it is for works with: the page may come from
 * another version, or have been cut off in the middle by a crash.
 */
#include "agent/handover.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "agent/procfs.h"
#include "agent/units.h"

#define HEAD "hostingpi handover 1 "
#define END "end\n"
/* The next increase of the capacity is at most this far away. */
#define DUE_NS (10 * NS_PER_S)
/* As in pressure.c and capacity.c: far from overflow. */
#define BYTES_MOST (INT64_C(1) << 50)
#define MILLI_MOST INT64_C(100000000)
#define CAP_MOST 100000
/* Longer than anything is waited for. */
#define SPAN_MOST_NS (86400 * NS_PER_S)

enum kind {
	KIND_FLAG,
	KIND_STATE,
	KIND_BYTES,  /* or bytes per second; < 0 as well */
	KIND_AMOUNT, /* of bytes, >= 0 */
	KIND_MILLI,
	KIND_CAP,
	KIND_PAST, /* a moment, monotonic */
	KIND_DUE,
	KIND_SPAN,
	KIND_WALL, /* milliseconds of the calendar */
	KIND_TEXT, /* a reason */
};

struct row {
	const char *name;
	enum kind kind;
	size_t offset; /* in struct judge */
};

#define JUDGE(name_, kind_, member)                                                                \
	{                                                                                          \
		name_, kind_, offsetof(struct judge, member)                                       \
	}
#define CONTROL(name, kind, member) JUDGE(name, kind, controller.member)
#define CAPACITY(name, kind, member) JUDGE(name, kind, controller.capacity.member)
#define PRESSURE(name, kind, member) JUDGE(name, kind, pressure.member)
#define SLOPE(name, member)                                                                        \
	PRESSURE(name "_primed", KIND_FLAG, member.primed),                                        \
		PRESSURE(name "_at", KIND_PAST, member.last_ns),                                   \
		PRESSURE(name "_bytes", KIND_BYTES, member.last_bytes),                            \
		PRESSURE(name "_fast", KIND_BYTES, member.fast_bytes_s),                           \
		PRESSURE(name "_slow", KIND_BYTES, member.slow_bytes_s)

/* Counters of the kernel and what forgetting left over are found out anew within a second. */
static const struct row rows[] = {
	CONTROL("state", KIND_STATE, state),
	CONTROL("since", KIND_WALL, since_ms),
	CONTROL("arrived", KIND_PAST, arrived_ns),
	CONTROL("safe_since", KIND_PAST, safe_since_ns),
	CONTROL("hard_reason", KIND_TEXT, hard_reason),
	CONTROL("hold_reason", KIND_TEXT, hold_reason),
	CAPACITY("capacity_at", KIND_PAST, last_ns),
	CAPACITY("given", KIND_MILLI, given_milli),
	CAPACITY("target", KIND_MILLI, target_milli),
	CAPACITY("nominal", KIND_MILLI, nominal_milli),
	CAPACITY("need", KIND_MILLI, need_milli),
	CAPACITY("rise_after", KIND_DUE, rise_after_ns),
	CAPACITY("learned", KIND_FLAG, learned),
	CAPACITY("cap", KIND_CAP, cap),
	CAPACITY("worker", KIND_AMOUNT, worker_bytes),
	JUDGE("total", KIND_AMOUNT, total_bytes),
	PRESSURE("cache_primed", KIND_FLAG, headroom.primed),
	PRESSURE("cache_at", KIND_PAST, headroom.last_ns),
	PRESSURE("cache_hot", KIND_AMOUNT, headroom.hot_bytes),
	PRESSURE("cache_refault", KIND_AMOUNT, headroom.refault_bytes_s),
	PRESSURE("margin_primed", KIND_FLAG, margin.primed),
	PRESSURE("margin_at", KIND_PAST, margin.last_ns),
	PRESSURE("margin", KIND_AMOUNT, margin.bytes),
	PRESSURE("swapped_at", KIND_PAST, margin.swapped_ns),
	PRESSURE("reserve_primed", KIND_FLAG, reserve.primed),
	PRESSURE("reserve_usual", KIND_BYTES, reserve.usual_bytes),
	PRESSURE("reserve_taken", KIND_AMOUNT, reserve.taken_bytes),
	SLOPE("fall", fall),
	SLOPE("consumption", consumption),
	PRESSURE("web_seen", KIND_FLAG, web_seen),
	PRESSURE("measured", KIND_FLAG, measured),
	PRESSURE("held", KIND_AMOUNT, held_bytes),
	PRESSURE("settled", KIND_MILLI, settled_milli),
	PRESSURE("expected", KIND_BYTES, expected_bytes),
	PRESSURE("mean", KIND_AMOUNT, mean_bytes),
	PRESSURE("stock", KIND_BYTES, stock_bytes),
	PRESSURE("sum", KIND_BYTES, sum_bytes),
	PRESSURE("written_off", KIND_AMOUNT, written_off_bytes),
	PRESSURE("level", KIND_BYTES, level_bytes),
	PRESSURE("pressure_at", KIND_PAST, last_ns),
	PRESSURE("unseen", KIND_SPAN, unseen_ns),
	PRESSURE("unmeasured", KIND_SPAN, unmeasured_ns),
	JUDGE("balancers", KIND_CAP, balancers_least),
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static int64_t row_get(const struct row *row, const char *base)
{
	switch (row->kind) {
	case KIND_FLAG:
		return *(const bool *)(base + row->offset);
	case KIND_STATE:
		return *(const enum control_state *)(const void *)(base + row->offset);
	case KIND_BYTES:
	case KIND_AMOUNT:
	case KIND_MILLI:
	case KIND_CAP:
	case KIND_PAST:
	case KIND_DUE:
	case KIND_SPAN:
	case KIND_WALL:
		return *(const int64_t *)(const void *)(base + row->offset);
	case KIND_TEXT:
		break;
	}
	return 0;
}

/* Into the range that is safe now. */
static int64_t tame(enum kind kind, int64_t value, int64_t now_ns)
{
	switch (kind) {
	case KIND_FLAG:
		return value != 0;
	case KIND_STATE:
		return clamp_i64(value, 0, CONTROL_STATES - 1);
	case KIND_BYTES:
		return clamp_i64(value, -BYTES_MOST, BYTES_MOST);
	case KIND_AMOUNT:
		return clamp_i64(value, 0, BYTES_MOST);
	case KIND_MILLI:
		return clamp_i64(value, 0, MILLI_MOST);
	case KIND_CAP:
		return clamp_i64(value, 0, CAP_MOST);
	case KIND_PAST:
		return clamp_i64(value, 0, now_ns);
	case KIND_DUE:
		return clamp_i64(value, 0, now_ns + DUE_NS);
	case KIND_SPAN:
		return clamp_i64(value, 0, SPAN_MOST_NS);
	case KIND_WALL:
		return clamp_i64(value, 0, INT64_C(1) << 53);
	case KIND_TEXT:
		break;
	}
	return 0;
}

static void row_set(const struct row *row, char *base, int64_t value)
{
	char *place = base + row->offset;

	if (row->kind == KIND_FLAG)
		*(bool *)place = value != 0;
	else if (row->kind == KIND_STATE)
		*(enum control_state *)(void *)place = (enum control_state)value;
	else
		*(int64_t *)(void *)place = value;
}

/* A reason, which goes to balancers: printable ASCII without '#'. */
static void row_set_text(const struct row *row, char *base, const char *text, size_t length)
{
	char *place = base + row->offset;

	snprintf(place, DECISION_REASON_SIZE, "%.*s", (int)length, text);
	for (; *place; place++)
		if (*place < ' ' || *place > '~' || *place == '#')
			*place = '?';
}

void handover_format(const struct judge *judge, const struct handover_time *time,
		     char ret_text[HANDOVER_SIZE])
{
	struct judge now = *judge;
	size_t used =
		(size_t)snprintf(ret_text, HANDOVER_SIZE, HEAD "%" PRId64 "\n", time->boot_ms);

	now.balancers_least = judge->decision.balancers;
	for (size_t i = 0; i < ROWS && used < HANDOVER_SIZE; i++) {
		const struct row *row = &rows[i];
		char *end = ret_text + used;
		size_t room = HANDOVER_SIZE - used;

		if (row->kind == KIND_TEXT)
			used += (size_t)snprintf(end, room, "%s %s\n", row->name,
						 (const char *)&now + row->offset);
		else
			used += (size_t)snprintf(end, room, "%s %" PRId64 "\n", row->name,
						 row_get(row, (const char *)&now));
	}
	if (used + sizeof(END) > HANDOVER_SIZE)
		ret_text[0] = '\0';
	else
		memcpy(ret_text + used, END, sizeof(END));
}

/* Takes one line without its end. */
static int take_line(const char *line, size_t length, int64_t now_ns, struct judge *judge)
{
	const char *blank = memchr(line, ' ', length);
	const char *value = blank ? blank + 1 : NULL;
	char number[24];
	int64_t parsed;

	if (!blank)
		return -EINVAL;
	length -= (size_t)(value - line);
	for (size_t i = 0; i < ROWS; i++) {
		const struct row *row = &rows[i];

		if (strlen(row->name) != (size_t)(blank - line) ||
		    memcmp(row->name, line, (size_t)(blank - line)) != 0)
			continue;
		if (row->kind == KIND_TEXT) {
			row_set_text(row, (char *)judge, value, length);
			return 0;
		}
		snprintf(number, sizeof(number), "%.*s", (int)length, value);
		if (length >= sizeof(number) || procfs_integer(number, &parsed) < 0)
			return -EINVAL;
		row_set(row, (char *)judge, tame(row->kind, parsed, now_ns));
		return 0;
	}
	return 0; /* of another version */
}

static int take_head(const char *text, const struct handover_time *time, const char **ret_rest)
{
	int64_t written_ms;

	if (text[0] == '\0')
		return -ENODATA;
	if (strncmp(text, HEAD, strlen(HEAD)) != 0 ||
	    procfs_number(text + strlen(HEAD), &text, &written_ms) < 0 || *text != '\n')
		return -EINVAL;
	if (written_ms > time->boot_ms || time->boot_ms - written_ms > HANDOVER_AGE_MS)
		return -ESTALE;
	*ret_rest = text + 1;
	return 0;
}

int handover_parse(const char *text, const struct handover_time *time, struct judge *judge)
{
	struct judge taken = *judge;
	int r = take_head(text, time, &text);

	while (r == 0 && strcmp(text, END) != 0) {
		const char *end = strchr(text, '\n');

		if (!end)
			return -EINVAL;
		r = take_line(text, (size_t)(end - text), time->now_ns, &taken);
		text = end + 1;
	}
	if (r < 0)
		return r;
	taken.controller.capacity.started = true;
	judge_keep_balancers(&taken, taken.balancers_least, time->now_ns);
	*judge = taken;
	return 0;
}
