/* SPDX-License-Identifier: MIT */
/*
 * The frame of `hostingpictl watch` as a function of documents and window: it fits, what is missed most
 * stays longest, nothing moves when numbers change, and a broken document can do no harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

/* The program's own files: they are in no library. */
#include "agent/ctl/command.c"
#include "agent/ctl/curves.c"
#include "agent/ctl/document.c"
#include "agent/ctl/frame.c"
#include "agent/ctl/gauges.c"
#include "agent/ctl/incidents.c"
#include "agent/ctl/keys.c"
#include "agent/ctl/roster.c"
#include "agent/ctl/row.c"
#include "agent/ctl/screen.c"
#include "agent/ctl/spark.c"
#include "agent/ctl/status.c"
#include "agent/ctl/status_rows.c"
#include "agent/ctl/text.c"
#include "agent/ctl/unknown.c"
#include "agent/ctl/view.c"
#include "tests/unit/ctl-documents.h"

static const struct style plain = {.utf8 = false}, pretty = {.colour = true, .utf8 = true};

#define EVENTS                                                                                     \
	"{\"events\":[{\"ts\":1763650930000,\"severity\":\"critical\",\"text\":\"first\"},"        \
	"{\"ts\":1763650000000,\"severity\":\"warning\",\"text\":\"second\"},"                     \
	"{\"ts\":1763550000000,\"severity\":\"info\",\"text\":\"third\"},"                         \
	"{\"ts\":1763540000000,\"severity\":\"info\",\"text\":\"fourth\"},"                        \
	"{\"ts\":1763530000000,\"severity\":\"odd\",\"text\":\"fifth\"},"                          \
	"{\"ts\":1763520000000,\"severity\":\"info\",\"text\":\"sixth\"}]}"

#define COURSE                                                                                     \
	"{\"step_s\":10,\"least\":[null,1,2,3,4,5,6,7,8,9,10],"                                    \
	"\"most\":[null,2,3,4,5,6,7,8,9,10,11]}"

struct world {
	cJSON *status, *events, *course;
	const cJSON *courses[CURVES];
	struct view view;
};

static void world_open(struct world *world, const struct style *style, const char *status)
{
	world->status = cJSON_Parse(status);
	world->events = cJSON_Parse(EVENTS);
	world->course = cJSON_Parse(COURSE);
	assert_true(world->status && world->events && world->course);
	for (size_t i = 0; i < CURVES; i++)
		world->courses[i] = world->course;
	world->view = (struct view){.style = *style,
				    .status = world->status,
				    .courses = world->courses,
				    .events = world->events};
}

static void world_close(struct world *world)
{
	cJSON_Delete(world->status);
	cJSON_Delete(world->events);
	cJSON_Delete(world->course);
}

/* The frame, each line cut as on the screen; to be freed. */
static char *drawn(const struct view *view, const struct keys_window *window)
{
	char *frame = NULL, *text = NULL;
	size_t size;
	FILE *out = open_memstream(&frame, &size);

	view_draw(out, view, window);
	fclose(out);
	assert_true(count_lines(frame) == window->rows && frame[size - 1] == '\n');
	out = open_memstream(&text, &size);
	for (const char *at = frame; *at != '\0'; at += strcspn(at, "\n") + 1) {
		text_cut(out, &view->style, at, strcspn(at, "\n"), window->columns);
		fputc('\n', out);
	}
	fclose(out);
	free(frame);
	return text;
}

static void assert_has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("\"%s\" is there", part);
}

/* Every window from the smallest to the largest, in both kinds of terminal, every page. */
static void test_fits_every_window(void **state)
{
	static const size_t widths[] = {1,  2,	20, 29,	 30,  31,  40, 60,
					71, 72, 80, 109, 110, 200, 300};
	struct world world;

	(void)state;
	for (int page = 0; page < 8; page++) {
		world_open(&world, page % 2 ? &pretty : &plain, DOCUMENT_SHED);
		world.view.all_events = page / 2 == 1;
		world.view.trouble = page / 2 == 2 ? "nobody listens" : NULL;
		for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
			for (size_t rows = 1; rows <= 100; rows += rows < 30 ? 1 : 23) {
				struct keys_window window = {widths[i], rows, rows % 2,
							     page / 2 == 3};
				char *text = drawn(&world.view, &window);

				for (const char *at = text; *at; at += strcspn(at, "\n") + 1)
					assert_true(text_width(&world.view.style, at,
							       strcspn(at, "\n")) <= widths[i]);
				free(text);
			}
		}
		world_close(&world);
	}
}

/* What is there in a window of so many rows is there in every higher one. */
static void test_higher_windows_show_more(void **state)
{
	static const struct {
		const char *part;
		size_t rows; /* in this one at the latest */
	} parts[] = {
		{"SHED", 2},	       {"q quit", 2},
		{"weight  ", 5},       {"headroom  ", 6},
		{"time to swap  ", 8}, {"at work  ", 10},
		{"under-voltage", 10}, {"lb1/pool", 20},
		{"first", 19},	       {"second", 24},
		{"SD card", 12},       {"web  ", 22},
		{"temperature  ", 12}, {"mem.psi_some_ratio", 60},
		{"fifth", 60},
	};
	struct world world;
	size_t seen[sizeof(parts) / sizeof(parts[0])] = {0};

	(void)state;
	world_open(&world, &plain, DOCUMENT_SHED);
	for (size_t rows = 2; rows < 70; rows++) {
		struct keys_window window = {.columns = 100, .rows = rows};
		char *text = drawn(&world.view, &window);

		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
			bool there = strstr(text, parts[i].part) != NULL;

			if (seen[i] != 0 && !there)
				fail_msg("%zu rows without %s:\n%s", rows, parts[i].part, text);
			if (there && seen[i] == 0)
				seen[i] = rows;
		}
		/* No title stands above nothing. */
		assert_lacks(text, "---\nq quit");
		free(text);
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (seen[i] == 0 || seen[i] > parts[i].rows)
			fail_msg("%s comes with %zu rows", parts[i].part, seen[i]);
	world_close(&world);
}

/* In a line of this label, where the picture and the note begin. */
static void columns_of(const char *text, const char *label, size_t *ret_picture, size_t *ret_note)
{
	const char *line = strstr(text, label), *end;

	assert_non_null(line);
	end = strchr(line, '\n');
	*ret_picture = (size_t)(strchr(line, '[') - line);
	*ret_note = (size_t)(strchr(line, ']') - line);
	assert_true(line + *ret_note < end);
}

static void test_columns_stand_still(void **state)
{
	static const char *const numbers[] = {"0",	   "1",		 "99",
					      "104857599", "1048576000", "-52428800"};
	size_t picture, note, first_picture = 0, first_note = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const struct keys_window window = {.columns = 80, .rows = 24};
		struct world world;
		char json[400], *text;

		snprintf(
			json, sizeof(json),
			"{\"decision\":{\"weight\":%zu,\"headroom_bytes\":%s,\"capacity\":%zu},"
			"\"state\":{\"mem\":{\"total_bytes\":1073741824},\"web\":{\"busy_workers\":3}}}",
			1 + i * 19, numbers[i], 1 + i * i * i * i);
		world_open(&world, &plain, json);
		text = drawn(&world.view, &window);
		for (int row = 0; row < 3; row++) {
			static const char *const labels[] = {"  weight  ", "  headroom  ",
							     "  at work  "};

			columns_of(text, labels[row], &picture, &note);
			first_picture = first_picture != 0 ? first_picture : picture;
			first_note = first_note != 0 ? first_note : note;
			assert_int_equal(picture, first_picture);
			assert_int_equal(note, first_note);
		}
		free(text);
		world_close(&world);
	}
}

static void test_state_line(void **state)
{
	static const struct {
		const char *json, *line;
	} rows[] = {
		{"{\"decision\":{\"state\":\"normal\",\"reason\":\"ok\"}}",
		 " * NORMAL   everything fits\n"},
		{"{\"decision\":{\"state\":\"hold\",\"reason\":\"operator: card\"}}",
		 " = HOLD   operator: card\n"},
		{"{\"decision\":{\"state\":\"shed\",\"reason\":\"memory\",\"since\":1000},\"ts\":62000}",
		 " v SHED   asks for less traffic: memory                            for 1 min 1 s\n"},
		{"{\"decision\":{\"state\":\"later\"}}", "\nlater\n"},
		{"{}", "\nthe state is not known\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct keys_window window = {.columns = 80, .rows = 24};
		struct world world;
		char *text;

		world_open(&world, &plain, rows[i].json);
		text = drawn(&world.view, &window);
		assert_has(text, rows[i].line);
		free(text);
		/* What is known stays while the agent is away. */
		world.view.trouble = "nobody listens";
		world.view.away_s = 12;
		text = drawn(&world.view, &window);
		assert_has(text, " X NO AGENT   nobody listens ");
		assert_has(text, "for 12 s\n");
		free(text);
		world_close(&world);
	}
}

static void test_pages_and_keys(void **state)
{
	struct keys_window window = {.columns = 80, .rows = 24};
	struct world world;
	char *text;

	(void)state;
	world_open(&world, &plain, DOCUMENT_SHED);
	text = drawn(&world.view, &window);
	assert_has(text, "last hour --");
	assert_has(text, "q quit   space pause   d day   e events   ? help");
	free(text);
	world.view.span = VIEW_DAY;
	window.paused = true;
	text = drawn(&world.view, &window);
	assert_has(text, "last day --");
	assert_has(text, "paused: space goes on");
	free(text);
	window = (struct keys_window){.columns = 80, .rows = 24, .help = true};
	text = drawn(&world.view, &window);
	assert_has(text, "  v shed      asks for less traffic\n");
	assert_has(text, "  ? blind");
	assert_lacks(text, "more line");
	free(text);
	world.view.all_events = true;
	window.help = false;
	text = drawn(&world.view, &window);
	assert_has(text, " !! first\n");
	assert_has(text, "sixth\n");
	assert_lacks(text, "headroom");
	free(text);
	world.view.all_events = false;
	world.view.events = NULL;
	for (size_t i = 0; i < CURVES; i++)
		world.courses[i] = NULL;
	text = drawn(&world.view, &window);
	assert_has(text, "  nothing yet\n");
	free(text);
	world_close(&world);
}

static void test_curves(void **state)
{
	static const char course[] =
		"{\"step_s\":10,\"least\":[10,20,null,5,1],\"most\":[10,20,null,8,2]}";
	const struct keys_window window = {.columns = 80, .rows = 24};
	cJSON *answer = cJSON_Parse(course);
	struct world world;
	char *text;

	(void)state;
	world_open(&world, &plain, "{}");
	for (size_t i = 0; i < CURVES; i++)
		world.courses[i] = strcmp(curves_series(i), "web.requests_s") == 0 ? answer : NULL;
	text = drawn(&world.view, &window);
	assert_has(text, "1.0 to 20.0/s");
	/* With a gap where nothing was known. */
	assert_has(text, "  requests                -  :# -_");
	assert_lacks(text, "  temperature             -");
	free(text);
	cJSON_Delete(answer);
	world_close(&world);
}

/* More steps than columns: the worst of those that share one. */
static void test_fold(void **state)
{
	struct values values = {.count = 10, .worst = {1, 2, 3, 4, 5, 6, 7, 8, 9, (double)NAN}};
	const struct kind least = {.worst_is_least = true}, most = {0};

	(void)state;
	fold(&values, &most, 5);
	assert_int_equal(values.count, 5);
	for (int i = 0; i < 5; i++)
		assert_true(values.worst[i] == (i < 4 ? 2 * i + 2 : 9));
	fold(&values, &least, 2);
	assert_true(values.worst[0] == 2 && values.worst[1] == 6);
	fold(&values, &least, 7);
	assert_int_equal(values.count, 2);
}

/* Puts each of the replacements in the place of each member, at every depth, and draws. */
static int mutate(const struct view *view, cJSON *container)
{
	static const char *const replacements[] = {
		"null",	   "true", "-1",   "1e300",  "-1e300", "\"\"",
		"[1,[2]]", "{}",   "[{}]", "[null]", "[\"\"]",
	};
	int count = 0;

	for (int i = 0; i < cJSON_GetArraySize(container); i++) {
		cJSON *item = cJSON_GetArrayItem(container, i);

		for (size_t j = 0; j < sizeof(replacements) / sizeof(replacements[0]); j++) {
			const struct keys_window window = {.columns = 80, .rows = 60};
			cJSON *other = cJSON_Parse(replacements[j]), saved = *item;

			item->child = other->child;
			item->type = other->type;
			item->valuestring = other->valuestring;
			item->valueint = other->valueint;
			item->valuedouble = other->valuedouble;
			free(drawn(view, &window));
			*item = saved;
			cJSON_Delete(other);
			count++;
		}
		count += mutate(view, item);
	}
	return count;
}

static void test_any_member_may_be_wrong(void **state)
{
	struct world world;

	(void)state;
	world_open(&world, &pretty, DOCUMENT_SHED);
	assert_true(mutate(&world.view, world.status) > 1000);
	assert_true(mutate(&world.view, world.events) > 100);
	assert_true(mutate(&world.view, world.course) > 100);
	world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fits_every_window),
		cmocka_unit_test(test_higher_windows_show_more),
		cmocka_unit_test(test_columns_stand_still),
		cmocka_unit_test(test_state_line),
		cmocka_unit_test(test_pages_and_keys),
		cmocka_unit_test(test_curves),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_any_member_may_be_wrong),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests_name("hostingpictl: view", tests, NULL, NULL);
}
