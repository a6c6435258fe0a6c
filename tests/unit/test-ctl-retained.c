/* SPDX-License-Identifier: MIT */
/* `hostingpictl forget`: which topics are those of one id, whatever a broker shows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "notifiers/ctl_retained.h"

#define OURS "{\"state_topic\":\"a/b/lab/state\",\"unique_id\":\"hostingpi_lab_mem\"}"

static struct retained start(void)
{
	return (struct retained){.id = "lab", .prefix = "a/b", .discovery_prefix = "homeassistant"};
}

static bool take(struct retained *retained, const char *topic, const char *data)
{
	return retained_take(retained, topic, data, strlen(data), true);
}

static void test_ids(void **state)
{
	char text[65];

	(void)state;
	memset(text, 'x', 64);
	text[64] = '\0';
	assert_false(retained_id_valid(text));
	assert_true(retained_id_valid(text + 1));
	assert_true(retained_id_valid("pi-0_Z"));
	for (const char *c = "+#/$. *?\"'\\\n\x7f\xc3\xbc"; *c; c++) {
		char one[] = {'a', *c, '\0'};

		assert_false(retained_id_valid(one));
	}
	assert_false(retained_id_valid(""));
}

static void test_filters(void **state)
{
	static const char *const filters[RETAINED_FILTERS] = {
		"a/b/lab/#",
		"homeassistant/device/lab/config",
		"homeassistant/+/lab/+/config",
	};
	struct retained retained = start();
	char filter[128], little[8];

	(void)state;
	for (size_t i = 0; i < RETAINED_FILTERS; i++) {
		assert_int_equal(retained_filter(&retained, i, filter, sizeof(filter)), 0);
		assert_string_equal(filter, filters[i]);
		assert_true(retained_filter(&retained, i, little, sizeof(little)) < 0);
	}
}

static void test_only_this_id(void **state)
{
	static const char *const ours[] = {
		"a/b/lab/availability",
		"a/b/lab/x/y",
		"homeassistant/device/lab/config",
		"homeassistant/sensor/lab/mem/config",
		"homeassistant/device/lab/x/config",
	};
	static const char *const others[] = {
		"",
		"/",
		"a/b/lab",
		"a/b/lab/",
		"a/b/labs/weight",
		"a/b/la/weight",
		"a/b/other/weight",
		"a/b//lab/weight",
		"a/lab/weight",
		"x/a/b/lab/weight",
		"a/b/lab/#",
		"a/b/lab/+/x",
		"a/b/lab+/x",
		"A/b/lab/weight",
		"homeassistant",
		"homeassistant/lab/config",
		"homeassistant/sensor/lab/config",
		"homeassistant/device/labs/config",
		"homeassistant/device/lab/config/x",
		"homeassistant/device/lab/",
		"homeassistant//lab/mem/config",
		"homeassistant/sensor/lab//config",
		"homeassistant/sensor/lab/mem/x/config",
		"homeassistant/sensor/lab/mem/configs",
		"homeassistant/sensor/other/lab/config",
		"homeassistants/sensor/lab/mem/config",
		"homeassistant/sensor/lab/mem",
		"homeassistant/status",
	};
	struct retained retained = start();

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(take(&retained, others[i], OURS));
	assert_int_equal(retained.count, 0);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		assert_true(take(&retained, ours[i], OURS));
		assert_true(take(&retained, ours[i], OURS));
		assert_int_equal(retained.count, i + 1);
		assert_string_equal(retained.topics[i].name, ours[i]);
	}
	retained_free(&retained);
}

/* In a tree that belongs to many, the id is not enough. */
static void test_documents_of_others(void **state)
{
	const char *device = "homeassistant/device/lab/config";
	const char *sensor = "homeassistant/sensor/lab/mem/config";
	struct retained retained = start();

	(void)state;
	assert_false(
		take(&retained, device, "{\"unique_id\":\"zigbee_lab_mem\",\"t\":\"a/b/lab/x\"}"));
	assert_false(take(&retained, sensor,
			  "{\"unique_id\":\"hostingpi_labs_mem\",\"t\":\"a/b/lab/x\"}"));
	assert_false(take(&retained, sensor, ""));
	/* What speaks of topics below another prefix is not what is to be forgotten. */
	assert_false(take(&retained, device,
			  "{\"t\":\"b/lab/state\",\"unique_id\":\"hostingpi_lab_m\"}"));
	assert_int_equal(retained.count, 0);
	retained_free(&retained);
}

static void test_rounds(void **state)
{
	struct retained retained = start();
	struct retained_topic *topic;

	(void)state;
	retained_look(&retained);
	assert_null(retained_next(&retained));
	assert_null(retained_flying(&retained, 0));
	take(&retained, "a/b/lab/x", "1");
	take(&retained, "a/b/lab/y", "1");
	for (int number = 1; (topic = retained_next(&retained)) != NULL; number++) {
		topic->tried = true;
		topic->number = number;
	}
	assert_string_equal(retained_flying(&retained, 2)->name, "a/b/lab/y");
	assert_null(retained_flying(&retained, 3));
	/* The second look: one is still there, and one is new. */
	retained_look(&retained);
	take(&retained, "a/b/lab/y", "1");
	take(&retained, "a/b/lab/z", "1");
	assert_false(retained.topics[0].seen);
	assert_true(retained.topics[1].seen);
	assert_string_equal(retained_next(&retained)->name, "a/b/lab/z");
	retained_free(&retained);
}

static void test_signs_of_life(void **state)
{
	struct retained retained = start();

	(void)state;
	take(&retained, "a/b/lab/availability", "online");
	assert_true(retained.online);
	assert_false(retained.alive);
	take(&retained, "a/b/lab/availability", "offline");
	assert_false(retained.online);
	/* The will of somebody, and our own empty messages, are no signs of life. */
	assert_false(retained_take(&retained, "a/b/lab/availability", "offline", 7, false));
	assert_false(retained_take(&retained, "a/b/lab/weight", "", 0, false));
	assert_false(retained.alive);
	assert_false(retained_take(&retained, "a/b/lab/state", "{}", 2, false));
	assert_true(retained.alive);
	retained_look(&retained);
	assert_false(retained.alive);
	assert_int_equal(retained.count, 1);
	retained_free(&retained);
}

static void test_without_end(void **state)
{
	struct retained retained = start();
	char topic[64];

	(void)state;
	for (int i = 0; i < RETAINED_TOPICS + 10; i++) {
		snprintf(topic, sizeof(topic), "a/b/lab/%d", i);
		assert_int_equal(take(&retained, topic, "x"), i < RETAINED_TOPICS);
	}
	assert_true(retained.full);
	assert_int_equal(retained.count, RETAINED_TOPICS);
	retained_free(&retained);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),	     cmocka_unit_test(test_filters),
		cmocka_unit_test(test_only_this_id), cmocka_unit_test(test_documents_of_others),
		cmocka_unit_test(test_rounds),	     cmocka_unit_test(test_signs_of_life),
		cmocka_unit_test(test_without_end),
	};

	return cmocka_run_group_tests_name("ctl-retained", tests, NULL, NULL);
}
