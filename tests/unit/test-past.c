/* SPDX-License-Identifier: MIT */
/*
 * The diary; the documents of it and of the history: whole, in units, never more than there is room; and the
 * history over two lives of the agent.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "agent/control.h"
#include "agent/diary.h"
#include "agent/history_image.h"
#include "agent/history_render.h"
#include "agent/units.h"

static void test_diary(void **context)
{
	static struct diary diary;
	struct event event = {.kind = "state"};

	(void)context;
	assert_null(diary_get(&diary, 0));
	for (uint64_t id = 1; id <= 3 * DIARY_EVENTS / 2; id++) {
		size_t kept = id < DIARY_EVENTS ? (size_t)id : DIARY_EVENTS;

		event.id = id;
		diary_put(&diary, &event);
		for (size_t ago = 0; ago < kept; ago++)
			assert_int_equal(diary_get(&diary, ago)->id, id - ago);
		assert_null(diary_get(&diary, kept));
		assert_null(diary_get(&diary, SIZE_MAX));
	}
}

/* An event that is as long as one can be: every byte of its text takes six. */
static void put_longest(struct diary *diary, uint64_t id)
{
	struct event event = {.id = id, .ts_ms = INT64_MAX, .severity = SEVERITY_CRITICAL};

	memset(event.kind, 'k', sizeof(event.kind) - 1);
	memset(event.text, '\x01', sizeof(event.text) - 1);
	for (int i = 0; i < EVENT_VALUES; i++)
		event_put(&event, "a_rather_long_name_of_a_value", INT64_MIN);
	diary_put(diary, &event);
}

/* In any room: a document with whole events and what is missing said, or none at all. */
static void test_diary_in_any_room(void **context)
{
	static char buffer[CONTROL_ANSWER_SIZE];
	static struct diary diary;
	int most = 0;

	(void)context;
	for (uint64_t id = 1; id <= DIARY_EVENTS; id++)
		put_longest(&diary, id);
	for (size_t size = 3; size <= sizeof(buffer); size += size < 4000 ? 1 : 997) {
		int length = diary_render(&diary, DIARY_EVENTS, buffer, size);

		if (length == -ENOSPC)
			continue;
		assert_in_range(length, 1, size - 1);
		cJSON *document = cJSON_Parse(buffer);
		int written = cJSON_GetArraySize(cJSON_GetObjectItem(document, "events"));
		assert_int_equal(cJSON_GetObjectItem(document, "kept")->valueint, DIARY_EVENTS);
		assert_int_equal(cJSON_GetObjectItem(document, "left_out")->valueint,
				 DIARY_EVENTS - written);
		for (int i = 0; i < written; i++) {
			const cJSON *event =
				cJSON_GetArrayItem(cJSON_GetObjectItem(document, "events"), i);
			assert_int_equal(cJSON_GetObjectItem(event, "id")->valueint,
					 DIARY_EVENTS - i);
		}
		cJSON_Delete(document);
		assert_true(written >= most);
		most = written;
	}
	assert_true(most > 10);
	/* Fewer were asked for: none is missing. */
	assert_true(diary_render(&diary, 3, buffer, sizeof(buffer)) > 0);
	assert_non_null(strstr(buffer, "\"left_out\":0"));
}

static const struct metric metrics[] = {
	{.group = "mem",
	 .name = "level_bytes",
	 .unit = UNIT_BYTES,
	 .course = true,
	 .help = "level"},
	{.group = "soc", .name = "temp_c", .unit = UNIT_MILLI_CELSIUS, .course = true, .help = "T"},
	{.group = "web",
	 .name = "requests_total",
	 .rate_name = "requests_s",
	 .kind = METRIC_COUNTER,
	 .course = true,
	 .help = "requests"},
};

struct past {
	struct state *state;
	struct state_source source;
	struct history *history;
};

static int setup(void **context)
{
	struct past *past = calloc(1, sizeof(*past));

	past->state = state_new(3);
	assert_int_equal(state_add(past->state, metrics, 3, NS_PER_S, &past->source), 0);
	past->history = history_new(past->state);
	assert_non_null(past->history);
	*context = past;
	return 0;
}

static int teardown(void **context)
{
	struct past *past = *context;

	history_free(past->history);
	state_free(past->state);
	free(past);
	return 0;
}

static void take(struct past *past, int64_t level, int64_t milli_c, int64_t now_ns)
{
	static struct batch batch;

	batch_reset(&batch);
	batch_value(&batch, 0, level);
	batch_value(&batch, 1, milli_c);
	state_update(past->state, past->source, &batch, now_ns);
	history_take(past->history, past->state, now_ns);
}

static void test_names(void **context)
{
	struct past *past = *context;
	size_t series = 77;

	assert_true(history_find(past->history, "soc.temp_c", &series));
	assert_int_equal(series, 1);
	assert_true(history_find(past->history, "web.requests_s", &series));
	assert_int_equal(series, 2);
	assert_false(history_find(past->history, "web.requests_total", &series));
	assert_false(history_find(past->history, "soc", &series));
	assert_false(history_find(past->history, "soc.", &series));
	assert_false(history_find(past->history, "soc.temp_c ", &series));
	assert_false(history_find(past->history, "", &series));
	assert_int_equal(series, 2);
}

static void test_list(void **context)
{
	struct past *past = *context;
	char buffer[1024];

	assert_true(history_render_list(past->history, buffer, sizeof(buffer)) > 0);
	assert_string_equal(
		buffer,
		"{\"series\":[{\"name\":\"mem.level_bytes\",\"unit\":\"bytes\",\"help\":\"level\"},"
		"{\"name\":\"soc.temp_c\",\"unit\":\"C\",\"help\":\"T\"},"
		"{\"name\":\"web.requests_s\",\"unit\":\"1/s\",\"help\":\"requests\"}],"
		"\"spans\":{\"hour\":{\"step_s\":10,\"steps\":360},"
		"\"day\":{\"step_s\":300,\"steps\":288}}}");
	assert_int_equal(history_render_list(past->history, buffer, 100), -ENOSPC);
}

/* In degrees, oldest first, with the time at which the last step began. */
static void test_course(void **context)
{
	static char buffer[CONTROL_ANSWER_SIZE];
	struct past *past = *context;
	const struct history_moment now = {23 * NS_PER_S, 1763725003000};

	take(past, 1, 41500, 8 * NS_PER_S);
	take(past, 1, -1500, 21 * NS_PER_S);
	take(past, 1, 1500, 22 * NS_PER_S);
	int length = history_render(past->history, 1, HISTORY_HOUR, &now, buffer, sizeof(buffer));
	cJSON *document = cJSON_Parse(buffer);
	const cJSON *mean = cJSON_GetObjectItem(document, "mean");
	assert_true(length > 0);
	assert_string_equal(cJSON_GetObjectItem(document, "series")->valuestring, "soc.temp_c");
	assert_true(cJSON_GetObjectItem(document, "ts")->valuedouble == 1763725000000.0);
	assert_int_equal(cJSON_GetArraySize(mean), 360);
	assert_true(cJSON_IsNull(cJSON_GetArrayItem(mean, 356)));
	assert_true(cJSON_GetArrayItem(mean, 357)->valuedouble == 41.504); /* in 32nds */
	assert_true(cJSON_IsNull(cJSON_GetArrayItem(mean, 358)));
	assert_true(cJSON_GetArrayItem(mean, 359)->valuedouble == 0);
	const cJSON *least = cJSON_GetObjectItem(document, "least");
	assert_true(cJSON_GetArrayItem(least, 359)->valuedouble == -1.5);
	cJSON_Delete(document);
}

/* The longest numbers in every step still fit into an answer. */
static void test_longest_course(void **context)
{
	static char buffer[CONTROL_ANSWER_SIZE];
	struct past *past = *context;
	struct history_moment now = {0, 1763725003000};

	for (int i = 0; i < 360; i++)
		take(past, INT64_MIN, -99999999999, now.now_ns = i * 10 * NS_PER_S);
	for (size_t series = 0; series < 2; series++) {
		int length = history_render(past->history, series, HISTORY_HOUR, &now, buffer,
					    sizeof(buffer) - 1);
		assert_true(length > 0);
		assert_int_equal(history_render(past->history, series, HISTORY_HOUR, &now, buffer,
						(size_t)length),
				 -ENOSPC);
	}
}

/* Both tell the same, for every step of both spans. */
static void assert_same(const struct history *a, const struct history *b, int64_t now_ns)
{
	for (size_t series = 0; series < 3; series++) {
		for (int span = 0; span < HISTORY_SPANS; span++) {
			for (size_t ago = 0; ago < history_steps(span); ago++) {
				struct history_point one = {0}, other = {0};

				assert_int_equal(history_get(a, series, span, ago, now_ns, &one),
						 history_get(b, series, span, ago, now_ns, &other));
				assert_memory_equal(&one, &other, sizeof(one));
			}
		}
	}
}

static void test_another_life(void **context)
{
	struct past *past = *context;
	struct history *next = history_new(past->state);
	size_t size = history_image_size(past->history);
	char *bytes = malloc(size + 1);
	int64_t now_ns = 0;

	/* The same on 32 bits: the next life may be that of the other package. */
	assert_int_equal(size, 1600 + 3 * (360 + 288) * 6);
	for (int i = 0; i < 5000; i++)
		take(past, 1000000 + i * 37, 40000 + i % 700, now_ns += NS_PER_S * (1 + i % 9));
	history_save(past->history, "this-boot", bytes);
	bytes[size] = 0;
	/* Nothing of it is taken over: another boot, a length that is not its own, times to come. */
	assert_int_equal(history_load(next, "other-boot", now_ns, bytes, size), -EINVAL);
	assert_int_equal(history_load(next, "this-boot", now_ns, bytes, size - 1), -EINVAL);
	assert_int_equal(history_load(next, "this-boot", now_ns, bytes, size + 1), -EINVAL);
	assert_int_equal(history_load(next, "this-boot", now_ns, bytes, 0), -EINVAL);
	assert_int_equal(history_load(next, "this-boot", now_ns - 20 * NS_PER_S, bytes, size),
			 -EINVAL);
	struct history_point point;
	assert_false(history_get(next, 0, HISTORY_DAY, 0, now_ns, &point));
	assert_int_equal(history_load(next, "this-boot", now_ns, bytes, size), 0);
	assert_same(past->history, next, now_ns);
	/* The running step goes on as if nothing had been. */
	struct history *first = past->history;
	for (int i = 0; i < 400; i++) {
		take(past, 5000000, 1, now_ns += NS_PER_S);
		history_take(next, past->state, now_ns);
	}
	assert_same(first, next, now_ns);
	history_free(next);
	free(bytes);
}

/* One byte that is another one: refused, or something that makes sense. */
static void test_a_broken_image(void **context)
{
	struct past *past = *context;
	size_t size = history_image_size(past->history);
	char *bytes = malloc(size), *broken = malloc(size);

	for (int i = 0; i < 4000; i++)
		take(past, i * 3, -i, i * NS_PER_S);
	history_save(past->history, "boot", bytes);
	for (size_t at = 0; at < size; at++) {
		struct history *next = history_new(past->state);

		memcpy(broken, bytes, size);
		broken[at] = (char)(broken[at] ^ 0x80);
		int r = history_load(next, "boot", 4000 * NS_PER_S, broken, size);
		assert_true(r == 0 || r == -EINVAL);
		assert_true(r == -EINVAL || at > 48); /* not in its head */
		for (size_t ago = 0; ago < 360; ago++) {
			struct history_point point;
			if (history_get(next, at % 3, HISTORY_HOUR, ago, 4000 * NS_PER_S, &point))
				assert_true(r == 0 && point.least <= point.mean &&
					    point.mean <= point.most);
		}
		history_free(next);
	}
	free(bytes);
	free(broken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_diary),
		cmocka_unit_test(test_diary_in_any_room),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_course, setup, teardown),
		cmocka_unit_test_setup_teardown(test_longest_course, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_broken_image, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
