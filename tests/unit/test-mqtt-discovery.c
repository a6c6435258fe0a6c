/* SPDX-License-Identifier: MIT */
/*
 * What is announced to Home Assistant. Whether it would be accepted is the lab's business
 * (tests/lab/test_ha_discovery.py, with the tables of all modules); here is what each kind of metric
 * becomes, and that nothing is ever cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "notifiers/mqtt_discovery.h"
#include "notifiers/mqtt_discovery_reading.h"

static const char *const kinds[] = {"one", "two", NULL};

static const struct metric table[] = {
	{.group = "soc", .name = "temp_c", .unit = UNIT_MILLI_CELSIUS},
	{.group = "soc", .name = "undervoltage", .unit = UNIT_BOOL},
	{.group = "soc", .name = "soft_limit", .unit = UNIT_BOOL},
	{.group = "mem", .name = "total_bytes", .unit = UNIT_BYTES},
	{.group = "mem", .rate_name = "psi_some_ratio", .kind = METRIC_COUNTER, .unit = UNIT_PPM},
	{.group = "swap", .name = "kind", .unit = UNIT_WORD, .words = kinds},
	{.group = "web",
	 .name = "requests_total",
	 .rate_name = "requests_s",
	 .kind = METRIC_COUNTER,
	 .unit = UNIT_COUNT},
	{.group = "web", .unit = UNIT_BOOL}, /* only plays its role */
	{.group = "lb", .name = "weight", .unit = UNIT_COUNT},
	{.group = "self", .name = "rss_bytes", .unit = UNIT_BYTES},
};

#define METRICS (sizeof(table) / sizeof(table[0]))
/* Connection, event, and five of the decision. */
#define EXTRAS 7
/* 10 rows, one with two fields, one without, one that is an extra. */
#define READINGS 9

static const struct metric *metrics[METRICS];

static struct about about = {
	.id = "web-1",
	.model = "Raspberry Pi 4 Model B Rev 1.5",
	.serial_hash = "0123456789ab",
	.version = "1.0",
	.metrics = metrics,
	.metric_count = METRICS,
};

static const struct mqtt_discovery discovery = {
	.about = &about,
	.prefix = "ha",
	.availability_topic = "p/web-1/availability",
	.state_topic = "p/web-1/state",
	.weight_topic = "p/web-1/weight",
	.event_topic = "p/web-1/event",
	.interval_ms = 1000,
};

static char document[MQTT_DISCOVERY_SIZE];
static char topic[256];

static int setup(void **state)
{
	(void)state;
	for (size_t i = 0; i < METRICS; i++)
		metrics[i] = &table[i];
	return 0;
}

static cJSON *device_document(const struct mqtt_discovery *conf)
{
	int length = mqtt_discovery_device(conf, topic, sizeof(topic), document, sizeof(document));

	assert_true(length > 0);
	assert_int_equal(length, strlen(document));
	cJSON *parsed = cJSON_Parse(document);
	assert_non_null(parsed);
	return parsed;
}

static const char *text_of(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
	return text ? text : "";
}

static void test_device(void **state)
{
	cJSON *parsed = device_document(&discovery);
	const cJSON *device = cJSON_GetObjectItem(parsed, "device");
	const cJSON *components = cJSON_GetObjectItem(parsed, "components");

	(void)state;
	assert_string_equal(topic, "ha/device/web-1/config");
	assert_string_equal(text_of(device, "name"), "web-1");
	assert_string_equal(text_of(device, "manufacturer"), "Raspberry Pi");
	assert_string_equal(text_of(device, "serial_number"), "0123456789ab");
	assert_string_equal(text_of(cJSON_GetObjectItem(parsed, "origin"), "name"), "hostingpi");
	assert_string_equal(text_of(parsed, "state_topic"), "p/web-1/state");
	assert_int_equal(mqtt_discovery_count(&discovery), EXTRAS + READINGS);
	assert_int_equal(cJSON_GetArraySize(components), EXTRAS + READINGS);
	cJSON_Delete(parsed);
}

static void test_components(void **state)
{
	static const struct {
		const char *key, *platform, *name, *device_class, *state_class, *unit;
	} rows[] = {
		{"soc_temp_c", "sensor", "SoC temperature", "temperature", "measurement",
		 "\u00b0C"},
		{"soc_undervoltage", "binary_sensor", "SoC under-voltage", "problem", "", ""},
		{"soc_soft_limit", "binary_sensor", "SoC soft limit", "heat", "", ""},
		{"mem_total_bytes", "sensor", "Memory total", "data_size", "measurement", "B"},
		{"mem_psi_some_ratio", "sensor", "Memory pressure some", "", "measurement", "%"},
		{"swap_kind", "sensor", "Swap kind", "enum", "", ""},
		{"web_requests_total", "sensor", "Web requests", "", "total_increasing", ""},
		{"web_requests_s", "sensor", "Web requests per second", "", "measurement", "1/s"},
		{"lb_weight", "sensor", "Weight", "", "measurement", "%"},
		{"connection", "binary_sensor", "Connection", "connectivity", "", ""},
		{"event", "event", "Event", "", "", ""},
	};
	cJSON *parsed = device_document(&discovery);
	const cJSON *components = cJSON_GetObjectItem(parsed, "components");

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const cJSON *found = cJSON_GetObjectItemCaseSensitive(components, rows[i].key);
		char unique[64];
		snprintf(unique, sizeof(unique), "hostingpi_web-1_%s", rows[i].key);
		assert_string_equal(text_of(found, "unique_id"), unique);
		assert_string_equal(text_of(found, "platform"), rows[i].platform);
		assert_string_equal(text_of(found, "name"), rows[i].name);
		assert_string_equal(text_of(found, "device_class"), rows[i].device_class);
		assert_string_equal(text_of(found, "state_class"), rows[i].state_class);
		assert_string_equal(text_of(found, "unit_of_measurement"), rows[i].unit);
	}
	cJSON_Delete(parsed);
}

/* What a metric of any unit looks like; the names end as names of that unit do. */
static void test_units(void **state)
{
	static const struct {
		enum metric_unit unit;
		const char *name;
		bool rate;
		const char *device_class, *unit_text, *people;
		int precision;
	} rows[] = {
		{UNIT_COUNT, "fan_rpm", false, NULL, "rpm", "Disk fan speed", 0},
		{UNIT_COUNT, "in_flight", false, NULL, NULL, "Disk in flight", -1},
		{UNIT_COUNT, "x_s", true, NULL, "1/s", "Disk x per second", 1},
		{UNIT_BYTES, "in_bytes_s", true, "data_rate", "B/s", "Disk in per second", 0},
		{UNIT_MS, "x_ms", false, "duration", "ms", "Disk x", -1},
		{UNIT_US, "x_us", false, NULL, "\u03bcs", "Disk x us", -1},
		{UNIT_US, "cpu_ms_s", true, NULL, "ms/s", "Disk processor time per second", 1},
		{UNIT_S, "age_s", false, "duration", "s", "Disk age", -1},
		{UNIT_HZ, "freq_hz", false, "frequency", "Hz", "Disk frequency", -1},
		{UNIT_MILLI, "supply_v", false, "voltage", "V", "Disk supply voltage", 2},
		{UNIT_MILLI, "max_a", false, "current", "A", "Disk maximum current", 2},
		{UNIT_MILLI, "rails_w", false, "power", "W", "Disk rails power", 2},
		{UNIT_MILLI, "late_ms", false, "duration", "ms", "Disk late", 1},
		{UNIT_MILLI, "to_swap_s", false, "duration", "s", "Disk to swap", 0},
		{UNIT_MILLI, "queue", false, NULL, NULL, "Disk queue", 1},
		{UNIT_MILLI, "_s", false, NULL, NULL, "Disk", 1},
		{UNIT_PPM, "used_ratio", false, NULL, "%", "Disk used", 1},
		{UNIT_TEXT, "card", false, NULL, NULL, "Disk card", -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct metric metric = {.group = "sd",
					.name = rows[i].rate ? NULL : rows[i].name,
					.rate_name = rows[i].rate ? rows[i].name : NULL,
					.unit = rows[i].unit};
		struct mqtt_reading reading = {&metric, rows[i].rate};
		char name[MQTT_READING_NAME_SIZE];
		struct mqtt_look look;

		mqtt_reading_look(&reading, &look);
		mqtt_reading_name(&reading, name);
		assert_string_equal(name, rows[i].people);
		assert_string_equal(look.device_class ? look.device_class : "-",
				    rows[i].device_class ? rows[i].device_class : "-");
		assert_string_equal(look.unit ? look.unit : "-",
				    rows[i].unit_text ? rows[i].unit_text : "-");
		assert_int_equal(look.precision, rows[i].precision);
		assert_int_equal(look.percent, rows[i].unit == UNIT_PPM);
		assert_int_equal(look.state_class != NULL, rows[i].unit != UNIT_TEXT);
		assert_false(look.enabled);
	}
}

static void test_single_components(void **state)
{
	cJSON *parsed = device_document(&discovery);
	const cJSON *components = cJSON_GetObjectItem(parsed, "components");

	(void)state;
	for (size_t i = 0; i < mqtt_discovery_count(&discovery); i++) {
		const cJSON *same = cJSON_GetArrayItem(components, (int)i);
		char expected[256], again[256];
		int length = mqtt_discovery_component(&discovery, i, topic, sizeof(topic), document,
						      sizeof(document));
		cJSON *single = cJSON_Parse(document);

		assert_true(length > 0);
		assert_non_null(single);
		snprintf(expected, sizeof(expected), "ha/%s/web-1/%s/config",
			 text_of(same, "platform"), same->string);
		assert_string_equal(topic, expected);
		assert_string_equal(text_of(single, "unique_id"), text_of(same, "unique_id"));
		assert_string_equal(text_of(cJSON_GetObjectItem(single, "device"), "name"),
				    "web-1");
		assert_string_not_equal(text_of(single, "state_topic"), "");
		assert_true(mqtt_discovery_is_ours(&discovery, document, (size_t)length));
		cJSON_Delete(single);

		/* Only where it is, to empty it. */
		assert_int_equal(
			mqtt_discovery_component(&discovery, i, again, sizeof(again), NULL, 0), 0);
		assert_string_equal(again, expected);
	}
	cJSON_Delete(parsed);
}

/* A buffer that is one byte short is an error; nothing is written behind its end. */
static void test_nothing_is_cut(void **state)
{
	int length =
		mqtt_discovery_device(&discovery, topic, sizeof(topic), document, sizeof(document));

	(void)state;
	for (size_t size = 3; size <= (size_t)length + 1; size++) {
		char *exact = malloc(size);
		int r = mqtt_discovery_device(&discovery, topic, sizeof(topic), exact, size);
		assert_int_equal(r, size == (size_t)length + 1 ? length : -ENOSPC);
		free(exact);
	}
	for (size_t size = 1; size <= strlen("ha/device/web-1/config") + 1; size++) {
		bool fits = size > strlen("ha/device/web-1/config");
		int r = mqtt_discovery_device(&discovery, topic, size, document, sizeof(document));
		assert_int_equal(r, fits ? length : -ENAMETOOLONG);
	}
	assert_int_equal(mqtt_discovery_component(&discovery, 0, topic, 8, document, 64),
			 -ENAMETOOLONG);
	assert_int_equal(mqtt_discovery_component(&discovery, 0, topic, sizeof(topic), document,
						  64),
			 -ENOSPC);
	assert_int_equal(mqtt_discovery_leftover(&discovery, true, topic, 8), -ENAMETOOLONG);
}

/* A name that is too long for a key is a mistake in a table: told, and not cut. */
static void test_long_names(void **state)
{
	char name[200];
	const struct metric metric = {.group = "soc", .name = name, .unit = UNIT_COUNT};
	char people[MQTT_READING_NAME_SIZE];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	metrics[3] = &metric;
	assert_int_equal(mqtt_discovery_device(&discovery, topic, sizeof(topic), document,
					       sizeof(document)),
			 -ENAMETOOLONG);
	mqtt_reading_name(&(struct mqtt_reading){&metric, false}, people);
	assert_int_equal(strlen(people), sizeof(people) - 1);
	metrics[3] = &table[3];
}

static void test_hostile_texts(void **state)
{
	struct about other = about;
	struct mqtt_discovery conf = discovery;
	cJSON *parsed;

	(void)state;
	other.model = "a \"board\" \\ with \x01 and \xff\xc0";
	other.serial_hash = NULL;
	other.id = "0123456789012345678901234567890123456789012345678901234567890123";
	conf.about = &other;
	parsed = device_document(&conf);
	const cJSON *device = cJSON_GetObjectItem(parsed, "device");
	assert_string_equal(text_of(device, "model"), "a \"board\" \\ with \x01 and \ufffd\ufffd");
	assert_null(cJSON_GetObjectItem(device, "manufacturer"));
	assert_null(cJSON_GetObjectItem(device, "serial_number"));
	assert_true(mqtt_discovery_is_ours(&conf, document, strlen(document)));
	assert_false(mqtt_discovery_is_ours(&discovery, document, strlen(document)));
	cJSON_Delete(parsed);

	other.model = NULL;
	parsed = device_document(&conf);
	assert_null(cJSON_GetObjectItem(cJSON_GetObjectItem(parsed, "device"), "model"));
	cJSON_Delete(parsed);
}

static void test_leftovers(void **state)
{
	static const char foreign[] = "{\"unique_id\":\"web-1_temp\"}";
	int length =
		mqtt_discovery_device(&discovery, topic, sizeof(topic), document, sizeof(document));

	(void)state;
	assert_int_equal(mqtt_discovery_leftover(&discovery, true, topic, sizeof(topic)), 0);
	assert_string_equal(topic, "ha/device/web-1/config");
	assert_int_equal(mqtt_discovery_leftover(&discovery, false, topic, sizeof(topic)), 0);
	assert_string_equal(topic, "ha/+/web-1/+/config");
	assert_true(mqtt_discovery_is_ours(&discovery, document, (size_t)length));
	assert_false(mqtt_discovery_is_ours(&discovery, foreign, strlen(foreign)));
	assert_false(mqtt_discovery_is_ours(&discovery, "", 0));
	/* The bytes behind its end are none of it. */
	assert_false(mqtt_discovery_is_ours(&discovery, document, 40));
}

static void test_expiry(void **state)
{
	static const struct {
		int64_t interval_ms;
		int expire_s;
	} rows[] = {{100, 10}, {1000, 10}, {3334, 11}, {60000, 180}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct mqtt_discovery conf = discovery;
		conf.interval_ms = rows[i].interval_ms;
		cJSON *parsed = device_document(&conf);
		const cJSON *components = cJSON_GetObjectItem(parsed, "components");
		const cJSON *reading = cJSON_GetObjectItem(components, "soc_temp_c");
		const cJSON *retained = cJSON_GetObjectItem(components, "lb_weight");

		assert_int_equal(cJSON_GetObjectItem(reading, "expire_after")->valueint,
				 rows[i].expire_s);
		assert_null(cJSON_GetObjectItem(retained, "expire_after"));
		cJSON_Delete(parsed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device),	       cmocka_unit_test(test_components),
		cmocka_unit_test(test_units),	       cmocka_unit_test(test_single_components),
		cmocka_unit_test(test_nothing_is_cut), cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_hostile_texts),  cmocka_unit_test(test_leftovers),
		cmocka_unit_test(test_expiry),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
