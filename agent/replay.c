/* SPDX-License-Identifier: MIT */
/*
 * A recorded machine goes through the same state, judge and controller as a live one. The columns
 * are named after /proc/meminfo (kB) and /proc/vmstat (events, pages of 4 KiB in the recordings);
 * a column that is not there is unknown, never zero.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/log.h"
#include "agent/once.h"
#include "agent/procfs.h"

#define PAGE_BYTES 4096
#define COLUMNS_MAX 64

enum {
	REPLAY_SWAP_KIND, /* derived from SwapTotal or SwapFree */
	REPLAY_FIRST_COLUMN,
};

struct column {
	struct metric metric;
	const char *name; /* in the header row */
	int64_t scale;
};

#define GAUGE(text, what)                                                                          \
	{                                                                                          \
		{.group = "", .role = (what)}, (text), 1024                                        \
	}
#define COUNTER(text, what, factor)                                                                \
	{                                                                                          \
		{.group = "", .kind = METRIC_COUNTER, .role = (what)}, (text), (factor)            \
	}

static const struct column columns[] = {
	GAUGE("", ROLE_SWAP_KIND),
	GAUGE("MemTotal", ROLE_MEM_TOTAL),
	GAUGE("MemFree", ROLE_MEM_FREE),
	GAUGE("MemAvailable", ROLE_MEM_AVAILABLE),
	GAUGE("Active(file)", ROLE_FILE_ACTIVE),
	GAUGE("Inactive(file)", ROLE_FILE_INACTIVE),
	GAUGE("Dirty", ROLE_FILE_DIRTY),
	GAUGE("Writeback", ROLE_FILE_WRITEBACK),
	GAUGE("SReclaimable", ROLE_SLAB_RECLAIMABLE),
	COUNTER("workingset_refault_file", ROLE_FILE_REFAULT, PAGE_BYTES),
	COUNTER("pswpout", ROLE_SWAP_DISK_OUT, PAGE_BYTES),
	COUNTER("psi_mem_some_us", ROLE_PSI_SOME, 1),
	COUNTER("psi_mem_full_us", ROLE_PSI_FULL, 1),
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

struct replay {
	const struct settings *settings;
	struct metric metrics[COLUMNS];
	struct state *state;
	struct state_source source;
	struct judge judge;
	const char *path;
	unsigned line;
	size_t fields;		    /* in the header row */
	int time_field;		    /* which one is t */
	int swap_field;		    /* SwapTotal or SwapFree; -1: neither */
	int column_of[COLUMNS_MAX]; /* -1: not of interest */
};

static int fail(const struct replay *replay, const char *what)
{
	log_error("%s:%u: %s", replay->path, replay->line, what);
	return 1;
}

static int read_header(struct replay *replay, char *text)
{
	replay->time_field = replay->swap_field = -1;
	for (char *name; (name = strsep(&text, ","));) {
		if (replay->fields == COLUMNS_MAX)
			return fail(replay, "more than 64 columns");
		int field = (int)replay->fields++;
		replay->column_of[field] = -1;
		for (size_t i = REPLAY_FIRST_COLUMN; i < COLUMNS; i++)
			if (strcmp(columns[i].name, name) == 0)
				replay->column_of[field] = (int)i;
		if (strcmp(name, "t") == 0)
			replay->time_field = field;
		if (strcmp(name, "SwapTotal") == 0 ||
		    (strcmp(name, "SwapFree") == 0 && replay->swap_field < 0))
			replay->swap_field = field;
	}
	if (replay->time_field < 0)
		return fail(replay, "no column named t in the header row");
	return 0;
}

/* "12.345" seconds as nanoseconds. */
static int parse_seconds(const char *text, int64_t *ret_ns)
{
	int64_t whole, part = 0, unit = NS_PER_S;
	const char *at;
	if (procfs_number(text, &at, &whole) < 0 || whole > INT64_MAX / NS_PER_S / 2)
		return -EINVAL;
	if (*at == '.')
		for (at++; *at >= '0' && *at <= '9'; at++) {
			unit /= 10;
			part += (*at - '0') * unit;
		}
	if (*at)
		return -EINVAL;
	*ret_ns = whole * NS_PER_S + part;
	return 0;
}

static int read_row(struct replay *replay, char *text, struct batch *batch, int64_t *ret_t_ns)
{
	size_t field = 0;
	for (char *cell; (cell = strsep(&text, ",")) && field < replay->fields; field++) {
		int64_t value;
		if ((int)field == replay->time_field) {
			if (parse_seconds(cell, ret_t_ns) < 0)
				return fail(replay, "t is not a number of seconds");
			continue;
		}
		if (replay->column_of[field] < 0 && (int)field != replay->swap_field)
			continue;
		if (procfs_integer(cell, &value) < 0 || value < 0 || value > INT64_MAX / PAGE_BYTES)
			return fail(replay, "a value is not a whole number");
		if ((int)field == replay->swap_field)
			batch_value(batch, REPLAY_SWAP_KIND, value > 0 ? SWAP_DISK : SWAP_NONE);
		if (replay->column_of[field] >= 0)
			batch_value(batch, (unsigned)replay->column_of[field],
				    value * columns[replay->column_of[field]].scale);
	}
	if (field < replay->fields)
		return fail(replay, "fewer cells than the header row has");
	return 0;
}

static void print_row(const struct replay *replay, int64_t t_ns)
{
	const struct decision *decision = &replay->judge.decision;
	printf("%" PRId64 ".%03" PRId64 ",", t_ns / NS_PER_S, t_ns % NS_PER_S / NS_PER_MS);
	if (decision->headroom_known)
		printf("%" PRId64, decision->headroom_bytes / 1024);
	putchar(',');
	if (decision->time_to_swap_known)
		printf("%" PRId64 ".%01" PRId64, decision->time_to_swap_ms / 1000,
		       decision->time_to_swap_ms % 1000 / 100);
	printf(",%s,%d,%d,%s\n", control_state_words[decision->state], decision->weight_pct,
	       decision->maxconn, decision->reason);
}

static int replay_row(struct replay *replay, char *text)
{
	static struct batch batch;
	int64_t t_ns = 0;
	batch_reset(&batch);
	int r = read_row(replay, text, &batch, &t_ns);
	if (r != 0)
		return r;

	/* The origin of t is arbitrary; a stamp of zero would mean "none". */
	int64_t now_ns = t_ns + NS_PER_S;
	state_update(replay->state, replay->source, &batch, now_ns);
	/* No randomness: a replay gives the same decisions each time. */
	const struct judge_input input = {.now_ns = now_ns, .wall_ms = now_ns / NS_PER_MS};
	judge_step(&replay->judge, replay->settings, replay->state, &input);
	print_row(replay, t_ns);
	return 0;
}

static int replay_stream(struct replay *replay, FILE *stream)
{
	char *text = NULL;
	size_t size = 0;
	int r = 0;

	printf("t,headroom_kb,time_to_swap_s,state,weight,maxconn,reason\n");
	while (r == 0 && getline(&text, &size, stream) >= 0) {
		replay->line++;
		text[strcspn(text, "\r\n")] = '\0';
		if (replay->line == 1)
			r = read_header(replay, text);
		else if (text[0])
			r = replay_row(replay, text);
	}
	if (r == 0 && ferror(stream))
		r = fail(replay, "cannot be read");
	if (r == 0 && replay->line < 2)
		r = fail(replay, "no rows to replay");
	free(text);
	if (fflush(stdout) != 0)
		r = 1;
	return r;
}

int replay_run(const struct settings *settings, const char *path)
{
	struct replay replay = {.settings = settings, .path = path};
	bool standard = strcmp(path, "-") == 0;
	FILE *stream = standard ? stdin : fopen(path, "re");
	if (!stream) {
		log_error("%s: %s", path, strerror(errno));
		return 1;
	}

	for (size_t i = 0; i < COLUMNS; i++)
		replay.metrics[i] = columns[i].metric;
	replay.state = state_new(COLUMNS);
	int r = 1;
	if (replay.state &&
	    state_add(replay.state, replay.metrics, COLUMNS, 10 * NS_PER_S, &replay.source) == 0)
		r = replay_stream(&replay, stream);
	state_free(replay.state);
	if (!standard)
		fclose(stream);
	return r;
}
