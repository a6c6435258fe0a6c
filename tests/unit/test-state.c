/* SPDX-License-Identifier: MIT */
/* State: rates, resets, staleness, unknown with its reason, roles. Properties over random series. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "agent/state.h"
#include "agent/units.h"

enum { FREE, REQUESTS, DEVICE, FAIL_A, FAIL_B, METRICS };

static const struct metric metrics[METRICS] = {
	[FREE] = {.group = "mem", .name = "free", .unit = UNIT_BYTES, .role = ROLE_MEM_FREE},
	[REQUESTS] = {.group = "web",
		      .name = "total",
		      .rate_name = "s",
		      .kind = METRIC_COUNTER,
		      .role = ROLE_SWAP_DISK_OUT},
	[DEVICE] = {.group = "mem", .name = "device", .unit = UNIT_TEXT},
	[FAIL_A] = {.group = "sd", .name = "a", .unit = UNIT_BOOL, .role = ROLE_STORAGE_FAILING},
	[FAIL_B] = {.group = "sd", .name = "b", .unit = UNIT_BOOL, .role = ROLE_STORAGE_FAILING},
};

struct fixture {
	struct state *state;
	struct state_source source;
	struct batch batch;
};

static int setup(void **context)
{
	struct fixture *f = calloc(1, sizeof(*f));
	f->state = state_new(METRICS);
	assert_int_equal(state_add(f->state, metrics, METRICS, 3 * NS_PER_S, &f->source), 0);
	*context = f;
	return 0;
}

static int teardown(void **context)
{
	struct fixture *f = *context;
	state_free(f->state);
	free(f);
	return 0;
}

static void hand_in(struct fixture *f, unsigned metric, int64_t value, int64_t now_ns)
{
	batch_reset(&f->batch);
	batch_value(&f->batch, metric, value);
	state_update(f->state, f->source, &f->batch, now_ns);
}

static void test_unknown_until_read(void **context)
{
	struct fixture *f = *context;
	int64_t value = 42;
	const char *reason = NULL;
	assert_int_equal(state_value(f->state, FREE, NS_PER_S, &value, &reason), STATE_UNKNOWN);
	assert_non_null(reason);
	assert_int_equal(value, 42); /* untouched */

	hand_in(f, FREE, 0, NS_PER_S);
	assert_int_equal(state_value(f->state, FREE, NS_PER_S, &value, &reason), 0);
	assert_int_equal(value, 0); /* zero is a value */

	batch_reset(&f->batch);
	batch_unknown(&f->batch, FREE, "because");
	state_update(f->state, f->source, &f->batch, 2 * NS_PER_S);
	assert_int_equal(state_value(f->state, FREE, 2 * NS_PER_S, &value, &reason), STATE_UNKNOWN);
	assert_string_equal(reason, "because");
}

static void test_stale(void **context)
{
	struct fixture *f = *context;
	int64_t value;
	const char *reason;
	hand_in(f, FREE, 7, NS_PER_S);
	assert_int_equal(state_value(f->state, FREE, 4 * NS_PER_S, &value, &reason), 0);
	assert_int_equal(state_value(f->state, FREE, 4 * NS_PER_S + 1, &value, &reason),
			 STATE_UNKNOWN);
	assert_non_null(strstr(reason, "stale"));
	hand_in(f, FREE, 8, 5 * NS_PER_S);
	assert_int_equal(state_value(f->state, FREE, 5 * NS_PER_S, &value, &reason), 0);
}

static void test_rate_and_reset(void **context)
{
	struct fixture *f = *context;
	int64_t rate;
	const char *reason;
	hand_in(f, REQUESTS, 1000, NS_PER_S);
	assert_int_equal(state_rate_milli(f->state, REQUESTS, NS_PER_S, &rate, &reason),
			 STATE_UNKNOWN);
	hand_in(f, REQUESTS, 1050, 3 * NS_PER_S);
	assert_int_equal(state_rate_milli(f->state, REQUESTS, 3 * NS_PER_S, &rate, &reason), 0);
	assert_int_equal(rate, 25000);

	hand_in(f, REQUESTS, 3, 4 * NS_PER_S); /* the server was restarted */
	assert_int_equal(state_rate_milli(f->state, REQUESTS, 4 * NS_PER_S, &rate, &reason),
			 STATE_UNKNOWN);
	hand_in(f, REQUESTS, 13, 5 * NS_PER_S);
	assert_int_equal(state_rate_milli(f->state, REQUESTS, 5 * NS_PER_S, &rate, &reason), 0);
	assert_int_equal(rate, 10000);
}

/* A wake between two ticks reads again at once: the rate must not explode or be lost. */
static void test_close_reads(void **context)
{
	struct fixture *f = *context;
	int64_t rate;
	const char *reason;
	hand_in(f, REQUESTS, 0, NS_PER_S);
	hand_in(f, REQUESTS, 1000, NS_PER_S + NS_PER_MS);
	assert_int_equal(state_value(f->state, REQUESTS, 2 * NS_PER_S, &rate, &reason), 0);
	assert_int_equal(rate, 1000); /* the value is the newest one all the same */
	hand_in(f, REQUESTS, 1000, 2 * NS_PER_S);
	assert_int_equal(state_rate_milli(f->state, REQUESTS, 2 * NS_PER_S, &rate, &reason), 0);
	assert_int_equal(rate, 1000000);
}

/* Whatever the steps, the rates times their spans add up to what the counter grew. */
static void test_rates_add_up(void **context)
{
	struct fixture *f = *context;
	int64_t now_ns = NS_PER_S, counter = 0, total = 0, rate;
	const char *reason;

	hand_in(f, REQUESTS, counter, now_ns);
	for (int i = 0; i < 2000; i++) {
		int64_t step_ns = (20 + rand() % 2000) * NS_PER_MS;
		int64_t growth = rand() % 100000;
		now_ns += step_ns;
		counter += growth;
		hand_in(f, REQUESTS, counter, now_ns);
		assert_int_equal(state_rate_milli(f->state, REQUESTS, now_ns, &rate, &reason), 0);
		total += mul_div(rate, step_ns / NS_PER_US, 1000 * INT64_C(1000000));
		assert_true(rate >= 0);
	}
	assert_true(llabs(total - counter) <= 2000);
}

static void test_text(void **context)
{
	struct fixture *f = *context;
	const char *text, *reason;
	char longer[STATE_TEXT_SIZE + 1];
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';

	batch_reset(&f->batch);
	batch_text(&f->batch, DEVICE, "mmcblk0");
	state_update(f->state, f->source, &f->batch, NS_PER_S);
	assert_int_equal(state_text(f->state, DEVICE, NS_PER_S, &text, &reason), 0);
	assert_string_equal(text, "mmcblk0");

	batch_reset(&f->batch);
	batch_text(&f->batch, DEVICE, longer); /* unknown, not cut */
	state_update(f->state, f->source, &f->batch, NS_PER_S);
	assert_int_equal(state_text(f->state, DEVICE, NS_PER_S, &text, &reason), STATE_UNKNOWN);
}

static void test_shared_role(void **context)
{
	struct fixture *f = *context;
	struct readings readings;
	hand_in(f, FAIL_A, 1, NS_PER_S);
	hand_in(f, FAIL_B, 0, NS_PER_S);
	state_readings(f->state, NS_PER_S, &readings);
	assert_true(readings_has(&readings, ROLE_STORAGE_FAILING));
	assert_int_equal(readings.value[ROLE_STORAGE_FAILING], 1);
	assert_false(readings_has(&readings, ROLE_MEM_FREE));
}

static void test_groups_stay_together(void **context)
{
	struct fixture *f = *context;
	const char *order[METRICS];
	for (unsigned i = 0; i < state_count(f->state); i++)
		order[i] = state_metric(f->state, state_ordered(f->state, i))->group;
	const char *expected[METRICS] = {"mem", "mem", "web", "sd", "sd"};
	for (unsigned i = 0; i < METRICS; i++)
		assert_string_equal(order[i], expected[i]);
}

static void test_room(void **context)
{
	struct fixture *f = *context;
	struct state_source source;
	assert_true(state_add(f->state, metrics, 1, NS_PER_S, &source) < 0);
}

int main(void)
{
	const char *given = getenv("SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	printf("SEED=%u\n", seed);
	srand(seed);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unknown_until_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rate_and_reset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_reads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rates_add_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shared_role, setup, teardown),
		cmocka_unit_test_setup_teardown(test_groups_stay_together, setup, teardown),
		cmocka_unit_test_setup_teardown(test_room, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
