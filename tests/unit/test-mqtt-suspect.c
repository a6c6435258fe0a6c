/* SPDX-License-Identifier: MIT */
/* What the ends of connections tell about the broker. Time is a number here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/units.h"
#include "notifiers/mqtt_suspect.h"

#define T0 (1000 * NS_PER_S)

static void test_small_ones_are_beyond_suspicion(void **state)
{
	(void)state;
	struct mqtt_suspect suspect = {0};

	assert_false(mqtt_suspect_unproven(&suspect, 1));
	assert_false(mqtt_suspect_unproven(&suspect, 1024));
	assert_true(mqtt_suspect_unproven(&suspect, 1025));
	mqtt_suspect_probe(&suspect, MQTT_STATE, 4000);
	mqtt_suspect_taken(&suspect);
	assert_false(mqtt_suspect_unproven(&suspect, 4000));
	assert_true(mqtt_suspect_unproven(&suspect, 4001));
	/* An end with nothing unproven out says nothing about sizes. */
	for (int i = 0; i < 10; i++)
		assert_false(mqtt_suspect_ended(&suspect, true, NS_PER_S, T0));
	assert_false(mqtt_suspect_withholds(&suspect, 1000000));
}

static bool end_with(struct mqtt_suspect *suspect, enum mqtt_topic topic, size_t size,
		     int64_t now_ns)
{
	mqtt_suspect_probe(suspect, topic, size);
	return mqtt_suspect_ended(suspect, true, NS_PER_S, now_ns);
}

static void test_twice_in_a_row_is_a_limit(void **state)
{
	(void)state;
	struct mqtt_suspect suspect = {0};

	assert_false(end_with(&suspect, MQTT_STATE, 4000, T0));
	assert_false(mqtt_suspect_withholds(&suspect, 4000));
	assert_true(end_with(&suspect, MQTT_STATE, 4010, T0));
	assert_int_equal(suspect.blamed_topic, MQTT_STATE);
	assert_false(mqtt_suspect_withholds(&suspect, 2999));
	assert_true(mqtt_suspect_withholds(&suspect, 3000));
	assert_true(mqtt_suspect_withholds(&suspect, 50000));
	/* For an hour. Then one try tells. */
	assert_false(mqtt_suspect_lift(&suspect, T0 + 3599 * NS_PER_S, false));
	assert_true(mqtt_suspect_lift(&suspect, T0 + 3600 * NS_PER_S, false));
	assert_false(mqtt_suspect_lift(&suspect, T0 + 3601 * NS_PER_S, false));
	assert_false(mqtt_suspect_withholds(&suspect, 4000));
	assert_true(end_with(&suspect, MQTT_STATE, 4020, T0 + 3601 * NS_PER_S));
	/* Or until somebody has a reload done, and it works. */
	assert_true(mqtt_suspect_lift(&suspect, 0, true));
	mqtt_suspect_probe(&suspect, MQTT_STATE, 4030);
	mqtt_suspect_taken(&suspect);
	assert_false(end_with(&suspect, MQTT_STATE, 5000, T0));
}

static void test_chance_is_no_limit(void **state)
{
	(void)state;
	struct mqtt_suspect suspect = {0};

	/* The second time it is taken. */
	assert_false(end_with(&suspect, MQTT_STATE, 4000, T0));
	mqtt_suspect_probe(&suspect, MQTT_STATE, 4000);
	mqtt_suspect_taken(&suspect);
	assert_false(end_with(&suspect, MQTT_STATE, 4001, T0));
	/* Another kind. */
	assert_false(end_with(&suspect, MQTT_DISCOVERY, 40000, T0));
	/* A smaller one that is taken says nothing about the larger one. */
	mqtt_suspect_probe(&suspect, MQTT_STATE, 4001);
	mqtt_suspect_taken(&suspect);
	assert_true(end_with(&suspect, MQTT_DISCOVERY, 40000, T0));
	assert_false(mqtt_suspect_withholds(&suspect, 29999));
}

/* A document that is a little smaller each time costs two connections once, not each time. */
static void test_the_limit_has_a_margin(void **state)
{
	struct mqtt_suspect suspect = {0};
	(void)state;

	end_with(&suspect, MQTT_STATE, 5164, T0);
	assert_true(end_with(&suspect, MQTT_STATE, 5160, T0));
	assert_true(mqtt_suspect_withholds(&suspect, 4684));
	assert_int_equal(suspect.limit, 3870);

	/* But what was taken is not refused, and small ones are beyond suspicion. */
	suspect = (struct mqtt_suspect){0};
	mqtt_suspect_probe(&suspect, MQTT_STATE, 4900);
	mqtt_suspect_taken(&suspect);
	end_with(&suspect, MQTT_STATE, 5000, T0);
	assert_true(end_with(&suspect, MQTT_STATE, 5000, T0));
	assert_int_equal(suspect.limit, 4901);
	suspect = (struct mqtt_suspect){0};
	end_with(&suspect, MQTT_STATE, 1030, T0);
	assert_true(end_with(&suspect, MQTT_STATE, 1030, T0));
	assert_int_equal(suspect.limit, 1025);
}

static void test_broker_that_says_it(void **state)
{
	(void)state;
	struct mqtt_suspect suspect = {0};

	mqtt_suspect_refused(&suspect, 4000, T0);
	mqtt_suspect_refused(&suspect, 40000, T0);
	assert_true(mqtt_suspect_withholds(&suspect, 4000));
	mqtt_suspect_refused(&suspect, 3000, T0);
	assert_true(mqtt_suspect_withholds(&suspect, 3000));
	assert_false(mqtt_suspect_withholds(&suspect, 2999));
	assert_true(mqtt_suspect_lift(&suspect, 0, true));
}

static void test_thrown_out_again_and_again(void **state)
{
	(void)state;
	struct mqtt_suspect suspect = {0};

	for (int i = 0; i < 2; i++) {
		mqtt_suspect_ended(&suspect, true, 10 * NS_PER_S, T0);
		assert_false(mqtt_suspect_has_double(&suspect));
	}
	mqtt_suspect_ended(&suspect, true, 10 * NS_PER_S, T0);
	assert_true(mqtt_suspect_has_double(&suspect));
	/* A broker that is gone afterwards was just ended. */
	mqtt_suspect_excuse(&suspect);
	assert_false(mqtt_suspect_has_double(&suspect));
	for (int i = 0; i < 20; i++) {
		/* Silence, a message that may be too large, a long life. */
		mqtt_suspect_ended(&suspect, i % 3 != 0, i % 3 == 1 ? 600 * NS_PER_S : NS_PER_S,
				   T0);
		assert_false(mqtt_suspect_has_double(&suspect));
	}
}

/* A broker that says its limit says it anew with each connection; one that was inferred stays. */
static void test_a_new_connection(void **state)
{
	struct mqtt_suspect suspect = {0};
	(void)state;

	mqtt_suspect_refused(&suspect, 4000, T0);
	assert_true(mqtt_suspect_withholds(&suspect, 4000));
	assert_true(mqtt_suspect_began(&suspect));
	assert_false(mqtt_suspect_withholds(&suspect, 4000));
	assert_false(mqtt_suspect_began(&suspect));

	for (int i = 0; i < 2; i++) {
		mqtt_suspect_probe(&suspect, MQTT_STATE, 5000);
		mqtt_suspect_ended(&suspect, true, NS_PER_S, T0);
	}
	assert_true(mqtt_suspect_withholds(&suspect, 5000));
	assert_false(mqtt_suspect_began(&suspect));
	assert_true(mqtt_suspect_withholds(&suspect, 5000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_connection),
		cmocka_unit_test(test_small_ones_are_beyond_suspicion),
		cmocka_unit_test(test_twice_in_a_row_is_a_limit),
		cmocka_unit_test(test_chance_is_no_limit),
		cmocka_unit_test(test_the_limit_has_a_margin),
		cmocka_unit_test(test_broker_that_says_it),
		cmocka_unit_test(test_thrown_out_again_and_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
