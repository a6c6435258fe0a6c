/* SPDX-License-Identifier: MIT */
/*
 * The agent tells least, mean and most of each step. Of one reading they are shown with their times; of all
 * together each gets a line, and the agent is asked once for each. A curve goes from the least to the most
 * that was seen, but over a tenth of that at least, so that what hardly moves looks like it.
 */
#include "agent/ctl/course.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/ctl/document.h"
#include "agent/ctl/screen.h"
#include "agent/ctl/spark.h"
#include "agent/ctl/text.h"

/* More than the steps of any span. */
#define VALUES 512
/* "sd.write_latency_ms" and all others. */
#define NAME_WIDTH 20
/* "123.4 MiB/s" with two blanks before it. */
#define NUMBER_WIDTH 13
#define CURVE_LEAST 10
#define CURVE_MOST 120

struct course {
	size_t count;
	double mean[VALUES]; /* NAN: not known */
	double least, average, most;
	size_t least_at, most_at; /* which step */
	bool known;		  /* any of it */
};

static double number_of(const cJSON *item)
{
	return cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
}

/* Takes what the answer has; a document of another shape is a course of which nothing is known. */
static void course_read(const cJSON *answer, struct course *ret_course)
{
	const cJSON *least = document_find(answer, "least"), *most = document_find(answer, "most");
	const cJSON *mean = document_find(answer, "mean");
	struct course *course = ret_course;
	double sum = 0;
	size_t known = 0;

	*course = (struct course){0};
	least = least != NULL ? least->child : NULL;
	most = most != NULL ? most->child : NULL;
	mean = mean != NULL ? mean->child : NULL;
	for (; least && mean && most && course->count < VALUES;
	     least = least->next, mean = mean->next, most = most->next, course->count++) {
		double low = number_of(least), high = number_of(most);

		course->mean[course->count] = number_of(mean);
		if (isnan(low) || isnan(high) || isnan(number_of(mean)))
			continue;
		if (known == 0 || low < course->least) {
			course->least = low;
			course->least_at = course->count;
		}
		if (known == 0 || high > course->most) {
			course->most = high;
			course->most_at = course->count;
		}
		sum += number_of(mean);
		known++;
	}
	course->known = known > 0;
	course->average = known > 0 ? sum / (double)known : 0;
}

static const char *write_number(char text[TEXT_NUMBER_SIZE], const char *unit, double value)
{
	if (strncmp(unit, "bytes", 5) == 0) {
		text_bytes(text, value);
		snprintf(text + strlen(text), TEXT_NUMBER_SIZE - strlen(text), "%.2s", unit + 5);
	} else if (strcmp(unit, "1/s") == 0) {
		snprintf(text, TEXT_NUMBER_SIZE, "%.1f/s", value);
	} else {
		snprintf(text, TEXT_NUMBER_SIZE, "%.*f%s%.6s", fabs(value) < 100 ? 1 : 0, value,
			 unit[0] != '\0' ? " " : "", unit);
	}
	return text;
}

static const char *unit_of(const cJSON *answer)
{
	const char *unit = document_text(answer, "unit");

	return unit != NULL ? unit : "";
}

static void draw_curve(const struct style *style, const struct course *course, size_t width)
{
	double least_height = fabs(course->most) / 10, low = course->least;

	if (course->most - low < least_height)
		low = course->most - least_height;
	width -= spark_all(stdout, style, course->mean, course->count, width, low, course->most);
	printf("%*s", (int)width, "");
}

/* Room for a curve beside so many columns of text. */
static size_t curve_width(size_t beside)
{
	size_t columns, rows;

	screen_size(&columns, &rows);
	if (columns < beside + CURVE_LEAST)
		return CURVE_LEAST;
	return columns - beside < CURVE_MOST ? columns - beside : CURVE_MOST;
}

static void print_extreme(const struct style *style, const cJSON *answer, const char *label,
			  double value, double step)
{
	char text[TEXT_NUMBER_SIZE], time[TEXT_NUMBER_SIZE] = "";
	double ts = 0, step_s = 0, steps = 0;

	printf("  %-6s", label);
	text_put(stdout, style, write_number(text, unit_of(answer), value));
	if (!isnan(step) && document_number(answer, "ts", &ts) &&
	    document_number(answer, "step_s", &step_s) &&
	    document_number(answer, "steps", &steps) &&
	    text_time(time, ts - (steps - 1 - step) * step_s * 1000))
		printf(" (%s)", time);
	putchar('\n');
}

static void print_one(const cJSON *answer)
{
	struct style style = style_detect(stdout);
	const char *name = document_text(answer, "series"), *help = document_text(answer, "help");
	const char *span = document_text(answer, "span");
	static struct course course;

	course_read(answer, &course);
	text_put(stdout, &style, name != NULL ? name : "?");
	fputs(", the last ", stdout);
	text_put(stdout, &style, span != NULL ? span : "?");
	fputs(": ", stdout);
	text_put(stdout, &style, help != NULL ? help : "");
	putchar('\n');
	if (!course.known) {
		puts("  nothing was known in that time");
		return;
	}
	fputs("  ", stdout);
	draw_curve(&style, &course, curve_width(4));
	putchar('\n');
	print_extreme(&style, answer, "least", course.least, (double)course.least_at);
	print_extreme(&style, answer, "mean", course.average, (double)NAN);
	print_extreme(&style, answer, "most", course.most, (double)course.most_at);
}

/* A line of the table. */
static void print_line(const struct style *style, const cJSON *answer)
{
	const char *name = document_text(answer, "series"), *unit = unit_of(answer);
	static struct course course;
	char text[TEXT_NUMBER_SIZE];

	course_read(answer, &course);
	name = name != NULL ? name : "?";
	text_put(stdout, style, name);
	printf("%*s  ", strlen(name) < NAME_WIDTH ? (int)(NAME_WIDTH - strlen(name)) : 0, "");
	draw_curve(style, &course, curve_width(NAME_WIDTH + 3 + 3 * NUMBER_WIDTH));
	if (course.known) {
		printf("%*s", NUMBER_WIDTH, write_number(text, unit, course.least));
		printf("%*s", NUMBER_WIDTH, write_number(text, unit, course.average));
		printf("%*s", NUMBER_WIDTH, write_number(text, unit, course.most));
	} else {
		printf("%*s", NUMBER_WIDTH, "not known");
	}
	putchar('\n');
}

static enum ctl_exit ask_course(struct client *client, const char *series, const char *span,
				cJSON **ret_answer)
{
	cJSON *request = cJSON_CreateObject();
	enum ctl_exit result = CTL_FAILED;
	char *line;

	cJSON_AddStringToObject(request, "command", "history");
	if (series != NULL)
		cJSON_AddStringToObject(request, "series", series);
	if (series != NULL && span != NULL)
		cJSON_AddStringToObject(request, "span", span);
	line = cJSON_PrintUnformatted(request);
	if (line != NULL)
		result = client_ask(client, line, ret_answer);
	else
		snprintf(client->error, sizeof(client->error), "out of memory");
	free(line);
	cJSON_Delete(request);
	return result;
}

/* A line for each of those in the list. */
static enum ctl_exit print_all(const struct ctl_options *options, struct client *client,
			       const cJSON *list)
{
	struct style style = style_detect(stdout);
	const char *span = options->span != NULL ? options->span : "hour";
	size_t width = curve_width(NAME_WIDTH + 3 + 3 * NUMBER_WIDTH);
	enum ctl_exit result = CTL_FINE;
	bool first = true;
	const cJSON *item;

	cJSON_ArrayForEach(item, document_find(list, "series"))
	{
		const char *name = document_text(item, "name");
		cJSON *answer = NULL;

		result = ask_course(client, name != NULL ? name : "", span, &answer);
		if (result != CTL_FINE)
			return ctl_fail(result, client->error);
		if (first)
			printf("%-*s  the last %-*s%*s%*s%*s\n", NAME_WIDTH, "",
			       width > 9 ? (int)width - 9 : 0, span, NUMBER_WIDTH, "least",
			       NUMBER_WIDTH, "mean", NUMBER_WIDTH, "most");
		first = false;
		print_line(&style, answer);
		cJSON_Delete(answer);
	}
	return ctl_output_end();
}

enum ctl_exit history_run(const struct ctl_options *options, struct client *client)
{
	cJSON *answer = NULL;
	enum ctl_exit result;

	if (options->json && options->span != NULL && options->text == NULL)
		return ctl_fail(CTL_USAGE, "--span with --json needs a reading: without one they "
					   "are only listed");
	result = ask_course(client, options->text, options->span, &answer);
	if (result != CTL_FINE)
		return ctl_fail(result, client->error);
	if (options->json) {
		result = ctl_print_json(answer);
	} else if (options->text != NULL) {
		print_one(answer);
		result = ctl_output_end();
	} else {
		result = print_all(options, client, answer);
	}
	cJSON_Delete(answer);
	return result;
}
