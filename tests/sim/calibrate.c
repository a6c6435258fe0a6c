/* SPDX-License-Identifier: MIT */
/*
 * A recording says how much anonymous memory there was, second by second. The model is given the same
 * machine and the same growth, and must begin to swap at the same length of the page cache: within
 * 5 % of the RAM. The growth is what the processes asked for, so what the real machine had swapped out
 * already is added. Where the recording never swapped the model must not, either.
 *
 * A recording does not say what its files were used for; that stands in tests/traces/README.md and in
 * the little table below.
 */
#include "tests/sim/calibrate.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/memory.h"

#define TOLERANCE 0.05
#define PAGE 4096.0
#define ONSET (1 * MB)
#define STEP_S 0.05

/* The first whose text is part of the file's name. */
static const struct {
	const char *part;
	double hot, reread_s; /* files that are read all the time */
	double read_s, write_s;
} usage[] = {
	/* 300 MB of files re-read constantly */
	{"hotcache", 300 * MB, 60 * MB, 0, 0},
	{"readsync", 0, 0, 30 * MB, 0},
	{"writesync", 0, 0, 0, 15 * MB},
	/* programs in use: re-reading began at 40 to 47 MB in these */
	{"virt512", 40 * MB, 10 * MB, 0, 0},
	{"", 0, 0, 0, 0},
};

enum {
	COLUMN_T,
	COLUMN_TOTAL,
	COLUMN_FREE,
	COLUMN_ANON,
	COLUMN_ACTIVE,
	COLUMN_INACTIVE,
	COLUMN_SLAB,
	COLUMN_SWAPPED,
	COLUMNS,
};

static const char *const names[COLUMNS] = {
	"t",
	"MemTotal",
	"MemFree",
	"AnonPages",
	"Active(file)",
	"Inactive(file)",
	"SReclaimable",
	"pswpout",
};

struct row {
	double value[COLUMNS];
};

static void read_header(char *text, int *fields)
{
	int field = 0;
	for (char *name; (name = strsep(&text, ",\r\n")) && field < 64; field++) {
		fields[field] = -1;
		for (int i = 0; i < COLUMNS; i++)
			if (strcmp(name, names[i]) == 0)
				fields[field] = i;
	}
}

static void read_row(char *text, const int *fields, struct row *row)
{
	int field = 0;
	*row = (struct row){0};
	for (char *cell; (cell = strsep(&text, ",\r\n")) && field < 64; field++)
		if (fields[field] >= 0)
			row->value[fields[field]] = strtod(cell, NULL);
	for (int i = COLUMN_TOTAL; i < COLUMN_SWAPPED; i++)
		row->value[i] *= 1024;
	row->value[COLUMN_SWAPPED] *= PAGE;
}

/* Returns the number of rows, to be freed. */
static int read_trace(const char *path, struct row **ret_rows)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return -errno;
	char *text = NULL;
	size_t size = 0;
	int fields[64], count = -1, room = 0;
	for (int i = 0; i < 64; i++)
		fields[i] = -1;
	struct row *rows = NULL;
	while (getline(&text, &size, file) >= 0) {
		if (count == room) {
			struct row *more = realloc(rows, sizeof(*rows) * (size_t)(room += 1024));
			if (!more)
				break;
			rows = more;
		} else if (count < 0) {
			read_header(text, fields);
			count = 0;
			rows = malloc(sizeof(*rows) * (size_t)(room = 1024));
			if (!rows)
				break;
			continue;
		}
		read_row(text, fields, &rows[count++]);
	}
	free(text);
	fclose(file);
	*ret_rows = rows;
	return count > 0 && rows ? count : -ENODATA;
}

static double file_of(const struct row *row)
{
	return row->value[COLUMN_ACTIVE] + row->value[COLUMN_INACTIVE];
}

/* Index of the row at which the recording had swapped 1 MB; count: never. */
static int trace_onset(const struct row *rows, int count)
{
	for (int i = 0; i < count; i++)
		if (rows[i].value[COLUMN_SWAPPED] - rows[0].value[COLUMN_SWAPPED] >= ONSET)
			return i;
	return count;
}

static struct memory_conf machine(const char *name, const struct row *first,
				  struct memory_demand *ret_demand)
{
	size_t use = 0;
	while (!strstr(name, usage[use].part))
		use++;
	double total = first->value[COLUMN_TOTAL];
	ret_demand->read_s = usage[use].read_s;
	ret_demand->write_s = usage[use].write_s;
	return (struct memory_conf){
		.total = total,
		.slab = first->value[COLUMN_SLAB],
		.kernel = total - first->value[COLUMN_SLAB] - first->value[COLUMN_FREE] -
			  first->value[COLUMN_ANON] - file_of(first),
		.min_free = sqrt(total / 1024 * 16) * 1024,
		.swappiness = 60,
		.file = file_of(first),
		.active = first->value[COLUMN_ACTIVE],
		.hot = usage[use].hot,
		.reread_s = usage[use].reread_s,
		.disk_s = 20 * MB,
		.swap_s = 60 * MB,
		.swap = SWAP_DISK,
	};
}

/* Length of the page cache at the first MB swapped; negative: never. */
static double model_onset(const char *name, const struct row *rows, int count)
{
	struct memory_demand demand = {0};
	struct memory_conf conf = machine(name, &rows[0], &demand);
	struct memory memory;
	memory_init(&memory, &conf, rows[0].value[COLUMN_ANON], 0);
	memory.active = conf.active; /* exactly as recorded, even between the watermarks */
	memory.inactive = conf.file - conf.active;

	for (int i = 1; i < count; i++) {
		double span = rows[i].value[COLUMN_T] - rows[i - 1].value[COLUMN_T];
		double from = rows[i - 1].value[COLUMN_ANON] + rows[i - 1].value[COLUMN_SWAPPED];
		double to = rows[i].value[COLUMN_ANON] + rows[i].value[COLUMN_SWAPPED];
		double base = rows[0].value[COLUMN_SWAPPED];
		int steps = (int)ceil(span / STEP_S - 1e-6);
		for (int k = 1; k <= steps; k++) {
			demand.nonweb = from + (to - from) * k / steps - base;
			memory_step(&memory, &conf, &demand, span / steps);
			if (memory.disk_out >= ONSET)
				return memory_file(&memory);
		}
	}
	return -1;
}

static bool compare(const char *folder, const char *name)
{
	char path[4096];
	struct row *rows = NULL;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int count = read_trace(path, &rows);
	if (count < 0) {
		printf("%-48s cannot be read\n", name);
		return false;
	}
	int at = trace_onset(rows, count);
	double model = model_onset(name, rows, count), total = rows[0].value[COLUMN_TOTAL];
	/* Swapping can begin between two rows: the nearer one counts. */
	double real = at == count ? -1 : file_of(&rows[at]);
	double before = at == count || at == 0 ? real : file_of(&rows[at - 1]);
	double error = model < real ? model - real : fmax(0, model - fmax(before, real));
	bool fits = (real < 0) == (model < 0) && fabs(error) <= TOLERANCE * total;
	printf("%-48s %6.0f %8.0f %8.0f %7.1f %%  %s\n", name, total / MB,
	       real < 0 ? NAN : real / MB, model < 0 ? NAN : model / MB,
	       real < 0 || model < 0 ? 0 : 100 * error / total, fits ? "ok" : "DIFFERS");
	free(rows);
	return fits;
}

static int is_trace(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);
	return length > 4 && strcmp(entry->d_name + length - 4, ".csv") == 0;
}

int calibrate_run(const char *folder)
{
	struct dirent **entries = NULL;
	int differ = 0, count = scandir(folder, &entries, is_trace, alphasort);
	if (count < 0)
		return -errno;
	printf("page cache in MB when the first MB was swapped out; nan: never. "
	       "Allowed: %.0f %% of the RAM\n",
	       100 * TOLERANCE);
	printf("%-48s %6s %8s %8s %9s\n", "recording", "RAM", "kernel", "model", "error");
	for (int i = 0; i < count; i++) {
		differ += !compare(folder, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return differ;
}
