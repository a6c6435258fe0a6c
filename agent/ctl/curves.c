/* SPDX-License-Identifier: MIT */
/*
 * A window has fewer columns than there are steps, so each sign stands for several: for the worst of
 * them, because a peak or a dip is what one looks for. Scales begin at zero, or have a least height, so
 * that noise does not look like an event. Which curves are shown, and in which order, stands in a table;
 * those that the agent does not keep are left out.
 */
#include "agent/ctl/curves.h"

#include <math.h>
#include <string.h>

#include "agent/ctl/document.h"
#include "agent/ctl/spark.h"

/* 360 steps of ten seconds are the most that an agent keeps; of a later one with more, the newest. */
#define STEPS 720
/* In a frame. */
#define RANK_TITLE 6
#define RANK_AXIS 28

enum unit {
	UNIT_BYTES,
	UNIT_BYTES_S,
	UNIT_PERCENT,
	UNIT_RATE,
	UNIT_NUMBER,
	UNIT_CELSIUS,
	UNIT_MS,
};

static const struct kind {
	const char *name, *label;
	enum unit unit;
	bool worst_is_least;
	double floor;  /* of the scale; NAN: the least value */
	double height; /* at least */
	int rank;      /* in a frame */
} kinds[CURVES] = {
	{"lb.weight", "weight", UNIT_PERCENT, true, 0, 100, 5},
	{"mem.headroom_bytes", "headroom", UNIT_BYTES, true, 0, 1 << 20, 4},
	{"web.requests_s", "requests", UNIT_RATE, false, 0, 1, 6},
	{"web.busy_workers", "at work", UNIT_NUMBER, false, 0, 4, 17},
	{"web.errors_5xx_s", "errors 5xx", UNIT_RATE, false, 0, 1, 18},
	{"soc.temp_c", "temperature", UNIT_CELSIUS, false, (double)NAN, 10, 7},
	{"sd.write_latency_ms", "card latency", UNIT_MS, false, 0, 10, 8},
	{"swap.out_bytes_s", "swapped out", UNIT_BYTES_S, false, 0, 4096, 19},
};

struct values {
	size_t count;
	double worst[STEPS], least, most; /* NAN: not known */
};

/* Where one is not known, the other. (fmin() and fmax() are in a library that is not needed else.) */
static double lesser(double a, double b)
{
	return isnan(a) || b < a ? b : a;
}

static double greater(double a, double b)
{
	return isnan(a) || b > a ? b : a;
}

static double number_of(const cJSON *item)
{
	return cJSON_IsNumber(item) && isfinite(item->valuedouble) ? item->valuedouble
								   : (double)NAN;
}

/* False: nothing is known, or was all the time. */
static bool read_values(const cJSON *answer, const struct kind *kind, struct values *ret_values)
{
	const cJSON *point;

	*ret_values = (struct values){.least = (double)NAN, .most = (double)NAN};
	cJSON_ArrayForEach(point, document_find(answer, "points"))
	{
		double low = number_of(cJSON_GetArrayItem(point, 0));
		double high = number_of(cJSON_GetArrayItem(point, 2));

		if (ret_values->count == STEPS)
			break;
		ret_values->worst[ret_values->count++] = kind->worst_is_least ? low : high;
		ret_values->least = lesser(ret_values->least, low);
		ret_values->most = greater(ret_values->most, high);
	}
	return !isnan(ret_values->least) && !isnan(ret_values->most);
}

/* The worst of all values that share a column, in place. */
static void fold(struct values *values, const struct kind *kind, size_t width)
{
	if (width >= values->count)
		return;
	for (size_t i = 0; i < width; i++) {
		size_t first = i * values->count / width, end = (i + 1) * values->count / width;
		double worst = (double)NAN;

		for (size_t j = first; j < end; j++)
			worst = kind->worst_is_least ? lesser(worst, values->worst[j])
						     : greater(worst, values->worst[j]);
		values->worst[i] = worst;
	}
	values->count = width;
}

static void unit_text(char text[static TEXT_NUMBER_SIZE], const struct row *row, enum unit unit,
		      double value)
{
	char number[TEXT_NUMBER_SIZE];

	switch (unit) {
	case UNIT_BYTES:
		text_bytes(text, value);
		break;
	case UNIT_BYTES_S:
		snprintf(text, TEXT_NUMBER_SIZE, "%.20s/s", text_bytes(number, value));
		break;
	case UNIT_PERCENT:
		snprintf(text, TEXT_NUMBER_SIZE, "%.3g %%", value);
		break;
	case UNIT_RATE:
		snprintf(text, TEXT_NUMBER_SIZE, fabs(value) < 1e6 ? "%.1f/s" : "%.3g/s", value);
		break;
	case UNIT_NUMBER:
		snprintf(text, TEXT_NUMBER_SIZE, "%.6g", value);
		break;
	case UNIT_CELSIUS:
		snprintf(text, TEXT_NUMBER_SIZE, fabs(value) < 1e4 ? "%.1f %sC" : "%.3g %sC", value,
			 row->style->utf8 ? "°" : "");
		break;
	case UNIT_MS:
		snprintf(text, TEXT_NUMBER_SIZE, fabs(value) < 1e6 ? "%.0f ms" : "%.3g ms", value);
		break;
	}
}

/* "112.0 to 512.0 MiB": what both have behind the number is said once. */
static void range_note(struct row *row, enum unit unit, const struct values *values)
{
	char least[TEXT_NUMBER_SIZE], most[TEXT_NUMBER_SIZE], note[2 * TEXT_NUMBER_SIZE + 8];
	size_t number;

	unit_text(least, row, unit, values->least);
	unit_text(most, row, unit, values->most);
	number = strspn(least, "-0123456789.e+");
	if (strcmp(least + number, most + strspn(most, "-0123456789.e+")) == 0)
		least[number] = '\0';
	snprintf(note, sizeof(note), "%s to %s", least, most);
	row_note(row, TONE_NORMAL, note);
}

static void print_curve(struct row *row, const struct kind *kind, struct values *values)
{
	size_t width = row_picture_width(row), used;
	double now, low, high;
	char path[64], text[TEXT_NUMBER_SIZE] = "-";

	snprintf(path, sizeof(path), "state.%s", kind->name);
	row_start(row, kind->label);
	if (document_number(row->document, path, &now))
		unit_text(text, row, kind->unit, now);
	row_number(row, TONE_NORMAL, text);
	low = isnan(kind->floor) ? values->least : lesser(kind->floor, values->least);
	high = greater(low + kind->height, values->most);
	fold(values, kind, width);
	tone_start(row->out, row->style, TONE_CURVE);
	used = spark_all(row->out, row->style, values->worst, values->count, width, low, high);
	tone_end(row->out, row->style, TONE_CURVE);
	/* A wide window has more columns than there are steps: the notes keep theirs. */
	fprintf(row->out, "%*s", (int)(width - used), "");
	range_note(row, kind->unit, values);
	row_end(row);
}

/* When the curves begin, and end. */
static void print_axis(const struct row *row, const cJSON *answer, size_t steps)
{
	size_t width = row_picture_width(row);
	char left[TEXT_NUMBER_SIZE];
	double step_s;

	if (!document_number(answer, "step_s", &step_s) || steps == 0)
		return;
	width = width < steps ? width : steps;
	snprintf(left, sizeof(left), "%.3g h ago", step_s * (double)steps / 3600);
	if (strlen(left) + 5 > width)
		return;
	tone_start(row->out, row->style, TONE_FAINT);
	fprintf(row->out, "%*s%s%*snow\n", ROW_PICTURE_COLUMN, "", left,
		(int)(width - strlen(left) - 3), "");
	tone_end(row->out, row->style, TONE_FAINT);
}

const char *curves_series(size_t curve)
{
	return kinds[curve].name;
}

void curves_print(struct row *row, const cJSON *const answers[static CURVES], const char *title)
{
	const cJSON *last = NULL;
	struct values values;
	size_t steps = 0;

	if (row->frame != NULL)
		frame_rank(row->frame, RANK_TITLE);
	row_title(row, title);
	for (size_t i = 0; i < CURVES; i++) {
		if (!read_values(answers[i], &kinds[i], &values))
			continue;
		last = answers[i];
		steps = values.count;
		if (row->frame != NULL)
			frame_rank(row->frame, kinds[i].rank);
		print_curve(row, &kinds[i], &values);
	}
	if (row->frame != NULL)
		frame_rank(row->frame, RANK_AXIS);
	if (last != NULL)
		print_axis(row, last, steps);
	else
		fputs("  nothing yet\n", row->out);
}
