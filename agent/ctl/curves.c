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
#define NUMBER_SIZE 16
/* In a frame. */
#define CURVES_RANK_TITLE 6
#define CURVES_RANK_AXIS 28

enum curve_unit {
	CURVE_BYTES,
	CURVE_BYTES_S,
	CURVE_PERCENT,
	CURVE_RATE,
	CURVE_NUMBER,
	CURVE_CELSIUS,
	CURVE_MS,
};

static const struct kind {
	const char *name, *label;
	enum curve_unit unit;
	bool worst_is_least;
	bool trouble;  /* of which there should be none: left out where there was none */
	double floor;  /* of the scale; NAN: the least value */
	double height; /* at least */
	int rank;      /* in a frame */
} kinds[CURVES] = {
	{"lb.weight", "weight", CURVE_PERCENT, true, false, 0, 100, 5},
	{"mem.headroom_bytes", "headroom", CURVE_BYTES, true, false, 0, 1 << 20, 4},
	{"web.requests_s", "requests", CURVE_RATE, false, false, 0, 1, 6},
	{"web.busy_workers", "at work", CURVE_NUMBER, false, false, 0, 4, 17},
	{"web.errors_5xx_s", "errors 5xx", CURVE_RATE, false, true, 0, 1, 18},
	{"soc.temp_c", "temperature", CURVE_CELSIUS, false, false, (double)NAN, 10, 7},
	{"sd.write_latency_ms", "card latency", CURVE_MS, false, false, 0, 10, 8},
	{"swap.out_bytes_s", "swapped out", CURVE_BYTES_S, false, true, 0, 4096, 19},
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
	const cJSON *least = cJSON_GetArrayItem(document_find(answer, "least"), 0);
	const cJSON *most = cJSON_GetArrayItem(document_find(answer, "most"), 0);

	*ret_values = (struct values){.least = (double)NAN, .most = (double)NAN};
	for (; least != NULL && most != NULL && ret_values->count < STEPS;
	     least = least->next, most = most->next) {
		double low = number_of(least), high = number_of(most);

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

/* Always with so many digits behind the point; a broken document must not need 300 before it. */
static const char *decimal(char text[static NUMBER_SIZE], double value, int digits)
{
	if (fabs(value) < 1e7)
		snprintf(text, NUMBER_SIZE, "%.*f", digits, value);
	else
		snprintf(text, NUMBER_SIZE, "%.3g", value);
	return text;
}

static void unit_text(char text[static TEXT_NUMBER_SIZE], const struct row *row,
		      enum curve_unit unit, double value)
{
	char number[NUMBER_SIZE];

	switch (unit) {
	case CURVE_BYTES:
		text_bytes(text, value);
		break;
	case CURVE_BYTES_S:
		text_bytes(text, value);
		snprintf(text + strlen(text), TEXT_NUMBER_SIZE - strlen(text), "/s");
		break;
	case CURVE_PERCENT:
		snprintf(text, TEXT_NUMBER_SIZE, "%s %%", decimal(number, value, 0));
		break;
	case CURVE_RATE:
		snprintf(text, TEXT_NUMBER_SIZE, "%s/s", decimal(number, value, 1));
		break;
	case CURVE_NUMBER:
		decimal(text, value, 0);
		break;
	case CURVE_CELSIUS:
		snprintf(text, TEXT_NUMBER_SIZE, "%s %sC", decimal(number, value, 1),
			 row->style->utf8 ? "°" : "");
		break;
	case CURVE_MS:
		snprintf(text, TEXT_NUMBER_SIZE, "%s ms", decimal(number, value, 0));
		break;
	}
}

/* "112.0 to 512.0 MiB": what both have behind the number is said once. */
static void range_note(struct row *row, enum curve_unit unit, const struct values *values)
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

/*
 * One of height lines, line 0 on top: what reaches into it. Below it is full, above it is empty; in the
 * lowest line even nothing has a sign.
 */
static void print_line(struct row *row, const struct values *shares, size_t line, size_t height,
		       size_t width)
{
	double part[STEPS];
	double below = (double)(height - 1 - line);

	for (size_t i = 0; i < shares->count; i++) {
		part[i] = shares->worst[i] * (double)height - below;
		if (below > 0 && part[i] <= 0)
			part[i] = (double)NAN;
	}
	tone_start(row->out, row->style, TONE_CURVE);
	spark_last(row->out, row->style, part, shares->count, width);
	tone_end(row->out, row->style, TONE_CURVE);
}

static void print_curve(struct row *row, const struct kind *kind, struct values *values,
			size_t height)
{
	size_t width = row_picture_width(row);
	double low = isnan(kind->floor) ? values->least : lesser(kind->floor, values->least);
	double high = greater(low + kind->height, values->most);
	char path[64], text[TEXT_NUMBER_SIZE] = "-";
	double now;

	/* Not to the edge, so that one can tell a curve from that above it. */
	high += (high - low) / (8 * (double)height - 1);
	fold(values, kind, width);
	for (size_t i = 0; i < values->count; i++)
		values->worst[i] = (values->worst[i] - low) / (high - low);
	for (size_t line = 0; line + 1 < height; line++) {
		fprintf(row->out, "%*s", ROW_PICTURE_COLUMN, "");
		print_line(row, values, line, height, width);
		fputc('\n', row->out);
	}
	snprintf(path, sizeof(path), "state.%s", kind->name);
	row_start(row, kind->label);
	if (document_number(row->document, path, &now))
		unit_text(text, row, kind->unit, now);
	row_number(row, TONE_NORMAL, text);
	row_picture(row);
	print_line(row, values, height - 1, height, width);
	/* A wide window has more columns than there are steps: the notes keep theirs. */
	if (width > values->count)
		fprintf(row->out, "%*s", (int)(width - values->count), "");
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

void curves_print(struct row *row, const cJSON *const answers[static CURVES], const char *title,
		  size_t height)
{
	const cJSON *last = NULL;
	struct values values;
	size_t steps = 0;

	if (row->frame != NULL)
		frame_title(row->frame, CURVES_RANK_TITLE);
	row_title(row, title);
	for (size_t i = 0; i < CURVES; i++) {
		if (!read_values(answers[i], &kinds[i], &values) ||
		    (kinds[i].trouble && values.most <= 0))
			continue;
		last = answers[i];
		steps = values.count;
		if (row->frame != NULL)
			frame_rank(row->frame, kinds[i].rank);
		print_curve(row, &kinds[i], &values, height);
	}
	if (row->frame != NULL)
		frame_rank(row->frame, last != NULL ? CURVES_RANK_AXIS : CURVES_RANK_TITLE);
	if (last != NULL)
		print_axis(row, last, steps);
	else
		fputs("  nothing yet\n", row->out);
}
