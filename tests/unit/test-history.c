/* SPDX-License-Identifier: MIT */
/*
 * The course of readings against a naive model that keeps every value, over random samples, pauses and
 * unknowns; numbers of every size; clocks that
 * nobody has.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "agent/history.h"
#include "agent/units.h"

#define MOST (INT64_C(2047) << 30)

enum { PLAIN, LEVEL, REQUESTS, NAME, METRICS };

static const struct metric metrics[METRICS] = {
	[PLAIN] = {.group = "mem", .name = "plain", .unit = UNIT_BYTES},
	[LEVEL] = {.group = "mem", .name = "level", .unit = UNIT_BYTES, .course = true},
	[REQUESTS] = {.group = "web",
		      .name = "total",
		      .rate_name = "requests_s",
		      .kind = METRIC_COUNTER,
		      .course = true},
	[NAME] = {.group = "web", .name = "name", .unit = UNIT_TEXT, .course = true},
};

struct fixture {
	struct state *state;
	struct state_source source;
	struct history *history;
};

static int setup(void **context)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->state = state_new(METRICS);
	assert_int_equal(state_add(f->state, metrics, METRICS, 3 * NS_PER_S, &f->source), 0);
	f->history = history_new(f->state);
	assert_non_null(f->history);
	*context = f;
	return 0;
}

static int teardown(void **context)
{
	struct fixture *f = *context;

	history_free(f->history);
	state_free(f->state);
	free(f);
	return 0;
}

/* known: LEVEL has this value now. */
static void take(struct fixture *f, bool known, int64_t value, int64_t now_ns)
{
	static struct batch batch;

	batch_reset(&batch);
	if (known)
		batch_value(&batch, LEVEL, value);
	else
		batch_unknown(&batch, LEVEL, "because");
	state_update(f->state, f->source, &batch, now_ns);
	history_take(f->history, f->state, now_ns);
}

static bool get(const struct fixture *f, enum history_span span, size_t ago, int64_t now_ns,
		struct history_point *ret_point)
{
	return history_get(f->history, 0, span, ago, now_ns, ret_point);
}

static void test_series(void **context)
{
	struct fixture *f = *context;
	struct history_point point;
	bool rate;

	assert_int_equal(history_count(f->history), 2); /* a text has no course */
	assert_ptr_equal(history_metric(f->history, 0, &rate), &metrics[LEVEL]);
	assert_false(rate);
	assert_ptr_equal(history_metric(f->history, 1, &rate), &metrics[REQUESTS]);
	assert_true(rate);
	assert_int_equal(history_step_ns(HISTORY_HOUR) * (int64_t)history_steps(HISTORY_HOUR),
			 3600 * NS_PER_S);
	assert_int_equal(history_step_ns(HISTORY_DAY) * (int64_t)history_steps(HISTORY_DAY),
			 86400 * NS_PER_S);
	for (size_t ago = 0; ago < 400; ago++)
		assert_false(get(f, HISTORY_HOUR, ago, 5 * NS_PER_S, &point));
	take(f, true, 1, NS_PER_S);
	assert_false(history_get(f->history, 2, HISTORY_HOUR, 0, NS_PER_S, &point));
	assert_false(history_get(f->history, SIZE_MAX, HISTORY_HOUR, 0, NS_PER_S, &point));
}

/* Every step of a rate that is told: thousandths per second. */
static void test_rate(void **context)
{
	struct fixture *f = *context;
	static struct batch batch;
	struct history_point point;

	for (int i = 0; i < 20; i++) {
		batch_reset(&batch);
		batch_value(&batch, REQUESTS, i * 5);
		state_update(f->state, f->source, &batch, i * NS_PER_S);
		history_take(f->history, f->state, i * NS_PER_S);
	}
	assert_true(history_get(f->history, 1, HISTORY_HOUR, 0, 19 * NS_PER_S, &point));
	assert_int_equal(point.least, 5000);
	assert_int_equal(point.most, 5000);
	assert_true(history_get(f->history, 1, HISTORY_DAY, 0, 19 * NS_PER_S, &point));
	assert_int_equal(point.mean, 5000);
	assert_false(get(f, HISTORY_HOUR, 0, 19 * NS_PER_S, &point)); /* LEVEL was never known */
}

/* What comes back of one value: exact, near enough, or the end of the range. Never the wrong sign. */
static void check_number(struct fixture *f, int64_t value, int64_t now_ns)
{
	struct history_point point;
	int64_t expected = clamp_i64(value, -MOST, MOST);

	take(f, true, value, now_ns);
	assert_true(get(f, HISTORY_HOUR, 0, now_ns, &point));
	int64_t off = point.mean - expected;
	int64_t room = llabs(expected) <= 2047 ? 0 : llabs(expected) / 2048 + 1;
	if (llabs(off) > room)
		fail_msg("%" PRId64 " came back as %" PRId64, value, point.mean);
	assert_int_equal(point.least, point.mean);
	assert_int_equal(point.most, point.mean);
}

static void test_numbers(void **context)
{
	struct fixture *f = *context;
	int64_t now_ns = 0;

	/* A step for each: powers of two and what stands beside them, both signs. */
	for (int shift = 0; shift < 63; shift++)
		for (int64_t beside = -2; beside <= 2; beside++)
			for (int sign = -1; sign <= 1; sign += 2)
				check_number(f, sign * ((INT64_C(1) << shift) + beside),
					     now_ns += 10 * NS_PER_S);
	for (int64_t value = -2100; value <= 2100; value++)
		check_number(f, value, now_ns += 10 * NS_PER_S);
	check_number(f, INT64_MIN, now_ns += 10 * NS_PER_S);
	check_number(f, INT64_MAX, now_ns += 10 * NS_PER_S);
	check_number(f, MOST, now_ns += 10 * NS_PER_S);
}

/* A larger value is never told as a smaller one. */
static void test_order(void **context)
{
	struct fixture *f = *context;
	int64_t now_ns = 0, before = INT64_MIN;

	for (int64_t value = -3 * MOST / 2; value < 3 * MOST / 2; value += MOST / 5003) {
		struct history_point point;

		take(f, true, value, now_ns += 10 * NS_PER_S);
		assert_true(get(f, HISTORY_HOUR, 0, now_ns, &point));
		assert_true(point.mean >= before);
		before = point.mean;
	}
	assert_int_equal(before, MOST);
}

/* The naive model: every value with its time. */
#define TAKES 4000

struct model {
	size_t count;
	struct {
		int64_t now_ns, value;
	} takes[TAKES];
};

static bool model_get(const struct model *model, enum history_span span, size_t ago, int64_t now_ns,
		      struct history_point *ret_point)
{
	int64_t step_ns = history_step_ns(span), wanted = now_ns / step_ns - (int64_t)ago;
	int64_t sum = 0, count = 0;

	for (size_t i = 0; i < model->count; i++) {
		int64_t value = model->takes[i].value;

		if (model->takes[i].now_ns / step_ns != wanted)
			continue;
		if (count == 0 || value < ret_point->least)
			ret_point->least = value;
		if (count == 0 || value > ret_point->most)
			ret_point->most = value;
		sum += value;
		count++;
	}
	ret_point->mean = count > 0 ? sum / count : 0;
	return count > 0;
}

static bool near(int64_t told, int64_t meant)
{
	return llabs(told - meant) <= (llabs(meant) <= 2047 ? 0 : llabs(meant) / 2048 + 1);
}

static void compare(const struct fixture *f, const struct model *model, int64_t now_ns)
{
	for (int span = 0; span < HISTORY_SPANS; span++) {
		for (size_t ago = 0; ago < history_steps(span) + 2; ago++) {
			struct history_point told = {0}, meant = {0};
			bool inside = ago < history_steps(span);
			bool known = inside && model_get(model, span, ago, now_ns, &meant);

			assert_int_equal(get(f, span, ago, now_ns, &told), known);
			assert_true(near(told.least, meant.least));
			assert_true(near(told.mean, meant.mean));
			assert_true(near(told.most, meant.most));
			assert_true(told.least <= told.mean && told.mean <= told.most);
		}
	}
}

static int64_t pause_ns(void)
{
	switch (rand() % 40) {
	case 0:
		return rand() % 7200 * NS_PER_S; /* longer than the hour */
	case 1:
		return rand() % 40 * NS_PER_S;
	case 2:
		return 0;
	default:
		return (100 + rand() % 1900) * NS_PER_MS;
	}
}

static void test_against_the_model(void **context)
{
	struct fixture *f = *context;
	static struct model model;
	int64_t now_ns = rand() % 1000000 * NS_PER_S, level = 100000000;

	model.count = 0;
	for (int i = 0; i < TAKES; i++) {
		bool known = rand() % 10 != 0;

		now_ns += pause_ns();
		level += (rand() - RAND_MAX / 2) / 100;
		take(f, known, level, now_ns);
		if (known) {
			model.takes[model.count].now_ns = now_ns;
			model.takes[model.count++].value = level;
		}
		if (i % 400 == 0)
			compare(f, &model, now_ns);
	}
	compare(f, &model, now_ns);
	/* Nobody came since then: all moves on, and becomes unknown in the end. */
	compare(f, &model, now_ns + 1234 * NS_PER_S);
	compare(f, &model, now_ns + 90000 * NS_PER_S);
}

/* A clock like that does not exist; nothing may break, and what is told is what was taken. */
static void test_hostile_clocks(void **context)
{
	static const int64_t clocks[] = {INT64_MIN,	-1,	      0, 5, INT64_MAX, 3, -NS_PER_S,
					 INT64_MAX / 2, INT64_MAX - 1};
	struct fixture *f = *context;
	struct history_point point;

	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		take(f, true, 7, clocks[i]);
		for (size_t j = 0; j < sizeof(clocks) / sizeof(clocks[0]); j++)
			for (int span = 0; span < HISTORY_SPANS; span++)
				for (size_t ago = 0; ago < 1000; ago++)
					if (get(f, span, ago, clocks[j], &point))
						assert_int_equal(point.mean, 7);
	}
	/* Many readings at the end of the range in one step: the mean stays there. */
	for (int i = 0; i < 100000; i++)
		take(f, true, INT64_MAX, INT64_MAX);
	assert_true(get(f, HISTORY_HOUR, 0, INT64_MAX, &point));
	assert_int_equal(point.most, MOST);
	assert_true(point.mean > MOST / 100 * 99);
}

int main(void)
{
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);

	printf("SEED=%u\n", seed);
	srand(seed);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_series, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_against_the_model, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_clocks, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
