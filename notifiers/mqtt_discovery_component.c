/* SPDX-License-Identifier: MIT */
/*
 * The list of components and the members of each. The rules are those of Home Assistant's
 * components/mqtt (discovery.py, sensor.py, binary_sensor.py, event.py); tests/lab/ha_schema.py has
 * them as a program. Those that shape this file:
 * - A template that meets an undefined name logs a warning or an error for each message. get()
 *   yields None instead, which Home Assistant takes for "unknown", also where a whole group is gone.
 * - Booleans are rendered by Python: True and False.
 * - expire_after is for what comes each interval, not for what is retained.
 */
#include "notifiers/mqtt_discovery_component.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Three samples must be missing, and a loaded broker may be late by some seconds. */
#define EXPIRE_SAMPLES 3
#define EXPIRE_LEAST_S 10

#define TEMPLATE_SIZE 256

#define SENSOR "sensor"
#define BINARY_SENSOR "binary_sensor"

enum source { SOURCE_AVAILABILITY, SOURCE_WEIGHT, SOURCE_EVENT };

/* A reading with the key of one of these is left out: here it comes as soon as it changes. */
static const struct mqtt_extra {
	const char *key, *platform, *name;
	enum source source;
	const char *template;
	struct mqtt_look look;
} extras[] = {
	{"connection",
	 BINARY_SENSOR,
	 "Connection",
	 SOURCE_AVAILABILITY,
	 NULL,
	 {.device_class = "connectivity"}},
	/* All that an event has becomes an attribute. */
	{"event",
	 "event",
	 "Event",
	 SOURCE_EVENT,
	 "{{ dict(value_json, event_type=value_json.get('severity')) | tojson }}",
	 {0}},
	{"lb_weight",
	 SENSOR,
	 "Weight",
	 SOURCE_WEIGHT,
	 "{{ value_json.get('weight') }}",
	 {.state_class = "measurement", .unit = "%"}},
	{"lb_maxconn",
	 SENSOR,
	 "Connection limit",
	 SOURCE_WEIGHT,
	 "{{ value_json.get('maxconn') }}",
	 {.state_class = "measurement"}},
	{"lb_state",
	 SENSOR,
	 "State",
	 SOURCE_WEIGHT,
	 "{{ value_json.get('state') }}",
	 {.device_class = "enum", .words = control_state_words}},
	{"lb_reason", SENSOR, "Reason", SOURCE_WEIGHT, "{{ value_json.get('reason') }}", {0}},
	{"lb_since",
	 SENSOR,
	 "State since",
	 SOURCE_WEIGHT,
	 "{% set v = value_json.get('since') %}{{ v if v is none else (v / 1000) | as_datetime }}",
	 {.device_class = "timestamp"}},
};

#define EXTRAS (sizeof(extras) / sizeof(extras[0]))

static const struct mqtt_extra *find_extra(const char *key)
{
	for (size_t i = 0; i < EXTRAS; i++)
		if (strcmp(extras[i].key, key) == 0)
			return &extras[i];
	return NULL;
}

static bool print_key(const struct mqtt_reading *reading, char ret_key[MQTT_COMPONENT_KEY_SIZE])
{
	int length = snprintf(ret_key, MQTT_COMPONENT_KEY_SIZE, "%s_%s", reading->metric->group,
			      mqtt_reading_field(reading));

	return length < MQTT_COMPONENT_KEY_SIZE;
}

/*
 * Finds the reading with an index among those that are announced. Returns how many there are up to
 * it; in all, if it is not among them.
 */
static size_t find_reading(const struct about *about, size_t index,
			   struct mqtt_reading *ret_reading)
{
	char key[MQTT_COMPONENT_KEY_SIZE];
	size_t count = 0;

	for (size_t i = 0; i < 2 * about->metric_count; i++) {
		struct mqtt_reading reading = {about->metrics[i / 2], i % 2 == 1};
		if (!mqtt_reading_field(&reading))
			continue;
		if (print_key(&reading, key) && find_extra(key))
			continue;
		*ret_reading = reading;
		if (count++ == index)
			break;
	}
	return count;
}

size_t mqtt_component_count(const struct mqtt_discovery *discovery)
{
	struct mqtt_reading reading;

	return EXTRAS + find_reading(discovery->about, SIZE_MAX, &reading);
}

static const char *topic_of(const struct mqtt_discovery *discovery, enum source source)
{
	switch (source) {
	case SOURCE_AVAILABILITY:
		return discovery->availability_topic;
	case SOURCE_WEIGHT:
		return discovery->weight_topic;
	case SOURCE_EVENT:
		return discovery->event_topic;
	}
	return NULL;
}

int mqtt_component_find(const struct mqtt_discovery *discovery, size_t index,
			struct mqtt_component *ret_component)
{
	struct mqtt_component component = {0};

	if (index < EXTRAS) {
		const struct mqtt_extra *extra = &extras[index];
		snprintf(component.key, sizeof(component.key), "%s", extra->key);
		component.extra = extra;
		component.platform = extra->platform;
		component.topic = topic_of(discovery, extra->source);
		component.is_connection = extra->source == SOURCE_AVAILABILITY;
		component.look = extra->look;
		component.look.precision = -1;
		component.look.enabled = true;
	} else {
		find_reading(discovery->about, index - EXTRAS, &component.reading);
		if (!print_key(&component.reading, component.key))
			return -ENAMETOOLONG;
		mqtt_reading_look(&component.reading, &component.look);
		component.platform = component.look.binary ? BINARY_SENSOR : SENSOR;
		component.topic = discovery->state_topic;
	}
	*ret_component = component;
	return 0;
}

static void write_text(struct json *json, const char *key, const char *text)
{
	if (text)
		json_text(json, key, text);
}

void mqtt_component_write_texts(struct json *json, const char *key, const char *const *texts)
{
	json_array(json, key);
	for (; texts && *texts; texts++)
		json_text(json, NULL, *texts);
	json_array_end(json);
}

/* A ratio has six decimals; as a percentage it has four, which binary fractions do not keep. */
static void write_reading_template(struct json *json, const struct mqtt_component *component)
{
	const char *group = component->reading.metric->group;
	const char *field = mqtt_reading_field(&component->reading);
	char text[TEMPLATE_SIZE]; /* holds any that has a key */

	snprintf(text, sizeof(text),
		 component->look.percent ? "{%% set v = value_json.get('%s', {}).get('%s') %%}"
					   "{{ v if v is none else (v * 100) | round(4) }}"
					 : "{{ value_json.get('%s', {}).get('%s') }}",
		 group, field);
	json_text(json, "value_template", text);
}

static bool is_diagnostic(const struct mqtt_component *component)
{
	const struct metric *metric = component->reading.metric;

	if (component->extra)
		return component->is_connection;
	/* What it costs to watch, and texts that say what is watched. */
	return strcmp(metric->group, "self") == 0 || metric->unit == UNIT_TEXT;
}

static int64_t expire_s(const struct mqtt_discovery *discovery)
{
	int64_t seconds = (EXPIRE_SAMPLES * discovery->interval_ms + 999) / 1000;

	return seconds < EXPIRE_LEAST_S ? EXPIRE_LEAST_S : seconds;
}

static void write_payloads(struct json *json, const struct mqtt_component *component)
{
	if (component->is_connection) {
		json_text(json, "payload_on", "online");
		json_text(json, "payload_off", "offline");
	} else if (component->look.binary) {
		json_text(json, "payload_on", "True");
		json_text(json, "payload_off", "False");
	} else if (component->extra && component->extra->source == SOURCE_EVENT) {
		mqtt_component_write_texts(json, "event_types", severity_words);
	}
}

void mqtt_component_write(struct json *json, const struct mqtt_discovery *discovery,
			  const struct mqtt_component *component)
{
	const struct mqtt_look *look = &component->look;
	char text[MQTT_COMPONENT_KEY_SIZE + 128]; /* an id has 64 characters at most */

	snprintf(text, sizeof(text), MQTT_DISCOVERY_OURS "%s_%s", discovery->about->id,
		 component->key);
	json_text(json, "unique_id", text);
	if (component->extra) {
		json_text(json, "name", component->extra->name);
		write_text(json, "value_template", component->extra->template);
	} else {
		char name[MQTT_READING_NAME_SIZE];
		mqtt_reading_name(&component->reading, name);
		json_text(json, "name", name);
		write_reading_template(json, component);
	}
	write_text(json, "device_class", look->device_class);
	write_text(json, "state_class", look->state_class);
	write_text(json, "unit_of_measurement", look->unit);
	if (look->words)
		mqtt_component_write_texts(json, "options", look->words);
	if (look->precision >= 0)
		json_int(json, "suggested_display_precision", look->precision);
	write_payloads(json, component);
	if (!component->extra)
		json_int(json, "expire_after", expire_s(discovery));
	if (is_diagnostic(component))
		json_text(json, "entity_category", "diagnostic");
	if (!look->enabled)
		json_bool(json, "enabled_by_default", false);
}
